package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/target"
)

// cell is one cell of the roll-up: how many assets of a class start to count
// in a metric in one month.
type cell struct {
	city, district string
	class          registry.Class
	metric         target.Metric
	month          string
}

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

// count adds an asset to the roll-up n times: 1 for a new state, -1 for the
// state that it replaces.
func (tx *Tx) count(a *AssetRecord, n int64) {
	for metric, day := range countingDays(a.Counting) {
		if day != "" {
			tx.summary[cell{a.CityCode, a.DistrictCode, a.Class, metric, day.Month()}] += n
		}
	}
}

func (tx *Tx) flushSummary() error {
	cells := make([]cell, 0, len(tx.summary))
	for c, n := range tx.summary {
		if n != 0 {
			cells = append(cells, c)
		}
	}
	// One order for all transactions, so that two of them cannot deadlock.
	slices.SortFunc(cells, func(a, b cell) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for _, c := range cells {
		err := tx.db.Exec(`INSERT INTO summary (city_code, district_code, class, metric, month, n) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (city_code, district_code, class, metric, month) DO UPDATE SET n = summary.n + excluded.n`,
			c.city, c.district, c.class, c.metric, c.month, tx.summary[c]).Error
		if err != nil {
			return fmt.Errorf("store: update the roll-up: %w", err)
		}
	}
	return nil
}

// Area is what a line of a roll-up stands for. DistrictCode is "" unless the
// roll-up is by district; assets without a district are the line "" of their city.
type Area struct {
	CityCode     string
	DistrictCode string
	Class        registry.Class
}

// CountFilter narrows a roll-up.
type CountFilter struct {
	City       string
	District   string
	Class      registry.Class
	ByDistrict bool
}

// CountsOn returns, for each area of the scope, how many assets had started to
// count in each metric by the end of day: the months before it from the
// roll-up, the month of day itself from the indexed rows.
func (db *DB) CountsOn(ctx context.Context, scope access.Scope, f CountFilter, day civil.Day) (map[Area]target.Counts, error) {
	counts := map[Area]target.Counts{}
	if !day.Valid() {
		return counts, nil
	}
	type row struct {
		CityCode, DistrictCode string
		Class                  registry.Class
		Metric                 target.Metric
		N                      int64
	}
	add := func(rows []row) {
		for _, r := range rows {
			a := Area{r.CityCode, r.DistrictCode, r.Class}
			if counts[a] == nil {
				counts[a] = target.Counts{}
			}
			counts[a][r.Metric] += r.N
		}
	}
	group := "city_code, class"
	if f.ByDistrict {
		group = "city_code, district_code, class"
	}
	narrow := func(table string) *gorm.DB {
		q := inScope(db.read.WithContext(ctx).Table(table), scope, true)
		if f.City != "" {
			q = q.Where("city_code = ?", f.City)
		}
		if f.District != "" {
			q = q.Where("district_code = ?", f.District)
		}
		if f.Class != "" {
			q = q.Where("class = ?", f.Class)
		}
		return q
	}
	before, wholeMonth := day.Month(), day.AddDays(1).Month() != day.Month()
	monthTest := "month < ?"
	if wholeMonth {
		monthTest = "month <= ?"
	}
	var rows []row
	err := narrow("summary").Select(group+", metric, SUM(n) AS n").Where(monthTest, before).Group(group + ", metric").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: read the roll-up: %w", err)
	}
	add(rows)
	if wholeMonth {
		return counts, nil
	}
	first := civil.Day(day.Month() + "-01")
	for _, metric := range target.Metrics {
		column := metricColumn[metric]
		var rows []row
		err := narrow("assets").Select(group+", '"+string(metric)+"' AS metric, COUNT(*) AS n").
			Where(column+" <> '' AND "+column+" >= ? AND "+column+" <= ?", first, day).Group(group).Find(&rows).Error
		if err != nil {
			return nil, fmt.Errorf("store: count %s: %w", metric, err)
		}
		add(rows)
	}
	return counts, nil
}

// behind narrows an asset query to the rows behind a figure of the progress
// sheet: the same columns and bounds as CountsOn and target.Assess.
func behind(q *gorm.DB, metric target.Metric, baselineOn, asOf civil.Day) *gorm.DB {
	base := min(baselineOn, asOf)
	joined := func(q *gorm.DB, day civil.Day) *gorm.DB {
		return q.Where("cohort_on <> '' AND cohort_on <= ?", day)
	}
	stays := func(q *gorm.DB, day civil.Day) *gorm.DB {
		for _, m := range []target.Metric{target.Verified, target.Converted, target.MovedOut} {
			q = q.Where("("+metricColumn[m]+" = '' OR "+metricColumn[m]+" > ?)", day)
		}
		return q
	}
	switch metric {
	case target.Baseline:
		return stays(joined(q, base), base)
	case target.Additions:
		return q.Where("cohort_on <> '' AND cohort_on > ? AND cohort_on <= ?", base, asOf)
	case target.Cohort:
		// Baseline and additions together: in the cohort, and not gone by the baseline day.
		return stays(joined(q, asOf), base)
	case target.Remaining:
		return stays(joined(q, asOf), asOf)
	default:
		column := metricColumn[metric]
		return q.Where(column+" <> '' AND "+column+" > ? AND "+column+" <= ?", base, asOf)
	}
}
