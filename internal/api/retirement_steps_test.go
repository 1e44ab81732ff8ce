package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/registry"
	"phaseout/internal/store/storetest"
)

func init() {
	moreWorld = append(moreWorld, func(s *site, ids map[string]string) {
		waiting := s.Retire("zhuzhou", s.Truck("clerk.zhuzhou").ID, "2025-11-13", true)
		ids["retirement-requests"] = s.send("clerk.zhuzhou", "POST", "/retirements/"+waiting.ID+"/requests", map[string]string{"kind": "withdrawal", "reason": "X"}).want(201).text("id")
	})
	moreBodies["log-retirement-step"] = `{"step":"dismantled","on":"2025-12-01"}`
	moreBodies["withdraw-retirement"] = `{"reason":"X"}`
	moreBodies["ask-retirement"] = `{"kind":"withdrawal","reason":"X"}`
	moreBodies["decide-retirement-request"] = `{"decision":"approve"}`
	moreBodies["put-pre-check"] = `{"kind":"dues","state":"clear","source":"X","checked_on":"2025-12-01"}`
}

// etag returns the ETag of a record as it is now.
func (s *site) etag(path string) string {
	s.t.Helper()
	return s.send("province", "GET", path, nil).want(200).Header.Get("ETag")
}

// attach puts a picture of a kind on a retirement.
func (s *site) attach(user, retirement string, kinds ...string) (ids []string) {
	s.t.Helper()
	for _, kind := range kinds {
		ids = append(ids, s.upload(user, "/retirements/"+retirement+"/files", map[string]string{"kind": kind}, kind+".png", s.Photo()).want(201).text("id"))
	}
	return ids
}

// TestStepsAreGuarded proves F27, F28 and F30: declared, received, dismantled,
// deregistered, verified, each with day, person and files; what a step waits for
// is named item by item, and figures follow step by step.
func TestStepsAreGuarded(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		truck := s.Truck("clerk.changsha", "scrap_due_on", "2027-05-05")
		r := s.send("clerk.changsha", "POST", "/assets/"+truck.ID+"/retirement", map[string]string{"way_out": "scrapped", "driver": "traffic_ban"}).want(201)
		path := "/retirements/" + r.text("id")
		if r.text("standing") != "declared" || r.text("next_step") != "received" || r.text("due_year") != "2027" || r.text("operating") != "true" {
			t.Errorf("declared only: %s", r.Body)
		}
		if status := s.send("clerk.changsha", "GET", "/assets/"+truck.ID, nil).text("status"); status != "in_use" {
			t.Errorf("a truck that nobody handed in is %s", status)
		}
		step := func(status int, body map[string]any) answer {
			return s.send("clerk.changsha", "POST", path+"/steps", body, "If-Match", s.etag(path)).want(status)
		}
		if a := step(409, map[string]any{"step": "dismantled", "on": "2025-12-01"}); a.text("code") != "wrong_step" {
			t.Errorf("dismantled before it was received: %s", a.Body)
		}
		s.send("reviewer.changsha", "POST", path+"/steps", map[string]any{"step": "received", "on": "2025-12-01"}, "If-Match", s.etag(path)).want(403)
		for _, day := range []string{"2026-02-01", "2012-01-01", "2025-02-30", ""} {
			if a := step(422, map[string]any{"step": "received", "on": day}); a.text("errors.0.location") != "body.on" {
				t.Errorf("received on %q: %s", day, a.Body)
			}
		}
		received := step(200, map[string]any{"step": "received", "on": "2025-11-20", "note": "司机送达"})
		if received.text("standing") != "received" || received.text("standing_on") != "2025-11-20" {
			t.Errorf("received: %s", received.Body)
		}
		step(409, map[string]any{"step": "received", "on": "2025-11-21"})
		lacking := step(409, map[string]any{"step": "dismantled", "on": "2025-12-01"})
		var named []string
		for _, e := range lacking.get("errors").([]any) {
			named = append(named, strings.TrimPrefix(e.(map[string]any)["location"].(string), "evidence."))
		}
		if got := strings.Join(named, " "); lacking.text("code") != "evidence_missing" || got != "certificate_no recycler photo_front photo_rear photo_nameplate photo_engine" {
			t.Errorf("missing for the dismantling: %s", got)
		}
		files := s.attach("clerk.changsha", r.text("id"), "photo_front", "photo_rear", "photo_nameplate", "photo_engine")
		step(422, map[string]any{"step": "dismantled", "on": "2025-12-01", "file_ids": []string{"none"}, "recycler": "长沙回收", "certificate_no": "HS-S-1"})
		dismantled := step(200, map[string]any{"step": "dismantled", "on": "2025-12-01", "file_ids": files, "recycler": "长沙回收", "certificate_no": "HS-S-1"})
		if dismantled.text("standing") != "dismantled" || dismantled.text("certificate_no") != "HS-S-1" {
			t.Errorf("dismantled: %s", dismantled.Body)
		}
		early := s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify"}, "If-Match", s.etag(path)).want(409)
		if early.text("errors.0.location") != "evidence.deregistered_on" || early.text("errors.1.location") != "evidence.photo" {
			t.Errorf("verified too early: %s", early.Body)
		}
		step(200, map[string]any{"step": "deregistered", "on": "2025-12-10"})
		s.attach("clerk.changsha", r.text("id"), "photo")
		done := s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify"}, "If-Match", s.etag(path)).want(200)
		if done.text("standing") != "verified" || done.text("counted_on") != "2025-12-10" {
			t.Errorf("verified: %s", done.Body)
		}
		course := s.send("auditor", "GET", path+"/course", nil).want(200)
		for i, want := range []string{"received 2025-11-20 0", "dismantled 2025-12-01 4", "deregistered 2025-12-10 0"} {
			at := fmt.Sprintf("steps.%d.", i)
			if got := fmt.Sprint(course.text(at+"step"), " ", course.text(at+"on"), " ", len(course.get(at+"file_ids").([]any))); got != want || course.text(at+"logged_by.name") != "Clerk A" {
				t.Errorf("step %d: %s by %s, want %s", i, got, course.text(at+"logged_by.name"), want)
			}
		}
		for _, metric := range []string{"handed_in", "verified"} {
			if n := len(s.pages("province", "/assets?class=truck&metric="+metric+"&as_of=2025-12-31")); n != 1 {
				t.Errorf("%d trucks are %s", n, metric)
			}
		}
		s.checked()
	})
}

