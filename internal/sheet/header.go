package sheet

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// Column is one column of a header.
type Column struct {
	Index   int // from 0
	Letter  string
	Heading string
	Key     string // what the heading stands for, "" for a column that is left out
}

// Header is the row of headings.
type Header struct {
	Row      int      // from 1; data starts below it
	Columns  []Column // those with a known key
	Unmapped []Column // those with an unknown heading
}

const (
	headerDepth = 15 // how far down a header is looked for
	leastKnown  = 3  // headings that make a row a header
)

// Wording says what headings stand for.
type Wording struct {
	Match func(heading string) (key string, known bool) // "" and true for one to leave out
	// Yields reports whether a heading stands for its key only where no better
	// one does; nil for none.
	Yields   func(heading string) bool
	Least    int      // headings that make a row a header, if not three
	Expected []string // headings that a message names
}

// FindHeader returns the row among the first ones with the most known headings;
// titles and groups above it are passed over. Of headings in two rows the lower
// one counts, and the upper one where the lower is blank, as merged cells leave
// it. A heading that stands twice fails with Invalid repeated_column, unless one
// of the two yields; without a header it fails with Invalid no_header.
func FindHeader(b *Book, w Wording) (Header, error) {
	match, least := w.Match, w.Least
	if least == 0 {
		least = leastKnown
	}
	var best, above Header
	var headings []string // of the row above, if it could be the upper half of a header
	read := 0
	for row, err := range b.Rows() {
		if err != nil {
			return Header{}, err
		}
		if read++; read > headerDepth {
			break
		}
		if row.Number != above.Row+1 {
			headings = nil
		}
		own := headerOf(row.Number, row.Cells, match)
		merged := own
		if len(own.Columns) > 0 && headings != nil {
			merged = headerOf(row.Number, overlay(row.Cells, headings), match)
		}
		if len(merged.Columns) > len(best.Columns) {
			best = merged
		}
		above, headings = own, nil
		if len(own.Columns) > 0 {
			headings = row.Cells
		}
	}
	if len(best.Columns) < least {
		return Header{}, noHeader(best, w.Expected)
	}
	best.settle(w.Yields)
	return best, repeated(best.Columns)
}

// overlay returns the lower cells, and where they are blank the upper ones.
func overlay(lower, upper []string) []string {
	filled := make([]string, max(len(lower), len(upper)))
	copy(filled, upper)
	for i, text := range lower {
		if strings.TrimSpace(text) != "" {
			filled[i] = text
		}
	}
	return filled
}

func headerOf(number int, cells []string, match func(string) (string, bool)) Header {
	h := Header{Row: number}
	for i, text := range cells {
		heading := strings.Join(strings.Fields(text), " ")
		if heading == "" {
			continue
		}
		key, known := match(heading)
		column := Column{Index: i, Letter: ColumnLetter(i), Heading: heading, Key: key}
		switch {
		case key != "":
			h.Columns = append(h.Columns, column)
		case !known:
			h.Unmapped = append(h.Unmapped, column)
		}
	}
	return h
}

// settle leaves out the columns that yield to a better one of the same key.
func (h *Header) settle(yields func(string) bool) {
	if yields == nil {
		return
	}
	better := map[string]bool{}
	for _, c := range h.Columns {
		better[c.Key] = better[c.Key] || !yields(c.Heading)
	}
	kept := h.Columns[:0]
	for _, c := range h.Columns {
		if better[c.Key] && yields(c.Heading) {
			c.Key = ""
			h.Unmapped = append(h.Unmapped, c)
		} else {
			kept = append(kept, c)
		}
	}
	h.Columns = kept
	slices.SortFunc(h.Unmapped, func(a, b Column) int { return a.Index - b.Index })
}

func repeated(columns []Column) error {
	seen := map[string]Column{}
	for _, c := range columns {
		if first, twice := seen[c.Key]; twice {
			return refuse("repeated_column", fmt.Sprintf("%s 列“%s”与 %s 列“%s”是同一项", c.Letter, c.Heading, first.Letter, first.Heading),
				fmt.Sprintf("column %s %q and column %s %q are the same field", c.Letter, c.Heading, first.Letter, first.Heading), "请只保留其中一列", "keep one of the two")
		}
		seen[c.Key] = c
	}
	return nil
}

// noHeader says what was looked for and the best that was found.
func noHeader(best Header, expected []string) error {
	zh, en := fmt.Sprintf("前 %d 行中没有找到表头", headerDepth), fmt.Sprintf("no row of headings was found among the first %d", headerDepth)
	if len(best.Columns) > 0 {
		zh += fmt.Sprintf("：第 %d 行只认得“%s”", best.Row, best.Columns[0].Heading)
		en += fmt.Sprintf(": of row %d only %q is known", best.Row, best.Columns[0].Heading)
	}
	mendZH, mendEN := "请保留表头行，或下载模板对照", "keep the row of headings, or compare with the template"
	if len(expected) > 0 {
		mendZH += "；应有：" + strings.Join(expected, "、")
		mendEN += "; expected: " + strings.Join(expected, ", ")
	}
	return refuse("no_header", zh, en, mendZH, mendEN)
}

// notData are the first words of rows of totals, signatures and remarks. They
// may stand alone or before a sign or a number, but not as the beginning of
// another word.
var notData = []string{"合计", "总计", "小计", "累计", "共计", "合计数", "总计数", "本页合计", "本页小计", "填表人", "审核人", "复核人", "制表人", "签发人", "填报人", "经办人", "负责人", "单位负责人",
	"填报单位", "填表单位", "填报日期", "填表日期", "制表日期", "联系电话", "备注", "说明", "填表说明", "注", "TOTAL", "SUBTOTAL", "SUM"}

// IsTotals reports whether a row is one of totals, signatures or remarks, or
// the example row of a template.
func IsTotals(r Row) bool {
	for _, c := range r.Cells {
		text := strings.ToUpper(strings.Join(strings.Fields(c), ""))
		if text == "" {
			continue
		}
		if strings.HasPrefix(text, "示例") {
			return true
		}
		for _, word := range notData {
			if rest, ok := strings.CutPrefix(text, word); ok {
				if next, _ := utf8.DecodeRuneInString(rest); rest == "" || !unicode.IsLetter(next) {
					return true
				}
			}
		}
		return false
	}
	return false
}

// ColumnLetter returns the letter of a column that is counted from 0.
func ColumnLetter(i int) string {
	name, err := excelize.ColumnNumberToName(i + 1)
	if err != nil {
		return ""
	}
	return name
}

// ColumnIndex returns the column of a letter, counted from 0, -1 for none.
func ColumnIndex(letter string) int {
	n, err := excelize.ColumnNameToNumber(letter)
	if err != nil {
		return -1
	}
	return n - 1
}
