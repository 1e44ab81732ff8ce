package sheet

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"phaseout/internal/fault"
	"phaseout/seeds"
)

// sameAsExcelize fails unless our reader and excelize's see the same cells in
// the first sheet in sight. Numbers are compared as the office sees them.
func sameAsExcelize(t testing.TB, data []byte) {
	t.Helper()
	b, err := Open("a.xlsx", data)
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	want, err := f.GetRows(b.SheetName)
	if err != nil {
		t.Fatal(err)
	}
	got := make([][]string, len(want))
	for _, r := range rowsIn(t, b) {
		if r.Number > len(want) {
			t.Fatalf("row %d: excelize has %d rows", r.Number, len(want))
		}
		got[r.Number-1] = r.Cells
	}
	for i := range want {
		if got[i] == nil && !holdsAnything(want[i]) {
			continue // blank rows are passed over
		}
		for j := range max(len(want[i]), len(got[i])) {
			w, g := at(want[i], j), at(got[i], j)
			if shown, truth := truths[w]; truth && shown == g || w == "" && strings.HasPrefix(g, "=") {
				continue // shown as spreadsheets do; a formula that was never computed
			}
			tidy, _ := (&sheetReader{workbook: &workbook{}}).number([]byte(w))
			if g != w && g != string(tidy) {
				t.Errorf("%s%d: got %q, excelize has %q", ColumnLetter(j), i+1, g, w)
			}
		}
	}
}

func at(cells []string, i int) string {
	if i < len(cells) {
		return cells[i]
	}
	return ""
}

func saved(t testing.TB, f *excelize.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestReaderAgreesWithExcelizeOnSamples proves F15 on the sheets that ship.
func TestReaderAgreesWithExcelizeOnSamples(t *testing.T) {
	for _, name := range []string{"trucks-changsha.xlsx", "machinery-zhuzhou.xlsx"} {
		data, err := seeds.FS.ReadFile("demo/" + name)
		must(t, err)
		sameAsExcelize(t, data)
	}
}

// TestReaderAgreesWithExcelizeOnEveryKindOfCell proves F15: styles, merges,
// rich text, formulas, truth values, days, signs that XML has to escape.
func TestReaderAgreesWithExcelizeOnEveryKindOfCell(t *testing.T) {
	f := excelize.NewFile()
	day, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	must(t, err)
	must(t, f.SetCellStr("Sheet1", "A1", "标题 <&> \"'\n第二行"), f.MergeCell("Sheet1", "A1", "D2"),
		f.SetCellRichText("Sheet1", "B3", []excelize.RichTextRun{{Text: "粗", Font: &excelize.Font{Bold: true}}, {Text: " 细 "}, {Text: "𠮷"}}),
		f.SetCellBool("Sheet1", "C3", true), f.SetCellValue("Sheet1", "D3", time.Date(2011, 3, 5, 0, 0, 0, 0, time.UTC)), f.SetCellStyle("Sheet1", "D3", "D3", day),
		f.SetCellFloat("Sheet1", "E3", 1.1, -1, 64), f.SetCellInt("Sheet1", "F3", 430102199001011234), f.SetCellDefault("Sheet1", "G3", "4.30102199001011E+17"),
		f.SetCellStr("Sheet1", "H3", "  留空  "), f.SetCellStr("Sheet1", "I3", "_x000D_ 与 _x005F_"), f.SetCellStr("Sheet1", "AB3", "远"),
		f.SetCellFormula("Sheet1", "A5", "1+1"), f.SetCellStr("Sheet1", "B5", "=1+1"), f.SetCellStr("Sheet1", "A7", "07"), f.SetRowVisible("Sheet1", 7, false))
	data := saved(t, f)
	sameAsExcelize(t, data)
	b, err := Open("a", data)
	must(t, err)
	rows := rowsIn(t, b)
	if len(rows) != 4 || !rows[3].Hidden || rows[0].Hidden || rows[3].Number != 7 {
		t.Fatalf("rows %+v", rows)
	}
	if r := rows[1]; !r.Numeric(3) || !r.Numeric(6) || r.Numeric(1) || r.Numeric(2) || r.Numeric(-1) || r.Numeric(MaxColumns) {
		t.Errorf("which cells are numbers: %+v", r)
	}
}

// TestReaderAgreesWithExcelizeOnAnything lets chance make the workbooks, by the
// writer in memory and by the streaming one.
func TestReaderAgreesWithExcelizeOnAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,12}`), rapid.StringOf(rapid.RuneFrom([]rune("湘A<>&\"'_x0D \t\n１㐀𠮷"))), rapid.Just("_x000D_"))
		value := rapid.OneOf(text.AsAny(), rapid.Int64().AsAny(), rapid.Float64().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil))
		grid := append(rapid.SliceOfN(rapid.SliceOfN(value, 0, 6), 1, 8).Draw(rt, "cells"), []any{"末"}) // a book of blanks is refused
		f := excelize.NewFile()
		defer func() { _ = f.Close() }()
		if rapid.Bool().Draw(rt, "streamed") {
			w, err := f.NewStreamWriter("Sheet1")
			must(t, err)
			for i, row := range grid {
				must(t, w.SetRow(fmt.Sprintf("A%d", i+1), row))
			}
			must(t, w.Flush())
		} else {
			for i, row := range grid {
				for j, v := range row {
					must(t, f.SetCellValue("Sheet1", fmt.Sprintf("%s%d", ColumnLetter(j), i+1), v))
				}
			}
		}
		sameAsExcelize(t, saved(t, f))
	})
}

// book makes a workbook around the XML of one sheet.
func book(t testing.TB, sheet string, change func(parts map[string]string)) []byte {
	t.Helper()
	const relations = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	parts := map[string]string{
		"_rels/.rels":                relations + `<Relationship Id="a" Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns:r="r"><sheets><sheet name="一" r:id="b"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": relations + `<Relationship Id="b" Type="http://x/worksheet" Target="/xl/worksheets/one.xml"/><Relationship Id="c" Type="http://x/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="d" Type="http://x/styles" Target="styles.xml"/></Relationships>`,
		"xl/sharedStrings.xml":       `<sst><si><t>零</t></si><si><r><t>一</t></r><r><t xml:space="preserve"> 二</t></r><rPh><t>ignored</t></rPh></si><si/></sst>`,
		"xl/styles.xml":              `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-804]yyyy&quot;年&quot;m"/><numFmt numFmtId="165" formatCode="0.0&quot;days&quot;"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>`,
		"xl/worksheets/one.xml":      sheet,
	}
	if change != nil {
		change(parts)
	}
	return zipped(t, parts)
}

