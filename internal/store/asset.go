package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/target"
)

// AssetRecord is an asset as it is kept: with the days on which it counts,
// where it came from and its version.
type AssetRecord struct {
	registry.Asset
	retirement.Counting // hides Asset.CohortOn: this one is "" once the asset left before it joined
	ImportID            string
	CreatedAt           time.Time
	CreatedBy           string
	UpdatedAt           time.Time
	Version             int64
	OwnerRef            string    // the owner's id
	OwnedFrom           civil.Day // since when, "" if nobody knows
	searchDoc           int64     // its document in the search index of SQLite
	recordedNo          int64     // the recording that brought it to how it stands
	recordedCause       string    // and the deed
	texts               *assetTexts
}

// assetTexts are the texts of a new asset that take longest to make.
type assetTexts struct{ fields, search, grams, view string }

// Prepare makes the texts of a new asset ahead of CreateAssets, so that nobody
// waits for them while it writes. The asset must not change in between.
func (a *AssetRecord) Prepare() error {
	fields, err := json.Marshal(a.Fields)
	if err != nil {
		return fmt.Errorf("store: fields of an asset: %w", err)
	}
	view, err := jsonText(auditView(a))
	if err != nil {
		return err
	}
	search := searchText(a.Asset)
	a.texts = &assetTexts{string(fields), search, strings.Join(grams(search), " "), view}
	return nil
}

// assetRow is the table row; the identifiers are rows of their own, the fields of
// a Counting columns here and in the log of standings.
type assetRow struct {
	ID             string
	CityCode       string
	DistrictCode   string
	Class          registry.Class
	Category       string
	Status         registry.Status
	Label          string
	Stage          string
	StageSource    string
	Fuel           string
	Model          string
	RegisteredOn   civil.Day
	BuiltOn        civil.Day
	ScrapDueOn     civil.Day
	ScrapDueSource string
	PoliceStatus   string
	OwnerName      string
	OwnerID        string
	OwnerPhone     string
	Fields         string
	SearchText     string
	SearchDoc      int64
	OwnerRef       string
	OwnedFrom      civil.Day
	retirement.Counting
	RecordedNo    int64
	RecordedCause string
	ImportID      string
	CreatedAt     time.Time
	CreatedBy     string
	UpdatedAt     time.Time
	Version       int64
}

func (assetRow) TableName() string { return "assets" }

func rowOf(a *AssetRecord) (assetRow, error) {
	if a.texts != nil {
		return rowWith(a, a.texts.fields, a.texts.search), nil
	}
	fields, err := json.Marshal(a.Fields)
	if err != nil {
		return assetRow{}, fmt.Errorf("store: fields of an asset: %w", err)
	}
	return rowWith(a, string(fields), searchText(a.Asset)), nil
}

func rowWith(a *AssetRecord, fields, search string) assetRow {
	return assetRow{
		ID: a.ID, CityCode: a.CityCode, DistrictCode: a.DistrictCode, Class: a.Class, Category: a.Category,
		Status: a.Status, Label: a.Label, Stage: a.Stage, StageSource: a.StageSource, Fuel: a.Fuel, Model: a.Model,
		RegisteredOn: a.RegisteredOn, BuiltOn: a.BuiltOn, ScrapDueOn: a.ScrapDueOn, ScrapDueSource: a.ScrapDueSource,
		PoliceStatus: a.PoliceStatus, OwnerName: a.OwnerName, OwnerID: a.OwnerID, OwnerPhone: a.OwnerPhone,
		Fields: fields, SearchText: search, SearchDoc: a.searchDoc, OwnerRef: a.OwnerRef, OwnedFrom: a.OwnedFrom,
		Counting: a.Counting, RecordedNo: a.recordedNo, RecordedCause: a.recordedCause,
		ImportID: a.ImportID, CreatedAt: a.CreatedAt, CreatedBy: a.CreatedBy, UpdatedAt: a.UpdatedAt, Version: a.Version,
	}
}

