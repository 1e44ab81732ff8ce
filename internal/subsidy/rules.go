package subsidy

import (
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
)

// Rules is the part of a program that decides eligibility and amount: data that
// a finance officer reads and edits. The short form of Stages, MinEarlyMonths,
// OperatingOnly and Table is one table by group and months early; it is read as
// the conditions and the part that Whole makes of it.
type Rules struct {
	Stages         []string `json:"stages,omitempty" doc:"Short form: emission stages that are paid for, e.g. china3."`
	MinEarlyMonths int      `json:"min_early_months,omitempty" minimum:"0" maximum:"1200" doc:"Short form: whole months that the event must lie before the mandatory scrapping date."`
	OperatingOnly  bool     `json:"operating_only,omitempty" doc:"Short form: only vehicles in commercial transport."`
	Table          []Rate   `json:"table,omitempty" maxItems:"200" doc:"Short form: amounts; bands of one group must not overlap."`

	Conditions []Condition `json:"conditions,omitempty" maxItems:"60" doc:"All must be met."`
	Parts      []Part      `json:"parts,omitempty" maxItems:"10" doc:"The amount is the sum of the parts."`
	Near       *Near       `json:"near,omitempty" doc:"What is owed when little time is left before the mandatory scrapping date."`
	CapFen     money.Fen   `json:"cap_fen,omitempty" minimum:"0" doc:"Most that is paid for one asset; 0: no cap."`
	Owner      *OwnerCap   `json:"owner,omitempty" doc:"Most that one owner is paid under this program."`
	Rounding   Rounding    `json:"rounding,omitempty"`
}

// Rate is one cell of the short form's table: what is paid for a group of
// categories in a band of early months [FromMonths, ToMonths).
type Rate struct {
	Group      string    `json:"group" doc:"Group of the category dictionary, e.g. heavy; empty for any."`
	FromMonths int       `json:"from_months" minimum:"0"`
	ToMonths   *int      `json:"to_months,omitempty" doc:"Exclusive; absent: no upper end."`
	AmountFen  money.Fen `json:"amount_fen" minimum:"1" doc:"Amount in fen."`
}

// Condition is one condition of the fixed vocabulary (Vocabulary), with its
// bounds. Bounds are whole units of the kind: months, years, kW, tons.
type Condition struct {
	Kind    string    `json:"kind" maxLength:"40" doc:"Code of the vocabulary."`
	For     []string  `json:"for,omitempty" maxItems:"60" doc:"Groups or categories it applies to; absent: all."`
	Codes   []string  `json:"codes,omitempty" maxItems:"60" doc:"One of these."`
	Not     bool      `json:"not,omitempty" doc:"None of the codes instead of one of them."`
	Min     *int64    `json:"min,omitempty" doc:"Lower bound, itself in unless min_open."`
	MinOpen bool      `json:"min_open,omitempty" doc:"More than min."`
	Max     *int64    `json:"max,omitempty" doc:"Upper bound, itself in unless max_open."`
	MaxOpen bool      `json:"max_open,omitempty" doc:"Less than max."`
	From    civil.Day `json:"from,omitempty" maxLength:"10" doc:"First day."`
	To      civil.Day `json:"to,omitempty" maxLength:"10" doc:"Last day."`
	Clause  string    `json:"clause,omitempty" maxLength:"200" doc:"Where the document says so."`
}

// Part is one part of the amount: a table or a formula.
type Part struct {
	Code       string         `json:"code" maxLength:"40" doc:"Short name, once in a program."`
	Name       bilingual.Text `json:"name"`
	Clause     string         `json:"clause,omitempty" maxLength:"200"`
	Needs      string         `json:"needs,omitempty" enum:",replacement" doc:"replacement: owed only if a new one was bought."`
	Conditions []Condition    `json:"conditions,omitempty" maxItems:"30" doc:"Of this part alone: unmet, it is left out."`
	Kind       string         `json:"kind" enum:"table,formula"`
	Axes       []Axis         `json:"axes,omitempty" maxItems:"4" doc:"Of a table: what its columns are."`
	Rows       []Row          `json:"rows,omitempty" maxItems:"200" doc:"Of a table."`
	BaseFen    money.Fen      `json:"base_fen,omitempty" minimum:"0" doc:"Of a formula: fen for one unit of the quantity."`
	Quantity   string         `json:"quantity,omitempty" maxLength:"40" doc:"Of a formula: what the base is multiplied by; absent: one."`
	Factors    []Factor       `json:"factors,omitempty" maxItems:"6" doc:"Of a formula, each from its table."`
	CapFen     money.Fen      `json:"cap_fen,omitempty" minimum:"0" doc:"Most that this part pays; 0: no cap."`
}

// Axis is a column of a table: a characteristic of the vocabulary.
type Axis struct {
	By     string `json:"by" maxLength:"40"`
	Closed string `json:"closed,omitempty" enum:",lower,upper" doc:"Which end of a band belongs to it: lower [from, to), upper (from, to]."`
}

// Row is one line of a table: its cells in the order of the axes, and what it
// gives.
type Row struct {
	Cells     []Cell    `json:"cells" maxItems:"4"`
	AmountFen money.Fen `json:"amount_fen,omitempty" minimum:"0" doc:"Of an amount table."`
	FactorBP  int64     `json:"factor_bp,omitempty" minimum:"0" maximum:"1000000" doc:"Of a factor table: basis points, 10000 is once."`
}

