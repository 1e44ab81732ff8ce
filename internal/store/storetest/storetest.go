// Package storetest gives tests a real, migrated database on each engine.
package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver under its own name

	"phaseout/internal/store"
)

// Clock is a clock that tests set. The zero Clock stands at Start.
type Clock struct{ ahead atomic.Int64 }

// Start is the instant at which every test begins.
var Start = time.Date(2026, 1, 15, 1, 30, 0, 0, time.UTC)

// Now returns the instant of the clock.
func (c *Clock) Now() time.Time { return Start.Add(time.Duration(c.ahead.Load())) }

// Advance puts the clock forward.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

var schemas atomic.Int64

// Engines runs a test on SQLite and on PostgreSQL, each with a database URL of
// its own. PHASEOUT_TEST_POSTGRES names the server; under CI it must.
func Engines(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgres(t)) })
}

// URLs returns fresh databases for benchmarks by engine: SQLite always, and
// PostgreSQL if PHASEOUT_TEST_POSTGRES names a server.
func URLs(b testing.TB) map[string]func(testing.TB) string {
	b.Helper()
	urls := map[string]func(testing.TB) string{"sqlite": func(b testing.TB) string { return "sqlite:" + filepath.Join(b.TempDir(), "bench.db") }}
	if os.Getenv("PHASEOUT_TEST_POSTGRES") != "" {
		urls["postgres"] = postgres
	}
	return urls
}

// postgres makes a schema of its own on the test server and returns its URL.
func postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv("PHASEOUT_TEST_POSTGRES")
	if server == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("PHASEOUT_TEST_POSTGRES is not set: run the tests with make test, which starts PostgreSQL")
		}
		t.Skip("PHASEOUT_TEST_POSTGRES is not set: run make test for PostgreSQL")
	}
	schema := fmt.Sprintf("t%d_%d", os.Getpid(), schemas.Add(1))
	handle, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handle.ExecContext(context.Background(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = handle.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE")
		_ = handle.Close()
	})
	separator := "?"
	if strings.Contains(server, "?") {
		separator = "&"
	}
	return server + separator + "search_path=" + url.QueryEscape(schema)
}

// Databases makes two empty databases on the test server and returns their URLs,
// for what is about a whole database: with a schema of its own none is dumped.
func Databases(t testing.TB) (one, other string) {
	t.Helper()
	_ = postgres(t) // skips, or fails, where there is no server
	handle, err := sql.Open("pgx", os.Getenv("PHASEOUT_TEST_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = handle.Close() })
	urls := make([]string, 2)
	for i := range urls {
		name := fmt.Sprintf("d%d_%d", os.Getpid(), schemas.Add(1))
		if _, err := handle.ExecContext(context.Background(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = handle.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)") })
		server, err := url.Parse(os.Getenv("PHASEOUT_TEST_POSTGRES"))
		if err != nil {
			t.Fatal(err)
		}
		server.Path = "/" + name
		urls[i] = server.String()
	}
	return urls[0], urls[1]
}

// Open opens a migrated database that is closed at the end of the test.
func Open(t testing.TB, url string, now func() time.Time) *store.DB {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, url, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	db.SetEnqueuer(store.NoQueue)
	return db
}

// Exec runs a statement past the program, as somebody with the password of the
// database could.
func Exec(url, statement string) error {
	driver, dsn := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite3", store.SQLiteDSN(path, false)
	}
	handle, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = handle.Close() }()
	_, err = handle.ExecContext(context.Background(), statement)
	return err
}
