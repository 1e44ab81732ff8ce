package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/subsidy"
)

// RuleRun is a program tried on the stock or on past cases.
type RuleRun struct {
	ID             string
	CityCode       string
	Kind           string // preview or replay
	ProgramID      string
	ProgramVersion int64     // of the program as it was tried
	Day            civil.Day // of a preview: the day on which everything would retire
	State          string    // waiting, running, done, failed
	Done           int64
	Total          int64
	Result         string // JSON
	Problem        string // why it failed, as JSON
	CreatedBy      string
	CreatedByName  string
	ScopeCode      string
	CreatedAt      time.Time
	SeenAt         *time.Time // last sign of life
	EndedAt        *time.Time
	Version        int64
}

// Ended reports whether nothing more comes of the run.
func (r RuleRun) Ended() bool { return ended(r.State) }

// ended reports whether nothing more comes of a run in a state.
func ended(state string) bool { return state == "done" || state == "failed" }

// percent is how much of a run is done, 0 to 100: all of one whose total nobody
// has counted only once it is done.
func percent(state string, done, total int64) int64 {
	switch {
	case state == "done":
		return 100
	case total == 0:
		return 0
	}
	return min(100, 100*done/total)
}

// RuleRunLine is a past case that a replay decides otherwise.
type RuleRunLine struct {
	RunID         string
	ApplicationID string
	CityCode      string
	DistrictCode  string
	AssetLabel    string
	Direction     string // gains, loses, or differs: the same amount for other reasons
	BeforeFen     money.Fen
	AfterFen      money.Fen
	Lines         string // the reasons after, as JSON
}

// CreateRuleRun adds a run that waits for its job.
func (tx *Tx) CreateRuleRun(r *RuleRun) error {
	r.State, r.Result, r.Version, r.CreatedAt, r.CreatedBy, r.CreatedByName, r.ScopeCode = "waiting", "{}", 1, tx.At, tx.By.ID, tx.By.Name, tx.By.Scope.Code()
	if err := tx.db.Create(r).Error; err != nil {
		return fmt.Errorf("store: add a rule run: %w", err)
	}
	return tx.Record(Event{Action: r.Kind, Entity: "rule_run", EntityID: r.ID, CityCode: r.CityCode}, nil, map[string]any{"program_id": r.ProgramID, "day": r.Day})
}

// UpdateRuleRun saves the progress or the end of a run.
func (tx *Tx) UpdateRuleRun(before RuleRun, after *RuleRun) error {
	after.Version, after.SeenAt = before.Version+1, &tx.At
	return affect(tx.db.Model(&RuleRun{}).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("state", "done", "total", "result", "problem", "seen_at", "ended_at", "version").Updates(after), stale())
}

// LostRuleRuns returns the ids of runs under way that gave no sign of life since.
func (db *DB) LostRuleRuns(ctx context.Context, cutoff time.Time) ([]string, error) {
	return lost[RuleRun](ctx, db, "state = 'running' AND (seen_at IS NULL OR seen_at <= ?)", cutoff)
}

// ClearRuleRunLines takes away what an interrupted run had found.
func (tx *Tx) ClearRuleRunLines(id string) error {
	return tx.db.Where("run_id = ?", id).Delete(&RuleRunLine{}).Error
}

// PutRuleRunLines adds the cases that a replay decides otherwise.
func (tx *Tx) PutRuleRunLines(lines []RuleRunLine) error {
	if len(lines) == 0 {
		return nil
	}
	if err := tx.db.CreateInBatches(lines, 200).Error; err != nil {
		return fmt.Errorf("store: add the lines of a replay: %w", err)
	}
	return nil
}

// RuleRun returns a run of the scope, or NotFound.
func (db *DB) RuleRun(ctx context.Context, scope access.Scope, id string) (RuleRun, error) {
	var runs []RuleRun
	if err := runsInScope(db.read.WithContext(ctx), scope).Where("id = ?", id).Limit(1).Find(&runs).Error; err != nil {
		return RuleRun{}, fmt.Errorf("store: read a rule run: %w", err)
	}
	if len(runs) == 0 {
		return RuleRun{}, fault.Missing()
	}
	return runs[0], nil
}

