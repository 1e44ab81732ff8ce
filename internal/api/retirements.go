package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// Person is a user as records name them.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// EvidenceItem is one line of an evidence list.
type EvidenceItem struct {
	Code     string   `json:"code"`
	Name     Name     `json:"name"`
	Kind     string   `json:"kind" enum:"field,file"`
	Required bool     `json:"required"`
	Present  bool     `json:"present"`
	FileIDs  []string `json:"file_ids,omitempty"`
	Before   string   `json:"before,omitempty" doc:"Step that waits for it."`
	Phase    string   `json:"phase,omitempty" doc:"Of a photo: before, during or after the dismantling."`
	Waived   bool     `json:"waived" doc:"A second person let it go."`
	Skipped  bool     `json:"skipped,omitempty" doc:"It had to be there before a step that is logged: a verification without it needs a reason, and lets it go."`
	Undated  bool     `json:"undated,omitempty" doc:"It had to be there before a step of which no day is given, although the asset is out of the register. Nothing waits for it; it weighs in the inspection draw."`
}

// Retirement is how one asset left service.
type Retirement struct {
	ID           string           `json:"id"`
	AssetID      string           `json:"asset_id"`
	AssetLabel   string           `json:"asset_label"`
	Class        registry.Class   `json:"class"`
	CityCode     string           `json:"city_code"`
	DistrictCode string           `json:"district_code,omitempty"`
	State        retirement.State `json:"state" enum:"declared,returned,verified,withdrawn"`
	retirement.Declaration
	Standing         retirement.Standing `json:"standing" enum:"declared,received,dismantled,deregistered,verified,returned,withdrawn" doc:"How far it has come: its steps and its review together."`
	StandingOn       civil.Day           `json:"standing_on,omitempty" doc:"Day from which the clock of the standing runs."`
	Next             string              `json:"next_step,omitempty" doc:"The step that it waits for."`
	DueYear          int                 `json:"due_year,omitempty" doc:"Year of mandatory scrapping as it was when the way out was declared."`
	Operating        bool                `json:"operating" doc:"Whether it was in commercial transport."`
	Revision         int64               `json:"revision" doc:"Of the declaration, from 1."`
	ImportID         string              `json:"import_id,omitempty" doc:"The list that brought it."`
	Withdrawal       *Withdrawal         `json:"withdrawal,omitempty"`
	Doubts           []Doubt             `json:"certificate_doubts,omitempty" doc:"What is odd about the number of the certificate; nothing is refused for it."`
	Evidence         []EvidenceItem      `json:"evidence"`
	EvidenceComplete bool                `json:"evidence_complete"`
	CountedOn        civil.Day           `json:"counted_on,omitempty" doc:"Day on which it counts as retired, under the definition in force."`
	DeclaredBy       Person              `json:"declared_by"`
	DeclaredAt       time.Time           `json:"declared_at"`
	VerifiedBy       *Person             `json:"verified_by,omitempty"`
	VerifiedAt       *time.Time          `json:"verified_at"`
	ReturnReason     string              `json:"return_reason,omitempty"`
	ApplicationID    string              `json:"application_id,omitempty"`
	Version          int64               `json:"version"`
}

// Withdrawal is who took a retirement back, and why.
type Withdrawal struct {
	By     Person     `json:"by"`
	At     *time.Time `json:"at"`
	Reason string     `json:"reason"`
}

// Doubt is something odd that a person should look at.
type Doubt struct {
	Code string `json:"code"`
	Text Name   `json:"text"`
	Mend Name   `json:"mend"`
}

func doubtViews(details []fault.Detail) []Doubt {
	list := make([]Doubt, len(details))
	for i, d := range details {
		list[i] = Doubt{d.Code, nameOf(d.Message), nameOf(d.Mend)}
	}
	return list
}

// DeclaredCertificate is what a declaration with a certificate would be told.
type DeclaredCertificate struct {
	Refused []Doubt `json:"refused" doc:"Why the declaration would be refused."`
	Doubts  []Doubt `json:"doubts" doc:"What is odd about the number; nothing is refused for it."`
}

