package api_test

import (
	"strings"
	"testing"
	"time"

	"phaseout/internal/store/storetest"
	"phaseout/internal/subsidy"
)

func init() {
	moreWorld = append(moreWorld, func(s *site, ids map[string]string) {
		asset := s.Truck("clerk.zhuzhou")
		c := s.Retire("zhuzhou", asset.ID, "2025-11-13", true)
		program := s.noticed("finance.zhuzhou", "430200")
		s.send("finance.zhuzhou", "POST", "/applications", map[string]string{"retirement_id": c.ID, "program_id": program}).want(201)
		application := s.send("finance.zhuzhou", "GET", "/applications?program_id="+program, nil).want(200).text("items.0.id")
		s.Approve("zhuzhou", application)
		notice := s.send("finance.zhuzhou", "POST", "/notices", map[string]string{"program_id": program, "contact": "0731"}).want(201).text("id")
		ids["notices"] = notice
		ids["objections"] = s.send("finance.zhuzhou", "POST", "/notices/"+notice+"/objections", map[string]string{"application_id": application, "raised_by": "X", "text": "had one before"}).want(201).text("id")
		s.Approve("zhuzhou", s.shared("zhuzhou"))
		s.looked("finance.zhuzhou")
		ids["signal-runs"] = "none-of-ours"
		ids["signals"] = s.send("finance.zhuzhou", "GET", "/signals", nil).want(200).text("items.0.id")
	})
	for id, body := range map[string]string{
		"check-application": `{"decision":"pass"}`, "withdraw-application": `{"reason":"X"}`, "retry-application": `{"reason":"X"}`, "reveal-application": `{"reason":"audit"}`,
		"create-objection": `{"application_id":"01a20d61-0000-7000-8000-000000000000","raised_by":"X","text":"XX"}`, "resolve-objection": `{"upheld":false,"resolution":"X"}`,
		"decide-signal":       `{"harmless":true,"reason":"X"}`,
		"update-program-flow": `{"reserve_on":"submission","mend_days":15,"papers":[]}`,
	} {
		moreBodies[id] = body
	}
}

