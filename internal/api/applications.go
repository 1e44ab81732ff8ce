package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// Application is one owner's claim on a program. What is about its whole case,
// such as papers and people, comes with one application and not in lists.
type Application struct {
	ID               string         `json:"id"`
	State            subsidy.State  `json:"state" enum:"draft,submitted,checked,waiting,approved,noticed,payable,batched,sent,paid,returned,withdrawn,rejected,expired"`
	ProgramID        string         `json:"program_id"`
	ProgramName      Name           `json:"program_name"`
	AssetID          string         `json:"asset_id"`
	AssetLabel       string         `json:"asset_label"`
	RetirementID     string         `json:"retirement_id"`
	Class            registry.Class `json:"class"`
	CityCode         string         `json:"city_code"`
	DistrictCode     string         `json:"district_code,omitempty"`
	OwnerName        string         `json:"owner_name"`
	ApplicantKind    string         `json:"applicant_kind,omitempty" enum:"person,unit" doc:"A unit is one that public money does not feed."`
	ApplicantPhone   string         `json:"applicant_phone,omitempty" doc:"Masked."`
	BroughtBy        string         `json:"brought_by,omitempty" enum:"self,agent"`
	AgentName        string         `json:"agent_name,omitempty"`
	AgentID          string         `json:"agent_id,omitempty" doc:"Masked."`
	AgentPhone       string         `json:"agent_phone,omitempty" doc:"Masked."`
	Replacement      string         `json:"replacement,omitempty" doc:"Number of what was bought instead."`
	ReplacementOwner string         `json:"replacement_owner,omitempty"`
	PayeeName        string         `json:"payee_name"`
	PayeeBank        string         `json:"payee_bank,omitempty"`
	PayeeBankCode    string         `json:"payee_bank_code,omitempty" doc:"CNAPS, 12 figures."`
	PayeeAccount     string         `json:"payee_account,omitempty" doc:"Masked but for the last four digits."`
	PayeeCheckedOn   civil.Day      `json:"payee_checked_on,omitempty"`
	PayeeCheckedBy   *Person        `json:"payee_checked_by,omitempty"`
	AmountFen        money.Fen      `json:"amount_fen"`
	Lines            []Reason       `json:"lines"`
	OpenedBy         Person         `json:"opened_by"`
	OpenedAt         time.Time      `json:"opened_at"`
	SubmittedAt      *time.Time     `json:"submitted_at,omitempty"`
	QueueNo          int64          `json:"queue_no,omitempty" doc:"Place by server time among the applications of the program."`
	Position         int64          `json:"position,omitempty" doc:"Place on the waiting list, from 1."`
	Funds            string         `json:"funds" enum:"none,reserved,committed"`
	DueOn            civil.Day      `json:"due_on,omitempty" doc:"Last day to submit, or to mend what was sent back."`
	MendKind         string         `json:"mend_kind,omitempty" enum:"data,account"`
	MendReason       string         `json:"mend_reason,omitempty"`
	Mended           bool           `json:"mended,omitempty" doc:"Comes back mended: looked at apart from the new ones."`
	MovedAt          *time.Time     `json:"moved_at,omitempty" doc:"Since when it is in its state."`
	DecidedBy        *Person        `json:"decided_by,omitempty"`
	DecidedAt        *time.Time     `json:"decided_at"`
	RejectCode       string         `json:"reject_code,omitempty"`
	RejectReason     string         `json:"reject_reason,omitempty" doc:"Also why it was withdrawn."`
	NoticeID         string         `json:"notice_id,omitempty"`
	NoticedUntil     civil.Day      `json:"noticed_until,omitempty"`
	BatchID          string         `json:"batch_id,omitempty"`
	PaidOn           civil.Day      `json:"paid_on,omitempty"`
	FailReason       string         `json:"fail_reason,omitempty"`
	Version          int64          `json:"version"`

	Papers      []Paper     `json:"papers,omitempty"`
	PayeeChecks []Reason    `json:"payee_checks,omitempty"`
	People      []DutyTaken `json:"people,omitempty" doc:"Who did what; four different people."`
	Holds       []HoldView  `json:"holds,omitempty" doc:"What keeps an approved one from being paid."`
	Deeds       []DeedView  `json:"deeds,omitempty" doc:"What can be done now, and whether the asker may do it."`
	Objections  []Objection `json:"objections,omitempty"`

	Bought *subsidy.Replacement `json:"bought,omitempty" doc:"What was bought instead, as the amount rests on it."`
}

