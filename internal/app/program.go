package app

import (
	"context"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// CreateProgram adds a version of a program. Rules of the short form without a
// state are in force at once, as clients of the first contract expect; all
// others start as a draft that another person issues (docs/adr/0300).
func (a *App) CreateProgram(ctx context.Context, by access.Actor, p subsidy.Program) (subsidy.Program, error) {
	return writeMoney(ctx, a, by, func(tx *store.Tx) (subsidy.Program, error) {
		if err := a.checkProgram(by, p); err != nil {
			return p, err
		}
		if p.State == "" {
			p.State = subsidy.ProgramDraft
			if len(p.Rules.Parts)+len(p.Rules.Conditions) == 0 {
				p.State, p.IssuedBy, p.IssuedByName, p.IssuedAt = subsidy.ProgramIssued, by.ID, by.Name, instant(tx.At)
			}
		}
		if p.Revision == 0 {
			var err error
			if p.Revision, err = tx.NextRevision(p.CityCode, p.Code); err != nil {
				return p, err
			}
		}
		p.ID = newID()
		return p, tx.CreateProgram(&p)
	})
}

// checkProgram returns everything that is wrong with a program as entered.
func (a *App) checkProgram(by access.Actor, p subsidy.Program) error {
	details := p.Check()
	add := func(field, code string, message, mend bilingual.Text) {
		details = append(details, fault.Detail{Location: "body." + field, Code: code, Message: message, Mend: mend})
	}
	if r, ok := a.Reference.Region(p.CityCode); !ok || r.Level == "district" || !by.Scope.Covers(p.CityCode, "") {
		add("city_code", "wrong_city", bilingual.T("只能为本市设立补贴方案", "a program can be set up for your own city only"), bilingual.T("请选择您所在的城市", "choose your own city"))
	}
	for _, class := range p.AllClasses() {
		if _, ok := registry.SpecOf(class); !ok {
			add("class", "unknown_value", bilingual.F("“%s”不是类别", "%q is not a class", class), bilingual.Text{})
		}
	}
	if p.BudgetFen < 0 || p.BudgetFen > money.Max {
		add("budget_fen", "out_of_range", bilingual.T("预算金额超出范围", "the budget is out of range"), bilingual.Text{})
	}
	if p.State != "" && p.State != subsidy.ProgramDraft {
		add("state", "wrong_state", bilingual.T("新方案只能是草稿", "a new program starts as a draft"), bilingual.T("请保存草稿，由另一人发布", "save the draft; another person issues it"))
	}
	details = append(details, a.unknownCodes(p)...)
	if len(details) > 0 {
		return fault.Fields(details)
	}
	return nil
}

// OptionsOf returns the codes of a list of the vocabulary for a class, with what
// people call them.
func (a *App) OptionsOf(class registry.Class, list string) []registry.Option {
	spec, _ := registry.SpecOf(class)
	var options []registry.Option
	add := func(code string, name bilingual.Text) {
		if !slices.ContainsFunc(options, func(o registry.Option) bool { return o.Code == code }) {
			options = append(options, registry.Option{Code: code, Name: name})
		}
	}
	switch list {
	case "group":
		for _, o := range a.Reference.SpecWithOptions(class).Categories {
			if o.Group != "" {
				name, _ := subsidy.PlainName("group", o.Group)
				if name.IsZero() {
					name = bilingual.T(o.Group, o.Group)
				}
				add(o.Group, name)
			}
		}
	case "way_out":
		for _, way := range spec.WaysOut {
			add(way.Code, way.Name)
		}
	case "city":
		for _, c := range a.Reference.Cities() {
			add(c.Code, bilingual.T(c.Name, c.NameEN))
		}
	case "stage", "fuel", "use", "category":
		return a.Reference.Options(class, list)
	default:
		for _, code := range subsidy.PlainOptions(list) {
			name, ok := subsidy.PlainName(list, code)
			if !ok {
				name = bilingual.T(code, code)
			}
			add(code, name)
		}
	}
	return options
}

// codesOf returns the codes of a list over all classes of a program.
func (a *App) codesOf(p subsidy.Program, list string) []string {
	var codes []string
	for _, class := range p.AllClasses() {
		for _, o := range a.OptionsOf(class, list) {
			codes = append(codes, o.Code)
		}
	}
	return codes
}

// unknownCodes names every code of the rules that is in none of its lists.
func (a *App) unknownCodes(p subsidy.Program) []fault.Detail {
	var wrong []fault.Detail
	known := map[string][]string{}
	check := func(at, list string, codes []string) {
		if list == "words" { // free words of another register
			return
		}
		if _, asked := known[list]; !asked {
			known[list] = a.codesOf(p, list)
			if list == "group" {
				known[list] = append(known[list], a.codesOf(p, "category")...)
			}
		}
		for _, code := range codes {
			if code != "" && !slices.Contains(known[list], code) {
				wrong = append(wrong, fault.Detail{Location: "body.rules." + at, Code: "unknown_value", Message: bilingual.F("“%s”不在字典中", "%q is in no dictionary", code), Mend: bilingual.T("请从列表中选择", "choose from the list")})
			}
		}
	}
	p.Rules.EachCode(check)
	return wrong
}

// GapsOf returns what has to be looked at before a program is issued.
func (a *App) GapsOf(p subsidy.Program) []subsidy.Gap {
	return p.Gaps(func(list string) []string { return a.codesOf(p, list) })
}

// SentencesOf writes a program's rules as people read them.
func (a *App) SentencesOf(p subsidy.Program) []subsidy.Sentence { return p.Sentences(a.nameIn(p)) }

// TablesOf writes a program's tables as people read them.
func (a *App) TablesOf(p subsidy.Program) []subsidy.TableWords { return p.Tables(a.nameIn(p)) }

func (a *App) nameIn(p subsidy.Program) func(kind, code string) bilingual.Text {
	return func(kind, code string) bilingual.Text {
		for _, class := range p.AllClasses() {
			if _, ok := a.Reference.Option(class, kind, code); ok {
				return a.Reference.Name(class, kind, code)
			}
		}
		return a.Reference.Name(p.Class, kind, code)
	}
}

// CheckProgram says what is wrong with a program as entered, and what is open,
// without saving it.
func (a *App) CheckProgram(by access.Actor, p subsidy.Program) (wrong []fault.Detail, gaps []subsidy.Gap) {
	if f, ok := fault.As(a.checkProgram(by, p)); ok {
		wrong = f.Details
	}
	return wrong, a.GapsOf(p)
}

// UpdateProgram replaces what a draft says. City, code and revision stay.
func (a *App) UpdateProgram(ctx context.Context, by access.Actor, id string, version int64, p subsidy.Program) (subsidy.Program, error) {
	return a.changeProgram(ctx, by, id, version, "update", "", func(before subsidy.Program) (subsidy.Program, error) {
		if before.State != subsidy.ProgramDraft {
			return before, programState(before, bilingual.T("已发布的方案不能修改", "an issued program cannot be changed"), "请以它为基础新建一个版本", "make a new version of it")
		}
		p.CityCode, p.Code, p.Revision, p.State, p.BudgetFen = before.CityCode, before.Code, before.Revision, subsidy.ProgramDraft, before.BudgetFen
		if err := a.checkProgram(by, p); err != nil {
			return before, err
		}
		after := p
		after.ID, after.CreatedBy, after.CreatedByName, after.CreatedAt = before.ID, before.CreatedBy, before.CreatedByName, before.CreatedAt
		after.CommittedFen, after.PaidFen, after.Editors = before.CommittedFen, before.PaidFen, before.Editors
		if !slices.Contains(after.Editors, by.ID) {
			after.Editors = append(slices.Clone(after.Editors), by.ID)
		}
		return after, nil
	})
}

func programState(p subsidy.Program, message bilingual.Text, zh, en string) error {
	return fault.New(fault.Conflict, "wrong_state", message).WithMend(zh, en).With("state", p.State)
}

func (a *App) changeProgram(ctx context.Context, by access.Actor, id string, version int64, action, reason string, change func(subsidy.Program) (subsidy.Program, error)) (subsidy.Program, error) {
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Program, error) {
		before, err := ownProgram(tx, id, version)
		if err != nil {
			return before, err
		}
		after, err := change(before)
		if err != nil {
			return before, err
		}
		return after, tx.UpdateProgram(before, &after, action, reason)
	})
}

