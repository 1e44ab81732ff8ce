// Package quality is the rules that are run over the whole stock: what makes a
// record doubtful, in which dimension, and how a city scores. It also finds
// weeks that stand out from a city's own past. It does no I/O.
package quality

import (
	"slices"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/identifier"
	"phaseout/internal/registry"
)

// Dimension is what a rule is about.
type Dimension string

// The dimensions of a score.
const (
	Completeness Dimension = "completeness"
	Validity     Dimension = "validity"
	Timeliness   Dimension = "timeliness"
	Uniqueness   Dimension = "uniqueness"
)

// Weights of the dimensions in a city's score, in percent.
var Weights = map[Dimension]int{Completeness: 30, Validity: 30, Timeliness: 20, Uniqueness: 20}

// Dimensions lists the dimensions in the order in which they are shown.
var Dimensions = []Dimension{Completeness, Validity, Timeliness, Uniqueness}

// Subject is a record as the rules see it.
type Subject struct {
	registry.Asset
	HandedInOn     civil.Day // "" if it was not handed in
	DeregisteredOn civil.Day
	EnteredOn      civil.Day // day on which the retirement was logged, "" if there is none
	Verified       bool
	Alike          bool // another record may be the same asset, and nobody has decided
	Today          civil.Day
}

// Rule is one shipped rule.
type Rule struct {
	Code      string
	Dimension Dimension
	Severity  registry.Severity // as shipped; an installation may set another
	Classes   []registry.Class  // none: all
	Name      bilingual.Text
	Mend      bilingual.Text
	// doubt returns the value that is doubtful, and whether there is a doubt.
	doubt func(s Subject) (value string, found bool)
}

// Applies reports whether the rule is about assets of a class.
func (r Rule) Applies(class registry.Class) bool {
	return len(r.Classes) == 0 || slices.Contains(r.Classes, class)
}

// Check returns what is doubtful about a record.
func (r Rule) Check(s Subject) (value string, found bool) {
	if !r.Applies(s.Class) {
		return "", false
	}
	return r.doubt(s)
}

func lacks(field string) func(Subject) (string, bool) {
	return func(s Subject) (string, bool) { return "", s.Fields[field] == "" }
}

func inUse(s Subject) bool { return s.Status == registry.InUse }

// Days after which a step is late.
const (
	lateEntry      = 10 // logging after the deregistration
	lateDismantled = 60 // dismantling after the hand-over
)

// placeholders are what clerks write where they do not know an owner.
var placeholders = []string{"无", "不详", "未知", "测试", "暂无", "待查", "无名氏", "某某", "XXX", "***", "-", "/"}

var (
	trucks   = []registry.Class{registry.Truck}
	engined  = []registry.Class{registry.Truck, registry.Machinery, registry.FarmMachinery}
	machines = []registry.Class{registry.Machinery, registry.FarmMachinery}
	fill     = bilingual.T("请补填", "fill it in")
	check    = bilingual.T("请核对并更正", "check and correct it")
)

