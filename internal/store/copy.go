package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"phaseout/internal/access"
)

// Contents is what a copy of the database holds, read from the copy.
type Contents struct {
	Schema int64
	Audit  AuditMark
	Files  []string // digests of the stored files that it points at
}

// Snapshot writes the database as it is into a new file, while others read and
// write. Only SQLite can; on PostgreSQL it fails and names pg_dump. A full disk
// fails with syscall.ENOSPC, a folder that takes nothing with fs.ErrPermission.
func (db *DB) Snapshot(ctx context.Context, path string) error {
	if db.engine != SQLite {
		return errors.New("store: a PostgreSQL database is backed up with pg_dump")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store: make the folder of the backup: %w", err)
	}
	// A connection of its own: it reads one state of the file, and nobody who
	// writes waits for it.
	own, err := db.OwnHandle()
	if err != nil {
		return err
	}
	defer func() { _ = own.Close() }()
	if _, err := own.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return fmt.Errorf("store: write a backup to %s: %w", path, named(err))
	}
	return os.Chmod(path, 0o600)
}

// named puts the system's word for it beside what SQLite says of a file.
func named(err error) error {
	var lite sqlite3.Error
	if !errors.As(err, &lite) {
		return err
	}
	switch lite.Code {
	case sqlite3.ErrFull:
		return errors.Join(err, syscall.ENOSPC)
	case sqlite3.ErrCantOpen, sqlite3.ErrReadonly:
		return errors.Join(err, fs.ErrPermission)
	}
	return err
}

// ReadSnapshot returns what a copy of a SQLite database holds. The file is not
// touched.
func ReadSnapshot(ctx context.Context, path string) (Contents, error) {
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: "mode=ro&immutable=1"}).String()
	handle, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return Contents{}, fmt.Errorf("store: open a backup: %w", err)
	}
	defer func() { _ = handle.Close() }()
	return contents(ctx, handle)
}

type rowReader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func contents(ctx context.Context, from rowReader) (c Contents, err error) {
	err = errors.Join(
		from.QueryRowContext(ctx, "SELECT MAX(version_id) FROM goose_db_version").Scan(&c.Schema),
		from.QueryRowContext(ctx, "SELECT seq, hash FROM audit_head WHERE id = 1").Scan(&c.Audit.Seq, &c.Audit.Hash))
	if err != nil {
		return c, fmt.Errorf("store: read a copy: %w", err)
	}
	rows, err := from.QueryContext(ctx, fileDigests)
	if err != nil {
		return c, fmt.Errorf("store: read a copy: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var sum string
		if err := rows.Scan(&sum); err != nil {
			return c, fmt.Errorf("store: read a copy: %w", err)
		}
		c.Files = append(c.Files, sum)
	}
	if err := rows.Err(); err != nil {
		return c, fmt.Errorf("store: read a copy: %w", err)
	}
	return c, nil
}

// Export holds one state of a PostgreSQL database while fn copies it: snapshot
// is its name for pg_dump, c what is in it.
func (db *DB) Export(ctx context.Context, fn func(snapshot string, c Contents) error) error {
	return db.Look(ctx, access.System("backup"), func(tx *Tx) error {
		handle, err := sqlTx(tx.db)
		if err != nil {
			return err
		}
		var snapshot string
		if err := handle.QueryRowContext(ctx, "SELECT pg_export_snapshot()").Scan(&snapshot); err != nil {
			return fmt.Errorf("store: hold a state of the database: %w", err)
		}
		c, err := contents(ctx, handle)
		if err != nil {
			return err
		}
		return fn(snapshot, c)
	})
}

// Vacant reports whether a PostgreSQL database holds no table, so that one can
// be restored into it.
func (db *DB) Vacant(ctx context.Context) (bool, error) {
	var n int64
	if err := db.read.WithContext(ctx).Raw("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')").Scan(&n).Error; err != nil {
		return false, fmt.Errorf("store: look for tables: %w", err)
	}
	return n == 0, nil
}
