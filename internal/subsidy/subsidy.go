// Package subsidy is the pure domain of public money for early retirement:
// programs with their rules, what a program owes and why, and the states of an
// application.
package subsidy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/registry"
)

// Rules is the part of a program that decides eligibility and amount.
type Rules struct {
	Stages         []string `json:"stages" doc:"Emission stages that are paid for, e.g. china3."`
	MinEarlyMonths int      `json:"min_early_months" minimum:"0" doc:"Whole months that the event must lie before the mandatory scrapping date."`
	OperatingOnly  bool     `json:"operating_only" doc:"Only vehicles in commercial transport."`
	Table          []Rate   `json:"table" minItems:"1" doc:"Amounts; bands of one group must not overlap."`
}

// Rate is one cell of a program's table: what is paid for a group of
// categories in a band of early months [FromMonths, ToMonths).
type Rate struct {
	Group      string    `json:"group" doc:"Group of the category dictionary, e.g. heavy; empty for any."`
	FromMonths int       `json:"from_months" minimum:"0"`
	ToMonths   *int      `json:"to_months,omitempty" doc:"Exclusive; absent: no upper end."`
	AmountFen  money.Fen `json:"amount_fen" minimum:"1" doc:"Amount in fen."`
}

// Program is a city's subsidy scheme in one revision.
type Program struct {
	ID           string
	CityCode     string
	Code         string
	Revision     int64
	Name         bilingual.Text
	Class        registry.Class
	Document     string
	Sample       bool
	ValidFrom    civil.Day
	ValidTo      civil.Day
	Basis        string // the day that decides: deregistered_on or handed_in_on
	Rules        Rules
	BudgetFen    money.Fen
	CommittedFen money.Fen
	PaidFen      money.Fen
	CreatedBy    string
	CreatedAt    time.Time
	Version      int64
}

