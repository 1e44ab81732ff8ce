package app

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/sheet"
	"phaseout/internal/target"
)

// rowsOf turns rows in memory into what a workbook reads.
func rowsOf(rows [][]any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// percent prints basis points as "87.50%", "—" where there is nothing to
// divide by.
func percent(bp *int64) string {
	if bp == nil {
		return "—"
	}
	return fmt.Sprintf("%d.%02d%%", *bp/100, *bp%100)
}

// ProgressWorkbook writes the progress sheet as the province hands it on: what
// counts, as of when, who made it and when, then the figures.
func (a *App) ProgressWorkbook(ctx context.Context, by access.Actor, f ProgressFilter, lang bilingual.Lang) ([]byte, error) {
	s, err := a.Progress(ctx, by.Scope, f)
	if err != nil {
		return nil, err
	}
	t := func(zh, en string) string { return bilingual.T(zh, en).In(lang) }
	made, err := a.MadeBy(ctx, by, lang)
	if err != nil {
		return nil, err
	}
	table := sheet.Table{Title: t("老旧车船机械淘汰进度表", "Progress of the phase-out"), Notes: []string{
		t("截止日期：", "As of: ") + string(s.AsOf),
		made,
	}}
	for _, d := range definitionsIn(s.Targets) {
		table.Notes = append(table.Notes, t("口径：", "Definition: ")+d.Name.In(lang)+" v"+fmt.Sprint(d.Revision)+sampleMark(d.Sample, lang)+" — "+d.Text.In(lang))
	}
	for _, heading := range []bilingual.Text{
		bilingual.T("城市", "City"), bilingual.T("县区", "District"), bilingual.T("类别", "Class"), bilingual.T("目标", "Target"),
		bilingual.T("基准数", "Baseline"), bilingual.T("新增", "Additions"), bilingual.T("已交售", "Handed in"), bilingual.T("已申报", "Declared"),
		bilingual.T("有证明", "Evidenced"), bilingual.T("已核实", "Verified"), bilingual.T("改造", "Converted"), bilingual.T("转出", "Moved out"),
		bilingual.T("剩余", "Remaining"), bilingual.T("要求数", "Required"), bilingual.T("完成率", "Completion"), bilingual.T("占基准", "Share of baseline"),
	} {
		table.Head = append(table.Head, sheet.Head{Title: heading.In(lang), Width: 12})
	}
	var rows [][]any
	for _, l := range s.Lines {
		rows = append(rows, a.progressCells(l, lang))
	}
	total := a.progressCells(s.Total, lang)
	total[0] = t("合计", "Total")
	var b bytes.Buffer
	err = sheet.WriteXLSX(&b, table, rowsOf(append(rows, total)))
	return b.Bytes(), err
}

func sampleMark(sample bool, lang bilingual.Lang) string {
	if sample {
		return bilingual.T("（示例，非官方口径）", " (example, not official)").In(lang)
	}
	return ""
}

func definitionsIn(targets []target.Target) []target.Definition {
	var found []target.Definition
	add := func(d target.Definition) {
		if !slices.ContainsFunc(found, func(f target.Definition) bool { return f.Code == d.Code && f.Revision == d.Revision }) {
			found = append(found, d)
		}
	}
	for _, t := range targets {
		add(t.Definition)
		if t.Threshold != nil {
			add(*t.Threshold)
		}
	}
	return found
}

func (a *App) progressCells(l Line, lang bilingual.Lang) []any {
	f := l.Figures
	class := ""
	if spec, ok := registry.SpecOf(l.Class); ok {
		class = spec.Name.In(lang)
	}
	required := any(bilingual.T("未设定", "not set").In(lang))
	if f.Required != nil {
		required = *f.Required
	}
	goal := ""
	if l.Target != nil {
		goal = l.Target.Code
	}
	return []any{a.regionName(l.CityCode, lang), a.regionName(l.DistrictCode, lang), class, goal, f.Baseline, f.Additions, f.HandedIn, f.Declared, f.Evidenced,
		f.Verified, f.Converted, f.MovedOut, f.Remaining, required, percent(target.ShareBP(f.Verified, f.Required)), percent(target.ShareBP(f.Verified, &f.Baseline))}
}

func (a *App) regionName(code string, lang bilingual.Lang) string {
	r, _ := a.Reference.Region(code)
	return bilingual.T(r.Name, r.NameEN).In(lang)
}

// ImportTemplate writes the empty workbook of a class: its headings, drop-downs
// for dictionaries, an example row that the importer skips.
func (a *App) ImportTemplate(class registry.Class, lang bilingual.Lang) ([]byte, error) {
	if _, ok := registry.SpecOf(class); !ok {
		return nil, fault.Missing()
	}
	spec := a.Reference.SpecWithOptions(class)
	columns := make([]sheet.TemplateColumn, len(spec.Fields))
	for i, f := range spec.Fields {
		columns[i] = sheet.TemplateColumn{Heading: f.Name.In(lang), Hint: f.Hint.In(lang), Required: f.Required, Example: f.Example,
			Text: f.Type == registry.TextField || f.Type == registry.DayField}
		for _, o := range f.Options {
			columns[i].Options = append(columns[i].Options, o.Name.In(lang))
		}
	}
	var b bytes.Buffer
	err := sheet.WriteTemplate(&b, spec.Name.In(lang), columns)
	return b.Bytes(), err
}

// MadeBy is the line of a bulletin that says who made it and when, and how far
// the audit reached: with that mark "phaseout check --mark" proves later that
// nothing before it was changed.
func (a *App) MadeBy(ctx context.Context, by access.Actor, lang bilingual.Lang) (string, error) {
	mark, err := a.DB.AuditMark(ctx)
	if err != nil {
		return "", err
	}
	return bilingual.F("制表人：%s    制表时间：%s    审计链：%s", "Made by: %s    Made at: %s    Audit mark: %s", by.Name, a.DB.Now().In(civil.Shanghai).Format("2006-01-02 15:04"), mark).In(lang), nil
}
