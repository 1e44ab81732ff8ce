package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/target"
)

// metricColumn is the day column of a metric. A metric is a column, so that a
// figure and the list behind it are one predicate.
var metricColumn = map[target.Metric]string{
	target.Cohort: "cohort_on", target.HandedIn: "handed_in_on", target.Declared: "declared_on",
	target.Evidenced: "evidenced_on", target.Verified: "verified_on", target.Converted: "converted_on",
	target.MovedOut: "moved_out_on",
}

func countingDays(c retirement.Counting) map[target.Metric]civil.Day {
	return map[target.Metric]civil.Day{
		target.Cohort: c.CohortOn, target.HandedIn: c.HandedInOn, target.Declared: c.DeclaredOn,
		target.Evidenced: c.EvidencedOn, target.Verified: c.VerifiedOn, target.Converted: c.ConvertedOn,
		target.MovedOut: c.MovedOutOn,
	}
}

// Area is what a line of a roll-up stands for. DistrictCode is "" unless the
// roll-up is by district; assets without a district are the line "" of their city.
type Area struct {
	CityCode     string
	DistrictCode string
	Class        registry.Class
}

// CountsOn returns, for each area of the scope, how many assets had started to
// count in each metric by the end of day.
func (db *DB) CountsOn(ctx context.Context, scope access.Scope, f CountFilter, day civil.Day) (map[Area]target.Counts, error) {
	by := []Dim{ByCity, ByClass}
	if f.ByDistrict {
		by = append(by, ByDistrict)
	}
	counts := map[Area]target.Counts{}
	err := db.Figures(ctx, scope, func(r *Reader) error {
		groups, err := r.Counts(FigureQuery{CountFilter: f, By: by, Metrics: target.Metrics}, Moment{AsOf: day})
		for g, c := range groups {
			counts[Area{g.CityCode, g.DistrictCode, g.Class}] = c
		}
		return err
	})
	return counts, err
}

// behind is the predicate of the rows behind a figure between a baseline day
// and a day, on assets and former standings alike: the same columns and bounds
// as the roll-up and target.Assess. Reasons are those of the day itself, but
// what left before the baseline day is apart.
func behind(metric target.Metric, d target.Definition, baselineOn, asOf civil.Day) (test string, args []any) {
	base := min(baselineOn, asOf)
	var tests []string
	where := func(t string, a []any) { tests, args = append(tests, t), append(args, a...) }
	not := func(t string, a []any) { tests, args = append(tests, "NOT "+t), append(args, a...) }
	stays := func(day civil.Day) {
		not(countedBy(d, target.Verified, day))
		not(countsBy(target.Converted, day))
		not(countsBy(target.MovedOut, day))
	}
	switch metric {
	case target.Baseline:
		where(countsBy(target.Cohort, base))
		stays(base)
	case target.Additions:
		where(countsBy(target.Cohort, asOf))
		not(countsBy(target.Cohort, base))
	case target.Cohort:
		// Baseline and additions together: in the cohort, and not gone by the baseline day.
		where(countsBy(target.Cohort, asOf))
		stays(base)
	case target.Remaining:
		where(countsBy(target.Cohort, asOf))
		stays(asOf)
	case target.Declared, target.Evidenced, target.Verified:
		where(countedBy(d, metric, asOf))
		not(countedBy(d, metric, base))
	case target.HandedIn, target.Converted, target.MovedOut:
		where(countsBy(metric, asOf))
		not(countsBy(metric, base))
	case target.ReasonConverted:
		return behind(target.Converted, d, baselineOn, asOf)
	case target.ReasonMovedOut:
		return behind(target.MovedOut, d, baselineOn, asOf)
	case target.ReasonBefore:
		verified, a := countedBy(d, target.Verified, base)
		converted, b := countsBy(target.Converted, base)
		moved, c := countsBy(target.MovedOut, base)
		return "(" + verified + " OR " + converted + " OR " + moved + ")", slices.Concat(a, b, c)
	default:
		if metric.IsReason() && !d.IsDefault() {
			return reasonBy(metric, d, asOf)
		}
		return countsBy(metric, asOf)
	}
	return "(" + strings.Join(tests, " AND ") + ")", args
}

// Bounds are what a figure of a city and class is counted by: its target's
// baseline day and definition.
type Bounds struct {
	BaselineOn civil.Day
	Definition target.Definition
}

// behindEach is behind with the bounds of each city and class, so that a list
// has the bounds of the lines it sums up.
func behindEach(metric target.Metric, bounds map[Area]Bounds, asOf civil.Day) (test string, args []any) {
	type group struct {
		class      registry.Class
		day        civil.Day
		definition string
	}
	cities := map[group][]string{}
	definitions := map[string]target.Definition{}
	for area, b := range bounds {
		g := group{area.Class, b.BaselineOn, b.Definition.Ref()}
		definitions[g.definition] = b.Definition
		cities[g] = append(cities[g], area.CityCode)
	}
	groups := slices.SortedFunc(maps.Keys(cities), func(a, b group) int {
		return strings.Compare(string(a.class)+string(a.day)+a.definition, string(b.class)+string(b.day)+b.definition)
	})
	tests := []string{"1 = 0"}
	for _, g := range groups {
		t, a := behind(metric, definitions[g.definition], g.day, asOf)
		slices.Sort(cities[g])
		tests = append(tests, "(class = ? AND city_code IN ? AND "+t+")")
		args = append(append(args, g.class, cities[g]), a...)
	}
	return "(" + strings.Join(tests, " OR ") + ")", args
}
