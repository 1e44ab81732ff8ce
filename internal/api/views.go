package api

import (
	"context"
	"net/http"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/store"
)

// View is a list's filter and columns under a name.
type View struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Page      string            `json:"page" enum:"assets,retirements"`
	Query     map[string]string `json:"query" doc:"The filter, as the list's query parameters."`
	Columns   []string          `json:"columns"`
	Shared    bool              `json:"shared" doc:"With everyone of the owner's city, or of the province."`
	Mine      bool              `json:"mine" doc:"Only its owner may change a view."`
	OwnerName string            `json:"owner_name"`
	Version   int64             `json:"version"`
}

func (s *Server) viewRoutes() {
	route(s, operation("list-views", http.MethodGet, "/views", "views", "One's own views and those shared in one's area"), s.listViews)
	create := operation("create-view", http.MethodPost, "/views", "views", "Keep a list's filter and columns under a name")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createView)
	route(s, changes(operation("update-view", http.MethodPatch, "/views/{id}", "views", "Rename, share or replace one's own view")), s.updateView)
	route(s, changes(operation("delete-view", http.MethodDelete, "/views/{id}", "views", "Delete one's own view")), s.deleteView)
}

func viewOf(by access.Actor) func(store.View) View {
	return func(v store.View) View {
		return View{ID: v.ID, Name: v.Name, Page: v.Page, Query: v.Query, Columns: v.Columns, Shared: v.Shared, Mine: v.OwnerID == by.ID, OwnerName: v.OwnerName, Version: v.Version}
	}
}

func (s *Server) listViews(ctx context.Context, in *struct {
	Paging
	Page string `query:"page" enum:"assets,retirements" doc:"Only those of this list."`
}) (*listOut[View], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	views, err := s.db.Views(ctx, actor(ctx), in.Page, page)
	return listOf(views, in.Limit, func(v store.View) string { return v.ID }, viewOf(actor(ctx))), err
}

func (s *Server) createView(ctx context.Context, in *struct {
	Keyed
	Body struct {
		Name    string            `json:"name" maxLength:"60"`
		Page    string            `json:"page" enum:"assets,retirements"`
		Query   map[string]string `json:"query" maxProperties:"30"`
		Columns []string          `json:"columns" maxItems:"60"`
		Shared  bool              `json:"shared,omitempty"`
	}
}) (*created[View], error) {
	b := in.Body
	return create(ctx, in.Keyed, "create-view", b,
		func(ctx context.Context, by access.Actor) (store.View, error) {
			return s.app.CreateView(ctx, by, store.View{Name: b.Name, Page: b.Page, Query: b.Query, Columns: b.Columns, Shared: b.Shared})
		},
		viewOf(actor(ctx)), func(v View) string { return "/views/" + v.ID }, func(v View) int64 { return v.Version })
}

func (s *Server) updateView(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Name    *string           `json:"name,omitempty" maxLength:"60"`
		Query   map[string]string `json:"query,omitempty" maxProperties:"30"`
		Columns []string          `json:"columns,omitempty" maxItems:"60"`
		Shared  *bool             `json:"shared,omitempty"`
	}
}) (*one[View], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	v, err := s.app.AmendView(ctx, actor(ctx), in.ID, version, app.ViewChange(in.Body))
	if err != nil {
		return nil, s.viewConflict(ctx, in.ID, err)
	}
	return oneOf(v.Version, viewOf(actor(ctx))(v)), nil
}

func (s *Server) deleteView(ctx context.Context, in *struct {
	ByID
	Based
}) (*struct{}, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	return nil, s.viewConflict(ctx, in.ID, s.app.RemoveView(ctx, actor(ctx), in.ID, version))
}

func (s *Server) viewConflict(ctx context.Context, id string, err error) error {
	return s.withCurrent(ctx, err, func() (any, int64, error) {
		v, err := s.db.View(ctx, actor(ctx), id)
		return viewOf(actor(ctx))(v), v.Version, err
	})
}
