package api

import (
	"context"
	"net/http"

	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// Label is what stands on the label of an asset.
type Label struct {
	AssetID  string         `json:"asset_id" doc:"System number."`
	Code     string         `json:"code" doc:"Public code: random, 12 signs in Crockford's base 32, the last of which checks the others." example:"7K3MX90QVRTB"`
	Label    string         `json:"label" doc:"Plate, serial number or ship name."`
	Class    registry.Class `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	CityCode string         `json:"city_code"`
}

// PublicLabel is all that the public is told of the asset with a code.
type PublicLabel struct {
	Code      string          `json:"code"`
	Class     registry.Class  `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	ClassName Name            `json:"class_name"`
	CityName  Name            `json:"city_name"`
	Status    registry.Status `json:"status" enum:"in_use,handed_in,dismantled,deregistered,moved_out,converted,plate_void"`
	StatusOn  civil.Day       `json:"status_on,omitempty" doc:"Since when; of an asset in use, the day on which it was registered here."`
}

const labelsPerMinute = 60

func (s *Server) labelRoutes() {
	route(s, operation("get-label", http.MethodGet, "/assets/{id}/label", "assets", "The label of a record; its public code is made when it is first asked for"), s.getLabel)
	list := operation("list-labels", http.MethodGet, "/labels", "assets", "The labels of up to 100 records")
	list.Errors = append(list.Errors, http.StatusNotFound)
	route(s, list, s.listLabels)
	route(s, operation("find-label", http.MethodGet, "/labels/{code}", "assets", "Which record of one's own area a label belongs to"), s.findLabel)
	route(s, s.limited(operation("get-public-label", http.MethodGet, "/public/labels/{code}", "public", "What a label says to everyone")), s.publicLabel)
}

func labelView(l app.Label) Label {
	return Label{AssetID: l.ID, Code: l.Code, Label: l.Label, Class: l.Class, CityCode: l.CityCode}
}

func (s *Server) getLabel(ctx context.Context, in *ByID) (*struct{ Body Label }, error) {
	labels, err := s.app.Labels(ctx, actor(ctx), []string{in.ID})
	if err != nil {
		return nil, err
	}
	return &struct{ Body Label }{labelView(labels[0])}, nil
}

func (s *Server) listLabels(ctx context.Context, in *struct {
	Assets []string `query:"assets" required:"true" minItems:"1" maxItems:"100" doc:"System numbers, separated by commas."`
}) (*listOut[Label], error) {
	seen := map[string]bool{}
	for _, id := range in.Assets {
		if seen[id] {
			return nil, fault.Field("query.assets", "repeated", bilingual.T("同一记录出现了两次", "a record is named twice"), bilingual.T("每条记录只列一次", "name each record once"))
		}
		seen[id] = true
	}
	labels, err := s.app.Labels(ctx, actor(ctx), in.Assets)
	if err != nil {
		return nil, err
	}
	return listOf(labels, len(labels), func(l app.Label) string { return l.ID }, labelView), nil
}

// ByCode is the part of an input that names a label.
type ByCode struct {
	Code string `path:"code" maxLength:"40" doc:"As it stands on the label; case, blanks and hyphens do not matter."`
}

func (s *Server) findLabel(ctx context.Context, in *ByCode) (*struct{ Body Label }, error) {
	a, err := s.app.LabelledAsset(ctx, actor(ctx).Scope, in.Code)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Label }{labelView(app.Label{AssetRecord: a, Code: in.Code})}, nil
}

func (s *Server) publicLabel(ctx context.Context, in *ByCode) (*struct{ Body PublicLabel }, error) {
	standing, err := s.app.LabelStanding(ctx, in.Code)
	if err != nil {
		return nil, err
	}
	name := func(kind, code string) Name { return nameOf(s.app.Reference.Name("", kind, code)) }
	return &struct{ Body PublicLabel }{PublicLabel{Code: in.Code, Class: standing.Class, ClassName: name("class", string(standing.Class)),
		CityName: name("city", standing.CityCode), Status: standing.Status, StatusOn: standing.StatusOn}}, nil
}
