package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
)

type yearRow struct {
	CityCode       string
	Year           int
	State          string
	Plan           string
	Document       string
	ProposedBy     string
	ProposedByName string
	ProposedAt     *time.Time
	ClosedBy       string
	ClosedByName   string
	ClosedAt       *time.Time
	Version        int64
}

func (yearRow) TableName() string { return "funding_years" }

func (r yearRow) year() (ledger.Year, error) {
	y := ledger.Year{CityCode: r.CityCode, Year: r.Year, State: r.State, Document: r.Document, ProposedBy: r.ProposedBy, ProposedByName: r.ProposedByName,
		ProposedAt: r.ProposedAt, ClosedBy: r.ClosedBy, ClosedByName: r.ClosedByName, ClosedAt: r.ClosedAt, Version: r.Version}
	if err := json.Unmarshal([]byte(r.Plan), &y.Carry); err != nil {
		return y, fmt.Errorf("store: plan of a closing: %w", err)
	}
	return y, nil
}

// FundingYear returns a year of a city of the scope; one of which nothing is
// kept is open.
func (db *DB) FundingYear(ctx context.Context, scope access.Scope, city string, year int) (ledger.Year, error) {
	open := ledger.Year{CityCode: city, Year: year, State: "open"}
	if !scope.Covers(city, "") {
		return open, fault.Missing()
	}
	var rows []yearRow
	if err := db.read.WithContext(ctx).Where("city_code = ? AND year = ?", city, year).Limit(1).Find(&rows).Error; err != nil {
		return open, fmt.Errorf("store: read a funding year: %w", err)
	}
	if len(rows) == 0 {
		return open, nil
	}
	return rows[0].year()
}