// Paper is one line of the checklist.
type Paper struct {
	Code     string `json:"code"`
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Files    []File `json:"files"`
}

// DutyTaken is who did what in a case.
type DutyTaken struct {
	Duty   string    `json:"duty" enum:"enter,check,approve,pay"`
	Person Person    `json:"person"`
	At     time.Time `json:"at"`
}

// HoldView is one thing that keeps an application from being paid.
type HoldView struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// DeedView is one thing that can be done with an application now.
type DeedView struct {
	Act     string `json:"act"`
	Allowed bool   `json:"allowed"`
	Why     string `json:"why,omitempty" doc:"Why not."`
	Next    bool   `json:"next,omitempty" doc:"The next step of the way."`
}

func (s *Server) applicationView(ctx context.Context, a subsidy.Application) Application {
	v := Application{ID: a.ID, State: a.State, ProgramID: a.ProgramID, ProgramName: nameOf(a.ProgramName), AssetID: a.AssetID, AssetLabel: a.AssetLabel,
		RetirementID: a.RetirementID, Class: a.Class, CityCode: a.CityCode, DistrictCode: a.DistrictCode, OwnerName: a.OwnerName, ApplicantKind: a.ApplicantKind,
		ApplicantPhone: store.MaskAccount(a.ApplicantPhone), BroughtBy: a.BroughtBy, AgentName: a.AgentName, AgentID: store.MaskAccount(a.AgentID),
		AgentPhone: store.MaskAccount(a.AgentPhone), Replacement: a.Replacement, ReplacementOwner: a.ReplacementOwner, PayeeName: a.PayeeName,
		PayeeBank: a.PayeeBank, PayeeBankCode: a.PayeeBankCode, PayeeAccount: store.MaskAccount(a.PayeeAccount), PayeeCheckedOn: a.PayeeCheckedOn,
		AmountFen: a.AmountFen, Lines: reasonsOf(lang(ctx), a.Explanation), OpenedBy: Person{a.OpenedBy, a.OpenedByName}, OpenedAt: a.OpenedAt,
		SubmittedAt: a.SubmittedAt, QueueNo: a.QueueNo, Funds: string(a.Funds), DueOn: a.DueOn, MendKind: a.MendKind, MendReason: a.MendReason, Mended: a.Mended,
		MovedAt: a.MovedAt, DecidedAt: a.DecidedAt, RejectCode: a.RejectCode, RejectReason: a.RejectReason, NoticeID: a.NoticeID, NoticedUntil: a.NoticedUntil,
		BatchID: a.BatchID, PaidOn: a.PaidOn, FailReason: a.FailReason, Version: a.Version}
	if a.DecidedBy != "" {
		v.DecidedBy = &Person{a.DecidedBy, a.DecidedByName}
	}
	if a.PayeeCheckedBy != "" {
		v.PayeeCheckedBy = &Person{a.PayeeCheckedBy, a.PayeeCheckedByName}
	}
	return v
}

