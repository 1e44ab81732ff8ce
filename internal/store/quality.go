package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/quality"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
)

// QualityRule is how an installation has set a rule, or one of its own.
type QualityRule struct {
	Code       string `gorm:"primaryKey"`
	Enabled    bool
	Severity   registry.Severity
	Owner      string // role that sees to it, "" for the shipped one
	Definition string // quality.Definition as JSON, "" for a shipped rule
	Version    int64
}

// Defined returns the rule that the installation has made itself, false for a
// shipped one.
func (r QualityRule) Defined() (quality.Rule, bool) {
	var d quality.Definition
	if r.Definition == "" || json.Unmarshal([]byte(r.Definition), &d) != nil {
		return quality.Rule{}, false // written by ourselves
	}
	return d.Rule(r.Code, r.Severity), true
}

// QualityRun is one run of the rules over the whole stock.
type QualityRun struct {
	ID            string
	State         string // running or done
	Done          int64
	Found         int64
	StartedBy     string
	StartedByName string
	StartedAt     time.Time
	FinishedAt    *time.Time
	Version       int64
}

// QualityIssue is what a rule has found about an asset.
type QualityIssue struct {
	ID           string
	CityCode     string
	DistrictCode string
	Rule         string
	Dimension    quality.Dimension
	Severity     registry.Severity
	AssetID      string
	Class        registry.Class
	Label        string
	Value        string
	State        string // open, fixed or accepted
	Note         string
	DecidedBy    string
	FirstSeen    time.Time
	LastSeen     time.Time
	Version      int64
}

// QualityScore is the checks that the last run made in a city, class and
// dimension.
type QualityScore struct {
	CityCode  string
	Class     registry.Class
	Dimension quality.Dimension
	Good      int64
	Total     int64
}

// QualityRules returns how the rules are set; one that was never set is not in it.
func (db *DB) QualityRules(ctx context.Context) (map[string]QualityRule, error) {
	var rows []QualityRule
	if err := db.read.WithContext(ctx).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: read quality rules: %w", err)
	}
	set := map[string]QualityRule{}
	for _, r := range rows {
		set[r.Code] = r
	}
	return set, nil
}

// RulesOf returns the shipped rules and then those of the installation.
func RulesOf(set map[string]QualityRule) []quality.Rule {
	rules := slices.Clone(quality.Rules)
	for _, code := range slices.Sorted(maps.Keys(set)) {
		if own, ok := set[code].Defined(); ok {
			rules = append(rules, own)
		}
	}
	return rules
}

// SetQualityRule changes how a rule is set; version 0 is the shipped setting or
// a rule that is new.
func (tx *Tx) SetQualityRule(version int64, r *QualityRule) error {
	r.Version = version + 1
	res := tx.db.Model(&QualityRule{}).Where("code = ? AND version = ?", r.Code, version).Select("enabled", "severity", "owner", "definition", "version").Updates(r)
	if version == 0 {
		res = tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(r)
	}
	if err := affect(res, stale()); err != nil {
		return err
	}
	return tx.Record(Event{Action: "update", Entity: "quality_rule", EntityID: r.Code}, nil, map[string]any{"enabled": r.Enabled, "severity": r.Severity, "owner": r.Owner, "definition": r.Definition})
}

// StartQualityRun adds a run; while one is under way it fails with Conflict.
func (tx *Tx) StartQualityRun(r *QualityRun) error {
	r.State, r.Version, r.StartedAt, r.StartedBy, r.StartedByName = "running", 1, tx.At, tx.By.ID, tx.By.Name
	err := tx.db.Create(r).Error
	if duplicate(err) {
		return fault.New(fault.Conflict, "running", bilingual.T("正在检查，请稍候", "a run is under way")).WithMend("完成后再发起", "start another when it is done")
	}
	if err != nil {
		return fmt.Errorf("store: start a quality run: %w", err)
	}
	return tx.Record(Event{Action: "run", Entity: "quality", EntityID: r.ID}, nil, nil)
}

// UpdateQualityRun replaces before by after if nobody changed it since.
func (tx *Tx) UpdateQualityRun(before QualityRun, after *QualityRun) error {
	after.Version = before.Version + 1
	res := tx.db.Model(&QualityRun{}).Where("id = ? AND version = ?", before.ID, before.Version).Select("state", "done", "found", "finished_at", "version").Updates(after)
	return affect(res, stale())
}

