package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// Comparison is an outside list laid against the registry. Counts and Problem
// are JSON texts that only the use case writes and reads.
type Comparison struct {
	ID            string
	CityCode      string
	DistrictCode  string
	Class         registry.Class
	Kind          string // police_cancellations, yard_list or other
	FileName      string
	FileSHA256    string `gorm:"column:file_sha256"`
	State         string // running, done or failed
	Done          int64
	Counts        string
	Problem       string
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	Version       int64
}

// ComparisonLine is one thing that the list and the registry say differently,
// and what became of it.
type ComparisonLine struct {
	ID           string
	ComparisonID string
	CityCode     string
	DistrictCode string
	RowNo        int    // of the list, 0 where it has none
	AssetID      string // "" where the registry has none
	Label        string
	Outcome      string // ours_only, theirs_only or differ
	Differences  string // JSON
	State        string // open, done or dismissed
	Note         string
	DecidedBy    string
	Version      int64
}

// CreateComparison adds a comparison that is to be run.
func (tx *Tx) CreateComparison(c *Comparison) error {
	c.State, c.Version, c.CreatedAt, c.CreatedBy, c.CreatedByName, c.Counts = "running", 1, tx.At, tx.By.ID, tx.By.Name, "{}"
	if err := tx.db.Create(c).Error; err != nil {
		return fmt.Errorf("store: create a comparison: %w", err)
	}
	return tx.Record(Event{Action: "upload", Entity: "comparison", EntityID: c.ID, CityCode: c.CityCode, DistrictCode: c.DistrictCode}, nil,
		map[string]string{"file_name": c.FileName, "sha256": c.FileSHA256, "kind": c.Kind})
}

// FinishComparison keeps what a comparison has found, in place of what an
// interrupted run left.
func (tx *Tx) FinishComparison(before Comparison, after *Comparison, lines []ComparisonLine) error {
	after.Version = before.Version + 1
	res := tx.db.Model(&Comparison{}).Where("id = ? AND version = ? AND state = 'running'", before.ID, before.Version).Select("state", "done", "counts", "problem", "version").Updates(after)
	if err := affect(res, stale()); err != nil {
		return err
	}
	if err := insertAll(tx, lines); err != nil {
		return fmt.Errorf("store: keep a comparison: %w", err)
	}
	return tx.Record(Event{Action: after.State, Entity: "comparison", EntityID: after.ID, CityCode: after.CityCode, DistrictCode: after.DistrictCode}, nil, map[string]string{"counts": after.Counts})
}

// Comparison returns a comparison of the scope, or NotFound.
func (db *DB) Comparison(ctx context.Context, scope access.Scope, id string) (Comparison, error) {
	var found []Comparison
	if err := inScope(db.read.WithContext(ctx), scope, true).Where("id = ?", id).Limit(1).Find(&found).Error; err != nil {
		return Comparison{}, fmt.Errorf("store: read a comparison: %w", err)
	}
	if len(found) == 0 {
		return Comparison{}, fault.Missing()
	}
	return found[0], nil
}

// Comparisons returns one page of the comparisons of the scope, newest first.
func (db *DB) Comparisons(ctx context.Context, scope access.Scope, p Page) ([]Comparison, error) {
	q := inScope(db.read.WithContext(ctx), scope, true)
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var found []Comparison
	if err := q.Order("id DESC").Limit(p.Limit).Find(&found).Error; err != nil {
		return nil, fmt.Errorf("store: list comparisons: %w", err)
	}
	return found, nil
}

// ComparisonLines returns one page of the lines of a comparison that the
// caller has loaded in its scope.
func (db *DB) ComparisonLines(ctx context.Context, c Comparison, outcome, state string, p Page) ([]ComparisonLine, error) {
	q := db.read.WithContext(ctx).Where("comparison_id = ? AND id > ?", c.ID, p.After)
	if outcome != "" {
		q = q.Where("outcome = ?", outcome)
	}
	if state != "" {
		q = q.Where("state = ?", state)
	}
	var lines []ComparisonLine
	if err := q.Order("id").Limit(p.Limit).Find(&lines).Error; err != nil {
		return nil, fmt.Errorf("store: list the lines of a comparison: %w", err)
	}
	return lines, nil
}

// ComparisonLine returns a line of the scope, or NotFound.
func (db *DB) ComparisonLine(ctx context.Context, scope access.Scope, id string) (ComparisonLine, error) {
	return loadLine(db.read.WithContext(ctx), scope, id)
}

func loadLine(q *gorm.DB, scope access.Scope, id string) (ComparisonLine, error) {
	var lines []ComparisonLine
	if err := inScope(q, scope, true).Where("id = ?", id).Limit(1).Find(&lines).Error; err != nil {
		return ComparisonLine{}, fmt.Errorf("store: read a line of a comparison: %w", err)
	}
	if len(lines) == 0 {
		return ComparisonLine{}, fault.Missing()
	}
	return lines[0], nil
}

// DecideLine says what became of a line.
func (tx *Tx) DecideLine(id string, version int64, state, note string) (ComparisonLine, error) {
	before, err := loadLine(tx.db, tx.By.Scope, id)
	if err != nil {
		return before, err
	}
	after := before
	after.State, after.Note, after.DecidedBy, after.Version = state, note, tx.By.Name, version+1
	res := tx.db.Model(&ComparisonLine{}).Where("id = ? AND version = ?", id, version).Select("state", "note", "decided_by", "version").Updates(&after)
	if err := affect(res, stale()); err != nil {
		return before, err
	}
	return after, tx.Record(Event{Action: "decide", Entity: "comparison_line", EntityID: id, AssetID: before.AssetID, CityCode: before.CityCode, DistrictCode: before.DistrictCode, Reason: note},
		map[string]string{"state": before.State}, map[string]string{"state": state})
}
