package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/subsidy"
)

type bankAnswerRow struct {
	ID             string
	BatchID        string
	CityCode       string
	FileName       string
	FileSHA256     string `gorm:"column:file_sha256"`
	FileBlob       string
	BookedOn       civil.Day
	Rows           int64 `gorm:"column:row_count"`
	PaidCount      int64
	PaidFen        money.Fen
	ReturnedCount  int64
	ReturnedFen    money.Fen
	RefundedCount  int64
	RefundedFen    money.Fen
	RepeatedCount  int64
	UnmatchedCount int64
	UploadedBy     string
	UploadedByName string
	UploadedAt     time.Time
}

func (bankAnswerRow) TableName() string { return "bank_answers" }

type unmatchedRow struct {
	ID              string
	AnswerID        string
	BatchID         string
	CityCode        string
	BookedOn        civil.Day
	Row             int `gorm:"column:row_no"`
	Name            string
	Account         string
	AmountFen       money.Fen
	Word            string
	Reference       string
	Verdict         ledger.Verdict
	State           string
	Explanation     string
	ExplainedBy     string
	ExplainedByName string
	ExplainedAt     *time.Time
	Version         int64
}

func (unmatchedRow) TableName() string { return "bank_unmatched" }

// AnsweredFile returns the answer that a file of the actor's city was booked
// as before, if it was.
func (tx *Tx) AnsweredFile(city, sha256 string) (ledger.Answer, bool, error) {
	var rows []bankAnswerRow
	if err := inScope(tx.db, tx.By.Scope, false).Where("city_code = ? AND file_sha256 = ?", city, sha256).Limit(1).Find(&rows).Error; err != nil {
		return ledger.Answer{}, false, fmt.Errorf("store: look for an answer: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Answer{}, false, nil
	}
	return ledger.Answer(rows[0]), true, nil
}

// LinesByNumber returns lines of a batch by their numbers.
func (tx *Tx) LinesByNumber(batchID string, numbers []int64) (map[int64]ledger.BatchLine, error) {
	var rows []paymentLineRow
	if err := tx.db.Where("batch_id = ? AND line_no IN ?", batchID, numbers).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: lines by number: %w", err)
	}
	byNumber := map[int64]ledger.BatchLine{}
	for _, r := range rows {
		l, err := r.line(tx.store.ring)
		if err != nil {
			return nil, err
		}
		byNumber[r.LineNo] = l
	}
	return byNumber, nil
}

// EachLine is DB.EachLine inside a transaction.
func (tx *Tx) EachLine(b ledger.Batch, fn func(ledger.BatchLine) error) error {
	return eachLine(tx.db, tx.store.ring, b.ID, fn)
}

// SettleLines books lines as the bank's answer left them: paid, returned, or
// refunded after they were paid, with their applications and their money.
func (tx *Tx) SettleLines(b ledger.Batch, lines []ledger.BatchLine) error {
	if len(lines) == 0 {
		return nil
	}
	applications, err := tx.applicationsOfLines(lines)
	if err != nil {
		return err
	}
	paidOn := map[civil.Day][]subsidy.Application{}
	var back, refunded []subsidy.Application
	reasons := map[string]string{}
	from := map[string]string{ledger.LinePaid: ledger.LineSent, ledger.LineReturned: ledger.LineSent, ledger.LineRefunded: ledger.LinePaid}
	update := "UPDATE payment_lines SET state = " + tx.store.placeholder(1) + ", reason_code = " + tx.store.placeholder(2) + ", reason = " + tx.store.placeholder(3) +
		", reference = " + tx.store.placeholder(4) + ", settled_on = " + tx.store.placeholder(5) + " WHERE batch_id = " + tx.store.placeholder(6) +
		" AND line_no = " + tx.store.placeholder(7) + " AND state = " + tx.store.placeholder(8)
	for i, l := range lines {
		if err := tx.execOne(update, l.State, l.ReasonCode, l.Reason, l.Reference, string(l.SettledOn), b.ID, l.LineNo, from[l.State]); err != nil {
			return err
		}
		switch l.State {
		case ledger.LinePaid:
			paidOn[l.SettledOn] = append(paidOn[l.SettledOn], applications[i])
		case ledger.LineRefunded:
			refunded = append(refunded, applications[i])
			reasons[l.ApplicationID] = l.Reason
		default:
			back = append(back, applications[i])
			reasons[l.ApplicationID] = l.Reason
		}
	}
	for _, l := range lines {
		switch {
		case l.OffsetFen == 0 || l.State == ledger.LinePaid:
		case l.State == ledger.LineRefunded: // before its money goes back to what is owed
			if err := tx.bookOffset(b, l, true); err != nil {
				return err
			}
		default:
			if err := tx.holdOffsets([]ledger.BatchLine{l}, -1); err != nil {
				return err
			}
		}
	}
	for on, list := range paidOn {
		if err := tx.PayFunds(list, b.ID, on); err != nil {
			return err
		}
		if err := tx.stepApplications(list, step{act: "pay", from: sent, to: paid, batchID: b.ID, paidOn: on}); err != nil {
			return err
		}
	}
	for _, l := range lines {
		if l.OffsetFen > 0 && l.State == ledger.LinePaid {
			if err := tx.bookOffset(b, l, false); err != nil {
				return err
			}
		}
	}
	if len(refunded) > 0 {
		if err := tx.ReturnFunds(refunded, b.ID); err != nil {
			return err
		}
	}
	for reason, list := range byReason(refunded, reasons) {
		if err := tx.stepApplications(list, step{act: "return", from: paid, to: returned, batchID: b.ID, reason: reason}); err != nil {
			return err
		}
	}
	for reason, list := range byReason(back, reasons) {
		if err := tx.stepApplications(list, step{act: "return", from: sent, to: returned, batchID: b.ID, reason: reason}); err != nil {
			return err
		}
	}
	return tx.flushEvents()
}

