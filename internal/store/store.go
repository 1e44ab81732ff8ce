// Package store keeps everything in the database, SQLite by default or
// PostgreSQL. It is the only package that knows SQL and gorm. Every read takes
// an access.Scope, every change goes through Write, which carries actor, scope
// and instant, keeps the roll-up and appends the audit events in the same
// transaction.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/seal"
	"phaseout/internal/subsidy"
)

// Engine names a database engine.
type Engine string

// The engines. The rest of the program does not know which one it is on.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// minSQLite is the first release without the WAL-reset corruption of 3.7.0 to 3.51.2.
const minSQLite = 3_051_003

// Enqueuer puts a job into the queue inside a transaction, so that the job
// exists if and only if the change does.
type Enqueuer func(ctx context.Context, tx *sql.Tx, kind string, id string) error

// NoQueue is the queue of a program that does its work at once, such as a
// command: it forgets the job, whoever asked for it does it.
func NoQueue(context.Context, *sql.Tx, string, string) error { return nil }

// DB is an open database.
type DB struct {
	engine  Engine
	write   *gorm.DB // SQLite: one connection
	read    *gorm.DB // SQLite: query-only connections; PostgreSQL: the same pool
	now     func() time.Time
	enqueue Enqueuer
	path    string     // of the SQLite file
	ring    *seal.Ring // of people's numbers
	sharing sharing

	knowledge sync.RWMutex              // held from the stamp of a recording to its commit, shared while a figure takes its instant
	lastRead  atomic.Int64              // the last instant, in microseconds, that a figure was given for
	auditHead atomic.Pointer[auditHead] // where this program last left the end of the audit
	lastNo    atomic.Int64              // of a recording, that this program drew
	unfolded  atomic.Int64              // assets whose changes this program left pending since it folded last
	foldAfter int64                     // how many of them it leaves; tests fold sooner
}

// Open opens the database of a URL: "postgres://…", or "sqlite:" and a path.
// It does not migrate. It fails if the engine is not as safe as it must be:
// write-ahead log, synchronous FULL, foreign keys on, no known-bad release.
func Open(ctx context.Context, dsn string, now func() time.Time) (*DB, error) {
	db := &DB{now: now, sharing: sharing{turn: make(chan struct{}, 1)}, foldAfter: foldAfter}
	var err error
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		err = db.openPostgres(dsn)
	} else {
		err = db.openSQLite(ctx, strings.TrimPrefix(dsn, "sqlite:"))
	}
	if err != nil {
		return nil, err
	}
	if err := db.assertSafe(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func gormConfig() *gorm.Config {
	return &gorm.Config{
		Logger: logger.Discard, SkipDefaultTransaction: true, // statements stay prepared in the drivers
		NowFunc: func() time.Time { return time.Time{} }, // instants are always set by us
	}
}

func (db *DB) openPostgres(dsn string) error {
	pool, err := gorm.Open(postgres.Open(dsn), gormConfig())
	if err != nil {
		return fmt.Errorf("store: open PostgreSQL: %w", err)
	}
	handle, err := pool.DB()
	if err != nil {
		return err
	}
	handle.SetMaxOpenConns(4 * max(4, runtime.NumCPU()))
	handle.SetMaxIdleConns(4 * max(4, runtime.NumCPU())) // two is the default: all others would be opened anew for every question
	handle.SetConnMaxIdleTime(5 * time.Minute)
	db.engine, db.write, db.read = Postgres, pool, pool
	return nil
}

func (db *DB) openSQLite(ctx context.Context, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store: make the folder of the database: %w", err)
	}
	writer, err := gorm.Open(sqlite.New(sqlite.Config{DriverName: sqliteDriver, DSN: SQLiteDSN(path, false)}), gormConfig())
	if err != nil {
		return fmt.Errorf("store: open %s: %w", path, err)
	}
	handle, err := writer.DB()
	if err != nil {
		return err
	}
	handle.SetMaxOpenConns(1)
	if _, err := handle.ExecContext(ctx, "SELECT 1"); err != nil { // creates the file before a reader opens it
		return fmt.Errorf("store: open %s: %w", path, err)
	}
	reader, err := gorm.Open(sqlite.Open(SQLiteDSN(path, true)), gormConfig())
	if err != nil {
		return fmt.Errorf("store: open %s: %w", path, err)
	}
	readers, err := reader.DB()
	if err != nil {
		return err
	}
	readers.SetMaxOpenConns(max(4, runtime.NumCPU()))
	readers.SetMaxIdleConns(max(4, runtime.NumCPU()))
	db.engine, db.write, db.read, db.path = SQLite, writer, reader, path
	return nil
}

