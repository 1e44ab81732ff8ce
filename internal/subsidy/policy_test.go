package subsidy_test

import (
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/subsidy"
	"phaseout/seeds"
)

const yuan = money.Fen(100)

// policy returns a program of the reference data, as it is shipped.
func policy(t testing.TB, code string) subsidy.Program {
	t.Helper()
	programs, err := app.ReadPrograms(seeds.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if p.Code == code {
			return p
		}
	}
	t.Fatalf("no program %s", code)
	return subsidy.Program{}
}

func named(_, code string) bilingual.Text { return bilingual.T(code, code) }

// oldTruck is a heavy operating truck of China III, two years early by the day.
func oldTruck() subsidy.Facts {
	return subsidy.Facts{Class: registry.Truck, CityCode: "430100", Fuel: "diesel", Stage: "china3", StageSource: "record", Category: "heavy_plain", Group: "heavy", Use: "freight", Operating: true,
		WayOut: "scrapped", CountsAs: "retired", Verified: true, HandedInOn: "2024-08-20", DeregisteredOn: "2024-09-15", AppliedOn: "2024-09-20", ScrapDueOn: "2026-09-15", RegisteredOn: "2011-09-15",
		PoliceStatus: "正常", OwnerKind: "organisation", Name: named}
}

// failing returns the codes of the lines that keep a case out.
func failing(d subsidy.Decision) string {
	for _, l := range d.Lines {
		if !l.Passed && !l.Optional {
			return l.Code
		}
	}
	return ""
}

// TestShippedProgramsAreWholeAndSaid proves F41 and F44: every program of the
// reference data passes its own check, no table has a gap or an overlap, no
// truck program leaves zero months open, and each says what is not confirmed.
func TestShippedProgramsAreWholeAndSaid(t *testing.T) {
	programs, err := app.ReadPrograms(seeds.FS)
	if err != nil || len(programs) < 5 {
		t.Fatalf("%d programs, %v", len(programs), err)
	}
	for _, p := range programs {
		if wrong := p.Check(); len(wrong) > 0 {
			t.Errorf("%s: %v", p.Code, wrong)
		}
		if gaps := p.Gaps(nil); len(gaps) > 0 {
			t.Errorf("%s: %v", p.Code, gaps)
		}
		if !p.Sample || p.Note.ZH == "" || p.Note.EN == "" || p.Document == "" {
			t.Errorf("%s does not say what of it is confirmed", p.Code)
		}
		if p.State == subsidy.ProgramIssued && p.ApplyTo == "" {
			t.Errorf("%s would pay by itself", p.Code)
		}
	}
}

