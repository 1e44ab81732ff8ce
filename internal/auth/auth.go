// Package auth hashes passwords and issues and checks tokens. It keeps nothing.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
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

// Verify reports whether a password has the hash.
func Verify(password, hash string) (bool, error) {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2id.ComparePasswordAndHash(password, hash)
}

// nothing is the hash of a password that nobody has.
const nothing = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$6Vw0yVQyS6QXh2vqmBqQJx0yqVw0yVQyS6QXh2vqmBo"

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
	if len(secret) < 32 {
		return nil, errors.New("auth: the token secret must have at least 32 bytes")
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
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return makeSecret(path)
	case err != nil:
		return nil, fmt.Errorf("auth: token secret: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("auth: token secret %s may be read by others; run chmod 600 on it", path)
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("auth: token secret: %w", err)
	}
	if len(secret) < 32 {
		return nil, fmt.Errorf("auth: token secret %s is shorter than 32 bytes; remove it and a new one is made (everybody has to log in again)", path)
	}
	return secret, nil
}

func makeSecret(path string) ([]byte, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("auth: random bits: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("auth: token secret: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("auth: token secret: %w", err)
	}
	_, err = f.Write(secret)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("auth: token secret: %w", err)
	}
	return secret, nil
}
