package bench

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"phaseout/internal/api"
	"phaseout/internal/app/apptest"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// rowsOf is how many rows the large benchmarks work on; PHASEOUT_BENCH_ROWS
// asks for more, up to a million.
func rowsOf(b *testing.B) int {
	b.Helper()
	n, err := strconv.Atoi(os.Getenv("PHASEOUT_BENCH_ROWS"))
	if err != nil || n < 1000 {
		return 20_000
	}
	return n
}

// BenchmarkScale loads a stock and asks it questions, at a tenth of the rows and
// at all of them, on each engine, each figure beside its limit in the same run:
// for an import the same rows in bare prepared inserts, for a question the same
// query bare plus the server's own empty answer. Run it with -benchtime 1x: it
// repeats by itself what has to be repeated.
func BenchmarkScale(b *testing.B) {
	for engine, fresh := range storetest.URLs(b) {
		b.Run(engine, func(b *testing.B) {
			rows := rowsOf(b)
			var last map[string]float64
			var lastImport time.Duration
			for _, n := range []int{rows / 10, rows} {
				f := apptest.New(b, fresh(b))
				f.MaxUpload = 1 << 30
				took := importing(b, f, fresh, n)
				figures := asking(b, f, n)
				for _, name := range slices.Sorted(mapsKeys(figures)) {
					growth := ""
					if was := last[name]; was > 0 {
						growth = fmt.Sprintf(", %.2f times that at %d", figures[name]/was, rows/10)
					}
					say("%d rows, %s: %.0f us%s", n, name, figures[name], growth)
				}
				if last != nil {
					b.ReportMetric(math.Log10(took.Seconds()/lastImport.Seconds()), "import-exponent")
				}
				last, lastImport = figures, took
			}
		})
	}
}

func mapsKeys(m map[string]float64) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// importing loads n rows of CSV and reports the rate beside its limit and the
// memory it took.
func importing(b *testing.B, f *apptest.Fixture, fresh func(testing.TB) string, n int) time.Duration {
	b.Helper()
	path := filepath.Join(b.TempDir(), "a.csv")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriter(file)
	writeSheet(out, n)
	if err := errors.Join(out.Flush(), file.Close()); err != nil {
		b.Fatal(err)
	}
	i := importApart(b, f, path)
	limit := bareInsert(b, f.URL, fresh(b))
	say("%d rows, CSV import: %.0f rows/s, bare inserts %.0f rows/s: %.2f times as long; heap up to %d MiB, resident up to %d MiB", n,
		float64(n)/i.Took.Seconds(), float64(n)/limit.Seconds(), i.Took.Seconds()/limit.Seconds(), i.Heap>>20, i.Resident>>10)
	return i.Took
}

// importFigures are those of one import.
type importFigures struct {
	Took     time.Duration
	Heap     uint64 // most bytes in use
	Resident int    // most KiB
}

// importApart imports a file in a process of its own, whose memory is that of
// the program and not that of the benchmark.
func importApart(b *testing.B, f *apptest.Fixture, path string) (figures importFigures) {
	b.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestImportApart$")
	answer := filepath.Join(b.TempDir(), "figures.json")
	child.Env = append(os.Environ(), "PHASEOUT_BENCH_URL="+f.URL, "PHASEOUT_BENCH_FILES="+f.FilesDir, "PHASEOUT_BENCH_FILE="+path, "PHASEOUT_BENCH_ANSWER="+answer)
	if out, err := child.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(answer)
	if err == nil {
		err = json.Unmarshal(text, &figures)
	}
	if err != nil {
		b.Fatal(err)
	}
	return figures
}

