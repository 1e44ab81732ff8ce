package store_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app/apptest"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
	"phaseout/internal/target"
)

// TestMigrationsGoUpOnceAndAreThenDone proves F87: both engines from nothing.
func TestMigrationsGoUpOnceAndAreThenDone(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		ctx := context.Background()
		db := storetest.Open(t, url, time.Now)
		if n, err := db.Migrate(ctx); n != 0 || err != nil {
			t.Errorf("second run: got %d, %v, want nothing to do", n, err)
		}
		if pending, err := db.Pending(ctx); pending || err != nil {
			t.Errorf("Pending: got %v, %v", pending, err)
		}
	})
}

// TestPartialIndexesAreThoseThatQueriesName proves the speed of F21 and F77: SQLite
// uses a partial index only where the query itself names the condition, which a
// test for "asset_id = ?" does not.
func TestPartialIndexesAreThoseThatQueriesName(t *testing.T) {
	named := map[string]bool{ // each query of these says that the column is not ""
		"assets_cohort": true, "assets_handed_in": true, "assets_declared": true, "assets_evidenced": true, "assets_verified": true,
		"assets_converted": true, "assets_moved_out": true, "applications_due": true, "inspection_lines_yard": true, "budget_lines_program": true, "assets_yard": true,
	}
	ctx := context.Background()
	db := storetest.Open(t, "sqlite:"+t.TempDir()+"/test.db", time.Now)
	handle, err := db.Handle()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := handle.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'index' AND instr(sql, '<> ' || char(39) || char(39)) > 0 AND sql NOT LIKE '%UNIQUE%'")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	seen := 0
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if seen++; !named[name] {
			t.Errorf("index %s is partial: no query with a parameter will use it", name)
		}
	}
	if err := rows.Err(); err != nil || seen < 5 {
		t.Errorf("%d partial indexes, %v", seen, err)
	}
}

// TestFilesAreFoundByTheirAsset guards F14: SQLite once took an index of
// applications for "no application", and read every file for those of one asset.
func TestFilesAreFoundByTheirAsset(t *testing.T) {
	db := storetest.Open(t, "sqlite:"+t.TempDir()+"/test.db", time.Now)
	handle, err := db.Handle()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var plan string
	err = handle.QueryRowContext(context.Background(), "EXPLAIN QUERY PLAN SELECT * FROM files WHERE city_code = ? AND asset_id = ? AND application_id = ''", "430100", "x").Scan(&n, &n, &n, &plan)
	if err != nil || !strings.Contains(plan, "asset_id=?") {
		t.Errorf("got %q, %v, want a search by asset_id", plan, err)
	}
}

