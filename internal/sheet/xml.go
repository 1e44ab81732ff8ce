package sheet

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// errXML is what every kind of broken XML comes to; the office can only save
// the file again.
var errXML = errors.New("sheet: not well-formed XML")

// maxToken bounds a tag with the text before it. A cell holds at most 32,767
// signs, each of at most ten bytes as an entity.
const maxToken = 1 << 20

// scanner cuts XML into tags and the text between them. It is many times faster
// than encoding/xml because it copies nothing and knows no namespaces; the
// caller looks at local names. Definitions of entities are refused, so that
// none can be expanded.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int // what is read and not yet handed out
}

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, 64<<10)} }

var bracket = []byte("<")

// next returns the text up to the next tag and that tag without its brackets.
// Both are good until the next call. At the end it returns io.EOF.
func (s *scanner) next() (text, tag []byte, err error) {
	open, err := s.find(0, bracket)
	if err != nil {
		return nil, nil, err
	}
	if err := s.need(open + 2); err != nil {
		return nil, nil, errXML
	}
	var last int // of the tag
	switch s.buf[s.pos+open+1] {
	case '!':
		last, err = s.special(open)
	case '?':
		last, err = s.find(open, []byte("?>"))
		last++
	default:
		last, err = s.endOfTag(open + 1)
	}
	if err != nil {
		return nil, nil, errXML
	}
	text, tag = s.buf[s.pos:s.pos+open], s.buf[s.pos+open+1:s.pos+last]
	s.pos += last + 1
	return text, tag, nil
}

// special finds the end of a comment or of a CDATA section.
func (s *scanner) special(open int) (int, error) {
	if s.need(open+4) == nil && string(s.buf[s.pos+open:s.pos+open+4]) == "<!--" {
		last, err := s.find(open+4, []byte("-->"))
		return last + 2, err
	}
	if s.need(open+9) == nil && string(s.buf[s.pos+open:s.pos+open+9]) == "<![CDATA[" {
		last, err := s.find(open+9, []byte("]]>"))
		return last + 2, err
	}
	return 0, errXML
}

// endOfTag finds the bracket that closes a tag, which is not one in quotes.
func (s *scanner) endOfTag(from int) (int, error) {
	for quote := byte(0); ; {
		unread := s.buf[s.pos:s.end]
		for ; from < len(unread); from++ {
			switch c := unread[from]; {
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '>':
				return from, nil
			case c == '"' || c == '\'':
				quote = c
			case c == '<':
				return 0, errXML
			}
		}
		if err := s.more(); err != nil {
			return 0, err
		}
	}
}

// find returns where what begins, counted from the unread text, at from or later.
func (s *scanner) find(from int, what []byte) (int, error) {
	for {
		if from < s.end-s.pos {
			if i := bytes.Index(s.buf[s.pos+from:s.end], what); i >= 0 {
				return from + i, nil
			}
			from = max(from, s.end-s.pos-len(what)+1)
		}
		if err := s.more(); err != nil {
			return 0, err
		}
	}
}

