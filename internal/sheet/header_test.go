package sheet

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

var headings = map[string]string{"号牌号码": "plate", "车架号": "vin", "所有人": "owner", "注册日期": "day", "总质量": "mass", "序号": "", "备注": ""}

func match(h string) (string, bool) {
	key, ok := headings[h]
	return key, ok
}

// TestHeaderOfTwoRowsIsReadAsOne proves F17: the lower row counts, and the upper
// one where cells are merged downwards.
func TestHeaderOfTwoRowsIsReadAsOne(t *testing.T) {
	f := excelize.NewFile()
	for place, text := range map[string]string{"A1": "某市清单", "A2": "填报单位：某局", "A3": "序号", "B3": "车辆信息", "E3": "所有人", "F3": "备注", "B4": "号牌号码", "C4": "车架号", "D4": "颜色",
		"A5": "1", "B5": "湘A1", "E5": "所有人"} {
		must(t, f.SetCellStr("Sheet1", place, text))
	}
	must(t, f.MergeCell("Sheet1", "A1", "F1"), f.MergeCell("Sheet1", "A3", "A4"), f.MergeCell("Sheet1", "B3", "D3"), f.MergeCell("Sheet1", "E3", "E4"))
	b, err := Open("a", saved(t, f))
	must(t, err)
	h, err := FindHeader(b, Wording{Match: match})
	must(t, err)
	var got []string
	for _, c := range h.Columns {
		got = append(got, c.Letter+"="+c.Key)
	}
	if h.Row != 4 || strings.Join(got, " ") != "B=plate C=vin E=owner" || len(h.Unmapped) != 1 || h.Unmapped[0].Letter+h.Unmapped[0].Heading+h.Unmapped[0].Key != "D颜色" {
		t.Errorf("got %+v", h)
	}
}

// TestHeaderIsNotTakenFromDataOrTitles proves F17.
func TestHeaderIsNotTakenFromDataOrTitles(t *testing.T) {
	for text, want := range map[string]int{
		"号牌号码,车架号,所有人\n号牌号码,,\n":                      1, // data that reads like a heading
		"所有人,\n\n号牌号码,车架号,注册日期\n":                     3, // a group with a blank row between
		strings.Repeat("标题\n", 14) + "号牌号码,车架号,所有人\n": 15,
		"号牌号码,车架号,所有人\n1,2,3\n号牌号码,车架号,所有人,总质量\n":     3, // the one that knows most
	} {
		b, err := Open("a.csv", []byte(text))
		must(t, err)
		if h, err := FindHeader(b, Wording{Match: match}); err != nil || h.Row != want {
			t.Errorf("%q: got row %d, %v", text, h.Row, err)
		}
	}
}

// TestMissingHeaderSaysWhatWasLookedFor proves F17.
func TestMissingHeaderSaysWhatWasLookedFor(t *testing.T) {
	for _, text := range []string{"号牌号码,车架号\n1,2\n", strings.Repeat("标题\n", 15) + "号牌号码,车架号,所有人\n"} {
		b, err := Open("a.csv", []byte(text))
		must(t, err)
		_, err = FindHeader(b, Wording{Match: match, Expected: []string{"号牌号码", "车架号", "所有人"}})
		if codeOf(err) != "no_header" {
			t.Errorf("%q: %v", text, err)
		}
	}
	b, err := Open("a.csv", []byte("号牌号码,车架号\n"))
	must(t, err)
	_, err = FindHeader(b, Wording{Match: match, Expected: []string{"号牌号码", "所有人"}})
	if !strings.Contains(fmt.Sprint(err), "号牌号码") {
		t.Errorf("the row that was nearest is not named: %v", err)
	}
}

