package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/civil"
	"phaseout/internal/emission"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/target"
)

// standing is everything about an asset that a figure depends on: what it is
// grouped by, the days on which it counts and what its tonnes are reckoned from.
type standing struct {
	CityCode     string
	DistrictCode string
	Class        registry.Class
	Category     string
	Stage        string
	Status       registry.Status
	ScrapDueOn   civil.Day
	Activity     string // of emission.Activity, as JSON; "" for trucks, which need none
	retirement.Counting
}

func standingOf(a *AssetRecord) standing {
	return standing{a.CityCode, a.DistrictCode, a.Class, a.Category, a.Stage, a.Status, a.ScrapDueOn, activityOf(a.Class, a.Fields), a.Counting}
}

// activityOf returns what tonnes are reckoned from of an asset's fields.
func activityOf(class registry.Class, fields map[string]string) string {
	kept := map[string]string{}
	for _, field := range emission.Activity {
		if v := fields[field]; v != "" && class != registry.Truck {
			kept[field] = v
		}
	}
	if len(kept) == 0 {
		return ""
	}
	text, _ := json.Marshal(kept) // of texts: never fails
	return string(text)
}

// entries returns what the standing adds to the kept metrics.
func (s standing) entries() []target.Entry {
	return target.Standing{
		CohortOn: s.CohortOn, HandedInOn: s.HandedInOn, DeclaredOn: s.DeclaredOn, EvidencedOn: s.EvidencedOn, VerifiedOn: s.VerifiedOn,
		ConvertedOn: s.ConvertedOn, MovedOutOn: s.MovedOutOn, HandOverOn: s.HandOverOn, DismantledOn: s.DismantledOn, LeftOn: s.LeftOn,
		WayOut: s.WayOut, CountsAs: s.CountsAs, Review: string(s.Review), EvidenceComplete: s.EvidenceComplete,
		StageUnknown: s.Stage == "unknown" || s.Stage == "", Duplicate: s.Status == registry.Duplicate,
	}.Entries()
}

// StandingRow is how an asset stood from one recording to another.
type StandingRow struct {
	AssetID      string
	FromNo       int64
	ToNo         int64
	Cause        string
	EndCause     string
	Label        string
	CityCode     string
	DistrictCode string
	Class        registry.Class
	Category     string
	Stage        string
	Status       registry.Status
	ScrapDueOn   civil.Day
	Activity     string
	retirement.Counting
}

// TableName is the table of the log of standings.
func (StandingRow) TableName() string { return "standings" }

func (r StandingRow) standing() standing {
	return standing{r.CityCode, r.DistrictCode, r.Class, r.Category, r.Stage, r.Status, r.ScrapDueOn, r.Activity, r.Counting}
}

func formerStanding(a *AssetRecord, to int64, endCause string) StandingRow {
	return StandingRow{
		AssetID: a.ID, FromNo: a.recordedNo, ToNo: to, Cause: a.recordedCause, EndCause: endCause, Label: a.Label,
		CityCode: a.CityCode, DistrictCode: a.DistrictCode, Class: a.Class, Category: a.Category, Stage: a.Stage, Status: a.Status,
		ScrapDueOn: a.ScrapDueOn, Activity: activityOf(a.Class, a.Fields), Counting: a.Counting,
	}
}

// change is what one transaction did to the standing of one asset.
type change struct {
	before *AssetRecord // nil: new
	after  *AssetRecord // nil: removed
	cause  string
}

// mark is the one place where the standing of an asset changes: every method
// that adds, changes, moves or removes an asset calls it before it writes the
// row. before is nil for a new asset, after for a removed one.
func (tx *Tx) mark(before, after *AssetRecord, cause string) {
	if before != nil && after != nil {
		after.recordedNo, after.recordedCause = before.recordedNo, before.recordedCause
		if standingOf(before) == standingOf(after) {
			if c := tx.changed[after.ID]; c != nil {
				c.after = after
			}
			return
		}
	}
	tx.drawNo()
	cause = target.CauseOf(cause)
	id := ""
	if after != nil {
		id = after.ID
		after.recordedNo, after.recordedCause = tx.no, cause
	} else {
		id = before.ID
	}
	c := tx.changed[id]
	if c == nil {
		c = &change{}
		if before != nil {
			was := *before
			c.before = &was
		}
		tx.changed[id] = c
		tx.changes = append(tx.changes, c)
	}
	c.after, c.cause = after, cause
}

