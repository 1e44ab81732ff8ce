package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// Mapping is how a city understands sheets of a class with the same headings.
type Mapping struct {
	ID          string
	CityCode    string
	Class       registry.Class
	Fingerprint string // of the headings
	Name        string // of the file it was saved with
	Mapping     string // JSON that only the use case writes and reads
	SavedBy     string
	SavedByName string
	SavedAt     time.Time
}

// TableName is gorm's hook for the table of mappings.
func (Mapping) TableName() string { return "import_mappings" }

// SaveMapping keeps a mapping, in place of one for the same headings.
func (tx *Tx) SaveMapping(m *Mapping) error {
	m.SavedBy, m.SavedByName, m.SavedAt = tx.By.ID, tx.By.Name, tx.At
	over := clause.OnConflict{Columns: []clause.Column{{Name: "city_code"}, {Name: "class"}, {Name: "fingerprint"}},
		DoUpdates: clause.AssignmentColumns([]string{"name", "mapping", "saved_by", "saved_by_name", "saved_at"})}
	if err := tx.db.Clauses(over).Create(m).Error; err != nil {
		return fmt.Errorf("store: save a mapping: %w", err)
	}
	return tx.Record(Event{Action: "save", Entity: "mapping", EntityID: m.ID, CityCode: m.CityCode}, nil, map[string]string{"name": m.Name, "mapping": m.Mapping})
}

// MappingsFor returns the mappings that a city saved for a class.
func (db *DB) MappingsFor(ctx context.Context, scope access.Scope, city string, class registry.Class) ([]Mapping, error) {
	var found []Mapping
	err := inScope(db.read.WithContext(ctx), scope, false).Where("city_code = ? AND class = ?", city, class).Order("saved_at DESC").Limit(200).Find(&found).Error
	if err != nil {
		return nil, fmt.Errorf("store: read mappings: %w", err)
	}
	return found, nil
}

// Mappings returns one page of the saved mappings of the scope.
func (db *DB) Mappings(ctx context.Context, scope access.Scope, p Page) ([]Mapping, error) {
	var found []Mapping
	if err := inScope(db.read.WithContext(ctx), scope, false).Where("id > ?", p.After).Order("id").Limit(p.Limit).Find(&found).Error; err != nil {
		return nil, fmt.Errorf("store: list mappings: %w", err)
	}
	return found, nil
}

// DropMapping forgets a saved mapping of the scope.
func (tx *Tx) DropMapping(id string) error {
	var found []Mapping
	if err := inScope(tx.db, tx.By.Scope, false).Where("id = ?", id).Limit(1).Find(&found).Error; err != nil {
		return fmt.Errorf("store: read a mapping: %w", err)
	}
	if len(found) == 0 {
		return fault.Missing()
	}
	if err := affect(tx.db.Where("id = ?", id).Delete(&Mapping{}), fault.Missing()); err != nil {
		return err
	}
	return tx.Record(Event{Action: "remove", Entity: "mapping", EntityID: id, CityCode: found[0].CityCode}, map[string]string{"name": found[0].Name}, nil)
}
