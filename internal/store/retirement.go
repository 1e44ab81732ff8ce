package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/yard"
)

type retirementRow struct {
	ID               string
	AssetID          string
	AssetLabel       string
	CityCode         string
	DistrictCode     string
	Class            registry.Class
	WayOut           string
	Driver           string
	State            retirement.State
	HandedInOn       civil.Day
	DismantledOn     civil.Day
	DeregisteredOn   civil.Day
	Recycler         string
	CertificateNo    string
	Note             string
	EvidenceComplete bool
	DeclaredBy       string
	DeclaredByName   string
	DeclaredAt       time.Time
	VerifiedBy       string
	VerifiedByName   string
	VerifiedAt       *time.Time
	ReturnReason     string
	Version          int64
	YardID           string
	CertificateKey   string
	DueYear          int
	Operating        bool
	Standing         retirement.Standing
	StandingOn       civil.Day
	Waived           string // codes, with commas between
	Revision         int64
	ImportID         string
	EngineNo         string
	EngineModel      string
	EngineStage      string
	Replacement      string
	Withdrawn        bool // State is then what it was before
	WithdrawnBy      string
	WithdrawnByName  string
	WithdrawnAt      *time.Time
	WithdrawReason   string
}

func (retirementRow) TableName() string { return "retirements" }

func (r retirementRow) retirement() retirement.Retirement {
	out := retirement.Retirement{
		ID: r.ID, AssetID: r.AssetID, AssetLabel: r.AssetLabel, CityCode: r.CityCode, DistrictCode: r.DistrictCode, Class: r.Class,
		Declaration: retirement.Declaration{WayOut: r.WayOut, Driver: r.Driver, HandedInOn: r.HandedInOn, DismantledOn: r.DismantledOn,
			DeregisteredOn: r.DeregisteredOn, Recycler: r.Recycler, CertificateNo: r.CertificateNo, Note: r.Note, YardID: r.YardID,
			EngineNo: r.EngineNo, EngineModel: r.EngineModel, EngineStage: r.EngineStage, Replacement: r.Replacement},
		State: r.State, EvidenceComplete: r.EvidenceComplete, DeclaredBy: r.DeclaredBy, DeclaredByName: r.DeclaredByName,
		DeclaredAt: r.DeclaredAt, VerifiedBy: r.VerifiedBy, VerifiedByName: r.VerifiedByName, VerifiedAt: r.VerifiedAt,
		ReturnReason: r.ReturnReason, Version: r.Version, DueYear: r.DueYear, Operating: r.Operating, StandingOn: r.StandingOn,
		Revision: r.Revision, ImportID: r.ImportID, WithdrawnBy: r.WithdrawnBy, WithdrawnByName: r.WithdrawnByName, WithdrawnAt: r.WithdrawnAt,
		WithdrawReason: r.WithdrawReason,
	}
	if r.Waived != "" {
		out.Waived = strings.Split(r.Waived, ",")
	}
	if r.Withdrawn {
		out.StateBefore, out.State = r.State, retirement.Withdrawn
	}
	return out
}

func retirementRowOf(r retirement.Retirement) retirementRow {
	state := r.State
	if state == retirement.Withdrawn {
		state = r.StateBefore
	}
	return retirementRow{
		ID: r.ID, AssetID: r.AssetID, AssetLabel: r.AssetLabel, CityCode: r.CityCode, DistrictCode: r.DistrictCode, Class: r.Class,
		WayOut: r.WayOut, Driver: r.Driver, State: state, HandedInOn: r.HandedInOn, DismantledOn: r.DismantledOn,
		DeregisteredOn: r.DeregisteredOn, Recycler: r.Recycler, CertificateNo: r.CertificateNo, Note: r.Note,
		EvidenceComplete: r.EvidenceComplete, DeclaredBy: r.DeclaredBy, DeclaredByName: r.DeclaredByName, DeclaredAt: r.DeclaredAt,
		VerifiedBy: r.VerifiedBy, VerifiedByName: r.VerifiedByName, VerifiedAt: r.VerifiedAt, ReturnReason: r.ReturnReason,
		Version: r.Version, YardID: r.YardID, CertificateKey: yard.CertificateKey(r.CertificateNo), DueYear: r.DueYear, Operating: r.Operating, Standing: r.Standing(), StandingOn: r.StandingOn,
		Waived: strings.Join(r.Waived, ","), Revision: r.Revision, ImportID: r.ImportID, EngineNo: r.EngineNo, EngineModel: r.EngineModel,
		EngineStage: r.EngineStage, Replacement: r.Replacement, Withdrawn: r.State == retirement.Withdrawn, WithdrawnBy: r.WithdrawnBy,
		WithdrawnByName: r.WithdrawnByName, WithdrawnAt: r.WithdrawnAt, WithdrawReason: r.WithdrawReason,
	}
}

