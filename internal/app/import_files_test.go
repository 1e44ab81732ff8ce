package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// office makes files as offices send them, and knows what is in them.
type office struct {
	*apptest.Fixture
	t       *rapid.T
	class   registry.Class
	spec    registry.Spec
	city    registry.Region
	columns []officeColumn
	rows    []officeRow
	xlsx    bool
}

// officeColumn is one column: a field in some wording, or one that no class has.
type officeColumn struct {
	field   *registry.FieldSpec
	heading string
	upper   bool // the heading stands in the upper of two merged rows
}

// officeRow is one line of the sheet. Data rows know what must become of them.
type officeRow struct {
	cells   []any // string or float64
	hidden  bool
	data    bool
	outcome string
	codes   []string
	form    map[string]string // what is registered
	number  int               // in the sheet, once it is written
}

func (o *office) one(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(o.t, label)
}

func (o *office) often(label string, percent int) bool {
	return rapid.IntRange(1, 100).Draw(o.t, label) <= percent
}

func (o *office) day(from, to int) civil.Day {
	d, err := civil.New(rapid.IntRange(from, to).Draw(o.t, "year"), rapid.IntRange(1, 12).Draw(o.t, "month"), rapid.IntRange(1, 28).Draw(o.t, "day"))
	if err != nil {
		o.t.Fatal(err)
	}
	return d
}

// truth is the n-th asset as it is, in the registry's own form.
func (o *office) truth(n int) map[string]string {
	f := map[string]string{
		"plate": fmt.Sprintf("%s%05d", o.city.PlatePrefix, n), "vin": apptest.VIN(n), "engine_no": fmt.Sprintf("E%06d", n), "engine_model": "6BT5.9",
		"model": o.one("model", "东风牌EQ1160GLJ", "PC200-6", "东方红-LX954"), "owner_name": o.one("owner", "张三", "某某运输有限公司", "益阳市某某合作社"),
		"owner_id": o.one("id", "91430100MA00000003", "439900198001010015"), "owner_phone": fmt.Sprintf("139%08d", n), "police_status": o.one("police", "A", "G", "GQ", "M"),
		"serial": fmt.Sprintf("SY%06d", n), "env_code": fmt.Sprintf("1-AB%06d", n), "farm_plate": fmt.Sprintf("湘%s%05d", o.city.Code[2:4], n),
		"ship_name": fmt.Sprintf("湘某某货%04d", n), "ship_id": fmt.Sprintf("CN%011d", 19_950_000_000+n), "home_port": "岳阳", "survey_no": fmt.Sprintf("1995K%07d", n),
		"gross_mass_kg": strconv.Itoa(rapid.IntRange(500, 60_000).Draw(o.t, "mass")), "gross_tonnage": o.one("tonnage", "600", "1250.5", "98"),
		"power_kw": o.one("power", "110", "58.8", "250"), "scrap_due_on": string(o.day(2020, 2035)), "stage_basis_on": string(o.day(2021, 2024)),
	}
	built := o.day(1988, 2016)
	f["built_on"], f["registered_on"] = string(built), string(built.AddMonths(rapid.IntRange(0, 30).Draw(o.t, "months")))
	for _, field := range o.spec.Fields {
		if len(field.Options) > 0 {
			f[field.Key] = field.Options[rapid.IntRange(0, len(field.Options)-1).Draw(o.t, field.Key)].Code
		}
		if field.Type == registry.DistrictField {
			all := o.Reference.Districts(o.city.Code)
			f[field.Key] = all[rapid.IntRange(0, len(all)-1).Draw(o.t, "district")].Code
		}
	}
	known := map[string]string{}
	for _, c := range o.columns {
		if c.field != nil && (c.field.Required || o.often("given", 80)) {
			known[c.field.Key] = f[c.field.Key]
		}
	}
	return known
}

