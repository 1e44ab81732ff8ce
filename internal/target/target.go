// Package target is the pure domain of what has to be reached: targets with
// their clause and definition, and how far a stock has got towards one.
package target

import (
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// Definition is a named, versioned meaning of a word that the plan leaves
// open: what counts as retired 淘汰, what "basically" 基本 means.
type Definition struct {
	Code     string
	Revision int64
	Name     bilingual.Text
	Text     bilingual.Text
	ShareBP  *int64      // share of the baseline in basis points, nil where it sets none
	Counts   []CountRule // which ways count on which day; none: as retirement.Count does
	Version  int64
	State    string // draft until it was tried and accepted, then in_force
	Sample   bool   // our assumption, not an official figure; shown as such
	Source   string
	// ProposedBy is the id of who proposed it and may not accept it.
	ProposedBy     string
	ProposedByName string
	Trial          Trial
}

// Target is one requirement on one class in one city, or in each city alike
// where CityCode is the province.
type Target struct {
	ID              string
	Lineage         string // one for all revisions of a target
	Revision        int64
	Code            string // R1, R7 … of the plan
	Clause          string
	Class           registry.Class
	CityCode        string
	Kind            string // hard or soft
	Measure         string // count, share, tonnes or none
	Value           *int64 // assets for count, basis points for share, tonnes; nil: not set
	Pollutant       string // of tonnes: NOx or VOC, of the whole economy and so context only
	DueOn           civil.Day
	BaselineOn      civil.Day
	Milestones      []Milestone
	CohortRule      string // the rule and revision by which its stock is drawn, "truck_china3/1"
	Definition      Definition
	Threshold       *Definition
	ResponsibleUnit string
	Document        string
	Note            string
	ValidFrom       civil.Day // first day for which this revision answers, "" for ever
	EndedOn         civil.Day // first day for which it no longer answers, "" if none
	SetUs, EndedUs  int64     // recorded instants in microseconds: put in force, replaced; 0 for none
	State           string    // draft, in_force or replaced
	Sample          bool
	SetBy           string
	SetByName       string
	SetAt           time.Time
	Version         int64
}

// Check returns what is wrong with a target as entered.
func (t Target) Check() []fault.Detail {
	var wrong []fault.Detail
	add := func(field, code string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
	}
	for field, day := range map[string]civil.Day{"due_on": t.DueOn, "baseline_on": t.BaselineOn} {
		if !day.Valid() {
			add(field, "date_invalid", bilingual.F("“%s”不是有效日期", "%q is not a day", day), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
		}
	}
	if t.BaselineOn.Valid() && t.DueOn.Valid() && t.BaselineOn >= t.DueOn {
		add("baseline_on", "date_order", bilingual.T("基准日应早于完成期限", "the baseline day must be before the due day"), bilingual.T("请核对两个日期", "check both days"))
	}
	last := civil.Day("")
	for _, m := range t.Milestones {
		switch {
		case !m.On.Valid():
			add("milestones", "date_invalid", bilingual.F("“%s”不是有效日期", "%q is not a day", m.On), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
		case m.On <= last || m.On <= t.BaselineOn || m.On > t.DueOn:
			add("milestones", "date_order", bilingual.F("阶段目标 %s 应在基准日之后、期限之前，并按先后排列", "milestone %s must lie after the baseline day, up to the due day, one after the other", m.On),
				bilingual.T("请核对日期", "check the days"))
		}
		last = m.On
		if m.Value != nil && (t.Measure == "none" || *m.Value < 0 || (t.Measure == "share" && *m.Value > 10000)) {
			add("milestones", "out_of_range", bilingual.F("阶段目标 %s 的数值无效", "the value of milestone %s does not fit the measure", m.On), bilingual.T("数量不为负，比例为 0 到 10000 基点", "a count is not negative, a share lies between 0 and 10000 basis points"))
		}
	}
	if t.Measure == "tonnes" && t.Pollutant == "" {
		add("pollutant", "required", bilingual.T("吨数目标要说明污染物", "a target in tonnes names its pollutant"), bilingual.T("例如 NOx 或 VOC", "for example NOx or VOC"))
	}
	switch {
	case t.Measure == "none" && t.Value != nil:
		add("value", "inconsistent", bilingual.T("未设定数量的目标不能有数值", "a target without a measure has no value"), bilingual.T("选择“数量”或“比例”", "choose count or share"))
	case t.Measure == "share" && t.Value != nil && (*t.Value < 0 || *t.Value > 10000):
		add("value", "out_of_range", bilingual.T("比例应在 0 到 10000 个基点之间", "a share lies between 0 and 10000 basis points"), bilingual.T("100% 写作 10000", "write 100% as 10000"))
	case t.Measure == "count" && t.Value != nil && *t.Value < 0:
		add("value", "out_of_range", bilingual.T("数量不能为负", "a count cannot be negative"), bilingual.Text{})
	}
	return wrong
}

// Metric is one of the counted figures.
type Metric string

// The metrics that are kept by day. Cohort is the stock that a requirement
// covers; the others are ways of leaving it.
const (
	Cohort    Metric = "cohort"
	HandedIn  Metric = "handed_in"
	Declared  Metric = "declared"
	Evidenced Metric = "evidenced"
	Verified  Metric = "verified"
	Converted Metric = "converted"
	MovedOut  Metric = "moved_out"
)

// Metrics lists the kept metrics in the order in which they are shown.
var Metrics = []Metric{Cohort, HandedIn, Declared, Evidenced, Verified, Converted, MovedOut}

// The figures that are derived from the kept ones and can be opened as well.
const (
	Baseline  Metric = "baseline"
	Additions Metric = "additions"
	Remaining Metric = "remaining"
)

// Counts holds a cumulative count for each kept metric.
type Counts map[Metric]int64

func (c Counts) gone() int64 { return c[Verified] + c[Converted] + c[MovedOut] }

// Figures is one line of the progress sheet. Counts other than Baseline are
// those since the baseline day. Shares are basis points, nil where there is
// nothing to divide by.
type Figures struct {
	Baseline  int64
	Additions int64
	Cohort    int64
	HandedIn  int64
	Declared  int64
	Evidenced int64
	Verified  int64
	Converted int64
	MovedOut  int64
	Remaining int64
	Required  *int64
}

// Assess returns the figures between the counts up to the baseline day and
// the counts up to the as-of day. The baseline is what belonged to the cohort
// and had not left it by the baseline day; Remaining = Baseline + Additions −
// Verified − Converted − MovedOut.
func Assess(base, now Counts) Figures {
	since := func(m Metric) int64 { return now[m] - base[m] }
	f := Figures{
		Baseline: base[Cohort] - base.gone(), Additions: since(Cohort),
		HandedIn: since(HandedIn), Declared: since(Declared), Evidenced: since(Evidenced),
		Verified: since(Verified), Converted: since(Converted), MovedOut: since(MovedOut),
	}
	f.Cohort = f.Baseline + f.Additions
	f.Remaining = f.Cohort - f.Verified - f.Converted - f.MovedOut
	return f
}

// Plus returns the sum of two lines. A sum has a requirement only if both have.
func (f Figures) Plus(g Figures) Figures {
	sum := Figures{
		Baseline: f.Baseline + g.Baseline, Additions: f.Additions + g.Additions, Cohort: f.Cohort + g.Cohort,
		HandedIn: f.HandedIn + g.HandedIn, Declared: f.Declared + g.Declared, Evidenced: f.Evidenced + g.Evidenced,
		Verified: f.Verified + g.Verified, Converted: f.Converted + g.Converted, MovedOut: f.MovedOut + g.MovedOut,
		Remaining: f.Remaining + g.Remaining,
	}
	if f.Required != nil && g.Required != nil {
		n := *f.Required + *g.Required
		sum.Required = &n
	}
	return sum
}

// RequiredOf returns how many assets of a baseline t wants retired, nil if the
// target sets no number. A share is rounded up: 95% of 3 is 3.
// Tonnes are of the whole economy and ask for no number of assets.
func (t Target) RequiredOf(baseline int64) *int64 {
	var n int64
	switch {
	case t.Measure == "count" && t.Value != nil:
		n = *t.Value
	case t.Measure == "share" && t.Value != nil:
		n = shareUp(baseline, *t.Value)
	case t.Measure == "share" && t.Threshold != nil && t.Threshold.ShareBP != nil:
		n = shareUp(baseline, *t.Threshold.ShareBP)
	default:
		return nil
	}
	return &n
}

// RequiredAt is RequiredOf for a milestone.
func (t Target) RequiredAt(m Milestone, baseline int64) *int64 {
	if m.Value == nil {
		return nil
	}
	step := t
	step.Value = m.Value
	return step.RequiredOf(baseline)
}

// Holds reports whether this revision answers for a day, as far as was known
// at an instant in microseconds, 0 for now.
func (t Target) Holds(asOf civil.Day, knownUs int64) bool {
	known := func(us int64) bool { return us > 0 && (knownUs == 0 || us <= knownUs) }
	switch {
	case t.State == "draft", t.State == "replaced" && t.EndedUs == 0: // never in force
		return false
	case t.ValidFrom > asOf, t.SetUs > 0 && !known(t.SetUs):
		return false
	}
	return !known(t.EndedUs) || t.EndedOn > asOf
}

// InForce returns those of the targets that answer for a day as known at an
// instant, as they were then: what ended later was in force.
func InForce(all []Target, asOf civil.Day, knownUs int64) []Target {
	var list []Target
	for _, t := range all {
		if t.Holds(asOf, knownUs) {
			if knownUs > 0 && t.EndedUs > knownUs {
				t.State, t.EndedOn, t.EndedUs, t.Version = "in_force", "", 0, t.Version-1
			}
			list = append(list, t)
		}
	}
	return list
}

func shareUp(n, bp int64) int64 { return (n*bp + 9999) / 10000 }

// ShareBP returns part of whole in basis points, rounded down, nil if whole is
// absent or zero: a completion must not be reached by rounding.
func ShareBP(part int64, whole *int64) *int64 {
	if whole == nil || *whole == 0 {
		return nil
	}
	bp := part * 10000 / *whole
	return &bp
}

var metricNames = map[Metric]bilingual.Text{
	Baseline: bilingual.T("基准数", "baseline"), Additions: bilingual.T("新增", "additions"), Cohort: bilingual.T("存量", "cohort"), HandedIn: bilingual.T("已交售", "handed in"),
	Declared: bilingual.T("已申报", "declared"), Evidenced: bilingual.T("有证明", "evidenced"), Verified: bilingual.T("已核实", "verified"),
	Converted: bilingual.T("改造", "converted"), MovedOut: bilingual.T("转出", "moved out"), Remaining: bilingual.T("剩余", "remaining"),
}

// Name returns what people call the figure.
func (m Metric) Name() bilingual.Text {
	if m.IsReason() {
		return reasonNames[m]
	}
	return metricNames[m]
}
