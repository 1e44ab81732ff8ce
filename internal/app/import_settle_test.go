package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"phaseout/internal/app/apptest"
	"phaseout/internal/jobs"
	"phaseout/internal/registry"
	"phaseout/internal/store/storetest"
)

// TestLargeImportIsKnownToThePlanner proves F20: after a large import PostgreSQL
// knows how large its tables are, without waiting for its own look at them; and an
// import stands where it cannot be told.
func TestLargeImportIsKnownToThePlanner(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f, ctx := apptest.New(t, url), context.Background()
		clerk := f.Users["clerk.changsha"]
		const rows = 2500
		var b strings.Builder
		b.WriteString("号牌号码,车辆识别代号,发动机号,车辆类型,燃料种类,排放标准,总质量(kg),初次登记日期,所有人,联系电话\n")
		for i := range rows {
			fmt.Fprintf(&b, "湘A%05d,%s,E%07d,重型自卸货车,柴油,国三,25000,2008-01-01,长沙测试运输有限公司,13900001234\n", i, apptest.VIN(i), i)
		}
		queue, err := jobs.Start(ctx, f.App, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		i, err := f.UploadImport(ctx, clerk, registry.Truck, "430100", "a.csv", strings.NewReader(b.String()))
		wait := func(state string) {
			t.Helper()
			for end := time.Now().Add(time.Minute); err == nil && i.State != state; time.Sleep(50 * time.Millisecond) {
				if i, err = f.DB.Import(ctx, clerk.Scope, i.ID); time.Now().After(end) {
					t.Fatalf("the import is still %s", i.State)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		wait("checked")
		i, err = f.ApplyImport(ctx, clerk, i.ID, "valid_rows")
		wait("applied")
		if err := queue.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(url, "sqlite:") {
			for _, table := range []string{"assets", "asset_identifiers", "import_rows"} {
				if n := known(t, f, table); n < rows*9/10 || n > rows*3*11/10 {
					t.Errorf("%s: the planner counts on %.0f rows", table, n)
				}
			}
		}

		gone, cancel := context.WithCancel(ctx)
		cancel()
		if err := f.SettleImport(gone, i.ID); err == nil {
			t.Error("settled without a database: got no error to log")
		}
	})
}

func known(t *testing.T, f *apptest.Fixture, table string) (rows float64) {
	t.Helper()
	handle, err := f.DB.Handle()
	if err == nil {
		err = handle.QueryRowContext(context.Background(), "SELECT reltuples FROM pg_class WHERE oid = to_regclass($1)", table).Scan(&rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
