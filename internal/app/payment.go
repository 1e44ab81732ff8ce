package app

import (
	"context"
	"fmt"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// piece is how many lines of a batch are in memory at once.
const piece = 500

// LeftOut is a payable application that did not go into a batch, and why.
type LeftOut struct {
	ApplicationID string
	AssetLabel    string
	Reason        bilingual.Text
}

// MadeBatch is a batch as it was made, with what was left out of it.
type MadeBatch struct {
	ledger.Batch
	LeftOut []LeftOut
}

// MakeBatch freezes payable applications of a program into a payment batch:
// the named ones, or all of them. Its lines, total and digest never change.
// What is held, by a case about its yard for one, is left out and named.
func (a *App) MakeBatch(ctx context.Context, by access.Actor, programID string, ids []string) (MadeBatch, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (MadeBatch, error) {
		p, err := tx.Program(programID)
		if err != nil {
			return MadeBatch{}, err
		}
		city := p.CityCode
		if by.Scope.City() != "" {
			city = by.Scope.City()
		}
		prefix := fmt.Sprintf("%s-%s-", city, civil.On(tx.At).Month())
		n, err := tx.NextBatchNumber(prefix)
		if err != nil {
			return MadeBatch{}, err
		}
		made := MadeBatch{Batch: ledger.Batch{ID: newID(), CityCode: city, Number: fmt.Sprintf("%s%03d", prefix, n), ProgramID: p.ID, ProgramName: p.Name}}
		w, err := tx.NewBatch(&made.Batch)
		if err != nil {
			return made, err
		}
		pending := map[string]money.Fen{} // kept back by earlier lines of this batch
		freeze := func(applications []subsidy.Application) error {
			clear(pending) // the pieces before are noted on the cases
			var kept []subsidy.Application
			var lines []ledger.BatchLine
			owing, err := tx.Owing(applications)
			if err != nil {
				return err
			}
			retirements := make([]string, len(applications))
			for i, application := range applications {
				retirements[i] = application.RetirementID
			}
			held, err := tx.HeldRetirements(retirements)
			if err != nil {
				return err
			}
			for _, application := range applications {
				reason, waits, err := hold(tx, application, held)
				if err != nil {
					return err
				}
				if waits {
					made.LeftOut = append(made.LeftOut, LeftOut{application.ID, application.AssetLabel, reason})
					continue
				}
				kept = append(kept, application)
				line := ledger.BatchLine{LineNo: made.LineCount + int64(len(kept)), ApplicationID: application.ID, AssetLabel: application.AssetLabel,
					PayeeName: application.PayeeName, PayeeBank: application.PayeeBank, PayeeAccount: application.PayeeAccount, AmountFen: application.AmountFen}
				line.OffsetFen, line.CaseID = keptBack(owing[application.ID], application.AmountFen, pending)
				line.AmountFen -= line.OffsetFen
				lines = append(lines, line)
			}
			return w.Add(kept, lines)
		}
		if err := eachPayable(tx, programID, ids, freeze); err != nil {
			return made, err
		}
		if made.LineCount == 0 {
			f := fault.New(fault.Conflict, "nothing_to_pay", bilingual.T("没有可成批的申请", "there is no application to pay")).
				WithMend("请先完成审批和公示", "approve applications first")
			for _, l := range made.LeftOut {
				f.Details = append(f.Details, fault.Detail{Location: "left_out", Code: "held", Message: bilingual.T(l.AssetLabel+"："+l.Reason.ZH, l.AssetLabel+": "+l.Reason.EN)})
			}
			return made, f
		}
		return made, w.Seal()
	})
}

// keptBack returns what a payment to somebody who owes keeps back, and for
// which case: the oldest that is still owed. One fen at least goes to the bank,
// because a line is paid by the bank's answer and by nothing else.
func keptBack(owing []ledger.Recovery, amount money.Fen, pending map[string]money.Fen) (money.Fen, string) {
	for _, r := range owing {
		r.PendingFen += pending[r.ID]
		if offset := r.OffsetFor(amount - 1); offset > 0 {
			pending[r.ID] += offset
			return offset, r.ID
		}
	}
	return 0, ""
}

// hold says why an application may not be paid now, if so. held has the
// retirements about which, or about whose yard, a case is open.
func hold(tx *store.Tx, application subsidy.Application, held map[string]string) (bilingual.Text, bool, error) {
	open, err := tx.OpenObjections(application.ID)
	if err != nil || open > 0 {
		return bilingual.T("有未处理的异议", "an objection is not settled"), open > 0, err
	}
	_, waits := held[application.RetirementID]
	return bilingual.T("该淘汰或其回收拆解企业有未结案件，付款暂停", "a case about the retirement or its yard is open; payments are held"), waits, nil
}

