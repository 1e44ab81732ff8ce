package app

import (
	"context"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/pace"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
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
	progress, err := a.Progress(ctx, scope, ProgressFilter{AsOf: asOf, Class: class, City: city, GroupBy: "city,class"})
	if err != nil {
		return sheet, err
	}
	days, err := a.DB.GoneByDay(ctx, scope, store.CountFilter{City: city, Class: class}, asOf.AddDays(-7*pace.Weeks), asOf)
	if err != nil {
		return sheet, err
	}
	yards, err := a.yards(ctx, scope)
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

// yards returns what waits in the yards of each city and class and what they
// can take apart. Nothing in the registry says what a yard can take apart, so
// the capacity is unknown.
func (a *App) yards(_ context.Context, _ access.Scope) (map[store.Area][]pace.Yard, error) {
	return nil, nil
}