// TestNationalTrucks2024 proves F44 with the two tables of 交规划发〔2024〕90号: each
// band at its limits, a day before and after, 29 February, and the maximum that
// was published, 140,000 yuan.
func TestNationalTrucks2024(t *testing.T) {
	p := policy(t, "NATIONAL-TRUCK-2024")
	bought := func(power, group string, axles int64) func(*subsidy.Facts) {
		return func(f *subsidy.Facts) {
			f.Replacement = &subsidy.Replacement{Power: power, Group: group, Axles: axles, SameOwner: true}
			f.ScrapDueOn = "2028-09-15"
		}
	}
	for _, c := range []struct {
		name   string
		change func(*subsidy.Facts)
		amount money.Fen
		failed string
	}{
		{"heavy, a day short of a year", func(f *subsidy.Facts) { f.ScrapDueOn = "2025-09-14" }, 0, "early"},
		{"heavy, a year", func(f *subsidy.Facts) { f.ScrapDueOn = "2025-09-15" }, 12_000 * yuan, ""},
		{"heavy, a year and a day", func(f *subsidy.Facts) { f.ScrapDueOn = "2025-09-16" }, 12_000 * yuan, ""},
		{"heavy, a day short of two years", func(f *subsidy.Facts) { f.ScrapDueOn = "2026-09-14" }, 12_000 * yuan, ""},
		{"heavy, two years", func(*subsidy.Facts) {}, 35_000 * yuan, ""},
		{"heavy, a day short of four years", func(f *subsidy.Facts) { f.ScrapDueOn = "2028-09-14" }, 35_000 * yuan, ""},
		{"heavy, four years", func(f *subsidy.Facts) { f.ScrapDueOn = "2028-09-15" }, 45_000 * yuan, ""},
		{"medium, a year", func(f *subsidy.Facts) { f.Group = "medium"; f.ScrapDueOn = "2025-09-15" }, 10_000 * yuan, ""},
		{"medium, two years", func(f *subsidy.Facts) { f.Group = "medium" }, 18_000 * yuan, ""},
		{"medium, four years", func(f *subsidy.Facts) { f.Group = "medium"; f.ScrapDueOn = "2028-09-15" }, 25_000 * yuan, ""},
		// Registered on 29 February 2012: its date is 28 February 2027, so that a year early is 28 February 2026 of no leap year.
		{"due on 28 February, two years and a half", func(f *subsidy.Facts) { f.ScrapDueOn = "2027-02-28" }, 35_000 * yuan, ""},
		{"due on 29 February 2028, a day early of its years", func(f *subsidy.Facts) { f.ScrapDueOn = "2028-02-29" }, 35_000 * yuan, ""},
		{"past its date", func(f *subsidy.Facts) { f.ScrapDueOn = "2024-09-14" }, 0, "early"},
		{"on its date: zero months", func(f *subsidy.Facts) { f.ScrapDueOn = "2024-09-15" }, 0, "early"},
		{"the first day", func(f *subsidy.Facts) { f.DeregisteredOn = "2024-07-31" }, 35_000 * yuan, ""},
		{"a day before the first", func(f *subsidy.Facts) { f.DeregisteredOn = "2024-07-30" }, 0, "window"},
		{"the last day", func(f *subsidy.Facts) { f.DeregisteredOn, f.AppliedOn = "2024-12-31", "2024-12-31" }, 12_000 * yuan, ""},
		{"a day after the last", func(f *subsidy.Facts) { f.DeregisteredOn = "2025-01-01" }, 0, "window"},
		{"applied a day late", func(f *subsidy.Facts) { f.AppliedOn = "2025-01-01" }, 0, "apply_window"},
		{"China IV", func(f *subsidy.Facts) { f.Stage = "china4" }, 0, "stage"},
		{"a stage from a date, not ticked", func(f *subsidy.Facts) { f.StageSource = "date" }, 0, "stage_source"},
		{"a stage from a date, ticked", func(f *subsidy.Facts) { f.StageSource, f.StageTicked = "date", true }, 35_000 * yuan, ""},
		{"light", func(f *subsidy.Facts) { f.Group = "light" }, 0, "group"},
		{"private", func(f *subsidy.Facts) { f.Operating = false }, 0, "operating"},
		{"petrol", func(f *subsidy.Facts) { f.Fuel = "gasoline" }, 0, "fuel"},
		{"seized, in letters", func(f *subsidy.Facts) { f.PoliceStatus = "GK" }, 0, "not_seized"},
		{"violations open, in letters", func(f *subsidy.Facts) { f.PoliceStatus = "GQ" }, 35_000 * yuan, ""},
		{"another city of the province", func(f *subsidy.Facts) { f.CityCode = "430900" }, 35_000 * yuan, ""},
		{"the published maximum", bought("new_energy", "heavy", 4), 140_000 * yuan, ""},
		{"five axles", bought("new_energy", "heavy", 5), 140_000 * yuan, ""},
		{"new energy, 3 axles", bought("new_energy", "heavy", 3), 130_000 * yuan, ""},
		{"new energy, 2 axles", bought("new_energy", "heavy", 2), 115_000 * yuan, ""},
		{"China VI, 2 axles: 85,000 as published", bought("china6", "heavy", 2), 85_000 * yuan, ""},
		{"China VI, 3 axles", bought("china6", "heavy", 3), 100_000 * yuan, ""},
		{"China VI, 4 axles", bought("china6", "heavy", 4), 110_000 * yuan, ""},
		{"China VI, medium", bought("china6", "medium", 0), 70_000 * yuan, ""},
		{"new energy, medium", bought("new_energy", "medium", 2), 80_000 * yuan, ""},
		{"bought by another person: the scrapping alone", func(f *subsidy.Facts) {
			bought("new_energy", "heavy", 4)(f)
			f.Replacement.SameOwner = false
		}, 45_000 * yuan, ""},
		{"bought a light one: the scrapping alone", bought("new_energy", "light", 2), 45_000 * yuan, ""},
		{"bought, but under a year early", func(f *subsidy.Facts) {
			bought("new_energy", "heavy", 4)(f)
			f.ScrapDueOn = "2025-09-14"
		}, 0, "early"},
	} {
		f := oldTruck()
		c.change(&f)
		d := p.Evaluate(f)
		if d.AmountFen != c.amount || failing(d) != c.failed || d.Eligible != (c.failed == "") {
			t.Errorf("%s: got %s yuan and %q, want %s and %q", c.name, d.AmountFen.Yuan(), failing(d), c.amount.Yuan(), c.failed)
		}
		if c.failed == "" && (len(d.Shares) != 2 || d.Shares[0].AmountFen*10 != d.AmountFen*9) {
			t.Errorf("%s: shares %v", c.name, d.Shares)
		}
	}
}

