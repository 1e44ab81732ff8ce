package store

import (
	"context"
	"encoding/json"
)

// RawApplication returns the row of an application as the database has it.
func (db *DB) RawApplication(ctx context.Context, id string) (string, error) {
	row := map[string]any{}
	if err := db.read.WithContext(ctx).Table("applications").Where("id = ?", id).Take(&row).Error; err != nil {
		return "", err
	}
	text, err := json.Marshal(row)
	return string(text), err
}

// TakeBackAll has the engine take the whole transaction back, as SQLite does
// when the disk is full.
func (tx *Tx) TakeBackAll() { tx.db.Exec("ROLLBACK") }
