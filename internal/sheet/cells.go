package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"phaseout/internal/fault"
)

// The format's own bounds. A place beyond them is damage, not a large sheet.
const (
	lastRowThereIs    = 1 << 20
	lastColumnThereIs = 1 << 14
)

// sheetReader reads the rows of one sheet one after the other.
type sheetReader struct {
	*workbook
	scan   *scanner
	text   collector
	row    int // number of the row being read
	inRow  bool
	hidden bool
	cells  []cell // of the row, those that hold anything
	column int    // of the cell being read, or of the last one
	inCell bool
	kind   cellKind
	style  int
	start  int // where the cell's text starts
	// formula is what computes the cell being read, from its equals sign, "" for a
	// cell without one.
	formula string
}

// cell is a cell of the row being read: a stretch of the row's text, or a
// shared string.
type cell struct {
	column     int
	start, end int
	shared     string
	numeric    bool
}

type cellKind byte

const (
	numberCell cellKind = iota
	sharedCell
	textCell
	truthCell
	otherCell // errors, days in ISO form: taken as they stand
)

// next returns the next row that holds anything, io.EOF after the last.
func (s *sheetReader) next() (Row, error) {
	for {
		text, tag, err := s.scan.next()
		if err != nil {
			return s.broken(errXML) // the end of the rows comes before the end of the part
		}
		name, closing, err := s.text.take(text, tag)
		if err != nil {
			return s.broken(err)
		}
		switch string(name) {
		case "c":
			err = s.cellTag(tag, closing)
		case "f":
			s.formulaTag(text, closing)
		case "row":
			var row Row
			var found bool
			if row, found, err = s.rowTag(tag, closing); found {
				return row, nil
			}
		case "sheetData":
			if closing || isEmptyTag(tag) {
				return s.finish()
			}
		}
		if err != nil {
			return s.broken(err)
		}
	}
}

// shownFormula is how many bytes of a formula are kept.
const shownFormula = 80

// formulaTag keeps what computes a cell, in case nothing else stands in it.
func (s *sheetReader) formulaTag(text []byte, closing bool) {
	switch {
	case !s.inCell:
	case closing:
		s.formula = "="
		if shown, err := appendText(nil, bytes.ToValidUTF8(text[:min(len(text), shownFormula)], nil)); err == nil {
			s.formula += string(shown)
		}
	default:
		s.formula = "="
	}
}

// finish reads to the end of the part, where its check sum is compared.
func (s *sheetReader) finish() (Row, error) {
	if _, err := io.Copy(io.Discard, s.scan.r); err != nil || s.inRow {
		return s.broken(errXML)
	}
	return Row{}, io.EOF
}

func (s *sheetReader) broken(err error) (Row, error) {
	var f *fault.Fault
	if !errors.As(err, &f) {
		err = refuse("damaged", fmt.Sprintf("文件在第 %d 行之后已损坏", s.row), fmt.Sprintf("the file is damaged after row %d", s.row),
			"请用 WPS 或 Excel 打开并重新保存后上传", "open it in WPS or Excel, save it again and upload that")
	}
	return Row{Number: s.row}, err
}

func (s *sheetReader) rowTag(tag []byte, closing bool) (row Row, found bool, err error) {
	if closing != s.inRow || s.inCell {
		return row, false, errXML
	}
	if closing {
		s.inRow = false
		return s.endRow()
	}
	before, given := s.row, 0
	s.row++
	s.hidden = false
	err = attributes(tag, func(name, value []byte) {
		switch string(name) {
		case "r":
			if given = naturalNumber(value); given >= 0 {
				s.row = given
			}
		case "hidden":
			s.hidden = string(value) == "1" || string(value) == "true"
		}
	})
	if err != nil || given < 0 || s.row <= before || s.row > lastRowThereIs {
		s.row = before
		return row, false, errXML
	}
	s.inRow, s.column, s.cells, s.text.text = !isEmptyTag(tag), -1, s.cells[:0], s.text.text[:0]
	return row, false, nil
}

// endRow makes a row of the cells. All texts of a row share one allocation.
func (s *sheetReader) endRow() (row Row, found bool, err error) {
	width := 0
	for _, c := range s.cells {
		width = max(width, c.column+1)
	}
	if width == 0 {
		return row, false, nil
	}
	row = Row{Number: s.row, Hidden: s.hidden, Cells: make([]string, width)}
	text, solid := string(s.text.text), false
	for _, c := range s.cells {
		value := c.shared
		if value == "" {
			value = text[c.start:c.end]
		}
		row.Cells[c.column] = value
		if c.numeric {
			row.numbers[c.column/64] |= 1 << (c.column % 64)
		}
		solid = solid || strings.TrimSpace(value) != ""
	}
	if solid {
		err = within(row)
	}
	return row, solid && err == nil, err
}

