package likeness

import (
	"slices"

	"phaseout/internal/bilingual"
	"phaseout/internal/registry"
)

// Threshold is the score from which a pair is worth a person's look.
const Threshold = 50

// Reason is one thing that speaks for or, with negative points, against a
// pair being one asset. It names no value of either record.
type Reason struct {
	Code   string         `json:"code"`
	Field  string         `json:"field,omitempty"`
	Points int            `json:"points"`
	Text   bilingual.Text `json:"text"`
}

// slipPoints is how much an identifier that is one slip apart says. Numbers
// that differ in one digit are how a fleet is bought, and say little; of a
// series of numbers many are a swap or a sign apart, so that only a look-alike
// is enough by itself.
var slipPoints = map[Slip]int{Lookalike: 60, Swap: 40, Gap: 40, OtherSign: 40, Consecutive: 15}

// farPoints is how much an identifier that both have and that is not alike
// speaks against a pair. Plates change hands; a frame number does not.
var farPoints = map[string]int{"vin": -40, "serial": -40, "ship_id": -40, "plate": -10, "engine_no": -20, "env_code": -20, "farm_plate": -20}

var slipTexts = map[Slip]bilingual.Text{
	Lookalike:   bilingual.T("只有易混字符不同（如 O 与 0、8 与 B）", "differs in look-alike signs only (O and 0, 8 and B)"),
	Swap:        bilingual.T("相邻两位互换", "has two neighbouring signs swapped"),
	Gap:         bilingual.T("多一位或少一位", "has one sign more or less"),
	OtherSign:   bilingual.T("只差一位", "differs in one sign"),
	Consecutive: bilingual.T("只差一个数字", "differs in one digit"),
}

// Score returns how likely two assets are one, from 0 to 100, with the reasons,
// the weightiest first.
func Score(a, b registry.Asset) (int, []Reason) {
	if a.Class != b.Class {
		return 0, nil
	}
	var reasons []Reason
	add := func(code, field string, points int, text bilingual.Text) {
		reasons = append(reasons, Reason{code, field, points, text})
	}
	names := fieldNames(a.Class)
	alike, series := false, false
	for _, i := range a.Identifiers {
		j, both := valueOf(b.Identifiers, i.Kind)
		if !both {
			continue
		}
		name := names[i.Kind]
		slip := SlipOf(i.Value, j)
		text := bilingual.T(name.ZH+slipTexts[slip].ZH, name.EN+" "+slipTexts[slip].EN)
		switch {
		case !i.Unique && i.Value == j:
			add("shared", i.Kind, 30, bilingual.T(name.ZH+"相同", "same "+name.EN))
		case !i.Unique && i.Kind != "engine_no":
		case slip == Far, slip == Consecutive && !i.Unique:
			add("far", i.Kind, farPoints[i.Kind], bilingual.T(name.ZH+"不同", "another "+name.EN))
		case !i.Unique:
		case i.Kind == "vin" && registry.GoodVIN(i.Value) != registry.GoodVIN(j):
			alike = true
			add("check_digit", i.Kind, slipPoints[Lookalike], bilingual.T(text.ZH+"，且其中一个校验位不符", text.EN+", and the check digit of one of them is wrong"))
		case slip == Consecutive && series: // two series side by side say no more than one
		default:
			alike, series = true, series || slip == Consecutive
			add(string(slip), i.Kind, slipPoints[slip], text)
		}
	}
	if !alike {
		return 0, nil
	}
	switch {
	case a.OwnerID != "" && a.OwnerID == b.OwnerID:
		add("same_owner", "owner_id", 20, bilingual.T("所有人证件号码相同", "same owner's number"))
	case a.OwnerName != "" && a.OwnerName == b.OwnerName:
		add("same_owner", "owner_name", 15, bilingual.T("所有人名称相同", "same owner's name"))
	}
	model := a.Model != "" && a.Model == b.Model
	day := a.RegisteredOn != "" && a.RegisteredOn == b.RegisteredOn || a.BuiltOn != "" && a.BuiltOn == b.BuiltOn
	switch {
	case model && day:
		add("same_making", "model", 10, bilingual.T("型号和登记（出厂）日期相同", "same model and day of registration or production"))
	case day:
		add("same_making", "registered_on", 5, bilingual.T("登记（出厂）日期相同", "same day of registration or production"))
	case a.RegisteredOn != "" && b.RegisteredOn != "":
		add("other_day", "registered_on", -10, bilingual.T("初次登记日期不同", "another day of first registration"))
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int { return b.Points - a.Points })
	score := 0
	for _, r := range reasons {
		score += r.Points
	}
	return min(max(score, 0), 100), reasons
}

func valueOf(identifiers []registry.Identifier, kind string) (string, bool) {
	for _, i := range identifiers {
		if i.Kind == kind {
			return i.Value, i.Value != ""
		}
	}
	return "", false
}

func fieldNames(class registry.Class) map[string]bilingual.Text {
	names := map[string]bilingual.Text{}
	spec, _ := registry.SpecOf(class)
	for _, f := range spec.Fields {
		names[f.Key] = f.Name
	}
	return names
}
