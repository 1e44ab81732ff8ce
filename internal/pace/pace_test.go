package pace

import (
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/civil"
)

func number(n int64) *int64 { return &n }

func steady(n int64) (weeks [Weeks]int64) {
	for i := range weeks {
		weeks[i] = n
	}
	return weeks
}

// TestPaceOfASteadyCity proves F70 on figures that can be reckoned by hand.
func TestPaceOfASteadyCity(t *testing.T) {
	p := Of(Input{AsOf: "2025-10-08", DueOn: "2025-12-31", Hard: true, Left: number(120), Weeks: steady(10)})
	if p.State != OnTime || p.NowMilli != 10_000 || *p.NeededMilli != 10_000 || p.DaysLeft != 84 {
		t.Errorf("twelve weeks at ten for 120: %+v", p)
	}
	if p.Early != "2025-12-31" || p.Median != p.Early || p.Late != p.Early {
		t.Errorf("ten every week has no band: %s %s %s", p.Early, p.Median, p.Late)
	}
	if p.LimitMilli != nil || p.Limited {
		t.Error("no yard says what it can take, and the forecast knows it")
	}
	half := Of(Input{AsOf: "2025-10-08", DueOn: "2025-12-31", Hard: true, Left: number(120), Weeks: steady(10), Yards: []Yard{{Name: "A", PerMonth: number(22)}}})
	if half.State != Late || !half.Limited || *half.LimitMilli != 22*12*7*1000/365 || half.Median <= "2026-03-01" {
		t.Errorf("yards for five a week: %+v", half)
	}
	if some := Of(Input{AsOf: "2025-10-08", Left: number(1), Weeks: steady(1), Yards: []Yard{{Name: "A", PerMonth: number(9)}, {Name: "B"}}}); some.LimitMilli != nil {
		t.Error("one of two yards does not say, and there is a capacity")
	}
	slow := Of(Input{AsOf: "2025-10-08", DueOn: "2025-12-31", Hard: true, Left: number(20), Weeks: steady(10), Yards: []Yard{{Name: "fast", Waiting: 5, PerMonth: number(40)}, {Name: "slow", Waiting: 12, PerMonth: number(2)}}})
	if slow.SlowestYard != "slow" || slow.SlowestOn != "2026-04-09" || slow.Early != slow.SlowestOn || !slow.Limited {
		t.Errorf("the slowest yard holds it up: %+v", slow)
	}
}

