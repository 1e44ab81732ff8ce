package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

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

// GroupRow is what a line of a grouped sheet stands for; what it is not grouped
// by is absent.
type GroupRow struct {
	CityCode     string         `json:"city_code,omitempty"`
	CityName     *Name          `json:"city_name,omitempty"`
	DistrictCode string         `json:"district_code,omitempty"`
	DistrictName *Name          `json:"district_name,omitempty"`
	Class        registry.Class `json:"class,omitempty"`
	Category     string         `json:"category,omitempty"`
	CategoryName *Name          `json:"category_name,omitempty"`
	Stage        string         `json:"stage,omitempty"`
	StageName    *Name          `json:"stage_name,omitempty"`
	WayOut       string         `json:"way_out,omitempty"`
	WayOutName   *Name          `json:"way_out_name,omitempty"`
	Driver       string         `json:"driver,omitempty"`
	DriverName   *Name          `json:"driver_name,omitempty"`
	DueYear      int            `json:"due_year,omitempty" doc:"Year of mandatory scrapping of what has left, as it was when that was declared."`
	Operating    *bool          `json:"operating,omitempty" doc:"Of what has left: whether it was in commercial transport."`
}

func (s *Server) groupRow(g store.Group) GroupRow {
	r := GroupRow{
		CityCode: g.CityCode, CityName: s.regionName(g.CityCode), DistrictCode: g.DistrictCode, DistrictName: s.regionName(g.DistrictCode), Class: g.Class,
		Category: g.Category, CategoryName: s.optionName(g.Class, "category", g.Category), Stage: g.Stage, StageName: s.optionName(g.Class, "stage", g.Stage),
		WayOut: g.WayOut, WayOutName: wayName(g.WayOut), Driver: g.Driver, DriverName: driverName(g.Driver), DueYear: g.DueYear,
	}
	if g.DueYear != 0 || g.Operating {
		r.Operating = &g.Operating
	}
	return r
}

func (s *Server) optionName(class registry.Class, kind, code string) *Name {
	for _, spec := range registry.Classes() {
		if code == "" || (class != "" && spec.Class != class) {
			continue
		}
		if o, ok := s.app.Reference.Option(spec.Class, kind, code); ok {
			n := nameOf(o.Name)
			return &n
		}
	}
	return nil
}

func wayName(code string) *Name {
	for _, spec := range registry.Classes() {
		for _, w := range spec.WaysOut {
			if w.Code == code {
				n := nameOf(w.Name)
				return &n
			}
		}
	}
	return nil
}

func driverName(code string) *Name {
	for _, o := range registry.Drivers() {
		if o.Code == code {
			n := nameOf(o.Name)
			return &n
		}
	}
	return nil
}

// ProgressRow is one line of the progress sheet. The counts but baseline are
// those since the baseline day, or in the period of the line.
type ProgressRow struct {
	GroupRow
	Period         string     `json:"period,omitempty" doc:"Of a sheet by month or year: baseline is then the stock before the period, remaining that at its end."`
	Since          civil.Day  `json:"since,omitempty" doc:"The counts are those after this day: with until, metric and the group they open the rows (/progress/rows)."`
	Until          civil.Day  `json:"until,omitempty"`
	Definition     string     `json:"definition,omitempty" doc:"Code and revision by which this line counts."`
	Target         *TargetRef `json:"target,omitempty"`
	Baseline       int64      `json:"baseline" doc:"In the cohort on the baseline day."`
	Additions      int64      `json:"additions" doc:"Joined the cohort since."`
	Cohort         int64      `json:"cohort" doc:"baseline + additions"`
	HandedIn       int64      `json:"handed_in"`
	Declared       int64      `json:"declared"`
	Evidenced      int64      `json:"evidenced"`
	Verified       int64      `json:"verified"`
	Converted      int64      `json:"converted"`
	MovedOut       int64      `json:"moved_out"`
	Remaining      int64      `json:"remaining" doc:"cohort − verified − converted − moved_out"`
	Required       *int64     `json:"required" doc:"null: the target sets no number."`
	CompletionBP   *int64     `json:"completion_bp" doc:"verified / required in basis points: the headline."`
	DeclaredBP     *int64     `json:"declared_bp" doc:"declared / required"`
	EvidencedBP    *int64     `json:"evidenced_bp" doc:"evidenced / required"`
	RetiredShareBP *int64     `json:"retired_share_bp" doc:"verified / baseline"`
}

