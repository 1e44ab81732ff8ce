package sheet

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
)

func cellsOf(t testing.TB, text string) (rows [][]string, numbers []int) {
	t.Helper()
	b, err := Open("a.csv", []byte(text))
	must(t, err)
	for _, r := range rowsIn(t, b) {
		rows, numbers = append(rows, r.Cells), append(numbers, r.Number)
	}
	return rows, numbers
}

// TestCSVRowsAreCountedAsTheOfficeDoes proves F16: a cell over several lines is
// one row, blank lines count, whatever ends the lines.
func TestCSVRowsAreCountedAsTheOfficeDoes(t *testing.T) {
	text := "号牌,地址\n\n湘A1,\"某路\n1 号\"\n湘A2,\"\"\"引\"\"\"\n,\n湘A3,'=1+1"
	for name, text := range map[string]string{"LF": text, "CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "sep": "sep=,\r\n" + text} {
		rows, numbers := cellsOf(t, text)
		want := [][]string{{"号牌", "地址"}, {"湘A1", "某路\n1 号"}, {"湘A2", `"引"`}, {"湘A3", "=1+1"}}
		if !slices.Equal(numbers, []int{1, 3, 4, 6}) || fmt.Sprint(rows) != fmt.Sprint(want) {
			t.Errorf("%s: got %q in rows %v", name, rows, numbers)
		}
	}
	if rows, numbers := cellsOf(t, "a,b\rc,d\r"); len(rows) != 2 || numbers[1] != 2 {
		t.Errorf("CR alone: %q", rows)
	}
}

// TestStrayQuotesAreSignsAndOpenOnesAreRefused proves F16: a quote without its
// partner must not swallow the rows below it.
func TestStrayQuotesAreSignsAndOpenOnesAreRefused(t *testing.T) {
	rows, _ := cellsOf(t, "5\" 管,\"甲\"乙,b\n")
	if !slices.Equal(rows[0], []string{`5" 管`, "甲乙", "b"}) {
		t.Errorf("got %q", rows)
	}
	for _, text := range []string{"a,b\n\"c,d\ne,f\n", "a,\"b", "\"a\"x\n\"b,c\n", "\"a\n\"x\",b\n"} {
		if got := refusal([]byte(text)); got != "csv" {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

// TestCSVBeyondLimitsIsRefused proves F16's safety.
func TestCSVBeyondLimitsIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"columns": {strings.Repeat("1,", MaxColumns) + "1", "too_many_columns"}, "blank columns": {"1" + strings.Repeat(",", 1<<20), ""},
		"rows": {strings.Repeat("\n", MaxRows) + "1", "too_many_rows"}, "blank rows": {"1" + strings.Repeat("\n", MaxRows), ""},
		"NUL": {"a,b\x00\n", "encoding"}, "a broken mark": {"\xef\xbb\xbf\xff", "encoding"}, "no text": {" \n\t\n", "empty_file"}, "only a mark": {"\xef\xbb\xbf", "empty_file"},
	} {
		if got := refusal([]byte(c.text)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// FuzzCSV holds what we read of well-formed text against encoding/csv.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"a\"\"b\",c\n", "\"a\nb\"\n\n,\nc", "a;b\r\n\"c\r\nd\"\r\n", "\"", "'=1,\"'+2\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got [][]string
		for row, err := range csvRows(func() io.Reader { return strings.NewReader(text) }, 0, ',') {
			if err != nil {
				return
			}
			got = append(got, row.Cells)
		}
		if strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r") || strings.Contains(text, "'") {
			return // lone carriage returns and our own apostrophes are another matter
		}
		all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			return // we may take more
		}
		want := slices.DeleteFunc(all, func(cells []string) bool { return !holdsAnything(cells) })
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("of %q got %q, want %q", text, got, want)
		}
	})
}

// TestLargeCSVIsReadInPieces proves F20: a file of many pieces, with signs of
// several bytes, quotes and lines in cells at every seam, is read as a library
// reads it, and is never held whole.
func TestLargeCSVIsReadInPieces(t *testing.T) {
	var b strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&b, "湘A%05d,\"某“%d”路\n%s号\",\"甲\"\"乙\",%s\r\n", i, i, strings.Repeat("长", i%7), strings.Repeat("x", i%13))
	}
	want, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	must(t, err)
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(b.String())
	must(t, err)
	for name, text := range map[string]string{"UTF-8": b.String(), "GB18030": gb} {
		book, err := OpenReader("a.csv", strings.NewReader(text), int64(len(text)))
		must(t, err)
		n := 0
		for row, err := range book.Rows() {
			must(t, err)
			if !slices.Equal(row.Cells, want[n]) || row.Number != n+1 {
				t.Fatalf("%s: row %d is %q, want %q", name, row.Number, row.Cells, want[n])
			}
			n++
		}
		if n != len(want) || book.Encoding != name {
			t.Errorf("%s: %d rows of %d as %s", name, n, len(want), book.Encoding)
		}
	}
}

// TestCSVOfOtherPrograms proves F15: figures wrapped as a formula so that a
// spreadsheet leaves them alone, and strokes between the cells.
func TestCSVOfOtherPrograms(t *testing.T) {
	for text, want := range map[string][]string{
		"=\"430199001\",b,\"=\"\"湘A1\"\"\"\n": {"430199001", "b", "湘A1"},
		"a|b,c|d\n":                           {"a", "b,c", "d"},
		"=\"a\"&\"b\",c\n":                    {"=\"a\"&\"b\"", "c"},
	} {
		b, err := Open("a.csv", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if rows := rowsIn(t, b); len(rows) != 1 || !slices.Equal(rows[0].Cells, want) {
			t.Errorf("%q: got %v", text, rows)
		}
	}
}
