package registry

import (
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/identifier"
)

// Region is an area of GB/T 2260: the province, a city or a district.
type Region struct {
	Code        string
	Name        string
	NameEN      string
	ParentCode  string
	Level       string // province, city or district
	PlatePrefix string // of a city, 湘A
	OldCodes    string // codes that old files still use, separated by |
}

// DictOption is one entry of a class's dictionary.
type DictOption struct {
	Class Class
	Kind  string // category, stage, fuel, use, plate_kind, driver
	Option
}

// Reference is the regions and dictionaries, which never change once made, and
// the cohort rules in force.
type Reference struct {
	regions  []Region
	byCode   map[string]Region
	options  map[string][]Option          // class/kind
	meanings map[string]map[string]Option // class/kind → folded text
	rules    rules
}

// records reads a seed file: CSV whose lines may be comments.
func records(r io.Reader, columns int) ([][]string, error) {
	reader := csv.NewReader(r)
	reader.Comment, reader.FieldsPerRecord = '#', columns
	rows, err := reader.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("registry: read reference data: %w", err)
	}
	return rows[1:], nil
}

// ParseRegions reads seeds/reference/regions.csv.
func ParseRegions(r io.Reader) ([]Region, error) {
	rows, err := records(r, 7)
	regions := make([]Region, len(rows))
	for i, row := range rows {
		regions[i] = Region{row[0], row[1], row[2], row[3], row[4], row[5], row[6]}
	}
	return regions, err
}

// ParseOptions reads seeds/reference/dictionary.csv.
func ParseOptions(r io.Reader) ([]DictOption, error) {
	rows, err := records(r, 7)
	options := make([]DictOption, len(rows))
	for i, row := range rows {
		o := DictOption{Class: Class(row[0]), Kind: row[1], Option: Option{Code: row[2], Group: row[5]}}
		o.Name.ZH, o.Name.EN = row[3], row[4]
		if row[6] != "" {
			o.Synonyms = strings.Split(row[6], "|")
		}
		options[i] = o
	}
	return options, err
}

// NewReference makes the reference data of regions and dictionary entries.
func NewReference(regions []Region, options []DictOption) *Reference {
	ref := &Reference{regions: regions, byCode: map[string]Region{}, options: map[string][]Option{}, meanings: map[string]map[string]Option{}}
	for _, r := range regions {
		ref.byCode[r.Code] = r
	}
	for _, o := range options {
		key := string(o.Class) + "/" + o.Kind
		ref.options[key] = append(ref.options[key], o.Option)
		if ref.meanings[key] == nil {
			ref.meanings[key] = map[string]Option{}
		}
		for _, text := range append([]string{o.Code, o.Name.ZH, o.Name.EN}, o.Synonyms...) {
			ref.meanings[key][identifier.Normalize(text)] = o.Option
		}
	}
	return ref
}

// Regions returns all regions in the order of their codes.
func (ref *Reference) Regions() []Region { return ref.regions }

// Region returns the region of a code.
func (ref *Reference) Region(code string) (Region, bool) {
	r, ok := ref.byCode[code]
	return r, ok
}

// Cities returns the six cities.
func (ref *Reference) Cities() []Region { return ref.below("city", "") }

// Districts returns the districts of a city.
func (ref *Reference) Districts(city string) []Region { return ref.below("district", city) }

func (ref *Reference) below(level, parent string) []Region {
	var found []Region
	for _, r := range ref.regions {
		if r.Level == level && (parent == "" || r.ParentCode == parent) {
			found = append(found, r)
		}
	}
	return found
}

