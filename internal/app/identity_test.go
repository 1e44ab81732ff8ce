package app_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
	"phaseout/internal/target"
)

// history makes random deeds on a few identities that two cities fight for.
type history struct {
	*apptest.Fixture
	t       *rapid.T
	ctx     context.Context
	vins    []string
	imports []store.Import
}

var plates = map[string]string{"430100": "湘A", "430200": "湘B"}

func (h *history) city() string {
	return rapid.SampledFrom([]string{"430100", "430200"}).Draw(h.t, "city")
}

func (h *history) clerk(city string) access.Actor {
	return h.Users[map[string]string{"430100": "clerk.changsha", "430200": "clerk.zhuzhou"}[city]]
}

func (h *history) vin() string { return rapid.SampledFrom(h.vins).Draw(h.t, "vin") }

// refused passes what people are told and fails on anything else.
func (h *history) refused(err error) {
	if _, forPeople := fault.As(err); err != nil && !forPeople {
		h.t.Fatal(err)
	}
}

// mine returns the records of this history's identities.
func (h *history) mine() []store.AssetRecord {
	var list []store.AssetRecord
	for _, vin := range h.vins {
		found, err := h.DB.Assets(h.ctx, access.Whole(), store.AssetFilter{Q: vin}, store.Page{Limit: 50})
		if err != nil {
			h.t.Fatal(err)
		}
		list = append(list, found...)
	}
	return list
}

func (h *history) asset() (store.AssetRecord, bool) {
	list := h.mine()
	if len(list) == 0 {
		return store.AssetRecord{}, false
	}
	return list[rapid.IntRange(0, len(list)-1).Draw(h.t, "asset")], true
}

func (h *history) transfer(state string) (store.Transfer, bool) {
	list, err := h.DB.Transfers(h.ctx, access.Whole(), store.TransferFilter{State: state}, store.Page{Limit: 5})
	if err != nil {
		h.t.Fatal(err)
	}
	if len(list) == 0 {
		return store.Transfer{}, false
	}
	return list[0], true
}

func (h *history) registered() string {
	return string(civil.Day("2010-01-01").AddDays(rapid.IntRange(0, 3000).Draw(h.t, "registered")))
}

func (h *history) deeds() map[string]func() {
	return map[string]func(){
		"create": func() {
			city := h.city()
			_, err := h.RegisterAsset(h.ctx, h.clerk(city), app.NewAsset{Class: registry.Truck, CityCode: city,
				Fields: h.TruckFields(plates[city], "vin", h.vin(), "registered_on", h.registered())})
			h.refused(err)
		},
		"edit": func() {
			if a, any := h.asset(); any {
				_, err := h.AmendAsset(h.ctx, h.clerk(a.CityCode), a.ID, a.Version,
					map[string]string{"vin": h.vin(), "registered_on": h.registered(), "stage": rapid.SampledFrom([]string{"china2", "china3", "china5"}).Draw(h.t, "stage")}, "")
				h.refused(err)
			}
		},
		"import": func() {
			city := h.city()
			var rows strings.Builder
			rows.WriteString("号牌号码,车辆识别代号,所有人,初次登记日期,燃料种类,排放标准\n")
			for range rapid.IntRange(1, 3).Draw(h.t, "rows") {
				fmt.Fprintf(&rows, "%s,%s,某某,%s,柴油,国三\n", h.TruckFields(plates[city])["plate"], h.vin(), h.registered())
			}
			i, err := h.ImportSheet(h.ctx, h.clerk(city), registry.Truck, city, "a.csv", strings.NewReader(rows.String()), "valid_rows")
			h.refused(err)
			if i.State == "applied" {
				h.imports = append(h.imports, i)
			}
		},
		"undo": func() {
			if n := len(h.imports); n > 0 {
				i := h.imports[n-1]
				_, err := h.UndoImport(h.ctx, h.clerk(i.CityCode), i.ID, true)
				h.refused(err)
				h.imports = h.imports[:n-1]
			}
		},
		"offer": func() {
			if a, any := h.asset(); any {
				_, err := h.OfferTransfer(h.ctx, h.clerk(a.CityCode), a.ID, nil, map[string]string{"430100": "430200", "430200": "430100"}[a.CityCode], "sold")
				h.refused(err)
			}
		},
		"accept": func() {
			if t, any := h.transfer(store.TransferOffered); any {
				before := h.province()
				district := map[string]string{"430100": "430104", "430200": "430202"}[t.ToCity]
				_, err := h.AnswerTransfer(h.ctx, h.clerk(t.ToCity), t.ID, t.Version, true, district, "")
				h.refused(err)
				if after := h.province(); err == nil && !maps.Equal(before, after) {
					h.t.Fatalf("a transfer changed the province from %v to %v", before, after)
				}
			}
		},
		"refuse": func() {
			if t, any := h.transfer(store.TransferOffered); any {
				_, err := h.AnswerTransfer(h.ctx, h.clerk(t.ToCity), t.ID, t.Version, false, "", "not ours")
				h.refused(err)
			}
		},
		"withdraw": func() {
			if t, any := h.transfer(store.TransferOffered); any {
				_, err := h.WithdrawTransfer(h.ctx, h.clerk(t.FromCity), t.ID, t.Version, "")
				h.refused(err)
			}
		},
		"wait": func() { h.Clock.Advance(16 * 24 * time.Hour) },
		"retire": func() {
			if a, any := h.asset(); any {
				_, err := h.DeclareRetirement(h.ctx, h.clerk(a.CityCode), a.ID, nil, h.Declaration("2025-06-01"))
				h.refused(err)
			}
		},
		"decide": func() {
			pairs, err := h.DB.Pairs(h.ctx, access.Whole(), store.PairFilter{}, store.Page{Limit: 5})
			if err != nil || len(pairs) == 0 {
				h.refused(err)
				return
			}
			p := pairs[rapid.IntRange(0, len(pairs)-1).Draw(h.t, "pair")]
			_, err = h.DecideDuplicate(h.ctx, h.clerk(h.city()), p.ID, p.Version, rapid.Bool().Draw(h.t, "same"), "compared")
			h.refused(err)
		},
	}
}

