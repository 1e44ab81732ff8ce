package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// ServerKey is the key of another system that reports sightings. The key itself
// is shown once, when it is made; only its hash is kept.
type ServerKey struct {
	ID         string
	Name       string
	Source     string // gate, inspection, obd or patrol
	CityCode   string // where it stands, "" for the whole province
	Hash       string
	Hint       string    // its last signs
	ExpiresOn  civil.Day // last day on which it is taken, "" for none
	CreatedBy  string
	CreatedAt  time.Time
	LastUsedAt *time.Time
	RevokedAt  *time.Time
	Lineage    string // id of the system's first key, by which it is known whichever key it uses
	Replaces   string // id of the key before, "" for a first one
	ReplacedBy string // id of the key after, "" as long as there is none
	Version    int64
}

// KeyState says whether a key is taken.
type KeyState string

// The states of a key. One that ends has been replaced and is taken up to its last day.
const (
	KeyActive  KeyState = "active"
	KeyEnding  KeyState = "ending"
	KeyExpired KeyState = "expired"
	KeyRevoked KeyState = "revoked"
)

// StateOn returns how the key stands on a day.
func (k ServerKey) StateOn(day civil.Day) KeyState {
	switch {
	case k.RevokedAt != nil:
		return KeyRevoked
	case k.ExpiresOn != "" && k.ExpiresOn < day:
		return KeyExpired
	case k.ReplacedBy != "":
		return KeyEnding
	}
	return KeyActive
}

// Live reports whether the key is taken on a day.
func (k ServerKey) Live(day civil.Day) bool {
	state := k.StateOn(day)
	return state == KeyActive || state == KeyEnding
}

func keyEvent(action string, k ServerKey) Event {
	return Event{Action: action, Entity: "server_key", EntityID: k.ID}
}

// CreateServerKey adds a key.
func (tx *Tx) CreateServerKey(k *ServerKey) error {
	k.Version, k.CreatedBy, k.CreatedAt = 1, tx.By.ID, tx.At
	if k.Lineage == "" {
		k.Lineage = k.ID
	}
	if err := tx.db.Create(k).Error; err != nil {
		return fmt.Errorf("store: create a server key: %w", err)
	}
	return tx.Record(keyEvent("create", *k), nil, map[string]string{"name": k.Name, "source": k.Source, "city": k.CityCode, "expires_on": string(k.ExpiresOn), "replaces": k.Replaces})
}

// ReplaceServerKey adds a key in the place of another one, which is taken up to
// a last day from now on. It fails with Conflict where somebody else was faster.
func (tx *Tx) ReplaceServerKey(before ServerKey, next *ServerKey, lastDay civil.Day) error {
	if err := tx.CreateServerKey(next); err != nil {
		return err
	}
	res := tx.db.Model(&ServerKey{}).Where("id = ? AND version = ?", before.ID, before.Version).
		Updates(map[string]any{"replaced_by": next.ID, "expires_on": lastDay, "version": before.Version + 1})
	if err := affect(res, fault.New(fault.Conflict, "wrong_state", bilingual.T("密钥刚被他人更改", "the key has just been changed by somebody else")).WithMend("请刷新后再试", "reload and try again")); err != nil {
		return err
	}
	return tx.Record(keyEvent("rotate", before), map[string]string{"expires_on": string(before.ExpiresOn)}, map[string]string{"expires_on": string(lastDay), "replaced_by": next.ID})
}

// ServerKey returns a key by its id, or NotFound.
func (tx *Tx) ServerKey(id string) (ServerKey, error) { return loadKey(tx.db, "id = ?", id) }

// RevokeServerKey ends a key.
func (tx *Tx) RevokeServerKey(id string) (ServerKey, error) {
	k, err := loadKey(tx.db, "id = ?", id)
	if err != nil {
		return k, err
	}
	k.RevokedAt, k.Version = &tx.At, k.Version+1
	res := tx.db.Model(&ServerKey{}).Where("id = ? AND revoked_at IS NULL", id).Updates(map[string]any{"revoked_at": tx.At, "version": k.Version})
	if err := affect(res, fault.New(fault.Conflict, "wrong_state", bilingual.T("密钥已停用", "the key is revoked already"))); err != nil {
		return k, err
	}
	return k, tx.Record(keyEvent("revoke", k), nil, nil)
}

