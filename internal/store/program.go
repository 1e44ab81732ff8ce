package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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
	ID                      string
	CityCode                string
	Code                    string
	Revision                int64
	NameZH                  string `gorm:"column:name_zh"`
	NameEN                  string `gorm:"column:name_en"`
	Class                   registry.Class
	Classes                 string // "truck,vessel"; "" for Class alone
	Family                  string
	Document                string
	NoteZH                  string `gorm:"column:note_zh"`
	NoteEN                  string `gorm:"column:note_en"`
	Sample                  bool
	State                   string
	ValidFrom               civil.Day
	ValidTo                 civil.Day
	SupersededOn            civil.Day
	EndedOn                 civil.Day
	Basis                   string // one of the two that it could be before event_basis
	EventBasis              string
	EarlyBasis              string
	RequiresVerified        string
	NoticeDays              int
	ApplicationDeadlineDays int
	ApplyFrom               civil.Day
	ApplyTo                 civil.Day
	Shares                  string
	Rules                   string
	BudgetFen               money.Fen
	CommittedFen            money.Fen
	PaidFen                 money.Fen
	CreatedBy               string
	CreatedByName           string
	CreatedAt               time.Time
	Editors                 string // ids
	IssuedBy                string
	IssuedByName            string
	IssuedAt                *time.Time
	EndReason               string
	Version                 int64
}

func (programRow) TableName() string { return "programs" }

