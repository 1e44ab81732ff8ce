package civil

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestOnTakesTheDayInShanghai(t *testing.T) {
	for instant, want := range map[string]Day{
		"2025-12-31T15:59:59Z": "2025-12-31",
		"2025-12-31T16:00:00Z": "2026-01-01",
	} {
		at, _ := time.Parse(time.RFC3339, instant)
		if got := On(at); got != want {
			t.Errorf("On(%s): got %s, want %s", instant, got, want)
		}
	}
}

func TestNewRefusesDaysTheCalendarHasNot(t *testing.T) {
	for _, d := range [][3]int{{2011, 4, 31}, {2023, 2, 29}, {2008, 11, 31}, {0, 1, 1}, {2020, 13, 1}, {2020, 1, 0}} {
		if got, err := New(d[0], d[1], d[2]); err == nil {
			t.Errorf("New(%v): got %s, want an error", d, got)
		}
	}
}

func TestAddMonthsKeepsToTheMonth(t *testing.T) {
	cases := []struct {
		from Day
		n    int
		want Day
	}{
		{"2012-02-29", 12, "2013-02-28"}, {"2012-02-29", 48, "2016-02-29"}, {"2025-01-31", 1, "2025-02-28"},
		{"2025-03-31", -1, "2025-02-28"}, {"2009-03-23", 180, "2024-03-23"}, {"", 5, ""},
	}
	for _, c := range cases {
		if got := c.from.AddMonths(c.n); got != c.want {
			t.Errorf("%s + %d months: got %s, want %s", c.from, c.n, got, c.want)
		}
	}
}

func TestMonthsUntilIsTheGreatestStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.Custom(func(t *rapid.T) Day {
			return Day("1980-01-01").AddDays(rapid.IntRange(0, 25000).Draw(t, "days"))
		})
		a, b := day.Draw(t, "a"), day.Draw(t, "b")
		n := a.MonthsUntil(b)
		if a.AddMonths(n) > b || a.AddMonths(n+1) <= b {
			t.Fatalf("MonthsUntil(%s, %s) = %d is not the greatest step", a, b, n)
		}
	})
}

func TestEveryDaySurvivesTheRoundTrip(t *testing.T) {
	for d := Day("1980-01-01"); d < "2031-01-01"; d = d.AddDays(1) {
		back, err := Parse(string(d))
		if err != nil || back != d {
			t.Fatalf("Parse(%s): got %s, %v", d, back, err)
		}
	}
}
