package api_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"mime"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"phaseout/internal/app/apptest"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// csvRows reads an exported CSV file: its headings and its rows by heading.
func csvRows(t *testing.T, a answer) (head []string, rows []map[string]string) {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(a.want(200).Body, []byte("\ufeff")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, v := range cells {
			row[all[0][i]] = v
		}
		rows = append(rows, row)
	}
	return all[0], rows
}

// xlsxRows reads the cells of an exported workbook's first sheet.
func xlsxRows(t *testing.T, a answer) [][]string {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(a.want(200).Body))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := f.GetRows("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestExportHasExactlyTheRowsOfTheList proves F22: for every filter the export,
// the count and the list agree, in both formats, for a city, a district and the
// province.
func TestExportHasExactlyTheRowsOfTheList(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		for i := range 7 {
			s.Truck("clerk.changsha", "stage", []string{"china3", "china2"}[i%2], "district", []string{"430104", "", "430102"}[i%3])
		}
		s.Truck("clerk.zhuzhou")
		s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-01", true)
		s.send("clerk.changsha", "POST", "/assets", map[string]any{"class": "vessel", "city_code": "430100", "fields": map[string]string{"ship_name": "湘长沙货0001", "ship_id": "CN20011234567",
			"built_on": "1999-05-01", "category": "干货船", "owner_name": "某航运公司", "fuel": "柴油"}})
		ids := func(list []map[string]any) (all []string) {
			for _, a := range list {
				all = append(all, fmt.Sprint(a["id"]))
			}
			slices.Sort(all)
			return all
		}
		for _, user := range []string{"clerk.changsha", "clerk.yuelu", "province", "clerk.zhuzhou"} {
			for _, filter := range []string{"", "class=truck", "class=truck&stage=china2", "status=deregistered", "city=430200", "district=430104", "q=" + "%E6%B9%98A", "q=nothing", "in_scope=true",
				"in_scope=false", "metric=verified&as_of=2026-01-01", "metric=remaining&as_of=2026-01-01&class=truck", "category=heavy_dump"} {
				want := ids(s.pages(user, "/assets?"+filter))
				if n := s.send(user, "GET", "/assets/count?"+filter, nil).want(200).text("count"); n != fmt.Sprint(len(want)) {
					t.Errorf("%s %s: %s counted, the list has %d", user, filter, n, len(want))
				}
				a := s.send(user, "GET", "/assets/export?format=csv&"+filter, nil)
				_, rows := csvRows(t, a)
				var got []string
				for _, r := range rows {
					got = append(got, r["System number"])
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s %s: exported %v, the list has %v", user, filter, got, want)
				}
				_, parameters, _ := mime.ParseMediaType(a.Header.Get("Content-Disposition"))
				if !strings.Contains(parameters["filename"], fmt.Sprintf("_%d_rows_", len(want))) || a.Header.Get("Content-Length") != fmt.Sprint(len(a.Body)) {
					t.Errorf("%s: called %s", filter, parameters["filename"])
				}
				sheet := xlsxRows(t, s.send(user, "GET", "/assets/export?"+filter, nil))
				if note := sheet[2][0]; len(sheet) != len(want)+5 || !strings.HasPrefix(note, fmt.Sprintf("%d rows, as of 2026-01-15 09:30:00", len(want))) {
					t.Errorf("%s %s: the workbook has %d rows and says %q", user, filter, len(sheet), note)
				}
			}
		}
		for _, query := range []string{"?format=pdf", "?cty=430100", "?limit=5", "?metric=verified"} {
			s.send("clerk.changsha", "GET", "/assets/export"+query, nil).want(422)
		}
	})
}

// TestExportIsOfMoreThanOneChunk proves F22: nothing is cut or repeated where
// one read ends and the next begins.
func TestExportIsOfMoreThanOneChunk(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		var b strings.Builder
		b.WriteString("号牌号码,车辆识别代号,所有人,初次登记日期\n")
		for i := range 2001 {
			fmt.Fprintf(&b, "湘A%05d,%s,某公司,2010-01-01\n", i, apptest.VIN(i))
		}
		s.stop() // the queue would take the import as well
		s.DB.SetEnqueuer(store.NoQueue)
		i, err := s.ImportSheet(t.Context(), s.Users["clerk.changsha"], "truck", "430100", "a.csv", strings.NewReader(b.String()), "valid_rows")
		if err != nil || i.State != "applied" {
			t.Fatal(i.State, err)
		}
		s.serve()
		_, rows := csvRows(t, s.send("clerk.changsha", "GET", "/assets/export?format=csv&class=truck", nil))
		seen := map[string]bool{}
		for _, r := range rows {
			seen[r["Plate number"]] = true
		}
		if len(rows) != 2001 || len(seen) != 2001 {
			t.Errorf("%d rows, %d different", len(rows), len(seen))
		}
	})
}

