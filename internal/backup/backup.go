// Package backup is the form of a backup on disk: a folder with a copy of the
// database, the stored files under their digests, and a manifest that names
// every part with its size and SHA-256. The manifest is written last and the
// folder gets its name last, so that a half-made backup is never taken for one
// (docs/adr/0418). The package knows no database: it is given files.
package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The names inside a backup, and in the folder that holds the backups.
const (
	manifestName = "manifest.json"
	SQLitePart   = "phaseout.db"   // a database that SQLite opens
	DumpPart     = "phaseout.dump" // pg_dump's custom format
	filesFolder  = "files"
	named        = "phaseout-"
	making       = ".making-" // begins what is not finished, or on its way out
	form         = 1          // of the manifest
)

// Manifest says what a backup holds and of what moment it is.
type Manifest struct {
	Form      int       `json:"form"`
	Program   string    `json:"program"` // version of the program that made it
	Engine    string    `json:"engine"`  // sqlite or postgres
	Schema    int64     `json:"schema"`
	At        time.Time `json:"at"`
	AuditSeq  int64     `json:"audit_seq"` // where the audit ends in it
	AuditHash string    `json:"audit_hash"`
	Parts     []Part    `json:"parts"`
}

// Part is one file of a backup. Name is below its folder, with slashes.
type Part struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// Bytes returns the size of all parts together.
func (m Manifest) Bytes() int64 {
	n := int64(0)
	for _, p := range m.Parts {
		n += p.Size
	}
	return n
}

// Database returns the name of the part that is the database.
func (m Manifest) Database() string {
	if m.Engine == "postgres" {
		return DumpPart
	}
	return SQLitePart
}

// Mark returns where the audit ends, as "phaseout check --mark" takes it.
func (m Manifest) Mark() string { return fmt.Sprintf("%d:%s", m.AuditSeq, m.AuditHash) }

// FilePart returns the name of the part that holds a stored file.
func FilePart(sum string) string { return path.Join(filesFolder, sum[:2], sum[2:4], sum) }

// encode returns the manifest's file: JSON, then its own digest on a line, so
// that no byte of it changes unseen either.
func (m Manifest) encode() ([]byte, error) {
	body, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("backup: manifest: %w", err)
	}
	return seal(append(body, '\n')), nil
}

func seal(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(body, "sha256 "+hex.EncodeToString(sum[:])+"\n"...)
}

// Damage is one thing that is wrong with a backup.
type Damage struct{ Part, What string }

// Error names the part and what is wrong with it.
func (d Damage) Error() string { return fmt.Sprintf("%s %s", d.Part, d.What) }

// Read returns the manifest of a backup. It fails with Damage if there is none
// or a byte of it was changed; the parts are not looked at.
func Read(dir string) (Manifest, error) {
	var m Manifest
	data, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, os.ErrNotExist) {
		return m, Damage{manifestName, "is missing: this is no finished backup"}
	}
	if err != nil {
		return m, fmt.Errorf("backup: read the manifest: %w", err)
	}
	end := bytes.LastIndex(data, []byte("sha256 "))
	if end < 0 || !bytes.Equal(seal(slices.Clone(data[:end])), data) {
		return m, Damage{manifestName, "was changed or cut off"}
	}
	if err := json.Unmarshal(data[:end], &m); err != nil {
		return m, Damage{manifestName, "cannot be read"}
	}
	if m.Form != form {
		return m, Damage{manifestName, fmt.Sprintf("has form %d, this program knows %d: use the program that made it", m.Form, form)}
	}
	return m, m.check()
}

// check refuses parts that would lie elsewhere than in the backup.
func (m Manifest) check() error {
	seen := map[string]bool{manifestName: true}
	for _, p := range m.Parts {
		if seen[p.Name] || !filepath.IsLocal(filepath.FromSlash(p.Name)) || path.Clean(p.Name) != p.Name {
			return Damage{p.Name, "is no name of a part"}
		}
		seen[p.Name] = true
	}
	if !seen[m.Database()] {
		return Damage{m.Database(), "is not in the manifest"}
	}
	return nil
}

// Entry is a backup in a folder of backups. Err says why it is none.
type Entry struct {
	Dir      string
	Manifest Manifest
	Err      error
}

// List returns the backups in a folder, newest first. A folder that is not
// there holds none.
func List(place string) ([]Entry, error) {
	found, err := os.ReadDir(place)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("backup: look for backups: %w", err)
	}
	var entries []Entry
	for _, f := range slices.Backward(found) { // names sort by their instants
		if !f.IsDir() || !strings.HasPrefix(f.Name(), named) {
			continue
		}
		e := Entry{Dir: filepath.Join(place, f.Name())}
		e.Manifest, e.Err = Read(e.Dir)
		entries = append(entries, e)
	}
	return entries, nil
}

// Prune removes the oldest whole backups beyond the newest keep and returns
// which. What is damaged, or of somebody else, stays for a person to look at.
// The caller holds the Lock.
func Prune(place string, keep int) ([]string, error) {
	entries, err := List(place)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Err != nil })
	var gone []string
	for _, e := range entries[min(max(keep, 1), len(entries)):] {
		// Renamed first: what is half removed must not look like a backup.
		doomed := filepath.Join(place, making+filepath.Base(e.Dir))
		if err := errors.Join(os.Rename(e.Dir, doomed), os.RemoveAll(doomed)); err != nil {
			return gone, fmt.Errorf("backup: remove an old backup: %w", err)
		}
		gone = append(gone, e.Dir)
	}
	return gone, nil
}

// Clean removes what a stopped program left unfinished. The caller holds the
// Lock, so that nobody is at work on it.
func Clean(place string) error {
	left, err := filepath.Glob(filepath.Join(place, making+"*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// digest returns SHA-256 and size of what r gives.
func digest(r io.Reader) (string, int64, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, r)
	return hex.EncodeToString(hash.Sum(nil)), n, err
}
