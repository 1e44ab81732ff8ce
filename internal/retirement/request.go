package retirement

import (
	"slices"
	"strings"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// RequestKind is what a request asks for.
type RequestKind string

// The kinds of request. None takes effect before a second person approves it.
const (
	Waiver     RequestKind = "waiver"     // let one item of evidence go
	Correction RequestKind = "correction" // other words in a verified declaration
	Withdrawal RequestKind = "withdrawal" // take a verified retirement back
)

// The states of a request.
const (
	RequestOpen     = "open"
	RequestApproved = "approved"
	RequestRefused  = "refused"
)

// Request asks a second person for something that nobody may do alone.
type Request struct {
	ID              string
	Kind            RequestKind
	RetirementID    string
	AssetID         string
	AssetLabel      string
	Class           registry.Class
	CityCode        string
	DistrictCode    string
	Item            string      // of the evidence, for a waiver
	Before, After   Declaration // for a correction
	Reason          string
	State           string
	RequestedBy     string
	RequestedByName string
	RequestedAt     time.Time
	DecidedBy       string
	DecidedByName   string
	DecidedAt       *time.Time
	Answer          string
	Version         int64
}

// Ask returns what is wrong with a request about r, nil if it can be made. The
// days of a corrected declaration are for Declaration.Check.
func (r Retirement) Ask(kind RequestKind, item, reason string, items []Item) error {
	if strings.TrimSpace(reason) == "" {
		return fault.Field("body.reason", "required", bilingual.T("必须写明理由", "a request needs a reason"), bilingual.T("写明为何需要", "say why it is needed"))
	}
	switch kind {
	case Waiver:
		return r.askWaiver(item, items)
	case Correction:
		return r.Guard(Correct)
	case Withdrawal:
		if r.State != Verified {
			return fault.New(fault.Conflict, "not_verified", bilingual.T("尚未核实，可直接撤销", "it is not verified; it can be taken back at once")).
				WithMend("请使用“撤销登记”", "use the withdrawal of the record")
		}
		return nil
	}
	return fault.Field("body.kind", "unknown_value", bilingual.F("“%s”不是申请类型", "%q is no kind of request", kind), bilingual.T("使用 waiver、correction 或 withdrawal", "use waiver, correction or withdrawal"))
}

// askWaiver: a day decides when something counts, so that it is never let go.
func (r Retirement) askWaiver(item string, items []Item) error {
	if _, may := Allowed(r.Standing(), Amend); !may {
		return r.Guard(Amend)
	}
	at := slices.IndexFunc(items, func(i Item) bool { return i.Code == item })
	switch {
	case at < 0:
		return fault.Field("body.item", "unknown_value", bilingual.F("“%s”不是该去向的证明材料", "%q is not on the evidence list", item), bilingual.T("请从清单中选择", "choose from the list"))
	case items[at].Kind == "field":
		return fault.Field("body.item", "not_waivable", bilingual.T("“"+items[at].Name.ZH+"”不能免交", items[at].Name.EN+" cannot be waived"), bilingual.T("日期和编号决定是否计入，必须填写", "days and numbers decide what counts; fill them in"))
	case items[at].Present || items[at].Waived:
		return fault.New(fault.Conflict, "not_missing", bilingual.T("该材料并不缺少", "this item is not missing"))
	}
	return nil
}

// Decide returns q as a second person leaves it. It fails with Denied four_eyes
// if it is their own request, Conflict if it is decided, Invalid if it is
// refused without a reason.
func (q Request) Decide(approve bool, answer string, by access.Actor, at time.Time) (Request, error) {
	answer = strings.TrimSpace(answer)
	switch {
	case q.State != RequestOpen:
		return q, fault.New(fault.Conflict, "wrong_state", bilingual.T("该申请已处理", "the request is decided already")).WithMend("请刷新", "reload")
	case by.ID == q.RequestedBy:
		return q, fault.New(fault.Denied, "four_eyes", bilingual.T("不能审批自己的申请", "nobody decides on their own request")).WithMend("请由另一人处理", "ask somebody else")
	case !approve && answer == "":
		return q, fault.Field("body.reason", "required", bilingual.T("不同意时必须填写理由", "a refusal needs a reason"), bilingual.T("写明理由", "say why"))
	}
	q.State = RequestRefused
	if approve {
		q.State = RequestApproved
	}
	q.DecidedBy, q.DecidedByName, q.DecidedAt, q.Answer = by.ID, by.Name, &at, answer
	return q, nil
}

// Waive returns r without the item among what is missing.
func (r Retirement) Waive(item string) Retirement {
	if !slices.Contains(r.Waived, item) {
		r.Waived = append(slices.Clone(r.Waived), item)
	}
	return r
}

// CorrectTo returns a verified r with another declaration, the next revision. It
// stays verified; it fails with Conflict if the new declaration would not have
// got there: a step of its way out is missing.
func (r Retirement) CorrectTo(d Declaration, way registry.WayOut) (Retirement, error) {
	if err := r.Guard(Correct); err != nil {
		return r, err
	}
	for _, s := range way.Steps {
		if s.Code == string(Deregister) && d.DeregisteredOn == "" {
			return r, fault.Field("body.declaration.deregistered_on", "required", bilingual.T("已核实的记录必须有注销（变更）日期", "a verified retirement keeps its day of deregistration"),
				bilingual.T("如根本没有注销，请申请撤销", "ask for a withdrawal if it was never deregistered"))
		}
	}
	r.Declaration = d
	return r, nil
}

// Prove returns r corrected to after as its approver leaves it. It fails with
// Conflict evidence_missing if required evidence is missing, or if the correction
// dates a step for which something had to be there that nobody asked for before:
// what is passed by at the verification is met here. The approver who says why
// (reason) lets the latter go, as at a verification.
func (r Retirement) Prove(after Retirement, items []Item, reason string) (Retirement, error) {
	missing, skipped := Missing(items), after.Skipped(items)
	skipped = slices.DeleteFunc(skipped, func(i Item) bool { return r.DayOf(Deed(i.Before)) != "" })
	switch {
	case len(missing) > 0:
		return r, Lacking(bilingual.T("更正后的去向缺少证明材料", "the corrected way out lacks evidence"), append(missing, skipped...))
	case len(skipped) > 0 && reason == "":
		return r, Lacking(bilingual.T("更正补填的步骤缺少应在其之前取得的材料", "what should have been there before a step that the correction dates is missing"), skipped).
			WithMend("补齐所列材料；确实无法取得的，审批人写明理由后可免交", "add what is listed; of what cannot be had the approver may say why it is corrected without it")
	}
	for _, i := range skipped {
		after = after.Waive(i.Code)
	}
	return after, nil
}

// Version is a declaration that was replaced, kept as it was.
type Version struct {
	Declaration
	Revision       int64
	ReplacedBy     string
	ReplacedByName string
	ReplacedAt     time.Time
	Reason         string
	RequestID      string
}

// Event is a dated step with who logged it and what proves it.
type Event struct {
	Step         Deed
	On           civil.Day
	Note         string
	FileIDs      []string
	LoggedBy     string
	LoggedByName string
	LoggedAt     time.Time
}
