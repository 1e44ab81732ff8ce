package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/emission"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/target"
)

// FactorSet is a revision of the emission factors with who made it.
type FactorSet struct {
	emission.FactorSet
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	InForceAt     *time.Time
	WrittenBy     string // ids of all who wrote in the draft, separated by blanks: none of them puts it in force
}

type factorSetRow struct {
	ID            string
	Revision      int64
	State         string
	ValidFrom     civil.Day
	Document      string
	Conditions    string
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	InForceAt     *time.Time
	Version       int64
	WrittenBy     string
	InForceNo     int64 // the recording that put it in force, 0 for none
}

func (factorSetRow) TableName() string { return "factor_sets" }

type factorValueRow struct {
	SetID     string
	Item      string
	Method    string
	Band      string
	Grp       string
	Stage     string
	Pollutant emission.Pollutant
	Milli     int64
	Unit      string
	Basis     emission.Basis
	Source    string
}

func (factorValueRow) TableName() string { return "factor_values" }

func (r factorSetRow) set() (FactorSet, error) {
	s := FactorSet{FactorSet: emission.FactorSet{ID: r.ID, Revision: r.Revision, State: r.State, ValidFrom: r.ValidFrom, Document: r.Document, Version: r.Version},
		CreatedBy: r.CreatedBy, CreatedByName: r.CreatedByName, CreatedAt: r.CreatedAt, InForceAt: r.InForceAt, WrittenBy: r.WrittenBy}
	if err := json.Unmarshal([]byte(r.Conditions), &s.Conditions); err != nil {
		return s, fmt.Errorf("store: conditions of factor set %d: %w", r.Revision, err)
	}
	return s, nil
}

func factorSetRowOf(s *FactorSet) (factorSetRow, error) {
	conditions, err := json.Marshal(s.Conditions)
	if s.Conditions == nil {
		conditions = []byte("{}")
	}
	return factorSetRow{s.ID, s.Revision, s.State, s.ValidFrom, s.Document, string(conditions), s.CreatedBy, s.CreatedByName, s.CreatedAt, s.InForceAt, s.Version, s.WrittenBy, 0}, err
}

// CreateFactorSet adds a revision with its values. A second draft fails with Conflict.
func (tx *Tx) CreateFactorSet(s *FactorSet) error {
	s.Version, s.CreatedAt, s.CreatedBy, s.CreatedByName, s.WrittenBy = 1, tx.At, tx.By.ID, tx.By.Name, tx.By.ID
	row, err := factorSetRowOf(s)
	if err != nil {
		return fmt.Errorf("store: factor set: %w", err)
	}
	err = tx.db.Create(&row).Error
	if duplicate(err) {
		return fault.New(fault.Conflict, "undecided", bilingual.T("已有一份系数草稿", "there is a draft of the factors already")).
			WithMend("请先启用或放弃它", "put it in force or discard it first")
	}
	if err != nil {
		return fmt.Errorf("store: add a factor set: %w", err)
	}
	if err := tx.putFactorValues(s); err != nil {
		return err
	}
	return tx.Record(factorEvent("create", *s, ""), nil, map[string]any{"revision": s.Revision, "state": s.State, "valid_from": s.ValidFrom, "values": len(s.Values)})
}

func (tx *Tx) putFactorValues(s *FactorSet) error {
	rows := make([]factorValueRow, len(s.Values))
	for i, v := range s.Values {
		rows[i] = factorValueRow{s.ID, v.Item, v.Method, v.Band, v.Group, v.Stage, v.Pollutant, v.Milli, v.Unit, v.Basis, v.Source}
	}
	if err := insertAll(tx, rows); err != nil {
		return fmt.Errorf("store: keep the values of a factor set: %w", err)
	}
	return nil
}

func factorEvent(action string, s FactorSet, reason string) Event {
	return Event{Action: action, Entity: "factor_set", EntityID: s.ID, Reason: reason}
}

