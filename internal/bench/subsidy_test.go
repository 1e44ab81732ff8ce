package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"phaseout/internal/api"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/bilingual"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
	"phaseout/seeds"
)

// nationalTrucks is the program of the reference data with two tables.
func nationalTrucks(b *testing.B) subsidy.Program {
	b.Helper()
	programs, err := app.ReadPrograms(seeds.FS)
	if err != nil {
		b.Fatal(err)
	}
	p := programs[0]
	p.CityCode, p.State, p.ValidFrom, p.ValidTo, p.ApplyFrom, p.ApplyTo = "430100", subsidy.ProgramDraft, "2024-01-01", "2027-12-31", "", ""
	return p
}

// BenchmarkSubsidyRules asks for the reasons of an application over HTTP and
// previews a program on a stock of PHASEOUT_BENCH_ROWS trucks, each beside the
// bare rule function: "x-limit" is how many times longer one decision takes.
func BenchmarkSubsidyRules(b *testing.B) {
	rows := rowsOf(b)
	f := stock(b, rows)
	ctx := context.Background()
	f.DB.SetEnqueuer(store.NoQueue)
	p, err := f.CreateProgram(ctx, f.Users["finance.changsha"], nationalTrucks(b))
	if err != nil {
		b.Fatal(err)
	}
	facts := subsidy.Facts{Class: registry.Truck, CityCode: "430100", Fuel: "diesel", Stage: "china3", StageSource: "record", Category: "heavy_dump", Group: "heavy", Use: "freight", Operating: true,
		WayOut: "scrapped", CountsAs: "retired", Verified: true, HandedInOn: "2025-01-01", DeregisteredOn: "2025-01-01", AppliedOn: "2025-01-01", ScrapDueOn: "2027-06-01", PoliceStatus: "正常",
		Replacement: &subsidy.Replacement{Power: "new_energy", Group: "heavy", Axles: 3, SameOwner: true},
		Name:        func(_, code string) bilingual.Text { return bilingual.T(code, code) }}
	const bareRuns = 20_000
	start := time.Now()
	for range bareRuns {
		if d := p.Evaluate(facts); !d.Eligible {
			b.Fatal("not eligible")
		}
	}
	bare := time.Since(start) / bareRuns

	b.Run("http", func(b *testing.B) {
		server := httptest.NewServer(api.New(api.Options{App: f.App, Version: "bench", Log: slog.New(slog.DiscardHandler)}).Handler())
		defer server.Close()
		grant, err := f.Login(ctx, "clerk.changsha", apptest.Password, "bench")
		if err != nil {
			b.Fatal(err)
		}
		assets, err := f.DB.Assets(ctx, f.Users["clerk.changsha"].Scope, store.AssetFilter{}, store.Page{Limit: 200})
		if err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		for i := range b.N {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/api/v1/assets/%s/eligibility", server.URL, assets[i%len(assets)].ID), http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+grant.AccessToken)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
				b.Fatalf("%d, %v", res.StatusCode, err)
			}
			_ = res.Body.Close()
		}
		each := b.Elapsed() / time.Duration(b.N)
		b.ReportMetric(float64(each)/float64(bare), "x-limit")
		b.ReportMetric(float64(bare.Nanoseconds()), "bare-ns")
	})
	b.Run("preview", func(b *testing.B) {
		for range b.N {
			run, err := f.StartRuleRun(ctx, f.Users["finance.changsha"], p.ID, "preview", "2025-01-01")
			if err != nil {
				b.Fatal(err)
			}
			if err := f.RunRule(ctx, run.ID); err != nil {
				b.Fatal(err)
			}
		}
		each := b.Elapsed() / time.Duration(b.N*rows)
		b.ReportMetric(float64(each)/float64(bare), "x-limit")
		b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "assets/s")
	})
}