// CertificateTaken reports whether another asset's retirement already carries
// the issuer's certificate number, anywhere in the province and however it is
// written. The issuer is the yard, or the recycler's name where there is none.
func (tx *Tx) CertificateTaken(yardID, recycler, number, exceptID string) (bool, error) {
	if number == "" {
		return false, nil
	}
	taken, err := find[retirementRow](tx.db, "certificate_key = ? AND certificate_key <> '' AND id <> ? AND NOT withdrawn AND ((yard_id <> '' AND yard_id = ?) OR recycler = ?) LIMIT 1",
		yard.CertificateKey(number), exceptID, yardID, recycler)
	if err != nil {
		return false, fmt.Errorf("store: look up a certificate: %w", err)
	}
	return len(taken) > 0, nil
}

// CertificateHolders returns the assets of the actor's scope whose retirements
// name a certificate number, whoever issued it.
func (tx *Tx) CertificateHolders(number string) ([]string, error) {
	var ids []string
	err := inScope(tx.db.Model(&retirementRow{}), tx.By.Scope, true).Where("certificate_key <> '' AND certificate_key = ? AND NOT withdrawn", yard.CertificateKey(number)).
		Order("asset_id").Limit(20).Pluck("asset_id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("store: look up a certificate: %w", err)
	}
	return ids, nil
}

// CreateRetirement adds the retirement of an asset.
func (tx *Tx) CreateRetirement(r *retirement.Retirement) error {
	r.Version, r.Revision = 1, 1
	err := insertAll(tx, []retirementRow{retirementRowOf(*r)})
	if duplicate(err) {
		return fault.New(fault.Conflict, "already_retired", bilingual.T("该记录已登记淘汰或证明编号已被使用", "already retired, or the certificate is already used")).
			WithMend("请打开已有的淘汰记录", "open the retirement that is there")
	}
	if err != nil {
		return fmt.Errorf("store: create a retirement: %w", err)
	}
	if err := tx.keepSteps(retirement.Retirement{}, *r, StepNote{}); err != nil {
		return err
	}
	return tx.Record(retirementEvent("declare", *r, ""), nil, retirementView(*r))
}

// UpdateRetirement replaces before by after if nobody changed it since. A
// declaration that says something else is a new revision; the one before it is
// kept.
func (tx *Tx) UpdateRetirement(before retirement.Retirement, after *retirement.Retirement, action, reason string) error {
	return tx.UpdateRetirementBy(before, after, action, reason, StepNote{})
}

// UpdateRetirementBy is UpdateRetirement with what is said about the step that
// it logs, or the request that asked for it.
func (tx *Tx) UpdateRetirementBy(before retirement.Retirement, after *retirement.Retirement, action, reason string, note StepNote) error {
	after.Version = before.Version + 1
	if note.Step == "" && after.Declaration != before.Declaration {
		after.Revision = before.Revision + 1
		if err := tx.keepVersion(before, reason, note.RequestID); err != nil {
			return err
		}
	}
	former, row := retirementRowOf(before), retirementRowOf(*after)
	former.ID, former.AssetID, former.DeclaredBy, former.DeclaredAt = row.ID, row.AssetID, row.DeclaredBy, row.DeclaredAt // never change
	err := updateInScope(tx, &former, &row, "id = ? AND version = ?", before.ID, before.Version)
	if duplicate(err) {
		return fault.New(fault.Conflict, "certificate_used", bilingual.T("证明编号已被使用", "the certificate number is already used"))
	}
	if err != nil {
		return err
	}
	if err := tx.keepSteps(before, *after, note); err != nil {
		return err
	}
	was, is := difference(retirementView(before), retirementView(*after))
	return tx.Record(retirementEvent(action, *after, reason), was, is)
}

func retirementEvent(action string, r retirement.Retirement, reason string) Event {
	return Event{Action: action, Entity: "retirement", EntityID: r.ID, AssetID: r.AssetID, CityCode: r.CityCode,
		DistrictCode: r.DistrictCode, Reason: reason}
}

