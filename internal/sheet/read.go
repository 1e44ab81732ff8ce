// Package sheet reads and writes the sheets that offices exchange: CSV in the
// encodings of China and XLSX. It knows rows and cells, not what they mean.
package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// Limits of what is read. A sheet over them is refused, not cut.
const (
	MaxRows    = 1_010_000 // a million and what stands above them
	MaxColumns = 300
)

// Row is one row with data: its cells as they are stored, so that a day may
// come as a serial number. Number counts from 1, as the office does.
type Row struct {
	Number int
	Cells  []string
	Hidden bool // by a filter or by hand

	numbers [(MaxColumns + 63) / 64]uint64
}

// Numeric reports whether the cell of a column, from 0, is stored as a number.
// A spreadsheet keeps 15 figures of a number, so that a longer identifier in
// such a cell has lost its end. CSV has only text.
func (r Row) Numeric(column int) bool {
	return column >= 0 && column < MaxColumns && r.numbers[column/64]&(1<<(column%64)) != 0
}

// Book is an opened sheet.
type Book struct {
	Kind      string // "xlsx" or "csv"
	SheetName string // of CSV the file's name
	Encoding  string // "UTF-8", "GB18030" or "UTF-16"

	rows  iter.Seq2[Row, error]
	other []sheetPart // further sheets in sight
	from  *workbook
}

// Sheet returns the sheet of a workbook that has a name, or b itself if there is
// none, as for a CSV file.
func (b *Book) Sheet(name string) *Book {
	for _, s := range b.other {
		if s.name == name {
			return b.from.book(s, nil)
		}
	}
	return b
}

// Picked is the sheet of a book that is read.
type Picked struct {
	*Book
	Header  Header
	Further []string // names of other sheets that hold data of the same kind and are not read
}

// Pick finds the sheet of a book that is meant and its header: the first one
// whose header has all required keys, as offices put pages of instructions and
// of sums in front, else the first one with any header. Without a header it
// fails as FindHeader does for the first sheet.
func Pick(b *Book, w Wording) (Picked, error) {
	first := Picked{Book: b}
	var firstErr error
	var whole []Picked
	for i, next := range b.sheets() {
		h, err := FindHeader(next, w)
		if i == 0 {
			first.Header, firstErr = h, err
		}
		switch {
		case err != nil && i == 0 && !isCode(err, "no_header"):
			return first, err // this is the sheet that is meant, and it is said what is wrong with it
		case err != nil:
		case h.has(w.Required):
			whole = append(whole, Picked{Book: next, Header: h})
		case firstErr != nil:
			first, firstErr = Picked{Book: next, Header: h}, nil
		}
	}
	if len(whole) == 0 {
		return first, firstErr
	}
	for _, other := range whole[1:] {
		if other.hasData() {
			whole[0].Further = append(whole[0].Further, other.SheetName)
		}
	}
	return whole[0], nil
}

// sheets are the book itself and the further sheets of its workbook.
func (b *Book) sheets() []*Book {
	all := []*Book{b}
	for _, s := range b.other {
		all = append(all, b.from.book(s, nil))
	}
	return all
}

func isCode(err error, code string) bool {
	var f *fault.Fault
	return errors.As(err, &f) && f.Code == code
}

func (h Header) has(keys []string) bool {
	for _, key := range keys {
		if !slices.ContainsFunc(h.Columns, func(c Column) bool { return c.Key == key }) {
			return false
		}
	}
	return true
}

// hasData reports whether there is a row of data below the header.
func (p Picked) hasData() bool {
	for row, err := range p.Rows() {
		if err != nil {
			return true // to be looked at, at least
		}
		if row.Number > p.Header.Row && !IsTotals(row) && !p.Header.NoData(row) {
			return true
		}
	}
	return false
}

// Rows yields the rows that hold anything, in their order, and at most one
// error as the last. It can be ranged over again.
func (b *Book) Rows() iter.Seq2[Row, error] { return b.rows }

func refuse(code, zh, en, mendZH, mendEN string) error {
	return fault.New(fault.Invalid, code, bilingual.T(zh, en)).WithMend(mendZH, mendEN)
}

// Open reads a file as what it is, whatever its name says. What cannot be read
// fails with Invalid and says how to save it instead.
func Open(name string, data []byte) (*Book, error) {
	return OpenReader(name, bytes.NewReader(data), int64(len(data)))
}

// OpenReader is Open for a file that is not held in memory: its rows are read
// from it while they are ranged over, so it must stay open until then.
func OpenReader(name string, r io.ReaderAt, size int64) (*Book, error) {
	saveAs := func(code, zh, en string) error {
		return refuse(code, zh, en, "请用 WPS 或 Excel 打开后“另存为” .xlsx 再上传", "open it in WPS or Excel, save it as .xlsx and upload that")
	}
	head, err := headOf(r, size, headBytes)
	if err != nil {
		return nil, err
	}
	switch {
	case size == 0:
		return nil, emptyFile()
	case bytes.HasPrefix(head, []byte{0xD0, 0xCF, 0x11, 0xE0}):
		if head, err = headOf(r, size, oldBytes); err == nil && bytes.Contains(head, utf16Name("EncryptedPackage")) {
			return nil, refuse("encrypted", "文件有密码保护", "the file is protected by a password", "请取消密码后重新保存", "save it without the password")
		}
		return nil, saveAs("legacy_xls", "不支持旧版 .xls 或 .et 文件", "old .xls and .et files are not read")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return openXLSX(r, size)
	case bytes.HasPrefix(head, []byte("%PDF")):
		return nil, saveAs("pdf", "这是 PDF 文件，不是表格", "this is a PDF, not a sheet")
	case looksLikeMarkup(head):
		return nil, saveAs("html", "这是网页或 XML 格式的 .xls 文件", "this is a web page or XML saved as .xls")
	}
	return openCSV(name, r, size)
}

const (
	headBytes = 64 << 10 // by which the kind of a file is told
	oldBytes  = 8 << 20  // in which an old file says that it is encrypted
)

func headOf(r io.ReaderAt, size, most int64) ([]byte, error) {
	head := make([]byte, min(size, most))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("sheet: read: %w", err)
	}
	return head, nil
}

func emptyFile() error {
	return refuse("empty_file", "文件是空的", "the file is empty", "请重新选择文件", "choose the file again")
}

func utf16Name(s string) []byte {
	var b []byte
	for i := range len(s) {
		b = append(b, s[i], 0)
	}
	return b
}

func looksLikeMarkup(data []byte) bool {
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 512)], "\xef\xbb\xbf \r\n\t"))
	for _, start := range []string{"<html", "<!doctype", "<table", "<?xml", "<meta", "<head", "<style"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return true
		}
	}
	return false
}

func holdsAnything(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return true
		}
	}
	return false
}

func within(row Row) error {
	if row.Number > MaxRows {
		return refuse("too_many_rows", fmt.Sprintf("超过 %d 行", MaxRows), fmt.Sprintf("more than %d rows", MaxRows), "请拆分后分别上传", "split it and upload the parts")
	}
	return nil
}

func tooManyColumns() error {
	return refuse("too_many_columns", fmt.Sprintf("超过 %d 列", MaxColumns), fmt.Sprintf("more than %d columns", MaxColumns), "请删除多余的列", "remove the columns that are not needed")
}
