package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"phaseout/internal/fault"
	"phaseout/internal/signal"
)

// SignalRun is one look for signals over the whole province.
type SignalRun struct {
	ID            string
	State         string // waiting, running, done, failed
	Done          int64  // claims that were read, of Total
	Total         int64
	Asked         int64  // signals that are new or asked again
	Problem       string // why it failed, as JSON
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	SeenAt        time.Time // last sign of life
	EndedAt       *time.Time
	Version       int64
}

// Ended reports whether nothing more comes of the run.
func (r SignalRun) Ended() bool { return ended(r.State) }

// Percent is how much of the run is done, 0 to 100.
func (r SignalRun) Percent() int64 { return percent(r.State, r.Done, r.Total) }

// CreateSignalRun adds a run that waits for its job.
func (tx *Tx) CreateSignalRun(r *SignalRun) error {
	r.State, r.Version, r.CreatedAt, r.SeenAt, r.CreatedBy, r.CreatedByName = "waiting", 1, tx.At, tx.At, tx.By.ID, tx.By.Name
	if err := tx.db.Create(r).Error; err != nil {
		return fmt.Errorf("store: add a signal run: %w", err)
	}
	return tx.Record(Event{Action: "start", Entity: "signal_run", EntityID: r.ID}, nil, nil)
}

// UpdateSignalRun saves the progress or the end of a run. It fails with Stale
// if another worker has it.
func (tx *Tx) UpdateSignalRun(before SignalRun, after *SignalRun) error {
	after.Version, after.SeenAt = before.Version+1, tx.At
	return affect(tx.db.Model(&SignalRun{}).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("state", "done", "total", "asked", "problem", "seen_at", "ended_at", "version").Updates(after), stale())
}

// SignalRuns returns one page of the runs, newest first.
func (db *DB) SignalRuns(ctx context.Context, p Page) ([]SignalRun, error) {
	q := db.read.WithContext(ctx)
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var runs []SignalRun
	if err := q.Order("id DESC").Limit(p.Limit).Find(&runs).Error; err != nil {
		return nil, fmt.Errorf("store: list signal runs: %w", err)
	}
	return runs, nil
}

// SignalRun returns a run, or NotFound. It names no city and no person but who
// started it, so that it belongs to nobody's scope.
func (db *DB) SignalRun(ctx context.Context, id string) (SignalRun, error) {
	var runs []SignalRun
	if err := db.read.WithContext(ctx).Where("id = ?", id).Limit(1).Find(&runs).Error; err != nil {
		return SignalRun{}, fmt.Errorf("store: read a signal run: %w", err)
	}
	if len(runs) == 0 {
		return SignalRun{}, fault.Missing()
	}
	return runs[0], nil
}

// LatestSignalRun returns the run that was started last, and false for none.
func (tx *Tx) LatestSignalRun() (SignalRun, bool, error) {
	var runs []SignalRun
	if err := tx.db.Order("id DESC").Limit(1).Find(&runs).Error; err != nil {
		return SignalRun{}, false, fmt.Errorf("store: read the last signal run: %w", err)
	}
	if len(runs) == 0 {
		return SignalRun{}, false, nil
	}
	return runs[0], true, nil
}

// LostSignalRuns returns the ids of runs under way that gave no sign of life since.
func (db *DB) LostSignalRuns(ctx context.Context, cutoff time.Time) ([]string, error) {
	return lost[SignalRun](ctx, db, "state = 'running' AND seen_at <= ?", cutoff)
}

func lost[R any](ctx context.Context, db *DB, test string, cutoff time.Time) (ids []string, err error) {
	if err := db.read.WithContext(ctx).Model(new(R)).Where(test, cutoff).Order("id").Limit(100).Pluck("id", &ids).Error; err != nil {
		return nil, fmt.Errorf("store: look for lost runs: %w", err)
	}
	return ids, nil
}

// pictures says which of the pictures that serve several assets each asset
// carries, by the content of the oldest use; altered are those that were found
// cropped, resized or mirrored as well.
func (db *DB) pictures(ctx context.Context) (byAsset map[string][]string, altered map[string]bool, err error) {
	q := db.read.WithContext(ctx)
	var pairs []struct{ ShaA, ShaB string }
	err = q.Raw("SELECT DISTINCT sha_a, sha_b FROM photo_matches WHERE state <> 'different' AND sha_a <> sha_b").Scan(&pairs).Error
	if err != nil {
		return nil, nil, fmt.Errorf("store: look up matches of pictures: %w", err)
	}
	var files []struct{ AssetID, SHA256 string }
	err = q.Raw(`SELECT f.asset_id, f.sha256 FROM files f WHERE f.kind LIKE '%photo%' AND (f.sha256 IN
			(SELECT sha256 FROM files WHERE kind LIKE '%photo%' GROUP BY sha256 HAVING COUNT(DISTINCT asset_id) > 1)
		OR f.sha256 IN (SELECT sha_a FROM photo_matches WHERE state <> 'different') OR f.sha256 IN (SELECT sha_b FROM photo_matches WHERE state <> 'different'))
		ORDER BY f.id`).Scan(&files).Error
	if err != nil {
		return nil, nil, fmt.Errorf("store: look up pictures: %w", err)
	}
	same := signal.NewPictures()
	for _, f := range files {
		same.Add(f.SHA256)
	}
	for _, p := range pairs {
		same.Join(p.ShaA, p.ShaB)
	}
	byAsset, altered = map[string][]string{}, map[string]bool{}
	for _, p := range pairs {
		altered[same.Of(p.ShaA)] = true
	}
	for _, f := range files {
		if picture := same.Of(f.SHA256); !slices.Contains(byAsset[f.AssetID], picture) {
			byAsset[f.AssetID] = append(byAsset[f.AssetID], picture)
		}
	}
	return byAsset, altered, nil
}