// Check returns what is wrong with a program as entered, gaps and overlaps of
// its table included.
func (p Program) Check() []fault.Detail {
	var wrong []fault.Detail
	add := func(field, code string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
	}
	for field, day := range map[string]civil.Day{"valid_from": p.ValidFrom, "valid_to": p.ValidTo} {
		if !day.Valid() {
			add(field, "date_invalid", bilingual.F("“%s”不是有效日期", "%q is not a day", day), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
		}
	}
	if p.ValidFrom.Valid() && p.ValidTo.Valid() && p.ValidFrom > p.ValidTo {
		add("valid_to", "date_order", bilingual.T("截止日期早于开始日期", "the program ends before it starts"), bilingual.T("请核对两个日期", "check both days"))
	}
	if p.Basis != "deregistered_on" && p.Basis != "handed_in_on" {
		add("basis", "unknown_value", bilingual.T("计算依据应为注销日期或交售日期", "the basis is deregistered_on or handed_in_on"), bilingual.Text{})
	}
	if len(p.Rules.Table) == 0 {
		add("rules.table", "required", bilingual.T("缺少补贴标准", "the table of amounts is missing"), bilingual.T("至少填写一行", "give at least one row"))
	}
	for i, rate := range p.Rules.Table {
		at := fmt.Sprintf("rules.table[%d]", i)
		if rate.AmountFen < 1 || rate.AmountFen > money.Max {
			add(at+".amount_fen", "out_of_range", bilingual.T("金额应大于零", "the amount must be positive"), bilingual.Text{})
		}
		if rate.FromMonths < 0 || (rate.ToMonths != nil && *rate.ToMonths <= rate.FromMonths) {
			add(at+".to_months", "out_of_range", bilingual.T("月数区间为空", "the band of months is empty"), bilingual.T("上限应大于下限", "the upper end must be above the lower end"))
		}
		for j, other := range p.Rules.Table[:i] {
			if rate.Group == other.Group && overlap(rate, other) {
				add(at, "overlap", bilingual.F("与第 %d 行的区间重叠", "its band overlaps that of row %d", j+1), bilingual.T("同一类型的区间不能重叠", "bands of one group must not overlap"))
			}
		}
	}
	return wrong
}

func overlap(a, b Rate) bool {
	return (b.ToMonths == nil || a.FromMonths < *b.ToMonths) && (a.ToMonths == nil || b.FromMonths < *a.ToMonths)
}

// Facts is what a program's rules look at, taken from the asset and its
// retirement.
type Facts struct {
	Class          registry.Class
	CityCode       string
	Fuel           string
	Stage          string
	StageSource    string
	Group          string // group of the category: heavy, medium, …
	GroupName      bilingual.Text
	Operating      bool
	CountsAs       string // of the way out
	Verified       bool
	HandedInOn     civil.Day
	DeregisteredOn civil.Day
	ScrapDueOn     civil.Day
	PoliceStatus   string
	Name           func(kind, code string) bilingual.Text // what people call a code: "stage", "city", "class"
}

// Line is one reason for or against, in words that can be printed for the
// applicant.
type Line struct {
	Code        string         `json:"code"`
	Passed      bool           `json:"passed"`
	Text        bilingual.Text `json:"text"`        // what is asked
	Fact        bilingual.Text `json:"fact"`        // what is the case
	Requirement bilingual.Text `json:"requirement"` // what the program wants
	Source      string         `json:"source"`
}

// Decision is what a program owes and why, line by line.
type Decision struct {
	Eligible  bool
	AmountFen money.Fen
	Lines     []Line
}

// blocking are the police statuses under which nothing is paid: seized,
// locked, detained, stolen (GA/T 24 机动车状态 K, O, L, C).
var blocking = []string{"查封", "锁定", "扣留", "暂扣", "被盗抢"}

// Evaluate returns what p owes for the facts. Every rule is answered, also
// after one has failed, so that an applicant sees all reasons at once.
func (p Program) Evaluate(f Facts) Decision {
	d := Decision{Eligible: true}
	line := func(code string, passed bool, text, fact, requirement bilingual.Text) {
		d.Lines = append(d.Lines, Line{Code: code, Passed: passed, Text: text, Fact: fact, Requirement: requirement, Source: p.Document})
		d.Eligible = d.Eligible && passed
	}
	event, eventName := f.DeregisteredOn, bilingual.T("注销日期", "deregistration day")
	if p.Basis == "handed_in_on" {
		event, eventName = f.HandedInOn, bilingual.T("交售日期", "hand-over day")
	}
	line("class", f.Class == p.Class && f.CityCode == p.CityCode, bilingual.T("登记城市和类别", "city and class of the register"),
		joined("，", ", ", f.Name("city", f.CityCode), f.Name("class", string(f.Class))),
		joined("，", ", ", f.Name("city", p.CityCode), f.Name("class", string(p.Class))))
	line("retired", f.CountsAs == "retired" && f.Verified, bilingual.T("报废并已核实", "scrapped and verified"),
		yes(f.CountsAs == "retired" && f.Verified), bilingual.T("已注销报废，经第二人核实", "deregistered for scrapping, verified by a second person"))
	line("window", event != "" && event >= p.ValidFrom && event <= p.ValidTo,
		bilingual.T(eventName.ZH+"在政策期内", eventName.EN+" within the program's term"), orNone(string(event)),
		bilingual.T(string(p.ValidFrom)+" 至 "+string(p.ValidTo), string(p.ValidFrom)+" to "+string(p.ValidTo)))
	if len(p.Rules.Stages) > 0 {
		var wanted []bilingual.Text
		for _, stage := range p.Rules.Stages {
			wanted = append(wanted, f.Name("stage", stage))
		}
		line("stage", slices.Contains(p.Rules.Stages, f.Stage), bilingual.T("排放阶段", "emission stage"), f.Name("stage", f.Stage), joined("、", ", ", wanted...))
		proven := f.StageSource != "date" && f.StageSource != "none" && f.StageSource != ""
		line("stage_source", proven, bilingual.T("排放阶段有登记依据", "stage taken from a record"), yes(proven),
			bilingual.T("是；不能仅按登记日期推定", "yes; not derived from a date alone"))
	}
	if p.Rules.OperatingOnly {
		line("operating", f.Operating, bilingual.T("营运车辆", "in commercial transport"), yes(f.Operating), bilingual.T("是", "yes"))
	}
	line("not_seized", !blocked(f.PoliceStatus), bilingual.T("无查封、锁定、扣留、盗抢记录", "not seized, locked, detained or stolen"), orNone(f.PoliceStatus),
		bilingual.T("无上述状态", "none of these"))
	early, known := 0, f.ScrapDueOn != "" && event != ""
	if known {
		early = event.MonthsUntil(f.ScrapDueOn)
	}
	fact := bilingual.T("强制报废期未知", "mandatory scrapping date unknown")
	if known {
		fact = bilingual.F("提前 %d 个月（强制报废期 %s）", "%d months early (mandatory scrapping date %s)", early, f.ScrapDueOn)
	}
	line("early", known && early >= p.Rules.MinEarlyMonths, bilingual.T("提前报废时间", "early retirement"), fact,
		bilingual.F("至少提前 %d 个月", "at least %d months early", p.Rules.MinEarlyMonths))
	rate, found := p.rateFor(f.Group, early)
	found = found && known
	amount := bilingual.T("没有对应的补贴标准", "no amount for this group and band")
	if found {
		amount = bilingual.F("%s 元", "%s yuan", rate.AmountFen.Yuan())
	}
	line("amount", found, bilingual.T("补贴标准", "amount by the table"), bilingual.T(orNone(f.GroupName.ZH).ZH+"："+amount.ZH, orNone(f.GroupName.EN).EN+": "+amount.EN),
		bilingual.T("按车型和提前月数查表", "by group and months early"))
	if d.Eligible {
		d.AmountFen = rate.AmountFen
	}
	return d
}

func (p Program) rateFor(group string, early int) (Rate, bool) {
	for _, r := range p.Rules.Table {
		if (r.Group == "" || r.Group == group) && early >= r.FromMonths && (r.ToMonths == nil || early < *r.ToMonths) {
			return r, true
		}
	}
	return Rate{}, false
}

func blocked(status string) bool {
	for _, word := range blocking {
		if strings.Contains(status, word) {
			return true
		}
	}
	return false
}

func joined(zh, en string, parts ...bilingual.Text) bilingual.Text {
	var all bilingual.Text
	for i, part := range parts {
		if i > 0 {
			all.ZH, all.EN = all.ZH+zh, all.EN+en
		}
		all.ZH, all.EN = all.ZH+part.ZH, all.EN+part.EN
	}
	return all
}

func yes(b bool) bilingual.Text {
	if b {
		return bilingual.T("是", "yes")
	}
	return bilingual.T("否", "no")
}

func orNone(s string) bilingual.Text {
	if s == "" {
		return bilingual.T("无", "none")
	}
	return bilingual.T(s, s)
}