// Rules are the shipped rules.
var Rules = []Rule{
	{"stage_unknown", Completeness, registry.Error, engined, bilingual.T("未填排放阶段", "no emission stage"), bilingual.T("请查明后补填，并填写依据", "find it out and give its basis"), func(s Subject) (string, bool) { return "", s.Stage == "unknown" }},
	{"no_category", Completeness, registry.Warning, nil, bilingual.T("未填类型", "no type"), fill, lacks("category")},
	{"no_fuel", Completeness, registry.Warning, engined, bilingual.T("未填燃料", "no fuel"), fill, lacks("fuel")},
	{"no_district", Completeness, registry.Warning, nil, bilingual.T("未填县区", "no district"), fill, func(s Subject) (string, bool) { return "", s.DistrictCode == "" }},
	{"no_owner", Completeness, registry.Error, nil, bilingual.T("未填所有人", "no owner"), fill, func(s Subject) (string, bool) { return "", s.OwnerName == "" }},
	{"no_owner_number", Completeness, registry.Warning, nil, bilingual.T("未填所有人证件号码", "no number of the owner"), fill, func(s Subject) (string, bool) { return "", s.OwnerName != "" && s.OwnerID == "" }},
	{"no_owner_phone", Completeness, registry.Warning, nil, bilingual.T("未填联系电话", "no telephone"), fill, func(s Subject) (string, bool) { return "", s.OwnerName != "" && s.OwnerPhone == "" }},
	{"no_engine", Completeness, registry.Warning, engined, bilingual.T("未填发动机号", "no engine number"), fill, lacks("engine_no")},
	{"no_model", Completeness, registry.Warning, engined, bilingual.T("未填型号", "no make and model"), fill, lacks("model")},
	{"no_mass", Completeness, registry.Warning, trucks, bilingual.T("未填总质量", "no gross mass"), fill, lacks("gross_mass_kg")},
	{"no_power", Completeness, registry.Warning, machines, bilingual.T("未填功率", "no power"), fill, lacks("power_kw")},
	{"no_built_on", Completeness, registry.Warning, []registry.Class{registry.Machinery, registry.Vessel}, bilingual.T("未填出厂（建成）日期", "no production date"), fill, lacks("built_on")},
	{"vin_check_digit", Validity, registry.Warning, trucks, bilingual.T("车辆识别代号校验位不符", "wrong check digit of the VIN"), check, func(s Subject) (string, bool) {
		vin := s.Fields["vin"]
		return vin, len(vin) == 17 && !identifier.GoodVIN(vin)
	}},
	{"owner_check_digit", Validity, registry.Warning, nil, bilingual.T("证件号码校验位不符", "wrong check digit of the owner's number"), check, func(s Subject) (string, bool) {
		return "", s.OwnerID != "" && identifier.OwnerID(s.OwnerID).Status != identifier.OK
	}},
	{"placeholder_owner", Validity, registry.Error, nil, bilingual.T("所有人不是真实名称", "the owner's name is a placeholder"), check, func(s Subject) (string, bool) {
		return s.OwnerName, slices.Contains(placeholders, strings.ToUpper(s.OwnerName))
	}},
	{"built_after_registered", Validity, registry.Error, nil, bilingual.T("出厂日期晚于登记日期", "produced after it was registered"), check, func(s Subject) (string, bool) {
		return string(s.BuiltOn) + " > " + string(s.RegisteredOn), s.BuiltOn != "" && s.RegisteredOn != "" && s.BuiltOn > s.RegisteredOn
	}},
	{"stage_from_date", Validity, registry.Warning, engined, bilingual.T("排放阶段仅按日期推定", "the stage is only inferred from a date"), bilingual.T("请取得标签、查询或凭证依据", "get a label, a query or a document"), func(s Subject) (string, bool) { return s.Stage, s.StageSource == "date" }},
	{"cancelled_in_use", Validity, registry.Error, trucks, bilingual.T("公安登记已注销，本系统仍为在用", "the police register has cancelled it, here it is in use"), bilingual.T("请登记淘汰，或核对状态", "log its retirement, or check the status"), func(s Subject) (string, bool) {
		return s.PoliceStatus, inUse(s) && registry.Cancelled(s.PoliceStatus)
	}},
	{"scrap_overdue", Validity, registry.Warning, nil, bilingual.T("已过强制报废期仍在用", "in use after its mandatory scrapping date"), bilingual.T("请督促办理报废，或核对日期", "see to its scrapping, or check the day"), func(s Subject) (string, bool) {
		return string(s.ScrapDueOn), inUse(s) && s.ScrapDueOn != "" && s.ScrapDueOn < s.Today
	}},
	{"late_dismantling", Timeliness, registry.Warning, nil, bilingual.T("交售后长期未拆解", "handed in long ago and not dismantled"), bilingual.T("请督促拆解并补录日期", "see to the dismantling and enter its day"), func(s Subject) (string, bool) {
		return string(s.HandedInOn), s.Status == registry.HandedIn && s.HandedInOn != "" && s.HandedInOn.AddDays(lateDismantled) < s.Today
	}},
	{"late_entry", Timeliness, registry.Warning, nil, bilingual.T("注销后未及时录入", "logged late after the deregistration"), bilingual.T("请在注销后 10 日内登记", "log it within ten days"), func(s Subject) (string, bool) {
		return string(s.DeregisteredOn) + " → " + string(s.EnteredOn), s.EnteredOn != "" && s.DeregisteredOn != "" && s.DeregisteredOn.AddDays(lateEntry) < s.EnteredOn
	}},
	{"alike", Uniqueness, registry.Error, nil, bilingual.T("疑似重复，尚未判定", "may be registered twice, not decided"), bilingual.T("请在“疑似重复”中判定", "decide it among the likely duplicates"), func(s Subject) (string, bool) { return "", s.Alike }},
}

// RuleOf returns the rule of a code.
func RuleOf(code string) (Rule, bool) {
	i := slices.IndexFunc(Rules, func(r Rule) bool { return r.Code == code })
	if i < 0 {
		return Rule{}, false
	}
	return Rules[i], true
}

// Score is how many of the checks of a dimension were passed. What is missing to
// the total is the open issues, one a check.
type Score struct{ Good, Total int64 }

// BasisPoints returns the share, 10000 where nothing was checked.
func (s Score) BasisPoints() int64 {
	if s.Total == 0 {
		return 10000
	}
	return s.Good * 10000 / s.Total
}

// Overall returns the weighted score of the dimensions in basis points.
func Overall(scores map[Dimension]Score) int64 {
	sum := int64(0)
	for d, weight := range Weights {
		sum += int64(weight) * scores[d].BasisPoints()
	}
	return sum / 100
}

// About reports whether an asset counts in a dimension: what never left service
// can be neither late nor in time.
func About(d Dimension, s Subject) bool {
	return d != Timeliness || s.EnteredOn != "" || s.HandedInOn != ""
}
