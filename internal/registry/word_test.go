package registry_test

import (
	"testing"

	"phaseout/internal/registry"
)

// TestHeadingsNobodyListedAreReadByTheirWords proves F15: the words in a heading
// say what it is, and headings that only sound alike are left alone.
func TestHeadingsNobodyListedAreReadByTheirWords(t *testing.T) {
	for class, headings := range map[registry.Class]map[string]string{
		registry.Truck: {
			"机动车牌号": "plate", "车辆牌照": "plate", "牌照类型": "plate_kind", "VIN编码": "vin", "车辆识别代码/车架号": "vin", "发动机号码（钢印号）": "engine_no", "车型类别": "category", "经营性质": "use", "油品": "fuel",
			"尾气排放标准": "stage", "总质量/kg": "gross_mass_kg", "总质量（吨）": "gross_mass_kg", "上户日期": "registered_on", "行驶证注册日期": "registered_on", "强制报废截止": "scrap_due_on", "公安状态": "police_status",
			"登记车主": "owner_name", "所有人/单位名称": "owner_name", "车主身份证号": "owner_id", "身份证号/信用代码": "owner_id", "车主手机": "owner_phone", "县/区": "district", "所在县市区": "district",
			"整备质量": "", "核定载质量": "", "准牵引总质量": "", "报废日期": "", "报废年限": "", "报废证明编号": "", "检验有效期止": "", "发证日期": "", "注销日期": "", "变更登记日期": "", "登记证书编号": "", "所有人地址": "", "住址": "",
			"发动机型号": "", "排量": "", "环保检测日期": "", "淘汰状态": "", "道路运输证号": "", "使用年限": "", "车身颜色": "", "驾驶人": "", "补贴金额（万元）": "", "原号牌号码": "", "开户银行户名": "", "长沙市国三及以下排放标准柴油货车清单（截至2021年12月31日）": "",
		},
		registry.Machinery:     {"机械识别码": "serial", "铭牌编号": "serial", "环保标牌": "env_code", "柴油机编号": "engine_no", "柴油机型号": "engine_model", "功率（马力）": "power_kw", "机主身份证号": "owner_id", "生产厂家": "", "购置日期": "", "使用地点": "", "排气量": ""},
		registry.FarmMachinery: {"机身（底盘）编号": "serial", "拖拉机牌照": "farm_plate", "机具品目名称": "category", "马力": "power_kw", "购机者姓名": "owner_name", "入户日期": "registered_on", "生产厂家": "", "挂车架号码": ""},
		registry.Vessel:        {"船舶建成日期": "built_on", "登记总吨位": "gross_tonnage", "船东证件号码": "owner_id", "载重吨": "", "净吨": "", "安放龙骨日期": "", "曾用船名": "", "MMSI识别码": "", "船舶登记号": "", "改建日期": ""},
	} {
		for heading, want := range headings {
			if key, _ := registry.FindField(class, heading); key != want {
				t.Errorf("%s: %q fills %q, want %q", class, heading, key, want)
			}
		}
	}
}

