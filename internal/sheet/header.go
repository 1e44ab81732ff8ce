package sheet

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/unicode/norm"
)

// Column is one column of a header.
type Column struct {
	Index   int // from 0
	Letter  string
	Heading string
	Key     string // what the heading stands for, "" for a column that is left out

	group string // the heading that spans it and others from above
	whole bool   // the heading stands for the key together with its group
}

// Header is the row of headings.
type Header struct {
	Row      int      // from 1; data starts below it
	Columns  []Column // those with a known key
	Unmapped []Column // those with an unknown heading, or that a better one beats
	LeftOut  []Column // those that are known and stand for no field

	above map[string]string // the rows above, by what stands first in each: titles and groups
}

const (
	headerDepth = 15 // how far down a header is looked for
	leastKnown  = 3  // headings that make a row a header
	headerRows  = 3  // rows that may make a header together
)

// Wording says what headings stand for.
type Wording struct {
	Match func(heading string) (key string, known bool) // "" and true for one to leave out
	// Rank returns how surely a heading stands for its key, 0 for wholly, 1 for
	// one that is known but second best, 2 for a guess; nil for always 0.
	Rank     func(heading string) int
	Least    int      // headings that make a row a header, if not three
	Expected []string // headings that a message names
	Required []string // keys without which a sheet is not the one that is meant
}

// FindHeader returns the row among the first ones with the most known headings;
// titles and groups above it are passed over. Of headings in two rows the lower
// one counts, and the upper one where the lower is blank, as merged cells leave
// it; up to three rows make a header. A group gives its meaning to a heading
// that has none alone, as 姓名 has below 所有人, and of two headings of the same
// key the one that its group speaks for is surer. A heading that stands twice fails with
// Invalid repeated_column, unless one of the two is surer or both are guesses;
// without a header it fails with Invalid no_header.
func FindHeader(b *Book, w Wording) (Header, error) {
	match, least := w.Match, w.Least
	if least == 0 {
		least = leastKnown
	}
	var best Header
	var above []string // the rows right above as one, if they could be the upper part of a header
	var spans []string // the row above, which may hold nothing but groups
	spanned, first := -1, map[string]string{}
	read, depth, last := 0, 0, 0
	for row, err := range b.Rows() {
		if err != nil {
			return Header{}, err
		}
		if read++; read > headerDepth {
			break
		}
		if row.Number != last+1 || depth == headerRows {
			above, depth = nil, 0
		}
		last = row.Number
		own := headerOf(row.Number, row.Cells, match)
		merged, cells := own, row.Cells
		if above != nil {
			cells = overlay(row.Cells, above)
			if len(own.Columns) > 0 {
				merged = headerOf(row.Number, cells, match)
				merged.group(row.Cells, above, w)
			}
		} else if row.Number == spanned+1 {
			merged.group(row.Cells, spans, w)
		}
		if len(merged.Columns) > len(best.Columns) {
			best = merged
			best.above = maps.Clone(first)
		}
		start, signs := signature(row.Cells)
		first[start] = signs
		filled := countFilled(row.Cells)
		if filled > 1 {
			spans, spanned = row.Cells, row.Number
		}
		switch {
		case filled > 1 && (above != nil || len(own.Columns) > 0):
			above = cells
			depth++
		default:
			above, depth = nil, 0
		}
	}
	if len(best.Columns) < least {
		return Header{}, noHeader(best, w.Expected)
	}
	best.settle(w.Rank)
	return best, repeated(best.Columns)
}

// groupWords are what a group of columns adds to its subject: 车辆信息.
var groupWords = regexp.MustCompile(`(基本)?(信息|情况|资料|数据|内容)$`)

// group gives the columns the headings that span them from above, lower being
// the row of the headings themselves, and reads those that mean something only
// together with their group.
func (h *Header) group(lower, upper []string, w Wording) {
	groups, last := make([]string, len(lower)), ""
	for i, text := range lower {
		if i < len(upper) && strings.TrimSpace(upper[i]) != "" {
			last, _, _ = strings.Cut(strings.ReplaceAll(strings.Join(strings.Fields(upper[i]), ""), "（", "("), "(")
			last = groupWords.ReplaceAllString(last, "")
		}
		if strings.TrimSpace(text) != "" {
			groups[i] = last
		} else if i < len(upper) && strings.TrimSpace(upper[i]) != "" {
			last = "" // a heading over both rows, of its own column only
		}
	}
	surely := func(heading string) string {
		key, _ := w.Match(heading)
		if key != "" && w.Rank != nil && w.Rank(heading) > 1 {
			return "" // a guess would come from the group alone
		}
		return key
	}
	for _, list := range []*[]Column{&h.Columns, &h.Unmapped, &h.LeftOut} {
		kept := (*list)[:0:0]
		for _, c := range *list {
			if c.Index < len(groups) && groups[c.Index] != "" {
				c.group = groups[c.Index]
				if key := surely(c.group + c.Heading); key != "" && (c.Key == "" || key != surely(c.group)) {
					c.Key, c.whole = key, true
				}
			}
			if list != &h.Columns && c.whole {
				h.Columns = append(h.Columns, c)
				continue
			}
			kept = append(kept, c)
		}
		if list != &h.Columns {
			*list = kept
		} else {
			h.Columns = kept
		}
	}
	slices.SortFunc(h.Columns, func(a, b Column) int { return a.Index - b.Index })
}