func (s *sheetReader) cellTag(tag []byte, closing bool) error {
	if closing != s.inCell || !s.inRow {
		return errXML
	}
	if closing {
		s.inCell = false
		return s.endCell()
	}
	s.column++
	s.kind, s.style, s.start, s.formula = numberCell, 0, len(s.text.text), ""
	err := attributes(tag, func(name, value []byte) {
		switch string(name) {
		case "r":
			s.column = columnOf(value)
		case "s":
			s.style = naturalNumber(value)
		case "t":
			s.kind = kindOf(value)
		}
	})
	if err != nil || s.column < 0 || s.column >= lastColumnThereIs {
		return errXML
	}
	s.inCell = !isEmptyTag(tag)
	return nil
}

func kindOf(t []byte) cellKind {
	switch string(t) {
	case "s":
		return sharedCell
	case "str", "inlineStr":
		return textCell
	case "b":
		return truthCell
	case "n", "":
		return numberCell
	}
	return otherCell
}

func (s *sheetReader) endCell() error {
	c := cell{column: s.column, start: s.start}
	value := s.text.text[s.start:]
	switch s.kind {
	case sharedCell:
		if value = bytes.TrimSpace(value); len(value) == 0 {
			return nil
		}
		var known bool
		if c.shared, known = s.shared.at(naturalNumber(value)); !known {
			return errXML
		}
		s.text.text = s.text.text[:s.start]
	case numberCell:
		value, c.numeric = s.number(bytes.TrimSpace(value))
		if s.text.text = append(s.text.text[:s.start], value...); len(value) == 0 {
			s.text.text = append(s.text.text, s.formula...) // a program wrote it that does not compute
		}
	case truthCell:
		if truth, known := truths[string(bytes.TrimSpace(value))]; known {
			s.text.text = append(s.text.text[:s.start], truth...)
		}
	case textCell:
		s.text.text = append(s.text.text[:s.start], unescape(value)...)
	}
	c.end = len(s.text.text)
	switch {
	case c.end == c.start && c.shared == "":
		return nil
	case c.column < MaxColumns:
		s.cells = append(s.cells, c)
		return nil
	case strings.TrimSpace(c.shared) == "" && len(bytes.TrimSpace(s.text.text[c.start:])) == 0:
		return nil
	}
	return tooManyColumns()
}

// truths are truth values as spreadsheets show them.
var truths = map[string]string{"0": "FALSE", "1": "TRUE"}

// number returns a stored number as the office sees it: with the 15 figures that
// a spreadsheet keeps, without an exponent unless it has more figures than
// that, without the .0 that Java puts behind every number, a day as days since
// 1899-12-30 whatever the workbook counts from.
func (s *sheetReader) number(text []byte) (tidy []byte, numeric bool) {
	tidied := false // it is not written as spreadsheets show it
	for _, c := range text {
		switch {
		case c == 'e' || c == 'E':
			tidied = true
		case (c < '0' || c > '9') && c != '.' && c != '-' && c != '+':
			return text, false
		}
	}
	tidied = tidied || bytes.HasSuffix(text, []byte("0")) && bytes.IndexByte(text, '.') >= 0
	shift := s.from04 && s.style >= 0 && s.style < len(s.isDay) && s.isDay[s.style]
	if len(text) <= 15 && !tidied && !shift {
		return text, len(text) > 0
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(f) >= 1e15 {
		return text, err == nil
	}
	if shift {
		f += 1462
	}
	f, err = strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64)
	return strconv.AppendFloat(nil, f, 'f', -1, 64), err == nil
}

// naturalNumber returns the number that figures stand for, -1 if they are none.
func naturalNumber(figures []byte) int {
	if len(figures) == 0 || len(figures) > 9 {
		return -1
	}
	n := 0
	for _, c := range figures {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// columnOf returns the column, from 0, of a place such as "AB12", -1 if it is none.
func columnOf(place []byte) int {
	n := 0
	for _, c := range place {
		switch {
		case c >= 'A' && c <= 'Z':
			n = 26*n + int(c-'A') + 1
		case c >= '0' && c <= '9' && n > 0:
			return n - 1
		default:
			return -1
		}
		if n > lastColumnThereIs {
			return -1
		}
	}
	return -1
}
