package ledger

import (
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/money"
)

// ClosingLine is what becomes of a budget line when its year is closed: of the
// unspent a part is carried over and the rest returned; what is set aside or
// owed always moves on with the applications that it is for.
type ClosingLine struct {
	Line        BudgetLine
	UnspentFen  money.Fen
	ReturnedFen money.Fen
	CarriedFen  money.Fen
	HeldFen     money.Fen
}

// PlanClosing lists what becomes of each line; carry says by line how much of
// the unspent is carried over, nothing where it is silent. It fails with
// Invalid if more is to be carried than is unspent, or on a line of another year.
func PlanClosing(lines []BudgetLine, carry map[string]money.Fen) ([]ClosingLine, error) {
	plan := make([]ClosingLine, 0, len(lines))
	known := map[string]bool{}
	for _, l := range lines {
		known[l.ID] = true
		carried := carry[l.ID]
		if carried < 0 || carried > l.FreeFen {
			return nil, fault.Field("body.carry", "out_of_range", bilingual.F("结转金额超过未用的 %s 元", "more would be carried over than the %s yuan that are unspent", l.FreeFen.Yuan()),
				bilingual.T("结转金额不能大于结余", "carry over no more than is unspent"))
		}
		plan = append(plan, ClosingLine{Line: l, UnspentFen: l.FreeFen, ReturnedFen: l.FreeFen - carried, CarriedFen: carried, HeldFen: l.ReservedFen + l.CommittedFen})
	}
	for id := range carry {
		if !known[id] {
			return nil, fault.Field("body.carry", "unknown_value", bilingual.F("%s 不是该年度的预算", "%s is no line of the year", id), bilingual.Text{})
		}
	}
	return plan, nil
}

// Postings returns the postings that close a line: what goes back, and what
// moves to the line of the next year, next.
func (c ClosingLine) Postings(next BudgetLine) (returned, carried []Posting) {
	if c.ReturnedFen > 0 {
		returned = Move(c.Line, Free, Grant, c.ReturnedFen)
	}
	for _, m := range []struct {
		account Account
		fen     money.Fen
	}{{Free, c.CarriedFen}, {Reserved, c.Line.ReservedFen}, {Committed, c.Line.CommittedFen}} {
		if m.fen > 0 {
			carried = append(carried, Move(c.Line, m.account, Grant, m.fen)...)
			carried = append(carried, Move(next, Grant, m.account, m.fen)...)
		}
	}
	return returned, carried
}

// Year is a funding year of a city: proposed to be closed by one person,
// closed by another, then locked for good.
type Year struct {
	CityCode       string
	Year           int
	State          string // open, proposed, closed
	Carry          map[string]money.Fen
	Document       string
	ProposedBy     string
	ProposedByName string
	ProposedAt     *time.Time
	ClosedBy       string
	ClosedByName   string
	ClosedAt       *time.Time
	Version        int64
}