func zipped(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range parts {
		part, err := w.Create(name)
		must(t, err)
		_, err = part.Write([]byte(text))
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func inSheet(rows string) string { return `<worksheet><sheetData>` + rows + `</sheetData></worksheet>` }

// TestSheetXMLAsOtherProgramsWriteIt proves F15 for what excelize never writes.
func TestSheetXMLAsOtherProgramsWriteIt(t *testing.T) {
	for name, c := range map[string]struct {
		rows string
		want []string
	}{
		"no places":         {`<row><c t="s"><v>1</v></c><c><v>2</v></c></row>`, []string{"一 二", "2"}},
		"prefixes":          {`<x:row r="1"><x:c r="B1" t="inlineStr"><x:is><x:t>a</x:t></x:is></x:c></x:row>`, []string{"", "a"}},
		"single quotes":     {`<row r='1'><c r='A1' t='str'><f>"&lt;"</f><v>b</v></c></row>`, []string{"b"}},
		"a bracket quoted":  {`<row r="1" x="a>b"><c r="A1"><v>3</v></c></row>`, []string{"3"}},
		"comments, CDATA":   {`<row r="1"><!-- > <c> --><c r="A1" t="str"><v>a<!-- - -->b<![CDATA[<&]]>c</v></c></row>`, []string{"ab<&c"}},
		"entities":          {`<row r="1"><c r="A1" t="str"><v>&#65;&#x6e58;&amp;lt;&apos;</v></c></row>`, []string{"A湘&lt;'"}},
		"runs, readings":    {`<row r="1"><c r="A1" t="inlineStr"><is><r><rPr><b/></rPr><t>长</t></r><rPh><t>CHANG</t></rPh><r><t>沙</t></r></is></c></row>`, []string{"长沙"}},
		"errors and truth":  {`<row r="1"><c r="A1" t="e"><v>#N/A</v></c><c r="B1" t="b"><v>1</v></c><c r="C1" t="d"><v>2011-03-05</v></c></row>`, []string{"#N/A", "TRUE", "2011-03-05"}},
		"blank cells":       {`<row r="1"><c r="A1" s="1"/><c r="B1"></c><c r="C1"><v></v></c><c r="D1" t="s"><v>2</v></c><c r="E1"><v> 5 </v></c></row>`, []string{"", "", "", "", "5"}},
		"17 figures":        {`<row r="1"><c r="A1"><v>36.799999999999997</v></c><c r="B1"><v>1.2E-2</v></c><c r="C1"><v>4.3010219900101101E+17</v></c><c r="D1"><v>40607</v></c></row>`, []string{"36.8", "0.012", "4.3010219900101101E+17", "40607"}},
		"a carriage return": {"<row r=\"1\"><c r=\"A1\" t=\"str\"><v>a\r\nb\rc_x000D_d</v></c></row>", []string{"a\nb\nc\rd"}},
		"cells backwards":   {`<row r="1"><c r="C1"><v>3</v></c><c r="A1"><v>1</v></c></row>`, []string{"1", "", "3"}},
		"numbers of Java":   {`<row r="1"><c r="A1"><v>163218.0</v></c><c r="B1"><v>2.0100305E7</v></c><c r="C1"><v>25.50</v></c><c r="D1"><v>100</v></c><c r="E1"><v>1.3900000001E10</v></c></row>`, []string{"163218", "20100305", "25.5", "100", "13900000001"}},
		"never computed":    {`<row r="1"><c r="A1"><f>湘&amp;B1</f><v></v></c><c r="B1"><f>B2*1000</f></c><c r="C1"><f t="shared" si="0"/><v/></c><c r="D1" t="str"><f>IF(A1="","",A1)</f><v></v></c><c r="E1"><f>1+1</f><v>2</v></c><c r="F1"><v></v></c></row>`, []string{"=湘&B1", "=B2*1000", "=", "", "2"}},
		"blank far away":    {`<row r="1"><c r="A1"><v>1</v></c><c r="XFD1" t="str"><v> </v></c></row><row r="1048576"><c r="A1048576" s="1"/></row>`, []string{"1"}},
	} {
		b, err := Open("a", book(t, inSheet(c.rows), nil))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if rows := rowsIn(t, b); len(rows) != 1 || !slices.Equal(rows[0].Cells, c.want) {
			t.Errorf("%s: got %v, want %v", name, rows, c.want)
		}
	}
}

// TestDaysFrom1904AreCountedFrom1900 proves F15 for workbooks of old Macs: only
// cells that show days move.
func TestDaysFrom1904AreCountedFrom1900(t *testing.T) {
	data := book(t, inSheet(`<row r="1"><c r="A1" s="1"><v>39145</v></c><c r="B1" s="2"><v>39145</v></c><c r="C1" s="3"><v>39145</v></c><c r="D1"><v>39145</v></c></row>`),
		func(p map[string]string) {
			p["xl/workbook.xml"] = strings.Replace(p["xl/workbook.xml"], "<sheets>", `<workbookPr date1904="1"/><sheets>`, 1)
		})
	b, err := Open("a", data)
	must(t, err)
	if cells := rowsIn(t, b)[0].Cells; !slices.Equal(cells, []string{"40607", "40607", "39145", "39145"}) {
		t.Errorf("got %v", cells)
	}
}

// TestFirstSheetInSightWithDataIsRead proves F15: hidden and blank sheets are
// passed over, other encodings than UTF-8 are read.
func TestFirstSheetInSightWithDataIsRead(t *testing.T) {
	f := excelize.NewFile()
	for _, name := range []string{"字典", "数据"} {
		_, err := f.NewSheet(name)
		must(t, err)
		must(t, f.SetCellStr(name, "A1", name))
	}
	must(t, f.SetSheetVisible("字典", false))
	if b, err := Open("a", saved(t, f)); err != nil || b.SheetName != "数据" || b.Kind != "xlsx" {
		t.Errorf("got %+v, %v", b, err)
	}
	if _, err := Open("a", saved(t, excelize.NewFile())); codeOf(err) != "empty_file" {
		t.Errorf("a book of blanks: %v", err)
	}
	b, err := Open("a", book(t, "<?xml version=\"1.0\" encoding=\"gbk\"?>"+inSheet("<row><c t=\"str\"><v>\xb3\xa4\xc9\xb3</v></c></row>"), nil))
	must(t, err)
	if got := rowsIn(t, b)[0].Cells[0]; got != "长沙" {
		t.Errorf("GBK: %q", got)
	}
}

func codeOf(err error) string {
	if f, ok := fault.As(err); ok && f.Mend.ZH != "" && f.Mend.EN != "" {
		return f.Code
	}
	return ""
}

// refusal returns the code with which a file is refused, at once or on the way.
func refusal(data []byte) string {
	b, err := Open("a", data)
	if err != nil {
		return codeOf(err)
	}
	for _, err := range b.Rows() {
		if err != nil {
			return codeOf(err)
		}
	}
	return ""
}

// figures is a long text that does not pack well.
func figures(n int) string {
	chance, b := rand.New(rand.NewPCG(3, 4)), strings.Builder{}
	for range n {
		_, _ = fmt.Fprint(&b, chance.IntN(1000))
	}
	return b.String()
}

// TestBrokenWorkbooksAreRefused proves F16's safety: damage and attacks are
// refused with a mend, never half read.
func TestBrokenWorkbooksAreRefused(t *testing.T) {
	one := `<row r="1"><c r="A1"><v>1</v></c></row>`
	for name, sheet := range map[string]string{
		"cut off": `<worksheet><sheetData>` + one, "no rows": `<worksheet/>`, "not XML": "\x00\x01", "an open tag": inSheet(one + `<row r="2"`),
		"a document type": `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>` + inSheet(`<row><c t="str"><v>&e;</v></c></row>`),
		"an own entity":   inSheet(`<row><c t="str"><v>&e;</v></c></row>`), "NUL": inSheet(`<row><c t="str"><v>&#0;</v></c></row>`), "a raw control": inSheet("<row><c t=\"str\"><v>\x02</v></c></row>"),
		"a surrogate": inSheet(`<row><c t="str"><v>&#xD800;</v></c></row>`), "not UTF-8": inSheet("<row><c t=\"str\"><v>\xff</v></c></row>"),
		"row far out": inSheet(one + `<row r="1048577000"><c><v>1</v></c></row>`), "row zero": inSheet(`<row r="0"><c><v>1</v></c></row>`), "row twice": inSheet(one + one), "column far out": inSheet(`<row r="1"><c r="ZZZZ1"><v>1</v></c></row>`),
		"no place": inSheet(`<row r="1"><c r="1"><v>1</v></c></row>`), "unknown string": inSheet(`<row><c t="s"><v>3</v></c></row>`), "negative string": inSheet(`<row><c t="s"><v>-1</v></c></row>`),
		"rows in rows": inSheet(`<row><row><c><v>1</v></c></row></row>`), "cells in cells": inSheet(`<row><c><c><v>1</v></c></c></row>`), "cell outside": inSheet(`<c><v>1</v></c>`), "an endless cell": inSheet(`<row><c t="str"><v>` + figures(400_000) + `</v></c></row>`),
		"another encoding": `<?xml version="1.0" encoding="big5"?>` + inSheet(one),
	} {
		if got := refusal(book(t, sheet, nil)); got != "damaged" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	for name, c := range map[string]struct {
		change func(map[string]string)
		want   string
	}{
		"two names in one": {func(p map[string]string) { p["XL/workbook.xml"] = "" }, "damaged"},
		"a way out":        {func(p map[string]string) { p["../x"] = "" }, "damaged"},
		"an absolute name": {func(p map[string]string) { p["/x"] = "" }, "damaged"},
		"a missing sheet":  {func(p map[string]string) { delete(p, "xl/worksheets/one.xml") }, "damaged"},
		"missing strings":  {func(p map[string]string) { delete(p, "xl/sharedStrings.xml") }, "damaged"},
		"broken strings":   {func(p map[string]string) { p["xl/sharedStrings.xml"] = "<sst><si><t>&x;</t></si></sst>" }, "damaged"},
		"a word document": {func(p map[string]string) {
			p["_rels/.rels"] = strings.ReplaceAll(p["_rels/.rels"], "officeDocument", "thumbnail")
		}, "not_xlsx"},
		"a binary workbook": {func(p map[string]string) { p["_rels/.rels"] = strings.ReplaceAll(p["_rels/.rels"], ".xml", ".bin") }, "not_xlsx"},
		"many parts": {func(p map[string]string) {
			for i := range maxParts {
				p[fmt.Sprint("x/", i)] = ""
			}
		}, "unpacks_too_large"},
		"a flat bomb": {func(p map[string]string) { p["xl/media/a"] = strings.Repeat("\x00", 4<<20) }, "unpacks_too_large"},
	} {
		if got := refusal(book(t, inSheet(one), c.change)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if got := refusal(book(t, inSheet(`<row r="1010001"><c><v>1</v></c></row>`), nil)); got != "too_many_rows" {
		t.Errorf("rows: %q", got)
	}
	if got := refusal(book(t, inSheet(`<row><c r="KO1"><v>1</v></c></row>`), nil)); got != "too_many_columns" {
		t.Errorf("columns: %q", got)
	}
}

// TestArchiveThatLiesAboutASizeIsRefused proves F16's safety: the declared size
// binds, and so does the check sum.
func TestArchiveThatLiesAboutASizeIsRefused(t *testing.T) {
	long := inSheet(`<row r="1"><c r="A1"><v>1</v></c></row><!--` + strings.Repeat("x", 200_000) + `-->`)
	data := book(t, long, nil)
	size := []byte{byte(len(long)), byte(len(long) >> 8), byte(len(long) >> 16), byte(len(long) >> 24)}
	lie := bytes.ReplaceAll(data, size, []byte{1, 1, 0, 0})
	if bytes.Equal(data, lie) {
		t.Fatal("the control has no such size")
	}
	if got := refusal(lie); got != "damaged" {
		t.Errorf("got %q", got)
	}
}

// TestDamageNeverPanics flips bytes of a real workbook: it is refused or read,
// and always in bounds.
func TestDamageNeverPanics(t *testing.T) {
	data, err := seeds.FS.ReadFile("demo/machinery-zhuzhou.xlsx")
	must(t, err)
	chance := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		bad := slices.Clone(data)
		for range 1 + chance.IntN(8) {
			bad[chance.IntN(len(bad))] = byte(chance.IntN(256))
		}
		refusal(bad[:len(bad)-chance.IntN(2)*chance.IntN(1000)])
	}
}

// FuzzSheetXML puts any XML where the sheet is; the archive around it is sound.
func FuzzSheetXML(f *testing.F) {
	for _, s := range []string{`<row r="1"><c r="A1" t="s"><v>1</v></c></row>`, `<row><c t="inlineStr"><is><t>a</t></is></c></row>`, `<!-- -->`, `<![CDATA[a]]>`, `<row r="1" hidden="1"><c><v>4E5</v></c></row>`, `&#x41;`} {
		f.Add(inSheet(s))
	}
	f.Fuzz(func(t *testing.T, sheet string) {
		w := workbook{shared: sharedStrings{"ab", []uint32{1, 2}}}
		s := sheetReader{workbook: &w, scan: newScanner(strings.NewReader(sheet))}
		last := 0
		for {
			row, err := s.next()
			if err != nil {
				return
			}
			if row.Number <= last || row.Number > MaxRows || len(row.Cells) > MaxColumns || !holdsAnything(row.Cells) {
				t.Fatalf("row %+v after %d", row, last)
			}
			last = row.Number
		}
	})
}

// large is a workbook like those of offices: 27 columns, texts shared.
func large(b *testing.B, rows int) []byte {
	f := excelize.NewFile()
	w, err := f.NewStreamWriter("Sheet1")
	must(b, err)
	for i := range rows {
		cells := make([]any, 27)
		for j := range cells {
			switch j % 3 {
			case 0:
				cells[j] = fmt.Sprintf("湘A%06d", i*27+j)
			case 1:
				cells[j] = "柴油"
			default:
				cells[j] = 40000 + i%4000
			}
		}
		must(b, w.SetRow(fmt.Sprintf("A%d", i+1), cells))
	}
	must(b, w.Flush())
	return saved(b, f)
}

// BenchmarkReadXLSX compares our reader with excelize's on the same workbooks.
func BenchmarkReadXLSX(b *testing.B) {
	trucks, err := seeds.FS.ReadFile("demo/trucks-changsha.xlsx")
	must(b, err)
	for name, data := range map[string][]byte{"inline27": large(b, 10_000), "shared18": trucks} {
		run := func(reader string, read func() int) {
			b.Run(reader+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				rows := 0
				for b.Loop() {
					rows += read()
				}
				b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
			})
		}
		run("own", func() (n int) {
			book, err := Open("a", data)
			must(b, err)
			for _, err := range book.Rows() {
				must(b, err)
				n++
			}
			return n
		})
		run("excelize", func() (n int) {
			f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true})
			must(b, err)
			rows, err := f.Rows(f.GetSheetName(0))
			must(b, err)
			for rows.Next() {
				_, err := rows.Columns()
				must(b, err)
				n++
			}
			must(b, rows.Close(), f.Close())
			return n
		})
	}
}