// TestAuditRefusesChangesAndTheChainSeesThem proves F78: the database refuses to
// touch an event; where that is got around, the chain tells.
func TestAuditRefusesChangesAndTheChainSeesThem(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := context.Background()
		f.Truck("clerk.changsha")
		n, err := f.DB.VerifyChain(ctx)
		if err != nil || n < 10 {
			t.Fatalf("a good chain: got %d, %v", n, err)
		}
		handle, err := f.DB.Handle()
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{"UPDATE audit_events SET reason = 'x' WHERE seq = 3", "DELETE FROM audit_events WHERE seq = 3"} {
			if _, err := handle.ExecContext(ctx, statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: got %v, want a refusal", statement, err)
			}
		}
		drop := []string{"DROP TRIGGER audit_events_no_update", "DROP TRIGGER audit_events_no_delete"}
		if f.DB.Engine() == store.Postgres {
			drop = []string{"DROP TRIGGER audit_events_guard ON audit_events"}
		}
		for _, statement := range drop {
			if _, err := handle.ExecContext(ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
		for name, tamper := range map[string][2]string{
			"a changed reason":     {"UPDATE audit_events SET reason = 'x' WHERE seq = 3", "UPDATE audit_events SET reason = '' WHERE seq = 3"},
			"a changed instant":    {"UPDATE audit_events SET at = at || '0' WHERE seq = 4", "UPDATE audit_events SET at = substr(at, 1, length(at) - 1) WHERE seq = 4"},
			"a forged actor":       {"UPDATE audit_events SET actor_id = actor_id || 'x' WHERE seq = 5", "UPDATE audit_events SET actor_id = substr(actor_id, 1, length(actor_id) - 1) WHERE seq = 5"},
			"a moved head":         {"UPDATE audit_head SET seq = seq + 1", "UPDATE audit_head SET seq = seq - 1"},
			"an event out of line": {"UPDATE audit_events SET seq = 100000 WHERE seq = 3", "UPDATE audit_events SET seq = 3 WHERE seq = 100000"},
		} {
			if _, err := handle.ExecContext(ctx, tamper[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := f.DB.VerifyChain(ctx); err == nil {
				t.Errorf("%s went unseen", name)
			}
			if _, err := handle.ExecContext(ctx, tamper[1]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := handle.ExecContext(ctx, "DELETE FROM audit_events WHERE seq = (SELECT MAX(seq) FROM audit_events)"); err != nil {
			t.Fatal(err)
		}
		if _, err := f.DB.VerifyChain(ctx); err == nil {
			t.Error("a cut tail went unseen")
		}
	})
}

// TestRollUpEqualsTheRecountAndTheListsAfterAnyHistory proves F66 and F67: after
// a random history every figure is the number of rows behind it, on any day,
// and the province is the sum of its cities.
func TestRollUpEqualsTheRecountAndTheListsAfterAnyHistory(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := context.Background()
		random := rand.New(rand.NewPCG(7, 11))
		for i := range 40 {
			city := []string{"changsha", "zhuzhou"}[i%2]
			clerk := "clerk." + city
			registered := civil.Day("2009-01-01").AddDays(random.IntN(4500))
			asset := f.Truck(clerk, "registered_on", string(registered), "stage", []string{"china2", "china3", "china5"}[random.IntN(3)])
			deregistered := civil.Day("2021-06-01").AddDays(random.IntN(1650))
			switch random.IntN(5) {
			case 0, 1:
				f.Retire(city, asset.ID, string(deregistered), true)
			case 2:
				f.Retire(city, asset.ID, string(deregistered), false)
			case 3:
				district := map[string]string{"changsha": "430104", "zhuzhou": "430202"}[city]
				if _, err := f.AmendAsset(ctx, f.Users[clerk], asset.ID, asset.Version, map[string]string{"district": district, "registered_on": "2012-02-02"}, "moved"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := f.DB.VerifySummary(ctx); err != nil {
			t.Fatal(err)
		}
		scope := access.Whole()
		days := []civil.Day{"2021-12-31", "2022-03-15", "2024-02-29", "2025-12-31", "2026-01-15", "2008-01-01"}
		baselines := map[store.Area]store.Bounds{{CityCode: "430100", Class: registry.Truck}: {BaselineOn: "2021-12-31"}, {CityCode: "430200", Class: registry.Truck}: {BaselineOn: "2021-12-31"}}
		for _, day := range days {
			now, err := f.DB.CountsOn(ctx, scope, store.CountFilter{}, day)
			if err != nil {
				t.Fatal(err)
			}
			base, err := f.DB.CountsOn(ctx, scope, store.CountFilter{}, min(day, "2021-12-31"))
			if err != nil {
				t.Fatal(err)
			}
			sum := map[target.Metric]int64{}
			for _, city := range []string{"430100", "430200"} {
				area := store.Area{CityCode: city, Class: registry.Truck}
				figures := target.Assess(base[area], now[area])
				for metric, want := range map[target.Metric]int64{target.Baseline: figures.Baseline, target.Additions: figures.Additions, target.Cohort: figures.Cohort,
					target.HandedIn: figures.HandedIn, target.Declared: figures.Declared, target.Evidenced: figures.Evidenced, target.Verified: figures.Verified,
					target.Converted: figures.Converted, target.MovedOut: figures.MovedOut, target.Remaining: figures.Remaining} {
					got, err := f.DB.CountAssets(ctx, scope, store.AssetFilter{City: city, Class: registry.Truck, Metric: metric, AsOf: day, Bounds: baselines}, 1000)
					if err != nil {
						t.Fatal(err)
					}
					if int64(got) != want {
						t.Errorf("%s %s on %s: the sheet says %d, the list has %d", city, metric, day, want, got)
					}
					sum[metric] += want
				}
			}
			for metric, want := range sum {
				got, err := f.DB.CountAssets(ctx, scope, store.AssetFilter{Metric: metric, AsOf: day, Bounds: baselines}, 1000)
				if err != nil || int64(got) != want {
					t.Errorf("province %s on %s: cities sum to %d, the list has %d, %v", metric, day, want, got, err)
				}
			}
		}
	})
}

// TestStoreOfAZeroScopeFindsNothing proves F75: a forgotten scope narrows, it
// never widens.
func TestStoreOfAZeroScopeFindsNothing(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := context.Background()
		a := f.Truck("clerk.changsha", "district", "430104")
		for name, c := range map[string]struct {
			scope access.Scope
			sees  bool
		}{
			"none": {access.Scope{}, false}, "province": {access.ScopeOf("430000"), true}, "own city": {access.ScopeOf("430100"), true},
			"other city": {access.ScopeOf("430200"), false}, "own district": {access.ScopeOf("430104"), true}, "other district": {access.ScopeOf("430102"), false},
		} {
			_, err := f.DB.Asset(ctx, c.scope, a.ID)
			list, listErr := f.DB.Assets(ctx, c.scope, store.AssetFilter{}, store.Page{Limit: 10})
			if (err == nil) != c.sees || listErr != nil || (len(list) == 1) != c.sees {
				t.Errorf("%s: got %v and %d rows, %v", name, err, len(list), listErr)
			}
			if err != nil && !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: got %v, want not found", name, err)
			}
		}
	})
}

// TestLostUpdateIsRefused proves F79 below HTTP: of two changes based on one
// version, one wins.
func TestLostUpdateIsRefused(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := context.Background()
		a := f.Truck("clerk.changsha")
		var wait sync.WaitGroup
		results := make([]error, 8)
		for i := range results {
			wait.Go(func() {
				_, results[i] = f.AmendAsset(ctx, f.Users["clerk.changsha"], a.ID, a.Version, map[string]string{"model": fmt.Sprint("M", i)}, "")
			})
		}
		wait.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			} else if !fault.Is(err, fault.Stale) {
				t.Errorf("got %v, want stale", err)
			}
		}
		if won != 1 {
			t.Errorf("%d changes won, want 1", won)
		}
	})
}

