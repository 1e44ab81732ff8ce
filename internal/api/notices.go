package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// Notice is a public list that runs for some working days.
type Notice struct {
	ID          string       `json:"id"`
	Number      string       `json:"number"`
	CityCode    string       `json:"city_code"`
	ProgramID   string       `json:"program_id"`
	ProgramName Name         `json:"program_name"`
	FromOn      civil.Day    `json:"from_on"`
	UntilOn     civil.Day    `json:"until_on" doc:"Its last day."`
	Days        int          `json:"days" doc:"Working days."`
	Contact     string       `json:"contact" doc:"Who takes objections."`
	LineCount   int64        `json:"line_count"`
	TotalFen    money.Fen    `json:"total_fen"`
	MadeBy      *Person      `json:"made_by,omitempty" doc:"Not on the public page."`
	MadeAt      time.Time    `json:"made_at"`
	Running     bool         `json:"running"`
	Lines       []NoticeLine `json:"lines,omitempty"`
	Version     int64        `json:"version"`
}

// NoticeLine is one line as everybody sees it.
type NoticeLine struct {
	LineNo        int64          `json:"line_no"`
	ApplicationID string         `json:"application_id,omitempty" doc:"Not on the public page."`
	AssetLabel    string         `json:"asset_label"`
	Class         registry.Class `json:"class"`
	Owner         string         `json:"owner" doc:"A person's name is masked."`
	RetiredOn     civil.Day      `json:"retired_on,omitempty"`
	AmountFen     money.Fen      `json:"amount_fen"`
}

// Objection is what somebody has against a line of a notice.
type Objection struct {
	ID            string     `json:"id"`
	ApplicationID string     `json:"application_id"`
	NoticeID      string     `json:"notice_id"`
	AssetLabel    string     `json:"asset_label"`
	RaisedBy      string     `json:"raised_by"`
	Text          string     `json:"text"`
	State         string     `json:"state" enum:"open,upheld,dismissed"`
	RecordedBy    Person     `json:"recorded_by"`
	RecordedAt    time.Time  `json:"recorded_at"`
	ResolvedBy    *Person    `json:"resolved_by,omitempty"`
	ResolvedAt    *time.Time `json:"resolved_at,omitempty"`
	Resolution    string     `json:"resolution,omitempty"`
	Version       int64      `json:"version"`
}

func objectionView(o subsidy.Objection) Objection {
	v := Objection{ID: o.ID, ApplicationID: o.ApplicationID, NoticeID: o.NoticeID, AssetLabel: o.AssetLabel, RaisedBy: o.RaisedBy, Text: o.Text, State: o.State,
		RecordedBy: Person{o.RecordedBy, o.RecordedByName}, RecordedAt: o.RecordedAt, ResolvedAt: o.ResolvedAt, Resolution: o.Resolution, Version: o.Version}
	if o.ResolvedBy != "" {
		v.ResolvedBy = &Person{o.ResolvedBy, o.ResolvedByName}
	}
	return v
}

// noticeView shows a notice; open to everybody, it names no officer and no record.
func (s *Server) noticeView(n subsidy.PublicNotice, public bool) Notice {
	today := s.app.Today()
	v := Notice{ID: n.ID, Number: n.Number, CityCode: n.CityCode, ProgramID: n.ProgramID, ProgramName: nameOf(n.ProgramName), FromOn: n.FromOn, UntilOn: n.UntilOn,
		Days: n.Days, Contact: n.Contact, LineCount: n.LineCount, TotalFen: n.TotalFen, MadeAt: n.MadeAt, Running: n.FromOn <= today && today <= n.UntilOn, Version: n.Version}
	if !public {
		v.MadeBy = &Person{n.MadeBy, n.MadeByName}
	}
	for _, l := range n.Lines {
		line := NoticeLine{l.LineNo, l.ApplicationID, l.AssetLabel, l.Class, l.OwnerMasked, l.RetiredOn, l.AmountFen}
		if public {
			line.ApplicationID = ""
		}
		v.Lines = append(v.Lines, line)
	}
	return v
}

