package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"phaseout/internal/api"
)

// TestABareAddressOpensTheConsole proves F87: whoever types the address of a page
// without its "#" gets the page; files, the API and its viewer stay where they are.
func TestABareAddressOpensTheConsole(t *testing.T) {
	s := newSite(t, "sqlite:"+t.TempDir()+"/test.db")
	files := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	handler := api.New(api.Options{App: s.App, Version: "test", Log: slog.New(slog.DiscardHandler), Console: files}).Handler()
	for _, c := range []struct {
		path, accept string
		status       int
		to           string
	}{
		{"/progress?as_of=2025-12-31", "text/html", http.StatusFound, "/#/progress?as_of=2025-12-31"},
		{"//elsewhere.example/x", "text/html", http.StatusFound, "/#/elsewhere.example/x"},
		{"/", "text/html", http.StatusTeapot, ""},
		{"/docs/", "text/html", http.StatusTeapot, ""},
		{"/assets/index.js", "text/html", http.StatusTeapot, ""},
		{"/progress", "*/*", http.StatusTeapot, ""},
		{"/api/v1/nothing", "text/html", http.StatusNotFound, ""},
	} {
		req := httptest.NewRequest(http.MethodGet, c.path, http.NoBody)
		req.Header.Set("Accept", c.accept)
		res := httptest.NewRecorder()
		handler.ServeHTTP(res, req)
		if res.Code != c.status || res.Header().Get("Location") != c.to {
			t.Errorf("%s as %s: got %d %q, want %d %q", c.path, c.accept, res.Code, res.Header().Get("Location"), c.status, c.to)
		}
	}
}
