package registry

import (
	"regexp"
	"slices"
	"strings"

	"phaseout/internal/identifier"
)

// FindOption reads an entry of a dictionary as offices write it: a name, a
// code, a synonym, two of them beside each other as in "H17:重型自卸货车", or a
// longer wording whose words leave no doubt.
func (ref *Reference) FindOption(class Class, kind, text string) (Option, bool) {
	known := ref.meanings[string(class)+"/"+kind]
	v := identifier.Normalize(text)
	if o, ok := known[v]; ok {
		return o, true
	}
	if kind == "category" && class == Truck {
		if o, ok := ref.Option(class, kind, truckType(v)); ok {
			return o, true
		}
	}
	if o, ok := oneOf(known, parts(v)); ok && (kind != "fuel" || !strings.ContainsAny(v, "电气混双")) {
		return o, true
	}
	code := ""
	switch kind {
	case "stage":
		code = stageOf(v)
	case "fuel":
		code = fuelOf(v)
	case "use":
		code = useOf(v)
	case "category":
		if class != Truck {
			return lastWord(known, v)
		}
	case "plate_kind":
		if m := codeAndName.FindStringSubmatch(v); m != nil && known[m[1]].Code != "" && known[m[1]].Code == known[m[2]].Code {
			code = known[m[1]].Code
		}
	}
	return ref.Option(class, kind, code)
}

// codeAndName is a code with its name right behind, as in 01大型汽车.
var codeAndName = regexp.MustCompile(`^([0-9]{1,2})(\p{Han}+)$`)

// parts cuts a wording at its signs.
func parts(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune("()（）[]【】:：-—_/、,，;；|.·", r) })
}

// oneOf returns the entry that the parts of a wording name, if it is one only.
func oneOf(known map[string]Option, parts []string) (found Option, ok bool) {
	if len(parts) < 2 {
		return found, false
	}
	for _, part := range parts {
		o, is := known[part]
		if is && ok && o.Code != found.Code {
			return Option{}, false
		}
		if is {
			found, ok = o, true
		}
	}
	return found, ok
}

var (
	stageWords = strings.NewReplacer("机动车污染物排放标准", "", "污染物", "", "排放标准", "", "排放阶段", "", "排放", "", "标准", "", "阶段", "", "及以下", "", "柴油", "", "非道路", "", "发动机", "", "机动车", "", "重型", "", "车", "", "类", "", "级", "", "(", "", ")", "")
	// stageDoc is the number of a standard, as is often written before or behind a
	// stage, of which it tells nothing: one standard has several.
	stageDoc   = regexp.MustCompile(`(?:GB/?T?|HJ)\d{4,6}(?:\.\d)?[-—–]?\d{4}`)
	stageForm  = regexp.MustCompile(`^(?:中国|国家|国|欧洲|欧|G|GB|CN|CHINA|EURO|EU|STAGE)?第?([0-6零〇一二三四五六]|I{1,3}|IV|VI?)[AB]?(?:OBD)?(以前|之前|前)?$`)
	stageSigns = map[string]string{"零": "0", "〇": "0", "一": "1", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6", "I": "1", "II": "2", "III": "3", "IV": "4", "V": "5", "VI": "6"}
)

// stageOf reads an emission stage by its number: 国Ⅲ, 国家第三阶段, Euro 3.
func stageOf(v string) string {
	m := stageForm.FindStringSubmatch(stageWords.Replace(strings.Trim(stageDoc.ReplaceAllString(v, ""), "、,，;；/+-—《》")))
	if m == nil {
		return ""
	}
	sign := m[1]
	if figure, ok := stageSigns[sign]; ok {
		sign = figure
	}
	if m[2] != "" {
		if sign != "1" { // before China II is not one stage
			return ""
		}
		sign = "0"
	}
	return "china" + sign
}

// dieselGrade is what diesel is sold as (GB 19147).
var dieselGrade = regexp.MustCompile(`^(-?(0|5|10|20|35|50))(号|#)$`)

// fuelOf reads a fuel that is named with more words, such as -10号柴油.
func fuelOf(v string) string {
	diesel, petrol := strings.Contains(v, "柴油"), strings.Contains(v, "汽油")
	mixed := strings.ContainsAny(v, "电气混双")
	switch {
	case dieselGrade.MatchString(v):
		return "diesel"
	case strings.Contains(v, "锂电"), strings.Contains(v, "电瓶"):
		return "electric"
	case diesel && strings.Contains(v, "混动"):
		return "hybrid"
	case strings.Contains(v, "纯电"):
		return "electric"
	case mixed && (diesel || petrol) && strings.Contains(v, "电"):
		return "hybrid"
	case diesel && !petrol && !mixed:
		return "diesel"
	case petrol && !diesel && !mixed:
		return "gasoline"
	}
	return ""
}

// useOf reads what a vehicle is used for.
func useOf(v string) string {
	switch {
	case strings.Contains(v, "转非"):
		return "converted_to_private"
	case strings.HasSuffix(v, "自用"):
		return "non_operating"
	case strings.Contains(v, "非营") || strings.Contains(v, "非运营") || strings.Contains(v, "非经营"):
		return "non_operating"
	case strings.Contains(v, "危险") || strings.Contains(v, "危货") || strings.Contains(v, "危化"):
		return "hazardous"
	case strings.Contains(v, "货运") || strings.Contains(v, "货物运输"):
		return "freight"
	}
	return ""
}

var (
	// noGoods are vehicles that carry no goods or have no engine.
	noGoods    = regexp.MustCompile(`客|轿|摩托|挂车|越野|校车|拖拉机|机械`)
	truckSizes = []struct{ word, code string }{{"重型", "heavy"}, {"大型", "heavy"}, {"中型", "medium"}, {"轻型", "light"}, {"小型", "light"}, {"微型", "mini"}}
	truckForms = []struct {
		words *regexp.Regexp
		code  string
	}{
		{regexp.MustCompile(`全挂牵引`), "full_tractor"}, {regexp.MustCompile(`牵引`), "semi_tractor"}, {regexp.MustCompile(`自卸|渣土`), "dump"}, {regexp.MustCompile(`仓栅|栅栏`), "stake"},
		{regexp.MustCompile(`集装`), "container"}, {regexp.MustCompile(`罐`), "tank"}, {regexp.MustCompile(`平板`), "flat"}, {regexp.MustCompile(`封闭`), "closed"}, {regexp.MustCompile(`厢|冷藏|保温|邮政`), "van"},
		{regexp.MustCompile(`特殊结构`), "special_structure"}, {regexp.MustCompile(`专项|作业|特种|专用|搅拌`), "special_purpose"}, {regexp.MustCompile(`货|载重|栏板|卡车|普通`), "plain"},
	}
)

// truckType reads a vehicle type by its size and its body (GA 802).
func truckType(v string) string {
	if noGoods.MatchString(v) {
		return ""
	}
	for _, size := range truckSizes {
		if !strings.Contains(v, size.word) {
			continue
		}
		for _, form := range truckForms {
			if form.words.MatchString(v) {
				return size.code + "_" + form.code
			}
		}
	}
	return ""
}

// lastWord reads the longest known name at the end of a wording, as Chinese
// names end in what the thing is: 单斗液压挖掘机 is an excavator.
func lastWord(known map[string]Option, v string) (found Option, ok bool) {
	longest := 2
	for _, part := range slices.Concat([]string{v}, parts(v)) {
		for name, o := range known {
			n := len([]rune(name))
			if n > longest && strings.HasSuffix(part, name) && !strings.HasPrefix(name, "其") {
				found, ok, longest = o, true, n
			}
		}
	}
	return found, ok
}
