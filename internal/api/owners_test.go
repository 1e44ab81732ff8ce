package api_test

import (
	"testing"

	"phaseout/internal/store/storetest"
)

// TestOwnersHaveFleetsAndPeriods proves F11: one owner for a number, periods
// that answer who owned a truck on a day, corrections and merges that reach
// the whole fleet and lose no history.
func TestOwnersHaveFleetsAndPeriods(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		clerk := "clerk.changsha"
		first, second := s.Truck(clerk), s.Truck(clerk)
		if first.OwnerRef == "" || first.OwnerRef != second.OwnerRef {
			t.Fatalf("two trucks under one number have owners %q and %q", first.OwnerRef, second.OwnerRef)
		}
		lone := s.Truck(clerk, "owner_id", "", "owner_phone", "", "owner_name", "张三")
		twin := s.Truck(clerk, "owner_id", "", "owner_phone", "", "owner_name", "张三")
		if lone.OwnerRef == twin.OwnerRef {
			t.Error("two persons of whom only the name is known are taken for one")
		}

		// Another owner from a day on.
		etag := s.send(clerk, "GET", "/assets/"+first.ID, nil).want(200).Header.Get("ETag")
		change := map[string]any{"name": "岳麓示例物流有限公司", "on": "2025-06-01", "reason": "转让"}
		s.send(clerk, "POST", "/assets/"+first.ID+"/owner", map[string]any{"name": "某某", "on": "2027-01-01"}, "If-Match", etag).want(422)
		s.send(clerk, "POST", "/assets/"+first.ID+"/owner", change, "If-Match", `"99"`).want(412)
		s.send("reviewer.changsha", "POST", "/assets/"+first.ID+"/owner", change, "If-Match", etag).want(403)
		sold := s.send(clerk, "POST", "/assets/"+first.ID+"/owner", change, "If-Match", etag).want(200)
		if sold.text("owner.since") != "2025-06-01" || sold.text("owner.name") != "岳麓示例物流有限公司" {
			t.Errorf("the new owner is %s", sold.Body)
		}
		s.send(clerk, "POST", "/assets/"+first.ID+"/owner", change, "If-Match", sold.Header.Get("ETag")).want(409)
		periods := s.send(clerk, "GET", "/assets/"+first.ID+"/owners", nil).want(200)
		if periods.text("items.0.owner_id") != first.OwnerRef || periods.text("items.0.to_on") != "2025-06-01" || periods.text("items.1.from_on") != "2025-06-01" {
			t.Errorf("the periods are %s", periods.Body)
		}

		// A correction reaches every record of the fleet.
		owner := s.send(clerk, "GET", "/owners/"+first.OwnerRef, nil).want(200)
		if owner.text("fleet.0.count") != "1" || owner.text("kind") != "organisation" || owner.text("number") != "9143**********0003" {
			t.Errorf("the owner is %s", owner.Body)
		}
		fixed := map[string]string{"name": "测试运输集团有限公司", "number": owner.text("number"), "phone": owner.text("phone"), "reason": "更名"}
		s.send(clerk, "PATCH", "/owners/"+first.OwnerRef, fixed).want(428)
		s.send(clerk, "PATCH", "/owners/"+first.OwnerRef, fixed, "If-Match", owner.Header.Get("ETag")).want(200)
		s.send(clerk, "PATCH", "/owners/"+first.OwnerRef, fixed, "If-Match", owner.Header.Get("ETag")).want(412)
		if got := s.send(clerk, "GET", "/assets/"+second.ID, nil).want(200).text("owner.name"); got != "测试运输集团有限公司" {
			t.Errorf("the fleet still says %s", got)
		}
		if s.send(clerk, "GET", "/assets/"+second.ID+"/owners", nil).want(200).get("items.1") != nil {
			t.Error("a correction ended a period")
		}

		// Two records of one person become one.
		merged := s.send(clerk, "GET", "/owners/"+twin.OwnerRef, nil).want(200)
		into := map[string]string{"into": lone.OwnerRef, "reason": "同一人"}
		s.send(clerk, "POST", "/owners/"+twin.OwnerRef+"/merge", map[string]string{"into": twin.OwnerRef, "reason": "x"}, "If-Match", merged.Header.Get("ETag")).want(422)
		gone := s.send(clerk, "POST", "/owners/"+twin.OwnerRef+"/merge", into, "If-Match", merged.Header.Get("ETag")).want(200)
		if gone.text("merged_into") != lone.OwnerRef {
			t.Errorf("merged: %s", gone.Body)
		}
		s.send(clerk, "POST", "/owners/"+twin.OwnerRef+"/merge", into, "If-Match", gone.Header.Get("ETag")).want(409)
		if fleet := s.pages(clerk, "/assets?owner="+lone.OwnerRef); len(fleet) != 2 {
			t.Errorf("the fleet after the merge has %d", len(fleet))
		}
		if events := s.pages(clerk, "/owners/"+twin.OwnerRef+"/history"); len(events) != 2 {
			t.Errorf("the merged owner's history has %d events", len(events))
		}

		// The foreign city and a district without a truck of it see nothing.
		for _, user := range []string{"clerk.zhuzhou", "clerk.yuelu"} {
			s.send(user, "GET", "/owners/"+lone.OwnerRef, nil).want(404)
			if seen := s.pages(user, "/owners"); len(seen) != 0 {
				t.Errorf("%s sees %d owners", user, len(seen))
			}
		}
		if found := s.pages(clerk, "/owners?q=示例物流"); len(found) != 1 {
			t.Errorf("the search finds %d owners", len(found))
		}
	})
}

