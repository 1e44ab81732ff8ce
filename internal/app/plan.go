package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// FilePlan files a city's plan for a class in place of the one before.
func (a *App) FilePlan(ctx context.Context, by access.Actor, city string, class registry.Class, p target.Plan, note string) (store.CityPlan, error) {
	details := p.Check(a.Today())
	if r, ok := a.Reference.Region(city); !ok || r.Level != "city" {
		details = append(details, fault.Detail{Location: "body.city_code", Code: "unknown_value", Message: bilingual.F("“%s”不是城市", "%q is not a city", city), Mend: bilingual.T("请从列表中选择", "choose one from the list")})
	}
	if len(details) > 0 {
		return store.CityPlan{}, fault.Fields(details)
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.CityPlan, error) {
		plan := store.CityPlan{ID: newID(), CityCode: city, Class: class, Title: p.Title, Document: p.Document, IssuedOn: p.IssuedOn, Note: note}
		return plan, tx.FilePlan(&plan, p.Years)
	})
}

// PlanState is what a city has filed for a class, nil if nothing: a finding.
type PlanState struct {
	CityCode string
	Class    registry.Class
	Plan     *store.CityPlan
	Former   int // plans that it replaced
	Target   *target.Target
}

// plannedClasses are those whose target asks each city for a plan of its own:
// R2 asks it for trucks.
var plannedClasses = []registry.Class{registry.Truck}

// Plans returns what every city of the scope has filed: a line for each class
// that needs a plan, and for each other that has one.
func (a *App) Plans(ctx context.Context, scope access.Scope, city string) ([]PlanState, error) {
	filed, err := a.DB.CityPlans(ctx, scope, city)
	if err != nil {
		return nil, err
	}
	targets, err := a.DB.Targets(ctx, scope, store.TargetFilter{State: "in_force"})
	if err != nil {
		return nil, err
	}
	var states []PlanState
	for _, area := range a.areas(scope, ProgressFilter{CountFilter: store.CountFilter{City: city}}) {
		state := PlanState{CityCode: area.CityCode, Class: area.Class, Target: TargetFor(targets, area.CityCode, area.Class)}
		for i, p := range filed {
			switch {
			case p.CityCode != area.CityCode || p.Class != area.Class:
			case p.State == "filed":
				state.Plan = &filed[i]
			default:
				state.Former++
			}
		}
		if state.Plan != nil || slices.Contains(plannedClasses, area.Class) {
			states = append(states, state)
		}
	}
	return states, nil
}

// ProposeDefinition adds a definition, or the next revision of one, as a draft
// that can be tried.
func (a *App) ProposeDefinition(ctx context.Context, by access.Actor, d target.Definition) (target.Definition, error) {
	details := d.Check()
	if d.Code == target.DefaultCode {
		details = append(details, fault.Detail{Location: "body.code", Code: "reserved", Message: bilingual.T("系统默认口径不能另立版本", "the default definition is counted by the program itself"),
			Mend: bilingual.T("请使用其他代码", "use another code")})
	}
	if len(details) > 0 {
		return d, fault.Fields(details)
	}
	all, err := a.DB.Definitions(ctx)
	if err != nil {
		return d, err
	}
	d.Revision, d.State, d.Sample, d.Version = 1, "draft", false, 1
	d.ProposedBy, d.ProposedByName, d.Trial = by.ID, by.Name, target.Trial{}
	for _, other := range all {
		if other.Code == d.Code && (other.ShareBP == nil) != (d.ShareBP == nil) {
			return d, fault.Field("body.code", "other_kind", bilingual.F("“%s”是另一类口径", "%q is a definition of the other kind", d.Code), bilingual.T("请使用其他代码", "use another code"))
		}
		if other.Code == d.Code {
			d.Revision = max(d.Revision, other.Revision+1)
		}
	}
	return write(ctx, a, by, func(tx *store.Tx) (target.Definition, error) {
		added, err := tx.PutDefinition(d)
		if err == nil && !added {
			err = fault.New(fault.Conflict, "revision_taken", bilingual.T("该版本刚被他人添加", "somebody else added this revision")).WithMend("请重试", "try again")
		}
		return d, err
	})
}

// TryDefinition computes what a draft would move on the stock of today, in place
// of the definition that counts in each city and class, and keeps the counts. A
// share moves no asset, only what is required. Nothing of the registry changes.
func (a *App) TryDefinition(ctx context.Context, by access.Actor, code string, revision, version int64) (target.Definition, error) {
	d, err := a.definition(ctx, code, revision)
	if err != nil {
		return d, err
	}
	trial := target.Trial{On: a.Today(), Counts: []target.TrialCount{}}
	at, err := a.read(ctx, access.Whole(), ProgressFilter{AsOf: trial.On}, func(s *figures) (err error) {
		if d.ShareBP != nil {
			return nil
		}
		trial.Counts, err = s.r.CountMoves(store.MoveFilter{To: d, Bounds: s.allBounds(), Moment: store.Moment{AsOf: trial.On}})
		return err
	})
	if err != nil {
		return d, err
	}
	trial.Us = at.UnixMicro()
	return write(ctx, a, by, func(tx *store.Tx) (target.Definition, error) {
		before, err := a.draftDefinition(tx, code, revision, version)
		if err != nil {
			return before, err
		}
		after := before
		after.Trial = trial
		return after, tx.KeepTrial(before, &after)
	})
}

