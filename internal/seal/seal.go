// Package seal keeps numbers of people unreadable at rest: AES-256-GCM under a
// key that lies beside the database, never in it.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// prefix tells a sealed value from a plain one of before, and its form.
const prefix = "s1."

// bytesPrefix is prefix for the bytes of a file.
const bytesPrefix = "s1b."

// Ring seals with its first key and opens with any, so that a key can be
// replaced while old values are still there.
type Ring struct {
	keys   []cipher.AEAD
	ids    []string
	hashes []byte // key of Hash; made of the oldest key, unless another was kept
}

// NewRing returns the ring of keys of 32 bytes, the one in use first.
func NewRing(keys ...[]byte) (*Ring, error) {
	if len(keys) == 0 {
		return nil, errors.New("seal: no key")
	}
	r := &Ring{}
	for _, key := range keys {
		if len(key) != 32 {
			return nil, fmt.Errorf("seal: a key has %d bytes, not 32", len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		sum := sha256.Sum256(key)
		r.keys, r.ids = append(r.keys, aead), append(r.ids, hex.EncodeToString(sum[:4]))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("hash"))
		r.hashes = mac.Sum(nil)
	}
	return r, nil
}

// HashKey returns the key of Hash. It is to be kept, sealed, so that hashes stay
// what they are when the key it was made of is gone.
func (r *Ring) HashKey() string { return hex.EncodeToString(r.hashes) }

// UseHashKey makes Hash work with a key that HashKey returned before.
func (r *Ring) UseHashKey(key string) error {
	plain, err := hex.DecodeString(key)
	if err != nil || len(plain) < sha256.Size {
		return errors.New("seal: that is not a key of hashes")
	}
	r.hashes = plain
	return nil
}

// Seal returns text sealed for a place, such as the column and the row it lies
// in: it opens at that place only. No text stays no text.
func (r *Ring) Seal(text, place string) string {
	if text == "" {
		return ""
	}
	return r.Mark() + base64.RawStdEncoding.EncodeToString(r.box(nil, []byte(text), place))
}

// Mark is how everything begins that Seal seals with the key in use.
func (r *Ring) Mark() string { return prefix + r.ids[0] + "." }

// box appends to head a nonce and data under the key in use.
func (r *Ring) box(head, data []byte, place string) []byte {
	nonce := make([]byte, r.keys[0].NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return r.keys[0].Seal(append(head, nonce...), nonce, data, []byte(place))
}

// SealBytes is Seal for the bytes of a file.
func (r *Ring) SealBytes(data []byte, place string) []byte {
	return r.box([]byte(bytesPrefix+r.ids[0]+"."), data, place)
}

// OpenBytes returns what SealBytes was given. Bytes that were never sealed, that
// open under no key or belong to another place are an error.
func (r *Ring) OpenBytes(sealed []byte, place string) ([]byte, error) {
	body, is := bytes.CutPrefix(sealed, []byte(bytesPrefix))
	id, box, whole := bytes.Cut(body, []byte("."))
	if !is || !whole {
		return nil, errors.New("seal: the bytes are not sealed")
	}
	return r.unbox(string(id), box, place)
}

func (r *Ring) unbox(id string, box []byte, place string) ([]byte, error) {
	for i, key := range r.keys {
		if r.ids[i] != id || len(box) < key.NonceSize() {
			continue
		}
		plain, err := key.Open(nil, box[:key.NonceSize()], box[key.NonceSize():], []byte(place))
		if err != nil {
			return nil, fmt.Errorf("seal: a value does not open: %w", err)
		}
		return plain, nil
	}
	return nil, fmt.Errorf("seal: no key %s is on the ring", id)
}

// Open returns what Seal was given. A value that was never sealed is returned
// as it is; one that does not open under any key, or lies in another place, is
// an error.
func (r *Ring) Open(value, place string) (string, error) {
	body, sealed := strings.CutPrefix(value, prefix)
	if !sealed {
		return value, nil
	}
	id, text, _ := strings.Cut(body, ".")
	box, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	plain, err := r.unbox(id, box, place)
	return string(plain), err
}

// Current reports whether a value is sealed under the key in use.
func (r *Ring) Current(value string) bool { return strings.HasPrefix(value, r.Mark()) }

// CurrentBytes is Current for sealed bytes.
func (r *Ring) CurrentBytes(sealed []byte) bool {
	return bytes.HasPrefix(sealed, []byte(bytesPrefix+r.ids[0]+"."))
}

// Hash returns a keyed hash by which equal texts of a kind are told without
// being readable; "" for no text.
func (r *Ring) Hash(kind, text string) string {
	if text == "" {
		return ""
	}
	mac := hmac.New(sha256.New, r.hashes)
	mac.Write([]byte(kind + "\x00" + text))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
