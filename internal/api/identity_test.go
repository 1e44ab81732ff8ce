package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app/apptest"
	"phaseout/internal/store/storetest"
)

// slip returns a VIN with its last sign another, as a slip of the pen makes it.
func slip(vin string) string {
	last := "1"
	if strings.HasSuffix(vin, last) {
		last = "2"
	}
	return vin[:len(vin)-1] + last
}

// lookalikes registers two trucks that are one, for all that is known, and
// returns their ids, the older first.
func (s *site) lookalikes(clerks ...string) (older, newer string) {
	s.t.Helper()
	first := s.Truck(clerks[0])
	second := s.Truck(clerks[len(clerks)-1], "vin", slip(first.Fields["vin"]))
	return first.ID, second.ID
}

// vin returns the frame number of a truck.
func (s *site) vin(id string) string {
	s.t.Helper()
	a, err := s.DB.Asset(context.Background(), access.Whole(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return a.Fields["vin"]
}

// figures returns the cohort of the trucks of a city today.
func (s *site) figures(user string) string {
	s.t.Helper()
	return s.send(user, "GET", "/progress?class=truck", nil).want(200).text("total.cohort")
}

// TestLookalikesAreAskedAboutOnce proves F8: a record that is one slip apart from
// another makes a pair with its reasons; "different" is remembered, "same"
// closes the newer record, which then counts in nothing, and can be taken back.
func TestLookalikesAreAskedAboutOnce(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		older, newer := s.lookalikes("clerk.changsha")
		s.Truck("clerk.changsha")
		pairs := s.pages("clerk.changsha", "/duplicates?state=open")
		if len(pairs) != 1 || pairs[0]["score"].(float64) < 50 || len(pairs[0]["reasons"].([]any)) < 2 {
			t.Fatalf("pairs: %v", pairs)
		}
		id := pairs[0]["id"].(string)
		pair := s.send("reviewer.changsha", "GET", "/duplicates/"+id, nil).want(200)
		if pair.text("older.asset_id") != older || pair.text("newer.asset_id") != newer {
			t.Errorf("older and newer: %s", pair.Body)
		}
		before := s.figures("province")
		decide := func(user string, same bool, etag string) answer {
			return s.send(user, "POST", "/duplicates/"+id+"/decision", map[string]any{"same": same, "reason": "certificate compared"}, "If-Match", etag)
		}
		s.send("clerk.changsha", "POST", "/duplicates/"+id+"/decision", map[string]any{"same": true, "reason": "x"}).want(428)
		s.send("clerk.changsha", "POST", "/duplicates/"+id+"/decision", map[string]any{"same": true, "reason": " "}, "If-Match", pair.Header.Get("ETag")).want(422)
		different := decide("clerk.changsha", false, pair.Header.Get("ETag")).want(200)
		if different.text("state") != "different" || different.text("decided_by.name") != "Clerk A" {
			t.Errorf("different: %s", different.Body)
		}
		decide("reviewer.changsha", true, pair.Header.Get("ETag")).want(412)

		// Remembered: a change of the record does not ask again.
		asset := s.send("clerk.changsha", "GET", "/assets/"+newer, nil).want(200)
		s.send("clerk.changsha", "PATCH", "/assets/"+newer, map[string]any{"fields": map[string]string{"owner_name": "另一运输公司"}}, "If-Match", asset.Header.Get("ETag")).want(200)
		if n := len(s.pages("clerk.changsha", "/duplicates?state=open")); n != 0 {
			t.Errorf("%d pairs are asked about again", n)
		}

		same := decide("reviewer.changsha", true, different.Header.Get("ETag")).want(200)
		if same.text("newer.status") != "duplicate" || s.figures("province") == before {
			t.Errorf("same: %s, cohort %s and %s", same.Body, before, s.figures("province"))
		}
		closed := s.send("clerk.changsha", "GET", "/assets/"+newer, nil).want(200)
		if closed.text("duplicate_of") != older || closed.text("scope.in_scope") != "false" {
			t.Errorf("closed: %s", closed.Body)
		}
		for _, a := range s.pages("clerk.changsha", "/assets") {
			if a["id"] == newer {
				t.Error("a closed duplicate is listed")
			}
		}
		if found := s.pages("clerk.changsha", "/assets?q="+closed.text("label")); len(found) != 1 {
			t.Errorf("a search finds %d", len(found))
		}
		s.send("clerk.changsha", "PATCH", "/assets/"+newer, map[string]any{"fields": map[string]string{"model": "X"}}, "If-Match", closed.Header.Get("ETag")).want(409)
		s.send("clerk.changsha", "POST", "/assets/"+newer+"/retirement", map[string]string{"way_out": "scrapped", "handed_in_on": "2025-12-01"}).want(409)
		if a := s.send("clerk.changsha", "POST", "/assets", map[string]any{"class": "truck", "city_code": "430100", "fields": s.TruckFields("湘A", "vin", s.vin(newer))}); a.Status != 409 || a.text("extra.asset_id") != older {
			t.Errorf("registering the closed identity: %d %s", a.Status, a.Body)
		}
		if _, err := s.DB.VerifySummary(t.Context()); err != nil {
			t.Error(err)
		}

		undone := decide("reviewer.changsha", false, same.Header.Get("ETag")).want(200)
		if undone.text("newer.status") != "in_use" || s.figures("province") != before {
			t.Errorf("taken back: %s", undone.Body)
		}
		for _, part := range s.Checks() {
			if _, err := part.Run(t.Context()); err != nil {
				t.Errorf("%s: %v", part.Name, err)
			}
		}
		history := s.pages("auditor", "/assets/"+newer+"/history")
		actions := fmt.Sprint(history)
		for _, action := range []string{"close_duplicate", "reopen_duplicate", "decide_same", "decide_different"} {
			if !strings.Contains(actions, action) {
				t.Errorf("the history lacks %s", action)
			}
		}
	})
}