func (s *Server) applicationRoutes() {
	route(s, operation("list-applications", http.MethodGet, "/applications", "subsidies", "Applications, newest first"), s.listApplications)
	route(s, operation("get-application", http.MethodGet, "/applications/{id}", "subsidies", "One application, with every reason"), s.getApplication)
	create := operation("create-application", http.MethodPost, "/applications", "subsidies", "Open an application by hand")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createApplication)
	route(s, changes(operation("update-application-payee", http.MethodPatch, "/applications/{id}", "subsidies", "Set what the applicant says and where the money goes")), s.updateApplication)
	deed := func(id, path, summary string) huma.Operation {
		op := changes(operation(id, http.MethodPost, "/applications/{id}/"+path, "subsidies", summary))
		op.DefaultStatus = http.StatusOK
		return op
	}
	route(s, deed("submit-application", "submission", "Hand an application in: it takes its place in the queue"), s.submitApplication)
	route(s, deed("check-application", "check", "Pass an application on, send it back or reject it, as a second person"), s.checkApplication)
	route(s, deed("decide-application", "approval", "Approve, send back or reject an application, as a third person"), s.decideApplication)
	route(s, deed("withdraw-application", "withdrawal", "Take an application back for its applicant"), s.withdrawApplication)
	route(s, deed("retry-application", "retry", "Let what the bank returned be paid again to the same account"), s.retryApplication)
	reveal := operation("reveal-application", http.MethodPost, "/applications/{id}/reveal", "subsidies", "Read the payee's account unmasked; noted in the audit")
	reveal.DefaultStatus = http.StatusOK
	route(s, reveal, s.revealApplication)
	route(s, uploads("attach-application-file", "/applications/{id}/files", "Put a paper on an application"), s.attachPaper)
}

func (s *Server) listApplications(ctx context.Context, in *struct {
	Paging
	State      string `query:"state" enum:"draft,submitted,checked,waiting,approved,noticed,payable,batched,sent,paid,returned,withdrawn,rejected,expired"`
	City       string `query:"city" pattern:"^\\d{6}$"`
	ProgramID  string `query:"program_id" maxLength:"64"`
	Retirement string `query:"retirement_id" maxLength:"64"`
	Batch      string `query:"batch_id" maxLength:"64"`
	Asset      string `query:"asset" maxLength:"64"`
	Q          string `query:"q" maxLength:"100" doc:"Part of the label or of the owner's name."`
	Mine       bool   `query:"mine" doc:"Only those whose next step is the asker's to take."`
	Mended     string `query:"mended" enum:"yes,no" doc:"Only those that come back mended, or only the others."`
	Overdue    bool   `query:"overdue" doc:"Only those that lie at a post for ten days or more."`
}) (*listOut[Application], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	by := actor(ctx)
	f := store.ApplicationFilter{State: subsidy.State(in.State), City: in.City, ProgramID: in.ProgramID, RetirementID: in.Retirement, BatchID: in.Batch,
		AssetID: in.Asset, Query: in.Q}
	if in.Mine {
		f.For = &by
	}
	if in.Mended != "" {
		mended := in.Mended == "yes"
		f.Mended = &mended
	}
	if in.Overdue {
		f.Stale = s.app.OverdueSince()
	}
	rows, err := s.db.Applications(ctx, by.Scope, f, page)
	if err != nil {
		return nil, err
	}
	places, err := s.db.Positions(ctx, rows)
	return listOf(rows, in.Limit, func(a subsidy.Application) string { return a.ID }, func(a subsidy.Application) Application {
		v := s.applicationView(ctx, a)
		v.Position = places[a.ID]
		return v
	}), err
}

// loadApplication returns an application with its whole case.
func (s *Server) loadApplication(ctx context.Context, id string) (Application, error) {
	by, l := actor(ctx), lang(ctx)
	a, err := s.db.Application(ctx, by.Scope, id)
	if err != nil {
		return Application{}, err
	}
	v := s.applicationView(ctx, a)
	places, err := s.db.Positions(ctx, []subsidy.Application{a})
	if err != nil {
		return v, err
	}
	v.Position = places[a.ID]
	items, files, err := s.app.Checklist(ctx, by.Scope, a)
	if err != nil {
		return v, err
	}
	for _, item := range items {
		p := Paper{Code: item.Code, Name: item.Name.In(l), Required: item.Required, Files: []File{}}
		for _, f := range files {
			if f.Kind == item.Code {
				p.Files = append(p.Files, fileView(f))
			}
		}
		v.Papers = append(v.Papers, p)
	}
	v.PayeeChecks = reasonsOf(l, a.CheckPayee(a.OwnerName))
	parts, err := s.db.Parts(ctx, id)
	if err != nil {
		return v, err
	}
	for _, p := range parts {
		v.People = append(v.People, DutyTaken{string(p.Duty), Person{p.PersonID, p.PersonName}, p.At})
	}
	holds, err := s.app.Holds(ctx, by, a)
	if err != nil {
		return v, err
	}
	for _, h := range holds {
		v.Holds = append(v.Holds, HoldView{h.Code, h.Text.In(l)})
	}
	involved, err := s.db.Involved(ctx, a.RetirementID)
	if err != nil {
		return v, err
	}
	for _, d := range s.app.Deeds(by, a, parts, involved) {
		v.Deeds = append(v.Deeds, DeedView{string(d.Act), d.Allowed, d.Why.In(l), d.Next})
	}
	facts, _, err := s.db.KeptFacts(ctx, a)
	if err != nil {
		return v, err
	}
	v.Bought = facts.Replacement
	objections, err := s.db.Objections(ctx, by.Scope, id, "", "", store.Page{Limit: 100})
	for _, o := range objections {
		v.Objections = append(v.Objections, objectionView(o))
	}
	return v, err
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
		func(a subsidy.Application) Application { return s.applicationView(ctx, a) },
		func(a Application) string { return "/applications/" + a.ID }, func(a Application) int64 { return a.Version })
}