// checked runs every check of the program.
func (s *site) checked() {
	s.t.Helper()
	for _, part := range s.Checks() {
		if _, err := part.Run(s.t.Context()); err != nil {
			s.t.Errorf("check %s: %v", part.Name, err)
		}
	}
}

// TestWaiverNeedsASecondPerson proves F30: an item that cannot be had is let go
// by somebody else, with a reason, and days never are.
func TestWaiverNeedsASecondPerson(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		c, err := s.DeclareRetirement(t.Context(), s.Users["clerk.changsha"], s.Truck("clerk.changsha").ID, nil, s.Declaration("2025-12-01"))
		if err != nil {
			t.Fatal(err)
		}
		path := "/retirements/" + c.ID
		ask := func(status int, body map[string]any) answer {
			return s.send("clerk.changsha", "POST", path+"/requests", body).want(status)
		}
		ask(422, map[string]any{"kind": "waiver", "item": "photo", "reason": " "})
		ask(422, map[string]any{"kind": "waiver", "item": "deregistered_on", "reason": "X"})
		ask(422, map[string]any{"kind": "waiver", "item": "moon", "reason": "X"})
		ask(409, map[string]any{"kind": "correction", "reason": "X", "declaration": map[string]string{"way_out": "scrapped", "handed_in_on": "2025-11-01"}})
		q := ask(201, map[string]any{"kind": "waiver", "item": "photo", "reason": "照片随手机遗失"})
		ask(409, map[string]any{"kind": "waiver", "item": "photo", "reason": "again"})
		decide := "/retirement-requests/" + q.text("id")
		s.send("clerk.changsha", "POST", decide+"/decision", map[string]string{"decision": "approve"}, "If-Match", `"1"`).want(403)
		s.send("reviewer.changsha", "POST", decide+"/decision", map[string]string{"decision": "refuse"}, "If-Match", `"1"`).want(422)
		s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify"}, "If-Match", s.etag(path)).want(409)
		if n := len(s.pages("reviewer.changsha", "/retirement-requests?state=open")); n != 1 {
			t.Errorf("%d requests wait", n)
		}
		s.send("reviewer.changsha", "POST", decide+"/decision", map[string]string{"decision": "approve", "reason": "已核对车架"}, "If-Match", `"1"`).want(200)
		s.send("reviewer.changsha", "POST", decide+"/decision", map[string]string{"decision": "approve"}, "If-Match", `"2"`).want(409)
		after := s.send("reviewer.changsha", "GET", path, nil).want(200)
		if after.text("evidence_complete") != "true" {
			t.Errorf("after the waiver: %s", after.Body)
		}
		s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify"}, "If-Match", s.etag(path)).want(200)
		ask(409, map[string]any{"kind": "waiver", "item": "certificate", "reason": "X"})
		s.checked()
	})
}