// sqliteDriver is go-sqlite3 with a log of 16 MiB, four times the default, before
// it is written back into the database: pages that many changes touch, such as
// those of the roll-ups, are written back once. Every connection says so.
const sqliteDriver = "sqlite3_phaseout"

func init() {
	sql.Register(sqliteDriver, &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		_, err := c.Exec("PRAGMA wal_autocheckpoint = 4000", nil)
		return err
	}})
}

// SQLiteDSN returns the DSN of a SQLite file. Every pragma is in it, because a
// pragma that is executed reaches only one pooled connection. Writing
// transactions start immediate: a deferred one fails at once when it has to
// upgrade its snapshot, whatever the busy timeout.
func SQLiteDSN(path string, queryOnly bool) string {
	q := url.Values{
		"_foreign_keys": {"on"}, "_busy_timeout": {"5000"}, "_journal_mode": {"WAL"},
		"_synchronous": {"FULL"}, "_txlock": {"immediate"}, "_secure_delete": {"on"}, "_cache_size": {"-24576"}, // KiB
		"_stmt_cache_size": {"256"}, // a change has some forty statements; preparing one takes as long as running it
	}
	if queryOnly {
		q.Set("_query_only", "on")
		q.Set("_txlock", "deferred")
		q.Set("_cache_size", "-4096") // each reader has one of its own, and the system caches the file for all
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: q.Encode()}).String()
}

func (db *DB) assertSafe(ctx context.Context) error {
	if db.engine == Postgres {
		var version int
		if err := db.read.WithContext(ctx).Raw("SELECT current_setting('server_version_num')::int").Scan(&version).Error; err != nil {
			return fmt.Errorf("store: PostgreSQL does not answer: %w", err)
		}
		if version < 130000 {
			return fmt.Errorf("store: PostgreSQL %d is too old, 13 or later is needed", version/10000)
		}
		return nil
	}
	if _, number, _ := sqlite3.Version(); number < minSQLite {
		return fmt.Errorf("store: SQLite %d has a known corruption fault, %d or later is needed", number, minSQLite)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := db.write.WithContext(ctx).Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil {
			return fmt.Errorf("store: read pragma %s: %w", pragma, err)
		}
		if got != want {
			return fmt.Errorf("store: pragma %s is %q, must be %q: the file system may not support it; put the data folder on a local disk", pragma, got, want)
		}
	}
	return nil
}

// SetRing installs the keys under which numbers of people are sealed. Without
// them, applications cannot be read or written.
func (db *DB) SetRing(r *seal.Ring) { db.ring = r }

// SetEnqueuer installs the job queue. Without one, Tx.Enqueue fails.
func (db *DB) SetEnqueuer(e Enqueuer) { db.enqueue = e }

// Engine tells which engine the database is on, for operations only.
func (db *DB) Engine() Engine { return db.engine }

// Close closes all connections.
func (db *DB) Close() error {
	var errs []error
	for _, pool := range []*gorm.DB{db.read, db.write} {
		if pool == nil {
			continue
		}
		if handle, err := pool.DB(); err == nil {
			errs = append(errs, handle.Close())
		}
		if db.engine == Postgres {
			break
		}
	}
	return errors.Join(errs...)
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	return db.read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error
}

// Now returns the instant of the injected clock in UTC, to the microsecond,
// which is what both engines keep.
func (db *DB) Now() time.Time { return db.now().UTC().Truncate(time.Microsecond) }

