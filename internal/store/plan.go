package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/target"
)

// CityPlan is the plan that a city has filed for a class.
type CityPlan struct {
	ID          string
	CityCode    string
	Class       registry.Class
	Title       string
	Document    string
	IssuedOn    civil.Day
	Split       string // []target.YearShare as JSON
	Note        string
	State       string // filed or replaced
	FiledBy     string
	FiledByName string
	FiledAt     time.Time
	Version     int64
}

// Years returns the yearly split.
func (p CityPlan) Years() ([]target.YearShare, error) {
	var years []target.YearShare
	if err := json.Unmarshal([]byte(p.Split), &years); err != nil {
		return nil, fmt.Errorf("store: split of plan %s: %w", p.ID, err)
	}
	return years, nil
}

// FilePlan keeps a city's plan; the one that was filed before stays as replaced.
func (tx *Tx) FilePlan(p *CityPlan, years []target.YearShare) error {
	if !tx.By.Scope.Covers(p.CityCode, "") {
		return fault.Missing()
	}
	text, err := json.Marshal(years)
	if err != nil {
		return fmt.Errorf("store: split of a plan: %w", err)
	}
	err = tx.db.Model(&CityPlan{}).Where("city_code = ? AND class = ? AND state = 'filed'", p.CityCode, p.Class).
		Updates(map[string]any{"state": "replaced", "version": gorm.Expr("version + 1")}).Error
	if err != nil {
		return fmt.Errorf("store: replace a plan: %w", err)
	}
	p.Split, p.State, p.FiledBy, p.FiledByName, p.FiledAt, p.Version = string(text), "filed", tx.By.ID, tx.By.Name, tx.At, 1
	if err := tx.db.Create(p).Error; err != nil {
		if duplicate(err) {
			return raced{fault.New(fault.Conflict, "plan_filed", bilingual.T("该市该类别的计划刚被提交", "a plan of the city was filed at the same time"))}
		}
		return fmt.Errorf("store: file a plan: %w", err)
	}
	return tx.Record(Event{Action: "file", Entity: "city_plan", EntityID: p.ID, CityCode: p.CityCode}, nil,
		map[string]any{"class": p.Class, "title": p.Title, "document": p.Document, "issued_on": p.IssuedOn, "split": splitText(years)})
}

// splitText is a yearly split as people read it in the audit: "2024: 18, 2025: —".
func splitText(years []target.YearShare) string {
	parts := make([]string, len(years))
	for i, y := range years {
		value := "—"
		if y.Value != nil {
			value = strconv.FormatInt(*y.Value, 10)
		}
		parts[i] = fmt.Sprintf("%d: %s", y.Year, value)
	}
	return strings.Join(parts, ", ")
}

// CityPlans returns the plans of the scope, the newest of each city and class first.
func (db *DB) CityPlans(ctx context.Context, scope access.Scope, city string) ([]CityPlan, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	var plans []CityPlan
	if err := q.Order("city_code, class, id DESC").Limit(1000).Find(&plans).Error; err != nil {
		return nil, fmt.Errorf("store: list plans: %w", err)
	}
	return plans, nil
}

// Baseline is a frozen list of what belonged to a city's cohort on a day, as it
// was known then.
type Baseline struct {
	ID           string
	CityCode     string
	Class        registry.Class
	Name         string
	TakenOn      civil.Day
	KnownUs      int64 // microseconds
	CohortRule   string
	Definition   string
	Assets       int64
	Digest       string // SHA-256 over the ids in their order
	FrozenBy     string
	FrozenByName string
	FrozenAt     time.Time
}

// BaselineAsset is a line of a frozen list, as it was.
type BaselineAsset struct {
	BaselineID   string
	AssetID      string
	Label        string
	CityCode     string
	DistrictCode string
	Category     string
	Stage        string
	CohortOn     civil.Day
}

// FreezeBaseline keeps the list of what stood behind the baseline figure of a
// city and class at a moment. Rows are only ever added.
func (tx *Tx) FreezeBaseline(b *Baseline, bounds Bounds) error {
	if !tx.By.Scope.Covers(b.CityCode, "") {
		return fault.Missing()
	}
	r := &Reader{db: tx.store, q: tx.db, scope: access.Whole(), At: tx.At} // of rows, not of roll-ups
	f := RowFilter{CountFilter: CountFilter{City: b.CityCode, Class: b.Class}, Metric: target.Baseline,
		Bounds: map[Area]Bounds{{CityCode: b.CityCode, Class: b.Class}: bounds}, Moment: Moment{AsOf: b.TakenOn}}
	b.FrozenBy, b.FrozenByName, b.FrozenAt = tx.By.ID, tx.By.Name, tx.At
	sum := sha256.New()
	var list []BaselineAsset
	for page := (Page{Limit: chunkRows}); ; {
		rows, err := r.Rows(f, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			_, _ = fmt.Fprintln(sum, row.AssetID) // a hash takes everything
			list = append(list, BaselineAsset{b.ID, row.AssetID, row.Label, row.CityCode, row.DistrictCode, row.Category, row.Stage, row.CohortOn})
		}
		if len(rows) < page.Limit {
			break
		}
		page.After = rows[len(rows)-1].AssetID
	}
	b.Assets, b.Digest = int64(len(list)), hex.EncodeToString(sum.Sum(nil))
	if err := tx.db.Create(b).Error; err != nil {
		return fmt.Errorf("store: freeze a baseline: %w", err)
	}
	if err := insertAll(tx, list); err != nil {
		return fmt.Errorf("store: freeze a baseline: %w", err)
	}
	return tx.Record(Event{Action: "freeze", Entity: "baseline", EntityID: b.ID, CityCode: b.CityCode}, nil,
		map[string]any{"class": b.Class, "taken_on": b.TakenOn, "assets": b.Assets, "digest": b.Digest, "cohort_rule": b.CohortRule, "definition": b.Definition})
}

