package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/fault"
)

// Event is one change as the audit keeps it. Before and After are JSON objects
// of the values that changed; personal numbers in them are masked.
type Event struct {
	Seq          int64
	At           string // RFC 3339 UTC, text because it is part of the hash
	ActorID      string
	ActorName    string
	Role         string
	RequestID    string
	Action       string
	Entity       string
	EntityID     string
	AssetID      string
	CityCode     string
	DistrictCode string
	Reason       string
	Before       string
	After        string
	PrevHash     string
	Hash         string
}

// TableName is gorm's hook for the table of events.
func (Event) TableName() string { return "audit_events" }

// digest returns the hash of an event: SHA-256 over the previous hash and the
// event's fields in a fixed order as JSON.
func (e Event) digest() string {
	e.Hash = ""
	body, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and integers only
	}
	sum := sha256.Sum256(append([]byte(e.PrevHash), body...))
	return hex.EncodeToString(sum[:])
}

// Record appends an event to the transaction. The actor, the instant and the
// request are those of the transaction.
func (tx *Tx) Record(e Event, before, after any) error {
	var err error
	if e.Before, err = jsonText(before); err != nil {
		return err
	}
	if e.After, err = jsonText(after); err != nil {
		return err
	}
	e.At = tx.At.Format(time.RFC3339Nano)
	e.ActorID, e.ActorName, e.Role, e.RequestID = tx.By.ID, tx.By.Name, string(tx.By.Role), tx.By.RequestID
	tx.events = append(tx.events, e)
	return nil
}

// rawJSON is a text that is JSON already.
type rawJSON string

func jsonText(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	if text, made := v.(rawJSON); made {
		return string(text), nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", fmt.Errorf("store: audit value: %w", err)
	}
	return string(bytes.TrimSpace(b.Bytes())), nil
}

// auditHead is where the chain ends.
type auditHead struct {
	Seq  int64
	Hash string
}

func (auditHead) TableName() string { return "audit_head" }

// flushEvents chains and inserts the events at the end of the transaction, or
// before it where there are so many that they would fill the memory. The head row
// makes concurrent transactions queue up, so that the chain has no fork.
func (tx *Tx) flushEvents() error {
	if len(tx.events) == 0 {
		return nil
	}
	head, err := tx.moveHead()
	if err != nil {
		return err
	}
	if err := insertAll(tx, tx.events); err != nil {
		return fmt.Errorf("store: append to the audit: %w", err)
	}
	tx.events = tx.events[:0]
	tx.store.auditHead.Store(&head)
	return nil
}

// moveHead chains the events to where the audit ends and moves its end on. On
// SQLite it is mostly where this program left it, which moving it finds out.
func (tx *Tx) moveHead() (auditHead, error) {
	if last := tx.store.auditHead.Load(); last != nil && tx.store.engine == SQLite {
		head := tx.chain(*last)
		if err := tx.putHead(*last, head); err == nil || !fault.Is(err, fault.Stale) {
			return head, err
		}
	}
	test := "id = 1"
	if tx.store.engine == Postgres {
		test += " FOR UPDATE"
	}
	heads, err := find[auditHead](tx.db, test)
	if err != nil || len(heads) != 1 {
		return auditHead{}, errors.Join(fmt.Errorf("store: the audit has %d heads", len(heads)), err)
	}
	head := tx.chain(heads[0])
	return head, tx.putHead(heads[0], head)
}

// chain numbers the events after an end of the audit and returns the new one.
func (tx *Tx) chain(head auditHead) auditHead {
	for i := range tx.events {
		e := &tx.events[i]
		e.Seq, e.PrevHash = head.Seq+1, head.Hash
		e.Hash = e.digest()
		head = auditHead{e.Seq, e.Hash}
	}
	return head
}

func (tx *Tx) putHead(before, after auditHead) error {
	p := tx.store.placeholder
	return tx.execOne("UPDATE audit_head SET seq = "+p(1)+", hash = "+p(2)+" WHERE id = 1 AND seq = "+p(3)+" AND hash = "+p(4), after.Seq, after.Hash, before.Seq, before.Hash)
}

// EventFilter narrows a list of events. After is the seq to go on from,
// downwards.
type EventFilter struct {
	AssetID  string
	Entity   string
	EntityID string
	ActorID  string
	Before   int64
	Limit    int
}