// TestReEnginedMachineKeepsItsIdentity proves F4 and F12: an engine is a row of
// its own with its time, the machine stays in its cohort by the stage it was
// registered with, and where that stage comes from is on record.
func TestReEnginedMachineKeepsItsIdentity(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		clerk := "clerk.changsha"
		machine := s.send(clerk, "POST", "/assets", map[string]any{"class": "machinery", "city_code": "430100", "fields": map[string]string{
			"category": "挖掘机", "serial": "SY163218", "engine_no": "36208243", "power_kw": "110", "stage": "国一", "stage_basis": "官网查询", "stage_basis_on": "2025-03-05",
			"built_on": "2006-09-08", "fuel": "柴油", "owner_name": "长沙示例工程有限公司"}}).want(201)
		id := machine.text("id")
		if machine.text("scope.in_scope") != "true" {
			t.Fatalf("%s", machine.Body)
		}
		s.send(clerk, "POST", "/assets/"+id+"/engine", map[string]string{"number": "N1", "on": "2025-10-01", "stage": "china9"}, "If-Match", machine.Header.Get("ETag")).want(422)
		s.send(clerk, "POST", "/assets/"+id+"/engine", map[string]string{"number": "N1", "on": "2026-10-01"}, "If-Match", machine.Header.Get("ETag")).want(422)
		after := s.send(clerk, "POST", "/assets/"+id+"/engine", map[string]string{"number": "ＮＥＷ88001", "power_kw": "118", "stage": "china4", "on": "2025-10-01", "reason": "更换国四发动机"},
			"If-Match", machine.Header.Get("ETag")).want(200)
		if after.text("stage") != "china1" || after.text("scope.in_scope") != "true" || after.text("id") != id {
			t.Errorf("after the replacement: %s", after.Body)
		}
		engines := s.send(clerk, "GET", "/assets/"+id+"/engines", nil).want(200)
		for path, want := range map[string]string{"items.0.number": "36208243", "items.0.to_on": "2025-10-01", "items.0.stage": "china1", "items.0.power_kw": "110",
			"items.1.number": "NEW88001", "items.1.from_on": "2025-10-01", "items.1.stage": "china4", "items.1.power_kw": "118"} {
			if got := engines.text(path); got != want {
				t.Errorf("%s is %s, want %s", path, got, want)
			}
		}
		again := s.send(clerk, "POST", "/assets/"+id+"/engine", map[string]string{"number": "NEW99", "power_kw": "118", "stage": "china4", "on": "2025-11-01"}, "If-Match", after.Header.Get("ETag")).want(200)
		if s.send(clerk, "GET", "/assets/"+id+"/engines", nil).want(200).text("items.1.to_on") != "2025-11-01" {
			t.Error("the second replacement did not end the first one's time")
		}
		if found := s.pages(clerk, "/assets?q=NEW99"); len(found) != 1 {
			t.Errorf("the new engine number finds %d records", len(found))
		}
		s.send(clerk, "PATCH", "/assets/"+id, map[string]any{"fields": map[string]string{"stage_basis": "按日期推定"}}, "If-Match", again.Header.Get("ETag")).want(200)
		seen := false
		for _, e := range s.pages(clerk, "/assets/"+id+"/history") {
			seen = seen || e["action"] == "replace_engine"
		}
		if !seen {
			t.Error("the history does not tell of the engine")
		}
		vessel := s.send(clerk, "POST", "/assets", map[string]any{"class": "vessel", "city_code": "430100", "fields": map[string]string{"ship_name": "湘长沙货9", "ship_id": "CN19951000146", "owner_name": "某某"}}).want(201)
		s.send(clerk, "POST", "/assets/"+vessel.text("id")+"/engine", map[string]string{"number": "N1", "on": "2025-10-01"}, "If-Match", vessel.Header.Get("ETag")).want(409)
	})
}
