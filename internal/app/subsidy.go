package app

import (
	"context"
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// CreateProgram adds a city's subsidy program.
func (a *App) CreateProgram(ctx context.Context, by access.Actor, p subsidy.Program) (subsidy.Program, error) {
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Program, error) {
		details := p.Check()
		if r, ok := a.Reference.Region(p.CityCode); !ok || r.Level != "city" || !by.Scope.Covers(p.CityCode, "") {
			details = append(details, fault.Detail{Location: "body.city_code", Code: "wrong_city",
				Message: bilingual.T("只能为本市设立补贴方案", "a program can be set up for your own city only"), Mend: bilingual.T("请选择您所在的城市", "choose your own city")})
		}
		if _, ok := registry.SpecOf(p.Class); !ok {
			details = append(details, fault.Detail{Location: "body.class", Code: "unknown_value", Message: bilingual.F("“%s”不是类别", "%q is not a class", p.Class)})
		}
		if p.BudgetFen < 0 || p.BudgetFen > money.Max {
			details = append(details, fault.Detail{Location: "body.budget_fen", Code: "out_of_range", Message: bilingual.T("预算金额超出范围", "the budget is out of range")})
		}
		if len(details) > 0 {
			return p, fault.Fields(details)
		}
		p.ID = newID()
		return p, tx.CreateProgram(&p)
	})
}

// Verdict is what one program owes for one asset.
type Verdict struct {
	Program  subsidy.Program
	Decision subsidy.Decision
}

// facts gathers what a program's rules look at.
func (a *App) facts(asset registry.Asset, r *retirement.Retirement) subsidy.Facts {
	f := subsidy.Facts{Class: asset.Class, CityCode: asset.CityCode, Fuel: asset.Fuel, Stage: asset.Stage, StageSource: asset.StageSource,
		Operating: isOperating(asset.Fields["use"]), ScrapDueOn: asset.ScrapDueOn, PoliceStatus: asset.PoliceStatus,
		Name: func(kind, code string) bilingual.Text { return a.Reference.Name(asset.Class, kind, code) }}
	if o, ok := a.Reference.Option(asset.Class, "category", asset.Category); ok {
		f.Group, f.GroupName = o.Group, o.Name
	}
	if r != nil {
		spec, _ := registry.SpecOf(asset.Class)
		way, _ := retirement.WayOf(spec, r.WayOut)
		f.CountsAs, f.Verified, f.HandedInOn, f.DeregisteredOn = way.CountsAs, r.State == retirement.Verified, r.HandedInOn, r.DeregisteredOn
	}
	return f
}

// isOperating reports whether a use 使用性质 is commercial transport: freight
// or dangerous goods.
func isOperating(use string) bool { return use == "freight" || use == "hazardous" }

// Eligibility answers, for each program of the asset's city and class, what it
// owes and why. Nothing is written.
func (a *App) Eligibility(ctx context.Context, scope access.Scope, assetID string) ([]Verdict, error) {
	asset, err := a.DB.Asset(ctx, scope, assetID)
	if err != nil {
		return nil, err
	}
	var r *retirement.Retirement
	switch found, err := a.DB.RetirementOf(ctx, scope, assetID); {
	case err == nil:
		r = &found
	case !fault.Is(err, fault.NotFound):
		return nil, err
	}
	programs, err := a.DB.Programs(ctx, scope, asset.CityCode, asset.Class, store.Page{Limit: 100})
	if err != nil {
		return nil, err
	}
	facts := a.facts(asset.Asset, r)
	verdicts := make([]Verdict, len(programs))
	for i, p := range programs {
		verdicts[i] = Verdict{p, p.Evaluate(facts)}
	}
	return verdicts, nil
}

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
	var best *subsidy.Application
	for _, p := range programs {
		d := p.Evaluate(a.facts(asset.Asset, &r))
		if d.Eligible && (best == nil || d.AmountFen > best.AmountFen) {
			application := newApplication(p, d, asset, r)
			best = &application
		}
	}
	if best == nil {
		return "", nil
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
		d := p.Evaluate(a.facts(asset.Asset, &r))
		if !d.Eligible {
			f := fault.New(fault.Invalid, "not_eligible", bilingual.T("不符合补贴条件", "the program owes nothing for this asset")).
				WithMend("请逐条查看未满足的条件", "see the conditions that are not met")
			for _, l := range d.Lines {
				if !l.Passed {
					f.Details = append(f.Details, fault.Detail{Location: "rule." + l.Code, Code: "not_met",
						Message: bilingual.T(l.Text.ZH+"："+l.Fact.ZH+"（要求："+l.Requirement.ZH+"）", l.Text.EN+": "+l.Fact.EN+" (required: "+l.Requirement.EN+")")})
				}
			}
			return subsidy.Application{}, f
		}
		application := newApplication(p, d, asset, r)
		application.OpenedBy, application.OpenedByName, application.OpenedAt = by.ID, by.Name, tx.At
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
