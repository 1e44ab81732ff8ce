package api

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/store"
)

// BatchLine is one frozen payment and what the bank answered.
type BatchLine struct {
	LineNo        int64     `json:"line_no"`
	ApplicationID string    `json:"application_id"`
	AssetLabel    string    `json:"asset_label"`
	PayeeName     string    `json:"payee_name"`
	PayeeBank     string    `json:"payee_bank,omitempty"`
	PayeeAccount  string    `json:"payee_account,omitempty" doc:"Masked but for the last four digits."`
	AmountFen     money.Fen `json:"amount_fen" doc:"That the bank is to pay."`
	OffsetFen     money.Fen `json:"offset_fen,omitempty" doc:"Kept back for a recovery case."`
	CaseID        string    `json:"case_id,omitempty"`
	State         string    `json:"state" enum:"sealed,sent,paid,returned,refunded,void"`
	ReasonCode    string    `json:"reason_code,omitempty"`
	Reason        string    `json:"reason,omitempty" doc:"The bank's words."`
	ReasonName    string    `json:"reason_name,omitempty"`
	ToDo          string    `json:"to_do,omitempty" doc:"What to do about it."`
	Reference     string    `json:"reference,omitempty"`
	SettledOn     civil.Day `json:"settled_on,omitempty"`
}

// LeftOut is an application that could be paid but is held.
type LeftOut struct {
	ApplicationID string `json:"application_id"`
	AssetLabel    string `json:"asset_label"`
	Reason        string `json:"reason"`
}

// Batch is a frozen list of payments.
type Batch struct {
	ID            string      `json:"id"`
	Number        string      `json:"number"`
	ProgramID     string      `json:"program_id"`
	ProgramName   Name        `json:"program_name"`
	CityCode      string      `json:"city_code"`
	State         string      `json:"state" enum:"sealed,sent,done,partly,returned,void" doc:"sealed: frozen; sent: at the bank, not yet answered; done: all paid; partly; returned: all came back; void: given up."`
	LineCount     int64       `json:"line_count"`
	TotalFen      money.Fen   `json:"total_fen"`
	TotalCapitals string      `json:"total_capitals" doc:"The total in Chinese capitals."`
	OffsetFen     money.Fen   `json:"offset_fen,omitempty"`
	SHA256        string      `json:"sha256" doc:"Digest over number, total and lines as frozen."`
	PaidCount     int64       `json:"paid_count"`
	PaidFen       money.Fen   `json:"paid_fen"`
	ReturnedCount int64       `json:"returned_count"`
	ReturnedFen   money.Fen   `json:"returned_fen"`
	CreatedBy     Person      `json:"created_by"`
	CreatedAt     time.Time   `json:"created_at"`
	SentBy        *Person     `json:"sent_by,omitempty"`
	SentAt        *time.Time  `json:"sent_at"`
	PaidOn        civil.Day   `json:"paid_on,omitempty"`
	Reference     string      `json:"reference,omitempty"`
	VoidReason    string      `json:"void_reason,omitempty"`
	Lines         []BatchLine `json:"lines,omitempty" doc:"Only for a single batch, the first 100; the rest by /batches/{id}/lines."`
	LeftOut       []LeftOut   `json:"left_out,omitempty" doc:"Only when the batch is made: what is held, and why."`
	Version       int64       `json:"version"`
}

func batchView(b ledger.Batch) Batch {
	v := Batch{ID: b.ID, Number: b.Number, ProgramID: b.ProgramID, ProgramName: nameOf(b.ProgramName), CityCode: b.CityCode, State: b.State,
		LineCount: b.LineCount, TotalFen: b.TotalFen, TotalCapitals: ledger.Capitals(b.TotalFen), OffsetFen: b.OffsetFen, SHA256: b.SHA256, PaidCount: b.PaidCount, PaidFen: b.PaidFen,
		ReturnedCount: b.ReturnedCount, ReturnedFen: b.ReturnedFen, CreatedBy: Person{b.CreatedBy, b.CreatedByName}, CreatedAt: b.CreatedAt, SentAt: b.SentAt,
		PaidOn: b.PaidOn, Reference: b.Reference, VoidReason: b.VoidReason, Version: b.Version}
	if b.SentBy != "" {
		v.SentBy = &Person{b.SentBy, b.SentByName}
	}
	return v
}

