package app_test

import (
	"fmt"
	"slices"
	"testing"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
	"phaseout/internal/target"
)

// TestPublishedFigureSplitsAsPublished proves F67: the 11,163 trucks that the
// province published for the months to July 2025 are 4,158 due for scrapping that
// year, 4,023 due in 2026 and 2027 and not in transport, and 2,982 in transport;
// each part opens as many rows, from the roll-up and from the rows alike.
func TestPublishedFigureSplitsAsPublished(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx := t.Context()
		model := f.Truck("clerk.changsha")
		cities := []string{"430100", "430200", "430300", "430600", "430700", "430900"}
		var records []*store.AssetRecord
		for _, lot := range []struct {
			n         int
			dueYears  []int
			operating bool
		}{{4158, []int{2025}, false}, {4023, []int{2026, 2027}, false}, {2982, []int{2026, 2027}, true}} {
			for i := range lot.n {
				a := model
				on := civil.Day("2025-01-01").AddDays(i % 191) // up to 10 July
				a.ID, a.Label, a.CityCode, a.DistrictCode, a.Identifiers = fmt.Sprintf("published-%05d", len(records)), fmt.Sprintf("湘%05d", len(records)), cities[i%6], "", nil
				a.Status = registry.Deregistered
				a.Counting = retirement.Counting{CohortOn: "2013-03-05", HandedInOn: on, DeclaredOn: on, EvidencedOn: on, VerifiedOn: on, Facts: retirement.Facts{WayOut: "scrapped", CountsAs: "retired",
					Driver: "natural", Review: retirement.Verified, EvidenceComplete: true, HandOverOn: on, DismantledOn: on, LeftOn: on, DueYear: lot.dueYears[i%len(lot.dueYears)], Operating: lot.operating}}
				records = append(records, &a)
			}
		}
		for some := range slices.Chunk(records, 1000) {
			if err := f.DB.Write(ctx, access.System("test"), func(tx *store.Tx) error { return tx.CreateAssets(some, "") }); err != nil {
				t.Fatal(err)
			}
		}
		for _, day := range []civil.Day{"2025-07-10", "2025-07-31"} { // within a month, and of whole ones
			filter := app.ProgressFilter{AsOf: day, GroupBy: "due_year,operating", CountFilter: store.CountFilter{Class: registry.Truck}}
			sheet, err := f.Progress(ctx, access.Whole(), filter)
			if err != nil {
				t.Fatal(err)
			}
			var due, early, operating int64
			for _, l := range sheet.Lines {
				switch {
				case l.Operating:
					operating += l.Verified
				case l.DueYear == 2025:
					due += l.Verified
				default:
					early += l.Verified
				}
				open := filter
				open.DueYear, open.Operating = fmt.Sprint(l.DueYear), fmt.Sprint(l.Operating)
				b, err := f.Behind(ctx, access.Whole(), open, target.Verified, store.Page{Limit: 1}, true)
				if err != nil || b.Total != l.Verified {
					t.Errorf("%s: %d of %d %v, its list has %d, %v", day, l.Verified, l.DueYear, l.Operating, b.Total, err)
				}
			}
			if due != 4158 || early != 4023 || operating != 2982 || sheet.Total.Verified != 11163 {
				t.Errorf("%s: %d = %d + %d + %d, published were 11163 = 4158 + 4023 + 2982", day, sheet.Total.Verified, due, early, operating)
			}
		}
		if _, err := f.DB.VerifySummary(ctx); err != nil {
			t.Error(err)
		}
	})
}
