package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
)

// answerHeadings are the headings of banks and treasuries by what they stand for.
var answerHeadings = map[string]string{}

func init() {
	for key, headings := range map[string][]string{
		"line_no":   {"序号", "行号", "笔号", "明细序号", "No.", "NO", "line", "line no"},
		"name":      {"收款人名称", "收款人户名", "收款户名", "收款人", "户名", "收款人姓名", "payee", "payee name"},
		"account":   {"收款人账户", "收款人账号", "收款账号", "收款账户", "账号", "账户", "银行账号", "account", "payee account"},
		"amount":    {"金额", "支付金额", "金额（元）", "金额(元)", "金额元", "发生额", "交易金额", "amount", "amount (yuan)"},
		"result":    {"支付状态", "状态", "处理状态", "交易状态", "处理结果", "支付结果", "结果", "status", "result"},
		"code":      {"返回码", "原因码", "错误码", "退回原因码", "失败代码", "退票代码", "reason code", "code"},
		"reason":    {"备注", "失败原因", "退回原因", "退票原因", "原因", "返回信息", "说明", "reason", "remark"},
		"reference": {"支付单号", "流水号", "银行流水号", "交易流水号", "凭证号", "支付凭证号", "reference", "bank reference"},
		"on":        {"清算时间", "清算日期", "支付日期", "交易日期", "付款日期", "入账日期", "date", "paid on"},
		"":          {"收款人行别编码", "行别编码", "开户银行", "开户行", "收款人开户行", "摘要", "用途", "附言", "经济分类编码", "原支付单号", "付款账号", "付款户名", "币种", "purpose", "bank", "bank code", "economic class"},
	} {
		for _, h := range headings {
			answerHeadings[plainHeading(h)] = key
		}
	}
}

func plainHeading(s string) string {
	return strings.ToUpper(strings.NewReplacer("（", "(", "）", ")", " ", "", "\n", "", "\t", "", "\u3000", "", "*", "").Replace(s))
}

var answerWording = sheet.Wording{Least: 3, Expected: []string{"序号", "收款人名称", "收款人账户", "金额", "支付状态", "备注"},
	Match: func(heading string) (string, bool) {
		key, known := answerHeadings[plainHeading(heading)]
		return key, known
	}}

var digestPattern = regexp.MustCompile(`(?i)\b[0-9a-f]{64}\b`)

// answerFile is a bank's answer that is opened: where its columns are, and
// which digest it says that it answers.
type answerFile struct {
	book    *sheet.Book
	header  sheet.Header
	columns map[string]int
	digest  string
}

func openAnswer(name string, data []byte) (answerFile, error) {
	book, err := sheet.Open(name, data)
	if err != nil {
		return answerFile{}, err
	}
	f := answerFile{book: book, columns: map[string]int{}}
	if f.header, err = sheet.FindHeader(book, answerWording); err != nil {
		return f, err
	}
	for _, c := range f.header.Columns {
		f.columns[c.Key] = c.Index
	}
	for row, err := range book.Rows() {
		if err != nil || row.Number >= f.header.Row {
			break
		}
		if found := digestPattern.FindString(strings.Join(row.Cells, " ")); found != "" {
			f.digest = strings.ToLower(found)
		}
	}
	missing := func(key, heading string) error {
		if _, ok := f.columns[key]; ok {
			return nil
		}
		return fault.New(fault.Invalid, "no_column", bilingual.T("银行文件缺少“"+heading+"”列", "the bank's file has no column “"+heading+"”")).
			WithMend("请使用银行返回的原始文件，不要删改列", "use the file as the bank gave it, with all its columns")
	}
	if err := missing("result", "支付状态"); err != nil {
		return f, err
	}
	if _, ok := f.columns["line_no"]; !ok {
		if err := missing("account", "收款人账户"); err != nil {
			return f, err
		}
		return f, missing("amount", "金额")
	}
	return f, nil
}

