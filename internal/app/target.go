package app

import (
	"context"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// CreateTarget adds a target of the province.
func (a *App) CreateTarget(ctx context.Context, by access.Actor, t target.Target) (target.Target, error) {
	return write(ctx, a, by, func(tx *store.Tx) (target.Target, error) {
		if err := a.checkTarget(ctx, &t); err != nil {
			return t, err
		}
		t.ID = newID()
		return t, tx.CreateTarget(&t)
	})
}

// ChangeTarget replaces a target that is based on the version.
func (a *App) ChangeTarget(ctx context.Context, by access.Actor, id string, version int64, reason string, change func(*target.Target)) (target.Target, error) {
	return write(ctx, a, by, func(tx *store.Tx) (target.Target, error) {
		before, err := tx.Target(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		after := before
		change(&after)
		if err := a.checkTarget(ctx, &after); err != nil {
			return before, err
		}
		return after, tx.UpdateTarget(before, &after, reason)
	})
}

// checkTarget checks a target and puts its named definitions in place.
func (a *App) checkTarget(ctx context.Context, t *target.Target) error {
	details := t.Check()
	add := func(field string, value any) {
		details = append(details, fault.Detail{Location: "body." + field, Code: "unknown_value",
			Message: bilingual.F("“%v”不存在", "there is no %q", value), Mend: bilingual.T("请从列表中选择", "choose one from the list")})
	}
	if _, ok := registry.SpecOf(t.Class); !ok {
		add("class", t.Class)
	}
	if r, ok := a.Reference.Region(t.CityCode); !ok || r.Level == "district" {
		add("city_code", t.CityCode)
	}
	definitions, err := a.DB.Definitions(ctx)
	if err != nil {
		return err
	}
	find := func(want target.Definition) (target.Definition, bool) {
		i := slices.IndexFunc(definitions, func(d target.Definition) bool { return d.Code == want.Code && d.Revision == want.Revision })
		if i < 0 {
			return want, false
		}
		return definitions[i], true
	}
	var ok bool
	if t.Definition, ok = find(t.Definition); !ok {
		add("definition_code", t.Definition.Code)
	}
	if t.Threshold != nil {
		threshold, ok := find(*t.Threshold)
		if !ok {
			add("threshold_code", threshold.Code)
		}
		t.Threshold = &threshold
	}
	if len(details) > 0 {
		return fault.Fields(details)
	}
	return nil
}

// Line is one line of the progress sheet: a city or a district and a class.
type Line struct {
	store.Area
	Target *target.Target // what is required there, nil if nothing is in force
	target.Figures
}

// Sheet is the progress of a scope on a day.
type Sheet struct {
	AsOf    civil.Day
	GroupBy string
	Lines   []Line
	Total   Line
	Targets []target.Target
}

// ProgressFilter says which sheet is wanted. GroupBy is "city,class" (the
// default), "city", "class" or "district".
type ProgressFilter struct {
	AsOf    civil.Day
	Class   registry.Class
	City    string
	GroupBy string
}

// Progress returns how far a scope has got by the end of a day, from the
// roll-up. Every city of the scope and every class has its line, also where
// nothing is registered. A line by city or by class alone is the sum of its
// lines by city and class, each against its own target and baseline day.
func (a *App) Progress(ctx context.Context, scope access.Scope, f ProgressFilter) (Sheet, error) {
	sheet := Sheet{AsOf: f.AsOf, GroupBy: f.GroupBy}
	targets, err := a.DB.Targets(ctx, scope, store.TargetFilter{State: "in_force", Class: f.Class, City: f.City})
	if err != nil {
		return sheet, err
	}
	sheet.Targets = targets
	filter := store.CountFilter{City: f.City, Class: f.Class, ByDistrict: f.GroupBy == "district"}
	now, err := a.DB.CountsOn(ctx, scope, filter, f.AsOf)
	if err != nil {
		return sheet, err
	}
	// One count for each baseline day: mostly one in all.
	bases := map[civil.Day]map[store.Area]target.Counts{}
	for _, area := range a.areas(scope, f) {
		line := Line{Area: area, Target: TargetFor(targets, area.CityCode, area.Class)}
		base := civil.Day("")
		if line.Target != nil {
			base = min(line.Target.BaselineOn, f.AsOf)
		}
		if bases[base] == nil {
			if bases[base], err = a.DB.CountsOn(ctx, scope, filter, base); err != nil {
				return sheet, err
			}
		}
		line.Figures = target.Assess(bases[base][area], now[area])
		// A requirement is set for a city as a whole, so a district has none of its own.
		if line.Target != nil && f.GroupBy != "district" {
			line.Required = line.Target.RequiredOf(line.Baseline)
		}
		sheet.Lines = append(sheet.Lines, line)
	}
	sheet.Total = Line{Figures: sum(sheet.Lines)}
	switch f.GroupBy {
	case "city":
		sheet.Lines = fold(sheet.Lines, func(l Line) store.Area { return store.Area{CityCode: l.CityCode} })
	case "class":
		sheet.Lines = fold(sheet.Lines, func(l Line) store.Area { return store.Area{Class: l.Class} })
	}
	return sheet, nil
}

// areas returns the lines of a sheet in their order: by city code, then class.
func (a *App) areas(scope access.Scope, f ProgressFilter) []store.Area {
	var areas []store.Area
	for _, city := range a.Reference.Cities() {
		if (f.City != "" && city.Code != f.City) || (scope.City() != "" && scope.City() != city.Code) {
			continue
		}
		districts := []string{""}
		if f.GroupBy == "district" {
			for _, d := range a.Reference.Districts(city.Code) {
				if scope.District() == "" || scope.District() == d.Code {
					districts = append(districts, d.Code)
				}
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

// TargetFor returns the target in force for a city and class: the city's own
// before that of the province.
func TargetFor(targets []target.Target, city string, class registry.Class) *target.Target {
	var found *target.Target
	for i, t := range targets {
		if t.Class == class && t.State == "in_force" && (t.CityCode == city || (t.CityCode == access.ProvinceCode && found == nil)) {
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

func fold(lines []Line, key func(Line) store.Area) []Line {
	groups := map[store.Area][]Line{}
	for _, l := range lines {
		groups[key(l)] = append(groups[key(l)], l)
	}
	folded := make([]Line, 0, len(groups))
	for area, members := range groups {
		folded = append(folded, Line{Area: area, Figures: sum(members)})
	}
	slices.SortFunc(folded, func(x, y Line) int {
		return strings.Compare(x.CityCode+string(x.Class), y.CityCode+string(y.Class))
	})
	return folded
}

// BaselineDays returns the baseline day of each city and class, so that a list
// behind a figure has the figure's bounds.
func (a *App) BaselineDays(ctx context.Context, scope access.Scope) (map[store.Area]civil.Day, error) {
	targets, err := a.DB.Targets(ctx, scope, store.TargetFilter{State: "in_force"})
	if err != nil {
		return nil, err
	}
	days := map[store.Area]civil.Day{}
	for _, area := range a.areas(scope, ProgressFilter{}) {
		days[area] = ""
		if t := TargetFor(targets, area.CityCode, area.Class); t != nil {
			days[area] = t.BaselineOn
		}
	}
	return days, nil
}
