package ledger

import (
	"strings"

	"phaseout/internal/money"
)

// Capitals prints an amount in the Chinese capitals of money 大写, as a cheque
// or an approval sheet has it: 35,000.00 is 叁万伍仟元整, 1,005.06 is
// 壹仟零伍元零陆分. Zeros between figures are written once; an amount without
// fen ends in 整. A negative amount starts with 负.
func Capitals(f money.Fen) string {
	if f == 0 {
		return "零元整"
	}
	n := uint64(f)
	var b strings.Builder
	if f < 0 {
		b.WriteString("负")
		n = uint64(-f)
	}
	yuan, jiao, fen := n/100, n/10%10, n%10
	if yuan > 0 {
		b.WriteString(wholeCapitals(yuan))
		b.WriteString("元")
	}
	switch {
	case jiao == 0 && fen == 0:
		b.WriteString("整")
	case jiao == 0:
		if yuan > 0 {
			b.WriteString("零")
		}
		b.WriteString(figures[fen] + "分")
	default:
		b.WriteString(figures[jiao] + "角")
		if fen > 0 {
			b.WriteString(figures[fen] + "分")
		} else {
			b.WriteString("整")
		}
	}
	return b.String()
}

var (
	figures = []string{"零", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖"}
	units   = []struct {
		value uint64
		name  string
	}{{1_0000_0000, "亿"}, {1_0000, "万"}, {1000, "仟"}, {100, "佰"}, {10, "拾"}, {1, ""}}
)

// wholeCapitals writes a positive whole number: for each unit how many of it,
// itself written so, and a single 零 where the units in between have none.
func wholeCapitals(n uint64) string {
	var b strings.Builder
	previous := uint64(0) // unit last written
	for _, u := range units {
		count := n / u.value
		if count == 0 {
			continue
		}
		n %= u.value
		if previous > 0 && (previous/u.value > 10 && count < previous/u.value/10) {
			b.WriteString("零")
		}
		if count < 10 {
			b.WriteString(figures[count])
		} else {
			b.WriteString(wholeCapitals(count))
		}
		b.WriteString(u.name)
		previous = u.value
	}
	return b.String()
}
