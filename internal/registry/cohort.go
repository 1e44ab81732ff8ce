package registry

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
)

// CohortRule says which assets of a class a requirement covers and from which
// day. A condition that is empty does not matter. A published revision never
// changes.
type CohortRule struct {
	Class         Class          `json:"class"`
	Code          string         `json:"code"`
	Revision      int            `json:"revision"`
	Clause        bilingual.Text `json:"clause"`
	MaxStage      string         `json:"max_stage"`      // the cleanest stage that is still covered
	Fuels         []string       `json:"fuels"`          // option codes, one of which it must be
	NotFuels      []string       `json:"not_fuels"`      // option codes, none of which it may be
	Categories    []string       `json:"categories"`     // codes or groups, one of which it must be
	NotCategories []string       `json:"not_categories"` // codes or groups, none of which it may be
	MinAgeYears   int            `json:"min_age_years"`  // covered from this age on, counted from Since
	Since         string         `json:"since"`          // registered_on, built_on, or later: the later of the two
}

// Name is the code with the revision, as results carry it.
func (r CohortRule) Name() string { return fmt.Sprintf("%s-v%d", r.Code, r.Revision) }

// RuleLine is one condition of a rule, with what the asset has to it.
type RuleLine struct {
	Text   bilingual.Text
	Fact   bilingual.Text
	Passed bool
}

// CohortSince are the values of CohortRule.Since.
var CohortSince = []string{"registered_on", "built_on", "later"}

// Problems returns what is wrong with a rule, field by field.
func (ref *Reference) Problems(r CohortRule) map[string]bilingual.Text {
	wrong := map[string]bilingual.Text{}
	known := func(kind string, groups bool, codes ...string) bool {
		return !slices.ContainsFunc(codes, func(code string) bool {
			return !slices.ContainsFunc(ref.options[string(r.Class)+"/"+kind], func(o Option) bool { return o.Code == code || (groups && o.Group == code) })
		})
	}
	unknown := bilingual.T("含有字典中没有的代码", "holds a code that is in no dictionary")
	if r.MaxStage != "" && (!known("stage", false, r.MaxStage) || r.MaxStage == "unknown") {
		wrong["max_stage"] = unknown
	}
	if !known("fuel", false, r.Fuels...) {
		wrong["fuels"] = unknown
	}
	if !known("fuel", false, r.NotFuels...) {
		wrong["not_fuels"] = unknown
	}
	if !known("category", true, r.Categories...) {
		wrong["categories"] = unknown
	}
	if !known("category", true, r.NotCategories...) {
		wrong["not_categories"] = unknown
	}
	if r.MinAgeYears < 0 || r.MinAgeYears > 100 {
		wrong["min_age_years"] = bilingual.T("应在 0 到 100 之间", "between 0 and 100")
	}
	if !slices.Contains(CohortSince, r.Since) {
		wrong["since"] = bilingual.T("应为 registered_on、built_on 或 later", "registered_on, built_on or later")
	}
	if r.MaxStage == "" && len(r.Fuels)+len(r.Categories) == 0 && r.MinAgeYears == 0 {
		wrong["max_stage"] = bilingual.T("至少要有一个条件", "at least one condition is needed")
	}
	return wrong
}

