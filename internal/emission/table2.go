package emission

import (
	"fmt"

	"phaseout/internal/civil"
)

// Planned is a figure of table 2 of the plan: the cumulative reduction of all
// key projects of a city, industry included. A phase-out is one contribution to
// it (R20, R21).
type Planned struct {
	Pollutant string // nox or voc, as the table calls them
	CityCode  string // 430000: the total that the table prints
	By2023T   int64  // tonnes until the end of 2023
	By2025T   int64  // tonnes until the end of 2025
}

// printedTotal is the city code of the total that the table prints.
const printedTotal = "430000"

// CheckTable fails unless each printed total is the sum of its cities.
func CheckTable(rows []Planned) error {
	sums, printed := map[string][2]int64{}, map[string][2]int64{}
	for _, r := range rows {
		if r.CityCode == printedTotal {
			printed[r.Pollutant] = [2]int64{r.By2023T, r.By2025T}
			continue
		}
		s := sums[r.Pollutant]
		sums[r.Pollutant] = [2]int64{s[0] + r.By2023T, s[1] + r.By2025T}
	}
	for p, sum := range sums {
		if sum != printed[p] {
			return fmt.Errorf("emission: table 2 prints %v t of %s, its cities add up to %v", printed[p], p, sum)
		}
	}
	return nil
}

// By returns the milestone that an as-of day is held against, with its tonnes.
func (p Planned) By(asOf civil.Day) (due civil.Day, tonnes int64) {
	if asOf <= "2023-12-31" {
		return "2023-12-31", p.By2023T
	}
	return "2025-12-31", p.By2025T
}

// Contribution is a phase-out beside table 2.
type Contribution struct {
	PlannedT int64
	GramsG   int64 // what is shown: never more than the table claims
	ShareBP  int64 // of the table, rounded down
	Exceeds  bool  // reckoned to be more than the table claims, so something is wrong with one of them
}

// Against holds grams against a figure of the table. What would be more than
// all key projects together is cut off there and said to be.
func Against(grams, tonnes int64) Contribution {
	c := Contribution{PlannedT: tonnes, GramsG: grams}
	if whole := tonnes * 1_000_000; grams > whole {
		c.GramsG, c.Exceeds = whole, true
	}
	if tonnes > 0 {
		c.ShareBP = c.GramsG / (tonnes * 100) // 10,000 basis points of tonnes × 10^6 grams
	}
	return c
}
