package app

import (
	"context"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// NewEngine is the engine that an asset has from a day on.
type NewEngine struct {
	Number, Model, PowerKW, Stage string
	On                            civil.Day
	Reason                        string
}

// ReplaceEngine puts another engine into an asset. The asset keeps its identity
// and the stage by which it belongs to its cohort; what the new engine is worth
// is for its way out to say (R9). A class without engines, a day in the future
// and an unknown stage fail with Invalid.
func (a *App) ReplaceEngine(ctx context.Context, by access.Actor, assetID string, version int64, e NewEngine) (Checked, error) {
	return write(ctx, a, by, func(tx *store.Tx) (Checked, error) {
		before, err := tx.Asset(assetID)
		if err != nil {
			return Checked{}, err
		}
		if before.Version != version {
			return Checked{AssetRecord: before}, staleSince(version, before.Version)
		}
		if err := a.engineFits(before, e); err != nil {
			return Checked{}, err
		}
		r, err := retirementOf(tx, assetID)
		if err != nil {
			return Checked{}, err
		}
		if r != nil && r.State == retirement.Verified {
			return Checked{}, fault.New(fault.Conflict, "verified_locked", bilingual.T("淘汰已核实，记录不能再修改", "the retirement is verified; the record is closed")).
				WithMend("如确有错误，请走更正程序", "ask for a correction")
		}
		after, warnings, err := a.putEngine(tx, before, r, e)
		if err != nil {
			return Checked{}, err
		}
		return Checked{after, warnings}, tx.UpdateAsset(&before, &after, "replace_engine", e.Reason)
	})
}

// putEngine keeps the next engine in the history of an asset and returns the
// asset with it; the caller saves it. r is the asset's retirement, nil if it has none.
func (a *App) putEngine(tx *store.Tx, before store.AssetRecord, r *retirement.Retirement, e NewEngine) (after store.AssetRecord, warnings []registry.Finding, err error) {
	after, warnings, err = a.withEngine(tx, before, r, e)
	if err != nil {
		return before, nil, err
	}
	return after, warnings, tx.ReplaceEngine(before, engineOf(after, e))
}

// engineOf is the line of an asset's history for its present engine.
func engineOf(asset store.AssetRecord, e NewEngine) store.AssetEngine {
	return store.AssetEngine{Number: asset.Fields["engine_no"], Model: e.Model, PowerKW: asset.Fields["power_kw"], Stage: e.Stage, FromOn: e.On}
}

// withEngine returns the asset with another engine on its record.
func (a *App) withEngine(tx *store.Tx, before store.AssetRecord, r *retirement.Retirement, e NewEngine) (after store.AssetRecord, warnings []registry.Finding, err error) {
	form := formOf(before.Asset)
	form["engine_no"] = e.Number
	for key, value := range map[string]string{"engine_model": e.Model, "power_kw": e.PowerKW} {
		if hasField(before.Class, key) {
			form[key] = value
		}
	}
	asset, warnings, err := a.check(tx.By, NewAsset{before.Class, before.CityCode, form})
	if err != nil {
		return before, nil, err
	}
	after = before
	after.Asset = asset
	after.ID, after.Status = before.ID, before.Status
	after.Counting = a.counting(asset, r)
	return after, warnings, nil
}

func (a *App) engineFits(before store.AssetRecord, e NewEngine) error {
	if !hasField(before.Class, "engine_no") {
		return fault.New(fault.Conflict, "no_engine", bilingual.T("该类别不登记发动机", "this class has no engine on record"))
	}
	if !e.On.Valid() || e.On > a.Today() {
		return fault.Field("body.on", "date_invalid", bilingual.T("更换日期不能晚于今天", "the day is not a day up to today"),
			bilingual.T("按 2025-03-05 的格式填写", "write it as 2025-03-05"))
	}
	if _, known := a.Reference.Option(before.Class, "stage", e.Stage); e.Stage != "" && !known {
		return fault.Field("body.stage", "unknown_value", bilingual.F("“%s”不是排放阶段", "%q is no stage", e.Stage),
			bilingual.T("请从字典中选择", "choose from the dictionary"))
	}
	return nil
}

func hasField(class registry.Class, key string) bool {
	spec, _ := registry.SpecOf(class)
	for _, f := range spec.Fields {
		if f.Key == key {
			return true
		}
	}
	return false
}
