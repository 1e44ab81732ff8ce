package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// TestBodiesAreReadStrictly proves F81: what a lenient decoder would take in its
// own way is refused with a stable code.
func TestBodiesAreReadStrictly(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		good := `{"username":"admin","password":"` + apptest.Password + `"}`
		s.send("", "POST", "/auth/login", good).want(200)
		for name, c := range map[string]struct {
			body, media string
			status      int
		}{
			"an unknown field":      {`{"username":"a","password":"b","role":"admin"}`, "application/json", 422},
			"another case":          {`{"Username":"a","password":"b"}`, "application/json", 422},
			"a name twice":          {`{"username":"a","username":"b","password":"c"}`, "application/json", 400},
			"text after the end":    {good + "x", "application/json", 400},
			"a second value":        {good + good, "application/json", 400},
			"no JSON":               {"username=admin", "application/json", 400},
			"another content type":  {good, "text/plain", 415},
			"no content type":       {good, "", 415},
			"a form":                {"username=admin&password=x", "application/x-www-form-urlencoded", 415},
			"a wrong type":          {`{"username":1,"password":"b"}`, "application/json", 422},
			"a missing field":       {`{"username":"a"}`, "application/json", 422},
			"too deep":              {strings.Repeat("[", 64) + strings.Repeat("]", 64), "application/json", 400},
			"not UTF-8":             {"{\"username\":\"\xff\",\"password\":\"b\"}", "application/json", 400},
			"a NUL":                 {`{"username":"a\u0000","password":"b"}`, "application/json", 400},
			"more than a mebibyte":  {`{"username":"` + strings.Repeat("a", 2<<20) + `"}`, "application/json", 413},
			"an array for a object": {`[]`, "application/json", 422},
		} {
			headers := []string{"Content-Type", c.media}
			a := s.do("", "POST", "/auth/login", strings.NewReader(c.body), headers...)
			if a.Status != c.status || a.text("code") == "" || a.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: got %d %s, want %d", name, a.Status, a.Body, c.status)
			}
		}
		for _, query := range []string{"?cty=430100", "?city=430100&city=430200", "?limit=0", "?limit=501", "?class=car", "?cursor=rubbish", "?metric=verified", "?metric=verified&as_of=2025-02-30"} {
			if a := s.send("province", "GET", "/assets"+query, nil); a.Status != 422 || a.get("errors.0.location") == nil {
				t.Errorf("%s: got %d %s", query, a.Status, a.Body)
			}
		}
		for _, address := range []string{"/assets?q=A%00B", "/retirements?q=A%00B", "/assets/a%00b", "/assets?q=%ff"} {
			if a := s.send("province", "GET", address, nil); a.Status != 400 || a.text("code") != "text" {
				t.Errorf("%s: got %d %s", address, a.Status, a.Body)
			}
		}
		if a := s.send("", "GET", "/nowhere", nil); a.Status != 404 || a.text("code") != "not_found" {
			t.Errorf("an unknown path: %d %s", a.Status, a.Body)
		}
		if a := s.send("", "PATCH", "/me", "{}"); a.Status != 405 {
			t.Errorf("an unknown method: %d", a.Status)
		}
	})
}

// TestProblemsSpeakTheLanguageAskedFor proves F86 for the server's texts.
func TestProblemsSpeakTheLanguageAskedFor(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		zh := s.send("clerk.changsha", "GET", "/assets/none", nil, "Accept-Language", "zh-CN")
		en := s.send("clerk.changsha", "GET", "/assets/none", nil, "Accept-Language", "en")
		if zh.text("detail") != "没有找到该记录" || en.text("detail") != "no such record" || zh.text("code") != en.text("code") {
			t.Errorf("got %s and %s", zh.Body, en.Body)
		}
	})
}