func batchLineView(l bilingual.Lang, reasons []ledger.ReturnReason) func(ledger.BatchLine) BatchLine {
	return func(b ledger.BatchLine) BatchLine {
		v := BatchLine{LineNo: b.LineNo, ApplicationID: b.ApplicationID, AssetLabel: b.AssetLabel, PayeeName: b.PayeeName, PayeeBank: b.PayeeBank,
			PayeeAccount: store.MaskAccount(b.PayeeAccount), AmountFen: b.AmountFen, OffsetFen: b.OffsetFen, CaseID: b.CaseID, State: b.State,
			ReasonCode: b.ReasonCode, Reason: b.Reason, Reference: b.Reference, SettledOn: b.SettledOn}
		if b.State == ledger.LineReturned || b.State == ledger.LineRefunded {
			if r, ok := ledger.ReadReason(reasons, b.ReasonCode, b.Reason); ok {
				v.ReasonName, v.ToDo = r.Name.In(l), r.ToDo.In(l)
			} else {
				v.ToDo = bilingual.T("按银行说明核对收款信息，修改并重新审批后列入下一批次", "compare the payee with what the bank says; mend it, have it approved, and it goes into the next batch").In(l)
			}
		}
		return v
	}
}

func madeBatchView(l bilingual.Lang) func(app.MadeBatch) Batch {
	return func(m app.MadeBatch) Batch {
		v := batchView(m.Batch)
		for _, o := range m.LeftOut {
			v.LeftOut = append(v.LeftOut, LeftOut{o.ApplicationID, o.AssetLabel, o.Reason.In(l)})
		}
		return v
	}
}

// BankAnswer is one file of the bank and what it did.
type BankAnswer struct {
	ID             string    `json:"id"`
	BatchID        string    `json:"batch_id"`
	FileName       string    `json:"file_name"`
	FileSHA256     string    `json:"file_sha256"`
	BookedOn       civil.Day `json:"booked_on"`
	Rows           int64     `json:"rows"`
	PaidCount      int64     `json:"paid_count"`
	PaidFen        money.Fen `json:"paid_fen"`
	ReturnedCount  int64     `json:"returned_count"`
	ReturnedFen    money.Fen `json:"returned_fen"`
	RefundedCount  int64     `json:"refunded_count" doc:"Paid before, and the money came back."`
	RefundedFen    money.Fen `json:"refunded_fen"`
	RepeatedCount  int64     `json:"repeated_count" doc:"Rows that said nothing new."`
	UnmatchedCount int64     `json:"unmatched_count"`
	UploadedBy     Person    `json:"uploaded_by"`
	UploadedAt     time.Time `json:"uploaded_at"`
}

func answerView(a ledger.Answer) BankAnswer {
	return BankAnswer{a.ID, a.BatchID, a.FileName, a.FileSHA256, a.BookedOn, a.Rows, a.PaidCount, a.PaidFen, a.ReturnedCount, a.ReturnedFen, a.RefundedCount, a.RefundedFen,
		a.RepeatedCount, a.UnmatchedCount, Person{a.UploadedBy, a.UploadedByName}, a.UploadedAt}
}

// UnmatchedRow is a row of the bank that fits no line.
type UnmatchedRow struct {
	ID          string     `json:"id"`
	AnswerID    string     `json:"answer_id"`
	BatchID     string     `json:"batch_id"`
	CityCode    string     `json:"city_code"`
	BookedOn    civil.Day  `json:"booked_on"`
	Row         int        `json:"row"`
	Name        string     `json:"name,omitempty"`
	Account     string     `json:"account,omitempty" doc:"Masked."`
	AmountFen   money.Fen  `json:"amount_fen"`
	Word        string     `json:"word,omitempty" doc:"The bank's word for the result."`
	Reference   string     `json:"reference,omitempty"`
	Code        string     `json:"code" enum:"unknown_line,unread_result,paid_twice,paid_after_return,not_sent,not_booked"`
	Text        string     `json:"text" doc:"Why it fits no line."`
	State       string     `json:"state" enum:"open,explained"`
	Explanation string     `json:"explanation,omitempty"`
	ExplainedBy *Person    `json:"explained_by,omitempty"`
	ExplainedAt *time.Time `json:"explained_at"`
	Version     int64      `json:"version"`
}

