package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/seal"
	"phaseout/internal/subsidy"
)

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
	OffsetFen     money.Fen
	SHA256        string `gorm:"column:sha256"`
	PaidCount     int64
	PaidFen       money.Fen
	ReturnedCount int64
	ReturnedFen   money.Fen
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	SentBy        string
	SentByName    string
	SentAt        *time.Time
	PaidOn        civil.Day
	Reference     string
	VoidReason    string
	Version       int64
}

func (batchRow) TableName() string { return "payment_batches" }

func (r batchRow) batch() ledger.Batch {
	return ledger.Batch{ID: r.ID, CityCode: r.CityCode, Number: r.Number, ProgramID: r.ProgramID, ProgramName: bilingual.T(r.ProgramNameZH, r.ProgramNameEN),
		State: r.State, LineCount: r.LineCount, TotalFen: r.TotalFen, OffsetFen: r.OffsetFen, SHA256: r.SHA256, PaidCount: r.PaidCount, PaidFen: r.PaidFen,
		ReturnedCount: r.ReturnedCount, ReturnedFen: r.ReturnedFen, CreatedBy: r.CreatedBy, CreatedByName: r.CreatedByName, CreatedAt: r.CreatedAt,
		SentBy: r.SentBy, SentByName: r.SentByName, SentAt: r.SentAt, PaidOn: r.PaidOn, Reference: r.Reference, VoidReason: r.VoidReason, Version: r.Version}
}

func batchRowOf(b ledger.Batch) batchRow {
	return batchRow{ID: b.ID, CityCode: b.CityCode, Number: b.Number, ProgramID: b.ProgramID, ProgramNameZH: b.ProgramName.ZH, ProgramNameEN: b.ProgramName.EN,
		State: b.State, LineCount: b.LineCount, TotalFen: b.TotalFen, OffsetFen: b.OffsetFen, SHA256: b.SHA256, PaidCount: b.PaidCount, PaidFen: b.PaidFen,
		ReturnedCount: b.ReturnedCount, ReturnedFen: b.ReturnedFen, CreatedBy: b.CreatedBy, CreatedByName: b.CreatedByName, CreatedAt: b.CreatedAt,
		SentBy: b.SentBy, SentByName: b.SentByName, SentAt: b.SentAt, PaidOn: b.PaidOn, Reference: b.Reference, VoidReason: b.VoidReason, Version: b.Version}
}

type paymentLineRow struct {
	BatchID       string
	LineNo        int64
	CityCode      string
	ApplicationID string
	AssetLabel    string
	PayeeName     string
	PayeeBank     string
	BankCode      string
	PayeeAccount  string
	AmountFen     money.Fen
	OffsetFen     money.Fen
	CaseID        string
	State         string
	ReasonCode    string
	Reason        string
	Reference     string
	SettledOn     civil.Day
}

func (paymentLineRow) TableName() string { return "payment_lines" }

// lineAccount is the place of a sealed account in the lines of a batch.
func lineAccount(batchID string, line int64) string {
	return fmt.Sprintf("payment_lines/%s/%d", batchID, line)
}

func (r paymentLineRow) line(ring *seal.Ring) (ledger.BatchLine, error) {
	account, err := ring.Open(r.PayeeAccount, lineAccount(r.BatchID, r.LineNo))
	if err != nil {
		return ledger.BatchLine{}, fmt.Errorf("store: account of line %d of batch %s: %w", r.LineNo, r.BatchID, err)
	}
	return ledger.BatchLine{LineNo: r.LineNo, ApplicationID: r.ApplicationID, AssetLabel: r.AssetLabel, PayeeName: r.PayeeName, PayeeBank: r.PayeeBank,
		BankCode: r.BankCode, PayeeAccount: account, AmountFen: r.AmountFen, OffsetFen: r.OffsetFen, CaseID: r.CaseID, State: r.State,
		ReasonCode: r.ReasonCode, Reason: r.Reason, Reference: r.Reference, SettledOn: r.SettledOn}, nil
}

