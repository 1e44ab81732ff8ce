package store_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"phaseout/internal/access"
	"phaseout/internal/app/apptest"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
	"phaseout/internal/target"
)

// TestFoldingChangesNoFigure proves F66 for what is pending: through random
// deeds, some of which fold, every grouping of every roll-up on days of all kinds
// is what the rows give, before and after folding, and nothing is pending then.
func TestFoldingChangesNoFigure(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		f.DB.FoldAfter(7)
		ctx := context.Background()
		random := rand.New(rand.NewPCG(3, 1))
		type kept struct{ id, city string }
		var assets []kept
		for step := range 36 {
			switch city := []string{"changsha", "zhuzhou"}[random.IntN(2)]; {
			case len(assets) == 0 || random.IntN(3) == 0:
				a := f.Truck("clerk."+city, "registered_on", string(civil.Day("2009-01-01").AddDays(random.IntN(4500))), "stage", []string{"china2", "china3", "china5"}[random.IntN(3)])
				assets = append(assets, kept{a.ID, city})
			case random.IntN(2) == 0:
				n := random.IntN(len(assets))
				f.Retire(assets[n].city, assets[n].id, string(civil.Day("2021-06-01").AddDays(random.IntN(1650))), random.IntN(2) == 0)
				assets = append(assets[:n], assets[n+1:]...)
			default:
				a := assets[random.IntN(len(assets))]
				record, err := f.DB.Asset(ctx, access.Whole(), a.id)
				if err != nil {
					t.Fatal(err)
				}
				district := map[string][]string{"changsha": {"430104", "430102", ""}, "zhuzhou": {"430202", "430203", ""}}[a.city][random.IntN(3)]
				if _, err := f.AmendAsset(ctx, f.Users["clerk."+a.city], a.id, record.Version, map[string]string{"district": district, "registered_on": fmt.Sprintf("2012-0%d-02", 1+random.IntN(9))}, "moved"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := f.DB.VerifySummary(ctx); err != nil {
				t.Fatal(step, err)
			}
			before := figuresOfAllKinds(t, f.DB)
			if random.IntN(3) != 0 {
				continue
			}
			if err := f.DB.Fold(ctx); err != nil {
				t.Fatal(err)
			}
			if after := figuresOfAllKinds(t, f.DB); !maps.EqualFunc(before, after, func(a, b map[store.Group]target.Counts) bool { return reflect.DeepEqual(a, b) }) {
				t.Fatalf("step %d: folding changed a figure", step)
			}
			if f.DB.Unfolded() || pendingNow(t, f.DB) != 0 {
				t.Fatal("something is pending after folding")
			}
		}
	})
}

func pendingNow(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	handle, err := db.Handle()
	if err != nil {
		t.Fatal(err)
	}
	if err := handle.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM recordings WHERE pending > 0").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// figuresOfAllKinds reads figures from each roll-up, each held against the rows.
func figuresOfAllKinds(t *testing.T, db *store.DB) map[string]map[store.Group]target.Counts {
	t.Helper()
	fine := []target.Metric{target.Records, target.Cohort, target.HandedIn, target.Declared, target.Evidenced, target.Verified, target.Converted, target.MovedOut}
	queries := []store.FigureQuery{
		{By: []store.Dim{store.ByCity, store.ByClass}, Metrics: target.Metrics},
		{By: []store.Dim{store.ByDistrict}, Metrics: target.Metrics},
		{By: []store.Dim{store.ByStage, store.ByCategory}, Metrics: fine},
		{By: []store.Dim{store.ByCity, store.ByWayOut, store.ByDriver}, Metrics: fine},
		{By: []store.Dim{store.ByDueYear, store.ByOperating}, Metrics: fine},
		{CountFilter: store.CountFilter{City: "430100", Class: registry.Truck}, Metrics: []target.Metric{target.Cohort}},
	}
	found := map[string]map[store.Group]target.Counts{}
	err := db.Figures(context.Background(), access.Whole(), func(r *store.Reader) error {
		for i, q := range queries {
			for _, day := range []civil.Day{"2021-12-31", "2022-06-30", "2024-02-29", "2025-07-15", "2025-11-19", "2026-12-31"} {
				at := store.Moment{AsOf: day}
				got, err := r.Counts(q, at)
				if err != nil {
					return err
				}
				want, err := r.Recount(q, at)
				if err != nil {
					return err
				}
				if !reflect.DeepEqual(got, want) {
					return fmt.Errorf("query %d on %s: %v, the rows give %v", i, day, got, want)
				}
				found[fmt.Sprint(i, day)] = got
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestRowsThatVanishWhilePendingAreMissed proves F89 for what is pending: a record
// taken away behind the program's back before its recording is folded is named by
// the check, and stays named, whatever is folded after.
func TestRowsThatVanishWhilePendingAreMissed(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := context.Background()
		f.Truck("clerk.changsha")
		gone := f.Truck("clerk.changsha")
		handle, err := f.DB.Handle()
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"DELETE FROM asset_identifiers WHERE asset_id = '%s'", "DELETE FROM owner_periods WHERE asset_id = '%s'", "DELETE FROM assets WHERE id = '%s'"} {
			if _, err := handle.ExecContext(ctx, fmt.Sprintf(text, gone.ID)); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if _, err := f.DB.VerifySummary(ctx); err == nil || !strings.Contains(err.Error(), "changed 1 standings, the rows show 0") {
				t.Fatalf("got %v, want the recording that lacks a row", err)
			}
			if err := f.DB.Fold(ctx); err != nil {
				t.Fatal(err)
			}
			if n := pendingNow(t, f.DB); n != 1 {
				t.Fatalf("%d recordings are pending, want the one that lacks a row", n)
			}
		}
	})
}
