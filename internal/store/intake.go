package store

import (
	"context"
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/fault"
	"phaseout/internal/retirement"
)

// Intake returns one page of what the scope's own yard took in or is to take
// in, the newest first. Every other scope gets nothing.
func (db *DB) Intake(ctx context.Context, scope access.Scope, standing string, p Page) ([]retirement.Retirement, error) {
	q := inYard(db.read.WithContext(ctx), scope)
	if standing != "" {
		q = q.Where("standing = ?", standing)
	}
	if p.After != "" {
		q = q.Where("id < ?", p.After)
	}
	var rows []retirementRow
	if err := q.Order("id DESC").Limit(p.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("store: list the intake of a yard: %w", err)
	}
	list := make([]retirement.Retirement, len(rows))
	for i, r := range rows {
		list[i] = r.retirement()
	}
	return list, nil
}

// IntakeLine returns a retirement that the scope's own yard took in, or NotFound.
func (db *DB) IntakeLine(ctx context.Context, scope access.Scope, id string) (retirement.Retirement, error) {
	var rows []retirementRow
	if err := inYard(db.read.WithContext(ctx), scope).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return retirement.Retirement{}, fmt.Errorf("store: read the intake of a yard: %w", err)
	}
	if len(rows) == 0 {
		return retirement.Retirement{}, fault.Missing()
	}
	return rows[0].retirement(), nil
}
