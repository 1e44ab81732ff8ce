package ledger

import "math/bits"

// bigPortion returns a × b / c rounded down for non-negative numbers whose
// product may not fit into 64 bits; the result must.
func bigPortion(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	quotient, _ := bits.Div64(hi, lo, uint64(c))
	return int64(quotient)
}
