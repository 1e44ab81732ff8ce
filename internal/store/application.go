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
	"phaseout/internal/seal"
	"phaseout/internal/subsidy"
)

type applicationRow struct {
	ID                 string
	CityCode           string
	DistrictCode       string
	Class              registry.Class
	ProgramID          string
	ProgramCode        string
	ProgramNameZH      string `gorm:"column:program_name_zh"`
	ProgramNameEN      string `gorm:"column:program_name_en"`
	AssetID            string
	AssetLabel         string
	RetirementID       string
	OwnerName          string
	ApplicantKind      string
	ApplicantPhone     string // sealed
	BroughtBy          string
	AgentName          string
	AgentID            string // sealed
	AgentPhone         string // sealed
	Replacement        string
	ReplacementOwner   string
	PayeeName          string
	PayeeBank          string
	PayeeBankCode      string
	PayeeAccount       string // sealed
	AccountTail        string
	PhoneKey           string
	AgentKey           string
	AccountKey         string
	PayeeCheckedOn     civil.Day
	PayeeCheckedBy     string
	PayeeCheckedByName string
	AmountFen          money.Fen
	Explanation        string
	FirstState         string // of the first release; always "open"
	State              subsidy.State
	Funds              subsidy.Funds
	OpenedBy           string
	OpenedByName       string
	OpenedAt           time.Time
	SubmittedAt        *time.Time
	QueueNo            int64
	DueOn              civil.Day
	MendKind           string
	MendReason         string
	Mended             bool
	MovedAt            *time.Time
	DecidedBy          string
	DecidedByName      string
	DecidedAt          *time.Time
	RejectCode         string
	RejectReason       string
	NoticeID           string
	NoticedUntil       civil.Day
	BatchID            string
	PaidOn             civil.Day
	FailReason         string
	Version            int64
}

func (applicationRow) TableName() string { return "applications" }

// secrets are the sealed columns of an application.
func (r *applicationRow) secrets() map[string]*string {
	return map[string]*string{"payee_account": &r.PayeeAccount, "applicant_phone": &r.ApplicantPhone, "agent_id": &r.AgentID, "agent_phone": &r.AgentPhone}
}

func (r applicationRow) application(ring *seal.Ring) (subsidy.Application, error) {
	for column, value := range r.secrets() {
		plain, err := ring.Open(*value, "applications/"+r.ID+"/"+column)
		if err != nil {
			return subsidy.Application{}, fmt.Errorf("store: %s of application %s: %w", column, r.ID, err)
		}
		*value = plain
	}
	a := subsidy.Application{
		ID: r.ID, CityCode: r.CityCode, DistrictCode: r.DistrictCode, Class: r.Class, ProgramID: r.ProgramID, ProgramCode: r.ProgramCode,
		ProgramName: bilingual.T(r.ProgramNameZH, r.ProgramNameEN), AssetID: r.AssetID, AssetLabel: r.AssetLabel, RetirementID: r.RetirementID,
		OwnerName: r.OwnerName, Entry: subsidy.Entry{ApplicantKind: r.ApplicantKind, ApplicantPhone: r.ApplicantPhone, BroughtBy: r.BroughtBy,
			AgentName: r.AgentName, AgentID: r.AgentID, AgentPhone: r.AgentPhone, PayeeName: r.PayeeName, PayeeBank: r.PayeeBank,
			PayeeBankCode: r.PayeeBankCode, PayeeAccount: r.PayeeAccount, Replacement: r.Replacement, ReplacementOwner: r.ReplacementOwner},
		AmountFen: r.AmountFen, State: r.State, Funds: r.Funds, OpenedBy: r.OpenedBy, OpenedByName: r.OpenedByName, OpenedAt: r.OpenedAt,
		SubmittedAt: r.SubmittedAt, QueueNo: r.QueueNo, DueOn: r.DueOn, MendKind: r.MendKind, MendReason: r.MendReason, Mended: r.Mended, MovedAt: r.MovedAt,
		PayeeCheckedOn: r.PayeeCheckedOn, PayeeCheckedBy: r.PayeeCheckedBy, PayeeCheckedByName: r.PayeeCheckedByName, DecidedBy: r.DecidedBy,
		DecidedByName: r.DecidedByName, DecidedAt: r.DecidedAt, RejectCode: r.RejectCode, RejectReason: r.RejectReason, NoticeID: r.NoticeID,
		NoticedUntil: r.NoticedUntil, BatchID: r.BatchID, PaidOn: r.PaidOn, FailReason: r.FailReason, Version: r.Version,
	}
	if err := json.Unmarshal([]byte(r.Explanation), &a.Explanation); err != nil {
		return a, fmt.Errorf("store: explanation of application %s: %w", r.ID, err)
	}
	return a, nil
}

