package app_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"phaseout/internal/access"
	"phaseout/internal/app/apptest"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/seeds"
)

// sample is a file of the seeds, read with a library, with what must become of
// its rows.
type sample struct {
	class registry.Class
	city  string
	rows  []sampleRow
}

type sampleRow struct {
	fields  map[string]string // raw
	outcome string
	codes   []string
	key     map[string]string
}

// sampleFields are the fields of the columns of each sample file, by hand.
var sampleFields = map[string]struct {
	header int
	fields []string
}{
	"trucks-changsha.xlsx":   {4, strings.Fields("- plate_kind plate vin engine_no category model use fuel stage gross_mass_kg registered_on scrap_due_on police_status owner_name owner_id owner_phone district")},
	"machinery-zhuzhou.xlsx": {3, strings.Fields("fuel category owner_id power_kw serial stage engine_model - model owner_name env_code district built_on owner_phone engine_no")},
	"vessels-yueyang.csv":    {1, strings.Fields("district gross_tonnage owner_id ship_id ship_name home_port - owner_phone category built_on power_kw owner_name")},
}

func sampleOf(t *testing.T, name string) sample {
	t.Helper()
	data, err := seeds.FS.ReadFile("demo/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var grid [][]string
	if strings.HasSuffix(name, ".csv") {
		text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
		if err != nil {
			t.Fatal(err)
		}
		grid, err = csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
	} else {
		f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true})
		if err != nil {
			t.Fatal(err)
		}
		if grid, err = f.GetRows(f.GetSheetName(0)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../registry/testdata/" + name + ".key.json")
	if err != nil {
		t.Fatal(err)
	}
	var key struct {
		Class registry.Class
		City  string
		Rows  []struct {
			Row     int
			Outcome string
			Codes   []string
			Key     map[string]string
		}
	}
	if err := json.Unmarshal(text, &key); err != nil {
		t.Fatal(err)
	}
	s := sample{class: key.Class, city: key.City}
	for _, r := range key.Rows {
		row := sampleRow{map[string]string{}, r.Outcome, r.Codes, r.Key}
		for i, field := range sampleFields[name].fields {
			if field != "-" && i < len(grid[r.Row-1]) {
				row.fields[field] = grid[r.Row-1][i]
			}
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// guise is how another office would send a sample.
type guise struct {
	name, sample string
	headings     string // field=heading
	top          []string
	groups       bool              // a row of groups above, and single headings above merged cells
	below        []string          // a line right below the headings
	encoding     string            // xlsx, utf-8, bom, gb18030, utf-16
	separator    rune              // of CSV
	city         string            // another city, whose plates and districts it has
	words        map[string]string // field/word → the office's word
	days         string            // layout of all days, where they are good ones
	tonnes       bool              // masses in tonnes
	noProvince   bool              // plates without their first sign, which stands apart
	again        int               // the headings again after so many rows
	tail         []string
	front        bool // a page of instructions in front of the sheet
}

var guises = []guise{
	{name: "a police export of another city", sample: "trucks-changsha.xlsx", city: "430700", encoding: "gb18030", separator: ',',
		headings: "plate=HPHM plate_kind=HPZL vin=CLSBDH engine_no=FDJH category=CLLX model=CLXH use=SYXZ fuel=RLZL stage=PFBZ gross_mass_kg=ZZL registered_on=CCDJRQ scrap_due_on=QZBFQZ police_status=ZT owner_name=SYR owner_id=SFZMHM owner_phone=LXDH district=XZQH",
		words: map[string]string{"plate_kind/大型汽车": "01", "plate_kind/小型汽车": "02", "category/轻型厢式货车": "H32", "category/轻型货车": "H31", "category/重型货车": "H11", "category/重型自卸货车": "H17", "category/重型半挂牵引车": "Q11",
			"category/中型厢式货车": "H22", "category/中型货车": "H21", "use/货运": "F", "use/非营运": "A", "use/危化品运输": "R", "fuel/柴油": "B", "fuel/汽油": "A", "stage/国一": "1", "stage/国二": "2", "stage/国三": "3", "stage/国五": "5", "stage/国六": "6",
			"police_status/正常": "A", "police_status/查封": "K", "police_status/抵押": "AK", "police_status/逾期未检验": "GQ"}, days: "20060102", noProvince: true},
	{name: "codes beside names, in tonnes", sample: "trucks-changsha.xlsx", city: "430200", encoding: "xlsx", front: true, groups: true, tonnes: true, top: []string{"株洲市老旧柴油货车摸底台账", "填报单位：株洲市生态环境局", ""},
		headings: "district=所在县市区 owner_phone=车主手机 owner_id=车主身份证号（信用代码） owner_name=车主姓名(单位名称) registered_on=首次注册登记时间 vin=车辆识别号（VIN） plate=机动车牌号 category=车辆类型代码 use=车辆用途 fuel=燃油类别 stage=尾气排放阶段 gross_mass_kg=总质量（吨） scrap_due_on=强制报废截止日 plate_kind=牌照类型 engine_no=发动机编码",
		words: map[string]string{"category/轻型厢式货车": "H32:轻型厢式货车", "category/轻型货车": "轻型栏板式货车", "category/重型货车": "重型载货车（H11）", "category/重型自卸货车": "重型自卸车", "category/重型半挂牵引车": "Q11-重型半挂牵引车",
			"category/中型厢式货车": "中型厢式运输货车", "category/中型货车": "H21 中型普通货车", "use/货运": "营业性道路货运", "stage/国一": "国家第一阶段", "stage/国二": "国Ⅱ标准", "stage/国三": "国Ⅲ（GB17691-2005）", "stage/国五": "国 V", "stage/国六": "CN6",
			"fuel/柴油": "0号柴油", "plate_kind/大型汽车": "01-大型汽车", "plate_kind/小型汽车": "蓝牌（小型汽车）"}, days: "2006.1.2", below: []string{"（kg）"}, again: 300, tail: []string{"合 计", "审核：张三　　制表：李四"}},
	{name: "tabs and three rows of headings", sample: "trucks-changsha.xlsx", city: "430900", encoding: "utf-16", separator: '\t', groups: true, top: []string{"益阳市国三柴油货车淘汰清单"},
		headings: "vin=车架号码（17位） owner_name=登记车主 plate=车辆号牌 registered_on=上户日期 category=车型类别 stage=环保标准 fuel=油品 gross_mass_kg=最大总质量(kg) use=经营性质 district=县（市）区 owner_id=证件编号 owner_phone=联系人手机 engine_no=发动机钢印号码 police_status=车管状态",
		days:     "2006-01-02 15:04:05", tail: []string{"小计", "注：数据来源于车管所"}},
	{name: "a ministry's survey of machines", sample: "machinery-zhuzhou.xlsx", city: "430300", encoding: "bom", separator: ';', top: []string{"湘潭市非道路移动机械摸底调查表", "填表日期：2022-01-20"},
		headings: "category=非道路移动机械种类 serial=机械铭牌编号 stage=机械排放阶段 power_kw=发动机额定净功率（kW） owner_name=所有人（单位或个人） owner_id=身份证/信用代码 built_on=机械出厂年月日 district=所属县市区 engine_no=发动机铭牌编号 engine_model=发动机型号规格 model=机械规格型号 fuel=燃油种类 owner_phone=机主手机号 env_code=环保登记编码",
		words: map[string]string{"category/挖掘机": "履带式液压挖掘机", "category/装载机": "轮式装载机（铲车）", "category/推土机": "山推履带式推土机", "category/压路机": "单钢轮振动压路机", "category/叉车": "合力内燃叉车", "category/起重机": "汽车起重机", "category/非公路用卡车": "非公路矿用自卸车",
			"stage/国Ⅰ": "第一阶段", "stage/国Ⅰ前": "国一以前", "stage/国二": "国家二阶段", "fuel/电动": "纯电动"}, days: "2006/1/2", tail: []string{"合计:800台"}},
	{name: "machines with horsepower and column numbers", sample: "machinery-zhuzhou.xlsx", city: "430600", encoding: "xlsx", groups: true, below: []string{"1", "2", "3"},
		headings: "serial=产品识别代码（PIN） owner_name=产权所有人 category=设备类别名称 stage=发动机排放标准 built_on=设备生产日期 district=属地县区 fuel=动力 owner_id=统一社会信用代码(身份证号) owner_phone=联系人电话 engine_no=柴油机编号 power_kw=功率(千瓦)",
		days:     "2006年1月2日"},
	{name: "a port's register", sample: "vessels-yueyang.csv", city: "430700", encoding: "utf-8", separator: ',', top: []string{"常德市内河老旧船舶登记表,,,"},
		headings: "ship_name=船舶中文名称 ship_id=船舶识别编号 category=船舶种类名称 gross_tonnage=总吨位（GT） power_kw=主推进功率（千瓦） built_on=船舶建成日期 home_port=船籍港名称 owner_name=船舶产权人 owner_id=船东证件号码 owner_phone=船东联系电话 district=所属县（市、区）",
		words:    map[string]string{"category/散货船": "内河散货船", "category/集装箱船": "钢质集装箱船", "category/客船": "普通客船", "category/油船": "油船（一级）", "category/干货船": "干货船", "category/自卸砂船": "自卸砂船"}, days: "2006-1-2", tail: []string{"总计,394"}},
	{name: "a port's register as a workbook", sample: "vessels-yueyang.csv", city: "430900", encoding: "xlsx", top: []string{"益阳市船舶"}, again: 100,
		headings: "owner_name=船主姓名（单位） ship_id=船舶识别号（CN） built_on=建造完工时间 ship_name=船名（船号） category=船舶类型（种类） gross_tonnage=登记总吨位 district=归属县区 power_kw=主机总功率/kW owner_id=船主身份证号",
		days:     "serial", tail: []string{"填表人：王五"}},
}

// TestFilesOfOtherOfficesComeToTheirKeys sends the sample files as other cities
// would: other wordings, none of which the registry knows as a whole, other
// orders, codes, units, encodings and layouts. Every row comes to the outcome
// of the answer key. Proves F15, F16, F17.
func TestFilesOfOtherOfficesComeToTheirKeys(t *testing.T) {
	f := apptest.New(t, "sqlite:"+t.TempDir()+"/test.db")
	for n, g := range guises {
		t.Run(g.name, func(t *testing.T) {
			s := sampleOf(t, g.sample)
			o := disguise{guise: g, t: t, f: f, s: s, rand: rand.New(rand.NewPCG(uint64(n), 1))}
			o.dress()
			data := o.file()
			i, err := f.ImportSheet(context.Background(), access.System("test"), s.class, g.city, "file", bytes.NewReader(data), "")
			if err != nil || i.State != "checked" {
				t.Fatalf("%s, %v: %s\n%.2000s", i.State, err, i.Problem, i.Sheet)
			}
			o.compare(i)
		})
	}
}

type disguise struct {
	guise
	t      *testing.T
	f      *apptest.Fixture
	s      sample
	rand   *rand.Rand
	fields []string // of the columns, "" for one that stands for none
	lines  [][]any
	at     []int // row of each row of the sample
	known  map[string]bool
}

// dress writes the rows as the office has them.
func (o *disguise) dress() {
	headings := map[string]string{}
	for _, pair := range strings.Fields(o.headings) {
		field, heading, _ := strings.Cut(pair, "=")
		headings[field] = heading
		o.fields = append(o.fields, field)
	}
	o.rand.Shuffle(len(o.fields), func(i, j int) { o.fields[i], o.fields[j] = o.fields[j], o.fields[i] })
	o.fields = append([]string{""}, o.fields...)
	o.known = headings2set(headings)
	if o.noProvince {
		o.fields = append(o.fields, "province")
		headings["province"] = "SFJC"
	}
	headings[""] = "序号"
	for _, text := range o.top {
		o.lines = append(o.lines, []any{text})
	}
	head := make([]any, len(o.fields))
	for i, field := range o.fields {
		head[i] = headings[field]
	}
	if o.groups { // 序号 and every third heading reach up over the groups
		top, middle, low := make([]any, len(head)), make([]any, len(head)), make([]any, len(head))
		for i, h := range head {
			switch {
			case i == 0 || i%3 == 0:
				top[i] = h
			case i%3 == 1:
				top[i], middle[i] = "基本信息", h
			default:
				middle[i], low[i] = "其中", h
			}
		}
		o.lines = append(o.lines, top, middle, low)
	} else {
		o.lines = append(o.lines, head)
	}
	if len(o.below) > 0 {
		line := make([]any, len(head))
		for i, field := range o.fields {
			if o.below[0] == "1" {
				line[i] = strconv.Itoa(i + 1)
			} else if field == "gross_mass_kg" {
				line[i] = o.below[0]
			}
		}
		o.lines = append(o.lines, line)
	}
	for n, row := range o.s.rows {
		if o.again > 0 && n > 0 && n%o.again == 0 {
			o.lines = append(o.lines, head, nil)
		}
		line := make([]any, len(o.fields))
		line[0] = strconv.Itoa(n + 1)
		for i, field := range o.fields[1:] {
			line[i+1] = o.cell(field, row)
		}
		o.lines = append(o.lines, line)
		o.at = append(o.at, len(o.lines))
	}
	for _, text := range o.tail {
		o.lines = append(o.lines, []any{text})
	}
}

func headings2set(m map[string]string) map[string]bool {
	set := map[string]bool{}
	for field := range m {
		set[field] = true
	}
	return set
}

func (o *disguise) cell(field string, row sampleRow) any {
	value := row.fields[field]
	if field == "province" {
		value = o.plate(row.fields["plate"])
		if strings.HasPrefix(value, "湘") {
			return "湘"
		}
		return ""
	}
	if word, ok := o.words[field+"/"+strings.TrimSpace(value)]; ok {
		return word
	}
	switch {
	case field == "plate":
		value = o.plate(value)
		if rest, ok := strings.CutPrefix(value, "湘"); ok && o.noProvince {
			return rest
		}
		return value
	case field == "district":
		return o.district(value)
	case strings.HasSuffix(field, "_on") && o.days != "":
		day, err := registry.ParseDay(value)
		if err != nil {
			return value
		}
		at, err := time.Parse(time.DateOnly, string(day))
		if err != nil {
			return value
		}
		if o.days == "serial" {
			return float64(at.Unix()/86400 + 25569)
		}
		return at.Format(o.days)
	case field == "gross_mass_kg" && o.tonnes:
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			return strconv.FormatFloat(n/1000, 'f', -1, 64)
		}
	}
	return value
}

// plate is the plate that the other city would have given.
func (o *disguise) plate(value string) string {
	city, _ := o.f.Reference.Region(o.city)
	own, _ := o.f.Reference.Region(o.s.city)
	v := strings.NewReplacer("ａ", "a", "Ａ", "A").Replace(strings.TrimSpace(value))
	for _, prefix := range []string{own.PlatePrefix, strings.ToLower(own.PlatePrefix)} {
		if rest, ok := strings.CutPrefix(v, prefix); ok {
			return city.PlatePrefix + rest
		}
	}
	return value
}

// district is a district of the other city where the sample has one of its own.
func (o *disguise) district(value string) string {
	for i, d := range o.f.Reference.Districts(o.s.city) {
		if value == d.Name || value == d.Code {
			all := o.f.Reference.Districts(o.city)
			d = all[i%len(all)]
			city, _ := o.f.Reference.Region(o.city)
			return []string{d.Name, d.Code, city.Name + d.Name, "湖南省" + city.Name + d.Name, d.Code + "000000", d.Name + "城关镇"}[o.rand.IntN(6)]
		}
	}
	return value
}

func (o *disguise) file() []byte {
	if o.encoding == "xlsx" {
		return o.workbook()
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = o.separator, o.rand.IntN(2) == 0
	for _, line := range o.lines {
		cells := make([]string, len(o.fields))
		for i, v := range line {
			if v != nil {
				cells[i] = fmt.Sprint(v)
			}
		}
		if err := w.Write(cells); err != nil {
			o.t.Fatal(err)
		}
	}
	w.Flush()
	data := b.Bytes()
	var err error
	switch o.encoding {
	case "gb18030":
		data, err = simplifiedchinese.GB18030.NewEncoder().Bytes(data)
	case "utf-16":
		data, err = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes(data)
	case "bom":
		data = append([]byte("\xef\xbb\xbf"), data...)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return data
}

func (o *disguise) workbook() []byte {
	x := excelize.NewFile()
	sheet := "Sheet1"
	if o.front {
		if err := x.SetCellStr(sheet, "A1", "填表说明：请如实填写，排放标准分国一至国六"); err != nil {
			o.t.Fatal(err)
		}
		sheet = "明细"
		if _, err := x.NewSheet(sheet); err != nil {
			o.t.Fatal(err)
		}
	}
	for r, line := range o.lines {
		for c, v := range line {
			if v == nil || v == "" {
				continue
			}
			place, err := excelize.CoordinatesToCellName(c+1, r+1)
			if err == nil {
				err = x.SetCellValue(sheet, place, v)
			}
			if err != nil {
				o.t.Fatal(err)
			}
		}
	}
	b, err := x.WriteToBuffer()
	if err != nil {
		o.t.Fatal(err)
	}
	return b.Bytes()
}

// compare lays what was found beside the key. Warnings of ours on top are fine;
// so is a finding less where the office's sheet does not have the column.
func (o *disguise) compare(i store.Import) {
	ctx := context.Background()
	rows, err := o.f.DB.ImportRows(ctx, i, store.ImportRowFilter{Limit: 10_000})
	if err != nil {
		o.t.Fatal(err)
	}
	findings, err := o.f.DB.ImportFindings(ctx, i, store.FindingFilter{Limit: 100_000})
	if err != nil {
		o.t.Fatal(err)
	}
	codes, fields := map[int][]string{}, map[int][]string{}
	for _, f := range findings {
		codes[f.RowNo] = append(codes[f.RowNo], f.Code)
		fields[f.RowNo] = append(fields[f.RowNo], f.Field+":"+f.Code+":"+f.Value)
	}
	got := map[int]store.ImportRow{}
	for _, r := range rows {
		got[r.RowNo] = r
	}
	wrong := 0
	for n, want := range o.s.rows {
		r := got[o.at[n]]
		outcome := want.outcome
		if outcome == "warn" {
			outcome = "create"
		}
		good := r.Outcome == outcome
		for _, code := range want.codes {
			good = good && (slices.Contains(codes[r.RowNo], code))
		}
		if outcome == "create" && len(want.codes) == 0 && r.Warned && !o.ownWarnings(codes[r.RowNo]) {
			good = false
		}
		for _, value := range want.key {
			if value = o.plate(value); good && outcome == "create" && !strings.Contains(r.Data, value) {
				good = false
			}
		}
		if !good {
			if wrong++; wrong < 6 {
				o.t.Errorf("row %d: got %s %v, want %s %v\n%q", o.at[n], r.Outcome, fields[r.RowNo], want.outcome, want.codes, o.lines[o.at[n]-1])
			}
		}
	}
	if wrong > 0 || len(rows) != len(o.s.rows) {
		o.t.Errorf("%d rows are wrong, %d rows of %d; %.3000s", wrong, len(rows), len(o.s.rows), i.Sheet)
	}
}

func (o *disguise) ownWarnings(codes []string) bool {
	return !slices.ContainsFunc(codes, func(code string) bool { return code != "unread_value" && code != "unusual_form" })
}
