package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/emission"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// EmissionFilter says which retirements are meant: the verified ones behind the
// progress figures of a day. GroupBy is one of "city,class" (the default),
// "city", "class", "month", "district" and "category".
type EmissionFilter struct {
	AsOf     civil.Day
	Known    time.Time // only what had been recorded by this instant, zero for now
	City     string
	District string
	Class    registry.Class
	Category string
	Month    string    // "2025-12", of the day it counts on
	After    civil.Day // only those that count after this day
	Factors  int64     // the newest revision that is looked at, 0: all; makes an older figure again
	GroupBy  string
}

// EmissionLine is what the retirements of one group save.
type EmissionLine struct {
	store.Area
	Category string
	Month    string
	emission.Sum
}

// EmissionSheet is what the retirements of a scope save, as of a day.
type EmissionSheet struct {
	AsOf      civil.Day
	At        time.Time // everything recorded up to here is in it and nothing else
	Lines     []EmissionLine
	Total     emission.Sum
	Revisions []int64 // factor sets that were used, rising
	Planned   []emission.Planned
}

// factors are the sets that hold, with what was reckoned before: a fleet has few
// kinds of asset, so the products are made once a kind.
type factors struct {
	ref    *registry.Reference
	sets   []*emission.FactorSet
	done   map[factorKey][4]emission.Amount
	groups map[string]string // class/category → group
	used   map[int64]bool
}

type factorKey struct {
	revision int64
	subject  emission.Subject
}

// factors are those that hold now.
func (a *App) factors(ctx context.Context, newest int64) (*factors, error) {
	sets, err := a.DB.FactorSets(ctx)
	return a.factorsOf(sets, newest), err
}

func (a *App) factorsOf(sets []store.FactorSet, newest int64) *factors {
	f := &factors{ref: a.Reference, done: map[factorKey][4]emission.Amount{}, groups: map[string]string{}, used: map[int64]bool{}}
	for i := range sets {
		holds := sets[i].State == "in_force" || sets[i].State == "replaced"
		if holds && (newest == 0 || sets[i].Revision <= newest) {
			f.sets = append(f.sets, &sets[i].FactorSet)
		}
	}
	return f
}

// of returns the amounts of one retirement and the revision that they rest on;
// without a set that holds, every factor is missing.
func (f *factors) of(g store.Gone) ([4]emission.Amount, int64) {
	set := emission.SetFor(f.sets, g.On)
	if set == nil {
		set = (&emission.FactorSet{}).Index()
	}
	sub := emission.Subject{Class: g.Class, Group: f.group(g.Class, g.Category), Stage: g.Stage}
	// Fields passed the check of their type when they were registered; what is no number counts as none.
	sub.PowerK, _ = emission.Milli(g.Fields["power_kw"])
	sub.HoursK, _ = emission.Milli(g.Fields["annual_hours"])
	sub.FuelKG, _ = emission.Milli(g.Fields["annual_fuel_t"])
	key := factorKey{set.Revision, sub}
	amounts, known := f.done[key]
	if !known {
		amounts = set.Yearly(sub)
		f.done[key] = amounts
	}
	f.used[set.Revision] = true
	return amounts, set.Revision
}

// group returns the group of a category: heavy, medium, tractor …
func (f *factors) group(class registry.Class, category string) string {
	key := string(class) + "/" + category
	group, known := f.groups[key]
	if !known {
		o, _ := f.ref.Option(class, "category", category)
		group, f.groups[key] = o.Group, o.Group
	}
	return group
}

// readGone calls fn for each of the retirements that are meant, in the order of
// their ids from the one after start on, until fn returns false. They count after
// the baseline day of their target, or after the later day that is asked for. fn
// is given the factors with them. At is the instant that makes the same again.
func (a *App) readGone(ctx context.Context, scope access.Scope, f EmissionFilter, start string, fn func(*factors, store.Gone) bool) (used *factors, at time.Time, err error) {
	at, err = a.read(ctx, scope, ProgressFilter{AsOf: f.AsOf, Known: f.Known}, func(s *figures) error {
		sets, err := s.r.FactorSets(f.Known)
		if err != nil {
			return err
		}
		used = a.factorsOf(sets, f.Factors)
		return s.r.EachGone(s.goneFilter(f, start), func(g store.Gone) bool { return fn(used, g) })
	})
	return used, at, err
}

