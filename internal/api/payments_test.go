package api_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"phaseout/internal/store/storetest"
)

func init() {
	moreWorld = append(moreWorld, func(s *site, ids map[string]string) {
		batch := s.send("finance.zhuzhou", "GET", "/batches/"+ids["batches"], nil).want(200)
		other := s.send("finance4.zhuzhou", "POST", "/batches/"+ids["batches"]+"/sending", nil, "If-Match", batch.Header.Get("ETag")).want(200)
		ids["bank-answers"] = s.upload("finance4.zhuzhou", "/batches/"+ids["batches"]+"/answers", nil, "a.csv", []byte("序号,收款人名称,支付金额,支付状态\n99,某某,1.00,支付成功\n")).want(201).text("id")
		ids["unmatched"] = s.send("finance.zhuzhou", "GET", "/unmatched", nil).want(200).text("items.0.id")
		ids["bank-layouts"] = s.send("finance.zhuzhou", "POST", "/bank-layouts", map[string]any{"city_code": "430200", "code": "x", "name": map[string]string{"zh": "x", "en": "x"},
			"columns": []map[string]string{{"field": "payee_name", "heading": "户名"}, {"field": "payee_account", "heading": "账号"}, {"field": "amount_yuan", "heading": "金额"}}}).want(201).text("id")
		s.fundsWorld(ids)
		_ = other
	})
	moreBodies["void-batch"], moreBodies["explain-unmatched"] = `{"reason":"X"}`, `{"explanation":"X"}`
	moreBodies["update-bank-layout"] = `{"name":{"zh":"X","en":"X"},"columns":[{"field":"payee_name","heading":"X"},{"field":"payee_account","heading":"X"},{"field":"amount_yuan","heading":"X"}]}`
}

// payables brings n applications of Changsha to where they may be paid, each to
// an account of its own, and returns the program.
func (s *site) payables(n int) string {
	s.t.Helper()
	p := s.Program(1_000_000_00, 35_000_00)
	s.Brief(p.ID)
	for i := range n {
		truck := s.Truck("clerk.changsha", "owner_name", fmt.Sprintf("测试收款人%d", i+1))
		id := s.Retire("changsha", truck.ID, "2025-11-20", true).ApplicationID
		s.toPayable(id, fmt.Sprintf("测试收款人%d", i+1), fmt.Sprintf("62220000000000%05d", i+1))
	}
	return p.ID
}

// toPayable takes an application from its opening to where it may be paid:
// three people, none of whom sends the batch.
func (s *site) toPayable(id, payee, account string) {
	s.t.Helper()
	path := "/applications/" + id
	a := s.send("finance.changsha", "GET", path, nil).want(200)
	a = s.send("finance.changsha", "PATCH", path, map[string]string{"applicant_kind": "unit", "applicant_phone": "13900001234", "brought_by": "self", "payee_name": payee,
		"payee_bank": "测试银行", "payee_account": account}, "If-Match", a.Header.Get("ETag")).want(200)
	a = s.send("finance.changsha", "POST", path+"/submission", "{}", "If-Match", a.Header.Get("ETag")).want(200)
	a = s.send("finance2.changsha", "POST", path+"/check", map[string]string{"decision": "pass"}, "If-Match", a.Header.Get("ETag")).want(200)
	s.send("finance3.changsha", "POST", path+"/approval", map[string]string{"decision": "approve"}, "If-Match", a.Header.Get("ETag")).want(200)
}

// sentBatch makes a batch of all that may be paid and sends it.
func (s *site) sentBatch(program string) answer {
	s.t.Helper()
	made := s.send("finance.changsha", "POST", "/batches", map[string]string{"program_id": program}).want(201)
	return s.send("finance4.changsha", "POST", "/batches/"+made.text("id")+"/sending", nil, "If-Match", made.Header.Get("ETag")).want(200)
}

