package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"phaseout/internal/api"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/store/storetest"
)

// TestSystemStateOverTheAPI proves F88: the administrator sees how backups,
// drills, checks, disks and jobs are and starts them; the province reads; what
// failed is an alarm in both languages and in the metrics; /readyz stays.
func TestSystemStateOverTheAPI(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := &site{Fixture: apptest.New(t, url), t: t}
		place := filepath.Join(t.TempDir(), "backups")
		s.Upkeep = app.Upkeep{At: 150 * time.Minute, Keep: 3, Dir: place, Files: s.FilesDir, Database: url, Version: "test"}
		s.serve()
		s.Truck("clerk.changsha")
		state := func(user string) answer { t.Helper(); return s.send(user, "GET", "/system/state", nil).want(200) }
		ended := func(kind string) string {
			t.Helper()
			id := s.send("admin", "POST", "/system/runs", map[string]string{"kind": kind}).want(202).text("id")
			for range 400 {
				if a := state("admin"); a.get(kind+".last.id") == id {
					return a.text(kind + ".last.state")
				}
				time.Sleep(25 * time.Millisecond)
			}
			t.Fatalf("%s does not end", kind)
			return ""
		}
		first := state("province")
		if first.get("backup.last") != nil || len(first.get("alarms").([]any)) > 0 || first.get("scheduled") != false || first.get("schema") != first.get("schema_wanted") ||
			first.get("bytes").(float64) <= 0 || first.get("data_disk.free").(float64) <= 0 || !strings.Contains(first.text("audit_mark"), ":") {
			t.Errorf("at first: %s", first.Body)
		}
		if got := ended("check"); got != "done" {
			t.Errorf("check %s: %s", got, state("admin").Body)
		}
		want := map[string]string{"backup": "done", "drill": "done"}
		if !strings.HasPrefix(url, "sqlite:") { // the test has a schema of a database; a dump is of all of it
			want = map[string]string{"drill": "failed"}
		}
		for _, kind := range []string{"backup", "drill"} {
			if want[kind] == "" {
				continue
			}
			if got := ended(kind); got != want[kind] {
				t.Errorf("%s %s: %s", kind, got, state("admin").Body)
			}
		}
		last := state("admin")
		if mark := last.text("check.last.audit_mark"); s.DB.VerifyMark(t.Context(), mark) != nil {
			t.Errorf("checked up to %s, which is not on the chain", mark)
		}
		if want["backup"] != "" && (filepath.Dir(last.text("backup.good.place")) != place || last.get("backup.good.bytes").(float64) <= 0 || last.text("backup.good.created_by.name") != "Administrator") {
			t.Errorf("the backup: %s", last.Body)
		}
		// Another place, with no backup in it: the drill fails and says why.
		s.Upkeep.Dir = filepath.Join(t.TempDir(), "empty")
		if got := ended("drill"); got != "failed" {
			t.Errorf("a drill of nothing: %s", got)
		}
		zh := s.send("province", "GET", "/system/state", nil, "Accept-Language", "zh").want(200)
		en := s.send("province", "GET", "/system/state", nil, "Accept-Language", "en").want(200)
		if zh.text("alarms.0.code") != "drill_failed" || !strings.Contains(zh.text("alarms.0.message"), "演练失败") || !strings.Contains(en.text("alarms.0.message"), "no backup") || en.text("alarms.0.mend") == "" {
			t.Errorf("alarm: %s %s", zh.Body, en.Body)
		}
		metrics := plain(t, s.http.URL+"/metrics")
		for _, line := range []string{"phaseout_check_ok 1", "phaseout_drill_ok 0", "phaseout_alarms 1"} {
			if !strings.Contains(metrics, "\n"+line+"\n") {
				t.Errorf("no %s in the metrics", line)
			}
		}
		if got := strings.Contains(metrics, "\nphaseout_backup_age_seconds "); got != (want["backup"] != "") {
			t.Errorf("age of the last backup in the metrics: %v", got)
		}
		if got := plain(t, s.http.URL+"/readyz"); got != "ready\n" {
			t.Errorf("readyz: %s", got)
		}
		runs := s.send("auditor", "GET", "/system/runs?limit=1", nil).want(200)
		if runs.text("items.0.kind") != "drill" || runs.text("items.0.problem.code") != "backup_none" || runs.get("next_cursor") == nil {
			t.Errorf("runs: %s", runs.Body)
		}
		s.send("admin", "POST", "/system/runs", map[string]string{"kind": "repair"}).want(422)
		for _, user := range []string{"province", "auditor", "clerk.changsha"} {
			s.send(user, "POST", "/system/runs", map[string]string{"kind": "backup"}).want(403)
		}
		s.send("clerk.changsha", "GET", "/system/state", nil).want(403)
	})
}

func plain(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	if err := res.Write(&b); err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(b.String(), "\r\n\r\n")
	return body
}

// TestEveryClientHasItsShare proves F88's rate limits: an account that asks too
// much is told to wait, in its language and with Retry-After, and holds up nobody
// else; who has no account is counted by address; probes are never refused.
func TestEveryClientHasItsShare(t *testing.T) {
	s := newSite(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	admin, province := s.token("admin"), s.token("province")
	s.http.Close()
	s.server = api.New(api.Options{App: s.App, Version: "test", Log: slog.New(slog.DiscardHandler), RequestsPerMinute: 5})
	s.http = httptest.NewServer(s.server.Handler())
	s.tokens["admin"], s.tokens["province"] = admin, province
	spend := func(user, path string, status int) answer {
		t.Helper()
		for range 5 {
			s.send(user, "GET", path, nil).want(status)
		}
		return s.send(user, "GET", path, nil, "Accept-Language", "en").want(429)
	}
	refused := spend("admin", "/me", 200)
	if seconds, err := strconv.Atoi(refused.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 || refused.text("code") != "too_many" || refused.text("detail") == "" {
		t.Errorf("refused: %v %s", refused.Header, refused.Body)
	}
	if zh := s.send("admin", "GET", "/me", nil, "Accept-Language", "zh").want(429); !strings.Contains(zh.text("detail"), "过于频繁") {
		t.Errorf("in Chinese: %s", zh.Body)
	}
	s.send("province", "GET", "/me", nil).want(200)
	spend("", "/me", 401)
	s.send("", "GET", "/system", nil).want(429)
	s.send("province", "GET", "/me", nil).want(200)
	for range 10 {
		if got := plain(t, s.http.URL+"/readyz"); got != "ready\n" {
			t.Fatalf("readyz: %s", got)
		}
	}
}
