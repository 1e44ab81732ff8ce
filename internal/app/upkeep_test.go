package app_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/backup"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// kept is a fixture whose backups are made at 02:30 and of which three stay. It
// begins at 09:30 in Asia/Shanghai.
func kept(t *testing.T, url string) *apptest.Fixture {
	t.Helper()
	f := apptest.New(t, url)
	f.Upkeep = app.Upkeep{Scheduled: true, At: 150 * time.Minute, Keep: 3, Dir: filepath.Join(t.TempDir(), "backups"), Files: f.FilesDir, Database: url, Version: "test"}
	return f
}

// work does what waits in the queue and returns the kinds, with how they ended.
func work(t *testing.T, f *apptest.Fixture) (did []string) {
	t.Helper()
	ctx := context.Background()
	runs, err := f.DB.UpkeepRuns(ctx, store.Page{Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].Ended() {
			continue
		}
		_ = f.RunUpkeep(ctx, runs[i].ID)
		r, err := f.DB.UpkeepRun(ctx, runs[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		did = append(did, r.Kind+" "+r.State)
	}
	return did
}

func tick(t *testing.T, f *apptest.Fixture) string {
	t.Helper()
	if err := f.UpkeepIsDue(context.Background()); err != nil {
		t.Fatal(err)
	}
	return strings.Join(work(t, f), ", ")
}

func alarmed(t *testing.T, f *apptest.Fixture) string {
	t.Helper()
	s, err := f.UpkeepState(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, a := range s.Alarms {
		codes = append(codes, a.Code)
	}
	return strings.Join(codes, ", ")
}

// TestUpkeepByTheClock proves F88: a new site gets a backup at once, then one
// and a check a day at the hour and a restore drill a week, each once and with
// one event; the newest N stay; a server that was off catches up.
func TestUpkeepByTheClock(t *testing.T) {
	f := kept(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-12-01", true)
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "backup done"},
		{time.Minute, "check done, drill done"},
		{time.Minute, ""},
		{16*time.Hour + 57*time.Minute, ""},         // 02:29 of the next day
		{time.Minute, "backup done, check done"},    // 02:30
		{time.Hour, ""},                             // once
		{47 * time.Hour, "backup done, check done"}, // off for a day: caught up once
		{24 * time.Hour, "backup done, check done"},
		{96 * time.Hour, "backup done, check done, drill done"},
		{time.Minute, ""},
	} {
		f.Clock.Advance(step.after)
		if got := tick(t, f); got != step.want {
			t.Errorf("after %s at %s: %q, want %q", step.after, f.DB.Now(), got, step.want)
		}
		if got := alarmed(t, f); got != "" {
			t.Errorf("at %s: alarm %s", f.DB.Now(), got)
		}
	}
	entries, err := backup.List(f.Upkeep.Dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("%d backups stay, %v", len(entries), err)
	}
	if next, scheduled := f.NextBackup(); !scheduled || !next.After(f.DB.Now()) || next.Sub(f.DB.Now()) > 24*time.Hour {
		t.Errorf("the next one at %s", next)
	}
	events, err := f.DB.Events(context.Background(), access.Whole(), store.EventFilter{Entity: "upkeep_run", Limit: 100})
	runs, err2 := f.DB.UpkeepRuns(context.Background(), store.Page{Limit: 100})
	if err != nil || err2 != nil || len(events) != len(runs) || len(runs) != 12 {
		t.Errorf("%d events of %d runs, %v %v", len(events), len(runs), err, err2)
	}
	if found, _ := os.ReadDir(f.Upkeep.Dir); len(found) != 3+1 {
		t.Errorf("something is left of the drills: %v", found)
	}
	f.Upkeep.Scheduled = false
	f.Clock.Advance(90 * 24 * time.Hour)
	if got := tick(t, f); got != "" || alarmed(t, f) != "" {
		t.Errorf("switched off: %s, alarm %s", got, alarmed(t, f))
	}
}

// TestUpkeepAlarms proves F88: what goes wrong is named, harmless to earlier
// backups, tried again after two hours, and an alarm until it is mended; so is
// a backup that is gone, and none for 36 hours.
func TestUpkeepAlarms(t *testing.T) {
	f := kept(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-12-01", true)
	ctx := context.Background()
	if got := tick(t, f) + ", " + tick(t, f); got != "backup done, check done, drill done" {
		t.Fatal(got)
	}
	problem := func(kind string) string {
		h, err := f.DB.UpkeepHistory(ctx, kind)
		if err != nil || h.Last == nil || app.ProblemOfRun(h.Last.Problem) == nil {
			return fmt.Sprint("no problem ", err)
		}
		p := app.ProblemOfRun(h.Last.Problem)
		if p.Message.EN == "" || p.Message.ZH == "" || p.Mend.EN == "" || p.Mend.ZH == "" {
			t.Errorf("%s has no text", p.Code)
		}
		return p.Code
	}
	// The folder of backups is a file now: as unwritable as a folder can be for root.
	good := f.Upkeep.Dir
	f.Upkeep.Dir = filepath.Join(t.TempDir(), "a-file")
	if err := os.WriteFile(f.Upkeep.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(24 * time.Hour)
	if got := tick(t, f); !strings.HasPrefix(got, "backup failed") || problem("backup") != "backup_unwritable" || alarmed(t, f) != "backup_failed" {
		t.Errorf("%s, %s, alarm %s", got, problem("backup"), alarmed(t, f))
	}
	f.Clock.Advance(time.Hour)
	if got := tick(t, f); got != "" {
		t.Errorf("tried again too early: %s", got)
	}
	f.Clock.Advance(14 * time.Hour)
	if got := tick(t, f); got != "backup failed" || alarmed(t, f) != "backup_failed, backup_old" {
		t.Errorf("%s, alarm %s", got, alarmed(t, f))
	}
	f.Upkeep.Dir = good
	if entries, err := backup.List(good); err != nil || len(entries) != 1 || entries[0].Err != nil {
		t.Errorf("the earlier backup: %+v %v", entries, err)
	}
	f.Clock.Advance(2 * time.Hour)
	if got := tick(t, f); got != "backup done, check done" || alarmed(t, f) != "" {
		t.Errorf("mended: %s, alarm %s", got, alarmed(t, f))
	}
	entries, err := backup.List(good)
	if err != nil || len(entries) != 2 {
		t.Fatal(err, len(entries))
	}
	// Damage in the newest backup is found by the drill, and named.
	path := filepath.Join(entries[0].Dir, backup.SQLitePart)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.StartUpkeep(ctx, f.Users["admin"], app.UpkeepDrill); err != nil {
		t.Fatal(err)
	}
	if got := work(t, f); len(got) != 1 || got[0] != "drill failed" || problem("drill") != "backup_damaged" || alarmed(t, f) != "drill_failed" {
		t.Errorf("%v, %s, alarm %s", got, problem("drill"), alarmed(t, f))
	}
	// Somebody takes the backup away.
	if err := os.RemoveAll(entries[0].Dir); err != nil {
		t.Fatal(err)
	}
	if got := alarmed(t, f); got != "drill_failed, backup_gone" {
		t.Errorf("alarm %s", got)
	}
	// A stored file is changed: the backup that would carry it on does not count.
	files, err := f.DB.FileDigests(ctx)
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	stored := filepath.Join(f.FilesDir, files[0][:2], files[0][2:4], files[0])
	was, err := os.ReadFile(stored)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stored, append(bytes.Clone(was), 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = f.MakeBackup(ctx, filepath.Join(t.TempDir(), "other"), 0, func(int64, int64) {})
	if err == nil || !strings.Contains(err.Error(), "backup_damaged") {
		t.Errorf("a changed file: %v", err)
	}
	if err := os.Remove(stored); err != nil {
		t.Fatal(err)
	}
	_, err = f.MakeBackup(ctx, filepath.Join(t.TempDir(), "other"), 0, func(int64, int64) {})
	if err == nil || !strings.Contains(err.Error(), "backup_file_lost") {
		t.Errorf("a lost file: %v", err)
	}
	if _, err := f.StartUpkeep(ctx, f.Users["admin"], app.UpkeepCheck); err != nil {
		t.Fatal(err)
	}
	if got := work(t, f); len(got) != 1 || got[0] != "check failed" || problem("check") != "check_failed" {
		t.Errorf("%v %s", got, problem("check"))
	}
	// A run that a stopped server left is ended, and one asked for twice is one.
	one, err := f.StartUpkeep(ctx, f.Users["admin"], app.UpkeepBackup)
	two, err2 := f.StartUpkeep(ctx, f.Users["admin"], app.UpkeepBackup)
	if err != nil || err2 != nil || one.ID != two.ID {
		t.Errorf("asked twice: %v %v", err, err2)
	}
	if err := f.DB.Write(ctx, access.System("test"), func(tx *store.Tx) error { return tx.SeeUpkeepRun(one.ID, 1, 2) }); err != nil {
		t.Fatal(err)
	}
	if err := f.LostRuns(ctx, f.DB.Now()); err != nil || problem("backup") != "run_lost" {
		t.Errorf("lost: %v %s", err, problem("backup"))
	}
	if err := f.DB.Write(ctx, access.System("test"), func(tx *store.Tx) error { return tx.SeeUpkeepRun(one.ID, 1, 2) }); !fault.Is(err, fault.Stale) {
		t.Errorf("a run that has ended goes on: %v", err)
	}
}

// TestBackupWhileWritersStorm proves F88: a backup that is made while several
// people write is one moment of the registry: what was committed before is in
// it, it passes every check, and nobody's save waited for the end of it.
func TestBackupWhileWritersStorm(t *testing.T) {
	f := kept(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	ctx := context.Background()
	for range 30 {
		f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-12-01", true)
	}
	var wrote atomic.Int64
	stop := make(chan struct{})
	var storm sync.WaitGroup
	for range 4 {
		storm.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := f.RegisterAsset(ctx, f.Users["clerk.changsha"], app.NewAsset{Class: registry.Truck, CityCode: "430100", Fields: f.TruckFields("湘A")}); err != nil {
					t.Error(err)
					return
				}
				wrote.Add(1)
			}
		})
	}
	for wrote.Load() < 20 {
		time.Sleep(time.Millisecond)
	}
	for round := range 5 {
		before, err := f.DB.AuditMark(ctx)
		if err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(time.Second)
		written := wrote.Load()
		made, err := f.MakeBackup(ctx, f.Upkeep.Dir, 2, func(int64, int64) {})
		if err != nil {
			t.Fatal(err)
		}
		after, err := f.DB.AuditMark(ctx)
		if err != nil || made.Manifest.AuditSeq < before.Seq || made.Manifest.AuditSeq > after.Seq {
			t.Errorf("round %d: backed up to %d, between %d and %d, %v", round, made.Manifest.AuditSeq, before.Seq, after.Seq, err)
		}
		if err := f.DB.VerifyMark(ctx, made.Manifest.Mark()); err != nil {
			t.Error(err)
		}
		t.Logf("round %d: %d trucks registered meanwhile", round, wrote.Load()-written)
	}
	close(stop)
	storm.Wait()
	if _, err := f.Drill(ctx, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	last, err := f.MakeBackup(ctx, filepath.Join(t.TempDir(), "last"), 0, func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "restored")
	if _, err := backup.Restore(ctx, last.Dir, to, false, nil, nil); err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t, "sqlite:"+filepath.Join(to, backup.SQLitePart), f.Clock.Now)
	again := f.Reopen(db, filepath.Join(to, "files"))
	for _, part := range again.Checks() {
		if _, err := part.Run(ctx); err != nil {
			t.Errorf("restored, %s: %v", part.Name, err)
		}
	}
	want, err := f.DB.AuditMark(ctx)
	got, err2 := db.AuditMark(ctx)
	if err != nil || err2 != nil || want != got {
		t.Errorf("restored %s, was %s, %v %v", got, want, err, err2)
	}
}

// TestBackupOfPostgreSQL proves F88: a PostgreSQL database is dumped as one
// moment and restored into an empty one, where it passes every check.
func TestBackupOfPostgreSQL(t *testing.T) {
	server, fresh := storetest.Databases(t)
	f := kept(t, server)
	ctx := context.Background()
	f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-12-01", true)
	if got := tick(t, f) + ", " + tick(t, f); got != "backup done, check done, drill done" {
		t.Fatal(got, alarmed(t, f))
	}
	entries, err := backup.List(f.Upkeep.Dir)
	if err != nil || len(entries) != 1 {
		t.Fatal(err, len(entries))
	}
	to := filepath.Join(t.TempDir(), "restored")
	m, err := backup.Restore(ctx, entries[0].Dir, to, false, nil, func(at string, m backup.Manifest) error {
		if err := backup.LoadDump(ctx, fresh, filepath.Join(at, backup.DumpPart)); err != nil {
			return err
		}
		db := storetest.Open(t, fresh, f.Clock.Now)
		if vacant, err := db.Vacant(ctx); err != nil || vacant {
			t.Errorf("nothing came: %v", err)
		}
		return app.CheckRestored(ctx, db, filepath.Join(at, "files"), m)
	})
	if err != nil || m.Engine != "postgres" || m.AuditSeq == 0 {
		t.Fatal(m, err)
	}
	if err := backup.LoadDump(ctx, fresh, filepath.Join(to, backup.DumpPart)); err == nil {
		t.Error("restored over what is there")
	}
}
