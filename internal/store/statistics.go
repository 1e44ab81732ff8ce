package store

import (
	"context"
	"fmt"
)

// filledByImport are the tables that a large import fills.
const filledByImport = "assets, asset_identifiers, asset_search, owners, identity_due, retirements, retirement_steps, import_rows, import_findings, audit_events"

// FreshStatistics has PostgreSQL look at the tables that a large import has
// filled. It does so by itself within a minute, until when it plans as if they
// were as small as before, and a list takes several times as long. A table that
// is being looked at already is left to who does. SQLite plans without
// statistics, as its indexes were made for it.
func (db *DB) FreshStatistics(ctx context.Context) error {
	if db.engine != Postgres {
		return nil
	}
	if err := db.write.WithContext(ctx).Exec("ANALYZE (SKIP_LOCKED) " + filledByImport).Error; err != nil {
		return fmt.Errorf("store: statistics: %w", err)
	}
	return nil
}
