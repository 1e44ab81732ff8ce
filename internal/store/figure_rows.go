package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/target"
)

// reasonBy is the predicate of a reason by a definition that is not the default
// one: what it counts has no reason, what is verified but lacks the day on
// which it counts has one of its own.
func reasonBy(reason target.Metric, d target.Definition, asOf civil.Day) (test string, args []any) {
	counted, a := countedBy(d, target.Verified, asOf)
	switch reason {
	case target.ReasonNoDay:
		verified, b := countsBy(target.Verified, asOf)
		return "(" + verified + " AND NOT " + counted + ")", append(b, a...)
	default:
		kept, b := countsBy(reason, asOf)
		return "(" + kept + " AND NOT " + counted + ")", append(b, a...)
	}
}

// RowFilter asks for the rows behind a figure.
type RowFilter struct {
	CountFilter
	Metric target.Metric
	Bounds map[Area]Bounds
	Moment
}

// Standing is an asset as a figure counted it: without what is personal.
type Standing struct {
	StandingRow
	Reason target.Metric // why it does not count as of the day, "" if it does, by the definition of the bounds
}

// reasonEach is the expression of the reason of each row by the bounds' definition.
func reasonEach(bounds map[Area]Bounds, asOf civil.Day) (text string, args []any) {
	var counted, byDefault strings.Builder
	var countedArgs, defaultArgs []any
	for _, g := range byDefinition(bounds) {
		if g.definition.IsDefault() {
			continue // what it counts has no reason already
		}
		test, a := countedBy(g.definition, target.Verified, asOf)
		verified, b := countsBy(target.Verified, asOf)
		here := []any{g.class, g.cities}
		counted.WriteString(" WHEN class = ? AND city_code IN ? AND " + test + " THEN ''")
		countedArgs = slices.Concat(countedArgs, here, a)
		byDefault.WriteString(" WHEN class = ? AND city_code IN ? AND " + verified + " THEN '" + string(target.ReasonNoDay) + "'")
		defaultArgs = slices.Concat(defaultArgs, here, b)
	}
	days := []any{asOf, asOf, asOf, asOf}
	if len(countedArgs) == 0 {
		return reasonCase, days
	}
	return "(CASE" + counted.String() + byDefault.String() + " ELSE " + reasonCase + " END)", slices.Concat(countedArgs, defaultArgs, days)
}

// Rows returns one page of the rows behind a figure, in the order of their ids.
func (r *Reader) Rows(f RowFilter, p Page) ([]Standing, error) {
	parts := r.known(f)
	reason, reasonArgs := reasonEach(f.Bounds, f.AsOf)
	var texts []string
	var args []any
	for _, part := range parts {
		own := part.own
		if p.After != "" {
			part.q = part.q.Where(part.id+" > ?", p.After)
		}
		texts = append(texts, "SELECT * FROM (?) AS "+own)
		args = append(args, part.q.Select(part.id+" AS asset_id, "+part.cause+" AS cause, "+standingColumns+", "+reason+" AS reason", reasonArgs...).
			Order(part.id).Limit(p.Limit))
	}
	args = append(args, p.Limit)
	var rows []Standing
	err := r.fresh().Raw(strings.Join(texts, " UNION ALL ")+" ORDER BY asset_id LIMIT ?", args...).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("store: list the rows behind a figure: %w", err)
	}
	return rows, nil
}

// CountRows returns how many rows stand behind a figure.
func (r *Reader) CountRows(f RowFilter) (int64, error) {
	var total int64
	for _, part := range r.known(f) {
		var n int64
		if err := part.q.Count(&n).Error; err != nil {
			return 0, fmt.Errorf("store: count the rows behind a figure: %w", err)
		}
		total += n
	}
	return total, nil
}

type knownPart struct {
	q                        *gorm.DB
	own, id, cause, activity string
}

// known is the rows of a figure as known at its instant: present ones and
// former standings.
func (r *Reader) known(f RowFilter) []knownPart {
	test, args := behindEach(f.Metric, f.Bounds, f.AsOf)
	return r.knownWhere(f.CountFilter, f.Known, test, args)
}

// knownWhere is the rows that pass a test as known at an instant, zero for now.
func (r *Reader) knownWhere(f CountFilter, known time.Time, test string, args []any) []knownPart {
	query := FigureQuery{CountFilter: f}
	present := knownPart{r.table("assets", query, true).Where(test, args...), "present", "id", "recorded_cause", "CASE WHEN class = 'truck' THEN '' ELSE fields END"}
	if known.IsZero() {
		return []knownPart{present}
	}
	us := known.UnixMicro()
	present.q = present.q.Where("recorded_no NOT IN (SELECT no FROM recordings WHERE at_us > ?)", us)
	return []knownPart{present, {former(us)(r.table("standings", query, true)).Where(test, args...), "former", "asset_id", "cause", "activity"}}
}

// DiffFilter asks for the difference of a figure between two moments. Bounds
// are those of the later figure; the baseline days of both are taken as one.
type DiffFilter struct {
	CountFilter
	Metric   target.Metric
	From, To Moment
	FromB    map[Area]Bounds
	ToB      map[Area]Bounds
	Causes   []string // as target.CauseOf has them; none: all

}

// CauseCount is what one cause changed. Late restates the earlier figure,
// Period is new between the two days; In and Out are the rows.
type CauseCount struct {
	Cause  string
	Late   int64
	Period int64
	In     int64
	Out    int64
}