// ServerKeys returns one page of the keys, the newest first. Only an
// administrator is let near them.
func (db *DB) ServerKeys(ctx context.Context, p Page) ([]ServerKey, error) {
	q := db.read.WithContext(ctx)
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var list []ServerKey
	if err := q.Order("id DESC").Limit(p.Limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("store: list server keys: %w", err)
	}
	return list, nil
}

// ServerKeyByHash returns the key with a hash, or NotFound.
func (db *DB) ServerKeyByHash(ctx context.Context, hash string) (ServerKey, error) {
	return loadKey(db.read.WithContext(ctx), "hash = ?", hash)
}

func loadKey(q *gorm.DB, test, value string) (ServerKey, error) {
	var list []ServerKey
	if err := q.Where(test, value).Limit(1).Find(&list).Error; err != nil {
		return ServerKey{}, fmt.Errorf("store: read a server key: %w", err)
	}
	if len(list) == 0 {
		return ServerKey{}, fault.Missing()
	}
	return list[0], nil
}

// UseServerKey notes that a key was used.
func (tx *Tx) UseServerKey(id string) error {
	if err := tx.db.Model(&ServerKey{}).Where("id = ?", id).Update("last_used_at", tx.At).Error; err != nil {
		return fmt.Errorf("store: note the use of a key: %w", err)
	}
	return nil
}

// LeftService is an identity that has left service, as a sighting meets it.
type LeftService struct {
	AssetID      string
	Kind         string
	Norm         string
	Status       registry.Status
	RetirementID string
	YardID       string
	HandedInOn   civil.Day
	Deregistered civil.Day `gorm:"column:deregistered_on"`
}

// LeftByIdentifier returns the identities among the numbers that have left
// service, over the whole province. Whoever asks is told nothing of them; what
// comes of it belongs to the city whose record it is.
func (tx *Tx) LeftByIdentifier(norms []string) ([]LeftService, error) {
	var list []LeftService
	err := tx.db.Table("asset_identifiers").Select("assets.id AS asset_id, asset_identifiers.kind, asset_identifiers.norm, assets.status, retirements.id AS retirement_id, retirements.yard_id, retirements.handed_in_on, retirements.deregistered_on").
		Joins("JOIN assets ON assets.id = asset_identifiers.asset_id").Joins("JOIN retirements ON retirements.asset_id = assets.id AND NOT retirements.withdrawn").
		Where("asset_identifiers.norm IN ? AND asset_identifiers.is_unique AND assets.status IN ?", norms,
			[]registry.Status{registry.HandedIn, registry.Dismantled, registry.Deregistered, registry.MovedOut, registry.PlateVoid}).Limit(1000).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("store: look sightings up: %w", err)
	}
	return list, nil
}

// Hold is what a case holds until a second person clears it: the open payments
// of a yard, or, where the register did not know the yard, of one retirement.
type Hold struct {
	CaseID        string
	YardID        string
	RetirementID  string
	HeldAt        time.Time
	ClearedAt     *time.Time
	ClearedBy     string
	ClearedByName string
	ClearReason   string
}

// TableName is gorm's hook for the table of holds.
func (Hold) TableName() string { return "yard_holds" }

// HoldPayments holds the open payments of the yard of a retirement for its open
// case of the kind, once.
func (tx *Tx) HoldPayments(kind, assetID, yardID, retirementID string) error {
	var c Case
	if err := tx.db.Where("kind = ? AND asset_id = ? AND state = 'open'", kind, assetID).First(&c).Error; err != nil {
		return fmt.Errorf("store: read the case of a hold: %w", err)
	}
	res := tx.db.Exec("INSERT INTO yard_holds (case_id, yard_id, retirement_id, held_at) VALUES (?, ?, ?, ?) ON CONFLICT (case_id) DO NOTHING", c.ID, yardID, retirementID, tx.At)
	if res.Error != nil || res.RowsAffected == 0 {
		return res.Error
	}
	return tx.Record(caseEvent("hold", c, ""), nil, map[string]string{"yard_id": yardID, "retirement_id": retirementID})
}