// runsInScope narrows runs to those that people of the same area started: a run
// of a district shows less than one of its city.
func runsInScope(q *gorm.DB, scope access.Scope) *gorm.DB {
	if scope.IsProvince() {
		return q
	}
	return inScope(q, scope, false).Where("scope_code = ?", scope.Code())
}

// RuleRuns returns the runs of a program in the scope, newest first.
func (db *DB) RuleRuns(ctx context.Context, scope access.Scope, programID string, p Page) ([]RuleRun, error) {
	q := runsInScope(db.read.WithContext(ctx), scope).Where("program_id = ?", programID)
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var runs []RuleRun
	if err := q.Order("id DESC").Limit(p.Limit).Find(&runs).Error; err != nil {
		return nil, fmt.Errorf("store: list rule runs: %w", err)
	}
	return runs, nil
}

// RuleRunLines returns the cases that a replay decides otherwise, in the scope.
func (db *DB) RuleRunLines(ctx context.Context, scope access.Scope, id, direction string, p Page) ([]RuleRunLine, error) {
	q := inScope(db.read.WithContext(ctx), scope, true).Where("run_id = ?", id)
	if direction != "" {
		q = q.Where("direction = ?", direction)
	}
	if p.After != "" {
		q = q.Where("application_id > ?", p.After)
	}
	var lines []RuleRunLine
	if err := q.Order("application_id").Limit(p.Limit).Find(&lines).Error; err != nil {
		return nil, fmt.Errorf("store: list the lines of a replay: %w", err)
	}
	return lines, nil
}

// StockPage returns assets of a class that are in service or on their way out,
// without their identifiers, after an id: what a rule is previewed on.
func (db *DB) StockPage(ctx context.Context, scope access.Scope, city string, class registry.Class, after string, limit int) ([]AssetRecord, error) {
	q := inScope(db.read.WithContext(ctx).Model(&assetRow{}), scope, true).Where("class = ? AND status IN ?", class, []registry.Status{registry.InUse, registry.HandedIn, registry.Dismantled})
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	if after != "" {
		q = q.Where("id > ?", after)
	}
	var rows []assetRow
	if err := q.Order("id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read the stock: %w", err)
	}
	today := civil.On(db.Now())
	records := make([]AssetRecord, len(rows))
	for i, r := range rows {
		var err error
		if records[i], err = r.record(today); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// StockCount returns how many assets StockPage goes through.
func (db *DB) StockCount(ctx context.Context, scope access.Scope, city string, class registry.Class) (int64, error) {
	q := inScope(db.read.WithContext(ctx).Model(&assetRow{}), scope, true).Where("class = ? AND status IN ?", class, []registry.Status{registry.InUse, registry.HandedIn, registry.Dismantled})
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	var n int64
	if err := q.Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: count the stock: %w", err)
	}
	return n, nil
}

// MovedInAll returns for every asset that came from another city the day of it.
func (db *DB) MovedInAll(ctx context.Context) (map[string]civil.Day, error) {
	var found []Transfer
	if err := db.read.WithContext(ctx).Select("asset_id", "answered_at").Where("state = ?", TransferAccepted).Order("answered_at").Find(&found).Error; err != nil {
		return nil, fmt.Errorf("store: read transfers: %w", err)
	}
	days := map[string]civil.Day{}
	for _, t := range found {
		if t.AnsweredAt != nil {
			days[t.AssetID] = civil.On(*t.AnsweredAt)
		}
	}
	return days, nil
}

// PastCase is an application with the facts it was decided on.
type PastCase struct {
	ID           string
	CityCode     string
	DistrictCode string
	AssetID      string
	AssetLabel   string
	RetirementID string
	Class        registry.Class
	AmountFen    money.Fen
	Explanation  string
	Facts        string // JSON; "" where none were kept
}

