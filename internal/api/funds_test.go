package api_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"phaseout/internal/store/storetest"
)

func init() {
	moreBodies["propose-budget-change"] = `{"kind":"raise","amount_fen":1,"document":"X","reason":"X"}`
	moreBodies["decide-budget-change"] = `{"decision":"approve"}`
	moreBodies["book-receipt"] = `{"amount_fen":1,"received_on":"2026-01-01","reference":"X"}`
	moreBodies["withdraw-recovery"] = `{"reason":"X"}`
}

// fundsWorld adds the records of the money, after the batch was sent.
func (s *site) fundsWorld(ids map[string]string) {
	line := s.send("finance.zhuzhou", "POST", "/budget-lines", map[string]any{"city_code": "430200", "year": 2026, "source": "central", "amount_fen": 100, "document": "x", "reason": "x"}).want(201)
	ids["budget-lines"] = line.text("id")
	ids["budget-changes"] = s.send("finance.zhuzhou", "GET", "/budget-changes", nil).want(200).text("items.0.id")
	ids["ledger"] = s.send("finance.zhuzhou", "GET", "/ledger", nil).want(200).text("items.0.id")
	batch := s.send("finance.zhuzhou", "GET", "/batches/"+ids["batches"], nil).want(200)
	s.upload("finance2.zhuzhou", "/batches/"+ids["batches"]+"/answers", nil, "b.csv", []byte("序号,收款人名称,支付金额,支付状态\n1,某某,"+fmt.Sprintf("%.2f", batch.get("total_fen").(float64)/100)+",支付成功\n")).want(201)
	ids["recoveries"] = s.send("finance.zhuzhou", "POST", "/recoveries", map[string]any{"application_id": batch.text("lines.0.application_id"), "reason_code": "other", "reason": "x",
		"amount_fen": 1, "due_on": "2026-12-31"}).want(201).text("id")
}

// pay answers a batch as the bank would: every line paid.
func (s *site) pay(batch answer) {
	s.t.Helper()
	book := s.answerOf(batch.text("id"), func(int, map[string]string) {})
	s.upload("finance2.changsha", "/batches/"+batch.text("id")+"/answers", nil, "all.xlsx", bytesOf(s.t, book)).want(201)
}

// onePayable brings one more application to where it may be paid.
func (s *site) onePayable(payee, account string) {
	s.t.Helper()
	truck := s.Truck("clerk.changsha", "owner_name", payee)
	s.toPayable(s.Retire("changsha", truck.ID, "2025-11-21", true).ApplicationID, payee, account)
}

// line is the only budget line of a program.
func (s *site) line(program string) map[string]any {
	s.t.Helper()
	lines := s.pages("finance.changsha", "/budget-lines?program_id="+program)
	if len(lines) == 0 {
		s.t.Fatal("the program has no budget line")
	}
	return lines[len(lines)-1]
}