func (r assetRow) record(today civil.Day) (AssetRecord, error) {
	a := AssetRecord{
		Asset: registry.Asset{
			ID: r.ID, CityCode: r.CityCode, DistrictCode: r.DistrictCode, Class: r.Class, Category: r.Category,
			Status: r.Status, Label: r.Label, Stage: r.Stage, StageSource: r.StageSource, Fuel: r.Fuel, Model: r.Model,
			RegisteredOn: r.RegisteredOn, BuiltOn: r.BuiltOn, ScrapDueOn: r.ScrapDueOn, ScrapDueSource: r.ScrapDueSource,
			PoliceStatus: r.PoliceStatus, OwnerName: r.OwnerName, OwnerID: r.OwnerID, OwnerPhone: r.OwnerPhone,
			CohortOn: r.CohortOn, InScope: r.CohortOn != "" && r.CohortOn <= today,
		},
		Counting:   r.Counting,
		recordedNo: r.RecordedNo, recordedCause: r.RecordedCause,
		ImportID: r.ImportID, CreatedAt: r.CreatedAt, CreatedBy: r.CreatedBy, UpdatedAt: r.UpdatedAt, Version: r.Version,
		searchDoc: r.SearchDoc, OwnerRef: r.OwnerRef, OwnedFrom: r.OwnedFrom,
	}
	var err error
	if a.Fields, err = fieldsOf(r.Fields); err != nil {
		return a, fmt.Errorf("store: fields of asset %s: %w", r.ID, err)
	}
	return a, nil
}

// CreateAsset adds an asset with its identifiers, counts it and records the
// event. The caller has made sure that the identity is free; a race that this
// could not see fails with Conflict duplicate_identity.
func (tx *Tx) CreateAsset(a *AssetRecord, reason string) error {
	return tx.CreateAssets([]*AssetRecord{a}, reason)
}

// CreateAssets is CreateAsset for many, of which an import has thousands.
func (tx *Tx) CreateAssets(assets []*AssetRecord, reason string) error {
	for _, a := range assets {
		if !tx.By.Scope.Covers(a.CityCode, a.DistrictCode) {
			return fault.Missing()
		}
	}
	if err := tx.setOwners(assets); err != nil {
		return err
	}
	rows := make([]assetRow, 0, len(assets))
	texts := make([]string, 0, len(assets))
	identifiers := make([]identifierRow, 0, 3*len(assets))
	for _, a := range assets {
		if a.texts == nil {
			if err := a.Prepare(); err != nil {
				return err
			}
		}
		a.Version, a.CreatedAt, a.UpdatedAt, a.CreatedBy = 1, tx.At, tx.At, tx.By.ID
		tx.mark(nil, a, "create")
		row, err := rowOf(a)
		if err != nil {
			return err
		}
		rows, texts, identifiers = append(rows, row), append(texts, a.texts.grams), append(identifiers, identifierRows(a)...)
		tx.identify(nil, a)
		err = tx.Record(Event{Action: "create", Entity: "asset", EntityID: a.ID, AssetID: a.ID, CityCode: a.CityCode,
			DistrictCode: a.DistrictCode, Reason: reason}, nil, rawJSON(a.texts.view))
		if err != nil {
			return err
		}
		a.texts = nil
	}
	if err := tx.index(rows, texts); err != nil {
		return err
	}
	if err := insertAll(tx, rows); err != nil {
		return fmt.Errorf("store: create assets: %w", err)
	}
	return tx.putIdentifiers(identifiers)
}

func identifierRows(a *AssetRecord) []identifierRow {
	rows := make([]identifierRow, len(a.Identifiers))
	for n, i := range a.Identifiers {
		rows[n] = identifierRow{AssetID: a.ID, Kind: i.Kind, Value: i.Value, Norm: i.Norm, IsUnique: i.Unique}
	}
	return rows
}

