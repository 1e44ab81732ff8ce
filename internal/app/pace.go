package app

import (
	"context"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/pace"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
	"phaseout/internal/yard"
)

// PaceLine is the pace of one city and class.
type PaceLine struct {
	store.Area
	Target   *target.Target
	Required *int64
	Verified int64
	pace.Pace
}

// PaceSheet is the pace of a scope on a day. Total stands for all its lines.
type PaceSheet struct {
	AsOf  civil.Day
	Lines []PaceLine
	Total pace.Pace
}

// Pace returns how fast a scope retires its stock: what the progress figures
// leave to be done, against the verified retirements of the last twelve weeks.
func (a *App) Pace(ctx context.Context, scope access.Scope, class registry.Class, city string, asOf civil.Day) (PaceSheet, error) {
	sheet := PaceSheet{AsOf: asOf}
	progress, err := a.Progress(ctx, scope, ProgressFilter{AsOf: asOf, CountFilter: store.CountFilter{City: city, Class: class}, GroupBy: "city,class"})
	if err != nil {
		return sheet, err
	}
	days, err := a.DB.GoneByDay(ctx, scope, store.CountFilter{City: city, Class: class}, asOf.AddDays(-7*pace.Weeks), asOf)
	if err != nil {
		return sheet, err
	}
	yards, err := a.yards(ctx, scope, asOf)
	if err != nil {
		return sheet, err
	}
	paces := make([]pace.Pace, 0, len(progress.Lines))
	for _, l := range progress.Lines {
		area := store.Area{CityCode: l.CityCode, Class: l.Class}
		in := pace.Input{AsOf: asOf, Yards: yards[area]}
		if l.Target != nil {
			in.DueOn, in.Hard = l.Target.DueOn, l.Target.Kind == "hard"
		}
		if l.Required != nil {
			left := *l.Required - l.Verified
			in.Left = &left
		}
		for day, n := range days[area] {
			in.Weeks[pace.Weeks-1-day.DaysUntil(asOf)/7] += n
		}
		p := pace.Of(in)
		paces = append(paces, p)
		sheet.Lines = append(sheet.Lines, PaceLine{Area: area, Target: l.Target, Required: l.Required, Verified: l.Verified, Pace: p})
	}
	sheet.Total = pace.Together(paces)
	return sheet, nil
}

// yards returns, for each city and class, the yards that may work on the day,
// with what waits there and what they can take apart. A yard that takes several
// classes stands under each of them with its whole capacity.
func (a *App) yards(ctx context.Context, scope access.Scope, asOf civil.Day) (map[store.Area][]pace.Yard, error) {
	waiting, err := a.DB.WaitingInYards(ctx, scope, asOf)
	if err != nil {
		return nil, err
	}
	found := map[store.Area][]pace.Yard{}
	page := store.Page{Limit: 500}
	for {
		list, err := a.DB.Yards(ctx, scope, store.YardFilter{}, page)
		if err != nil {
			return nil, err
		}
		for _, y := range list {
			if status, _ := y.StatusOn(asOf); status != yard.Active {
				continue
			}
			for _, class := range y.Classes {
				p := pace.Yard{Name: y.Name, Waiting: waiting[store.YardClass{YardID: y.ID, Class: class}]}
				if y.CapacityPerMonth > 0 {
					p.PerMonth = &y.CapacityPerMonth
				}
				area := store.Area{CityCode: y.CityCode, Class: class}
				found[area] = append(found[area], p)
			}
		}
		if len(list) < page.Limit {
			return found, nil
		}
		page.After = list[len(list)-1].ID
	}
}
