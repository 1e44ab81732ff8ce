package app_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
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
// the context ends, and returns how many deeds of each kind succeeded and, with
// the code of the fault, how many the rules refused. Another failure is one, and
// so is an answer of the bank that cannot be booked: it says what has happened.
func storm(ctx context.Context, f *apptest.Fixture, program string, fail func(error)) map[string]int64 {
	var mutex sync.Mutex
	var wait sync.WaitGroup
	done := map[string]int64{}
	for n := range 16 {
		wait.Go(func() {
			c := client{ctx, f, program, rand.New(rand.NewPCG(uint64(n), uint64(time.Now().UnixNano())))}
			for ctx.Err() == nil {
				kind, err := c.deed()
				refused, isFault := fault.As(err)
				if isFault {
					kind += " " + refused.Code
				}
				mutex.Lock()
				done[kind]++
				mutex.Unlock()
				switch {
				case err == nil || ctx.Err() != nil:
				case !isFault:
					fail(fmt.Errorf("%s: %w", kind, err))
				case strings.HasPrefix(kind, "answer ") && !slices.Contains([]string{"answer answer_repeated", "answer wrong_state", "answer stale"}, kind):
					fail(fmt.Errorf("%s: %w", kind, err))
				}
			}
		})
	}
	wait.Wait()
	delete(done, "")
	return done
}

// client is one of the storm.
type client struct {
	ctx     context.Context
	f       *apptest.Fixture
	program string
	random  *rand.Rand
}

func (c client) user(name string) access.Actor { return c.f.Users[name+".changsha"] }

// one returns one of the applications in a state, and false for none.
func (c client) one(state subsidy.State) (subsidy.Application, bool, error) {
	list, err := c.f.DB.Applications(c.ctx, c.user("finance").Scope, store.ApplicationFilter{State: state}, store.Page{Limit: 200})
	if err != nil || len(list) == 0 {
		return subsidy.Application{}, false, err
	}
	return list[c.random.IntN(len(list))], true, nil
}

