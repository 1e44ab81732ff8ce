// Package jobs runs background work from a queue in the database, so that a
// restart forgets none of it (docs/adr/0007).
package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"phaseout/internal/app"
	"phaseout/internal/store"
)

// silence is how long an import may give no sign of life before another worker
// takes it over, longSilence how long a run that looks at everything at once may.
const (
	silence     = time.Minute
	longSilence = 10 * time.Minute
)

// importArgs is the job that does what is due on an import.
type importArgs struct {
	ImportID string `json:"import_id"`
}

// Kind is the name of the job in the queue.
func (importArgs) Kind() string { return app.JobImport }

type importWorker struct {
	river.WorkerDefaults[importArgs]
	app *app.App
}

// Work does what is due on the import. The deed itself is safe to repeat.
func (w *importWorker) Work(ctx context.Context, job *river.Job[importArgs]) error {
	if err := w.app.RunImport(ctx, job.Args.ImportID); err != nil {
		return err
	}
	return w.app.FindDuplicates(ctx)
}

// Timeout lets an import take its time: it gives signs of life itself.
func (w *importWorker) Timeout(*river.Job[importArgs]) time.Duration { return -1 }

// cohortArgs is the job that tries or applies a cohort rule.
type cohortArgs struct {
	RuleID string `json:"rule_id"`
}

// Kind is the name of the job in the queue.
func (cohortArgs) Kind() string { return app.JobCohort }

type cohortWorker struct {
	river.WorkerDefaults[cohortArgs]
	app *app.App
}

// Work does what is due on the rule. The deed itself is safe to repeat.
func (w *cohortWorker) Work(ctx context.Context, job *river.Job[cohortArgs]) error {
	return w.app.RunCohort(ctx, job.Args.RuleID)
}

// Timeout lets a rule take its time: it gives signs of life itself.
func (w *cohortWorker) Timeout(*river.Job[cohortArgs]) time.Duration { return -1 }

// qualityArgs is the job that runs the quality rules over the stock.
type qualityArgs struct {
	RunID string `json:"run_id"`
}

// Kind is the name of the job in the queue.
func (qualityArgs) Kind() string { return app.JobQuality }

type qualityWorker struct {
	river.WorkerDefaults[qualityArgs]
	app *app.App
}

// Work runs the rules. The deed itself is safe to repeat.
func (w *qualityWorker) Work(ctx context.Context, job *river.Job[qualityArgs]) error {
	return w.app.RunQuality(ctx, job.Args.RunID)
}

// Timeout lets a run take its time.
func (w *qualityWorker) Timeout(*river.Job[qualityArgs]) time.Duration { return -1 }

// comparisonArgs is the job that lays an outside list against the registry.
type comparisonArgs struct {
	ComparisonID string `json:"comparison_id"`
}

// Kind is the name of the job in the queue.
func (comparisonArgs) Kind() string { return app.JobComparison }

type comparisonWorker struct {
	river.WorkerDefaults[comparisonArgs]
	app *app.App
}

// Work runs the comparison. The deed itself is safe to repeat.
func (w *comparisonWorker) Work(ctx context.Context, job *river.Job[comparisonArgs]) error {
	return w.app.RunComparison(ctx, job.Args.ComparisonID)
}

// Timeout lets a long list take its time.
func (w *comparisonWorker) Timeout(*river.Job[comparisonArgs]) time.Duration { return -1 }

// ruleArgs is the job that tries a program on the stock or on past cases.
type ruleArgs struct {
	RunID string `json:"run_id"`
}

// Kind is the name of the job in the queue.
func (ruleArgs) Kind() string { return app.JobRule }

type ruleWorker struct {
	river.WorkerDefaults[ruleArgs]
	app *app.App
}

// Work does the run. The deed itself is safe to repeat.
func (w *ruleWorker) Work(ctx context.Context, job *river.Job[ruleArgs]) error {
	return w.app.RunRule(ctx, job.Args.RunID)
}

// Timeout lets a run take its time.
func (w *ruleWorker) Timeout(*river.Job[ruleArgs]) time.Duration { return -1 }

// signalsArgs is the job that looks for signals.
type signalsArgs struct {
	RunID string `json:"run_id"`
}

// Kind is the name of the job in the queue.
func (signalsArgs) Kind() string { return app.JobSignals }

type signalsWorker struct {
	river.WorkerDefaults[signalsArgs]
	app *app.App
}

// Work does the look. The deed itself is safe to repeat.
func (w *signalsWorker) Work(ctx context.Context, job *river.Job[signalsArgs]) error {
	return w.app.RunSignals(ctx, job.Args.RunID)
}

// Timeout lets a look over a whole province take its time.
func (w *signalsWorker) Timeout(*river.Job[signalsArgs]) time.Duration { return -1 }

// argsOf returns the job of a kind on a record.
func argsOf(kind, id string) (river.JobArgs, error) {
	switch kind {
	case app.JobImport:
		return importArgs{id}, nil
	case app.JobCohort:
		return cohortArgs{id}, nil
	case app.JobQuality:
		return qualityArgs{id}, nil
	case app.JobRule:
		return ruleArgs{id}, nil
	case app.JobComparison:
		return comparisonArgs{id}, nil
	case app.JobSignals:
		return signalsArgs{id}, nil
	}
	return nil, fmt.Errorf("jobs: there is no job %q", kind)
}

