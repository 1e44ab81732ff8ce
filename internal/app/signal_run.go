package app

import (
	"context"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/fault"
	"phaseout/internal/signal"
	"phaseout/internal/store"
)

// JobSignals is the kind of job that looks for signals.
const JobSignals = "signal_run"

const (
	signalsEvery = time.Hour // between two looks by the clock
	claimChunk   = 5000      // claims between two signs of life
)

// SignalsAreDue starts a look for signals if the last one is an hour old.
func (a *App) SignalsAreDue(ctx context.Context) error {
	last, err := a.DB.SignalRuns(ctx, store.Page{Limit: 1})
	if err != nil || len(last) > 0 && last[0].CreatedAt.After(a.DB.Now().Add(-signalsEvery)) {
		return err
	}
	_, err = a.StartSignalRun(ctx, access.System("signal schedule"))
	return err
}

// StartSignalRun puts a look for signals into the queue. One that is under way
// serves whoever asks meanwhile: it is returned instead.
func (a *App) StartSignalRun(ctx context.Context, by access.Actor) (store.SignalRun, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.SignalRun, error) {
		last, there, err := tx.LatestSignalRun()
		if err != nil || there && !last.Ended() && last.SeenAt.After(tx.At.Add(-lostRun)) {
			return last, err
		}
		if there && !last.Ended() { // its job is gone
			if err := endLost(tx, last); err != nil {
				return last, err
			}
		}
		r := store.SignalRun{ID: newID()}
		if err := tx.CreateSignalRun(&r); err != nil {
			return r, err
		}
		return r, tx.Enqueue(JobSignals, r.ID)
	})
}

// RunSignals looks at all applications together, over the whole province, and
// keeps what is odd: the job of its kind. What goes wrong ends the run as
// failed, with its reason. It is safe to run again.
func (a *App) RunSignals(ctx context.Context, id string) error {
	r, err := a.DB.SignalRun(ctx, id)
	if err != nil || r.Ended() {
		return err
	}
	return a.endedRun(ctx, id, func() error { return a.findSignals(ctx, &r) }, func(problem string) error {
		return a.failSignalRun(context.WithoutCancel(ctx), id, problem)
	})
}

func (a *App) findSignals(ctx context.Context, r *store.SignalRun) error {
	save := func(change func(*store.Tx, *store.SignalRun) error) error {
		saved, err := write(ctx, a, access.System("signal run "+r.ID), func(tx *store.Tx) (store.SignalRun, error) {
			after := *r
			if err := change(tx, &after); err != nil {
				return after, err
			}
			return after, tx.UpdateSignalRun(*r, &after)
		})
		if err == nil {
			*r = saved
		}
		return err
	}
	total, err := a.DB.ClaimCount(ctx)
	if err != nil {
		return err
	}
	if err := save(func(_ *store.Tx, r *store.SignalRun) error {
		r.State, r.Done, r.Total = "running", 0, total
		return nil
	}); err != nil {
		return err
	}
	claims, err := a.DB.SignalClaims(ctx, claimChunk, func(n int) error {
		return save(func(_ *store.Tx, r *store.SignalRun) error { r.Done = min(int64(n), r.Total); return nil })
	})
	if err != nil {
		return err
	}
	found := signal.Find(claims)
	return save(func(tx *store.Tx, r *store.SignalRun) error {
		asked, err := tx.KeepSignals(found)
		r.State, r.Done, r.Asked, r.EndedAt = "done", r.Total, int64(asked), instant(tx.At)
		return err
	})
}

func endLost(tx *store.Tx, before store.SignalRun) error {
	problem, err := problemText(lostRunFault())
	if err != nil {
		return err
	}
	after := before
	after.State, after.Problem, after.EndedAt = "failed", problem, instant(tx.At)
	return tx.UpdateSignalRun(before, &after)
}

func (a *App) failSignalRun(ctx context.Context, id, problem string) error {
	return a.DB.Write(ctx, access.System("signal run "+id), func(tx *store.Tx) error {
		before, err := a.DB.SignalRun(ctx, id)
		if err != nil || before.Ended() {
			return err
		}
		after := before
		after.State, after.Problem, after.EndedAt = "failed", problem, instant(tx.At)
		return tx.UpdateSignalRun(before, &after)
	})
}

// LostRuns ends as failed what gave no sign of life since: trials of rules, looks
// for signals, work on cohort rules and upkeep whose process was stopped in the
// middle.
func (a *App) LostRuns(ctx context.Context, cutoff time.Time) error {
	problem, err := problemText(lostRunFault())
	if err != nil {
		return err
	}
	for _, kind := range []struct {
		lost func(context.Context, time.Time) ([]string, error)
		fail func(ctx context.Context, id, problem string) error
	}{{a.DB.LostRuleRuns, a.failRuleRun}, {a.DB.LostSignalRuns, a.failSignalRun}, {a.DB.LostCohortRules, a.failRule}} {
		ids, err := kind.lost(ctx, cutoff)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := kind.fail(ctx, id, problem); err != nil && !fault.Is(err, fault.Stale) {
				return err
			}
		}
	}
	upkeep, err := a.DB.LostUpkeepRuns(ctx, cutoff)
	if err != nil {
		return err
	}
	for _, r := range upkeep {
		if err := a.failUpkeep(ctx, r, problem); err != nil && !fault.Is(err, fault.Stale) {
			return err
		}
	}
	return nil
}
