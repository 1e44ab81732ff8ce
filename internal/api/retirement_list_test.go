package api_test

import (
	"fmt"
	"strings"
	"testing"

	"phaseout/internal/app/apptest"
	"phaseout/internal/store/storetest"
)

// rowsOf returns the outcome and the codes of the findings of each row.
func (s *site) rowsOf(user, id string) map[int]string {
	s.t.Helper()
	rows := map[int]string{}
	for _, r := range s.pages(user, "/imports/"+id+"/rows") {
		rows[int(r["row"].(float64))] = r["outcome"].(string)
	}
	for _, f := range s.pages(user, "/imports/"+id+"/findings") {
		if f["message"] == "" || f["mend"] == "" {
			s.t.Errorf("a finding without its words: %v", f)
		}
		rows[int(f["row"].(float64))] += " " + f["code"].(string)
	}
	return rows
}

// TestYardsMonthlyListLandsAsDeclared proves F27 and F30's quick logging: a
// yard's own sheet is read by its headings, matched by plate and VIN, checked row
// by row, applied, unchanged when it comes again, filled in by the next month's,
// and undone by withdrawal.
func TestYardsMonthlyListLandsAsDeclared(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		a, b, c, d := s.Truck("clerk.changsha"), s.Truck("clerk.changsha"), s.Truck("clerk.changsha"), s.Truck("clerk.changsha")
		foreign := s.Truck("clerk.zhuzhou")
		gone := s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-11-01", true)
		sheet := "长沙回收公司2025年11月回收台账\n序号,号牌号码,车架号,交车日期,回收证明编号,回收企业名称\n" +
			fmt.Sprintf("1,%s,%s,2025-11-03,HS-A,长沙回收\n", a.Label, a.Fields["vin"]) + // good
			fmt.Sprintf("2,%s,,2025年11月4日,HS-B,长沙回收\n", strings.TrimPrefix(b.Label, "湘")) + // plate without the province
			fmt.Sprintf("3,湘A99999,%s,2025-11-05,HS-C,长沙回收\n", c.Fields["vin"]) + // other plate, same VIN: warned
			fmt.Sprintf("4,%s,%s,2025-11-06,HS-D,长沙回收\n", d.Label, apptest.VIN(900)) + // plate of one, VIN of none
			fmt.Sprintf("5,%s,%s,2025-11-06,HS-E,长沙回收\n", a.Label, b.Fields["vin"]) + // two different trucks
			"6,湘A88888,,2025-11-06,HS-F,长沙回收\n" + // nobody's
			fmt.Sprintf("7,,%s,2025-11-06,HS-G,长沙回收\n", foreign.Fields["vin"]) +
			fmt.Sprintf("8,%s,,2027-11-06,HS-H,长沙回收\n", d.Label) + // the future
			fmt.Sprintf("9,%s,,2025-11-06,HS-A,长沙回收\n", d.Label) + // certificate of row 1
			fmt.Sprintf("10,%s,,2025-11-03,HS-A,长沙回收\n", a.Label) + // the same truck again
			fmt.Sprintf("11,%s,,2025-11-06,HS-J,长沙回收\n", gone.AssetLabel) // retired already
		form := map[string]string{"class": "truck", "city": "430100", "kind": "retirements", "driver": "subsidy"}
		load := func(text string) string {
			id := s.upload("clerk.changsha", "/imports", form, "11月.csv", []byte(text)).want(202).text("id")
			s.until("clerk.changsha", id, "checked")
			return id
		}
		id := load(sheet)
		rows := s.rowsOf("clerk.changsha", id)
		for row, want := range map[int]string{3: "create", 4: "create", 5: "warn numbers_differ", 6: "reject numbers_differ", 7: "reject numbers_differ", 8: "reject not_found",
			9: "reject registered_elsewhere", 10: "reject date_future", 11: "reject duplicate_in_file", 12: "reject duplicate_in_file", 13: "reject already_retired"} {
			if rows[row] != want {
				t.Errorf("row %d: got %q, want %q", row, rows[row], want)
			}
		}
		if n := len(s.pages("clerk.changsha", "/retirements?state=declared")); n != 0 {
			t.Errorf("the check declared %d", n)
		}
		apply := func(id, mode string, status int) {
			s.send("clerk.changsha", "POST", "/imports/"+id+"/apply", map[string]string{"mode": mode}).want(status)
		}
		apply(id, "all_or_nothing", 409)
		apply(id, "valid_rows", 202)
		if applied := s.until("clerk.changsha", id, "applied"); applied.text("counts.applied_create") != "3" {
			t.Errorf("applied: %s", applied.Body)
		}
		listed := s.pages("clerk.changsha", "/retirements?import="+id)
		if len(listed) != 3 || listed[0]["standing"] != "received" || listed[0]["driver"] != "subsidy" || listed[0]["way_out"] != "scrapped" {
			t.Errorf("declared by the list: %v", listed)
		}
		if book := s.send("clerk.changsha", "GET", "/imports/"+id+"/findings.xlsx", nil).want(200); len(book.Body) == 0 {
			t.Error("no workbook of findings")
		}
		again := load(sheet)
		if rows := s.rowsOf("clerk.changsha", again); rows[3] != "unchanged" || rows[4] != "unchanged" || rows[5] != "unchanged numbers_differ" {
			t.Errorf("the same file again: %v", rows)
		}
		next := load("号牌号码,拆解日期,注销日期\n" + a.Label + ",2025-11-20,\n" + b.Label + ",2025-11-01,\n")
		if rows := s.rowsOf("clerk.changsha", next); rows[2] != "update" || rows[3] != "reject date_order" {
			t.Errorf("next month's: %v", rows)
		}
		apply(next, "valid_rows", 202)
		s.until("clerk.changsha", next, "applied")
		if r := s.pages("clerk.changsha", "/retirements?asset="+a.ID)[0]; r["standing"] != "dismantled" || r["certificate_no"] != "HS-A" {
			t.Errorf("filled in: %v", r)
		}
		refused := s.send("clerk.changsha", "POST", "/imports/"+id+"/undo", nil).want(409)
		if refused.text("code") != "changed_since" || refused.text("extra.changed.0.label") != a.Label {
			t.Errorf("undo of a changed list: %s", refused.Body)
		}
		s.send("clerk.changsha", "POST", "/imports/"+next+"/undo", nil).want(200)
		if r := s.pages("clerk.changsha", "/retirements?asset="+a.ID)[0]; r["standing"] != "received" {
			t.Errorf("taken back: %v", r)
		}
		s.send("clerk.changsha", "POST", "/imports/"+id+"/undo", map[string]bool{"skip_changed": true}).want(200)
		if n := len(s.pages("clerk.changsha", "/retirements?state=withdrawn")); n != 2 {
			t.Errorf("%d are withdrawn", n)
		}
		if status := s.send("clerk.changsha", "GET", "/assets/"+b.ID, nil).text("status"); status != "in_use" {
			t.Errorf("after the undo: %s", status)
		}
		s.checked()
	})
}

