package api_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"phaseout/internal/retirement"
	"phaseout/internal/store/storetest"
)

// undo withdraws the verified retirement of an asset of Changsha on request.
func (s *site) undo(assetID string) {
	s.t.Helper()
	ctx, clerk := context.Background(), s.Users["clerk.changsha"]
	r, err := s.DB.RetirementOf(ctx, clerk.Scope, assetID)
	if err != nil {
		s.t.Fatal(err)
	}
	q, err := s.AskRetirement(ctx, clerk, r.ID, retirement.Request{Kind: retirement.Withdrawal, Reason: "wrong"})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.DecideRequest(ctx, s.Users["reviewer.changsha"], q.ID, q.Version, true, "right"); err != nil {
		s.t.Fatal(err)
	}
}

// changeField changes one field of an asset of Changsha.
func (s *site) changeField(id, field, value string) {
	s.t.Helper()
	a, err := s.DB.Asset(context.Background(), s.Users["clerk.changsha"].Scope, id)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.AmendAsset(context.Background(), s.Users["clerk.changsha"], id, a.Version, map[string]string{field: value}, "wrong"); err != nil {
		s.t.Fatal(err)
	}
}

// TestPaceAndTonnesAsKnown proves F65 of forecast and tonnes: whatever they rest
// on, a later change of it gives other figures for the same day; asked for as
// known before the change, the same bytes come out, of sheet and rows, for the
// province and for a city.
func TestPaceAndTonnesAsKnown(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		yard := s.yard("province", "430100", "测试回收有限公司")
		s.send("province", "POST", "/targets", map[string]any{"code": "R1", "class": "truck", "city_code": "430100", "kind": "hard", "measure": "count", "value": 9, "due_on": "2026-12-31", "baseline_on": "2021-12-31", "state": "in_force"}).want(201)
		s.emissionStock()
		truck, machine := s.Truck("clerk.changsha", "scrap_due_on", "2028-03-05").ID, s.register("clerk.changsha", "machinery", "430100", map[string]string{"category": "excavator", "serial": "SN-9", "stage": "china1", "power_kw": "100", "fuel": "diesel", "built_on": "2006-01-01"})
		s.Retire("changsha", truck, "2025-12-07", true)
		s.scrap(machine, "2025-10-12")
		wait := func(number string) {
			s.send("clerk.changsha", "POST", "/assets/"+s.Truck("clerk.changsha").ID+"/retirement", scrapping("2025-12-20", "测试回收有限公司", number)).want(201)
		}
		change := func(method, deed string, body any) answer {
			return s.send("province", method, "/yards/"+yard+deed, body, "If-Match", s.etag("/yards/"+yard)).want(200)
		}
		amend := func(capacity int, name string) {
			change("PATCH", "", map[string]any{"name": name, "credit_code": "91430100MA00000003", "classes": []string{"truck"}, "capacity_per_month": capacity})
		}
		const pace, tonnes = "/progress/pace?as_of=2025-12-31&class=truck", "/emission?as_of=2025-12-31&group_by=city"
		asked := []string{pace, pace + "&city=430100", tonnes, "/emission?as_of=2025-12-31&class=machinery&group_by=month", "/emission/rows?as_of=2025-12-31&limit=200"}
		// publish gives all that is asked for. The clock stands still meanwhile, so that
		// what was recorded last is ahead of it, and may be asked for all the same.
		publish := func() []published {
			at := s.send("province", "GET", tonnes, nil).want(200).text("generated_at")
			var all []published
			for _, path := range asked {
				all = append(all, published{path, s.send("province", "GET", path, nil).want(200).Body, at})
			}
			if again := s.send("province", "GET", pace+"&as_known="+escaped(at), nil).want(200); !bytes.Equal(again.Body, all[0].body) {
				t.Errorf("as known now:\n%s\n%s", all[0].body, again.Body)
			}
			s.Clock.Advance(time.Minute)
			return all
		}
		said := func(path string) string {
			a := s.send("province", "GET", path, nil).want(200)
			return string(bytes.ReplaceAll(a.Body, []byte(a.text("generated_at")), nil))
		}
		block := ""
		var all []published
		for _, deed := range []struct {
			name         string
			pace, tonnes bool // what it changes
			do           func()
		}{
			{"more wait at the yard", true, false, func() { wait("A-1"); wait("A-2") }},
			{"the yard takes fewer", true, false, func() { amend(1, "测试回收有限公司") }},
			{"the yard has another name", true, false, func() { amend(1, "测试再生资源有限公司") }},
			{"the yard is suspended from an earlier day", true, false, func() {
				block = change("POST", "/blocks", map[string]string{"kind": "suspended", "from": "2025-12-25", "reason": "X"}).text("blocks.0.id")
			}},
			{"the suspension ended before the day", true, false, func() {
				change("POST", "/lift", map[string]string{"block_id": block, "last_on": "2025-12-26", "reason": "Y"})
				amend(1, "测试回收有限公司")
			}},
			{"a retirement is logged late", true, true, func() { s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-20", true) }},
			{"a truck's retirement is withdrawn", true, true, func() { s.undo(truck) }},
			{"and logged again for another year of scrapping", true, true, func() {
				s.changeField(truck, "scrap_due_on", "2026-01-31")
				s.Retire("changsha", truck, "2025-12-07", true)
			}},
			{"a machine's retirement is withdrawn", false, true, func() {
				change("PATCH", "", map[string]any{"name": "测试回收有限公司", "credit_code": "91430100MA00000003", "classes": []string{"truck", "machinery"}, "capacity_per_month": 1})
				s.undo(machine)
			}},
			{"and logged again with its right power", false, true, func() {
				s.changeField(machine, "power_kw", "180")
				s.scrap(machine, "2025-10-12")
			}},
			{"other factors are put in force", false, true, func() {
				draft := s.send("province", "POST", "/factor-sets", map[string]string{"valid_from": "2025-12-01", "document": "X"}).want(201)
				path := "/factor-sets/" + draft.text("id")
				s.send("province", "PATCH", path, map[string]any{"values": []any{map[string]any{"item": "km", "method": "road", "group": "light", "milli": 60_000_000}}}, "If-Match", `"1"`).want(200)
				s.send("province2", "POST", path+"/decision", map[string]string{"decision": "accept"}, "If-Match", `"2"`).want(200)
			}},
		} {
			all = append(all, publish()...)
			wasPace, wasTonnes := said(pace), said(tonnes)
			deed.do()
			if said(pace) == wasPace && deed.pace {
				t.Errorf("%s: the pace says the same: %s", deed.name, wasPace)
			}
			if changed := said(tonnes) != wasTonnes; changed != deed.tonnes {
				t.Errorf("%s: the tonnes change: %v: %s", deed.name, changed, wasTonnes)
			}
			for _, p := range all {
				if again := s.send("province", "GET", p.path+"&as_known="+escaped(p.at), nil).want(200); !bytes.Equal(again.Body, p.body) {
					t.Fatalf("after %s, %s as known at %s is not what was answered then:\n%s\n%s", deed.name, p.path, p.at, p.body, again.Body)
				}
			}
		}
		for _, path := range []string{pace, tonnes, "/emission/rows?class=truck", "/progress/overview.xlsx?class=truck"} {
			if wrong := s.send("province", "GET", path+"&as_known=2099-01-01T00:00:00Z", nil).want(422); wrong.text("errors.0.code") != "instant_future" {
				t.Errorf("%s: known in the future: %s", path, wrong.Body)
			}
			s.send("province", "GET", path+"&as_known=yesterday", nil).want(422)
		}
		s.send("province", "GET", "/progress/overview.xlsx?as_of=2025-12-31&class=truck&as_known="+escaped(all[0].at), nil).want(200)
		s.checked()
	})
}
