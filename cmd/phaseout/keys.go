package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"phaseout/internal/app"
	"phaseout/internal/auth"
	"phaseout/internal/config"
)

type keysCmd struct {
	Rotate rotateCmd `cmd:"" help:"Make a new key and seal everything again under it. Stop every server first; if it is interrupted, run it again."`
}

type rotateCmd struct{}

// Run makes a new key, or goes on with the one of an interrupted run, seals
// everything again, and puts the old key aside under the name ".retired".
func (rotateCmd) Run(e *env, c *config.Common) error {
	key, old := c.KeyFile(), c.KeyFile()+".old"
	if err := replaceKey(key, old); err != nil {
		return err
	}
	o, err := open(e.ctx, c)
	if err != nil {
		return err
	}
	defer o.close()
	done, err := o.app.RotateKey(e.ctx, func(r app.Rotation) {
		_, _ = fmt.Fprintf(e.errOut, "\r%d applications, %d lines, %d files", r.Applications, r.Lines, r.Files)
	})
	if err != nil {
		return fmt.Errorf("%w\nWhat is done is kept: run \"phaseout keys rotate\" again. Until then %s opens the rest", err, old)
	}
	retired, err := putAside(old)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "sealed again: %d applications, %d lines, %d files\nThe key before is %s: backups of before open with it; keep it with them, or destroy it with them.\n",
		done.Applications, done.Lines, done.Files, retired)
	return err
}

// replaceKey makes a new key in place of the old one, which stays beside it.
// It takes up where a run before was stopped: whichever file is there already
// is left as it is.
func replaceKey(key, old string) error {
	next := key + ".new"
	if !there(old) {
		if !there(key) {
			return fmt.Errorf("there is no key %s yet: nothing is sealed", key)
		}
		if _, err := auth.LoadKey(next, true); err != nil {
			return err
		}
		if err := os.Rename(key, old); err != nil {
			return fmt.Errorf("put the old key aside: %w", err)
		}
	}
	if there(key) {
		return nil
	}
	if _, err := auth.LoadKey(next, true); err != nil {
		return err
	}
	if err := os.Rename(next, key); err != nil {
		return fmt.Errorf("take the new key into use: %w", err)
	}
	return nil
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// putAside renames a key that opens nothing any more.
func putAside(old string) (string, error) {
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.retired-%d", old[:len(old)-len(".old")], n)
		if there(name) {
			continue
		}
		if err := os.Rename(old, name); err != nil {
			return "", fmt.Errorf("put the key before aside: %w", err)
		}
		return name, nil
	}
}
