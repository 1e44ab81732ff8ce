package likeness_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/civil"
	"phaseout/internal/likeness"
	"phaseout/internal/registry"
)

// TestSlipOfSeesEachSlip proves F8: what makes one number another.
func TestSlipOfSeesEachSlip(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want likeness.Slip
	}{
		{"LZZTEST40DA000001", "LZZTEST4ODA000001", likeness.Lookalike},
		{"湘A8Q345", "湘AB0345", likeness.Lookalike},
		{"XE-215", "XE215", likeness.Lookalike},
		{"G5I2", "651Z", likeness.Lookalike},
		{"XE215-0012", "XE125-0012", likeness.Swap},
		{"XE215-0012", "XE215-012", likeness.Gap},
		{"XE215-0012", "XE215-00A12", likeness.Gap},
		{"XE215-0012", "XF215-0012", likeness.OtherSign},
		{"XE215-0013", "XE215-0014", likeness.Consecutive},
		{"XE215-0013", "XE215-0024", likeness.Far},
		{"XE215-0013", "0013-XE215", likeness.Far},
		{"", "A", likeness.Gap}, {"", "", likeness.Lookalike},
	} {
		if got := likeness.SlipOf(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: got %q, want %q", c.a, c.b, got, c.want)
		}
		if there, back := likeness.SlipOf(c.a, c.b), likeness.SlipOf(c.b, c.a); there != back {
			t.Errorf("%s and %s: %q one way, %q the other", c.a, c.b, there, back)
		}
	}
}

func serial(value string) []registry.Identifier {
	return []registry.Identifier{{Kind: "serial", Value: value, Norm: value, Unique: true}}
}

// TestOneSlipSharesAKey proves F8: whatever the slip, the two numbers meet in
// the index, so that nothing has to be compared with everything.
func TestOneSlipSharesAKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		signs := []rune("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
		a := rapid.SliceOfN(rapid.SampledFrom(signs), 6, 20).Draw(t, "number")
		at := rapid.IntRange(0, len(a)-2).Draw(t, "position")
		sign := rapid.SampledFrom(signs).Draw(t, "sign")
		b := slices.Clone(a)
		switch rapid.IntRange(0, 3).Draw(t, "slip") {
		case 0:
			b[at] = sign
		case 1:
			b = slices.Insert(b, at, sign)
		case 2:
			b = slices.Delete(b, at, at+1)
		case 3:
			b[at], b[at+1] = b[at+1], b[at]
		}
		if likeness.SlipOf(string(a), string(b)) == likeness.Far {
			t.Fatalf("%s and %s are called far apart", string(a), string(b))
		}
		keys := likeness.Keys(registry.Machinery, serial(string(a)))
		if !slices.ContainsFunc(likeness.Keys(registry.Machinery, serial(string(b))), func(k int64) bool { return slices.Contains(keys, k) }) {
			t.Fatalf("%s and %s share no key", string(a), string(b))
		}
	})
}

func machine(serial, engine, owner string) registry.Asset {
	a := registry.Asset{Class: registry.Machinery, Model: "XE215", BuiltOn: "2010-05-06", OwnerID: owner, Identifiers: []registry.Identifier{
		{Kind: "serial", Value: serial, Norm: serial, Unique: true}}}
	if engine != "" {
		a.Identifiers = append(a.Identifiers, registry.Identifier{Kind: "engine_no", Value: engine, Norm: engine})
	}
	return a
}

func on(day civil.Day, a registry.Asset) registry.Asset {
	a.RegisteredOn = day
	return a
}

func coded(serial, code string) registry.Asset {
	a := machine(serial, "", "1")
	a.Identifiers = append(a.Identifiers, registry.Identifier{Kind: "env_code", Value: code, Norm: code, Unique: true})
	return a
}

// TestScoreTellsAFleetFromASlip proves F8: look-alikes, owner and engine make a
// pair; numbers in series of one owner do not.
func TestScoreTellsAFleetFromASlip(t *testing.T) {
	truck := func(plate, vin, owner string) registry.Asset {
		return registry.Asset{Class: registry.Truck, RegisteredOn: "2013-03-05", OwnerID: owner, Identifiers: []registry.Identifier{
			{Kind: "plate", Value: plate, Unique: true}, {Kind: "vin", Value: vin, Unique: true}}}
	}
	good, slip := "LZZTEST4XDA000001", "LZZTEST4XDA000002"
	if !registry.GoodVIN(good) || registry.GoodVIN(slip) {
		t.Fatal("the frame numbers of the test are not what they should be")
	}
	for name, c := range map[string]struct {
		a, b registry.Asset
		pair bool
	}{
		"look-alike serials":                   {machine("XE2I5-0O13", "", ""), machine("XE215-0013", "", ""), true},
		"one digit off, same engine":           {machine("XE215-0013", "E123", "1"), machine("XE215-0018", "E123", "1"), true},
		"swapped digits of one owner":          {machine("XE215-0012", "", "1"), machine("XE215-0021", "", "1"), true},
		"swapped digits of a series":           {machine("XE215-0012", "E12345", "1"), machine("XE215-0021", "E67890", "2"), false},
		"two of a fleet":                       {machine("XE215-0013", "E12345", "1"), machine("XE215-0014", "E12346", "1"), false},
		"two of a fleet without engine number": {machine("XE215-0013", "", "1"), machine("XE215-0014", "", "1"), false},
		"two of a fleet with codes in series":  {coded("XE215-0013", "1-AB12CD31"), coded("XE215-0014", "1-AB12CD32"), false},
		"strangers":                            {machine("XE215-0013", "", "1"), machine("SY75-99881", "", "1"), false},
		"another class":                        {machine("XE215-0013", "", ""), registry.Asset{Class: registry.FarmMachinery, Identifiers: serial("XE215-0013")}, false},
		"frame numbers, one of them a slip":    {truck("湘A10001", good, ""), truck("湘A77777", slip, ""), true},
		"a slip, but of another day":           {truck("湘A10001", good, ""), on("2009-01-01", truck("湘A77777", slip, "")), false},
		"plates in series, other frames":       {truck("湘A10001", good, "1"), truck("湘A10002", "LGAG4DY31D3000777", "1"), false},
	} {
		score, reasons := likeness.Score(c.a, c.b)
		if (score >= likeness.Threshold) != c.pair {
			t.Errorf("%s: got %d %v", name, score, reasons)
		}
		if back, _ := likeness.Score(c.b, c.a); back != score {
			t.Errorf("%s: %d one way, %d the other", name, score, back)
		}
		for _, r := range reasons {
			if r.Text.ZH == "" || r.Text.EN == "" || r.Points == 0 {
				t.Errorf("%s: reason %v", name, r)
			}
		}
	}
}
