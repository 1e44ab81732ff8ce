package sheet

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/xuri/excelize/v2"

	"phaseout/internal/money"
)

// Kind says how a column is shown.
type Kind int

// The kinds of column. A MoneyColumn takes money.Fen and shows yuan.
const (
	PlainColumn Kind = iota
	MoneyColumn
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

// WriteXLSX writes rows as a workbook for A4 across: title, notes, a frozen row
// of headings that every printed page repeats. Text is written as text, so
// that nothing in it is ever a formula.
func WriteXLSX(w io.Writer, t Table, rows iter.Seq2[[]any, error]) error {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	name := f.GetSheetName(0)
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"E8EEF7"}},
		Border: borders(), Alignment: &excelize.Alignment{Horizontal: "center", Vertical: "center", WrapText: true}})
	if err != nil {
		return err
	}
	title, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true, Size: 16}})
	if err != nil {
		return err
	}
	plain, err := f.NewStyle(&excelize.Style{Border: borders()})
	if err != nil {
		return err
	}
	yuan, err := f.NewStyle(&excelize.Style{Border: borders(), NumFmt: 4})
	if err != nil {
		return err
	}
	out, err := f.NewStreamWriter(name)
	if err != nil {
		return err
	}
	for i, h := range t.Head {
		if err := out.SetColWidth(i+1, i+1, max(h.Width, 8)); err != nil {
			return err
		}
	}
	headRow := len(t.Notes) + 2
	if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: headRow, TopLeftCell: fmt.Sprintf("A%d", headRow+1), ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	if err := out.SetRow("A1", []any{excelize.Cell{StyleID: title, Value: t.Title}}, excelize.RowOpts{Height: 26}); err != nil {
		return err
	}
	for i, note := range t.Notes {
		if err := out.SetRow(fmt.Sprintf("A%d", i+2), []any{note}); err != nil {
			return err
		}
	}
	head := make([]any, len(t.Head))
	for i, h := range t.Head {
		head[i] = excelize.Cell{StyleID: bold, Value: h.Title}
	}
	if err := out.SetRow(fmt.Sprintf("A%d", headRow), head); err != nil {
		return err
	}
	at := headRow
	for row, err := range rows {
		if err != nil {
			return err
		}
		at++
		cells := make([]any, len(row))
		for i, v := range row {
			style := plain
			if fen, ok := v.(money.Fen); ok {
				v, style = float64(fen)/100, yuan // exact to the fen in a double, for showing only
			}
			cells[i] = excelize.Cell{StyleID: style, Value: v}
		}
		if err := out.SetRow(fmt.Sprintf("A%d", at), cells); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if err := printSetup(f, name, headRow); err != nil {
		return err
	}
	return f.Write(w)
}

func borders() []excelize.Border {
	var all []excelize.Border
	for _, side := range []string{"left", "top", "right", "bottom"} {
		all = append(all, excelize.Border{Type: side, Color: "B8C2D0", Style: 1})
	}
	return all
}

func printSetup(f *excelize.File, name string, headRow int) error {
	a4, landscape, width, height := 9, "landscape", 1, 0
	if err := f.SetPageLayout(name, &excelize.PageLayoutOptions{Size: &a4, Orientation: &landscape, FitToWidth: &width, FitToHeight: &height}); err != nil {
		return err
	}
	fit := true
	if err := f.SetSheetProps(name, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
		return err
	}
	return f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: fmt.Sprintf("'%s'!$%d:$%d", name, headRow, headRow), Scope: name})
}

// Neutral returns a text that no spreadsheet takes for a formula when it opens
// a CSV file: one that starts with a sign of a formula gets an apostrophe.
func Neutral(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(s)[0]) {
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
		for i, v := range row {
			switch v := v.(type) {
			case string:
				record[i] = Neutral(v)
			case money.Fen:
				record[i] = strings.ReplaceAll(v.Yuan(), ",", "")
			default:
				record[i] = fmt.Sprint(v)
			}
		}
		if err := out.Write(record[:len(row)]); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Note is a remark on one cell; Column is -1 for the row as a whole.
type Note struct {
	Row    int // from 1
	Column int // from 0
	Text   string
	Error  bool
}

// Annotate writes the office's own sheet with a comment on each cell that has
// a note, coloured, and all notes of a row again in a last column, because not
// every program shows comments. A CSV file becomes a workbook.
func Annotate(w io.Writer, name string, original []byte, notes []Note, heading string) error {
	f, sheet, err := workbookOf(name, original)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	red, err := f.NewStyle(&excelize.Style{Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"FFC7CE"}}})
	if err != nil {
		return err
	}
	yellow, err := f.NewStyle(&excelize.Style{Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"FFEB9C"}}})
	if err != nil {
		return err
	}
	rows, err := f.GetRows(sheet)
	if err != nil {
		return err
	}
	last := 0
	for _, r := range rows {
		last = max(last, len(r))
	}
	texts := map[int][]string{}
	for _, n := range notes {
		texts[n.Row] = append(texts[n.Row], n.Text)
		if n.Column < 0 {
			continue
		}
		at, err := excelize.CoordinatesToCellName(n.Column+1, n.Row)
		if err != nil {
			return err
		}
		style := yellow
		if n.Error {
			style = red
		}
		if err := f.SetCellStyle(sheet, at, at, style); err != nil {
			return err
		}
		if err := f.AddComment(sheet, excelize.Comment{Cell: at, Author: "phaseout", Paragraph: []excelize.RichTextRun{{Text: n.Text}}, Width: 320, Height: 90}); err != nil {
			return err
		}
	}
	column := ColumnLetter(last)
	if err := f.SetCellStr(sheet, column+"1", heading); err != nil {
		return err
	}
	for row, lines := range texts {
		if err := f.SetCellStr(sheet, fmt.Sprintf("%s%d", column, row), strings.Join(lines, "\n")); err != nil {
			return err
		}
	}
	if err := f.SetColWidth(sheet, column, column, 60); err != nil {
		return err
	}
	return f.Write(w)
}