// SetClock puts another clock in the place of the one the database was opened
// with, which it returns: for a demonstration that tells a history. Nothing else
// may use the database meanwhile.
func (db *DB) SetClock(now func() time.Time) (was func() time.Time) {
	was, db.now = db.now, now
	return was
}

// Tx is one transaction by one actor. Only a Tx can change rows.
type Tx struct {
	db     *gorm.DB
	store  *DB
	ctx    context.Context
	By     access.Actor
	At     time.Time
	events []Event

	no      int64              // of the recording, 0 while nothing that counts has changed
	changed map[string]*change // by asset
	changes []*change          // in their order

	queued *string // the city whose money the change has queued for, "" for all, nil for none

	nextDoc    int64 // of the search index on SQLite, 0 before it is known
	identities []identity
	programs   map[string][]subsidy.Program // that were read, by city and class
}

func newTx(ctx context.Context, db *DB, by access.Actor) *Tx {
	return &Tx{store: db, ctx: ctx, By: by, changed: map[string]*change{}, programs: map[string][]subsidy.Program{}}
}

// begin puts the change into an open transaction.
func (tx *Tx) begin(g *gorm.DB) { tx.db, tx.At = g.WithContext(tx.ctx), tx.store.Now() }

// Write runs fn in one transaction by the actor and commits if it returns nil:
// rows, roll-up, audit events and jobs together, or nothing. PostgreSQL
// deadlocks and serialization failures are tried again.
func (db *DB) Write(ctx context.Context, by access.Actor, fn func(*Tx) error) error {
	return again(ctx, func() error {
		tx := newTx(ctx, db, by)
		release := func() {}
		defer func() { release() }()
		return db.write.WithContext(ctx).Transaction(func(g *gorm.DB) error {
			tx.begin(g)
			err := fn(tx)
			if err == nil {
				release, err = db.flush(g, []*Tx{tx})
			}
			return err
		})
	})
}

// Try runs a part of a change of which nothing stays if it fails; the change may
// go on without it. The part must not touch an asset.
func (tx *Tx) Try(part func() error) error {
	if err := tx.flushEvents(); err != nil {
		return err
	}
	if err := tx.exec("SAVEPOINT part"); err != nil {
		return fmt.Errorf("store: begin a part: %w", err)
	}
	err := part()
	if err != nil {
		tx.events = tx.events[:0]
		err = errors.Join(err, tx.exec("ROLLBACK TO SAVEPOINT part"))
	}
	return errors.Join(err, tx.exec("RELEASE SAVEPOINT part"))
}

// again tries a transaction a few times if it fails by no fault of its own, each
// time after a longer random pause, so that two that deadlocked do not meet again.
// Broken off while ctx still stands is somebody else's end, who had the connection.
func again(ctx context.Context, once func() error) error {
	for attempt := 1; ; attempt++ {
		err := once()
		brokenOff := errors.Is(err, context.Canceled) && ctx.Err() == nil
		if err == nil || attempt == 8 || !retryable(err) && !brokenOff {
			return err
		}
		time.Sleep(rand.N(time.Duration(attempt) * 10 * time.Millisecond))
	}
}

// flush writes what belongs at the end of a transaction of one or more changes:
// the audit's events, the index of look-alikes, the roll-ups. release is to be
// called after the commit.
func (db *DB) flush(g *gorm.DB, changes []*Tx) (release func(), err error) {
	all := newTx(changes[0].ctx, db, changes[0].By)
	all.db = g
	for _, tx := range changes {
		all.events = append(all.events, tx.events...)
		tx.events = nil
	}
	if err := all.flushEvents(); err != nil {
		return func() {}, err
	}
	for _, tx := range changes {
		if err := tx.flushIdentities(); err != nil {
			return func() {}, err
		}
	}
	return all.flushStandings(changes)
}

