package api

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/subsidy"
)

// mostMembers is how many members of one value an event tells of.
const mostMembers = 60

// members are the words for what values kept as JSON are made of: the rules of
// a program, its shares and papers, the milestones of a target.
var members = map[string]bilingual.Text{
	"rules": bilingual.T("规则", "rules"), "shares": bilingual.T("资金分担", "shares"), "papers": bilingual.T("所需材料", "papers"), "milestones": bilingual.T("阶段目标", "milestones"),
	"stages": bilingual.T("排放阶段", "emission stages"), "min_early_months": bilingual.T("最少提前月数", "least months early"), "operating_only": bilingual.T("仅限营运", "commercial transport only"),
	"table": bilingual.T("补贴标准表", "table of amounts"), "conditions": bilingual.T("条件", "conditions"), "parts": bilingual.T("补贴构成", "parts"), "near": bilingual.T("临近强制报废期", "near the mandatory date"),
	"cap_fen": bilingual.T("上限", "cap"), "owner": bilingual.T("每一所有人上限", "cap of one owner"), "rounding": bilingual.T("取整", "rounding"), "unit_fen": bilingual.T("取整单位", "unit"), "mode": bilingual.T("方式", "mode"),
	"group": bilingual.T("类型", "group"), "from_months": bilingual.T("自（月）", "from (months)"), "to_months": bilingual.T("至（月，不含）", "to (months, not in)"), "amount_fen": bilingual.T("金额", "amount"),
	"kind": bilingual.T("种类", "kind"), "for": bilingual.T("适用于", "for"), "codes": bilingual.T("取值", "values"), "not": bilingual.T("排除所列取值", "none of the values"), "min": bilingual.T("下限", "lower bound"),
	"min_open": bilingual.T("不含下限", "more than the lower bound"), "max": bilingual.T("上限", "upper bound"), "max_open": bilingual.T("不含上限", "less than the upper bound"), "from": bilingual.T("自", "from"), "to": bilingual.T("至", "to"),
	"clause": bilingual.T("条款", "clause"), "code": bilingual.T("编号", "code"), "name": bilingual.T("名称", "name"), "needs": bilingual.T("前提", "needs"), "axes": bilingual.T("表的栏目", "columns"), "rows": bilingual.T("表的行", "rows"),
	"base_fen": bilingual.T("基数", "base"), "quantity": bilingual.T("乘以", "quantity"), "factors": bilingual.T("系数", "factors"), "by": bilingual.T("按", "by"), "closed": bilingual.T("区间端点", "ends of the bands"), "cells": bilingual.T("适用", "cells"),
	"factor_bp": bilingual.T("系数", "factor"), "below_months": bilingual.T("剩余月数少于", "under months left"), "max_count": bilingual.T("最多数量", "most assets"), "max_fen": bilingual.T("最高金额", "most money"),
	"paper": bilingual.T("材料", "paper"), "source": bilingual.T("来源", "source"), "bp": bilingual.T("比例", "share"), "on": bilingual.T("日期", "day"), "value": bilingual.T("数值", "value"), "note": bilingual.T("备注", "note"), "ways": bilingual.T("退出方式", "ways out"),
}

// identities are the members by which one element of a list is known again, the
// first that serves being taken; without one it is its place in the list.
var identities = [][]string{{"code"}, {"kind"}, {"source"}, {"on"}, {"by"}, {"cells"}, {"paper"}, {"paper", "for"}, {"group", "from_months"}, {"name"}}

// place is where in a value something stands.
type place struct {
	field, name string   // "rules.conditions", "rules · conditions"
	key         string   // the last member
	options     string   // of which list the codes are, "" if of none
	axes        []string // of the cells of a table: such a list for each
}

// differences collects what differs between two values kept as JSON.
type differences struct {
	words   wording
	changes []ValueChange
}

// memberChanges tells which members differ between two values kept as JSON; ok
// is false if they are not both of that kind.
func (w wording) memberChanges(key, before, after string) (changes []ValueChange, ok bool) {
	was, wasOK := composite(before)
	is, isOK := composite(after)
	if !wasOK || !isOK {
		return nil, false
	}
	d := differences{words: w}
	d.compare(place{field: key, name: w.member(key), key: key}, was, is)
	return d.changes, true
}

// composite reads an object or a list.
func composite(text string) (v any, ok bool) {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	return v, decoder.Decode(&v) == nil
}

