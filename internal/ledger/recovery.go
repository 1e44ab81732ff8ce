package ledger

import (
	"strings"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
)

// RecoveryReasons lists why money must come back.
var RecoveryReasons = []string{"false_material", "not_eligible", "double_benefit", "overpaid", "seen_again", "other"}

// Recovery is a claim on a payee for money that was paid: no interest runs on it.
type Recovery struct {
	ID            string
	CityCode      string
	ApplicationID string
	AssetLabel    string
	PayeeName     string
	OwnerName     string
	AccountKey    string // hash of the account's figures, to know the payee again
	ReasonCode    string
	Reason        string
	Document      string
	AmountFen     money.Fen
	ReceivedFen   money.Fen // paid back
	OffsetFen     money.Fen // kept back from later payments
	PendingFen    money.Fen // to be kept back by lines that are not paid yet
	MayOffset     bool
	DueOn         civil.Day
	State         string // open, settled, withdrawn
	OpenedBy      string
	OpenedByName  string
	OpenedAt      time.Time
	ClosedBy      string
	ClosedByName  string
	ClosedAt      *time.Time
	CloseReason   string
	Version       int64
}

// Outstanding is what is still owed; what waits in a batch counts as owed.
func (r Recovery) Outstanding() money.Fen {
	if r.State == "withdrawn" {
		return 0
	}
	return r.AmountFen - r.ReceivedFen - r.OffsetFen
}

// OffsetFor returns how much of a payment is kept back for the case: no more
// than is owed and not waited for already, no more than the payment.
func (r Recovery) OffsetFor(payment money.Fen) money.Fen {
	if r.State != "open" || !r.MayOffset {
		return 0
	}
	return max(0, min(payment, r.Outstanding()-r.PendingFen))
}

// Instalment is a part of what is owed with a day of its own.
type Instalment struct {
	DueOn     civil.Day
	AmountFen money.Fen
}

// InstalmentState is an instalment as it stands: what of it is covered, and
// whether its day has passed without.
type InstalmentState struct {
	Instalment
	CoveredFen money.Fen
	Overdue    bool
}

// Schedule lays what came back over the instalments, the earliest first.
func Schedule(instalments []Instalment, back money.Fen, today civil.Day) []InstalmentState {
	states := make([]InstalmentState, len(instalments))
	for i, part := range instalments {
		covered := min(back, part.AmountFen)
		back -= covered
		states[i] = InstalmentState{part, covered, covered < part.AmountFen && part.DueOn < today}
	}
	return states
}

// Receipt is one payment back, or one sum kept back.
type Receipt struct {
	ID         string
	CaseID     string
	CityCode   string
	Kind       string // receipt, offset, offset_undone
	AmountFen  money.Fen
	ReceivedOn civil.Day
	Reference  string
	By         string
	ByName     string
	At         time.Time
}

// CheckRecovery returns what is wrong with a case as entered; left is what of
// the payment no other case claims.
func CheckRecovery(r Recovery, instalments []Instalment, left money.Fen, today civil.Day) []fault.Detail {
	var wrong []fault.Detail
	add := func(field, code string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
	}
	if r.AmountFen < 1 || r.AmountFen > left {
		add("amount_fen", "out_of_range", bilingual.F("追缴金额应在 0.01 元和 %s 元之间", "the amount must be between 0.01 and %s yuan", left.Yuan()),
			bilingual.T("不能超过已支付且未追缴的金额", "no more than was paid and is not claimed yet"))
	}
	if strings.TrimSpace(r.Reason) == "" {
		add("reason", "required", bilingual.T("缺少追缴原因", "the reason is missing"), bilingual.Text{})
	}
	if !r.DueOn.Valid() || r.DueOn < today {
		add("due_on", "date_invalid", bilingual.T("缴回期限应为今天或以后的日期", "the due day must be today or later"), bilingual.Text{})
	}
	var sum money.Fen
	last := civil.Day("")
	for _, part := range instalments {
		sum += part.AmountFen
		if !part.DueOn.Valid() || part.DueOn <= last || part.AmountFen < 1 {
			add("instalments", "date_order", bilingual.T("分期的日期应依次递增，金额应大于零", "instalments must follow each other and be positive"), bilingual.Text{})
			break
		}
		last = part.DueOn
	}
	if len(instalments) > 0 && sum != r.AmountFen {
		add("instalments", "sum", bilingual.F("分期合计 %s 元，与追缴金额不一致", "the instalments sum to %s yuan, not to the amount", sum.Yuan()), bilingual.T("请调整分期金额", "mend the instalments"))
	}
	return wrong
}

// Rate is what came back of what had to, over cases.
type Rate struct {
	Cases      int64
	Open       int64
	Overdue    int64
	AmountFen  money.Fen
	BackFen    money.Fen
	PendingFen money.Fen
}

// BP is the share in basis points that came back, nil where nothing was due.
func (r Rate) BP() *int64 {
	if r.AmountFen == 0 {
		return nil
	}
	bp := int64(portion(r.BackFen, 10_000, int64(r.AmountFen)))
	if int64(r.AmountFen) >= 1<<31 {
		bp = bigPortion(int64(r.BackFen), 10_000, int64(r.AmountFen))
	}
	return &bp
}
