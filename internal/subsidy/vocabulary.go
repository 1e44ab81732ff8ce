package subsidy

import (
	"slices"
	"strconv"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
)

// Kind is one word of the vocabulary in which rules are written: a condition,
// and where Axis holds, also a column of a table.
type Kind struct {
	Code     string
	Name     bilingual.Text
	Takes    string         // codes, range, days or none
	Options  string         // of codes: a dictionary, or group, power, way_out, yes, owner_kind, words, source
	Unit     bilingual.Text // of a range
	Axis     bool
	Quantity bool   // a formula may multiply by it
	Of       string // "replacement": a property of the new one

	codes func(f *Facts) []string // what the asset is
	// compare tells whether the asset lies below, at or above a bound.
	compare func(e *evaluation, bound int64) int
	known   func(e *evaluation) bool
	fact    func(e *evaluation) bilingual.Text
	day     func(f *Facts) civil.Day
	holds   func(e *evaluation, c Condition) (bool, bilingual.Text)
	amount  func(f *Facts) int64 // quantity in thousandths
}

var (
	yearsUnit  = bilingual.T("年", "years")
	monthsUnit = bilingual.T("个月", "months")
	tonsUnit   = bilingual.T("总吨", "GT")
)

// Vocabulary is all that rules can ask, in the order in which it is shown.
var Vocabulary = vocabulary()

