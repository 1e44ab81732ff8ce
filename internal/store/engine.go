package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/identifier"
)

// AssetEngine is an engine that an asset has or had; ToOn is "" for the present one,
// FromOn where nobody knows the beginning.
type AssetEngine struct {
	AssetID      string
	Position     int64
	CityCode     string
	DistrictCode string
	Number       string
	Norm         string
	Model        string
	PowerKW      string `gorm:"column:power_kw"`
	Stage        string
	FromOn       civil.Day
	ToOn         civil.Day
}

// TableName is gorm's hook for the table of engines.
func (AssetEngine) TableName() string { return "asset_engines" }

// Engines returns the engines of an asset, the present one last. The caller
// has loaded the asset in its scope.
func (db *DB) Engines(ctx context.Context, a AssetRecord) ([]AssetEngine, error) {
	return enginesOf(db.read.WithContext(ctx), a)
}

func enginesOf(q *gorm.DB, a AssetRecord) ([]AssetEngine, error) {
	var engines []AssetEngine
	if err := q.Where("asset_id = ?", a.ID).Order("position").Find(&engines).Error; err != nil {
		return nil, fmt.Errorf("store: engines of an asset: %w", err)
	}
	present := AssetEngine{AssetID: a.ID, Position: 1, CityCode: a.CityCode, DistrictCode: a.DistrictCode, Stage: a.Stage}
	if n := len(engines); n > 0 {
		present, engines = engines[n-1], engines[:n-1]
	}
	// The record's own fields are the truth about the present engine.
	present.Number, present.Model, present.PowerKW = a.Fields["engine_no"], a.Fields["engine_model"], a.Fields["power_kw"]
	if present.Number == "" && len(engines) == 0 {
		return engines, nil
	}
	return append(engines, present), nil
}

// EngineBefore returns the engine that an asset had before its present one, with
// what the record says of the present one where the history has none.
func (tx *Tx) EngineBefore(a AssetRecord) (previous, present AssetEngine, err error) {
	engines, err := enginesOf(tx.db, a)
	if err != nil || len(engines) == 0 {
		return previous, present, err
	}
	present = engines[len(engines)-1]
	previous.PowerKW = present.PowerKW
	if len(engines) > 1 {
		previous = engines[len(engines)-2]
	}
	return previous, present, nil
}

// ReplaceEngine ends the time of the present engine of an asset, as it was
// before, and begins that of the next one. The caller changes the asset.
func (tx *Tx) ReplaceEngine(before AssetRecord, next AssetEngine) error {
	engines, err := enginesOf(tx.db, before)
	if err != nil {
		return err
	}
	if err := tx.db.Where("asset_id = ? AND to_on = ''", before.ID).Delete(&AssetEngine{}).Error; err != nil {
		return fmt.Errorf("store: replace an engine: %w", err)
	}
	next.AssetID, next.CityCode, next.DistrictCode, next.Position = before.ID, before.CityCode, before.DistrictCode, 1
	rows := []AssetEngine{next}
	if n := len(engines); n > 0 {
		last := engines[n-1]
		last.ToOn, last.Norm = next.FromOn, identifier.Normalize(last.Number)
		rows[0].Position = last.Position + 1
		rows = append(rows, last)
	}
	rows[0].Norm = identifier.Normalize(next.Number)
	if err := insertAll(tx, rows); err != nil {
		return fmt.Errorf("store: replace an engine: %w", err)
	}
	return nil
}

// MendEngine corrects the line of an asset's present engine, and the day on which
// the one before it went out. The caller changes the asset, which is before as it was.
func (tx *Tx) MendEngine(before AssetRecord, right AssetEngine) error {
	engines, err := enginesOf(tx.db, before)
	if err != nil || len(engines) == 0 {
		return err
	}
	at := func(n int) *gorm.DB { // the n-th from the end
		return tx.db.Model(&AssetEngine{}).Where("asset_id = ? AND position = ?", before.ID, engines[len(engines)-n].Position)
	}
	res := at(1).Select("number", "norm", "model", "power_kw", "stage", "from_on").
		Updates(AssetEngine{Number: right.Number, Norm: identifier.Normalize(right.Number), Model: right.Model, PowerKW: right.PowerKW, Stage: right.Stage, FromOn: right.FromOn})
	if err := affect(res, fault.Missing()); err != nil || len(engines) == 1 {
		return err
	}
	return affect(at(2).Update("to_on", right.FromOn), fault.Missing())
}
