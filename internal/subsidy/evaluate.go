package subsidy

import (
	"fmt"
	"math/big"
	"slices"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
)

// Line is one reason for or against, or one step of the amount, in words that
// can be printed for the applicant.
type Line struct {
	Code        string           `json:"code"`
	Passed      bool             `json:"passed"`
	Optional    bool             `json:"optional,omitempty"` // not met it only leaves out a part of the amount
	Text        bilingual.Text   `json:"text"`               // what is asked
	Fact        bilingual.Text   `json:"fact"`               // what is the case
	Requirement bilingual.Text   `json:"requirement"`        // what the program wants
	Source      string           `json:"source"`             // document and clause
	Values      map[string]int64 `json:"values,omitempty"`   // what the step was computed from and came to
}

// Decision is what a program owes and why, line by line.
type Decision struct {
	Eligible    bool
	AmountFen   money.Fen
	Shares      []SharePart // what each source pays; sums to AmountFen
	Lines       []Line
	EarlyMonths *int // whole months left before the mandatory scrapping date; nil if it is not known
}

// evaluation is one program looked at with one set of facts.
type evaluation struct {
	p     *Program
	f     Facts
	event civil.Day // decides which version is in force
	at    civil.Day // age and months early are counted at it
	d     Decision
}

// Evaluate returns what p owes for the facts. Every rule is answered, also
// after one has failed, so that an applicant sees all reasons at once.
func (p Program) Evaluate(f Facts) Decision {
	e := &evaluation{p: &p, f: f, event: f.day(p.Basis), at: f.day(p.earlyBasis())}
	e.d.Eligible = true
	rules := p.Rules.Whole()
	e.frame()
	saysEarly, saysChecks := false, false
	for _, c := range rules.Conditions {
		saysEarly, saysChecks = saysEarly || c.Kind == "early", saysChecks || c.Kind == "pre_checks"
		if e.concerns(c) {
			e.add(e.condition(c))
		}
	}
	if !saysChecks && f.PreChecks == "open" { // whatever the program says, an open item holds the money back
		e.add(e.condition(Condition{Kind: "pre_checks"}))
	}
	if known := e.f.ScrapDueOn.Valid() && e.at != ""; known {
		n := e.at.MonthsUntil(e.f.ScrapDueOn)
		e.d.EarlyMonths = &n
		if !saysEarly {
			e.add(Line{Code: "early", Passed: true, Text: bilingual.T("提前报废时间", "early retirement"), Fact: e.earlyFact(), Requirement: bilingual.T("本方案不作要求", "the program asks for none")})
		}
	}
	e.amount(rules)
	return e.d
}

// add puts a line under the program's document; one that is not met, and not
// optional, makes the case not eligible.
func (e *evaluation) add(l Line) {
	l.Source = e.p.source(l.Source)
	e.d.Lines = append(e.d.Lines, l)
	e.d.Eligible = e.d.Eligible && (l.Passed || l.Optional)
}