// ProgressSheet is the progress of one's area on a day.
type ProgressSheet struct {
	AsOf        civil.Day     `json:"as_of"`
	GeneratedAt time.Time     `json:"generated_at" doc:"All that was recorded up to this instant is counted and nothing else: asked again with as_known set to it, the same bytes come out."`
	GroupBy     string        `json:"group_by"`
	Items       []ProgressRow `json:"items"`
	Total       ProgressRow   `json:"total"`
	Targets     []Target      `json:"targets" doc:"The targets that hold on the day, with their definitions."`
}

// FigureNarrowing is the part of an input that says which figures are meant.
type FigureNarrowing struct {
	Class    string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City     string `query:"city" pattern:"^\\d{6}$"`
	District string `query:"district" pattern:"^(\\d{6}|none)$" doc:"none: the assets that no district is known of."`
	Category string `query:"category" maxLength:"40"`
	Stage    string `query:"stage" maxLength:"40"`
	WayOut   string `query:"way_out" maxLength:"40" doc:"none: the assets without one."`
	Driver   string `query:"driver" maxLength:"40" doc:"none: the assets without one."`

	DueYear   string `query:"due_year" pattern:"^(\\d{4}|none)$" doc:"Of retired assets: the year of their mandatory scrapping; none: nobody knows it, or it is not retired."`
	Operating string `query:"operating" enum:"true,false" doc:"true: retired from commercial transport."`
}

func (n FigureNarrowing) filter() store.CountFilter {
	return store.CountFilter{City: n.City, District: n.District, Class: registry.Class(n.Class), Category: n.Category, Stage: n.Stage, WayOut: n.WayOut, Driver: n.Driver,
		DueYear: n.DueYear, Operating: n.Operating}
}

// MomentQuery is the part of an input that says as of when.
type MomentQuery struct {
	AsOf    string `query:"as_of" maxLength:"10" doc:"Absent: today."`
	AsKnown string `query:"as_known" maxLength:"40" doc:"RFC 3339: count only what had been recorded by this instant. Absent: now."`
}

// ProgressQuery is the part of an input that says which sheet is meant.
type ProgressQuery struct {
	FigureNarrowing
	MomentQuery
	Since      string `query:"since" maxLength:"10" doc:"Count after this day instead of after each target's baseline day."`
	Definition string `query:"definition" maxLength:"60" doc:"Count by this definition, code/revision, instead of each target's own."`
	GroupBy    string `query:"group_by" default:"city,class" maxLength:"100" doc:"Any of province, city, district, class, category, stage, way_out, driver, due_year, operating, month, year, joined by commas."`
}

func (s *Server) progressRoutes() {
	route(s, operation("get-progress", http.MethodGet, "/progress", "progress", "How far each city and class has got, as of any day, as known at any instant, by any grouping"), s.getProgress)
	route(s, binary(operation("get-progress-workbook", http.MethodGet, "/progress.xlsx", "progress", "The same as a workbook"), xlsxType), s.progressWorkbook)
	route(s, operation("list-progress-rows", http.MethodGet, "/progress/rows", "progress", "The rows behind a figure or a reason, also as known at a past instant"), s.progressRows)
	route(s, operation("get-progress-gap", http.MethodGet, "/progress/gap", "progress", "Why what is registered does not count as retired: one reason for each asset, the reasons add up"), s.progressGap)
	route(s, operation("list-milestones", http.MethodGet, "/progress/milestones", "progress", "How each city stands towards the steps of its targets"), s.listMilestones)
}