// written is a value as some clerk types it.
func (o *office) written(f *registry.FieldSpec, value string) any {
	switch {
	case value == "":
		return o.one("nothing", "", "", " ", "/", "-", "无", "　")
	case f.Type == registry.DayField:
		return o.writtenDay(civil.Day(value))
	case f.Type == registry.IntegerField || f.Type == registry.DecimalField:
		return o.writtenNumber(f, value)
	case len(f.Options) > 0:
		for _, option := range f.Options {
			if option.Code == value {
				value = o.one("wording", append([]string{option.Code, option.Name.ZH, option.Name.EN}, option.Synonyms...)...)
			}
		}
	case f.Type == registry.DistrictField:
		d, _ := o.Reference.Region(value)
		names := []string{d.Code, d.Name, o.city.Name + d.Name}
		if short := strings.TrimRight(d.Name, "县区市"); len([]rune(short)) > 1 && !o.ambiguous(short, d.Code) && short+"市" != o.city.Name {
			names = append(names, short)
		}
		if d.OldCodes != "" {
			names = append(names, strings.Split(d.OldCodes, "|")...)
		}
		value = o.one("district", names...)
	case f.Key == "plate":
		r := []rune(value)
		value = o.one("plate", value, string(r[1:]), string(r[:2])+"·"+string(r[2:]), string(r[:2])+"-"+string(r[2:]))
	case f.Key == "env_code":
		value = o.one("env", value, strings.Replace(value, "-", "", 1))
	case f.Key == "owner_name" || f.Key == "model" || f.Key == "police_status" || f.Key == "home_port" || f.Key == "engine_model":
		return o.one("blanks", value, " "+value, value+"\t", value+"　")
	}
	if n, err := strconv.ParseFloat(value, 64); err == nil && o.xlsx && len(value) < 12 && strconv.FormatFloat(n, 'f', -1, 64) == value && o.often("as number", 50) {
		return n
	}
	return o.typed(value)
}

func (o *office) ambiguous(short, code string) bool {
	for _, d := range o.Reference.Districts(o.city.Code) {
		if d.Code != code && strings.TrimRight(d.Name, "县区市") == short {
			return true
		}
	}
	return false
}

// typed is a code as it is typed: small letters, full width, blanks around it.
func (o *office) typed(value string) string {
	switch o.one("typing", "plain", "plain", "small", "wide", "blanks", "zero width") {
	case "small":
		return strings.ToLower(value)
	case "wide":
		return strings.Map(func(r rune) rune {
			if r > ' ' && r < 0x7f {
				return r + 0xfee0
			}
			return r
		}, value)
	case "blanks":
		return "  " + value + "\u00a0"
	case "zero width":
		return "\u200b" + value
	}
	return value
}

func (o *office) writtenDay(d civil.Day) any {
	at, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		o.t.Fatal(err)
	}
	serial := at.Sub(time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)).Hours() / 24
	switch form := o.one("day", "2006-01-02", "2006/1/2", "2006.1.2", "20060102", "2006年1月2日", "2006-01-02 00:00:00", "2006/1/2 8:05", "serial", "number", "wide"); form {
	case "serial":
		return strconv.Itoa(int(serial))
	case "number":
		if o.xlsx {
			return serial
		}
		return string(d)
	case "wide":
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r + 0xfee0
			}
			return r
		}, string(d))
	default:
		return at.Format(form)
	}
}

func (o *office) writtenNumber(f *registry.FieldSpec, value string) any {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil {
		o.t.Fatal(err)
	}
	switch o.one("number", "plain", "unit", "thousands", "zeros", "number", "wide") {
	case "unit":
		return value + map[string]string{"kg": "千克", "kW": "kW", "GT": "总吨"}[f.Unit]
	case "thousands":
		if whole, rest, _ := strings.Cut(value, "."); len(whole) > 3 && rest == "" {
			return whole[:len(whole)-3] + "," + whole[len(whole)-3:]
		}
	case "zeros":
		return strconv.FormatFloat(n, 'f', 2, 64)
	case "number":
		if o.xlsx {
			return n
		}
	case "wide":
		return o.typed(value)
	}
	return value
}

