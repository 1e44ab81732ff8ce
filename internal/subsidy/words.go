package subsidy

import (
	"fmt"
	"strconv"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
)

// Sentence is one rule of a program as people read it.
type Sentence struct {
	At     string         `json:"at"` // "conditions[2]", "parts[0]", …
	Text   bilingual.Text `json:"text"`
	Source string         `json:"source,omitempty"`
}

// requirement says what a condition wants.
func (k Kind) requirement(f *Facts, c Condition) bilingual.Text {
	switch k.Takes {
	case "codes":
		list := names(f, k.Options, c.Codes)
		if c.Not || k.Code == "police_status" {
			return bilingual.T("不含"+list.ZH, "none of "+list.EN)
		}
		return list
	case "range":
		return k.bounds(c)
	case "days":
		return span(c.From, c.To)
	}
	switch k.Code {
	case "stage_source":
		return bilingual.T("是；不能仅按登记日期推定", "yes; not derived from a date alone")
	case "not_seized":
		return bilingual.T("无上述状态", "none of these")
	}
	return bilingual.T("是", "yes")
}

func (k Kind) bounds(c Condition) bilingual.Text {
	var parts []bilingual.Text
	add := func(zh, en string, n int64) {
		parts = append(parts, bilingual.T(zh+" "+strconv.FormatInt(n, 10)+" "+k.Unit.ZH, en+" "+strconv.FormatInt(n, 10)+" "+k.Unit.EN))
	}
	lead := bilingual.Text{}
	if k.Code == "early" {
		lead = bilingual.T("提前", "early by ")
	}
	switch {
	case c.Min == nil:
	case c.MinOpen:
		add("超过", "more than", *c.Min)
	default:
		add("至少", "at least", *c.Min)
	}
	switch {
	case c.Max == nil:
	case c.MaxOpen:
		add("不足", "less than", *c.Max)
	default:
		add("不超过", "at most", *c.Max)
	}
	if len(parts) == 0 {
		return bilingual.T("须已知", "known")
	}
	return joined("", "", lead, joined("，", ", ", parts...))
}

func span(from, to civil.Day) bilingual.Text {
	switch {
	case from == "":
		return bilingual.T(string(to)+" 及以前", "by "+string(to))
	case to == "":
		return bilingual.T(string(from)+" 及以后", string(from)+" or later")
	}
	return bilingual.T(string(from)+" 至 "+string(to), string(from)+" to "+string(to))
}

func (r Rounding) words() bilingual.Text {
	unit := yuanUnit(max(1, r.UnitFen))
	switch r.Mode {
	case "down":
		return bilingual.T("舍去不足"+unit.ZH+"部分", "rounded down to "+unit.EN)
	case "up":
		return bilingual.T("不足"+unit.ZH+"按"+unit.ZH+"计", "rounded up to "+unit.EN)
	}
	return bilingual.T("四舍五入到"+unit.ZH, "rounded half up to "+unit.EN)
}

func yuanUnit(fen int64) bilingual.Text {
	switch fen {
	case 1:
		return bilingual.T("分", "1 fen")
	case 10:
		return bilingual.T("角", "0.1 yuan")
	case 100:
		return bilingual.T("元", "1 yuan")
	}
	return bilingual.F("%s 元", "%s yuan", thousandths(fen*10))
}

// Sentences writes a program's rules as people read them; name names codes of
// dictionaries.
func (p Program) Sentences(name func(kind, code string) bilingual.Text) []Sentence {
	f, r := &Facts{Name: name}, p.Rules.Whole()
	var all []Sentence
	add := func(at string, text bilingual.Text, clause string) {
		all = append(all, Sentence{At: at, Text: text, Source: p.source(clause)})
	}
	from, to := p.Term()
	event := basisName(p.Basis)
	add("term", bilingual.T(fmt.Sprintf("%s在 %s 至 %s 之间的适用本版本", event.ZH, from, to), fmt.Sprintf("applies where the %s lies between %s and %s", event.EN, from, to)), "")
	if p.ApplyFrom != "" || p.ApplyTo != "" {
		s := span(p.ApplyFrom, p.ApplyTo)
		add("apply", bilingual.T("申请时间："+s.ZH, "applications: "+s.EN), "")
	}
	if n := p.ApplicationDeadlineDays; n > 0 {
		add("deadline", bilingual.T(fmt.Sprintf("须在%s后 %d 日内申请", event.ZH, n), fmt.Sprintf("apply within %d days of the %s", n, event.EN)), "")
	}
	for i, c := range r.Conditions {
		add(fmt.Sprintf("conditions[%d]", i), c.sentence(f), c.Clause)
	}
	for i, part := range r.Parts {
		add(fmt.Sprintf("parts[%d]", i), part.sentence(f), part.Clause)
		for j, c := range part.Conditions {
			s := c.sentence(f)
			add(fmt.Sprintf("parts[%d].conditions[%d]", i, j), bilingual.T(part.Name.ZH+"须满足："+s.ZH, part.Name.EN+" wants: "+s.EN), c.Clause)
		}
	}
	if n := r.Near; n != nil {
		if n.FactorBP == 0 {
			add("near", bilingual.F("距强制报废期不足 %d 个月的不予补贴", "nothing with less than %d months left before the mandatory scrapping date", n.BelowMonths), n.Clause)
		} else {
			percent := thousandths(n.FactorBP * 10)
			add("near", bilingual.F("距强制报废期不足 %d 个月的按 %s%% 计", "with less than %d months left before the mandatory scrapping date: %s%%", n.BelowMonths, percent), n.Clause)
		}
	}
	if r.CapFen > 0 {
		add("cap_fen", bilingual.T("单台（辆、艘）不超过 "+yuan(r.CapFen).ZH, "at most "+yuan(r.CapFen).EN+" for one"), "")
	}
	if o := r.Owner; o != nil {
		if o.MaxCount > 0 {
			add("owner", bilingual.F("同一所有人不超过 %d 件", "at most %d for one owner", o.MaxCount), o.Clause)
		}
		if o.MaxFen > 0 {
			add("owner", bilingual.T("同一所有人合计不超过 "+yuan(o.MaxFen).ZH, "at most "+yuan(o.MaxFen).EN+" for one owner"), o.Clause)
		}
	}
	if r.Rounding.UnitFen > 1 || r.Rounding.Mode != "" {
		add("rounding", r.Rounding.words(), "")
	}
	return all
}

