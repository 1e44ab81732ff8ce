package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"phaseout/internal/access"
	"phaseout/internal/app/apptest"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
	"phaseout/internal/subsidy"
)

func claim(p subsidy.Program, n int, amount money.Fen) subsidy.Application {
	return subsidy.Application{ID: fmt.Sprintf("application-%s-%03d", p.ID, n), CityCode: "430100", Class: registry.Truck, ProgramID: p.ID, AmountFen: amount, AssetLabel: fmt.Sprint("湘A", n)}
}

// queued is a deed that moves money.
func queued(deed func(*store.Tx) error) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		if err := tx.QueueForMoney(); err != nil {
			return err
		}
		return deed(tx)
	}
}

// TestReservationsNeverExceedTheBudget proves F46: of 200 reservations at once
// on the last 50 places exactly 50 succeed, and the others are told what is
// short. The budget of a program goes before the general one.
func TestReservationsNeverExceedTheBudget(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := context.Background()
		p := f.Program(50*35_000_00, 35_000_00)
		var wait sync.WaitGroup
		var mu sync.Mutex
		reserved, refused := 0, 0
		for n := range 200 {
			wait.Go(func() {
				err := f.DB.Write(ctx, f.Users["finance2.changsha"], queued(func(tx *store.Tx) error { return tx.ReserveFunds(claim(p, n, 35_000_00)) }))
				mu.Lock()
				defer mu.Unlock()
				found, _ := fault.As(err)
				switch {
				case err == nil:
					reserved++
				case found != nil && found.Code == "budget_exhausted" && found.Extra["source"] == "city" && found.Extra["asked_fen"] == int64(35_000_00):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		wait.Wait()
		after, err := f.DB.Program(ctx, access.Whole(), p.ID)
		if err != nil || reserved != 50 || refused != 150 || after.CommittedFen != 50*35_000_00 {
			t.Errorf("got %d reserved, %d refused, %d fen committed, %v", reserved, refused, after.CommittedFen, err)
		}
		free, err := f.DB.FreeFunds(ctx, access.Whole(), "", 2026)
		if err != nil || len(free) != 1 || free[0].FreeFen != 0 || free[0].ReservedFen != 50*35_000_00 || free[0].Source != ledger.City {
			t.Errorf("free funds: %+v, %v", free, err)
		}
	})
}

// TestMoneyWaitsForItsTurn proves F46: nothing is booked by who has not queued for
// the money of that city, on either engine, though only PostgreSQL would deadlock.
func TestMoneyWaitsForItsTurn(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := context.Background()
		p := f.Program(100_000_00, 35_000_00)
		reserve := func(tx *store.Tx) error { return tx.ReserveFunds(claim(p, 1, 35_000_00)) }
		for who, deed := range map[string]func(*store.Tx) error{"finance.changsha": reserve, "finance.zhuzhou": queued(reserve)} {
			if err := f.DB.Write(ctx, f.Users[who], deed); err == nil || !strings.Contains(err.Error(), "QueueForMoney") {
				t.Errorf("%s, who has not queued: got %v", who, err)
			}
		}
		for _, who := range []string{"finance.changsha", "province"} {
			if err := f.DB.Write(ctx, f.Users[who], queued(func(tx *store.Tx) error { return errors.Join(reserve(tx), tx.ReleaseFunds(claim(p, 1, 35_000_00))) })); err != nil {
				t.Errorf("%s: %v", who, err)
			}
		}
	})
}

