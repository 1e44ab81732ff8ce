package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// listedChanges is how many changed rows a refused undo names; it counts all.
const listedChanges = 200

// ChangedRow is a row of an import whose asset somebody changed since. An asset
// that has left the actor's area has neither id nor who changed it.
type ChangedRow struct {
	Row       int        `json:"row"`
	Label     string     `json:"label"`
	AssetID   string     `json:"asset_id,omitempty"`
	Action    string     `json:"action,omitempty"`
	ChangedBy string     `json:"changed_by,omitempty"`
	ChangedAt *time.Time `json:"changed_at,omitempty"`
}

// UndoImport takes back what an import did, as one act. Rows that were changed
// since fail it with Conflict changed_since, which lists them and who changed
// them; with skipChanged they are left and all others taken back.
func (a *App) UndoImport(ctx context.Context, by access.Actor, id string, skipChanged bool) (store.Import, error) {
	return a.changeImport(ctx, by, id, []string{"applied", "cancelled"}, func(tx *store.Tx, i *store.Import) error {
		if i.Kind == store.ImportsRetirements {
			return a.undoList(tx, i, skipChanged)
		}
		changes, err := tx.ImportChanges(id)
		if err != nil {
			return err
		}
		ids := make([]string, len(changes))
		for n, c := range changes {
			ids[n] = c.AssetID
		}
		records, err := a.changeable(tx, ids)
		if err != nil {
			return err
		}
		withFiles, err := tx.AssetsWithFiles(ids)
		if err != nil {
			return err
		}
		keeps, err := tx.KeepsOthers(ids)
		if err != nil {
			return err
		}
		var undoable, changed []store.ImportChange
		for _, c := range changes {
			record, ok := records[c.AssetID]
			if ok && record.Version == c.VersionAfter && (c.Kind != "created" || !withFiles[c.AssetID] && !keeps[c.AssetID]) {
				undoable = append(undoable, c)
			} else {
				changed = append(changed, c)
			}
		}
		if len(changed) > 0 && !skipChanged {
			return changedSince(tx, *i, changed)
		}
		for _, c := range undoable {
			if err := a.undoChange(tx, i, c, records[c.AssetID]); err != nil {
				return err
			}
		}
		i.State = "undone"
		return nil
	})
}

// changedSince is the refusal to undo an import as a whole. It lists the rows
// from the first one down.
func changedSince(tx *store.Tx, i store.Import, changed []store.ImportChange) error {
	refusal := fault.New(fault.Conflict, "changed_since", bilingual.F("有 %d 条记录在导入后被修改，不能整体撤销", "%d records were changed after the import; it cannot be undone as a whole", len(changed))).
		WithMend("处理所列记录，或只撤销未改动的行", "see to the records listed, or undo only the rows that nobody changed")
	listed := changed[max(0, len(changed)-listedChanges):] // last row first
	rows, ids := make([]int, len(listed)), make([]string, len(listed))
	for n, c := range listed {
		rows[n], ids[n] = c.RowNo, c.AssetID
	}
	labels, err := tx.ImportRowLabels(i.ID, rows)
	if err != nil {
		return err
	}
	events, err := tx.LastEvents(ids)
	if err != nil {
		return err
	}
	list := make([]ChangedRow, 0, len(listed))
	for n := len(listed) - 1; n >= 0; n-- {
		c := listed[n]
		row := ChangedRow{Row: c.RowNo, Label: labels[c.RowNo]}
		message := bilingual.F("第 %d 行 %s 已转出本地区", "row %d, %s, has left the area", row.Row, row.Label)
		if e, seen := events[c.AssetID]; seen {
			at, err := time.Parse(time.RFC3339Nano, e.At)
			if err != nil {
				return fmt.Errorf("app: instant of audit event %d: %w", e.Seq, err)
			}
			row.AssetID, row.Action, row.ChangedBy, row.ChangedAt = c.AssetID, e.Action, e.ActorName, &at
			message = bilingual.F("第 %d 行 %s 已由 %s 于 %s 修改", "row %d, %s, was changed by %s on %s", row.Row, row.Label, row.ChangedBy, civil.On(at))
		}
		list = append(list, row)
		refusal.Details = append(refusal.Details, fault.Detail{Location: fmt.Sprintf("row.%d", row.Row), Code: "changed_since", Value: row.Label, Message: message})
	}
	return refusal.With("changed", list).With("changed_total", len(changed))
}

func (a *App) undoChange(tx *store.Tx, i *store.Import, c store.ImportChange, record store.AssetRecord) error {
	reason := "undo import " + i.ID
	if c.Kind == "created" {
		return tx.RemoveAsset(&record, reason)
	}
	var form map[string]string
	if err := json.Unmarshal([]byte(c.Before), &form); err != nil {
		return fmt.Errorf("app: row %d of import %s: %w", c.RowNo, i.ID, err)
	}
	asset, _ := a.Reference.Check(i.Class, registry.Input{City: record.CityCode, Fields: form, Today: a.Today()})
	restored := record
	restored.Asset = asset
	restored.ID, restored.Status = record.ID, record.Status
	restored.Counting = a.counting(asset, nil)
	return tx.UpdateAsset(&record, &restored, "undo", reason)
}