// province returns how much the province counts today.
func (h *history) province() target.Counts {
	counts, err := h.DB.CountsOn(h.ctx, access.Whole(), store.CountFilter{}, h.Today())
	if err != nil {
		h.t.Fatal(err)
	}
	sum := target.Counts{}
	for _, c := range counts {
		for metric, n := range c {
			sum[metric] += n
		}
	}
	maps.DeleteFunc(sum, func(_ target.Metric, n int64) bool { return n == 0 })
	return sum
}

// holds fails unless each identity is one record's, each record is in one
// city, and the cities sum up to the province and to a recount.
func (h *history) holds() {
	holder, where := map[string]string{}, map[string]string{}
	recount := target.Counts{}
	err := h.DB.EachAsset(h.ctx, func(a store.AssetRecord, _ *retirement.Retirement) error {
		days := map[target.Metric]civil.Day{target.Cohort: a.Counting.CohortOn, target.HandedIn: a.HandedInOn, target.Declared: a.DeclaredOn}
		for metric, day := range days {
			if day != "" && day <= h.Today() {
				recount[metric]++
			}
		}
		if a.Status == registry.Duplicate {
			return nil
		}
		for _, key := range []string{a.Fields["vin"], a.Fields["plate"]} {
			if other, taken := holder[key]; taken {
				h.t.Fatalf("%s is registered as %s and as %s", key, other, a.ID)
			}
			holder[key] = a.ID
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	sum := target.Counts{}
	for _, city := range []string{"430100", "430200", "430300", "430600", "430700", "430900"} {
		scope := access.ScopeOf(city)
		counts, err := h.DB.CountsOn(h.ctx, scope, store.CountFilter{}, h.Today())
		if err != nil {
			h.t.Fatal(err)
		}
		for _, c := range counts {
			for metric, n := range c {
				sum[metric] += n
			}
		}
		list, err := h.DB.Assets(h.ctx, scope, store.AssetFilter{}, store.Page{Limit: 10_000})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, a := range list {
			if other, twice := where[a.ID]; twice {
				h.t.Fatalf("%s is in %s and in %s", a.ID, other, city)
			}
			where[a.ID] = city
		}
	}
	all, err := h.DB.Assets(h.ctx, access.Whole(), store.AssetFilter{}, store.Page{Limit: 10_000})
	if err != nil || len(all) != len(where) {
		h.t.Fatalf("the province has %d records, its cities %d: %v", len(all), len(where), err)
	}
	maps.DeleteFunc(sum, func(_ target.Metric, n int64) bool { return n == 0 })
	if whole := h.province(); !maps.Equal(sum, whole) || !maps.Equal(whole, recount) {
		h.t.Fatalf("the cities sum up to %v, the province has %v, the records give %v", sum, whole, recount)
	}
	if _, err := h.DB.VerifySummary(h.ctx); err != nil {
		h.t.Fatal(err)
	}
}

// TestIdentityAndFiguresHoldInAnyHistory proves F7, F8, F9, F10 and F67: whatever
// two cities do in whatever order, an identity is one record's, a record is in
// one city, and the cities sum up to the province.
func TestIdentityAndFiguresHoldInAnyHistory(t *testing.T) {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		t.Fatal(err)
	}
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			h := &history{Fixture: f, t: rt, ctx: context.Background()}
			for range 3 { // and one slip of each
				n++
				good := apptest.VIN(100_000 + 7*n)
				h.vins = append(h.vins, good, good[:16]+string("0123456789"[(good[16]-'0'+1)%10]))
			}
			deeds := h.deeds()
			names := slices.Sorted(maps.Keys(deeds))
			for range rapid.IntRange(4, 18).Draw(rt, "deeds") {
				deeds[rapid.SampledFrom(names).Draw(rt, "deed")]()
			}
			h.holds()
		})
		for _, part := range f.Checks() {
			if _, err := part.Run(t.Context()); err != nil {
				t.Errorf("%s: %v", part.Name, err)
			}
		}
		pairs, err := f.DB.Pairs(t.Context(), access.Whole(), store.PairFilter{}, store.Page{Limit: 100})
		if err != nil || len(pairs) == 0 {
			t.Errorf("the histories made %d pairs: %v", len(pairs), err)
		}
		accepted, err := f.DB.Transfers(t.Context(), access.Whole(), store.TransferFilter{State: store.TransferAccepted}, store.Page{Limit: 100})
		if err != nil || len(accepted) == 0 {
			t.Errorf("the histories made %d transfers: %v", len(accepted), err)
		}
	})
}