// TestCorrectionKeepsTheOriginal proves F39: a verified retirement is corrected
// and withdrawn by request and approval; the original stays to be read, figures
// follow, and money that rests on it becomes a case.
func TestCorrectionKeepsTheOriginal(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.Program(1_000_000_00, 10_000_00)
		truck := s.Truck("clerk.changsha")
		c := s.Retire("changsha", truck.ID, "2025-11-10", true)
		path := "/retirements/" + c.ID
		verified := func(day string) int {
			return len(s.pages("province", "/assets?class=truck&city=430100&metric=verified&as_of="+day))
		}
		d := c.Declaration
		body := map[string]any{"way_out": "scrapped", "driver": d.Driver, "handed_in_on": string(d.HandedInOn), "deregistered_on": "2025-12-20", "recycler": d.Recycler, "certificate_no": d.CertificateNo}
		s.send("clerk.changsha", "POST", path+"/withdrawal", map[string]string{"reason": "X"}, "If-Match", s.etag(path)).want(409)
		bad := map[string]any{"way_out": "scrapped", "handed_in_on": "2025-12-30", "deregistered_on": "2025-12-20"}
		if a := s.send("clerk.changsha", "POST", path+"/requests", map[string]any{"kind": "correction", "reason": "X", "declaration": bad}).want(422); a.text("errors.0.location") != "body.declaration.deregistered_on" {
			t.Errorf("a correction with days out of order: %s", a.Body)
		}
		q := s.send("clerk.changsha", "POST", path+"/requests", map[string]any{"kind": "correction", "reason": "注销日期录入有误", "declaration": body}).want(201).text("id")
		if verified("2025-11-30") != 1 {
			t.Error("a request alone moved a figure")
		}
		s.send("reviewer.changsha", "POST", "/retirement-requests/"+q+"/decision", map[string]string{"decision": "approve"}, "If-Match", `"1"`).want(200)
		if verified("2025-11-30") != 0 || verified("2025-12-31") != 1 {
			t.Errorf("after the correction: %d by November, %d by December", verified("2025-11-30"), verified("2025-12-31"))
		}
		course := s.send("province", "GET", path+"/course", nil).want(200)
		if course.text("versions.0.deregistered_on") != "2025-11-10" || course.text("versions.0.reason") != "注销日期录入有误" || course.text("versions.0.request_id") != q || course.text("requests.0.state") != "approved" {
			t.Errorf("the original: %s", course.Body)
		}
		if after := s.send("province", "GET", path, nil); after.text("revision") != "2" || after.text("state") != "verified" {
			t.Errorf("corrected: %s", after.Body)
		}
		gone := s.send("clerk.changsha", "POST", path+"/requests", map[string]any{"kind": "withdrawal", "reason": "车辆仍在使用"}).want(201).text("id")
		s.send("reviewer.changsha", "POST", "/retirement-requests/"+gone+"/decision", map[string]string{"decision": "approve"}, "If-Match", `"1"`).want(200)
		after := s.send("province", "GET", path, nil).want(200)
		if after.text("state") != "withdrawn" || after.text("withdrawal.reason") != "车辆仍在使用" || verified("2025-12-31") != 0 {
			t.Errorf("withdrawn: %s", after.Body)
		}
		if status := s.send("clerk.changsha", "GET", "/assets/"+truck.ID, nil).text("status"); status != "in_use" {
			t.Errorf("the truck is %s", status)
		}
		if n := len(s.pages("reviewer.changsha", "/cases?state=open&kind="+app.WithdrawnWithMoney)); n != 1 {
			t.Errorf("%d cases about money", n)
		}
		// The same certificate may prove the next attempt.
		s.send("clerk.changsha", "POST", "/assets/"+truck.ID+"/retirement", body).want(201)
		if n := len(s.pages("province", "/retirements?asset="+truck.ID)); n != 2 {
			t.Errorf("%d retirements of the truck", n)
		}
		s.checked()
	})
}