// TestChangesNameTheirVersion proves F79: 428 without If-Match, 412 with both
// versions for an old one.
func TestChangesNameTheirVersion(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		id := s.Truck("clerk.changsha").ID
		change := map[string]any{"fields": map[string]string{"model": "A"}, "reason": "更正"}
		if a := s.send("clerk.changsha", "PATCH", "/assets/"+id, change).want(428); a.text("code") != "if_match_required" {
			t.Errorf("without If-Match: %s", a.Body)
		}
		first := s.send("clerk.changsha", "PATCH", "/assets/"+id, change, "If-Match", `"1"`).want(200)
		if first.Header.Get("ETag") != `"2"` {
			t.Errorf("ETag %s", first.Header.Get("ETag"))
		}
		stale := s.send("clerk2.changsha", "PATCH", "/assets/"+id, change, "If-Match", `"1"`).want(412)
		if stale.text("given_version") != "1" || stale.text("current_version") != "2" || stale.text("current.model") != "A" {
			t.Errorf("412 without both versions: %s", stale.Body)
		}
		history := s.send("auditor", "GET", "/assets/"+id+"/history", nil).want(200)
		if history.text("items.0.reason") != "更正" || history.text("items.0.actor_name") != "Clerk A" || history.text("items.0.changes.0.after") != "A" || history.text("items.1.action") != "create" {
			t.Errorf("history: %s", history.Body)
		}
	})
}

// TestSameKeySameAnswer proves F84: repeated, parallel and after a restart; the
// same key with another request is refused.
func TestSameKeySameAnswer(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		body := map[string]any{"class": "truck", "city_code": "430100", "fields": s.TruckFields("湘A")}
		s.token("clerk.changsha")
		answers := make([]answer, 6)
		var wait sync.WaitGroup
		for i := range answers {
			wait.Go(func() { answers[i] = s.send("clerk.changsha", "POST", "/assets", body, "Idempotency-Key", "k1") })
		}
		wait.Wait()
		fresh := 0
		for _, a := range answers {
			if a.Status != 201 || !bytes.Equal(a.Body, answers[0].Body) {
				t.Errorf("got %d %s, want %s", a.Status, a.Body, answers[0].Body)
			}
			if a.Header.Get("Idempotency-Replayed") == "" {
				fresh++
			}
		}
		if fresh != 1 || len(s.pages("clerk.changsha", "/assets")) != 1 {
			t.Errorf("%d of the answers are fresh", fresh)
		}
		other := map[string]any{"class": "truck", "city_code": "430100", "fields": s.TruckFields("湘A")}
		if a := s.send("clerk.changsha", "POST", "/assets", other, "Idempotency-Key", "k1").want(422); a.text("code") != "idempotency_key_reused" {
			t.Errorf("another request: %s", a.Body)
		}
		if a := s.send("clerk2.changsha", "POST", "/assets", other, "Idempotency-Key", "k1").want(201); a.Header.Get("Idempotency-Replayed") != "" {
			t.Error("another user's key is not one's own")
		}
		s.stop()
		db, err := store.Open(context.Background(), s.URL, s.Clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		s.App = s.Reopen(db, t.TempDir())
		s.serve()
		again := s.send("clerk.changsha", "POST", "/assets", body, "Idempotency-Key", "k1").want(201)
		if !bytes.Equal(again.Body, answers[0].Body) || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("after a restart: %s, want %s", again.Body, answers[0].Body)
		}
	})
}