func (s *Server) noticeRoutes() {
	route(s, operation("list-notices", http.MethodGet, "/notices", "subsidies", "Public notices of the area, newest first"), s.listNotices)
	route(s, operation("get-notice", http.MethodGet, "/notices/{id}", "subsidies", "One public notice with its lines"), s.getNotice)
	publish := operation("create-notice", http.MethodPost, "/notices", "subsidies", "Publish approved applications for the working days of their program")
	publish.DefaultStatus = http.StatusCreated
	route(s, publish, s.createNotice)
	object := operation("create-objection", http.MethodPost, "/notices/{id}/objections", "subsidies", "Record an objection to one line of a running notice")
	object.DefaultStatus = http.StatusCreated
	route(s, object, s.createObjection)
	route(s, operation("list-objections", http.MethodGet, "/objections", "subsidies", "Objections of the area, newest first"), s.listObjections)
	route(s, operation("get-objection", http.MethodGet, "/objections/{id}", "subsidies", "One objection"), s.getObjection)
	resolve := changes(operation("resolve-objection", http.MethodPost, "/objections/{id}/resolution", "subsidies", "Settle an objection, as another person"))
	resolve.DefaultStatus = http.StatusOK
	route(s, resolve, s.resolveObjection)
	route(s, operation("list-public-notices", http.MethodGet, "/public/notices", "public", "Notices that run today, for everybody"), s.publicNotices)
	route(s, operation("get-public-notice", http.MethodGet, "/public/notices/{id}", "public", "One running notice, for everybody; gone when its term ends"), s.publicNotice)

	route(s, operation("get-program-flow", http.MethodGet, "/programs/{id}/flow", "subsidies", "How the applications of a program are worked off"), s.getFlow)
	flow := changes(operation("update-program-flow", http.MethodPatch, "/programs/{id}/flow", "subsidies", "Set how the applications of a program are worked off"))
	route(s, flow, s.updateFlow)
	route(s, operation("get-calendar", http.MethodGet, "/calendar", "reference", "The official holidays of the years that are known"), s.getCalendar)
	route(s, changes(operation("update-calendar", http.MethodPatch, "/calendar/{year}", "reference", "Enter the official holidays of a year; If-Match 0 for one that is not known")), s.updateCalendar)
}

func (s *Server) listNotices(ctx context.Context, in *struct {
	Paging
	City    string `query:"city" pattern:"^\\d{6}$"`
	Running bool   `query:"running" doc:"Only those that run today."`
}) (*listOut[Notice], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	var day civil.Day
	if in.Running {
		day = s.app.Today()
	}
	rows, err := s.db.Notices(ctx, actor(ctx).Scope, in.City, day, page)
	return listOf(rows, in.Limit, func(n subsidy.PublicNotice) string { return n.ID }, func(n subsidy.PublicNotice) Notice { return s.noticeView(n, false) }), err
}

func (s *Server) getNotice(ctx context.Context, in *ByID) (*one[Notice], error) {
	n, err := s.db.Notice(ctx, actor(ctx).Scope, in.ID)
	return oneOf(n.Version, s.noticeView(n, false)), err
}

func (s *Server) createNotice(ctx context.Context, in *struct {
	Keyed
	Body struct {
		ProgramID      string   `json:"program_id" minLength:"1" maxLength:"64"`
		ApplicationIDs []string `json:"application_ids,omitempty" maxItems:"2000" doc:"Absent: all that are approved."`
		Contact        string   `json:"contact" minLength:"1" maxLength:"200" doc:"Who takes objections: office and telephone."`
	}
}) (*created[Notice], error) {
	return create(ctx, in.Keyed, "create-notice", in.Body,
		func(ctx context.Context, by access.Actor) (subsidy.PublicNotice, error) {
			return s.app.PublishNotice(ctx, by, in.Body.ProgramID, in.Body.ApplicationIDs, in.Body.Contact)
		},
		func(n subsidy.PublicNotice) Notice { return s.noticeView(n, false) }, func(n Notice) string { return "/notices/" + n.ID }, func(n Notice) int64 { return n.Version })
}

func (s *Server) createObjection(ctx context.Context, in *struct {
	ByID
	Keyed
	Body struct {
		ApplicationID string `json:"application_id" minLength:"1" maxLength:"64" doc:"The line that it is about."`
		RaisedBy      string `json:"raised_by" minLength:"1" maxLength:"100"`
		Text          string `json:"text" minLength:"2" maxLength:"1000"`
	}
}) (*created[Objection], error) {
	return create(ctx, in.Keyed, "create-objection", []any{in.ID, in.Body},
		func(ctx context.Context, by access.Actor) (subsidy.Objection, error) {
			return s.app.Object(ctx, by, in.ID, in.Body.ApplicationID, in.Body.RaisedBy, in.Body.Text)
		},
		objectionView, func(o Objection) string { return "/objections/" + o.ID }, func(o Objection) int64 { return o.Version })
}

func (s *Server) listObjections(ctx context.Context, in *struct {
	Paging
	State  string `query:"state" enum:"open,upheld,dismissed"`
	Notice string `query:"notice_id" maxLength:"64"`
}) (*listOut[Objection], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Objections(ctx, actor(ctx).Scope, "", in.Notice, in.State, page)
	return listOf(rows, in.Limit, func(o subsidy.Objection) string { return o.ID }, objectionView), err
}

func (s *Server) getObjection(ctx context.Context, in *ByID) (*one[Objection], error) {
	o, err := s.db.Objection(ctx, actor(ctx).Scope, in.ID)
	return oneOf(o.Version, objectionView(o)), err
}

func (s *Server) resolveObjection(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Upheld     bool   `json:"upheld" doc:"true ends the application."`
		Resolution string `json:"resolution" minLength:"1" maxLength:"500"`
	}
}) (*one[Objection], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	if _, err := s.app.ResolveObjection(ctx, actor(ctx), in.ID, version, in.Body.Upheld, in.Body.Resolution); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			o, err := s.db.Objection(ctx, actor(ctx).Scope, in.ID)
			return objectionView(o), o.Version, err
		})
	}
	return s.getObjection(ctx, &in.ByID)
}

