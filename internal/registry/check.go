package registry

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/identifier"
)

// checker collects the normalised fields and the findings of one input.
type checker struct {
	ref      *Reference
	in       Input
	class    Class
	asset    Asset
	findings []Finding
	group    string // group of the category
}

// Check is the one rule for a record, whoever gives it: form, API or import.
// It normalises every field, fills the typed members of the asset and returns
// every finding at once. Checking the fields of a good asset again gives the
// same asset.
func (ref *Reference) Check(class Class, in Input) (Asset, []Finding) {
	p := profiles[class]
	c := &checker{ref: ref, in: in, class: class, asset: Asset{Class: class, CityCode: in.City, Stage: "unknown", StageSource: "none", Fields: map[string]string{}}}
	for _, f := range p.Fields {
		c.field(f)
	}
	a := &c.asset
	a.Category, a.Fuel, a.Model = a.Fields["category"], a.Fields["fuel"], a.Fields["model"]
	a.RegisteredOn, a.BuiltOn = civil.Day(a.Fields["registered_on"]), civil.Day(a.Fields["built_on"])
	a.PoliceStatus, a.OwnerName, a.DistrictCode = a.Fields["police_status"], a.Fields["owner_name"], a.Fields["district"]
	if stage := a.Fields["stage"]; stage != "" && stage != "unknown" {
		a.Stage, a.StageSource = stage, "record"
		if basis := a.Fields["stage_basis"]; basis != "" {
			a.StageSource = basis
		}
	}
	c.scrapDue(p)
	if c.failed() {
		return c.asset, c.findings
	}
	a.Identifiers = p.identifiers(a.Fields)
	a.Label = a.Identifiers[0].Value
	a.CohortOn = ref.CohortDay(*a)
	a.InScope = a.CohortOn != "" && a.CohortOn <= in.Today
	c.scope()
	c.order()
	if p.contradictions != nil {
		c.findings = append(c.findings, p.contradictions(*a, c.group)...)
	}
	return c.asset, c.findings
}

func (c *checker) failed() bool {
	for _, f := range c.findings {
		if f.Severity == Error {
			return true
		}
	}
	return false
}

func (c *checker) add(f FieldSpec, code string, severity Severity, message, mend bilingual.Text) {
	c.findings = append(c.findings, Finding{Field: f.Key, Value: c.in.Fields[f.Key], Code: code, Severity: severity, Message: message, Mend: mend})
}

func (c *checker) wrong(f FieldSpec, code string, message, mend bilingual.Text) {
	c.add(f, code, Error, message, mend)
}

// named puts a field's name before a text.
func named(f FieldSpec, zh, en string) bilingual.Text {
	return bilingual.T(f.Name.ZH+zh, f.Name.EN+en)
}

// field reads one field by its type.
func (c *checker) field(f FieldSpec) {
	raw := strings.TrimSpace(norm.NFC.String(strings.Map(dropInvisible, c.in.Fields[f.Key])))
	raw = strings.TrimSpace(strings.Trim(raw, "'`’‘")) // as programs mark a figure that is text
	given := identifier.Normalize(raw)
	if notGiven[given] || (!f.Required && notKnown[given] && f.Type != DayField && f.Type != OptionField) {
		if given == "#N/A" && !f.Required {
			c.add(f, "unread_value", Warning, named(f, "是公式的错误值“#N/A”，未登记此项", " is #N/A, the error of a formula, and is left out"), formulaMend)
		} else if f.Required {
			c.wrong(f, "required", named(f, "不能为空", " is missing"), bilingual.T("请填写；"+f.Hint.ZH, "fill it in: "+f.Hint.EN))
		}
		return
	}
	if c.noValue(f, raw, given) {
		return
	}
	if len(raw) > 400 {
		c.wrong(f, "format", named(f, "内容过长", " is too long"), bilingual.T("请缩短到 100 个字以内", "shorten it to 100 signs"))
		return
	}
	var value string
	var good bool
	switch f.Type {
	case DayField:
		value, good = c.day(f, raw)
	case IntegerField, DecimalField:
		value, good = c.number(f, raw)
	case OptionField:
		value, good = c.option(f, raw)
	case DistrictField:
		value, good = c.district(f, raw)
	default:
		value, good = c.text(f, raw)
	}
	switch {
	case !good:
	case f.Key == "owner_id":
		c.asset.OwnerID = value
	case f.Key == "owner_phone":
		c.asset.OwnerPhone = value
	case value != "":
		c.asset.Fields[f.Key] = value
	}
}

