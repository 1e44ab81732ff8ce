package api

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"

	"phaseout/internal/bilingual"
)

// maxDepth is how deep a JSON body may nest.
const maxDepth = 32

// strictJSON returns what is wrong with a body as JSON, or nothing: it must be
// UTF-8, one value and no more, no name twice in an object, not too deep. Which
// names there may be is the schema's business.
func strictJSON(body []byte) bilingual.Text {
	if !utf8.Valid(body) {
		return bilingual.T("内容不是 UTF-8 编码", "the body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if message := strictValue(dec, 0); !message.IsZero() {
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

func strictValue(dec *json.Decoder, depth int) bilingual.Text {
	if depth > maxDepth {
		return bilingual.T("JSON 嵌套过深", "the JSON nests too deeply")
	}
	token, err := dec.Token()
	if err != nil {
		return notJSON()
	}
	opening, isDelim := token.(json.Delim)
	if !isDelim {
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
			seen[key] = true
		}
		if message := strictValue(dec, depth+1); !message.IsZero() {
			return message
		}
	}
	if _, err := dec.Token(); err != nil {
		return notJSON()
	}
	return bilingual.Text{}
}
