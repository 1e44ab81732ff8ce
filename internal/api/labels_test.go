package api_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"phaseout/internal/store/storetest"
)

// TestLabelHasOneCodeForGood proves F6: the code is made when a label is first
// asked for, once, whoever asks at the same time, and the audit says so.
func TestLabelHasOneCodeForGood(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		truck := s.Truck("clerk.changsha")
		s.token("clerk.changsha")
		codes := make([]string, 6)
		var wait sync.WaitGroup
		for i := range codes {
			wait.Go(func() {
				codes[i] = s.send("clerk.changsha", "GET", "/assets/"+truck.ID+"/label", nil).want(200).text("code")
			})
		}
		wait.Wait()
		for _, code := range codes {
			if code != codes[0] || len(code) != 12 {
				t.Errorf("codes %v", codes)
			}
		}
		made := 0
		for _, e := range s.pages("auditor", "/audit?entity=asset") {
			if e["action"] == "label" {
				made++
			}
		}
		if made != 1 {
			t.Errorf("%d events of making the code", made)
		}
		ids := []string{truck.ID}
		for range 4 {
			ids = append(ids, s.Truck("clerk.changsha").ID)
		}
		many := s.send("reviewer.changsha", "GET", "/labels?assets="+strings.Join(ids, ","), nil).want(200)
		seen := map[string]bool{}
		for i, id := range ids {
			if many.text(fmt.Sprintf("items.%d.asset_id", i)) != id {
				t.Errorf("label %d is not that of %s", i, id)
			}
			seen[many.text(fmt.Sprintf("items.%d.code", i))] = true
		}
		if len(seen) != 5 || !seen[codes[0]] {
			t.Errorf("codes %v", seen)
		}
		foreign := s.Truck("clerk.zhuzhou").ID
		s.send("clerk.changsha", "GET", "/labels?assets="+ids[0]+","+foreign, nil).want(404)
		s.send("clerk.changsha", "GET", "/labels?assets="+ids[0]+","+ids[0], nil).want(422)
		s.send("clerk.changsha", "GET", "/labels", nil).want(422)
	})
}

// TestPublicSeesOfALabelOnlyClassStatusAndCity proves F6: no plate, no owner, no
// number, and unknown codes and slips are the same to everyone.
func TestPublicSeesOfALabelOnlyClassStatusAndCity(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		truck := s.Truck("clerk.changsha", "district", "430104")
		code := s.send("clerk.changsha", "GET", "/assets/"+truck.ID+"/label", nil).want(200).text("code")
		ask := func(code string) answer { return s.send("", "GET", "/public/labels/"+code, nil) }
		a := ask(strings.ToLower(code[:4]) + "-" + code[4:]).want(200)
		if a.text("class") != "truck" || a.text("status") != "in_use" || a.text("status_on") != "2026-01-15" || a.text("city_name.zh") != "长沙市" {
			t.Errorf("got %s", a.Body)
		}
		for _, secret := range []string{truck.ID, truck.Label, truck.OwnerName, truck.OwnerPhone, truck.Fields["vin"], "430104", "岳麓"} {
			if strings.Contains(string(a.Body), secret) {
				t.Errorf("the public is told %s: %s", secret, a.Body)
			}
		}
		s.Retire("changsha", truck.ID, "2025-12-01", true)
		if a := ask(code).want(200); a.text("status") != "deregistered" || a.text("status_on") != "2025-12-01" {
			t.Errorf("after the retirement: %s", a.Body)
		}
		last := code[11:]
		slip := code[:11] + map[bool]string{true: "1", false: "0"}[last == "0"]
		if x, y := ask("000000000000"), ask(slip); x.want(404).Status != y.want(404).Status || strip(x) != strip(y) {
			t.Errorf("an unknown code answers %s, a slip %s", x.Body, y.Body)
		}
		if a := s.send("reviewer.changsha", "GET", "/labels/"+code, nil).want(200); a.text("asset_id") != truck.ID {
			t.Errorf("in one's own city: %s", a.Body)
		}
		s.send("province", "GET", "/labels/"+code, nil).want(200)
		s.send("clerk.zhuzhou", "GET", "/labels/"+code, nil).want(404)
		s.send("", "GET", "/labels/"+code, nil).want(401)
	})
}

// TestPublicLookUpIsLimited proves F6: who tries codes is told to slow down.
func TestPublicLookUpIsLimited(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		for i := range 80 {
			a := s.send("", "GET", "/public/labels/000000000000", nil)
			if a.Status == 429 {
				if i < 60 || a.text("code") != "too_many" || a.Header.Get("Retry-After") == "" {
					t.Errorf("after %d: %v %s", i, a.Header, a.Body)
				}
				return
			}
			a.want(404)
		}
		t.Error("eighty questions in a row are answered")
	})
}

// TestUndoneImportTakesItsLabelsAlong proves F6 and F21: a code of an asset that
// is gone is unknown.
func TestUndoneImportTakesItsLabelsAlong(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		text := "号牌号码,车辆识别代号,所有人,初次登记日期\n湘A77777,LZZTEST40DA000009,某某,2010-01-01\n"
		i := s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.csv", []byte(text)).want(202)
		id := i.text("id")
		etag := s.until("clerk.changsha", id, "checked").Header.Get("ETag")
		s.send("clerk.changsha", "POST", "/imports/"+id+"/apply", map[string]string{"mode": "valid_rows"}, "If-Match", etag)
		s.until("clerk.changsha", id, "applied")
		asset := s.pages("clerk.changsha", "/assets")[0]["id"].(string)
		code := s.send("clerk.changsha", "GET", "/assets/"+asset+"/label", nil).want(200).text("code")
		s.send("clerk.changsha", "POST", "/imports/"+id+"/undo", nil).want(200)
		s.until("clerk.changsha", id, "undone")
		s.send("", "GET", "/public/labels/"+code, nil).want(404)
	})
}
