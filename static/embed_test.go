package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestScriptsTravelCompressed proves F86's slow lines: a browser that takes
// gzip gets it, any other the file itself, and both are the same.
func TestScriptsTravelCompressed(t *testing.T) {
	dist, err := fs.Sub(files, "dist")
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := fs.Glob(dist, "assets/*.js")
	if err != nil || len(scripts) == 0 {
		t.Skip("the console is not built")
	}
	large := ""
	for _, name := range scripts {
		if info, err := fs.Stat(dist, name); err == nil && info.Size() > 20_000 {
			large = name
		}
	}
	ask := func(encoding string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/"+large, nil)
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, r)
		return w
	}
	plain, small := ask(""), ask("gzip, br")
	if plain.Header().Get("Content-Encoding") != "" || small.Header().Get("Content-Encoding") != "gzip" || small.Body.Len()*2 > plain.Body.Len() ||
		!strings.Contains(small.Header().Get("Content-Type"), "javascript") || !strings.Contains(small.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("plain %d bytes, compressed %d, headers %v", plain.Body.Len(), small.Body.Len(), small.Header())
	}
	z, err := gzip.NewReader(small.Body)
	if err != nil {
		t.Fatal(err)
	}
	if whole, err := io.ReadAll(z); err != nil || !bytes.Equal(whole, plain.Body.Bytes()) {
		t.Error("what is compressed is another file")
	}
}
