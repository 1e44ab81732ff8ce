package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/backup"
	"phaseout/internal/config"
	"phaseout/internal/store"
)

type backupCmd struct {
	Create  backupCreateCmd  `cmd:"" help:"Make a backup and read every byte of it again."`
	Verify  backupVerifyCmd  `cmd:"" help:"Read every byte of a backup; exits 1 if a part is changed, cut off, missing or foreign."`
	Restore backupRestoreCmd `cmd:"" help:"Verify a backup, restore it into a new folder and check what came out."`
	List    backupListCmd    `cmd:"" help:"List the backups, newest first."`
}

type backupCreateCmd struct {
	To string `help:"Folder to put it into; the folder of the backups if not given." placeholder:"DIR"`
}

// Run makes a backup. The server may run meanwhile.
func (b backupCreateCmd) Run(e *env, c *config.Common) error {
	o, err := open(e.ctx, c)
	if err != nil {
		return err
	}
	defer o.close()
	place := b.To
	if place == "" {
		place = c.BackupsDir()
	}
	made, err := o.app.KeepBackup(e.ctx, access.System("cli"), place)
	if err != nil {
		return err
	}
	tell(e, made.Dir, made.Manifest)
	_, err = fmt.Fprintf(e.out, "It does not hold %s, without which what is sealed in it cannot be read: keep a copy of that elsewhere.\n", filepath.Base(c.KeyFile()))
	return err
}

func tell(e *env, dir string, m backup.Manifest) {
	_, _ = fmt.Fprintf(e.out, "%s ok, of %s, schema %d, %d parts, %d MiB, audit mark %s\n", dir, m.At.Format("2006-01-02 15:04:05 UTC"), m.Schema, len(m.Parts), m.Bytes()>>20, m.Mark())
}

type backupVerifyCmd struct {
	Dir string `arg:"" help:"Folder of the backup." type:"path"`
}

// Run verifies a backup. It needs no database.
func (b backupVerifyCmd) Run(e *env) error {
	m, err := backup.Verify(e.ctx, b.Dir, nil)
	if err != nil {
		return fmt.Errorf("the backup %s is not whole: %w", b.Dir, err)
	}
	tell(e, b.Dir, m)
	return nil
}

type backupListCmd struct{}

// Run lists the backups.
func (backupListCmd) Run(e *env, c *config.Common) error {
	entries, err := backup.List(c.BackupsDir())
	if err != nil {
		return err
	}
	for _, b := range entries {
		if b.Err != nil {
			_, _ = fmt.Fprintf(e.out, "%s damaged: %v\n", b.Dir, b.Err)
			continue
		}
		tell(e, b.Dir, b.Manifest)
	}
	if len(entries) == 0 {
		_, err = fmt.Fprintf(e.out, "no backup in %s\n", c.BackupsDir())
	}
	return err
}

type backupRestoreCmd struct {
	Dir  string `arg:"" help:"Folder of the backup." type:"path"`
	To   string `required:"" help:"Data folder to make; it must be new or empty." type:"path" placeholder:"NEW_DIR"`
	Into string `help:"Of a PostgreSQL backup: URL of an empty database to restore into." env:"PHASEOUT_RESTORE_INTO" placeholder:"URL"`
}

// Run restores a backup. The data in use is not touched.
func (b backupRestoreCmd) Run(e *env, c *config.Common) error {
	now, _, err := config.Clock(c.Clock)
	if err != nil {
		return err
	}
	older := false
	m, err := backup.Restore(e.ctx, b.Dir, b.To, false, nil, func(at string, m backup.Manifest) error {
		url := "sqlite:" + filepath.Join(at, backup.SQLitePart)
		if m.Engine == string(store.Postgres) {
			if err := b.load(e.ctx, filepath.Join(at, backup.DumpPart)); err != nil {
				return err
			}
			url = b.Into
		}
		db, err := store.Open(e.ctx, url, now)
		if err != nil {
			return err
		}
		older, err = db.Pending(e.ctx)
		if err == nil {
			err = b.key(e, c, db)
		}
		if err == nil {
			err = app.CheckRestored(e.ctx, db, filepath.Join(at, "files"), m)
		}
		return errors.Join(err, db.Close())
	})
	if errors.Is(err, backup.ErrNotEmpty) {
		return fmt.Errorf("%w: name another, what is there is never overwritten", err)
	}
	if err != nil {
		return fmt.Errorf("nothing was restored: %w", err)
	}
	tell(e, b.To, m)
	if older {
		_, _ = fmt.Fprintln(e.out, "The schema is older than this program: run \"phaseout migrate\", then \"phaseout check\".")
	}
	return nil
}

// load restores a dump into an empty PostgreSQL database.
func (b backupRestoreCmd) load(ctx context.Context, dump string) error {
	if b.Into == "" {
		return errors.New("this is a backup of a PostgreSQL database: name an empty one with --into")
	}
	db, err := store.Open(ctx, b.Into, func() (zero time.Time) { return zero })
	if err != nil {
		return err
	}
	vacant, err := db.Vacant(ctx)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if !vacant {
		return errors.New("the database of --into is not empty: name another, what is there is never overwritten")
	}
	return backup.LoadDump(ctx, b.Into, dump)
}

// key sees whether the key at hand opens what is sealed in what was restored,
// and says what is to be done with it.
func (b backupRestoreCmd) key(e *env, c *config.Common, db *store.DB) error {
	name := filepath.Join(b.To, "account.key")
	if _, err := os.Stat(c.KeyFile()); errors.Is(err, fs.ErrNotExist) {
		_, err := fmt.Fprintf(e.out, "%s is not here, and what is sealed is not checked: put the copy that you keep apart at %s before the first start, then run \"phaseout check\".\n", c.KeyFile(), name)
		return err
	}
	if err := openRing(e.ctx, c, db); err != nil {
		return fmt.Errorf("the key %s is not of this backup; name the right one with --account-key-file: %w", c.KeyFile(), err)
	}
	_, err := fmt.Fprintf(e.out, "%s opens what is sealed in it: copy it to %s before the first start.\n", c.KeyFile(), name)
	return err
}
