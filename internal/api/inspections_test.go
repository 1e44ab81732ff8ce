package api_test

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"phaseout/internal/inspection"
	"phaseout/internal/photo"
	"phaseout/internal/photo/scene"
	"phaseout/internal/store/storetest"
)

func init() {
	moreWorld = append(moreWorld, func(s *site, ids map[string]string) {
		// A retirement of Xiangtan or Yueyang would do; what counts is that no line is Changsha's to inspect.
		draw := s.send("province", "POST", "/draws", map[string]any{"name": "W", "from": "2025-01-01", "to": "2026-01-15", "per_city": 1}).want(201)
		ids["draws"], ids["inspection-lines"] = draw.text("id"), "none-of-ours"
	})
	moreBodies["record-inspection"] = `{"result":"ok"}`
}

// TestAnyoneCanDoTheDrawAgain proves F37: the hash of the seed and the population
// are fixed first, the seed is shown at the draw, and from the public list the
// same lines and teams follow, computed here without the program's own state. A
// team sees its lines and nothing else of the other city; what it finds opens a
// case and weighs on the yard in the next draw.
func TestAnyoneCanDoTheDrawAgain(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		for i := range 4 {
			s.Retire("changsha", s.Truck("clerk.changsha").ID, fmt.Sprintf("2025-12-%02d", i+1), true)
		}
		s.Retire("zhuzhou", s.Truck("clerk.zhuzhou").ID, "2025-12-01", true)
		waiting := s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-20", false)
		s.send("province", "POST", "/draws", map[string]any{"name": "空", "from": "2020-01-01", "to": "2020-12-31", "per_city": 2}).want(409)
		s.send("province", "POST", "/draws", map[string]any{"name": "反", "from": "2026-01-02", "to": "2026-01-01", "per_city": 2}).want(422)
		made := s.send("province", "POST", "/draws", map[string]any{"name": "四季度交叉检查", "from": "2026-01-01", "to": "2026-01-15", "per_city": 2}).want(201)
		id := made.text("id")
		if made.text("state") != "committed" || made.get("seed") != nil || made.text("population") != "5" {
			t.Errorf("made: %s", made.Body)
		}
		public := s.send("", "GET", "/public/draws/"+id, nil).want(200)
		if public.get("seed") != nil || public.text("seed_hash") != made.text("seed_hash") {
			t.Errorf("before the draw: %s", public.Body)
		}
		audit := s.send("auditor", "GET", "/audit?entity=inspection_draw", nil).want(200)
		if !strings.Contains(string(audit.Body), made.text("seed_hash")) {
			t.Errorf("the commitment is not in the audit: %s", audit.Body)
		}
		s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-28", true) // after the population was frozen
		s.send("reviewer.changsha", "POST", "/draws/"+id+"/draw", map[string]string{}, "If-Match", `"1"`).want(403)
		drawn := s.send("province", "POST", "/draws/"+id+"/draw", map[string]string{"beacon": "3D 2026014 815"}, "If-Match", made.Header.Get("ETag")).want(200)
		s.send("province", "POST", "/draws/"+id+"/draw", map[string]string{}, "If-Match", drawn.Header.Get("ETag")).want(409)

		// Anyone, with the public list alone.
		seed, beacon := drawn.text("seed"), drawn.text("beacon")
		rows, err := csv.NewReader(strings.NewReader(string(s.send("", "GET", "/public/draws/"+id+"/list.csv", nil).want(200).Body))).ReadAll()
		if err != nil || len(rows) != 6 {
			t.Fatalf("list: %v %v", rows, err)
		}
		var lines []inspection.Line
		published := map[string]string{}
		for _, row := range rows[1:] {
			weight, _ := strconv.Atoi(row[2])
			lines = append(lines, inspection.Line{ID: row[0], City: row[1], Weight: weight})
			if row[4] == "true" {
				published[row[0]] = row[5]
			}
			if row[0] == waiting.ID {
				t.Error("what is not verified is in the population")
			}
		}
		key := inspection.Key(seed, beacon)
		teams := inspection.Assign(key, inspection.Draw(key, lines, 2), []string{"430100", "430200", "430300", "430600", "430700", "430900"})
		if inspection.Commitment(seed) != made.text("seed_hash") || inspection.PopulationHash(lines) != made.text("population_hash") || fmt.Sprint(teams) != fmt.Sprint(published) || len(teams) != 3 {
			t.Errorf("done again: %v, published %v", teams, published)
		}
		for _, part := range s.Checks() {
			if _, err := part.Run(t.Context()); err != nil {
				t.Errorf("check %s: %v", part.Name, err)
			}
		}

		// Each reviewer sees exactly the lines of the own team.
		all := s.pages("province", "/inspection-lines?draw="+id)
		if len(all) != 3 {
			t.Fatalf("%d lines", len(all))
		}
		s.reviewersEverywhere()
		seen := 0
		var found map[string]any
		for city, user := range map[string]string{"430100": "reviewer.changsha", "430200": "reviewer.zhuzhou", "430300": "reviewer.430300", "430600": "reviewer.430600", "430700": "reviewer.430700", "430900": "reviewer.430900"} {
			for _, l := range s.pages(user, "/inspection-lines") {
				seen++
				if l["team_city"] != city || l["city_code"] == city {
					t.Errorf("%s sees %v", user, l)
				}
				if l["city_code"] == "430100" && found == nil {
					found = map[string]any{"line": l, "user": user}
				}
			}
		}
		if seen != 3 || found == nil {
			t.Fatalf("the teams see %d lines", seen)
		}
		line, user := found["line"].(map[string]any), found["user"].(string)
		path := "/inspection-lines/" + line["id"].(string)
		s.send("reviewer.changsha", "GET", path, nil).want(404) // its own record, but not its own line
		detail := s.send(user, "GET", path, nil).want(200)
		if strings.Contains(string(detail.Body), "测试运输") || strings.Contains(string(detail.Body), "asset_id") {
			t.Errorf("the team is told more than it needs: %s", detail.Body)
		}
		s.upload(user, path+"/files", map[string]string{"kind": "photo"}, "现场.jpg", shotOf(t, scene.Draw(scene.Scene{Place: 5, Subject: 7}, 320, 240))).want(201)
		s.upload("reviewer.changsha", path+"/files", map[string]string{"kind": "photo"}, "x.jpg", shotOf(t, scene.Draw(scene.Scene{Place: 6, Subject: 8}, 320, 240))).want(404)
		etag := s.send(user, "GET", path, nil).want(200)
		if etag.text("photos") != "1" {
			t.Errorf("after a photo: %s", etag.Body)
		}
		s.send("province", "POST", path+"/result", map[string]string{"result": "ok"}, "If-Match", etag.Header.Get("ETag")).want(403)
		s.send(user, "POST", path+"/result", map[string]string{"result": "discrepancy"}, "If-Match", etag.Header.Get("ETag")).want(422)
		s.send(user, "POST", path+"/result", map[string]string{"result": "discrepancy", "note": "车架号与证明不符"}, "If-Match", etag.Header.Get("ETag")).want(200)
		cases := s.pages("reviewer.changsha", "/cases?kind=inspection_finding")
		if len(cases) != 1 || cases[0]["asset_label"] != line["asset_label"] {
			t.Errorf("cases: %v", cases)
		}
		if n := len(s.pages("province", "/inspection-lines?result=discrepancy")); n != 1 {
			t.Errorf("%d discrepancies", n)
		}
	})
}

