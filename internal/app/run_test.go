package app_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/jobs"
	"phaseout/internal/photo/scene"
	"phaseout/internal/registry"
	"phaseout/internal/signal"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// TestBrokenRunEndsAsFailed proves F43 and F59: a trial of a rule or a look for
// signals that cannot go on is failed and says why; so is one that a restart
// finds in the middle. Nothing stays under way for ever.
func TestBrokenRunEndsAsFailed(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f, ctx := apptest.New(t, url), context.Background()
		finance := f.Users["finance.changsha"]
		p := f.Program(100_000_00, 10_000_00)
		owed(f, 1)
		replay := func() store.RuleRun {
			r, err := f.StartRuleRun(ctx, finance, p.ID, "replay", "")
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		reason := func(id, want string) {
			t.Helper()
			r, err := f.DB.RuleRun(ctx, finance.Scope, id)
			if err != nil {
				t.Fatal(err)
			}
			if problem := app.ProblemOfRun(r.Problem); r.State != "failed" || r.EndedAt == nil || problem == nil || problem.Code != want || problem.Mend.ZH == "" {
				t.Errorf("the run is %s, ended %v: %s; want %s", r.State, r.EndedAt, r.Problem, want)
			}
		}
		exec := func(statement string) {
			t.Helper()
			if err := storetest.Exec(url, statement); err != nil {
				t.Fatal(err)
			}
		}
		exec("UPDATE case_facts SET facts = 'no facts'")
		broken := replay()
		if err := f.RunRule(ctx, broken.ID); err == nil || !strings.Contains(err.Error(), "facts of case") {
			t.Errorf("the log gets %v", err)
		}
		reason(broken.ID, "run_broken")
		if err := f.RunRule(ctx, broken.ID); err != nil {
			t.Errorf("the queue tries again: %v", err)
		}

		// What a stop of the program interrupts goes on or ends at the next start.
		lost := replay()
		look, err := f.StartSignalRun(ctx, finance)
		if err != nil {
			t.Fatal(err)
		}
		exec("UPDATE rule_runs SET state = 'running' WHERE id = '" + lost.ID + "'")
		exec("UPDATE signal_runs SET state = 'running' WHERE id = '" + look.ID + "'")
		f.Clock.Advance(11 * time.Minute)
		queue, err := jobs.Start(ctx, f.App, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := queue.Stop(ctx); err != nil {
			t.Error(err)
		}
		reason(lost.ID, "run_lost")
		if look, err = f.DB.SignalRun(ctx, look.ID); err != nil || look.State != "failed" || app.ProblemOfRun(look.Problem).Code != "run_lost" {
			t.Errorf("the look is %s: %s, %v", look.State, look.Problem, err)
		}
	})
}

// TestBrokenCohortRuleIsDoneAgain proves F13: a trial or an application of a
// cohort rule that breaks off is failed, says why, and is done again from there;
// what has moved a part of the stock cannot be discarded. A restart finds what it
// left in the middle.
func TestBrokenCohortRuleIsDoneAgain(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f, ctx := apptest.New(t, url), context.Background()
		truck := f.Truck("clerk.changsha", "stage", "china4")
		rule := f.Reference.Rule(registry.Truck)
		rule.MaxStage = "china4"
		first, err := f.ProposeRule(ctx, f.Users["province"], rule, "X")
		if err != nil {
			t.Fatal(err)
		}
		state := func(want, while, code string) store.CohortRule {
			t.Helper()
			r, err := f.DB.CohortRule(ctx, first.ID)
			if err != nil {
				t.Fatal(err)
			}
			problem := app.ProblemOfRun(r.Problem)
			if r.State != want || r.FailedWhile != while || (problem == nil) != (code == "") || problem != nil && (problem.Code != code || problem.Mend.ZH == "") {
				t.Fatalf("the rule is %s while %q: %s; want %s", r.State, r.FailedWhile, r.Problem, want)
			}
			return r
		}
		decide := func(user, decision string, refused bool) {
			t.Helper()
			r, err := f.DB.CohortRule(ctx, first.ID)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.DecideRule(ctx, f.Users[user], r.ID, r.Version, decision, ""); (err != nil) != refused {
				t.Fatalf("%s of a rule that is %s: %v", decision, r.State, err)
			}
		}
		run := func(breaks bool) {
			t.Helper()
			fields := "'{}'"
			if breaks {
				fields = "'no fields'"
			}
			if err := storetest.Exec(url, "UPDATE assets SET fields = "+fields+" WHERE id = '"+truck.ID+"'"); err != nil {
				t.Fatal(err)
			}
			if err := f.RunCohort(ctx, first.ID); (err != nil) != breaks {
				t.Fatalf("the log gets %v", err)
			}
			if err := f.RunCohort(ctx, first.ID); err != nil && breaks {
				t.Fatalf("the queue tries again: %v", err)
			}
		}
		run(true)
		state("failed", "trying", "run_broken")
		decide("province2", "accept", true)
		if _, err := f.ProposeRule(ctx, f.Users["province"], rule, "Y"); err == nil {
			t.Error("another rule beside one that failed and is not decided")
		}
		decide("province", "retry", false)
		state("trying", "", "")
		run(false)
		state("tried", "", "")
		decide("province", "retry", true)
		decide("province2", "accept", false)
		run(true)
		state("failed", "applying", "run_broken")
		decide("province", "discard", true)
		decide("province", "retry", false)
		state("applying", "", "")

		// A restart finds it in the middle.
		if err := storetest.Exec(url, "UPDATE cohort_rules SET seen_at = '2026-01-15 01:00:00+00:00' WHERE id = '"+first.ID+"'"); err != nil {
			t.Fatal(err)
		}
		if err := f.LostRuns(ctx, f.DB.Now().Add(-10*time.Minute)); err != nil {
			t.Fatal(err)
		}
		state("failed", "applying", "run_lost")
		decide("province2", "retry", false)
		if err := f.LostRuns(ctx, f.DB.Now()); err != nil {
			t.Fatal(err)
		}
		state("applying", "", "") // it waits in the queue
		run(false)
		state("in_force", "", "")
		if a, err := f.DB.Asset(ctx, access.Whole(), truck.ID); err != nil || !a.InScope {
			t.Errorf("the truck is not covered: %s, %v", a.Counting.CohortOn, err)
		}

		// A trial that failed may be discarded.
		rule.MaxStage = "china5"
		if first, err = f.ProposeRule(ctx, f.Users["province"], rule, "Z"); err != nil {
			t.Fatal(err)
		}
		run(true)
		decide("province", "discard", false)
		state("discarded", "", "")
	})
}

