package retirement

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

func way(t testing.TB, class registry.Class, code string) registry.WayOut {
	t.Helper()
	spec, _ := registry.SpecOf(class)
	w, ok := WayOf(spec, code)
	if !ok {
		t.Fatalf("%s has no way %s", class, code)
	}
	return w
}

// TestCountFollowsTheDefinition proves F28: hand-over and deregistration are two
// figures, only what a second person verified is the headline, converted and
// moved-out assets are never retired.
func TestCountFollowsTheDefinition(t *testing.T) {
	scrapped, engine, moved, other := way(t, registry.Machinery, "scrapped"), way(t, registry.Machinery, "re_engined"), way(t, registry.Machinery, "moved_out"), way(t, registry.Machinery, "other")
	days := Declaration{HandedInOn: "2025-11-01", DeregisteredOn: "2025-12-01"}
	for _, c := range []struct {
		name   string
		cohort civil.Day
		way    registry.WayOut
		r      *Retirement
		want   Counting
	}{
		{"in use", "2010-01-01", registry.WayOut{}, nil, Counting{CohortOn: "2010-01-01"}},
		{"not covered", "", scrapped, &Retirement{Declaration: days, State: Verified}, Counting{}},
		{"only handed in", "2010-01-01", scrapped, &Retirement{Declaration: Declaration{HandedInOn: "2025-11-01"}, State: Declared}, Counting{CohortOn: "2010-01-01", HandedInOn: "2025-11-01"}},
		{"declared", "2010-01-01", scrapped, &Retirement{Declaration: days, State: Declared}, Counting{CohortOn: "2010-01-01", HandedInOn: "2025-11-01", DeclaredOn: "2025-12-01"}},
		{"evidenced", "2010-01-01", scrapped, &Retirement{Declaration: days, State: Declared, EvidenceComplete: true}, Counting{CohortOn: "2010-01-01", HandedInOn: "2025-11-01", DeclaredOn: "2025-12-01", EvidencedOn: "2025-12-01"}},
		{"verified", "2010-01-01", scrapped, &Retirement{Declaration: days, State: Verified, EvidenceComplete: true}, Counting{CohortOn: "2010-01-01", HandedInOn: "2025-11-01", DeclaredOn: "2025-12-01", EvidencedOn: "2025-12-01", VerifiedOn: "2025-12-01"}},
		{"converted, not verified", "2010-01-01", engine, &Retirement{Declaration: days, State: Declared}, Counting{CohortOn: "2010-01-01"}},
		{"converted", "2010-01-01", engine, &Retirement{Declaration: days, State: Verified}, Counting{CohortOn: "2010-01-01", ConvertedOn: "2025-12-01"}},
		{"moved out", "2010-01-01", moved, &Retirement{Declaration: days, State: Verified}, Counting{CohortOn: "2010-01-01", MovedOutOn: "2025-12-01"}},
		{"deregistered otherwise", "2010-01-01", other, &Retirement{Declaration: days, State: Verified}, Counting{CohortOn: "2010-01-01"}},
		{"scrapped before it joined", "2026-01-01", scrapped, &Retirement{Declaration: days, State: Verified}, Counting{}},
		{"declared before it joined", "2026-01-01", scrapped, &Retirement{Declaration: days, State: Declared}, Counting{CohortOn: "2026-01-01"}},
	} {
		got := Count(c.cohort, c.way, c.r)
		got.Facts = Facts{} // TestFactsHoldWhateverCounts is about them
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestStricterLevelsNeverCountMore holds for any retirement: verified within
// evidenced within declared, and an asset leaves the stock in one way at most.
func TestStricterLevelsNeverCountMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.Custom(func(t *rapid.T) civil.Day {
			if rapid.Bool().Draw(t, "none") {
				return ""
			}
			return civil.Day("2020-01-01").AddDays(rapid.IntRange(0, 2000).Draw(t, "day"))
		})
		spec := registry.Classes()[rapid.IntRange(0, 3).Draw(t, "class")]
		w := spec.WaysOut[rapid.IntRange(0, len(spec.WaysOut)-1).Draw(t, "way")]
		r := Retirement{Declaration: Declaration{HandedInOn: day.Draw(t, "handed"), DeregisteredOn: day.Draw(t, "gone")}}
		r.State = rapid.SampledFrom([]State{Declared, Returned, Verified}).Draw(t, "state")
		r.EvidenceComplete = r.State == Verified || rapid.Bool().Draw(t, "evidence")
		c := Count(day.Draw(t, "cohort"), w, &r)
		within := func(inner, outer civil.Day) bool { return inner == "" || inner == outer }
		if !within(c.VerifiedOn, c.EvidencedOn) || !within(c.EvidencedOn, c.DeclaredOn) {
			t.Fatalf("levels are not nested: %+v", c)
		}
		left := 0
		for _, d := range []civil.Day{c.VerifiedOn, c.ConvertedOn, c.MovedOutOn} {
			if d != "" {
				left++
				if c.CohortOn == "" || d < c.CohortOn {
					t.Fatalf("left on %s before it joined: %+v", d, c)
				}
			}
		}
		if left > 1 {
			t.Fatalf("left in two ways: %+v", c)
		}
	})
}

