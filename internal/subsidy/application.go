package subsidy

import (
	"strings"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/registry"
)

// State of an application.
type State string

// An application is open until a second person approves or rejects it; an
// approved one goes into a batch and is paid, or fails, by the bank's answer.
const (
	Open     State = "open"
	Approved State = "approved"
	Rejected State = "rejected"
	Batched  State = "batched"
	Paid     State = "paid"
	Failed   State = "failed"
)

// Application is one owner's claim on one program for one retired asset. Its
// amount and explanation are those of the day it was opened.
type Application struct {
	ID            string
	CityCode      string
	DistrictCode  string
	Class         registry.Class
	ProgramID     string
	ProgramCode   string
	ProgramName   bilingual.Text
	AssetID       string
	AssetLabel    string
	RetirementID  string
	OwnerName     string
	PayeeName     string
	PayeeBank     string
	PayeeAccount  string // secret
	AmountFen     money.Fen
	Explanation   []Line
	State         State
	OpenedBy      string
	OpenedByName  string
	OpenedAt      time.Time
	DecidedBy     string
	DecidedByName string
	DecidedAt     *time.Time
	RejectReason  string
	BatchID       string
	PaidOn        civil.Day
	FailReason    string
	Version       int64
}

// Decide returns the application as a second person leaves it. It fails with
// Denied four_eyes if that person opened it, or declared or verified the
// retirement it rests on; with Conflict if it is not open; with Invalid if it
// is rejected without a reason.
func (a Application) Decide(approve bool, reason, by, byName string, involved []string, at time.Time) (Application, error) {
	reason = strings.TrimSpace(reason)
	if a.State != Open {
		return a, fault.New(fault.Conflict, "wrong_state", bilingual.T("该申请不在待审批状态", "the application is not open")).
			WithMend("请刷新后查看最新状态", "reload to see its present state")
	}
	for _, person := range append([]string{a.OpenedBy}, involved...) {
		if person == by {
			return a, fault.New(fault.Denied, "four_eyes", bilingual.T("经办人不能审批自己经办的申请", "who handled the case before cannot decide on it")).
				WithMend("请由另一名财务人员审批", "ask another finance officer")
		}
	}
	if !approve && reason == "" {
		return a, fault.Field("body.reason", "required", bilingual.T("不予批准时必须填写原因", "a rejection needs a reason"), bilingual.Text{})
	}
	a.State, a.DecidedBy, a.DecidedByName, a.DecidedAt = Approved, by, byName, &at
	if !approve {
		a.State, a.RejectReason = Rejected, reason
	}
	return a, nil
}

// BatchLine is one frozen line of a payment batch.
type BatchLine struct {
	LineNo        int64     `json:"line_no"`
	ApplicationID string    `json:"application_id"`
	AssetLabel    string    `json:"asset_label"`
	PayeeName     string    `json:"payee_name"`
	PayeeBank     string    `json:"payee_bank"`
	PayeeAccount  string    `json:"payee_account"`
	AmountFen     money.Fen `json:"amount_fen"`
	State         string    `json:"-"` // sealed, paid or failed: not part of what was sealed
	Reason        string    `json:"-"`
}

// Batch is a sealed list of payments: its lines, count, total and digest never
// change after it is made.
type Batch struct {
	ID            string
	CityCode      string
	Number        string
	ProgramID     string
	ProgramName   bilingual.Text
	State         string // sealed or paid
	LineCount     int64
	TotalFen      money.Fen
	SHA256        string
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	PaidOn        civil.Day
	Reference     string
	PaidBy        string
	PaidByName    string
	Version       int64
	Lines         []BatchLine
}
