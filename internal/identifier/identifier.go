// Package identifier normalises and checks the numbers by which vehicles,
// machines, vessels and owners are known. It is pure: text in, verdict out.
package identifier

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
)

// Status is the verdict on an identifier.
type Status int

// A format error keeps a record out; a failed check digit does not, because
// old papers carry such numbers.
const (
	OK Status = iota
	FormatError
	ChecksumWarn
	Unusual // taken as it is, though it has another form than most
)

// Result is a checked identifier.
type Result struct {
	Value  string // normalised, as people read it
	Status Status
	Reason bilingual.Text // what is wrong
	Mend   bilingual.Text // how to mend it
}

// Normalize folds a number as people type it: full-width signs to half-width
// (NFKC), capitals, no blanks, no zero-width or direction marks.
func Normalize(s string) string {
	if isNormal(s) {
		return s
	}
	return norm.NFKC.String(strings.Map(func(r rune) rune { // again: an accent whose blank is taken away joins the sign before it
		if r <= ' ' || r == 0x7f || r == '\u00a0' || r == '\u3000' || (r >= '\u200b' && r <= '\u200f') || r == '\ufeff' || (r >= '\u2028' && r <= '\u202e') {
			return -1
		}
		return r
	}, strings.ToUpper(norm.NFKC.String(s))))
}

// isNormal reports whether a number has only signs that stay what they are:
// digits, capitals and the common Chinese characters. Most have.
func isNormal(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 0x4e00 || r > 0x9fff) {
			return false
		}
	}
	return true
}

func ok(value string) Result { return Result{Value: value} }

func bad(value string, reason, mend bilingual.Text) Result {
	return Result{Value: value, Status: FormatError, Reason: reason, Mend: mend}
}

const provinces = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"

// Plates of GA 36-2018: ordinary, special endings, new-energy small and large.
var (
	plateOrdinary = regexp.MustCompile(`^[` + provinces + `][A-HJ-NP-Z][A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳]$`)
	plateSmallNEV = regexp.MustCompile(`^[` + provinces + `][A-HJ-NP-Z][A-HJK][A-HJ-NP-Z0-9][0-9]{4}$`)
	plateLargeNEV = regexp.MustCompile(`^[` + provinces + `][A-HJ-NP-Z][0-9]{5}[A-HJK]$`)
	plateMarks    = strings.NewReplacer("·", "", "•", "", "‧", "", "∙", "", "⋅", "", "・", "", "･", "", "●", "", ".", "", "。", "", "-", "", "—", "", "–", "", "−", "", "‐", "", "_", "", "“", "", "”", "", "\"", "")
)

// Plate checks a vehicle's plate number (GA 36-2018). An export without the
// province sign gets home, the sign of the registering province.
func Plate(s, home string) Result {
	v := plateMarks.Replace(withoutRemark(Normalize(s)))
	if r := []rune(v); (len(r) == 6 || len(r) == 7 && isNEV(home+v)) && r[0] >= 'A' && r[0] <= 'Z' {
		v = home + v
	}
	if plateOrdinary.MatchString(v) || plateSmallNEV.MatchString(v) || plateLargeNEV.MatchString(v) {
		return ok(v)
	}
	mend := bilingual.T("应为省份简称加字母和 5 位（新能源 6 位）数字或字母，如 湘A12345，不含字母 I、O",
		"a province sign, a letter and 5 (new energy: 6) digits or letters without I and O, such as 湘A12345")
	if fixed := strings.NewReplacer("O", "0", "I", "1").Replace(v); plateOrdinary.MatchString(fixed) {
		mend = bilingual.F("是否应为 %s（字母 O、I 应为数字 0、1）", "should it be %s (digits 0 and 1, not the letters O and I)?", fixed)
	}
	return bad(v, bilingual.F("号牌号码“%s”不符合格式", "the plate number %q does not have its form", v), mend)
}

func isNEV(v string) bool { return plateSmallNEV.MatchString(v) || plateLargeNEV.MatchString(v) }

// IsProvince reports whether a text is the sign of a province on plates.
func IsProvince(s string) bool { return len([]rune(s)) == 1 && strings.Contains(provinces, s) }

// remark is what offices put in brackets behind a number: 湘A12345（黄）.
var remark = regexp.MustCompile(`^([^()]+)\([^()]*\)$`)

func withoutRemark(v string) string {
	if m := remark.FindStringSubmatch(v); m != nil {
		return m[1]
	}
	return v
}

// cityLetters are the letters of Hunan's plates for the six cities (GA 36;
// from memory, unverified).
var cityLetters = map[string]string{"湘A": "430100", "湘B": "430200", "湘C": "430300", "湘F": "430600", "湘J": "430700", "湘H": "430900"}

