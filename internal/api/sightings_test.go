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
	moreBodies["rotate-server-key"] = `{"overlap_days":1}`
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

// TestServerKeysAreRotatedWithoutAGap proves F82: a key has a source, a city, a
// last day and its last use; a new one takes its place while both are taken for
// a stated time, and are one sender; the old one then ends by itself. What has
// ended says so with its 401, and whoever lost the new secret rotates again.
func TestServerKeysAreRotatedWithoutAGap(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		gone := s.Truck("clerk.changsha")
		s.Retire("changsha", gone.ID, "2025-12-10", true)
		report := func(secret, ref, value string) answer {
			return s.send("", "POST", "/sightings", map[string]any{"items": []any{map[string]string{"ref": ref, "value": value, "seen_at": "2026-01-02T03:04:05Z"}}}, "Authorization", "Bearer "+secret)
		}
		pass := func(d time.Duration) {
			s.Clock.Advance(d)
			s.tokens = map[string]string{} // a log-in ends meanwhile
		}
		ended := func(secret, code string) {
			t.Helper()
			if a := report(secret, "9", "湘Z00009").want(401); a.text("code") != code || a.text("mend") == "" {
				t.Errorf("want %s: %s", code, a.Body)
			}
		}
		key := func(id string) map[string]any {
			t.Helper()
			for _, k := range s.pages("admin", "/server-keys") {
				if k["id"] == id {
					return k
				}
			}
			t.Fatalf("no key %s", id)
			return nil
		}
		rotate := func(id string, body any) answer { return s.send("admin", "POST", "/server-keys/"+id+"/rotation", body) }
		first := s.send("admin", "POST", "/server-keys", map[string]string{"name": "长沙某厂门禁", "source": "gate", "city_code": "430100"}).want(201)
		report(first.text("secret"), "1", gone.Label).want(202)
		pass(time.Hour)
		s.send("clerk.changsha", "POST", "/server-keys/"+first.text("id")+"/rotation", map[string]int{"overlap_days": 7}).want(403)
		for _, wrong := range []map[string]any{{}, {"overlap_days": -1}, {"overlap_days": 91}, {"overlap_days": 7, "expires_on": "2026-01-21"}, {"overlap_days": 7, "expires_on": "soon"}} {
			rotate(first.text("id"), wrong).want(422)
		}
		rotate("none", map[string]any{"overlap_days": 7}).want(404)

		second := rotate(first.text("id"), map[string]any{"overlap_days": 7, "expires_on": "2026-06-30"}).want(201)
		if second.text("secret") == first.text("secret") || second.text("name") != "长沙某厂门禁" || second.text("source") != "gate" || second.text("city_code") != "430100" || second.text("replaces") != first.text("id") || second.text("state") != "active" {
			t.Errorf("the new key: %s", second.Body)
		}
		if again := rotate(first.text("id"), map[string]any{"overlap_days": 7}).want(409); again.text("code") != "wrong_state" || !strings.Contains(again.text("detail"), second.text("hint")) {
			t.Errorf("replaced twice: %s", again.Body)
		}
		// Both are taken, and are one sender: what the old key has sent is not sent again by the new one.
		report(second.text("secret"), "1", gone.Label).want(202)
		report(first.text("secret"), "2", gone.Label).want(202)
		report(second.text("secret"), "3", gone.Label).want(202)
		if cases := s.pages("reviewer.changsha", "/cases?kind=sighting"); len(cases) != 1 || cases[0]["sightings"] != 3.0 {
			t.Errorf("three sightings, one of them sent by both keys: %v", cases)
		}
		old, now := key(first.text("id")), key(second.text("id"))
		if old["state"] != "ending" || old["expires_on"] != "2026-01-22" || old["replaced_by"] != second.text("id") || old["last_used_at"] == nil || now["last_used_at"] == nil {
			t.Errorf("while both are taken: %v, %v", old, now)
		}
		pass(7 * 24 * time.Hour) // the last day, 2026-01-22
		report(first.text("secret"), "4", "湘Z00004").want(202)
		pass(24 * time.Hour)
		ended(first.text("secret"), "key_expired")
		report(second.text("secret"), "5", "湘Z00005").want(202)
		if old := key(first.text("id")); old["state"] != "expired" {
			t.Errorf("after its last day: %v", old)
		}
		if late := rotate(first.text("id"), map[string]any{"overlap_days": 7}).want(409); late.text("code") != "key_expired" {
			t.Errorf("an expired key is rotated: %s", late.Body)
		}

		// The secret of a third one is lost: it is revoked, and the second replaced anew. Its last day is never put off.
		third := rotate(second.text("id"), map[string]any{"overlap_days": 1}).want(201)
		s.send("admin", "POST", "/server-keys/"+third.text("id")+"/revocation", nil).want(200)
		ended(third.text("secret"), "key_revoked")
		fourth := rotate(second.text("id"), map[string]any{"overlap_days": 90}).want(201)
		if k := key(second.text("id")); k["expires_on"] != "2026-01-24" || k["replaced_by"] != fourth.text("id") {
			t.Errorf("replaced anew: %v", k)
		}
		report(second.text("secret"), "6", "湘Z00006").want(202)
		report(fourth.text("secret"), "7", "湘Z00007").want(202)
		s.send("admin", "POST", "/server-keys/"+second.text("id")+"/revocation", nil).want(200)
		ended(second.text("secret"), "key_revoked")
		report(fourth.text("secret"), "8", "湘Z00008").want(202)
		ended("psk_wrong", "key_unknown")
		s.checked()
	})
}

