package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/likeness"
	"phaseout/internal/registry"
)

// atOnce is how many assets of one transaction are compared with the registry
// before it commits. An import leaves its own to FindDuplicates.
const atOnce = 20

type identityKey struct {
	Hash    int64
	AssetID string
}

// identify notes that an asset is new or that its identity changed; before is
// nil for a new one.
func (tx *Tx) identify(before, after *AssetRecord) {
	if before != nil && slices.Equal(before.Identifiers, after.Identifiers) && before.OwnerID == after.OwnerID && before.OwnerName == after.OwnerName {
		return
	}
	tx.identities = append(tx.identities, identity{before, after})
}

// identity is an asset before and after a change of what it is known by.
type identity struct{ before, after *AssetRecord }

// flushIdentities keeps the index of look-alikes at the end of a transaction.
// It runs after the events, whose head makes transactions queue up: of two that
// register look-alikes at the same time the later one sees the other.
func (tx *Tx) flushIdentities() error {
	records := make([]AssetRecord, len(tx.identities))
	ids := make([]string, len(tx.identities))
	var changed []AssetRecord
	for n, i := range tx.identities {
		records[n], ids[n] = *i.after, i.after.ID
		if i.before != nil {
			changed = append(changed, *i.before)
		}
	}
	if err := tx.dropKeys(changed); err != nil {
		return err
	}
	if len(ids) <= atOnce {
		return tx.findPairs(records)
	}
	for chunk := range slices.Chunk(ids, 500) {
		err := tx.db.Exec("INSERT INTO identity_due (asset_id) VALUES "+strings.TrimSuffix(strings.Repeat("(?),", len(chunk)), ",")+
			" ON CONFLICT (asset_id) DO NOTHING", anys(chunk)...).Error
		if err != nil {
			return fmt.Errorf("store: note new identities: %w", err)
		}
	}
	return nil
}

func anys[T any](values []T) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

// forget takes a removed asset out of the index of look-alikes.
func (tx *Tx) forget(a *AssetRecord) error {
	if err := tx.dropKeys([]AssetRecord{*a}); err != nil {
		return err
	}
	for _, statement := range []string{"DELETE FROM identity_due WHERE asset_id = ?", "DELETE FROM duplicate_pairs WHERE asset_a = ?", "DELETE FROM duplicate_pairs WHERE asset_b = ?"} {
		if err := tx.db.Exec(statement, a.ID).Error; err != nil {
			return fmt.Errorf("store: forget an identity: %w", err)
		}
	}
	return nil
}

func (tx *Tx) dropKeys(records []AssetRecord) error {
	for some := range slices.Chunk(records, 20) {
		var ids []string
		var hashes []int64
		for _, a := range some {
			ids, hashes = append(ids, a.ID), append(hashes, likeness.Keys(a.Class, a.Identifiers)...)
		}
		if err := tx.db.Where("hash IN ? AND asset_id IN ?", hashes, ids).Delete(&identityKey{}).Error; err != nil {
			return fmt.Errorf("store: drop identity keys: %w", err)
		}
	}
	return nil
}

// FindDuplicates compares up to limit of the assets that bulk changes left
// with the registry, keeps the pairs that may be one asset, and returns how
// many assets it has seen to.
func (tx *Tx) FindDuplicates(limit int) (int, error) {
	// The same queue that flushIdentities stands in.
	if err := tx.db.Exec("UPDATE audit_head SET seq = seq WHERE id = 1").Error; err != nil {
		return 0, fmt.Errorf("store: queue up: %w", err)
	}
	var ids []string
	err := tx.db.Raw("DELETE FROM identity_due WHERE asset_id IN (SELECT asset_id FROM identity_due ORDER BY asset_id LIMIT ?) RETURNING asset_id", limit).Scan(&ids).Error
	if err != nil {
		return 0, fmt.Errorf("store: take new identities: %w", err)
	}
	found, err := assetsByID(tx.db, access.Whole(), ids, civil.On(tx.At))
	if err != nil {
		return 0, err
	}
	records := make([]AssetRecord, 0, len(found))
	for _, id := range slices.Sorted(maps.Keys(found)) {
		records = append(records, found[id])
	}
	if err := tx.dropKeys(records); err != nil {
		return 0, err
	}
	return len(ids), tx.findPairs(records)
}

