package api_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"phaseout/internal/store/storetest"
)

// changsha returns the line of trucks in Changsha of a progress sheet.
func (s *site) changsha(query string) map[string]any {
	s.t.Helper()
	for _, item := range s.send("province", "GET", "/progress?class=truck&"+query, nil).want(200).get("items").([]any) {
		if line := item.(map[string]any); line["city_code"] == "430100" {
			return line
		}
	}
	s.t.Fatal("no line of Changsha")
	return nil
}

// TestAChangedTargetIsANewRevision proves F61: clause, milestones and state of a
// target; a changed one is a new revision, the old one answers for the days
// before, and a figure as known before it answers by it too.
func TestAChangedTargetIsANewRevision(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		for n := range 4 {
			id := s.Truck("clerk.changsha").ID
			if n < 2 {
				s.Retire("changsha", id, fmt.Sprintf("2023-06-0%d", n+1), true)
			}
		}
		body := map[string]any{"code": "R1", "clause": "（十一）", "class": "truck", "city_code": "430100", "kind": "hard", "measure": "count", "value": 4, "due_on": "2025-12-31", "baseline_on": "2021-12-31",
			"milestones": []any{map[string]any{"on": "2023-12-31", "value": 2}, map[string]any{"on": "2024-12-31", "value": nil}}, "state": "in_force"}
		made := s.send("province", "POST", "/targets", body).want(201)
		if made.text("revision") != "1" || made.text("milestones.0.value") != "2" || made.text("cohort_rule") == "" {
			t.Errorf("made: %s", made.Body)
		}
		steps := s.send("province", "GET", "/progress/milestones?class=truck&city=430100&as_of=2025-01-01", nil).want(200)
		for path, want := range map[string]string{"items.0.required": "2", "items.0.verified": "2", "items.0.reached": "true", "items.1.required": "<nil>", "items.2.final": "true", "items.2.reached": "false", "items.2.required": "4"} {
			if got := steps.text(path); got != want {
				t.Errorf("%s: got %s, want %s in %s", path, got, want, steps.Body)
			}
		}
		s.Clock.Advance(time.Minute)
		before := s.send("province", "GET", "/progress?class=truck&as_of=2025-12-31", nil).want(200)
		s.Clock.Advance(time.Minute)
		body["value"], body["valid_from"], body["reason"] = 3, "2025-06-01", "省级通知"
		changed := s.send("province", "PATCH", "/targets/"+made.text("id"), body, "If-Match", `"1"`).want(200)
		if changed.text("revision") != "2" || changed.text("lineage") != made.text("lineage") || changed.text("id") == made.text("id") {
			t.Errorf("changed: %s", changed.Body)
		}
		s.send("province", "PATCH", "/targets/"+made.text("id"), body, "If-Match", `"2"`).want(409)
		if old, now := s.changsha("as_of=2025-05-31")["required"], s.changsha("as_of=2025-12-31")["required"]; old != 4.0 || now != 3.0 {
			t.Errorf("required: %v before the change holds, %v after, want 4 and 3", old, now)
		}
		again := s.send("province", "GET", "/progress?class=truck&as_of=2025-12-31&as_known="+escaped(before.text("generated_at")), nil).want(200)
		if !bytes.Equal(before.Body, again.Body) {
			t.Errorf("as known before the change:\n%s\n%s", before.Body, again.Body)
		}
		if n := len(s.send("province", "GET", "/targets?lineage="+made.text("lineage"), nil).want(200).get("items").([]any)); n != 2 {
			t.Errorf("%d revisions are kept, want 2", n)
		}
		body["milestones"] = []any{map[string]any{"on": "2026-12-31", "value": 2}}
		if wrong := s.send("province", "PATCH", "/targets/"+changed.text("id"), body, "If-Match", `"1"`).want(422); wrong.text("errors.0.code") != "date_order" {
			t.Errorf("a milestone after the due day: %s", wrong.Body)
		}
	})
}