// draftDefinition returns the draft that is based on the version.
func (a *App) draftDefinition(tx *store.Tx, code string, revision, version int64) (target.Definition, error) {
	d, err := tx.Definition(code, revision)
	switch {
	case err != nil:
		return d, err
	case d.Version != version:
		return d, staleSince(version, d.Version)
	case d.State != "draft":
		_, err = d.Decide(false, "", a.Today())
	}
	return d, err
}

// DecideDefinition accepts a definition that was tried on the stock of today, or
// discards it.
func (a *App) DecideDefinition(ctx context.Context, by access.Actor, code string, revision, version int64, accept bool, reason string) (target.Definition, error) {
	return write(ctx, a, by, func(tx *store.Tx) (target.Definition, error) {
		before, err := a.draftDefinition(tx, code, revision, version)
		if err != nil {
			return before, err
		}
		after, err := before.Decide(accept, by.ID, a.Today())
		if err != nil {
			return before, err
		}
		return after, tx.DecideDefinition(before, after, reason)
	})
}

// DefinitionMoves returns one page of what a definition moves, exactly what its
// trial counted: as known at its instant, as of its day.
func (a *App) DefinitionMoves(ctx context.Context, scope access.Scope, code string, revision int64, f store.CountFilter, direction string, p store.Page) ([]store.DefinitionMove, error) {
	d, err := a.definition(ctx, code, revision)
	if err != nil || d.Trial.Us == 0 || d.ShareBP != nil {
		return nil, err
	}
	moment := store.Moment{AsOf: d.Trial.On, Known: time.UnixMicro(d.Trial.Us).UTC()}
	var rows []store.DefinitionMove
	_, err = a.read(ctx, scope, ProgressFilter{AsOf: moment.AsOf, Known: moment.Known}, func(s *figures) (err error) {
		rows, err = s.r.MoveRows(store.MoveFilter{CountFilter: f, To: d, Bounds: s.allBounds(), Moment: moment}, direction, p)
		return err
	})
	return rows, err
}

// definition returns a definition by code and revision, or NotFound.
func (a *App) definition(ctx context.Context, code string, revision int64) (target.Definition, error) {
	all, err := a.DB.Definitions(ctx)
	if err != nil {
		return target.Definition{}, err
	}
	for _, d := range all {
		if d.Code == code && d.Revision == revision {
			return d, nil
		}
	}
	return target.Definition{}, fault.Missing()
}

// Freeze keeps the list of what belongs to the cohort of a city, or of every
// city, on a day, as it is known now and by the rule in force now.
func (a *App) Freeze(ctx context.Context, by access.Actor, city string, class registry.Class, name string, on civil.Day) ([]store.Baseline, error) {
	if !on.Valid() || on > a.Today() {
		return nil, fault.Field("body.taken_on", "date_invalid", bilingual.T("基准日应为不晚于今天的日期", "a baseline is taken on a day up to today"), bilingual.T("请按 2021-12-31 的格式填写", "write it as 2021-12-31"))
	}
	var cities []string
	for _, c := range a.Reference.Cities() {
		if (city == "" || city == access.ProvinceCode || city == c.Code) && by.Scope.Covers(c.Code, "") {
			cities = append(cities, c.Code)
		}
	}
	if len(cities) == 0 {
		return nil, fault.Field("body.city_code", "unknown_value", bilingual.F("“%s”不是城市", "%q is not a city", city), bilingual.T("请从列表中选择", "choose one from the list"))
	}
	all, err := a.DB.Targets(ctx, by.Scope, store.TargetFilter{Class: class})
	if err != nil {
		return nil, err
	}
	targets := target.InForce(all, on, 0)
	return write(ctx, a, by, func(tx *store.Tx) ([]store.Baseline, error) {
		frozen := make([]store.Baseline, 0, len(cities))
		for _, code := range cities {
			b := store.Baseline{ID: newID(), CityCode: code, Class: class, Name: name, TakenOn: on, KnownUs: tx.At.UnixMicro(), CohortRule: a.Reference.Rule(class).Name(), Definition: target.DefaultCode + "/1"}
			bounds := store.Bounds{BaselineOn: on}
			if t := TargetFor(targets, code, class); t != nil {
				bounds.Definition, b.Definition = t.Definition, t.Definition.Ref()
			}
			if err := tx.FreezeBaseline(&b, bounds); err != nil {
				return nil, err
			}
			frozen = append(frozen, b)
		}
		return frozen, nil
	})
}

// FrozenDefinition returns the definition by which a baseline was frozen.
func (a *App) FrozenDefinition(ctx context.Context, b store.Baseline) (target.Definition, error) {
	all, err := a.DB.Definitions(ctx)
	if err != nil {
		return target.Definition{}, err
	}
	for _, d := range all {
		if d.Ref() == b.Definition {
			return d, nil
		}
	}
	return target.Definition{}, fmt.Errorf("app: baseline %s: no definition %q", b.ID, b.Definition)
}