func retirementView(_ bilingual.Lang, c app.Case) Retirement {
	v := Retirement{ID: c.ID, AssetID: c.AssetID, AssetLabel: c.AssetLabel, Class: c.Class, CityCode: c.CityCode, DistrictCode: c.DistrictCode,
		State: c.State, Declaration: c.Declaration, Evidence: []EvidenceItem{}, EvidenceComplete: c.EvidenceComplete,
		CountedOn: max(c.CountedOn.VerifiedOn, c.CountedOn.ConvertedOn, c.CountedOn.MovedOutOn), DeclaredBy: Person{c.DeclaredBy, c.DeclaredByName},
		DeclaredAt: c.DeclaredAt, VerifiedAt: c.VerifiedAt, ReturnReason: c.ReturnReason, ApplicationID: c.ApplicationID, Version: c.Version,
		Standing: c.Standing(), StandingOn: c.StandingOn, Next: string(c.Next), DueYear: c.DueYear, Operating: c.Operating, Revision: c.Revision, ImportID: c.ImportID, Doubts: doubtViews(c.Doubts)}
	if c.State == retirement.Withdrawn {
		v.Withdrawal = &Withdrawal{Person{c.WithdrawnBy, c.WithdrawnByName}, c.WithdrawnAt, c.WithdrawReason}
	}
	if c.VerifiedBy != "" {
		v.VerifiedBy = &Person{c.VerifiedBy, c.VerifiedByName}
	}
	for _, i := range c.Evidence {
		one := []retirement.Item{i}
		v.Evidence = append(v.Evidence, EvidenceItem{i.Code, nameOf(i.Name), i.Kind, i.Required, i.Present, i.FileIDs, i.Before, i.Phase, i.Waived, len(c.Skipped(one)) > 0, len(c.Undated(one)) > 0})
	}
	return v
}

// declarationBody is what a clerk says about an asset's way out.
type declarationBody struct {
	WayOut         string    `json:"way_out" minLength:"1" maxLength:"40" doc:"Code of one of the class's ways out, e.g. scrapped."`
	Driver         string    `json:"driver,omitempty" maxLength:"40" doc:"Why it left: subsidy, traffic_ban, enforcement or natural."`
	HandedInOn     civil.Day `json:"handed_in_on,omitempty" maxLength:"10" doc:"Day of hand-over 交售."`
	DismantledOn   civil.Day `json:"dismantled_on,omitempty" maxLength:"10" doc:"Day of dismantling 拆解."`
	DeregisteredOn civil.Day `json:"deregistered_on,omitempty" maxLength:"10" doc:"Day of deregistration 注销, or of the change in the register for ways other than scrapping."`
	Recycler       string    `json:"recycler,omitempty" maxLength:"200"`
	CertificateNo  string    `json:"certificate_no,omitempty" maxLength:"100"`
	Note           string    `json:"note,omitempty" maxLength:"1000"`
	YardID         string    `json:"yard_id,omitempty" maxLength:"64" doc:"The registered yard that took it. Instead of it recycler may hold the exact name of one."`
	EngineNo       string    `json:"engine_no,omitempty" maxLength:"60" doc:"Of the engine that was put in."`
	EngineModel    string    `json:"engine_model,omitempty" maxLength:"100"`
	EngineStage    string    `json:"engine_stage,omitempty" maxLength:"20" doc:"Emission stage of the engine that was put in, at least china4."`
	Replacement    string    `json:"replacement,omitempty" maxLength:"20" doc:"What took its place: none, new_energy, china6 or other."`
}

func (b declarationBody) declaration() retirement.Declaration {
	return retirement.Declaration(b)
}

func (s *Server) retirementRoutes() {
	create := operation("create-retirement", http.MethodPost, "/assets/{id}/retirement", "retirements", "Log how an asset left service")
	create.DefaultStatus = http.StatusCreated
	create.Errors = append(create.Errors, http.StatusPreconditionFailed)
	route(s, create, s.createRetirement)
	route(s, operation("check-declared-certificate", http.MethodGet, "/certificate-checks", "retirements", "What a declaration with a certificate would be told; writes nothing"), s.checkDeclaredCertificate)
	route(s, operation("list-retirements", http.MethodGet, "/retirements", "retirements", "Retirements, newest first"), s.listRetirements)
	route(s, operation("get-retirement", http.MethodGet, "/retirements/{id}", "retirements", "One retirement"), s.getRetirement)
	route(s, changes(operation("update-retirement", http.MethodPatch, "/retirements/{id}", "retirements", "Amend a retirement that is not verified")), s.updateRetirement)
	verify := changes(operation("verify-retirement", http.MethodPost, "/retirements/{id}/verification", "retirements", "Verify a retirement, or return it"))
	verify.DefaultStatus = http.StatusOK
	route(s, verify, s.verifyRetirement)
}

