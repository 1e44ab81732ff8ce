package demostock

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
)

// subsidised is the day from which the sample programs pay for trucks that leave
// a year or more before their mandatory scrapping date. From then on none of the
// stock leaves as early as that: whoever is paid is in the stories.
const subsidised civil.Day = "2024-07-31"

// mostADay is how many assets a yard takes in on one day: fewer than stand out.
const mostADay = 5

// yardsOf are the recyclers of a city. Together they could take half as many
// again as they do.
func yardsOf(region registry.Region, c city, n int) []Yard {
	short := strings.TrimSuffix(region.Name, "市")
	trades := []string{"报废机动车回收拆解有限公司", "再生资源循环利用有限公司", "报废车船拆解有限公司", "金属回收有限公司", "机械拆解有限公司"}
	yards := make([]Yard, c.yards)
	left := 0.0
	for k, count := range c.count {
		left += count * c.out[k]
	}
	capacity := int64(left*float64(n)/Most/48/float64(c.yards)*1.6/10)*10 + 20
	for i := range yards {
		yards[i] = Yard{Name: short + "模拟" + string(stems[i]) + trades[i], City: region.Code, Capacity: capacity + int64(10*i)}
	}
	return yards
}

// leave says of a city's assets which ones leave, when and how.
func (m *maker) leave(c city, sheets []Sheet, yards []Yard, today civil.Day) {
	var all []*Leaving
	var desks []*Leaving
	flow := 0.0
	for k := range sheets {
		s := &sheets[k]
		order := m.order(s.Assets)
		n := int(float64(len(order)) * c.out[k])
		for i, day := range m.days(n, c.pace) {
			if l := m.leaving(s.Class, order[i], day); l != nil && l.DeregisteredOn <= today {
				l.Fate = m.fate(c, s.Class, l.DeregisteredOn, today)
				order[i].Leaving = l
				all = append(all, l)
			}
		}
		weekly := float64(n) / 208
		flow += weekly
		desks = append(desks, m.desks(c, s.Class, order[n:], max(weekly, 0.5), today)...)
	}
	m.certify(append(all, desks...), yards, today)
	for _, l := range all {
		m.work(l, today)
	}
}

// fate is how far the office has got with what left the register on a day: the
// last days' wait for the review, and here and there something is amiss.
func (m *maker) fate(c city, class registry.Class, on, today civil.Day) Fate {
	switch ago := on.DaysUntil(today); {
	case ago < 16 && class != registry.Vessel && m.seldom(int(60*c.slack)):
		return Lacking
	case ago >= 9 && ago < 16 && m.seldom(int(40*c.slack)):
		return Returned
	case ago < 9:
		return Waiting
	default:
		return Verified
	}
}

// order returns assets in the order in which they leave: by their age, with some
// who hold on and some who go early.
func (m *maker) order(assets []Asset) []*Asset {
	type ranked struct {
		asset *Asset
		day   civil.Day
	}
	list := make([]ranked, len(assets))
	for i := range assets {
		day := assets[i].dueOn.AddDays(m.IntN(210) - 150)
		if m.seldom(30) {
			day = day.AddDays(m.IntN(900))
		}
		list[i] = ranked{&assets[i], day}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(a.day, b.day) })
	order := make([]*Asset, len(list))
	for i := range list {
		order[i] = list[i].asset
	}
	return order
}

// waysOut are how the assets of a class leave, of a hundred.
var waysOut = map[registry.Class][2]any{
	registry.Truck:         {[]string{"scrapped", "moved_out", "declared_void", "other"}, []int{935, 45, 12, 8}},
	registry.Machinery:     {[]string{"scrapped", "moved_out", "re_engined", "other"}, []int{800, 120, 50, 30}},
	registry.FarmMachinery: {[]string{"scrapped", "destroyed_on_site", "moved_out", "other"}, []int{860, 60, 50, 30}},
	registry.Vessel:        {[]string{"scrapped", "moved_out", "other"}, []int{840, 120, 40}},
}

// leaving is how an asset leaves the register on a day; nil if it does not,
// because a program would pay for it.
func (m *maker) leaving(class registry.Class, a *Asset, on civil.Day) *Leaving {
	if class == registry.Truck && on >= subsidised && on.AddDays(364) < a.dueOn {
		if on = a.dueOn.AddDays(-364); on > Until {
			return nil
		}
	}
	ways := waysOut[class]
	d := retirement.Declaration{WayOut: m.pick(ways[0].([]string), ways[1].([]int)), Driver: m.driver(class, on), DeregisteredOn: on}
	switch d.WayOut {
	case "scrapped":
		d.HandedInOn = on.AddDays(-12 - m.IntN(10))
		d.DismantledOn = on.AddDays(-3 - m.IntN(6))
	case "destroyed_on_site":
		d.DismantledOn = on.AddDays(-2)
	case "re_engined":
		d.EngineStage, d.EngineNo = "china4", fmt.Sprintf("4D%08d", m.next())
	case "declared_void":
		d.Driver = "enforcement"
	}
	return &Leaving{Declaration: d, Fate: Verified}
}

