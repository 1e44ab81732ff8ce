package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/subsidy"
)

type recoveryRow struct {
	ID            string
	CityCode      string
	ApplicationID string
	AssetLabel    string
	PayeeName     string
	OwnerName     string
	AccountKey    string
	ReasonCode    string
	Reason        string
	Document      string
	AmountFen     money.Fen
	ReceivedFen   money.Fen
	OffsetFen     money.Fen
	PendingFen    money.Fen
	MayOffset     bool
	DueOn         civil.Day
	State         string
	OpenedBy      string
	OpenedByName  string
	OpenedAt      time.Time
	ClosedBy      string
	ClosedByName  string
	ClosedAt      *time.Time
	CloseReason   string
	Version       int64
}

func (recoveryRow) TableName() string { return "recoveries" }

type instalmentRow struct {
	CaseID    string
	Position  int64
	DueOn     civil.Day
	AmountFen money.Fen
}

func (instalmentRow) TableName() string { return "recovery_instalments" }

type receiptRow struct {
	ID         string
	CaseID     string
	CityCode   string
	Kind       string
	AmountFen  money.Fen
	ReceivedOn civil.Day
	Reference  string
	By         string    `gorm:"column:booked_by"`
	ByName     string    `gorm:"column:booked_by_name"`
	At         time.Time `gorm:"column:booked_at"`
}

func (receiptRow) TableName() string { return "recovery_receipts" }

// accountKey is by what a payee's account is known again without keeping it.
func accountKey(account string) string {
	figures := ledger.Figures(account)
	if figures == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("recovery/" + figures))
	return hex.EncodeToString(sum[:])
}

// Recoverable returns how much of what was paid for an application no case
// claims yet.
func (tx *Tx) Recoverable(a subsidy.Application) (money.Fen, error) {
	claims, err := tx.claims([]string{a.ID}, "paid")
	if err != nil {
		return 0, err
	}
	var left money.Fen
	for _, c := range claims {
		left += c.Fen
	}
	var claimed money.Fen
	if err := tx.db.Raw("SELECT COALESCE(SUM(amount_fen), 0) FROM recoveries WHERE application_id = ? AND state <> 'withdrawn'", a.ID).Scan(&claimed).Error; err != nil {
		return 0, fmt.Errorf("store: what is recovered of an application: %w", err)
	}
	return left - claimed, nil
}

// OpenRecovery adds a case with its instalments and books the claim.
func (tx *Tx) OpenRecovery(r *ledger.Recovery, a subsidy.Application, instalments []ledger.Instalment) error {
	r.CityCode, r.ApplicationID, r.AssetLabel, r.PayeeName, r.OwnerName, r.AccountKey = a.CityCode, a.ID, a.AssetLabel, a.PayeeName, a.OwnerName, accountKey(a.PayeeAccount)
	r.State, r.Version, r.OpenedBy, r.OpenedByName, r.OpenedAt = "open", 1, tx.By.ID, tx.By.Name, tx.At
	row := recoveryRow(*r)
	if err := tx.db.Create(&row).Error; err != nil {
		return fmt.Errorf("store: open a recovery: %w", err)
	}
	parts := make([]instalmentRow, len(instalments))
	for i, p := range instalments {
		parts[i] = instalmentRow{r.ID, int64(i + 1), p.DueOn, p.AmountFen}
	}
	if err := insertAll(tx, parts); err != nil {
		return fmt.Errorf("store: instalments: %w", err)
	}
	if err := tx.post(dueEntry(*r, r.AmountFen)); err != nil {
		return err
	}
	return tx.Record(Event{Action: "open", Entity: "recovery", EntityID: r.ID, CityCode: r.CityCode, Reason: r.Reason}, nil,
		map[string]any{"application_id": r.ApplicationID, "amount_fen": r.AmountFen, "due_on": r.DueOn, "reason_code": r.ReasonCode})
}

func dueEntry(r ledger.Recovery, amount money.Fen) ledger.Entry {
	return ledger.Entry{CityCode: r.CityCode, Kind: ledger.RecoveryDue, ApplicationID: r.ApplicationID, CaseID: r.ID, Document: r.Document, Note: r.Reason,
		Postings: []ledger.Posting{{Account: ledger.Receivable, CaseID: r.ID, Fen: amount}, {Account: ledger.Claim, CaseID: r.ID, Fen: -amount}}}
}