// TestMoneyGoesOneWayOnce proves F46 and F55: each step of the money needs the
// one before, none is done twice, and every entry adds up.
func TestMoneyGoesOneWayOnce(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := context.Background()
		p := f.Program(100_000_00, 35_000_00)
		a := claim(p, 1, 35_000_00)
		try := func(fn func(*store.Tx) error) error { return f.DB.Write(ctx, f.Users["finance.changsha"], queued(fn)) }
		pay := func(tx *store.Tx) error { return tx.PayFunds([]subsidy.Application{a}, "batch", "2026-01-15") }
		back := func(tx *store.Tx) error { return tx.ReturnFunds([]subsidy.Application{a}, "batch") }
		reserve := func(tx *store.Tx) error { return tx.ReserveFunds(a) }
		commit := func(tx *store.Tx) error { return tx.CommitFunds(a) }
		release := func(tx *store.Tx) error { return tx.ReleaseFunds(a) }
		for i, step := range []struct {
			name string
			fn   func(*store.Tx) error
			ok   bool
			want [4]money.Fen // reserved, committed, paid, free
		}{
			{"commit before reserve", commit, false, [4]money.Fen{0, 0, 0, 100_000_00}},
			{"pay before reserve", pay, false, [4]money.Fen{0, 0, 0, 100_000_00}},
			{"reserve", reserve, true, [4]money.Fen{35_000_00, 0, 0, 65_000_00}},
			{"reserve again", reserve, false, [4]money.Fen{35_000_00, 0, 0, 65_000_00}},
			{"pay before commit", pay, false, [4]money.Fen{35_000_00, 0, 0, 65_000_00}},
			{"commit", commit, true, [4]money.Fen{0, 35_000_00, 0, 65_000_00}},
			{"release", release, true, [4]money.Fen{0, 0, 0, 100_000_00}},
			{"release again", release, false, [4]money.Fen{0, 0, 0, 100_000_00}},
			{"reserve anew", reserve, true, [4]money.Fen{35_000_00, 0, 0, 65_000_00}},
			{"commit anew", commit, true, [4]money.Fen{0, 35_000_00, 0, 65_000_00}},
			{"pay", pay, true, [4]money.Fen{0, 0, 35_000_00, 65_000_00}},
			{"pay again", pay, false, [4]money.Fen{0, 0, 35_000_00, 65_000_00}},
			{"release what is paid", release, false, [4]money.Fen{0, 0, 35_000_00, 65_000_00}},
			{"a late refund", back, true, [4]money.Fen{0, 35_000_00, 0, 65_000_00}},
			{"a second refund", back, false, [4]money.Fen{0, 35_000_00, 0, 65_000_00}},
			{"pay once more", pay, true, [4]money.Fen{0, 0, 35_000_00, 65_000_00}},
		} {
			if err := try(step.fn); (err == nil) != step.ok || err != nil && !fault.Is(err, fault.Conflict) {
				t.Fatalf("step %d, %s: got %v", i, step.name, err)
			}
			lines, err := f.DB.BudgetLines(ctx, access.Whole(), store.BudgetFilter{Program: p.ID}, store.Page{Limit: 5})
			if err != nil || len(lines) != 1 {
				t.Fatal(lines, err)
			}
			l := lines[0]
			if got := [4]money.Fen{l.ReservedFen, l.CommittedFen, l.PaidFen, l.FreeFen}; got != step.want || !l.Balanced() || l.AllocatedFen != 100_000_00 {
				t.Errorf("after %s: got %v of %d, want %v", step.name, got, l.AllocatedFen, step.want)
			}
		}
		entries, err := f.DB.Entries(ctx, access.ScopeOf("430100"), store.EntryFilter{ApplicationID: a.ID}, store.Page{Limit: 50})
		if err != nil || len(entries) != 8 {
			t.Errorf("%d entries, %v", len(entries), err)
		}
		for _, e := range entries {
			if err := e.Check(); err != nil {
				t.Error(err)
			}
		}
		if foreign, err := f.DB.Entries(ctx, access.ScopeOf("430200"), store.EntryFilter{}, store.Page{Limit: 50}); err != nil || len(foreign) != 0 {
			t.Errorf("another city sees %d entries, %v", len(foreign), err)
		}
	})
}

// TestDatabaseRefusesOverdraftAndRewriting proves F46: whatever the program
// does, the database lets no balance fall below zero, no line be out of
// balance and no entry be changed or removed.
func TestDatabaseRefusesOverdraftAndRewriting(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := context.Background()
		p := f.Program(100_000_00, 35_000_00)
		a := claim(p, 1, 35_000_00)
		if err := f.DB.Write(ctx, f.Users["finance.changsha"], queued(func(tx *store.Tx) error { return tx.ReserveFunds(a) })); err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{
			"UPDATE budget_lines SET free_fen = free_fen - 7000000, reserved_fen = reserved_fen + 7000000",
			"UPDATE budget_lines SET free_fen = free_fen - 1",
			"UPDATE budget_lines SET paid_fen = -1, free_fen = free_fen + 1",
			"UPDATE ledger_postings SET fen = fen + 1",
			"UPDATE ledger_entries SET note = 'x'",
			"DELETE FROM ledger_postings",
			"DELETE FROM ledger_entries",
			"INSERT INTO ledger_postings (entry_id, position, city_code, account, fen) SELECT id, 99, city_code, 'free', 0 FROM ledger_entries",
			"UPDATE fund_claims SET fen = 0",
			"UPDATE fund_claims SET back_fen = fen + 1",
		} {
			if err := storetest.Exec(url, statement); err == nil {
				t.Errorf("%s: got no error", statement)
			}
		}
	})
}
