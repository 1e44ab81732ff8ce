package api_test

import (
	"fmt"
	"testing"
	"time"

	"phaseout/internal/store/storetest"
)

// compared waits until a comparison is done.
func (s *site) compared(user, id string) answer {
	s.t.Helper()
	for range 200 {
		if a := s.send(user, "GET", "/comparisons/"+id, nil).want(200); a.text("state") != "running" {
			return a
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.t.Fatalf("comparison %s does not end", id)
	return answer{}
}

// inspected runs the quality rules and waits for the end.
func (s *site) inspected() answer {
	s.t.Helper()
	id := s.send("province", "POST", "/quality/runs", nil).want(202).text("id")
	for range 200 {
		if a := s.send("province", "GET", "/quality/runs/latest", nil).want(200); a.text("id") == id && a.text("state") == "done" {
			return a
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.t.Fatal("the run does not end")
	return answer{}
}

// TestQualityRulesMakeAWorkList proves F23 and F25: a run opens issues, a
// correction fixes them, what is accepted stays accepted, a rule can be
// switched off, and each city's score opens into the rows behind it.
func TestQualityRulesMakeAWorkList(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		clerk := "clerk.changsha"
		poor := s.Truck(clerk, "model", "", "stage", "", "police_status", "注销")
		s.Truck(clerk, "model", "EQ1160", "district", "岳麓区", "registered_on", "2013-03-05")
		s.Truck("clerk.zhuzhou", "model", "")
		s.inspected()
		open := map[string]map[string]any{}
		for _, i := range s.pages(clerk, "/quality/issues?state=open") {
			if i["asset_id"] == poor.ID {
				open[i["rule"].(string)] = i
			}
			if i["city_code"] != "430100" {
				t.Errorf("Changsha sees %v", i)
			}
		}
		for _, rule := range []string{"no_model", "stage_unknown", "cancelled_in_use", "no_district"} {
			if open[rule] == nil {
				t.Errorf("no issue of %s: %v", rule, open)
			}
		}
		scores := s.send(clerk, "GET", "/quality/scores", nil).want(200)
		if scores.text("items.0.dimensions.0.good") != "17" || scores.text("items.0.dimensions.0.total") != "20" || scores.get("items.1") != nil {
			t.Errorf("the score of Changsha is %s", scores.Body)
		}
		if all := s.send("province", "GET", "/quality/scores", nil).want(200); all.text("items.1.city_code") != "430200" {
			t.Errorf("the province sees %s", all.Body)
		}
		// Each number opens into its rows.
		if n := len(s.pages(clerk, "/quality/issues?state=open&dimension=completeness")); n != 3 {
			t.Errorf("behind the three checks that were not passed are %d", n)
		}
		issue := open["cancelled_in_use"]
		path := "/quality/issues/" + issue["id"].(string)
		s.send(clerk, "PATCH", path, map[string]any{"accept": true}, "If-Match", `"1"`).want(422)
		s.send("clerk.zhuzhou", "PATCH", path, map[string]any{"accept": true, "note": "x"}, "If-Match", `"1"`).want(404)
		s.send(clerk, "PATCH", path, map[string]any{"accept": true, "note": "公安数据滞后"}, "If-Match", `"1"`).want(200)
		s.send(clerk, "PATCH", path, map[string]any{"accept": true, "note": "x"}, "If-Match", `"1"`).want(412)
		etag := s.send(clerk, "GET", "/assets/"+poor.ID, nil).want(200).Header.Get("ETag")
		s.send(clerk, "PATCH", "/assets/"+poor.ID, map[string]any{"fields": map[string]string{"model": "EQ1160", "stage": "国三"}}, "If-Match", etag).want(200)
		s.send("province", "PATCH", "/quality/rules/no_district", map[string]any{"enabled": false, "severity": "warning"}, "If-Match", `"0"`).want(200)
		s.send("province", "PATCH", "/quality/rules/no_district", map[string]any{"enabled": true, "severity": "warning"}, "If-Match", `"0"`).want(412)
		s.inspected()
		states := map[string]string{}
		for _, i := range s.pages(clerk, "/quality/issues") {
			if i["asset_id"] == poor.ID {
				states[i["rule"].(string)] = i["state"].(string)
			}
		}
		for rule, want := range map[string]string{"no_model": "fixed", "stage_unknown": "fixed", "no_district": "fixed", "cancelled_in_use": "accepted"} {
			if states[rule] != want {
				t.Errorf("%s is %s, want %s", rule, states[rule], want)
			}
		}
	})
}

// TestOutliersAreAgainstTheOwnPast proves F24 over the API: twelve quiet weeks
// and a jump before the deadline, only in the city that made it.
func TestOutliersAreAgainstTheOwnPast(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		for i := range 8 {
			s.Retire("changsha", s.Truck("clerk.changsha").ID, fmt.Sprintf("2025-12-%02d", 25+i%7), false)
		}
		s.Retire("zhuzhou", s.Truck("clerk.zhuzhou").ID, "2025-12-28", false)
		flags := map[any]any{}
		for _, w := range []int{0, 1} {
			a := s.send("province", "GET", "/quality/outliers?as_of=2025-12-31", nil).want(200)
			flags[a.get(fmt.Sprintf("items.%d.city_code", w))] = a.get(fmt.Sprintf("items.%d.flag", w))
			if deadline := a.get(fmt.Sprintf("items.%d.deadline_on", w)); (deadline == "2025-12-31") != (a.get(fmt.Sprintf("items.%d.flag", w)) == "jump") {
				t.Errorf("line %d names the deadline %v: %s", w, deadline, a.Body)
			}
		}
		if flags["430100"] != "jump" || flags["430200"] != nil {
			t.Errorf("flags are %v", flags)
		}
		if a := s.send("clerk.zhuzhou", "GET", "/quality/outliers?as_of=2025-12-31", nil).want(200); a.text("items.0.city_code") != "430200" || a.get("items.1") != nil {
			t.Errorf("Zhuzhou sees %s", a.Body)
		}
	})
}

