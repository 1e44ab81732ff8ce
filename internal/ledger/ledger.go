// Package ledger is the pure domain of the money itself: budget lines and
// their balances, double-entry postings in integer fen, the split of an amount
// over the sources that pay it, payment batches and the bank's answers to
// them, the recovery of money that was paid wrongly, and the closing of a year.
package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/registry"
)

// Account names one side of a posting. The first five belong to a budget line
// and always sum to zero on it; receivable and claim belong to a recovery case,
// returnable and income to the money of a closed year that came back.
type Account string

// The accounts. A line's grant is what it was given, with the sign turned:
// grant + free + reserved + committed + paid = 0.
const (
	Grant      Account = "grant"
	Free       Account = "free"
	Reserved   Account = "reserved"
	Committed  Account = "committed"
	Paid       Account = "paid"
	Receivable Account = "receivable"
	Claim      Account = "claim"
	Returnable Account = "returnable"
	Income     Account = "income"
)

// Accounts lists every account in the order in which they are shown.
var Accounts = []Account{Grant, Free, Reserved, Committed, Paid, Receivable, Claim, Returnable, Income}

// Kind says what an entry records.
type Kind string

// The kinds of entry.
const (
	Opening     Kind = "opening"      // balances taken over from before the ledger
	Raise       Kind = "raise"        // money is given to a line
	Cut         Kind = "cut"          // money is taken from a line
	Reserve     Kind = "reserve"      // an approval sets money aside
	Commit      Kind = "commit"       // the money is owed
	Release     Kind = "release"      // what was set aside or owed is free again
	Pay         Kind = "pay"          // the bank paid
	Refund      Kind = "refund"       // what the bank paid came back and is owed again
	RecoveryDue Kind = "recovery_due" // a claim on a payee is opened or withdrawn
	PaidBack    Kind = "receipt"      // a payee paid back
	Offset      Kind = "offset"       // a later payment was kept back
	Return      Kind = "return"       // unspent money goes back at the end of a year
	CarryOver   Kind = "carry_over"   // money moves to the next year
)

// Posting is one line of an entry. A posting on a line's account has LineID,
// one on a case's account CaseID.
type Posting struct {
	Account Account
	LineID  string
	CaseID  string
	Source  Source
	Fen     money.Fen // never 0
}

// Entry is one event of the ledger; it is never changed, only followed by
// another.
type Entry struct {
	ID            string
	CityCode      string
	Year          int // in which it is booked
	On            civil.Day
	Kind          Kind
	ApplicationID string
	BatchID       string
	CaseID        string
	Document      string
	Note          string
	By            string
	ByName        string
	At            time.Time
	Postings      []Posting
}

// Check fails unless the entry has postings that sum to zero, in total and on
// each budget line, none of them zero. It is an error of the program, not of
// its user.
func (e Entry) Check() error {
	if len(e.Postings) < 2 {
		return fmt.Errorf("ledger: entry %s of %s has %d postings", e.ID, e.Kind, len(e.Postings))
	}
	var sum money.Fen
	byLine := map[string]money.Fen{}
	for _, p := range e.Postings {
		if p.Fen == 0 || !slices.Contains(Accounts, p.Account) {
			return fmt.Errorf("ledger: entry %s of %s posts %d fen to %q", e.ID, e.Kind, p.Fen, p.Account)
		}
		sum += p.Fen
		if p.LineID != "" {
			byLine[p.LineID] += p.Fen
		}
	}
	if sum != 0 {
		return fmt.Errorf("ledger: entry %s of %s sums to %d fen", e.ID, e.Kind, sum)
	}
	for line, rest := range byLine {
		if rest != 0 {
			return fmt.Errorf("ledger: entry %s of %s sums to %d fen on line %s", e.ID, e.Kind, rest, line)
		}
	}
	return nil
}

// Move returns the two postings that move an amount on a line from one account
// to another.
func Move(line BudgetLine, from, to Account, amount money.Fen) []Posting {
	return []Posting{
		{Account: from, LineID: line.ID, Source: line.Source, Fen: -amount},
		{Account: to, LineID: line.ID, Source: line.Source, Fen: amount},
	}
}

// BudgetLine is the money of one city, year and source for a class or a
// program, or for all of them where Class or ProgramID is "".
type BudgetLine struct {
	ID           string
	CityCode     string
	Year         int
	Source       Source
	Class        registry.Class
	ProgramID    string
	Document     string
	AllocatedFen money.Fen
	ReservedFen  money.Fen
	CommittedFen money.Fen
	PaidFen      money.Fen
	FreeFen      money.Fen
	Closed       bool
	CreatedBy    string
	CreatedAt    time.Time
	Version      int64
}

// Balanced reports whether allocated = reserved + committed + paid + free.
func (l BudgetLine) Balanced() bool {
	return l.AllocatedFen == l.ReservedFen+l.CommittedFen+l.PaidFen+l.FreeFen
}