// TestTotalsAreToldFromData proves F16: totals, signatures and remarks are
// passed over, names that begin like them are not.
func TestTotalsAreToldFromData(t *testing.T) {
	for text, want := range map[string]bool{
		"合计": true, "合  计": true, "合　计（辆）": true, "合计12": true, "总计：": true, "本页小计": true, "填表人：张三": true, "备注:": true, "注1：含转出": true, "说明": true, "Total": true,
		"示例，请勿删除": true, "填报单位（盖章）": true, "合计通物流公司": false, "说明书印刷厂": false, "湘A12345": false, "注册公司": false, "": false, "3": false,
	} {
		if got := IsTotals(Row{Cells: []string{" ", text, "某"}}); got != want && text != "" {
			t.Errorf("%q: got %v", text, got)
		}
	}
	if !IsTotals(Row{Cells: []string{"2001", "合计"}}) || IsTotals(Row{Cells: []string{"湘A1", "备注"}}) || IsTotals(Row{}) {
		t.Error("of cells but the first only a word of totals decides")
	}
}

// TestColumnsHaveTheirLetters counts from 0 to A.
func TestColumnsHaveTheirLetters(t *testing.T) {
	for i, letter := range map[int]string{0: "A", 25: "Z", 26: "AA", 299: "KN", -1: ""} {
		if got := ColumnLetter(i); got != letter {
			t.Errorf("%d: %q", i, got)
		}
		if got := ColumnIndex(letter); got != i {
			t.Errorf("%q: %d", letter, got)
		}
	}
}

// TestLinesThatAreNoDataArePassedOver proves F15: the headings again on the next
// page, a line of units and one of column numbers right below the headings.
func TestLinesThatAreNoDataArePassedOver(t *testing.T) {
	h := Header{Row: 4, Columns: []Column{{Index: 0, Heading: "号牌号码", Key: "plate"}, {Index: 1, Heading: "车架号", Key: "vin"}, {Index: 2, Heading: "总质量", Key: "mass"}, {Index: 3, Heading: "所有人", Key: "owner"}}}
	for _, c := range []struct {
		row   int
		cells []string
		want  bool
	}{
		{900, []string{"号牌号码", "车架号", "总质量", "所有人"}, true}, {900, []string{"", "车架号 ", "总质量"}, true}, {5, []string{"", "", "（kg）", ""}, true}, {5, []string{"1", "2", "3", "4"}, true}, {6, []string{"①", "②", "③", "④"}, true},
		{5, []string{"栏次", "1", "2", "3"}, true}, {5, []string{"A", "B", "C", "D"}, true}, {900, []string{"1", "2", "3", "4"}, false}, {5, []string{"湘A12345", "X", "3200", "所有人"}, false}, {5, []string{"1", "3", "4", "5"}, false},
		{5, []string{"号牌号码", "X", "3200", "某"}, false}, {5, nil, false}, {900, []string{"", "", "kg"}, false},
	} {
		if got := h.NoData(Row{Number: c.row, Cells: c.cells}); got != c.want {
			t.Errorf("row %d %q: %v", c.row, c.cells, got)
		}
	}
}

// TestHeaderOfThreeRowsInTheSecondSheet proves F17: three merged rows are one
// header, and a page of instructions in front of the sheet is passed over.
func TestHeaderOfThreeRowsInTheSecondSheet(t *testing.T) {
	f := excelize.NewFile()
	must(t, f.SetCellStr("Sheet1", "A1", "填表说明"))
	_, err := f.NewSheet("明细")
	must(t, err)
	for place, text := range map[string]string{"A1": "某市清单", "A2": "序号", "B2": "号牌号码", "C2": "车辆信息", "E2": "所有人", "C3": "其中", "D3": "注册日期", "C4": "车架号", "A5": "1", "B5": "湘A1"} {
		must(t, f.SetCellStr("明细", place, text))
	}
	b, err := Open("a", saved(t, f))
	must(t, err)
	picked, err := Pick(b, Wording{Match: match})
	must(t, err)
	b, h := picked.Book, picked.Header
	var got []string
	for _, c := range h.Columns {
		got = append(got, c.Letter+"="+c.Key)
	}
	if b.SheetName != "明细" || h.Row != 4 || strings.Join(got, " ") != "B=plate C=vin D=day E=owner" {
		t.Errorf("%s: %+v", b.SheetName, h)
	}
}

