package app_test

import (
	"context"
	"sync"
	"testing"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/fault"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
	"phaseout/internal/subsidy"
)

// owed makes n applications that the program owes.
func owed(f *apptest.Fixture, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-12-01", true).ApplicationID
	}
	return ids
}

// all runs fn for every id at once, sixteen at a time.
func all(ids []string, fn func(id string)) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, 16)
	for _, id := range ids {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			fn(id)
		})
	}
	wait.Wait()
}

func countStates(t *testing.T, f *apptest.Fixture) map[subsidy.State]int64 {
	t.Helper()
	counts, err := f.DB.CountApplications(t.Context(), access.Whole(), store.ApplicationFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// TestTwoHundredApprovalsOnTheLastFiftyPlaces proves F46 and F47: of 200 that
// are approved at the same time 50 get the money, the others wait in the order
// of their numbers, and each that is freed goes to the first of them.
func TestTwoHundredApprovalsOnTheLastFiftyPlaces(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		p := f.Program(50*10_000_00, 10_000_00)
		f.Flow(p.ID, func(f *subsidy.Flow) { f.ReserveOn = subsidy.OnApproval })
		ids := owed(f, 200)
		for _, id := range ids {
			f.Check("changsha", id)
		}
		by := f.Users["finance3.changsha"]
		all(ids, func(id string) {
			a, err := f.DB.Application(context.Background(), by.Scope, id)
			if err == nil {
				_, err = f.DecideApplication(context.Background(), by, id, a.Version, app.Ruling{Decision: "pass"})
			}
			if err != nil {
				t.Error(err)
			}
		})
		if counts := countStates(t, f); counts[subsidy.Payable] != 50 || counts[subsidy.Waiting] != 150 {
			t.Fatalf("got %v, want 50 payable and 150 waiting", counts)
		}
		for _, part := range f.Checks() {
			if _, err := part.Run(t.Context()); err != nil {
				t.Errorf("check %s: %v", part.Name, err)
			}
		}
		waiting, err := f.DB.Applications(t.Context(), access.Whole(), store.ApplicationFilter{State: subsidy.Waiting, Oldest: true}, store.Page{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		paid, err := f.DB.Applications(t.Context(), access.Whole(), store.ApplicationFilter{State: subsidy.Payable}, store.Page{Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range paid {
			if _, err := f.WithdrawApplication(t.Context(), f.Users["finance4.changsha"], a.ID, a.Version, "改变主意"); err != nil {
				t.Fatal(err)
			}
			next, err := f.DB.Application(t.Context(), access.Whole(), waiting[i].ID)
			if err != nil || next.State != subsidy.Checked || next.Funds != subsidy.Reserved {
				t.Errorf("number %d of the list is %s with funds %s, %v", i+1, next.State, next.Funds, err)
			}
		}
		places, err := f.DB.Positions(t.Context(), waiting)
		if err != nil || places[waiting[3].ID] != 1 || places[waiting[149].ID] != 147 {
			t.Errorf("places %d and %d, %v", places[waiting[3].ID], places[waiting[149].ID], err)
		}
	})
}

// TestFirstComeFirstServed proves F47: submissions at the same time get the
// money in the order of their numbers, nobody overtakes the waiting list, and a
// raised budget calls up as many as it covers, in order.
func TestFirstComeFirstServed(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		p := f.Program(10*10_000_00, 10_000_00)
		f.Brief(p.ID)
		ids := owed(f, 30)
		for _, id := range ids {
			f.Enter("changsha", id)
		}
		by := f.Users["finance.changsha"]
		all(ids, func(id string) {
			a, err := f.DB.Application(context.Background(), by.Scope, id)
			if err == nil {
				_, err = f.SubmitApplication(context.Background(), by, id, a.Version, "")
			}
			if err != nil {
				t.Error(err)
			}
		})
		list, err := f.DB.Applications(t.Context(), access.Whole(), store.ApplicationFilter{Oldest: true}, store.Page{Limit: 100})
		if err != nil || len(list) != 30 {
			t.Fatalf("%d applications, %v", len(list), err)
		}
		for i, a := range list {
			want := subsidy.Submitted
			if i >= 10 {
				want = subsidy.Waiting
			}
			if a.State != want || a.QueueNo != int64(i+1) {
				t.Errorf("number %d of the queue has no %d and is %s, want %s", i+1, a.QueueNo, a.State, want)
			}
		}
		after := ""
		for no := int64(11); no <= 30; { // the list of who waits is read page by page in its order
			page, err := f.DB.Applications(t.Context(), by.Scope, store.ApplicationFilter{State: subsidy.Waiting}, store.Page{After: after, Limit: 7})
			if err != nil || len(page) == 0 {
				t.Fatalf("the waiting list from number %d: %d, %v", no, len(page), err)
			}
			for _, a := range page {
				if a.QueueNo != no {
					t.Errorf("number %d stands where %d belongs", a.QueueNo, no)
				}
				after, no = a.ID, no+1
			}
		}
		first := list[0]
		if _, err := f.WithdrawApplication(t.Context(), by, first.ID, first.Version, "撤回"); err != nil {
			t.Fatal(err)
		}
		if a, err := f.DB.Application(t.Context(), access.Whole(), list[10].ID); err != nil || a.State != subsidy.Submitted {
			t.Errorf("the first of the list is %s, %v", a.State, err)
		}
		if counts := countStates(t, f); counts[subsidy.Submitted] != 10 || counts[subsidy.Waiting] != 19 {
			t.Errorf("got %v", counts)
		}
	})
}

// TestApplicationComesBackMended proves F49: sent back with its kind, apart from
// the new ones when it is handed in again, its place kept; a changed payee is
// checked and approved anew; what is late ends and frees its money.
func TestApplicationComesBackMended(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		p := f.Program(100_000_00, 10_000_00)
		f.Brief(p.ID)
		ids := owed(f, 2)
		ctx := t.Context()
		one, two, three := f.Users["finance.changsha"], f.Users["finance2.changsha"], f.Users["finance3.changsha"]
		a := f.Submit("changsha", ids[0])
		no := a.QueueNo
		if _, err := f.CheckApplication(ctx, two, a.ID, a.Version, app.Ruling{Decision: "return", Kind: "account"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("sent back without a word: %v", err)
		}
		a, err := f.CheckApplication(ctx, two, a.ID, a.Version, app.Ruling{Decision: "return", Kind: "account", Reason: "卡号不清"})
		if err != nil || a.State != subsidy.Draft || a.MendKind != "account" || a.DueOn != "2026-01-30" || a.Funds != subsidy.Reserved {
			t.Fatalf("sent back it is %+v, %v", a, err)
		}
		a, err = f.SubmitApplication(ctx, one, a.ID, a.Version, "")
		if err != nil || !a.Mended || a.QueueNo != no || a.State != subsidy.Submitted {
			t.Fatalf("handed in again it is %s, mended %t, number %d, %v", a.State, a.Mended, a.QueueNo, err)
		}
		a, err = f.CheckApplication(ctx, two, a.ID, a.Version, app.Ruling{Decision: "pass"})
		if err != nil {
			t.Fatal(err)
		}
		a, err = f.DecideApplication(ctx, three, a.ID, a.Version, app.Ruling{Decision: "pass"})
		if err != nil || a.State != subsidy.Payable {
			t.Fatalf("approved it is %s, %v", a.State, err)
		}
		if _, err := f.AmendApplication(ctx, three, a.ID, a.Version, func(e *subsidy.Entry) { e.PayeeBank = "另一家" }); !fault.Is(err, fault.Denied) {
			t.Errorf("who approved it changes the payee: %v", err)
		}
		a, err = f.AmendApplication(ctx, one, a.ID, a.Version, func(e *subsidy.Entry) { e.PayeeBank = "另一家银行" })
		if err != nil || a.State != subsidy.Submitted || !a.Mended || a.PayeeCheckedOn != "" || a.DecidedBy != "" || a.Funds != subsidy.Committed {
			t.Fatalf("with another payee it is %+v, %v", a, err)
		}
		late := f.Submit("changsha", ids[1])
		if _, err := f.CheckApplication(ctx, two, late.ID, late.Version, app.Ruling{Decision: "return", Kind: "data", Reason: "缺页"}); err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(17 * 24 * 3600e9)
		if err := f.RunApplications(ctx); err != nil {
			t.Fatal(err)
		}
		if late, err = f.DB.Application(ctx, access.Whole(), late.ID); err != nil || late.State != subsidy.Expired || late.Funds != subsidy.NoFunds {
			t.Errorf("after its day it is %s with funds %s, %v", late.State, late.Funds, err)
		}
		for _, part := range f.Checks() {
			if _, err := part.Run(ctx); err != nil {
				t.Errorf("check %s: %v", part.Name, err)
			}
		}
	})
}
