package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/likeness"
	"phaseout/internal/registry"
)

// The states of a pair.
const (
	PairOpen      = "open"
	PairSame      = "same"
	PairDifferent = "different"
)

// Pair is two records that may be one asset, and what people said about it.
// AssetA is the older record, AssetB the newer one, which is closed if they
// are the same.
type Pair struct {
	ID            string
	AssetA        string
	AssetB        string
	Class         registry.Class
	Score         int
	Reasons       string // []likeness.Reason as JSON
	State         string
	FoundAt       time.Time
	ClosedVersion int64 // version of AssetB when it was closed
	DecidedBy     string
	DecidedByName string
	DecidedAt     *time.Time
	Reason        string
	Version       int64
}

// TableName is gorm's hook for the table of pairs.
func (Pair) TableName() string { return "duplicate_pairs" }

// ReasonsOf returns why the pair was found.
func (p Pair) ReasonsOf() []likeness.Reason {
	var reasons []likeness.Reason
	if json.Unmarshal([]byte(p.Reasons), &reasons) != nil {
		return nil // written by ourselves
	}
	return reasons
}

func newPair(assetID string, other Alike, at time.Time) Pair {
	reasons, err := json.Marshal(other.Reasons)
	if err != nil {
		panic(err) // texts and integers only
	}
	// Ids are in the order of time.
	a, b := min(assetID, other.ID), max(assetID, other.ID)
	return Pair{ID: uuid.Must(uuid.NewV7()).String(), AssetA: a, AssetB: b, Class: other.Class, Score: other.Score, Reasons: string(reasons),
		State: PairOpen, FoundAt: at, Version: 1}
}

// putPairs keeps pairs. One that was decided is not asked about again.
func (tx *Tx) putPairs(pairs []Pair) error {
	for _, p := range pairs {
		err := tx.db.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "asset_a"}, {Name: "asset_b"}},
			Where:     clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "duplicate_pairs.state = 'open'"}}},
			DoUpdates: clause.AssignmentColumns([]string{"score", "reasons"}),
		}).Create(&p).Error
		if err != nil {
			return fmt.Errorf("store: keep a pair: %w", err)
		}
	}
	return nil
}

// AskAbout puts two records into the queue of pairs because something met them
// both. A pair that was decided stays so.
func (tx *Tx) AskAbout(class registry.Class, one, other string, why bilingual.Text) error {
	reasons := []likeness.Reason{{Code: "met_both", Points: likeness.Threshold, Text: why}}
	alike := Alike{Score: likeness.Threshold, Reasons: reasons}
	alike.ID, alike.Class = other, class
	p := newPair(one, alike, tx.At)
	err := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&p).Error
	if err != nil {
		return fmt.Errorf("store: ask about a pair: %w", err)
	}
	return nil
}

// pairsInScope narrows pairs to those of which one record lies in the scope.
func pairsInScope(q *gorm.DB, scope access.Scope) *gorm.DB {
	fresh := q.Session(&gorm.Session{NewDB: true})
	return q.Model(&Pair{}).Where("EXISTS (?)", inScope(fresh.Table("assets").Select("1"), scope, true).
		Where("assets.id IN (duplicate_pairs.asset_a, duplicate_pairs.asset_b)"))
}

// PairFilter narrows a list of pairs.
type PairFilter struct {
	State string
	Class registry.Class
	City  string // of either record
}

