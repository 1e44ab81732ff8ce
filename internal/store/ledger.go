package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/subsidy"
)

type entryRow struct {
	ID            string
	CityCode      string
	Year          int
	BookedOn      civil.Day
	Kind          ledger.Kind
	ApplicationID string
	BatchID       string
	CaseID        string
	Document      string
	Note          string
	BookedBy      string
	BookedByName  string
	BookedAt      time.Time
}

func (entryRow) TableName() string { return "ledger_entries" }

type postingRow struct {
	EntryID  string
	Position int64
	CityCode string
	Account  ledger.Account
	LineID   string
	CaseID   string
	Source   ledger.Source
	Fen      money.Fen
}

func (postingRow) TableName() string { return "ledger_postings" }

// claimRow is what an application holds of a budget line.
type claimRow struct {
	ApplicationID string
	Position      int64
	CityCode      string
	ProgramID     string
	LineID        string
	Source        ledger.Source
	Fen           money.Fen
	BackFen       money.Fen
	State         string
	PaidOn        civil.Day
}

func (claimRow) TableName() string { return "fund_claims" }

// moneyQueue is the first number of PostgreSQL's advisory locks of those who
// move money; the second is the city, or 0 for the whole province.
const moneyQueue = 4300

// QueueForMoney makes the transaction wait until nobody else moves money in the
// actor's city, or anywhere if the actor has no city. It is the first thing that
// such a transaction does: lines, claims, applications and the end of the audit
// are locked by different deeds in different orders, and on PostgreSQL two of
// them would deadlock again and again. SQLite has one writer anyway.
func (tx *Tx) QueueForMoney() error {
	queued := tx.By.Scope.City()
	tx.queued = &queued
	if tx.store.engine == SQLite {
		return nil
	}
	text, args := "SELECT pg_advisory_xact_lock($1, 0)", []any{moneyQueue}
	if city, err := strconv.Atoi(queued); err == nil {
		text, args = "SELECT pg_advisory_xact_lock_shared($1, 0), pg_advisory_xact_lock($1, $2)", []any{moneyQueue, city}
	}
	if err := tx.exec(text, args...); err != nil {
		return fmt.Errorf("store: queue for money: %w", err)
	}
	return nil
}

// post books entries: their postings change the balances of the budget lines
// they touch, line by line in one guarded statement, and are appended to the
// ledger. It fails with Conflict budget_exhausted if a balance would fall
// below zero, with Conflict year_closed on a closed line.
func (tx *Tx) post(entries ...ledger.Entry) error {
	today := civil.On(tx.At)
	var rows []entryRow
	var postings []postingRow
	deltas := map[string]ledger.BudgetLine{}
	for i := range entries {
		e := &entries[i]
		e.ID, e.Year, e.On, e.By, e.ByName, e.At = uuid.Must(uuid.NewV7()).String(), today.Year(), today, tx.By.ID, tx.By.Name, tx.At
		if err := e.Check(); err != nil {
			return err
		}
		if tx.queued == nil || *tx.queued != "" && *tx.queued != e.CityCode { // SQLite would not mind, PostgreSQL deadlock now and then
			return fmt.Errorf("store: %s moves money of %s without Tx.QueueForMoney", e.Kind, e.CityCode)
		}
		rows = append(rows, entryRow{ID: e.ID, CityCode: e.CityCode, Year: e.Year, BookedOn: e.On, Kind: e.Kind, ApplicationID: e.ApplicationID,
			BatchID: e.BatchID, CaseID: e.CaseID, Document: e.Document, Note: e.Note, BookedBy: e.By, BookedByName: e.ByName, BookedAt: e.At})
		for position, p := range e.Postings {
			postings = append(postings, postingRow{EntryID: e.ID, Position: int64(position + 1), CityCode: e.CityCode, Account: p.Account, LineID: p.LineID,
				CaseID: p.CaseID, Source: p.Source, Fen: p.Fen})
			if p.LineID == "" {
				continue
			}
			delta, err := deltas[p.LineID].Apply(p)
			if err != nil {
				return err
			}
			deltas[p.LineID] = delta
		}
	}
	for _, id := range slices.Sorted(maps.Keys(deltas)) { // one order for all, so that no two wait for each other
		if err := tx.shiftLine(id, deltas[id]); err != nil {
			return err
		}
	}
	if err := errors.Join(insertAll(tx, rows), insertAll(tx, postings)); err != nil {
		return fmt.Errorf("store: append to the ledger: %w", err)
	}
	return nil
}

