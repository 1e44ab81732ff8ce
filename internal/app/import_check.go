package app

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
)

// checkImport reads the whole sheet and keeps, for each row, what would become
// of it. Nothing of the registry changes.
func (a *App) checkImport(ctx context.Context, by access.Actor, i store.Import) error {
	file, err := a.Blobs.Reader(i.FileSHA256)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read from
	book, err := sheet.OpenReader(i.FileName, file, file.Size)
	if err != nil {
		return err
	}
	defer lean()()
	c := importCheck{app: a, by: by, current: i, columns: map[string]string{}}
	book, header, err := c.headerOf(ctx, book)
	if saveErr := c.begin(ctx); saveErr != nil {
		return saveErr
	}
	if err != nil {
		return err
	}
	if i.Kind == store.ImportsRetirements {
		return c.checkList(ctx, book, header)
	}
	read := newSheetRead(sheetRead{reference: a.Reference, class: i.Class, city: i.CityCode, district: by.Scope.District(), today: a.Today(), header: header})
	for chunk, err := range ahead(read.chunks(book)) {
		if err != nil {
			return err
		}
		c.counts.Ignored += chunk.ignored
		if err := c.keep(ctx, chunk.rows, "checking"); err != nil {
			return err
		}
	}
	return c.keep(ctx, nil, "checked")
}

// expectedHeadings are the names of the fields that no row can do without.
func expectedHeadings(class registry.Class) []string {
	var names []string
	spec, _ := registry.SpecOf(class)
	for _, f := range spec.Fields {
		if f.Required {
			names = append(names, f.Name.ZH)
		}
	}
	return names
}