func workbookOf(name string, original []byte) (*excelize.File, string, error) {
	if bytes.HasPrefix(original, []byte("PK\x03\x04")) {
		if err := guardZip(original); err != nil {
			return nil, "", err
		}
		f, err := excelize.OpenReader(bytes.NewReader(original), excelize.Options{UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked})
		if err != nil {
			return nil, "", fmt.Errorf("sheet: open the original: %w", err)
		}
		book, err := openXLSX(original)
		if err != nil {
			return nil, "", err
		}
		return f, book.SheetName, nil
	}
	book, err := Open(name, original)
	if err != nil {
		return nil, "", err
	}
	f := excelize.NewFile()
	sheet := f.GetSheetName(0)
	for row, err := range book.Rows() {
		if err != nil {
			return nil, "", err
		}
		for i, c := range row.Cells {
			if err := f.SetCellStr(sheet, fmt.Sprintf("%s%d", ColumnLetter(i), row.Number), c); err != nil {
				return nil, "", err
			}
		}
	}
	return f, sheet, nil
}

// TemplateColumn is one column of a template.
type TemplateColumn struct {
	Heading  string
	Hint     string
	Required bool
	Text     bool // long numbers stay what they are
	Options  []string
	Example  string
}

// WriteTemplate writes the empty workbook of a class: headings, drop-downs from
// a hidden sheet (a list in place may not be longer than 255 signs), text format
// where numbers must not be changed, and an example row that is skipped when read.
func WriteTemplate(w io.Writer, title string, columns []TemplateColumn) error {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	sheet, lists := title, "字典"
	if err := f.SetSheetName(f.GetSheetName(0), sheet); err != nil {
		return err
	}
	if _, err := f.NewSheet(lists); err != nil {
		return err
	}
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"E8EEF7"}}, Border: borders()})
	if err != nil {
		return err
	}
	text, err := f.NewStyle(&excelize.Style{NumFmt: 49})
	if err != nil {
		return err
	}
	head := append([]TemplateColumn{{Heading: "序号", Hint: "示例行不会被导入", Example: "示例"}}, columns...)
	for i, c := range head {
		letter := ColumnLetter(i)
		heading := c.Heading
		if c.Required {
			heading += "*"
		}
		for at, v := range map[string]string{letter + "1": heading, letter + "2": c.Example} {
			if err := f.SetCellStr(sheet, at, v); err != nil {
				return err
			}
		}
		if err := f.SetColWidth(sheet, letter, letter, 18); err != nil {
			return err
		}
		if c.Text {
			if err := f.SetColStyle(sheet, letter, text); err != nil {
				return err
			}
		}
		if err := f.AddComment(sheet, excelize.Comment{Cell: letter + "1", Author: "phaseout", Paragraph: []excelize.RichTextRun{{Text: c.Hint}}}); err != nil {
			return err
		}
		if err := dropDown(f, sheet, lists, letter, c.Options); err != nil {
			return err
		}
	}
	if err := f.SetCellStyle(sheet, "A1", ColumnLetter(len(head)-1)+"1", bold); err != nil {
		return err
	}
	if err := f.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	if err := f.SetSheetVisible(lists, false); err != nil {
		return err
	}
	return f.Write(w)
}

func dropDown(f *excelize.File, sheet, lists, letter string, options []string) error {
	if len(options) == 0 {
		return nil
	}
	for i, o := range options {
		if err := f.SetCellStr(lists, fmt.Sprintf("%s%d", letter, i+1), o); err != nil {
			return err
		}
	}
	list := excelize.NewDataValidation(true)
	list.Sqref = fmt.Sprintf("%s2:%s10000", letter, letter)
	list.SetSqrefDropList(fmt.Sprintf("'%s'!$%s$1:$%s$%d", lists, letter, letter, len(options)))
	return f.AddDataValidation(sheet, list)
}
