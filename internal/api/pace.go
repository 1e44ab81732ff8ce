package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/pace"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// Pace is how fast a stock is retired. Rates are thousandths of an asset a week.
type Pace struct {
	State        pace.State `json:"state" enum:"not_set,encouraged,reached,overdue,on_time,tight,late"`
	Left         *int64     `json:"left" doc:"Still to be retired to meet the requirement; null: no number is set."`
	DaysLeft     int        `json:"days_left" doc:"To the day of the target, 0 after it."`
	NeededMilli  *int64     `json:"needed_per_week_milli" doc:"The rate that meets the day; null: nothing is needed, or the day has passed."`
	NowMilli     int64      `json:"now_per_week_milli" doc:"Mean of the last twelve weeks."`
	Early        civil.Day  `json:"forecast_early,omitempty" doc:"10th percentile of a thousand fixed paths; absent: not within ten years."`
	Median       civil.Day  `json:"forecast_median,omitempty"`
	Late         civil.Day  `json:"forecast_late,omitempty" doc:"90th percentile."`
	LimitMilli   *int64     `json:"capacity_per_week_milli" doc:"What the yards can take apart; null: unknown."`
	Limited      bool       `json:"limited_by_yards"`
	SlowestYard  string     `json:"slowest_yard,omitempty"`
	SlowestOn    civil.Day  `json:"slowest_yard_on,omitempty" doc:"When the slowest yard is through with what waits there."`
	Overdue      *int64     `json:"overdue" doc:"null: nothing is overdue, or cannot be."`
	OverdueSince civil.Day  `json:"overdue_since,omitempty"`
	Weeks        [12]int64  `json:"weeks" doc:"Verified retirements of the last twelve weeks, the oldest first."`
}

func paceView(p pace.Pace) Pace {
	return Pace{p.State, p.Left, p.DaysLeft, p.NeededMilli, p.NowMilli, p.Early, p.Median, p.Late, p.LimitMilli, p.Limited, p.SlowestYard, p.SlowestOn, p.Overdue, p.OverdueSince, p.Weeks}
}

// PaceRow is the pace of one city and class.
type PaceRow struct {
	CityCode string         `json:"city_code"`
	CityName *Name          `json:"city_name,omitempty"`
	Class    registry.Class `json:"class"`
	Kind     string         `json:"kind,omitempty" enum:"hard,soft"`
	DueOn    civil.Day      `json:"due_on,omitempty"`
	Required *int64         `json:"required"`
	Verified int64          `json:"verified"`
	Pace
}

// PaceSheet is the pace of one's area on a day.
type PaceSheet struct {
	AsOf        civil.Day `json:"as_of"`
	GeneratedAt time.Time `json:"generated_at" doc:"Asked again with as_known set to it, the same bytes come out."`
	Items       []PaceRow `json:"items"`
	Total       Pace      `json:"total" doc:"All lines as one: sums, and the forecast of the last."`
}

func (s *Server) paceRoutes() {
	route(s, operation("get-pace", http.MethodGet, "/progress/pace", "progress", "What is left, the rate needed and the rate there is, the forecast, what is overdue"), s.getPace)
	route(s, binary(operation("get-overview-workbook", http.MethodGet, "/progress/overview.xlsx", "progress", "Completion, pace and tonnes by city and class as a workbook"), xlsxType), s.overviewWorkbook)
}

// PaceQuery says which page of the province is meant.
type PaceQuery struct {
	MomentQuery
	Class string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City  string `query:"city" pattern:"^\\d{6}$"`
}

func (s *Server) paceFilter(ctx context.Context, q *PaceQuery) (app.ProgressFilter, error) {
	day, known, err := s.moment(ctx, q.AsOf, q.AsKnown)
	return app.ProgressFilter{CountFilter: store.CountFilter{City: q.City, Class: registry.Class(q.Class)}, AsOf: day, Known: known}, err
}

func (s *Server) overviewWorkbook(ctx context.Context, in *PaceQuery) (*bytesOut, error) {
	f, err := s.paceFilter(ctx, in)
	if err != nil {
		return nil, err
	}
	data, err := s.app.OverviewWorkbook(ctx, actor(ctx), f, lang(ctx))
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf(bilingual.T("淘汰进度与减排_%s.xlsx", "overview_%s.xlsx").In(lang(ctx)), f.AsOf)
	return download(name, xlsxType, data), nil
}

func (s *Server) getPace(ctx context.Context, in *PaceQuery) (*struct{ Body PaceSheet }, error) {
	f, err := s.paceFilter(ctx, in)
	if err != nil {
		return nil, err
	}
	sheet, err := s.app.Pace(ctx, actor(ctx).Scope, f)
	if err != nil {
		return nil, err
	}
	out := PaceSheet{AsOf: sheet.AsOf, GeneratedAt: sheet.At, Items: make([]PaceRow, len(sheet.Lines)), Total: paceView(sheet.Total)}
	for i, l := range sheet.Lines {
		out.Items[i] = s.paceRow(l)
	}
	return &struct{ Body PaceSheet }{out}, nil
}

func (s *Server) paceRow(l app.PaceLine) PaceRow {
	r := PaceRow{CityCode: l.CityCode, CityName: s.regionName(l.CityCode), Class: l.Class, Required: l.Required, Verified: l.Verified, Pace: paceView(l.Pace)}
	if l.Target != nil {
		r.Kind, r.DueOn = l.Target.Kind, l.Target.DueOn
	}
	return r
}