// TestDecideKeepsFourEyes proves F27: who may decide, on what, and with which words.
func TestDecideKeepsFourEyes(t *testing.T) {
	waiting := Retirement{State: Declared, DeclaredBy: "clerk"}
	missing := []Item{{Evidence: registry.Evidence{Code: "photo", Required: true}}}
	before := []Item{{Evidence: registry.Evidence{Code: "photo_front", Before: "dismantled"}}}
	apart, gone := waiting.with("2025-11-26"), waiting
	gone.DeregisteredOn = "2025-12-01"
	for _, c := range []struct {
		name    string
		r       Retirement
		verify  bool
		reason  string
		by      string
		missing []Item
		kind    fault.Kind
		state   State
	}{
		{"verified by another", waiting, true, "", "reviewer", nil, "", Verified},
		{"by the declarer", waiting, true, "", "clerk", nil, fault.Denied, ""},
		{"returned by the declarer", waiting, false, "x", "clerk", nil, fault.Denied, ""},
		{"evidence missing", waiting, true, "", "reviewer", missing, fault.Conflict, ""},
		{"returned without a reason", waiting, false, "  ", "reviewer", missing, fault.Invalid, ""},
		{"returned", waiting, false, "photo", "reviewer", missing, "", Returned},
		{"verified before", Retirement{State: Verified, DeclaredBy: "clerk"}, true, "", "reviewer", nil, fault.Conflict, ""},
		{"photos before a step that nobody logged", waiting, true, "", "reviewer", before, "", Verified},
		{"photos before a step that was logged", apart, true, " ", "reviewer", before, fault.Conflict, ""},
		{"photos before a step without a day, out of the register", gone, true, "", "reviewer", before, "", Verified},
		{"let go without a day, with a reason", gone, true, "old papers", "reviewer", before, "", Verified},
		{"let go with a reason", apart, true, "old papers", "reviewer", before, "", Verified},
		{"required all the same", apart, true, "old papers", "reviewer", append(before, missing...), fault.Conflict, ""},
		{"returned before", Retirement{State: Returned, DeclaredBy: "clerk"}, true, "", "reviewer", nil, fault.Conflict, ""},
	} {
		after, err := c.r.Decide(c.verify, c.reason, c.by, "Name", c.missing, time.Unix(0, 0))
		if c.kind != "" {
			if !fault.Is(err, c.kind) {
				t.Errorf("%s: got %v, want %s", c.name, err, c.kind)
			}
			continue
		}
		if err != nil || after.State != c.state {
			t.Errorf("%s: got %s, %v, want %s", c.name, after.State, err, c.state)
		}
		if after.State == Verified && (c.reason != "") != (len(after.Waived) == 1) {
			t.Errorf("%s: waived %v", c.name, after.Waived)
		}
	}
}

// with returns r as dismantled on a day.
func (r Retirement) with(dismantled civil.Day) Retirement {
	r.DismantledOn = dismantled
	return r
}
