package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// textFile is a text file whose encoding was found out. It is read from its
// beginning each time, a piece after the other.
type textFile struct {
	from     io.ReaderAt
	size     int64
	skip     int64 // the mark at the beginning
	encoding string
	oldLines bool // lines end in CR alone, as old programs for the Mac end them
}

func openCSV(name string, r io.ReaderAt, size int64) (*Book, error) {
	f, blank, err := decodeText(r, size)
	if err != nil {
		return nil, err
	}
	if blank {
		return nil, emptyFile()
	}
	head, err := io.ReadAll(io.LimitReader(f.open(), headBytes))
	if err != nil {
		return nil, fmt.Errorf("sheet: read: %w", err)
	}
	text, separator := string(head), byte(0)
	declared := 0 // bytes of a line that only says the separator
	if len(text) > 4 && strings.EqualFold(text[:4], "sep=") {
		line, rest, _ := strings.Cut(text, "\n")
		if given := strings.TrimRight(line[4:], "\r"); len(given) == 1 {
			separator, declared = given[0], len(text)-len(rest)
			if strings.TrimSpace(rest) == "" {
				return nil, emptyFile()
			}
		}
	}
	if separator == 0 {
		separator = separatorOf(text)
	}
	return &Book{Kind: "csv", SheetName: name, Encoding: f.encoding, rows: csvRows(f.open, declared, separator)}, nil
}

// decodeText finds the encoding of a CSV file, which comes in UTF-8 with or
// without a mark, UTF-16 with one, else GB18030, of which GBK and GB2312 are
// parts. It reads the file once and reports whether it holds nothing.
func decodeText(r io.ReaderAt, size int64) (f textFile, blank bool, err error) {
	f = textFile{from: r, size: size, encoding: "UTF-8"}
	mark, err := headOf(r, size, 3)
	switch {
	case err != nil:
		return f, false, err
	case bytes.HasPrefix(mark, []byte{0xEF, 0xBB, 0xBF}):
		f.skip = 3
	case bytes.HasPrefix(mark, []byte{0xFF, 0xFE}), bytes.HasPrefix(mark, []byte{0xFE, 0xFF}):
		f.encoding = "UTF-16"
	}
	for {
		seen, err := lookAt(f.open())
		switch {
		case err != nil || seen.nul:
		case !seen.invalid && (f.encoding == "UTF-8" || !seen.replaced):
			f.oldLines = seen.cr && !seen.lf
			return f, seen.blank, nil
		case f.encoding == "UTF-8" && f.skip == 0:
			f.encoding = "GB18030"
			continue
		}
		return f, false, refuse("encoding", "无法识别文件编码", "the encoding of the file is not known", "请另存为 .xlsx 或 UTF-8 编码的 CSV", "save it as .xlsx or as CSV in UTF-8")
	}
}

// open reads the text from its beginning as UTF-8.
func (f textFile) open() io.Reader {
	var r io.Reader = io.NewSectionReader(f.from, f.skip, f.size-f.skip)
	switch f.encoding {
	case "UTF-16":
		r = transform.NewReader(r, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder())
	case "GB18030":
		r = transform.NewReader(r, simplifiedchinese.GB18030.NewDecoder())
	}
	if f.oldLines {
		r = lineEnds{r}
	}
	return r
}

// lineEnds makes LF of every CR.
type lineEnds struct{ io.Reader }