// Look runs fn in one reading transaction by the actor: what it reads belongs
// together, and it can change nothing.
func (db *DB) Look(ctx context.Context, by access.Actor, fn func(*Tx) error) error {
	var options []*sql.TxOptions
	if db.engine == Postgres { // the readers of SQLite are query-only already
		options = append(options, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	}
	return db.read.WithContext(ctx).Transaction(func(g *gorm.DB) error {
		return fn(&Tx{db: g, store: db, ctx: ctx, By: by, At: db.Now()})
	}, options...)
}

// Enqueue adds a job that runs if and only if the transaction commits.
func (tx *Tx) Enqueue(kind, id string) error {
	if tx.store.enqueue == nil {
		return errors.New("store: no job queue is installed")
	}
	handle, err := sqlTx(tx.db)
	if err != nil {
		return err
	}
	return tx.store.enqueue(tx.ctx, handle, kind, id)
}

func sqlTx(g *gorm.DB) (*sql.Tx, error) {
	switch pool := g.Statement.ConnPool.(type) {
	case *sql.Tx:
		return pool, nil
	case *gorm.PreparedStmtTX:
		if handle, ok := pool.Tx.(*sql.Tx); ok {
			return handle, nil
		}
	}
	return nil, errors.New("store: not inside a database transaction")
}

// raced is a violated unique key that a look-up in the same transaction did not
// foresee: somebody else was faster. The next attempt will see it.
type raced struct{ error }

func (r raced) Unwrap() error { return r.error }

func retryable(err error) bool {
	var pg *pgconn.PgError
	// PostgreSQL: whoever had the connection before gave up, and it was closed; nothing was sent.
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, errLost) || errors.As(err, new(raced)) || errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// duplicate reports whether err is a violated unique key on either engine.
func duplicate(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite sqlite3.Error
	return errors.As(err, &lite) && (lite.ExtendedCode == sqlite3.ErrConstraintUnique || lite.ExtendedCode == sqlite3.ErrConstraintPrimaryKey)
}

// IsUnkeepable reports whether PostgreSQL refused a text because of a character
// that it does not keep.
func IsUnkeepable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "22021"
}

// affect fails unless a guarded statement changed exactly one row. gorm does
// not call zero rows an error.
func affect(res *gorm.DB, otherwise error) error {
	if res.Error != nil {
		return res.Error
	}
	if res.RowsAffected != 1 {
		return otherwise
	}
	return nil
}

// stale is the fault of a change that is based on an older version.
func stale() error {
	return fault.New(fault.Stale, "stale", bilingual.T("该记录已被他人修改", "the record was changed by somebody else")).
		WithMend("请查看最新内容后重新提交", "look at the present version, then submit again")
}

// inScope narrows a query to the rows of a scope. It is the one place where a
// scope becomes SQL. Tables with a district_code column pass district true.
func inScope(q *gorm.DB, s access.Scope, district bool) *gorm.DB {
	column := ""
	if district {
		column = "district_code"
	}
	return inScopeOf(q, s, "city_code", column)
}

// inScopeOf is inScope for a table that names its columns otherwise, such as
// one whose rows belong to two cities.
func inScopeOf(q *gorm.DB, s access.Scope, city, district string) *gorm.DB {
	test, args := scopeTest(s, city, district)
	if test == "" {
		return q
	}
	return q.Where(test, args...)
}

// scopeTest is the test of a row that lies in a scope, "" if every row does.
func scopeTest(s access.Scope, city, district string) (test string, args []any) {
	switch {
	case s.Code() == "" || s.Yard() != "": // a yard's own intake is inYard's business
		return "1 = 0", nil
	case s.IsProvince():
		return "", nil
	case district != "" && s.District() != "":
		return district + " = ?", []any{s.District()}
	default:
		return city + " = ?", []any{s.City()}
	}
}

// inYard narrows a query to the intake of the yard that a scope is bound to. It
// is the one place where a yard becomes SQL; every other scope gets nothing.
func inYard(q *gorm.DB, s access.Scope) *gorm.DB {
	if s.Yard() == "" {
		return q.Where("1 = 0")
	}
	return q.Where("yard_id = ?", s.Yard())
}

// likePattern makes a substring pattern of q for LIKE … ESCAPE '!'.
func likePattern(q string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(q) + "%"
}
