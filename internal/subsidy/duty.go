package subsidy

import (
	"slices"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// Duty is the part that a person has in a case.
type Duty string

// The duties. Each is another person's.
const (
	DutyEnter   Duty = "enter"
	DutyCheck   Duty = "check"
	DutyApprove Duty = "approve"
	DutyPay     Duty = "pay"
)

// Duties lists every duty in the order of the way.
var Duties = []Duty{DutyEnter, DutyCheck, DutyApprove, DutyPay}

var dutyNames = map[Duty]bilingual.Text{
	DutyEnter: bilingual.T("录入", "entered"), DutyCheck: bilingual.T("审核", "checked"),
	DutyApprove: bilingual.T("批准", "approved"), DutyPay: bilingual.T("支付", "paid"),
}

// DutyTaken is who did what in a case. A person is known by the id of the account,
// which no change of name or role touches.
type DutyTaken struct {
	PersonID   string
	PersonName string
	Duty       Duty
	At         time.Time
}

// MayTake fails with Denied four_eyes if the person may not take the duty:
// because of another part in the case, or because the retirement that it rests
// on was declared or verified by the person, who may then only enter it.
func MayTake(duty Duty, person string, parts []DutyTaken, involved ...string) error {
	for _, p := range parts {
		if p.PersonID == person && p.Duty != duty {
			return fourEyes(bilingual.F("您已对该申请做过“%s”，同一人不能再“%s”", "you %s this case; the one who does so is not the one by whom it is %s", dutyNames[p.Duty], dutyNames[duty]))
		}
	}
	if duty != DutyEnter && slices.Contains(involved, person) {
		return fourEyes(bilingual.T("您经办过该记录的淘汰登记或核实，不能再处理其补贴", "you declared or verified the retirement that it rests on"))
	}
	return nil
}

func fourEyes(message bilingual.Text) error {
	return fault.New(fault.Denied, "four_eyes", message).WithMend("请由另一名财务人员办理", "ask another finance officer")
}
