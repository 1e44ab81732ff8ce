package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"phaseout/internal/backup"
)

// installed makes an installation; with --demo it has records, files and sealed
// accounts.
func installed(t *testing.T, seed ...string) (data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	t.Setenv("PHASEOUT_DATA", data)
	t.Setenv("PHASEOUT_CLOCK", "2025-12-31T09:00:00+08:00")
	t.Setenv("PHASEOUT_DEMO_ASSETS", "0") // the stories alone
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"migrate"}, append([]string{"seed"}, seed...)} {
		if code, o, e := phaseout(t, "", args...); code != exitOK {
			t.Fatalf("%v: %d %s%s", args, code, o, e)
		}
	}
	return data
}

// rows returns every row of every table but those that a backup itself writes.
func rows(t *testing.T, data string) []string {
	t.Helper()
	handle, err := sql.Open("sqlite3", filepath.Join(data, "phaseout.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = handle.Close() }()
	strs := func(question string) (all []string) {
		t.Helper()
		found, err := handle.QueryContext(t.Context(), question)
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		defer func() { _ = found.Close() }()
		columns, err := found.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for found.Next() {
			values := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := found.Scan(into...); err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprint(values...))
		}
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
		return all
	}
	var all []string
	for _, table := range strs("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%' AND name NOT IN ('upkeep_runs', 'audit_events', 'audit_head') ORDER BY name") {
		found := strs("SELECT * FROM \"" + table + "\"")
		slices.Sort(found)
		for _, row := range found {
			all = append(all, table+" "+row)
		}
	}
	return all
}

// TestBackupOnTheCommandLine proves F88: create, list, verify and restore; what
// is restored equals what was backed up and passes every check; a damaged backup
// and a folder in use are refused; the live data is not touched.
func TestBackupOnTheCommandLine(t *testing.T) {
	data := installed(t, "--demo")
	want := rows(t, data)
	code, o, e := phaseout(t, "", "backup", "create")
	if code != exitOK || !strings.Contains(o, " ok, of ") || !strings.Contains(o, "account.key") {
		t.Fatalf("create: %d %s%s", code, o, e)
	}
	dir, _, _ := strings.Cut(o, " ok, ")
	m, err := backup.Read(dir)
	if err != nil || len(m.Parts) < 2 {
		t.Fatal(m, err)
	}
	for _, p := range m.Parts { // and nothing else lies there, as verify proves
		if p.Name != backup.SQLitePart && !strings.HasPrefix(p.Name, "files/") {
			t.Errorf("%s is in the backup", p.Name)
		}
	}
	if code, o, e := phaseout(t, "", "backup", "list"); code != exitOK || strings.Count(o, "\n") != 1 || !strings.Contains(o, dir) {
		t.Errorf("list: %d %s%s", code, o, e)
	}
	if code, o, e := phaseout(t, "", "backup", "verify", dir); code != exitOK || !strings.Contains(o, "audit mark") {
		t.Errorf("verify: %d %s%s", code, o, e)
	}
	to := filepath.Join(t.TempDir(), "new")
	if code, o, e := phaseout(t, "", "backup", "restore", dir, "--to", to); code != exitOK || !strings.Contains(o, "copy it to "+filepath.Join(to, "account.key")) {
		t.Fatalf("restore: %d %s%s", code, o, e)
	}
	if got := rows(t, to); !slices.Equal(got, want) {
		t.Errorf("%d rows restored, %d backed up, or others", len(got), len(want))
	}
	key, err := os.ReadFile(filepath.Join(data, "account.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "account.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "--data", to}, {"check"}} {
		if code, o, e := phaseout(t, "", args...); code != exitOK {
			t.Errorf("%v: %d %s%s", args, code, o, e)
		}
	}
	if code, _, e := phaseout(t, "", "backup", "restore", dir, "--to", data); code != exitFail || !strings.Contains(e, "never overwritten") {
		t.Errorf("restore over the live data: %d %s", code, e)
	}
	foreign := filepath.Join(t.TempDir(), "foreign.key")
	if err := os.WriteFile(foreign, bytes.Repeat([]byte("f"), 32), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, e := phaseout(t, "", "backup", "restore", dir, "--to", to+"2", "--account-key-file", foreign); code != exitFail || !strings.Contains(e, "not of this backup") {
		t.Errorf("under a foreign key: %d %s", code, e)
	}
	if code, o, e := phaseout(t, "", "backup", "restore", dir, "--to", to+"4", "--account-key-file", filepath.Join(t.TempDir(), "none")); code != exitOK || !strings.Contains(o, "what is sealed is not checked") {
		t.Errorf("without the key: %d %s%s", code, o, e)
	}
	path := filepath.Join(dir, backup.SQLitePart)
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page[len(page)/3] ^= 4
	if err := os.WriteFile(path, page, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"backup", "verify", dir}, {"backup", "restore", dir, "--to", to + "3"}} {
		if code, _, e := phaseout(t, "", args...); code != exitFail || !strings.Contains(e, "phaseout.db was changed") {
			t.Errorf("%v: %d %s", args, code, e)
		}
	}
	if _, err := os.Stat(to + "3"); err == nil {
		t.Error("a damaged backup left something")
	}
	if code, _, e := phaseout(t, "", "backup", "create", "--to", path); code != exitFail || !strings.Contains(e, "cannot be written to") {
		t.Errorf("into a file: %d %s", code, e)
	}
	if code, o, e := phaseout(t, "", "check"); code != exitOK {
		t.Errorf("check: %d %s%s", code, o, e)
	}
}

// TestAKilledBackupDoesNotCount proves F88: a program that is killed in the
// middle of a backup leaves nothing that counts as one, and nothing that the next
// backup does not clean; the database and the backup before are whole.
func TestAKilledBackupDoesNotCount(t *testing.T) {
	if os.Getenv("PHASEOUT_TEST_KILLED") != "" {
		os.Exit(run(context.Background(), []string{"backup", "create"}, strings.NewReader(""), os.Stdout, os.Stderr))
	}
	place := filepath.Join(installed(t), "backups")
	if code, o, e := phaseout(t, "", "backup", "create"); code != exitOK {
		t.Fatalf("create: %d %s%s", code, o, e)
	}
	killed := 0
	for try := 0; try < 30 && killed < 5; try++ {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAKilledBackupDoesNotCount$")
		child.Env = append(os.Environ(), "PHASEOUT_TEST_KILLED=1")
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = child.Wait(); close(ended) }()
		half := func() bool {
			found, _ := filepath.Glob(filepath.Join(place, ".making-*"))
			return len(found) > 0
		}
		for stop := false; !stop && !half(); {
			select {
			case <-ended:
				stop = true
			default:
				time.Sleep(time.Millisecond)
			}
		}
		time.Sleep(time.Duration(try) * 5 * time.Millisecond) // each time a little further on
		_ = child.Process.Kill()
		<-ended
		if half() {
			killed++
		}
	}
	if killed == 0 {
		t.Fatal("no backup could be killed in the middle")
	}
	entries, err := backup.List(place)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range entries { // some may have been finished before the end came
		if _, err := backup.Verify(t.Context(), b.Dir, nil); err != nil {
			t.Errorf("%s counts and is not whole: %v", b.Dir, err)
		}
	}
	if code, o, e := phaseout(t, "", "backup", "create"); code != exitOK {
		t.Fatalf("the next one: %d %s%s", code, o, e)
	}
	if left, _ := filepath.Glob(filepath.Join(place, ".making-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if code, o, e := phaseout(t, "", "check"); code != exitOK {
		t.Errorf("check: %d %s%s", code, o, e)
	}
	t.Logf("%d killed in the middle", killed)
}