// reviewersEverywhere adds a reviewer for each city that has none.
func (s *site) reviewersEverywhere() {
	s.t.Helper()
	for _, city := range []string{"430300", "430600", "430700", "430900"} {
		s.send("admin", "POST", "/users", map[string]string{"username": "reviewer." + city, "role": "reviewer", "scope_code": city, "password": "correct horse battery staple"}).want(201)
	}
}

// TestResultsWeighOnTheYard proves F37: what was found at a yard, photos of
// other records and missing camera data are in the weights with their reasons.
func TestResultsWeighOnTheYard(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.yard("province", "430100", "测试回收有限公司")
		s.reviewersEverywhere()
		for i := range 2 {
			s.Retire("changsha", s.Truck("clerk.changsha").ID, fmt.Sprintf("2025-12-%02d", i+1), true)
		}
		draw := func(perCity int) (id string, weights []float64) {
			made := s.send("province", "POST", "/draws", map[string]any{"name": "抽查", "from": "2026-01-01", "to": "2026-01-15", "per_city": perCity}).want(201)
			id = made.text("id")
			s.send("province", "POST", "/draws/"+id+"/draw", map[string]string{}, "If-Match", made.Header.Get("ETag")).want(200)
			for _, l := range s.pages("province", "/inspection-lines?draw="+id) {
				weights = append(weights, l["weight"].(float64))
			}
			return id, weights
		}
		id, before := draw(2)
		line := s.pages("province", "/inspection-lines?draw="+id)[0]
		team := "reviewer." + map[string]string{"430100": "changsha", "430200": "zhuzhou"}[line["team_city"].(string)]
		if team == "reviewer." {
			team += line["team_city"].(string)
		}
		s.send(team, "POST", "/inspection-lines/"+line["id"].(string)+"/result", map[string]string{"result": "not_found", "note": "场内无此车残骸"}, "If-Match", `"1"`).want(200)
		_, after := draw(2)
		if slices.Max(after) <= slices.Max(before) || slices.Min(after) <= slices.Min(before) {
			t.Errorf("weights before %v, after a finding at the yard %v", before, after)
		}
	})
}

