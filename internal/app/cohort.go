package app

import (
	"context"
	"encoding/json"
	"sort"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// JobCohort is the kind of job that tries or applies a cohort rule.
const JobCohort = "cohort"

// cohortChunk is how many assets are tried or moved in one transaction.
const cohortChunk = 500

// CohortCounts says, for each city, how many assets a rule would move: "in",
// "out", or to another "day".
type CohortCounts map[string]map[string]int

// ProposeRule adds the next revision of a class's cohort rule and puts its trial
// on the whole stock into the queue. Nothing of the registry changes.
func (a *App) ProposeRule(ctx context.Context, by access.Actor, rule registry.CohortRule, document string) (store.CohortRule, error) {
	if _, ok := registry.SpecOf(rule.Class); !ok {
		return store.CohortRule{}, fault.Field("body.class", "unknown_value", bilingual.F("“%s”不是类别", "%q is not a class", rule.Class), bilingual.Text{})
	}
	var details []fault.Detail
	for field, message := range a.Reference.Problems(rule) {
		details = append(details, fault.Detail{Location: "body." + field, Code: "unknown_value", Message: message, Mend: bilingual.T("请从该类别的字典中选择", "choose from the dictionaries of the class")})
	}
	if len(details) > 0 {
		sort.Slice(details, func(i, j int) bool { return details[i].Location < details[j].Location })
		return store.CohortRule{}, fault.Fields(details)
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.CohortRule, error) {
		all, err := tx.CohortRules()
		if err != nil {
			return store.CohortRule{}, err
		}
		rule.Code, rule.Revision = a.Reference.Rule(rule.Class).Code, 1
		for _, r := range all {
			if r.Class == rule.Class {
				rule.Revision = max(rule.Revision, r.Revision+1)
			}
		}
		r, err := ruleRow(rule, document, "trying")
		if err != nil {
			return r, err
		}
		if err := tx.CreateCohortRule(&r); err != nil {
			return r, err
		}
		return r, tx.Enqueue(JobCohort, r.ID)
	})
}

func ruleRow(rule registry.CohortRule, document, state string) (store.CohortRule, error) {
	text, err := json.Marshal(rule)
	return store.CohortRule{ID: newID(), Class: rule.Class, Code: rule.Code, Revision: rule.Revision, Rule: string(text), Document: document, State: state}, err
}

// DecideRule accepts a rule that was tried, which moves the assets it moves,
// discards it, or has what failed done again: decision is accept, discard or
// retry. Who proposed it cannot accept it: Denied four_eyes. A rule that failed
// while it was applied cannot be discarded: a part of the stock has moved.
func (a *App) DecideRule(ctx context.Context, by access.Actor, id string, version int64, decision, reason string) (store.CohortRule, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.CohortRule, error) {
		before, err := tx.CohortRule(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		may := map[string]bool{
			"accept":  before.State == "tried",
			"discard": before.State == "tried" || before.State == "trying" || before.FailedWhile == "trying",
			"retry":   before.State == "failed",
		}
		if !may[decision] {
			return before, fault.New(fault.Conflict, "wrong_state", bilingual.F("规则当前状态为 %s，不能执行此操作", "the rule is %s; this cannot be done now", before.State)).
				WithMend("请刷新后查看最新状态", "reload to see its present state").With("state", before.State)
		}
		after := before
		after.Done, after.Problem, after.FailedWhile, after.SeenAt = 0, "", "", nil
		switch {
		case decision == "discard":
			after.State, after.Done = "discarded", before.Done
			return after, tx.UpdateCohortRule(before, &after, reason)
		case decision == "retry":
			after.State = before.FailedWhile
		case before.CreatedBy == by.ID:
			return before, target.FourEyes()
		default:
			after.State = "applying"
		}
		if err := tx.UpdateCohortRule(before, &after, reason); err != nil {
			return before, err
		}
		return after, tx.Enqueue(JobCohort, id)
	})
}

// RunCohort does the work that is due on a cohort rule: the job of its kind.
// What goes wrong ends it as failed, with its reason. It is safe to run again.
func (a *App) RunCohort(ctx context.Context, id string) error {
	r, err := a.DB.CohortRule(ctx, id)
	if err != nil {
		return err
	}
	return a.endedRun(ctx, id, func() error { return a.workRule(ctx, r) }, func(problem string) error {
		return a.failRule(context.WithoutCancel(ctx), id, problem)
	})
}

func (a *App) workRule(ctx context.Context, r store.CohortRule) error {
	rule, err := r.Body()
	if err != nil {
		return err
	}
	by := access.System("cohort rule " + rule.Name())
	switch r.State {
	case "trying":
		return a.tryRule(ctx, by, r, rule)
	case "applying":
		return a.applyRule(ctx, by, r, rule)
	}
	return nil
}

// failRule ends the work on a rule as failed, if it is under way.
func (a *App) failRule(ctx context.Context, id, problem string) error {
	return a.DB.Write(ctx, access.System("cohort rule "+id), func(tx *store.Tx) error {
		before, err := tx.CohortRule(id)
		if err != nil || before.State != "trying" && before.State != "applying" {
			return err
		}
		after := before
		after.State, after.FailedWhile, after.Problem = "failed", before.State, problem
		return tx.UpdateCohortRule(before, &after, "")
	})
}