// ownProgram returns a program that the actor may change: one for all cities is
// the province's.
func ownProgram(tx *store.Tx, id string, version int64) (subsidy.Program, error) {
	p, err := tx.Program(id)
	switch {
	case err != nil:
		return p, err
	case !tx.By.Scope.Covers(p.CityCode, ""):
		return p, fault.New(fault.Denied, "not_yours", bilingual.T("全省（国家）方案由省级维护", "a program for all cities is the province's")).
			WithMend("可以它为基础新建本市方案", "you can make a program of your own city from it")
	case p.Version != version:
		return p, staleSince(version, p.Version)
	}
	return p, nil
}

// IssueProgram puts a draft in force. It fails with Denied four_eyes for whoever
// wrote it, and with Conflict open_points if something is open and no reason is
// given. The version before stays in force for the events before this one's
// first day.
func (a *App) IssueProgram(ctx context.Context, by access.Actor, id string, version int64, reason string) (subsidy.Program, error) {
	reason = strings.TrimSpace(reason)
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Program, error) {
		before, err := ownProgram(tx, id, version)
		if err != nil {
			return before, err
		}
		if err := a.mayIssue(by, before, reason); err != nil {
			return before, err
		}
		earlier, err := tx.IssuedVersions(before.CityCode, before.Code)
		if err != nil {
			return before, err
		}
		for _, old := range earlier {
			if before.ValidFrom < old.ValidFrom {
				return before, fault.Field("body.valid_from", "date_order", bilingual.F("生效日早于现行第 %d 版的生效日 %s", "it would start before version %d, which is in force since %s", old.Revision, old.ValidFrom),
					bilingual.T("新版本应在现行版本生效之后开始", "a new version starts after the one in force"))
			}
			replaced := old
			replaced.State, replaced.SupersededOn = subsidy.ProgramReplaced, before.ValidFrom
			if err := tx.UpdateProgram(old, &replaced, "replace", ""); err != nil {
				return before, err
			}
		}
		after := before
		after.State, after.IssuedBy, after.IssuedByName, after.IssuedAt = subsidy.ProgramIssued, by.ID, by.Name, instant(tx.At)
		return after, tx.UpdateProgram(before, &after, "issue", reason)
	})
}

