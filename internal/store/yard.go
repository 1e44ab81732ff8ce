package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/yard"
)

// Yard is a licensed yard as kept.
type Yard struct {
	ID string
	yard.Yard
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time

	recordedNo int64 // the recording that brought it to how it stands
}

type yardRow struct {
	ID                 string
	CityCode           string
	Name               string
	NameKey            string
	CreditCode         string
	Classes            string
	Address            string
	LatE6              *int64 `gorm:"column:lat_e6"`
	LonE6              *int64 `gorm:"column:lon_e6"`
	CapacityPerMonth   int64
	CertificatePattern string
	PatternSource      string
	CreatedBy          string
	CreatedAt          time.Time
	UpdatedAt          time.Time
	Version            int64
	RecordedNo         int64
}

func (yardRow) TableName() string { return "yards" }

type licenceRow struct {
	ID        string
	YardID    string
	Number    string
	ValidFrom civil.Day
	ValidTo   civil.Day
}

func (licenceRow) TableName() string { return "yard_licences" }

type blockRow struct {
	ID           string
	YardID       string
	Kind         yard.Status
	FromOn       civil.Day
	ToOn         civil.Day
	Reason       string
	SetBy        string
	SetByName    string
	SetAt        time.Time
	LiftedBy     string
	LiftedByName string
	LiftedAt     *time.Time
	LiftedReason string
}

func (blockRow) TableName() string { return "yard_blocks" }

func yardRowOf(y Yard) yardRow {
	classes := make([]string, len(y.Classes))
	for i, c := range y.Classes {
		classes[i] = string(c)
	}
	return yardRow{ID: y.ID, CityCode: y.CityCode, Name: y.Name, NameKey: yard.NameKey(y.Name), CreditCode: y.CreditCode, Classes: strings.Join(classes, ","), Address: y.Address,
		LatE6: y.LatE6, LonE6: y.LonE6, CapacityPerMonth: y.CapacityPerMonth, CertificatePattern: y.CertificatePattern, PatternSource: y.PatternSource,
		CreatedAt: y.CreatedAt, UpdatedAt: y.UpdatedAt, Version: y.Version, RecordedNo: y.recordedNo}
}

func (r yardRow) yard() Yard {
	y := Yard{ID: r.ID, Version: r.Version, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, recordedNo: r.RecordedNo, Yard: yard.Yard{Name: r.Name, CreditCode: r.CreditCode, CityCode: r.CityCode,
		Address: r.Address, LatE6: r.LatE6, LonE6: r.LonE6, CapacityPerMonth: r.CapacityPerMonth, CertificatePattern: r.CertificatePattern, PatternSource: r.PatternSource}}
	for _, c := range strings.Split(r.Classes, ",") {
		y.Classes = append(y.Classes, registry.Class(c))
	}
	return y
}

func yardFacts(y Yard) map[string]string {
	r := yardRowOf(y)
	facts := map[string]string{"name": r.Name, "credit_code": r.CreditCode, "classes": r.Classes, "address": r.Address, "capacity_per_month": fmt.Sprint(r.CapacityPerMonth),
		"certificate_pattern": r.CertificatePattern, "pattern_source": r.PatternSource}
	if r.LatE6 != nil && r.LonE6 != nil {
		facts["place"] = fmt.Sprintf("%d,%d", *r.LatE6, *r.LonE6)
	}
	for _, l := range y.Licences {
		facts["licence "+l.Number] = string(l.From) + "–" + string(l.To)
	}
	return facts
}

func yardEvent(action string, y Yard, reason string) Event {
	return Event{Action: action, Entity: "yard", EntityID: y.ID, CityCode: y.CityCode, Reason: reason}
}

// CreateYard adds a yard with its first licence.
func (tx *Tx) CreateYard(y *Yard) error {
	y.Version, y.CreatedAt, y.UpdatedAt, y.recordedNo = 1, tx.At, tx.At, tx.NoteKnowledge()
	row := yardRowOf(*y)
	row.CreatedBy = tx.By.ID
	err := tx.db.Create(&row).Error
	if duplicate(err) {
		return yardNamed(y.Name)
	}
	if err != nil {
		return fmt.Errorf("store: create a yard: %w", err)
	}
	for i := range y.Licences {
		if err := tx.addLicence(y.ID, &y.Licences[i]); err != nil {
			return err
		}
	}
	return tx.Record(yardEvent("create", *y, ""), nil, yardFacts(*y))
}