// frame answers what every program asks: class and city, the retirement, the
// term, and when the application was made.
func (e *evaluation) frame() {
	p, f := e.p, &e.f
	name := func(kind, code string) bilingual.Text { return nameOf(f, kind, code) }
	var classes []bilingual.Text
	for _, c := range p.AllClasses() {
		classes = append(classes, name("class", string(c)))
	}
	e.add(Line{Code: "class", Passed: slices.Contains(p.AllClasses(), f.Class) && (p.Everywhere() || f.CityCode == p.CityCode), Text: bilingual.T("登记城市和类别", "city and class of the register"),
		Fact:        joined("，", ", ", name("city", f.CityCode), name("class", string(f.Class))),
		Requirement: joined("，", ", ", name("city", p.CityCode), joined("、", ", ", classes...))})
	retired, wants := f.CountsAs == "retired" && f.Verified, bilingual.T("已注销报废，经第二人核实", "deregistered for scrapping, verified by a second person")
	if p.RequiresVerified == BeforePayment {
		retired, wants = f.CountsAs == "retired", bilingual.T("已申报报废；支付前须经第二人核实", "declared as scrapped; verified by a second person before payment")
	}
	fact := yes(retired)
	if f.CountsAs == "retired" && !f.Verified {
		fact = bilingual.T("已申报，尚未核实", "declared, not verified yet")
	}
	e.add(Line{Code: "retired", Passed: retired, Text: bilingual.T("报废并已核实", "scrapped and verified"), Fact: fact, Requirement: wants})
	from, to := p.Term()
	eventName := basisName(p.Basis)
	e.add(Line{Code: "window", Passed: e.event != "" && e.event >= from && e.event <= to, Text: bilingual.T(eventName.ZH+"在政策期内", eventName.EN+" within the program's term"),
		Fact: orNone(string(e.event)), Requirement: bilingual.T(string(from)+" 至 "+string(to), string(from)+" to "+string(to))})
	if p.ApplyFrom != "" || p.ApplyTo != "" {
		e.add(e.daysLine(Condition{From: p.ApplyFrom, To: p.ApplyTo}, Line{Code: "apply_window", Text: bilingual.T("申请日期在受理期内", "applied within the time for applications")}, f.AppliedOn))
	}
	if n := p.ApplicationDeadlineDays; n > 0 {
		last, known := e.event.AddDays(n), e.event != "" && f.AppliedOn != ""
		e.add(Line{Code: "deadline", Passed: known && f.AppliedOn <= last, Text: bilingual.T("在规定时限内申请", "applied in time"), Fact: orNone(string(f.AppliedOn)),
			Requirement: bilingual.T(fmt.Sprintf("%s后 %d 日内，即 %s 及以前", eventName.ZH, n, orNone(string(last)).ZH), fmt.Sprintf("within %d days of the %s, by %s", n, eventName.EN, orNone(string(last)).EN))})
	}
}

// concerns reports whether a condition applies to the asset's group.
func (e *evaluation) concerns(c Condition) bool {
	return len(c.For) == 0 || slices.Contains(c.For, e.f.Group) || slices.Contains(c.For, e.f.Category)
}

// condition answers one condition.
func (e *evaluation) condition(c Condition) Line {
	k, known := KindOf(c.Kind)
	l := Line{Code: c.Kind, Text: k.Name, Source: c.Clause, Requirement: k.requirement(&e.f, c)}
	switch {
	case !known:
		l.Text, l.Fact, l.Requirement = bilingual.T(c.Kind, c.Kind), bilingual.T("未知条件", "unknown condition"), bilingual.T("—", "—")
	case k.holds != nil:
		l.Passed, l.Fact = k.holds(e, c)
	case k.Takes == "codes":
		is := k.codes(&e.f)
		l.Passed = is[0] != "" && slices.ContainsFunc(is, func(code string) bool { return code != "" && slices.Contains(c.Codes, code) }) != c.Not
		l.Fact = nameOf(&e.f, k.Options, is[0])
		if c.Kind == "group" && e.f.GroupName.ZH != "" {
			l.Fact = e.f.GroupName
		}
		if is[0] == "" && len(is) > 1 && is[1] != "" { // a type without a group
			l.Passed = slices.Contains(c.Codes, is[1]) != c.Not
		}
	case k.Takes == "range":
		e.rangeLine(k, c, &l)
	case k.Takes == "days":
		l = e.daysLine(c, l, k.day(&e.f))
	}
	return l
}

func (e *evaluation) rangeLine(k Kind, c Condition, l *Line) {
	if !k.known(e) {
		l.Fact = bilingual.T("未知", "unknown")
		if k.Code == "early" {
			l.Fact = bilingual.T("强制报废期未知", "mandatory scrapping date unknown")
		}
		return
	}
	l.Passed, l.Fact = true, k.fact(e)
	if c.Min != nil {
		at := k.compare(e, *c.Min)
		l.Passed = at > 0 || at == 0 && !c.MinOpen
	}
	if c.Max != nil {
		if at := k.compare(e, *c.Max); at > 0 || at == 0 && c.MaxOpen {
			l.Passed = false
			if k.Code == "age" {
				l.Fact = bilingual.T(l.Fact.ZH+"，超过补贴年限", l.Fact.EN+", too old for the subsidy")
			}
		}
	}
}

