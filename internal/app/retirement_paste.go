package app

import (
	"bytes"
	"context"
	"encoding/csv"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
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

// pastedCells cuts pasted text into rows and cells: tabs as a sheet pastes them,
// else commas, else one number a line or several with blanks between.
func pastedCells(text string) [][]string {
	var rows [][]string
	tabs := strings.Contains(text, "\t")
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		cells := []string{line}
		switch {
		case tabs:
			cells = strings.Split(line, "\t")
		case strings.ContainsAny(line, ",，;；、"):
			cells = strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(",，;；、", r) })
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

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
