package retirement

import (
	"phaseout/internal/civil"
	"phaseout/internal/registry"
)

// Facts are what a retirement says about its asset whatever is counted as
// retired: its own days as declared, its way, its reason and how far the
// review has got. All are empty where there is no retirement. Other
// definitions than the default one, and the reason why an asset does not count,
// are worked out from them.
type Facts struct {
	WayOut           string
	CountsAs         string // of the way: retired, converted, moved or other
	Driver           string
	Review           State
	EvidenceComplete bool
	HandOverOn       civil.Day
	DismantledOn     civil.Day
	LeftOn           civil.Day // deregistered, or the register changed
	YardID           string    // the registered yard that took it, "" if none did
	DueYear          int       // of mandatory scrapping as it was, 0 if nobody knows
	Operating        bool      // in commercial transport
}

func factsOf(way registry.WayOut, r *Retirement) Facts {
	if r.State == Withdrawn {
		return Facts{}
	}
	return Facts{
		WayOut: r.WayOut, CountsAs: way.CountsAs, Driver: r.Driver, Review: r.State, EvidenceComplete: r.EvidenceComplete,
		HandOverOn: r.HandedInOn, DismantledOn: r.DismantledOn, LeftOn: r.DeregisteredOn, YardID: r.YardID,
		DueYear: r.DueYear, Operating: r.Operating,
	}
}
