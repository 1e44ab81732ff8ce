package app

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/emission"
	"phaseout/internal/fault"
	"phaseout/internal/money"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// JobRule is the kind of job that tries a program on the stock or on past cases.
const JobRule = "rule_run"

// ruleChunk is how many assets or cases are looked at between two signs of life.
const ruleChunk = 2000

// RunResult is what a run found, by city.
type RunResult struct {
	Cities         []RunCity `json:"cities"`
	FactorRevision int64     `json:"factor_revision,omitempty"` // of the emission factors; 0: none is in force
	Rebuilt        int64     `json:"rebuilt,omitempty"`         // past cases without kept facts, looked at as they are today
}

// RunCity is what a run found in a city. Grams are those of a year unless the
// name says otherwise.
type RunCity struct {
	CityCode      string           `json:"city_code"`
	Assets        int64            `json:"assets"`
	Eligible      int64            `json:"eligible"`
	AmountFen     money.Fen        `json:"amount_fen"`
	NOxG          int64            `json:"nox_g"`
	PMG           int64            `json:"pm_g"`
	NOxLifetimeG  int64            `json:"nox_lifetime_g"`
	FactorMissing int64            `json:"factor_missing"`
	Reasons       map[string]int64 `json:"reasons,omitempty"` // first reason against → how many

	BeforeFen money.Fen `json:"before_fen,omitempty"` // of a replay
	Gains     int64     `json:"gains,omitempty"`
	Loses     int64     `json:"loses,omitempty"`
	Differs   int64     `json:"differs,omitempty"`
}

// StartRuleRun puts a trial of a program into the queue: a preview on the stock
// as if all of it retired on a day, or a replay over past cases. Nothing of the
// registry changes.
func (a *App) StartRuleRun(ctx context.Context, by access.Actor, programID, kind string, day civil.Day) (store.RuleRun, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.RuleRun, error) {
		p, err := tx.Program(programID)
		if err != nil {
			return store.RuleRun{}, err
		}
		from, to := p.Term()
		if day == "" {
			day = min(max(a.Today(), from), to)
		}
		if !day.Valid() {
			return store.RuleRun{}, fault.Field("body.day", "date_invalid", bilingual.F("“%s”不是有效日期", "%q is not a day", day), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
		}
		r := store.RuleRun{ID: newID(), Kind: kind, ProgramID: p.ID, ProgramVersion: p.Version, Day: day, CityCode: cmp.Or(by.Scope.City(), p.CityCode)}
		if err := tx.CreateRuleRun(&r); err != nil {
			return r, err
		}
		return r, tx.Enqueue(JobRule, r.ID)
	})
}

// RunRule does the work of a run: the job of its kind. What goes wrong ends the
// run as failed, with its reason. It is safe to run again: it starts anew.
func (a *App) RunRule(ctx context.Context, id string) error {
	r, err := a.DB.RuleRun(ctx, access.Whole(), id)
	if err != nil || r.Ended() {
		return err
	}
	w := &ruleWork{App: a, ctx: ctx, by: access.System("rule run " + id), run: r, scope: access.ScopeOf(r.ScopeCode), cities: map[string]*RunCity{}}
	return a.endedRun(ctx, id, w.work, func(problem string) error {
		return a.failRuleRun(context.WithoutCancel(ctx), id, problem)
	})
}

func (a *App) failRuleRun(ctx context.Context, id, problem string) error {
	return a.DB.Write(ctx, access.System("rule run "+id), func(tx *store.Tx) error {
		before, err := a.DB.RuleRun(ctx, access.Whole(), id)
		if err != nil || before.Ended() {
			return err
		}
		after := before
		after.State, after.Problem, after.EndedAt = "failed", problem, instant(tx.At)
		return tx.UpdateRuleRun(before, &after)
	})
}

type ruleWork struct {
	*App
	ctx     context.Context
	by      access.Actor
	run     store.RuleRun
	scope   access.Scope
	program subsidy.Program
	factors *factors
	cities  map[string]*RunCity
	rebuilt int64
}

func (w *ruleWork) work() (err error) {
	if w.program, err = w.DB.Program(w.ctx, w.scope, w.run.ProgramID); err != nil {
		return err
	}
	if w.factors, err = w.App.factors(w.ctx, 0); err != nil {
		return err
	}
	if err := w.save(nil, func(tx *store.Tx, r *store.RuleRun) error {
		r.State, r.Done = "running", 0
		r.Total, err = w.total()
		if err != nil {
			return err
		}
		return tx.ClearRuleRunLines(r.ID)
	}); err != nil {
		return err
	}
	if w.run.Kind == "preview" {
		err = w.preview()
	} else {
		err = w.replay()
	}
	if err != nil {
		return err
	}
	return w.save(nil, func(tx *store.Tx, r *store.RuleRun) error {
		text, err := json.Marshal(w.result())
		r.State, r.Result, r.EndedAt = "done", string(text), instant(tx.At)
		return err
	})
}

