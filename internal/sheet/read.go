// Package sheet reads and writes the sheets that offices exchange: CSV in the
// encodings of China and XLSX. It knows rows and cells, not what they mean.
package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// Limits of what is read. A sheet over them is refused, not cut.
const (
	MaxRows     = 200_000
	MaxColumns  = 300
	maxParts    = 1000
	maxUnpacked = 512 << 20
	maxRatio    = 300 // unpacked to packed size of a part over 1 MiB
)

// Row is one row with data: its cells as they are stored, so that a day may
// come as a serial number. Number counts from 1, as the office does.
type Row struct {
	Number int
	Cells  []string
}

// Book is an opened sheet.
type Book struct {
	SheetName string
	rows      iter.Seq2[Row, error]
}

// Rows yields the rows that hold anything, in their order. It can be ranged
// over again.
func (b *Book) Rows() iter.Seq2[Row, error] { return b.rows }

func refuse(code, zh, en, mendZH, mendEN string) error {
	return fault.New(fault.Invalid, code, bilingual.T(zh, en)).WithMend(mendZH, mendEN)
}

// Open reads a file as what it is, whatever its name says. What cannot be read
// fails with Invalid and says how to save it instead.
func Open(name string, data []byte) (*Book, error) {
	saveAs := func(code, zh, en string) error {
		return refuse(code, zh, en, "请用 WPS 或 Excel 打开后“另存为” .xlsx 再上传", "open it in WPS or Excel, save it as .xlsx and upload that")
	}
	switch {
	case len(data) == 0:
		return nil, refuse("empty_file", "文件是空的", "the file is empty", "请重新选择文件", "choose the file again")
	case bytes.HasPrefix(data, []byte{0xD0, 0xCF, 0x11, 0xE0}):
		if bytes.Contains(data, utf16Name("EncryptedPackage")) {
			return nil, refuse("encrypted", "文件有密码保护", "the file is protected by a password", "请取消密码后重新保存", "save it without the password")
		}
		return nil, saveAs("legacy_xls", "不支持旧版 .xls 或 .et 文件", "old .xls and .et files are not read")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return openXLSX(data)
	case bytes.HasPrefix(data, []byte("%PDF")):
		return nil, saveAs("pdf", "这是 PDF 文件，不是表格", "this is a PDF, not a sheet")
	case looksLikeHTML(data):
		return nil, saveAs("html", "这是网页格式的 .xls 文件", "this is a web page saved as .xls")
	}
	return openCSV(name, data)
}

func utf16Name(s string) []byte {
	var b []byte
	for i := range len(s) {
		b = append(b, s[i], 0)
	}
	return b
}

func looksLikeHTML(data []byte) bool {
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 512)], "\xef\xbb\xbf \r\n\t"))
	return bytes.HasPrefix(head, []byte("<html")) || bytes.HasPrefix(head, []byte("<!doctype")) || bytes.HasPrefix(head, []byte("<table")) || bytes.HasPrefix(head, []byte("<?xml"))
}

// guardZip refuses an archive that would unpack to far more than it is, before
// anything of it is unpacked.
func guardZip(data []byte) error {
	damaged := refuse("damaged", "文件已损坏，不是有效的 .xlsx", "the file is damaged, it is not a valid .xlsx", "请重新保存后上传", "save it again and upload that")
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return damaged
	}
	bomb := refuse("unpacks_too_large", "文件解压后过大", "the file unpacks to too much", "请删除图片和空白行列后重新保存", "remove pictures and blank rows and columns and save it again")
	if len(archive.File) > maxParts {
		return bomb
	}
	total := uint64(0)
	sheets := false
	for _, part := range archive.File {
		total += part.UncompressedSize64
		if total > maxUnpacked || (part.UncompressedSize64 > 1<<20 && part.UncompressedSize64/max(1, part.CompressedSize64) > maxRatio) {
			return bomb
		}
		sheets = sheets || strings.HasPrefix(part.Name, "xl/worksheets/")
	}
	if !sheets {
		return damaged
	}
	return nil
}

func openXLSX(data []byte) (*Book, error) {
	if err := guardZip(data); err != nil {
		return nil, err
	}
	damaged := refuse("damaged", "文件已损坏，不是有效的 .xlsx", "the file is damaged, it is not a valid .xlsx", "请用 WPS 或 Excel 重新保存后上传", "save it again in WPS or Excel and upload that")
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true, UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked})
	if err != nil {
		return nil, damaged
	}
	name := ""
	for _, candidate := range f.GetSheetList() {
		if visible, err := f.GetSheetVisible(candidate); err == nil && visible {
			name = candidate
			break
		}
	}
	if name == "" {
		return nil, damaged
	}
	return &Book{SheetName: name, rows: func(yield func(Row, error) bool) {
		rows, err := f.Rows(name)
		if err != nil {
			yield(Row{}, damaged)
			return
		}
		defer func() { _ = rows.Close() }()
		for number := 1; rows.Next(); number++ {
			texts, err := rows.Columns(excelize.Options{RawCellValue: true})
			if err != nil {
				yield(Row{}, damaged)
				return
			}
			if row, ok := rowOf(number, texts); ok {
				if err := within(row); err != nil {
					yield(row, err)
					return
				}
				if !yield(row, nil) {
					return
				}
			}
		}
		if rows.Error() != nil {
			yield(Row{}, damaged)
		}
	}}, nil
}