// rows yields the rows of the answer, read.
func (f answerFile) rows() iter.Seq2[ledger.AnswerRow, error] {
	return func(yield func(ledger.AnswerRow, error) bool) {
		for row, err := range f.book.Rows() {
			if err != nil {
				yield(ledger.AnswerRow{}, err)
				return
			}
			if row.Number <= f.header.Row || sheet.IsTotals(row) {
				continue
			}
			r, err := f.read(row)
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func (f answerFile) read(row sheet.Row) (ledger.AnswerRow, error) {
	cell := func(key string) string {
		if i, ok := f.columns[key]; ok && i < len(row.Cells) {
			return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(row.Cells[i]), "'"))
		}
		return ""
	}
	r := ledger.AnswerRow{Row: row.Number, Name: cell("name"), Account: ledger.Figures(cell("account")), Word: cell("result"), Code: cell("code"), Reason: cell("reason"), Reference: cell("reference")}
	if i, ok := f.columns["account"]; ok && row.Numeric(i) && len(r.Account) > 15 {
		return r, fault.New(fault.Invalid, "account_as_number", bilingual.F("第 %d 行的账号以数字格式保存，尾数已丢失", "row %d keeps the account as a number; its end is lost", row.Number)).
			WithMend("请使用银行返回的原始文件，不要用表格软件另存账号列", "use the file as the bank gave it")
	}
	r.Result = ledger.ReadResult(r.Word)
	if number, err := strconv.ParseFloat(cell("line_no"), 64); err == nil && number == float64(int64(number)) {
		r.LineNo = int64(number)
	}
	r.AmountFen, r.HasAmount = ledger.ReadYuan(cell("amount"))
	r.On = dayIn(cell("on"))
	return r, nil
}

var dayPattern = regexp.MustCompile(`^(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})`)

// dayIn reads the day at the start of a text, or a spreadsheet's serial number.
func dayIn(text string) civil.Day {
	if serial, err := strconv.ParseFloat(text, 64); err == nil && serial > 30_000 && serial < 80_000 {
		return civil.Day("1899-12-30").AddDays(int(serial))
	}
	m := dayPattern.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	n := make([]int, 3)
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // figures by the pattern
	}
	day, err := civil.New(n[0], n[1], n[2])
	if err != nil {
		return ""
	}
	return day
}

// booking is an answer on its way into the ledger.
type booking struct {
	app       *App
	tx        *store.Tx
	file      answerFile
	batch     ledger.Batch
	answer    ledger.Answer
	index     map[string][]int64 // without numbers: account and amount → lines
	accounts  map[string]bool
	changed   []fault.Detail
	unmatched []ledger.Unmatched
	reasons   []ledger.ReturnReason
	today     civil.Day
}

// AnswerBatch books the bank's answer to a batch line by line: paid, returned,
// or come back after it was paid. A row that fits no line goes into the
// unmatched queue, the others go through. A file that was booked before, or
// whose digest, account or amount is not that of the batch, is refused whole.
func (a *App) AnswerBatch(ctx context.Context, by access.Actor, id, name string, data io.Reader) (ledger.Answer, error) {
	if _, err := a.DB.Batch(ctx, by.Scope, id); err != nil {
		return ledger.Answer{}, err
	}
	content, sum, err := readAnswer(data, a.MaxUpload)
	if err != nil {
		return ledger.Answer{}, err
	}
	file, err := openAnswer(name, content)
	if err != nil {
		return ledger.Answer{}, err
	}
	reasons, err := a.DB.ReturnReasons(ctx)
	if err != nil {
		return ledger.Answer{}, err
	}
	return writeMoney(ctx, a, by, func(tx *store.Tx) (ledger.Answer, error) {
		batch, err := tx.Batch(id)
		if err != nil {
			return ledger.Answer{}, err
		}
		today := civil.On(tx.At)
		b := &booking{app: a, tx: tx, file: file, batch: batch, reasons: reasons, today: today, answer: ledger.Answer{ID: newID(), BatchID: id, CityCode: batch.CityCode,
			FileName: cleanName(name), FileSHA256: sum, BookedOn: today}}
		if err := b.acceptable(); err != nil {
			return b.answer, err
		}
		if err := b.numbered(); err != nil {
			return b.answer, err
		}
		if err := b.pass(false); err != nil {
			return b.answer, err
		}
		if len(b.changed) > 0 {
			f := fault.New(fault.Conflict, "answer_changed", bilingual.T("银行文件与冻结的批次不一致，整份文件不予入账", "the bank's file is not the batch that was frozen; nothing of it is booked")).
				WithMend("请向银行索取原始回单文件；如确有差异，先查明原因", "get the original file from the bank; if it differs indeed, find out why first")
			f.Details = b.changed
			return b.answer, f
		}
		if err := b.pass(true); err != nil {
			return b.answer, err
		}
		if b.answer.PaidCount+b.answer.ReturnedCount+b.answer.RefundedCount+b.answer.UnmatchedCount == 0 {
			return b.answer, fault.New(fault.Conflict, "answer_repeated", bilingual.T("文件中的每一笔都已入账，没有新内容", "every row of the file was booked before")).
				WithMend("请确认是否选错了文件", "see whether this is the right file")
		}
		after := b.batch
		after.State = after.Answered()
		if b.answer.FileBlob, err = a.keepAnswer(b.answer, content); err != nil {
			return b.answer, err
		}
		return b.answer, tx.BookAnswer(batch, &after, &b.answer, b.unmatched)
	})
}

