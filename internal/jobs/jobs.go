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

// worker does the jobs of one kind: one deed on one record, which is safe to
// repeat.
type worker[T record] struct {
	river.WorkerDefaults[T]
	do func(ctx context.Context, id string) error
}

// record is the arguments of a job: the record that it is about.
type record interface {
	river.JobArgs
	id() string
}

// Work does what is due on the record.
func (w *worker[T]) Work(ctx context.Context, job *river.Job[T]) error {
	return w.do(ctx, job.Args.id())
}

// Timeout lets a job take its time: it gives signs of life itself.
func (w *worker[T]) Timeout(*river.Job[T]) time.Duration { return -1 }

func add[T record](workers *river.Workers, do func(ctx context.Context, id string) error) {
	river.AddWorker(workers, &worker[T]{do: do})
}

// The kinds of jobs. Their JSON lies in queues.
type (
	importArgs struct {
		ImportID string `json:"import_id"`
	}
	cohortArgs struct {
		RuleID string `json:"rule_id"`
	}
	qualityArgs struct {
		RunID string `json:"run_id"`
	}
	comparisonArgs struct {
		ComparisonID string `json:"comparison_id"`
	}
	ruleArgs struct {
		RunID string `json:"run_id"`
	}
	signalsArgs struct {
		RunID string `json:"run_id"`
	}
	upkeepArgs struct {
		RunID string `json:"run_id"`
	}
)

// Kind is the name of the job in the queue.
func (importArgs) Kind() string     { return app.JobImport }
func (cohortArgs) Kind() string     { return app.JobCohort }
func (qualityArgs) Kind() string    { return app.JobQuality }
func (comparisonArgs) Kind() string { return app.JobComparison }
func (ruleArgs) Kind() string       { return app.JobRule }
func (signalsArgs) Kind() string    { return app.JobSignals }
func (upkeepArgs) Kind() string     { return app.JobUpkeep }

// InsertOpts gives upkeep a queue of its own: a long backup keeps no import
// waiting.
func (upkeepArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: upkeepQueue} }

const upkeepQueue = "upkeep"

func (a importArgs) id() string     { return a.ImportID }
func (a cohortArgs) id() string     { return a.RuleID }
func (a qualityArgs) id() string    { return a.RunID }
func (a comparisonArgs) id() string { return a.ComparisonID }
func (a ruleArgs) id() string       { return a.RunID }
func (a signalsArgs) id() string    { return a.RunID }
func (a upkeepArgs) id() string     { return a.RunID }

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
	case app.JobUpkeep:
		return upkeepArgs{id}, nil
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
	folded chan struct{}
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
	add[importArgs](workers, func(ctx context.Context, id string) error {
		if err := a.RunImport(ctx, id); err != nil {
			return err
		}
		if err := a.SettleImport(ctx, id); err != nil {
			log.Warn("settle an import", "import", id, "error", err)
		}
		return a.FindDuplicates(ctx)
	})
	add[cohortArgs](workers, a.RunCohort)
	add[qualityArgs](workers, a.RunQuality)
	add[comparisonArgs](workers, a.RunComparison)
	add[ruleArgs](workers, a.RunRule)
	add[signalsArgs](workers, a.RunSignals)
	add[upkeepArgs](workers, a.RunUpkeep)
	client, err := river.NewClient(driver, &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}, upkeepQueue: {MaxWorkers: 1}}, Workers: workers, Logger: quiet(),
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
	q := &Queue{client: client, app: a, db: a.DB, own: own, stop: cancel, done: make(chan struct{}), folded: make(chan struct{})}
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
	go q.fold(running, log)
	return q, nil
}

// foldEvery is how long a change may be pending in the roll-ups while nothing
// else happens.
const foldEvery = 2 * time.Second

// fold counts what is pending into the roll-ups, first of all what a stopped
// process left. Changes do it themselves after some hundred.
func (q *Queue) fold(ctx context.Context, log *slog.Logger) {
	defer close(q.folded)
	tick := time.NewTicker(foldEvery)
	defer tick.Stop()
	for due := true; ; due = q.db.Unfolded() {
		if due {
			if err := q.db.Fold(ctx); err != nil && ctx.Err() == nil {
				log.Error("fold the roll-ups", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
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
	alarms := alarms{app: q.app, log: log}
	for {
		if err := q.app.UpkeepIsDue(ctx); err != nil && ctx.Err() == nil {
			log.Error("start upkeep", "error", err)
		}
		alarms.look(ctx)
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
	<-q.folded
	if q.own != nil {
		if closing := q.own.Close(); err == nil {
			err = closing
		}
	}
	return err
}
