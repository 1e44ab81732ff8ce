package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// Import is one uploaded sheet on its way into the registry. Counts, Sheet and
// Problem are JSON texts that only the use case writes and reads.
type Import struct {
	ID             string
	CityCode       string
	DistrictCode   string
	Class          registry.Class
	State          string
	Mode           string
	FileName       string
	FileSHA256     string `gorm:"column:file_sha256"`
	Size           int64
	UploadedBy     string
	UploadedByName string
	UploadedRole   string
	UploadedScope  string
	RequestID      string
	UploadedAt     time.Time
	AppliedAt      *time.Time
	HeartbeatAt    time.Time
	Done           int64
	Total          int64
	Counts         string
	Sheet          string
	Problem        string
	Mapping        string // how the clerk said the columns are to be read, as JSON
	Kind           string // ImportsAssets or ImportsRetirements
	Defaults       string // what every row of a list of retirements says unless it says otherwise, as JSON
	Version        int64
}

// The kinds of import.
const (
	ImportsAssets      = "assets"
	ImportsRetirements = "retirements"
)

// Columns is the key under which the fields of the sheet's columns are found.
func (i Import) Columns() registry.Class {
	if i.Kind == ImportsRetirements {
		return registry.ListClass(i.Class)
	}
	return i.Class
}

// ImportRow is one data row of an import as checked.
type ImportRow struct {
	ImportID string
	RowNo    int
	Outcome  string // create, update, unchanged, duplicate or reject
	Warned   bool
	Label    string
	AssetID  string // the asset that the row matched or, once applied, makes
	Data     string // the checked asset as JSON
	Changes  string // what would change, as JSON
	Applied  string // "", created, updated or skipped
}

// ImportFinding is one finding on one row, in both languages.
type ImportFinding struct {
	ImportID  string
	RowNo     int
	Position  int
	Col       string
	Field     string
	Value     string
	Code      string
	Severity  registry.Severity
	MessageZH string `gorm:"column:message_zh"`
	MessageEN string `gorm:"column:message_en"`
	MendZH    string `gorm:"column:mend_zh"`
	MendEN    string `gorm:"column:mend_en"`
}

// ImportChange is what an applied row did, for undoing it. Only changed assets
// have one; what was made is known from its row.
type ImportChange struct {
	ImportID     string
	RowNo        int
	AssetID      string
	Kind         string // created or updated
	Before       string // the asset before, as JSON
	VersionAfter int64
}

// CreateImport adds an import.
func (tx *Tx) CreateImport(i *Import) error {
	i.Version, i.HeartbeatAt, i.UploadedAt = 1, tx.At, tx.At
	i.UploadedBy, i.UploadedByName, i.RequestID = tx.By.ID, tx.By.Name, tx.By.RequestID
	i.UploadedRole, i.UploadedScope = string(tx.By.Role), tx.By.Scope.Code()
	i.Counts, i.Sheet = "{}", "{}"
	if i.Kind == "" {
		i.Kind = ImportsAssets
	}
	if err := tx.db.Create(i).Error; err != nil {
		return fmt.Errorf("store: create an import: %w", err)
	}
	return tx.Record(importEvent("upload", *i), nil, map[string]string{"file_name": i.FileName, "sha256": i.FileSHA256, "class": string(i.Class)})
}

func importEvent(action string, i Import) Event {
	return Event{Action: action, Entity: "import", EntityID: i.ID, CityCode: i.CityCode, DistrictCode: i.DistrictCode}
}

// UpdateImport replaces before by after if nobody changed it since. A change
// of state is recorded; progress is not.
func (tx *Tx) UpdateImport(before Import, after *Import) error {
	after.Version, after.HeartbeatAt = before.Version+1, tx.At
	q := inScope(tx.db.Model(&Import{}), tx.By.Scope, true).Where("id = ? AND version = ?", before.ID, before.Version)
	res := q.Select("state", "mode", "applied_at", "heartbeat_at", "done", "total", "counts", "sheet", "problem", "mapping", "version").Updates(after)
	if err := affect(res, stale()); err != nil {
		return err
	}
	if before.State == after.State {
		return nil
	}
	return tx.Record(importEvent(after.State, *after), map[string]string{"state": before.State},
		map[string]any{"state": after.State, "mode": after.Mode, "counts": json.RawMessage(after.Counts)})
}