// TestADefinitionIsTriedBeforeItCounts proves F61: a definition as data counts
// void plates and hand-overs; it changes nothing before it is accepted, which it
// is after a trial on the stock of that day, by another person; a target is shown
// under two definitions, and its tiles equal their lists under both.
func TestADefinitionIsTriedBeforeItCounts(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-06-30", true) // handed over 20 days before
		s.Truck("clerk.changsha")
		void := s.Truck("clerk.changsha").ID
		s.send("clerk.changsha", "POST", "/assets/"+void+"/retirement", map[string]string{"way_out": "declared_void", "driver": "enforcement", "deregistered_on": "2025-07-01"}).want(201)
		names := map[string]string{"zh": "交售即计", "en": "Handed over"}
		body := map[string]any{"code": "handed_over", "name": names, "text": names,
			"counts": []any{map[string]any{"ways": []string{"scrapped"}, "on": "hand_over_on"}, map[string]any{"ways": []string{"declared_void"}, "on": "left_on"}}}
		made := s.send("province", "POST", "/definitions", body).want(201)
		if made.text("state") != "draft" || made.text("revision") != "1" {
			t.Errorf("made: %s", made.Body)
		}
		s.send("province", "POST", "/definitions", map[string]any{"code": "moved", "name": names, "text": names, "counts": []any{map[string]any{"ways": []string{"moved_out"}, "on": "left_on"}}}).want(422)
		for _, c := range []struct {
			day, definition    string
			declared, verified float64
		}{
			{"2025-06-15", "", 0, 0}, {"2025-06-15", "handed_over/1", 1, 1}, {"2025-06-30", "", 1, 1},
			{"2025-07-01", "", 1, 1}, {"2025-07-01", "handed_over/1", 2, 1},
		} {
			query := "as_of=" + c.day
			if c.definition != "" {
				query += "&definition=" + c.definition
			}
			line := s.changsha(query)
			if line["declared"] != c.declared || line["verified"] != c.verified {
				t.Errorf("%s: declared %v, verified %v, want %v, %v", query, line["declared"], line["verified"], c.declared, c.verified)
			}
			for _, metric := range tileMetrics {
				if n := s.send("province", "GET", "/progress/rows?class=truck&city=430100&total=true&metric="+metric+"&"+query, nil).want(200).get("total"); n != line[metric] {
					t.Errorf("%s %s: the tile says %v, its list %v", query, metric, line[metric], n)
				}
			}
		}
		target := map[string]any{"code": "R1", "class": "truck", "city_code": "430100", "kind": "hard", "measure": "count", "value": 2, "due_on": "2025-12-31", "baseline_on": "2021-12-31",
			"definition_code": "handed_over", "definition_revision": 1, "state": "in_force"}
		if early := s.send("province", "POST", "/targets", target).want(422); early.text("errors.0.code") != "not_accepted" {
			t.Errorf("a target by a draft: %s", early.Body)
		}
		decide := func(user, etag string) answer {
			return s.send(user, "POST", "/definitions/handed_over/1/decision", map[string]any{"accept": true}, "If-Match", etag)
		}
		if untried := decide("province2", made.Header.Get("ETag")).want(409); untried.text("code") != "not_tried" {
			t.Errorf("accepted without a trial: %s", untried.Body)
		}
		s.send("clerk.changsha", "POST", "/definitions/handed_over/1/trial", nil, "If-Match", `"1"`).want(403)
		tried := s.send("province", "POST", "/definitions/handed_over/1/trial", nil, "If-Match", made.Header.Get("ETag")).want(200)
		if tried.text("trial.on") != "2026-01-15" || tried.text("trial.counts.0.city_code") != "430100" || tried.text("trial.counts.0.day") != "1" || tried.text("trial.counts.0.in") != "0" {
			t.Errorf("the trial: %s", tried.Body)
		}
		moves := s.pages("clerk.changsha", "/definitions/handed_over/1/moves?direction=day")
		if len(moves) != 1 || moves[0]["before_on"] != "2025-06-30" || moves[0]["after_on"] != "2025-06-10" {
			t.Errorf("what it moves: %v", moves)
		}
		if other := s.pages("clerk.zhuzhou", "/definitions/handed_over/1/moves"); len(other) != 0 {
			t.Errorf("another city is shown %v", other)
		}
		if own := decide("province", tried.Header.Get("ETag")).want(403); own.text("code") != "four_eyes" {
			t.Errorf("who proposed it accepts it: %s", own.Body)
		}
		s.Clock.Advance(24 * time.Hour)
		s.tokens = map[string]string{}
		if old := decide("province2", tried.Header.Get("ETag")).want(409); old.text("code") != "trial_old" {
			t.Errorf("accepted by yesterday's trial: %s", old.Body)
		}
		tried = s.send("province2", "POST", "/definitions/handed_over/1/trial", nil, "If-Match", tried.Header.Get("ETag")).want(200)
		decide("province2", tried.Header.Get("ETag")).want(200)
		decide("province2", `"4"`).want(409)
		s.send("province", "POST", "/definitions/handed_over/1/trial", nil, "If-Match", `"4"`).want(409)
		s.send("province", "POST", "/targets", target).want(201)
		if line := s.changsha("as_of=2025-07-01"); line["declared"] != 2.0 || line["definition"] != "handed_over/1" || line["required"] != 2.0 {
			t.Errorf("by the target's own definition: %v", line)
		}
		if line := s.changsha("as_of=2025-07-01&definition=deregistered/1"); line["declared"] != 1.0 {
			t.Errorf("the same under the default: %v", line)
		}
	})
}

