package api

import (
	"bytes"
	"context"
	"iter"
	"net/http"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// sheetRoutes are the workbooks of figures and of what stands behind them.
func (s *Server) sheetRoutes() {
	route(s, binary(operation("get-progress-rows-workbook", http.MethodGet, "/progress/rows.xlsx", "progress", "The rows behind a figure as a workbook"), xlsxType), s.rowsWorkbook)
	route(s, binary(operation("get-gap-workbook", http.MethodGet, "/progress/gap.xlsx", "progress", "The reasons of the gap as a workbook"), xlsxType), s.gapWorkbook)
	route(s, binary(operation("get-balance-workbook", http.MethodGet, "/progress/balance.xlsx", "progress", "The stock balance as a workbook"), xlsxType), s.balanceWorkbook)
	route(s, binary(operation("get-changes-workbook", http.MethodGet, "/progress/changes.xlsx", "progress", "What changed a figure, with the changes, as a workbook"), xlsxType), s.changesWorkbook)
	route(s, binary(operation("get-baseline-workbook", http.MethodGet, "/baselines/{id}/rows.xlsx", "targets", "The rows of a part of a frozen baseline as a workbook"), xlsxType), s.baselineWorkbook)
}

// table writes a workbook with who made it and when.
func (s *Server) table(ctx context.Context, title bilingual.Text, notes []string, heads []bilingual.Text, rows iter.Seq2[[]any, error]) (*bytesOut, error) {
	l := lang(ctx)
	made, err := s.app.MadeBy(ctx, actor(ctx), l)
	if err != nil {
		return nil, err
	}
	t := sheet.Table{Title: title.In(l), Notes: append(notes, made)}
	for _, h := range heads {
		t.Head = append(t.Head, sheet.Head{Title: h.In(l), Width: 15})
	}
	var b bytes.Buffer
	if err := sheet.WriteXLSX(&b, t, rows); err != nil {
		return nil, err
	}
	return download(title.In(l)+".xlsx", xlsxType, b.Bytes()), nil
}

// paged yields all rows of a list that is read by pages.
func paged[R any](read func(store.Page) ([]R, error), key func(R) string, cells func(R) []any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for page := (store.Page{Limit: 1000}); ; {
			rows, err := read(page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range rows {
				if !yield(cells(r), nil) {
					return
				}
			}
			if len(rows) < page.Limit {
				return
			}
			page.After = key(rows[len(rows)-1])
		}
	}
}

func momentNote(l bilingual.Lang, asOf civil.Day, known string) string {
	note := bilingual.F("截止日期：%s", "As of: %s", asOf).In(l)
	if known != "" {
		note += bilingual.F("    按该时刻所知：%s", "    as known at: %s", known).In(l)
	}
	return note
}

func (s *Server) name(n *Name, l bilingual.Lang) string {
	if n == nil {
		return ""
	}
	return bilingual.T(n.ZH, n.EN).In(l)
}

func className(class string, l bilingual.Lang) string {
	spec, ok := registry.SpecOf(registry.Class(class))
	if !ok {
		return class
	}
	return spec.Name.In(l)
}

func (s *Server) rowsWorkbook(ctx context.Context, in *struct {
	ProgressQuery
	Metric string `query:"metric" maxLength:"40" required:"true"`
}) (*bytesOut, error) {
	f, err := s.progressFilter(ctx, in.ProgressQuery)
	if err != nil {
		return nil, err
	}
	metric, err := metricOf(in.Metric)
	if err != nil {
		return nil, err
	}
	l, scope := lang(ctx), actor(ctx).Scope
	title := bilingual.T(metric.Name().ZH+"明细", "rows of "+metric.Name().EN)
	if metric == target.Records {
		title = bilingual.T("全部记录明细", "all records")
	}
	return s.table(ctx, title, []string{momentNote(l, f.AsOf, in.AsKnown)},
		[]bilingual.Text{bilingual.T("号牌或编号", "Number"), bilingual.T("城市", "City"), bilingual.T("县区", "District"), bilingual.T("类别", "Class"), bilingual.T("种类", "Category"), bilingual.T("排放阶段", "Stage"),
			bilingual.T("纳入日期", "In the cohort from"), bilingual.T("去向", "Way out"), bilingual.T("动因", "Driver"), bilingual.T("交售日期", "Hand-over"), bilingual.T("拆解日期", "Dismantled"),
			bilingual.T("注销（变更）日期", "Deregistered"), bilingual.T("计入完成日期", "Counts from"), bilingual.T("未计入原因", "Why it does not count"), bilingual.T("系统编号", "System number")},
		paged(func(p store.Page) ([]store.Standing, error) {
			b, err := s.app.Behind(ctx, scope, f, metric, p, false)
			return b.Rows, err
		}, func(r store.Standing) string { return r.AssetID }, func(r store.Standing) []any {
			reason := ""
			if r.Reason != "" {
				reason = r.Reason.Name().In(l)
			}
			return []any{r.Label, s.name(s.regionName(r.CityCode), l), s.name(s.regionName(r.DistrictCode), l), className(string(r.Class), l), s.name(s.optionName(r.Class, "category", r.Category), l),
				s.name(s.optionName(r.Class, "stage", r.Stage), l), string(r.CohortOn), s.name(wayName(r.WayOut), l), s.name(driverName(r.Driver), l), string(r.HandOverOn), string(r.DismantledOn), string(r.LeftOn),
				string(r.VerifiedOn), reason, r.AssetID}
		}))
}

func (s *Server) gapWorkbook(ctx context.Context, in *ProgressQuery) (*bytesOut, error) {
	out, err := s.progressGap(ctx, in)
	if err != nil {
		return nil, err
	}
	l := lang(ctx)
	heads := []bilingual.Text{bilingual.T("城市", "City"), bilingual.T("县区", "District"), bilingual.T("类别", "Class"), bilingual.T("全部记录", "All records"), bilingual.T("已核实", "Verified"), bilingual.T("差额", "Gap")}
	for _, r := range target.Reasons {
		heads = append(heads, r.Name())
	}
	return s.table(ctx, bilingual.T("未计入完成数的原因", "why it does not count"), []string{momentNote(l, out.Body.AsOf, in.AsKnown)}, heads, func(yield func([]any, error) bool) {
		for _, r := range append(out.Body.Items, out.Body.Total) {
			city := s.name(r.CityName, l)
			if r.CityCode == "" && r.Class == "" {
				city = bilingual.T("合计", "Total").In(l)
			}
			cells := []any{city, s.name(r.DistrictName, l), className(string(r.Class), l), r.Records, r.Verified, r.Gap}
			for _, reason := range r.Reasons {
				cells = append(cells, reason.Count)
			}
			if !yield(cells, nil) {
				return
			}
		}
	})
}

func (s *Server) balanceWorkbook(ctx context.Context, in *BalanceQuery) (*bytesOut, error) {
	out, err := s.getBalance(ctx, in)
	if err != nil {
		return nil, err
	}
	l := lang(ctx)
	return s.table(ctx, bilingual.T("存量平衡表", "stock balance"), []string{bilingual.T("期初 + 纳入 + 转入 − 淘汰 − 转出 − 改造 ± 更正 = 期末；差额为未经登记的变动。", "opening + registered + moved in − destroyed − moved out − re-engined ± corrections = closing; the rest was not recorded.").In(l)},
		[]bilingual.Text{bilingual.T("月份", "Month"), bilingual.T("城市", "City"), bilingual.T("类别", "Class"), bilingual.T("期初", "Opening"), bilingual.T("纳入", "Registered"), bilingual.T("市间转入", "Moved in"),
			bilingual.T("淘汰", "Destroyed"), bilingual.T("市间转出", "To other cities"), bilingual.T("转出省外", "Left the province"), bilingual.T("改造", "Re-engined"), bilingual.T("更正", "Corrections"),
			bilingual.T("期末", "Closing"), bilingual.T("实有记录", "Counted"), bilingual.T("差额", "Rest")},
		func(yield func([]any, error) bool) {
			for _, r := range append(out.Body.Items, out.Body.Totals...) {
				city := s.name(r.CityName, l)
				if r.CityCode == "" {
					city = bilingual.T("合计", "Total").In(l)
				}
				if !yield([]any{r.Month, city, className(string(r.Class), l), r.Opening, r.Registered, r.MovedIn, r.Destroyed, r.ToCities, r.LeftProvince, r.ReEngined, r.Corrections, r.Closing, r.Counted, r.Rest}, nil) {
					return
				}
			}
		})
}

func (s *Server) changesWorkbook(ctx context.Context, in *struct {
	DiffQuery
	Cause string `query:"cause" maxLength:"200"`
}) (*bytesOut, error) {
	f, from, metric, err := s.diff(ctx, in.DiffQuery)
	if err != nil {
		return nil, err
	}
	scope, l := actor(ctx).Scope, lang(ctx)
	d, err := s.app.Shift(ctx, scope, f, from, metric)
	if err != nil {
		return nil, err
	}
	notes := []string{metric.Name().In(l) + bilingual.F("：%d → %d，未说明 %d", ": %d → %d, unexplained %d", d.From, d.To, d.Unexplained()).In(l),
		momentNote(l, from.AsOf, in.FromKnown) + " → " + momentNote(l, f.AsOf, in.ToKnown)}
	for _, c := range d.Causes {
		notes = append(notes, causeNames[c.Cause].In(l)+bilingual.F("：补录 %d，期间 %d", ": late %d, in the period %d", c.Late, c.Period).In(l))
	}
	return s.table(ctx, bilingual.T("数字变动原因", "what changed a figure"), notes,
		[]bilingual.Text{bilingual.T("号牌或编号", "Number"), bilingual.T("城市", "City"), bilingual.T("类别", "Class"), bilingual.T("原因", "Cause"), bilingual.T("补录", "Late"), bilingual.T("期间", "In the period"),
			bilingual.T("登记时刻", "Recorded at"), bilingual.T("经办人", "By"), bilingual.T("系统编号", "System number")},
		paged(func(p store.Page) ([]store.DiffRow, error) {
			return s.app.ShiftRows(ctx, scope, f, from, metric, in.Cause, p)
		}, func(r store.DiffRow) string { return r.Seq }, func(r store.DiffRow) []any {
			v := changeRow(r)
			at := ""
			if v.RecordedAt != nil {
				at = v.RecordedAt.In(civil.Shanghai).Format("2006-01-02 15:04:05")
			}
			return []any{v.Label, s.name(s.regionName(v.CityCode), l), className(string(v.Class), l), bilingual.T(v.CauseName.ZH, v.CauseName.EN).In(l), v.Late, v.Period, at, v.RecordedBy, v.AssetID}
		}))
}

func (s *Server) baselineWorkbook(ctx context.Context, in *struct {
	ByID
	Part string `query:"part" enum:"frozen,still_here,retired,left,gone,added" default:"frozen"`
	AsOf string `query:"as_of" maxLength:"10" doc:"Absent: today."`
}) (*bytesOut, error) {
	b, d, day, err := s.baselineAsOf(ctx, in.ID, in.AsOf)
	if err != nil {
		return nil, err
	}
	l := lang(ctx)
	return s.table(ctx, bilingual.T(b.Name+"_"+partNames[in.Part].ZH, b.Name+" "+partNames[in.Part].EN), []string{momentNote(l, day, ""), "SHA-256 " + b.Digest},
		[]bilingual.Text{bilingual.T("号牌或编号", "Number"), bilingual.T("县区", "District"), bilingual.T("种类", "Category"), bilingual.T("排放阶段", "Stage"), bilingual.T("纳入日期", "In the cohort from"), bilingual.T("系统编号", "System number")},
		paged(func(p store.Page) ([]store.FrozenRow, error) { return s.db.BaselineRows(ctx, b, in.Part, d, day, p) },
			func(r store.FrozenRow) string { return r.AssetID }, func(r store.FrozenRow) []any {
				return []any{r.Label, s.name(s.regionName(r.DistrictCode), l), s.name(s.optionName(b.Class, "category", r.Category), l), s.name(s.optionName(b.Class, "stage", r.Stage), l), string(r.CohortOn), r.AssetID}
			}))
}
