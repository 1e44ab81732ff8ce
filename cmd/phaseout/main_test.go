package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"phaseout/migrations"
)

func phaseout(t *testing.T, stdin string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

// TestAnInstallationFromNothing proves F87 and F89: migrate, seed, add a user,
// import, check; each refuses to run before its time and says what to do.
func TestAnInstallationFromNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PHASEOUT_DATA", dir)
	t.Chdir(t.TempDir())
	if code, _, e := phaseout(t, "", "check"); code != exitFail || !strings.Contains(e, "phaseout migrate") {
		t.Errorf("before migrate: %d %s", code, e)
	}
	if code, o, e := phaseout(t, "", "migrate"); code != exitOK {
		t.Fatalf("migrate: %d %s%s", code, o, e)
	}
	if code, _, e := phaseout(t, "", "check"); code != exitFail || !strings.Contains(e, "phaseout seed") {
		t.Errorf("before seed: %d %s", code, e)
	}
	for range 2 { // a second time changes nothing
		if code, o, e := phaseout(t, "", "seed"); code != exitOK {
			t.Fatalf("seed: %d %s%s", code, o, e)
		}
	}
	add := []string{"user", "add", "--username", "clerk", "--role", "clerk", "--scope", "430100", "--password-stdin"}
	if code, o, e := phaseout(t, "a long enough password\n", add...); code != exitOK || !strings.Contains(o, "clerk of 430100") {
		t.Fatalf("user add: %d %s%s", code, o, e)
	}
	for name, c := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"twice":                   {"a long enough password\n", add, "taken"},
		"a short password":        {"short\n", []string{"user", "add", "--username", "b", "--role", "clerk", "--scope", "430100", "--password-stdin"}, "12 signs"},
		"no such area":            {"a long enough password\n", []string{"user", "add", "--username", "c", "--role", "clerk", "--scope", "999999", "--password-stdin"}, "not an area"},
		"a yard without its yard": {"a long enough password\n", []string{"user", "add", "--username", "y", "--role", "yard", "--scope", "430100", "--password-stdin"}, "yard"},
		"nothing on stdin":        {"", []string{"user", "add", "--username", "d", "--role", "clerk", "--scope", "430100", "--password-stdin"}, "standard input"},
	} {
		if code, _, e := phaseout(t, c.stdin, c.args...); code != exitFail || !strings.Contains(e, c.want) {
			t.Errorf("%s: %d %s, want %q", name, code, e, c.want)
		}
	}
	if code, o, e := phaseout(t, "", "check"); code != exitOK || strings.Count(o, " ok, ") != 8 || strings.Count(o, "\n") != 8 {
		t.Errorf("check: %d %s%s", code, o, e)
	}
	handle, err := sql.Open("sqlite3", filepath.Join(dir, "phaseout.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = handle.Close() }()
	var mark string
	if err := handle.QueryRowContext(t.Context(), "SELECT seq || ':' || hash FROM audit_events WHERE seq = 3").Scan(&mark); err != nil {
		t.Fatal(err)
	}
	if code, o, e := phaseout(t, "", "check", "audit", "--mark", mark); code != exitOK || !strings.Contains(o, "mark      ok") {
		t.Errorf("a printed mark: %d %s%s", code, o, e)
	}
	for _, forged := range []string{"4" + mark[1:], "no mark"} {
		if code, _, e := phaseout(t, "", "check", "audit", "--mark", forged); code != exitFail || !strings.Contains(e, "check mark") {
			t.Errorf("mark %s: %d %s", forged, code, e)
		}
	}
	if _, err := handle.ExecContext(t.Context(), "UPDATE audit_head SET hash = 'forged'"); err != nil {
		t.Fatal(err)
	}
	if code, _, e := phaseout(t, "", "check", "audit"); code != exitFail || !strings.Contains(e, "check audit") {
		t.Errorf("a forged head: %d %s", code, e)
	}
}

// TestAnUpgradeKeepsTheDatabaseAsItWas proves F87: before the schema changes the
// database is copied; the copy is whole and of the schema before.
func TestAnUpgradeKeepsTheDatabaseAsItWas(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PHASEOUT_DATA", dir)
	t.Chdir(t.TempDir())
	if code, o, e := phaseout(t, "", "migrate"); code != exitOK || strings.Contains(o, "backups") {
		t.Fatalf("an empty database needs no copy: %d %s%s", code, o, e)
	}
	if code, o, e := phaseout(t, "", "seed"); code != exitOK {
		t.Fatalf("seed: %d %s%s", code, o, e)
	}
	handle, err := sql.Open("sqlite3", filepath.Join(dir, "phaseout.db"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := goose.NewProvider(goose.DialectSQLite3, handle, migrations.For("sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := schema.DownTo(t.Context(), 371); err != nil {
		t.Fatal(err)
	}
	if err := handle.Close(); err != nil {
		t.Fatal(err)
	}
	code, o, e := phaseout(t, "", "migrate")
	copies, err := filepath.Glob(filepath.Join(dir, "backups", "schema-371-*.db"))
	if code != exitOK || err != nil || len(copies) != 1 || !strings.Contains(o, copies[0]) {
		t.Fatalf("upgrade: %d %s%s, copies %v, %v", code, o, e, copies, err)
	}
	kept, err := sql.Open("sqlite3", copies[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	var whole string
	var regions, version int
	err = errors.Join(kept.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&whole), kept.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM regions").Scan(&regions),
		kept.QueryRowContext(t.Context(), "SELECT MAX(version_id) FROM goose_db_version").Scan(&version))
	if err != nil || whole != "ok" || regions < 6 || version != 371 {
		t.Errorf("the copy: %s, %d regions, schema %d, %v", whole, regions, version, err)
	}
	if code, o, e := phaseout(t, "", "migrate"); code != exitOK || strings.Contains(o, "backups") {
		t.Errorf("nothing to do needs no copy: %d %s%s", code, o, e)
	}
}

// TestImportFromTheCommandLine proves F15's command: check, then apply.
func TestImportFromTheCommandLine(t *testing.T) {
	sheet, err := filepath.Abs("../../seeds/demo/trucks-changsha.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PHASEOUT_DATA", t.TempDir())
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"migrate"}, {"seed"}, {"user", "add", "--username", "clerk", "--role", "clerk", "--scope", "430100", "--password-stdin"}} {
		if code, o, e := phaseout(t, "a long enough password\n", args...); code != exitOK {
			t.Fatalf("%v: %d %s%s", args, code, o, e)
		}
	}
	base := []string{"import", sheet, "--class", "truck", "--city", "430100", "--as", "clerk"}
	code, o, e := phaseout(t, "", base...)
	if code != exitOK || !strings.Contains(o, `"create":1705`) || !strings.Contains(o, "row 46 D error format") || !strings.Contains(o, "is checked") {
		t.Errorf("check only: %d %.300s %s", code, o, e)
	}
	if code, o, e := phaseout(t, "", append(base, "--apply", "valid_rows")...); code != exitOK || !strings.Contains(o, `"applied_create":1788`) {
		t.Errorf("apply: %d %s", code, e)
	}
	if code, _, e := phaseout(t, "", "import", sheet, "--class", "truck", "--city", "430200", "--as", "clerk"); code != exitFail || !strings.Contains(e, "own city") {
		t.Errorf("another city: %d %s", code, e)
	}
}

// TestUsageAndSettingsAreNamed proves F87: help, version, and bad settings with
// the exit code of a usage error.
func TestUsageAndSettingsAreNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"migrate", "--help"}, {"seed", "--help"}, {"user", "add", "--help"}, {"import", "--help"}, {"check", "--help"}, {"backup", "create", "--help"}, {"backup", "restore", "--help"}, {"version"}} {
		if code, o, e := phaseout(t, "", args...); code != exitOK || o == "" {
			t.Errorf("%v: %d %s", args, code, e)
		}
	}
	for _, args := range [][]string{{}, {"fly"}, {"serve", "--clock", "noon"}, {"migrate", "--database", "mysql://x"}, {"serve", "--log-level", "loud"}, {"backup", "restore", "x"}} {
		if code, _, e := phaseout(t, "", args...); code != exitUsage || !strings.Contains(e, "phaseout:") {
			t.Errorf("%v: %d %s", args, code, e)
		}
	}
}

