package api

import (
	"context"
	"net/http"

	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/store"
)

// Engine is an engine that an asset has or had.
type Engine struct {
	Number  string    `json:"number"`
	Model   string    `json:"model,omitempty"`
	PowerKW string    `json:"power_kw,omitempty"`
	Stage   string    `json:"stage,omitempty"`
	FromOn  civil.Day `json:"from_on,omitempty" doc:"Absent if nobody knows."`
	ToOn    civil.Day `json:"to_on,omitempty" doc:"The day of its replacement, absent for the present one."`
}

func (s *Server) engineRoutes() {
	route(s, operation("list-asset-engines", http.MethodGet, "/assets/{id}/engines", "assets", "The engines that an asset has had"), s.assetEngines)
	replace := changes(operation("replace-engine", http.MethodPost, "/assets/{id}/engine", "assets", "Put another engine into an asset, which keeps its identity"))
	replace.DefaultStatus = http.StatusOK
	route(s, replace, s.replaceEngine)
}

func (s *Server) assetEngines(ctx context.Context, in *ByID) (*listOut[Engine], error) {
	a, err := s.db.Asset(ctx, actor(ctx).Scope, in.ID)
	if err != nil {
		return nil, err
	}
	engines, err := s.db.Engines(ctx, a)
	return listOf(engines, len(engines), func(e store.AssetEngine) string { return e.Number }, func(e store.AssetEngine) Engine {
		return Engine{e.Number, e.Model, e.PowerKW, e.Stage, e.FromOn, e.ToOn}
	}), err
}

func (s *Server) replaceEngine(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Number  string    `json:"number" minLength:"1" maxLength:"60"`
		Model   string    `json:"model,omitempty" maxLength:"60"`
		PowerKW string    `json:"power_kw,omitempty" maxLength:"20"`
		Stage   string    `json:"stage,omitempty" maxLength:"20" doc:"Of the engine; the record's own stage stays."`
		On      civil.Day `json:"on" format:"date" doc:"The day of the replacement."`
		Reason  string    `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[Asset], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	e := app.NewEngine{Number: in.Body.Number, Model: in.Body.Model, PowerKW: in.Body.PowerKW, Stage: in.Body.Stage, On: in.Body.On, Reason: in.Body.Reason}
	if _, err := s.app.ReplaceEngine(ctx, actor(ctx), in.ID, version, e); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.loadAsset(ctx, in.ID)
			return v, v.Version, err
		})
	}
	v, err := s.loadAsset(ctx, in.ID)
	return oneOf(v.Version, v), err
}
