package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// YearShare is what a city plans for a year.
type YearShare struct {
	Year  int64  `json:"year"`
	Value *int64 `json:"value" doc:"null: the plan gives no number."`
}

// CityPlan is what a city has filed for a class (R2).
type CityPlan struct {
	ID       string      `json:"id"`
	Title    string      `json:"title"`
	Document string      `json:"document"`
	IssuedOn civil.Day   `json:"issued_on"`
	Years    []YearShare `json:"years"`
	Total    *int64      `json:"total" doc:"null: some year has no number."`
	Note     string      `json:"note,omitempty"`
	FiledBy  string      `json:"filed_by"`
	FiledAt  time.Time   `json:"filed_at"`
	Version  int64       `json:"version"`
}

// PlanState is a city and class with its plan.
type PlanState struct {
	CityCode string         `json:"city_code"`
	CityName *Name          `json:"city_name,omitempty"`
	Class    registry.Class `json:"class"`
	Finding  string         `json:"finding,omitempty" enum:"no_plan,no_split,other_total" doc:"no_plan: nothing is filed. no_split: the plan gives no number for some year. other_total: its years add up to another count than the target."`
	Former   int            `json:"former" doc:"Plans that it replaced."`
	Plan     *CityPlan      `json:"plan,omitempty"`
}

func planView(p store.CityPlan) (CityPlan, error) {
	years, err := p.Years()
	v := CityPlan{p.ID, p.Title, p.Document, p.IssuedOn, []YearShare{}, target.Plan{Years: years}.Total(), p.Note, p.FiledByName, p.FiledAt, p.Version}
	for _, y := range years {
		v.Years = append(v.Years, YearShare(y))
	}
	if len(years) == 0 {
		v.Total = nil
	}
	return v, err
}

func (s *Server) baselineRoutes() {
	route(s, operation("list-plans", http.MethodGet, "/plans", "targets", "What each city has filed as its own plan; a plan that is missing is a finding"), s.listPlans)
	file := operation("file-plan", http.MethodPost, "/plans", "targets", "File a city's plan in place of the one before")
	file.DefaultStatus = http.StatusCreated
	file.Errors = append(file.Errors, http.StatusNotFound)
	route(s, file, s.filePlan)

	propose := operation("create-definition", http.MethodPost, "/definitions", "targets", "Add a definition of what counts as retired, to be tried")
	propose.DefaultStatus = http.StatusCreated
	route(s, propose, s.createDefinition)
	route(s, changes(operation("try-definition", http.MethodPost, "/definitions/{code}/{revision}/trial", "targets", "Compute what a definition would move on today's stock")), s.tryDefinition)
	route(s, operation("list-definition-moves", http.MethodGet, "/definitions/{code}/{revision}/moves", "targets", "What a definition moves, exactly what its trial counted"), s.listDefinitionMoves)
	route(s, changes(operation("decide-definition", http.MethodPost, "/definitions/{code}/{revision}/decision", "targets", "Accept or discard a definition")), s.decideDefinition)

	route(s, operation("list-baselines", http.MethodGet, "/baselines", "targets", "Frozen baselines"), s.listBaselines)
	freeze := operation("freeze-baseline", http.MethodPost, "/baselines", "targets", "Freeze the list of what belongs to a cohort on a day")
	freeze.DefaultStatus = http.StatusCreated
	route(s, freeze, s.freezeBaseline)
	route(s, operation("get-baseline", http.MethodGet, "/baselines/{id}", "targets", "A frozen baseline beside the stock as of a day"), s.getBaseline)
	route(s, operation("list-baseline-rows", http.MethodGet, "/baselines/{id}/rows", "targets", "The rows of a part of a frozen baseline"), s.listBaselineRows)
}

