package app

import (
	"context"
	"strings"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// DecideSignal keeps what a person made of a signal. It changes no application:
// whoever confirms one acts on the application itself.
func (a *App) DecideSignal(ctx context.Context, by access.Actor, id string, version int64, harmless bool, reason string) (store.Signal, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.Signal, error) {
		before, err := tx.Signal(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		if before.State != "open" {
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("该信号已有结论", "the signal is decided already"))
		}
		if strings.TrimSpace(reason) == "" {
			return before, fault.Field("body.reason", "required", bilingual.T("请说明核查情况", "say what was found"), bilingual.Text{})
		}
		state := "confirmed"
		if harmless {
			state = "harmless"
		}
		if err := tx.DecideSignal(before, state, strings.TrimSpace(reason)); err != nil {
			return before, err
		}
		return tx.Signal(id)
	})
}

// FinanceHome is what a finance officer sees first.
type FinanceHome struct {
	Queue      map[subsidy.State]int64
	Mine       int64 // whose next step this person may take
	Mended     int64
	Overdue    int64
	Objections int64
	Signals    int64
	Money      []store.SourceMoney
}

// Home returns what waits in the area and what of it waits for the actor.
func (a *App) Home(ctx context.Context, by access.Actor) (FinanceHome, error) {
	h := FinanceHome{}
	var err error
	count := func(f store.ApplicationFilter) int64 {
		if err != nil {
			return 0
		}
		var counts map[subsidy.State]int64
		if counts, err = a.DB.CountApplications(ctx, by.Scope, f); err != nil {
			return 0
		}
		n := int64(0)
		for _, c := range counts {
			n += c
		}
		return n
	}
	if h.Queue, err = a.DB.CountApplications(ctx, by.Scope, store.ApplicationFilter{}); err != nil {
		return h, err
	}
	mended := true
	h.Mine = count(store.ApplicationFilter{For: &by})
	h.Mended = count(store.ApplicationFilter{State: subsidy.Submitted, Mended: &mended})
	h.Overdue = count(store.ApplicationFilter{Stale: a.OverdueSince()})
	if err != nil {
		return h, err
	}
	if h.Objections, err = a.DB.CountObjections(ctx, by.Scope); err != nil {
		return h, err
	}
	if h.Signals, err = a.DB.CountSignals(ctx, by.Scope); err != nil {
		return h, err
	}
	h.Money, err = a.DB.MoneyBySource(ctx, by.Scope)
	return h, err
}

// OverdueSince is the instant before which whatever lies at a post is overdue.
func (a *App) OverdueSince() time.Time { return a.DB.Now().AddDate(0, 0, -overdueDays) }

// overdueDays is how long an application may lie at a post before it counts as
// overdue. Our assumption.
const overdueDays = 10
