package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"phaseout/migrations"
)

// Handle returns the writing connection pool, for migrations and the job queue
// at start-up.
func (db *DB) Handle() (*sql.DB, error) { return db.write.DB() }

// OwnHandle opens one more connection to a SQLite file for somebody who
// manages its own, such as the job queue. The caller closes it.
func (db *DB) OwnHandle() (*sql.DB, error) {
	handle, err := sql.Open("sqlite3", SQLiteDSN(db.path, false))
	if err != nil {
		return nil, fmt.Errorf("store: open another connection: %w", err)
	}
	handle.SetMaxOpenConns(1)
	return handle, nil
}

func (db *DB) provider() (*goose.Provider, error) {
	handle, err := db.Handle()
	if err != nil {
		return nil, err
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if db.engine == Postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(dialect, handle, migrations.For(string(db.engine)), options...)
}

// Migrate brings the schema up to date and returns how many migrations it ran.
func (db *DB) Migrate(ctx context.Context) (int, error) {
	p, err := db.provider()
	if err != nil {
		return 0, err
	}
	done, err := p.Up(ctx)
	if err != nil {
		return len(done), fmt.Errorf("store: migrate: %w", err)
	}
	return len(done), db.rebuild(ctx)
}

// Schema returns the version that the database has, 0 if it is empty, and the
// one that this program wants.
func (db *DB) Schema(ctx context.Context) (have, want int64, err error) {
	p, err := db.provider()
	if err != nil {
		return 0, 0, err
	}
	if have, want, err = p.GetVersions(ctx); err != nil {
		return have, want, fmt.Errorf("store: read the schema version: %w", err)
	}
	return have, want, nil
}

// Pending returns whether migrations are still to be run, and fails if the
// schema is newer than this program.
func (db *DB) Pending(ctx context.Context) (bool, error) {
	have, want, err := db.Schema(ctx)
	if err != nil {
		return false, err
	}
	if have > want {
		return false, fmt.Errorf("store: the database has schema %d, this program knows only %d: use a newer program", have, want)
	}
	return have < want, nil
}
