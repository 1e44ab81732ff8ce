package sheet

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"phaseout/internal/fault"
	"phaseout/internal/money"
)

func rowsIn(t testing.TB, b *Book) []Row {
	t.Helper()
	var rows []Row
	for r, err := range b.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

// TestCSVIsReadInEveryEncoding proves F15: with and without marks, in the
// separators that offices use, rows counted as the office counts them.
func TestCSVIsReadInEveryEncoding(t *testing.T) {
	text := "号牌号码,所有人\n湘A12345,\"某,公司\"\n\n湘A54321,㐀𠮷\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"UTF-8": []byte(text), "with a mark": append([]byte("\xef\xbb\xbf"), text...), "GB18030": gb, "UTF-16": utf16,
		"CRLF": []byte(strings.ReplaceAll(text, "\n", "\r\n")), "sep": []byte("sep=,\n" + text)} {
		b, err := Open("a.csv", data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rows := rowsIn(t, b)
		if len(rows) != 3 || rows[1].Cells[1] != "某,公司" || rows[2].Cells[1] != "㐀𠮷" || rows[2].Number != 4 {
			t.Errorf("%s: %v", name, rows)
		}
	}
	for _, separator := range []string{"\t", ";"} {
		b, err := Open("a.csv", []byte("号牌号码"+separator+"所有人\n湘A12345"+separator+"某公司\n"))
		if err != nil || len(rowsIn(t, b)[1].Cells) != 2 {
			t.Errorf("separator %q: %v", separator, err)
		}
	}
}

// TestHeaderIsFoundBelowTitles proves F15 and F17: titles and groups above are
// passed over, unknown columns listed, a repeated one refused by name.
func TestHeaderIsFoundBelowTitles(t *testing.T) {
	match := func(h string) (string, bool) {
		keys := map[string]string{"号牌号码": "plate", "车牌号": "plate", "车架号": "vin", "所有人": "owner", "日期": "day", "序号": ""}
		key, ok := keys[h]
		return key, ok
	}
	open := func(text string) *Book {
		b, err := Open("a.csv", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	h, err := FindHeader(open("某市清单,,,,\n,号牌信息,,所有人信息,\n序号,号牌号码,车架号,所有人,颜色\n1,湘A12345,X,某,红\n合计,1,,,\n"), Wording{Match: match})
	if err != nil || h.Row != 3 || len(h.Columns) != 3 || h.Columns[0].Letter != "B" || len(h.Unmapped) != 1 || h.Unmapped[0].Heading != "颜色" {
		t.Errorf("got %+v, %v", h, err)
	}
	if _, err := FindHeader(open("号牌号码,车牌号,车架号,所有人\n"), Wording{Match: match}); err == nil || !strings.Contains(err.Error(), "column B") {
		t.Errorf("a repeated column: %v", err)
	}
	if _, err := FindHeader(open("a,b\n1,2\n"), Wording{Match: match}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no header: %v", err)
	}
	for text, want := range map[string]bool{"合计": true, "　填表人：某": true, "示例": true, "1": false, "": false} {
		if got := IsTotals(Row{Cells: []string{"", text}}); got != want {
			t.Errorf("IsTotals(%q) = %v", text, got)
		}
	}
}

// TestBombsAndForeignFilesAreRefusedWithAMend proves F16's safety: what is not a
// sheet, or unpacks to too much, is refused before it is read.
func TestBombsAndForeignFilesAreRefusedWithAMend(t *testing.T) {
	var bomb bytes.Buffer
	w := zip.NewWriter(&bomb)
	part, err := w.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range 64 {
		if _, err := part.Write(blank); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"a bomb": bomb.Bytes(), "empty": nil, "old": {0xD0, 0xCF, 0x11, 0xE0}, "a picture in a zip": []byte("PK\x03\x04xx"), "binary": {0x00, 0x01, 0xff}, "a page": []byte(" <HTML>")} {
		b, err := Open("x.xlsx", data)
		f, isFault := fault.As(err)
		if b != nil || !isFault || f.Mend.ZH == "" {
			t.Errorf("%s: got %v, %v", name, b, err)
		}
	}
}

// TestWhatIsWrittenReadsBack proves F22's first form: title, notes, headings,
// numbers as numbers, and nothing that is a formula.
func TestWhatIsWrittenReadsBack(t *testing.T) {
	table := Table{Title: "进度表", Notes: []string{"截止日期：2025-12-31"}, Head: []Head{{Title: "城市"}, {Title: "数量"}, {Title: "金额", Kind: MoneyColumn}}}
	rows := [][]any{{"长沙", int64(12), money.Fen(1_234_56)}, {"=HYPERLINK(\"http://x\")", int64(0), money.Fen(0)}}
	each := func(yield func([]any, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
	var b bytes.Buffer
	if err := WriteXLSX(&b, table, each); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.GetRows(f.GetSheetName(0))
	if err != nil || len(got) != 5 || got[0][0] != "进度表" || got[3][1] != "12" || got[3][2] != "1,234.56" {
		t.Errorf("read back %v, %v", got, err)
	}
	if formula, _ := f.GetCellFormula(f.GetSheetName(0), "A5"); formula != "" {
		t.Errorf("a formula got in: %s", formula)
	}
	b.Reset()
	if err := WriteCSV(&b, table, each); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.HasPrefix(text, "\ufeff城市,数量,金额\r\n长沙,12,1234.56") || !strings.Contains(text, "'=HYPERLINK") {
		t.Errorf("CSV %q", text)
	}
}

// TestAnnotatedSheetIsTheOfficesOwn proves F16: comments on the bad cells and all
// findings in a last column, for CSV too.
func TestAnnotatedSheetIsTheOfficesOwn(t *testing.T) {
	original := []byte("号牌号码,所有人\n湘A1,\n湘A2,某\n")
	var b bytes.Buffer
	if err := Annotate(&b, "a.csv", "", original, []Note{{Row: 2, Column: 1, Text: "缺少", Error: true}, {Row: 2, Column: -1, Text: "整行"}}, "错误说明"); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	name := f.GetSheetName(0)
	comments, err := f.GetComments(name)
	if err != nil || len(comments) != 1 || comments[0].Cell != "B2" {
		t.Errorf("comments %v, %v", comments, err)
	}
	if head, _ := f.GetCellValue(name, "C1"); head != "错误说明" {
		t.Errorf("last column %q", head)
	}
	if all, _ := f.GetCellValue(name, "C2"); all != "缺少\n整行" {
		t.Errorf("findings of row 2: %q", all)
	}
}

// TestTemplateHasItsListsAndReadsAsEmpty proves F15's template.
func TestTemplateHasItsListsAndReadsAsEmpty(t *testing.T) {
	options := make([]string, 60)
	for i := range options {
		options[i] = fmt.Sprintf("重型特种结构货车型号%02d", i)
	}
	var b bytes.Buffer
	if err := WriteTemplate(&b, "柴油货车", []TemplateColumn{{Heading: "号牌号码", Required: true, Text: true, Example: "湘A12345"}, {Heading: "车辆类型", Options: options, Example: "x"}}); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	lists, err := f.GetDataValidations("柴油货车")
	if err != nil || len(lists) != 1 || !strings.Contains(lists[0].Formula1, "$60") {
		t.Errorf("drop-downs %v, %v", lists, err)
	}
	if visible, _ := f.GetSheetVisible("字典"); visible {
		t.Error("the lists are in sight")
	}
	book, err := Open("t.xlsx", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	data := slices.DeleteFunc(rowsIn(t, book)[1:], IsTotals)
	if len(data) != 0 {
		t.Errorf("the template has data: %v", data)
	}
}

func FuzzOpen(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"", "a\tb\n", "PK\x03\x04", "\xff\xfea\x00", "sep=;\na;b", "\xb3\xa4\xc9\xb3"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		b, err := Open("x", data)
		if err != nil {
			return
		}
		for _, err := range b.Rows() {
			if err != nil {
				return
			}
		}
	})
}

// TestAnyWorkbookGetsItsNotes proves F16: the notes come on the sheet of a
// program that names no font, or leaves the styles out, or writes the strict
// edition of the format.
func TestAnyWorkbookGetsItsNotes(t *testing.T) {
	for name, change := range map[string]func(p map[string]string){
		"no font": func(p map[string]string) {
			p["xl/styles.xml"] = `<styleSheet><fonts count="1"><font/></fonts><cellXfs><xf numFmtId="0"/></cellXfs></styleSheet>`
		},
		"no styles":     func(p map[string]string) { p["xl/styles.xml"] = `<styleSheet/>` },
		"broken styles": func(p map[string]string) { p["xl/styles.xml"] = `<styleSheet><cellXfs><xf numFmtId="0"/></cellXfs>` },
	} {
		data := book(t, inSheet(`<row r="1"><c r="A1" t="inlineStr"><is><t>号牌号码</t></is></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>湘A1</t></is></c></row>`), change)
		var b bytes.Buffer
		if err := Annotate(&b, "a.xlsx", "", data, []Note{{Row: 2, Column: 0, Text: "格式不对", Error: true}}, "错误说明"); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f, err := excelize.OpenReader(&b)
		must(t, err)
		comments, err := f.GetComments(f.GetSheetName(0))
		value, _ := f.GetCellValue(f.GetSheetName(0), "A2")
		if err != nil || len(comments) != 1 || comments[0].Cell != "A2" || value != "湘A1" {
			t.Errorf("%s: %v, %v, %q", name, comments, err, value)
		}
	}
}
