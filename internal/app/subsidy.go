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
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// openOwed opens the application for what the city's programs owe for a
// verified retirement, the highest amount if several do, and returns its id,
// or "" if none does or there is one already.
func (a *App) openOwed(tx *store.Tx, r retirement.Retirement) (string, error) {
	asset, err := tx.Asset(r.AssetID)
	if err != nil {
		return "", err
	}
	existing, err := tx.Applications(store.ApplicationFilter{RetirementID: r.ID}, store.Page{Limit: 1})
	if err != nil || len(existing) > 0 {
		return "", err
	}
	programs, err := tx.Programs(asset.CityCode, asset.Class)
	if err != nil {
		return "", err
	}
	facts, err := a.factsOf(tx, asset, &r, Claim{})
	if err != nil {
		return "", err
	}
	var best *subsidy.Application
	var with subsidy.Program
	for _, p := range programs {
		if !p.InForce(facts) {
			continue
		}
		if facts.OwnerCount, facts.OwnerFen, err = ownerTaken(tx, p, asset); err != nil {
			return "", err
		}
		d := p.Evaluate(facts)
		if d.Eligible && (best == nil || d.AmountFen > best.AmountFen) {
			application := newApplication(p, d, asset, r)
			best, with = &application, p
		}
	}
	if best == nil {
		return "", nil
	}
	if err := tx.ClaimBenefit(asset.ID, with.BenefitFamily(), best.ID); err != nil {
		if fault.Is(err, fault.Conflict) {
			return "", nil // the benefit is taken elsewhere: nothing to open by itself
		}
		return "", err
	}
	if err := tx.KeepFacts(best.ID, with.ID, facts); err != nil {
		return "", err
	}
	// The reviewer's click set it off; nobody of finance has touched it yet.
	best.OpenedBy, best.OpenedByName, best.OpenedAt = tx.By.ID, tx.By.Name, tx.At
	return best.ID, tx.CreateApplication(best)
}

func newApplication(p subsidy.Program, d subsidy.Decision, asset store.AssetRecord, r retirement.Retirement) subsidy.Application {
	return subsidy.Application{ID: newID(), CityCode: asset.CityCode, DistrictCode: asset.DistrictCode, Class: asset.Class, ProgramID: p.ID,
		ProgramCode: fmt.Sprintf("%s/%d", p.Code, p.Revision), ProgramName: p.Name, AssetID: asset.ID, AssetLabel: asset.Label, RetirementID: r.ID,
		OwnerName: asset.OwnerName, PayeeName: asset.OwnerName, AmountFen: d.AmountFen, Explanation: d.Lines, State: subsidy.Open}
}

// OpenApplication opens an application by hand. It fails with Invalid and all
// reasons if the program owes nothing.
func (a *App) OpenApplication(ctx context.Context, by access.Actor, retirementID, programID string) (subsidy.Application, error) {
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Application, error) {
		r, err := tx.Retirement(retirementID)
		if err != nil {
			return subsidy.Application{}, err
		}
		p, err := tx.Program(programID)
		if err != nil {
			return subsidy.Application{}, err
		}
		asset, err := tx.Asset(r.AssetID)
		if err != nil {
			return subsidy.Application{}, err
		}
		d, facts, err := a.decide(tx, p, asset, &r, Claim{})
		if err != nil {
			return subsidy.Application{}, err
		}
		if !d.Eligible {
			f := fault.New(fault.Invalid, "not_eligible", bilingual.T("不符合补贴条件", "the program owes nothing for this asset")).
				WithMend("请逐条查看未满足的条件", "see the conditions that are not met")
			for _, l := range d.Lines {
				if !l.Passed && !l.Optional {
					f.Details = append(f.Details, fault.Detail{Location: "rule." + l.Code, Code: "not_met",
						Message: bilingual.T(l.Text.ZH+"："+l.Fact.ZH+"（要求："+l.Requirement.ZH+"）", l.Text.EN+": "+l.Fact.EN+" (required: "+l.Requirement.EN+")")})
				}
			}
			return subsidy.Application{}, f
		}
		application := newApplication(p, d, asset, r)
		application.OpenedBy, application.OpenedByName, application.OpenedAt = by.ID, by.Name, tx.At
		if err := tx.ClaimBenefit(asset.ID, p.BenefitFamily(), application.ID); err != nil {
			return subsidy.Application{}, err
		}
		if err := tx.KeepFacts(application.ID, p.ID, facts); err != nil {
			return subsidy.Application{}, err
		}
		return application, tx.CreateApplication(&application)
	})
}

