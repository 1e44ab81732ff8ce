package app

import (
	"context"
	"slices"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/identifier"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// Case is a retirement with its evidence list and, if there is one, the
// subsidy application that rests on it.
type Case struct {
	retirement.Retirement
	Evidence      []retirement.Item
	CountedOn     retirement.Counting
	ApplicationID string
	Next          retirement.Deed // the step that it waits for
	Doubts        []fault.Detail  // about the number of its certificate; they refuse nothing
}

// DeclareRetirement logs how an asset left service. Wrong fields fail with
// Invalid, an asset that is retired already or a certificate that is used
// already with Conflict.
func (a *App) DeclareRetirement(ctx context.Context, by access.Actor, assetID string, version *int64, d retirement.Declaration) (Case, error) {
	// While others write, what has to be read is read ahead. What is wrong then is
	// said by the transaction, which knows of an earlier answer to the same key.
	var ahead *examined
	if a.DB.Busy() {
		_ = a.DB.Look(ctx, by, func(tx *store.Tx) error {
			x, err := a.examine(tx, assetID, version, d)
			if err == nil {
				ahead = &x
			}
			return err
		})
	}
	return write(ctx, a, by, func(tx *store.Tx) (Case, error) {
		now, err := a.examineAgain(tx, ahead, assetID, version, d)
		if err != nil {
			return Case{}, err
		}
		return a.declare(tx, now)
	})
}

// declare logs the retirement of an asset that was examined.
func (a *App) declare(tx *store.Tx, now examined) (Case, error) {
	r := newRetirement(tx, now.asset, now.declaration)
	c, err := a.settle(tx, now.asset, nil, &r, "declare", store.StepNote{}, "")
	c.Doubts = now.doubts
	return c, err
}

// examined is an asset with a declaration that fits it.
type examined struct {
	asset       store.AssetRecord
	declaration retirement.Declaration
	doubts      []fault.Detail
}

// examine loads an asset and checks that it can be declared retired as d says.
func (a *App) examine(tx *store.Tx, assetID string, version *int64, d retirement.Declaration) (x examined, err error) {
	if x.asset, err = tx.Asset(assetID); err != nil {
		return x, err
	}
	if version != nil && *version != x.asset.Version {
		return x, staleSince(*version, x.asset.Version)
	}
	if err := notDuplicate(x.asset); err != nil {
		return x, err
	}
	existing, err := retirementOf(tx, assetID)
	if err != nil {
		return x, err
	}
	if existing != nil {
		return x, fault.New(fault.Conflict, "already_retired", bilingual.T("该记录已登记淘汰", "a retirement is already logged")).
			WithMend("请打开已有的淘汰记录", "open the retirement that is there").With("retirement_id", existing.ID)
	}
	x.declaration, x.doubts, err = a.checkDeclaration(tx, d, x.asset, "")
	return x, err
}

// examineAgain is examine for an asset that may have been examined ahead: if it
// did not change since, only the certificate can be another's by now.
func (a *App) examineAgain(tx *store.Tx, ahead *examined, assetID string, version *int64, d retirement.Declaration) (examined, error) {
	if ahead != nil {
		same, err := tx.IsAt(assetID, ahead.asset.Version)
		if err != nil {
			return examined{}, err
		}
		if same {
			return *ahead, certificateIsFree(tx, ahead.declaration)
		}
	}
	return a.examine(tx, assetID, version, d)
}

// newRetirement is the record of a declaration, with what the province splits
// progress by as it is now.
func newRetirement(tx *store.Tx, asset store.AssetRecord, d retirement.Declaration) retirement.Retirement {
	r := retirement.Retirement{ID: newID(), AssetID: asset.ID, AssetLabel: asset.Label, CityCode: asset.CityCode,
		DistrictCode: asset.DistrictCode, Class: asset.Class, Declaration: d, State: retirement.Declared,
		DeclaredBy: tx.By.ID, DeclaredByName: tx.By.Name, DeclaredAt: tx.At, Operating: isOperating(asset.Fields["use"])}
	if asset.ScrapDueOn.Valid() {
		r.DueYear = asset.ScrapDueOn.Year()
	}
	return r
}

// checkDeclaration returns a declaration as it is kept, and what is odd about
// the number of its certificate. It fails with Invalid and everything that is wrong.
func (a *App) checkDeclaration(tx *store.Tx, d retirement.Declaration, asset store.AssetRecord, retirementID string) (kept retirement.Declaration, doubts []fault.Detail, err error) {
	d = d.Clean()
	spec := a.Reference.SpecWithOptions(asset.Class)
	if way, known := retirement.WayOf(spec, d.WayOut); known {
		d, _ = d.Fit(way)
	}
	details := d.Check(asset.Asset, spec, a.Today())
	d, wrong, doubts, err := a.checkYard(tx, d, asset)
	if err != nil {
		return d, nil, err
	}
	details = append(details, wrong...)
	taken, err := tx.CertificateTaken(d.YardID, d.Recycler, d.CertificateNo, retirementID)
	if err != nil {
		return d, nil, err
	}
	if taken {
		details = append(details, certificateTaken())
	}
	if len(details) > 0 {
		return d, nil, fault.Fields(details)
	}
	return d, doubts, nil
}

// certificateIsFree fails with Invalid if the certificate of a declaration that
// was checked before is another asset's by now.
func certificateIsFree(tx *store.Tx, d retirement.Declaration) error {
	taken, err := tx.CertificateTaken(d.YardID, d.Recycler, d.CertificateNo, "")
	if err == nil && taken {
		err = fault.Fields([]fault.Detail{certificateTaken()})
	}
	return err
}

func certificateTaken() fault.Detail {
	return fault.Detail{Location: "body.certificate_no", Code: "duplicate",
		Message: bilingual.T("该回收企业的这个证明编号已被使用", "this recycler's certificate number is already used"),
		Mend:    bilingual.T("请核对证明原件上的编号", "check the number on the certificate")}
}

// settle saves a retirement and the asset that it concerns: its status and the
// days on which it counts. before is nil for a new retirement.
func (a *App) settle(tx *store.Tx, asset store.AssetRecord, before, after *retirement.Retirement, action string, note store.StepNote, reason string) (Case, error) {
	files, err := tx.Files(asset.ID)
	if err != nil {
		return Case{}, err
	}
	items, complete := a.evidence(*after, files)
	after.EvidenceComplete = complete
	*after = after.Moved(before, civil.On(tx.At))
	if before == nil {
		err = tx.CreateRetirement(after)
	} else {
		err = tx.UpdateRetirementBy(*before, after, action, reason, note)
	}
	if err != nil {
		return Case{}, err
	}
	changed := asset
	a.leave(&changed, after)
	if err := tx.UpdateAsset(&asset, &changed, action, reason); err != nil {
		return Case{}, err
	}
	spec, _ := registry.SpecOf(asset.Class)
	way, _ := retirement.WayOf(spec, after.WayOut)
	return Case{Retirement: *after, Evidence: items, CountedOn: changed.Counting, Next: after.Next(way)}, nil
}

// leave gives an asset what its retirement says: status, counting days, and what
// the province splits progress by. A withdrawn one says that it is in use.
func (a *App) leave(asset *store.AssetRecord, r *retirement.Retirement) {
	spec, _ := registry.SpecOf(asset.Class)
	way, _ := retirement.WayOf(spec, r.WayOut)
	asset.Counting = retirement.Count(a.cohortAsset(*asset).CohortOn, way, r)
	if r.State == retirement.Withdrawn {
		asset.Status, asset.WayOut, asset.Driver, asset.DueYear, asset.Operating = registry.InUse, "", "", 0, false
		return
	}
	asset.Status = r.StatusOf(way)
	asset.WayOut, asset.Driver, asset.DueYear, asset.Operating = r.WayOut, r.Driver, r.DueYear, r.Operating
}

// cohortAsset returns the asset with the cohort day that its facts give. The
// kept day may be empty because the asset left before it joined; a change of
// the retirement may undo that.
func (a *App) cohortAsset(rec store.AssetRecord) registry.Asset {
	asset := rec.Asset
	asset.CohortOn = a.Reference.CohortDay(asset)
	return asset
}

// AmendRetirement changes what was declared, until it is verified. A returned
// retirement goes back to the reviewer.
func (a *App) AmendRetirement(ctx context.Context, by access.Actor, id string, version int64, d retirement.Declaration) (Case, error) {
	return write(ctx, a, by, func(tx *store.Tx) (Case, error) {
		before, err := tx.Retirement(id)
		if err != nil {
			return Case{}, err
		}
		if before.Version != version {
			return Case{}, staleSince(version, before.Version)
		}
		if err := before.Guard(retirement.Amend); err != nil {
			return Case{}, err
		}
		asset, err := tx.Asset(before.AssetID)
		if err != nil {
			return Case{}, err
		}
		after := before
		if after.Declaration, _, err = a.checkDeclaration(tx, d, asset, id); err != nil {
			return Case{}, err
		}
		// Who amends a retirement vouches for it, so that its reviewer must be somebody else.
		after.State, after.ReturnReason = retirement.Declared, ""
		return a.settle(tx, asset, &before, &after, "amend", store.StepNote{}, "")
	})
}

// DecideRetirement verifies a retirement or returns it to the clerk. A
// verified one opens the application for the subsidy that a program owes.
func (a *App) DecideRetirement(ctx context.Context, by access.Actor, id string, version int64, verify bool, reason string) (Case, error) {
	return write(ctx, a, by, func(tx *store.Tx) (Case, error) { return a.decideRetirement(tx, id, version, verify, reason) })
}

// decideRetirement is DecideRetirement within a transaction.
func (a *App) decideRetirement(tx *store.Tx, id string, version int64, verify bool, reason string) (Case, error) {
	before, err := tx.Retirement(id)
	if err != nil {
		return Case{}, err
	}
	if before.Version != version {
		return Case{}, staleSince(version, before.Version)
	}
	files, err := tx.Files(before.AssetID)
	if err != nil {
		return Case{}, err
	}
	items, _ := a.evidence(before, files)
	if verify {
		if err := strangerTo(tx, before); err != nil {
			return Case{}, err
		}
		if err := a.photosDecided(tx, before.AssetID, verify); err != nil {
			return Case{}, err
		}
	}
	after, err := before.Decide(verify, reason, tx.By.ID, tx.By.Name, items, tx.At)
	if err != nil {
		return Case{}, err
	}
	asset, err := tx.Asset(before.AssetID)
	if err != nil {
		return Case{}, err
	}
	action := "verify"
	if !verify {
		action = "return"
	}
	c, err := a.settle(tx, asset, &before, &after, action, store.StepNote{}, reason)
	if err != nil || !verify {
		return c, err
	}
	if err := a.fitEngine(tx, after); err != nil {
		return c, err
	}
	open, err := tx.OpenPreChecks(after.AssetID)
	if err != nil || len(open) > 0 { // they block the subsidy, not the scrapping
		return c, err
	}
	c.ApplicationID, err = a.openOwed(tx, after)
	return c, err
}

// strangerTo fails with Denied four_eyes if the actor logged one of the
// retirement's steps or changed its declaration.
func strangerTo(tx *store.Tx, r retirement.Retirement) error {
	steps, err := tx.Steps(r)
	if err != nil {
		return err
	}
	versions, err := tx.Versions(r)
	if err != nil {
		return err
	}
	handled := slices.ContainsFunc(steps, func(e retirement.Event) bool { return e.LoggedBy == tx.By.ID }) ||
		slices.ContainsFunc(versions, func(v retirement.Version) bool { return v.ReplacedBy == tx.By.ID })
	if handled {
		return fault.New(fault.Denied, "four_eyes", bilingual.T("经办人不能审核自己登记过的记录", "who logged a part of a retirement cannot review it")).
			WithMend("请由另一名审核人员处理", "ask another reviewer")
	}
	return nil
}

// fitEngine puts the engine of a verified conversion into its asset, whose
// history of engines then says since when.
func (a *App) fitEngine(tx *store.Tx, r retirement.Retirement) error {
	if !bringsEngine(r) {
		return nil
	}
	before, err := tx.Asset(r.AssetID)
	if err != nil {
		return err
	}
	after, _, err := a.putEngine(tx, before, &r, newEngineOf(r, before))
	if err != nil {
		return err
	}
	return tx.UpdateAsset(&before, &after, "replace_engine", "")
}

// newEngineOf is the engine that a conversion puts in. It declares no power; the
// record's own stays.
func newEngineOf(r retirement.Retirement, asset store.AssetRecord) NewEngine {
	return NewEngine{Number: r.EngineNo, Model: r.EngineModel, PowerKW: asset.Fields["power_kw"], Stage: r.EngineStage, On: r.DeregisteredOn}
}

// mendEngine corrects what a verified conversion said of the engine that it put
// in: no further engine is put in, so that a withdrawal still gives the one back
// that was there before. An engine that was put in since stays where it is.
func (a *App) mendEngine(tx *store.Tx, was, now retirement.Retirement, reason string) error {
	before, err := tx.Asset(was.AssetID)
	if err != nil {
		return err
	}
	old, mended := newEngineOf(was, before), newEngineOf(now, before)
	_, present, err := tx.EngineBefore(before)
	if err != nil || old == mended || identifier.Normalize(present.Number) != identifier.Normalize(was.EngineNo) {
		return err
	}
	after, _, err := a.withEngine(tx, before, &now, mended)
	if err != nil {
		return err
	}
	if err := tx.MendEngine(before, engineOf(after, mended)); err != nil {
		return err
	}
	return tx.UpdateAsset(&before, &after, "replace_engine", reason)
}

// bringsEngine reports whether a retirement puts another engine in.
func bringsEngine(r retirement.Retirement) bool {
	spec, _ := registry.SpecOf(r.Class)
	way, _ := retirement.WayOf(spec, r.WayOut)
	return way.MinStage != "" && r.EngineNo != ""
}

// unfitEngine puts the engine back that an asset had before the conversion was,
// which no longer holds; now is the asset's retirement from here on, nil if it
// has none. Both engines stay in the history. An engine that was put in after
// the conversion stays where it is.
func (a *App) unfitEngine(tx *store.Tx, was retirement.Retirement, now *retirement.Retirement, reason string) error {
	if !bringsEngine(was) {
		return nil
	}
	before, err := tx.Asset(was.AssetID)
	if err != nil {
		return err
	}
	previous, present, err := tx.EngineBefore(before)
	if err != nil || identifier.Normalize(present.Number) != identifier.Normalize(was.EngineNo) {
		return err
	}
	after, _, err := a.putEngine(tx, before, now, NewEngine{Number: previous.Number, Model: previous.Model, PowerKW: previous.PowerKW, Stage: previous.Stage, On: civil.On(tx.At)})
	if err != nil {
		return err
	}
	return tx.UpdateAsset(&before, &after, "replace_engine", reason)
}

// Case returns a retirement of the scope with its evidence list.
func (a *App) Case(ctx context.Context, scope access.Scope, id string) (Case, error) {
	r, err := a.DB.Retirement(ctx, scope, id)
	if err != nil {
		return Case{}, err
	}
	cases, err := a.Cases(ctx, scope, []retirement.Retirement{r})
	if err != nil {
		return Case{}, err
	}
	return cases[0], nil
}

// Cases completes retirements of the scope with their evidence lists and
// applications, a fixed number of queries for any number of them.
func (a *App) Cases(ctx context.Context, scope access.Scope, list []retirement.Retirement) ([]Case, error) {
	ids := make([]string, len(list))
	assets := make([]string, len(list))
	for i, r := range list {
		ids[i], assets[i] = r.ID, r.AssetID
	}
	files, err := a.DB.FilesOfAssets(ctx, scope, assets)
	if err != nil {
		return nil, err
	}
	applications, err := a.DB.ApplicationsOf(ctx, scope, ids)
	if err != nil {
		return nil, err
	}
	cases := make([]Case, len(list))
	for i, r := range list {
		spec, _ := registry.SpecOf(r.Class)
		way, _ := retirement.WayOf(spec, r.WayOut)
		items, _ := a.evidence(r, files[r.AssetID])
		cases[i] = Case{Retirement: r, Evidence: items, ApplicationID: applications[r.ID],
			CountedOn: retirement.Count("0001-01-01", way, &r), Next: r.Next(way)}
	}
	return cases, a.noteDoubts(ctx, cases)
}
