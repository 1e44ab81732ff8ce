package bench

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"phaseout/internal/api"
	"phaseout/internal/app/apptest"
	"phaseout/internal/store/storetest"
)

// recordingsOf is how many recordings the stock of the province came with.
const recordingsOf = 5000

// province is a site with n trucks in six cities, three in ten of them retired
// over 2025 and recorded when they left, made from one by the engine itself: an
// import of millions of rows is another benchmark.
func province(b *testing.B, url string, n int) *apptest.Fixture {
	b.Helper()
	f := apptest.New(b, url)
	f.Truck("clerk.changsha")
	db := bare(b, url)
	ctx := context.Background()
	run := func(statement string, args ...any) {
		if !strings.HasPrefix(url, "sqlite:") {
			for i := range args {
				statement = strings.Replace(statement, "?", fmt.Sprintf("$%d::bigint", i+1), 1)
			}
		}
		if _, err := db.ExecContext(ctx, statement, args...); err != nil {
			b.Fatalf("%.100s: %v", statement, err)
		}
	}
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	step := (360 * 24 * time.Hour).Microseconds() / recordingsOf
	run(`WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO recordings (no, at_us, day) SELECT i, `+fmt.Sprint(start)+` + i * `+fmt.Sprint(step)+`, '2025-06-01' FROM n`, recordingsOf)
	// Rows of the year, in the order in which they were recorded.
	month := func(i string) string { return "CAST(1 + (" + i + ") * 12 / " + fmt.Sprint(n+1) + " AS BIGINT)" }
	left := "'2025-' || CASE WHEN " + month("i") + " < 10 THEN '0' ELSE '' END || CAST(" + month("i") + " AS TEXT) || '-1' || CAST(i % 10 AS TEXT)"
	ifLeft := func(then, otherwise string) string {
		return "CASE WHEN i % 10 < 3 THEN " + then + " ELSE " + otherwise + " END"
	}
	no := "1 + i * " + fmt.Sprint(recordingsOf-1) + " / " + fmt.Sprint(n)
	columns := columnsOf(ctx, b, db, "assets", !strings.HasPrefix(url, "sqlite:"))
	values := make([]string, len(columns))
	for i, column := range columns {
		switch column {
		case "id":
			values[i] = "'bench-' || CAST(i AS TEXT)"
		case "city_code":
			values[i] = "CASE i % 6 WHEN 0 THEN '430100' WHEN 1 THEN '430200' WHEN 2 THEN '430300' WHEN 3 THEN '430600' WHEN 4 THEN '430700' ELSE '430900' END"
		case "cohort_on":
			values[i] = "'2015-01-01'"
		case "handed_in_on", "declared_on", "hand_over_on", "dismantled_on", "left_on":
			values[i] = ifLeft(left, "''")
		case "evidenced_on", "verified_on":
			values[i] = "CASE WHEN i % 10 < 2 THEN " + left + " ELSE '' END"
		case "status":
			values[i] = ifLeft("'deregistered'", "'in_use'")
		case "way_out":
			values[i] = ifLeft("'scrapped'", "''")
		case "counts_as":
			values[i] = ifLeft("'retired'", "''")
		case "review":
			values[i] = "CASE WHEN i % 10 < 2 THEN 'verified' WHEN i % 10 = 2 THEN 'declared' ELSE '' END"
		case "recorded_no":
			values[i] = no
		default:
			values[i] = "t." + column
		}
	}
	run("WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO assets ("+strings.Join(columns, ", ")+
		") SELECT "+strings.Join(values, ", ")+" FROM n, (SELECT * FROM assets LIMIT 1) t", n)
	// Who left was in use before, as the first recording found it.
	columns = columnsOf(ctx, b, db, "standings", !strings.HasPrefix(url, "sqlite:"))
	for i, column := range columns {
		switch column {
		case "asset_id":
			values[i] = "id"
		case "from_no":
			values[i] = "1"
		case "to_no":
			values[i] = "recorded_no"
		case "cause":
			values[i] = "'registration'"
		case "end_cause":
			values[i] = "'retirement'"
		case "status":
			values[i] = "'in_use'"
		case "handed_in_on", "declared_on", "hand_over_on", "dismantled_on", "left_on", "evidenced_on", "verified_on", "way_out", "counts_as", "review", "activity":
			values[i] = "''"
		default:
			values[i] = column
		}
	}
	run("INSERT INTO standings (" + strings.Join(columns, ", ") + ") SELECT " + strings.Join(values[:len(columns)], ", ") + " FROM assets WHERE left_on <> ''")
	run("UPDATE rollup_state SET stale = TRUE")
	if strings.HasPrefix(url, "sqlite:") {
		run("PRAGMA optimize")
	} else {
		run("ANALYZE")
	}
	if _, err := f.DB.Migrate(ctx); err != nil { // counts the roll-ups
		b.Fatal(err)
	}
	for range 200 { // what a busy second leaves pending
		f.Truck("clerk.changsha")
	}
	return f
}

