// Package retirement is the pure domain of how an asset leaves service: what
// has to be declared, which evidence proves it, who verifies it, and on which
// days it counts.
package retirement

import (
	"slices"
	"strings"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
)

// State of a retirement.
type State string

// A retirement is declared by a clerk, then verified by a reviewer or
// returned to the clerk. A withdrawn one stays to be read and counts nowhere.
const (
	Declared  State = "declared"
	Returned  State = "returned"
	Verified  State = "verified"
	Withdrawn State = "withdrawn"
)

// Declaration is what a clerk says about an asset's way out. For a scrapped
// asset the three days are hand-over 交售, dismantling 拆解 and deregistration
// 注销; for every other way DeregisteredOn is the day on which the register
// was changed (转出, 变更).
type Declaration struct {
	WayOut         string    `json:"way_out"`
	Driver         string    `json:"driver,omitempty"`
	HandedInOn     civil.Day `json:"handed_in_on,omitempty"`
	DismantledOn   civil.Day `json:"dismantled_on,omitempty"`
	DeregisteredOn civil.Day `json:"deregistered_on,omitempty"`
	Recycler       string    `json:"recycler,omitempty"`
	CertificateNo  string    `json:"certificate_no,omitempty"`
	Note           string    `json:"note,omitempty"`
	YardID         string    `json:"yard_id,omitempty"`      // the registered yard that took it; Recycler is then its name
	EngineNo       string    `json:"engine_no,omitempty"`    // of the engine that was put in
	EngineModel    string    `json:"engine_model,omitempty"` // of the engine that was put in
	EngineStage    string    `json:"engine_stage,omitempty"` // of the engine that was put in
	Replacement    string    `json:"replacement,omitempty"`  // what took its place, one of Replacements
}

// Replacements are what may take the place of an asset (R10): nothing, one of
// new energy, a diesel one of the newest stage, another.
var Replacements = []string{"none", "new_energy", "china6", "other"}

// Retirement is the record of one asset's way out. An asset has at most one
// that is not withdrawn.
type Retirement struct {
	ID           string
	AssetID      string
	AssetLabel   string
	CityCode     string
	DistrictCode string
	Class        registry.Class
	Declaration
	State            State
	EvidenceComplete bool
	DeclaredBy       string
	DeclaredByName   string
	DeclaredAt       time.Time
	VerifiedBy       string
	VerifiedByName   string
	VerifiedAt       *time.Time
	ReturnReason     string
	Version          int64

	// What the province splits progress by, as it was when the way out was declared.
	DueYear   int  // of mandatory scrapping, 0 if nobody knows
	Operating bool // in commercial transport

	StandingOn      civil.Day // day on which it got to where it stands, for the clock
	Waived          []string  // evidence that a second person let go
	Revision        int64     // of the declaration, from 1
	ImportID        string    // the list that brought it, "" if it was logged by hand
	WithdrawnBy     string
	WithdrawnByName string
	WithdrawnAt     *time.Time
	WithdrawReason  string
	StateBefore     State // of a withdrawn one
}

// Clean returns d with blanks trimmed from its texts and the certificate
// number in capitals, the form in which it is compared.
func (d Declaration) Clean() Declaration {
	d.Recycler = strings.TrimSpace(d.Recycler)
	d.CertificateNo = strings.ToUpper(strings.Join(strings.Fields(d.CertificateNo), ""))
	d.Note = strings.TrimSpace(d.Note)
	d.EngineNo = strings.ToUpper(strings.Join(strings.Fields(d.EngineNo), ""))
	d.EngineModel = strings.TrimSpace(d.EngineModel)
	return d
}

// Fit returns d without what its way out has no place for, and the fields that
// were left out: the days of steps that the way has not, a yard and its
// certificate where no yard takes the asset in, an engine where none is put in.
// Else a truck that moved out could be half handed in, with a certificate that
// the public check calls valid.
func (d Declaration) Fit(way registry.WayOut) (fitted Declaration, dropped []string) {
	drop := func(field, value string) {
		if value != "" {
			dropped = append(dropped, field)
		}
	}
	for _, step := range Steps {
		if !way.Has(string(step)) {
			drop(fieldOf(step), string(d.DayOf(step)))
			d = d.With(step, "")
		}
	}
	if !way.Has(string(Receive)) {
		drop("recycler", d.Recycler+d.YardID)
		drop("certificate_no", d.CertificateNo)
		d.Recycler, d.YardID, d.CertificateNo = "", "", ""
	}
	if way.MinStage == "" {
		drop("engine_no", d.EngineNo+d.EngineModel+d.EngineStage)
		d.EngineNo, d.EngineModel, d.EngineStage = "", "", ""
	}
	return d, dropped
}