func (s *figures) goneFilter(f EmissionFilter, start string) store.GoneFilter {
	bounds := s.allBounds()
	after, until := f.After, f.AsOf
	if f.Month != "" {
		first := civil.Day(f.Month + "-01")
		after, until = max(after, first.AddDays(-1)), min(until, first.AddMonths(1).AddDays(-1))
	}
	for area, b := range bounds {
		b.BaselineOn = max(b.BaselineOn, after)
		bounds[area] = b
	}
	return store.GoneFilter{Start: start, RowFilter: store.RowFilter{CountFilter: store.CountFilter{City: f.City, District: f.District, Class: f.Class, Category: f.Category},
		Bounds: bounds, Moment: s.f.moment(until)}}
}

// Emission returns what the verified retirements of a scope save. It reads the
// rows behind the progress figure, so that both count the same assets.
func (a *App) Emission(ctx context.Context, scope access.Scope, f EmissionFilter) (EmissionSheet, error) {
	sheet := EmissionSheet{AsOf: f.AsOf}
	groups := map[EmissionLine]*emission.Sum{}
	for _, area := range a.areas(scope, ProgressFilter{CountFilter: store.CountFilter{City: f.City, Class: f.Class}, GroupBy: "city,class"}) {
		if key := emissionGroup(f.GroupBy, area, "", ""); f.GroupBy != "month" && f.GroupBy != "category" && f.GroupBy != "district" {
			groups[key] = &emission.Sum{}
		}
	}
	with, at, err := a.readGone(ctx, scope, f, "", func(with *factors, g store.Gone) bool {
		key := emissionGroup(f.GroupBy, store.Area{CityCode: g.CityCode, DistrictCode: g.DistrictCode, Class: g.Class}, g.Category, g.On.Month())
		if groups[key] == nil {
			groups[key] = &emission.Sum{}
		}
		amounts, _ := with.of(g)
		groups[key].Add(amounts, g.On, g.ScrapDueOn, f.AsOf)
		return true
	})
	if err != nil {
		return sheet, err
	}
	sheet.At = at
	for key, sum := range groups {
		key.Sum = *sum
		sheet.Lines = append(sheet.Lines, key)
		sheet.Total = sheet.Total.Plus(*sum)
	}
	slices.SortFunc(sheet.Lines, func(x, y EmissionLine) int {
		order := func(l EmissionLine) string {
			return l.CityCode + "/" + l.DistrictCode + "/" + string(l.Class) + "/" + l.Category + "/" + l.Month
		}
		return strings.Compare(order(x), order(y))
	})
	for r := range with.used {
		sheet.Revisions = append(sheet.Revisions, r)
	}
	slices.Sort(sheet.Revisions)
	sheet.Planned, err = a.DB.Planned(ctx)
	return sheet, err
}

// emissionGroup returns the line that a retirement belongs to, its sum left at zero.
func emissionGroup(by string, area store.Area, category, month string) EmissionLine {
	switch by {
	case "city":
		return EmissionLine{Area: store.Area{CityCode: area.CityCode}}
	case "class":
		return EmissionLine{Area: store.Area{Class: area.Class}}
	case "month":
		return EmissionLine{Month: month}
	case "district":
		return EmissionLine{Area: area}
	case "category":
		return EmissionLine{Area: store.Area{Class: area.Class}, Category: category}
	default:
		return EmissionLine{Area: store.Area{CityCode: area.CityCode, Class: area.Class}}
	}
}

// EmissionRow is one retirement with how its amounts come about.
type EmissionRow struct {
	store.Gone
	Revision int64
	Amounts  [4]emission.Amount
	Saved    [4]emission.Grams // zero where the amount is not estimated
}

// EmissionRows returns one page of the retirements behind an amount. state and
// pollutant, where given, keep those whose amount of the pollutant has the state.
func (a *App) EmissionRows(ctx context.Context, scope access.Scope, f EmissionFilter, pollutant emission.Pollutant, state emission.State, page store.Page) ([]EmissionRow, error) {
	at := max(0, slices.Index(emission.Pollutants[:], pollutant))
	var rows []EmissionRow
	_, _, err := a.readGone(ctx, scope, f, page.After, func(with *factors, g store.Gone) bool {
		row := EmissionRow{Gone: g}
		row.Amounts, row.Revision = with.of(g)
		if state != "" && row.Amounts[at].State != state {
			return true
		}
		for i, amount := range row.Amounts {
			if amount.State == emission.Estimated {
				row.Saved[i] = amount.Saved(g.On, g.ScrapDueOn, f.AsOf)
			}
		}
		rows = append(rows, row)
		return len(rows) < page.Limit
	})
	return rows, err
}

