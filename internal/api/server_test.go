package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"phaseout/internal/api"
	"phaseout/internal/app/apptest"
	"phaseout/internal/jobs"
)

// site is a running server with its queue, on a database of its own.
type site struct {
	*apptest.Fixture
	t      *testing.T
	http   *httptest.Server
	server *api.Server
	queue  *jobs.Queue
	tokens map[string]string
}

func newSite(t *testing.T, url string) *site {
	t.Helper()
	s := &site{Fixture: apptest.New(t, url), t: t}
	s.serve()
	return s
}

func (s *site) serve() {
	s.t.Helper()
	log := slog.New(slog.DiscardHandler)
	queue, err := jobs.Start(context.Background(), s.App, log)
	if err != nil {
		s.t.Fatal(err)
	}
	s.server = api.New(api.Options{App: s.App, Version: "test", Log: log})
	s.http, s.queue, s.tokens = httptest.NewServer(s.server.Handler()), queue, map[string]string{}
	s.t.Cleanup(s.stop)
}

func (s *site) stop() {
	if s.queue == nil {
		return
	}
	s.http.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.queue.Stop(ctx); err != nil {
		s.t.Error(err)
	}
	s.queue = nil
}

// answer is what came back.
type answer struct {
	t      *testing.T
	Status int
	Header http.Header
	Body   []byte
}

func (a answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		a.t.Fatalf("%v in %s", err, a.Body)
	}
}

// get returns a member of the body by its path, "errors.0.code".
func (a answer) get(path string) any {
	a.t.Helper()
	var v any
	a.into(&v)
	for _, step := range strings.Split(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[step]
		case []any:
			i := 0
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

func (a answer) text(path string) string { return fmt.Sprint(a.get(path)) }

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("got %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

func (s *site) token(user string) string {
	if user == "" {
		return ""
	}
	if s.tokens[user] == "" {
		s.tokens[user] = s.send("", "POST", "/auth/login", map[string]string{"username": user, "password": apptest.Password}).want(200).text("access_token")
	}
	return s.tokens[user]
}

// send makes a JSON request as a user and checks the answer against the
// OpenAPI document. Headers come in pairs.
func (s *site) send(user, method, path string, body any, headers ...string) answer {
	s.t.Helper()
	var reader io.Reader
	if body != nil {
		text, isText := body.(string)
		if !isText {
			encoded, err := json.Marshal(body)
			if err != nil {
				s.t.Fatal(err)
			}
			text = string(encoded)
		}
		reader = strings.NewReader(text)
		headers = append([]string{"Content-Type", "application/json"}, headers...)
	}
	return s.do(user, method, path, reader, headers...)
}

func (s *site) do(user, method, path string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, s.http.URL+"/api/v1"+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept-Language", "en")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if token := s.token(user); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{s.t, res.StatusCode, res.Header, text}
	s.documented(method, path, a)
	return a
}

// documented fails the test if an answer is not one that the document
// describes: an undocumented status, or a body that its schema does not allow.
func (s *site) documented(method, path string, a answer) {
	s.t.Helper()
	op := s.operation(method, path)
	if op == nil {
		return
	}
	response := op.Responses[fmt.Sprint(a.Status)]
	if response == nil {
		response = op.Responses["default"]
	}
	if response == nil {
		s.t.Errorf("%s %s answers %d, which the document does not have: %s", method, path, a.Status, a.Body)
		return
	}
	media, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	content := response.Content[media]
	if len(a.Body) == 0 || !strings.HasSuffix(media, "json") {
		return
	}
	if content == nil || content.Schema == nil {
		s.t.Errorf("%s %s answers %d as %s, which the document does not have", method, path, a.Status, media)
		return
	}
	var value any
	a.into(&value)
	result := &huma.ValidateResult{}
	huma.Validate(s.server.OpenAPI().Components.Schemas, content.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value, result)
	for _, err := range result.Errors {
		s.t.Errorf("%s %s %d: the answer is not what the document says: %v", method, path, a.Status, err)
	}
}

func (s *site) operation(method, path string) *huma.Operation {
	path, _, _ = strings.Cut("/api/v1"+path, "?")
	parts := strings.Split(path, "/")
	var best *huma.Operation
	for template, item := range s.server.OpenAPI().Paths {
		steps := strings.Split(template, "/")
		if len(steps) != len(parts) {
			continue
		}
		match, exact := true, true
		for i, step := range steps {
			variable := strings.HasPrefix(step, "{")
			match = match && (variable || step == parts[i])
			exact = exact && !variable
		}
		if !match {
			continue
		}
		op := map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PATCH": item.Patch, "DELETE": item.Delete}[method]
		if op != nil && (best == nil || exact) {
			best = op
		}
	}
	return best
}

// upload sends a multipart form with one file.
func (s *site) upload(user, path string, fields map[string]string, name string, data []byte, headers ...string) answer {
	s.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for k, v := range fields {
		if err := form.WriteField(k, v); err != nil {
			s.t.Fatal(err)
		}
	}
	header := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename=%q`, name)}, "Content-Type": {"application/octet-stream"}}
	part, err := form.CreatePart(header)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := part.Write(data); err != nil {
		s.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		s.t.Fatal(err)
	}
	return s.do(user, "POST", path, &b, append([]string{"Content-Type", form.FormDataContentType()}, headers...)...)
}

// until polls an import until it is in the state.
func (s *site) until(user, id, state string) answer {
	s.t.Helper()
	for range 600 {
		a := s.send(user, "GET", "/imports/"+id, nil).want(200)
		if got := a.text("state"); got == state {
			return a
		} else if got == "failed" {
			s.t.Fatalf("the import failed: %s", a.Body)
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("the import is never %s", state)
	return answer{}
}

// pages collects all items of a list.
func (s *site) pages(user, path string) []map[string]any {
	s.t.Helper()
	var all []map[string]any
	cursor := ""
	for {
		var page struct {
			Items      []map[string]any `json:"items"`
			NextCursor string           `json:"next_cursor"`
		}
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		s.send(user, "GET", path+separator+"limit=500&cursor="+cursor, nil).want(200).into(&page)
		all = append(all, page.Items...)
		if page.NextCursor == "" {
			return all
		}
		cursor = page.NextCursor
	}
}