// need reads until n bytes are there.
func (s *scanner) need(n int) error {
	for s.end-s.pos < n {
		if err := s.more(); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) more() error {
	if s.pos > 0 {
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	if s.end == len(s.buf) {
		if len(s.buf) >= maxToken {
			return errXML
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		if s.end += n; n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// nameOf returns the name of a tag without its prefix and whether it closes an
// element.
func nameOf(tag []byte) (name []byte, closing bool) {
	if len(tag) > 0 && tag[0] == '/' {
		tag, closing = tag[1:], true
	}
	start, end := 0, 0
	for end < len(tag) && tag[end] != '/' && !isBlank(tag[end]) {
		if end++; tag[end-1] == ':' {
			start = end
		}
	}
	return tag[start:end], closing
}

func isEmptyTag(tag []byte) bool { return len(tag) > 0 && tag[len(tag)-1] == '/' }

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// attributes calls with each attribute of a tag, values as they are written.
func attributes(tag []byte, with func(name, value []byte)) error {
	i := 0
	for i < len(tag) && !isBlank(tag[i]) {
		i++
	}
	for {
		for i < len(tag) && isBlank(tag[i]) {
			i++
		}
		if i >= len(tag) || tag[i] == '/' {
			return nil
		}
		start := i
		for i < len(tag) && tag[i] != '=' && !isBlank(tag[i]) {
			i++
		}
		name := tag[start:i]
		for i < len(tag) && (isBlank(tag[i]) || tag[i] == '=') {
			i++
		}
		if i >= len(tag) || (tag[i] != '"' && tag[i] != '\'') {
			return errXML
		}
		length := bytes.IndexByte(tag[i+1:], tag[i])
		if length < 0 {
			return errXML
		}
		with(name, tag[i+1:i+1+length])
		i += length + 2
	}
}

// appendText adds a stretch of character data to dst: entities are resolved,
// line ends are \n, and what XML does not permit fails.
func appendText(dst, raw []byte) ([]byte, error) {
	if !utf8.Valid(raw) {
		return dst, errXML
	}
	for len(raw) > 0 {
		n := 0
		for n < len(raw) && raw[n] != '&' && (raw[n] >= ' ' || raw[n] == '\n' || raw[n] == '\t') {
			n++
		}
		dst = append(dst, raw[:n]...)
		if raw = raw[n:]; len(raw) == 0 {
			break
		}
		switch raw[0] {
		case '\r':
			if len(raw) == 1 || raw[1] != '\n' {
				dst = append(dst, '\n')
			}
			raw = raw[1:]
		case '&':
			end := bytes.IndexByte(raw, ';')
			if end < 0 {
				return dst, errXML
			}
			r, ok := entity(string(raw[1:end]))
			if !ok {
				return dst, errXML
			}
			dst, raw = utf8.AppendRune(dst, r), raw[end+1:]
		default:
			return dst, errXML
		}
	}
	return dst, nil
}

func entity(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	number, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(number, "x"); ok {
		number, base = hex, 16
	}
	n, err := strconv.ParseUint(number, base, 31)
	return rune(n), err == nil && permitted(rune(n))
}

// permitted reports whether XML 1.0 has the sign.
func permitted(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || (r >= ' ' && r <= 0xD7FF) || (r >= 0xE000 && r <= 0xFFFD) || (r >= 0x10000 && r <= utf8.MaxRune)
}

var escaped = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescape resolves the _x000D_ with which workbooks write signs that XML does
// not have. What would be no text, a NUL for one, stays as it is written.
func unescape(text []byte) []byte {
	if !bytes.Contains(text, []byte("_x")) {
		return text
	}
	return escaped.ReplaceAllFunc(text, func(code []byte) []byte {
		n, err := strconv.ParseUint(string(code[2:6]), 16, 16)
		if err != nil || !permitted(rune(n)) {
			return code
		}
		return utf8.AppendRune(nil, rune(n))
	})
}

var declaredEncoding = regexp.MustCompile(`^<\?xml[^>]*encoding=["']([A-Za-z0-9_.-]+)["']`)

// utf8XML turns a part in another encoding into UTF-8, which nearly all have.
func utf8XML(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 32<<10)
	head, err := b.Peek(200)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte{0xFF, 0xFE}) || bytes.HasPrefix(head, []byte{0xFE, 0xFF}) {
		return unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Reader(b), nil
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		if _, err := b.Discard(3); err != nil {
			return nil, err
		}
		head = head[3:]
	}
	m := declaredEncoding.FindSubmatch(head)
	if m == nil {
		return b, nil
	}
	switch strings.ToLower(string(m[1])) {
	case "utf-8", "utf8", "us-ascii":
		return b, nil
	case "gbk", "gb2312", "gb18030":
		return simplifiedchinese.GB18030.NewDecoder().Reader(b), nil
	}
	return nil, errXML
}
