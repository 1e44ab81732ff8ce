package subsidy

import (
	"slices"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// PaperRule asks for a paper of some applicants: of any, of persons, of units,
// or of those that an agent comes for.
type PaperRule struct {
	Paper string `json:"paper" doc:"Code of the paper, as a file's kind."`
	For   string `json:"for" enum:"any,person,unit,agent"`
}

// Flow is how the applications of a program are worked off.
type Flow struct {
	ProgramID string
	ReserveOn string // submission or approval: when the place in the queue gets its money
	MendDays  int    // days to mend what was sent back
	Papers    []PaperRule
	Version   int64 // 0 for the default
}

// Values of a flow.
const (
	OnSubmission = "submission"
	OnApproval   = "approval"
)

// PaperNames are the papers that a flow may ask for. The list is that of the
// city system described in domain.md 5.6 (Shenzhen, 2017).
var PaperNames = []struct {
	Code string
	Name bilingual.Text
}{
	{"certificate", bilingual.T("报废回收证明", "recycling certificate")},
	{"deregistration", bilingual.T("注销证明", "certificate of deregistration")},
	{"owner_document", bilingual.T("所有人身份证明", "owner's document")},
	{"bank_card", bilingual.T("银行卡复印件", "copy of the bank card")},
	{"account_permit", bilingual.T("开户许可证", "permit of the account")},
	{"not_public_funded", bilingual.T("非财政供养单位证明", "statement that no public money feeds the unit")},
	{"authorization", bilingual.T("代理委托书", "authorization of the agent")},
	{"agent_document", bilingual.T("代办人身份证明", "agent's document")},
	{"transport_permit", bilingual.T("道路运输证", "road transport permit")},
	{"replacement_invoice", bilingual.T("新购发票", "invoice of the new one")},
	{"other", bilingual.T("其他材料", "other papers")},
}

// PaperName returns what people call a paper.
func PaperName(code string) (bilingual.Text, bool) {
	for _, p := range PaperNames {
		if p.Code == code {
			return p.Name, true
		}
	}
	return bilingual.Text{}, false
}

// DefaultFlow is that of a program for which nothing was set: the papers of
// domain.md 5.6 and 15 days to mend, which is our assumption.
func DefaultFlow(programID string) Flow {
	return Flow{ProgramID: programID, ReserveOn: OnSubmission, MendDays: 15, Papers: []PaperRule{
		{"owner_document", "any"}, {"bank_card", "person"}, {"account_permit", "unit"}, {"not_public_funded", "unit"},
		{"authorization", "agent"}, {"agent_document", "agent"},
	}}
}

// Check returns what is wrong with a flow as entered.
func (f Flow) Check() []fault.Detail {
	var wrong []fault.Detail
	seen := map[PaperRule]bool{}
	for _, rule := range f.Papers {
		if _, known := PaperName(rule.Paper); !known {
			wrong = append(wrong, fault.Detail{Location: "body.papers", Code: "unknown_value", Message: bilingual.F("“%s”不是材料", "%q is not a paper", rule.Paper)})
		}
		if seen[rule] {
			wrong = append(wrong, fault.Detail{Location: "body.papers", Code: "duplicate", Message: bilingual.F("材料“%s”重复", "the paper %q stands there twice", rule.Paper)})
		}
		seen[rule] = true
	}
	return wrong
}

// PaperItem is one line of the checklist of an application.
type PaperItem struct {
	Code     string
	Name     bilingual.Text
	Required bool
	Files    []string
}

// Checklist returns the list of papers of an application from the files that are
// there, by kind. Files of kinds that nobody asked for come after.
func (f Flow) Checklist(e Entry, files map[string][]string) []PaperItem {
	var items []PaperItem
	asked := map[string]bool{}
	for _, rule := range f.Papers {
		wanted := rule.For == "any" || rule.For == e.ApplicantKind || rule.For == "agent" && e.BroughtBy == Agent
		if !wanted || asked[rule.Paper] {
			continue
		}
		asked[rule.Paper] = true
		name, _ := PaperName(rule.Paper)
		items = append(items, PaperItem{rule.Paper, name, true, files[rule.Paper]})
	}
	for _, p := range PaperNames {
		if len(files[p.Code]) > 0 && !asked[p.Code] {
			items = append(items, PaperItem{p.Code, p.Name, false, files[p.Code]})
		}
	}
	return items
}

// MissingPapers fails with Conflict papers_missing, one detail for each paper
// of the list that is not there.
func MissingPapers(items []PaperItem) error {
	missing := slices.DeleteFunc(slices.Clone(items), func(i PaperItem) bool { return !i.Required || len(i.Files) > 0 })
	if len(missing) == 0 {
		return nil
	}
	f := fault.New(fault.Conflict, "papers_missing", bilingual.T("材料不齐，不能进入下一步", "papers are missing: the next step has to wait")).
		WithMend("请补传所列材料", "put in the papers that are listed")
	for _, i := range missing {
		f.Details = append(f.Details, fault.Detail{Location: "papers." + i.Code, Code: "required",
			Message: bilingual.T("缺少"+i.Name.ZH, i.Name.EN+" is missing"), Mend: bilingual.T("上传"+i.Name.ZH, "put in the "+i.Name.EN)})
	}
	return f
}
