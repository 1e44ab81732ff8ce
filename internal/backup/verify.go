package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// mostDamage is how many things are named of a backup that is damaged all over.
const mostDamage = 20

// Verify reads every byte of a backup. It fails with Damage, joined, if a part
// is changed, cut off, missing or not of it. seen is called with the bytes read
// so far; it may be nil.
func Verify(ctx context.Context, dir string, seen func(done, total int64)) (Manifest, error) {
	m, err := Read(dir)
	if err != nil {
		return m, err
	}
	damage, err := foreign(dir, m)
	if err != nil {
		return m, err
	}
	done, total := int64(0), m.Bytes()
	for _, p := range m.Parts {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		var d Damage
		if err := p.verify(dir); errors.As(err, &d) {
			damage = append(damage, d)
		} else if err != nil {
			return m, err
		}
		if done += p.Size; seen != nil {
			seen(done, total)
		}
		if len(damage) >= mostDamage {
			break
		}
	}
	return m, errors.Join(damage...)
}

func (p Part) verify(dir string) error {
	name := filepath.Join(dir, filepath.FromSlash(p.Name))
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Damage{p.Name, "is missing"}
	case err != nil:
		return fmt.Errorf("backup: read %s: %w", p.Name, err)
	case !info.Mode().IsRegular():
		return Damage{p.Name, "is no file"}
	case info.Size() != p.Size:
		return Damage{p.Name, fmt.Sprintf("has %d bytes instead of %d", info.Size(), p.Size)}
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("backup: read %s: %w", p.Name, err)
	}
	defer func() { _ = f.Close() }()
	sum, size, err := digest(f)
	if err != nil {
		return Damage{p.Name, fmt.Sprintf("cannot be read: %v", err)}
	}
	if sum != p.SHA256 || size != p.Size {
		return Damage{p.Name, "was changed"}
	}
	return nil
}

// foreign returns what lies in the backup and is not of it.
func foreign(dir string, m Manifest) (damage []error, err error) {
	own := map[string]bool{".": true, manifestName: true}
	for _, p := range m.Parts {
		for name := p.Name; !own[name]; name = path.Dir(name) {
			own[name] = true
		}
	}
	err = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if inside = filepath.ToSlash(inside); own[inside] || len(damage) >= mostDamage {
			return nil
		}
		damage = append(damage, Damage{inside, "does not belong to the backup"})
		if e.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("backup: look through %s: %w", dir, err)
	}
	return damage, nil
}
