package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/identifier"
)

// BenefitClaim says that an asset's benefit in a family of programs is taken by
// an application: once, over all cities and years.
type BenefitClaim struct {
	AssetID       string
	Family        string
	ApplicationID string
	CityCode      string
	DistrictCode  string
	AssetLabel    string
	Reference     string // by which the province finds it; says nothing about the record
	ClaimedAt     time.Time
}

// passing are the identifiers that are given out anew, so that they prove no
// identity over the years.
var passing = []string{"plate", "farm_plate", "env_code"}

type benefitIdentity struct {
	Kind          string
	Norm          string
	Family        string
	AssetID       string
	ApplicationID string
}

func (benefitIdentity) TableName() string { return "benefit_identities" }

// ClaimBenefit takes an asset's benefit in a family for an application. It fails
// with Conflict double_benefit if the asset, or a record with one of its lasting
// numbers, has it already, in whatever city and year. Who may see that
// application is told which it is; others get a reference for the province.
func (tx *Tx) ClaimBenefit(assetID, family, applicationID string) error {
	asset, err := tx.Asset(assetID)
	if err != nil {
		return err
	}
	var identities []benefitIdentity
	kinds, norms := []string{""}, []string{""}
	for _, i := range asset.Identifiers {
		if i.Unique && i.Norm != "" && !slices.Contains(passing, i.Kind) {
			identities = append(identities, benefitIdentity{i.Kind, i.Norm, family, assetID, applicationID})
			kinds, norms = append(kinds, i.Kind), append(norms, i.Norm)
		}
	}
	var taken []benefitIdentity
	if err := tx.db.Where("family = ? AND kind IN ? AND norm IN ?", family, kinds, norms).Limit(20).Find(&taken).Error; err != nil {
		return fmt.Errorf("store: look for a benefit by identity: %w", err)
	}
	holders := []string{assetID}
	for _, t := range taken {
		if slices.Contains(kinds, t.Kind) && slices.Contains(norms, t.Norm) {
			holders = append(holders, t.AssetID)
		}
	}
	var claims []BenefitClaim
	if err := tx.db.Where("family = ? AND asset_id IN ?", family, holders).Order("claimed_at").Limit(1).Find(&claims).Error; err != nil {
		return fmt.Errorf("store: look for a benefit: %w", err)
	}
	if len(claims) > 0 {
		if claims[0].ApplicationID == applicationID {
			return nil
		}
		return tx.doubleBenefit(claims[0])
	}
	claim := BenefitClaim{AssetID: assetID, Family: family, ApplicationID: applicationID, CityCode: asset.CityCode, DistrictCode: asset.DistrictCode,
		AssetLabel: asset.Label, Reference: reference(applicationID), ClaimedAt: tx.At}
	for _, row := range append([]any{&claim}, pointers(identities)...) {
		err := tx.db.Create(row).Error
		if duplicate(err) {
			return raced{fmt.Errorf("store: claim a benefit: %w", err)} // the next attempt sees who was faster
		}
		if err != nil {
			return fmt.Errorf("store: claim a benefit: %w", err)
		}
	}
	return nil
}

// reference is the random end of an application's id: enough to find it, too
// little to tell when or where it was made.
func reference(applicationID string) string {
	return "B" + strings.ToUpper(applicationID[max(0, len(applicationID)-12):])
}

func pointers(rows []benefitIdentity) []any {
	all := make([]any, len(rows))
	for i := range rows {
		all[i] = &rows[i]
	}
	return all
}

// doubleBenefit says that a benefit is taken, and by whom only to who may know.
func (tx *Tx) doubleBenefit(c BenefitClaim) error {
	if tx.By.Scope.Covers(c.CityCode, c.DistrictCode) {
		return fault.New(fault.Conflict, "double_benefit", bilingual.F("%s 已有同类补贴申请，不能重复享受", "there already is an application for %s in this family of programs", c.AssetLabel)).
			WithMend("请打开已有申请", "open the application that is there").With("application_id", c.ApplicationID)
	}
	return fault.New(fault.Conflict, "double_benefit", bilingual.F("该登记对象在省内其他辖区已占用同类补贴，不能重复享受（核查号 %s）", "the asset's benefit is taken elsewhere in the province (reference %s)", c.Reference)).
		WithMend("请凭核查号联系省级汇总员核实；如属误占，由对方撤回后即可申请", "ask the province with the reference; if it was taken by mistake it can be released there").With("reference", c.Reference)
}

// ReleaseBenefit gives back what an application has taken: it was rejected,
// withdrawn or has expired, and nothing was paid.
func (tx *Tx) ReleaseBenefit(applicationID string) error {
	for _, table := range []string{"benefit_claims", "benefit_identities"} {
		if err := tx.db.Exec("DELETE FROM "+table+" WHERE application_id = ?", applicationID).Error; err != nil {
			return fmt.Errorf("store: release a benefit: %w", err)
		}
	}
	return nil
}

// BenefitFilter narrows the list of benefits.
type BenefitFilter struct {
	Reference  string
	Identifier string // any number of the asset, as typed
	AssetID    string
}

// Benefits returns the benefits of the scope that are taken, newest first.
func (db *DB) Benefits(ctx context.Context, scope access.Scope, f BenefitFilter, p Page) ([]BenefitClaim, error) {
	q := inScope(db.read.WithContext(ctx), scope, true)
	if f.Reference != "" {
		q = q.Where("reference = ?", strings.ToUpper(strings.TrimSpace(f.Reference)))
	}
	if f.AssetID != "" {
		q = q.Where("asset_id = ?", f.AssetID)
	}
	if f.Identifier != "" {
		n := identifier.Normalize(f.Identifier) // a plate's norm ends with its kind, so that it is told by its value
		q = q.Where("EXISTS (SELECT 1 FROM asset_identifiers i WHERE i.asset_id = benefit_claims.asset_id AND (i.norm IN ? OR i.value = ?))", []string{n, "FARM/" + n}, n)
	}
	if p.After != "" {
		q = q.Where("application_id < ?", p.After)
	}
	var claims []BenefitClaim
	if err := q.Order("application_id DESC").Limit(p.Limit).Find(&claims).Error; err != nil {
		return nil, fmt.Errorf("store: list benefits: %w", err)
	}
	return claims, nil
}
