package auth

import (
	"strings"
	"unicode"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// Policy is a set of password rules.
type Policy string

// The policies: NIST SP 800-63B asks for length and no common words, MLPS
// (等保, GB/T 22239) for several kinds of signs.
const (
	NIST Policy = "nist"
	MLPS Policy = "mlps"
)

// Lengths in signs. The longest is far above any passphrase and bounds the
// work of hashing.
const (
	minNIST = 12
	minMLPS = 10
	longest = 256
)

// common are beginnings of passwords that are tried first, in small letters.
var common = []string{"password", "12345678", "123456789", "1234567890", "qwertyuiop", "admin123", "administrator", "iloveyou", "woaini", "a123456789",
	"123123123", "111111111", "000000000", "88888888", "abc123456", "letmein", "welcome", "changeme", "huanbao", "taotai", "butie", "changsha", "hunan", "phaseout"}

// Check returns what is wrong with a new password for a user.
func (p Policy) Check(password string, context ...string) []fault.Detail {
	var wrong []fault.Detail
	add := func(code string, message bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body.password", Code: code, Message: message,
			Mend: bilingual.T("可用几个不相干的词组成一句", "several unrelated words make a good one")})
	}
	signs := len([]rune(password))
	least := minNIST
	if p == MLPS {
		least = minMLPS
	}
	switch {
	case signs < least:
		add("length", bilingual.F("密码至少 %d 位", "a password has at least %d signs", least))
	case signs > longest:
		add("length", bilingual.F("密码最多 %d 位", "a password has at most %d signs", longest))
	}
	small := strings.ToLower(password)
	for _, word := range common {
		if strings.HasPrefix(small, word) && signs < len(word)+6 {
			add("common", bilingual.T("密码过于常见", "the password is too common"))
			break
		}
	}
	for _, word := range context {
		if word = strings.ToLower(word); len([]rune(word)) >= 4 && strings.Contains(small, word) {
			add("context", bilingual.T("密码不能包含用户名或姓名", "the password must not hold the user's name"))
			break
		}
	}
	if p == MLPS && kinds(password) < 3 {
		add("kinds", bilingual.T("密码须含大写、小写、数字、符号中的三种", "the password needs three of capitals, small letters, digits and signs"))
	}
	return wrong
}

func kinds(password string) int {
	var upper, lower, digit, sign int
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			sign = 1
		}
	}
	return upper + lower + digit + sign
}