// TestOfGuessesTheFirstIsTaken proves F17: two columns that only may be the same
// field are no mistake of the office; the surer one is read, else the first.
func TestOfGuessesTheFirstIsTaken(t *testing.T) {
	b, err := Open("a.csv", []byte("号牌号码,车架号,主人,业主,注册日期\n1,2,3,4,5\n"))
	must(t, err)
	h, err := FindHeader(b, Wording{Match: func(heading string) (string, bool) {
		if heading == "主人" || heading == "业主" {
			return "owner", true
		}
		return match(heading)
	}, Rank: func(heading string) int {
		if heading == "主人" || heading == "业主" {
			return 2
		}
		return 0
	}})
	must(t, err)
	if len(h.Columns) != 4 || h.Columns[2].Letter != "C" || len(h.Unmapped) != 1 || h.Unmapped[0].Letter != "D" {
		t.Errorf("%+v", h)
	}
}

// TestGroupsGiveHeadingsTheirMeaning proves F15 and F17: what stands below a
// merged group means what the two say together, and of two alike the one counts
// that its group speaks for.
func TestGroupsGiveHeadingsTheirMeaning(t *testing.T) {
	words := map[string]string{"号牌号码": "plate", "车架号": "vin", "姓名": "", "所有人姓名": "owner", "电话": "phone", "所有人电话": "phone", "型号": "model", "发动机型号": "engine", "发动机编号": "number", "编号": ""}
	w := Wording{Match: func(heading string) (string, bool) { key, known := words[heading]; return key, known }, Rank: func(string) int { return 0 }, Required: []string{"owner"}}
	b, err := Open("a.csv", []byte("某市台账,,,,,,,\n车辆信息,,发动机信息,,所有人情况,,经办人,\n号牌号码,车架号,型号,编号,姓名,电话,姓名,电话\n湘A1,X,6BT,1,张三,1,李四,2\n"))
	must(t, err)
	h, err := FindHeader(b, w)
	must(t, err)
	var got []string
	for _, c := range h.Columns {
		got = append(got, c.Letter+"="+c.Key)
	}
	if h.Row != 3 || strings.Join(got, " ") != "A=plate B=vin C=engine D=number E=owner F=phone" {
		t.Errorf("%s: %+v", got, h)
	}
	for text, want := range map[string]bool{"某市台账": true, "车辆信息,,发动机信息,,所有人情况,,经办人,": true, "第 2 页 共 3 页": true, "第2页": true, "- 2 -": true, "某市": false, "湘A1,X,6BT,1,张三,1,李四,2": false, "第一运输公司,X": false, "-,X": false} {
		if got := h.NoData(Row{Number: 40, Cells: strings.Split(text, ",")}); got != want {
			t.Errorf("%q: no data is %v", text, got)
		}
	}
}

// TestSheetThatIsMeantIsPicked proves F15: a sheet of sums in front is not the
// one that is meant, and sheets with more data are named.
func TestSheetThatIsMeantIsPicked(t *testing.T) {
	f := excelize.NewFile()
	for sheet, rows := range map[string][][]any{
		"Sheet1": {{"所有人", "注册日期", "总质量", "数量"}, {"某", "2010", "3", "2"}},
		"武陵区":    {{"号牌号码", "车架号", "所有人"}, {"湘J1", "X", "某"}},
		"鼎城区":    {{"号牌号码", "车架号", "所有人"}, {"湘J2", "Y", "某"}},
		"空表":     {{"号牌号码", "车架号", "所有人"}, {"合计", "", "0"}},
	} {
		_, err := f.NewSheet(sheet)
		must(t, err)
		for i, row := range rows {
			must(t, f.SetSheetRow(sheet, fmt.Sprintf("A%d", i+1), &row))
		}
	}
	must(t, f.MoveSheet("武陵区", "鼎城区"), f.MoveSheet("鼎城区", "空表"))
	b, err := Open("a", saved(t, f))
	must(t, err)
	picked, err := Pick(b, Wording{Match: match, Required: []string{"plate"}})
	must(t, err)
	read := append([]string{picked.SheetName}, picked.Further...)
	slices.Sort(read)
	if picked.SheetName == "Sheet1" || strings.Join(read, " ") != "武陵区 鼎城区" {
		t.Errorf("%s, and further %s", picked.SheetName, picked.Further)
	}
}
