// Package emission is the pure domain of what retirements save the air: factors
// in versioned sets, the tonnes of one asset with the way they come about, and
// their sums. Factors are integers of thousandths of their unit, amounts whole
// milligrams a year and, once published, whole grams.
package emission

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
)

// Pollutant is what is saved. Hydrocarbons are what the guides give a factor
// for; they are never renamed to VOC.
type Pollutant string

// The pollutants in the order in which they are shown.
const (
	NOx  Pollutant = "nox"
	HC   Pollutant = "hc"
	PM25 Pollutant = "pm25"
	CO   Pollutant = "co"
)

// Pollutants lists them all; Amounts and sums are in its order.
var Pollutants = [4]Pollutant{NOx, HC, PM25, CO}

// Basis says how well a value is founded.
type Basis string

// The bases. Only an official value is closed to the province.
const (
	Official   Basis = "official"   // a figure of the guide, with its source
	StandIn    Basis = "stand_in"   // the limit of a standard in place of a factor
	Assumption Basis = "assumption" // not checked against its document
	Set        Basis = "province"   // set by the province, with a document
	Recorded   Basis = "record"     // of the asset itself
)

// Key names one value of a set. An empty member holds for all.
type Key struct {
	Item      string // factor, sulphur, speed, temperature, humidity, load, km, hours, load_factor
	Method    string // road, nonroad, vessel
	Band      string // km/h, °C, %, kW
	Group     string // one or more groups of the category, separated by blanks
	Stage     string // one or more stages, separated by blanks
	Pollutant Pollutant
}

// Value is one figure of a set.
type Value struct {
	Key
	Milli  int64 // thousandths of the unit
	Unit   string
	Basis  Basis
	Source string // a code of Sources, or the document of the province
}

// Sources names the documents of the shipped values.
var Sources = map[string]bilingual.Text{
	"guide": bilingual.T("道路机动车大气污染物排放清单编制技术指南（试行），环境保护部公告2014年第92号；数值取自其2014年7月征求意见文本的转载（R 包 vein 1.5.0），与正式文本是否一致未核",
		"Guide to road vehicle emission inventories (trial), announcement 2014 no. 92; figures from a copy of its consultation text of July 2014 (R package vein 1.5.0), not checked against the final text"),
	"vkt":      bilingual.T("同一指南的年均行驶里程默认值，凭记忆录入，未核对原文", "default annual mileage of the same guide, entered from memory, not checked against it"),
	"stage1":   bilingual.T("GB 20891 国一限值（同欧盟非道路第Ⅰ阶段），代替未取得的指南排放系数；PM 限值按 PM2.5 计", "limits of GB 20891 stage I (EU non-road stage I) in place of the guide's factors, which were not to be had; PM stands for PM2.5"),
	"stage2":   bilingual.T("GB 20891 国二限值（同欧盟非道路第Ⅱ阶段），代替未取得的指南排放系数；PM 限值按 PM2.5 计", "limits of GB 20891 stage II (EU non-road stage II) in place of the guide's factors, which were not to be had; PM stands for PM2.5"),
	"stage0":   bilingual.T("国一前约为国二限值的两倍（文献），代替未取得的指南排放系数", "before stage I: about twice the limits of stage II (literature), in place of the guide's factors, which were not to be had"),
	"memory":   bilingual.T("标准限值，凭记忆录入，未核对原文；PM 限值按 PM2.5 计", "limits of a standard, entered from memory, not checked; PM stands for PM2.5"),
	"activity": bilingual.T("非道路移动源大气污染物排放清单编制技术指南（试行）2014年默认值，凭记忆录入，未核对原文", "defaults of the guide to non-road emission inventories (trial) of 2014, entered from memory, not checked"),
}

// Conditions are the corrections of road factors that can be switched on, with
// their bands. The guide's base conditions stand where one is off.
var Conditions = map[string][]string{
	"speed": {"lt20", "20-30", "30-40", "40-80", "gt80"}, "temperature": {"lt10", "gt25"},
	"humidity": {"lt50", "gt50"}, "load": {"0", "60", "75", "100"},
}

// conditionOrder is the order in which corrections are applied and shown.
var conditionOrder = []string{"speed", "temperature", "humidity", "load"}

// PowerBands are those of the non-road limits, in kW: from up to, not including
// the upper end but for the last.
var PowerBands = []struct {
	Name     string
	From, To int64
}{{"18-37", 18, 37}, {"37-75", 37, 75}, {"75-130", 75, 130}, {"130-560", 130, 561}}

// FactorSet is one revision of all values, with the corrections that it applies.
// It holds for retirements that count from ValidFrom on.
type FactorSet struct {
	ID         string
	Revision   int64
	State      string // draft, in_force, replaced or discarded
	ValidFrom  civil.Day
	Document   string
	Conditions map[string]string // correction → band; absent: off
	Values     []Value
	Version    int64

	index map[Key]Value
}

