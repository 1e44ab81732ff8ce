package api_test

import (
	"testing"

	"phaseout/internal/store/storetest"
)

// TestEachRecordTellsItsHistory proves F77: who changed what of a record from
// what to what, by which request; for the roles that may read it, in their area.
func TestEachRecordTellsItsHistory(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := s.Program(100_000_00, 35_000_00)
		s.Brief(program.ID)
		c := s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-11-20", true)
		s.Approve("changsha", c.ApplicationID)
		told := s.send("reviewer.changsha", "GET", "/history?entity=retirement&id="+c.ID, nil).want(200)
		if told.text("items.0.action") != "verify" || told.text("items.0.request_id") == "" || told.get("items.2.action") != "declare" {
			t.Errorf("a retirement: %s", told.Body)
		}
		after := map[any]any{}
		for _, change := range told.get("items.0.changes").([]any) {
			after[change.(map[string]any)["field"]] = change.(map[string]any)["after"]
		}
		if after["state"] != "verified" {
			t.Errorf("what a verification changed: %v", after)
		}
		money := s.send("finance.changsha", "GET", "/history?entity=application&id="+c.ApplicationID, nil).want(200)
		if money.text("items.1.action") != "approve" || money.get("items.5") == nil {
			t.Errorf("an application: %s", money.Body)
		}
		for user, status := range map[string]int{"clerk.changsha": 403, "finance.zhuzhou": 200} {
			other := s.send(user, "GET", "/history?entity=application&id="+c.ApplicationID, nil).want(status)
			if other.get("items.0") != nil {
				t.Errorf("%s reads %s", user, other.Body)
			}
		}
		s.send("finance.changsha", "GET", "/history?entity=session&id=x", nil).want(422)
	})
}