// TestSignalsAreLookedForHourly proves F59: the clock starts a look every hour,
// one under way serves whoever asks, and it says how far it is.
func TestSignalsAreLookedForHourly(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f, ctx := apptest.New(t, url), context.Background()
		f.Program(100_000_00, 10_000_00)
		owed(f, 2)
		runs := func(want int) store.SignalRun {
			t.Helper()
			if err := f.SignalsAreDue(ctx); err != nil {
				t.Fatal(err)
			}
			list, err := f.DB.SignalRuns(ctx, store.Page{Limit: 10})
			if err != nil || len(list) != want {
				t.Fatalf("%d looks, want %d; %v", len(list), want, err)
			}
			return list[0]
		}
		first := runs(1)
		if asked, err := f.StartSignalRun(ctx, f.Users["finance.changsha"]); err != nil || asked.ID != first.ID {
			t.Errorf("a second look beside one that waits: %v, %v", asked, err)
		}
		if err := f.RunSignals(ctx, first.ID); err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(59 * time.Minute)
		done := runs(1)
		if done.State != "done" || done.Total != 2 || done.Done != 2 || done.EndedAt == nil {
			t.Errorf("the look ended as %+v", done)
		}
		f.Clock.Advance(time.Minute)
		next := runs(2)
		if next.State != "waiting" || next.CreatedBy != access.System("").ID {
			t.Errorf("the next look is %+v", next)
		}
		f.Clock.Advance(time.Hour) // and nobody took its job
		runs(3)
		if lost, err := f.DB.SignalRun(ctx, next.ID); err != nil || lost.State != "failed" {
			t.Errorf("the look whose job is gone is %s, %v", lost.State, err)
		}
	})
}

// TestAlteredPhotosAreASignal proves F59: one picture, cropped, scaled and
// mirrored, on the records of two applications is found; what a reviewer found
// to be different is not.
func TestAlteredPhotosAreASignal(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		f, ctx := apptest.New(t, url), context.Background()
		f.Program(100_000_00, 10_000_00)
		reviewer := f.Users["reviewer.changsha"]
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		// with makes an application whose record carries a picture; where it is
		// known from another record, the reviewer refuses it or calls it different.
		with := func(img image.Image, refuse bool) string {
			c := f.Retire("changsha", f.Truck("clerk.changsha").ID, "2025-12-01", false)
			var b bytes.Buffer
			must(jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}))
			_, err := f.AttachFile(ctx, f.Users["clerk.changsha"], c.AssetID, app.Upload{Kind: "photo", Name: "photo.jpg", Data: &b})
			must(err)
			matches, err := f.DB.PhotoMatches(ctx, reviewer.Scope, store.MatchFilter{AssetID: c.AssetID}, store.Page{Limit: 10})
			must(err)
			for _, m := range matches {
				_, err := f.DecidePhotoMatch(ctx, reviewer, m.ID, m.Version, refuse, "已比对原图")
				must(err)
			}
			r, err := f.DB.Retirement(ctx, reviewer.Scope, c.ID)
			must(err)
			c, err = f.DecideRetirement(ctx, reviewer, c.ID, r.Version, true, "")
			must(err)
			return c.ApplicationID
		}
		var same []string
		for n, refuse := range []bool{true, false} {
			shot := scene.Draw(scene.Scene{Place: uint64(n), Subject: uint64(n), Noise: 1}, 640, 480)
			pair := []string{with(shot, refuse), with(mirrored(shot), refuse)}
			if refuse {
				same = pair
			}
		}
		r, err := f.StartSignalRun(ctx, f.Users["finance.changsha"])
		must(err)
		must(f.RunSignals(ctx, r.ID))
		found, err := f.DB.Signals(ctx, f.Users["finance.changsha"].Scope, "open", string(signal.Photos), "", store.Page{Limit: 10})
		must(err)
		if len(found) != 1 || !slices.Equal(found[0].Applications, same) || found[0].Score != 70 || !strings.Contains(found[0].Reasons[0].ZH, "镜像") {
			t.Fatalf("found %+v, want those of %v", found, same)
		}
	})
}

// mirrored is the left three quarters of a picture at two thirds of its size,
// the other way round.
func mirrored(img image.Image) image.Image {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx()/2, b.Dy()*2/3))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.Set(out.Rect.Dx()-1-x, y, img.At(x*3/2, y*3/2))
		}
	}
	return out
}