// head chooses columns, their order and their wording.
func (o *office) head() {
	for i := range o.spec.Fields {
		f := &o.spec.Fields[i]
		if !f.Required && !o.often("column", 70) {
			continue
		}
		heading := o.one(f.Key, append([]string{f.Key, f.Name.ZH, f.Name.ZH, f.Name.EN}, f.Synonyms...)...)
		if !strings.ContainsAny(heading, "(（") {
			heading = o.one("marks", heading, heading, "*"+heading, heading+"：", heading+"（必填）", " "+heading+" ")
		}
		o.columns = append(o.columns, officeColumn{field: f, heading: heading})
	}
	for _, more := range []string{"住址", "检验有效期止", "年检情况", "CCRQQ"} {
		if o.often("more", 20) {
			o.columns = append(o.columns, officeColumn{heading: more})
		}
	}
	if o.class == registry.Truck { // a second column of the same thing, to be passed over
		for i, c := range o.columns {
			if c.field != nil && c.field.Key == "plate_kind" && registry.Rank(o.class, o.columns[i].heading) == registry.Exact && o.often("colour", 50) {
				o.columns = append(o.columns, officeColumn{heading: "号牌颜色"})
			}
		}
	}
	o.columns = rapid.Permutation(o.columns).Draw(o.t, "order")
	if o.often("numbered", 50) {
		o.columns = slices.Insert(o.columns, 0, officeColumn{heading: "序号"})
	}
	if o.often("two rows", 30) {
		for i := range o.columns {
			o.columns[i].upper = o.columns[i].field != nil && o.often("upper", 50)
		}
	}
}

// line lays out a data row.
func (o *office) line(values map[string]string) []any {
	cells := make([]any, len(o.columns))
	for i, c := range o.columns {
		switch {
		case c.field != nil:
			cells[i] = o.written(c.field, values[c.field.Key])
		case c.heading == "序号":
			cells[i] = strconv.Itoa(len(o.rows))
		default:
			cells[i] = o.one("other", "", "x", "黄", "2025-01-01")
		}
	}
	return cells
}

// expect says what must become of a row: what the rules say of the asset as it
// is, however it is written.
func (o *office) expect(values map[string]string, hidden bool) officeRow {
	a, findings := o.Reference.Check(o.class, registry.Input{City: o.city.Code, Fields: values, Today: o.Today()})
	row := officeRow{data: true, hidden: hidden, outcome: "create", form: maps.Clone(a.Fields)}
	for _, f := range findings {
		row.codes = append(row.codes, f.Code)
	}
	for key, value := range map[string]string{"owner_id": a.OwnerID, "owner_phone": a.OwnerPhone} {
		if value != "" {
			row.form[key] = value
		}
	}
	if hidden {
		row.codes = append(row.codes, "hidden_row")
	}
	return row
}

// spoil makes one field of a row wrong and returns the code that must say so.
func (o *office) spoil(cells []any) (code string, possible bool) {
	i := rapid.IntRange(0, len(cells)-1).Draw(o.t, "spoilt")
	f := o.columns[i].field
	if f == nil {
		return "", false
	}
	kind := string(f.Type)
	if f.Required && o.often("leave out", 30) {
		kind = "required"
	}
	switch kind {
	case "required":
		cells[i], code = o.one("nothing", "", "/", " "), "required"
	case string(registry.DayField):
		cells[i], code = o.one("bad day", "2010-02-30", "2010.13.1", "不详日期", "201013"), "date_invalid"
		if f.Key != "scrap_due_on" && o.often("future", 40) {
			cells[i], code = "2038-01-19", "date_future"
		}
	case string(registry.IntegerField), string(registry.DecimalField):
		cells[i], code = o.one("bad number", "约10", "1O0", "十"), "format"
		if o.often("too much", 50) {
			cells[i], code = "999999999", "out_of_range"
		}
	case string(registry.OptionField):
		if f.Key != "category" && f.Key != "stage" {
			return "", false // left out with a warning
		}
		cells[i], code = o.one("no option", "宇宙飞船", "待定类", "Q99"), "unknown_value"
	case string(registry.DistrictField):
		cells[i], code = o.one("elsewhere", "朝阳区", "110105", "衡阳县"), "wrong_city"
	default:
		switch f.Key {
		case "plate", "vin", "ship_id", "env_code", "farm_plate":
			cells[i], code = o.one("no number", "A1", "湘A1234I5O", "CN12", "号码不清"), "format"
		case "serial":
			cells[i], code = "看不清?", "format"
		}
	}
	return code, code != ""
}