// eachPayable calls fn for the applications to be paid, a piece at a time.
func eachPayable(tx *store.Tx, programID string, ids []string, fn func([]subsidy.Application) error) error {
	if len(ids) > 0 {
		found, err := tx.ApplicationsByID(ids)
		if err != nil {
			return err
		}
		chosen := make([]subsidy.Application, 0, len(ids))
		for i, id := range ids {
			application, ok := found[id]
			if !ok {
				return fault.Missing()
			}
			delete(found, id) // each once
			if application.ProgramID != programID || !store.IsPayable(application) {
				return fault.Field(fmt.Sprintf("body.application_ids[%d]", i), "wrong_state",
					bilingual.F("%s 不是该方案下可支付的申请", "%s is not an application of this program that may be paid", application.AssetLabel),
					bilingual.T("只能选择待支付且未成批的申请，每个一次", "choose applications that may be paid and are in no batch, each once"))
			}
			chosen = append(chosen, application)
		}
		return fn(chosen)
	}
	after := ""
	for {
		applications, err := tx.Payable(programID, after, piece)
		if err != nil || len(applications) == 0 {
			return err
		}
		after = applications[len(applications)-1].ID
		if err := fn(applications); err != nil {
			return err
		}
	}
}

// SendBatch notes that a batch goes to the bank. It fails with Denied four_eyes
// for who made it, and for who entered, checked or approved one of its lines.
func (a *App) SendBatch(ctx context.Context, by access.Actor, id string, version int64) (ledger.Batch, error) {
	return a.changeBatch(ctx, by, id, version, func(tx *store.Tx, before ledger.Batch) (ledger.Batch, error) {
		handled, err := tx.HandledLine(id, by.ID)
		if err != nil {
			return before, err
		}
		after, err := before.Send(by.ID, by.Name, handled, tx.At)
		if err != nil {
			return before, err
		}
		return after, tx.SendBatch(before, &after)
	})
}

// VoidBatch gives up a batch that was not sent; its applications may go into
// another one.
func (a *App) VoidBatch(ctx context.Context, by access.Actor, id string, version int64, reason string) (ledger.Batch, error) {
	return a.changeBatch(ctx, by, id, version, func(tx *store.Tx, before ledger.Batch) (ledger.Batch, error) {
		if before.State != ledger.BatchSealed {
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("已发送的批次不能作废", "a batch that was sent cannot be given up")).WithMend("请等待银行回单", "wait for the bank's answer")
		}
		if strings.TrimSpace(reason) == "" {
			return before, fault.Field("body.reason", "required", bilingual.T("作废必须填写原因", "giving up a batch needs a reason"), bilingual.Text{})
		}
		after := before
		after.VoidReason = reason
		return after, tx.VoidBatch(before, &after)
	})
}

func (a *App) changeBatch(ctx context.Context, by access.Actor, id string, version int64, deed func(*store.Tx, ledger.Batch) (ledger.Batch, error)) (ledger.Batch, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (ledger.Batch, error) {
		before, err := tx.Batch(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		return deed(tx, before)
	})
}

// ExplainUnmatched keeps what a person says a row of the bank is that fits no
// line.
func (a *App) ExplainUnmatched(ctx context.Context, by access.Actor, id string, version int64, explanation string) (ledger.Unmatched, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (ledger.Unmatched, error) {
		if strings.TrimSpace(explanation) == "" {
			return ledger.Unmatched{}, fault.Field("body.explanation", "required", bilingual.T("请说明该笔银行记录的来历", "say what the row is"), bilingual.Text{})
		}
		return tx.ExplainUnmatched(id, version, explanation)
	})
}

// CloseDay closes a day of a city's bank answers. It fails with Conflict if a
// row is neither matched nor explained, or bank and ledger differ.
func (a *App) CloseDay(ctx context.Context, by access.Actor, city string, on civil.Day) (ledger.Day, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (ledger.Day, error) {
		if !on.Valid() || on > civil.On(tx.At) {
			return ledger.Day{}, fault.Field("body.day", "date_future", bilingual.T("只能结今天或以前的日期", "only today or an earlier day can be closed"), bilingual.Text{})
		}
		return tx.CloseDay(city, on)
	})
}