// TestLookalikesRegisteredAtOnceMeet proves F8: of records that are registered at
// the same time each later one sees the ones before it.
func TestLookalikesRegisteredAtOnceMeet(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		good := apptest.VIN(1)
		var forms []map[string]string
		for digit := range 6 {
			forms = append(forms, f.TruckFields("湘A", "vin", good[:16]+fmt.Sprint(digit)))
		}
		var wait sync.WaitGroup
		for _, form := range forms {
			wait.Go(func() {
				if _, err := f.RegisterAsset(t.Context(), f.Users["clerk.changsha"], app.NewAsset{Class: registry.Truck, CityCode: "430100", Fields: form}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		pairs, err := f.DB.Pairs(t.Context(), access.Whole(), store.PairFilter{State: store.PairOpen}, store.Page{Limit: 100})
		if err != nil || len(pairs) != 5 { // the good number with each slip of it
			t.Errorf("%d pairs: %v", len(pairs), err)
		}
	})
}

// TestAnOfferHasOneOutcome proves F10: acceptance, refusal, withdrawal and a
// retirement at the same time leave one of them and a sum that is right.
func TestAnOfferHasOneOutcome(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		giver, taker := f.Users["clerk.changsha"], f.Users["clerk.zhuzhou"]
		for range 5 {
			asset := f.Truck("clerk.changsha")
			offer, err := f.OfferTransfer(t.Context(), giver, asset.ID, nil, "430200", "sold")
			if err != nil {
				t.Fatal(err)
			}
			var won atomic.Int32
			var wait sync.WaitGroup
			for _, deed := range []func() error{
				func() error {
					_, err := f.AnswerTransfer(t.Context(), taker, offer.ID, 1, true, "", "")
					return err
				},
				func() error {
					_, err := f.AnswerTransfer(t.Context(), taker, offer.ID, 1, false, "", "not ours")
					return err
				},
				func() error {
					_, err := f.WithdrawTransfer(t.Context(), giver, offer.ID, 1, "")
					return err
				},
			} {
				wait.Go(func() {
					err := deed()
					if _, forPeople := fault.As(err); err != nil && !forPeople {
						t.Error(err)
					}
					if err == nil {
						won.Add(1)
					}
				})
			}
			wait.Wait()
			if won.Load() != 1 {
				t.Errorf("%d outcomes", won.Load())
			}
		}
		if _, err := f.DB.VerifySummary(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestStockOfAnEarlierReleaseIsSearched proves F8: what was registered before the
// index was there, or by an import that was cut off, is compared later on.
func TestStockOfAnEarlierReleaseIsSearched(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		good := apptest.VIN(1)
		f.Truck("clerk.changsha", "vin", good)
		f.Truck("clerk.changsha", "vin", good[:16]+string("0123456789"[(good[16]-'0'+1)%10]))
		handle, err := f.DB.Handle()
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{"DELETE FROM identity_keys", "DELETE FROM duplicate_pairs", "INSERT INTO identity_due (asset_id) SELECT id FROM assets"} {
			if _, err := handle.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := f.FindDuplicates(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		pairs, err := f.DB.Pairs(t.Context(), access.Whole(), store.PairFilter{}, store.Page{Limit: 10})
		if err != nil || len(pairs) != 1 {
			t.Errorf("%d pairs: %v", len(pairs), err)
		}
	})
}