// TestImportApart is the process of importApart.
func TestImportApart(t *testing.T) {
	path := os.Getenv("PHASEOUT_BENCH_FILE")
	if path == "" {
		t.Skip("only as the process of a benchmark")
	}
	f := &apptest.Fixture{T: t, URL: os.Getenv("PHASEOUT_BENCH_URL"), Clock: &storetest.Clock{}}
	f.Attach(os.Getenv("PHASEOUT_BENCH_FILES"))
	f.MaxUpload = 1 << 30
	var figures importFigures
	stop := watchHeap(&figures.Heap)
	figures.Took = since(func() { loadFile(t, f, path) })
	stop()
	figures.Resident = resident()
	text, err := json.Marshal(figures)
	if err == nil {
		err = os.WriteFile(os.Getenv("PHASEOUT_BENCH_ANSWER"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func loadFile(b testing.TB, f *apptest.Fixture, path string) store.Import {
	b.Helper()
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	return loadFrom(b, f, path, file)
}

// say prints a figure at once; a benchmark's own log is cut after a few lines.
func say(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }

// resident returns the most memory that the process ever had, in KiB, 0 where
// the system does not tell.
func resident() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err == nil {
				return n
			}
		}
	}
	return 0
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

// imported are the tables that an import fills.
var imported = []string{"owners", "assets", "identity_due", "asset_identifiers", "asset_search", "import_rows", "import_findings", "audit_events"}

// bareInsert copies what an import has filled into a fresh database of the same
// schema and indexes with prepared inserts in one transaction, and returns how
// long the inserts took.
func bareInsert(b *testing.B, from, to string) time.Duration {
	b.Helper()
	ctx := context.Background()
	if err := storetest.Open(b, to, time.Now).Close(); err != nil {
		b.Fatal(err)
	}
	source, dest := bare(b, from), bare(b, to)
	dest.SetMaxOpenConns(1)
	unguarded := "PRAGMA foreign_keys = off"
	if !strings.HasPrefix(to, "sqlite:") {
		unguarded = "SET session_replication_role = replica"
	}
	if _, err := dest.ExecContext(ctx, unguarded); err != nil {
		b.Fatal(err)
	}
	tx, err := dest.BeginTx(ctx, nil)
	if err != nil {
		b.Fatal(err)
	}
	var took time.Duration
	for _, table := range imported {
		took += copyTable(ctx, b, source, tx, table, !strings.HasPrefix(to, "sqlite:"))
	}
	return took + since(func() {
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	})
}

// bare opens a database without the program.
func bare(b *testing.B, url string) *sql.DB {
	b.Helper()
	driver, dsn := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite3", store.SQLiteDSN(path, false)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return db
}

// copyTable returns how long the inserts took; reading is no part of the limit.
func copyTable(ctx context.Context, b *testing.B, source *sql.DB, tx *sql.Tx, table string, numbered bool) (took time.Duration) {
	b.Helper()
	columns := columnsOf(ctx, b, source, table, numbered)
	if len(columns) == 0 {
		return 0 // the engine has no such table
	}
	places := make([]string, len(columns))
	for i := range places {
		places[i] = "?"
		if numbered {
			places[i] = fmt.Sprintf("$%d", i+1)
		}
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(places, ", ")+")")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = insert.Close() }()
	rows, err := source.QueryContext(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+table)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for {
		var batch [][]any
		for len(batch) < 5000 && rows.Next() {
			row, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			if err := rows.Scan(into...); err != nil {
				b.Fatal(err)
			}
			batch = append(batch, row)
		}
		if len(batch) == 0 {
			if err := rows.Err(); err != nil {
				b.Fatal(err)
			}
			return took
		}
		took += since(func() {
			for _, row := range batch {
				if _, err := insert.ExecContext(ctx, row...); err != nil {
					b.Fatalf("%s: %v", table, err)
				}
			}
		})
	}
}

func columnsOf(ctx context.Context, b *testing.B, db *sql.DB, table string, numbered bool) (names []string) {
	b.Helper()
	if table == "asset_search" && !numbered {
		return []string{"docid", "grams", "asset_id"}
	}
	query := "SELECT name FROM pragma_table_info(?) ORDER BY cid"
	if numbered {
		query = "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position"
	}
	rows, err := db.QueryContext(ctx, query, table)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			b.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return names
}

// asking asks a stock over HTTP, each question beside the same query bare and
// the server's empty answer, and returns the medians in microseconds.
func asking(b *testing.B, f *apptest.Fixture, n int) map[string]float64 {
	b.Helper()
	server := httptest.NewServer(api.New(api.Options{App: f.App, Version: "bench", Log: slog.New(slog.DiscardHandler)}).Handler())
	defer server.Close()
	grant, err := f.Login(context.Background(), "clerk.changsha", apptest.Password, "bench")
	if err != nil {
		b.Fatal(err)
	}
	get := func(path string) { fetch(b, server.URL+"/api/v1"+path, grant.AccessToken) }
	ctx := context.Background()
	db := bare(b, f.URL)
	mark := "?"
	if !strings.HasPrefix(f.URL, "sqlite:") {
		mark = "$1"
	}
	var ids []string
	for _, offset := range []int{n / 2, n * 9 / 10} {
		var id string
		if err := db.QueryRowContext(ctx, "SELECT id FROM assets ORDER BY id LIMIT 1 OFFSET "+strconv.Itoa(offset)).Scan(&id); err != nil {
			b.Fatal(err)
		}
		ids = append(ids, id)
	}
	query := func(statement string, args ...any) func() {
		prepared, err := db.PrepareContext(ctx, statement)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = prepared.Close() })
		return func() { drain(ctx, b, prepared, args...) }
	}
	list := "SELECT * FROM assets WHERE city_code = '430100' AND class = 'truck' AND stage = 'china3' AND status = 'in_use' AND id > " + mark + " ORDER BY id LIMIT 51"
	const plate = "43210"
	like := "SELECT * FROM assets WHERE search_text LIKE " + mark + " ORDER BY id LIMIT 51"
	figures := map[string]float64{}
	for _, c := range []struct {
		name, path string
		limit      func()
		times      int
	}{
		{"by id", "/assets/" + ids[0], query("SELECT * FROM assets WHERE id = "+mark, ids[0]), 300},
		{"first page of a filter", "/assets?class=truck&stage=china3&status=in_use", query(list, ""), 100},
		{"page at nine tenths", "/assets?class=truck&stage=china3&status=in_use&cursor=" + cursorAfter(ids[1]), query(list, ids[1]), 100},
		{"search by a whole plate, which one has", "/assets?q=%E6%B9%98A" + plate, nil, 100},
		{"search by eight signs of a VIN, which one has", "/assets?q=DA0" + plate, nil, 100},
		{"search by five figures, which ten times as many have", "/assets?q=" + plate, nil, 50},
		{"search by two signs of an owner", "/assets?q=%E6%B5%8B%E8%AF%95", nil, 50},
	} {
		var took, limit []time.Duration
		for range c.times {
			took = append(took, since(func() { get(c.path) }))
			if c.limit != nil {
				limit = append(limit, since(c.limit)+since(func() { get("/transfers?limit=1") }))
			}
		}
		figures[c.name] = float64(middle(took).Microseconds())
		if c.limit != nil {
			say("%d rows, %s: %.2f times its limit of %d us", n, c.name, float64(middle(took))/float64(middle(limit)), middle(limit).Microseconds())
		}
	}
	naive := map[string]func(){"naive: LIKE": query(like, "%"+plate+"%"), "naive: OFFSET": query("SELECT * FROM assets WHERE class = 'truck' ORDER BY id LIMIT 51 OFFSET "+mark, n*9/10)}
	for name, ask := range naive {
		var took []time.Duration
		for range 5 {
			took = append(took, since(ask))
		}
		figures[name] = float64(middle(took).Microseconds())
	}
	figures["write with audit"] = writing(b, f, ids[0])
	return figures
}

