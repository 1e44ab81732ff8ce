package api

import (
	"context"
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

// BalanceRow is the balance of a city and class in a month.
type BalanceRow struct {
	CityCode     string         `json:"city_code,omitempty"`
	CityName     *Name          `json:"city_name,omitempty"`
	Class        registry.Class `json:"class,omitempty"`
	Month        string         `json:"month"`
	Opening      int64          `json:"opening"`
	Registered   int64          `json:"registered" doc:"Joined the cohort."`
	MovedIn      int64          `json:"moved_in" doc:"From other cities."`
	Destroyed    int64          `json:"destroyed" doc:"Retired and verified."`
	MovedOut     int64          `json:"moved_out" doc:"To other cities and out of the province."`
	ToCities     int64          `json:"moved_to_cities"`
	LeftProvince int64          `json:"left_province"`
	ReEngined    int64          `json:"re_engined" doc:"Converted, verified."`
	Corrections  int64          `json:"corrections" doc:"With its sign: corrections, withdrawals, amendments, rule changes, undone imports, duplicates."`
	Closing      int64          `json:"closing" doc:"opening + registered + moved_in − destroyed − moved_out − re_engined + corrections"`
	Counted      int64          `json:"counted" doc:"The closing stock as the rows give it."`
	Rest         int64          `json:"rest" doc:"counted − closing: what changed without having been recorded."`
	FromAsOf     civil.Day      `json:"from_as_of" doc:"With from_known, to_as_of, to_known, since 0001-01-01 and a metric, /progress/changes opens a flow."`
	FromKnown    time.Time      `json:"from_known"`
	ToAsOf       civil.Day      `json:"to_as_of"`
	ToKnown      *time.Time     `json:"to_known,omitempty"`
}

// BalanceSheet is the balance of an area over months.
type BalanceSheet struct {
	GeneratedAt time.Time    `json:"generated_at"`
	Items       []BalanceRow `json:"items"`
	Totals      []BalanceRow `json:"totals" doc:"Of each month."`
}

func (s *Server) balanceRow(l app.BalanceLine) BalanceRow {
	r := BalanceRow{l.CityCode, s.regionName(l.CityCode), l.Class, l.Month, l.Opening, l.Registered, l.MovedIn, l.Destroyed, l.MovedOut + l.LeftProvince, l.MovedOut, l.LeftProvince,
		l.ReEngined, l.Corrections, l.Closing, l.Counted, l.Rest(), l.From.AsOf, l.From.Known, l.To.AsOf, nil}
	if !l.To.Known.IsZero() {
		r.ToKnown = &l.To.Known
	}
	return r
}

func (s *Server) balanceRoutes() {
	route(s, operation("get-balance", http.MethodGet, "/progress/balance", "progress", "The stock balance by city, class and month, with the rest that nobody recorded"), s.getBalance)
	route(s, operation("get-progress-changes", http.MethodGet, "/progress/changes", "progress", "What changed a figure between two days and two states of knowledge, by cause"), s.getChanges)
	route(s, operation("list-progress-changes", http.MethodGet, "/progress/changes/rows", "progress", "The changes behind a difference"), s.listChanges)
}

// BalanceQuery is the part of an input that says which balance is meant.
type BalanceQuery struct {
	Class string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City  string `query:"city" pattern:"^\\d{6}$"`
	From  string `query:"from" maxLength:"7" doc:"Month, 2025-01. Absent: eleven months before to."`
	To    string `query:"to" maxLength:"7" doc:"Month. Absent: the present one."`
}

func (s *Server) getBalance(ctx context.Context, in *BalanceQuery) (*struct{ Body BalanceSheet }, error) {
	sheet, err := s.app.Balance(ctx, actor(ctx).Scope, store.CountFilter{City: in.City, Class: registry.Class(in.Class)}, in.From, in.To)
	if err != nil {
		return nil, err
	}
	out := BalanceSheet{GeneratedAt: sheet.At, Items: make([]BalanceRow, len(sheet.Lines)), Totals: make([]BalanceRow, len(sheet.Totals))}
	for i, l := range sheet.Lines {
		out.Items[i] = s.balanceRow(l)
	}
	for i, l := range sheet.Totals {
		out.Totals[i] = s.balanceRow(l)
	}
	return &struct{ Body BalanceSheet }{out}, nil
}

// DiffQuery is the part of an input that names two moments of a figure.
type DiffQuery struct {
	FigureNarrowing
	Metric     string `query:"metric" maxLength:"40" required:"true" enum:"baseline,additions,cohort,handed_in,declared,evidenced,verified,converted,moved_out,remaining"`
	FromAsOf   string `query:"from_as_of" maxLength:"10" doc:"Absent: the day of to_as_of."`
	FromKnown  string `query:"from_known" maxLength:"40" doc:"RFC 3339. Absent: now."`
	ToAsOf     string `query:"to_as_of" maxLength:"10" doc:"Absent: today."`
	ToKnown    string `query:"to_known" maxLength:"40" doc:"RFC 3339. Absent: now."`
	Since      string `query:"since" maxLength:"10" doc:"Count after this day instead of after each target's baseline day."`
	Definition string `query:"definition" maxLength:"60" doc:"Count by this definition, code/revision."`
}

func (s *Server) diff(ctx context.Context, in DiffQuery) (app.ProgressFilter, store.Moment, target.Metric, error) {
	f, err := s.progressFilter(ctx, ProgressQuery{FigureNarrowing: in.FigureNarrowing, MomentQuery: MomentQuery{AsOf: in.ToAsOf, AsKnown: in.ToKnown}, Since: in.Since, Definition: in.Definition, GroupBy: "city,class"})
	if err != nil {
		return f, store.Moment{}, "", err
	}
	if in.FromAsOf == "" {
		in.FromAsOf = string(f.AsOf)
	}
	day, known, err := s.moment(ctx, in.FromAsOf, in.FromKnown)
	return f, store.Moment{AsOf: day, Known: known}, target.Metric(in.Metric), err
}

// CauseRow is what one cause changed.
type CauseRow struct {
	Cause  string `json:"cause"`
	Name   Name   `json:"name"`
	Late   int64  `json:"late" doc:"Restates the earlier figure."`
	Period int64  `json:"period" doc:"New between the two days."`
	Net    int64  `json:"net"`
	Rows   int64  `json:"rows" doc:"Changes that touch the figure."`
}

// Changes is the difference between two figures.
type Changes struct {
	Metric      string     `json:"metric"`
	From        int64      `json:"from"`
	To          int64      `json:"to"`
	Difference  int64      `json:"difference"`
	Causes      []CauseRow `json:"causes"`
	Unexplained int64      `json:"unexplained" doc:"What no recorded change accounts for."`
}

var causeNames = map[string]bilingual.Text{
	"passage": bilingual.T("期间内到期的日期", "days reached in between"), "registration": bilingual.T("登记", "registration"), "declaration": bilingual.T("申报与流程登记", "declaration and steps"),
	"evidence": bilingual.T("材料", "evidence"), "verification": bilingual.T("核实", "verification"), "return": bilingual.T("退回", "return"), "correction": bilingual.T("更正", "correction"),
	"withdrawal": bilingual.T("撤回", "withdrawal"), "transfer": bilingual.T("跨市转移", "transfer between cities"), "amendment": bilingual.T("修改登记内容", "amendment of the record"),
	"import": bilingual.T("导入更新", "update by import"), "import_undo": bilingual.T("撤销导入", "import undone"), "rule_change": bilingual.T("纳入规则变更", "change of the cohort rule"),
	"duplicate": bilingual.T("重复记录处理", "duplicates"), "other": bilingual.T("其他", "other"),
}

func (s *Server) getChanges(ctx context.Context, in *DiffQuery) (*struct{ Body Changes }, error) {
	f, from, metric, err := s.diff(ctx, *in)
	if err != nil {
		return nil, err
	}
	d, err := s.app.Shift(ctx, actor(ctx).Scope, f, from, metric)
	if err != nil {
		return nil, err
	}
	out := Changes{Metric: string(metric), From: d.From, To: d.To, Difference: d.To - d.From, Causes: make([]CauseRow, len(d.Causes)), Unexplained: d.Unexplained()}
	for i, c := range d.Causes {
		out.Causes[i] = CauseRow{c.Cause, nameOf(causeNames[c.Cause]), c.Late, c.Period, c.Late + c.Period, c.In + c.Out}
	}
	return &struct{ Body Changes }{out}, nil
}

// ChangeRow is one change of one asset that moved a figure.
type ChangeRow struct {
	AssetID    string         `json:"asset_id"`
	Label      string         `json:"label"`
	CityCode   string         `json:"city_code"`
	Class      registry.Class `json:"class"`
	Cause      string         `json:"cause"`
	CauseName  Name           `json:"cause_name"`
	Late       int64          `json:"late" doc:"What it adds to the earlier figure."`
	Period     int64          `json:"period" doc:"What it adds besides to the later one."`
	RecordedAt *time.Time     `json:"recorded_at,omitempty"`
	RecordedBy string         `json:"recorded_by,omitempty"`
}

func changeRow(r store.DiffRow) ChangeRow {
	v := ChangeRow{AssetID: r.AssetID, Label: r.Label, CityCode: r.City, Class: r.Class, Cause: r.Cause, CauseName: nameOf(causeNames[r.Cause]),
		Late: r.Early, Period: r.Late - r.Early, RecordedBy: r.ByName}
	if r.Cause == "passage" {
		v.Late = 0
	}
	if r.AtUs > 0 {
		at := time.UnixMicro(r.AtUs).UTC()
		v.RecordedAt = &at
	}
	return v
}

func (s *Server) listChanges(ctx context.Context, in *struct {
	Paging
	DiffQuery
	Cause string `query:"cause" maxLength:"200" doc:"Only these causes, joined by commas."`
}) (*listOut[ChangeRow], error) {
	f, from, metric, err := s.diff(ctx, in.DiffQuery)
	if err != nil {
		return nil, err
	}
	for _, c := range splitList(in.Cause) {
		if !slices.Contains(target.Causes, c) {
			return nil, fault.Field("query.cause", "unknown_value", bilingual.F("没有原因“%s”", "there is no cause %q", c), bilingual.T("请从差异的原因中选择", "choose one of the causes of the difference"))
		}
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.app.ShiftRows(ctx, actor(ctx).Scope, f, from, metric, in.Cause, page)
	if err != nil {
		return nil, err
	}
	return listOf(rows, in.Limit, func(r store.DiffRow) string { return r.Seq }, changeRow), nil
}

func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}
