package app

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/subsidy"
)

//go:embed explanation.html
var explanationText string

var explanationSheet = template.Must(template.New("explanation").Parse(explanationText))

// explained is what the printed sheet says, for a case or for a question.
type explained struct {
	program  subsidy.Program
	label    string
	class    registry.Class
	city     string
	owner    string
	number   string // of the application, "" for a question
	eligible bool
	amount   money.Fen
	lines    []subsidy.Line
}

// ExplainApplication returns the reasons of an application as a sheet of A4 for
// the applicant.
func (a *App) ExplainApplication(ctx context.Context, scope access.Scope, id string, lang bilingual.Lang) ([]byte, error) {
	c, err := a.DB.Application(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	p, err := a.DB.Program(ctx, scope, c.ProgramID)
	if err != nil {
		return nil, err
	}
	return a.explain(explained{program: p, label: c.AssetLabel, class: c.Class, city: c.CityCode, owner: c.OwnerName, number: c.ID, eligible: true, amount: c.AmountFen, lines: c.Explanation}, lang)
}

// ExplainEligibility returns what a program owes for an asset, and why or why
// not, as a sheet of A4 for the applicant.
func (a *App) ExplainEligibility(ctx context.Context, scope access.Scope, assetID, programID string, lang bilingual.Lang) ([]byte, error) {
	asset, err := a.DB.Asset(ctx, scope, assetID)
	if err != nil {
		return nil, err
	}
	v, err := a.Trial(ctx, scope, programID, assetID, "", nil)
	if err != nil {
		return nil, err
	}
	return a.explain(explained{program: v.Program, label: asset.Label, class: asset.Class, city: asset.CityCode, owner: asset.OwnerName, eligible: v.Decision.Eligible, amount: v.Decision.AmountFen, lines: v.Decision.Lines}, lang)
}

func (a *App) explain(x explained, lang bilingual.Lang) ([]byte, error) {
	say := func(zh, en string) string { return bilingual.T(zh, en).In(lang) }
	type pair struct{ Name, Value string }
	type line struct{ No, Text, Fact, Requirement, Met, Source string }
	_, to := x.program.Term()
	facts := []pair{
		{say("登记对象", "Asset"), x.label + "（" + a.Reference.Name(x.class, "class", string(x.class)).In(lang) + "）"},
		{say("所有人", "Owner"), maskName(x.owner)},
		{say("登记城市", "City"), a.Reference.Name(x.class, "city", x.city).In(lang)},
		{say("补贴方案", "Program"), fmt.Sprintf("%s（%s v%d）", x.program.Name.In(lang), x.program.Code, x.program.Revision)},
		{say("依据文件", "Document"), x.program.Document},
		{say("适用期间", "In force"), string(x.program.ValidFrom) + " — " + string(to)},
	}
	if x.number != "" {
		facts = append(facts, pair{say("申请编号", "Application"), x.number})
	}
	result := say("结论：不符合补贴条件。未满足的条件见下表标“否”的各行。", "Result: nothing is owed. The conditions that are not met are marked “no” below.")
	if x.eligible {
		result = say("结论：符合补贴条件，应补 "+x.amount.Yuan()+" 元（"+ledger.Capitals(x.amount)+"）。", "Result: "+x.amount.Yuan()+" yuan are owed.")
	}
	var lines []line
	for i, l := range x.lines {
		met := say("是", "yes")
		switch {
		case !l.Passed && l.Optional:
			met = say("不计", "left out")
		case !l.Passed:
			met = say("否", "no")
		}
		lines = append(lines, line{fmt.Sprint(i + 1), l.Text.In(lang), l.Fact.In(lang), l.Requirement.In(lang), met, l.Source})
	}
	var out bytes.Buffer
	err := explanationSheet.Execute(&out, map[string]any{
		"Lang": map[bilingual.Lang]string{bilingual.ZH: "zh-CN", bilingual.EN: "en"}[lang], "Title": say("补贴资格与金额说明", "Why a subsidy is owed, or not"), "Sample": x.program.Sample,
		"SampleNote": sampleNote(x.program).In(lang), "Facts": facts, "Result": result, "Lines": lines,
		"Foot": say("本表按所列方案版本和登记资料逐条核算；如有异议，请在公示期内提出，或向登记城市的主管部门申请复核。", "Worked out line by line by the version named and the registered facts. Object during the public notice, or ask the city's office for a review."),
		"Words": map[string]string{"No": say("序号", "No."), "Asked": say("核对事项", "What is asked"), "Found": say("实际情况", "What is the case"), "Wanted": say("方案要求", "What the program wants"), "Met": say("满足", "Met"),
			"Source": say("依据", "Source"), "Office": say("经办单位（盖章）：", "Office (seal):"), "Applicant": say("申请人签收：", "Received by:"), "Date": say("日期：", "Date:")},
	})
	return out.Bytes(), err
}

// maskName hides a person's given name but its last sign; an organisation's name
// stays.
func maskName(name string) string {
	signs := []rune(name)
	if registry.KindOfOwner(name, "") == registry.Organisation || len(signs) < 2 {
		return name
	}
	if len(signs) == 2 {
		return string(signs[0]) + "*"
	}
	masked := append([]rune{signs[0]}, signs[1:]...)
	for i := 1; i < len(masked)-1; i++ {
		masked[i] = '*'
	}
	return string(masked)
}

// sampleNote says on paper that a program is a sample, and what is not certain
// about it; its document where it has no note.
func sampleNote(p subsidy.Program) bilingual.Text {
	note := p.Note
	if note.ZH == "" {
		note = bilingual.T(p.Document, p.Document)
	}
	return bilingual.T("示例方案："+note.ZH, "Sample program: "+note.EN)
}
