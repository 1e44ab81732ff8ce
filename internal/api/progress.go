package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// Definition is a named, versioned meaning of a word that the plan leaves open.
type Definition struct {
	Code     string `json:"code"`
	Revision int64  `json:"revision"`
	Name     Name   `json:"name"`
	Text     Name   `json:"text"`
	ShareBP  *int64 `json:"share_bp" doc:"Share of the baseline in basis points; null: sets none."`
	Sample   bool   `json:"sample" doc:"Our assumption, not an official figure."`
	Source   string `json:"source,omitempty"`
}

func definitionView(d target.Definition) Definition {
	return Definition{d.Code, d.Revision, nameOf(d.Name), nameOf(d.Text), d.ShareBP, d.Sample, d.Source}
}

// Target is one requirement on one class in one city, or in each city alike.
type Target struct {
	ID              string         `json:"id"`
	Code            string         `json:"code" example:"R1"`
	Clause          string         `json:"clause"`
	Class           registry.Class `json:"class"`
	CityCode        string         `json:"city_code" doc:"430000: each city alike."`
	Kind            string         `json:"kind" enum:"hard,soft"`
	Measure         string         `json:"measure" enum:"count,share,none"`
	Value           *int64         `json:"value" doc:"Assets, or basis points; null: not set."`
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
	v := Target{ID: t.ID, Code: t.Code, Clause: t.Clause, Class: t.Class, CityCode: t.CityCode, Kind: t.Kind, Measure: t.Measure, Value: t.Value,
		DueOn: t.DueOn, BaselineOn: t.BaselineOn, Definition: definitionView(t.Definition), ResponsibleUnit: t.ResponsibleUnit, Document: t.Document,
		State: t.State, Sample: t.Sample, SetAt: t.SetAt, Version: t.Version}
	if t.Threshold != nil {
		d := definitionView(*t.Threshold)
		v.Threshold = &d
	}
	return v
}