func retirementView(r retirement.Retirement) map[string]string {
	view := map[string]string{
		"state": string(r.State), "way_out": r.WayOut, "driver": r.Driver, "handed_in_on": string(r.HandedInOn),
		"dismantled_on": string(r.DismantledOn), "deregistered_on": string(r.DeregisteredOn), "recycler": r.Recycler, "yard_id": r.YardID,
		"certificate_no": r.CertificateNo, "note": r.Note, "verified_by": r.VerifiedByName, "return_reason": r.ReturnReason,
		"engine_no": r.EngineNo, "engine_model": r.EngineModel, "engine_stage": r.EngineStage, "replacement": r.Replacement,
		"waived": strings.Join(r.Waived, ","), "withdraw_reason": r.WithdrawReason,
	}
	for k, v := range view {
		if v == "" {
			delete(view, k)
		}
	}
	return view
}

// Retirement returns a retirement of the scope, or NotFound.
func (db *DB) Retirement(ctx context.Context, scope access.Scope, id string) (retirement.Retirement, error) {
	return loadRetirement(db.read.WithContext(ctx), scope, "id = ?", id)
}

// Retirement returns a retirement of the actor's scope, or NotFound.
func (tx *Tx) Retirement(id string) (retirement.Retirement, error) {
	return loadRetirement(tx.db, tx.By.Scope, "id = ?", id)
}

// RetirementOf returns the retirement of an asset of the scope that is not
// withdrawn, or NotFound.
func (db *DB) RetirementOf(ctx context.Context, scope access.Scope, assetID string) (retirement.Retirement, error) {
	return loadRetirement(db.read.WithContext(ctx), scope, "asset_id = ? AND NOT withdrawn", assetID)
}

// RetirementOf returns the retirement of an asset of the actor's scope that is
// not withdrawn, or NotFound.
func (tx *Tx) RetirementOf(assetID string) (retirement.Retirement, error) {
	return loadRetirement(tx.db, tx.By.Scope, "asset_id = ? AND NOT withdrawn", assetID)
}

func loadRetirement(q *gorm.DB, scope access.Scope, test, value string) (retirement.Retirement, error) {
	rows, err := findInScope[retirementRow](q, scope, test+" LIMIT 1", value)
	if err != nil {
		return retirement.Retirement{}, fmt.Errorf("store: read a retirement: %w", err)
	}
	if len(rows) == 0 {
		return retirement.Retirement{}, fault.Missing()
	}
	return rows[0].retirement(), nil
}

// RetirementFilter narrows a list of retirements.
type RetirementFilter struct {
	Standing retirement.Standing
	ImportID string
	AssetID  string
	State    retirement.State
	Class    registry.Class
	City     string
	District string
	Q        string
	From, To civil.Day // of the deregistration, both included; "" for no bound
}

func filterRetirements(q *gorm.DB, scope access.Scope, f RetirementFilter) *gorm.DB {
	q = inScope(q.Model(&retirementRow{}), scope, true)
	for _, e := range []struct{ column, value string }{
		{"standing", string(f.Standing)}, {"import_id", f.ImportID}, {"asset_id", f.AssetID}, {"class", string(f.Class)}, {"city_code", f.City}, {"district_code", f.District},
	} {
		if e.value != "" {
			q = q.Where(e.column+" = ?", e.value)
		}
	}
	switch f.State {
	case "":
	case retirement.Withdrawn:
		q = q.Where("withdrawn")
	default:
		q = q.Where("state = ? AND NOT withdrawn", f.State)
	}
	if f.Q != "" {
		pattern := likePattern(searchForm(f.Q))
		q = q.Where("(asset_label LIKE ? ESCAPE '!' OR certificate_no LIKE ? ESCAPE '!' OR recycler LIKE ? ESCAPE '!')", pattern, pattern, pattern)
	}
	if f.From != "" {
		q = q.Where("deregistered_on >= ?", f.From)
	}
	if f.To != "" {
		q = q.Where("deregistered_on <> '' AND deregistered_on <= ?", f.To)
	}
	return q
}

// Retirements returns one page of retirements of the scope.
func (db *DB) Retirements(ctx context.Context, scope access.Scope, f RetirementFilter, p Page) ([]retirement.Retirement, error) {
	q := filterRetirements(db.read.WithContext(ctx), scope, f)
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []retirementRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list retirements: %w", err)
	}
	list := make([]retirement.Retirement, len(rows))
	for i, r := range rows {
		list[i] = r.retirement()
	}
	return list, nil
}