// Kept returns the facts of the case, and whether there are any.
func (c PastCase) Kept() (subsidy.Facts, bool, error) {
	var f subsidy.Facts
	if c.Facts == "" {
		return f, false, nil
	}
	if err := json.Unmarshal([]byte(c.Facts), &f); err != nil {
		return f, false, fmt.Errorf("store: facts of case %s: %w", c.ID, err)
	}
	return f, true, nil
}

func (db *DB) pastCases(ctx context.Context, scope access.Scope, p subsidy.Program) *gorm.DB {
	q := inScopeOf(db.read.WithContext(ctx).Table("applications AS a"), scope, "a.city_code", "a.district_code").
		Joins("JOIN programs p ON p.id = a.program_id").Where("p.city_code = ? AND p.code = ? AND a.state NOT IN ('withdrawn', 'rejected', 'expired')", p.CityCode, p.Code)
	return q
}

// PastCases returns the cases, open, live or paid, of a program's code, of whatever
// version, after an id.
func (db *DB) PastCases(ctx context.Context, scope access.Scope, p subsidy.Program, after string, limit int) ([]PastCase, error) {
	var cases []PastCase
	err := db.pastCases(ctx, scope, p).Joins("LEFT JOIN case_facts f ON f.application_id = a.id").Where("a.id > ?", after).
		Select("a.id, a.city_code, a.district_code, a.asset_id, a.asset_label, a.retirement_id, a.class, a.amount_fen, a.explanation, COALESCE(f.facts, '') AS facts").
		Order("a.id").Limit(limit).Scan(&cases).Error
	if err != nil {
		return nil, fmt.Errorf("store: read past cases: %w", err)
	}
	return cases, nil
}

// PastCaseCount returns how many cases PastCases goes through.
func (db *DB) PastCaseCount(ctx context.Context, scope access.Scope, p subsidy.Program) (int64, error) {
	var n int64
	if err := db.pastCases(ctx, scope, p).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: count past cases: %w", err)
	}
	return n, nil
}

// PaidCase is a paid application with what of its asset decides the tonnes.
type PaidCase struct {
	Gone
	ProgramID     string
	ProgramCode   string
	ProgramNameZH string `gorm:"column:program_name_zh"`
	ProgramNameEN string `gorm:"column:program_name_en"`
	AmountFen     money.Fen
}

// EachPaid calls fn for every paid application of the scope in the order of ids.
func (db *DB) EachPaid(ctx context.Context, scope access.Scope, city string, class registry.Class, fn func(PaidCase)) error {
	q := inScopeOf(db.read.WithContext(ctx).Table("applications AS a"), scope, "a.city_code", "a.district_code").Joins("JOIN assets s ON s.id = a.asset_id").Where("a.state = 'paid'")
	if city != "" {
		q = q.Where("a.city_code = ?", city)
	}
	if class != "" {
		q = q.Where("a.class = ?", class)
	}
	rows, err := q.Select("a.id, a.city_code, a.class, s.category, s.stage, COALESCE(NULLIF(s.verified_on, ''), a.paid_on), s.scrap_due_on, CASE WHEN a.class = 'truck' THEN '' ELSE s.fields END, a.program_id, a.program_code, a.program_name_zh, a.program_name_en, a.amount_fen").
		Order("a.id").Rows()
	if err != nil {
		return fmt.Errorf("store: read paid cases: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c PaidCase
		var fields string
		if err := rows.Scan(&c.ID, &c.CityCode, &c.Class, &c.Category, &c.Stage, &c.On, &c.ScrapDueOn, &fields, &c.ProgramID, &c.ProgramCode, &c.ProgramNameZH, &c.ProgramNameEN, &c.AmountFen); err != nil {
			return fmt.Errorf("store: read paid cases: %w", err)
		}
		if fields != "" {
			if c.Fields, err = fieldsOf(fields); err != nil {
				return fmt.Errorf("store: fields of case %s: %w", c.ID, err)
			}
		}
		fn(c)
	}
	return rows.Err()
}
