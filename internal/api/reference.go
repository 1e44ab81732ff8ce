package api

import (
	"context"
	"net/http"

	"phaseout/internal/bilingual"
	"phaseout/internal/registry"
)

// Name is a name in both languages.
type Name struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

func nameOf(t bilingual.Text) Name { return Name{t.ZH, t.EN} }

// Region is a city or a district.
type Region struct {
	Code        string `json:"code" doc:"GB/T 2260." example:"430100"`
	Name        Name   `json:"name"`
	ParentCode  string `json:"parent_code"`
	Level       string `json:"level" enum:"province,city,district"`
	PlatePrefix string `json:"plate_prefix,omitempty" example:"湘A"`
}

// Option is one entry of a dictionary.
type Option struct {
	Code  string `json:"code"`
	Name  Name   `json:"name"`
	Group string `json:"group,omitempty"`
}

// Field describes one field of a class: the form, the import and the API use
// this one definition.
type Field struct {
	Key        string   `json:"key"`
	Name       Name     `json:"name"`
	Type       string   `json:"type" enum:"text,day,integer,decimal,option,district"`
	Required   bool     `json:"required"`
	Unit       string   `json:"unit,omitempty"`
	Options    []Option `json:"options,omitempty"`
	Pattern    string   `json:"pattern,omitempty"`
	Hint       Name     `json:"hint"`
	Secret     bool     `json:"secret" doc:"Masked wherever it is shown."`
	Identifier bool     `json:"identifier"`
	Min        float64  `json:"min,omitempty"`
	Max        float64  `json:"max,omitempty"`
}

// EvidenceSpec is one thing that a way out wants as proof.
type EvidenceSpec struct {
	Code     string `json:"code"`
	Name     Name   `json:"name"`
	Kind     string `json:"kind" enum:"field,file"`
	Required bool   `json:"required"`
	Before   string `json:"before,omitempty" doc:"Step that waits for it."`
	Phase    string `json:"phase,omitempty" doc:"Of a photo: before, during or after the dismantling."`
}

// WayOut is one way in which an asset of a class leaves service.
type WayOut struct {
	Code     string         `json:"code"`
	Name     Name           `json:"name"`
	CountsAs string         `json:"counts_as" enum:"retired,converted,moved,other"`
	Evidence []EvidenceSpec `json:"evidence"`
	Steps    []string       `json:"steps" doc:"The dated steps in their order."`
	MinStage string         `json:"min_stage,omitempty" doc:"Least stage of a new engine."`
}

// Class is the profile of one class of assets.
type Class struct {
	Code       registry.Class `json:"code"`
	Name       Name           `json:"name"`
	Unit       Name           `json:"unit"`
	Fields     []Field        `json:"fields"`
	ListFields []Field        `json:"list_fields" doc:"Columns of a list of retirements of the class, such as a yard's of a month."`
	Categories []Option       `json:"categories"`
	Stages     []Option       `json:"stages"`
	WaysOut    []WayOut       `json:"ways_out"`
	Drivers    []Option       `json:"drivers"`
	Keys       [][]string     `json:"keys" doc:"Natural keys: the fields that together say which asset a row is about. A row is matched by each of them; one that meets two records is matched with neither."`
}

func (s *Server) referenceRoutes() {
	route(s, operation("list-regions", http.MethodGet, "/regions", "reference", "Cities and districts"), s.listRegions)
	route(s, operation("list-classes", http.MethodGet, "/classes", "reference", "Classes with their fields, dictionaries and ways out"), s.listClasses)
}

func (s *Server) listRegions(context.Context, *struct{}) (*listOut[Region], error) {
	out := &listOut[Region]{}
	for _, r := range s.app.Reference.Regions() {
		out.Body.Items = append(out.Body.Items, Region{r.Code, Name{r.Name, r.NameEN}, r.ParentCode, r.Level, r.PlatePrefix})
	}
	return out, nil
}

func (s *Server) listClasses(context.Context, *struct{}) (*listOut[Class], error) {
	out := &listOut[Class]{}
	for _, spec := range registry.Classes() {
		out.Body.Items = append(out.Body.Items, classView(s.app.Reference.SpecWithOptions(spec.Class)))
	}
	return out, nil
}

func classView(spec registry.Spec) Class {
	c := Class{Code: spec.Class, Name: nameOf(spec.Name), Unit: nameOf(spec.Unit), Categories: optionViews(spec.Categories),
		Stages: optionViews(spec.Stages), Drivers: optionViews(spec.Drivers), Fields: fieldViews(spec.Fields), WaysOut: []WayOut{}, Keys: spec.Keys}
	list, _ := registry.SpecOf(registry.ListClass(spec.Class))
	c.ListFields = fieldViews(list.Fields)
	for _, w := range spec.WaysOut {
		way := WayOut{Code: w.Code, Name: nameOf(w.Name), CountsAs: w.CountsAs, Evidence: []EvidenceSpec{}, Steps: []string{}, MinStage: w.MinStage}
		for _, step := range w.Steps {
			way.Steps = append(way.Steps, step.Code)
		}
		for _, e := range w.Evidence {
			way.Evidence = append(way.Evidence, EvidenceSpec{e.Code, nameOf(e.Name), e.Kind, e.Required, e.Before, e.Phase})
		}
		c.WaysOut = append(c.WaysOut, way)
	}
	return c
}

func fieldViews(fields []registry.FieldSpec) []Field {
	views := make([]Field, len(fields))
	for i, f := range fields {
		views[i] = Field{Key: f.Key, Name: nameOf(f.Name), Type: string(f.Type), Required: f.Required, Unit: f.Unit,
			Options: optionViews(f.Options), Pattern: f.Pattern, Hint: nameOf(f.Hint), Secret: f.Secret, Identifier: f.Identifier, Min: f.Min, Max: f.Max}
	}
	return views
}

func optionViews(options []registry.Option) []Option {
	views := make([]Option, len(options))
	for i, o := range options {
		views[i] = Option{o.Code, nameOf(o.Name), o.Group}
	}
	return views
}
