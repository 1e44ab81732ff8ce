package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/store"
)

// Problem is every error answer (RFC 9457).
type Problem struct {
	Type           string         `json:"type" doc:"A page that explains the kind of problem." example:"/problems/invalid"`
	Title          string         `json:"title"`
	Status         int            `json:"status"`
	Detail         string         `json:"detail,omitempty" doc:"What is wrong, in the language asked for."`
	Mend           string         `json:"mend,omitempty" doc:"How to mend it."`
	Code           string         `json:"code" doc:"Stable code for programs." example:"four_eyes"`
	Instance       string         `json:"instance,omitempty" doc:"Id of the request, for the help desk."`
	Errors         []ProblemError `json:"errors,omitempty"`
	GivenVersion   *int64         `json:"given_version,omitempty"`
	CurrentVersion *int64         `json:"current_version,omitempty"`
	Current        any            `json:"current,omitempty" doc:"With 412: the record as it is now."`
	Extra          map[string]any `json:"extra,omitempty" doc:"Further facts, by code."`
}

// ProblemError is one thing that is wrong with one field.
type ProblemError struct {
	Location string `json:"location" example:"body.fields.vin"`
	Code     string `json:"code" example:"format"`
	Message  string `json:"message"`
	Mend     string `json:"mend,omitempty"`
	Value    any    `json:"value,omitempty"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus returns the HTTP status of the problem.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type of problems.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

var statusOf = map[fault.Kind]int{
	fault.Invalid: http.StatusUnprocessableEntity, fault.Unauthorized: http.StatusUnauthorized, fault.Denied: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict, fault.Stale: http.StatusPreconditionFailed,
	fault.Precondition: http.StatusPreconditionRequired, fault.TooLarge: http.StatusRequestEntityTooLarge,
	fault.Media: http.StatusUnsupportedMediaType, fault.TooMany: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable,
}

// problem makes the answer of an error. What is not meant for people is logged
// and answered as an internal error without its cause.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	var done *Problem
	if errors.As(err, &done) {
		return done
	}
	f, ok := fault.As(err)
	if !ok {
		switch {
		case errors.Is(err, context.Canceled):
			if ctx.Err() == nil { // not by the client
				s.Log.ErrorContext(ctx, "broken off", "request_id", requestID(ctx), "error", err)
			}
			f = fault.New(fault.Unavailable, "cancelled", bilingual.T("请求已取消", "the request was cancelled"))
		case store.IsUnkeepable(err): // in a part of a form, which no check before sees
			f = fault.New(fault.Invalid, "text", bilingual.T("内容含有空字符（NUL），请删除后重新提交", "there is a NUL character in a text; take it out and submit again"))
		default:
			s.Log.ErrorContext(ctx, "internal error", "request_id", requestID(ctx), "error", err)
			return internalError(lang(ctx), requestID(ctx))
		}
	}
	return faultProblem(f, lang(ctx), requestID(ctx))
}

func faultProblem(f *fault.Fault, l bilingual.Lang, request string) *Problem {
	status := statusOf[f.Kind]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	p := &Problem{Type: "/problems/" + string(f.Kind), Title: http.StatusText(status), Status: status, Detail: f.Message.In(l), Mend: f.Mend.In(l),
		Code: f.Code, Instance: request}
	for _, d := range f.Details {
		e := ProblemError{Location: d.Location, Code: d.Code, Message: d.Message.In(l), Mend: d.Mend.In(l)}
		if d.Value != "" {
			e.Value = d.Value
		}
		p.Errors = append(p.Errors, e)
	}
	for key, value := range f.Extra {
		switch n, isNumber := value.(int64); {
		case key == "given_version" && isNumber:
			p.GivenVersion = &n
		case key == "current_version" && isNumber:
			p.CurrentVersion = &n
		default:
			if p.Extra == nil {
				p.Extra = map[string]any{}
			}
			p.Extra[key] = value
		}
	}
	return p
}

func internalError(l bilingual.Lang, request string) *Problem {
	return &Problem{Type: "/problems/internal", Title: http.StatusText(http.StatusInternalServerError), Status: http.StatusInternalServerError,
		Detail: bilingual.T("系统内部错误，请将流水号告知管理员", "internal error; tell the administrator the request id").In(l), Code: "internal", Instance: request}
}

func forbidden(role access.Role, op access.Operation) error {
	return fault.Forbidden().With("role", string(role)).With("operation", string(op))
}

// newProblem makes the answer of an error that Huma found while it decoded and
// validated a request.
func newProblem(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
	l, request := bilingual.ZH, ""
	if ctx != nil {
		l, request = lang(ctx.Context()), requestID(ctx.Context())
	}
	if status >= http.StatusInternalServerError {
		return internalError(l, request)
	}
	for _, err := range errs { // an upload over the limit fails while its form is read
		if err != nil && strings.Contains(err.Error(), "request body too large") {
			status, errs = http.StatusRequestEntityTooLarge, nil
			break
		}
	}
	p := &Problem{Type: "/problems/invalid", Title: http.StatusText(status), Status: status, Code: "invalid", Instance: request,
		Detail: bilingual.T("请求内容有误，请按提示修改", message).In(l)}
	switch status {
	case http.StatusUnsupportedMediaType:
		p.Code, p.Type = "media_type", "/problems/media_type"
		p.Detail = bilingual.T("不支持该内容类型，请使用 application/json", "the content type is not accepted; use application/json").In(l)
	case http.StatusRequestEntityTooLarge:
		p.Code, p.Type = "too_large", "/problems/too_large"
		p.Detail = bilingual.T("文件或请求内容过大，请拆分后再试", "the file or request is too large; split it and try again").In(l)
	}
	for _, err := range errs {
		if err == nil {
			continue
		}
		var detailer huma.ErrorDetailer
		if !errors.As(err, &detailer) {
			p.Errors = append(p.Errors, ProblemError{Code: "invalid", Message: err.Error()})
			continue
		}
		d := detailer.ErrorDetail()
		code, text := validationText(d.Message)
		if m := missingProperty.FindStringSubmatch(d.Message); m != nil { // the field that is missing, not what it is missing from
			d.Location += "." + m[1]
		}
		p.Errors = append(p.Errors, ProblemError{Location: d.Location, Code: code, Message: text.In(l)})
	}
	return p
}

var missingProperty = regexp.MustCompile(`^expected required property (\S+) to be present`)

// validationTexts turn what Huma says about a value into a stable code and
// Chinese; its own English stays.
var validationTexts = []struct{ part, code, zh string }{
	{"expected required property", "required", "缺少必填项"},
	{"required ", "required", "缺少必填项"},
	{"unexpected property", "unknown_field", "不认识的字段"},
	{"expected string", "type", "应为文本"},
	{"expected integer", "type", "应为整数"},
	{"expected number", "type", "应为数字"},
	{"invalid integer", "type", "应为整数"},
	{"expected boolean", "type", "应为 true 或 false"},
	{"invalid boolean", "type", "应为 true 或 false"},
	{"expected array", "type", "应为列表"},
	{"expected object", "type", "应为对象"},
	{"expected value to be one of", "unknown_value", "取值不在允许范围内"},
	{"expected number >=", "out_of_range", "数值太小"},
	{"expected number <=", "out_of_range", "数值太大"},
	{"expected length >=", "length", "内容太短"},
	{"expected length <=", "length", "内容太长"},
	{"expected array length", "length", "条数不符"},
	{"expected string to match pattern", "format", "格式不符"},
	{"expected string to be", "format", "格式不符"},
	{"request body is required", "required", "缺少请求内容"},
}

func validationText(message string) (code string, text bilingual.Text) {
	for _, known := range validationTexts {
		if strings.Contains(message, known.part) {
			return known.code, bilingual.T(known.zh+"（"+message+"）", message)
		}
	}
	return "invalid", bilingual.T("内容有误（"+message+"）", message)
}

// write sends a problem from a middleware.
func (s *Server) write(ctx huma.Context, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"code":"internal"}`)
	}
	ctx.SetHeader("Content-Type", p.ContentType(""))
	ctx.SetStatus(p.Status)
	_, _ = ctx.BodyWriter().Write(body)
}

// refuse sends a problem from outside the typed handlers.
func (s *Server) refuse(c *gin.Context, status int, code string, message bilingual.Text) {
	p := &Problem{Type: "/problems/" + code, Title: http.StatusText(status), Status: status, Code: code,
		Detail: message.In(lang(c.Request.Context())), Instance: requestID(c.Request.Context())}
	c.Header("Content-Type", p.ContentType(""))
	c.AbortWithStatusJSON(status, p)
}
