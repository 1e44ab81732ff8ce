package registry

import (
	"phaseout/internal/bilingual"
)

// vesselYears is the age from which the plan encourages a vessel's retirement.
const vesselYears = 25

// vesselProfile is the inland vessel of more than 25 years: R12, clause (十一).
// It is encouraged, never overdue.
var vesselProfile = profile{
	Spec: Spec{
		Class: Vessel, Name: bilingual.T("内河船舶", "Inland vessel"), Unit: bilingual.T("艘", "vessels"),
		Fields: append([]FieldSpec{
			{Key: "ship_name", Name: bilingual.T("船名", "Ship name"), Type: TextField, Required: true, Hint: bilingual.T("如 湘岳阳货0001", "such as 湘岳阳货0001"), Synonyms: []string{"船舶名", "船名（中文）", "船舶中文名", "船舶名称", "中文船名", "船名号", "船舶船名", "中文名称", "船名船号"}, Example: "湘岳阳货0001"},
			{Key: "ship_id", Name: bilingual.T("船舶识别号", "Ship identification number"), Type: TextField, Required: true, Identifier: true, Hint: bilingual.T("CN 加 11 位数字", "CN and 11 digits"),
				Synonyms: []string{"船舶识别号码", "识别号码", "船舶登记识别号", "MMSI/识别号", "识别号", "船舶识别码", "船舶识别代码", "CN号", "CBSBH"}, Example: "CN19951000146"},
			{Key: "category", Name: bilingual.T("船舶类型", "Ship type"), Type: OptionField, Dictionary: "category", Hint: bilingual.T("如 散货船", "such as bulk carrier"), Synonyms: []string{"船型", "船舶种类", "船种", "船舶类别", "船舶分类", "船类"}, Example: "散货船"},
			{Key: "gross_tonnage", Name: bilingual.T("总吨", "Gross tonnage"), Type: DecimalField, Unit: "GT", Min: 1, Max: 100000, Synonyms: []string{"总吨（GT）", "登记总吨", "总吨数", "总吨位", "GT", "船舶总吨", "船舶总吨位", "总吨GT"}, Hint: bilingual.T("登记总吨", "as registered"), Example: "600"},
			{Key: "power_kw", Name: bilingual.T("主机功率", "Main engine power"), Type: DecimalField, Unit: "kW", Min: 1, Max: 50000, Synonyms: []string{"主机总功率", "功率", "功率(kW)", "主机额定功率", "主推进功率", "推进功率", "总功率", "功率（千瓦）", "功率kW", "主机功率kW"}, Hint: bilingual.T("单位千瓦；驳船可不填", "in kilowatts; none for a barge"), Example: "250"},
			{Key: "fuel", Name: bilingual.T("燃料类型", "Fuel"), Type: OptionField, Dictionary: "fuel", Synonyms: []string{"燃料种类", "燃料", "燃油种类", "燃油类型", "主机燃料", "动力类型", "动力形式", "能源类型"}, Hint: bilingual.T("如 柴油", "such as diesel"), Example: "柴油"},
			{Key: "built_on", Name: bilingual.T("建造完工日期", "Completion date"), Type: DayField, Synonyms: []string{"建成时间", "建造时间", "造船日期", "建造完成日期", "建造日期", "建成日期", "完工日期", "建造完工时间", "完工时间", "竣工日期", "建造竣工日期", "造船完工日期", "船舶建造日期", "建成年月日"}, Hint: bilingual.T("船龄由此计算", "the age is counted from it"), Example: "1995-08-18"},
			{Key: "home_port", Name: bilingual.T("船籍港", "Port of registry"), Synonyms: []string{"船籍", "登记港", "船籍港名称", "船舶船籍港"}, Type: TextField, Hint: bilingual.T("如 岳阳", "such as Yueyang"), Example: "岳阳"},
			{Key: "survey_no", Name: bilingual.T("船检登记号", "Survey registration number"), Synonyms: []string{"船检号", "检验登记号", "船舶检验登记号", "船检登记号码"}, Type: TextField, Hint: bilingual.T("船检证书上的登记号", "as on the survey certificate"), Example: "1995K2100001"},
			{Key: "annual_fuel_t", Name: bilingual.T("年燃油消耗量", "Fuel a year"), Type: DecimalField, Unit: "t", Min: 1, Max: 100000, Synonyms: []string{"年耗油量", "年燃油量", "年用油量", "年油耗"}, Hint: bilingual.T("单位吨；不填则不估算减排量", "in tonnes; without it no reduction is estimated"), Example: "60"},
		}, ownerFields([]string{"船东", "船舶所有人", "所有者", "经营人", "船舶所有人/经营人", "船主", "船舶所有人名称", "船舶经营人", "所有人名称", "所有人姓名", "所有人（经营人）", "产权人", "产权单位", "业主", "单位名称"},
			[]string{"证件号", "身份证号", "统一社会信用代码/身份证号", "身份证号码", "身份证明号码", "船东证件号", "所有人证件号", "所有人证件号码", "统一社会信用代码", "信用代码", "组织机构代码", "身份证/统一社会信用代码"})...),
		Keys:    [][]string{{"ship_id"}},
		WaysOut: vesselWays,
	},
	identifiers: func(f map[string]string) []Identifier {
		return []Identifier{{Kind: "ship_name", Value: f["ship_name"], Norm: f["ship_name"]}, unique("ship_id", f["ship_id"])}
	},
	rule: CohortRule{Class: Vessel, Code: "vessel-25", Revision: 1, MinAgeYears: vesselYears, Since: "built_on",
		Clause: bilingual.T("方案（十一）：鼓励淘汰使用 25 年以上的内河航运船舶", "clause (十一): vessels of 25 years or more are encouraged to retire")},
	lasts: func(Asset, string) int { return 0 },
}