// TestExportedColumnsSpeakTheLanguageAndTheClass proves F22: all fields of one
// class, or what classes share; names for codes; nothing that is a formula.
func TestExportedColumnsSpeakTheLanguageAndTheClass(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		truck := s.Truck("clerk.changsha", "owner_name", "=HYPERLINK(\"http://x\")", "model", "@SUM(1)", "district", "430104")
		head, rows := csvRows(t, s.send("clerk.changsha", "GET", "/assets/export?format=csv&class=truck", nil, "Accept-Language", "zh-CN"))
		for _, want := range []string{"城市", "号牌号码", "车辆识别代号", "发动机号", "总质量(kg)", "初次登记日期", "证件号码", "系统编号"} {
			if !slices.Contains(head, want) {
				t.Errorf("no column %s in %v", want, head)
			}
		}
		r := rows[0]
		for column, want := range map[string]string{"城市": "长沙市", "号牌号码": truck.Label, "车辆类型": "重型自卸货车", "排放标准": "国三", "总质量(kg)": "25000", "所属县区": "岳麓区", "状态": "在用", "纳入淘汰范围": "是",
			"所有人": "'=HYPERLINK(\"http://x\")", "品牌型号": "'@SUM(1)", "强制报废期止": string(truck.ScrapDueOn)} {
			if r[column] != want {
				t.Errorf("%s: got %q, want %q", column, r[column], want)
			}
		}
		common, _ := csvRows(t, s.send("clerk.changsha", "GET", "/assets/export?format=csv", nil))
		if slices.Contains(common, "Gross mass (kg)") || !slices.Contains(common, "Class") || !slices.Contains(common, "Further numbers") {
			t.Errorf("the columns of all classes are %v", common)
		}
		sheet := xlsxRows(t, s.send("clerk.changsha", "GET", "/assets/export?class=truck&district=430104", nil, "Accept-Language", "zh-CN"))
		if sheet[0][0] != "登记清单" || sheet[1][0] != "范围：长沙市    筛选条件：类别=柴油货车；县区=岳麓区" || sheet[3][0] != "导出人：Clerk A" {
			t.Errorf("above the headings stands %q", sheet[:4])
		}
		for _, cell := range sheet[5] {
			if strings.HasPrefix(cell, "'=") {
				t.Errorf("the workbook's text has an apostrophe: %q", cell)
			}
		}
	})
}