// TestReviewerHasHandledNothing proves F27: who logged a step or amended a
// declaration does not verify it, whatever their role is now.
func TestReviewerHasHandledNothing(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		c := s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-01", false)
		path := "/retirements/" + c.ID
		d := c.Declaration
		d.Note = "更正备注"
		r, err := s.DB.Retirement(t.Context(), s.Users["clerk2.changsha"].Scope, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.AmendRetirement(t.Context(), s.Users["clerk2.changsha"], c.ID, r.Version, d); err != nil {
			t.Fatal(err)
		}
		for _, u := range s.pages("admin", "/users") {
			if u["username"] == "clerk2.changsha" {
				s.send("admin", "PATCH", "/users/"+u["id"].(string), map[string]string{"role": "reviewer"}, "If-Match", fmt.Sprintf(`"%v"`, u["version"])).want(200)
			}
		}
		if a := s.send("clerk2.changsha", "POST", path+"/verification", map[string]string{"decision": "verify"}, "If-Match", s.etag(path)).want(403); a.text("code") != "four_eyes" {
			t.Errorf("who amended it reviews it: %s", a.Body)
		}
		s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify"}, "If-Match", s.etag(path)).want(200)
	})
}

// TestEachWayOutHasItsOwnProof proves F29: re-engined only to China IV or later
// and with the engine in the asset's history, plates declared void are no
// deregistration, vessels are dismantled before their ownership is cancelled, farm
// machines are destroyed on site.
func TestEachWayOutHasItsOwnProof(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		register := func(class registry.Class, fields map[string]string) string {
			fields["owner_name"] = "某某公司"
			return s.send("clerk.changsha", "POST", "/assets", map[string]any{"class": class, "city_code": "430100", "fields": fields}).want(201).text("id")
		}
		verify := func(id string, status int) answer {
			path := "/retirements/" + id
			return s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify"}, "If-Match", s.etag(path)).want(status)
		}
		machine := register("machinery", map[string]string{"category": "excavator", "serial": "SN1", "engine_no": "OLD1", "fuel": "diesel", "stage": "china1", "built_on": "2006-01-01"})
		low := s.send("clerk.changsha", "POST", "/assets/"+machine+"/retirement", map[string]string{"way_out": "re_engined", "deregistered_on": "2025-12-01", "engine_no": "NEW1", "engine_stage": "china3"}).want(422)
		if low.text("errors.0.code") != "stage_too_low" {
			t.Errorf("an engine of China III: %s", low.Body)
		}
		r := s.send("clerk.changsha", "POST", "/assets/"+machine+"/retirement", map[string]string{"way_out": "re_engined", "deregistered_on": "2025-12-01", "engine_no": "NEW1", "engine_stage": "china4"}).want(201).text("id")
		if a := verify(r, 409); a.text("errors.0.location") != "evidence.photo_new_engine" {
			t.Errorf("re-engined without proof: %s", a.Body)
		}
		s.attach("clerk.changsha", r, "photo_new_engine", "photo")
		verify(r, 200)
		engines := s.send("clerk.changsha", "GET", "/assets/"+machine+"/engines", nil).want(200)
		if engines.text("items.1.number") != "NEW1" || engines.text("items.1.stage") != "china4" || engines.text("items.0.to_on") != "2025-12-01" {
			t.Errorf("the engines: %s", engines.Body)
		}
		if n := len(s.pages("province", "/assets?class=machinery&metric=converted&as_of=2025-12-31")); n != 1 {
			t.Errorf("%d are converted", n)
		}

		truck := s.Truck("clerk.changsha")
		void := s.send("clerk.changsha", "POST", "/assets/"+truck.ID+"/retirement", map[string]string{"way_out": "declared_void", "deregistered_on": "2025-12-01"}).want(201).text("id")
		verify(void, 200)
		if status := s.send("clerk.changsha", "GET", "/assets/"+truck.ID, nil).text("status"); status != "plate_void" {
			t.Errorf("a truck with a void plate is %s", status)
		}
		if n := len(s.pages("province", "/assets?class=truck&metric=verified&as_of=2025-12-31")); n != 0 {
			t.Errorf("%d with a void plate count as retired", n)
		}

		vessel := register("vessel", map[string]string{"ship_name": "湘长沙货1234", "ship_id": "CN19951234567", "category": "bulk", "built_on": "1995-01-01", "home_port": "长沙"})
		early := map[string]string{"way_out": "scrapped", "handed_in_on": "2025-11-01", "deregistered_on": "2025-12-01"}
		if a := s.send("clerk.changsha", "POST", "/assets/"+vessel+"/retirement", early).want(422); a.text("errors.0.location") != "body.dismantled_on" {
			t.Errorf("cancelled before it was dismantled: %s", a.Body)
		}
		early["dismantled_on"], early["recycler"], early["certificate_no"] = "2025-11-20", "岳阳拆船", "CJ-1"
		v := s.send("clerk.changsha", "POST", "/assets/"+vessel+"/retirement", early).want(201).text("id")
		if a := verify(v, 409); a.text("errors.0.location") != "evidence.completion_certificate" || a.text("errors.1.location") != "evidence.ownership_cancelled" {
			t.Errorf("a vessel without its papers: %s", a.Body)
		}
		s.attach("clerk.changsha", v, "photo", "completion_certificate", "ownership_cancelled", "photo_front", "photo_nameplate")
		verify(v, 200)

		tractor := register("farm_machinery", map[string]string{"category": "wheeled_large", "serial": "T1", "stage": "china1", "fuel": "diesel", "built_on": "2006-01-01"})
		f := s.send("clerk.changsha", "POST", "/assets/"+tractor+"/retirement", map[string]string{"way_out": "destroyed_on_site"}).want(201)
		if f.text("next_step") != "dismantled" {
			t.Errorf("destroyed on site: %s", f.Body)
		}
		path := "/retirements/" + f.text("id")
		s.send("clerk.changsha", "POST", path+"/steps", map[string]any{"step": "received", "on": "2025-12-01"}, "If-Match", s.etag(path)).want(409)
		s.attach("clerk.changsha", f.text("id"), "photo_front")
		s.send("clerk.changsha", "POST", path+"/steps", map[string]any{"step": "dismantled", "on": "2025-12-01"}, "If-Match", s.etag(path)).want(200)
		s.send("clerk.changsha", "POST", path+"/steps", map[string]any{"step": "deregistered", "on": "2025-12-02"}, "If-Match", s.etag(path)).want(200)
		s.attach("clerk.changsha", f.text("id"), "photo", "witness")
		verify(f.text("id"), 200)
		s.checked()
	})
}

