package store

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/seal"
)

// Ring returns the keys under which people's numbers are sealed.
func (db *DB) Ring() *seal.Ring { return db.ring }

const (
	hashKeyName  = "hash_key"
	hashKeyPlace = "sealed_settings/hash_key"
)

type sealedSetting struct {
	Name  string `gorm:"primaryKey"`
	Value string
}

// UseRing takes the keys into use. The key of keyed hashes is kept in the
// database, sealed, from the first time on: equal numbers are told by their
// hashes however often the keys change.
func (db *DB) UseRing(ctx context.Context, r *seal.Ring) error {
	db.ring = r
	var kept []sealedSetting
	find := func() error {
		if err := db.read.WithContext(ctx).Where("name = ?", hashKeyName).Limit(1).Find(&kept).Error; err != nil {
			return fmt.Errorf("store: read the key of hashes: %w", err)
		}
		return nil
	}
	if err := find(); err != nil {
		return err
	}
	if len(kept) == 0 {
		first := sealedSetting{hashKeyName, r.Seal(r.HashKey(), hashKeyPlace)}
		if err := db.write.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&first).Error; err != nil {
			return fmt.Errorf("store: keep the key of hashes: %w", err)
		}
		if err := find(); err != nil { // another process may have been first
			return err
		}
	}
	key, err := r.Open(kept[0].Value, hashKeyPlace)
	if err != nil {
		return fmt.Errorf("store: the key of hashes: %w", err)
	}
	return r.UseHashKey(key)
}

// ResealSettings seals what the program sealed for itself under the key in use.
func (db *DB) ResealSettings(ctx context.Context, by access.Actor) error {
	return db.Write(ctx, by, func(tx *Tx) error {
		var kept []sealedSetting
		if err := tx.db.Where("name = ?", hashKeyName).Limit(1).Find(&kept).Error; err != nil {
			return fmt.Errorf("store: read the key of hashes: %w", err)
		}
		if len(kept) == 0 || db.ring.Current(kept[0].Value) {
			return nil
		}
		key, err := db.ring.Open(kept[0].Value, hashKeyPlace)
		if err != nil {
			return fmt.Errorf("store: the key of hashes: %w", err)
		}
		return tx.db.Model(&sealedSetting{}).Where("name = ?", hashKeyName).Update("value", db.ring.Seal(key, hashKeyPlace)).Error
	})
}

// applicationSecrets are the sealed columns of applications, as secrets has them.
var applicationSecrets = []string{"payee_account", "applicant_phone", "agent_id", "agent_phone"}

// staleSeal is a condition that finds rows with a value that is not sealed under
// the key in use.
func (db *DB) staleSeal(columns ...string) (condition string, args []any) {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = "(" + c + " <> '' AND " + c + " NOT LIKE ?)"
		args = append(args, db.ring.Mark()+"%")
	}
	return "(" + strings.Join(parts, " OR ") + ")", args
}

// SealedBefore counts the rows with values that are not under the key in use.
func (db *DB) SealedBefore(ctx context.Context) (int64, error) {
	left := int64(0)
	for table, columns := range map[string][]string{"applications": applicationSecrets, "payment_lines": {"payee_account"}, "sealed_settings": {"value"}} {
		condition, args := db.staleSeal(columns...)
		var n int64
		if err := db.read.WithContext(ctx).Table(table).Where(condition, args...).Count(&n).Error; err != nil {
			return 0, fmt.Errorf("store: count values under an old key: %w", err)
		}
		left += n
	}
	return left, nil
}

