package store

import (
	"context"
	"encoding/json"
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
)

type layoutRow struct {
	ID       string
	CityCode string
	Code     string
	NameZH   string `gorm:"column:name_zh"`
	NameEN   string `gorm:"column:name_en"`
	Columns  string
	Version  int64
}

func (layoutRow) TableName() string { return "bank_layouts" }

func (r layoutRow) layout() (ledger.Layout, error) {
	l := ledger.Layout{ID: r.ID, CityCode: r.CityCode, Code: r.Code, Name: bilingual.T(r.NameZH, r.NameEN), Version: r.Version}
	if err := json.Unmarshal([]byte(r.Columns), &l.Columns); err != nil {
		return l, fmt.Errorf("store: layout %s: %w", r.ID, err)
	}
	return l, nil
}

// Layouts returns the layouts of bank files of the scope.
func (db *DB) Layouts(ctx context.Context, scope access.Scope) ([]ledger.Layout, error) {
	var rows []layoutRow
	if err := inScope(db.read.WithContext(ctx), scope, false).Order("id").Limit(200).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list layouts: %w", err)
	}
	list := make([]ledger.Layout, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.layout(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Layout returns a layout of the scope, or NotFound.
func (db *DB) Layout(ctx context.Context, scope access.Scope, id string) (ledger.Layout, error) {
	var rows []layoutRow
	if err := inScope(db.read.WithContext(ctx), scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return ledger.Layout{}, fmt.Errorf("store: read a layout: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Layout{}, fault.Missing()
	}
	return rows[0].layout()
}

// CreateLayout adds a layout of a city.
func (tx *Tx) CreateLayout(l *ledger.Layout) error {
	if !tx.By.Scope.Covers(l.CityCode, "") {
		return fault.Missing()
	}
	columns, err := jsonText(l.Columns)
	if err != nil {
		return err
	}
	l.Version = 1
	err = tx.db.Create(&layoutRow{l.ID, l.CityCode, l.Code, l.Name.ZH, l.Name.EN, columns, 1}).Error
	if duplicate(err) {
		return fault.Field("body.code", "duplicate", bilingual.T("已有相同编号的格式", "there is a layout of this code"), bilingual.T("换一个编号", "choose another code"))
	}
	if err != nil {
		return fmt.Errorf("store: create a layout: %w", err)
	}
	return tx.Record(Event{Action: "create", Entity: "bank_layout", EntityID: l.ID, CityCode: l.CityCode}, nil, map[string]any{"code": l.Code, "columns": l.Columns})
}

// UpdateLayout replaces the name and columns of a layout of the actor's scope.
func (tx *Tx) UpdateLayout(id string, version int64, l ledger.Layout) (ledger.Layout, error) {
	var rows []layoutRow
	if err := inScope(tx.db, tx.By.Scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return l, fmt.Errorf("store: read a layout: %w", err)
	}
	if len(rows) == 0 {
		return l, fault.Missing()
	}
	columns, err := jsonText(l.Columns)
	if err != nil {
		return l, err
	}
	res := tx.db.Model(&layoutRow{}).Where("id = ? AND version = ?", id, version).
		Updates(map[string]any{"name_zh": l.Name.ZH, "name_en": l.Name.EN, "columns": columns, "version": version + 1})
	if err := affect(res, stale()); err != nil {
		return l, err
	}
	l.ID, l.CityCode, l.Code, l.Version = id, rows[0].CityCode, rows[0].Code, version+1
	return l, tx.Record(Event{Action: "update", Entity: "bank_layout", EntityID: id, CityCode: l.CityCode}, map[string]string{"columns": rows[0].Columns}, map[string]string{"columns": columns})
}
