package registry_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
)

const today civil.Day = "2026-01-15"

// TestParseDayReadsEveryForm proves F15's dates: four forms and more, in
// full-width signs too, and no day that the calendar lacks.
func TestParseDayReadsEveryForm(t *testing.T) {
	for text, want := range map[string]civil.Day{
		"2011-03-05": "2011-03-05", "2011-3-5": "2011-03-05", "2011/3/5": "2011-03-05", "2011.3.5": "2011-03-05", "20110305": "2011-03-05", "2011年3月5日": "2011-03-05",
		"２０１１年３月５日": "2011-03-05", "2011-03-05 00:00:00": "2011-03-05", "2011-03-05T08:30": "2011-03-05", " 40607 ": "2011-03-05", "40607.5": "2011-03-05",
		"2011/4/31": "", "20081131": "", "不详": "", "2023-02-29": "", "201103": "", "": "", "1": "", "20110305x": "",
	} {
		got, err := registry.ParseDay(text)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("ParseDay(%q): got %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzParseDay(f *testing.F) {
	for _, s := range []string{"2011-03-05", "40607", "2011年3月5日", "99999", "２０１１"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if day, err := registry.ParseDay(s); err == nil && !day.Valid() {
			t.Errorf("ParseDay(%q) = %q", s, day)
		}
	})
}

func truck(set ...string) map[string]string {
	fields := map[string]string{"plate": "湘A12345", "vin": "LZZTEST049A000001", "owner_name": "某公司", "registered_on": "2010-06-15", "fuel": "柴油", "stage": "国三", "category": "重型自卸货车", "use": "货运", "gross_mass_kg": "25000"}
	for i := 0; i+1 < len(set); i += 2 {
		fields[set[i]] = set[i+1]
	}
	return fields
}

// TestCohortAndDeadlineFollowTheirRules proves F1's cohorts: who is covered from
// which day, and the mandatory scrapping date with its source.
func TestCohortAndDeadlineFollowTheirRules(t *testing.T) {
	ref := reference(t)
	for _, c := range []struct {
		name   string
		class  registry.Class
		city   string
		fields map[string]string
		cohort civil.Day
		due    civil.Day
		source string
	}{
		{"a China III truck", registry.Truck, "430100", truck(), "2010-06-15", "2025-06-15", "computed"},
		{"its date as registered", registry.Truck, "430100", truck("scrap_due_on", "2024-06-15"), "2010-06-15", "2024-06-15", "record"},
		{"no limit", registry.Truck, "430100", truck("scrap_due_on", "2099-12-31"), "2010-06-15", "2025-06-15", "computed"},
		{"dangerous goods", registry.Truck, "430100", truck("use", "危险货物运输"), "2010-06-15", "2020-06-15", "computed"},
		{"a micro truck", registry.Truck, "430100", truck("category", "微型货车", "gross_mass_kg", "1500"), "2010-06-15", "2022-06-15", "computed"},
		{"registered long after it was built", registry.Truck, "430100", truck("built_on", "2008-01-01"), "2010-06-15", "2023-01-01", "computed"},
		{"a China IV truck", registry.Truck, "430100", truck("stage", "国Ⅳ"), "", "2025-06-15", "computed"},
		{"a petrol truck", registry.Truck, "430100", truck("fuel", "汽油"), "", "2025-06-15", "computed"},
		{"a truck without a stage", registry.Truck, "430100", truck("stage", ""), "", "2025-06-15", "computed"},
		{"a pre-China I machine", registry.Machinery, "430200", map[string]string{"category": "挖掘机", "serial": "A1", "stage": "国Ⅰ前", "built_on": "2005-05-05"}, "2005-05-05", "", ""},
		{"a machine of unknown age", registry.Machinery, "430200", map[string]string{"category": "叉车", "serial": "A1", "stage": "国1"}, "1900-01-01", "", ""},
		{"an electric machine", registry.Machinery, "430200", map[string]string{"category": "叉车", "serial": "A1", "stage": "国1", "fuel": "电动"}, "", "", ""},
		{"a combine harvester", registry.FarmMachinery, "430700", map[string]string{"category": "联合收割机", "serial": "A1", "stage": "国二", "built_on": "2012-02-29"}, "2012-02-29", "2024-02-29", "computed"},
		{"a vessel", registry.Vessel, "430600", map[string]string{"ship_name": "湘岳阳货1", "ship_id": "CN19961000001", "built_on": "1996-02-29"}, "2021-02-28", "", ""},
		{"a vessel that will be old", registry.Vessel, "430600", map[string]string{"ship_name": "湘岳阳货1", "ship_id": "CN20051000001", "built_on": "2005-07-01"}, "2030-07-01", "", ""},
	} {
		asset, findings := ref.Check(c.class, registry.Input{City: c.city, Fields: c.fields, Today: today})
		for _, f := range findings {
			if f.Severity == registry.Error {
				t.Errorf("%s: %v", c.name, f)
			}
		}
		if asset.CohortOn != c.cohort || asset.ScrapDueOn != c.due || asset.ScrapDueSource != c.source {
			t.Errorf("%s: cohort from %q, due %q (%s); want %q, %q (%s)", c.name, asset.CohortOn, asset.ScrapDueOn, asset.ScrapDueSource, c.cohort, c.due, c.source)
		}
		covered, rule, reason := ref.ExplainScope(asset, today)
		if covered != (c.cohort != "" && c.cohort <= today) || rule == "" || !strings.Contains(reason.ZH, "（十一）") {
			t.Errorf("%s: explained as %v, %s, %s", c.name, covered, rule, reason.ZH)
		}
	}
}

// TestCheckingAGoodRecordAgainGivesTheSame holds for any input: what comes out
// goes in again unchanged, so that form, API and import agree.
func TestCheckingAGoodRecordAgainGivesTheSame(t *testing.T) {
	ref := reference(t)
	text := rapid.OneOf(rapid.StringMatching(`[湘京A-Z0-9 ]{0,9}`), rapid.SampledFrom([]string{"", "湘A12345", "国Ⅲ", "柴油", "２５０００", "2010/6/15", "芙蓉", "LZZTEST049A000001", "货运", "重型货车", "某 公司"}))
	rapid.Check(t, func(t *rapid.T) {
		spec := registry.Classes()[rapid.IntRange(0, 3).Draw(t, "class")]
		fields := map[string]string{}
		if spec.Class == registry.Truck {
			fields = truck()
		}
		for _, f := range spec.Fields {
			if rapid.IntRange(0, 3).Draw(t, "change") == 0 {
				fields[f.Key] = text.Draw(t, f.Key)
			}
		}
		in := registry.Input{City: "430100", Fields: fields, Today: today}
		first, findings := ref.Check(spec.Class, in)
		for _, f := range findings {
			if f.Severity == registry.Error {
				return
			}
		}
		in.Fields = maps.Clone(first.Fields)
		in.Fields["owner_id"], in.Fields["owner_phone"] = first.OwnerID, first.OwnerPhone
		second, _ := ref.Check(spec.Class, in)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("checked again it is another: %s", diff)
		}
	})
}

