package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
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
	programs, err := tx.PublicPrograms(asset.CityCode, asset.Class)
	if err != nil || len(programs) == 0 {
		return "", err
	}
	existing, err := tx.Applications(store.ApplicationFilter{RetirementID: r.ID}, store.Page{Limit: 1})
	if err != nil || len(existing) > 0 {
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
	best.DueOn = lastDay(with, r)
	// The reviewer's click set it off; nobody of finance has touched it yet.
	best.OpenedBy, best.OpenedByName, best.OpenedAt = tx.By.ID, tx.By.Name, tx.At
	return best.ID, tx.CreateApplication(best)
}

func newApplication(p subsidy.Program, d subsidy.Decision, asset store.AssetRecord, r retirement.Retirement) subsidy.Application {
	return subsidy.Application{ID: newID(), CityCode: asset.CityCode, DistrictCode: asset.DistrictCode, Class: asset.Class, ProgramID: p.ID,
		ProgramCode: fmt.Sprintf("%s/%d", p.Code, p.Revision), ProgramName: p.Name, AssetID: asset.ID, AssetLabel: asset.Label, RetirementID: r.ID,
		OwnerName: asset.OwnerName, Entry: subsidy.Entry{PayeeName: asset.OwnerName}, AmountFen: d.AmountFen, Explanation: d.Lines, State: subsidy.Draft}
}

// lastDay is the last day to submit an application of a program, "" for none.
func lastDay(p subsidy.Program, r retirement.Retirement) civil.Day {
	last := p.ApplyTo
	if p.ApplicationDeadlineDays > 0 {
		event := r.DeregisteredOn
		if p.Basis == "handed_in_on" || event == "" {
			event = r.HandedInOn
		}
		if by := event.AddDays(p.ApplicationDeadlineDays); by != "" && (last == "" || by < last) {
			last = by
		}
	}
	return last
}

// OpenApplication opens an application by hand. It fails with Invalid and all
// reasons if the program owes nothing.
func (a *App) OpenApplication(ctx context.Context, by access.Actor, retirementID, programID string) (subsidy.Application, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (subsidy.Application, error) {
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
			return subsidy.Application{}, notEligible(d)
		}
		application := newApplication(p, d, asset, r)
		application.DueOn = lastDay(p, r)
		application.OpenedBy, application.OpenedByName, application.OpenedAt = by.ID, by.Name, tx.At
		if err := tx.ClaimBenefit(asset.ID, p.BenefitFamily(), application.ID); err != nil {
			return application, err
		}
		if err := tx.KeepFacts(application.ID, p.ID, facts); err != nil {
			return application, err
		}
		if err := tx.CreateApplication(&application); err != nil {
			return application, err
		}
		return application, tx.TakeDuty(application, subsidy.DutyEnter)
	})
}

func notEligible(d subsidy.Decision) error {
	f := fault.New(fault.Invalid, "not_eligible", bilingual.T("不符合补贴条件", "the program owes nothing for this asset")).
		WithMend("请逐条查看未满足的条件", "see the conditions that are not met")
	for _, l := range d.Lines {
		if !l.Passed && !l.Optional {
			f.Details = append(f.Details, fault.Detail{Location: "rule." + l.Code, Code: "not_met",
				Message: bilingual.T(l.Text.ZH+"："+l.Fact.ZH+"（要求："+l.Requirement.ZH+"）", l.Text.EN+": "+l.Fact.EN+" (required: "+l.Requirement.EN+")")})
		}
	}
	return f
}

// changeApplication loads an application that is based on a version, lets
// change decide, and saves what it returns under the action.
func (a *App) changeApplication(ctx context.Context, by access.Actor, id string, version int64, action subsidy.Act, reason string,
	change func(tx *store.Tx, before subsidy.Application) (subsidy.Application, subsidy.Act, error),
) (subsidy.Application, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (subsidy.Application, error) {
		before, err := tx.Application(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		after, done, err := change(tx, before)
		if err != nil {
			return before, err
		}
		if done != "" {
			action = done
		}
		if err := tx.UpdateApplication(before, &after, string(action), reason); err != nil {
			return before, err
		}
		return a.follow(tx, after)
	})
}