// TestSessionsEndAndLockOutsRevealNothing proves F75's log-in side: short tokens,
// rotation with reuse detection, a lock-out that tells no accounts apart, and a
// withdrawn right that acts at once.
func TestSessionsEndAndLockOutsRevealNothing(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		login := func(user, password string) answer {
			return s.send("", "POST", "/auth/login", map[string]string{"username": user, "password": password})
		}
		first := login("clerk.changsha", apptest.Password).want(200)
		if first.text("token_type") != "Bearer" || first.text("expires_in") != "900" {
			t.Errorf("the grant: %s", first.Body)
		}
		refresh := func(token string) answer {
			return s.send("", "POST", "/auth/refresh", map[string]string{"refresh_token": token})
		}
		me := func(token string) int {
			return s.do("", "GET", "/me", nil, "Authorization", "Bearer "+token).Status
		}
		second := refresh(first.text("refresh_token")).want(200)
		if me(second.text("access_token")) != 200 {
			t.Error("the refreshed token is refused")
		}
		refresh(first.text("refresh_token")).want(401)
		refresh(second.text("refresh_token")).want(401)
		if me(second.text("access_token")) != 401 {
			t.Error("reuse of a refresh token did not end the session")
		}
		third := login("clerk.changsha", apptest.Password).want(200)
		s.Clock.Advance(16 * time.Minute)
		if me(third.text("access_token")) != 401 {
			t.Error("a token lives longer than 15 minutes")
		}
		for _, forged := range []string{"", "x", "a.b.c", strings.Repeat(".", 3000), third.text("access_token") + "x"} {
			if me(forged) != 401 {
				t.Errorf("token %.20q is taken", forged)
			}
		}
		var seen []string
		for range 7 {
			for _, user := range []string{"clerk2.changsha", "nobody.at.all"} {
				a := login(user, "wrong")
				seen = append(seen, strip(a))
			}
		}
		seen = append(seen, strip(login("clerk2.changsha", apptest.Password))) // locked by now
		for _, a := range seen {
			if a != seen[0] {
				t.Errorf("failed log-ins differ: %s and %s", a, seen[0])
			}
		}
		s.Clock.Advance(16 * time.Minute)
		login("clerk2.changsha", apptest.Password).want(200)

		users := s.pages("admin", "/users")
		var clerk map[string]any
		for _, u := range users {
			if u["username"] == "clerk.zhuzhou" {
				clerk = u
			}
		}
		s.send("clerk.zhuzhou", "GET", "/me", nil).want(200)
		s.send("admin", "PATCH", "/users/"+clerk["id"].(string), map[string]any{"disabled": true}, "If-Match", `"1"`).want(200)
		s.send("clerk.zhuzhou", "GET", "/me", nil).want(401)
		if a := login("clerk.zhuzhou", apptest.Password); strip(a) != seen[0] {
			t.Errorf("a disabled account answers %s", a.Body)
		}
	})
}

// TestFourEyes proves that nobody reviews or approves what they handled: F27, F41.
func TestFourEyes(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.Brief(s.Program(100_000_00, 10_000_00).ID)
		asset := s.Truck("clerk.changsha")
		c := s.Retire("changsha", asset.ID, "2025-12-01", false)
		// The clerk becomes a reviewer between the two steps.
		id := s.Users["clerk.changsha"].ID
		s.send("admin", "PATCH", "/users/"+id, map[string]any{"role": "reviewer"}, "If-Match", `"1"`).want(200)
		s.tokens = map[string]string{} // a change of role ends the sessions
		etag := s.send("clerk.changsha", "GET", "/retirements/"+c.ID, nil).want(200).Header.Get("ETag")
		refused := s.send("clerk.changsha", "POST", "/retirements/"+c.ID+"/verification", map[string]string{"decision": "verify"}, "If-Match", etag).want(403)
		if refused.text("code") != "four_eyes" {
			t.Errorf("own retirement: %s", refused.Body)
		}
		verified := s.send("reviewer.changsha", "POST", "/retirements/"+c.ID+"/verification", map[string]string{"decision": "verify"}, "If-Match", etag).want(200)
		application := verified.text("application_id")
		reviewer := s.Users["reviewer.changsha"].ID
		s.send("admin", "PATCH", "/users/"+reviewer, map[string]any{"role": "finance"}, "If-Match", `"1"`).want(200)
		s.tokens = map[string]string{}
		s.Submit("changsha", application)
		etag = s.send("finance.changsha", "GET", "/applications/"+application, nil).want(200).Header.Get("ETag")
		for _, own := range []string{"reviewer.changsha", "finance.changsha"} {
			refused = s.send(own, "POST", "/applications/"+application+"/check", map[string]string{"decision": "pass"}, "If-Match", etag).want(403)
			if refused.text("code") != "four_eyes" {
				t.Errorf("own case: %s", refused.Body)
			}
		}
		etag = s.send("finance2.changsha", "POST", "/applications/"+application+"/check", map[string]string{"decision": "pass"}, "If-Match", etag).want(200).Header.Get("ETag")
		// A new name makes no new person.
		second := s.Users["finance2.changsha"].ID
		s.send("admin", "PATCH", "/users/"+second, map[string]any{"display_name": "Somebody else"}, "If-Match", `"1"`).want(200)
		for _, own := range []string{"reviewer.changsha", "finance.changsha", "finance2.changsha"} {
			refused = s.send(own, "POST", "/applications/"+application+"/approval", map[string]string{"decision": "approve"}, "If-Match", etag).want(403)
			if refused.text("code") != "four_eyes" {
				t.Errorf("own case: %s", refused.Body)
			}
		}
		s.send("finance3.changsha", "POST", "/applications/"+application+"/approval", map[string]string{"decision": "approve"}, "If-Match", etag).want(200)
	})
}

