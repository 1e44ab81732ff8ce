package auth

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// Policy is a set of password rules: "nist" or "mlps", and after a colon the
// least length if it is not the usual one, "nist:16".
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
	lowest  = 8 // that a setting may ask for
	longest = 256
)

// ParsePolicy reads a policy from a setting.
func ParsePolicy(setting string) (Policy, error) {
	name, length, given := strings.Cut(setting, ":")
	if n, err := strconv.Atoi(length); given && (err != nil || n < lowest || n > longest) {
		return "", fmt.Errorf("%q is no length from %d to %d", length, lowest, longest)
	}
	if p := Policy(name); p != NIST && p != MLPS {
		return "", fmt.Errorf("%q is neither %s nor %s", name, NIST, MLPS)
	}
	return Policy(setting), nil
}

// rules returns the kind of policy and its least length.
func (p Policy) rules() (kind Policy, least int) {
	name, length, _ := strings.Cut(string(p), ":")
	kind, least = NIST, minNIST
	if Policy(name) == MLPS {
		kind, least = MLPS, minMLPS
	}
	if n, err := strconv.Atoi(length); err == nil {
		least = n
	}
	return kind, least
}

// Check returns what is wrong with a new password for a user; context is words
// that others know of the user, such as the name.
func (p Policy) Check(password string, context ...string) []fault.Detail {
	var wrong []fault.Detail
	add := func(code string, message bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body.password", Code: code, Message: message,
			Mend: bilingual.T("可用几个不相干的词组成一句", "several unrelated words make a good one")})
	}
	kind, least := p.rules()
	signs := utf8.RuneCountInString(password)
	switch {
	case signs < least:
		add("length", bilingual.F("密码至少 %d 位", "a password has at least %d signs", least))
	case signs > longest:
		add("length", bilingual.F("密码最多 %d 位", "a password has at most %d signs", longest))
		return wrong
	}
	small := strings.ToLower(password)
	if isCommon(small) {
		add("common", bilingual.T("密码过于常见", "the password is too common"))
	}
	for _, word := range context {
		if word = strings.ToLower(word); utf8.RuneCountInString(word) >= 4 && strings.Contains(small, word) {
			add("context", bilingual.T("密码不能包含用户名或姓名", "the password must not hold the user's name"))
			break
		}
	}
	if kind == MLPS && kinds(password) < 3 {
		add("kinds", bilingual.T("密码须含大写、小写、数字、符号中的三种", "the password needs three of capitals, small letters, digits and signs"))
	}
	return wrong
}

//go:embed common.txt
var commonText string

// common is the words of common.txt.
var common = func() (words []string) {
	for line := range strings.Lines(commonText) {
		if word := strings.TrimSpace(line); word != "" && !strings.HasPrefix(word, "#") {
			words = append(words, word)
		}
	}
	return words
}()

// What a password must have beside a common word, and how many different signs.
const (
	leastBeside   = 6
	leastVariety  = 5
	leastSurprise = 4 // one in so many signs must not be the neighbour of the one before
)

// isCommon reports whether a password in small letters is a common word with
// little beside it, also in the usual disguise, or a row of neighbours.
func isCommon(small string) bool {
	plain := strings.NewReplacer("@", "a", "4", "a", "0", "o", "1", "i", "3", "e", "$", "s", "5", "s", "7", "t").Replace(small)
	for _, word := range common {
		for _, form := range []string{small, plain} {
			if rest := strings.ReplaceAll(form, word, ""); rest != form && utf8.RuneCountInString(rest) < leastBeside {
				return true
			}
		}
	}
	return isMonotonous([]rune(small))
}

// isMonotonous reports whether signs repeat a few, or mostly go up or down by one.
func isMonotonous(signs []rune) bool {
	seen, surprises := map[rune]bool{}, 0
	for i, r := range signs {
		seen[r] = true
		if i > 0 && (r < signs[i-1]-1 || r > signs[i-1]+1) {
			surprises++
		}
	}
	return len(seen) < leastVariety || surprises*leastSurprise < len(signs)
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
