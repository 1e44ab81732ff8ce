package app

import (
	"context"
	"fmt"
	"io"
	"iter"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
)

// errStopped ends the walk over lines of a reader that wants no more.
var errStopped = fmt.Errorf("app: stopped")

func (a *App) layout(ctx context.Context, scope access.Scope, id string) (ledger.Layout, error) {
	if id == "" || id == "treasury" {
		return ledger.Treasury(), nil
	}
	return a.DB.Layout(ctx, scope, id)
}

// BankFile writes a batch as the bank wants it, with count, total and digest on
// top of a workbook, and keeps in the audit who took it.
func (a *App) BankFile(ctx context.Context, by access.Actor, id, layoutID, format string, w io.Writer) (Exported, error) {
	batch, err := a.DB.Batch(ctx, by.Scope, id)
	if err != nil {
		return Exported{}, err
	}
	if batch.State == ledger.BatchVoid {
		return Exported{}, fault.New(fault.Conflict, "wrong_state", bilingual.T("该批次已作废", "the batch was given up"))
	}
	layout, err := a.layout(ctx, by.Scope, layoutID)
	if err != nil {
		return Exported{}, err
	}
	table := sheet.Table{Title: "补贴支付批次 " + batch.Number, Notes: []string{
		fmt.Sprintf("%s    笔数 %d    合计 %s 元（%s）", batch.ProgramName.ZH, batch.LineCount, batch.TotalFen.Yuan(), ledger.Capitals(batch.TotalFen)),
		"SHA-256 " + batch.SHA256,
	}}
	widths := map[string]float64{"line_no": 8, "payee_name": 28, "payee_account": 26, "payee_bank": 28, "purpose": 36, "sha256": 66}
	for _, c := range layout.Columns {
		head := sheet.Head{Title: c.Heading, Width: max(widths[c.Field], 14)}
		if c.Field == "amount_yuan" || c.Field == "amount_fen" || c.Field == "line_no" {
			head.Kind = sheet.NumberColumn
		}
		table.Head = append(table.Head, head)
	}
	stream := sheet.StreamXLSX
	if format == "csv" {
		stream = sheet.StreamCSV
	}
	rows := func(yield func([]string, error) bool) {
		err := a.DB.EachLine(ctx, batch, func(l ledger.BatchLine) error {
			if l.AmountFen > 0 && !yield(layout.Cells(batch, l), nil) { // what is kept back whole never goes to the bank
				return errStopped
			}
			return nil
		})
		if err != nil && err != errStopped { //nolint:errorlint // our own mark
			yield(nil, err)
		}
	}
	if err := stream(w, table, rows); err != nil {
		return Exported{}, err
	}
	err = a.DB.Write(ctx, by, func(tx *store.Tx) error {
		return tx.Record(store.Event{Action: "export", Entity: "batch", EntityID: batch.ID, CityCode: batch.CityCode}, nil, map[string]string{"format": format, "layout": layout.Code})
	})
	return Exported{Name: batch.Number + "." + format, Count: int(batch.LineCount)}, err
}

// ApprovalSheet writes the sheet that is signed before a batch goes to the bank
// 签批表: lines, sum in figures and capitals, digest, fields for signatures; A4.
func (a *App) ApprovalSheet(ctx context.Context, scope access.Scope, id string, w io.Writer) (Exported, error) {
	batch, err := a.DB.Batch(ctx, scope, id)
	if err != nil {
		return Exported{}, err
	}
	city, _ := a.Reference.Region(batch.CityCode)
	lines := func(yield func(ledger.BatchLine, error) bool) {
		err := a.DB.EachLine(ctx, batch, func(l ledger.BatchLine) error {
			if !yield(l, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && err != errStopped { //nolint:errorlint // our own mark
			yield(ledger.BatchLine{}, err)
		}
	}
	table, rows := approvalSheet(batch, city.Name, lines)
	return Exported{Name: batch.Number + "-签批表.xlsx", Count: int(batch.LineCount)}, sheet.WriteXLSX(w, table, rows)
}

// approvalSheet lays the sheet out.
func approvalSheet(b ledger.Batch, city string, lines iter.Seq2[ledger.BatchLine, error]) (sheet.Table, iter.Seq2[[]any, error]) {
	table := sheet.Table{Title: city + "老旧车船机械淘汰补贴资金签批表", Notes: []string{
		"批次号：" + b.Number + "    补贴方案：" + b.ProgramName.ZH + "    制表：" + b.CreatedByName + " " + b.CreatedAt.In(civil.Shanghai).Format("2006-01-02 15:04"),
		fmt.Sprintf("笔数：%d    合计：%s 元    大写：人民币%s", b.LineCount, b.TotalFen.Yuan(), ledger.Capitals(b.TotalFen)),
		"校验码（SHA-256）：" + b.SHA256,
	}, Head: []sheet.Head{{Title: "序号", Width: 8}, {Title: "号牌/编号", Width: 16}, {Title: "收款人名称", Width: 30}, {Title: "收款人账户", Width: 26}, {Title: "开户银行", Width: 30},
		{Title: "金额（元）", Width: 16, Kind: sheet.MoneyColumn}, {Title: "抵扣（元）", Width: 14, Kind: sheet.MoneyColumn}}}
	if b.OffsetFen > 0 {
		table.Notes = append(table.Notes, "其中抵扣追缴款 "+b.OffsetFen.Yuan()+" 元，已从应付金额中扣除")
	}
	return table, func(yield func([]any, error) bool) {
		for l, err := range lines {
			offset := any("")
			if l.OffsetFen > 0 {
				offset = l.OffsetFen
			}
			if !yield([]any{l.LineNo, l.AssetLabel, l.PayeeName, l.PayeeAccount, l.PayeeBank, l.AmountFen, offset}, err) || err != nil {
				return
			}
		}
		sum := func(f money.Fen) any {
			if f == 0 {
				return ""
			}
			return f
		}
		for _, row := range [][]any{
			{"合计", "", "", "", "", b.TotalFen, sum(b.OffsetFen)},
			{"大写", "人民币" + ledger.Capitals(b.TotalFen), "", "", "", "", ""},
			{},
			{"经办人", "", "复核人", "", "财务负责人", "", ""},
			{"单位负责人", "", "盖章", "", "日期", "      年    月    日", ""},
		} {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// CreateLayout adds a layout of bank files to a city.
func (a *App) CreateLayout(ctx context.Context, by access.Actor, l ledger.Layout) (ledger.Layout, error) {
	return write(ctx, a, by, func(tx *store.Tx) (ledger.Layout, error) {
		if details := l.Check(); len(details) > 0 {
			return l, fault.Fields(details)
		}
		l.ID = newID()
		return l, tx.CreateLayout(&l)
	})
}

// UpdateLayout changes the name and the columns of a layout.
func (a *App) UpdateLayout(ctx context.Context, by access.Actor, id string, version int64, l ledger.Layout) (ledger.Layout, error) {
	return write(ctx, a, by, func(tx *store.Tx) (ledger.Layout, error) {
		l.Code = "x" // stays as it is
		if details := l.Check(); len(details) > 0 {
			return l, fault.Fields(details)
		}
		return tx.UpdateLayout(id, version, l)
	})
}