// fill writes the rows and remembers what each must come to.
func (o *office) fill() {
	type kept struct {
		values map[string]string
		codes  []string
	}
	var good []kept
	for n := range rapid.IntRange(3, 14).Draw(o.t, "rows") {
		values := o.truth(1000 + n)
		hidden := o.xlsx && o.often("hidden", 10)
		row := o.expect(values, hidden)
		row.cells = o.line(values)
		switch kind := o.one("row", "good", "good", "good", "bad", "again", "clash", "blank", "total", "number"); kind {
		case "bad":
			if code, possible := o.spoil(row.cells); possible {
				row.outcome, row.codes, row.form = "reject", []string{code}, nil
			}
		case "again", "clash":
			if len(good) == 0 {
				break
			}
			was := good[rapid.IntRange(0, len(good)-1).Draw(o.t, "earlier")]
			values = maps.Clone(was.values)
			row = o.expect(values, hidden)
			row.outcome = "duplicate"
			if kind == "clash" {
				values["owner_name"] = "另一位业主"
				if !slices.ContainsFunc(o.columns, func(c officeColumn) bool { return c.field != nil && c.field.Key == "owner_name" }) {
					break
				}
				row = o.expect(values, hidden)
				row.outcome, row.form = "reject", nil
			}
			row.cells, row.form, row.codes = o.line(values), nil, append(row.codes, "duplicate_in_file")
		case "blank":
			o.rows = append(o.rows, officeRow{})
		case "total":
			o.rows = append(o.rows, officeRow{cells: []any{o.one("total", "合计", "总 计", "小计：", "填表人：张三")}})
		case "number":
			if o.columns[0].heading == "序号" {
				o.rows = append(o.rows, officeRow{cells: []any{"99"}})
			}
		}
		if row.cells == nil { // a clash that cannot be made
			row = o.expect(o.truth(1000+n), hidden)
			row.cells = o.line(row.form)
		}
		if row.outcome == "create" {
			good = append(good, kept{values, row.codes})
		}
		o.rows = append(o.rows, row)
	}
}

// sheet puts the head above the rows and numbers them.
func (o *office) sheet() [][]any {
	var lines [][]any
	for range rapid.IntRange(0, 3).Draw(o.t, "titles") {
		lines = append(lines, []any{o.one("title", o.city.Name+"老旧车船机械清单", "填报单位：某某局", "统计日期：2025-03-01", "")})
	}
	upper, lower := make([]any, len(o.columns)), make([]any, len(o.columns))
	two := false
	for i, c := range o.columns {
		if upper[i], lower[i] = "", c.heading; c.upper {
			upper[i], lower[i], two = c.heading, "", true
		}
	}
	if below := func(v any) bool { return v != "" }; two && slices.ContainsFunc(lower, below) && o.lowerKnown() {
		lines = append(lines, upper, lower)
	} else {
		for i, c := range o.columns {
			lower[i] = c.heading
		}
		lines = append(lines, lower)
	}
	for i := range o.rows {
		lines = append(lines, o.rows[i].cells)
		o.rows[i].number = len(lines)
	}
	return lines
}

// lowerKnown reports whether the lower row of headings has any that is known.
func (o *office) lowerKnown() bool {
	return slices.ContainsFunc(o.columns, func(c officeColumn) bool { return c.field != nil && !c.upper })
}

func (o *office) asXLSX(lines [][]any) []byte {
	f := excelize.NewFile()
	day, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		o.t.Fatal(err)
	}
	for r, line := range lines {
		for c, value := range line {
			place, err := excelize.CoordinatesToCellName(c+1, r+1)
			if err == nil && value != "" {
				err = f.SetCellValue("Sheet1", place, value)
			}
			if _, isNumber := value.(float64); err == nil && isNumber && c < len(o.columns) && o.columns[c].field != nil && o.columns[c].field.Type == registry.DayField {
				err = f.SetCellStyle("Sheet1", place, place, day)
			}
			if err != nil {
				o.t.Fatal(err)
			}
		}
	}
	for _, row := range o.rows {
		if row.hidden {
			if err := f.SetRowVisible("Sheet1", row.number, false); err != nil {
				o.t.Fatal(err)
			}
		}
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		o.t.Fatal(err)
	}
	return b.Bytes()
}

