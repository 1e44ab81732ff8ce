package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// CohortRule is a revision of the rule that says which assets of a class a
// requirement covers.
type CohortRule struct {
	ID          string           `json:"id"`
	Name        string           `json:"name" example:"truck-china3-v1"`
	Revision    int              `json:"revision"`
	State       string           `json:"state" enum:"trying,tried,applying,failed,in_force,replaced,discarded"`
	Rule        CohortConditions `json:"rule"`
	Document    string           `json:"document,omitempty"`
	Done        int64            `json:"done" doc:"Assets tried or moved so far."`
	Counts      []CohortCount    `json:"counts" doc:"What it moves, by city of the reader."`
	CreatedBy   string           `json:"created_by"`
	CreatedAt   time.Time        `json:"created_at"`
	InForceFrom *time.Time       `json:"in_force_from,omitempty"`
	FailedWhile string           `json:"failed_while,omitempty" enum:"trying,applying" doc:"What is done again by the decision retry. One that failed while it was applied has moved a part of the stock and cannot be discarded."`
	Problem     *RunProblem      `json:"problem,omitempty" doc:"Why it failed."`
	Version     int64            `json:"version"`
}

// CohortConditions are the conditions of a cohort rule; an empty one does not matter.
type CohortConditions struct {
	Class         registry.Class `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	Clause        Name           `json:"clause" doc:"The clause it rests on."`
	MaxStage      string         `json:"max_stage,omitempty" maxLength:"20" doc:"The cleanest stage that is still covered."`
	Fuels         []string       `json:"fuels,omitempty" maxItems:"20" doc:"Codes, one of which the fuel must be."`
	NotFuels      []string       `json:"not_fuels,omitempty" maxItems:"20"`
	Categories    []string       `json:"categories,omitempty" maxItems:"100" doc:"Codes or groups of the category dictionary."`
	NotCategories []string       `json:"not_categories,omitempty" maxItems:"100"`
	MinAgeYears   int            `json:"min_age_years,omitempty" minimum:"0" maximum:"100"`
	Since         string         `json:"since" enum:"registered_on,built_on,later" doc:"The day it is counted from."`
}

// CohortCount is how many assets of a city a rule moves.
type CohortCount struct {
	CityCode string `json:"city_code"`
	In       int    `json:"in" doc:"Come to be covered."`
	Out      int    `json:"out" doc:"Are no longer covered."`
	Day      int    `json:"day" doc:"Are covered from another day."`
}

// CohortMove is an asset that a rule moves.
type CohortMove struct {
	AssetID      string    `json:"asset_id"`
	CityCode     string    `json:"city_code"`
	DistrictCode string    `json:"district_code,omitempty"`
	Label        string    `json:"label"`
	Direction    string    `json:"direction" enum:"in,out,day"`
	BeforeOn     civil.Day `json:"before_on,omitempty"`
	AfterOn      civil.Day `json:"after_on,omitempty"`
}

func (s *Server) cohortRoutes() {
	route(s, operation("list-cohort-rules", http.MethodGet, "/cohort-rules", "cohort", "Cohort rules of every class, newest first"), s.listCohortRules)
	route(s, operation("get-cohort-rule", http.MethodGet, "/cohort-rules/{id}", "cohort", "One revision of a cohort rule"), s.getCohortRule)
	create := operation("create-cohort-rule", http.MethodPost, "/cohort-rules", "cohort", "Propose a cohort rule and try it on the whole stock")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createCohortRule)
	decide := changes(operation("decide-cohort-rule", http.MethodPost, "/cohort-rules/{id}/decision", "cohort", "Accept a cohort rule that was tried, discard it, or do again what failed"))
	decide.DefaultStatus = http.StatusOK
	route(s, decide, s.decideCohortRule)
	route(s, operation("list-cohort-moves", http.MethodGet, "/cohort-rules/{id}/moves", "cohort", "The assets that a cohort rule moves"), s.listCohortMoves)
}

func (s *Server) cohortView(ctx context.Context, r store.CohortRule) CohortRule {
	scope := actor(ctx).Scope
	v := CohortRule{ID: r.ID, Revision: r.Revision, State: r.State, Document: r.Document, Done: r.Done, Counts: []CohortCount{},
		CreatedBy: r.CreatedByName, CreatedAt: r.CreatedAt, InForceFrom: r.InForceFrom, FailedWhile: r.FailedWhile, Problem: runProblem(ctx, r.Problem), Version: r.Version}
	if body, err := r.Body(); err == nil {
		v.Name = body.Name()
		v.Rule = CohortConditions{Class: body.Class, Clause: Name{body.Clause.ZH, body.Clause.EN}, MaxStage: body.MaxStage, Fuels: body.Fuels, NotFuels: body.NotFuels,
			Categories: body.Categories, NotCategories: body.NotCategories, MinAgeYears: body.MinAgeYears, Since: body.Since}
	}
	counts := app.CohortCounts{}
	if json.Unmarshal([]byte(r.Counts), &counts) == nil {
		for _, c := range s.app.Reference.Cities() {
			if n, moved := counts[c.Code]; moved && scope.Covers(c.Code, "") {
				v.Counts = append(v.Counts, CohortCount{c.Code, n["in"], n["out"], n["day"]})
			}
		}
	}
	return v
}

func (s *Server) listCohortRules(ctx context.Context, _ *struct{}) (*listOut[CohortRule], error) {
	rules, err := s.db.CohortRules(ctx)
	return listOf(rules, len(rules), func(r store.CohortRule) string { return r.ID }, func(r store.CohortRule) CohortRule { return s.cohortView(ctx, r) }), err
}

func (s *Server) loadCohortRule(ctx context.Context, id string) (CohortRule, error) {
	r, err := s.db.CohortRule(ctx, id)
	return s.cohortView(ctx, r), err
}

func (s *Server) getCohortRule(ctx context.Context, in *ByID) (*one[CohortRule], error) {
	v, err := s.loadCohortRule(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) createCohortRule(ctx context.Context, in *struct {
	Keyed
	Body struct {
		Rule     CohortConditions `json:"rule"`
		Document string           `json:"document" minLength:"1" maxLength:"300" doc:"What it rests on: document and number."`
	}
}) (*created[CohortRule], error) {
	c := in.Body.Rule
	rule := registry.CohortRule{Class: c.Class, Clause: bilingual.T(c.Clause.ZH, c.Clause.EN), MaxStage: c.MaxStage, Fuels: c.Fuels, NotFuels: c.NotFuels,
		Categories: c.Categories, NotCategories: c.NotCategories, MinAgeYears: c.MinAgeYears, Since: c.Since}
	return create(ctx, in.Keyed, "create-cohort-rule", in.Body,
		func(ctx context.Context, by access.Actor) (store.CohortRule, error) {
			return s.app.ProposeRule(ctx, by, rule, in.Body.Document)
		},
		func(r store.CohortRule) CohortRule { return s.cohortView(ctx, r) }, func(r CohortRule) string { return "/cohort-rules/" + r.ID }, func(r CohortRule) int64 { return r.Version })
}

func (s *Server) decideCohortRule(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Decision string `json:"decision" enum:"accept,discard,retry" doc:"retry: do again what failed."`
		Reason   string `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[CohortRule], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	if _, err := s.app.DecideRule(ctx, actor(ctx), in.ID, version, in.Body.Decision, in.Body.Reason); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.loadCohortRule(ctx, in.ID)
			return v, v.Version, err
		})
	}
	v, err := s.loadCohortRule(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) listCohortMoves(ctx context.Context, in *struct {
	ByID
	Paging
	City      string `query:"city" pattern:"^\\d{6}$"`
	Direction string `query:"direction" enum:"in,out,day"`
}) (*listOut[CohortMove], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	if _, err := s.db.CohortRule(ctx, in.ID); err != nil {
		return nil, err
	}
	moves, err := s.db.CohortMoves(ctx, actor(ctx).Scope, in.ID, in.City, in.Direction, page)
	return listOf(moves, in.Limit, func(m store.CohortMove) string { return m.AssetID }, func(m store.CohortMove) CohortMove {
		return CohortMove{m.AssetID, m.CityCode, m.DistrictCode, m.Label, m.Direction, m.BeforeOn, m.AfterOn}
	}), err
}
