package app

import (
	"bytes"
	"context"
	"encoding/csv"
	"slices"
	"strings"
	"unicode/utf8"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/identifier"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// pastedRows is how many lines can be pasted at once; more is a file.
const pastedRows = 2000

// PasteList takes in what a clerk pasted: plates, VINs or certificates one below
// the other, or whole rows of a sheet with or without their headings. It is then
// a list like any other.
func (a *App) PasteList(ctx context.Context, by access.Actor, class registry.Class, city, text string, defaults retirement.Declaration) (store.Import, error) {
	rows := pastedCells(text)
	if len(rows) == 0 {
		return store.Import{}, fault.Field("body.text", "required", bilingual.T("没有粘贴任何内容", "nothing was pasted"), bilingual.T("每行一个号牌、车架号或证明编号，或整行表格", "one plate, VIN or certificate a line, or whole rows"))
	}
	if len(rows) > pastedRows {
		return store.Import{}, fault.Field("body.text", "too_long", bilingual.F("一次最多粘贴 %d 行", "at most %d lines at once", pastedRows), bilingual.T("请改为导入文件", "import a file instead"))
	}
	if !hasHeadings(class, rows[0]) {
		rows = append([][]string{a.headingsFor(class, city, rows)}, rows...)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		return store.Import{}, err
	}
	return a.UploadList(ctx, by, class, city, "粘贴清单.csv", defaults, &b)
}

// separators are what stands between the cells of a line, the surest first. A
// text has one of them: a remark with a comma in it moves no column of a sheet.
var separators = []string{"\t", ",，", ";；", "、"}

// pastedCells cuts pasted text into rows and cells, an empty cell too, so that
// every cell stays under its heading: by tabs as a sheet pastes them, by commas,
// or by blanks where a number or a day stands between them. A line of nothing but
// plates, or of frame numbers, is a row for each.
func pastedCells(text string) [][]string {
	var rows [][]string
	marks := ""
	lines := slices.DeleteFunc(slices.Collect(strings.Lines(text)), func(line string) bool { return strings.TrimSpace(line) == "" })
	parts := func(marks string) bool {
		return slices.ContainsFunc(lines, func(line string) bool { return strings.ContainsAny(strings.TrimSpace(line), marks) })
	}
	if at := slices.IndexFunc(separators, parts); at >= 0 {
		marks = separators[at]
	}
	byBlanks := marks == "" && slices.ContainsFunc(lines, func(line string) bool { return slices.ContainsFunc(wordsOf(line), tells) })
	for _, line := range lines {
		cells := []string{strings.TrimSpace(line)}
		switch {
		case marks != "":
			cells = cellsOf(strings.TrimRight(line, "\r\n"), marks)
		case byBlanks:
			cells = wordsOf(line)
		}
		if !listOfNumbers(cells) {
			rows = append(rows, cells)
			continue
		}
		for _, cell := range cells {
			if cell != "" {
				rows = append(rows, []string{cell})
			}
		}
	}
	return rows
}

// cellsOf cuts a line at any of the marks; a cell may stand in quotes.
func cellsOf(line, marks string) []string {
	first, _ := utf8.DecodeRuneInString(marks)
	r := csv.NewReader(strings.NewReader(strings.Map(func(c rune) rune {
		if strings.ContainsRune(marks, c) {
			return first
		}
		return c
	}, line)))
	r.Comma, r.LazyQuotes = first, true
	cells, err := r.Read()
	if err != nil {
		cells = strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(marks, c) })
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

// wordsOf cuts a line at blanks, but for the one in a plate.
func wordsOf(line string) []string {
	var words []string
	fields := strings.Fields(line)
	for i := 0; i < len(fields); i++ {
		word := fields[i]
		if i+1 < len(fields) && isHalfPlate(word, fields[i+1]) {
			word += fields[i+1]
			i++
		}
		words = append(words, word)
	}
	return words
}

// tells reports whether a word is a plate, a frame number or a day, so that the
// blanks beside it part columns; else they belong to what the line says, as in
// the name of a model.
func tells(word string) bool {
	return isPlate(word) || identifier.GoodVIN(identifier.Normalize(word)) || dayLike.MatchString(word)
}

// listOfNumbers reports whether cells are plates all, or frame numbers all, and
// more than one.
func listOfNumbers(cells []string) bool {
	plates, frames, all := 0, 0, 0
	for _, cell := range cells {
		if cell == "" {
			continue
		}
		all++
		if isPlate(cell) {
			plates++
		} else if identifier.GoodVIN(identifier.Normalize(cell)) {
			frames++
		}
	}
	return all > 1 && (plates == all || frames == all)
}

// isPlate reports whether a text is a whole plate, with the sign of its
// province: without it certificates look alike.
func isPlate(s string) bool { return identifier.Plate(s, "").Status == identifier.OK }

func hasHeadings(class registry.Class, first []string) bool {
	for _, cell := range first {
		if key, _ := registry.FindField(registry.ListClass(class), cell); key != "" {
			return true
		}
	}
	return false
}

// headingsFor guesses what each column of rows without headings holds: what most
// of its cells can be read as, each meaning once.
func (a *App) headingsFor(class registry.Class, city string, rows [][]string) []string {
	width := 0
	for _, row := range rows {
		width = max(width, len(row))
	}
	spec, _ := registry.SpecOf(registry.ListClass(class))
	headings := make([]string, width)
	used := map[string]bool{}
	days := []string{"handed_in_on", "dismantled_on", "deregistered_on"}
	for column := range width {
		var cells []string
		for _, row := range rows {
			if column < len(row) && row[column] != "" {
				cells = append(cells, row[column])
			}
		}
		most := func(is func(string) bool) bool {
			n := 0
			for _, cell := range cells {
				if is(cell) {
					n++
				}
			}
			return 2*n > len(cells)
		}
		set := func(key string) bool {
			if used[key] {
				return false
			}
			used[key], headings[column] = true, key
			return true
		}
		switch {
		case len(cells) == 0:
		case most(func(cell string) bool {
			day, err := registry.ParseDay(cell)
			return err == nil && day > "1990-01-01" && day < "2100-01-01" && strings.ContainsAny(cell, "-/.年")
		}):
			for _, key := range days {
				if set(key) {
					break
				}
			}
		case most(func(cell string) bool { return strings.HasSuffix(cell, "公司") || strings.HasSuffix(cell, "厂") }):
			set("recycler")
		case most(func(cell string) bool { return strings.HasPrefix(strings.ToUpper(cell), "HS") }):
			set("certificate_no")
		case width == 1: // one number a line, each of whatever kind
			set(registry.AnyNumber)
		default:
			found := false
			for _, f := range spec.Fields {
				if f.Identifier && !used[f.Key] && most(func(cell string) bool {
					return len(a.Reference.NumbersIn(class, city, a.Today(), map[string]string{f.Key: cell})) > 0
				}) {
					found = set(f.Key)
					break
				}
			}
			if !found && !set(registry.AnyNumber) {
				set("certificate_no")
			}
		}
	}
	return headings
}
