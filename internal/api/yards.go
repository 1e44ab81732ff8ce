package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/yard"
)

// YardLicence is one period in which a yard is licensed.
type YardLicence struct {
	Number    string    `json:"licence_no"`
	ValidFrom civil.Day `json:"valid_from"`
	ValidTo   civil.Day `json:"valid_to"`
}

// YardBlock is one suspension or black-listing of a yard.
type YardBlock struct {
	ID           string    `json:"id"`
	Kind         string    `json:"kind" enum:"suspended,blacklisted"`
	From         civil.Day `json:"from"`
	To           civil.Day `json:"to,omitempty" doc:"Last day; absent as long as it is open."`
	Reason       string    `json:"reason"`
	SetBy        string    `json:"set_by"`
	LiftedBy     string    `json:"lifted_by,omitempty"`
	LiftedReason string    `json:"lifted_reason,omitempty"`
}

// Yard is a licensed yard or recycler.
type Yard struct {
	ID                 string           `json:"id"`
	Name               string           `json:"name"`
	CreditCode         string           `json:"credit_code"`
	CityCode           string           `json:"city_code"`
	Classes            []registry.Class `json:"classes"`
	Address            string           `json:"address,omitempty"`
	Latitude           *float64         `json:"latitude,omitempty" doc:"WGS 84, degrees."`
	Longitude          *float64         `json:"longitude,omitempty"`
	CapacityPerMonth   int64            `json:"capacity_per_month" doc:"Units a month; 0 if not known."`
	CertificatePattern string           `json:"certificate_pattern,omitempty" doc:"Form of its certificate numbers as a regular expression."`
	PatternSource      string           `json:"pattern_source,omitempty" doc:"Document that sets the form. Without it another form is a warning, with it an error."`
	Status             string           `json:"status" enum:"active,suspended,blacklisted,unlicensed" doc:"Today."`
	LicenceNo          string           `json:"licence_no" doc:"Of the licence that ends last."`
	ValidFrom          civil.Day        `json:"valid_from"`
	ValidTo            civil.Day        `json:"valid_to"`
	Licences           []YardLicence    `json:"licences"`
	Blocks             []YardBlock      `json:"blocks"`
	UpdatedAt          time.Time        `json:"updated_at"`
	Version            int64            `json:"version"`
}

func (s *Server) yardView(y store.Yard) Yard {
	status, _ := y.StatusOn(s.app.Today())
	latest := y.Latest()
	v := Yard{ID: y.ID, Name: y.Name, CreditCode: y.CreditCode, CityCode: y.CityCode, Classes: y.Classes, Address: y.Address, Latitude: degrees(y.LatE6), Longitude: degrees(y.LonE6),
		CapacityPerMonth: y.CapacityPerMonth, CertificatePattern: y.CertificatePattern, PatternSource: y.PatternSource, Status: string(status), LicenceNo: latest.Number,
		ValidFrom: latest.From, ValidTo: latest.To, Licences: []YardLicence{}, Blocks: []YardBlock{}, UpdatedAt: y.UpdatedAt, Version: y.Version}
	for _, l := range y.Licences {
		v.Licences = append(v.Licences, YardLicence{l.Number, l.From, l.To})
	}
	for _, b := range y.Blocks {
		v.Blocks = append(v.Blocks, YardBlock{b.ID, string(b.Kind), b.From, b.To, b.Reason, b.SetBy, b.LiftedBy, b.LiftedReason})
	}
	return v
}

func degrees(e6 *int64) *float64 {
	if e6 == nil {
		return nil
	}
	d := float64(*e6) / 1e6
	return &d
}

func millionths(degrees *float64) *int64 {
	if degrees == nil {
		return nil
	}
	e6 := int64(*degrees*1e6 + 0.5)
	return &e6
}

// YardFacts is the facts of a yard.
type YardFacts struct {
	Name               string           `json:"name" minLength:"1" maxLength:"200"`
	CreditCode         string           `json:"credit_code" minLength:"1" maxLength:"40"`
	Classes            []registry.Class `json:"classes" minItems:"1" maxItems:"4" enum:"truck,machinery,farm_machinery,vessel"`
	Address            string           `json:"address,omitempty" maxLength:"300"`
	Latitude           *float64         `json:"latitude,omitempty" minimum:"-90" maximum:"90" doc:"WGS 84, degrees."`
	Longitude          *float64         `json:"longitude,omitempty" minimum:"-180" maximum:"180"`
	CapacityPerMonth   int64            `json:"capacity_per_month,omitempty" minimum:"0" maximum:"1000000"`
	CertificatePattern string           `json:"certificate_pattern,omitempty" maxLength:"200"`
	PatternSource      string           `json:"pattern_source,omitempty" maxLength:"200"`
}