// shiftLine adds a delta to the balances of a line, none of which may fall
// below zero.
func (tx *Tx) shiftLine(id string, d ledger.BudgetLine) error {
	res := tx.db.Exec(`UPDATE budget_lines SET allocated_fen = allocated_fen + ?, free_fen = free_fen + ?, reserved_fen = reserved_fen + ?,
		committed_fen = committed_fen + ?, paid_fen = paid_fen + ?, version = version + 1
		WHERE id = ? AND NOT closed AND allocated_fen + ? >= 0 AND free_fen + ? >= 0 AND reserved_fen + ? >= 0 AND committed_fen + ? >= 0 AND paid_fen + ? >= 0`,
		d.AllocatedFen, d.FreeFen, d.ReservedFen, d.CommittedFen, d.PaidFen, id, d.AllocatedFen, d.FreeFen, d.ReservedFen, d.CommittedFen, d.PaidFen)
	if res.Error != nil {
		return fmt.Errorf("store: change a budget line: %w", res.Error)
	}
	if res.RowsAffected == 1 {
		return nil
	}
	line, err := loadBudgetLine(tx.db, access.Whole(), id)
	switch {
	case err != nil:
		return err
	case line.Closed:
		return ledger.YearClosed(line.Year)
	}
	return ledger.Exhausted(line.Source, line.Year, -min(d.FreeFen, d.ReservedFen, d.CommittedFen, d.PaidFen), line.FreeFen)
}

// fundShares returns the shares in which the sources pay for a program: those
// that it names, else the city alone.
func (tx *Tx) fundShares(programID string) ([]ledger.Share, error) {
	var texts []string // the row alone: a program's figures are sums over all its cases
	if err := tx.db.Table("programs").Where("id = ?", programID).Limit(1).Pluck("shares", &texts).Error; err != nil {
		return nil, fmt.Errorf("store: shares of a program: %w", err)
	}
	var named []subsidy.Share
	if len(texts) > 0 && texts[0] != "" {
		if err := json.Unmarshal([]byte(texts[0]), &named); err != nil {
			return nil, fmt.Errorf("store: shares of program %s: %w", programID, err)
		}
	}
	if len(named) == 0 {
		return ledger.CityAlone(), nil
	}
	shares := make([]ledger.Share, len(named))
	for i, s := range named {
		shares[i] = ledger.Share{Source: ledger.Source(s.Source), BP: s.BP}
	}
	return shares, nil
}

// ReserveFunds sets the amount of an application aside on the budget lines of
// its city and year, split over the sources as its program says; a line of the
// program goes before one of the class, and that before a general one. It
// fails with Conflict budget_exhausted, which names the source, what was asked
// and what is free, if the money does not suffice; nothing is set aside then.
func (tx *Tx) ReserveFunds(a subsidy.Application) error {
	held, err := tx.liveClaims(a.ID)
	if err != nil {
		return err
	}
	if len(held) > 0 {
		return fault.New(fault.Conflict, "funds_held", bilingual.T("该申请的资金已预留", "money is set aside for the application already"))
	}
	shares, err := tx.fundShares(a.ProgramID)
	if err != nil {
		return err
	}
	year := civil.On(tx.At).Year()
	lines, err := tx.linesFor(a, year)
	if err != nil {
		return err
	}
	position, err := tx.claimCount(a.ID)
	if err != nil {
		return err
	}
	entry := ledger.Entry{CityCode: a.CityCode, Kind: ledger.Reserve, ApplicationID: a.ID}
	var claims []claimRow
	for _, part := range ledger.Split(a.AmountFen, shares) {
		rest, free := part.Fen, money.Fen(0)
		for _, line := range lines {
			if line.Source != part.Source {
				continue
			}
			free += line.FreeFen
			if take := min(rest, line.FreeFen); take > 0 {
				position++
				rest -= take
				entry.Postings = append(entry.Postings, ledger.Move(line, ledger.Free, ledger.Reserved, take)...)
				claims = append(claims, claimRow{ApplicationID: a.ID, Position: position, CityCode: a.CityCode, ProgramID: a.ProgramID, LineID: line.ID,
					Source: line.Source, Fen: take, State: "reserved"})
			}
		}
		if rest > 0 {
			return ledger.Exhausted(part.Source, year, part.Fen, free)
		}
	}
	if err := tx.post(entry); err != nil {
		return err
	}
	if err := insertAll(tx, claims); err != nil {
		return fmt.Errorf("store: hold funds: %w", err)
	}
	return nil
}

