// Package likeness tells whether two records may be one and the same asset
// that was written down twice. It is pure: what identifiers look like, how far
// two of them are apart, and how likely a pair is a duplicate, with reasons.
package likeness

import (
	"hash/fnv"
	"slices"
	"strings"
	"unicode"

	"phaseout/internal/registry"
)

// folded maps signs that are taken for each other by eye to one of them.
var folded = map[rune]rune{
	'O': '0', 'D': '0', 'Q': '0', 'I': '1', 'L': '1', 'B': '8', 'S': '5', 'Z': '2', 'G': '6',
}

// Skeleton returns what an identifier looks like: letters and digits only, in
// capitals, with the signs that look alike (O/0/D/Q, I/1/L, 8/B, S/5, Z/2,
// G/6) folded into one.
func Skeleton(value string) string {
	return strings.Map(func(r rune) rune {
		r = unicode.ToUpper(r)
		if same, ok := folded[r]; ok {
			return same
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, value)
}

// Slip is the one slip of the pen that makes one identifier another.
type Slip string

// The slips, the likelier to be a mistake the earlier.
const (
	Lookalike   Slip = "lookalike"   // only signs that look alike differ
	Swap        Slip = "swap"        // two neighbours changed places
	Gap         Slip = "gap"         // a sign is missing or added
	OtherSign   Slip = "other_sign"  // one sign is another
	Consecutive Slip = "consecutive" // one digit is another, as in the numbers of a fleet
	Far         Slip = ""            // more than one slip apart
)

// SlipOf returns by which slip two identifiers differ, Far if by more than
// one. Equal identifiers are lookalikes.
func SlipOf(a, b string) Slip {
	x, y := []rune(Skeleton(a)), []rune(Skeleton(b))
	if len(x) > len(y) {
		x, y = y, x
	}
	head := 0
	for head < len(x) && x[head] == y[head] {
		head++
	}
	tail := 0
	for tail < len(x)-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	left, right := x[head:len(x)-tail], y[head:len(y)-tail]
	switch {
	case len(left) == 0 && len(right) == 0:
		return Lookalike
	case len(left) == 0 && len(right) == 1:
		return Gap
	case len(left) == 1 && len(right) == 1:
		if unicode.IsDigit(left[0]) && unicode.IsDigit(right[0]) {
			return Consecutive
		}
		return OtherSign
	case len(left) == 2 && len(right) == 2 && left[0] == right[1] && left[1] == right[0]:
		return Swap
	}
	return Far
}

// shortest is how many signs an identifier must have for its likeness to
// another to say anything.
const shortest = 5

// Keys returns the hashes under which an asset's identifiers are found from
// any that is at most one slip apart. The number of the asset itself (frame,
// nameplate, ship) gives its skeleton and the skeleton without each of its
// signs: two numbers that are one slip apart have one of these in common. A
// plate or code comes in series and goes with the number of the asset itself,
// so that only a look-alike of it is worth a look.
func Keys(class registry.Class, identifiers []registry.Identifier) []int64 {
	var keys []int64
	for _, i := range identifiers {
		skeleton := []rune(Skeleton(i.Value))
		if !i.Unique || len(skeleton) < shortest {
			continue
		}
		space := string(class) + "\n" + i.Kind + "\n"
		keys = append(keys, hash(space+string(skeleton)))
		if !ForLife(i.Kind) {
			continue
		}
		for n := range skeleton {
			keys = append(keys, hash(space+string(skeleton[:n])+string(skeleton[n+1:])))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// ForLife reports whether an asset carries its identifier of a kind for life, as
// it does the number that is stamped into it.
func ForLife(kind string) bool { return kind == "vin" || kind == "serial" || kind == "ship_id" }

func hash(s string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // a hash takes every write
	return int64(h.Sum64())   //nolint:gosec // the bits are what counts
}
