package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"
)

// Note is a remark on one cell; Column is -1 for the row as a whole.
type Note struct {
	Row    int // from 1
	Column int // from 0
	Text   string
	Error  bool
}

// author is whose comments an annotated sheet has; when it comes back, they go.
const author = "phaseout"

// maxComments bounds the comments in a sheet, which programs show slowly. The
// last column has all notes.
const maxComments = 5000

// Annotate writes the office's own sheet with a comment on each cell that has
// a note, coloured, and all notes of a row again in a last column, because not
// every program shows comments. A CSV file becomes a workbook. Notes of an
// earlier round are taken away. The notes are about the sheet of the name given,
// or about the first one if there is none of it.
func Annotate(w io.Writer, name, sheetName string, original []byte, notes []Note, heading string) error {
	book, err := Open(name, original)
	if err != nil {
		return err
	}
	book = book.Sheet(sheetName)
	place, err := placeFor(book, notes, heading)
	if err != nil {
		return err
	}
	f, sheet, err := workbookOf(book, original)
	if err == nil {
		err = annotated(w, f, sheet, notes, place, heading)
	}
	if err == nil || book.Kind != "xlsx" {
		return err
	}
	if f, sheet, err = plainCopy(book); err != nil { // the library cannot edit what the program of the office wrote
		return err
	}
	return annotated(w, f, sheet, notes, place, heading)
}

// annotated puts the notes into an opened workbook and writes it, or nothing. The
// library panics on some workbooks that lack what they may lack.
func annotated(w io.Writer, f *excelize.File, sheet string, notes []Note, place notesPlace, heading string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sheet: annotate: %v", p)
		}
		_ = f.Close() // of a workbook that is written, or given up
	}()
	if err := nameDefaultFont(f); err != nil {
		return fmt.Errorf("sheet: annotate: %w", err)
	}
	a := annotation{f: f, sheet: sheet, styles: map[styleKey]int{}}
	if err := errors.Join(a.clear(place), a.cells(notes), a.lastColumn(notes, place, heading)); err != nil {
		return fmt.Errorf("sheet: annotate: %w", err)
	}
	var whole bytes.Buffer
	if err := f.Write(&whole); err != nil {
		return fmt.Errorf("sheet: annotate: %w", err)
	}
	_, err = whole.WriteTo(w)
	return err
}

// nameDefaultFont gives the font of a workbook without styles a name, which
// comments are written in.
func nameDefaultFont(f *excelize.File) error {
	if _, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Family: "宋体", Size: 11}}); err != nil {
		return err
	}
	if fonts := f.Styles.Fonts.Font; fonts[0].Name == nil {
		fonts[0].Name = fonts[len(fonts)-1].Name
	}
	return nil
}

// notesPlace is where the notes of rows go.
type notesPlace struct {
	column    int // from 0
	headerRow int
	lastRow   int
	old       bool // the column has notes of an earlier round
}

// placeFor finds the column behind the last, or the one of an earlier round, and
// the row of headings: the one with most texts among the first, above the notes.
func placeFor(book *Book, notes []Note, heading string) (notesPlace, error) {
	place, read, most := notesPlace{headerRow: 1}, 0, 0
	first := 0
	for _, n := range notes {
		if first == 0 || n.Row < first {
			first = n.Row
		}
	}
	for row, err := range book.Rows() {
		if err != nil {
			return place, err
		}
		place.lastRow = row.Number
		if !place.old {
			place.column = max(place.column, len(row.Cells))
		}
		if read++; read > headerDepth || (first > 0 && row.Number >= first) {
			continue
		}
		texts := 0
		for i, c := range row.Cells {
			if strings.TrimSpace(c) != "" && !row.Numeric(i) {
				texts++
			}
		}
		if texts > most {
			most, place.headerRow = texts, row.Number
		}
		if i := slices.Index(row.Cells, heading); i >= 0 && !place.old {
			place.column, place.old = i, true
		}
	}
	return place, nil
}

func workbookOf(book *Book, original []byte) (*excelize.File, string, error) {
	if book.Kind == "xlsx" {
		f, err := excelize.OpenReader(bytes.NewReader(original), excelize.Options{UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked})
		if err != nil {
			return nil, "", fmt.Errorf("sheet: open the original: %w", err)
		}
		return f, book.SheetName, nil
	}
	return plainCopy(book)
}

