// Package pace is the pure domain of how fast a stock is retired: what is left
// of a requirement, the rate it needs, the rate there is, when it would be
// reached, and what is overdue after its day.
package pace

import (
	"math/rand/v2"
	"slices"
	"sync"

	"phaseout/internal/civil"
)

// Weeks is how many weeks the rate now and the forecast look back.
const Weeks = 12

// The forecast walks this many paths, each of at most horizon weeks.
const (
	paths   = 1000
	horizon = 520 // ten years: what is later than that is no forecast
)

// Yard is one recycler: what waits there and what it can take apart.
type Yard struct {
	Name     string
	Waiting  int64  // handed in, not yet deregistered
	PerMonth *int64 // assets a month, nil: unknown
}

// Input is what the pace of one city and class rests on.
type Input struct {
	AsOf  civil.Day
	DueOn civil.Day // "" where there is no target
	Hard  bool      // a soft target is encouraged, never overdue
	Left  *int64    // still to be retired to meet the requirement; nil: no number is set
	Weeks [Weeks]int64
	Yards []Yard
}

// State says in one word how it stands.
type State string

// The states.
const (
	NotSet     State = "not_set"    // the target sets no number
	Encouraged State = "encouraged" // soft: no day to miss
	Reached    State = "reached"
	Overdue    State = "overdue" // the day has passed, something is left
	OnTime     State = "on_time" // nine of ten paths are there by the day
	Tight      State = "tight"   // half of them are
	Late       State = "late"
)

// Pace is the answer. Rates are thousandths of an asset a week.
type Pace struct {
	State        State
	Left         *int64
	DaysLeft     int    // to the day, 0 on it and after it
	NeededMilli  *int64 // rate that meets the day, rounded up; nil where nothing is needed or the day has passed
	NowMilli     int64  // mean of the last twelve weeks, rounded down
	Early        civil.Day
	Median       civil.Day
	Late         civil.Day // the band; "" is not within ten years
	LimitMilli   *int64    // what the yards can take apart, nil: unknown
	Limited      bool      // the yards, not the demand, set the forecast
	SlowestYard  string    // the yard that needs longest for what waits there
	SlowestOn    civil.Day
	Overdue      *int64
	OverdueSince civil.Day
	Weeks        [Weeks]int64
}

// Of returns the pace. The forecast draws whole weeks with replacement from the
// last twelve and adds them up until nothing is left: a thousand such paths,
// whose draws are fixed, so that the same input always gives the same answer.
// Early, Median and Late are the 10th, 50th and 90th percentile of the days on
// which they end. A week gives at most what the yards together can take apart;
// where all that waits in yards is needed, nothing ends before the slowest of
// them is through (docs/adr/0220).
func Of(in Input) Pace {
	p := Pace{State: NotSet, Left: in.Left, Weeks: in.Weeks}
	var sum int64
	for _, n := range in.Weeks {
		sum += n
	}
	p.NowMilli = sum * 1000 / Weeks
	p.LimitMilli = capacity(in.Yards)
	waiting := p.slowest(in)
	if in.DueOn != "" && in.DueOn > in.AsOf {
		p.DaysLeft = in.AsOf.DaysUntil(in.DueOn)
	}
	if in.Left == nil {
		if in.DueOn != "" && !in.Hard {
			p.State = Encouraged
		}
		return p
	}
	left := max(0, *in.Left)
	p.Left = &left
	if left == 0 {
		p.State, p.Early, p.Median, p.Late = Reached, in.AsOf, in.AsOf, in.AsOf
		return p
	}
	p.forecast(in, left, waiting)
	switch {
	case !in.Hard:
		p.State = Encouraged
	case in.AsOf > in.DueOn:
		p.State, p.Overdue, p.OverdueSince = Overdue, &left, in.DueOn.AddDays(1)
		return p
	case within(p.Late, in.DueOn):
		p.State = OnTime
	case within(p.Median, in.DueOn):
		p.State = Tight
	default:
		p.State = Late
	}
	if p.DaysLeft > 0 {
		needed := (left*7*1000 + int64(p.DaysLeft) - 1) / int64(p.DaysLeft)
		p.NeededMilli = &needed
	}
	return p
}

func within(day, due civil.Day) bool { return day != "" && day <= due }

// capacity returns what the yards together can take apart in a week, nil if
// there is none or one of them does not say. A year is twelve months and 365 days.
func capacity(yards []Yard) *int64 {
	var month int64
	for _, y := range yards {
		if y.PerMonth == nil {
			return nil
		}
		month += *y.PerMonth
	}
	if len(yards) == 0 {
		return nil
	}
	week := month * 12 * 7 * 1000 / 365
	return &week
}

