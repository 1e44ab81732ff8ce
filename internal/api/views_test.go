package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"phaseout/internal/store/storetest"
)

// TestViewsAreKeptSharedAndChangedByTheirOwner proves F22's views: one's own
// are private until shared, shared ones reach the same city and no further, and
// only their owner changes them.
func TestViewsAreKeptSharedAndChangedByTheirOwner(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		body := func(name string, shared bool) map[string]any {
			return map[string]any{"name": name, "page": "assets", "query": map[string]string{"class": "truck", "q": "湘A"}, "columns": []string{"stage"}, "shared": shared}
		}
		names := func(user string) (all []string) {
			for _, v := range s.pages(user, "/views?page=assets") {
				all = append(all, v["name"].(string))
			}
			slices.Sort(all)
			return all
		}
		mine := s.send("clerk.changsha", "POST", "/views", body("  国三  货车 ", false), "Idempotency-Key", "v").want(201)
		s.send("clerk.changsha", "POST", "/views", body("  国三  货车 ", false), "Idempotency-Key", "v").want(201)
		if mine.text("name") != "国三 货车" || mine.text("query.q") != "湘A" || mine.text("columns.0") != "stage" || mine.get("mine") != true {
			t.Errorf("kept as %s", mine.Body)
		}
		s.send("clerk.changsha", "POST", "/views", body("国三 货车", false)).want(409)
		s.send("clerk2.changsha", "POST", "/views", body("国三 货车", false)).want(201)
		s.send("clerk.changsha", "POST", "/views", body(" ", false)).want(422)
		path := "/views/" + mine.text("id")
		for _, user := range []string{"reviewer.changsha", "clerk.zhuzhou", "province"} {
			s.send(user, "PATCH", path, map[string]any{"name": "X"}, "If-Match", `"1"`).want(404)
			if len(names(user)) != 0 {
				t.Errorf("%s sees %v", user, names(user))
			}
		}
		s.send("clerk.changsha", "PATCH", path, map[string]any{"shared": true}).want(428)
		shared := s.send("clerk.changsha", "PATCH", path, map[string]any{"shared": true, "name": "共用"}, "If-Match", `"1"`).want(200)
		if shared.text("query.class") != "truck" || shared.Header.Get("ETag") != `"2"` {
			t.Errorf("changed to %s", shared.Body)
		}
		if a := s.send("clerk.changsha", "PATCH", path, map[string]any{"name": "Y"}, "If-Match", `"1"`).want(412); a.text("current.name") != "共用" {
			t.Errorf("412: %s", a.Body)
		}
		for user, want := range map[string]int{"reviewer.changsha": 1, "clerk.yuelu": 1, "clerk2.changsha": 2, "clerk.zhuzhou": 0, "province": 0} {
			if got := names(user); len(got) != want {
				t.Errorf("%s sees %v", user, got)
			}
		}
		for method, b := range map[string]any{"PATCH": map[string]any{"name": "Z"}, "DELETE": nil} {
			if a := s.send("reviewer.changsha", method, path, b, "If-Match", `"2"`).want(403); a.text("code") != "not_owner" {
				t.Errorf("%s by another: %s", method, a.Body)
			}
		}
		s.send("clerk.changsha", "DELETE", path, nil, "If-Match", `"1"`).want(412)
		s.send("clerk.changsha", "DELETE", path, nil, "If-Match", `"2"`).want(204)
		s.send("clerk.changsha", "DELETE", path, nil, "If-Match", `"2"`).want(404)
		var actions []string
		for _, e := range s.pages("auditor", "/audit?entity=view") {
			actions = append(actions, fmt.Sprint(e["action"]))
			if strings.Contains(fmt.Sprint(e), "湘A") {
				t.Errorf("the audit keeps what was searched for: %v", e)
			}
		}
		if strings.Join(actions, " ") != "remove update create create" {
			t.Errorf("events %v", actions)
		}
	})
}

// TestViewsAreBounded keeps one user from filling the table.
func TestViewsAreBounded(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		post := func(i int, query map[string]string) answer {
			return s.send("clerk.changsha", "POST", "/views", map[string]any{"name": fmt.Sprint(i), "page": "retirements", "query": query, "columns": []string{}})
		}
		post(0, map[string]string{"q": strings.Repeat("x", 500)}).want(422)
		for i := range 100 {
			post(i, map[string]string{}).want(201)
		}
		if a := post(100, map[string]string{}).want(409); a.text("code") != "too_many_views" {
			t.Errorf("the 101st: %s", a.Body)
		}
	})
}
