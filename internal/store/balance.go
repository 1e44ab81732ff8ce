package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/target"
)

// MonthEnd returns the last instant that belongs to a day's knowledge.
func MonthEnd(day civil.Day) time.Time {
	next, err := time.ParseInLocation("2006-01-02", string(day.AddDays(1)), civil.Shanghai)
	if err != nil {
		return time.Time{}
	}
	return next.Add(-time.Microsecond).UTC()
}

// Logged is what was recorded up to the end of a month, by when and why.
type Logged struct {
	Recorded string // month of the recording, "" before the first one asked for
	Month    string // month on which it counts, "" before the first one asked for
	Cause    string
	Metric   target.Metric
	CityCode string
	Class    registry.Class
	N        int64
}

// Log returns what was recorded about the stock up to the end of the month to,
// on days up to it; what lies before the month from is one.
func (r *Reader) Log(f CountFilter, from, to string) ([]Logged, error) {
	fold := func(column string) string {
		return "CASE WHEN substr(" + column + ", 1, 7) < '" + from + "' THEN '' ELSE substr(" + column + ", 1, 7) END"
	}
	q := f.narrow(inScope(r.q.Session(&gorm.Session{NewDB: true}).Table("rollup_log"), r.scope, true)).
		Where("metric IN ? AND substr(day, 1, 7) <= ? AND month <= ?", target.StockMetrics, to, to).
		Select(fold("day") + " AS recorded, " + fold("month") + " AS month, cause, metric, city_code, class, SUM(n) AS n").
		Group("1, 2, cause, metric, city_code, class")
	var rows []Logged
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read what was recorded: %w", err)
	}
	return r.logPending(rows, f, from, to)
}

// logPending adds what is pending to what was logged.
func (r *Reader) logPending(rows []Logged, f CountFilter, from, to string) ([]Logged, error) {
	if !r.pending {
		return rows, nil
	}
	later, err := pendingOf(r.q)
	if err != nil {
		return nil, err
	}
	fold := func(month string) string {
		if month < from {
			return ""
		}
		return month
	}
	for c, n := range later.cells(later.whole()).log {
		holds := (f.City == "" || f.City == c.city) && (f.Class == "" || f.Class == c.class) &&
			(f.District == "" || strings.TrimPrefix(f.District, NoDistrict) == c.district)
		recorded := c.day.Month()
		if n != 0 && holds && r.scope.Covers(c.city, c.district) && slices.Contains(target.StockMetrics, c.metric) && recorded <= to && c.month <= to {
			rows = append(rows, Logged{Recorded: fold(recorded), Month: fold(c.month), Cause: c.cause, Metric: c.metric, CityCode: c.city, Class: c.class, N: n})
		}
	}
	return rows, nil
}