// UpdateFactorSet replaces before by after, values included, if nobody changed
// it since. Only a draft has its values replaced.
func (tx *Tx) UpdateFactorSet(before FactorSet, after *FactorSet, action, reason string) error {
	after.Version = before.Version + 1
	if after.State == "draft" && !target.Wrote(before.WrittenBy, tx.By.ID) {
		after.WrittenBy += " " + tx.By.ID
	}
	row, err := factorSetRowOf(after)
	if err != nil {
		return fmt.Errorf("store: factor set: %w", err)
	}
	columns := []string{"state", "valid_from", "document", "conditions", "in_force_at", "version", "written_by"}
	if before.State == "draft" && after.State == "in_force" {
		row.InForceNo, columns = tx.NoteKnowledge(), append(columns, "in_force_no")
	}
	res := tx.db.Model(&factorSetRow{}).Where("id = ? AND version = ?", before.ID, before.Version).Select(columns).Updates(&row)
	if err := affect(res, stale()); err != nil {
		return err
	}
	if before.State == "draft" && after.State == "draft" {
		if err := tx.db.Where("set_id = ?", before.ID).Delete(&factorValueRow{}).Error; err != nil {
			return fmt.Errorf("store: values of a factor set: %w", err)
		}
		if err := tx.putFactorValues(after); err != nil {
			return err
		}
	}
	was, is := difference(factorView(before), factorView(*after))
	return tx.Record(factorEvent(action, *after, reason), was, is)
}

// factorView is what the audit keeps of a set: each value by its key.
func factorView(s FactorSet) map[string]string {
	view := map[string]string{"state": s.State, "valid_from": string(s.ValidFrom), "document": s.Document}
	for name, band := range s.Conditions {
		view["condition."+name] = band
	}
	for _, v := range s.Values {
		view[v.String()] = fmt.Sprintf("%d %s", v.Milli, v.Basis)
	}
	return view
}

// FactorSets returns every revision with its values, the newest first. Factors
// are the province's: everybody may read them.
func (db *DB) FactorSets(ctx context.Context) ([]FactorSet, error) {
	return factorSets(db.read.WithContext(ctx), "")
}

// FactorSets is DB.FactorSets inside a transaction.
func (tx *Tx) FactorSets() ([]FactorSet, error) { return factorSets(tx.db, "") }

// FactorSets is DB.FactorSets at the moment of the reader, without what was put
// in force after an instant; zero leaves nothing out.
func (r *Reader) FactorSets(known time.Time) ([]FactorSet, error) {
	sets, err := factorSets(r.fresh(), "")
	if err != nil || known.IsZero() {
		return sets, err
	}
	var later []string
	err = r.fresh().Model(&factorSetRow{}).Where("in_force_no IN (SELECT no FROM recordings WHERE at_us > ?) OR (in_force_no = 0 AND in_force_at > ?)", known.UnixMicro(), known).Pluck("id", &later).Error
	if err != nil {
		return nil, fmt.Errorf("store: read when factors came into force: %w", err)
	}
	return slices.DeleteFunc(sets, func(s FactorSet) bool { return slices.Contains(later, s.ID) }), nil
}

// FactorSet returns one revision, or NotFound.
func (db *DB) FactorSet(ctx context.Context, id string) (FactorSet, error) {
	return oneFactorSet(factorSets(db.read.WithContext(ctx), id))
}

// FactorSet returns one revision, or NotFound.
func (tx *Tx) FactorSet(id string) (FactorSet, error) { return oneFactorSet(factorSets(tx.db, id)) }

func oneFactorSet(sets []FactorSet, err error) (FactorSet, error) {
	switch {
	case err != nil:
		return FactorSet{}, err
	case len(sets) == 0:
		return FactorSet{}, fault.Missing()
	}
	return sets[0], nil
}

func factorSets(q *gorm.DB, id string) ([]FactorSet, error) {
	values := q.Session(&gorm.Session{}).Order("set_id, item, method, grp, band, stage, pollutant")
	if id != "" {
		q, values = q.Where("id = ?", id), values.Where("set_id = ?", id)
	}
	var rows []factorSetRow
	if err := q.Order("revision DESC").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list factor sets: %w", err)
	}
	var valueRows []factorValueRow
	if err := values.Find(&valueRows).Error; err != nil {
		return nil, fmt.Errorf("store: list emission factors: %w", err)
	}
	of := map[string][]emission.Value{}
	for _, v := range valueRows {
		of[v.SetID] = append(of[v.SetID], emission.Value{Key: emission.Key{Item: v.Item, Method: v.Method, Band: v.Band, Group: v.Grp, Stage: v.Stage, Pollutant: v.Pollutant},
			Milli: v.Milli, Unit: v.Unit, Basis: v.Basis, Source: v.Source})
	}
	sets := make([]FactorSet, len(rows))
	for i, r := range rows {
		s, err := r.set()
		if err != nil {
			return nil, err
		}
		s.Values = of[r.ID]
		s.Index()
		sets[i] = s
	}
	return sets, nil
}