// follow does what the program does by itself after a change: an approved
// application that nothing stands against may be paid, and money that came free
// calls up who waits for it.
func (a *App) follow(tx *store.Tx, application subsidy.Application) (subsidy.Application, error) {
	application, err := a.release(tx, application)
	if err != nil || application.Funds != subsidy.NoFunds || !application.State.Final() {
		return application, err
	}
	err = a.callUp(tx, application.ProgramID)
	return application, err
}

// AmendApplication changes what the applicant says. Before the check it just
// does; from then on only the payee can change, and the case is checked and
// approved again.
func (a *App) AmendApplication(ctx context.Context, by access.Actor, id string, version int64, change func(*subsidy.Entry)) (subsidy.Application, error) {
	return a.changeApplication(ctx, by, id, version, "amend", "", func(tx *store.Tx, before subsidy.Application) (subsidy.Application, subsidy.Act, error) {
		after := before
		change(&after.Entry)
		after.Entry = after.Clean()
		if err := tx.TakeDuty(before, subsidy.DutyEnter); err != nil {
			return before, "", err
		}
		payee := after.PayeeName != before.PayeeName || after.PayeeBank != before.PayeeBank || after.PayeeAccount != before.PayeeAccount ||
			after.PayeeBankCode != before.PayeeBankCode
		if payee {
			after.PayeeCheckedOn, after.PayeeCheckedBy, after.PayeeCheckedByName = "", "", ""
		}
		if before.State == subsidy.Draft {
			return after, "", nil
		}
		if _, ok := before.State.Next(subsidy.Reopen); !ok {
			return before, "", fault.New(fault.Conflict, "wrong_state", bilingual.T("已成批或已办结，不能再修改", "it is in a batch or closed: nothing can be changed"))
		}
		if after.ApplicantKind != before.ApplicantKind || after.BroughtBy != before.BroughtBy || after.AgentID != before.AgentID || after.Replacement != before.Replacement {
			return before, "", fault.New(fault.Conflict, "submitted_locked", bilingual.T("提交后只能修改收款信息和联系方式", "after it was submitted only the payee and telephones can change")).
				WithMend("其他内容有误，请在审核时退回修改", "send it back at the check to mend anything else")
		}
		if !payee {
			return after, "", nil
		}
		for _, line := range after.CheckPayee(after.OwnerName) {
			if !line.Passed {
				return before, "", fault.Field("body."+line.Code, "payee", bilingual.T(line.Text.ZH+"："+line.Fact.ZH, line.Text.EN+": "+line.Fact.EN), line.Requirement)
			}
		}
		after.Mended = after.Mended || before.State != subsidy.Submitted && before.State != subsidy.Waiting
		after.DecidedBy, after.DecidedByName, after.DecidedAt = "", "", nil
		moved, err := after.Move(subsidy.Reopen)
		return moved, subsidy.Reopen, err
	})
}

// SubmitApplication hands an application in: it takes its place in the queue by
// server time and its money is reserved. Where there is none, or somebody
// waits already, it goes onto the waiting list.
func (a *App) SubmitApplication(ctx context.Context, by access.Actor, id string, version int64, presentedID string) (subsidy.Application, error) {
	return a.changeApplication(ctx, by, id, version, subsidy.Submit, "", func(tx *store.Tx, before subsidy.Application) (subsidy.Application, subsidy.Act, error) {
		after, err := before.Move(subsidy.Submit)
		if err != nil {
			return before, "", err
		}
		if err := tx.TakeDuty(before, subsidy.DutyEnter); err != nil {
			return before, "", err
		}
		today := civil.On(tx.At)
		if before.DueOn != "" && today > before.DueOn {
			return before, "", fault.New(fault.Conflict, "too_late", bilingual.F("已过申请截止日期 %s", "the last day was %s", before.DueOn)).
				WithMend("逾期视为放弃", "who is late has waived it")
		}
		asset, err := tx.Asset(before.AssetID)
		if err != nil {
			return before, "", err
		}
		if wrong := before.Check(before.OwnerName, asset.OwnerID); len(wrong) > 0 {
			return before, "", fault.Fields(wrong)
		}
		if err := before.Presented(presentedID, asset.OwnerID); err != nil {
			return before, "", err
		}
		flow, err := tx.Flow(before.ProgramID)
		if err != nil {
			return before, "", err
		}
		if err := a.papersThere(tx, flow, before); err != nil {
			return before, "", err
		}
		after.DueOn, after.Mended, after.MendKind, after.MendReason = "", before.MendKind != "", "", ""
		if before.SubmittedAt != nil { // its place and its money are still there
			return after, "", nil
		}
		after.SubmittedAt = &tx.At
		if after.QueueNo, err = tx.QueueNumber(before.ProgramID); err != nil {
			return before, "", err
		}
		if flow.ReserveOn == subsidy.OnApproval {
			return after, "", nil
		}
		ahead, err := tx.WaitingList(before.ProgramID, 1)
		if err != nil {
			return before, "", err
		}
		reserved := false
		if len(ahead) == 0 {
			if reserved, err = reserve(tx, &after); err != nil {
				return before, "", err
			}
		}
		if !reserved {
			after.State, _ = before.State.Next(subsidy.Wait)
			return after, subsidy.Wait, nil
		}
		return after, "", nil
	})
}