// TestHeadingsAreFoundInOtherWords proves F15 and F17: synonyms, units, brackets,
// and the nearest field of an unknown heading.
func TestHeadingsAreFoundInOtherWords(t *testing.T) {
	for heading, want := range map[string]string{"车牌号": "plate", "车架号": "vin", "车辆识别代号（VIN）": "vin", "总质量(kg)": "gross_mass_kg", "初次登记日期*": "registered_on", "注册日期": "registered_on", "HPHM": "plate", "　车主": "owner_name", "序号": ""} {
		if got, known := registry.FindField(registry.Truck, heading); got != want || !known {
			t.Errorf("FindField(%q): got %q, %v, want %q", heading, got, known, want)
		}
	}
	if got, known := registry.FindField(registry.Truck, "颜色"); known || got != "" {
		t.Errorf("an unknown heading is %q", got)
	}
	if name, found := registry.NearestField(registry.Truck, "车辆识别代"); !found || name != "车辆识别代号" {
		t.Errorf("nearest of 车辆识别代: %q", name)
	}
}

// TestEveryClassIsWhole proves F1 and F2: each profile has what forms, imports
// and retirements need, in both languages, and no heading stands for two fields.
func TestEveryClassIsWhole(t *testing.T) {
	ref := reference(t)
	for _, bare := range registry.Classes() {
		spec := ref.SpecWithOptions(bare.Class)
		if spec.Name.ZH == "" || spec.Name.EN == "" || len(spec.WaysOut) < 3 || len(spec.Drivers) != 4 || len(spec.Categories) == 0 {
			t.Errorf("%s is not whole: %+v", spec.Class, spec)
		}
		owner := map[string]string{}
		for _, f := range spec.Fields {
			if f.Name.ZH == "" || f.Name.EN == "" || f.Hint.ZH == "" || (f.Dictionary != "" && len(f.Options) == 0) {
				t.Errorf("%s %s is not whole", spec.Class, f.Key)
			}
			for _, name := range append([]string{f.Name.ZH, f.Name.EN}, f.Synonyms...) {
				if key, known := registry.FindField(spec.Class, name); !known || (owner[name] != "" && owner[name] != f.Key) || key != f.Key {
					t.Errorf("%s: heading %q stands for %q and %q", spec.Class, name, key, f.Key)
				}
				owner[name] = f.Key
			}
		}
	}
}