func (s *Server) publicNotices(ctx context.Context, in *struct {
	City string `query:"city" pattern:"^\\d{6}$"`
}) (*listOut[Notice], error) {
	rows, err := s.db.Notices(ctx, access.Whole(), in.City, s.app.Today(), store.Page{Limit: 200})
	return listOf(rows, len(rows), func(n subsidy.PublicNotice) string { return n.ID }, func(n subsidy.PublicNotice) Notice { return s.noticeView(n, true) }), err
}

func (s *Server) publicNotice(ctx context.Context, in *ByID) (*one[Notice], error) {
	n, err := s.db.Notice(ctx, access.Whole(), in.ID)
	if err != nil {
		return nil, err
	}
	v := s.noticeView(n, true)
	if !v.Running {
		return nil, fault.Missing()
	}
	return oneOf(v.Version, v), nil
}

// Flow is how the applications of a program are worked off.
type Flow struct {
	ReserveOn string              `json:"reserve_on" enum:"submission,approval" doc:"When an application gets its money."`
	MendDays  int                 `json:"mend_days" minimum:"1" maximum:"365" doc:"Days to mend what was sent back."`
	Papers    []subsidy.PaperRule `json:"papers" maxItems:"40"`
}

// FlowView is a flow as it is kept, with the papers that there are.
type FlowView struct {
	Flow
	Default bool  `json:"default" doc:"Nothing was set for the program: these are the assumptions of the product."`
	Version int64 `json:"version"`
}

func flowView(f subsidy.Flow) FlowView {
	papers := f.Papers
	if papers == nil {
		papers = []subsidy.PaperRule{}
	}
	return FlowView{Flow: Flow{f.ReserveOn, f.MendDays, papers}, Default: f.Version == 0, Version: f.Version}
}

func (s *Server) loadFlow(ctx context.Context, id string) (subsidy.Flow, error) {
	if _, err := s.db.Program(ctx, actor(ctx).Scope, id); err != nil {
		return subsidy.Flow{}, err
	}
	return s.db.Flow(ctx, id)
}

func (s *Server) getFlow(ctx context.Context, in *ByID) (*one[FlowView], error) {
	f, err := s.loadFlow(ctx, in.ID)
	return oneOf(f.Version, flowView(f)), err
}

func (s *Server) updateFlow(ctx context.Context, in *struct {
	ByID
	Based
	Body Flow
}) (*one[FlowView], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	b := in.Body
	_, err = s.app.SetFlow(ctx, actor(ctx), in.ID, version, subsidy.Flow{ReserveOn: b.ReserveOn, MendDays: b.MendDays, Papers: b.Papers})
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			f, err := s.loadFlow(ctx, in.ID)
			return flowView(f), f.Version, err
		})
	}
	return s.getFlow(ctx, &in.ByID)
}

// CalendarYear is the official arrangement of the holidays of a year.
type CalendarYear struct {
	Year      int           `json:"year"`
	Source    string        `json:"source" doc:"Number of the document."`
	Shipped   bool          `json:"shipped" doc:"Came with the product."`
	EnteredBy string        `json:"entered_by,omitempty"`
	Days      []CalendarDay `json:"days"`
	Version   int64         `json:"version"`
}

// CalendarDay is a day on which a year differs from Monday to Friday.
type CalendarDay struct {
	Day  civil.Day `json:"day" maxLength:"10"`
	Kind string    `json:"kind" enum:"off,work"`
	Name string    `json:"name,omitempty" maxLength:"40"`
}

func calendarView(y store.CalendarYear) CalendarYear {
	v := CalendarYear{Year: y.Year, Source: y.Source, Shipped: y.EnteredBy == "", EnteredBy: y.EnteredBy, Version: y.Version, Days: make([]CalendarDay, len(y.Days))}
	for i, d := range y.Days {
		v.Days[i] = CalendarDay{d.Day, d.Kind, d.Name}
	}
	return v
}

func (s *Server) getCalendar(ctx context.Context, _ *struct{}) (*listOut[CalendarYear], error) {
	years, err := s.db.CalendarYears(ctx)
	return listOf(years, len(years), func(store.CalendarYear) string { return "" }, calendarView), err
}

func (s *Server) updateCalendar(ctx context.Context, in *struct {
	Year int `path:"year" minimum:"2000" maximum:"2999"`
	Based
	Body struct {
		Source string        `json:"source" minLength:"1" maxLength:"100"`
		Days   []CalendarDay `json:"days" maxItems:"120"`
	}
}) (*one[CalendarYear], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	y := store.CalendarYear{Year: in.Year, Source: in.Body.Source}
	for _, d := range in.Body.Days {
		y.Days = append(y.Days, store.CalendarDay{Day: d.Day, Kind: d.Kind, Name: d.Name})
	}
	saved, err := s.app.SetCalendar(ctx, actor(ctx), version, y)
	return oneOf(saved.Version, calendarView(saved)), err
}