func (d *differences) compare(at place, was, is any) {
	if reflect.DeepEqual(was, is) || len(d.changes) >= mostMembers {
		return
	}
	before, wasObject := was.(map[string]any)
	after, isObject := is.(map[string]any)
	former, wasList := was.([]any)
	present, isList := is.([]any)
	switch {
	case plain(was) && plain(is):
		if wasList && isList {
			was, is = without(former, present), without(present, former)
		}
		d.tell(at, d.words.text(at, was), d.words.text(at, is))
	case wasObject && isObject:
		union := maps.Clone(before)
		maps.Copy(union, after)
		for _, key := range slices.Sorted(maps.Keys(union)) {
			d.compare(d.words.inside(at, key, before), before[key], after[key])
		}
	case (wasList || was == nil) && (isList || is == nil):
		d.elements(at, former, present)
	default:
		d.tell(at, d.words.text(at, was), d.words.text(at, is))
	}
}

func (d *differences) tell(at place, before, after string) {
	if before != after {
		d.changes = append(d.changes, ValueChange{at.field, at.name, before, after})
	}
}

// elements compares two lists of objects, element by element.
func (d *differences) elements(at place, former, present []any) {
	by := identityOf(former, present)
	title := func(i int, element any) string {
		if by == nil {
			return d.words.in("第 "+strconv.Itoa(i+1)+" 项", "item "+strconv.Itoa(i+1))
		}
		return d.words.titleOf(at, element, by)
	}
	known := map[string]any{}
	for i, element := range former {
		known[keyOf(i, element, by)] = element
	}
	for i, element := range present {
		key := keyOf(i, element, by)
		d.element(at, title(i, element), by, known[key], element)
		delete(known, key)
	}
	for i, element := range former {
		if known[keyOf(i, element, by)] != nil {
			d.element(at, title(i, element), by, element, nil)
		}
	}
}

// element compares one element; one that came or went is told in a line.
func (d *differences) element(at place, name string, by []string, was, is any) {
	at.field, at.name = at.field+"."+name, at.name+" · "+name
	if was == nil || is == nil {
		d.tell(at, d.words.told(at, was, by), d.words.told(at, is, by))
		return
	}
	d.compare(at, was, is)
}

// plain reports whether a value is told in one piece: a text, a number, a list
// of such, a text in two languages.
func plain(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return isBilingual(v)
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { _, object := e.(map[string]any); return object })
	}
	return true
}

func isBilingual(v map[string]any) bool {
	_, zh := v["zh"].(string)
	_, en := v["en"].(string)
	return zh && en && len(v) == 2
}

// without are the elements that the other list does not have, or all of them if
// the lists differ in order only.
func without(list, other []any) []any {
	lacks := func(in []any, v any) bool {
		return !slices.ContainsFunc(in, func(o any) bool { return reflect.DeepEqual(v, o) })
	}
	rest := slices.DeleteFunc(slices.Clone(list), func(v any) bool { return !lacks(other, v) })
	if len(rest) == 0 && !slices.ContainsFunc(other, func(v any) bool { return lacks(list, v) }) {
		return list
	}
	return rest
}

// identityOf returns the members by which the elements of two lists are known.
func identityOf(lists ...[]any) []string {
	for _, by := range identities {
		if !slices.ContainsFunc(lists, func(list []any) bool { return !identifies(list, by) }) {
			return by
		}
	}
	return nil
}

