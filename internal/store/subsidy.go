package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/seal"
	"phaseout/internal/subsidy"
)

type batchRow struct {
	ID            string
	CityCode      string
	Number        string
	ProgramID     string
	ProgramNameZH string `gorm:"column:program_name_zh"`
	ProgramNameEN string `gorm:"column:program_name_en"`
	State         string
	LineCount     int64
	TotalFen      money.Fen
	SHA256        string `gorm:"column:sha256"`
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	PaidOn        civil.Day
	Reference     string
	PaidBy        string
	PaidByName    string
	Version       int64
}

func (batchRow) TableName() string { return "batches" }

func (r batchRow) batch() subsidy.Batch {
	return subsidy.Batch{ID: r.ID, CityCode: r.CityCode, Number: r.Number, ProgramID: r.ProgramID,
		ProgramName: bilingual.T(r.ProgramNameZH, r.ProgramNameEN), State: r.State, LineCount: r.LineCount, TotalFen: r.TotalFen,
		SHA256: r.SHA256, CreatedBy: r.CreatedBy, CreatedByName: r.CreatedByName, CreatedAt: r.CreatedAt, PaidOn: r.PaidOn,
		Reference: r.Reference, PaidBy: r.PaidBy, PaidByName: r.PaidByName, Version: r.Version}
}

type batchLineRow struct {
	BatchID       string
	LineNo        int64
	ApplicationID string
	AssetLabel    string
	PayeeName     string
	PayeeBank     string
	PayeeAccount  string
	AmountFen     money.Fen
	State         string
	Reason        string
}

func (batchLineRow) TableName() string { return "batch_lines" }

// CreateBatch adds a sealed batch with its lines.
func (tx *Tx) CreateBatch(b *subsidy.Batch) error {
	b.Version, b.CreatedBy, b.CreatedByName, b.CreatedAt = 1, tx.By.ID, tx.By.Name, tx.At
	err := tx.db.Create(&batchRow{ID: b.ID, CityCode: b.CityCode, Number: b.Number, ProgramID: b.ProgramID, ProgramNameZH: b.ProgramName.ZH,
		ProgramNameEN: b.ProgramName.EN, State: b.State, LineCount: b.LineCount, TotalFen: b.TotalFen, SHA256: b.SHA256, CreatedBy: b.CreatedBy,
		CreatedByName: b.CreatedByName, CreatedAt: b.CreatedAt, Version: 1}).Error
	if err != nil {
		return fmt.Errorf("store: create a batch: %w", err)
	}
	for _, l := range b.Lines {
		err := tx.db.Create(&batchLineRow{BatchID: b.ID, LineNo: l.LineNo, ApplicationID: l.ApplicationID, AssetLabel: l.AssetLabel,
			PayeeName: l.PayeeName, PayeeBank: l.PayeeBank, PayeeAccount: tx.store.ring.Seal(l.PayeeAccount, lineAccount(b.ID, l.LineNo)), AmountFen: l.AmountFen, State: l.State}).Error
		if err != nil {
			return fmt.Errorf("store: create a batch line: %w", err)
		}
	}
	return tx.Record(Event{Action: "seal", Entity: "batch", EntityID: b.ID, CityCode: b.CityCode}, nil,
		map[string]any{"number": b.Number, "line_count": b.LineCount, "total_fen": b.TotalFen, "sha256": b.SHA256})
}

// NextBatchNumber returns how many batches a city has made with the prefix.
func (tx *Tx) NextBatchNumber(prefix string) (int64, error) {
	var n int64
	if err := tx.db.Model(&batchRow{}).Where("number LIKE ?", prefix+"%").Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: number a batch: %w", err)
	}
	return n + 1, nil
}

// CloseBatch books the bank's answer on a sealed batch: its state, and the
// state and reason of each line.
func (tx *Tx) CloseBatch(before subsidy.Batch, after *subsidy.Batch) error {
	after.Version = before.Version + 1
	res := inScope(tx.db.Model(&batchRow{}), tx.By.Scope, false).Where("id = ? AND version = ? AND state = 'sealed'", before.ID, before.Version).
		Updates(map[string]any{"state": after.State, "paid_on": after.PaidOn, "reference": after.Reference, "paid_by": after.PaidBy,
			"paid_by_name": after.PaidByName, "version": after.Version})
	if err := affect(res, stale()); err != nil {
		return err
	}
	for _, l := range after.Lines {
		res := tx.db.Model(&batchLineRow{}).Where("batch_id = ? AND line_no = ? AND state = 'sealed'", before.ID, l.LineNo).
			Updates(map[string]any{"state": l.State, "reason": l.Reason})
		if err := affect(res, stale()); err != nil {
			return err
		}
	}
	return tx.Record(Event{Action: "pay", Entity: "batch", EntityID: after.ID, CityCode: after.CityCode},
		map[string]any{"state": before.State}, map[string]any{"state": after.State, "paid_on": after.PaidOn, "reference": after.Reference})
}

// Batch returns a batch of the scope with its lines, or NotFound.
func (db *DB) Batch(ctx context.Context, scope access.Scope, id string) (subsidy.Batch, error) {
	return loadBatch(db.read.WithContext(ctx), db.ring, scope, id)
}

// Batch returns a batch of the actor's scope with its lines, or NotFound.
func (tx *Tx) Batch(id string) (subsidy.Batch, error) {
	return loadBatch(tx.db, tx.store.ring, tx.By.Scope, id)
}

// lineAccount is the place of a sealed account in the lines of a batch.
func lineAccount(batchID string, line int64) string {
	return fmt.Sprintf("batch_lines/%s/%d", batchID, line)
}

func loadBatch(q *gorm.DB, ring *seal.Ring, scope access.Scope, id string) (subsidy.Batch, error) {
	var rows []batchRow
	if err := inScope(q, scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return subsidy.Batch{}, fmt.Errorf("store: read a batch: %w", err)
	}
	if len(rows) == 0 {
		return subsidy.Batch{}, fault.Missing()
	}
	b := rows[0].batch()
	var lines []batchLineRow
	if err := q.Session(&gorm.Session{NewDB: true}).Where("batch_id = ?", id).Order("line_no").Find(&lines).Error; err != nil {
		return b, fmt.Errorf("store: read batch lines: %w", err)
	}
	for _, l := range lines {
		account, err := ring.Open(l.PayeeAccount, lineAccount(b.ID, l.LineNo))
		if err != nil {
			return b, err
		}
		b.Lines = append(b.Lines, subsidy.BatchLine{LineNo: l.LineNo, ApplicationID: l.ApplicationID, AssetLabel: l.AssetLabel, PayeeName: l.PayeeName,
			PayeeBank: l.PayeeBank, PayeeAccount: account, AmountFen: l.AmountFen, State: l.State, Reason: l.Reason})
	}
	return b, nil
}

// Batches returns one page of batches of the scope without their lines, newest first.
func (db *DB) Batches(ctx context.Context, scope access.Scope, city string, p Page) ([]subsidy.Batch, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []batchRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list batches: %w", err)
	}
	list := make([]subsidy.Batch, len(rows))
	for i, r := range rows {
		list[i] = r.batch()
	}
	return list, nil
}