// TestPhotosWeighInTheDraw proves F31 and F37: a photo of an impossible time or
// place and one that does not say when it was taken are in the weight of its
// retirement with their reasons; one that is in order is not.
func TestPhotosWeighInTheDraw(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.yard("province", "430100", "测试回收有限公司") // at 28.2, 112.9
		img := jpegShot(t)
		shots := map[string][]byte{
			"":            photo.WithFacts(img(1), "2025:11:26 10:00:00", 28.2, 112.9),
			"photo_doubt": photo.WithFacts(img(2), "2025:11:01 10:00:00", 28.2, 112.9), // before the hand-over
			"no_metadata": img(3),
		}
		far := photo.WithFacts(img(4), "2025:11:26 10:00:00", 29.4, 113.1)
		labels := map[string]string{}
		verified := func(shot []byte, number string) string {
			body := scrapping("2025-11-20", "测试回收有限公司", number)
			body["dismantled_on"], body["deregistered_on"] = "2025-11-26", "2025-12-01"
			r := s.send("clerk.changsha", "POST", "/assets/"+s.Truck("clerk.changsha").ID+"/retirement", body).want(201)
			s.upload("clerk.changsha", "/retirements/"+r.text("id")+"/files", map[string]string{"kind": "photo"}, number+".jpg", shot).want(201)
			path := "/retirements/" + r.text("id")
			s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify", "reason": "凭纸质档案补录"}, "If-Match", s.etag(path)).want(200)
			return r.text("asset_label")
		}
		n := 0
		for reason, shot := range shots {
			n++
			labels[verified(shot, fmt.Sprintf("HS-%04d", 7*n))] = reason
		}
		labels[verified(far, "HS-9001")] = "photo_doubt"
		made := s.send("province", "POST", "/draws", map[string]any{"name": "照片", "from": "2026-01-15", "to": "2026-01-15", "per_city": 9}).want(201)
		s.send("province", "POST", "/draws/"+made.text("id")+"/draw", map[string]string{}, "If-Match", made.Header.Get("ETag")).want(200)
		lines := s.pages("province", "/inspection-lines?draw="+made.text("id"))
		if len(lines) != len(labels) {
			t.Fatalf("%d lines", len(lines))
		}
		for _, l := range lines {
			var codes []string
			for _, r := range l["reasons"].([]any) {
				if code := r.(map[string]any)["code"].(string); code != "base" && code != "waiver" {
					codes = append(codes, code)
				}
			}
			if got, want := strings.Join(codes, " "), labels[l["asset_label"].(string)]; got != want {
				t.Errorf("%v weighs for %q, want %q", l["asset_label"], got, want)
			}
		}
	})
}

// jpegShot returns a maker of photos that differ, without camera data.
func jpegShot(t *testing.T) func(n uint64) []byte {
	return func(n uint64) []byte {
		t.Helper()
		return shotOf(t, scene.Draw(scene.Scene{Place: 100 + n, Subject: 200 + n, Noise: n}, 320, 240))
	}
}

// TestPublicChecksACertificate proves F35: a number is valid once it is verified,
// withdrawn after that, unknown otherwise; the answer has one shape and holds
// nothing else.
func TestPublicChecksACertificate(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		c := s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-01", false)
		check := func(number string) string {
			a := s.send("", "GET", "/public/certificates?number="+number, nil).want(200)
			var v map[string]any
			a.into(&v)
			delete(v, "$schema")
			if len(v) != 2 {
				t.Errorf("%s: %s", number, a.Body)
			}
			return fmt.Sprint(v["state"], " ", v["on"])
		}
		if got := check(c.CertificateNo); got != "unknown " {
			t.Errorf("before it is verified: %s", got)
		}
		r, err := s.DB.Retirement(t.Context(), s.Users["reviewer.changsha"].Scope, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.DecideRetirement(t.Context(), s.Users["reviewer.changsha"], c.ID, r.Version, true, ""); err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{c.CertificateNo, strings.ToLower(strings.ReplaceAll(c.CertificateNo, "-", ""))} {
			if got := check(form); got != "valid 2026-01-15" {
				t.Errorf("%s: %s", form, got)
			}
		}
		for _, unknown := range []string{"HS-999999", "x", "%25", "%27%20OR%201=1"} {
			if got := check(unknown); got != "unknown " {
				t.Errorf("%s: %s", unknown, got)
			}
		}
		waiting := s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-02", false)
		r, err = s.DB.Retirement(t.Context(), s.Users["clerk.changsha"].Scope, waiting.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.WithdrawRetirement(t.Context(), s.Users["clerk.changsha"], waiting.ID, r.Version, "开错"); err != nil {
			t.Fatal(err)
		}
		if got := check(waiting.CertificateNo); got != "withdrawn 2026-01-15" {
			t.Errorf("withdrawn: %s", got)
		}
	})
}