// Events returns events of the scope, newest first. An event stays with the
// city in which it was written; the history of one asset goes with the asset,
// so that whoever has it now sees all of it.
func (db *DB) Events(ctx context.Context, scope access.Scope, f EventFilter) ([]Event, error) {
	q := inScope(db.read.WithContext(ctx).Model(&Event{}), scope, true)
	if f.AssetID != "" && !scope.IsProvince() {
		fresh := func() *gorm.DB { return db.read.WithContext(ctx).Session(&gorm.Session{NewDB: true}) }
		held := inScope(fresh().Table("assets").Select("1"), scope, true).Where("assets.id = audit_events.asset_id")
		q = db.read.WithContext(ctx).Model(&Event{}).Where(inScope(fresh(), scope, true).Or("EXISTS (?)", held))
	}
	for column, value := range map[string]string{"asset_id": f.AssetID, "entity": f.Entity, "entity_id": f.EntityID, "actor_id": f.ActorID} {
		if value != "" {
			q = q.Where(column+" = ?", value)
		}
	}
	if f.Before > 0 {
		q = q.Where("seq < ?", f.Before)
	}
	var events []Event
	return events, q.Order("seq DESC").Limit(f.Limit).Find(&events).Error
}

// LastEvents returns the last event of each asset that the actor's area holds
// now, whoever wrote it.
func (tx *Tx) LastEvents(assetIDs []string) (map[string]Event, error) {
	last := map[string]Event{}
	if len(assetIDs) == 0 {
		return last, nil
	}
	held := inScope(tx.db.Model(&assetRow{}), tx.By.Scope, true).Select("id").Where("id IN ?", assetIDs)
	newest := tx.db.Model(&Event{}).Select("MAX(seq)").Where("asset_id IN (?)", held).Group("asset_id")
	var events []Event
	if err := tx.db.Where("seq IN (?)", newest).Find(&events).Error; err != nil {
		return nil, fmt.Errorf("store: read the last events of assets: %w", err)
	}
	for _, e := range events {
		last[e.AssetID] = e
	}
	return last, nil
}

// AuditMark is where the audit ended at a moment. Printed on paper it proves
// later that nothing before it was changed: the chain must still go through it.
type AuditMark struct {
	Seq  int64
	Hash string
}

// String is the mark as it is printed: number, colon, hash.
func (m AuditMark) String() string { return fmt.Sprintf("%d:%s", m.Seq, m.Hash) }

// AuditMark returns the mark of the last event.
func (db *DB) AuditMark(ctx context.Context) (m AuditMark, err error) {
	if err := db.read.WithContext(ctx).Raw("SELECT seq, hash FROM audit_head WHERE id = 1").Scan(&m).Error; err != nil {
		return m, fmt.Errorf("store: read the audit's head: %w", err)
	}
	return m, nil
}

// VerifyMark fails unless a printed mark lies on the chain. Together with
// VerifyChain it proves that what was printed and all before it is unchanged.
func (db *DB) VerifyMark(ctx context.Context, mark string) error {
	var m AuditMark
	if n, err := fmt.Sscanf(mark, "%d:%s", &m.Seq, &m.Hash); n != 2 || err != nil {
		return fmt.Errorf("%q is not a mark: it is a number, a colon and 64 signs", mark)
	}
	var hashes []string
	if err := db.read.WithContext(ctx).Model(&Event{}).Where("seq = ?", m.Seq).Limit(1).Pluck("hash", &hashes).Error; err != nil {
		return fmt.Errorf("store: read the audit: %w", err)
	}
	if len(hashes) == 0 || hashes[0] != m.Hash {
		return fmt.Errorf("the audit does not go through %s: it was changed after that was printed, or this is another database", mark)
	}
	return nil
}

// VerifyChain walks the whole audit and returns how many events it holds, or
// the first doubt: a gap, a changed event, a cut or forged tail.
func (db *DB) VerifyChain(ctx context.Context) (int64, error) {
	var seq int64
	hash := ""
	for {
		var events []Event
		err := db.read.WithContext(ctx).Model(&Event{}).Where("seq > ?", seq).Order("seq").Limit(1000).Find(&events).Error
		if err != nil {
			return seq, fmt.Errorf("store: read the audit: %w", err)
		}
		for _, e := range events {
			switch {
			case e.Seq != seq+1:
				return seq, fmt.Errorf("audit event %d is missing", seq+1)
			case e.PrevHash != hash:
				return seq, fmt.Errorf("audit event %d does not follow event %d", e.Seq, seq)
			case e.Hash != e.digest():
				return seq, fmt.Errorf("audit event %d was changed after it was written", e.Seq)
			}
			seq, hash = e.Seq, e.Hash
		}
		if len(events) == 0 {
			break
		}
	}
	head, err := db.AuditMark(ctx)
	if err != nil {
		return seq, err
	}
	if head.Seq != seq || head.Hash != hash {
		return seq, fmt.Errorf("the audit ends at event %d, its head says %d", seq, head.Seq)
	}
	return seq, nil
}
