package subsidy

import (
	"fmt"
	"slices"
	"sort"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
)

// Gap is something about a program that may be meant but has to be looked at:
// a case that no row of a table covers, a share that nobody pays.
type Gap struct {
	At      string // "rules.parts[0]"
	Code    string // gap, zero_months, no_document, …
	Message bilingual.Text
	Mend    bilingual.Text
}

// maxCells bounds the cases that a table is checked for.
const maxCells = 20_000

type checker struct{ wrong []fault.Detail }

func (c *checker) add(field, code string, message, mend bilingual.Text) {
	c.wrong = append(c.wrong, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
}

// Check returns what is wrong with a program as entered, overlaps of its tables
// included.
func (p Program) Check() []fault.Detail {
	c := &checker{}
	c.terms(p)
	c.rules(p.Rules)
	return c.wrong
}

func (c *checker) terms(p Program) {
	for _, d := range []struct {
		field string
		day   civil.Day
		must  bool
	}{{"valid_from", p.ValidFrom, true}, {"valid_to", p.ValidTo, true}, {"apply_from", p.ApplyFrom, false}, {"apply_to", p.ApplyTo, false}} {
		if !d.day.Valid() && (d.must || d.day != "") {
			c.add(d.field, "date_invalid", bilingual.F("“%s”不是有效日期", "%q is not a day", d.day), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
		}
	}
	if p.ValidFrom.Valid() && p.ValidTo.Valid() && p.ValidFrom > p.ValidTo {
		c.add("valid_to", "date_order", bilingual.T("截止日期早于开始日期", "the program ends before it starts"), bilingual.T("请核对两个日期", "check both days"))
	}
	if p.ApplyFrom.Valid() && p.ApplyTo.Valid() && p.ApplyFrom > p.ApplyTo {
		c.add("apply_to", "date_order", bilingual.T("受理截止日期早于开始日期", "applications end before they start"), bilingual.T("请核对两个日期", "check both days"))
	}
	if !slices.Contains(Bases, p.Basis) {
		c.add("basis", "unknown_value", bilingual.T("计算依据应为注销、交售、拆解或申请日期", "the basis is one of deregistered_on, handed_in_on, dismantled_on, applied_on"), bilingual.T("请选择", "choose one"))
	}
	if p.EarlyBasis != "" && !slices.Contains(Bases, p.EarlyBasis) {
		c.add("early_basis", "unknown_value", bilingual.T("提前时间的计算日期应为注销、交售、拆解或申请日期", "the day for months early is one of deregistered_on, handed_in_on, dismantled_on, applied_on"), bilingual.T("请选择", "choose one"))
	}
	if v := p.RequiresVerified; v != "" && v != BeforeApproval && v != BeforePayment {
		c.add("requires_verified", "unknown_value", bilingual.T("应为审批前或支付前", "before_approval or before_payment"), bilingual.T("请选择", "choose one"))
	}
	sum, seen := int64(0), map[string]bool{}
	for i, s := range p.Shares {
		at := fmt.Sprintf("shares[%d]", i)
		if !slices.Contains(Sources, s.Source) {
			c.add(at+".source", "unknown_value", bilingual.F("“%s”不是资金来源", "%q is not a source", s.Source), bilingual.T("请选择中央、省级、市级、县区或其他", "central, provincial, city, county or other"))
		}
		if seen[s.Source] {
			c.add(at+".source", "duplicate", bilingual.T("同一来源只能出现一次", "a source stands once"), bilingual.T("请合并", "put them together"))
		}
		if s.BP < 1 || s.BP > 10000 {
			c.add(at+".bp", "out_of_range", bilingual.T("比例应在 0.01% 到 100% 之间", "a share lies between 0.01% and 100%"), bilingual.Text{})
		}
		seen[s.Source] = true
		sum += s.BP
	}
	if len(p.Shares) > 0 && sum != 10000 {
		c.add("shares", "not_whole", bilingual.T("各来源比例合计为 "+thousandths(sum*10)+"%，应为 100%", "the shares make "+thousandths(sum*10)+"%, not 100%"), bilingual.T("请调整到合计 100%", "make them 100% together"))
	}
}

func (c *checker) rules(r Rules) {
	short := len(r.Parts) == 0
	if short && len(r.Table) == 0 {
		c.add("rules.table", "required", bilingual.T("缺少补贴标准", "the table of amounts is missing"), bilingual.T("至少填写一行", "give at least one row"))
	}
	if !short && len(r.Table)+len(r.Stages)+r.MinEarlyMonths > 0 {
		c.add("rules.table", "both_forms", bilingual.T("不能同时使用简式表格和分项标准", "the short table and parts cannot stand together"), bilingual.T("请只用一种", "use one of them"))
	}
	for i, rate := range r.Table {
		at := fmt.Sprintf("rules.table[%d]", i)
		c.amount(at+".amount_fen", rate.AmountFen, 1)
		if rate.FromMonths < 0 || (rate.ToMonths != nil && *rate.ToMonths <= rate.FromMonths) {
			c.add(at+".to_months", "out_of_range", bilingual.T("月数区间为空", "the band of months is empty"), bilingual.T("上限应大于下限", "the upper end must be above the lower end"))
		}
	}
	w := r.Whole()
	for i, condition := range w.Conditions {
		if short && i >= len(r.Conditions) {
			break // made from the short form
		}
		c.condition(fmt.Sprintf("rules.conditions[%d]", i), condition)
	}
	codes := map[string]bool{}
	for i, part := range w.Parts {
		at := fmt.Sprintf("rules.parts[%d]", i)
		rows := at + ".rows"
		if short {
			c.overlaps("rules.table", part.Axes, part.Rows)
			continue
		}
		if part.Code == "" || codes[part.Code] {
			c.add(at+".code", "duplicate", bilingual.T("每个分项需要一个不重复的代号", "every part needs a code of its own"), bilingual.T("例如 scrap、renew", "such as scrap or renew"))
		}
		codes[part.Code] = true
		if part.Name.ZH == "" {
			c.add(at+".name", "required", bilingual.T("缺少分项名称", "the part has no name"), bilingual.T("例如 提前报废补贴", "such as early scrapping"))
		}
		for j, condition := range part.Conditions {
			c.condition(fmt.Sprintf("%s.conditions[%d]", at, j), condition)
		}
		c.amount(at+".cap_fen", part.CapFen, 0)
		switch part.Kind {
		case "table":
			c.table(at, rows, part.Axes, part.Rows, true)
		case "formula":
			c.formula(at, part)
		default:
			c.add(at+".kind", "unknown_value", bilingual.T("应为查表或公式", "table or formula"), bilingual.T("请选择", "choose one"))
		}
	}
	c.amount("rules.cap_fen", r.CapFen, 0)
	if n := r.Near; n != nil && (n.BelowMonths < 1 || n.FactorBP < 0 || n.FactorBP > 10000) {
		c.add("rules.near", "out_of_range", bilingual.T("临近报废期的比例应在 0 到 100% 之间", "the lower rate lies between 0 and 100%"), bilingual.Text{})
	}
	if o := r.Owner; o != nil && (o.MaxCount < 0 || o.MaxFen < 0 || o.MaxCount == 0 && o.MaxFen == 0) {
		c.add("rules.owner", "out_of_range", bilingual.T("同一所有人的上限应大于零", "the cap of an owner must be more than nothing"), bilingual.Text{})
	}
	if u := r.Rounding.UnitFen; u < 0 || u > 1_000_000 {
		c.add("rules.rounding.unit_fen", "out_of_range", bilingual.T("取整单位应在 1 分到 1 万元之间", "the unit lies between 1 fen and 10,000 yuan"), bilingual.Text{})
	}
	if !slices.Contains([]string{"", "half_up", "down", "up"}, r.Rounding.Mode) {
		c.add("rules.rounding.mode", "unknown_value", bilingual.T("取整方式应为四舍五入、舍去或进位", "half_up, down or up"), bilingual.Text{})
	}
}

func (c *checker) amount(at string, amount, least money.Fen) {
	if amount < least || amount > money.Max {
		c.add(at, "out_of_range", bilingual.T("金额超出范围，应大于零", "the amount is out of range; it must be positive"), bilingual.T("请核对单位：系统以分计", "check the unit: amounts are in fen"))
	}
}

func (c *checker) condition(at string, x Condition) {
	k, known := KindOf(x.Kind)
	if !known {
		c.add(at+".kind", "unknown_value", bilingual.F("“%s”不是可用的条件", "%q is not a condition", x.Kind), bilingual.T("请从条件列表中选择", "choose one of the list"))
		return
	}
	switch k.Takes {
	case "codes":
		if len(x.Codes) == 0 {
			c.add(at+".codes", "required", bilingual.T(k.Name.ZH+"：至少选择一项", k.Name.EN+": choose at least one"), bilingual.Text{})
		}
	case "range":
		switch {
		case x.Min == nil && x.Max == nil:
			c.add(at+".min", "required", bilingual.T(k.Name.ZH+"：需要下限或上限", k.Name.EN+": a bound is needed"), bilingual.Text{})
		case x.Min != nil && x.Max != nil && (*x.Min > *x.Max || *x.Min == *x.Max && (x.MinOpen || x.MaxOpen)):
			c.add(at+".max", "out_of_range", bilingual.T(k.Name.ZH+"：上限低于下限", k.Name.EN+": the upper bound is below the lower"), bilingual.Text{})
		}
		for field, bound := range map[string]*int64{"min": x.Min, "max": x.Max} {
			if bound != nil && (*bound < 0 || *bound > 10_000_000) {
				c.add(at+"."+field, "out_of_range", bilingual.T(k.Name.ZH+"：界限超出范围", k.Name.EN+": the bound is out of range"), bilingual.Text{})
			}
		}
	case "days":
		for field, day := range map[string]civil.Day{"from": x.From, "to": x.To} {
			if day != "" && !day.Valid() {
				c.add(at+"."+field, "date_invalid", bilingual.F("“%s”不是有效日期", "%q is not a day", day), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
			}
		}
		if x.From == "" && x.To == "" || x.From != "" && x.To != "" && x.From > x.To {
			c.add(at+".from", "date_order", bilingual.T(k.Name.ZH+"：需要起止日期，且不能颠倒", k.Name.EN+": days are needed, in their order"), bilingual.Text{})
		}
	}
}

func (c *checker) formula(at string, p Part) {
	c.amount(at+".base_fen", p.BaseFen, 1)
	if k, known := KindOf(p.Quantity); p.Quantity != "" && (!known || !k.Quantity) {
		c.add(at+".quantity", "unknown_value", bilingual.F("“%s”不是可计量的项目", "%q is not a quantity", p.Quantity), bilingual.T("例如 总吨、功率", "such as gross tonnage or power"))
	}
	for i, factor := range p.Factors {
		f := fmt.Sprintf("%s.factors[%d]", at, i)
		if factor.Name.ZH == "" {
			c.add(f+".name", "required", bilingual.T("缺少系数名称", "the factor has no name"), bilingual.Text{})
		}
		c.table(f, f+".rows", factor.Axes, factor.Rows, false)
	}
}

// table checks axes, cells, amounts and overlaps.
func (c *checker) table(at, rowsAt string, axes []Axis, rows []Row, amounts bool) {
	if len(rows) == 0 {
		c.add(rowsAt, "required", bilingual.T("表格没有行", "the table has no rows"), bilingual.T("至少填写一行", "give at least one row"))
	}
	before := len(c.wrong)
	for i, axis := range axes {
		if k, known := KindOf(axis.By); !known || !k.Axis {
			c.add(fmt.Sprintf("%s.axes[%d].by", at, i), "unknown_value", bilingual.F("“%s”不能作为表格的列", "%q cannot be a column", axis.By), bilingual.T("请从列表中选择", "choose one of the list"))
		}
	}
	for i, row := range rows {
		r := fmt.Sprintf("%s[%d]", rowsAt, i)
		if len(row.Cells) != len(axes) {
			c.add(r+".cells", "wrong_count", bilingual.F("应有 %d 格", "the row needs %d cells", len(axes)), bilingual.Text{})
			continue
		}
		for j, cell := range row.Cells {
			if cell.From != nil && cell.To != nil && *cell.From >= *cell.To {
				c.add(fmt.Sprintf("%s.cells[%d].to", r, j), "out_of_range", bilingual.T("区间为空", "the band is empty"), bilingual.T("上限应大于下限", "the upper end must be above the lower end"))
			}
		}
		if amounts {
			c.amount(r+".amount_fen", row.AmountFen, 1)
		} else if row.FactorBP < 1 || row.FactorBP > 1_000_000 {
			c.add(r+".factor_bp", "out_of_range", bilingual.T("系数应在 0.0001 到 100 之间", "a factor lies between 0.0001 and 100"), bilingual.Text{})
		}
	}
	if len(c.wrong) == before {
		c.overlaps(rowsAt, axes, rows)
	}
}

// overlaps names each row that covers a case an earlier row covers too.
func (c *checker) overlaps(at string, axes []Axis, rows []Row) {
	for i := range rows {
		for j := range i {
			if overlapping(axes, rows[i], rows[j]) {
				c.add(fmt.Sprintf("%s[%d]", at, i), "overlap", bilingual.F("与第 %d 行的区间重叠", "its band overlaps that of row %d", j+1), bilingual.T("同一情形只能对应一行", "a case may be in one row only"))
			}
		}
	}
}

func overlapping(axes []Axis, a, b Row) bool {
	for i, axis := range axes {
		if i >= len(a.Cells) || i >= len(b.Cells) {
			return false
		}
		x, y := a.Cells[i], b.Cells[i]
		if k, _ := KindOf(axis.By); k.Takes == "codes" {
			if len(x.Codes) > 0 && len(y.Codes) > 0 && !slices.ContainsFunc(x.Codes, func(code string) bool { return slices.Contains(y.Codes, code) }) {
				return false
			}
			continue
		}
		if x.To != nil && y.From != nil && *x.To <= *y.From || y.To != nil && x.From != nil && *y.To <= *x.From {
			return false
		}
	}
	return true
}

// region is an elementary piece of an axis: a code, or a band without a bound
// of the table inside.
type region struct {
	code     string
	from, to *int64
}

func (r region) in(c Cell) bool {
	if r.code != "" {
		return len(c.Codes) == 0 || slices.Contains(c.Codes, r.code)
	}
	low := c.From == nil || r.from != nil && *c.From <= *r.from
	high := c.To == nil || r.to != nil && *r.to <= *c.To
	return low && high
}

// Gaps returns what has to be looked at before a program is issued: cases that
// its conditions let in but no row of a table covers, and open questions.
// options gives the codes of a list for a class.
func (p Program) Gaps(options func(list string) []string) []Gap {
	var gaps []Gap
	r := p.Rules.Whole()
	for i, part := range r.Parts {
		at := fmt.Sprintf("rules.parts[%d]", i)
		if len(p.Rules.Parts) == 0 {
			at = "rules.table"
		}
		all := append(append([]Condition(nil), r.Conditions...), part.Conditions...)
		gaps = append(gaps, tableGaps(at, part.Name, all, part.Axes, part.Rows, options)...)
		for j, factor := range part.Factors {
			gaps = append(gaps, tableGaps(fmt.Sprintf("%s.factors[%d]", at, j), factor.Name, all, factor.Axes, factor.Rows, options)...)
		}
	}
	add := func(at, code string, message, mend bilingual.Text) { gaps = append(gaps, Gap{at, code, message, mend}) }
	if !r.answersZeroMonths() && p.hasDueDate() {
		add("rules", "zero_months", bilingual.T("没有写明临近或已到强制报废期（提前 0 个月）时怎么办", "nothing says what is owed with zero months left before the mandatory scrapping date"),
			bilingual.T("请加“提前报废时间”条件，或写明降低的比例", "add a condition on early retirement, or a lower rate"))
	}
	if p.Document == "" {
		add("document", "no_document", bilingual.T("缺少文件名称和文号", "the document is missing"), bilingual.T("请填写依据文件", "name the document it rests on"))
	}
	if len(p.Shares) == 0 {
		add("shares", "no_shares", bilingual.T("没有资金分担比例", "no shares of the sources"), bilingual.T("请填写各级分担比例，合计 100%", "give the shares, 100% together"))
	}
	return gaps
}

func (p Program) hasDueDate() bool { return slices.Contains(p.AllClasses(), "truck") }

func (r Rules) answersZeroMonths() bool {
	for _, c := range r.Conditions {
		if c.Kind == "early" && c.Min != nil && (*c.Min > 0 || c.MinOpen) {
			return true
		}
	}
	return r.Near != nil
}

// tableGaps goes through every elementary case of a table.
func tableGaps(at string, name bilingual.Text, conditions []Condition, axes []Axis, rows []Row, options func(string) []string) []Gap {
	if len(rows) == 0 || len(axes) == 0 {
		return nil
	}
	pieces, cells := make([][]region, len(axes)), 1
	for i, axis := range axes {
		pieces[i] = regions(axis, i, conditions, rows, options)
		cells *= len(pieces[i])
		if cells == 0 || cells > maxCells {
			return nil
		}
	}
	var gaps []Gap
	at2 := make([]int, len(axes))
	for n := range cells {
		for i, rest := len(axes)-1, n; i >= 0; i-- {
			at2[i], rest = rest%len(pieces[i]), rest/len(pieces[i])
		}
		covered := slices.ContainsFunc(rows, func(row Row) bool {
			for i := range axes {
				if i >= len(row.Cells) || !pieces[i][at2[i]].in(row.Cells[i]) {
					return false
				}
			}
			return true
		})
		if covered {
			continue
		}
		if len(gaps) == 20 {
			break
		}
		var parts []bilingual.Text
		for i, axis := range axes {
			piece := pieces[i][at2[i]]
			cell := Cell{From: piece.from, To: piece.to}
			if piece.code != "" {
				cell.Codes = []string{piece.code}
			}
			parts = append(parts, CellWords(axis, cell, nil))
		}
		here := joined("，", ", ", parts...)
		gaps = append(gaps, Gap{at, "gap", bilingual.T(name.ZH+"："+here.ZH+" 没有对应的行", name.EN+": no row for "+here.EN), bilingual.T("请补一行，或用条件把这种情形排除", "add a row, or let a condition keep the case out")})
	}
	return gaps
}

// regions cuts an axis at every bound of the table and of the conditions, within
// what the conditions let in.
func regions(axis Axis, i int, conditions []Condition, rows []Row, options func(string) []string) []region {
	k, _ := KindOf(axis.By)
	if k.Takes == "codes" {
		return codeRegions(k, i, conditions, rows, options)
	}
	var low, high *int64
	for _, c := range conditions {
		if c.Kind == axis.By && len(c.For) == 0 {
			if c.Min != nil && (low == nil || *c.Min > *low) {
				low = c.Min
			}
			if c.Max != nil && (high == nil || *c.Max < *high) {
				high = c.Max
			}
		}
	}
	bounds := map[int64]bool{}
	unbounded, any := false, true
	for _, row := range rows {
		if i >= len(row.Cells) {
			continue
		}
		c := row.Cells[i]
		any = any && c.From == nil && c.To == nil
		unbounded = unbounded || c.From == nil
		for _, b := range []*int64{c.From, c.To} {
			if b != nil && (low == nil || *b > *low) && (high == nil || *b < *high) {
				bounds[*b] = true
			}
		}
	}
	if any {
		return []region{{from: low, to: high}}
	}
	zero := int64(0) // nothing has less than none of a quantity; below its lowest row a table promises nothing
	if low == nil {
		low = &zero
		if !unbounded && k.Code != "early" {
			low = lowest(bounds)
		}
		delete(bounds, *low)
	}
	cuts := make([]int64, 0, len(bounds))
	for b := range bounds {
		cuts = append(cuts, b)
	}
	slices.Sort(cuts)
	var pieces []region
	from := low
	for _, cut := range cuts {
		to := cut
		pieces = append(pieces, region{from: from, to: &to})
		from = &to
	}
	if high == nil || from == nil || *from < *high {
		pieces = append(pieces, region{from: from, to: high})
	}
	return pieces
}

func lowest(bounds map[int64]bool) *int64 {
	var low *int64
	for b := range bounds {
		if low == nil || b < *low {
			low = &b
		}
	}
	if low == nil {
		low = new(int64)
	}
	return low
}

func codeRegions(k Kind, i int, conditions []Condition, rows []Row, options func(string) []string) []region {
	universe := map[string]bool{}
	for _, row := range rows {
		if i < len(row.Cells) {
			for _, code := range row.Cells[i].Codes {
				universe[code] = true
			}
		}
	}
	if len(universe) == 0 {
		return []region{{}}
	}
	if options != nil {
		for _, code := range options(k.Options) {
			universe[code] = true
		}
	}
	for _, c := range conditions {
		if c.Kind != k.Code || len(c.For) > 0 {
			continue
		}
		for code := range universe {
			if slices.Contains(c.Codes, code) == c.Not {
				delete(universe, code)
			}
		}
		if !c.Not {
			for _, code := range c.Codes {
				universe[code] = true
			}
		}
	}
	codes := make([]string, 0, len(universe))
	for code := range universe {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	pieces := make([]region, len(codes))
	for n, code := range codes {
		pieces[n] = region{code: code}
	}
	return pieces
}

// EachCode calls fn for every list of codes in the rules, with where it stands
// and the list that the codes are of.
func (r Rules) EachCode(fn func(at, list string, codes []string)) {
	w := r.Whole()
	conditions := func(at string, list []Condition) {
		for i, c := range list {
			k, _ := KindOf(c.Kind)
			if k.Takes == "codes" {
				fn(fmt.Sprintf("%sconditions[%d].codes", at, i), k.Options, c.Codes)
			}
			fn(fmt.Sprintf("%sconditions[%d].for", at, i), "group", c.For)
		}
	}
	table := func(at string, axes []Axis, rows []Row) {
		for i, row := range rows {
			for j, cell := range row.Cells {
				if j >= len(axes) || len(cell.Codes) == 0 {
					continue
				}
				if k, _ := KindOf(axes[j].By); k.Takes == "codes" {
					fn(fmt.Sprintf("%s.rows[%d].cells[%d].codes", at, i, j), k.Options, cell.Codes)
				}
			}
		}
	}
	if len(r.Parts) > 0 || len(r.Table) == 0 {
		conditions("", w.Conditions)
	}
	for i, part := range w.Parts {
		at := fmt.Sprintf("parts[%d]", i)
		if len(r.Parts) == 0 {
			continue // the short form's groups were free text
		}
		conditions(at+".", part.Conditions)
		table(at, part.Axes, part.Rows)
		for j, factor := range part.Factors {
			table(fmt.Sprintf("%s.factors[%d]", at, j), factor.Axes, factor.Rows)
		}
	}
}

// NotInForce is a decision of a program that was not issued: it owes nothing.
func NotInForce(p Program, d Decision) Decision {
	d.Eligible, d.AmountFen, d.Shares = false, 0, nil
	d.Lines = append(d.Lines, Line{Code: "issued", Text: bilingual.T("方案已发布", "the program is issued"), Fact: bilingual.T("尚未发布", "not issued"), Requirement: bilingual.T("已发布", "issued"), Source: p.Document})
	return d
}
