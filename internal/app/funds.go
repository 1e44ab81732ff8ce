package app

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// CreateBudgetLine adds a budget line and proposes its first amount, which
// another person approves.
func (a *App) CreateBudgetLine(ctx context.Context, by access.Actor, l ledger.BudgetLine, amount money.Fen, reason string) (ledger.BudgetLine, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (ledger.BudgetLine, error) {
		year := civil.On(tx.At).Year()
		c := ledger.Change{CityCode: l.CityCode, Kind: ledger.Raise, AmountFen: amount, Document: l.Document, Reason: reason}
		details := c.Check(year)
		if !l.Source.Valid() {
			details = append(details, fault.Detail{Location: "body.source", Code: "unknown_value", Message: bilingual.T("没有这种资金来源", "there is no such source")})
		}
		if l.Year < year || l.Year > year+1 {
			details = append(details, fault.Detail{Location: "body.year", Code: "out_of_range", Message: bilingual.T("只能设立本年度或下一年度的预算", "a line is of this year or the next")})
		}
		if _, ok := registry.SpecOf(l.Class); l.Class != "" && !ok {
			details = append(details, fault.Detail{Location: "body.class", Code: "unknown_value", Message: bilingual.F("“%s”不是类别", "%q is not a class", l.Class)})
		}
		if r, ok := a.Reference.Region(l.CityCode); !ok || r.Level != "city" || !by.Scope.Covers(l.CityCode, "") {
			details = append(details, fault.Detail{Location: "body.city_code", Code: "wrong_city", Message: bilingual.T("只能为本市设立预算", "a line can be set up for your own city only")})
		}
		if len(details) > 0 {
			return l, fault.Fields(details)
		}
		if l.ProgramID != "" {
			if _, err := tx.Program(l.ProgramID); err != nil {
				return l, fault.Field("body.program_id", "unknown_value", bilingual.T("没有这个补贴方案", "there is no such program"), bilingual.Text{})
			}
		}
		l.ID = newID()
		if err := tx.CreateBudgetLine(&l); err != nil {
			return l, err
		}
		c.ID, c.LineID = newID(), l.ID
		return l, tx.ProposeChange(&c)
	})
}

// ProposeChange proposes to raise or cut a budget line.
func (a *App) ProposeChange(ctx context.Context, by access.Actor, lineID string, c ledger.Change) (ledger.Change, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (ledger.Change, error) {
		line, err := tx.BudgetLine(lineID)
		if err != nil {
			return c, err
		}
		if line.Closed {
			return c, ledger.YearClosed(line.Year)
		}
		if details := c.Check(civil.On(tx.At).Year()); len(details) > 0 {
			return c, fault.Fields(details)
		}
		c.ID, c.LineID, c.CityCode = newID(), lineID, line.CityCode
		return c, tx.ProposeChange(&c)
	})
}

// DecideChange approves or rejects a raise or cut; an approved one is booked at
// once. It fails with Denied four_eyes for who proposed it.
func (a *App) DecideChange(ctx context.Context, by access.Actor, id string, version int64, approve bool, reason string) (ledger.Change, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (ledger.Change, error) {
		before, err := tx.Change(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		after, err := before.Decide(approve, reason, by.ID, by.Name, tx.At)
		if err != nil {
			return before, err
		}
		line, err := tx.BudgetLine(before.LineID)
		if err != nil {
			return before, err
		}
		return after, tx.DecideChange(before, &after, line)
	})
}

// OpenRecovery opens a case for money that was paid and must come back.
func (a *App) OpenRecovery(ctx context.Context, by access.Actor, applicationID string, r ledger.Recovery, instalments []ledger.Instalment) (ledger.Recovery, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (ledger.Recovery, error) {
		application, err := tx.Application(applicationID)
		if err != nil {
			return r, err
		}
		if application.State != subsidy.Paid {
			return r, fault.New(fault.Conflict, "wrong_state", bilingual.T("只有已支付的补贴才能追缴", "only what was paid can be recovered")).WithMend("未支付的申请请撤销或不予批准", "withdraw or reject what is not paid")
		}
		left, err := tx.Recoverable(application)
		if err != nil {
			return r, err
		}
		if left < 1 {
			return r, fault.New(fault.Conflict, "nothing_left", bilingual.T("该笔补贴已全部立案追缴，没有可追缴的金额", "all of this payment is claimed by cases already; nothing is left to recover")).
				WithMend("请查看已有的追缴案件", "look at the cases that are there")
		}
		if details := ledger.CheckRecovery(r, instalments, left, civil.On(tx.At)); len(details) > 0 {
			return r, fault.Fields(details)
		}
		r.ID = newID()
		return r, tx.OpenRecovery(&r, application, instalments)
	})
}