func badDay(field, text string) error {
	return fault.Field("query."+field, "date_invalid", bilingual.F("“%s”不是有效日期", "%q is not a day", text), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
}

// moment reads a day and an instant. What is known later than now is no
// knowledge, unless it is recorded already: by a clock that was ahead of this one.
func (s *Server) moment(ctx context.Context, day, known string) (civil.Day, time.Time, error) {
	at := s.app.Today()
	if day != "" {
		d, err := civil.Parse(day)
		if err != nil {
			return at, time.Time{}, badDay("as_of", day)
		}
		at = d
	}
	if known == "" {
		return at, time.Time{}, nil
	}
	instant, err := time.Parse(time.RFC3339Nano, known)
	if err != nil {
		return at, instant, fault.Field("query.as_known", "instant_invalid", bilingual.F("“%s”不是有效时刻", "%q is not an instant", known),
			bilingual.T("请按 2026-01-15T09:30:00+08:00 的格式填写", "write it as 2026-01-15T09:30:00+08:00"))
	}
	if instant.After(s.db.Now()) {
		newest, err := s.db.LastRecorded(ctx)
		if err != nil {
			return at, instant, err
		}
		if !instant.After(newest) {
			return at, instant.UTC().Truncate(time.Microsecond), nil
		}
		return at, instant, fault.Field("query.as_known", "instant_future", bilingual.T("知悉时刻不能晚于现在", "nobody knows yet what will be recorded"),
			bilingual.T("请填写不晚于现在的时刻", "give an instant up to now"))
	}
	return at, instant.UTC().Truncate(time.Microsecond), nil
}

func (s *Server) progressFilter(ctx context.Context, q ProgressQuery) (app.ProgressFilter, error) {
	f := app.ProgressFilter{CountFilter: q.filter(), GroupBy: q.GroupBy}
	for _, g := range strings.Split(q.GroupBy, ",") {
		if !slices.Contains(app.Groupings, g) {
			return f, fault.Field("query.group_by", "unknown_value", bilingual.F("不能按“%s”分组", "%q is not a grouping", q.GroupBy),
				bilingual.T("使用 "+strings.Join(app.Groupings, "、")+"，以逗号连接", "use "+strings.Join(app.Groupings, ", ")+", joined by commas"))
		}
	}
	var err error
	if f.AsOf, f.Known, err = s.moment(ctx, q.AsOf, q.AsKnown); err != nil {
		return f, err
	}
	if q.Since != "" {
		if f.Since, err = civil.Parse(q.Since); err != nil {
			return f, badDay("since", q.Since)
		}
	}
	if q.Definition == "" {
		return f, nil
	}
	definitions, err := s.db.Definitions(ctx)
	if err != nil {
		return f, err
	}
	for _, d := range definitions {
		if d.Ref() == q.Definition && d.ShareBP == nil {
			f.Definition = &d
			return f, nil
		}
	}
	return f, fault.Field("query.definition", "unknown_value", bilingual.F("没有口径“%s”", "there is no definition %q", q.Definition),
		bilingual.T("按 deregistered/1 的格式填写", "write it as deregistered/1"))
}

func (s *Server) getProgress(ctx context.Context, in *ProgressQuery) (*struct{ Body ProgressSheet }, error) {
	f, err := s.progressFilter(ctx, *in)
	if err != nil {
		return nil, err
	}
	sheet, err := s.app.Progress(ctx, actor(ctx).Scope, f)
	if err != nil {
		return nil, err
	}
	out := ProgressSheet{AsOf: sheet.AsOf, GeneratedAt: sheet.At, GroupBy: sheet.GroupBy, Items: make([]ProgressRow, len(sheet.Lines)),
		Total: s.progressRow(sheet.Total, f), Targets: make([]Target, len(sheet.Targets))}
	for i, l := range sheet.Lines {
		out.Items[i] = s.progressRow(l, f)
	}
	for i, t := range sheet.Targets {
		out.Targets[i] = targetView(t)
	}
	return &struct{ Body ProgressSheet }{out}, nil
}

func (s *Server) progressRow(l app.Line, asked app.ProgressFilter) ProgressRow {
	f := l.Figures
	r := ProgressRow{GroupRow: s.groupRow(l.Group), Period: l.Period, Since: l.Since, Until: l.Until,
		Baseline: f.Baseline, Additions: f.Additions, Cohort: f.Cohort, HandedIn: f.HandedIn, Declared: f.Declared, Evidenced: f.Evidenced, Verified: f.Verified,
		Converted: f.Converted, MovedOut: f.MovedOut, Remaining: f.Remaining, Required: f.Required, CompletionBP: target.ShareBP(f.Verified, f.Required),
		DeclaredBP: target.ShareBP(f.Declared, f.Required), EvidencedBP: target.ShareBP(f.Evidenced, f.Required), RetiredShareBP: target.ShareBP(f.Verified, &f.Baseline)}
	if t := l.Target; t != nil {
		r.Target, r.Definition = targetRef(*t), t.Definition.Ref()
	}
	if asked.Definition != nil {
		r.Definition = asked.Definition.Ref()
	}
	return r
}

func targetRef(t target.Target) *TargetRef {
	return &TargetRef{t.ID, t.Code, t.Kind, t.Clause, t.DueOn, t.RequiredOf(1) != nil, t.Sample || (t.Threshold != nil && t.Threshold.Sample)}
}

func (s *Server) regionName(code string) *Name {
	r, ok := s.app.Reference.Region(code)
	if !ok {
		return nil
	}
	return &Name{r.Name, r.NameEN}
}

func (s *Server) progressWorkbook(ctx context.Context, in *ProgressQuery) (*bytesOut, error) {
	f, err := s.progressFilter(ctx, *in)
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

// FigureRow is an asset as a figure counted it. It names nobody.
type FigureRow struct {
	AssetID      string          `json:"asset_id"`
	Label        string          `json:"label"`
	CityCode     string          `json:"city_code"`
	DistrictCode string          `json:"district_code,omitempty"`
	Class        registry.Class  `json:"class"`
	Category     string          `json:"category"`
	Stage        string          `json:"stage"`
	Status       registry.Status `json:"status"`
	WayOut       string          `json:"way_out,omitempty"`
	Driver       string          `json:"driver,omitempty"`
	Review       string          `json:"review,omitempty"`
	CohortOn     civil.Day       `json:"cohort_on,omitempty"`
	HandOverOn   civil.Day       `json:"hand_over_on,omitempty"`
	DismantledOn civil.Day       `json:"dismantled_on,omitempty"`
	LeftOn       civil.Day       `json:"left_on,omitempty" doc:"Deregistered, or the register changed."`
	VerifiedOn   civil.Day       `json:"verified_on,omitempty" doc:"The day on which it counts as verified by the default definition."`
	Reason       string          `json:"reason,omitempty" doc:"Why it does not count as of the day."`
	ReasonName   *Name           `json:"reason_name,omitempty"`
	Cause        string          `json:"cause" doc:"What brought it to how it stands."`
}

func figureRow(r store.Standing) FigureRow {
	v := FigureRow{AssetID: r.AssetID, Label: r.Label, CityCode: r.CityCode, DistrictCode: r.DistrictCode, Class: r.Class, Category: r.Category, Stage: r.Stage, Status: r.Status,
		WayOut: r.WayOut, Driver: r.Driver, Review: string(r.Review), CohortOn: r.CohortOn, HandOverOn: r.HandOverOn, DismantledOn: r.DismantledOn, LeftOn: r.LeftOn,
		VerifiedOn: r.VerifiedOn, Reason: string(r.Reason), Cause: r.Cause}
	if r.Reason != "" {
		n := nameOf(r.Reason.Name())
		v.ReasonName = &n
	}
	return v
}

// RowMetrics lists what can be opened into rows.
func rowMetrics() []target.Metric {
	return slices.Concat([]target.Metric{target.Baseline, target.Additions, target.Remaining, target.Records}, target.Metrics, target.Reasons)
}

func metricOf(text string) (target.Metric, error) {
	if m := target.Metric(text); slices.Contains(rowMetrics(), m) {
		return m, nil
	}
	names := make([]string, 0, 24)
	for _, m := range rowMetrics() {
		names = append(names, string(m))
	}
	return "", fault.Field("query.metric", "unknown_value", bilingual.F("没有指标“%s”", "there is no figure %q", text),
		bilingual.T("使用 "+strings.Join(names, "、"), "use "+strings.Join(names, ", ")))
}

func (s *Server) progressRows(ctx context.Context, in *struct {
	Paging
	ProgressQuery
	Metric string `query:"metric" maxLength:"40" required:"true" doc:"A figure of the sheet, records, or a reason of the gap."`
	Total  bool   `query:"total" doc:"Count the whole list."`
}) (*listOut[FigureRow], error) {
	f, err := s.progressFilter(ctx, in.ProgressQuery)
	if err != nil {
		return nil, err
	}
	metric, err := metricOf(in.Metric)
	if err != nil {
		return nil, err
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	b, err := s.app.Behind(ctx, actor(ctx).Scope, f, metric, page, in.Total)
	if err != nil {
		return nil, err
	}
	out := listOf(b.Rows, in.Limit, func(r store.Standing) string { return r.AssetID }, figureRow)
	if in.Total {
		n := int(b.Total)
		out.Body.Total = &n
	}
	return out, nil
}

// GapReason is one reason and how many assets have it.
type GapReason struct {
	Reason   string `json:"reason" doc:"The metric that opens its rows."`
	Name     Name   `json:"name"`
	Count    int64  `json:"count"`
	InCohort bool   `json:"in_cohort" doc:"Of the gap itself; the others say what is registered outside it."`
}

// GapRow explains one line.
type GapRow struct {
	GroupRow
	Records  int64       `json:"records" doc:"All records: verified and the counts of all reasons."`
	Verified int64       `json:"verified"`
	Gap      int64       `json:"gap" doc:"cohort − verified: the sum of the reasons in the cohort."`
	Reasons  []GapReason `json:"reasons"`
}

// GapSheet explains the gap of an area.
type GapSheet struct {
	AsOf        civil.Day `json:"as_of"`
	GeneratedAt time.Time `json:"generated_at"`
	GroupBy     string    `json:"group_by"`
	Items       []GapRow  `json:"items"`
	Total       GapRow    `json:"total"`
}

func (s *Server) gapRow(g app.Gap) GapRow {
	r := GapRow{GroupRow: s.groupRow(g.Group), Records: g.Records, Verified: g.Verified, Gap: g.InCohort(), Reasons: make([]GapReason, 0, len(target.Reasons))}
	for _, reason := range target.Reasons {
		r.Reasons = append(r.Reasons, GapReason{string(reason), nameOf(reason.Name()), g.Reasons[reason], reason.InCohort()})
	}
	return r
}

func (s *Server) progressGap(ctx context.Context, in *ProgressQuery) (*struct{ Body GapSheet }, error) {
	f, err := s.progressFilter(ctx, *in)
	if err != nil {
		return nil, err
	}
	sheet, err := s.app.Explain(ctx, actor(ctx).Scope, f)
	if err != nil {
		return nil, err
	}
	out := GapSheet{AsOf: f.AsOf, GeneratedAt: sheet.At, GroupBy: f.GroupBy, Items: make([]GapRow, len(sheet.Lines)), Total: s.gapRow(sheet.Total)}
	for i, l := range sheet.Lines {
		out.Items[i] = s.gapRow(l)
	}
	return &struct{ Body GapSheet }{out}, nil
}

// MilestoneRow is how a city stands towards one step of a target.
type MilestoneRow struct {
	CityCode string         `json:"city_code"`
	CityName *Name          `json:"city_name,omitempty"`
	Class    registry.Class `json:"class"`
	Target   *TargetRef     `json:"target"`
	On       civil.Day      `json:"on"`
	Note     string         `json:"note,omitempty"`
	Final    bool           `json:"final" doc:"The due day itself."`
	Required *int64         `json:"required" doc:"null: not set."`
	Verified int64          `json:"verified" doc:"By that day, or by the as-of day if that is earlier."`
	Reached  bool           `json:"reached"`
	Passed   bool           `json:"passed" doc:"The day lies before the as-of day."`
}

func (s *Server) listMilestones(ctx context.Context, in *ProgressQuery) (*listOut[MilestoneRow], error) {
	f, err := s.progressFilter(ctx, *in)
	if err != nil {
		return nil, err
	}
	steps, _, err := s.app.Milestones(ctx, actor(ctx).Scope, f)
	if err != nil {
		return nil, err
	}
	return listOf(steps, len(steps), func(app.Step) string { return "" }, func(m app.Step) MilestoneRow {
		return MilestoneRow{m.CityCode, s.regionName(m.CityCode), m.Target.Class, targetRef(m.Target), m.On, m.Note, m.Final, m.Required, m.Verified, m.Reached, m.Passed}
	}), nil
}