// TestBudgetIsRaisedByASecondPerson proves F45: a line has a source and a
// year, money comes by a document that one person enters and another approves,
// a cut takes only what is free, and every step is an entry that sums to zero.
func TestBudgetIsRaisedByASecondPerson(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		body := map[string]any{"city_code": "430100", "year": 2026, "source": "central", "class": "truck", "amount_fen": 90_000_00, "document": "湘财建〔2026〕1号", "reason": "年初下达"}
		line := s.send("finance.changsha", "POST", "/budget-lines", body, "Idempotency-Key", "b1").want(201)
		s.send("finance.changsha", "POST", "/budget-lines", body).want(422)
		if line.text("allocated_fen") != "0" {
			t.Errorf("money before the second person: %s", line.Body)
		}
		decide := func(user, want string, status int) answer {
			change := s.send("finance.changsha", "GET", "/budget-changes?state=proposed&line_id="+line.text("id"), nil).want(200)
			return s.send(user, "POST", "/budget-changes/"+change.text("items.0.id")+"/decision", map[string]string{"decision": want, "reason": "核对无误"}, "If-Match", `"1"`).want(status)
		}
		if refused := decide("finance.changsha", "approve", 403); refused.text("code") != "four_eyes" {
			t.Errorf("their own change: %s", refused.Body)
		}
		decide("finance2.changsha", "approve", 200)
		path := "/budget-lines/" + line.text("id")
		s.send("finance.changsha", "POST", path+"/changes", map[string]any{"kind": "cut", "amount_fen": 90_000_01, "document": "x", "reason": "x"}).want(201)
		if refused := decide("finance2.changsha", "approve", 409); refused.text("code") != "budget_exhausted" {
			t.Errorf("a cut of more than is free: %s", refused.Body)
		}
		decide("finance2.changsha", "reject", 200)
		s.send("finance2.changsha", "POST", path+"/changes", map[string]any{"kind": "cut", "amount_fen": 10_000_00, "document": "湘财建〔2026〕2号", "reason": "收回"}).want(201)
		decide("finance.changsha", "approve", 200)
		after := s.send("auditor", "GET", path, nil).want(200)
		if after.text("allocated_fen") != "8e+06" || after.text("free_fen") != "8e+06" {
			t.Errorf("the line: %s", after.Body)
		}
		entries := s.pages("auditor", "/ledger?line_id="+line.text("id"))
		if len(entries) != 2 || entries[0]["document"] != "湘财建〔2026〕2号" || entries[1]["kind"] != "raise" {
			t.Errorf("entries: %v", entries)
		}
		for _, e := range entries {
			sum := 0.0
			for _, p := range e["postings"].([]any) {
				sum += p.(map[string]any)["fen"].(float64)
			}
			if sum != 0 {
				t.Errorf("an entry sums to %v", sum)
			}
		}
		funds := s.send("finance.changsha", "GET", "/funds", nil).want(200)
		if funds.text("sources.0.source") != "central" || funds.text("sources.0.free_fen") != "8e+06" || funds.text("recovery.rate_bp") != "<nil>" {
			t.Errorf("funds: %s", funds.Body)
		}
		s.checkAll()
	})
}

