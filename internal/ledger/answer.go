package ledger

import (
	"math"
	"strconv"
	"strings"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
)

// Result is what the bank says of a line.
type Result string

// The results. Unread is one that nobody taught the program.
const (
	ResultPaid     Result = "paid"
	ResultReturned Result = "returned"
	ResultRefunded Result = "refunded"
	ResultUnread   Result = "unread"
)

// results are the words of banks and treasuries, the longer before those that
// they begin with.
var results = []struct {
	result Result
	words  []string
}{
	{ResultRefunded, []string{"已退款", "退款", "REFUNDED", "REFUND"}},
	{ResultReturned, []string{"支付失败", "付款失败", "交易失败", "失败", "不成功", "未成功", "财委退回", "退回", "退票", "退汇", "被拒绝", "拒绝", "FAILED", "FAIL", "RETURNED", "REJECTED", "F", "N"}},
	{ResultPaid, []string{"支付成功", "付款成功", "交易成功", "成功", "已支付", "已付款", "已清算", "SUCCESS", "SUCCEEDED", "PAID", "OK", "S", "Y"}},
}

// ReadResult reads the word of a bank for what became of a line.
func ReadResult(text string) Result {
	word := strings.ToUpper(strings.Join(strings.Fields(text), ""))
	for _, r := range results {
		for _, w := range r.words {
			if word == w || len([]rune(w)) > 1 && strings.HasPrefix(word, w) {
				return r.result
			}
		}
	}
	return ResultUnread
}

// ReadYuan reads an amount in yuan as offices and spreadsheets write it:
// "35,000.00", "￥35000", "35000元", a number with the dust of a double.
func ReadYuan(text string) (money.Fen, bool) {
	text = strings.NewReplacer(",", "", "，", "", "¥", "", "￥", "", "元", "", " ", "", "\u00a0", "", "'", "").Replace(strings.TrimSpace(text))
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) <= 2 && whole != "" && allFigures(whole) && allFigures(fraction) && len(whole) < 15 {
		n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
		return money.Fen(n), err == nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 1e13 {
		return 0, false
	}
	fen := math.Round(f * 100)
	if math.Abs(f*100-fen) > 1e-3 {
		return 0, false
	}
	return money.Fen(fen), true
}

func allFigures(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

// Figures returns the figures of an account as a bank file may write it.
func Figures(account string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		}
		return -1
	}, account)
}

// AnswerRow is one row of a bank's answer. What the file has no column for is
// left at its zero value.
type AnswerRow struct {
	Row       int
	LineNo    int64
	Name      string
	Account   string // its figures
	AmountFen money.Fen
	HasAmount bool
	Result    Result
	Word      string // of the bank for the result
	Code      string
	Reason    string
	Reference string
	On        civil.Day
}

// Verdict says what a row does to its line.
type Verdict string

// The verdicts. Settles: the line is paid or returned now. Comes back: it was
// paid and the money came back. Repeats: said before. The others go into the
// unmatched queue, but Changed, which makes the whole file refused.
const (
	Settles   Verdict = "settles"
	ComesBack Verdict = "comes_back"
	Repeats   Verdict = "repeats"
	Changed   Verdict = "changed"

	UnknownLine     Verdict = "unknown_line"
	UnreadResult    Verdict = "unread_result"
	PaidTwice       Verdict = "paid_twice"
	PaidAfterReturn Verdict = "paid_after_return"
	NotSent         Verdict = "not_sent"
	NotBooked       Verdict = "not_booked" // it comes back, but what was recovered or kept back rests on it
)

var verdictTexts = map[Verdict]bilingual.Text{
	UnknownLine:     bilingual.T("批次内没有这一笔", "the batch has no such line"),
	UnreadResult:    bilingual.T("无法识别支付状态", "the result cannot be read"),
	PaidTwice:       bilingual.T("银行流水显示重复支付", "the bank says that it paid the line a second time"),
	PaidAfterReturn: bilingual.T("该笔已登记退回，银行又报告支付成功", "the line was booked as returned, now the bank says that it was paid"),
	NotSent:         bilingual.T("该笔未发送给银行", "the line was not sent to the bank"),
	NotBooked: bilingual.T("该笔付款被退回，但已部分追回、正被其他批次抵扣，或抵扣所得资金已另作安排；请在追缴案件中登记，或处理后单独重新登记这一笔",
		"the payment came back, but a part of it was recovered, is being kept back by another batch, or what it kept back is spent; book it on the recovery case, or clear that up and book this row again in a file of its own"),
}