func (a *App) mayIssue(by access.Actor, p subsidy.Program, reason string) error {
	if p.State != subsidy.ProgramDraft {
		return programState(p, bilingual.T("只有草稿可以发布", "only a draft can be issued"), "请刷新后查看最新状态", "reload to see its present state")
	}
	if slices.Contains(p.Editors, by.ID) {
		return fault.New(fault.Denied, "four_eyes", bilingual.T("起草人不能发布自己起草的方案", "who wrote a program cannot issue it")).WithMend("请由另一名财务人员发布", "ask another finance officer")
	}
	if err := a.checkProgram(by, p); err != nil {
		return err
	}
	gaps := a.GapsOf(p)
	if len(gaps) == 0 || reason != "" {
		return nil
	}
	f := fault.New(fault.Conflict, "open_points", bilingual.F("还有 %d 处需要确认", "%d points are open", len(gaps))).WithMend("请补全，或写明为何这样发布", "mend them, or say why it is issued as it is")
	for _, g := range gaps {
		f.Details = append(f.Details, fault.Detail{Location: "body." + g.At, Code: g.Code, Message: g.Message, Mend: g.Mend})
	}
	return f
}

// EndProgram ends an issued version with a day, for the events after it.
func (a *App) EndProgram(ctx context.Context, by access.Actor, id string, version int64, on civil.Day, reason string) (subsidy.Program, error) {
	reason = strings.TrimSpace(reason)
	return a.changeProgram(ctx, by, id, version, "end", reason, func(p subsidy.Program) (subsidy.Program, error) {
		switch {
		case p.State != subsidy.ProgramIssued:
			return p, programState(p, bilingual.T("只有已发布的方案可以终止", "only an issued program can be ended"), "请刷新后查看最新状态", "reload to see its present state")
		case reason == "":
			return p, fault.Field("body.reason", "required", bilingual.T("终止方案必须填写原因", "ending a program needs a reason"), bilingual.Text{})
		case !on.Valid() || on < a.Today() || on > p.ValidTo:
			return p, fault.Field("body.on", "date_invalid", bilingual.F("终止日应在今天到 %s 之间", "the last day lies between today and %s", p.ValidTo), bilingual.T("已发生的事件仍按本版本办理", "what happened before stays under this version"))
		}
		p.State, p.EndedOn, p.EndReason = subsidy.ProgramEnded, on, reason
		return p, nil
	})
}