func applicationRowOf(a subsidy.Application, ring *seal.Ring) (applicationRow, error) {
	explanation, err := jsonText(a.Explanation)
	if err != nil {
		return applicationRow{}, err
	}
	tail := a.PayeeAccount
	if len(tail) > 4 {
		tail = tail[len(tail)-4:]
	}
	r := applicationRow{
		ID: a.ID, CityCode: a.CityCode, DistrictCode: a.DistrictCode, Class: a.Class, ProgramID: a.ProgramID, ProgramCode: a.ProgramCode,
		ProgramNameZH: a.ProgramName.ZH, ProgramNameEN: a.ProgramName.EN, AssetID: a.AssetID, AssetLabel: a.AssetLabel, RetirementID: a.RetirementID,
		OwnerName: a.OwnerName, ApplicantKind: a.ApplicantKind, ApplicantPhone: a.ApplicantPhone, BroughtBy: a.BroughtBy, AgentName: a.AgentName,
		AgentID: a.AgentID, AgentPhone: a.AgentPhone, Replacement: a.Replacement, ReplacementOwner: a.ReplacementOwner, PayeeName: a.PayeeName,
		PayeeBank: a.PayeeBank, PayeeBankCode: a.PayeeBankCode, PayeeAccount: a.PayeeAccount, AccountTail: tail,
		PhoneKey: ring.Hash("phone", a.ApplicantPhone), AgentKey: ring.Hash("agent", a.AgentID), AccountKey: ring.Hash("account", a.PayeeAccount),
		PayeeCheckedOn: a.PayeeCheckedOn, PayeeCheckedBy: a.PayeeCheckedBy, PayeeCheckedByName: a.PayeeCheckedByName, AmountFen: a.AmountFen,
		Explanation: explanation, FirstState: "open", State: a.State, Funds: a.Funds, OpenedBy: a.OpenedBy, OpenedByName: a.OpenedByName,
		OpenedAt: a.OpenedAt, SubmittedAt: a.SubmittedAt, QueueNo: a.QueueNo, DueOn: a.DueOn, MendKind: a.MendKind, MendReason: a.MendReason,
		Mended: a.Mended, MovedAt: a.MovedAt, DecidedBy: a.DecidedBy, DecidedByName: a.DecidedByName, DecidedAt: a.DecidedAt, RejectCode: a.RejectCode,
		RejectReason: a.RejectReason, NoticeID: a.NoticeID, NoticedUntil: a.NoticedUntil, BatchID: a.BatchID, PaidOn: a.PaidOn,
		FailReason: a.FailReason, Version: a.Version,
	}
	for column, value := range r.secrets() {
		*value = ring.Seal(*value, "applications/"+r.ID+"/"+column)
	}
	return r, nil
}

// CreateApplication adds an application. An asset that already has a live one
// in the program, in whatever city, fails with Conflict.
func (tx *Tx) CreateApplication(a *subsidy.Application) error {
	if !tx.By.Scope.Covers(a.CityCode, a.DistrictCode) {
		return fault.Missing()
	}
	a.Version, a.MovedAt = 1, &tx.At
	if a.Funds == "" {
		a.Funds = subsidy.NoFunds
	}
	row, err := applicationRowOf(*a, tx.store.ring)
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
	if after.State != before.State {
		after.MovedAt = &tx.At
	}
	row, err := applicationRowOf(*after, tx.store.ring)
	if err != nil {
		return err
	}
	q := inScope(tx.db.Model(&applicationRow{}), tx.By.Scope, true).Where("id = ? AND version = ?", before.ID, before.Version)
	err = affect(q.Select("*").Omit("id", "asset_id", "amount_fen", "explanation", "first_state", "opened_by", "opened_at").Updates(&row), stale())
	if err != nil {
		return err
	}
	was, is := difference(applicationView(before), applicationView(*after))
	return tx.Record(applicationEvent(action, *after, reason), was, is)
}

func applicationEvent(action string, a subsidy.Application, reason string) Event {
	return Event{Action: action, Entity: "application", EntityID: a.ID, AssetID: a.AssetID, CityCode: a.CityCode,
		DistrictCode: a.DistrictCode, Reason: reason}
}

// RecordApplication notes an act on an application that changes none of its
// values, such as somebody having read a secret.
func (tx *Tx) RecordApplication(a subsidy.Application, action, reason string) error {
	return tx.Record(applicationEvent(action, a, reason), nil, nil)
}