// ResealApplications seals the numbers of at most limit applications after an
// id under the key in use. It returns how many and the last id, "" at the end.
// What an application is does not change, so that its version stays.
func (db *DB) ResealApplications(ctx context.Context, by access.Actor, after string, limit int) (n int, last string, err error) {
	err = db.Write(ctx, by, func(tx *Tx) error {
		condition, args := db.staleSeal(applicationSecrets...)
		var rows []applicationRow
		if err := tx.db.Select("id", "payee_account", "applicant_phone", "agent_id", "agent_phone").Where("id > ?", after).Where(condition, args...).Order("id").Limit(limit).Find(&rows).Error; err != nil {
			return fmt.Errorf("store: read sealed numbers: %w", err)
		}
		n, last = len(rows), ""
		for _, r := range rows {
			fresh, was := map[string]any{}, tx.db.Model(&applicationRow{}).Where("id = ?", r.ID)
			for column, value := range r.secrets() {
				plain, err := db.ring.Open(*value, "applications/"+r.ID+"/"+column)
				if err != nil {
					return fmt.Errorf("store: %s of application %s: %w", column, r.ID, err)
				}
				fresh[column] = db.ring.Seal(plain, "applications/"+r.ID+"/"+column)
				was = was.Where(column+" = ?", *value)
			}
			// Nothing is lost if a clerk changed it meanwhile: that is under the key in use.
			if err := was.Updates(fresh).Error; err != nil {
				return fmt.Errorf("store: seal application %s again: %w", r.ID, err)
			}
			last = r.ID
		}
		return nil
	})
	return n, last, err
}

// ResealLines is ResealApplications for the accounts in batches; after and last
// are the batch and number of a line, apart by a slash.
func (db *DB) ResealLines(ctx context.Context, by access.Actor, after string, limit int) (n int, last string, err error) {
	var batch string
	var number int64
	if after != "" {
		if _, err := fmt.Sscanf(strings.Replace(after, "/", " ", 1), "%s %d", &batch, &number); err != nil {
			return 0, "", fmt.Errorf("store: seal lines after %q: %w", after, err)
		}
	}
	err = db.Write(ctx, by, func(tx *Tx) error {
		condition, args := db.staleSeal("payee_account")
		var rows []paymentLineRow
		err := tx.db.Select("batch_id", "line_no", "payee_account").Where("(batch_id, line_no) > (?, ?)", batch, number).Where(condition, args...).
			Order("batch_id, line_no").Limit(limit).Find(&rows).Error
		if err != nil {
			return fmt.Errorf("store: read sealed accounts: %w", err)
		}
		n, last = len(rows), ""
		for _, r := range rows {
			place := lineAccount(r.BatchID, r.LineNo)
			plain, err := db.ring.Open(r.PayeeAccount, place)
			if err != nil {
				return fmt.Errorf("store: account of line %d of batch %s: %w", r.LineNo, r.BatchID, err)
			}
			err = tx.db.Model(&paymentLineRow{}).Where("batch_id = ? AND line_no = ?", r.BatchID, r.LineNo).Update("payee_account", db.ring.Seal(plain, place)).Error
			if err != nil {
				return fmt.Errorf("store: seal line %d of batch %s again: %w", r.LineNo, r.BatchID, err)
			}
			last = fmt.Sprintf("%s/%d", r.BatchID, r.LineNo)
		}
		return nil
	})
	return n, last, err
}

// Answer returns an answer of the bank of the scope, or NotFound.
func (db *DB) Answer(ctx context.Context, scope access.Scope, id string) (ledger.Answer, error) {
	var rows []bankAnswerRow
	if err := inScope(db.read.WithContext(ctx), scope, false).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return ledger.Answer{}, fmt.Errorf("store: read an answer: %w", err)
	}
	if len(rows) == 0 {
		return ledger.Answer{}, fault.Missing()
	}
	return ledger.Answer(rows[0]), nil
}

// AnswersAfter returns answers of all cities in the order of their ids.
func (db *DB) AnswersAfter(ctx context.Context, after string, limit int) ([]ledger.Answer, error) {
	var rows []bankAnswerRow
	if err := db.read.WithContext(ctx).Where("id > ?", after).Order("id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list answers: %w", err)
	}
	list := make([]ledger.Answer, len(rows))
	for i, r := range rows {
		list[i] = ledger.Answer(r)
	}
	return list, nil
}

// MoveAnswerFile notes that the file of an answer lies under another name.
func (tx *Tx) MoveAnswerFile(before ledger.Answer, blob string) error {
	return affect(tx.db.Model(&bankAnswerRow{}).Where("id = ? AND file_blob = ?", before.ID, before.FileBlob).Update("file_blob", blob), stale())
}
