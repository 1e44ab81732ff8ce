package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// Line is one line of a grouped sheet. What it is not grouped by is empty.
type Line struct {
	store.Group
	Period string         // of a sheet by month or year: "2025-03" or "2025"
	Since  civil.Day      // the figures are counted after this day …
	Until  civil.Day      // … up to this one
	Target *target.Target // what is required there, nil if nothing is in force
	target.Figures
}

// Sheet is the progress of a scope as of a day, as known at an instant.
type Sheet struct {
	AsOf    civil.Day
	At      time.Time // everything recorded up to here is in it and nothing else
	GroupBy string
	Lines   []Line
	Total   Line
	Targets []target.Target
}

// Groupings lists what sheets can be grouped by, in any combination.
var Groupings = []string{"province", "city", "district", "class", "category", "stage", "way_out", "driver", "due_year", "operating", "month", "year"}

// ProgressFilter says which sheet is wanted. GroupBy is any of Groupings
// joined by commas, "city,class" if it is empty. Known is the instant as of
// whose knowledge figures are made, zero for now. Since replaces the targets'
// baseline days, Definition their definitions.
type ProgressFilter struct {
	store.CountFilter
	AsOf       civil.Day
	Known      time.Time
	Since      civil.Day
	Definition *target.Definition
	GroupBy    string
}

func (f ProgressFilter) moment(day civil.Day) store.Moment {
	return store.Moment{AsOf: day, Known: f.Known}
}

// by returns the dimensions and the length of a period's name, 0 for none.
func (f ProgressFilter) by() (dims []store.Dim, period int) {
	for _, g := range strings.Split(f.GroupBy, ",") {
		switch g {
		case "month":
			period = 7
		case "year":
			period = max(period, 4)
		case "", "province":
		default:
			if !slices.Contains(dims, store.Dim(g)) {
				dims = append(dims, store.Dim(g))
			}
		}
	}
	return dims, period
}

// figures reads what a sheet needs at one moment of the database.
type figures struct {
	*App
	r       *store.Reader
	f       ProgressFilter
	targets []target.Target
	kept    map[string]map[store.Group]target.Counts
}

// read runs fn on figures of one moment. At is the instant that makes the same
// figures again.
func (a *App) read(ctx context.Context, scope access.Scope, f ProgressFilter, fn func(*figures) error) (at time.Time, err error) {
	err = a.DB.Figures(ctx, scope, func(r *store.Reader) error {
		at = r.At
		if !f.Known.IsZero() {
			at = f.Known
		}
		s := &figures{App: a, r: r, f: f, kept: map[string]map[store.Group]target.Counts{}}
		all, err := r.Targets(store.TargetFilter{Class: f.Class, City: f.City})
		if err != nil {
			return err
		}
		var us int64
		if !f.Known.IsZero() {
			us = f.Known.UnixMicro()
		}
		s.targets = target.InForce(all, f.AsOf, us)
		s.targets = slices.DeleteFunc(s.targets, func(t target.Target) bool { return t.Measure == "tonnes" }) // of the whole economy
		return fn(s)
	})
	return at, err
}

// bounds returns the baseline day and the definition of a city and class.
func (s *figures) bounds(city string, class registry.Class) store.Bounds {
	b := store.Bounds{BaselineOn: s.f.Since}
	if t := TargetFor(s.targets, city, class); t != nil {
		b.Definition = t.Definition
		if s.f.Since == "" {
			b.BaselineOn = t.BaselineOn
		}
	}
	if s.f.Definition != nil {
		b.Definition = *s.f.Definition
	}
	return b
}

// allBounds returns the bounds of every city and class.
func (s *figures) allBounds() map[store.Area]store.Bounds {
	all := map[store.Area]store.Bounds{}
	for _, city := range s.Reference.Cities() {
		for _, spec := range registry.Classes() {
			all[store.Area{CityCode: city.Code, Class: spec.Class}] = s.bounds(city.Code, spec.Class)
		}
	}
	return all
}