// FindDistrict reads a district as offices write it: code (of nine or twelve
// figures too), old code, name, name without its last sign, with the city or
// the province before it, or as the beginning of an address. It reports whether
// it is one of the city's. What names only the city belongs to it and gives "".
func (ref *Reference) FindDistrict(city, text string) (code string, belongs bool) {
	v := identifier.Normalize(text)
	if m := longCode.FindStringSubmatch(v); m != nil {
		v = m[1]
	}
	own := ref.byCode[city]
	place := strings.TrimPrefix(strings.TrimPrefix(v, "湖南省"), "湖南")
	if within, cut := strings.CutPrefix(place, own.Name); cut && within != "" {
		place = within
	}
	if v == city || v == city[:4]+"01" || place == own.Name || place == strings.TrimSuffix(own.Name, "市") || v == identifier.Normalize(own.NameEN) || wholeCity[place] {
		return "", true
	}
	places := []string{place}
	if within, cut := strings.CutPrefix(place, strings.TrimSuffix(own.Name, "市")); cut {
		places = append(places, within)
	}
	for _, d := range ref.Districts(city) {
		short := shortName(d.Name)
		old := strings.Split(d.OldCodes, "|")
		for _, p := range places {
			if p == "" { // nothing but the province
				continue
			}
			if v == d.Code || p == d.Code || p == d.Name || p == identifier.Normalize(d.NameEN) || (p == short && len([]rune(short)) > 1) || slices.Contains(old, p) {
				return d.Code, true
			}
		}
	}
	for _, d := range ref.Districts(city) { // an address: 岳麓区梅溪湖街道
		if strings.HasPrefix(place, d.Name) {
			return d.Code, true
		}
	}
	return "", zone.MatchString(place) && !ref.speaksOfAnother(city, place)
}

// zone is an area with an office of its own that is no district of GB/T 2260: a
// development zone belongs to its city and to none of its districts.
var zone = regexp.MustCompile(`(经开区|经济(技术)?开发区|高新区|高新技术产业开发区|开发区|管理区|度假区|示范区|工业园区?|产业园区?|新区)$`)

// speaksOfAnother reports whether a place names another city or one of its
// districts.
func (ref *Reference) speaksOfAnother(city, place string) bool {
	for _, r := range ref.regions {
		if r.Code[:4] != city[:4] && r.Level != "province" && strings.Contains(place, shortName(r.Name)) && len([]rune(shortName(r.Name))) > 1 {
			return true
		}
	}
	return false
}

// longCode are codes of streets and villages, whose first six figures are the
// district's, and codes with its name behind.
var longCode = regexp.MustCompile(`^([0-9]{6})(?:[0-9]{3}|[0-9]{6}|[-_:：(（]?\p{Han}+[)）]?)$`)

// wholeCity are words for the city itself.
var wholeCity = map[string]bool{"市本级": true, "市辖区": true, "市直": true, "市级": true, "本市": true, "全市": true}

// shortName is a district's name without its last sign.
func shortName(name string) string {
	r := []rune(name)
	if strings.ContainsRune("县区市", r[len(r)-1]) {
		return string(r[:len(r)-1])
	}
	return name
}

// Option returns the entry of a dictionary with the code.
func (ref *Reference) Option(class Class, kind, code string) (Option, bool) {
	for _, o := range ref.options[string(class)+"/"+kind] {
		if o.Code == code {
			return o, true
		}
	}
	return Option{}, false
}

// Options returns the entries of a dictionary in their order.
func (ref *Reference) Options(class Class, kind string) []Option {
	return ref.options[string(class)+"/"+kind]
}

// Name returns what people call a code of a kind: "class", "city",
// "district", or a dictionary of the class. An unknown code is its own name.
func (ref *Reference) Name(class Class, kind, code string) bilingual.Text {
	switch kind {
	case "class":
		if spec, ok := SpecOf(Class(code)); ok {
			return spec.Name
		}
	case "city", "district":
		if r, ok := ref.byCode[code]; ok {
			return bilingual.T(r.Name, r.NameEN)
		}
	default:
		if o, ok := ref.Option(class, kind, code); ok {
			return o.Name
		}
	}
	return bilingual.T(orDash(code), orDash(code))
}

// SpecWithOptions returns a class's profile with its dictionaries filled in.
func (ref *Reference) SpecWithOptions(class Class) Spec {
	spec, _ := SpecOf(class)
	list := func(kind string) []Option { return ref.options[string(class)+"/"+kind] }
	spec.Fields = slices.Clone(spec.Fields)
	for i, f := range spec.Fields {
		if f.Dictionary != "" {
			spec.Fields[i].Options = list(f.Dictionary)
		}
	}
	spec.Categories, spec.Stages, spec.Drivers = list("category"), list("stage"), list("driver")
	return spec
}
