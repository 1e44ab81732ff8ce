package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// MakeBatch seals approved applications of a program into a payment batch: the
// named ones, or all of them. Its lines, total and digest never change.
func (a *App) MakeBatch(ctx context.Context, by access.Actor, programID string, ids []string) (subsidy.Batch, error) {
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Batch, error) {
		p, err := tx.Program(programID)
		if err != nil {
			return subsidy.Batch{}, err
		}
		applications, err := approved(tx, programID, ids)
		if err != nil {
			return subsidy.Batch{}, err
		}
		prefix := fmt.Sprintf("%s-%s-", p.CityCode, civil.On(tx.At).Month())
		n, err := tx.NextBatchNumber(prefix)
		if err != nil {
			return subsidy.Batch{}, err
		}
		b := subsidy.Batch{ID: newID(), CityCode: p.CityCode, Number: fmt.Sprintf("%s%03d", prefix, n), ProgramID: p.ID, ProgramName: p.Name, State: "sealed"}
		for i, application := range applications {
			b.Lines = append(b.Lines, subsidy.BatchLine{LineNo: int64(i + 1), ApplicationID: application.ID, AssetLabel: application.AssetLabel,
				PayeeName: application.PayeeName, PayeeBank: application.PayeeBank, PayeeAccount: application.PayeeAccount, AmountFen: application.AmountFen, State: "sealed"})
			b.TotalFen += application.AmountFen
			after := application
			after.State, after.BatchID = subsidy.Batched, b.ID
			if err := tx.UpdateApplication(application, &after, "batch", ""); err != nil {
				return b, err
			}
		}
		b.LineCount = int64(len(b.Lines))
		if b.SHA256, err = digestOf(b); err != nil {
			return b, err
		}
		return b, tx.CreateBatch(&b)
	})
}

func approved(tx *store.Tx, programID string, ids []string) ([]subsidy.Application, error) {
	var found []subsidy.Application
	if len(ids) == 0 {
		all, err := tx.Applications(store.ApplicationFilter{ProgramID: programID, State: subsidy.Payable}, store.Page{Limit: 5000})
		if err != nil {
			return nil, err
		}
		found = all
	}
	seen := map[string]bool{}
	for i, id := range ids {
		application, err := tx.Application(id)
		if err != nil {
			return nil, err
		}
		if application.ProgramID != programID || application.State != subsidy.Payable || seen[id] {
			return nil, fault.Field(fmt.Sprintf("body.application_ids[%d]", i), "wrong_state",
				bilingual.F("%s 不是该方案下可支付的申请", "%s is not an application of this program that may be paid", application.AssetLabel),
				bilingual.T("只能选择可支付且未成批的申请，每个一次", "choose applications that may be paid and are in no batch, each once"))
		}
		seen[id] = true
		found = append(found, application)
	}
	if len(found) == 0 {
		return nil, fault.New(fault.Conflict, "nothing_to_pay", bilingual.T("没有可成批的申请", "there is no application to pay")).
			WithMend("请先批准申请并完成公示", "approve applications first and let their notice end")
	}
	return found, nil
}

// digestOf returns the SHA-256 over a batch's number and sealed lines as JSON.
func digestOf(b subsidy.Batch) (string, error) {
	body, err := json.Marshal(struct {
		Number   string              `json:"number"`
		TotalFen money.Fen           `json:"total_fen"`
		Lines    []subsidy.BatchLine `json:"lines"`
	}{b.Number, b.TotalFen, b.Lines})
	if err != nil {
		return "", fmt.Errorf("app: digest of a batch: %w", err)
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]), nil
}

// Payment is the bank's answer to a batch.
type Payment struct {
	PaidOn    civil.Day
	Reference string
	Failed    map[string]string // application id → reason
}

// PayBatch books the bank's answer: every line is paid but those that failed.
// It fails with Denied four_eyes for whoever sealed the batch.
func (a *App) PayBatch(ctx context.Context, by access.Actor, id string, version int64, p Payment) (subsidy.Batch, error) {
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Batch, error) {
		before, err := tx.Batch(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		if before.State != "sealed" {
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("该批次已登记支付结果", "the bank's answer is booked already"))
		}
		if err := a.checkPayment(before, p); err != nil {
			return before, err
		}
		after := before
		after.State, after.PaidOn, after.Reference, after.PaidBy, after.PaidByName = "paid", p.PaidOn, p.Reference, by.ID, by.Name
		after.Lines = append([]subsidy.BatchLine(nil), before.Lines...)
		for i := range after.Lines {
			if err := settleLine(tx, &after.Lines[i], before.ID, p); err != nil {
				return before, err
			}
		}
		return after, tx.CloseBatch(before, &after)
	})
}

func (a *App) checkPayment(b subsidy.Batch, p Payment) error {
	var details []fault.Detail
	switch {
	case !p.PaidOn.Valid():
		details = append(details, fault.Detail{Location: "body.paid_on", Code: "date_invalid", Message: bilingual.T("支付日期不是有效日期", "the day of payment is not a day")})
	case p.PaidOn > a.Today():
		details = append(details, fault.Detail{Location: "body.paid_on", Code: "date_future", Message: bilingual.T("支付日期晚于今天", "the day of payment is after today")})
	case p.PaidOn < civil.On(b.CreatedAt):
		details = append(details, fault.Detail{Location: "body.paid_on", Code: "date_order", Message: bilingual.T("支付日期早于成批日期", "the day of payment is before the batch was sealed")})
	}
	if p.Reference == "" {
		details = append(details, fault.Detail{Location: "body.reference", Code: "required", Message: bilingual.T("缺少银行流水号", "the bank's reference is missing")})
	}
	lines := map[string]bool{}
	for _, l := range b.Lines {
		lines[l.ApplicationID] = true
	}
	for id, reason := range p.Failed {
		if !lines[id] {
			details = append(details, fault.Detail{Location: "body.failed", Code: "unknown_value", Message: bilingual.F("%s 不在该批次内", "%s is not in this batch", id)})
		}
		if reason == "" {
			details = append(details, fault.Detail{Location: "body.failed", Code: "required", Message: bilingual.T("失败的支付必须填写原因", "a failed line needs a reason")})
		}
	}
	if len(details) > 0 {
		return fault.Fields(details)
	}
	return nil
}

func settleLine(tx *store.Tx, l *subsidy.BatchLine, batchID string, p Payment) error {
	application, err := tx.Application(l.ApplicationID)
	if err != nil {
		return err
	}
	after := application
	if reason, failed := p.Failed[l.ApplicationID]; failed {
		l.State, l.Reason = "failed", reason
		after.State, after.FailReason = subsidy.Returned, reason
		return tx.UpdateApplication(application, &after, "fail", reason)
	}
	l.State = "paid"
	after.State, after.PaidOn = subsidy.Paid, p.PaidOn
	if err := tx.TakeDuty(application, subsidy.DutyPay); err != nil {
		return err
	}
	if err := tx.PayFunds([]subsidy.Application{application}, batchID, p.PaidOn); err != nil {
		return err
	}
	return tx.UpdateApplication(application, &after, "pay", "")
}