// reserve keeps money for an application and reports whether there was any.
func reserve(tx *store.Tx, application *subsidy.Application) (bool, error) {
	err := tx.Try(func() error { return tx.ReserveFunds(*application) })
	if f, ok := fault.As(err); ok && f.Code == "budget_exhausted" {
		return false, nil
	}
	if err == nil {
		application.Funds = subsidy.Reserved
	}
	return err == nil, err
}

func (a *App) papersThere(tx *store.Tx, flow subsidy.Flow, application subsidy.Application) error {
	files, err := tx.Papers(application)
	if err != nil {
		return err
	}
	return subsidy.MissingPapers(flow.Checklist(application.Entry, store.FilesByKind(files)))
}

// Ruling is what a person says at a post: pass it on, send it back to the
// applicant, or reject it. Kind tells what was wrong: data or account, to be
// mended, or illegal, which ends the case.
type Ruling struct {
	Decision string // pass, return or reject
	Kind     string // data, account or illegal, when it is returned
	Code     string // one of subsidy.RejectCodes, when it is rejected
	Reason   string
}

// against returns the application as a person sends it back or rejects it.
func (a *App) against(tx *store.Tx, before subsidy.Application, r Ruling) (subsidy.Application, subsidy.Act, error) {
	if strings.TrimSpace(r.Reason) == "" {
		return before, "", fault.Field("body.reason", "required", bilingual.T("退回或不予批准时必须填写说明", "who sends back or rejects has to say why"), bilingual.Text{})
	}
	if r.Decision == "return" && r.Kind == "illegal" {
		r.Decision, r.Code = "reject", "illegal"
	}
	if r.Decision == "return" {
		if r.Kind != "data" && r.Kind != "account" {
			return before, "", fault.Field("body.kind", "required", bilingual.T("请选择退回类型", "the kind of the return is missing"),
				bilingual.T("资料错误、账户错误，或违法终止", "wrong papers, wrong account, or illegal"))
		}
		after, err := before.Move(subsidy.SendBack)
		if err != nil {
			return before, "", err
		}
		flow, err := tx.Flow(before.ProgramID)
		after.MendKind, after.MendReason, after.DueOn = r.Kind, r.Reason, civil.On(tx.At).AddDays(flow.MendDays)
		after.PayeeCheckedOn, after.PayeeCheckedBy, after.PayeeCheckedByName = "", "", ""
		return after, subsidy.SendBack, err
	}
	if !slices.Contains(subsidy.RejectCodes, r.Code) {
		return before, "", fault.Field("body.code", "required", bilingual.T("请从列表中选择不予批准的原因", "choose the reason from the list"), bilingual.Text{})
	}
	after, err := before.Move(subsidy.Reject)
	if err != nil {
		return before, "", err
	}
	after.RejectCode, after.RejectReason, after.DecidedBy, after.DecidedByName, after.DecidedAt = r.Code, r.Reason, tx.By.ID, tx.By.Name, &tx.At
	return after, subsidy.Reject, free(tx, &after)
}