// TestUnitsOfHeadingsAreCounted proves F15: tonnes and horsepower come to what
// the field is kept in, by the heading or by the cell, and a mass of a few
// kilograms is one in tonnes, which the clerk is told.
func TestUnitsOfHeadingsAreCounted(t *testing.T) {
	for heading, want := range map[string]float64{"总质量（吨）": 1000, "总质量(t)": 1000, "总质量/t": 1000, "总质量（kg）": 1, "总质量": 1} {
		if by := registry.Scale(registry.Truck, "gross_mass_kg", heading); by != want {
			t.Errorf("%q: %v", heading, by)
		}
	}
	if by := registry.Scale(registry.FarmMachinery, "power_kw", "动力（马力）"); by < 0.73 || by > 0.74 {
		t.Errorf("a horsepower is %v kW", by)
	}
	if by := registry.Scale(registry.Vessel, "gross_tonnage", "总吨"); by != 1 {
		t.Errorf("gross tonnage is multiplied by %v", by)
	}
	ref := reference(t)
	for _, c := range []struct {
		mass  string
		scale float64
		want  string
		code  string
	}{{"25", 1000, "25000", ""}, {"25.36", 1000, "25360", ""}, {"25000", 1000, "25000", ""}, {"25吨", 0, "25000", ""}, {"25.5T", 0, "25500", ""}, {"25", 0, "25000", "inconsistent"}, {"9999.999", 1000, "", "out_of_range"}, {"0", 0, "", "out_of_range"}, {"-4500", 0, "", "out_of_range"}, {"250", 0, "", "out_of_range"}} {
		in := registry.Input{City: "430100", Fields: truck("gross_mass_kg", c.mass), Today: today}
		if c.scale > 0 {
			in.Scale = map[string]float64{"gross_mass_kg": c.scale}
		}
		a, findings := ref.Check(registry.Truck, in)
		code := ""
		for _, f := range findings {
			if f.Field == "gross_mass_kg" {
				code = f.Code
			}
		}
		if a.Fields["gross_mass_kg"] != c.want || code != c.code {
			t.Errorf("%s by %v: %q with %q, want %q with %q", c.mass, c.scale, a.Fields["gross_mass_kg"], code, c.want, c.code)
		}
	}
}

// TestWordsOutsideTheDictionaryAreUnderstood proves F15: types, stages and fuels
// in longer wordings, and none of those that nobody can know.
func TestWordsOutsideTheDictionaryAreUnderstood(t *testing.T) {
	ref := reference(t)
	for _, c := range []struct {
		class registry.Class
		kind  string
		words map[string]string
	}{
		{registry.Truck, "category", map[string]string{"H17:重型自卸货车": "heavy_dump", "重型自卸货车(H17)": "heavy_dump", "江淮牌重型仓栅式载货车": "heavy_stake", "中型厢式运输货车": "medium_van", "轻型多用途货车": "light_plain", "重型集装箱半挂牵引车": "heavy_semi_tractor",
			"货车": "other", "变型拖拉机": "other", "不明车辆": "", "大型普通客车": "", "重型普通半挂车": "", "小型轿车": "", "重型": ""}},
		{registry.Truck, "stage", map[string]string{"国家第三阶段": "china3", "国Ⅲ（GB17691-2005）": "china3", "国 3": "china3", "GB17691-2005第三阶段": "china3", "GB 18352.3-2005 国Ⅲ": "china3", "GB17691-2005": "", "欧三": "china3", "Ⅲ阶段": "china3", "国Ⅵb": "china6", "国零": "china0", "国Ⅰ前": "china0", "国家一阶段以前": "china0", "国九": "", "国八": "", "国三/国四": "", "EV": "", "3.5": "", "国三前": ""}},
		{registry.Machinery, "stage", map[string]string{"国五": "", "非道路国二": "china2"}},
		{registry.Truck, "fuel", map[string]string{"-10号柴油": "diesel", "B:柴油": "diesel", "柴油/电混合": "hybrid", "纯电动力": "electric", "汽油和柴油": ""}},
		{registry.Truck, "use", map[string]string{"营业性道路货运": "freight", "道路危险货物运输": "hazardous", "非营运（自用）": "non_operating"}},
		{registry.Machinery, "category", map[string]string{"单斗液压挖掘机": "excavator", "合力内燃叉车": "forklift", "轮式装载机（铲车）": "loader", "不明机械": "", "机械": ""}},
		{registry.Vessel, "category", map[string]string{"内河散货船": "bulk", "油船（一级）": "tanker", "不明船舶": "", "采砂船": ""}},
	} {
		for text, want := range c.words {
			if o, _ := ref.FindOption(c.class, c.kind, text); o.Code != want {
				t.Errorf("%s %s: %q is %q, want %q", c.class, c.kind, text, o.Code, want)
			}
		}
	}
}