// TestExportIsOfOneMoment proves F22: what is registered while a list is read
// is neither in its count nor among its rows, and the rows keep their order.
func TestExportIsOfOneMoment(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		for range 5 {
			f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-12-01", false)
		}
		scope := f.Users["clerk.changsha"].Scope
		err := f.DB.CountedAssets(t.Context(), scope, store.AssetFilter{Class: registry.Truck}, func(n int, assets iter.Seq2[store.AssetRecord, error]) error {
			rows, last := 0, ""
			for a, err := range assets {
				if err != nil {
					return err
				}
				if rows++; a.ID <= last || a.Fields["vin"] == "" || a.OwnerPhone == "" {
					t.Errorf("row %d: %+v after %s", rows, a, last)
				}
				last = a.ID
				if rows == 1 {
					f.Truck("clerk.changsha")
				}
			}
			if n != 5 || rows != 5 {
				t.Errorf("counted %d, read %d", n, rows)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = f.DB.CountedRetirements(t.Context(), scope, store.RetirementFilter{}, func(n int, list iter.Seq2[retirement.Retirement, error]) error {
			f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-12-01", false)
			rows := 0
			for _, err := range list {
				if err != nil {
					return err
				}
				rows++
			}
			if n != 5 || rows != 5 {
				t.Errorf("counted %d, read %d retirements", n, rows)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
