package sheet

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"phaseout/internal/civil"
	"phaseout/internal/money"
)

// Kind says how a column is shown.
type Kind int

// The kinds of column. Values that are not of the column's kind, a heading
// among figures for one, are shown as they are.
const (
	PlainColumn   Kind = iota // text as text, numbers as numbers
	MoneyColumn               // money.Fen, shown as yuan
	PercentColumn             // basis points as an integer, shown as 87.50%
	DayColumn                 // civil.Day
	NumberColumn              // a text that is a number, where rows are texts
)

// Head is the heading of a column.
type Head struct {
	Title string
	Width float64 // in signs
	Kind  Kind
}

// Table is what stands around the rows of a sheet.
type Table struct {
	Title string
	Notes []string
	Head  []Head
}

// tableStyles are the styles of a written table.
type tableStyles struct {
	title, head int
	column      map[Kind]int
}

func newStyles(f *excelize.File) (s tableStyles, err error) {
	add := func(style *excelize.Style) (id int) {
		if err == nil {
			id, err = f.NewStyle(style)
		}
		return id
	}
	day := "yyyy-mm-dd"
	s.title = add(&excelize.Style{Font: &excelize.Font{Bold: true, Size: 16}})
	s.head = add(&excelize.Style{Font: &excelize.Font{Bold: true}, Fill: fill("E8EEF7"), Border: borders(), Alignment: &excelize.Alignment{Horizontal: "center", Vertical: "center", WrapText: true}})
	s.column = map[Kind]int{
		PlainColumn:   add(&excelize.Style{Border: borders()}),
		MoneyColumn:   add(&excelize.Style{Border: borders(), NumFmt: 4}),
		PercentColumn: add(&excelize.Style{Border: borders(), NumFmt: 10}),
		DayColumn:     add(&excelize.Style{Border: borders(), CustomNumFmt: &day}),
	}
	return s, err
}

func fill(color string) excelize.Fill {
	return excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{color}}
}

func borders() []excelize.Border {
	var all []excelize.Border
	for _, side := range []string{"left", "top", "right", "bottom"} {
		all = append(all, excelize.Border{Type: side, Color: "B8C2D0", Style: 1})
	}
	return all
}

// cell returns a value as a workbook keeps it. Amounts are exact to the fen in
// a double up to 10^13 yuan.
func (s tableStyles) cell(kind Kind, v any) excelize.Cell {
	switch value := v.(type) {
	case money.Fen:
		return excelize.Cell{StyleID: s.column[MoneyColumn], Value: float64(value) / 100}
	case int64:
		if kind == PercentColumn {
			return excelize.Cell{StyleID: s.column[kind], Value: float64(value) / 10000}
		}
	case civil.Day:
		if day, err := time.Parse(time.DateOnly, string(value)); err == nil && kind == DayColumn {
			return excelize.Cell{StyleID: s.column[kind], Value: day}
		}
	}
	if text, ok := textOf(v); ok {
		v = text
	}
	return excelize.Cell{StyleID: s.column[PlainColumn], Value: v}
}

// textOf returns the text of a value that is text, of whatever named type.
func textOf(v any) (string, bool) {
	value := reflect.ValueOf(v)
	if value.Kind() == reflect.String {
		return value.String(), true
	}
	return "", false
}

