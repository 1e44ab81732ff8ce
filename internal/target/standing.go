package target

import (
	"strings"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
)

// Standing is how an asset stands towards the figures: the days on which it
// counts by the default definition, and what its retirement says whatever is
// counted. Days that do not apply are "".
type Standing struct {
	CohortOn, HandedInOn, DeclaredOn, EvidencedOn, VerifiedOn, ConvertedOn, MovedOutOn civil.Day
	HandOverOn, DismantledOn, LeftOn                                                   civil.Day // as declared
	WayOut, CountsAs, Review                                                           string
	EvidenceComplete                                                                   bool
	StageUnknown, Duplicate                                                            bool
}

// Entry is what a standing adds to a kept metric from a day on; Day "" is ever.
type Entry struct {
	Metric Metric
	Day    civil.Day
	N      int64
}

// Records counts every record of a class, covered or not.
const Records Metric = "records"

// The reasons why an asset does not count as retired. Each asset that does not
// has exactly one of them as of any day: ReasonInUse and ReasonNotYet are what
// the others leave, all others are kept as metrics.
const (
	ReasonInUse      Metric = "gap.in_use"           // covered, nothing logged
	ReasonHandedIn   Metric = "gap.handed_in"        // handed over, no more
	ReasonDismantled Metric = "gap.dismantled"       // dismantled, not deregistered
	ReasonEvidence   Metric = "gap.evidence_missing" // gone, required evidence is missing
	ReasonWaiting    Metric = "gap.waiting_review"   // gone and proven, nobody has verified it yet
	ReasonReturned   Metric = "gap.returned"         // gone, the reviewer returned it
	ReasonOtherWay   Metric = "gap.other_way"        // left in a way that does not count
	ReasonConverted  Metric = "gap.converted"        // re-engined or retrofitted, verified
	ReasonMovedOut   Metric = "gap.moved_out"        // moved out of the province, verified
	ReasonNotYet     Metric = "gap.not_yet"          // joins the cohort on a later day
	ReasonStage      Metric = "gap.unknown_stage"    // not covered because nobody knows its stage
	ReasonNotCovered Metric = "gap.not_covered"      // the cohort rule does not cover it
	ReasonLeftBefore Metric = "gap.left_before"      // left before it would have joined
	ReasonDuplicate  Metric = "gap.duplicate"        // closed as a duplicate of another record
	ReasonBefore     Metric = "gap.before_baseline"  // had left by the baseline day
	ReasonNoDay      Metric = "gap.no_day"           // verified, but without the day on which the definition counts
)

// Reasons lists the reasons in the order in which they are shown: first those
// of covered assets, which add up to cohort − verified, then those outside.
var Reasons = []Metric{
	ReasonInUse, ReasonHandedIn, ReasonDismantled, ReasonEvidence, ReasonWaiting, ReasonReturned, ReasonOtherWay, ReasonNoDay, ReasonConverted, ReasonMovedOut,
	ReasonBefore, ReasonNotYet, ReasonStage, ReasonNotCovered, ReasonLeftBefore, ReasonDuplicate,
}

// keptReasons are the reasons that have cells of their own.
var (
	keptInside  = []Metric{ReasonHandedIn, ReasonDismantled, ReasonEvidence, ReasonWaiting, ReasonReturned, ReasonOtherWay}
	keptOutside = []Metric{ReasonStage, ReasonNotCovered, ReasonLeftBefore, ReasonDuplicate}
)

// earlyReasons are those that an asset may have by the default definition while
// another one counts it already.
var earlyReasons = []Metric{ReasonHandedIn, ReasonDismantled, ReasonOtherWay}

// ReasonMetrics lists what has to be read to explain a gap by the definition.
func (d Definition) ReasonMetrics() []Metric {
	all := append([]Metric{Records, Cohort, Verified, Converted, MovedOut}, keptInside...)
	all = append(all, keptOutside...)
	if d.IsDefault() {
		return all
	}
	all = append(all, d.kept(Verified)...)
	for _, reason := range earlyReasons {
		all = append(all, d.early(reason)...)
	}
	return all
}

// early returns the kept metrics of what has a reason by the default definition
// and is counted as verified by d.
func (d Definition) early(reason Metric) []Metric {
	var all []Metric
	for _, r := range d.Counts {
		for _, way := range r.Ways {
			all = append(all, earlyBy(r.On, way, reason))
		}
	}
	return all
}

