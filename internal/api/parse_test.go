package api

import (
	"encoding/json"
	"testing"

	"phaseout/internal/fault"
)

// FuzzCursor holds what a client sends back as a cursor to what it was given:
// anything else is refused as such, whatever it is.
func FuzzCursor(f *testing.F) {
	for _, key := range []string{"a", "12,3", "0190aa00-0000-7000-8000-000000000000", "湘A", "1:", ",", "9999999999999999999"} {
		f.Add(key)
		f.Add(encodeCursor(key))
	}
	f.Add("MTo")
	f.Fuzz(func(t *testing.T, cursor string) {
		key, err := decodeCursor(cursor)
		if err != nil && !fault.Is(err, fault.Invalid) || err == nil && cursor != "" && key == "" {
			t.Fatalf("%q: %q %v", cursor, key, err)
		}
		if err == nil && cursor != "" {
			if again, err := decodeCursor(encodeCursor(key)); err != nil || again != key {
				t.Fatalf("%q: %q comes back as %q %v", cursor, key, again, err)
			}
		}
		for n := 1; n < 3; n++ {
			numbers, err := numbersIn(cursor, n)
			if err != nil && !fault.Is(err, fault.Invalid) || err == nil && len(numbers) != n {
				t.Fatalf("%q: %v %v", cursor, numbers, err)
			}
		}
	})
}

// FuzzVersion holds If-Match to the ETags that are given out.
func FuzzVersion(f *testing.F) {
	for _, tag := range []string{`"1"`, `W/"12"`, "3", "*", `"`, `"-1"`, `"99999999999999999999"`, ""} {
		f.Add(tag)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		v, err := Based{IfMatch: tag}.version()
		if (err != nil) != (tag == "") {
			t.Fatalf("%q: %d %v", tag, v, err)
		}
		if again, err := (Based{IfMatch: etag(v)}).version(); err != nil || again != v {
			t.Fatalf("%q: %d comes back as %d %v", tag, v, again, err)
		}
	})
}

// FuzzStrictJSON holds that a body which passes is JSON for everybody.
func FuzzStrictJSON(f *testing.F) {
	for _, body := range []string{`{}`, `{"a":1,"a":2}`, `{"a":{"b":[1,{"c":null}]}}`, `[1] 2`, `{"a":`, `"湘"`, "\xff", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", `{"a":"\ud800"}`, `1e999`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		message := strictJSON(body)
		if (message.ZH == "") != (message.EN == "") {
			t.Fatalf("%q: said in one language only", body)
		}
		if message.IsZero() && !json.Valid(body) {
			t.Fatalf("%q passes", body)
		}
	})
}