func (tx *Tx) drawNo() {
	if tx.no == 0 {
		tx.no = rand.Int64N(1<<62) + 1<<52 // above what the migration gave
	}
}

// NoteKnowledge makes the transaction one that figures as known at an instant
// tell apart, though no asset changes: a target, a definition, a yard or a set
// of factors does. It
// returns the number of its recording.
func (tx *Tx) NoteKnowledge() int64 {
	tx.drawNo()
	return tx.no
}

// recording is one transaction that changed what is counted.
type recording struct {
	No     int64
	AtUs   int64
	Day    civil.Day
	ByName string
}

// flushStandings keeps the former standings and the roll-ups of changes. It is
// the last that a transaction does: whoever holds DB.knowledge waits for no row
// that another transaction may have locked.
// From here to the commit, after which release is to be called, no other
// transaction of this program records and no figure begins to be read
// (DB.knowledge), so that what a figure read is exactly what was recorded up to
// its instant.
func (tx *Tx) flushStandings(changes []*Tx) (release func(), err error) {
	if !slices.ContainsFunc(changes, func(c *Tx) bool { return c.no != 0 }) {
		return func() {}, nil
	}
	tx.store.knowledge.Lock()
	release = tx.store.knowledge.Unlock
	latest, err := find[recording](tx.db, "at_us = (SELECT MAX(at_us) FROM recordings)")
	if err != nil {
		return release, fmt.Errorf("store: read the last recording: %w", err)
	}
	at := max(tx.store.Now().UnixMicro(), tx.store.lastRead.Load()+1)
	if len(latest) > 0 {
		at = max(at, latest[0].AtUs+1)
	}
	var recordings []recording
	var former []StandingRow
	cells := newCells()
	for _, c := range changes {
		if c.no == 0 {
			continue
		}
		r := recording{No: c.no, AtUs: at, Day: civil.On(time.UnixMicro(at)), ByName: c.By.Name}
		at++
		recordings = append(recordings, r)
		former = append(former, c.standings(r, cells)...)
	}
	if err := insertAll(tx, recordings); err != nil {
		if duplicate(err) {
			return release, raced{fmt.Errorf("store: two recordings at one instant: %w", err)}
		}
		return release, fmt.Errorf("store: keep a recording: %w", err)
	}
	if err := insertAll(tx, former); err != nil {
		return release, fmt.Errorf("store: keep former standings: %w", err)
	}
	return release, tx.putCells(cells)
}

// standings counts what a transaction changed into the cells and returns the
// standings that ended with it.
func (tx *Tx) standings(r recording, cells *cells) (former []StandingRow) {
	for _, c := range tx.changes {
		if c.before != nil {
			former = append(former, formerStanding(c.before, tx.no, c.cause))
			cells.add(standingOf(c.before), -1, r.Day, c.cause)
		}
		if c.after != nil {
			cells.add(standingOf(c.after), 1, r.Day, c.cause)
		}
	}
	return former
}

// cell is a cell of the roll-up by area.
type cell struct {
	span, period string
	metric       target.Metric
	city         string
	district     string
	class        registry.Class
}

// fineCell is a cell of the roll-up by what an asset is and how it left.
type fineCell struct {
	span, period    string
	metric          target.Metric
	city            string
	class           registry.Class
	category, stage string
	wayOut, driver  string
}

// dueCell is a cell of the roll-up by the year of scrapping and transport.
type dueCell struct {
	span, period string
	metric       target.Metric
	city         string
	class        registry.Class
	dueYear      int
	operating    bool
}

// logCell is a cell of the log of recorded days.
type logCell struct {
	day            civil.Day
	cause          string
	metric         target.Metric
	month          string
	city, district string
	class          registry.Class
}

// cells are changes of the roll-ups.
type cells struct {
	area map[cell]int64
	fine map[fineCell]int64
	due  map[dueCell]int64
	log  map[logCell]int64
}

func newCells() *cells {
	return &cells{map[cell]int64{}, map[fineCell]int64{}, map[dueCell]int64{}, map[logCell]int64{}}
}