// BookReceipt books what a payee paid back.
func (a *App) BookReceipt(ctx context.Context, by access.Actor, id string, version int64, receipt ledger.Receipt) (ledger.Recovery, error) {
	return a.changeRecovery(ctx, by, id, version, func(tx *store.Tx, before ledger.Recovery) (ledger.Recovery, error) {
		var details []fault.Detail
		left := before.Outstanding() - before.PendingFen
		if left < 1 {
			return before, fault.New(fault.Conflict, "nothing_left", bilingual.T("该案件的欠款已缴清或正在支付批次中抵扣，没有可登记的金额", "nothing of this case is owed that is not kept back by a batch already")).
				WithMend("如批次退回，金额会重新可缴", "what a batch gives back can be paid again")
		}
		if receipt.AmountFen < 1 || receipt.AmountFen > left {
			details = append(details, fault.Detail{Location: "body.amount_fen", Code: "out_of_range", Message: bilingual.F("缴回金额应在 0.01 元和 %s 元之间", "the amount must be between 0.01 and %s yuan", left.Yuan()),
				Mend: bilingual.T("不能超过尚欠且不在支付批次中抵扣的金额", "no more than is owed and not kept back by a batch under way")})
		}
		if !receipt.ReceivedOn.Valid() || receipt.ReceivedOn > civil.On(tx.At) {
			details = append(details, fault.Detail{Location: "body.received_on", Code: "date_future", Message: bilingual.T("缴回日期无效或晚于今天", "the day is none or after today")})
		}
		if strings.TrimSpace(receipt.Reference) == "" {
			details = append(details, fault.Detail{Location: "body.reference", Code: "required", Message: bilingual.T("缺少缴款凭证号", "the reference of the receipt is missing")})
		}
		if len(details) > 0 {
			return before, fault.Fields(details)
		}
		return tx.BookReceipt(before, receipt)
	})
}

// WithdrawRecovery ends a case without its money; another person than who
// opened it says so, with a reason.
func (a *App) WithdrawRecovery(ctx context.Context, by access.Actor, id string, version int64, reason string) (ledger.Recovery, error) {
	return a.changeRecovery(ctx, by, id, version, func(tx *store.Tx, before ledger.Recovery) (ledger.Recovery, error) {
		switch {
		case before.OpenedBy == by.ID:
			return before, fault.New(fault.Denied, "four_eyes", bilingual.T("不能撤销自己立案的追缴", "nobody withdraws a case of their own")).WithMend("请由另一名财务人员办理", "ask another finance officer")
		case strings.TrimSpace(reason) == "":
			return before, fault.Field("body.reason", "required", bilingual.T("撤销必须填写原因", "a withdrawal needs a reason"), bilingual.Text{})
		case before.PendingFen > 0:
			return before, fault.New(fault.Conflict, "offset_pending", bilingual.T("有支付批次正在抵扣该案件", "a batch under way keeps money back for the case")).WithMend("请等待银行回单，或先作废批次", "wait for the bank's answer, or give the batch up")
		}
		return tx.WithdrawRecovery(before, reason)
	})
}

func (a *App) changeRecovery(ctx context.Context, by access.Actor, id string, version int64, deed func(*store.Tx, ledger.Recovery) (ledger.Recovery, error)) (ledger.Recovery, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (ledger.Recovery, error) {
		before, err := tx.Recovery(id)
		switch {
		case err != nil:
			return before, err
		case before.Version != version:
			return before, staleSince(version, before.Version)
		case before.State != "open":
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("该追缴案件已结束", "the case is closed")).WithMend("请刷新后查看最新状态", "reload to see its present state")
		}
		return deed(tx, before)
	})
}

// Closing is a funding year with what becomes of each line.
type Closing struct {
	ledger.Year
	Lines []ledger.ClosingLine
}