func vocabulary() []Kind {
	yesNo := func(b bool) []string {
		if b {
			return []string{"yes"}
		}
		return []string{"no"}
	}
	one := func(s string) []string { return []string{s} }
	bought := func(f *Facts) Replacement {
		if f.Replacement == nil {
			return Replacement{}
		}
		return *f.Replacement
	}
	return []Kind{
		{Code: "stage", Name: bilingual.T("排放阶段", "emission stage"), Takes: "codes", Options: "stage", Axis: true, codes: func(f *Facts) []string { return one(f.Stage) }},
		{Code: "stage_source", Name: bilingual.T("排放阶段有登记依据", "stage taken from a record"), Takes: "none", holds: stageProven},
		{Code: "fuel", Name: bilingual.T("燃料种类", "fuel"), Takes: "codes", Options: "fuel", Axis: true, codes: func(f *Facts) []string { return one(f.Fuel) }},
		{Code: "use", Name: bilingual.T("使用性质", "use"), Takes: "codes", Options: "use", Axis: true, codes: func(f *Facts) []string { return one(f.Use) }},
		{Code: "operating", Name: bilingual.T("营运车辆", "in commercial transport"), Takes: "codes", Options: "yes", Axis: true, codes: func(f *Facts) []string { return yesNo(f.Operating) }},
		{Code: "group", Name: bilingual.T("类型分组", "group of types"), Takes: "codes", Options: "group", Axis: true, codes: func(f *Facts) []string { return []string{f.Group, f.Category} }},
		{Code: "category", Name: bilingual.T("具体类型", "type"), Takes: "codes", Options: "category", Axis: true, codes: func(f *Facts) []string { return one(f.Category) }},
		{Code: "city", Name: bilingual.T("登记城市", "city of the register"), Takes: "codes", Options: "city", Axis: true, codes: func(f *Facts) []string { return one(f.CityCode) }},
		quantity("gross_mass_kg", bilingual.T("总质量", "gross mass"), bilingual.T("千克", "kg"), func(f *Facts) int64 { return f.GrossMassKg }),
		quantity("power_kw", bilingual.T("功率", "power"), bilingual.T("千瓦", "kW"), func(f *Facts) int64 { return f.PowerKW }),
		// 1 horsepower is taken as 0.735 kW, as the scrapping schemes' own pairs do (14.7 kW is 20).
		quantity("horsepower", bilingual.T("马力", "horsepower"), bilingual.T("马力", "hp"), func(f *Facts) int64 { return f.PowerKW * 1000 / 735 }),
		quantity("gross_tonnage", bilingual.T("总吨", "gross tonnage"), tonsUnit, func(f *Facts) int64 { return f.GrossTonnage }),
		{Code: "age", Name: bilingual.T("使用年限（足年，不取整）", "age in exact years, not rounded"), Takes: "range", Unit: yearsUnit, Axis: true,
			known: func(e *evaluation) bool { return e.f.BuiltOn.Valid() && e.at != "" },
			compare: func(e *evaluation, n int64) int {
				return strings.Compare(string(e.at), string(e.f.BuiltOn.AddYears(int(n))))
			},
			fact: func(e *evaluation) bilingual.Text {
				n, rest := e.f.BuiltOn.YearsUntil(e.at), ""
				if day := e.f.BuiltOn.AddYears(n); day != e.at {
					rest = "+"
				}
				zh, en := "满 "+strconv.Itoa(n)+" 年", strconv.Itoa(n)+" years exactly"
				if rest != "" {
					zh, en = "满 "+strconv.Itoa(n)+" 年、不足 "+strconv.Itoa(n+1)+" 年", "over "+strconv.Itoa(n)+", under "+strconv.Itoa(n+1)+" years"
				}
				return bilingual.T(zh+"（"+string(e.f.BuiltOn)+" 至 "+string(e.at)+"）", en+" ("+string(e.f.BuiltOn)+" to "+string(e.at)+")")
			}},
		{Code: "early", Name: bilingual.T("提前报废时间", "early retirement"), Takes: "range", Unit: monthsUnit, Axis: true,
			known: func(e *evaluation) bool { return e.f.ScrapDueOn.Valid() && e.at != "" },
			compare: func(e *evaluation, n int64) int {
				return strings.Compare(string(e.f.ScrapDueOn), string(e.at.AddMonths(int(n))))
			},
			fact: func(e *evaluation) bilingual.Text { return e.earlyFact() }},
		{Code: "not_past_due", Name: bilingual.T("未超过强制报废期", "not past the mandatory scrapping date"), Takes: "none", holds: notPastDue},
		days("registered_on", bilingual.T("初次登记日期", "first registration"), func(f *Facts) civil.Day { return f.RegisteredOn }),
		days("in_city_since", bilingual.T("转入（登记在）本市的日期", "registered in the city since"), func(f *Facts) civil.Day { return f.InCitySince }),
		days("owned_since", bilingual.T("现所有人取得日期", "owned since"), func(f *Facts) civil.Day { return f.OwnedSince }),
		days("handed_in_on", bilingual.T("交售日期", "hand-over day"), func(f *Facts) civil.Day { return f.HandedInOn }),
		days("deregistered_on", bilingual.T("注销日期", "deregistration day"), func(f *Facts) civil.Day { return f.DeregisteredOn }),
		days("applied_on", bilingual.T("申请日期", "day of the application"), func(f *Facts) civil.Day { return f.AppliedOn }),
		{Code: "way_out", Name: bilingual.T("淘汰去向", "way out"), Takes: "codes", Options: "way_out", Axis: true, codes: func(f *Facts) []string { return one(f.WayOut) }},
		{Code: "not_seized", Name: bilingual.T("无查封、锁定、扣留、盗抢记录", "not seized, locked, detained or stolen"), Takes: "none", holds: func(e *evaluation, _ Condition) (bool, bilingual.Text) {
			return firstWord(e.f.PoliceStatus, blocking) == "", orNone(statusWords(e.f.PoliceStatus))
		}},
		{Code: "police_status", Name: bilingual.T("机动车状态不含", "police status without"), Takes: "codes", Options: "words", holds: func(e *evaluation, c Condition) (bool, bilingual.Text) {
			return firstWord(e.f.PoliceStatus, c.Codes) == "", orNone(statusWords(e.f.PoliceStatus))
		}},
		{Code: "pre_checks", Name: bilingual.T("抵押、查封、欠费等前置核查已清", "pre-checks clear"), Takes: "none", holds: preChecked},
		{Code: "owner_kind", Name: bilingual.T("所有人性质", "kind of owner"), Takes: "codes", Options: "owner_kind", Axis: true, codes: func(f *Facts) []string { return one(f.OwnerKind) }},
		{Code: "private_owner", Name: bilingual.T("所有人非党政机关、财政供养单位", "owner is no public body"), Takes: "none", holds: func(e *evaluation, _ Condition) (bool, bilingual.Text) {
			if e.f.PublicOwner {
				return false, bilingual.T("属于财政供养单位", "a body on the public payroll")
			}
			return true, bilingual.T("未发现属于财政供养单位", "nothing says that it is one")
		}},
		{Code: "replacement", Name: bilingual.T("已新购替代", "a replacement was bought"), Takes: "none", Of: "replacement", holds: func(e *evaluation, _ Condition) (bool, bilingual.Text) {
			return e.f.Replacement != nil, yes(e.f.Replacement != nil)
		}},
		{Code: "new_power", Name: bilingual.T("新购动力", "power of the new one"), Takes: "codes", Options: "power", Axis: true, Of: "replacement", codes: func(f *Facts) []string { return one(bought(f).Power) }},
		{Code: "new_stage", Name: bilingual.T("新购排放阶段", "stage of the new one"), Takes: "codes", Options: "stage", Axis: true, Of: "replacement", codes: func(f *Facts) []string { return one(bought(f).Stage) }},
		{Code: "new_group", Name: bilingual.T("新购类型", "group of the new one"), Takes: "codes", Options: "group", Axis: true, Of: "replacement", codes: func(f *Facts) []string { return one(bought(f).Group) }},
		replaced(quantity("new_axles", bilingual.T("新购轴数", "axles of the new one"), bilingual.T("轴", "axles"), func(f *Facts) int64 { return 1000 * bought(f).Axles })),
		replaced(quantity("new_tonnage", bilingual.T("新购总吨", "gross tonnage of the new one"), tonsUnit, func(f *Facts) int64 { return bought(f).GrossTonnage })),
		replaced(quantity("lesser_tonnage", bilingual.T("新旧总吨取小", "lesser of old and new gross tonnage"), tonsUnit, func(f *Facts) int64 { return min(f.GrossTonnage, bought(f).GrossTonnage) })),
		{Code: "new_owner", Name: bilingual.T("新购与报废为同一所有人", "same owner bought the new one"), Takes: "none", Of: "replacement", holds: func(e *evaluation, _ Condition) (bool, bilingual.Text) {
			return bought(&e.f).SameOwner, yes(bought(&e.f).SameOwner)
		}},
		{Code: "new_kind", Name: bilingual.T("新购同种类", "the new one is of the same kind"), Takes: "codes", Options: "yes", Axis: true, Of: "replacement", codes: func(f *Facts) []string { return yesNo(bought(f).SameKind) }},
		days("new_bought_on", bilingual.T("新购日期", "day of purchase"), func(f *Facts) civil.Day { return bought(f).BoughtOn }),
	}
}

