// Package api serves the HTTP API and the console. A handler translates
// between HTTP and the use cases and decides nothing.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/store"
)

// Options is what a server needs.
type Options struct {
	App             *app.App
	Version         string
	ClockOverridden bool
	Demo            bool
	Console         http.Handler // the built SPA
	Log             *slog.Logger
	TrustedProxies  []string

	RequestsPerMinute int // of one account, or one address without an account; 0 for no limit

	Stopping <-chan struct{} // closed when the server is to stop; ends what is streamed
}

// Server is the HTTP side of the program.
type Server struct {
	Options
	app     *app.App
	db      *store.DB
	engine  *gin.Engine
	api     huma.API
	metrics *metrics
	clients *limiter // of all operations; nil for no limit
}

// base is the path under which the API lies.
const base = "/api/v1"

// New builds the server. It panics if an operation has no access rule, so that
// none can be served without one.
func New(o Options) *Server {
	gin.SetMode(gin.ReleaseMode)
	s := &Server{Options: o, app: o.App, db: o.App.DB, engine: gin.New(), metrics: newMetrics()}
	s.metrics.registry.MustRegister(upkeepMetrics{s})
	if o.RequestsPerMinute > 0 {
		s.clients = newLimiter(o.RequestsPerMinute)
	}
	if err := s.engine.SetTrustedProxies(o.TrustedProxies); err != nil {
		panic(err) // settings are checked before
	}
	s.engine.HandleMethodNotAllowed = true
	s.engine.ContextWithFallback = true
	s.engine.Use(s.identify, s.observe, s.recover, secureHeaders, s.strictBody)
	s.engine.NoRoute(s.noRoute)
	s.engine.NoMethod(func(c *gin.Context) {
		s.refuse(c, http.StatusMethodNotAllowed, "method_not_allowed", bilingual.T("不支持该请求方法", "this method is not supported here"))
	})

	cfg := huma.DefaultConfig("phaseout", o.Version)
	cfg.Info.Description = "Registry of old diesel trucks, non-road machines, farm machines and vessels and of how each left service. " +
		"老旧车船机械淘汰登记系统。"
	cfg.DocsPath = ""
	cfg.OpenAPIPath = "/openapi"
	cfg.SchemasPath = ""
	cfg.CreateHooks = nil
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "Access token from POST /api/v1/auth/login."},
	}
	cfg.Servers = nil
	huma.ValidateStrictCasing = true
	huma.NewErrorWithContext = newProblem
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return newProblem(nil, status, message, errs...)
	}
	s.api = humagin.New(s.engine, cfg)
	s.api.UseMiddleware(s.authorize)

	s.authRoutes()
	s.referenceRoutes()
	s.assetRoutes()
	s.engineRoutes()
	s.ownerRoutes()
	s.cohortRoutes()
	s.qualityRoutes()
	s.historyRoutes()
	s.comparisonRoutes()
	s.duplicateRoutes()
	s.yardRoutes()
	s.photoRoutes()
	s.intakeRoutes()
	s.inspectionRoutes()
	s.sightingRoutes()
	s.caseRoutes()
	s.transferRoutes()
	s.fileRoutes()
	s.retirementRoutes()
	s.retirementStepRoutes()
	s.retirementRequestRoutes()
	s.preCheckRoutes()
	s.exportRoutes()
	s.labelRoutes()
	s.viewRoutes()
	s.importRoutes()
	s.programRoutes()
	s.ruleRunRoutes()
	s.applicationRoutes()
	s.noticeRoutes()
	s.signalRoutes()
	s.batchRoutes()
	s.fundsRoutes()
	s.targetRoutes()
	s.progressRoutes()
	s.balanceRoutes()
	s.baselineRoutes()
	s.sheetRoutes()
	s.paceRoutes()
	s.emissionRoutes()
	s.userRoutes()
	s.auditRoutes()
	s.upkeepRoutes()

	s.engine.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	s.engine.GET("/readyz", s.ready)
	s.engine.GET("/metrics", gin.WrapH(s.metrics.handler()))
	return s
}

// Handler returns the server's routes.
func (s *Server) Handler() http.Handler { return s.engine }

// OpenAPI returns the document that the typed handlers make.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.api.OpenAPI() }