func (e *evaluation) daysLine(c Condition, l Line, day civil.Day) Line {
	l.Passed = day != "" && (c.From == "" || day >= c.From) && (c.To == "" || day <= c.To)
	l.Fact, l.Requirement = orNone(string(day)), span(c.From, c.To)
	return l
}

// earlyFact says how many whole months are left before the mandatory date.
func (e *evaluation) earlyFact() bilingual.Text {
	n := e.at.MonthsUntil(e.f.ScrapDueOn)
	computed := bilingual.Text{}
	if e.f.ScrapComputed {
		computed = bilingual.T("，按登记日期推算", ", computed")
	}
	if n < 0 || e.at > e.f.ScrapDueOn {
		return bilingual.T(fmt.Sprintf("已超过强制报废期（%s%s）", e.f.ScrapDueOn, computed.ZH), fmt.Sprintf("past the mandatory scrapping date (%s%s)", e.f.ScrapDueOn, computed.EN))
	}
	return bilingual.T(fmt.Sprintf("提前 %d 个月（强制报废期 %s%s）", n, e.f.ScrapDueOn, computed.ZH), fmt.Sprintf("%d months early (mandatory scrapping date %s%s)", n, e.f.ScrapDueOn, computed.EN))
}

// amount computes the parts, what little time left takes away, the caps, the
// rounding and the shares, each with its line.
func (e *evaluation) amount(rules Rules) {
	total, found := new(big.Rat), true
	for _, part := range rules.Parts {
		sum, ok := e.part(part, len(rules.Parts) == 1)
		total.Add(total, sum)
		found = found && ok
	}
	e.near(rules.Near, total)
	amount, ok := rules.Rounding.round(total)
	if rules.Rounding.UnitFen > 1 && found {
		e.add(Line{Code: "rounding", Passed: true, Text: bilingual.T("取整", "rounding"), Fact: yuan(amount), Requirement: rules.Rounding.words()})
	}
	if !ok {
		e.add(Line{Code: "limit", Text: bilingual.T("金额上限", "largest amount"), Fact: bilingual.T("计算结果超出系统上限", "the result is over the system's limit"), Requirement: yuan(money.Max)})
		amount = 0
	}
	if capped := rules.CapFen; capped > 0 && amount > 0 {
		e.add(Line{Code: "cap", Passed: true, Text: bilingual.T("单台（辆、艘）上限", "cap for one asset"), Fact: yuan(min(amount, capped)), Requirement: bilingual.T("不超过 "+yuan(capped).ZH, "at most "+yuan(capped).EN),
			Values: map[string]int64{"before_fen": int64(amount), "cap_fen": int64(capped)}})
		amount = min(amount, capped)
	}
	amount = e.ownerCap(rules.Owner, amount)
	if found && amount == 0 && e.d.Eligible {
		e.add(Line{Code: "amount", Text: bilingual.T("补贴金额", "amount"), Fact: bilingual.T("没有应补金额", "nothing is owed"), Requirement: bilingual.T("金额大于零", "more than nothing")})
	}
	if !e.d.Eligible || !found {
		e.d.Eligible = false
		return
	}
	e.d.AmountFen, e.d.Shares = amount, Split(amount, e.p.Shares)
	if len(rules.Parts) > 1 || len(e.d.Shares) > 0 {
		values := map[string]int64{"amount_fen": int64(amount)}
		var parts []bilingual.Text
		for _, s := range e.d.Shares {
			name, _ := PlainName("source", s.Source)
			percent := thousandths(s.BP * 10)
			parts = append(parts, bilingual.T(fmt.Sprintf("%s %s%% %s 元", name.ZH, percent, s.AmountFen.Yuan()), fmt.Sprintf("%s %s%% %s yuan", name.EN, percent, s.AmountFen.Yuan())))
			values["share_"+s.Source+"_fen"] = int64(s.AmountFen)
		}
		wants := bilingual.T("各部分之和", "sum of the parts")
		if len(parts) > 0 {
			wants = bilingual.T("按比例分担，分以下尾差计入地方", "shared; the remainder goes to the local line")
		}
		e.add(Line{Code: "total", Passed: true, Text: bilingual.T("应补金额", "amount owed"), Fact: joined("；", "; ", append([]bilingual.Text{yuan(amount)}, parts...)...), Requirement: wants, Values: values})
	}
}