// TestServeAnswersAndStopsInPeace proves F87 and F88: ready, the console or its
// absence in words, the API document, a backup by itself whose success the
// metrics tell, and a stop that lets everything finish.
func TestServeAnswersAndStopsInPeace(t *testing.T) {
	t.Setenv("PHASEOUT_DATA", t.TempDir())
	t.Setenv("PHASEOUT_LOG_LEVEL", "error")
	t.Chdir(t.TempDir())
	probe, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := probe.Addr().String()
	_ = probe.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--prepare", "--addr", addr, "--clock", "2025-12-31T09:00:00+08:00"}, strings.NewReader(""), io.Discard, io.Discard)
	}()
	ready := false
	for range 100 {
		if code, _, _ := phaseout(t, "", "health", "--addr", addr); code == exitOK {
			ready = true
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if !ready {
		t.Fatal("the server does not become ready")
	}
	backedUp := false
	for i := 0; i < 100 && !backedUp; i++ {
		time.Sleep(100 * time.Millisecond)
		backedUp = strings.Contains(fetched(t, "http://"+addr+"/metrics"), "\nphaseout_backup_ok 1\n")
	}
	if !backedUp {
		t.Error("no backup is made by itself")
	}
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "phaseout_requests_total", "/openapi.json": `"openapi":"3.1`, "/api/v1/system": `"today":"2025-12-31"`} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %.200s", path, res.StatusCode, body)
		}
		for _, header := range []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Request-Id", "Referrer-Policy"} {
			if res.Header.Get(header) == "" {
				t.Errorf("%s has no %s", path, header)
			}
		}
	}
	stop()
	select {
	case code := <-ended:
		if code != exitOK {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(20 * time.Second):
		t.Error("the server does not stop")
	}
}

