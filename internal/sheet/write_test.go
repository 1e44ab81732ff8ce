package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/seeds"
)

func each(rows ...[]any) func(func([]any, error) bool) {
	return func(yield func([]any, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

type word string

// TestWrittenTablesKeepTheirKinds proves F22: amounts to the fen, shares, days,
// long identifiers as text; the same in both forms.
func TestWrittenTablesKeepTheirKinds(t *testing.T) {
	table := Table{Title: "表", Head: []Head{{Title: "号"}, {Title: "元", Kind: MoneyColumn}, {Title: "率", Kind: PercentColumn}, {Title: "日", Kind: DayColumn}}}
	rows := each([]any{"430102199001011234", money.Fen(123456789012345), int64(8750), civil.Day("2025-12-31")}, []any{word("=1+1"), money.Fen(-5), "—", civil.Day("")}, []any{nil, nil, int64(0), nil})
	var b bytes.Buffer
	must(t, WriteXLSX(&b, table, rows))
	book, err := Open("a", b.Bytes())
	must(t, err)
	var got [][]string
	for _, r := range rowsIn(t, book) {
		got = append(got, r.Cells)
	}
	want := [][]string{{"表"}, {"号", "元", "率", "日"}, {"430102199001011234", "1234567890123.45", "0.875", "46022"}, {"=1+1", "-0.05", "—"}, {"", "", "0"}}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got %q, want %q", got, want)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	must(t, err)
	shown, err := f.GetRows("Sheet1")
	must(t, err)
	if !slices.Equal(shown[2][1:], []string{"1,234,567,890,123.45", "87.50%", "2025-12-31"}) {
		t.Errorf("shown as %q", shown[2])
	}
	b.Reset()
	must(t, WriteCSV(&b, table, rows))
	if got := b.String(); got != "\ufeff号,元,率,日\r\n430102199001011234,1234567890123.45,87.50%,2025-12-31\r\n'=1+1,-0.05,—,\r\n,,0.00%,\r\n" {
		t.Errorf("CSV %q", got)
	}
	broken := errors.New("broken")
	fails := func(yield func([]any, error) bool) { yield(nil, broken) }
	if err := WriteXLSX(&b, table, fails); !errors.Is(err, broken) {
		t.Errorf("a broken source: %v", err)
	}
}

// TestFormulasAreNeutralAndComeBack proves F-83: the apostrophe that is put on
// is taken off again, once.
func TestFormulasAreNeutralAndComeBack(t *testing.T) {
	for _, text := range []string{"=1+1", "+86", "-1", "@x", "\tx", "＝1", "－1", "'=1", "'湘A", "湘A", "=HYPERLINK(\"http://x\",\"a,b\")"} {
		var b bytes.Buffer
		must(t, WriteCSV(&b, Table{Head: []Head{{Title: "a"}, {Title: "b"}}}, each([]any{text, "x"})))
		if Neutral(text) == text && strings.ContainsAny(text[:1], "=+-@\t") {
			t.Errorf("%q goes out as it is", text)
		}
		book, err := Open("a.csv", b.Bytes())
		must(t, err)
		got := rowsIn(t, book)[1].Cells[0]
		if want := strings.TrimPrefix(text, "'="); got != text && got != "="+want {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

// TestAnnotatedWorkbookKeepsItsLooksAndCanComeBack proves F16: day formats and
// values stay, notes are joined per cell, and a second round replaces the first.
func TestAnnotatedWorkbookKeepsItsLooksAndCanComeBack(t *testing.T) {
	f := excelize.NewFile()
	format := "yyyy-mm-dd"
	day, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format, Font: &excelize.Font{Bold: true}})
	must(t, err)
	for place, v := range map[string]any{"A1": "清单", "A2": "号牌号码", "B2": "注册日期", "C2": "所有人", "A3": "湘A1", "B3": 40607, "C3": "某", "A4": "湘A2", "B4": 40608} {
		must(t, f.SetCellValue("Sheet1", place, v))
	}
	must(t, f.SetCellStyle("Sheet1", "B3", "B4", day), f.AddComment("Sheet1", excelize.Comment{Cell: "C3", Author: "某", Text: "自己的"}))
	var first, second bytes.Buffer
	must(t, Annotate(&first, "a.xlsx", "", saved(t, f), []Note{{Row: 3, Column: 1, Text: "一", Error: true}, {Row: 3, Column: 1, Text: "二"}, {Row: 4, Column: -1, Text: "整行"}}, "错误说明"))
	got, err := excelize.OpenReader(bytes.NewReader(first.Bytes()))
	must(t, err)
	if shown, _ := got.GetRows("Sheet1"); shown[1][3] != "错误说明" || shown[2][1] != "2011-03-05" || shown[2][3] != "一\n二" || shown[3][3] != "整行" {
		t.Errorf("shown %q", shown)
	}
	comments, err := got.GetComments("Sheet1")
	must(t, err)
	if len(comments) != 2 {
		t.Errorf("comments %+v", comments)
	}
	fillOf := func(f *excelize.File, at string) []string {
		id, err := f.GetCellStyle("Sheet1", at)
		must(t, err)
		style, err := f.GetStyle(id)
		must(t, err)
		if at == "B3" && (style.Font == nil || !style.Font.Bold) {
			t.Error("the font is gone")
		}
		return style.Fill.Color
	}
	if fill := fillOf(got, "B3"); !slices.Equal(fill, []string{"FFC7CE"}) {
		t.Errorf("fill %v", fill)
	}
	must(t, Annotate(&second, "a.xlsx", "", first.Bytes(), []Note{{Row: 4, Column: 0, Text: "三"}}, "错误说明"))
	got, err = excelize.OpenReader(bytes.NewReader(second.Bytes()))
	must(t, err)
	shown, _ := got.GetRows("Sheet1")
	if len(shown[1]) != 4 || len(shown[2]) > 3 && shown[2][3] != "" || shown[3][3] != "三" || shown[2][1] != "2011-03-05" {
		t.Errorf("second round %q", shown)
	}
	comments, err = got.GetComments("Sheet1")
	must(t, err)
	if len(comments) != 2 || fillOf(got, "B3") != nil {
		t.Errorf("second round: comments %+v, fill %v", comments, fillOf(got, "B3"))
	}
}

// TestAnnotatedSamplesStillRead proves F16 on the sheets that ship.
func TestAnnotatedSamplesStillRead(t *testing.T) {
	for _, name := range []string{"trucks-changsha.xlsx", "vessels-yueyang.csv"} {
		data, err := seeds.FS.ReadFile("demo/" + name)
		must(t, err)
		before, err := Open(name, data)
		must(t, err)
		var b bytes.Buffer
		must(t, Annotate(&b, name, "", data, []Note{{Row: 20, Column: 2, Text: "一", Error: true}}, "错误说明"))
		after, err := Open("a.xlsx", b.Bytes())
		must(t, err)
		was, is := rowsIn(t, before), rowsIn(t, after)
		if len(was) != len(is) {
			t.Fatalf("%s: %d rows, then %d", name, len(was), len(is))
		}
		for i := range was {
			for j, cell := range was[i].Cells {
				if is[i].Number != was[i].Number || at(is[i].Cells, j) != cell {
					t.Fatalf("%s row %d: %q, then %q", name, was[i].Number, was[i].Cells, is[i].Cells)
				}
			}
		}
	}
}

// TestTemplateGuidesAndIsReadAsEmpty proves F15's template: the sheet to fill in
// comes first, the guide is there, any title makes a name.
func TestTemplateGuidesAndIsReadAsEmpty(t *testing.T) {
	columns := []TemplateColumn{{Heading: "号牌号码", Hint: "不含空格", Required: true, Text: true, Example: "湘A12345"}, {Heading: "燃料", Options: []string{"柴油", "汽油"}}}
	for title, want := range map[string]string{"柴油货车": "柴油货车", "a/b:[c]": "a b (c)", "": "数据", "字典": "数据", strings.Repeat("长", 40): strings.Repeat("长", 31)} {
		var b bytes.Buffer
		must(t, WriteTemplate(&b, title, columns))
		book, err := Open("t.xlsx", b.Bytes())
		must(t, err)
		rows := rowsIn(t, book)
		if book.SheetName != want || len(rows) != 2 || !slices.Equal(rows[0].Cells, []string{"序号", "号牌号码*", "燃料"}) || !IsTotals(rows[1]) {
			t.Errorf("%q: sheet %q, rows %v", title, book.SheetName, rows)
		}
		f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
		must(t, err)
		if guide, _ := f.GetRows(guideSheet); len(guide) != 4 || guide[2][2] != "不含空格" || guide[3][4] != "柴油、汽油" {
			t.Errorf("guide %q", guide)
		}
		style, err := f.GetColStyle(want, "B")
		must(t, err)
		if s, _ := f.GetStyle(style); s.NumFmt != 49 {
			t.Errorf("identifiers have format %d", s.NumFmt)
		}
	}
}

// BenchmarkAnnotate is the findings of a large sheet.
func BenchmarkAnnotate(b *testing.B) {
	data := large(b, 20_000)
	var notes []Note
	for row := 2; row < 20_000; row += 4 {
		notes = append(notes, Note{Row: row, Column: row % 20, Text: "号牌号码格式不正确", Error: true})
	}
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		must(b, Annotate(&out, "a.xlsx", "", data, notes, "错误说明"))
	}
}