// fineMetrics are kept in the finer roll-ups and in the log as well.
var fineMetrics = map[target.Metric]bool{
	target.Records: true, target.Cohort: true, target.HandedIn: true, target.Declared: true, target.Evidenced: true,
	target.Verified: true, target.Converted: true, target.MovedOut: true,
}

// add counts a standing n times, recorded on a day by a deed.
func (c *cells) add(s standing, n int64, day civil.Day, cause string) {
	for _, e := range s.entries() {
		month, year := "", ""
		if e.Day != "" {
			month, year = string(e.Day[:7]), string(e.Day[:4])
		}
		spans := [3][2]string{{"y", year}, {"m", month}, {"d", string(e.Day)}}
		kept := spans[:]
		switch {
		case e.Day == "":
			kept = spans[:1]
		case e.Metric == target.Cohort:
			kept = spans[:2] // a day of it is read from the rows, which are few and indexed
		}
		for _, span := range kept {
			c.area[cell{span[0], span[1], e.Metric, s.CityCode, s.DistrictCode, s.Class}] += n * e.N
		}
		if !fineMetrics[e.Metric] {
			continue
		}
		for _, span := range kept[:min(len(kept), 2)] {
			c.fine[fineCell{span[0], span[1], e.Metric, s.CityCode, s.Class, s.Category, s.Stage, s.WayOut, s.Driver}] += n * e.N
			c.due[dueCell{span[0], span[1], e.Metric, s.CityCode, s.Class, s.DueYear, s.Operating}] += n * e.N
		}
		c.log[logCell{day, logCause(cause, n), e.Metric, month, s.CityCode, s.DistrictCode, s.Class}] += n * e.N
	}
}

// logCause tells the two ends of a transfer apart, which would otherwise cancel
// out in a city that both gives and takes.
func logCause(cause string, n int64) string {
	if cause != "transfer" {
		return cause
	}
	if n < 0 {
		return "transfer_out"
	}
	return "transfer_in"
}

