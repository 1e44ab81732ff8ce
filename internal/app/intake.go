package app

import (
	"context"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// Intake completes retirements of a yard with their evidence lists. The yard
// has read them in its own scope.
func (a *App) Intake(ctx context.Context, list []retirement.Retirement) ([]Case, error) {
	var cases []Case
	byCity := map[string][]retirement.Retirement{}
	for _, r := range list {
		byCity[r.CityCode] = append(byCity[r.CityCode], r)
	}
	at := map[string]Case{}
	for city, some := range byCity {
		completed, err := a.Cases(ctx, access.ScopeOf(city), some)
		if err != nil {
			return nil, err
		}
		for _, c := range completed {
			at[c.ID] = c
		}
	}
	for _, r := range list {
		cases = append(cases, at[r.ID])
	}
	return cases, nil
}

// LogIntakeStep logs that a yard received or dismantled one of its own intake.
// Anything else is not found for it.
func (a *App) LogIntakeStep(ctx context.Context, by access.Actor, id string, version int64, s LoggedStep) (Case, error) {
	r, err := a.DB.IntakeLine(ctx, by.Scope, id)
	if err != nil {
		return Case{}, err
	}
	s.Recycler, s.CertificateNo = "", ""
	return a.LogStep(ctx, by.For(access.ScopeOf(r.CityCode)), id, version, s)
}

// AttachIntakeFile puts a photo or a certificate on one of a yard's own intake.
func (a *App) AttachIntakeFile(ctx context.Context, by access.Actor, id string, up Upload) (store.File, error) {
	r, err := a.DB.IntakeLine(ctx, by.Scope, id)
	if err != nil {
		return store.File{}, err
	}
	if !strings.HasPrefix(up.Kind, "photo") && up.Kind != "certificate" {
		return store.File{}, fault.Field("body.kind", "unknown_value", bilingual.T("企业只能上传照片和回收证明", "a yard sends photos and certificates only"),
			bilingual.T("请选择照片或回收证明", "choose a photo or the certificate"))
	}
	return a.AttachFile(ctx, by.For(access.ScopeOf(r.CityCode)), r.AssetID, up)
}