func yardNamed(name string) error {
	return fault.Field("body.name", "duplicate", bilingual.F("已有名为“%s”的企业", "a yard named %q is there already", name),
		bilingual.T("请打开已有的企业", "open the one that is there"))
}

func (tx *Tx) addLicence(yardID string, l *yard.Licence) error {
	l.ID = uuid.Must(uuid.NewV7()).String()
	if err := tx.db.Create(&licenceRow{l.ID, yardID, l.Number, l.From, l.To}).Error; err != nil {
		return fmt.Errorf("store: add a licence: %w", err)
	}
	return nil
}

// UpdateYard replaces the facts of before by those of after if nobody changed
// them since. Licences that after has more are added.
func (tx *Tx) UpdateYard(before Yard, after *Yard, action, reason string) error {
	after.Version, after.UpdatedAt = before.Version+1, tx.At
	var err error
	if after.recordedNo, err = tx.keepYard(before); err != nil {
		return err
	}
	row := yardRowOf(*after)
	res := inScope(tx.db.Model(&yardRow{}), tx.By.Scope, false).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("*").Omit("id", "city_code", "created_by", "created_at").Updates(&row)
	if duplicate(res.Error) {
		return yardNamed(after.Name)
	}
	if err := affect(res, stale()); err != nil {
		return err
	}
	for i := range after.Licences {
		if after.Licences[i].ID == "" {
			if err := tx.addLicence(after.ID, &after.Licences[i]); err != nil {
				return err
			}
		}
	}
	was, is := difference(yardFacts(before), yardFacts(*after))
	return tx.Record(yardEvent(action, *after, reason), was, is)
}

// BlockYard suspends or black-lists a yard.
func (tx *Tx) BlockYard(before Yard, b yard.Block) error {
	row := blockRow{ID: uuid.Must(uuid.NewV7()).String(), YardID: before.ID, Kind: b.Kind, FromOn: b.From, ToOn: b.To, Reason: b.Reason, SetBy: tx.By.ID, SetByName: tx.By.Name, SetAt: tx.At}
	if err := tx.db.Create(&row).Error; err != nil {
		return fmt.Errorf("store: block a yard: %w", err)
	}
	if err := tx.touchYard(before); err != nil {
		return err
	}
	return tx.Record(yardEvent(string(b.Kind), before, b.Reason), nil, map[string]string{"from": string(b.From), "to": string(b.To)})
}

// LiftYardBlock ends a block with its last day.
func (tx *Tx) LiftYardBlock(before Yard, b yard.Block, lastDay civil.Day, reason string) error {
	res := tx.db.Model(&blockRow{}).Where("id = ? AND yard_id = ? AND lifted_at IS NULL", b.ID, before.ID).
		Updates(map[string]any{"to_on": lastDay, "lifted_by": tx.By.ID, "lifted_by_name": tx.By.Name, "lifted_at": tx.At, "lifted_reason": reason})
	if err := affect(res, stale()); err != nil {
		return err
	}
	if err := tx.touchYard(before); err != nil {
		return err
	}
	return tx.Record(yardEvent("lift", before, reason), map[string]string{"to": string(b.To)}, map[string]string{"to": string(lastDay)})
}

func (tx *Tx) touchYard(before Yard) error {
	no, err := tx.keepYard(before)
	if err != nil {
		return err
	}
	return affect(inScope(tx.db.Model(&yardRow{}), tx.By.Scope, false).Where("id = ? AND version = ?", before.ID, before.Version).
		Updates(map[string]any{"version": before.Version + 1, "updated_at": tx.At, "recorded_no": no}), stale())
}

// yardStanding is how a yard stood from one recording to another.
type yardStanding struct {
	YardID   string
	FromNo   int64
	ToNo     int64
	CityCode string
	Facts    string
}

// keepYard keeps how a yard stood, for figures as known before the change that
// is being made, and returns the number of the change's recording.
func (tx *Tx) keepYard(before Yard) (int64, error) {
	no := tx.NoteKnowledge()
	if before.recordedNo == no { // nobody knew it as it was in between
		return no, nil
	}
	facts, err := json.Marshal(before.Yard)
	if err == nil {
		err = tx.db.Create(&yardStanding{before.ID, before.recordedNo, no, before.CityCode, string(facts)}).Error
	}
	if err != nil {
		return no, fmt.Errorf("store: keep how a yard stood: %w", err)
	}
	return no, nil
}