// sameProgram are the versions of a program: what was given to one of them
// pays for all.
const sameProgram = "SELECT s.id FROM programs s JOIN programs p ON p.city_code = s.city_code AND p.code = s.code WHERE p.id = ?"

// linesFor returns the open lines that may pay for an application, the most
// particular first, locked until the transaction ends.
func (tx *Tx) linesFor(a subsidy.Application, year int) ([]ledger.BudgetLine, error) {
	var rows []budgetLineRow
	err := tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).
		Where("city_code = ? AND year = ? AND NOT closed AND class IN ('', ?)", a.CityCode, year, a.Class).
		Where("(program_id = '' OR program_id = ? OR program_id IN ("+sameProgram+"))", a.ProgramID, a.ProgramID).
		Order("id").Limit(100).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: budget lines of an application: %w", err)
	}
	lines := make([]ledger.BudgetLine, len(rows))
	for i, r := range rows {
		lines[i] = r.line()
	}
	slices.SortStableFunc(lines, func(x, y ledger.BudgetLine) int { return particular(y) - particular(x) })
	return lines, nil
}

// particular ranks a line by how narrow it is.
func particular(l ledger.BudgetLine) int {
	rank := 0
	if l.ProgramID != "" {
		rank += 2
	}
	if l.Class != "" {
		rank++
	}
	return rank
}

func (tx *Tx) liveClaims(applicationID string) ([]claimRow, error) {
	return tx.claims([]string{applicationID}, "reserved", "committed", "paid")
}

func (tx *Tx) claimCount(applicationID string) (n int64, err error) {
	if err = tx.db.Model(&claimRow{}).Where("application_id = ?", applicationID).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: count claims: %w", err)
	}
	return n, nil
}

// claims returns claims in the states, locked until the transaction ends: what
// is decided on them must still be so when it is booked.
func (tx *Tx) claims(applicationIDs []string, states ...string) ([]claimRow, error) {
	var rows []claimRow
	err := tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Where("application_id IN ? AND state IN ?", applicationIDs, states).Order("application_id, position").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: read claims: %w", err)
	}
	return rows, nil
}

// CommitFunds turns what was set aside for an application into what is owed.
func (tx *Tx) CommitFunds(a subsidy.Application) error {
	return tx.moveClaims([]subsidy.Application{a}, claimMove{kind: ledger.Commit, from: []string{"reserved"}, to: "committed"})
}

// ReleaseFunds frees what was set aside or is owed for an application.
func (tx *Tx) ReleaseFunds(a subsidy.Application) error {
	return tx.moveClaims([]subsidy.Application{a}, claimMove{kind: ledger.Release, from: []string{"reserved", "committed"}, to: "released"})
}

// PayFunds books what the bank paid on a day for applications of a batch. An
// application whose money is not committed, or was paid before, fails with
// Conflict.
func (tx *Tx) PayFunds(applications []subsidy.Application, batchID string, on civil.Day) error {
	return tx.moveClaims(applications, claimMove{kind: ledger.Pay, from: []string{"committed"}, to: "paid", batch: batchID, on: on})
}

// ReturnFunds books that money which the bank had paid for applications came
// back: it is owed again. What has not been paid stays owed as it is. Money of
// a year that is closed meanwhile comes back into the present year.
func (tx *Tx) ReturnFunds(applications []subsidy.Application, batchID string) error {
	return tx.moveClaims(applications, claimMove{kind: ledger.Refund, from: []string{"paid"}, to: "committed", batch: batchID})
}