func (b YardFacts) facts() yard.Yard {
	return yard.Yard{Name: b.Name, CreditCode: b.CreditCode, Classes: b.Classes, Address: b.Address, LatE6: millionths(b.Latitude), LonE6: millionths(b.Longitude),
		CapacityPerMonth: b.CapacityPerMonth, CertificatePattern: b.CertificatePattern, PatternSource: b.PatternSource}
}

// LicencePeriod is one period of licence.
type LicencePeriod struct {
	LicenceNo string    `json:"licence_no" minLength:"1" maxLength:"100"`
	ValidFrom civil.Day `json:"valid_from" maxLength:"10"`
	ValidTo   civil.Day `json:"valid_to" maxLength:"10"`
}

func (b LicencePeriod) licence() yard.Licence {
	return yard.Licence{Number: b.LicenceNo, From: b.ValidFrom, To: b.ValidTo}
}

// YardGap is a run of missing certificate numbers.
type YardGap struct {
	Series string `json:"series"`
	From   string `json:"from"`
	To     string `json:"to"`
	Count  int64  `json:"count"`
}

// YardBurst is a time in which a yard issued many more certificates than usual.
type YardBurst struct {
	Kind   string    `json:"kind" enum:"day,deadline"`
	From   civil.Day `json:"from"`
	To     civil.Day `json:"to"`
	Count  int       `json:"count"`
	Usual  float64   `json:"usual" doc:"Median of the days on which it issued any; for a deadline what the days before make one expect."`
	Reason Name      `json:"reason"`
}

// YardReport is the gap and burst report of a yard.
type YardReport struct {
	Certificates int         `json:"certificates"`
	Gaps         []YardGap   `json:"gaps"`
	Bursts       []YardBurst `json:"bursts"`
}

func (s *Server) yardRoutes() {
	route(s, operation("list-yards", http.MethodGet, "/yards", "yards", "Licensed yards of the area"), s.listYards)
	create := operation("create-yard", http.MethodPost, "/yards", "yards", "Register a yard with its licence")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createYard)
	route(s, operation("get-yard", http.MethodGet, "/yards/{id}", "yards", "One yard with its licences and blocks"), s.getYard)
	route(s, changes(operation("update-yard", http.MethodPatch, "/yards/{id}", "yards", "Replace the facts of a yard")), s.updateYard)
	for _, deed := range []struct{ id, path, summary string }{{"renew-yard", "licences", "Add a period of licence"}, {"block-yard", "blocks", "Suspend or black-list a yard"}} {
		op := changes(operation(deed.id, http.MethodPost, "/yards/{id}/"+deed.path, "yards", deed.summary))
		op.DefaultStatus = http.StatusOK
		if deed.id == "renew-yard" {
			route(s, op, s.renewYard)
		} else {
			route(s, op, s.blockYard)
		}
	}
	lift := changes(operation("lift-yard-block", http.MethodPost, "/yards/{id}/lift", "yards", "End a suspension or black-listing"))
	lift.DefaultStatus = http.StatusOK
	route(s, lift, s.liftYardBlock)
	route(s, operation("get-yard-report", http.MethodGet, "/yards/{id}/report", "yards", "Gaps and bursts in the certificates of a yard"), s.yardReport)
	route(s, operation("get-yard-history", http.MethodGet, "/yards/{id}/history", "yards", "What was changed about a yard, newest first"), s.yardHistory)
}

func (s *Server) listYards(ctx context.Context, in *struct {
	Paging
	City  string `query:"city" pattern:"^\\d{6}$"`
	Class string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	Q     string `query:"q" maxLength:"100" doc:"A part of the name."`
}) (*listOut[Yard], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := s.db.Yards(ctx, actor(ctx).Scope, store.YardFilter{City: in.City, Class: registry.Class(in.Class), Q: in.Q}, page)
	return listOf(list, in.Limit, func(y store.Yard) string { return y.ID }, s.yardView), err
}

