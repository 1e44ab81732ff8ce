// Package label makes and reads the public codes on the labels of assets.
package label

import "strings"

// signs are Crockford's: digits and capitals without I, L, O and U.
const signs = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Length is how many signs a code has, the last of which checks the others.
const Length = 12

// Code returns the code of eleven random bytes, of each of which it takes five
// bits: 55 bits that nobody guesses.
func Code(random [Length - 1]byte) string {
	var code [Length]byte
	check := byte(0)
	for i, b := range random {
		value := b & 31
		check = double(check) ^ value
		code[i] = signs[value]
	}
	code[Length-1] = signs[double(check)]
	return string(code[:])
}

// double multiplies by the generator of the field of 32 elements. So weighed,
// the check sign shows every wrong sign and every two that changed places.
func double(v byte) byte {
	if v <<= 1; v&32 != 0 {
		v ^= 0b100101
	}
	return v
}

var alike = strings.NewReplacer("-", "", " ", "", "I", "1", "L", "1", "O", "0")

// Parse reads a code as people type it: in any case, in groups, with I and L
// for 1 and O for 0. It reports whether the check sign fits.
func Parse(text string) (code string, ok bool) {
	code = alike.Replace(strings.ToUpper(text))
	if len(code) != Length {
		return "", false
	}
	check := byte(0)
	for i := range Length {
		value := strings.IndexByte(signs, code[i])
		if value < 0 {
			return "", false
		}
		check = double(check) ^ byte(value)
	}
	return code, check == 0
}
