package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"phaseout/internal/bilingual"
)

// maxJSON is the size of the largest JSON body.
const maxJSON = 1 << 20

// identify gives the request its id and language. A client's own id is not
// taken: it would end up in the audit.
func (s *Server) identify(c *gin.Context) {
	id := uuid.NewString()
	ctx := context.WithValue(c.Request.Context(), requestKey, id)
	ctx = context.WithValue(ctx, langKey, bilingual.Accept(c.GetHeader("Accept-Language")))
	c.Request = c.Request.WithContext(ctx)
	c.Header("X-Request-Id", id)
	c.Next()
}

// observe logs and counts every request, by the template of its route: the
// address itself may hold a plate or a name.
func (s *Server) observe(c *gin.Context) {
	start := time.Now() //nolint:forbidigo // how long a request took is not a fact of the registry
	c.Next()
	path := c.FullPath()
	if path == "" {
		path = "(console)"
	}
	took := time.Since(start)
	status := strconv.Itoa(c.Writer.Status())
	s.metrics.requests.WithLabelValues(c.Request.Method, path, status).Inc()
	s.metrics.seconds.WithLabelValues(c.Request.Method, path).Observe(took.Seconds())
	s.Log.Info("request", "request_id", requestID(c.Request.Context()), "method", c.Request.Method, "route", path,
		"status", c.Writer.Status(), "bytes", c.Writer.Size(), "ms", float64(took.Microseconds())/1000, "client", c.ClientIP())
}

// recover answers a panic as an internal error.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		if r := recover(); r != nil {
			s.Log.Error("panic", "request_id", requestID(c.Request.Context()), "panic", r, "stack", string(debug.Stack()))
			if !c.Writer.Written() {
				p := internalError(lang(c.Request.Context()), requestID(c.Request.Context()))
				c.Header("Content-Type", p.ContentType(""))
				c.AbortWithStatusJSON(p.Status, p)
			}
		}
	}()
	c.Next()
}

// secureHeaders are those of every answer. The console loads nothing from
// elsewhere; its components set styles of their own.
func secureHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; "+
		"font-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), geolocation=(), microphone=()")
	if strings.HasPrefix(c.Request.URL.Path, "/api/") {
		h.Set("Cache-Control", "no-store")
	}
	c.Next()
}

// strictBody refuses bodies that a lenient decoder would take in its own way:
// another content type than the two that are read, names given twice, text
// after the end, depth without measure, text that cannot be kept; that in an
// address as well.
func (s *Server) strictBody(c *gin.Context) {
	r := c.Request
	if message := strictAddress(r.URL); !message.IsZero() {
		s.refuse(c, http.StatusBadRequest, "text", message)
		return
	}
	if r.Body == nil || r.Body == http.NoBody || !strings.HasPrefix(r.URL.Path, "/api/") || r.Method == http.MethodGet || r.Method == http.MethodHead {
		c.Next()
		return
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && media == "multipart/form-data" {
		r.Body = http.MaxBytesReader(c.Writer, r.Body, s.app.MaxUpload+maxJSON)
		c.Next()
		return
	}
	body, readErr := io.ReadAll(http.MaxBytesReader(c.Writer, r.Body, maxJSON))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(readErr, &tooLarge):
		s.refuse(c, http.StatusRequestEntityTooLarge, "too_large", bilingual.T("请求内容超过 1 MiB", "the body is over 1 MiB"))
		return
	case readErr != nil:
		s.refuse(c, http.StatusBadRequest, "incomplete", bilingual.T("请求没有传完整", "the request broke off"))
		return
	case len(body) == 0:
		r.Body = http.NoBody
		c.Next()
		return
	case err != nil || media != "application/json":
		s.refuse(c, http.StatusUnsupportedMediaType, "media_type", bilingual.T("请使用 Content-Type: application/json", "use Content-Type: application/json"))
		return
	}
	if message := strictJSON(body); !message.IsZero() {
		s.refuse(c, http.StatusBadRequest, "json", message)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.Next()
}

// unknownParameter refuses query parameters that the operation does not have,
// and any given twice.
func (s *Server) unknownParameter(ctx huma.Context, op *huma.Operation) bool {
	url := ctx.URL()
	for name, values := range url.Query() {
		known := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		if known && len(values) == 1 {
			continue
		}
		l := lang(ctx.Context())
		p := &Problem{Type: "/problems/invalid", Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity, Code: "invalid",
			Detail: bilingual.T("查询参数有误", "a query parameter is wrong").In(l), Instance: requestID(ctx.Context())}
		e := ProblemError{Location: "query." + name, Code: "unknown_parameter", Message: bilingual.T("没有这个查询参数", "there is no such parameter").In(l)}
		if known {
			e.Code, e.Message = "repeated", bilingual.T("查询参数重复", "the parameter is given twice").In(l)
		}
		p.Errors = []ProblemError{e}
		s.write(ctx, p)
		return true
	}
	return false
}

type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "phaseout_requests_total", Help: "Requests by route template."},
			[]string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "phaseout_request_seconds", Help: "Duration of requests by route template.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"method", "route"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