func (o *office) asCSV(lines [][]any) []byte {
	separator, end := o.one("separator", ",", ";", "\t"), o.one("line end", "\n", "\r\n")
	var b strings.Builder
	for _, line := range lines {
		for i, value := range line {
			if i > 0 {
				b.WriteString(separator)
			}
			text := fmt.Sprint(value)
			if strings.ContainsAny(text, ",;\t\"\n") {
				text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
			}
			b.WriteString(text)
		}
		b.WriteString(strings.Repeat(separator, max(0, len(o.columns)-max(1, len(line)))))
		b.WriteString(end)
	}
	b.WriteString(strings.Repeat(end, rapid.IntRange(0, 3).Draw(o.t, "trailing")))
	var data []byte
	var err error
	switch text := []byte(b.String()); o.one("encoding", "UTF-8", "BOM", "GB18030", "UTF-16") {
	case "BOM":
		data = append([]byte("\xef\xbb\xbf"), text...)
	case "GB18030":
		data, err = simplifiedchinese.GB18030.NewEncoder().Bytes(text)
	case "UTF-16":
		data, err = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes(text)
	default:
		data = text
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return data
}

// TestFilesOfAnyOfficeAreReadAsMeant proves F15 and F16: whatever the wording,
// the order of columns, the encoding, the forms of days and numbers and the dirt
// around them, each row of a file comes to what it was made from. All four
// classes and all six cities.
func TestFilesOfAnyOfficeAreReadAsMeant(t *testing.T) {
	if err := flag.Set("rapid.checks", "15"); err != nil {
		t.Fatal(err)
	}
	storetest.Engines(t, func(t *testing.T, url string) {
		f := apptest.New(t, url)
		for _, spec := range registry.Classes() {
			t.Run(string(spec.Class), func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					o := &office{Fixture: f, t: rt, class: spec.Class, spec: f.Reference.SpecWithOptions(spec.Class), xlsx: rapid.Bool().Draw(rt, "xlsx")}
					o.city = rapid.SampledFrom(f.Reference.Cities()).Draw(rt, "city")
					o.head()
					o.fill()
					o.upload()
				})
			})
		}
	})
}

func (o *office) upload() {
	ctx := context.Background()
	lines := o.sheet()
	data := o.asCSV
	if o.xlsx {
		data = o.asXLSX
	}
	i, err := o.ImportSheet(ctx, access.System("test"), o.class, o.city.Code, "a", bytes.NewReader(data(lines)), "")
	if err != nil {
		o.t.Fatal(err)
	}
	show := func() string {
		var b strings.Builder
		for n, line := range lines {
			fmt.Fprintf(&b, "%d: %q\n", n+1, line)
		}
		return b.String() + i.Sheet
	}
	if i.State != "checked" {
		o.t.Fatalf("the import is %s: %s\n%s", i.State, i.Problem, show())
	}
	rows, err := o.DB.ImportRows(ctx, i, store.ImportRowFilter{Limit: 1000})
	if err != nil {
		o.t.Fatal(err)
	}
	findings, err := o.DB.ImportFindings(ctx, i, store.FindingFilter{Limit: 10_000})
	if err != nil {
		o.t.Fatal(err)
	}
	codes := map[int][]string{}
	for _, f := range findings {
		codes[f.RowNo] = append(codes[f.RowNo], f.Code)
	}
	ignored, total := 0, 0
	for _, want := range o.rows {
		if !want.data {
			ignored++
			continue
		}
		if total++; total > len(rows) {
			o.t.Fatalf("row %d is not there\n%s", want.number, show())
		}
		got := rows[total-1]
		if got.RowNo != want.number || got.Outcome != want.outcome {
			o.t.Fatalf("row %d is %s with %v, want row %d to %s with %v\n%s", got.RowNo, got.Outcome, codes[got.RowNo], want.number, want.outcome, want.codes, show())
		}
		for _, code := range want.codes {
			if !slices.Contains(codes[got.RowNo], code) {
				o.t.Fatalf("row %d has the findings %v, want %v\n%s", got.RowNo, codes[got.RowNo], want.codes, show())
			}
		}
		if want.form == nil {
			continue
		}
		form := map[string]string{}
		if err := json.Unmarshal([]byte(got.Data), &form); err != nil {
			o.t.Fatal(err)
		}
		if !maps.Equal(form, want.form) || len(codes[got.RowNo]) != len(want.codes) {
			o.t.Fatalf("row %d is read as %v with %v, want %v with %v\n%s", got.RowNo, form, codes[got.RowNo], want.form, want.codes, show())
		}
	}
	if counts := app.CountsOf(i); counts.Total != total || len(rows) != total || counts.Ignored != ignored {
		o.t.Fatalf("%d rows and %d ignored, want %d and %d\n%s", counts.Total, counts.Ignored, total, ignored, show())
	}
}