func quantity(code string, name, unit bilingual.Text, amount func(*Facts) int64) Kind {
	return Kind{Code: code, Name: name, Takes: "range", Unit: unit, Axis: true, Quantity: true, amount: amount,
		known: func(e *evaluation) bool { return amount(&e.f) > 0 },
		compare: func(e *evaluation, bound int64) int {
			switch n := amount(&e.f); {
			case n < bound*1000:
				return -1
			case n > bound*1000:
				return 1
			}
			return 0
		},
		fact: func(e *evaluation) bilingual.Text {
			n := thousandths(amount(&e.f))
			return bilingual.T(n+" "+unit.ZH, n+" "+unit.EN)
		}}
}

func replaced(k Kind) Kind { k.Of = "replacement"; return k }

func days(code string, name bilingual.Text, day func(*Facts) civil.Day) Kind {
	return Kind{Code: code, Name: name, Takes: "days", day: day}
}

// thousandths writes a quantity of thousandths as a decimal number.
func thousandths(n int64) string {
	text := strconv.FormatInt(n/1000, 10)
	if rest := n % 1000; rest != 0 {
		text += strings.TrimRight("."+strconv.FormatInt(1000+rest, 10)[1:], "0")
	}
	return text
}

// KindOf returns a word of the vocabulary.
func KindOf(code string) (Kind, bool) {
	i := slices.IndexFunc(Vocabulary, func(k Kind) bool { return k.Code == code })
	if i < 0 {
		return Kind{}, false
	}
	return Vocabulary[i], true
}

func stageProven(e *evaluation, _ Condition) (bool, bilingual.Text) {
	source := e.f.StageSource
	switch {
	case source != "date" && source != "none" && source != "":
		return true, bilingual.T("是", "yes")
	case source == "date" && e.f.StageTicked:
		return true, bilingual.T("按日期推定，已由人工确认", "inferred from a date, confirmed by a person")
	case source == "date":
		return false, bilingual.T("否，按登记日期推定", "no, inferred from a date")
	}
	return false, bilingual.T("否", "no")
}

func notPastDue(e *evaluation, _ Condition) (bool, bilingual.Text) {
	if !e.f.ScrapDueOn.Valid() || e.at == "" {
		return false, bilingual.T("强制报废期未知", "mandatory scrapping date unknown")
	}
	return e.at <= e.f.ScrapDueOn, e.earlyFact()
}