// HeldYards returns the yards whose payments are held, with the case of each.
// The money side asks before it pays.
func (tx *Tx) HeldYards() (map[string]string, error) {
	var holds []Hold
	if err := tx.db.Where("cleared_at IS NULL AND yard_id <> ''").Order("case_id").Find(&holds).Error; err != nil {
		return nil, fmt.Errorf("store: list holds: %w", err)
	}
	held := map[string]string{}
	for _, h := range holds {
		held[h.YardID] = h.CaseID
	}
	return held, nil
}

// YardHeld reports whether the payments of a yard are held.
func (tx *Tx) YardHeld(yardID string) (bool, error) {
	var n int64
	if err := tx.db.Model(&Hold{}).Where("cleared_at IS NULL AND yard_id = ? AND yard_id <> ''", yardID).Count(&n).Error; err != nil {
		return false, fmt.Errorf("store: look for a hold: %w", err)
	}
	return n > 0, nil
}

// HeldRetirements returns which of the retirements must not be paid for now,
// themselves or because their yard is held, with the case of each.
func (tx *Tx) HeldRetirements(ids []string) (map[string]string, error) {
	held := map[string]string{}
	if len(ids) == 0 {
		return held, nil
	}
	var rows []struct{ ID, CaseID string }
	err := tx.db.Table("retirements").Select("retirements.id, yard_holds.case_id").
		Joins("JOIN yard_holds ON yard_holds.cleared_at IS NULL AND (yard_holds.retirement_id = retirements.id OR (yard_holds.yard_id <> '' AND yard_holds.yard_id = retirements.yard_id))").
		Where("retirements.id IN ?", ids).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: look for holds: %w", err)
	}
	for _, r := range rows {
		held[r.ID] = r.CaseID
	}
	return held, nil
}

// HoldOf returns the hold of a case that the caller has read; ok is false if it
// has none.
func (db *DB) HoldOf(ctx context.Context, c Case) (h Hold, ok bool, err error) {
	return holdOf(db.read.WithContext(ctx), c)
}

// HoldOf is DB.HoldOf inside a transaction.
func (tx *Tx) HoldOf(c Case) (h Hold, ok bool, err error) { return holdOf(tx.db, c) }

func holdOf(q *gorm.DB, c Case) (Hold, bool, error) {
	var holds []Hold
	if err := q.Session(&gorm.Session{NewDB: true}).Where("case_id = ?", c.ID).Limit(1).Find(&holds).Error; err != nil {
		return Hold{}, false, fmt.Errorf("store: read a hold: %w", err)
	}
	if len(holds) == 0 {
		return Hold{}, false, nil
	}
	return holds[0], true, nil
}

// ClearHold gives the payments of a case free.
func (tx *Tx) ClearHold(c Case, reason string) error {
	res := tx.db.Model(&Hold{}).Where("case_id = ? AND cleared_at IS NULL", c.ID).
		Updates(map[string]any{"cleared_at": tx.At, "cleared_by": tx.By.ID, "cleared_by_name": tx.By.Name, "clear_reason": reason})
	if err := affect(res, stale()); err != nil {
		return err
	}
	if err := tx.touchCase(c, map[string]any{}); err != nil {
		return err
	}
	return tx.Record(caseEvent("release", c, reason), nil, nil)
}

func (tx *Tx) touchCase(before Case, set map[string]any) error {
	set["version"] = before.Version + 1
	return affect(inScope(tx.db.Model(&Case{}), tx.By.Scope, true).Where("id = ? AND version = ?", before.ID, before.Version).Updates(set), stale())
}

// AssignCase gives a case to somebody, or back with an empty id.
func (tx *Tx) AssignCase(before Case, id, name string) error {
	if err := tx.touchCase(before, map[string]any{"assigned_to": id, "assigned_to_name": name}); err != nil {
		return err
	}
	return tx.Record(caseEvent("assign", before, ""), map[string]string{"assigned_to": before.AssignedToName}, map[string]string{"assigned_to": name})
}

// UserNamed returns an account by its user name, or NotFound.
func (tx *Tx) UserNamed(username string) (User, error) {
	return loadUser(tx.db, "username = ?", username)
}
