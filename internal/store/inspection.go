package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/inspection"
	"phaseout/internal/photo"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
)

// InspectionDraw is one draw of retirements for cross checks. Seed stays with
// the store until the draw is carried out: show it only then.
type InspectionDraw struct {
	ID             string
	Name           string
	FromOn         civil.Day // first day of the verification of what is in the population
	ToOn           civil.Day
	PerCity        int
	State          string // committed or drawn
	Seed           string
	SeedHash       string
	Beacon         string
	Population     int
	PopulationHash string
	Cities         string
	CreatedBy      string
	CreatedByName  string
	CreatedAt      time.Time
	DrawnBy        string
	DrawnByName    string
	DrawnAt        *time.Time
	Version        int64
}

// TableName is gorm's hook for the table of draws.
func (InspectionDraw) TableName() string { return "inspection_draws" }

// InspectionLine is one retirement in the population of a draw.
type InspectionLine struct {
	ID              string
	DrawID          string
	RetirementID    string
	AssetID         string
	AssetLabel      string
	Class           registry.Class
	CityCode        string
	Recycler        string
	YardID          string
	CertificateNo   string
	HandedInOn      civil.Day
	DismantledOn    civil.Day
	DeregisteredOn  civil.Day
	Weight          int
	Reasons         string // JSON of inspection.Reason
	Chosen          bool
	TeamCity        string
	Result          string // "", ok, discrepancy, not_found
	Note            string
	Photos          int
	InspectedBy     string
	InspectedByName string
	InspectedAt     *time.Time
	Version         int64
}

// TableName is gorm's hook for the table of lines.
func (InspectionLine) TableName() string { return "inspection_lines" }

// Line returns l as the domain draws it.
func (l InspectionLine) Line() inspection.Line {
	return inspection.Line{ID: l.RetirementID, City: l.CityCode, Weight: l.Weight}
}

// ReasonsOf returns why l has its weight.
func (l InspectionLine) ReasonsOf() []inspection.Reason {
	var reasons []inspection.Reason
	_ = json.Unmarshal([]byte(l.Reasons), &reasons) // our own text
	return reasons
}

func drawEvent(action string, d InspectionDraw) Event {
	return Event{Action: action, Entity: "inspection_draw", EntityID: d.ID}
}

// CreateDraw keeps a draw with its frozen population. The event holds what is
// published: the hashes, never the seed.
func (tx *Tx) CreateDraw(d *InspectionDraw, lines []InspectionLine) error {
	d.Version, d.State, d.CreatedBy, d.CreatedByName, d.CreatedAt = 1, "committed", tx.By.ID, tx.By.Name, tx.At
	if err := tx.db.Create(d).Error; err != nil {
		return fmt.Errorf("store: create a draw: %w", err)
	}
	for i := range lines {
		lines[i].ID, lines[i].DrawID, lines[i].Version = uuid.Must(uuid.NewV7()).String(), d.ID, 1
	}
	if err := tx.db.CreateInBatches(lines, 100).Error; err != nil {
		return fmt.Errorf("store: keep the population of a draw: %w", err)
	}
	return tx.Record(drawEvent("commit", *d), nil, map[string]string{"name": d.Name, "seed_hash": d.SeedHash, "population_hash": d.PopulationHash, "population": fmt.Sprint(d.Population)})
}

