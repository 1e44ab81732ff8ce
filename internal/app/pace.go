package app

import (
	"context"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/pace"
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
	At    time.Time // everything recorded up to here is in it and nothing else
	Lines []PaceLine
	Total pace.Pace
}

// Pace returns how fast a scope retires its stock: what the progress figures
// leave to be done, against the verified retirements of the last twelve weeks,
// both by the definition of each city's target, and what the yards can take; all
// of it as of the filter's day, as known at its instant.
func (a *App) Pace(ctx context.Context, scope access.Scope, f ProgressFilter) (PaceSheet, error) {
	sheet := PaceSheet{AsOf: f.AsOf}
	var paces []pace.Pace
	f.GroupBy = "city,class"
	var err error
	sheet.At, err = a.read(ctx, scope, f, func(s *figures) error {
		yards, err := s.yards()
		if err != nil {
			return err
		}
		lines, err := s.lines(scope)
		if err != nil {
			return err
		}
		for _, l := range lines {
			in := pace.Input{AsOf: f.AsOf, Yards: yards[store.Area{CityCode: l.CityCode, Class: l.Class}]}
			if l.Target != nil {
				in.DueOn, in.Hard = l.Target.DueOn, l.Target.Kind == "hard"
			}
			if l.Required != nil {
				left := *l.Required - l.Verified
				in.Left = &left
			}
			if in.Weeks, err = s.weeks(l); err != nil {
				return err
			}
			p := pace.Of(in)
			paces = append(paces, p)
			sheet.Lines = append(sheet.Lines, PaceLine{Area: store.Area{CityCode: l.CityCode, Class: l.Class}, Target: l.Target, Required: l.Required, Verified: l.Verified, Pace: p})
		}
		return nil
	})
	sheet.Total = pace.Together(paces)
	return sheet, err
}

// weeks returns the verified retirements of a line in each of the last weeks,
// none from before its baseline day.
func (s *figures) weeks(l Line) (weeks [pace.Weeks]int64, err error) {
	b := s.bounds(l.CityCode, l.Class)
	var before int64
	for i := range pace.Weeks + 1 {
		day := max(s.f.AsOf.AddDays(-7*(pace.Weeks-i)), min(b.BaselineOn, s.f.AsOf))
		counts, err := s.counts([]store.Dim{store.ByCity, store.ByClass}, b.Definition, day)
		if err != nil {
			return weeks, err
		}
		n := counts[l.Group][target.Verified]
		if i > 0 {
			weeks[i-1] = n - before
		}
		before = n
	}
	return weeks, nil
}

// yards returns, for each city and class, the yards that may work on the day,
// with what waits there and what they can take apart. A yard that takes several
// classes stands under each of them with its whole capacity.
func (s *figures) yards() (map[store.Area][]pace.Yard, error) {
	waiting, err := s.r.WaitingInYards(s.f.moment(s.f.AsOf))
	if err != nil {
		return nil, err
	}
	all, err := s.r.Yards(s.f.Known)
	if err != nil {
		return nil, err
	}
	found := map[store.Area][]pace.Yard{}
	for _, y := range all {
		if status, _ := y.StatusOn(s.f.AsOf); status != yard.Active {
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
	return found, nil
}
