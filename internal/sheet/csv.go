package sheet

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

func openCSV(name string, data []byte) (*Book, error) {
	text, encoding, err := decodeText(data)
	if err != nil {
		return nil, err
	}
	separator := byte(0)
	if len(text) > 4 && strings.EqualFold(text[:4], "sep=") {
		line, rest, _ := strings.Cut(text, "\n")
		if given := strings.TrimRight(line[4:], "\r"); len(given) == 1 {
			separator, text = given[0], rest
		}
	}
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n") // as old programs for the Mac end lines
	}
	if separator == 0 {
		separator = separatorOf(text)
	}
	if strings.TrimSpace(text) == "" {
		return nil, emptyFile()
	}
	return &Book{Kind: "csv", SheetName: name, Encoding: encoding, rows: csvRows(text, separator)}, nil
}

// decodeText reads the encodings in which CSV files come: UTF-8 with or
// without a mark, UTF-16 with one, else GB18030, of which GBK and GB2312 are parts.
func decodeText(data []byte) (text, encoding string, err error) {
	encoding = "UTF-8"
	foreign := false
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		data = data[3:]
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		encoding = "UTF-16"
		data, err = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(data)
	case !utf8.Valid(data):
		encoding = "GB18030"
		data, err = simplifiedchinese.GB18030.NewDecoder().Bytes(data)
		foreign = bytes.ContainsRune(data, utf8.RuneError)
	}
	if err != nil || foreign || bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data) {
		return "", "", refuse("encoding", "无法识别文件编码", "the encoding of the file is not known", "请另存为 .xlsx 或 UTF-8 编码的 CSV", "save it as .xlsx or as CSV in UTF-8")
	}
	return string(data), encoding, nil
}

// separatorOf is the sign that stands most often in one of the first lines.
func separatorOf(text string) byte {
	best, most := byte(','), 0
	for range headerDepth {
		line, rest, more := strings.Cut(text, "\n")
		for _, candidate := range []byte(",\t;") {
			if n := strings.Count(line, string(candidate)); n > most {
				best, most = candidate, n
			}
		}
		if text = rest; !more {
			break
		}
	}
	return best
}

// csvReader cuts text into records. encoding/csv does not do here: it tells
// neither how many blank lines it passed over, which the office counts, nor
// that a quote without its partner has swallowed the rest of the file, and it
// would take a record of millions of cells.
type csvReader struct {
	text      string
	separator byte
	record    int // number of the last record, from 1
	width     int // cells of the last record
}

func csvRows(text string, separator byte) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		r := csvReader{text: text, separator: separator}
		for r.text != "" {
			cells, err := r.next()
			if err != nil {
				yield(Row{Number: r.record}, err)
				return
			}
			row := Row{Number: r.record, Cells: cells}
			if !holdsAnything(cells) {
				continue
			}
			err = within(row)
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// next reads one record. A quote inside a cell is a sign like others; one that
// opens a cell and never closes it, or only rows later, is an error.
func (r *csvReader) next() (cells []string, err error) {
	r.record++
	cells = make([]string, 0, r.width)
	for {
		var value string
		var ends bool
		if strings.HasPrefix(r.text, `"`) {
			value, ends, err = r.quoted()
		} else {
			value, ends = r.plain()
		}
		if err != nil {
			return nil, err
		}
		if len(cells) < MaxColumns {
			cells = append(cells, asTyped(value))
		} else if strings.TrimSpace(value) != "" {
			return nil, tooManyColumns()
		}
		if ends {
			r.width = len(cells)
			return cells, nil
		}
	}
}

// plain reads a cell without quotes around it and reports whether it ends its
// record.
func (r *csvReader) plain() (value string, ends bool) {
	n := 0
	for n < len(r.text) && r.text[n] != r.separator && r.text[n] != '\n' {
		n++
	}
	value = r.text[:n]
	if ends = n == len(r.text) || r.text[n] == '\n'; ends {
		value = strings.TrimSuffix(value, "\r")
	}
	r.text = r.text[min(n+1, len(r.text)):]
	return value, ends
}

// quoted reads a cell that starts with a quote. What follows its closing quote
// belongs to it, as spreadsheets have it.
func (r *csvReader) quoted() (value string, ends bool, err error) {
	var b strings.Builder
	r.text = r.text[1:]
	for {
		n := strings.IndexByte(r.text, '"')
		if n < 0 {
			return "", false, r.unpaired()
		}
		b.WriteString(r.text[:n])
		if r.text = r.text[n+1:]; !strings.HasPrefix(r.text, `"`) {
			break
		}
		b.WriteByte('"')
		r.text = r.text[1:]
	}
	value = strings.ReplaceAll(b.String(), "\r\n", "\n")
	rest, ends := r.plain()
	if rest != "" && strings.Contains(value, "\n") {
		return "", false, r.unpaired() // the quote that closed it was meant to open another
	}
	return value + rest, ends, nil
}

func (r *csvReader) unpaired() error {
	return refuse("csv", fmt.Sprintf("第 %d 行的引号不成对", r.record), fmt.Sprintf("quotes do not match in row %d", r.record),
		"请检查引号，或另存为 .xlsx 再上传", "check the quotes, or save it as .xlsx")
}

// asTyped takes off the apostrophe that WriteCSV puts before what would be a
// formula.
func asTyped(value string) string {
	if rest, ok := strings.CutPrefix(value, "'"); ok && Neutral(rest) != rest {
		return rest
	}
	return value
}