// claimMove is a step of the money of applications.
type claimMove struct {
	kind  ledger.Kind
	from  []string
	to    string
	batch string
	on    civil.Day
}

var claimAccounts = map[string]ledger.Account{
	"reserved": ledger.Reserved, "committed": ledger.Committed, "paid": ledger.Paid, "released": ledger.Free,
}

// moveClaims takes the claims of applications from one state to the next, with
// one entry for each application.
func (tx *Tx) moveClaims(applications []subsidy.Application, m claimMove) error {
	ids := make([]string, len(applications))
	for i, a := range applications {
		ids[i] = a.ID
	}
	claims, err := tx.claims(ids, m.from...)
	if err != nil {
		return err
	}
	if m.kind == ledger.Refund { // after the claims are locked: Tx.stillPaid
		if waits, err := tx.keptBackFor(ids); err != nil {
			return err
		} else if waits {
			return fault.New(fault.Conflict, "offset_pending", bilingual.T("有支付批次正在抵扣该笔资金的追缴案件", "a batch under way keeps money back for this payment")).
				WithMend("请等待该批次的银行回单", "wait for the bank's answer to that batch")
		}
	}
	byApplication := map[string][]claimRow{}
	for _, c := range claims {
		byApplication[c.ApplicationID] = append(byApplication[c.ApplicationID], c)
	}
	entries := make([]ledger.Entry, 0, len(applications))
	for _, a := range applications {
		held := byApplication[a.ID]
		var sum money.Fen
		entry := ledger.Entry{CityCode: a.CityCode, Kind: m.kind, ApplicationID: a.ID, BatchID: m.batch}
		for i := range held {
			sum += held[i].Fen
			postings, err := tx.claimPostings(&held[i], m)
			if err != nil {
				return err
			}
			entry.Postings = append(entry.Postings, postings...)
		}
		if sum != a.AmountFen || len(held) == 0 {
			return fault.New(fault.Conflict, "funds_not_held", bilingual.F("“%s”的资金不在可办理状态", "the money of %q is not in the state that this step needs", a.AssetLabel)).
				WithMend("请刷新后查看资金明细", "reload and look at its ledger entries")
		}
		entries = append(entries, entry)
	}
	if err := tx.post(entries...); err != nil {
		return err
	}
	res := tx.db.Exec("UPDATE fund_claims SET state = ?, paid_on = ? WHERE application_id IN ? AND state IN ?", m.to, m.on, ids, m.from)
	if res.Error != nil {
		return fmt.Errorf("store: move claims: %w", res.Error)
	}
	if res.RowsAffected != int64(len(claims)) {
		return stale()
	}
	return nil
}

// claimPostings moves one claim. A refund into a closed year goes to the same
// line of the present year, which the claim then rests on.
func (tx *Tx) claimPostings(c *claimRow, m claimMove) ([]ledger.Posting, error) {
	line := ledger.BudgetLine{ID: c.LineID, Source: c.Source}
	if m.kind != ledger.Refund {
		return ledger.Move(line, claimAccounts[c.State], claimAccounts[m.to], c.Fen), nil
	}
	if c.BackFen > 0 {
		return nil, fault.New(fault.Conflict, "recovered", bilingual.T("该笔资金已部分追回，不能再登记退款", "a part of this payment was recovered; it cannot be refunded as well")).
			WithMend("请在追缴案件中登记", "book it on the recovery case")
	}
	kept, err := loadBudgetLine(tx.db, access.Whole(), c.LineID)
	if err != nil || !kept.Closed {
		return ledger.Move(line, ledger.Paid, ledger.Committed, c.Fen), err
	}
	present, err := tx.lineOfYear(kept, civil.On(tx.At).Year())
	if err != nil {
		return nil, err
	}
	err = affect(tx.db.Exec("UPDATE fund_claims SET line_id = ? WHERE application_id = ? AND position = ?", present.ID, c.ApplicationID, c.Position), stale())
	return ledger.Move(present, ledger.Grant, ledger.Committed, c.Fen), err
}

