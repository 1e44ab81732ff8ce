package app

import (
	"context"
	"io"
	"maps"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// NewAsset is what a client gives for a new record.
type NewAsset struct {
	Class    registry.Class
	CityCode string
	Fields   map[string]string
}

// Checked is a record with the warnings that its fields gave.
type Checked struct {
	store.AssetRecord
	Warnings []registry.Finding
}

// RegisterAsset adds one record. Wrong fields fail with Invalid, all of them
// at once; an identity that is registered already, retired or not, with Conflict.
func (a *App) RegisterAsset(ctx context.Context, by access.Actor, in NewAsset) (Checked, error) {
	c, err := write(ctx, a, by, func(tx *store.Tx) (Checked, error) {
		if by.Scope.City() != "" && by.Scope.City() != in.CityCode {
			return Checked{}, fault.Field("body.city_code", "wrong_city", bilingual.T("只能在本市登记", "you can register in your own city only"),
				bilingual.T("请选择您所在的城市", "choose your own city"))
		}
		if r, ok := a.Reference.Region(in.CityCode); !ok || r.Level != "city" {
			return Checked{}, fault.Field("body.city_code", "unknown_value", bilingual.F("“%s”不是六市代码", "%q is not one of the six cities", in.CityCode),
				bilingual.T("使用 GB/T 2260 城市代码，如 430100", "use a GB/T 2260 city code such as 430100"))
		}
		asset, warnings, err := a.check(by, in)
		if err != nil {
			return Checked{}, err
		}
		if err := a.identityFree(tx, asset.Identifiers, ""); err != nil {
			return Checked{}, err
		}
		rec := store.AssetRecord{Asset: asset, Counting: retirement.Count(asset.CohortOn, registry.WayOut{}, nil)}
		rec.ID, rec.Status = newID(), registry.InUse
		return Checked{rec, warnings}, tx.CreateAsset(&rec, "")
	})
	return c, a.noteRefusal(ctx, by, "entry", in.CityCode, err)
}

func (a *App) check(by access.Actor, in NewAsset) (registry.Asset, []registry.Finding, error) {
	if _, ok := registry.SpecOf(in.Class); !ok {
		return registry.Asset{}, nil, fault.Field("body.class", "unknown_value", bilingual.F("“%s”不是类别", "%q is not a class", in.Class),
			bilingual.T("使用 truck、machinery、farm_machinery 或 vessel", "use truck, machinery, farm_machinery or vessel"))
	}
	asset, findings := a.Reference.Check(in.Class, registry.Input{City: in.CityCode, District: by.Scope.District(), Fields: in.Fields, Today: a.Today()})
	var details []fault.Detail
	var warnings []registry.Finding
	for _, f := range findings {
		if f.Severity == registry.Warning {
			warnings = append(warnings, f)
			continue
		}
		details = append(details, fault.Detail{Location: "body.fields." + f.Field, Code: f.Code, Message: f.Message, Mend: f.Mend, Value: f.Value})
	}
	spec, _ := registry.SpecOf(in.Class)
	known := map[string]bool{}
	for _, f := range spec.Fields {
		known[f.Key] = true
	}
	for key := range in.Fields {
		if !known[key] {
			details = append(details, fault.Detail{Location: "body.fields." + key, Code: "unknown_field",
				Message: bilingual.F("没有“%s”这个字段", "there is no field %q", key), Mend: bilingual.T("请查看该类别的字段清单", "see the fields of the class")})
		}
	}
	if len(details) > 0 {
		return asset, warnings, fault.Fields(details)
	}
	return asset, warnings, nil
}

// identityFree fails with Conflict if another asset of the province holds one
// of the unique identifiers. Of a foreign city's asset it tells no more than
// that the identity is taken.
func (a *App) identityFree(tx *store.Tx, identifiers []registry.Identifier, exceptID string) error {
	var unique []registry.Identifier
	for _, i := range identifiers {
		if i.Unique {
			unique = append(unique, i)
		}
	}
	matches, err := tx.Holders(unique)
	if err != nil {
		return err
	}
	for _, m := range matches {
		if m.AssetID == exceptID {
			continue
		}
		if m.Status == registry.Duplicate {
			free, err := a.closedDuplicate(tx, m, exceptID, valueOf(unique, m))
			if err != nil {
				return err
			}
			if free {
				continue
			}
		}
		code, message := "duplicate_identity", bilingual.F("%s 已登记，不能重复登记", "%s is already registered", valueOf(unique, m))
		if leftService(m.Status) {
			code, message = "retired_identity", bilingual.F("%s 已淘汰，不能重新登记", "%s has left service and cannot be registered again", valueOf(unique, m))
		}
		f := fault.New(fault.Conflict, code, message).WithMend("请核对号码，或检索已有记录", "check the number, or search for the record that is there")
		f.Details = []fault.Detail{{Location: "body.fields." + m.Kind, Code: code, Message: message}}
		if _, err := tx.Asset(m.AssetID); err == nil {
			f = f.With("asset_id", m.AssetID)
		}
		if code == "retired_identity" {
			return &retiredSeen{f, m, valueOf(unique, m)}
		}
		return f
	}
	return nil
}

func valueOf(identifiers []registry.Identifier, m store.Match) string {
	for _, i := range identifiers {
		if i.Kind == m.Kind && i.Norm == m.Norm {
			return i.Value
		}
	}
	return m.Norm
}

// AmendAsset changes fields of a record that is based on the version. A stale
// version fails with Stale, a record with a verified retirement with Conflict.
func (a *App) AmendAsset(ctx context.Context, by access.Actor, id string, version int64, fields map[string]string, reason string) (Checked, error) {
	c, err := write(ctx, a, by, func(tx *store.Tx) (Checked, error) {
		before, r, err := a.amendable(tx, id, version)
		if err != nil {
			return Checked{AssetRecord: before}, err
		}
		merged := formOf(before.Asset)
		for key, value := range fields {
			if strings.Contains(value, "*") && (key == "owner_id" || key == "owner_phone") {
				continue // the masked value came back unchanged
			}
			merged[key] = value
		}
		asset, warnings, err := a.check(by, NewAsset{before.Class, before.CityCode, merged})
		if err != nil {
			return Checked{}, err
		}
		if err := a.identityFree(tx, asset.Identifiers, id); err != nil {
			return Checked{AssetRecord: before}, err
		}
		after := before
		after.Asset = asset
		after.ID, after.Status = before.ID, before.Status
		after.Counting = a.counting(asset, r)
		if err := tx.UpdateAsset(&before, &after, "update", reason); err != nil {
			return Checked{}, err
		}
		return Checked{after, warnings}, keepEdit(tx, before, after)
	})
	return c, a.noteRefusal(ctx, by, "update", c.CityCode, err)
}

// amendable returns a record in the version given, and its retirement if it has
// one, if its fields may be changed.
func (a *App) amendable(tx *store.Tx, id string, version int64) (store.AssetRecord, *retirement.Retirement, error) {
	before, err := tx.Asset(id)
	if err != nil {
		return before, nil, err
	}
	if before.Version != version {
		return before, nil, staleSince(version, before.Version)
	}
	if err := notDuplicate(before); err != nil {
		return before, nil, err
	}
	r, err := retirementOf(tx, id)
	if err == nil && r != nil && r.State == retirement.Verified {
		err = fault.New(fault.Conflict, "verified_locked", bilingual.T("淘汰已核实，记录不能再修改", "the retirement is verified; the record is closed")).
			WithMend("如确有错误，请走更正程序", "ask for a correction")
	}
	return before, r, err
}

// formOf returns the fields of a record as a form holds them, its owner's
// numbers included. Checked again they give the same record.
func formOf(a registry.Asset) map[string]string {
	form := maps.Clone(a.Fields)
	if form == nil {
		form = map[string]string{}
	}
	for key, value := range map[string]string{"owner_name": a.OwnerName, "owner_id": a.OwnerID, "owner_phone": a.OwnerPhone} {
		if value != "" {
			form[key] = value
		}
	}
	return form
}

// counting returns the days on which an asset counts, given its way out.
func (a *App) counting(asset registry.Asset, r *retirement.Retirement) retirement.Counting {
	var way registry.WayOut
	if r != nil {
		spec, _ := registry.SpecOf(asset.Class)
		way, _ = retirement.WayOf(spec, r.WayOut)
	}
	return retirement.Count(asset.CohortOn, way, r)
}

func retirementOf(tx *store.Tx, assetID string) (*retirement.Retirement, error) {
	r, err := tx.RetirementOf(assetID)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// staleSince is the fault of a change that is based on another version than
// the present one; the API adds the present record.
func staleSince(given, current int64) error {
	return fault.New(fault.Stale, "stale", bilingual.T("该记录已被他人修改", "the record was changed by somebody else")).
		WithMend("请查看最新内容后重新提交", "look at the present version, then submit again").
		With("given_version", given).With("current_version", current)
}

// Upload is a file that a client sends.
type Upload struct {
	Kind string
	Name string
	// Device is from what it was sent, as the client says; it may be "".
	Device string
	Data   io.Reader
}

// AttachFile puts a file on an asset, and on its retirement if there is one,
// whose evidence list it may complete.
func (a *App) AttachFile(ctx context.Context, by access.Actor, assetID string, up Upload) (store.File, error) {
	kept, look, err := a.take(up)
	if err != nil {
		return store.File{}, err
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.File, error) { return a.attach(tx, assetID, kept, look) })
}

// take stores the bytes of an upload and looks at them, before any transaction.
func (a *App) take(up Upload) (store.File, look, error) {
	kept, err := a.keep(up)
	if err != nil {
		return store.File{}, look{}, err
	}
	seen, err := a.lookAt(kept)
	return kept, seen, err
}

// attach puts a file that was taken in on an asset.
func (a *App) attach(tx *store.Tx, assetID string, f store.File, seen look) (store.File, error) {
	before, err := tx.Asset(assetID)
	if err != nil {
		return store.File{}, err
	}
	r, err := retirementOf(tx, assetID)
	if err != nil {
		return store.File{}, err
	}
	f.ID, f.AssetID, f.CityCode, f.DistrictCode = newID(), assetID, before.CityCode, before.DistrictCode
	if r != nil {
		if r.State == retirement.Verified {
			return store.File{}, fault.New(fault.Conflict, "verified_locked", bilingual.T("淘汰已核实，不能再添加材料", "the retirement is verified; its evidence is closed"))
		}
		f.RetirementID = r.ID
	}
	if err := onceOnly(tx, f); err != nil {
		return f, err
	}
	if err := tx.AddFile(&f); err != nil {
		return f, err
	}
	if _, err := tx.KeepPhoto(f, before, seen.facts, seen.print); err != nil {
		return f, err
	}
	if r == nil {
		return f, nil
	}
	return f, a.reviewEvidence(tx, before, *r)
}

// reviewEvidence recomputes whether a retirement's evidence is complete and,
// if that changed, on which days its asset counts.
func (a *App) reviewEvidence(tx *store.Tx, before store.AssetRecord, r retirement.Retirement) error {
	files, err := tx.Files(before.ID)
	if err != nil {
		return err
	}
	_, complete := a.evidence(r, files)
	if complete == r.EvidenceComplete {
		return nil
	}
	after := r
	after.EvidenceComplete = complete
	if err := tx.UpdateRetirement(r, &after, "evidence", ""); err != nil {
		return err
	}
	asset := before
	asset.Counting = a.counting(a.cohortAsset(before), &after)
	return tx.UpdateAsset(&before, &asset, "evidence", "")
}

func (a *App) evidence(r retirement.Retirement, files []store.File) ([]retirement.Item, bool) {
	spec, _ := registry.SpecOf(r.Class)
	way, _ := retirement.WayOf(spec, r.WayOut)
	return r.EvidenceOf(way, store.FilesByKind(files))
}