func applicationView(a subsidy.Application) map[string]string {
	view := map[string]string{
		"state": string(a.State), "program": a.ProgramCode, "amount_fen": fmt.Sprint(int64(a.AmountFen)), "payee_name": a.PayeeName,
		"payee_bank": a.PayeeBank, "payee_bank_code": a.PayeeBankCode, "payee_account": MaskAccount(a.PayeeAccount), "decided_by": a.DecidedByName,
		"reject_code": a.RejectCode, "reject_reason": a.RejectReason, "batch_id": a.BatchID, "paid_on": string(a.PaidOn), "fail_reason": a.FailReason,
		"applicant_kind": a.ApplicantKind, "brought_by": a.BroughtBy, "agent_name": a.AgentName, "applicant_phone": MaskAccount(a.ApplicantPhone),
		"agent_id": MaskAccount(a.AgentID), "agent_phone": MaskAccount(a.AgentPhone), "replacement": a.Replacement, "replacement_owner": a.ReplacementOwner,
		"funds": string(a.Funds), "mend_kind": a.MendKind, "mend_reason": a.MendReason, "notice_id": a.NoticeID, "due_on": string(a.DueOn),
		"payee_checked_on": string(a.PayeeCheckedOn),
	}
	if a.QueueNo > 0 {
		view["queue_no"] = fmt.Sprint(a.QueueNo)
	}
	for k, v := range view {
		if v == "" || k == "funds" && v == string(subsidy.NoFunds) {
			delete(view, k)
		}
	}
	return view
}

// Application returns an application of the scope, or NotFound.
func (db *DB) Application(ctx context.Context, scope access.Scope, id string) (subsidy.Application, error) {
	return loadApplication(db.read.WithContext(ctx), db.ring, scope, id)
}

// Application returns an application of the actor's scope, or NotFound.
func (tx *Tx) Application(id string) (subsidy.Application, error) {
	return loadApplication(tx.db, tx.store.ring, tx.By.Scope, id)
}

func loadApplication(q *gorm.DB, ring *seal.Ring, scope access.Scope, id string) (subsidy.Application, error) {
	var rows []applicationRow
	if err := inScope(q, scope, true).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return subsidy.Application{}, fmt.Errorf("store: read an application: %w", err)
	}
	if len(rows) == 0 {
		return subsidy.Application{}, fault.Missing()
	}
	return rows[0].application(ring)
}

// ApplicationFilter narrows a list of applications.
type ApplicationFilter struct {
	State        subsidy.State
	States       []subsidy.State
	City         string
	ProgramID    string
	AssetID      string
	RetirementID string
	BatchID      string
	NoticeID     string
	Query        string        // part of the label or of the owner's name
	Mended       *bool         // only what comes back from the applicant, or only what does not
	For          *access.Actor // only what this person may take the next duty in
	Overdue      civil.Day     // only what was due before this day
	Stale        time.Time     // only those that lie at a post since before this instant
	Releasable   civil.Day     // only approved ones whose notice ended before this day, or that need none
	IDs          []string
	Oldest       bool // the first in the queue first
}

// Applications returns one page of applications of the scope, newest first.
func (db *DB) Applications(ctx context.Context, scope access.Scope, f ApplicationFilter, p Page) ([]subsidy.Application, error) {
	return listApplications(db.read.WithContext(ctx), db.ring, scope, f, p)
}

// Applications is DB.Applications inside a transaction, in the actor's scope.
func (tx *Tx) Applications(f ApplicationFilter, p Page) ([]subsidy.Application, error) {
	return listApplications(tx.db, tx.store.ring, tx.By.Scope, f, p)
}

// where narrows a query on applications by a filter.
func (f ApplicationFilter) where(q *gorm.DB) *gorm.DB {
	for _, e := range []struct{ column, value string }{
		{"state", string(f.State)}, {"city_code", f.City}, {"program_id", f.ProgramID}, {"retirement_id", f.RetirementID}, {"batch_id", f.BatchID},
		{"asset_id", f.AssetID}, {"notice_id", f.NoticeID},
	} {
		if e.value != "" {
			q = q.Where("applications."+e.column+" = ?", e.value)
		}
	}
	if len(f.States) > 0 {
		q = q.Where("applications.state IN ?", f.States)
	}
	if f.IDs != nil {
		q = q.Where("applications.id IN ?", f.IDs)
	}
	if f.Query != "" {
		q = q.Where("(asset_label LIKE ? ESCAPE '!' OR owner_name LIKE ? ESCAPE '!')", likePattern(f.Query), likePattern(f.Query))
	}
	if f.Mended != nil {
		q = q.Where("mended = ?", *f.Mended)
	}
	if f.Overdue != "" {
		q = q.Where("due_on <> '' AND due_on < ?", f.Overdue)
	}
	if !f.Stale.IsZero() {
		q = q.Where("applications.state IN ('draft', 'submitted', 'checked', 'returned') AND moved_at < ?", f.Stale)
	}
	if f.Releasable != "" {
		q = q.Where(`applications.state IN ('approved', 'noticed') AND ((noticed_until <> '' AND noticed_until < ?)
			OR EXISTS (SELECT 1 FROM programs g WHERE g.id = applications.program_id AND g.notice_days = 0))`, f.Releasable)
	}
	if f.For != nil {
		q = q.Where(waitsFor, f.For.ID, f.For.ID, f.For.ID)
	}
	return q
}