// TestKeptRecordTakesTheRightIdentityOver proves F8: the number of the closed
// record is free for the one that is kept, and then the closure stands.
func TestKeptRecordTakesTheRightIdentityOver(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		older, newer := s.lookalikes("clerk.changsha")
		vin := s.vin(newer)
		pair := s.send("clerk.changsha", "GET", "/duplicates", nil).want(200)
		id := pair.text("items.0.id")
		same := s.send("clerk.changsha", "POST", "/duplicates/"+id+"/decision", map[string]any{"same": true, "reason": "x"}, "If-Match", `"1"`).want(200)
		s.send("clerk.changsha", "PATCH", "/assets/"+older, map[string]any{"fields": map[string]string{"vin": vin}}, "If-Match", `"1"`).want(200)
		if a := s.send("clerk.changsha", "POST", "/duplicates/"+id+"/decision", map[string]any{"same": false, "reason": "x"}, "If-Match", same.Header.Get("ETag")); a.Status != 409 {
			t.Errorf("two records would share a frame number: %d %s", a.Status, a.Body)
		}
	})
}

// TestCorrectedSlipIsNotAskedAbout proves F8: an open question whose ground is
// gone goes away by itself.
func TestCorrectedSlipIsNotAskedAbout(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		_, newer := s.lookalikes("clerk.changsha")
		s.send("clerk.changsha", "PATCH", "/assets/"+newer, map[string]any{"fields": map[string]string{"vin": "LGAG4DY31D3000777"}}, "If-Match", `"1"`).want(200)
		if n := len(s.pages("clerk.changsha", "/duplicates")); n != 0 {
			t.Errorf("%d pairs are left", n)
		}
	})
}

