package registry

import (
	"strings"

	"phaseout/internal/identifier"
)

// leftOut are headings that every sheet has and no class needs.
var leftOut = map[string]bool{"序号": true, "编号": true, "备注": true, "错误说明": true, "FINDINGS": true, "NO.": true}

// headingForm folds a heading: signs and blanks out, units and remarks in
// brackets at its end out.
func headingForm(heading string) string {
	v := identifier.Normalize(heading)
	return strings.Trim(strings.NewReplacer("（", "(", "）", ")", "*", "", ":", "", "：", "").Replace(v), "_-")
}

func withoutBrackets(v string) string {
	if i := strings.IndexByte(v, '('); i > 0 {
		return v[:i]
	}
	return v
}

// FindField returns the field of a class that a sheet's heading stands for, by
// its key, its names or the wording of other offices. A heading that every
// sheet has and no class needs gives "" and true.
func FindField(class Class, heading string) (key string, known bool) {
	v := headingForm(heading)
	if v == "" {
		return "", false
	}
	for _, candidate := range []string{v, withoutBrackets(v)} {
		for _, f := range profiles[class].Fields {
			for _, name := range append([]string{f.Key, f.Name.ZH, f.Name.EN}, f.Synonyms...) {
				if headingForm(name) == candidate {
					return f.Key, true
				}
			}
		}
	}
	return "", leftOut[v]
}

// NearestField returns the name of the field whose wording shares most signs
// with an unknown heading, for the message about it.
func NearestField(class Class, heading string) (name string, found bool) {
	v, best := headingForm(heading), 0.5
	for _, f := range profiles[class].Fields {
		for _, wording := range append([]string{f.Name.ZH}, f.Synonyms...) {
			if s := likeness(v, headingForm(wording)); s > best {
				best, name = s, f.Name.ZH
			}
		}
	}
	return name, name != ""
}

// likeness is the share of signs that two texts have in common, in [0, 1].
func likeness(a, b string) float64 {
	left := map[rune]int{}
	for _, r := range a {
		left[r]++
	}
	common := 0
	for _, r := range b {
		if left[r] > 0 {
			left[r]--
			common++
		}
	}
	return 2 * float64(common) / float64(len([]rune(a))+len([]rune(b)))
}