func yuan(f money.Fen) bilingual.Text { return bilingual.T(f.Yuan()+" 元", f.Yuan()+" yuan") }

// near applies the lower rate of little time left.
func (e *evaluation) near(n *Near, total *big.Rat) {
	if n == nil {
		return
	}
	l := Line{Code: "near", Passed: true, Source: n.Clause, Text: bilingual.T("临近强制报废期", "close to the mandatory scrapping date"), Fact: bilingual.T("强制报废期未知", "mandatory scrapping date unknown"),
		Requirement: bilingual.T(fmt.Sprintf("不足 %d 个月按 %s%% 计", n.BelowMonths, thousandths(n.FactorBP*10)), fmt.Sprintf("under %d months: %s%%", n.BelowMonths, thousandths(n.FactorBP*10)))}
	if n.FactorBP == 0 {
		l.Requirement = bilingual.F("不足 %d 个月不予补贴", "under %d months: nothing", n.BelowMonths)
	}
	if e.d.EarlyMonths == nil {
		l.Passed = n.FactorBP > 0
		if l.Passed { // the lower rate, until the date is known
			total.Mul(total, big.NewRat(n.FactorBP, 10000))
		}
		e.add(l)
		return
	}
	l.Fact = e.earlyFact()
	l.Values = map[string]int64{"early_months": int64(*e.d.EarlyMonths), "factor_bp": 10000}
	if int64(*e.d.EarlyMonths) < n.BelowMonths {
		l.Passed, l.Values["factor_bp"] = n.FactorBP > 0, n.FactorBP
		total.Mul(total, big.NewRat(n.FactorBP, 10000))
	}
	e.add(l)
}

// ownerCap leaves an owner no more than the program's bound.
func (e *evaluation) ownerCap(c *OwnerCap, amount money.Fen) money.Fen {
	if c == nil {
		return amount
	}
	if c.MaxCount > 0 {
		e.add(Line{Code: "owner_count", Passed: e.f.OwnerCount < c.MaxCount, Source: c.Clause, Text: bilingual.T("同一所有人补贴数量", "assets of one owner"),
			Fact: bilingual.F("已有 %d 件", "%d already", e.f.OwnerCount), Requirement: bilingual.F("不超过 %d 件", "at most %d", c.MaxCount)})
	}
	if c.MaxFen > 0 {
		left := max(0, c.MaxFen-e.f.OwnerFen)
		e.add(Line{Code: "owner_fen", Passed: left > 0, Source: c.Clause, Text: bilingual.T("同一所有人补贴金额", "amount of one owner"),
			Fact: bilingual.T("已占用 "+yuan(e.f.OwnerFen).ZH, yuan(e.f.OwnerFen).EN+" already"), Requirement: bilingual.T("合计不超过 "+yuan(c.MaxFen).ZH, "at most "+yuan(c.MaxFen).EN),
			Values: map[string]int64{"before_fen": int64(amount), "left_fen": int64(left)}})
		amount = min(amount, left)
	}
	return amount
}

// part computes one part and adds its line. It reports false where the part has
// to be owed but no amount is found.
func (e *evaluation) part(p Part, alone bool) (*big.Rat, bool) {
	code := "amount"
	if !alone {
		code = "amount." + p.Code
	}
	none := new(big.Rat)
	if p.Needs == "replacement" && e.f.Replacement == nil {
		e.add(Line{Code: code, Optional: !alone, Source: p.Clause, Text: p.Name, Fact: bilingual.T("未申报新购，不计此项", "no replacement was bought: not counted"), Requirement: bilingual.T("新购替代", "a replacement")})
		return none, !alone
	}
	met := true
	for _, c := range p.Conditions {
		if !e.concerns(c) {
			continue
		}
		l := e.condition(c)
		met = met && l.Passed
		l.Code, l.Optional = code+"."+l.Code, true
		l.Text = bilingual.T(p.Name.ZH+"："+l.Text.ZH, p.Name.EN+": "+l.Text.EN)
		e.add(l)
	}
	if !met {
		e.add(Line{Code: code, Optional: !alone, Source: p.Clause, Text: p.Name, Fact: bilingual.T("条件不符，不计此项", "conditions not met: not counted"), Requirement: bilingual.T("满足此项条件", "its conditions are met")})
		return none, !alone
	}
	l := Line{Code: code, Source: p.Clause, Text: p.Name, Values: map[string]int64{}}
	sum, ok := e.compute(p, &l)
	if capped := p.CapFen; ok && capped > 0 && sum.Cmp(new(big.Rat).SetInt64(int64(capped))) > 0 {
		sum = new(big.Rat).SetInt64(int64(capped))
		l.Fact = bilingual.T(l.Fact.ZH+"，按上限 "+yuan(capped).ZH, l.Fact.EN+", capped at "+yuan(capped).EN)
		l.Values["cap_fen"] = int64(capped)
	}
	l.Passed = ok
	l.Optional = p.Needs != ""
	e.add(l)
	return sum, ok || p.Needs != ""
}