// CarryOut keeps which lines were drawn and whose team goes there, and shows
// the seed.
func (tx *Tx) CarryOut(before InspectionDraw, beacon string, teams map[string]string) (InspectionDraw, error) {
	after := before
	after.State, after.Beacon, after.DrawnBy, after.DrawnByName, after.DrawnAt, after.Version = "drawn", beacon, tx.By.ID, tx.By.Name, &tx.At, before.Version+1
	res := tx.db.Model(&InspectionDraw{}).Where("id = ? AND version = ? AND state = 'committed'", before.ID, before.Version).
		Select("state", "beacon", "drawn_by", "drawn_by_name", "drawn_at", "version").Updates(&after)
	if err := affect(res, stale()); err != nil {
		return before, err
	}
	byTeam := map[string][]string{}
	for id, team := range teams {
		byTeam[team] = append(byTeam[team], id)
	}
	for team, ids := range byTeam {
		for chunk := range slices.Chunk(ids, 500) {
			err := tx.db.Model(&InspectionLine{}).Where("draw_id = ? AND retirement_id IN ?", before.ID, chunk).Updates(map[string]any{"chosen": true, "team_city": team}).Error
			if err != nil {
				return before, fmt.Errorf("store: assign drawn lines: %w", err)
			}
		}
	}
	return after, tx.Record(drawEvent("draw", after), nil, map[string]string{"seed": after.Seed, "beacon": after.Beacon, "drawn": fmt.Sprint(len(teams))})
}

// Draws returns one page of draws, the newest first. They are the province's.
func (db *DB) Draws(ctx context.Context, p Page) ([]InspectionDraw, error) {
	q := db.read.WithContext(ctx)
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var list []InspectionDraw
	if err := q.Order("id DESC").Limit(p.Limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("store: list draws: %w", err)
	}
	return list, nil
}

// Draw returns a draw, or NotFound.
func (db *DB) Draw(ctx context.Context, id string) (InspectionDraw, error) {
	return loadDraw(db.read.WithContext(ctx), id)
}

// Draw returns a draw, or NotFound.
func (tx *Tx) Draw(id string) (InspectionDraw, error) { return loadDraw(tx.db, id) }

func loadDraw(q *gorm.DB, id string) (InspectionDraw, error) {
	var list []InspectionDraw
	if err := q.Where("id = ?", id).Limit(1).Find(&list).Error; err != nil {
		return InspectionDraw{}, fmt.Errorf("store: read a draw: %w", err)
	}
	if len(list) == 0 {
		return InspectionDraw{}, fault.Missing()
	}
	return list[0], nil
}

// PopulationOf returns all lines of a draw in the order of the retirements' ids.
func (db *DB) PopulationOf(ctx context.Context, d InspectionDraw) ([]InspectionLine, error) {
	return populationOf(db.read.WithContext(ctx), d)
}

// PopulationOf is DB.PopulationOf inside a transaction.
func (tx *Tx) PopulationOf(d InspectionDraw) ([]InspectionLine, error) {
	return populationOf(tx.db, d)
}

func populationOf(q *gorm.DB, d InspectionDraw) ([]InspectionLine, error) {
	var lines []InspectionLine
	if err := q.Where("draw_id = ?", d.ID).Order("retirement_id").Find(&lines).Error; err != nil {
		return nil, fmt.Errorf("store: read the population of a draw: %w", err)
	}
	return lines, nil
}

// drawnFor narrows lines to those that are drawn and that a scope's own team
// inspects; the province sees all that are drawn.
func drawnFor(q *gorm.DB, scope access.Scope) *gorm.DB {
	return inScopeOf(q, scope, "team_city", "").Where("chosen")
}

// LineFilter narrows a list of drawn lines.
type LineFilter struct {
	DrawID string
	Result string // "open" for those without one
	City   string // whose retirement it is
}

