package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/subsidy"
)

type noticeRow struct {
	ID            string
	CityCode      string
	Number        string
	ProgramID     string
	ProgramNameZH string `gorm:"column:program_name_zh"`
	ProgramNameEN string `gorm:"column:program_name_en"`
	FromOn        civil.Day
	UntilOn       civil.Day
	Days          int
	Contact       string
	LineCount     int64
	TotalFen      money.Fen
	MadeBy        string
	MadeByName    string
	MadeAt        time.Time
	Version       int64
}

func (noticeRow) TableName() string { return "notices" }

func (r noticeRow) notice() subsidy.PublicNotice {
	return subsidy.PublicNotice{ID: r.ID, CityCode: r.CityCode, Number: r.Number, ProgramID: r.ProgramID, ProgramName: bilingual.T(r.ProgramNameZH, r.ProgramNameEN),
		FromOn: r.FromOn, UntilOn: r.UntilOn, Days: r.Days, Contact: r.Contact, LineCount: r.LineCount, TotalFen: r.TotalFen, MadeBy: r.MadeBy,
		MadeByName: r.MadeByName, MadeAt: r.MadeAt, Version: r.Version}
}

type noticeLineRow struct {
	NoticeID      string
	LineNo        int64
	ApplicationID string
	AssetLabel    string
	Class         registry.Class
	OwnerMasked   string
	RetiredOn     civil.Day
	AmountFen     money.Fen
}

func (noticeLineRow) TableName() string { return "notice_lines" }

// CreateNotice adds a notice with its lines.
func (tx *Tx) CreateNotice(n *subsidy.PublicNotice) error {
	n.Version, n.MadeBy, n.MadeByName, n.MadeAt = 1, tx.By.ID, tx.By.Name, tx.At
	row := noticeRow{n.ID, n.CityCode, n.Number, n.ProgramID, n.ProgramName.ZH, n.ProgramName.EN, n.FromOn, n.UntilOn, n.Days, n.Contact, n.LineCount, n.TotalFen,
		n.MadeBy, n.MadeByName, n.MadeAt, 1}
	if err := tx.db.Create(&row).Error; err != nil {
		if duplicate(err) {
			return raced{err}
		}
		return fmt.Errorf("store: create a notice: %w", err)
	}
	lines := make([]noticeLineRow, len(n.Lines))
	for i, l := range n.Lines {
		lines[i] = noticeLineRow{n.ID, l.LineNo, l.ApplicationID, l.AssetLabel, l.Class, l.OwnerMasked, l.RetiredOn, l.AmountFen}
	}
	if err := tx.db.CreateInBatches(lines, 200).Error; err != nil {
		return fmt.Errorf("store: create the lines of a notice: %w", err)
	}
	return tx.Record(Event{Action: "publish", Entity: "notice", EntityID: n.ID, CityCode: n.CityCode}, nil,
		map[string]any{"number": n.Number, "from": n.FromOn, "until": n.UntilOn, "line_count": n.LineCount, "total_fen": n.TotalFen})
}

// NextNoticeNumber returns the next number of a city's notices with the prefix.
func (tx *Tx) NextNoticeNumber(prefix string) (int64, error) {
	var n int64
	if err := tx.db.Model(&noticeRow{}).Where("number LIKE ?", prefix+"%").Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: number a notice: %w", err)
	}
	return n + 1, nil
}

// Notice returns a notice of the scope with its lines, or NotFound.
func (db *DB) Notice(ctx context.Context, scope access.Scope, id string) (subsidy.PublicNotice, error) {
	return loadNotice(db.read.WithContext(ctx), scope, id)
}

// Notice returns a notice of the actor's scope with its lines, or NotFound.
func (tx *Tx) Notice(id string) (subsidy.PublicNotice, error) {
	return loadNotice(tx.db, tx.By.Scope, id)
}

func loadNotice(q *gorm.DB, scope access.Scope, id string) (subsidy.PublicNotice, error) {
	var rows []noticeRow
	if err := inScope(q, scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return subsidy.PublicNotice{}, fmt.Errorf("store: read a notice: %w", err)
	}
	if len(rows) == 0 {
		return subsidy.PublicNotice{}, fault.Missing()
	}
	n := rows[0].notice()
	var lines []noticeLineRow
	if err := q.Session(&gorm.Session{NewDB: true}).Where("notice_id = ?", id).Order("line_no").Find(&lines).Error; err != nil {
		return n, fmt.Errorf("store: read the lines of a notice: %w", err)
	}
	for _, l := range lines {
		n.Lines = append(n.Lines, subsidy.NoticeLine{LineNo: l.LineNo, ApplicationID: l.ApplicationID, AssetLabel: l.AssetLabel, Class: l.Class,
			OwnerMasked: l.OwnerMasked, RetiredOn: l.RetiredOn, AmountFen: l.AmountFen})
	}
	return n, nil
}