// waitsFor is SQL for the applications whose next duty a person may take: no
// other part in the case, and no part in the retirement but for entering it.
const waitsFor = `(applications.state IN ('draft', 'returned', 'submitted', 'checked', 'batched', 'sent')
	AND NOT EXISTS (SELECT 1 FROM application_people p WHERE p.application_id = applications.id AND p.person_id = ? AND p.duty <>
		CASE applications.state WHEN 'submitted' THEN 'check' WHEN 'checked' THEN 'approve' WHEN 'draft' THEN 'enter' WHEN 'returned' THEN 'enter' ELSE 'pay' END)
	AND (applications.state IN ('draft', 'returned') OR NOT EXISTS (SELECT 1 FROM retirements r WHERE r.id = applications.retirement_id AND (r.declared_by = ? OR r.verified_by = ?))))`

func listApplications(q *gorm.DB, ring *seal.Ring, scope access.Scope, f ApplicationFilter, p Page) ([]subsidy.Application, error) {
	q = f.where(inScope(q.Table("applications").Select("applications.*"), scope, true))
	order := "applications.id DESC"
	switch {
	case f.Oldest:
		order = "applications.queue_no, applications.id"
	case f.State == subsidy.Waiting: // who is called up next stands first
		const place = "applications.program_id, applications.queue_no, applications.id"
		order = place
		if p.After != "" {
			q = q.Where("("+place+") > (SELECT w.program_id, w.queue_no, w.id FROM applications w WHERE w.id = ?)", p.After)
		}
	case p.After != "":
		q = q.Where("applications.id < ?", p.After)
	}
	var rows []applicationRow
	if err := q.Order(order).Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list applications: %w", err)
	}
	list := make([]subsidy.Application, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.application(ring); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// CountApplications returns how many applications of the scope a filter
// leaves, by state, and what they come to.
func (db *DB) CountApplications(ctx context.Context, scope access.Scope, f ApplicationFilter) (map[subsidy.State]int64, error) {
	var rows []struct {
		State subsidy.State
		N     int64
	}
	q := f.where(inScope(db.read.WithContext(ctx).Table("applications"), scope, true))
	if err := q.Select("state, COUNT(*) AS n").Group("state").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: count applications: %w", err)
	}
	counts := map[subsidy.State]int64{}
	for _, r := range rows {
		counts[r.State] = r.N
	}
	return counts, nil
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

type partRow struct {
	ApplicationID string
	PersonID      string
	PersonName    string
	Duty          subsidy.Duty
	At            time.Time
}

func (partRow) TableName() string { return "application_people" }

// Parts returns who did what in a case.
func (db *DB) Parts(ctx context.Context, applicationID string) ([]subsidy.DutyTaken, error) {
	return partsOf(db.read.WithContext(ctx), applicationID)
}

// Parts is DB.Parts inside a transaction.
func (tx *Tx) Parts(applicationID string) ([]subsidy.DutyTaken, error) {
	return partsOf(tx.db, applicationID)
}

func partsOf(q *gorm.DB, applicationID string) ([]subsidy.DutyTaken, error) {
	var rows []partRow
	if err := q.Where("application_id = ?", applicationID).Order("at, duty").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read who did what: %w", err)
	}
	parts := make([]subsidy.DutyTaken, len(rows))
	for i, r := range rows {
		parts[i] = subsidy.DutyTaken{PersonID: r.PersonID, PersonName: r.PersonName, Duty: r.Duty, At: r.At}
	}
	return parts, nil
}