// TestAShareIsConfirmedByTheProvince proves F61: what "basically" means is ours
// only as an example; the province sets its own revision, by two people, and a
// target requires by it.
func TestAShareIsConfirmedByTheProvince(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		for range 10 {
			s.Truck("clerk.changsha")
		}
		names := map[string]string{"zh": "基本淘汰", "en": "Basically eliminated"}
		body := map[string]any{"code": "basically_eliminated", "name": names, "text": names, "share_bp": 8500, "source": "湘环函〔2026〕1号"}
		made := s.send("province", "POST", "/definitions", body).want(201)
		if made.text("revision") != "2" || made.text("share_bp") != "8500" || made.text("sample") != "false" {
			t.Errorf("made: %s", made.Body)
		}
		target := map[string]any{"code": "R1", "class": "truck", "city_code": "430100", "kind": "hard", "measure": "share", "due_on": "2025-12-31", "baseline_on": "2021-12-31",
			"threshold_code": "basically_eliminated", "threshold_revision": 2, "state": "in_force"}
		if early := s.send("province", "POST", "/targets", target).want(422); early.text("errors.0.code") != "not_accepted" {
			t.Errorf("a target by a draft: %s", early.Body)
		}
		tried := s.send("province", "POST", "/definitions/basically_eliminated/2/trial", nil, "If-Match", made.Header.Get("ETag")).want(200)
		s.send("province2", "POST", "/definitions/basically_eliminated/2/decision", map[string]any{"accept": true}, "If-Match", tried.Header.Get("ETag")).want(200)
		if moves := s.pages("province", "/definitions/basically_eliminated/2/moves"); len(moves) != 0 {
			t.Errorf("a share moves %v", moves)
		}
		s.send("province", "POST", "/targets", target).want(201)
		if line := s.changsha("as_of=2025-12-31"); line["required"] != 9.0 { // 85% of 10, rounded up
			t.Errorf("required %v, want 9", line["required"])
		}
		target["threshold_code"], target["threshold_revision"] = "deregistered", 1
		s.send("province", "POST", "/targets", target).want(422)
		body["counts"] = []any{map[string]any{"ways": []string{"scrapped"}, "on": "left_on"}}
		s.send("province", "POST", "/definitions", body).want(422)
		delete(body, "share_bp")
		if other := s.send("province", "POST", "/definitions", body).want(422); other.text("errors.0.code") != "other_kind" {
			t.Errorf("the other kind under one code: %s", other.Body)
		}
	})
}

