package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/target"
)

// MoveFilter asks what a definition would move if it counted in place of those
// of the bounds, at the level that is verified.
type MoveFilter struct {
	CountFilter
	To     target.Definition
	Bounds map[Area]Bounds
	Moment
}

// DefinitionMove is an asset that a definition moves.
type DefinitionMove struct {
	AssetID      string
	Label        string
	CityCode     string
	DistrictCode string
	Class        registry.Class
	Direction    string // in, out or day
	WayOut       string
	BeforeOn     civil.Day // on which it counts by the present definition
	AfterOn      civil.Day // and by the other one
}

// dayBy is the expression of the day on which an asset would count by a
// definition.
func dayBy(d target.Definition) (text string, args []any) {
	if d.IsDefault() {
		return "verified_on", nil
	}
	for _, r := range d.Counts {
		if slices.Contains(target.CountDays, r.On) {
			text, args = text+" WHEN way_out IN ? THEN "+r.On, append(args, r.Ways)
		}
	}
	return "(CASE" + text + " ELSE '' END)", args
}

// counting is the cities in which a class is counted by one definition.
type counting struct {
	class      registry.Class
	cities     []string
	definition target.Definition
}

// byDefinition groups bounds by class and definition, in a fixed order.
func byDefinition(bounds map[Area]Bounds) []counting {
	groups := map[string]*counting{}
	for area, b := range bounds {
		key := string(area.Class) + " " + b.Definition.Ref()
		if groups[key] == nil {
			groups[key] = &counting{class: area.Class, definition: b.Definition}
		}
		groups[key].cities = append(groups[key].cities, area.CityCode)
	}
	list := make([]counting, 0, len(groups))
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		slices.Sort(groups[key].cities)
		list = append(list, *groups[key])
	}
	return list
}

// moved returns the columns direction, before_on and after_on of each row, ”
// where nothing moves.
func (f MoveFilter) moved() (columns string, args []any) {
	now, nowArgs := countedBy(f.To, target.Verified, f.AsOf)
	after, afterArgs := dayBy(f.To)
	var direction, before strings.Builder
	var directionArgs, beforeArgs []any
	for _, g := range byDefinition(f.Bounds) {
		was, wasArgs := countedBy(g.definition, target.Verified, f.AsOf)
		day, dayArgs := dayBy(g.definition)
		here := []any{g.class, g.cities}
		fmt.Fprintf(&direction, " WHEN class = ? AND city_code IN ? THEN (CASE WHEN %s AND NOT %s THEN 'in' WHEN %s AND NOT %s THEN 'out' WHEN %s AND %s AND %s <> %s THEN 'day' ELSE '' END)",
			now, was, was, now, now, was, after, day)
		directionArgs = slices.Concat(directionArgs, here, nowArgs, wasArgs, wasArgs, nowArgs, nowArgs, wasArgs, afterArgs, dayArgs)
		fmt.Fprintf(&before, " WHEN class = ? AND city_code IN ? THEN (CASE WHEN %s THEN %s ELSE '' END)", was, day)
		beforeArgs = slices.Concat(beforeArgs, here, wasArgs, dayArgs)
	}
	if len(f.Bounds) == 0 {
		return "'' AS direction, '' AS before_on, '' AS after_on", nil
	}
	return "(CASE" + direction.String() + " ELSE '' END) AS direction, (CASE" + before.String() + " ELSE '' END) AS before_on, (CASE WHEN " + now + " THEN " + after + " ELSE '' END) AS after_on",
		slices.Concat(directionArgs, beforeArgs, nowArgs, afterArgs)
}

// moves is what a definition moves, one query of the columns of DefinitionMove
// for each part of what was known.
func (r *Reader) moves(f MoveFilter) []*gorm.DB {
	columns, args := f.moved()
	parts := r.knownWhere(f.CountFilter, f.Known, "review = 'verified' AND cohort_on <> ''", nil) // nothing else counts at that level
	queries := make([]*gorm.DB, len(parts))
	for i, part := range parts {
		rows := part.q.Select(part.id+" AS asset_id, label, city_code, district_code, class, way_out, "+columns, args...)
		queries[i] = r.q.Session(&gorm.Session{NewDB: true}).Table("(?) AS moves", rows).Where("direction <> ''")
	}
	return queries
}

// CountMoves counts what a definition moves in each city and class that it
// moves something in.
func (r *Reader) CountMoves(f MoveFilter) ([]target.TrialCount, error) {
	counts := map[Area]*target.TrialCount{}
	for _, q := range r.moves(f) {
		var rows []struct {
			CityCode  string
			Class     registry.Class
			Direction string
			N         int64
		}
		if err := q.Select("city_code, class, direction, COUNT(*) AS n").Group("city_code, class, direction").Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("store: try a definition: %w", err)
		}
		for _, row := range rows {
			area := Area{CityCode: row.CityCode, Class: row.Class}
			if counts[area] == nil {
				counts[area] = &target.TrialCount{CityCode: row.CityCode, Class: row.Class}
			}
			counts[area].Add(row.Direction, row.N)
		}
	}
	list := make([]target.TrialCount, 0, len(counts))
	for _, c := range counts {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b target.TrialCount) int {
		return cmp.Or(strings.Compare(a.CityCode, b.CityCode), strings.Compare(string(a.Class), string(b.Class)))
	})
	return list, nil
}

// MoveRows returns one page of what a definition moves in a direction, "" for
// all, in the order of their ids.
func (r *Reader) MoveRows(f MoveFilter, direction string, p Page) ([]DefinitionMove, error) {
	var all []DefinitionMove
	for _, q := range r.moves(f) {
		if direction != "" {
			q = q.Where("direction = ?", direction)
		}
		if p.After != "" {
			q = q.Where("asset_id > ?", p.After)
		}
		var rows []DefinitionMove
		if err := q.Order("asset_id").Limit(p.Limit).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("store: list what a definition moves: %w", err)
		}
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(a, b DefinitionMove) int { return strings.Compare(a.AssetID, b.AssetID) })
	return all[:min(len(all), p.Limit)], nil
}
