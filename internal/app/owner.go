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

// NewOwner is who owns an asset from a day on.
type NewOwner struct {
	Name, Number, Phone string
	On                  civil.Day
	Reason              string
}

// form lays an owner over the fields of a record.
func (o NewOwner) form(a registry.Asset) map[string]string {
	form := formOf(a)
	form["owner_name"], form["owner_id"], form["owner_phone"] = o.Name, o.Number, o.Phone
	return form
}

// ChangeOwner hands an asset to another owner on a day: the period of the one
// before ends then. A day in the future or before that period began fails with
// Invalid, the same owner with Conflict.
func (a *App) ChangeOwner(ctx context.Context, by access.Actor, assetID string, version int64, to NewOwner) (Checked, error) {
	return write(ctx, a, by, func(tx *store.Tx) (Checked, error) {
		before, err := tx.Asset(assetID)
		if err != nil {
			return Checked{}, err
		}
		if before.Version != version {
			return Checked{AssetRecord: before}, staleSince(version, before.Version)
		}
		if !to.On.Valid() || to.On > a.Today() || to.On < before.OwnedFrom {
			return Checked{}, fault.Field("body.on", "date_invalid", bilingual.T("变更日期不能晚于今天，也不能早于现所有人的开始日期", "the day is not a day up to today and from the present owner's first day on"),
				bilingual.T("按 2025-03-05 的格式填写实际变更日期", "write the day of the change as 2025-03-05"))
		}
		r, err := retirementOf(tx, assetID)
		if err != nil {
			return Checked{}, err
		}
		if r != nil {
			return Checked{}, fault.New(fault.Conflict, "leaving_service", bilingual.T("已登记淘汰，不能再变更所有人", "its way out is logged; the owner cannot change any more")).
				WithMend("如淘汰登记有误，请先退回", "have the retirement returned first if it is wrong")
		}
		after := before
		asset, warnings, err := a.check(by, NewAsset{before.Class, before.CityCode, to.form(before.Asset)})
		if err != nil {
			return Checked{}, err
		}
		after.Asset = asset
		after.ID, after.Status, after.OwnedFrom = before.ID, before.Status, to.On
		after.Counting = retirement.Count(asset.CohortOn, registry.WayOut{}, nil)
		if err := tx.UpdateAsset(&before, &after, "change_owner", to.Reason); err != nil {
			return Checked{}, err
		}
		if after.OwnerRef == before.OwnerRef {
			return Checked{}, fault.New(fault.Conflict, "same_owner", bilingual.T("这就是现所有人", "this is the present owner")).
				WithMend("更正姓名或电话请直接修改所有人", "correct the owner's record to change a name or telephone")
		}
		return Checked{after, warnings}, nil
	})
}

// AmendOwner corrects an owner's name, number or telephone, on the owner and on
// every record of the fleet, as one act.
func (a *App) AmendOwner(ctx context.Context, by access.Actor, id string, version int64, to NewOwner) (store.Owner, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.Owner, error) {
		before, err := a.ownerToChange(tx, id, version)
		if err != nil {
			return before, err
		}
		if strings.Contains(to.Number, "*") {
			to.Number = before.Number // the masked value came back unchanged
		}
		if strings.Contains(to.Phone, "*") {
			to.Phone = before.Phone
		}
		after := before
		after.Name, after.Number, after.Phone = to.Name, to.Number, to.Phone
		fleet, err := tx.Fleet(id)
		if err != nil {
			return before, err
		}
		for n := range fleet {
			if err := a.rewriteOwner(tx, &fleet[n], to, before.ID); err != nil {
				return before, err
			}
			after.Name, after.Number, after.Phone = fleet[n].OwnerName, fleet[n].OwnerID, fleet[n].OwnerPhone
		}
		return after, tx.UpdateOwner(before, &after, "update", to.Reason)
	})
}

// MergeOwners says that an owner is the same as another one, whose record is
// kept: the fleet moves there, the merged owner's own history and past periods
// stay as they were written and lead to the kept one.
func (a *App) MergeOwners(ctx context.Context, by access.Actor, id string, version int64, intoID, reason string) (store.Owner, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.Owner, error) {
		before, err := a.ownerToChange(tx, id, version)
		if err != nil {
			return before, err
		}
		into, err := tx.Owner(intoID)
		if err != nil || into.ID == before.ID || into.MergedInto != "" || into.CityCode != before.CityCode {
			return before, fault.Field("body.into", "unknown_value", bilingual.T("没有可以并入的所有人", "there is no such owner to merge into"),
				bilingual.T("请选择本市另一个所有人", "choose another owner of the same city"))
		}
		fleet, err := tx.Fleet(id)
		if err != nil {
			return before, err
		}
		for n := range fleet {
			if err := a.rewriteOwner(tx, &fleet[n], NewOwner{Name: into.Name, Number: into.Number, Phone: into.Phone, Reason: reason}, into.ID); err != nil {
				return before, err
			}
		}
		after := before
		after.MergedInto = into.ID
		return after, tx.UpdateOwner(before, &after, "merge", reason)
	})
}

func (a *App) ownerToChange(tx *store.Tx, id string, version int64) (store.Owner, error) {
	o, err := tx.Owner(id)
	switch {
	case err != nil:
		return o, err
	case o.Version != version:
		return o, staleSince(version, o.Version)
	case o.MergedInto != "":
		return o, fault.New(fault.Conflict, "merged", bilingual.T("该所有人已并入另一所有人", "this owner was merged into another one")).
			WithMend("请修改合并后的所有人", "change the one it was merged into")
	}
	return o, nil
}

// rewriteOwner writes an owner's particulars onto one record of the fleet.
func (a *App) rewriteOwner(tx *store.Tx, rec *store.AssetRecord, to NewOwner, ownerID string) error {
	asset, _, err := a.check(tx.By, NewAsset{rec.Class, rec.CityCode, to.form(rec.Asset)})
	if err != nil {
		return err
	}
	before := *rec
	rec.OwnerName, rec.OwnerID, rec.OwnerPhone = asset.OwnerName, asset.OwnerID, asset.OwnerPhone
	rec.Fields = asset.Fields
	rec.OwnerRef = ownerID
	return tx.RewriteOwner(&before, rec, to.Reason)
}