func (s *Server) listPlans(ctx context.Context, in *struct {
	City string `query:"city" pattern:"^\\d{6}$"`
}) (*listOut[PlanState], error) {
	states, err := s.app.Plans(ctx, actor(ctx).Scope, in.City)
	if err != nil {
		return nil, err
	}
	out := &listOut[PlanState]{Body: List[PlanState]{Items: make([]PlanState, 0, len(states))}}
	for _, st := range states {
		v := PlanState{CityCode: st.CityCode, CityName: s.regionName(st.CityCode), Class: st.Class, Finding: "no_plan", Former: st.Former}
		if st.Plan != nil {
			plan, err := planView(*st.Plan)
			if err != nil {
				return nil, err
			}
			v.Plan, v.Finding = &plan, ""
			switch {
			case plan.Total == nil:
				v.Finding = "no_split"
			case st.Target != nil && st.Target.Measure == "count" && st.Target.Value != nil && *st.Target.Value != *plan.Total:
				v.Finding = "other_total"
			}
		}
		out.Body.Items = append(out.Body.Items, v)
	}
	return out, nil
}

type planBody struct {
	CityCode string         `json:"city_code" pattern:"^\\d{6}$"`
	Class    registry.Class `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	Title    string         `json:"title" minLength:"1" maxLength:"200"`
	Document string         `json:"document" minLength:"1" maxLength:"300" doc:"Number and place of the document."`
	IssuedOn civil.Day      `json:"issued_on" maxLength:"10"`
	Years    []YearShare    `json:"years,omitempty" maxItems:"20"`
	Note     string         `json:"note,omitempty" maxLength:"500"`
}

func (s *Server) filePlan(ctx context.Context, in *struct {
	Keyed
	Body planBody
}) (*created[CityPlan], error) {
	return create(ctx, in.Keyed, "file-plan", in.Body,
		func(ctx context.Context, by access.Actor) (store.CityPlan, error) {
			p := target.Plan{Title: in.Body.Title, Document: in.Body.Document, IssuedOn: in.Body.IssuedOn}
			for _, y := range in.Body.Years {
				p.Years = append(p.Years, target.YearShare(y))
			}
			return s.app.FilePlan(ctx, by, in.Body.CityCode, in.Body.Class, p, in.Body.Note)
		},
		func(p store.CityPlan) CityPlan {
			v, _ := planView(p) // its split was written in this request
			return v
		}, func(CityPlan) string { return "/plans" }, func(p CityPlan) int64 { return p.Version })
}

type definitionBody struct {
	Code   string      `json:"code" pattern:"^[a-z][a-z0-9_]{2,39}$"`
	Name   Name        `json:"name"`
	Text   Name        `json:"text"`
	Counts []CountRule `json:"counts,omitempty" maxItems:"10" doc:"What counts as retired; absent for a share."`
	Source string      `json:"source,omitempty" maxLength:"300"`

	ShareBP *int64 `json:"share_bp,omitempty" minimum:"1" maximum:"10000" doc:"Share of the baseline in basis points, of a definition of “basically”."`
}

func (s *Server) createDefinition(ctx context.Context, in *struct {
	Keyed
	Body definitionBody
}) (*created[Definition], error) {
	return create(ctx, in.Keyed, "create-definition", in.Body,
		func(ctx context.Context, by access.Actor) (target.Definition, error) {
			b := in.Body
			d := target.Definition{Code: b.Code, Name: bilingual.T(b.Name.ZH, b.Name.EN), Text: bilingual.T(b.Text.ZH, b.Text.EN), Source: b.Source, ShareBP: b.ShareBP}
			for _, r := range b.Counts {
				d.Counts = append(d.Counts, target.CountRule(r))
			}
			return s.app.ProposeDefinition(ctx, by, d)
		},
		func(d target.Definition) Definition { return triedView(actor(ctx).Scope, d) }, func(Definition) string { return "/definitions" }, func(d Definition) int64 { return d.Version })
}

// ByRevision is the part of an input that names a definition.
type ByRevision struct {
	Code     string `path:"code" maxLength:"40"`
	Revision int64  `path:"revision"`
}

func (s *Server) tryDefinition(ctx context.Context, in *struct {
	ByRevision
	Based
}) (*one[Definition], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	d, err := s.app.TryDefinition(ctx, actor(ctx), in.Code, in.Revision, version)
	return oneOf(d.Version, triedView(actor(ctx).Scope, d)), err
}

func (s *Server) decideDefinition(ctx context.Context, in *struct {
	ByRevision
	Based
	Body struct {
		Accept bool   `json:"accept"`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[Definition], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	d, err := s.app.DecideDefinition(ctx, actor(ctx), in.Code, in.Revision, version, in.Body.Accept, in.Body.Reason)
	return oneOf(d.Version, triedView(actor(ctx).Scope, d)), err
}

// DefinitionMove is an asset that a definition moves.
type DefinitionMove struct {
	AssetID      string         `json:"asset_id"`
	Label        string         `json:"label"`
	CityCode     string         `json:"city_code"`
	DistrictCode string         `json:"district_code,omitempty"`
	Class        registry.Class `json:"class"`
	Direction    string         `json:"direction" enum:"in,out,day"`
	WayOut       string         `json:"way_out"`
	BeforeOn     civil.Day      `json:"before_on,omitempty" doc:"The day on which it counts by the present definition."`
	AfterOn      civil.Day      `json:"after_on,omitempty" doc:"The day on which it would count."`
}

func (s *Server) listDefinitionMoves(ctx context.Context, in *struct {
	ByRevision
	Paging
	Class     string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City      string `query:"city" pattern:"^\\d{6}$"`
	Direction string `query:"direction" enum:"in,out,day"`
}) (*listOut[DefinitionMove], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.app.DefinitionMoves(ctx, actor(ctx).Scope, in.Code, in.Revision, store.CountFilter{City: in.City, Class: registry.Class(in.Class)}, in.Direction, page)
	return listOf(rows, in.Limit, func(m store.DefinitionMove) string { return m.AssetID }, func(m store.DefinitionMove) DefinitionMove {
		return DefinitionMove{m.AssetID, m.Label, m.CityCode, m.DistrictCode, m.Class, m.Direction, m.WayOut, m.BeforeOn, m.AfterOn}
	}), err
}

// Baseline is a frozen list of what belonged to a cohort.
type Baseline struct {
	ID         string         `json:"id"`
	CityCode   string         `json:"city_code"`
	CityName   *Name          `json:"city_name,omitempty"`
	Class      registry.Class `json:"class"`
	Name       string         `json:"name"`
	TakenOn    civil.Day      `json:"taken_on" doc:"The day as of which it was taken."`
	KnownAt    time.Time      `json:"known_at" doc:"As it was known at this instant."`
	CohortRule string         `json:"cohort_rule"`
	Definition string         `json:"definition"`
	Assets     int64          `json:"assets"`
	Digest     string         `json:"digest" doc:"SHA-256 over the ids of the list, a line each, in their order."`
	FrozenBy   string         `json:"frozen_by"`
	FrozenAt   time.Time      `json:"frozen_at"`
}

func (s *Server) baselineView(b store.Baseline) Baseline {
	return Baseline{b.ID, b.CityCode, s.regionName(b.CityCode), b.Class, b.Name, b.TakenOn, time.UnixMicro(b.KnownUs).UTC(), b.CohortRule, b.Definition, b.Assets, b.Digest, b.FrozenByName, b.FrozenAt}
}

func (s *Server) listBaselines(ctx context.Context, in *struct {
	City  string `query:"city" pattern:"^\\d{6}$"`
	Class string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
}) (*listOut[Baseline], error) {
	rows, err := s.db.Baselines(ctx, actor(ctx).Scope, in.City, registry.Class(in.Class))
	return listOf(rows, len(rows), func(b store.Baseline) string { return b.ID }, s.baselineView), err
}

type freezeBody struct {
	CityCode string         `json:"city_code,omitempty" pattern:"^(\\d{6})?$" doc:"Absent or the province: each city has its own list."`
	Class    registry.Class `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	Name     string         `json:"name" minLength:"1" maxLength:"100"`
	TakenOn  civil.Day      `json:"taken_on" maxLength:"10"`
}