// PreviewClosing lists what closing a year would do. Nothing is written.
func (a *App) PreviewClosing(ctx context.Context, scope access.Scope, city string, year int) (Closing, error) {
	y, err := a.DB.FundingYear(ctx, scope, city, year)
	if err != nil {
		return Closing{}, err
	}
	lines, err := a.DB.BudgetLines(ctx, scope, store.BudgetFilter{City: city, Year: year}, store.Page{Limit: 1000})
	if err != nil {
		return Closing{}, err
	}
	plan, err := ledger.PlanClosing(lines, fitting(y.Carry, lines))
	return Closing{y, plan}, err
}

// fitting drops from a proposal what the lines have no more.
func fitting(carry map[string]money.Fen, lines []ledger.BudgetLine) map[string]money.Fen {
	kept := map[string]money.Fen{}
	for _, l := range lines {
		if c := min(carry[l.ID], l.FreeFen); c > 0 {
			kept[l.ID] = c
		}
	}
	return kept
}

// ProposeClosing proposes to close a year: carry says how much of the unspent
// of each line goes over to the next year, the rest is returned.
func (a *App) ProposeClosing(ctx context.Context, by access.Actor, city string, year int, carry map[string]money.Fen, document string) (ledger.Year, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (ledger.Year, error) {
		lines, err := closable(tx, city, year)
		if err != nil {
			return ledger.Year{}, err
		}
		if strings.TrimSpace(document) == "" {
			return ledger.Year{}, fault.Field("body.document", "required", bilingual.T("缺少结转结余文件依据", "the document is missing"), bilingual.Text{})
		}
		if _, err := ledger.PlanClosing(lines, carry); err != nil {
			return ledger.Year{}, err
		}
		if carry == nil {
			carry = map[string]money.Fen{}
		}
		return tx.ProposeClosing(ledger.Year{CityCode: city, Year: year, Carry: carry, Document: document})
	})
}

// CloseYear does what another person proposed, and locks the year.
func (a *App) CloseYear(ctx context.Context, by access.Actor, city string, year int) (Closing, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (Closing, error) {
		lines, err := closable(tx, city, year)
		if err != nil {
			return Closing{}, err
		}
		y, _, err := tx.Year(city, year)
		switch {
		case err != nil:
			return Closing{}, err
		case y.State != "proposed":
			return Closing{}, fault.New(fault.Conflict, "not_proposed", bilingual.T("尚未提出结账方案", "closing the year was not proposed")).WithMend("请先由一名财务人员提出结账方案", "one finance officer proposes it first")
		case y.ProposedBy == by.ID:
			return Closing{}, fault.New(fault.Denied, "four_eyes", bilingual.T("提出结账的人不能自己结账", "who proposed the closing cannot do it")).WithMend("请由另一名财务人员办理", "ask another finance officer")
		}
		plan, err := ledger.PlanClosing(lines, fitting(y.Carry, lines))
		if err != nil {
			return Closing{}, err
		}
		closed, err := tx.CloseYear(y, plan)
		return Closing{closed, plan}, err
	})
}

// closable returns the lines of a year that may be closed now.
func closable(tx *store.Tx, city string, year int) ([]ledger.BudgetLine, error) {
	y, earlier, err := tx.Year(city, year)
	switch {
	case err != nil:
		return nil, err
	case y.State == "closed":
		return nil, ledger.YearClosed(year)
	case year >= civil.On(tx.At).Year():
		return nil, fault.New(fault.Conflict, "year_not_over", bilingual.F("%d 年尚未结束", "the year %d is not over", year)).WithMend("请在次年 1 月 1 日以后结账", "close it from 1 January on")
	case earlier:
		return nil, fault.New(fault.Conflict, "earlier_year_open", bilingual.T("更早的年度尚未结账", "an earlier year is not closed")).WithMend("请按年度顺序结账", "close the years in their order")
	}
	return tx.BudgetLines(store.BudgetFilter{City: city, Year: year}, store.Page{Limit: 1000})
}

// FundsLine is one month of one source of one city.
type FundsLine struct {
	CityCode     string
	Source       ledger.Source
	Month        string
	GivenFen     money.Fen // raised and carried in, less what was cut, returned and carried out
	ReservedFen  money.Fen // change in the month
	CommittedFen money.Fen
	PaidFen      money.Fen // paid, less what was refunded
	BackFen      money.Fen // recovered
	FreeFen      money.Fen // at the end of the month
}

