package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/target"
)

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
		if err := g.Exec("UPDATE recordings SET pending = 0 WHERE pending > 0").Error; err != nil {
			return fmt.Errorf("store: nothing is pending: %w", err)
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
	err := eachStanding(q, "assets", assetStanding, func(r StandingRow) {
		all.add(r.standing(), 1, days[r.FromNo], r.Cause)
	})
	if err == nil {
		err = eachStanding(q, "standings", formerStandingColumns, func(r StandingRow) {
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

// What the two tables say of a standing beside that.
const (
	assetStanding         = "'' AS end_cause, recorded_no AS from_no, 0 AS to_no, recorded_cause AS cause, id AS asset_id, "
	formerStandingColumns = "end_cause, from_no, to_no, cause, asset_id, "
)

func eachStanding(q *gorm.DB, table, own string, fn func(StandingRow)) error {
	return scanStandings(q.Session(&gorm.Session{NewDB: true}).Table(table).Select(own+standingColumns), fn)
}

func scanStandings(q *gorm.DB, fn func(StandingRow)) error {
	rows, err := q.Rows()
	if err != nil {
		return fmt.Errorf("store: read standings: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r StandingRow
		if err := rows.Scan(&r.EndCause, &r.FromNo, &r.ToNo, &r.Cause, &r.AssetID, &r.Label, &r.CityCode, &r.DistrictCode, &r.Class, &r.Category, &r.Stage, &r.Status,
			&r.CohortOn, &r.HandedInOn, &r.DeclaredOn, &r.EvidencedOn, &r.VerifiedOn, &r.ConvertedOn, &r.MovedOutOn, &r.WayOut, &r.CountsAs, &r.Driver,
			&r.Review, &r.EvidenceComplete, &r.HandOverOn, &r.DismantledOn, &r.LeftOn, &r.DueYear, &r.Operating); err != nil {
			return fmt.Errorf("store: read standings: %w", err)
		}
		fn(r)
	}
	return rows.Err()
}
