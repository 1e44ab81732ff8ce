package registry

import (
	"strings"

	"phaseout/internal/identifier"
)

// OwnerKind says whether an owner is a person or an organisation.
type OwnerKind string

// The kinds of owner.
const (
	Person       OwnerKind = "person"
	Organisation OwnerKind = "organisation"
)

// organisationEnds are how the names of organisations end.
var organisationEnds = []string{"公司", "厂", "社", "队", "局", "院", "所", "站", "店", "部", "中心", "集团", "学校", "协会", "委员会", "政府", "场", "矿", "个体工商户", "经营户", "商行", "车行"}

// KindOfOwner tells a person from an organisation by the number (GB 11643 has
// 18 signs of which 17 are figures, GB 32100 starts with a letter or has
// letters in it), else by the name.
func KindOfOwner(name, number string) OwnerKind {
	if n := strings.TrimSuffix(number, "X"); n != "" {
		if strings.Trim(n, "0123456789") == "" && len(number) != 9 {
			return Person
		}
		return Organisation
	}
	for _, end := range organisationEnds {
		if len([]rune(name)) > 3 && (strings.HasSuffix(name, end) || strings.HasSuffix(strings.TrimRight(name, "）)"), end)) {
			return Organisation
		}
	}
	return Person
}

// OwnerKey is what tells one owner from another: the number, else an
// organisation's full name, else a person's name with the telephone. It is ""
// where nothing does: two persons of one name are not taken for one.
func OwnerKey(name, number, phone string) string {
	name, number, phone = identifier.Normalize(name), identifier.Normalize(number), identifier.Normalize(phone)
	switch {
	case name == "":
		return ""
	case number != "":
		return "number:" + number
	case KindOfOwner(name, "") == Organisation:
		return "name:" + name
	case phone != "":
		return "phone:" + phone + "/" + name
	}
	return ""
}
