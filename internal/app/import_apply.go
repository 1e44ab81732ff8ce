package app

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// applyRows is how many rows are applied in one transaction: few enough that
// another clerk's save waits no more than a moment.
const applyRows = 1000

// applyImport makes the good rows of a checked import real, chunk by chunk, or
// all in one transaction for "all_or_nothing". It goes on where an interrupted
// run stopped.
func (a *App) applyImport(ctx context.Context, by access.Actor, i store.Import) error {
	if i.Mode == "all_or_nothing" {
		return a.DB.Write(ctx, by, func(tx *store.Tx) error {
			after := i
			for chunk, err := range a.readied(ctx, by, i) {
				if err != nil {
					return err
				}
				if err := a.applyChunk(tx, &after, chunk); err != nil {
					return err
				}
			}
			after.State, after.AppliedAt = "applied", instant(tx.At)
			return tx.UpdateImport(i, &after)
		})
	}
	for chunk, err := range a.readied(ctx, by, i) {
		if err != nil {
			return err
		}
		if i, err = writeMany(ctx, a, by, func(tx *store.Tx) (store.Import, error) {
			after := i
			if err := a.applyChunk(tx, &after, chunk); err != nil {
				return i, err
			}
			return after, tx.UpdateImport(i, &after)
		}); err != nil {
			return err
		}
	}
	return a.DB.Write(ctx, by, func(tx *store.Tx) error {
		after := i
		after.State, after.AppliedAt = "applied", instant(tx.At)
		return tx.UpdateImport(i, &after)
	})
}

// readyChunk is rows of an import with the assets that they describe, and the
// records of those that are new.
type readyChunk struct {
	rows    []store.ImportRow
	assets  []registry.Asset
	records []*store.AssetRecord
}

// readied reads the rows that are not applied yet and makes their assets, one
// chunk ahead of the caller, who is busy writing meanwhile.
func (a *App) readied(ctx context.Context, by access.Actor, i store.Import) iter.Seq2[readyChunk, error] {
	return ahead(func(yield func(readyChunk, error) bool) {
		for last := 0; ; {
			rows, err := a.DB.ImportRows(ctx, i, store.ImportRowFilter{Pending: true, AfterRow: last, Limit: applyRows})
			if err != nil || len(rows) == 0 {
				if err != nil {
					yield(readyChunk{}, err)
				}
				return
			}
			last = rows[len(rows)-1].RowNo
			chunk := readyChunk{rows: rows}
			if chunk.assets, err = a.assetsOf(by, i, rows); err == nil {
				chunk.records, err = recordsOf(i, chunk)
			}
			if !yield(chunk, err) || err != nil {
				return
			}
		}
	})
}

// recordsOf makes the records of the rows that are new, nil for the others.
func recordsOf(i store.Import, chunk readyChunk) ([]*store.AssetRecord, error) {
	records := make([]*store.AssetRecord, len(chunk.rows))
	for n, row := range chunk.rows {
		if row.Outcome != "create" {
			continue
		}
		rec := &store.AssetRecord{Asset: chunk.assets[n], Counting: retirement.Count(chunk.assets[n].CohortOn, registry.WayOut{}, nil), ImportID: i.ID}
		rec.ID, rec.Status = row.AssetID, registry.InUse
		if err := rec.Prepare(); err != nil {
			return nil, err
		}
		records[n] = rec
	}
	return records, nil
}

// assetsOf makes the assets of checked rows.
func (a *App) assetsOf(by access.Actor, i store.Import, rows []store.ImportRow) ([]registry.Asset, error) {
	assets := make([]registry.Asset, len(rows))
	for n, row := range rows {
		var form map[string]string
		if err := json.Unmarshal([]byte(row.Data), &form); err != nil {
			return nil, fmt.Errorf("app: row %d of import %s: %w", row.RowNo, i.ID, err)
		}
		asset, findings := a.Reference.Check(i.Class, registry.Input{City: i.CityCode, District: by.Scope.District(), Fields: form, Today: a.Today()})
		for _, f := range findings {
			if f.Severity == registry.Error {
				return nil, fault.New(fault.Conflict, "check_outdated", bilingual.F("第 %d 行按现行规则不再合格", "row %d no longer passes the rules", row.RowNo)).
					WithMend("请重新上传该文件", "upload the file again")
			}
		}
		assets[n] = asset
	}
	return assets, nil
}