// TestReturnedRetirementGoesBackAndForth proves F27: return with a reason, mend, verify.
func TestReturnedRetirementGoesBackAndForth(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		asset := s.Truck("clerk.changsha")
		c := s.Retire("changsha", asset.ID, "2025-12-01", false)
		path := "/retirements/" + c.ID
		etag := func() string { return s.send("reviewer.changsha", "GET", path, nil).want(200).Header.Get("ETag") }
		s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "return"}, "If-Match", etag()).want(422)
		s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "return", "reason": "编号不清"}, "If-Match", etag()).want(200)
		amended := map[string]string{"way_out": "scrapped", "handed_in_on": "2025-11-01", "deregistered_on": "2025-12-05", "recycler": "某企业", "certificate_no": "HS-NEW"}
		s.send("clerk.changsha", "PATCH", path, amended, "If-Match", etag()).want(200)
		done := s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify"}, "If-Match", etag()).want(200)
		if done.text("counted_on") != "2025-12-05" {
			t.Errorf("counted on %s", done.text("counted_on"))
		}
		s.send("clerk.changsha", "PATCH", path, amended, "If-Match", done.Header.Get("ETag")).want(409)
		other := s.Truck("clerk.changsha")
		taken := s.send("clerk.changsha", "POST", "/assets/"+other.ID+"/retirement", amended).want(422)
		if taken.text("errors.0.location") != "body.certificate_no" {
			t.Errorf("a certificate twice: %s", taken.Body)
		}
		for name, bad := range map[string]map[string]string{
			"in the future":      {"way_out": "scrapped", "handed_in_on": "2026-01-16"},
			"before registering": {"way_out": "scrapped", "handed_in_on": "2012-01-01"},
			"out of order":       {"way_out": "scrapped", "handed_in_on": "2025-12-01", "deregistered_on": "2025-11-01"},
			"no such day":        {"way_out": "scrapped", "handed_in_on": "2025-02-30"},
			"no such way":        {"way_out": "sunk"},
			"no hand-over":       {"way_out": "scrapped", "deregistered_on": "2025-12-01"},
		} {
			if a := s.send("clerk.changsha", "POST", "/assets/"+other.ID+"/retirement", bad); a.Status != 422 || a.get("errors.0.location") == nil {
				t.Errorf("%s: got %d %s", name, a.Status, a.Body)
			}
		}
	})
}