// Queue is a running job queue.
type Queue struct {
	client *river.Client[*sql.Tx]
	app    *app.App
	db     *store.DB
	own    *sql.DB // SQLite: the queue's own connection
	stop   context.CancelFunc
	done   chan struct{}
}

func driverFor(db *store.DB) (riverdriver.Driver[*sql.Tx], *sql.DB, error) {
	if db.Engine() == store.Postgres {
		handle, err := db.Handle()
		return riverdatabasesql.New(handle), nil, err
	}
	own, err := db.OwnHandle()
	if err != nil {
		return nil, nil, err
	}
	return riversqlite.New(own), own, nil
}

// Migrate brings the queue's tables up to date.
func Migrate(ctx context.Context, db *store.DB) error {
	driver, own, err := driverFor(db)
	if err != nil {
		return err
	}
	if own != nil {
		defer func() { _ = own.Close() }()
	}
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet()})
	if err != nil {
		return fmt.Errorf("jobs: migrate: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("jobs: migrate: %w", err)
	}
	return nil
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Start starts the queue: it works off what is there, takes over what a
// stopped process left in the middle, and is where the store puts new jobs.
func Start(ctx context.Context, a *app.App, log *slog.Logger) (*Queue, error) {
	driver, own, err := driverFor(a.DB)
	if err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &importWorker{app: a})
	river.AddWorker(workers, &cohortWorker{app: a})
	river.AddWorker(workers, &qualityWorker{app: a})
	river.AddWorker(workers, &comparisonWorker{app: a})
	river.AddWorker(workers, &ruleWorker{app: a})
	river.AddWorker(workers, &signalsWorker{app: a})
	client, err := river.NewClient(driver, &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}}, Workers: workers, Logger: quiet(),
		FetchPollInterval: 200 * time.Millisecond, FetchCooldown: 100 * time.Millisecond, PollOnly: true, MaxAttempts: 5,
		ErrorHandler: &failures{log},
	})
	if err != nil {
		return nil, fmt.Errorf("jobs: start: %w", err)
	}
	a.DB.SetEnqueuer(func(ctx context.Context, tx *sql.Tx, kind, id string) error {
		args, err := argsOf(kind, id)
		if err != nil {
			return err
		}
		_, err = client.InsertTx(ctx, tx, args, nil)
		return err
	})
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	if err := client.Start(running); err != nil {
		cancel()
		return nil, fmt.Errorf("jobs: start: %w", err)
	}
	q := &Queue{client: client, app: a, db: a.DB, own: own, stop: cancel, done: make(chan struct{})}
	now := a.DB.Now()
	imports, runs := now.Add(-silence), now.Add(-longSilence)
	if a.DB.Engine() == store.SQLite {
		imports, runs = now, now // the file has one process: whatever is under way has lost its worker
	}
	if err := q.takeOver(running, imports); err != nil {
		return nil, err
	}
	if err := a.LostRuns(running, runs); err != nil {
		return nil, err
	}
	go q.watch(running, log)
	return q, nil
}

// takeOver puts jobs in for the imports that have given no sign of life since.
func (q *Queue) takeOver(ctx context.Context, cutoff time.Time) error {
	orphans, err := q.db.UnfinishedImports(ctx, cutoff)
	if err != nil {
		return err
	}
	for _, i := range orphans {
		if _, err := q.client.Insert(ctx, importArgs{i.ID}, nil); err != nil {
			return fmt.Errorf("jobs: take over import %s: %w", i.ID, err)
		}
	}
	return nil
}

func (q *Queue) watch(ctx context.Context, log *slog.Logger) {
	defer close(q.done)
	tick := time.NewTicker(silence)
	defer tick.Stop()
	for {
		// What a stopped import, or a release before this one, left unsearched.
		if err := q.app.FindDuplicates(ctx); err != nil && ctx.Err() == nil {
			log.Error("find duplicates", "error", err)
		}
		if err := q.app.RunApplications(ctx); err != nil && ctx.Err() == nil {
			log.Error("run applications", "error", err)
		}
		if err := q.app.SignalsAreDue(ctx); err != nil && ctx.Err() == nil {
			log.Error("start a look for signals", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := q.takeOver(ctx, q.db.Now().Add(-silence)); err != nil {
				log.Error("take over imports", "error", err)
			}
			if err := q.app.LostRuns(ctx, q.db.Now().Add(-longSilence)); err != nil && ctx.Err() == nil {
				log.Error("end lost runs", "error", err)
			}
			if err := q.app.QualityIsDue(ctx); err != nil && ctx.Err() == nil {
				log.Error("start a quality run", "error", err)
			}
		}
	}
}

// Stop lets the jobs under way finish until ctx is done, then ends them; what
// is not finished goes on at the next start.
func (q *Queue) Stop(ctx context.Context) error {
	err := q.client.Stop(ctx)
	if err != nil {
		err = q.client.StopAndCancel(context.WithoutCancel(ctx))
	}
	q.stop()
	<-q.done
	if q.own != nil {
		if closing := q.own.Close(); err == nil {
			err = closing
		}
	}
	return err
}