// free gives back what is reserved for, or promised to, an application that
// ends unpaid: its money, and the asset's one benefit.
func free(tx *store.Tx, application *subsidy.Application) error {
	if err := tx.ReleaseBenefit(application.ID); err != nil {
		return err
	}
	if application.Funds == subsidy.NoFunds {
		return nil
	}
	if err := tx.ReleaseFunds(*application); err != nil {
		return err
	}
	application.Funds = subsidy.NoFunds
	return nil
}

// CheckApplication is the second person's look: papers, payee, facts. Who
// passes it vouches that the account was compared with its paper.
func (a *App) CheckApplication(ctx context.Context, by access.Actor, id string, version int64, r Ruling) (subsidy.Application, error) {
	return a.changeApplication(ctx, by, id, version, subsidy.Check, r.Reason, func(tx *store.Tx, before subsidy.Application) (subsidy.Application, subsidy.Act, error) {
		after, err := before.Move(subsidy.Check)
		if err != nil {
			return before, "", err
		}
		if err := tx.TakeDuty(before, subsidy.DutyCheck); err != nil {
			return before, "", err
		}
		if r.Decision != "pass" {
			return a.against(tx, before, r)
		}
		flow, err := tx.Flow(before.ProgramID)
		if err != nil {
			return before, "", err
		}
		if err := a.papersThere(tx, flow, before); err != nil {
			return before, "", err
		}
		after.PayeeCheckedOn, after.PayeeCheckedBy, after.PayeeCheckedByName = civil.On(tx.At), by.ID, by.Name
		return after, "", nil
	})
}

// DecideApplication is the third person's decision. An approval promises the
// money; where there is none the application waits for it. It fails with
// Denied four_eyes for anybody who had another part in the case, and with
// Conflict if what the program wants first is not there: a verified
// retirement, settled pre-checks.
func (a *App) DecideApplication(ctx context.Context, by access.Actor, id string, version int64, r Ruling) (subsidy.Application, error) {
	return a.changeApplication(ctx, by, id, version, subsidy.Approve, r.Reason, func(tx *store.Tx, before subsidy.Application) (subsidy.Application, subsidy.Act, error) {
		after, err := before.Move(subsidy.Approve)
		if err != nil {
			return before, "", err
		}
		if err := tx.TakeDuty(before, subsidy.DutyApprove); err != nil {
			return before, "", err
		}
		if r.Decision != "pass" {
			return a.against(tx, before, r)
		}
		p, err := tx.Program(before.ProgramID)
		if err != nil {
			return before, "", err
		}
		if p.RequiresVerified != subsidy.BeforePayment {
			if err := verified(tx, before); err != nil {
				return before, "", err
			}
		}
		checks, err := tx.OpenPreChecks(before.AssetID)
		if err != nil {
			return before, "", err
		}
		if len(checks) > 0 {
			return before, "", fault.New(fault.Conflict, "pre_checks_open", bilingual.F("有 %d 项前置核查未办结，不能批准", "%d pre-checks are not settled", len(checks))).
				WithMend("请先在淘汰记录中办结前置核查", "settle them on the retirement first").With("retirement_id", before.RetirementID)
		}
		if before.Funds == subsidy.NoFunds {
			got, err := a.reserveInTurn(tx, &after)
			if err != nil {
				return before, "", err
			}
			if !got {
				after.State, _ = before.State.Next(subsidy.Wait)
				return after, subsidy.Wait, nil
			}
		}
		if after.Funds == subsidy.Reserved {
			if err := tx.CommitFunds(after); err != nil {
				return before, "", err
			}
			after.Funds = subsidy.Committed
		}
		after.DecidedBy, after.DecidedByName, after.DecidedAt = by.ID, by.Name, &tx.At
		return after, "", nil
	})
}

// reserveInTurn is reserve for an application that has a place already: nobody
// who waits before it is passed over.
func (a *App) reserveInTurn(tx *store.Tx, application *subsidy.Application) (bool, error) {
	ahead, err := tx.WaitingList(application.ProgramID, 1)
	if err != nil || len(ahead) > 0 && ahead[0].QueueNo < application.QueueNo {
		return false, err
	}
	return reserve(tx, application)
}