// changedApplication answers a change with the application as it is then.
func (s *Server) changedApplication(ctx context.Context, id string, based Based, change func(by access.Actor, version int64) error) (*one[Application], error) {
	version, err := based.version()
	if err != nil {
		return nil, err
	}
	err = change(actor(ctx), version)
	return changed(ctx, s, id, err, s.loadApplication, func(v Application) int64 { return v.Version })
}

func (s *Server) updateApplication(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		ApplicantKind    *string `json:"applicant_kind,omitempty" enum:"person,unit"`
		ApplicantPhone   *string `json:"applicant_phone,omitempty" maxLength:"30"`
		BroughtBy        *string `json:"brought_by,omitempty" enum:"self,agent"`
		AgentName        *string `json:"agent_name,omitempty" maxLength:"100"`
		AgentID          *string `json:"agent_id,omitempty" maxLength:"30"`
		AgentPhone       *string `json:"agent_phone,omitempty" maxLength:"30"`
		Replacement      *string `json:"replacement,omitempty" maxLength:"60"`
		ReplacementOwner *string `json:"replacement_owner,omitempty" maxLength:"200"`
		PayeeName        *string `json:"payee_name,omitempty" minLength:"1" maxLength:"200"`
		PayeeBank        *string `json:"payee_bank,omitempty" maxLength:"200"`
		PayeeBankCode    *string `json:"payee_bank_code,omitempty" pattern:"^[0-9 -]{0,20}$"`
		PayeeAccount     *string `json:"payee_account,omitempty" pattern:"^[0-9 -]{0,40}$"`
	}
}) (*one[Application], error) {
	return s.changedApplication(ctx, in.ID, in.Based, func(by access.Actor, version int64) error {
		_, err := s.app.AmendApplication(ctx, by, in.ID, version, func(e *subsidy.Entry) {
			b := in.Body
			for _, set := range []struct{ to, from *string }{
				{&e.ApplicantKind, b.ApplicantKind}, {&e.ApplicantPhone, b.ApplicantPhone}, {&e.BroughtBy, b.BroughtBy}, {&e.AgentName, b.AgentName},
				{&e.AgentID, b.AgentID}, {&e.AgentPhone, b.AgentPhone}, {&e.Replacement, b.Replacement}, {&e.ReplacementOwner, b.ReplacementOwner},
				{&e.PayeeName, b.PayeeName}, {&e.PayeeBank, b.PayeeBank}, {&e.PayeeBankCode, b.PayeeBankCode}, {&e.PayeeAccount, b.PayeeAccount},
			} {
				if set.from != nil {
					*set.to = *set.from
				}
			}
		})
		return err
	})
}

func (s *Server) submitApplication(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		PresentedID string `json:"presented_id,omitempty" maxLength:"30" doc:"Number of the document shown at the window; compared and not kept."`
	}
}) (*one[Application], error) {
	return s.changedApplication(ctx, in.ID, in.Based, func(by access.Actor, version int64) error {
		_, err := s.app.SubmitApplication(ctx, by, in.ID, version, in.Body.PresentedID)
		return err
	})
}

