package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/target"
)

type definitionRow struct {
	Code     string
	Revision int64
	NameZH   string `gorm:"column:name_zh"`
	NameEN   string `gorm:"column:name_en"`
	TextZH   string `gorm:"column:text_zh"`
	TextEN   string `gorm:"column:text_en"`
	ShareBP  *int64 `gorm:"column:share_bp"`
	Sample   bool
	Source   string
	Counts   string
	State    string
	Version  int64

	ProposedBy     string
	ProposedByName string
	TriedUs        int64
	TriedOn        civil.Day
	Trial          string
}

func (definitionRow) TableName() string { return "definitions" }

func (r definitionRow) definition() target.Definition {
	var rules []target.CountRule
	if r.Counts != "" {
		_ = json.Unmarshal([]byte(r.Counts), &rules) // written by definitionRowOf
	}
	trial := target.Trial{Us: r.TriedUs, On: r.TriedOn}
	_ = json.Unmarshal([]byte(r.Trial), &trial.Counts) // written by TryDefinition
	return target.Definition{Code: r.Code, Revision: r.Revision, Name: bilingual.T(r.NameZH, r.NameEN), Text: bilingual.T(r.TextZH, r.TextEN),
		ShareBP: r.ShareBP, Sample: r.Sample, Source: r.Source, Counts: rules, State: r.State, Version: r.Version,
		ProposedBy: r.ProposedBy, ProposedByName: r.ProposedByName, Trial: trial}
}

func definitionRowOf(d target.Definition) (definitionRow, error) {
	r := definitionRow{Code: d.Code, Revision: d.Revision, NameZH: d.Name.ZH, NameEN: d.Name.EN, TextZH: d.Text.ZH, TextEN: d.Text.EN,
		ShareBP: d.ShareBP, Sample: d.Sample, Source: d.Source, State: d.State, Version: max(d.Version, 1),
		ProposedBy: d.ProposedBy, ProposedByName: d.ProposedByName, Trial: "[]"}
	if r.State == "" {
		r.State = "in_force"
	}
	if len(d.Counts) == 0 {
		return r, nil
	}
	text, err := json.Marshal(d.Counts)
	r.Counts = string(text)
	return r, err
}

// PutDefinition adds a definition and reports whether it did: one that is there
// stays as it is, for a definition that was published never changes.
func (tx *Tx) PutDefinition(d target.Definition) (added bool, err error) {
	row, err := definitionRowOf(d)
	if err != nil {
		return false, err
	}
	res := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if res.Error != nil {
		return false, fmt.Errorf("store: add a definition: %w", res.Error)
	}
	if res.RowsAffected == 0 {
		return false, nil
	}
	return true, tx.Record(Event{Action: "create", Entity: "definition", EntityID: d.Ref()}, nil,
		map[string]any{"text": d.Text, "share_bp": d.ShareBP, "counts": d.Counts, "sample": d.Sample, "state": row.State})
}

// DecideDefinition replaces a draft by after, in force or discarded, if nobody
// changed it since.
func (tx *Tx) DecideDefinition(before, after target.Definition, reason string) error {
	if err := tx.updateDraft(before, map[string]any{"state": after.State, "version": after.Version}); err != nil {
		return err
	}
	return tx.Record(Event{Action: after.State, Entity: "definition", EntityID: before.Ref(), Reason: reason}, map[string]string{"state": before.State}, map[string]string{"state": after.State})
}

// KeepTrial keeps what a draft would move, if nobody changed it since before.
func (tx *Tx) KeepTrial(before target.Definition, after *target.Definition) error {
	text, err := json.Marshal(after.Trial.Counts)
	if err != nil {
		return fmt.Errorf("store: trial of a definition: %w", err)
	}
	after.Version = before.Version + 1
	if err := tx.updateDraft(before, map[string]any{"tried_us": after.Trial.Us, "tried_on": after.Trial.On, "trial": string(text), "version": after.Version}); err != nil {
		return err
	}
	return tx.Record(Event{Action: "try", Entity: "definition", EntityID: before.Ref()}, nil, map[string]any{"tried_on": after.Trial.On, "trial": json.RawMessage(text)})
}

func (tx *Tx) updateDraft(before target.Definition, change map[string]any) error {
	res := tx.db.Model(&definitionRow{}).Where("code = ? AND revision = ? AND version = ? AND state = 'draft'", before.Code, before.Revision, before.Version).Updates(change)
	return affect(res, stale())
}

// Definitions returns every definition by code and revision.
func (db *DB) Definitions(ctx context.Context) ([]target.Definition, error) {
	var rows []definitionRow
	if err := db.read.WithContext(ctx).Order("code, revision").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list definitions: %w", err)
	}
	list := make([]target.Definition, len(rows))
	for i, r := range rows {
		list[i] = r.definition()
	}
	return list, nil
}

