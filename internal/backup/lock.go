//go:build linux || darwin

package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrBusy is why a second one does not work on the same folder of backups.
var ErrBusy = errors.New("another backup is under way in this folder")

// Lock keeps everybody else from working on a folder of backups, which is made
// if need be. The system gives it back when the program ends, however it ends.
func Lock(place string) (release func(), err error) {
	if err := os.MkdirAll(place, 0o700); err != nil {
		return nil, fmt.Errorf("backup: make the folder of backups: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(place, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("backup: lock the folder of backups: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrBusy
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("backup: %s: %w", place, err)
	}
	return func() { _ = f.Close() }, nil
}

// Free returns how many bytes the file system of a folder still takes, and how
// many it has.
func Free(dir string) (free, total int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, fmt.Errorf("backup: free space of %s: %w", dir, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), nil //nolint:gosec,unconvert // their types differ by system
}
