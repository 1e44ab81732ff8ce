package store

import (
	"context"
	"fmt"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/subsidy"
	"phaseout/internal/target"
)

// VerifyDatabase asks the engine for damage in its own structures.
func (db *DB) VerifyDatabase(ctx context.Context) error {
	if db.engine == Postgres {
		return db.Ping(ctx)
	}
	var lines []string
	if err := db.read.WithContext(ctx).Raw("PRAGMA integrity_check").Scan(&lines).Error; err != nil {
		return fmt.Errorf("store: integrity check: %w", err)
	}
	if len(lines) != 1 || lines[0] != "ok" {
		return fmt.Errorf("the database is damaged: %s", strings.Join(lines, "; "))
	}
	var broken []struct{ Table, Parent string }
	if err := db.read.WithContext(ctx).Raw("PRAGMA foreign_key_check").Scan(&broken).Error; err != nil {
		return fmt.Errorf("store: foreign key check: %w", err)
	}
	if len(broken) > 0 {
		return fmt.Errorf("%d rows of %s point at missing rows of %s", len(broken), broken[0].Table, broken[0].Parent)
	}
	return nil
}

// VerifySummary recounts the roll-up from the rows and returns how many cells
// it has, or the first that differs.
func (db *DB) VerifySummary(ctx context.Context) (int, error) {
	type row struct {
		CityCode, DistrictCode string
		Class                  registry.Class
		Metric                 target.Metric
		Month                  string
		N                      int64
	}
	var kept []row
	if err := db.read.WithContext(ctx).Table("summary").Where("n <> 0").Find(&kept).Error; err != nil {
		return 0, fmt.Errorf("store: read the roll-up: %w", err)
	}
	due := map[cell]int64{}
	for metric, column := range metricColumn {
		var rows []row
		err := db.read.WithContext(ctx).Table("assets").Where(column + " <> ''").
			Select("city_code, district_code, class, substr(" + column + ", 1, 7) AS month, COUNT(*) AS n").
			Group("city_code, district_code, class, substr(" + column + ", 1, 7)").Find(&rows).Error
		if err != nil {
			return 0, fmt.Errorf("store: recount %s: %w", metric, err)
		}
		for _, r := range rows {
			due[cell{r.CityCode, r.DistrictCode, r.Class, metric, r.Month}] = r.N
		}
	}
	for _, r := range kept {
		c := cell{r.CityCode, r.DistrictCode, r.Class, r.Metric, r.Month}
		if due[c] != r.N {
			return len(kept), fmt.Errorf("the roll-up says %d for %v, the rows say %d", r.N, c, due[c])
		}
		delete(due, c)
	}
	for c, n := range due {
		return len(kept), fmt.Errorf("the roll-up lacks %v, the rows say %d", c, n)
	}
	return len(kept), nil
}

// EachAsset calls fn for every asset with its retirement, nil if it has none.
func (db *DB) EachAsset(ctx context.Context, fn func(AssetRecord, *retirement.Retirement) error) error {
	after := ""
	for {
		var rows []assetRow
		if err := db.read.WithContext(ctx).Where("id > ?", after).Order("id").Limit(500).Find(&rows).Error; err != nil {
			return fmt.Errorf("store: read assets: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		after = rows[len(rows)-1].ID
		ids := make([]string, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		var retired []retirementRow
		if err := db.read.WithContext(ctx).Where("asset_id IN ? AND NOT withdrawn", ids).Find(&retired).Error; err != nil {
			return fmt.Errorf("store: read retirements: %w", err)
		}
		byAsset := map[string]retirement.Retirement{}
		for _, r := range retired {
			byAsset[r.AssetID] = r.retirement()
		}
		for _, row := range rows {
			rec, err := row.record(civil.On(db.Now()))
			if err != nil {
				return err
			}
			var r *retirement.Retirement
			if found, ok := byAsset[row.ID]; ok {
				r = &found
			}
			if err := fn(rec, r); err != nil {
				return err
			}
		}
	}
}

// EachBatch calls fn for every payment batch with its lines.
func (db *DB) EachBatch(ctx context.Context, fn func(subsidy.Batch) error) error {
	var ids []string
	if err := db.read.WithContext(ctx).Model(&batchRow{}).Order("id").Pluck("id", &ids).Error; err != nil {
		return fmt.Errorf("store: list batches: %w", err)
	}
	for _, id := range ids {
		b, err := db.Batch(ctx, access.Whole(), id)
		if err != nil {
			return err
		}
		if err := fn(b); err != nil {
			return err
		}
	}
	return nil
}

// FileDigests returns the digests of all stored files that a row points at.
func (db *DB) FileDigests(ctx context.Context) ([]string, error) {
	var sums []string
	err := db.read.WithContext(ctx).Raw("SELECT sha256 FROM files UNION SELECT file_sha256 FROM imports").Scan(&sums).Error
	if err != nil {
		return nil, fmt.Errorf("store: list files: %w", err)
	}
	return sums, nil
}