func fetched(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestKeyIsReplacedByACommand proves F53: a new key takes the place of the old
// one, which is put aside; an interrupted change goes on where it stopped.
func TestKeyIsReplacedByACommand(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PHASEOUT_DATA", dir)
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"migrate"}, {"seed"}, {"check"}} {
		if code, o, e := phaseout(t, "", args...); code != exitOK {
			t.Fatalf("%v: %d %s%s", args, code, o, e)
		}
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	read := func(name string) string {
		t.Helper()
		data, err := os.ReadFile(path(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	first := read("account.key")
	if code, o, e := phaseout(t, "", "keys", "rotate"); code != exitOK || !strings.Contains(o, "account.key.retired-1") {
		t.Fatalf("rotate: %d %s%s", code, o, e)
	}
	second := read("account.key")
	if second == first || read("account.key.retired-1") != first {
		t.Error("the key did not change, or the old one is lost")
	}
	// Stopped between the two renamings: only the old key is there.
	if err := os.Rename(path("account.key"), path("account.key.old")); err != nil {
		t.Fatal(err)
	}
	if code, o, e := phaseout(t, "", "keys", "rotate"); code != exitOK || read("account.key.retired-2") != second || read("account.key") == second {
		t.Errorf("going on: %d %s%s", code, o, e)
	}
	if code, o, e := phaseout(t, "", "check"); code != exitOK {
		t.Errorf("check: %d %s%s", code, o, e)
	}
	if err := os.Remove(path("account.key")); err != nil {
		t.Fatal(err)
	}
	if code, _, e := phaseout(t, "", "keys", "rotate"); code != exitFail || !strings.Contains(e, "no key") {
		t.Errorf("without a key: %d %s", code, e)
	}
	if code, _, e := phaseout(t, "", "check"); code != exitFail || !strings.Contains(e, "account.key") {
		t.Errorf("the program runs without its key: %d %s", code, e)
	}
}