// TestDistrictsAreFoundHoweverWritten proves F15.
func TestDistrictsAreFoundHoweverWritten(t *testing.T) {
	ref := reference(t)
	for _, c := range []struct{ city, text, code string }{
		{"430100", "湖南省长沙市岳麓区", "430104"}, {"430100", "长沙岳麓区", "430104"}, {"430100", "岳麓", "430104"}, {"430100", "430104001000", "430104"}, {"430100", "430104岳麓区", "430104"}, {"430100", "岳麓区梅溪湖街道", "430104"},
		{"430100", "宁乡县", "430182"}, {"430100", "430124", "430182"}, {"430100", "望城县", "430112"}, {"430200", "株洲县", "430212"}, {"430700", "津市", "430781"}, {"430700", "津市市", "430781"}, {"430700", "澧县", "430723"},
		{"430600", "岳阳市岳阳县", "430621"}, {"430600", "岳阳县", "430621"}, {"430600", "岳阳楼区", "430602"}, {"430600", "岳阳市", ""}, {"430600", "岳阳", ""}, {"430600", "430600", ""}, {"430600", "市本级", ""}, {"430600", "430601", ""},
	} {
		if code, belongs := ref.FindDistrict(c.city, c.text); !belongs || code != c.code {
			t.Errorf("%s %s: %q, %v; want %q", c.city, c.text, code, belongs, c.code)
		}
	}
	for city, texts := range map[string][]string{"430100": {"衡阳县", "双峰县", "芷江侗族自治县", "430602", "岳阳市", "株洲市天元区", "朝阳区", "430602001000", "无此地"}, "430600": {"长沙市", "岳麓区"}} {
		for _, text := range texts {
			if code, belongs := ref.FindDistrict(city, text); belongs {
				t.Errorf("%s: %s is %q", city, text, code)
			}
		}
	}
}

// TestSheetsAreReadLeniently proves F15: what the class can do without does not
// keep a row out, the province's sign comes from its own column, and a nameplate
// without a day is taken with a word.
func TestSheetsAreReadLeniently(t *testing.T) {
	ref := reference(t)
	check := func(class registry.Class, city string, sheet bool, fields map[string]string, province string) (registry.Asset, map[string]registry.Severity) {
		a, findings := ref.Check(class, registry.Input{City: city, Fields: fields, Sheet: sheet, Province: province, Today: today})
		codes := map[string]registry.Severity{}
		for _, f := range findings {
			codes[f.Code] = f.Severity
		}
		return a, codes
	}
	if a, codes := check(registry.Truck, "430100", true, truck("use", "跑运输的"), ""); codes["unread_value"] != registry.Warning || a.Fields["use"] != "" {
		t.Errorf("an unknown use: %v, %v", codes, a.Fields)
	}
	if _, codes := check(registry.Truck, "430100", false, truck("use", "跑运输的"), ""); codes["unknown_value"] != registry.Error {
		t.Errorf("an unknown use in the form: %v", codes)
	}
	if _, codes := check(registry.Truck, "430100", true, truck("stage", "国九"), ""); codes["unknown_value"] != registry.Error {
		t.Errorf("an unknown stage: %v", codes)
	}
	if a, codes := check(registry.Truck, "430100", true, truck("plate", "B12345"), "粤"); a.Label != "粤B12345" || codes["inconsistent"] != registry.Warning {
		t.Errorf("a plate of Guangdong: %s, %v", a.Label, codes)
	}
	if a, codes := check(registry.Machinery, "430200", true, map[string]string{"category": "挖掘机", "serial": "*SY-01_2*", "stage": "国一", "built_on": "2006年9月", "engine_no": "不详", "env_code": "湘-看不清"}, ""); codes["month_only"] != registry.Warning || a.BuiltOn != "2006-09-01" || a.Fields["engine_no"] != "" || codes["format"] != registry.Error {
		t.Errorf("a nameplate: %v, %+v", codes, a)
	}
	if _, codes := check(registry.Machinery, "430200", true, map[string]string{"category": "挖掘机", "serial": "1.23457E+11", "stage": "国一"}, ""); codes["format"] != registry.Error {
		t.Errorf("a broken serial: %v", codes)
	}
	if a, codes := check(registry.Truck, "430100", true, truck("scrap_due_on", "长期", "owner_name", "'张三"), ""); len(codes) > 0 || a.ScrapDueSource != "computed" || a.OwnerName != "张三" {
		t.Errorf("no limit: %v, %+v", codes, a)
	}
}