func unmatchedView(l bilingual.Lang) func(ledger.Unmatched) UnmatchedRow {
	return func(u ledger.Unmatched) UnmatchedRow {
		v := UnmatchedRow{ID: u.ID, AnswerID: u.AnswerID, BatchID: u.BatchID, CityCode: u.CityCode, BookedOn: u.BookedOn, Row: u.Row, Name: u.Name, Account: u.Account, AmountFen: u.AmountFen,
			Word: u.Word, Reference: u.Reference, Code: string(u.Verdict), Text: u.Verdict.Text().In(l), State: u.State, Explanation: u.Explanation, ExplainedAt: u.ExplainedAt, Version: u.Version}
		if u.ExplainedBy != "" {
			v.ExplainedBy = &Person{u.ExplainedBy, u.ExplainedByName}
		}
		return v
	}
}

// BankDay is a day of the bank's answers, open or closed.
type BankDay struct {
	CityCode  string     `json:"city_code"`
	Day       civil.Day  `json:"day"`
	Answers   int64      `json:"answers"`
	BankFen   money.Fen  `json:"bank_fen" doc:"What the bank says that it paid, less what came back."`
	LedgerFen money.Fen  `json:"ledger_fen" doc:"What the ledger booked."`
	Explained int64      `json:"explained"`
	Open      int64      `json:"open" doc:"Unmatched rows up to this day that nobody has explained."`
	Closed    bool       `json:"closed"`
	ClosedBy  *Person    `json:"closed_by,omitempty"`
	ClosedAt  *time.Time `json:"closed_at"`
}

func dayView(d ledger.Day) BankDay {
	v := BankDay{CityCode: d.CityCode, Day: d.On, Answers: d.Answers, BankFen: d.BankFen, LedgerFen: d.LedgerFen, Explained: d.Explained, Open: d.Open, Closed: d.ClosedAt != nil, ClosedAt: d.ClosedAt}
	if d.ClosedBy != "" {
		v.ClosedBy = &Person{d.ClosedBy, d.ClosedByName}
	}
	return v
}

func (s *Server) batchRoutes() {
	route(s, operation("list-batches", http.MethodGet, "/batches", "payments", "Payment batches, newest first"), s.listBatches)
	route(s, operation("get-batch", http.MethodGet, "/batches/{id}", "payments", "One batch with its first lines"), s.getBatch)
	route(s, operation("list-batch-lines", http.MethodGet, "/batches/{id}/lines", "payments", "The lines of a batch"), s.listBatchLines)
	create := operation("create-batch", http.MethodPost, "/batches", "payments", "Freeze payable applications into a batch")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createBatch)
	send := changes(operation("send-batch", http.MethodPost, "/batches/{id}/sending", "payments", "Note that a batch goes to the bank"))
	send.DefaultStatus = http.StatusOK
	route(s, send, s.sendBatch)
	void := changes(operation("void-batch", http.MethodPost, "/batches/{id}/voiding", "payments", "Give up a batch that was not sent"))
	void.DefaultStatus = http.StatusOK
	route(s, void, s.voidBatch)
	route(s, binary(operation("get-batch-workbook", http.MethodGet, "/batches/{id}/lines.xlsx", "payments", "The file for the bank as a workbook"), xlsxType), s.batchWorkbook)
	route(s, binary(operation("get-batch-csv", http.MethodGet, "/batches/{id}/lines.csv", "payments", "The file for the bank as CSV"), csvType), s.batchCSV)
	route(s, binary(operation("get-approval-sheet", http.MethodGet, "/batches/{id}/approval-sheet.xlsx", "payments", "The sheet to be signed, for A4"), xlsxType), s.approvalSheet)

	answer := uploads("answer-batch", "/batches/{id}/answers", "Book the bank's answer, line by line")
	answer.Tags = []string{"payments"}
	route(s, answer, s.answerBatch)
	route(s, operation("list-batch-answers", http.MethodGet, "/batches/{id}/answers", "payments", "The bank's answers to a batch"), s.listAnswers)
	route(s, binary(operation("get-bank-answer-file", http.MethodGet, "/bank-answers/{id}/file", "payments", "The bank's file as it came, with whole accounts; who takes it is noted"), "application/octet-stream"), s.answerFile)
	route(s, operation("list-return-reasons", http.MethodGet, "/return-reasons", "payments", "Why banks return lines, and what to do"), s.listReturnReasons)

	route(s, operation("list-unmatched", http.MethodGet, "/unmatched", "payments", "Rows of the bank that fit no line"), s.listUnmatched)
	explain := changes(operation("explain-unmatched", http.MethodPost, "/unmatched/{id}/explanation", "payments", "Say what such a row is"))
	explain.DefaultStatus = http.StatusOK
	route(s, explain, s.explainUnmatched)
	route(s, operation("get-bank-day", http.MethodGet, "/bank-days", "payments", "Bank against ledger on a day"), s.getBankDay)
	closeDay := operation("close-bank-day", http.MethodPost, "/bank-days", "payments", "Close a day")
	closeDay.DefaultStatus = http.StatusCreated
	route(s, closeDay, s.closeBankDay)

	route(s, operation("list-bank-layouts", http.MethodGet, "/bank-layouts", "payments", "How banks want their file"), s.listLayouts)
	layout := operation("create-bank-layout", http.MethodPost, "/bank-layouts", "payments", "Add a layout")
	layout.DefaultStatus = http.StatusCreated
	route(s, layout, s.createLayout)
	route(s, changes(operation("update-bank-layout", http.MethodPatch, "/bank-layouts/{id}", "payments", "Change a layout")), s.updateLayout)
}

