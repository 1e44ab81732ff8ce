package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
)

// The states of a batch. Sealed: frozen, not yet at the bank. Sent: at the
// bank, no answer yet 未标记. Done: every line paid 已完成. Partly: some lines
// paid or still open 部分成功. Returned: every line came back 全部退回. Void:
// given up before it was sent.
const (
	BatchSealed   = "sealed"
	BatchSent     = "sent"
	BatchDone     = "done"
	BatchPartly   = "partly"
	BatchReturned = "returned"
	BatchVoid     = "void"
)

// The states of a line. Refunded: paid, and the money came back later.
const (
	LineSealed   = "sealed"
	LineSent     = "sent"
	LinePaid     = "paid"
	LineReturned = "returned"
	LineRefunded = "refunded"
	LineVoid     = "void"
)

// BatchLine is one frozen line of a payment batch. What has a name in JSON is
// what was frozen; the rest is what the bank answered.
type BatchLine struct {
	LineNo        int64     `json:"line_no"`
	ApplicationID string    `json:"application_id"`
	AssetLabel    string    `json:"asset_label"`
	PayeeName     string    `json:"payee_name"`
	PayeeBank     string    `json:"payee_bank"`
	PayeeAccount  string    `json:"payee_account"`
	AmountFen     money.Fen `json:"amount_fen"`                // that the bank is to pay
	BankCode      string    `json:"payee_bank_code,omitempty"` // 行别编码
	OffsetFen     money.Fen `json:"offset_fen,omitempty"`      // kept back for a recovery case
	CaseID        string    `json:"case_id,omitempty"`
	State         string    `json:"-"`
	ReasonCode    string    `json:"-"`
	Reason        string    `json:"-"` // the bank's words
	Reference     string    `json:"-"` // of the bank
	SettledOn     civil.Day `json:"-"`
}

// Batch is a frozen list of payments: its lines, count, total and digest never
// change after it is made.
type Batch struct {
	ID            string
	CityCode      string
	Number        string
	ProgramID     string
	ProgramName   bilingual.Text
	State         string
	LineCount     int64
	TotalFen      money.Fen // that the bank is to pay
	OffsetFen     money.Fen // that is kept back
	SHA256        string
	PaidCount     int64
	PaidFen       money.Fen
	ReturnedCount int64
	ReturnedFen   money.Fen
	CreatedBy     string
	CreatedByName string
	CreatedAt     time.Time
	SentBy        string
	SentByName    string
	SentAt        *time.Time
	PaidOn        civil.Day // of the last line that was paid
	Reference     string    // of the last answer
	VoidReason    string
	Version       int64
}

// Digest is the SHA-256 over a batch's number, total and frozen lines, as the
// JSON object {"number", "total_fen", "lines"}; it takes the lines one by one.
type Digest struct {
	sum   hash.Hash
	lines int64
	total money.Fen
	want  money.Fen
}

// NewDigest starts the digest of a batch of a number and total.
func NewDigest(number string, total money.Fen) (*Digest, error) {
	text, err := json.Marshal(number)
	if err != nil {
		return nil, fmt.Errorf("ledger: digest: %w", err)
	}
	d := &Digest{sum: sha256.New(), want: total}
	_, _ = fmt.Fprintf(d.sum, `{"number":%s,"total_fen":%d,"lines":[`, text, total) // a hash takes everything
	return d, nil
}

// Add takes the next line.
func (d *Digest) Add(l BatchLine) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("ledger: digest: %w", err)
	}
	if d.lines > 0 {
		d.sum.Write([]byte{','})
	}
	d.lines, d.total = d.lines+1, d.total+l.AmountFen
	d.sum.Write(text)
	return nil
}

// Sum returns the digest in hexadecimal, and whether the lines were as many as
// said and sum to the total.
func (d *Digest) Sum(lines int64) (digest string, whole bool) {
	d.sum.Write([]byte("]}"))
	return hex.EncodeToString(d.sum.Sum(nil)), d.lines == lines && d.total == d.want
}

// Answered returns the state of a batch that was sent, after so many of its
// lines were paid and returned.
func (b Batch) Answered() string {
	switch {
	case b.PaidCount == b.LineCount:
		return BatchDone
	case b.ReturnedCount == b.LineCount:
		return BatchReturned
	case b.PaidCount+b.ReturnedCount > 0:
		return BatchPartly
	}
	return BatchSent
}

// Send returns the batch as it goes to the bank. It fails with Conflict if it
// is not sealed, with Denied four_eyes for who made it or handled one of its
// lines before.
func (b Batch) Send(by, byName string, handledLine string, at time.Time) (Batch, error) {
	switch {
	case b.State != BatchSealed:
		return b, fault.New(fault.Conflict, "wrong_state", bilingual.T("该批次已发送或已作废", "the batch was sent or given up already")).WithMend("请刷新后查看最新状态", "reload to see its present state")
	case by == b.CreatedBy:
		return b, fault.New(fault.Denied, "four_eyes", bilingual.T("成批人不能发送自己制作的批次", "who made the batch cannot send it")).
			WithMend("请由另一名财务人员发送", "ask another finance officer")
	case handledLine != "":
		return b, fault.New(fault.Denied, "four_eyes", bilingual.F("您经办过其中的申请（%s），不能发送该批次", "you handled one of its applications before (%s)", handledLine)).
			WithMend("请由未经手这些申请的财务人员发送", "ask a finance officer who handled none of them")
	}
	b.State, b.SentBy, b.SentByName, b.SentAt = BatchSent, by, byName, &at
	return b, nil
}