func (l lineEnds) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	for i, c := range p[:n] {
		if c == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// signs are what was met in a text.
type signs struct{ invalid, replaced, nul, cr, lf, blank bool }

// lookAt reads a text whole, a piece after the other.
func lookAt(r io.Reader) (s signs, err error) {
	s.blank = true
	buffer := make([]byte, 256<<10)
	kept := 0 // bytes of a sign that goes on in the next piece
	for {
		n, err := r.Read(buffer[kept:])
		piece := buffer[:kept+n]
		end := len(piece)
		if err == nil { // leave a sign that is cut
			for i := 1; i <= min(utf8.UTFMax-1, end); i++ {
				if c := piece[end-i]; utf8.RuneStart(c) {
					if c >= utf8.RuneSelf && !utf8.FullRune(piece[end-i:]) {
						end -= i
					}
					break
				}
			}
		}
		whole := piece[:end]
		s.invalid = s.invalid || !utf8.Valid(whole)
		s.nul = s.nul || bytes.IndexByte(whole, 0) >= 0
		s.cr, s.lf = s.cr || bytes.IndexByte(whole, '\r') >= 0, s.lf || bytes.IndexByte(whole, '\n') >= 0
		s.replaced = s.replaced || bytes.Contains(whole, []byte(string(utf8.RuneError)))
		s.blank = s.blank && len(bytes.TrimSpace(whole)) == 0
		kept = copy(buffer, piece[end:])
		switch {
		case errors.Is(err, io.EOF):
			return s, nil
		case err != nil:
			return s, err
		case s.invalid || s.nul:
			return s, nil
		}
	}
}

// separatorOf is the sign that stands most often in one of the first lines.
func separatorOf(text string) byte {
	best, most := byte(','), 0
	for range headerDepth {
		line, rest, more := strings.Cut(text, "\n")
		for _, candidate := range []byte(",\t;|") {
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
	from      io.Reader
	over      bool   // from has nothing more
	text      string // what is read and not yet cut
	buffer    []byte // of the piece that is read
	cut       bool   // the last record came to the end of the text, which may go on
	separator byte
	record    int // number of the last record, from 1
	width     int // cells of the last record
}

const (
	csvPiece  = 256 << 10
	maxRecord = 16 << 20 // a longer one is a quote without its partner
)

func csvRows(open func() io.Reader, skip int, separator byte) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		r := csvReader{from: open(), separator: separator, buffer: make([]byte, csvPiece)}
		if _, err := io.CopyN(io.Discard, r.from, int64(skip)); err != nil && skip > 0 {
			yield(Row{}, fmt.Errorf("sheet: read: %w", err))
			return
		}
		for {
			cells, err := r.whole()
			if errors.Is(err, io.EOF) {
				return
			}
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

// whole reads one record, and of the text as much more as it takes. io.EOF says
// that there is none.
func (r *csvReader) whole() (cells []string, err error) {
	for {
		if r.text == "" {
			if r.over {
				return nil, io.EOF
			}
			if err := r.more(); err != nil {
				return nil, err
			}
			continue
		}
		start, record := r.text, r.record
		r.cut = false
		cells, err = r.next()
		if !r.cut || r.over {
			return cells, err
		}
		if len(start) > maxRecord {
			return nil, r.unpaired()
		}
		r.text, r.record = start, record
		if err := r.more(); err != nil {
			return nil, err
		}
	}
}

// more reads on, as much again as there is, so that a long record costs no more
// than twice its length.
func (r *csvReader) more() error {
	want := max(csvPiece, len(r.text))
	if len(r.buffer) < want {
		r.buffer = make([]byte, want)
	}
	n, err := io.ReadFull(r.from, r.buffer[:want])
	r.text += string(r.buffer[:n])
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.over = true
	case err != nil:
		return fmt.Errorf("sheet: read: %w", err)
	}
	return nil
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
	r.cut = r.cut || n == len(r.text)
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
			r.cut = true
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
// formula, and the formula ="4301…" in which other programs wrap figures that a
// spreadsheet must leave alone.
func asTyped(value string) string {
	if text, ok := strings.CutPrefix(value, `="`); ok && strings.Count(text, `"`) == 1 && strings.HasSuffix(text, `"`) {
		return text[:len(text)-1]
	}
	if rest, ok := strings.CutPrefix(value, "'"); ok && Neutral(rest) != rest {
		return rest
	}
	return value
}