// Baselines returns the frozen baselines of the scope, the newest first.
func (db *DB) Baselines(ctx context.Context, scope access.Scope, city string, class registry.Class) ([]Baseline, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	if class != "" {
		q = q.Where("class = ?", class)
	}
	var list []Baseline
	if err := q.Order("id DESC").Limit(1000).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("store: list baselines: %w", err)
	}
	return list, nil
}

// Baseline returns a frozen baseline of the scope, or NotFound.
func (db *DB) Baseline(ctx context.Context, scope access.Scope, id string) (Baseline, error) {
	var list []Baseline
	if err := inScope(db.read.WithContext(ctx), scope, false).Where("id = ?", id).Limit(1).Find(&list).Error; err != nil {
		return Baseline{}, fmt.Errorf("store: read a baseline: %w", err)
	}
	if len(list) == 0 {
		return Baseline{}, fault.Missing()
	}
	return list[0], nil
}

// The parts of a comparison of a frozen baseline with the stock.
const (
	FrozenList    = "frozen"     // the list itself
	FrozenAdded   = "added"      // in the cohort as of the day, not on the list
	FrozenRetired = "retired"    // on the list, verified as retired since
	FrozenLeft    = "left"       // on the list, converted or moved out of the province since
	FrozenGone    = "gone"       // on the list, in the city's cohort no more for another reason
	FrozenStill   = "still_here" // on the list and in the stock
)

// FrozenParts lists the parts in the order in which they are shown.
var FrozenParts = []string{FrozenList, FrozenStill, FrozenRetired, FrozenLeft, FrozenGone, FrozenAdded}

// FrozenRow is a line of a part.
type FrozenRow struct {
	AssetID      string
	Label        string
	DistrictCode string
	Category     string
	Stage        string
	CohortOn     civil.Day
	WayOut       string
	LeftOn       civil.Day
	Status       registry.Status
	HeldBy       string // city that has it now, "" if the record is gone
}

// frozenPart is a part of the comparison as a query.
func frozenPart(q *gorm.DB, b Baseline, part string, d target.Definition, day civil.Day) *gorm.DB {
	fresh := func() *gorm.DB { return q.Session(&gorm.Session{NewDB: true}) }
	held := func() *gorm.DB {
		return fresh().Table("assets").Where("city_code = ? AND class = ? AND cohort_on <> '' AND cohort_on <= ?", b.CityCode, b.Class, day).Select("id")
	}
	verified, va := countedBy(d, target.Verified, day)
	converted, ca := countsBy(target.Converted, day)
	moved, ma := countsBy(target.MovedOut, day)
	left, la := "("+converted+" OR "+moved+")", append(append([]any{}, ca...), ma...)
	if part == FrozenAdded {
		test, args := behind(target.Cohort, d, b.TakenOn, day)
		return fresh().Table("assets AS f").Joins("LEFT JOIN assets a ON a.id = f.id").
			Where("f.id IN (?)", held().Where(test, args...)).Where("f.id NOT IN (?)", fresh().Table("baseline_assets").Where("baseline_id = ?", b.ID).Select("asset_id")).
			Select("f.id AS asset_id, " + frozenColumns)
	}
	list := fresh().Table("baseline_assets AS f").Joins("LEFT JOIN assets a ON a.id = f.asset_id").Where("f.baseline_id = ?", b.ID).Select("f.asset_id AS asset_id, " + frozenColumns)
	switch part {
	case FrozenRetired:
		list = list.Where("f.asset_id IN (?)", held().Where(verified, va...))
	case FrozenLeft:
		list = list.Where("f.asset_id IN (?)", held().Where("NOT "+verified, va...).Where(left, la...))
	case FrozenStill:
		list = list.Where("f.asset_id IN (?)", held().Where("NOT "+verified, va...).Where("NOT "+left, la...))
	case FrozenGone:
		list = list.Where("f.asset_id NOT IN (?)", held())
	}
	return list
}

const frozenColumns = "f.label, f.district_code, f.category, f.stage, f.cohort_on, COALESCE(a.way_out, '') AS way_out, COALESCE(a.left_on, '') AS left_on, " +
	"COALESCE(a.status, '') AS status, COALESCE(a.city_code, '') AS held_by"

// CompareBaseline counts the parts of a frozen baseline as of a day. What is on
// the list is still here, retired, left otherwise or gone; what joined is added.
func (db *DB) CompareBaseline(ctx context.Context, b Baseline, d target.Definition, day civil.Day) (map[string]int64, error) {
	counts := map[string]int64{}
	err := db.snapshot(ctx, func(q *gorm.DB) error {
		for _, part := range FrozenParts {
			var n int64
			if err := q.Session(&gorm.Session{NewDB: true}).Table("(?) AS p", frozenPart(q, b, part, d, day)).Count(&n).Error; err != nil {
				return fmt.Errorf("store: compare a baseline: %w", err)
			}
			counts[part] = n
		}
		return nil
	})
	return counts, err
}

// BaselineRows returns one page of a part of a frozen baseline.
func (db *DB) BaselineRows(ctx context.Context, b Baseline, part string, d target.Definition, day civil.Day, p Page) ([]FrozenRow, error) {
	q := db.read.WithContext(ctx)
	q = q.Session(&gorm.Session{NewDB: true}).Table("(?) AS p", frozenPart(q, b, part, d, day)).Order("asset_id").Limit(p.Limit)
	if p.After != "" {
		q = q.Where("asset_id > ?", p.After)
	}
	var rows []FrozenRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list a baseline: %w", err)
	}
	return rows, nil
}