// requiredKeys are the fields that no row can do without.
func requiredKeys(class registry.Class) []string {
	var keys []string
	spec, _ := registry.SpecOf(class)
	for _, f := range spec.Fields {
		if f.Required {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

// requireColumns fails if a column is missing that no row can do without.
func requireColumns(class registry.Class, header sheet.Header) error {
	spec, _ := registry.SpecOf(class)
	var missingZH, missingEN []string
	for _, f := range spec.Fields {
		if f.Required && !slices.ContainsFunc(header.Columns, func(c sheet.Column) bool { return c.Key == f.Key }) {
			missingZH, missingEN = append(missingZH, f.Name.ZH), append(missingEN, f.Name.EN)
		}
	}
	if len(missingZH) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "missing_column", bilingual.T("缺少必需的列："+strings.Join(missingZH, "、"), "columns are missing: "+strings.Join(missingEN, ", "))).
		WithMend("补上这些列，或下载模板对照表头", "add these columns, or compare the headings with the template")
}

type importCheck struct {
	app       *App
	by        access.Actor
	current   store.Import
	columns   map[string]string // field → column letter
	described ImportSheet
	remember  *store.Mapping // how the clerk said it is read, if it is to be saved
	counts    ImportCounts
	seen      []seenRetired // in the rows since the last keep
	met       []metTwo      // likewise
}

// begin clears what an interrupted check left behind and says how this one
// reads the sheet.
func (c *importCheck) begin(ctx context.Context) error {
	text, err := json.Marshal(c.described)
	if err != nil {
		return err
	}
	return c.save(ctx, func(tx *store.Tx, i *store.Import) error {
		i.Done, i.Sheet = 0, string(text)
		if c.remember != nil {
			if err := tx.SaveMapping(c.remember); err != nil {
				return err
			}
		}
		return tx.ClearImportRows(i.ID)
	})
}

func (c *importCheck) save(ctx context.Context, change func(*store.Tx, *store.Import) error) error {
	return c.app.DB.Write(ctx, c.by, func(tx *store.Tx) error {
		after := c.current
		if err := change(tx, &after); err != nil {
			return err
		}
		if err := tx.UpdateImport(c.current, &after); err != nil {
			return err
		}
		c.current = after
		return nil
	})
}

// keep compares checked rows with the registry and keeps what came out.
func (c *importCheck) keep(ctx context.Context, chunk []checkedRow, state string) error {
	known, err := c.known(ctx, chunk)
	if err != nil {
		return err
	}
	var rows []store.ImportRow
	var findings []store.ImportFinding
	for _, checked := range chunk {
		row, found, err := c.compare(checked, known)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		for position, f := range found {
			findings = append(findings, c.finding(checked.row, position+1, f))
		}
		c.tally(row)
	}
	counts, err := json.Marshal(c.counts)
	if err != nil {
		return err
	}
	seen, met := c.seen, c.met
	c.seen, c.met = nil, nil
	return c.save(ctx, func(tx *store.Tx, i *store.Import) error {
		i.State, i.Done, i.Total, i.Counts = state, int64(c.counts.Total), int64(c.counts.Total), string(counts)
		if err := tx.PutImportRows(rows, findings); err != nil {
			return err
		}
		return errors.Join(noteSeen(tx, seen), noteMet(tx, i, met))
	})
}

// shownCell is how many signs of a cell a finding shows.
const shownCell = 200

func (c *importCheck) finding(row, position int, f registry.Finding) store.ImportFinding {
	value := f.Value
	if signs := []rune(value); len(signs) > shownCell {
		value = string(signs[:shownCell]) + "…"
	}
	switch f.Field {
	case "owner_id":
		value = store.MaskID(value)
	case "owner_phone":
		value = store.MaskPhone(value)
	}
	return store.ImportFinding{ImportID: c.current.ID, RowNo: row, Position: position, Col: c.columns[f.Field], Field: f.Field, Value: value,
		Code: f.Code, Severity: f.Severity, MessageZH: f.Message.ZH, MessageEN: f.Message.EN, MendZH: f.Mend.ZH, MendEN: f.Mend.EN}
}

func (c *importCheck) tally(row store.ImportRow) {
	c.counts.Total++
	switch {
	case row.Outcome == "create" && row.Warned:
		c.counts.Warn++
	case row.Outcome == "create":
		c.counts.Create++
	case row.Outcome == "update":
		c.counts.Update++
	case row.Outcome == "unchanged":
		c.counts.Unchanged++
	case row.Outcome == "duplicate":
		c.counts.Duplicate++
	case row.Outcome == "ambiguous":
		c.counts.Ambiguous++
	default:
		c.counts.Reject++
	}
}

// registered is what the registry holds of the identifiers of some rows.
type registered struct {
	holders map[string][]store.Match // kind + norm → assets of the whole province
	records map[string]store.AssetRecord
	offered map[string]store.Transfer
	kept    map[string]string // records closed as duplicates → those they were closed for
}

func (c *importCheck) known(ctx context.Context, chunk []checkedRow) (registered, error) {
	var identifiers []registry.Identifier
	for _, checked := range chunk {
		if checked.outcome == registry.OutcomeCreate || checked.outcome == registry.OutcomeWarn {
			identifiers = append(identifiers, checked.asset.Identifiers...)
		}
	}
	matches, err := c.app.DB.Holders(ctx, identifiers)
	if err != nil {
		return registered{}, err
	}
	known := registered{holders: map[string][]store.Match{}}
	ids := map[string]bool{}
	var closed []string
	for _, m := range matches {
		if m.Status == registry.Duplicate {
			closed = append(closed, m.AssetID)
		}
		known.holders[m.Kind+"\n"+m.Norm] = append(known.holders[m.Kind+"\n"+m.Norm], m)
		ids[m.AssetID] = true
	}
	if known.kept, err = c.app.DB.KeptFor(ctx, closed); err != nil {
		return known, err
	}
	if known.records, err = c.app.DB.AssetsByID(ctx, c.by.Scope, slices.Sorted(maps.Keys(ids))); err != nil {
		return known, err
	}
	known.offered, err = c.app.DB.Offered(ctx, slices.Collect(maps.Keys(known.records))...)
	return known, err
}

// compare decides what would become of a row that is good in itself: created,
// changed, unchanged, or refused because of what the registry holds.
func (c *importCheck) compare(checked checkedRow, known registered) (store.ImportRow, []registry.Finding, error) {
	row := store.ImportRow{ImportID: c.current.ID, RowNo: checked.row, Label: checked.asset.Label, Outcome: "reject"}
	findings := checked.findings
	switch checked.outcome {
	case registry.OutcomeReject:
		return row, findings, nil
	case registry.OutcomeDuplicate:
		row.Outcome = "duplicate"
		return row, findings, nil
	}
	holders := map[string]store.Match{} // by the first identifier that each has
	shared := false
	for _, i := range checked.asset.Identifiers {
		for _, m := range known.holders[i.Kind+"\n"+i.Norm] {
			if _, seen := holders[m.AssetID]; i.Unique && !seen {
				holders[m.AssetID] = m
			}
		}
	}
	for _, i := range checked.asset.Identifiers {
		for _, m := range known.holders[i.Kind+"\n"+i.Norm] {
			if _, own := holders[m.AssetID]; i.Kind == "engine_no" && !own && !shared {
				shared = true
				if !slices.ContainsFunc(findings, func(f registry.Finding) bool { return f.Code == "shared_engine" }) {
					findings = append(findings, registry.SharedEngine(i))
				}
			}
		}
	}
	row.Warned = len(findings) > 0
	form, err := json.Marshal(formOf(checked.asset))
	if err != nil {
		return row, findings, err
	}
	row.Data = string(form)
	for id := range holders { // a record and its closed duplicate are one
		if kept := known.kept[id]; kept != "" && holders[kept].AssetID != "" {
			delete(holders, id)
		}
	}
	switch len(holders) {
	case 0:
		row.Outcome, row.AssetID = "create", newID()
		return row, findings, nil
	case 1:
	default:
		row.Outcome = "ambiguous"
		c.met = append(c.met, metTwo{checked.row, checked.asset.Class, slices.Sorted(maps.Keys(holders))})
		return row, append(findings, ambiguous(checked.asset, holders, known)), nil
	}
	for id, match := range holders {
		record, mine := known.records[id]
		if !mine {
			c.see(checked, match)
			return row, append(findings, identityFinding(checked.asset, match.Kind, "registered_elsewhere",
				bilingual.T("该号码已在其他地区登记", "the number is registered in another area"),
				bilingual.T("请核对号码；如已转入，请办理转移", "check the number; if it moved here, ask for a transfer"))), nil
		}
		row.AssetID = id
		merged, changes := c.merge(record, checked.asset)
		if len(changes) == 0 {
			row.Outcome = "unchanged"
			return row, findings, nil
		}
		if match.Status == registry.Duplicate {
			return row, append(findings, identityFinding(checked.asset, match.Kind, "closed_duplicate",
				bilingual.T("该记录已作为重复记录关闭", "the record was closed as a duplicate"),
				bilingual.T("请修改保留的那条记录", "change the record that was kept"))), nil
		}
		if _, locked := known.offered[id]; locked {
			return row, append(findings, identityFinding(checked.asset, match.Kind, "transfer_open",
				bilingual.T("该记录正在向其他城市转移", "the record is offered to another city"),
				bilingual.T("等待对方答复，或先撤回转移", "wait for the answer, or withdraw the transfer"))), nil
		}
		if match.Status != registry.InUse {
			c.see(checked, match)
			return row, append(findings, identityFinding(checked.asset, match.Kind, "retired_identity",
				bilingual.T("该号码已淘汰，不能由导入修改", "it has left service; an import cannot change it"),
				bilingual.T("请核对号码是否填错", "check whether the number is right"))), nil
		}
		renumbered, wrong := renumbering(record, checked.asset, known)
		if findings = append(findings, renumbered...); wrong {
			return row, findings, nil
		}
		row.Outcome, row.Warned = "update", len(findings) > 0
		text, err := json.Marshal(merged)
		if err != nil {
			return row, findings, err
		}
		row.Data = string(text)
		text, err = json.Marshal(changes)
		row.Changes = string(text)
		return row, findings, err
	}
	return row, findings, nil
}

// merge lays a row over the record it matches: what the row leaves blank stays.
func (c *importCheck) merge(record store.AssetRecord, asset registry.Asset) (map[string]string, []FieldChange) {
	was := formOf(record.Asset)
	merged := maps.Clone(was)
	for key, value := range formOf(asset) {
		if key == "scrap_due_on" && was[key] == "" && value == string(record.ScrapDueOn) {
			continue // it comes back as we computed it and exported it, and stays computed
		}
		if value != "" {
			merged[key] = value
		}
	}
	var changes []FieldChange
	for _, key := range slices.Sorted(maps.Keys(merged)) {
		before, after := was[key], merged[key]
		if before == after {
			continue
		}
		switch key {
		case "owner_id":
			before, after = store.MaskID(before), store.MaskID(after)
		case "owner_phone":
			before, after = store.MaskPhone(before), store.MaskPhone(after)
		}
		changes = append(changes, FieldChange{key, before, after})
	}
	return merged, changes
}

// identityFinding is a finding about the identifier of a kind that a row has, or
// about its first unique one if kind is "".
func identityFinding(asset registry.Asset, kind, code string, message, mend bilingual.Text) registry.Finding {
	f := registry.Finding{Code: code, Severity: registry.Error, Message: message, Mend: mend, Value: asset.Label}
	for _, i := range asset.Identifiers {
		if i.Unique && (kind == "" || i.Kind == kind) {
			f.Field, f.Value = i.Kind, i.Value
			break
		}
	}
	return f
}

// leaning counts who wants a small heap, and keeps what the setting was before.
var leaning struct {
	sync.Mutex
	n, percent int
}

// lean keeps the heap close to what is in use, at the price of collecting more
// often, until the returned function is called. What a check of a million rows
// remembers is collected fast, for it has no pointers, but would double the
// memory if garbage could pile up to its size.
func lean() (end func()) {
	leaning.Lock()
	defer leaning.Unlock()
	if leaning.n++; leaning.n == 1 {
		leaning.percent = debug.SetGCPercent(16)
	}
	return func() {
		leaning.Lock()
		defer leaning.Unlock()
		if leaning.n--; leaning.n == 0 {
			debug.SetGCPercent(leaning.percent)
		}
	}
}
