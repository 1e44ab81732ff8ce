package emission

import (
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
)

func shipped(t testing.TB) *FactorSet {
	t.Helper()
	file, err := os.Open("../../seeds/reference/factors.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	values, err := ParseFactors(file)
	if err != nil {
		t.Fatal(err)
	}
	return (&FactorSet{Revision: 1, Values: values, ValidFrom: "1900-01-01"}).Index()
}

// TestWorkedTrucks proves F71 on values worked out by hand from the guide, kg a
// truck and year with sulphur of at most 10 ppm and the default mileage.
func TestWorkedTrucks(t *testing.T) {
	set := shipped(t)
	for _, c := range []struct {
		group, stage string
		kg           [4]float64 // NOx, HC, PM2.5, CO
	}{
		{"heavy", "china3", [4]float64{553, 18.4, 14.6, 184}},
		{"heavy", "china2", [4]float64{559, 37.4, 32.0, 180}},
		{"heavy", "china1", [4]float64{705, 64.6, 36.0, 391}},
		{"medium", "china3", [4]float64{202, 6.8, 4.8, 64}},
		{"light", "china3", [4]float64{105, 10.6, 3.1, 50}},
	} {
		for i, a := range set.Yearly(Subject{Class: registry.Truck, Group: c.group, Stage: c.stage}) {
			got, unit := float64(a.MG)/1e6, 1.0
			if c.kg[i] < 100 && c.kg[i] != 64 && c.kg[i] != 50 {
				unit = 0.1
			}
			if a.State != Estimated || got < c.kg[i]-unit/2-1e-9 || got > c.kg[i]+unit/2+1e-9 {
				t.Errorf("%s %s %s: got %.3f kg, want %v", c.group, c.stage, Pollutants[i], got, c.kg[i])
			}
		}
	}
	// To the milligram: 7.934 g/km × 0.93 × 75,000 km.
	nox := set.Yearly(Subject{Class: registry.Truck, Group: "heavy", Stage: "china3"})[0]
	if nox.MG != 553_396_500 || len(nox.Steps) != 3 || nox.Steps[1].Item != "sulphur" || nox.Steps[2].Basis != Assumption {
		t.Errorf("got %+v", nox)
	}
	for _, c := range []Subject{{Class: registry.Truck, Group: "heavy", Stage: "china6"}, {Class: registry.Truck, Group: "heavy", Stage: "unknown"}, {Class: registry.Truck, Stage: "china3"}, {Class: registry.Truck, Group: "low_speed", Stage: "china3"}} {
		if a := set.Yearly(c)[0]; a.State != FactorMissing || a.MG != 0 {
			t.Errorf("%+v has a factor: %+v", c, a)
		}
	}
}

// TestCorrectionsAreOffUntilSwitchedOn proves the corrections of F71.
func TestCorrectionsAreOffUntilSwitchedOn(t *testing.T) {
	set := shipped(t)
	set.Conditions = map[string]string{"speed": "40-80", "temperature": "gt25", "humidity": "gt50", "load": "100"}
	got := set.Yearly(Subject{Class: registry.Truck, Group: "heavy", Stage: "china3"})
	want := times(times(times(times(times(times(7934, 75_000_000), 930), 740), 1150), 940), 1430)
	if got[0].MG != want || len(got[0].Steps) != 7 {
		t.Errorf("NOx with all corrections: got %d, want %d; %+v", got[0].MG, want, got[0].Steps)
	}
	if len(got[1].Steps) != 5 { // hydrocarbons: neither humidity nor load
		t.Errorf("HC: %+v", got[1].Steps)
	}
}

// TestMachinesAndVessels proves the non-road half of F71: limits as stand-ins,
// the owner's hours before the default, no fuel no estimate.
func TestMachinesAndVessels(t *testing.T) {
	set := shipped(t)
	machine := Subject{Class: registry.Machinery, Stage: "china1", PowerK: 100_000}
	nox := set.Yearly(machine)[0]
	if nox.MG != 460_460_000 { // 100 kW × 770 h × 0.65 × 9.2 g/kWh
		t.Errorf("got %d mg", nox.MG)
	}
	if last := nox.Steps[3]; last.Basis != StandIn || last.Unit != "g/kWh" {
		t.Errorf("the limit does not say that it stands in: %+v", last)
	}
	machine.HoursK = 1_540_000
	if own := set.Yearly(machine)[0]; own.MG != 2*nox.MG || own.Steps[1].Basis != Recorded {
		t.Errorf("the owner's hours: %+v", own)
	}
	for name, c := range map[string]struct {
		sub   Subject
		state [4]State
	}{
		"before China I":  {Subject{Class: registry.Machinery, Stage: "china0", PowerK: 100_000}, [4]State{Estimated, FactorMissing, FactorMissing, FactorMissing}},
		"no power":        {Subject{Class: registry.Machinery, Stage: "china1"}, [4]State{NotEstimated, NotEstimated, NotEstimated, NotEstimated}},
		"too small":       {Subject{Class: registry.FarmMachinery, Group: "tractor", Stage: "china1", PowerK: 11_000}, [4]State{FactorMissing, FactorMissing, FactorMissing, FactorMissing}},
		"a tractor":       {Subject{Class: registry.FarmMachinery, Group: "tractor", Stage: "china2", PowerK: 37_000}, [4]State{Estimated, Estimated, Estimated, Estimated}},
		"the largest":     {Subject{Class: registry.Machinery, Stage: "china2", PowerK: 560_000}, [4]State{Estimated, Estimated, Estimated, Estimated}},
		"a vessel":        {Subject{Class: registry.Vessel, FuelKG: 80_000}, [4]State{Estimated, Estimated, Estimated, Estimated}},
		"without fuel":    {Subject{Class: registry.Vessel}, [4]State{NotEstimated, NotEstimated, NotEstimated, NotEstimated}},
		"a class unknown": {Subject{Class: "bus"}, [4]State{NotEstimated, NotEstimated, NotEstimated, NotEstimated}},
	} {
		for i, a := range set.Yearly(c.sub) {
			if a.State != c.state[i] {
				t.Errorf("%s, %s: got %s, want %s", name, Pollutants[i], a.State, c.state[i])
			}
		}
	}
	if nox := set.Yearly(Subject{Class: registry.Vessel, FuelKG: 80_000})[0]; nox.MG != 3_808_000_000 {
		t.Errorf("80 t of fuel: got %d mg", nox.MG)
	}
}

// TestThreeWaysOfCounting proves the bases of F71 and their days.
func TestThreeWaysOfCounting(t *testing.T) {
	a := Amount{State: Estimated, MG: 365_000_000}
	for _, c := range []struct {
		left, due, asOf civil.Day
		days, early     int
		ends            bool
	}{
		{"2025-11-30", "2027-11-30", "2025-12-31", 31, 730, true},
		{"2025-12-31", "2025-12-31", "2025-12-31", 0, 0, true},
		{"2024-03-01", "2020-01-01", "2025-06-30", 365, 0, true},
		{"2023-12-31", "", "2024-12-31", 365, 0, false}, // a leap year is 365 days as well
		{"2025-01-01", "2025-01-02", "2025-01-01", 364, 1, true},
	} {
		g := a.Saved(c.left, c.due, c.asOf)
		if g.Days != c.days || g.Early != c.early || g.Ends != c.ends || g.Yearly != 365_000 || g.ThisYear != int64(c.days)*1000 || g.Lifetime != int64(c.early)*1000 {
			t.Errorf("left %s, due %s, as of %s: %+v", c.left, c.due, c.asOf, g)
		}
	}
}

// TestRowsAddUpToTheirTile holds for any assets: the sum of any split is the
// sum of all, to the gram (F71, F66).
func TestRowsAddUpToTheirTile(t *testing.T) {
	set := shipped(t)
	subject := rapid.Custom(func(t *rapid.T) Subject {
		return Subject{Class: rapid.SampledFrom([]registry.Class{registry.Truck, registry.Machinery, registry.FarmMachinery, registry.Vessel}).Draw(t, "class"),
			Group:  rapid.SampledFrom([]string{"heavy", "medium", "light", "mini", "low_speed", "three_wheel", "tractor", "harvester", ""}).Draw(t, "group"),
			Stage:  rapid.SampledFrom([]string{"china0", "china1", "china2", "china3", "china4", "china5", "china6", "unknown"}).Draw(t, "stage"),
			PowerK: rapid.Int64Range(0, 5_000_000).Draw(t, "power"), HoursK: rapid.Int64Range(0, 8_760_000).Draw(t, "hours"), FuelKG: rapid.Int64Range(0, 2_000_000).Draw(t, "fuel")}
	})
	rapid.Check(t, func(t *rapid.T) {
		var all, parts [4]int64
		var whole Sum
		split := [2]Sum{}
		for i := range rapid.IntRange(0, 40).Draw(t, "n") {
			left := civil.Day("2024-01-01").AddDays(rapid.IntRange(0, 729).Draw(t, "left"))
			due := left.AddDays(rapid.IntRange(-500, 4000).Draw(t, "due"))
			amounts := set.Yearly(subject.Draw(t, "subject"))
			whole.Add(amounts, left, due, "2025-12-31")
			split[i%2].Add(amounts, left, due, "2025-12-31")
			for k, a := range amounts {
				if a.MG < 0 {
					t.Fatalf("a negative amount: %+v", a)
				}
				if a.State == Estimated {
					all[k] += a.Saved(left, due, "2025-12-31").ThisYear
				}
			}
		}
		if sum := split[0].Plus(split[1]); sum != whole {
			t.Fatalf("the parts add up to %+v, the whole is %+v", sum, whole)
		}
		if whole.ThisYear != all || parts != [4]int64{} {
			t.Fatalf("the rows add up to %v, the tile says %v", all, whole.ThisYear)
		}
		for k := range Pollutants {
			if whole.Estimated[k]+whole.FactorMissing[k]+whole.NotEstimated[k] != whole.Assets {
				t.Fatalf("an asset has no state: %+v", whole)
			}
		}
	})
}

// TestTheProvinceSetsAssumptionsOnly proves the versions of F71: what the guide
// says is closed, the rest carries the province's document, old sets stay.
func TestTheProvinceSetsAssumptionsOnly(t *testing.T) {
	set := shipped(t)
	set.Document = "湘环函〔2025〕1号"
	km := Key{Item: "km", Method: "road", Group: "heavy"}
	after, err := set.Change([]Edit{{km, 60_000_000}, {Key{Item: "factor", Method: "nonroad", Band: "75-130", Stage: "china0", Pollutant: HC}, 2000}}, map[string]string{"speed": "20-30", "load": ""})
	if err != nil {
		t.Fatal(err)
	}
	after.Index()
	if v, _ := after.find(km); v.Milli != 60_000_000 || v.Basis != Set || v.Source != set.Document {
		t.Errorf("got %+v", v)
	}
	if v, _ := set.find(km); v.Milli != 75_000_000 {
		t.Error("the set that it started from has changed")
	}
	if a := after.Yearly(Subject{Class: registry.Machinery, Stage: "china0", PowerK: 100_000})[1]; a.State != Estimated {
		t.Error("a factor that was missing is missing still")
	}
	if len(after.Conditions) != 1 {
		t.Errorf("got %v", after.Conditions)
	}
	for name, e := range map[string]Edit{
		"the guide's": {Key{Item: "factor", Method: "road", Group: "heavy", Stage: "china3", Pollutant: NOx}, 1},
		"less than 0": {km, -1}, "unheard of": {Key{Item: "km", Method: "road", Group: "bus"}, 1},
	} {
		if _, err := set.Change([]Edit{e}, nil); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := set.Change(nil, map[string]string{"speed": "fast"}); err == nil {
		t.Error("a band that is none is taken")
	}
	second, third := &FactorSet{Revision: 2, ValidFrom: "2026-01-01"}, &FactorSet{Revision: 3, ValidFrom: "2025-07-01"}
	for day, want := range map[civil.Day]int64{"2025-06-30": 1, "2025-07-01": 3, "2026-05-01": 3} {
		if got := SetFor([]*FactorSet{set, second, third}, day); got.Revision != want {
			t.Errorf("%s: revision %d, want %d", day, got.Revision, want)
		}
	}
	if SetFor(nil, "2025-01-01") != nil {
		t.Error("no set holds for a day")
	}
}

// TestTable2AddsUpAndIsNeverExceeded proves R20 and R21.
func TestTable2AddsUpAndIsNeverExceeded(t *testing.T) {
	text, err := os.ReadFile("../../seeds/reference/table2.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := ParseTable(strings.NewReader(string(text)))
	if err != nil || len(rows) != 14 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if _, err := ParseTable(strings.NewReader(strings.Replace(string(text), "3030", "3031", 1))); err == nil {
		t.Error("a total that is not the sum of its cities is taken")
	}
	if due, tonnes := rows[0].By("2023-12-31"); due != "2023-12-31" || tonnes != 1970 {
		t.Errorf("Changsha by 2023: %s %d", due, tonnes)
	}
	if due, tonnes := rows[0].By("2024-01-01"); due != "2025-12-31" || tonnes != 3030 {
		t.Errorf("Changsha by 2025: %s %d", due, tonnes)
	}
	rapid.Check(t, func(t *rapid.T) {
		grams, tonnes := rapid.Int64Range(0, 1<<52).Draw(t, "grams"), rapid.Int64Range(0, 30000).Draw(t, "tonnes")
		c := Against(grams, tonnes)
		if c.GramsG > tonnes*1_000_000 || c.ShareBP > 10000 || c.Exceeds != (grams > tonnes*1_000_000) || (!c.Exceeds && c.GramsG != grams) {
			t.Fatalf("%d g of %d t: %+v", grams, tonnes, c)
		}
	})
}
