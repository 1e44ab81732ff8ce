package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"phaseout/internal/civil"
	"phaseout/internal/subsidy"
	"phaseout/internal/workday"
)

type flowRow struct {
	ProgramID     string
	ReserveOn     string
	MendDays      int
	Papers        string
	UpdatedBy     string
	UpdatedByName string
	UpdatedAt     time.Time
	Version       int64
}

func (flowRow) TableName() string { return "program_flows" }

// Flow returns how the applications of a program are worked off.
func (tx *Tx) Flow(programID string) (subsidy.Flow, error) { return loadFlow(tx.db, programID) }

// Flow is Tx.Flow outside a transaction.
func (db *DB) Flow(ctx context.Context, programID string) (subsidy.Flow, error) {
	return loadFlow(db.read.WithContext(ctx), programID)
}

func loadFlow(q *gorm.DB, programID string) (subsidy.Flow, error) {
	var rows []flowRow
	if err := q.Where("program_id = ?", programID).Limit(1).Find(&rows).Error; err != nil {
		return subsidy.Flow{}, fmt.Errorf("store: read the flow of a program: %w", err)
	}
	if len(rows) == 0 {
		return subsidy.DefaultFlow(programID), nil
	}
	r := rows[0]
	f := subsidy.Flow{ProgramID: r.ProgramID, ReserveOn: r.ReserveOn, MendDays: r.MendDays, Version: r.Version}
	if err := json.Unmarshal([]byte(r.Papers), &f.Papers); err != nil {
		return f, fmt.Errorf("store: papers of program %s: %w", programID, err)
	}
	return f, nil
}

// SetFlow keeps how the applications of a program are worked off, if nobody
// changed it since before.
func (tx *Tx) SetFlow(p subsidy.Program, before subsidy.Flow, after *subsidy.Flow) error {
	papers, err := jsonText(after.Papers)
	if err != nil {
		return err
	}
	after.Version = before.Version + 1
	row := flowRow{p.ID, after.ReserveOn, after.MendDays, papers, tx.By.ID, tx.By.Name, tx.At, after.Version}
	if before.Version == 0 {
		res := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		err = affect(res, stale())
	} else {
		err = affect(tx.db.Model(&flowRow{}).Where("program_id = ? AND version = ?", p.ID, before.Version).Select("*").Omit("program_id").Updates(&row), stale())
	}
	if err != nil {
		return err
	}
	view := func(f subsidy.Flow) map[string]string {
		text, _ := jsonText(f.Papers)
		return map[string]string{"reserve_on": f.ReserveOn, "mend_days": fmt.Sprint(f.MendDays), "papers": text}
	}
	was, is := difference(view(before), view(*after))
	return tx.Record(Event{Action: "set_flow", Entity: "program", EntityID: p.ID, CityCode: p.CityCode}, was, is)
}

// CalendarYear is the official arrangement of the holidays of a year.
type CalendarYear struct {
	Year      int
	Source    string // the document
	EnteredBy string // "" for what was shipped
	EnteredAt *time.Time
	Version   int64
	Days      []CalendarDay `gorm:"-"`
}

// TableName is gorm's hook.
func (CalendarYear) TableName() string { return "calendar_years" }

// CalendarDay is a day on which a year differs from Monday to Friday.
type CalendarDay struct {
	Day  civil.Day
	Year int
	Kind string // off or work
	Name string
}

// TableName is gorm's hook.
func (CalendarDay) TableName() string { return "calendar_days" }

// CalendarYears returns the years that are known, with their days.
func (db *DB) CalendarYears(ctx context.Context) ([]CalendarYear, error) {
	return calendarYears(db.read.WithContext(ctx))
}

func calendarYears(q *gorm.DB) ([]CalendarYear, error) {
	fresh := q.Session(&gorm.Session{NewDB: true})
	var years []CalendarYear
	var days []CalendarDay
	if err := fresh.Order("year").Find(&years).Error; err != nil {
		return nil, fmt.Errorf("store: read the calendar: %w", err)
	}
	if err := fresh.Order("day").Find(&days).Error; err != nil {
		return nil, fmt.Errorf("store: read the calendar: %w", err)
	}
	for i := range years {
		for _, d := range days {
			if d.Year == years[i].Year {
				years[i].Days = append(years[i].Days, d)
			}
		}
	}
	return years, nil
}

// Calendar returns what is known of working days.
func (tx *Tx) Calendar() (workday.Calendar, error) {
	years, err := calendarYears(tx.db)
	c := workday.Calendar{Years: map[int]string{}, Off: map[civil.Day]bool{}, Work: map[civil.Day]bool{}}
	for _, y := range years {
		c.Years[y.Year] = y.Source
		for _, d := range y.Days {
			if d.Kind == "work" {
				c.Work[d.Day] = true
			} else {
				c.Off[d.Day] = true
			}
		}
	}
	return c, err
}

// SetCalendarYear enters the arrangement of a year, or replaces it if nobody
// changed it since version; 0 stands for a year that is not known yet.
func (tx *Tx) SetCalendarYear(y *CalendarYear, version int64) error {
	y.Version, y.EnteredBy, y.EnteredAt = version+1, tx.By.Name, &tx.At
	var err error
	if version == 0 {
		err = affect(tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(y), stale())
	} else {
		err = affect(tx.db.Model(&CalendarYear{}).Where("year = ? AND version = ?", y.Year, version).Select("source", "entered_by", "entered_at", "version").Updates(y), stale())
	}
	if err != nil {
		return err
	}
	if err := tx.db.Where("year = ?", y.Year).Delete(&CalendarDay{}).Error; err != nil {
		return fmt.Errorf("store: replace a calendar: %w", err)
	}
	if len(y.Days) > 0 {
		if err := tx.db.Create(&y.Days).Error; err != nil {
			return fmt.Errorf("store: enter a calendar: %w", err)
		}
	}
	return tx.Record(Event{Action: "set_calendar", Entity: "calendar", EntityID: fmt.Sprint(y.Year)}, nil,
		map[string]any{"year": y.Year, "source": y.Source, "days": y.Days})
}

// ShipCalendarYear adds a shipped year that is not known yet; one that is there
// stays as it is, because somebody may have mended it.
func (tx *Tx) ShipCalendarYear(y CalendarYear) error {
	var known int64
	if err := tx.db.Model(&CalendarYear{}).Where("year = ?", y.Year).Count(&known).Error; err != nil || known > 0 {
		return err
	}
	y.Version = 1
	if err := tx.db.Create(&y).Error; err != nil {
		return fmt.Errorf("store: ship a calendar: %w", err)
	}
	return tx.db.Create(&y.Days).Error
}