// counts returns the counts of all groups as of a day by a definition, once.
func (s *figures) counts(dims []store.Dim, d target.Definition, day civil.Day) (map[store.Group]target.Counts, error) {
	key := d.Ref() + " " + string(day)
	if c, ok := s.kept[key]; ok {
		return c, nil
	}
	counts, err := s.r.Counts(store.FigureQuery{CountFilter: s.f.CountFilter, By: dims, Metrics: d.Metrics()}, s.f.moment(day))
	for g, c := range counts {
		counts[g] = d.Apply(c)
	}
	s.kept[key] = counts
	return counts, err
}

// Progress returns how far a scope has got by the end of a day. Every city of
// the scope and every class has its line in a sheet that is grouped by them,
// also where nothing is registered. Each figure is the sum over cities and
// classes, each against its own target, baseline day and definition.
func (a *App) Progress(ctx context.Context, scope access.Scope, f ProgressFilter) (Sheet, error) {
	if f.GroupBy == "" {
		f.GroupBy = "city,class"
	}
	sheet := Sheet{AsOf: f.AsOf, GroupBy: f.GroupBy}
	var err error
	sheet.At, err = a.read(ctx, scope, f, func(s *figures) error {
		sheet.Targets = s.targets
		lines, err := s.lines(scope)
		if err != nil {
			return err
		}
		dims, period := f.by()
		sheet.Lines = s.fold(lines, dims, period > 0)
		if period > 0 { // periods follow each other: their sum is no figure of one day
			s.f.GroupBy = "province"
			if lines, err = s.lines(scope); err != nil {
				return err
			}
		}
		sheet.Total = Line{Figures: sum(lines), Until: f.AsOf}
		return nil
	})
	return sheet, err
}