// RulingBody is what is wrong with an application that does not pass.
type RulingBody struct {
	Kind   string `json:"kind,omitempty" enum:"data,account,illegal" doc:"What it is sent back for; illegal ends it."`
	Code   string `json:"code,omitempty" enum:"not_eligible,papers_false,papers_never,double_benefit,too_late,public_funded,illegal,objection,other" doc:"Why it is rejected. Absent: other."`
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

func (r RulingBody) ruling(decision string) app.Ruling {
	code := r.Code
	if decision == "reject" && code == "" {
		code = "other"
	}
	return app.Ruling{Decision: decision, Kind: r.Kind, Code: code, Reason: r.Reason}
}

func (s *Server) checkApplication(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Decision string `json:"decision" enum:"pass,return,reject"`
		RulingBody
	}
}) (*one[Application], error) {
	return s.changedApplication(ctx, in.ID, in.Based, func(by access.Actor, version int64) error {
		_, err := s.app.CheckApplication(ctx, by, in.ID, version, in.Body.ruling(in.Body.Decision))
		return err
	})
}

func (s *Server) decideApplication(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Decision string `json:"decision" enum:"approve,return,reject"`
		RulingBody
	}
}) (*one[Application], error) {
	decision := in.Body.Decision
	if decision == "approve" {
		decision = "pass"
	}
	return s.changedApplication(ctx, in.ID, in.Based, func(by access.Actor, version int64) error {
		_, err := s.app.DecideApplication(ctx, by, in.ID, version, in.Body.ruling(decision))
		return err
	})
}

type reasonIn struct {
	ByID
	Based
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

func (s *Server) withdrawApplication(ctx context.Context, in *reasonIn) (*one[Application], error) {
	return s.changedApplication(ctx, in.ID, in.Based, func(by access.Actor, version int64) error {
		_, err := s.app.WithdrawApplication(ctx, by, in.ID, version, in.Body.Reason)
		return err
	})
}

func (s *Server) retryApplication(ctx context.Context, in *reasonIn) (*one[Application], error) {
	return s.changedApplication(ctx, in.ID, in.Based, func(by access.Actor, version int64) error {
		_, err := s.app.MendReturned(ctx, by, in.ID, version, in.Body.Reason)
		return err
	})
}

// Revealed is what is masked everywhere else.
type Revealed struct {
	PayeeAccount   string `json:"payee_account"`
	ApplicantPhone string `json:"applicant_phone"`
	AgentID        string `json:"agent_id,omitempty"`
	AgentPhone     string `json:"agent_phone,omitempty"`
}

func (s *Server) revealApplication(ctx context.Context, in *struct {
	ByID
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"300" doc:"What it is needed for; stands in the audit."`
	}
}) (*struct{ Body Revealed }, error) {
	a, err := s.app.RevealPayee(ctx, actor(ctx), in.ID, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Revealed }{Revealed{a.PayeeAccount, a.ApplicantPhone, a.AgentID, a.AgentPhone}}, nil
}

type paperForm struct {
	Kind string        `form:"kind" required:"true" enum:"certificate,deregistration,owner_document,bank_card,account_permit,not_public_funded,authorization,agent_document,transport_permit,replacement_invoice,other,photo"`
	File huma.FormFile `form:"file" required:"true"`
}

func (s *Server) attachPaper(ctx context.Context, in *struct {
	ByID
	Keyed
	RawBody huma.MultipartFormFiles[paperForm]
}) (*created[File], error) {
	form := in.RawBody.Data()
	defer func() { _ = form.File.Close() }()
	return create(ctx, in.Keyed, "attach-application-file", []any{in.ID, form.Kind, form.File.Filename, form.File.Size},
		func(ctx context.Context, by access.Actor) (store.File, error) {
			return s.app.AttachPaper(ctx, by, in.ID, app.Upload{Kind: form.Kind, Name: form.File.Filename, Data: form.File})
		},
		fileView, func(f File) string { return "/files/" + f.ID + "/content" }, func(File) int64 { return 1 })
}