func byReason(applications []subsidy.Application, reasons map[string]string) map[string][]subsidy.Application {
	groups := map[string][]subsidy.Application{}
	for _, a := range applications {
		groups[reasons[a.ID]] = append(groups[reasons[a.ID]], a)
	}
	return groups
}

// BookAnswer adds an answer with its unmatched rows and the batch as it leaves it.
func (tx *Tx) BookAnswer(before ledger.Batch, after *ledger.Batch, a *ledger.Answer, unmatched []ledger.Unmatched) error {
	a.UploadedBy, a.UploadedByName, a.UploadedAt = tx.By.ID, tx.By.Name, tx.At
	row := bankAnswerRow(*a)
	if err := tx.db.Create(&row).Error; duplicate(err) {
		return raced{fmt.Errorf("store: book an answer: %w", err)}
	} else if err != nil {
		return fmt.Errorf("store: book an answer: %w", err)
	}
	rows := make([]unmatchedRow, len(unmatched))
	for i, u := range unmatched {
		rows[i] = unmatchedRow(u)
	}
	if err := insertAll(tx, rows); err != nil {
		return fmt.Errorf("store: queue unmatched rows: %w", err)
	}
	if err := tx.Record(Event{Action: "answer", Entity: "batch", EntityID: before.ID, CityCode: before.CityCode}, nil,
		map[string]any{"file": a.FileSHA256, "paid": a.PaidCount, "paid_fen": a.PaidFen, "returned": a.ReturnedCount, "refunded": a.RefundedCount, "unmatched": a.UnmatchedCount}); err != nil {
		return err
	}
	return tx.updateBatch(before, after, "settle")
}

// Answers returns the answers of the scope to a batch, or of a day, oldest first.
func (db *DB) Answers(ctx context.Context, scope access.Scope, batchID, city string, on civil.Day) ([]ledger.Answer, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	if batchID != "" {
		q = q.Where("batch_id = ?", batchID)
	}
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	if on != "" {
		q = q.Where("booked_on = ?", on)
	}
	var rows []bankAnswerRow
	if err := q.Order("id").Limit(500).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list answers: %w", err)
	}
	list := make([]ledger.Answer, len(rows))
	for i, r := range rows {
		list[i] = ledger.Answer(r)
	}
	return list, nil
}

// UnmatchedFilter narrows the queue of unmatched rows.
type UnmatchedFilter struct{ City, State, BatchID string }

// Unmatched returns one page of the queue of the scope, oldest first.
func (db *DB) Unmatched(ctx context.Context, scope access.Scope, f UnmatchedFilter, p Page) ([]ledger.Unmatched, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	for _, e := range []struct{ column, value string }{{"city_code", f.City}, {"state", f.State}, {"batch_id", f.BatchID}} {
		if e.value != "" {
			q = q.Where(e.column+" = ?", e.value)
		}
	}
	if p.After != "" {
		q = q.Where("id > ?", p.After)
	}
	var rows []unmatchedRow
	if err := q.Order("id").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list unmatched rows: %w", err)
	}
	list := make([]ledger.Unmatched, len(rows))
	for i, r := range rows {
		list[i] = ledger.Unmatched(r)
	}
	return list, nil
}

