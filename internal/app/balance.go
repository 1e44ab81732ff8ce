package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// maxMonths is how many months a balance covers at most: each is counted on the rows.
const maxMonths = 24

// BalanceLine is the balance of a city and class in a month.
type BalanceLine struct {
	store.Area
	Month string
	// From and To are the moments between which the month lies: what was known
	// at its beginning and at its end, zero Known for now.
	From, To store.Moment
	target.Balance
}

// BalanceSheet is the balance of a scope over months.
type BalanceSheet struct {
	At     time.Time
	Lines  []BalanceLine
	Totals []BalanceLine // of each month
}

// Balance returns the account of the stock by city, class and month, by the
// default definition. The books are what was recorded; each month's closing
// stock is counted on the rows beside it, so that what changed without a
// recording shows as a rest.
func (a *App) Balance(ctx context.Context, scope access.Scope, f store.CountFilter, from, to string) (BalanceSheet, error) {
	sheet := BalanceSheet{}
	months, err := a.months(from, to)
	if err != nil {
		return sheet, err
	}
	err = a.DB.Figures(ctx, scope, func(r *store.Reader) error {
		sheet.At = r.At
		logged, err := r.Log(f, months[0], months[len(months)-1])
		if err != nil {
			return err
		}
		for _, month := range months {
			books := map[store.Area]*target.Balance{}
			total := BalanceLine{Month: month}
			first := civil.Day(month + "-01")
			end := store.Moment{AsOf: first.AddMonths(1).AddDays(-1)}
			if known := store.MonthEnd(end.AsOf); known.Before(r.At) {
				end.Known = known
			}
			start := store.Moment{AsOf: first.AddDays(-1), Known: store.MonthEnd(first.AddDays(-1))}
			for _, l := range logged {
				area := store.Area{CityCode: l.CityCode, Class: l.Class}
				if l.Recorded > month || l.Month > month {
					continue
				}
				if books[area] == nil {
					books[area] = &target.Balance{}
				}
				switch {
				case l.Recorded < month && l.Month < month:
					n := l.N
					if l.Metric != target.Cohort {
						n = -n
					}
					books[area].Opening, books[area].Closing = books[area].Opening+n, books[area].Closing+n
				case l.Recorded < month:
					books[area].Flow(l.Metric, "passage", l.N)
				default:
					books[area].Flow(l.Metric, l.Cause, l.N)
				}
			}
			rows, err := r.Recount(store.FigureQuery{CountFilter: f, By: []store.Dim{store.ByCity, store.ByClass}, Metrics: target.StockMetrics}, end)
			if err != nil {
				return err
			}
			for _, area := range a.areas(scope, ProgressFilter{CountFilter: f}) {
				line := BalanceLine{Area: area, Month: month, From: start, To: end}
				if b := books[area]; b != nil {
					line.Balance = *b
				}
				line.Counted = rows[store.Group{CityCode: area.CityCode, Class: area.Class}].Stock()
				sheet.Lines = append(sheet.Lines, line)
				total.Balance = total.Plus(line.Balance)
			}
			total.From, total.To = start, end
			sheet.Totals = append(sheet.Totals, total)
		}
		return nil
	})
	return sheet, err
}

// months returns the months from one to another, the last twelve if none is given.
func (a *App) months(from, to string) ([]string, error) {
	present := a.Today().Month()
	if to == "" {
		to = present
	}
	for field, m := range map[string]string{"from": from, "to": to} {
		if m != "" && !civil.Day(m+"-01").Valid() {
			return nil, fault.Field("query."+field, "month_invalid", bilingual.F("“%s”不是有效月份", "%q is not a month", m), bilingual.T("请按 2025-12 的格式填写", "write it as 2025-12"))
		}
	}
	if from == "" {
		from = civil.Day(to + "-01").AddMonths(-11).Month()
	}
	var list []string
	for m := from; m <= to; m = civil.Day(m + "-01").AddMonths(1).Month() {
		list = append(list, m)
		if len(list) > maxMonths || m > present {
			return nil, fault.Field("query.to", "out_of_range", bilingual.F("最多 %d 个月，且不能晚于本月", "at most %d months, up to the present one", maxMonths), bilingual.T("请缩短期间", "choose a shorter time"))
		}
	}
	if len(list) == 0 {
		return nil, fault.Field("query.from", "out_of_range", bilingual.T("开始月份晚于结束月份", "the first month lies after the last"), bilingual.T("请核对两个月份", "check both months"))
	}
	return list, nil
}

