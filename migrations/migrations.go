// Package migrations holds the append-only schema migrations. One set serves
// both engines; a file whose name ends in .sqlite.sql or .postgres.sql is for
// that engine alone.
package migrations

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed *.sql
var files embed.FS

// For returns the migrations of an engine, "sqlite" or "postgres".
func For(engine string) fs.FS { return engineFS(engine) }

// engineFS is files without those that are for another engine.
type engineFS string

func (e engineFS) Open(name string) (fs.File, error) { return files.Open(name) }

func (e engineFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := files.ReadDir(name)
	return slices.DeleteFunc(entries, func(entry fs.DirEntry) bool {
		for _, other := range []string{"sqlite", "postgres"} {
			if other != string(e) && strings.HasSuffix(entry.Name(), "."+other+".sql") {
				return true
			}
		}
		return false
	}), err
}
