package subsidy

import (
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/registry"
)

// State of an application.
type State string

// The states of an application. Money is reserved from Submitted on, promised
// from Approved on and gone at Paid. An objection is no state: it stops the
// line that it is about until somebody else has settled it.
const (
	Draft     State = "draft"     // being entered, or sent back to be mended
	Submitted State = "submitted" // entered whole, waits for a check
	Checked   State = "checked"   // waits for an approval
	Waiting   State = "waiting"   // on the waiting list: there is no money
	Approved  State = "approved"  // the money is promised
	Noticed   State = "noticed"   // the public notice runs
	Payable   State = "payable"   // may go into a batch
	Batched   State = "batched"   // a line of a frozen batch
	Sent      State = "sent"      // the batch is at the bank
	Paid      State = "paid"      // by a line of the bank
	Returned  State = "returned"  // by a line of the bank; to be mended
	Withdrawn State = "withdrawn" // by the applicant
	Rejected  State = "rejected"
	Expired   State = "expired" // its day passed
)

// States lists every state in the order of the way.
var States = []State{Draft, Submitted, Checked, Waiting, Approved, Noticed, Payable, Batched, Sent, Paid, Returned, Withdrawn, Rejected, Expired}

// Final reports whether an application in the state never moves again.
func (s State) Final() bool {
	switch s {
	case Paid, Withdrawn, Rejected, Expired:
		return true
	}
	return false
}

// Act is what moves an application from one state to another; it is also the
// action of the audit event.
type Act string

// The acts.
const (
	Submit   Act = "submit"
	Wait     Act = "wait"      // no money: onto the waiting list
	CallUp   Act = "call_up"   // money is free: off it again
	Resume   Act = "resume"    // the same for one that was checked before it had to wait
	Check    Act = "check"     // a second person
	SendBack Act = "send_back" // to the applicant, to be mended
	Approve  Act = "approve"   // a third person; the money is promised
	Notice   Act = "notice"    // goes onto a public list
	Release  Act = "release"   // nothing stands against paying it
	Reopen   Act = "reopen"    // the payee changed: check and approve again
	Mend     Act = "mend"      // what the bank returned may be paid again
	Freeze   Act = "batch"     // frozen into a batch
	Thaw     Act = "unbatch"   // the batch was given up
	Send     Act = "send"      // the batch went to the bank
	Pay      Act = "pay"       // the bank paid the line: a fourth person booked it
	Return   Act = "return"    // the bank returned the line
	Withdraw Act = "withdraw"
	Reject   Act = "reject"
	Expire   Act = "expire"
)

// moves is the one table of what may happen to an application: from a state
// by an act to a state.
var moves = map[State]map[Act]State{
	Draft:     {Submit: Submitted, Wait: Waiting, Withdraw: Withdrawn, Reject: Rejected, Expire: Expired},
	Submitted: {Check: Checked, SendBack: Draft, Withdraw: Withdrawn, Reject: Rejected, Reopen: Submitted},
	Checked:   {Approve: Approved, Wait: Waiting, SendBack: Draft, Withdraw: Withdrawn, Reject: Rejected, Reopen: Submitted},
	Waiting:   {CallUp: Submitted, Resume: Checked, Withdraw: Withdrawn, Reject: Rejected, Expire: Expired, Reopen: Waiting},
	Approved:  {Notice: Noticed, Release: Payable, Withdraw: Withdrawn, Reject: Rejected, Reopen: Submitted},
	Noticed:   {Release: Payable, Withdraw: Withdrawn, Reject: Rejected, Reopen: Submitted},
	Payable:   {Freeze: Batched, Withdraw: Withdrawn, Reject: Rejected, Reopen: Submitted},
	Batched:   {Send: Sent, Thaw: Payable, Pay: Paid, Return: Returned},
	Sent:      {Pay: Paid, Return: Returned},
	Returned:  {Mend: Payable, Reopen: Submitted, Withdraw: Withdrawn, Reject: Rejected},
}

// Next returns the state to which an act leads from s, and whether it may
// happen there at all.
func (s State) Next(act Act) (State, bool) {
	to, ok := moves[s][act]
	return to, ok
}

// Move returns the application after an act. It fails with Conflict wrong_state
// if the act cannot happen to it.
func (a Application) Move(act Act) (Application, error) {
	to, ok := a.State.Next(act)
	if !ok {
		return a, fault.New(fault.Conflict, "wrong_state", bilingual.T("该申请当前状态下不能进行此操作", "the application is not in a state for this")).
			WithMend("请刷新后查看最新状态", "reload to see its present state")
	}
	a.State = to
	return a, nil
}

// Funds is how far the money of an application is bound.
type Funds string

// The stages of the money before the bank.
const (
	NoFunds   Funds = "none"
	Reserved  Funds = "reserved"  // from its submission on
	Committed Funds = "committed" // from its approval on
)

// Application is one owner's claim on one program for one retired asset. Its
// amount and explanation are those of the day it was opened.
type Application struct {
	ID           string
	CityCode     string
	DistrictCode string
	Class        registry.Class
	ProgramID    string
	ProgramCode  string
	ProgramName  bilingual.Text
	AssetID      string
	AssetLabel   string
	RetirementID string
	OwnerName    string
	Entry
	AmountFen    money.Fen
	Explanation  []Line
	State        State
	Funds        Funds
	OpenedBy     string
	OpenedByName string
	OpenedAt     time.Time
	SubmittedAt  *time.Time
	QueueNo      int64     // place by server time among those of the program, 0 before it is submitted
	DueOn        civil.Day // last day to submit or to mend; "" for none
	MendKind     string    // why it was sent back: data or account; "" if it was not
	MendReason   string
	Mended       bool // comes back from the applicant, or its payee changed: looked at apart from the new ones
	MovedAt      *time.Time

	PayeeCheckedOn     civil.Day
	PayeeCheckedBy     string
	PayeeCheckedByName string

	DecidedBy     string // who approved or rejected it
	DecidedByName string
	DecidedAt     *time.Time
	RejectCode    string
	RejectReason  string // also why it was withdrawn
	NoticeID      string
	NoticedUntil  civil.Day // last day of its public notice
	BatchID       string
	PaidOn        civil.Day
	FailReason    string // of the bank
	Version       int64
}

// RejectCodes are the reasons for which an application is refused for good.
var RejectCodes = []string{"not_eligible", "papers_false", "papers_never", "double_benefit", "too_late", "public_funded", "illegal", "objection", "other"}