// plainCopy is a workbook with the texts of a sheet and nothing else.
func plainCopy(book *Book) (*excelize.File, string, error) {
	f := excelize.NewFile()
	sheet := f.GetSheetName(0)
	for row, err := range book.Rows() {
		if err != nil {
			return nil, "", err
		}
		for i, c := range row.Cells {
			if err := f.SetCellStr(sheet, placeOf(i, row.Number), c); err != nil {
				return nil, "", fmt.Errorf("sheet: write: %w", err)
			}
		}
	}
	return f, sheet, nil
}

func placeOf(column, row int) string { return fmt.Sprintf("%s%d", ColumnLetter(column), row) }

// annotation is a workbook that gets notes.
type annotation struct {
	f      *excelize.File
	sheet  string
	styles map[styleKey]int
}

type styleKey struct {
	base  int
	color string
}

// color fills a cell and leaves its style otherwise as it is, so that a day goes
// on looking like one. "" takes the fill away.
func (a *annotation) color(at, color string) error {
	base, err := a.f.GetCellStyle(a.sheet, at)
	if err != nil {
		return err
	}
	id, known := a.styles[styleKey{base, color}]
	if !known {
		style, err := a.f.GetStyle(base)
		if err != nil {
			return err
		}
		style.Fill = excelize.Fill{}
		if color != "" {
			style.Fill = fill(color)
		}
		if id, err = a.f.NewStyle(style); err != nil {
			return err
		}
		a.styles[styleKey{base, color}] = id
	}
	return a.f.SetCellStyle(a.sheet, at, at, id)
}

// clear takes away the notes of an earlier round.
func (a *annotation) clear(place notesPlace) error {
	comments, err := a.f.GetComments(a.sheet)
	if err != nil {
		return err
	}
	for _, c := range comments {
		if c.Author != author {
			continue
		}
		if err := errors.Join(a.f.DeleteComment(a.sheet, c.Cell), a.color(c.Cell, "")); err != nil {
			return err
		}
	}
	for row := place.headerRow + 1; place.old && row <= place.lastRow; row++ {
		if err := a.f.SetCellValue(a.sheet, placeOf(place.column, row), nil); err != nil {
			return err
		}
	}
	return nil
}

// cells puts one comment on each cell that has notes.
func (a *annotation) cells(notes []Note) error {
	type spot struct{ row, column int }
	texts, errs := map[spot][]string{}, map[spot]bool{}
	var order []spot
	for _, n := range notes {
		s := spot{n.Row, n.Column}
		if n.Column < 0 || n.Row < 1 {
			continue
		}
		if texts[s] == nil {
			order = append(order, s)
		}
		texts[s] = append(texts[s], n.Text)
		errs[s] = errs[s] || n.Error
	}
	for i, s := range order {
		at, color := placeOf(s.column, s.row), "FFEB9C"
		if errs[s] {
			color = "FFC7CE"
		}
		if err := a.color(at, color); err != nil {
			return err
		}
		if i >= maxComments {
			continue
		}
		if err := a.f.AddComment(a.sheet, excelize.Comment{Cell: at, Author: author, Paragraph: []excelize.RichTextRun{{Text: strings.Join(texts[s], "\n")}}, Width: 320, Height: 90}); err != nil {
			return err
		}
	}
	return nil
}

// lastColumn writes all notes of a row beside it.
func (a *annotation) lastColumn(notes []Note, place notesPlace, heading string) error {
	texts := map[int][]string{}
	for _, n := range notes {
		if n.Row >= 1 {
			texts[n.Row] = append(texts[n.Row], n.Text)
		}
	}
	if err := a.f.SetCellStr(a.sheet, placeOf(place.column, place.headerRow), heading); err != nil {
		return err
	}
	for row, lines := range texts {
		if err := a.f.SetCellStr(a.sheet, placeOf(place.column, row), strings.Join(lines, "\n")); err != nil {
			return err
		}
	}
	letter := ColumnLetter(place.column)
	return a.f.SetColWidth(a.sheet, letter, letter, 60)
}
