package subsidy

import (
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/internal/registry"
)

// Facts is what a program's rules look at, taken from the asset, its
// retirement and the application. A zero value means that it is not known.
// Quantities are in thousandths of their unit.
type Facts struct {
	Class          registry.Class `json:"class"`
	CityCode       string         `json:"city_code"`
	Fuel           string         `json:"fuel,omitempty"`
	Stage          string         `json:"stage,omitempty"`
	StageSource    string         `json:"stage_source,omitempty"` // as registry.Asset.StageSource
	StageTicked    bool           `json:"stage_ticked,omitempty"` // a person confirmed a stage that came from a date
	Category       string         `json:"category,omitempty"`
	Group          string         `json:"group,omitempty"` // group of the category: heavy, medium, …
	GroupName      bilingual.Text `json:"group_name"`      // what people call the category
	Use            string         `json:"use,omitempty"`
	Operating      bool           `json:"operating,omitempty"`
	GrossMassKg    int64          `json:"gross_mass_kg,omitempty"` // thousandths of a kilogram
	PowerKW        int64          `json:"power_kw,omitempty"`      // watts
	GrossTonnage   int64          `json:"gross_tonnage,omitempty"` // thousandths of a gross ton
	WayOut         string         `json:"way_out,omitempty"`       // code of the class's way out
	CountsAs       string         `json:"counts_as,omitempty"`     // of the way out
	Verified       bool           `json:"verified,omitempty"`
	HandedInOn     civil.Day      `json:"handed_in_on,omitempty"`
	DismantledOn   civil.Day      `json:"dismantled_on,omitempty"`
	DeregisteredOn civil.Day      `json:"deregistered_on,omitempty"`
	AppliedOn      civil.Day      `json:"applied_on,omitempty"` // day of the application, or of the question
	RegisteredOn   civil.Day      `json:"registered_on,omitempty"`
	BuiltOn        civil.Day      `json:"built_on,omitempty"`
	ScrapDueOn     civil.Day      `json:"scrap_due_on,omitempty"`
	ScrapComputed  bool           `json:"scrap_computed,omitempty"` // the date is computed, not the register's
	InCitySince    civil.Day      `json:"in_city_since,omitempty"`
	OwnedSince     civil.Day      `json:"owned_since,omitempty"`
	PoliceStatus   string         `json:"police_status,omitempty"`
	PreChecks      string         `json:"pre_checks,omitempty"` // clear, open or "" where nobody looked
	PreChecksOpen  []string       `json:"pre_checks_open,omitempty"`
	OwnerKind      string         `json:"owner_kind,omitempty"`   // person, organisation
	PublicOwner    bool           `json:"public_owner,omitempty"` // an authority or another body on the public payroll
	Replacement    *Replacement   `json:"replacement,omitempty"`
	OwnerCount     int64          `json:"owner_count,omitempty"` // the owner's other live cases under the program
	OwnerFen       money.Fen      `json:"owner_fen,omitempty"`   // what they are owed

	Name func(kind, code string) bilingual.Text `json:"-"` // what people call a code: "stage", "city", "class"
}

// Replacement is what was bought in place of the retired asset.
type Replacement struct {
	Label        string    `json:"label,omitempty" maxLength:"60" doc:"Plate or number of the new one."`
	Power        string    `json:"power,omitempty" enum:",china6,new_energy,clean_fuel,diesel,other" doc:"china6: fuel vehicle of China VI; clean_fuel: LNG, methanol."`
	Stage        string    `json:"stage,omitempty" maxLength:"20"`
	Group        string    `json:"group,omitempty" maxLength:"40" doc:"Group of its category, e.g. heavy."`
	Axles        int64     `json:"axles,omitempty" minimum:"0" maximum:"20"`
	GrossTonnage int64     `json:"gross_tonnage,omitempty" minimum:"0" doc:"Thousandths of a gross ton."`
	SameOwner    bool      `json:"same_owner,omitempty" doc:"Bought by the owner of the retired asset."`
	SameKind     bool      `json:"same_kind,omitempty" doc:"Of the same kind as the retired asset."`
	BoughtOn     civil.Day `json:"bought_on,omitempty" maxLength:"10" doc:"Day of the invoice or the registration, as the program says."`
}

// PublicBody reports whether an owner is an authority or another body on the
// public payroll 财政供养单位, by its unified social credit code: registered by
// the authority for posts (first sign 1, GB 32100-2015), else by how a public
// body's name ends.
func PublicBody(name, number string) bool {
	if len(number) == 18 && number[0] == '1' && registry.KindOfOwner(name, number) == registry.Organisation {
		return true
	}
	for _, end := range []string{"人民政府", "委员会办公室", "人民法院", "人民检察院", "公安局", "环境局", "财政局", "交通运输局", "农业农村局", "管理局", "街道办事处", "乡政府", "镇政府"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// letters are the police statuses of GA/T 24 机动车状态, for exports that keep
// the code instead of the word.
var letters = map[rune]string{
	'A': "正常", 'B': "转出", 'C': "被盗抢", 'D': "停驶", 'E': "注销", 'G': "违法未处理", 'H': "海关监管", 'I': "事故未处理", 'J': "嫌疑车", 'K': "查封",
	'L': "扣留", 'M': "强制注销", 'N': "事故逃逸", 'O': "锁定", 'P': "达到报废标准公告牌证作废", 'Q': "逾期未检验",
}

// statusWords returns a police status in words, also where it came in letters.
func statusWords(status string) string {
	var words []string
	for _, c := range strings.ToUpper(strings.TrimSpace(status)) {
		word, known := letters[c]
		if !known {
			return status
		}
		words = append(words, word)
	}
	return strings.Join(words, "、")
}

// blocking are the police statuses under which nothing is paid: seized,
// locked, detained, stolen (GA/T 24 机动车状态 K, O, L, C).
var blocking = []string{"查封", "锁定", "扣留", "暂扣", "被盗抢"}

// firstWord returns the first of the words that a status holds, or "".
func firstWord(status string, words []string) string {
	status = statusWords(status)
	for _, word := range words {
		if strings.Contains(status, word) {
			return word
		}
	}
	return ""
}
