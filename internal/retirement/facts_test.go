package retirement

import (
	"testing"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
)

// TestFactsHoldWhateverCounts proves F61: what a retirement says is kept also
// where the default definition counts nothing, so that another one can.
func TestFactsHoldWhateverCounts(t *testing.T) {
	void := way(t, registry.Truck, "declared_void")
	r := &Retirement{State: Verified, EvidenceComplete: true, Declaration: Declaration{WayOut: "declared_void", Driver: "enforcement", DeregisteredOn: "2025-05-05"}}
	want := Facts{WayOut: "declared_void", CountsAs: void.CountsAs, Driver: "enforcement", Review: Verified, EvidenceComplete: true, LeftOn: "2025-05-05"}
	for _, cohort := range []string{"2010-01-01", "2030-01-01", ""} {
		c := Count(civil.Day(cohort), void, r)
		if c.Facts != want || c.VerifiedOn != "" {
			t.Errorf("covered from %q: got %+v", cohort, c)
		}
	}
	if c := Count("2010-01-01", registry.WayOut{}, nil); c.Facts != (Facts{}) {
		t.Errorf("in use: got %+v", c.Facts)
	}
}