// acceptable refuses a file before its rows are looked at.
func (b *booking) acceptable() error {
	closed, err := b.tx.LastClosedDay(b.batch.CityCode)
	if err != nil {
		return err
	}
	before, repeated, err := b.tx.AnsweredFile(b.batch.CityCode, b.answer.FileSHA256)
	switch {
	case err != nil:
		return err
	case b.batch.State == ledger.BatchSealed || b.batch.State == ledger.BatchVoid:
		return fault.New(fault.Conflict, "wrong_state", bilingual.T("该批次未发送，不能登记银行回单", "the batch was not sent; the bank cannot have answered it")).WithMend("请先发送批次", "send the batch first")
	case repeated:
		return fault.New(fault.Conflict, "answer_repeated", bilingual.F("该文件已于 %s 登记过", "the file was booked before, on %s", before.BookedOn)).
			WithMend("请确认是否选错了文件", "see whether this is the right file").With("answer_id", before.ID)
	case closed >= b.today:
		return fault.New(fault.Conflict, "day_closed", bilingual.F("%s 已结账，今天不能再登记回单", "%s is closed; nothing more is booked today", closed)).WithMend("请明天再登记", "book it tomorrow")
	case b.file.digest != "" && b.file.digest != b.batch.SHA256:
		return fault.New(fault.Conflict, "answer_changed", bilingual.T("文件中的校验码与批次不一致：不是这个批次的文件，或内容被改动过", "the digest in the file is not that of the batch: it is another batch's, or it was changed")).
			WithMend("请核对批次号，使用银行返回的原始文件", "see the number of the batch; use the file as the bank gave it").
			With("file_sha256", b.file.digest).With("batch_sha256", b.batch.SHA256)
	}
	return nil
}

// numbered makes an index of the lines if the file has no numbers of them.
func (b *booking) numbered() error {
	if _, ok := b.file.columns["line_no"]; ok {
		return nil
	}
	b.index, b.accounts = map[string][]int64{}, map[string]bool{}
	return b.tx.EachLine(b.batch, func(l ledger.BatchLine) error {
		account := ledger.Figures(l.PayeeAccount)
		b.accounts[account] = true
		key := account + "/" + strconv.FormatInt(int64(l.AmountFen), 10)
		b.index[key] = append(b.index[key], l.LineNo)
		return nil
	})
}