// Index makes a set ready to look values up in: each value under every one of
// its groups and stages.
func (s *FactorSet) Index() *FactorSet {
	s.index = make(map[Key]Value, 2*len(s.Values))
	for _, v := range s.Values {
		for _, group := range orEmpty(v.Group) {
			for _, stage := range orEmpty(v.Stage) {
				k := v.Key
				k.Group, k.Stage = group, stage
				s.index[k] = v
			}
		}
	}
	return s
}

func orEmpty(list string) []string {
	if parts := strings.Fields(list); len(parts) > 0 {
		return parts
	}
	return []string{""}
}

// find returns the value of a key: its own, or one that holds for all stages or
// groups.
func (s *FactorSet) find(k Key) (Value, bool) {
	for _, group := range []string{k.Group, ""} {
		for _, stage := range []string{k.Stage, ""} {
			at := k
			at.Group, at.Stage = group, stage
			if v, ok := s.index[at]; ok {
				return v, true
			}
		}
	}
	return Value{}, false
}

// Edit is a value as the province sets it.
type Edit struct {
	Key
	Milli int64
}

// Change returns the set with the values set by the province, under its
// document. It fails with what is wrong with each: an official value is closed,
// a value that is not there can only be a factor of a known band.
func (s FactorSet) Change(edits []Edit, conditions map[string]string) (FactorSet, error) {
	var wrong []fault.Detail
	add := func(at string, code string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + at, Code: code, Message: message, Mend: mend})
	}
	after := s
	after.Values = slices.Clone(s.Values)
	for n, e := range edits {
		at := fmt.Sprintf("values[%d]", n)
		i := slices.IndexFunc(after.Values, func(v Value) bool { return v.Key == e.Key })
		switch {
		case e.Milli < 0:
			add(at, "out_of_range", bilingual.T("系数不能为负", "a factor cannot be negative"), bilingual.T("请填写 0 或正数", "give 0 or more"))
		case i < 0 && !newFactor(e.Key):
			add(at, "unknown_value", bilingual.F("没有“%s”这一系数", "there is no value %s", e.String()), bilingual.T("请从列表中选择", "choose one of the list"))
		case i < 0:
			after.Values = append(after.Values, Value{Key: e.Key, Milli: e.Milli, Unit: "g/kWh", Basis: Set, Source: s.Document})
		case after.Values[i].Milli == e.Milli:
		case after.Values[i].Basis == Official:
			add(at, "official", bilingual.T("该系数来自国家指南，不能修改", "the value is the guide's and cannot be changed"), bilingual.T("只有代用值和假设值可由省级设定", "only stand-ins and assumptions can be set"))
		default:
			after.Values[i].Milli, after.Values[i].Basis, after.Values[i].Source = e.Milli, Set, s.Document
		}
	}
	if conditions != nil {
		after.Conditions = map[string]string{}
		for name, band := range conditions {
			if band == "" {
				continue
			}
			if !slices.Contains(Conditions[name], band) {
				add("conditions."+name, "unknown_value", bilingual.F("没有“%s”这一档", "there is no band %s", band), bilingual.T("请从列表中选择", "choose one of the list"))
				continue
			}
			after.Conditions[name] = band
		}
	}
	if len(wrong) > 0 {
		return s, fault.Fields(wrong)
	}
	return after, nil
}

// newFactor reports whether a key that no set has can be given: a non-road
// factor of a known power band, stage and pollutant.
func newFactor(k Key) bool {
	band := slices.ContainsFunc(PowerBands, func(b struct {
		Name     string
		From, To int64
	}) bool {
		return b.Name == k.Band
	})
	stage := slices.Contains([]string{"china0", "china1", "china2", "china3", "china4"}, k.Stage)
	return k.Item == "factor" && k.Method == "nonroad" && k.Group == "" && band && stage && slices.Contains(Pollutants[:], k.Pollutant)
}

// String names a key as it stands in the API.
func (k Key) String() string {
	return strings.Join([]string{k.Item, k.Method, k.Band, k.Group, k.Stage, string(k.Pollutant)}, "/")
}

// SetFor returns the set that holds for a retirement on a day: of those that
// hold from that day or before, the last revision. sets are in force or
// replaced by a later one.
func SetFor(sets []*FactorSet, day civil.Day) *FactorSet {
	var found *FactorSet
	for _, s := range sets {
		if s.ValidFrom <= day && (found == nil || s.Revision > found.Revision) {
			found = s
		}
	}
	return found
}

// Sort puts values in the order in which they are read.
func Sort(values []Value) {
	sort.SliceStable(values, func(i, j int) bool { return values[i].String() < values[j].String() })
}