func (s *Server) listBatches(ctx context.Context, in *struct {
	Paging
	City    string `query:"city" pattern:"^\\d{6}$"`
	State   string `query:"state" enum:"sealed,sent,done,partly,returned,void"`
	Program string `query:"program_id" maxLength:"64"`
}) (*listOut[Batch], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Batches(ctx, actor(ctx).Scope, store.BatchFilter{City: in.City, State: in.State, ProgramID: in.Program}, page)
	return listOf(rows, in.Limit, func(b ledger.Batch) string { return b.ID }, batchView), err
}

func (s *Server) loadBatch(ctx context.Context, id string) (Batch, error) {
	b, err := s.db.Batch(ctx, actor(ctx).Scope, id)
	if err != nil {
		return Batch{}, err
	}
	v := batchView(b)
	lines, err := s.db.BatchLines(ctx, b, "", store.Page{Limit: 100})
	if err != nil {
		return v, err
	}
	reasons, err := s.db.ReturnReasons(ctx)
	view := batchLineView(lang(ctx), reasons)
	for _, l := range lines {
		v.Lines = append(v.Lines, view(l))
	}
	return v, err
}

func (s *Server) getBatch(ctx context.Context, in *ByID) (*one[Batch], error) {
	v, err := s.loadBatch(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) listBatchLines(ctx context.Context, in *struct {
	ByID
	Paging
	State string `query:"state" enum:"sealed,sent,paid,returned,refunded,void"`
}) (*listOut[BatchLine], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	b, err := s.db.Batch(ctx, actor(ctx).Scope, in.ID)
	if err != nil {
		return nil, err
	}
	reasons, err := s.db.ReturnReasons(ctx)
	if err != nil {
		return nil, err
	}
	lines, err := s.db.BatchLines(ctx, b, in.State, page)
	return listOf(lines, in.Limit, func(l ledger.BatchLine) string { return strconv.FormatInt(l.LineNo, 10) }, batchLineView(lang(ctx), reasons)), err
}

func (s *Server) createBatch(ctx context.Context, in *struct {
	Keyed
	Body struct {
		ProgramID      string   `json:"program_id" minLength:"1" maxLength:"64"`
		ApplicationIDs []string `json:"application_ids,omitempty" maxItems:"5000" doc:"Absent: all that may be paid."`
	}
}) (*created[Batch], error) {
	return create(ctx, in.Keyed, "create-batch", in.Body,
		func(ctx context.Context, by access.Actor) (app.MadeBatch, error) {
			return s.app.MakeBatch(ctx, by, in.Body.ProgramID, in.Body.ApplicationIDs)
		},
		madeBatchView(lang(ctx)), func(b Batch) string { return "/batches/" + b.ID }, func(b Batch) int64 { return b.Version })
}

func (s *Server) changedBatch(ctx context.Context, id string, err error) (*one[Batch], error) {
	return changed(ctx, s, id, err, s.loadBatch, func(v Batch) int64 { return v.Version })
}

func (s *Server) sendBatch(ctx context.Context, in *struct {
	ByID
	Based
}) (*one[Batch], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.SendBatch(ctx, actor(ctx), in.ID, version)
	return s.changedBatch(ctx, in.ID, err)
}

func (s *Server) voidBatch(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"300"`
	}
}) (*one[Batch], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.VoidBatch(ctx, actor(ctx), in.ID, version, in.Body.Reason)
	return s.changedBatch(ctx, in.ID, err)
}

type bankFileIn struct {
	ByID
	Layout string `query:"layout" maxLength:"64" doc:"Of the bank; absent: the treasury's."`
}

func (s *Server) batchWorkbook(ctx context.Context, in *bankFileIn) (*huma.StreamResponse, error) {
	return s.spool("xlsx", func(w io.Writer) (app.Exported, error) {
		return s.app.BankFile(ctx, actor(ctx), in.ID, in.Layout, "xlsx", w)
	})
}

func (s *Server) batchCSV(ctx context.Context, in *bankFileIn) (*huma.StreamResponse, error) {
	return s.spool("csv", func(w io.Writer) (app.Exported, error) {
		return s.app.BankFile(ctx, actor(ctx), in.ID, in.Layout, "csv", w)
	})
}

func (s *Server) approvalSheet(ctx context.Context, in *ByID) (*huma.StreamResponse, error) {
	return s.spool("xlsx", func(w io.Writer) (app.Exported, error) {
		return s.app.ApprovalSheet(ctx, actor(ctx).Scope, in.ID, w)
	})
}

func (s *Server) answerBatch(ctx context.Context, in *struct {
	ByID
	RawBody huma.MultipartFormFiles[struct {
		File huma.FormFile `form:"file" required:"true"`
	}]
}) (*created[BankAnswer], error) {
	form := in.RawBody.Data()
	defer func() { _ = form.File.Close() }()
	// A file is booked once by its digest, so that a repeated request needs no key.
	return create(ctx, Keyed{}, "answer-batch", nil,
		func(ctx context.Context, by access.Actor) (ledger.Answer, error) {
			return s.app.AnswerBatch(ctx, by, in.ID, form.File.Filename, form.File)
		},
		answerView, func(BankAnswer) string { return "/batches/" + in.ID + "/answers" }, func(BankAnswer) int64 { return 1 })
}

func (s *Server) listAnswers(ctx context.Context, in *ByID) (*listOut[BankAnswer], error) {
	scope := actor(ctx).Scope
	if _, err := s.db.Batch(ctx, scope, in.ID); err != nil {
		return nil, err
	}
	answers, err := s.db.Answers(ctx, scope, in.ID, "", "")
	return listOf(answers, len(answers), func(a ledger.Answer) string { return a.ID }, answerView), err
}

func (s *Server) answerFile(ctx context.Context, in *ByID) (*bytesOut, error) {
	answer, content, err := s.app.AnswerFile(ctx, actor(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return download(answer.FileName, "application/octet-stream", content), nil
}

// ReturnReason is why a bank returns a line.
type ReturnReason struct {
	Code string `json:"code"`
	Kind string `json:"kind" enum:"account,payee,bank,amount,stop"`
	Name string `json:"name"`
	ToDo string `json:"to_do"`
}

func (s *Server) listReturnReasons(ctx context.Context, _ *struct{}) (*listOut[ReturnReason], error) {
	reasons, err := s.db.ReturnReasons(ctx)
	l := lang(ctx)
	return listOf(reasons, len(reasons), func(r ledger.ReturnReason) string { return r.Code },
		func(r ledger.ReturnReason) ReturnReason {
			return ReturnReason{r.Code, r.Kind, r.Name.In(l), r.ToDo.In(l)}
		}), err
}

func (s *Server) listUnmatched(ctx context.Context, in *struct {
	Paging
	City  string `query:"city" pattern:"^\\d{6}$"`
	State string `query:"state" enum:"open,explained"`
	Batch string `query:"batch_id" maxLength:"64"`
}) (*listOut[UnmatchedRow], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Unmatched(ctx, actor(ctx).Scope, store.UnmatchedFilter{City: in.City, State: in.State, BatchID: in.Batch}, page)
	return listOf(rows, in.Limit, func(u ledger.Unmatched) string { return u.ID }, unmatchedView(lang(ctx))), err
}

func (s *Server) explainUnmatched(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Explanation string `json:"explanation" minLength:"1" maxLength:"500"`
	}
}) (*one[UnmatchedRow], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	u, err := s.app.ExplainUnmatched(ctx, actor(ctx), in.ID, version, in.Body.Explanation)
	view := unmatchedView(lang(ctx))
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			u, err := s.db.UnmatchedRow(ctx, actor(ctx).Scope, in.ID)
			return view(u), u.Version, err
		})
	}
	return oneOf(u.Version, view(u)), nil
}

func (s *Server) getBankDay(ctx context.Context, in *struct {
	City string    `query:"city" required:"true" pattern:"^\\d{6}$"`
	Day  civil.Day `query:"day" maxLength:"10" doc:"Absent: today."`
}) (*one[BankDay], error) {
	if in.Day == "" {
		in.Day = s.app.Today()
	}
	d, err := s.db.BankDay(ctx, actor(ctx).Scope, in.City, in.Day)
	return oneOf(1, dayView(d)), err
}

func (s *Server) closeBankDay(ctx context.Context, in *struct {
	Keyed
	Body struct {
		CityCode string    `json:"city_code" pattern:"^\\d{6}$"`
		Day      civil.Day `json:"day" maxLength:"10"`
	}
}) (*created[BankDay], error) {
	return create(ctx, in.Keyed, "close-bank-day", in.Body,
		func(ctx context.Context, by access.Actor) (ledger.Day, error) {
			return s.app.CloseDay(ctx, by, in.Body.CityCode, in.Body.Day)
		},
		dayView, func(d BankDay) string { return "/bank-days?city=" + d.CityCode + "&day=" + string(d.Day) }, func(BankDay) int64 { return 1 })
}

// BankLayout is how a bank wants its file.
type BankLayout struct {
	ID       string                `json:"id"`
	CityCode string                `json:"city_code,omitempty"`
	Code     string                `json:"code"`
	Name     Name                  `json:"name"`
	Columns  []ledger.LayoutColumn `json:"columns"`
	Version  int64                 `json:"version"`
}

func layoutView(l ledger.Layout) BankLayout {
	return BankLayout{l.ID, l.CityCode, l.Code, nameOf(l.Name), l.Columns, l.Version}
}

// LayoutBody is what of a layout can be changed.
type LayoutBody struct {
	Name    Name                  `json:"name"`
	Columns []ledger.LayoutColumn `json:"columns" minItems:"1" maxItems:"40"`
}

func (s *Server) listLayouts(ctx context.Context, _ *struct{}) (*listOut[BankLayout], error) {
	layouts, err := s.db.Layouts(ctx, actor(ctx).Scope)
	layouts = append([]ledger.Layout{ledger.Treasury()}, layouts...)
	return listOf(layouts, len(layouts), func(l ledger.Layout) string { return l.ID }, layoutView), err
}

func (s *Server) createLayout(ctx context.Context, in *struct {
	Keyed
	Body struct {
		CityCode string `json:"city_code" pattern:"^\\d{6}$"`
		Code     string `json:"code" minLength:"1" maxLength:"40"`
		LayoutBody
	}
}) (*created[BankLayout], error) {
	b := in.Body
	return create(ctx, in.Keyed, "create-bank-layout", b,
		func(ctx context.Context, by access.Actor) (ledger.Layout, error) {
			return s.app.CreateLayout(ctx, by, ledger.Layout{CityCode: b.CityCode, Code: b.Code, Name: bilingual.T(b.Name.ZH, b.Name.EN), Columns: b.Columns})
		},
		layoutView, func(l BankLayout) string { return "/bank-layouts/" + l.ID }, func(l BankLayout) int64 { return l.Version })
}

func (s *Server) updateLayout(ctx context.Context, in *struct {
	ByID
	Based
	Body LayoutBody
}) (*one[BankLayout], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	l, err := s.app.UpdateLayout(ctx, actor(ctx), in.ID, version, ledger.Layout{Name: bilingual.T(in.Body.Name.ZH, in.Body.Name.EN), Columns: in.Body.Columns})
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			l, err := s.db.Layout(ctx, actor(ctx).Scope, in.ID)
			return layoutView(l), l.Version, err
		})
	}
	return oneOf(l.Version, layoutView(l)), nil
}
