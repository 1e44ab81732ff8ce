package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/target"
)

// Dim is something that figures can be grouped by.
type Dim string

// The dimensions. From the category on they are in no roll-up by district.
const (
	ByCity     Dim = "city"
	ByDistrict Dim = "district"
	ByClass    Dim = "class"
	ByCategory Dim = "category"
	ByStage    Dim = "stage"
	ByWayOut   Dim = "way_out"
	ByDriver   Dim = "driver"
	// What the province splits retirements by: in a roll-up of their own.
	ByDueYear   Dim = "due_year"
	ByOperating Dim = "operating"
)

var dimColumn = map[Dim]string{
	ByCity: "city_code", ByDistrict: "district_code", ByClass: "class", ByCategory: "category", ByStage: "stage", ByWayOut: "way_out", ByDriver: "driver",
	ByDueYear: "due_year", ByOperating: "operating",
}

// Group is the line of a grouped figure; what it is not grouped by is "".
type Group struct {
	CityCode     string
	DistrictCode string
	Class        registry.Class
	Category     string
	Stage        string
	WayOut       string
	Driver       string
	DueYear      int
	Operating    bool
}

func (g *Group) field(d Dim) any {
	switch d {
	case ByCity:
		return &g.CityCode
	case ByDistrict:
		return &g.DistrictCode
	case ByClass:
		return &g.Class
	case ByCategory:
		return &g.Category
	case ByStage:
		return &g.Stage
	case ByWayOut:
		return &g.WayOut
	case ByDueYear:
		return &g.DueYear
	case ByOperating:
		return &g.Operating
	default:
		return &g.Driver
	}
}

// NoDistrict is the filter for assets that no district is known of.
const NoDistrict = "none"

// NoYear is the filter for assets that no year of scrapping is known of.
const NoYear = "none"

// CountFilter narrows figures. Empty members do not narrow; NoWay as WayOut or
// Driver finds assets that have none.
type CountFilter struct {
	City       string
	District   string
	Class      registry.Class
	Category   string
	Stage      string
	WayOut     string
	Driver     string
	DueYear    string // year of mandatory scrapping of a retired asset; NoYear: nobody knows
	Operating  string // "true" or "false": retired from commercial transport or not
	ByDistrict bool   // of CountsOn
}

func (f CountFilter) narrow(q *gorm.DB) *gorm.DB {
	for _, e := range []struct{ column, value string }{
		{"city_code", f.City}, {"class", string(f.Class)}, {"category", f.Category}, {"stage", f.Stage}, {"way_out", f.WayOut}, {"driver", f.Driver},
	} {
		if e.value != "" {
			q = q.Where(e.column+" = ?", strings.TrimPrefix(e.value, "none"))
		}
	}
	if f.District != "" {
		q = q.Where("district_code = ?", strings.TrimPrefix(f.District, NoDistrict))
	}
	if f.DueYear != "" {
		year, _ := strconv.Atoi(f.DueYear) // checked at the edge; NoYear is 0
		q = q.Where("due_year = ?", year)
	}
	if f.Operating != "" {
		q = q.Where("operating = ?", f.Operating == "true")
	}
	return q
}

// Moment is a figure's two coordinates: what had happened by the end of a day,
// as far as it was known at an instant. The zero Known is now.
type Moment struct {
	AsOf  civil.Day
	Known time.Time
}

// FigureQuery asks for cumulative counts by some dimensions.
type FigureQuery struct {
	CountFilter
	By      []Dim
	Metrics []target.Metric
}

// rollUp returns the table that answers the query, "" if only the rows do.
func (f FigureQuery) rollUp(scope access.Scope) string {
	by := func(dims ...Dim) bool {
		return slices.ContainsFunc(f.By, func(d Dim) bool { return slices.Contains(dims, d) })
	}
	fine := f.Category+f.Stage+f.WayOut+f.Driver != "" || by(ByCategory, ByStage, ByWayOut, ByDriver)
	due := f.DueYear+f.Operating != "" || by(ByDueYear, ByOperating)
	if !fine && !due {
		return "rollup"
	}
	if f.District != "" || scope.District() != "" || by(ByDistrict) || slices.ContainsFunc(f.Metrics, func(m target.Metric) bool { return !fineMetrics[m] }) {
		return ""
	}
	switch {
	case !due:
		return "rollup_fine"
	case !fine:
		return "rollup_due"
	}
	return ""
}

// Reader reads figures that all belong to one moment of the database.
type Reader struct {
	db    *DB
	q     *gorm.DB
	scope access.Scope
	At    time.Time // everything recorded up to here is in what is read, and nothing else

	pending bool // something is not in the roll-ups at this moment
}