// InspectionLines returns one page of the drawn lines that the scope's own team
// inspects, the newest first; the province sees all.
func (db *DB) InspectionLines(ctx context.Context, scope access.Scope, f LineFilter, p Page) ([]InspectionLine, error) {
	q := drawnFor(db.read.WithContext(ctx), scope)
	if f.DrawID != "" {
		q = q.Where("draw_id = ?", f.DrawID)
	}
	if f.City != "" {
		q = q.Where("city_code = ?", f.City)
	}
	switch f.Result {
	case "":
	case "open":
		q = q.Where("result = ''")
	default:
		q = q.Where("result = ?", f.Result)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var lines []InspectionLine
	if err := q.Order("id DESC").Limit(p.Limit).Find(&lines).Error; err != nil {
		return nil, fmt.Errorf("store: list drawn lines: %w", err)
	}
	return lines, nil
}

// InspectionLine returns a drawn line that the scope's own team inspects, or NotFound.
func (db *DB) InspectionLine(ctx context.Context, scope access.Scope, id string) (InspectionLine, error) {
	return loadInspectionLine(db.read.WithContext(ctx), scope, id)
}

// InspectionLine returns a drawn line that the actor's own team inspects, or NotFound.
func (tx *Tx) InspectionLine(id string) (InspectionLine, error) {
	return loadInspectionLine(tx.db, tx.By.Scope, id)
}

func loadInspectionLine(q *gorm.DB, scope access.Scope, id string) (InspectionLine, error) {
	var lines []InspectionLine
	if err := drawnFor(q, scope).Where("id = ?", id).Limit(1).Find(&lines).Error; err != nil {
		return InspectionLine{}, fmt.Errorf("store: read a drawn line: %w", err)
	}
	if len(lines) == 0 {
		return InspectionLine{}, fault.Missing()
	}
	return lines[0], nil
}

// RecordInspection keeps what the team found. The event stands with the team's city.
func (tx *Tx) RecordInspection(before InspectionLine, result, note string) (InspectionLine, error) {
	after := before
	after.Result, after.Note, after.InspectedBy, after.InspectedByName, after.InspectedAt, after.Version = result, note, tx.By.ID, tx.By.Name, &tx.At, before.Version+1
	res := drawnFor(tx.db.Model(&InspectionLine{}), tx.By.Scope).Where("id = ? AND version = ?", before.ID, before.Version).
		Select("result", "note", "inspected_by", "inspected_by_name", "inspected_at", "version").Updates(&after)
	if err := affect(res, stale()); err != nil {
		return before, err
	}
	return after, tx.Record(Event{Action: "inspect", Entity: "inspection_line", EntityID: after.ID, CityCode: after.TeamCity, Reason: note}, map[string]string{"result": before.Result}, map[string]string{"result": result})
}

// AddInspectionPhoto puts a photo of the team on the record that it inspects.
// The file is the record's city's; the line was read in the team's scope.
func (tx *Tx) AddInspectionPhoto(line InspectionLine, f *File) (AssetRecord, error) {
	a, err := loadAsset(tx.db, access.Whole(), line.AssetID, civil.On(tx.At))
	if err != nil {
		return a, err
	}
	f.ID, f.AssetID, f.CityCode, f.DistrictCode, f.RetirementID = uuid.Must(uuid.NewV7()).String(), a.ID, a.CityCode, a.DistrictCode, line.RetirementID
	if err := tx.AddFile(f); err != nil {
		return a, err
	}
	res := drawnFor(tx.db.Model(&InspectionLine{}), tx.By.Scope).Where("id = ?", line.ID).Update("photos", gorm.Expr("photos + 1"))
	return a, affect(res, fault.Missing())
}

// Verified is a retirement as a draw looks at it.
type Verified struct {
	retirementRow
	Facts inspection.Facts
}

// Population returns the retirements that were verified within the days, with
// what is known of them. It is the province's to ask.
func (tx *Tx) Population(from, to civil.Day) ([]Verified, error) {
	var rows []retirementRow
	start, end := from.Start(), to.AddDays(1).Start()
	err := inScope(tx.db, tx.By.Scope, true).Where("state = 'verified' AND NOT withdrawn AND verified_at >= ? AND verified_at < ?", start, end).Order("id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: list the population of a draw: %w", err)
	}
	list := make([]Verified, len(rows))
	byAsset := map[string]int{}
	assets := make([]string, len(rows))
	for i, r := range rows {
		list[i] = Verified{retirementRow: r}
		list[i].Facts.NoYard = r.YardID == "" && r.Recycler != ""
		for _, item := range strings.Split(r.Waived, ",") {
			if strings.Trim(item, `[]" `) != "" {
				list[i].Facts.Waivers++
			}
		}
		byAsset[r.AssetID], assets[i] = i, r.AssetID
	}
	type counted struct {
		Key string
		N   int
		M   int
	}
	for chunk := range slices.Chunk(assets, 500) {
		var matches []counted
		if err := tx.db.Model(&PhotoMatch{}).Where("asset_id IN ?", chunk).Select("asset_id AS key, COUNT(*) AS n").Group("asset_id").Find(&matches).Error; err != nil {
			return nil, fmt.Errorf("store: count matches: %w", err)
		}
		for _, c := range matches {
			list[byAsset[c.Key]].Facts.PhotoMatches = c.N
		}
		if err := tx.noteShots(chunk, list, byAsset); err != nil {
			return nil, err
		}
		if err := tx.noteUndated(chunk, list, byAsset); err != nil {
			return nil, err
		}
	}
	var yards []counted
	err = tx.db.Model(&InspectionLine{}).Where("result <> '' AND yard_id <> ''").Select("yard_id AS key, COUNT(*) AS n, SUM(CASE WHEN result <> 'ok' THEN 1 ELSE 0 END) AS m").
		Group("yard_id").Find(&yards).Error
	if err != nil {
		return nil, fmt.Errorf("store: read earlier inspections: %w", err)
	}
	history := map[string]counted{}
	for _, y := range yards {
		history[y.Key] = y
	}
	for i := range list {
		h := history[list[i].YardID]
		list[i].Facts.YardInspected, list[i].Facts.YardFindings = h.N, h.M
	}
	return list, nil
}