// TestLeapDayBands proves F44 on 29 February, both as the day of the event and
// as the mandatory date.
func TestLeapDayBands(t *testing.T) {
	p := policy(t, "NATIONAL-TRUCK-2024")
	p.ValidFrom, p.ValidTo, p.ApplyFrom, p.ApplyTo = "2020-01-01", "2030-12-31", "", ""
	for _, c := range []struct {
		on, due civil.Day
		months  int
	}{
		{"2024-02-29", "2025-02-28", 12}, {"2024-02-29", "2025-02-27", 11}, {"2024-02-28", "2025-02-28", 12}, {"2023-02-28", "2024-02-29", 12}, {"2023-03-01", "2024-02-29", 11},
		{"2024-02-29", "2028-02-29", 48}, {"2024-02-29", "2028-02-28", 47}, {"2025-02-28", "2027-02-28", 24}, {"2025-03-01", "2027-02-28", 23}, {"2024-12-31", "2025-11-30", 11}, {"2024-12-31", "2026-02-28", 14},
	} {
		f := oldTruck()
		f.DeregisteredOn, f.ScrapDueOn = c.on, c.due
		d := p.Evaluate(f)
		if d.EarlyMonths == nil || *d.EarlyMonths != c.months || d.Eligible != (c.months >= 12) {
			t.Errorf("from %s to %s: %v months, eligible %v", c.on, c.due, d.EarlyMonths, d.Eligible)
		}
	}
}

func oldShip(group string, built civil.Day) subsidy.Facts {
	return subsidy.Facts{Class: registry.Vessel, CityCode: "430600", Fuel: "diesel", Category: "bulk", Group: group, WayOut: "scrapped", CountsAs: "retired", Verified: true, BuiltOn: built,
		HandedInOn: "2025-01-10", DeregisteredOn: "2025-06-30", AppliedOn: "2025-07-10", PowerKW: 250_000, GrossTonnage: 600_500, OwnerKind: "person", Name: named}
}

