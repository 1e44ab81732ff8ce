package retirement

import (
	"time"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
)

// Limit says how many days a retirement of a class may stay where it stands, and
// after how many more its being overdue goes up a level.
type Limit struct {
	Class        registry.Class
	Standing     Standing
	Days         int
	EscalateDays int
	Source       string
	Sample       bool
	Version      int64
}

// MaxDays bounds both numbers of a limit.
const MaxDays = 3650

// Overdue is how late a retirement is.
type Overdue struct {
	DueOn civil.Day // last day in time
	Late  int       // days after it, 0 if it is in time
	Level int       // 0 in time, 1 over the limit, 2 over the second limit as well
}

// Clock returns how late something that stands where it does since a day is.
func (l Limit) Clock(since, today civil.Day) Overdue {
	if !since.Valid() {
		return Overdue{}
	}
	o := Overdue{DueOn: since.AddDays(l.Days)}
	o.Late = max(0, daysFrom(o.DueOn, today))
	switch {
	case o.Late > l.EscalateDays:
		o.Level = 2
	case o.Late > 0:
		o.Level = 1
	}
	return o
}

// daysFrom returns how many days later to is than from.
func daysFrom(from, to civil.Day) int {
	a, errA := time.Parse(time.DateOnly, string(from))
	b, errB := time.Parse(time.DateOnly, string(to))
	if errA != nil || errB != nil {
		return 0
	}
	return int(b.Sub(a) / (24 * time.Hour))
}

// LateBefore returns the first day that is still in time: whoever stands there
// since an earlier day is overdue today.
func (l Limit) LateBefore(today civil.Day) civil.Day { return today.AddDays(-l.Days) }
