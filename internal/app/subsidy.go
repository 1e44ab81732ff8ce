package app

import (
	"context"
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
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
