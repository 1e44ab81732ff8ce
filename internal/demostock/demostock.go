// Package demostock makes the background of the demonstration: what six cities
// would have had on their lists at the end of 2021, and how a part of it has
// left service since, each city at its own speed. It does no I/O and is the same
// for the same size and day. Nobody real is in it: numbers of people and
// organisations use the area code 439900, which GB/T 2260 does not assign.
package demostock

import (
	"math"
	"math/rand/v2"
	"slices"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
)

// Most is how many assets there are numbers for.
const Most = 48_500

// From is the day on which the cities began to keep their lists, Until the day
// up to which they retire: the last of the plan.
const (
	From  civil.Day = "2022-01-04"
	Until civil.Day = "2025-12-31"
)

// Stock is everything that there is beside the stories.
type Stock struct {
	Yards  []Yard
	Sheets []Sheet
}

// Yard is a recycler that the retirements name.
type Yard struct {
	Name     string
	City     string
	Capacity int64 // a month
}

// Sheet is the list of one class that a city's office would upload.
type Sheet struct {
	City    registry.Region
	Class   registry.Class
	Heading []string
	Assets  []Asset
}

// Asset is a row of a sheet and how the asset leaves, nil if it stays.
type Asset struct {
	Cells   []string
	Leaving *Leaving

	dueOn civil.Day // what decides who leaves first
}

// Fate is how far the office has got with a retirement.
type Fate int

// The fates: most are verified; the others are what lies on the desks.
const (
	Verified Fate = iota
	Waiting       // for the review, with all that proves it
	Lacking       // evidence is missing
	Returned      // to the clerk
)

// Leaving is how an asset leaves service: what is declared and on which day, and
// on which day it is decided, "" if it is not.
type Leaving struct {
	retirement.Declaration
	Fate      Fate
	DeclareOn civil.Day
	DecideOn  civil.Day
}

// city is what is particular about a city.
type city struct {
	code  string
	count [4]float64 // of trucks, machines, farm machines, vessels, of 48,112
	out   [4]float64 // share that has left by the end of 2025
	pace  [4]float64 // of a year's retirements, 2022 to 2025
	slack float64    // of its desks; 1 is usual
	yards int
}

// Changsha is the largest and ahead, Changde's reviewers are behind with their
// work, Yiyang came to a stand in the last year.
var cities = []city{
	{"430100", [4]float64{9400, 3000, 500, 150}, [4]float64{0.69, 0.36, 0.42, 0.30}, [4]float64{15, 22, 29, 34}, 0.7, 5},
	{"430200", [4]float64{5000, 1100, 550, 70}, [4]float64{0.66, 0.33, 0.40, 0.28}, [4]float64{16, 24, 29, 31}, 1, 3},
	{"430300", [4]float64{3900, 1000, 450, 110}, [4]float64{0.615, 0.30, 0.38, 0.27}, [4]float64{17, 25, 28, 30}, 1, 3},
	{"430600", [4]float64{6000, 1300, 950, 520}, [4]float64{0.575, 0.27, 0.36, 0.33}, [4]float64{16, 23, 28, 33}, 1.2, 4},
	{"430700", [4]float64{5700, 1200, 1400, 260}, [4]float64{0.505, 0.23, 0.33, 0.24}, [4]float64{15, 22, 29, 34}, 3, 4},
	{"430900", [4]float64{3700, 700, 900, 252}, [4]float64{0.35, 0.17, 0.25, 0.20}, [4]float64{24, 33, 34, 9}, 2, 3},
}

var classes = []registry.Class{registry.Truck, registry.Machinery, registry.FarmMachinery, registry.Vessel}

// maker is what a stock is made with.
type maker struct {
	*rand.Rand
	reference *registry.Reference
	names     map[string]string // option codes of a class and field in the office's words
	serial    int               // of assets
	people    int               // owners who have a number
}

// Make returns a stock of n assets, as it is on a day.
func Make(reference *registry.Reference, n int, today civil.Day) Stock {
	m := &maker{Rand: rand.New(rand.NewPCG(2025, 50_000)), reference: reference, names: map[string]string{}}
	for _, class := range classes {
		for _, field := range reference.SpecWithOptions(class).Fields {
			for _, option := range field.Options {
				m.names[string(class)+field.Key+option.Code] = option.Name.ZH
			}
		}
	}
	var stock Stock
	for i, counts := range share(min(n, Most)) {
		region, _ := reference.Region(cities[i].code)
		owners := m.owners(region, counts)
		var sheets []Sheet
		for k, class := range classes {
			sheet := Sheet{City: region, Class: class, Heading: headings[class]}
			for range counts[k] {
				sheet.Assets = append(sheet.Assets, m.asset(class, region, owners))
			}
			sheets = append(sheets, sheet)
		}
		yards := yardsOf(region, cities[i], n)
		m.leave(cities[i], sheets, yards, today)
		stock.Yards, stock.Sheets = append(stock.Yards, yards...), append(stock.Sheets, sheets...)
	}
	return stock
}

// share deals n assets out to cities and classes; what the rounding leaves over
// are trucks of the second city.
func share(n int) [][4]int {
	total := 0.0
	for _, c := range cities {
		for _, v := range c.count {
			total += v
		}
	}
	shares, left := make([][4]int, len(cities)), n
	for i, c := range cities {
		for k, v := range c.count {
			shares[i][k] = int(v * float64(n) / total)
			left -= shares[i][k]
		}
	}
	shares[1][0] += left
	return shares
}

// pick returns one of the options, each as likely as the number after it.
func (m *maker) pick(options []string, weights []int) string {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	at := m.IntN(sum)
	for i, w := range weights {
		if at -= w; at < 0 {
			return options[i]
		}
	}
	return options[len(options)-1]
}

func (m *maker) of(options ...string) string { return options[m.IntN(len(options))] }

// seldom is true in so many of a thousand cases.
func (m *maker) seldom(perMille int) bool { return m.IntN(1000) < perMille }

func (m *maker) between(from, to civil.Day) civil.Day {
	return from.AddDays(m.IntN(from.DaysUntil(to) + 1))
}

// days returns n days in their order on which offices work, as many of each year
// as its weight says, few around the Spring Festival, more towards the year's end.
func (m *maker) days(n int, pace [4]float64) []civil.Day {
	var days []civil.Day
	var weights []float64
	sum := 0.0
	for day := From; day <= Until; day = day.AddDays(1) {
		if day.Weekend() {
			continue
		}
		weight := pace[day.Year()-2022]
		switch day.Month()[5:] {
		case "01":
			weight *= 0.8
		case "02":
			weight *= 0.55
		case "11", "12":
			weight *= 1.2
		}
		sum += weight
		days, weights = append(days, day), append(weights, sum)
	}
	drawn := make([]civil.Day, n)
	for i := range drawn {
		// Evenly spread with some scatter, so that no week stands out of itself.
		at := (float64(i) + 1.6*m.Float64() - 0.3) / float64(n) * sum
		k, _ := slices.BinarySearch(weights, math.Max(0, math.Min(at, sum)))
		drawn[i] = days[min(k, len(days)-1)]
	}
	slices.Sort(drawn)
	return drawn
}