func (tx *Tx) putIdentifiers(rows []identifierRow) error {
	for _, r := range rows {
		if strings.ContainsAny(r.Value, identifierMarks) || strings.ContainsAny(r.Norm, identifierMarks) {
			return fmt.Errorf("store: identifier %s %q of %s is not folded", r.Kind, r.Value, r.AssetID)
		}
	}
	err := insertAll(tx, rows)
	if duplicate(err) {
		return raced{fault.New(fault.Conflict, "duplicate_identity", bilingual.F("%s 等号码已登记，不能重复登记", "%s or another number is already registered", rows[0].Value)).
			WithMend("请检索已有记录", "search for the record that is there")}
	}
	if err != nil {
		return fmt.Errorf("store: identifiers: %w", err)
	}
	return nil
}

// UpdateAsset replaces before by after if nobody changed it since before was
// read, keeps the roll-up and records what changed.
func (tx *Tx) UpdateAsset(before, after *AssetRecord, action, reason string) error {
	if err := tx.notOffered(before); err != nil {
		return err
	}
	if err := tx.changeOwner(before, after); err != nil {
		return err
	}
	return tx.replaceAsset(before, after, action, reason)
}

// RewriteOwner writes another spelling or record of the same owner onto an
// asset: no period ends.
func (tx *Tx) RewriteOwner(before, after *AssetRecord, reason string) error {
	return tx.replaceAsset(before, after, "update", reason)
}

func (tx *Tx) replaceAsset(before, after *AssetRecord, action, reason string) error {
	after.Version, after.UpdatedAt = before.Version+1, tx.At
	tx.mark(before, after, action)
	row, err := rowOf(after)
	if err != nil {
		return err
	}
	if err := tx.reindex(before, &row); err != nil {
		return err
	}
	former, err := rowOf(before)
	if err != nil {
		return err
	}
	former.ID, former.CreatedAt, former.CreatedBy = row.ID, row.CreatedAt, row.CreatedBy // never change
	if err := updateInScope(tx, &former, &row, "id = ? AND version = ?", before.ID, before.Version); err != nil {
		return err
	}
	if !slices.Equal(before.Identifiers, after.Identifiers) {
		if err := tx.db.Where("asset_id = ?", before.ID).Delete(&identifierRow{}).Error; err != nil {
			return fmt.Errorf("store: identifiers: %w", err)
		}
		if err := tx.putIdentifiers(identifierRows(after)); err != nil {
			return err
		}
	}
	tx.identify(before, after)
	was, is := changedFacts(before, after)
	return tx.Record(Event{Action: action, Entity: "asset", EntityID: after.ID, AssetID: after.ID, CityCode: after.CityCode,
		DistrictCode: after.DistrictCode, Reason: reason}, was, is)
}

// RemoveAsset takes an asset out again that an import created and nothing has
// touched since. Its events stay.
func (tx *Tx) RemoveAsset(a *AssetRecord, reason string) error {
	if err := tx.db.Where("asset_id = ?", a.ID).Delete(&identifierRow{}).Error; err != nil {
		return fmt.Errorf("store: identifiers: %w", err)
	}
	for _, history := range []any{&OwnerPeriod{}, &AssetEngine{}, &QualityIssue{}, &PreCheckRow{}, &AssetEdit{}} {
		if err := tx.db.Where("asset_id = ?", a.ID).Delete(history).Error; err != nil {
			return fmt.Errorf("store: what hangs on an asset: %w", err)
		}
	}
	if err := tx.unindex(a); err != nil {
		return err
	}
	q := inScope(tx.db, tx.By.Scope, true).Where("id = ? AND version = ?", a.ID, a.Version)
	if err := affect(q.Delete(&assetRow{}), stale()); err != nil {
		return err
	}
	tx.mark(a, nil, "undo")
	if err := tx.forget(a); err != nil {
		return err
	}
	return tx.Record(Event{Action: "remove", Entity: "asset", EntityID: a.ID, AssetID: a.ID, CityCode: a.CityCode,
		DistrictCode: a.DistrictCode, Reason: reason}, auditView(a), nil)
}

