package ledger_test

import (
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/civil"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
)

// TestScheduleCoversTheEarliestFirst proves F56: what came back covers the
// instalments in their order, an uncovered one is overdue the day after.
func TestScheduleCoversTheEarliestFirst(t *testing.T) {
	parts := []ledger.Instalment{{DueOn: "2026-01-31", AmountFen: 100}, {DueOn: "2026-02-28", AmountFen: 100}, {DueOn: "2026-03-31", AmountFen: 50}}
	for _, c := range []struct {
		back    money.Fen
		today   string
		covered [3]money.Fen
		overdue [3]bool
	}{
		{0, "2026-01-31", [3]money.Fen{}, [3]bool{}}, {0, "2026-02-01", [3]money.Fen{}, [3]bool{true}},
		{150, "2026-03-01", [3]money.Fen{100, 50}, [3]bool{false, true}}, {250, "2026-12-31", [3]money.Fen{100, 100, 50}, [3]bool{}},
	} {
		for i, s := range ledger.Schedule(parts, c.back, civil.Day(c.today)) {
			if s.CoveredFen != c.covered[i] || s.Overdue != c.overdue[i] {
				t.Errorf("%d back on %s, part %d: %+v", c.back, c.today, i+1, s)
			}
		}
	}
}

// TestOffsetNeverTakesMoreThanIsOwed proves F56.
func TestOffsetNeverTakesMoreThanIsOwed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := money.Fen(rapid.Int64Range(1, 1_000_000).Draw(t, "amount"))
		received := money.Fen(rapid.Int64Range(0, int64(amount)).Draw(t, "received"))
		pending := money.Fen(rapid.Int64Range(0, int64(amount-received)).Draw(t, "pending"))
		payment := money.Fen(rapid.Int64Range(0, 2_000_000).Draw(t, "payment"))
		r := ledger.Recovery{State: "open", MayOffset: true, AmountFen: amount, ReceivedFen: received, PendingFen: pending}
		offset := r.OffsetFor(payment)
		if offset < 0 || offset > payment || received+pending+offset > amount || (offset < payment && received+pending+offset != amount) {
			t.Fatalf("%d kept back of %d for %+v", offset, payment, r)
		}
		r.State = "settled"
		if r.OffsetFor(payment) != 0 {
			t.Fatal("a settled case keeps money back")
		}
	})
}

// TestClosingLosesNoFen proves F60: what is unspent is returned or carried,
// what is held moves on, the line ends at nothing but what was paid, and the
// next year's line begins with what was carried.
func TestClosingLosesNoFen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fen := func(name string) money.Fen { return money.Fen(rapid.Int64Range(0, 1_000_000).Draw(t, name)) }
		l := ledger.BudgetLine{ID: "a", Year: 2025, FreeFen: fen("free"), ReservedFen: fen("reserved"), CommittedFen: fen("committed"), PaidFen: fen("paid")}
		l.AllocatedFen = l.FreeFen + l.ReservedFen + l.CommittedFen + l.PaidFen
		carry := money.Fen(rapid.Int64Range(0, int64(l.FreeFen)).Draw(t, "carry"))
		plan, err := ledger.PlanClosing([]ledger.BudgetLine{l}, map[string]money.Fen{"a": carry})
		if err != nil {
			t.Fatal(err)
		}
		next := ledger.BudgetLine{ID: "b", Year: 2026}
		returned, carried := plan[0].Postings(next)
		old := l
		var sum money.Fen
		for _, p := range append(returned, carried...) {
			sum += p.Fen
			var err error
			if p.LineID == "a" {
				old, err = old.Apply(p)
			} else {
				next, err = next.Apply(p)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if sum != 0 || old.FreeFen != 0 || old.ReservedFen != 0 || old.CommittedFen != 0 || old.PaidFen != l.PaidFen || !old.Balanced() || !next.Balanced() {
			t.Fatalf("sum %d, old %+v, next %+v", sum, old, next)
		}
		if next.FreeFen != carry || next.ReservedFen != l.ReservedFen || next.CommittedFen != l.CommittedFen || plan[0].ReturnedFen+plan[0].CarriedFen != l.FreeFen {
			t.Fatalf("carried %+v of %+v", next, l)
		}
		if _, err := ledger.PlanClosing([]ledger.BudgetLine{l}, map[string]money.Fen{"a": l.FreeFen + 1}); err == nil {
			t.Fatal("more is carried than there is")
		}
	})
}
