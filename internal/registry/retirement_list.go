package registry

import (
	"slices"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
)

// ListClass returns the key under which the columns of a list of retirements of
// a class are found: a yard's monthly list, a pasted list. It is no class of
// assets, so that it stands in no list of them.
func ListClass(c Class) Class { return c + "_retirement" }

// IsList reports whether a key is that of a list's columns.
func IsList(c Class) bool { return strings.HasSuffix(string(c), "_retirement") }

// AnyNumber is the field of a list whose column holds whichever number the asset
// is known by.
const AnyNumber = "number"

// registerLists adds the columns of lists of retirements for every class.
func registerLists() {
	for _, c := range classOrder {
		p := profiles[c]
		spec := Spec{Class: ListClass(c), Name: bilingual.T(p.Name.ZH+"淘汰清单", p.Name.EN+" retirement list"), Unit: p.Unit}
		for _, f := range p.Fields {
			if isNumber(f) {
				f.Required, f.Identifier = false, true
				spec.Fields = append(spec.Fields, f)
			}
		}
		var ways []Option
		for _, w := range p.WaysOut {
			ways = append(ways, Option{Code: w.Code, Name: w.Name})
		}
		spec.Fields = append(spec.Fields, listFields(ways)...)
		profiles[spec.Class] = profile{Spec: spec}
	}
}

// isNumber reports whether people name an asset by a field; a ship's name is no
// identifier, because several ships may bear it.
func isNumber(f FieldSpec) bool { return f.Identifier || f.Key == "ship_name" }

func listFields(ways []Option) []FieldSpec {
	day := func(key, zh, en, example string, synonyms ...string) FieldSpec {
		return FieldSpec{Key: key, Name: bilingual.T(zh, en), Type: DayField, Hint: bilingual.T("如 "+example, "such as "+example), Synonyms: synonyms, Example: example}
	}
	text := func(key, zh, en, example string, synonyms ...string) FieldSpec {
		return FieldSpec{Key: key, Name: bilingual.T(zh, en), Type: TextField, Hint: bilingual.T("如 "+example, "such as "+example), Synonyms: synonyms, Example: example}
	}
	return []FieldSpec{
		text(AnyNumber, "号码", "Number", "湘A12345", "识别号码", "号牌或车架号", "车辆号码", "机械号码", "船舶号码", "登记号码"),
		day("handed_in_on", "交售日期", "Handed in on", "2025-11-20", "交车日期", "交车时间", "交售时间", "入厂日期", "入厂时间", "接收日期", "接收时间", "回收日期", "回收时间", "收车日期", "交机日期", "交船日期", "进厂日期", "交付日期", "JSRQ"),
		day("dismantled_on", "拆解日期", "Dismantled on", "2025-11-28", "拆解完成日期", "拆解时间", "拆解完工日期", "完工日期", "解体日期", "监销日期", "销毁日期"),
		day("deregistered_on", "注销日期", "Deregistered on", "2025-12-05", "注销时间", "注销登记日期", "办理注销日期", "变更日期", "所有权注销日期", "公告作废日期", "ZXRQ"),
		text("certificate_no", "回收证明编号", "Certificate number", "HS-430100-00001", "回收证明号", "报废证明编号", "报废机动车回收证明编号", "回收证明", "证明编号", "证明号", "回收证书编号", "确认表编号", "报废农业机械回收确认表编号", "拆解证明编号", "完工证明编号", "拆解完工证明编号", "HSZMBH", "证书编号"),
		text("recycler", "回收拆解企业", "Recycler", "长沙示例再生资源有限公司", "回收企业名称", "回收企业", "拆解企业", "拆解企业名称", "回收拆解企业名称", "拆解厂", "报废企业", "回收单位", "拆船厂", "企业名称"),
		{Key: "way_out", Name: bilingual.T("淘汰去向", "Way out"), Type: OptionField, Options: ways, Hint: bilingual.T("不填为报废拆解", "scrapped if left out"), Synonyms: []string{"去向", "淘汰方式", "处置方式", "报废方式"}, Example: "报废拆解"},
		{Key: "driver", Name: bilingual.T("淘汰动因", "Driver"), Type: OptionField, Options: Drivers(), Hint: bilingual.T("如 经济补偿", "such as subsidy"), Synonyms: []string{"动因", "淘汰原因", "报废原因"}, Example: "经济补偿"},
	}
}

// Drivers are why an asset leaves service (R3).
func Drivers() []Option {
	return []Option{{Code: "subsidy", Name: bilingual.T("经济补偿", "Subsidy")}, {Code: "traffic_ban", Name: bilingual.T("禁限行", "Traffic ban")},
		{Code: "enforcement", Name: bilingual.T("监管执法", "Enforcement")}, {Code: "natural", Name: bilingual.T("自然到期", "Natural")}}
}

// OptionIn returns the code of an option that a cell names by its code or its
// name in either language.
func OptionIn(options []Option, cell string) (code string, found bool) {
	v := headingForm(cell)
	i := slices.IndexFunc(options, func(o Option) bool {
		return headingForm(o.Code) == v || headingForm(o.Name.ZH) == v || headingForm(o.Name.EN) == v
	})
	if i < 0 {
		return "", false
	}
	return options[i].Code, true
}

// NumbersIn returns the numbers that a row of a list names, by the field that
// holds them, each in every form in which an asset of class c may be registered
// with it. What AnyNumber holds is tried as each of them. City says whose plates
// are written without the sign of the province.
func (ref *Reference) NumbersIn(c Class, city string, today civil.Day, fields map[string]string) map[string][]Identifier {
	numbers := map[string][]Identifier{}
	for _, f := range profiles[c].Fields {
		if !isNumber(f) {
			continue
		}
		for _, field := range []string{f.Key, AnyNumber} {
			if strings.TrimSpace(fields[field]) == "" {
				continue
			}
			asset, keys := ref.Recognize(c, Input{City: city, Fields: map[string]string{f.Key: fields[field]}, Today: today})
			for _, i := range profiles[c].identifiers(asset.Fields) {
				if !i.Unique && i.Value != "" { // a ship's name is many ships'
					keys = append(keys, i)
				}
			}
			for _, i := range keys {
				if i.Kind == f.Key && i.Value != "" {
					numbers[field] = append(numbers[field], i)
				}
			}
		}
	}
	return numbers
}
