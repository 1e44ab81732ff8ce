package sheet

import (
	"regexp"
	"strings"
)

// readStyles finds out which cell styles show days.
func (w *workbook) readStyles(part string) error {
	if part == "" {
		return nil
	}
	var styles struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Cells []struct {
			Format int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := w.decode(part, &styles); err != nil {
		return err
	}
	codes := map[int]string{}
	for _, f := range styles.Formats {
		codes[f.ID] = f.Code
	}
	for _, c := range styles.Cells {
		w.isDay = append(w.isDay, showsDays(c.Format, codes[c.Format]))
	}
	return nil
}

// quoted are the parts of a format code that are shown as they are.
var quoted = regexp.MustCompile(`"[^"]*"|\\.|_.|\*.|\[[^\]]*\]`)

// showsDays reports whether a number format is one of days: one of the formats
// every program has, those of East Asian editions among them, or one with a
// year or a day in its code.
func showsDays(id int, code string) bool {
	if code == "" {
		return (id >= 14 && id <= 17) || id == 22 || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 58)
	}
	return strings.ContainsAny(quoted.ReplaceAllString(strings.ToLower(code), ""), "yd")
}