// TestRecovery proves F56: a case with instalments; receipts, booked once each;
// what is kept back from a later payment to the same payee; the money is free
// again; and the rate.
func TestRecovery(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := s.payables(1)
		s.pay(s.sentBatch(program))
		paid := s.send("finance.changsha", "GET", "/applications?state=paid", nil).want(200).text("items.0.id")
		body := map[string]any{"application_id": paid, "reason_code": "false_material", "reason": "虚假材料", "document": "长财追〔2026〕1号", "amount_fen": 35_000_01, "due_on": "2026-06-30"}
		s.send("finance.changsha", "POST", "/recoveries", body).want(422)
		body["amount_fen"] = 30_000_00
		body["instalments"] = []map[string]any{{"due_on": "2026-03-31", "amount_fen": 10_000_00}, {"due_on": "2026-06-30", "amount_fen": 20_000_00}}
		opened := s.send("finance.changsha", "POST", "/recoveries", body).want(201)
		path := "/recoveries/" + opened.text("id")
		receipt := map[string]any{"amount_fen": 4_000_00, "received_on": "2026-01-15", "reference": "缴款1"}
		after := s.send("finance2.changsha", "POST", path+"/receipts", receipt, "If-Match", opened.Header.Get("ETag")).want(200)
		if after.text("outstanding_fen") != "2.6e+06" || after.text("instalments.0.covered_fen") != "400000" || after.text("receipts.0.reference") != "缴款1" {
			t.Errorf("after a receipt: %s", after.Body)
		}
		if refused := s.send("finance2.changsha", "POST", path+"/receipts", receipt, "If-Match", after.Header.Get("ETag")).want(409); refused.text("code") != "receipt_repeated" {
			t.Errorf("the same receipt again: %s", refused.Body)
		}
		if free := s.line(program)["free_fen"]; free != 1_000_000_00.0-35_000_00+4_000_00 {
			t.Errorf("%v fen free", free)
		}

		// A later payment to the same account keeps 26,000 back.
		s.onePayable("测试收款人1", "6222000000000000001")
		batch := s.sentBatch(program)
		if batch.text("total_fen") != "900000" || batch.text("offset_fen") != "2.6e+06" || batch.text("lines.0.case_id") != opened.text("id") {
			t.Errorf("the batch: %s", batch.Body)
		}
		now := s.send("finance.changsha", "GET", path, nil).want(200)
		if now.text("pending_fen") != "2.6e+06" || now.text("state") != "open" {
			t.Errorf("while the batch is at the bank: %s", now.Body)
		}
		s.send("finance2.changsha", "POST", path+"/withdrawal", map[string]string{"reason": "x"}, "If-Match", now.Header.Get("ETag")).want(409)
		more := map[string]any{"amount_fen": 1, "received_on": "2026-01-15", "reference": "缴款2"}
		if refused := s.send("finance2.changsha", "POST", path+"/receipts", more, "If-Match", now.Header.Get("ETag")).want(409); refused.text("code") != "nothing_left" {
			t.Errorf("a receipt of what the batch keeps back: %s", refused.Body)
		}
		s.checkAll()
		s.pay(batch)
		now = s.send("finance.changsha", "GET", path, nil).want(200)
		if now.text("state") != "settled" || now.text("offset_fen") != "2.6e+06" || now.text("outstanding_fen") != "0" {
			t.Errorf("after the payment: %s", now.Body)
		}
		l := s.line(program)
		if l["paid_fen"] != 70_000_00.0-30_000_00 || l["free_fen"] != 1_000_000_00.0-70_000_00+30_000_00 {
			t.Errorf("the line: %v", l)
		}
		if rate := s.send("province", "GET", "/funds", nil).text("recovery.rate_bp"); rate != "10000" {
			t.Errorf("rate %s", rate)
		}
		// The payment comes back: so does the debt.
		s.upload("finance2.changsha", "/batches/"+batch.text("id")+"/answers", nil, "back.csv", []byte("序号,收款账号,支付金额,支付状态,备注\n1,6222000000000000001,9000.00,退款,销户\n")).want(201)
		now = s.send("finance.changsha", "GET", path, nil).want(200)
		if now.text("state") != "open" || now.text("outstanding_fen") != "2.6e+06" {
			t.Errorf("after the refund: %s", now.Body)
		}
		// The rest of the first payment is claimed; then nothing is left, which is said.
		delete(body, "instalments")
		body["amount_fen"] = 5_000_00
		s.send("finance.changsha", "POST", "/recoveries", body).want(201)
		for lang, text := range map[string]string{"zh": "没有可追缴的金额", "en": "nothing is left to recover"} {
			refused := s.send("finance.changsha", "POST", "/recoveries", body, "Accept-Language", lang).want(409)
			if refused.text("code") != "nothing_left" || !strings.Contains(refused.text("detail"), text) || refused.text("mend") == "<nil>" {
				t.Errorf("a payment that is recovered: %s", refused.Body)
			}
		}
		s.send("finance.changsha", "POST", path+"/withdrawal", map[string]string{"reason": "x"}, "If-Match", now.Header.Get("ETag")).want(403)
		s.send("finance2.changsha", "POST", path+"/withdrawal", map[string]string{"reason": "法院裁定"}, "If-Match", now.Header.Get("ETag")).want(200)
		s.checkAll()
	})
}