type targetBody struct {
	Code               string         `json:"code" minLength:"1" maxLength:"40"`
	Clause             string         `json:"clause,omitempty" maxLength:"300"`
	Class              registry.Class `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	CityCode           string         `json:"city_code" pattern:"^\\d{6}$"`
	Kind               string         `json:"kind" enum:"hard,soft"`
	Measure            string         `json:"measure" enum:"count,share,none"`
	Value              *int64         `json:"value,omitempty" minimum:"0"`
	DueOn              civil.Day      `json:"due_on" maxLength:"10"`
	BaselineOn         civil.Day      `json:"baseline_on" maxLength:"10"`
	DefinitionCode     string         `json:"definition_code,omitempty" default:"deregistered"`
	DefinitionRevision int64          `json:"definition_revision,omitempty" default:"1"`
	ThresholdCode      string         `json:"threshold_code,omitempty"`
	ThresholdRevision  int64          `json:"threshold_revision,omitempty"`
	ResponsibleUnit    string         `json:"responsible_unit,omitempty" maxLength:"200"`
	Document           string         `json:"document,omitempty" maxLength:"300"`
	State              string         `json:"state,omitempty" enum:"draft,in_force,replaced" default:"draft"`
}

// put sets what the body says on a target; id, version and sample are ours.
func (b targetBody) put(t *target.Target) {
	t.Code, t.Clause, t.Class, t.CityCode, t.Kind, t.Measure, t.Value = b.Code, b.Clause, b.Class, b.CityCode, b.Kind, b.Measure, b.Value
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
	Class string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City  string `query:"city" pattern:"^\\d{6}$"`
	State string `query:"state" enum:"draft,in_force,replaced"`
}) (*listOut[Target], error) {
	rows, err := s.db.Targets(ctx, actor(ctx).Scope, store.TargetFilter{Class: registry.Class(in.Class), City: in.City, State: in.State})
	return listOf(rows, len(rows), func(t target.Target) string { return t.ID }, targetView), err
}

func (s *Server) listDefinitions(ctx context.Context, _ *struct{}) (*listOut[Definition], error) {
	rows, err := s.db.Definitions(ctx)
	return listOf(rows, len(rows), func(d target.Definition) string { return d.Code }, definitionView), err
}

func (s *Server) createTarget(ctx context.Context, in *struct {
	Keyed
	Body targetBody
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
		targetBody
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

// TargetRef is a target as a progress line names it.
type TargetRef struct {
	ID       string    `json:"id"`
	Code     string    `json:"code"`
	Kind     string    `json:"kind" enum:"hard,soft"`
	Clause   string    `json:"clause"`
	DueOn    civil.Day `json:"due_on"`
	ValueSet bool      `json:"value_set"`
	Sample   bool      `json:"sample" doc:"The target or its threshold is our example."`
}

// ProgressRow is one line of the progress sheet. The counts but baseline are
// those since the baseline day.
type ProgressRow struct {
	CityCode       string         `json:"city_code,omitempty"`
	CityName       *Name          `json:"city_name,omitempty"`
	DistrictCode   string         `json:"district_code,omitempty"`
	DistrictName   *Name          `json:"district_name,omitempty"`
	Class          registry.Class `json:"class,omitempty"`
	Target         *TargetRef     `json:"target,omitempty"`
	Baseline       int64          `json:"baseline" doc:"In the cohort on the baseline day."`
	Additions      int64          `json:"additions" doc:"Joined the cohort since."`
	Cohort         int64          `json:"cohort" doc:"baseline + additions"`
	HandedIn       int64          `json:"handed_in"`
	Declared       int64          `json:"declared"`
	Evidenced      int64          `json:"evidenced"`
	Verified       int64          `json:"verified"`
	Converted      int64          `json:"converted"`
	MovedOut       int64          `json:"moved_out"`
	Remaining      int64          `json:"remaining" doc:"cohort − verified − converted − moved_out"`
	Required       *int64         `json:"required" doc:"null: the target sets no number."`
	CompletionBP   *int64         `json:"completion_bp" doc:"verified / required in basis points: the headline."`
	DeclaredBP     *int64         `json:"declared_bp" doc:"declared / required"`
	EvidencedBP    *int64         `json:"evidenced_bp" doc:"evidenced / required"`
	RetiredShareBP *int64         `json:"retired_share_bp" doc:"verified / baseline"`
}

// ProgressSheet is the progress of one's area on a day.
type ProgressSheet struct {
	AsOf        civil.Day     `json:"as_of"`
	GeneratedAt time.Time     `json:"generated_at"`
	GroupBy     string        `json:"group_by"`
	Items       []ProgressRow `json:"items"`
	Total       ProgressRow   `json:"total"`
	Targets     []Target      `json:"targets" doc:"The targets in force, with their definitions."`
}

type progressQuery struct {
	AsOf    string `query:"as_of" maxLength:"10" doc:"Absent: today."`
	Class   string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City    string `query:"city" pattern:"^\\d{6}$"`
	GroupBy string `query:"group_by" default:"city,class" maxLength:"20" doc:"city,class (default), city, class or district."`
}

func (s *Server) progressRoutes() {
	route(s, operation("get-progress", http.MethodGet, "/progress", "progress", "How far each city and class has got, as of any day"), s.getProgress)
	route(s, binary(operation("get-progress-workbook", http.MethodGet, "/progress.xlsx", "progress", "The same as a workbook"), xlsxType), s.progressWorkbook)
}

func (q progressQuery) filter(today civil.Day) (app.ProgressFilter, error) {
	f := app.ProgressFilter{AsOf: today, Class: registry.Class(q.Class), City: q.City, GroupBy: q.GroupBy}
	switch q.GroupBy {
	case "city,class", "city", "class", "district":
	default:
		return f, fault.Field("query.group_by", "unknown_value", bilingual.F("不能按“%s”分组", "%q is not a grouping", q.GroupBy),
			bilingual.T("使用 city,class、city、class 或 district", "use city,class or city or class or district"))
	}
	if q.AsOf == "" {
		return f, nil
	}
	day, err := civil.Parse(q.AsOf)
	if err != nil {
		return f, fault.Field("query.as_of", "date_invalid", bilingual.F("“%s”不是有效日期", "%q is not a day", q.AsOf), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
	}
	f.AsOf = day
	return f, nil
}

func (s *Server) getProgress(ctx context.Context, in *progressQuery) (*struct{ Body ProgressSheet }, error) {
	f, err := in.filter(s.app.Today())
	if err != nil {
		return nil, err
	}
	sheet, err := s.app.Progress(ctx, actor(ctx).Scope, f)
	if err != nil {
		return nil, err
	}
	out := ProgressSheet{AsOf: sheet.AsOf, GeneratedAt: s.db.Now(), GroupBy: sheet.GroupBy, Items: make([]ProgressRow, len(sheet.Lines)),
		Total: s.progressRow(sheet.Total), Targets: make([]Target, len(sheet.Targets))}
	for i, l := range sheet.Lines {
		out.Items[i] = s.progressRow(l)
	}
	for i, t := range sheet.Targets {
		out.Targets[i] = targetView(t)
	}
	return &struct{ Body ProgressSheet }{out}, nil
}

func (s *Server) progressRow(l app.Line) ProgressRow {
	f := l.Figures
	r := ProgressRow{CityCode: l.CityCode, CityName: s.regionName(l.CityCode), DistrictCode: l.DistrictCode, DistrictName: s.regionName(l.DistrictCode), Class: l.Class,
		Baseline: f.Baseline, Additions: f.Additions, Cohort: f.Cohort, HandedIn: f.HandedIn, Declared: f.Declared, Evidenced: f.Evidenced, Verified: f.Verified,
		Converted: f.Converted, MovedOut: f.MovedOut, Remaining: f.Remaining, Required: f.Required, CompletionBP: target.ShareBP(f.Verified, f.Required),
		DeclaredBP: target.ShareBP(f.Declared, f.Required), EvidencedBP: target.ShareBP(f.Evidenced, f.Required), RetiredShareBP: target.ShareBP(f.Verified, &f.Baseline)}
	if t := l.Target; t != nil {
		r.Target = &TargetRef{t.ID, t.Code, t.Kind, t.Clause, t.DueOn, t.RequiredOf(1) != nil, t.Sample || (t.Threshold != nil && t.Threshold.Sample)}
	}
	return r
}

func (s *Server) regionName(code string) *Name {
	r, ok := s.app.Reference.Region(code)
	if !ok {
		return nil
	}
	return &Name{r.Name, r.NameEN}
}

func (s *Server) progressWorkbook(ctx context.Context, in *progressQuery) (*bytesOut, error) {
	f, err := in.filter(s.app.Today())
	if err != nil {
		return nil, err
	}
	by := actor(ctx)
	data, err := s.app.ProgressWorkbook(ctx, by, f, lang(ctx))
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf(bilingual.T("淘汰进度_%s.xlsx", "progress_%s.xlsx").In(lang(ctx)), f.AsOf)
	return download(name, xlsxType, data), nil
}