// TestVesselAgeIsExact proves F44 with the age windows of the vessel policy:
// exact years to the deregistration, no rounding, both ends of both windows.
func TestVesselAgeIsExact(t *testing.T) {
	p := policy(t, "NATIONAL-VESSEL-2024")
	for _, c := range []struct {
		name, group string
		built       civil.Day
		amount      money.Fen
	}{
		{"cargo, exactly 30 years", "class4", "1995-06-30", 600_500 * yuan},
		{"cargo, 30 years and a day: too old", "class4", "1995-06-29", 0},
		{"cargo, exactly 15 years: not over 15", "class4", "2010-06-30", 0},
		{"cargo, 15 years and a day", "class4", "2010-06-29", 600_500 * yuan},
		{"tanker", "class3", "2000-01-01", 900_750 * yuan},
		{"passenger, exactly 25 years", "class2", "2000-06-30", 900_750 * yuan},
		{"passenger, 25 years and a day", "class2", "2000-06-29", 0},
		{"passenger, exactly 10 years", "class2", "2015-06-30", 0},
		{"passenger, 10 years and a day", "class2", "2015-06-29", 900_750 * yuan},
		{"built on 29 February, 30 years on 28 February is in", "class4", "1996-02-29", 600_500 * yuan},
		{"age unknown", "class4", "", 0},
	} {
		d := p.Evaluate(oldShip(c.group, c.built))
		if d.AmountFen != c.amount || d.Eligible != (c.amount > 0) || (c.amount == 0) != (failing(d) == "age") {
			t.Errorf("%s: got %s yuan and %q", c.name, d.AmountFen.Yuan(), failing(d))
		}
	}
	for on, in := range map[civil.Day]bool{"2026-02-28": true, "2026-03-01": false} {
		f := oldShip("class4", "1996-02-29")
		f.DeregisteredOn = on
		if d := p.Evaluate(f); d.Eligible != in {
			t.Errorf("built on 29 February 1996, deregistered on %s: eligible %v", on, d.Eligible)
		}
	}
	f := oldShip("class4", "1994-01-01")
	said := false
	for _, l := range p.Evaluate(f).Lines {
		said = said || l.Code == "age" && !l.Passed && len(l.Fact.EN) > 0 && l.Fact.EN[len(l.Fact.EN)-len("too old for the subsidy"):] == "too old for the subsidy"
	}
	if !said {
		t.Error("nothing says that the vessel is too old")
	}
	barge := oldShip("class5", "2000-01-01")
	barge.PowerKW = 0
	if d := p.Evaluate(barge); d.Eligible || failing(d) != "power_kw" {
		t.Errorf("a barge without an engine: %q", failing(d))
	}
}

// TestVesselIsPaidByTheLesserTonnage proves F44: a larger new ship is paid by the
// tonnage that was dismantled, a smaller by its own, and at most 40 million yuan.
func TestVesselIsPaidByTheLesserTonnage(t *testing.T) {
	p := policy(t, "NATIONAL-VESSEL-2024")
	for _, c := range []struct {
		power    string
		old, new int64
		want     money.Fen
	}{
		{"diesel", 600_000, 900_000, (600_000 + 300_000) * yuan}, {"diesel", 600_000, 400_000, (600_000 + 200_000) * yuan}, {"new_energy", 1000_000, 1000_000, 3_200_000 * yuan},
		{"new_energy", 18_181_000, 99_999_000, (18_181_000 + 39_998_200) * yuan}, {"new_energy", 18_182_000, 99_999_000, (18_182_000 + 40_000_000) * yuan}, {"other", 600_000, 600_000, 600_000 * yuan},
	} {
		f := oldShip("class4", "2000-01-01")
		f.GrossTonnage = c.old
		f.Replacement = &subsidy.Replacement{Power: c.power, GrossTonnage: c.new, SameOwner: true}
		if d := p.Evaluate(f); d.AmountFen != c.want {
			t.Errorf("%s, %d to %d: got %s, want %s", c.power, c.old, c.new, d.AmountFen.Yuan(), c.want.Yuan())
		}
	}
}