// Apply returns the day from which the rule covers an asset, "" if it does not,
// and every condition with what the asset has to it.
func (ref *Reference) Apply(r CohortRule, a Asset) (civil.Day, []RuleLine) {
	var lines []RuleLine
	passed := true
	line := func(ok bool, text, fact bilingual.Text) {
		lines = append(lines, RuleLine{text, fact, ok})
		passed = passed && ok
	}
	names := func(kind string, codes []string) bilingual.Text {
		var zh, en []string
		for _, code := range codes {
			name := ref.Name(a.Class, kind, code)
			zh, en = append(zh, name.ZH), append(en, name.EN)
		}
		return bilingual.T(strings.Join(zh, "、"), strings.Join(en, ", "))
	}
	if r.MaxStage != "" {
		limit := ref.Name(a.Class, "stage", r.MaxStage)
		line(stageAtMost(a.Stage, r.MaxStage), bilingual.T("排放阶段为"+limit.ZH+"及以下", "stage "+limit.EN+" or older"), ref.Name(a.Class, "stage", a.Stage))
	}
	fuel := ref.Name(a.Class, "fuel", a.Fuel)
	if len(r.Fuels) > 0 {
		list := names("fuel", r.Fuels)
		line(slices.Contains(r.Fuels, a.Fuel), bilingual.T("燃料为"+list.ZH, "fuel is "+list.EN), fuel)
	}
	if len(r.NotFuels) > 0 {
		list := names("fuel", r.NotFuels)
		line(!slices.Contains(r.NotFuels, a.Fuel), bilingual.T("燃料不是"+list.ZH, "fuel is not "+list.EN), fuel)
	}
	option, _ := ref.Option(a.Class, "category", a.Category)
	in := func(codes []string) bool {
		return a.Category != "" && (slices.Contains(codes, a.Category) || (option.Group != "" && slices.Contains(codes, option.Group)))
	}
	category := ref.Name(a.Class, "category", a.Category)
	if len(r.Categories) > 0 {
		list := names("category", r.Categories)
		line(in(r.Categories), bilingual.T("类型为"+list.ZH, "type is "+list.EN), category)
	}
	if len(r.NotCategories) > 0 {
		list := names("category", r.NotCategories)
		line(!in(r.NotCategories), bilingual.T("类型不是"+list.ZH, "type is not "+list.EN), category)
	}
	start := map[string]civil.Day{"registered_on": a.RegisteredOn, "built_on": a.BuiltOn, "later": max(a.RegisteredOn, a.BuiltOn)}[r.Since]
	if r.MinAgeYears > 0 {
		line(start != "", bilingual.F("使用满 %d 年", "%d years of age", r.MinAgeYears), bilingual.T("起算日期 "+orDash(string(start)), "counted from "+orDash(string(start))))
	}
	switch {
	case !passed:
		return "", lines
	case r.MinAgeYears > 0:
		return start.AddYears(r.MinAgeYears), lines
	}
	return since(start), lines
}

// rules are the rules in force, which a decision of the province replaces while
// the program runs.
type rules struct {
	inForce atomic.Pointer[map[Class]CohortRule]
}

// SetRules replaces the rules of the classes that are given.
func (ref *Reference) SetRules(given []CohortRule) {
	all := map[Class]CohortRule{}
	for _, class := range classOrder {
		all[class] = ref.Rule(class)
	}
	for _, r := range given {
		all[r.Class] = r
	}
	ref.rules.inForce.Store(&all)
}

// Rule returns the rule in force of a class: the plan's own until another was
// accepted.
func (ref *Reference) Rule(class Class) CohortRule {
	if all := ref.rules.inForce.Load(); all != nil {
		return (*all)[class]
	}
	return profiles[class].rule
}

// CohortDay returns the day from which an asset belongs to the cohort of a
// requirement, "" if none covers it.
func (ref *Reference) CohortDay(a Asset) civil.Day {
	day, _ := ref.Apply(ref.Rule(a.Class), a)
	return day
}

// ExplainScope says whether an asset is covered by a requirement on a day, by
// which rule in which revision, and why.
func (ref *Reference) ExplainScope(a Asset, today civil.Day) (inScope bool, rule string, reason bilingual.Text) {
	r := ref.Rule(a.Class)
	day, lines := ref.Apply(r, a)
	zh, en := "", ""
	for _, l := range lines {
		if day == "" && l.Passed {
			continue
		}
		zh += "；" + l.Text.ZH + "（" + l.Fact.ZH + "）"
		en += "; " + l.Text.EN + " (" + l.Fact.EN + ")"
	}
	verdict := bilingual.T("，自 "+string(day)+" 起纳入", ", covered from "+string(day))
	if day == "" {
		verdict = bilingual.T("——不符合，不在要求范围内", " - not met, not covered")
	} else if day > today {
		verdict = bilingual.T("，将于 "+string(day)+" 纳入", ", will be covered from "+string(day))
	}
	return day != "" && day <= today, r.Name(), bilingual.T(r.Clause.ZH+zh+verdict.ZH, r.Clause.EN+en+verdict.EN)
}