// HoldImport makes whoever else works on an import wait for the end of the
// transaction, and fails with Stale if it has moved on since it was read.
func (tx *Tx) HoldImport(i Import) error {
	var versions []int64
	q := tx.db.Model(&Import{}).Clauses(clause.Locking{Strength: "UPDATE"}) // only PostgreSQL needs it
	if err := q.Where("id = ?", i.ID).Pluck("version", &versions).Error; err != nil {
		return fmt.Errorf("store: hold an import: %w", err)
	}
	if len(versions) == 0 || versions[0] != i.Version {
		return stale()
	}
	return nil
}

// Import returns an import of the scope, or NotFound.
func (db *DB) Import(ctx context.Context, scope access.Scope, id string) (Import, error) {
	return loadImport(db.read.WithContext(ctx), scope, id)
}

// Import returns an import of the actor's scope, or NotFound.
func (tx *Tx) Import(id string) (Import, error) { return loadImport(tx.db, tx.By.Scope, id) }

func loadImport(q *gorm.DB, scope access.Scope, id string) (Import, error) {
	var imports []Import
	if err := inScope(q, scope, true).Where("id = ?", id).Limit(1).Find(&imports).Error; err != nil {
		return Import{}, fmt.Errorf("store: read an import: %w", err)
	}
	if len(imports) == 0 {
		return Import{}, fault.Missing()
	}
	return imports[0], nil
}

// Imports returns one page of imports of the scope, newest first.
func (db *DB) Imports(ctx context.Context, scope access.Scope, p Page) ([]Import, error) {
	q := inScope(db.read.WithContext(ctx), scope, true)
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var imports []Import
	if err := q.Order("id DESC").Limit(p.Limit).Find(&imports).Error; err != nil {
		return nil, fmt.Errorf("store: list imports: %w", err)
	}
	return imports, nil
}

// UnfinishedImports returns the imports that a stopped process left in the
// middle: under way, without a sign of life since before.
func (db *DB) UnfinishedImports(ctx context.Context, before time.Time) ([]Import, error) {
	var imports []Import
	err := inScope(db.read.WithContext(ctx), access.Whole(), true).
		Where("state IN ? AND heartbeat_at < ?", []string{"checking", "applying"}, before).Order("id").Find(&imports).Error
	if err != nil {
		return nil, fmt.Errorf("store: list unfinished imports: %w", err)
	}
	return imports, nil
}

// PutImportRows adds checked rows and their findings.
func (tx *Tx) PutImportRows(rows []ImportRow, findings []ImportFinding) error {
	if err := insertAll(tx, rows); err != nil {
		return fmt.Errorf("store: keep the rows of an import: %w", err)
	}
	if err := insertAll(tx, findings); err != nil {
		return fmt.Errorf("store: keep the findings of an import: %w", err)
	}
	return nil
}

// ClearImportRows removes what an interrupted check left behind.
func (tx *Tx) ClearImportRows(importID string) error {
	for _, model := range []any{&ImportFinding{}, &ImportRow{}} {
		if err := tx.db.Where("import_id = ?", importID).Delete(model).Error; err != nil {
			return fmt.Errorf("store: clear an import: %w", err)
		}
	}
	return nil
}

// MarkImportRow says what applying a row did.
func (tx *Tx) MarkImportRow(importID string, row int, applied, outcome, assetID string) error {
	res := tx.db.Model(&ImportRow{}).Where("import_id = ? AND row_no = ? AND applied = ''", importID, row).
		Updates(map[string]any{"applied": applied, "outcome": outcome, "asset_id": assetID})
	return affect(res, stale())
}

// MarkCreated says of many rows that applying them made their assets.
func (tx *Tx) MarkCreated(importID string, rows []int) error {
	for chunk := range slices.Chunk(rows, 500) {
		res := tx.db.Model(&ImportRow{}).Where("import_id = ? AND row_no IN ? AND applied = ''", importID, chunk).Update("applied", "created")
		if res.Error != nil {
			return fmt.Errorf("store: mark the rows of an import: %w", res.Error)
		}
		if res.RowsAffected != int64(len(chunk)) {
			return stale()
		}
	}
	return nil
}

// PutImportChange keeps what a row changed.
func (tx *Tx) PutImportChange(c ImportChange) error {
	if err := insertAll(tx, []ImportChange{c}); err != nil {
		return fmt.Errorf("store: keep a change of an import: %w", err)
	}
	return nil
}

