package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/xuri/excelize/v2"

	"phaseout/internal/store/storetest"
	"phaseout/seeds"
)

// TestMainJobOverTheAPI walks the main job on both engines, with the messy
// workbook as offices send it: import, retire, verify, pay, report. Proves F15,
// F16, F18, F19, F27, F28, F41, F42, F61, F66, F67.
func TestMainJobOverTheAPI(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		workbook, err := seeds.FS.ReadFile("demo/trucks-changsha.xlsx")
		if err != nil {
			t.Fatal(err)
		}
		importID := s.importWorkbook(workbook)
		truck := s.retireOne(importID)
		s.payOne(truck)
		s.reportOn(truck)
		for _, part := range s.Checks() {
			if _, err := part.Run(t.Context()); err != nil {
				t.Errorf("check %s: %v", part.Name, err)
			}
		}
	})
}

// importWorkbook uploads, compares every row with the answer key, applies the
// good rows, and sees that a second upload changes nothing.
func (s *site) importWorkbook(workbook []byte) string {
	t := s.t
	form := map[string]string{"class": "truck", "city": "430100"}
	first := s.upload("clerk.changsha", "/imports", form, "trucks-changsha.xlsx", workbook).want(202)
	id := first.text("id")
	if first.text("state") != "checking" {
		t.Errorf("a new import is %s", first.text("state"))
	}
	checked := s.until("clerk.changsha", id, "checked")
	for outcome, want := range map[string]string{"total": "2000", "create": "1705", "warn": "83", "duplicate": "15", "reject": "197", "ignored": "6"} {
		if got := checked.text("counts." + outcome); got != want {
			t.Errorf("%s: got %s rows, want %s", outcome, got, want)
		}
	}
	if n := len(s.pages("clerk.changsha", "/assets")); n != 0 {
		t.Errorf("the check wrote %d assets", n)
	}
	s.compareWithKey(id)
	annotated := s.send("clerk.changsha", "GET", "/imports/"+id+"/findings.xlsx", nil).want(200)
	book, err := excelize.OpenReader(bytes.NewReader(annotated.Body))
	if err != nil {
		t.Fatal(err)
	}
	comments, err := book.GetComments(book.GetSheetName(0))
	if err != nil || len(comments) < 250 {
		t.Errorf("the findings workbook has %d comments, %v", len(comments), err)
	}
	s.send("clerk.changsha", "POST", "/imports/"+id+"/apply", map[string]string{"mode": "all_or_nothing"}).want(409)
	s.send("clerk.changsha", "POST", "/imports/"+id+"/apply", map[string]string{"mode": "valid_rows"}).want(202)
	applied := s.until("clerk.changsha", id, "applied")
	if got := applied.text("counts.applied_create"); got != "1788" {
		t.Errorf("applied %s rows, want 1788", got)
	}
	again := s.upload("clerk.changsha", "/imports", form, "trucks-changsha.xlsx", workbook).want(202).text("id")
	second := s.until("clerk.changsha", again, "checked")
	for outcome, want := range map[string]string{"create": "0", "warn": "0", "update": "0", "unchanged": "1788", "duplicate": "15", "reject": "197"} {
		if got := second.text("counts." + outcome); got != want {
			t.Errorf("second upload, %s: got %s rows, want %s", outcome, got, want)
		}
	}
	return id
}