// DiscardProgram gives a draft up.
func (a *App) DiscardProgram(ctx context.Context, by access.Actor, id string, version int64, reason string) (subsidy.Program, error) {
	return a.changeProgram(ctx, by, id, version, "discard", reason, func(p subsidy.Program) (subsidy.Program, error) {
		if p.State != subsidy.ProgramDraft {
			return p, programState(p, bilingual.T("只有草稿可以放弃", "only a draft can be discarded"), "请刷新后查看最新状态", "reload to see its present state")
		}
		p.State, p.EndReason = subsidy.ProgramDiscarded, reason
		return p, nil
	})
}

// Verdict is what one program owes for one asset.
type Verdict struct {
	Program  subsidy.Program
	Decision subsidy.Decision
}

// Claim is what an application adds to the facts of an asset: the day it was
// made (today where it is empty) and what was bought in its place.
type Claim struct {
	AppliedOn   civil.Day
	Replacement *subsidy.Replacement
}

// facts gathers what a program's rules look at from the asset and its
// retirement.
func (a *App) facts(asset store.AssetRecord, r *retirement.Retirement) subsidy.Facts {
	kind := registry.KindOfOwner(asset.OwnerName, asset.OwnerID)
	f := subsidy.Facts{Class: asset.Class, CityCode: asset.CityCode, Fuel: asset.Fuel, Stage: asset.Stage, StageSource: asset.StageSource, Category: asset.Category,
		Use: asset.Fields["use"], Operating: isOperating(asset.Fields["use"]), ScrapDueOn: asset.ScrapDueOn, ScrapComputed: asset.ScrapDueSource == "computed",
		PoliceStatus: asset.PoliceStatus, RegisteredOn: asset.RegisteredOn, BuiltOn: asset.BuiltOn, InCitySince: asset.RegisteredOn, OwnedSince: asset.OwnedFrom,
		GrossMassKg: thousandths(asset.Fields["gross_mass_kg"]), PowerKW: thousandths(asset.Fields["power_kw"]), GrossTonnage: thousandths(asset.Fields["gross_tonnage"]),
		OwnerKind: string(kind), PublicOwner: subsidy.PublicBody(asset.OwnerName, asset.OwnerID), AppliedOn: a.Today()}
	f.Name = a.namer(asset.Class)
	if o, ok := a.Reference.Option(asset.Class, "category", asset.Category); ok {
		f.Group, f.GroupName = o.Group, o.Name
	}
	if r != nil {
		spec, _ := registry.SpecOf(asset.Class)
		way, _ := retirement.WayOf(spec, r.WayOut)
		f.WayOut, f.CountsAs, f.Verified = r.WayOut, way.CountsAs, r.State == retirement.Verified
		f.HandedInOn, f.DismantledOn, f.DeregisteredOn = r.HandedInOn, r.DismantledOn, r.DeregisteredOn
	}
	return f
}

