package target

import (
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// Trial is what a definition would move if it counted in place of those that
// count today, on the stock as it was known at an instant.
type Trial struct {
	Us     int64     // the instant in microseconds, 0: it was not tried
	On     civil.Day // as of this day
	Counts []TrialCount
}

// TrialCount is the verified assets of a city and class that come to count (In),
// no longer count (Out) or count on another day (Day).
type TrialCount struct {
	CityCode string         `json:"city_code"`
	Class    registry.Class `json:"class"`
	In       int64          `json:"in"`
	Out      int64          `json:"out"`
	Day      int64          `json:"day"`
}

// Add counts n assets that a definition moves in a direction.
func (c *TrialCount) Add(direction string, n int64) {
	switch direction {
	case "in":
		c.In += n
	case "out":
		c.Out += n
	default:
		c.Day += n
	}
}

// Decide returns the draft d as accepted or discarded by a person today. It
// fails with Conflict for what is no draft or was not tried on today's stock,
// and with Denied four_eyes for who proposed it and now accepts.
func (d Definition) Decide(accept bool, by string, today civil.Day) (Definition, error) {
	switch {
	case d.State != "draft":
		return d, fault.New(fault.Conflict, "wrong_state", bilingual.T("该口径已作决定", "the definition was decided already")).WithMend("请新增版本", "add another revision")
	case !accept:
		d.State = "discarded"
	case d.Trial.Us == 0:
		return d, fault.New(fault.Conflict, "not_tried", bilingual.T("该口径尚未在现有存量上试算", "the definition was not tried on the present stock")).WithMend("请先试算，查看哪些记录会变动", "try it first, to see what it moves")
	case d.Trial.On != today:
		return d, fault.New(fault.Conflict, "trial_old", bilingual.F("试算是 %s 作的，存量已变化", "it was tried on %s; the stock has changed since", d.Trial.On)).WithMend("请按今天的存量重新试算", "try it again on today's stock")
	case d.ProposedBy == by:
		return d, FourEyes()
	default:
		d.State = "in_force"
	}
	d.Version++
	return d, nil
}

// FourEyes refuses who wrote something and now puts it in force.
func FourEyes() error {
	return fault.New(fault.Denied, "four_eyes", bilingual.T("提出或修改的人不能自己批准", "who wrote it cannot put it in force")).WithMend("请由另一名省级人员批准", "ask another person of the province")
}

// Wrote reports whether an id is among ids that are separated by blanks.
func Wrote(ids, id string) bool {
	return strings.Contains(" "+ids+" ", " "+id+" ")
}
