package store

import (
	"context"
	"fmt"

	"phaseout/internal/ledger"
	"phaseout/internal/money"
)

// doubt runs a query that finds what must not be and returns the first of it
// as an error.
func (db *DB) doubt(ctx context.Context, what, query string) error {
	var found []struct{ ID, Facts string }
	if err := db.read.WithContext(ctx).Raw(query + " LIMIT 1").Scan(&found).Error; err != nil {
		return fmt.Errorf("store: check that %s: %w", what, err)
	}
	if len(found) > 0 {
		return fmt.Errorf("it must be that %s; it is not for %s (%s)", what, found[0].ID, found[0].Facts)
	}
	return nil
}

// VerifyLedger recounts the money from its postings and returns how many
// entries there are, or the first doubt: an entry that does not sum to zero, a
// balance that its postings or its applications do not give, a line that does
// not add up, a payment booked twice.
func (db *DB) VerifyLedger(ctx context.Context) (int64, error) {
	var n int64
	if err := db.read.WithContext(ctx).Model(&entryRow{}).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: count entries: %w", err)
	}
	for _, d := range []struct{ what, query string }{
		{"every entry sums to zero", `SELECT e.id, CAST(COALESCE(SUM(p.fen), 0) AS TEXT) AS facts FROM ledger_entries e
			LEFT JOIN ledger_postings p ON p.entry_id = e.id GROUP BY e.id HAVING COUNT(p.fen) < 2 OR SUM(p.fen) <> 0`},
		{"every entry sums to zero on each line", `SELECT entry_id AS id, line_id || ' ' || CAST(SUM(fen) AS TEXT) AS facts FROM ledger_postings
			WHERE line_id <> '' GROUP BY entry_id, line_id HAVING SUM(fen) <> 0`},
		{"allocated = reserved + committed + paid + free, none below zero", `SELECT id, CAST(allocated_fen AS TEXT) AS facts FROM budget_lines
			WHERE allocated_fen <> reserved_fen + committed_fen + paid_fen + free_fen
			OR allocated_fen < 0 OR reserved_fen < 0 OR committed_fen < 0 OR paid_fen < 0 OR free_fen < 0`},
		{"no application holds money twice", `SELECT c.application_id AS id, CAST(SUM(c.fen) AS TEXT) AS facts FROM fund_claims c
			JOIN applications a ON a.id = c.application_id WHERE c.state <> 'released' GROUP BY c.application_id, a.amount_fen HAVING SUM(c.fen) <> a.amount_fen`},
		{"no application is paid more often than refunded and once", `SELECT application_id AS id, CAST(COUNT(*) AS TEXT) AS facts FROM ledger_entries
			WHERE kind IN ('pay', 'refund') GROUP BY application_id
			HAVING SUM(CASE WHEN kind = 'pay' THEN 1 ELSE -1 END) NOT IN (0, 1)`},
		{"money is paid for paid applications and for no others", `SELECT a.id, a.state || ' ' || c.state AS facts FROM applications a
			JOIN fund_claims c ON c.application_id = a.id AND c.state <> 'released'
			WHERE (a.state = 'paid') <> (c.state = 'paid')`},
		{"money for an application is held on lines of its city", `SELECT c.application_id AS id, l.id AS facts FROM fund_claims c
			JOIN budget_lines l ON l.id = c.line_id JOIN applications a ON a.id = c.application_id
			WHERE l.city_code <> a.city_code OR l.source <> c.source OR (l.class <> '' AND l.class <> a.class)`},
	} {
		if err := db.doubt(ctx, d.what, d.query); err != nil {
			return n, err
		}
	}
	return n, db.verifyBalances(ctx)
}

// verifyBalances recounts each line from its postings, and what it holds from
// the claims on it.
func (db *DB) verifyBalances(ctx context.Context) error {
	var sums []struct {
		LineID  string
		Account ledger.Account
		Fen     money.Fen
	}
	if err := db.read.WithContext(ctx).Raw("SELECT line_id, account, SUM(fen) AS fen FROM ledger_postings WHERE line_id <> '' GROUP BY line_id, account").Scan(&sums).Error; err != nil {
		return fmt.Errorf("store: recount the ledger: %w", err)
	}
	due := map[string]ledger.BudgetLine{}
	for _, s := range sums {
		line, err := due[s.LineID].Apply(ledger.Posting{Account: s.Account, Fen: s.Fen})
		if err != nil {
			return err
		}
		due[s.LineID] = line
	}
	var claims []struct {
		LineID    string
		State     string
		Fen, Back money.Fen
	}
	if err := db.read.WithContext(ctx).Raw("SELECT line_id, state, SUM(fen) AS fen, SUM(back_fen) AS back FROM fund_claims GROUP BY line_id, state").Scan(&claims).Error; err != nil {
		return fmt.Errorf("store: recount claims: %w", err)
	}
	held := map[string]map[string]money.Fen{}
	for _, c := range claims {
		if held[c.LineID] == nil {
			held[c.LineID] = map[string]money.Fen{}
		}
		held[c.LineID][c.State] = c.Fen - c.Back
	}
	var lines []budgetLineRow
	if err := db.read.WithContext(ctx).Find(&lines).Error; err != nil {
		return fmt.Errorf("store: read budget lines: %w", err)
	}
	for _, l := range lines {
		d := due[l.ID]
		if d.AllocatedFen != l.AllocatedFen || d.FreeFen != l.FreeFen || d.ReservedFen != l.ReservedFen || d.CommittedFen != l.CommittedFen || d.PaidFen != l.PaidFen {
			return fmt.Errorf("budget line %s keeps %+v, its postings give %+v", l.ID, l.line(), d)
		}
		h := held[l.ID]
		if h["reserved"] != l.ReservedFen || h["committed"] != l.CommittedFen || (!l.Closed && h["paid"] != l.PaidFen) {
			return fmt.Errorf("budget line %s keeps %d fen reserved, %d committed and %d paid, the applications on it hold %v", l.ID, l.ReservedFen, l.CommittedFen, l.PaidFen, h)
		}
		delete(due, l.ID)
	}
	for id := range due {
		return fmt.Errorf("postings name the budget line %s, which is not there", id)
	}
	return nil
}
