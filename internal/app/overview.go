package app

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/emission"
	"phaseout/internal/pace"
	"phaseout/internal/registry"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// stateNames are what people call the states of a pace.
var stateNames = map[pace.State]bilingual.Text{
	pace.NotSet: bilingual.T("未设定", "not set"), pace.Encouraged: bilingual.T("鼓励类，不计逾期", "encouraged, never overdue"), pace.Reached: bilingual.T("已完成", "reached"),
	pace.Overdue: bilingual.T("已逾期", "overdue"), pace.OnTime: bilingual.T("预计按期", "on time"), pace.Tight: bilingual.T("可能按期", "may be on time"), pace.Late: bilingual.T("预计逾期", "will be late"),
}

// OverviewWorkbook writes the province's or a city's page as a sheet: for each
// city and class how far it has got, at which pace, and what it saves; above
// them the definitions and factor sets that the figures rest on.
func (a *App) OverviewWorkbook(ctx context.Context, by access.Actor, f ProgressFilter, lang bilingual.Lang) ([]byte, error) {
	f.GroupBy = "city,class"
	progress, err := a.Progress(ctx, by.Scope, f)
	if err != nil {
		return nil, err
	}
	paces, err := a.Pace(ctx, by.Scope, f)
	if err != nil {
		return nil, err
	}
	saved, err := a.Emission(ctx, by.Scope, EmissionFilter{AsOf: f.AsOf, Known: f.Known, City: f.City, Class: f.Class, GroupBy: "city,class"})
	if err != nil {
		return nil, err
	}
	t := func(zh, en string) string { return bilingual.T(zh, en).In(lang) }
	made, err := a.MadeBy(ctx, by, lang)
	if err != nil {
		return nil, err
	}
	table := sheet.Table{Title: t("六市淘汰进度、预测与减排", "Progress, pace and tonnes of the six cities"), Notes: []string{
		t("截止日期：", "As of: ") + string(f.AsOf),
		made,
	}}
	if !f.Known.IsZero() {
		table.Notes = append(table.Notes, t("按该时刻所知：", "As known at: ")+f.Known.In(civil.Shanghai).Format("2006-01-02 15:04:05"))
	}
	for _, d := range definitionsIn(progress.Targets) {
		table.Notes = append(table.Notes, t("口径：", "Definition: ")+d.Name.In(lang)+" v"+fmt.Sprint(d.Revision)+sampleMark(d.Sample, lang)+" — "+d.Text.In(lang))
	}
	revisions := make([]string, len(saved.Revisions))
	for i, r := range saved.Revisions {
		revisions[i] = fmt.Sprintf("v%d", r)
	}
	table.Notes = append(table.Notes, fmt.Sprintf(t("排放系数：%s；%d 条中有 %d 条用到非官方数值。减排量是淘汰的贡献，不代表方案表2的完成数。", "Emission factors: %s; of %d retirements %d rest on values that are not official. Tonnes are a contribution, not the completion of table 2."),
		strings.Join(revisions, ", "), saved.Total.Assets, saved.Total.Unofficial))
	for _, heading := range []bilingual.Text{
		bilingual.T("城市", "City"), bilingual.T("类别", "Class"), bilingual.T("基准数", "Baseline"), bilingual.T("已申报", "Declared"), bilingual.T("有证明", "Evidenced"), bilingual.T("已核实", "Verified"),
		bilingual.T("剩余", "Remaining"), bilingual.T("要求数", "Required"), bilingual.T("完成率", "Completion"), bilingual.T("状态", "Standing"), bilingual.T("还差", "To go"), bilingual.T("逾期", "Overdue"), bilingual.T("逾期起", "Overdue since"),
		bilingual.T("需每周", "Needed a week"), bilingual.T("近12周每周", "Now a week"), bilingual.T("预计最早", "Forecast, early"), bilingual.T("预计居中", "Forecast, middle"), bilingual.T("预计最迟", "Forecast, late"), bilingual.T("拆解能力每周", "Yards a week"),
		bilingual.T("NOx 吨/年", "NOx t/a"), bilingual.T("HC 吨/年", "HC t/a"), bilingual.T("PM2.5 吨/年", "PM2.5 t/a"), bilingual.T("CO 吨/年", "CO t/a"), bilingual.T("NOx 未计条数", "NOx not counted"),
	} {
		table.Head = append(table.Head, sheet.Head{Title: heading.In(lang), Width: 12})
	}
	of := map[store.Area]emission.Sum{}
	for _, l := range saved.Lines {
		of[l.Area] = l.Sum
	}
	var rows [][]any
	for i, l := range progress.Lines {
		rows = append(rows, a.overviewCells(l, paces.Lines[i].Pace, of[store.Area{CityCode: l.CityCode, Class: l.Class}], lang))
	}
	total := a.overviewCells(progress.Total, paces.Total, saved.Total, lang)
	total[0] = t("合计", "Total")
	var b bytes.Buffer
	err = sheet.WriteXLSX(&b, table, rowsOf(append(rows, total)))
	return b.Bytes(), err
}

func (a *App) overviewCells(l Line, p pace.Pace, saved emission.Sum, lang bilingual.Lang) []any {
	class := ""
	if spec, ok := registry.SpecOf(l.Class); ok {
		class = spec.Name.In(lang)
	}
	f := l.Figures
	cells := []any{a.regionName(l.CityCode, lang), class, f.Baseline, f.Declared, f.Evidenced, f.Verified, f.Remaining, orNone(f.Required, 1), percent(target.ShareBP(f.Verified, f.Required)),
		stateNames[p.State].In(lang), orNone(p.Left, 1), orNone(p.Overdue, 1), string(p.OverdueSince), orNone(p.NeededMilli, 1000), float64(p.NowMilli/100) / 10}
	for _, day := range []civil.Day{p.Early, p.Median, p.Late} {
		cells = append(cells, string(day))
	}
	cells = append(cells, orNone(p.LimitMilli, 1000))
	for i := range emission.Pollutants {
		cells = append(cells, float64(saved.Yearly[i])/1e6)
	}
	return append(cells, saved.FactorMissing[0]+saved.NotEstimated[0])
}

// orNone returns a number as a cell, in units of which it counts parts, or a dash.
func orNone(n *int64, parts int64) any {
	switch {
	case n == nil:
		return "—"
	case parts == 1:
		return *n
	}
	return float64(*n*10/parts) / 10
}
