package emission

import (
	"phaseout/internal/civil"
	"phaseout/internal/registry"
)

// Subject is what of an asset decides its emissions. Numbers are thousandths,
// 0 where the record has none.
type Subject struct {
	Class  registry.Class
	Group  string // of the category: heavy, medium, light …; tractor, harvester …
	Stage  string
	PowerK int64 // 1/1000 kW
	HoursK int64 // 1/1000 hours a year, of the owner
	FuelKG int64 // kg of fuel a year, of the owner
}

// Activity lists the fields of a record that Subject's numbers come from.
var Activity = []string{"power_kw", "annual_hours", "annual_fuel_t"}

// State says whether an amount is there.
type State string

// The states of an amount.
const (
	Estimated     State = "estimated"
	FactorMissing State = "factor_missing" // the set has no factor for it
	NotEstimated  State = "not_estimated"  // the record lacks what the method needs
)

// Step is one member of the product that an amount is.
type Step struct {
	Item   string
	Band   string
	Milli  int64
	Unit   string
	Basis  Basis
	Source string
}

// Amount is what one asset would emit of one pollutant in a year.
type Amount struct {
	State   State
	Missing string // what the record lacks, where it is not estimated
	MG      int64  // milligrams a year
	Steps   []Step
}

// Yearly returns what a subject emits in a year, one amount a pollutant:
//
//	road     factor × sulphur × the corrections that are on × km
//	non-road power × hours × load factor × factor
//	vessel   fuel × factor
//
// Each product is rounded half up to whole milligrams.
func (s *FactorSet) Yearly(sub Subject) [4]Amount {
	var amounts [4]Amount
	for i, p := range Pollutants {
		switch sub.Class {
		case registry.Truck:
			amounts[i] = s.road(sub, p)
		case registry.Vessel:
			amounts[i] = s.vessel(sub, p)
		default:
			amounts[i] = s.nonroad(sub, p)
		}
	}
	return amounts
}

func (v Value) step() Step { return Step{v.Item, v.Band, v.Milli, v.Unit, v.Basis, v.Source} }

func (s *FactorSet) road(sub Subject, p Pollutant) Amount {
	base, ok := s.find(Key{Item: "factor", Method: "road", Group: sub.Group, Stage: sub.Stage, Pollutant: p})
	km, known := s.find(Key{Item: "km", Method: "road", Group: sub.Group})
	if !ok || !known {
		return Amount{State: FactorMissing}
	}
	steps, mg := []Step{base.step()}, times(base.Milli, km.Milli)
	correct := func(item, band string) {
		if v, ok := s.find(Key{Item: item, Method: "road", Band: band, Group: sub.Group, Stage: sub.Stage, Pollutant: p}); ok {
			steps, mg = append(steps, v.step()), times(mg, v.Milli)
		}
	}
	correct("sulphur", "le10")
	for _, c := range conditionOrder {
		if band := s.Conditions[c]; band != "" {
			correct(c, band)
		}
	}
	return Amount{State: Estimated, MG: mg, Steps: append(steps, km.step())}
}

func (s *FactorSet) nonroad(sub Subject, p Pollutant) Amount {
	if sub.PowerK == 0 {
		return Amount{State: NotEstimated, Missing: "power_kw"}
	}
	band := ""
	for _, b := range PowerBands {
		if sub.PowerK >= b.From*1000 && sub.PowerK < b.To*1000 {
			band = b.Name
		}
	}
	group := sub.Group
	if sub.Class == registry.Machinery {
		group = "construction"
	}
	factor, ok := s.find(Key{Item: "factor", Method: "nonroad", Band: band, Stage: sub.Stage, Pollutant: p})
	load, loadKnown := s.find(Key{Item: "load_factor", Method: "nonroad"})
	hours, hoursKnown := s.find(Key{Item: "hours", Method: "nonroad", Group: group})
	if sub.HoursK > 0 {
		hours, hoursKnown = Value{Key: Key{Item: "hours"}, Milli: sub.HoursK, Unit: "h/a", Basis: Recorded}, true
	}
	if band == "" || !ok || !loadKnown || !hoursKnown {
		return Amount{State: FactorMissing}
	}
	mg := times(times(times(sub.PowerK, hours.Milli), load.Milli), factor.Milli)
	return Amount{State: Estimated, MG: mg, Steps: []Step{{Item: "power", Milli: sub.PowerK, Unit: "kW", Basis: Recorded}, hours.step(), load.step(), factor.step()}}
}