// TestFarmMachinesByHorsepower proves F44 with the farm machines' bands, at each
// limit as the pairs of kilowatt and horsepower are printed on the plates.
func TestFarmMachinesByHorsepower(t *testing.T) {
	for code, least := range map[string]money.Fen{"FARM-2020": 1_000 * yuan, "FARM-2024": 1_500 * yuan} {
		p := policy(t, code)
		f := subsidy.Facts{Class: registry.FarmMachinery, CityCode: "430700", Group: "tractor", CountsAs: "retired", Verified: true, HandedInOn: p.ValidFrom, DeregisteredOn: p.ValidFrom, AppliedOn: p.ValidTo, OwnerKind: "person", Name: named}
		for watts, want := range map[int64]money.Fen{14_699: least, 14_700: 3_500 * yuan, 36_749: 3_500 * yuan, 36_750: 5_500 * yuan, 58_799: 5_500 * yuan, 58_800: 8_500 * yuan, 73_499: 8_500 * yuan, 73_500: 12_000 * yuan, 200_000: 12_000 * yuan} {
			f.PowerKW = watts
			if d := p.Evaluate(f); d.AmountFen != want {
				t.Errorf("%s, %d W: got %s, want %s", code, watts, d.AmountFen.Yuan(), want.Yuan())
			}
		}
		f.PowerKW = 0
		if d := p.Evaluate(f); d.Eligible {
			t.Errorf("%s pays for a tractor whose power is not known", code)
		}
		f.Group, f.PowerKW = "implement", 20_000
		if d := p.Evaluate(f); d.Eligible || failing(d) != "group" {
			t.Errorf("%s pays for an implement", code)
		}
	}
	p := policy(t, "FARM-2024")
	f := subsidy.Facts{Class: registry.FarmMachinery, CityCode: "430700", Group: "tractor", PowerKW: 80_000, CountsAs: "retired", Verified: true, HandedInOn: "2025-01-01", AppliedOn: "2025-02-01", OwnerKind: "person", Name: named,
		Replacement: &subsidy.Replacement{SameKind: true, SameOwner: true}}
	if d := p.Evaluate(f); d.AmountFen != 18_000*yuan {
		t.Errorf("the same kind bought again: %s, want half more", d.AmountFen.Yuan())
	}
	f.Replacement.SameKind = false
	if d := p.Evaluate(f); d.AmountFen != 12_000*yuan {
		t.Errorf("another kind bought: %s", d.AmountFen.Yuan())
	}
}

// TestLittleTimeLeft proves F58: zero months before the mandatory date are
// refused or paid at a lower rate, as the program says, and shown.
func TestLittleTimeLeft(t *testing.T) {
	p := policy(t, "CITY-TRUCK-SAMPLE")
	p.ApplyFrom, p.ApplyTo, p.ValidFrom = "", "", "2024-01-01"
	f := oldTruck()
	f.PreChecks, f.InCitySince = "clear", "2011-09-15"
	rates := map[int64]money.Fen{0: 0, 5000: 6_000 * yuan, 3333: 3_999 * yuan}
	for bp, want := range rates {
		p.Rules.Near = &subsidy.Near{BelowMonths: 12, FactorBP: bp}
		for due, months := range map[civil.Day]int{"2024-08-20": 0, "2024-09-19": 0, "2025-08-19": 11} {
			f.ScrapDueOn = due
			d := p.Evaluate(f)
			if d.AmountFen != want || d.EarlyMonths == nil || *d.EarlyMonths != months || d.Eligible != (want > 0) {
				t.Errorf("%d of 10000, due on %s: %s yuan, %v months", bp, due, d.AmountFen.Yuan(), d.EarlyMonths)
			}
		}
		f.ScrapDueOn = "2025-08-20"
		if d := p.Evaluate(f); d.AmountFen != 12_000*yuan {
			t.Errorf("twelve months: %s", d.AmountFen.Yuan())
		}
		f.ScrapDueOn = "2024-08-19"
		if d := p.Evaluate(f); d.Eligible || failing(d) != "not_past_due" {
			t.Errorf("a day past its date: %q", failing(d))
		}
	}
	p.Rules.Near = nil
	open := false
	for _, g := range p.Gaps(nil) {
		open = open || g.Code == "zero_months"
	}
	if !open {
		t.Error("a program that says nothing of zero months is not told so")
	}
}