// deed does something and says what; "" if there was nothing to do.
func (c client) deed() (kind string, err error) {
	f, maker, sender := c.f, c.user("finance"), c.user("finance4")
	switch c.random.IntN(17) {
	case 16:
		return "call up", f.CallUp(c.ctx)
	case 14:
		if c.random.IntN(2) == 0 {
			return c.fund()
		}
		f.Enter("changsha", f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-11-20", true).ApplicationID)
		return "arrive", nil
	case 15:
		return c.fund()
	case 0:
		_, err = f.MakeBatch(c.ctx, maker, c.program, nil)
		return "batch", err
	case 1, 2, 3, 4:
		batches, err := f.DB.Batches(c.ctx, maker.Scope, store.BatchFilter{}, store.Page{Limit: 20})
		if err != nil || len(batches) == 0 {
			return "", err
		}
		b := batches[c.random.IntN(len(batches))]
		if c.random.IntN(2) == 0 {
			_, err = f.SendBatch(c.ctx, sender, b.ID, b.Version)
			return "send", err
		}
		return "answer", answerAtRandom(c.ctx, f, c.random, b)
	case 5:
		a, there, err := c.one(subsidy.Returned)
		if err != nil || !there {
			return "", err
		}
		_, err = f.MendReturned(c.ctx, maker, a.ID, a.Version, "bank")
		return "mend", err
	case 6:
		a, there, err := c.one(subsidy.Paid)
		if err != nil || !there {
			return "", err
		}
		_, err = f.OpenRecovery(c.ctx, maker, a.ID, ledger.Recovery{ReasonCode: "other", Reason: "x", AmountFen: money.Fen(1 + c.random.IntN(35_000_00)), DueOn: "2026-12-31", MayOffset: true}, nil)
		return "recover", err
	case 7:
		cases, err := f.DB.Recoveries(c.ctx, maker.Scope, "", "open", store.Page{Limit: 20})
		if err != nil || len(cases) == 0 {
			return "", err
		}
		r := cases[c.random.IntN(len(cases))]
		_, err = f.BookReceipt(c.ctx, maker, r.ID, r.Version, ledger.Receipt{AmountFen: money.Fen(1 + c.random.IntN(int(r.Outstanding()))), ReceivedOn: "2026-01-15", Reference: fmt.Sprint(c.random.Uint64())})
		return "receive", err
	case 8:
		return c.reopen()
	default:
		return c.handle()
	}
}

// fund proposes money for a few more places, or decides on what is proposed. There
// is less of it than applications, so that some always wait.
func (c client) fund() (string, error) {
	finance, second := c.user("finance"), c.user("finance2")
	lines, err := c.f.DB.BudgetLines(c.ctx, finance.Scope, store.BudgetFilter{Program: c.program}, store.Page{Limit: 1})
	if err != nil || len(lines) == 0 {
		return "", err
	}
	proposed, err := c.f.DB.Changes(c.ctx, finance.Scope, lines[0].ID, "proposed", store.Page{Limit: 20})
	if err != nil {
		return "", err
	}
	if len(proposed) == 0 {
		kind := []ledger.Kind{ledger.Raise, ledger.Raise, ledger.Raise, ledger.Cut}[c.random.IntN(4)]
		_, err = c.f.ProposeChange(c.ctx, finance, lines[0].ID, ledger.Change{Kind: kind, AmountFen: money.Fen(1+c.random.IntN(3)) * 35_000_00, Document: "测试文件", Reason: "storm"})
		return "propose", err
	}
	p := proposed[c.random.IntN(len(proposed))]
	_, err = c.f.DecideChange(c.ctx, second, p.ID, p.Version, c.random.IntN(6) > 0, "storm")
	return "fund", err
}

// reopen changes the account of an application that the bank returned, or that
// is approved: it has to be checked and approved again.
func (c client) reopen() (string, error) {
	a, there, err := c.one([]subsidy.State{subsidy.Returned, subsidy.Returned, subsidy.Payable}[c.random.IntN(3)])
	if err != nil || !there {
		return "", err
	}
	_, err = c.f.AmendApplication(c.ctx, c.user("finance"), a.ID, a.Version, func(e *subsidy.Entry) {
		e.PayeeAccount = fmt.Sprintf("43020000%08d", c.random.IntN(100_000_000))
	})
	return "reopen", err
}

// handle takes an application a step through entry, check and approval, each by
// a person of its own; now and then it is sent back.
func (c client) handle() (string, error) {
	state := []subsidy.State{subsidy.Draft, subsidy.Submitted, subsidy.Checked}[c.random.IntN(3)]
	a, there, err := c.one(state)
	if err != nil || !there {
		return "", err
	}
	ruling := app.Ruling{Decision: "pass"}
	if c.random.IntN(6) == 0 {
		ruling = app.Ruling{Decision: "return", Kind: "data", Reason: "once more"}
	}
	switch state {
	case subsidy.Draft:
		_, err = c.f.SubmitApplication(c.ctx, c.user("finance"), a.ID, a.Version, "")
		return "submit", err
	case subsidy.Submitted:
		_, err = c.f.CheckApplication(c.ctx, c.user("finance2"), a.ID, a.Version, ruling)
		return "check", err
	}
	_, err = c.f.DecideApplication(c.ctx, c.user("finance3"), a.ID, a.Version, ruling)
	if ruling.Decision != "pass" {
		return "send back", err
	}
	return "approve", err
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

// inTheStorm brings applications of a program to where the storm takes them:
// six may be paid, seven are entered, two more than there is money for.
func inTheStorm(f *apptest.Fixture) string {
	program := payablesOf(f, 6, 11)
	for range 7 {
		f.Enter("changsha", f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-11-20", true).ApplicationID)
	}
	return program
}

// payables brings n applications to where they may be paid, and returns their
// program, which has money for them and no more.
func payables(f *apptest.Fixture, n int) string { return payablesOf(f, n, n) }

// payablesOf is payables with money for so many places.
func payablesOf(f *apptest.Fixture, n, places int) string {
	f.T.Helper()
	p := f.Program(money.Fen(places)*35_000_00, 35_000_00)
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

// TestMoneyAddsUpUnderAStorm proves F46, F51, F55 and F56: 16 clients enter,
// check, approve, batch, pay, return, refund and recover at random; the ledger
// sums to zero, no line is paid twice, no budget is below zero.
func TestMoneyAddsUpUnderAStorm(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		program := inTheStorm(f)
		done := map[string]int64{}
		missing := func() bool {
			return min(done["arrive"], done["fund"], done["approve"], done["batch"], done["send"], done["answer"]) == 0
		}
		for round := 0; round == 0 || round < 10 && missing(); round++ { // a slow machine gets more time
			ctx, stop := context.WithTimeout(context.Background(), stormTime())
			for kind, n := range storm(ctx, f, program, func(err error) { t.Error(err) }) {
				done[kind] += n
			}
			stop()
		}
		t.Logf("deeds: %v", done)
		if missing() {
			t.Errorf("something was never done: %v", done)
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
		program := inTheStorm(f)
		for n := range 3 {
			child := exec.Command(os.Args[0], "-test.run=^TestStormUntilKilled$")
			child.Env = append(os.Environ(), "PHASEOUT_STORM_URL="+url, "PHASEOUT_STORM_PROGRAM="+program, "PHASEOUT_STORM_FILES="+f.FilesDir, fmt.Sprintf("PHASEOUT_STORM_FROM=%d", 20_000*(n+1)))
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
	from, err := strconv.Atoi(os.Getenv("PHASEOUT_STORM_FROM"))
	if err != nil {
		t.Fatal(err)
	}
	f.CountFrom(from)
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	storm(ctx, f, os.Getenv("PHASEOUT_STORM_PROGRAM"), func(err error) { t.Error(err) })
}