// WayOf returns the class's way out with the code.
func WayOf(spec registry.Spec, code string) (registry.WayOut, bool) {
	for _, w := range spec.WaysOut {
		if w.Code == code {
			return w, true
		}
	}
	return registry.WayOut{}, false
}

// Check returns what is wrong with d for asset a on the day today. The order
// of days is registration, hand-over, dismantling; hand-over, deregistration,
// today (报废机动车回收管理办法, 国务院令第715号; 机动车登记规定, 公安部令第164号).
func (d Declaration) Check(a registry.Asset, spec registry.Spec, today civil.Day) []fault.Detail {
	var wrong []fault.Detail
	add := func(field, code string, message, mend bilingual.Text) {
		wrong = append(wrong, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
	}
	way, known := WayOf(spec, d.WayOut)
	if !known {
		add("way_out", "unknown_value", bilingual.F("“%s”不是该类别的淘汰去向", "%q is not a way out of this class", d.WayOut),
			bilingual.T("请从列表中选择", "choose one from the list"))
		return wrong
	}
	if d.Driver != "" && !hasOption(spec.Drivers, d.Driver) {
		add("driver", "unknown_value", bilingual.F("“%s”不是淘汰动因", "%q is not a driver of retirement", d.Driver),
			bilingual.T("请从列表中选择", "choose one from the list"))
	}
	days := []struct {
		field string
		name  bilingual.Text
		day   civil.Day
		after []civil.Day
	}{
		{"handed_in_on", bilingual.T("交售日期", "hand-over"), d.HandedInOn, []civil.Day{a.RegisteredOn, a.BuiltOn}},
		{"dismantled_on", bilingual.T("拆解日期", "dismantling"), d.DismantledOn, []civil.Day{a.RegisteredOn, a.BuiltOn, d.HandedInOn}},
		{"deregistered_on", bilingual.T("注销（变更）日期", "deregistration"), d.DeregisteredOn, []civil.Day{a.RegisteredOn, a.BuiltOn, d.HandedInOn}},
	}
	if way.Waits(string(Deregister), string(Dismantle)) {
		days[2].after = append(days[2].after, d.DismantledOn)
	}
	for _, day := range days {
		if day.day == "" {
			continue
		}
		if !day.day.Valid() {
			add(day.field, "date_invalid", bilingual.T(day.name.ZH+"不是有效日期", "the "+day.name.EN+" day is not a day of the calendar"),
				bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
			continue
		}
		if day.day > today {
			add(day.field, "date_future", bilingual.T(day.name.ZH+"晚于今天（"+string(today)+"）", "the "+day.name.EN+" day is after today, "+string(today)),
				bilingual.T("请核对日期", "check the day"))
		}
		for _, earlier := range day.after {
			if earlier.Valid() && day.day < earlier {
				add(day.field, "date_order", bilingual.T(day.name.ZH+" "+string(day.day)+" 早于 "+string(earlier), "the "+day.name.EN+" day "+string(day.day)+" is before "+string(earlier)),
					bilingual.T("日期顺序应为：登记、交售、拆解、注销", "the order is registration, hand-over, dismantling, deregistration"))
				break
			}
		}
	}
	for _, step := range way.Steps {
		if d.DayOf(Deed(step.Code)) == "" {
			continue
		}
		for _, earlier := range step.After {
			field := fieldOf(Deed(earlier))
			if d.DayOf(Deed(earlier)) == "" && !slices.ContainsFunc(wrong, func(w fault.Detail) bool { return w.Location == "body."+field }) {
				name := Deed(earlier).Name()
				add(field, "required", bilingual.T("缺少"+name.ZH+"日期", "the day of the "+name.EN+" is missing"),
					bilingual.T("先填写"+name.ZH+"日期，再填写"+Deed(step.Code).Name().ZH+"日期", "give it before the day of the "+Deed(step.Code).Name().EN))
			}
		}
	}
	return append(wrong, d.checkReplacement(way, spec)...)
}

// checkReplacement returns what is wrong with the engine or the asset that took
// the old one's place.
func (d Declaration) checkReplacement(way registry.WayOut, spec registry.Spec) (wrong []fault.Detail) {
	if d.Replacement != "" && !slices.Contains(Replacements, d.Replacement) {
		wrong = append(wrong, fault.Detail{Location: "body.replacement", Code: "unknown_value", Message: bilingual.F("“%s”不是更新方式", "%q is no replacement", d.Replacement),
			Mend: bilingual.T("请从列表中选择", "choose one from the list")})
	}
	if way.MinStage == "" || d.EngineStage == "" {
		return wrong
	}
	switch {
	case !hasOption(spec.Stages, d.EngineStage):
		wrong = append(wrong, fault.Detail{Location: "body.engine_stage", Code: "unknown_value", Message: bilingual.F("“%s”不是排放阶段", "%q is no stage", d.EngineStage),
			Mend: bilingual.T("请从列表中选择", "choose one from the list")})
	case d.EngineStage == "unknown" || d.EngineStage < way.MinStage:
		wrong = append(wrong, fault.Detail{Location: "body.engine_stage", Code: "stage_too_low", Message: bilingual.T("新发动机未达到国四，或排放阶段不明", "the new engine is below China IV, or its stage is not known"),
			Mend: bilingual.T("更换国四及以上发动机才算改造（方案十一）", "only an engine of China IV or later counts as converted (clause 11)")})
	}
	return wrong
}

func hasOption(options []registry.Option, code string) bool {
	for _, o := range options {
		if o.Code == code {
			return true
		}
	}
	return false
}

// StatusOf returns the work status that d gives an asset: in use until the
// first step, whatever is declared; what the way ends in once the register was
// changed.
func (d Declaration) StatusOf(way registry.WayOut) registry.Status {
	switch {
	case d.DeregisteredOn != "" && way.CountsAs == "moved":
		return registry.MovedOut
	case d.DeregisteredOn != "" && way.CountsAs == "converted":
		return registry.Converted
	case d.DeregisteredOn != "" && way.Code == "declared_void":
		return registry.PlateVoid
	case d.DeregisteredOn != "":
		return registry.Deregistered
	case d.DismantledOn != "":
		return registry.Dismantled
	case d.HandedInOn != "":
		return registry.HandedIn
	default:
		return registry.InUse
	}
}

// Item is one line of the evidence list.
type Item struct {
	registry.Evidence
	Present bool
	Waived  bool // a second person let it go
	FileIDs []string
}

// EvidenceOf returns the evidence list of r with what is there, and whether
// every required item is. files maps a file kind to the ids of the files.
func (r Retirement) EvidenceOf(way registry.WayOut, files map[string][]string) (items []Item, complete bool) {
	given := map[string]string{
		"way_out": r.WayOut, "driver": r.Driver, "recycler": r.Recycler, "certificate_no": r.CertificateNo,
		"handed_in_on": string(r.HandedInOn), "dismantled_on": string(r.DismantledOn), "deregistered_on": string(r.DeregisteredOn),
		"engine_no": r.EngineNo, "engine_stage": r.EngineStage,
	}
	complete = true
	for _, e := range way.Evidence {
		item := Item{Evidence: e}
		if e.Kind == "file" {
			item.FileIDs = files[e.Code]
			item.Present = len(item.FileIDs) > 0
		} else {
			item.Present = given[e.Code] != ""
		}
		item.Waived = !item.Present && slices.Contains(r.Waived, e.Code)
		complete = complete && (item.Present || item.Waived || !e.Required)
		items = append(items, item)
	}
	return items, complete
}

// Decide returns r as a reviewer leaves it. It fails with Denied four_eyes if
// the reviewer declared it, Conflict if it is not waiting or its evidence is
// missing, Invalid if it is returned without a reason. What should have been
// there before a step and is not, the reviewer may let go with a reason: that is
// a waiver by a second person. What no day asked for (Undated) stops nobody, and
// is waived in the same way by a reviewer who says why.
func (r Retirement) Decide(verify bool, reason, by, byName string, items []Item, at time.Time) (Retirement, error) {
	reason = strings.TrimSpace(reason)
	missing, skipped := Missing(items), r.Skipped(items)
	switch {
	case r.State != Declared:
		return r, fault.New(fault.Conflict, "wrong_state", bilingual.T("该记录不在待审核状态", "the retirement is not waiting for a review")).
			WithMend("请刷新后查看最新状态", "reload to see its present state")
	case by == r.DeclaredBy:
		return r, fault.New(fault.Denied, "four_eyes", bilingual.T("登记人不能审核自己登记的记录", "who declared a retirement cannot review it")).
			WithMend("请由另一名审核人员处理", "ask another reviewer")
	case !verify && reason == "":
		return r, fault.Field("body.reason", "required", bilingual.T("退回时必须填写原因", "a return needs a reason"),
			bilingual.T("写明需要补正的内容", "say what has to be mended"))
	case verify && len(missing) > 0:
		return r, Lacking(bilingual.T("证明材料不齐，不能核实", "required evidence is missing"), append(missing, skipped...))
	case verify && len(skipped) > 0 && reason == "":
		return r, Lacking(bilingual.T("缺少应在拆解（注销）前取得的材料，不能直接核实", "what should have been there before a step is missing"), skipped).
			WithMend("补齐所列材料；确实无法取得的，审核人写明理由后可免交核实", "add what is listed; of what cannot be had the reviewer may say why it is verified without it")
	}
	if !verify {
		r.State, r.ReturnReason = Returned, reason
		return r.at(civil.On(at)), nil
	}
	if reason != "" {
		for _, i := range append(skipped, r.Undated(items)...) {
			r = r.Waive(i.Code)
		}
	}
	r.State, r.VerifiedBy, r.VerifiedByName, r.VerifiedAt, r.ReturnReason = Verified, by, byName, &at, ""
	return r.at(civil.On(at)), nil
}

// Lacking is the refusal of a deed for want of evidence, item by item.
func Lacking(message bilingual.Text, missing []Item) *fault.Fault {
	f := fault.New(fault.Conflict, "evidence_missing", message).
		WithMend("补齐所列材料后再继续；确实无法取得的，可申请免交", "add what is listed; ask for a waiver of what cannot be had")
	for _, m := range missing {
		f.Details = append(f.Details, fault.Detail{Location: "evidence." + m.Code, Code: "required",
			Message: bilingual.T("缺少："+m.Name.ZH, "missing: "+m.Name.EN), Mend: bilingual.T("上传或填写该项", "upload it or fill it in")})
	}
	return f
}

// Missing returns the required items that are not there.
func Missing(items []Item) []Item {
	var missing []Item
	for _, i := range items {
		if i.Required && !i.Present && !i.Waived {
			missing = append(missing, i)
		}
	}
	return missing
}

// Skipped returns the items that had to be there before a step which is logged
// all the same: whoever gives all days at once passes by the steps that wait.
func (r Retirement) Skipped(items []Item) []Item {
	var skipped []Item
	for _, i := range items {
		if i.Before != "" && r.DayOf(Deed(i.Before)) != "" && !i.Required && !i.Present && !i.Waived {
			skipped = append(skipped, i)
		}
	}
	return skipped
}

// Undated returns the items that had to be there before a step of which no day
// is given, although the asset is out of the register: who leaves the day of the
// dismantling out is asked for none of the photos from before it. Nothing waits
// for them (ADR 390); they are shown by name and weigh in the inspection draw.
func (r Retirement) Undated(items []Item) []Item {
	if r.DeregisteredOn == "" {
		return nil
	}
	var undated []Item
	for _, i := range items {
		if i.Before != "" && r.DayOf(Deed(i.Before)) == "" && !i.Required && !i.Present && !i.Waived {
			undated = append(undated, i)
		}
	}
	return undated
}

// Counting holds the days from which an asset counts in each figure, "" where
// it does not count.
type Counting struct {
	CohortOn    civil.Day
	HandedInOn  civil.Day
	DeclaredOn  civil.Day
	EvidencedOn civil.Day
	VerifiedOn  civil.Day
	ConvertedOn civil.Day
	MovedOutOn  civil.Day
	Facts
}

// Count applies the definition "deregistered", revision 1: a scrapped asset
// counts on its deregistration day as declared, as evidenced once the evidence
// is complete, as verified once a second person has verified it. Hand-over is
// a figure of its own. Converted and moved-out assets never count as retired
// and leave the stock only when verified. An asset that left before it would
// have joined the cohort (a vessel scrapped before its 25th year) counts nowhere.
func Count(cohortOn civil.Day, way registry.WayOut, r *Retirement) Counting {
	c := count(cohortOn, way, r)
	if r != nil {
		c.Facts = factsOf(way, r)
	}
	return c
}

func count(cohortOn civil.Day, way registry.WayOut, r *Retirement) Counting {
	c := Counting{CohortOn: cohortOn}
	if r == nil || cohortOn == "" || r.State == Withdrawn {
		return c
	}
	left := r.DeregisteredOn
	if left != "" && left < cohortOn {
		if r.State == Verified {
			return Counting{}
		}
		return c
	}
	verified := r.State == Verified
	switch way.CountsAs {
	case "retired":
		if r.HandedInOn >= cohortOn {
			c.HandedInOn = r.HandedInOn
		}
		c.DeclaredOn = left
		if r.EvidenceComplete {
			c.EvidencedOn = left
		}
		if verified {
			c.VerifiedOn = left
		}
	case "converted":
		if verified {
			c.ConvertedOn = left
		}
	case "moved":
		if verified {
			c.MovedOutOn = left
		}
	}
	return c
}

// Name returns what people call the state.
func (s State) Name() bilingual.Text {
	switch s {
	case Declared:
		return bilingual.T("待审核", "waiting for review")
	case Returned:
		return bilingual.T("已退回", "returned")
	case Verified:
		return bilingual.T("已核实", "verified")
	case Withdrawn:
		return bilingual.T("已撤销", "withdrawn")
	}
	return bilingual.T(string(s), string(s))
}
