package app

import (
	"context"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// WithdrawnWithMoney is the kind of case that a withdrawal or correction opens
// if a subsidy rests on the retirement.
const WithdrawnWithMoney = "withdrawn_with_money"

// AskRetirement asks a second person to waive an item of evidence, to correct a
// verified declaration or to take a verified retirement back.
func (a *App) AskRetirement(ctx context.Context, by access.Actor, id string, q retirement.Request) (retirement.Request, error) {
	return write(ctx, a, by, func(tx *store.Tx) (retirement.Request, error) {
		r, err := tx.Retirement(id)
		if err != nil {
			return q, err
		}
		asset, err := tx.Asset(r.AssetID)
		if err != nil {
			return q, err
		}
		files, err := tx.Files(r.AssetID)
		if err != nil {
			return q, err
		}
		items, _ := a.evidence(r, files)
		if err := r.Ask(q.Kind, q.Item, q.Reason, items); err != nil {
			return q, err
		}
		q.ID, q.RetirementID, q.AssetID, q.AssetLabel, q.Class, q.CityCode, q.DistrictCode = newID(), r.ID, r.AssetID, r.AssetLabel, r.Class, r.CityCode, r.DistrictCode
		q.Reason = strings.TrimSpace(q.Reason)
		if q.Kind == retirement.Correction {
			q.Before = r.Declaration
			if q.After, _, err = a.checkDeclaration(tx, q.After, asset, id); err != nil {
				return q, inDeclaration(err)
			}
			spec, _ := registry.SpecOf(r.Class)
			way, _ := retirement.WayOf(spec, q.After.WayOut)
			if _, err := r.CorrectTo(q.After, way); err != nil {
				return q, err
			}
			if q.After == q.Before {
				return q, fault.New(fault.Conflict, "nothing_changed", bilingual.T("更正内容与现有登记相同", "the correction says what is there already")).
					WithMend("修改需要更正的内容后再提交", "change what is wrong, then ask")
			}
		}
		return q, tx.CreateRequest(&q)
	})
}

// inDeclaration points faults of a declaration to where the request holds it.
func inDeclaration(err error) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	for i := range f.Details {
		f.Details[i].Location = strings.Replace(f.Details[i].Location, "body.", "body.declaration.", 1)
	}
	return f
}

// DecideRequest approves or refuses a request. What is approved is done in the
// same transaction; figures follow, because the counting days do.
func (a *App) DecideRequest(ctx context.Context, by access.Actor, id string, version int64, approve bool, answer string) (retirement.Request, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (retirement.Request, error) {
		before, err := tx.Request(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		after, err := before.Decide(approve, answer, by, tx.At)
		if err != nil {
			return before, err
		}
		if err := tx.DecideRequest(before, &after); err != nil || !approve {
			return after, err
		}
		return after, a.carryOut(tx, after)
	})
}

// carryOut does what an approved request asks for.
func (a *App) carryOut(tx *store.Tx, q retirement.Request) error {
	r, err := tx.Retirement(q.RetirementID)
	if err != nil {
		return err
	}
	asset, err := tx.Asset(r.AssetID)
	if err != nil {
		return err
	}
	note := store.StepNote{RequestID: q.ID}
	switch q.Kind {
	case retirement.Waiver:
		if err := r.Guard(retirement.Amend); err != nil {
			return err
		}
		after := r.Waive(q.Item)
		_, err = a.settle(tx, asset, &r, &after, "waive", note, q.Reason)
	case retirement.Correction:
		if r.Declaration != q.Before {
			return fault.New(fault.Conflict, "overtaken", bilingual.T("申请之后登记内容已有变化", "the declaration was changed after the request")).
				WithMend("请不同意本申请，并重新申请", "refuse this request and ask anew")
		}
		err = a.correct(tx, asset, r, q)
	case retirement.Withdrawal:
		_, err = a.withdraw(tx, r, q.Reason)
	}
	if err != nil || q.Kind == retirement.Waiver {
		return err
	}
	return a.noteMoney(tx, r, q)
}