// lines returns the lines of a sheet by city and class at least.
func (s *figures) lines(scope access.Scope) ([]Line, error) {
	dims, period := s.f.by()
	for _, d := range []store.Dim{store.ByCity, store.ByClass} {
		if !slices.Contains(dims, d) {
			dims = append(dims, d)
		}
	}
	var lines []Line
	areas := s.areas(scope, s.f)
	for _, span := range s.periods(areas, period) {
		groups, err := s.groups(areas, dims, span)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			b := s.bounds(g.CityCode, g.Class)
			since := min(b.BaselineOn, span.until)
			if span.name != "" {
				since = span.since
			}
			base, err := s.counts(dims, b.Definition, since)
			if err != nil {
				return nil, err
			}
			now, err := s.counts(dims, b.Definition, span.until)
			if err != nil {
				return nil, err
			}
			line := Line{Group: g, Period: span.name, Since: since, Until: span.until, Target: TargetFor(s.targets, g.CityCode, g.Class), Figures: target.Assess(base[g], now[g])}
			// A requirement is set for a city as a whole, so a part of it has none of its own.
			if line.Target != nil && len(dims) == 2 && span.name == "" && s.f.whole() {
				line.Required = line.Target.RequiredOf(line.Baseline)
			}
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// whole reports whether a filter leaves each city whole.
func (f ProgressFilter) whole() bool {
	return f.District+f.Category+f.Stage+f.WayOut+f.Driver+f.DueYear+f.Operating == ""
}

// groups returns the groups that a sheet has lines for: every city and class,
// every district, and of other dimensions what there is.
func (s *figures) groups(areas []store.Area, dims []store.Dim, span span) ([]store.Group, error) {
	seen := map[store.Group]bool{}
	var groups []store.Group
	add := func(g store.Group) {
		if !seen[g] {
			seen[g] = true
			groups = append(groups, g)
		}
	}
	finer := len(dims) > 2 && (len(dims) != 3 || !slices.Contains(dims, store.ByDistrict))
	known := map[store.Area]bool{}
	for _, area := range areas {
		known[store.Area{CityCode: area.CityCode, Class: area.Class}] = true
		if !finer {
			add(store.Group{CityCode: area.CityCode, DistrictCode: area.DistrictCode, Class: area.Class})
		}
	}
	definitions := map[string]target.Definition{}
	for _, area := range areas {
		d := s.bounds(area.CityCode, area.Class).Definition
		definitions[d.Ref()] = d
	}
	var found []store.Group
	for _, d := range definitions {
		counts, err := s.counts(dims, d, span.until)
		if err != nil {
			return nil, err
		}
		for g, c := range counts {
			if known[store.Area{CityCode: g.CityCode, Class: g.Class}] && slices.ContainsFunc(target.Metrics, func(m target.Metric) bool { return c[m] != 0 }) {
				found = append(found, g)
			}
		}
	}
	slices.SortFunc(found, compareGroups)
	for _, g := range found {
		add(g)
	}
	return groups, nil
}

func compareGroups(x, y store.Group) int {
	for _, pair := range [][2]string{{x.CityCode, y.CityCode}, {x.DistrictCode, y.DistrictCode}, {string(x.Class), string(y.Class)}, {x.Category, y.Category},
		{x.Stage, y.Stage}, {x.WayOut, y.WayOut}, {x.Driver, y.Driver}} {
		if c := strings.Compare(pair[0], pair[1]); c != 0 {
			return c
		}
	}
	if x.Operating != y.Operating {
		if x.Operating {
			return 1
		}
		return -1
	}
	return x.DueYear - y.DueYear
}

// span is what a line covers: (since, until].
type span struct {
	name         string
	since, until civil.Day
}

// maxPeriods is how many months or years a sheet has at most.
const maxPeriods = 240

// periods returns the months or years from the first baseline day to the as-of
// day, the newest maxPeriods of them; without a period the one span up to it.
func (s *figures) periods(areas []store.Area, length int) []span {
	if length == 0 {
		return []span{{until: s.f.AsOf}}
	}
	start := s.f.Since
	if start == "" {
		for _, area := range areas {
			if b := s.bounds(area.CityCode, area.Class).BaselineOn; b != "" && (start == "" || b < start) {
				start = b
			}
		}
	}
	if start == "" {
		start = (s.f.AsOf[:4] + "-01-01").AddDays(-1)
	}
	var spans []span
	for until := s.f.AsOf; until > start && len(spans) < maxPeriods; {
		name := string(until[:length])
		first := civil.Day(name + strings.Repeat("-01", (10-length)/3))
		since := max(first.AddDays(-1), start)
		spans = append(spans, span{name, since, until})
		until = first.AddDays(-1)
	}
	slices.Reverse(spans)
	return spans
}

// fold sums the lines by the dimensions that were asked for.
func (s *figures) fold(lines []Line, dims []store.Dim, periods bool) []Line {
	if slices.Contains(dims, store.ByCity) && slices.Contains(dims, store.ByClass) {
		return lines
	}
	type key struct {
		store.Group
		period string
	}
	groups := map[key][]Line{}
	var order []key
	for _, l := range lines {
		k := key{l.Group, l.Period}
		if !slices.Contains(dims, store.ByCity) && !slices.Contains(dims, store.ByDistrict) {
			k.CityCode = ""
		}
		if !slices.Contains(dims, store.ByClass) {
			k.Class = ""
			if !slices.Contains(dims, store.ByDistrict) {
				k.DistrictCode = ""
			}
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], l)
	}
	slices.SortStableFunc(order, func(x, y key) int {
		if c := strings.Compare(x.period, y.period); c != 0 {
			return c
		}
		return compareGroups(x.Group, y.Group)
	})
	folded := make([]Line, 0, len(order))
	for _, k := range order {
		members := groups[k]
		line := Line{Group: k.Group, Period: k.period, Until: members[0].Until, Figures: sum(members)}
		if periods {
			line.Since = members[0].Since
		}
		folded = append(folded, line)
	}
	return folded
}

// areas returns the lines of a sheet in their order: by city code, then class.
func (a *App) areas(scope access.Scope, f ProgressFilter) []store.Area {
	var areas []store.Area
	dims, _ := f.by()
	byDistrict := slices.Contains(dims, store.ByDistrict)
	for _, city := range a.Reference.Cities() {
		if (f.City != "" && city.Code != f.City) || (scope.City() != "" && scope.City() != city.Code) {
			continue
		}
		districts := []string{""}
		if byDistrict {
			for _, d := range a.Reference.Districts(city.Code) {
				if scope.District() == "" || scope.District() == d.Code {
					districts = append(districts, d.Code)
				}
			}
			if f.District != "" {
				districts = []string{strings.TrimPrefix(f.District, store.NoDistrict)}
			}
		}
		for _, district := range districts {
			for _, spec := range registry.Classes() {
				if f.Class == "" || f.Class == spec.Class {
					areas = append(areas, store.Area{CityCode: city.Code, DistrictCode: district, Class: spec.Class})
				}
			}
		}
	}
	return areas
}

// TargetFor returns the target that holds for a city and class: the city's own
// before that of the province, of two the one that was set for later days.
// Tonnes of the whole economy are no target of a class.
func TargetFor(targets []target.Target, city string, class registry.Class) *target.Target {
	var found *target.Target
	for i, t := range targets {
		if t.Class != class || t.Measure == "tonnes" || (t.CityCode != city && t.CityCode != access.ProvinceCode) {
			continue
		}
		own := t.CityCode == city
		switch {
		case found == nil, own && found.CityCode != city:
			found = &targets[i]
		case own == (found.CityCode == city) && (t.ValidFrom > found.ValidFrom || (t.ValidFrom == found.ValidFrom && t.SetUs > found.SetUs)):
			found = &targets[i]
		}
	}
	return found
}

func sum(lines []Line) target.Figures {
	if len(lines) == 0 {
		return target.Figures{}
	}
	total := lines[0].Figures
	for _, l := range lines[1:] {
		total = total.Plus(l.Figures)
	}
	return total
}

// Bounds returns the baseline day and definition of each city and class, so
// that a list behind a figure has the figure's bounds.
func (a *App) Bounds(ctx context.Context, scope access.Scope, f ProgressFilter) (map[store.Area]store.Bounds, error) {
	var all map[store.Area]store.Bounds
	_, err := a.read(ctx, scope, f, func(s *figures) error {
		all = s.allBounds()
		return nil
	})
	return all, err
}

// Behind is the rows behind a figure.
type Behind struct {
	Rows  []store.Standing
	Total int64 // -1 if it was not asked for
	At    time.Time
}

// Behind returns one page of the rows behind a figure of a sheet.
func (a *App) Behind(ctx context.Context, scope access.Scope, f ProgressFilter, metric target.Metric, p store.Page, total bool) (Behind, error) {
	b := Behind{Total: -1}
	var err error
	b.At, err = a.read(ctx, scope, f, func(s *figures) error {
		rows := store.RowFilter{CountFilter: f.CountFilter, Metric: metric, Bounds: s.allBounds(), Moment: f.moment(f.AsOf)}
		var err error
		if total {
			if b.Total, err = s.r.CountRows(rows); err != nil {
				return err
			}
		}
		b.Rows, err = s.r.Rows(rows, p)
		return err
	})
	return b, err
}

// Gap says of one line why what is registered does not count as retired.
type Gap struct {
	store.Group
	Records  int64
	Verified int64
	Reasons  target.Counts // of target.Reasons; with Verified they add up to Records
}

// InCohort returns the gap itself: what belongs to the cohort since the baseline
// day and does not count.
func (g Gap) InCohort() int64 {
	n := int64(0)
	for _, reason := range target.Reasons {
		if reason.InCohort() {
			n += g.Reasons[reason]
		}
	}
	return n
}

// GapSheet explains the gap of a scope.
type GapSheet struct {
	At    time.Time
	Lines []Gap
	Total Gap
}

// Explain returns why assets do not count as retired as of a day, by the
// definition asked for or each target's own: each has one reason, and the reasons
// add up.
func (a *App) Explain(ctx context.Context, scope access.Scope, f ProgressFilter) (GapSheet, error) {
	if f.GroupBy == "" {
		f.GroupBy = "city,class"
	}
	sheet := GapSheet{Total: Gap{Reasons: target.Counts{}}}
	dims, period := f.by()
	if period > 0 {
		return sheet, fault.Field("query.group_by", "unknown_value", bilingual.T("差额不能按期间分组", "a gap has no periods"), bilingual.T("请去掉 month 和 year", "leave month and year out"))
	}
	var err error
	sheet.At, err = a.read(ctx, scope, f, func(s *figures) error {
		all := dims
		for _, d := range []store.Dim{store.ByCity, store.ByClass} {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
		lines := map[store.Group]*Gap{}
		var order []store.Group
		byBounds := map[string][]store.Area{}
		bounds := map[string]store.Bounds{}
		f.GroupBy = "city,class"
		for _, area := range s.areas(scope, f) {
			b := s.bounds(area.CityCode, area.Class)
			key := b.Definition.Ref() + " " + string(b.BaselineOn)
			byBounds[key], bounds[key] = append(byBounds[key], area), b
		}
		for key, areas := range byBounds {
			of, err := s.gaps(all, bounds[key])
			if err != nil {
				return err
			}
			for g, gap := range of {
				if !slices.Contains(areas, store.Area{CityCode: g.CityCode, Class: g.Class}) {
					continue
				}
				k := g
				if !slices.Contains(dims, store.ByCity) && !slices.Contains(dims, store.ByDistrict) {
					k.CityCode = ""
				}
				if !slices.Contains(dims, store.ByClass) {
					k.Class = ""
				}
				if lines[k] == nil {
					lines[k] = &Gap{Group: k, Reasons: target.Counts{}}
					order = append(order, k)
				}
				for _, to := range []*Gap{lines[k], &sheet.Total} {
					to.Records, to.Verified = to.Records+gap.Records, to.Verified+gap.Verified
					for reason, n := range gap.Reasons {
						to.Reasons[reason] += n
					}
				}
			}
		}
		slices.SortFunc(order, compareGroups)
		for _, k := range order {
			sheet.Lines = append(sheet.Lines, *lines[k])
		}
		return nil
	})
	return sheet, err
}

// gaps explains every group by one set of bounds.
func (s *figures) gaps(dims []store.Dim, b store.Bounds) (map[store.Group]Gap, error) {
	query := store.FigureQuery{CountFilter: s.f.CountFilter, By: dims, Metrics: b.Definition.ReasonMetrics()}
	base, err := s.r.Counts(query, s.f.moment(min(b.BaselineOn, s.f.AsOf)))
	if err != nil {
		return nil, err
	}
	now, err := s.r.Counts(query, s.f.moment(s.f.AsOf))
	if err != nil {
		return nil, err
	}
	gaps := map[store.Group]Gap{}
	for g, c := range now {
		all := b.Definition.Explain(base[g], c)
		gap := Gap{Group: g, Records: c[target.Records], Verified: all[target.Verified] - b.Definition.Apply(base[g])[target.Verified], Reasons: target.Counts{}}
		for _, reason := range target.Reasons {
			gap.Reasons[reason] = all[reason]
		}
		gaps[g] = gap
	}
	return gaps, nil
}

// Step is a milestone or the due day of a target, and where a city stood.
type Step struct {
	Target   target.Target
	CityCode string
	On       civil.Day
	Note     string
	Final    bool
	Required *int64
	Verified int64 // by that day, or by the as-of day if that is earlier
	Reached  bool
	Passed   bool // the day has passed as of the as-of day
}

// Milestones returns how every city of the scope stands towards each step of
// its targets.
func (a *App) Milestones(ctx context.Context, scope access.Scope, f ProgressFilter) ([]Step, time.Time, error) {
	var steps []Step
	at, err := a.read(ctx, scope, f, func(s *figures) error {
		dims := []store.Dim{store.ByCity, store.ByClass}
		f.GroupBy = "city,class"
		for _, area := range s.areas(scope, f) {
			t := TargetFor(s.targets, area.CityCode, area.Class)
			if t == nil {
				continue
			}
			b := s.bounds(area.CityCode, area.Class)
			g := store.Group{CityCode: area.CityCode, Class: area.Class}
			base, err := s.counts(dims, b.Definition, min(b.BaselineOn, f.AsOf))
			if err != nil {
				return err
			}
			ask := append(slices.Clone(t.Milestones), target.Milestone{On: t.DueOn, Value: t.Value})
			for i, m := range ask {
				now, err := s.counts(dims, b.Definition, min(m.On, f.AsOf))
				if err != nil {
					return err
				}
				figures := target.Assess(base[g], now[g])
				step := Step{Target: *t, CityCode: area.CityCode, On: m.On, Note: m.Note, Final: i == len(ask)-1, Verified: figures.Verified, Passed: m.On < f.AsOf}
				if step.Final {
					step.Required = t.RequiredOf(figures.Baseline)
				} else {
					step.Required = t.RequiredAt(m, figures.Baseline)
				}
				step.Reached = step.Required != nil && step.Verified >= *step.Required
				steps = append(steps, step)
			}
		}
		return nil
	})
	return steps, at, err
}
