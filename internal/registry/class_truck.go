package registry

import (
	"phaseout/internal/bilingual"
	"phaseout/internal/identifier"
)

// truckProfile is the diesel goods vehicle of China III or older: R1, clause
// (十一) 柴油货车清洁化行动.
var truckProfile = profile{
	Spec: Spec{
		Class: Truck, Name: bilingual.T("柴油货车", "Diesel truck"), Unit: bilingual.T("辆", "vehicles"),
		Fields: append([]FieldSpec{
			{Key: "plate", Name: bilingual.T("号牌号码", "Plate number"), Type: TextField, Required: true, Identifier: true, Example: "湘A12345",
				Hint: bilingual.T("如 湘A12345", "such as 湘A12345"), Synonyms: []string{"号牌", "车牌号牌", "车辆号牌", "牌照号码", "车号", "机动车号牌号码", "车辆牌号", "车牌号", "车牌号码", "牌照号", "车牌", "车辆牌照号码", "HPHM", "车牌照号", "机动车号牌", "车辆号牌号码"}},
			{Key: "plate_kind", Name: bilingual.T("号牌种类", "Plate kind"), Type: OptionField, Dictionary: "plate_kind", Hint: bilingual.T("如 大型汽车", "such as large vehicle"),
				Synonyms: []string{"号牌颜色", "车牌颜色", "车牌种类", "HPZL", "号牌类型", "号牌类别", "牌照种类", "牌照颜色", "HPYS"}, Example: "大型汽车"},
			{Key: "vin", Name: bilingual.T("车辆识别代号", "VIN"), Type: TextField, Required: true, Identifier: true, Example: "LGHTEST158C012345",
				Hint: bilingual.T("17 位，不含 I、O、Q", "17 signs without I, O and Q"), Synonyms: []string{"车辆识别号", "车架号码", "底盘号", "车架号（VIN）", "VIN号", "车辆识别代码（VIN）", "车架号", "VIN", "VIN码", "车辆识别代码", "车辆识别代号（VIN）", "识别代号", "CLSBDH", "车辆识别代号/车架号", "车架号/VIN", "车辆VIN", "车辆识别代号（车架号）"}},
			{Key: "engine_no", Name: bilingual.T("发动机号", "Engine number"), Type: TextField, Synonyms: []string{"发动机编号", "发动机", "发动机号/型号", "发动机号码", "FDJH", "发动机编码"}, Hint: bilingual.T("发动机铭牌上的号码", "as on the engine"), Example: "K7848732"},
			{Key: "category", Name: bilingual.T("车辆类型", "Vehicle type"), Type: OptionField, Dictionary: "category", Hint: bilingual.T("如 重型自卸货车", "such as heavy dump truck"),
				Synonyms: []string{"货车类型", "车种", "车辆类别", "车型分类", "CLLXMC", "车辆种类", "车型", "CLLX", "机动车类型", "车辆类型名称"}, Example: "重型自卸货车"},
			{Key: "model", Name: bilingual.T("品牌型号", "Make and model"), Type: TextField, Synonyms: []string{"厂牌", "品牌", "车辆品牌", "中文品牌", "CLPP1", "CLXH", "厂牌型号", "车辆型号", "车辆品牌型号", "品牌型号（厂牌型号）", "品牌及型号", "车辆品牌及型号"}, Hint: bilingual.T("如 东风牌EQ1160GLJ", "make and model"), Example: "东风牌EQ1160GLJ"},
			{Key: "use", Name: bilingual.T("使用性质", "Use"), Type: OptionField, Dictionary: "use", Synonyms: []string{"营运性质", "使用性质（营运/非营运）", "是否营运", "车辆使用性质", "SYXZ"}, Hint: bilingual.T("如 货运", "such as freight"), Example: "货运"},
			{Key: "fuel", Name: bilingual.T("燃料种类", "Fuel"), Type: OptionField, Dictionary: "fuel", Synonyms: []string{"燃油种类", "燃油类型", "能源类型", "动力类型", "燃料类型", "动力类别", "燃料", "RLZL", "燃料（能源）种类", "能源种类"}, Hint: bilingual.T("如 柴油", "such as diesel"), Example: "柴油"},
			{Key: "stage", Name: bilingual.T("排放标准", "Emission stage"), Type: OptionField, Dictionary: "stage", Synonyms: []string{"排放等级", "排放标准阶段", "国标", "排放", "环保阶段", "HBDBQK", "车辆排放标准", "排放水平", "排放阶段", "环保达标情况", "PFBZ", "排放标准等级", "排放标准（阶段）"}, Hint: bilingual.T("国一前 至 国六", "pre-China I to China VI"), Example: "国三"},
			{Key: "stage_basis", Name: bilingual.T("排放阶段依据", "Basis of the stage"), Type: OptionField, Dictionary: "stage_basis", Synonyms: []string{"排放标准依据", "排放阶段来源", "排放标准来源", "阶段认定依据"}, Hint: bilingual.T("环保标签、官网查询、凭证或按日期推定", "label, official query, document, or inferred from a date"), Example: "官网查询"},
			{Key: "stage_basis_on", Name: bilingual.T("依据日期", "Day of the basis"), Type: DayField, Synonyms: []string{"查询日期", "认定日期", "核查日期"}, Hint: bilingual.T("查询或核验的日期", "day of the query or check"), Example: "2025-03-05"},
			{Key: "gross_mass_kg", Name: bilingual.T("总质量", "Gross mass"), Type: IntegerField, Unit: "kg", Min: 500, Max: 120000, Synonyms: []string{"总质量（千克）", "总质量（kg）", "车辆总质量", "核定总质量", "总重", "最大总质量", "ZZL", "总质量kg", "车辆总重", "总重量"}, Hint: bilingual.T("单位千克", "in kilograms"), Example: "25000"},
			{Key: "registered_on", Name: bilingual.T("初次登记日期", "First registration"), Type: DayField, Required: true, Synonyms: []string{"初次注册日期", "首次登记日期", "首次注册日期", "上牌日期", "注册时间", "登记时间", "初次登记时间", "车辆注册日期", "注册日期", "登记日期", "注册登记日期", "初登日期", "CCDJRQ", "初次登记", "首次登记时间", "注册登记时间", "初登时间", "首次上牌日期"}, Hint: bilingual.T("如 2009-03-05", "such as 2009-03-05"), Example: "2009-03-05"},
			{Key: "built_on", Name: bilingual.T("出厂日期", "Production date"), Type: DayField, Synonyms: []string{"制造日期", "车辆出厂日期", "出厂时间", "生产日期", "CCRQ", "车辆制造日期", "出厂年月日"}, Hint: bilingual.T("如 2009-01-20", "such as 2009-01-20"), Example: "2009-01-20"},
			{Key: "scrap_due_on", Name: bilingual.T("强制报废期止", "Mandatory scrapping date"), Type: DayField, Synonyms: []string{"报废期限", "强制报废时间", "应报废日期", "报废截止时间", "报废截止日期", "强制报废日期", "报废期止", "QZBFQZ", "强制报废期", "强制报废截止日期", "强制报废期限"}, Hint: bilingual.T("不填时按使用年限计算", "computed from the service years if left out"), Example: "2024-03-05"},
			{Key: "police_status", Name: bilingual.T("机动车状态", "Police status"), Type: TextField, Synonyms: []string{"登记状态", "机动车登记状态", "车辆登记状态", "车辆状态", "状态", "ZT", "状态代码", "机动车状态代码"}, Hint: bilingual.T("公安登记状态原文", "as the police register has it"), Example: "正常"},
		}, requiredOwner(ownerFields([]string{"车主", "机动车所有人", "产权单位", "车主名称", "所有人名称", "SYR", "所有人姓名", "所有人（单位）", "车主姓名", "车辆所有人", "车主（单位）", "车主姓名/单位名称", "单位名称", "所属单位", "企业名称", "业户名称", "车属单位", "使用人", "使用单位"},
			[]string{"身份证明号码", "证件号", "身份证号", "车主身份证号/代码证号", "统一社会信用代码/身份证号", "SFZMHM", "所有人证件号码", "所有人证件号", "车主证件号", "机动车所有人身份证明号码", "身份证号码", "公民身份号码", "统一社会信用代码", "信用代码", "组织机构代码", "身份证/统一社会信用代码"}))...),
		Keys:    [][]string{{"plate", "plate_kind"}, {"vin"}},
		WaysOut: truckWays,
	},
	identifiers: func(f map[string]string) []Identifier {
		kind := f["plate_kind"]
		if kind == "" {
			kind = "01"
		}
		ids := []Identifier{{Kind: "plate", Value: f["plate"], Norm: f["plate"] + "/" + kind, Unique: true}, unique("vin", f["vin"])}
		if f["engine_no"] != "" {
			ids = append(ids, shared("engine_no", f["engine_no"]))
		}
		return ids
	},
	rule: CohortRule{Class: Truck, Code: "truck-china3", Revision: 1, MaxStage: "china3", Fuels: []string{"diesel"}, Since: "registered_on",
		Clause: bilingual.T("方案（十一）：国三及以下排放标准的柴油货车", "clause (十一): diesel goods vehicles of China III or older")},
	lasts: truckYears,
	contradictions: func(a Asset, group string) []Finding {
		var found []Finding
		if city, known := identifier.PlateCity(a.Fields["plate"]); !known || city != a.CityCode {
			found = append(found, inconsistent("plate", a.Fields["plate"], bilingual.T("号牌不是本市号牌", "the plate is that of another city"),
				bilingual.T("请确认车辆登记地，或核对号牌", "make sure where it is registered, or check the plate")))
		}
		mass := atoi(a.Fields["gross_mass_kg"])
		if limits, ok := massByGroup[group]; ok && mass > 0 && (mass < limits[0] || mass > limits[1]) {
			found = append(found, inconsistent("gross_mass_kg", a.Fields["gross_mass_kg"], bilingual.F("车辆类型与总质量 %d kg 不符", "the vehicle type does not fit a gross mass of %d kg", mass),
				bilingual.T("请核对车辆类型和总质量（单位千克）", "check the type and the mass, in kilograms")))
		}
		return found
	},
}

// massByGroup bounds the gross mass of each group in kg (GA 802-2019, from
// memory, unverified): heavy from 12,000, light under 4,500. A medium truck may
// be light but long, so it has only an upper bound.
var massByGroup = map[string][2]int{"heavy": {12000, 120000}, "medium": {1800, 12000}, "light": {500, 4500}, "mini": {500, 1800}}

// truckYears returns the service years of 机动车强制报废标准规定 (order 2012
// no. 12 of the Ministry of Commerce and others): 15, micro 12, dangerous goods
// 10, three-wheelers 9, low-speed trucks 12 (partly from memory, unverified).
func truckYears(a Asset, group string) int {
	switch {
	case a.Fields["use"] == "hazardous":
		return 10
	case group == "three_wheel":
		return 9
	case group == "mini", group == "low_speed":
		return 12
	case a.Category == "":
		return 0
	default:
		return 15
	}
}

// requiredOwner makes the owner's name a field that the class cannot do without.
func requiredOwner(fields []FieldSpec) []FieldSpec {
	fields[0].Required = true
	return fields
}

// GoodVIN reports whether a VIN has its form and its check digit.
func GoodVIN(vin string) bool { return identifier.GoodVIN(vin) }
