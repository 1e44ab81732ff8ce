package target

import (
	"fmt"
	"slices"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
)

// CountRule says that assets which left in one of the ways count on a day of
// their retirement: hand_over_on, dismantled_on or left_on (deregistered).
type CountRule struct {
	Ways []string `json:"ways"`
	On   string   `json:"on"`
}

// CountDays lists the days on which a definition may count.
var CountDays = slices.Clone(countDays)

// RetiredWays are the ways out that the default definition counts; OtherWays
// are those that a definition may count as well. Converted and moved-out
// assets never count as retired, by no definition.
var (
	RetiredWays = []string{"scrapped", "destroyed_on_site"}
	OtherWays   = []string{"declared_void", "other"}
)

// DefaultCode is the definition that retirement.Count applies.
const DefaultCode = "deregistered"

// IsDefault reports whether d counts as retirement.Count does, whose days are
// kept as columns and metrics of their own.
func (d Definition) IsDefault() bool { return len(d.Counts) == 0 }

// Check returns what is wrong with a definition as proposed: it says what counts
// as retired, or which share is meant by "basically".
func (d Definition) Check() []fault.Detail {
	if d.ShareBP == nil {
		return d.CheckCounts()
	}
	if len(d.Counts) > 0 {
		return []fault.Detail{{Location: "body.counts", Code: "inconsistent", Message: bilingual.T("比例口径没有计数规则", "a share has no rules of what counts"), Mend: bilingual.T("两者分别提出", "propose the two apart")}}
	}
	return nil
}

// CheckCounts returns what is wrong with the rules of a definition that is to
// say what counts as retired.
func (d Definition) CheckCounts() []fault.Detail {
	var wrong []fault.Detail
	add := func(field string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: "unknown_value", Message: message, Mend: mend})
	}
	if len(d.Counts) == 0 {
		add("counts", bilingual.T("至少要有一条计数规则", "at least one rule is needed"), bilingual.T("选择去向和计数日期", "choose ways out and the day on which they count"))
	}
	seen := map[string]bool{}
	for _, r := range d.Counts {
		if !slices.Contains(countDays, r.On) {
			add("counts", bilingual.F("“%s”不是计数日期", "%q is no day on which a definition counts", r.On), bilingual.T("使用 hand_over_on、dismantled_on 或 left_on", "use hand_over_on, dismantled_on or left_on"))
		}
		if len(r.Ways) == 0 {
			add("counts", bilingual.T("规则没有去向", "a rule without a way out"), bilingual.T("至少选择一种去向", "choose at least one way out"))
		}
		for _, way := range r.Ways {
			if !slices.Contains(RetiredWays, way) && !slices.Contains(OtherWays, way) {
				add("counts", bilingual.F("“%s”不能计为淘汰", "%q cannot count as retired", way), bilingual.T("改造和转出省外从不计为淘汰", "conversion and moving out never count as retired"))
			}
			if seen[way] {
				add("counts", bilingual.F("去向“%s”出现两次", "the way %q stands twice", way), bilingual.T("每种去向只能有一个计数日期", "each way counts on one day"))
			}
			seen[way] = true
		}
	}
	return wrong
}

// kept returns the kept metrics that make up a level by the definition.
func (d Definition) kept(level Metric) []Metric {
	if d.IsDefault() {
		return []Metric{level}
	}
	var all []Metric
	for _, r := range d.Counts {
		for _, way := range r.Ways {
			all = append(all, byWay(r.On, level, way))
		}
	}
	return all
}

// Metrics returns the kept metrics that the figures by the definition are read from.
func (d Definition) Metrics() []Metric {
	all := slices.Clone(Metrics)
	if d.IsDefault() {
		return all
	}
	for _, level := range Levels {
		all = append(all, d.kept(level)...)
	}
	return all
}

// Apply returns counts in which the three levels are those of the definition.
func (d Definition) Apply(c Counts) Counts {
	if d.IsDefault() {
		return c
	}
	by := Counts{}
	for m, n := range c {
		by[m] = n
	}
	for _, level := range Levels {
		by[level] = 0
		for _, m := range d.kept(level) {
			by[level] += c[m]
		}
	}
	return by
}

// Milestone is a step on the way to the due day, such as 2023 for 2025.
type Milestone struct {
	On    civil.Day `json:"on"`
	Value *int64    `json:"value"` // as the target's measure has it; nil: not set
	Note  string    `json:"note,omitempty"`
}

// Causes lists the causes of a changed figure in the order in which they are
// shown. Passage is no deed: a day was reached that was recorded before.
var Causes = []string{
	"passage", "registration", "declaration", "evidence", "verification", "return", "correction", "withdrawal", "transfer", "amendment", "import",
	"import_undo", "rule_change", "duplicate", "other",
}

// CauseOf groups the deeds of the audit into what a person calls the cause of a
// changed figure.
func CauseOf(deed string) string {
	switch deed {
	case "create":
		return "registration"
	case "declare", "amend", "received", "dismantled", "deregistered":
		return "declaration"
	case "evidence", "waive":
		return "evidence"
	case "verify":
		return "verification"
	case "return":
		return "return"
	case "correct", "correction":
		return "correction"
	case "withdraw", "withdrawal":
		return "withdrawal"
	case "move":
		return "transfer"
	case "recount":
		return "rule_change"
	case "undo":
		return "import_undo"
	case "import":
		return "import"
	case "update", "replace_engine":
		return "amendment"
	case "close_duplicate", "reopen_duplicate":
		return "duplicate"
	}
	return "other"
}

// Ref returns code and revision, "deregistered/1", "" for the zero Definition.
func (d Definition) Ref() string {
	if d.Code == "" {
		return ""
	}
	return fmt.Sprintf("%s/%d", d.Code, d.Revision)
}
