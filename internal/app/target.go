package app

import (
	"context"
	"slices"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// CreateTarget adds a target of the province.
func (a *App) CreateTarget(ctx context.Context, by access.Actor, t target.Target) (target.Target, error) {
	return write(ctx, a, by, func(tx *store.Tx) (target.Target, error) {
		if err := a.checkTarget(ctx, &t); err != nil {
			return t, err
		}
		t.ID = newID()
		return t, tx.CreateTarget(&t)
	})
}

// ChangeTarget changes a target that is based on the version. A draft is
// changed in place. A target that was in force is never changed: a new revision
// takes its place from ValidFrom on, today if that is not given, and the old one
// goes on to answer for the days before. With the state replaced it only ends.
func (a *App) ChangeTarget(ctx context.Context, by access.Actor, id string, version int64, reason string, change func(*target.Target)) (target.Target, error) {
	return write(ctx, a, by, func(tx *store.Tx) (target.Target, error) {
		before, err := tx.Target(id)
		if err != nil {
			return before, err
		}
		if before.Version != version {
			return before, staleSince(version, before.Version)
		}
		if before.State == "replaced" {
			return before, fault.New(fault.Conflict, "replaced", bilingual.T("该版本已被替换，不能再修改", "this revision was replaced; it stays as it is")).
				WithMend("请修改现行版本", "change the revision that is in force")
		}
		after := before
		after.ValidFrom = ""
		change(&after)
		if err := a.checkTarget(ctx, &after); err != nil {
			return before, err
		}
		if before.State == "draft" {
			if after.State == "in_force" && before.Revision > 1 {
				if after.ValidFrom == "" {
					after.ValidFrom = a.Today()
				}
				if err := a.endRevision(tx, before.Lineage, after.ValidFrom, reason); err != nil {
					return before, err
				}
			}
			return after, tx.UpdateTarget(before, &after, reason)
		}
		from := after.ValidFrom
		if from == "" {
			from = a.Today()
		}
		if after.State != "draft" {
			ended := before
			ended.State, ended.EndedOn = "replaced", from
			if err := tx.UpdateTarget(before, &ended, reason); err != nil || after.State == "replaced" {
				return ended, err
			}
		}
		revisions, err := tx.Revisions(before.Lineage)
		if err != nil {
			return before, err
		}
		after.ID, after.Revision, after.ValidFrom = newID(), 1, from
		for _, r := range revisions {
			after.Revision = max(after.Revision, r.Revision+1)
		}
		return after, tx.CreateTarget(&after)
	})
}

// endRevision ends the revision of a lineage that is in force.
func (a *App) endRevision(tx *store.Tx, lineage string, on civil.Day, reason string) error {
	revisions, err := tx.Revisions(lineage)
	if err != nil {
		return err
	}
	for _, r := range revisions {
		if r.State == "in_force" {
			ended := r
			ended.State, ended.EndedOn = "replaced", on
			return tx.UpdateTarget(r, &ended, reason)
		}
	}
	return nil
}

// checkTarget checks a target and puts its named definitions in place.
func (a *App) checkTarget(ctx context.Context, t *target.Target) error {
	details := t.Check()
	add := func(field string, value any) {
		details = append(details, fault.Detail{Location: "body." + field, Code: "unknown_value",
			Message: bilingual.F("“%v”不存在", "there is no %q", value), Mend: bilingual.T("请从列表中选择", "choose one from the list")})
	}
	if _, ok := registry.SpecOf(t.Class); !ok && (t.Class != "" || t.Measure != "tonnes") {
		add("class", t.Class)
	}
	if r, ok := a.Reference.Region(t.CityCode); !ok || r.Level == "district" {
		add("city_code", t.CityCode)
	}
	definitions, err := a.DB.Definitions(ctx)
	if err != nil {
		return err
	}
	find := func(want target.Definition) (target.Definition, bool) {
		i := slices.IndexFunc(definitions, func(d target.Definition) bool { return d.Code == want.Code && d.Revision == want.Revision })
		if i < 0 {
			return want, false
		}
		return definitions[i], true
	}
	var ok bool
	if t.Definition, ok = find(t.Definition); !ok || t.Definition.ShareBP != nil {
		add("definition_code", t.Definition.Ref())
	} else if t.Definition.State != "in_force" {
		details = append(details, notAccepted("definition_code", t.Definition))
	}
	if t.CohortRule == "" && t.Class != "" {
		t.CohortRule = a.Reference.Rule(t.Class).Name()
	}
	if t.Threshold != nil {
		threshold, ok := find(*t.Threshold)
		switch {
		case !ok || threshold.ShareBP == nil:
			add("threshold_code", threshold.Ref())
		case threshold.State != "in_force":
			details = append(details, notAccepted("threshold_code", threshold))
		}
		t.Threshold = &threshold
	}
	if len(details) > 0 {
		return fault.Fields(details)
	}
	return nil
}

func notAccepted(field string, d target.Definition) fault.Detail {
	return fault.Detail{Location: "body." + field, Code: "not_accepted", Message: bilingual.F("口径 %s 尚未采用", "definition %s is not accepted", d.Ref()),
		Mend: bilingual.T("先试算并采用该口径", "try and accept it first")}
}
