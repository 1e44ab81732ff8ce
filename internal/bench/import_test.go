package bench

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// rowsOf is how many rows the large benchmarks work on; PHASEOUT_BENCH_ROWS
// asks for more, up to a million.
func rowsOf(b *testing.B) int {
	b.Helper()
	n, err := strconv.Atoi(os.Getenv("PHASEOUT_BENCH_ROWS"))
	if err != nil || n < 1 {
		return 20_000
	}
	return n
}

// imported are the tables that an import fills.
var imported = []string{"owners", "assets", "identity_due", "asset_identifiers", "asset_search", "import_rows", "import_findings", "audit_events"}

// BenchmarkImport checks and applies a sheet, beside putting the very same
// rows into the same tables and indexes with bare prepared inserts in one
// transaction, which is the limit of any import. "peak-MiB" is how far the
// heap grew.
func BenchmarkImport(b *testing.B) {
	rows := rowsOf(b)
	sheet := sheetOf(rows)
	var product, limit time.Duration
	var peak uint64
	for range b.N {
		f := stock(b, 0)
		runtime.GC()
		stop := watchHeap(&peak)
		product += since(func() { load(b, f, sheet) })
		stop()
		limit += bareInsert(b, strings.TrimPrefix(f.URL, "sqlite:"))
	}
	b.ReportMetric(float64(rows*b.N)/product.Seconds(), "rows/s")
	b.ReportMetric(float64(rows*b.N)/limit.Seconds(), "limit-rows/s")
	b.ReportMetric(product.Seconds()/limit.Seconds(), "x-limit")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
}

// watchHeap keeps the largest heap seen until stop is called.
func watchHeap(peak *uint64) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			*peak = max(*peak, m.HeapInuse)
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-ended }
}

// bareInsert copies what an import has filled into a fresh database of the
// same schema and returns how long the inserts took.
func bareInsert(b *testing.B, from string) time.Duration {
	b.Helper()
	ctx := context.Background()
	path := filepath.Join(b.TempDir(), "bare.db")
	if err := storetest.Open(b, "sqlite:"+path, time.Now).Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite3", store.SQLiteDSN(path, false))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{"PRAGMA foreign_keys = off", "ATTACH '" + from + "' AS source"} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			b.Fatal(err)
		}
	}
	var reading time.Duration
	return since(func() {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			b.Fatal(err)
		}
		for _, table := range imported {
			reading += copyTable(ctx, b, tx, table)
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}) - reading
}

// copyTable returns how long reading the source took, which is no part of the limit.
func copyTable(ctx context.Context, b *testing.B, tx *sql.Tx, table string) (reading time.Duration) {
	b.Helper()
	columns := "*"
	if table == "asset_search" {
		columns = "docid, grams, asset_id"
	}
	const chunk = 20_000
	for offset := 0; ; offset += chunk {
		var batch [][]any
		reading += since(func() {
			batch = readRows(ctx, b, tx, fmt.Sprintf("SELECT %s FROM source.%s LIMIT %d OFFSET %d", columns, table, chunk, offset))
		})
		if len(batch) == 0 {
			return reading
		}
		names := ""
		if columns != "*" {
			names = "(" + columns + ")"
		}
		writeRows(ctx, b, tx, "INSERT INTO main."+table+names+" VALUES (?"+strings.Repeat(", ?", len(batch[0])-1)+")", batch)
	}
}

func writeRows(ctx context.Context, b *testing.B, tx *sql.Tx, statement string, rows [][]any) {
	b.Helper()
	insert, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = insert.Close() }()
	for _, row := range rows {
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			b.Fatal(err)
		}
	}
}

func readRows(ctx context.Context, b *testing.B, tx *sql.Tx, query string) (all [][]any) {
	b.Helper()
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
		row, into := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return all
}
