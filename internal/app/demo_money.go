package app

import (
	"bytes"
	"fmt"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/store"
)

// batch freezes the payable applications of a city. In the first three cities
// it is sent and answered by the bank; in the first of them one line comes back,
// and the bank names a payment that is none of the batch.
func (d *demo) batch(n int, first, second access.Actor, programID string) error {
	made, err := d.MakeBatch(d.ctx, first, programID, nil)
	if err != nil || n > 2 {
		return err
	}
	sent, err := d.SendBatch(d.ctx, second, made.ID, made.Version)
	if err != nil {
		return err
	}
	lines, err := d.DB.BatchLines(d.ctx, sent, "", store.Page{Limit: 100})
	if err != nil {
		return err
	}
	if _, err = d.AnswerBatch(d.ctx, second, sent.ID, sent.Number+"-回单.csv", bytes.NewReader(d.answer(sent, lines, n))); err != nil || n > 0 {
		return err
	}
	return d.recovery(first, second, lines[0])
}

// budgets gives each city money of two further sources, for all its programs:
// proposed by one officer, approved by the other.
func (d *demo) budgets(first, second access.Actor) error {
	for _, line := range []struct {
		source ledger.Source
		amount money.Fen
	}{{ledger.Central, 900_000_00}, {ledger.Provincial, 300_000_00}} {
		made, err := d.CreateBudgetLine(d.ctx, first, ledger.BudgetLine{CityCode: first.Scope.City(), Year: d.Today().Year(), Source: line.source, Document: "演示：资金下达文件"}, line.amount, "演示")
		if err != nil {
			return err
		}
		changes, err := d.DB.Changes(d.ctx, first.Scope, made.ID, "proposed", store.Page{Limit: 1})
		if err != nil {
			return err
		}
		if _, err := d.DecideChange(d.ctx, second, changes[0].ID, changes[0].Version, true, ""); err != nil {
			return err
		}
	}
	return nil
}

// recovery claims one payment back in two instalments, the first of which has
// come in part.
func (d *demo) recovery(first, second access.Actor, line ledger.BatchLine) error {
	today := d.Today()
	half := line.AmountFen / 2
	c, err := d.OpenRecovery(d.ctx, first, line.ApplicationID, ledger.Recovery{ReasonCode: "overpaid", Reason: "演示：复核发现提前月数计算有误", Document: "演示：追缴通知书", AmountFen: line.AmountFen, DueOn: today.AddDays(90), MayOffset: true},
		[]ledger.Instalment{{DueOn: today.AddDays(30), AmountFen: half}, {DueOn: today.AddDays(90), AmountFen: line.AmountFen - half}})
	if err != nil {
		return err
	}
	_, err = d.BookReceipt(d.ctx, second, c.ID, c.Version, ledger.Receipt{AmountFen: half / 2, ReceivedOn: today, Reference: "演示缴款0001"})
	return err
}

// answer writes what a treasury would answer to a batch.
func (d *demo) answer(b ledger.Batch, lines []ledger.BatchLine, n int) []byte {
	var text strings.Builder
	text.WriteString("序号,支付单号,收款人名称,收款人账户,支付金额,清算时间,支付状态,备注\r\n")
	for i, l := range lines {
		result, why := "支付成功", ""
		if n == 0 && i == len(lines)-1 && i > 0 {
			result, why = "退回", "户名不符"
		}
		fmt.Fprintf(&text, "%d,YS%s%04d,%s,%s,%s,%s,%s,%s\r\n", l.LineNo, strings.ReplaceAll(b.Number, "-", ""), l.LineNo, l.PayeeName, l.PayeeAccount,
			strings.ReplaceAll(l.AmountFen.Yuan(), ",", ""), d.Today(), result, why)
	}
	if n == 0 { // a row of somebody else's payment, to be explained at the bank desk
		fmt.Fprintf(&text, "99,YS%s0099,演示其他单位有限公司,62000000000000099999,1200.00,%s,支付成功,\r\n", strings.ReplaceAll(b.Number, "-", ""), d.Today())
	}
	return []byte(text.String())
}
