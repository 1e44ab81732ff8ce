// Package yard is the pure domain of licensed yards and recyclers and of the
// certificates they issue: who may take what on which day, whether a number is
// well-formed, and where a yard's series has gaps or bursts.
package yard

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/identifier"
	"phaseout/internal/registry"
)

// Status is how a yard stands on a day.
type Status string

// The standings. A certificate is taken only from an active yard
// (报废机动车回收管理办法, 国务院令第715号; R32).
const (
	Active      Status = "active"
	Suspended   Status = "suspended"
	Blacklisted Status = "blacklisted"
	Unlicensed  Status = "unlicensed" // before, between or after its licences
)

// Licence is one period in which a yard is licensed, both days included.
type Licence struct {
	ID     string
	Number string
	From   civil.Day
	To     civil.Day
}

// Block is one period in which nothing is taken from a yard. To is "" as long
// as nobody has set its last day.
type Block struct {
	ID           string
	Kind         Status // Suspended or Blacklisted
	From         civil.Day
	To           civil.Day
	Reason       string
	SetBy        string
	LiftedBy     string
	LiftedReason string
}

// Yard is a licensed yard or recycler.
type Yard struct {
	Name             string
	CreditCode       string
	CityCode         string
	Classes          []registry.Class
	Address          string
	LatE6, LonE6     *int64 // WGS 84 in millionths of a degree; nil if not known
	CapacityPerMonth int64  // whole vehicles, machines or vessels; 0 if not known
	// CertificatePattern is the form of the yard's certificate numbers as a
	// regular expression over the whole number, "" if none is known.
	// PatternSource names the document that sets it: only then is a number of
	// another form an error, else it is a warning.
	CertificatePattern string
	PatternSource      string
	Licences           []Licence
	Blocks             []Block
}

// Clean returns y with its texts in the form in which they are kept.
func (y Yard) Clean() Yard {
	y.Name = strings.TrimSpace(y.Name)
	y.Address = strings.TrimSpace(y.Address)
	y.CreditCode = identifier.Normalize(y.CreditCode)
	y.Classes = slices.Clone(y.Classes)
	slices.Sort(y.Classes)
	y.Classes = slices.Compact(y.Classes)
	y.CertificatePattern, y.PatternSource = strings.TrimSpace(y.CertificatePattern), strings.TrimSpace(y.PatternSource)
	y.Licences = slices.Clone(y.Licences)
	for i := range y.Licences {
		y.Licences[i].Number = strings.TrimSpace(y.Licences[i].Number)
	}
	return y
}

// NameKey returns the form in which names are compared: one width, capitals,
// without blanks and punctuation, so that （长沙）and (长沙) are the same.
func NameKey(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, norm.NFKC.String(name))
}

// Check returns what is wrong with the facts of y.
func (y Yard) Check() []fault.Detail {
	var wrong []fault.Detail
	add := func(field, code string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
	}
	if NameKey(y.Name) == "" {
		add("name", "required", bilingual.T("缺少企业名称", "the name is missing"), bilingual.T("按资质认定书填写全称", "give the full name as on the licence"))
	}
	if r := identifier.CreditCode(y.CreditCode); r.Status == identifier.FormatError {
		add("credit_code", "format", r.Reason, r.Mend)
	}
	if len(y.Classes) == 0 {
		add("classes", "required", bilingual.T("至少选择一个类别", "no class is given"), bilingual.T("选择许可回收的类别", "choose what it is licensed for"))
	}
	for _, c := range y.Classes {
		if _, known := registry.SpecOf(c); !known {
			add("classes", "unknown_value", bilingual.F("“%s”不是类别", "%q is not a class", c), bilingual.T("请从列表中选择", "choose from the list"))
		}
	}
	if (y.LatE6 == nil) != (y.LonE6 == nil) || (y.LatE6 != nil && (*y.LatE6 < 3_000_000 || *y.LatE6 > 54_000_000 || *y.LonE6 < 73_000_000 || *y.LonE6 > 136_000_000)) {
		add("latitude", "out_of_range", bilingual.T("坐标不在中国境内，或缺少一半", "the coordinates are not in China, or one is missing"),
			bilingual.T("纬度约 28，经度约 112；经纬度同时填写", "in Hunan latitude is about 28, longitude about 112; give both"))
	}
	if y.CapacityPerMonth < 0 || y.CapacityPerMonth > 1_000_000 {
		add("capacity_per_month", "out_of_range", bilingual.T("月处理能力应在 0 与 1000000 之间", "the capacity must be between 0 and 1000000"), bilingual.T("不清楚时填 0", "0 if not known"))
	}
	if _, err := compile(y.CertificatePattern); err != nil {
		add("certificate_pattern", "format", bilingual.F("“%s”不是正则表达式", "%q is not a regular expression", y.CertificatePattern),
			bilingual.T("例如 HS-\\d{6}-\\d{4}-\\d{8}-\\d；不清楚时留空", "for example HS-\\d{6}-\\d{4}-\\d{8}-\\d; leave it empty if not known"))
	}
	for i, l := range y.Licences {
		wrong = append(wrong, l.Check()...)
		for _, other := range y.Licences[:i] {
			if l.From <= other.To && other.From <= l.To {
				add("valid_from", "overlap", bilingual.F("与许可 %s（%s 至 %s）重叠", "overlaps licence %s, %s to %s", other.Number, other.From, other.To),
					bilingual.T("续期从上一许可到期次日开始", "a renewal begins the day after the licence before it ends"))
			}
		}
	}
	return wrong
}

