package demostock_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/demostock"
	"phaseout/internal/likeness"
	"phaseout/internal/registry"
	"phaseout/internal/store/storetest"
	"phaseout/seeds"
)

func reference(t *testing.T) *registry.Reference {
	t.Helper()
	clock := &storetest.Clock{}
	db := storetest.Open(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"), clock.Now)
	if err := app.LoadReference(context.Background(), db, seeds.FS); err != nil {
		t.Fatal(err)
	}
	ref, err := db.Reference(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

const today civil.Day = "2025-12-31"

// wholeStock is the digest of every row of the whole stock and how it leaves.
const wholeStock = "0724a20719b7a7935fbc6b5f60f01e38dabd4b1da73cff1a63436fff0b6960ce"

// TestStockIsTheSameEveryTime proves F90: the seed is fixed, sizes are kept, and
// the rows are well-formed.
func TestStockIsTheSameEveryTime(t *testing.T) {
	ref := reference(t)
	digest := sha256.New()
	for _, s := range demostock.Make(ref, demostock.Most-388, today).Sheets {
		for _, a := range s.Assets {
			fmt.Fprintf(digest, "%q %+v\n", a.Cells, leavingOf(a))
		}
	}
	if sum := fmt.Sprintf("%x", digest.Sum(nil)); sum != wholeStock {
		t.Errorf("the whole stock has the digest %s, want %s", sum, wholeStock)
	}
	for _, n := range []int{0, 1, 777, 6_000} {
		stock := demostock.Make(ref, n, today)
		if !reflect.DeepEqual(stock, demostock.Make(ref, n, today)) {
			t.Errorf("two stocks of %d differ", n)
		}
		count := 0
		for _, s := range stock.Sheets {
			count += len(s.Assets)
			for _, a := range s.Assets {
				if len(a.Cells) != len(s.Heading) {
					t.Fatalf("%s: %q under %q", s.Class, a.Cells, s.Heading)
				}
			}
		}
		if count != n {
			t.Errorf("%d assets, want %d", count, n)
		}
	}
}

// TestNoTwoNumbersAreASlipApart proves F90: in the whole stock no number that an
// asset carries for life is one slip of the pen from another, so that the queue
// of likely duplicates has only what the stories put there.
func TestNoTwoNumbersAreASlipApart(t *testing.T) {
	column := map[registry.Class][2]any{registry.Truck: {2, "vin"}, registry.Machinery: {1, "serial"}, registry.FarmMachinery: {1, "serial"}, registry.Vessel: {1, "ship_id"}}
	met := map[int64][]string{}
	plates := map[string]bool{}
	slips := 0
	for _, s := range demostock.Make(reference(t), demostock.Most, today).Sheets {
		at, kind := column[s.Class][0].(int), column[s.Class][1].(string)
		for _, a := range s.Assets {
			number := a.Cells[at]
			if s.Class == registry.Truck {
				if !registry.GoodVIN(number) || plates[a.Cells[0]] {
					t.Fatalf("%q", a.Cells)
				}
				plates[a.Cells[0]] = true
			}
			for _, key := range likeness.Keys(s.Class, []registry.Identifier{{Kind: kind, Value: number, Norm: number, Unique: true}}) {
				for _, other := range met[key] {
					if likeness.SlipOf(number, other) != likeness.Far {
						slips++
						t.Logf("%s and %s", number, other)
					}
				}
				met[key] = append(met[key], number)
			}
		}
	}
	if slips > 0 {
		t.Errorf("%d slips", slips)
	}
}

// TestHistoryIsInOrder proves F90: nothing is logged before it happened or after
// today, and no yard takes in more on one day than it usually does.
func TestHistoryIsInOrder(t *testing.T) {
	type intake struct {
		yard string
		day  civil.Day
	}
	ref := reference(t)
	for _, now := range []civil.Day{today, "2026-11-26", "2023-05-10"} {
		taken, leave := map[intake]int{}, 0
		for _, s := range demostock.Make(ref, 20_000, now).Sheets {
			for _, a := range s.Assets {
				l := a.Leaving
				if l == nil {
					continue
				}
				leave++
				last := max(l.HandedInOn, l.DismantledOn, l.DeregisteredOn)
				if l.DeclareOn < last || l.DeclareOn > now || (l.DecideOn != "" && (l.DecideOn < l.DeclareOn || l.DecideOn > now)) || l.HandedInOn.Weekend() {
					t.Fatalf("%s: %+v", now, *l)
				}
				if l.HandedInOn != "" {
					taken[intake{l.Recycler, l.HandedInOn}]++
				}
			}
		}
		if leave < 2_000 {
			t.Errorf("%s: %d leave", now, leave)
		}
		for at, n := range taken {
			if n > 5 {
				t.Errorf("%v takes in %d", at, n)
			}
		}
	}
}

func leavingOf(a demostock.Asset) demostock.Leaving {
	if a.Leaving == nil {
		return demostock.Leaving{}
	}
	return *a.Leaving
}
