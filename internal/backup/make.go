package backup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Draft is a backup in the making, under a name that does not count.
type Draft struct {
	dir, final string
	parts      []Part
}

// Begin starts a backup in a folder of backups, which is made if need be.
func Begin(place string, at time.Time) (*Draft, error) {
	if err := os.MkdirAll(place, 0o700); err != nil {
		return nil, fmt.Errorf("backup: make the folder of backups: %w", err)
	}
	name := named + at.UTC().Format("20060102T150405.000Z")
	for n := 2; taken(filepath.Join(place, name)); n++ { // the clock was set
		name = named + at.UTC().Format("20060102T150405.000Z") + fmt.Sprintf("-%03d", n)
	}
	d := &Draft{dir: filepath.Join(place, making+name), final: filepath.Join(place, name)}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		return nil, fmt.Errorf("backup: begin: %w", err)
	}
	return d, nil
}

func taken(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// Path returns where a part is to be written before Add.
func (d *Draft) Path(name string) string { return filepath.Join(d.dir, filepath.FromSlash(name)) }

// Add takes in a part that was written under its Path.
func (d *Draft) Add(name string) error {
	f, err := os.OpenFile(d.Path(name), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("backup: add %s: %w", name, err)
	}
	sum, size, err := digest(f)
	if err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("backup: add %s: %w", name, err)
	}
	d.parts = append(d.parts, Part{name, sum, size})
	return nil
}

// Take takes in the stored file of a digest from the folder of stored files. On
// the same file system it becomes a second name of the same bytes, which never
// change; elsewhere it is copied. It fails with fs.ErrNotExist if there is none.
func (d *Draft) Take(files, sum string) error {
	name := FilePart(sum)
	from, to := filepath.Join(files, filepath.FromSlash(name[len(filesFolder)+1:])), d.Path(name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("backup: take a file: %w", err)
	}
	info, err := os.Lstat(from)
	if err != nil {
		return fmt.Errorf("backup: take a file: %w", err)
	}
	size := info.Size()
	if os.Link(from, to) != nil {
		if size, err = copyFile(from, to, sum); err != nil {
			return fmt.Errorf("backup: take a file: %w", err)
		}
	}
	d.parts = append(d.parts, Part{name, sum, size})
	return nil
}

// Finish writes the manifest, which the caller has filled in but for the parts,
// and gives the backup its name. Everything is on disk when it returns.
func (d *Draft) Finish(m Manifest) (string, Manifest, error) {
	m.Form, m.Parts = form, d.parts
	data, err := m.encode()
	if err == nil {
		err = writeFile(filepath.Join(d.dir, manifestName), data)
	}
	if err == nil {
		err = syncFolders(d.dir)
	}
	if err == nil {
		err = os.Rename(d.dir, d.final)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(d.final))
	}
	if err != nil {
		return "", m, fmt.Errorf("backup: finish: %w", err)
	}
	return d.final, m, nil
}

// Discard removes a backup that was not finished.
func (d *Draft) Discard() error { return os.RemoveAll(d.dir) }

// Drop removes a finished backup that turned out not to be whole.
func Drop(dir string) error {
	doomed := filepath.Join(filepath.Dir(dir), making+filepath.Base(dir))
	return errors.Join(os.Rename(dir, doomed), os.RemoveAll(doomed))
}

// copyFile copies a file and fails with Damage if it is not what the digest
// says. The copy is on disk when it returns.
func copyFile(from, to, sum string) (int64, error) {
	source, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	got, size, err := digest(io.TeeReader(source, target))
	if err = errors.Join(err, target.Sync(), target.Close()); err != nil {
		return size, err
	}
	if got != sum {
		return size, Damage{from, "is not what its digest says"}
	}
	return size, nil
}

func writeFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncFolders(root string) error {
	return filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return syncFolder(name)
	})
}

func syncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
