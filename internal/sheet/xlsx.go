package sheet

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"iter"
	"path"
	"strings"
)

// workbook is what has to be known of an .xlsx file to read one of its sheets.
type workbook struct {
	parts  archive
	shared sharedStrings
	sheets []sheetPart
	from04 bool   // days count from 1904
	isDay  []bool // by cell style; only filled if from04
}

type sheetPart struct{ name, part string }

// maxSmallPart bounds the parts that are read whole: directory, relations, styles.
const maxSmallPart = 16 << 20

func openXLSX(r io.ReaderAt, size int64) (*Book, error) {
	parts, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	w := workbook{parts: parts}
	if err := w.open(); err != nil {
		return nil, err
	}
	for i, s := range w.sheets {
		for _, err := range w.rows(s.part) {
			if err != nil {
				return nil, err
			}
			return w.book(s, w.sheets[i+1:]), nil
		}
	}
	return nil, refuse("empty_file", "工作簿中可见的工作表都是空的", "the sheets in sight hold nothing", "请检查是否选错文件，或取消隐藏工作表", "check whether this is the right file, or show the hidden sheet")
}

func (w *workbook) book(s sheetPart, other []sheetPart) *Book {
	return &Book{Kind: "xlsx", SheetName: s.name, Encoding: "UTF-8", rows: w.rows(s.part), other: other, from: w}
}

