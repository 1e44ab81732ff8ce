package registry

import (
	"slices"

	"phaseout/internal/bilingual"
)

// FieldType says how a field is read and which widget edits it.
type FieldType string

// The field types.
const (
	TextField     FieldType = "text"
	DayField      FieldType = "day"
	IntegerField  FieldType = "integer"
	DecimalField  FieldType = "decimal"
	OptionField   FieldType = "option"   // Options or Dictionary
	DistrictField FieldType = "district" // a district of the asset's city
)

// Option is one entry of a dictionary.
type Option struct {
	Code     string         `json:"code"`
	Name     bilingual.Text `json:"name"`
	Group    string         `json:"group,omitempty"` // heavy, medium, light … for rules
	Synonyms []string       `json:"-"`
}

// FieldSpec is the one definition of a field: the API, the import, the form
// and the template all read it.
type FieldSpec struct {
	Key        string         `json:"key"`
	Name       bilingual.Text `json:"name"`
	Type       FieldType      `json:"type"`
	Required   bool           `json:"required"`
	Unit       string         `json:"unit,omitempty"`
	Dictionary string         `json:"-"` // dictionary kind for OptionField: "category", "stage", "fuel", …
	Options    []Option       `json:"options,omitempty"`
	Pattern    string         `json:"pattern,omitempty"` // ECMA and RE2 alike, on the normalised value
	Hint       bilingual.Text `json:"hint"`              // the form in plain words, with an example
	Secret     bool           `json:"secret"`
	Identifier bool           `json:"identifier"`
	Min        float64        `json:"min,omitempty"`
	Max        float64        `json:"max,omitempty"`
	Synonyms   []string       `json:"-"` // headings in other offices' sheets
	Example    string         `json:"-"` // what the template shows
}

// Evidence is one thing that proves a retirement. A required one must be there
// before the retirement counts as evidenced; one with Before must be there
// before that step is logged, because afterwards it cannot be had any more.
type Evidence struct {
	Code     string         `json:"code"` // "certificate_no", "photo", "deregistered_on", …
	Name     bilingual.Text `json:"name"`
	Kind     string         `json:"kind"` // "field" of the retirement, or "file" of that kind
	Required bool           `json:"required"`
	Before   string         `json:"before,omitempty"` // step that waits for it: "dismantled", "deregistered" or ""
	Phase    string         `json:"phase,omitempty"`  // of a photo: "before", "during" or "after" the dismantling
}

// Step is one dated event on a way out. It waits for the steps in After.
type Step struct {
	Code  string // "received", "dismantled" or "deregistered"
	After []string
}

// WayOut is one way in which an asset leaves service.
type WayOut struct {
	Code     string         `json:"code"` // scrapped, re_engined, retrofitted, moved_out, …
	Name     bilingual.Text `json:"name"`
	CountsAs string         `json:"counts_as"` // retired, converted, moved, other
	Evidence []Evidence     `json:"evidence"`
	Steps    []Step         `json:"-"`
	MinStage string         `json:"-"` // cleanest acceptable stage of a new engine, "" where none is put in
}

// Has reports whether the way out has a step.
func (w WayOut) Has(step string) bool {
	for _, s := range w.Steps {
		if s.Code == step {
			return true
		}
	}
	return false
}

// Waits reports whether a step of the way out comes after an earlier one.
func (w WayOut) Waits(step, earlier string) bool {
	at := slices.IndexFunc(w.Steps, func(s Step) bool { return s.Code == step })
	return at >= 0 && slices.Contains(w.Steps[at].After, earlier)
}

// Spec is the whole profile of one class. A new class is one new Spec and its
// rows in seeds/reference.
type Spec struct {
	Class      Class          `json:"code"`
	Name       bilingual.Text `json:"name"`
	Unit       bilingual.Text `json:"unit"` // 辆, 台, 艘
	Fields     []FieldSpec    `json:"fields"`
	Categories []Option       `json:"categories"`
	Stages     []Option       `json:"stages"`
	WaysOut    []WayOut       `json:"ways_out"`
	// Keys are the natural keys of the class: the fields that together, or alone,
	// say which asset a row is about. Each of them is unique over all records.
	Keys    [][]string `json:"keys"`
	Drivers []Option   `json:"drivers"` // why it left: subsidy, traffic_ban, enforcement, natural (R3)
}