// route registers one operation. Errors become problems; the operation must
// have a rule in the access table.
func route[I, O any](s *Server, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	if !access.Known(access.Operation(op.OperationID)) {
		panic("api: operation " + op.OperationID + " has no access rule")
	}
	op.Path = base + op.Path
	op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusUnprocessableEntity)
	op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusTooManyRequests)
	if !access.Public(access.Operation(op.OperationID)) {
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Errors = append(op.Errors, http.StatusForbidden)
	}
	if strings.Contains(op.Path, "{") {
		op.Errors = append(op.Errors, http.StatusNotFound)
	}
	switch op.Method {
	case http.MethodPost:
		op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge)
	case http.MethodPatch, http.MethodDelete:
		op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnsupportedMediaType)
	}
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = maxJSON
	}
	whole := wholeList[I, O](op.Method)
	if whole {
		op.Parameters = append(op.Parameters, wholeListParameters()...)
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err == nil && whole {
			err = cut(ctx, out)
		}
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// operation names an operation; the tag groups it in the document.
func operation(id, method, path, tag, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary}
}

// changes marks an operation as a change of a record that must name the
// version it is based on.
func changes(op huma.Operation) huma.Operation {
	op.Errors = append(op.Errors, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	return op
}

type contextKey int

const (
	actorKey contextKey = iota
	langKey
	requestKey
	replayKey
	windowKey
)

// actor returns who asks. The access check has put it there.
func actor(ctx context.Context) access.Actor {
	a, _ := ctx.Value(actorKey).(access.Actor)
	return a
}

// lang returns the language of the answer.
func lang(ctx context.Context) bilingual.Lang {
	l, ok := ctx.Value(langKey).(bilingual.Lang)
	if !ok {
		return bilingual.ZH
	}
	return l
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey).(string)
	return id
}

// authorize is the one place where a request gets its actor and an operation
// its permission. Unknown query parameters are refused here as well: a filter
// with a slip in its name must not answer with everything.
func (s *Server) authorize(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	if s.unknownParameter(ctx, op) {
		return
	}
	ctx = huma.WithValue(ctx, windowKey, window{ctx.Query("limit"), ctx.Query("cursor")})
	id := access.Operation(op.OperationID)
	if access.Public(id) {
		if !s.tooMany(ctx, s.clients, address(ctx)) {
			next(ctx)
		}
		return
	}
	scheme, token, _ := strings.Cut(ctx.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > 4096 {
		if s.tooMany(ctx, s.clients, address(ctx)) {
			return
		}
		ctx.SetHeader("WWW-Authenticate", "Bearer")
		s.write(ctx, s.problem(ctx.Context(), store.Unauthorized()))
		return
	}
	authenticate := s.app.Authenticate
	if access.Keyed(id) && strings.HasPrefix(token, "psk_") {
		authenticate = s.app.AuthenticateKey
	}
	by, err := authenticate(ctx.Context(), token, requestID(ctx.Context()))
	client := "account " + by.ID
	if err != nil {
		client = address(ctx)
	}
	if s.tooMany(ctx, s.clients, client) {
		return
	}
	if err == nil && by.Role != access.Key && !access.Permit(by.Role, id) {
		err = forbidden(by.Role, id)
	}
	if err != nil {
		s.write(ctx, s.problem(ctx.Context(), err))
		return
	}
	next(huma.WithValue(ctx, actorKey, by))
}

// ready says whether the server can do its work: the database answers and its
// schema is the program's.
func (s *Server) ready(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), 3*time.Second)
	defer cancel()
	pending, err := s.db.Pending(ctx)
	if err == nil && !pending {
		err = s.db.Ping(ctx)
	}
	if err != nil || pending {
		s.Log.Error("not ready", "error", err, "migrations_pending", pending)
		c.String(http.StatusServiceUnavailable, "not ready\n")
		return
	}
	c.String(http.StatusOK, "ready\n")
}

// noRoute answers unknown paths of the API with a problem and leaves the rest
// to the console.
func (s *Server) noRoute(c *gin.Context) {
	if strings.HasPrefix(c.Request.URL.Path, "/api/") || s.Console == nil {
		s.refuse(c, http.StatusNotFound, "not_found", bilingual.T("没有找到该地址", "there is nothing at this address"))
		return
	}
	if isPage(c.Request) {
		c.Redirect(http.StatusFound, "/#"+c.Request.URL.RequestURI())
		return
	}
	c.Status(http.StatusOK)
	s.Console.ServeHTTP(c.Writer, c.Request)
}

// isPage reports whether a person's browser asks for a page of the console by
// its bare address; the console has it behind "#".
func isPage(r *http.Request) bool {
	page := r.URL.Path
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") && page != "/" && path.Ext(page) == "" && page != "/docs" && page != "/docs/"
}