type plannedRow struct {
	Pollutant string `gorm:"primaryKey"`
	CityCode  string `gorm:"primaryKey"`
	By2023T   int64  `gorm:"column:by_2023_t"`
	By2025T   int64  `gorm:"column:by_2025_t"`
}

func (plannedRow) TableName() string { return "planned_reductions" }

// PutPlanned writes table 2 of the plan.
func (tx *Tx) PutPlanned(rows []emission.Planned) error {
	for _, r := range rows {
		if err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&plannedRow{r.Pollutant, r.CityCode, r.By2023T, r.By2025T}).Error; err != nil {
			return fmt.Errorf("store: write table 2: %w", err)
		}
	}
	return nil
}

// Planned returns table 2 of the plan.
func (db *DB) Planned(ctx context.Context) ([]emission.Planned, error) {
	var rows []plannedRow
	if err := db.read.WithContext(ctx).Order("pollutant, city_code").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read table 2: %w", err)
	}
	planned := make([]emission.Planned, len(rows))
	for i, r := range rows {
		planned[i] = emission.Planned(r)
	}
	return planned, nil
}

// Gone is what an estimate needs of an asset that a figure counts as retired.
type Gone struct {
	ID           string
	CityCode     string
	DistrictCode string
	Class        registry.Class
	Category     string
	Stage        string
	Label        string
	On           civil.Day // the day it counts on by the definition of its target
	ScrapDueOn   civil.Day
	Fields       map[string]string // nil for trucks, which need none
}

// GoneFilter narrows verified retirements; Start is the id of the last row of
// the page before.
type GoneFilter struct {
	RowFilter
	Start string
}

// EachGone calls fn for every asset behind the figure of verified retirements
// that the filter describes, in the order of their ids, until fn returns false.
// The rows are those of Rows with the same filter.
func (r *Reader) EachGone(f GoneFilter, fn func(Gone) bool) error {
	f.Metric = target.Verified
	var texts []string
	var args []any
	for _, part := range r.known(f.RowFilter) {
		if f.Start != "" {
			part.q = part.q.Where(part.id+" > ?", f.Start)
		}
		texts = append(texts, "SELECT * FROM (?) AS "+part.own)
		args = append(args, part.q.Select(part.id+` AS id, city_code, district_code, class, category, stage, label, scrap_due_on, way_out, verified_on,
			hand_over_on, dismantled_on, left_on, `+part.activity+" AS activity"))
	}
	rows, err := r.fresh().Raw(strings.Join(texts, " UNION ALL ")+" ORDER BY id", args...).Rows()
	if err != nil {
		return fmt.Errorf("store: read retirements: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var g Gone
		var way, fields string
		days := map[string]*civil.Day{"hand_over_on": new(civil.Day), "dismantled_on": new(civil.Day), "left_on": new(civil.Day)}
		if err := rows.Scan(&g.ID, &g.CityCode, &g.DistrictCode, &g.Class, &g.Category, &g.Stage, &g.Label, &g.ScrapDueOn, &way, &g.On,
			days["hand_over_on"], days["dismantled_on"], days["left_on"], &fields); err != nil {
			return fmt.Errorf("store: read retirements: %w", err)
		}
		for _, rule := range f.Bounds[Area{CityCode: g.CityCode, Class: g.Class}].Definition.Counts {
			if slices.Contains(rule.Ways, way) {
				g.On = *days[rule.On]
			}
		}
		if fields != "" {
			if g.Fields, err = fieldsOf(fields); err != nil {
				return fmt.Errorf("store: fields of asset %s: %w", g.ID, err)
			}
		}
		if !fn(g) {
			return nil
		}
	}
	return rows.Err()
}

// YardClass is a yard and one of the classes that it takes.
type YardClass struct {
	YardID string
	Class  registry.Class
}

// WaitingInYards returns how many assets had been handed in at each registered
// yard by the moment's day and had not left by then.
func (r *Reader) WaitingInYards(at Moment) (map[YardClass]int64, error) {
	const test = "yard_id <> '' AND hand_over_on <> '' AND hand_over_on <= ? AND (left_on = '' OR left_on > ?)"
	waiting := map[YardClass]int64{}
	for _, part := range r.knownWhere(CountFilter{}, at.Known, test, []any{at.AsOf, at.AsOf}) {
		var rows []struct {
			YardID string
			Class  registry.Class
			N      int64
		}
		if err := part.q.Select("yard_id, class, COUNT(*) AS n").Group("yard_id, class").Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("store: count what waits in yards: %w", err)
		}
		for _, w := range rows {
			waiting[YardClass{w.YardID, w.Class}] += w.N
		}
	}
	return waiting, nil
}
