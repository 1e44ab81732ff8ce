package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
)

// listed are the columns that a list shows; what only the record itself shows
// would cost more than half of reading a page.
const listed = "id, city_code, district_code, class, category, status, label, stage, owner_name, model, registered_on, built_on, scrap_due_on, cohort_on, import_id, version"

// AssetList is Assets for a list on a screen: of each record what a list shows,
// with its identifiers, and nothing else.
func (db *DB) AssetList(ctx context.Context, scope access.Scope, f AssetFilter, p Page) ([]AssetRecord, error) {
	q, err := db.filterAssets(db.read.WithContext(ctx), scope, f)
	if err != nil {
		return nil, err
	}
	if p.After != "" {
		q = q.Where("id > ?", p.After)
	}
	rows, err := q.Select(listed).Order("id").Limit(p.Limit).Rows()
	if err != nil {
		return nil, fmt.Errorf("store: list assets: %w", err)
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	today := civil.On(db.Now())
	list := make([]AssetRecord, 0, min(p.Limit, 501))
	for rows.Next() {
		var a AssetRecord
		if err := rows.Scan(&a.ID, &a.CityCode, &a.DistrictCode, &a.Class, &a.Category, &a.Status, &a.Label, &a.Stage, &a.OwnerName, &a.Model, &a.RegisteredOn, &a.BuiltOn, &a.ScrapDueOn,
			&a.Counting.CohortOn, &a.ImportID, &a.Version); err != nil {
			return nil, fmt.Errorf("store: list assets: %w", err)
		}
		a.InScope = a.Counting.CohortOn != "" && a.Counting.CohortOn <= today
		list = append(list, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: list assets: %w", err)
	}
	return list, identifiersOf(db.read.WithContext(ctx), list)
}

// identifiersOf puts the identifiers on records.
func identifiersOf(q *gorm.DB, list []AssetRecord) error {
	if len(list) == 0 {
		return nil
	}
	ids, places := make([]string, len(list)), make(map[string]int, len(list))
	for i := range list {
		ids[i], places[list[i].ID] = list[i].ID, i
	}
	rows, err := q.Table("asset_identifiers").Select("asset_id, kind, value").Where("asset_id IN ?", ids).Order("asset_id, kind").Rows()
	if err != nil {
		return fmt.Errorf("store: read identifiers: %w", err)
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	for rows.Next() {
		var id string
		var i registry.Identifier
		if err := rows.Scan(&id, &i.Kind, &i.Value); err != nil {
			return fmt.Errorf("store: read identifiers: %w", err)
		}
		a := &list[places[id]]
		a.Identifiers = append(a.Identifiers, i)
	}
	return rows.Err()
}