// DiffRow is one change of one asset that moved the figure.
type DiffRow struct {
	Seq     string // key of the page
	AssetID string
	Label   string
	City    string
	Class   registry.Class
	Cause   string // as target.CauseOf has it; "passage": a day was reached
	Early   int64  // what the change adds to the figure on the earlier day
	Late    int64  // and on the later one
	No      int64
	AtUs    int64 // when it was recorded, 0 for a passage
	ByName  string
}

// contributions returns the parts of a difference as queries with the columns
// asset_id, label, city_code, class, cause, no, early, late: early is what the
// part adds to the figure on the earlier day, late on the later one.
func (r *Reader) contributions(f DiffFilter) []*gorm.DB {
	early, earlyArgs := behindEach(f.Metric, f.FromB, f.From.AsOf)
	later, laterArgs := behindEach(f.Metric, f.ToB, f.To.AsOf)
	query := FigureQuery{CountFilter: f.CountFilter}
	part := func(table, id, cause, no, sign string, only func(*gorm.DB) *gorm.DB, differ bool) *gorm.DB {
		q := only(r.table(table, query, true))
		args := append(append([]any{}, earlyArgs...), laterArgs...)
		q = q.Select(id+" AS asset_id, label, city_code, district_code, class, "+cause+" AS cause, "+no+" AS no, "+
			sign+"(CASE WHEN "+early+" THEN 1 ELSE 0 END) AS early, "+sign+"(CASE WHEN "+later+" THEN 1 ELSE 0 END) AS late", args...)
		if differ {
			return q.Where("("+early+") <> ("+later+")", args...)
		}
		return q.Where("("+early+" OR "+later+")", args...)
	}
	from, to := f.From.Known.UnixMicro(), int64(1)<<62
	if f.From.Known.IsZero() {
		from = to
	}
	if !f.To.Known.IsZero() {
		to = f.To.Known.UnixMicro()
	}
	recorded := func(column string) func(*gorm.DB) *gorm.DB {
		return func(q *gorm.DB) *gorm.DB {
			return q.Where(column+" IN (SELECT no FROM recordings WHERE at_us > ? AND at_us <= ?)", from, to)
		}
	}
	still := func(q *gorm.DB) *gorm.DB {
		return q.Where("recorded_no NOT IN (SELECT no FROM recordings WHERE at_us > ?)", from)
	}
	return []*gorm.DB{
		part("assets", "id", "recorded_cause", "recorded_no", "", recorded("recorded_no"), false),
		part("standings", "asset_id", "cause", "from_no", "", recorded("from_no"), false),
		part("standings", "asset_id", "end_cause", "to_no", "-", recorded("to_no"), false),
		part("assets", "id", "'passage'", "0", "", still, true),
		part("standings", "asset_id", "'passage'", "0", "", former(from), true),
	}
}

// Difference returns what each deed changed between two moments of a figure:
// the sums of Late and Period are the whole difference.
func (r *Reader) Difference(f DiffFilter) ([]CauseCount, error) {
	byCause := map[string]*CauseCount{}
	for _, part := range r.contributions(f) {
		var rows []struct {
			Cause                  string
			Early, Late, Ins, Outs int64
		}
		err := r.fresh().Table("(?) AS c", part).
			Select(`cause, SUM(early) AS early, SUM(late) AS late, SUM(CASE WHEN late > 0 THEN 1 ELSE 0 END) AS ins, SUM(CASE WHEN late < 0 THEN 1 ELSE 0 END) AS outs`).
			Group("cause").Find(&rows).Error
		if err != nil {
			return nil, fmt.Errorf("store: difference of a figure: %w", err)
		}
		for _, row := range rows {
			c := byCause[row.Cause]
			if c == nil {
				c = &CauseCount{Cause: row.Cause}
				byCause[row.Cause] = c
			}
			if row.Cause == "passage" { // it is in the earlier figure's knowledge already
				c.Period += row.Late - row.Early
				c.In, c.Out = c.In+row.Ins, c.Out+row.Outs
				continue
			}
			c.Late, c.Period = c.Late+row.Early, c.Period+row.Late-row.Early
			c.In, c.Out = c.In+row.Ins, c.Out+row.Outs
		}
	}
	var list []CauseCount
	for _, cause := range target.Causes {
		if c := byCause[cause]; c != nil && (c.Late != 0 || c.Period != 0 || c.In != 0 || c.Out != 0) {
			list = append(list, *c)
		}
	}
	return list, nil
}

// DifferenceRows returns one page of the changes behind a difference.
func (r *Reader) DifferenceRows(f DiffFilter, p Page) ([]DiffRow, error) {
	var texts []string
	var args []any
	for n, part := range r.contributions(f) {
		texts = append(texts, fmt.Sprintf("SELECT asset_id, label, city_code, class, cause, no, early, late, '%d' AS part FROM (?) AS p%d", n, n))
		args = append(args, part)
	}
	union := r.fresh().Raw(strings.Join(texts, " UNION ALL "), args...)
	q := r.fresh().Table("(?) AS c", union).Joins("LEFT JOIN recordings ON recordings.no = c.no")
	if len(f.Causes) > 0 {
		q = q.Where("c.cause IN ?", f.Causes)
	}
	key := "c.asset_id || '.' || c.part || '.' || CAST(c.no AS TEXT)"
	q = q.Select(key + " AS seq, c.asset_id, c.label, c.city_code AS city, c.class, c.cause, c.no, c.early, c.late, COALESCE(recordings.at_us, 0) AS at_us, COALESCE(recordings.by_name, '') AS by_name")
	if p.After != "" {
		q = q.Where(key+" > ?", p.After)
	}
	var rows []DiffRow
	if err := q.Order("seq").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list a difference: %w", err)
	}
	return rows, nil
}