// TestForeignSideOfAPairIsMasked proves F8 and F75: of another city's record a
// clerk learns that it exists, no more, and cannot close it.
func TestForeignSideOfAPairIsMasked(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		older, newer := s.lookalikes("clerk.changsha", "clerk.zhuzhou")
		list := s.send("clerk.changsha", "GET", "/duplicates", nil).want(200)
		if list.text("items.0.newer.elsewhere") != "true" || list.text("items.0.older.asset_id") != older || strings.Contains(string(list.Body), newer) || strings.Contains(string(list.Body), "湘B") {
			t.Errorf("Changsha sees %s", list.Body)
		}
		id := list.text("items.0.id")
		if both := s.send("province", "GET", "/duplicates?city=430200&class=truck", nil).want(200); both.text("items.0.newer.city_code") != "430200" {
			t.Errorf("the province sees %s", both.Body)
		}
		if none := s.pages("province", "/duplicates?city=430600"); len(none) != 0 {
			t.Errorf("Yueyang has %d", len(none))
		}
		if a := s.send("clerk.changsha", "POST", "/duplicates/"+id+"/decision", map[string]any{"same": true, "reason": "x"}, "If-Match", `"1"`).want(409); a.text("code") != "foreign_record" {
			t.Errorf("closing a foreign record: %s", a.Body)
		}
		s.send("reviewer.zhuzhou", "POST", "/duplicates/"+id+"/decision", map[string]any{"same": true, "reason": "x"}, "If-Match", `"1"`).want(200)
		if a := s.send("clerk.zhuzhou", "GET", "/assets/"+newer, nil).want(200); a.text("status") != "duplicate" || a.get("duplicate_of") != nil {
			t.Errorf("closed for a foreign record: %s", a.Body)
		}
	})
}

// TestEntryIsCheckedAsItIsTyped proves F8: what is entered is held against the
// registry before it is saved, and nothing is written.
func TestEntryIsCheckedAsItIsTyped(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		asset := s.Truck("clerk.changsha")
		check := func(user, city string, fields map[string]string) answer {
			return s.send(user, "POST", "/assets/check", map[string]any{"class": "truck", "city_code": city, "fields": fields}).want(200)
		}
		for _, user := range []string{"clerk.changsha", "clerk.zhuzhou", "auditor"} {
			s.token(user)
		}
		events := len(s.pages("auditor", "/audit"))
		vin := asset.Fields["vin"]
		exact := check("clerk.changsha", "430100", map[string]string{"vin": strings.ToLower(vin)})
		if exact.text("known.0.exact") != "true" || exact.text("known.0.label") != asset.Label || exact.text("known.0.asset_id") != asset.ID || len(exact.get("findings").([]any)) != 0 {
			t.Errorf("exact: %s", exact.Body)
		}
		near := check("clerk.changsha", "430100", map[string]string{"vin": slip(vin)})
		if near.text("known.0.exact") != "false" || near.text("known.0.asset_id") != asset.ID || near.text("findings.0.code") != "check_digit" {
			t.Errorf("near: %s", near.Body)
		}
		foreign := check("clerk.zhuzhou", "430200", map[string]string{"vin": slip(vin)})
		if foreign.text("known.0.elsewhere") != "true" || strings.Contains(string(foreign.Body), asset.ID) || strings.Contains(string(foreign.Body), asset.Label) || strings.Contains(string(foreign.Body), "430100") {
			t.Errorf("foreign: %s", foreign.Body)
		}
		if none := check("clerk.changsha", "430100", map[string]string{"owner_name": "某某"}); len(none.get("known").([]any)) != 0 || len(none.get("findings").([]any)) != 0 {
			t.Errorf("nothing typed: %s", none.Body)
		}
		if after := len(s.pages("auditor", "/audit")); after != events {
			t.Errorf("the check wrote %d events", after-events)
		}
	})
}

// TestImportedLookalikesAreFound proves F8 for imports: the queue is filled after
// the rows are in, and a second import of the file adds nothing to it.
func TestImportedLookalikesAreFound(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		asset := s.Truck("clerk.changsha", "vin", apptest.VIN(500_000))
		var rows strings.Builder
		rows.WriteString("号牌号码,车辆识别代号,所有人,初次登记日期\n")
		fmt.Fprintf(&rows, "湘A88888,%s,测试运输有限公司,2013-03-05\n", slip(asset.Fields["vin"]))
		for range 30 { // more than are compared at once
			fields := s.TruckFields("湘A")
			fmt.Fprintf(&rows, "%s,%s,某某,2010-01-01\n", fields["plate"], fields["vin"])
		}
		for range 2 {
			id := s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.csv", []byte(rows.String())).want(202).text("id")
			checked := s.until("clerk.changsha", id, "checked")
			if checked.text("counts.create") == "0" && checked.text("counts.warn") == "0" {
				break
			}
			s.send("clerk.changsha", "POST", "/imports/"+id+"/apply", map[string]string{"mode": "valid_rows"}).want(202)
			s.until("clerk.changsha", id, "applied")
		}
		if err := s.FindDuplicates(t.Context()); err != nil {
			t.Fatal(err)
		}
		if pairs := s.pages("clerk.changsha", "/duplicates"); len(pairs) != 1 {
			t.Errorf("%d pairs: %v", len(pairs), pairs)
		}
	})
}

