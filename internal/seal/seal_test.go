package seal

import (
	"bytes"
	"strings"
	"testing"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// TestSealedValuesOpenInTheirPlaceOnly proves F53: an account at rest cannot
// be read, moved to another row or changed.
func TestSealedValuesOpenInTheirPlaceOnly(t *testing.T) {
	r, err := NewRing(key(1))
	if err != nil {
		t.Fatal(err)
	}
	const account = "6222020000000000012"
	sealed := r.Seal(account, "row-1")
	if strings.Contains(sealed, account) || sealed == r.Seal(account, "row-1") {
		t.Errorf("sealed as %s", sealed)
	}
	if got, err := r.Open(sealed, "row-1"); got != account || err != nil {
		t.Errorf("opened as %q, %v", got, err)
	}
	if _, err := r.Open(sealed, "row-2"); err == nil {
		t.Error("it opens in another row")
	}
	for i := len(sealed) - 8; i < len(sealed); i++ {
		broken := []byte(sealed)
		broken[i] ^= 1
		if _, err := r.Open(string(broken), "row-1"); err == nil {
			t.Errorf("changed at %d it still opens", i)
		}
	}
	if got, err := r.Open("6222 plain", "row-1"); got != "6222 plain" || err != nil {
		t.Errorf("a plain value of before: %q, %v", got, err)
	}
	if r.Seal("", "x") != "" || r.Hash("account", "") != "" {
		t.Error("nothing is sealed as something")
	}
}

// TestKeysAreReplacedWhileOldValuesStay proves F53's rotation.
func TestKeysAreReplacedWhileOldValuesStay(t *testing.T) {
	old, _ := NewRing(key(1))
	sealed := old.Seal("123", "p")
	both, _ := NewRing(key(2), key(1))
	if got, err := both.Open(sealed, "p"); got != "123" || err != nil {
		t.Errorf("the old value: %q, %v", got, err)
	}
	if both.Current(sealed) || !both.Current(both.Seal("123", "p")) {
		t.Error("new values are not under the new key")
	}
	if both.Hash("account", "123") != old.Hash("account", "123") {
		t.Error("the hash changed with the key")
	}
	fresh, _ := NewRing(key(2))
	if _, err := fresh.Open(sealed, "p"); err == nil {
		t.Error("it opens without its key")
	}
	if _, err := NewRing(key(1)[:16]); err == nil {
		t.Error("a short key is taken")
	}
	if _, err := NewRing(); err == nil {
		t.Error("no key is taken")
	}
}