// TestPastedSightingsAreReadAsTheyCome proves F40: a pasted list finds the number
// in whatever column it stands, with a blank in it, of full width, two to a line;
// a day is read as sheets write it, so that what was seen before the hand-over
// opens nothing; a line without a number is named, an impossible day refused. A
// plate that was declared void is gone like any other.
func TestPastedSightingsAreReadAsTheyCome(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		gone := func() string {
			asset := s.Truck("clerk.changsha")
			s.Retire("changsha", asset.ID, "2025-12-10", true) // handed in on 20 November
			return asset.Label
		}
		paste := func(text string) answer {
			return s.send("clerk.zhuzhou", "POST", "/sightings/paste", map[string]string{"source": "patrol", "place": "107 国道", "text": text})
		}
		cases := func() int { return len(s.pages("reviewer.changsha", "/cases?kind=sighting")) }
		half := func(plate, mark string) string { return string([]rune(plate)[:2]) + mark + string([]rune(plate)[2:]) }
		wide := strings.NewReplacer("0", "０", "1", "１", "2", "２", "3", "３", "4", "４", "5", "５", "6", "６", "7", "７", "8", "８", "9", "９", "A", "Ａ")
		for _, form := range []func(string) string{
			func(p string) string { return half(p, " ") },
			func(p string) string { return half(p, "·") + " 2026-01-03 08:30" },
			func(p string) string { return "1\t" + p + "\t2026/1/3" },
			func(p string) string { return "12、" + p + "（黄牌）" },
			func(p string) string { return wide.Replace(p) + "　2026年1月3日" },
			func(p string) string { return "某某工地门口，" + p + "，20260103" },
			func(p string) string { return p + "|46025" },
		} {
			before, line := cases(), form(gone())
			if n := paste(line).want(202).text("accepted"); n != "1" || cases() != before+1 {
				t.Errorf("%q: %s accepted, %d cases more", line, n, cases()-before)
			}
		}
		before := cases()
		a := paste("号牌号码\t时间\n\n" + gone() + "、" + gone() + "\n以上").want(202)
		if a.text("accepted") != "1" || a.text("ignored.0") != "1" || a.text("ignored.1") != "4" || cases() != before+2 {
			t.Errorf("two on one line: %s, %d cases more", a.Body, cases()-before)
		}
		before = cases()
		for _, day := range []string{"2025/11/1", "2025-11-01", "20251101", "2025年11月1日", "45962"} {
			paste(gone() + "\t" + day).want(202)
		}
		if cases() != before {
			t.Errorf("%d cases of what was seen before its hand-over", cases()-before)
		}
		for _, line := range []string{"湘A00001 2026-13-45", "湘A00001 2026-02-01", "只有文字"} {
			if a := paste(line).want(422); a.text("errors.0.location") != "body.text" {
				t.Errorf("%s: %s", line, a.Body)
			}
		}
		void := s.Truck("clerk.changsha")
		s.send("clerk.changsha", "POST", "/assets/"+void.ID+"/retirement", map[string]string{"way_out": "declared_void", "deregistered_on": "2025-12-01"}).want(201)
		paste(void.Label).want(202)
		if cases() != before+1 {
			t.Error("a plate that was declared void may be seen")
		}
		s.checked()
	})
}