// WriteXLSX writes rows as a workbook for A4 across: title, notes, a frozen row
// of headings that every printed page repeats. Text is written as text, so
// that nothing in it is ever a formula. More rows than a sheet has fail with
// Invalid too_many_rows.
func WriteXLSX(w io.Writer, t Table, rows iter.Seq2[[]any, error]) error {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	name := f.GetSheetName(0)
	styles, err := newStyles(f)
	if err != nil {
		return fmt.Errorf("sheet: styles: %w", err)
	}
	headRow := len(t.Notes) + 2
	// What stands before the rows is written with the first, so the setup comes before the stream.
	if err := printSetup(f, name, headRow); err != nil {
		return fmt.Errorf("sheet: write: %w", err)
	}
	out, err := f.NewStreamWriter(name)
	if err != nil {
		return fmt.Errorf("sheet: write: %w", err)
	}
	if err := writeTop(out, t, styles, headRow); err != nil {
		return fmt.Errorf("sheet: write: %w", err)
	}
	at := headRow
	for row, err := range rows {
		if err != nil {
			return err
		}
		if at++; at > excelize.TotalRows {
			return refuse("too_many_rows", "超出一张表的行数上限", "more rows than a sheet has", "请缩小筛选范围，或导出 CSV", "narrow the filter, or export as CSV")
		}
		cells := make([]any, len(row))
		for i, v := range row {
			kind := PlainColumn
			if i < len(t.Head) {
				kind = t.Head[i].Kind
			}
			cells[i] = styles.cell(kind, v)
		}
		if err := out.SetRow(fmt.Sprintf("A%d", at), cells); err != nil {
			return fmt.Errorf("sheet: write row %d: %w", at, err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("sheet: write: %w", err)
	}
	return f.Write(w)
}

// writeTop writes what stands above the data.
func writeTop(out *excelize.StreamWriter, t Table, styles tableStyles, headRow int) error {
	head := make([]any, len(t.Head))
	for i, h := range t.Head {
		if err := out.SetColWidth(i+1, i+1, max(h.Width, 8)); err != nil {
			return err
		}
		head[i] = excelize.Cell{StyleID: styles.head, Value: h.Title}
	}
	if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: headRow, TopLeftCell: fmt.Sprintf("A%d", headRow+1), ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	if err := out.SetRow("A1", []any{excelize.Cell{StyleID: styles.title, Value: t.Title}}, excelize.RowOpts{Height: 26}); err != nil {
		return err
	}
	for i, note := range t.Notes {
		if err := out.SetRow(fmt.Sprintf("A%d", i+2), []any{note}); err != nil {
			return err
		}
	}
	return out.SetRow(fmt.Sprintf("A%d", headRow), head)
}

func printSetup(f *excelize.File, name string, headRow int) error {
	a4, landscape, width, height, fit := 9, "landscape", 1, 0, true
	return errors.Join(
		f.SetPageLayout(name, &excelize.PageLayoutOptions{Size: &a4, Orientation: &landscape, FitToWidth: &width, FitToHeight: &height}),
		f.SetSheetProps(name, &excelize.SheetPropsOptions{FitToPage: &fit}),
		f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: fmt.Sprintf("'%s'!$%d:$%d", name, headRow, headRow), Scope: name}))
}

// Neutral returns a text that no spreadsheet takes for a formula when it opens
// a CSV file: one that starts with a sign of a formula gets an apostrophe.
func Neutral(s string) string {
	if first, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + s
	}
	return s
}

// WriteCSV writes headings and rows as CSV in UTF-8 with the mark that Excel needs.
func WriteCSV(w io.Writer, t Table, rows iter.Seq2[[]any, error]) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	record := make([]string, len(t.Head))
	for i, h := range t.Head {
		record[i] = Neutral(h.Title)
	}
	if err := out.Write(record); err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		record = record[:0]
		for i, v := range row {
			kind := PlainColumn
			if i < len(t.Head) {
				kind = t.Head[i].Kind
			}
			record = append(record, csvCell(kind, v))
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvCell(kind Kind, v any) string {
	switch value := v.(type) {
	case nil:
		return ""
	case money.Fen:
		return strings.ReplaceAll(value.Yuan(), ",", "")
	case int64:
		if kind == PercentColumn {
			return strings.ReplaceAll(money.Fen(value).Yuan(), ",", "") + "%" // both are hundredths
		}
	}
	if text, ok := textOf(v); ok {
		return Neutral(text)
	}
	return fmt.Sprint(v)
}