// DraftFactors starts the next revision of the factors: a copy of the one in
// force, for the province to change.
func (a *App) DraftFactors(ctx context.Context, by access.Actor, validFrom civil.Day, document string) (store.FactorSet, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.FactorSet, error) {
		sets, err := tx.FactorSets()
		if err != nil {
			return store.FactorSet{}, err
		}
		var draft store.FactorSet
		for _, s := range sets {
			if s.State == "in_force" {
				draft.FactorSet = s.FactorSet
			}
		}
		draft.ID, draft.Revision, draft.State = newID(), 1, "draft"
		if len(sets) > 0 {
			draft.Revision = sets[0].Revision + 1
		}
		draft.ValidFrom, draft.Document = validFrom, document
		if err := checkFactorHead(draft.FactorSet); err != nil {
			return draft, err
		}
		return draft, tx.CreateFactorSet(&draft)
	})
}

func checkFactorHead(s emission.FactorSet) error {
	var wrong []fault.Detail
	if !s.ValidFrom.Valid() {
		wrong = append(wrong, fault.Detail{Location: "body.valid_from", Code: "date_invalid", Message: bilingual.F("“%s”不是有效日期", "%q is not a day", s.ValidFrom),
			Mend: bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31")})
	}
	if strings.TrimSpace(s.Document) == "" {
		wrong = append(wrong, fault.Detail{Location: "body.document", Code: "required", Message: bilingual.T("缺少依据文件", "the document is missing"),
			Mend: bilingual.T("写明设定这些系数的文件和文号", "name the document that sets these factors")})
	}
	if len(wrong) > 0 {
		return fault.Fields(wrong)
	}
	return nil
}

// FactorChange is a change of a draft; nil members stay as they are.
type FactorChange struct {
	ValidFrom  *civil.Day
	Document   *string
	Conditions map[string]string
	Values     []emission.Edit
}

// ChangeFactors changes the draft that is based on the version.
func (a *App) ChangeFactors(ctx context.Context, by access.Actor, id string, version int64, c FactorChange) (store.FactorSet, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.FactorSet, error) {
		before, err := a.draft(tx, id, version)
		if err != nil {
			return before, err
		}
		after := before
		if c.ValidFrom != nil {
			after.ValidFrom = *c.ValidFrom
		}
		if c.Document != nil {
			after.Document = *c.Document
		}
		if err := checkFactorHead(after.FactorSet); err != nil {
			return before, err
		}
		if after.FactorSet, err = after.Change(c.Values, c.Conditions); err != nil {
			return before, err
		}
		return after, tx.UpdateFactorSet(before, &after, "update", "")
	})
}

func (a *App) draft(tx *store.Tx, id string, version int64) (store.FactorSet, error) {
	before, err := tx.FactorSet(id)
	switch {
	case err != nil:
		return before, err
	case before.Version != version:
		return before, staleSince(version, before.Version)
	case before.State != "draft":
		return before, fault.New(fault.Conflict, "wrong_state", bilingual.T("只有草稿可以修改", "only a draft can be changed")).
			WithMend("请从现行系数新建一版草稿", "start a new draft from the factors in force").With("state", before.State)
	}
	return before, nil
}

// DecideFactors puts a draft in force, which replaces the one before it for
// retirements from its first day on, or discards it. It fails with Denied
// four_eyes for anybody who wrote in it.
func (a *App) DecideFactors(ctx context.Context, by access.Actor, id string, version int64, accept bool, reason string) (store.FactorSet, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.FactorSet, error) {
		before, err := a.draft(tx, id, version)
		if err != nil {
			return before, err
		}
		after := before
		if !accept {
			after.State = "discarded"
			return after, tx.UpdateFactorSet(before, &after, "discard", reason)
		}
		if target.Wrote(before.WrittenBy, by.ID) {
			return before, target.FourEyes()
		}
		sets, err := tx.FactorSets()
		if err != nil {
			return before, err
		}
		for _, s := range sets {
			if s.State != "in_force" {
				continue
			}
			replaced := s
			replaced.State = "replaced"
			if err := tx.UpdateFactorSet(s, &replaced, "replace", reason); err != nil {
				return before, err
			}
		}
		after.State, after.InForceAt = "in_force", instant(tx.At)
		return after, tx.UpdateFactorSet(before, &after, "put_in_force", reason)
	})
}
