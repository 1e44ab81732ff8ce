package quality

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/registry"
)

// Condition compares a field of a record with a value. A record that has
// nothing in the field meets only "blank".
type Condition struct {
	Field string `json:"field"`
	Op    string `json:"op"`
	Value string `json:"value,omitempty"`
}

// Ops are the comparisons: below and above compare figures as figures and days
// as days.
var Ops = []string{"blank", "filled", "equals", "differs", "contains", "below", "above"}

// ownFields are what a condition can look at beside the fields of the classes.
var ownFields = []string{"status", "stage", "stage_source", "deregistered_on", "handed_in_on"}

// Definition is a rule that an installation makes itself: a record that meets
// every condition is doubtful.
type Definition struct {
	Name       bilingual.Text   `json:"name"`
	Mend       bilingual.Text   `json:"mend"`
	Dimension  Dimension        `json:"dimension"`
	Classes    []registry.Class `json:"classes"`
	Conditions []Condition      `json:"conditions"`
}

// maxConditions of a rule.
const maxConditions = 8

// Problems returns what is wrong with a definition, by place.
func (d Definition) Problems() map[string]bilingual.Text {
	wrong := map[string]bilingual.Text{}
	if strings.TrimSpace(d.Name.ZH) == "" {
		wrong["name.zh"] = bilingual.T("请填写名称", "give it a name")
	}
	if !slices.Contains(Dimensions, d.Dimension) {
		wrong["dimension"] = bilingual.T("没有这个维度", "there is no such dimension")
	}
	if n := len(d.Conditions); n < 1 || n > maxConditions {
		wrong["conditions"] = bilingual.F("应有 1 到 %d 个条件", "from 1 to %d conditions", maxConditions)
	}
	for i, c := range d.Conditions {
		at := fmt.Sprintf("conditions.%d.", i)
		if !slices.Contains(ownFields, c.Field) && !d.has(c.Field) {
			wrong[at+"field"] = bilingual.F("所选类别没有“%s”这个字段", "the classes have no field %q", c.Field)
		}
		if !slices.Contains(Ops, c.Op) {
			wrong[at+"op"] = bilingual.T("没有这种比较", "there is no such comparison")
		} else if c.Op != "blank" && c.Op != "filled" && strings.TrimSpace(c.Value) == "" {
			wrong[at+"value"] = bilingual.T("请填写比较的值", "give the value to compare with")
		}
	}
	return wrong
}

// has reports whether one of the rule's classes has a field. Numbers of people
// are left out: no rule shall tell them.
func (d Definition) has(field string) bool {
	for _, spec := range registry.Classes() {
		if len(d.Classes) > 0 && !slices.Contains(d.Classes, spec.Class) {
			continue
		}
		if slices.ContainsFunc(spec.Fields, func(f registry.FieldSpec) bool { return f.Key == field && !f.Secret }) {
			return true
		}
	}
	return false
}

// Rule makes a rule of the definition.
func (d Definition) Rule(code string, severity registry.Severity) Rule {
	return Rule{code, d.Dimension, severity, d.Classes, d.Name, d.Mend, func(s Subject) (string, bool) {
		shown := ""
		for _, c := range d.Conditions {
			value := valueIn(s, c.Field)
			if !c.met(value) {
				return "", false
			}
			if value != "" {
				shown = value
			}
		}
		return shown, len(d.Conditions) > 0
	}}
}

func valueIn(s Subject, field string) string {
	switch field {
	case "status":
		return string(s.Status)
	case "stage":
		return s.Stage
	case "stage_source":
		return s.StageSource
	case "deregistered_on":
		return string(s.DeregisteredOn)
	case "handed_in_on":
		return string(s.HandedInOn)
	case "owner_name":
		return s.OwnerName
	case "district":
		return s.DistrictCode
	}
	return s.Fields[field]
}

func (c Condition) met(value string) bool {
	if value == "" || c.Op == "blank" {
		return value == "" && c.Op == "blank"
	}
	switch c.Op {
	case "filled":
		return true
	case "equals":
		return value == c.Value
	case "differs":
		return value != c.Value
	case "contains":
		return strings.Contains(strings.ToUpper(value), strings.ToUpper(c.Value))
	}
	order := strings.Compare(value, c.Value) // days are in the order of their texts
	x, xErr := strconv.ParseFloat(value, 64)
	y, yErr := strconv.ParseFloat(c.Value, 64)
	if xErr == nil && yErr == nil {
		order = 0
		if x < y {
			order = -1
		} else if x > y {
			order = 1
		}
	}
	return (c.Op == "below" && order < 0) || (c.Op == "above" && order > 0)
}

// OwnerOf returns the role that sees to what a shipped rule finds: who enters
// records completes and corrects them, who reviews sees to their time and to
// likely duplicates.
func OwnerOf(d Dimension) string {
	if d == Timeliness || d == Uniqueness {
		return "reviewer"
	}
	return "clerk"
}

// Owners are the roles that a rule can be given to.
var Owners = []string{"clerk", "reviewer", "province"}
