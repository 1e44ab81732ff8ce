package api_test

import (
	"fmt"
	"testing"
	"time"

	"phaseout/internal/store/storetest"
)

// settled waits until a cohort rule is in a state.
func (s *site) settled(id, state string) answer {
	s.t.Helper()
	for range 200 {
		if a := s.send("province", "GET", "/cohort-rules/"+id, nil).want(200); a.text("state") == state {
			return a
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.t.Fatalf("rule %s does not become %s", id, state)
	return answer{}
}

// TestCohortRuleIsTriedBeforeItMovesAnything proves F13: a revision explains
// itself line by line, shows who moves in or out before it is accepted, each
// city only its own, and then, accepted by another person, moves exactly those,
// with the roll-up. A trial that breaks off says why and is done again.
func TestCohortRuleIsTriedBeforeItMovesAnything(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		old, newer, petrol := s.Truck("clerk.changsha"), s.Truck("clerk.changsha", "stage", "china4"), s.Truck("clerk.zhuzhou", "stage", "china4", "fuel", "petrol")
		far := s.Truck("clerk.zhuzhou", "stage", "china4")
		propose := func(stage string) map[string]any {
			return map[string]any{"document": "湘环发〔2026〕1号", "rule": map[string]any{"class": "truck", "clause": map[string]string{"zh": "试行", "en": "trial"},
				"max_stage": stage, "fuels": []string{"diesel"}, "since": "registered_on"}}
		}
		s.send("clerk.changsha", "POST", "/cohort-rules", propose("china4")).want(403)
		if a := s.send("province", "POST", "/cohort-rules", propose("china9")).want(422); a.text("errors.0.location") != "body.max_stage" {
			t.Errorf("an unknown stage: %s", a.Body)
		}
		id := s.send("province", "POST", "/cohort-rules", propose("china4")).want(201).text("id")
		s.send("province", "POST", "/cohort-rules", propose("china5")).want(409)
		tried := s.settled(id, "tried")
		if tried.text("counts.0.in") != "1" || tried.text("counts.1.in") != "1" || tried.text("name") != "truck-china3-v2" {
			t.Errorf("the trial says %s", tried.Body)
		}
		if moves := s.pages("clerk.changsha", "/cohort-rules/"+id+"/moves"); len(moves) != 1 || moves[0]["asset_id"] != newer.ID || moves[0]["direction"] != "in" {
			t.Errorf("Changsha is shown %v", moves)
		}
		if a := s.send("clerk.changsha", "GET", "/cohort-rules/"+id, nil).want(200); a.get("counts.1") != nil {
			t.Errorf("Changsha is told what moves elsewhere: %s", a.Body)
		}
		scope := func(id string) string {
			return s.send("province", "GET", "/assets/"+id, nil).want(200).text("scope.in_scope")
		}
		if scope(newer.ID) != "false" {
			t.Error("a rule that is only tried moved a truck")
		}
		s.send("province", "POST", "/cohort-rules/"+id+"/decision", map[string]string{"decision": "accept"}, "If-Match", `"1"`).want(412)
		if own := s.send("province", "POST", "/cohort-rules/"+id+"/decision", map[string]string{"decision": "accept"}, "If-Match", tried.Header.Get("ETag")).want(403); own.text("code") != "four_eyes" {
			t.Errorf("who proposed it accepts it: %s", own.Body)
		}
		s.send("province2", "POST", "/cohort-rules/"+id+"/decision", map[string]string{"decision": "accept", "reason": "会议纪要"}, "If-Match", tried.Header.Get("ETag")).want(200)
		s.settled(id, "in_force")
		for truck, want := range map[string]string{old.ID: "true", newer.ID: "true", far.ID: "true", petrol.ID: "false"} {
			if got := scope(truck); got != want {
				t.Errorf("in scope %s, want %s", got, want)
			}
		}
		explained := s.send("clerk.zhuzhou", "GET", "/assets/"+petrol.ID, nil).want(200)
		if explained.text("scope.rule") != "truck-china3-v2" || explained.text("scope.lines.0.passed") != "true" || explained.text("scope.lines.1.passed") != "false" {
			t.Errorf("explained as %v", explained.get("scope"))
		}
		s.Truck("clerk.changsha", "stage", "china4")
		if _, err := s.DB.VerifySummary(t.Context()); err != nil {
			t.Error(err)
		}
		listed := len(s.pages("province", "/assets?class=truck&in_scope=true"))
		progress := s.send("province", "GET", "/progress?as_of=2026-01-15&class=truck&group_by=class", nil).want(200)
		if got := progress.text("items.0.cohort"); got != fmt.Sprint(listed) || listed != 4 {
			t.Errorf("the progress sheet counts %s, the list has %d", got, listed)
		}
		s.stop()
		s.serve()
		if a := s.send("clerk.changsha", "GET", "/assets/"+newer.ID, nil).want(200); a.text("scope.rule") != "truck-china3-v2" {
			t.Errorf("after a restart the rule is %s", a.text("scope.rule"))
		}
		if err := storetest.Exec(url, "UPDATE assets SET fields = 'no fields' WHERE id = '"+petrol.ID+"'"); err != nil {
			t.Fatal(err)
		}
		broken := s.send("province", "POST", "/cohort-rules", propose("china1")).want(201).text("id")
		failed := s.settled(broken, "failed")
		if failed.text("failed_while") != "trying" || failed.text("problem.code") != "run_broken" || failed.text("problem.mend") == "" {
			t.Errorf("a trial that broke off: %s", failed.Body)
		}
		if err := storetest.Exec(url, "UPDATE assets SET fields = '{}' WHERE id = '"+petrol.ID+"'"); err != nil {
			t.Fatal(err)
		}
		s.send("province", "POST", "/cohort-rules/"+broken+"/decision", map[string]string{"decision": "retry"}, "If-Match", failed.Header.Get("ETag")).want(200)
		again := s.settled(broken, "tried")
		if again.get("problem") != nil {
			t.Errorf("done again: %s", again.Body)
		}
		s.send("province", "POST", "/cohort-rules/"+broken+"/decision", map[string]string{"decision": "discard"}, "If-Match", again.Header.Get("ETag")).want(200)
		dropped := s.send("province", "POST", "/cohort-rules", propose("china2")).want(201).text("id")
		etag := s.settled(dropped, "tried").Header.Get("ETag")
		s.send("province", "POST", "/cohort-rules/"+dropped+"/decision", map[string]string{"decision": "discard"}, "If-Match", etag).want(200)
		s.send("province", "POST", "/cohort-rules/"+dropped+"/decision", map[string]string{"decision": "accept"}, "If-Match", `"99"`).want(412)
	})
}

// TestVesselsThatTurnTwentyFive proves F5: age is computed at the day asked
// for, and the vessels of the next twelve months are a list.
func TestVesselsThatTurnTwentyFive(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		vessel := func(n int, built string) string {
			return s.send("clerk.changsha", "POST", "/assets", map[string]any{"class": "vessel", "city_code": "430100", "fields": map[string]string{
				"ship_name": fmt.Sprint("湘长沙货", n), "ship_id": fmt.Sprintf("CN2001100%04d", n), "built_on": built, "owner_name": "某某"}}).want(201).text("id")
		}
		vessel(1, "2000-03-01")
		next := vessel(2, "2001-08-18")
		vessel(3, "2001-01-16")
		vessel(4, "2002-01-16")
		list := s.pages("province", "/assets?class=vessel&cohort_after=2026-01-16&cohort_before=2027-01-15")
		if len(list) != 1 || list[0]["id"] != next {
			t.Errorf("the next twelve months bring %v", list)
		}
		if a := s.send("clerk.changsha", "GET", "/assets/"+next, nil).want(200); a.text("scope.cohort_on") != "2026-08-18" || a.text("scope.in_scope") != "false" {
			t.Errorf("the vessel's scope is %v", a.get("scope"))
		}
	})
}