// Yards returns all yards of the reader's scope, by id, as known at an instant;
// zero is now.
func (r *Reader) Yards(known time.Time) ([]Yard, error) {
	present := inScope(r.fresh(), r.scope, false)
	if !known.IsZero() {
		present = present.Where("recorded_no NOT IN (SELECT no FROM recordings WHERE at_us > ?)", known.UnixMicro())
	}
	var rows []yardRow
	if err := present.Order("id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list yards: %w", err)
	}
	list, err := withPeriods(r.q, rows)
	if err != nil || known.IsZero() {
		return list, err
	}
	var past []yardStanding
	if err := former(known.UnixMicro())(inScope(r.fresh(), r.scope, false)).Find(&past).Error; err != nil {
		return nil, fmt.Errorf("store: list how yards stood: %w", err)
	}
	for _, p := range past {
		y := Yard{ID: p.YardID}
		if err := json.Unmarshal([]byte(p.Facts), &y.Yard); err != nil {
			return nil, fmt.Errorf("store: how yard %s stood: %w", p.YardID, err)
		}
		list = append(list, y)
	}
	slices.SortFunc(list, func(a, b Yard) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

// Yard returns a yard of the scope with its licences and blocks, or NotFound.
func (db *DB) Yard(ctx context.Context, scope access.Scope, id string) (Yard, error) {
	return oneYard(db.read.WithContext(ctx), scope, "id = ?", id)
}

// Yard returns a yard of the actor's scope with its licences and blocks, or NotFound.
func (tx *Tx) Yard(id string) (Yard, error) { return oneYard(tx.db, tx.By.Scope, "id = ?", id) }

// YardNamed returns the yard of the province with a name, however it is
// written, or NotFound. The register is public: an asset may be scrapped in
// another city than its own.
func (tx *Tx) YardNamed(name string) (Yard, error) {
	return oneYard(tx.db, access.Whole(), "name_key = ?", yard.NameKey(name))
}

// YardNamed is Tx.YardNamed outside a transaction.
func (db *DB) YardNamed(ctx context.Context, name string) (Yard, error) {
	return oneYard(db.read.WithContext(ctx), access.Whole(), "name_key = ?", yard.NameKey(name))
}

// CertificateForms returns the yards of the province with the given ids, by id,
// without their licences and blocks: what their certificates look like is public.
func (db *DB) CertificateForms(ctx context.Context, ids []string) (map[string]yard.Yard, error) {
	forms := map[string]yard.Yard{}
	for chunk := range slices.Chunk(ids, 500) {
		var rows []yardRow
		if err := db.read.WithContext(ctx).Where("id IN ?", chunk).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("store: read yards: %w", err)
		}
		for _, r := range rows {
			forms[r.ID] = r.yard().Yard
		}
	}
	return forms, nil
}

// LicensedYard returns a yard of the whole province, which is public, or NotFound.
func (tx *Tx) LicensedYard(id string) (Yard, error) {
	return oneYard(tx.db, access.Whole(), "id = ?", id)
}

func oneYard(q *gorm.DB, scope access.Scope, test, value string) (Yard, error) {
	mine, args := scopeTest(scope, "city_code", "")
	if scope.Yard() != "" { // a yard knows itself
		mine, args = "id = ?", []any{scope.Yard()}
	}
	if mine != "" {
		test = mine + " AND " + test
	}
	rows, err := find[yardRow](q, test+" LIMIT 1", append(args, value)...)
	if err != nil {
		return Yard{}, fmt.Errorf("store: read a yard: %w", err)
	}
	if len(rows) == 0 {
		return Yard{}, fault.Missing()
	}
	list, err := withPeriods(q, rows)
	if err != nil {
		return Yard{}, err
	}
	return list[0], nil
}

