package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/retirement"
)

// StepNote is what is said about a change of a retirement: of the step that it
// logs, or which request asked for it.
type StepNote struct {
	Step      retirement.Deed
	Note      string
	FileIDs   []string
	RequestID string
}

type stepRow struct {
	RetirementID string
	Step         retirement.Deed
	CityCode     string
	DistrictCode string
	OnDay        civil.Day
	Note         string
	FileIDs      string `gorm:"column:file_ids"`
	LoggedBy     string
	LoggedByName string
	LoggedAt     time.Time
}

func (stepRow) TableName() string { return "retirement_steps" }

// keepSteps writes the steps whose day after has and before has not, or has
// otherwise, and takes away those whose day is gone.
func (tx *Tx) keepSteps(before, after retirement.Retirement, note StepNote) error {
	var rows []stepRow
	for _, step := range retirement.Steps {
		was, is := before.DayOf(step), after.DayOf(step)
		if was == is {
			continue
		}
		if was != "" {
			if err := tx.db.Where("retirement_id = ? AND step = ?", after.ID, step).Delete(&stepRow{}).Error; err != nil {
				return fmt.Errorf("store: replace a step: %w", err)
			}
		}
		if is == "" {
			continue
		}
		row := stepRow{RetirementID: after.ID, Step: step, CityCode: after.CityCode, DistrictCode: after.DistrictCode, OnDay: is,
			LoggedBy: tx.By.ID, LoggedByName: tx.By.Name, LoggedAt: tx.At}
		if step == note.Step {
			row.Note, row.FileIDs = note.Note, strings.Join(note.FileIDs, ",")
		}
		rows = append(rows, row)
	}
	if err := insertAll(tx, rows); err != nil {
		return fmt.Errorf("store: keep the steps of a retirement: %w", err)
	}
	return nil
}

// Steps returns the dated steps of a retirement in their order. The caller has
// loaded it in its scope.
func (db *DB) Steps(ctx context.Context, r retirement.Retirement) ([]retirement.Event, error) {
	return stepsOf(db.read.WithContext(ctx), r)
}

// Steps is DB.Steps inside a transaction.
func (tx *Tx) Steps(r retirement.Retirement) ([]retirement.Event, error) { return stepsOf(tx.db, r) }

func stepsOf(q *gorm.DB, r retirement.Retirement) ([]retirement.Event, error) {
	var rows []stepRow
	if err := q.Where("retirement_id = ?", r.ID).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read the steps of a retirement: %w", err)
	}
	events := []retirement.Event{}
	for _, step := range retirement.Steps {
		for _, row := range rows {
			if row.Step != step {
				continue
			}
			e := retirement.Event{Step: step, On: row.OnDay, Note: row.Note, LoggedBy: row.LoggedBy, LoggedByName: row.LoggedByName, LoggedAt: row.LoggedAt}
			if row.FileIDs != "" {
				e.FileIDs = strings.Split(row.FileIDs, ",")
			}
			events = append(events, e)
		}
	}
	return events, nil
}

type versionRow struct {
	RetirementID   string
	Revision       int64
	CityCode       string
	DistrictCode   string
	Declaration    string
	ReplacedBy     string
	ReplacedByName string
	ReplacedAt     time.Time
	Reason         string
	RequestID      string
}

func (versionRow) TableName() string { return "retirement_versions" }

// keepVersion keeps a declaration that is about to be replaced.
func (tx *Tx) keepVersion(before retirement.Retirement, reason, requestID string) error {
	text, err := json.Marshal(before.Declaration)
	if err != nil {
		return fmt.Errorf("store: a declaration: %w", err)
	}
	err = insertAll(tx, []versionRow{{before.ID, before.Revision, before.CityCode, before.DistrictCode, string(text), tx.By.ID, tx.By.Name, tx.At, reason, requestID}})
	if duplicate(err) {
		return stale()
	}
	if err != nil {
		return fmt.Errorf("store: keep a version of a retirement: %w", err)
	}
	return nil
}

