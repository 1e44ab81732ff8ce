package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/quality"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// QualityRule is a shipped rule as the installation has set it.
type QualityRule struct {
	Code      string            `json:"code"`
	Name      string            `json:"name"`
	Mend      string            `json:"mend"`
	Dimension quality.Dimension `json:"dimension" enum:"completeness,validity,timeliness,uniqueness"`
	Classes   []registry.Class  `json:"classes" doc:"Empty: all."`
	Enabled   bool              `json:"enabled"`
	Severity  registry.Severity `json:"severity" enum:"error,warning"`
	Owner     string            `json:"owner" enum:"clerk,reviewer,province" doc:"The role that sees to what it finds."`
	Own       *OwnRule          `json:"own,omitempty" doc:"Only of a rule that the installation has made itself."`
	Version   int64             `json:"version" doc:"0 as shipped."`
}

// OwnRule is a rule that the installation makes itself: a record that meets
// every condition is doubtful.
type OwnRule struct {
	Name       Name              `json:"name"`
	Mend       Name              `json:"mend"`
	Dimension  quality.Dimension `json:"dimension" enum:"completeness,validity,timeliness,uniqueness"`
	Classes    []registry.Class  `json:"classes" doc:"Empty: all."`
	Conditions []RuleCondition   `json:"conditions" minItems:"1" maxItems:"8"`
}

// RuleCondition compares a field of a record with a value.
type RuleCondition struct {
	Field string `json:"field" maxLength:"40" doc:"Key of a field of the classes, or status, stage, stage_source, handed_in_on, deregistered_on."`
	Op    string `json:"op" enum:"blank,filled,equals,differs,contains,below,above"`
	Value string `json:"value,omitempty" maxLength:"100"`
}

func (o OwnRule) definition() *quality.Definition {
	d := &quality.Definition{Name: bilingual.T(o.Name.ZH, o.Name.EN), Mend: bilingual.T(o.Mend.ZH, o.Mend.EN), Dimension: o.Dimension, Classes: o.Classes}
	for _, c := range o.Conditions {
		d.Conditions = append(d.Conditions, quality.Condition{Field: c.Field, Op: c.Op, Value: c.Value})
	}
	return d
}

func ownView(text string) *OwnRule {
	var d quality.Definition
	if text == "" || json.Unmarshal([]byte(text), &d) != nil {
		return nil
	}
	o := &OwnRule{Name: nameOf(d.Name), Mend: nameOf(d.Mend), Dimension: d.Dimension, Classes: append([]registry.Class{}, d.Classes...), Conditions: []RuleCondition{}}
	for _, c := range d.Conditions {
		o.Conditions = append(o.Conditions, RuleCondition{c.Field, c.Op, c.Value})
	}
	return o
}

