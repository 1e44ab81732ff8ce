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
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/subsidy"
)

type applicationRow struct {
	ID            string
	CityCode      string
	DistrictCode  string
	Class         registry.Class
	ProgramID     string
	ProgramCode   string
	ProgramNameZH string `gorm:"column:program_name_zh"`
	ProgramNameEN string `gorm:"column:program_name_en"`
	AssetID       string
	AssetLabel    string
	RetirementID  string
	OwnerName     string
	PayeeName     string
	PayeeBank     string
	PayeeAccount  string
	AmountFen     money.Fen
	Explanation   string
	State         subsidy.State
	OpenedBy      string
	OpenedByName  string
	OpenedAt      time.Time
	DecidedBy     string
	DecidedByName string
	DecidedAt     *time.Time
	RejectReason  string
	BatchID       string
	PaidOn        civil.Day
	FailReason    string
	Version       int64
}

func (applicationRow) TableName() string { return "applications" }

func (r applicationRow) application() (subsidy.Application, error) {
	a := subsidy.Application{
		ID: r.ID, CityCode: r.CityCode, DistrictCode: r.DistrictCode, Class: r.Class, ProgramID: r.ProgramID, ProgramCode: r.ProgramCode,
		ProgramName: bilingual.T(r.ProgramNameZH, r.ProgramNameEN), AssetID: r.AssetID, AssetLabel: r.AssetLabel, RetirementID: r.RetirementID,
		OwnerName: r.OwnerName, PayeeName: r.PayeeName, PayeeBank: r.PayeeBank, PayeeAccount: r.PayeeAccount, AmountFen: r.AmountFen,
		State: r.State, OpenedBy: r.OpenedBy, OpenedByName: r.OpenedByName, OpenedAt: r.OpenedAt, DecidedBy: r.DecidedBy,
		DecidedByName: r.DecidedByName, DecidedAt: r.DecidedAt, RejectReason: r.RejectReason, BatchID: r.BatchID, PaidOn: r.PaidOn,
		FailReason: r.FailReason, Version: r.Version,
	}
	if err := json.Unmarshal([]byte(r.Explanation), &a.Explanation); err != nil {
		return a, fmt.Errorf("store: explanation of application %s: %w", r.ID, err)
	}
	return a, nil
}

func applicationRowOf(a subsidy.Application) (applicationRow, error) {
	explanation, err := jsonText(a.Explanation)
	return applicationRow{
		ID: a.ID, CityCode: a.CityCode, DistrictCode: a.DistrictCode, Class: a.Class, ProgramID: a.ProgramID, ProgramCode: a.ProgramCode,
		ProgramNameZH: a.ProgramName.ZH, ProgramNameEN: a.ProgramName.EN, AssetID: a.AssetID, AssetLabel: a.AssetLabel, RetirementID: a.RetirementID,
		OwnerName: a.OwnerName, PayeeName: a.PayeeName, PayeeBank: a.PayeeBank, PayeeAccount: a.PayeeAccount, AmountFen: a.AmountFen,
		Explanation: explanation, State: a.State, OpenedBy: a.OpenedBy, OpenedByName: a.OpenedByName, OpenedAt: a.OpenedAt,
		DecidedBy: a.DecidedBy, DecidedByName: a.DecidedByName, DecidedAt: a.DecidedAt, RejectReason: a.RejectReason, BatchID: a.BatchID,
		PaidOn: a.PaidOn, FailReason: a.FailReason, Version: a.Version,
	}, err
}

// CreateApplication adds an application. An asset that already has one that
// was not rejected, in any program of any city, fails with Conflict.
func (tx *Tx) CreateApplication(a *subsidy.Application) error {
	if !tx.By.Scope.Covers(a.CityCode, a.DistrictCode) {
		return fault.Missing()
	}
	a.Version = 1
	row, err := applicationRowOf(*a)
	if err != nil {
		return err
	}
	err = tx.db.Create(&row).Error
	if duplicate(err) {
		return fault.New(fault.Conflict, "double_benefit", bilingual.T("该记录已有补贴申请，不能重复享受", "there already is an application for this asset")).
			WithMend("请打开已有申请", "open the application that is there")
	}
	if err != nil {
		return fmt.Errorf("store: create an application: %w", err)
	}
	return tx.Record(applicationEvent("open", *a, ""), nil, applicationView(*a))
}