func rowOf(number int, texts []string) (Row, bool) {
	for _, text := range texts {
		if strings.TrimSpace(text) != "" {
			return Row{Number: number, Cells: texts}, true
		}
	}
	return Row{Number: number}, false
}

func within(row Row) error {
	if row.Number > MaxRows {
		return refuse("too_many_rows", fmt.Sprintf("超过 %d 行", MaxRows), fmt.Sprintf("more than %d rows", MaxRows), "请拆分后分别上传", "split it and upload the parts")
	}
	if len(row.Cells) > MaxColumns {
		return refuse("too_many_columns", fmt.Sprintf("超过 %d 列", MaxColumns), fmt.Sprintf("more than %d columns", MaxColumns), "请删除多余的列", "remove the columns that are not needed")
	}
	return nil
}

func openCSV(name string, data []byte) (*Book, error) {
	text, err := decodeText(data)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(strings.ToLower(text), "sep=") {
		_, text, _ = strings.Cut(text, "\n")
	}
	comma := separator(text)
	return &Book{SheetName: name, rows: func(yield func(Row, error) bool) {
		reader := csv.NewReader(strings.NewReader(text))
		reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = comma, true, -1
		for {
			texts, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				line, _ := reader.FieldPos(0)
				yield(Row{}, refuse("csv", fmt.Sprintf("第 %d 行附近的引号不成对", line), fmt.Sprintf("quotes do not match near line %d", line),
					"请检查引号，或另存为 .xlsx 再上传", "check the quotes, or save it as .xlsx"))
				return
			}
			// Blank lines are skipped by the reader, but the office counts them.
			number, _ := reader.FieldPos(0)
			if row, ok := rowOf(number, texts); ok {
				if err := within(row); err != nil {
					yield(row, err)
					return
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}}, nil
}

// decodeText reads the encodings in which CSV files come: UTF-8 with or
// without a mark, UTF-16 with one, else GB18030, of which GBK and GB2312 are parts.
func decodeText(data []byte) (string, error) {
	unreadable := refuse("encoding", "无法识别文件编码", "the encoding of the file is not known", "请另存为 .xlsx 或 UTF-8 编码的 CSV", "save it as .xlsx or as CSV in UTF-8")
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		data = data[3:]
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		text, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(data)
		if err != nil {
			return "", unreadable
		}
		data = text
	case !utf8.Valid(data):
		text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
		if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
			return "", unreadable
		}
		data = text
	}
	if bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data) {
		return "", unreadable
	}
	return string(data), nil
}

// separator is the sign that stands most often in the first lines.
func separator(text string) rune {
	head := text[:min(len(text), 4096)]
	best, count := ',', strings.Count(head, ",")
	for _, candidate := range []rune{'\t', ';'} {
		if n := strings.Count(head, string(candidate)); n > count {
			best, count = candidate, n
		}
	}
	return best
}

// Column is one column of a header.
type Column struct {
	Index   int // from 0
	Letter  string
	Heading string
	Key     string // what the heading stands for, "" for a column that is left out
}

// Header is the row of headings.
type Header struct {
	Row      int
	Columns  []Column // those with a known key
	Unmapped []Column // those with an unknown heading
}

// headerDepth is how far down a header is looked for.
const headerDepth = 15

// FindHeader returns the row among the first ones with the most known headings;
// titles and groups above it are passed over. match returns the key of a
// heading, or "" and true for one to leave out. A heading that stands twice
// fails with Invalid repeated_column.
func FindHeader(b *Book, match func(heading string) (key string, known bool)) (Header, error) {
	best, most := Header{}, 2
	read := 0
	for row, err := range b.Rows() {
		if err != nil {
			return Header{}, err
		}
		if read++; read > headerDepth {
			break
		}
		h := Header{Row: row.Number}
		for i, cell := range row.Cells {
			heading := strings.Join(strings.Fields(cell), " ")
			if heading == "" {
				continue
			}
			column := Column{Index: i, Letter: ColumnLetter(i), Heading: heading}
			key, known := match(heading)
			column.Key = key
			switch {
			case key != "":
				h.Columns = append(h.Columns, column)
			case !known:
				h.Unmapped = append(h.Unmapped, column)
			}
		}
		if len(h.Columns) > most {
			best, most = h, len(h.Columns)
		}
	}
	if best.Row == 0 {
		return best, refuse("no_header", "没有找到表头", "no row of headings was found", "请保留表头行，或下载模板对照", "keep the row of headings, or compare with the template")
	}
	seen := map[string]Column{}
	for _, c := range best.Columns {
		if first, twice := seen[c.Key]; twice {
			return best, refuse("repeated_column", fmt.Sprintf("%s 列“%s”与 %s 列“%s”是同一项", c.Letter, c.Heading, first.Letter, first.Heading),
				fmt.Sprintf("column %s %q and column %s %q are the same field", c.Letter, c.Heading, first.Letter, first.Heading), "请只保留其中一列", "keep one of the two")
		}
		seen[c.Key] = c
	}
	return best, nil
}

// totals are the first words of rows that are not data.
var totals = []string{"合计", "总计", "小计", "累计", "填表人", "审核人", "制表人", "签发人", "填报人", "填报单位", "备注", "说明", "注：", "注:", "示例", "TOTAL"}

// IsTotals reports whether a row is one of totals, signatures or remarks, or
// the example row of a template.
func IsTotals(r Row) bool {
	for _, c := range r.Cells {
		text := strings.ToUpper(strings.TrimSpace(c))
		if text == "" {
			continue
		}
		for _, word := range totals {
			if strings.HasPrefix(text, word) {
				return true
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