// TestReasonsFollowTheDefinition proves F64 and F66: under each definition what it
// counts has no reason, what only the default one counts lacks its day, each
// reason opens its rows and the rows name it.
func TestReasonsFollowTheDefinition(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-06-30", true) // handed over on 10 June
		s.Truck("clerk.changsha")
		names := map[string]string{"zh": "甲", "en": "A"}
		for code, rule := range map[string]map[string]any{"early": {"ways": []string{"scrapped"}, "on": "hand_over_on"}, "void": {"ways": []string{"declared_void"}, "on": "left_on"}} {
			s.send("province", "POST", "/definitions", map[string]any{"code": code, "name": names, "text": names, "counts": []any{rule}}).want(201)
		}
		for _, c := range []struct {
			query    string
			verified float64
			reasons  map[string]float64
		}{
			{"as_of=2025-06-12", 0, map[string]float64{"gap.in_use": 1, "gap.handed_in": 1}},
			{"as_of=2025-06-12&definition=early/1", 1, map[string]float64{"gap.in_use": 1}},
			{"as_of=2025-06-30", 1, map[string]float64{"gap.in_use": 1}},
			{"as_of=2025-06-30&definition=early/1", 1, map[string]float64{"gap.in_use": 1}},
			{"as_of=2025-06-30&definition=void/1", 0, map[string]float64{"gap.in_use": 1, "gap.no_day": 1}},
			{"as_of=2025-06-30&definition=void/1&since=2025-06-29", 0, map[string]float64{"gap.in_use": 1, "gap.no_day": 1}},
		} {
			for _, group := range []string{"city,class", "stage"} { // of the roll-up and of the rows
				total := s.send("province", "GET", "/progress/gap?class=truck&city=430100&group_by="+group+"&"+c.query, nil).want(200).get("total").(map[string]any)
				sum := 0.0
				for _, r := range total["reasons"].([]any) {
					reason := r.(map[string]any)
					n := reason["count"].(float64)
					if n != c.reasons[reason["reason"].(string)] {
						t.Errorf("%s by %s: %v says %v, want %v", c.query, group, reason["reason"], n, c.reasons[reason["reason"].(string)])
					}
					if reason["in_cohort"] == true {
						sum += n
					}
					rows := s.pages("province", fmt.Sprintf("/progress/rows?class=truck&city=430100&metric=%v&%s", reason["reason"], c.query))
					if float64(len(rows)) != n || (n > 0 && rows[0]["reason"] != reason["reason"]) {
						t.Errorf("%s: %v says %v, its list %v", c.query, reason["reason"], n, rows)
					}
				}
				if total["verified"] != c.verified || total["gap"] != sum {
					t.Errorf("%s by %s: %v verified, want %v; a gap of %v, its reasons add up to %v", c.query, group, total["verified"], c.verified, total["gap"], sum)
				}
			}
			if rows := s.pages("province", "/progress/rows?class=truck&city=430100&metric=verified&"+c.query); float64(len(rows)) != c.verified || (len(rows) > 0 && rows[0]["reason"] != nil) {
				t.Errorf("%s: what counts has a reason: %v", c.query, rows)
			}
		}
	})
}

