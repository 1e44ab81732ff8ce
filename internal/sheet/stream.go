package sheet

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxCell is how many signs of UTF-16 a cell holds.
const maxCell = 32767

// StreamXLSX writes rows of texts as a workbook, whatever their number, in the
// memory of one row: more rows than a sheet has go on in further sheets under
// the same headings. A NumberColumn or DayColumn turns its texts into numbers
// and days; every other text is text, so that nothing in it is ever a formula.
// A row may be used again by who yields it.
func StreamXLSX(w io.Writer, t Table, rows iter.Seq2[[]string, error]) error {
	return streamXLSX(w, t, rows, lastRowThereIs)
}

func streamXLSX(w io.Writer, t Table, rows iter.Seq2[[]string, error], limit int) error {
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	x := &streamed{archive: archive, table: t, limit: limit, letters: make([]string, len(t.Head))}
	for i := range t.Head {
		x.letters[i] = ColumnLetter(i)
	}
	if err := errors.Join(x.part("[Content_Types].xml", contentTypes), x.part("_rels/.rels", packageRels), x.part("xl/styles.xml", streamStyles), x.open()); err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		if x.row == x.limit {
			if err := errors.Join(x.close(), x.open()); err != nil {
				return err
			}
		}
		if err := x.write(row); err != nil {
			return err
		}
	}
	return errors.Join(x.close(), x.index(), archive.Close())
}

// streamed is a workbook that is being written, and the sheet that is open.
type streamed struct {
	archive *zip.Writer
	table   Table
	limit   int // rows of a sheet
	letters []string
	sheets  int
	out     *bufio.Writer
	line    []byte
	row     int
}

const (
	xmlHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	mainNS  = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	relNS   = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

	// A part is a sheet unless it is said to be something else, so that the list
	// of parts can stand first while their number is not known.
	contentTypes = xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>`
	packageRels = xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="` + relNS + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	streamStyles = xmlHead + `<styleSheet ` + mainNS + `><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/></numFmts>` +
		`<fonts count="3"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="16"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>` +
		`<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>` +
		`<fill><patternFill patternType="solid"><fgColor rgb="FFE8EEF7"/><bgColor indexed="64"/></patternFill></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
		`<cellXfs count="5"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
		`<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>` +
		`<xf numFmtId="0" fontId="2" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1" applyAlignment="1"><alignment horizontal="center" vertical="center" wrapText="1"/></xf>` +
		`<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
		`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>`
)

// The cell styles in streamStyles.
const (
	titleStyle = 1
	headStyle  = 2
	dayStyle   = 3
	textStyle  = 4 // stays text when somebody edits it
)

func (x *streamed) part(name, text string) error {
	w, err := x.archive.Create(name)
	if err != nil {
		return fmt.Errorf("sheet: write %s: %w", name, err)
	}
	_, err = io.WriteString(w, text)
	return err
}

// open starts the next sheet: the first with title and notes, every one with
// the headings.
func (x *streamed) open() error {
	x.sheets++
	w, err := x.archive.Create(fmt.Sprintf("xl/worksheets/sheet%d.xml", x.sheets))
	if err != nil {
		return fmt.Errorf("sheet: write a sheet: %w", err)
	}
	x.out, x.row = bufio.NewWriterSize(w, 64<<10), 0
	notes := []string{}
	if x.sheets == 1 {
		notes = append([]string{x.table.Title}, x.table.Notes...)
	}
	head := len(notes) + 1
	x.line = fmt.Appendf(x.line[:0], xmlHead+`<worksheet %s><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><sheetViews><sheetView workbookViewId="0"><pane ySplit="%d" topLeftCell="A%d" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`, mainNS, head, head+1)
	for i, h := range x.table.Head {
		x.line = fmt.Appendf(x.line, `<col min="%d" max="%d" width="%g" customWidth="1"/>`, i+1, i+1, max(h.Width, 8))
	}
	x.line = append(x.line, `</cols><sheetData>`...)
	for i, note := range notes {
		x.row++
		x.line = fmt.Appendf(x.line, `<row r="%d">`, x.row)
		style := 0
		if i == 0 {
			style = titleStyle
		}
		x.line = append(x.appendText(x.line, "A", style, note), `</row>`...)
	}
	x.row++
	x.line = fmt.Appendf(x.line, `<row r="%d">`, x.row)
	for i, h := range x.table.Head {
		x.line = x.appendText(x.line, x.letters[i], headStyle, h.Title)
	}
	x.line = append(x.line, `</row>`...)
	_, err = x.out.Write(x.line)
	return err
}

func (x *streamed) write(row []string) error {
	x.row++
	x.line = append(strconv.AppendInt(append(x.line[:0], `<row r="`...), int64(x.row), 10), `">`...)
	for i, v := range row {
		if v == "" {
			continue
		}
		if len(v) > maxCell && utf16Length(v) > maxCell {
			return refuse("cell_too_long", "单元格内容超过 32767 个字符，无法写入 XLSX", "a text is longer than a cell of XLSX holds", "请导出为 CSV", "export as CSV instead")
		}
		switch kind := x.table.Head[i].Kind; {
		case kind == NumberColumn && plainNumber(v):
			x.line = x.appendNumber(x.line, x.letters[i], 0, v)
		case kind == DayColumn:
			if serial, ok := daySerial(v); ok {
				x.line = x.appendNumber(x.line, x.letters[i], dayStyle, strconv.Itoa(serial))
				continue
			}
			fallthrough
		default:
			x.line = x.appendText(x.line, x.letters[i], textStyle, v)
		}
	}
	x.line = append(x.line, `</row>`...)
	_, err := x.out.Write(x.line)
	return err
}

func (x *streamed) appendPlace(b []byte, letter string, style int) []byte {
	b = strconv.AppendInt(append(append(b, `<c r="`...), letter...), int64(x.row), 10)
	return strconv.AppendInt(append(b, `" s="`...), int64(style), 10)
}

