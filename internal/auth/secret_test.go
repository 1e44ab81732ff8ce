package auth

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
)

// TestNothingCostsWhatAPasswordCosts proves F75: an unknown name cannot be told
// by the time it takes.
func TestNothingCostsWhatAPasswordCosts(t *testing.T) {
	got, salt, key, err := argon2id.DecodeHash(nothing)
	if err != nil || *got != *params || len(salt) != int(params.SaltLength) || len(key) != int(params.KeyLength) {
		t.Fatalf("got %+v, %v", got, err)
	}
	hash, err := Hash("vmxk trug eopw")
	if err != nil {
		t.Fatal(err)
	}
	least := func(f func()) time.Duration {
		best := time.Hour
		for range 3 {
			start := time.Now()
			f()
			best = min(best, time.Since(start))
		}
		return best
	}
	known := least(func() { _, _ = Verify("another", hash) })
	unknown := least(func() { VerifyNothing("another") })
	if unknown < known/3 || unknown > known*3 {
		t.Errorf("a known name takes %s, an unknown one %s", known, unknown)
	}
}

// TestBrokenHashIsAnError is for a damaged row: neither a match nor a panic.
func TestBrokenHashIsAnError(t *testing.T) {
	for _, hash := range []string{"", "x", "$argon2id$v=19$m=19456,t=2,p=1$$", "$argon2i$v=19$m=8,t=1,p=1$YQ$YQ",
		strings.Replace(nothing, "m=19456", "m=4294967295", 1), strings.Replace(nothing, "t=2", "t=0", 1), strings.Replace(nothing, "p=1", "p=0", 1), nothing[:len(nothing)-30]} {
		if good, err := Verify("x", hash); good || err == nil {
			t.Errorf("%q: %v, %v", hash, good, err)
		}
	}
}

// TestRefreshTokensAreLongAndKeptAsHashes proves F75.
func TestRefreshTokensAreLongAndKeptAsHashes(t *testing.T) {
	a, hash, err := NewRefresh()
	if err != nil || len(a) != 43 || len(hash) != 64 || HashRefresh(a) != hash || strings.Contains(hash, a) {
		t.Errorf("got %q, %q, %v", a, hash, err)
	}
	if b, _, _ := NewRefresh(); a == b {
		t.Error("twice the same")
	}
}

// TestTokensThatAreTamperedWithAreRefused changes every sign of a token.
func TestTokensThatAreTamperedWithAreRefused(t *testing.T) {
	tokens, err := NewTokens(bytes.Repeat([]byte("s"), 32), func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	good, _, err := tokens.Issue("user", "session")
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := []byte(good)
		if bad[i]++; bad[i] == '.' {
			bad[i]++
		}
		if _, err := tokens.Parse(string(bad)); err == nil {
			t.Errorf("sign %d may be %q", i, bad[i])
		}
	}
	for _, bad := range []string{good + "=", good + ".", " " + good, good + strings.Repeat("A", longestToken), strings.Repeat("A", longestToken+1)} {
		if _, err := tokens.Parse(bad); err == nil {
			t.Errorf("%.80q is taken", bad)
		}
	}
}

// TestSecretIsTheSameForProcessesThatStartTogether proves F87.
func TestSecretIsTheSameForProcessesThatStartTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwt.secret")
	var secrets [8][]byte
	var wait sync.WaitGroup
	for i := range secrets {
		wait.Go(func() {
			secret, err := LoadSecret(path)
			if err != nil {
				t.Error(err)
			}
			secrets[i] = secret
		})
	}
	wait.Wait()
	for _, s := range secrets {
		if !bytes.Equal(s, secrets[0]) {
			t.Error("two secrets")
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s", info.Mode())
	}
}

// TestSecretThatCannotBeUsedIsNamed proves F87: it says what to do.
func TestSecretThatCannotBeUsedIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwt.secret")
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSecret(path); err == nil || !strings.Contains(err.Error(), "shorter than 32") || strings.Contains(err.Error(), "short\"") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSecret(filepath.Join(filepath.Dir(path), "file", "jwt.secret")); err == nil {
		t.Error("a folder that is a file")
	}
}