// TestANumberThatLostItsEndIsRefused proves F15: an identifier of more than 15
// figures in a spreadsheet's number cell is not what was typed.
func TestANumberThatLostItsEndIsRefused(t *testing.T) {
	ref := reference(t)
	for value, refused := range map[string]bool{"439900199001010010": true, "4.3990019900101E+17": true, "12345678": false} {
		_, findings := ref.Check(registry.Truck, registry.Input{City: "430100", Today: today,
			Fields: truck("owner_id", value), Rounded: map[string]bool{"owner_id": true}})
		found := false
		for _, f := range findings {
			found = found || (f.Field == "owner_id" && strings.Contains(f.Message.EN, "lost its last figures") && f.Severity == registry.Error)
		}
		if found != refused {
			t.Errorf("%s: refused %v, findings %v", value, found, findings)
		}
	}
}

// FuzzCheck holds for any texts in any class: the check ends, says each finding
// in both languages, and a record that passes passes again as the same.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{"湘A12345", "柴油", "2010-01-01", "430102", "1-AB12CD34", "25000", "CN19951000146", "-", "=1+1", "１２３", "\x00", "４.3E+17", "LZZTEST049A000001"} {
		f.Add(text, text, "2005-05-05", "100")
	}
	ref := reference(f)
	f.Fuzz(func(t *testing.T, number, word, day, amount string) {
		for _, spec := range registry.Classes() {
			fields := map[string]string{}
			for _, field := range spec.Fields {
				switch field.Type {
				case registry.DayField:
					fields[field.Key] = day
				case registry.IntegerField, registry.DecimalField:
					fields[field.Key] = amount
				case registry.OptionField, registry.DistrictField:
					fields[field.Key] = word
				default:
					fields[field.Key] = number
				}
			}
			a, findings := ref.Check(spec.Class, registry.Input{City: "430100", Fields: fields, Today: today})
			failed := false
			for _, found := range findings {
				failed = failed || found.Severity == registry.Error
				if found.Message.ZH == "" || found.Message.EN == "" {
					t.Fatalf("%s %s is not said in both languages", found.Field, found.Code)
				}
			}
			if failed {
				continue
			}
			again := maps.Clone(a.Fields)
			again["owner_id"], again["owner_phone"] = a.OwnerID, a.OwnerPhone
			b, _ := ref.Check(spec.Class, registry.Input{City: "430100", Fields: again, Today: today})
			if !maps.Equal(a.Fields, b.Fields) || a.OwnerID != b.OwnerID || !slices.Equal(a.Identifiers, b.Identifiers) {
				t.Fatalf("%v comes back as %v", a, b)
			}
		}
	})
}

// FuzzHeading holds that any text can stand as a heading.
func FuzzHeading(f *testing.F) {
	for _, text := range []string{"号牌号码", "功率（马力）", "*总质量(kg)：", "（", "()", "HPHM", "ＶＩＮ", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, heading string) {
		for _, spec := range registry.Classes() {
			key, known := registry.FindField(spec.Class, heading)
			if key != "" && !known {
				t.Fatalf("%q fills %s and is not known", heading, key)
			}
			if registry.Rank(spec.Class, heading) == registry.Makeshift && key == "" {
				t.Fatalf("%q yields and fills nothing", heading)
			}
			registry.NearestField(spec.Class, heading)
		}
	})
}

// TestKeysAreThoseThatIdentify proves F18: the declared keys of a class are the
// fields that its unique identifiers are made of.
func TestKeysAreThoseThatIdentify(t *testing.T) {
	ref := reference(t)
	for class, c := range map[registry.Class]struct {
		city   string
		fields map[string]string
	}{
		registry.Truck:         {"430100", truck("engine_no", "E1")},
		registry.Machinery:     {"430200", map[string]string{"category": "挖掘机", "serial": "A1", "env_code": "1-AB12CD34", "engine_no": "E1"}},
		registry.FarmMachinery: {"430700", map[string]string{"category": "联合收割机", "serial": "A1", "farm_plate": "湘0712345", "engine_no": "E1"}},
		registry.Vessel:        {"430600", map[string]string{"ship_name": "湘岳阳货1", "ship_id": "CN19961000001"}},
	} {
		spec, _ := registry.SpecOf(class)
		a, _ := ref.Check(class, registry.Input{City: c.city, Fields: c.fields, Today: today})
		var unique, declared []string
		for _, i := range a.Identifiers {
			if i.Unique {
				unique = append(unique, i.Kind)
			}
		}
		for _, key := range spec.Keys {
			declared = append(declared, key[0])
			for _, field := range key {
				if !slices.ContainsFunc(spec.Fields, func(f registry.FieldSpec) bool { return f.Key == field }) {
					t.Errorf("%s: %s is no field", class, field)
				}
			}
		}
		if !slices.Equal(unique, declared) {
			t.Errorf("%s is known by %v, declared are %v", class, unique, declared)
		}
	}
}