// Shift is a figure at two moments and what lies between.
type Shift struct {
	From, To int64
	Causes   []store.CauseCount
}

// Unexplained is what no recorded change accounts for: 0 unless rows were
// changed past the program.
func (d Shift) Unexplained() int64 {
	rest := d.To - d.From
	for _, c := range d.Causes {
		rest -= c.Late + c.Period
	}
	return rest
}

// between reads a difference: f is the later figure, from the earlier moment.
func (a *App) between(ctx context.Context, scope access.Scope, f ProgressFilter, from store.Moment, metric target.Metric, fn func(later, earlier *figures, d store.DiffFilter) error) error {
	if !from.Known.IsZero() && !f.Known.IsZero() && from.Known.After(f.Known) || from.Known.IsZero() && !f.Known.IsZero() {
		return fault.Field("query.from_known", "instant_order", bilingual.T("前一时刻不能晚于后一时刻", "the earlier figure must not be known later than the later one"),
			bilingual.T("请对调两个时刻", "swap the two instants"))
	}
	f.GroupBy = "city,class"
	_, err := a.read(ctx, scope, f, func(later *figures) error {
		earlier := &figures{App: a, r: later.r, f: f, kept: map[string]map[store.Group]target.Counts{}}
		earlier.f.AsOf, earlier.f.Known = from.AsOf, from.Known
		all, err := later.r.Targets(store.TargetFilter{Class: f.Class, City: f.City})
		if err != nil {
			return err
		}
		var us int64
		if !from.Known.IsZero() {
			us = from.Known.UnixMicro()
		}
		earlier.targets = target.InForce(all, from.AsOf, us)
		return fn(later, earlier, store.DiffFilter{CountFilter: f.CountFilter, Metric: metric, From: from, To: f.moment(f.AsOf), FromB: earlier.allBounds(), ToB: later.allBounds()})
	})
	return err
}

// Shift returns what changed a figure between two moments, by cause. The
// metric is one of the sheet's figures.
func (a *App) Shift(ctx context.Context, scope access.Scope, f ProgressFilter, from store.Moment, metric target.Metric) (Shift, error) {
	var d Shift
	err := a.between(ctx, scope, f, from, metric, func(later, earlier *figures, diff store.DiffFilter) error {
		for _, side := range []struct {
			s  *figures
			to *int64
		}{{earlier, &d.From}, {later, &d.To}} {
			lines, err := side.s.lines(scope)
			if err != nil {
				return err
			}
			*side.to = sum(lines).Of(metric)
		}
		var err error
		d.Causes, err = later.r.Difference(diff)
		return err
	})
	return d, err
}

// ShiftRows returns one page of the changes behind a difference; causes
// narrow it.
func (a *App) ShiftRows(ctx context.Context, scope access.Scope, f ProgressFilter, from store.Moment, metric target.Metric, causes string, p store.Page) ([]store.DiffRow, error) {
	var rows []store.DiffRow
	err := a.between(ctx, scope, f, from, metric, func(later, _ *figures, d store.DiffFilter) error {
		if causes != "" {
			d.Causes = slices.DeleteFunc(strings.Split(causes, ","), func(c string) bool { return c == "" })
		}
		var err error
		rows, err = later.r.DifferenceRows(d, p)
		return err
	})
	return rows, err
}