// changedFacts is what the audit keeps of a change of an asset.
func changedFacts(before, after *AssetRecord) (was, is map[string]string) {
	if maps.Equal(before.Fields, after.Fields) { // the fields are most of a view, and most changes leave them alone
		return difference(viewOf(before, nil), viewOf(after, nil))
	}
	return difference(auditView(before), auditView(after))
}

// auditView is what the audit keeps of an asset: every field, personal numbers
// masked.
func auditView(a *AssetRecord) map[string]string { return viewOf(a, a.Fields) }

func viewOf(a *AssetRecord, fields map[string]string) map[string]string {
	view := maps.Clone(fields)
	if view == nil {
		view = map[string]string{}
	}
	view["status"], view["district"] = string(a.Status), a.DistrictCode
	view["stage"], view["stage_source"], view["scrap_due_on"] = a.Stage, a.StageSource, string(a.ScrapDueOn)
	view["owner_name"], view["owner_id"], view["owner_phone"] = a.OwnerName, MaskID(a.OwnerID), MaskPhone(a.OwnerPhone)
	for metric, day := range countingDays(a.Counting) {
		view["counts."+string(metric)] = string(day)
	}
	maps.DeleteFunc(view, func(_, v string) bool { return v == "" })
	return view
}

// difference returns only what differs between two views.
func difference(before, after map[string]string) (was, is map[string]string) {
	was, is = map[string]string{}, map[string]string{}
	for k, v := range before {
		if after[k] != v {
			was[k] = v
		}
	}
	for k, v := range after {
		if before[k] != v {
			is[k] = v
		}
	}
	return was, is
}

// MaskID hides the middle of a personal or organisation number, keeping the
// first four and the last four signs.
func MaskID(s string) string { return mask(s, 4, 4) }

// MaskPhone keeps the first three and the last four digits.
func MaskPhone(s string) string { return mask(s, 3, 4) }

// MaskAccount keeps the last four digits of a bank account.
func MaskAccount(s string) string { return mask(s, 0, 4) }

func mask(s string, head, tail int) string {
	r := []rune(s)
	if len(r) == 0 {
		return ""
	}
	if len(r) <= head+tail {
		return strings.Repeat("*", len(r))
	}
	return string(r[:head]) + strings.Repeat("*", len(r)-head-tail) + string(r[len(r)-tail:])
}

// Asset returns an asset of the scope with its identifiers, or NotFound.
func (db *DB) Asset(ctx context.Context, scope access.Scope, id string) (AssetRecord, error) {
	return loadAsset(db.read.WithContext(ctx), scope, id, civil.On(db.Now()))
}

// Asset returns an asset of the actor's scope, or NotFound.
func (tx *Tx) Asset(id string) (AssetRecord, error) {
	return loadAsset(tx.db, tx.By.Scope, id, civil.On(tx.At))
}

// IsAt reports whether an asset that was read before is still at its version.
func (tx *Tx) IsAt(id string, version int64) (bool, error) {
	rows, err := find[versionOfAsset](tx.db, "id = ? AND version = ?", id, version)
	if err != nil {
		return false, fmt.Errorf("store: read a version: %w", err)
	}
	return len(rows) == 1, nil
}

// versionOfAsset is the little of an asset that tells whether it changed.
type versionOfAsset struct{ Version int64 }

func (versionOfAsset) TableName() string { return "assets" }

func loadAsset(q *gorm.DB, scope access.Scope, id string, today civil.Day) (AssetRecord, error) {
	rows, err := findInScope[identifiedRow](q, scope, "id = ?", id)
	if err != nil {
		return AssetRecord{}, fmt.Errorf("store: read an asset: %w", err)
	}
	if len(rows) == 0 {
		return AssetRecord{}, fault.Missing()
	}
	return rows[0].record(today)
}