// WithdrawRecovery ends a case; what is still owed is owed no more.
func (tx *Tx) WithdrawRecovery(before ledger.Recovery, reason string) (ledger.Recovery, error) {
	after := before
	after.State, after.ClosedBy, after.ClosedByName, after.ClosedAt, after.CloseReason = "withdrawn", tx.By.ID, tx.By.Name, &tx.At, reason
	if rest := before.Outstanding(); rest > 0 {
		if err := tx.post(dueEntry(before, -rest)); err != nil {
			return before, err
		}
	}
	return after, tx.updateRecovery(before, &after, "withdraw", reason)
}

// BookReceipt books what a payee paid back. A reference that was booked before
// in the city fails with Conflict.
func (tx *Tx) BookReceipt(before ledger.Recovery, r ledger.Receipt) (ledger.Recovery, error) {
	after := before
	after.ReceivedFen += r.AmountFen
	if after.Outstanding() == 0 {
		after.State, after.ClosedBy, after.ClosedByName, after.ClosedAt = "settled", tx.By.ID, tx.By.Name, &tx.At
	}
	r.Kind = "receipt"
	if err := tx.bookBack(before, r, ledger.PaidBack, 1); err != nil {
		return before, err
	}
	return after, tx.updateRecovery(before, &after, "receipt", r.Reference)
}

// bookBack books money of a case that came back, or with sign -1 that it was
// booked wrongly: onto the lines that had paid it while their year is open,
// else as money to be returned to its source. It is divided like the payment.
func (tx *Tx) bookBack(c ledger.Recovery, r ledger.Receipt, kind ledger.Kind, sign money.Fen) error {
	r.ID, r.CaseID, r.CityCode, r.By, r.ByName, r.At = uuid.Must(uuid.NewV7()).String(), c.ID, c.CityCode, tx.By.ID, tx.By.Name, tx.At
	row := receiptRow(r)
	if err := tx.db.Create(&row).Error; duplicate(err) {
		return fault.New(fault.Conflict, "receipt_repeated", bilingual.F("凭证号 %s 已登记过", "the reference %s was booked before", r.Reference)).WithMend("请核对是否重复登记", "see whether it is booked twice")
	} else if err != nil {
		return fmt.Errorf("store: book a receipt: %w", err)
	}
	claims, err := tx.claims([]string{c.ApplicationID}, "paid")
	if err != nil {
		return err
	}
	if len(claims) == 0 {
		return fault.New(fault.Conflict, "funds_not_held", bilingual.T("该笔补贴没有已支付的资金", "nothing is paid for the application"))
	}
	weights, back := make([]money.Fen, len(claims)), r.AmountFen*sign
	for i, claim := range claims {
		weights[i] = claim.Fen
		back += claim.BackFen
	}
	entry := ledger.Entry{CityCode: c.CityCode, Kind: kind, ApplicationID: c.ApplicationID, CaseID: c.ID, Document: r.Reference, Postings: []ledger.Posting{
		{Account: ledger.Receivable, CaseID: c.ID, Fen: -r.AmountFen * sign}, {Account: ledger.Claim, CaseID: c.ID, Fen: r.AmountFen * sign}}}
	for i, total := range ledger.Proportion(back, weights) {
		part := total - claims[i].BackFen
		if part == 0 {
			continue
		}
		line, err := loadBudgetLine(tx.db, access.Whole(), claims[i].LineID)
		if err != nil {
			return err
		}
		if line.Closed {
			entry.Postings = append(entry.Postings, ledger.Posting{Account: ledger.Returnable, CaseID: c.ID, Source: line.Source, Fen: part},
				ledger.Posting{Account: ledger.Income, CaseID: c.ID, Source: line.Source, Fen: -part})
		} else {
			entry.Postings = append(entry.Postings, ledger.Move(line, ledger.Paid, ledger.Free, part)...)
		}
		res := tx.db.Exec("UPDATE fund_claims SET back_fen = back_fen + ? WHERE application_id = ? AND position = ? AND state = 'paid' AND back_fen + ? <= fen", part, c.ApplicationID, claims[i].Position, part)
		if err := affect(res, stale()); err != nil {
			return err
		}
	}
	return tx.post(entry)
}

