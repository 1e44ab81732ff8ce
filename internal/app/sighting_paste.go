package app

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/identifier"
	"phaseout/internal/registry"
)

// Pasted is what became of a pasted list of sightings.
type Pasted struct {
	Accepted int   // lines with a number
	Ignored  []int // lines in which there is none, from 1
}

// The most lines that can be pasted at once, and the most lines that are named
// as ignored.
const (
	maxSeenLines    = 2000
	maxIgnoredLines = 20
)

// PasteSightings takes a pasted list: a line a sighting, with a number or
// several of the same asset and a day behind them if it was not today. It tells
// which lines hold no number, and of the others as little as ReportSightings.
func (a *App) PasteSightings(ctx context.Context, by access.Actor, source, place, text string) (Pasted, error) {
	var done Pasted
	if !slices.Contains(SightingSources, source) {
		return done, fault.Field("body.source", "unknown_value", bilingual.F("“%s”不是来源", "%q is not a source", source), bilingual.T("请从列表中选择", "choose one from the list"))
	}
	var seen []Seen
	var wrong []fault.Detail
	n := 0
	for line := range strings.Lines(text) {
		if n++; strings.TrimSpace(line) == "" {
			continue
		}
		l := readSeenLine(line, a.DB.Now())
		switch {
		case len(l.numbers) == 0:
			done.Ignored = append(done.Ignored, n)
			continue
		case l.noDay != "":
			wrong = append(wrong, fault.Detail{Location: "body.text", Code: "date_invalid", Value: l.noDay, Message: bilingual.F("第 %d 行：“%s”不是有效日期", "line %d: %q is not a day", n, l.noDay),
				Mend: bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31")})
		case l.at.After(a.DB.Now().Add(10 * time.Minute)):
			wrong = append(wrong, fault.Detail{Location: "body.text", Code: "date_future", Message: bilingual.F("第 %d 行：出现时间晚于现在", "line %d: it is seen after now", n),
				Mend: bilingual.T("请核对日期", "check the day")})
		}
		done.Accepted++
		// The same line pasted again on the same day is the same sighting.
		ref := strings.Join(l.numbers, " ") + " " + string(civil.On(l.at)) + " " + place
		for _, number := range l.numbers {
			seen = append(seen, Seen{Ref: ref, Value: number, At: l.at, Place: place})
		}
	}
	switch lines := done.Accepted + len(done.Ignored); {
	case len(wrong) > 0:
		return Pasted{}, fault.Fields(wrong[:min(len(wrong), maxIgnoredLines)])
	case done.Accepted == 0 || lines > maxSeenLines:
		return Pasted{}, fault.Field("body.text", "count", bilingual.F("共 %d 行，其中有号码的 %d 行；应为 1 至 %d 行", "%d lines, %d of them with a number; there must be 1 to %d", lines, done.Accepted, maxSeenLines),
			bilingual.T("每行一个号码", "one number a line"))
	}
	_, err := a.ReportSightings(ctx, by, source, by.Scope.City(), seen)
	done.Ignored = done.Ignored[:min(len(done.Ignored), maxIgnoredLines)]
	return done, err
}

// seenLine is what a line of a pasted list says.
type seenLine struct {
	numbers []string // in one form, each once
	at      time.Time
	noDay   string // what stands where a day should, and is none
}

var (
	dayLike   = regexp.MustCompile(`^[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}`)
	clockLike = regexp.MustCompile(`^([01]?[0-9]|2[0-3]):([0-5][0-9])(?::[0-5][0-9])?$`)
)

// readSeenLine finds the numbers, the day and the time in a line as sheets and
// notes have them: in columns, in any order, with a running number in front or
// words behind, a plate with a blank in it.
func readSeenLine(line string, now time.Time) seenLine {
	var l seenLine
	var day civil.Day
	clock := 12 * time.Hour // where only the day is known
	for _, cell := range strings.FieldsFunc(norm.NFKC.String(line), func(r rune) bool { return strings.ContainsRune("\t,;、|", r) }) {
		words := strings.Fields(cell)
		for i := 0; i < len(words); i++ {
			word := words[i]
			if i+1 < len(words) && isHalfPlate(word, words[i+1]) {
				word += words[i+1]
				i++
			}
			date, rest, _ := strings.Cut(word, "T")
			parsed, err := registry.ParseDay(date)
			at, isClock := clockOf(word)
			switch {
			case isClock:
				clock = at
			case dayLike.MatchString(word) && err != nil:
				l.noDay = word
			case err == nil && (dayLike.MatchString(word) || (len(l.numbers) > 0 && parsed > "2000-01-01")):
				day = parsed
				if at, isClock := clockOf(rest); isClock {
					clock = at
				}
			case isSeenNumber(word, strings.TrimSpace(line) == word):
				if number := identifier.Normalize(word); !slices.Contains(l.numbers, number) {
					l.numbers = append(l.numbers, number)
				}
			}
		}
	}
	l.at = now
	if day != "" {
		l.at = day.Start().Add(clock)
	}
	return l
}

// clockOf reads a time of day.
func clockOf(word string) (time.Duration, bool) {
	m := clockLike.FindStringSubmatch(word)
	if m == nil {
		return 0, false
	}
	hours, _ := strconv.Atoi(m[1])
	minutes, _ := strconv.Atoi(m[2])
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute, true
}

// isHalfPlate reports whether two words are one plate with a blank in it.
func isHalfPlate(word, next string) bool {
	return !isPlate(word) && !isPlate(next) && isPlate(word+next)
}

// isSeenNumber reports whether a word may be the number of something: it has a
// digit and is no running number, unless it is all there is.
func isSeenNumber(word string, alone bool) bool {
	running := strings.Trim(word, "0123456789.") == "" && len(word) < 5
	return strings.ContainsFunc(word, unicode.IsDigit) && len([]rune(word)) <= 60 && (alone || !running)
}