func identifies(list []any, by []string) bool {
	seen := map[string]bool{}
	for _, element := range list {
		object, _ := element.(map[string]any)
		for _, member := range by {
			if object[member] == nil {
				return false
			}
		}
		key := keyOf(0, element, by)
		if seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

// keyOf is what an element of a list is known again by.
func keyOf(i int, element any, by []string) string {
	if by == nil {
		return strconv.Itoa(i)
	}
	object, _ := element.(map[string]any)
	key := make([]any, len(by))
	for n, member := range by {
		key[n] = object[member]
	}
	text, _ := json.Marshal(key) // it was read from JSON
	return string(text)
}

func (w wording) in(zh, en string) string { return bilingual.T(zh, en).In(w.lang) }

func (w wording) member(key string) string {
	if name, ok := members[key]; ok {
		return name.In(w.lang)
	}
	return key
}

// inside is the place of a member of an object, which says what its codes are.
func (w wording) inside(at place, key string, object map[string]any) place {
	of := at.key
	at.field, at.name, at.key = at.field+"."+key, at.name+" · "+w.member(key), key
	if options := optionsOf(object, "kind"); options != "" {
		at.options = options
	}
	if axes, ok := object["axes"].([]any); ok {
		at.axes = nil
		for _, axis := range axes {
			axis, _ := axis.(map[string]any)
			at.axes = append(at.axes, optionsOf(axis, "by"))
		}
	}
	switch {
	case of == "papers":
		at.options = map[string]string{"paper": "paper", "for": "paper_for"}[key]
	case key == "for" || key == "group":
		at.options = "group"
	case key == "stages":
		at.options = "stage"
	case key == "source":
		at.options = "source"
	}
	return at
}

// optionsOf is the list of the codes that go with a word of the vocabulary.
func optionsOf(object map[string]any, member string) string {
	code, _ := object[member].(string)
	kind, _ := subsidy.KindOf(code)
	return kind.Options
}

func (w wording) titleOf(at place, element any, by []string) string {
	object, _ := element.(map[string]any)
	texts := make([]string, 0, len(by))
	for _, member := range by {
		text := w.text(w.inside(at, member, nil), object[member])
		if len(by) > 1 {
			text = w.member(member) + " " + text
		}
		texts = append(texts, text)
	}
	if name, ok := object["name"].(map[string]any); ok && isBilingual(name) {
		return w.text(at, name)
	}
	return strings.Join(texts, w.in("，", ", "))
}

// told is a whole element in a line, without what its name says already.
func (w wording) told(at place, element any, by []string) string {
	object, ok := element.(map[string]any)
	if !ok {
		return w.text(at, element)
	}
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if value := w.text(w.inside(at, key, object), object[key]); value != "" && !slices.Contains(by, key) {
			texts = append(texts, w.member(key)+" "+value)
		}
	}
	if len(texts) == 0 {
		return w.in("有", "there")
	}
	return strings.Join(texts, w.in("；", "; "))
}

// text writes a value as people read it.
func (w wording) text(at place, v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return w.in("是", "yes")
		}
		return w.in("否", "no")
	case json.Number:
		return w.number(at.key, v)
	case string:
		return w.code(at, v)
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			if at.key == "cells" && i < len(at.axes) {
				at.options = at.axes[i]
			}
			texts[i] = w.text(at, e)
		}
		return strings.Join(texts, w.in("、", ", "))
	case map[string]any:
		if isBilingual(v) {
			return bilingual.T(v["zh"].(string), v["en"].(string)).In(w.lang)
		}
		if from, to := v["from"], v["to"]; from != nil || to != nil {
			return w.text(at, from) + "–" + w.text(at, to)
		}
		var texts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			texts = append(texts, w.text(w.inside(at, key, v), v[key]))
		}
		return strings.Join(texts, " ")
	}
	return ""
}

func (w wording) number(key string, n json.Number) string {
	value, err := n.Int64()
	switch {
	case err != nil:
		return n.String()
	case strings.HasSuffix(key, "_fen"):
		return money.Fen(value).Yuan() + w.in(" 元", " yuan")
	case key == "bp" || strings.HasSuffix(key, "_bp"):
		return strconv.FormatFloat(float64(value)/100, 'f', -1, 64) + "%"
	}
	return n.String()
}

// code returns what people call a code, or the text itself.
func (w wording) code(at place, code string) string {
	var name bilingual.Text
	var ok bool
	switch {
	case at.key == "kind" || at.key == "by":
		var kind subsidy.Kind
		kind, ok = subsidy.KindOf(code)
		name = kind.Name
	case at.options == "paper":
		name, ok = subsidy.PaperName(code)
	case at.options == "paper_for":
		name, ok = paperFor[code]
	case at.options != "":
		if name, ok = subsidy.PlainName(at.options, code); !ok {
			name, ok = w.option(at.options, code)
		}
	}
	if !ok {
		return code
	}
	return name.In(w.lang)
}

// paperFor says whose a paper is.
var paperFor = map[string]bilingual.Text{"any": bilingual.T("所有人", "everybody"), "person": bilingual.T("个人", "persons"), "unit": bilingual.T("单位", "organisations"), "agent": bilingual.T("代办", "agents")}

// option finds a code in a dictionary of any class: a program's event does not
// say which class it is for.
func (w wording) option(dictionary, code string) (bilingual.Text, bool) {
	for _, spec := range registry.Classes() {
		if o, ok := w.ref.Option(spec.Class, dictionary, code); ok {
			return o.Name, true
		}
	}
	return bilingual.Text{}, false
}
