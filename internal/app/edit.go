package app

import (
	"context"
	"encoding/json"
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// keepEdit keeps what a record was before an edit by hand.
func keepEdit(tx *store.Tx, before, after store.AssetRecord) error {
	form, err := json.Marshal(formOf(before.Asset))
	if err != nil {
		return err
	}
	return tx.KeepEdit(store.AssetEdit{AssetID: after.ID, CityCode: after.CityCode, VersionAfter: after.Version, Before: string(form)})
}

// UndoEdit takes back the last edit of a record by hand. It fails with Conflict
// nothing_to_undo if the record was not edited so, or if anything came after
// it; with Stale for another version; and like any edit where its rules or an
// identity taken meanwhile forbid it.
func (a *App) UndoEdit(ctx context.Context, by access.Actor, id string, version int64, reason string) (store.AssetRecord, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.AssetRecord, error) {
		before, r, err := a.amendable(tx, id, version)
		if err != nil {
			return before, err
		}
		edit, err := tx.LastEdit(before)
		if fault.Is(err, fault.NotFound) || (err == nil && edit.VersionAfter != before.Version) {
			return before, fault.New(fault.Conflict, "nothing_to_undo", bilingual.T("最近一次变更不是手工修改，或之后又有变更，不能撤销", "the last change was no edit by hand, or something came after it")).
				WithMend("请直接修改记录", "change the record instead")
		}
		if err != nil {
			return before, err
		}
		var form map[string]string
		if err := json.Unmarshal([]byte(edit.Before), &form); err != nil {
			return before, fmt.Errorf("app: edit of %s: %w", id, err)
		}
		asset, _ := a.Reference.Check(before.Class, registry.Input{City: before.CityCode, Fields: form, Today: a.Today()})
		if err := a.identityFree(tx, asset.Identifiers, id); err != nil {
			return before, err
		}
		after := before
		after.Asset = asset
		after.ID, after.Status = before.ID, before.Status
		after.Counting = a.counting(asset, r)
		if err := tx.UpdateAsset(&before, &after, "undo_edit", reason); err != nil {
			return before, err
		}
		return after, tx.DropEdit(id)
	})
}
