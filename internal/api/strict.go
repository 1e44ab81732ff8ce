package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"phaseout/internal/bilingual"
)

// maxDepth is how deep a JSON body may nest.
const maxDepth = 32

// strictJSON returns what is wrong with a body as JSON, or nothing: it must be
// UTF-8, one value and no more, no name twice in an object, not too deep, no text
// with a NUL in it. Which names there may be is the schema's business.
func strictJSON(body []byte) bilingual.Text {
	if !utf8.Valid(body) {
		return bilingual.T("内容不是 UTF-8 编码", "the body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if message := strictValue(dec, "", 0); !message.IsZero() {
		return message
	}
	if _, err := dec.Token(); err != io.EOF {
		return bilingual.T("JSON 之后还有多余内容", "there is something after the end of the JSON")
	}
	return bilingual.Text{}
}

func notJSON() bilingual.Text {
	return bilingual.T("内容不是有效的 JSON", "the body is not JSON")
}

func strictValue(dec *json.Decoder, field string, depth int) bilingual.Text {
	if depth > maxDepth {
		return bilingual.T("JSON 嵌套过深", "the JSON nests too deeply")
	}
	token, err := dec.Token()
	if err != nil {
		return notJSON()
	}
	opening, isDelim := token.(json.Delim)
	if !isDelim {
		if text, isText := token.(string); isText && hasNUL(text) {
			return bilingual.F("字段 %q 含有空字符（NUL），请删除后重新提交", "%q has a NUL character in it; take it out and submit again", field)
		}
		return bilingual.Text{}
	}
	seen := map[string]bool{}
	for dec.More() {
		if opening == '{' {
			name, err := dec.Token()
			key, isName := name.(string)
			if err != nil || !isName {
				return notJSON()
			}
			if seen[key] {
				return bilingual.F("字段 %q 出现了两次", "the name %q is given twice", key)
			}
			seen[key], field = true, key
		}
		if message := strictValue(dec, field, depth+1); !message.IsZero() {
			return message
		}
	}
	if _, err := dec.Token(); err != nil {
		return notJSON()
	}
	return bilingual.Text{}
}

// hasNUL reports whether a text has the one character in it that PostgreSQL does
// not keep. No office writes it; programs leave it behind.
func hasNUL(text string) bool { return strings.ContainsRune(text, 0) }

// strictAddress returns what is wrong with the path and the query as text.
func strictAddress(u *url.URL) bilingual.Text {
	parts := []string{u.Path}
	for name, values := range u.Query() {
		parts = append(append(parts, name), values...)
	}
	if slices.ContainsFunc(parts, func(p string) bool { return hasNUL(p) || !utf8.ValidString(p) }) {
		return bilingual.T("网址含有空字符（NUL）或不是 UTF-8 编码", "the address has a NUL character in it or is not UTF-8")
	}
	return bilingual.Text{}
}
