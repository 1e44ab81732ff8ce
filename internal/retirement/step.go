package retirement

import (
	"slices"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// Standing is how far a retirement has come: what its days and its review say
// together.
type Standing string

// The standings, in the order in which a scrapping passes them.
const (
	AtDeclared     Standing = "declared"
	AtReceived     Standing = "received"
	AtDismantled   Standing = "dismantled"
	AtDeregistered Standing = "deregistered"
	AtVerified     Standing = "verified"
	AtReturned     Standing = "returned"
	AtWithdrawn    Standing = "withdrawn"
)

// Standings lists every standing.
var Standings = []Standing{AtDeclared, AtReceived, AtDismantled, AtDeregistered, AtVerified, AtReturned, AtWithdrawn}

// Deed is what can be done to a retirement.
type Deed string

// The deeds. The first three are the dated steps.
const (
	Receive    Deed = "received"
	Dismantle  Deed = "dismantled"
	Deregister Deed = "deregistered"
	Amend      Deed = "amend"
	Verify     Deed = "verify"
	Return     Deed = "return"
	Correct    Deed = "correct"
	Withdraw   Deed = "withdraw"
)

// Deeds lists every deed; Steps those that are dated steps.
var (
	Deeds = []Deed{Receive, Dismantle, Deregister, Amend, Verify, Return, Correct, Withdraw}
	Steps = []Deed{Receive, Dismantle, Deregister}
)

// asDays stands in the table for: wherever the days of the declaration say.
const asDays Standing = "as the days say"

// moves is the one table of transitions: standing, deed, standing after it. What
// is not in it cannot be done. Which steps a way out has, and which wait for
// which, is the way's own (registry.WayOut.Steps). A returned retirement is
// mended before anything else; a verified one changes by request and approval only.
var moves = map[Standing]map[Deed]Standing{
	AtDeclared:     {Receive: AtReceived, Dismantle: AtDismantled, Deregister: AtDeregistered, Amend: asDays, Return: AtReturned, Withdraw: AtWithdrawn},
	AtReceived:     {Dismantle: AtDismantled, Deregister: AtDeregistered, Amend: asDays, Return: AtReturned, Withdraw: AtWithdrawn},
	AtDismantled:   {Deregister: AtDeregistered, Amend: asDays, Return: AtReturned, Withdraw: AtWithdrawn},
	AtDeregistered: {Dismantle: AtDeregistered, Amend: asDays, Verify: AtVerified, Return: AtReturned, Withdraw: AtWithdrawn},
	AtReturned:     {Amend: asDays, Withdraw: AtWithdrawn},
	AtVerified:     {Correct: AtVerified, Withdraw: AtWithdrawn},
	AtWithdrawn:    {},
}

// Allowed returns where a deed leads from a standing, and whether it may be
// done there at all. For Amend it leads to wherever the days say.
func Allowed(from Standing, deed Deed) (to Standing, may bool) {
	to, may = moves[from][deed]
	return to, may
}

// Standing returns where r stands.
func (r Retirement) Standing() Standing {
	switch {
	case r.State == Withdrawn:
		return AtWithdrawn
	case r.State == Verified:
		return AtVerified
	case r.State == Returned:
		return AtReturned
	case r.DeregisteredOn != "":
		return AtDeregistered
	case r.DismantledOn != "":
		return AtDismantled
	case r.HandedInOn != "":
		return AtReceived
	default:
		return AtDeclared
	}
}

// at returns r with the day from which its clock runs: the legal day of a step
// that waits for the next one, else the day on which it was logged.
func (r Retirement) at(today civil.Day) Retirement {
	switch r.Standing() {
	case AtReceived:
		r.StandingOn = r.HandedInOn
	case AtDismantled:
		r.StandingOn = r.DismantledOn
	default:
		r.StandingOn = today
	}
	return r
}

// Moved returns r with its clock set anew if it stands elsewhere than before.
func (r Retirement) Moved(before *Retirement, today civil.Day) Retirement {
	if before != nil && before.Standing() == r.Standing() && before.HandedInOn == r.HandedInOn && before.DismantledOn == r.DismantledOn && before.StandingOn != "" {
		r.StandingOn = before.StandingOn
		return r
	}
	return r.at(today)
}

// DayOf returns the day of a step, "" if it is not logged.
func (d Declaration) DayOf(step Deed) civil.Day {
	switch step {
	case Receive:
		return d.HandedInOn
	case Dismantle:
		return d.DismantledOn
	case Deregister:
		return d.DeregisteredOn
	}
	return ""
}

// With returns d with the day of a step.
func (d Declaration) With(step Deed, on civil.Day) Declaration {
	switch step {
	case Receive:
		d.HandedInOn = on
	case Dismantle:
		d.DismantledOn = on
	case Deregister:
		d.DeregisteredOn = on
	}
	return d
}

func fieldOf(step Deed) string {
	switch step {
	case Receive:
		return "handed_in_on"
	case Dismantle:
		return "dismantled_on"
	}
	return "deregistered_on"
}

// MayLog reports whether a role may log a step. It is the one place where the
// step decides; the area is not its business. A yard says what it took in and
// took apart, never what the register says.
func MayLog(role access.Role, step Deed) bool {
	return role == access.Clerk || (role == access.Yard && (step == Receive || step == Dismantle))
}

// Next returns the step that a retirement waits for, "" if none is left.
func (r Retirement) Next(way registry.WayOut) Deed {
	if r.State != Declared {
		return ""
	}
	for _, step := range way.Steps {
		if r.DayOf(Deed(step.Code)) == "" {
			return Deed(step.Code)
		}
	}
	return ""
}

// Log returns r with a step logged. It fails with Conflict wrong_step if the
// step cannot be taken from where r stands, with Conflict evidence_missing and
// every item by name if something must be there before it. Whether the day
// itself is good is for Declaration.Check to say.
func (r Retirement) Log(way registry.WayOut, step Deed, on civil.Day, items []Item) (Retirement, error) {
	if _, may := Allowed(r.Standing(), step); !may {
		return r, fault.New(fault.Conflict, "wrong_step", bilingual.T("当前状态（"+r.Standing().Name().ZH+"）不能登记“"+step.Name().ZH+"”", "a retirement that is "+r.Standing().Name().EN+" cannot take the step “"+step.Name().EN+"”")).
			WithMend("请刷新后按顺序登记", "reload and take the steps in order")
	}
	own := slices.IndexFunc(way.Steps, func(s registry.Step) bool { return s.Code == string(step) })
	switch {
	case own < 0:
		return r, fault.New(fault.Conflict, "wrong_step", bilingual.T("“"+way.Name.ZH+"”没有“"+step.Name().ZH+"”这一步", way.Name.EN+" has no step “"+step.Name().EN+"”")).
			WithMend("请核对淘汰去向", "check the way out")
	case r.DayOf(step) != "":
		return r, fault.New(fault.Conflict, "step_done", bilingual.T("“"+step.Name().ZH+"”已登记", "the step “"+step.Name().EN+"” is logged already")).
			WithMend("如日期有误，请修改登记", "amend the declaration if its day is wrong")
	}
	for _, earlier := range way.Steps[own].After {
		if r.DayOf(Deed(earlier)) == "" {
			return r, fault.New(fault.Conflict, "wrong_step", bilingual.T("应先登记“"+Deed(earlier).Name().ZH+"”", "the step “"+Deed(earlier).Name().EN+"” comes first")).
				WithMend("请按顺序登记", "take the steps in order")
		}
	}
	if missing := Blocking(items, step); len(missing) > 0 {
		return r, Lacking(bilingual.T("证明材料不齐，不能登记“"+step.Name().ZH+"”", "evidence is missing for the step “"+step.Name().EN+"”"), missing)
	}
	r.Declaration = r.With(step, on)
	return r, nil
}

// Blocking returns the items that must be there before a step and are not.
func Blocking(items []Item, step Deed) []Item {
	var missing []Item
	for _, i := range items {
		if i.Before == string(step) && !i.Present && !i.Waived {
			missing = append(missing, i)
		}
	}
	return missing
}

// Guard fails with Conflict wrong_state unless the deed may be done where r stands.
func (r Retirement) Guard(deed Deed) error {
	if _, may := Allowed(r.Standing(), deed); may {
		return nil
	}
	if r.State == Verified && deed == Amend {
		return fault.New(fault.Conflict, "verified_locked", bilingual.T("淘汰已核实，不能再修改", "the retirement is verified; it is closed")).
			WithMend("如确有错误，请走更正程序", "ask for a correction")
	}
	return fault.New(fault.Conflict, "wrong_state", bilingual.T("当前状态（"+r.Standing().Name().ZH+"）不能执行此操作", "this cannot be done to a retirement that is "+r.Standing().Name().EN)).
		WithMend("请刷新后查看最新状态", "reload to see its present state")
}

// Withdraw returns r taken back: it stays to be read and counts nowhere.
func (r Retirement) Withdraw(reason string, by access.Actor, at time.Time) Retirement {
	r.StateBefore, r.State, r.WithdrawReason = r.State, Withdrawn, reason
	r.WithdrawnBy, r.WithdrawnByName, r.WithdrawnAt = by.ID, by.Name, &at
	return r.at(civil.On(at))
}

// Name returns what people call the standing.
func (s Standing) Name() bilingual.Text {
	switch s {
	case AtDeclared:
		return bilingual.T("已申报", "declared")
	case AtReceived:
		return bilingual.T("已交售", "handed in")
	case AtDismantled:
		return bilingual.T("已拆解", "dismantled")
	case AtDeregistered:
		return bilingual.T("已注销待审核", "deregistered, waiting for review")
	case AtVerified:
		return bilingual.T("已核实", "verified")
	case AtReturned:
		return bilingual.T("已退回", "returned")
	case AtWithdrawn:
		return bilingual.T("已撤销", "withdrawn")
	}
	return bilingual.T(string(s), string(s))
}

// Name returns what people call the deed.
func (d Deed) Name() bilingual.Text {
	switch d {
	case Receive:
		return bilingual.T("交售", "hand-over")
	case Dismantle:
		return bilingual.T("拆解", "dismantling")
	case Deregister:
		return bilingual.T("注销（变更）", "deregistration")
	}
	return bilingual.T(string(d), string(d))
}