// findPairs writes the keys of assets and the pairs that they form with any
// asset of the registry.
func (tx *Tx) findPairs(records []AssetRecord) error {
	var keys []identityKey
	for _, a := range records {
		for _, hash := range likeness.Keys(a.Class, a.Identifiers) {
			keys = append(keys, identityKey{hash, a.ID})
		}
	}
	if len(keys) > 0 {
		if err := tx.db.CreateInBatches(keys, 400).Error; err != nil {
			return fmt.Errorf("store: keep identity keys: %w", err)
		}
	}
	alike, err := lookalikes(tx.db, records, civil.On(tx.At))
	if err != nil {
		return err
	}
	var pairs []Pair
	alive := map[[2]string]bool{}
	ids := make([]string, len(records))
	for n, a := range records {
		ids[n] = a.ID
		for _, other := range alike[n] {
			p := newPair(a.ID, other, tx.At)
			if key := [2]string{p.AssetA, p.AssetB}; !alive[key] {
				alive[key] = true
				pairs = append(pairs, p)
			}
		}
	}
	if err := tx.dropPairs(ids, alive); err != nil {
		return err
	}
	return tx.putPairs(pairs)
}

// dropPairs takes back the open questions about assets whose ground a
// correction took away; alive are those that still stand.
func (tx *Tx) dropPairs(ids []string, alive map[[2]string]bool) error {
	var gone []string
	for chunk := range slices.Chunk(ids, 400) {
		var open []Pair
		if err := tx.db.Where("state = 'open' AND (asset_a IN ? OR asset_b IN ?)", chunk, chunk).Find(&open).Error; err != nil {
			return fmt.Errorf("store: read pairs: %w", err)
		}
		for _, p := range open {
			if !alive[[2]string{p.AssetA, p.AssetB}] {
				gone = append(gone, p.ID)
			}
		}
	}
	for chunk := range slices.Chunk(gone, 400) {
		if err := tx.db.Where("id IN ?", chunk).Delete(&Pair{}).Error; err != nil {
			return fmt.Errorf("store: drop pairs: %w", err)
		}
	}
	return nil
}

// Alike is an asset that may be the same as another one.
type Alike struct {
	AssetRecord
	Score   int
	Reasons []likeness.Reason
}

// Lookalikes returns the assets of the whole province that may be the same as
// a, the likeliest first. Callers must not show more of a foreign city's asset
// than that it exists.
func (db *DB) Lookalikes(ctx context.Context, a registry.Asset) ([]Alike, error) {
	found, err := lookalikes(db.read.WithContext(ctx), []AssetRecord{{Asset: a}}, civil.On(db.Now()))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found[0], func(a, b Alike) int { return b.Score - a.Score })
	return found[0], nil
}

func lookalikes(q *gorm.DB, subjects []AssetRecord, today civil.Day) ([][]Alike, error) {
	askers := map[int64][]int{}
	for n, a := range subjects {
		for _, hash := range likeness.Keys(a.Class, a.Identifiers) {
			askers[hash] = append(askers[hash], n)
		}
	}
	candidates := make([]map[string]bool, len(subjects))
	all := map[string]bool{}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(askers)), 500) {
		var met []identityKey
		if err := q.Session(&gorm.Session{NewDB: true}).Model(&identityKey{}).Where("hash IN ?", chunk).Find(&met).Error; err != nil {
			return nil, fmt.Errorf("store: look up identity keys: %w", err)
		}
		for _, m := range met {
			for _, n := range askers[m.Hash] {
				if m.AssetID == subjects[n].ID {
					continue
				}
				if candidates[n] == nil {
					candidates[n] = map[string]bool{}
				}
				candidates[n][m.AssetID], all[m.AssetID] = true, true
			}
		}
	}
	records, err := assetsByID(q, access.Whole(), slices.Sorted(maps.Keys(all)), today)
	if err != nil {
		return nil, err
	}
	found := make([][]Alike, len(subjects))
	for n, a := range subjects {
		for _, id := range slices.Sorted(maps.Keys(candidates[n])) {
			other, there := records[id]
			if !there {
				continue
			}
			if score, reasons := likeness.Score(a.Asset, other.Asset); score >= likeness.Threshold {
				found[n] = append(found[n], Alike{other, score, reasons})
			}
		}
	}
	return found, nil
}
