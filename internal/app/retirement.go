package app

import (
	"context"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
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
}

// DeclareRetirement logs how an asset left service. Wrong fields fail with
// Invalid, an asset that is retired already or a certificate that is used
// already with Conflict.
func (a *App) DeclareRetirement(ctx context.Context, by access.Actor, assetID string, version *int64, d retirement.Declaration) (Case, error) {
	return write(ctx, a, by, func(tx *store.Tx) (Case, error) {
		before, err := tx.Asset(assetID)
		if err != nil {
			return Case{}, err
		}
		if version != nil && *version != before.Version {
			return Case{}, staleSince(*version, before.Version)
		}
		if err := notDuplicate(before); err != nil {
			return Case{}, err
		}
		existing, err := retirementOf(tx, assetID)
		if err != nil {
			return Case{}, err
		}
		if existing != nil {
			return Case{}, fault.New(fault.Conflict, "already_retired", bilingual.T("该记录已登记淘汰", "a retirement is already logged")).
				WithMend("请打开已有的淘汰记录", "open the retirement that is there").With("retirement_id", existing.ID)
		}
		d, err := a.checkDeclaration(tx, d, before, "")
		if err != nil {
			return Case{}, err
		}
		r := retirement.Retirement{ID: newID(), AssetID: assetID, AssetLabel: before.Label, CityCode: before.CityCode,
			DistrictCode: before.DistrictCode, Class: before.Class, Declaration: d, State: retirement.Declared,
			DeclaredBy: by.ID, DeclaredByName: by.Name, DeclaredAt: tx.At}
		return a.settle(tx, before, nil, &r, "declare", "")
	})
}

func (a *App) checkDeclaration(tx *store.Tx, d retirement.Declaration, asset store.AssetRecord, retirementID string) (retirement.Declaration, error) {
	d = d.Clean()
	details := d.Check(asset.Asset, a.Reference.SpecWithOptions(asset.Class), a.Today())
	d, wrong, err := a.checkYard(tx, d, asset)
	if err != nil {
		return d, err
	}
	details = append(details, wrong...)
	taken, err := tx.CertificateTaken(d.YardID, d.Recycler, d.CertificateNo, retirementID)
	if err != nil {
		return d, err
	}
	if taken {
		details = append(details, fault.Detail{Location: "body.certificate_no", Code: "duplicate",
			Message: bilingual.T("该回收企业的这个证明编号已被使用", "this recycler's certificate number is already used"),
			Mend:    bilingual.T("请核对证明原件上的编号", "check the number on the certificate")})
	}
	if len(details) > 0 {
		return d, fault.Fields(details)
	}
	return d, nil
}

// settle saves a retirement and the asset that it concerns: its status and the
// days on which it counts. before is nil for a new retirement.
func (a *App) settle(tx *store.Tx, asset store.AssetRecord, before, after *retirement.Retirement, action, reason string) (Case, error) {
	files, err := tx.Files(asset.ID)
	if err != nil {
		return Case{}, err
	}
	items, complete := a.evidence(*after, files)
	after.EvidenceComplete = complete
	if before == nil {
		err = tx.CreateRetirement(after)
	} else {
		err = tx.UpdateRetirement(*before, after, action, reason)
	}
	if err != nil {
		return Case{}, err
	}
	spec, _ := registry.SpecOf(asset.Class)
	way, _ := retirement.WayOf(spec, after.WayOut)
	changed := asset
	changed.Status = after.StatusOf(way)
	changed.Counting = retirement.Count(a.cohortAsset(asset).CohortOn, way, after)
	if err := tx.UpdateAsset(&asset, &changed, action, reason); err != nil {
		return Case{}, err
	}
	return Case{Retirement: *after, Evidence: items, CountedOn: changed.Counting}, nil
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
		if before.State == retirement.Verified {
			return Case{}, fault.New(fault.Conflict, "verified_locked", bilingual.T("淘汰已核实，不能再修改", "the retirement is verified; it is closed")).
				WithMend("如确有错误，请走更正程序", "ask for a correction")
		}
		asset, err := tx.Asset(before.AssetID)
		if err != nil {
			return Case{}, err
		}
		after := before
		if after.Declaration, err = a.checkDeclaration(tx, d, asset, id); err != nil {
			return Case{}, err
		}
		// Who amends a retirement vouches for it, so that its reviewer must be somebody else.
		after.State, after.ReturnReason = retirement.Declared, ""
		return a.settle(tx, asset, &before, &after, "amend", "")
	})
}

// DecideRetirement verifies a retirement or returns it to the clerk. A
// verified one opens the application for the subsidy that a program owes.
func (a *App) DecideRetirement(ctx context.Context, by access.Actor, id string, version int64, verify bool, reason string) (Case, error) {
	return write(ctx, a, by, func(tx *store.Tx) (Case, error) {
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
		if err := a.photosDecided(tx, before.AssetID, verify); err != nil {
			return Case{}, err
		}
		after, err := before.Decide(verify, reason, by.ID, by.Name, retirement.Missing(items), tx.At)
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
		c, err := a.settle(tx, asset, &before, &after, action, reason)
		if err != nil || !verify {
			return c, err
		}
		c.ApplicationID, err = a.openOwed(tx, after)
		return c, err
	})
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
			CountedOn: retirement.Count("0001-01-01", way, &r)}
	}
	return cases, nil
}
