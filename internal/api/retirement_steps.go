package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// RetirementStep is a dated step of a retirement with who logged it.
type RetirementStep struct {
	Step     retirement.Deed `json:"step" enum:"received,dismantled,deregistered"`
	On       civil.Day       `json:"on"`
	Note     string          `json:"note,omitempty"`
	FileIDs  []string        `json:"file_ids"`
	LoggedBy Person          `json:"logged_by"`
	LoggedAt time.Time       `json:"logged_at"`
}

// RetirementVersion is a declaration that was replaced, as it was.
type RetirementVersion struct {
	Revision int64 `json:"revision"`
	retirement.Declaration
	ReplacedBy Person    `json:"replaced_by"`
	ReplacedAt time.Time `json:"replaced_at"`
	Reason     string    `json:"reason,omitempty"`
	RequestID  string    `json:"request_id,omitempty"`
}

// RetirementCourse is the way of a retirement: its steps, the declarations that
// were replaced and what was asked about it.
type RetirementCourse struct {
	Steps    []RetirementStep    `json:"steps"`
	Versions []RetirementVersion `json:"versions"`
	Requests []RetirementRequest `json:"requests"`
	Clock    RetirementClock     `json:"clock"`
}

// RetirementClock is how long a retirement may stay where it stands.
type RetirementClock struct {
	DueOn  civil.Day `json:"due_on,omitempty" doc:"Last day in time."`
	Late   int       `json:"late_days" doc:"Days after it."`
	Level  int       `json:"level" minimum:"0" maximum:"2" doc:"1 over the limit, 2 over the second limit as well."`
	Days   int       `json:"limit_days"`
	Sample bool      `json:"sample" doc:"The limit is a sample value."`
	Source string    `json:"source,omitempty"`
}

func clockView(o retirement.Overdue, l retirement.Limit) RetirementClock {
	return RetirementClock{o.DueOn, o.Late, o.Level, l.Days, l.Sample, l.Source}
}

// OverdueRetirement is a retirement that stays too long where it stands.
type OverdueRetirement struct {
	Retirement
	Clock RetirementClock `json:"clock"`
}

// RetirementLimit says how many days a retirement of a class may stay where it
// stands, and after how many more its being overdue goes up a level.
type RetirementLimit struct {
	Class        registry.Class      `json:"class"`
	Standing     retirement.Standing `json:"standing"`
	Name         Name                `json:"name"`
	Days         int                 `json:"days"`
	EscalateDays int                 `json:"escalate_days"`
	Source       string              `json:"source,omitempty"`
	Sample       bool                `json:"sample"`
	Version      int64               `json:"version"`
}

func limitView(l retirement.Limit) RetirementLimit {
	return RetirementLimit{l.Class, l.Standing, nameOf(l.Standing.Name()), l.Days, l.EscalateDays, l.Source, l.Sample, l.Version}
}

func (s *Server) retirementStepRoutes() {
	step := changes(operation("log-retirement-step", http.MethodPost, "/retirements/{id}/steps", "retirements", "Log the next step: hand-over, dismantling or deregistration"))
	step.Description = "Evidence that the step waits for is named item by item in a 409 evidence_missing."
	step.DefaultStatus = http.StatusOK
	route(s, step, s.logStep)
	withdraw := changes(operation("withdraw-retirement", http.MethodPost, "/retirements/{id}/withdrawal", "retirements", "Take back a retirement that is not verified; it stays to be read"))
	withdraw.DefaultStatus = http.StatusOK
	route(s, withdraw, s.withdrawRetirement)
	route(s, operation("get-retirement-course", http.MethodGet, "/retirements/{id}/course", "retirements", "Steps, replaced declarations, requests and clock of a retirement"), s.retirementCourse)
	route(s, operation("list-overdue-retirements", http.MethodGet, "/overdue-retirements", "retirements", "What stays longer than its limit"), s.listOverdue)
	route(s, operation("list-retirement-limits", http.MethodGet, "/retirement-limits", "retirements", "How long retirements may stay where they stand"), s.listLimits)
	route(s, changes(operation("update-retirement-limit", http.MethodPatch, "/retirement-limits/{class}/{standing}", "retirements", "Change a limit")), s.updateLimit)
}