// TestAllDaysAtOncePassByNothing proves F30: who gives all days at once meets at
// the verification what the steps would have waited for, by name; the reviewer
// who lets it go says why, and it stands as waived. What is required stays so.
func TestAllDaysAtOncePassByNothing(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		logged := func(number string) (path string) {
			body := scrapping("2025-11-20", "长沙回收", number)
			body["dismantled_on"], body["deregistered_on"] = "2025-11-26", "2025-12-01"
			r := s.send("clerk.changsha", "POST", "/assets/"+s.Truck("clerk.changsha").ID+"/retirement", body).want(201)
			if r.text("evidence.3.code") != "photo_front" || r.text("evidence.3.skipped") != "true" {
				t.Errorf("logged at once: %s", r.Body)
			}
			return "/retirements/" + r.text("id")
		}
		verify := func(path, reason string, status int) answer {
			return s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify", "reason": reason}, "If-Match", s.etag(path)).want(status)
		}
		named := func(a answer) string {
			var codes []string
			for _, e := range a.get("errors").([]any) {
				codes = append(codes, strings.TrimPrefix(e.(map[string]any)["location"].(string), "evidence."))
			}
			return strings.Join(codes, " ")
		}
		path := logged("HS-P-1")
		const before = "photo_front photo_rear photo_nameplate photo_engine"
		if got := named(verify(path, "旧档", 409)); got != "photo "+before {
			t.Errorf("without the photo that is required: %s", got)
		}
		s.attach("clerk.changsha", strings.TrimPrefix(path, "/retirements/"), "photo", "photo_rear")
		if a := verify(path, " ", 409); a.text("code") != "evidence_missing" || named(a) != "photo_front photo_nameplate photo_engine" {
			t.Errorf("without a reason: %s", a.Body)
		}
		done := verify(path, "凭纸质档案补录", 200)
		if done.text("evidence.3.waived") != "true" || done.text("evidence.4.waived") != "false" || done.text("evidence.3.skipped") == "true" {
			t.Errorf("let go by the reviewer: %s", done.Body)
		}
		audit := s.pages("auditor", "/audit?entity=retirement")
		if !slices.ContainsFunc(audit, func(e map[string]any) bool { return e["action"] == "verify" && e["reason"] == "凭纸质档案补录" }) {
			t.Error("the reason is not in the audit")
		}
		whole := logged("HS-P-2")
		s.attach("clerk.changsha", strings.TrimPrefix(whole, "/retirements/"), "photo", "photo_front", "photo_rear", "photo_nameplate", "photo_engine")
		verify(whole, "", 200)
		s.checked()
	})
}

