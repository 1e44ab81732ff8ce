package app_test

import (
	"testing"

	"phaseout/internal/access"
	"phaseout/internal/app/apptest"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
	"phaseout/internal/target"
)

// TestFrozenBaselineStaysAndItsPartsAddUp proves F62: a list that was frozen
// stays as it was whatever happens to its records, what left it and what joined
// is apart, each part is as long as its list.
func TestFrozenBaselineStaysAndItsPartsAddUp(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := t.Context()
		var ids []string
		for range 6 {
			ids = append(ids, f.Truck("clerk.changsha").ID)
		}
		f.Truck("clerk.zhuzhou")
		frozen, err := f.Freeze(ctx, f.Users["province"], "430100", registry.Truck, "2021", "2021-12-31")
		if err != nil || len(frozen) != 1 || frozen[0].Assets != 6 || frozen[0].Digest == "" || frozen[0].CohortRule == "" {
			t.Fatalf("frozen: %+v, %v", frozen, err)
		}
		b := frozen[0]
		d, err := f.FrozenDefinition(ctx, b)
		if err != nil || d.Ref() != "deregistered/1" {
			t.Fatalf("definition %s, %v", d.Ref(), err)
		}
		f.Retire("changsha", ids[0], "2025-11-11", true)
		f.Retire("changsha", ids[1], "2025-11-12", false) // not verified: still here
		offer, err := f.OfferTransfer(ctx, f.Users["clerk.changsha"], ids[2], nil, "430200", "sold")
		if err == nil {
			_, err = f.AnswerTransfer(ctx, f.Users["clerk.zhuzhou"], offer.ID, offer.Version, true, "", "")
		}
		if err != nil {
			t.Fatal(err)
		}
		a, err := f.DB.Asset(ctx, access.Whole(), ids[3])
		if err == nil {
			_, err = f.AmendAsset(ctx, f.Users["clerk.changsha"], a.ID, a.Version, map[string]string{"stage": "china5"}, "misread")
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Truck("clerk.changsha")
		want := map[string]int64{store.FrozenList: 6, store.FrozenStill: 3, store.FrozenRetired: 1, store.FrozenLeft: 0, store.FrozenGone: 2, store.FrozenAdded: 1}
		counts, err := f.DB.CompareBaseline(ctx, b, d, f.Today())
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range store.FrozenParts {
			rows, err := f.DB.BaselineRows(ctx, b, part, d, f.Today(), store.Page{Limit: 100})
			if err != nil || counts[part] != want[part] || int64(len(rows)) != want[part] {
				t.Errorf("%s: counted %d, listed %d, want %d, %v", part, counts[part], len(rows), want[part], err)
			}
		}
		// As of a day before the retirement it had not left.
		if counts, err = f.DB.CompareBaseline(ctx, b, d, "2025-11-10"); err != nil || counts[store.FrozenRetired] != 0 || counts[store.FrozenStill] != 4 {
			t.Errorf("as of the day before: %v, %v", counts, err)
		}
		if _, err := f.DB.Baseline(ctx, access.ScopeOf("430200"), b.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("another city's baseline: %v", err)
		}
		if _, err := f.Freeze(ctx, f.Users["province"], "", registry.Truck, "later", "2030-01-01"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a baseline of the future: %v", err)
		}
		if all, err := f.Freeze(ctx, f.Users["province"], "", registry.Truck, "all", "2021-12-31"); err != nil || len(all) != 6 {
			t.Errorf("every city: %d, %v", len(all), err)
		}
	})
}

var _ = bilingual.T
var _ target.Target
