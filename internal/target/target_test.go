package target

import (
	"testing"

	"pgregory.net/rapid"
)

func number(n int64) *int64 { return &n }

// TestRequiredIsRoundedUpAndNotSetStaysNotSet proves F61: count, share, named
// definition, and the legal answer "not set".
func TestRequiredIsRoundedUpAndNotSetStaysNotSet(t *testing.T) {
	basic := &Definition{Code: "basically_eliminated", Revision: 1, ShareBP: number(9500)}
	for _, c := range []struct {
		name     string
		t        Target
		baseline int64
		want     *int64
	}{
		{"a count", Target{Measure: "count", Value: number(120)}, 7, number(120)},
		{"a share", Target{Measure: "share", Value: number(6000)}, 1824, number(1095)},
		{"a share of little", Target{Measure: "share", Value: number(9500)}, 3, number(3)},
		{"a named definition", Target{Measure: "share", Threshold: basic}, 100, number(95)},
		{"its own share before the definition's", Target{Measure: "share", Value: number(10000), Threshold: basic}, 100, number(100)},
		{"not set", Target{Measure: "none"}, 100, nil},
		{"a count that is not set", Target{Measure: "count"}, 100, nil},
	} {
		got := c.t.RequiredOf(c.baseline)
		if (got == nil) != (c.want == nil) || (got != nil && *got != *c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	if bp := ShareBP(9999, number(10000)); *bp != 9999 {
		t.Errorf("a completion is rounded up to %d", *bp)
	}
	if ShareBP(1, number(0)) != nil || ShareBP(1, nil) != nil {
		t.Error("a share of nothing")
	}
}

// TestTheBalanceCloses holds for any counts: baseline and additions are what is
// left and what has gone, and a sum of lines is the line of the sums.
func TestTheBalanceCloses(t *testing.T) {
	counts := rapid.Custom(func(t *rapid.T) [2]Counts {
		base, now := Counts{}, Counts{}
		for _, m := range Metrics {
			base[m] = int64(rapid.IntRange(0, 1000).Draw(t, string(m)))
			now[m] = base[m] + int64(rapid.IntRange(0, 1000).Draw(t, string(m)+"+"))
		}
		return [2]Counts{base, now}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := counts.Draw(t, "a"), counts.Draw(t, "b")
		f, g := Assess(a[0], a[1]), Assess(b[0], b[1])
		if f.Baseline+f.Additions != f.Cohort || f.Cohort != f.Remaining+f.Verified+f.Converted+f.MovedOut {
			t.Fatalf("the balance does not close: %+v", f)
		}
		both := [2]Counts{{}, {}}
		for _, m := range Metrics {
			both[0][m], both[1][m] = a[0][m]+b[0][m], a[1][m]+b[1][m]
		}
		if sum := f.Plus(g); sum != Assess(both[0], both[1]) {
			t.Fatalf("the sum of lines is %+v, the line of sums %+v", sum, Assess(both[0], both[1]))
		}
	})
}

// TestCheckNamesWhatIsWrong proves F61's form.
func TestCheckNamesWhatIsWrong(t *testing.T) {
	good := Target{Measure: "count", Value: number(1), DueOn: "2025-12-31", BaselineOn: "2021-12-31"}
	if wrong := good.Check(); len(wrong) != 0 {
		t.Errorf("a good target: %v", wrong)
	}
	for name, change := range map[string]func(*Target){
		"no such day": func(t *Target) { t.DueOn = "2025-02-30" }, "due before its baseline": func(t *Target) { t.BaselineOn = "2026-01-01" },
		"more than all": func(t *Target) { t.Measure, t.Value = "share", number(10001) }, "less than none": func(t *Target) { t.Value = number(-1) },
		"a number without a measure": func(t *Target) { t.Measure = "none" },
	} {
		bad := good
		change(&bad)
		if len(bad.Check()) == 0 {
			t.Errorf("%s is taken", name)
		}
	}
}