func (s *Server) freezeBaseline(ctx context.Context, in *struct {
	Keyed
	Body freezeBody
}) (*created[List[Baseline]], error) {
	return create(ctx, in.Keyed, "freeze-baseline", in.Body,
		func(ctx context.Context, by access.Actor) ([]store.Baseline, error) {
			return s.app.Freeze(ctx, by, in.Body.CityCode, in.Body.Class, in.Body.Name, in.Body.TakenOn)
		},
		func(all []store.Baseline) List[Baseline] {
			return listOf(all, len(all), func(b store.Baseline) string { return b.ID }, s.baselineView).Body
		}, func(List[Baseline]) string { return "/baselines" }, func(List[Baseline]) int64 { return 1 })
}

// BaselinePart is a part of the comparison of a frozen list with the stock.
type BaselinePart struct {
	Part  string `json:"part" enum:"frozen,still_here,retired,left,gone,added"`
	Name  Name   `json:"name"`
	Count int64  `json:"count"`
}

var partNames = map[string]bilingual.Text{
	store.FrozenList: bilingual.T("冻结清单", "frozen list"), store.FrozenStill: bilingual.T("仍在存量", "still in the stock"), store.FrozenRetired: bilingual.T("已核实淘汰", "verified as retired"),
	store.FrozenLeft: bilingual.T("改造或转出省外", "converted or moved out of the province"), store.FrozenGone: bilingual.T("已不在本市纳入范围（转移、更正、规则变更等）", "no longer in the city's cohort (transfer, correction, change of rule …)"),
	store.FrozenAdded: bilingual.T("冻结后新增", "added since"),
}

