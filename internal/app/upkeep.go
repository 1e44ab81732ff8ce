package app

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/backup"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/store"
)

// JobUpkeep is the kind of job that makes a backup, tries one out or checks the
// whole database.
const JobUpkeep = "upkeep"

// The kinds of upkeep.
const (
	UpkeepBackup = "backup"
	UpkeepDrill  = "drill"
	UpkeepCheck  = "check"
)

const (
	tryAgain   = 2 * time.Hour      // after something due by the clock has failed
	drillEvery = 7 * 24 * time.Hour // between two trials of restoring
	drillOld   = 2 * drillEvery     // without a good one: alarm
	backupOld  = 36 * time.Hour     // without a good one: alarm
	pulse      = time.Second        // between two looks at how far a run is
	quietPulse = 30                 // of them until one gives a sign of life although nothing moved
)

// UpkeepIsDue starts what is due by the clock: the backup and the check of the
// day, once its hour has come, and the weekly trial of restoring. A server that
// was off at the hour catches up; what failed is tried again two hours later.
func (a *App) UpkeepIsDue(ctx context.Context) error {
	if !a.Upkeep.Scheduled {
		return nil
	}
	var errs []error
	for _, kind := range []string{UpkeepBackup, UpkeepCheck, UpkeepDrill} {
		h, err := a.DB.UpkeepHistory(ctx, kind)
		if err == nil && a.due(kind, h) {
			_, err = a.StartUpkeep(ctx, access.System("upkeep schedule"), kind)
		}
		errs = append(errs, err)
		if kind == UpkeepBackup && h.Good == nil {
			break // the first thing that a new site has is a backup
		}
	}
	return errors.Join(errs...)
}

// due reports whether a kind of upkeep is to start now.
func (a *App) due(kind string, h store.UpkeepHistory) bool {
	now := a.DB.Now()
	if h.UnderWay != nil || h.Last != nil && h.Last.State == "failed" && h.Last.CreatedAt.After(now.Add(-tryAgain)) {
		return false
	}
	if h.Good == nil {
		return true
	}
	if kind == UpkeepDrill {
		return !h.Good.CreatedAt.After(now.Add(-drillEvery))
	}
	return h.Good.CreatedAt.Before(a.lastHour(now))
}

// lastHour returns when the hour of upkeep last came.
func (a *App) lastHour(now time.Time) time.Time {
	today := civil.On(now).Start().Add(a.Upkeep.At)
	if today.After(now) {
		return civil.On(now).AddDays(-1).Start().Add(a.Upkeep.At)
	}
	return today
}

// NextBackup returns when the next backup is due, and false if none is made by
// the clock.
func (a *App) NextBackup() (time.Time, bool) {
	return civil.On(a.lastHour(a.DB.Now())).AddDays(1).Start().Add(a.Upkeep.At), a.Upkeep.Scheduled
}

// StartUpkeep puts a run into the queue. One of its kind that is under way
// serves whoever asks meanwhile: it is returned instead.
func (a *App) StartUpkeep(ctx context.Context, by access.Actor, kind string) (store.UpkeepRun, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.UpkeepRun, error) {
		if r, there, err := tx.UpkeepUnderWay(kind); err != nil || there {
			return r, err
		}
		r := store.UpkeepRun{ID: newID(), Kind: kind, State: "waiting"}
		if err := tx.CreateUpkeepRun(&r); err != nil {
			return r, err
		}
		return r, tx.Enqueue(JobUpkeep, r.ID)
	})
}

// RunUpkeep does the work of a run: the job of its kind. What goes wrong ends
// the run as failed, with its reason.
func (a *App) RunUpkeep(ctx context.Context, id string) error {
	r, err := a.DB.UpkeepRun(ctx, id)
	if err != nil || r.Ended() {
		return err
	}
	return a.endedRun(ctx, id, func() error {
		if err := a.upkeep(ctx, &r); err != nil {
			return err
		}
		r.State, r.Done, r.Total = "done", 1, 1
		return a.endUpkeep(ctx, &r)
	}, func(problem string) error {
		r.State, r.Problem = "failed", problem
		return a.endUpkeep(context.WithoutCancel(ctx), &r)
	})
}

