package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/fault"
)

// UpkeepRun is one backup, one trial of restoring the newest, or one check of
// the whole database.
type UpkeepRun struct {
	ID            string
	Kind          string // backup, drill, check
	State         string // waiting, running, done, failed
	Done          int64  // of Total, whatever is counted
	Total         int64
	Place         string // folder of the backup
	Bytes         int64  // of its parts
	AuditSeq      int64  // where the audit ended in it
	AuditHash     string
	Problem       string // why it failed, as JSON
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	SeenAt        time.Time // last sign of life
	EndedAt       *time.Time
}

// Ended reports whether nothing more comes of the run.
func (r UpkeepRun) Ended() bool { return ended(r.State) }

// Percent is how much of the run is done, 0 to 100.
func (r UpkeepRun) Percent() int64 { return percent(r.State, r.Done, r.Total) }

// Mark is where the audit ended, as it is printed.
func (r UpkeepRun) Mark() string { return AuditMark{r.AuditSeq, r.AuditHash}.String() }

// CreateUpkeepRun adds a run by the actor, in the state that it has.
func (tx *Tx) CreateUpkeepRun(r *UpkeepRun) error {
	r.CreatedAt, r.SeenAt, r.CreatedBy, r.CreatedByName = tx.At, tx.At, tx.By.ID, tx.By.Name
	if err := tx.db.Create(r).Error; err != nil {
		return fmt.Errorf("store: add an upkeep run: %w", err)
	}
	if !r.Ended() {
		return nil // its end is what the audit keeps
	}
	return tx.recordUpkeep(*r)
}

// EndUpkeepRun saves how a run ended. It fails with Stale if it has ended
// already.
func (tx *Tx) EndUpkeepRun(r *UpkeepRun) error {
	r.SeenAt, r.EndedAt = tx.At, &tx.At
	res := tx.db.Model(&UpkeepRun{}).Where("id = ? AND state IN ('waiting', 'running')", r.ID).
		Select("state", "done", "total", "place", "bytes", "audit_seq", "audit_hash", "problem", "seen_at", "ended_at").Updates(r)
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.recordUpkeep(*r)
}

func (tx *Tx) recordUpkeep(r UpkeepRun) error {
	action := r.Kind
	if r.State == "failed" {
		action += "_failed"
	}
	return tx.Record(Event{Action: action, Entity: "upkeep_run", EntityID: r.ID}, nil,
		map[string]any{"place": r.Place, "bytes": r.Bytes, "audit": r.Mark(), "started_by": r.CreatedByName})
}

// SeeUpkeepRun is a sign of life of a run under way, with how far it is.
func (tx *Tx) SeeUpkeepRun(id string, done, total int64) error {
	res := tx.db.Model(&UpkeepRun{}).Where("id = ? AND state IN ('waiting', 'running')", id).
		Updates(map[string]any{"state": "running", "done": done, "total": total, "seen_at": tx.At})
	return affect(res, stale())
}

// UpkeepUnderWay returns the run of a kind that has not ended, and false for none.
func (tx *Tx) UpkeepUnderWay(kind string) (UpkeepRun, bool, error) {
	return firstUpkeep(tx.db.Where("kind = ? AND state IN ('waiting', 'running')", kind))
}

func firstUpkeep(q *gorm.DB) (UpkeepRun, bool, error) {
	var runs []UpkeepRun
	if err := q.Order("id DESC").Limit(1).Find(&runs).Error; err != nil {
		return UpkeepRun{}, false, fmt.Errorf("store: read an upkeep run: %w", err)
	}
	if len(runs) == 0 {
		return UpkeepRun{}, false, nil
	}
	return runs[0], true, nil
}

// UpkeepRun returns a run, or NotFound. It is of no city.
func (db *DB) UpkeepRun(ctx context.Context, id string) (UpkeepRun, error) {
	r, there, err := firstUpkeep(db.read.WithContext(ctx).Where("id = ?", id))
	if err == nil && !there {
		err = fault.Missing()
	}
	return r, err
}

// UpkeepRuns returns one page of the runs, newest first.
func (db *DB) UpkeepRuns(ctx context.Context, p Page) ([]UpkeepRun, error) {
	q := db.read.WithContext(ctx)
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var runs []UpkeepRun
	if err := q.Order("id DESC").Limit(p.Limit).Find(&runs).Error; err != nil {
		return nil, fmt.Errorf("store: list upkeep runs: %w", err)
	}
	return runs, nil
}

// LostUpkeepRuns returns the runs under way that gave no sign of life since.
func (db *DB) LostUpkeepRuns(ctx context.Context, cutoff time.Time) ([]UpkeepRun, error) {
	var runs []UpkeepRun
	err := db.read.WithContext(ctx).Where("state = 'running' AND seen_at <= ?", cutoff).Order("id").Limit(100).Find(&runs).Error
	if err != nil {
		return nil, fmt.Errorf("store: look for lost upkeep runs: %w", err)
	}
	return runs, nil
}

// UpkeepHistory is what is known of one kind of run; nil where there is none.
type UpkeepHistory struct {
	First, Last, Good, UnderWay *UpkeepRun // Last has ended, Good ended well
}

// UpkeepHistory returns the runs of a kind that its state depends on.
func (db *DB) UpkeepHistory(ctx context.Context, kind string) (h UpkeepHistory, err error) {
	for _, want := range []struct {
		into  **UpkeepRun
		test  string
		order string
	}{
		{&h.First, "1 = 1", "id"}, {&h.Last, "state IN ('done', 'failed')", "id DESC"},
		{&h.Good, "state = 'done'", "id DESC"}, {&h.UnderWay, "state IN ('waiting', 'running')", "id DESC"},
	} {
		var runs []UpkeepRun
		if err := db.read.WithContext(ctx).Where("kind = ? AND "+want.test, kind).Order(want.order).Limit(1).Find(&runs).Error; err != nil {
			return h, fmt.Errorf("store: read upkeep runs: %w", err)
		}
		if len(runs) > 0 {
			*want.into = &runs[0]
		}
	}
	return h, nil
}

// Size returns how many bytes the database takes.
func (db *DB) Size(ctx context.Context) (n int64, err error) {
	question := "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
	if db.engine == Postgres {
		question = "SELECT pg_database_size(current_database())"
	}
	if err := db.read.WithContext(ctx).Raw(question).Scan(&n).Error; err != nil {
		return 0, fmt.Errorf("store: size of the database: %w", err)
	}
	return n, nil
}

// Jobs returns how many jobs wait for their turn and how many run.
func (db *DB) Jobs(ctx context.Context) (waiting, running int64, err error) {
	var states []struct {
		State string
		N     int64
	}
	err = db.read.WithContext(ctx).Raw("SELECT CAST(state AS text) AS state, COUNT(*) AS n FROM river_job WHERE state IN ('available', 'retryable', 'scheduled', 'pending', 'running') GROUP BY state").Scan(&states).Error
	if err != nil {
		return 0, 0, fmt.Errorf("store: count jobs: %w", err)
	}
	for _, s := range states {
		if s.State == "running" {
			running += s.N
		} else {
			waiting += s.N
		}
	}
	return waiting, running, nil
}
