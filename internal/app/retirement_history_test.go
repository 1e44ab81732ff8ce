package app_test

import (
	"bytes"
	"flag"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// TestRetirementsHoldInAnyHistory proves F27, F28, F30 and F39: whatever is done
// in whatever order, only the published transitions happen, each leaves exactly
// one event of the retirement, an asset leaves service once, what is withdrawn
// counts nowhere, and the roll-up is the recount.
func TestRetirementsHoldInAnyHistory(t *testing.T) {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		t.Fatal(err)
	}
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := t.Context()
		clerk, reviewer := f.Users["clerk.changsha"], f.Users["reviewer.changsha"]
		var assets []store.AssetRecord
		for range 4 {
			assets = append(assets, f.Truck("clerk.changsha"))
		}
		seen := map[retirement.Deed]int{}
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(8, 24).Draw(rt, "deeds") {
				asset := assets[rapid.IntRange(0, len(assets)-1).Draw(rt, "asset")]
				before, err := f.DB.RetirementOf(ctx, clerk.Scope, asset.ID)
				if fault.Is(err, fault.NotFound) {
					d := f.Declaration("2025-12-01")
					if rapid.Bool().Draw(rt, "only declared") {
						d = retirement.Declaration{WayOut: "scrapped", Recycler: d.Recycler, CertificateNo: d.CertificateNo}
					}
					if _, err := f.DeclareRetirement(ctx, clerk, asset.ID, nil, d); err != nil {
						rt.Fatal(err)
					}
					continue
				}
				if err != nil {
					rt.Fatal(err)
				}
				if rapid.IntRange(0, 3).Draw(rt, "attach") == 0 && before.State != retirement.Verified {
					for _, kind := range []string{"photo", "photo_front", "photo_rear", "photo_nameplate", "photo_engine"} {
						_, err := f.AttachFile(ctx, clerk, asset.ID, app.Upload{Kind: kind, Name: "x.png", Data: bytes.NewReader(f.Photo())})
						if err != nil && !fault.Is(err, fault.Conflict) {
							rt.Fatal(err)
						}
					}
					if before, err = f.DB.RetirementOf(ctx, clerk.Scope, asset.ID); err != nil {
						rt.Fatal(err)
					}
				}
				// Half of the time something that may be done, so that histories get far.
				deeds := retirement.Deeds
				if rapid.Bool().Draw(rt, "may") {
					deeds = slices.DeleteFunc(slices.Clone(deeds), func(d retirement.Deed) bool {
						_, may := retirement.Allowed(before.Standing(), d)
						return !may
					})
				}
				deed := rapid.SampledFrom(deeds).Draw(rt, "deed")
				events := countEvents(rt, f, before.ID)
				err = do(f, clerk, reviewer, before, deed)
				after, loadErr := f.DB.Retirement(ctx, clerk.Scope, before.ID)
				if loadErr != nil {
					rt.Fatal(loadErr)
				}
				to, may := retirement.Allowed(before.Standing(), deed)
				if err != nil {
					if _, known := fault.As(err); !known {
						rt.Fatalf("%s: %v", deed, err)
					}
					if after.Version != before.Version || countEvents(rt, f, before.ID) != events {
						rt.Fatalf("%s was refused and changed the retirement all the same", deed)
					}
					continue
				}
				seen[deed]++
				if !may {
					rt.Fatalf("%s was done to a retirement that is %s", deed, before.Standing())
				}
				if deed != retirement.Amend && after.Standing() != to {
					rt.Fatalf("%s led from %s to %s", deed, before.Standing(), after.Standing())
				}
				if n := countEvents(rt, f, before.ID) - events; n != 1 {
					rt.Fatalf("%s left %d events", deed, n)
				}
			}
		})
		for _, part := range f.Checks() {
			if _, err := part.Run(ctx); err != nil {
				t.Errorf("%s: %v", part.Name, err)
			}
		}
		for _, a := range assets {
			all, err := f.DB.Retirements(ctx, access.Whole(), store.RetirementFilter{AssetID: a.ID}, store.Page{Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			live := 0
			for _, r := range all {
				if r.State != retirement.Withdrawn {
					live++
				}
			}
			if live > 1 {
				t.Errorf("%s leaves service %d times", a.Label, live)
			}
			now, err := f.DB.Asset(ctx, access.Whole(), a.ID)
			if err != nil {
				t.Fatal(err)
			}
			if live == 0 && (now.Status != registry.InUse || now.VerifiedOn != "" || now.HandedInOn != "") {
				t.Errorf("%s: nothing but withdrawn retirements, and it is %s, %+v", a.Label, now.Status, now.Counting)
			}
		}
		for _, deed := range retirement.Deeds {
			if seen[deed] == 0 {
				t.Errorf("no history did %s", deed)
			}
		}
	})
}

func countEvents(rt *rapid.T, f *apptest.Fixture, id string) int {
	events, err := f.DB.Events(rt.Context(), access.Whole(), store.EventFilter{Entity: "retirement", EntityID: id, Limit: 1000})
	if err != nil {
		rt.Fatal(err)
	}
	return len(events)
}

// do tries a deed in the way a person would.
func do(f *apptest.Fixture, clerk, reviewer access.Actor, r retirement.Retirement, deed retirement.Deed) error {
	ctx := f.T.Context()
	request := func(q retirement.Request) error {
		asked, err := f.AskRetirement(ctx, clerk, r.ID, q)
		if err == nil {
			_, err = f.DecideRequest(ctx, reviewer, asked.ID, asked.Version, true, "")
		}
		return err
	}
	switch deed {
	case retirement.Receive, retirement.Dismantle, retirement.Deregister:
		day := map[retirement.Deed]civil.Day{retirement.Receive: "2025-11-01", retirement.Dismantle: "2025-12-10", retirement.Deregister: "2025-12-20"}[deed]
		_, err := f.LogStep(ctx, clerk, r.ID, r.Version, app.LoggedStep{Step: deed, On: day})
		return err
	case retirement.Amend:
		d := r.Declaration
		d.Note += "."
		_, err := f.AmendRetirement(ctx, clerk, r.ID, r.Version, d)
		return err
	case retirement.Verify, retirement.Return:
		_, err := f.DecideRetirement(ctx, reviewer, r.ID, r.Version, deed == retirement.Verify, "reason")
		return err
	case retirement.Correct:
		d := r.Declaration
		d.DeregisteredOn = d.DeregisteredOn.AddDays(1)
		return request(retirement.Request{Kind: retirement.Correction, After: d, Reason: "wrong day"})
	}
	if r.State == retirement.Verified {
		return request(retirement.Request{Kind: retirement.Withdrawal, Reason: "still in use"})
	}
	_, err := f.WithdrawRetirement(ctx, clerk, r.ID, r.Version, "slip")
	return err
}