// ditto are marks for what stands in the row above, which nothing can be read from.
var ditto = map[string]bool{"同上": true, "同前": true, "如上": true, "〃": true, "″": true, "\"": true, "”": true, "“": true}

// sheetErrors are what a spreadsheet shows where a formula fails.
var sheetErrors = map[string]bool{"#REF!": true, "#VALUE!": true, "#DIV/0!": true, "#NAME?": true, "#NUM!": true, "#NULL!": true, "#SPILL!": true, "#CALC!": true}

var formulaMend = bilingual.T("请改正公式，或粘贴为数值后重新上传", "mend the formula, or paste the values, and upload it again")

// noValue refuses what stands in a cell for a value and is none: the error of a
// formula, a formula that was never computed, a ditto mark.
func (c *checker) noValue(f FieldSpec, raw, given string) bool {
	code := "format"
	if f.Type == DayField {
		code = "date_invalid"
	}
	switch {
	case sheetErrors[given]:
		c.wrong(f, code, named(f, "是公式的错误值“"+given+"”", " is "+given+", the error of a formula"),
			formulaMend)
	case c.in.Sheet && strings.HasPrefix(raw, "="):
		c.wrong(f, code, named(f, "是公式，文件中没有保存计算结果", " is a formula whose result is not in the file"),
			bilingual.T("请用 WPS 或 Excel 打开并保存，或粘贴为数值后重新上传", "open and save it in WPS or Excel, or paste the values, and upload it again"))
	case f.Identifier && notKnown[given]:
		c.wrong(f, code, named(f, "“"+raw+"”不是号码", " "+strconv.Quote(raw)+" is no number"), bilingual.T("请查明后填写；"+f.Hint.ZH, "find it out and fill it in: "+f.Hint.EN))
	case ditto[raw] || ditto[given]:
		c.wrong(f, code, named(f, "写的是“同上”，不能从上一行推断", " is a ditto mark; nothing is taken from the row above"),
			bilingual.T("请填写本行自己的值", "write the row's own value"))
	default:
		return false
	}
	return true
}

