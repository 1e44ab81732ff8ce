package api_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"phaseout/internal/access"
	"phaseout/internal/app/apptest"
	"phaseout/internal/store/storetest"
)

// truckSheet is a CSV of one truck.
func truckSheet(plate, vin, model string) []byte {
	return fmt.Appendf(nil, "号牌号码,号牌种类,车辆识别代号,品牌型号,所有人,初次登记日期,燃料种类,排放标准,车辆类型\n%s,大型汽车,%s,%s,某某运输有限公司,2010-06-15,柴油,国三,重型自卸货车\n", plate, vin, model)
}

// checkedSheet uploads a sheet of Changsha and waits for its check.
func (s *site) checkedSheet(sheet []byte) (id string, a answer) {
	s.t.Helper()
	id = s.upload("clerk.changsha", "/imports", map[string]string{"class": "truck", "city": "430100"}, "a.csv", sheet).want(202).text("id")
	return id, s.until("clerk.changsha", id, "checked")
}

// TestRowThatMeetsTwoRecordsIsAskedAbout proves F18: the keys of each class are
// declared; a row with the plate of one record and the frame number of another
// changes neither, is counted and listed as ambiguous, and the two records go to
// the queue. Decided to be one, the row is about the record that was kept.
func TestRowThatMeetsTwoRecordsIsAskedAbout(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		if keys := s.send("clerk.changsha", "GET", "/classes", nil).want(200).text("items.0.keys"); keys != "[[plate plate_kind] [vin]]" {
			t.Errorf("a truck is known by %s", keys)
		}
		one, two := s.Truck("clerk.changsha"), s.Truck("clerk.changsha")
		plate, vin := one.Fields["plate"], two.Fields["vin"]
		id, a := s.checkedSheet(truckSheet(plate, vin, "新型号"))
		if a.text("counts.ambiguous") != "1" || a.text("counts.update") != "0" || a.text("counts.reject") != "0" || a.text("counts.total") != "1" {
			t.Errorf("counts: %v", a.get("counts"))
		}
		rows := s.pages("clerk.changsha", "/imports/"+id+"/rows?outcome=ambiguous")
		findings := s.pages("clerk.changsha", "/imports/"+id+"/findings")
		if len(rows) != 1 || len(findings) != 1 || findings[0]["code"] != "ambiguous_match" || findings[0]["severity"] != "error" ||
			!strings.Contains(findings[0]["message"].(string), plate) || !strings.Contains(findings[0]["message"].(string), two.Label) {
			t.Errorf("rows %v, findings %v", rows, findings)
		}
		pairs := s.pages("clerk.changsha", "/duplicates?state=open")
		if len(pairs) != 1 || !strings.Contains(fmt.Sprint(pairs[0]["reasons"]), "row 2") {
			t.Fatalf("the queue has %v", pairs)
		}
		s.send("clerk.changsha", "POST", "/imports/"+id+"/apply", map[string]string{"mode": "all_or_nothing"}).want(409)
		s.send("clerk.changsha", "POST", "/imports/"+id+"/apply", map[string]string{"mode": "valid_rows"})
		for _, asset := range []string{one.ID, two.ID} {
			if got, err := s.DB.Asset(context.Background(), access.Whole(), asset); err != nil || got.Version != 1 {
				t.Errorf("%s was changed: %v, %v", asset, got.Version, err)
			}
		}
		s.checkedSheet(truckSheet(plate, vin, "新型号"))
		if again := s.pages("clerk.changsha", "/duplicates?state=open"); len(again) != 1 {
			t.Errorf("the same row again asks %d times", len(again))
		}
		s.send("clerk.changsha", "POST", fmt.Sprintf("/duplicates/%s/decision", pairs[0]["id"]), map[string]any{"same": true, "reason": "换牌后重复登记"}, "If-Match", `"1"`).want(200)
		id, a = s.checkedSheet(truckSheet(plate, vin, "新型号"))
		if a.text("counts.update") != "1" || a.text("counts.ambiguous") != "0" {
			t.Fatalf("after the decision: %v", a.get("counts"))
		}
		s.send("clerk.changsha", "POST", "/imports/"+id+"/apply", map[string]string{"mode": "valid_rows"}).want(202)
		s.until("clerk.changsha", id, "applied")
		if got, err := s.DB.Asset(context.Background(), access.Whole(), one.ID); err != nil || got.Fields["vin"] != vin || got.Fields["model"] != "新型号" {
			t.Errorf("the kept record has %v, %v", got.Fields, err)
		}
		if _, a = s.checkedSheet(truckSheet(plate, vin, "新型号")); a.text("counts.unchanged") != "1" {
			t.Errorf("the same file again: %v", a.get("counts"))
		}
	})
}

// TestRowThatMeetsAForeignRecordTellsNothingOfIt proves F18 and F75.
func TestRowThatMeetsAForeignRecordTellsNothingOfIt(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		one, two := s.Truck("clerk.changsha"), s.Truck("clerk.zhuzhou")
		id, a := s.checkedSheet(truckSheet(one.Fields["plate"], two.Fields["vin"], "X"))
		findings := fmt.Sprint(s.pages("clerk.changsha", "/imports/"+id+"/findings"))
		if a.text("counts.ambiguous") != "1" || strings.Contains(findings, two.Label) || strings.Contains(findings, two.ID) || !strings.Contains(findings, "another area") {
			t.Errorf("%v: %s", a.get("counts"), findings)
		}
		if pairs := s.pages("clerk.changsha", "/duplicates?state=open"); len(pairs) != 1 || strings.Contains(fmt.Sprint(pairs), two.ID) {
			t.Errorf("the queue has %v", pairs)
		}
	})
}

// TestRowOfAnotherThingDoesNotTakeARecordOver proves F7 and F18: a row with the
// plate of a record and wholly another frame number is about another vehicle and
// is refused; one slip of the number is mended with a warning; a new plate on the
// same frame is a change that is pointed out; of what stands elsewhere, the number
// that is taken is named and no other.
func TestRowOfAnotherThingDoesNotTakeARecordOver(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		one, foreign := s.Truck("clerk.changsha"), s.Truck("clerk.zhuzhou")
		plate, vin := one.Fields["plate"], one.Fields["vin"]
		for _, c := range []struct{ name, plate, vin, outcome, field, code string }{
			{"another vehicle", plate, apptest.VIN(700_001), "reject", "vin", "identity_conflict"},
			{"a slip", plate, slip(vin), "update", "vin", "identity_changed"},
			{"another plate", "湘A98989", vin, "update", "plate", "identity_changed"},
			{"elsewhere", "湘A98988", foreign.Fields["vin"], "reject", "vin", "registered_elsewhere"},
		} {
			id, a := s.checkedSheet(truckSheet(c.plate, c.vin, "新型号"))
			findings := s.pages("clerk.changsha", "/imports/"+id+"/findings")
			found := slices.ContainsFunc(findings, func(f map[string]any) bool { return f["code"] == c.code && f["field"] == c.field })
			if a.text("counts."+c.outcome) != "1" || !found {
				t.Errorf("%s: %v with %v", c.name, a.get("counts"), findings)
			}
		}
	})
}
