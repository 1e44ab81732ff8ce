package registry

import (
	"regexp"
	"slices"
	"strings"

	"phaseout/internal/identifier"
)

// leftOut are headings that every sheet has and no class needs.
var leftOut = map[string]bool{"序号": true, "编号": true, "备注": true, "错误说明": true, "FINDINGS": true, "NO.": true}

// headingForm folds a heading: signs and blanks out, units and remarks in
// brackets at its end out.
func headingForm(heading string) string {
	v := identifier.Normalize(heading)
	return strings.Trim(headingMarks.Replace(v), "_-")
}

var headingMarks = strings.NewReplacer("（", "(", "）", ")", "*", "", ":", "", "：", "")

// unitIn finds the unit at the end of a heading.
var unitIn = regexp.MustCompile(`[(/]?(马力|匹|HP|PS|吨|T|万元?)\)?$`)

// scales are units in which offices give a figure, and what one of them is in
// the unit of the field. Horsepower is the metric one, as on Chinese nameplates.
var scales = map[string]map[string]float64{
	"kg": {"吨": 1000, "T": 1000},
	"kW": {"马力": 0.73549875, "匹": 0.73549875, "HP": 0.73549875, "PS": 0.73549875},
}

// Scale returns by what the figures of a column must be multiplied to be in the
// unit of the class's field, 1 where its heading names that unit or none.
func Scale(class Class, key, heading string) float64 {
	f, _ := fieldOf(class, key)
	v := headingForm(heading)
	if m := unitIn.FindStringSubmatch(v); m != nil && !strings.HasSuffix(v, "总吨") {
		if by := scales[f.Unit][m[1]]; by > 0 {
			return by
		}
	}
	if strings.Contains(v, "马力") && f.Unit == "kW" {
		return scales["kW"]["马力"]
	}
	return 1
}

// otherMoney are headings of sums, which are never figures of an asset.
var otherMoney = regexp.MustCompile(`\(万元?\)$`)

func withoutBrackets(v string) string {
	if i := strings.IndexByte(v, '('); i > 0 && !otherMoney.MatchString(v) {
		return v[:i]
	}
	if i := strings.IndexByte(v, '/'); i > 0 && unitSuffix.MatchString(v[i+1:]) {
		return v[:i]
	}
	return v
}

// unitSuffix is a unit behind a stroke, as in 总质量/kg.
var unitSuffix = regexp.MustCompile(`^(KG|KW|T|千克|公斤|千瓦|吨|GT|总吨|马力)$`)

// makeshift are the wordings that stand for a field only where no better column
// does: registers keep the colour of a plate beside its kind, the name of a code
// beside the code, the user beside the owner.
var makeshift = map[string][]string{
	"plate_kind":    {"号牌颜色", "车牌颜色", "牌照颜色", "HPYS"},
	"vin":           {"底盘号"},
	"engine_no":     {"发动机"},
	"category":      {"CLLXMC", "车型", "车种", "车辆类别", "车型分类", "机械名称", "设备名称", "机具名称", "农机名称", "品目", "船型"},
	"model":         {"品牌", "厂牌", "车辆品牌", "中文品牌", "CLPP1", "规格", "机型"},
	"use":           {"是否营运", "营运性质"},
	"stage":         {"国标", "排放", "环保阶段", "环保达标情况", "HBDBQK"},
	"serial":        {"车架号", "机身编号", "机械编号", "设备编号", "产品编号", "机架号", "底盘号", "机号"},
	"power_kw":      {"功率", "净功率", "最大净功率", "额定净功率", "发动机额定净功率", "发动机功率", "配套动力", "总功率"},
	"registered_on": {"登记日期", "登记时间"},
	"owner_name":    {"使用人", "使用单位", "经营人", "船舶经营人", "单位名称", "所属单位", "企业名称", "姓名", "业主"},
	"owner_id":      {"组织机构代码", "信用代码", "统一社会信用代码"},
	"owner_phone":   {"电话", "手机", "手机号", "手机号码", "固定电话", "移动电话", "SJHM"},
	"police_status": {"状态"}, // beside the police's, our own exports have the work status
	"district":      {"属地", "登记地", "区域", "行政区划代码", "XZQH"},
}

// How surely a heading stands for its field. Where several columns of a sheet
// stand for one field, the surest is read.
const (
	Exact     = iota // a wording of the field
	Makeshift        // a wording that stands for it only where nothing better does
	Guessed          // only the words in it speak of the field
)

// Rank returns how surely a heading stands for its field: Exact, Makeshift or
// Guessed.
func Rank(class Class, heading string) int {
	key, _ := FindField(class, heading)
	v := headingForm(heading)
	if !leftOut[v] && !wordingOf(class, key, v) && !wordingOf(class, key, withoutBrackets(v)) {
		return Guessed
	}
	if slices.ContainsFunc(makeshift[key], func(wording string) bool {
		return headingForm(wording) == v || headingForm(wording) == withoutBrackets(v)
	}) {
		return Makeshift
	}
	return Exact
}

func wordingOf(class Class, key, folded string) bool {
	f, ok := fieldOf(class, key)
	return ok && slices.ContainsFunc(append([]string{f.Key, f.Name.ZH, f.Name.EN}, f.Synonyms...), func(name string) bool { return headingForm(name) == folded })
}

// FindField returns the field of a class that a sheet's heading stands for, by
// its key, its names, the wording of other offices, or the words in it. A
// heading that every sheet has and no class needs gives "" and true.
func FindField(class Class, heading string) (key string, known bool) {
	v := headingForm(heading)
	if v == "" {
		return "", false
	}
	for _, candidate := range []string{v, withoutBrackets(v)} {
		for _, f := range profiles[class].Fields {
			for _, name := range append([]string{f.Key, f.Name.ZH, f.Name.EN}, f.Synonyms...) {
				if headingForm(name) == candidate {
					return f.Key, true
				}
			}
		}
	}
	if leftOut[v] || class == Truck && IsProvince(heading) {
		return "", true
	}
	if len([]rune(v)) <= longestHeading && !otherMoney.MatchString(v) {
		return guessField(class, v)
	}
	return "", false
}

// longestHeading in signs: longer texts are titles and remarks.
const longestHeading = 24

// IsProvince reports whether a column has the province's sign of a plate, which
// police exports keep apart.
func IsProvince(heading string) bool {
	switch headingForm(heading) {
	case "SFJC", "省份简称", "省简称", "号牌省份", "号牌省份简称":
		return true
	}
	return false
}

// NearestField returns the name of the field whose wording shares most signs
// with an unknown heading, for the message about it.
func NearestField(class Class, heading string) (name string, found bool) {
	v, best := headingForm(heading), 0.5
	for _, f := range profiles[class].Fields {
		for _, wording := range append([]string{f.Name.ZH}, f.Synonyms...) {
			if s := likeness(v, headingForm(wording)); s > best {
				best, name = s, f.Name.ZH
			}
		}
	}
	return name, name != ""
}

// likeness is the share of signs that two texts have in common, in [0, 1].
func likeness(a, b string) float64 {
	left := map[rune]int{}
	for _, r := range a {
		left[r]++
	}
	common := 0
	for _, r := range b {
		if left[r] > 0 {
			left[r]--
			common++
		}
	}
	return 2 * float64(common) / float64(len([]rune(a))+len([]rune(b)))
}
