package registry

import (
	"phaseout/internal/bilingual"
)

// machineryProfile is the construction machine of China I or older, non-road
// vehicles built to non-road standards included: R7 to R9, clause (十一).
var machineryProfile = profile{
	Spec: Spec{
		Class: Machinery, Name: bilingual.T("非道路移动机械", "Non-road machine"), Unit: bilingual.T("台", "machines"),
		Fields: append([]FieldSpec{
			{Key: "category", Name: bilingual.T("机械类型", "Machine type"), Type: OptionField, Dictionary: "category", Required: true, Hint: bilingual.T("如 挖掘机", "such as excavator"),
				Synonyms: []string{"机械分类", "设备名称", "设备类别", "机械种类名称", "工程机械类型", "机械种类", "机械类别", "设备类型", "机械名称", "机械类型名称", "机械品种", "设备种类"}, Example: "挖掘机"},
			{Key: "serial", Name: bilingual.T("出厂编号", "Serial number"), Type: TextField, Required: true, Identifier: true, Hint: bilingual.T("机械铭牌上的编号或 PIN", "nameplate number or PIN"),
				Synonyms: []string{"出厂序列号", "序列号", "产品编号", "机身编号", "车架号", "机械编号", "产品出厂编号", "设备编号", "产品识别码", "产品识别码（PIN）", "PIN", "机械出厂编号", "出厂号", "整机编号", "机械环保信息PIN", "PIN码", "整机出厂编号", "机械序列号", "机器编号", "产品序列号", "机号"}, Example: "SY163218"},
			{Key: "env_code", Name: bilingual.T("环保号码", "Environmental code"), Type: TextField, Identifier: true, Hint: bilingual.T("喷涂在机械上的号码，如 1-AB12CD34", "as painted on the machine, such as 1-AB12CD34"),
				Synonyms: []string{"环保牌号", "环保标识号", "环保登记号", "环保号", "机械环保代码", "环保号牌", "环保代码", "环保编码", "环保登记号码", "环保登记编码", "环保标牌号", "环保登记代码", "环保备案号", "非道路环保号码"}, Example: "1-AB12CD34"},
			{Key: "engine_no", Name: bilingual.T("发动机编号", "Engine number"), Type: TextField, Synonyms: []string{"发动机号", "发动机号码", "发动机出厂编号", "发动机铭牌号", "发动机序列号", "发动机机号", "FDJH"}, Hint: bilingual.T("发动机铭牌上的号码", "as on the engine"), Example: "36208243"},
			{Key: "engine_model", Name: bilingual.T("发动机型号", "Engine model"), Synonyms: []string{"发动机规格型号", "发动机型号规格", "发动机机型"}, Type: TextField, Hint: bilingual.T("如 6BT5.9", "such as 6BT5.9"), Example: "6BT5.9"},
			{Key: "model", Name: bilingual.T("机械型号", "Make and model"), Type: TextField, Synonyms: []string{"设备型号", "机型", "规格", "机械规格型号", "品牌型号", "规格型号", "型号", "机械品牌型号", "品牌及型号", "机械品牌及型号", "厂牌型号"}, Hint: bilingual.T("如 PC200-6", "such as PC200-6"), Example: "PC200-6"},
			{Key: "power_kw", Name: bilingual.T("额定功率", "Rated power"), Type: DecimalField, Unit: "kW", Min: 1, Max: 5000, Synonyms: []string{"发动机功率", "额定功率（kW）", "功率kW", "发动机额定净功率", "净功率", "最大净功率", "功率", "功率（千瓦）", "功率(kW)", "发动机额定功率", "额定净功率", "额定功率千瓦", "标定功率", "发动机标定功率"}, Hint: bilingual.T("单位千瓦", "in kilowatts"), Example: "110"},
			{Key: "fuel", Name: bilingual.T("燃料类型", "Fuel"), Type: OptionField, Dictionary: "fuel", Synonyms: []string{"燃料种类", "动力类型", "燃料", "燃油种类", "燃油类型", "能源类型", "燃料名称", "能源种类", "RLZL"}, Hint: bilingual.T("如 柴油", "such as diesel"), Example: "柴油"},
			{Key: "stage", Name: bilingual.T("排放阶段", "Emission stage"), Type: OptionField, Dictionary: "stage", Synonyms: []string{"排放等级", "发动机排放阶段", "排放水平", "机械排放阶段", "国标阶段", "排放标准", "排放标准阶段", "环保阶段", "PFBZ"}, Hint: bilingual.T("国一前 至 国四", "pre-China I to China IV"), Example: "国一"},
			{Key: "stage_basis", Name: bilingual.T("排放阶段依据", "Basis of the stage"), Type: OptionField, Dictionary: "stage_basis", Synonyms: []string{"排放标准依据", "排放阶段来源", "排放标准来源", "阶段认定依据"}, Hint: bilingual.T("环保标签、官网查询、凭证或按日期推定", "label, official query, document, or inferred from a date"), Example: "官网查询"},
			{Key: "stage_basis_on", Name: bilingual.T("依据日期", "Day of the basis"), Type: DayField, Synonyms: []string{"查询日期", "认定日期", "核查日期"}, Hint: bilingual.T("查询或核验的日期", "day of the query or check"), Example: "2025-03-05"},
			{Key: "built_on", Name: bilingual.T("出厂日期", "Production date"), Type: DayField, Synonyms: []string{"出厂时间", "出厂年月", "生产时间", "机械生产日期", "生产日期", "制造日期", "机械出厂日期", "机械制造日期", "制造时间", "CCRQ"}, Hint: bilingual.T("如 2006-09-08", "such as 2006-09-08"), Example: "2006-09-08"},
			{Key: "annual_hours", Name: bilingual.T("年使用小时", "Hours a year"), Type: DecimalField, Unit: "h", Min: 1, Max: 8784, Synonyms: []string{"年工作小时", "年工作小时数", "年使用小时数", "年运行小时"}, Hint: bilingual.T("不填时减排量按指南默认小时数估算", "left out, reductions take the guide's default"), Example: "770"},
		}, ownerFields([]string{"机械所有人", "所有者", "产权人", "使用人", "所有人/使用人", "产权单位", "机械所有人名称", "所有人名称", "所有人姓名", "设备所有人", "所有人（单位）", "单位名称", "所属单位", "权属单位", "企业名称", "车主", "机主", "SYR", "使用单位"},
			[]string{"统一社会信用代码/身份证号", "身份证号", "统一社会信用代码", "证件号", "身份证明号码", "身份证号码", "所有人证件号", "所有人证件号码", "信用代码", "社会信用代码", "统一信用代码", "组织机构代码", "身份证/统一社会信用代码", "SFZMHM"})...),
		Keys:    [][]string{{"serial"}, {"env_code"}},
		WaysOut: machineryWays,
	},
	identifiers: func(f map[string]string) []Identifier {
		ids := []Identifier{unique("serial", f["serial"])}
		if f["env_code"] != "" {
			ids = append(ids, unique("env_code", f["env_code"]))
		}
		if f["engine_no"] != "" {
			ids = append(ids, shared("engine_no", f["engine_no"]))
		}
		return ids
	},
	rule: CohortRule{Class: Machinery, Code: "machinery-china1", Revision: 1, MaxStage: "china1", NotFuels: []string{"electric"}, Since: "built_on",
		Clause: bilingual.T("方案（十一）：国一及以下排放标准的工程机械，含按非道路排放标准生产的非道路用车", "clause (十一): construction machines of China I or older, non-road vehicles included")},
	lasts: func(Asset, string) int { return 0 },
}