// answerOf makes the bank's answer from the file that the bank was given: it
// fills in what became of each line.
func (s *site) answerOf(batch string, fill func(line int, cells map[string]string)) *excelize.File {
	s.t.Helper()
	book, err := excelize.OpenReader(bytes.NewReader(s.send("finance4.changsha", "GET", "/batches/"+batch+"/lines.xlsx", nil).want(200).Body))
	if err != nil {
		s.t.Fatal(err)
	}
	sheet := book.GetSheetName(0)
	rows, err := book.GetRows(sheet)
	if err != nil {
		s.t.Fatal(err)
	}
	head, columns := 0, map[string]string{}
	for i, row := range rows {
		for j, c := range row {
			if c == "收款人账户" {
				head = i + 1
			}
			if head == i+1 {
				columns[c], _ = excelize.ColumnNumberToName(j + 1)
			}
		}
	}
	last := len(rows[head-1])
	for i, heading := range []string{"支付状态", "备注", "支付单号", "清算时间"} {
		columns[heading], _ = excelize.ColumnNumberToName(last + 1 + i)
		_ = book.SetCellValue(sheet, fmt.Sprintf("%s%d", columns[heading], head), heading)
	}
	for i := head; i < len(rows); i++ {
		cells := map[string]string{}
		for heading, letter := range columns {
			cells[heading], _ = book.GetCellValue(sheet, fmt.Sprintf("%s%d", letter, i+1))
		}
		cells["支付状态"], cells["支付单号"], cells["清算时间"] = "支付成功", fmt.Sprintf("YS%04d", i-head+1), "2026-01-15 10:00:00"
		fill(i-head+1, cells)
		for heading, v := range cells {
			_ = book.SetCellValue(sheet, fmt.Sprintf("%s%d", columns[heading], i+1), v)
		}
	}
	return book
}

