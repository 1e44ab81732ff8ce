package app

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/quality"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// JobQuality is the kind of job that runs the quality rules over the stock.
const JobQuality = "quality"

// qualityChunk is how many assets are looked at in one transaction.
const qualityChunk = 500

// A run is taken up again when it has been under way for this long, and the
// stock is looked at anew when the last run is this old.
const (
	lostRun  = time.Hour
	staleRun = 24 * time.Hour
)

// QualityIsDue starts a run if the last one is a day old.
func (a *App) QualityIsDue(ctx context.Context) error {
	last, err := a.DB.QualityRun(ctx, "")
	if err == nil && last.StartedAt.After(a.DB.Now().Add(-staleRun)) {
		return nil
	}
	if err == nil || fault.Is(err, fault.NotFound) {
		_, err = a.StartQualityRun(ctx, access.System("quality schedule"))
	}
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// StartQualityRun puts a run of the rules over the whole stock into the queue.
func (a *App) StartQualityRun(ctx context.Context, by access.Actor) (store.QualityRun, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.QualityRun, error) {
		// A run whose worker was stopped goes on under its own name.
		if last, err := a.DB.QualityRun(ctx, ""); err == nil && last.State == "running" && last.StartedAt.Before(tx.At.Add(-lostRun)) {
			return last, tx.Enqueue(JobQuality, last.ID)
		}
		r := store.QualityRun{ID: newID()}
		if err := tx.StartQualityRun(&r); err != nil {
			return r, err
		}
		return r, tx.Enqueue(JobQuality, r.ID)
	})
}

// scoreKey is what a score stands for.
type scoreKey struct {
	city      string
	class     registry.Class
	dimension quality.Dimension
}

// RunQuality runs the rules: what is found opens an issue, what a later run no
// longer finds is fixed, what was accepted stays accepted. Safe to run again.
func (a *App) RunQuality(ctx context.Context, id string) error {
	r, err := a.DB.QualityRun(ctx, id)
	if err != nil || r.State != "running" {
		return err
	}
	set, err := a.DB.QualityRules(ctx)
	if err != nil {
		return err
	}
	by := access.System("quality run")
	scores := map[scoreKey]*quality.Score{}
	found := int64(0)
	for last, done := "", int64(0); ; {
		next, err := writeMany(ctx, a, by, func(tx *store.Tx) (store.QualityRun, error) {
			after := r
			subjects, known, err := tx.QualitySubjects(last, qualityChunk)
			if err != nil {
				return after, err
			}
			counted := map[scoreKey]quality.Score{}
			n, err := judge(tx, subjects, known, set, counted)
			if err != nil {
				return after, err
			}
			after.Done, after.Found = done+int64(len(subjects)), found+n
			if len(subjects) < qualityChunk {
				add(scores, counted)
				after.State, after.FinishedAt = "done", instant(tx.At)
				if err := tx.PutQualityScores(scoreRows(scores)); err != nil {
					return after, err
				}
				return after, tx.UpdateQualityRun(r, &after)
			}
			add(scores, counted)
			last = subjects[len(subjects)-1].ID
			return after, tx.UpdateQualityRun(r, &after)
		})
		if err != nil || next.State == "done" {
			return err
		}
		r, done, found = next, next.Done, next.Found
	}
}

func add(scores map[scoreKey]*quality.Score, counted map[scoreKey]quality.Score) {
	for key, c := range counted {
		if scores[key] == nil {
			scores[key] = &quality.Score{}
		}
		scores[key].Good += c.Good
		scores[key].Total += c.Total
	}
}

func scoreRows(scores map[scoreKey]*quality.Score) []store.QualityScore {
	rows := make([]store.QualityScore, 0, len(scores))
	for key, s := range scores {
		rows = append(rows, store.QualityScore{CityCode: key.city, Class: key.class, Dimension: key.dimension, Good: s.Good, Total: s.Total})
	}
	slices.SortFunc(rows, func(x, y store.QualityScore) int {
		return strings.Compare(x.CityCode+string(x.Class)+string(x.Dimension), y.CityCode+string(y.Class)+string(y.Dimension))
	})
	return rows
}

// judge applies the rules to assets, keeps what changed since the last run and
// counts, for each dimension, how many checks were made and passed.
func judge(tx *store.Tx, subjects []quality.Subject, known map[string][]store.QualityIssue, set map[string]store.QualityRule, counted map[scoreKey]quality.Score) (open int64, err error) {
	var fresh []store.QualityIssue
	var again, gone []string
	rules := store.RulesOf(set)
	for _, s := range subjects {
		before := map[string]store.QualityIssue{}
		for _, i := range known[s.ID] {
			before[i.Rule] = i
		}
		for _, rule := range rules {
			was, had := before[rule.Code]
			delete(before, rule.Code)
			value, found := rule.Check(s)
			setting, given := set[rule.Code]
			if given && !setting.Enabled {
				found = false
			}
			switch {
			case !found && had && was.State == "open":
				gone = append(gone, was.ID)
			case found && had && was.State == "fixed":
				again = append(again, was.ID)
			case found && !had:
				severity := rule.Severity
				if given {
					severity = setting.Severity
				}
				fresh = append(fresh, store.QualityIssue{ID: newID(), CityCode: s.CityCode, DistrictCode: s.DistrictCode, Rule: rule.Code, Dimension: rule.Dimension, Severity: severity,
					AssetID: s.ID, Class: s.Class, Label: s.Label, Value: value, State: "open", FirstSeen: tx.At, LastSeen: tx.At, Version: 1})
			}
			if !rule.Applies(s.Class) || !quality.About(rule.Dimension, s) || (given && !setting.Enabled) {
				continue
			}
			key := scoreKey{s.CityCode, s.Class, rule.Dimension}
			c := counted[key]
			c.Total++
			if found && (!had || was.State != "accepted") {
				open++
			} else {
				c.Good++
			}
			counted[key] = c
		}
	}
	if err := tx.PutQualityIssues(fresh); err != nil {
		return open, err
	}
	if err := tx.MoveQualityIssues(again, "open"); err != nil {
		return open, err
	}
	return open, tx.MoveQualityIssues(gone, "fixed")
}

