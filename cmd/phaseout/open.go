package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"phaseout/internal/app"
	"phaseout/internal/auth"
	"phaseout/internal/config"
	"phaseout/internal/jobs"
	"phaseout/internal/seal"
	"phaseout/internal/store"
	"phaseout/seeds"
)

// opened is the program's parts, to be closed after use.
type opened struct {
	app        *app.App
	overridden bool // the clock was set
}

func (o *opened) close() { _ = errors.Join(o.app.Blobs.Close(), o.app.DB.Close()) }

func openDB(ctx context.Context, c *config.Common) (*store.DB, bool, error) {
	now, overridden, err := config.Clock(c.Clock)
	if err != nil {
		return nil, false, err
	}
	db, err := store.Open(ctx, c.DatabaseURL(), now)
	if err != nil {
		return nil, false, err
	}
	db.SetEnqueuer(store.NoQueue)
	return db, overridden, nil
}

// open opens everything a command needs. The schema must be up to date and the
// reference data loaded.
func open(ctx context.Context, c *config.Common) (*opened, error) {
	db, overridden, err := openDB(ctx, c)
	if err != nil {
		return nil, err
	}
	a, err := assemble(ctx, c, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &opened{a, overridden}, nil
}

func assemble(ctx context.Context, c *config.Common, db *store.DB) (*app.App, error) {
	pending, err := db.Pending(ctx)
	if err != nil {
		return nil, err
	}
	if pending {
		return nil, errors.New("the database schema is not up to date: run \"phaseout migrate\"")
	}
	ref, err := db.Reference(ctx)
	if err != nil {
		return nil, err
	}
	secret, err := auth.LoadSecret(c.SecretFile())
	if err != nil {
		return nil, err
	}
	tokens, err := auth.NewTokens(secret, db.Now)
	if err != nil {
		return nil, err
	}
	if err := openRing(ctx, c, db); err != nil {
		return nil, err
	}
	blobs, err := store.OpenBlobs(c.FilesDir())
	if err != nil {
		return nil, err
	}
	return &app.App{DB: db, Blobs: blobs, Reference: ref, Tokens: tokens, Policy: auth.Policy(c.PasswordPolicy), MaxUpload: c.MaxUploadMiB << 20,
		Upkeep: app.Upkeep{Dir: c.BackupsDir(), Files: c.FilesDir(), Database: c.DatabaseURL(), Version: version}}, nil
}

// openRing loads the key under which people's numbers are sealed, and the one
// before it if there is one, and sees that they open what is there.
func openRing(ctx context.Context, c *config.Common, db *store.DB) error {
	sealed, err := db.HasSealed(ctx)
	if err != nil {
		return err
	}
	key, err := auth.LoadKey(c.KeyFile(), !sealed)
	if err != nil {
		return err
	}
	keys := [][]byte{key}
	switch old, err := auth.LoadKey(c.KeyFile()+".old", false); {
	case err == nil:
		keys = append(keys, old)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	ring, err := seal.NewRing(keys...)
	if err != nil {
		return err
	}
	return db.UseRing(ctx, ring)
}

type migrateCmd struct {
	NoBackup bool `help:"Do not keep a copy of the database as it was. On PostgreSQL there never is one: use pg_dump."`
}

// Run brings the schema up to date. A database that has one already is copied
// first, so that the program before can be gone back to.
func (m migrateCmd) Run(e *env, c *config.Common) error {
	db, _, err := openDB(e.ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if !m.NoBackup {
		if err := keepBefore(e, c, db); err != nil {
			return err
		}
	}
	n, err := migrate(e.ctx, db)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "schema up to date, %d migrations run\n", n)
	return err
}

// keepBefore copies a SQLite database whose schema is about to change.
func keepBefore(e *env, c *config.Common, db *store.DB) error {
	have, want, err := db.Schema(e.ctx)
	if err != nil || have == 0 || have >= want || db.Engine() != store.SQLite {
		return err
	}
	path := filepath.Join(c.Data, "backups", fmt.Sprintf("schema-%d-%s.db", have, db.Now().Format("20060102T150405Z")))
	if err := db.Snapshot(e.ctx, path); err != nil {
		return fmt.Errorf("%w; free some space, or run \"phaseout migrate --no-backup\"", err)
	}
	_, err = fmt.Fprintf(e.out, "the database as it was: %s\n", path)
	return err
}

func migrate(ctx context.Context, db *store.DB) (int, error) {
	n, err := db.Migrate(ctx)
	if err != nil {
		return n, err
	}
	return n, jobs.Migrate(ctx, db)
}

type seedCmd struct {
	Demo       bool `help:"Also load the demonstration: accounts, assets, retirements, subsidies. For trying out, never for real data." env:"PHASEOUT_DEMO"`
	DemoAssets int  `help:"How many assets the demonstration has: at most 50000; 0 loads its stories alone." env:"PHASEOUT_DEMO_ASSETS" default:"50000" placeholder:"N"`
}

// Run loads reference data and, if asked for, the demonstration.
func (s seedCmd) Run(e *env, c *config.Common) error {
	if s.DemoAssets < 0 || s.DemoAssets > app.DemoAssets {
		return fmt.Errorf("setting demo-assets (PHASEOUT_DEMO_ASSETS): %d is not from 0 to %d", s.DemoAssets, app.DemoAssets)
	}
	db, _, err := openDB(e.ctx, c)
	if err != nil {
		return err
	}
	pending, err := db.Pending(e.ctx)
	if err == nil && pending {
		err = errors.New("the database schema is not up to date: run \"phaseout migrate\"")
	}
	if err == nil {
		err = s.loadReference(e, db)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	_, _ = fmt.Fprintln(e.out, "reference data loaded")
	if !s.Demo {
		return db.Close()
	}
	a, err := assemble(e.ctx, c, db)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	defer (&opened{app: a}).close()
	if err := a.LoadDemo(e.ctx, seeds.FS, app.Demo{Assets: s.DemoAssets, Told: func(line string) { _, _ = fmt.Fprintln(e.out, line) }}); err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.out, "demonstration loaded")
	return err
}

// loadReference loads the reference data, for a demonstration in an empty
// database as if it had been there when its history begins.
func (s seedCmd) loadReference(e *env, db *store.DB) error {
	_, err := db.Reference(e.ctx)
	if s.Demo && s.DemoAssets > 0 && errors.Is(err, store.ErrNoReference) {
		clock := db.SetClock(app.DemoBegan)
		defer func() { db.SetClock(clock) }()
	}
	return app.LoadReference(e.ctx, db, seeds.FS)
}
