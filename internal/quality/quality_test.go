package quality_test

import (
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/quality"
	"phaseout/internal/registry"
)

// TestEachRuleFindsItsDoubtAndNothingElse proves F23: a whole record passes
// every rule, and one change makes just the rule meant for it speak.
func TestEachRuleFindsItsDoubtAndNothingElse(t *testing.T) {
	whole := func() quality.Subject {
		return quality.Subject{Today: "2026-01-15", Asset: registry.Asset{Class: registry.Truck, Status: registry.InUse, Stage: "china3", StageSource: "record", DistrictCode: "430102",
			OwnerName: "长沙示例运输有限公司", OwnerID: "91430100MA00000003", OwnerPhone: "13900000000", RegisteredOn: "2012-06-15", BuiltOn: "2012-05-01", ScrapDueOn: "2027-06-15",
			PoliceStatus: "正常", Fields: map[string]string{"category": "heavy_dump", "fuel": "diesel", "engine_no": "E1", "model": "EQ", "gross_mass_kg": "25000", "vin": "LZZTEST049A000001", "built_on": "2012-05-01"}}}
	}
	for name, change := range map[string]func(*quality.Subject){
		"": func(*quality.Subject) {}, "stage_unknown": func(s *quality.Subject) { s.Stage = "unknown" }, "no_category": func(s *quality.Subject) { delete(s.Fields, "category") },
		"no_fuel": func(s *quality.Subject) { delete(s.Fields, "fuel") }, "no_district": func(s *quality.Subject) { s.DistrictCode = "" },
		"no_owner_number": func(s *quality.Subject) { s.OwnerID = "" }, "no_owner_phone": func(s *quality.Subject) { s.OwnerPhone = "" }, "no_engine": func(s *quality.Subject) { delete(s.Fields, "engine_no") },
		"no_model": func(s *quality.Subject) { delete(s.Fields, "model") }, "no_mass": func(s *quality.Subject) { delete(s.Fields, "gross_mass_kg") },
		"vin_check_digit": func(s *quality.Subject) { s.Fields["vin"] = "LZZTEST149A000001" }, "owner_check_digit": func(s *quality.Subject) { s.OwnerID = "91430100MA00000004" },
		"placeholder_owner": func(s *quality.Subject) { s.OwnerName = "不详" }, "built_after_registered": func(s *quality.Subject) { s.BuiltOn = "2013-05-01" },
		"stage_from_date": func(s *quality.Subject) { s.StageSource = "date" }, "cancelled_in_use": func(s *quality.Subject) { s.PoliceStatus = "GE" },
		"scrap_overdue": func(s *quality.Subject) { s.ScrapDueOn = "2026-01-14" }, "alike": func(s *quality.Subject) { s.Alike = true },
		"late_dismantling": func(s *quality.Subject) { s.Status, s.HandedInOn = registry.HandedIn, "2025-11-01" },
		"late_entry":       func(s *quality.Subject) { s.DeregisteredOn, s.EnteredOn = "2025-12-01", "2025-12-12" },
	} {
		s := whole()
		change(&s)
		for _, r := range quality.Rules {
			if _, found := r.Check(s); found != (r.Code == name) {
				t.Errorf("%q: rule %s speaks: %v", name, r.Code, found)
			}
		}
	}
	for _, status := range []string{"注销", "E", "达到报废标准公告牌证作废", "QM"} {
		s := whole()
		s.PoliceStatus = status
		if r, _ := quality.RuleOf("cancelled_in_use"); func() bool { _, found := r.Check(s); return !found }() {
			t.Errorf("%s is not read as cancelled", status)
		}
	}
}

