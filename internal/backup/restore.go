package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNotEmpty is why nothing is restored into a folder that holds something.
var ErrNotEmpty = errors.New("the folder is not empty")

// Restore verifies a backup and copies it into a folder that is new or empty,
// as a data folder: it gets its name when it is whole. check looks at it before
// that, under the name it has then; it may be nil. If anything fails, nothing is
// left. link gives the stored files a second name instead of a copy where it
// can, for a trial that is thrown away.
func Restore(ctx context.Context, dir, to string, link bool, seen func(done, total int64), check func(at string, m Manifest) error) (m Manifest, err error) {
	if err := vacant(to); err != nil {
		return m, err
	}
	if m, err = Verify(ctx, dir, seen); err != nil {
		return m, err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return m, fmt.Errorf("backup: restore: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(to), making+"restore-")
	if err != nil {
		return m, fmt.Errorf("backup: restore: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	for _, p := range m.Parts {
		if err := errors.Join(ctx.Err(), p.restore(dir, temp, link)); err != nil {
			return m, fmt.Errorf("backup: restore: %w", err)
		}
	}
	if check != nil {
		if err := check(temp, m); err != nil {
			return m, err
		}
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) { // goes only if it is empty still
		return m, fmt.Errorf("backup: restore: %w", err)
	}
	if err := errors.Join(syncFolders(temp), os.Rename(temp, to), syncFolder(filepath.Dir(to))); err != nil {
		return m, fmt.Errorf("backup: restore: %w", err)
	}
	return m, nil
}

// vacant fails unless a folder is empty or does not exist.
func vacant(dir string) error {
	found, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("backup: restore into %s: %w", dir, err)
	}
	if len(found) > 0 {
		return fmt.Errorf("backup: restore into %s: %w", dir, ErrNotEmpty)
	}
	return nil
}

func (p Part) restore(dir, to string, link bool) error {
	from, target := filepath.Join(dir, filepath.FromSlash(p.Name)), filepath.Join(to, filepath.FromSlash(p.Name))
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	// The database is opened, which changes it: it is always a copy.
	if link && p.Name != SQLitePart && os.Link(from, target) == nil {
		return nil
	}
	_, err := copyFile(from, target, p.SHA256)
	return err
}