func (tx *Tx) fundingYear(city string, year int) (ledger.Year, bool, error) {
	var rows []yearRow
	if err := tx.db.Where("city_code = ? AND year = ?", city, year).Limit(1).Find(&rows).Error; err != nil {
		return ledger.Year{}, false, fmt.Errorf("store: read a funding year: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Year{CityCode: city, Year: year, State: "open"}, false, nil
	}
	y, err := rows[0].year()
	return y, true, err
}

// ProposeClosing keeps what is to become of the money of a year, until another
// person closes it or it is proposed anew.
func (tx *Tx) ProposeClosing(y ledger.Year) (ledger.Year, error) {
	if !tx.By.Scope.Covers(y.CityCode, "") {
		return y, fault.Missing()
	}
	before, found, err := tx.fundingYear(y.CityCode, y.Year)
	switch {
	case err != nil:
		return y, err
	case before.State == "closed":
		return y, ledger.YearClosed(y.Year)
	}
	plan, err := jsonText(y.Carry)
	if err != nil {
		return y, err
	}
	y.State, y.ProposedBy, y.ProposedByName, y.ProposedAt, y.Version = "proposed", tx.By.ID, tx.By.Name, &tx.At, before.Version+1
	row := yearRow{CityCode: y.CityCode, Year: y.Year, State: y.State, Plan: plan, Document: y.Document, ProposedBy: y.ProposedBy, ProposedByName: y.ProposedByName, ProposedAt: y.ProposedAt, Version: y.Version}
	if found {
		res := tx.db.Model(&yearRow{}).Where("city_code = ? AND year = ? AND version = ?", y.CityCode, y.Year, before.Version).
			Updates(map[string]any{"plan": plan, "document": y.Document, "proposed_by": y.ProposedBy, "proposed_by_name": y.ProposedByName, "proposed_at": tx.At, "version": y.Version})
		err = affect(res, stale())
	} else if err = tx.db.Create(&row).Error; duplicate(err) {
		err = stale()
	}
	if err != nil {
		return y, err
	}
	return y, tx.Record(Event{Action: "propose", Entity: "funding_year", EntityID: fmt.Sprintf("%s/%d", y.CityCode, y.Year), CityCode: y.CityCode}, nil, map[string]any{"carry": y.Carry, "document": y.Document})
}

// CloseYear does what was proposed: unspent money goes back or is carried over,
// what is held moves on with its applications, the lines are locked.
func (tx *Tx) CloseYear(y ledger.Year, plan []ledger.ClosingLine) (ledger.Year, error) {
	for _, c := range plan {
		if c.Line.Closed {
			continue
		}
		next := ledger.BudgetLine{}
		if c.CarriedFen+c.HeldFen > 0 {
			var err error
			if next, err = tx.lineOfYear(c.Line, y.Year+1); err != nil {
				return y, err
			}
		}
		returned, carried := c.Postings(next)
		var entries []ledger.Entry
		if len(returned) > 0 {
			entries = append(entries, ledger.Entry{CityCode: y.CityCode, Kind: ledger.Return, Document: y.Document, Postings: returned})
		}
		if len(carried) > 0 {
			entries = append(entries, ledger.Entry{CityCode: y.CityCode, Kind: ledger.CarryOver, Document: y.Document, Postings: carried})
		}
		if err := tx.post(entries...); err != nil {
			return y, err
		}
		if c.HeldFen > 0 {
			if err := tx.db.Exec("UPDATE fund_claims SET line_id = ? WHERE line_id = ? AND state IN ('reserved', 'committed')", next.ID, c.Line.ID).Error; err != nil {
				return y, fmt.Errorf("store: carry claims over: %w", err)
			}
		}
		res := tx.db.Exec("UPDATE budget_lines SET closed = TRUE, version = version + 1 WHERE id = ? AND NOT closed AND free_fen = 0 AND reserved_fen = 0 AND committed_fen = 0", c.Line.ID)
		if err := affect(res, stale()); err != nil {
			return y, err
		}
	}
	if err := tx.db.Exec("UPDATE budget_changes SET state = 'rejected', decision_reason = 'year closed', decided_at = ? WHERE state = 'proposed' AND line_id IN (SELECT id FROM budget_lines WHERE city_code = ? AND year = ?)",
		tx.At, y.CityCode, y.Year).Error; err != nil {
		return y, fmt.Errorf("store: end open changes: %w", err)
	}
	before := y.Version
	y.State, y.ClosedBy, y.ClosedByName, y.ClosedAt, y.Version = "closed", tx.By.ID, tx.By.Name, &tx.At, before+1
	res := tx.db.Model(&yearRow{}).Where("city_code = ? AND year = ? AND version = ? AND state = 'proposed'", y.CityCode, y.Year, before).
		Updates(map[string]any{"state": "closed", "closed_by": y.ClosedBy, "closed_by_name": y.ClosedByName, "closed_at": tx.At, "version": y.Version})
	if err := affect(res, stale()); err != nil {
		return y, err
	}
	return y, tx.Record(Event{Action: "close", Entity: "funding_year", EntityID: fmt.Sprintf("%s/%d", y.CityCode, y.Year), CityCode: y.CityCode}, nil, map[string]any{"lines": len(plan)})
}

// Year returns a funding year of the actor's scope, and whether an earlier one
// still has open lines.
func (tx *Tx) Year(city string, year int) (y ledger.Year, earlierOpen bool, err error) {
	if !tx.By.Scope.Covers(city, "") {
		return y, false, fault.Missing()
	}
	if y, _, err = tx.fundingYear(city, year); err != nil {
		return y, false, err
	}
	var n int64
	if err := tx.db.Model(&budgetLineRow{}).Where("city_code = ? AND year < ? AND NOT closed", city, year).Count(&n).Error; err != nil {
		return y, false, fmt.Errorf("store: open lines of earlier years: %w", err)
	}
	return y, n > 0, nil
}

// yearIsOpen fails with Conflict year_closed for a year that is closed.
func (tx *Tx) yearIsOpen(city string, year int) error {
	y, _, err := tx.fundingYear(city, year)
	if err == nil && y.State == "closed" {
		return ledger.YearClosed(year)
	}
	return err
}

type changeRow struct {
	ID             string
	LineID         string
	CityCode       string
	Kind           ledger.Kind
	AmountFen      int64
	Document       string
	Reason         string
	CorrectsYear   int
	State          string
	ProposedBy     string
	ProposedByName string
	ProposedAt     time.Time
	DecidedBy      string
	DecidedByName  string
	DecidedAt      *time.Time
	DecisionReason string
	Version        int64
}

func (changeRow) TableName() string { return "budget_changes" }

// ProposeChange adds a raise or cut of a line, to be decided by another person.
func (tx *Tx) ProposeChange(c *ledger.Change) error {
	c.State, c.ProposedBy, c.ProposedByName, c.ProposedAt, c.Version = "proposed", tx.By.ID, tx.By.Name, tx.At, 1
	row := changeRowOf(*c)
	if err := tx.db.Create(&row).Error; err != nil {
		return fmt.Errorf("store: propose a change: %w", err)
	}
	return tx.Record(Event{Action: "propose", Entity: "budget_change", EntityID: c.ID, CityCode: c.CityCode, Reason: c.Reason}, nil,
		map[string]any{"line_id": c.LineID, "kind": c.Kind, "amount_fen": c.AmountFen, "document": c.Document})
}

func changeRowOf(c ledger.Change) changeRow {
	return changeRow{c.ID, c.LineID, c.CityCode, c.Kind, int64(c.AmountFen), c.Document, c.Reason, c.CorrectsYear, c.State, c.ProposedBy, c.ProposedByName, c.ProposedAt,
		c.DecidedBy, c.DecidedByName, c.DecidedAt, c.DecisionReason, c.Version}
}

// DecideChange keeps the decision; an approved change is booked with it.
func (tx *Tx) DecideChange(before ledger.Change, after *ledger.Change, line ledger.BudgetLine) error {
	after.Version = before.Version + 1
	res := inScope(tx.db.Model(&changeRow{}), tx.By.Scope, false).Where("id = ? AND version = ? AND state = 'proposed'", before.ID, before.Version).
		Updates(map[string]any{"state": after.State, "decided_by": after.DecidedBy, "decided_by_name": after.DecidedByName, "decided_at": after.DecidedAt,
			"decision_reason": after.DecisionReason, "version": after.Version})
	if err := affect(res, stale()); err != nil {
		return err
	}
	if after.State == "approved" {
		from, to := ledger.Grant, ledger.Free
		if after.Kind == ledger.Cut {
			from, to = to, from
		}
		if err := tx.post(ledger.Entry{CityCode: line.CityCode, Kind: after.Kind, Document: after.Document, Note: after.Reason, Postings: ledger.Move(line, from, to, after.AmountFen)}); err != nil {
			return err
		}
	}
	return tx.Record(Event{Action: after.State, Entity: "budget_change", EntityID: after.ID, CityCode: after.CityCode, Reason: after.DecisionReason}, nil, map[string]any{"amount_fen": after.AmountFen, "kind": after.Kind})
}

// Change returns a change of the actor's scope, or NotFound.
func (tx *Tx) Change(id string) (ledger.Change, error) {
	var rows []changeRow
	if err := inScope(tx.db, tx.By.Scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return ledger.Change{}, fmt.Errorf("store: read a change: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Change{}, fault.Missing()
	}
	return rows[0].change(), nil
}

func (r changeRow) change() ledger.Change {
	c := ledger.Change{ID: r.ID, LineID: r.LineID, CityCode: r.CityCode, Kind: r.Kind, Document: r.Document, Reason: r.Reason, CorrectsYear: r.CorrectsYear, State: r.State,
		ProposedBy: r.ProposedBy, ProposedByName: r.ProposedByName, ProposedAt: r.ProposedAt, DecidedBy: r.DecidedBy, DecidedByName: r.DecidedByName, DecidedAt: r.DecidedAt,
		DecisionReason: r.DecisionReason, Version: r.Version}
	c.AmountFen = money.Fen(r.AmountFen)
	return c
}

// Changes returns one page of raises and cuts of the scope, newest first.
func (db *DB) Changes(ctx context.Context, scope access.Scope, lineID, state string, p Page) ([]ledger.Change, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	if lineID != "" {
		q = q.Where("line_id = ?", lineID)
	}
	if state != "" {
		q = q.Where("state = ?", state)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []changeRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list changes: %w", err)
	}
	list := make([]ledger.Change, len(rows))
	for i, r := range rows {
		list[i] = r.change()
	}
	return list, nil
}

// FundsFact is one sum of the funds report.
type FundsFact struct {
	CityCode string
	Source   ledger.Source
	Month    string
	Kind     ledger.Kind
	Account  ledger.Account
	Fen      int64
}

// FundsFacts sums the postings on budget lines of a year of the scope by city,
// source, month, kind and account.
func (db *DB) FundsFacts(ctx context.Context, scope access.Scope, city string, year int) ([]FundsFact, error) {
	q := db.read.WithContext(ctx).Table("ledger_postings p").Joins("JOIN ledger_entries e ON e.id = p.entry_id").Joins("JOIN budget_lines l ON l.id = p.line_id").Where("l.year = ?", year)
	q = inScopeOf(q, scope, "p.city_code", "")
	if city != "" {
		q = q.Where("p.city_code = ?", city)
	}
	var facts []FundsFact
	err := q.Select("p.city_code AS city_code, l.source AS source, substr(e.booked_on, 1, 7) AS month, e.kind AS kind, p.account AS account, SUM(p.fen) AS fen").
		Group("p.city_code, l.source, substr(e.booked_on, 1, 7), e.kind, p.account").Order("p.city_code, l.source, month").Scan(&facts).Error
	if err != nil {
		return nil, fmt.Errorf("store: funds report: %w", err)
	}
	return facts, nil
}
