package registry_test

import (
	"testing"

	"phaseout/internal/registry"
)

// TestPoliceExportIsUnderstood proves F15: field codes as headings, code values
// in cells, plates without the province's sign, states as strings of letters.
func TestPoliceExportIsUnderstood(t *testing.T) {
	ref := reference(t)
	fields := map[string]string{}
	for heading, value := range map[string]string{"HPHM": "A12345", "HPZL": "01", "CLSBDH": "LZZTEST049A000001", "FDJH": "K7848732", "CLLX": "H17", "SYXZ": "F", "RLZL": "B",
		"CCDJRQ": "20100615", "CCRQ": "2010-05-01", "QZBFQZ": "2025-06-15", "ZT": "GQ", "SYR": "长沙示例运输有限公司", "SFZMHM": "91430100MA00000003", "LXDH": "13900000000", "PFBZ": "3", "ZZL": "25000"} {
		key, known := registry.FindField(registry.Truck, heading)
		if !known || key == "" {
			t.Errorf("%s is not understood", heading)
		}
		fields[key] = value
	}
	a, findings := ref.Check(registry.Truck, registry.Input{City: "430100", Fields: fields, Today: today})
	for _, f := range findings {
		if f.Severity == registry.Error {
			t.Errorf("%s: %s", f.Field, f.Message.EN)
		}
	}
	if a.Label != "湘A12345" || a.Category != "heavy_dump" || a.Fuel != "diesel" || a.Stage != "china3" || a.Fields["use"] != "freight" || a.PoliceStatus != "GQ" ||
		a.RegisteredOn != "2010-06-15" || a.CohortOn != "2010-06-15" {
		t.Errorf("read as %+v", a)
	}
	for text, want := range map[string]string{"国三排放标准": "china3", "国Ⅲ阶段": "china3", "GIII": "china3", "国3": "china3", "欧Ⅲ": "china3", "国一前": "china0", "国Ⅵ": "china6", "4": "china4"} {
		fields["stage"] = text
		if a, _ := ref.Check(registry.Truck, registry.Input{City: "430100", Fields: fields, Today: today}); a.Stage != want {
			t.Errorf("%s is read as %s", text, a.Stage)
		}
	}
}

// TestSecondBestColumnsYield proves F15: registers keep the colour of a plate
// beside its kind and the name of a code beside the code. The better column is
// read, and the other one only where it stands alone.
func TestSecondBestColumnsYield(t *testing.T) {
	for class, headings := range map[registry.Class][]string{
		registry.Truck:         {"号牌颜色", "CLLXMC", "CLPP1", "中文品牌", "HBDBQK", "车型", "使用人"},
		registry.Machinery:     {"机械名称", "使用单位", "净功率", "机身编号"},
		registry.FarmMachinery: {"机具名称", "手机号", "发动机功率"},
		registry.Vessel:        {"船型", "经营人", "总功率"},
	} {
		for _, heading := range headings {
			if key, _ := registry.FindField(class, heading); key == "" || registry.Rank(class, heading) != registry.Makeshift {
				t.Errorf("%s: %q fills %q with rank %v", class, heading, key, registry.Rank(class, heading))
			}
		}
	}
	for class, headings := range map[registry.Class][]string{
		registry.Truck: {"号牌种类", "HPZL", "CLLX", "品牌型号", "PFBZ", "总质量（吨）", "住址"}, registry.Vessel: {"船舶所有人", "安放龙骨日期"}} {
		for _, heading := range headings {
			if registry.Rank(class, heading) == registry.Makeshift {
				t.Errorf("%s: %q yields", class, heading)
			}
		}
	}
	for heading, want := range map[string]string{"功率（千瓦）": "power_kw", "功率（马力）": "power_kw", "额定功率(hp)": "power_kw", "补贴（万元）": ""} {
		if key, _ := registry.FindField(registry.FarmMachinery, heading); key != want {
			t.Errorf("%q fills %q", heading, key)
		}
	}
}

// TestMarksOfNothingAreBlank proves F15: a stroke in a cell is no value.
func TestMarksOfNothingAreBlank(t *testing.T) {
	for _, mark := range []string{"/", "-", "——", "无", "Ｎ/A", " 无 "} {
		a, findings := reference(t).Check(registry.Vessel, registry.Input{City: "430600", Today: today,
			Fields: map[string]string{"ship_name": "湘岳阳货0001", "ship_id": "CN19951000146", "power_kw": mark, "category": mark, "owner_id": mark, "built_on": "1995-08-18"}})
		if len(findings) > 0 || a.Fields["power_kw"] != "" || a.OwnerID != "" {
			t.Errorf("%q is read as %+v with %+v", mark, a.Fields, findings)
		}
	}
}

// TestNoWordingMeansTwoFields holds for every class: a heading or a word of a
// dictionary leads to one field or entry only.
func TestNoWordingMeansTwoFields(t *testing.T) {
	for _, spec := range registry.Classes() {
		seen := map[string]string{}
		for _, f := range spec.Fields {
			for _, wording := range append([]string{f.Name.ZH}, f.Synonyms...) {
				if key, _ := registry.FindField(spec.Class, wording); key != f.Key {
					t.Errorf("%s: %q of %s leads to %s", spec.Class, wording, f.Key, key)
				}
				seen[wording] = f.Key
			}
		}
		ref := reference(t).SpecWithOptions(spec.Class)
		for _, f := range ref.Fields {
			words := map[string]string{}
			for _, o := range f.Options {
				for _, w := range append([]string{o.Name.ZH, o.Code}, o.Synonyms...) {
					if other, twice := words[w]; twice && other != o.Code {
						t.Errorf("%s %s: %q means %s and %s", spec.Class, f.Key, w, other, o.Code)
					}
					words[w] = o.Code
				}
			}
		}
	}
}
