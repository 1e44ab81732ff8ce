// Package bench measures what users wait for, each beside a limit taken in the
// same run on the same machine. Every benchmark reports "x-limit": how many
// times slower the product is than its limit. Nothing here fails on a number;
// "make bench" prints them for a person to read.
package bench

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/xuri/excelize/v2"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"phaseout/internal/access"
	"phaseout/internal/api"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
)

// stock is a site with n trucks, imported as an office would.
func stock(b *testing.B, n int) *apptest.Fixture {
	b.Helper()
	f := apptest.New(b, "sqlite:"+filepath.Join(b.TempDir(), "bench.db"))
	f.MaxUpload = 1 << 30
	if n > 0 {
		load(b, f, sheetOf(n))
	}
	return f
}

func sheetOf(n int) []byte {
	var b bytes.Buffer
	writeSheet(&b, n)
	return b.Bytes()
}

// writeSheet writes n trucks as an office's CSV.
func writeSheet(w io.Writer, n int) {
	fmt.Fprintln(w, "号牌号码,车辆识别代号,发动机号,车辆类型,燃料种类,排放标准,总质量(kg),初次登记日期,所有人,联系电话")
	for i := range n {
		day := civil.Day("2005-01-01").AddDays(i % 3000)
		fmt.Fprintf(w, "湘A%s,%s,E%07d,重型自卸货车,柴油,国三,25000,%s,长沙测试%04d运输有限公司,13900001234\n", plateOf(i), apptest.VIN(i), i, day, i%5000)
	}
}

// plateOf is the i-th serial of a plate: five figures, then with one letter,
// then with two.
func plateOf(i int) string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	if i < 100_000 {
		return fmt.Sprintf("%05d", i)
	}
	if i -= 100_000; i < 240_000 {
		return fmt.Sprintf("%c%04d", letters[i/10_000], i%10_000)
	}
	if i -= 240_000; i < 576_000 {
		return fmt.Sprintf("%c%c%03d", letters[i/24_000], letters[i/1000%24], i%1000)
	}
	i -= 576_000
	return fmt.Sprintf("%c%03d%c", letters[i/24_000], i%1000, letters[i/1000%24])
}

// load uploads, checks and applies a sheet, as the clerk waits for it; looking
// for look-alikes afterwards is another benchmark.
func load(b *testing.B, f *apptest.Fixture, sheet []byte) store.Import {
	b.Helper()
	return loadFrom(b, f, "bench.csv", bytes.NewReader(sheet))
}

func loadFrom(b testing.TB, f *apptest.Fixture, name string, file io.Reader) store.Import {
	b.Helper()
	ctx := context.Background()
	clerk := f.Users["clerk.changsha"]
	i, err := f.UploadImport(ctx, clerk, registry.Truck, "430100", filepath.Base(name), file)
	for _, next := range []func() error{
		func() error { return f.RunImport(ctx, i.ID) },
		func() (err error) { i, err = f.ApplyImport(ctx, clerk, i.ID, "valid_rows"); return err },
		func() error { return f.RunImport(ctx, i.ID) },
		func() error { return f.SettleImport(ctx, i.ID) },
		func() (err error) { i, err = f.DB.Import(ctx, clerk.Scope, i.ID); return err },
	} {
		if err == nil {
			err = next()
		}
	}
	if err != nil || i.State != "applied" {
		b.Fatalf("%s, %v: %s", i.State, err, i.Problem)
	}
	return i
}

// raw is the limit of writing: a bare SQLite file with the same durability.
func raw(b *testing.B) *sql.DB {
	b.Helper()
	db, err := sql.Open("sqlite3", store.SQLiteDSN(filepath.Join(b.TempDir(), "raw.db"), false))
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	b.Cleanup(func() { _ = db.Close() })
	for _, statement := range []string{"CREATE TABLE a (id TEXT PRIMARY KEY, city TEXT, label TEXT, body TEXT)", "CREATE INDEX a_city ON a (city, id)",
		"CREATE TABLE i (id TEXT, kind TEXT, norm TEXT)", "CREATE UNIQUE INDEX i_norm ON i (kind, norm)", "CREATE TABLE e (seq INTEGER PRIMARY KEY, body TEXT)"} {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			b.Fatal(err)
		}
	}
	return db
}

// since times fn.
func since(fn func()) time.Duration {
	start := time.Now()
	fn()
	return time.Since(start)
}

