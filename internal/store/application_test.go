package store_test

import (
	"strings"
	"testing"

	"phaseout/internal/access"
	"phaseout/internal/app/apptest"
	"phaseout/internal/fault"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// TestPayeeIsSealedAndItsReadingIsNoted proves F53: no full number in the
// database or in the audit, and a reading with its reason.
func TestPayeeIsSealedAndItsReadingIsNoted(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		f.Brief(f.Program(100_000_00, 10_000_00).ID)
		id := f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-12-01", true).ApplicationID
		a := f.Submit("changsha", id)
		raw, err := f.DB.RawApplication(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(raw, a.PayeeAccount) || strings.Contains(raw, a.ApplicantPhone) {
			t.Errorf("the row has it in the open: %s", raw)
		}
		by := f.Users["finance2.changsha"]
		if _, err := f.RevealPayee(t.Context(), by, id, " "); !fault.Is(err, fault.Invalid) {
			t.Errorf("read without a reason: %v", err)
		}
		read, err := f.RevealPayee(t.Context(), by, id, "核对银行卡")
		if err != nil || read.PayeeAccount != a.PayeeAccount {
			t.Errorf("read %s, %v", read.PayeeAccount, err)
		}
		events, err := f.DB.Events(t.Context(), access.Whole(), store.EventFilter{Entity: "application", Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		noted := false
		for _, e := range events {
			noted = noted || e.Action == "reveal" && e.Reason == "核对银行卡" && e.ActorID == by.ID
			if strings.Contains(e.Before+e.After, a.PayeeAccount) || strings.Contains(e.Before+e.After, a.ApplicantPhone) {
				t.Errorf("the audit has it in the open: %s", e.After)
			}
		}
		if !noted {
			t.Error("the reading is not in the audit")
		}
	})
}
