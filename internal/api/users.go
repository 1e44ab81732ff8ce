package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/store"
)

// User is an account.
type User struct {
	ID          string      `json:"id"`
	Username    string      `json:"username"`
	DisplayName string      `json:"display_name"`
	Role        access.Role `json:"role" enum:"clerk,reviewer,finance,province,auditor,admin,yard"`
	ScopeCode   string      `json:"scope_code" doc:"430000 the province, 430100 a city, 430102 a district."`
	YardID      string      `json:"yard_id,omitempty" doc:"Of a yard's account: the yard it is bound to."`
	Disabled    bool        `json:"disabled"`
	CreatedAt   time.Time   `json:"created_at"`
	Version     int64       `json:"version"`
}

func userView(u store.User) User {
	return User{u.ID, u.Username, u.DisplayName, u.Role, u.ScopeCode, u.YardID, u.Disabled, u.CreatedAt, u.Version}
}

func (s *Server) userRoutes() {
	route(s, operation("list-users", http.MethodGet, "/users", "administration", "Accounts by user name"), s.listUsers)
	create := operation("create-user", http.MethodPost, "/users", "administration", "Add an account")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createUser)
	route(s, changes(operation("update-user", http.MethodPatch, "/users/{id}", "administration", "Change an account")), s.updateUser)
}

func (s *Server) auditRoutes() {
	route(s, operation("list-audit", http.MethodGet, "/audit", "administration", "Every change, newest first"), s.listAudit)
}

func (s *Server) listUsers(ctx context.Context, in *Paging) (*listOut[User], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Users(ctx, page)
	return listOf(rows, in.Limit, func(u store.User) string { return u.Username }, userView), err
}

func (s *Server) createUser(ctx context.Context, in *struct {
	Keyed
	Body struct {
		Username    string      `json:"username" minLength:"1" maxLength:"64"`
		DisplayName string      `json:"display_name,omitempty" maxLength:"100"`
		Role        access.Role `json:"role" enum:"clerk,reviewer,finance,province,auditor,admin,yard"`
		ScopeCode   string      `json:"scope_code" pattern:"^\\d{6}$"`
		YardID      string      `json:"yard_id,omitempty" maxLength:"64" doc:"Required for the role yard."`
		Password    string      `json:"password" minLength:"1" maxLength:"1024"`
	}
}) (*created[User], error) {
	b := in.Body
	return create(ctx, in.Keyed, "create-user", b,
		func(ctx context.Context, by access.Actor) (store.User, error) {
			return s.app.CreateUser(ctx, by, app.Account{Username: b.Username, DisplayName: &b.DisplayName, Role: &b.Role, ScopeCode: &b.ScopeCode, YardID: &b.YardID, Password: &b.Password})
		},
		userView, func(u User) string { return "/users/" + u.ID }, func(u User) int64 { return u.Version })
}

func (s *Server) updateUser(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		DisplayName *string      `json:"display_name,omitempty" maxLength:"100"`
		Role        *access.Role `json:"role,omitempty" enum:"clerk,reviewer,finance,province,auditor,admin,yard"`
		ScopeCode   *string      `json:"scope_code,omitempty" pattern:"^\\d{6}$"`
		YardID      *string      `json:"yard_id,omitempty" maxLength:"64"`
		Disabled    *bool        `json:"disabled,omitempty"`
		Password    *string      `json:"password,omitempty" minLength:"1" maxLength:"1024"`
	}
}) (*one[User], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	b := in.Body
	u, err := s.app.UpdateUser(ctx, actor(ctx), in.ID, version, app.Account{DisplayName: b.DisplayName, Role: b.Role, ScopeCode: b.ScopeCode, YardID: b.YardID, Disabled: b.Disabled, Password: b.Password})
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			u, err := s.db.User(ctx, in.ID)
			return userView(u), u.Version, err
		})
	}
	return oneOf(u.Version, userView(u)), nil
}

func (s *Server) listAudit(ctx context.Context, in *struct {
	Paging
	Entity   string `query:"entity" maxLength:"40"`
	EntityID string `query:"entity_id" maxLength:"64"`
	Actor    string `query:"actor" maxLength:"64"`
}) (*listOut[HistoryEvent], error) {
	return s.events(ctx, in.Paging, store.EventFilter{Entity: in.Entity, EntityID: in.EntityID, ActorID: in.Actor}, "")
}