func bytesOf(t *testing.T, book *excelize.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := book.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (s *site) checkAll() {
	s.t.Helper()
	for _, part := range s.Checks() {
		if _, err := part.Run(s.t.Context()); err != nil {
			s.t.Errorf("check %s: %v", part.Name, err)
		}
	}
}

// TestBankAnswersLineByLine proves F51, F52, F54 and F55: a batch goes to the
// bank as the treasury's list; good lines go through, a returned line says what
// to do, a strange one waits in the queue; a changed or repeated file is
// refused whole; the day closes when everything is explained; and nobody can
// say that money was paid but the bank.
func TestBankAnswersLineByLine(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := s.payables(5)
		batch := s.sentBatch(program)
		id := batch.text("id")
		if batch.text("total_capitals") != "壹拾柒万伍仟元整" || batch.text("line_count") != "5" {
			t.Errorf("the batch: %s", batch.Body)
		}
		if a := s.send("finance4.changsha", "POST", "/batches/"+id+"/payment", map[string]string{"paid_on": "2026-01-15", "reference": "X"}, "If-Match", batch.Header.Get("ETag")); a.Status != 404 {
			t.Errorf("a batch can be paid by a click: %d", a.Status)
		}
		put := func(name string, data []byte) answer {
			return s.upload("finance4.changsha", "/batches/"+id+"/answers", nil, name, data)
		}

		// Another amount, another account, another digest: nothing of the file is booked.
		for what, change := range map[string]func(map[string]string){
			"amount":  func(c map[string]string) { c["金额"] = "35000.01" },
			"account": func(c map[string]string) { c["收款人账户"] = "6222000000000099999" },
		} {
			changed := s.answerOf(id, func(line int, cells map[string]string) {
				if line == 3 {
					change(cells)
				}
			})
			refused := put(what+".xlsx", bytesOf(t, changed)).want(409)
			if refused.text("code") != "answer_changed" || !strings.Contains(refused.text("errors.0.message"), "line 3") {
				t.Errorf("another %s: %s", what, refused.Body)
			}
		}
		foreign := s.answerOf(id, func(int, map[string]string) {})
		_ = foreign.SetCellValue(foreign.GetSheetName(0), "A3", "SHA-256 "+strings.Repeat("0", 64))
		if refused := put("digest.xlsx", bytesOf(t, foreign)).want(409); refused.text("code") != "answer_changed" {
			t.Errorf("another digest: %s", refused.Body)
		}
		if state := s.send("finance.changsha", "GET", "/batches/"+id, nil).text("state"); state != "sent" {
			t.Errorf("a refused file left the batch %s", state)
		}

		// Three are paid, one comes back, one cannot be read, and one is not of the batch.
		book := s.answerOf(id, func(line int, cells map[string]string) {
			switch line {
			case 2:
				cells["支付状态"], cells["备注"] = "退回", "账号户名不符"
			case 5:
				cells["支付状态"] = "处理中"
			}
		})
		rows, _ := book.GetRows(book.GetSheetName(0))
		_ = book.SetCellValue(book.GetSheetName(0), fmt.Sprintf("A%d", len(rows)+1), "77")
		_ = book.SetCellValue(book.GetSheetName(0), fmt.Sprintf("C%d", len(rows)+1), "不相干")
		answered := put("回单.xlsx", bytesOf(t, book)).want(201)
		for member, want := range map[string]string{"rows": "6", "paid_count": "3", "paid_fen": "1.05e+07", "returned_count": "1", "unmatched_count": "2", "repeated_count": "0"} {
			if got := answered.text(member); got != want {
				t.Errorf("%s: got %s, want %s", member, got, want)
			}
		}
		after := s.send("finance.changsha", "GET", "/batches/"+id, nil).want(200)
		if after.text("state") != "partly" || after.text("lines.1.state") != "returned" || after.text("lines.1.reason_code") != "NAME_DIFFERS" ||
			!strings.Contains(after.text("lines.1.to_do"), "Compare the payee") || after.text("lines.0.state") != "paid" || after.text("lines.4.state") != "sent" {
			t.Errorf("after the answer: %s", after.Body)
		}
		if refused := put("回单 副本.xlsx", bytesOf(t, book)).want(409); refused.text("code") != "answer_repeated" {
			t.Errorf("the same file again: %s", refused.Body)
		}

		// The rest comes as CSV in GB18030; what was said before is passed over.
		gbk, err := simplifiedchinese.GB18030.NewEncoder().String("序号,收款账号,户名,支付金额,支付状态,备注\r\n1,6222000000000000001,测试收款人1,35000.00,成功,\r\n5,6222000000000000005,测试收款人5,35000,支付失败,账户已销户\r\n")
		if err != nil {
			t.Fatal(err)
		}
		second := put("回单2.csv", []byte(gbk)).want(201)
		if second.text("repeated_count") != "1" || second.text("returned_count") != "1" || second.text("unmatched_count") != "0" {
			t.Errorf("the second answer: %s", second.Body)
		}
		// Money that was paid comes back later.
		late := put("退款.csv", []byte("序号,收款账号,支付金额,支付状态,备注\n3,6222000000000000003,35000.00,已退款,账户冻结\n")).want(201)
		if late.text("refunded_count") != "1" {
			t.Errorf("the refund: %s", late.Body)
		}
		twice := put("重复.csv", []byte("序号,收款账号,支付金额,支付状态,支付单号\n1,6222000000000000001,35000.00,成功,YS9999\n")).want(201)
		if twice.text("unmatched_count") != "1" {
			t.Errorf("paid twice: %s", twice.Body)
		}
		after = s.send("finance.changsha", "GET", "/batches/"+id, nil).want(200)
		if after.text("state") != "partly" || after.text("paid_count") != "2" || after.text("returned_count") != "3" || after.text("lines.2.state") != "refunded" || after.text("lines.4.reason_code") != "ACCOUNT_CLOSED" {
			t.Errorf("in the end: %s", after.Body)
		}
		p := s.send("finance.changsha", "GET", "/programs/"+program, nil).want(200)
		if p.text("paid_fen") != "7e+06" || p.text("committed_fen") != "1.75e+07" {
			t.Errorf("the program: %s", p.Body)
		}

		// The day closes when every row is explained.
		day := map[string]string{"city_code": "430100", "day": "2026-01-15"}
		if refused := s.send("finance.changsha", "POST", "/bank-days", day).want(409); refused.text("code") != "unmatched_open" {
			t.Errorf("closing with open rows: %s", refused.Body)
		}
		queue := s.pages("finance.changsha", "/unmatched?state=open")
		if len(queue) != 3 {
			t.Fatalf("%d rows in the queue", len(queue))
		}
		for _, row := range queue {
			s.send("finance.changsha", "POST", "/unmatched/"+row["id"].(string)+"/explanation", map[string]string{"explanation": "银行已说明"}, "If-Match", `"1"`).want(200)
		}
		closed := s.send("finance.changsha", "POST", "/bank-days", day).want(201)
		if closed.text("bank_fen") != "7e+06" || closed.text("ledger_fen") != "7e+06" || closed.text("explained") != "3" {
			t.Errorf("the day: %s", closed.Body)
		}
		if refused := put("晚到.csv", []byte("序号,收款账号,支付金额,支付状态\n2,6222000000000000002,35000.00,成功\n")).want(409); refused.text("code") != "day_closed" {
			t.Errorf("after closing: %s", refused.Body)
		}
		s.checkAll()
	})
}

