package workday_test

import (
	"encoding/csv"
	"testing"

	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/workday"
	"phaseout/seeds"
)

func shipped(t *testing.T) workday.Calendar {
	t.Helper()
	file, err := seeds.FS.Open("reference/calendar.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	c := workday.Calendar{Years: map[int]string{}, Off: map[civil.Day]bool{}, Work: map[civil.Day]bool{}}
	for _, r := range rows[1:] {
		c.Years[civil.Day(r[1]).Year()] = r[5]
		for day := civil.Day(r[1]); day <= civil.Day(r[2]); day = day.AddDays(1) {
			if r[3] == "work" {
				c.Work[day] = true
				if !day.Weekend() {
					t.Errorf("%s is made up for and no weekend", day)
				}
			} else {
				c.Off[day] = true
			}
		}
	}
	return c
}

// TestWorkingDaysByTheOfficialCalendar proves F50: the days of the State
// Council's documents for 2024 to 2026, and no guess beyond.
func TestWorkingDaysByTheOfficialCalendar(t *testing.T) {
	c := shipped(t)
	// Counted from the documents: weekdays less those off, plus those made up for.
	for year, want := range map[string]int{"2024": 251, "2025": 248, "2026": 248} {
		n := 0
		for day := civil.Day(year + "-01-01"); day <= civil.Day(year+"-12-31"); day = day.AddDays(1) {
			works, err := c.Works(day)
			if err != nil {
				t.Fatal(err)
			}
			if works {
				n++
			}
		}
		if n != want {
			t.Errorf("%s has %d working days, want %d", year, n, want)
		}
	}
	for _, term := range []struct {
		from civil.Day
		days int
		last civil.Day
	}{
		{"2025-12-29", 5, "2026-01-05"}, // Monday; New Year off to the 3rd, Sunday the 4th is worked
		{"2026-02-12", 5, "2026-02-25"}, // Thursday, Friday, worked Saturday, then nine days off
		{"2025-09-27", 5, "2025-10-10"}, // a Saturday: begins on the worked Sunday, ends after the holidays
		{"2024-09-13", 7, "2024-09-24"}, {"2025-04-25", 1, "2025-04-25"}, {"2025-04-26", 1, "2025-04-27"},
	} {
		if got, err := c.Last(term.from, term.days); err != nil || got != term.last {
			t.Errorf("%d working days from %s: got %s, %v, want %s", term.days, term.from, got, err, term.last)
		}
	}
	_, err := c.Last("2026-12-28", 5)
	if f, ok := fault.As(err); !ok || f.Code != "calendar_missing" || f.Extra["year"] != 2027 {
		t.Errorf("into a year that is not known: %v", err)
	}
}