// byRows counts the province's main figures by city and class from the rows.
const byRows = `SELECT city_code, class, COUNT(*), SUM(CASE WHEN declared_on <> '' AND declared_on <= '2025-12-17' THEN 1 ELSE 0 END),
	SUM(CASE WHEN evidenced_on <> '' AND evidenced_on <= '2025-12-17' THEN 1 ELSE 0 END), SUM(CASE WHEN verified_on <> '' AND verified_on <= '2025-12-17' THEN 1 ELSE 0 END)
	FROM assets WHERE cohort_on <> '' AND cohort_on <= '2025-12-17' GROUP BY city_code, class`

// BenchmarkProvince asks for the whole province over HTTP at a tenth of
// PHASEOUT_BENCH_ROWS assets and at all of them, on each engine: the figures of a
// day, beside a group-by over the rows and with the growth, and the figures as
// known half a year ago (F65, F66, F67). Run it with -benchtime 1x.
func BenchmarkProvince(b *testing.B) {
	for engine, fresh := range storetest.URLs(b) {
		b.Run(engine, func(b *testing.B) {
			rows := rowsOf(b)
			var last, now time.Duration
			for _, n := range []int{rows / 10, rows} {
				f := province(b, fresh(b), n)
				server := httptest.NewServer(api.New(api.Options{App: f.App, Version: "bench", Log: slog.New(slog.DiscardHandler)}).Handler())
				defer server.Close()
				grant, err := f.Login(context.Background(), "province", apptest.Password, "bench")
				if err != nil {
					b.Fatal(err)
				}
				ask := func(query string) time.Duration {
					var took []time.Duration
					for range 15 {
						took = append(took, since(func() { fetch(b, server.URL+"/api/v1/progress?as_of=2025-12-17"+query, grant.AccessToken) }))
					}
					return middle(took)
				}
				now = ask("&group_by=city,class")
				raw := rowsCounted(b, bare(b, f.URL))
				say("%d assets: the province over HTTP %v, group-by on the rows %v: %.0f times as fast", n, now, raw, raw.Seconds()/now.Seconds())
				say("%d assets: by stage %v, by month %v", n, ask("&group_by=city,stage"), ask("&group_by=month"))
				known := since(func() {
					fetch(b, server.URL+"/api/v1/progress?as_of=2025-12-17&group_by=city,class&as_known=2025-07-01T00:00:00Z", grant.AccessToken)
				})
				say("%d assets: as known half a year ago %v", n, known)
				if last > 0 {
					b.ReportMetric(now.Seconds()/last.Seconds(), "x-growth")
					b.ReportMetric(raw.Seconds()/now.Seconds(), "x-faster-than-rows")
					b.ReportMetric(known.Seconds(), "s-as-known")
				}
				last = now
			}
		})
	}
}

func rowsCounted(b *testing.B, db *sql.DB) time.Duration {
	b.Helper()
	statement, err := db.PrepareContext(context.Background(), byRows)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = statement.Close() }()
	var took []time.Duration
	for range 3 {
		took = append(took, since(func() { drain(context.Background(), b, statement) }))
	}
	return middle(took)
}
