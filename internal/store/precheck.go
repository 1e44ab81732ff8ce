package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/civil"
	"phaseout/internal/retirement"
)

// PreCheckRow is one answered pre-check of an asset.
type PreCheckRow struct {
	AssetID       string
	Kind          string
	CityCode      string
	DistrictCode  string
	State         string
	Source        string
	CheckedOn     civil.Day
	Note          string
	CheckedBy     string
	CheckedByName string
	CheckedAt     time.Time
	Version       int64
}

// TableName is gorm's hook for the table of pre-checks.
func (PreCheckRow) TableName() string { return "pre_checks" }

func (r PreCheckRow) check() retirement.PreCheck {
	return retirement.PreCheck{AssetID: r.AssetID, Kind: r.Kind, State: r.State, Source: r.Source, CheckedOn: r.CheckedOn, Note: r.Note, CheckedBy: r.CheckedBy,
		CheckedByName: r.CheckedByName, CheckedAt: r.CheckedAt, Version: r.Version}
}

// PutPreCheck keeps the answer to a question about an asset that the caller has
// loaded in its scope; an earlier answer stays in the audit.
func (tx *Tx) PutPreCheck(a AssetRecord, c *retirement.PreCheck) error {
	var before []PreCheckRow
	if err := tx.db.Where("asset_id = ? AND kind = ?", a.ID, c.Kind).Limit(1).Find(&before).Error; err != nil {
		return fmt.Errorf("store: read a pre-check: %w", err)
	}
	c.AssetID, c.CheckedBy, c.CheckedByName, c.CheckedAt, c.Version = a.ID, tx.By.ID, tx.By.Name, tx.At, 1
	var was any
	view := func(state, source string, on civil.Day, note string) map[string]string {
		return map[string]string{"kind": c.Kind, "state": state, "source": source, "checked_on": string(on), "note": note}
	}
	if len(before) > 0 {
		c.Version = before[0].Version + 1
		was = view(before[0].State, before[0].Source, before[0].CheckedOn, before[0].Note)
	}
	err := tx.db.Exec(`INSERT INTO pre_checks (asset_id, kind, city_code, district_code, state, source, checked_on, note, checked_by, checked_by_name, checked_at, version)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (asset_id, kind) DO UPDATE SET state = excluded.state, source = excluded.source,
		checked_on = excluded.checked_on, note = excluded.note, checked_by = excluded.checked_by, checked_by_name = excluded.checked_by_name,
		checked_at = excluded.checked_at, version = pre_checks.version + 1`,
		a.ID, c.Kind, a.CityCode, a.DistrictCode, c.State, c.Source, c.CheckedOn, c.Note, c.CheckedBy, c.CheckedByName, c.CheckedAt, c.Version).Error
	if err != nil {
		return fmt.Errorf("store: keep a pre-check: %w", err)
	}
	return tx.Record(Event{Action: "check", Entity: "pre_check", EntityID: a.ID, AssetID: a.ID, CityCode: a.CityCode, DistrictCode: a.DistrictCode},
		was, view(c.State, c.Source, c.CheckedOn, c.Note))
}

// PreChecks returns the answered pre-checks of an asset. The caller has loaded
// the asset in its scope.
func (db *DB) PreChecks(ctx context.Context, assetID string) ([]retirement.PreCheck, error) {
	return preChecks(db.read.WithContext(ctx), assetID)
}

// OpenPreChecks returns the pre-checks of an asset that found something; as
// long as there is one, no subsidy is due. The caller has loaded the asset in
// its scope.
func (tx *Tx) OpenPreChecks(assetID string) ([]retirement.PreCheck, error) {
	checks, err := preChecks(tx.db, assetID)
	return retirement.OpenChecks(checks), err
}

// OpenPreChecks is Tx.OpenPreChecks outside a transaction.
func (db *DB) OpenPreChecks(ctx context.Context, assetID string) ([]retirement.PreCheck, error) {
	checks, err := preChecks(db.read.WithContext(ctx), assetID)
	return retirement.OpenChecks(checks), err
}

func preChecks(q *gorm.DB, assetID string) ([]retirement.PreCheck, error) {
	var rows []PreCheckRow
	if err := q.Where("asset_id = ?", assetID).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read pre-checks: %w", err)
	}
	checks := make([]retirement.PreCheck, len(rows))
	for i, r := range rows {
		checks[i] = r.check()
	}
	return checks, nil
}

// PreChecks is DB.PreChecks inside a transaction.
func (tx *Tx) PreChecks(assetID string) ([]retirement.PreCheck, error) {
	return preChecks(tx.db, assetID)
}