// SourceFunds is the money of one source.
type SourceFunds struct {
	Source       ledger.Source
	AllocatedFen money.Fen
	ReservedFen  money.Fen
	CommittedFen money.Fen
	PaidFen      money.Fen
	FreeFen      money.Fen
}

// FreeFunds returns the money of the scope in a year by source, every source
// that has a line.
func (db *DB) FreeFunds(ctx context.Context, scope access.Scope, city string, year int) ([]SourceFunds, error) {
	q := inScope(db.read.WithContext(ctx).Model(&budgetLineRow{}), scope, false).Where("year = ?", year)
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	var rows []SourceFunds
	err := q.Select(`source, SUM(allocated_fen) AS allocated_fen, SUM(reserved_fen) AS reserved_fen, SUM(committed_fen) AS committed_fen,
		SUM(paid_fen) AS paid_fen, SUM(free_fen) AS free_fen`).Group("source").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: free funds: %w", err)
	}
	slices.SortFunc(rows, func(a, b SourceFunds) int {
		return slices.Index(ledger.Sources, a.Source) - slices.Index(ledger.Sources, b.Source)
	})
	return rows, nil
}

// EntryFilter narrows a list of ledger entries.
type EntryFilter struct {
	City          string
	LineID        string
	ApplicationID string
	BatchID       string
	CaseID        string
	Kind          ledger.Kind
	Month         string // YYYY-MM of booking
	Year          int
}

// Entries returns one page of ledger entries of the scope with their postings,
// newest first.
func (db *DB) Entries(ctx context.Context, scope access.Scope, f EntryFilter, p Page) ([]ledger.Entry, error) {
	q := inScope(db.read.WithContext(ctx).Model(&entryRow{}), scope, false)
	for _, e := range []struct{ column, value string }{
		{"city_code", f.City}, {"application_id", f.ApplicationID}, {"batch_id", f.BatchID}, {"case_id", f.CaseID}, {"kind", string(f.Kind)},
	} {
		if e.value != "" {
			q = q.Where(e.column+" = ?", e.value)
		}
	}
	if f.LineID != "" {
		q = q.Where("id IN (?)", db.read.WithContext(ctx).Table("ledger_postings").Select("entry_id").Where("line_id = ?", f.LineID))
	}
	if f.Month != "" {
		q = q.Where("booked_on >= ? AND booked_on <= ?", f.Month+"-01", f.Month+"-31")
	}
	if f.Year != 0 {
		q = q.Where("year = ?", f.Year)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []entryRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list entries: %w", err)
	}
	return withPostings(db.read.WithContext(ctx), rows)
}

// LedgerEntry returns an entry of the scope, or NotFound.
func (db *DB) LedgerEntry(ctx context.Context, scope access.Scope, id string) (ledger.Entry, error) {
	var rows []entryRow
	if err := inScope(db.read.WithContext(ctx), scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return ledger.Entry{}, fmt.Errorf("store: read an entry: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Entry{}, fault.Missing()
	}
	entries, err := withPostings(db.read.WithContext(ctx), rows)
	if err != nil {
		return ledger.Entry{}, err
	}
	return entries[0], nil
}

func withPostings(q *gorm.DB, rows []entryRow) ([]ledger.Entry, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	var postings []postingRow
	if err := q.Where("entry_id IN ?", ids).Order("entry_id, position").Find(&postings).Error; err != nil {
		return nil, fmt.Errorf("store: read postings: %w", err)
	}
	byEntry := map[string][]ledger.Posting{}
	for _, p := range postings {
		byEntry[p.EntryID] = append(byEntry[p.EntryID], ledger.Posting{Account: p.Account, LineID: p.LineID, CaseID: p.CaseID, Source: p.Source, Fen: p.Fen})
	}
	entries := make([]ledger.Entry, len(rows))
	for i, r := range rows {
		entries[i] = ledger.Entry{ID: r.ID, CityCode: r.CityCode, Year: r.Year, On: r.BookedOn, Kind: r.Kind, ApplicationID: r.ApplicationID, BatchID: r.BatchID,
			CaseID: r.CaseID, Document: r.Document, Note: r.Note, By: r.BookedBy, ByName: r.BookedByName, At: r.BookedAt, Postings: byEntry[r.ID]}
	}
	return entries, nil
}
