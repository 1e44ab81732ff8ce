// Package money is amounts of public money: integer fen, never a float.
package money

import (
	"fmt"
	"strconv"
)

// Fen is an amount in fen, 1/100 yuan. Amounts stay below 2^53 so that every
// JSON reader takes them exactly.
type Fen int64

// Max is the largest amount accepted anywhere.
const Max Fen = 1<<53 - 1

// Yuan prints the amount as yuan with two decimals and thousands separators,
// "35,000.00".
func (f Fen) Yuan() string {
	sign, n := "", int64(f)
	if n < 0 {
		sign, n = "-", -n
	}
	digits := strconv.FormatInt(n/100, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return fmt.Sprintf("%s%s.%02d", sign, digits, n%100)
}