// TestADayLeftOutIsShownAndWeighs proves F30, F37 and F39: who leaves the day of
// the dismantling out is asked for the photo of the remains all the same; the
// photos from before it are told by name, weigh in the draw more than if somebody
// answered for them, and a correction that gives the day meets their wall.
func TestADayLeftOutIsShownAndWeighs(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.yard("province", "430100", "长沙回收")
		undated := func(a answer) string {
			var codes []string
			for _, e := range a.get("evidence").([]any) {
				if item := e.(map[string]any); item["undated"] == true {
					codes = append(codes, item["code"].(string))
				}
			}
			return strings.Join(codes, " ")
		}
		logged := func(number string) (path string) {
			body := scrapping("2025-11-20", "长沙回收", number)
			body["deregistered_on"] = "2025-12-01"
			return "/retirements/" + s.send("clerk.changsha", "POST", "/assets/"+s.Truck("clerk.changsha").ID+"/retirement", body).want(201).text("id")
		}
		verify := func(path, reason string, status int) answer {
			return s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify", "reason": reason}, "If-Match", s.etag(path)).want(status)
		}
		silent, answered, whole := logged("HS-U-1"), logged("HS-U-2"), logged("HS-U-3")
		if a := verify(silent, "", 409); a.text("errors.0.location") != "evidence.photo" {
			t.Errorf("no destruction is shown: %s", a.Body)
		}
		const before = "photo_front photo_rear photo_nameplate photo_engine"
		for _, path := range []string{silent, answered} {
			s.attach("clerk.changsha", strings.TrimPrefix(path, "/retirements/"), "photo")
		}
		s.attach("clerk.changsha", strings.TrimPrefix(whole, "/retirements/"), strings.Fields("photo "+before)...)
		if got := undated(verify(silent, "", 200)); got != before {
			t.Errorf("verified in silence, undated are %q", got)
		}
		if a := verify(answered, "原档无照片", 200); undated(a) != "" || a.text("evidence.3.waived") != "true" {
			t.Errorf("answered for: %s", a.Body)
		}
		if got := undated(verify(whole, "", 200)); got != "" {
			t.Errorf("with its photos, undated are %q", got)
		}

		made := s.send("province", "POST", "/draws", map[string]any{"name": "未填拆解日期", "from": "2026-01-15", "to": "2026-01-15", "per_city": 9}).want(201)
		s.send("province", "POST", "/draws/"+made.text("id")+"/draw", map[string]string{}, "If-Match", made.Header.Get("ETag")).want(200)
		points := map[string]float64{}
		for _, l := range s.pages("province", "/inspection-lines?draw="+made.text("id")) {
			for _, r := range l["reasons"].([]any) {
				reason := r.(map[string]any)
				points[l["certificate_no"].(string)+" "+reason["code"].(string)] = reason["points"].(float64)
			}
		}
		if points["HS-U-1 undated"] <= points["HS-U-2 waiver"] || points["HS-U-2 waiver"] == 0 || points["HS-U-2 undated"]+points["HS-U-3 undated"]+points["HS-U-3 waiver"] != 0 {
			t.Errorf("weights: %v", points)
		}

		body := scrapping("2025-11-20", "长沙回收", "HS-U-1")
		body["dismantled_on"], body["deregistered_on"] = "2025-11-26", "2025-12-01"
		q := s.send("clerk.changsha", "POST", silent+"/requests", map[string]any{"kind": "correction", "reason": "补填拆解日期", "declaration": body}).want(201)
		approve := func(reason string, status int) answer {
			return s.send("reviewer.changsha", "POST", "/retirement-requests/"+q.text("id")+"/decision", map[string]string{"decision": "approve", "reason": reason}, "If-Match", `"1"`).want(status)
		}
		if a := approve(" ", 409); a.text("code") != "evidence_missing" || len(a.get("errors").([]any)) != 4 || a.text("errors.0.location") != "evidence.photo_front" {
			t.Errorf("dated for nothing: %s", a.Body)
		}
		approve("已核对拆解台账", 200)
		if a := s.send("auditor", "GET", silent, nil).want(200); a.text("dismantled_on") != "2025-11-26" || a.text("evidence.3.waived") != "true" || a.text("state") != "verified" || undated(a) != "" {
			t.Errorf("dated with a reason: %s", a.Body)
		}
		s.checked()
	})
}

