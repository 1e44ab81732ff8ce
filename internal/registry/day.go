package registry

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"phaseout/internal/civil"
)

var (
	daySeparated = regexp.MustCompile(`^([0-9]{4})[-/.、_年]([0-9]{1,2})[-/.、_月]([0-9]{1,2})[日号]?$`)
	dayStamp     = regexp.MustCompile(`^([0-9]{4})([0-9]{2})([0-9]{2})[0-9]{6}$`)
	dayCompact   = regexp.MustCompile(`^([0-9]{4})([0-9]{2})([0-9]{2})$`)
	daySerial    = regexp.MustCompile(`^([0-9]{5})(\.[0-9]+)?$`)
	timeOfDay    = regexp.MustCompile(`^[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?(Z|[+-][0-9]{2}:?[0-9]{2}))?$`)
	monthAlone   = regexp.MustCompile(`^([0-9]{4})(?:[-/.年]([0-9]{1,2})月?|([0-9]{2}))$`)
	dashes       = strings.NewReplacer("—", "-", "–", "-", "−", "-", "‐", "-", "~", "-")
)

// ParseDay reads a day as registry exports write it: 2009-03-05, 2009/3/5,
// 2009.3.5, 20090305, 2009年3月5日, each with or without a time of day and in
// full-width signs, or the five digits of a spreadsheet's serial number (days
// since 1899-12-30).
func ParseDay(text string) (civil.Day, error) {
	v := dashes.Replace(strings.Join(strings.Fields(norm.NFKC.String(text)), " "))
	if day, clock, found := strings.Cut(strings.Replace(v, "T", " ", 1), " "); found && timeOfDay.MatchString(clock) {
		v = day
	}
	v = strings.ReplaceAll(v, " ", "")
	for _, form := range []*regexp.Regexp{daySeparated, dayCompact, dayStamp} {
		if m := form.FindStringSubmatch(v); m != nil {
			year, _ := strconv.Atoi(m[1])
			month, _ := strconv.Atoi(m[2])
			day, _ := strconv.Atoi(m[3])
			return civil.New(year, month, day)
		}
	}
	if m := daySerial.FindStringSubmatch(v); m != nil {
		days, _ := strconv.Atoi(m[1])
		return civil.Day("1899-12-30").AddDays(days), nil
	}
	return "", fmt.Errorf("%q is not a day", text)
}

// parseMonth reads a month without a day, 2009-03, 200903 or 2009年3月, as its
// first day.
func parseMonth(text string) (day civil.Day, ok bool) {
	m := monthAlone.FindStringSubmatch(strings.Join(strings.Fields(norm.NFKC.String(text)), ""))
	if m == nil {
		return "", false
	}
	year, _ := strconv.Atoi(m[1])
	month, _ := strconv.Atoi(m[2] + m[3])
	day, err := civil.New(year, month, 1)
	return day, err == nil && year >= 1900
}
