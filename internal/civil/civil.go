// Package civil holds legal dates: days without a time or a zone. "Today" is
// the day in Asia/Shanghai of an instant that the caller brings along.
package civil

import (
	"fmt"
	"time"
	_ "time/tzdata" // the zone must be there on any host
)

// Shanghai is the zone in which an instant becomes a legal date.
var Shanghai = mustZone("Asia/Shanghai")

func mustZone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

// Day is a civil date as ISO 8601 text, "2025-12-31"; "" is no day. Days
// compare as strings.
type Day string

const layout = "2006-01-02"

// On returns the day of an instant in Asia/Shanghai.
func On(instant time.Time) Day { return Day(instant.In(Shanghai).Format(layout)) }

// New returns the day, or an error if the calendar has no such day.
func New(year, month, day int) (Day, error) {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if year < 1 || year > 9999 || t.Year() != year || int(t.Month()) != month || t.Day() != day {
		return "", fmt.Errorf("the calendar has no day %04d-%02d-%02d", year, month, day)
	}
	return Day(t.Format(layout)), nil
}

// Parse reads YYYY-MM-DD and nothing else.
func Parse(s string) (Day, error) {
	t, err := time.Parse(layout, s)
	if err != nil || len(s) != len(layout) {
		return "", fmt.Errorf("%q is not a day of the form YYYY-MM-DD", s)
	}
	return Day(t.Format(layout)), nil
}

// Valid reports whether d is a day of the calendar.
func (d Day) Valid() bool {
	_, err := Parse(string(d))
	return err == nil
}

func (d Day) time() time.Time {
	t, err := time.Parse(layout, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// AddYears returns the same day n years later; 29 February becomes 28 February
// where the year has none.
func (d Day) AddYears(n int) Day { return d.AddMonths(12 * n) }

// AddMonths returns the same day of the month n months later, or the last day
// of that month if it is shorter. No day stays no day.
func (d Day) AddMonths(n int) Day {
	if d == "" {
		return ""
	}
	t := d.time()
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Day(time.Date(first.Year(), first.Month(), min(t.Day(), last), 0, 0, 0, 0, time.UTC).Format(layout))
}

// AddDays returns the day n days later.
func (d Day) AddDays(n int) Day {
	if d == "" {
		return ""
	}
	return Day(d.time().AddDate(0, 0, n).Format(layout))
}

// DaysUntil returns the days from d to later, negative if later comes first.
func (d Day) DaysUntil(later Day) int {
	return int(later.time().Sub(d.time()).Hours() / 24)
}

// MonthsUntil returns the whole months from d to later: the greatest n with
// d.AddMonths(n) <= later, negative if later comes first.
func (d Day) MonthsUntil(later Day) int {
	a, b := d.time(), later.time()
	n := (b.Year()-a.Year())*12 + int(b.Month()) - int(a.Month())
	for d.AddMonths(n) > later {
		n--
	}
	return n
}

// YearsUntil returns the full years from d to later, as an age is counted.
func (d Day) YearsUntil(later Day) int {
	m := d.MonthsUntil(later)
	if m < 0 {
		return -((-m + 11) / 12)
	}
	return m / 12
}

// Month returns the "2025-12" of the day.
func (d Day) Month() string {
	if len(d) < 7 {
		return ""
	}
	return string(d[:7])
}

// Year returns the calendar year.
func (d Day) Year() int { return d.time().Year() }

// Weekend reports whether d is a Saturday or a Sunday.
func (d Day) Weekend() bool {
	w := d.time().Weekday()
	return w == time.Saturday || w == time.Sunday
}