// Versions returns the declarations of a retirement that were replaced, the
// first one first. The caller has loaded it in its scope.
func (db *DB) Versions(ctx context.Context, r retirement.Retirement) ([]retirement.Version, error) {
	return versionsOf(db.read.WithContext(ctx), r)
}

// Versions is DB.Versions inside a transaction.
func (tx *Tx) Versions(r retirement.Retirement) ([]retirement.Version, error) {
	return versionsOf(tx.db, r)
}

func versionsOf(q *gorm.DB, r retirement.Retirement) ([]retirement.Version, error) {
	var rows []versionRow
	if err := q.Where("retirement_id = ?", r.ID).Order("revision").Limit(500).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read the versions of a retirement: %w", err)
	}
	versions := make([]retirement.Version, len(rows))
	for i, row := range rows {
		v := retirement.Version{Revision: row.Revision, ReplacedBy: row.ReplacedBy, ReplacedByName: row.ReplacedByName, ReplacedAt: row.ReplacedAt, Reason: row.Reason, RequestID: row.RequestID}
		if err := json.Unmarshal([]byte(row.Declaration), &v.Declaration); err != nil {
			return nil, fmt.Errorf("store: version %d of a retirement: %w", row.Revision, err)
		}
		versions[i] = v
	}
	return versions, nil
}

// RetirementLimits returns how long retirements may stay where they stand.
func (db *DB) RetirementLimits(ctx context.Context) ([]retirement.Limit, error) {
	var limits []retirement.Limit
	if err := db.read.WithContext(ctx).Table("retirement_limits").Order("class, standing").Find(&limits).Error; err != nil {
		return nil, fmt.Errorf("store: read the limits of retirements: %w", err)
	}
	return limits, nil
}

// UpdateRetirementLimit replaces a limit if nobody changed it since.
func (tx *Tx) UpdateRetirementLimit(l retirement.Limit) error {
	var before retirement.Limit
	if err := tx.db.Table("retirement_limits").Where("class = ? AND standing = ?", l.Class, l.Standing).Limit(1).Find(&before).Error; err != nil {
		return fmt.Errorf("store: read a limit: %w", err)
	}
	if before.Class == "" {
		return fault.Missing()
	}
	res := tx.db.Exec("UPDATE retirement_limits SET days = ?, escalate_days = ?, source = ?, sample = ?, version = version + 1 WHERE class = ? AND standing = ? AND version = ?",
		l.Days, l.EscalateDays, l.Source, l.Sample, l.Class, l.Standing, l.Version)
	if err := affect(res, stale()); err != nil {
		return err
	}
	view := func(l retirement.Limit) map[string]any {
		return map[string]any{"days": l.Days, "escalate_days": l.EscalateDays, "source": l.Source, "sample": l.Sample}
	}
	return tx.Record(Event{Action: "update", Entity: "retirement_limit", EntityID: string(l.Class) + "/" + string(l.Standing)}, view(before), view(l))
}

// OverdueFilter narrows the list of overdue retirements. Level 2 leaves out
// those below it.
type OverdueFilter struct {
	RetirementFilter
	Level int
	Today civil.Day
}

// Overdue returns one page of retirements of the scope that stay longer than
// their limit, in the order of their ids, newest first.
func (db *DB) Overdue(ctx context.Context, scope access.Scope, f OverdueFilter, limits []retirement.Limit, p Page) ([]retirement.Retirement, error) {
	q := filterRetirements(db.read.WithContext(ctx), scope, f.RetirementFilter)
	either := db.read.Session(&gorm.Session{NewDB: true}).Where("1 = 0")
	for _, l := range limits {
		if f.Level > 1 {
			l.Days += l.EscalateDays
		}
		either = either.Or("class = ? AND standing = ? AND standing_on <> '' AND standing_on < ?", l.Class, l.Standing, l.LateBefore(f.Today))
	}
	q = q.Where("NOT withdrawn").Where(either)
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []retirementRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list overdue retirements: %w", err)
	}
	list := make([]retirement.Retirement, len(rows))
	for i, r := range rows {
		list[i] = r.retirement()
	}
	return list, nil
}
