package store

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/retirement"
	"phaseout/internal/subsidy"
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

// VerifySummary recounts every roll-up from the rows alone and returns how many
// cells they have, or the first that differs.
func (db *DB) VerifySummary(ctx context.Context) (int, error) {
	n := 0
	err := db.snapshot(ctx, func(q *gorm.DB) error {
		due, err := recount(q)
		if err != nil {
			return err
		}
		area, err := compareCells(q, "rollup", "span, period, metric, city_code, district_code, class", due.area, func(c *cell) []any {
			return []any{&c.span, &c.period, &c.metric, &c.city, &c.district, &c.class}
		})
		if err != nil {
			return err
		}
		fine, err := compareCells(q, "rollup_fine", "span, period, metric, city_code, class, category, stage, way_out, driver", due.fine, func(c *fineCell) []any {
			return []any{&c.span, &c.period, &c.metric, &c.city, &c.class, &c.category, &c.stage, &c.wayOut, &c.driver}
		})
		if err != nil {
			return err
		}
		logged, err := compareCells(q, "rollup_log", "day, cause, metric, month, city_code, district_code, class", due.log, func(c *logCell) []any {
			return []any{&c.day, &c.cause, &c.metric, &c.month, &c.city, &c.district, &c.class}
		})
		n = area + fine + logged
		return err
	})
	return n, err
}

// compareCells compares kept cells with those that the rows give. It takes what
// it finds out of due.
func compareCells[C comparable](q *gorm.DB, table, columns string, due map[C]int64, into func(*C) []any) (int, error) {
	rows, err := q.Session(&gorm.Session{NewDB: true}).Table(table).Where("n <> 0").Select(columns + ", n").Rows()
	if err != nil {
		return 0, fmt.Errorf("store: read %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }()
	kept := 0
	for rows.Next() {
		var c C
		var n int64
		if err := rows.Scan(append(into(&c), &n)...); err != nil {
			return kept, fmt.Errorf("store: read %s: %w", table, err)
		}
		kept++
		if due[c] != n {
			return kept, fmt.Errorf("%s says %d for %+v, the rows say %d", table, n, c, due[c])
		}
		delete(due, c)
	}
	if err := rows.Err(); err != nil {
		return kept, fmt.Errorf("store: read %s: %w", table, err)
	}
	for c, n := range due {
		if n != 0 {
			return kept, fmt.Errorf("%s lacks %+v, the rows say %d", table, c, n)
		}
	}
	return kept, nil
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
