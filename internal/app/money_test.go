package app_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"phaseout/internal/app/apptest"
	"phaseout/internal/fault"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
	"phaseout/internal/subsidy"
)

// stormTime is how long the storm lasts: seconds, or as PHASEOUT_STORM says.
func stormTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("PHASEOUT_STORM")); err == nil {
		return d
	}
	return 3 * time.Second
}

// storm lets 16 clients do at random whatever finance does with money, until
// the context ends, and returns how many deeds succeeded. What the rules refuse
// is no failure; anything else is.
func storm(ctx context.Context, f *apptest.Fixture, program string, fail func(error)) int64 {
	var done atomic.Int64
	var wait sync.WaitGroup
	maker, sender := f.Users["finance.changsha"], f.Users["finance4.changsha"]
	for client := range 16 {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(client), uint64(time.Now().UnixNano())))
			count := func(err error) {
				if _, isFault := fault.As(err); err == nil {
					done.Add(1)
				} else if !isFault && ctx.Err() == nil && !strings.Contains(err.Error(), "SQLSTATE 23505") {
					fail(err)
				}
			}
			for ctx.Err() == nil {
				batches, err := f.DB.Batches(ctx, maker.Scope, store.BatchFilter{}, store.Page{Limit: 20})
				if err != nil {
					count(err)
					continue
				}
				var b ledger.Batch
				if len(batches) > 0 {
					b = batches[random.IntN(len(batches))]
				}
				switch random.IntN(8) {
				case 0:
					_, err = f.MakeBatch(ctx, maker, program, nil)
				case 1, 2:
					_, err = f.SendBatch(ctx, sender, b.ID, b.Version)
				case 3, 4:
					err = answerAtRandom(ctx, f, random, b)
				case 5:
					var list []subsidy.Application
					if list, err = f.DB.Applications(ctx, maker.Scope, store.ApplicationFilter{State: subsidy.Returned}, store.Page{Limit: 5}); err == nil && len(list) > 0 {
						a := list[random.IntN(len(list))]
						_, err = f.MendReturned(ctx, maker, a.ID, a.Version, "bank")
					}
				case 6:
					var list []subsidy.Application
					if list, err = f.DB.Applications(ctx, maker.Scope, store.ApplicationFilter{State: subsidy.Paid}, store.Page{Limit: 20}); err == nil && len(list) > 0 {
						_, err = f.OpenRecovery(ctx, maker, list[random.IntN(len(list))].ID, ledger.Recovery{ReasonCode: "other", Reason: "x", AmountFen: money.Fen(1 + random.IntN(35_000_00)), DueOn: "2026-12-31", MayOffset: true}, nil)
					}
				default:
					var cases []ledger.Recovery
					if cases, err = f.DB.Recoveries(ctx, maker.Scope, "", "open", store.Page{Limit: 20}); err == nil && len(cases) > 0 {
						c := cases[random.IntN(len(cases))]
						_, err = f.BookReceipt(ctx, maker, c.ID, c.Version, ledger.Receipt{AmountFen: money.Fen(1 + random.IntN(int(c.Outstanding()))), ReceivedOn: "2026-01-15", Reference: fmt.Sprint(random.Uint64())})
					}
				}
				count(err)
			}
		})
	}
	wait.Wait()
	return done.Load()
}

// answerAtRandom answers a batch as a bank of moods would.
func answerAtRandom(ctx context.Context, f *apptest.Fixture, random *rand.Rand, b ledger.Batch) error {
	lines, err := f.DB.BatchLines(ctx, b, "", store.Page{Limit: 100})
	if err != nil || len(lines) == 0 {
		return err
	}
	var text strings.Builder
	text.WriteString("序号,收款账号,支付金额,支付状态,支付单号\n")
	for _, l := range lines {
		word := []string{"成功", "成功", "退回", "退款", ""}[random.IntN(5)]
		if word != "" {
			fmt.Fprintf(&text, "%d,%s,%s,%s,R%d\n", l.LineNo, l.PayeeAccount, strings.ReplaceAll(l.AmountFen.Yuan(), ",", ""), word, random.IntN(1000))
		}
	}
	_, err = f.AnswerBatch(ctx, f.Users["finance4.changsha"], b.ID, "a.csv", bytes.NewReader([]byte(text.String())))
	return err
}

// payables brings n applications to where they may be paid.
func payables(f *apptest.Fixture, n int) string {
	p := f.Program(money.Fen(n)*35_000_00, 35_000_00)
	f.Brief(p.ID)
	for range n {
		f.Approve("changsha", f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-11-20", true).ApplicationID)
	}
	return p.ID
}

// sound fails the test if the money does not add up.
func sound(t *testing.T, f *apptest.Fixture) {
	t.Helper()
	for _, part := range f.Checks() {
		if part.Name != "ledger" && part.Name != "money" && part.Name != "audit" {
			continue
		}
		if _, err := part.Run(context.Background()); err != nil {
			t.Errorf("check %s: %v", part.Name, err)
		}
	}
}

// TestMoneyAddsUpUnderAStorm proves F46, F51, F55 and F56: 16 clients batch,
// pay, return, refund and recover at random; the ledger sums to zero, no line
// is paid twice, no budget is below zero.
func TestMoneyAddsUpUnderAStorm(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		program := payables(f, 12)
		ctx, stop := context.WithTimeout(context.Background(), stormTime())
		defer stop()
		done := storm(ctx, f, program, func(err error) { t.Error(err) })
		t.Logf("%d deeds", done)
		if done < 20 {
			t.Errorf("only %d deeds", done)
		}
		sound(t, f)
	})
}

// TestMoneyAddsUpAfterKill proves F46 and F55: a process of its own does the
// same and is killed in the middle, three times; the ledger is sound after each.
func TestMoneyAddsUpAfterKill(t *testing.T) {
	if os.Getenv("PHASEOUT_STORM_URL") != "" {
		t.Skip("this is the process that is killed")
	}
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		program := payables(f, 12)
		for range 3 {
			child := exec.Command(os.Args[0], "-test.run=^TestStormUntilKilled$")
			child.Env = append(os.Environ(), "PHASEOUT_STORM_URL="+url, "PHASEOUT_STORM_PROGRAM="+program, "PHASEOUT_STORM_FILES="+f.FilesDir)
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1500 * time.Millisecond)
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := child.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Errorf("the process ended by itself: %v", err)
			}
			sound(t, f)
		}
		entries, err := f.DB.Entries(context.Background(), f.Users["finance.changsha"].Scope, store.EntryFilter{Kind: ledger.Pay}, store.Page{Limit: 500})
		if err != nil || len(entries) == 0 {
			t.Errorf("%d payments before the last kill, %v", len(entries), err)
		}
	})
}

// TestStormUntilKilled is the process that TestMoneyAddsUpAfterKill kills.
func TestStormUntilKilled(t *testing.T) {
	url := os.Getenv("PHASEOUT_STORM_URL")
	if url == "" {
		t.Skip("only as the process of TestMoneyAddsUpAfterKill")
	}
	f := &apptest.Fixture{T: t, URL: url, Clock: &storetest.Clock{}}
	f.Attach(os.Getenv("PHASEOUT_STORM_FILES"))
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	storm(ctx, f, os.Getenv("PHASEOUT_STORM_PROGRAM"), func(err error) { t.Error(err) })
}
