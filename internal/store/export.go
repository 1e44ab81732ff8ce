package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
)

// chunkRows is how many rows a long list is read by.
const chunkRows = 1000

// CountedAssets calls fn with how many assets the filter finds and with the
// assets themselves, in the order of their ids, both of one moment. The assets
// come without their identifiers, whose values their fields hold.
func (db *DB) CountedAssets(ctx context.Context, scope access.Scope, f AssetFilter, fn func(n int, assets iter.Seq2[AssetRecord, error]) error) error {
	return db.snapshot(ctx, func(q *gorm.DB) error {
		q, err := db.filterAssets(q, scope, f)
		if err != nil {
			return err
		}
		q = q.Session(&gorm.Session{})
		var n int64
		if err := q.Count(&n).Error; err != nil {
			return fmt.Errorf("store: count assets: %w", err)
		}
		return fn(int(n), eachAsset(q, civil.On(db.Now())))
	})
}

// snapshot runs fn on what the database holds at one moment.
func (db *DB) snapshot(ctx context.Context, fn func(*gorm.DB) error) error {
	return db.read.WithContext(ctx).Transaction(fn, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
}

// exportColumns are the columns that Scan of eachAsset reads, in its order.
const exportColumns = "id, city_code, district_code, class, category, status, label, stage, model, registered_on, built_on, scrap_due_on, owner_name, owner_id, owner_phone, fields, cohort_on"

func eachAsset(q *gorm.DB, today civil.Day) iter.Seq2[AssetRecord, error] {
	return func(yield func(AssetRecord, error) bool) {
		for after := ""; ; {
			page, err := assetChunk(q.Where("id > ?", after))
			if err != nil {
				yield(AssetRecord{}, err)
				return
			}
			for _, r := range page {
				rec, err := r.record(today)
				if !yield(rec, err) || err != nil {
					return
				}
				after = r.ID
			}
			if len(page) < chunkRows {
				return
			}
		}
	}
}

// assetChunk reads a chunk column by column: gorm finds out anew for every row
// where a value goes, which takes longer than reading it.
func assetChunk(q *gorm.DB) ([]assetRow, error) {
	rows, err := q.Select(exportColumns).Order("id").Limit(chunkRows).Rows()
	if err != nil {
		return nil, fmt.Errorf("store: read assets: %w", err)
	}
	defer func() { _ = rows.Close() }()
	page := make([]assetRow, 0, chunkRows)
	for rows.Next() {
		page = append(page, assetRow{})
		r := &page[len(page)-1]
		if err := rows.Scan(&r.ID, &r.CityCode, &r.DistrictCode, &r.Class, &r.Category, &r.Status, &r.Label, &r.Stage, &r.Model, &r.RegisteredOn, &r.BuiltOn,
			&r.ScrapDueOn, &r.OwnerName, &r.OwnerID, &r.OwnerPhone, &r.Fields, &r.CohortOn); err != nil {
			return nil, fmt.Errorf("store: read assets: %w", err)
		}
	}
	return page, rows.Err()
}

// CountedRetirements is CountedAssets for retirements, newest first.
func (db *DB) CountedRetirements(ctx context.Context, scope access.Scope, f RetirementFilter, fn func(n int, list iter.Seq2[retirement.Retirement, error]) error) error {
	return db.snapshot(ctx, func(q *gorm.DB) error {
		var n int64
		if err := filterRetirements(q, scope, f).Count(&n).Error; err != nil {
			return fmt.Errorf("store: count retirements: %w", err)
		}
		return fn(int(n), eachRetirement(q, scope, f))
	})
}

func eachRetirement(q *gorm.DB, scope access.Scope, f RetirementFilter) iter.Seq2[retirement.Retirement, error] {
	return func(yield func(retirement.Retirement, error) bool) {
		for before := ""; ; {
			page := filterRetirements(q, scope, f)
			if before != "" {
				page = page.Where("id < ?", before)
			}
			var rows []retirementRow
			if err := page.Order("id DESC").Limit(chunkRows).Find(&rows).Error; err != nil {
				yield(retirement.Retirement{}, fmt.Errorf("store: read retirements: %w", err))
				return
			}
			for _, r := range rows {
				if !yield(r.retirement(), nil) {
					return
				}
				before = r.ID
			}
			if len(rows) < chunkRows {
				return
			}
		}
	}
}

// CountRetirements returns how many retirements the filter finds.
func (db *DB) CountRetirements(ctx context.Context, scope access.Scope, f RetirementFilter) (int, error) {
	var n int64
	if err := filterRetirements(db.read.WithContext(ctx), scope, f).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: count retirements: %w", err)
	}
	return int(n), nil
}

// Export is what the audit keeps of an export: what was asked for, how many
// rows it had and whether personal numbers were shown in it.
type Export struct {
	ID       string         `json:"-"`
	Of       string         `json:"of"` // asset or retirement
	Format   string         `json:"format"`
	Filter   string         `json:"filter"`
	Class    registry.Class `json:"class,omitempty"`
	Count    int            `json:"count"`
	Revealed bool           `json:"revealed"`
	Reason   string         `json:"-"`
}

// RecordExport records that a list left the program.
func (tx *Tx) RecordExport(e Export) error {
	return tx.Record(Event{Action: "export", Entity: "export", EntityID: e.ID, CityCode: tx.By.Scope.City(), DistrictCode: tx.By.Scope.District(), Reason: e.Reason}, nil, e)
}
