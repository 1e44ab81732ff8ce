package store

import (
	"context"
	"fmt"
	"maps"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// The states of a transfer. Only an offer can be answered.
const (
	TransferOffered   = "offered"
	TransferAccepted  = "accepted"
	TransferRefused   = "refused"
	TransferWithdrawn = "withdrawn"
	TransferExpired   = "expired"
)

// Transfer is the move of an asset from one city to another: the giver offers,
// the taker answers. Until then the asset is the giver's.
type Transfer struct {
	ID             string
	AssetID        string
	AssetLabel     string
	Class          registry.Class
	FromCity       string
	FromDistrict   string
	ToCity         string
	ToDistrict     string
	State          string
	Reason         string
	DueOn          civil.Day // last day on which it can be answered
	OfferedBy      string
	OfferedByName  string
	OfferedAt      time.Time
	AnsweredBy     string
	AnsweredByName string
	AnsweredAt     *time.Time
	Answer         string
	Version        int64
}

// asOf returns t as it stands on a day: an offer that nobody answered in time
// has expired, whether or not anything was written since.
func (t Transfer) asOf(today civil.Day) Transfer {
	if t.State == TransferOffered && t.DueOn < today {
		t.State = TransferExpired
	}
	return t
}

// transfersInScope narrows transfers to those that the scope gives or takes.
func transfersInScope(q *gorm.DB, scope access.Scope, direction string) *gorm.DB {
	fresh := func() *gorm.DB { return q.Session(&gorm.Session{NewDB: true}) }
	given, taken := inScopeOf(fresh(), scope, "from_city", "from_district"), inScopeOf(fresh(), scope, "to_city", "to_district")
	switch {
	case scope.IsProvince():
		return q
	case direction == "out":
		return q.Where(given)
	case direction == "in":
		return q.Where(taken)
	default:
		return q.Where(given.Or(taken))
	}
}

// CreateTransfer adds an offer. The asset's version goes up with it, so that
// whatever was to be changed at the same time is not.
func (tx *Tx) CreateTransfer(t *Transfer, asset AssetRecord) error {
	// An offer that ran out makes way for the next one.
	err := tx.db.Model(&Transfer{}).Where("asset_id = ? AND state = 'offered' AND due_on < ?", t.AssetID, civil.On(tx.At)).
		Updates(map[string]any{"state": TransferExpired}).Error
	if err != nil {
		return fmt.Errorf("store: expire a transfer: %w", err)
	}
	if err := tx.notOffered(&asset); err != nil {
		return err
	}
	res := inScope(tx.db.Model(&assetRow{}), tx.By.Scope, true).Where("id = ? AND version = ?", asset.ID, asset.Version).
		Updates(map[string]any{"version": asset.Version + 1, "updated_at": tx.At})
	if err := affect(res, stale()); err != nil {
		return err
	}
	t.State, t.Version, t.OfferedBy, t.OfferedByName, t.OfferedAt = TransferOffered, 1, tx.By.ID, tx.By.Name, tx.At
	err = tx.db.Create(t).Error
	if duplicate(err) {
		return fault.New(fault.Conflict, "transfer_open", bilingual.T("该记录已有待答复的转移", "the record is offered to another city already"))
	}
	if err != nil {
		return fmt.Errorf("store: create a transfer: %w", err)
	}
	return tx.Record(transferEvent("offer", *t, t.FromCity, t.FromDistrict, t.Reason), nil, map[string]string{"to_city": t.ToCity, "due_on": string(t.DueOn)})
}

func transferEvent(action string, t Transfer, city, district, reason string) Event {
	return Event{Action: action, Entity: "transfer", EntityID: t.ID, AssetID: t.AssetID, CityCode: city, DistrictCode: district, Reason: reason}
}

// AnswerTransfer keeps the answer to an offer if nobody answered it since. The
// event stands in the history of the asset with the giver; the taker's audit
// has one as well, which for an accepted offer is that of MoveAsset.
func (tx *Tx) AnswerTransfer(before Transfer, after *Transfer) error {
	after.Version = before.Version + 1
	after.AnsweredBy, after.AnsweredByName, after.AnsweredAt = tx.By.ID, tx.By.Name, &tx.At
	res := tx.db.Model(&Transfer{}).Where("id = ? AND version = ? AND state = 'offered'", before.ID, before.Version).
		Select("state", "to_district", "answered_by", "answered_by_name", "answered_at", "answer", "version").Updates(after)
	if err := affect(res, stale()); err != nil {
		return err
	}
	was, is := map[string]string{"state": before.State}, map[string]string{"state": after.State}
	if err := tx.Record(transferEvent(after.State, *after, after.FromCity, after.FromDistrict, after.Answer), was, is); err != nil {
		return err
	}
	if after.State == TransferAccepted {
		return nil
	}
	taker := transferEvent(after.State, *after, after.ToCity, after.ToDistrict, after.Answer)
	taker.AssetID = ""
	return tx.Record(taker, was, is)
}

// MoveAsset carries out an accepted transfer: the asset with its files leaves
// one city and is in the other at the same instant.
func (tx *Tx) MoveAsset(t Transfer) (AssetRecord, error) {
	before, err := loadAsset(tx.db, access.Whole(), t.AssetID, civil.On(tx.At))
	if err != nil {
		return before, err
	}
	after := before
	after.CityCode, after.DistrictCode, after.Version, after.UpdatedAt = t.ToCity, t.ToDistrict, before.Version+1, tx.At
	after.Fields = maps.Clone(before.Fields)
	delete(after.Fields, "district")
	if t.ToDistrict != "" {
		after.Fields["district"] = t.ToDistrict
	}
	if err := tx.setOwners([]*AssetRecord{&after}); err != nil { // each city keeps its own owners
		return before, err
	}
	tx.mark(&before, &after, "move")
	row, err := rowOf(&after)
	if err != nil {
		return before, err
	}
	res := tx.db.Model(&assetRow{}).Where("id = ? AND version = ? AND city_code = ? AND status = ?", t.AssetID, before.Version, t.FromCity, registry.InUse).
		Select("city_code", "district_code", "owner_ref", "fields", "updated_at", "version", "recorded_no", "recorded_cause").Updates(&row)
	if err := affect(res, stale()); err != nil {
		return before, err
	}
	err = tx.db.Model(&File{}).Where("asset_id = ?", t.AssetID).Updates(map[string]any{"city_code": t.ToCity, "district_code": t.ToDistrict}).Error
	if err != nil {
		return before, fmt.Errorf("store: move files: %w", err)
	}
	err = tx.db.Model(&QualityIssue{}).Where("asset_id = ?", t.AssetID).Updates(map[string]any{"city_code": t.ToCity, "district_code": t.ToDistrict}).Error
	if err != nil {
		return before, fmt.Errorf("store: move quality issues: %w", err)
	}
	err = tx.db.Model(&PreCheckRow{}).Where("asset_id = ?", t.AssetID).Updates(map[string]any{"city_code": t.ToCity, "district_code": t.ToDistrict}).Error
	if err != nil {
		return before, fmt.Errorf("store: move pre-checks: %w", err)
	}
	was, is := difference(map[string]string{"city": before.CityCode, "district": before.DistrictCode},
		map[string]string{"city": after.CityCode, "district": after.DistrictCode})
	return after, tx.Record(Event{Action: "move", Entity: "asset", EntityID: after.ID, AssetID: after.ID, CityCode: after.CityCode,
		DistrictCode: after.DistrictCode, Reason: t.Reason}, was, is)
}

// Offered returns which of the assets are offered to another city, with the
// transfer that says so.
func (tx *Tx) Offered(assetIDs ...string) (map[string]Transfer, error) {
	return offered(tx.db, civil.On(tx.At), assetIDs)
}

// Offered is Tx.Offered outside a transaction.
func (db *DB) Offered(ctx context.Context, assetIDs ...string) (map[string]Transfer, error) {
	return offered(db.read.WithContext(ctx), civil.On(db.Now()), assetIDs)
}

func offered(q *gorm.DB, today civil.Day, assetIDs []string) (map[string]Transfer, error) {
	open := map[string]Transfer{}
	for len(assetIDs) > 0 {
		n := min(len(assetIDs), 500)
		list, err := find[Transfer](q, anyOf("asset_id", n)+" AND state = 'offered' AND due_on >= ?", append(anys(assetIDs[:n]), today)...)
		if err != nil {
			return nil, fmt.Errorf("store: look up transfers: %w", err)
		}
		for _, t := range list {
			open[t.AssetID] = t
		}
		assetIDs = assetIDs[n:]
	}
	return open, nil
}

// notOffered fails with Conflict transfer_open if an asset is offered to
// another city: until the answer nobody changes it.
func (tx *Tx) notOffered(a *AssetRecord) error {
	open, err := tx.Offered(a.ID)
	if err != nil {
		return err
	}
	t, locked := open[a.ID]
	if !locked {
		return nil
	}
	return fault.New(fault.Conflict, "transfer_open",
		bilingual.F("%s 正在向其他城市转移，答复前不能修改或登记淘汰", "%s is offered to another city; until the answer it cannot be changed or retired", a.Label)).
		WithMend("等待对方答复，或先撤回转移", "wait for the answer, or withdraw the transfer").With("transfer_id", t.ID)
}

// TransferFilter narrows a list of transfers. Direction is "in", "out" or "".
type TransferFilter struct {
	Direction string
	State     string
	AssetID   string
}

// Transfers returns one page of what the scope gives or takes, the newest first.
func (db *DB) Transfers(ctx context.Context, scope access.Scope, f TransferFilter, p Page) ([]Transfer, error) {
	today := civil.On(db.Now())
	q := transfersInScope(db.read.WithContext(ctx), scope, f.Direction)
	switch f.State {
	case "":
	case TransferOffered:
		q = q.Where("state = 'offered' AND due_on >= ?", today)
	case TransferExpired:
		q = q.Where("(state = 'expired' OR (state = 'offered' AND due_on < ?))", today)
	default:
		q = q.Where("state = ?", f.State)
	}
	if f.AssetID != "" {
		q = q.Where("asset_id = ?", f.AssetID)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var list []Transfer
	if err := q.Order("id DESC").Limit(p.Limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("store: list transfers: %w", err)
	}
	for i := range list {
		list[i] = list[i].asOf(today)
	}
	return list, nil
}

// Transfer returns a transfer that the scope gives or takes, or NotFound.
func (db *DB) Transfer(ctx context.Context, scope access.Scope, id string) (Transfer, error) {
	return loadTransfer(db.read.WithContext(ctx), scope, id, civil.On(db.Now()))
}

// Transfer returns a transfer that the actor's scope gives or takes, or NotFound.
func (tx *Tx) Transfer(id string) (Transfer, error) {
	return loadTransfer(tx.db, tx.By.Scope, id, civil.On(tx.At))
}

func loadTransfer(q *gorm.DB, scope access.Scope, id string, today civil.Day) (Transfer, error) {
	var list []Transfer
	if err := transfersInScope(q, scope, "").Where("id = ?", id).Limit(1).Find(&list).Error; err != nil {
		return Transfer{}, fmt.Errorf("store: read a transfer: %w", err)
	}
	if len(list) == 0 {
		return Transfer{}, fault.Missing()
	}
	return list[0].asOf(today), nil
}