func (tx *Tx) updateRecovery(before ledger.Recovery, after *ledger.Recovery, action, reason string) error {
	after.Version = before.Version + 1
	res := inScope(tx.db.Model(&recoveryRow{}), tx.By.Scope, false).Where("id = ? AND version = ?", before.ID, before.Version).Updates(map[string]any{
		"received_fen": after.ReceivedFen, "offset_fen": after.OffsetFen, "pending_fen": after.PendingFen, "state": after.State, "closed_by": after.ClosedBy,
		"closed_by_name": after.ClosedByName, "closed_at": after.ClosedAt, "close_reason": after.CloseReason, "version": after.Version})
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.Record(Event{Action: action, Entity: "recovery", EntityID: before.ID, CityCode: before.CityCode, Reason: reason},
		map[string]any{"state": before.State, "received_fen": before.ReceivedFen, "offset_fen": before.OffsetFen},
		map[string]any{"state": after.State, "received_fen": after.ReceivedFen, "offset_fen": after.OffsetFen})
}

// Owing returns the open cases that keep back from payments to any of the
// applications, by application: those of the same account or the same owner.
func (tx *Tx) Owing(applications []subsidy.Application) (map[string][]ledger.Recovery, error) {
	keys, names := map[string]bool{}, map[string]bool{}
	for _, a := range applications {
		if k := accountKey(a.PayeeAccount); k != "" {
			keys[k] = true
		}
		names[a.OwnerName] = true
	}
	var rows []recoveryRow
	err := inScope(tx.db, tx.By.Scope, false).Where("state = 'open' AND may_offset AND received_fen + offset_fen + pending_fen < amount_fen").
		Where("(account_key IN ? OR owner_name IN ?) AND EXISTS (SELECT 1 FROM fund_claims WHERE fund_claims.application_id = recoveries.application_id AND fund_claims.state = 'paid')", keysOf(keys), keysOf(names)).Order("id").Limit(1000).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: who owes: %w", err)
	}
	owing := map[string][]ledger.Recovery{}
	for _, a := range applications {
		key := accountKey(a.PayeeAccount)
		for _, r := range rows {
			if a.CityCode == r.CityCode && (key != "" && key == r.AccountKey || a.OwnerName != "" && a.OwnerName == r.OwnerName) {
				owing[a.ID] = append(owing[a.ID], ledger.Recovery(r))
			}
		}
	}
	return owing, nil
}

func keysOf(set map[string]bool) []string {
	list := []string{""}
	for k := range set {
		if k != "" {
			list = append(list, k)
		}
	}
	return list
}

// holdOffsets notes on the cases what lines of a batch are to keep back.
func (tx *Tx) holdOffsets(lines []ledger.BatchLine, sign money.Fen) error {
	for _, l := range lines {
		if l.OffsetFen == 0 {
			continue
		}
		if sign > 0 {
			if err := tx.stillPaid(l.CaseID); err != nil {
				return err
			}
		}
		res := tx.db.Exec("UPDATE recoveries SET pending_fen = pending_fen + ?, version = version + 1 WHERE id = ? AND pending_fen + ? >= 0 AND received_fen + offset_fen + pending_fen + ? <= amount_fen",
			l.OffsetFen*sign, l.CaseID, l.OffsetFen*sign, l.OffsetFen*sign)
		if err := affect(res, stale()); err != nil {
			return err
		}
	}
	return nil
}

// stillPaid fails as stale if the payment that a case is about came back
// meanwhile, and keeps it from coming back until the transaction ends.
func (tx *Tx) stillPaid(caseID string) error {
	var claims []claimRow
	err := tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Where("state = 'paid' AND application_id = (SELECT application_id FROM recoveries WHERE id = ?)", caseID).Find(&claims).Error
	if err != nil {
		return fmt.Errorf("store: read the claims of a case: %w", err)
	}
	if len(claims) == 0 {
		return stale()
	}
	return nil
}

// keptBackFor reports whether a batch under way keeps money back for a payment
// of one of the applications.
func (tx *Tx) keptBackFor(applicationIDs []string) (bool, error) {
	var n int64
	if err := tx.db.Model(&recoveryRow{}).Where("application_id IN ? AND pending_fen > 0", applicationIDs).Count(&n).Error; err != nil {
		return false, fmt.Errorf("store: who keeps back: %w", err)
	}
	return n > 0, nil
}