// Cell is what a row wants of one axis; an empty one takes all.
type Cell struct {
	Codes []string `json:"codes,omitempty" maxItems:"60"`
	From  *int64   `json:"from,omitempty"`
	To    *int64   `json:"to,omitempty"`
}

// Factor is a multiplier of a formula, found in a table of its own.
type Factor struct {
	Name   bilingual.Text `json:"name"`
	Clause string         `json:"clause,omitempty" maxLength:"200"`
	Axes   []Axis         `json:"axes" maxItems:"4"`
	Rows   []Row          `json:"rows" maxItems:"200"`
}

// Near says what is owed with less than BelowMonths whole months left before
// the mandatory scrapping date: FactorBP of the amount, 0 for nothing.
type Near struct {
	BelowMonths int64  `json:"below_months" minimum:"1" maximum:"600"`
	FactorBP    int64  `json:"factor_bp" minimum:"0" maximum:"10000" doc:"Basis points of the amount; 0: refused."`
	Clause      string `json:"clause,omitempty" maxLength:"200"`
}

// OwnerCap bounds what one owner gets under a program.
type OwnerCap struct {
	MaxCount int64     `json:"max_count,omitempty" minimum:"0" doc:"Assets; 0: no bound."`
	MaxFen   money.Fen `json:"max_fen,omitempty" minimum:"0" doc:"Fen; 0: no bound."`
	Clause   string    `json:"clause,omitempty" maxLength:"200"`
}

// Rounding is applied once, to the sum of the parts.
type Rounding struct {
	UnitFen int64  `json:"unit_fen,omitempty" minimum:"0" maximum:"1000000" doc:"1 fen, 100 yuan, 10000 hundred yuan; 0 is 1."`
	Mode    string `json:"mode,omitempty" enum:",half_up,down,up" doc:"half_up if absent."`
}

// Share is the part of an amount that one source pays.
type Share struct {
	Source string `json:"source" enum:"central,provincial,city,county,other"`
	BP     int64  `json:"bp" minimum:"1" maximum:"10000" doc:"Basis points; all of a program make 10000."`
}

// SharePart is what a source pays of one amount.
type SharePart struct {
	Source    string    `json:"source"`
	BP        int64     `json:"bp"`
	AmountFen money.Fen `json:"amount_fen"`
	Remainder bool      `json:"remainder,omitempty"` // takes what is left of the division
}

// Sources are those of public money, from the top down.
var Sources = []string{"central", "provincial", "city", "county", "other"}

// local is the order in which the source that takes the remainder is looked for.
var local = []string{"county", "city", "other", "provincial", "central"}

// Split divides an amount by shares. Every source gets its share rounded down
// to the fen, and the local one (county, else city, else other, else the
// highest that is left) what remains, so that the parts always sum to the
// amount. Without shares it is nothing.
func Split(amount money.Fen, shares []Share) []SharePart {
	if len(shares) == 0 {
		return nil
	}
	parts, rest := make([]SharePart, len(shares)), amount
	for i, s := range shares {
		// amount × bp stays below 2^53 × 10^4 < 2^67: divide first, then the rest of the division.
		part := amount/10000*money.Fen(s.BP) + amount%10000*money.Fen(s.BP)/10000
		parts[i] = SharePart{Source: s.Source, BP: s.BP, AmountFen: part}
		rest -= part
	}
	at := 0
	for _, source := range local {
		if i := sourceAt(shares, source); i >= 0 {
			at = i
			break
		}
	}
	parts[at].AmountFen += rest
	parts[at].Remainder = true
	return parts
}

func sourceAt(shares []Share, source string) int {
	for i, s := range shares {
		if s.Source == source {
			return i
		}
	}
	return -1
}

// Whole returns the rules with the short form written out as conditions and
// one part. Rules that have parts are returned as they are.
func (r Rules) Whole() Rules {
	if len(r.Parts) > 0 || len(r.Table) == 0 {
		return r
	}
	w := r
	w.Conditions = append([]Condition(nil), r.Conditions...)
	if len(r.Stages) > 0 {
		w.Conditions = append(w.Conditions, Condition{Kind: "stage", Codes: r.Stages}, Condition{Kind: "stage_source"})
	}
	if r.OperatingOnly {
		w.Conditions = append(w.Conditions, Condition{Kind: "operating", Codes: []string{"yes"}})
	}
	least := int64(r.MinEarlyMonths)
	w.Conditions = append(w.Conditions, Condition{Kind: "not_seized"}, Condition{Kind: "early", Min: &least})
	part := Part{Code: "table", Name: bilingual.T("补贴标准", "amount by the table"), Kind: "table", Axes: []Axis{{By: "group"}, {By: "early"}}}
	for _, rate := range r.Table {
		from := int64(rate.FromMonths)
		row := Row{Cells: []Cell{{}, {From: &from}}, AmountFen: rate.AmountFen}
		if rate.Group != "" {
			row.Cells[0].Codes = []string{rate.Group}
		}
		if rate.ToMonths != nil {
			to := int64(*rate.ToMonths)
			row.Cells[1].To = &to
		}
		part.Rows = append(part.Rows, row)
	}
	w.Parts = []Part{part}
	w.Stages, w.MinEarlyMonths, w.OperatingOnly, w.Table = nil, 0, false, nil
	return w
}
