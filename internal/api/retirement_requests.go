package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// RetirementRequest asks a second person for something that nobody may do alone.
type RetirementRequest struct {
	ID           string                  `json:"id"`
	Kind         retirement.RequestKind  `json:"kind" enum:"waiver,correction,withdrawal"`
	RetirementID string                  `json:"retirement_id"`
	AssetID      string                  `json:"asset_id"`
	AssetLabel   string                  `json:"asset_label"`
	Class        registry.Class          `json:"class"`
	CityCode     string                  `json:"city_code"`
	Item         string                  `json:"item,omitempty" doc:"Of the evidence, for a waiver."`
	ItemName     *Name                   `json:"item_name,omitempty"`
	Before       *retirement.Declaration `json:"before,omitempty" doc:"For a correction: what is declared."`
	After        *retirement.Declaration `json:"after,omitempty" doc:"For a correction: what it should be."`
	Reason       string                  `json:"reason"`
	State        string                  `json:"state" enum:"open,approved,refused"`
	RequestedBy  Person                  `json:"requested_by"`
	RequestedAt  time.Time               `json:"requested_at"`
	DecidedBy    *Person                 `json:"decided_by,omitempty"`
	DecidedAt    *time.Time              `json:"decided_at,omitempty"`
	Answer       string                  `json:"answer,omitempty"`
	Version      int64                   `json:"version"`
}

func requestView(q retirement.Request) RetirementRequest {
	v := RetirementRequest{ID: q.ID, Kind: q.Kind, RetirementID: q.RetirementID, AssetID: q.AssetID, AssetLabel: q.AssetLabel, Class: q.Class, CityCode: q.CityCode,
		Item: q.Item, Reason: q.Reason, State: q.State, RequestedBy: Person{q.RequestedBy, q.RequestedByName}, RequestedAt: q.RequestedAt, DecidedAt: q.DecidedAt,
		Answer: q.Answer, Version: q.Version}
	if q.Kind == retirement.Correction {
		v.Before, v.After = &q.Before, &q.After
	}
	if q.DecidedBy != "" {
		v.DecidedBy = &Person{q.DecidedBy, q.DecidedByName}
	}
	spec, _ := registry.SpecOf(q.Class)
	for _, w := range spec.WaysOut {
		for _, e := range w.Evidence {
			if e.Code == q.Item && v.ItemName == nil {
				name := nameOf(e.Name)
				v.ItemName = &name
			}
		}
	}
	return v
}

func (s *Server) retirementRequestRoutes() {
	ask := operation("ask-retirement", http.MethodPost, "/retirements/{id}/requests", "retirements", "Ask for a waiver, a correction or a withdrawal")
	ask.DefaultStatus = http.StatusCreated
	route(s, ask, s.askRetirement)
	route(s, operation("list-retirement-requests", http.MethodGet, "/retirement-requests", "retirements", "What is asked of a second person, newest first"), s.listRequests)
	route(s, operation("get-retirement-request", http.MethodGet, "/retirement-requests/{id}", "retirements", "One request"), s.getRequest)
	decide := changes(operation("decide-retirement-request", http.MethodPost, "/retirement-requests/{id}/decision", "retirements", "Approve or refuse a request of somebody else"))
	decide.DefaultStatus = http.StatusOK
	route(s, decide, s.decideRequest)
}

func (s *Server) askRetirement(ctx context.Context, in *struct {
	ByID
	Keyed
	Body struct {
		Kind        string           `json:"kind" enum:"waiver,correction,withdrawal"`
		Item        string           `json:"item,omitempty" maxLength:"40" doc:"Evidence to let go, for a waiver."`
		Declaration *declarationBody `json:"declaration,omitempty" doc:"The whole declaration as it should be, for a correction."`
		Reason      string           `json:"reason" maxLength:"1000"`
	}
}) (*created[RetirementRequest], error) {
	q := retirement.Request{Kind: retirement.RequestKind(in.Body.Kind), Item: in.Body.Item, Reason: in.Body.Reason}
	if in.Body.Declaration != nil {
		q.After = in.Body.Declaration.declaration()
	}
	if q.Kind != retirement.Waiver {
		q.Item = ""
	}
	return create(ctx, in.Keyed, "ask-retirement", []any{in.ID, in.Body},
		func(ctx context.Context, by access.Actor) (retirement.Request, error) {
			return s.app.AskRetirement(ctx, by, in.ID, q)
		},
		requestView, func(r RetirementRequest) string { return "/retirement-requests/" + r.ID }, func(r RetirementRequest) int64 { return r.Version })
}

func (s *Server) listRequests(ctx context.Context, in *struct {
	Paging
	State      string `query:"state" enum:"open,approved,refused"`
	Kind       string `query:"kind" enum:"waiver,correction,withdrawal"`
	Retirement string `query:"retirement" maxLength:"40"`
}) (*listOut[RetirementRequest], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := s.db.Requests(ctx, actor(ctx).Scope, store.RequestFilter{State: in.State, Kind: retirement.RequestKind(in.Kind), RetirementID: in.Retirement}, page)
	return listOf(list, in.Limit, func(q retirement.Request) string { return q.ID }, requestView), err
}

func (s *Server) getRequest(ctx context.Context, in *ByID) (*one[RetirementRequest], error) {
	q, err := s.db.Request(ctx, actor(ctx).Scope, in.ID)
	return oneOf(q.Version, requestView(q)), err
}

func (s *Server) decideRequest(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Decision string `json:"decision" enum:"approve,refuse"`
		Reason   string `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[RetirementRequest], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	q, err := s.app.DecideRequest(ctx, actor(ctx), in.ID, version, in.Body.Decision == "approve", in.Body.Reason)
	return oneOf(q.Version, requestView(q)), s.withCurrent(ctx, err, func() (any, int64, error) {
		q, err := s.db.Request(ctx, actor(ctx).Scope, in.ID)
		return requestView(q), q.Version, err
	})
}
