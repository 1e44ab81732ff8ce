package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"phaseout/internal/api"
	"phaseout/internal/app/apptest"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// declarationOf is the n-th scrapping, by deed of its own number.
func declarationOf(n int) retirement.Declaration {
	day := civil.Day("2025-10-01").AddDays(n % 60)
	return retirement.Declaration{WayOut: "scrapped", Driver: "subsidy", HandedInOn: day, DismantledOn: day.AddDays(5), DeregisteredOn: day.AddDays(10),
		Recycler: "长沙测试回收有限公司", CertificateNo: fmt.Sprintf("HS-%07d", n)}
}

// BenchmarkRetirement logs a retirement with its steps, summaries, evidence,
// counting days and audit, beside bare transactions of three inserts with the same
// durability: x-limit of the very rows of a record, a step and an event into the
// same schema and indexes, at most 2 (F27); x-empty of three short texts into an
// empty table without any index.
func BenchmarkRetirement(b *testing.B) {
	f := stock(b, max(2000, 2*b.N+2))
	ctx := context.Background()
	clerk := f.Users["clerk.changsha"]
	var ids []string
	for page := (store.Page{Limit: 500}); len(ids) < 2*b.N+1; page.After = ids[len(ids)-1] {
		assets, err := f.DB.Assets(ctx, clerk.Scope, store.AssetFilter{Class: registry.Truck, Status: registry.InUse}, page)
		if err != nil || len(assets) == 0 {
			b.Fatal(len(ids), err)
		}
		for _, a := range assets {
			ids = append(ids, a.ID)
		}
	}
	declare := func(assetID string, n int) {
		if _, err := f.DeclareRetirement(ctx, clerk, assetID, nil, declarationOf(n)); err != nil {
			b.Fatal(err)
		}
	}
	declare(ids[2*b.N], 2*b.N) // the rows that the bare ones are like
	own, err := f.DB.OwnHandle()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	record, step, event := likeOf(b, own, "retirements"), likeOf(b, own, "retirement_steps"), likeOf(b, own, "audit_events")
	db := raw(b)
	var product, limit, empty time.Duration
	b.ResetTimer()
	for i := range b.N {
		product += since(func() { declare(ids[i], i) })
		other := b.N + i
		limit += bareTx(b, own,
			record.with(map[string]any{"id": ids[other], "asset_id": ids[other], "certificate_no": fmt.Sprintf("HS-%07d", other), "certificate_key": fmt.Sprintf("HS%07d", other)}),
			step.with(map[string]any{"retirement_id": ids[other]}),
			event.with(map[string]any{"seq": 1<<40 + i, "entity_id": ids[other], "asset_id": ids[other]}))
		empty += bareTx(b, db, text(80), text(84), text(88))
	}
	b.ReportMetric(product.Seconds()/limit.Seconds(), "x-limit")
	b.ReportMetric(product.Seconds()/empty.Seconds(), "x-empty")
	b.ReportMetric(float64(b.N)/product.Seconds(), "retirements/s")
}

// insert is a statement with its values.
type insert struct {
	text   string
	values []any
}

// like is a row of a table, to insert others like it.
type like struct {
	table   string
	columns []string
	values  []any
}

func likeOf(b *testing.B, db *sql.DB, table string) like {
	b.Helper()
	rows, err := db.QueryContext(context.Background(), "SELECT * FROM "+table+" ORDER BY rowid DESC LIMIT 1")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		b.Fatal("no row in", table, err, rows.Err())
	}
	l := like{table, columns, make([]any, len(columns))}
	into := make([]any, len(columns))
	for i := range into {
		into[i] = &l.values[i]
	}
	if err := rows.Scan(into...); err != nil {
		b.Fatal(err)
	}
	return l
}

func (l like) with(other map[string]any) insert {
	values := slices.Clone(l.values)
	for i, column := range l.columns {
		if v, ok := other[column]; ok {
			values[i] = v
		}
	}
	return insert{"INSERT INTO " + l.table + " (" + strings.Join(l.columns, ", ") + ") VALUES (" + strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ") + ")", values}
}

func text(n int) insert {
	return insert{"INSERT INTO e VALUES (NULL, ?)", []any{strings.Repeat("x", n)}}
}

// bareTx times a transaction of nothing but inserts, whose statements the driver
// keeps prepared.
func bareTx(b *testing.B, db *sql.DB, inserts ...insert) time.Duration {
	b.Helper()
	ctx := context.Background()
	return since(func() {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			b.Fatal(err)
		}
		for _, i := range inserts {
			if _, err := tx.ExecContext(ctx, i.text, i.values...); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	})
}

type naiveRetirement struct {
	ID                                                                              uint
	AssetID, WayOut, HandedInOn, DeregisteredOn, Recycler, CertificateNo, AuditText string
}

