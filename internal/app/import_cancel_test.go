package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// TestImportStopsWhileItIsWritten proves F20 and F21: an import that is stopped
// between two chunks keeps what it wrote, counts it, and takes it back as one.
func TestImportStopsWhileItIsWritten(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f, ctx := apptest.New(t, url), context.Background()
		clerk := f.Users["clerk.changsha"]
		var b strings.Builder
		b.WriteString("号牌号码,车辆识别代号,所有人,初次登记日期\n")
		const rows = 6000
		for n := range rows {
			fmt.Fprintf(&b, "湘A%05d,%s,某某公司,2010-01-01\n", n, apptest.VIN(n))
		}
		i, err := f.ImportSheet(ctx, clerk, registry.Truck, "430100", "a.csv", strings.NewReader(b.String()), "")
		if err != nil || i.State != "checked" {
			t.Fatalf("%s %s %v", i.State, i.Problem, err)
		}
		if _, err := f.ApplyImport(ctx, clerk, i.ID, "valid_rows"); err != nil {
			t.Fatal(err)
		}
		done, id := make(chan error, 1), i.ID
		go func() { done <- f.RunImport(ctx, id) }()
		for {
			if i, err = f.DB.Import(ctx, clerk.Scope, i.ID); err != nil {
				t.Fatal(err)
			}
			if i.Done > 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if _, err := f.CancelImport(ctx, clerk, i.ID); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if i, err = f.DB.Import(ctx, clerk.Scope, i.ID); err != nil {
			t.Fatal(err)
		}
		counts := app.CountsOf(i)
		held := func() int {
			n, err := f.DB.CountAssets(ctx, access.Whole(), store.AssetFilter{Class: registry.Truck}, 10*rows)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := held(); i.State != "cancelled" || n == 0 || n == rows || n != counts.AppliedCreate || !app.Undoable(i) {
			t.Fatalf("%s: %d are registered, %+v", i.State, n, counts)
		}
		if i, err = f.UndoImport(ctx, clerk, i.ID, false); err != nil || i.State != "undone" || held() != 0 {
			t.Fatalf("%s: %d are left, %v", i.State, held(), err)
		}
		if _, err := f.DB.VerifySummary(ctx); err != nil {
			t.Error(err)
		}
	})
}