// BenchmarkWrite amends one record with its audit event, beside a bare
// transaction of three inserts with the same durability.
func BenchmarkWrite(b *testing.B) {
	f := stock(b, 1000)
	ctx := context.Background()
	clerk := f.Users["clerk.changsha"]
	assets, err := f.DB.Assets(ctx, clerk.Scope, store.AssetFilter{}, store.Page{Limit: 1})
	if err != nil {
		b.Fatal(err)
	}
	version := assets[0].Version
	db := raw(b)
	var product, limit time.Duration
	b.ResetTimer()
	for i := range b.N {
		product += since(func() {
			c, err := f.AmendAsset(ctx, clerk, assets[0].ID, version, map[string]string{"model": fmt.Sprint("M", i)}, "")
			if err != nil {
				b.Fatal(err)
			}
			version = c.Version
		})
		limit += since(func() {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				b.Fatal(err)
			}
			for range 3 {
				if _, err := tx.ExecContext(ctx, "INSERT INTO e VALUES (NULL, ?)", "body"); err != nil {
					b.Fatal(err)
				}
			}
			if err := tx.Commit(); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.ReportMetric(product.Seconds()/limit.Seconds(), "x-limit")
}

// BenchmarkRequests measures reading over HTTP with 20,000 trucks, beside a
// bare gin handler on the same line.
func BenchmarkRequests(b *testing.B) {
	f := stock(b, 20000)
	log := slog.New(slog.DiscardHandler)
	server := httptest.NewServer(api.New(api.Options{App: f.App, Version: "bench", Log: log}).Handler())
	defer server.Close()
	bare := gin.New()
	bare.GET("/hello", func(c *gin.Context) { c.String(http.StatusOK, "hello") })
	hello := httptest.NewServer(bare)
	defer hello.Close()
	grant, err := f.Login(context.Background(), "clerk.changsha", apptest.Password, "bench")
	if err != nil {
		b.Fatal(err)
	}
	get := func(url string) []byte {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
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
			b.Fatalf("%s: %d %s", url, res.StatusCode, body)
		}
		return body
	}
	var list struct{ Items []struct{ ID string } }
	if err := json.Unmarshal(get(server.URL+"/api/v1/assets?limit=500"), &list); err != nil {
		b.Fatal(err)
	}
	for name, path := range map[string]string{
		"by id": "/assets/" + list.Items[300].ID, "page of a filter": "/assets?class=truck&stage=china3&status=in_use", "search by plate": "/assets?q=12345", "search by two signs of the owner": "/assets?q=" + "%E6%B5%8B%E8%AF%95",
		"progress as of a day": "/progress?as_of=2025-12-17",
	} {
		b.Run(name, func(b *testing.B) {
			var product, limit time.Duration
			for range b.N {
				product += since(func() { get(server.URL + "/api/v1" + path) })
				limit += since(func() { get(hello.URL + "/hello") })
			}
			b.ReportMetric(product.Seconds()/limit.Seconds(), "x-hello")
		})
	}
}

// BenchmarkRollUp reads the province's figures from the roll-up with 20,000
// trucks, beside counting the rows themselves.
func BenchmarkRollUp(b *testing.B) {
	f := stock(b, 20000)
	ctx := context.Background()
	whole := access.Whole()
	var product, limit time.Duration
	for range b.N {
		product += since(func() {
			if _, err := f.Progress(ctx, whole, app.ProgressFilter{AsOf: "2025-12-17", GroupBy: "city,class"}); err != nil {
				b.Fatal(err)
			}
		})
		limit += since(func() {
			if _, err := f.DB.CountAssets(ctx, whole, store.AssetFilter{Class: registry.Truck, Metric: "cohort", AsOf: "2025-12-17",
				Bounds: map[store.Area]store.Bounds{{CityCode: "430100", Class: registry.Truck}: {BaselineOn: "2021-12-31"}}}, 1_000_000); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.ReportMetric(product.Seconds()/limit.Seconds(), "x-counting-one-figure")
}

// BenchmarkWorkbook writes 100,000 rows of 20 columns, beside excelize cell by
// cell and excelize's own stream. "x-faster" is how many times faster ours is.
func BenchmarkWorkbook(b *testing.B) {
	const rows, columns = 100_000, 20
	table := sheet.Table{Title: "T", Head: make([]sheet.Head, columns)}
	row := make([]string, columns)
	fill := func(i int) []string {
		for j := range row {
			row[j] = fmt.Sprintf("湘A%05d 测试%d", i, j)
		}
		return row
	}
	var product, cells, stream time.Duration
	for range b.N {
		product += since(func() {
			err := sheet.StreamXLSX(io.Discard, table, func(yield func([]string, error) bool) {
				for i := range rows {
					if !yield(fill(i), nil) {
						return
					}
				}
			})
			if err != nil {
				b.Fatal(err)
			}
		})
		runtime.GC()
		cells += since(func() {
			f := excelize.NewFile()
			for i := range rows {
				for j, v := range fill(i) {
					place, _ := excelize.CoordinatesToCellName(j+1, i+1)
					if err := f.SetCellStr("Sheet1", place, v); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := f.Write(io.Discard); err != nil {
				b.Fatal(err)
			}
			_ = f.Close()
		})
		runtime.GC()
		stream += since(func() {
			f := excelize.NewFile()
			out, err := f.NewStreamWriter("Sheet1")
			if err != nil {
				b.Fatal(err)
			}
			line := make([]any, columns)
			for i := range rows {
				for j, v := range fill(i) {
					line[j] = v
				}
				if err := out.SetRow(fmt.Sprintf("A%d", i+1), line); err != nil {
					b.Fatal(err)
				}
			}
			if err := out.Flush(); err != nil {
				b.Fatal(err)
			}
			if err := f.Write(io.Discard); err != nil {
				b.Fatal(err)
			}
			_ = f.Close()
		})
		runtime.GC()
	}
	b.ReportMetric(float64(rows*b.N)/product.Seconds(), "rows/s")
	b.ReportMetric(cells.Seconds()/product.Seconds(), "x-faster-than-cells")
	b.ReportMetric(stream.Seconds()/product.Seconds(), "x-faster-than-excelize-stream")
}

// BenchmarkExport writes the registry with 20,000 trucks as CSV with count and
// audit, beside what one would write first: gorm finds all rows, fmt prints
// them. "x-faster" is how many times faster ours is.
func BenchmarkExport(b *testing.B) {
	rows := min(rowsOf(b), 100_000)
	path := filepath.Join(b.TempDir(), "export.db")
	f := apptest.New(b, "sqlite:"+path)
	f.MaxUpload = 1 << 30
	load(b, f, sheetOf(rows))
	ctx := context.Background()
	clerk := f.Users["clerk.changsha"]
	plain, err := gorm.Open(sqlite.Open(store.SQLiteDSN(path, true)), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		b.Fatal(err)
	}
	export := func(format string) time.Duration {
		return since(func() {
			done, err := f.ExportAssets(ctx, clerk, store.AssetFilter{Class: registry.Truck}, app.ExportOrder{Format: format}, io.Discard)
			if err != nil || done.Count != rows {
				b.Fatal(done, err)
			}
		})
	}
	var csv, xlsx, naive, cells time.Duration
	b.ResetTimer()
	for range b.N {
		csv += export("csv")
		xlsx += export("xlsx")
		runtime.GC()
		naive += since(func() { naiveExport(b, f, plain, io.Discard) })
		runtime.GC()
		cells += since(func() { naiveWorkbook(b, f, plain, io.Discard) })
		runtime.GC()
	}
	b.ReportMetric(float64(rows*b.N)/csv.Seconds(), "csv-rows/s")
	b.ReportMetric(float64(rows*b.N)/xlsx.Seconds(), "xlsx-rows/s")
	b.ReportMetric(naive.Seconds()/csv.Seconds(), "csv-x-faster-than-find-all")
	b.ReportMetric(cells.Seconds()/xlsx.Seconds(), "xlsx-x-faster-than-cells")
}

type naiveAsset struct {
	ID, CityCode, DistrictCode, Class, Category, Status, Label, Stage, StageSource, Fuel, Model, RegisteredOn, BuiltOn, ScrapDueOn, ScrapDueSource string
	PoliceStatus, OwnerName, OwnerID, OwnerPhone, Fields, SearchText, CohortOn, ImportID                                                           string
	CreatedAt, UpdatedAt                                                                                                                           time.Time
	Version                                                                                                                                        int64
}

func (naiveAsset) TableName() string { return "assets" }

// naiveWorkbook finds all rows and sets each cell.
func naiveWorkbook(b *testing.B, f *apptest.Fixture, db *gorm.DB, w io.Writer) {
	b.Helper()
	var lines bytes.Buffer
	naiveExport(b, f, db, &lines)
	x := excelize.NewFile()
	row := 0
	for line := range bytes.Lines(lines.Bytes()) {
		row++
		for column, cell := range bytes.Split(line, []byte(",")) {
			place, err := excelize.CoordinatesToCellName(column+1, row)
			if err == nil {
				err = x.SetCellStr("Sheet1", place, string(cell))
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := errors.Join(x.Write(w), x.Close()); err != nil {
		b.Fatal(err)
	}
}

func naiveExport(b *testing.B, f *apptest.Fixture, db *gorm.DB, w io.Writer) {
	b.Helper()
	var assets []naiveAsset
	if err := db.Where("class = ? AND city_code = ?", "truck", "430100").Order("id").Find(&assets).Error; err != nil {
		b.Fatal(err)
	}
	spec, _ := registry.SpecOf(registry.Truck)
	for _, a := range assets {
		var fields map[string]string
		if err := json.Unmarshal([]byte(a.Fields), &fields); err != nil {
			b.Fatal(err)
		}
		for _, s := range spec.Fields {
			v := fields[s.Key]
			if s.Dictionary != "" {
				v = f.Reference.Name(registry.Truck, s.Dictionary, v).ZH
			}
			fmt.Fprintf(w, "%q,", v)
		}
		fmt.Fprintf(w, "%s,%s,%s,%s\n", a.OwnerName, store.MaskID(a.OwnerID), store.MaskPhone(a.OwnerPhone), a.ID)
	}
}