// driver is why an asset leaves: before the sample programs the cities' own
// subsidies, later mostly age and the bans in the cities.
func (m *maker) driver(class registry.Class, on civil.Day) string {
	drivers := []string{"subsidy", "traffic_ban", "enforcement", "natural"}
	switch {
	case class != registry.Truck:
		return m.pick(drivers, []int{40, 5, 15, 40})
	case on < subsidised:
		return m.pick(drivers, []int{44, 22, 9, 25})
	}
	return m.pick(drivers, []int{8, 27, 13, 52})
}

// desks takes the assets that are next out of use and leaves them at a step of
// the way, as they lie on the desks today: most in time, some not.
func (m *maker) desks(c city, class registry.Class, next []*Asset, weekly float64, today civil.Day) []*Leaving {
	var all []*Leaving
	take := func(weeks float64, make func() *Leaving) {
		n := int(weeks*weekly + m.Float64())
		for range min(n, len(next)) {
			l := make()
			l.Driver = m.driver(class, today)
			next[0].Leaving, next = l, next[1:]
			all = append(all, l)
		}
	}
	scrapped := func(handedIn, dismantled, deregistered int, fate Fate) *Leaving {
		day := func(ago int) civil.Day {
			if ago < 0 {
				return ""
			}
			return today.AddDays(-ago)
		}
		last := deregistered
		if last < 0 {
			last = dismantled
		}
		if last < 0 {
			last = handedIn
		}
		return &Leaving{Declaration: retirement.Declaration{WayOut: "scrapped", HandedInOn: day(handedIn), DismantledOn: day(dismantled), DeregisteredOn: day(deregistered)},
			Fate: fate, DeclareOn: today.AddDays(-max(0, last-2))}
	}
	late := func() int { // days by which some are late
		if m.seldom(int(25 * c.slack)) {
			return 20 + m.IntN(60)
		}
		return 0
	}
	take(0.4, func() *Leaving {
		return &Leaving{Declaration: retirement.Declaration{WayOut: "scrapped"}, Fate: Lacking, DeclareOn: today.AddDays(-m.IntN(24) - late())}
	})
	take(2.2, func() *Leaving { return scrapped(3+m.IntN(25)+3*late()/2, -1, -1, Lacking) })
	take(0.7, func() *Leaving { ago := 2 + m.IntN(11) + late(); return scrapped(ago+9, ago, -1, Lacking) })
	if today > Until.AddDays(15) && class != registry.Vessel { // else the year's own last days lie there
		take(0.9*c.slack, func() *Leaving { ago := 1 + m.IntN(8); return scrapped(ago+16, ago+6, ago, Waiting) })
		take(0.25*c.slack, func() *Leaving { ago := 2 + m.IntN(14) + late(); return scrapped(ago+16, ago+6, ago, Lacking) })
		take(0.1*c.slack, func() *Leaving { ago := 9 + m.IntN(6); return scrapped(ago+16, ago+6, ago, Returned) })
	}
	for _, l := range all {
		if l.Fate == Returned {
			l.DecideOn = today.AddDays(-1 - m.IntN(6))
		}
	}
	return all
}

// certify gives the assets that went through a yard their yard and the next
// number of its certificates, in the order of their hand-overs. A yard that has
// taken enough on a day sends the next one to another yard, or to the next day.
func (m *maker) certify(all []*Leaving, yards []Yard, today civil.Day) {
	var through []*Leaving
	for _, l := range all {
		if l.HandedInOn != "" {
			through = append(through, l)
		}
	}
	slices.SortStableFunc(through, func(a, b *Leaving) int { return cmp.Compare(a.HandedInOn, b.HandedInOn) })
	type tally struct {
		issued, onDay int
		day           civil.Day
	}
	tallies := make([]tally, len(yards))
	for _, l := range through {
		l.HandedInOn = openOn(l.HandedInOn, today)
		at := m.IntN(len(yards))
		for try := range yards {
			t := &tallies[(at+try)%len(yards)]
			if t.day < l.HandedInOn {
				t.day, t.onDay = l.HandedInOn, 0
			}
			if t.onDay < mostADay || try == len(yards)-1 {
				t.onDay++
				t.issued++
				y := yards[(at+try)%len(yards)]
				l.Recycler, l.CertificateNo = y.Name, fmt.Sprintf("HS-%s-%d%05d", y.City, (at+try)%len(yards)+2, t.issued)
				break
			}
		}
	}
}

// openOn is the day on which a yard takes in what comes on a weekend.
func openOn(day, today civil.Day) civil.Day {
	switch sunday := day.AddDays(1).Weekend(); {
	case !day.Weekend():
		return day
	case sunday, day == today:
		return day.AddDays(-1)
	default:
		return day.AddDays(1)
	}
}

// work says when the office logs a retirement and when it decides: every ten
// days, as the yards' lists come in.
func (m *maker) work(l *Leaving, today civil.Day) {
	l.DeclareOn = min(tenth(l.DeregisteredOn), today)
	if l.Fate == Verified || l.Fate == Returned {
		l.DecideOn = min(l.DeclareOn.AddDays(4), today)
	}
}

// tenth returns the first 1st, 11th or 21st of a month after a day.
func tenth(day civil.Day) civil.Day {
	for day = day.AddDays(1); ; day = day.AddDays(1) {
		switch string(day[8:]) {
		case "01", "11", "21":
			return day
		}
	}
}