// slowest notes the yard that needs longest for what waits there and returns
// all that waits.
func (p *Pace) slowest(in Input) int64 {
	var all int64
	for _, y := range in.Yards {
		all += y.Waiting
		if y.Waiting == 0 || y.PerMonth == nil || *y.PerMonth <= 0 {
			continue
		}
		on := in.AsOf.AddDays(int((y.Waiting*365 + *y.PerMonth*12 - 1) / (*y.PerMonth * 12)))
		if on > p.SlowestOn {
			p.SlowestYard, p.SlowestOn = y.Name, on
		}
	}
	return all
}

func (p *Pace) forecast(in Input, left, waiting int64) {
	free := ends(in.Weeks, left, nil)
	got := free
	if p.LimitMilli != nil {
		got = ends(in.Weeks, left, p.LimitMilli)
	}
	p.Limited = got != free
	day := func(weeks int) civil.Day {
		if weeks > horizon {
			return ""
		}
		on := in.AsOf.AddDays(7 * weeks)
		if left >= waiting && on < p.SlowestOn {
			p.Limited = true
			return p.SlowestOn
		}
		return on
	}
	p.Early, p.Median, p.Late = day(got[0]), day(got[1]), day(got[2])
}

// ends returns after how many weeks a tenth, half and nine tenths of the paths
// have nothing left; horizon+1 stands for later.
func ends(weeks [Weeks]int64, left int64, limitMilli *int64) [3]int {
	var gain [Weeks]int64
	for i, n := range weeks {
		gain[i] = n * 1000
		if limitMilli != nil {
			gain[i] = min(gain[i], *limitMilli)
		}
	}
	if slices.Max(gain[:]) == 0 {
		return [3]int{horizon + 1, horizon + 1, horizon + 1}
	}
	last := make([]int, paths)
	for path, draws := range drawn() {
		rest, n := left*1000, 0
		for rest > 0 && n <= horizon {
			if n < horizon {
				rest -= gain[draws[n]]
			}
			n++
		}
		last[path] = n
	}
	slices.Sort(last)
	return [3]int{last[paths/10-1], last[paths/2-1], last[paths*9/10-1]}
}

// drawn returns the fixed draws: for each path the week that each step repeats.
var drawn = sync.OnceValue(func() [][horizon]uint8 {
	all := make([][horizon]uint8, paths)
	for path := range all {
		source := rand.NewPCG(Weeks, uint64(path))
		for i := range all[path] {
			all[path][i] = uint8(source.Uint64() % Weeks)
		}
	}
	return all
})

// Together returns the pace of several cities as one: rates, what is left and
// what is overdue are sums, and all are there when the last one is. A sum with
// a part that has no number has none.
func Together(parts []Pace) Pace {
	if len(parts) == 0 {
		return Pace{State: NotSet}
	}
	sum := parts[0]
	for _, p := range parts[1:] {
		sum.Left, sum.NowMilli = plus(sum.Left, p.Left), sum.NowMilli+p.NowMilli
		sum.LimitMilli, sum.Limited = plus(sum.LimitMilli, p.LimitMilli), sum.Limited || p.Limited
		sum.DaysLeft = min(sum.DaysLeft, p.DaysLeft)
		sum.NeededMilli, sum.Overdue = either(sum.NeededMilli, p.NeededMilli), either(sum.Overdue, p.Overdue)
		sum.Early, sum.Median, sum.Late = later(sum.Early, p.Early), later(sum.Median, p.Median), later(sum.Late, p.Late)
		if p.SlowestOn > sum.SlowestOn {
			sum.SlowestYard, sum.SlowestOn = p.SlowestYard, p.SlowestOn
		}
		if p.OverdueSince != "" && (sum.OverdueSince == "" || p.OverdueSince < sum.OverdueSince) {
			sum.OverdueSince = p.OverdueSince
		}
		if rank[p.State] > rank[sum.State] {
			sum.State = p.State
		}
		for i, n := range p.Weeks {
			sum.Weeks[i] += n
		}
	}
	if sum.Left == nil {
		sum.NeededMilli, sum.Early, sum.Median, sum.Late = nil, "", "", ""
	}
	return sum
}

// rank orders the states by how much they ask for attention.
var rank = map[State]int{Reached: 0, OnTime: 1, Encouraged: 2, Tight: 3, NotSet: 4, Late: 5, Overdue: 6}

func plus(a, b *int64) *int64 {
	if a == nil || b == nil {
		return nil
	}
	n := *a + *b
	return &n
}

func either(a, b *int64) *int64 {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return plus(a, b)
}

// later returns the later of two days, of which "" is later than any.
func later(a, b civil.Day) civil.Day {
	if a == "" || b == "" {
		return ""
	}
	return max(a, b)
}