// looked looks for signals and waits until it is done.
func (s *site) looked(user string) answer {
	s.t.Helper()
	run := s.send(user, "POST", "/signals/runs", nil).want(202).text("id")
	for range 400 {
		if a := s.send(user, "GET", "/signal-runs/"+run, nil).want(200); a.text("state") == "done" {
			return a
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.t.Fatalf("look %s is not done", run)
	return answer{}
}

// shared makes an application of a city whose owner has the telephone of others.
func (s *site) shared(city string) string {
	s.t.Helper()
	truck := s.Truck("clerk."+city, "owner_name", "另一个所有人", "owner_id", "")
	return s.Retire(city, truck.ID, "2025-11-14", true).ApplicationID
}

// noticed sets up a program with five days of notice, of a family of its own.
func (s *site) noticed(user, city string) string {
	s.t.Helper()
	id := s.send(user, "POST", "/programs", map[string]any{"code": "NOTICE", "family": "notice", "name": map[string]string{"zh": "公示方案", "en": "Noticed"}, "city_code": city, "class": "truck",
		"valid_from": "2025-01-01", "valid_to": "2026-12-31", "budget_fen": 100_000_00, "notice_days": 5,
		"rules": map[string]any{"stages": []string{"china3"}, "min_early_months": 0, "operating_only": false, "table": []any{map[string]any{"group": "", "from_months": 0, "amount_fen": 50_00}}}}).want(201).text("id")
	s.Brief(id)
	return id
}

// owed registers, retires and verifies a truck of Changsha and returns the
// application that it is owed.
func (s *site) owed() string {
	s.t.Helper()
	return s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-01", true).ApplicationID
}

// TestPublicNoticeStopsTheObjectedLineOnly proves F50: working days by the
// official calendar, masked names, one line stopped, settled by another person.
func TestPublicNoticeStopsTheObjectedLineOnly(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		p := s.Program(100_000_00, 10_000_00, func(p *subsidy.Program) { p.NoticeDays = 5 })
		s.Brief(p.ID)
		var ids []string
		for range 3 {
			id := s.owed()
			if a := s.Approve("changsha", id); a.State != subsidy.Approved {
				t.Fatalf("before its notice it is %s", a.State)
			}
			ids = append(ids, id)
		}
		notice := s.send("finance.changsha", "POST", "/notices", map[string]string{"program_id": p.ID, "contact": "0731-1"}).want(201)
		// 15 January 2026 is a Thursday, which counts; the fifth working day is the Wednesday after.
		if notice.text("from_on") != "2026-01-15" || notice.text("until_on") != "2026-01-21" || notice.text("line_count") != "3" {
			t.Errorf("the notice: %s", notice.Body)
		}
		public := s.send("", "GET", "/public/notices/"+notice.text("id"), nil).want(200)
		if strings.Contains(string(public.Body), ids[0]) || strings.Contains(string(public.Body), "Finance A") || public.text("lines.0.amount_fen") != "1e+06" {
			t.Errorf("everybody sees %s", public.Body)
		}
		if len(s.send("", "GET", "/public/notices", nil).want(200).get("items").([]any)) != 1 {
			t.Error("the public list lacks the notice")
		}
		body := map[string]string{"application_id": ids[1], "raised_by": "邻居", "text": "车还在跑"}
		objection := s.send("finance.changsha", "POST", "/notices/"+notice.text("id")+"/objections", body).want(201)
		state := func(id string) string {
			return s.send("finance.changsha", "GET", "/applications/"+id, nil).want(200).text("state")
		}
		run := func() {
			t.Helper()
			if err := s.RunApplications(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		s.Clock.Advance(6 * 24 * 3600e9) // the last day
		s.tokens = map[string]string{}
		run()
		if got := state(ids[0]); got != "noticed" {
			t.Errorf("on the last day of the notice it is %s", got)
		}
		s.Clock.Advance(24 * 3600e9)
		s.tokens = map[string]string{}
		run()
		if state(ids[0]) != "payable" || state(ids[1]) != "noticed" || state(ids[2]) != "payable" {
			t.Errorf("after the notice: %s %s %s", state(ids[0]), state(ids[1]), state(ids[2]))
		}
		s.send("", "GET", "/public/notices/"+notice.text("id"), nil).want(404)
		path := "/objections/" + objection.text("id")
		refused := s.send("finance.changsha", "POST", path+"/resolution", map[string]any{"upheld": false, "resolution": "查无此事"}, "If-Match", objection.Header.Get("ETag")).want(403)
		if refused.text("code") != "four_eyes" {
			t.Errorf("who recorded it settles it: %s", refused.Body)
		}
		s.send("finance2.changsha", "POST", path+"/resolution", map[string]any{"upheld": false, "resolution": "查无此事"}, "If-Match", objection.Header.Get("ETag")).want(200)
		if state(ids[1]) != "payable" {
			t.Errorf("after the objection was dismissed it is %s", state(ids[1]))
		}
	})
}

// TestSignalsAskAPersonOnce proves F59: found over all cities, each city its
// own; a decision is remembered until the facts change; nothing is refused.
func TestSignalsAskAPersonOnce(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.Brief(s.Program(100_000_00, 10_000_00).ID)
		first := s.owed()
		s.Approve("changsha", first)
		other := s.Approve("changsha", s.shared("changsha"))
		if other.State != subsidy.Payable {
			t.Errorf("what looks odd is %s", other.State)
		}
		s.looked("finance.changsha")
		list := s.send("finance.changsha", "GET", "/signals?state=open", nil).want(200)
		if list.text("items.0.kind") != "phone" || len(list.get("items").([]any)) != 1 || list.text("items.0.score") != "40" {
			t.Fatalf("found %s", list.Body)
		}
		if home := s.send("finance.changsha", "GET", "/finance/home", nil).want(200); home.text("signals") != "1" || home.text("queue.payable") != "2" {
			t.Errorf("the desk says %s", home.Body)
		}
		if n := len(s.pages("finance.zhuzhou", "/signals")); n != 0 {
			t.Errorf("another city sees %d signals", n)
		}
		path := "/signals/" + list.text("items.0.id")
		s.send("finance.changsha", "POST", path+"/decision", map[string]any{"harmless": true, "reason": "同一车队"}, "If-Match", `"1"`).want(200)
		s.looked("finance.changsha")
		if state := s.send("finance.changsha", "GET", path, nil).want(200).text("state"); state != "harmless" {
			t.Errorf("asked again with the same facts: %s", state)
		}
		s.Submit("changsha", s.Retire("changsha", s.Truck("clerk.changsha", "owner_name", "第三个所有人", "owner_id", "").ID, "2025-12-01", true).ApplicationID)
		s.looked("finance.changsha")
		if state := s.send("finance.changsha", "GET", path, nil).want(200).text("state"); state != "open" {
			t.Errorf("not asked again with new facts: %s", state)
		}
	})
}