// InCohort reports whether m is a reason of covered assets.
func (m Metric) InCohort() bool {
	switch m {
	case ReasonBefore, ReasonNotYet, ReasonStage, ReasonNotCovered, ReasonLeftBefore, ReasonDuplicate:
		return false
	}
	return true
}

// IsReason reports whether m is one of Reasons.
func (m Metric) IsReason() bool { return strings.HasPrefix(string(m), "gap.") }

// Explain completes the counts of ReasonMetrics with the reasons that are what
// the others leave, so that all reasons and what was verified by the definition
// since the baseline day add up to Records. base are the counts on the baseline
// day. Verified of the result is what the definition counts as of the day.
func (d Definition) Explain(base, now Counts) Counts {
	all := Counts{}
	for m, n := range now {
		all[m] = n
	}
	all[ReasonConverted], all[ReasonMovedOut] = now[Converted]-base[Converted], now[MovedOut]-base[MovedOut]
	all[ReasonBefore] = d.Apply(base).gone()
	all[ReasonInUse] = now[Cohort] - now.gone()
	for _, m := range keptInside {
		all[ReasonInUse] -= now[m]
	}
	all[ReasonNotYet] = now[Records] - now[Cohort]
	for _, m := range keptOutside {
		all[ReasonNotYet] -= now[m]
	}
	if d.IsDefault() {
		return all
	}
	// What the definition counts before the default one does has no reason; what
	// only the default one counts lacks the day that the definition wants.
	all[Verified] = d.Apply(now)[Verified]
	all[ReasonNoDay] = now[Verified] - all[Verified]
	for _, reason := range earlyReasons {
		for _, m := range d.early(reason) {
			all[reason] -= now[m]
			all[ReasonNoDay] += now[m]
		}
	}
	return all
}

// Levels are the three levels of proof, the strictest last.
var Levels = []Metric{Declared, Evidenced, Verified}

// countDays are the days on which a definition may count, as Standing has them.
var countDays = []string{"hand_over_on", "dismantled_on", "left_on"}

// byWay is the kept metric of assets that left in a way, on one of countDays,
// at a level. The default definition has metrics of its own.
func byWay(day string, level Metric, way string) Metric {
	return Metric("way." + day + "." + string(level) + "." + way)
}

// Way takes a metric of byWay apart.
func (m Metric) Way() (day string, level Metric, way string, ok bool) {
	parts := strings.Split(string(m), ".")
	if len(parts) != 4 || parts[0] != "way" {
		return "", "", "", false
	}
	return parts[1], Metric(parts[2]), parts[3], true
}

// earlyBy is the kept metric of verified assets that left in a way, have reached
// one of countDays and still have a reason by the default definition.
func earlyBy(day, way string, reason Metric) Metric {
	return Metric("early." + day + "." + way + "." + strings.TrimPrefix(string(reason), "gap."))
}

// Early takes a metric of earlyBy apart.
func (m Metric) Early() (day, way string, reason Metric, ok bool) {
	parts := strings.Split(string(m), ".")
	if len(parts) != 4 || parts[0] != "early" {
		return "", "", "", false
	}
	return parts[1], parts[2], Metric("gap." + parts[3]), true
}

func (s Standing) day(name string) civil.Day {
	switch name {
	case "hand_over_on":
		return s.HandOverOn
	case "dismantled_on":
		return s.DismantledOn
	default:
		return s.LeftOn
	}
}

func (s Standing) reached(level Metric) bool {
	switch level {
	case Evidenced:
		return s.EvidenceComplete
	case Verified:
		return s.Review == "verified"
	}
	return true
}

// Entries returns what a standing adds to the kept metrics.
func (s Standing) Entries() []Entry {
	entries := make([]Entry, 0, 8)
	add := func(m Metric, day civil.Day, n int64) { entries = append(entries, Entry{m, day, n}) }
	add(Records, "", 1)
	if s.CohortOn == "" {
		add(s.outside(), "", 1)
		return entries
	}
	add(Cohort, s.CohortOn, 1)
	if s.WayOut == "" {
		return entries
	}
	for _, kept := range []struct {
		m   Metric
		day civil.Day
	}{{HandedIn, s.HandedInOn}, {Declared, s.DeclaredOn}, {Evidenced, s.EvidencedOn}, {Verified, s.VerifiedOn}, {Converted, s.ConvertedOn}, {MovedOut, s.MovedOutOn}} {
		if kept.day != "" {
			add(kept.m, kept.day, 1)
		}
	}
	if s.mayCount() {
		for _, name := range countDays {
			day := s.day(name)
			if day == "" || day < s.CohortOn {
				continue
			}
			for _, level := range Levels {
				if s.reached(level) {
					add(byWay(name, level, s.WayOut), day, 1)
				}
			}
		}
	}
	return append(entries, s.reasons()...)
}