func (s *Server) createRetirement(ctx context.Context, in *struct {
	ByID
	Keyed
	IfMatch string `header:"If-Match" doc:"Optional: ETag of the asset; refused with 412 if it changed since."`
	Body    declarationBody
}) (*created[Retirement], error) {
	var version *int64
	if in.IfMatch != "" {
		v, err := Based{in.IfMatch}.version()
		if err != nil {
			return nil, err
		}
		version = &v
	}
	out, err := create(ctx, in.Keyed, "create-retirement", []any{in.ID, in.Body},
		func(ctx context.Context, by access.Actor) (app.Case, error) {
			return s.app.DeclareRetirement(ctx, by, in.ID, version, in.Body.declaration())
		},
		func(c app.Case) Retirement { return retirementView(lang(ctx), c) },
		func(r Retirement) string { return "/retirements/" + r.ID }, func(r Retirement) int64 { return r.Version })
	return out, s.withCurrent(ctx, err, func() (any, int64, error) {
		v, err := s.loadAsset(ctx, in.ID)
		return v, v.Version, err
	})
}

func (s *Server) checkDeclaredCertificate(ctx context.Context, in *struct {
	Number   string         `query:"number" maxLength:"100"`
	Recycler string         `query:"recycler" maxLength:"200" doc:"Name of the yard that issued it."`
	Class    registry.Class `query:"class" enum:"truck,machinery,farm_machinery,vessel" doc:"With it, whether the yard may take such an asset on the day."`
	On       civil.Day      `query:"on" format:"date" doc:"Day of the hand-over; today if left out."`
}) (*struct{ Body DeclaredCertificate }, error) {
	wrong, doubts, err := s.app.CheckCertificate(ctx, app.Certificate{Number: in.Number, Recycler: in.Recycler, Class: in.Class, On: in.On})
	if err != nil {
		return nil, err
	}
	return &struct{ Body DeclaredCertificate }{DeclaredCertificate{doubtViews(wrong), doubtViews(doubts)}}, nil
}

// RetirementNarrowing is what narrows a list of retirements, its count and its
// export.
type RetirementNarrowing struct {
	State    string `query:"state" enum:"declared,returned,verified,withdrawn"`
	Standing string `query:"standing" enum:"declared,received,dismantled,deregistered,verified,returned,withdrawn"`
	Import   string `query:"import" maxLength:"40" doc:"The list that brought them."`
	Asset    string `query:"asset" maxLength:"40"`
	Class    string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City     string `query:"city" pattern:"^\\d{6}$"`
	District string `query:"district" pattern:"^\\d{6}$"`
	Q        string `query:"q" maxLength:"100" doc:"Any part of the asset's label, the certificate number or the recycler."`
	From     string `query:"from" format:"date" doc:"First day of the deregistration."`
	To       string `query:"to" format:"date" doc:"Last day of the deregistration."`
}

func (n RetirementNarrowing) filter() store.RetirementFilter {
	return store.RetirementFilter{State: retirement.State(n.State), Class: registry.Class(n.Class), City: n.City, District: n.District, Q: n.Q, From: civil.Day(n.From), To: civil.Day(n.To),
		Standing: retirement.Standing(n.Standing), ImportID: n.Import, AssetID: n.Asset}
}

func (s *Server) listRetirements(ctx context.Context, in *struct {
	Paging
	RetirementNarrowing
}) (*listOut[Retirement], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	scope := actor(ctx).Scope
	rows, err := s.db.Retirements(ctx, scope, in.filter(), page)
	if err != nil {
		return nil, err
	}
	cases, err := s.app.Cases(ctx, scope, rows)
	return listOf(cases, in.Limit, func(c app.Case) string { return c.ID }, func(c app.Case) Retirement { return retirementView(lang(ctx), c) }), err
}

func (s *Server) getRetirement(ctx context.Context, in *ByID) (*one[Retirement], error) {
	v, err := s.loadRetirement(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) loadRetirement(ctx context.Context, id string) (Retirement, error) {
	c, err := s.app.Case(ctx, actor(ctx).Scope, id)
	return retirementView(lang(ctx), c), err
}

// changed answers a change of a retirement: the record after it, or with a
// 412 the record as it is.
func (s *Server) changedRetirement(ctx context.Context, id string, err error) (*one[Retirement], error) {
	return changed(ctx, s, id, err, s.loadRetirement, func(v Retirement) int64 { return v.Version })
}

func (s *Server) updateRetirement(ctx context.Context, in *struct {
	ByID
	Based
	Body declarationBody
}) (*one[Retirement], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.AmendRetirement(ctx, actor(ctx), in.ID, version, in.Body.declaration())
	return s.changedRetirement(ctx, in.ID, err)
}

func (s *Server) verifyRetirement(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Decision string `json:"decision" enum:"verify,return"`
		Reason   string `json:"reason,omitempty" maxLength:"500" doc:"Needed for a return, and for a verification that does without skipped evidence."`
	}
}) (*one[Retirement], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.DecideRetirement(ctx, actor(ctx), in.ID, version, in.Body.Decision == "verify", in.Body.Reason)
	return s.changedRetirement(ctx, in.ID, err)
}
