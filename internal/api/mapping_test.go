package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"phaseout/internal/api"
	"phaseout/internal/app/apptest"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// strange is a sheet whose headings nobody knows.
func strange(n int) []byte {
	return fmt.Appendf(nil, "甲,乙,丙,丁,戊\n湘A7%04d,%s,某某运输有限公司,2010-03-05,13900001234\n湘A8%04d,%s,另一运输有限公司,2011-03-05,13900001235\n", n, apptest.VIN(7000+n), n, apptest.VIN(8000+n))
}

// TestClerkSaysHowColumnsAreRead proves F15 and F17: a sheet that the program
// cannot read shows its first rows, the clerk maps its columns, and the same
// headings are read by themselves the next time, in that city only.
func TestClerkSaysHowColumnsAreRead(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		clerk := "clerk.changsha"
		send := func(user, city string, n int) string {
			return s.upload(user, "/imports", map[string]string{"class": "truck", "city": city}, "a.csv", strange(n)).want(202).text("id")
		}
		id := send(clerk, "430100", 1)
		failed := s.until(clerk, id, "failed")
		if failed.text("error.code") != "no_header" || failed.text("sheet.preview.1.1") != "湘A70001" || strings.Contains(string(failed.Body), "13900001234") {
			t.Fatalf("what cannot be read says %s", failed.Body)
		}
		mapping := func(row int, remember bool, pairs ...string) map[string]any {
			var columns []map[string]string
			for i := 0; i < len(pairs); i += 2 {
				columns = append(columns, map[string]string{"column": pairs[i], "field": pairs[i+1]})
			}
			return map[string]any{"header_row": row, "columns": columns, "remember": remember}
		}
		wrong := s.send(clerk, "POST", "/imports/"+id+"/mapping", mapping(1, false, "A", "plate", "B", "plate", "C", "colour")).want(422)
		codes := map[string]bool{}
		for i := range 6 {
			codes[wrong.text(fmt.Sprintf("errors.%d.code", i))] = true
		}
		if !codes["repeated_column"] || !codes["unknown_value"] || !codes["missing_column"] {
			t.Errorf("a bad mapping is told %s", wrong.Body)
		}
		good := mapping(1, true, "A", "plate", "B", "vin", "C", "owner_name", "D", "registered_on", "E", "")
		s.send("reviewer.changsha", "POST", "/imports/"+id+"/mapping", good).want(403)
		s.send(clerk, "POST", "/imports/"+id+"/mapping", good).want(202)
		checked := s.until(clerk, id, "checked")
		if checked.text("sheet.source") != "hand" || checked.text("counts.warn") != "2" || checked.text("sheet.columns.4.samples.0") != "139****1234" {
			t.Errorf("mapped by hand: %s", checked.Body)
		}
		next := s.until(clerk, send(clerk, "430100", 2), "checked")
		if next.text("sheet.source") != "saved" || next.text("counts.warn") != "2" {
			t.Errorf("the same headings again: %s", next.Body)
		}
		s.until("clerk.zhuzhou", send("clerk.zhuzhou", "430200", 3), "failed")
		saved := s.pages(clerk, "/import-mappings")
		if len(saved) != 1 || len(s.pages("clerk.zhuzhou", "/import-mappings")) != 0 {
			t.Fatalf("saved mappings: %v", saved)
		}
		s.send("clerk.zhuzhou", "DELETE", "/import-mappings/"+saved[0]["id"].(string), nil).want(404)
		s.send(clerk, "DELETE", "/import-mappings/"+saved[0]["id"].(string), nil).want(204)
		s.until(clerk, send(clerk, "430100", 4), "failed")
		s.send(clerk, "POST", "/imports/"+id+"/apply", map[string]string{"mode": "all_or_nothing"}).want(202)
		s.until(clerk, id, "applied")
		s.send(clerk, "POST", "/imports/"+id+"/mapping", good).want(409)
	})
}

// TestProgressComesAsEvents proves F20: the events of an import end with its
// last state, and a foreign city gets none.
func TestProgressComesAsEvents(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		id := s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.csv",
			[]byte("号牌号码,车辆识别代号,所有人,初次登记日期\n湘A99991,"+apptest.VIN(991)+",某某,2010-01-01\n")).want(202).text("id")
		s.send("clerk.zhuzhou", "GET", "/imports/"+id+"/events", nil).want(404)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL+"/api/v1/imports/"+id+"/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token("clerk.changsha"))
		client := http.Client{Timeout: 20 * time.Second}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("the answer is %s", res.Header.Get("Content-Type"))
		}
		last := ""
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var seen struct{ State string }
				if err := json.Unmarshal([]byte(data), &seen); err != nil {
					t.Fatal(err)
				}
				last = seen.State
			}
		}
		if last != "checked" {
			t.Errorf("the last event says %q", last)
		}
	})
}

// TestEventsEndWhenTheServerStops proves F20: an open stream does not hold up a
// server that is to stop.
func TestEventsEndWhenTheServerStops(t *testing.T) {
	s := newSite(t, "sqlite:"+t.TempDir()+"/test.db")
	s.DB.SetEnqueuer(store.NoQueue) // the check never comes
	id := s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.csv", strange(1)).want(202).text("id")
	stopping := make(chan struct{})
	server := httptest.NewServer(api.New(api.Options{App: s.App, Version: "test", Log: slog.New(slog.DiscardHandler), Stopping: stopping}).Handler())
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/imports/"+id+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token("clerk.changsha"))
	client := http.Client{Timeout: 20 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "event: import" {
		t.Fatalf("the stream begins with %q", lines.Text())
	}
	close(stopping)
	for lines.Scan() {
		continue
	}
	if lines.Err() != nil {
		t.Errorf("the stream is cut: %v", lines.Err())
	}
}