// compute looks a table up or works a formula out.
func (e *evaluation) compute(p Part, l *Line) (*big.Rat, bool) {
	if p.Kind != "formula" {
		l.Requirement = e.axes(p.Axes)
		row, n := e.find(p.Axes, p.Rows)
		if row == nil {
			l.Fact = joined("：", ": ", e.here(p.Axes), bilingual.T("没有对应的补贴标准", "no amount for this case"))
			return new(big.Rat), false
		}
		l.Values["row"], l.Values["amount_fen"] = int64(n+1), int64(row.AmountFen)
		l.Fact = joined("：", ": ", e.here(p.Axes), yuan(row.AmountFen))
		return new(big.Rat).SetInt64(int64(row.AmountFen)), true
	}
	sum := new(big.Rat).SetInt64(int64(p.BaseFen))
	zh, en := "基准 "+p.BaseFen.Yuan()+" 元", "base "+p.BaseFen.Yuan()+" yuan"
	l.Values["base_fen"] = int64(p.BaseFen)
	wantsZH, wantsEN := "基准额", "base"
	if k, known := KindOf(p.Quantity); known && k.amount != nil {
		n := k.amount(&e.f)
		wantsZH, wantsEN = wantsZH+" × "+k.Name.ZH, wantsEN+" × "+k.Name.EN
		if n <= 0 {
			l.Fact, l.Requirement = bilingual.T(k.Name.ZH+"未知", k.Name.EN+" unknown"), bilingual.T(wantsZH, wantsEN)
			return new(big.Rat), false
		}
		sum.Mul(sum, big.NewRat(n, 1000))
		zh, en = zh+" × "+thousandths(n)+" "+k.Unit.ZH, en+" × "+thousandths(n)+" "+k.Unit.EN
		l.Values["quantity_thousandths"] = n
	}
	ok := true
	for i, factor := range p.Factors {
		wantsZH, wantsEN = wantsZH+" × "+factor.Name.ZH, wantsEN+" × "+factor.Name.EN
		row, _ := e.find(factor.Axes, factor.Rows)
		if row == nil {
			here := e.here(factor.Axes)
			zh, en, ok = zh+" × "+factor.Name.ZH+"（"+here.ZH+"：没有对应的系数）", en+" × "+factor.Name.EN+" ("+here.EN+": no factor)", false
			continue
		}
		sum.Mul(sum, big.NewRat(row.FactorBP, 10000))
		zh, en = zh+" × "+factor.Name.ZH+" "+basis(row.FactorBP), en+" × "+factor.Name.EN+" "+basis(row.FactorBP)
		l.Values[fmt.Sprintf("factor_%d_bp", i+1)] = row.FactorBP
	}
	l.Requirement = bilingual.T(wantsZH, wantsEN)
	if ok {
		shown, _ := Rounding{}.round(sum)
		zh, en = zh+" = "+shown.Yuan()+" 元", en+" = "+shown.Yuan()+" yuan"
		l.Values["amount_fen"] = int64(shown)
	}
	l.Fact = bilingual.T(zh, en)
	return sum, ok
}

// basis writes basis points as a factor: 15000 is 1.5.
func basis(bp int64) string {
	return big.NewRat(bp, 10000).FloatString(4)[:len(big.NewRat(bp, 10000).FloatString(4))-trailing(bp)]
}

