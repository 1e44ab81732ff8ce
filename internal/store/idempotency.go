package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// Key is a client's promise that a request is the same as an earlier one.
type Key struct {
	Operation   string // the operation that it was sent to
	Value       string // the Idempotency-Key header
	Fingerprint string // SHA-256 of what was asked
}

type answerRow struct {
	ActorID     string
	Operation   string
	Key         string
	Fingerprint string
	Answer      string
	CreatedAt   time.Time
}

func (answerRow) TableName() string { return "idempotency" }

// Answered reports whether the actor got an answer under the key before, and
// if so decodes it into answer. The same key with another request fails with
// Invalid idempotency_key_reused.
func (db *DB) Answered(ctx context.Context, actorID string, k Key, answer any) (bool, error) {
	var rows []answerRow
	err := db.write.WithContext(ctx).Where("actor_id = ? AND operation = ? AND key = ?", actorID, k.Operation, k.Value).Limit(1).Find(&rows).Error
	if err != nil {
		return false, fmt.Errorf("store: look up an idempotency key: %w", err)
	}
	if len(rows) == 0 {
		return false, nil
	}
	if rows[0].Fingerprint != k.Fingerprint {
		return false, fault.New(fault.Invalid, "idempotency_key_reused",
			bilingual.T("同一 Idempotency-Key 用于了不同的请求", "this Idempotency-Key was used for another request")).
			WithMend("新的请求请使用新的 Idempotency-Key", "use a new key for a new request")
	}
	if err := json.Unmarshal([]byte(rows[0].Answer), answer); err != nil {
		return false, fmt.Errorf("store: kept answer: %w", err)
	}
	return true, nil
}

// Keep stores the answer under the key in the same transaction as the work,
// so that neither is without the other, across restarts too. It reports
// whether another request with the key came first.
func (tx *Tx) Keep(k Key, answer any) (lost bool, err error) {
	text, err := json.Marshal(answer)
	if err != nil {
		return false, fmt.Errorf("store: keep an answer: %w", err)
	}
	err = tx.db.Create(&answerRow{ActorID: tx.By.ID, Operation: k.Operation, Key: k.Value, Fingerprint: k.Fingerprint,
		Answer: string(text), CreatedAt: tx.At}).Error
	if duplicate(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("store: keep an answer: %w", err)
	}
	return false, nil
}