// withPeriods completes yards with their licences and blocks.
func withPeriods(q *gorm.DB, rows []yardRow) ([]Yard, error) {
	list, at, ids := make([]Yard, len(rows)), map[string]int{}, make([]string, len(rows))
	for i, r := range rows {
		list[i], at[r.ID], ids[i] = r.yard(), i, r.ID
	}
	var licences []licenceRow
	var blocks []blockRow
	for chunk := range slices.Chunk(ids, 500) {
		some, err := find[licenceRow](q, anyOf("yard_id", len(chunk)), anys(chunk)...)
		if err != nil {
			return nil, fmt.Errorf("store: read licences: %w", err)
		}
		slices.SortFunc(some, func(a, b licenceRow) int { return strings.Compare(string(a.ValidFrom), string(b.ValidFrom)) })
		licences = append(licences, some...)
		more, err := find[blockRow](q, anyOf("yard_id", len(chunk)), anys(chunk)...)
		if err != nil {
			return nil, fmt.Errorf("store: read blocks: %w", err)
		}
		slices.SortFunc(more, func(a, b blockRow) int { return strings.Compare(string(a.FromOn)+a.ID, string(b.FromOn)+b.ID) })
		blocks = append(blocks, more...)
	}
	for _, l := range licences {
		y := &list[at[l.YardID]]
		y.Licences = append(y.Licences, yard.Licence{ID: l.ID, Number: l.Number, From: l.ValidFrom, To: l.ValidTo})
	}
	for _, b := range blocks {
		y := &list[at[b.YardID]]
		y.Blocks = append(y.Blocks, yard.Block{ID: b.ID, Kind: b.Kind, From: b.FromOn, To: b.ToOn, Reason: b.Reason, SetBy: b.SetByName, LiftedBy: b.LiftedByName, LiftedReason: b.LiftedReason})
	}
	return list, nil
}

// YardFilter narrows a list of yards.
type YardFilter struct {
	City  string
	Class registry.Class
	Q     string // a part of the name
}

// Yards returns one page of the yards of the scope, by id.
func (db *DB) Yards(ctx context.Context, scope access.Scope, f YardFilter, p Page) ([]Yard, error) {
	q := db.read.WithContext(ctx)
	narrowed := inScope(q, scope, false)
	if f.City != "" {
		narrowed = narrowed.Where("city_code = ?", f.City)
	}
	if f.Class != "" {
		narrowed = narrowed.Where("',' || classes || ',' LIKE ?", "%,"+string(f.Class)+",%")
	}
	if key := yard.NameKey(f.Q); key != "" {
		narrowed = narrowed.Where("name_key LIKE ? ESCAPE '!'", likePattern(key))
	}
	if p.After != "" {
		narrowed = narrowed.Where("id > ?", p.After)
	}
	var rows []yardRow
	if err := narrowed.Order("id").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list yards: %w", err)
	}
	return withPeriods(q, rows)
}

// YardsOfCredit returns the yards of the province with a credit code, other than
// the one with the id: whoever is black-listed is so under every name.
func (tx *Tx) YardsOfCredit(code, exceptID string) ([]Yard, error) {
	rows, err := find[yardRow](tx.db, "credit_code = ? AND id <> ? LIMIT 100", code, exceptID)
	if err != nil {
		return nil, fmt.Errorf("store: list yards by credit code: %w", err)
	}
	return withPeriods(tx.db, rows)
}

// YardNames returns the names of the registered yards of a city.
func (tx *Tx) YardNames(city string) ([]string, error) {
	rows, err := find[yardRow](tx.db, "city_code = ?", city)
	if err != nil {
		return nil, fmt.Errorf("store: list yard names: %w", err)
	}
	slices.SortFunc(rows, func(a, b yardRow) int { return strings.Compare(a.ID, b.ID) })
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.Name
	}
	return names, nil
}

// IssuedBy returns the certificates of a yard, at most 50,000, by number.
// The caller has read the yard in the scope.
func (db *DB) IssuedBy(ctx context.Context, y Yard) ([]yard.Issued, error) {
	var rows []retirementRow
	err := db.read.WithContext(ctx).Where("yard_id = ? AND certificate_no <> '' AND NOT withdrawn", y.ID).Select("certificate_no, handed_in_on, declared_at").
		Order("certificate_no").Limit(50_000).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: list certificates: %w", err)
	}
	issued := make([]yard.Issued, len(rows))
	for i, r := range rows {
		issued[i] = yard.Issued{Number: r.CertificateNo, On: r.HandedInOn, EntryOn: civil.On(r.DeclaredAt)}
	}
	return issued, nil
}

// Deadlines returns the days on which targets of a city fall due.
func (db *DB) Deadlines(ctx context.Context, city string) ([]civil.Day, error) {
	var days []civil.Day
	err := db.read.WithContext(ctx).Table("targets").Where("city_code = ? AND state = 'in_force' AND due_on <> ''", city).Distinct().Pluck("due_on", &days).Error
	if err != nil {
		return nil, fmt.Errorf("store: list deadlines: %w", err)
	}
	return days, nil
}