// TestRetiredIdentityOpensACase proves F9: whoever tries to register it again, by
// form, change or import, in whatever city, is refused, and the attempt stays.
func TestRetiredIdentityOpensACase(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		gone := s.Truck("clerk.changsha")
		s.Retire("changsha", gone.ID, "2025-12-01", true)
		vin := gone.Fields["vin"]
		post := func(user, city, plate string) answer {
			return s.send(user, "POST", "/assets", map[string]any{"class": "truck", "city_code": city, "fields": s.TruckFields(plate, "vin", vin)})
		}
		if a := post("clerk.changsha", "430100", "湘A").want(409); a.text("code") != "retired_identity" {
			t.Errorf("by form: %s", a.Body)
		}
		if a := post("clerk.zhuzhou", "430200", "湘B").want(409); strings.Contains(string(a.Body), gone.ID) {
			t.Errorf("Zhuzhou learns %s", a.Body)
		}
		other := s.Truck("clerk.changsha")
		s.send("clerk.changsha", "PATCH", "/assets/"+other.ID, map[string]any{"fields": map[string]string{"vin": vin}}, "If-Match", `"1"`).want(409)
		sheet := "号牌号码,车辆识别代号,所有人,初次登记日期\n湘B99999," + vin + ",某某,2010-01-01\n"
		id := s.upload("clerk.zhuzhou", "/imports", map[string]string{"class": "truck", "city": "430200"}, "a.csv", []byte(sheet)).want(202).text("id")
		s.until("clerk.zhuzhou", id, "checked")

		if n := len(s.pages("clerk.zhuzhou", "/cases")); n != 0 {
			t.Errorf("Zhuzhou sees %d cases of Changsha", n)
		}
		cases := s.pages("clerk.changsha", "/cases?state=open&kind=retired_identity_seen&asset="+gone.ID)
		if len(cases) != 1 || cases[0]["sightings"] != 4.0 {
			t.Fatalf("cases: %v", cases)
		}
		path := "/cases/" + cases[0]["id"].(string)
		detail := s.send("reviewer.changsha", "GET", path, nil).want(200)
		sources := map[string]bool{}
		for i := range 4 {
			sources[detail.text(fmt.Sprint("seen.", i, ".source"))] = true
			if detail.text(fmt.Sprint("seen.", i, ".value")) != vin {
				t.Errorf("sighting %d: %s", i, detail.Body)
			}
		}
		if !sources["entry"] || !sources["update"] || !sources["import"] {
			t.Errorf("sources: %v", sources)
		}
		etag := detail.Header.Get("ETag")
		s.send("reviewer.changsha", "POST", path+"/close", map[string]string{"outcome": "seen to"}).want(428)
		s.send("reviewer.changsha", "POST", path+"/close", map[string]string{"outcome": " "}, "If-Match", etag).want(422)
		s.send("reviewer.changsha", "POST", path+"/close", map[string]string{"outcome": "seen to"}, "If-Match", `"99"`).want(412)
		closed := s.send("reviewer.changsha", "POST", path+"/close", map[string]string{"outcome": "a slip, mended"}, "If-Match", etag).want(200)
		if closed.text("state") != "closed" || closed.text("outcome") != "a slip, mended" {
			t.Errorf("closed: %s", closed.Body)
		}
		s.send("reviewer.changsha", "POST", path+"/close", map[string]string{"outcome": "again"}, "If-Match", closed.Header.Get("ETag")).want(409)
		post("clerk.changsha", "430100", "湘A").want(409)
		if n := len(s.pages("clerk.changsha", "/cases?asset="+gone.ID)); n != 2 {
			t.Errorf("after the close another attempt makes %d cases", n)
		}
	})
}

