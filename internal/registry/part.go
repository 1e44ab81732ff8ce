package registry

import (
	"slices"
	"strings"
)

// CheckPart checks a record that is being entered: fields that are blank so
// far are no mistake, and the asset has the identifiers that can be told.
func (ref *Reference) CheckPart(class Class, in Input) (Asset, []Finding) {
	asset, findings := ref.Check(class, in)
	findings = slices.DeleteFunc(findings, func(f Finding) bool { return strings.TrimSpace(in.Fields[f.Field]) == "" })
	asset.Identifiers = slices.DeleteFunc(profiles[class].identifiers(asset.Fields), func(i Identifier) bool { return i.Value == "" })
	return asset, findings
}
