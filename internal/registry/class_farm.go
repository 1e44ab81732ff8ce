package registry

import (
	"phaseout/internal/bilingual"
)

// farmProfile is the old farm machine: R11, clause (十一).
var farmProfile = profile{
	Spec: Spec{
		Class: FarmMachinery, Name: bilingual.T("老旧农机", "Farm machine"), Unit: bilingual.T("台", "machines"),
		Fields: append([]FieldSpec{
			{Key: "category", Name: bilingual.T("农机类型", "Machine type"), Type: OptionField, Dictionary: "category", Required: true, Hint: bilingual.T("如 大中型轮式拖拉机", "such as wheeled tractor"),
				Synonyms: []string{"机具类型", "机械种类", "机械类型", "机具名称", "农机类别", "农机种类", "机具种类", "机具类别", "农业机械类型", "拖拉机类型", "机械名称", "农机名称", "机具品目", "品目名称", "品目"}, Example: "大中型轮式拖拉机"},
			{Key: "serial", Name: bilingual.T("机身编号", "Serial number"), Type: TextField, Required: true, Identifier: true, Hint: bilingual.T("机身（底盘）号或出厂编号", "body, chassis or serial number"),
				Synonyms: []string{"机架（底盘）号", "整机编号", "机具编号", "出厂号", "出厂编号", "机身（底盘）号", "底盘号", "机架号", "机身号", "底盘（机架）号", "底盘号码", "机架号码", "机身（机架）号", "整机出厂编号", "机身号码", "车架号", "产品编号"}, Example: "TJ20051234"},
			{Key: "farm_plate", Name: bilingual.T("农机号牌", "Farm plate"), Type: TextField, Identifier: true, Hint: bilingual.T("如 湘0112345", "such as 湘0112345"), Synonyms: []string{"号牌号码", "牌照号", "牌证号", "号牌", "牌照号码", "车牌号", "车牌号码", "拖拉机号牌", "农机牌照号", "农机牌号", "农机号牌号码", "牌号", "HPHM"}, Example: "湘0112345"},
			{Key: "engine_no", Name: bilingual.T("发动机号", "Engine number"), Type: TextField, Synonyms: []string{"发动机号码", "发动机编号", "发动机", "发动机出厂编号", "柴油机编号", "FDJH"}, Hint: bilingual.T("发动机铭牌上的号码", "as on the engine"), Example: "Y3850123"},
			{Key: "model", Name: bilingual.T("品牌型号", "Make and model"), Type: TextField, Synonyms: []string{"型号", "规格型号", "机具型号", "农机型号", "产品型号", "厂牌型号", "品牌及型号", "机型", "规格", "品牌"}, Hint: bilingual.T("如 东方红-LX954", "make and model"), Example: "东方红-LX954"},
			{Key: "power_kw", Name: bilingual.T("额定功率", "Rated power"), Type: DecimalField, Unit: "kW", Min: 1, Max: 1000, Synonyms: []string{"功率", "功率(kW)", "功率（千瓦）", "标定功率", "发动机功率", "发动机标定功率", "发动机额定功率", "功率kW", "额定功率（千瓦）", "配套动力"}, Hint: bilingual.T("单位千瓦", "in kilowatts"), Example: "70"},
			{Key: "fuel", Name: bilingual.T("燃料类型", "Fuel"), Type: OptionField, Dictionary: "fuel", Synonyms: []string{"燃料种类", "燃料", "燃油种类", "燃油类型", "能源类型", "动力类型", "能源种类", "RLZL"}, Hint: bilingual.T("如 柴油", "such as diesel"), Example: "柴油"},
			{Key: "stage", Name: bilingual.T("排放阶段", "Emission stage"), Type: OptionField, Dictionary: "stage", Synonyms: []string{"排放标准", "排放等级", "发动机排放阶段", "发动机排放标准", "排放标准阶段", "国标阶段", "排放水平", "PFBZ"}, Hint: bilingual.T("国一前 至 国四", "pre-China I to China IV"), Example: "国一"},
			{Key: "stage_basis", Name: bilingual.T("排放阶段依据", "Basis of the stage"), Type: OptionField, Dictionary: "stage_basis", Synonyms: []string{"排放标准依据", "排放阶段来源", "排放标准来源", "阶段认定依据"}, Hint: bilingual.T("环保标签、官网查询、凭证或按日期推定", "label, official query, document, or inferred from a date"), Example: "官网查询"},
			{Key: "stage_basis_on", Name: bilingual.T("依据日期", "Day of the basis"), Type: DayField, Synonyms: []string{"查询日期", "认定日期", "核查日期"}, Hint: bilingual.T("查询或核验的日期", "day of the query or check"), Example: "2025-03-05"},
			{Key: "built_on", Name: bilingual.T("出厂日期", "Production date"), Type: DayField, Synonyms: []string{"生产日期", "制造日期", "出厂时间", "出厂年月", "生产时间", "制造时间", "CCRQ"}, Hint: bilingual.T("如 2005-04-01", "such as 2005-04-01"), Example: "2005-04-01"},
			{Key: "registered_on", Name: bilingual.T("注册登记日期", "First registration"), Type: DayField, Synonyms: []string{"登记日期", "初次登记日期", "注册日期", "初次注册日期", "首次登记日期", "首次注册日期", "初登日期", "上牌日期", "登记时间", "注册时间", "初次登记时间", "CCDJRQ"}, Hint: bilingual.T("如 2005-05-01", "such as 2005-05-01"), Example: "2005-05-01"},
			{Key: "annual_hours", Name: bilingual.T("年使用小时", "Hours a year"), Type: DecimalField, Unit: "h", Min: 1, Max: 8784, Synonyms: []string{"年工作小时", "年工作小时数", "年使用小时数", "年运行小时"}, Hint: bilingual.T("不填时减排量按指南默认小时数估算", "left out, reductions take the guide's default"), Example: "770"},
		}, ownerFields([]string{"机主", "车主", "所有者", "机主姓名", "产权人", "所有人姓名", "所有人名称", "农机所有人", "机主名称", "机主（单位）", "机主姓名/单位名称", "车主姓名", "农户姓名", "户主", "姓名", "产权单位", "单位名称", "SYR", "使用人"},
			[]string{"身份证号", "证件号", "统一社会信用代码/身份证号", "身份证号码", "身份证明号码", "公民身份号码", "身份证", "机主身份证号", "机主身份证号码", "所有人证件号码", "统一社会信用代码", "信用代码", "身份证/统一社会信用代码", "SFZMHM"})...),
		Keys:    [][]string{{"serial"}, {"farm_plate"}},
		WaysOut: farmWays,
	},
	identifiers: func(f map[string]string) []Identifier {
		ids := []Identifier{unique("serial", f["serial"])}
		ids[0].Norm = "FARM/" + ids[0].Norm // a maker's number of a tractor is not that of an excavator
		if f["farm_plate"] != "" {
			ids = append(ids, unique("farm_plate", f["farm_plate"]))
		}
		if f["engine_no"] != "" {
			ids = append(ids, shared("engine_no", f["engine_no"]))
		}
		return ids
	},
	rule: CohortRule{Class: FarmMachinery, Code: "farm-china2", Revision: 1, MaxStage: "china2", NotFuels: []string{"electric"}, Since: "later",
		Clause: bilingual.T("方案（十一）：耗能高、污染重、安全性能低的老旧农业机具；按国二及以下认定为系统默认", "clause (十一): old farm machines; China II or older is our default")},
	lasts: func(a Asset, _ string) int { return farmYears[a.Category] },
}

// farmYears are the service years of GB/T 16877 and NY/T 1875 (partly from
// memory, unverified).
var farmYears = map[string]int{"wheeled_small": 10, "wheeled_large": 15, "crawler": 12, "walking": 10, "combine": 12, "combine_mounted": 10}