// TestClocksRunPerStanding proves F38: what stays longer than its limit is on the
// overdue list, goes up a level after the second limit, and leaves the list with
// the next step; limits are data.
func TestClocksRunPerStanding(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		truck := s.Truck("clerk.changsha")
		r := s.send("clerk.changsha", "POST", "/assets/"+truck.ID+"/retirement", map[string]string{"way_out": "scrapped", "handed_in_on": "2026-01-10"}).want(201).text("id")
		overdue := func(query string) []map[string]any { return s.pages("clerk.changsha", "/overdue-retirements"+query) }
		if len(overdue("")) != 0 {
			t.Error("late at once")
		}
		s.Clock.Advance(55 * 24 * time.Hour) // 2026-03-11, the last day of 60
		s.tokens = map[string]string{}
		if len(overdue("")) != 0 {
			t.Error("late on the last day")
		}
		s.Clock.Advance(24 * time.Hour)
		s.tokens = map[string]string{}
		list := overdue("")
		if len(list) != 1 || fmt.Sprint(list[0]["clock"].(map[string]any)["late_days"], list[0]["clock"].(map[string]any)["level"]) != "1 1" {
			t.Fatalf("a day late: %v", list)
		}
		if len(overdue("?level=2")) != 0 || len(s.pages("clerk.zhuzhou", "/overdue-retirements")) != 0 {
			t.Error("up a level too early, or in another city")
		}
		limit := "/retirement-limits/truck/received"
		s.send("clerk.changsha", "PATCH", limit, map[string]any{"days": 20, "escalate_days": 10, "sample": false}, "If-Match", `"1"`).want(403)
		s.send("province", "PATCH", limit, map[string]any{"days": 20, "escalate_days": 10, "sample": false, "source": "省文件"}, "If-Match", `"1"`).want(200)
		s.send("province", "PATCH", limit, map[string]any{"days": 20, "escalate_days": 10, "sample": false}, "If-Match", `"1"`).want(412)
		if list := overdue("?level=2"); len(list) != 1 || list[0]["clock"].(map[string]any)["level"] != 2.0 {
			t.Errorf("over the second limit: %v", list)
		}
		path := "/retirements/" + r
		s.send("clerk.changsha", "POST", path+"/withdrawal", map[string]string{"reason": "误登记"}, "If-Match", s.etag(path)).want(200)
		if len(overdue("")) != 0 {
			t.Error("a withdrawn one is late")
		}
	})
}

// TestPreChecksBlockTheSubsidyOnly proves F36.
func TestPreChecksBlockTheSubsidyOnly(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.Program(1_000_000_00, 10_000_00)
		truck := s.Truck("clerk.changsha")
		path := "/assets/" + truck.ID + "/pre-checks"
		if list := s.send("clerk.changsha", "GET", path, nil).want(200); len(list.get("items").([]any)) != 4 || list.text("items.0.state") != "unasked" {
			t.Errorf("at first: %s", list.Body)
		}
		s.send("clerk.changsha", "POST", path, map[string]string{"kind": "mortgage", "state": "open", "source": " ", "checked_on": "2025-12-01"}).want(422)
		s.send("clerk.changsha", "POST", path, map[string]string{"kind": "mortgage", "state": "open", "source": "车管所查询", "checked_on": "2026-12-01"}).want(422)
		s.send("clerk.changsha", "POST", path, map[string]string{"kind": "mortgage", "state": "open", "source": "车管所查询", "checked_on": "2025-12-01"}).want(200)
		open, err := s.DB.OpenPreChecks(t.Context(), truck.ID)
		if err != nil || len(open) != 1 || open[0].Kind != "mortgage" {
			t.Errorf("open: %v, %v", open, err)
		}
		if c := s.Retire("changsha", truck.ID, "2025-12-05", true); c.State != "verified" || c.ApplicationID != "" {
			t.Errorf("a mortgaged truck: %s, application %q", c.State, c.ApplicationID)
		}
		other := s.Truck("clerk.changsha")
		s.send("clerk.changsha", "POST", "/assets/"+other.ID+"/pre-checks", map[string]string{"kind": "dues", "state": "open", "source": "车管所查询", "checked_on": "2025-12-01"}).want(200)
		s.send("clerk.changsha", "POST", "/assets/"+other.ID+"/pre-checks", map[string]string{"kind": "dues", "state": "clear", "source": "车管所查询", "checked_on": "2025-12-03"}).want(200)
		if c := s.Retire("changsha", other.ID, "2025-12-06", true); c.ApplicationID == "" {
			t.Error("cleared dues still block the subsidy")
		}
	})
}

