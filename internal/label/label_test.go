package label

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func random(r *rand.Rand) string {
	var bytes [Length - 1]byte
	for i := range bytes {
		bytes[i] = byte(r.Uint32())
	}
	return Code(bytes)
}

// TestACodeReadsBackHoweverItIsTyped proves F6.
func TestACodeReadsBackHoweverItIsTyped(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		code := random(r)
		typed := strings.ToLower(code[:4] + "-" + code[4:8] + " " + code[8:])
		typed = strings.NewReplacer("1", "l", "0", "o").Replace(typed)
		if got, ok := Parse(typed); !ok || got != code || len(code) != Length {
			t.Fatalf("%s typed as %s is read as %q", code, typed, got)
		}
	}
	for _, text := range []string{"", "0", "00000000000U", "0000000000000", "0000000000湘0"} {
		if got, ok := Parse(text); ok {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
}

// TestASlipIsSeen proves F6: one wrong sign, or two that changed places, never
// make another code.
func TestASlipIsSeen(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		code := []byte(random(r))
		for i := range code {
			was := code[i]
			for _, sign := range []byte(signs) {
				if code[i] = sign; sign != was {
					if _, ok := Parse(string(code)); ok {
						t.Fatalf("%s passes with a wrong sign at %d", code, i)
					}
				}
			}
			code[i] = was
			for j := range i {
				if code[i] == code[j] {
					continue
				}
				code[i], code[j] = code[j], code[i]
				if _, ok := Parse(string(code)); ok {
					t.Fatalf("%s passes with %d and %d in each other's place", code, i, j)
				}
				code[i], code[j] = code[j], code[i]
			}
		}
	}
}