// QualityRun is a run of the rules over the whole stock.
type QualityRun struct {
	ID         string     `json:"id"`
	State      string     `json:"state" enum:"running,done"`
	Done       int64      `json:"done" doc:"Assets looked at so far."`
	Found      int64      `json:"found" doc:"Issues that stand."`
	StartedBy  string     `json:"started_by"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
	Version    int64      `json:"version"`
}

// QualityIssue is what a rule has found about a record.
type QualityIssue struct {
	ID           string            `json:"id"`
	Rule         string            `json:"rule"`
	Name         string            `json:"name"`
	Mend         string            `json:"mend"`
	Dimension    quality.Dimension `json:"dimension"`
	Severity     registry.Severity `json:"severity" enum:"error,warning"`
	AssetID      string            `json:"asset_id"`
	Label        string            `json:"label"`
	Class        registry.Class    `json:"class"`
	CityCode     string            `json:"city_code"`
	DistrictCode string            `json:"district_code,omitempty"`
	Value        string            `json:"value,omitempty"`
	State        string            `json:"state" enum:"open,fixed,accepted"`
	Owner        string            `json:"owner" enum:"clerk,reviewer,province" doc:"The role that sees to it."`
	Note         string            `json:"note,omitempty"`
	DecidedBy    string            `json:"decided_by,omitempty"`
	FirstSeen    time.Time         `json:"first_seen"`
	LastSeen     time.Time         `json:"last_seen"`
	Version      int64             `json:"version"`
}

// CityScore is the score of a city from the last run.
type CityScore struct {
	CityCode   string           `json:"city_code"`
	OverallBP  int64            `json:"overall_bp" doc:"Basis points: 30% completeness, 30% validity, 20% timeliness, 20% uniqueness."`
	Dimensions []DimensionScore `json:"dimensions"`
}

// DimensionScore is how many of the checks of a dimension were passed; the rest
// are the open issues.
type DimensionScore struct {
	Dimension quality.Dimension `json:"dimension" enum:"completeness,validity,timeliness,uniqueness"`
	Good      int64             `json:"good"`
	Total     int64             `json:"total"`
	ShareBP   int64             `json:"share_bp"`
}

// WeekStanding is how the last week of an area stands to the twelve before it.
type WeekStanding struct {
	CityCode     string    `json:"city_code"`
	DistrictCode string    `json:"district_code,omitempty" doc:"Absent for the city as a whole."`
	FromOn       civil.Day `json:"from_on"`
	ToOn         civil.Day `json:"to_on"`
	Before       []int     `json:"before" doc:"Retirements in each of the twelve weeks before, oldest first."`
	Count        int       `json:"count"`
	Median       float64   `json:"median"`
	Limit        float64   `json:"limit" doc:"How far from the median a week may be: three scaled median deviations, at least five."`
	Flag         string    `json:"flag,omitempty" enum:"jump,drought"`
	DeadlineOn   civil.Day `json:"deadline_on,omitempty" doc:"Of a jump: a target of the city falls due on this day, within six weeks of it."`
}

func (s *Server) qualityRoutes() {
	route(s, operation("list-quality-rules", http.MethodGet, "/quality/rules", "quality", "The rules as they are set, the shipped ones first"), s.listQualityRules)
	route(s, changes(operation("update-quality-rule", http.MethodPatch, "/quality/rules/{id}", "quality", "Switch a rule on or off, set its severity and who sees to it, change one of one's own")), s.updateQualityRule)
	add := operation("create-quality-rule", http.MethodPost, "/quality/rules", "quality", "Add a rule of one's own")
	add.DefaultStatus = http.StatusCreated
	route(s, add, s.createQualityRule)
	run := operation("create-quality-run", http.MethodPost, "/quality/runs", "quality", "Run the rules over the whole stock")
	run.DefaultStatus = http.StatusAccepted
	route(s, run, s.createQualityRun)
	latest := operation("get-quality-run", http.MethodGet, "/quality/runs/latest", "quality", "The newest run, 404 before the first")
	latest.Errors = append(latest.Errors, http.StatusNotFound)
	route(s, latest, s.getQualityRun)
	route(s, operation("list-quality-issues", http.MethodGet, "/quality/issues", "quality", "What the rules found, as a work list"), s.listQualityIssues)
	route(s, changes(operation("decide-quality-issue", http.MethodPatch, "/quality/issues/{id}", "quality", "Accept an issue with a reason, or open it again")), s.decideQualityIssue)
	route(s, operation("list-quality-scores", http.MethodGet, "/quality/scores", "quality", "Score of each city from the last run"), s.listQualityScores)
	route(s, operation("list-outliers", http.MethodGet, "/quality/outliers", "quality", "Weeks that stand out from an area's own past"), s.listOutliers)
}

func (s *Server) ruleView(ctx context.Context, r quality.Rule, set map[string]store.QualityRule) QualityRule {
	l := lang(ctx)
	v := QualityRule{Code: r.Code, Name: r.Name.In(l), Mend: r.Mend.In(l), Dimension: r.Dimension, Classes: append([]registry.Class{}, r.Classes...), Enabled: true, Severity: r.Severity, Owner: quality.OwnerOf(r.Dimension)}
	if given, ok := set[r.Code]; ok {
		v.Enabled, v.Severity, v.Version, v.Own = given.Enabled, given.Severity, given.Version, ownView(given.Definition)
		if given.Owner != "" {
			v.Owner = given.Owner
		}
	}
	return v
}

func (s *Server) listQualityRules(ctx context.Context, _ *struct{}) (*listOut[QualityRule], error) {
	set, err := s.db.QualityRules(ctx)
	rules := store.RulesOf(set)
	return listOf(rules, len(rules), func(r quality.Rule) string { return r.Code }, func(r quality.Rule) QualityRule { return s.ruleView(ctx, r, set) }), err
}

func (s *Server) createQualityRule(ctx context.Context, in *struct {
	Keyed
	Body struct {
		Enabled  bool              `json:"enabled"`
		Severity registry.Severity `json:"severity" enum:"error,warning"`
		Owner    string            `json:"owner" enum:"clerk,reviewer,province"`
		Own      OwnRule           `json:"own"`
	}
}) (*created[QualityRule], error) {
	return create(ctx, in.Keyed, "create-quality-rule", in.Body,
		func(ctx context.Context, by access.Actor) (store.QualityRule, error) {
			return s.app.CreateQualityRule(ctx, by, app.RuleSetting{Enabled: in.Body.Enabled, Severity: in.Body.Severity, Owner: in.Body.Owner, Definition: in.Body.Own.definition()})
		},
		func(r store.QualityRule) QualityRule {
			rule, _ := r.Defined()
			return s.ruleView(ctx, rule, map[string]store.QualityRule{r.Code: r})
		}, func(r QualityRule) string { return "/quality/rules/" + r.Code }, func(r QualityRule) int64 { return r.Version })
}

func (s *Server) updateQualityRule(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Enabled  bool              `json:"enabled"`
		Severity registry.Severity `json:"severity" enum:"error,warning"`
		Owner    string            `json:"owner,omitempty" enum:"clerk,reviewer,province"`
		Own      *OwnRule          `json:"own,omitempty"`
	}
}) (*one[QualityRule], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	load := func() (QualityRule, error) {
		set, err := s.db.QualityRules(ctx)
		for _, rule := range store.RulesOf(set) {
			if rule.Code == in.ID {
				return s.ruleView(ctx, rule, set), err
			}
		}
		return QualityRule{}, errors.Join(err, fault.Missing())
	}
	given := app.RuleSetting{Enabled: in.Body.Enabled, Severity: in.Body.Severity, Owner: in.Body.Owner}
	if in.Body.Own != nil {
		given.Definition = in.Body.Own.definition()
	}
	if _, err := s.app.SetQualityRule(ctx, actor(ctx), in.ID, version, given); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := load()
			return v, v.Version, err
		})
	}
	v, err := load()
	return oneOf(v.Version, v), err
}

func runView(r store.QualityRun) QualityRun {
	return QualityRun{r.ID, r.State, r.Done, r.Found, r.StartedByName, r.StartedAt, r.FinishedAt, r.Version}
}

func (s *Server) createQualityRun(ctx context.Context, in *struct{ Keyed }) (*created[QualityRun], error) {
	return create(ctx, in.Keyed, "create-quality-run", nil,
		func(ctx context.Context, by access.Actor) (store.QualityRun, error) {
			return s.app.StartQualityRun(ctx, by)
		},
		runView, func(QualityRun) string { return "/quality/runs/latest" }, func(r QualityRun) int64 { return r.Version })
}

func (s *Server) getQualityRun(ctx context.Context, _ *struct{}) (*one[QualityRun], error) {
	r, err := s.db.QualityRun(ctx, "")
	return oneOf(r.Version, runView(r)), err
}

func issueView(l bilingual.Lang, set map[string]store.QualityRule, i store.QualityIssue) QualityIssue {
	rule, shipped := quality.RuleOf(i.Rule)
	if !shipped {
		rule, _ = set[i.Rule].Defined()
	}
	owner := quality.OwnerOf(i.Dimension)
	if given := set[i.Rule].Owner; given != "" {
		owner = given
	}
	return QualityIssue{Owner: owner, ID: i.ID, Rule: i.Rule, Name: rule.Name.In(l), Mend: rule.Mend.In(l), Dimension: i.Dimension, Severity: i.Severity, AssetID: i.AssetID, Label: i.Label,
		Class: i.Class, CityCode: i.CityCode, DistrictCode: i.DistrictCode, Value: i.Value, State: i.State, Note: i.Note, DecidedBy: i.DecidedBy,
		FirstSeen: i.FirstSeen, LastSeen: i.LastSeen, Version: i.Version}
}

func (s *Server) listQualityIssues(ctx context.Context, in *struct {
	Paging
	City      string `query:"city" pattern:"^\\d{6}$"`
	District  string `query:"district" pattern:"^\\d{6}$"`
	Class     string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	Rule      string `query:"rule" maxLength:"60"`
	Dimension string `query:"dimension" enum:"completeness,validity,timeliness,uniqueness"`
	Severity  string `query:"severity" enum:"error,warning"`
	State     string `query:"state" enum:"open,fixed,accepted"`
}) (*listOut[QualityIssue], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	set, err := s.db.QualityRules(ctx)
	if err != nil {
		return nil, err
	}
	issues, err := s.db.QualityIssues(ctx, actor(ctx).Scope, store.QualityFilter{City: in.City, District: in.District, Class: registry.Class(in.Class), Rule: in.Rule,
		Dimension: quality.Dimension(in.Dimension), Severity: registry.Severity(in.Severity), State: in.State}, page)
	return listOf(issues, in.Limit, func(i store.QualityIssue) string { return i.ID }, func(i store.QualityIssue) QualityIssue { return issueView(lang(ctx), set, i) }), err
}

func (s *Server) decideQualityIssue(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Accept bool   `json:"accept"`
		Note   string `json:"note,omitempty" maxLength:"500"`
	}
}) (*one[QualityIssue], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	set, err := s.db.QualityRules(ctx)
	if err != nil {
		return nil, err
	}
	i, err := s.app.DecideIssue(ctx, actor(ctx), in.ID, version, in.Body.Accept, in.Body.Note)
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			now, err := s.db.QualityIssue(ctx, actor(ctx).Scope, in.ID)
			return issueView(lang(ctx), set, now), now.Version, err
		})
	}
	return oneOf(i.Version, issueView(lang(ctx), set, i)), nil
}

func (s *Server) listQualityScores(ctx context.Context, in *struct {
	Class string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
}) (*listOut[CityScore], error) {
	rows, err := s.db.QualityScores(ctx, actor(ctx).Scope)
	if err != nil {
		return nil, err
	}
	sums := map[string]map[quality.Dimension]quality.Score{}
	for _, r := range rows {
		if in.Class != "" && string(r.Class) != in.Class {
			continue
		}
		if sums[r.CityCode] == nil {
			sums[r.CityCode] = map[quality.Dimension]quality.Score{}
		}
		sum := sums[r.CityCode][r.Dimension]
		sums[r.CityCode][r.Dimension] = quality.Score{Good: sum.Good + r.Good, Total: sum.Total + r.Total}
	}
	var list []CityScore
	for _, city := range s.app.Reference.Cities() {
		scores, counted := sums[city.Code]
		if !counted {
			continue
		}
		v := CityScore{CityCode: city.Code, OverallBP: quality.Overall(scores)}
		for _, d := range quality.Dimensions {
			v.Dimensions = append(v.Dimensions, DimensionScore{d, scores[d].Good, scores[d].Total, scores[d].BasisPoints()})
		}
		list = append(list, v)
	}
	return listOf(list, len(list), func(c CityScore) string { return c.CityCode }, func(c CityScore) CityScore { return c }), nil
}

func (s *Server) listOutliers(ctx context.Context, in *struct {
	AsOf string `query:"as_of" format:"date" doc:"Last day of the week; today if left out."`
}) (*listOut[WeekStanding], error) {
	day := s.app.Today()
	if in.AsOf != "" {
		var err error
		if day, err = civil.Parse(in.AsOf); err != nil {
			return nil, fault.Field("query.as_of", "format", bilingual.T("日期无效", "not a day"), bilingual.T("例如 2025-12-31", "for example 2025-12-31"))
		}
	}
	weeks, err := s.app.Outliers(ctx, actor(ctx).Scope, day)
	return listOf(weeks, len(weeks), func(w app.AreaWeek) string { return w.City + w.District }, func(w app.AreaWeek) WeekStanding {
		return WeekStanding{w.City, w.District, w.From, w.To, w.Before, w.Count, w.Median, w.Limit, w.Flag, w.Deadline}
	}), err
}