type targetRow struct {
	ID                 string
	Lineage            string
	Revision           int64
	Pollutant          string
	Milestones         string
	CohortRule         string
	Note               string
	ValidFrom          civil.Day
	EndedOn            civil.Day
	SetNo              int64
	EndedNo            int64
	SetByName          string
	Code               string
	Clause             string
	Class              registry.Class
	CityCode           string
	Kind               string
	Measure            string
	Value              *int64
	DueOn              civil.Day
	BaselineOn         civil.Day
	DefinitionCode     string
	DefinitionRevision int64
	ThresholdCode      string
	ThresholdRevision  int64
	ResponsibleUnit    string
	Document           string
	State              string
	Sample             bool
	SetBy              string
	SetAt              time.Time
	Version            int64
}

func (targetRow) TableName() string { return "targets" }

func targetRowOf(t target.Target) targetRow {
	r := targetRow{ID: t.ID, Lineage: t.Lineage, Revision: t.Revision, Pollutant: t.Pollutant, Milestones: milestonesText(t.Milestones), CohortRule: t.CohortRule, Note: t.Note,
		ValidFrom: t.ValidFrom, EndedOn: t.EndedOn, SetByName: t.SetByName, Code: t.Code, Clause: t.Clause, Class: t.Class, CityCode: t.CityCode, Kind: t.Kind, Measure: t.Measure, Value: t.Value,
		DueOn: t.DueOn, BaselineOn: t.BaselineOn, DefinitionCode: t.Definition.Code, DefinitionRevision: t.Definition.Revision,
		ResponsibleUnit: t.ResponsibleUnit, Document: t.Document, State: t.State, Sample: t.Sample, SetBy: t.SetBy, SetAt: t.SetAt, Version: t.Version}
	if t.Threshold != nil {
		r.ThresholdCode, r.ThresholdRevision = t.Threshold.Code, t.Threshold.Revision
	}
	return r
}

func milestonesText(list []target.Milestone) string {
	if len(list) == 0 {
		return "[]"
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // days, numbers and texts only
	}
	return string(text)
}

func targetView(t target.Target) map[string]string {
	r := targetRowOf(t)
	view := map[string]string{"code": r.Code, "clause": r.Clause, "class": string(r.Class), "city": r.CityCode, "kind": r.Kind, "measure": r.Measure,
		"due_on": string(r.DueOn), "baseline_on": string(r.BaselineOn), "definition": fmt.Sprintf("%s/%d", r.DefinitionCode, r.DefinitionRevision),
		"document": r.Document, "state": r.State, "responsible_unit": r.ResponsibleUnit, "revision": fmt.Sprint(r.Revision), "milestones": r.Milestones,
		"cohort_rule": r.CohortRule, "valid_from": string(r.ValidFrom), "ended_on": string(r.EndedOn), "pollutant": r.Pollutant, "note": r.Note}
	if r.Value != nil {
		view["value"] = fmt.Sprint(*r.Value)
	}
	if r.ThresholdCode != "" {
		view["threshold"] = fmt.Sprintf("%s/%d", r.ThresholdCode, r.ThresholdRevision)
	}
	return view
}

// CreateTarget adds a target or a revision of one. A second target in force for
// the same city and class fails with Conflict.
func (tx *Tx) CreateTarget(t *target.Target) error {
	if !tx.By.Scope.IsProvince() {
		return fault.Missing()
	}
	t.Version, t.SetBy, t.SetByName, t.SetAt = 1, tx.By.ID, tx.By.Name, tx.At
	if t.Lineage == "" {
		t.Lineage, t.Revision = t.ID, 1
	}
	row := targetRowOf(*t)
	if t.State == "in_force" {
		row.SetNo = tx.NoteKnowledge()
	}
	err := tx.db.Create(&row).Error
	if duplicate(err) {
		return targetTaken()
	}
	if err != nil {
		return fmt.Errorf("store: create a target: %w", err)
	}
	return tx.Record(Event{Action: "create", Entity: "target", EntityID: t.ID}, nil, targetView(*t))
}

func targetTaken() error {
	return fault.New(fault.Conflict, "target_in_force", bilingual.T("该城市和类别已有生效的目标", "a target is already in force for this city and class")).
		WithMend("请先将原目标标为已替换", "mark the present one as replaced first")
}

// UpdateTarget replaces before by after if nobody changed it since. What it was
// before it was in force is overwritten; what was in force is only ever ended.
func (tx *Tx) UpdateTarget(before target.Target, after *target.Target, reason string) error {
	after.Version, after.SetBy, after.SetByName, after.SetAt = before.Version+1, tx.By.ID, tx.By.Name, tx.At
	row := targetRowOf(*after)
	omit := []string{"id", "lineage", "revision", "set_no", "ended_no"}
	switch {
	case before.State == "draft" && after.State == "in_force":
		row.SetNo, omit = tx.NoteKnowledge(), []string{"id", "lineage", "revision", "ended_no"}
	case before.State == "in_force":
		row.EndedNo, omit = tx.NoteKnowledge(), []string{"id", "lineage", "revision", "set_no", "set_by", "set_by_name", "set_at"}
	}
	res := tx.db.Model(&targetRow{}).Where("id = ? AND version = ?", before.ID, before.Version).Select("*").Omit(omit...).Updates(&row)
	if duplicate(res.Error) {
		return targetTaken()
	}
	if err := affect(res, stale()); err != nil {
		return err
	}
	was, is := difference(targetView(before), targetView(*after))
	return tx.Record(Event{Action: "update", Entity: "target", EntityID: after.ID, Reason: reason}, was, is)
}

