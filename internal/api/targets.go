package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// Definition is a named, versioned meaning of a word that the plan leaves open.
type Definition struct {
	Code     string      `json:"code"`
	Revision int64       `json:"revision"`
	Name     Name        `json:"name"`
	Text     Name        `json:"text"`
	ShareBP  *int64      `json:"share_bp" doc:"Share of the baseline in basis points; null: sets none."`
	Counts   []CountRule `json:"counts" doc:"Which ways out count on which day; empty: as the default definition, or a share."`
	State    string      `json:"state" enum:"draft,in_force,discarded"`
	Sample   bool        `json:"sample" doc:"Our assumption, not an official figure."`
	Source   string      `json:"source,omitempty"`
	Version  int64       `json:"version"`

	ProposedBy string           `json:"proposed_by,omitempty" doc:"Who may not accept it."`
	Trial      *DefinitionTrial `json:"trial,omitempty" doc:"Of a list of definitions: what it moved when it was tried; absent: it was not."`
}

// DefinitionTrial is what a definition would move on the stock of a moment.
type DefinitionTrial struct {
	On     civil.Day         `json:"on" doc:"As of this day."`
	At     time.Time         `json:"at" doc:"As known at this instant."`
	Counts []DefinitionCount `json:"counts" doc:"By city of the reader and class; what moves nothing is left out."`
}

// DefinitionCount is how many verified assets of a city and class a definition moves.
type DefinitionCount struct {
	CityCode string         `json:"city_code"`
	Class    registry.Class `json:"class"`
	In       int64          `json:"in" doc:"Come to count."`
	Out      int64          `json:"out" doc:"No longer count."`
	Day      int64          `json:"day" doc:"Count on another day."`
}

// CountRule says that assets which left in one of the ways count on a day.
type CountRule struct {
	Ways []string `json:"ways" minItems:"1"`
	On   string   `json:"on" enum:"hand_over_on,dismantled_on,left_on"`
}

func definitionView(d target.Definition) Definition {
	v := Definition{d.Code, d.Revision, nameOf(d.Name), nameOf(d.Text), d.ShareBP, []CountRule{}, d.State, d.Sample, d.Source, d.Version, d.ProposedByName, nil}
	for _, r := range d.Counts {
		v.Counts = append(v.Counts, CountRule(r))
	}
	return v
}

// triedView is definitionView with what its trial moved in the scope.
func triedView(scope access.Scope, d target.Definition) Definition {
	v := definitionView(d)
	if d.Trial.Us == 0 {
		return v
	}
	v.Trial = &DefinitionTrial{On: d.Trial.On, At: time.UnixMicro(d.Trial.Us).UTC(), Counts: []DefinitionCount{}}
	for _, c := range d.Trial.Counts {
		if scope.Covers(c.CityCode, "") {
			v.Trial.Counts = append(v.Trial.Counts, DefinitionCount(c))
		}
	}
	return v
}

// Milestone is a step on the way to the due day.
type Milestone struct {
	On    civil.Day `json:"on" maxLength:"10"`
	Value *int64    `json:"value" doc:"As the measure has it; null: not set."`
	Note  string    `json:"note,omitempty" maxLength:"200"`
}

