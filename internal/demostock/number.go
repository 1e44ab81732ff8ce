package demostock

import (
	"fmt"

	"phaseout/internal/identifier"
	"phaseout/internal/registry"
)

// next returns a number such that any two differ in two figures at least, and
// not by two neighbours that changed places: no multiple of eleven is one slip
// of the pen from another. It has six figures.
func (m *maker) next() int {
	m.serial++
	return 99_990 + 11*m.serial // 9,090 times eleven, so that it begins where the stories do not
}

// vin returns a valid VIN that no maker issued, of a kind of its own.
func vin(kind byte, year, n int) string {
	const years = "ABCDEFGHJKLMNPRSTVWXY123456789" // of model years from 1980 on, and again from 2010 on
	return checked(fmt.Sprintf("LZZXH%cK5?%c%c%06d", kind, years[(year-1980)%30], "CFHK"[n%4], n), 8, "0123456789X", registry.GoodVIN)
}

// checked returns a number whose sign at a place is the check sign that fits.
func checked(number string, at int, signs string, good func(string) bool) string {
	for _, sign := range signs {
		if candidate := number[:at] + string(sign) + number[at+1:]; good(candidate) {
			return candidate
		}
	}
	return number
}

func goodOwner(number string) bool { return identifier.OwnerID(number).Status == identifier.OK }

// residentNumber returns a well-formed number of a person whom there is not.
func residentNumber(n int) string {
	birth := fmt.Sprintf("19%02d%02d%02d", 50+n%45, 1+n/45%12, 1+n/540%28)
	return checked(fmt.Sprintf("439900%s%03d?", birth, n%1000), 17, "0123456789X", goodOwner)
}

// creditCode returns a well-formed code of an organisation that there is not.
func creditCode(n int) string {
	return checked(fmt.Sprintf("91439900MA%07d?", n), 17, "0123456789ABCDEFGHJKLMNPQRTUWXY", goodOwner)
}

// plate returns the nth plate of a city: a letter, another that follows from the
// rest, so that one wrong sign shows, and three figures. No plate of the stories or of
// the sample sheets begins with two letters.
func plate(prefix string, n int) string {
	const letters = "HJKMNPRTUV"
	first, a, b, c := n/1000%10, n/100%10, n/10%10, n%10
	return fmt.Sprintf("%s%c%c%d%d%d", prefix, letters[first], letters[(first+3*a+7*b+9*c)%10], a, b, c)
}