// TestImportCanBeUndoneUnlessTouched proves F21's first form.
func TestImportCanBeUndoneUnlessTouched(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		sheet := func(n int) []byte {
			text := "号牌号码,车辆识别代号,所有人,初次登记日期,燃料种类,排放标准\n"
			for i := range n {
				text += fmt.Sprintf("湘A%05d,%s,某某公司,2010-01-01,柴油,国三\n", 50000+i, apptest.VIN(500+i))
			}
			return []byte(text)
		}
		load := func() string {
			id := s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.csv", sheet(5)).want(202).text("id")
			s.until("clerk.changsha", id, "checked")
			s.send("clerk.changsha", "POST", "/imports/"+id+"/apply", map[string]string{"mode": "all_or_nothing"}).want(202)
			s.until("clerk.changsha", id, "applied")
			return id
		}
		id := load()
		if undone := s.send("clerk.changsha", "POST", "/imports/"+id+"/undo", nil).want(200); undone.text("state") != "undone" || len(s.pages("clerk.changsha", "/assets")) != 0 {
			t.Errorf("after undo: %s", undone.Body)
		}
		id = load()
		one := s.pages("clerk.changsha", "/assets")[2]
		s.send("clerk2.changsha", "PATCH", "/assets/"+one["id"].(string), map[string]any{"fields": map[string]string{"model": "X"}}, "If-Match", `"1"`).want(200)
		refused := s.send("clerk.changsha", "POST", "/imports/"+id+"/undo", nil).want(409)
		if refused.text("code") != "changed_since" || refused.text("errors.0.value") != one["label"] || refused.get("errors.1") != nil ||
			refused.text("extra.changed.0.label") != one["label"] || refused.text("extra.changed.0.row") != "4" || refused.text("extra.changed.0.asset_id") != one["id"] ||
			refused.text("extra.changed.0.action") != "update" || refused.text("extra.changed.0.changed_by") != "Clerk A2" || refused.text("extra.changed.0.changed_at") == "<nil>" ||
			refused.text("extra.changed_total") != "1" {
			t.Errorf("undo of a changed row: %s", refused.Body)
		}
		s.send("clerk.changsha", "POST", "/imports/"+id+"/undo", map[string]bool{"skip_changed": false}).want(409)
		s.send("clerk.changsha", "POST", "/imports/"+id+"/undo", map[string]bool{"skip_changed": true}).want(200)
		if left := s.pages("clerk.changsha", "/assets"); len(left) != 1 || left[0]["id"] != one["id"] {
			t.Errorf("%d rows are left", len(left))
		}
		if _, err := s.DB.VerifySummary(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestImportsSayWhatIsWrongWithAFile proves F16 and F17 for files as a whole.
func TestImportsSayWhatIsWrongWithAFile(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		for name, c := range map[string]struct {
			data []byte
			code string
		}{
			"an old .xls":       {append([]byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}, make([]byte, 600)...), "legacy_xls"},
			"a PDF":             {[]byte("%PDF-1.4 something"), "pdf"},
			"a web page":        {[]byte("<html><table><tr><td>号牌号码</td></tr></table></html>"), "html"},
			"no headings":       {[]byte("a,b,c\n1,2,3\n"), "no_header"},
			"a missing column":  {[]byte("号牌号码,所有人,初次登记日期,燃料种类\n湘A12345,某,2010-01-01,柴油\n"), "missing_column"},
			"a repeated column": {[]byte("号牌号码,车牌号,车辆识别代号,所有人,初次登记日期\n,,,,\n"), "repeated_column"},
			"a damaged .xlsx":   {[]byte("PK\x03\x04rubbish"), "damaged"},
		} {
			id := s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.xlsx", c.data).want(202).text("id")
			for range 200 {
				if s.send("clerk.changsha", "GET", "/imports/"+id, nil).text("state") == "failed" {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			a := s.send("clerk.changsha", "GET", "/imports/"+id, nil).want(200)
			if a.text("error.code") != c.code || a.text("error.mend") == "" {
				t.Errorf("%s: %s", name, a.Body)
			}
		}
		s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430200"}, "a.csv", []byte("x")).want(422)
		s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.csv", nil).want(422)
		template := s.send("clerk.changsha", "GET", "/import-templates/truck.xlsx", nil).want(200)
		id := s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430100"}, "template.xlsx", template.Body).want(202).text("id")
		if a := s.until("clerk.changsha", id, "checked"); a.text("counts.total") != "0" {
			t.Errorf("the empty template has data rows: %s", a.Body)
		}
	})
}

// TestInterruptedImportGoesOn proves F20's first form: a process that stops in
// the middle leaves nothing half done; the next one goes on.
func TestInterruptedImportGoesOn(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.stop()
		s.DB.SetEnqueuer(store.NoQueue) // as if the process died before the job ran
		clerk := s.Users["clerk.changsha"]
		text := "号牌号码,车辆识别代号,所有人,初次登记日期\n湘A77777," + apptest.VIN(900) + ",某某,2010-01-01\n"
		i, err := s.UploadImport(t.Context(), clerk, "truck", "430100", "a.csv", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(2 * time.Minute)
		s.serve()
		s.until("clerk.changsha", i.ID, "checked")
	})
}