// bookOffset books what a line that was paid has kept back; undone, that the
// money of the line came back and with it the debt.
func (tx *Tx) bookOffset(b ledger.Batch, l ledger.BatchLine, undone bool) error {
	before, err := loadRecovery(tx.db, tx.By.Scope, l.CaseID)
	if err != nil {
		return err
	}
	after, sign, kind := before, money.Fen(1), "offset"
	if undone {
		sign, kind = -1, "offset_undone"
	} else {
		after.PendingFen -= l.OffsetFen
	}
	after.OffsetFen += l.OffsetFen * sign
	after.State, after.ClosedBy, after.ClosedByName, after.ClosedAt = "open", "", "", nil
	if after.Outstanding() == 0 {
		after.State, after.ClosedBy, after.ClosedByName, after.ClosedAt = "settled", tx.By.ID, tx.By.Name, &tx.At
	}
	reference := fmt.Sprintf("%s/%d", b.Number, l.LineNo)
	if err := tx.bookBack(before, ledger.Receipt{Kind: kind, AmountFen: l.OffsetFen, ReceivedOn: civil.On(tx.At), Reference: reference}, ledger.Offset, sign); err != nil {
		return err
	}
	return tx.updateRecovery(before, &after, kind, reference)
}

// Recovery returns a case of the scope, or NotFound.
func (db *DB) Recovery(ctx context.Context, scope access.Scope, id string) (ledger.Recovery, error) {
	return loadRecovery(db.read.WithContext(ctx), scope, id)
}

// Recovery returns a case of the actor's scope, or NotFound.
func (tx *Tx) Recovery(id string) (ledger.Recovery, error) {
	return loadRecovery(tx.db, tx.By.Scope, id)
}

func loadRecovery(q *gorm.DB, scope access.Scope, id string) (ledger.Recovery, error) {
	var rows []recoveryRow
	if err := inScope(q, scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return ledger.Recovery{}, fmt.Errorf("store: read a recovery: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Recovery{}, fault.Missing()
	}
	return ledger.Recovery(rows[0]), nil
}

// RecoveryDetails returns the instalments and receipts of a case that the
// caller has loaded in its scope.
func (db *DB) RecoveryDetails(ctx context.Context, id string) ([]ledger.Instalment, []ledger.Receipt, error) {
	var parts []instalmentRow
	if err := db.read.WithContext(ctx).Where("case_id = ?", id).Order("position").Find(&parts).Error; err != nil {
		return nil, nil, fmt.Errorf("store: read instalments: %w", err)
	}
	var rows []receiptRow
	if err := db.read.WithContext(ctx).Where("case_id = ?", id).Order("id").Find(&rows).Error; err != nil {
		return nil, nil, fmt.Errorf("store: read receipts: %w", err)
	}
	instalments, receipts := make([]ledger.Instalment, len(parts)), make([]ledger.Receipt, len(rows))
	for i, p := range parts {
		instalments[i] = ledger.Instalment{DueOn: p.DueOn, AmountFen: p.AmountFen}
	}
	for i, r := range rows {
		receipts[i] = ledger.Receipt(r)
	}
	return instalments, receipts, nil
}

// Recoveries returns one page of cases of the scope, newest first.
func (db *DB) Recoveries(ctx context.Context, scope access.Scope, city, state string, p Page) ([]ledger.Recovery, error) {
	q := inScope(db.read.WithContext(ctx), scope, false)
	for column, value := range map[string]string{"city_code": city, "state": state} {
		if value != "" {
			q = q.Where(column+" = ?", value)
		}
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []recoveryRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list recoveries: %w", err)
	}
	list := make([]ledger.Recovery, len(rows))
	for i, r := range rows {
		list[i] = ledger.Recovery(r)
	}
	return list, nil
}

// RecoveryRate sums the cases of the scope that were not withdrawn.
func (db *DB) RecoveryRate(ctx context.Context, scope access.Scope, city string) (ledger.Rate, error) {
	q := inScope(db.read.WithContext(ctx).Table("recoveries"), scope, false).Where("state <> 'withdrawn'")
	if city != "" {
		q = q.Where("city_code = ?", city)
	}
	var rate ledger.Rate
	err := q.Select(`COUNT(*) AS cases, COALESCE(SUM(amount_fen), 0) AS amount_fen, COALESCE(SUM(received_fen + offset_fen), 0) AS back_fen,
		COALESCE(SUM(pending_fen), 0) AS pending_fen, COALESCE(SUM(CASE WHEN state = 'open' THEN 1 ELSE 0 END), 0) AS open,
		COALESCE(SUM(CASE WHEN state = 'open' AND due_on < ? THEN 1 ELSE 0 END), 0) AS overdue`, civil.On(db.Now())).Scan(&rate).Error
	if err != nil {
		return rate, fmt.Errorf("store: recovery rate: %w", err)
	}
	return rate, nil
}