// save writes the progress of the run with the lines found.
func (w *ruleWork) save(lines []store.RuleRunLine, change func(*store.Tx, *store.RuleRun) error) error {
	saved, err := write(w.ctx, w.App, w.by, func(tx *store.Tx) (store.RuleRun, error) {
		after := w.run
		if err := change(tx, &after); err != nil {
			return after, err
		}
		if err := tx.PutRuleRunLines(lines); err != nil {
			return after, err
		}
		return after, tx.UpdateRuleRun(w.run, &after)
	})
	if err == nil {
		w.run = saved
	}
	return err
}

func (w *ruleWork) total() (int64, error) {
	if w.run.Kind == "replay" {
		return w.DB.PastCaseCount(w.ctx, w.scope, w.program)
	}
	total := int64(0)
	for _, class := range w.program.AllClasses() {
		n, err := w.DB.StockCount(w.ctx, w.scope, w.city(), class)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// city is the one that the program is bound to, "" for all.
func (w *ruleWork) city() string {
	if w.program.Everywhere() {
		return ""
	}
	return w.program.CityCode
}

func (w *ruleWork) result() RunResult {
	r := RunResult{Cities: []RunCity{}, Rebuilt: w.rebuilt}
	for _, c := range w.cities {
		r.Cities = append(r.Cities, *c)
	}
	slices.SortFunc(r.Cities, func(a, b RunCity) int { return cmp.Compare(a.CityCode, b.CityCode) })
	for revision := range w.factors.used {
		r.FactorRevision = max(r.FactorRevision, revision)
	}
	return r
}

func (w *ruleWork) at(city string) *RunCity {
	if w.cities[city] == nil {
		w.cities[city] = &RunCity{CityCode: city, Reasons: map[string]int64{}}
	}
	return w.cities[city]
}

// count adds one decision to a city.
func (c *RunCity) count(d subsidy.Decision) {
	c.Assets++
	if d.Eligible {
		c.Eligible++
		c.AmountFen += d.AmountFen
		return
	}
	for _, l := range d.Lines {
		if !l.Passed && !l.Optional {
			c.Reasons[l.Code]++
			return
		}
	}
	c.Reasons["amount"]++
}

// preview evaluates every asset of the stock as if it were scrapped, verified
// and applied for on the run's day, with its pre-checks clear.
func (w *ruleWork) preview() error {
	moved, err := w.DB.MovedInAll(w.ctx)
	if err != nil {
		return err
	}
	taken := map[string]*subsidy.Facts{} // by owner, where the program bounds it
	for _, class := range w.program.AllClasses() {
		after := ""
		for {
			stock, err := w.DB.StockPage(w.ctx, w.scope, w.city(), class, after, ruleChunk)
			if err != nil {
				return err
			}
			for _, asset := range stock {
				w.previewOne(asset, moved[asset.ID], taken)
			}
			if err := w.save(nil, func(_ *store.Tx, r *store.RuleRun) error { r.Done += int64(len(stock)); return nil }); err != nil {
				return err
			}
			if len(stock) < ruleChunk {
				break
			}
			after = stock[len(stock)-1].ID
		}
	}
	return nil
}

func (w *ruleWork) previewOne(asset store.AssetRecord, moved civil.Day, taken map[string]*subsidy.Facts) {
	f := asIfScrapped(w.facts(asset, nil), w.run.Day)
	if moved != "" {
		f.InCitySince = moved
	}
	var owner *subsidy.Facts
	if w.program.Rules.Owner != nil && asset.OwnerRef != "" {
		if owner = taken[asset.OwnerRef]; owner == nil {
			owner = &subsidy.Facts{}
			taken[asset.OwnerRef] = owner
		}
		f.OwnerCount, f.OwnerFen = owner.OwnerCount, owner.OwnerFen
	}
	d := w.program.Evaluate(f)
	c := w.at(asset.CityCode)
	c.count(d)
	if !d.Eligible {
		return
	}
	if owner != nil {
		owner.OwnerCount++
		owner.OwnerFen += d.AmountFen
	}
	amounts, _ := w.factors.of(store.Gone{ID: asset.ID, Class: asset.Class, Category: asset.Category, Stage: asset.Stage, On: w.run.Day, Fields: asset.Fields})
	if amounts[0].State != emission.Estimated {
		c.FactorMissing++
		return
	}
	nox := amounts[0].Saved(w.run.Day, asset.ScrapDueOn, w.run.Day)
	c.NOxG += nox.Yearly
	c.NOxLifetimeG += nox.Lifetime
	if amounts[2].State == emission.Estimated {
		c.PMG += amounts[2].Saved(w.run.Day, asset.ScrapDueOn, w.run.Day).Yearly
	}
}

// asIfScrapped returns the facts of an asset as if it were scrapped, verified
// and applied for on a day.
func asIfScrapped(f subsidy.Facts, day civil.Day) subsidy.Facts {
	f.WayOut, f.CountsAs, f.Verified, f.PreChecks = "scrapped", "retired", true, "clear"
	f.HandedInOn, f.DismantledOn, f.DeregisteredOn, f.AppliedOn = day, day, day, day
	return f
}

// replay evaluates every past case under the program, whatever its term, and
// keeps those that come out otherwise.
func (w *ruleWork) replay() error {
	p := w.program
	p.ValidFrom, p.ValidTo, p.SupersededOn, p.EndedOn, p.ApplyFrom, p.ApplyTo = "1900-01-01", "9999-12-31", "", "", "", ""
	after := ""
	for {
		cases, err := w.DB.PastCases(w.ctx, w.scope, w.program, after, ruleChunk)
		if err != nil {
			return err
		}
		var lines []store.RuleRunLine
		for _, c := range cases {
			line, err := w.replayOne(p, c)
			if err != nil {
				return err
			}
			if line != nil {
				lines = append(lines, *line)
			}
		}
		if err := w.save(lines, func(_ *store.Tx, r *store.RuleRun) error { r.Done += int64(len(cases)); return nil }); err != nil {
			return err
		}
		if len(cases) < ruleChunk {
			return nil
		}
		after = cases[len(cases)-1].ID
	}
}

func (w *ruleWork) replayOne(p subsidy.Program, past store.PastCase) (*store.RuleRunLine, error) {
	f, kept, err := past.Kept()
	if err != nil {
		return nil, err
	}
	if !kept {
		w.rebuilt++
		if f, err = w.factsToday(past); err != nil {
			return nil, err
		}
	}
	f.Name = w.namer(past.Class)
	d := p.Evaluate(f)
	c := w.at(past.CityCode)
	c.count(d)
	c.BeforeFen += past.AmountFen
	direction := ""
	switch {
	case d.AmountFen > past.AmountFen:
		direction = "gains"
		c.Gains++
	case d.AmountFen < past.AmountFen:
		direction = "loses"
		c.Loses++
	case kept && otherReasons(past.Explanation, d.Lines):
		direction = "differs"
		c.Differs++
	default:
		return nil, nil
	}
	text, err := json.Marshal(d.Lines)
	return &store.RuleRunLine{RunID: w.run.ID, ApplicationID: past.ID, CityCode: past.CityCode, DistrictCode: past.DistrictCode, AssetLabel: past.AssetLabel,
		Direction: direction, BeforeFen: past.AmountFen, AfterFen: d.AmountFen, Lines: string(text)}, err
}

// otherReasons reports whether a condition is answered otherwise than before.
// What the term says is no reason: a replay lifts it.
func otherReasons(before string, after []subsidy.Line) bool {
	var lines []subsidy.Line
	if json.Unmarshal([]byte(before), &lines) != nil {
		return false
	}
	was := map[string]bool{}
	for _, l := range lines {
		was[l.Code] = l.Passed
	}
	for _, l := range after {
		if passed, known := was[l.Code]; known && passed != l.Passed {
			return true
		}
	}
	return false
}

func (w *ruleWork) factsToday(past store.PastCase) (subsidy.Facts, error) {
	asset, err := w.DB.Asset(w.ctx, access.Whole(), past.AssetID)
	if err != nil {
		return subsidy.Facts{}, err
	}
	r, err := w.retirementFor(w.ctx, access.Whole(), past.AssetID)
	return w.facts(asset, r), err
}

// Trial evaluates a program for an asset as it is, or, if it has not retired, as
// if it were scrapped, verified and applied for on a day. Nothing is written.
func (a *App) Trial(ctx context.Context, scope access.Scope, programID, assetID string, day civil.Day, replacement *subsidy.Replacement) (Verdict, error) {
	p, err := a.DB.Program(ctx, scope, programID)
	if err != nil {
		return Verdict{}, err
	}
	asset, err := a.DB.Asset(ctx, scope, assetID)
	if err != nil {
		return Verdict{}, err
	}
	r, err := a.retirementFor(ctx, scope, assetID)
	if err != nil {
		return Verdict{}, err
	}
	f := a.facts(asset, r)
	if f.InCitySince, err = a.inCitySince(ctx, asset); err != nil {
		return Verdict{}, err
	}
	checks, err := a.DB.PreChecks(ctx, asset.ID)
	if err != nil {
		return Verdict{}, err
	}
	f = withChecks(f, checks)
	if day != "" && !day.Valid() {
		return Verdict{}, fault.Field("body.day", "date_invalid", bilingual.F("“%s”不是有效日期", "%q is not a day", day), bilingual.T("请按 2025-12-31 的格式填写", "write it as 2025-12-31"))
	}
	if day != "" {
		f = asIfScrapped(f, day)
	}
	f.Replacement = replacement
	return Verdict{p, p.Evaluate(f)}, nil
}

// CostLine is what one program version has paid for a class in a city, for a
// unit and for a tonne.
type CostLine struct {
	CityCode       string
	Class          string
	ProgramID      string
	ProgramCode    string
	ProgramName    bilingual.Text
	FactorRevision int64
	Units          int64
	AmountFen      money.Fen
	EstimatedFen   money.Fen // of the units whose tonnes are estimated
	NOxG           int64     // a year
	NOxLifetimeG   int64
	FactorMissing  int64
}

// FenPerUnit is the average amount, rounded half up; 0 without units.
func (c CostLine) FenPerUnit() money.Fen { return ratio(int64(c.AmountFen), 1, c.Units) }

// FenPerTonne is the money of the estimated units for a tonne of NOx of a year;
// 0 where there is none.
func (c CostLine) FenPerTonne() money.Fen {
	return ratio(int64(c.EstimatedFen), 1_000_000, c.NOxG)
}

// FenPerLifetimeTonne is the same for the tonnes until the mandatory dates.
func (c CostLine) FenPerLifetimeTonne() money.Fen {
	return ratio(int64(c.EstimatedFen), 1_000_000, c.NOxLifetimeG)
}

// ratio returns a × b / n rounded half up, 0 where n is 0 or the result too large.
func ratio(a, b, n int64) money.Fen {
	if n <= 0 {
		return 0
	}
	fen, _ := subsidy.Ratio(a, b, n)
	return fen
}

// Costs returns what was paid for a unit and for a tonne by city, class, program
// version and factor version.
func (a *App) Costs(ctx context.Context, scope access.Scope, filter EmissionFilter) ([]CostLine, error) {
	with, err := a.factors(ctx, filter.Factors)
	if err != nil {
		return nil, err
	}
	type key struct {
		city, class, program string
		revision             int64
	}
	found := map[key]*CostLine{}
	err = a.DB.EachPaid(ctx, scope, filter.City, filter.Class, func(c store.PaidCase) {
		amounts, revision := with.of(c.Gone)
		k := key{c.CityCode, string(c.Class), c.ProgramID, revision}
		line := found[k]
		if line == nil {
			line = &CostLine{CityCode: c.CityCode, Class: string(c.Class), ProgramID: c.ProgramID, ProgramCode: c.ProgramCode, ProgramName: bilingual.T(c.ProgramNameZH, c.ProgramNameEN), FactorRevision: revision}
			found[k] = line
		}
		line.Units++
		line.AmountFen += c.AmountFen
		if amounts[0].State != emission.Estimated || !c.On.Valid() {
			line.FactorMissing++
			return
		}
		saved := amounts[0].Saved(c.On, c.ScrapDueOn, c.On)
		line.EstimatedFen += c.AmountFen
		line.NOxG += saved.Yearly
		line.NOxLifetimeG += saved.Lifetime
	})
	lines := make([]CostLine, 0, len(found))
	for _, line := range found {
		lines = append(lines, *line)
	}
	slices.SortFunc(lines, func(a, b CostLine) int {
		return cmp.Or(cmp.Compare(a.CityCode, b.CityCode), cmp.Compare(a.Class, b.Class), cmp.Compare(a.ProgramCode, b.ProgramCode), cmp.Compare(a.FactorRevision, b.FactorRevision))
	})
	return lines, err
}