// putCells adds the changes to the kept cells.
func (tx *Tx) putCells(c *cells) error {
	rows := make([][]any, 0, len(c.area))
	for k, n := range c.area {
		if n != 0 {
			rows = append(rows, []any{k.span, k.period, string(k.metric), k.city, k.district, string(k.class), n})
		}
	}
	if err := tx.upsert("rollup", []string{"span", "period", "metric", "city_code", "district_code", "class"}, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for k, n := range c.fine {
		if n != 0 {
			rows = append(rows, []any{k.span, k.period, string(k.metric), k.city, string(k.class), k.category, k.stage, k.wayOut, k.driver, n})
		}
	}
	if err := tx.upsert("rollup_fine", []string{"span", "period", "metric", "city_code", "class", "category", "stage", "way_out", "driver"}, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for k, n := range c.due {
		if n != 0 {
			rows = append(rows, []any{k.span, k.period, string(k.metric), k.city, string(k.class), k.dueYear, k.operating, n})
		}
	}
	if err := tx.upsert("rollup_due", []string{"span", "period", "metric", "city_code", "class", "due_year", "operating"}, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for k, n := range c.log {
		if n != 0 {
			rows = append(rows, []any{string(k.day), k.cause, string(k.metric), k.month, k.city, k.district, string(k.class), n})
		}
	}
	return tx.upsert("rollup_log", []string{"day", "cause", "metric", "month", "city_code", "district_code", "class"}, rows)
}

// upsert adds to cells, the last value of each row, in one order for all
// transactions, so that two programs on one database cannot deadlock.
func (tx *Tx) upsert(table string, key []string, rows [][]any) error {
	slices.SortFunc(rows, func(a, b []any) int {
		for i := range key {
			if c := compareKeys(a[i], b[i]); c != 0 {
				return c
			}
		}
		return 0
	})
	for len(rows) > 0 {
		some := rows[:tx.store.rowsAtOnce(len(rows))]
		rows = rows[len(some):]
		var text strings.Builder
		text.WriteString("INSERT INTO " + table + " (" + strings.Join(key, ", ") + ", n) VALUES ")
		args := make([]any, 0, len(some)*(len(key)+1))
		for i, row := range some {
			if i > 0 {
				text.WriteString(", ")
			}
			text.WriteByte('(')
			for j := range row {
				if j > 0 {
					text.WriteString(", ")
				}
				text.WriteString(tx.store.placeholder(len(args) + j + 1))
			}
			text.WriteByte(')')
			args = append(args, row...)
		}
		text.WriteString(" ON CONFLICT (" + strings.Join(key, ", ") + ") DO UPDATE SET n = " + table + ".n + excluded.n")
		if err := tx.exec(text.String(), args...); err != nil {
			return fmt.Errorf("store: update the roll-up: %w", err)
		}
	}
	return nil
}

// compareKeys orders two values of one column of a key: texts, years or claims.
func compareKeys(a, b any) int {
	if x, ok := a.(string); ok {
		return strings.Compare(x, b.(string))
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// rebuild counts all roll-ups anew from the rows, if they are marked stale: a
// migration changed what they hold.
func (db *DB) rebuild(ctx context.Context) error {
	var stale bool
	if err := db.read.WithContext(ctx).Raw("SELECT stale FROM rollup_state WHERE id = 1").Scan(&stale).Error; err != nil || !stale {
		return err
	}
	return db.write.WithContext(ctx).Transaction(func(g *gorm.DB) error {
		tx := &Tx{db: g, store: db, ctx: ctx, At: db.Now()}
		for _, table := range []string{"rollup", "rollup_fine", "rollup_due", "rollup_log"} {
			if err := g.Exec("DELETE FROM " + table).Error; err != nil {
				return fmt.Errorf("store: empty %s: %w", table, err)
			}
		}
		cells, err := recount(g)
		if err != nil {
			return err
		}
		if err := tx.putCells(cells); err != nil {
			return err
		}
		return g.Exec("UPDATE rollup_state SET stale = FALSE WHERE id = 1").Error
	})
}

// recount counts every cell from the rows alone.
func recount(q *gorm.DB) (*cells, error) {
	var recordings []recording
	if err := q.Find(&recordings).Error; err != nil {
		return nil, fmt.Errorf("store: read the recordings: %w", err)
	}
	days := make(map[int64]civil.Day, len(recordings))
	for _, r := range recordings {
		days[r.No] = r.Day
	}
	all := newCells()
	once := newCells() // of former standings: what they add to the log, they take from it again
	err := eachStanding(q, "assets", "'' AS end_cause, recorded_no AS from_no, 0 AS to_no, recorded_cause AS cause, id AS asset_id, ", func(r StandingRow) {
		all.add(r.standing(), 1, days[r.FromNo], r.Cause)
	})
	if err == nil {
		err = eachStanding(q, "standings", "end_cause, from_no, to_no, cause, asset_id, ", func(r StandingRow) {
			once.add(r.standing(), 1, days[r.FromNo], r.Cause)
			once.add(r.standing(), -1, days[r.ToNo], r.EndCause)
		})
	}
	for k, n := range once.log {
		all.log[k] += n
	}
	return all, err
}

// standingColumns are those that assets and standings have alike and that
// figures are counted by.
const standingColumns = "label, city_code, district_code, class, category, stage, status, cohort_on, handed_in_on, declared_on, evidenced_on, verified_on, " +
	"converted_on, moved_out_on, way_out, counts_as, driver, review, evidence_complete, hand_over_on, dismantled_on, left_on, due_year, operating"

func eachStanding(q *gorm.DB, table, own string, fn func(StandingRow)) error {
	rows, err := q.Session(&gorm.Session{NewDB: true}).Table(table).Select(own + standingColumns).Rows()
	if err != nil {
		return fmt.Errorf("store: read %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r StandingRow
		if err := rows.Scan(&r.EndCause, &r.FromNo, &r.ToNo, &r.Cause, &r.AssetID, &r.Label, &r.CityCode, &r.DistrictCode, &r.Class, &r.Category, &r.Stage, &r.Status,
			&r.CohortOn, &r.HandedInOn, &r.DeclaredOn, &r.EvidencedOn, &r.VerifiedOn, &r.ConvertedOn, &r.MovedOutOn, &r.WayOut, &r.CountsAs, &r.Driver,
			&r.Review, &r.EvidenceComplete, &r.HandOverOn, &r.DismantledOn, &r.LeftOn, &r.DueYear, &r.Operating); err != nil {
			return fmt.Errorf("store: read %s: %w", table, err)
		}
		fn(r)
	}
	return rows.Err()
}
