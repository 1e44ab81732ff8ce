package ledger

import (
	"phaseout/internal/bilingual"
	"phaseout/internal/money"
)

// Source is who gives the money.
type Source string

// The sources, from the farthest to the nearest.
const (
	Central    Source = "central"
	Provincial Source = "provincial"
	City       Source = "city"
	County     Source = "county"
	Other      Source = "other"
)

// Sources lists every source in the order in which they are shown.
var Sources = []Source{Central, Provincial, City, County, Other}

var sourceNames = map[Source]bilingual.Text{
	Central: bilingual.T("中央资金", "central"), Provincial: bilingual.T("省级资金", "provincial"), City: bilingual.T("市级资金", "city"),
	County: bilingual.T("县区资金", "county"), Other: bilingual.T("其他资金", "other"),
}

// Name returns what people call the source.
func (s Source) Name() bilingual.Text { return sourceNames[s] }

// Valid reports whether s is one of Sources.
func (s Source) Valid() bool { _, known := sourceNames[s]; return known }

// Share is the part of each amount that a source pays, in basis points.
type Share struct {
	Source Source
	BP     int64
}

// CityAlone is the split of a program that names no shares.
func CityAlone() []Share { return []Share{{City, 10_000}} }

// Part is what one source pays of an amount.
type Part struct {
	Source Source
	Fen    money.Fen
}

// Split divides an amount by shares that sum to 10,000 basis points: each
// source pays its share rounded down to the fen, the local line (the nearest
// source that has a share: county, else city, else other, else provincial)
// pays what is left, so that the parts always sum to the whole. Parts of
// nothing are left out.
func Split(amount money.Fen, shares []Share) []Part {
	local := localOf(shares)
	rest := amount
	var parts []Part
	for _, source := range Sources {
		for _, s := range shares {
			if s.Source != source || s.Source == local || s.BP <= 0 {
				continue
			}
			part := portion(amount, s.BP, 10_000)
			rest -= part
			if part > 0 {
				parts = append(parts, Part{source, part})
			}
		}
	}
	if rest > 0 {
		parts = append(parts, Part{local, rest})
	}
	return parts
}

func localOf(shares []Share) Source {
	for _, source := range []Source{County, City, Other, Provincial, Central} {
		for _, s := range shares {
			if s.Source == source && s.BP > 0 {
				return source
			}
		}
	}
	return City
}

// portion returns amount × part / whole, rounded down, without overflow.
func portion(amount money.Fen, part, whole int64) money.Fen {
	q, r := int64(amount)/whole, int64(amount)%whole
	if part < 1<<31 && whole < 1<<31 {
		return money.Fen(q*part + r*part/whole)
	}
	return money.Fen(bigPortion(int64(amount), part, whole))
}

// Proportion divides an amount like a given list of weights, rounded down, the
// last weight taking what is left. It divides what comes back like what was
// paid. The weights must not all be 0.
func Proportion(amount money.Fen, weights []money.Fen) []money.Fen {
	var whole money.Fen
	last := 0
	for i, w := range weights {
		whole += w
		if w > 0 {
			last = i
		}
	}
	parts := make([]money.Fen, len(weights))
	rest := amount
	for i, w := range weights {
		if i != last && w > 0 {
			parts[i] = portion(amount, int64(w), int64(whole))
			rest -= parts[i]
		}
	}
	parts[last] = rest
	return parts
}

// RoundingRule says in words how Split rounds.
func RoundingRule() bilingual.Text {
	return bilingual.T("各来源按比例计算，向下取整到分；尾差由本级（县区，否则市级）承担，各部分之和始终等于总额",
		"each source pays its share rounded down to the fen; the local line (county, else city) pays the rest, so that the parts always sum to the whole")
}
