package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/subsidy"
)

type budgetLineRow struct {
	ID           string
	CityCode     string
	Year         int
	Source       ledger.Source
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

func (budgetLineRow) TableName() string { return "budget_lines" }

func (r budgetLineRow) line() ledger.BudgetLine { return ledger.BudgetLine(r) }

// CreateBudgetLine adds a line without money. A second line of the same city,
// year, source, class and program fails with Invalid duplicate.
func (tx *Tx) CreateBudgetLine(l *ledger.BudgetLine) error {
	if !tx.By.Scope.Covers(l.CityCode, "") {
		return fault.Missing()
	}
	if err := tx.yearIsOpen(l.CityCode, l.Year); err != nil {
		return err
	}
	l.AllocatedFen, l.FreeFen, l.ReservedFen, l.CommittedFen, l.PaidFen, l.Closed = 0, 0, 0, 0, 0, false
	l.Version, l.CreatedBy, l.CreatedAt = 1, tx.By.ID, tx.At
	row := budgetLineRow(*l)
	err := tx.db.Create(&row).Error
	if duplicate(err) {
		return fault.Field("body.source", "duplicate", bilingual.T("该年度已有相同来源、类别和方案的预算", "there is a line of this year, source, class and program already"),
			bilingual.T("请在已有预算上追加", "raise the line that is there"))
	}
	if err != nil {
		return fmt.Errorf("store: create a budget line: %w", err)
	}
	return tx.Record(Event{Action: "create", Entity: "budget_line", EntityID: l.ID, CityCode: l.CityCode}, nil,
		map[string]any{"year": l.Year, "source": l.Source, "class": l.Class, "program_id": l.ProgramID})
}

// BudgetLine returns a line of the scope, or NotFound.
func (db *DB) BudgetLine(ctx context.Context, scope access.Scope, id string) (ledger.BudgetLine, error) {
	return loadBudgetLine(db.read.WithContext(ctx), scope, id)
}

// BudgetLine returns a line of the actor's scope, or NotFound.
func (tx *Tx) BudgetLine(id string) (ledger.BudgetLine, error) {
	return loadBudgetLine(tx.db, tx.By.Scope, id)
}

func loadBudgetLine(q *gorm.DB, scope access.Scope, id string) (ledger.BudgetLine, error) {
	var rows []budgetLineRow
	if err := inScope(q, scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return ledger.BudgetLine{}, fmt.Errorf("store: read a budget line: %w", err)
	}
	if len(rows) == 0 {
		return ledger.BudgetLine{}, fault.Missing()
	}
	return rows[0].line(), nil
}

// BudgetFilter narrows a list of budget lines.
type BudgetFilter struct {
	City    string
	Year    int
	Source  ledger.Source
	Program string
}

// BudgetLines returns one page of lines of the scope, newest first.
func (db *DB) BudgetLines(ctx context.Context, scope access.Scope, f BudgetFilter, p Page) ([]ledger.BudgetLine, error) {
	return listBudgetLines(db.read.WithContext(ctx), scope, f, p)
}

// BudgetLines is DB.BudgetLines inside a transaction, in the actor's scope.
func (tx *Tx) BudgetLines(f BudgetFilter, p Page) ([]ledger.BudgetLine, error) {
	return listBudgetLines(tx.db, tx.By.Scope, f, p)
}

func listBudgetLines(q *gorm.DB, scope access.Scope, f BudgetFilter, p Page) ([]ledger.BudgetLine, error) {
	q = inScope(q, scope, false)
	if f.City != "" {
		q = q.Where("city_code = ?", f.City)
	}
	if f.Year != 0 {
		q = q.Where("year = ?", f.Year)
	}
	if f.Source != "" {
		q = q.Where("source = ?", f.Source)
	}
	if f.Program != "" {
		q = q.Where("program_id = ?", f.Program)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []budgetLineRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list budget lines: %w", err)
	}
	lines := make([]ledger.BudgetLine, len(rows))
	for i, r := range rows {
		lines[i] = r.line()
	}
	return lines, nil
}

// lineOfYear returns the line of a year that is like another in all else, and
// makes it if there is none.
func (tx *Tx) lineOfYear(like ledger.BudgetLine, year int) (ledger.BudgetLine, error) {
	var rows []budgetLineRow
	err := tx.db.Where("city_code = ? AND year = ? AND source = ? AND class = ? AND program_id = ?", like.CityCode, year, like.Source, like.Class, like.ProgramID).
		Limit(1).Find(&rows).Error
	if err != nil {
		return ledger.BudgetLine{}, fmt.Errorf("store: line of a year: %w", err)
	}
	if len(rows) > 0 {
		return rows[0].line(), nil
	}
	line := ledger.BudgetLine{ID: uuid.Must(uuid.NewV7()).String(), CityCode: like.CityCode, Year: year, Source: like.Source, Class: like.Class,
		ProgramID: like.ProgramID, Document: like.Document}
	return line, tx.CreateBudgetLine(&line)
}

// FundProgram gives a program the budget that it was set up with: lines of its
// city in the present year, split over its sources.
func (tx *Tx) FundProgram(p subsidy.Program) error {
	if p.BudgetFen == 0 {
		return nil
	}
	shares, err := tx.fundShares(p.ID)
	if err != nil {
		return err
	}
	entry := ledger.Entry{CityCode: p.CityCode, Kind: ledger.Raise, Document: p.Document, Note: p.Code}
	for _, part := range ledger.Split(p.BudgetFen, shares) {
		line, err := tx.lineOfYear(ledger.BudgetLine{CityCode: p.CityCode, Source: part.Source, Class: p.Class, ProgramID: p.ID, Document: p.Document}, civil.On(tx.At).Year())
		if err != nil {
			return err
		}
		entry.Postings = append(entry.Postings, ledger.Move(line, ledger.Grant, ledger.Free, part.Fen)...)
	}
	return tx.post(entry)
}

type programFunds struct {
	ProgramID                  string
	Allocated, Committed, Paid money.Fen
}

// fillFunds reads what the programs were given, what they have set aside, owe
// or paid, and what of it is paid, from the ledger's balances.
func fillFunds(q *gorm.DB, programs []subsidy.Program) error {
	ids := make([]string, len(programs))
	for i, p := range programs {
		ids[i] = p.ID
	}
	funds := map[string]programFunds{}
	var given []programFunds
	err := q.Table("budget_lines").Where("program_id IN ?", ids).Select("program_id, SUM(allocated_fen) AS allocated").Group("program_id").Find(&given).Error
	if err != nil {
		return fmt.Errorf("store: budget of programs: %w", err)
	}
	for _, f := range given {
		funds[f.ProgramID] = f
	}
	var used []programFunds
	err = q.Table("fund_claims").Where("program_id IN ? AND state IN ('reserved', 'committed', 'paid')", ids).
		Select("program_id, SUM(fen) AS committed, SUM(CASE WHEN state = 'paid' THEN fen ELSE 0 END) AS paid").Group("program_id").Find(&used).Error
	if err != nil {
		return fmt.Errorf("store: claims on programs: %w", err)
	}
	for _, f := range used {
		f.Allocated = funds[f.ProgramID].Allocated
		funds[f.ProgramID] = f
	}
	for i := range programs {
		f := funds[programs[i].ID]
		programs[i].BudgetFen, programs[i].CommittedFen, programs[i].PaidFen = f.Allocated, f.Committed, f.Paid
	}
	return nil
}
