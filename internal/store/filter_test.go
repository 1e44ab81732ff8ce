package store_test

import (
	"context"
	"testing"
	"unicode/utf8"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// FuzzFilters holds that no text in a filter of the list is more than a text:
// whatever it is, the list and its count answer, and agree.
func FuzzFilters(f *testing.F) {
	for _, text := range []string{"湘A", "a*b", `"`, "'; DROP TABLE assets; --", "NEAR/2", "a AND", "%_!", "(", "-", "\\", "：", "a\nb", "ＡＢ", "&|!<->:*", "", "\ue000"} {
		f.Add(text, "2025-01-01")
	}
	db := storetest.Open(f, "sqlite:"+f.TempDir()+"/test.db", (&storetest.Clock{}).Now)
	f.Fuzz(func(t *testing.T, text, day string) {
		if !utf8.ValidString(text) || !utf8.ValidString(day) {
			return // the address of a request is decoded before
		}
		for _, filter := range []store.AssetFilter{{Q: text}, {City: text, District: text, Category: text, Stage: text, Owner: text, ImportID: text},
			{Class: registry.Class(text), Status: registry.Status(text), CohortFrom: civil.Day(day), CohortTo: civil.Day(day)}} {
			list, err := db.Assets(context.Background(), access.Whole(), filter, store.Page{Limit: 2, After: text})
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if n, err := db.CountAssets(context.Background(), access.Whole(), filter, 10); err != nil || n < len(list) {
				t.Fatalf("%q: %d counted, %d listed, %v", text, n, len(list), err)
			}
		}
	})
}
