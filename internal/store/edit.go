package store

import (
	"fmt"

	"gorm.io/gorm/clause"

	"phaseout/internal/fault"
)

// AssetEdit is what an asset was before its last edit by hand.
type AssetEdit struct {
	AssetID      string `gorm:"primaryKey"`
	CityCode     string
	VersionAfter int64  // of the asset, when it was edited
	Before       string // its form as JSON
}

// KeepEdit keeps what an asset was before an edit, in place of the edit before.
func (tx *Tx) KeepEdit(e AssetEdit) error {
	if err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&e).Error; err != nil {
		return fmt.Errorf("store: keep an edit: %w", err)
	}
	return nil
}

// LastEdit returns the last edit of an asset of the actor's scope, or NotFound.
func (tx *Tx) LastEdit(a AssetRecord) (AssetEdit, error) {
	var edits []AssetEdit
	if err := tx.db.Where("asset_id = ? AND city_code = ?", a.ID, a.CityCode).Limit(1).Find(&edits).Error; err != nil {
		return AssetEdit{}, fmt.Errorf("store: read an edit: %w", err)
	}
	if len(edits) == 0 {
		return AssetEdit{}, fault.Missing()
	}
	return edits[0], nil
}

// DropEdit forgets the last edit of an asset.
func (tx *Tx) DropEdit(assetID string) error {
	if err := tx.db.Where("asset_id = ?", assetID).Delete(&AssetEdit{}).Error; err != nil {
		return fmt.Errorf("store: forget an edit: %w", err)
	}
	return nil
}