func (s Standing) outside() Metric {
	switch {
	case s.Duplicate:
		return ReasonDuplicate
	case s.LeftOn != "" && s.Review == "verified":
		return ReasonLeftBefore
	case s.StageUnknown:
		return ReasonStage
	}
	return ReasonNotCovered
}

// spell is the time in which an asset has a reason: from a day up to the day
// before until.
type spell struct {
	reason      Metric
	from, until civil.Day
}

const forEver civil.Day = "9999-12-31"

// spells returns the times of a covered asset's reasons, "" where it counts. Of
// two steps that were reached, the later one of the order is the reason.
func (s Standing) spells() []spell {
	var all []spell
	until := forEver
	for _, step := range []struct {
		reason Metric
		day    civil.Day
	}{{s.leftReason(), s.LeftOn}, {ReasonDismantled, s.DismantledOn}, {ReasonHandedIn, s.HandOverOn}} {
		if step.day == "" {
			continue
		}
		if from := max(step.day, s.CohortOn); from < until {
			all = append(all, spell{step.reason, from, until})
			until = from
		}
	}
	return all
}

// reasons returns when a covered asset enters and leaves each kept reason, and
// from when on another definition counts it all the same.
func (s Standing) reasons() []Entry {
	var entries []Entry
	add := func(m Metric, from, until civil.Day) {
		if from >= until {
			return
		}
		entries = append(entries, Entry{m, from, 1})
		if until < forEver {
			entries = append(entries, Entry{m, until, -1})
		}
	}
	for _, x := range s.spells() {
		if x.reason == "" {
			continue
		}
		add(x.reason, x.from, x.until)
		for _, name := range countDays {
			if day := s.day(name); s.mayCount() && s.reached(Verified) && day != "" && day >= s.CohortOn {
				add(earlyBy(name, s.WayOut, x.reason), max(day, x.from), x.until)
			}
		}
	}
	return entries
}

// otherWay reports whether the way out counts as nothing by the default
// definition; a void plate 牌证作废 is one of those.
func (s Standing) otherWay() bool { return s.CountsAs == "other" || s.CountsAs == "void" }

// mayCount reports whether some definition may count the way out.
func (s Standing) mayCount() bool { return s.CountsAs == "retired" || s.otherWay() }

// leftReason is the reason of an asset that has left, "" if it counts.
func (s Standing) leftReason() Metric {
	switch {
	case s.otherWay():
		return ReasonOtherWay
	case s.Review == "verified":
		return ""
	case s.Review == "returned":
		return ReasonReturned
	case !s.EvidenceComplete:
		return ReasonEvidence
	}
	return ReasonWaiting
}

var reasonNames = map[Metric]bilingual.Text{
	ReasonInUse: bilingual.T("尚未淘汰", "not retired"), ReasonHandedIn: bilingual.T("仅交售", "handed in only"),
	ReasonDismantled: bilingual.T("已拆解未注销", "dismantled, not deregistered"), ReasonEvidence: bilingual.T("缺少证明材料", "evidence missing"),
	ReasonWaiting: bilingual.T("等待审核", "waiting for review"), ReasonReturned: bilingual.T("已退回", "returned"),
	ReasonOtherWay: bilingual.T("以其他方式注销", "left by another way"), ReasonConverted: bilingual.T("已改造", "converted"),
	ReasonMovedOut: bilingual.T("转出省外", "moved out of the province"), ReasonNotYet: bilingual.T("尚未纳入（日期未到）", "joins the cohort later"),
	ReasonStage: bilingual.T("排放阶段不明", "unknown stage"), ReasonNotCovered: bilingual.T("不在纳入范围", "not covered by the cohort rule"),
	ReasonBefore: bilingual.T("基准日前已退出", "had left by the baseline day"), ReasonNoDay: bilingual.T("缺少口径要求的日期", "without the day that the definition counts"),
	ReasonLeftBefore: bilingual.T("纳入前已退出", "left before it would have joined"), ReasonDuplicate: bilingual.T("重复记录", "duplicate"),
}