// Payable returns applications of a program that may go into a batch, the
// oldest first.
func (tx *Tx) Payable(programID, after string, limit int) ([]subsidy.Application, error) {
	var rows []applicationRow
	err := inScope(tx.db, tx.By.Scope, true).Where("program_id = ? AND state = ? AND id > ?", programID, payable, after).Order("id").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: payable applications: %w", err)
	}
	return applicationsOf(rows, tx.store.ring)
}

// ApplicationsByID returns applications of the actor's scope; one that is not
// there is left out.
func (tx *Tx) ApplicationsByID(ids []string) (map[string]subsidy.Application, error) {
	var rows []applicationRow
	if err := inScope(tx.db, tx.By.Scope, true).Where("id IN ?", ids).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read applications: %w", err)
	}
	list, err := applicationsOf(rows, tx.store.ring)
	byID := map[string]subsidy.Application{}
	for _, a := range list {
		byID[a.ID] = a
	}
	return byID, err
}

func applicationsOf(rows []applicationRow, ring *seal.Ring) ([]subsidy.Application, error) {
	list := make([]subsidy.Application, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.application(ring); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// step is what a batch does to all of some applications at once.
type step struct {
	act      string
	from     subsidy.State
	to       subsidy.State
	batchID  string
	paidOn   civil.Day
	reason   string
	detached bool // out of the batch again
}

// stepApplications takes applications from one state to the next, in one
// statement, with one event each. It fails with Stale if one of them is not in
// the state any more.
func (tx *Tx) stepApplications(applications []subsidy.Application, s step) error {
	if len(applications) == 0 {
		return nil
	}
	ids := make([]string, len(applications))
	for i, a := range applications {
		ids[i] = a.ID
		after := map[string]string{"state": string(s.to)}
		if s.paidOn != "" {
			after["paid_on"] = string(s.paidOn)
		}
		if s.batchID != a.BatchID {
			after["batch_id"] = s.batchID
		}
		if err := tx.Record(applicationEvent(s.act, a, s.reason), map[string]string{"state": string(a.State)}, after); err != nil {
			return err
		}
	}
	batch := s.batchID
	if s.detached {
		batch = ""
	}
	res := tx.db.Exec("UPDATE applications SET state = ?, batch_id = ?, paid_on = ?, fail_reason = ?, moved_at = ?, version = version + 1 WHERE id IN ? AND state = ?",
		s.to, batch, s.paidOn, s.reason, tx.At, ids, s.from)
	if res.Error != nil {
		return fmt.Errorf("store: move applications: %w", res.Error)
	}
	if res.RowsAffected != int64(len(ids)) {
		return stale()
	}
	return nil
}

// The states of an application around a batch.
const (
	payable  = subsidy.Payable
	batched  = subsidy.Batched
	sent     = subsidy.Sent
	paid     = subsidy.Paid
	returned = subsidy.Returned
)

// BatchWriter freezes applications into a batch, piece by piece, so that a
// batch of any length needs the memory of one piece.
type BatchWriter struct {
	tx *Tx
	b  *ledger.Batch
}

// NewBatch starts a batch; Seal ends it.
func (tx *Tx) NewBatch(b *ledger.Batch) (*BatchWriter, error) {
	b.State, b.Version, b.CreatedBy, b.CreatedByName, b.CreatedAt = ledger.BatchSealed, 1, tx.By.ID, tx.By.Name, tx.At
	row := batchRowOf(*b)
	if err := tx.db.Create(&row).Error; duplicate(err) {
		return nil, raced{fmt.Errorf("store: number of a batch: %w", err)}
	} else if err != nil {
		return nil, fmt.Errorf("store: create a batch: %w", err)
	}
	return &BatchWriter{tx, b}, nil
}

// Add freezes applications with their lines, one for each.
func (w *BatchWriter) Add(applications []subsidy.Application, lines []ledger.BatchLine) error {
	rows := make([]paymentLineRow, len(lines))
	for i, l := range lines {
		w.b.LineCount++
		w.b.TotalFen += l.AmountFen
		w.b.OffsetFen += l.OffsetFen
		rows[i] = paymentLineRow{BatchID: w.b.ID, LineNo: l.LineNo, CityCode: w.b.CityCode, ApplicationID: l.ApplicationID, AssetLabel: l.AssetLabel, PayeeName: l.PayeeName,
			PayeeBank: l.PayeeBank, BankCode: l.BankCode, PayeeAccount: w.tx.store.ring.Seal(l.PayeeAccount, lineAccount(w.b.ID, l.LineNo)), AmountFen: l.AmountFen, OffsetFen: l.OffsetFen, CaseID: l.CaseID, State: ledger.LineSealed}
	}
	err := insertAll(w.tx, rows)
	if duplicate(err) {
		return fault.New(fault.Conflict, "in_a_batch", bilingual.T("有申请已在其他批次中", "one of the applications is in another batch")).WithMend("请刷新后重新成批", "reload and make the batch again")
	}
	if err != nil {
		return fmt.Errorf("store: freeze lines: %w", err)
	}
	if err := w.tx.stepApplications(applications, step{act: "batch", from: payable, to: batched, batchID: w.b.ID}); err != nil {
		return err
	}
	return w.tx.flushEvents()
}

// Seal computes the digest over the frozen lines and ends the batch.
func (w *BatchWriter) Seal() error {
	sum, err := digestLines(w.tx.db, w.tx.store.ring, *w.b)
	if err != nil {
		return err
	}
	w.b.SHA256 = sum
	res := w.tx.db.Exec("UPDATE payment_batches SET line_count = ?, total_fen = ?, offset_fen = ?, sha256 = ? WHERE id = ?", w.b.LineCount, w.b.TotalFen, w.b.OffsetFen, sum, w.b.ID)
	if err := affect(res, stale()); err != nil {
		return err
	}
	return w.tx.Record(Event{Action: "seal", Entity: "batch", EntityID: w.b.ID, CityCode: w.b.CityCode}, nil,
		map[string]any{"number": w.b.Number, "line_count": w.b.LineCount, "total_fen": w.b.TotalFen, "sha256": sum})
}

// digestLines computes the digest of a batch from its kept lines. It fails if
// they are not as many as the batch says, or do not sum to its total.
func digestLines(q *gorm.DB, ring *seal.Ring, b ledger.Batch) (string, error) {
	d, err := ledger.NewDigest(b.Number, b.TotalFen)
	if err != nil {
		return "", err
	}
	if err := eachLine(q, ring, b.ID, func(l ledger.BatchLine) error { return d.Add(l) }); err != nil {
		return "", err
	}
	sum, whole := d.Sum(b.LineCount)
	if !whole {
		return "", fmt.Errorf("store: the lines of batch %s are not its count or total", b.Number)
	}
	return sum, nil
}

// eachLine calls fn for every line of a batch in order, a piece at a time.
func eachLine(q *gorm.DB, ring *seal.Ring, batchID string, fn func(ledger.BatchLine) error) error {
	for after := int64(0); ; {
		lines, err := linesAfter(q, ring, batchID, "", after, 500)
		if err != nil || len(lines) == 0 {
			return err
		}
		for _, l := range lines {
			if err := fn(l); err != nil {
				return err
			}
		}
		after = lines[len(lines)-1].LineNo
	}
}

func linesAfter(q *gorm.DB, ring *seal.Ring, batchID, state string, after int64, limit int) ([]ledger.BatchLine, error) {
	var rows []paymentLineRow
	q = q.Where("batch_id = ? AND line_no > ?", batchID, after)
	if state != "" {
		q = q.Where("state = ?", state)
	}
	if err := q.Order("line_no").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read batch lines: %w", err)
	}
	lines := make([]ledger.BatchLine, len(rows))
	for i, r := range rows {
		var err error
		if lines[i], err = r.line(ring); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// NextBatchNumber returns the number after the batches that a city has made
// with the prefix.
func (tx *Tx) NextBatchNumber(prefix string) (int64, error) {
	var n int64
	if err := tx.db.Model(&batchRow{}).Where("number LIKE ?", prefix+"%").Count(&n).Error; err != nil {
		return 0, fmt.Errorf("store: number a batch: %w", err)
	}
	return n + 1, nil
}

// Batch returns a batch of the scope, or NotFound.
func (db *DB) Batch(ctx context.Context, scope access.Scope, id string) (ledger.Batch, error) {
	return loadBatch(db.read.WithContext(ctx), scope, id)
}

// Batch returns a batch of the actor's scope, or NotFound.
func (tx *Tx) Batch(id string) (ledger.Batch, error) { return loadBatch(tx.db, tx.By.Scope, id) }

func loadBatch(q *gorm.DB, scope access.Scope, id string) (ledger.Batch, error) {
	var rows []batchRow
	if err := inScope(q, scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return ledger.Batch{}, fmt.Errorf("store: read a batch: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Batch{}, fault.Missing()
	}
	return rows[0].batch(), nil
}

// BatchLines returns a page of lines of a batch that the caller has loaded in
// its scope; p.After is the number of the line before.
func (db *DB) BatchLines(ctx context.Context, b ledger.Batch, state string, p Page) ([]ledger.BatchLine, error) {
	after, err := strconv.ParseInt(p.After, 10, 64)
	if p.After != "" && err != nil {
		return nil, fault.Field("query.cursor", "format", bilingual.T("游标无效", "the cursor is not valid"), bilingual.Text{})
	}
	return linesAfter(db.read.WithContext(ctx), db.ring, b.ID, state, after, p.Limit)
}

// EachLine calls fn for every line of a batch that the caller has loaded in
// its scope.
func (db *DB) EachLine(ctx context.Context, b ledger.Batch, fn func(ledger.BatchLine) error) error {
	return eachLine(db.read.WithContext(ctx), db.ring, b.ID, fn)
}

// BatchFilter narrows a list of batches.
type BatchFilter struct{ City, State, ProgramID string }

// Batches returns one page of batches of the scope, newest first.
func (db *DB) Batches(ctx context.Context, scope access.Scope, f BatchFilter, p Page) ([]ledger.Batch, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	for _, e := range []struct{ column, value string }{{"city_code", f.City}, {"state", f.State}, {"program_id", f.ProgramID}} {
		if e.value != "" {
			q = q.Where(e.column+" = ?", e.value)
		}
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []batchRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list batches: %w", err)
	}
	list := make([]ledger.Batch, len(rows))
	for i, r := range rows {
		list[i] = r.batch()
	}
	return list, nil
}

// HandledLine returns the label of an application of a batch that a person has
// opened, entered, checked or approved, or whose retirement the person declared
// or verified, or "". It asks by account, so that a changed role or name hides
// nothing.
func (tx *Tx) HandledLine(batchID, person string) (string, error) {
	var labels []string
	err := tx.db.Raw(`SELECT a.asset_label FROM applications a JOIN retirements r ON r.id = a.retirement_id
		WHERE a.batch_id = ? AND (a.opened_by = ? OR r.declared_by = ? OR r.verified_by = ? OR EXISTS (
			SELECT 1 FROM application_people p WHERE p.application_id = a.id AND p.person_id = ? AND p.duty <> 'pay')) LIMIT 1`,
		batchID, person, person, person, person).Scan(&labels).Error
	if err != nil {
		return "", fmt.Errorf("store: who handled a batch: %w", err)
	}
	return strings.Join(labels, ""), nil
}

// takePayDuty notes that the actor pays the applications of a batch. The key
// of the table refuses whoever has another part in one of them.
func (tx *Tx) takePayDuty(batchID string) error {
	err := tx.db.Exec(`INSERT INTO application_people (application_id, person_id, person_name, duty, at)
		SELECT a.id, ?, ?, 'pay', ? FROM applications a WHERE a.batch_id = ? AND NOT EXISTS (
			SELECT 1 FROM application_people p WHERE p.application_id = a.id AND p.person_id = ? AND p.duty = 'pay')`,
		tx.By.ID, tx.By.Name, tx.At, batchID, tx.By.ID).Error
	if duplicate(err) {
		return raced{err}
	}
	if err != nil {
		return fmt.Errorf("store: note who pays: %w", err)
	}
	return nil
}

// eachBatched calls fn for the lines of a batch with their applications, a
// piece at a time.
func (tx *Tx) eachBatched(batchID string, fn func([]ledger.BatchLine, []subsidy.Application) error) error {
	for after := int64(0); ; {
		lines, err := linesAfter(tx.db, tx.store.ring, batchID, "", after, 500)
		if err != nil || len(lines) == 0 {
			return err
		}
		after = lines[len(lines)-1].LineNo
		applications, err := tx.applicationsOfLines(lines)
		if err != nil {
			return err
		}
		if err := fn(lines, applications); err != nil {
			return err
		}
		if err := tx.flushEvents(); err != nil {
			return err
		}
	}
}

func (tx *Tx) applicationsOfLines(lines []ledger.BatchLine) ([]subsidy.Application, error) {
	ids := make([]string, len(lines))
	for i, l := range lines {
		ids[i] = l.ApplicationID
	}
	byID, err := tx.ApplicationsByID(ids)
	if err != nil {
		return nil, err
	}
	applications := make([]subsidy.Application, len(lines))
	for i, l := range lines {
		a, ok := byID[l.ApplicationID]
		if !ok {
			return nil, fault.Missing()
		}
		applications[i] = a
	}
	return applications, nil
}

// SendBatch takes a sealed batch and its applications to the bank.
func (tx *Tx) SendBatch(before ledger.Batch, after *ledger.Batch) error {
	if err := tx.updateBatch(before, after, "send"); err != nil {
		return err
	}
	if err := tx.takePayDuty(before.ID); err != nil {
		return err
	}
	if err := tx.db.Exec("UPDATE payment_lines SET state = ? WHERE batch_id = ? AND state = ?", ledger.LineSent, before.ID, ledger.LineSealed).Error; err != nil {
		return fmt.Errorf("store: send lines: %w", err)
	}
	return tx.eachBatched(before.ID, func(_ []ledger.BatchLine, applications []subsidy.Application) error {
		return tx.stepApplications(applications, step{act: "send", from: batched, to: sent, batchID: before.ID})
	})
}

// VoidBatch gives a sealed batch up; its applications may go into another.
func (tx *Tx) VoidBatch(before ledger.Batch, after *ledger.Batch) error {
	after.State = ledger.BatchVoid
	err := tx.eachBatched(before.ID, func(_ []ledger.BatchLine, applications []subsidy.Application) error {
		return tx.stepApplications(applications, step{act: "unbatch", from: batched, to: payable, detached: true, reason: after.VoidReason})
	})
	if err != nil {
		return err
	}
	if err := tx.db.Exec("UPDATE payment_lines SET state = ? WHERE batch_id = ? AND state = ?", ledger.LineVoid, before.ID, ledger.LineSealed).Error; err != nil {
		return fmt.Errorf("store: void lines: %w", err)
	}
	return tx.updateBatch(before, after, "void")
}

func (tx *Tx) updateBatch(before ledger.Batch, after *ledger.Batch, action string) error {
	after.Version = before.Version + 1
	res := inScope(tx.db.Model(&batchRow{}), tx.By.Scope, false).Where("id = ? AND version = ?", before.ID, before.Version).Updates(map[string]any{
		"state": after.State, "paid_count": after.PaidCount, "paid_fen": after.PaidFen, "returned_count": after.ReturnedCount, "returned_fen": after.ReturnedFen,
		"sent_by": after.SentBy, "sent_by_name": after.SentByName, "sent_at": after.SentAt, "paid_on": after.PaidOn, "reference": after.Reference,
		"void_reason": after.VoidReason, "version": after.Version})
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.Record(Event{Action: action, Entity: "batch", EntityID: after.ID, CityCode: after.CityCode, Reason: after.VoidReason},
		map[string]any{"state": before.State}, map[string]any{"state": after.State, "paid_count": after.PaidCount, "returned_count": after.ReturnedCount})
}

// IsPayable reports whether an application may go into a batch.
func IsPayable(a subsidy.Application) bool { return a.State == payable }