// Revisions returns every revision of a target, the newest first.
func (tx *Tx) Revisions(lineage string) ([]target.Target, error) {
	return listTargets(tx.db, tx.By.Scope, TargetFilter{Lineage: lineage})
}

// TargetFilter narrows a list of targets. City finds the city's own targets
// and those set for every city.
type TargetFilter struct {
	ID      string
	Lineage string
	Class   registry.Class
	City    string
	State   string
}

// Targets returns the targets that hold in the scope: those of its cities and
// those of the province.
func (db *DB) Targets(ctx context.Context, scope access.Scope, f TargetFilter) ([]target.Target, error) {
	return listTargets(db.read.WithContext(ctx), scope, f)
}

// Targets is DB.Targets at the moment of the reader.
func (r *Reader) Targets(f TargetFilter) ([]target.Target, error) {
	return listTargets(r.fresh(), r.scope, f)
}

// Definition returns a definition by code and revision, or NotFound.
func (tx *Tx) Definition(code string, revision int64) (target.Definition, error) {
	var rows []definitionRow
	if err := tx.db.Where("code = ? AND revision = ?", code, revision).Find(&rows).Error; err != nil {
		return target.Definition{}, fmt.Errorf("store: read a definition: %w", err)
	}
	if len(rows) == 0 {
		return target.Definition{}, fault.Missing()
	}
	return rows[0].definition(), nil
}

// Target returns one target of the actor's scope, or NotFound.
func (tx *Tx) Target(id string) (target.Target, error) {
	list, err := listTargets(tx.db, tx.By.Scope, TargetFilter{ID: id})
	if err == nil && len(list) == 0 {
		err = fault.Missing()
	}
	if err != nil {
		return target.Target{}, err
	}
	return list[0], nil
}

func listTargets(q *gorm.DB, scope access.Scope, f TargetFilter) ([]target.Target, error) {
	fresh := q.Session(&gorm.Session{})
	q = fresh.Model(&targetRow{})
	if !scope.IsProvince() {
		q = q.Where("city_code IN ?", []string{scope.City(), access.ProvinceCode})
	}
	if f.ID != "" {
		q = q.Where("id = ?", f.ID)
	}
	if f.Lineage != "" {
		q = q.Where("lineage = ?", f.Lineage)
	}
	if f.Class != "" {
		q = q.Where("class = ?", f.Class)
	}
	if f.City != "" {
		q = q.Where("city_code IN ?", []string{f.City, access.ProvinceCode})
	}
	if f.State != "" {
		q = q.Where("state = ?", f.State)
	}
	var rows []targetRow
	if err := q.Order("code, city_code, revision DESC, id").Limit(1000).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list targets: %w", err)
	}
	var definitions []definitionRow
	if err := fresh.Find(&definitions).Error; err != nil {
		return nil, fmt.Errorf("store: list definitions: %w", err)
	}
	named := map[string]target.Definition{}
	for _, d := range definitions {
		named[fmt.Sprintf("%s/%d", d.Code, d.Revision)] = d.definition()
	}
	var nos []int64
	for _, r := range rows {
		for _, no := range []int64{r.SetNo, r.EndedNo} {
			if no != 0 {
				nos = append(nos, no)
			}
		}
	}
	var stamps []recording
	if err := fresh.Where("no IN ?", nos).Find(&stamps).Error; err != nil {
		return nil, fmt.Errorf("store: read when targets were set: %w", err)
	}
	at := map[int64]int64{}
	for _, s := range stamps {
		at[s.No] = s.AtUs
	}
	list := make([]target.Target, len(rows))
	for i, r := range rows {
		var milestones []target.Milestone
		if err := json.Unmarshal([]byte(r.Milestones), &milestones); err != nil {
			return nil, fmt.Errorf("store: milestones of target %s: %w", r.ID, err)
		}
		list[i] = target.Target{ID: r.ID, Lineage: r.Lineage, Revision: r.Revision, Pollutant: r.Pollutant, Milestones: milestones, CohortRule: r.CohortRule, Note: r.Note,
			ValidFrom: r.ValidFrom, EndedOn: r.EndedOn, SetUs: at[r.SetNo], EndedUs: at[r.EndedNo], SetByName: r.SetByName, Code: r.Code, Clause: r.Clause, Class: r.Class, CityCode: r.CityCode, Kind: r.Kind, Measure: r.Measure,
			Value: r.Value, DueOn: r.DueOn, BaselineOn: r.BaselineOn, ResponsibleUnit: r.ResponsibleUnit, Document: r.Document, State: r.State,
			Sample: r.Sample, SetBy: r.SetBy, SetAt: r.SetAt, Version: r.Version,
			Definition: named[fmt.Sprintf("%s/%d", r.DefinitionCode, r.DefinitionRevision)]}
		if d, ok := named[fmt.Sprintf("%s/%d", r.ThresholdCode, r.ThresholdRevision)]; ok {
			list[i].Threshold = &d
		}
	}
	return list, nil
}