func (x *streamed) appendNumber(b []byte, letter string, style int, v string) []byte {
	return append(append(append(x.appendPlace(b, letter, style), `"><v>`...), v...), `</v></c>`...)
}

func (x *streamed) appendText(b []byte, letter string, style int, v string) []byte {
	b = append(x.appendPlace(b, letter, style), `" t="inlineStr"><is><t`...)
	if v != "" && (v[0] <= ' ' || v[len(v)-1] <= ' ' || strings.Contains(v, "\n")) {
		b = append(b, ` xml:space="preserve"`...)
	}
	return append(appendEscaped(append(b, '>'), v), `</t></is></c>`...)
}

// appendEscaped writes text as XML; what XML has no sign for goes as _xHHHH_,
// and what reads like that already has its underscore escaped.
func appendEscaped(b []byte, v string) []byte {
	from := 0
	for i := 0; i < len(v); {
		c := v[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '&' && c != '<' && c != '>' && c != '_' {
			i++
			continue
		}
		size, with := 1, ""
		switch {
		case c == '&':
			with = "&amp;"
		case c == '<':
			with = "&lt;"
		case c == '>':
			with = "&gt;"
		case c == '_' && looksEscaped(v[i:]):
			with = "_x005F_"
		case c == '\t' || c == '\n' || c == '_':
		case c < ' ':
			with = fmt.Sprintf("_x%04X_", c)
		default:
			var r rune
			if r, size = utf8.DecodeRuneInString(v[i:]); r == '\uFFFE' || r == '\uFFFF' || (r == utf8.RuneError && size == 1) {
				with = "\uFFFD"
			}
		}
		if with != "" {
			b = append(append(b, v[from:i]...), with...)
			from = i + size
		}
		i += size
	}
	return append(b, v[from:]...)
}

func looksEscaped(v string) bool {
	if len(v) < 7 || v[1] != 'x' || v[6] != '_' {
		return false
	}
	_, err := strconv.ParseUint(v[2:6], 16, 16)
	return err == nil
}

func utf16Length(v string) int {
	n := 0
	for _, r := range v {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

// plainNumber reports whether a text is a decimal number that a spreadsheet
// keeps to its last figure.
func plainNumber(v string) bool {
	whole, part, point := strings.Cut(v, ".")
	digits := strings.TrimPrefix(whole, "-")
	if digits == "" || (point && part == "") || len(digits)+len(part) > 15 || (len(digits) > 1 && digits[0] == '0') {
		return false
	}
	return strings.Trim(digits+part, "0123456789") == ""
}

// daySerial returns the number by which a spreadsheet knows a day, which for
// those before March 1900 differs from program to program.
func daySerial(v string) (int, bool) {
	day, err := time.Parse(time.DateOnly, v)
	serial := int(day.Unix()/86400) + 25569
	return serial, err == nil && serial > 60
}

// close ends the open sheet.
func (x *streamed) close() error {
	_, err := x.out.WriteString(`</sheetData><pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/></worksheet>`)
	return errors.Join(err, x.out.Flush())
}

// index writes which sheets there are.
func (x *streamed) index() error {
	book := xmlHead + `<workbook ` + mainNS + ` xmlns:r="` + relNS + `"><sheets>`
	rels := xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	for n := 1; n <= x.sheets; n++ {
		book += fmt.Sprintf(`<sheet name="Sheet%d" sheetId="%d" r:id="rId%d"/>`, n, n, n)
		rels += fmt.Sprintf(`<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, n, relNS, n)
	}
	rels += fmt.Sprintf(`<Relationship Id="rId%d" Type="%s/styles" Target="styles.xml"/></Relationships>`, x.sheets+1, relNS)
	return errors.Join(x.part("xl/workbook.xml", book+`</sheets></workbook>`), x.part("xl/_rels/workbook.xml.rels", rels))
}

// StreamCSV writes headings and rows of texts as CSV in UTF-8 with the mark that
// Excel needs. Text that a spreadsheet would take for a formula is neutralised.
func StreamCSV(w io.Writer, t Table, rows iter.Seq2[[]string, error]) error {
	out := bufio.NewWriterSize(w, 64<<10)
	line := []byte("\ufeff")
	for i, h := range t.Head {
		line = appendCSV(line, i, Neutral(h.Title))
	}
	if _, err := out.Write(append(line, "\r\n"...)); err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		line = line[:0]
		for i, v := range row {
			if t.Head[i].Kind != NumberColumn || !plainNumber(v) {
				v = Neutral(v)
			}
			line = appendCSV(line, i, v)
		}
		if _, err := out.Write(append(line, "\r\n"...)); err != nil {
			return err
		}
	}
	return out.Flush()
}

func appendCSV(line []byte, column int, v string) []byte {
	if column > 0 {
		line = append(line, ',')
	}
	if v == "" || (!strings.ContainsAny(v, "\",\r\n") && v[0] != ' ') {
		return append(line, v...)
	}
	return append(append(append(line, '"'), strings.ReplaceAll(v, `"`, `""`)...), '"')
}
