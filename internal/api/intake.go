package api

import (
	"context"
	"net/http"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// IntakeLine is what a yard sees of an asset that it takes apart: what stands on
// the certificate that it issued, and what it still has to do.
type IntakeLine struct {
	ID             string         `json:"id"`
	AssetLabel     string         `json:"asset_label" doc:"Plate, serial number or ship name."`
	Class          registry.Class `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	CertificateNo  string         `json:"certificate_no,omitempty"`
	HandedInOn     civil.Day      `json:"handed_in_on,omitempty"`
	DismantledOn   civil.Day      `json:"dismantled_on,omitempty"`
	DeregisteredOn civil.Day      `json:"deregistered_on,omitempty"`
	Standing       string         `json:"standing" enum:"declared,received,dismantled,deregistered,verified,returned,withdrawn"`
	Next           string         `json:"next,omitempty" enum:"received,dismantled" doc:"The step that the yard logs next."`
	ReturnReason   string         `json:"return_reason,omitempty"`
	Photos         []EvidenceItem `json:"photos" doc:"The photos and scans that are wanted, and which are there."`
	Version        int64          `json:"version"`
}

func intakeView(c app.Case) IntakeLine {
	v := IntakeLine{ID: c.ID, AssetLabel: c.AssetLabel, Class: c.Class, CertificateNo: c.CertificateNo, HandedInOn: c.HandedInOn, DismantledOn: c.DismantledOn,
		DeregisteredOn: c.DeregisteredOn, Standing: string(c.Standing()), ReturnReason: c.ReturnReason, Photos: []EvidenceItem{}, Version: c.Version}
	if retirement.MayLog(access.Yard, c.Next) {
		v.Next = string(c.Next)
	}
	for _, i := range c.Evidence {
		if i.Kind == "file" && (i.Phase != "" || i.Code == "certificate") {
			v.Photos = append(v.Photos, EvidenceItem{Code: i.Code, Name: nameOf(i.Name), Kind: i.Kind, Required: i.Required, Present: i.Present, FileIDs: i.FileIDs, Before: i.Before, Phase: i.Phase, Waived: i.Waived})
		}
	}
	return v
}

func (s *Server) intakeRoutes() {
	route(s, operation("get-own-yard", http.MethodGet, "/yard", "yard account", "The yard of the account"), s.ownYard)
	route(s, operation("list-intake", http.MethodGet, "/intake", "yard account", "What the yard took in or is to take in, newest first"), s.listIntake)
	route(s, operation("get-intake", http.MethodGet, "/intake/{id}", "yard account", "One line of the yard's intake"), s.getIntake)
	step := changes(operation("log-intake-step", http.MethodPost, "/intake/{id}/steps", "yard account", "Log that it was received or dismantled"))
	step.DefaultStatus = http.StatusOK
	route(s, step, s.logIntakeStep)
	route(s, uploads("attach-intake-file", "/intake/{id}/files", "Put a photo or a certificate on a line of the intake"), s.attachIntakeFile)
}

func (s *Server) ownYard(ctx context.Context, _ *struct{}) (*one[Yard], error) {
	scope := actor(ctx).Scope
	y, err := s.db.Yard(ctx, scope, scope.Yard())
	return oneOf(y.Version, s.yardView(y)), err
}

func (s *Server) listIntake(ctx context.Context, in *struct {
	Paging
	Standing string `query:"standing" enum:"declared,received,dismantled,deregistered,verified,returned,withdrawn"`
}) (*listOut[IntakeLine], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Intake(ctx, actor(ctx).Scope, in.Standing, page)
	if err != nil {
		return nil, err
	}
	cases, err := s.app.Intake(ctx, rows)
	return listOf(cases, in.Limit, func(c app.Case) string { return c.ID }, intakeView), err
}

func (s *Server) intakeLine(ctx context.Context, id string) (IntakeLine, error) {
	r, err := s.db.IntakeLine(ctx, actor(ctx).Scope, id)
	if err != nil {
		return IntakeLine{}, err
	}
	cases, err := s.app.Intake(ctx, []retirement.Retirement{r})
	if err != nil {
		return IntakeLine{}, err
	}
	return intakeView(cases[0]), nil
}

func (s *Server) getIntake(ctx context.Context, in *ByID) (*one[IntakeLine], error) {
	v, err := s.intakeLine(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) logIntakeStep(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Step    string    `json:"step" enum:"received,dismantled"`
		On      civil.Day `json:"on" maxLength:"10"`
		Note    string    `json:"note,omitempty" maxLength:"500"`
		FileIDs []string  `json:"file_ids,omitempty" maxItems:"50"`
	}
}) (*one[IntakeLine], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.LogIntakeStep(ctx, actor(ctx), in.ID, version, app.LoggedStep{Step: retirement.Deed(in.Body.Step), On: in.Body.On, Note: in.Body.Note, FileIDs: in.Body.FileIDs})
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.intakeLine(ctx, in.ID)
			return v, v.Version, err
		})
	}
	return s.getIntake(ctx, &in.ByID)
}

func (s *Server) attachIntakeFile(ctx context.Context, in *fileIn) (*created[File], error) {
	form := in.RawBody.Data()
	defer func() { _ = form.File.Close() }()
	return create(ctx, in.Keyed, "attach-intake-file", []any{in.ID, form.Kind, form.File.Filename, form.File.Size},
		func(ctx context.Context, by access.Actor) (store.File, error) {
			return s.app.AttachIntakeFile(ctx, by, in.ID, app.Upload{Kind: form.Kind, Name: form.File.Filename, Data: form.File})
		},
		fileView, func(f File) string { return "/files/" + f.ID + "/content" }, func(File) int64 { return 1 })
}