func verified(tx *store.Tx, application subsidy.Application) error {
	r, err := tx.Retirement(application.RetirementID)
	if err != nil {
		return err
	}
	if r.State != retirement.Verified {
		return fault.New(fault.Conflict, "not_verified", bilingual.T("淘汰尚未核实，不能进入下一步", "the retirement is not verified yet")).
			WithMend("请先由审核员核实淘汰", "have the reviewer verify the retirement first").With("retirement_id", r.ID)
	}
	return nil
}

// WithdrawApplication takes an application back for its applicant. What was
// reserved or promised is free again.
func (a *App) WithdrawApplication(ctx context.Context, by access.Actor, id string, version int64, reason string) (subsidy.Application, error) {
	return a.changeApplication(ctx, by, id, version, subsidy.Withdraw, reason, func(tx *store.Tx, before subsidy.Application) (subsidy.Application, subsidy.Act, error) {
		after, err := before.Move(subsidy.Withdraw)
		if err != nil {
			return before, "", err
		}
		if strings.TrimSpace(reason) == "" {
			return before, "", fault.Field("body.reason", "required", bilingual.T("请填写撤回原因", "say why it is withdrawn"), bilingual.Text{})
		}
		after.RejectReason = reason
		return after, "", free(tx, &after)
	})
}

// MendReturned lets an application that the bank returned be paid again as it
// is, because what was wrong was the bank's. A wrong account is amended
// instead, which asks for a new approval.
func (a *App) MendReturned(ctx context.Context, by access.Actor, id string, version int64, reason string) (subsidy.Application, error) {
	return a.changeApplication(ctx, by, id, version, subsidy.Mend, reason, func(tx *store.Tx, before subsidy.Application) (subsidy.Application, subsidy.Act, error) {
		after, err := before.Move(subsidy.Mend)
		if err != nil {
			return before, "", err
		}
		if err := tx.TakeDuty(before, subsidy.DutyEnter); err != nil {
			return before, "", err
		}
		if strings.TrimSpace(reason) == "" {
			return before, "", fault.Field("body.reason", "required", bilingual.T("请说明为何可按原账户重新支付", "say why the same account can be paid again"), bilingual.Text{})
		}
		after.BatchID = ""
		return after, "", nil
	})
}

// RevealPayee returns the payee's account unmasked, with the agent's and the
// applicant's numbers. Who reads them and why stands in the audit.
func (a *App) RevealPayee(ctx context.Context, by access.Actor, id, reason string) (subsidy.Application, error) {
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Application, error) {
		application, err := tx.Application(id)
		if err != nil {
			return application, err
		}
		if len([]rune(strings.TrimSpace(reason))) < 2 {
			return application, fault.Field("body.reason", "required", bilingual.T("查看完整账号必须填写用途", "say what the full number is needed for"), bilingual.Text{})
		}
		return application, tx.RecordApplication(application, "reveal", reason)
	})
}

// callUp takes from the waiting list of a program whoever there is money for,
// the first in the queue first and none out of turn.
func (a *App) callUp(tx *store.Tx, programID string) error {
	for {
		list, err := tx.WaitingList(programID, 1)
		if err != nil || len(list) == 0 {
			return err
		}
		before := list[0]
		after := before
		got, err := reserve(tx, &after)
		if err != nil || !got {
			return err
		}
		act := subsidy.CallUp
		if before.PayeeCheckedOn != "" {
			act = subsidy.Resume
		}
		after.State, _ = before.State.Next(act)
		if err := tx.UpdateApplication(before, &after, string(act), ""); err != nil {
			return err
		}
	}
}

