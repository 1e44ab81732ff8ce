// Package fault is the error that is meant for people: it has a kind that
// decides the HTTP status, a stable code for programs, and text in both
// languages that says what is wrong and how to mend it.
package fault

import (
	"errors"
	"strings"

	"phaseout/internal/bilingual"
)

// Kind sorts faults by what the caller can do about them.
type Kind string

// The kinds of fault. Anything that is not a *Fault is an internal error.
const (
	Invalid      Kind = "invalid"      // shape or rule; mend the input
	Unauthorized Kind = "unauthorized" // log in again
	Denied       Kind = "denied"       // the actor is known and may not
	NotFound     Kind = "not_found"    // no such record, or not in the actor's scope
	Conflict     Kind = "conflict"     // right input, wrong state
	Stale        Kind = "stale"        // the change is based on an older version
	Precondition Kind = "precondition" // If-Match is missing
	TooLarge     Kind = "too_large"    // the upload is over the limit
	Media        Kind = "media_type"   // the content type is not accepted
	TooMany      Kind = "too_many"     // slow down
	Unavailable  Kind = "unavailable"  // try again later
)

// Detail is one thing that is wrong with one field.
type Detail struct {
	Location string         // "body.fields.vin", "query.as_of"
	Code     string         // "format"
	Message  bilingual.Text // what is wrong
	Mend     bilingual.Text // how to mend it
	Value    string         // the value as given; never a secret
}

// Fault is an error for people.
type Fault struct {
	Kind    Kind
	Code    string         // stable, lower_snake: "four_eyes"
	Message bilingual.Text // what is wrong, as one sentence
	Mend    bilingual.Text // how to mend it
	Details []Detail
	Extra   map[string]any // further members of the problem document
}

// Error gives the English text, for logs and tests.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Code)
	b.WriteString(": ")
	b.WriteString(f.Message.In(bilingual.EN))
	for _, d := range f.Details {
		b.WriteString("; ")
		b.WriteString(d.Location)
		b.WriteString(": ")
		b.WriteString(d.Message.In(bilingual.EN))
	}
	return b.String()
}

// New returns a fault of the kind with a stable code.
func New(kind Kind, code string, message bilingual.Text) *Fault {
	return &Fault{Kind: kind, Code: code, Message: message}
}

// WithMend returns f with the sentence that says how to mend it.
func (f *Fault) WithMend(zh, en string) *Fault {
	f.Mend = bilingual.T(zh, en)
	return f
}

// With returns f with one more member for the problem document.
func (f *Fault) With(key string, value any) *Fault {
	if f.Extra == nil {
		f.Extra = map[string]any{}
	}
	f.Extra[key] = value
	return f
}

// Field returns an Invalid fault about one field.
func Field(location, code string, message, mend bilingual.Text) *Fault {
	return Fields([]Detail{{Location: location, Code: code, Message: message, Mend: mend}})
}

// Fields returns an Invalid fault with one detail for each wrong field.
func Fields(details []Detail) *Fault {
	return &Fault{
		Kind: Invalid, Code: "invalid",
		Message: bilingual.T("提交的内容有误，请按提示修改", "the input has mistakes; mend the fields listed"),
		Details: details,
	}
}

// Missing returns the NotFound fault that a missing row and a foreign city's
// row share, so that the two cannot be told apart.
func Missing() *Fault {
	return New(NotFound, "not_found", bilingual.T("没有找到该记录", "no such record"))
}

// Forbidden returns the Denied fault for a role that may not do this.
func Forbidden() *Fault {
	return New(Denied, "forbidden", bilingual.T("您的角色没有此项权限", "your role does not permit this"))
}

// As returns the fault in err's chain, if there is one.
func As(err error) (*Fault, bool) {
	var f *Fault
	ok := errors.As(err, &f)
	return f, ok
}

// Is reports whether err is a fault of the kind.
func Is(err error, kind Kind) bool {
	f, ok := As(err)
	return ok && f.Kind == kind
}