// TestExclusionsOfCitySchemes proves F41 with the usual exclusions, one by one.
func TestExclusionsOfCitySchemes(t *testing.T) {
	p := policy(t, "CITY-TRUCK-SAMPLE")
	for _, c := range []struct {
		failed string
		change func(*subsidy.Facts)
	}{
		{"", func(*subsidy.Facts) {}},
		{"in_city_since", func(f *subsidy.Facts) { f.InCitySince = "2026-01-01" }},
		{"", func(f *subsidy.Facts) { f.InCitySince = "2025-12-31" }},
		{"private_owner", func(f *subsidy.Facts) { f.PublicOwner = true }},
		{"police_status", func(f *subsidy.Facts) { f.PoliceStatus = "P" }},
		{"police_status", func(f *subsidy.Facts) { f.PoliceStatus = "强制注销" }},
		{"police_status", func(f *subsidy.Facts) { f.PoliceStatus = "N" }},
		{"not_seized", func(f *subsidy.Facts) { f.PoliceStatus = "锁定、逾期未检验" }},
		{"way_out", func(f *subsidy.Facts) { f.WayOut = "destroyed_on_site" }},
		{"retired", func(f *subsidy.Facts) { f.WayOut, f.CountsAs = "other", "other" }},
		{"pre_checks", func(f *subsidy.Facts) { f.PreChecks = "" }},
		{"pre_checks", func(f *subsidy.Facts) { f.PreChecks, f.PreChecksOpen = "open", []string{"抵押"} }},
		{"deadline", func(f *subsidy.Facts) { f.AppliedOn = "2026-05-31" }},
		{"", func(f *subsidy.Facts) { f.AppliedOn = "2026-05-30" }},
		{"owner_count", func(f *subsidy.Facts) { f.OwnerCount = 50 }},
		{"", func(f *subsidy.Facts) { f.OwnerCount = 49 }},
		{"retired", func(f *subsidy.Facts) { f.Verified = false }},
	} {
		f := oldTruck()
		f.HandedInOn, f.DeregisteredOn, f.AppliedOn, f.ScrapDueOn, f.PreChecks, f.InCitySince = "2026-02-01", "2026-03-01", "2026-03-05", "2028-02-01", "clear", "2011-09-15"
		c.change(&f)
		if d := p.Evaluate(f); failing(d) != c.failed || d.Eligible != (c.failed == "") {
			t.Errorf("want %q, got %q", c.failed, failing(d))
		}
	}
	machine := policy(t, "CITY-MACHINERY-SAMPLE")
	f := subsidy.Facts{Class: registry.Machinery, CityCode: "430200", Fuel: "diesel", Stage: "china1", CountsAs: "retired", DismantledOn: "2026-03-01", PowerKW: 75_500, Name: named}
	if d := machine.Evaluate(f); !d.Eligible || d.AmountFen != 7_600*yuan {
		t.Errorf("declared, not verified, to be verified before payment: %q, %s yuan", failing(d), d.AmountFen.Yuan())
	}
}

