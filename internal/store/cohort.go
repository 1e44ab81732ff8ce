package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// CohortRule is a revision of a class's cohort rule with its standing.
type CohortRule struct {
	ID            string
	Class         registry.Class
	Code          string
	Revision      int
	Rule          string // registry.CohortRule as JSON
	Document      string
	State         string
	Done          int64  // assets tried or recomputed so far
	Counts        string // city → direction → number, as JSON
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	InForceFrom   *time.Time
	Problem       string     // of a failed one: why, as the app writes it
	FailedWhile   string     // of a failed one: trying or applying, which is done again
	SeenAt        *time.Time // last sign of life of its work, nil as long as that waits
	Version       int64
}

// Body returns the rule itself.
func (r CohortRule) Body() (registry.CohortRule, error) {
	var body registry.CohortRule
	if err := json.Unmarshal([]byte(r.Rule), &body); err != nil {
		return body, fmt.Errorf("store: cohort rule %s: %w", r.ID, err)
	}
	return body, nil
}

// CohortMove is an asset that a rule would move.
type CohortMove struct {
	RuleID       string
	AssetID      string
	CityCode     string
	DistrictCode string
	Label        string
	Direction    string // in, out, or day
	BeforeOn     civil.Day
	AfterOn      civil.Day
}

// CreateCohortRule adds a revision, to be tried or, with the reference data, in
// force. A class has one revision at a time that is not decided.
func (tx *Tx) CreateCohortRule(r *CohortRule) error {
	r.Version, r.CreatedAt, r.CreatedBy, r.CreatedByName, r.Counts = 1, tx.At, tx.By.ID, tx.By.Name, "{}"
	err := tx.db.Create(r).Error
	if duplicate(err) {
		return fault.New(fault.Conflict, "undecided", bilingual.T("该类别已有一条待定的规则", "the class has a rule that is not decided yet")).
			WithMend("请先采用或放弃它", "accept or discard it first")
	}
	if err != nil {
		return fmt.Errorf("store: add a cohort rule: %w", err)
	}
	return tx.Record(ruleEvent("create", *r, ""), nil, map[string]any{"rule": json.RawMessage(r.Rule), "state": r.State})
}

func ruleEvent(action string, r CohortRule, reason string) Event {
	return Event{Action: action, Entity: "cohort_rule", EntityID: r.ID, Reason: reason}
}

// UpdateCohortRule replaces before by after if nobody changed it since. A change
// of state is recorded, progress is not.
func (tx *Tx) UpdateCohortRule(before CohortRule, after *CohortRule, reason string) error {
	after.Version = before.Version + 1
	res := tx.db.Model(&CohortRule{}).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("state", "done", "counts", "in_force_from", "problem", "failed_while", "seen_at", "version").Updates(after)
	if err := affect(res, stale()); err != nil {
		return err
	}
	if before.State == after.State {
		return nil
	}
	return tx.Record(ruleEvent(after.State, *after, reason), map[string]string{"state": before.State}, map[string]any{"state": after.State, "counts": json.RawMessage(after.Counts)})
}

// CohortRules returns all revisions, the newest of each class first. Rules are
// the province's: everybody may read them.
func (db *DB) CohortRules(ctx context.Context) ([]CohortRule, error) {
	return cohortRules(db.read.WithContext(ctx))
}

// CohortRules is DB.CohortRules inside a transaction.
func (tx *Tx) CohortRules() ([]CohortRule, error) { return cohortRules(tx.db) }

func cohortRules(q *gorm.DB) ([]CohortRule, error) {
	var rules []CohortRule
	if err := q.Order("class, revision DESC").Find(&rules).Error; err != nil {
		return nil, fmt.Errorf("store: list cohort rules: %w", err)
	}
	return rules, nil
}

// LostCohortRules returns the ids of rules under way that gave no sign of life since.
func (db *DB) LostCohortRules(ctx context.Context, cutoff time.Time) ([]string, error) {
	return lost[CohortRule](ctx, db, "state IN ('trying', 'applying') AND seen_at <= ?", cutoff)
}

// CohortRule returns one revision, or NotFound.
func (db *DB) CohortRule(ctx context.Context, id string) (CohortRule, error) {
	return loadCohortRule(db.read.WithContext(ctx), id)
}

// CohortRule returns one revision, or NotFound.
func (tx *Tx) CohortRule(id string) (CohortRule, error) { return loadCohortRule(tx.db, id) }

func loadCohortRule(q *gorm.DB, id string) (CohortRule, error) {
	var rules []CohortRule
	if err := q.Where("id = ?", id).Limit(1).Find(&rules).Error; err != nil {
		return CohortRule{}, fmt.Errorf("store: read a cohort rule: %w", err)
	}
	if len(rules) == 0 {
		return CohortRule{}, fault.Missing()
	}
	return rules[0], nil
}

// PutCohortMoves adds assets that a rule would move.
func (tx *Tx) PutCohortMoves(moves []CohortMove) error {
	if err := insertAll(tx, moves); err != nil {
		return fmt.Errorf("store: keep the moves of a cohort rule: %w", err)
	}
	return nil
}

// ClearCohortMoves removes what an interrupted trial left behind.
func (tx *Tx) ClearCohortMoves(ruleID string) error {
	if err := tx.db.Where("rule_id = ?", ruleID).Delete(&CohortMove{}).Error; err != nil {
		return fmt.Errorf("store: clear the moves of a cohort rule: %w", err)
	}
	return nil
}

// CohortMoves returns one page of the assets of the scope that a rule moves.
func (db *DB) CohortMoves(ctx context.Context, scope access.Scope, ruleID, city, direction string, p Page) ([]CohortMove, error) {
	q := inScope(db.read.WithContext(ctx), scope, true).Where("rule_id = ? AND asset_id > ?", ruleID, p.After)
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	if direction != "" {
		q = q.Where("direction = ?", direction)
	}
	var moves []CohortMove
	if err := q.Order("asset_id").Limit(p.Limit).Find(&moves).Error; err != nil {
		return nil, fmt.Errorf("store: list the moves of a cohort rule: %w", err)
	}
	return moves, nil
}