// AddImportFinding appends a finding that only applying a row could bring up.
func (tx *Tx) AddImportFinding(f ImportFinding) error {
	var last int
	err := tx.db.Model(&ImportFinding{}).Where("import_id = ? AND row_no = ?", f.ImportID, f.RowNo).
		Select("COALESCE(MAX(position), 0)").Scan(&last).Error
	if err != nil {
		return fmt.Errorf("store: keep a finding: %w", err)
	}
	f.Position = last + 1
	return tx.PutImportRows(nil, []ImportFinding{f})
}

// ImportChanges returns what an import changed, last row first, as undoing
// wants it. What it made needs no row of its own: it is at its first version.
func (tx *Tx) ImportChanges(importID string) ([]ImportChange, error) {
	var changes []ImportChange
	err := tx.db.Raw(`SELECT import_id, row_no, asset_id, kind, before, version_after FROM import_changes WHERE import_id = ?
		UNION ALL SELECT import_id, row_no, asset_id, 'created', '', 1 FROM import_rows WHERE import_id = ? AND applied = 'created'
		ORDER BY row_no DESC`, importID, importID).Scan(&changes).Error
	if err != nil {
		return nil, fmt.Errorf("store: read the changes of an import: %w", err)
	}
	return changes, nil
}

// ImportRowLabels returns what the assets of some rows are called. The caller
// has loaded the import in its scope.
func (tx *Tx) ImportRowLabels(importID string, rows []int) (map[int]string, error) {
	var found []ImportRow
	if err := tx.db.Select("row_no", "label").Where("import_id = ? AND row_no IN ?", importID, rows).Find(&found).Error; err != nil {
		return nil, fmt.Errorf("store: read the labels of an import: %w", err)
	}
	labels := map[int]string{}
	for _, r := range found {
		labels[r.RowNo] = r.Label
	}
	return labels, nil
}

// ImportRowFilter narrows the rows of an import. AfterRow is the row to go on
// from.
type ImportRowFilter struct {
	Outcome  string // as ImportRow.Outcome, or "warn" for create with a warning
	Pending  bool   // only rows that were not applied yet
	AfterRow int
	Limit    int
}

// ImportRows returns rows of an import in the order of the sheet. The caller
// has loaded the import in its scope.
func (db *DB) ImportRows(ctx context.Context, i Import, f ImportRowFilter) ([]ImportRow, error) {
	return importRows(db.read.WithContext(ctx), i, f)
}

// ImportRows is DB.ImportRows inside a transaction.
func (tx *Tx) ImportRows(i Import, f ImportRowFilter) ([]ImportRow, error) {
	return importRows(tx.db, i, f)
}

func importRows(q *gorm.DB, i Import, f ImportRowFilter) ([]ImportRow, error) {
	q = q.Where("import_id = ? AND row_no > ?", i.ID, f.AfterRow)
	switch f.Outcome {
	case "":
	case "warn":
		q = q.Where("outcome = 'create' AND warned")
	case "create":
		q = q.Where("outcome = 'create' AND NOT warned")
	default:
		q = q.Where("outcome = ?", f.Outcome)
	}
	if f.Pending {
		q = q.Where("outcome IN ? AND applied = ''", []string{"create", "update"})
	}
	var rows []ImportRow
	if err := q.Order("row_no").Limit(f.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read the rows of an import: %w", err)
	}
	return rows, nil
}

// FindingFilter narrows the findings of an import. AfterRow and AfterPosition
// are the finding to go on from.
type FindingFilter struct {
	Severity      registry.Severity
	Code          string
	AfterRow      int
	AfterPosition int
	Limit         int
}

// ImportFindings returns findings of an import in the order of the sheet. The
// caller has loaded the import in its scope.
func (db *DB) ImportFindings(ctx context.Context, i Import, f FindingFilter) ([]ImportFinding, error) {
	q := db.read.WithContext(ctx).Where("import_id = ? AND (row_no, position) > (?, ?)", i.ID, f.AfterRow, f.AfterPosition)
	if f.Severity != "" {
		q = q.Where("severity = ?", f.Severity)
	}
	if f.Code != "" {
		q = q.Where("code = ?", f.Code)
	}
	var findings []ImportFinding
	if err := q.Order("row_no, position").Limit(f.Limit).Find(&findings).Error; err != nil {
		return nil, fmt.Errorf("store: read the findings of an import: %w", err)
	}
	return findings, nil
}