// TestWithdrawnConversionGivesTheEngineBack proves F29 and F39: when a verified
// conversion is withdrawn, or corrected to another way out, the machine has its
// former engine again, and its history shows both; one that was replaced since
// by another way stays. A conversion leaves the power as it was.
func TestWithdrawnConversionGivesTheEngineBack(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		serial := 0
		converted := func() (machine, id string) {
			serial++
			n := fmt.Sprint(serial)
			machine = s.send("clerk.changsha", "POST", "/assets", map[string]any{"class": "machinery", "city_code": "430100", "fields": map[string]string{"owner_name": "某某公司", "category": "excavator",
				"serial": "SN" + n, "engine_no": "OLD" + n, "power_kw": "110", "fuel": "diesel", "stage": "china1", "built_on": "2006-01-01"}}).want(201).text("id")
			id = s.send("clerk.changsha", "POST", "/assets/"+machine+"/retirement", map[string]string{"way_out": "re_engined", "deregistered_on": "2025-12-01", "engine_no": "NEW" + n, "engine_stage": "china4"}).want(201).text("id")
			s.attach("clerk.changsha", id, "photo_engine", "photo_new_engine", "photo", "test_report")
			s.send("reviewer.changsha", "POST", "/retirements/"+id+"/verification", map[string]string{"decision": "verify"}, "If-Match", s.etag("/retirements/"+id)).want(200)
			return machine, id
		}
		granted := func(id string, ask map[string]any) {
			t.Helper()
			q := s.send("clerk.changsha", "POST", "/retirements/"+id+"/requests", ask).want(201)
			s.send("reviewer.changsha", "POST", "/retirement-requests/"+q.text("id")+"/decision", map[string]string{"decision": "approve", "reason": "同意"}, "If-Match", q.Header.Get("ETag")).want(200)
		}
		engines := func(machine string) string {
			t.Helper()
			var all []string
			for _, e := range s.pages("clerk.changsha", "/assets/"+machine+"/engines") {
				all = append(all, fmt.Sprint(e["number"], " ", e["stage"], " ", e["from_on"], "–", e["to_on"]))
			}
			return strings.Join(all, "; ")
		}
		field := func(machine, key string) string {
			for _, f := range s.send("clerk.changsha", "GET", "/assets/"+machine, nil).want(200).get("fields").([]any) {
				if m := f.(map[string]any); m["key"] == key {
					return fmt.Sprint(m["value"])
				}
			}
			return ""
		}
		machine, id := converted()
		if got := field(machine, "engine_no") + " " + field(machine, "power_kw"); got != "NEW1 110" {
			t.Errorf("converted: %s", got)
		}
		granted(id, map[string]any{"kind": "withdrawal", "reason": "未实际更换"})
		if got, want := engines(machine), "OLD1 china1 <nil>–2025-12-01; NEW1 china4 2025-12-01–2026-01-15; OLD1 china1 2026-01-15–<nil>"; got != want {
			t.Errorf("engines after the withdrawal: %s, want %s", got, want)
		}
		if got := field(machine, "engine_no") + " " + field(machine, "power_kw"); got != "OLD1 110" {
			t.Errorf("the record has %s", got)
		}
		if a := s.send("clerk.changsha", "GET", "/assets/"+machine, nil); a.text("status") != "in_use" {
			t.Errorf("withdrawn: %s", a.Body)
		}

		machine, id = converted()
		granted(id, map[string]any{"kind": "correction", "reason": "实为加装装置", "declaration": map[string]string{"way_out": "retrofitted", "deregistered_on": "2025-12-01"}})
		if got := field(machine, "engine_no"); got != "OLD2" {
			t.Errorf("corrected to a retrofit: %s", got)
		}
		machine, id = converted()
		granted(id, map[string]any{"kind": "correction", "reason": "编号录错", "declaration": map[string]string{"way_out": "re_engined", "deregistered_on": "2025-12-01", "engine_no": "NEW3B", "engine_stage": "china4"}})
		if got := engines(machine); !strings.HasSuffix(got, "NEW3B china4 2025-12-01–<nil>") {
			t.Errorf("corrected to another engine: %s", got)
		}
		granted(id, map[string]any{"kind": "correction", "reason": "日期和型号录错", "declaration": map[string]string{"way_out": "re_engined", "deregistered_on": "2025-12-03", "engine_no": "NEW3B", "engine_model": "YC4", "engine_stage": "china4"}})
		if got, want := engines(machine), "OLD3 china1 <nil>–2025-12-03; NEW3B china4 2025-12-03–<nil>"; got != want {
			t.Errorf("a corrected engine is no further one: %s, want %s", got, want)
		}
		granted(id, map[string]any{"kind": "withdrawal", "reason": "未实际更换"})
		if got := field(machine, "engine_no"); got != "OLD3" {
			t.Errorf("withdrawn after a correction, it has %s", got)
		}
		s.checked()
	})
}