// shotRow is a photo of an asset with what it says of itself.
type shotRow struct {
	AssetID string
	Kind    string
	Refused bool
	PhotoFacts
}

// noteShots counts in the facts of retirements the photos that cannot be what
// they are said to be, and those that do not say when they were taken. What
// other cities' teams took on an inspection is not theirs to answer for.
func (tx *Tx) noteShots(assets []string, list []Verified, byAsset map[string]int) error {
	var rows []shotRow
	err := tx.db.Table("photo_facts").Joins("JOIN files ON files.id = photo_facts.file_id").
		Where("files.asset_id IN ? AND files.kind LIKE 'photo%' AND files.kind <> 'photo_inspection'", assets).
		Select("files.asset_id, files.kind, files.refused, photo_facts.*").Order("files.id").Find(&rows).Error
	if err != nil {
		return fmt.Errorf("store: read photos: %w", err)
	}
	registered, places, err := tx.whenAndWhere(assets, list, byAsset)
	if err != nil {
		return err
	}
	shots := map[string][]photo.Shot{}
	for _, row := range rows {
		v := list[byAsset[row.AssetID]]
		spec, _ := registry.SpecOf(v.Class)
		way, _ := retirement.WayOf(spec, v.WayOut)
		shots[row.AssetID] = append(shots[row.AssetID], photo.Shot{Facts: row.Facts(), Stage: way.PhaseOf(row.Kind), Refused: row.Refused})
	}
	for asset, own := range shots {
		v := &list[byAsset[asset]]
		place := places[v.YardID]
		for _, doubts := range photo.DoubtsOf(own, photo.Circumstances{Today: civil.On(tx.At), RegisteredOn: registered[asset], HandedInOn: v.HandedInOn,
			DismantledOn: v.DismantledOn, YardLatE6: place.LatE6, YardLonE6: place.LonE6}) {
			if photo.IsGrave(doubts) {
				v.Facts.GraveDoubts++
			}
			if photo.IsStripped(doubts) {
				v.Facts.NoMetadata++
			}
		}
	}
	return nil
}

// noteUndated counts in the facts of retirements what had to be there before a
// step whose day they leave out.
func (tx *Tx) noteUndated(assets []string, list []Verified, byAsset map[string]int) error {
	var rows []File
	err := tx.db.Where("asset_id IN ? AND NOT refused AND kind LIKE 'photo%'", assets).Select("id", "asset_id", "kind").Find(&rows).Error
	if err != nil {
		return fmt.Errorf("store: read kinds of photos: %w", err)
	}
	files := map[string][]File{}
	for _, f := range rows {
		files[f.AssetID] = append(files[f.AssetID], f)
	}
	for _, asset := range assets {
		v := &list[byAsset[asset]]
		r := v.retirement()
		spec, _ := registry.SpecOf(r.Class)
		way, _ := retirement.WayOf(spec, r.WayOut)
		items, _ := r.EvidenceOf(way, FilesByKind(files[asset]))
		v.Facts.Undated = len(r.Undated(items))
	}
	return nil
}

