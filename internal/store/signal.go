package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/seal"
	"phaseout/internal/signal"
)

// Signal is a kept signal with what a person made of it.
type Signal struct {
	ID             string
	signal.Signal  `gorm:"-"`
	State          string // open, harmless, confirmed, or gone if it is not found any more
	FoundAt        time.Time
	DecidedBy      string
	DecidedByName  string
	DecidedAt      *time.Time
	DecisionReason string
	Version        int64
}

type signalRow struct {
	ID             string
	CityCode       string
	Kind           signal.Kind
	Subject        string
	Score          int
	Reasons        string
	ApplicationIDs string `gorm:"column:application_ids"`
	Facts          string
	State          string
	FoundAt        time.Time
	DecidedBy      string
	DecidedByName  string
	DecidedAt      *time.Time
	DecisionReason string
	Version        int64
}

func (signalRow) TableName() string { return "signals" }

func (r signalRow) signal() (Signal, error) {
	s := Signal{ID: r.ID, Signal: signal.Signal{Kind: r.Kind, CityCode: r.CityCode, Subject: r.Subject, Score: r.Score, Facts: r.Facts}, State: r.State, FoundAt: r.FoundAt,
		DecidedBy: r.DecidedBy, DecidedByName: r.DecidedByName, DecidedAt: r.DecidedAt, DecisionReason: r.DecisionReason, Version: r.Version}
	if err := json.Unmarshal([]byte(r.Reasons), &s.Reasons); err != nil {
		return s, fmt.Errorf("store: reasons of signal %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.ApplicationIDs), &s.Applications); err != nil {
		return s, fmt.Errorf("store: applications of signal %s: %w", r.ID, err)
	}
	return s, nil
}

// ClaimCount returns how many claims SignalClaims goes through.
func (db *DB) ClaimCount(ctx context.Context) (int64, error) {
	var n int64
	err := db.read.WithContext(ctx).Table("applications").Where("state NOT IN ('withdrawn', 'rejected', 'expired')").Count(&n).Error
	if err != nil {
		return 0, fmt.Errorf("store: count what signals look at: %w", err)
	}
	return n, nil
}

// SignalClaims returns what the signals look at of every application that was
// handed in and was not refused, over the whole province. It reads outside of a
// transaction, a chunk at a time, and says after each how many it has.
func (db *DB) SignalClaims(ctx context.Context, chunk int, seen func(n int) error) ([]signal.Claim, error) {
	pictures, altered, err := db.pictures(ctx)
	if err != nil {
		return nil, err
	}
	var claims []signal.Claim
	for after := ""; ; {
		var rows []claimFacts
		err := db.read.WithContext(ctx).Raw(`SELECT a.id, a.city_code, a.asset_label, a.owner_name, s.owner_id, a.account_key, a.phone_key, a.agent_key, r.recycler, r.deregistered_on,
				s.scrap_due_on, p.valid_to, a.replacement_owner, a.asset_id
			FROM applications a JOIN assets s ON s.id = a.asset_id JOIN retirements r ON r.id = a.retirement_id JOIN programs p ON p.id = a.program_id
			WHERE a.state NOT IN ('withdrawn', 'rejected', 'expired') AND a.id > ? ORDER BY a.id LIMIT ?`, after, chunk).Scan(&rows).Error
		if err != nil {
			return nil, fmt.Errorf("store: read what signals look at: %w", err)
		}
		for _, r := range rows {
			claims = append(claims, r.claim(db.ring, pictures[r.AssetID], altered))
		}
		if err := seen(len(claims)); err != nil {
			return nil, err
		}
		if len(rows) < chunk {
			return claims, nil
		}
		after = rows[len(rows)-1].ID
	}
}

type claimFacts struct {
	ID, CityCode, AssetLabel, OwnerName, OwnerID, AccountKey, PhoneKey, AgentKey, Recycler, DeregisteredOn, ScrapDueOn, ValidTo, ReplacementOwner, AssetID string
}

func (r claimFacts) claim(ring *seal.Ring, pictures []string, altered map[string]bool) signal.Claim {
	owner := ring.Hash("owner", r.OwnerID)
	if owner == "" {
		owner = ring.Hash("owner name", r.OwnerName)
	}
	c := signal.Claim{ApplicationID: r.ID, CityCode: r.CityCode, Label: r.AssetLabel, Owner: r.OwnerName, OwnerKey: owner, AccountKey: r.AccountKey,
		PhoneKey: r.PhoneKey, AgentKey: r.AgentKey, Yard: r.Recycler, RetiredOn: civil.Day(r.DeregisteredOn), ScrapDueOn: civil.Day(r.ScrapDueOn), Deadline: civil.Day(r.ValidTo),
		ReplacementOwner: r.ReplacementOwner, PhotoHashes: pictures}
	for _, p := range pictures {
		if altered[p] {
			c.AlteredPhotos = append(c.AlteredPhotos, p)
		}
	}
	return c
}

// KeepSignals keeps what was found. A signal that a person has decided stays
// decided while what it rests on stays; with new facts it is asked again. What
// is not found any more is gone. It returns how many are new or asked again.
func (tx *Tx) KeepSignals(found []signal.Signal) (int, error) {
	var rows []signalRow
	if err := tx.db.Find(&rows).Error; err != nil {
		return 0, fmt.Errorf("store: read signals: %w", err)
	}
	known := map[string]signalRow{}
	for _, r := range rows {
		known[r.CityCode+" "+string(r.Kind)+" "+r.Subject] = r
	}
	asked := 0
	for _, s := range found {
		key := s.CityCode + " " + string(s.Kind) + " " + s.Subject
		reasons, err := jsonText(s.Reasons)
		if err != nil {
			return 0, err
		}
		ids, err := jsonText(s.Applications)
		if err != nil {
			return 0, err
		}
		row, there := known[key]
		delete(known, key)
		switch {
		case !there:
			asked++
			row = signalRow{ID: uuid.Must(uuid.NewV7()).String(), CityCode: s.CityCode, Kind: s.Kind, Subject: s.Subject, Score: s.Score, Reasons: reasons,
				ApplicationIDs: ids, Facts: s.Facts, State: "open", FoundAt: tx.At, Version: 1}
			err = tx.db.Create(&row).Error
		case row.Facts != s.Facts || row.State == "gone":
			asked++
			err = tx.db.Model(&signalRow{}).Where("id = ?", row.ID).Updates(map[string]any{"score": s.Score, "reasons": reasons, "application_ids": ids, "facts": s.Facts,
				"state": "open", "found_at": tx.At, "version": row.Version + 1}).Error
		}
		if err != nil {
			return 0, fmt.Errorf("store: keep a signal: %w", err)
		}
	}
	for _, row := range known {
		if row.State == "open" {
			if err := tx.db.Model(&signalRow{}).Where("id = ?", row.ID).Updates(map[string]any{"state": "gone", "version": row.Version + 1}).Error; err != nil {
				return 0, fmt.Errorf("store: end a signal: %w", err)
			}
		}
	}
	if asked == 0 {
		return 0, nil
	}
	return asked, tx.Record(Event{Action: "scan", Entity: "signal", EntityID: "signals"}, nil, map[string]int{"asked": asked})
}

// DecideSignal keeps what a person made of an open signal.
func (tx *Tx) DecideSignal(before Signal, state, reason string) error {
	res := inScope(tx.db.Model(&signalRow{}), tx.By.Scope, false).Where("id = ? AND version = ? AND state = 'open'", before.ID, before.Version).
		Updates(map[string]any{"state": state, "decided_by": tx.By.ID, "decided_by_name": tx.By.Name, "decided_at": tx.At, "decision_reason": reason, "version": before.Version + 1})
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.Record(Event{Action: state, Entity: "signal", EntityID: before.ID, CityCode: before.CityCode, Reason: reason}, map[string]string{"state": "open"}, map[string]string{"state": state})
}

// Signal returns a signal of the scope, or NotFound.
func (db *DB) Signal(ctx context.Context, scope access.Scope, id string) (Signal, error) {
	return loadSignal(db.read.WithContext(ctx), scope, id)
}

// Signal returns a signal of the actor's scope, or NotFound.
func (tx *Tx) Signal(id string) (Signal, error) { return loadSignal(tx.db, tx.By.Scope, id) }

func loadSignal(q *gorm.DB, scope access.Scope, id string) (Signal, error) {
	var rows []signalRow
	if err := inScope(q, scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return Signal{}, fmt.Errorf("store: read a signal: %w", err)
	}
	if len(rows) == 0 {
		return Signal{}, fault.Missing()
	}
	return rows[0].signal()
}

// Signals returns one page of signals of the scope, newest first; those about
// an application if one is named.
func (db *DB) Signals(ctx context.Context, scope access.Scope, state, kind, applicationID string, p Page) ([]Signal, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	if state != "" {
		q = q.Where("state = ?", state)
	}
	if kind != "" {
		q = q.Where("kind = ?", kind)
	}
	if applicationID != "" {
		q = q.Where("application_ids LIKE ? ESCAPE '!'", likePattern(applicationID))
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []signalRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list signals: %w", err)
	}
	list := make([]Signal, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.signal(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// CountSignals counts the open signals of the scope.
func (db *DB) CountSignals(ctx context.Context, scope access.Scope) (int64, error) {
	var n int64
	if err := inScope(db.read.WithContext(ctx).Model(&signalRow{}), scope, false).Where("state = 'open'").Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: count signals: %w", err)
	}
	return n, nil
}

// SourceMoney is the money of one source in a year.
type SourceMoney struct {
	Year                                     int
	Source                                   string
	AllocatedFen, BoundFen, PaidFen, FreeFen money.Fen
}

// MoneyBySource returns the money of the scope's open budget lines by year and
// source; bound is reserved or promised.
func (db *DB) MoneyBySource(ctx context.Context, scope access.Scope) ([]SourceMoney, error) {
	var rows []SourceMoney
	err := inScope(db.read.WithContext(ctx).Table("budget_lines"), scope, false).Where("NOT closed").
		Select("year, source, SUM(allocated_fen) AS allocated_fen, SUM(reserved_fen + committed_fen) AS bound_fen, SUM(paid_fen) AS paid_fen, SUM(free_fen) AS free_fen").
		Group("year, source").Order("year DESC, source").Limit(100).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: money by source: %w", err)
	}
	return rows, nil
}
