// Package auth hashes passwords and issues and checks tokens. It keeps nothing.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// params are those that OWASP names as the least for argon2id.
var params = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// hashing bounds how many hashes are computed at once: each takes 19 MiB.
var hashing = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))

// Hash returns the argon2id hash of a password.
func Hash(password string) (string, error) {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2id.CreateHash(password, params)
}

// Verify reports whether a password has the hash. A hash that was damaged or
// that would cost far more than ours is an error.
func Verify(password, hash string) (bool, error) {
	p, salt, key, err := argon2id.DecodeHash(hash)
	if err != nil {
		return false, fmt.Errorf("auth: hash: %w", err)
	}
	if len(salt) < 8 || len(key) < 16 || p.Memory > 16*params.Memory || p.Iterations < 1 || p.Iterations > 16 || p.Parallelism < 1 {
		return false, errors.New("auth: hash: parameters out of range")
	}
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2id.ComparePasswordAndHash(password, hash)
}

// nothing is a hash that no password has, of the same cost as any.
var nothing = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", params.Memory, params.Iterations, params.Parallelism,
	base64.RawStdEncoding.EncodeToString(make([]byte, params.SaltLength)), base64.RawStdEncoding.EncodeToString(make([]byte, params.KeyLength)))

// VerifyNothing takes as long as Verify, for names that have no account.
func VerifyNothing(password string) {
	_, _ = Verify(password, nothing)
}

// Issuer, audience and life of access tokens.
const (
	issuer     = "phaseout"
	audience   = "phaseout-api"
	tokenLasts = 15 * time.Minute
)

// leastSecret is the length in bytes below which HS256 loses strength.
const leastSecret = 32

// longestToken is several times as long as any token that is issued.
const longestToken = 2048

// Claims is what an access token says: who, on which session. What the user
// may do is looked up on each request.
type Claims struct {
	UserID    string
	SessionID string
}

type claims struct {
	SessionID string `json:"sid"`
	jwt.RegisteredClaims
}

// Tokens issues and checks access tokens.
type Tokens struct {
	secret []byte
	now    func() time.Time
	parser *jwt.Parser
}

// NewTokens returns the issuer of tokens signed by the secret, at least 32
// bytes, on the clock.
func NewTokens(secret []byte, now func() time.Time) (*Tokens, error) {
	if len(secret) < leastSecret {
		return nil, fmt.Errorf("auth: the token secret must have at least %d bytes", leastSecret)
	}
	return &Tokens{secret, now, jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(now), jwt.WithStrictDecoding())}, nil
}

// Issue returns an access token and how long it is good for.
func (t *Tokens) Issue(userID, sessionID string) (string, time.Duration, error) {
	at := t.now()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{sessionID, jwt.RegisteredClaims{
		Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: userID, ID: uuid.NewString(), IssuedAt: jwt.NewNumericDate(at),
		NotBefore: jwt.NewNumericDate(at), ExpiresAt: jwt.NewNumericDate(at.Add(tokenLasts)),
	}})
	token.Header["typ"] = "at+jwt"
	signed, err := token.SignedString(t.secret)
	if err != nil {
		return "", 0, fmt.Errorf("auth: sign a token: %w", err)
	}
	return signed, tokenLasts, nil
}

// Parse checks an access token: algorithm, signature, issuer, audience, type
// and time.
func (t *Tokens) Parse(token string) (Claims, error) {
	if len(token) > longestToken {
		return Claims{}, errors.New("auth: token: too long to be one of ours")
	}
	var c claims
	parsed, err := t.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.secret, nil })
	if err != nil {
		return Claims{}, fmt.Errorf("auth: token: %w", err)
	}
	if parsed.Header["typ"] != "at+jwt" || c.Subject == "" || c.SessionID == "" {
		return Claims{}, errors.New("auth: not an access token")
	}
	return Claims{c.Subject, c.SessionID}, nil
}

// NewRefresh returns a refresh token of 256 random bits and the hash under
// which it is kept.
func NewRefresh() (token, hash string, err error) {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", "", fmt.Errorf("auth: random bits: %w", err)
	}
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, HashRefresh(token), nil
}

// HashRefresh returns the hash under which a refresh token is kept.
func HashRefresh(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// LoadSecret reads the token secret from a file, making it with 32 random
// bytes if there is none. A file that others may read is refused.
func LoadSecret(path string) ([]byte, error) {
	return loadKey(path, "token secret", "remove it and a new one is made (everybody has to log in again)")
}

// LoadKey is LoadSecret for the key under which people's numbers are sealed.
// A new one is made only where fresh says that nothing is sealed yet: it would
// open nothing that is there.
func LoadKey(path string, fresh bool) ([]byte, error) {
	const what, mend = "key of sealed numbers", "put the right one back from the backup"
	if fresh {
		return loadKey(path, what, mend)
	}
	return readSecret(path, what, mend)
}

func loadKey(path, what, mend string) ([]byte, error) {
	secret, err := readSecret(path, what, mend)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeSecret(path); err != nil {
			return nil, fmt.Errorf("auth: %s: %w", what, err)
		}
		return readSecret(path, what, mend) // which another process may have made first
	}
	return secret, err
}

func readSecret(path, what, mend string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("auth: %s: %w", what, err)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" { // which has no such bits
		return nil, fmt.Errorf("auth: %s %s may be read by others; run chmod 600 on it", what, path)
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("auth: %s: %w", what, err)
	}
	if len(secret) < leastSecret {
		return nil, fmt.Errorf("auth: %s %s is shorter than %d bytes; %s", what, path, leastSecret, mend)
	}
	return secret, nil
}

// makeSecret makes the file whole or not at all, and never over another one:
// it is written beside its place and then linked there.
func makeSecret(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".secret-*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	var secret [leastSecret]byte
	_, _ = rand.Read(secret[:]) // never fails
	_, err = f.Write(secret[:])
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