// TestOutsideListIsLaidAgainstTheRegistry proves F26: ours only, theirs only and
// differing, each line a task, by plate alone as by VIN.
func TestOutsideListIsLaidAgainstTheRegistry(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		clerk := "clerk.changsha"
		both, gone, ours := s.Truck(clerk), s.Truck(clerk, "plate_kind", "02"), s.Truck(clerk)
		s.Retire("changsha", both.ID, "2025-12-01", true)
		s.Retire("changsha", ours.ID, "2025-12-02", true)
		list := fmt.Sprintf("某市注销车辆清单,,\n号牌号码,车架号,注销日期\n%s,%s,2025-12-01\n%s,,2025-12-05\n湘A99999,,2025-12-06\n,,\n", both.Label, both.Fields["vin"], gone.Label)
		id := s.upload(clerk, "/comparisons", map[string]string{"class": "truck", "city": "430100", "kind": "police_cancellations"}, "注销.csv", []byte(list)).want(202).text("id")
		done := s.compared(clerk, id)
		for path, want := range map[string]string{"state": "done", "counts.rows": "3", "counts.agree": "1", "counts.differ": "1", "counts.theirs_only": "1", "counts.ours_only": "1"} {
			if got := done.text(path); got != want {
				t.Errorf("%s is %s, want %s: %s", path, got, want, done.Body)
			}
		}
		differ := s.send(clerk, "GET", "/comparisons/"+id+"/lines?outcome=differ", nil).want(200)
		if differ.text("items.0.asset_id") != gone.ID || differ.text("items.0.differences.0.field") != "status" {
			t.Errorf("differing: %s", differ.Body)
		}
		if a := s.send(clerk, "GET", "/comparisons/"+id+"/lines?outcome=ours_only", nil).want(200); a.text("items.0.asset_id") != ours.ID {
			t.Errorf("ours only: %s", a.Body)
		}
		line := "/comparison-lines/" + differ.text("items.0.id")
		s.send(clerk, "PATCH", line, map[string]string{"state": "dismissed"}, "If-Match", `"1"`).want(422)
		s.send("clerk.zhuzhou", "PATCH", line, map[string]string{"state": "done"}, "If-Match", `"1"`).want(404)
		s.send(clerk, "PATCH", line, map[string]string{"state": "done", "note": "已登记淘汰"}, "If-Match", `"1"`).want(200)
		s.send(clerk, "PATCH", line, map[string]string{"state": "open"}, "If-Match", `"1"`).want(412)
		bad := s.upload(clerk, "/comparisons", map[string]string{"class": "truck", "city": "430100", "kind": "other"}, "a.csv", []byte("a,b\n1,2\n")).want(202).text("id")
		if a := s.compared(clerk, bad); a.text("state") != "failed" || a.text("error.code") != "no_header" {
			t.Errorf("an unreadable list: %s", a.Body)
		}
	})
}

