package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/yard"
)

// InspectionDraw is one draw of retirements for cross checks between cities.
type InspectionDraw struct {
	ID             string     `json:"id"`
	Name           string     `json:"name"`
	From           civil.Day  `json:"from" doc:"First day of the verification of what is in the population."`
	To             civil.Day  `json:"to"`
	PerCity        int        `json:"per_city"`
	State          string     `json:"state" enum:"committed,drawn"`
	SeedHash       string     `json:"seed_hash" doc:"SHA-256 of the seed, fixed before the draw."`
	Seed           string     `json:"seed,omitempty" doc:"Only once it is drawn."`
	Beacon         string     `json:"beacon,omitempty" doc:"A public number that was added at the draw."`
	Population     int        `json:"population"`
	PopulationHash string     `json:"population_hash"`
	CreatedBy      Person     `json:"created_by"`
	CreatedAt      time.Time  `json:"created_at"`
	DrawnBy        *Person    `json:"drawn_by,omitempty"`
	DrawnAt        *time.Time `json:"drawn_at,omitempty"`
	Version        int64      `json:"version"`
}

func drawView(d store.InspectionDraw) InspectionDraw {
	v := InspectionDraw{ID: d.ID, Name: d.Name, From: d.FromOn, To: d.ToOn, PerCity: d.PerCity, State: d.State, SeedHash: d.SeedHash, Population: d.Population,
		PopulationHash: d.PopulationHash, CreatedBy: Person{d.CreatedBy, d.CreatedByName}, CreatedAt: d.CreatedAt, DrawnAt: d.DrawnAt, Version: d.Version}
	if d.State == "drawn" {
		v.Seed, v.Beacon, v.DrawnBy = d.Seed, d.Beacon, &Person{d.DrawnBy, d.DrawnByName}
	}
	return v
}

// PublicDraw is what everyone is told of a draw, to do it again.
type PublicDraw struct {
	ID             string    `json:"id"`
	Name           string    `json:"name"`
	From           civil.Day `json:"from"`
	To             civil.Day `json:"to"`
	PerCity        int       `json:"per_city"`
	State          string    `json:"state" enum:"committed,drawn"`
	SeedHash       string    `json:"seed_hash"`
	Seed           string    `json:"seed,omitempty"`
	Beacon         string    `json:"beacon,omitempty"`
	Cities         []string  `json:"cities"`
	Population     int       `json:"population"`
	PopulationHash string    `json:"population_hash"`
}

// InspectionReason is one part of a weight.
type InspectionReason struct {
	Code   string `json:"code"`
	Points int    `json:"points"`
	Text   Name   `json:"text"`
}

