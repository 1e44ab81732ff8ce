package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// BatchLine is one sealed payment.
type BatchLine struct {
	LineNo        int64     `json:"line_no"`
	ApplicationID string    `json:"application_id"`
	AssetLabel    string    `json:"asset_label"`
	PayeeName     string    `json:"payee_name"`
	PayeeBank     string    `json:"payee_bank,omitempty"`
	PayeeAccount  string    `json:"payee_account,omitempty"`
	AmountFen     money.Fen `json:"amount_fen"`
	State         string    `json:"state" enum:"sealed,paid,failed"`
	Reason        string    `json:"reason,omitempty"`
}

// Batch is a sealed list of payments.
type Batch struct {
	ID          string      `json:"id"`
	Number      string      `json:"number"`
	ProgramID   string      `json:"program_id"`
	ProgramName Name        `json:"program_name"`
	CityCode    string      `json:"city_code"`
	State       string      `json:"state" enum:"sealed,paid"`
	LineCount   int64       `json:"line_count"`
	TotalFen    money.Fen   `json:"total_fen"`
	SHA256      string      `json:"sha256" doc:"Digest over number, total and lines as sealed."`
	CreatedBy   Person      `json:"created_by"`
	CreatedAt   time.Time   `json:"created_at"`
	PaidOn      civil.Day   `json:"paid_on,omitempty"`
	Reference   string      `json:"reference,omitempty"`
	PaidBy      *Person     `json:"paid_by,omitempty"`
	Lines       []BatchLine `json:"lines,omitempty" doc:"Only for a single batch."`
	Version     int64       `json:"version"`
}

func batchView(b subsidy.Batch) Batch {
	v := Batch{ID: b.ID, Number: b.Number, ProgramID: b.ProgramID, ProgramName: nameOf(b.ProgramName), CityCode: b.CityCode, State: b.State,
		LineCount: b.LineCount, TotalFen: b.TotalFen, SHA256: b.SHA256, CreatedBy: Person{b.CreatedBy, b.CreatedByName}, CreatedAt: b.CreatedAt,
		PaidOn: b.PaidOn, Reference: b.Reference, Version: b.Version}
	if b.PaidBy != "" {
		v.PaidBy = &Person{b.PaidBy, b.PaidByName}
	}
	for _, l := range b.Lines {
		v.Lines = append(v.Lines, BatchLine{l.LineNo, l.ApplicationID, l.AssetLabel, l.PayeeName, l.PayeeBank, store.MaskAccount(l.PayeeAccount), l.AmountFen, l.State, l.Reason})
	}
	return v
}

func (s *Server) batchRoutes() {
	route(s, operation("list-batches", http.MethodGet, "/batches", "subsidies", "Payment batches, newest first"), s.listBatches)
	route(s, operation("get-batch", http.MethodGet, "/batches/{id}", "subsidies", "One batch with its lines"), s.getBatch)
	create := operation("create-batch", http.MethodPost, "/batches", "subsidies", "Seal approved applications into a batch")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createBatch)
	pay := changes(operation("pay-batch", http.MethodPost, "/batches/{id}/payment", "subsidies", "Book the bank's answer, line by line"))
	pay.DefaultStatus = http.StatusOK
	route(s, pay, s.payBatch)
	route(s, binary(operation("get-batch-workbook", http.MethodGet, "/batches/{id}/lines.xlsx", "subsidies", "The sealed lines as a workbook"), xlsxType), s.batchWorkbook)
}

func (s *Server) listBatches(ctx context.Context, in *struct {
	Paging
	City string `query:"city" pattern:"^\\d{6}$"`
}) (*listOut[Batch], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Batches(ctx, actor(ctx).Scope, in.City, page)
	return listOf(rows, in.Limit, func(b subsidy.Batch) string { return b.ID }, batchView), err
}

func (s *Server) loadBatch(ctx context.Context, id string) (Batch, error) {
	b, err := s.db.Batch(ctx, actor(ctx).Scope, id)
	return batchView(b), err
}

func (s *Server) getBatch(ctx context.Context, in *ByID) (*one[Batch], error) {
	v, err := s.loadBatch(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) createBatch(ctx context.Context, in *struct {
	Keyed
	Body struct {
		ProgramID      string   `json:"program_id" minLength:"1" maxLength:"64"`
		ApplicationIDs []string `json:"application_ids,omitempty" maxItems:"5000" doc:"Absent: all that are approved."`
	}
}) (*created[Batch], error) {
	return create(ctx, in.Keyed, "create-batch", in.Body,
		func(ctx context.Context, by access.Actor) (subsidy.Batch, error) {
			return s.app.MakeBatch(ctx, by, in.Body.ProgramID, in.Body.ApplicationIDs)
		},
		batchView, func(b Batch) string { return "/batches/" + b.ID }, func(b Batch) int64 { return b.Version })
}

func (s *Server) payBatch(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		PaidOn    civil.Day `json:"paid_on" maxLength:"10"`
		Reference string    `json:"reference" minLength:"1" maxLength:"100" doc:"The bank's reference."`
		Failed    []struct {
			ApplicationID string `json:"application_id" maxLength:"64"`
			Reason        string `json:"reason" maxLength:"300"`
		} `json:"failed,omitempty" maxItems:"5000"`
	}
}) (*one[Batch], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	p := app.Payment{PaidOn: in.Body.PaidOn, Reference: in.Body.Reference, Failed: map[string]string{}}
	for _, f := range in.Body.Failed {
		p.Failed[f.ApplicationID] = f.Reason
	}
	if _, err = s.app.PayBatch(ctx, actor(ctx), in.ID, version, p); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.loadBatch(ctx, in.ID)
			return v, v.Version, err
		})
	}
	v, err := s.loadBatch(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) batchWorkbook(ctx context.Context, in *ByID) (*bytesOut, error) {
	name, data, err := s.app.BatchWorkbook(ctx, actor(ctx).Scope, in.ID, lang(ctx))
	if err != nil {
		return nil, err
	}
	return download(name, xlsxType, data), nil
}
