package identifier

import "phaseout/internal/bilingual"

// CreditCode checks a unified social credit code (GB 32100-2015). Other than
// in OwnerID a wrong check sign is an error: a licensed firm has its code in print.
func CreditCode(s string) Result {
	v := Normalize(s)
	if !creditForm.MatchString(v) {
		return bad(v, bilingual.F("“%s”不是统一社会信用代码", "%q is not a unified social credit code", v),
			bilingual.T("18 位数字与大写字母，不含 I、O、S、V、Z，请对照营业执照", "18 digits and capitals without I, O, S, V and Z; compare with the business licence"))
	}
	if v[17] != creditCheck(v) {
		return bad(v, bilingual.F("统一社会信用代码“%s”的校验位不符", "the check sign of credit code %q is wrong", v),
			bilingual.T("请对照营业执照逐位核对", "compare it sign by sign with the business licence"))
	}
	return ok(v)
}
