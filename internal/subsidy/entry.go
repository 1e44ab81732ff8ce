package subsidy

import (
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/identifier"
)

// Kind of applicant: a person, or a unit that public money does not feed.
// Units that it does feed cannot apply, so that there is no third kind.
const (
	Person = "person"
	Unit   = "unit"
)

// Who brings an application in.
const (
	Self  = "self"
	Agent = "agent"
)

// Entry is what the applicant says: who claims, who brings it in, where the
// money goes and what was bought instead.
type Entry struct {
	ApplicantKind    string // person or unit
	ApplicantPhone   string // secret
	BroughtBy        string // self or agent
	AgentName        string
	AgentID          string // secret
	AgentPhone       string // secret
	PayeeName        string
	PayeeBank        string
	PayeeBankCode    string // 12 figures of CNAPS, if known
	PayeeAccount     string // secret
	Replacement      string // plate or number of what was bought instead
	ReplacementOwner string
}

// Clean returns e without the blanks that slip into forms.
func (e Entry) Clean() Entry {
	for _, s := range []*string{&e.ApplicantPhone, &e.AgentName, &e.AgentID, &e.AgentPhone, &e.PayeeName, &e.PayeeBank, &e.Replacement, &e.ReplacementOwner} {
		*s = strings.TrimSpace(*s)
	}
	e.AgentID = identifier.Normalize(e.AgentID)
	e.PayeeAccount = strings.ReplaceAll(identifier.Normalize(e.PayeeAccount), "-", "")
	e.PayeeBankCode = strings.ReplaceAll(identifier.Normalize(e.PayeeBankCode), "-", "")
	if e.BroughtBy != Agent {
		e.AgentName, e.AgentID, e.AgentPhone = "", "", ""
	}
	return e
}

// Check returns what keeps e from being submitted for an owner with a number,
// which may be unknown.
func (e Entry) Check(owner, ownerID string) []fault.Detail {
	var wrong []fault.Detail
	add := func(field, code string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
	}
	if e.ApplicantKind != Person && e.ApplicantKind != Unit {
		add("applicant_kind", "required", bilingual.T("未选择申请人类型", "the kind of applicant is missing"),
			bilingual.T("选择个人或非财政供养单位", "choose a person, or a unit that public money does not feed"))
	}
	if !goodPhone(e.ApplicantPhone) {
		add("applicant_phone", "format", bilingual.T("联系电话缺失或有误", "the telephone is missing or wrong"), bilingual.T("填写手机号或带区号的固定电话", "give a mobile, or a fixed line with its area code"))
	}
	switch e.BroughtBy {
	case Self:
	case Agent:
		if e.AgentName == "" {
			add("agent_name", "required", bilingual.T("缺少代办人姓名", "the agent's name is missing"), bilingual.Text{})
		}
		if identifier.OwnerID(e.AgentID).Status != identifier.OK {
			add("agent_id", "format", bilingual.T("代办人证件号有误", "the agent's number is wrong"), bilingual.T("核对证件原件", "check it against the document"))
		}
		if ownerID != "" && strings.EqualFold(e.AgentID, ownerID) {
			add("agent_id", "agent_is_owner", bilingual.T("代办人与所有人是同一人", "the agent is the owner"), bilingual.T("本人办理请选择“自办”", "choose that the owner brings it in"))
		}
		if !goodPhone(e.AgentPhone) {
			add("agent_phone", "format", bilingual.T("代办人电话缺失或有误", "the agent's telephone is missing or wrong"), bilingual.Text{})
		}
	default:
		add("brought_by", "required", bilingual.T("未选择自办或代办", "who brings it in is missing"), bilingual.T("选择自办或代办", "choose the owner or an agent"))
	}
	for _, line := range e.CheckPayee(owner) {
		if !line.Passed {
			add(line.Code, "payee", bilingual.T(line.Text.ZH+"："+line.Fact.ZH, line.Text.EN+": "+line.Fact.EN), line.Requirement)
		}
	}
	return wrong
}

// Presented fails with Invalid if the document that was shown at the window is
// not that of the one who brings the application in: who comes for themselves
// must have the owner's number.
func (e Entry) Presented(number, ownerID string) error {
	number = strings.ToUpper(strings.TrimSpace(number))
	if number == "" || ownerID == "" {
		return nil
	}
	if e.BroughtBy == Self && !strings.EqualFold(number, ownerID) {
		return fault.Field("body.presented_id", "not_the_owner", bilingual.T("自办时出示的证件号必须与所有人一致", "who comes for themselves must show the owner's document"),
			bilingual.T("他人代办请选择“代办”并提交委托书", "for somebody else choose an agent and bring the authorization"))
	}
	return nil
}

func goodPhone(s string) bool { return s != "" && identifier.Phone(s).Status == identifier.OK }