// TestATrialCountsWhatItMoves proves F61: what a definition brings in, takes out
// and moves to another day is counted by city as its list has it, and stays as it
// was when it was tried.
func TestATrialCountsWhatItMoves(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-06-30", true)
		s.Retire("zhuzhou", s.Truck("clerk.zhuzhou").ID, "2025-06-30", true)
		s.Retire("zhuzhou", s.Truck("clerk.zhuzhou").ID, "2025-06-30", false)
		inYard := s.Truck("clerk.zhuzhou").ID
		s.send("clerk.zhuzhou", "POST", "/assets/"+inYard+"/retirement", map[string]string{"way_out": "scrapped", "driver": "natural", "handed_in_on": "2025-07-01", "recycler": "R", "certificate_no": "C-1"}).want(201)
		names := map[string]string{"zh": "甲", "en": "A"}
		try := func(code string, rule map[string]any) answer {
			made := s.send("province", "POST", "/definitions", map[string]any{"code": code, "name": names, "text": names, "counts": []any{rule}}).want(201)
			return s.send("province", "POST", "/definitions/"+code+"/1/trial", nil, "If-Match", made.Header.Get("ETag")).want(200)
		}
		void := try("void_only", map[string]any{"ways": []string{"declared_void"}, "on": "left_on"})
		if void.text("trial.counts.0.out") != "1" || void.text("trial.counts.1.out") != "1" {
			t.Errorf("nothing that is scrapped counts: %s", void.Body)
		}
		same := try("same", map[string]any{"ways": []string{"scrapped", "destroyed_on_site"}, "on": "left_on"})
		if n := len(same.get("trial.counts").([]any)); n != 0 {
			t.Errorf("a definition like the default moves %s", same.Body)
		}
		early := try("early", map[string]any{"ways": []string{"scrapped"}, "on": "hand_over_on"})
		s.Clock.Advance(time.Minute)
		s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-08-30", true) // recorded after the trial
		for _, count := range early.get("trial.counts").([]any) {
			line := count.(map[string]any)
			for _, direction := range []string{"in", "out", "day"} {
				rows := s.pages("province", fmt.Sprintf("/definitions/early/1/moves?city=%s&class=%s&direction=%s", line["city_code"], line["class"], direction))
				if float64(len(rows)) != line[direction] {
					t.Errorf("%v: %s lists %d", line, direction, len(rows))
				}
			}
		}
		if n := len(s.pages("province", "/definitions/early/1/moves")); n != 2 {
			t.Errorf("the list has %d rows, the trial moved 2", n)
		}
	})
}

// TestNoPlanFiledIsAFinding proves F61 (R2): a city without a plan is a finding,
// one that is filed shows its yearly split, a second one replaces it.
func TestNoPlanFiledIsAFinding(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		if n := strings.Count(string(s.send("province", "GET", "/plans", nil).want(200).Body), `"finding":"no_plan"`); n != 6 {
			t.Errorf("%d cities without a plan, want 6", n)
		}
		plan := map[string]any{"city_code": "430100", "class": "truck", "title": "长沙市淘汰实施计划", "document": "测试文件", "issued_on": "2023-03-01",
			"years": []any{map[string]any{"year": 2023, "value": 100}, map[string]any{"year": 2024, "value": nil}}}
		s.send("reviewer.changsha", "POST", "/plans", plan).want(201)
		if first := s.send("reviewer.changsha", "GET", "/plans", nil).want(200); first.text("items.0.finding") != "no_split" || first.text("items.0.plan.years.0.value") != "100" || len(first.get("items").([]any)) != 1 {
			t.Errorf("the city sees %s", first.Body)
		}
		plan["years"] = []any{map[string]any{"year": 2023, "value": 100}, map[string]any{"year": 2024, "value": 50}}
		s.send("reviewer.changsha", "POST", "/plans", plan).want(201)
		if second := s.send("province", "GET", "/plans?city=430100", nil).want(200); second.get("items.0.finding") != nil || second.text("items.0.plan.total") != "150" || second.text("items.0.former") != "1" {
			t.Errorf("after the second: %s", second.Body)
		}
		s.send("reviewer.zhuzhou", "POST", "/plans", plan).want(404)
		plan["issued_on"] = "2030-01-01"
		s.send("reviewer.changsha", "POST", "/plans", plan).want(422)
	})
}