// FundsReport returns the money of a year by city, source and month, from the
// postings.
func (a *App) FundsReport(ctx context.Context, scope access.Scope, city string, year int) ([]FundsLine, error) {
	facts, err := a.DB.FundsFacts(ctx, scope, city, year)
	if err != nil {
		return nil, err
	}
	index := map[[3]string]*FundsLine{}
	for _, f := range facts {
		key := [3]string{f.CityCode, fmt.Sprint(slices.Index(ledger.Sources, f.Source)), f.Month}
		if index[key] == nil {
			index[key] = &FundsLine{CityCode: f.CityCode, Source: f.Source, Month: f.Month}
		}
		l, fen := index[key], money.Fen(f.Fen)
		switch f.Account {
		case ledger.Grant:
			l.GivenFen -= fen
		case ledger.Reserved:
			l.ReservedFen += fen
		case ledger.Committed:
			l.CommittedFen += fen
		case ledger.Free:
			l.FreeFen += fen
		case ledger.Paid:
			if f.Kind == ledger.PaidBack || f.Kind == ledger.Offset {
				l.BackFen -= fen
			} else {
				l.PaidFen += fen
			}
		}
	}
	keys := make([][3]string, 0, len(index))
	for k := range index {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y [3]string) int { return strings.Compare(strings.Join(x[:], "/"), strings.Join(y[:], "/")) })
	lines := make([]FundsLine, len(keys))
	for i, k := range keys {
		lines[i] = *index[k]
		if i > 0 && lines[i-1].CityCode == lines[i].CityCode && lines[i-1].Source == lines[i].Source {
			lines[i].FreeFen += lines[i-1].FreeFen // the end of the month, not the change
		}
	}
	return lines, nil
}

// FundsWorkbook writes the funds report with its unit named: yuan, or
// ten_thousand for 万元. Figures are numbers.
func (a *App) FundsWorkbook(ctx context.Context, by access.Actor, city string, year int, unit string, lang bilingual.Lang, w io.Writer) (Exported, error) {
	lines, err := a.FundsReport(ctx, by.Scope, city, year)
	if err != nil {
		return Exported{}, err
	}
	t := func(zh, en string) string { return bilingual.T(zh, en).In(lang) }
	unitName, kind := t("元", "yuan"), sheet.MoneyColumn
	figure := func(f money.Fen) any { return f }
	if unit == "ten_thousand" {
		unitName, kind = t("万元", "10,000 yuan"), sheet.PlainColumn
		figure = func(f money.Fen) any { return float64(f) / 1_000_000 }
	}
	made, err := a.MadeBy(ctx, by, lang)
	if err != nil {
		return Exported{}, err
	}
	table := sheet.Table{Title: fmt.Sprintf(t("%d 年补贴资金使用情况表", "Use of subsidy funds in %d"), year), Notes: []string{
		t("单位：", "Unit: ") + unitName,
		made,
	}, Head: []sheet.Head{{Title: t("城市", "City"), Width: 12}, {Title: t("资金来源", "Source"), Width: 14}, {Title: t("月份", "Month"), Width: 10}}}
	for _, heading := range []string{t("下达（净额）", "Given (net)"), t("预留变动", "Reserved (change)"), t("承诺变动", "Committed (change)"), t("支付", "Paid"), t("追回", "Recovered"), t("月末结余", "Free at month end")} {
		table.Head = append(table.Head, sheet.Head{Title: heading + "（" + unitName + "）", Width: 18, Kind: kind})
	}
	var total FundsLine
	var rows [][]any
	for _, l := range lines {
		rows = append(rows, []any{a.regionName(l.CityCode, lang), l.Source.Name().In(lang), l.Month, figure(l.GivenFen), figure(l.ReservedFen), figure(l.CommittedFen), figure(l.PaidFen), figure(l.BackFen), figure(l.FreeFen)})
		total.GivenFen, total.ReservedFen, total.CommittedFen = total.GivenFen+l.GivenFen, total.ReservedFen+l.ReservedFen, total.CommittedFen+l.CommittedFen
		total.PaidFen, total.BackFen = total.PaidFen+l.PaidFen, total.BackFen+l.BackFen
	}
	free := total.GivenFen - total.ReservedFen - total.CommittedFen - total.PaidFen + total.BackFen
	rows = append(rows, []any{t("合计", "Total"), "", "", figure(total.GivenFen), figure(total.ReservedFen), figure(total.CommittedFen), figure(total.PaidFen), figure(total.BackFen), figure(free)})
	return Exported{Name: fmt.Sprintf("funds-%d.xlsx", year), Count: len(lines)}, sheet.WriteXLSX(w, table, rowsOf(rows))
}