// TestSenderHasHandledNoLine proves F49 and F51: who makes a batch, or has
// entered or approved one of its lines, cannot send it; a batch that was not
// sent has no answer and can be given up.
func TestSenderHasHandledNoLine(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := s.payables(2)
		made := s.send("finance4.changsha", "POST", "/batches", map[string]string{"program_id": program}).want(201)
		path := "/batches/" + made.text("id")
		if refused := s.send("finance4.changsha", "POST", path+"/sending", nil, "If-Match", made.Header.Get("ETag")).want(403); refused.text("code") != "four_eyes" {
			t.Errorf("who made it: %s", refused.Body)
		}
		if refused := s.send("finance.changsha", "POST", path+"/sending", nil, "If-Match", made.Header.Get("ETag")).want(403); refused.text("code") != "four_eyes" || !strings.Contains(refused.text("detail"), "湘A") {
			t.Errorf("who approved: %s", refused.Body)
		}
		if refused := s.upload("finance.changsha", path+"/answers", nil, "a.csv", []byte("序号,收款人名称,支付金额,支付状态\n1,x,35000.00,成功\n")).want(409); refused.text("code") != "wrong_state" {
			t.Errorf("an answer before it was sent: %s", refused.Body)
		}
		s.send("finance.changsha", "POST", path+"/voiding", map[string]string{"reason": "重做"}, "If-Match", made.Header.Get("ETag")).want(200)
		again := s.send("finance.changsha", "POST", "/batches", map[string]string{"program_id": program}).want(201)
		if again.text("line_count") != "2" || again.text("number") == made.text("number") {
			t.Errorf("after giving up: %s", again.Body)
		}
		s.send("finance.changsha", "POST", "/batches", map[string]string{"program_id": program}).want(409)
		s.checkAll()
	})
}