func preChecked(e *evaluation, _ Condition) (bool, bilingual.Text) {
	switch e.f.PreChecks {
	case "clear":
		return true, bilingual.T("已核查，无未了事项", "looked at, nothing open")
	case "open":
		list := strings.Join(e.f.PreChecksOpen, "、")
		return false, bilingual.T("有未了事项："+list, "open: "+list)
	}
	return false, bilingual.T("尚未核查", "not looked at yet")
}

// extraNames are the codes that no dictionary names.
var extraNames = map[string]bilingual.Text{
	"group/heavy": bilingual.T("重型", "heavy"), "group/medium": bilingual.T("中型", "medium"), "group/light": bilingual.T("轻型", "light"), "group/mini": bilingual.T("微型", "mini"),
	"group/low_speed": bilingual.T("低速货车", "low-speed"), "group/three_wheel": bilingual.T("三轮汽车", "three-wheeled"),
	"group/tractor": bilingual.T("拖拉机", "tractor"), "group/harvester": bilingual.T("联合收割机", "combine harvester"), "group/implement": bilingual.T("其他农机具", "implement"),
	"group/class1": bilingual.T("一类船舶（高速客船）", "class 1 vessel (fast passenger)"), "group/class2": bilingual.T("二类船舶（客船）", "class 2 vessel (passenger)"),
	"group/class3": bilingual.T("三类船舶（液货船）", "class 3 vessel (tanker)"), "group/class4": bilingual.T("四类船舶（散货船）", "class 4 vessel (bulk)"), "group/class5": bilingual.T("五类船舶（其他货船）", "class 5 vessel (other cargo)"),
	"power/china6": bilingual.T("国六燃油（气）", "China VI fuel vehicle"), "power/new_energy": bilingual.T("新能源", "new energy"), "power/clean_fuel": bilingual.T("清洁能源（LNG、甲醇等）", "clean fuel (LNG, methanol)"),
	"power/diesel": bilingual.T("柴油", "diesel"), "power/other": bilingual.T("其他", "other"),
	"yes/yes": bilingual.T("是", "yes"), "yes/no": bilingual.T("否", "no"),
	"owner_kind/person": bilingual.T("个人", "person"), "owner_kind/organisation": bilingual.T("单位", "organisation"),
	"way_out/scrapped": bilingual.T("报废拆解", "scrapped"), "way_out/destroyed_on_site": bilingual.T("就地销毁", "destroyed on site"), "way_out/re_engined": bilingual.T("更换发动机", "re-engined"),
	"way_out/retrofitted": bilingual.T("加装污染控制装置", "retrofitted"), "way_out/moved_out": bilingual.T("转出省外", "moved out of the province"), "way_out/other": bilingual.T("其他注销", "other"),
	"source/central": bilingual.T("中央", "central"), "source/provincial": bilingual.T("省级", "provincial"), "source/city": bilingual.T("市级", "city"), "source/county": bilingual.T("县区", "county"), "source/other": bilingual.T("其他", "other"),
}

// PlainName returns what people call a code of the vocabulary's own lists:
// group, power, way_out, yes, owner_kind, source.
func PlainName(options, code string) (bilingual.Text, bool) {
	name, ok := extraNames[options+"/"+code]
	return name, ok
}

// PlainOptions returns the codes of one of the vocabulary's own lists, in their order.
func PlainOptions(options string) []string {
	switch options {
	case "power":
		return []string{"china6", "new_energy", "clean_fuel", "diesel", "other"}
	case "yes":
		return []string{"yes", "no"}
	case "owner_kind":
		return []string{"person", "organisation"}
	case "source":
		return Sources
	case "words":
		return []string{"查封", "锁定", "扣留", "被盗抢", "公告牌证作废", "强制注销", "逾期未检验", "违法未处理", "事故未处理", "事故逃逸", "灭失", "转出"}
	}
	return nil
}

// nameOf returns what people call a code of a list.
func nameOf(f *Facts, options, code string) bilingual.Text {
	if name, ok := PlainName(options, code); ok {
		return name
	}
	if code == "" {
		return bilingual.T("未知", "unknown")
	}
	if options == "words" || f.Name == nil {
		return bilingual.T(code, code)
	}
	if options == "group" {
		options = "category" // a type may stand for its group
	}
	return f.Name(options, code)
}

func names(f *Facts, options string, codes []string) bilingual.Text {
	parts := make([]bilingual.Text, len(codes))
	for i, code := range codes {
		parts[i] = nameOf(f, options, code)
	}
	return joined("、", ", ", parts...)
}