// applyChunk applies rows whose identities were unique in the file. What the
// registry has got since the check is looked up again, once for all of them.
func (a *App) applyChunk(tx *store.Tx, i *store.Import, chunk readyChunk) error {
	if err := tx.HoldImport(*i); err != nil {
		return err
	}
	rows, assets := chunk.rows, chunk.assets
	var identifiers []registry.Identifier
	var ids []string
	for n, row := range rows {
		for _, identifier := range assets[n].Identifiers {
			if identifier.Unique {
				identifiers = append(identifiers, identifier)
			}
		}
		if row.Outcome == "update" {
			ids = append(ids, row.AssetID)
		}
	}
	matches, err := tx.Holders(identifiers)
	if err != nil {
		return err
	}
	var closed []string
	for _, m := range matches {
		if m.Status == registry.Duplicate {
			closed = append(closed, m.AssetID)
		}
	}
	kept, err := tx.KeptForAll(closed)
	if err != nil {
		return err
	}
	holders := map[string][]string{}
	for _, m := range matches {
		holder := m.AssetID
		if kept[holder] != "" { // what a closed duplicate had, the record it was closed for may take
			holder = kept[holder]
		}
		holders[m.Kind+"\n"+m.Norm] = append(holders[m.Kind+"\n"+m.Norm], holder)
	}
	records, err := a.changeable(tx, ids)
	if err != nil {
		return err
	}
	counts := CountsOf(*i)
	var made []*store.AssetRecord
	var madeRows []int
	for n, row := range rows {
		if identifier, taken := takenSince(row, assets[n], holders); taken {
			err = a.skipRow(tx, i, row, identifier, &counts)
		} else if row.Outcome == "create" {
			rec := *chunk.records[n] // the transaction may be tried again
			made, madeRows = append(made, &rec), append(madeRows, row.RowNo)
		} else {
			err = a.changeByRow(tx, i, row, assets[n], records, &counts)
		}
		if err != nil {
			return err
		}
	}
	if err := tx.CreateAssets(made, "import "+i.ID); err != nil {
		return err
	}
	if err := tx.MarkCreated(i.ID, madeRows); err != nil {
		return err
	}
	counts.AppliedCreate += len(made)
	i.Done += int64(len(rows))
	text, err := json.Marshal(counts)
	i.Counts = string(text)
	return err
}

// takenSince returns the identifier of a row that another asset has got since
// the check.
func takenSince(row store.ImportRow, asset registry.Asset, holders map[string][]string) (registry.Identifier, bool) {
	for _, identifier := range asset.Identifiers {
		if identifier.Unique && slices.ContainsFunc(holders[identifier.Kind+"\n"+identifier.Norm], func(id string) bool { return id != row.AssetID }) {
			return identifier, true
		}
	}
	return registry.Identifier{}, false
}

// changeByRow applies a row that changes an asset.
func (a *App) changeByRow(tx *store.Tx, i *store.Import, row store.ImportRow, asset registry.Asset, records map[string]store.AssetRecord, counts *ImportCounts) error {
	record, exists := records[row.AssetID]
	if !exists || record.Status != registry.InUse {
		return a.skipRow(tx, i, row, registry.Identifier{Value: row.Label}, counts)
	}
	before, err := json.Marshal(formOf(record.Asset))
	if err != nil {
		return err
	}
	rec := store.AssetRecord{Asset: asset, Counting: retirement.Count(asset.CohortOn, registry.WayOut{}, nil), ImportID: record.ImportID,
		CreatedAt: record.CreatedAt, CreatedBy: record.CreatedBy}
	rec.ID, rec.Status = record.ID, record.Status
	if err := tx.UpdateAsset(&record, &rec, "import", "import "+i.ID); err != nil {
		return err
	}
	counts.AppliedUpdate++
	change := store.ImportChange{ImportID: i.ID, RowNo: row.RowNo, AssetID: rec.ID, Kind: "updated", Before: string(before), VersionAfter: rec.Version}
	if err := tx.PutImportChange(change); err != nil {
		return err
	}
	return tx.MarkImportRow(i.ID, row.RowNo, change.Kind, row.Outcome, rec.ID)
}

// skipRow leaves a row out that the registry has overtaken since the check. An
// import that is all or nothing fails instead.
func (a *App) skipRow(tx *store.Tx, i *store.Import, row store.ImportRow, identifier registry.Identifier, counts *ImportCounts) error {
	message := bilingual.F("%s 在检查之后已被登记或变更", "%s was registered or changed after the check", identifier.Value)
	if i.Mode == "all_or_nothing" {
		return fault.New(fault.Conflict, "overtaken", message).WithMend("请重新上传该文件", "upload the file again")
	}
	f := store.ImportFinding{ImportID: i.ID, RowNo: row.RowNo, Field: identifier.Kind, Value: identifier.Value, Code: "overtaken", Severity: registry.Error,
		MessageZH: message.ZH, MessageEN: message.EN, MendZH: "请重新上传该行", MendEN: "upload the row again"}
	if err := tx.AddImportFinding(f); err != nil {
		return err
	}
	switch {
	case row.Outcome == "update":
		counts.Update--
	case row.Warned:
		counts.Warn--
	default:
		counts.Create--
	}
	counts.Reject++
	return tx.MarkImportRow(i.ID, row.RowNo, "skipped", "reject", "")
}
