package yard

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/identifier"
)

// CertificateKey returns the form in which certificate numbers are compared:
// one width, capitals, letters and digits only. HS-0012 and ｈｓ 0012 are the
// same certificate.
func CertificateKey(number string) string { return NameKey(identifier.Normalize(number)) }

// loose is what any certificate number looks like. The numbers of 报废机动车回收证明
// come out of the commerce ministry's system; no public rule sets their form, so
// another form is a doubt, not an error.
var loose = regexp.MustCompile(`^[\p{Han}A-Z0-9][\p{Han}A-Z0-9()/_\-]{2,59}$`)

func compile(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil
	}
	return regexp.Compile("^(?:" + pattern + ")$")
}

// CheckNumber looks at the form of a certificate number as issued by y, which
// may be nil. Errors refuse the certificate, doubts are shown.
func CheckNumber(y *Yard, number string) (errors, doubts []fault.Detail) {
	if number == "" {
		return nil, nil
	}
	number = identifier.Normalize(number)
	detail := func(code string, message, mend bilingual.Text) []fault.Detail {
		return []fault.Detail{{Location: "body.certificate_no", Code: code, Message: message, Mend: mend}}
	}
	if CertificateKey(number) == "" {
		return detail("format", bilingual.F("“%s”不是证明编号", "%q is not a certificate number", number),
			bilingual.T("按回收证明原件上的编号填写", "give the number on the certificate")), nil
	}
	if y != nil {
		if form, err := compile(y.CertificatePattern); err == nil && form != nil && !form.MatchString(number) {
			found := detail("certificate_form", bilingual.T("“"+number+"”不符合 "+y.Name+" 的证明编号规则 "+y.CertificatePattern, strconv.Quote(number)+" has not the form of the certificates of "+y.Name+", "+y.CertificatePattern),
				bilingual.T("请核对证明原件", "compare it with the certificate"))
			if y.PatternSource != "" {
				return found, nil
			}
			return nil, found
		}
	}
	if !loose.MatchString(number) {
		doubts = detail("certificate_form", bilingual.F("“%s”不像证明编号", "%q does not look like a certificate number", number), bilingual.T("请核对证明原件", "compare it with the certificate"))
	}
	return nil, doubts
}

// Issued is one certificate of a yard: its number, the day it is dated, and
// the day on which it came to the registry.
type Issued struct {
	Number  string
	On      civil.Day
	EntryOn civil.Day
}

// Gap is a run of numbers that are missing in a series.
type Gap struct {
	Series   string // what the numbers have in common
	From, To string // the first and last that is missing
	Count    int64
}

// Burst is a time in which a yard issued many more certificates than it usually does.
type Burst struct {
	Kind   string // "day", or "deadline" for the days before one
	From   civil.Day
	To     civil.Day
	Count  int
	Usual  float64 // median of the days on which it issued any; for a deadline the expected count
	Reason bilingual.Text
}

// The limits of the report. A jump of more numbers than maxGap is taken for the
// start of another series. A day stands out with at least minBurst certificates
// and burstTimes the yard's own median day; the deadlineDays before a deadline
// with as much against the days before them.
const (
	maxGap       = 50
	minBurst     = 6
	burstTimes   = 3
	deadlineDays = 10
	deadlineBase = 90
)

// Gaps returns the numbers that are missing between the lowest and the highest
// of each series. A series is what stands before the last digits of a number,
// with as many of those digits.
func Gaps(issued []Issued) []Gap {
	series := map[string][]int64{}
	for _, i := range issued {
		number := identifier.Normalize(i.Number)
		head := strings.TrimRightFunc(number, func(r rune) bool { return r >= '0' && r <= '9' })
		digits := number[len(head):]
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil && len(digits) <= 15 {
			key := fmt.Sprintf("%s\x00%d", head, len(digits))
			series[key] = append(series[key], n)
		}
	}
	var gaps []Gap
	for key, numbers := range series {
		head, width, _ := strings.Cut(key, "\x00")
		slices.Sort(numbers)
		for i := 1; i < len(numbers); i++ {
			if missing := numbers[i] - numbers[i-1] - 1; missing > 0 && missing <= maxGap {
				form := "%s%0" + width + "d"
				gaps = append(gaps, Gap{head, fmt.Sprintf(form, head, numbers[i-1]+1), fmt.Sprintf(form, head, numbers[i]-1), missing})
			}
		}
	}
	sort.Slice(gaps, func(i, j int) bool { return gaps[i].From < gaps[j].From })
	return gaps
}

// Bursts returns the days that stand out of the yard's own history, and the
// time before a deadline if it does.
func Bursts(issued []Issued, deadlines []civil.Day) []Burst {
	perDay := map[civil.Day]int{}
	for _, i := range issued {
		if i.On.Valid() {
			perDay[i.On]++
		}
	}
	days := make([]civil.Day, 0, len(perDay))
	counts := make([]int, 0, len(perDay))
	for d, n := range perDay {
		days, counts = append(days, d), append(counts, n)
	}
	slices.Sort(days)
	slices.Sort(counts)
	var bursts []Burst
	usual := median(counts)
	for _, d := range days {
		if n := perDay[d]; n >= minBurst && float64(n) >= burstTimes*usual && len(days) > 1 {
			bursts = append(bursts, Burst{"day", d, d, n, usual, bilingual.F("当日 %d 份，该企业平日中位数 %g 份", "%d on one day, its median day has %g", n, usual)})
		}
	}
	slices.Sort(deadlines)
	for _, deadline := range slices.Compact(deadlines) {
		from, before := deadline.AddDays(1-deadlineDays), deadline.AddDays(1-deadlineDays-deadlineBase)
		late, earlier := 0, 0
		for d, n := range perDay {
			switch {
			case d >= from && d <= deadline:
				late += n
			case d >= before && d < from:
				earlier += n
			}
		}
		expected := float64(earlier) * deadlineDays / deadlineBase
		if late >= minBurst && earlier > 0 && float64(late) >= burstTimes*expected {
			bursts = append(bursts, Burst{"deadline", from, deadline, late, expected,
				bilingual.F("截止日 %s 前 %d 天内 %d 份，按此前 %d 天应约 %.1f 份", "in the run-up to %s, in %d days, %d; the %[4]d days before make one expect %[5].1f", deadline, deadlineDays, late, deadlineBase, expected)})
		}
	}
	return bursts
}

func median(sorted []int) float64 {
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return float64(sorted[n/2])
	}
	return float64(sorted[n/2-1]+sorted[n/2]) / 2
}