// Notices returns one page of notices of the scope without their lines, newest
// first; running narrows them to those that are shown on the day.
func (db *DB) Notices(ctx context.Context, scope access.Scope, city string, running civil.Day, p Page) ([]subsidy.PublicNotice, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	if running != "" {
		q = q.Where("from_on <= ? AND until_on >= ?", running, running)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []noticeRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list notices: %w", err)
	}
	list := make([]subsidy.PublicNotice, len(rows))
	for i, r := range rows {
		list[i] = r.notice()
	}
	return list, nil
}

type objectionRow struct{ subsidy.Objection }

func (objectionRow) TableName() string { return "objections" }

// CreateObjection adds an objection to a line of a notice.
func (tx *Tx) CreateObjection(o *subsidy.Objection, assetID string) error {
	o.State, o.Version, o.RecordedBy, o.RecordedByName, o.RecordedAt = "open", 1, tx.By.ID, tx.By.Name, tx.At
	if err := tx.db.Create(&objectionRow{*o}).Error; err != nil {
		return fmt.Errorf("store: create an objection: %w", err)
	}
	return tx.Record(Event{Action: "object", Entity: "objection", EntityID: o.ID, AssetID: assetID, CityCode: o.CityCode, DistrictCode: o.DistrictCode}, nil,
		map[string]string{"application_id": o.ApplicationID, "text": o.Text})
}

// ResolveObjection keeps how an open objection was settled.
func (tx *Tx) ResolveObjection(before subsidy.Objection, after *subsidy.Objection) error {
	after.Version = before.Version + 1
	res := tx.db.Model(&objectionRow{}).Where("id = ? AND version = ? AND state = 'open'", before.ID, before.Version).
		Select("state", "resolved_by", "resolved_by_name", "resolved_at", "resolution", "version").Updates(&objectionRow{*after})
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.Record(Event{Action: after.State, Entity: "objection", EntityID: after.ID, CityCode: after.CityCode, DistrictCode: after.DistrictCode, Reason: after.Resolution},
		map[string]string{"state": before.State}, map[string]string{"state": after.State})
}

// OpenObjections counts the objections to an application that are not settled.
func (tx *Tx) OpenObjections(applicationID string) (int64, error) {
	var n int64
	err := tx.db.Model(&objectionRow{}).Where("application_id = ? AND state = 'open'", applicationID).Count(&n).Error
	if err != nil {
		return 0, fmt.Errorf("store: count objections: %w", err)
	}
	return n, nil
}

// Objection returns an objection of the actor's scope, or NotFound.
func (tx *Tx) Objection(id string) (subsidy.Objection, error) {
	return loadObjection(tx.db, tx.By.Scope, id)
}

// Objection returns an objection of the scope, or NotFound.
func (db *DB) Objection(ctx context.Context, scope access.Scope, id string) (subsidy.Objection, error) {
	return loadObjection(db.read.WithContext(ctx), scope, id)
}

func loadObjection(q *gorm.DB, scope access.Scope, id string) (subsidy.Objection, error) {
	var rows []objectionRow
	if err := inScope(q, scope, true).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return subsidy.Objection{}, fmt.Errorf("store: read an objection: %w", err)
	}
	if len(rows) == 0 {
		return subsidy.Objection{}, fault.Missing()
	}
	return rows[0].Objection, nil
}

// Objections returns one page of objections of the scope, newest first.
func (db *DB) Objections(ctx context.Context, scope access.Scope, applicationID, noticeID, state string, p Page) ([]subsidy.Objection, error) {
	q := inScope(db.read.WithContext(ctx), scope, true)
	for column, value := range map[string]string{"application_id": applicationID, "notice_id": noticeID, "state": state} {
		if value != "" {
			q = q.Where(column+" = ?", value)
		}
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []objectionRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list objections: %w", err)
	}
	list := make([]subsidy.Objection, len(rows))
	for i, r := range rows {
		list[i] = r.Objection
	}
	return list, nil
}
