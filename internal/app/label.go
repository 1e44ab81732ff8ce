package app

import (
	"context"
	"crypto/rand"
	"slices"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/label"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// Label is what stands on the label of an asset.
type Label struct {
	store.AssetRecord
	Code string
}

// Labels returns the labels of assets in the order of their ids as given. An
// asset without a public code gets one. An asset outside the scope fails with
// NotFound.
func (a *App) Labels(ctx context.Context, by access.Actor, ids []string) ([]Label, error) {
	assets, err := a.DB.AssetsByID(ctx, by.Scope, ids)
	if err != nil {
		return nil, err
	}
	codes, err := a.DB.LabelCodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	labels := make([]Label, len(ids))
	var bare []store.AssetRecord
	for i, id := range ids {
		rec, ok := assets[id]
		if !ok {
			return nil, fault.Missing()
		}
		if labels[i] = (Label{rec, codes[id]}); codes[id] == "" {
			bare = append(bare, rec)
		}
	}
	if len(bare) == 0 {
		return labels, nil
	}
	if codes, err = a.makeLabels(ctx, by, bare); err != nil {
		return nil, err
	}
	for i := range labels {
		if labels[i].Code == "" {
			labels[i].Code = codes[labels[i].ID]
		}
	}
	return labels, nil
}

// makeLabels gives each asset a code and returns them by asset.
func (a *App) makeLabels(ctx context.Context, by access.Actor, bare []store.AssetRecord) (map[string]string, error) {
	return write(ctx, a, by, func(tx *store.Tx) (map[string]string, error) {
		ids := make([]string, len(bare))
		for i, rec := range bare {
			ids[i] = rec.ID
		}
		codes, err := tx.LabelCodes(ids)
		if err != nil {
			return nil, err
		}
		bare = slices.DeleteFunc(slices.Clone(bare), func(rec store.AssetRecord) bool { return codes[rec.ID] != "" })
		for _, rec := range bare {
			var random [label.Length - 1]byte
			_, _ = rand.Read(random[:]) // never fails
			if err := tx.AddLabel(rec, label.Code(random)); err != nil {
				return nil, err
			}
		}
		return tx.LabelCodes(ids)
	})
}

// Standing is all that the public is told of an asset.
type Standing struct {
	Class    registry.Class
	CityCode string
	Status   registry.Status
	StatusOn civil.Day // since when; of an asset in use, the day of its entry
}

// LabelStanding returns what the public may know of the asset with the code.
func (a *App) LabelStanding(ctx context.Context, text string) (Standing, error) {
	rec, err := a.LabelledAsset(ctx, access.Whole(), text)
	if err != nil {
		return Standing{}, err
	}
	s := Standing{rec.Class, rec.CityCode, rec.Status, civil.On(rec.CreatedAt)}
	r, err := a.DB.RetirementOf(ctx, access.Whole(), rec.ID)
	if fault.Is(err, fault.NotFound) {
		return s, nil
	}
	switch rec.Status {
	case registry.InUse:
	case registry.HandedIn:
		s.StatusOn = r.HandedInOn
	case registry.Dismantled:
		s.StatusOn = r.DismantledOn
	default:
		s.StatusOn = r.DeregisteredOn
	}
	return s, err
}

// LabelledAsset returns the asset of the scope whose label has the code, or
// NotFound.
func (a *App) LabelledAsset(ctx context.Context, scope access.Scope, text string) (store.AssetRecord, error) {
	code, ok := label.Parse(text)
	if !ok {
		return store.AssetRecord{}, fault.Missing()
	}
	return a.DB.AssetByCode(ctx, scope, code)
}