// TestSharesAlwaysMakeTheWhole proves F45: for any amount and shares the parts
// sum to the amount, none is negative, only the local one takes a remainder, and
// the ledger divides the same way.
func TestSharesAlwaysMakeTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := money.Fen(rapid.Int64Range(0, int64(money.Max)).Draw(t, "amount"))
		n := rapid.IntRange(1, 5).Draw(t, "n")
		left, shares, theirs := int64(10000), []subsidy.Share{}, []ledger.Share{}
		for i := range n {
			bp := left
			if i < n-1 {
				bp = rapid.Int64Range(1, left-int64(n-1-i)).Draw(t, "bp")
			}
			left -= bp
			shares = append(shares, subsidy.Share{Source: subsidy.Sources[i], BP: bp})
			theirs = append(theirs, ledger.Share{Source: ledger.Source(subsidy.Sources[i]), BP: bp})
		}
		booked := map[string]money.Fen{}
		for _, part := range ledger.Split(amount, theirs) {
			booked[string(part.Source)] = part.Fen
		}
		var sum money.Fen
		for _, part := range subsidy.Split(amount, shares) {
			sum += part.AmountFen
			exact := float64(amount) * float64(part.BP) / 10000
			if part.AmountFen < 0 || (!part.Remainder && float64(part.AmountFen) > exact+1) || part.AmountFen != booked[part.Source] {
				t.Fatalf("%s of %d: %d, the ledger books %d", part.Source, amount, part.AmountFen, booked[part.Source])
			}
		}
		if sum != amount {
			t.Fatalf("%d makes %d", amount, sum)
		}
	})
}

// TestTablesWithoutGapsDecideEveryCase proves F44: a table that the check calls
// whole has exactly one row for every case its conditions let in, and one that
// loses a row is told so.
func TestTablesWithoutGapsDecideEveryCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cuts := []int64{0}
		for range rapid.IntRange(0, 4).Draw(t, "cuts") {
			cuts = append(cuts, cuts[len(cuts)-1]+rapid.Int64Range(1, 30).Draw(t, "cut"))
		}
		groups := []string{"heavy", "medium", "light"}[:rapid.IntRange(1, 3).Draw(t, "groups")]
		part := subsidy.Part{Code: "x", Name: bilingual.T("x", "x"), Kind: "table", Axes: []subsidy.Axis{{By: "group"}, {By: "early"}}}
		for _, g := range groups {
			for i, cut := range cuts {
				cell := subsidy.Cell{From: &cut}
				if i < len(cuts)-1 {
					cell.To = &cuts[i+1]
				}
				part.Rows = append(part.Rows, subsidy.Row{Cells: []subsidy.Cell{{Codes: []string{g}}, cell}, AmountFen: money.Fen(len(part.Rows) + 1)})
			}
		}
		zero := int64(0)
		p := subsidy.Program{CityCode: "430100", Class: registry.Truck, ValidFrom: "2024-01-01", ValidTo: "2024-12-31", Basis: "deregistered_on",
			Rules: subsidy.Rules{Conditions: []subsidy.Condition{{Kind: "group", Codes: groups}, {Kind: "early", Min: &zero}}, Parts: []subsidy.Part{part}}}
		gaps := func() (n int) {
			for _, g := range p.Gaps(nil) {
				if g.Code == "gap" {
					n++
				}
			}
			return n
		}
		if wrong := p.Check(); len(wrong) > 0 || gaps() > 0 {
			t.Fatalf("a whole table: %v, %d gaps", wrong, gaps())
		}
		f := oldTruck()
		f.Group = rapid.SampledFrom(groups).Draw(t, "group")
		f.ScrapDueOn = f.DeregisteredOn.AddDays(rapid.IntRange(0, 4000).Draw(t, "days"))
		if d := p.Evaluate(f); !d.Eligible {
			t.Fatalf("%s due on %s has no row: %s", f.Group, f.ScrapDueOn, failing(d))
		}
		lost := rapid.IntRange(0, len(part.Rows)-1).Draw(t, "lost")
		p.Rules.Parts = []subsidy.Part{part}
		p.Rules.Parts[0].Rows = append(append([]subsidy.Row{}, part.Rows[:lost]...), part.Rows[lost+1:]...)
		if len(p.Rules.Parts[0].Rows) > 0 && gaps() == 0 {
			t.Fatalf("row %d is missing and nothing says so", lost)
		}
		p.Rules.Parts[0].Rows = append(p.Rules.Parts[0].Rows, part.Rows[0], part.Rows[0])
		if len(p.Check()) == 0 {
			t.Fatal("a doubled row is taken")
		}
	})
}