// signature returns what stands first in a row, and the whole of it as one text.
func signature(cells []string) (start, whole string) {
	var filled []string
	for _, text := range cells {
		if text = strings.TrimSpace(text); text != "" {
			filled = append(filled, text)
		}
	}
	if len(filled) == 0 {
		return "", ""
	}
	return filled[0], strings.Join(filled, "\n")
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

func countFilled(cells []string) (filled int) {
	for _, text := range cells {
		if strings.TrimSpace(text) != "" {
			filled++
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
		default:
			h.LeftOut = append(h.LeftOut, column)
		}
	}
	return h
}

// settle leaves out the columns that a surer one of the same key beats, and of
// guesses all but the first.
func (h *Header) settle(rank func(string) int) {
	if rank == nil {
		return
	}
	ranked := func(c Column) int { // of two alike, that which its group does not speak for is less sure
		switch {
		case c.whole:
			return 0
		case c.group != "":
			return 2*rank(c.Heading) + 1
		}
		return 2 * rank(c.Heading)
	}
	surest := map[string]int{}
	for _, c := range h.Columns {
		r := ranked(c)
		if best, seen := surest[c.Key]; !seen || r < best {
			surest[c.Key] = r
		}
	}
	kept, guessed := h.Columns[:0], map[string]bool{}
	for _, c := range h.Columns {
		r := ranked(c)
		if r > surest[c.Key] || (r > 3 && guessed[c.Key]) {
			c.Key = ""
			h.Unmapped = append(h.Unmapped, c)
			continue
		}
		guessed[c.Key] = true
		kept = append(kept, c)
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
var notData = []string{"合计", "总计", "小计", "累计", "共计", "合计数", "总计数", "本页合计", "本页小计", "本页共计", "其中", "填表人", "审核人", "复核人", "制表人", "签发人", "填报人", "经办人", "负责人", "单位负责人",
	"填报单位", "填表单位", "制表单位", "填报日期", "填表日期", "制表日期", "打印日期", "导出时间", "导出日期", "统计日期", "数据来源", "制表", "审核", "填报", "填表", "复核", "编制", "审批", "盖章", "单位盖章", "联系人", "联系电话", "备注", "说明", "填表说明", "注", "TOTAL", "SUBTOTAL", "SUM", "GRANDTOTAL"}

// totals are what a row of totals may say in any of its cells.
var totals = map[string]bool{"合计": true, "总计": true, "小计": true, "本页合计": true, "本页小计": true, "合计:": true, "总计:": true}

// IsTotals reports whether a row is one of totals, signatures or remarks, or
// the example row of a template.
func IsTotals(r Row) bool {
	first := true
	for i, c := range r.Cells {
		if c == "" || i > 5 && !first {
			continue
		}
		text := strings.ToUpper(strings.Join(strings.Fields(c), ""))
		if text == "" {
			continue
		}
		if first && beginsNotData(text) || totals[strings.ReplaceAll(text, "：", ":")] {
			return true
		}
		first = false
	}
	return false
}

func beginsNotData(text string) bool {
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

// pageFoot is what stands below each printed page.
var pageFoot = regexp.MustCompile(`^[-—\s]*第?\s*[0-9０-９]{1,4}\s*页?\s*([/,，、]?\s*共?\s*[0-9０-９]{1,4}\s*页)?[-—\s]*$`)

// belowHead is how far below its header a sheet may have a line of units or of
// column numbers.
const belowHead = 2

// NoData reports whether a row below the header is no data: the header again
// with the titles and groups above it, as it stands on each printed page, or
// right below it a line of units or of column numbers.
func (h Header) NoData(r Row) bool {
	if h.again(r) {
		return true
	}
	filled, same, units := 0, 0, 0
	for _, c := range h.Columns {
		if c.Index >= len(r.Cells) {
			continue
		}
		text := strings.TrimSpace(r.Cells[c.Index])
		if text == "" {
			continue
		}
		if filled++; filled == 3 && same == 0 && r.Number > h.Row+belowHead {
			return false // as nearly all rows are
		}
		if text == c.Heading {
			same++
		}
		if r.Number <= h.Row+belowHead && unitAlone.MatchString(text) {
			units++
		}
	}
	switch {
	case filled == 0:
		return false
	case filled > 1 && 2*same > filled:
		return true
	case r.Number > h.Row+belowHead:
		return false
	}
	return units == filled || numbered(r.Cells)
}

// again reports whether a row stands above the header too, or is the foot of a
// printed page.
func (h Header) again(r Row) bool {
	for i, text := range r.Cells {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if signs, stands := h.above[text]; stands {
			_, own := signature(r.Cells)
			return own == signs
		}
		return (strings.HasPrefix(text, "第") || strings.HasPrefix(text, "-") || strings.HasPrefix(text, "—")) && pageFoot.MatchString(text) && !holdsAnything(r.Cells[i+1:])
	}
	return false
}

// unitAlone is a cell that only names a unit or a form.
var unitAlone = regexp.MustCompile(`(?i)^[(（【\[]?(单位[:：]?)?(kg|kw|千克|公斤|千瓦|吨|t|总吨|gt|年月日|年/月/日|年-月-日|yyyy-mm-dd|马力|必填|选填|文本|日期|数字|元|万元)[)）】\]]?$`)

// numbered reports whether cells are the numbers of columns: 1, 2, 3 or A, B, C.
func numbered(cells []string) bool {
	count, last := 0, 0
	for _, c := range cells {
		text := strings.Trim(strings.ToUpper(norm.NFKC.String(strings.TrimSpace(c))), "()")
		if text == "" || text == "栏次" || text == "列次" || text == "甲" || text == "乙" || text == "丙" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil && len(text) == 1 && text[0] >= 'A' && text[0] <= 'Z' {
			n, err = int(text[0]-'A')+1, nil
		}
		if err != nil || (count > 0 && n != last+1) || (count == 0 && n > 1) {
			return false
		}
		count, last = count+1, n
	}
	return count >= 3
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
