package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// Owner is a person or organisation that owns assets in a city.
type Owner struct {
	ID         string
	CityCode   string
	Kind       registry.OwnerKind
	Name       string
	Number     string // secret
	Phone      string // secret
	MatchKey   string
	MergedInto string // the owner that this one turned out to be, "" for none
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Version    int64
}

// OwnerPeriod is a time during which an owner had an asset; ToOn is "" for the
// present one, FromOn where nobody knows the beginning. The day ToOn belongs to
// the next owner.
type OwnerPeriod struct {
	AssetID      string
	Position     int64
	OwnerID      string
	CityCode     string
	DistrictCode string
	OwnerName    string
	FromOn       civil.Day
	ToOn         civil.Day
}

// FleetCount is how many assets of a class and status an owner has.
type FleetCount struct {
	OwnerRef string
	Class    registry.Class
	Status   registry.Status
	N        int64
}

// setOwners finds or makes the owner of each asset, by the city's own keys.
func (tx *Tx) setOwners(assets []*AssetRecord) error {
	keys := map[string][]string{}
	for _, a := range assets {
		if key := registry.OwnerKey(a.OwnerName, a.OwnerID, a.OwnerPhone); key != "" {
			keys[a.CityCode] = append(keys[a.CityCode], key)
		}
	}
	known := map[string]string{} // city and key → owner
	for city, wanted := range keys {
		slices.Sort(wanted)
		for chunk := range slices.Chunk(slices.Compact(wanted), 500) {
			var found []Owner
			if err := tx.db.Where("city_code = ? AND match_key IN ?", city, chunk).Find(&found).Error; err != nil {
				return fmt.Errorf("store: look up owners: %w", err)
			}
			for _, o := range found {
				known[city+o.MatchKey] = o.ID
				if o.MergedInto != "" {
					known[city+o.MatchKey] = o.MergedInto
				}
			}
		}
	}
	var made []Owner
	for _, a := range assets {
		if a.OwnerName == "" {
			a.OwnerRef = ""
			continue
		}
		key := registry.OwnerKey(a.OwnerName, a.OwnerID, a.OwnerPhone)
		if id, ok := known[a.CityCode+key]; ok && key != "" {
			a.OwnerRef = id
			continue
		}
		o := Owner{ID: uuid.Must(uuid.NewV7()).String(), CityCode: a.CityCode, Kind: registry.KindOfOwner(a.OwnerName, a.OwnerID), Name: a.OwnerName,
			Number: a.OwnerID, Phone: a.OwnerPhone, MatchKey: key, CreatedAt: tx.At, UpdatedAt: tx.At, Version: 1}
		made, known[a.CityCode+key], a.OwnerRef = append(made, o), o.ID, o.ID
		if err := tx.Record(ownerEvent("create", o, ""), nil, ownerView(o)); err != nil {
			return err
		}
	}
	err := insertAll(tx, made)
	if duplicate(err) {
		return raced{fault.New(fault.Conflict, "duplicate_owner", bilingual.T("该所有人刚刚被登记", "this owner was registered just now")).WithMend("请重试", "try again")}
	}
	if err != nil {
		return fmt.Errorf("store: make owners: %w", err)
	}
	return nil
}

// changeOwner finds the owner of a changed asset. If it is another one, the
// period of the one before ends on the day after.OwnedFrom, which is today
// unless the caller has said another.
func (tx *Tx) changeOwner(before, after *AssetRecord) error {
	from := after.OwnedFrom
	after.OwnerRef, after.OwnedFrom = before.OwnerRef, before.OwnedFrom
	same := before.OwnerName == after.OwnerName && before.OwnerID == after.OwnerID && before.OwnerPhone == after.OwnerPhone && before.CityCode == after.CityCode
	if same && before.OwnerRef != "" {
		return nil
	}
	if registry.OwnerKey(after.OwnerName, after.OwnerID, after.OwnerPhone) == "" && before.OwnerName == after.OwnerName && before.CityCode == after.CityCode && before.OwnerRef != "" {
		return nil
	}
	if err := tx.setOwners([]*AssetRecord{after}); err != nil {
		return err
	}
	if after.OwnerRef == before.OwnerRef || before.OwnerRef == "" {
		return nil
	}
	if from == "" || from == before.OwnedFrom {
		from = civil.On(tx.At)
	}
	after.OwnedFrom = from
	var last int64
	if err := tx.db.Model(&OwnerPeriod{}).Where("asset_id = ?", before.ID).Select("COALESCE(MAX(position), 0)").Scan(&last).Error; err != nil {
		return fmt.Errorf("store: owners of an asset: %w", err)
	}
	return insertAll(tx, []OwnerPeriod{{AssetID: before.ID, Position: last + 1, OwnerID: before.OwnerRef, CityCode: before.CityCode, DistrictCode: before.DistrictCode,
		OwnerName: before.OwnerName, FromOn: before.OwnedFrom, ToOn: from}})
}

func ownerEvent(action string, o Owner, reason string) Event {
	return Event{Action: action, Entity: "owner", EntityID: o.ID, CityCode: o.CityCode, Reason: reason}
}

func ownerView(o Owner) map[string]string {
	view := map[string]string{"owner_name": o.Name, "kind": string(o.Kind)}
	for key, value := range map[string]string{"owner_id": MaskID(o.Number), "owner_phone": MaskPhone(o.Phone), "merged_into": o.MergedInto} {
		if value != "" {
			view[key] = value
		}
	}
	return view
}

