package ledger

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// LayoutColumn is one column of a bank's file: the field that fills it, the
// heading over it and, for the field "fixed", the text that stands in each row.
type LayoutColumn struct {
	Field   string `json:"field"`
	Heading string `json:"heading"`
	Value   string `json:"value,omitempty"`
}

// Layout is how a bank wants its file.
type Layout struct {
	ID       string
	CityCode string // "" for one of the province
	Code     string
	Name     bilingual.Text
	Columns  []LayoutColumn
	Version  int64
}

// Treasury is the layout of a treasury's payment list 国库集中支付明细.
func Treasury() Layout {
	return Layout{ID: "treasury", Code: "treasury", Name: bilingual.T("国库支付明细（默认）", "treasury list (default)"), Version: 1, Columns: []LayoutColumn{
		{Field: "line_no", Heading: "序号"}, {Field: "bank_code", Heading: "收款人行别编码"}, {Field: "payee_name", Heading: "收款人名称"},
		{Field: "payee_account", Heading: "收款人账户"}, {Field: "payee_bank", Heading: "开户银行"}, {Field: "amount_yuan", Heading: "金额"},
		{Field: "purpose", Heading: "摘要"}, {Field: "fixed", Heading: "经济分类编码"}}}
}

// layoutFields are what a column of a bank's file may hold, and how a line
// fills it.
var layoutFields = map[string]func(Batch, BatchLine) string{
	"line_no":       func(_ Batch, l BatchLine) string { return strconv.FormatInt(l.LineNo, 10) },
	"bank_code":     func(_ Batch, l BatchLine) string { return l.BankCode },
	"payee_name":    func(_ Batch, l BatchLine) string { return l.PayeeName },
	"payee_account": func(_ Batch, l BatchLine) string { return Figures(l.PayeeAccount) },
	"payee_bank":    func(_ Batch, l BatchLine) string { return l.PayeeBank },
	"amount_yuan":   func(_ Batch, l BatchLine) string { return strings.ReplaceAll(l.AmountFen.Yuan(), ",", "") },
	"amount_fen":    func(_ Batch, l BatchLine) string { return strconv.FormatInt(int64(l.AmountFen), 10) },
	"purpose": func(b Batch, l BatchLine) string {
		return "淘汰补贴 " + l.AssetLabel + " " + b.Number + "/" + strconv.FormatInt(l.LineNo, 10)
	},
	"asset_label":  func(_ Batch, l BatchLine) string { return l.AssetLabel },
	"batch_number": func(b Batch, _ BatchLine) string { return b.Number },
	"sha256":       func(b Batch, _ BatchLine) string { return b.SHA256 },
	"fixed":        func(Batch, BatchLine) string { return "" },
}

// LayoutFields lists what a column may hold.
func LayoutFields() []string {
	fields := make([]string, 0, len(layoutFields))
	for f := range layoutFields {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	return fields
}

// Cells returns a line as the layout has it.
func (l Layout) Cells(b Batch, line BatchLine) []string {
	cells := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		cells[i] = c.Value
		if c.Field != "fixed" {
			cells[i] = layoutFields[c.Field](b, line)
		}
	}
	return cells
}

// Check returns what is wrong with a layout as entered.
func (l Layout) Check() []fault.Detail {
	var wrong []fault.Detail
	add := func(field, code string, message bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: code, Message: message})
	}
	has := map[string]bool{}
	for i, c := range l.Columns {
		at := fmt.Sprintf("columns[%d]", i)
		if _, known := layoutFields[c.Field]; !known {
			add(at+".field", "unknown_value", bilingual.F("没有字段“%s”", "there is no field %q", c.Field))
		}
		if strings.TrimSpace(c.Heading) == "" {
			add(at+".heading", "required", bilingual.T("缺少列名", "the heading is missing"))
		}
		has[c.Field] = true
	}
	if !has["payee_account"] || !has["payee_name"] || !has["amount_yuan"] && !has["amount_fen"] {
		add("columns", "required", bilingual.T("至少要有收款人名称、收款人账户和金额", "payee, account and amount must be there"))
	}
	if strings.TrimSpace(l.Code) == "" || l.Code == "treasury" {
		add("code", "unknown_value", bilingual.T("请另取一个编号", "choose another code"))
	}
	return wrong
}
