package registry_test

import (
	"maps"
	"slices"
	"testing"

	"phaseout/internal/registry"
)

// goods are good fields of one asset of each class.
var goods = map[registry.Class]map[string]string{
	registry.Truck: {"plate": "湘A12345", "vin": "LGHTEST158C012345", "category": "重型自卸货车", "use": "货运", "fuel": "柴油", "stage": "国三", "gross_mass_kg": "25000",
		"registered_on": "2010-03-05", "built_on": "2010-01-05", "scrap_due_on": "2025-03-05", "police_status": "正常", "owner_name": "某公司", "owner_id": "91430100MA00000003", "district": "岳麓区"},
	registry.Machinery: {"category": "挖掘机", "serial": "SY123456", "power_kw": "110", "fuel": "柴油", "stage": "国一", "built_on": "2008-05-06", "owner_name": "某公司"},
	registry.Vessel:    {"ship_name": "湘某货0001", "ship_id": "CN19951000146", "category": "散货船", "built_on": "1995-08-18", "owner_name": "某公司"},
}

// codesOf checks a good asset with one field changed and returns what it becomes
// and the codes of the findings about it.
func codesOf(t *testing.T, class registry.Class, field, value string) (is string, codes []string) {
	t.Helper()
	fields := maps.Clone(goods[class])
	fields[field] = value
	a, findings := reference(t).Check(class, registry.Input{City: "430100", Sheet: true, Today: today, Fields: fields})
	for _, f := range findings {
		if f.Message.ZH == "" || f.Message.EN == "" || f.Mend.ZH == "" || f.Mend.EN == "" {
			t.Errorf("%s %q: a finding without reason or mend: %+v", field, value, f)
		}
		if f.Field == field && f.Code != "check_digit" {
			codes = append(codes, f.Code)
		}
	}
	if field == "owner_id" {
		return a.OwnerID, codes
	}
	return a.Fields[field], codes
}

// TestNothingWrongIsTakenInSilence proves F2, F15 and F16: what stands in a cell
// for a value and is none is named, never registered.
func TestNothingWrongIsTakenInSilence(t *testing.T) {
	for _, c := range []struct {
		class        registry.Class
		field, value string
		is, code     string // code "" for no finding
	}{
		{registry.Truck, "vin", "00000000000000000", "", "format"}, {registry.Truck, "vin", "１１１１１１１１１１１１１１１１１", "", "format"},
		{registry.Vessel, "ship_id", "CN00000000000", "", "format"}, {registry.Machinery, "serial", "0000", "", "format"}, {registry.Machinery, "serial", "不详", "", "format"},
		{registry.Machinery, "serial", "无铭牌", "", "format"}, {registry.Machinery, "serial", "磨损不清", "", "format"}, {registry.Machinery, "serial", "同上", "", "format"}, {registry.Machinery, "serial", "挖A1", "挖A1", ""},
		{registry.Machinery, "env_code", "未编码", "", ""}, {registry.Machinery, "engine_no", "〃", "", "format"}, {registry.Machinery, "engine_no", "0000", "", "unread_value"},
		{registry.Truck, "owner_name", "#REF!", "", "format"}, {registry.Truck, "owner_name", "=VLOOKUP(A1,B:C,2)", "", "format"}, {registry.Truck, "model", "#N/A", "", "unread_value"}, {registry.Truck, "owner_name", "＃N/A", "", "required"},
		{registry.Truck, "owner_id", "000000000000000000", "000000000000000000", ""}, // a failed check digit, which is a warning
		{registry.Truck, "owner_id", "4399**********0010", "", "unread_value"},
		{registry.Truck, "gross_mass_kg", "25,000", "25000", ""}, {registry.Truck, "gross_mass_kg", "25，000.0", "25000", ""}, {registry.Truck, "gross_mass_kg", "25,00", "", "format"}, {registry.Truck, "gross_mass_kg", "25kg", "", "out_of_range"},
		{registry.Truck, "gross_mass_kg", "25", "25000", "inconsistent"}, {registry.Truck, "gross_mass_kg", "TRUE", "", "format"}, {registry.Machinery, "power_kw", "110，5", "", "format"}, {registry.Machinery, "power_kw", "1,105.5", "1105.5", ""},
		{registry.Truck, "registered_on", "1903-03-05", "1903-03-05", "unlikely_date"}, {registry.Vessel, "built_on", "1900-01-01", "1900-01-01", "unlikely_date"}, {registry.Vessel, "built_on", "1958-01-01", "1958-01-01", ""},
		{registry.Truck, "built_on", "2010-03-06", "2010-03-06", "inconsistent"}, {registry.Truck, "scrap_due_on", "2010-03-05", "2010-03-05", "inconsistent"}, {registry.Truck, "police_status", "强制注销", "强制注销", "inconsistent"},
		{registry.Truck, "police_status", "GQ", "GQ", ""}, {registry.Truck, "district", "湖南省", "", "wrong_city"}, {registry.Truck, "district", "湖南", "", "wrong_city"}, {registry.Truck, "district", "湖南省长沙市", "", ""},
		{registry.Truck, "district", "长沙经开区", "", "unread_value"}, {registry.Truck, "district", "湘江新区", "", "unread_value"}, {registry.Truck, "district", "常德经开区", "", "wrong_city"}, {registry.Truck, "district", "武陵工业园", "", "wrong_city"},
	} {
		is, codes := codesOf(t, c.class, c.field, c.value)
		if is != c.is || (c.code == "") != (len(codes) == 0) || c.code != "" && !slices.Contains(codes, c.code) {
			t.Errorf("%s %s %q is %q with %q, want %q with %q", c.class, c.field, c.value, is, codes, c.is, c.code)
		}
	}
}

// TestWordsOfOfficesAreRead proves F15 for wordings between the dictionary's own.
func TestWordsOfOfficesAreRead(t *testing.T) {
	for _, c := range []struct{ field, value, is string }{
		{"plate", "湘A・12345", "湘A12345"}, {"plate", "湘A—12345", "湘A12345"}, {"plate", "“湘A12345”", "湘A12345"}, {"plate_kind", "01大型汽车", "01"}, {"plate_kind", "02大型汽车", ""},
		{"use", "单位自用", "non_operating"}, {"use", "是", "freight"}, {"use", "否", "non_operating"}, {"fuel", "0号", "diesel"}, {"fuel", "-10#", "diesel"}, {"fuel", "95#", ""}, {"fuel", "柴油混动", "hybrid"}, {"fuel", "锂电池", "electric"},
		{"stage", "GB17691-2005国Ⅲ,GB3847-2005", "china3"}, {"stage", "国三标准（GB17691—2005）", "china3"}, {"stage", "国家第三阶段机动车污染物排放标准", "china3"}, {"stage", "GB17691-2005", ""}, {"stage", "国2或国3", ""},
		{"category", "重型货车（自卸）", "heavy_dump"}, {"category", "H11:重型自卸货车", "heavy_dump"}, {"category", "皮卡", "other"}, {"category", "重型半挂车", ""}, {"owner_id", "91430100MA00000003（信用代码）", "91430100MA00000003"},
	} {
		if is, codes := codesOf(t, registry.Truck, c.field, c.value); is != c.is {
			t.Errorf("%s %q is %q with %q, want %q", c.field, c.value, is, codes, c.is)
		}
	}
}