// notGiven is what offices write into a cell for which they have nothing.
var notGiven = map[string]bool{"": true, "/": true, `\`: true, "-": true, "--": true, "—": true, "——": true, "无": true, "空": true, "N/A": true, "#N/A": true, "NULL": true}

// notKnown is what they write for what nobody can tell any more. A day or an
// entry of a dictionary that reads so is a matter of its own.
var notKnown = map[string]bool{"不详": true, "未知": true, "不明": true, "待查": true, "无法辨认": true, "看不清": true, "不清": true, "暂无": true, "缺失": true, "未填": true, "未登记": true, "未编码": true, "未喷码": true, "待编": true, "待编码": true, "待核实": true, "待补": true, "办理中": true, "正在办理": true, "未办理": true, "无编号": true, "无编码": true, "无号码": true, "无铭牌": true, "无牌": true, "无牌照": true,
	"未上牌": true, "未见": true, "磨损": true, "模糊": true, "铭牌缺失": true, "铭牌磨损": true, "铭牌不清": true, "无法识别": true, "***": true, "**": true, "*": true, "?": true, "??": true, "???": true}

func dropInvisible(r rune) rune {
	if r == '\u3000' || r == '\u00a0' || r == '\t' || r == '\n' || r == '\r' {
		return ' '
	}
	if r < ' ' || r == '\ufeff' || (r >= '\u200b' && r <= '\u200f') || (r >= '\u202a' && r <= '\u202e') {
		return -1
	}
	return r
}

// text reads a text field; those that are identifiers have their own forms.
func (c *checker) text(f FieldSpec, raw string) (string, bool) {
	if c.in.Rounded[f.Key] && figures(raw) > exactFigures {
		c.wrong(f, "format", named(f, "以数字存放，末尾几位已丢失", " is kept as a number and has lost its last figures"),
			bilingual.T("请把该列设为“文本”后重新填写", "set the column to text and enter it again"))
		return "", false
	}
	if (f.Key == "owner_id" || f.Key == "owner_phone") && strings.ContainsAny(raw, "*＊") { // must not replace the number itself
		c.add(f, "unread_value", Warning, named(f, "是脱敏后的号码，未登记此项", " is masked and is left out"), bilingual.T("如需登记请填写完整号码；已登记的号码不受影响", "give the whole number; one that is registered stays"))
		return "", false
	}
	var r identifier.Result
	switch f.Key {
	case "plate":
		r = identifier.Plate(raw, c.province())
	case "vin":
		r = identifier.VIN(raw, c.before2004())
	case "serial":
		r = identifier.Serial(raw)
	case "env_code":
		r = identifier.EnvCode(raw)
	case "farm_plate":
		r = identifier.FarmPlate(raw)
	case "ship_id":
		r = identifier.ShipID(raw)
	case "owner_id":
		r = identifier.OwnerID(raw)
	case "owner_phone":
		r = identifier.Phone(raw)
	case "engine_no":
		if identifier.Broken(raw) {
			c.wrong(f, "format", named(f, "已被表格软件改成科学计数法，末位丢失", " was turned into scientific notation; its last figures are lost"),
				bilingual.T("请把该列设为“文本”后重新填写", "set the column to text and enter it again"))
			return "", false
		}
		if number := identifier.Normalize(raw); strings.Trim(number, "0-—/.*") != "" {
			return number, true
		}
		c.add(f, "unread_value", Warning, named(f, "“"+raw+"”不是号码，未登记此项", " "+strconv.Quote(raw)+" is no number and is left out"), bilingual.T("请按铭牌补填", "add it as on the plate"))
		return "", true
	case "ship_name", "survey_no":
		return identifier.Normalize(raw), true
	default:
		return strings.Join(strings.Fields(raw), " "), true
	}
	switch r.Status {
	case identifier.FormatError:
		c.wrong(f, "format", r.Reason, r.Mend)
		return "", false
	case identifier.ChecksumWarn:
		c.add(f, "check_digit", Warning, r.Reason, r.Mend)
	case identifier.Unusual:
		c.add(f, "unusual_form", Warning, r.Reason, r.Mend)
	}
	return r.Value, true
}

// province returns the sign that a plate without one gets.
func (c *checker) province() string {
	if p := identifier.Normalize(c.in.Province); identifier.IsProvince(p) {
		return p
	}
	return "湘"
}

// exactFigures is how many figures of a number a spreadsheet keeps.
const exactFigures = 15

// figures counts the figures of a number as it is written, of one with an
// exponent as if it were written out.
func figures(raw string) int {
	n, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.Abs(n) < 1 {
		return 0
	}
	return int(math.Log10(math.Abs(n))) + 1
}

// before2004 reports whether the vehicle is old enough for a short frame number.
func (c *checker) before2004() bool {
	day, err := ParseDay(c.in.Fields["registered_on"])
	return err == nil && day < "2004-01-01"
}

// noLimit is how registers write that an asset need never be scrapped.
var noLimit = map[string]bool{"长期": true, "无限期": true, "不限": true, "无期限": true, "永久": true, "长期有效": true}

func (c *checker) day(f FieldSpec, raw string) (string, bool) {
	if f.Key == "scrap_due_on" && noLimit[raw] {
		return "", true
	}
	day, err := ParseDay(raw)
	if err != nil && f.Key == "built_on" {
		var month bool
		if day, month = parseMonth(raw); month { // all that a nameplate says
			err = nil
			c.add(f, "month_only", Warning, named(f, "只有年月，按当月 1 日登记", " has no day; the first of the month is taken"), bilingual.T("如能查到具体日期请补填", "add the day if it can be found"))
		}
	}
	switch {
	case err == nil && day >= "1900-01-01" && day < c.earliest():
		c.add(f, "unlikely_date", Warning, named(f, " "+string(day)+" 过早，疑为笔误", " "+string(day)+" is unlikely early"), bilingual.T("请核对年份", "check the year"))
	case err != nil:
		c.wrong(f, "date_invalid", named(f, "“"+raw+"”不是有效日期", " "+strconv.Quote(raw)+" is not a day of the calendar"),
			bilingual.T("请按 2009-03-05 的格式填写真实日期", "write a real day as 2009-03-05"))
		return "", false
	case f.Key == "scrap_due_on":
		if day.Year() >= 2099 { // how registers write "no limit"
			return "", true
		}
	case day > c.in.Today:
		c.wrong(f, "date_future", named(f, " "+string(day)+" 晚于今天", " "+string(day)+" is after today"),
			bilingual.T("请核对年份", "check the year"))
		return "", false
	case day < "1900-01-01":
		c.wrong(f, "date_invalid", named(f, " "+string(day)+" 早于 1900 年", " "+string(day)+" is before 1900"), bilingual.T("请核对年份", "check the year"))
		return "", false
	}
	return string(day), true
}

// earliest is the day before which nothing that is still registered was made.
func (c *checker) earliest() civil.Day {
	if c.class == Vessel {
		return "1950-01-01"
	}
	return "1970-01-01"
}

var (
	numberForm = regexp.MustCompile(`^-?[0-9]{1,12}(\.[0-9]{1,12})?$`)
	grouped    = regexp.MustCompile(`^-?[0-9]{1,3}([,，][0-9]{3})+(\.[0-9]+)?$`)
	ownUnit    = regexp.MustCompile(`(千克|公斤|KG)$`)
	unitSigns  = strings.NewReplacer("千克", "", "公斤", "", "千瓦", "", "总吨", "", "吨", "", "KG", "", "KW", "", "GT", "")
	otherUnit  = regexp.MustCompile(`^[0-9.,]+(吨|T|马力|匹|HP|PS)$`)
)

// leastKilograms is below what a mass can only be one in tonnes.
const leastKilograms = 100

func (c *checker) number(f FieldSpec, raw string) (string, bool) {
	v, by := identifier.Normalize(raw), c.in.Scale[f.Key]
	if m := otherUnit.FindStringSubmatch(v); m != nil && scales[f.Unit][m[1]] > 0 {
		v, by = strings.TrimSuffix(v, m[1]), scales[f.Unit][m[1]]
	}
	kilograms := ownUnit.MatchString(v)
	if v = unitSigns.Replace(v); grouped.MatchString(v) { // another comma may be a decimal point
		v = strings.NewReplacer(",", "", "，", "").Replace(v)
	}
	if !numberForm.MatchString(v) {
		c.wrong(f, "format", named(f, "“"+raw+"”不是数字", " "+strconv.Quote(raw)+" is not a number"),
			bilingual.T("只填数字，单位 "+f.Unit, "digits only, in "+f.Unit))
		return "", false
	}
	n, _ := strconv.ParseFloat(v, 64)
	if by > 0 && !(f.Unit == "kg" && n >= f.Min && n == math.Trunc(n)) { // nothing weighs 2500 tonnes: the heading is wrong
		n = math.Round(n*by*100) / 100
	} else if f.Unit == "kg" && n > 0 && n < leastKilograms && !kilograms {
		n = math.Round(n * 1000)
		c.add(f, "inconsistent", Warning, named(f, " "+v+" 按吨换算为 "+short(n)+" kg", " "+v+" was read as tonnes, "+short(n)+" kg"), bilingual.T("请确认单位；应填千克", "make sure of the unit; kilograms are wanted"))
	}
	if n < f.Min || n > f.Max {
		limits := bilingual.T("应在 "+short(f.Min)+" 到 "+short(f.Max)+" "+f.Unit+" 之间", "between "+short(f.Min)+" and "+short(f.Max)+" "+f.Unit)
		c.wrong(f, "out_of_range", named(f, " "+v+" 超出合理范围", " "+v+" is out of range"), limits)
		return "", false
	}
	if f.Type == IntegerField {
		return strconv.FormatInt(int64(n+0.5), 10), true
	}
	return short(n), true
}

func short(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func (c *checker) option(f FieldSpec, raw string) (string, bool) {
	o, found := c.ref.FindOption(c.class, f.Dictionary, raw)
	if !found && c.in.Sheet && f.Key != "category" && f.Key != "stage" {
		c.add(f, "unread_value", Warning, named(f, "“"+raw+"”不在字典中，未登记此项", " "+strconv.Quote(raw)+" is in no dictionary and is left out"),
			bilingual.T("请在记录上补选；"+f.Hint.ZH, "choose it on the record: "+f.Hint.EN))
		return "", true
	}
	if !found {
		c.wrong(f, "unknown_value", named(f, "“"+raw+"”不在字典中", " "+strconv.Quote(raw)+" is in no dictionary"),
			bilingual.T("请改为字典中的名称；"+f.Hint.ZH, "use a name of the dictionary: "+f.Hint.EN))
		return "", false
	}
	if f.Key == "category" {
		c.group = o.Group
	}
	return o.Code, true
}

func (c *checker) district(f FieldSpec, raw string) (string, bool) {
	code, belongs := c.ref.FindDistrict(c.in.City, raw)
	city := c.ref.byCode[c.in.City]
	if !belongs {
		c.wrong(f, "wrong_city", bilingual.F("“%s”不属于本次登记的城市", "%q is not a district of the city", raw),
			bilingual.T("请填写"+city.Name+"的县区", "give a district of "+city.NameEN))
		return "", false
	}
	if code == "" && zone.MatchString(identifier.Normalize(raw)) {
		c.add(f, "unread_value", Warning, named(f, "“"+raw+"”不是行政区划，按市本级登记", " "+strconv.Quote(raw)+" is no district of the code list; it is registered under the city itself"),
			bilingual.T("如需计入某个县区，请填写该县区", "give a district if it should count there"))
	}
	if c.in.District != "" && code != "" && code != c.in.District {
		own := c.ref.byCode[c.in.District]
		c.wrong(f, "wrong_city", bilingual.T("“"+raw+"”不是您所在的县区", strconv.Quote(raw)+" is not your district"),
			bilingual.T("只能登记"+own.Name+"的数据", "you can register for "+own.NameEN+" only"))
		return "", false
	}
	return code, true
}

// scrapDue takes the mandatory scrapping date from the record, else computes
// it: from the first registration, or from the production date if registered
// more than two years after it.
func (c *checker) scrapDue(p profile) {
	a := &c.asset
	if c.in.District != "" && a.DistrictCode == "" {
		a.DistrictCode = c.in.District
		a.Fields["district"] = c.in.District
	}
	if given := a.Fields["scrap_due_on"]; given != "" {
		a.ScrapDueOn, a.ScrapDueSource = civil.Day(given), "record"
		return
	}
	start := a.RegisteredOn
	if start == "" || (a.BuiltOn != "" && a.BuiltOn.AddYears(2) < start) {
		start = a.BuiltOn
	}
	if years := p.lasts(*a, c.group); years > 0 && start != "" {
		a.ScrapDueOn, a.ScrapDueSource = start.AddYears(years), "computed"
	}
}

// order warns where days contradict each other, and where another register says
// that what is entered as in use is gone.
func (c *checker) order() {
	a := c.asset
	add := func(field string, message, mend bilingual.Text) {
		c.findings = append(c.findings, inconsistent(field, c.in.Fields[field], message, mend))
	}
	days := bilingual.T("请核对两个日期", "check both days")
	if a.BuiltOn != "" && a.RegisteredOn != "" && a.BuiltOn > a.RegisteredOn {
		add("built_on", bilingual.T("出厂日期 "+string(a.BuiltOn)+" 晚于登记日期 "+string(a.RegisteredOn), "produced on "+string(a.BuiltOn)+", after it was registered on "+string(a.RegisteredOn)), days)
	}
	if a.ScrapDueSource == "record" && a.RegisteredOn != "" && a.ScrapDueOn <= a.RegisteredOn {
		add("scrap_due_on", bilingual.T("强制报废期止 "+string(a.ScrapDueOn)+" 不晚于登记日期 "+string(a.RegisteredOn), "to be scrapped on "+string(a.ScrapDueOn)+", not after it was registered on "+string(a.RegisteredOn)), days)
	}
	if Cancelled(a.PoliceStatus) {
		add("police_status", bilingual.T("公安登记状态“"+a.PoliceStatus+"”表示已注销，本系统按在用登记", "by its police status "+a.PoliceStatus+" it is cancelled; here it is registered as in use"),
			bilingual.T("如确已注销，登记后请在“淘汰”中补录", "if it is, log its retirement after it is registered"))
	}
}

// Cancelled reports whether a status of the police register, words or letters
// (GA 24.17: E, M, P), says that a vehicle is not in use any more.
func Cancelled(status string) bool {
	for _, word := range []string{"注销", "作废", "报废"} {
		if strings.Contains(status, word) && !strings.Contains(status, "未") {
			return true
		}
	}
	letters := strings.ToUpper(status)
	return letters != "" && strings.Trim(letters, "ABCDEGHIJKLMNOPQ") == "" && strings.ContainsAny(letters, "EMP")
}

// scope warns where no requirement covers the record.
func (c *checker) scope() {
	a := c.asset
	switch {
	case a.InScope:
	case a.Class != Vessel && a.Stage == "unknown":
		c.findings = append(c.findings, Finding{Field: "stage", Code: "stage_unknown", Severity: Warning,
			Message: bilingual.T("未填排放标准，按“未知”登记并单独统计", "no emission stage given: kept as unknown and counted as such"),
			Mend:    bilingual.T("请从登记资料或环保信息公开平台查明后补填", "find it in the register or the public disclosure and add it")})
	default:
		_, _, reason := c.ref.ExplainScope(a, c.in.Today)
		field, value := "stage", c.in.Fields["stage"]
		if a.Class == Vessel {
			field, value = "built_on", c.in.Fields["built_on"]
		}
		c.findings = append(c.findings, Finding{Field: field, Value: value, Code: "out_of_scope", Severity: Warning, Message: reason,
			Mend: bilingual.T("可以登记，但不计入淘汰要求", "it can be registered but counts toward no requirement")})
	}
}