// identifiedRecords are the records of rows.
func identifiedRecords(rows []identifiedRow, today civil.Day) ([]AssetRecord, error) {
	records := make([]AssetRecord, len(rows))
	for i, r := range rows {
		var err error
		if records[i], err = r.record(today); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// Page is where a list starts and how long it is.
type Page struct {
	After string // id of the last row of the page before, "" for the first page
	Limit int
}

// AssetFilter narrows a list of assets. Empty members do not narrow. Metric,
// with Bounds and AsOf, asks for the rows behind a figure of the progress
// sheet.
type AssetFilter struct {
	Class      registry.Class
	City       string
	District   string
	Category   string
	Stage      string
	Status     registry.Status
	Q          string
	InScope    *bool
	ImportID   string
	Owner      string    // id of the present owner
	CohortFrom civil.Day // covered after this day
	CohortTo   civil.Day // covered by the end of this day
	Metric     target.Metric
	Bounds     map[Area]Bounds // by city and class
	AsOf       civil.Day
}

func (db *DB) filterAssets(q *gorm.DB, scope access.Scope, f AssetFilter) (*gorm.DB, error) {
	q = inScope(q.Model(&assetRow{}), scope, true)
	equal := []struct{ column, value string }{
		{"class", string(f.Class)}, {"city_code", f.City}, {"district_code", f.District}, {"category", f.Category},
		{"stage", f.Stage}, {"status", string(f.Status)}, {"import_id", f.ImportID},
		{"owner_ref", f.Owner},
	}
	for _, e := range equal {
		if e.value != "" {
			q = q.Where(e.column+" = ?", e.value)
		}
	}
	if f.Status == "" && f.Q == "" && f.ImportID == "" && f.Metric == "" {
		q = q.Where("status <> ?", registry.Duplicate) // found by who looks for it, counted in nothing
	}
	if f.Q != "" {
		var err error
		if q, err = db.search(q, f.Q); err != nil {
			return nil, err
		}
	}
	if f.CohortFrom != "" {
		q = q.Where("cohort_on > ?", f.CohortFrom)
	}
	if f.CohortTo != "" {
		q = q.Where("cohort_on <> '' AND cohort_on <= ?", f.CohortTo)
	}
	if f.InScope != nil {
		test := "(cohort_on <> '' AND cohort_on <= ?)"
		if !*f.InScope {
			test = "NOT " + test
		}
		q = q.Where(test, civil.On(db.Now()))
	}
	if f.Metric != "" {
		test, args := behindEach(f.Metric, f.Bounds, f.AsOf)
		q = q.Where(test, args...)
	}
	return q, nil
}

// Assets returns one page of assets of the scope, in the order of their ids.
func (db *DB) Assets(ctx context.Context, scope access.Scope, f AssetFilter, p Page) ([]AssetRecord, error) {
	q, err := db.filterAssets(db.read.WithContext(ctx), scope, f)
	if err != nil {
		return nil, err
	}
	if p.After != "" {
		q = q.Where("id > ?", p.After)
	}
	rows, err := list[identifiedRow](q.Order("id").Limit(p.Limit))
	if err != nil {
		return nil, fmt.Errorf("store: list assets: %w", err)
	}
	return identifiedRecords(rows, civil.On(db.Now()))
}

// CountAssets returns how many assets the filter finds, at most limit.
func (db *DB) CountAssets(ctx context.Context, scope access.Scope, f AssetFilter, limit int) (int, error) {
	var n int64
	q, err := db.filterAssets(db.read.WithContext(ctx), scope, f)
	if err != nil {
		return 0, err
	}
	if err := db.read.WithContext(ctx).Table("(?) AS found", q.Select("1").Limit(limit)).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: count assets: %w", err)
	}
	return int(n), nil
}

// Match is an asset that holds an identifier.
type Match struct {
	AssetID  string
	Kind     string
	Norm     string
	CityCode string
	Status   registry.Status
}

// Holders returns which assets hold any of the identifiers, over the whole
// province, live and retired alike: identity is one for all cities. Callers
// must not show more of a foreign city's asset than that the identity is taken.
func (tx *Tx) Holders(identifiers []registry.Identifier) ([]Match, error) {
	return holders(tx.db, identifiers)
}

// Holders is Tx.Holders outside a transaction, for checks that write nothing.
func (db *DB) Holders(ctx context.Context, identifiers []registry.Identifier) ([]Match, error) {
	return holders(db.read.WithContext(ctx), identifiers)
}

func holders(q *gorm.DB, identifiers []registry.Identifier) ([]Match, error) {
	norms := map[string][]string{}
	for _, i := range identifiers {
		norms[i.Kind] = append(norms[i.Kind], i.Norm)
	}
	var matches []Match
	for _, kind := range slices.Sorted(maps.Keys(norms)) {
		for chunk := range slices.Chunk(norms[kind], 500) {
			var found []Match
			err := q.Session(&gorm.Session{NewDB: true}).Table("asset_identifiers").
				Select("asset_identifiers.asset_id, asset_identifiers.kind, asset_identifiers.norm, assets.city_code, assets.status").
				Joins("JOIN assets ON assets.id = asset_identifiers.asset_id").
				Where("asset_identifiers.kind = ? AND asset_identifiers.norm IN ?", kind, chunk).
				Order("asset_identifiers.asset_id").Find(&found).Error
			if err != nil {
				return nil, fmt.Errorf("store: look up identifiers: %w", err)
			}
			matches = append(matches, found...)
		}
	}
	return matches, nil
}

// AssetsByID returns those of the assets that lie in the actor's scope, by id.
func (tx *Tx) AssetsByID(ids []string) (map[string]AssetRecord, error) {
	return assetsByID(tx.db, tx.By.Scope, ids, civil.On(tx.At))
}

// AssetsByID returns those of the assets that lie in the scope, by id.
func (db *DB) AssetsByID(ctx context.Context, scope access.Scope, ids []string) (map[string]AssetRecord, error) {
	return assetsByID(db.read.WithContext(ctx), scope, ids, civil.On(db.Now()))
}

func assetsByID(q *gorm.DB, scope access.Scope, ids []string, today civil.Day) (map[string]AssetRecord, error) {
	found := make(map[string]AssetRecord, len(ids))
	for chunk := range slices.Chunk(ids, 500) {
		rows, err := findInScope[identifiedRow](q, scope, anyOf("id", len(chunk)), anys(chunk)...)
		if err != nil {
			return nil, fmt.Errorf("store: read assets: %w", err)
		}
		records, err := identifiedRecords(rows, today)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			found[r.ID] = r
		}
	}
	return found, nil
}

// fieldsOf reads the fields of an asset: an object of texts as json.Marshal
// writes it. Cutting it up where nothing is escaped is several times faster than
// decoding it, which is most of the time of a long list; anything else is decoded.
func fieldsOf(text string) (fields map[string]string, err error) {
	if rest, ok := strings.CutPrefix(text, `{"`); ok && !strings.Contains(text, `\`) {
		if rest, ok = strings.CutSuffix(rest, `"}`); ok {
			parts := strings.Split(rest, `"`) // key : value , key : value
			fields = make(map[string]string, len(parts)/4+1)
			for i := 0; ok && i+2 < len(parts); i += 4 {
				fields[parts[i]] = parts[i+2]
				ok = parts[i+1] == ":" && (i+3 == len(parts) || (parts[i+3] == "," && i+6 < len(parts)))
			}
			if ok && len(parts)%4 == 3 {
				return fields, nil
			}
		}
	}
	fields = nil
	return fields, json.Unmarshal([]byte(text), &fields)
}