// PlateCity returns the city that a plate's letters stand for, or false if it
// is none of the six.
func PlateCity(plate string) (string, bool) {
	r := []rune(plate)
	if len(r) < 2 {
		return "", false
	}
	code, ok := cityLetters[string(r[:2])]
	return code, ok
}

// GB 16735: the value of each sign, the weight of each position, the sum
// modulo 11 as the ninth sign.
var (
	vinForm    = regexp.MustCompile(`^[A-HJ-NPR-Z0-9]{17}$`)
	shortFrame = regexp.MustCompile(`^[A-Z0-9]{4,16}$`)
	vinMarks   = strings.NewReplacer("*", "", "-", "", "—", "", "–", "", "·", "", ".", "", "“", "", "”", "", "\"", "") // as stamped or as typed
	vinWeights = [17]int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}
	vinValues  = [256]int{'1': 1, '2': 2, '3': 3, '4': 4, '5': 5, '6': 6, '7': 7, '8': 8, '9': 9, 'A': 1, 'B': 2, 'C': 3, 'D': 4, 'E': 5, 'F': 6, 'G': 7, 'H': 8, 'J': 1, 'K': 2, 'L': 3, 'M': 4, 'N': 5, 'P': 7, 'R': 9,
		'S': 2, 'T': 3, 'U': 4, 'V': 5, 'W': 6, 'X': 7, 'Y': 8, 'Z': 9}
)

// GoodVIN reports whether a VIN has its form and its check digit.
func GoodVIN(vin string) bool { return vinForm.MatchString(vin) && vinCheckDigit(vin) == vin[8] }

// vinCheckDigit returns the ninth sign that a VIN of the right form must have.
func vinCheckDigit(v string) byte {
	sum := 0
	for i := 0; i < 17; i++ {
		sum += vinValues[v[i]] * vinWeights[i]
	}
	if sum %= 11; sum == 10 {
		return 'X'
	}
	return byte('0' + sum)
}

// VIN checks a vehicle identification number (GB 16735): 17 signs without I, O
// and Q, the ninth a check digit. Before 2004 frames carried shorter numbers;
// with short true they are taken with a warning.
func VIN(s string, short bool) Result {
	v := vinMarks.Replace(withoutRemark(Normalize(s)))
	if !vinForm.MatchString(v) {
		if short && shortFrame.MatchString(v) {
			return Result{v, ChecksumWarn, bilingual.F("车架号“%s”不足 17 位，按 2004 年以前车辆保留", "the frame number %q is shorter than 17 signs; kept as of a vehicle before 2004", v),
				bilingual.T("请核对登记证书", "check it with the registration certificate")}
		}
		mend := bilingual.T("应为 17 位数字和字母，不含 I、O、Q", "17 digits and letters without I, O and Q")
		if fixed := strings.NewReplacer("O", "0", "Q", "0", "I", "1").Replace(v); fixed != v && vinForm.MatchString(fixed) {
			mend = bilingual.F("不含 I、O、Q；是否应为 %s", "it has no I, O or Q; should it be %s?", fixed)
		}
		return bad(v, bilingual.F("车辆识别代号“%s”不符合格式（%d 位）", "the VIN %q does not have its form (%d signs)", v, len([]rune(v))), mend)
	}
	if oneSign(v) {
		return bad(v, bilingual.F("“%s”是占位号码，不是车辆识别代号", "%q stands in for a VIN and is none", v), bilingual.T("请按登记证书填写", "write it as on the registration certificate"))
	}
	want := vinCheckDigit(v)
	if v[8] == want {
		return ok(v)
	}
	mend := bilingual.F("第 9 位应为 %s", "the ninth sign should be %s", string(want))
	if fixed := vinFix(v); fixed != "" {
		mend = bilingual.F("第 9 位应为 %s，或号码应为 %s", "the ninth sign should be %s, or the number should be %s", string(want), fixed)
	}
	return Result{v, ChecksumWarn, bilingual.F("车辆识别代号“%s”的校验位不符", "the check digit of the VIN %q is wrong", v), mend}
}

// oneSign reports whether a number is one sign over and over, as clerks fill in a
// field that must not be blank.
func oneSign(v string) bool { return v != "" && strings.Trim(v, v[:1]) == "" }