// TestFilesAreWhatTheyAre proves F14: content decides, names are made safe, the
// same bytes stay one on the record and on disk, who sent them from what and
// when is kept with their digest and size, nothing is served as active content.
func TestFilesAreWhatTheyAre(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		id := s.Truck("clerk.changsha").ID
		path := "/assets/" + id + "/files"
		photo := s.Photo()
		added := s.upload("clerk.changsha", path, map[string]string{"kind": "photo"}, "../../etc/pass\u202ewd<>.png", photo, "User-Agent", "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36").want(201)
		sum := sha256.Sum256(photo)
		listed := s.send("reviewer.changsha", "GET", path, nil).want(200)
		for member, want := range map[string]string{"sha256": hex.EncodeToString(sum[:]), "size": fmt.Sprint(len(photo)), "device": "Chrome 126, Android", "mime": "image/png", "uploaded_at": added.text("uploaded_at"), "uploaded_by": added.text("uploaded_by")} {
			if got := listed.text("items.0." + member); got != want || got == "" {
				t.Errorf("%s is %q, want %q", member, got, want)
			}
		}
		if event := s.send("auditor", "GET", "/assets/"+id+"/history", nil).want(200); !strings.Contains(string(event.Body), "Android") {
			t.Errorf("the history does not say from what: %s", event.Body)
		}
		other := s.Truck("clerk.changsha").ID
		before := s.stored()
		s.upload("clerk.changsha", "/assets/"+other+"/files", map[string]string{"kind": "photo"}, "b.png", photo).want(201)
		if after := s.stored(); after != before {
			t.Errorf("the same bytes on another record are stored again: %d files, then %d", before, after)
		}
		if name := added.text("name"); strings.ContainsAny(name, "/\\<>\u202e") {
			t.Errorf("name %q", name)
		}
		s.upload("clerk.changsha", path, map[string]string{"kind": "photo"}, "again.png", photo).want(409)
		for name, data := range map[string][]byte{"page.png": []byte("<html><script>alert(1)</script></html>"), "drawing.jpg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "empty.png": nil, "text.png": []byte("hello")} {
			s.upload("clerk.changsha", path, map[string]string{"kind": "photo"}, name, data).want(422)
		}
		s.send("reviewer.zhuzhou", "GET", "/files/"+added.text("id")+"/content", nil).want(404)
		got := s.send("reviewer.changsha", "GET", "/files/"+added.text("id")+"/content", nil).want(200)
		if !bytes.Equal(got.Body, photo) || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") ||
			got.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(got.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("served as %v", got.Header)
		}
	})
}

// TestIdentityIsRegisteredOnce proves F7 and F9's first form: over all cities,
// live and retired alike, however it is written.
func TestIdentityIsRegisteredOnce(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		fields := s.TruckFields("湘A")
		post := func(user, city string, fields map[string]string) answer {
			return s.send(user, "POST", "/assets", map[string]any{"class": "truck", "city_code": city, "fields": fields})
		}
		first := post("clerk.changsha", "430100", fields).want(201)
		variant := s.TruckFields("湘A", "vin", " "+strings.ToLower(fields["vin"])+"\u3000")
		own := post("clerk2.changsha", "430100", variant).want(409)
		if own.text("code") != "duplicate_identity" || own.text("extra.asset_id") != first.text("id") {
			t.Errorf("in one's own city: %s", own.Body)
		}
		foreign := post("clerk.zhuzhou", "430200", s.TruckFields("湘B", "vin", fields["vin"])).want(409)
		if foreign.get("extra") != nil || strings.Contains(string(foreign.Body), first.text("id")) {
			t.Errorf("another city is told more than that it is taken: %s", foreign.Body)
		}
		s.Retire("changsha", first.text("id"), "2025-12-01", true)
		if a := post("clerk.changsha", "430100", variant).want(409); a.text("code") != "retired_identity" {
			t.Errorf("a retired identity: %s", a.Body)
		}
		wrong := post("clerk.changsha", "430100", map[string]string{"plate": "京京A1234", "vin": "LGA06OPTX0H168142", "colour": "red"}).want(422)
		locations := map[string]bool{}
		for i := 0; wrong.get(fmt.Sprint("errors.", i)) != nil; i++ {
			locations[wrong.text(fmt.Sprint("errors.", i, ".location"))] = wrong.text(fmt.Sprint("errors.", i, ".mend")) != ""
		}
		for _, want := range []string{"body.fields.plate", "body.fields.vin", "body.fields.owner_name", "body.fields.registered_on", "body.fields.colour"} {
			if !locations[want] {
				t.Errorf("no error with its mend at %s: %s", want, wrong.Body)
			}
		}
	})
}

// TestEveryDemoAccountIsOfAnArea keeps the demonstration's accounts right.
func TestEveryDemoAccountIsOfAnArea(t *testing.T) {
	for _, a := range app.DemoAccounts() {
		if !a.Role.Valid() || access.ScopeOf(a.Scope).Code() == "" {
			t.Errorf("%s: %s of %s", a.Username, a.Role, a.Scope)
		}
	}
}