// Apply returns the line with a posting on it. It fails if a balance would
// fall below zero or the line's year is closed.
func (l BudgetLine) Apply(p Posting) (BudgetLine, error) {
	if l.Closed {
		return l, YearClosed(l.Year)
	}
	switch p.Account {
	case Grant:
		l.AllocatedFen -= p.Fen
	case Free:
		l.FreeFen += p.Fen
	case Reserved:
		l.ReservedFen += p.Fen
	case Committed:
		l.CommittedFen += p.Fen
	case Paid:
		l.PaidFen += p.Fen
	default:
		return l, fmt.Errorf("ledger: %q is no account of a budget line", p.Account)
	}
	return l, nil
}

// Overdrawn reports whether a balance of the line is below zero.
func (l BudgetLine) Overdrawn() bool {
	return min(l.AllocatedFen, l.FreeFen, l.ReservedFen, l.CommittedFen, l.PaidFen) < 0
}

// Exhausted is the Conflict of an amount that the free money of a source does
// not cover.
func Exhausted(source Source, year int, asked, free money.Fen) *fault.Fault {
	name := source.Name()
	return fault.New(fault.Conflict, "budget_exhausted", bilingual.T(
		fmt.Sprintf("%d 年%s预算余额不足：需要 %s 元，可用 %s 元", year, name.ZH, asked.Yuan(), free.Yuan()),
		fmt.Sprintf("the %s money of %d does not cover it: asked %s yuan, free %s yuan", name.EN, year, asked.Yuan(), free.Yuan()))).
		WithMend("请先追加预算，或等待资金释放", "raise the budget first, or wait until money is freed").
		With("source", string(source)).With("year", int64(year)).With("asked_fen", int64(asked)).With("free_fen", int64(free))
}

// YearClosed is the Conflict of a posting into a year that is closed.
func YearClosed(year int) *fault.Fault {
	return fault.New(fault.Conflict, "year_closed", bilingual.F("%d 年已结账，不能再记账", "the year %d is closed; nothing more is booked in it", year)).
		WithMend("请在下一年度以更正文件登记调整", "book a documented correction in the next year")
}

// Change is a raise or a cut of a budget line: proposed by one person with
// document and reason, decided by another.
type Change struct {
	ID             string
	LineID         string
	CityCode       string
	Kind           Kind // Raise or Cut
	AmountFen      money.Fen
	Document       string
	Reason         string
	CorrectsYear   int    // of a closed year that this corrects, 0 if it does not
	State          string // proposed, approved, rejected
	ProposedBy     string
	ProposedByName string
	ProposedAt     time.Time
	DecidedBy      string
	DecidedByName  string
	DecidedAt      *time.Time
	DecisionReason string
	Version        int64
}

// Check returns what is wrong with a change as entered.
func (c Change) Check(thisYear int) []fault.Detail {
	var wrong []fault.Detail
	add := func(field, code string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
	}
	if c.Kind != Raise && c.Kind != Cut {
		add("kind", "unknown_value", bilingual.T("只能追加或调减", "a change is a raise or a cut"), bilingual.Text{})
	}
	if c.AmountFen < 1 || c.AmountFen > money.Max {
		add("amount_fen", "out_of_range", bilingual.T("金额应大于零", "the amount must be positive"), bilingual.T("填写以分为单位的正整数", "give a positive number of fen"))
	}
	if strings.TrimSpace(c.Document) == "" {
		add("document", "required", bilingual.T("缺少文件依据", "the document is missing"), bilingual.T("填写预算下达或调整文件的文号", "give the number of the document that gives or takes the money"))
	}
	if strings.TrimSpace(c.Reason) == "" {
		add("reason", "required", bilingual.T("缺少原因", "the reason is missing"), bilingual.Text{})
	}
	if c.CorrectsYear != 0 && c.CorrectsYear >= thisYear {
		add("corrects_year", "out_of_range", bilingual.T("只能更正以前年度", "only an earlier year can be corrected"), bilingual.Text{})
	}
	return wrong
}

// Decide returns the change as a second person leaves it. It fails with Denied
// four_eyes for who proposed it, with Conflict if it is decided already, with
// Invalid if it is rejected without a reason.
func (c Change) Decide(approve bool, reason, by, byName string, at time.Time) (Change, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case c.State != "proposed":
		return c, fault.New(fault.Conflict, "wrong_state", bilingual.T("该预算调整已处理", "the change is decided already")).WithMend("请刷新后查看", "reload to see it")
	case c.ProposedBy == by:
		return c, fault.New(fault.Denied, "four_eyes", bilingual.T("不能审批自己提出的预算调整", "nobody decides on a change of their own")).
			WithMend("请由另一名财务人员审批", "ask another finance officer")
	case !approve && reason == "":
		return c, fault.Field("body.reason", "required", bilingual.T("不予同意时必须填写原因", "a rejection needs a reason"), bilingual.Text{})
	}
	c.State, c.DecidedBy, c.DecidedByName, c.DecidedAt, c.DecisionReason = "approved", by, byName, &at, reason
	if !approve {
		c.State = "rejected"
	}
	return c, nil
}
