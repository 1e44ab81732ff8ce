package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/google/uuid"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// Blobs keeps bytes in files named after their SHA-256, below one folder that
// it cannot leave. Stored bytes never change.
type Blobs struct {
	root *os.Root
	lax  bool // nothing waits for the disk
}

// OpenBlobs opens the folder, making it if need be.
func OpenBlobs(dir string) (*Blobs, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: make the folder of files: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("store: open the folder of files: %w", err)
	}
	return &Blobs{root: root}, nil
}

// Unsynced returns the same folder for bytes that can be made again, such as
// those of a demonstration: nothing waits until they are on the disk, which is
// what storing many small files takes its time for.
func (b *Blobs) Unsynced() *Blobs { return &Blobs{b.root, true} }

// Close gives the folder back.
func (b *Blobs) Close() error { return b.root.Close() }

func blobPath(sum string) string { return path.Join(sum[:2], sum[2:4], sum) }

// Put stores what r gives, at most limit bytes, and returns its SHA-256 and
// size. The bytes are on disk under their final name before it returns, so
// that a row may point at them. Over the limit it fails with TooLarge.
func (b *Blobs) Put(r io.Reader, limit int64) (sum string, size int64, err error) {
	temp := "upload-" + uuid.NewString()
	f, err := b.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", 0, fmt.Errorf("store: keep a file: %w", err)
	}
	defer func() { _ = b.root.Remove(temp) }()
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, hash), io.LimitReader(r, limit+1))
	if err == nil && size <= limit && !b.lax {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", 0, fmt.Errorf("store: keep a file: %w", err)
	}
	if size > limit {
		return "", 0, TooLarge(limit)
	}
	sum = hex.EncodeToString(hash.Sum(nil))
	final := blobPath(sum)
	if _, err := b.root.Stat(final); err == nil {
		return sum, size, nil
	}
	if err := b.root.MkdirAll(path.Dir(final), 0o700); err != nil {
		return "", 0, fmt.Errorf("store: keep a file: %w", err)
	}
	if err := b.root.Rename(temp, final); err != nil {
		return "", 0, fmt.Errorf("store: keep a file: %w", err)
	}
	for _, dir := range []string{path.Dir(final), path.Dir(path.Dir(final)), "."} {
		if err := b.syncDir(dir); err != nil {
			return "", 0, err
		}
	}
	return sum, size, nil
}

// TooLarge says that a file is over a limit in bytes.
func TooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "file_too_large", bilingual.F("文件超过 %d MiB", "the file is over %d MiB", limit>>20)).
		WithMend("请压缩或拆分后再上传", "make it smaller or split it")
}

// Remove takes away bytes that no row points at any more.
func (b *Blobs) Remove(sum string) error {
	if err := b.root.Remove(blobPath(sum)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: remove a file: %w", err)
	}
	return nil
}

func (b *Blobs) syncDir(dir string) error {
	if b.lax {
		return nil
	}
	d, err := b.root.Open(dir)
	if err != nil {
		return fmt.Errorf("store: keep a file: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// Stored is a stored file that is read in pieces. Close gives it back.
type Stored struct {
	io.ReaderAt
	io.Closer
	Size int64
}

// Reader opens the bytes stored under a SHA-256 to be read in pieces. They are
// checked first: damaged bytes fail.
func (b *Blobs) Reader(sum string) (Stored, error) {
	if err := b.there(sum); err != nil {
		return Stored{}, err
	}
	f, err := b.root.Open(blobPath(sum))
	if err != nil {
		return Stored{}, fmt.Errorf("store: read a file: %w", err)
	}
	hash := sha256.New()
	size, err := io.Copy(hash, f)
	if err == nil && hex.EncodeToString(hash.Sum(nil)) != sum {
		err = corrupt()
	}
	if err != nil {
		return Stored{}, errors.Join(err, f.Close())
	}
	return Stored{f, f, size}, nil
}

func corrupt() error {
	return fault.New(fault.Conflict, "file_corrupt", bilingual.T("文件内容与登记的摘要不符，请联系管理员", "the file does not match its digest; tell the administrator"))
}

// there fails if nothing is stored under a SHA-256.
func (b *Blobs) there(sum string) error {
	if len(sum) != sha256.Size*2 {
		return fault.Missing()
	}
	info, err := b.root.Lstat(blobPath(sum))
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.Mode().IsRegular()) {
		return fault.New(fault.Conflict, "file_lost", bilingual.T("文件丢失或损坏，请联系管理员", "the file is lost or damaged; tell the administrator"))
	}
	if err != nil {
		return fmt.Errorf("store: read a file: %w", err)
	}
	return nil
}

// Open returns the bytes stored under a SHA-256. They are read in one go and
// checked: damaged bytes fail, they are never served.
func (b *Blobs) Open(sum string) ([]byte, error) {
	if err := b.there(sum); err != nil {
		return nil, err
	}
	data, err := b.root.ReadFile(blobPath(sum))
	if err != nil {
		return nil, fmt.Errorf("store: read a file: %w", err)
	}
	if actual := sha256.Sum256(data); hex.EncodeToString(actual[:]) != sum {
		return nil, corrupt()
	}
	return data, nil
}
