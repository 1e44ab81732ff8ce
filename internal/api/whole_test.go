package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// TestEveryListPagesAlike proves F81: every list of the document takes limit and
// cursor, and read row by row it has the rows it has when it is read at once.
func TestEveryListPagesAlike(t *testing.T) {
	s := newSite(t, "sqlite:"+t.TempDir()+"/test.db")
	seen := 0
	each(s.server.OpenAPI(), func(method, template string, op *huma.Operation) {
		path := strings.TrimPrefix(template, "/api/v1")
		if method != http.MethodGet || strings.Contains(path, "{") || op.Responses["200"] == nil || op.Responses["200"].Content["application/json"] == nil {
			return
		}
		whole := s.do("province", method, path+"?limit=500", nil)
		var list struct {
			Items []json.RawMessage `json:"items"`
		}
		if whole.Status != http.StatusOK || json.Unmarshal(whole.Body, &list) != nil || !slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == "cursor" }) {
			if strings.Contains(string(whole.Body), `"next_cursor"`) || strings.HasPrefix(string(whole.Body), `{"items"`) {
				t.Errorf("%s is a list without a cursor: %d %.200s", path, whole.Status, whole.Body)
			}
			return
		}
		seen++
		var rows []json.RawMessage
		for cursor := ""; len(rows) <= len(list.Items); {
			page := s.do("province", method, fmt.Sprintf("%s?limit=1&cursor=%s", path, cursor), nil).want(200)
			var one struct {
				Items      []json.RawMessage `json:"items"`
				NextCursor string            `json:"next_cursor"`
			}
			page.into(&one)
			if len(one.Items) > 1 {
				t.Errorf("%s: a page of one has %d rows", path, len(one.Items))
			}
			rows = append(rows, one.Items...)
			if cursor = one.NextCursor; cursor == "" {
				break
			}
		}
		if len(rows) != len(list.Items) {
			t.Errorf("%s: %d rows one by one, %d at once", path, len(rows), len(list.Items))
		}
		s.do("province", method, path+"?limit=0", nil).want(http.StatusUnprocessableEntity)
		s.do("province", method, path+"?cursor=x", nil).want(http.StatusUnprocessableEntity)
	})
	if seen < 15 {
		t.Errorf("only %d lists were read", seen)
	}
}

// TestAMissingMemberIsNamed proves F81: what is missing from a body is named by
// its own place.
func TestAMissingMemberIsNamed(t *testing.T) {
	s := newSite(t, "sqlite:"+t.TempDir()+"/test.db")
	a := s.send("", "POST", "/auth/login", map[string]string{"username": "x"}).want(http.StatusUnprocessableEntity)
	if a.text("errors.0.location") != "body.password" || a.text("errors.0.code") != "required" {
		t.Errorf("got %s", a.Body)
	}
}
