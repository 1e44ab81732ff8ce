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

// life is what happens to assets of every class in one test.
type life struct {
	*apptest.Fixture
	assets  []store.AssetRecord
	engines map[string]string // by asset, the number of the engine that it was registered with
	seen    map[string]int    // deeds by name, and by name and class
}

// TestRetirementsHoldInAnyHistory proves F27, F28, F29, F30 and F39 for every
// class and way out: whatever is done in whatever order, only the published
// transitions happen, each leaves exactly one event of the retirement, an asset
// leaves service once, its status, engine and counting days are what its live
// retirement says, what is withdrawn counts nowhere, and the roll-up is the recount.
func TestRetirementsHoldInAnyHistory(t *testing.T) {
	// What happened stays, so that a failure cannot be tried again on less.
	for name, value := range map[string]string{"rapid.checks": "60", "rapid.shrinktime": "0s", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Engines(t, func(t *testing.T, url string) {
		l := &life{Fixture: apptest.New(t, url), engines: map[string]string{}, seen: map[string]int{}}
		for _, spec := range registry.Classes() {
			a := l.Asset(spec.Class)
			l.assets = append(l.assets, a)
			l.engines[a.ID] = a.Fields["engine_no"]
		}
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(8, 24).Draw(rt, "deeds") {
				l.step(rt, l.assets[rapid.IntRange(0, len(l.assets)-1).Draw(rt, "asset")].ID)
			}
		})
		for _, part := range l.Checks() {
			if _, err := part.Run(t.Context()); err != nil {
				t.Errorf("%s: %v", part.Name, err)
			}
		}
		for _, a := range l.assets {
			all, err := l.DB.Retirements(t.Context(), access.Whole(), store.RetirementFilter{AssetID: a.ID}, store.Page{Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			all = slices.DeleteFunc(all, func(r retirement.Retirement) bool { return r.State == retirement.Withdrawn })
			if len(all) > 1 {
				t.Errorf("%s leaves service %d times", a.Label, len(all))
			}
			if l.seen["verify "+string(a.Class)] == 0 {
				t.Errorf("no %s was verified", a.Class)
			}
		}
		for _, deed := range retirement.Deeds {
			if l.seen[string(deed)] == 0 {
				t.Errorf("no history did %s", deed)
			}
		}
		t.Logf("done: %v", l.seen)
	})
}

// step does one thing to an asset, and holds what has to hold after it.
func (l *life) step(rt *rapid.T, assetID string) {
	asset, err := l.DB.Asset(rt.Context(), access.Whole(), assetID)
	if err != nil {
		rt.Fatal(err)
	}
	live, err := l.DB.RetirementOf(rt.Context(), access.Whole(), assetID)
	switch {
	case fault.Is(err, fault.NotFound) && rapid.IntRange(0, 4).Draw(rt, "move") == 0:
		l.transfer(rt, asset)
	case fault.Is(err, fault.NotFound):
		l.declare(rt, asset)
	case err != nil:
		rt.Fatal(err)
	default:
		l.deed(rt, asset, live)
	}
	l.hold(rt, assetID)
}

// people are the clerk and the reviewer of the city that has an asset.
func (l *life) people(asset store.AssetRecord) (clerk, reviewer access.Actor) {
	city := map[string]string{"430100": "changsha", "430200": "zhuzhou"}[asset.CityCode]
	return l.Users["clerk."+city], l.Users["reviewer."+city]
}

func (l *life) transfer(rt *rapid.T, asset store.AssetRecord) {
	clerk, _ := l.people(asset)
	asset.CityCode = map[string]string{"430100": "430200", "430200": "430100"}[asset.CityCode]
	taker, _ := l.people(asset)
	t, err := l.OfferTransfer(rt.Context(), clerk, asset.ID, nil, asset.CityCode, "sold")
	if err == nil {
		_, err = l.AnswerTransfer(rt.Context(), taker, t.ID, t.Version, rapid.IntRange(0, 3).Draw(rt, "take") > 0, "", "not ours")
	}
	if err != nil {
		rt.Fatal(err)
	}
	l.seen["transfer"]++
}

// declared is a declaration of one of the ways of a class, with all its days.
func (l *life) declared(rt *rapid.T, class registry.Class) retirement.Declaration {
	spec, _ := registry.SpecOf(class)
	ways := append(slices.Repeat(spec.WaysOut[:1], 2), spec.WaysOut...) // a scrapping has the most steps
	d := l.DeclarationOf(rapid.SampledFrom(ways).Draw(rt, "way"), "2025-12-01")
	if rapid.Bool().Draw(rt, "dismantled") && d.HandedInOn != "" {
		d.DismantledOn = "2025-11-20"
	}
	return d
}

func (l *life) declare(rt *rapid.T, asset store.AssetRecord) {
	clerk, _ := l.people(asset)
	d := l.declared(rt, asset.Class)
	if rapid.IntRange(0, 2).Draw(rt, "only declared") > 0 {
		d.HandedInOn, d.DismantledOn, d.DeregisteredOn = "", "", ""
	}
	if _, err := l.DeclareRetirement(rt.Context(), clerk, asset.ID, nil, d); err != nil {
		rt.Fatal(err)
	}
	l.seen["declare "+string(asset.Class)+" "+d.WayOut]++
}

// attach puts a file in every slot that is empty for a declaration.
func (l *life) attach(rt *rapid.T, clerk access.Actor, r retirement.Retirement) {
	c, err := l.Case(rt.Context(), clerk.Scope, r.ID)
	if err != nil {
		rt.Fatal(err)
	}
	spec, _ := registry.SpecOf(r.Class)
	way, _ := retirement.WayOf(spec, r.WayOut)
	for _, e := range way.Evidence {
		there := slices.ContainsFunc(c.Evidence, func(i retirement.Item) bool { return i.Code == e.Code && i.Present })
		if e.Kind != "file" || there {
			continue
		}
		_, err := l.AttachFile(rt.Context(), clerk, r.AssetID, app.Upload{Kind: e.Code, Name: "x.png", Data: bytes.NewReader(l.Photo())})
		if err != nil && !fault.Is(err, fault.Conflict) {
			rt.Fatal(err)
		}
	}
}

// towards are the deeds to choose from: half of the time what leads on, so that
// histories get far, else what may be done, or anything.
func towards(rt *rapid.T, r retirement.Retirement) []retirement.Deed {
	spec, _ := registry.SpecOf(r.Class)
	way, _ := retirement.WayOf(spec, r.WayOut)
	switch rapid.IntRange(0, 3).Draw(rt, "towards") {
	case 0, 1:
		if next := r.Next(way); next != "" {
			return []retirement.Deed{next}
		}
		return []retirement.Deed{retirement.Verify, retirement.Correct, retirement.Amend}
	case 2:
		return slices.DeleteFunc(slices.Clone(retirement.Deeds), func(d retirement.Deed) bool {
			_, may := retirement.Allowed(r.Standing(), d)
			return !may
		})
	}
	return retirement.Deeds
}

func (l *life) deed(rt *rapid.T, asset store.AssetRecord, before retirement.Retirement) {
	clerk, reviewer := l.people(asset)
	if rapid.IntRange(0, 2).Draw(rt, "attach") == 0 && before.State != retirement.Verified {
		l.attach(rt, clerk, before)
		var err error
		if before, err = l.DB.RetirementOf(rt.Context(), clerk.Scope, asset.ID); err != nil {
			rt.Fatal(err)
		}
	}
	deed := rapid.SampledFrom(towards(rt, before)).Draw(rt, "deed")
	events := countEvents(rt, l.Fixture, before.ID)
	err := l.do(rt, clerk, reviewer, before, deed)
	after, loadErr := l.DB.Retirement(rt.Context(), clerk.Scope, before.ID)
	if loadErr != nil {
		rt.Fatal(loadErr)
	}
	to, may := retirement.Allowed(before.Standing(), deed)
	switch {
	case err != nil:
		if _, known := fault.As(err); !known {
			rt.Fatalf("%s: %v", deed, err)
		}
		if after.Version != before.Version || countEvents(rt, l.Fixture, before.ID) != events {
			rt.Fatalf("%s was refused and changed the retirement all the same", deed)
		}
		return
	case !may:
		rt.Fatalf("%s was done to a retirement that is %s", deed, before.Standing())
	case deed != retirement.Amend && after.Standing() != to:
		rt.Fatalf("%s led from %s to %s", deed, before.Standing(), after.Standing())
	}
	if n := countEvents(rt, l.Fixture, before.ID) - events; n != 1 {
		rt.Fatalf("%s left %d events", deed, n)
	}
	l.seen[string(deed)]++
	l.seen[string(deed)+" "+string(asset.Class)]++
	if before.State == retirement.Verified {
		l.seen[string(deed)+" verified "+before.WayOut+" as "+after.WayOut]++
	}
}

// hold fails unless an asset is as its live retirement says.
func (l *life) hold(rt *rapid.T, assetID string) {
	asset, err := l.DB.Asset(rt.Context(), access.Whole(), assetID)
	if err != nil {
		rt.Fatal(err)
	}
	status, engine, r, way := registry.InUse, l.engines[assetID], (*retirement.Retirement)(nil), registry.WayOut{}
	live, err := l.DB.RetirementOf(rt.Context(), access.Whole(), assetID)
	if err == nil {
		spec, _ := registry.SpecOf(live.Class)
		way, _ = retirement.WayOf(spec, live.WayOut)
		status, r = live.StatusOf(way), &live
		if live.State == retirement.Verified && live.EngineNo != "" && way.MinStage != "" {
			engine = live.EngineNo
		}
		if live.CityCode != asset.CityCode {
			rt.Fatalf("%s is in %s, its retirement in %s", asset.Label, asset.CityCode, live.CityCode)
		}
	} else if !fault.Is(err, fault.NotFound) {
		rt.Fatal(err)
	}
	if asset.Status != status {
		rt.Fatalf("%s is %s, its retirement %+v", asset.Label, asset.Status, r)
	}
	if asset.Fields["engine_no"] != engine {
		rt.Fatalf("%s has the engine %s, want %s; its retirement %+v", asset.Label, asset.Fields["engine_no"], engine, r)
	}
	if want := retirement.Count(l.Reference.CohortDay(asset.Asset), way, r); asset.Counting != want {
		rt.Fatalf("%s counts as %+v, want %+v", asset.Label, asset.Counting, want)
	}
}

func countEvents(rt *rapid.T, f *apptest.Fixture, id string) int {
	events, err := f.DB.Events(rt.Context(), access.Whole(), store.EventFilter{Entity: "retirement", EntityID: id, Limit: 1000})
	if err != nil {
		rt.Fatal(err)
	}
	return len(events)
}

// do tries a deed in the way a person would.
func (l *life) do(rt *rapid.T, clerk, reviewer access.Actor, r retirement.Retirement, deed retirement.Deed) error {
	ctx := rt.Context()
	request := func(q retirement.Request) error {
		asked, err := l.AskRetirement(ctx, clerk, r.ID, q)
		if err == nil {
			_, err = l.DecideRequest(ctx, reviewer, asked.ID, asked.Version, true, rapid.SampledFrom([]string{"", "papers seen"}).Draw(rt, "answer"))
		}
		return err
	}
	// other is the declaration with a word of it changed, or one of another way out.
	other := func(change func(*retirement.Declaration)) retirement.Declaration {
		d := r.Declaration
		switch rapid.IntRange(0, 3).Draw(rt, "change") {
		case 0:
			d = l.declared(rt, r.Class)
		case 1:
			if d.EngineNo != "" {
				d.EngineNo += "A"
			}
			change(&d)
		default:
			change(&d)
		}
		return d
	}
	switch deed {
	case retirement.Receive, retirement.Dismantle, retirement.Deregister:
		day := map[retirement.Deed]civil.Day{retirement.Receive: "2025-11-01", retirement.Dismantle: "2025-12-10", retirement.Deregister: "2025-12-20"}[deed]
		_, err := l.LogStep(ctx, clerk, r.ID, r.Version, app.LoggedStep{Step: deed, On: day})
		return err
	case retirement.Amend:
		_, err := l.AmendRetirement(ctx, clerk, r.ID, r.Version, other(func(d *retirement.Declaration) { d.Note += "." }))
		return err
	case retirement.Verify, retirement.Return:
		_, err := l.DecideRetirement(ctx, reviewer, r.ID, r.Version, deed == retirement.Verify, "reason")
		return err
	case retirement.Correct:
		q := retirement.Request{Kind: retirement.Correction, Reason: "wrong"}
		q.After = other(func(d *retirement.Declaration) { d.DeregisteredOn = d.DeregisteredOn.AddDays(1) })
		if r.State == retirement.Verified && rapid.Bool().Draw(rt, "papers of the other way") {
			r := r
			r.WayOut = q.After.WayOut
			l.attach(rt, clerk, r)
		}
		return request(q)
	}
	if r.State == retirement.Verified {
		return request(retirement.Request{Kind: retirement.Withdrawal, Reason: "still in use"})
	}
	_, err := l.WithdrawRetirement(ctx, clerk, r.ID, r.Version, "slip")
	return err
}
