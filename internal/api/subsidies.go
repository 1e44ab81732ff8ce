package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// Application is one owner's claim on a program.
type Application struct {
	ID           string         `json:"id"`
	State        subsidy.State  `json:"state" enum:"open,approved,rejected,batched,paid,failed"`
	ProgramID    string         `json:"program_id"`
	ProgramName  Name           `json:"program_name"`
	AssetID      string         `json:"asset_id"`
	AssetLabel   string         `json:"asset_label"`
	RetirementID string         `json:"retirement_id"`
	Class        registry.Class `json:"class"`
	CityCode     string         `json:"city_code"`
	DistrictCode string         `json:"district_code,omitempty"`
	OwnerName    string         `json:"owner_name"`
	PayeeName    string         `json:"payee_name"`
	PayeeBank    string         `json:"payee_bank,omitempty"`
	PayeeAccount string         `json:"payee_account,omitempty" doc:"Masked but for the last four digits."`
	AmountFen    money.Fen      `json:"amount_fen"`
	Lines        []Reason       `json:"lines"`
	OpenedBy     Person         `json:"opened_by"`
	OpenedAt     time.Time      `json:"opened_at"`
	DecidedBy    *Person        `json:"decided_by,omitempty"`
	DecidedAt    *time.Time     `json:"decided_at"`
	RejectReason string         `json:"reject_reason,omitempty"`
	BatchID      string         `json:"batch_id,omitempty"`
	PaidOn       civil.Day      `json:"paid_on,omitempty"`
	FailReason   string         `json:"fail_reason,omitempty"`
	Version      int64          `json:"version"`
}

func applicationView(l bilingual.Lang, a subsidy.Application) Application {
	v := Application{ID: a.ID, State: a.State, ProgramID: a.ProgramID, ProgramName: nameOf(a.ProgramName), AssetID: a.AssetID, AssetLabel: a.AssetLabel,
		RetirementID: a.RetirementID, Class: a.Class, CityCode: a.CityCode, DistrictCode: a.DistrictCode, OwnerName: a.OwnerName, PayeeName: a.PayeeName,
		PayeeBank: a.PayeeBank, PayeeAccount: store.MaskAccount(a.PayeeAccount), AmountFen: a.AmountFen, Lines: reasonsOf(l, a.Explanation),
		OpenedBy: Person{a.OpenedBy, a.OpenedByName}, OpenedAt: a.OpenedAt, DecidedAt: a.DecidedAt, RejectReason: a.RejectReason, BatchID: a.BatchID,
		PaidOn: a.PaidOn, FailReason: a.FailReason, Version: a.Version}
	if a.DecidedBy != "" {
		v.DecidedBy = &Person{a.DecidedBy, a.DecidedByName}
	}
	return v
}

func (s *Server) applicationRoutes() {
	route(s, operation("list-applications", http.MethodGet, "/applications", "subsidies", "Applications, newest first"), s.listApplications)
	route(s, operation("get-application", http.MethodGet, "/applications/{id}", "subsidies", "One application, with every reason"), s.getApplication)
	create := operation("create-application", http.MethodPost, "/applications", "subsidies", "Open an application by hand")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createApplication)
	route(s, changes(operation("update-application-payee", http.MethodPatch, "/applications/{id}", "subsidies", "Set where the money goes")), s.updatePayee)
	decide := changes(operation("decide-application", http.MethodPost, "/applications/{id}/approval", "subsidies", "Approve or reject an application"))
	decide.DefaultStatus = http.StatusOK
	route(s, decide, s.decideApplication)
}

func (s *Server) listApplications(ctx context.Context, in *struct {
	Paging
	State      string `query:"state" enum:"open,approved,rejected,batched,paid,failed"`
	City       string `query:"city" pattern:"^\\d{6}$"`
	ProgramID  string `query:"program_id" maxLength:"64"`
	Retirement string `query:"retirement_id" maxLength:"64"`
	Batch      string `query:"batch_id" maxLength:"64"`
}) (*listOut[Application], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Applications(ctx, actor(ctx).Scope, store.ApplicationFilter{State: subsidy.State(in.State), City: in.City, ProgramID: in.ProgramID,
		RetirementID: in.Retirement, BatchID: in.Batch}, page)
	return listOf(rows, in.Limit, func(a subsidy.Application) string { return a.ID }, func(a subsidy.Application) Application { return applicationView(lang(ctx), a) }), err
}

func (s *Server) loadApplication(ctx context.Context, id string) (Application, error) {
	a, err := s.db.Application(ctx, actor(ctx).Scope, id)
	return applicationView(lang(ctx), a), err
}

func (s *Server) getApplication(ctx context.Context, in *ByID) (*one[Application], error) {
	v, err := s.loadApplication(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) createApplication(ctx context.Context, in *struct {
	Keyed
	Body struct {
		RetirementID string `json:"retirement_id" minLength:"1" maxLength:"64"`
		ProgramID    string `json:"program_id" minLength:"1" maxLength:"64"`
	}
}) (*created[Application], error) {
	return create(ctx, in.Keyed, "create-application", in.Body,
		func(ctx context.Context, by access.Actor) (subsidy.Application, error) {
			return s.app.OpenApplication(ctx, by, in.Body.RetirementID, in.Body.ProgramID)
		},
		func(a subsidy.Application) Application { return applicationView(lang(ctx), a) },
		func(a Application) string { return "/applications/" + a.ID }, func(a Application) int64 { return a.Version })
}

func (s *Server) changedApplication(ctx context.Context, id string, err error) (*one[Application], error) {
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.loadApplication(ctx, id)
			return v, v.Version, err
		})
	}
	v, err := s.loadApplication(ctx, id)
	return oneOf(v.Version, v), err
}

func (s *Server) updatePayee(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		PayeeName    string `json:"payee_name" minLength:"1" maxLength:"200"`
		PayeeBank    string `json:"payee_bank,omitempty" maxLength:"200"`
		PayeeAccount string `json:"payee_account,omitempty" pattern:"^[0-9 -]{0,40}$"`
	}
}) (*one[Application], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.AmendPayee(ctx, actor(ctx), in.ID, version, app.Payee{Name: in.Body.PayeeName, Bank: in.Body.PayeeBank, Account: in.Body.PayeeAccount})
	return s.changedApplication(ctx, in.ID, err)
}

func (s *Server) decideApplication(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Decision string `json:"decision" enum:"approve,reject"`
		Reason   string `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[Application], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.DecideApplication(ctx, actor(ctx), in.ID, version, in.Body.Decision == "approve", in.Body.Reason)
	return s.changedApplication(ctx, in.ID, err)
}