// TestTableTwoIsContext proves F61 (R20, R21): the tonnes of the plan are there,
// by city and milestone, their sums are those printed, and none is a target of a
// class.
func TestTableTwoIsContext(t *testing.T) {
	s := newSite(t, "sqlite:"+t.TempDir()+"/t.db")
	rest, lines := map[string]float64{}, 0
	for _, item := range s.send("province", "GET", "/targets?state=in_force", nil).want(200).get("items").([]any) {
		x := item.(map[string]any)
		if x["measure"] != "tonnes" {
			continue
		}
		lines++
		sign := 1.0
		if x["city_code"] == "430000" {
			sign = -1
		}
		rest[x["pollutant"].(string)+" 2025"] += sign * x["value"].(float64)
		rest[x["pollutant"].(string)+" 2023"] += sign * x["milestones"].([]any)[0].(map[string]any)["value"].(float64)
	}
	for key, n := range rest {
		if n != 0 {
			t.Errorf("the cities of table 2 do not add up for %s: %v", key, n)
		}
	}
	if lines != 14 || strings.Contains(string(s.send("province", "GET", "/progress", nil).want(200).Body), "tonnes") {
		t.Errorf("%d lines of table 2; or they stand among the targets of the phase-out", lines)
	}
}

// TestFiguresAsWorkbooks proves F62, F63, F64, F65 and F78: each table comes as a
// workbook with its rows and the audit's mark.
func TestFiguresAsWorkbooks(t *testing.T) {
	s := newSite(t, "sqlite:"+t.TempDir()+"/t.db")
	s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-06-30", true)
	s.Truck("clerk.changsha")
	frozen := s.send("province", "POST", "/baselines", map[string]string{"class": "truck", "city_code": "430100", "name": "B", "taken_on": "2021-12-31"}).want(201).text("items.0.id")
	for path, rows := range map[string]int{
		"/progress/rows.xlsx?metric=verified&class=truck": 1, "/progress/rows.xlsx?metric=gap.in_use&class=truck": 1, "/progress/gap.xlsx?class=truck&group_by=city": 2,
		"/progress/balance.xlsx?class=truck&from=2026-01&to=2026-01": 7, "/progress/changes.xlsx?metric=verified&class=truck&from_known=2026-01-01T00:00:00Z": 1,
		"/baselines/" + frozen + "/rows.xlsx?part=frozen": 2,
	} {
		book, err := excelize.OpenReader(bytes.NewReader(s.send("province", "GET", path, nil).want(200).Body))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		got, err := book.GetRows(book.GetSheetName(0))
		if err != nil || len(got) < rows+3 {
			t.Errorf("%s has %d rows in all, %v: %v", path, len(got), err, got)
		}
		mark := regexp.MustCompile(`\d+:[0-9a-f]{64}`).FindString(fmt.Sprint(got))
		if err := s.DB.VerifyMark(t.Context(), mark); err != nil {
			t.Errorf("%s: its mark: %v", path, err)
		}
	}
}

// TestPublishedSplitOfTheProvince proves F67: the published figure of July 2025
// (11,163 = 4,158 due that year + 4,023 early and not in transport + 2,982 in
// transport), at about a thousandth, splits by the same three groups.
func TestPublishedSplitOfTheProvince(t *testing.T) {
	s := newSite(t, "sqlite:"+t.TempDir()+"/t.db")
	for _, lot := range []struct {
		n        int
		use, due string
	}{{4, "non_operating", "2025-12-31"}, {4, "non_operating", "2027-06-30"}, {3, "freight", "2027-06-30"}} {
		for range lot.n {
			s.Retire("changsha", s.Truck("clerk.changsha", "use", lot.use, "scrap_due_on", lot.due).ID, "2025-06-30", true)
		}
	}
	got := map[string]float64{}
	for _, item := range s.send("province", "GET", "/progress?class=truck&as_of=2025-07-10&group_by=due_year,operating", nil).want(200).get("items").([]any) {
		line := item.(map[string]any)
		got[fmt.Sprint(line["due_year"], " ", line["operating"])] += line["verified"].(float64)
	}
	if got["2025 false"] != 4 || got["2027 false"] != 4 || got["2027 true"] != 3 {
		t.Errorf("split %v, want 4, 4, 3", got)
	}
}