// InspectionLine is a drawn retirement as the other city's team sees it.
type InspectionLine struct {
	ID             string             `json:"id"`
	DrawID         string             `json:"draw_id"`
	AssetLabel     string             `json:"asset_label"`
	Class          registry.Class     `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	CityCode       string             `json:"city_code"`
	TeamCity       string             `json:"team_city"`
	Recycler       string             `json:"recycler,omitempty"`
	CertificateNo  string             `json:"certificate_no,omitempty"`
	HandedInOn     civil.Day          `json:"handed_in_on,omitempty"`
	DismantledOn   civil.Day          `json:"dismantled_on,omitempty"`
	DeregisteredOn civil.Day          `json:"deregistered_on,omitempty"`
	Weight         int                `json:"weight"`
	Reasons        []InspectionReason `json:"reasons"`
	Result         string             `json:"result,omitempty" enum:"ok,discrepancy,not_found"`
	Note           string             `json:"note,omitempty"`
	Photos         int                `json:"photos" doc:"How many the team has taken."`
	InspectedBy    string             `json:"inspected_by,omitempty"`
	InspectedAt    *time.Time         `json:"inspected_at,omitempty"`
	Version        int64              `json:"version"`
}

func inspectionLineView(l store.InspectionLine) InspectionLine {
	v := InspectionLine{ID: l.ID, DrawID: l.DrawID, AssetLabel: l.AssetLabel, Class: l.Class, CityCode: l.CityCode, TeamCity: l.TeamCity, Recycler: l.Recycler, CertificateNo: l.CertificateNo,
		HandedInOn: l.HandedInOn, DismantledOn: l.DismantledOn, DeregisteredOn: l.DeregisteredOn, Weight: l.Weight, Reasons: []InspectionReason{}, Result: l.Result, Note: l.Note,
		Photos: l.Photos, InspectedBy: l.InspectedByName, InspectedAt: l.InspectedAt, Version: l.Version}
	for _, r := range l.ReasonsOf() {
		v.Reasons = append(v.Reasons, InspectionReason{r.Code, r.Points, nameOf(r.Text)})
	}
	return v
}

// PublicCertificate is all that the public is told of a certificate.
type PublicCertificate struct {
	State string    `json:"state" enum:"valid,withdrawn,unknown"`
	On    civil.Day `json:"on" doc:"Since when; empty for a number that is not known."`
}

func (s *Server) inspectionRoutes() {
	route(s, operation("list-draws", http.MethodGet, "/draws", "inspections", "Draws, newest first"), s.listDraws)
	create := operation("create-draw", http.MethodPost, "/draws", "inspections", "Freeze a population and commit to a seed")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createDraw)
	route(s, operation("get-draw", http.MethodGet, "/draws/{id}", "inspections", "One draw"), s.getDraw)
	carry := changes(operation("carry-out-draw", http.MethodPost, "/draws/{id}/draw", "inspections", "Draw, and show the seed"))
	carry.DefaultStatus = http.StatusOK
	route(s, carry, s.carryOutDraw)
	route(s, operation("list-inspection-lines", http.MethodGet, "/inspection-lines", "inspections", "Drawn retirements that one's own team inspects; the province sees all"), s.listInspectionLines)
	route(s, operation("get-inspection-line", http.MethodGet, "/inspection-lines/{id}", "inspections", "One drawn retirement"), s.getInspectionLine)
	result := changes(operation("record-inspection", http.MethodPost, "/inspection-lines/{id}/result", "inspections", "Say what the team found"))
	result.DefaultStatus = http.StatusOK
	route(s, result, s.recordInspection)
	route(s, uploads("attach-inspection-photo", "/inspection-lines/{id}/files", "Put a photo of the team on the record"), s.attachInspectionPhoto)

	route(s, s.limited(operation("get-public-draw", http.MethodGet, "/public/draws/{id}", "public", "What is needed to do a draw again")), s.publicDraw)
	route(s, s.limited(binary(operation("get-public-draw-list", http.MethodGet, "/public/draws/{id}/list.csv", "public", "The population of a draw with weights, and what was drawn"), "text/csv")), s.publicDrawList)
	route(s, s.limited(operation("check-certificate", http.MethodGet, "/public/certificates", "public", "Whether a certificate is valid")), s.checkCertificate)
}

func (s *Server) listDraws(ctx context.Context, in *struct{ Paging }) (*listOut[InspectionDraw], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := s.db.Draws(ctx, page)
	return listOf(list, in.Limit, func(d store.InspectionDraw) string { return d.ID }, drawView), err
}

func (s *Server) createDraw(ctx context.Context, in *struct {
	Keyed
	Body struct {
		Name    string    `json:"name" minLength:"1" maxLength:"100"`
		From    civil.Day `json:"from" maxLength:"10"`
		To      civil.Day `json:"to" maxLength:"10"`
		PerCity int       `json:"per_city" minimum:"1" maximum:"1000"`
	}
}) (*created[InspectionDraw], error) {
	b := in.Body
	return create(ctx, in.Keyed, "create-draw", b,
		func(ctx context.Context, by access.Actor) (store.InspectionDraw, error) {
			return s.app.CreateDraw(ctx, by, app.NewDraw{Name: b.Name, From: b.From, To: b.To, PerCity: b.PerCity})
		},
		drawView, func(d InspectionDraw) string { return "/draws/" + d.ID }, func(d InspectionDraw) int64 { return d.Version })
}

func (s *Server) getDraw(ctx context.Context, in *ByID) (*one[InspectionDraw], error) {
	d, err := s.db.Draw(ctx, in.ID)
	return oneOf(d.Version, drawView(d)), err
}

func (s *Server) carryOutDraw(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Beacon string `json:"beacon,omitempty" maxLength:"100" doc:"A number that nobody could know when the draw was made, such as that of a public lottery of today."`
	}
}) (*one[InspectionDraw], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	d, err := s.app.CarryOutDraw(ctx, actor(ctx), in.ID, version, in.Body.Beacon)
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			d, err := s.db.Draw(ctx, in.ID)
			return drawView(d), d.Version, err
		})
	}
	return oneOf(d.Version, drawView(d)), nil
}

func (s *Server) listInspectionLines(ctx context.Context, in *struct {
	Paging
	Draw   string `query:"draw" maxLength:"64"`
	Result string `query:"result" enum:"open,ok,discrepancy,not_found"`
	City   string `query:"city" pattern:"^\\d{6}$"`
}) (*listOut[InspectionLine], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := s.db.InspectionLines(ctx, actor(ctx).Scope, store.LineFilter{DrawID: in.Draw, Result: in.Result, City: in.City}, page)
	return listOf(list, in.Limit, func(l store.InspectionLine) string { return l.ID }, inspectionLineView), err
}

func (s *Server) getInspectionLine(ctx context.Context, in *ByID) (*one[InspectionLine], error) {
	l, err := s.db.InspectionLine(ctx, actor(ctx).Scope, in.ID)
	return oneOf(l.Version, inspectionLineView(l)), err
}

func (s *Server) recordInspection(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Result string `json:"result" enum:"ok,discrepancy,not_found"`
		Note   string `json:"note,omitempty" maxLength:"1000"`
	}
}) (*one[InspectionLine], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	l, err := s.app.RecordInspection(ctx, actor(ctx), in.ID, version, in.Body.Result, in.Body.Note)
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			l, err := s.db.InspectionLine(ctx, actor(ctx).Scope, in.ID)
			return inspectionLineView(l), l.Version, err
		})
	}
	return oneOf(l.Version, inspectionLineView(l)), nil
}

func (s *Server) attachInspectionPhoto(ctx context.Context, in *fileIn) (*created[File], error) {
	form := in.RawBody.Data()
	defer func() { _ = form.File.Close() }()
	return create(ctx, in.Keyed, "attach-inspection-photo", []any{in.ID, form.File.Filename, form.File.Size},
		func(ctx context.Context, by access.Actor) (store.File, error) {
			return s.app.AttachInspectionPhoto(ctx, by, in.ID, app.Upload{Name: form.File.Filename, Data: form.File})
		},
		fileView, func(File) string { return "/inspection-lines/" + in.ID }, func(File) int64 { return 1 })
}

func (s *Server) publicDraw(ctx context.Context, in *ByID) (*struct{ Body PublicDraw }, error) {
	d, err := s.db.Draw(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	v := drawView(d)
	return &struct{ Body PublicDraw }{PublicDraw{v.ID, v.Name, v.From, v.To, v.PerCity, v.State, v.SeedHash, v.Seed, v.Beacon, strings.Split(d.Cities, ","), v.Population, v.PopulationHash}}, nil
}

func (s *Server) publicDrawList(ctx context.Context, in *ByID) (*bytesOut, error) {
	d, err := s.db.Draw(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	lines, err := s.db.PopulationOf(ctx, d)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	_ = out.Write([]string{"retirement_id", "city_code", "weight", "reasons", "drawn", "team_city"})
	for _, l := range lines {
		var reasons []string
		for _, r := range l.ReasonsOf() {
			reasons = append(reasons, fmt.Sprintf("%s+%d", r.Code, r.Points))
		}
		_ = out.Write([]string{l.RetirementID, l.CityCode, strconv.Itoa(l.Weight), strings.Join(reasons, " "), strconv.FormatBool(l.Chosen), l.TeamCity})
	}
	out.Flush()
	return download("draw-"+d.ID+".csv", "text/csv", b.Bytes()), out.Error()
}

func (s *Server) checkCertificate(ctx context.Context, in *struct {
	Number string `query:"number" required:"true" minLength:"1" maxLength:"100" doc:"As it stands on the certificate; case, blanks and hyphens do not matter."`
}) (*struct{ Body PublicCertificate }, error) {
	state, on, err := s.db.CertificateStanding(ctx, yard.CertificateKey(in.Number))
	if err != nil {
		return nil, err
	}
	return &struct{ Body PublicCertificate }{PublicCertificate{state, on}}, nil
}