// writing amends one record again and again.
func writing(b *testing.B, f *apptest.Fixture, id string) float64 {
	b.Helper()
	ctx := context.Background()
	clerk := f.Users["clerk.changsha"]
	a, err := f.DB.Asset(ctx, clerk.Scope, id)
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for i := range 100 {
		took = append(took, since(func() {
			c, err := f.AmendAsset(ctx, clerk, a.ID, a.Version, map[string]string{"model": fmt.Sprint("M", i)}, "")
			if err != nil {
				b.Fatal(err)
			}
			a.Version = c.Version
		}))
	}
	return float64(middle(took).Microseconds())
}

func fetch(b *testing.B, url, token string) []byte {
	b.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%s: %d %s", url, res.StatusCode, body)
	}
	return body
}

func drain(ctx context.Context, b *testing.B, prepared *sql.Stmt, args ...any) {
	b.Helper()
	rows, err := prepared.QueryContext(ctx, args...)
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

// BenchmarkWorkbookImport imports half of PHASEOUT_BENCH_ROWS rows from XLSX,
// beside what one would write first: excelize reads the rows, each is created by
// itself with an object mapper; and reads the same file with both readers. Run it
// with -benchtime 1x.
func BenchmarkWorkbookImport(b *testing.B) {
	n := rowsOf(b) / 2
	path := filepath.Join(b.TempDir(), "a.xlsx")
	writeWorkbook(b, path, n)
	f := apptest.New(b, "sqlite:"+filepath.Join(b.TempDir(), "bench.db"))
	f.MaxUpload = 1 << 30
	i := importApart(b, f, path)
	took := i.Took
	say("%d rows, XLSX import: %.0f rows/s, heap up to %d MiB, resident up to %d MiB", n, float64(n)/took.Seconds(), i.Heap>>20, i.Resident>>10)
	ours := since(func() { readOurs(b, path) })
	theirs := since(func() { readExcelize(b, path, func([]string) error { return nil }, n) })
	say("%d rows, reading alone: %.0f rows/s, excelize %.0f rows/s: %.1f times as fast", n, float64(n)/ours.Seconds(), float64(n)/theirs.Seconds(), theirs.Seconds()/ours.Seconds())
	few := min(n, 20_000)
	naive := since(func() { naiveImport(b, path, few) })
	rate := float64(few) / naive.Seconds()
	say("naive import: %.0f rows/s (%d rows): ours is %.1f times as fast", rate, few, float64(n)/took.Seconds()/rate)
	b.ReportMetric(float64(n)/took.Seconds()/rate, "x-faster-than-naive")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-faster-reading")
}

func writeWorkbook(b *testing.B, path string, n int) {
	b.Helper()
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	text, fill := io.Pipe()
	go func() {
		out := bufio.NewWriter(fill)
		writeSheet(out, n)
		_ = fill.CloseWithError(out.Flush())
	}()
	r := csv.NewReader(text)
	head, err := r.Read()
	if err != nil {
		b.Fatal(err)
	}
	table := sheet.Table{Title: "T"}
	for _, h := range head {
		table.Head = append(table.Head, sheet.Head{Title: h})
	}
	err = sheet.StreamXLSX(file, table, func(yield func([]string, error) bool) {
		for {
			row, err := r.Read()
			if errors.Is(err, io.EOF) || !yield(row, err) {
				return
			}
		}
	})
	if err := errors.Join(err, file.Close()); err != nil {
		b.Fatal(err)
	}
}

func readOurs(b *testing.B, path string) {
	b.Helper()
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	book, err := sheet.OpenReader("a.xlsx", file, info.Size())
	if err != nil {
		b.Fatal(err)
	}
	for _, err := range book.Rows() {
		if err != nil {
			b.Fatal(err)
		}
	}
}

func readExcelize(b *testing.B, path string, each func([]string) error, most int) {
	b.Helper()
	f, err := excelize.OpenFile(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := f.Rows(f.GetSheetName(0))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for n := 0; n < most && rows.Next(); n++ {
		cells, err := rows.Columns()
		if err == nil {
			err = each(cells)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// naiveTruck is a row as one would map it first, with the same keys unique.
type naiveTruck struct {
	ID                                                                uint
	Plate                                                             string `gorm:"uniqueIndex"`
	VIN                                                               string `gorm:"uniqueIndex"`
	Engine                                                            string `gorm:"index"`
	City                                                              string `gorm:"index"`
	Category, Fuel, Stage, Mass, Registered, Owner, Phone, SearchText string
	CreatedAt                                                         time.Time
}

func naiveImport(b *testing.B, path string, most int) {
	b.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(b.TempDir(), "naive.db")), &gorm.Config{Logger: logger.Discard})
	if err == nil {
		err = db.AutoMigrate(&naiveTruck{})
	}
	if err != nil {
		b.Fatal(err)
	}
	readExcelize(b, path, func(c []string) error {
		if len(c) < 10 || len(c[1]) != 17 {
			return nil
		}
		var twice int64
		if err := db.Model(&naiveTruck{}).Where("plate = ? OR vin = ?", c[0], c[1]).Count(&twice).Error; err != nil || twice > 0 {
			return err
		}
		text, err := json.Marshal(c)
		if err != nil {
			return err
		}
		return db.Create(&naiveTruck{Plate: c[0], VIN: c[1], Engine: c[2], City: "430100", Category: c[3], Fuel: c[4], Stage: c[5], Mass: c[6], Registered: c[7], Owner: c[8], Phone: c[9], SearchText: string(text)}).Error
	}, most)
}