// Payee is where the money goes.
type Payee struct{ Name, Bank, Account string }

// AmendPayee changes where an open application's money goes.
func (a *App) AmendPayee(ctx context.Context, by access.Actor, id string, version int64, p Payee) (subsidy.Application, error) {
	return a.changeApplication(ctx, by, id, version, "payee", "", func(before subsidy.Application) (subsidy.Application, error) {
		if before.State != subsidy.Open {
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("审批后不能修改收款信息", "the payee cannot be changed after the decision"))
		}
		if p.Name == "" {
			return before, fault.Field("body.payee_name", "required", bilingual.T("缺少收款人", "the payee is missing"), bilingual.Text{})
		}
		before.PayeeName, before.PayeeBank, before.PayeeAccount = p.Name, p.Bank, p.Account
		return before, nil
	})
}

func (a *App) changeApplication(ctx context.Context, by access.Actor, id string, version int64, action, reason string,
	change func(subsidy.Application) (subsidy.Application, error),
) (subsidy.Application, error) {
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Application, error) {
		before, err := tx.Application(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		after, err := change(before)
		if err != nil {
			return before, err
		}
		return after, tx.UpdateApplication(before, &after, action, reason)
	})
}

// DecideApplication approves or rejects an open application. An approval
// reserves the amount; it fails with Conflict budget_exhausted if the
// budget does not cover it, and with Denied four_eyes for anybody who handled the case.
func (a *App) DecideApplication(ctx context.Context, by access.Actor, id string, version int64, approve bool, reason string) (subsidy.Application, error) {
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Application, error) {
		before, err := tx.Application(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		r, err := tx.Retirement(before.RetirementID)
		if err != nil {
			return before, err
		}
		after, err := before.Decide(approve, reason, by.ID, by.Name, []string{r.DeclaredBy, r.VerifiedBy}, tx.At)
		if err != nil {
			return before, err
		}
		action := "reject"
		if !approve {
			if err := tx.ReleaseBenefit(before.ID); err != nil {
				return before, err
			}
		}
		if approve {
			action = "approve"
			if err := tx.ReserveFunds(before); err != nil {
				return before, err
			}
			if err := tx.CommitFunds(before); err != nil {
				return before, err
			}
		}
		return after, tx.UpdateApplication(before, &after, action, reason)
	})
}

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
		all, err := tx.Applications(store.ApplicationFilter{ProgramID: programID, State: subsidy.Approved}, store.Page{Limit: 5000})
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
		if application.ProgramID != programID || application.State != subsidy.Approved || seen[id] {
			return nil, fault.Field(fmt.Sprintf("body.application_ids[%d]", i), "wrong_state",
				bilingual.F("%s 不是该方案下已批准的申请", "%s is not an approved application of this program", application.AssetLabel),
				bilingual.T("只能选择已批准且未成批的申请，每个一次", "choose approved applications that are in no batch, each once"))
		}
		seen[id] = true
		found = append(found, application)
	}
	if len(found) == 0 {
		return nil, fault.New(fault.Conflict, "nothing_to_pay", bilingual.T("没有可成批的已批准申请", "there is no approved application to pay")).
			WithMend("请先批准申请", "approve applications first")
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
		after.State, after.FailReason = subsidy.Failed, reason
		return tx.UpdateApplication(application, &after, "fail", reason)
	}
	l.State = "paid"
	after.State, after.PaidOn = subsidy.Paid, p.PaidOn
	if err := tx.PayFunds([]subsidy.Application{application}, batchID, p.PaidOn); err != nil {
		return err
	}
	return tx.UpdateApplication(application, &after, "pay", "")
}