// UnmatchedRow returns a row of the queue of the scope, or NotFound.
func (db *DB) UnmatchedRow(ctx context.Context, scope access.Scope, id string) (ledger.Unmatched, error) {
	var rows []unmatchedRow
	if err := inScope(db.read.WithContext(ctx), scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return ledger.Unmatched{}, fmt.Errorf("store: read an unmatched row: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Unmatched{}, fault.Missing()
	}
	return ledger.Unmatched(rows[0]), nil
}

// ExplainUnmatched keeps what a person says an unmatched row is.
func (tx *Tx) ExplainUnmatched(id string, version int64, explanation string) (ledger.Unmatched, error) {
	var rows []unmatchedRow
	if err := inScope(tx.db, tx.By.Scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return ledger.Unmatched{}, fmt.Errorf("store: read an unmatched row: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Unmatched{}, fault.Missing()
	}
	after := rows[0]
	after.State, after.Explanation, after.ExplainedBy, after.ExplainedByName, after.ExplainedAt, after.Version = "explained", explanation, tx.By.ID, tx.By.Name, &tx.At, version+1
	res := tx.db.Model(&unmatchedRow{}).Where("id = ? AND version = ?", id, version).Updates(map[string]any{"state": after.State, "explanation": explanation,
		"explained_by": after.ExplainedBy, "explained_by_name": after.ExplainedByName, "explained_at": after.ExplainedAt, "version": after.Version})
	if err := affect(res, stale()); err != nil {
		return ledger.Unmatched{}, err
	}
	return ledger.Unmatched(after), tx.Record(Event{Action: "explain", Entity: "bank_unmatched", EntityID: id, CityCode: after.CityCode, Reason: explanation}, nil, nil)
}

// LastClosedDay returns the last day that a city has closed, "" for none.
func (tx *Tx) LastClosedDay(city string) (civil.Day, error) {
	var day *civil.Day
	if err := tx.db.Raw("SELECT MAX(day) FROM bank_days WHERE city_code = ?", city).Scan(&day).Error; err != nil || day == nil {
		return "", err
	}
	return *day, nil
}

// bankDayQuery sums what the bank said and what the ledger booked on a day.
// The ledger's side is read from its postings, not from the answers.
const bankDayQuery = `SELECT
	(SELECT COUNT(*) FROM bank_answers WHERE city_code = @city AND booked_on = @day) AS answers,
	(SELECT COALESCE(SUM(paid_fen - refunded_fen), 0) FROM bank_answers WHERE city_code = @city AND booked_on = @day) AS bank_fen,
	(SELECT COALESCE(SUM(-p.fen), 0) FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.id
		WHERE e.city_code = @city AND e.booked_on = @day AND e.kind IN ('pay', 'refund') AND e.batch_id <> '' AND p.account IN ('committed', 'grant'))
	- (SELECT COALESCE(SUM(-p.fen), 0) FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.id
		WHERE e.city_code = @city AND e.booked_on = @day AND e.kind = 'offset' AND p.account = 'receivable') AS ledger_fen,
	(SELECT COUNT(*) FROM bank_unmatched WHERE city_code = @city AND booked_on = @day AND state = 'explained') AS explained,
	(SELECT COUNT(*) FROM bank_unmatched WHERE city_code = @city AND booked_on <= @day AND state = 'open') AS open`

// BankDay returns a day of a city of the scope as it stands: closed or not.
func (db *DB) BankDay(ctx context.Context, scope access.Scope, city string, on civil.Day) (ledger.Day, error) {
	d := ledger.Day{}
	if !scope.Covers(city, "") {
		return d, fault.Missing()
	}
	args := map[string]any{"city": city, "day": on}
	if err := db.read.WithContext(ctx).Raw(bankDayQuery, args).Scan(&d).Error; err != nil {
		return d, fmt.Errorf("store: reconcile a day: %w", err)
	}
	d.CityCode, d.On = city, on
	var closed []bankDayRow
	if err := db.read.WithContext(ctx).Where("city_code = ? AND day = ?", city, on).Limit(1).Find(&closed).Error; err != nil {
		return d, fmt.Errorf("store: read a closed day: %w", err)
	}
	if len(closed) > 0 {
		d.ClosedBy, d.ClosedByName, d.ClosedAt = closed[0].ClosedBy, closed[0].ClosedByName, &closed[0].ClosedAt
	}
	return d, nil
}

type bankDayRow struct {
	CityCode     string
	Day          civil.Day
	Answers      int64
	BankFen      money.Fen
	LedgerFen    money.Fen
	Explained    int64
	ClosedBy     string
	ClosedByName string
	ClosedAt     time.Time
}

func (bankDayRow) TableName() string { return "bank_days" }

// CloseDay closes a day of a city. It fails with Conflict if a row is
// unexplained, or if bank and ledger differ.
func (tx *Tx) CloseDay(city string, on civil.Day) (ledger.Day, error) {
	d := ledger.Day{}
	if !tx.By.Scope.Covers(city, "") {
		return d, fault.Missing()
	}
	if err := tx.db.Raw(bankDayQuery, map[string]any{"city": city, "day": on}).Scan(&d).Error; err != nil {
		return d, fmt.Errorf("store: reconcile a day: %w", err)
	}
	d.CityCode, d.On, d.ClosedBy, d.ClosedByName, d.ClosedAt = city, on, tx.By.ID, tx.By.Name, &tx.At
	switch {
	case d.Open > 0:
		return d, fault.New(fault.Conflict, "unmatched_open", bilingual.F("还有 %d 笔银行记录未匹配且未说明", "%d rows of the bank are neither matched nor explained", d.Open)).
			WithMend("请先处理未匹配队列", "work off the unmatched queue first").With("open", d.Open)
	case d.BankFen != d.LedgerFen:
		return d, fault.New(fault.Conflict, "not_reconciled", bilingual.F("银行合计 %s 元，账面合计 %s 元，不一致", "the bank says %s yuan, the ledger %s", d.BankFen.Yuan(), d.LedgerFen.Yuan()))
	}
	res := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&bankDayRow{CityCode: city, Day: on, Answers: d.Answers, BankFen: d.BankFen, LedgerFen: d.LedgerFen,
		Explained: d.Explained, ClosedBy: d.ClosedBy, ClosedByName: d.ClosedByName, ClosedAt: tx.At})
	if err := affect(res, fault.New(fault.Conflict, "day_closed", bilingual.T("该日已结账", "the day is closed already"))); err != nil {
		return d, err
	}
	return d, tx.Record(Event{Action: "close", Entity: "bank_day", EntityID: city + "/" + string(on), CityCode: city}, nil,
		map[string]any{"bank_fen": d.BankFen, "ledger_fen": d.LedgerFen, "explained": d.Explained})
}

type reasonRow struct {
	Code   string `gorm:"primaryKey"`
	Kind   string
	NameZH string `gorm:"column:name_zh"`
	NameEN string `gorm:"column:name_en"`
	TodoZH string `gorm:"column:todo_zh"`
	TodoEN string `gorm:"column:todo_en"`
	Words  string
}

func (reasonRow) TableName() string { return "return_reasons" }

// PutReturnReasons writes the table of reasons over what is there.
func (tx *Tx) PutReturnReasons(reasons []ledger.ReturnReason) error {
	for _, r := range reasons {
		row := reasonRow{r.Code, r.Kind, r.Name.ZH, r.Name.EN, r.ToDo.ZH, r.ToDo.EN, strings.Join(r.Words, "|")}
		if err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
			return fmt.Errorf("store: write return reasons: %w", err)
		}
	}
	return nil
}

// ReturnReasons returns why banks return lines, and what to do about it.
func (db *DB) ReturnReasons(ctx context.Context) ([]ledger.ReturnReason, error) {
	var rows []reasonRow
	if err := db.read.WithContext(ctx).Order("code").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read return reasons: %w", err)
	}
	reasons := make([]ledger.ReturnReason, len(rows))
	for i, r := range rows {
		reasons[i] = ledger.ReturnReason{Code: r.Code, Kind: r.Kind, Name: bilingual.T(r.NameZH, r.NameEN), ToDo: bilingual.T(r.TodoZH, r.TodoEN), Words: strings.Split(r.Words, "|")}
	}
	return reasons, nil
}