// OwnerFilter narrows a list of owners.
type OwnerFilter struct {
	City string
	Kind registry.OwnerKind
	Q    string // part of the name, or a whole number
}

// owners of a scope: those of the city; for a district, those that have an
// asset in it.
func ownersIn(q *gorm.DB, s access.Scope) *gorm.DB {
	if s.District() == "" {
		return inScope(q, s, false)
	}
	return q.Where("EXISTS (SELECT 1 FROM assets WHERE assets.owner_ref = owners.id AND assets.district_code = ?)", s.District())
}

// Owners returns one page of the owners of the scope, those that were merged
// into another left out.
func (db *DB) Owners(ctx context.Context, scope access.Scope, f OwnerFilter, p Page) ([]Owner, error) {
	q := ownersIn(db.read.WithContext(ctx), scope).Where("merged_into = ''")
	if f.City != "" {
		q = q.Where("city_code = ?", f.City)
	}
	if f.Kind != "" {
		q = q.Where("kind = ?", f.Kind)
	}
	if f.Q != "" {
		q = q.Where("name LIKE ? ESCAPE '!' OR number = ?", likePattern(f.Q), f.Q)
	}
	if p.After != "" {
		q = q.Where("id > ?", p.After)
	}
	var owners []Owner
	if err := q.Order("id").Limit(p.Limit).Find(&owners).Error; err != nil {
		return nil, fmt.Errorf("store: list owners: %w", err)
	}
	return owners, nil
}

// Owner returns an owner of the scope, or NotFound.
func (db *DB) Owner(ctx context.Context, scope access.Scope, id string) (Owner, error) {
	return loadOwner(db.read.WithContext(ctx), scope, id)
}

// Owner returns an owner of the actor's scope, or NotFound.
func (tx *Tx) Owner(id string) (Owner, error) { return loadOwner(tx.db, tx.By.Scope, id) }

func loadOwner(q *gorm.DB, scope access.Scope, id string) (Owner, error) {
	var owners []Owner
	if err := ownersIn(q, scope).Where("id = ?", id).Limit(1).Find(&owners).Error; err != nil {
		return Owner{}, fmt.Errorf("store: read an owner: %w", err)
	}
	if len(owners) == 0 {
		return Owner{}, fault.Missing()
	}
	return owners[0], nil
}

// UpdateOwner replaces before by after if nobody changed it since. A key that
// another owner of the city has fails with Conflict: they may have to be merged.
func (tx *Tx) UpdateOwner(before Owner, after *Owner, action, reason string) error {
	after.Kind, after.MatchKey = registry.KindOfOwner(after.Name, after.Number), registry.OwnerKey(after.Name, after.Number, after.Phone)
	after.Version, after.UpdatedAt = before.Version+1, tx.At
	res := ownersIn(tx.db.Model(&Owner{}), tx.By.Scope).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("kind", "name", "number", "phone", "match_key", "merged_into", "updated_at", "version").Updates(after)
	if duplicate(res.Error) {
		return fault.New(fault.Conflict, "duplicate_owner", bilingual.T("本市已有同号（同名）的所有人", "the city has an owner of this number or name already")).
			WithMend("如为同一所有人，请合并", "merge the two if they are one")
	}
	if err := affect(res, stale()); err != nil {
		return err
	}
	was, is := difference(ownerView(before), ownerView(*after))
	return tx.Record(ownerEvent(action, *after, reason), was, is)
}

// Fleet returns all assets that an owner has now, of the actor's scope.
func (tx *Tx) Fleet(ownerID string) ([]AssetRecord, error) {
	rows, err := list[identifiedRow](inScope(tx.db, tx.By.Scope, true).Model(&assetRow{}).Where("owner_ref = ?", ownerID).Order("id"))
	if err != nil {
		return nil, fmt.Errorf("store: read a fleet: %w", err)
	}
	return identifiedRecords(rows, civil.On(tx.At))
}

// FleetCounts returns how many assets of each class and status the owners have
// in the scope.
func (db *DB) FleetCounts(ctx context.Context, scope access.Scope, ownerIDs []string) ([]FleetCount, error) {
	var counts []FleetCount
	err := inScope(db.read.WithContext(ctx).Table("assets"), scope, true).Where("owner_ref IN ?", ownerIDs).
		Select("owner_ref, class, status, COUNT(*) AS n").Group("owner_ref, class, status").Order("owner_ref, class, status").Find(&counts).Error
	if err != nil {
		return nil, fmt.Errorf("store: count fleets: %w", err)
	}
	return counts, nil
}

// OwnerPeriods returns who had an asset when, the present owner last.
func (db *DB) OwnerPeriods(ctx context.Context, a AssetRecord) ([]OwnerPeriod, error) {
	var periods []OwnerPeriod
	if err := db.read.WithContext(ctx).Where("asset_id = ?", a.ID).Order("position").Find(&periods).Error; err != nil {
		return nil, fmt.Errorf("store: owners of an asset: %w", err)
	}
	if a.OwnerRef != "" {
		periods = append(periods, OwnerPeriod{AssetID: a.ID, Position: int64(len(periods) + 1), OwnerID: a.OwnerRef, CityCode: a.CityCode, DistrictCode: a.DistrictCode,
			OwnerName: a.OwnerName, FromOn: a.OwnedFrom})
	}
	return periods, nil
}