// TestFormulaIsExactAndCannotOverflow proves F44: integer arithmetic over the
// whole range; what exceeds the system's limit is refused and says so.
func TestFormulaIsExactAndCannotOverflow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, tons := rapid.Int64Range(1, int64(money.Max)).Draw(t, "base"), rapid.Int64Range(1, 1<<50).Draw(t, "tons")
		p := subsidy.Program{CityCode: "430600", Class: registry.Vessel, ValidFrom: "2025-01-01", ValidTo: "2025-12-31", Basis: "deregistered_on", Shares: []subsidy.Share{{Source: "central", BP: 9000}, {Source: "city", BP: 1000}},
			Rules: subsidy.Rules{Rounding: subsidy.Rounding{Mode: rapid.SampledFrom([]string{"", "down", "up"}).Draw(t, "mode"), UnitFen: rapid.SampledFrom([]int64{0, 1, 100, 10000}).Draw(t, "unit")},
				Parts: []subsidy.Part{{Code: "x", Name: bilingual.T("x", "x"), Kind: "formula", BaseFen: money.Fen(base), Quantity: "gross_tonnage",
					Factors: []subsidy.Factor{{Name: bilingual.T("f", "f"), Axes: []subsidy.Axis{{By: "group"}}, Rows: []subsidy.Row{{Cells: []subsidy.Cell{{}}, FactorBP: rapid.Int64Range(1, 1_000_000).Draw(t, "factor")}}}}}}}}
		f := oldShip("class4", "2000-01-01")
		f.GrossTonnage = tons
		d := p.Evaluate(f)
		if d.AmountFen < 0 || d.AmountFen > money.Max || d.Eligible != (d.AmountFen > 0) {
			t.Fatalf("%d fen, eligible %v", d.AmountFen, d.Eligible)
		}
		if u := p.Rules.Rounding.UnitFen; u > 1 && int64(d.AmountFen)%u != 0 {
			t.Fatalf("%d is not whole units of %d", d.AmountFen, u)
		}
		var sum money.Fen
		for _, s := range d.Shares {
			sum += s.AmountFen
		}
		if sum != d.AmountFen {
			t.Fatalf("shares make %d of %d", sum, d.AmountFen)
		}
	})
}

// TestVersionsFollowTheEvent proves F41: the version in force is that of the
// event's day, the new from its first day, the old until the day before.
func TestVersionsFollowTheEvent(t *testing.T) {
	old := policy(t, "NATIONAL-TRUCK-2024")
	old.State, old.SupersededOn = subsidy.ProgramReplaced, "2024-10-01"
	next := policy(t, "NATIONAL-TRUCK-2024")
	next.State, next.ValidFrom = subsidy.ProgramIssued, "2024-10-01"
	f := oldTruck()
	for day, want := range map[civil.Day][2]bool{"2024-07-30": {}, "2024-07-31": {true, false}, "2024-09-30": {true, false}, "2024-10-01": {false, true}, "2024-12-31": {false, true}, "2025-01-01": {}, "": {}} {
		f.DeregisteredOn = day
		if got := [2]bool{old.InForce(f), next.InForce(f)}; got != want {
			t.Errorf("%s: old and new in force %v, want %v", day, got, want)
		}
	}
	next.State = subsidy.ProgramDraft
	f.DeregisteredOn = "2024-11-01"
	if next.InForce(f) {
		t.Error("a draft is in force")
	}
	ended := policy(t, "NATIONAL-TRUCK-2024")
	ended.State, ended.EndedOn = subsidy.ProgramEnded, "2024-10-31"
	if ended.InForce(f) {
		t.Error("an ended program is in force after its last day")
	}
	f.DeregisteredOn = "2024-10-31"
	if d := ended.Evaluate(f); !d.Eligible || !ended.InForce(f) {
		t.Errorf("on its last day: %q", failing(d))
	}
}