// hasFigures reports whether a number has anything but words in it.
func hasFigures(v string) bool {
	return strings.ContainsFunc(v, func(r rune) bool { return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' })
}

// lookalikes are the signs that are taken for each other when a VIN is typed.
var lookalikes = map[byte]string{'8': "B", 'B': "8", '5': "S", 'S': "5", '2': "Z", 'Z': "2", '0': "D", 'D': "0", '1': "L7", '7': "1T", 'T': "7", 'U': "V", 'V': "U", 'G': "6", '6': "G"}

// vinFix returns the VIN with one look-alike sign changed that makes its check
// digit right, "" if there is none or more than one.
func vinFix(v string) string {
	found := ""
	for i := range 17 {
		if i == 8 {
			continue
		}
		for _, other := range []byte(lookalikes[v[i]]) {
			candidate := v[:i] + string(other) + v[i+1:]
			if vinCheckDigit(candidate) == v[8] && vinForm.MatchString(candidate) {
				if found != "" {
					return ""
				}
				found = candidate
			}
		}
	}
	return found
}

// GB 11643-1999 resident identity numbers and GB 32100-2015 unified social
// credit codes.
var (
	residentForm = regexp.MustCompile(`^[1-9][0-9]{16}[0-9X]$`)
	bornForm     = regexp.MustCompile(`^.{6}(18|19|20)`)
	oldResident  = regexp.MustCompile(`^[0-9]{15}$`)
	creditForm   = regexp.MustCompile(`^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$`)
	oldOrgForm   = regexp.MustCompile(`^[0-9A-Z]{8}-?[0-9X]$`)
	damaged      = regexp.MustCompile(`^[0-9](\.[0-9]+)?E\+?[0-9]+$`)
)

// Broken reports whether a number was turned into scientific notation, as a
// spreadsheet does with long ones, and has lost its last figures.
func Broken(s string) bool { return broken.MatchString(Normalize(s)) }

var broken = regexp.MustCompile(`^[0-9]\.[0-9]+E\+[0-9]+$`)

const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// OwnerID checks an owner's number: 18-digit resident number, unified social
// credit code, or one of the older forms. A number that a spreadsheet turned
// into 4.3E+17 cannot be restored and is a format error; any other slip is a
// warning, because it identifies no asset.
func OwnerID(s string) Result {
	v := withoutRemark(Normalize(s))
	warn := func(zh, en string) Result {
		return Result{v, ChecksumWarn, bilingual.T(zh, en), bilingual.T("请核对证件", "check it with the document")}
	}
	switch {
	case len(v) > 1 && oneSign(v):
		return warn("证件号码是占位号码", "the number stands in for one")
	case damaged.MatchString(v):
		return bad(v, bilingual.T("证件号码已被表格软件改成科学计数法，末位丢失", "the spreadsheet turned the number into scientific notation; its last digits are lost"),
			bilingual.T("将该列设为文本后重新填写", "set the column to text and enter it again"))
	case residentForm.MatchString(v) && (bornOn(v) || !creditForm.MatchString(v)):
		if !bornOn(v) {
			return warn("居民身份证号码中的出生日期无效", "the birth date in the resident number is not a day")
		}
		if v[17] != residentCheck(v) {
			return warn("居民身份证号码校验位不符", "the check digit of the resident number is wrong")
		}
		return ok(v)
	case creditForm.MatchString(v):
		if v[17] != creditCheck(v) {
			return warn("统一社会信用代码校验位不符", "the check digit of the credit code is wrong")
		}
		return ok(v)
	case oldResident.MatchString(v), oldOrgForm.MatchString(v):
		return ok(v)
	}
	return warn("证件号码不是身份证号或统一社会信用代码的格式", "the number has neither the form of a resident number nor of a credit code")
}

// bornOn reports whether digits 7 to 14 are a day, which tells a resident
// number from a credit code of digits alone.
func bornOn(v string) bool {
	return bornForm.MatchString(v) && civil.Day(v[6:10]+"-"+v[10:12]+"-"+v[12:14]).Valid()
}

func residentCheck(v string) byte {
	weights := [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		sum += int(v[i]-'0') * w
	}
	return "10X98765432"[sum%11]
}

func creditCheck(v string) byte {
	sum, weight := 0, 1
	for i := range 17 {
		sum += strings.IndexByte(creditAlphabet, v[i]) * weight
		weight = weight * 3 % 31
	}
	return creditAlphabet[(31-sum%31)%31]
}

// dashes are what is typed for a hyphen.
var dashes = strings.NewReplacer("—", "-", "–", "-", "−", "-", "‐", "-")

var (
	shipForm   = regexp.MustCompile(`^CN[0-9]{11}$`)
	envForm    = regexp.MustCompile(`^([X0-4D])-?([A-HJ-NP-Z0-9]{7,8})$`)
	envAlone   = regexp.MustCompile(`^[A-HJ-NP-Z0-9]{8}$|^[A-HJ-NPR-Z0-9]{17}$`) // without the mark; of China IV machines (HJ 1014-2020)
	envOther   = regexp.MustCompile(`^[A-Z0-9][A-Z0-9-]{5,23}$`)
	serialForm = regexp.MustCompile(`^[\p{Han}A-Z0-9*#/.()+\-_&:;,=~№\[\]]{1,40}$`)
	farmForm   = regexp.MustCompile(`^湘[0-9]{2}[A-Z0-9]{5}$`)
	phoneForm  = regexp.MustCompile(`^(1[0-9]{10}|0[0-9]{2,3}-?[0-9]{7,8}|[0-9]{7,8})$`)
)

// ShipID checks a vessel's identification number 船舶识别号: CN and 11 digits.
// Its check digit has no public rule.
func ShipID(s string) Result {
	v := dashes.Replace(withoutRemark(Normalize(s)))
	if v = strings.ReplaceAll(v, "-", ""); shipForm.MatchString(v) && !oneSign(v[2:]) {
		return ok(v)
	}
	return bad(v, bilingual.F("船舶识别号“%s”不符合格式", "the ship identification number %q does not have its form", v),
		bilingual.T("应为 CN 加 11 位数字，如 CN20051234567", "CN and 11 digits, such as CN20051234567"))
}

// EnvCode checks the environmental code of a non-road machine 环保号码: stage
// mark and 8 signs, as painted on the machine.
func EnvCode(s string) Result {
	v := dashes.Replace(Normalize(s))
	if m := envForm.FindStringSubmatch(v); m != nil {
		return ok(m[1] + "-" + m[2])
	}
	switch {
	case envAlone.MatchString(v):
		return ok(v)
	case envOther.MatchString(v):
		return Result{v, Unusual, bilingual.F("环保号码“%s”与常见格式不同，按原样登记", "the environmental code %q has an unusual form; it is kept as it is", v), bilingual.T("请与机械上喷涂的号码核对", "compare it with the code painted on the machine")}
	}
	return bad(v, bilingual.F("环保号码“%s”不符合格式", "the environmental code %q does not have its form", v),
		bilingual.T("应为阶段标识加 8 位，如 1-AB12CD34", "a stage mark and 8 signs, such as 1-AB12CD34"))
}

// Serial checks a nameplate's serial number, which has no common form.
func Serial(s string) Result {
	v := strings.Trim(Normalize(s), "*")
	if Broken(v) {
		return bad(v, bilingual.F("编号“%s”已被表格软件改成科学计数法，末位丢失", "the spreadsheet turned the number %q into scientific notation; its last figures are lost", v),
			bilingual.T("请把该列设为“文本”后重新填写", "set the column to text and enter it again"))
	}
	switch {
	case v != "" && (!hasFigures(v) || strings.Trim(v, "0") == "" || strings.Trim(v, "X") == ""):
		return bad(v, bilingual.F("“%s”不是编号", "%q is no number", v), bilingual.T("请按铭牌填写；铭牌缺失的请另行编号并在备注说明", "write the number of the nameplate; where there is none, give the machine one of your own"))
	case serialForm.MatchString(v):
		return ok(v)
	}
	return bad(v, bilingual.F("编号“%s”含有不能识别的字符或过长", "the number %q is too long or holds signs that cannot be read", v),
		bilingual.T("请按铭牌填写字母和数字", "write the letters and digits of the nameplate"))
}

// FarmPlate checks the plate of a tractor or harvester (NY/T 345.1): 湘, the
// office's two digits and five signs.
func FarmPlate(s string) Result {
	v := plateMarks.Replace(withoutRemark(Normalize(s)))
	if len(v) == 7 && farmForm.MatchString("湘"+v) || len(v) == 6 && plateOrdinary.MatchString("湘"+v) { // without the province's sign
		v = "湘" + v
	}
	if farmForm.MatchString(v) || plateOrdinary.MatchString(v) { // old transport tractors carry vehicle plates
		return ok(v)
	}
	return bad(v, bilingual.F("农机号牌“%s”不符合格式", "the farm plate %q does not have its form", v),
		bilingual.T("应为 湘 加两位发牌机关代号和 5 位，如 湘0112345", "湘, two digits and five signs, such as 湘0112345"))
}

// Phone checks a telephone number. Anything else is kept with a warning.
func Phone(s string) Result {
	v := Normalize(s)
	if phoneForm.MatchString(v) {
		return ok(v)
	}
	return Result{v, Unusual, bilingual.T("联系电话不符合格式", "the telephone number does not have its form"), bilingual.T("请核对", "check it")}
}