// Pairs returns one page of the pairs of which one record lies in the scope,
// the newest first.
func (db *DB) Pairs(ctx context.Context, scope access.Scope, f PairFilter, p Page) ([]Pair, error) {
	q := pairsInScope(db.read.WithContext(ctx), scope)
	if f.State != "" {
		q = q.Where("state = ?", f.State)
	}
	if f.Class != "" {
		q = q.Where("class = ?", f.Class)
	}
	if f.City != "" {
		q = pairsInScope(q, access.ScopeOf(f.City))
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var pairs []Pair
	if err := q.Order("id DESC").Limit(p.Limit).Find(&pairs).Error; err != nil {
		return nil, fmt.Errorf("store: list pairs: %w", err)
	}
	return pairs, nil
}

// Pair returns a pair of which one record lies in the scope, or NotFound.
func (db *DB) Pair(ctx context.Context, scope access.Scope, id string) (Pair, error) {
	return onePair(pairsInScope(db.read.WithContext(ctx), scope).Where("id = ?", id))
}

// Pair returns a pair of which one record lies in the actor's scope, or NotFound.
func (tx *Tx) Pair(id string) (Pair, error) {
	return onePair(pairsInScope(tx.db, tx.By.Scope).Where("id = ?", id))
}

// ClosedPair returns the pair by which an asset of the scope was closed as a
// duplicate, or NotFound.
func (db *DB) ClosedPair(ctx context.Context, scope access.Scope, assetID string) (Pair, error) {
	return onePair(pairsInScope(db.read.WithContext(ctx), scope).Where("asset_b = ? AND state = 'same'", assetID))
}

// KeptFor returns for which record an asset was closed as a duplicate, "" if
// it was not.
func (tx *Tx) KeptFor(assetID string) (string, error) {
	var ids []string
	if err := tx.db.Model(&Pair{}).Where("asset_b = ? AND state = 'same'", assetID).Limit(1).Pluck("asset_a", &ids).Error; err != nil {
		return "", fmt.Errorf("store: look up a closed duplicate: %w", err)
	}
	if len(ids) == 0 {
		return "", nil
	}
	return ids[0], nil
}

// KeptFor returns for which record each asset was closed as a duplicate, of
// those that were.
func (db *DB) KeptFor(ctx context.Context, assetIDs []string) (map[string]string, error) {
	return keptFor(db.read.WithContext(ctx), assetIDs)
}

// KeptForAll is KeptFor within a transaction.
func (tx *Tx) KeptForAll(assetIDs []string) (map[string]string, error) {
	return keptFor(tx.db, assetIDs)
}

func keptFor(q *gorm.DB, assetIDs []string) (map[string]string, error) {
	kept := map[string]string{}
	for chunk := range slices.Chunk(assetIDs, 500) {
		var pairs []Pair
		if err := q.Where("asset_b IN ? AND state = 'same'", chunk).Find(&pairs).Error; err != nil {
			return nil, fmt.Errorf("store: look up closed duplicates: %w", err)
		}
		for _, p := range pairs {
			kept[p.AssetB] = p.AssetA
		}
	}
	return kept, nil
}

// KeepsOthers returns which of the assets other records were closed for.
func (tx *Tx) KeepsOthers(assetIDs []string) (map[string]bool, error) {
	kept := map[string]bool{}
	for len(assetIDs) > 0 {
		n := min(len(assetIDs), 500)
		var ids []string
		if err := tx.db.Model(&Pair{}).Where("asset_a IN ? AND state = 'same'", assetIDs[:n]).Pluck("asset_a", &ids).Error; err != nil {
			return nil, fmt.Errorf("store: look up kept records: %w", err)
		}
		for _, id := range ids {
			kept[id] = true
		}
		assetIDs = assetIDs[n:]
	}
	return kept, nil
}

func onePair(q *gorm.DB) (Pair, error) {
	var pairs []Pair
	if err := q.Limit(1).Find(&pairs).Error; err != nil {
		return Pair{}, fmt.Errorf("store: read a pair: %w", err)
	}
	if len(pairs) == 0 {
		return Pair{}, fault.Missing()
	}
	return pairs[0], nil
}

// DecidePair keeps what was said about a pair if nobody said anything since it
// was read. The event stands with the record of the given city.
func (tx *Tx) DecidePair(before Pair, after *Pair, city, district string) error {
	after.Version = before.Version + 1
	after.DecidedBy, after.DecidedByName, after.DecidedAt = tx.By.ID, tx.By.Name, &tx.At
	res := tx.db.Model(&Pair{}).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("state", "closed_version", "decided_by", "decided_by_name", "decided_at", "reason", "version").Updates(after)
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.Record(Event{Action: "decide_" + after.State, Entity: "duplicate", EntityID: after.ID, AssetID: after.AssetB, CityCode: city,
		DistrictCode: district, Reason: after.Reason}, map[string]string{"state": before.State}, map[string]string{"state": after.State})
}