// CallUp works off every waiting list: a budget may have been raised.
func (a *App) CallUp(ctx context.Context) error {
	programs, err := a.DB.WaitingPrograms(ctx)
	if err != nil {
		return err
	}
	for _, id := range programs {
		err := a.DB.Write(ctx, access.System("call-up"), func(tx *store.Tx) error {
			if err := tx.QueueForMoney(); err != nil {
				return err
			}
			return a.callUp(tx, id)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Hold is one thing that keeps an approved application from being paid.
type Hold struct {
	Code string
	Text bilingual.Text
}

// release makes an application payable if it is approved, its notice is over
// and nothing holds it; otherwise it stays as it is.
func (a *App) release(tx *store.Tx, before subsidy.Application) (subsidy.Application, error) {
	if before.State != subsidy.Approved && before.State != subsidy.Noticed {
		return before, nil
	}
	holds, err := a.holds(tx, before)
	if err != nil || len(holds) > 0 {
		return before, err
	}
	after, err := before.Move(subsidy.Release)
	if err != nil {
		return before, err
	}
	return after, tx.UpdateApplication(before, &after, string(subsidy.Release), "")
}

// holds returns what keeps an application from being paid.
func (a *App) holds(tx *store.Tx, application subsidy.Application) ([]Hold, error) {
	p, err := tx.Program(application.ProgramID)
	if err != nil {
		return nil, err
	}
	var holds []Hold
	add := func(code, zh, en string) { holds = append(holds, Hold{code, bilingual.T(zh, en)}) }
	switch {
	case application.NoticedUntil == "" && p.NoticeDays > 0:
		add("notice_due", "尚未公示", "not yet on a public notice")
	case application.NoticedUntil >= civil.On(tx.At):
		add("notice_running", "公示至 "+string(application.NoticedUntil), "on public notice until "+string(application.NoticedUntil))
	}
	open, err := tx.OpenObjections(application.ID)
	if err != nil {
		return nil, err
	}
	if open > 0 {
		add("objection", "有未处理的异议", "an objection is not settled")
	}
	checks, err := tx.OpenPreChecks(application.AssetID)
	if err != nil {
		return nil, err
	}
	if len(checks) > 0 {
		add("pre_checks", fmt.Sprintf("有 %d 项前置核查未办结", len(checks)), fmt.Sprintf("%d pre-checks are not settled", len(checks)))
	}
	r, err := tx.Retirement(application.RetirementID)
	if err != nil {
		return nil, err
	}
	if r.State != retirement.Verified {
		add("not_verified", "淘汰尚未核实", "the retirement is not verified")
	}
	return holds, nil
}

// Holds is what keeps an application of the scope from being paid.
func (a *App) Holds(ctx context.Context, by access.Actor, application subsidy.Application) (holds []Hold, err error) {
	if application.State != subsidy.Approved && application.State != subsidy.Noticed {
		return nil, nil
	}
	err = a.DB.Look(ctx, by, func(tx *store.Tx) error {
		var err error
		holds, err = a.holds(tx, application)
		return err
	})
	return holds, err
}

// ExpireApplications ends what was not submitted or mended by its last day.
func (a *App) ExpireApplications(ctx context.Context) error {
	return a.eachDue(ctx, store.ApplicationFilter{State: subsidy.Draft, Overdue: a.Today()}, "expire", func(tx *store.Tx, before subsidy.Application) error {
		after, err := before.Move(subsidy.Expire)
		if err != nil {
			return err
		}
		if err := free(tx, &after); err != nil {
			return err
		}
		if err := tx.UpdateApplication(before, &after, string(subsidy.Expire), ""); err != nil {
			return err
		}
		_, err = a.follow(tx, after)
		return err
	})
}

// ReleaseApplications makes payable whatever nothing holds any more: notices
// that ended, objections that were settled, retirements that were verified.
func (a *App) ReleaseApplications(ctx context.Context) error {
	return a.eachDue(ctx, store.ApplicationFilter{Releasable: a.Today()}, "release", func(tx *store.Tx, before subsidy.Application) error {
		_, err := a.release(tx, before)
		return err
	})
}

// eachDue runs a deed on every application that a filter leaves, each in a
// transaction of its own.
func (a *App) eachDue(ctx context.Context, f store.ApplicationFilter, request string, deed func(*store.Tx, subsidy.Application) error) error {
	for page := (store.Page{Limit: 200}); ; {
		list, err := a.DB.Applications(ctx, access.Whole(), f, page)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, found := range list {
			err := a.DB.Write(ctx, access.System(request), func(tx *store.Tx) error {
				if err := tx.QueueForMoney(); err != nil {
					return err
				}
				before, err := tx.Application(found.ID)
				if err != nil || before.Version != found.Version {
					return err
				}
				return deed(tx, before)
			})
			if err != nil {
				return fmt.Errorf("app: %s application %s: %w", request, found.ID, err)
			}
		}
		page.After = list[len(list)-1].ID
	}
}

// RunApplications does what the clock asks for: ends what is late, calls up who
// waits, and makes payable what nothing holds.
func (a *App) RunApplications(ctx context.Context) error {
	for _, step := range []func(context.Context) error{a.ExpireApplications, a.CallUp, a.ReleaseApplications} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// AttachPaper puts a paper of the checklist on an application. Only finance
// sees it: it shows documents and accounts of people.
func (a *App) AttachPaper(ctx context.Context, by access.Actor, id string, up Upload) (store.File, error) {
	if _, err := a.DB.Application(ctx, by.Scope, id); err != nil {
		return store.File{}, err
	}
	code := up.Kind
	if _, known := subsidy.PaperName(code); !known {
		return store.File{}, fault.Field("body.kind", "unknown_value", bilingual.F("“%s”不是材料", "%q is not a paper", code), bilingual.Text{})
	}
	up.Kind = "other"
	kept, err := a.keep(up)
	if err != nil {
		return store.File{}, err
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.File, error) {
		application, err := tx.Application(id)
		if err != nil {
			return store.File{}, err
		}
		if _, open := application.State.Next(subsidy.Withdraw); !open {
			return store.File{}, fault.New(fault.Conflict, "wrong_state", bilingual.T("已成批或已办结，不能再补充材料", "it is in a batch or closed: no paper can be added"))
		}
		if err := tx.TakeDuty(application, subsidy.DutyEnter); err != nil {
			return store.File{}, err
		}
		f := kept
		f.ID, f.Kind, f.AssetID, f.RetirementID, f.ApplicationID = newID(), code, application.AssetID, application.RetirementID, application.ID
		f.CityCode, f.DistrictCode = application.CityCode, application.DistrictCode
		return f, tx.AddFile(&f)
	})
}

// Checklist returns the papers of an application, those that are missing too.
func (a *App) Checklist(ctx context.Context, scope access.Scope, application subsidy.Application) ([]subsidy.PaperItem, []store.File, error) {
	flow, err := a.DB.Flow(ctx, application.ProgramID)
	if err != nil {
		return nil, nil, err
	}
	files, err := a.DB.Papers(ctx, scope, application)
	return flow.Checklist(application.Entry, store.FilesByKind(files)), files, err
}

// Deed is one thing that can be done with an application now, and whether the
// one who asks may do it.
type Deed struct {
	Act     subsidy.Act
	Allowed bool
	Why     bilingual.Text // why not
	Next    bool           // the next step of the way
}

// deeds are what a finance officer does, with the duty that it takes.
var deeds = []struct {
	act  subsidy.Act
	duty subsidy.Duty
	next subsidy.State // the state in which it is the next step
}{
	{subsidy.Submit, subsidy.DutyEnter, subsidy.Draft}, {subsidy.Check, subsidy.DutyCheck, subsidy.Submitted},
	{subsidy.Approve, subsidy.DutyApprove, subsidy.Checked}, {subsidy.Notice, "", subsidy.Approved}, {subsidy.Freeze, "", subsidy.Payable},
	{subsidy.Reopen, subsidy.DutyEnter, subsidy.Returned}, {subsidy.Mend, subsidy.DutyEnter, ""}, {subsidy.Withdraw, "", ""},
}

// Deeds returns what can be done with an application now.
func (a *App) Deeds(by access.Actor, application subsidy.Application, parts []subsidy.DutyTaken, involved []string) []Deed {
	var list []Deed
	for _, d := range deeds {
		if _, possible := application.State.Next(d.act); !possible {
			continue
		}
		deed := Deed{Act: d.act, Allowed: by.Role == access.Finance, Next: d.next == application.State}
		if d.duty != "" {
			if f, refused := fault.As(subsidy.MayTake(d.duty, by.ID, parts, involved...)); refused {
				deed.Allowed, deed.Why = false, f.Message
			}
		}
		list = append(list, deed)
	}
	return list
}