// saveRule saves the progress of a rule in one transaction with what was done.
func (a *App) saveRule(ctx context.Context, by access.Actor, r *store.CohortRule, change func(*store.Tx, *store.CohortRule) error) error {
	saved, err := write(ctx, a, by, func(tx *store.Tx) (store.CohortRule, error) {
		after := *r
		after.SeenAt = instant(tx.At)
		if err := change(tx, &after); err != nil {
			return after, err
		}
		return after, tx.UpdateCohortRule(*r, &after, "")
	})
	if err == nil {
		*r = saved
	}
	return err
}

func (a *App) tryRule(ctx context.Context, by access.Actor, r store.CohortRule, rule registry.CohortRule) error {
	counts := CohortCounts{}
	if err := a.saveRule(ctx, by, &r, func(tx *store.Tx, after *store.CohortRule) error {
		after.Done = 0
		return tx.ClearCohortMoves(r.ID)
	}); err != nil {
		return err
	}
	page := store.Page{Limit: cohortChunk}
	for {
		assets, err := a.DB.Assets(ctx, by.Scope, store.AssetFilter{Class: rule.Class}, page)
		if err != nil {
			return err
		}
		moves := a.movesUnder(r.ID, rule, assets, counts)
		done := len(assets) < page.Limit
		if err := a.saveRule(ctx, by, &r, func(tx *store.Tx, after *store.CohortRule) error {
			text, err := json.Marshal(counts)
			if err != nil {
				return err
			}
			after.Done, after.Counts = after.Done+int64(len(assets)), string(text)
			if done {
				after.State = "tried"
			}
			return tx.PutCohortMoves(moves)
		}); err != nil || done {
			return err
		}
		page.After = assets[len(assets)-1].ID
	}
}

func (a *App) movesUnder(ruleID string, rule registry.CohortRule, assets []store.AssetRecord, counts CohortCounts) []store.CohortMove {
	var moves []store.CohortMove
	for _, asset := range assets {
		before, _ := a.Reference.Apply(a.Reference.Rule(rule.Class), asset.Asset)
		after, _ := a.Reference.Apply(rule, asset.Asset)
		direction := "day"
		switch {
		case before == after:
			continue
		case before == "":
			direction = "in"
		case after == "":
			direction = "out"
		}
		if counts[asset.CityCode] == nil {
			counts[asset.CityCode] = map[string]int{}
		}
		counts[asset.CityCode][direction]++
		moves = append(moves, store.CohortMove{RuleID: ruleID, AssetID: asset.ID, CityCode: asset.CityCode, DistrictCode: asset.DistrictCode, Label: asset.Label,
			Direction: direction, BeforeOn: before, AfterOn: after})
	}
	return moves
}

// applyRule puts the rule in force for whatever is checked from now on, then
// moves the assets of the stock chunk by chunk, and last replaces the rule
// before. Run again it moves those that are left.
func (a *App) applyRule(ctx context.Context, by access.Actor, r store.CohortRule, rule registry.CohortRule) error {
	a.Reference.SetRules([]registry.CohortRule{rule})
	page := store.Page{Limit: cohortChunk}
	for {
		assets, err := a.DB.Assets(ctx, by.Scope, store.AssetFilter{Class: rule.Class}, page)
		if err != nil {
			return err
		}
		done := len(assets) < page.Limit
		if err := a.saveRule(ctx, by, &r, func(tx *store.Tx, after *store.CohortRule) error {
			after.Done += int64(len(assets))
			if done {
				after.State, after.InForceFrom = "in_force", instant(tx.At)
				if err := replaceRule(tx, rule.Class); err != nil {
					return err
				}
			}
			for n := range assets {
				if err := a.recount(tx, assets[n].ID, rule.Name()); err != nil {
					return err
				}
			}
			return nil
		}); err != nil || done {
			return err
		}
		page.After = assets[len(assets)-1].ID
	}
}

// replaceRule takes the rule that was in force out of it.
func replaceRule(tx *store.Tx, class registry.Class) error {
	all, err := tx.CohortRules()
	if err != nil {
		return err
	}
	for _, before := range all {
		if before.Class == class && before.State == "in_force" {
			after := before
			after.State = "replaced"
			return tx.UpdateCohortRule(before, &after, "")
		}
	}
	return nil
}

// recount computes anew on which days an asset counts.
func (a *App) recount(tx *store.Tx, assetID, rule string) error {
	before, err := tx.Asset(assetID)
	if err != nil {
		return err
	}
	r, err := retirementOf(tx, assetID)
	if err != nil {
		return err
	}
	after := before
	after.Asset = a.cohortAsset(before)
	after.Counting = a.counting(after.Asset, r)
	if after.Counting == before.Counting {
		return nil
	}
	return tx.UpdateAsset(&before, &after, "recount", rule)
}

// seedRules adds the plan's own cohort rules where a class has none.
func seedRules(tx *store.Tx, ref *registry.Reference) error {
	all, err := tx.CohortRules()
	if err != nil {
		return err
	}
	have := map[registry.Class]bool{}
	for _, r := range all {
		have[r.Class] = true
	}
	for _, spec := range registry.Classes() {
		if have[spec.Class] {
			continue
		}
		rule := ref.Rule(spec.Class)
		r, err := ruleRow(rule, rule.Clause.ZH, "in_force")
		if err != nil {
			return err
		}
		r.InForceFrom = instant(tx.At)
		if err := tx.CreateCohortRule(&r); err != nil {
			return err
		}
	}
	return nil
}