func (s *site) compareWithKey(id string) {
	t := s.t
	text, err := os.ReadFile("../registry/testdata/trucks-changsha.xlsx.key.json")
	if err != nil {
		t.Fatal(err)
	}
	var key struct {
		Rows []struct {
			Row     int      `json:"row"`
			Outcome string   `json:"outcome"`
			Codes   []string `json:"codes"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(text, &key); err != nil {
		t.Fatal(err)
	}
	outcomes, codes := map[int]string{}, map[int][]string{}
	for _, row := range s.pages("clerk.changsha", "/imports/"+id+"/rows") {
		outcomes[int(row["row"].(float64))] = row["outcome"].(string)
	}
	for _, f := range s.pages("clerk.changsha", "/imports/"+id+"/findings") {
		row := int(f["row"].(float64))
		codes[row] = append(codes[row], f["code"].(string))
		if f["message"] == "" || (f["severity"] != "error" && f["severity"] != "warning") {
			t.Errorf("finding without its words: %v", f)
		}
	}
	for _, want := range key.Rows {
		if outcomes[want.Row] != want.Outcome || !slices.Equal(codes[want.Row], want.Codes) {
			t.Errorf("row %d: got %s %v, want %s %v", want.Row, outcomes[want.Row], codes[want.Row], want.Outcome, want.Codes)
		}
	}
}

// retireOne finds a truck by parts of its numbers, logs its scrapping and has
// it verified by somebody else.
func (s *site) retireOne(importID string) map[string]any {
	t := s.t
	program := map[string]any{"code": "EARLY", "name": map[string]string{"zh": "测试方案", "en": "Test program"}, "city_code": "430100", "class": "truck", "document": "测试文件",
		"valid_from": "2025-01-01", "valid_to": "2026-12-31", "basis": "deregistered_on", "budget_fen": 100_000_00,
		"rules": map[string]any{"stages": []string{"china1", "china2", "china3"}, "min_early_months": 12, "operating_only": false,
			"table": []any{map[string]any{"group": "heavy", "from_months": 12, "amount_fen": 35_000_00}}}}
	set := s.send("finance.changsha", "POST", "/programs", program).want(201)
	flow := s.send("finance.changsha", "GET", "/programs/"+set.text("id")+"/flow", nil).want(200)
	if flow.text("default") != "true" || flow.text("reserve_on") != "submission" {
		t.Errorf("a program for which nothing was set: %s", flow.Body)
	}
	s.send("finance.changsha", "PATCH", "/programs/"+set.text("id")+"/flow", map[string]any{"reserve_on": "submission", "mend_days": 15,
		"papers": []any{map[string]string{"paper": "bank_card", "for": "any"}}}, "If-Match", flow.Header.Get("ETag")).want(200)
	var truck map[string]any
	for _, a := range s.pages("clerk.changsha", "/assets?class=truck&in_scope=true&import="+importID) {
		status := s.send("clerk.changsha", "GET", "/assets/"+a["id"].(string), nil).text("police_status")
		if a["scrap_due_on"].(string) > "2027-06-01" && status == "正常" && bytes.HasPrefix([]byte(a["category"].(string)), []byte("heavy")) {
			truck = a
			break
		}
	}
	if truck == nil {
		t.Fatal("no truck of the sample is early enough")
	}
	id, label := truck["id"].(string), truck["label"].(string)
	vin := ""
	for _, i := range truck["identifiers"].([]any) {
		if pair := i.(map[string]any); pair["kind"] == "vin" {
			vin = pair["value"].(string)
		}
	}
	for _, q := range []string{label[len("湘"):], vin[3:11], string([]rune(truck["owner_name"].(string))[:2])} {
		found := s.pages("clerk.changsha", "/assets?q="+q)
		if !slices.ContainsFunc(found, func(a map[string]any) bool { return a["id"] == id }) {
			t.Errorf("%q does not find %s", q, label)
		}
	}
	body := map[string]string{"way_out": "scrapped", "driver": "subsidy", "handed_in_on": "2025-11-20", "deregistered_on": "2025-12-10", "recycler": "长沙回收", "certificate_no": "HS-1"}
	declared := s.send("clerk.changsha", "POST", "/assets/"+id+"/retirement", body, "Idempotency-Key", "walk-1").want(201)
	again := s.send("clerk.changsha", "POST", "/assets/"+id+"/retirement", body, "Idempotency-Key", "walk-1").want(201)
	if !bytes.Equal(declared.Body, again.Body) || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same key got another answer: %s and %s", declared.Body, again.Body)
	}
	retirement := declared.text("id")
	verify := map[string]string{"decision": "verify"}
	missing := s.send("reviewer.changsha", "POST", "/retirements/"+retirement+"/verification", verify, "If-Match", declared.Header.Get("ETag")).want(409)
	if missing.text("code") != "evidence_missing" || missing.text("errors.0.location") != "evidence.photo" {
		t.Errorf("without a photo: %s", missing.Body)
	}
	s.upload("clerk.changsha", "/retirements/"+retirement+"/files", map[string]string{"kind": "photo"}, "拆解.png", s.Photo()).want(201)
	current := s.send("reviewer.changsha", "GET", "/retirements/"+retirement, nil).want(200)
	if current.text("evidence_complete") != "true" {
		t.Errorf("the evidence is not complete: %s", current.Body)
	}
	verified := s.send("reviewer.changsha", "POST", "/retirements/"+retirement+"/verification", verify, "If-Match", current.Header.Get("ETag")).want(200)
	if verified.text("state") != "verified" || verified.text("counted_on") != "2025-12-10" {
		t.Errorf("after the review: %s", verified.Body)
	}
	truck["application_id"] = verified.get("application_id")
	return truck
}

// payOne takes the application through entry, check, approval, batch and
// payment: four people.
func (s *site) payOne(truck map[string]any) {
	t := s.t
	id := fmt.Sprint(truck["application_id"])
	path := "/applications/" + id
	application := s.send("finance.changsha", "GET", path, nil).want(200)
	if application.text("amount_fen") != "3.5e+06" || len(application.get("lines").([]any)) < 7 || application.text("state") != "draft" {
		t.Errorf("the application: %s", application.Body)
	}
	entry := map[string]string{"applicant_kind": "unit", "applicant_phone": "0731-12345678", "brought_by": "self", "payee_bank": "测试银行", "payee_account": "4301 0000 0000 1234", "payee_bank_code": "313651027012"}
	entered := s.send("finance.changsha", "PATCH", path, entry, "If-Match", application.Header.Get("ETag")).want(200)
	missing := s.send("finance.changsha", "POST", path+"/submission", "{}", "If-Match", entered.Header.Get("ETag")).want(409)
	if missing.text("code") != "papers_missing" || missing.text("errors.0.location") != "papers.bank_card" {
		t.Errorf("without a paper: %s", missing.Body)
	}
	s.upload("finance.changsha", path+"/files", map[string]string{"kind": "bank_card"}, "card.png", s.Photo()).want(201)
	submitted := s.send("finance.changsha", "POST", path+"/submission", "{}", "If-Match", entered.Header.Get("ETag")).want(200)
	if submitted.text("state") != "submitted" || submitted.text("funds") != "reserved" || submitted.text("payee_account") != "************1234" {
		t.Errorf("submitted: %s", submitted.Body)
	}
	s.send("finance.changsha", "POST", path+"/check", map[string]string{"decision": "pass"}, "If-Match", submitted.Header.Get("ETag")).want(403)
	checked := s.send("finance2.changsha", "POST", path+"/check", map[string]string{"decision": "pass"}, "If-Match", submitted.Header.Get("ETag")).want(200)
	s.send("finance2.changsha", "POST", path+"/approval", map[string]string{"decision": "approve"}, "If-Match", checked.Header.Get("ETag")).want(403)
	approved := s.send("finance3.changsha", "POST", path+"/approval", map[string]string{"decision": "approve"}, "If-Match", checked.Header.Get("ETag")).want(200)
	if approved.text("state") != "payable" || approved.text("funds") != "committed" || len(approved.get("people").([]any)) != 3 {
		t.Errorf("approved: %s", approved.Body)
	}
	batch := s.send("finance.changsha", "POST", "/batches", map[string]string{"program_id": approved.text("program_id")}).want(201)
	for _, own := range []string{"finance2.changsha", "finance3.changsha"} {
		s.send(own, "POST", "/batches/"+batch.text("id")+"/sending", nil, "If-Match", batch.Header.Get("ETag")).want(403)
	}
	sent := s.send("finance4.changsha", "POST", "/batches/"+batch.text("id")+"/sending", nil, "If-Match", batch.Header.Get("ETag")).want(200)
	if sent.text("state") != "sent" {
		t.Errorf("after sending: %s", sent.Body)
	}
	answer := s.upload("finance4.changsha", "/batches/"+batch.text("id")+"/answers", nil, "回单.csv",
		[]byte("序号,支付单号,收款人名称,支付金额,清算时间,支付状态,备注\n1,BANK-1,测试,35000.00,2026-01-15,支付成功,\n")).want(201)
	if answer.text("paid_count") != "1" || answer.text("unmatched_count") != "0" {
		t.Errorf("the answer: %s", answer.Body)
	}
	paid := s.send("finance.changsha", "GET", "/batches/"+batch.text("id"), nil).want(200)
	if paid.text("state") != "done" || paid.text("lines.0.state") != "paid" || paid.text("lines.0.reference") != "BANK-1" {
		t.Errorf("after the payment: %s", paid.Body)
	}
	if state := s.send("finance.changsha", "GET", "/applications/"+id, nil).text("state"); state != "paid" {
		t.Errorf("the application is %s", state)
	}
	if paidFen := s.send("finance.changsha", "GET", "/programs/"+approved.text("program_id"), nil).text("paid_fen"); paidFen != "3.5e+06" {
		t.Errorf("the program has paid %s fen", paidFen)
	}
}

// reportOn reads the sheet of the province on three days, opens its numbers
// and downloads it.
func (s *site) reportOn(truck map[string]any) {
	t := s.t
	for day, want := range map[string]int{"2025-12-09": 0, "2025-12-10": 1, "2025-12-31": 1} {
		var sheet struct {
			Items []map[string]any `json:"items"`
			Total map[string]any   `json:"total"`
		}
		s.send("province", "GET", "/progress?as_of="+day+"&class=truck", nil).want(200).into(&sheet)
		if len(sheet.Items) != 6 {
			t.Fatalf("%d lines, want one for each city", len(sheet.Items))
		}
		for _, metric := range []string{"baseline", "additions", "cohort", "handed_in", "declared", "evidenced", "verified", "converted", "moved_out", "remaining"} {
			sum := 0.0
			for _, line := range sheet.Items {
				rows := s.pages("province", fmt.Sprintf("/assets?class=truck&city=%s&metric=%s&as_of=%s", line["city_code"], metric, day))
				if len(rows) != int(line[metric].(float64)) {
					t.Errorf("%s %s on %s: the sheet says %v, the list has %d", line["city_code"], metric, day, line[metric], len(rows))
				}
				sum += line[metric].(float64)
				if metric == "verified" && line["city_code"] == "430100" && len(rows) != want {
					t.Errorf("verified on %s: got %d, want %d", day, len(rows), want)
				}
				if metric == "verified" && len(rows) == 1 && rows[0]["id"] != truck["id"] {
					t.Errorf("the row behind is %v", rows[0])
				}
			}
			if sum != sheet.Total[metric] {
				t.Errorf("%s on %s: the cities sum to %v, the total says %v", metric, day, sum, sheet.Total[metric])
			}
		}
	}
	download := s.send("province", "GET", "/progress.xlsx?as_of=2025-12-31", nil).want(200)
	book, err := excelize.OpenReader(bytes.NewReader(download.Body))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := book.GetRows(book.GetSheetName(0))
	if err != nil || len(rows) < 6*4+4 {
		t.Errorf("the workbook has %d rows, %v", len(rows), err)
	}
}
