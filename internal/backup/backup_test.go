package backup_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phaseout/internal/backup"
)

var at = time.Date(2026, 1, 15, 18, 30, 0, 0, time.UTC)

// stored puts bytes into a folder of stored files, as the store does.
func stored(t *testing.T, files string, data []byte) string {
	t.Helper()
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	path := filepath.Join(files, name[:2], name[2:4], name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	return name
}

// made makes a small backup of a text in place of a database and two files.
func made(t *testing.T, place string, at time.Time) (dir string, m backup.Manifest) {
	t.Helper()
	files := t.TempDir()
	d, err := backup.Begin(place, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.Path(backup.SQLitePart), bytes.Repeat([]byte("database "), 20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Add(backup.SQLitePart), d.Take(files, stored(t, files, []byte("a certificate"))), d.Take(files, stored(t, files, nil))); err != nil {
		t.Fatal(err)
	}
	dir, m, err = d.Finish(backup.Manifest{Program: "test", Engine: "sqlite", Schema: 418, At: at, AuditSeq: 7, AuditHash: "ab"})
	if err != nil {
		t.Fatal(err)
	}
	return dir, m
}

// each returns the files below a folder.
func each(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestEveryDamageIsFound proves F88: each byte of a backup flipped, each file cut
// at each length, missing, grown, and anything added, is found by verify; the
// backup as it was made is whole.
func TestEveryDamageIsFound(t *testing.T) {
	dir, m := made(t, t.TempDir(), at)
	ctx := context.Background()
	whole := func() {
		t.Helper()
		if got, err := backup.Verify(ctx, dir, nil); err != nil || got.Mark() != "7:ab" || got.Bytes() != m.Bytes() || len(got.Parts) != 3 {
			t.Fatalf("as it was made: %+v %v", got, err)
		}
	}
	tried := 0
	damaged := func(what string) {
		t.Helper()
		tried++
		var d backup.Damage
		if _, err := backup.Verify(ctx, dir, nil); !errors.As(err, &d) {
			t.Errorf("%s is not found: %v", what, err)
		}
		if tried%50 > 0 {
			return
		}
		if _, err := backup.Restore(ctx, dir, filepath.Join(dir, "../new"), false, nil, nil); err == nil {
			t.Errorf("%s is restored", what)
		}
	}
	whole()
	for _, name := range each(t, dir) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		write := func(data []byte) {
			t.Helper()
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for i := range data {
			for _, bit := range []byte{1, 0x20} {
				flipped := bytes.Clone(data)
				flipped[i] ^= bit
				write(flipped)
				damaged(fmt.Sprintf("bit %#x of byte %d of %s", bit, i, filepath.Base(name)))
			}
			write(data[:i])
			damaged(fmt.Sprintf("%s cut to %d bytes", filepath.Base(name), i))
		}
		write(append(bytes.Clone(data), '\n'))
		damaged(filepath.Base(name) + " with a byte more")
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		damaged(filepath.Base(name) + " missing")
		if err := os.Symlink("/dev/null", name); err != nil {
			t.Fatal(err)
		}
		damaged(filepath.Base(name) + " as a link")
		_ = os.Remove(name)
		write(data)
	}
	for _, extra := range []string{"foreign", "files/foreign", "phaseout.db-wal"} {
		path := filepath.Join(dir, extra)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		damaged(extra + " added")
		_ = os.Remove(path)
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	damaged("a folder added")
	_ = os.Remove(filepath.Join(dir, "empty"))
	whole()
	t.Logf("%d damages tried", tried)
}

// TestAManifestCannotLeadElsewhere proves F88: a manifest whose digest is right
// but whose parts lie outside, twice or not at all is refused.
func TestAManifestCannotLeadElsewhere(t *testing.T) {
	for name, parts := range map[string]string{
		"outside": `[{"name":"phaseout.db"},{"name":"../account.key"}]`, "absolute": `[{"name":"phaseout.db"},{"name":"/etc/passwd"}]`,
		"twice": `[{"name":"phaseout.db"},{"name":"phaseout.db"}]`, "itself": `[{"name":"phaseout.db"},{"name":"manifest.json"}]`, "no database": `[]`,
	} {
		dir := t.TempDir()
		body := `{"form":1,"engine":"sqlite","parts":` + parts + "}\n"
		sum := sha256.Sum256([]byte(body))
		if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(body+"sha256 "+hex.EncodeToString(sum[:])+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var d backup.Damage
		if _, err := backup.Read(dir); !errors.As(err, &d) || d.Part == "manifest.json" && d.What == "was changed or cut off" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRestoreIntoNewFoldersOnly proves F88: what is restored equals what was
// backed up; a folder that holds something is left alone; a check that fails, or
// a stop in the middle, leaves nothing.
func TestRestoreIntoNewFoldersOnly(t *testing.T) {
	dir, _ := made(t, t.TempDir(), at)
	ctx, home := context.Background(), t.TempDir()
	for name, prepare := range map[string]func(string) error{"new": func(string) error { return nil }, "empty": func(to string) error { return os.Mkdir(to, 0o700) }} {
		to := filepath.Join(home, name)
		if err := prepare(to); err != nil {
			t.Fatal(err)
		}
		checked := false
		if _, err := backup.Restore(ctx, dir, to, name == "empty", nil, func(at string, m backup.Manifest) error {
			checked = at != to && m.Schema == 418
			return nil
		}); err != nil || !checked {
			t.Fatalf("%s: %v, checked %v", name, err, checked)
		}
		for _, from := range each(t, dir) {
			inside, _ := filepath.Rel(dir, from)
			want, _ := os.ReadFile(from)
			got, err := os.ReadFile(filepath.Join(to, inside))
			if inside != "manifest.json" && (err != nil || !bytes.Equal(got, want)) {
				t.Errorf("%s: %s differs: %v", name, inside, err)
			}
		}
		if _, err := backup.Restore(ctx, dir, to, false, nil, nil); !errors.Is(err, backup.ErrNotEmpty) {
			t.Errorf("%s: restored over something: %v", name, err)
		}
	}
	if _, err := backup.Restore(ctx, dir, filepath.Join(home, "doubt"), false, nil, func(string, backup.Manifest) error { return errors.New("doubt") }); err == nil {
		t.Error("a doubt is not told")
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if _, err := backup.Restore(stopped, dir, filepath.Join(home, "stopped"), false, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if left, _ := os.ReadDir(home); len(left) != 2 {
		t.Errorf("left: %v", left)
	}
}

// TestOldBackupsGoAndNothingElse proves F88: the newest N stay; half-made,
// damaged and foreign things neither count nor are pruned; what a stopped
// program left is cleaned; two do not work on one folder.
func TestOldBackupsGoAndNothingElse(t *testing.T) {
	place := t.TempDir()
	var dirs []string
	for i := range 5 {
		dir, _ := made(t, place, at.AddDate(0, 0, i))
		dirs = append(dirs, filepath.Base(dir))
	}
	for _, foreign := range []string{"schema-371.db", "phaseout-notes"} {
		if err := os.WriteFile(filepath.Join(place, foreign), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(place, dirs[3], "manifest.json"), []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	half, err := backup.Begin(place, at.AddDate(0, 0, 9))
	if err != nil {
		t.Fatal(err)
	}
	if twin, err := backup.Begin(place, at.AddDate(0, 0, 2)); err != nil || !strings.HasSuffix(twin.Path(""), "-002") {
		t.Errorf("the same instant twice: %v", err)
	}
	release, err := backup.Lock(place)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Lock(place); !errors.Is(err, backup.ErrBusy) {
		t.Errorf("a second one works there too: %v", err)
	}
	gone, err := backup.Prune(place, 2)
	if err != nil || len(gone) != 2 || filepath.Base(gone[0]) != dirs[1] || filepath.Base(gone[1]) != dirs[0] {
		t.Errorf("pruned %v %v", gone, err)
	}
	entries, err := backup.List(place)
	if err != nil || len(entries) != 3 || filepath.Base(entries[0].Dir) != dirs[4] || entries[1].Err == nil || filepath.Base(entries[2].Dir) != dirs[2] {
		t.Errorf("left %+v %v", entries, err)
	}
	if err := backup.Clean(place); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half.Path("")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half-made one stays: %v", err)
	}
	if found, _ := os.ReadDir(place); len(found) != 3+2+1 {
		t.Errorf("in the folder: %v", found)
	}
	release()
	again, err := backup.Lock(place)
	if err != nil {
		t.Fatal(err)
	}
	again()
	if _, err := backup.Begin(filepath.Join(place, "schema-371.db"), at); err == nil || !strings.Contains(err.Error(), "schema-371.db") {
		t.Errorf("a file as the folder: %v", err)
	}
	if free, total, err := backup.Free(place); err != nil || free <= 0 || total < free {
		t.Errorf("free %d of %d, %v", free, total, err)
	}
}

// TestADamagedStoredFileIsNotTaken proves F88: where files are copied, one that
// is not what its digest says fails the backup; where they are linked, verify
// finds it.
func TestADamagedStoredFileIsNotTaken(t *testing.T) {
	files := t.TempDir()
	sum := stored(t, files, []byte("good"))
	path := filepath.Join(files, sum[:2], sum[2:4], sum)
	if err := os.WriteFile(path, []byte("evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := backup.Begin(t.TempDir(), at)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.Path(backup.SQLitePart), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Add(backup.SQLitePart), d.Take(files, sum)); err != nil {
		t.Fatal(err)
	}
	dir, _, err := d.Finish(backup.Manifest{Engine: "sqlite"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Verify(context.Background(), dir, nil); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("not found: %v", err)
	}
	if err := d.Take(files, strings.Repeat("ab", 32)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a lost file: %v", err)
	}
}