func (a *App) correct(tx *store.Tx, asset store.AssetRecord, r retirement.Retirement, q retirement.Request) error {
	d, _, err := a.checkDeclaration(tx, q.After, asset, r.ID)
	if err != nil {
		return inDeclaration(err)
	}
	spec, _ := registry.SpecOf(r.Class)
	way, _ := retirement.WayOf(spec, d.WayOut)
	after, err := r.CorrectTo(d, way)
	if err != nil {
		return err
	}
	files, err := tx.Files(asset.ID)
	if err != nil {
		return err
	}
	items, _ := a.evidence(after, files)
	if after, err = r.Prove(after, items, q.Answer); err != nil {
		return err
	}
	if _, err = a.settle(tx, asset, &r, &after, "correct", store.StepNote{RequestID: q.ID}, q.Reason); err != nil {
		return err
	}
	switch {
	case !bringsEngine(after):
		return a.unfitEngine(tx, r, &after, q.Reason)
	case bringsEngine(r):
		return a.mendEngine(tx, r, after, q.Reason)
	}
	return a.fitEngine(tx, after)
}

// noteMoney opens a case if a subsidy rests on what was corrected or withdrawn:
// what it owes is for finance to look at again.
func (a *App) noteMoney(tx *store.Tx, r retirement.Retirement, q retirement.Request) error {
	applications, err := tx.Applications(store.ApplicationFilter{RetirementID: r.ID}, store.Page{Limit: 20})
	if err != nil {
		return err
	}
	for _, application := range applications {
		if application.State == "rejected" {
			continue
		}
		err := tx.See(WithdrawnWithMoney, r.AssetID, store.Sighting{Ref: "request " + q.ID, Source: string(q.Kind), CityCode: r.CityCode, Field: "application", Value: application.ID, Note: q.Reason})
		if err != nil {
			return err
		}
	}
	return nil
}

// Late is a retirement that stays too long where it stands.
type Late struct {
	Case
	retirement.Overdue
	Limit retirement.Limit
}

// OverdueRetirements returns one page of what stays longer than its limit, with
// how late it is and to which level that goes.
func (a *App) OverdueRetirements(ctx context.Context, scope access.Scope, f store.OverdueFilter, p store.Page) ([]Late, error) {
	limits, err := a.DB.RetirementLimits(ctx)
	if err != nil {
		return nil, err
	}
	f.Today = a.Today()
	rows, err := a.DB.Overdue(ctx, scope, f, limits, p)
	if err != nil {
		return nil, err
	}
	cases, err := a.Cases(ctx, scope, rows)
	if err != nil {
		return nil, err
	}
	late := make([]Late, len(cases))
	for i, c := range cases {
		late[i] = Late{Case: c}
		for _, l := range limits {
			if l.Class == c.Class && l.Standing == c.Standing() {
				late[i].Overdue, late[i].Limit = l.Clock(c.StandingOn, a.Today()), l
			}
		}
	}
	return late, nil
}

// SetLimit changes how long retirements of a class may stay where they stand.
func (a *App) SetLimit(ctx context.Context, by access.Actor, l retirement.Limit) (retirement.Limit, error) {
	for field, n := range map[string]int{"days": l.Days, "escalate_days": l.EscalateDays} {
		if n < 1 || n > retirement.MaxDays {
			return l, fault.Field("body."+field, "out_of_range", bilingual.F("天数应在 1 到 %d 之间", "days run from 1 to %d", retirement.MaxDays), bilingual.T("请填写整数天", "give whole days"))
		}
	}
	return write(ctx, a, by, func(tx *store.Tx) (retirement.Limit, error) {
		err := tx.UpdateRetirementLimit(l)
		l.Version++
		return l, err
	})
}

// PutPreCheck answers one of the questions that are asked before an asset is
// taken in.
func (a *App) PutPreCheck(ctx context.Context, by access.Actor, assetID string, c retirement.PreCheck) (retirement.PreCheck, error) {
	return write(ctx, a, by, func(tx *store.Tx) (retirement.PreCheck, error) {
		asset, err := tx.Asset(assetID)
		if err != nil {
			return c, err
		}
		c.Source, c.Note = strings.TrimSpace(c.Source), strings.TrimSpace(c.Note)
		if err := c.Check(civil.On(tx.At)); err != nil {
			return c, err
		}
		return c, tx.PutPreCheck(asset, &c)
	})
}
