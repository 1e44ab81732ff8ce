package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"phaseout/internal/app/apptest"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// named gives an asset a model inside a transaction.
func named(tx *store.Tx, id, model string) error {
	before, err := tx.Asset(id)
	if err != nil {
		return err
	}
	after := before
	after.Model = model
	return tx.UpdateAsset(&before, &after, "update", "")
}

// TestChangesThatShareACommitFailAlone proves F78 and the writing of F27: of many
// changes at the same moment those that fail, panic or are given up leave
// nothing, the others are whole, and audit and roll-ups agree.
func TestChangesThatShareACommitFailAlone(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		clerk := f.Users["clerk.changsha"]
		var assets []store.AssetRecord
		for range 40 {
			assets = append(assets, f.Truck("clerk.changsha"))
		}
		refused := errors.New("refused")
		var wait sync.WaitGroup
		for n, a := range assets {
			wait.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				defer func() {
					if r := recover(); (r != nil) != (n%4 == 2) {
						t.Errorf("change %d: panicked with %v", n, r)
					}
				}()
				err := f.DB.WriteShared(ctx, clerk, func(tx *store.Tx) error {
					if err := named(tx, a.ID, fmt.Sprint("M", n)); err != nil {
						return err
					}
					switch n % 4 {
					case 1:
						return refused
					case 2:
						panic("a fault of the program")
					case 3:
						cancel()
					}
					return nil
				})
				if want := []error{nil, refused, nil, context.Canceled}[n%4]; !errors.Is(err, want) {
					t.Errorf("change %d: got %v, want %v", n, err, want)
				}
			})
		}
		wait.Wait()
		ctx := context.Background()
		for n, a := range assets {
			want := ""
			if n%4 == 0 {
				want = fmt.Sprint("M", n)
			}
			if got, err := f.DB.Asset(ctx, clerk.Scope, a.ID); err != nil || got.Model != want {
				t.Errorf("asset %d: got model %q, %v, want %q", n, got.Model, err, want)
			}
			if events, err := f.DB.Events(ctx, clerk.Scope, store.EventFilter{AssetID: a.ID, Limit: 10}); err != nil || (len(events) == 2) != (want != "") {
				t.Errorf("asset %d: %d events, %v", n, len(events), err)
			}
		}
		if _, err := f.DB.VerifyChain(ctx); err != nil {
			t.Error(err)
		}
		if _, err := f.DB.VerifySummary(ctx); err != nil {
			t.Error(err)
		}
	})
}

// TestALostSharedCommitIsTriedAgain proves F78: when the engine takes a whole
// transaction back, the changes in it that were not at fault come through all
// the same.
func TestALostSharedCommitIsTriedAgain(t *testing.T) {
	f := apptest.New(t, "sqlite:"+t.TempDir()+"/test.db")
	ctx := context.Background()
	clerk := f.Users["clerk.changsha"]
	var assets []store.AssetRecord
	for range 16 {
		assets = append(assets, f.Truck("clerk.changsha"))
	}
	var broken atomic.Bool
	var wait sync.WaitGroup
	for n, a := range assets {
		wait.Go(func() {
			err := f.DB.WriteShared(ctx, clerk, func(tx *store.Tx) error {
				if n == 8 && !broken.Swap(true) {
					tx.TakeBackAll()
					return errors.New("database or disk is full")
				}
				return named(tx, a.ID, "M")
			})
			if err != nil && n != 8 {
				t.Errorf("change %d: %v", n, err)
			}
		})
	}
	wait.Wait()
	for n, a := range assets {
		if got, err := f.DB.Asset(ctx, clerk.Scope, a.ID); err != nil || got.Model != "M" && n != 8 {
			t.Errorf("asset %d: got model %q, %v", n, got.Model, err)
		}
	}
	if _, err := f.DB.VerifyChain(ctx); err != nil {
		t.Error(err)
	}
}
