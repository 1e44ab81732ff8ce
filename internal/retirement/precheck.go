package retirement

import (
	"slices"
	"strings"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
)

// PreCheck is one question that is asked before an asset is taken in, with its
// answer, where the answer comes from and of which day it is. What is found
// blocks the subsidy, never the scrapping.
type PreCheck struct {
	AssetID       string
	Kind          string
	State         string
	Source        string
	CheckedOn     civil.Day
	Note          string
	CheckedBy     string
	CheckedByName string
	CheckedAt     time.Time
	Version       int64
}

// PreCheckKinds are the questions: mortgage 抵押, seizure 查封扣押, dues
// 违法未处理和欠费, activity 近期有运行记录.
var PreCheckKinds = []string{"mortgage", "seizure", "dues", "activity"}

// The answers: nothing was found, something is open. A question that nobody
// asked has none.
const (
	CheckClear = "clear"
	CheckOpen  = "open"
)

// OpenChecks returns the checks that found something, in the order of
// PreCheckKinds. As long as there is one, no subsidy is due.
func OpenChecks(checks []PreCheck) []PreCheck {
	var open []PreCheck
	for _, kind := range PreCheckKinds {
		for _, c := range checks {
			if c.Kind == kind && c.State == CheckOpen {
				open = append(open, c)
			}
		}
	}
	return open
}

// Check returns what is wrong with c on the day today.
func (c PreCheck) Check(today civil.Day) error {
	var wrong []fault.Detail
	add := func(field, code string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
	}
	if !slices.Contains(PreCheckKinds, c.Kind) {
		add("kind", "unknown_value", bilingual.F("“%s”不是预检项目", "%q is no check", c.Kind), bilingual.T("使用 mortgage、seizure、dues 或 activity", "use mortgage, seizure, dues or activity"))
	}
	if c.State != CheckClear && c.State != CheckOpen {
		add("state", "unknown_value", bilingual.F("“%s”不是预检结果", "%q is no answer", c.State), bilingual.T("使用 clear 或 open", "use clear or open"))
	}
	if strings.TrimSpace(c.Source) == "" {
		add("source", "required", bilingual.T("必须写明来源", "the source is missing"), bilingual.T("如“车管所窗口查询”", "such as: query at the vehicle office"))
	}
	if !c.CheckedOn.Valid() || c.CheckedOn > today {
		add("checked_on", "date_invalid", bilingual.T("查询日期不能晚于今天", "the day is not a day up to today"), bilingual.T("按 2025-03-05 的格式填写", "write it as 2025-03-05"))
	}
	if len(wrong) > 0 {
		return fault.Fields(wrong)
	}
	return nil
}

// CheckName returns what people call a kind of pre-check.
func CheckName(kind string) bilingual.Text {
	switch kind {
	case "mortgage":
		return bilingual.T("抵押", "mortgage")
	case "seizure":
		return bilingual.T("查封、扣押", "seizure")
	case "dues":
		return bilingual.T("违法未处理、欠费", "open fines and dues")
	case "activity":
		return bilingual.T("近期运行记录", "recent activity")
	}
	return bilingual.T(kind, kind)
}