// TestWeeksThatStandOut proves F24: jumps and droughts against the own median,
// quiet cities are left alone, and one odd week does not hide the next.
func TestWeeksThatStandOut(t *testing.T) {
	for _, c := range []struct {
		before []int
		week   int
		flag   string
	}{
		{[]int{10, 12, 11, 9, 10, 13, 12, 11, 10, 9, 12, 11}, 11, ""}, {[]int{10, 12, 11, 9, 10, 13, 12, 11, 10, 9, 12, 11}, 60, "jump"},
		{[]int{10, 12, 11, 9, 10, 13, 12, 11, 10, 9, 12, 11}, 0, "drought"}, {[]int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 4, ""}, {[]int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 40, "jump"},
		{[]int{10, 12, 11, 9, 10, 13, 12, 400, 10, 9, 12, 11}, 60, "jump"}, {nil, 3, ""},
	} {
		if s := quality.Stand(c.before, c.week); s.Flag != c.flag {
			t.Errorf("%v then %d: %+v", c.before, c.week, s)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.SliceOfN(rapid.IntRange(0, 500), quality.Weeks, quality.Weeks).Draw(t, "before")
		if s := quality.Stand(before, before[0]); s.Limit < 5 || s.Median < 0 || s.Median > 500 {
			t.Fatalf("%+v", s)
		}
	})
}

// TestConditionsCompareAsPeopleMeanThem proves F23: figures as figures, days as
// days, words by a part, and what is blank meets only "blank".
func TestConditionsCompareAsPeopleMeanThem(t *testing.T) {
	s := quality.Subject{Asset: registry.Asset{Class: registry.Truck, Stage: "china3", Status: registry.InUse, OwnerName: "某某运输公司",
		Fields: map[string]string{"gross_mass_kg": "9000", "registered_on": "2010-06-15", "model": "EQ1160"}}}
	for _, c := range []struct {
		field, op, value string
		want             bool
	}{
		{"gross_mass_kg", "below", "10000", true}, {"gross_mass_kg", "above", "10000", false}, {"gross_mass_kg", "above", "9000", false}, {"registered_on", "below", "2010-06-16", true}, {"registered_on", "above", "2010-06-15", false},
		{"model", "contains", "eq", true}, {"model", "equals", "EQ1160", true}, {"model", "differs", "EQ1160", false}, {"fuel", "blank", "", true}, {"fuel", "differs", "diesel", false}, {"fuel", "below", "9", false}, {"model", "blank", "", false},
		{"model", "filled", "", true}, {"stage", "equals", "china3", true}, {"status", "equals", "in_use", true}, {"owner_name", "contains", "运输", true},
	} {
		d := quality.Definition{Name: bilingual.T("名", "name"), Dimension: quality.Validity, Conditions: []quality.Condition{{c.field, c.op, c.value}}}
		if wrong := d.Problems(); len(wrong) > 0 {
			t.Errorf("%s %s %q: %v", c.field, c.op, c.value, wrong)
		}
		if _, found := d.Rule("own", registry.Warning).Check(s); found != c.want {
			t.Errorf("%s %s %q: %v", c.field, c.op, c.value, found)
		}
	}
	for _, d := range []quality.Definition{{}, {Name: bilingual.T("名", "x"), Dimension: "beauty"}, {Name: bilingual.T("名", "x"), Dimension: quality.Validity, Conditions: []quality.Condition{{"owner_phone", "filled", ""}}},
		{Name: bilingual.T("名", "x"), Dimension: quality.Validity, Conditions: []quality.Condition{{"model", "matches", "x"}}}, {Name: bilingual.T("名", "x"), Dimension: quality.Validity, Conditions: []quality.Condition{{"model", "equals", " "}}}} {
		if len(d.Problems()) == 0 {
			t.Errorf("%+v is taken", d)
		}
	}
}

// TestADeadlineIsSoonOrNot proves F24: a jump is tied to the deadline it comes
// before, up to six weeks ahead, the last day included.
func TestADeadlineIsSoonOrNot(t *testing.T) {
	deadlines := []civil.Day{"2026-06-30", "2025-12-31", "2023-12-31"}
	for from, want := range map[civil.Day]civil.Day{"2025-12-31": "2025-12-31", "2025-11-19": "2025-12-31", "2025-11-18": "", "2026-01-01": "", "2026-06-25": "2026-06-30"} {
		if got := quality.NextDeadline(from, deadlines); got != want {
			t.Errorf("from %s: got %q, want %q", from, got, want)
		}
	}
}