// TestTransferIsTwoSided proves F10: the giver offers, the taker answers, and
// until then the asset is the giver's and nobody changes it.
func TestTransferIsTwoSided(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		asset := s.Truck("clerk.changsha", "district", "430104")
		path := "/assets/" + asset.ID
		s.upload("clerk.changsha", path+"/files", map[string]string{"kind": "other"}, "x.png", s.Photo()).want(201)
		province := s.figures("province")
		offer := func(to string) answer {
			return s.send("clerk.changsha", "POST", path+"/transfer", map[string]string{"to_city": to, "reason": "sold to a firm there"}, "Idempotency-Key", "k"+to)
		}
		for _, wrong := range []string{"430100", "430104", "440100"} {
			offer(wrong).want(422)
		}
		offered := offer("430200").want(201)
		if again := offer("430200").want(201); again.text("id") != offered.text("id") || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("a repeated offer: %s", again.Body)
		}
		if offered.text("due_on") != "2026-02-14" {
			t.Errorf("due on %s", offered.text("due_on"))
		}
		id := offered.text("id")
		current := s.send("clerk.changsha", "GET", path, nil).want(200)
		if current.text("transfer.id") != id {
			t.Errorf("the asset does not name its transfer: %s", current.Body)
		}
		etag := current.Header.Get("ETag")
		for name, a := range map[string]answer{
			"change": s.send("clerk.changsha", "PATCH", path, map[string]any{"fields": map[string]string{"model": "X"}}, "If-Match", etag),
			"retire": s.send("clerk.changsha", "POST", path+"/retirement", map[string]string{"way_out": "scrapped", "handed_in_on": "2025-12-01"}),
			"offer":  s.send("clerk.changsha", "POST", path+"/transfer", map[string]string{"to_city": "430600", "reason": "x"}),
		} {
			if a.Status != 409 || a.text("code") != "transfer_open" || a.text("extra.transfer_id") != id {
				t.Errorf("%s while it is offered: %d %s", name, a.Status, a.Body)
			}
		}
		if n := len(s.pages("clerk.zhuzhou", "/transfers?direction=in&state=offered")); n != 1 {
			t.Errorf("Zhuzhou sees %d offers", n)
		}
		if in, out := len(s.pages("clerk.changsha", "/transfers?direction=in")), len(s.pages("clerk.changsha", "/transfers?direction=out")); in != 0 || out != 1 {
			t.Errorf("Changsha: %d in, %d out", in, out)
		}
		s.send("clerk.zhuzhou", "GET", path, nil).want(404)
		respond := func(user string, body map[string]any, version string) answer {
			return s.send(user, "POST", "/transfers/"+id+"/answer", body, "If-Match", version)
		}
		if a := respond("clerk.changsha", map[string]any{"accept": true}, `"1"`).want(409); a.text("code") != "not_the_taker" {
			t.Errorf("the giver accepts: %s", a.Body)
		}
		if a := s.send("clerk.zhuzhou", "POST", "/transfers/"+id+"/withdrawal", map[string]any{}, "If-Match", `"1"`).want(409); a.text("code") != "not_the_giver" {
			t.Errorf("the taker withdraws: %s", a.Body)
		}
		respond("clerk.zhuzhou", map[string]any{"accept": false}, `"1"`).want(422)
		respond("clerk.zhuzhou", map[string]any{"accept": true, "district": "430104"}, `"1"`).want(422)
		done := respond("clerk.zhuzhou", map[string]any{"accept": true, "district": "430202"}, `"1"`).want(200)
		if done.text("state") != "accepted" {
			t.Errorf("accepted: %s", done.Body)
		}
		respond("clerk.zhuzhou", map[string]any{"accept": true}, `"2"`).want(409)

		moved := s.send("clerk.zhuzhou", "GET", path, nil).want(200)
		if moved.text("city_code") != "430200" || moved.text("district_code") != "430202" {
			t.Errorf("moved: %s", moved.Body)
		}
		s.send("clerk.changsha", "GET", path, nil).want(404)
		s.send("clerk.changsha", "GET", path+"/history", nil).want(404)
		if n := len(s.send("clerk.zhuzhou", "GET", path+"/files", nil).want(200).get("items").([]any)); n != 1 {
			t.Errorf("the new holder sees %d files", n)
		}
		history := fmt.Sprint(s.pages("clerk.zhuzhou", path+"/history"))
		for _, action := range []string{"action:create", "action:attach", "action:offer", "action:accepted", "action:move"} {
			if !strings.Contains(history, action) {
				t.Errorf("the new holder's history lacks %s: %s", action, history)
			}
		}
		if after := s.figures("province"); after != province {
			t.Errorf("the province had %s, has %s", province, after)
		}
		if own := s.figures("clerk.changsha"); own != "0" {
			t.Errorf("Changsha still has %s", own)
		}
		s.send("clerk.zhuzhou", "PATCH", path, map[string]any{"fields": map[string]string{"model": "X"}}, "If-Match", moved.Header.Get("ETag")).want(200)
		for _, part := range s.Checks() {
			if _, err := part.Run(t.Context()); err != nil {
				t.Errorf("%s: %v", part.Name, err)
			}
		}
	})
}

