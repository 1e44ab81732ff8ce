package registry

import (
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/identifier"
)

// profile is a Spec with the rules of its class.
type profile struct {
	Spec
	// identifiers returns the numbers by which the asset is known, the one
	// that people call it by first.
	identifiers func(f map[string]string) []Identifier
	// rule is the plan's own cohort rule, in force until another is accepted.
	rule CohortRule
	// lasts returns the service years after which scrapping is mandatory, 0 if
	// there is no limit or it is not known.
	lasts func(a Asset, group string) int
	// contradictions returns the warnings about fields that do not fit together.
	contradictions func(a Asset, group string) []Finding
}

var (
	profiles   = map[Class]profile{}
	classOrder []Class
)

// register adds a class. Two profiles of one class stop the program at start.
func register(p profile) Class {
	if _, twice := profiles[p.Class]; twice {
		panic("registry: class " + string(p.Class) + " is registered twice")
	}
	profiles[p.Class] = p
	classOrder = append(classOrder, p.Class)
	return p.Class
}

// init fixes the order in which classes are shown.
func init() {
	for _, p := range []profile{truckProfile, machineryProfile, farmProfile, vesselProfile} {
		register(p)
	}
}

// SpecOf returns the profile of a class, without its dictionaries.
func SpecOf(c Class) (Spec, bool) {
	p, ok := profiles[c]
	return p.Spec, ok
}

// Classes returns the profiles of all classes in the order in which they are shown.
func Classes() []Spec {
	specs := make([]Spec, len(classOrder))
	for i, c := range classOrder {
		specs[i] = profiles[c].Spec
	}
	return specs
}

func orDash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

// EarlyMonths returns how many whole months before its mandatory scrapping
// date an asset would leave service on a day, negative after it.
func EarlyMonths(a Asset, on civil.Day) (months int, known bool) {
	if !a.ScrapDueOn.Valid() {
		return 0, false
	}
	return on.MonthsUntil(a.ScrapDueOn), true
}

// stageAtMost reports whether a stage is known and no cleaner than the limit.
func stageAtMost(stage, limit string) bool {
	return strings.HasPrefix(stage, "china") && stage <= limit
}

// unknownSince is the cohort day of an asset that belongs to a cohort since
// nobody knows when.
const unknownSince civil.Day = "1900-01-01"

func since(day civil.Day) civil.Day {
	if day == "" {
		return unknownSince
	}
	return day
}

func inconsistent(field, value string, message, mend bilingual.Text) Finding {
	return Finding{Field: field, Value: value, Code: "inconsistent", Severity: Warning, Message: message, Mend: mend}
}

// SharedEngine is the finding of an engine number that another record has.
func SharedEngine(i Identifier) Finding {
	return Finding{Field: i.Kind, Value: i.Value, Code: "shared_engine", Severity: Warning,
		Message: bilingual.F("发动机号 %s 与另一条记录相同", "another record has the engine number %s too", i.Value),
		Mend:    bilingual.T("请核对是否重复登记或填错", "check whether it is the same asset or a slip")}
}

func unique(kind, value string) Identifier {
	return Identifier{Kind: kind, Value: value, Norm: identifier.Normalize(value), Unique: true}
}

func shared(kind, value string) Identifier {
	return Identifier{Kind: kind, Value: value, Norm: identifier.Normalize(value)}
}

// ownerFields are those that every class has, with the headings of other
// offices' sheets.
func ownerFields(name, id []string) []FieldSpec {
	return []FieldSpec{
		{Key: "owner_name", Name: bilingual.T("所有人", "Owner"), Type: TextField, Hint: bilingual.T("个人姓名或单位全称", "person or organisation"), Synonyms: name, Example: "长沙示例运输有限公司"},
		{Key: "owner_id", Name: bilingual.T("证件号码", "Owner's number"), Type: TextField, Secret: true,
			Hint: bilingual.T("身份证号或统一社会信用代码", "resident number or unified social credit code"), Synonyms: id, Example: "91430100MA00000003"},
		{Key: "owner_phone", Name: bilingual.T("联系电话", "Telephone"), Type: TextField, Secret: true, Hint: bilingual.T("手机号或固定电话", "mobile or landline"),
			Synonyms: []string{"LXDH", "SJHM", "所有人联系电话", "所有人联系方式", "机主电话", "机主联系电话", "船东电话", "移动电话", "固定电话", "联系手机", "手机号码（车主）", "所有人电话", "联系人电话号码", "电话号码", "电话", "联系方式", "手机", "手机号", "手机号码", "联系人电话", "车主联系电话"}, Example: "13900000000"},
		{Key: "district", Name: bilingual.T("所属县区", "District"), Type: DistrictField, Hint: bilingual.T("本市县区名称或代码", "district of the city, by name or code"),
			Synonyms: []string{"XZQH", "行政区划代码", "县（区）", "区（县）", "市县区", "所在区县", "所属县（市、区）", "管辖区", "属地", "登记地", "县区", "区县", "所属区县", "所属辖区", "县市区名称", "所属地区", "登记区县", "所属行政区", "县（市、区）", "县市区", "行政区划", "所在县区", "辖区", "区域"}, Example: ""},
	}
}
