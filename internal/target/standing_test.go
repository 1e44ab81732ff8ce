package target

import (
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/civil"
)

// TestEveryAssetCountsOrHasOneReason proves F64 and F66: by any definition and on
// any day an asset is counted or has exactly one reason, from its kept entries
// alone.
func TestEveryAssetCountsOrHasOneReason(t *testing.T) {
	definitions := []Definition{
		{Code: DefaultCode},
		{Code: "early", Counts: []CountRule{{Ways: []string{"scrapped"}, On: "hand_over_on"}}},
		{Code: "late", Counts: []CountRule{{Ways: []string{"scrapped"}, On: "dismantled_on"}, {Ways: []string{"declared_void", "other"}, On: "left_on"}}},
		{Code: "void", Counts: []CountRule{{Ways: []string{"declared_void"}, On: "left_on"}}},
	}
	ways := map[string]string{"scrapped": "retired", "declared_void": "other", "other": "other", "re_engined": "converted", "moved_out": "moved"}
	days := rapid.Custom(func(t *rapid.T) civil.Day {
		return civil.Day("2025-01-01").AddDays(rapid.IntRange(0, 12).Draw(t, "day"))
	})
	maybe := rapid.Custom(func(t *rapid.T) civil.Day {
		if rapid.Bool().Draw(t, "none") {
			return ""
		}
		return days.Draw(t, "on")
	})
	rapid.Check(t, func(t *rapid.T) {
		s := Standing{CohortOn: maybe.Draw(t, "cohort"), HandOverOn: maybe.Draw(t, "hand over"), DismantledOn: maybe.Draw(t, "dismantled"), LeftOn: maybe.Draw(t, "left"),
			Review: rapid.SampledFrom([]string{"declared", "verified", "returned"}).Draw(t, "review"), EvidenceComplete: rapid.Bool().Draw(t, "evidence"),
			StageUnknown: rapid.Bool().Draw(t, "stage"), Duplicate: rapid.Bool().Draw(t, "duplicate")}
		s.WayOut = rapid.SampledFrom([]string{"scrapped", "declared_void", "other", "re_engined", "moved_out"}).Draw(t, "way")
		s.CountsAs = ways[s.WayOut]
		if s.CohortOn != "" && s.LeftOn != "" && s.Review == "verified" { // as retirement.Count has it
			on := max(s.LeftOn, s.CohortOn)
			switch s.CountsAs {
			case "retired":
				s.VerifiedOn = on
			case "converted":
				s.ConvertedOn = on
			case "moved":
				s.MovedOutOn = on
			}
		}
		d := rapid.SampledFrom(definitions).Draw(t, "definition")
		asOf := days.Draw(t, "as of")
		now := Counts{}
		for _, e := range s.Entries() {
			if e.Day <= asOf {
				now[e.Metric] += e.N
			}
		}
		all := d.Explain(Counts{}, now)
		sum := all[Verified]
		for _, reason := range Reasons {
			if all[reason] < 0 {
				t.Fatalf("%s is %d for %+v", reason, all[reason], s)
			}
			sum += all[reason]
		}
		if sum != 1 {
			t.Fatalf("counted %d times or for no reason: %v for %+v by %s", sum, all, s, d.Code)
		}
	})
}
