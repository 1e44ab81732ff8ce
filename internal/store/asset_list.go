package store

import (
	"context"
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/civil"
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
	rows, err := q.Select(listed + ", " + identifiersColumn).Order("id").Limit(p.Limit).Rows()
	if err != nil {
		return nil, fmt.Errorf("store: list assets: %w", err)
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	today := civil.On(db.Now())
	list := make([]AssetRecord, 0, min(p.Limit, 501))
	for rows.Next() {
		var a AssetRecord
		var identifiers string
		if err := rows.Scan(&a.ID, &a.CityCode, &a.DistrictCode, &a.Class, &a.Category, &a.Status, &a.Label, &a.Stage, &a.OwnerName, &a.Model, &a.RegisteredOn, &a.BuiltOn, &a.ScrapDueOn,
			&a.Counting.CohortOn, &a.ImportID, &a.Version, &identifiers); err != nil {
			return nil, fmt.Errorf("store: list assets: %w", err)
		}
		if a.Identifiers, err = identifiersIn(identifiers); err != nil {
			return nil, err
		}
		a.InScope = a.Counting.CohortOn != "" && a.Counting.CohortOn <= today
		list = append(list, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: list assets: %w", err)
	}
	return list, nil
}
