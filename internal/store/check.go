package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"phaseout/internal/civil"
	"phaseout/internal/retirement"
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

// VerifySummary recounts every roll-up from the rows alone, without what is
// pending, and returns how many cells they have, or the first that differs.
func (db *DB) VerifySummary(ctx context.Context) (int, error) {
	n := 0
	err := db.snapshot(ctx, func(q *gorm.DB) error {
		due, err := recount(q)
		if err != nil {
			return err
		}
		later, err := pendingOf(q)
		if err = errors.Join(err, later.doubt()); err != nil {
			return err
		}
		due.minus(later.cells(later.whole()))
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
		split, err := compareCells(q, "rollup_due", "span, period, metric, city_code, class, due_year, operating", due.due, func(c *dueCell) []any {
			return []any{&c.span, &c.period, &c.metric, &c.city, &c.class, &c.dueYear, &c.operating}
		})
		if err != nil {
			return err
		}
		logged, err := compareCells(q, "rollup_log", "day, cause, metric, month, city_code, district_code, class", due.log, func(c *logCell) []any {
			return []any{&c.day, &c.cause, &c.metric, &c.month, &c.city, &c.district, &c.class}
		})
		n = area + fine + split + logged
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

// VerifyBatches recomputes the digest of every payment batch from its lines,
// recounts what became of them, and returns how many batches there are.
func (db *DB) VerifyBatches(ctx context.Context) (int, error) {
	var rows []batchRow
	if err := db.read.WithContext(ctx).Order("id").Find(&rows).Error; err != nil {
		return 0, fmt.Errorf("store: list batches: %w", err)
	}
	for _, r := range rows {
		sum, err := digestLines(db.read.WithContext(ctx), db.ring, r.batch())
		if err != nil || sum != r.SHA256 {
			return len(rows), errors.Join(fmt.Errorf("batch %s is not what was frozen", r.Number), err)
		}
	}
	return len(rows), errors.Join(
		db.doubt(ctx, "a batch counts its lines as the bank answered them", `SELECT b.id, b.number AS facts FROM payment_batches b WHERE b.state <> 'void' AND (
			b.paid_count <> (SELECT COUNT(*) FROM payment_lines l WHERE l.batch_id = b.id AND l.state = 'paid') OR
			b.paid_fen <> COALESCE((SELECT SUM(amount_fen) FROM payment_lines l WHERE l.batch_id = b.id AND l.state = 'paid'), 0) OR
			b.returned_count <> (SELECT COUNT(*) FROM payment_lines l WHERE l.batch_id = b.id AND l.state IN ('returned', 'refunded')))`),
		db.doubt(ctx, "an application is paid by one line of the bank", `SELECT application_id AS id, CAST(COUNT(*) AS TEXT) AS facts FROM payment_lines
			WHERE state = 'paid' GROUP BY application_id HAVING COUNT(*) > 1`),
		db.doubt(ctx, "a paid application has its line of the bank and no other has one", `SELECT a.id, a.state AS facts FROM applications a WHERE (a.state = 'paid') <>
			EXISTS (SELECT 1 FROM payment_lines l WHERE l.application_id = a.id AND l.state = 'paid')`))
}

const fileDigests = "SELECT sha256 FROM files UNION SELECT file_sha256 FROM imports UNION SELECT file_sha256 FROM comparisons UNION SELECT CASE WHEN file_blob <> '' THEN file_blob ELSE file_sha256 END FROM bank_answers"

// FileDigests returns the digests of all stored files that a row points at.
func (db *DB) FileDigests(ctx context.Context) ([]string, error) {
	var sums []string
	err := db.read.WithContext(ctx).Raw(fileDigests).Scan(&sums).Error
	if err != nil {
		return nil, fmt.Errorf("store: list files: %w", err)
	}
	return sums, nil
}