func (a *App) namer(class registry.Class) func(kind, code string) bilingual.Text {
	return func(kind, code string) bilingual.Text { return a.Reference.Name(class, kind, code) }
}

// thousandths reads a decimal number as thousandths, 0 if it is none.
func thousandths(text string) int64 {
	whole, rest, _ := strings.Cut(text, ".")
	rest = (rest + "000")[:3]
	n := int64(0)
	for _, c := range whole + rest {
		if c < '0' || c > '9' || n > 1<<50 {
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// factsOf is facts with what an application adds and what other records say.
func (a *App) factsOf(tx *store.Tx, asset store.AssetRecord, r *retirement.Retirement, c Claim) (subsidy.Facts, error) {
	f := a.facts(asset, r)
	if c.AppliedOn != "" {
		f.AppliedOn = c.AppliedOn
	}
	f.Replacement = c.Replacement
	moved, err := tx.MovedIn(asset.ID)
	if err != nil {
		return f, err
	}
	if moved != "" {
		f.InCitySince = moved
	}
	checks, err := tx.PreChecks(asset.ID)
	return withChecks(f, checks), err
}

// withChecks adds what the pre-checks found: open if one is, clear once all that
// are about debts and seizure were asked.
func withChecks(f subsidy.Facts, checks []retirement.PreCheck) subsidy.Facts {
	f.PreChecks, f.PreChecksOpen = "", nil
	asked := 0
	for _, c := range checks {
		if c.State == retirement.CheckClear && c.Kind != "activity" {
			asked++
		}
	}
	for _, c := range retirement.OpenChecks(checks) {
		f.PreChecksOpen = append(f.PreChecksOpen, retirement.CheckName(c.Kind).ZH)
	}
	switch {
	case len(f.PreChecksOpen) > 0:
		f.PreChecks = "open"
	case asked == len(retirement.PreCheckKinds)-1:
		f.PreChecks = "clear"
	}
	return f
}

// ownerTaken returns what the owner's other live cases under a program take, if
// the program bounds it.
func ownerTaken(tx *store.Tx, p subsidy.Program, asset store.AssetRecord) (int64, money.Fen, error) {
	if p.Rules.Owner == nil || asset.OwnerRef == "" {
		return 0, 0, nil
	}
	return tx.OwnerTaken(p.Code, asset)
}

// decide evaluates a program for a case with all facts of it.
func (a *App) decide(tx *store.Tx, p subsidy.Program, asset store.AssetRecord, r *retirement.Retirement, c Claim) (subsidy.Decision, subsidy.Facts, error) {
	f, err := a.factsOf(tx, asset, r, c)
	if err != nil {
		return subsidy.Decision{}, f, err
	}
	if f.OwnerCount, f.OwnerFen, err = ownerTaken(tx, p, asset); err != nil {
		return subsidy.Decision{}, f, err
	}
	d := p.Evaluate(f)
	if !p.Public() {
		d = subsidy.NotInForce(p, d)
	}
	return d, f, nil
}

// isOperating reports whether a use 使用性质 is commercial transport: freight
// or dangerous goods.
func isOperating(use string) bool { return use == "freight" || use == "hazardous" }

// Eligibility answers, for each program of the asset's city and class, what it
// owes and why: the version that is in force at the program's event, or the
// newest if none is. Nothing is written.
func (a *App) Eligibility(ctx context.Context, scope access.Scope, assetID string) ([]Verdict, error) {
	asset, err := a.DB.Asset(ctx, scope, assetID)
	if err != nil {
		return nil, err
	}
	r, err := a.retirementFor(ctx, scope, assetID)
	if err != nil {
		return nil, err
	}
	programs, err := a.DB.Programs(ctx, scope, asset.CityCode, asset.Class, store.Page{Limit: 200})
	if err != nil {
		return nil, err
	}
	facts := a.facts(asset, r)
	if facts.InCitySince, err = a.inCitySince(ctx, asset); err != nil {
		return nil, err
	}
	checks, err := a.DB.PreChecks(ctx, asset.ID)
	if err != nil {
		return nil, err
	}
	facts = withChecks(facts, checks)
	var verdicts []Verdict
	for _, p := range pertinent(programs, facts) {
		if p.Rules.Owner != nil && asset.OwnerRef != "" {
			if facts.OwnerCount, facts.OwnerFen, err = a.DB.OwnerTaken(ctx, p.Code, asset); err != nil {
				return nil, err
			}
		}
		verdicts = append(verdicts, Verdict{p, p.Evaluate(facts)})
	}
	return verdicts, nil
}

func (a *App) retirementFor(ctx context.Context, scope access.Scope, assetID string) (*retirement.Retirement, error) {
	switch found, err := a.DB.RetirementOf(ctx, scope, assetID); {
	case err == nil:
		return &found, nil
	case fault.Is(err, fault.NotFound):
		return nil, nil
	default:
		return nil, err
	}
}

func (a *App) inCitySince(ctx context.Context, asset store.AssetRecord) (civil.Day, error) {
	moved, err := a.DB.MovedIn(ctx, asset.ID)
	if moved == "" {
		return asset.RegisteredOn, err
	}
	return moved, err
}

// pertinent returns of each program the version in force at its event, or else
// the newest that was issued.
func pertinent(programs []subsidy.Program, facts subsidy.Facts) []subsidy.Program {
	var found []subsidy.Program
	at := map[string]int{}
	for _, p := range programs { // newest first
		if !p.Public() {
			continue
		}
		key := p.CityCode + "/" + p.Code
		i, seen := at[key]
		switch {
		case !seen:
			at[key] = len(found)
			found = append(found, p)
		case p.InForce(facts) && !found[i].InForce(facts):
			found[i] = p
		}
	}
	return found
}

// SetReplacement says what was bought in place of a draft's asset and works the
// amount out again by the case's program. It fails with Conflict once the
// application was submitted: its money is set aside by then.
func (a *App) SetReplacement(ctx context.Context, by access.Actor, id string, version int64, bought *subsidy.Replacement) (subsidy.Application, error) {
	return write(ctx, a, by, func(tx *store.Tx) (subsidy.Application, error) {
		before, err := tx.Application(id)
		switch {
		case err != nil:
			return before, err
		case before.Version != version:
			return before, staleSince(version, before.Version)
		case before.State != subsidy.Draft:
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("提交后不能再修改新购信息", "after it was submitted the replacement cannot change")).
				WithMend("请在审核时退回修改", "send it back at the check")
		case bought != nil && bought.BoughtOn != "" && (!bought.BoughtOn.Valid() || bought.BoughtOn > a.Today()):
			return before, fault.Field("body.bought_on", "date_invalid", bilingual.T("新购日期应是不晚于今天的日期", "the day of purchase is a day up to today"), bilingual.Text{})
		}
		if err := tx.TakeDuty(before, subsidy.DutyEnter); err != nil {
			return before, err
		}
		r, err := tx.Retirement(before.RetirementID)
		if err != nil {
			return before, err
		}
		p, err := tx.Program(before.ProgramID)
		if err != nil {
			return before, err
		}
		asset, err := tx.Asset(before.AssetID)
		if err != nil {
			return before, err
		}
		d, facts, err := a.decide(tx, p, asset, &r, Claim{AppliedOn: civil.On(before.OpenedAt), Replacement: bought})
		if err != nil {
			return before, err
		}
		if !d.Eligible {
			return before, fault.New(fault.Invalid, "not_eligible", bilingual.T("按该新购信息不符合补贴条件", "with this replacement nothing is owed"))
		}
		if err := tx.KeepFacts(before.ID, p.ID, facts); err != nil {
			return before, err
		}
		after := before
		after.AmountFen, after.Explanation = d.AmountFen, d.Lines
		if bought != nil {
			after.Replacement = bought.Label
		}
		return after, tx.Reprice(before, &after)
	})
}