// trailing is how many signs of the four decimals of a factor are not needed.
func trailing(bp int64) int {
	n := 0
	for n < 4 && bp%10 == 0 {
		bp, n = bp/10, n+1
	}
	if n == 4 {
		return 5 // the point too
	}
	return n
}

// find returns the row of a table that the asset is in, nil if there is none.
func (e *evaluation) find(axes []Axis, rows []Row) (*Row, int) {
	for i := range rows {
		if e.within(axes, rows[i]) {
			return &rows[i], i
		}
	}
	return nil, 0
}

func (e *evaluation) within(axes []Axis, row Row) bool {
	for i, axis := range axes {
		if i >= len(row.Cells) || !e.inCell(axis, row.Cells[i]) {
			return false
		}
	}
	return true
}

func (e *evaluation) inCell(axis Axis, c Cell) bool {
	k, known := KindOf(axis.By)
	if !known {
		return false
	}
	if k.Takes == "codes" {
		return len(c.Codes) == 0 || slices.ContainsFunc(k.codes(&e.f), func(code string) bool { return code != "" && slices.Contains(c.Codes, code) })
	}
	if c.From == nil && c.To == nil {
		return true
	}
	if !k.known(e) {
		return false
	}
	above, below := true, true
	if c.From != nil {
		at := k.compare(e, *c.From)
		above = at > 0 || at == 0 && axis.Closed != "upper"
	}
	if c.To != nil {
		at := k.compare(e, *c.To)
		below = at < 0 || at == 0 && axis.Closed == "upper"
	}
	return above && below
}

// here says where on its axes the asset lies.
func (e *evaluation) here(axes []Axis) bilingual.Text {
	var parts []bilingual.Text
	for _, axis := range axes {
		k, known := KindOf(axis.By)
		switch {
		case !known:
			continue
		case k.Takes == "codes":
			code := k.codes(&e.f)[0]
			if axis.By == "group" && e.f.GroupName.ZH != "" {
				parts = append(parts, e.f.GroupName)
				continue
			}
			parts = append(parts, nameOf(&e.f, k.Options, code))
		case k.known(e):
			parts = append(parts, k.fact(e))
		default:
			parts = append(parts, bilingual.T(k.Name.ZH+"未知", k.Name.EN+" unknown"))
		}
	}
	if len(parts) == 0 {
		return bilingual.T("统一标准", "one amount for all")
	}
	return joined("，", ", ", parts...)
}

// axes says by what a table is read.
func (e *evaluation) axes(axes []Axis) bilingual.Text {
	var parts []bilingual.Text
	for _, axis := range axes {
		if k, known := KindOf(axis.By); known {
			parts = append(parts, k.Name)
		}
	}
	if len(parts) == 0 {
		return bilingual.T("按标准", "by the table")
	}
	by := joined("、", ", ", parts...)
	return bilingual.T("按"+by.ZH+"查表", "table by "+by.EN)
}

// round rounds an exact amount of fen to the unit. It reports false over money.Max.
func (r Rounding) round(exact *big.Rat) (money.Fen, bool) {
	unit := big.NewInt(max(1, r.UnitFen))
	q := new(big.Rat).Quo(exact, new(big.Rat).SetInt(unit))
	n, rest := new(big.Int).QuoRem(q.Num(), q.Denom(), new(big.Int))
	switch {
	case r.Mode == "up" && rest.Sign() > 0:
		n.Add(n, big.NewInt(1))
	case (r.Mode == "" || r.Mode == "half_up") && new(big.Int).Lsh(rest, 1).Cmp(q.Denom()) >= 0 && rest.Sign() > 0:
		n.Add(n, big.NewInt(1))
	}
	n.Mul(n, unit)
	if !n.IsInt64() || n.Int64() > int64(money.Max) {
		return 0, false
	}
	return money.Fen(n.Int64()), true
}

// Ratio returns a × b / n in fen, rounded half up, exact whatever the size. It
// reports false over money.Max, or where n is 0.
func Ratio(a, b, n int64) (money.Fen, bool) {
	if n == 0 {
		return 0, false
	}
	exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(a), big.NewInt(b)), big.NewInt(n))
	return Rounding{}.round(exact)
}