// Check returns what is wrong with a licence.
func (l Licence) Check() []fault.Detail {
	var wrong []fault.Detail
	if l.Number == "" {
		wrong = append(wrong, fault.Detail{Location: "body.licence_no", Code: "required", Message: bilingual.T("缺少资质认定书编号", "the licence number is missing"),
			Mend: bilingual.T("填写资质认定书上的编号", "give the number on the licence")})
	}
	if !l.From.Valid() || !l.To.Valid() || l.To < l.From {
		wrong = append(wrong, fault.Detail{Location: "body.valid_to", Code: "date_order", Message: bilingual.T("许可的起止日期无效", "the days of the licence are not in order"),
			Mend: bilingual.T("按 2025-12-31 的格式填写，止日不早于起日", "write them as 2025-12-31, the last not before the first")})
	}
	return wrong
}

// StatusOn returns how y stands on a day, and the block that says so.
func (y Yard) StatusOn(day civil.Day) (Status, *Block) {
	var found *Block
	for i, b := range y.Blocks {
		if b.From <= day && (b.To == "" || day <= b.To) && (found == nil || b.Kind == Blacklisted) {
			found = &y.Blocks[i]
		}
	}
	if found != nil {
		return found.Kind, found
	}
	if _, licensed := y.LicenceOn(day); !licensed {
		return Unlicensed, nil
	}
	return Active, nil
}

// LicenceOn returns the licence under which y works on a day.
func (y Yard) LicenceOn(day civil.Day) (Licence, bool) {
	for _, l := range y.Licences {
		if l.From <= day && day <= l.To {
			return l, true
		}
	}
	return Licence{}, false
}

// Latest returns the licence that ends last.
func (y Yard) Latest() Licence {
	var latest Licence
	for _, l := range y.Licences {
		if l.To > latest.To {
			latest = l
		}
	}
	return latest
}

// Takes returns why a certificate of y for an asset of a class with the day of
// hand-over cannot be taken; nothing if it can. A missing day is judged as
// today by the caller.
func (y Yard) Takes(class registry.Class, day civil.Day) []fault.Detail {
	refuse := func(field, code string, message, mend bilingual.Text) []fault.Detail {
		return []fault.Detail{{Location: "body." + field, Code: code, Message: message, Mend: mend}}
	}
	if !slices.Contains(y.Classes, class) {
		spec, _ := registry.SpecOf(class)
		return refuse("recycler", "yard_class", bilingual.T(y.Name+" 未获许可回收"+spec.Name.ZH, y.Name+" is not licensed for the class "+spec.Name.EN),
			bilingual.T("请核对回收企业，或先更新其许可类别", "check which yard took it, or mend what it is licensed for"))
	}
	switch status, block := y.StatusOn(day); status {
	case Suspended, Blacklisted:
		word := bilingual.T("被暂停", "suspended")
		if status == Blacklisted {
			word = bilingual.T("被列入失信名单", "black-listed")
		}
		until := bilingual.T(" 起", " on")
		if block.To != "" {
			until = bilingual.T(" 至 "+string(block.To), " to "+string(block.To))
		}
		return refuse("recycler", "yard_"+string(status),
			bilingual.T(y.Name+" 自 "+string(block.From)+until.ZH+word.ZH+"（"+block.Reason+"），"+string(day)+" 的证明不能接收",
				y.Name+" is "+word.EN+" from "+string(block.From)+until.EN+" ("+block.Reason+"); a certificate of "+string(day)+" is not taken"),
			bilingual.T("请核对证明日期；如已解除，请先更新企业名录", "check the day of the certificate; if the block is lifted, update the register first"))
	case Unlicensed:
		latest := y.Latest()
		return refuse("handed_in_on", "yard_unlicensed",
			bilingual.T(y.Name+" 在 "+string(day)+" 不在许可有效期内（最近的许可 "+string(latest.From)+" 至 "+string(latest.To)+"）",
				y.Name+" is not licensed on "+string(day)+"; its latest licence runs from "+string(latest.From)+" to "+string(latest.To)),
			bilingual.T("请核对交售日期与企业许可", "check the day of hand-over and the licence of the yard"))
	}
	return nil
}

// Nearest returns up to n of the names that are most like wanted, the most
// alike first; names that share less than a third of their pairs of signs are
// left out.
func Nearest(names []string, wanted string, n int) []string {
	type scored struct {
		name  string
		share float64
	}
	pairs := pairsOf(NameKey(wanted))
	var near []scored
	for _, name := range names {
		if share := dice(pairs, pairsOf(NameKey(name))); share >= 1.0/3 {
			near = append(near, scored{name, share})
		}
	}
	slices.SortStableFunc(near, func(a, b scored) int {
		switch {
		case a.share > b.share:
			return -1
		case a.share < b.share:
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	var best []string
	for _, s := range near[:min(n, len(near))] {
		best = append(best, s.name)
	}
	return best
}

// generic are the words that nearly every yard has in its name; they say
// nothing about which one is meant.
var generic = strings.NewReplacer("有限公司", "", "有限责任公司", "", "报废", "", "回收", "", "再生资源", "", "机动车", "", "汽车", "", "拆解", "")

func pairsOf(key string) map[string]bool {
	if short := generic.Replace(key); len([]rune(short)) >= 2 {
		key = short
	}
	runes := []rune(key)
	pairs := map[string]bool{}
	for i := 0; i+1 < len(runes); i++ {
		pairs[string(runes[i:i+2])] = true
	}
	return pairs
}

func dice(a, b map[string]bool) float64 {
	if len(a)+len(b) == 0 {
		return 0
	}
	both := 0
	for p := range a {
		if b[p] {
			both++
		}
	}
	return 2 * float64(both) / float64(len(a)+len(b))
}
