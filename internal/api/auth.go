package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/civil"
)

// Tokens is what a log-in gives.
type Tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type" example:"Bearer"`
	ExpiresIn    int    `json:"expires_in" doc:"Seconds." example:"900"`
	RefreshToken string `json:"refresh_token" doc:"Good for one refresh; using it twice ends the session."`
}

type tokensOut struct{ Body Tokens }

func tokensOf(g app.Grant) *tokensOut {
	return &tokensOut{Tokens{g.AccessToken, "Bearer", int(g.ExpiresIn.Seconds()), g.RefreshToken}}
}

// Clock says what time it is for the program.
type Clock struct {
	Now        time.Time `json:"now"`
	Today      civil.Day `json:"today" format:"date" doc:"The legal date, in Asia/Shanghai."`
	Overridden bool      `json:"overridden" doc:"The clock was set to run from another instant."`
}

// Me is the user who asks.
type Me struct {
	ID           string      `json:"id"`
	Username     string      `json:"username"`
	DisplayName  string      `json:"display_name"`
	Role         access.Role `json:"role" enum:"clerk,reviewer,finance,province,auditor,admin,yard"`
	ScopeCode    string      `json:"scope_code"`
	ScopeName    Name        `json:"scope_name"`
	CityCode     *string     `json:"city_code"`
	DistrictCode *string     `json:"district_code"`
	Permissions  []string    `json:"permissions" doc:"Operation ids that the role may use."`
	Clock        Clock       `json:"clock"`
}

// System is what anybody may know of the program.
type System struct {
	Version         string    `json:"version"`
	Today           civil.Day `json:"today" format:"date"`
	ClockOverridden bool      `json:"clock_overridden"`
	Demo            bool      `json:"demo" doc:"The database holds demonstration data."`
}

func (s *Server) authRoutes() {
	route(s, operation("login", http.MethodPost, "/auth/login", "auth", "Log in"), s.login)
	route(s, operation("refresh", http.MethodPost, "/auth/refresh", "auth", "Turn a refresh token into new tokens"), s.refresh)
	logout := operation("logout", http.MethodPost, "/auth/logout", "auth", "End the session of a refresh token")
	logout.DefaultStatus = http.StatusNoContent
	route(s, logout, s.logout)
	password := operation("change-password", http.MethodPost, "/auth/password", "auth", "Change one's own password")
	password.DefaultStatus = http.StatusNoContent
	route(s, password, s.changePassword)
	route(s, operation("get-me", http.MethodGet, "/me", "auth", "Who is logged in, and what may they do"), s.me)
	route(s, operation("get-system", http.MethodGet, "/system", "auth", "Version and legal date"), s.system)
}

func (s *Server) login(ctx context.Context, in *struct {
	Body struct {
		Username string `json:"username" minLength:"1" maxLength:"64"`
		Password string `json:"password" minLength:"1" maxLength:"1024"`
	}
}) (*tokensOut, error) {
	g, err := s.app.Login(ctx, in.Body.Username, in.Body.Password, requestID(ctx))
	return tokensOf(g), err
}

type refreshIn struct {
	Body struct {
		RefreshToken string `json:"refresh_token" minLength:"1" maxLength:"200"`
	}
}

func (s *Server) refresh(ctx context.Context, in *refreshIn) (*tokensOut, error) {
	g, err := s.app.Refresh(ctx, in.Body.RefreshToken, requestID(ctx))
	return tokensOf(g), err
}

func (s *Server) logout(ctx context.Context, in *refreshIn) (*struct{}, error) {
	return nil, s.app.Logout(ctx, in.Body.RefreshToken, requestID(ctx))
}

func (s *Server) changePassword(ctx context.Context, in *struct {
	Body struct {
		CurrentPassword string `json:"current_password" minLength:"1" maxLength:"1024"`
		NewPassword     string `json:"new_password" minLength:"1" maxLength:"1024"`
	}
}) (*struct{}, error) {
	return nil, s.app.ChangePassword(ctx, actor(ctx), in.Body.CurrentPassword, in.Body.NewPassword)
}

func (s *Server) me(ctx context.Context, _ *struct{}) (*struct{ Body Me }, error) {
	by := actor(ctx)
	user, err := s.db.User(ctx, by.ID)
	if err != nil {
		return nil, err
	}
	region, _ := s.app.Reference.Region(by.Scope.Code())
	me := Me{ID: user.ID, Username: user.Username, DisplayName: user.DisplayName, Role: user.Role, ScopeCode: user.ScopeCode,
		ScopeName: Name{region.Name, region.NameEN}, CityCode: optional(by.Scope.City()), DistrictCode: optional(by.Scope.District()),
		Clock: Clock{s.db.Now(), s.app.Today(), s.ClockOverridden}}
	for _, op := range access.Operations(by.Role) {
		me.Permissions = append(me.Permissions, string(op))
	}
	slices.Sort(me.Permissions)
	return &struct{ Body Me }{me}, nil
}

func (s *Server) system(context.Context, *struct{}) (*struct{ Body System }, error) {
	return &struct{ Body System }{System{s.Version, s.app.Today(), s.ClockOverridden, s.Demo}}, nil
}

// optional returns nil for the empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
