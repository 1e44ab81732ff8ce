package api_test

import (
	"strings"
	"testing"
	"time"

	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

func init() {
	moreWorld = append(moreWorld, func(s *site, ids map[string]string) {
		ids["server-keys"] = s.send("admin", "POST", "/server-keys", map[string]string{"name": "W", "source": "gate"}).want(201).text("id")
	})
	moreBodies["assign-case"], moreBodies["release-case"] = `{}`, `{"reason":"X"}`
}

// TestRetiredIdentitySeenAgain proves F40: a sighting of what has left service,
// by a keyed system or from the paste box, opens a case with the city whose
// record it is and holds the yard's open payments until somebody else than who
// closed the case releases them; the sender is told nothing but how many were
// well-formed; sending again adds nothing.
func TestRetiredIdentitySeenAgain(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		yard := s.yard("province", "430100", "测试回收有限公司")
		gone, active := s.Truck("clerk.changsha"), s.Truck("clerk.changsha")
		c := s.Retire("changsha", gone.ID, "2025-12-10", true) // handed in on 2025-11-20
		sibling := s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-11", true)
		key := s.send("admin", "POST", "/server-keys", map[string]string{"name": "株洲某厂门禁", "source": "gate", "city_code": "430200"}).want(201)
		secret := key.text("secret")
		if list := string(s.send("admin", "GET", "/server-keys", nil).want(200).Body); strings.Contains(list, secret) || !strings.Contains(list, secret[len(secret)-4:]) {
			t.Errorf("keys: %s", list)
		}
		report := func(auth string, items ...map[string]string) answer {
			return s.send("", "POST", "/sightings", map[string]any{"items": items}, "Authorization", "Bearer "+auth)
		}
		item := func(ref, value, at string) map[string]string {
			return map[string]string{"ref": ref, "value": value, "seen_at": at, "place": "东门"}
		}
		report("psk_wrong", item("1", "x", "2026-01-02T03:04:05Z")).want(401)
		s.send("clerk.changsha", "POST", "/sightings", map[string]any{"items": []any{item("1", "x", "2026-01-02T03:04:05Z")}}).want(403)
		s.send("", "GET", "/assets", nil, "Authorization", "Bearer "+secret).want(401)
		held := func() (yards map[string]string, retirements map[string]string) {
			t.Helper()
			err := s.DB.Write(t.Context(), s.Users["province"], func(tx *store.Tx) (err error) {
				if yards, err = tx.HeldYards(); err != nil {
					return err
				}
				retirements, err = tx.HeldRetirements([]string{c.ID, sibling.ID})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return yards, retirements
		}
		plate := gone.Label
		spaced := string([]rune(plate)[:2]) + "·" + string([]rune(plate)[2:])
		accepted := report(secret, item("1", active.Label, "2026-01-02T03:04:05Z"), item("2", "湘Z00000", "2026-01-02T03:04:05Z"), item("3", plate, "2025-11-19T03:04:05Z")).want(202)
		if n := len(s.pages("reviewer.changsha", "/cases")); n != 0 || accepted.text("accepted") != "3" {
			t.Errorf("nothing retired was seen: %d cases, %s", n, accepted.Body)
		}
		hit := report(secret, item("4", spaced, "2026-01-02T03:04:05Z"), item("5", gone.Fields["vin"], "2026-01-03T03:04:05Z")).want(202)
		if strings.ReplaceAll(string(hit.Body), "\n", "") != strings.ReplaceAll(string(report(secret, item("6", "湘Z00001", "2026-01-02T03:04:05Z"), item("7", "湘Z00002", "2026-01-02T03:04:05Z")).Body), "\n", "") {
			t.Errorf("a hit answers otherwise: %s", hit.Body)
		}
		report(secret, item("4", spaced, "2026-01-02T03:04:05Z")).want(202)
		cases := s.pages("reviewer.changsha", "/cases?kind=sighting&unassigned=true")
		if len(cases) != 1 || cases[0]["sightings"].(float64) != 2 || cases[0]["asset_id"] != gone.ID {
			t.Fatalf("cases: %v", cases)
		}
		if n := len(s.pages("reviewer.zhuzhou", "/cases")); n != 0 {
			t.Error("the city of the gate is told")
		}
		yards, retirements := held()
		if yards[yard] == "" || retirements[c.ID] == "" || retirements[sibling.ID] == "" {
			t.Errorf("held: %v %v", yards, retirements)
		}
		if n := s.send("clerk.zhuzhou", "POST", "/sightings/paste", map[string]string{"source": "patrol", "place": "107 国道", "text": plate + "\n" + gone.Fields["vin"] + " 2026-01-04\n\n湘Z00003，2026-01-01"}).want(202).text("accepted"); n != "3" {
			t.Errorf("%s of the list are taken", n)
		}
		s.send("clerk.zhuzhou", "POST", "/sightings/paste", map[string]string{"source": "patrol", "text": " \n "}).want(422)

		path := "/cases/" + cases[0]["id"].(string)
		get := func() answer { return s.send("reviewer.changsha", "GET", path, nil).want(200) }
		do := func(user, deed string, body any) answer {
			return s.send(user, "POST", path+"/"+deed, body, "If-Match", get().Header.Get("ETag"))
		}
		if a := get(); a.text("sightings") != "4" || a.text("hold.yard_id") != yard || a.text("seen.0.source") != "patrol" {
			t.Errorf("case: %s", a.Body)
		}
		do("reviewer.changsha", "assignment", map[string]string{"username": "reviewer.zhuzhou"}).want(422)
		if a := do("reviewer.changsha", "assignment", map[string]any{}).want(200); a.text("assigned_to.name") != "Reviewer A" {
			t.Errorf("assigned: %s", a.Body)
		}
		if n := len(s.pages("reviewer.changsha", "/cases?mine=true")); n != 1 {
			t.Errorf("%d cases are mine", n)
		}
		do("reviewer.changsha", "release", map[string]string{"reason": "x"}).want(409)
		do("reviewer.changsha", "close", map[string]string{"outcome": "套牌，已移交执法"}).want(200)
		if yards, _ := held(); len(yards) != 1 {
			t.Error("closing a case releases what it holds")
		}
		if a := do("reviewer.changsha", "release", map[string]string{"reason": "x"}).want(403); a.text("code") != "four_eyes" {
			t.Errorf("who closed it releases: %s", a.Body)
		}
		do("province", "release", map[string]string{"reason": "执法结论与企业无关"}).want(200)
		if yards, retirements := held(); len(yards)+len(retirements) != 0 {
			t.Errorf("released: %v %v", yards, retirements)
		}
		do("province", "release", map[string]string{"reason": "x"}).want(409)

		// A key ends at once, by hand or by its day.
		s.send("admin", "POST", "/server-keys/"+key.text("id")+"/revocation", nil).want(200)
		report(secret, item("9", plate, "2026-01-05T03:04:05Z")).want(401)
		short := s.send("admin", "POST", "/server-keys", map[string]string{"name": "短期", "source": "obd", "expires_on": "2026-01-16"}).want(201).text("secret")
		report(short, item("1", "湘Z00009", "2026-01-05T03:04:05Z")).want(202)
		if used := s.send("admin", "GET", "/server-keys", nil).want(200); used.get("items.0.last_used_at") == nil {
			t.Errorf("last use: %s", used.Body)
		}
		s.Clock.Advance(72 * time.Hour)
		report(short, item("2", "湘Z00009", "2026-01-05T03:04:05Z")).want(401)
		for _, part := range s.Checks() {
			if _, err := part.Run(t.Context()); err != nil {
				t.Errorf("check %s: %v", part.Name, err)
			}
		}
	})
}