// Target is one requirement on one class in one city, or in each city alike.
type Target struct {
	ID              string         `json:"id"`
	Lineage         string         `json:"lineage" doc:"The same for all revisions of a target."`
	Revision        int64          `json:"revision"`
	Code            string         `json:"code" example:"R1"`
	Clause          string         `json:"clause"`
	Class           registry.Class `json:"class" doc:"Empty: the whole economy, for tonnes."`
	CityCode        string         `json:"city_code" doc:"430000: each city alike."`
	Kind            string         `json:"kind" enum:"hard,soft"`
	Measure         string         `json:"measure" enum:"count,share,tonnes,none"`
	Value           *int64         `json:"value" doc:"Assets, basis points, or tonnes; null: not set."`
	Pollutant       string         `json:"pollutant,omitempty" doc:"Of tonnes, which are context: they cover all key projects, not the phase-out alone."`
	Milestones      []Milestone    `json:"milestones"`
	CohortRule      string         `json:"cohort_rule,omitempty" doc:"Rule and revision by which the stock was drawn when the target was set."`
	ValidFrom       civil.Day      `json:"valid_from" doc:"First day for which this revision answers; empty: ever."`
	EndedOn         civil.Day      `json:"ended_on,omitempty" doc:"First day for which it no longer answers."`
	Note            string         `json:"note,omitempty"`
	SetBy           string         `json:"set_by"`
	DueOn           civil.Day      `json:"due_on"`
	BaselineOn      civil.Day      `json:"baseline_on"`
	Definition      Definition     `json:"definition"`
	Threshold       *Definition    `json:"threshold,omitempty"`
	ResponsibleUnit string         `json:"responsible_unit,omitempty"`
	Document        string         `json:"document,omitempty"`
	State           string         `json:"state" enum:"draft,in_force,replaced"`
	Sample          bool           `json:"sample"`
	SetAt           time.Time      `json:"set_at"`
	Version         int64          `json:"version"`
}

func targetView(t target.Target) Target {
	v := Target{ID: t.ID, Lineage: t.Lineage, Revision: t.Revision, Pollutant: t.Pollutant, Milestones: []Milestone{}, CohortRule: t.CohortRule, ValidFrom: t.ValidFrom, EndedOn: t.EndedOn,
		Note: t.Note, SetBy: t.SetByName, Code: t.Code, Clause: t.Clause, Class: t.Class, CityCode: t.CityCode, Kind: t.Kind, Measure: t.Measure, Value: t.Value,
		DueOn: t.DueOn, BaselineOn: t.BaselineOn, Definition: definitionView(t.Definition), ResponsibleUnit: t.ResponsibleUnit, Document: t.Document,
		State: t.State, Sample: t.Sample, SetAt: t.SetAt, Version: t.Version}
	if t.Threshold != nil {
		d := definitionView(*t.Threshold)
		v.Threshold = &d
	}
	for _, m := range t.Milestones {
		v.Milestones = append(v.Milestones, Milestone(m))
	}
	return v
}

// TargetBody is a target as it is entered.
type TargetBody struct {
	Code               string         `json:"code" minLength:"1" maxLength:"40"`
	Clause             string         `json:"clause,omitempty" maxLength:"300"`
	Class              registry.Class `json:"class,omitempty" enum:"truck,machinery,farm_machinery,vessel" doc:"May be left out for tonnes."`
	CityCode           string         `json:"city_code" pattern:"^\\d{6}$"`
	Kind               string         `json:"kind" enum:"hard,soft"`
	Measure            string         `json:"measure" enum:"count,share,tonnes,none"`
	Value              *int64         `json:"value,omitempty" minimum:"0"`
	DueOn              civil.Day      `json:"due_on" maxLength:"10"`
	BaselineOn         civil.Day      `json:"baseline_on" maxLength:"10"`
	Pollutant          string         `json:"pollutant,omitempty" maxLength:"20"`
	Milestones         []Milestone    `json:"milestones,omitempty" maxItems:"20"`
	ValidFrom          civil.Day      `json:"valid_from,omitempty" maxLength:"10" doc:"From which day a changed target answers; absent: today."`
	Note               string         `json:"note,omitempty" maxLength:"500"`
	DefinitionCode     string         `json:"definition_code,omitempty" default:"deregistered"`
	DefinitionRevision int64          `json:"definition_revision,omitempty" default:"1"`
	ThresholdCode      string         `json:"threshold_code,omitempty"`
	ThresholdRevision  int64          `json:"threshold_revision,omitempty"`
	ResponsibleUnit    string         `json:"responsible_unit,omitempty" maxLength:"200"`
	Document           string         `json:"document,omitempty" maxLength:"300"`
	State              string         `json:"state,omitempty" enum:"draft,in_force,replaced" default:"draft"`
}

