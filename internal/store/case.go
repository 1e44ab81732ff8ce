package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// RetiredIdentitySeen is the kind of case that an attempt to register a
// retired identity opens.
const RetiredIdentitySeen = "retired_identity_seen"

// Case is something about an asset that a person has to look into.
type Case struct {
	ID           string
	Kind         string
	AssetID      string
	AssetLabel   string
	Class        registry.Class
	CityCode     string
	DistrictCode string
	State        string // open or closed
	Sightings    int64
	OpenedBy     string
	OpenedByName string
	OpenedAt     time.Time
	LastSeenAt   time.Time
	ClosedBy     string
	ClosedByName string
	ClosedAt     *time.Time
	Outcome      string
	Version      int64

	AssignedTo     string // who looks into it, "" for nobody yet
	AssignedToName string
}

// Sighting is one occasion on which the asset of a case was seen.
type Sighting struct {
	ID         string
	CaseID     string
	Ref        string // what it came by: a request, a row of an import; once each
	Source     string // entry, update, import
	CityCode   string // where it was seen
	Field      string
	Value      string
	Note       string
	SeenBy     string
	SeenByName string
	SeenAt     time.Time
}

// TableName is gorm's hook for the table of sightings.
func (Sighting) TableName() string { return "case_sightings" }

// See adds a sighting of an asset to its open case of the kind, and opens one
// if there is none. Who sees it need not be of the asset's city; the case
// belongs to that city. A sighting that came by the same ref is kept once.
func (tx *Tx) See(kind, assetID string, s Sighting) error {
	var rows []assetRow
	if err := tx.db.Where("id = ?", assetID).Limit(1).Find(&rows).Error; err != nil {
		return fmt.Errorf("store: read the asset of a case: %w", err)
	}
	if len(rows) == 0 {
		return fault.Missing()
	}
	a := rows[0]
	c := Case{ID: uuid.Must(uuid.NewV7()).String(), Kind: kind, AssetID: a.ID, AssetLabel: a.Label, Class: a.Class, CityCode: a.CityCode,
		DistrictCode: a.DistrictCode, State: "open", OpenedBy: tx.By.ID, OpenedByName: tx.By.Name, OpenedAt: tx.At, LastSeenAt: tx.At, Version: 1}
	res := tx.db.Exec(`INSERT INTO cases (id, kind, asset_id, asset_label, class, city_code, district_code, state, opened_by, opened_by_name, opened_at, last_seen_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, asset_id) WHERE state = 'open' DO NOTHING`,
		c.ID, c.Kind, c.AssetID, c.AssetLabel, c.Class, c.CityCode, c.DistrictCode, c.State, c.OpenedBy, c.OpenedByName, c.OpenedAt, c.LastSeenAt)
	if res.Error != nil {
		return fmt.Errorf("store: open a case: %w", res.Error)
	}
	action := "open"
	if res.RowsAffected == 0 {
		action = "sighting"
		var open Case
		if err := tx.db.Where("kind = ? AND asset_id = ? AND state = 'open'", kind, assetID).First(&open).Error; err != nil {
			return fmt.Errorf("store: read an open case: %w", err)
		}
		c = open
	}
	s.ID, s.CaseID, s.SeenBy, s.SeenByName, s.SeenAt = uuid.Must(uuid.NewV7()).String(), c.ID, tx.By.ID, tx.By.Name, tx.At
	res = tx.db.Exec(`INSERT INTO case_sightings (id, case_id, ref, source, city_code, field, value, note, seen_by, seen_by_name, seen_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (case_id, ref) DO NOTHING`,
		s.ID, s.CaseID, s.Ref, s.Source, s.CityCode, s.Field, s.Value, s.Note, s.SeenBy, s.SeenByName, s.SeenAt)
	if res.Error != nil {
		return fmt.Errorf("store: keep a sighting: %w", res.Error)
	}
	if res.RowsAffected == 0 {
		return nil
	}
	err := affect(tx.db.Exec("UPDATE cases SET sightings = sightings + 1, last_seen_at = ?, version = version + ? WHERE id = ?", tx.At, btoi(action == "sighting"), c.ID),
		fault.Missing())
	if err != nil {
		return err
	}
	return tx.Record(caseEvent(action, c, s.Note), nil, map[string]string{"kind": kind, "source": s.Source, "value": s.Value})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func caseEvent(action string, c Case, reason string) Event {
	return Event{Action: action, Entity: "case", EntityID: c.ID, AssetID: c.AssetID, CityCode: c.CityCode, DistrictCode: c.DistrictCode, Reason: reason}
}

// CaseFilter narrows a list of cases.
type CaseFilter struct {
	State   string
	Kind    string
	City    string
	AssetID string
	// AssignedTo narrows to the cases of one user, "none" to those of nobody.
	AssignedTo string
}

// Cases returns one page of the cases of the scope, the newest first.
func (db *DB) Cases(ctx context.Context, scope access.Scope, f CaseFilter, p Page) ([]Case, error) {
	q := inScope(db.read.WithContext(ctx), scope, true)
	for _, e := range []struct{ column, value string }{{"state", f.State}, {"kind", f.Kind}, {"city_code", f.City}, {"asset_id", f.AssetID}} {
		if e.value != "" {
			q = q.Where(e.column+" = ?", e.value)
		}
	}
	switch f.AssignedTo {
	case "":
	case "none":
		q = q.Where("assigned_to = ''")
	default:
		q = q.Where("assigned_to = ?", f.AssignedTo)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var cases []Case
	if err := q.Order("id DESC").Limit(p.Limit).Find(&cases).Error; err != nil {
		return nil, fmt.Errorf("store: list cases: %w", err)
	}
	return cases, nil
}

// Case returns a case of the scope, or NotFound.
func (db *DB) Case(ctx context.Context, scope access.Scope, id string) (Case, error) {
	return loadCase(db.read.WithContext(ctx), scope, id)
}

// Case returns a case of the actor's scope, or NotFound.
func (tx *Tx) Case(id string) (Case, error) { return loadCase(tx.db, tx.By.Scope, id) }

func loadCase(q *gorm.DB, scope access.Scope, id string) (Case, error) {
	var cases []Case
	if err := inScope(q, scope, true).Where("id = ?", id).Limit(1).Find(&cases).Error; err != nil {
		return Case{}, fmt.Errorf("store: read a case: %w", err)
	}
	if len(cases) == 0 {
		return Case{}, fault.Missing()
	}
	return cases[0], nil
}

// Sightings returns the sightings of a case that the caller has read, the
// newest first, at most 200.
func (db *DB) Sightings(ctx context.Context, c Case) ([]Sighting, error) {
	var sightings []Sighting
	if err := db.read.WithContext(ctx).Where("case_id = ?", c.ID).Order("id DESC").Limit(200).Find(&sightings).Error; err != nil {
		return nil, fmt.Errorf("store: list sightings: %w", err)
	}
	return sightings, nil
}

// CloseCase closes an open case of the version with what came of it.
func (tx *Tx) CloseCase(before Case, outcome string) (Case, error) {
	after := before
	after.State, after.Outcome, after.Version = "closed", outcome, before.Version+1
	after.ClosedBy, after.ClosedByName, after.ClosedAt = tx.By.ID, tx.By.Name, &tx.At
	if before.State != "open" {
		return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("案件已办结", "the case is closed")).
			WithMend("再次出现时会自动另立新案", "another sighting opens a new one")
	}
	res := inScope(tx.db.Model(&Case{}), tx.By.Scope, true).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("state", "outcome", "closed_by", "closed_by_name", "closed_at", "version").Updates(&after)
	if err := affect(res, stale()); err != nil {
		return before, err
	}
	return after, tx.Record(caseEvent("close", after, outcome), map[string]string{"state": "open"}, map[string]string{"state": "closed"})
}
