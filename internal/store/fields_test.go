package store

import (
	"encoding/json"
	"maps"
	"testing"
	"unicode/utf8"
)

// FuzzFields holds the quick way of reading fields against encoding/json: what
// it reads is the same, what is no object of texts is refused.
func FuzzFields(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":"b"}`, `{"a":"b","c":"湘"}`, `{"a":"b\"c"}`, `{"a":1}`, `{"a":"b",}`, `{"a":"b""c":"d"}`, `{"a","b"}`, `{"a":"b","c"}`, `null`, `{"a":"","":"x"}`, `{"":""}`, `{"`, `{"a":"b":"c"}`, `{"a":"b" , "c":"d"}`, `{"a":"b","a":"c"}`, "{\"a\":\"\n\"}", ``} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // json.Marshal writes none
		}
		got, err := fieldsOf(text)
		var want map[string]string
		wantErr := json.Unmarshal([]byte(text), &want)
		if wantErr == nil && (err != nil || !maps.Equal(got, want)) {
			t.Fatalf("%s: got %v %v, want %v", text, got, err, want)
		}
	})
}