// BaselineState is a frozen baseline beside the stock.
type BaselineState struct {
	Baseline Baseline       `json:"baseline"`
	AsOf     civil.Day      `json:"as_of"`
	Parts    []BaselinePart `json:"parts" doc:"frozen = still_here + retired + left + gone; added stands apart."`
}

// baselineAsOf reads a baseline with the day and the definition of a comparison.
func (s *Server) baselineAsOf(ctx context.Context, id, asOf string) (store.Baseline, target.Definition, civil.Day, error) {
	day, _, err := s.moment(ctx, asOf, "")
	if err != nil {
		return store.Baseline{}, target.Definition{}, day, err
	}
	b, err := s.db.Baseline(ctx, actor(ctx).Scope, id)
	if err != nil {
		return b, target.Definition{}, day, err
	}
	d, err := s.app.FrozenDefinition(ctx, b)
	return b, d, day, err
}

func (s *Server) getBaseline(ctx context.Context, in *struct {
	ByID
	AsOf string `query:"as_of" maxLength:"10" doc:"Absent: today."`
}) (*struct{ Body BaselineState }, error) {
	b, d, day, err := s.baselineAsOf(ctx, in.ID, in.AsOf)
	if err != nil {
		return nil, err
	}
	counts, err := s.db.CompareBaseline(ctx, b, d, day)
	if err != nil {
		return nil, err
	}
	out := BaselineState{Baseline: s.baselineView(b), AsOf: day}
	for _, part := range store.FrozenParts {
		out.Parts = append(out.Parts, BaselinePart{part, nameOf(partNames[part]), counts[part]})
	}
	return &struct{ Body BaselineState }{out}, nil
}

// BaselineLine is a line of a part.
type BaselineLine struct {
	AssetID      string          `json:"asset_id"`
	Label        string          `json:"label"`
	DistrictCode string          `json:"district_code,omitempty"`
	Category     string          `json:"category"`
	Stage        string          `json:"stage"`
	CohortOn     civil.Day       `json:"cohort_on"`
	WayOut       string          `json:"way_out,omitempty"`
	LeftOn       civil.Day       `json:"left_on,omitempty"`
	Status       registry.Status `json:"status,omitempty" doc:"As it is now; absent: the record is gone."`
	HeldBy       string          `json:"held_by,omitempty" doc:"The city that has it now."`
}

func (s *Server) listBaselineRows(ctx context.Context, in *struct {
	ByID
	Paging
	Part string `query:"part" enum:"frozen,still_here,retired,left,gone,added" default:"frozen"`
	AsOf string `query:"as_of" maxLength:"10" doc:"Absent: today."`
}) (*listOut[BaselineLine], error) {
	b, d, day, err := s.baselineAsOf(ctx, in.ID, in.AsOf)
	if err != nil {
		return nil, err
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(store.FrozenParts, in.Part) {
		return nil, fault.Missing()
	}
	rows, err := s.db.BaselineRows(ctx, b, in.Part, d, day, page)
	if err != nil {
		return nil, err
	}
	own := actor(ctx).Scope
	return listOf(rows, in.Limit, func(r store.FrozenRow) string { return r.AssetID }, func(r store.FrozenRow) BaselineLine {
		v := BaselineLine(r)
		if !own.Covers(r.HeldBy, r.DistrictCode) { // it is another city's now
			v.WayOut, v.LeftOn, v.Status = "", "", ""
		}
		return v
	}), nil
}