// Figures calls fn with a reader of the present state. The reader's instant At
// is exact: asked again with Known = At the same figures come out, whatever was
// recorded since.
func (db *DB) Figures(ctx context.Context, scope access.Scope, fn func(*Reader) error) error {
	db.knowledge.RLock()
	unlock := sync.OnceFunc(db.knowledge.RUnlock)
	defer unlock()
	at := db.Now()
	for {
		last := db.lastRead.Load()
		if at.UnixMicro() <= last || db.lastRead.CompareAndSwap(last, at.UnixMicro()) {
			break
		}
	}
	return db.read.WithContext(ctx).Transaction(func(q *gorm.DB) error {
		recorded, err := lastRecorded(q) // also fixes the moment of the database
		if err != nil {
			return err
		}
		unlock()
		pending, err := pendingRecordings(q)
		if err != nil {
			return err
		}
		if recorded.After(at) { // the clock stands still, or is behind another program's
			at = recorded
		}
		return fn(&Reader{db: db, q: q, scope: scope, At: at, pending: len(pending) > 0})
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
}

// LastRecorded returns the instant of the newest recording.
func (db *DB) LastRecorded(ctx context.Context) (time.Time, error) {
	return lastRecorded(db.read.WithContext(ctx))
}

func lastRecorded(q *gorm.DB) (time.Time, error) {
	var us int64
	if err := q.Raw("SELECT COALESCE(MAX(at_us), 0) FROM recordings").Scan(&us).Error; err != nil {
		return time.Time{}, fmt.Errorf("store: read the last recording: %w", err)
	}
	return time.UnixMicro(us).UTC(), nil
}

// Counts returns, for each group, how many assets had started to count in each
// metric by the moment. Present figures of areas and classes come from the
// roll-up by area, those by what an asset is from the finer one, those by the
// year of scrapping and transport from a third, others from the rows. What is
// pending is added from the rows; from a figure as known before, what was
// recorded since is taken away.
func (r *Reader) Counts(f FigureQuery, at Moment) (map[Group]target.Counts, error) {
	counts := map[Group]target.Counts{}
	if !at.AsOf.Valid() {
		return counts, nil
	}
	var err error
	if table := f.rollUp(r.scope); table != "" {
		err = r.fromRollUp(f, table, at.AsOf, counts)
	} else {
		err = r.countRows(f, "assets", nil, at.AsOf, 1, counts)
	}
	if err != nil || at.Known.IsZero() {
		return counts, err
	}
	us := at.Known.UnixMicro()
	later := func(q *gorm.DB) *gorm.DB {
		return q.Where("recorded_no IN (SELECT no FROM recordings WHERE at_us > ?)", us)
	}
	if err := r.countRows(f, "assets", later, at.AsOf, -1, counts); err != nil {
		return counts, err
	}
	return counts, r.countRows(f, "standings", former(us), at.AsOf, 1, counts)
}

// former narrows standings to those that were known at an instant.
func former(us int64) func(*gorm.DB) *gorm.DB {
	return func(q *gorm.DB) *gorm.DB {
		return q.Where("to_no IN (SELECT no FROM recordings WHERE at_us > ?) AND from_no NOT IN (SELECT no FROM recordings WHERE at_us > ?)", us, us)
	}
}

// Recount is Counts from the rows alone, as known at an instant: what the
// roll-ups are compared with.
func (r *Reader) Recount(f FigureQuery, at Moment) (map[Group]target.Counts, error) {
	counts := map[Group]target.Counts{}
	if at.Known.IsZero() {
		return counts, r.countRows(f, "assets", nil, at.AsOf, 1, counts)
	}
	us := at.Known.UnixMicro()
	known := func(q *gorm.DB) *gorm.DB {
		return q.Where("recorded_no NOT IN (SELECT no FROM recordings WHERE at_us > ?)", us)
	}
	if err := r.countRows(f, "assets", known, at.AsOf, 1, counts); err != nil {
		return counts, err
	}
	return counts, r.countRows(f, "standings", former(us), at.AsOf, 1, counts)
}

// fresh is the reader's moment for a query of its own.
func (r *Reader) fresh() *gorm.DB { return r.q.Session(&gorm.Session{NewDB: true}) }

func (r *Reader) table(name string, f FigureQuery, district bool) *gorm.DB {
	return f.narrow(inScope(r.fresh().Table(name), r.scope, district))
}

func columnsOf(by []Dim) []string {
	columns := make([]string, len(by))
	for i, d := range by {
		columns[i] = dimColumn[d]
	}
	return columns
}

func addTo(counts map[Group]target.Counts, g Group, m target.Metric, n int64) {
	if n == 0 {
		return
	}
	if counts[g] == nil {
		counts[g] = target.Counts{}
	}
	if counts[g][m] += n; counts[g][m] == 0 {
		delete(counts[g], m) // a line of a past figure that has nothing is not there
	}
	if len(counts[g]) == 0 {
		delete(counts, g)
	}
}

// fromRollUp adds the cells of the years before, of the months before in the
// year of the day, and of the days up to it in its month.
func (r *Reader) fromRollUp(f FigureQuery, table string, day civil.Day, counts map[Group]target.Counts) error {
	next := day.AddDays(1)
	year, month := string(day[:4]), day.Month()
	wholeYear, wholeMonth := next[:4] != day[:4], next.Month() != month
	spans := []struct {
		test string
		args []any
	}{{"span = 'y' AND period < ?", []any{year}}}
	switch {
	case wholeYear:
		spans[0].test = "span = 'y' AND period <= ?"
	case wholeMonth:
		spans = append(spans, struct {
			test string
			args []any
		}{"span = 'm' AND period >= ? AND period <= ?", []any{year, month}})
	default:
		spans = append(spans, struct {
			test string
			args []any
		}{"span = 'm' AND period >= ? AND period < ?", []any{year, month}})
		if table == "rollup" {
			spans = append(spans, struct {
				test string
				args []any
			}{"span = 'd' AND period >= ? AND period <= ?", []any{month, string(day)}})
		}
	}
	columns := append([]string{"metric"}, columnsOf(f.By)...)
	var parts []any
	for _, span := range spans {
		parts = append(parts, r.table(table, f, table == "rollup").Where(span.test, span.args...).Where("metric IN ?", f.Metrics).
			Select(strings.Join(columns, ", ")+", SUM(n) AS n").Group(strings.Join(columns, ", ")))
	}
	kept, rest := f, f // read from cells up to the day, and from the rows of its month
	if wholeMonth {
		rest.Metrics = nil
	} else if kept.Metrics = nil; table == "rollup" {
		kept.Metrics = slices.DeleteFunc(slices.Clone(f.Metrics), func(m target.Metric) bool { return m == target.Cohort }) // the only one without days
		rest.Metrics = rest.Metrics[:0:0]
		if len(kept.Metrics) < len(f.Metrics) {
			rest.Metrics = []target.Metric{target.Cohort}
		}
	}
	parts = append(parts, r.inMonth(rest, day)...)
	// All in one question: a screen asks for many days, and each question is a round trip.
	all := r.fresh().Raw("SELECT * FROM (?) AS part"+strings.Repeat(" UNION ALL SELECT * FROM (?) AS part", len(parts)-1), parts...)
	if err := scanGroups(all, f.By, 1, func(g Group, metric target.Metric, n []int64) { addTo(counts, g, metric, n[0]) }); err != nil {
		return err
	}
	if err := r.addPending(kept, day, counts); err != nil {
		return err
	}
	return r.addPending(rest, civil.Day(day.Month()+"-01").AddDays(-1), counts)
}

// addPending adds what is not in the cells yet: standings that began with a
// pending recording, without those that ended with one.
func (r *Reader) addPending(f FigureQuery, day civil.Day, counts map[Group]target.Counts) error {
	if !r.pending {
		return nil
	}
	for _, part := range []struct {
		table, test string
		sign        int64
	}{
		{"assets", "recorded_no IN " + pendingNos, 1},
		{"standings", "from_no IN " + pendingNos + " AND to_no NOT IN " + pendingNos, 1},
		{"standings", "to_no IN " + pendingNos + " AND from_no NOT IN " + pendingNos, -1},
	} {
		only := func(q *gorm.DB) *gorm.DB { return q.Where(part.test) }
		if err := r.countRows(f, part.table, only, day, part.sign, counts); err != nil {
			return err
		}
	}
	return nil
}

// inMonth are the questions for what the rows count in the month of a day up to it.
func (r *Reader) inMonth(f FigureQuery, day civil.Day) (parts []any) {
	first := day.Month() + "-01"
	for _, m := range f.Metrics {
		if column, kept := metricColumn[m]; kept {
			q := r.table("assets", f, true).Where(column+" <> '' AND "+column+" >= ? AND "+column+" <= ?", first, day)
			parts = append(parts, selectGroups(q, m, f.By, "COUNT(*) AS n"))
		}
	}
	return parts
}

func selectGroups(q *gorm.DB, metric target.Metric, by []Dim, sums string, args ...any) *gorm.DB {
	columns := columnsOf(by)
	q = q.Select(strings.Join(append([]string{"'" + string(metric) + "' AS metric"}, append(columns, sums)...), ", "), args...)
	if len(columns) > 0 {
		q = q.Group(strings.Join(columns, ", "))
	}
	return q
}

// countRows adds sign times what the rows of assets or standings count.
func (r *Reader) countRows(f FigureQuery, table string, only func(*gorm.DB) *gorm.DB, day civil.Day, sign int64, counts map[Group]target.Counts) error {
	if len(f.Metrics) == 0 {
		return nil
	}
	var sums []string
	var args []any
	for _, m := range f.Metrics {
		test, values := countsBy(m, day)
		sums, args = append(sums, "COALESCE(SUM(CASE WHEN "+test+" THEN 1 ELSE 0 END), 0)"), append(args, values...)
	}
	q := r.table(table, f, true)
	if only != nil {
		q = only(q)
	}
	q = selectGroups(q, "", f.By, strings.Join(sums, ", "), args...)
	return scanGroups(q, f.By, len(f.Metrics), func(g Group, _ target.Metric, n []int64) {
		for i, m := range f.Metrics {
			addTo(counts, g, m, sign*n[i])
		}
	})
}

// scanGroups reads rows of a metric, the dimensions and n sums.
func scanGroups(q *gorm.DB, by []Dim, n int, fn func(Group, target.Metric, []int64)) error {
	rows, err := q.Rows()
	if err != nil {
		return fmt.Errorf("store: read figures: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var g Group
		var metric target.Metric
		sums := make([]int64, n)
		into := []any{&metric}
		for _, d := range by {
			into = append(into, g.field(d))
		}
		for i := range sums {
			into = append(into, &sums[i])
		}
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("store: read figures: %w", err)
		}
		fn(g, metric, sums)
	}
	return rows.Err()
}

// countsBy returns the predicate that an asset, or a former standing, counts in
// a metric by the end of a day. A metric of the roll-up and its predicate are
// the same by a property test.
func countsBy(m target.Metric, day civil.Day) (test string, args []any) {
	if column, ok := metricColumn[m]; ok {
		return "(" + column + " <> '' AND " + column + " <= ?)", []any{day}
	}
	if onDay, level, way, ok := m.Way(); ok {
		return wayCounts(onDay, level, []string{way}, day)
	}
	if m.IsReason() {
		return "(" + reasonCase + " = ?)", []any{day, day, day, day, string(m)}
	}
	if onDay, way, reason, ok := m.Early(); ok {
		counted, a := wayCounts(onDay, target.Verified, []string{way}, day)
		kept, b := countsBy(reason, day)
		return "(" + kept + " AND " + counted + ")", append(b, a...)
	}
	return "(1 = 1)", nil // records
}

// wayCounts is the predicate of a rule of a definition at a level.
func wayCounts(onDay string, level target.Metric, ways []string, day civil.Day) (test string, args []any) {
	if !slices.Contains(target.CountDays, onDay) {
		return "(1 = 0)", nil
	}
	test = "(cohort_on <> '' AND counts_as IN ('retired', 'other', 'void') AND way_out IN ? AND " + onDay + " >= cohort_on AND " + onDay + " <= ?"
	switch level {
	case target.Evidenced:
		test += " AND evidence_complete"
	case target.Verified:
		test += " AND review = 'verified'"
	}
	return test + ")", []any{ways, day}
}

// countedBy is the predicate that an asset counts at a level by a definition.
func countedBy(d target.Definition, level target.Metric, day civil.Day) (test string, args []any) {
	if d.IsDefault() {
		return countsBy(level, day)
	}
	var tests []string
	for _, r := range d.Counts {
		t, a := wayCounts(r.On, level, r.Ways, day)
		tests, args = append(tests, t), append(args, a...)
	}
	return "(" + strings.Join(tests, " OR ") + ")", args
}

// reasonCase is target.Standing's reason of an asset in SQL. Its arguments are
// the day, four times.
const reasonCase = `(CASE
	WHEN cohort_on = '' THEN (CASE WHEN status = 'duplicate' THEN 'gap.duplicate' WHEN left_on <> '' AND review = 'verified' THEN 'gap.left_before'
		WHEN stage = 'unknown' OR stage = '' THEN 'gap.unknown_stage' ELSE 'gap.not_covered' END)
	WHEN cohort_on > ? THEN 'gap.not_yet'
	WHEN left_on <> '' AND left_on <= ? THEN (CASE WHEN counts_as IN ('other', 'void') THEN 'gap.other_way'
		WHEN review = 'verified' THEN (CASE counts_as WHEN 'converted' THEN 'gap.converted' WHEN 'moved' THEN 'gap.moved_out' ELSE '' END)
		WHEN review = 'returned' THEN 'gap.returned' WHEN NOT evidence_complete THEN 'gap.evidence_missing' ELSE 'gap.waiting_review' END)
	WHEN dismantled_on <> '' AND dismantled_on <= ? THEN 'gap.dismantled'
	WHEN hand_over_on <> '' AND hand_over_on <= ? THEN 'gap.handed_in'
	ELSE 'gap.in_use' END)`
