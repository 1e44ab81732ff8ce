package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"phaseout/internal/access"
	"phaseout/internal/app/apptest"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// TestIdentifiersComeWithTheRecord proves F1: whichever way a record is read,
// its identifiers are with it, by kind, and are those that were registered.
func TestIdentifiersComeWithTheRecord(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		ctx, clerk := context.Background(), f.Users["clerk.changsha"]
		registered := map[string][]registry.Identifier{}
		for _, class := range []registry.Class{registry.Truck, registry.Machinery, registry.FarmMachinery, registry.Vessel} {
			a := f.Asset(class, "owner_name", `"\'，7`)
			registered[a.ID] = slices.SortedFunc(slices.Values(a.Identifiers), func(a, b registry.Identifier) int { return strings.Compare(a.Kind, b.Kind) })
		}
		page := store.Page{Limit: 10}
		listed, err := f.DB.AssetList(ctx, clerk.Scope, store.AssetFilter{}, page)
		if err != nil || len(listed) != 4 {
			t.Fatalf("%d listed, %v", len(listed), err)
		}
		full, err := f.DB.Assets(ctx, clerk.Scope, store.AssetFilter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, a := range full {
			ids = append(ids, a.ID)
		}
		byID, err := f.DB.AssetsByID(ctx, clerk.Scope, ids)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range full {
			want := registered[a.ID]
			one, err := f.DB.Asset(ctx, clerk.Scope, a.ID)
			if err != nil {
				t.Fatal(err)
			}
			for way, got := range map[string][]registry.Identifier{"list": listed[i].Identifiers, "all": a.Identifiers, "by id": byID[a.ID].Identifiers, "one": one.Identifiers} {
				if len(want) < 2 || !slices.Equal(got, want) {
					t.Errorf("%s, %s: got %v, want %v", a.Class, way, got, want)
				}
			}
		}
		bad := full[0]
		bad.ID, bad.Identifiers = "other", []registry.Identifier{{Kind: "vin", Value: "A\tB", Norm: "AB"}}
		err = f.DB.Write(ctx, clerk, func(tx *store.Tx) error { return tx.CreateAsset(&bad, "") })
		if err == nil {
			t.Error("an identifier with a tab: got no error")
		}
		if _, err := f.DB.Asset(ctx, access.Whole(), "other"); err == nil {
			t.Error("the refused asset is there")
		}
	})
}
