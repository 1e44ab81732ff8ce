// Package workday counts working days by the official calendar: Monday to
// Friday, but for the days that the State Council's yearly arrangement of
// holidays gives off or makes up for.
package workday

import (
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
)

// Calendar is what is known of the years. A year that is not in Years is not
// known: nothing is counted across it, because guessing a holiday would end a
// public notice on the wrong day.
type Calendar struct {
	Years map[int]string     // year → document that arranges it
	Off   map[civil.Day]bool // off although Monday to Friday, or a weekend that stays one
	Work  map[civil.Day]bool // a weekend that is worked
}

// Works reports whether d is a working day. It fails with Conflict
// calendar_missing if the year of d is not known.
func (c Calendar) Works(d civil.Day) (bool, error) {
	if _, known := c.Years[d.Year()]; !known {
		return false, fault.New(fault.Conflict, "calendar_missing",
			bilingual.F("缺少 %d 年的节假日安排，无法计算工作日", "the official holidays of %d are not entered: working days cannot be counted", d.Year())).
			WithMend("请由省级或系统管理员录入该年的节假日安排", "ask the province or the administrator to enter them").With("year", d.Year())
	}
	switch {
	case c.Work[d]:
		return true, nil
	case c.Off[d]:
		return false, nil
	}
	return !d.Weekend(), nil
}

// Last returns the last day of a term of n working days of which the first is
// the first working day from d on. It fails as Works does.
func (c Calendar) Last(d civil.Day, n int) (civil.Day, error) {
	for {
		works, err := c.Works(d)
		if err != nil {
			return "", err
		}
		if works {
			n--
		}
		if n <= 0 {
			return d, nil
		}
		d = d.AddDays(1)
	}
}