// TakeDuty notes that the actor does a duty in a case. It fails with Denied
// four_eyes if the actor has another part in it or in the retirement that it
// rests on. The table's key holds whoever asks at the same time.
func (tx *Tx) TakeDuty(a subsidy.Application, duty subsidy.Duty) error {
	parts, err := tx.Parts(a.ID)
	if err != nil {
		return err
	}
	involved, err := tx.involved(a.RetirementID)
	if err != nil {
		return err
	}
	if err := subsidy.MayTake(duty, tx.By.ID, parts, involved...); err != nil {
		return err
	}
	for _, p := range parts {
		if p.PersonID == tx.By.ID {
			return nil
		}
	}
	err = tx.db.Create(&partRow{a.ID, tx.By.ID, tx.By.Name, duty, tx.At}).Error
	if duplicate(err) {
		return raced{err}
	}
	if err != nil {
		return fmt.Errorf("store: note a duty: %w", err)
	}
	return nil
}

// Involved returns who declared and who verified a retirement.
func (db *DB) Involved(ctx context.Context, retirementID string) ([]string, error) {
	return involvedIn(db.read.WithContext(ctx), retirementID)
}

func (tx *Tx) involved(retirementID string) ([]string, error) { return involvedIn(tx.db, retirementID) }

func involvedIn(q *gorm.DB, retirementID string) ([]string, error) {
	var row struct{ DeclaredBy, VerifiedBy string }
	if err := q.Table("retirements").Select("declared_by, verified_by").Where("id = ?", retirementID).Limit(1).Scan(&row).Error; err != nil {
		return nil, fmt.Errorf("store: read who retired it: %w", err)
	}
	var people []string
	for _, id := range []string{row.DeclaredBy, row.VerifiedBy} {
		if id != "" {
			people = append(people, id)
		}
	}
	return people, nil
}

// QueueNumber gives out the next place in the queue of a program. The row of
// the queue stays locked until the transaction ends, so that places and money
// are given out one after the other.
func (tx *Tx) QueueNumber(programID string) (int64, error) {
	if err := tx.lockQueue(programID); err != nil {
		return 0, err
	}
	var no int64
	res := tx.db.Raw("UPDATE program_queues SET last_no = last_no + 1 WHERE program_id = ? RETURNING last_no", programID).Scan(&no)
	return no, affect(res, fmt.Errorf("store: program %s has no queue", programID))
}

func (tx *Tx) lockQueue(programID string) error {
	if err := tx.db.Exec("INSERT INTO program_queues (program_id) VALUES (?) ON CONFLICT (program_id) DO UPDATE SET last_no = program_queues.last_no", programID).Error; err != nil {
		return fmt.Errorf("store: open a queue: %w", err)
	}
	return nil
}

// WaitingList returns who waits for money of a program, the first in the queue
// first, at most n, and locks the queue.
func (tx *Tx) WaitingList(programID string, n int) ([]subsidy.Application, error) {
	if err := tx.lockQueue(programID); err != nil {
		return nil, err
	}
	return tx.Applications(ApplicationFilter{ProgramID: programID, State: subsidy.Waiting, Oldest: true}, Page{Limit: n})
}

// WaitingPrograms returns the programs of which somebody waits for money.
func (db *DB) WaitingPrograms(ctx context.Context) ([]string, error) {
	var ids []string
	err := db.read.WithContext(ctx).Model(&applicationRow{}).Where("state = 'waiting'").Distinct().Pluck("program_id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("store: look up waiting lists: %w", err)
	}
	return ids, nil
}

// Positions returns the place on its program's waiting list of each of the
// applications that waits, from 1.
func (db *DB) Positions(ctx context.Context, list []subsidy.Application) (map[string]int64, error) {
	places := map[string]int64{}
	for _, a := range list {
		if a.State != subsidy.Waiting {
			continue
		}
		var n int64
		err := db.read.WithContext(ctx).Model(&applicationRow{}).Where("program_id = ? AND state = 'waiting' AND queue_no < ?", a.ProgramID, a.QueueNo).Count(&n).Error
		if err != nil {
			return nil, fmt.Errorf("store: count a waiting list: %w", err)
		}
		places[a.ID] = n + 1
	}
	return places, nil
}

// HasSealed reports whether anything is sealed in the database.
func (db *DB) HasSealed(ctx context.Context) (bool, error) {
	var n int64
	err := db.read.WithContext(ctx).Raw("SELECT (SELECT COUNT(*) FROM sealed_settings) + (SELECT COUNT(*) FROM (SELECT id FROM applications WHERE payee_account LIKE 's1.%' OR applicant_phone LIKE 's1.%' LIMIT 1) sealed)").Scan(&n).Error
	if err != nil {
		return false, fmt.Errorf("store: look for sealed numbers: %w", err)
	}
	return n > 0, nil
}
