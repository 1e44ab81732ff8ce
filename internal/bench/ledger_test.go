package bench

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/seal"
)

const amount = money.Fen(35_000_00)

// payable is a site with n applications that may be paid from one budget line:
// one that went the whole way, and copies of it.
func payable(b *testing.B, n int) (f *apptest.Fixture, program string) {
	b.Helper()
	f = apptest.New(b, "sqlite:"+filepath.Join(b.TempDir(), "bench.db"))
	f.MaxUpload = 1 << 30
	p := f.Program(money.Fen(n)*amount, amount)
	f.Brief(p.ID)
	first := f.Approve("changsha", f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-11-20", true).ApplicationID)
	ring, err := seal.NewRing(bytes.Repeat([]byte("s"), 32)) // the fixture's
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	db := bare(b, f.URL)
	db.SetMaxOpenConns(1)
	columns := columnsOf(ctx, b, db, "applications", false)
	values := slices.Clone(columns)
	for i, column := range columns {
		switch column {
		case "id", "payee_account", "applicant_phone":
			values[i] = "?"
		case "asset_id", "retirement_id":
			values[i] = column + " || '-' || ?"
		}
	}
	for _, statement := range []string{"PRAGMA foreign_keys = off",
		fmt.Sprintf("UPDATE budget_lines SET committed_fen = committed_fen * %d, free_fen = 0", n)} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			b.Fatal(err)
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := range n - 1 {
		id := fmt.Sprintf("%s-%06d", first.ID, i)
		args := map[string]any{"id": id, "asset_id": i, "retirement_id": i,
			"payee_account":   ring.Seal(fmt.Sprintf("43010000%08d", i), "applications/"+id+"/payee_account"),
			"applicant_phone": ring.Seal("13900001234", "applications/"+id+"/applicant_phone")}
		var list []any
		for _, column := range columns {
			if v, made := args[column]; made {
				list = append(list, v)
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO applications ("+strings.Join(columns, ", ")+") SELECT "+strings.Join(values, ", ")+" FROM applications WHERE id = ?", append(list, first.ID)...)
		if err == nil {
			_, err = tx.ExecContext(ctx, "INSERT INTO fund_claims SELECT ?, position, city_code, program_id, line_id, source, fen, back_fen, state, paid_on FROM fund_claims WHERE application_id = ?", id, first.ID)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	return f, p.ID
}

// BenchmarkBatch freezes, sends and answers a batch of a tenth of
// PHASEOUT_BENCH_ROWS lines and of all of them, 50,000 at most, one in ten
// returned, beside bare inserts of the lines; memory is to stay flat (F55, F56).
// Run it with -benchtime 1x.
func BenchmarkBatch(b *testing.B) {
	rows := min(rowsOf(b), 50_000)
	for _, n := range []int{rows / 10, rows} {
		f, program := payable(b, n)
		ctx := context.Background()
		var heap uint64
		stop := watchHeap(&heap)
		var made app.MadeBatch
		var err error
		frozen := since(func() { made, err = f.MakeBatch(ctx, f.Users["finance.changsha"], program, nil) })
		if err != nil || made.LineCount != int64(n) {
			b.Fatalf("%d lines, %v", made.LineCount, err)
		}
		var sent ledger.Batch
		sending := since(func() { sent, err = f.SendBatch(ctx, f.Users["finance4.changsha"], made.ID, made.Version) })
		if err != nil {
			b.Fatal(err)
		}
		text := answerTo(b, f, sent)
		answered := since(func() {
			_, err = f.AnswerBatch(ctx, f.Users["finance4.changsha"], sent.ID, "a.csv", strings.NewReader(text))
		})
		if err != nil {
			b.Fatal(err)
		}
		stop()
		for _, part := range f.Checks() {
			if part.Name == "audit" {
				if _, err := part.Run(ctx); err != nil {
					b.Fatal(err)
				}
			}
		}
		limit := bareLines(b, n)
		say("%d lines: frozen in %v, sent in %v, answered in %v (bare inserts of as many rows %v); heap up to %d MiB", n, frozen.Round(time.Millisecond),
			sending.Round(time.Millisecond), answered.Round(time.Millisecond), limit.Round(time.Millisecond), heap>>20)
		b.ReportMetric(float64(n)/(frozen+sending+answered).Seconds(), fmt.Sprintf("lines/s-of-%d", n))
		b.ReportMetric(float64(heap>>20), fmt.Sprintf("MiB-of-%d", n))
	}
}

// answerTo is a bank's answer in which every tenth line is returned.
func answerTo(b *testing.B, f *apptest.Fixture, batch ledger.Batch) string {
	b.Helper()
	var text strings.Builder
	text.WriteString("序号,收款账号,支付金额,支付状态,支付单号\n")
	err := f.DB.EachLine(context.Background(), batch, func(l ledger.BatchLine) error {
		word := "成功"
		if l.LineNo%10 == 0 {
			word = "账号户名不符退回"
		}
		_, err := fmt.Fprintf(&text, "%d,%s,%s,%s,R%d\n", l.LineNo, l.PayeeAccount, strings.ReplaceAll(l.AmountFen.Yuan(), ",", ""), word, l.LineNo)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return text.String()
}

func bareLines(b *testing.B, n int) time.Duration {
	b.Helper()
	db := raw(b)
	return since(func() {
		tx, err := db.BeginTx(context.Background(), nil)
		for range n {
			if err == nil {
				_, err = tx.ExecContext(context.Background(), "INSERT INTO e VALUES (NULL, ?)", strings.Repeat("line", 40))
			}
		}
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkApprovals has 16 clients approve applications that are paid from one
// budget line, with synchronous FULL. No error is allowed (F46).
func BenchmarkApprovals(b *testing.B) {
	n := max(b.N, 160)
	f := apptest.New(b, "sqlite:"+filepath.Join(b.TempDir(), "bench.db"))
	p := f.Program(money.Fen(n)*amount, amount)
	f.Brief(p.ID)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = f.Check("changsha", f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-11-20", true).ApplicationID).ID
	}
	ctx := context.Background()
	by := f.Users["finance3.changsha"]
	took := make([]time.Duration, n)
	var next, failed atomic.Int64
	var wait sync.WaitGroup
	b.ResetTimer()
	whole := since(func() {
		for range 16 {
			wait.Go(func() {
				for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
					took[i] = since(func() {
						a, err := f.DB.Application(ctx, by.Scope, ids[i])
						if err == nil {
							_, err = f.DecideApplication(ctx, by, ids[i], a.Version, app.Ruling{Decision: "pass"})
						}
						if err != nil {
							failed.Add(1)
						}
					})
				}
			})
		}
		wait.Wait()
	})
	slices.Sort(took)
	b.ReportMetric(float64(failed.Load()), "errors")
	b.ReportMetric(float64(took[n*99/100].Milliseconds()), "p99-ms")
	b.ReportMetric(float64(n)/whole.Seconds(), "approvals/s")
	if failed.Load() > 0 {
		b.Errorf("%d of %d failed", failed.Load(), n)
	}
	for _, part := range f.Checks() {
		if _, err := part.Run(ctx); err != nil {
			b.Errorf("check %s: %v", part.Name, err)
		}
	}
}