// naive is how the same is often written: a gin handler, gorm and SQLite with
// their defaults (which are durable: synchronous FULL), an asset row changed, a
// retirement and an audit row added.
func naive(b *testing.B, n int) http.Handler {
	b.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(b.TempDir(), "naive.db")), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		b.Fatal(err)
	}
	type asset struct {
		ID, Status string
	}
	type audit struct {
		ID   uint
		Text string
	}
	if err := db.AutoMigrate(&naiveRetirement{}, &asset{}, &audit{}); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if err := db.Create(&asset{ID: fmt.Sprint(i), Status: "in_use"}).Error; err != nil {
			b.Fatal(err)
		}
	}
	gin.SetMode(gin.TestMode)
	r := gin.New()
	r.POST("/retire/:id", func(c *gin.Context) {
		err := db.Transaction(func(tx *gorm.DB) error {
			var a asset
			if err := tx.First(&a, "id = ?", c.Param("id")).Error; err != nil {
				return err
			}
			var used int64
			if err := tx.Model(&naiveRetirement{}).Where("certificate_no = ?", "HS-"+a.ID).Count(&used).Error; err != nil {
				return err
			}
			a.Status = "deregistered"
			if err := tx.Save(&a).Error; err != nil {
				return err
			}
			if err := tx.Create(&naiveRetirement{AssetID: a.ID, WayOut: "scrapped", HandedInOn: "2025-10-01", DeregisteredOn: "2025-10-11", CertificateNo: "HS-" + a.ID}).Error; err != nil {
				return err
			}
			return tx.Create(&audit{Text: "retired " + a.ID}).Error
		})
		if err != nil {
			c.String(http.StatusInternalServerError, err.Error())
			return
		}
		c.String(http.StatusCreated, "ok")
	})
	return r
}

// client keeps a connection for each clerk.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}

// BenchmarkClerks has 16 clerks log at once over HTTP with synchronous FULL,
// beside a naive gin and gorm handler, which refuses many with "database is
// locked" and is asked again until it has all; x-naive is how many times as many
// are logged a second. No error is allowed of the product (F27).
func BenchmarkClerks(b *testing.B) {
	const clerks, warm = 16, 64
	n := max(b.N, 6000) // what the province logs in a fortnight: the naive look-up of a certificate has something to read
	f := stock(b, n+warm)
	ctx := context.Background()
	clerk := f.Users["clerk.changsha"]
	var ids []string
	for page := (store.Page{Limit: 500}); len(ids) < n+warm; page.After = ids[len(ids)-1] {
		assets, err := f.DB.Assets(ctx, clerk.Scope, store.AssetFilter{Class: registry.Truck}, page)
		if err != nil || len(assets) == 0 {
			b.Fatal(len(ids), err)
		}
		for _, a := range assets {
			ids = append(ids, a.ID)
		}
	}
	all := func(from, to int, one func(int) error) (took []time.Duration, whole time.Duration, errs int64) {
		took = make([]time.Duration, to-from)
		var next atomic.Int64
		var failed atomic.Int64
		var wait sync.WaitGroup
		whole = since(func() {
			for range clerks {
				wait.Go(func() {
					for i := int(next.Add(1)) - 1; from+i < to; i = int(next.Add(1)) - 1 {
						took[i] = since(func() {
							if one(from+i) != nil {
								failed.Add(1)
							}
						})
					}
				})
			}
			wait.Wait()
		})
		slices.Sort(took)
		return took, whole, failed.Load()
	}
	product := httptest.NewServer(api.New(api.Options{App: f.App, Version: "bench", Log: slog.New(slog.DiscardHandler)}).Handler())
	defer product.Close()
	grant, err := f.Login(ctx, "clerk.changsha", apptest.Password, "bench")
	if err != nil {
		b.Fatal(err)
	}
	post := func(url, body string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+grant.AccessToken)
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return err
		}
		if res.StatusCode != http.StatusCreated {
			return fmt.Errorf("status %d", res.StatusCode)
		}
		return nil
	}
	log := func(i int) error {
		body, err := json.Marshal(declarationOf(i))
		if err != nil {
			return err
		}
		return post(product.URL+"/api/v1/assets/"+ids[i]+"/retirement", string(body))
	}
	handler := naive(b, n)
	server := httptest.NewServer(handler)
	defer server.Close()
	all(0, warm, log)
	b.ResetTimer()
	took, whole, errs := all(warm, warm+n, log)
	var refused atomic.Int64 // by the naive handler: its clerk tries again until the record is in
	_, naiveWhole, _ := all(0, n, func(i int) error {
		for post(fmt.Sprintf("%s/retire/%d", server.URL, i), "") != nil {
			refused.Add(1)
		}
		return nil
	})
	b.ReportMetric(float64(errs), "errors")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
	b.ReportMetric(float64(n)/whole.Seconds(), "retirements/s")
	b.ReportMetric(float64(refused.Load()), "naive-errors")
	b.ReportMetric(naiveWhole.Seconds()/whole.Seconds(), "x-naive")
	if errs > 0 {
		b.Errorf("%d of %d failed", errs, n)
	}
}
