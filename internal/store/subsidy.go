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
	return rows[0].program()
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
	return programs, nil
}

// Commit reserves an amount of a program's budget. The guard and the table's
// CHECK hold at every isolation level: what is committed never exceeds the
// budget, however many approve at once.
func (tx *Tx) Commit(p subsidy.Program, amount money.Fen) error {
	res := tx.db.Exec("UPDATE programs SET committed_fen = committed_fen + ?, version = version + 1 WHERE id = ? AND committed_fen + ? <= budget_fen",
		amount, p.ID, amount)
	return affect(res, fault.New(fault.Conflict, "budget_exceeded",
		bilingual.F("预算余额不足，需 %s 元", "the budget does not cover %s yuan", amount.Yuan())).
		WithMend("请先追加预算，或等待资金释放", "raise the budget first, or wait until money is freed"))
}

// PayOut books an amount as paid out of what is committed.
func (tx *Tx) PayOut(programID string, amount money.Fen) error {
	res := tx.db.Exec("UPDATE programs SET paid_fen = paid_fen + ?, version = version + 1 WHERE id = ? AND paid_fen + ? <= committed_fen",
		amount, programID, amount)
	return affect(res, fault.New(fault.Conflict, "not_committed", bilingual.T("支付金额超过已承诺金额", "more would be paid than is committed")))
}

type batchRow struct {
	ID            string
	CityCode      string
	Number        string
	ProgramID     string
	ProgramNameZH string `gorm:"column:program_name_zh"`
	ProgramNameEN string `gorm:"column:program_name_en"`
	State         string
	LineCount     int64
	TotalFen      money.Fen
	SHA256        string `gorm:"column:sha256"`
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	PaidOn        civil.Day
	Reference     string
	PaidBy        string
	PaidByName    string
	Version       int64
}

func (batchRow) TableName() string { return "batches" }

func (r batchRow) batch() subsidy.Batch {
	return subsidy.Batch{ID: r.ID, CityCode: r.CityCode, Number: r.Number, ProgramID: r.ProgramID,
		ProgramName: bilingual.T(r.ProgramNameZH, r.ProgramNameEN), State: r.State, LineCount: r.LineCount, TotalFen: r.TotalFen,
		SHA256: r.SHA256, CreatedBy: r.CreatedBy, CreatedByName: r.CreatedByName, CreatedAt: r.CreatedAt, PaidOn: r.PaidOn,
		Reference: r.Reference, PaidBy: r.PaidBy, PaidByName: r.PaidByName, Version: r.Version}
}

type batchLineRow struct {
	BatchID       string
	LineNo        int64
	ApplicationID string
	AssetLabel    string
	PayeeName     string
	PayeeBank     string
	PayeeAccount  string
	AmountFen     money.Fen
	State         string
	Reason        string
}

func (batchLineRow) TableName() string { return "batch_lines" }

// CreateBatch adds a sealed batch with its lines.
func (tx *Tx) CreateBatch(b *subsidy.Batch) error {
	b.Version, b.CreatedBy, b.CreatedByName, b.CreatedAt = 1, tx.By.ID, tx.By.Name, tx.At
	err := tx.db.Create(&batchRow{ID: b.ID, CityCode: b.CityCode, Number: b.Number, ProgramID: b.ProgramID, ProgramNameZH: b.ProgramName.ZH,
		ProgramNameEN: b.ProgramName.EN, State: b.State, LineCount: b.LineCount, TotalFen: b.TotalFen, SHA256: b.SHA256, CreatedBy: b.CreatedBy,
		CreatedByName: b.CreatedByName, CreatedAt: b.CreatedAt, Version: 1}).Error
	if err != nil {
		return fmt.Errorf("store: create a batch: %w", err)
	}
	for _, l := range b.Lines {
		err := tx.db.Create(&batchLineRow{BatchID: b.ID, LineNo: l.LineNo, ApplicationID: l.ApplicationID, AssetLabel: l.AssetLabel,
			PayeeName: l.PayeeName, PayeeBank: l.PayeeBank, PayeeAccount: tx.store.ring.Seal(l.PayeeAccount, lineAccount(b.ID, l.LineNo)), AmountFen: l.AmountFen, State: l.State}).Error
		if err != nil {
			return fmt.Errorf("store: create a batch line: %w", err)
		}
	}
	return tx.Record(Event{Action: "seal", Entity: "batch", EntityID: b.ID, CityCode: b.CityCode}, nil,
		map[string]any{"number": b.Number, "line_count": b.LineCount, "total_fen": b.TotalFen, "sha256": b.SHA256})
}