func (a *App) upkeep(ctx context.Context, r *store.UpkeepRun) error {
	seen, stop := a.watchOver(ctx, r.ID)
	defer stop()
	var made Made
	var err error
	switch r.Kind {
	case UpkeepBackup:
		made, err = a.MakeBackup(ctx, a.Upkeep.Dir, a.Upkeep.Keep, seen)
	case UpkeepDrill:
		made, err = a.Drill(ctx, seen)
	default:
		mark, err := a.checkAll(ctx, seen)
		r.AuditSeq, r.AuditHash = mark.Seq, mark.Hash
		return err
	}
	r.Place, r.Bytes, r.AuditSeq, r.AuditHash = made.Dir, made.Manifest.Bytes(), made.Manifest.AuditSeq, made.Manifest.AuditHash
	return err
}

// checkAll runs every part of the integrity check and returns where the audit
// ended before.
func (a *App) checkAll(ctx context.Context, seen progress) (store.AuditMark, error) {
	mark, err := a.DB.AuditMark(ctx)
	if err != nil {
		return mark, err
	}
	parts := a.Checks()
	for i, part := range parts {
		if _, err := part.Run(ctx); err != nil {
			return mark, checkFault(errors.Join(errors.New(part.Name), err))
		}
		seen(int64(i+1), int64(len(parts)))
	}
	return mark, nil
}

// watchOver writes down how far a run is, and a sign of life when nothing moves,
// until it is stopped.
func (a *App) watchOver(ctx context.Context, id string) (seen progress, stop func()) {
	var done, total atomic.Int64
	tell := func() {
		// A sign that gets lost is followed by the next; its end is what counts.
		_ = a.DB.Write(ctx, access.System("upkeep run "+id), func(tx *store.Tx) error { return tx.SeeUpkeepRun(id, done.Load(), total.Load()) })
	}
	tell()
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(pulse)
		defer tick.Stop()
		for last, quiet := int64(0), 0; ; quiet++ {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			if now := done.Load(); now != last || quiet >= quietPulse {
				last, quiet = now, 0
				tell()
			}
		}
	}()
	return func(d, t int64) { done.Store(d); total.Store(t) }, func() { close(ended); <-gone }
}

func (a *App) endUpkeep(ctx context.Context, r *store.UpkeepRun) error {
	return a.DB.Write(ctx, access.System("upkeep run "+r.ID), func(tx *store.Tx) error { return tx.EndUpkeepRun(r) })
}

// failUpkeep ends a run whose process was stopped.
func (a *App) failUpkeep(ctx context.Context, r store.UpkeepRun, problem string) error {
	r.State, r.Problem = "failed", problem
	return a.endUpkeep(context.WithoutCancel(ctx), &r)
}

// KeepBackup makes a backup at once, for a command, and keeps what came of it.
// It prunes nothing.
func (a *App) KeepBackup(ctx context.Context, by access.Actor, place string) (Made, error) {
	made, failed := a.MakeBackup(ctx, place, 0, func(int64, int64) {})
	r := store.UpkeepRun{ID: newID(), Kind: UpkeepBackup, State: "done", Place: made.Dir, Bytes: made.Manifest.Bytes(), AuditSeq: made.Manifest.AuditSeq, AuditHash: made.Manifest.AuditHash}
	if failed != nil {
		f, isFault := fault.As(failed)
		if !isFault {
			f = brokenRunFault(r.ID)
		}
		problem, err := problemText(f)
		if err != nil {
			return made, err
		}
		r.State, r.Problem = "failed", problem
	}
	err := a.DB.Write(context.WithoutCancel(ctx), by, func(tx *store.Tx) error {
		r.EndedAt = &tx.At
		return tx.CreateUpkeepRun(&r)
	})
	return made, errors.Join(failed, err)
}

// Alarm is something about the system itself that an administrator has to see to.
type Alarm = RunProblem

// SystemState is how the system itself is.
type SystemState struct {
	Backup, Drill, Check store.UpkeepHistory
	Alarms               []Alarm
	Schema, SchemaWanted int64
	Bytes                int64 // of the database
	Audit                store.AuditMark
	DataFree, DataTotal  int64 // bytes of the disk of the stored files
	KeptFree, KeptTotal  int64 // bytes of the disk of the backups
	Waiting, Running     int64 // jobs
}