// TestOfferRunsOutAndCanBeTakenBack proves F10: an offer that nobody answers in 30
// days has expired by the clock, and one that is withdrawn or refused leaves
// the asset where it was, free to be changed.
func TestOfferRunsOutAndCanBeTakenBack(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		asset := s.Truck("clerk.changsha")
		path := "/assets/" + asset.ID
		offer := func() string {
			return s.send("clerk.changsha", "POST", path+"/transfer", map[string]string{"to_city": "430200", "reason": "sold"}).want(201).text("id")
		}
		change := func(model string) {
			etag := s.send("clerk.changsha", "GET", path, nil).want(200).Header.Get("ETag")
			s.send("clerk.changsha", "PATCH", path, map[string]any{"fields": map[string]string{"model": model}}, "If-Match", etag).want(200)
		}
		s.send("clerk.changsha", "POST", "/transfers/"+offer()+"/withdrawal", map[string]any{"reason": "a mistake"}, "If-Match", `"1"`).want(200)
		change("A")
		s.send("clerk.zhuzhou", "POST", "/transfers/"+offer()+"/answer", map[string]any{"accept": false, "reason": "not ours"}, "If-Match", `"1"`).want(200)
		change("B")
		last := offer()
		s.Clock.Advance(31 * 24 * time.Hour)
		s.tokens = map[string]string{}
		if a := s.send("clerk.zhuzhou", "GET", "/transfers/"+last, nil).want(200); a.text("state") != "expired" {
			t.Errorf("after its last day: %s", a.Body)
		}
		if n := len(s.pages("clerk.zhuzhou", "/transfers?state=expired")); n != 1 {
			t.Errorf("%d expired", n)
		}
		if a := s.send("clerk.zhuzhou", "POST", "/transfers/"+last+"/answer", map[string]any{"accept": true}, "If-Match", `"1"`).want(409); a.text("code") != "transfer_expired" {
			t.Errorf("too late: %s", a.Body)
		}
		change("C")
		offer()
		retired := s.Truck("clerk.changsha")
		s.Retire("changsha", retired.ID, "2025-12-01", false)
		if a := s.send("clerk.changsha", "POST", "/assets/"+retired.ID+"/transfer", map[string]string{"to_city": "430200", "reason": "sold"}).want(409); a.text("code") != "not_in_use" {
			t.Errorf("a retired asset: %s", a.Body)
		}
	})
}

// TestImportLeavesAnOfferedAssetAlone proves F10: a row about an asset that is
// offered is refused, and the import that made the asset is not undone.
func TestImportLeavesAnOfferedAssetAlone(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		asset := s.Truck("clerk.changsha")
		_, err := s.OfferTransfer(context.Background(), s.Users["clerk.changsha"], asset.ID, nil, "430200", "sold")
		if err != nil {
			t.Fatal(err)
		}
		sheet := fmt.Sprintf("号牌号码,车辆识别代号,所有人,初次登记日期\n%s,%s,别人,2013-03-05\n", asset.Fields["plate"], asset.Fields["vin"])
		id := s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.csv", []byte(sheet)).want(202).text("id")
		s.until("clerk.changsha", id, "checked")
		findings := s.send("clerk.changsha", "GET", "/imports/"+id+"/findings", nil).want(200)
		if !strings.Contains(string(findings.Body), "transfer_open") {
			t.Errorf("findings: %s", findings.Body)
		}
	})
}