// TestBankFileIsLaidOutAsTheBankWants proves F51: the treasury's columns by
// default, those of a bank's own layout, accounts as text, no formula, and the
// same bytes of lines every time.
func TestBankFileIsLaidOutAsTheBankWants(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := s.Program(1_000_000_00, 35_000_00).ID
		s.Brief(program)
		for i := range 2 {
			payee := []string{"=HYPERLINK(\"http://x\")", "测试二"}[i]
			id := s.Retire("changsha", s.Truck("clerk.changsha", "owner_name", payee).ID, "2025-11-20", true).ApplicationID
			s.toPayable(id, payee, fmt.Sprintf("622200000000000%04d", i+1))
		}
		batch := s.sentBatch(program)
		path := "/batches/" + batch.text("id")
		book, err := excelize.OpenReader(bytes.NewReader(s.send("auditor", "GET", path+"/lines.xlsx", nil).want(200).Body))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := book.GetRows(book.GetSheetName(0))
		if err != nil || len(rows) != 6 {
			t.Fatal(rows, err)
		}
		if got, want := strings.Join(rows[3], "|"), "序号|收款人行别编码|收款人名称|收款人账户|开户银行|金额|摘要|经济分类编码"; got != want {
			t.Errorf("headings %s, want %s", got, want)
		}
		if !strings.Contains(rows[2][0], batch.text("sha256")) || rows[4][3] != "6222000000000000001" {
			t.Errorf("the file: %v", rows)
		}
		if formula, _ := book.GetCellFormula(book.GetSheetName(0), "C5"); formula != "" {
			t.Errorf("a formula: %s", formula)
		}
		for cell, want := range map[string]excelize.CellType{"D5": excelize.CellTypeInlineString, "F5": excelize.CellTypeUnset} {
			if kind, _ := book.GetCellType(book.GetSheetName(0), cell); kind != want && (cell != "D5" || kind != excelize.CellTypeSharedString) {
				t.Errorf("cell %s is of kind %d", cell, kind)
			}
		}
		csv := string(s.send("finance4.changsha", "GET", path+"/lines.csv", nil).want(200).Body)
		if !strings.Contains(csv, "'=HYPERLINK") || !strings.Contains(csv, ",6222000000000000001,") {
			t.Errorf("the CSV: %s", csv)
		}
		layout := map[string]any{"city_code": "430100", "code": "icbc", "name": map[string]string{"zh": "工行代发", "en": "ICBC"}, "columns": []map[string]string{
			{"field": "payee_account", "heading": "账号"}, {"field": "payee_name", "heading": "户名"}, {"field": "amount_yuan", "heading": "金额"}, {"field": "fixed", "heading": "币种", "value": "CNY"}}}
		own := s.send("finance.changsha", "POST", "/bank-layouts", layout).want(201)
		csv = string(s.send("finance4.changsha", "GET", path+"/lines.csv?layout="+own.text("id"), nil).want(200).Body)
		if !strings.HasPrefix(csv, "\ufeff账号,户名,金额,币种\r\n6222000000000000001,") || !strings.Contains(csv, ",35000.00,CNY\r\n") {
			t.Errorf("a bank's own layout: %s", csv)
		}
		layout["columns"] = []map[string]string{{"field": "owner_id", "heading": "证件"}}
		layout["code"] = "bad"
		s.send("finance.changsha", "POST", "/bank-layouts", layout).want(422)
		sheet, err := excelize.OpenReader(bytes.NewReader(s.send("finance4.changsha", "GET", path+"/approval-sheet.xlsx", nil).want(200).Body))
		if err != nil {
			t.Fatal(err)
		}
		page, err := sheet.GetPageLayout(sheet.GetSheetName(0))
		text := fmt.Sprint(sheet.GetRows(sheet.GetSheetName(0)))
		if err != nil || page.Size == nil || *page.Size != 9 || !strings.Contains(text, "柒万元整") || !strings.Contains(text, batch.text("sha256")) || !strings.Contains(text, "财务负责人") {
			t.Errorf("the approval sheet: %s", text)
		}
	})
}

// TestSeenAgainIsNotPaid proves F40: what is retired, owed money, and seen on
// the road is left out of the batch by name until the case is closed.
func TestSeenAgainIsNotPaid(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := s.payables(2)
		owed := s.pages("finance.changsha", "/applications?state=payable")
		plate := owed[0]["asset_label"].(string)
		s.send("clerk.zhuzhou", "POST", "/sightings/paste", map[string]string{"source": "patrol", "place": "107", "text": plate}).want(202)
		batch := s.send("finance4.changsha", "POST", "/batches", map[string]string{"program_id": program}).want(201)
		if batch.text("line_count") != "1" || batch.text("left_out.0.asset_label") != plate {
			t.Errorf("the batch: %s", batch.Body)
		}
		refused := s.send("finance4.changsha", "POST", "/batches", map[string]string{"program_id": program}).want(409)
		if refused.text("code") != "nothing_to_pay" || refused.text("errors.0.code") != "held" {
			t.Errorf("what is held: %s", refused.Body)
		}
	})
}

// TestBankFileComesBackAsItCame proves F51 and F53: finance and the auditor get
// the bank's file as it came, and who took it is noted; nobody else gets it.
func TestBankFileComesBackAsItCame(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		batch := s.sentBatch(s.payables(1)).text("id")
		file := []byte("序号,收款人账户,支付状态\n1,6222000000000000001,支付成功\n")
		booked := s.upload("finance4.changsha", "/batches/"+batch+"/answers", nil, "回单.csv", file).want(201)
		path := "/bank-answers/" + booked.text("id") + "/file"
		for user, status := range map[string]int{"finance.changsha": 200, "auditor": 200, "province": 403, "clerk.changsha": 403, "finance.zhuzhou": 404} {
			a := s.send(user, "GET", path, nil).want(status)
			if status == 200 && !bytes.Equal(a.Body, file) {
				t.Errorf("%s gets %q", user, a.Body)
			}
		}
		taken := 0
		for _, e := range s.pages("auditor", "/audit?entity=bank_answer") {
			if e["action"] == "export" {
				taken++
			}
		}
		if taken != 2 {
			t.Errorf("%d of two downloads are noted", taken)
		}
	})
}