// System returns how the system itself is.
func (a *App) System(ctx context.Context) (s SystemState, err error) {
	if s, err = a.UpkeepState(ctx); err != nil {
		return s, err
	}
	if s.Schema, s.SchemaWanted, err = a.DB.Schema(ctx); err != nil {
		return s, err
	}
	if s.Bytes, err = a.DB.Size(ctx); err != nil {
		return s, err
	}
	if s.Audit, err = a.DB.AuditMark(ctx); err != nil {
		return s, err
	}
	// A folder that is not there yet has no disk; the rest is told all the same.
	s.DataFree, s.DataTotal, _ = backup.Free(a.Upkeep.Files)
	s.KeptFree, s.KeptTotal, _ = backup.Free(a.Upkeep.Dir)
	s.Waiting, s.Running, err = a.DB.Jobs(ctx)
	return s, err
}

// UpkeepState returns what is known of backups, trials and checks, with what is
// to be seen to.
func (a *App) UpkeepState(ctx context.Context) (s SystemState, err error) {
	for kind, into := range map[string]*store.UpkeepHistory{UpkeepBackup: &s.Backup, UpkeepDrill: &s.Drill, UpkeepCheck: &s.Check} {
		if *into, err = a.DB.UpkeepHistory(ctx, kind); err != nil {
			return s, err
		}
	}
	s.Alarms = a.alarms(s)
	return s, nil
}

func (a *App) alarms(s SystemState) (alarms []Alarm) {
	add := func(code string, message bilingual.Text, zh, en string) {
		alarms = append(alarms, Alarm{Code: code, Message: message, Mend: bilingual.T(zh, en)})
	}
	failed := func(h store.UpkeepHistory, code string, what bilingual.Text) {
		if h.Last == nil || h.Last.State != "failed" {
			return
		}
		why, mend := bilingual.Text{}, bilingual.Text{}
		if p := ProblemOfRun(h.Last.Problem); p != nil {
			why, mend = p.Message, p.Mend
		}
		alarms = append(alarms, Alarm{Code: code, Message: bilingual.T(what.ZH+"："+why.ZH, what.EN+": "+why.EN), Mend: mend})
	}
	failed(s.Backup, "backup_failed", bilingual.T("最近一次备份失败", "the last backup failed"))
	failed(s.Drill, "drill_failed", bilingual.T("最近一次恢复演练失败", "the last restore drill failed"))
	failed(s.Check, "check_failed", bilingual.T("最近一次完整性校验失败", "the last integrity check failed"))
	if a.Upkeep.Scheduled {
		if a.olderThan(s.Backup, s.Backup.First, backupOld) {
			add("backup_old", bilingual.T("已超过 36 小时没有完好的备份", "there has been no good backup for more than 36 hours"), "请立即备份，并查看失败原因", "make one now and see why it did not work")
		}
		if a.olderThan(s.Drill, s.Backup.Good, drillOld) {
			add("drill_old", bilingual.T("已超过两周没有成功的恢复演练", "no restore drill has succeeded for more than two weeks"), "请立即演练，并查看失败原因", "try one now and see why it did not work")
		}
	}
	if g := s.Backup.Good; g != nil && a.lost(*g) {
		add("backup_gone", bilingual.F("最近一次备份已不在 %s", "the last backup is no longer in %s", g.Place), "请立即重新备份，并查明是谁移走或改动的", "make another now and find out who moved or changed it")
	}
	return alarms
}

// olderThan reports whether the last good run, or where there never was one the
// run since which there should be, is older than it may be.
func (a *App) olderThan(h store.UpkeepHistory, since *store.UpkeepRun, most time.Duration) bool {
	if h.Good != nil {
		since = h.Good
	}
	return since != nil && since.CreatedAt.Before(a.DB.Now().Add(-most))
}

// lost reports whether a backup is no longer where it was made. One that was
// made elsewhere may have been carried away on purpose.
func (a *App) lost(r store.UpkeepRun) bool {
	if filepath.Dir(r.Place) != filepath.Clean(a.Upkeep.Dir) {
		return false
	}
	_, err := backup.Read(r.Place)
	return err != nil
}
