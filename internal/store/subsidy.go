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

type programRow struct {
	ID           string
	CityCode     string
	Code         string
	Revision     int64
	NameZH       string `gorm:"column:name_zh"`
	NameEN       string `gorm:"column:name_en"`
	Class        registry.Class
	Document     string
	Sample       bool
	ValidFrom    civil.Day
	ValidTo      civil.Day
	Basis        string
	Rules        string
	BudgetFen    money.Fen
	CommittedFen money.Fen
	PaidFen      money.Fen
	CreatedBy    string
	CreatedAt    time.Time
	Version      int64
}

func (programRow) TableName() string { return "programs" }

func (r programRow) program() (subsidy.Program, error) {
	p := subsidy.Program{
		ID: r.ID, CityCode: r.CityCode, Code: r.Code, Revision: r.Revision, Name: bilingual.T(r.NameZH, r.NameEN), Class: r.Class,
		Document: r.Document, Sample: r.Sample, ValidFrom: r.ValidFrom, ValidTo: r.ValidTo, Basis: r.Basis,
		BudgetFen: r.BudgetFen, CommittedFen: r.CommittedFen, PaidFen: r.PaidFen, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, Version: r.Version,
	}
	if err := json.Unmarshal([]byte(r.Rules), &p.Rules); err != nil {
		return p, fmt.Errorf("store: rules of program %s: %w", r.ID, err)
	}
	return p, nil
}

// CreateProgram adds a program.
func (tx *Tx) CreateProgram(p *subsidy.Program) error {
	if !tx.By.Scope.Covers(p.CityCode, "") {
		return fault.Missing()
	}
	rules, err := jsonText(p.Rules)
	if err != nil {
		return err
	}
	p.Version, p.CreatedBy, p.CreatedAt = 1, tx.By.ID, tx.At
	err = tx.db.Create(&programRow{ID: p.ID, CityCode: p.CityCode, Code: p.Code, Revision: p.Revision, NameZH: p.Name.ZH, NameEN: p.Name.EN,
		Class: p.Class, Document: p.Document, Sample: p.Sample, ValidFrom: p.ValidFrom, ValidTo: p.ValidTo, Basis: p.Basis, Rules: rules,
		BudgetFen: p.BudgetFen, CreatedBy: p.CreatedBy, CreatedAt: p.CreatedAt, Version: 1}).Error
	if duplicate(err) {
		return fault.Field("body.code", "duplicate", bilingual.T("该城市已有相同编号和版本的补贴方案", "the city has a program of this code and revision"),
			bilingual.T("换一个编号，或提高版本号", "choose another code or a higher revision"))
	}
	if err != nil {
		return fmt.Errorf("store: create a program: %w", err)
	}
	if err := tx.FundProgram(*p); err != nil {
		return err
	}
	return tx.Record(Event{Action: "create", Entity: "program", EntityID: p.ID, CityCode: p.CityCode}, nil,
		map[string]any{"code": p.Code, "revision": p.Revision, "valid_from": p.ValidFrom, "valid_to": p.ValidTo, "budget_fen": p.BudgetFen, "rules": p.Rules})
}

// Program returns a program of the scope, or NotFound.
func (db *DB) Program(ctx context.Context, scope access.Scope, id string) (subsidy.Program, error) {
	return loadProgram(db.read.WithContext(ctx), scope, id)
}

// Program returns a program of the actor's scope, or NotFound.
func (tx *Tx) Program(id string) (subsidy.Program, error) { return loadProgram(tx.db, tx.By.Scope, id) }

func loadProgram(q *gorm.DB, scope access.Scope, id string) (subsidy.Program, error) {
	var rows []programRow
	if err := inScope(q, scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return subsidy.Program{}, fmt.Errorf("store: read a program: %w", err)
	}
	if len(rows) == 0 {
		return subsidy.Program{}, fault.Missing()
	}
	p, err := rows[0].program()
	if err != nil {
		return p, err
	}
	one := []subsidy.Program{p}
	err = fillFunds(q, one)
	return one[0], err
}

// Programs returns the programs of the scope, narrowed by city and class,
// newest first.
func (db *DB) Programs(ctx context.Context, scope access.Scope, city string, class registry.Class, p Page) ([]subsidy.Program, error) {
	return listPrograms(db.read.WithContext(ctx), scope, city, class, p)
}

// Programs is DB.Programs inside a transaction, in the actor's scope.
func (tx *Tx) Programs(city string, class registry.Class) ([]subsidy.Program, error) {
	return listPrograms(tx.db, tx.By.Scope, city, class, Page{Limit: 500})
}

func listPrograms(q *gorm.DB, scope access.Scope, city string, class registry.Class, p Page) ([]subsidy.Program, error) {
	q = inScope(q, scope, false)
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	if class != "" {
		q = q.Where("class = ?", class)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []programRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list programs: %w", err)
	}
	programs := make([]subsidy.Program, len(rows))
	for i, r := range rows {
		var err error
		if programs[i], err = r.program(); err != nil {
			return nil, err
		}
	}
	return programs, fillFunds(q.Session(&gorm.Session{NewDB: true}), programs)
}

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