func (s *FactorSet) vessel(sub Subject, p Pollutant) Amount {
	if sub.FuelKG == 0 {
		return Amount{State: NotEstimated, Missing: "annual_fuel_t"}
	}
	factor, ok := s.find(Key{Item: "factor", Method: "vessel", Pollutant: p})
	if !ok {
		return Amount{State: FactorMissing}
	}
	return Amount{State: Estimated, MG: times(sub.FuelKG*1000, factor.Milli), Steps: []Step{{Item: "fuel", Milli: sub.FuelKG * 1000, Unit: "kg/a", Basis: Recorded}, factor.step()}}
}

// times multiplies two numbers of thousandths and keeps thousandths, rounded
// half up. The largest products (5,000 kW × 8,760 h) stay below 2^63.
func times(a, b int64) int64 { return (a*b + 500) / 1000 }

// Grams are what one retirement saves, in the three ways of counting.
type Grams struct {
	Yearly   int64 // a year
	ThisYear int64 // in the calendar year of the as-of day, from the day after deregistration
	Lifetime int64 // until its mandatory scrapping date
	Days     int   // of ThisYear, at most 365
	Early    int   // days before the mandatory scrapping date, 0 after it
	Ends     bool  // the mandatory scrapping date is known; without it there is no lifetime
}

// Saved returns what an amount saves once its asset left on a day: a year is
// 365 days, each figure is rounded half up to whole grams, once.
func (a Amount) Saved(left, scrapDue, asOf civil.Day) Grams {
	g := Grams{Yearly: grams(a.MG), Ends: scrapDue.Valid()}
	first, last := civil.Day(string(asOf[:4])+"-01-01"), civil.Day(string(asOf[:4])+"-12-31")
	g.Days = min(365, max(0, max(first, left.AddDays(1)).DaysUntil(last)+1))
	g.ThisYear = grams(a.MG * int64(g.Days) / 365)
	if g.Ends {
		g.Early = max(0, left.DaysUntil(scrapDue))
		g.Lifetime = grams(a.MG * int64(g.Early) / 365)
	}
	return g
}

func grams(mg int64) int64 { return (mg + 500) / 1000 }

// Sum adds retirements up. All of it is in whole grams, so that the rows behind
// a sum add up to it exactly.
type Sum struct {
	Assets        int64
	Yearly        [4]int64
	ThisYear      [4]int64
	Lifetime      [4]int64
	Estimated     [4]int64 // assets
	FactorMissing [4]int64
	NotEstimated  [4]int64
	Endless       int64 // estimated, without a mandatory scrapping date: not in Lifetime
	Unofficial    int64 // estimated with at least one value that is no official figure
}

// Add counts one retirement in.
func (s *Sum) Add(amounts [4]Amount, left, scrapDue, asOf civil.Day) {
	s.Assets++
	estimated, official := false, true
	for i, a := range amounts {
		switch a.State {
		case FactorMissing:
			s.FactorMissing[i]++
		case NotEstimated:
			s.NotEstimated[i]++
		case Estimated:
			g := a.Saved(left, scrapDue, asOf)
			estimated = true
			s.Estimated[i]++
			s.Yearly[i] += g.Yearly
			s.ThisYear[i] += g.ThisYear
			s.Lifetime[i] += g.Lifetime
			for _, step := range a.Steps {
				official = official && (step.Basis == Official || step.Basis == Recorded)
			}
		}
	}
	if estimated && !scrapDue.Valid() {
		s.Endless++
	}
	if estimated && !official {
		s.Unofficial++
	}
}

// Plus returns the sum of two sums.
func (s Sum) Plus(t Sum) Sum {
	for i := range Pollutants {
		s.Yearly[i] += t.Yearly[i]
		s.ThisYear[i] += t.ThisYear[i]
		s.Lifetime[i] += t.Lifetime[i]
		s.Estimated[i] += t.Estimated[i]
		s.FactorMissing[i] += t.FactorMissing[i]
		s.NotEstimated[i] += t.NotEstimated[i]
	}
	s.Assets, s.Endless, s.Unofficial = s.Assets+t.Assets, s.Endless+t.Endless, s.Unofficial+t.Unofficial
	return s
}