func (s *Server) logStep(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Step          string    `json:"step" enum:"received,dismantled,deregistered"`
		On            civil.Day `json:"on" maxLength:"10" doc:"Legal day of the step."`
		Note          string    `json:"note,omitempty" maxLength:"500"`
		FileIDs       []string  `json:"file_ids,omitempty" maxItems:"50" doc:"Files on the record that prove it."`
		Recycler      string    `json:"recycler,omitempty" maxLength:"200" doc:"Where it was handed in, if that was not said yet."`
		CertificateNo string    `json:"certificate_no,omitempty" maxLength:"100" doc:"What the yard issued, if that was not said yet."`
	}
}) (*one[Retirement], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	b := in.Body
	_, err = s.app.LogStep(ctx, actor(ctx), in.ID, version, app.LoggedStep{Step: retirement.Deed(b.Step), On: b.On, Note: b.Note, FileIDs: b.FileIDs, Recycler: b.Recycler, CertificateNo: b.CertificateNo})
	return s.changedRetirement(ctx, in.ID, err)
}

func (s *Server) withdrawRetirement(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Reason string `json:"reason" maxLength:"500"`
	}
}) (*one[Retirement], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.WithdrawRetirement(ctx, actor(ctx), in.ID, version, in.Body.Reason)
	return s.changedRetirement(ctx, in.ID, err)
}

func (s *Server) retirementCourse(ctx context.Context, in *ByID) (*one[RetirementCourse], error) {
	scope := actor(ctx).Scope
	r, err := s.db.Retirement(ctx, scope, in.ID)
	if err != nil {
		return nil, err
	}
	steps, err := s.db.Steps(ctx, r)
	if err != nil {
		return nil, err
	}
	versions, err := s.db.Versions(ctx, r)
	if err != nil {
		return nil, err
	}
	requests, err := s.db.Requests(ctx, scope, store.RequestFilter{RetirementID: r.ID}, store.Page{Limit: 200})
	if err != nil {
		return nil, err
	}
	limits, err := s.db.RetirementLimits(ctx)
	if err != nil {
		return nil, err
	}
	c := RetirementCourse{Steps: []RetirementStep{}, Versions: []RetirementVersion{}, Requests: []RetirementRequest{}}
	for _, e := range steps {
		files := e.FileIDs
		if files == nil {
			files = []string{}
		}
		c.Steps = append(c.Steps, RetirementStep{e.Step, e.On, e.Note, files, Person{e.LoggedBy, e.LoggedByName}, e.LoggedAt})
	}
	for _, v := range versions {
		c.Versions = append(c.Versions, RetirementVersion{v.Revision, v.Declaration, Person{v.ReplacedBy, v.ReplacedByName}, v.ReplacedAt, v.Reason, v.RequestID})
	}
	for _, q := range requests {
		c.Requests = append(c.Requests, requestView(q))
	}
	for _, l := range limits {
		if l.Class == r.Class && l.Standing == r.Standing() {
			c.Clock = clockView(l.Clock(r.StandingOn, s.app.Today()), l)
		}
	}
	return oneOf(r.Version, c), nil
}

func (s *Server) listOverdue(ctx context.Context, in *struct {
	Paging
	Standing string `query:"standing" enum:"declared,received,dismantled,deregistered,returned"`
	Class    string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City     string `query:"city" pattern:"^\\d{6}$"`
	Level    int    `query:"level" minimum:"1" maximum:"2" default:"1" doc:"2 leaves out what is over the first limit only."`
}) (*listOut[OverdueRetirement], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	f := store.OverdueFilter{RetirementFilter: store.RetirementFilter{Standing: retirement.Standing(in.Standing), Class: registry.Class(in.Class), City: in.City}, Level: in.Level}
	late, err := s.app.OverdueRetirements(ctx, actor(ctx).Scope, f, page)
	return listOf(late, in.Limit, func(l app.Late) string { return l.ID }, func(l app.Late) OverdueRetirement {
		return OverdueRetirement{retirementView(lang(ctx), l.Case), clockView(l.Overdue, l.Limit)}
	}), err
}

