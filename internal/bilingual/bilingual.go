// Package bilingual holds the one type for text that people read: Chinese
// first, English second.
package bilingual

import (
	"fmt"
	"strings"
)

// Text is one sentence or label in both languages of the interface.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// T returns the text with both languages given.
func T(zh, en string) Text { return Text{ZH: zh, EN: en} }

// F formats both languages with the same arguments.
func F(zh, en string, args ...any) Text {
	return Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}
}

// Lang is a language of the interface.
type Lang string

// The languages of the interface. ZH is what a request without a wish gets.
const (
	ZH Lang = "zh"
	EN Lang = "en"
)

// In returns the text in lang; a text without English falls back to Chinese.
func (t Text) In(lang Lang) string {
	if lang == EN && t.EN != "" {
		return t.EN
	}
	return t.ZH
}

// IsZero reports whether the text is empty in both languages.
func (t Text) IsZero() bool { return t == Text{} }

// Accept returns the language an Accept-Language header asks for: English if
// its first language tag is English, else Chinese.
func Accept(header string) Lang {
	first, _, _ := strings.Cut(header, ",")
	tag := strings.ToLower(strings.TrimSpace(first))
	if tag == "en" || strings.HasPrefix(tag, "en-") || strings.HasPrefix(tag, "en;") {
		return EN
	}
	return ZH
}
