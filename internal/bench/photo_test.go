package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"phaseout/internal/app/apptest"
	"phaseout/internal/photo"
	"phaseout/internal/photo/scene"
	"phaseout/internal/store"
)

// BenchmarkPhotoPrint measures how long the print of a picture of 1.2 million
// pixels takes, from the decoded picture on.
func BenchmarkPhotoPrint(b *testing.B) {
	img := scene.Draw(scene.Scene{Place: 1, Subject: 2, Noise: 3}, 1280, 960)
	for b.Loop() {
		photo.PrintOf(img)
	}
}

// BenchmarkPhotoLookUp asks for pictures like one among 1,000,000 stored hashes
// and reports how long that takes beside the bare query for one hash on the same
// index ("x bare") and for all hashes of the question ("x query"). It must be a
// matter of milliseconds.
func BenchmarkPhotoLookUp(b *testing.B) {
	f := apptest.New(b, "sqlite:"+b.TempDir()+"/photo.db")
	bare, err := sql.Open("sqlite3", store.SQLiteDSN(strings.TrimPrefix(f.URL, "sqlite:"), false))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = bare.Close() }()
	bare.SetMaxOpenConns(1)
	ctx := context.Background()
	fill(b, ctx, bare)
	print := photo.PrintOf(scene.Draw(scene.Scene{Place: 1, Subject: 2, Noise: 3}, 640, 480))
	hashes := print.Question().Hashes()
	one, all := time.Duration(0), time.Duration(0)
	for range 20 {
		start := time.Now()
		var no int64
		if err := bare.QueryRowContext(ctx, "SELECT COALESCE(MAX(no), 0) FROM photo_keys WHERE hash = ?", hashes[0]).Scan(&no); err != nil {
			b.Fatal(err)
		}
		one += time.Since(start)
		start = time.Now()
		for i := 0; i < len(hashes); i += 500 {
			some := hashes[i:min(i+500, len(hashes))]
			args := make([]any, len(some))
			for j, h := range some {
				args[j] = h
			}
			rows, err := bare.QueryContext(ctx, "SELECT hash, no, spot FROM photo_keys WHERE hash IN (?"+strings.Repeat(",?", len(some)-1)+")", args...)
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
				var hash, n, spot int64
				if err := rows.Scan(&hash, &n, &spot); err != nil {
					b.Fatal(err)
				}
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil { //nolint:sqlclosecheck // in a loop
				b.Fatal(err)
			}
		}
		all += time.Since(start)
	}
	var took time.Duration
	n := 0
	for b.Loop() {
		start := time.Now()
		if _, err := f.DB.SimilarPhotos(ctx, print); err != nil {
			b.Fatal(err)
		}
		took += time.Since(start)
		n++
	}
	mean := took / time.Duration(n)
	b.ReportMetric(float64(mean.Microseconds())/1000, "ms")
	b.ReportMetric(float64(mean)/float64(one/20), "x-bare-hash")
	b.ReportMetric(float64(mean)/float64(all/20), "x-bare-question")
	b.ReportMetric(float64(len(hashes)), "hashes")
}

// fill puts 1,000,000 hashes into the index, 36 of each of 27,778 photos.
func fill(b *testing.B, ctx context.Context, db *sql.DB) {
	b.Helper()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		b.Fatal(err)
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO photo_keys (hash, no, spot) VALUES (?, ?, ?)")
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 1_000_000 {
		hash, spot := int64(1<<40)|int64(r.Uint32()), int64(1<<32)|int64(r.Uint32()>>4)
		if i%36 < 4 {
			hash, spot = int64(i%36+10)<<40|int64(r.Uint32()&0xffff), 0
		}
		if _, err := insert.ExecContext(ctx, hash, i/36+1, spot); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, "ANALYZE photo_keys"); err != nil {
		b.Fatal(fmt.Errorf("analyze: %w", err))
	}
}