// TestRefundThatACaseRestsOn proves F55 and F56: a payment that comes back while
// another batch keeps money back for it, or after a part of it was recovered, is
// a row for a person to look at; the other rows of the file are booked.
func TestRefundThatACaseRestsOn(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := s.payables(2)
		first := s.sentBatch(program)
		s.pay(first)
		s.send("finance.changsha", "POST", "/recoveries", map[string]any{"application_id": first.text("lines.0.application_id"), "reason_code": "false_material", "reason": "虚假材料",
			"document": "长财追〔2026〕2号", "amount_fen": 20_000_00, "due_on": "2026-06-30"}).want(201)
		s.onePayable("测试收款人1", "6222000000000000001")
		second := s.sentBatch(program)
		if second.text("offset_fen") != "2e+06" {
			t.Fatalf("the second batch keeps nothing back: %s", second.Body)
		}
		back := func(name string, lines ...int) answer {
			text := "序号,支付金额,支付状态,备注\n"
			for _, n := range lines {
				text += fmt.Sprintf("%d,35000.00,退款,销户\n", n)
			}
			return s.upload("finance4.changsha", "/batches/"+first.text("id")+"/answers", nil, name, []byte(text)).want(201)
		}
		if answered := back("both.csv", 1, 2); answered.text("refunded_count") != "1" || answered.text("unmatched_count") != "1" {
			t.Errorf("both come back: %s", answered.Body)
		}
		unmatched := s.pages("finance.changsha", "/unmatched")
		if len(unmatched) != 1 || unmatched[0]["code"] != "not_booked" || unmatched[0]["row"] != 2.0 || unmatched[0]["name"] != first.text("lines.0.payee_name") || unmatched[0]["account"] == nil {
			t.Errorf("the queue: %v", unmatched)
		}
		s.checkAll()
		s.pay(second)
		if answered := back("again.csv", 1); answered.text("refunded_count") != "0" || answered.text("unmatched_count") != "1" {
			t.Errorf("partly recovered: %s", answered.Body)
		}
		s.checkAll()
		after := s.send("finance.changsha", "GET", "/batches/"+first.text("id"), nil).want(200)
		if after.text("lines.0.state") != "paid" || after.text("lines.1.state") != "refunded" || after.text("paid_count") != "1" {
			t.Errorf("the first batch: %s", after.Body)
		}
	})
}

// TestYearIsClosedForGood proves F60: the run lists unspent, returned and
// carried; another person closes; what is held moves on with its applications
// and is paid in the next year; nothing more is booked in the year.
func TestYearIsClosedForGood(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := s.payables(2)
		s.pay(s.sentBatch(program))
		s.onePayable("测试收款人9", "6222000000000000009")
		late := s.sentBatch(program) // owed at the end of the year
		old := s.line(program)
		proposal := map[string]any{"city_code": "430100", "year": 2026, "document": "长财结〔2027〕1号", "carry": []map[string]any{{"line_id": old["id"], "amount_fen": 200_000_00}}}
		if refused := s.send("finance.changsha", "POST", "/funding-years/proposals", proposal).want(409); refused.text("code") != "year_not_over" {
			t.Errorf("in the year itself: %s", refused.Body)
		}
		s.Clock.Advance(355 * 24 * time.Hour)
		s.tokens = map[string]string{}
		preview := s.send("finance.changsha", "GET", "/funding-years?city=430100&year=2026", nil).want(200)
		if preview.text("state") != "open" || preview.text("lines.0.unspent_fen") != "8.95e+07" || preview.text("lines.0.held_fen") != "3.5e+06" {
			t.Errorf("the preview: %s", preview.Body)
		}
		s.send("finance.changsha", "POST", "/funding-years/proposals", map[string]any{"city_code": "430100", "year": 2026, "document": "x", "carry": []map[string]any{{"line_id": old["id"], "amount_fen": 895_000_01}}}).want(422)
		s.send("finance.changsha", "POST", "/funding-years/proposals", proposal).want(201)
		year := map[string]any{"city_code": "430100", "year": 2026}
		if refused := s.send("finance.changsha", "POST", "/funding-years", year).want(403); refused.text("code") != "four_eyes" {
			t.Errorf("who proposed it: %s", refused.Body)
		}
		closed := s.send("finance2.changsha", "POST", "/funding-years", year).want(201)
		if closed.text("state") != "closed" || closed.text("lines.0.returned_fen") != "6.95e+07" || closed.text("lines.0.carried_fen") != "2e+07" {
			t.Errorf("closed: %s", closed.Body)
		}
		s.send("finance2.changsha", "POST", "/funding-years", year).want(409)
		if refused := s.send("finance.changsha", "POST", "/budget-lines/"+old["id"].(string)+"/changes", map[string]any{"kind": "raise", "amount_fen": 1, "document": "x", "reason": "x"}).want(409); refused.text("code") != "year_closed" {
			t.Errorf("a raise of the closed year: %s", refused.Body)
		}
		for _, statement := range []string{"UPDATE budget_lines SET allocated_fen = allocated_fen + 1, free_fen = free_fen + 1 WHERE year = 2026",
			"INSERT INTO ledger_postings (entry_id, position, city_code, account, line_id, fen) SELECT entry_id, 99, city_code, account, line_id, 1 FROM ledger_postings WHERE line_id = '" + old["id"].(string) + "' LIMIT 1"} {
			if err := storetest.Exec(url, statement); err == nil {
				t.Errorf("%s: got no error", statement)
			}
		}
		lines := s.pages("finance.changsha", "/budget-lines?year=2027")
		if len(lines) != 1 || lines[0]["free_fen"] != 200_000_00.0 || lines[0]["committed_fen"] != 35_000_00.0 {
			t.Errorf("the next year: %v", lines)
		}
		s.pay(late) // what was owed is paid from the next year's line
		if lines = s.pages("finance.changsha", "/budget-lines?year=2027"); lines[0]["paid_fen"] != 35_000_00.0 || lines[0]["committed_fen"] != 0.0 {
			t.Errorf("after the late payment: %v", lines)
		}
		// A payment of the closed year comes back, another is recovered: both are the next year's business.
		first := s.pages("finance.changsha", "/batches")[1]["id"].(string)
		s.upload("finance2.changsha", "/batches/"+first+"/answers", nil, "late.csv", []byte("序号,收款账号,支付金额,支付状态,备注\n1,6222000000000000001,35000.00,退款,销户\n")).want(201)
		application := s.send("finance.changsha", "GET", "/batches/"+first, nil).text("lines.1.application_id")
		opened := s.send("finance.changsha", "POST", "/recoveries", map[string]any{"application_id": application, "reason_code": "overpaid", "reason": "多付", "amount_fen": 5_000_00, "due_on": "2027-06-30"}).want(201)
		s.send("finance.changsha", "POST", "/recoveries/"+opened.text("id")+"/receipts", map[string]any{"amount_fen": 5_000_00, "received_on": "2027-01-02", "reference": "缴款2"}, "If-Match", opened.Header.Get("ETag")).want(200)
		if lines = s.pages("finance.changsha", "/budget-lines?year=2027"); lines[0]["allocated_fen"] != 270_000_00.0 || lines[0]["committed_fen"] != 35_000_00.0 {
			t.Errorf("after the late refund: %v", lines)
		}
		s.checkAll()
	})
}

