package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

func texts(rows ...[]string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// nasty are texts that spreadsheets and XML have each their own mind about.
var nasty = []string{"", "湘A12345", "=1+1", "+86", "-1", "@SUM(A1)", "\t=1", " leading and trailing ", "line\nbreak", "a\rb", "<b>&amp;\"'</b>", "]]>", "_x0041_", "_x_", "_", "\x01\x1f",
	"0012", "1e5", "2025-01-02", "𠮷野家", "\u202egnp.exe", "'quoted'", "＝1", "comma,semi;", strings.Repeat("长", 3000), "123456789012345678"}

// TestStreamedWorkbookReadsBackCellForCell proves F22: what is written is what
// another program reads, text as text, never a formula.
func TestStreamedWorkbookReadsBackCellForCell(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	table := Table{Title: "清单 <&>", Notes: []string{"条件：=全部", "共 300 条"}, Head: make([]Head, 30)}
	for i := range table.Head {
		table.Head[i] = Head{Title: fmt.Sprint("列", i), Width: 10}
	}
	rows := make([][]string, 300)
	for i := range rows {
		for range table.Head {
			rows[i] = append(rows[i], nasty[random.IntN(len(nasty))])
		}
	}
	var b bytes.Buffer
	must(t, StreamXLSX(&b, table, texts(rows...)))
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	must(t, err)
	at := func(column, row int) string {
		v, err := f.GetCellValue("Sheet1", placeOf(column, row), excelize.Options{RawCellValue: true})
		must(t, err)
		formula, err := f.GetCellFormula("Sheet1", placeOf(column, row))
		must(t, err)
		if formula != "" {
			t.Errorf("%s is a formula", placeOf(column, row))
		}
		return v
	}
	if at(0, 1) != table.Title || at(0, 2) != table.Notes[0] || at(0, 3) != table.Notes[1] || at(29, 4) != "列29" {
		t.Errorf("the head is %q %q %q", at(0, 1), at(0, 2), at(29, 4))
	}
	for i, row := range rows {
		for j, want := range row {
			if got := at(j, i+5); got != want {
				t.Fatalf("%s: got %q, want %q", placeOf(j, i+5), got, want)
			}
		}
	}
	own, err := Open("a.xlsx", b.Bytes())
	must(t, err)
	if got := rowsIn(t, own); len(got) != 304 || !slices.Equal(got[3].Cells[:2], []string{"列0", "列1"}) {
		t.Errorf("our own reader finds %d rows", len(got))
	}
}

// TestStreamedNumbersAndDaysAreWhatTheyAre proves F22: figures can be summed,
// days sorted, and an identifier keeps its last figure.
func TestStreamedNumbersAndDaysAreWhatTheyAre(t *testing.T) {
	table := Table{Head: []Head{{Title: "N", Kind: NumberColumn}, {Title: "D", Kind: DayColumn}, {Title: "T"}}}
	var b bytes.Buffer
	must(t, StreamXLSX(&b, table, texts([]string{"25000", "2013-03-05", "25000"}, []string{"-1.5", "1900-01-01", ""}, []string{"=1+1", "unknown", "007"}, []string{"1234567890123456", "", ""})))
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	must(t, err)
	for place, want := range map[string]struct {
		text string
		kind excelize.CellType
	}{
		"A3": {"25000", excelize.CellTypeUnset}, "B3": {"2013-03-05", excelize.CellTypeUnset}, "C3": {"25000", excelize.CellTypeInlineString}, "A4": {"-1.5", excelize.CellTypeUnset},
		"B4": {"1900-01-01", excelize.CellTypeInlineString}, "A5": {"=1+1", excelize.CellTypeInlineString}, "B5": {"unknown", excelize.CellTypeInlineString}, "A6": {"1234567890123456", excelize.CellTypeInlineString},
	} {
		got, err := f.GetCellValue("Sheet1", place)
		must(t, err)
		kind, err := f.GetCellType("Sheet1", place)
		must(t, err)
		if got != want.text || kind != want.kind {
			t.Errorf("%s: got %q of type %v, want %q of %v", place, got, kind, want.text, want.kind)
		}
	}
}

// TestManyRowsGoOnInFurtherSheets proves F22: no row is cut where a sheet ends.
func TestManyRowsGoOnInFurtherSheets(t *testing.T) {
	table := Table{Title: "T", Notes: []string{"N"}, Head: []Head{{Title: "编号", Kind: NumberColumn}}}
	for n, want := range map[int][]int{0: {3}, 7: {10}, 8: {10, 2}, 16: {10, 10}, 17: {10, 10, 2}} {
		rows := make([][]string, n)
		for i := range rows {
			rows[i] = []string{fmt.Sprint(i)}
		}
		var b bytes.Buffer
		must(t, streamXLSX(&b, table, texts(rows...), 10))
		f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
		must(t, err)
		var got []int
		next := 0
		for i, name := range f.GetSheetList() {
			lines, err := f.GetRows(name)
			must(t, err)
			got = append(got, len(lines))
			skip := 1
			if i == 0 {
				skip = 3
			}
			if lines[skip-1][0] != "编号" {
				t.Errorf("sheet %s has no heading: %q", name, lines[skip-1])
			}
			for _, line := range lines[skip:] {
				if line[0] != fmt.Sprint(next) {
					t.Errorf("got row %s, want %d", line[0], next)
				}
				next++
			}
		}
		if !slices.Equal(got, want) || next != n {
			t.Errorf("%d rows: got sheets of %d, want %d; %d rows are there", n, got, want, next)
		}
	}
}

// TestStreamedCSVReadsBackAndHasNoFormula proves F22.
func TestStreamedCSVReadsBackAndHasNoFormula(t *testing.T) {
	table := Table{Head: []Head{{Title: "=A"}, {Title: "N", Kind: NumberColumn}}}
	var b bytes.Buffer
	var rows [][]string
	for _, v := range nasty {
		rows = append(rows, []string{v, "-1.5"})
	}
	must(t, StreamCSV(&b, table, texts(rows...)))
	text, ok := strings.CutPrefix(b.String(), "\ufeff")
	if !ok {
		t.Error("the mark is missing")
	}
	got, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	must(t, err)
	if len(got) != len(rows)+1 || got[0][0] != "'=A" {
		t.Fatalf("%d rows, head %q", len(got), got[0])
	}
	for i, row := range got[1:] {
		want := strings.ReplaceAll(Neutral(rows[i][0]), "\r\n", "\n")
		if row[0] != want || row[1] != "-1.5" {
			t.Errorf("got %q, want %q", row, want)
		}
		if strings.ContainsAny(row[0][:min(1, len(row[0]))], "=+-@\t\r") {
			t.Errorf("%q could be a formula", row[0])
		}
	}
}

// TestStreamingStopsAtTheFirstError hands on what went wrong with the rows.
func TestStreamingStopsAtTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	rows := func(yield func([]string, error) bool) { yield(nil, broken) }
	table := Table{Head: []Head{{Title: "A"}}}
	if err := StreamXLSX(&bytes.Buffer{}, table, rows); !errors.Is(err, broken) {
		t.Errorf("XLSX: %v", err)
	}
	if err := StreamCSV(&bytes.Buffer{}, table, rows); !errors.Is(err, broken) {
		t.Errorf("CSV: %v", err)
	}
	if err := StreamXLSX(&bytes.Buffer{}, table, texts([]string{strings.Repeat("长", 32768)})); codeOf(err) != "cell_too_long" {
		t.Errorf("a text beyond a cell: %v", err)
	}
	must(t, StreamXLSX(&bytes.Buffer{}, table, texts([]string{strings.Repeat("长", 32767)})))
}

// counter forgets what is written and keeps the most memory in use meanwhile.
type counter struct{ most uint64 }

func (c *counter) Write(p []byte) (int, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.most = max(c.most, m.HeapInuse)
	return len(p), nil
}

// TestStreamingTakesTheMemoryOfARow proves F22: memory stays flat.
func TestStreamingTakesTheMemoryOfARow(t *testing.T) {
	head := Table{Head: make([]Head, 20)}
	most := func(n int) uint64 {
		runtime.GC()
		c := &counter{}
		row := make([]string, 20)
		must(t, StreamXLSX(c, head, func(yield func([]string, error) bool) {
			for i := range n {
				for j := range row {
					row[j] = fmt.Sprint(i, j)
				}
				if !yield(row, nil) {
					return
				}
			}
		}))
		return c.most
	}
	few, many := most(1000), most(60000)
	if many > few+16<<20 {
		t.Errorf("1,000 rows take %d bytes, 60,000 take %d", few, many)
	}
}