// QualityRun returns a run, the newest for "", or NotFound.
func (db *DB) QualityRun(ctx context.Context, id string) (QualityRun, error) {
	q := db.read.WithContext(ctx).Order("id DESC").Limit(1)
	if id != "" {
		q = q.Where("id = ?", id)
	}
	var runs []QualityRun
	if err := q.Find(&runs).Error; err != nil {
		return QualityRun{}, fmt.Errorf("store: read a quality run: %w", err)
	}
	if len(runs) == 0 {
		return QualityRun{}, fault.Missing()
	}
	return runs[0], nil
}

// QualitySubjects returns the next assets after an id as the rules see them,
// with their issues; closed duplicates are left out.
func (tx *Tx) QualitySubjects(after string, limit int) ([]quality.Subject, map[string][]QualityIssue, error) {
	var rows []assetRow
	if err := tx.db.Where("id > ? AND status <> ?", after, registry.Duplicate).Order("id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, nil, fmt.Errorf("store: read assets: %w", err)
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	var retired []retirementRow
	var issues []QualityIssue
	var alike []string
	for chunk := range slices.Chunk(ids, 500) {
		var some []retirementRow
		var found []QualityIssue
		var pairs []Pair
		if err := tx.db.Where("asset_id IN ? AND NOT withdrawn", chunk).Find(&some).Error; err != nil {
			return nil, nil, fmt.Errorf("store: read retirements: %w", err)
		}
		if err := tx.db.Where("asset_id IN ?", chunk).Find(&found).Error; err != nil {
			return nil, nil, fmt.Errorf("store: read quality issues: %w", err)
		}
		if err := tx.db.Where("state = 'open' AND (asset_a IN ? OR asset_b IN ?)", chunk, chunk).Find(&pairs).Error; err != nil {
			return nil, nil, fmt.Errorf("store: read pairs: %w", err)
		}
		retired, issues = append(retired, some...), append(issues, found...)
		for _, p := range pairs {
			alike = append(alike, p.AssetA, p.AssetB)
		}
	}
	byAsset := map[string][]QualityIssue{}
	for _, i := range issues {
		byAsset[i.AssetID] = append(byAsset[i.AssetID], i)
	}
	today := civil.On(tx.At)
	subjects := make([]quality.Subject, len(rows))
	at := map[string]int{}
	for n, r := range rows {
		rec, err := r.record(today)
		if err != nil {
			return nil, nil, err
		}
		subjects[n], at[r.ID] = quality.Subject{Asset: rec.Asset, Today: today}, n
	}
	for _, r := range retired {
		s := &subjects[at[r.AssetID]]
		s.HandedInOn, s.DeregisteredOn, s.EnteredOn, s.Verified = r.HandedInOn, r.DeregisteredOn, civil.On(r.DeclaredAt), r.State == retirement.Verified
	}
	for _, id := range alike {
		if n, here := at[id]; here {
			subjects[n].Alike = true
		}
	}
	return subjects, byAsset, nil
}

// PutQualityIssues adds what a run has found for the first time.
func (tx *Tx) PutQualityIssues(issues []QualityIssue) error {
	if err := insertAll(tx, issues); err != nil {
		return fmt.Errorf("store: keep quality issues: %w", err)
	}
	return nil
}

// MoveQualityIssues sets the state of issues that a run found again, or no longer.
func (tx *Tx) MoveQualityIssues(ids []string, state string) error {
	for chunk := range slices.Chunk(ids, 500) {
		err := tx.db.Model(&QualityIssue{}).Where("id IN ?", chunk).Updates(map[string]any{"state": state, "last_seen": tx.At, "version": gorm.Expr("version + 1")}).Error
		if err != nil {
			return fmt.Errorf("store: move quality issues: %w", err)
		}
	}
	return nil
}

// DecideQualityIssue accepts an issue, or opens it again.
func (tx *Tx) DecideQualityIssue(id string, version int64, state, note string) (QualityIssue, error) {
	var issues []QualityIssue
	if err := inScope(tx.db, tx.By.Scope, true).Where("id = ?", id).Limit(1).Find(&issues).Error; err != nil {
		return QualityIssue{}, fmt.Errorf("store: read a quality issue: %w", err)
	}
	if len(issues) == 0 {
		return QualityIssue{}, fault.Missing()
	}
	before := issues[0]
	if before.Version != version {
		return before, stale()
	}
	after := before
	after.State, after.Note, after.DecidedBy, after.Version = state, note, tx.By.Name, version+1
	res := tx.db.Model(&QualityIssue{}).Where("id = ? AND version = ?", id, version).Select("state", "note", "decided_by", "version").Updates(&after)
	if err := affect(res, stale()); err != nil {
		return before, err
	}
	return after, tx.Record(Event{Action: "decide", Entity: "quality_issue", EntityID: id, AssetID: before.AssetID, CityCode: before.CityCode, DistrictCode: before.DistrictCode, Reason: note},
		map[string]string{"state": before.State}, map[string]string{"state": state, "rule": before.Rule})
}

// QualityIssue returns an issue of the scope, or NotFound.
func (db *DB) QualityIssue(ctx context.Context, scope access.Scope, id string) (QualityIssue, error) {
	var issues []QualityIssue
	if err := inScope(db.read.WithContext(ctx), scope, true).Where("id = ?", id).Limit(1).Find(&issues).Error; err != nil {
		return QualityIssue{}, fmt.Errorf("store: read a quality issue: %w", err)
	}
	if len(issues) == 0 {
		return QualityIssue{}, fault.Missing()
	}
	return issues[0], nil
}

// QualityFilter narrows a list of issues.
type QualityFilter struct {
	City, District, Rule, State string
	Class                       registry.Class
	Dimension                   quality.Dimension
	Severity                    registry.Severity
}

// QualityIssues returns one page of issues of the scope.
func (db *DB) QualityIssues(ctx context.Context, scope access.Scope, f QualityFilter, p Page) ([]QualityIssue, error) {
	q := inScope(db.read.WithContext(ctx), scope, true).Where("id > ?", p.After)
	for column, value := range map[string]string{"city_code": f.City, "district_code": f.District, "rule": f.Rule, "state": f.State, "class": string(f.Class),
		"dimension": string(f.Dimension), "severity": string(f.Severity)} {
		if value != "" {
			q = q.Where(column+" = ?", value)
		}
	}
	var issues []QualityIssue
	if err := q.Order("id").Limit(p.Limit).Find(&issues).Error; err != nil {
		return nil, fmt.Errorf("store: list quality issues: %w", err)
	}
	return issues, nil
}

// PutQualityScores replaces the scores by those of a run.
func (tx *Tx) PutQualityScores(scores []QualityScore) error {
	if err := tx.db.Where("1 = 1").Delete(&QualityScore{}).Error; err != nil {
		return fmt.Errorf("store: replace scores: %w", err)
	}
	if err := insertAll(tx, scores); err != nil {
		return fmt.Errorf("store: replace scores: %w", err)
	}
	return nil
}

// QualityScores returns the scores of the last run in the scope's city.
func (db *DB) QualityScores(ctx context.Context, scope access.Scope) ([]QualityScore, error) {
	var scores []QualityScore
	q := db.read.WithContext(ctx).Order("city_code, class, dimension")
	if city := scope.City(); city != "" {
		q = inScope(q, access.ScopeOf(city), false)
	} else {
		q = inScope(q, scope, false)
	}
	if err := q.Find(&scores).Error; err != nil {
		return nil, fmt.Errorf("store: read scores: %w", err)
	}
	return scores, nil
}

// DayCount is how many retirements an area deregistered on a day.
type DayCount struct {
	CityCode       string
	DistrictCode   string
	DeregisteredOn civil.Day
	N              int
}

// RetirementsByDay counts the retirements of the scope by the day of their
// deregistration, from a day on up to another.
func (db *DB) RetirementsByDay(ctx context.Context, scope access.Scope, from, to civil.Day) ([]DayCount, error) {
	var counts []DayCount
	err := inScope(db.read.WithContext(ctx).Table("retirements"), scope, true).Where("deregistered_on > ? AND deregistered_on <= ? AND NOT withdrawn", from, to).
		Select("city_code, district_code, deregistered_on, COUNT(*) AS n").Group("city_code, district_code, deregistered_on").Find(&counts).Error
	if err != nil {
		return nil, fmt.Errorf("store: count retirements: %w", err)
	}
	return counts, nil
}