// TestPastedListIsMatchedNeverGuessed proves F27's quick logging: plates, VINs,
// names of ships, certificates and whole rows are pasted at once; what fits more
// than one record is listed, never the first hit.
func TestPastedListIsMatchedNeverGuessed(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		paste := func(class, text string, defaults map[string]string) string {
			id := s.send("clerk.changsha", "POST", "/retirement-lists", map[string]any{"class": class, "city": "430100", "text": text, "defaults": defaults}).want(202).text("id")
			s.until("clerk.changsha", id, "checked")
			return id
		}
		apply := func(id string) {
			s.send("clerk.changsha", "POST", "/imports/"+id+"/apply", map[string]string{"mode": "valid_rows"}).want(202)
			s.until("clerk.changsha", id, "applied")
		}
		a, b, c := s.Truck("clerk.changsha"), s.Truck("clerk.changsha"), s.Truck("clerk.changsha")
		twin := s.Truck("clerk.changsha", "plate", c.Label, "plate_kind", "02", "category", "light_van", "gross_mass_kg", "3500")
		scrapped := map[string]string{"way_out": "scrapped", "driver": "natural", "handed_in_on": "2025-12-01", "recycler": "长沙回收"}
		id := paste("truck", fmt.Sprintf("%s\n\n%s\n%s\n湘A77777\n", a.Label, b.Fields["vin"], c.Label), scrapped)
		rows := s.rowsOf("clerk.changsha", id)
		if rows[2] != "create" || rows[3] != "create" || rows[4] != "reject ambiguous_match" || rows[5] != "reject not_found" {
			t.Errorf("plates and a VIN: %v", rows)
		}
		for _, f := range s.pages("clerk.changsha", "/imports/"+id+"/findings?code=ambiguous_match") {
			if n := strings.Count(f["message"].(string), c.Label); n != 3 && n != 2 {
				t.Errorf("the two are not listed: %v", f)
			}
		}
		apply(id)
		whole := paste("truck", c.Label+"\t"+c.Fields["vin"]+"\t2025-12-02\t2025-12-09\tHS-W-1\t长沙回收公司\n"+twin.Label+"\t"+twin.Fields["vin"]+"\t2025-12-03\t\tHS-W-2\t长沙回收公司\n", map[string]string{"way_out": "scrapped"})
		if rows := s.rowsOf("clerk.changsha", whole); rows[2] != "create" || rows[3] != "create" {
			t.Errorf("whole rows without headings: %v", rows)
		}
		apply(whole)
		if r := s.pages("clerk.changsha", "/retirements?asset="+c.ID)[0]; r["handed_in_on"] != "2025-12-02" || r["dismantled_on"] != "2025-12-09" || r["certificate_no"] != "HS-W-1" {
			t.Errorf("as pasted: %v", r)
		}
		certificates := paste("truck", "HS-W-1\nHS-NONE\n", map[string]string{"way_out": "scrapped", "deregistered_on": "2025-12-12"})
		if rows := s.rowsOf("clerk.changsha", certificates); rows[2] != "update" || rows[3] != "reject not_found" {
			t.Errorf("certificates: %v", rows)
		}
		ship := func(id string) {
			s.send("clerk.changsha", "POST", "/assets", map[string]any{"class": "vessel", "city_code": "430100", "fields": map[string]string{"ship_name": "湘长沙货0001", "ship_id": id, "category": "bulk", "built_on": "1995-01-01", "home_port": "长沙"}}).want(201)
		}
		ship("CN19951111111")
		ship("CN19952222222")
		vessels := paste("vessel", "湘长沙货0001\nCN19952222222\n", map[string]string{"way_out": "scrapped", "handed_in_on": "2025-12-01"})
		if rows := s.rowsOf("clerk.changsha", vessels); rows[2] != "reject ambiguous_match" || rows[3] != "create" {
			t.Errorf("two ships of one name: %v", rows)
		}
		s.send("clerk.changsha", "POST", "/retirement-lists", map[string]any{"class": "truck", "city": "430100", "text": " \n ", "defaults": scrapped}).want(422)
		s.send("clerk.changsha", "POST", "/retirement-lists", map[string]any{"class": "truck", "city": "430200", "text": "湘B1", "defaults": scrapped}).want(422)
		s.send("reviewer.changsha", "POST", "/retirement-lists", map[string]any{"class": "truck", "city": "430100", "text": "湘A1"}).want(403)
		s.checked()
	})
}

