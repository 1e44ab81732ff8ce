package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// Transfer is the move of an asset from one city to another.
type Transfer struct {
	ID           string         `json:"id"`
	AssetID      string         `json:"asset_id"`
	AssetLabel   string         `json:"asset_label"`
	Class        registry.Class `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	FromCity     string         `json:"from_city"`
	FromDistrict string         `json:"from_district,omitempty"`
	ToCity       string         `json:"to_city"`
	ToDistrict   string         `json:"to_district,omitempty"`
	State        string         `json:"state" enum:"offered,accepted,refused,withdrawn,expired"`
	Reason       string         `json:"reason"`
	DueOn        civil.Day      `json:"due_on" doc:"Last day for an answer."`
	OfferedBy    Person         `json:"offered_by"`
	OfferedAt    time.Time      `json:"offered_at"`
	AnsweredBy   *Person        `json:"answered_by,omitempty"`
	AnsweredAt   *time.Time     `json:"answered_at,omitempty"`
	Answer       string         `json:"answer,omitempty"`
	Version      int64          `json:"version"`
}

func transferView(t store.Transfer) Transfer {
	v := Transfer{ID: t.ID, AssetID: t.AssetID, AssetLabel: t.AssetLabel, Class: t.Class, FromCity: t.FromCity, FromDistrict: t.FromDistrict, ToCity: t.ToCity,
		ToDistrict: t.ToDistrict, State: t.State, Reason: t.Reason, DueOn: t.DueOn, OfferedBy: Person{t.OfferedBy, t.OfferedByName}, OfferedAt: t.OfferedAt,
		AnsweredAt: t.AnsweredAt, Answer: t.Answer, Version: t.Version}
	if t.AnsweredBy != "" {
		v.AnsweredBy = &Person{t.AnsweredBy, t.AnsweredByName}
	}
	return v
}

func (s *Server) transferRoutes() {
	create := operation("create-transfer", http.MethodPost, "/assets/{id}/transfer", "transfers", "Offer an asset to another city")
	create.DefaultStatus = http.StatusCreated
	create.Errors = append(create.Errors, http.StatusPreconditionFailed)
	route(s, create, s.createTransfer)
	route(s, operation("list-transfers", http.MethodGet, "/transfers", "transfers", "What the city gives and takes, newest first"), s.listTransfers)
	route(s, operation("get-transfer", http.MethodGet, "/transfers/{id}", "transfers", "One transfer"), s.getTransfer)
	answer := changes(operation("answer-transfer", http.MethodPost, "/transfers/{id}/answer", "transfers", "Accept or refuse an offer; on acceptance the asset changes its city"))
	answer.DefaultStatus = http.StatusOK
	route(s, answer, s.answerTransfer)
	withdraw := changes(operation("withdraw-transfer", http.MethodPost, "/transfers/{id}/withdrawal", "transfers", "Take an offer back"))
	withdraw.DefaultStatus = http.StatusOK
	route(s, withdraw, s.withdrawTransfer)
}

func (s *Server) createTransfer(ctx context.Context, in *struct {
	ByID
	Keyed
	IfMatch string `header:"If-Match" doc:"Optional: ETag of the asset; refused with 412 if it changed since."`
	Body    struct {
		ToCity string `json:"to_city" pattern:"^\\d{6}$" doc:"GB/T 2260 code of the city that takes it."`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}) (*created[Transfer], error) {
	var version *int64
	if in.IfMatch != "" {
		v, err := Based{in.IfMatch}.version()
		if err != nil {
			return nil, err
		}
		version = &v
	}
	out, err := create(ctx, in.Keyed, "create-transfer", []any{in.ID, in.Body},
		func(ctx context.Context, by access.Actor) (store.Transfer, error) {
			return s.app.OfferTransfer(ctx, by, in.ID, version, in.Body.ToCity, in.Body.Reason)
		},
		transferView, func(t Transfer) string { return "/transfers/" + t.ID }, func(t Transfer) int64 { return t.Version })
	return out, s.withCurrent(ctx, err, func() (any, int64, error) {
		v, err := s.loadAsset(ctx, in.ID)
		return v, v.Version, err
	})
}

func (s *Server) listTransfers(ctx context.Context, in *struct {
	Paging
	Direction string `query:"direction" enum:"in,out" doc:"Only what the city takes, or gives."`
	State     string `query:"state" enum:"offered,accepted,refused,withdrawn,expired"`
	Asset     string `query:"asset" maxLength:"64"`
}) (*listOut[Transfer], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := s.db.Transfers(ctx, actor(ctx).Scope, store.TransferFilter{Direction: in.Direction, State: in.State, AssetID: in.Asset}, page)
	return listOf(list, in.Limit, func(t store.Transfer) string { return t.ID }, transferView), err
}

func (s *Server) getTransfer(ctx context.Context, in *ByID) (*one[Transfer], error) {
	t, err := s.db.Transfer(ctx, actor(ctx).Scope, in.ID)
	return oneOf(t.Version, transferView(t)), err
}

func (s *Server) answerTransfer(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Accept   bool   `json:"accept"`
		District string `json:"district,omitempty" pattern:"^(\\d{6})?$" doc:"Where it goes to, when it is accepted."`
		Reason   string `json:"reason,omitempty" maxLength:"500" doc:"Required for a refusal."`
	}
}) (*one[Transfer], error) {
	return s.settleTransfer(ctx, in.ByID, in.Based, func(by access.Actor, version int64) (store.Transfer, error) {
		return s.app.AnswerTransfer(ctx, by, in.ID, version, in.Body.Accept, in.Body.District, in.Body.Reason)
	})
}

func (s *Server) withdrawTransfer(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[Transfer], error) {
	return s.settleTransfer(ctx, in.ByID, in.Based, func(by access.Actor, version int64) (store.Transfer, error) {
		return s.app.WithdrawTransfer(ctx, by, in.ID, version, in.Body.Reason)
	})
}

func (s *Server) settleTransfer(ctx context.Context, id ByID, based Based, deed func(access.Actor, int64) (store.Transfer, error)) (*one[Transfer], error) {
	version, err := based.version()
	if err != nil {
		return nil, err
	}
	if _, err := deed(actor(ctx), version); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			t, err := s.db.Transfer(ctx, actor(ctx).Scope, id.ID)
			return transferView(t), t.Version, err
		})
	}
	return s.getTransfer(ctx, &id)
}
