package quality

import (
	"slices"

	"phaseout/internal/civil"
)

// Jump and Drought flag a week that stands out.
const (
	Jump    = "jump"
	Drought = "drought"
)

// soon is within how many days a deadline makes a jump look like a rush.
const soon = 42

// NextDeadline returns the first of the days on which targets fall due from a
// day on and within six weeks of it, "" if there is none.
func NextDeadline(from civil.Day, deadlines []civil.Day) civil.Day {
	next := civil.Day("")
	for _, d := range deadlines {
		if d >= from && d <= from.AddDays(soon) && (next == "" || d < next) {
			next = d
		}
	}
	return next
}

// Weeks is how many weeks of its own past a week is compared with.
const Weeks = 12

// leastJump is below which number of retirements no week stands out.
const leastJump = 5

// Standing is how a week stands to the weeks before it.
type Standing struct {
	Count  int
	Median float64
	Limit  float64 // how far from the median a week may be
	Flag   string  // jump, drought, or "" for an ordinary week
}

// Stand compares a week with the twelve before it: it stands out if it is
// further from their median than three times their scaled median deviation,
// and at least five off. The median forgets single odd weeks, which a mean and
// a standard deviation would not.
func Stand(before []int, week int) Standing {
	s := Standing{Count: week, Median: median(before)}
	deviations := make([]float64, len(before))
	for i, n := range before {
		deviations[i] = max(float64(n)-s.Median, s.Median-float64(n))
	}
	const consistent = 1.4826 // makes the deviation comparable to a standard deviation
	s.Limit = max(3*consistent*medianOf(deviations), leastJump)
	switch off := float64(week) - s.Median; {
	case off > s.Limit:
		s.Flag = Jump
	case -off > s.Limit:
		s.Flag = Drought
	}
	return s
}

func median(numbers []int) float64 {
	values := make([]float64, len(numbers))
	for i, n := range numbers {
		values[i] = float64(n)
	}
	return medianOf(values)
}

func medianOf(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
