package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
)

type labelRow struct {
	AssetID string
	Code    string
	MadeBy  string
	MadeAt  time.Time
}

func (labelRow) TableName() string { return "asset_labels" }

// LabelCodes returns the public codes of those of the assets that have one, by
// asset. The caller has read the assets in the scope.
func (db *DB) LabelCodes(ctx context.Context, ids []string) (map[string]string, error) {
	return labelCodes(db.read.WithContext(ctx), ids)
}

// LabelCodes is DB.LabelCodes inside a transaction.
func (tx *Tx) LabelCodes(ids []string) (map[string]string, error) { return labelCodes(tx.db, ids) }

func labelCodes(q *gorm.DB, ids []string) (map[string]string, error) {
	var rows []labelRow
	if err := q.Where("asset_id IN ?", ids).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read labels: %w", err)
	}
	codes := make(map[string]string, len(rows))
	for _, r := range rows {
		codes[r.AssetID] = r.Code
	}
	return codes, nil
}

// AddLabel gives an asset its public code, unless another transaction has given
// it one meanwhile.
func (tx *Tx) AddLabel(a AssetRecord, code string) error {
	if !tx.By.Scope.Covers(a.CityCode, a.DistrictCode) {
		return fault.Missing()
	}
	res := tx.db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "asset_id"}}, DoNothing: true}).
		Create(&labelRow{AssetID: a.ID, Code: code, MadeBy: tx.By.ID, MadeAt: tx.At})
	if res.Error != nil {
		return fmt.Errorf("store: add a label: %w", res.Error)
	}
	if res.RowsAffected == 0 {
		return nil
	}
	return tx.Record(Event{Action: "label", Entity: "asset", EntityID: a.ID, AssetID: a.ID, CityCode: a.CityCode, DistrictCode: a.DistrictCode},
		nil, map[string]string{"code": code})
}

// AssetByCode returns the asset of the scope whose label has the code, or
// NotFound.
func (db *DB) AssetByCode(ctx context.Context, scope access.Scope, code string) (AssetRecord, error) {
	rows, err := findInScope[identifiedRow](db.read.WithContext(ctx), scope, "id = (SELECT asset_id FROM asset_labels WHERE code = ?)", code)
	if err != nil {
		return AssetRecord{}, fmt.Errorf("store: read an asset by its label: %w", err)
	}
	if len(rows) == 0 {
		return AssetRecord{}, fault.Missing()
	}
	return rows[0].record(civil.On(db.Now()))
}