// TestWhatIsOverdueAndWhatNeverIs proves F70's other half: after the day, hard
// targets are overdue since the day after it, soft ones never, and one without
// a number says so.
func TestWhatIsOverdueAndWhatNeverIs(t *testing.T) {
	for _, c := range []struct {
		name  string
		in    Input
		state State
	}{
		{"on the day", Input{AsOf: "2025-12-31", DueOn: "2025-12-31", Hard: true, Left: number(3), Weeks: steady(1)}, Late},
		{"a day later", Input{AsOf: "2026-01-01", DueOn: "2025-12-31", Hard: true, Left: number(3), Weeks: steady(1)}, Overdue},
		{"reached", Input{AsOf: "2026-01-01", DueOn: "2025-12-31", Hard: true, Left: number(0)}, Reached},
		{"more than reached", Input{AsOf: "2026-01-01", DueOn: "2025-12-31", Hard: true, Left: number(-4)}, Reached},
		{"a vessel", Input{AsOf: "2026-01-01", DueOn: "2025-12-31", Left: number(3)}, Encouraged},
		{"a vessel without a number", Input{AsOf: "2026-01-01", DueOn: "2025-12-31"}, Encouraged},
		{"no number", Input{AsOf: "2026-01-01", DueOn: "2025-12-31", Hard: true}, NotSet},
		{"nothing moves", Input{AsOf: "2025-11-01", DueOn: "2025-12-31", Hard: true, Left: number(3)}, Late},
	} {
		p := Of(c.in)
		if p.State != c.state {
			t.Errorf("%s: got %s, want %s", c.name, p.State, c.state)
		}
		if (p.Overdue != nil) != (c.state == Overdue) || (p.OverdueSince != "") != (c.state == Overdue) {
			t.Errorf("%s: overdue %v since %q", c.name, p.Overdue, p.OverdueSince)
		}
		if p.Overdue != nil && (*p.Overdue != 3 || p.OverdueSince != "2026-01-01" || p.NeededMilli != nil) {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
	if p := Of(Input{AsOf: "2025-11-01", DueOn: "2025-12-31", Hard: true, Left: number(3)}); p.Median != "" || p.NowMilli != 0 {
		t.Errorf("a standstill has a forecast: %+v", p)
	}
}

func after(a, b civil.Day) bool { return b != "" && (a == "" || a > b) }

// TestMoreRetirementsNeverMakeTheForecastLater holds for any history, and with
// it: the band contains its median, the same input gives the same answer, and
// a smaller capacity never makes it earlier (F70).
func TestMoreRetirementsNeverMakeTheForecastLater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := Input{AsOf: "2025-09-01", DueOn: "2025-12-31", Hard: rapid.Bool().Draw(t, "hard"), Left: number(rapid.Int64Range(1, 3000).Draw(t, "left"))}
		for i := range in.Weeks {
			in.Weeks[i] = rapid.Int64Range(0, 40).Draw(t, "week")
		}
		for range rapid.IntRange(0, 3).Draw(t, "yards") {
			in.Yards = append(in.Yards, Yard{Name: "y", Waiting: rapid.Int64Range(0, 90).Draw(t, "waiting"), PerMonth: number(rapid.Int64Range(1, 200).Draw(t, "capacity"))})
		}
		p := Of(in)
		if after(p.Early, p.Median) || after(p.Median, p.Late) {
			t.Fatalf("the band %s … %s does not hold %s", p.Early, p.Late, p.Median)
		}
		if q := Of(in); q.Early != p.Early || q.Late != p.Late || q.State != p.State {
			t.Fatal("the same input gives another answer")
		}
		more := in
		n := rapid.Int64Range(0, 50).Draw(t, "more")
		more.Weeks[rapid.IntRange(0, Weeks-1).Draw(t, "in week")] += n
		more.Left = number(*in.Left - min(n, *in.Left))
		if q := Of(more); after(q.Early, p.Early) || after(q.Median, p.Median) || after(q.Late, p.Late) {
			t.Fatalf("%d more retirements move the forecast from %s/%s/%s to %s/%s/%s", n, p.Early, p.Median, p.Late, q.Early, q.Median, q.Late)
		}
		if len(in.Yards) > 0 {
			less := in
			less.Yards = append([]Yard{}, in.Yards...)
			less.Yards[0].PerMonth = number(max(1, *in.Yards[0].PerMonth/2))
			if q := Of(less); after(p.Early, q.Early) || after(p.Median, q.Median) || after(p.Late, q.Late) {
				t.Fatalf("half the capacity of a yard moves the forecast from %s to %s", p.Median, q.Median)
			}
		}
	})
}

// TestTheProvinceIsThereWhenItsLastCityIs proves the roll-up of F70.
func TestTheProvinceIsThereWhenItsLastCityIs(t *testing.T) {
	a := Of(Input{AsOf: "2026-01-05", DueOn: "2025-12-31", Hard: true, Left: number(3), Weeks: steady(1)})
	b := Of(Input{AsOf: "2026-01-05", DueOn: "2025-12-31", Hard: true, Left: number(30), Weeks: steady(1)})
	sum := Together([]Pace{a, b})
	if *sum.Overdue != 33 || *sum.Left != 33 || sum.NowMilli != 2000 || sum.Median != b.Median || sum.State != Overdue || sum.Weeks[0] != 2 {
		t.Errorf("got %+v", sum)
	}
	if sum := Together([]Pace{a, Of(Input{AsOf: "2026-01-05"})}); sum.Left != nil || sum.Median != "" || *sum.Overdue != 3 {
		t.Errorf("a city without a number: %+v", sum)
	}
	if Together(nil).State != NotSet {
		t.Error("nothing has a pace")
	}
}
