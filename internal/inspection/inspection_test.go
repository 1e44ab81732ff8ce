package inspection_test

import (
	"fmt"
	"testing"

	"phaseout/internal/inspection"
)

var cities = []string{"430100", "430200", "430300", "430600", "430700", "430900"}

func population(n int) []inspection.Line {
	lines := make([]inspection.Line, n)
	for i := range lines {
		lines[i] = inspection.Line{ID: fmt.Sprintf("r-%05d", i), City: cities[i%6], Weight: 1}
	}
	return lines
}

// TestWeightsSayWhy proves F37: each doubt adds its points, the sum is bounded,
// and the reasons are what it is made of.
func TestWeightsSayWhy(t *testing.T) {
	if w, reasons := inspection.Weigh(inspection.Facts{}); w != 1 || len(reasons) != 1 {
		t.Errorf("nothing known: %d %v", w, reasons)
	}
	one := map[string]inspection.Facts{
		"yard_history": {YardInspected: 4, YardFindings: 1}, "photo_match": {PhotoMatches: 1}, "photo_doubt": {GraveDoubts: 1}, "no_metadata": {NoMetadata: 3},
		"waiver": {Waivers: 1}, "undated": {Undated: 1}, "burst": {Burst: true}, "no_yard": {NoYard: true},
	}
	for code, f := range one {
		w, reasons := inspection.Weigh(f)
		if len(reasons) != 2 || reasons[1].Code != code || w != 1+reasons[1].Points || reasons[1].Text.ZH == "" {
			t.Errorf("%s: %d %v", code, w, reasons)
		}
	}
	if w, _ := inspection.Weigh(inspection.Facts{YardInspected: 9, YardFindings: 9, PhotoMatches: 9, GraveDoubts: 9, NoMetadata: 9, Waivers: 9, Undated: 9, Burst: true, NoYard: true}); w != 20 {
		t.Errorf("everything: %d", w)
	}
	silent, _ := inspection.Weigh(inspection.Facts{Undated: 4})
	waived, _ := inspection.Weigh(inspection.Facts{Waivers: 4})
	if silent <= waived {
		t.Errorf("passed by in silence %d, waived %d", silent, waived)
	}
	worse, _ := inspection.Weigh(inspection.Facts{YardInspected: 4, YardFindings: 4})
	better, _ := inspection.Weigh(inspection.Facts{YardInspected: 4, YardFindings: 1})
	if worse <= better {
		t.Error("results do not feed back")
	}
}

// TestDrawFollowsFromListAndSeed proves F37: the same list and seed draw the
// same lines in any order of the list; another seed, or a public number added,
// draws others; no team inspects its own city; a heavy line is drawn more often.
func TestDrawFollowsFromListAndSeed(t *testing.T) {
	lines := population(600)
	lines[7].Weight = 20
	reversed := make([]inspection.Line, len(lines))
	for i, l := range lines {
		reversed[len(lines)-1-i] = l
	}
	if inspection.PopulationHash(lines) != inspection.PopulationHash(reversed) {
		t.Error("the order of the list changes its hash")
	}
	heavy, light, other := 0, 0, 0
	for n := range 200 {
		key := inspection.Key(fmt.Sprintf("seed-%d", n), "")
		drawn, again := inspection.Draw(key, lines, 10), inspection.Draw(key, reversed, 10)
		if len(drawn) != 60 || fmt.Sprint(drawn) != fmt.Sprint(again) {
			t.Fatalf("%d drawn, and again %v", len(drawn), again)
		}
		if fmt.Sprint(drawn) == fmt.Sprint(inspection.Draw(inspection.Key(fmt.Sprintf("seed-%d", n), "0815"), lines, 10)) {
			other++
		}
		teams, perTeam := inspection.Assign(key, drawn, cities), map[string]int{}
		for _, l := range drawn {
			if teams[l.ID] == l.City || teams[l.ID] == "" {
				t.Fatalf("%s of %s goes to %q", l.ID, l.City, teams[l.ID])
			}
			perTeam[teams[l.ID]]++
			if l.ID == lines[7].ID {
				heavy++
			}
			if l.ID == lines[13].ID {
				light++
			}
		}
		for c, k := range perTeam {
			if k < 5 || k > 15 {
				t.Errorf("team %s has %d of 60", c, k)
			}
		}
	}
	if heavy < 120 || light > 50 || other > 0 {
		t.Errorf("of 200 draws the heavy line is in %d, a light one in %d; %d unmoved by a public number", heavy, light, other)
	}
	if few := inspection.Draw("k", lines[:3], 10); len(few) != 3 {
		t.Errorf("of three %d are drawn", len(few))
	}
}