// open reads the directory of the workbook: its sheets in sight, in order.
func (w *workbook) open() error {
	root, err := w.relations("_rels/.rels", "")
	if err != nil {
		return err
	}
	main := root.byType("/officeDocument")
	if main == "" || !strings.HasSuffix(main, ".xml") {
		return refuse("not_xlsx", "这不是 .xlsx 工作簿", "this is not an .xlsx workbook", "请用 WPS 或 Excel 打开后“另存为” .xlsx 再上传", "open it in WPS or Excel, save it as .xlsx and upload that")
	}
	related, err := w.relations(path.Join(path.Dir(main), "_rels", path.Base(main)+".rels"), path.Dir(main))
	if err != nil {
		return err
	}
	var directory struct {
		Properties struct {
			From04 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name  string     `xml:"name,attr"`
			State string     `xml:"state,attr"`
			Attrs []xml.Attr `xml:",any,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := w.decode(main, &directory); err != nil {
		return err
	}
	hidden := 0
	for _, s := range directory.Sheets {
		if s.State == "hidden" || s.State == "veryHidden" {
			hidden++
			continue
		}
		for _, a := range s.Attrs {
			if r := related[a.Value]; a.Name.Local == "id" && strings.HasSuffix(r.kind, "/worksheet") {
				w.sheets = append(w.sheets, sheetPart{s.Name, r.target})
			}
		}
	}
	if len(w.sheets) == 0 && len(directory.Sheets) > 0 && hidden == len(directory.Sheets) {
		return refuse("hidden_sheets", "工作簿中的工作表都被隐藏", "every sheet of the workbook is hidden", "请取消隐藏需要导入的工作表后重新保存", "show the sheet that is to be imported and save it again")
	}
	if len(w.sheets) == 0 {
		return damaged()
	}
	if w.from04 = directory.Properties.From04 == "1" || directory.Properties.From04 == "true"; w.from04 {
		if err := w.readStyles(related.byType("/styles")); err != nil {
			return err
		}
	}
	if part := related.byType("/sharedStrings"); part != "" {
		return w.readShared(part)
	}
	return nil
}

// relations of a part: what it refers to, by id.
type relations map[string]struct{ kind, target string }

// byType returns the part of a kind. The beginning of a kind's name differs
// between the two editions of the format, its end does not.
func (r relations) byType(kind string) string {
	for _, one := range r {
		if strings.HasSuffix(one.kind, kind) {
			return one.target
		}
	}
	return ""
}

func (w *workbook) relations(part, base string) (relations, error) {
	var list struct {
		Relations []struct {
			ID     string `xml:"Id,attr"`
			Type   string `xml:"Type,attr"`
			Target string `xml:"Target,attr"`
			Mode   string `xml:"TargetMode,attr"`
		} `xml:"Relationship"`
	}
	if err := w.decode(part, &list); err != nil {
		return nil, err
	}
	found := relations{}
	for _, r := range list.Relations {
		target, absolute := strings.CutPrefix(r.Target, "/")
		if !absolute {
			target = path.Join(base, target)
		}
		if r.Mode != "External" {
			found[r.ID] = struct{ kind, target string }{r.Type, target}
		}
	}
	return found, nil
}

// reader opens a part as UTF-8.
func (w *workbook) reader(part string) (io.Reader, io.Closer, error) {
	f := w.parts[strings.ToLower(part)]
	if f == nil {
		return nil, nil, damaged()
	}
	r, err := f.Open()
	if err != nil {
		return nil, nil, damaged()
	}
	text, err := utf8XML(r)
	if err != nil {
		return nil, nil, errors.Join(damaged(), r.Close())
	}
	return text, r, nil
}

// decode reads a small part whole. encoding/xml resolves no entities but the
// five of XML.
func (w *workbook) decode(part string, into any) error {
	r, closer, err := w.reader(part)
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }() // only read from
	d := xml.NewDecoder(io.LimitReader(r, maxSmallPart))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 by now
	if err := d.Decode(into); err != nil {
		return damaged()
	}
	return nil
}

// sharedStrings is the texts that cells refer to by number, one after the other
// in one string.
type sharedStrings struct {
	text string
	ends []uint32
}

// maxShared bounds the table, maxSharedBytes its part: they are held in memory,
// while the rows are not.
const (
	maxShared      = 8 << 20
	maxSharedBytes = 256 << 20
)

func (s sharedStrings) at(i int) (string, bool) {
	if i < 0 || i >= len(s.ends) {
		return "", false
	}
	start := uint32(0)
	if i > 0 {
		start = s.ends[i-1]
	}
	return s.text[start:s.ends[i]], true
}

func (w *workbook) readShared(part string) error {
	if f := w.parts[strings.ToLower(part)]; f != nil && f.UncompressedSize64 > maxSharedBytes {
		return tooMuch()
	}
	r, closer, err := w.reader(part)
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }() // only read from
	var c collector
	var all []byte
	for scan := newScanner(r); ; {
		text, tag, err := scan.next()
		if errors.Is(err, io.EOF) {
			break
		}
		var name []byte
		var closing bool
		if err == nil {
			name, closing, err = c.take(text, tag)
		}
		if err != nil {
			return damaged()
		}
		if string(name) == "si" && (closing || isEmptyTag(tag)) {
			all = append(all, unescape(c.text)...)
			w.shared.ends = append(w.shared.ends, uint32(len(all))) // an archive is far below 4 GiB
			c.text = c.text[:0]
		}
		if len(w.shared.ends) > maxShared {
			return damaged()
		}
	}
	w.shared.text = string(all)
	return nil
}

// collector gathers the text of values and of strings with all of their runs,
// but without the readings that East Asian programs keep beside them.
type collector struct {
	text     []byte
	open     bool // inside <v> or <t>
	phonetic bool // inside <rPh>
}

var cdata = []byte("![CDATA[")

// take adds the text before a tag and returns the tag's name.
func (c *collector) take(text, tag []byte) (name []byte, closing bool, err error) {
	if len(tag) == 0 {
		return nil, false, errXML
	}
	if c.open {
		c.text, err = appendText(c.text, text)
		if err == nil && bytes.HasPrefix(tag, cdata) {
			c.text, err = appendText(c.text, bytes.ReplaceAll(tag[len(cdata):len(tag)-2], []byte("&"), []byte("&amp;")))
		}
		if err != nil {
			return nil, false, err
		}
	}
	name, closing = nameOf(tag)
	switch opens := !closing && !isEmptyTag(tag); string(name) {
	case "t":
		c.open = opens && !c.phonetic
	case "v":
		c.open = opens
	case "rPh":
		c.phonetic = opens
	}
	return name, closing, nil
}

// rows yields the rows of a sheet that hold anything.
func (w *workbook) rows(part string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		r, closer, err := w.reader(part)
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer func() { _ = closer.Close() }() // only read from
		s := sheetReader{workbook: w, scan: newScanner(r)}
		for {
			row, err := s.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}