// pass goes through the rows a piece at a time: first to find what was changed,
// then to book.
func (b *booking) pass(book bool) error {
	used := map[string]int{}
	var rows []ledger.AnswerRow
	flush := func() error {
		defer func() { rows = rows[:0] }()
		return b.piece(rows, used, book)
	}
	for row, err := range b.file.rows() {
		if err != nil {
			return err
		}
		if rows = append(rows, row); len(rows) == piece {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (b *booking) piece(rows []ledger.AnswerRow, used map[string]int, book bool) error {
	var numbers []int64
	for i := range rows {
		if b.index != nil {
			key := rows[i].Account + "/" + strconv.FormatInt(int64(rows[i].AmountFen), 10)
			if lines := b.index[key]; used[key] < len(lines) { // of equal lines the first one that is left
				rows[i].LineNo = lines[used[key]]
				used[key]++
			}
		}
		numbers = append(numbers, rows[i].LineNo)
	}
	lines, err := b.tx.LinesByNumber(b.batch.ID, numbers)
	if err != nil {
		return err
	}
	settled := map[int64]bool{}
	for _, row := range rows {
		line, known := lines[row.LineNo]
		verdict := ledger.UnknownLine
		if known {
			verdict = ledger.Judge(line, row)
		} else if b.accounts[row.Account] {
			verdict = ledger.Changed // the payee is of the batch, the amount is not
		}
		if !book {
			if verdict == ledger.Changed && len(b.changed) < 20 {
				b.changed = append(b.changed, changedDetail(line, known, row))
			}
			continue
		}
		b.answer.Rows++
		switch verdict {
		case ledger.Settles, ledger.ComesBack:
			if reason, ok := ledger.ReadReason(b.reasons, row.Code, row.Reason); ok && row.Result != ledger.ResultPaid {
				row.Code = reason.Code
			}
			after := line.Settle(row, b.today)
			if verdict == ledger.ComesBack {
				booked, err := b.comesBack(lines, settled, after)
				if err != nil {
					return err
				}
				if !booked {
					row.Name, row.Account = cmp.Or(row.Name, line.PayeeName), cmp.Or(row.Account, line.PayeeAccount) // a bank may name lines by number alone
					b.unmatch(row, ledger.NotBooked)
					continue
				}
			} else {
				settled[row.LineNo] = true
			}
			lines[row.LineNo] = after
			b.count(line, after)
		case ledger.Repeats:
			b.answer.RepeatedCount++
		default:
			b.unmatch(row, verdict)
		}
	}
	if !book {
		return nil
	}
	return b.settle(lines, settled)
}

// unmatch puts a row into the queue of those that a person has to look at.
func (b *booking) unmatch(row ledger.AnswerRow, verdict ledger.Verdict) {
	b.answer.UnmatchedCount++
	b.unmatched = append(b.unmatched, ledger.Unmatched{ID: newID(), AnswerID: b.answer.ID, BatchID: b.batch.ID, CityCode: b.batch.CityCode, BookedOn: b.today,
		Row: row.Row, Name: row.Name, Account: store.MaskAccount(row.Account), AmountFen: row.AmountFen, Word: row.Word, Reference: row.Reference,
		Verdict: verdict, State: "open", Version: 1})
}

// comesBack books a payment that came back, after the lines of the piece before
// it, one of which may be the payment itself. It reports false, and books
// nothing, if the ledger refuses it: a recovery rests on the payment, or what it
// kept back is spent.
func (b *booking) comesBack(lines map[int64]ledger.BatchLine, settled map[int64]bool, after ledger.BatchLine) (booked bool, err error) {
	if err := b.settle(lines, settled); err != nil {
		return false, err
	}
	err = b.tx.Try(func() error { return b.tx.SettleLines(b.batch, []ledger.BatchLine{after}) })
	if fault.Is(err, fault.Conflict) {
		return false, nil
	}
	return err == nil, err
}

// settle books the lines of a piece in the order of their numbers.
func (b *booking) settle(lines map[int64]ledger.BatchLine, settled map[int64]bool) error {
	var list []ledger.BatchLine
	for number := range settled {
		list = append(list, lines[number])
	}
	clear(settled)
	slices.SortFunc(list, func(x, y ledger.BatchLine) int { return int(x.LineNo - y.LineNo) })
	return b.tx.SettleLines(b.batch, list)
}

// count keeps the totals of the answer and the batch.
func (b *booking) count(before, after ledger.BatchLine) {
	switch after.State {
	case ledger.LinePaid:
		b.answer.PaidCount, b.answer.PaidFen = b.answer.PaidCount+1, b.answer.PaidFen+after.AmountFen
		b.batch.PaidCount, b.batch.PaidFen = b.batch.PaidCount+1, b.batch.PaidFen+after.AmountFen
		b.batch.PaidOn = max(b.batch.PaidOn, after.SettledOn)
		if after.Reference != "" {
			b.batch.Reference = after.Reference
		}
	case ledger.LineReturned:
		b.answer.ReturnedCount, b.answer.ReturnedFen = b.answer.ReturnedCount+1, b.answer.ReturnedFen+after.AmountFen
		b.batch.ReturnedCount, b.batch.ReturnedFen = b.batch.ReturnedCount+1, b.batch.ReturnedFen+after.AmountFen
	case ledger.LineRefunded:
		b.answer.RefundedCount, b.answer.RefundedFen = b.answer.RefundedCount+1, b.answer.RefundedFen+before.AmountFen
		b.batch.PaidCount, b.batch.PaidFen = b.batch.PaidCount-1, b.batch.PaidFen-before.AmountFen
		b.batch.ReturnedCount, b.batch.ReturnedFen = b.batch.ReturnedCount+1, b.batch.ReturnedFen+before.AmountFen
	}
}

func changedDetail(line ledger.BatchLine, known bool, row ledger.AnswerRow) fault.Detail {
	what, mend := bilingual.F("第 %d 行：金额 %s 元不在批次内", "row %d: the batch has no such amount, %s yuan", row.Row, row.AmountFen.Yuan()), bilingual.Text{}
	switch {
	case known && row.HasAmount && row.AmountFen != line.AmountFen:
		what = bilingual.T(fmt.Sprintf("第 %d 行（批次第 %d 笔）：金额为 %s 元，冻结时为 %s 元", row.Row, line.LineNo, row.AmountFen.Yuan(), line.AmountFen.Yuan()),
			fmt.Sprintf("row %d (line %d): %s yuan, frozen as %s", row.Row, line.LineNo, row.AmountFen.Yuan(), line.AmountFen.Yuan()))
	case known:
		what = bilingual.T(fmt.Sprintf("第 %d 行（批次第 %d 笔）：账号与冻结时不同（%s，冻结时 %s）", row.Row, line.LineNo, store.MaskAccount(row.Account), store.MaskAccount(line.PayeeAccount)),
			fmt.Sprintf("row %d (line %d): another account (%s, frozen as %s)", row.Row, line.LineNo, store.MaskAccount(row.Account), store.MaskAccount(line.PayeeAccount)))
	}
	return fault.Detail{Location: fmt.Sprintf("row.%d", row.Row), Code: "changed", Message: what, Mend: mend}
}