// TestFundsReport proves F45: by city, source and month, on the screen and as
// a workbook whose figures are numbers with their unit named.
func TestFundsReport(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := s.payables(2)
		s.pay(s.sentBatch(program))
		s.Clock.Advance(20 * 24 * time.Hour)
		s.tokens = map[string]string{}
		s.onePayable("测试", "6222000000000000009")
		months := s.pages("province", "/funds/months?year=2026")
		if len(months) != 2 || months[0]["month"] != "2026-01" || months[0]["paid_fen"] != 70_000_00.0 || months[0]["free_fen"] != 930_000_00.0 || months[1]["free_fen"] != 895_000_00.0 {
			t.Errorf("months: %v", months)
		}
		for unit, want := range map[string]struct{ name, paid string }{"yuan": {"元", "70000"}, "ten_thousand": {"万元", "7"}} {
			book, err := excelize.OpenReader(bytes.NewReader(s.send("province", "GET", "/funds/report.xlsx?year=2026&unit="+unit, nil, "Accept-Language", "zh").want(200).Body))
			if err != nil {
				t.Fatal(err)
			}
			sheet := book.GetSheetName(0)
			note, _ := book.GetCellValue(sheet, "A2")
			paid, _ := book.GetCellValue(sheet, "G5", excelize.Options{RawCellValue: true})
			kind, _ := book.GetCellType(sheet, "G5")
			if note != "单位："+want.name || paid != want.paid || (kind != excelize.CellTypeUnset && kind != excelize.CellTypeNumber) {
				t.Errorf("%s: %s, paid %s of kind %d", unit, note, paid, kind)
			}
		}
		s.checkAll()
	})
}