// RuleSetting is how a rule is to be set. Definition is only for a rule that the
// installation has made itself; nil leaves it as it is.
type RuleSetting struct {
	Enabled    bool
	Severity   registry.Severity
	Owner      string
	Definition *quality.Definition
}

// SetQualityRule switches a rule on or off, sets its severity and who sees to
// what it finds, and changes the definition of one that is not shipped.
func (a *App) SetQualityRule(ctx context.Context, by access.Actor, code string, version int64, given RuleSetting) (store.QualityRule, error) {
	set, err := a.DB.QualityRules(ctx)
	if err != nil {
		return store.QualityRule{}, err
	}
	was := set[code]
	if _, shipped := quality.RuleOf(code); !shipped && was.Definition == "" {
		return was, fault.Missing()
	}
	r := store.QualityRule{Code: code, Enabled: given.Enabled, Severity: given.Severity, Owner: given.Owner, Definition: was.Definition}
	if given.Definition != nil {
		if was.Definition == "" {
			return was, fault.New(fault.Conflict, "shipped_rule", bilingual.T("随附规则的条件不能修改", "the conditions of a shipped rule cannot be changed")).
				WithMend("停用它，另建一条规则", "switch it off and make a rule of your own")
		}
		if r.Definition, err = definitionText(*given.Definition); err != nil {
			return was, err
		}
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.QualityRule, error) { return r, tx.SetQualityRule(version, &r) })
}

// CreateQualityRule adds a rule of the installation's own. It is run with the
// next run over the stock.
func (a *App) CreateQualityRule(ctx context.Context, by access.Actor, given RuleSetting) (store.QualityRule, error) {
	text, err := definitionText(*given.Definition)
	if err != nil {
		return store.QualityRule{}, err
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.QualityRule, error) {
		r := store.QualityRule{Code: "own-" + newID(), Enabled: given.Enabled, Severity: given.Severity, Owner: given.Owner, Definition: text}
		return r, tx.SetQualityRule(0, &r)
	})
}

func definitionText(d quality.Definition) (string, error) {
	var details []fault.Detail
	problems := d.Problems()
	for _, at := range slices.Sorted(maps.Keys(problems)) {
		details = append(details, fault.Detail{Location: "body." + at, Code: "invalid", Message: problems[at]})
	}
	if len(details) > 0 {
		return "", fault.Fields(details)
	}
	text, err := json.Marshal(d)
	return string(text), err
}

// DecideIssue accepts an issue with a reason, or opens it again.
func (a *App) DecideIssue(ctx context.Context, by access.Actor, id string, version int64, accept bool, note string) (store.QualityIssue, error) {
	state := "open"
	if accept {
		if state = "accepted"; strings.TrimSpace(note) == "" {
			return store.QualityIssue{}, fault.Field("body.note", "required", bilingual.T("请填写原因", "a reason is needed"), bilingual.T("说明为什么可以接受", "say why it can stay"))
		}
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.QualityIssue, error) {
		return tx.DecideQualityIssue(id, version, state, note)
	})
}

// AreaWeek is how the last week of an area stands to the twelve before it.
// District is "" for the city as a whole.
type AreaWeek struct {
	City, District string
	From, To       civil.Day // the week
	Before         []int     // oldest first
	Deadline       civil.Day // of a jump: the day soon after it on which a target falls due, "" if there is none
	quality.Standing
}

// Outliers compares the week that ends on a day with the twelve before it, for
// each city and district of the scope in which anything was retired.
func (a *App) Outliers(ctx context.Context, scope access.Scope, asOf civil.Day) ([]AreaWeek, error) {
	first := asOf.AddDays(-7 * (quality.Weeks + 1))
	counts, err := a.DB.RetirementsByDay(ctx, scope, first, asOf)
	if err != nil {
		return nil, err
	}
	type area struct{ city, district string }
	weeks := map[area][]int{}
	for _, c := range counts {
		week := 0
		for end := first.AddDays(7); c.DeregisteredOn > end; end = end.AddDays(7) {
			week++
		}
		for _, where := range []area{{c.CityCode, ""}, {c.CityCode, c.DistrictCode}} {
			if where.district == "" && c.DistrictCode != "" && scope.District() != "" {
				continue
			}
			if weeks[where] == nil {
				weeks[where] = make([]int, quality.Weeks+1)
			}
			weeks[where][week] += c.N
			if c.DistrictCode == "" {
				break
			}
		}
	}
	list := make([]AreaWeek, 0, len(weeks))
	for where, n := range weeks {
		w := AreaWeek{City: where.city, District: where.district, From: asOf.AddDays(-6), To: asOf, Before: n[:quality.Weeks], Standing: quality.Stand(n[:quality.Weeks], n[quality.Weeks])}
		if w.Flag == quality.Jump {
			deadlines, err := a.DB.Deadlines(ctx, w.City)
			if err != nil {
				return nil, err
			}
			w.Deadline = quality.NextDeadline(w.From, deadlines)
		}
		list = append(list, w)
	}
	slices.SortFunc(list, func(x, y AreaWeek) int { return strings.Compare(x.City+x.District, y.City+y.District) })
	return list, nil
}
