package auth

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var start = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)

// TestTokensAreTakenOnlyAsIssued proves F75: algorithm, key, issuer, audience,
// type and time are all pinned.
func TestTokensAreTakenOnlyAsIssued(t *testing.T) {
	now, secret := start, bytes.Repeat([]byte("s"), 32)
	tokens, err := NewTokens(secret, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	good, lasts, err := tokens.Issue("user", "session")
	if err != nil || lasts != 15*time.Minute {
		t.Fatalf("issue: %v, %v", lasts, err)
	}
	if c, err := tokens.Parse(good); err != nil || c != (Claims{"user", "session"}) {
		t.Fatalf("got %+v, %v", c, err)
	}
	make := func(method jwt.SigningMethod, key any, change func(jwt.MapClaims), header string) string {
		c := jwt.MapClaims{"iss": issuer, "aud": audience, "sub": "user", "sid": "session", "iat": start.Unix(), "nbf": start.Unix(), "exp": start.Add(time.Minute).Unix()}
		change(c)
		token := jwt.NewWithClaims(method, c)
		token.Header["typ"] = header
		signed, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	same := func(jwt.MapClaims) {}
	if _, err := tokens.Parse(make(jwt.SigningMethodHS256, secret, same, "at+jwt")); err != nil {
		t.Errorf("the control is refused: %v", err)
	}
	for name, token := range map[string]string{
		"none":           make(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same, "at+jwt"),
		"another method": make(jwt.SigningMethodHS512, secret, same, "at+jwt"), "another key": make(jwt.SigningMethodHS256, []byte("x"), same, "at+jwt"),
		"another type": make(jwt.SigningMethodHS256, secret, same, "JWT"), "another issuer": make(jwt.SigningMethodHS256, secret, func(c jwt.MapClaims) { c["iss"] = "x" }, "at+jwt"),
		"another audience": make(jwt.SigningMethodHS256, secret, func(c jwt.MapClaims) { c["aud"] = "x" }, "at+jwt"), "no end": make(jwt.SigningMethodHS256, secret, func(c jwt.MapClaims) { delete(c, "exp") }, "at+jwt"),
		"ended": make(jwt.SigningMethodHS256, secret, func(c jwt.MapClaims) { c["exp"] = start.Add(-time.Second).Unix() }, "at+jwt"), "not yet": make(jwt.SigningMethodHS256, secret, func(c jwt.MapClaims) { c["nbf"] = start.Add(time.Hour).Unix() }, "at+jwt"),
		"no session": make(jwt.SigningMethodHS256, secret, func(c jwt.MapClaims) { delete(c, "sid") }, "at+jwt"), "cut": good[:len(good)-2], "dots": strings.Repeat(".", 1<<20), "empty": "",
	} {
		if _, err := tokens.Parse(token); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	now = start.Add(15*time.Minute + time.Second)
	if _, err := tokens.Parse(good); err == nil {
		t.Error("a token outlives its 15 minutes")
	}
	if _, err := NewTokens([]byte("short"), time.Now); err == nil {
		t.Error("a short secret is taken")
	}
}

// TestPasswordsAreHashedAndJudged proves F75's passwords: a hash of its own each
// time, and both policies.
func TestPasswordsAreHashedAndJudged(t *testing.T) {
	a, err := Hash("一个很长的密码 passphrase")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Hash("一个很长的密码 passphrase")
	if a == b || !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hashes %s and %s", a, b)
	}
	if good, err := Verify("一个很长的密码 passphrase", a); !good || err != nil {
		t.Errorf("the password is refused: %v", err)
	}
	if good, _ := Verify("another", a); good {
		t.Error("another password is taken")
	}
	for _, c := range []struct {
		policy   Policy
		password string
		good     bool
	}{
		{NIST, "correct horse battery", true}, {NIST, "short", false}, {NIST, "password1234", false}, {NIST, "xx-zhangsan-yy-zz", false}, {NIST, strings.Repeat("a", 257), false},
		{MLPS, "Abcdef12!x", true}, {MLPS, "abcdefghijklm", false}, {MLPS, "Ab1!", false}, {NIST, "十二个汉字组成的密码也可以", true},
	} {
		if wrong := c.policy.Check(c.password, "zhangsan", "张三"); (len(wrong) == 0) != c.good {
			t.Errorf("%s %q: %v", c.policy, c.password, wrong)
		}
	}
}

// TestSecretIsMadeOnceAndKeptPrivate proves F87: no setting is needed, and a
// file that others may read is refused.
func TestSecretIsMadeOnceAndKeptPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "jwt.secret")
	first, err := LoadSecret(path)
	if err != nil || len(first) != 32 {
		t.Fatalf("got %d bytes, %v", len(first), err)
	}
	if second, err := LoadSecret(path); err != nil || !bytes.Equal(first, second) {
		t.Errorf("a second start has another secret: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSecret(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("an open file: %v", err)
	}
}