// Text says in words why a row is in the unmatched queue.
func (v Verdict) Text() bilingual.Text { return verdictTexts[v] }

// Judge says what a row does to the line that it names.
func Judge(line BatchLine, row AnswerRow) Verdict {
	if row.Account != "" && row.Account != Figures(line.PayeeAccount) || row.HasAmount && row.AmountFen != line.AmountFen {
		return Changed
	}
	if row.Result == ResultUnread {
		return UnreadResult
	}
	switch line.State {
	case LineSent:
		return Settles
	case LinePaid:
		switch {
		case row.Result != ResultPaid:
			return ComesBack
		case row.Reference == "" || line.Reference == "" || row.Reference == line.Reference:
			return Repeats
		}
		return PaidTwice
	case LineReturned, LineRefunded:
		if row.Result == ResultPaid {
			if line.State == LineRefunded && row.Reference == line.Reference {
				return Repeats
			}
			return PaidAfterReturn
		}
		return Repeats
	}
	return NotSent
}

// Settle returns the line after a row that settles it or by which it comes back.
func (l BatchLine) Settle(row AnswerRow, today civil.Day) BatchLine {
	if row.On == "" {
		row.On = today
	}
	switch {
	case l.State == LinePaid:
		l.State, l.ReasonCode, l.Reason, l.SettledOn = LineRefunded, row.Code, row.Reason, row.On
	case row.Result == ResultPaid:
		l.State, l.Reference, l.SettledOn = LinePaid, row.Reference, row.On
	default:
		l.State, l.ReasonCode, l.Reason, l.Reference, l.SettledOn = LineReturned, row.Code, row.Reason, row.Reference, row.On
	}
	return l
}

// Answer is one file of the bank and what it did.
type Answer struct {
	ID             string
	BatchID        string
	CityCode       string
	FileName       string
	FileSHA256     string // of the file as it came
	FileBlob       string // SHA-256 of its sealed bytes, as they lie; "" where it lies as it came
	BookedOn       civil.Day
	Rows           int64
	PaidCount      int64
	PaidFen        money.Fen
	ReturnedCount  int64
	ReturnedFen    money.Fen
	RefundedCount  int64
	RefundedFen    money.Fen
	RepeatedCount  int64
	UnmatchedCount int64
	UploadedBy     string
	UploadedByName string
	UploadedAt     time.Time
}

// Unmatched is a row of an answer that fits no line; somebody has to say what
// it is before the day can be closed.
type Unmatched struct {
	ID              string
	AnswerID        string
	BatchID         string
	CityCode        string
	BookedOn        civil.Day
	Row             int
	Name            string
	Account         string // masked
	AmountFen       money.Fen
	Word            string
	Reference       string
	Verdict         Verdict
	State           string // open or explained
	Explanation     string
	ExplainedBy     string
	ExplainedByName string
	ExplainedAt     *time.Time
	Version         int64
}

// ReturnReason is why a bank returns a line, and what to do about it.
type ReturnReason struct {
	Code  string
	Name  bilingual.Text
	ToDo  bilingual.Text
	Kind  string   // account, payee, bank, amount, stop
	Words []string // of banks, by which it is known
}

// ReadReason returns the reason that a bank means by a code or its words, and
// false where the table has none.
func ReadReason(table []ReturnReason, code, words string) (ReturnReason, bool) {
	code = strings.ToUpper(strings.TrimSpace(code))
	for _, r := range table {
		if code != "" && strings.ToUpper(r.Code) == code {
			return r, true
		}
	}
	text := strings.ToUpper(strings.Join(strings.Fields(code+words), ""))
	for _, r := range table {
		for _, w := range r.Words {
			if w != "" && strings.Contains(text, strings.ToUpper(w)) {
				return r, true
			}
		}
	}
	return ReturnReason{}, false
}

// Day is a day of the bank's answers that was closed: what the bank paid and
// what the ledger booked agree, and every row is matched or explained.
type Day struct {
	CityCode     string
	On           civil.Day
	Answers      int64
	BankFen      money.Fen
	LedgerFen    money.Fen
	Explained    int64
	Open         int64
	ClosedBy     string
	ClosedByName string
	ClosedAt     *time.Time
}