// UpdateApplication replaces before by after if nobody changed it since.
func (tx *Tx) UpdateApplication(before subsidy.Application, after *subsidy.Application, action, reason string) error {
	after.Version = before.Version + 1
	row, err := applicationRowOf(*after)
	if err != nil {
		return err
	}
	q := inScope(tx.db.Model(&applicationRow{}), tx.By.Scope, true).Where("id = ? AND version = ?", before.ID, before.Version)
	if err := affect(q.Select("*").Omit("id", "asset_id", "amount_fen", "explanation", "opened_by", "opened_at").Updates(&row), stale()); err != nil {
		return err
	}
	was, is := difference(applicationView(before), applicationView(*after))
	return tx.Record(applicationEvent(action, *after, reason), was, is)
}

func applicationEvent(action string, a subsidy.Application, reason string) Event {
	return Event{Action: action, Entity: "application", EntityID: a.ID, AssetID: a.AssetID, CityCode: a.CityCode,
		DistrictCode: a.DistrictCode, Reason: reason}
}

func applicationView(a subsidy.Application) map[string]string {
	view := map[string]string{
		"state": string(a.State), "program": a.ProgramCode, "amount_fen": fmt.Sprint(int64(a.AmountFen)), "payee_name": a.PayeeName,
		"payee_bank": a.PayeeBank, "payee_account": MaskAccount(a.PayeeAccount), "decided_by": a.DecidedByName,
		"reject_reason": a.RejectReason, "batch_id": a.BatchID, "paid_on": string(a.PaidOn), "fail_reason": a.FailReason,
	}
	for k, v := range view {
		if v == "" {
			delete(view, k)
		}
	}
	return view
}

// Application returns an application of the scope, or NotFound.
func (db *DB) Application(ctx context.Context, scope access.Scope, id string) (subsidy.Application, error) {
	return loadApplication(db.read.WithContext(ctx), scope, id)
}

// Application returns an application of the actor's scope, or NotFound.
func (tx *Tx) Application(id string) (subsidy.Application, error) {
	return loadApplication(tx.db, tx.By.Scope, id)
}

func loadApplication(q *gorm.DB, scope access.Scope, id string) (subsidy.Application, error) {
	var rows []applicationRow
	if err := inScope(q, scope, true).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return subsidy.Application{}, fmt.Errorf("store: read an application: %w", err)
	}
	if len(rows) == 0 {
		return subsidy.Application{}, fault.Missing()
	}
	return rows[0].application()
}

// ApplicationFilter narrows a list of applications.
type ApplicationFilter struct {
	State        subsidy.State
	City         string
	ProgramID    string
	RetirementID string
	BatchID      string
}

// Applications returns one page of applications of the scope, newest first.
func (db *DB) Applications(ctx context.Context, scope access.Scope, f ApplicationFilter, p Page) ([]subsidy.Application, error) {
	return listApplications(db.read.WithContext(ctx), scope, f, p)
}

// Applications is DB.Applications inside a transaction, in the actor's scope.
func (tx *Tx) Applications(f ApplicationFilter, p Page) ([]subsidy.Application, error) {
	return listApplications(tx.db, tx.By.Scope, f, p)
}

func listApplications(q *gorm.DB, scope access.Scope, f ApplicationFilter, p Page) ([]subsidy.Application, error) {
	q = inScope(q, scope, true)
	for _, e := range []struct{ column, value string }{
		{"state", string(f.State)}, {"city_code", f.City}, {"program_id", f.ProgramID}, {"retirement_id", f.RetirementID}, {"batch_id", f.BatchID},
	} {
		if e.value != "" {
			q = q.Where(e.column+" = ?", e.value)
		}
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []applicationRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list applications: %w", err)
	}
	list := make([]subsidy.Application, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.application(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// ApplicationsOf returns the applications of the scope by the retirement they
// rest on, the live one where one was rejected before.
func (db *DB) ApplicationsOf(ctx context.Context, scope access.Scope, retirementIDs []string) (map[string]string, error) {
	var rows []struct{ ID, RetirementID string }
	err := inScope(db.read.WithContext(ctx).Table("applications"), scope, true).Select("id, retirement_id").
		Where("retirement_id IN ?", retirementIDs).Order("id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: look up applications: %w", err)
	}
	byRetirement := map[string]string{}
	for _, r := range rows {
		byRetirement[r.RetirementID] = r.ID
	}
	return byRetirement, nil
}