func (r programRow) program() (subsidy.Program, error) {
	p := subsidy.Program{
		ID: r.ID, CityCode: r.CityCode, Code: r.Code, Revision: r.Revision, Name: bilingual.T(r.NameZH, r.NameEN), Class: r.Class, Family: r.Family,
		Document: r.Document, Note: bilingual.T(r.NoteZH, r.NoteEN), Sample: r.Sample, State: r.State, ValidFrom: r.ValidFrom, ValidTo: r.ValidTo,
		SupersededOn: r.SupersededOn, EndedOn: r.EndedOn, Basis: r.Basis, EarlyBasis: r.EarlyBasis, RequiresVerified: r.RequiresVerified,
		NoticeDays: r.NoticeDays, ApplicationDeadlineDays: r.ApplicationDeadlineDays, ApplyFrom: r.ApplyFrom, ApplyTo: r.ApplyTo,
		BudgetFen: r.BudgetFen, CommittedFen: r.CommittedFen, PaidFen: r.PaidFen, CreatedBy: r.CreatedBy, CreatedByName: r.CreatedByName,
		CreatedAt: r.CreatedAt, Editors: strings.Fields(r.Editors), IssuedBy: r.IssuedBy, IssuedByName: r.IssuedByName, IssuedAt: r.IssuedAt,
		EndReason: r.EndReason, Version: r.Version,
	}
	if r.EventBasis != "" {
		p.Basis = r.EventBasis
	}
	for class := range strings.SplitSeq(r.Classes, ",") {
		if class != "" {
			p.Classes = append(p.Classes, registry.Class(class))
		}
	}
	if err := json.Unmarshal([]byte(r.Shares), &p.Shares); err != nil {
		return p, fmt.Errorf("store: shares of program %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.Rules), &p.Rules); err != nil {
		return p, fmt.Errorf("store: rules of program %s: %w", r.ID, err)
	}
	return p, nil
}

func programRowOf(p subsidy.Program) (programRow, error) {
	rules, err := jsonText(p.Rules)
	if err != nil {
		return programRow{}, err
	}
	shares := "[]"
	if len(p.Shares) > 0 {
		if shares, err = jsonText(p.Shares); err != nil {
			return programRow{}, err
		}
	}
	r := programRow{ID: p.ID, CityCode: p.CityCode, Code: p.Code, Revision: p.Revision, NameZH: p.Name.ZH, NameEN: p.Name.EN, Class: p.Class, Family: p.Family,
		Document: p.Document, NoteZH: p.Note.ZH, NoteEN: p.Note.EN, Sample: p.Sample, State: p.State, ValidFrom: p.ValidFrom, ValidTo: p.ValidTo,
		SupersededOn: p.SupersededOn, EndedOn: p.EndedOn, Basis: p.Basis, EventBasis: p.Basis, EarlyBasis: p.EarlyBasis, RequiresVerified: p.RequiresVerified,
		NoticeDays: p.NoticeDays, ApplicationDeadlineDays: p.ApplicationDeadlineDays, ApplyFrom: p.ApplyFrom, ApplyTo: p.ApplyTo, Shares: shares, Rules: rules,
		BudgetFen: p.BudgetFen, CreatedBy: p.CreatedBy, CreatedByName: p.CreatedByName, CreatedAt: p.CreatedAt, Editors: strings.Join(p.Editors, " "),
		IssuedBy: p.IssuedBy, IssuedByName: p.IssuedByName, IssuedAt: p.IssuedAt, EndReason: p.EndReason, Version: p.Version}
	if r.Basis != "deregistered_on" && r.Basis != "handed_in_on" {
		r.Basis = "deregistered_on"
	}
	if r.RequiresVerified == "" {
		r.RequiresVerified = subsidy.BeforeApproval
	}
	var classes []string
	for _, class := range p.AllClasses() {
		classes = append(classes, string(class))
	}
	r.Classes = strings.Join(classes, ",")
	return r, nil
}

func programEvent(action string, p subsidy.Program, reason string) Event {
	return Event{Action: action, Entity: "program", EntityID: p.ID, CityCode: p.CityCode, Reason: reason}
}

// CreateProgram adds a version of a program. It fails with Invalid if the city
// has the code in this revision.
func (tx *Tx) CreateProgram(p *subsidy.Program) error {
	if !tx.By.Scope.Covers(p.CityCode, "") {
		return fault.Missing()
	}
	p.Version, p.CreatedBy, p.CreatedByName, p.CreatedAt, p.Editors = 1, tx.By.ID, tx.By.Name, tx.At, []string{tx.By.ID}
	row, err := programRowOf(*p)
	if err != nil {
		return err
	}
	err = tx.db.Create(&row).Error
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
	return tx.Record(programEvent("create", *p, ""), nil, programView(*p))
}

// programView is what the audit keeps of a program.
func programView(p subsidy.Program) map[string]any {
	return map[string]any{"code": p.Code, "revision": p.Revision, "state": p.State, "valid_from": p.ValidFrom, "valid_to": p.ValidTo, "basis": p.Basis,
		"document": p.Document, "budget_fen": p.BudgetFen, "shares": p.Shares, "rules": p.Rules, "superseded_on": p.SupersededOn, "ended_on": p.EndedOn}
}

// UpdateProgram replaces before by after if nobody changed it since. Money
// columns are not touched.
func (tx *Tx) UpdateProgram(before subsidy.Program, after *subsidy.Program, action, reason string) error {
	after.Version = before.Version + 1
	row, err := programRowOf(*after)
	if err != nil {
		return err
	}
	res := inScope(tx.db.Model(&programRow{}), tx.By.Scope, false).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("*").Omit("id", "city_code", "code", "revision", "budget_fen", "committed_fen", "paid_fen", "created_by", "created_by_name", "created_at").Updates(&row)
	if duplicate(res.Error) {
		return fault.Field("body.code", "duplicate", bilingual.T("该城市已有相同编号和版本的补贴方案", "the city has a program of this code and revision"), bilingual.Text{})
	}
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.Record(programEvent(action, *after, reason), programView(before), programView(*after))
}

// NextRevision returns the number that the next version of a city's code gets.
func (tx *Tx) NextRevision(city, code string) (int64, error) {
	var last *int64
	if err := tx.db.Model(&programRow{}).Where("city_code = ? AND code = ?", city, code).Select("MAX(revision)").Scan(&last).Error; err != nil {
		return 0, fmt.Errorf("store: number a program: %w", err)
	}
	if last == nil {
		return 1, nil
	}
	return *last + 1, nil
}

// IssuedVersions returns the versions of a city's code that are issued and not
// replaced.
func (tx *Tx) IssuedVersions(city, code string) ([]subsidy.Program, error) {
	return programsOf(inScope(tx.db, tx.By.Scope, false).Where("city_code = ? AND code = ? AND state = ?", city, code, subsidy.ProgramIssued).Order("revision").Limit(100))
}

// Program returns a program that holds in the scope, or NotFound.
func (db *DB) Program(ctx context.Context, scope access.Scope, id string) (subsidy.Program, error) {
	return loadProgram(db.read.WithContext(ctx), scope, id)
}

// Program returns a program that holds in the actor's scope, or NotFound.
func (tx *Tx) Program(id string) (subsidy.Program, error) { return loadProgram(tx.db, tx.By.Scope, id) }

// programsInScope narrows programs to those that hold in a scope: its own and
// those for all cities.
func programsInScope(q *gorm.DB, scope access.Scope) *gorm.DB {
	if scope.City() == "" {
		return inScope(q, scope, false)
	}
	fresh := q.Session(&gorm.Session{NewDB: true})
	return q.Where(inScope(fresh, scope, false).Or("city_code = ?", access.ProvinceCode))
}

func loadProgram(q *gorm.DB, scope access.Scope, id string) (subsidy.Program, error) {
	found, err := programsOf(programsInScope(q, scope).Where("id = ?", id).Limit(1))
	if err != nil {
		return subsidy.Program{}, err
	}
	if len(found) == 0 {
		return subsidy.Program{}, fault.Missing()
	}
	return found[0], nil
}

// Programs returns the programs that hold in the scope, narrowed by city and
// class, newest first. The city's own are followed by those for all cities.
func (db *DB) Programs(ctx context.Context, scope access.Scope, city string, class registry.Class, p Page) ([]subsidy.Program, error) {
	return listPrograms(db.read.WithContext(ctx), scope, city, class, p)
}

// PublicPrograms returns the programs of a city and class that were ever issued,
// in the actor's scope. They are read once in a transaction, which may verify
// many retirements.
func (tx *Tx) PublicPrograms(city string, class registry.Class) (programs []subsidy.Program, err error) {
	key := city + string(class)
	if programs, known := tx.programs[key]; known {
		return programs, nil
	}
	defer func() {
		if err == nil {
			tx.programs[key] = programs
		}
	}()
	issued := tx.db.Where("state IN ?", []string{string(subsidy.ProgramIssued), string(subsidy.ProgramReplaced), string(subsidy.ProgramEnded)})
	return listPrograms(issued, tx.By.Scope, city, class, Page{Limit: 500})
}

func listPrograms(q *gorm.DB, scope access.Scope, city string, class registry.Class, p Page) ([]subsidy.Program, error) {
	q = programsInScope(q, scope)
	if city != "" {
		q = q.Where("city_code IN ?", []string{city, access.ProvinceCode})
	}
	if class != "" {
		q = q.Where("class = ? OR classes LIKE ? ESCAPE '!'", class, likePattern(string(class)))
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	all, err := programsOf(q.Order("id DESC").Limit(p.Limit))
	if class == "" {
		return all, err
	}
	// machinery is a part of farm_machinery as text, so the list is looked at once more.
	return slices.DeleteFunc(all, func(p subsidy.Program) bool { return !slices.Contains(p.AllClasses(), class) }), err
}

func programsOf(q *gorm.DB) ([]subsidy.Program, error) {
	var rows []programRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read programs: %w", err)
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

// KeptFacts returns what a case of the scope was decided on, and false where
// nothing was kept.
func (db *DB) KeptFacts(ctx context.Context, a subsidy.Application) (subsidy.Facts, bool, error) {
	var kept []string
	if err := db.read.WithContext(ctx).Table("case_facts").Where("application_id = ?", a.ID).Limit(1).Pluck("facts", &kept).Error; err != nil {
		return subsidy.Facts{}, false, fmt.Errorf("store: read the facts of a case: %w", err)
	}
	if len(kept) == 0 {
		return subsidy.Facts{}, false, nil
	}
	return PastCase{ID: a.ID, Facts: kept[0]}.Kept()
}

// KeepFacts keeps what a case was decided on. Kept again, the newer facts stand.
func (tx *Tx) KeepFacts(applicationID, programID string, facts subsidy.Facts) error {
	text, err := jsonText(facts)
	if err != nil {
		return err
	}
	if err := tx.db.Exec("INSERT INTO case_facts (application_id, program_id, facts) VALUES (?, ?, ?) ON CONFLICT (application_id) DO UPDATE SET program_id = excluded.program_id, facts = excluded.facts",
		applicationID, programID, text).Error; err != nil {
		return fmt.Errorf("store: keep the facts of a case: %w", err)
	}
	return nil
}

// MovedIn returns the day on which an asset came from another city, "" if it
// never did.
func (db *DB) MovedIn(ctx context.Context, assetID string) (civil.Day, error) {
	return movedIn(db.read.WithContext(ctx), assetID)
}

// MovedIn is DB.MovedIn inside a transaction.
func (tx *Tx) MovedIn(assetID string) (civil.Day, error) { return movedIn(tx.db, assetID) }

func movedIn(q *gorm.DB, assetID string) (civil.Day, error) {
	var found []Transfer
	if err := q.Select("answered_at").Where("asset_id = ? AND state = ?", assetID, TransferAccepted).Order("answered_at DESC").Limit(1).Find(&found).Error; err != nil {
		return "", fmt.Errorf("store: look for a transfer: %w", err)
	}
	if len(found) == 0 || found[0].AnsweredAt == nil {
		return "", nil
	}
	return civil.On(*found[0].AnsweredAt), nil
}

// OwnerTaken returns how many live cases an asset's owner has under a program's
// code, the asset's own left out, and what they come to.
func (db *DB) OwnerTaken(ctx context.Context, code string, asset AssetRecord) (int64, money.Fen, error) {
	return ownerTaken(db.read.WithContext(ctx), code, asset)
}

// OwnerTaken is DB.OwnerTaken inside a transaction.
func (tx *Tx) OwnerTaken(code string, asset AssetRecord) (int64, money.Fen, error) {
	return ownerTaken(tx.db, code, asset)
}

func ownerTaken(q *gorm.DB, code string, asset AssetRecord) (int64, money.Fen, error) {
	var sum struct{ N, Fen int64 }
	err := q.Raw(`SELECT COUNT(*) AS n, COALESCE(SUM(a.amount_fen), 0) AS fen FROM assets o JOIN applications a ON a.asset_id = o.id
WHERE o.owner_ref = ? AND o.id <> ? AND a.program_code LIKE ? ESCAPE '!' AND a.state NOT IN ('rejected', 'withdrawn', 'expired')`,
		asset.OwnerRef, asset.ID, strings.TrimPrefix(likePattern(code+"/"), "%")).Scan(&sum).Error
	if err != nil {
		return 0, 0, fmt.Errorf("store: what an owner has taken: %w", err)
	}
	return sum.N, money.Fen(sum.Fen), nil
}

// Reprice gives a draft another amount with its reasons, if nobody changed it
// since.
func (tx *Tx) Reprice(before subsidy.Application, after *subsidy.Application) error {
	after.Version = before.Version + 1
	text, err := jsonText(after.Explanation)
	if err != nil {
		return err
	}
	res := inScope(tx.db.Model(&applicationRow{}), tx.By.Scope, true).Where("id = ? AND version = ? AND state = ?", before.ID, before.Version, subsidy.Draft).
		Updates(map[string]any{"amount_fen": after.AmountFen, "explanation": text, "replacement": after.Replacement, "version": after.Version})
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.Record(applicationEvent("reprice", *after, ""), map[string]any{"amount_fen": before.AmountFen}, map[string]any{"amount_fen": after.AmountFen, "replacement": after.Replacement})
}