// whenAndWhere returns the day on which each asset was registered, and the
// yards that took them.
func (tx *Tx) whenAndWhere(assets []string, list []Verified, byAsset map[string]int) (map[string]civil.Day, map[string]yardRow, error) {
	var dated []struct {
		ID           string
		RegisteredOn civil.Day
	}
	if err := inScope(tx.db.Table("assets"), tx.By.Scope, true).Where("id IN ?", assets).Select("id, registered_on").Find(&dated).Error; err != nil {
		return nil, nil, fmt.Errorf("store: read assets: %w", err)
	}
	registered := map[string]civil.Day{}
	for _, a := range dated {
		registered[a.ID] = a.RegisteredOn
	}
	var ids []string
	for _, a := range assets {
		ids = append(ids, list[byAsset[a]].YardID)
	}
	slices.Sort(ids)
	var yards []yardRow
	if err := tx.db.Where("id IN ?", slices.Compact(ids)).Find(&yards).Error; err != nil { // where a yard is is public
		return nil, nil, fmt.Errorf("store: read yards: %w", err)
	}
	places := map[string]yardRow{}
	for _, y := range yards {
		places[y.ID] = y
	}
	return registered, places, nil
}

// Line returns v as a line of a draw with its weight and the reasons for it.
func (v Verified) Line() (InspectionLine, error) {
	weight, reasons := inspection.Weigh(v.Facts)
	text, err := jsonText(reasons)
	return InspectionLine{RetirementID: v.ID, AssetID: v.AssetID, AssetLabel: v.AssetLabel, Class: v.Class, CityCode: v.CityCode, Recycler: v.Recycler, YardID: v.YardID,
		CertificateNo: v.CertificateNo, HandedInOn: v.HandedInOn, DismantledOn: v.DismantledOn, DeregisteredOn: v.DeregisteredOn, Weight: weight, Reasons: text}, err
}

// HasYard returns the yard of v and the day of its certificate.
func (v Verified) HasYard() (yardID string, on civil.Day) { return v.YardID, v.HandedInOn }

// EachDraw calls fn for every draw that was carried out, with its population.
func (db *DB) EachDraw(ctx context.Context, fn func(InspectionDraw, []InspectionLine) error) error {
	var draws []InspectionDraw
	if err := db.read.WithContext(ctx).Order("id").Find(&draws).Error; err != nil {
		return fmt.Errorf("store: list draws: %w", err)
	}
	for _, d := range draws {
		lines, err := db.PopulationOf(ctx, d)
		if err != nil {
			return err
		}
		if err := fn(d, lines); err != nil {
			return err
		}
	}
	return nil
}

// CertificateStanding returns how a certificate stands over the whole province:
// valid with the day of its verification, withdrawn with the day of that, or
// unknown. It says nothing else.
func (db *DB) CertificateStanding(ctx context.Context, key string) (state string, on civil.Day, err error) {
	var rows []retirementRow
	if key != "" {
		err = db.read.WithContext(ctx).Where("certificate_key = ? AND certificate_key <> ''", key).Order("id DESC").Limit(20).Find(&rows).Error
	}
	if err != nil {
		return "", "", fmt.Errorf("store: look a certificate up: %w", err)
	}
	state = "unknown"
	for _, r := range rows {
		switch {
		case r.State == "verified" && !r.Withdrawn && r.VerifiedAt != nil:
			return "valid", civil.On(*r.VerifiedAt), nil
		case r.Withdrawn && r.WithdrawnAt != nil && state == "unknown":
			state, on = "withdrawn", civil.On(*r.WithdrawnAt)
		}
	}
	return state, on, nil
}