func (s *Server) createYard(ctx context.Context, in *struct {
	Keyed
	Body struct {
		YardFacts
		LicencePeriod
		CityCode string `json:"city_code" pattern:"^\\d{6}$"`
	}
}) (*created[Yard], error) {
	y := in.Body.facts()
	y.CityCode, y.Licences = in.Body.CityCode, []yard.Licence{in.Body.licence()}
	return create(ctx, in.Keyed, "create-yard", in.Body,
		func(ctx context.Context, by access.Actor) (store.Yard, error) { return s.app.CreateYard(ctx, by, y) },
		s.yardView, func(y Yard) string { return "/yards/" + y.ID }, func(y Yard) int64 { return y.Version })
}

func (s *Server) getYard(ctx context.Context, in *ByID) (*one[Yard], error) {
	y, err := s.db.Yard(ctx, actor(ctx).Scope, in.ID)
	return oneOf(y.Version, s.yardView(y)), err
}

// changedYard answers a change of a yard: the yard after it, or with a 412 as it is.
func (s *Server) changedYard(ctx context.Context, id string, based Based, deed func(version int64) (store.Yard, error)) (*one[Yard], error) {
	version, err := based.version()
	if err != nil {
		return nil, err
	}
	y, err := deed(version)
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			y, err := s.db.Yard(ctx, actor(ctx).Scope, id)
			return s.yardView(y), y.Version, err
		})
	}
	return oneOf(y.Version, s.yardView(y)), nil
}

func (s *Server) updateYard(ctx context.Context, in *struct {
	ByID
	Based
	Body YardFacts
}) (*one[Yard], error) {
	return s.changedYard(ctx, in.ID, in.Based, func(version int64) (store.Yard, error) {
		return s.app.AmendYard(ctx, actor(ctx), in.ID, version, in.Body.facts())
	})
}

func (s *Server) renewYard(ctx context.Context, in *struct {
	ByID
	Based
	Body LicencePeriod
}) (*one[Yard], error) {
	return s.changedYard(ctx, in.ID, in.Based, func(version int64) (store.Yard, error) {
		return s.app.RenewYard(ctx, actor(ctx), in.ID, version, in.Body.licence())
	})
}

func (s *Server) blockYard(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Kind   string    `json:"kind" enum:"suspended,blacklisted"`
		From   civil.Day `json:"from" maxLength:"10"`
		To     civil.Day `json:"to,omitempty" maxLength:"10"`
		Reason string    `json:"reason" minLength:"1" maxLength:"500"`
	}
}) (*one[Yard], error) {
	return s.changedYard(ctx, in.ID, in.Based, func(version int64) (store.Yard, error) {
		return s.app.BlockYard(ctx, actor(ctx), in.ID, version, yard.Block{Kind: yard.Status(in.Body.Kind), From: in.Body.From, To: in.Body.To, Reason: in.Body.Reason})
	})
}

func (s *Server) liftYardBlock(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		BlockID string    `json:"block_id" minLength:"1" maxLength:"64"`
		LastOn  civil.Day `json:"last_on" maxLength:"10" doc:"Last day on which it held."`
		Reason  string    `json:"reason" minLength:"1" maxLength:"500"`
	}
}) (*one[Yard], error) {
	return s.changedYard(ctx, in.ID, in.Based, func(version int64) (store.Yard, error) {
		return s.app.LiftYardBlock(ctx, actor(ctx), in.ID, version, in.Body.BlockID, in.Body.LastOn, in.Body.Reason)
	})
}

func (s *Server) yardReport(ctx context.Context, in *ByID) (*struct{ Body YardReport }, error) {
	r, err := s.app.YardReport(ctx, actor(ctx).Scope, in.ID)
	if err != nil {
		return nil, err
	}
	v := YardReport{Certificates: r.Certificates, Gaps: []YardGap{}, Bursts: []YardBurst{}}
	for _, g := range r.Gaps {
		v.Gaps = append(v.Gaps, YardGap(g))
	}
	for _, b := range r.Bursts {
		v.Bursts = append(v.Bursts, YardBurst{b.Kind, b.From, b.To, b.Count, b.Usual, nameOf(b.Reason)})
	}
	return &struct{ Body YardReport }{v}, nil
}

func (s *Server) yardHistory(ctx context.Context, in *struct {
	ByID
	Paging
}) (*listOut[HistoryEvent], error) {
	if _, err := s.db.Yard(ctx, actor(ctx).Scope, in.ID); err != nil {
		return nil, err
	}
	return s.events(ctx, in.Paging, store.EventFilter{Entity: "yard", EntityID: in.ID}, "")
}
