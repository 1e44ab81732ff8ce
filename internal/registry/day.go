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
	daySeparated = regexp.MustCompile(`^([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?$`)
	dayCompact   = regexp.MustCompile(`^([0-9]{4})([0-9]{2})([0-9]{2})$`)
	daySerial    = regexp.MustCompile(`^([0-9]{5})(\.[0-9]+)?$`)
	timeOfDay    = regexp.MustCompile(`^[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$`)
)

// ParseDay reads a day as registry exports write it: 2009-03-05, 2009/3/5,
// 2009.3.5, 20090305, 2009年3月5日, each with or without a time of day and in
// full-width signs, or the five digits of a spreadsheet's serial number (days
// since 1899-12-30).
func ParseDay(text string) (civil.Day, error) {
	v := strings.Join(strings.Fields(norm.NFKC.String(text)), " ")
	if day, clock, found := strings.Cut(strings.Replace(v, "T", " ", 1), " "); found && timeOfDay.MatchString(clock) {
		v = day
	}
	v = strings.ReplaceAll(v, " ", "")
	for _, form := range []*regexp.Regexp{daySeparated, dayCompact} {
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