func (c Condition) sentence(f *Facts) bilingual.Text {
	k, _ := KindOf(c.Kind)
	text := k.Name
	if k.Takes != "none" {
		wants := k.requirement(f, c)
		text = bilingual.T(k.Name.ZH+"："+wants.ZH, k.Name.EN+": "+wants.EN)
	}
	if len(c.For) > 0 {
		list := names(f, "group", c.For)
		text = bilingual.T("（"+list.ZH+"）"+text.ZH, "("+list.EN+") "+text.EN)
	}
	return text
}

func (p Part) sentence(f *Facts) bilingual.Text {
	e := &evaluation{f: *f}
	how := e.axes(p.Axes)
	if p.Kind == "formula" {
		how = bilingual.T("基准 "+p.BaseFen.Yuan()+" 元", "base "+p.BaseFen.Yuan()+" yuan")
		if k, known := KindOf(p.Quantity); known {
			how = bilingual.T(how.ZH+" × "+k.Name.ZH, how.EN+" × "+k.Name.EN)
		}
		for _, factor := range p.Factors {
			how = bilingual.T(how.ZH+" × "+factor.Name.ZH, how.EN+" × "+factor.Name.EN)
		}
	}
	if p.CapFen > 0 {
		how = bilingual.T(how.ZH+"，不超过 "+yuan(p.CapFen).ZH, how.EN+", at most "+yuan(p.CapFen).EN)
	}
	if p.Needs == "replacement" {
		how = bilingual.T(how.ZH+"（须新购替代）", how.EN+" (if a replacement was bought)")
	}
	return bilingual.T(p.Name.ZH+"："+how.ZH, p.Name.EN+": "+how.EN)
}

// CellWords says what a cell of a table wants.
func CellWords(axis Axis, c Cell, name func(kind, code string) bilingual.Text) bilingual.Text {
	k, known := KindOf(axis.By)
	if !known {
		return bilingual.T("—", "—")
	}
	if k.Takes == "codes" {
		if len(c.Codes) == 0 {
			return bilingual.T("不限", "any")
		}
		return names(&Facts{Name: name}, k.Options, c.Codes)
	}
	if c.From == nil && c.To == nil {
		return bilingual.T("不限", "any")
	}
	upper := axis.Closed == "upper"
	return k.bounds(Condition{Min: c.From, MinOpen: upper, Max: c.To, MaxOpen: !upper})
}

// TableWords is a table of a program with its cells in words.
type TableWords struct {
	At      string
	Name    bilingual.Text
	Columns []bilingual.Text
	Rows    []RowWords
}

// RowWords is one row of it.
type RowWords struct {
	Cells     []bilingual.Text
	AmountFen money.Fen
	FactorBP  int64
}

// Tables writes a program's tables as people read them.
func (p Program) Tables(name func(kind, code string) bilingual.Text) []TableWords {
	var all []TableWords
	add := func(at string, title bilingual.Text, axes []Axis, rows []Row) {
		t := TableWords{At: at, Name: title}
		for _, axis := range axes {
			k, _ := KindOf(axis.By)
			t.Columns = append(t.Columns, k.Name)
		}
		for _, row := range rows {
			w := RowWords{AmountFen: row.AmountFen, FactorBP: row.FactorBP}
			for i, cell := range row.Cells {
				if i < len(axes) {
					w.Cells = append(w.Cells, CellWords(axes[i], cell, name))
				}
			}
			t.Rows = append(t.Rows, w)
		}
		all = append(all, t)
	}
	for i, part := range p.Rules.Whole().Parts {
		at := fmt.Sprintf("parts[%d]", i)
		if part.Kind != "formula" {
			add(at, part.Name, part.Axes, part.Rows)
		}
		for j, factor := range part.Factors {
			add(fmt.Sprintf("%s.factors[%d]", at, j), joined("：", ": ", part.Name, factor.Name), factor.Axes, factor.Rows)
		}
	}
	return all
}