// TestRulesOfOnesOwnRunWithTheShippedOnes proves F23: the province makes a rule
// of conditions, gives it to a role and a severity, and the next run finds what
// meets it; shipped rules have an owner that can be changed, their conditions not.
func TestRulesOfOnesOwnRunWithTheShippedOnes(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		heavy := s.Truck("clerk.changsha", "gross_mass_kg", "49000")
		s.Truck("clerk.changsha", "gross_mass_kg", "30000")
		if rules := s.pages("clerk.changsha", "/quality/rules"); len(rules) < 20 || rules[0]["owner"] != "clerk" {
			t.Errorf("%d rules, the first: %v", len(rules), rules[0])
		}
		rule := map[string]any{"enabled": true, "severity": "error", "owner": "reviewer", "own": map[string]any{"name": map[string]string{"zh": "总质量过大", "en": "too heavy"}, "mend": map[string]string{"zh": "核对", "en": "check"},
			"dimension": "validity", "classes": []string{"truck"}, "conditions": []map[string]string{{"field": "gross_mass_kg", "op": "above", "value": "40000"}, {"field": "stage", "op": "equals", "value": "china3"}}}}
		s.send("clerk.changsha", "POST", "/quality/rules", rule).want(403)
		made := s.send("province", "POST", "/quality/rules", rule, "Idempotency-Key", "r1").want(201)
		if again := s.send("province", "POST", "/quality/rules", rule, "Idempotency-Key", "r1").want(201); again.text("code") != made.text("code") {
			t.Errorf("a second click made another rule: %s", again.Body)
		}
		s.inspected()
		issues := s.pages("clerk.changsha", "/quality/issues?state=open&rule="+made.text("code"))
		if len(issues) != 1 || issues[0]["asset_id"] != heavy.ID || issues[0]["owner"] != "reviewer" || issues[0]["severity"] != "error" || issues[0]["name"] != "too heavy" {
			t.Errorf("found: %v", issues)
		}
		path := "/quality/rules/" + made.text("code")
		rule["own"].(map[string]any)["conditions"] = []map[string]string{{"field": "gross_mass_kg", "op": "above", "value": "60000"}}
		s.send("province", "PATCH", path, rule, "If-Match", `"9"`).want(412)
		s.send("province", "PATCH", path, rule, "If-Match", `"1"`).want(200)
		s.inspected()
		if issues := s.pages("clerk.changsha", "/quality/issues?state=open&rule="+made.text("code")); len(issues) != 0 {
			t.Errorf("after the change: %v", issues)
		}
		rule["own"].(map[string]any)["conditions"] = []map[string]string{{"field": "owner_id", "op": "filled"}, {"field": "colour", "op": "blank"}}
		if bad := s.send("province", "POST", "/quality/rules", rule).want(422); bad.text("errors.0.location") != "body.conditions.0.field" || bad.text("errors.1.location") != "body.conditions.1.field" {
			t.Errorf("got %s", bad.Body)
		}
		if given := s.send("province", "PATCH", "/quality/rules/no_fuel", map[string]any{"enabled": true, "severity": "error", "owner": "province"}, "If-Match", `"0"`).want(200); given.text("owner") != "province" || given.text("severity") != "error" {
			t.Errorf("set as %s", given.Body)
		}
		s.send("province", "PATCH", "/quality/rules/no_fuel", rule, "If-Match", `"1"`).want(409)
		s.send("province", "PATCH", "/quality/rules/none", map[string]any{"enabled": true, "severity": "error"}, "If-Match", `"1"`).want(404)
	})
}