// TestPastedRowsKeepTheirColumns proves F27: an empty cell moves nothing to
// another column, whatever stands between the cells; quotes, blanks and several
// plates on one line are read as they are meant; one certificate written in two
// ways is one; what a way out has no place for is left out and said.
func TestPastedRowsKeepTheirColumns(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		check := func(text string, defaults map[string]string) (rows []map[string]any, findings []map[string]any) {
			id := s.send("clerk.changsha", "POST", "/retirement-lists", map[string]any{"class": "truck", "city": "430100", "text": text, "defaults": defaults}).want(202).text("id")
			s.until("clerk.changsha", id, "checked")
			return s.pages("clerk.changsha", "/imports/"+id+"/rows"), s.pages("clerk.changsha", "/imports/"+id+"/findings")
		}
		a, b := s.Truck("clerk.changsha"), s.Truck("clerk.changsha")
		handed := map[string]string{"way_out": "scrapped", "handed_in_on": "2025-12-01", "recycler": "长沙回收"}
		for _, comma := range []string{",", "，", "；", "\t"} {
			rows, _ := check(strings.ReplaceAll("号牌号码,交售日期,拆解日期,注销日期\n"+a.Label+",2025-12-01,,2025-12-10\n\""+b.Label+"\",2025-12-01,2025-12-05,\"2025-12-09\"\n", ",", comma), handed)
			if len(rows) != 2 {
				t.Fatalf("%q: %v", comma, rows)
			}
			first, second := rows[0]["values"].(map[string]any), rows[1]["values"].(map[string]any)
			if first["dismantled_on"] != nil || first["deregistered_on"] != "2025-12-10" || second["dismantled_on"] != "2025-12-05" || second["deregistered_on"] != "2025-12-09" {
				t.Errorf("%q: %v, %v", comma, first, second)
			}
		}
		half := string([]rune(a.Label)[:2]) + " " + string([]rune(a.Label)[2:])
		for _, text := range []string{a.Label + " " + b.Label, half + "\n" + b.Label, a.Label + "、" + b.Label, a.Fields["vin"] + "\t" + b.Fields["vin"], half + " " + b.Label + " \t"} {
			if rows, found := check(text, handed); len(rows) != 2 || rows[0]["outcome"] != "create" || rows[1]["outcome"] != "create" || rows[0]["asset_id"] != a.ID {
				t.Errorf("%q: %v %v", text, rows, found)
			}
		}
		rows, _ := check("号牌号码 交售日期 证明编号\n"+half+" 2025-12-03 HS-1\n"+b.Label+" 2025/12/4 HS-2", handed)
		if len(rows) != 2 || rows[0]["values"].(map[string]any)["handed_in_on"] != "2025-12-03" || rows[1]["values"].(map[string]any)["certificate_no"] != "HS-2" {
			t.Errorf("columns by blanks: %v", rows)
		}
		rows, found := check("号牌号码\t证明编号\n"+a.Label+"\tHS-9001\n"+b.Label+"\tＨＳ 9001", handed)
		if rows[0]["outcome"] != "create" || rows[1]["outcome"] != "reject" || found[0]["code"] != "duplicate_in_file" {
			t.Errorf("one certificate in two forms: %v %v", rows, found)
		}
		rows, found = check("号牌号码\t淘汰去向\t拆解日期\t注销日期\n"+a.Label+"\t转出省外\t2025-12-01\t2025-12-02", handed)
		values := rows[0]["values"].(map[string]any)
		if rows[0]["outcome"] != "warn" || values["handed_in_on"] != nil || values["recycler"] != nil || values["dismantled_on"] != nil || len(found) != 1 || found[0]["code"] != "not_of_way" || found[0]["field"] != "dismantled_on" {
			t.Errorf("moved out: %v %v", rows, found)
		}
		s.checked()
	})
}