func (s *Server) listLimits(ctx context.Context, _ *struct{}) (*listOut[RetirementLimit], error) {
	limits, err := s.db.RetirementLimits(ctx)
	return listOf(limits, len(limits), func(l retirement.Limit) string { return string(l.Class) + "/" + string(l.Standing) }, limitView), err
}

func (s *Server) updateLimit(ctx context.Context, in *struct {
	Based
	Class    string `path:"class" maxLength:"40"`
	Standing string `path:"standing" maxLength:"40"`
	Body     struct {
		Days         int    `json:"days" minimum:"1" maximum:"3650"`
		EscalateDays int    `json:"escalate_days" minimum:"1" maximum:"3650"`
		Source       string `json:"source,omitempty" maxLength:"200"`
		Sample       bool   `json:"sample" doc:"Whether it is still a sample value."`
	}
}) (*one[RetirementLimit], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	l, err := s.app.SetLimit(ctx, actor(ctx), retirement.Limit{Class: registry.Class(in.Class), Standing: retirement.Standing(in.Standing), Days: in.Body.Days,
		EscalateDays: in.Body.EscalateDays, Source: in.Body.Source, Sample: in.Body.Sample, Version: version})
	return oneOf(l.Version, limitView(l)), err
}

// PreCheck is one question that is asked before an asset is taken in.
type PreCheck struct {
	Kind      string     `json:"kind" enum:"mortgage,seizure,dues,activity"`
	Name      Name       `json:"name"`
	State     string     `json:"state" enum:"unasked,clear,open" doc:"open blocks the subsidy, not the scrapping."`
	Source    string     `json:"source,omitempty"`
	CheckedOn civil.Day  `json:"checked_on,omitempty"`
	Note      string     `json:"note,omitempty"`
	CheckedBy *Person    `json:"checked_by,omitempty"`
	CheckedAt *time.Time `json:"checked_at,omitempty"`
}

func preCheckView(c retirement.PreCheck) PreCheck {
	v := PreCheck{Kind: c.Kind, Name: nameOf(retirement.CheckName(c.Kind)), State: c.State, Source: c.Source, CheckedOn: c.CheckedOn, Note: c.Note}
	if c.CheckedBy != "" {
		v.CheckedBy, v.CheckedAt = &Person{c.CheckedBy, c.CheckedByName}, &c.CheckedAt
	}
	return v
}

func (s *Server) preCheckRoutes() {
	route(s, operation("list-pre-checks", http.MethodGet, "/assets/{id}/pre-checks", "retirements", "What is asked before intake: mortgage, seizure, dues, activity"), s.listPreChecks)
	put := operation("put-pre-check", http.MethodPost, "/assets/{id}/pre-checks", "retirements", "Answer one of the questions, with source and day")
	put.DefaultStatus = http.StatusOK
	route(s, put, s.putPreCheck)
}

func (s *Server) listPreChecks(ctx context.Context, in *ByID) (*listOut[PreCheck], error) {
	if _, err := s.db.Asset(ctx, actor(ctx).Scope, in.ID); err != nil {
		return nil, err
	}
	answered, err := s.db.PreChecks(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &listOut[PreCheck]{}
	for _, kind := range retirement.PreCheckKinds {
		c := retirement.PreCheck{Kind: kind, State: "unasked"}
		for _, a := range answered {
			if a.Kind == kind {
				c = a
			}
		}
		out.Body.Items = append(out.Body.Items, preCheckView(c))
	}
	return out, nil
}

func (s *Server) putPreCheck(ctx context.Context, in *struct {
	ByID
	Body struct {
		Kind      string    `json:"kind" enum:"mortgage,seizure,dues,activity"`
		State     string    `json:"state" enum:"clear,open"`
		Source    string    `json:"source" maxLength:"200" doc:"Where the answer comes from."`
		CheckedOn civil.Day `json:"checked_on" maxLength:"10"`
		Note      string    `json:"note,omitempty" maxLength:"500"`
	}
}) (*one[PreCheck], error) {
	b := in.Body
	c, err := s.app.PutPreCheck(ctx, actor(ctx), in.ID, retirement.PreCheck{Kind: b.Kind, State: b.State, Source: b.Source, CheckedOn: b.CheckedOn, Note: b.Note})
	return oneOf(c.Version, preCheckView(c)), err
}
