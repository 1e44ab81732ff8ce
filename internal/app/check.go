package app

import (
	"context"
	"fmt"

	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// CheckPart is one part of the integrity check. Run returns what it looked at,
// or the first doubt.
type CheckPart struct {
	Name string
	Run  func(context.Context) (seen string, err error)
}

// Checks returns the parts of the integrity check: database, audit chain,
// roll-up against a recount, counting days against their rule, ledger, money,
// files.
func (a *App) Checks() []CheckPart {
	return []CheckPart{
		{"database", func(ctx context.Context) (string, error) {
			return "structure and foreign keys", a.DB.VerifyDatabase(ctx)
		}},
		{"audit", func(ctx context.Context) (string, error) {
			n, err := a.DB.VerifyChain(ctx)
			return fmt.Sprintf("%d events", n), err
		}},
		{"rollup", func(ctx context.Context) (string, error) {
			n, err := a.DB.VerifySummary(ctx)
			return fmt.Sprintf("%d cells", n), err
		}},
		{"counting", a.checkCounting},
		{"ledger", func(ctx context.Context) (string, error) {
			n, err := a.DB.VerifyLedger(ctx)
			return fmt.Sprintf("%d entries", n), err
		}},
		{"money", func(ctx context.Context) (string, error) {
			n, err := a.DB.VerifyBatches(ctx)
			return fmt.Sprintf("%d batches", n), err
		}},
		{"files", a.checkFiles},
		{"inspections", a.checkInspections},
	}
}

// checkCounting recomputes on which days each asset counts.
func (a *App) checkCounting(ctx context.Context) (string, error) {
	n := 0
	err := a.DB.EachAsset(ctx, func(rec store.AssetRecord, r *retirement.Retirement) error {
		n++
		var way registry.WayOut
		if r != nil {
			spec, _ := registry.SpecOf(rec.Class)
			way, _ = retirement.WayOf(spec, r.WayOut)
		}
		want := retirement.Count(a.Reference.CohortDay(rec.Asset), way, r)
		if rec.Status == registry.Duplicate {
			want = retirement.Counting{}
		}
		if want != rec.Counting {
			return fmt.Errorf("asset %s counts on other days than its facts give: kept %+v, due %+v", rec.ID, rec.Counting, want)
		}
		return nil
	})
	return fmt.Sprintf("%d assets", n), err
}

// checkFiles reads every stored file against its digest, and opens those that
// are sealed.
func (a *App) checkFiles(ctx context.Context) (string, error) {
	sums, err := a.DB.FileDigests(ctx)
	if err != nil {
		return "", err
	}
	for _, sum := range sums {
		if _, err := a.Blobs.Open(sum); err != nil {
			return "", fmt.Errorf("file %s: %w", sum, err)
		}
	}
	for after := ""; ; {
		answers, err := a.DB.AnswersAfter(ctx, after, 100)
		if err != nil {
			return "", err
		}
		for _, answer := range answers {
			if _, err := a.answerContent(answer); err != nil {
				return "", err
			}
			after = answer.ID
		}
		if len(answers) == 0 {
			return fmt.Sprintf("%d files", len(sums)), nil
		}
	}
}
