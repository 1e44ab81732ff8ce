package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"gorm.io/gorm"

	"phaseout/internal/access"
)

// shareAtMost is how many changes share one commit: as many as clerks who save
// at the same moment, so that the first of them does not wait long.
const shareAtMost = 16

// sharing is how small changes that come at the same time on SQLite, which has
// one writer, share a transaction: each runs when it has the turn, the last one
// who finds nobody waiting commits for all. What a change costs beyond its own
// rows (the commit's flush to disk, audit head, roll-ups) is then paid once for
// all of them.
type sharing struct {
	turn    chan struct{} // of one: held by who may use the open transaction
	waiting atomic.Int64  // who wants the turn; nobody gives up before having it
	open    *sharedTx     // nil: none; only for who has the turn
}

// sharedTx is an open transaction of several changes.
type sharedTx struct {
	db      *gorm.DB
	changes []*Tx         // done, waiting for the commit
	done    chan struct{} // closed after the commit
	err     error         // of the commit; to be read after done
}

// errLost is the fault of a change that was whole, but was lost with another's.
// It is tried again.
var errLost = errors.New("store: a shared transaction was lost")

// WriteShared is Write for a small change that somebody waits for. On SQLite it
// may share its transaction with others that come at the same time; each still
// succeeds or fails by itself, and is on disk when WriteShared returns. A change
// that has begun is not broken off when ctx ends, because breaking off a
// statement would undo the others' changes; it is taken back afterwards.
func (db *DB) WriteShared(ctx context.Context, by access.Actor, fn func(*Tx) error) error {
	if db.engine != SQLite {
		return db.Write(ctx, by, fn)
	}
	return again(ctx, func() error {
		s, err := db.share(ctx, by, fn)
		if s == nil {
			return err
		}
		<-s.done
		if err != nil {
			return err
		}
		return s.err
	})
}

// Busy reports whether a small change would have to wait for its turn now.
func (db *DB) Busy() bool { return db.engine == SQLite && len(db.sharing.turn) > 0 }

// share waits for its turn, runs fn in the open transaction, which it opens if
// there is none, and commits it if nobody is waiting. It returns the transaction
// in which fn ran, nil if that is gone already.
func (db *DB) share(ctx context.Context, by access.Actor, fn func(*Tx) error) (s *sharedTx, err error) {
	db.sharing.waiting.Add(1)
	db.sharing.turn <- struct{}{}
	db.sharing.waiting.Add(-1)
	defer func() { <-db.sharing.turn }()
	defer db.commitShared()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s = db.sharing.open; s == nil {
		g := db.write.WithContext(context.WithoutCancel(ctx)).Begin()
		if g.Error != nil {
			return nil, fmt.Errorf("store: begin: %w", g.Error)
		}
		s = &sharedTx{db: g, done: make(chan struct{})}
		db.sharing.open = s
	}
	kept := false
	if len(s.changes) == 0 { // nothing to spare: what is undone is all of it
		defer func() {
			if !kept {
				db.sharing.open = nil
				s.db.Rollback()
				s = nil
			}
		}()
	} else {
		if err := s.db.Exec("SAVEPOINT change").Error; err != nil {
			db.lose()
			return nil, errors.Join(errLost, err)
		}
		defer func() {
			if !kept && s.db.Exec("ROLLBACK TO change").Error != nil || s.db.Exec("RELEASE change").Error != nil {
				db.lose()
				s = nil
				err = errors.Join(errLost, err)
			}
		}()
	}
	tx := newTx(context.WithoutCancel(ctx), db, by)
	tx.begin(s.db)
	if err = fn(tx); err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return s, err
	}
	kept = true
	s.changes = append(s.changes, tx)
	return s, nil
}

// commitShared commits the open transaction if nobody else wants to be in it.
func (db *DB) commitShared() {
	s := db.sharing.open
	if s == nil || len(s.changes) < shareAtMost && db.sharing.waiting.Load() > 0 {
		return
	}
	db.sharing.open = nil
	s.err = db.finish(s.db, s.changes)
	close(s.done)
}

// lose gives up the open transaction, with everything in it.
func (db *DB) lose() {
	s := db.sharing.open
	db.sharing.open = nil
	s.db.Rollback()
	s.err = errLost
	close(s.done)
}

// finish writes what belongs at the end of a transaction of one or more changes
// and commits it.
func (db *DB) finish(g *gorm.DB, changes []*Tx) error {
	release, err := db.flush(g, changes)
	defer release()
	if err != nil {
		return errors.Join(err, g.Rollback().Error)
	}
	return g.Commit().Error
}