// put sets what the body says on a target; id and version are ours, and what the
// province says is no sample of ours.
func (b TargetBody) put(t *target.Target) {
	t.Sample = false
	t.Code, t.Clause, t.Class, t.CityCode, t.Kind, t.Measure, t.Value = b.Code, b.Clause, b.Class, b.CityCode, b.Kind, b.Measure, b.Value
	t.Pollutant, t.ValidFrom, t.Note, t.Milestones = b.Pollutant, b.ValidFrom, b.Note, nil
	for _, m := range b.Milestones {
		t.Milestones = append(t.Milestones, target.Milestone(m))
	}
	t.DueOn, t.BaselineOn, t.ResponsibleUnit, t.Document, t.State = b.DueOn, b.BaselineOn, b.ResponsibleUnit, b.Document, b.State
	t.Definition = target.Definition{Code: b.DefinitionCode, Revision: b.DefinitionRevision}
	t.Threshold = nil
	if b.ThresholdCode != "" {
		t.Threshold = &target.Definition{Code: b.ThresholdCode, Revision: b.ThresholdRevision}
	}
}

func (s *Server) targetRoutes() {
	route(s, operation("list-targets", http.MethodGet, "/targets", "targets", "Targets that hold in one's area"), s.listTargets)
	route(s, operation("list-definitions", http.MethodGet, "/definitions", "targets", "Named definitions"), s.listDefinitions)
	create := operation("create-target", http.MethodPost, "/targets", "targets", "Set a target")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createTarget)
	route(s, changes(operation("update-target", http.MethodPatch, "/targets/{id}", "targets", "Change a target")), s.updateTarget)
}

func (s *Server) listTargets(ctx context.Context, in *struct {
	Class   string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City    string `query:"city" pattern:"^\\d{6}$"`
	State   string `query:"state" enum:"draft,in_force,replaced"`
	Lineage string `query:"lineage" maxLength:"64" doc:"Only the revisions of one target."`
}) (*listOut[Target], error) {
	rows, err := s.db.Targets(ctx, actor(ctx).Scope, store.TargetFilter{Class: registry.Class(in.Class), City: in.City, State: in.State, Lineage: in.Lineage})
	return listOf(rows, len(rows), func(t target.Target) string { return t.ID }, targetView), err
}

func (s *Server) listDefinitions(ctx context.Context, _ *struct{}) (*listOut[Definition], error) {
	rows, err := s.db.Definitions(ctx)
	return listOf(rows, len(rows), func(d target.Definition) string { return d.Code }, func(d target.Definition) Definition { return triedView(actor(ctx).Scope, d) }), err
}

func (s *Server) createTarget(ctx context.Context, in *struct {
	Keyed
	Body TargetBody
}) (*created[Target], error) {
	return create(ctx, in.Keyed, "create-target", in.Body,
		func(ctx context.Context, by access.Actor) (target.Target, error) {
			var t target.Target
			in.Body.put(&t)
			return s.app.CreateTarget(ctx, by, t)
		},
		targetView, func(t Target) string { return "/targets/" + t.ID }, func(t Target) int64 { return t.Version })
}

func (s *Server) updateTarget(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		TargetBody
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[Target], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	t, err := s.app.ChangeTarget(ctx, actor(ctx), in.ID, version, in.Body.Reason, in.Body.put)
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			rows, err := s.db.Targets(ctx, actor(ctx).Scope, store.TargetFilter{ID: in.ID})
			if err != nil || len(rows) == 0 {
				return nil, 0, fault.Missing()
			}
			return targetView(rows[0]), rows[0].Version, nil
		})
	}
	return oneOf(t.Version, targetView(t)), nil
}
