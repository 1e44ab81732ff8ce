package bench

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"phaseout/internal/api"
	"phaseout/internal/app/apptest"
	"phaseout/internal/store"
)

// BenchmarkReads asks a stock of PHASEOUT_BENCH_ROWS trucks over HTTP, each
// question beside its limit: the same query bare on the same file, and the
// server's own answer to a list that is empty. "us" is the median of the
// product, to compare stocks of two sizes.
func BenchmarkReads(b *testing.B) {
	rows := rowsOf(b)
	f := stock(b, rows)
	server := httptest.NewServer(api.New(api.Options{App: f.App, Version: "bench", Log: slog.New(slog.DiscardHandler)}).Handler())
	defer server.Close()
	grant, err := f.Login(context.Background(), "clerk.changsha", apptest.Password, "bench")
	if err != nil {
		b.Fatal(err)
	}
	get := func(path string) []byte {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+"/api/v1"+path, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+grant.AccessToken)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("%s: %d %s", path, res.StatusCode, body)
		}
		return body
	}
	bare, err := sql.Open("sqlite3", store.SQLiteDSN(strings.TrimPrefix(f.URL, "sqlite:"), true))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = bare.Close() }()
	ctx := context.Background()
	var ids []string
	for _, offset := range []int{rows / 2, rows * 9 / 10} {
		var id string
		if err := bare.QueryRowContext(ctx, "SELECT id FROM assets ORDER BY id LIMIT 1 OFFSET ?", offset).Scan(&id); err != nil {
			b.Fatal(err)
		}
		ids = append(ids, id)
	}
	query := func(statement string, args ...any) func() {
		return func() { drain(ctx, b, bare, statement, args...) }
	}
	const list = "SELECT * FROM assets WHERE city_code = '430100' AND class = 'truck' AND stage = 'china3' AND status = 'in_use' AND id > ? ORDER BY id LIMIT 51"
	const plate = "43210"
	for _, c := range []struct {
		name, path string
		limit      func()
	}{
		{"by id", "/assets/" + ids[0], query("SELECT * FROM assets WHERE id = ?", ids[0])},
		{"first page", "/assets?class=truck&stage=china3&status=in_use", query(list, "")},
		{"page at nine tenths", "/assets?class=truck&stage=china3&status=in_use&cursor=" + cursorAfter(ids[1]), query(list, ids[1])},
		{"search by plate", "/assets?q=" + plate, query("SELECT a.* FROM assets a WHERE id IN (SELECT asset_id FROM asset_search WHERE grams MATCH ?) ORDER BY id LIMIT 51", `"432 321 210"`)},
		{"search by two signs of an owner", "/assets?q=%E6%B5%8B%E8%AF%95", query("SELECT * FROM assets WHERE search_text LIKE '%测试%' ORDER BY id LIMIT 51")},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took, limit []time.Duration
			for range b.N {
				took = append(took, since(func() { get(c.path) }))
				limit = append(limit, since(c.limit)+since(func() { get("/assets?import=none") }))
			}
			b.ReportMetric(float64(middle(took).Microseconds()), "us")
			b.ReportMetric(float64(middle(took))/float64(middle(limit)), "x-limit")
		})
	}
	b.Run("search by plate, the naive way", func(b *testing.B) {
		for range b.N {
			drain(ctx, b, bare, "SELECT * FROM assets WHERE search_text LIKE ? ORDER BY id LIMIT 51", "%"+plate+"%")
		}
	})
	b.Run("page at nine tenths, the naive way", func(b *testing.B) {
		for range b.N {
			drain(ctx, b, bare, "SELECT * FROM assets WHERE class = 'truck' ORDER BY id LIMIT 51 OFFSET ?", rows*9/10)
		}
	})
	b.Run("write", func(b *testing.B) {
		clerk := f.Users["clerk.changsha"]
		a, err := f.DB.Asset(ctx, clerk.Scope, ids[0])
		if err != nil {
			b.Fatal(err)
		}
		var took []time.Duration
		for i := range b.N {
			took = append(took, since(func() {
				c, err := f.AmendAsset(ctx, clerk, a.ID, a.Version, map[string]string{"model": fmt.Sprint("M", i, time.Now().UnixNano())}, "")
				if err != nil {
					b.Fatal(err)
				}
				a.Version = c.Version
			}))
		}
		b.ReportMetric(float64(middle(took).Microseconds()), "us")
	})
}

func drain(ctx context.Context, b *testing.B, db *sql.DB, statement string, args ...any) {
	b.Helper()
	rows, err := db.QueryContext(ctx, statement, args...)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	into := make([]any, len(names))
	for i := range into {
		into[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}

func middle(took []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[len(sorted)/2]
}

// cursorAfter is the cursor of a page that follows an id, as the API writes it.
func cursorAfter(id string) string { return base64.RawURLEncoding.EncodeToString([]byte("1:" + id)) }