// NextBatchNumber returns how many batches a city has made with the prefix.
func (tx *Tx) NextBatchNumber(prefix string) (int64, error) {
	var n int64
	if err := tx.db.Model(&batchRow{}).Where("number LIKE ?", prefix+"%").Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: number a batch: %w", err)
	}
	return n + 1, nil
}

// CloseBatch books the bank's answer on a sealed batch: its state, and the
// state and reason of each line.
func (tx *Tx) CloseBatch(before subsidy.Batch, after *subsidy.Batch) error {
	after.Version = before.Version + 1
	res := inScope(tx.db.Model(&batchRow{}), tx.By.Scope, false).Where("id = ? AND version = ? AND state = 'sealed'", before.ID, before.Version).
		Updates(map[string]any{"state": after.State, "paid_on": after.PaidOn, "reference": after.Reference, "paid_by": after.PaidBy,
			"paid_by_name": after.PaidByName, "version": after.Version})
	if err := affect(res, stale()); err != nil {
		return err
	}
	for _, l := range after.Lines {
		res := tx.db.Model(&batchLineRow{}).Where("batch_id = ? AND line_no = ? AND state = 'sealed'", before.ID, l.LineNo).
			Updates(map[string]any{"state": l.State, "reason": l.Reason})
		if err := affect(res, stale()); err != nil {
			return err
		}
	}
	return tx.Record(Event{Action: "pay", Entity: "batch", EntityID: after.ID, CityCode: after.CityCode},
		map[string]any{"state": before.State}, map[string]any{"state": after.State, "paid_on": after.PaidOn, "reference": after.Reference})
}

// Batch returns a batch of the scope with its lines, or NotFound.
func (db *DB) Batch(ctx context.Context, scope access.Scope, id string) (subsidy.Batch, error) {
	return loadBatch(db.read.WithContext(ctx), db.ring, scope, id)
}

// Batch returns a batch of the actor's scope with its lines, or NotFound.
func (tx *Tx) Batch(id string) (subsidy.Batch, error) {
	return loadBatch(tx.db, tx.store.ring, tx.By.Scope, id)
}

// lineAccount is the place of a sealed account in the lines of a batch.
func lineAccount(batchID string, line int64) string {
	return fmt.Sprintf("batch_lines/%s/%d", batchID, line)
}

func loadBatch(q *gorm.DB, ring *seal.Ring, scope access.Scope, id string) (subsidy.Batch, error) {
	var rows []batchRow
	if err := inScope(q, scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return subsidy.Batch{}, fmt.Errorf("store: read a batch: %w", err)
	}
	if len(rows) == 0 {
		return subsidy.Batch{}, fault.Missing()
	}
	b := rows[0].batch()
	var lines []batchLineRow
	if err := q.Session(&gorm.Session{NewDB: true}).Where("batch_id = ?", id).Order("line_no").Find(&lines).Error; err != nil {
		return b, fmt.Errorf("store: read batch lines: %w", err)
	}
	for _, l := range lines {
		account, err := ring.Open(l.PayeeAccount, lineAccount(b.ID, l.LineNo))
		if err != nil {
			return b, err
		}
		b.Lines = append(b.Lines, subsidy.BatchLine{LineNo: l.LineNo, ApplicationID: l.ApplicationID, AssetLabel: l.AssetLabel, PayeeName: l.PayeeName,
			PayeeBank: l.PayeeBank, PayeeAccount: account, AmountFen: l.AmountFen, State: l.State, Reason: l.Reason})
	}
	return b, nil
}

// Batches returns one page of batches of the scope without their lines, newest first.
func (db *DB) Batches(ctx context.Context, scope access.Scope, city string, p Page) ([]subsidy.Batch, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []batchRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list batches: %w", err)
	}
	list := make([]subsidy.Batch, len(rows))
	for i, r := range rows {
		list[i] = r.batch()
	}
	return list, nil
}