// TestOwnersNumbersAreMaskedUnlessAReasonIsGiven proves F22 and F75: only a
// city's own staff may have them, and the audit says who, what for and of what.
func TestOwnersNumbersAreMaskedUnlessAReasonIsGiven(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.Truck("clerk.changsha")
		s.Truck("clerk.zhuzhou")
		const id, phone = "91430100MA00000003", "13900001234"
		for _, user := range []string{"clerk.changsha", "reviewer.changsha", "finance.changsha", "province", "auditor"} {
			for _, format := range []string{"csv", "xlsx"} {
				a := s.send(user, "GET", "/assets/export?format="+format, nil).want(200)
				text := string(a.Body)
				if format == "xlsx" {
					text = fmt.Sprint(xlsxRows(t, a))
				}
				if strings.Contains(text, id) || strings.Contains(text, phone) || !strings.Contains(text, "139****1234") {
					t.Errorf("%s %s: %s", user, format, text)
				}
			}
		}
		for _, user := range []string{"province", "auditor"} {
			if a := s.send(user, "GET", "/assets/export?reveal=true&reason=x", nil).want(403); a.text("code") != "reveal_forbidden" {
				t.Errorf("%s: %s", user, a.Body)
			}
		}
		if a := s.send("clerk.changsha", "GET", "/assets/export?reveal=true&reason=%20", nil).want(422); a.text("errors.0.location") != "query.reason" {
			t.Errorf("without a reason: %s", a.Body)
		}
		for _, user := range []string{"clerk.changsha", "reviewer.changsha", "finance.changsha", "clerk.zhuzhou"} {
			_, rows := csvRows(t, s.send(user, "GET", "/assets/export?format=csv&reveal=true&reason=check+payments&class=truck", nil))
			if len(rows) != 1 || rows[0]["Owner's number"] != id || rows[0]["Telephone"] != phone {
				t.Errorf("%s: %v", user, rows)
			}
		}
		events := s.pages("auditor", "/audit?entity=export")
		if len(events) != 5*2+4 {
			t.Fatalf("%d events, of 14 exports", len(events))
		}
		newest := fmt.Sprint(events[0])
		for _, want := range []string{"check payments", "Clerk B", "class=Diesel truck", "revealed", "true", "count"} {
			if !strings.Contains(newest, want) {
				t.Errorf("the event does not say %s: %s", want, newest)
			}
		}
		if _, err := s.DB.VerifyChain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestRetirementsAreExportedAsListed proves F22 for retirements.
func TestRetirementsAreExportedAsListed(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		for i := range 3 {
			s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-01", i == 0)
		}
		s.Retire("zhuzhou", s.Truck("clerk.zhuzhou").ID, "2025-12-01", false)
		for filter, want := range map[string]int{"": 3, "state=verified": 1, "state=declared": 2, "q=HS-": 3, "class=vessel": 0, "city=430200": 0} {
			_, rows := csvRows(t, s.send("reviewer.changsha", "GET", "/retirements/export?format=csv&"+filter, nil))
			list := s.pages("reviewer.changsha", "/retirements?"+filter)
			counted := s.send("reviewer.changsha", "GET", "/retirements/count?"+filter, nil).want(200).text("count")
			sheet := xlsxRows(t, s.send("reviewer.changsha", "GET", "/retirements/export?"+filter, nil))
			if len(rows) != want || len(list) != want || counted != fmt.Sprint(want) || len(sheet) != want+5 {
				t.Errorf("%s: exported %d, listed %d, counted %s, want %d", filter, len(rows), len(list), counted, want)
			}
			for i, r := range rows {
				if r["Certificate number"] != list[i]["certificate_no"] || r["Deregistration"] != "2025-12-01" || r["Way out"] == "" {
					t.Errorf("%s: got %v, want %v", filter, r, list[i])
				}
			}
		}
	})
}

// TestAnExportComesBackUnchanged proves F19 and F22: the list of a class that is
// exported, in either format and language, is an import that changes nothing, and
// its masked numbers do not replace those that are kept.
func TestAnExportComesBackUnchanged(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		for class, fields := range map[string]map[string]string{
			"truck":          s.TruckFields("湘A", "owner_id", "91430100MA00000003", "owner_phone", "13900000001", "district", "430104", "police_status", "A", "gross_mass_kg", "25000"),
			"machinery":      {"category": "excavator", "serial": "SY700001", "power_kw": "110.5", "fuel": "diesel", "stage": "china1", "built_on": "2008-05-06", "owner_name": "某公司", "owner_phone": "13900000001"},
			"farm_machinery": {"category": "wheeled_large", "serial": "TJ700001", "farm_plate": "湘0170001", "power_kw": "70", "fuel": "diesel", "stage": "china1", "registered_on": "2008-05-06", "owner_name": "某某"},
			"vessel":         {"ship_name": "湘某货7001", "ship_id": "CN19951007001", "category": "bulk", "gross_tonnage": "600", "built_on": "1995-08-18", "owner_name": "某某", "owner_id": "439900198001010010"},
		} {
			s.send("clerk.changsha", "POST", "/assets", map[string]any{"class": class, "city_code": "430100", "fields": fields}).want(201)
			for _, lang := range []string{"zh-CN", "en"} {
				for _, format := range []string{"csv", "xlsx"} {
					file := s.send("clerk.changsha", "GET", "/assets/export?class="+class+"&format="+format, nil, "Accept-Language", lang).want(200).Body
					id := s.upload("clerk.changsha", "/imports", map[string]string{"class": class, "city": "430100"}, "a."+format, file).want(202).text("id")
					if a := s.until("clerk.changsha", id, "checked"); a.text("counts.unchanged") != "1" || a.text("counts.total") != "1" {
						t.Errorf("%s, %s, %s: %v, %v\n%v", class, lang, format, a.get("counts"), a.get("error"), s.pages("clerk.changsha", "/imports/"+id+"/findings"))
					}
				}
			}
		}
	})
}
