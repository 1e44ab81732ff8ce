package app

import (
	"bytes"
	"fmt"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/ledger"
	"phaseout/internal/store"
)

// batch freezes the payable applications of a city. In the first three cities
// it is sent and answered by the bank; in the first of them one line comes back.
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
	_, err = d.AnswerBatch(d.ctx, second, sent.ID, sent.Number+"-回单.csv", bytes.NewReader(d.answer(sent, lines, n)))
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
	return []byte(text.String())
}
