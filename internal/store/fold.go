package store

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"phaseout/internal/access"
)

// A change of a few assets touches some forty cells of the roll-ups, more than
// all else that it writes. Its recording is left pending, and some hundred of
// them are folded into the cells at once, where most fall into the same ones.
// Until then figures add what is pending from the rows (docs/adr/0402).
const (
	pendingAtMost = 64  // assets of a commit that is left pending: a larger one has few cells to an asset
	foldAfter     = 256 // assets that are pending, about, when a commit folds them
)

// pendingNos are the recordings that are not in the roll-ups.
const pendingNos = "(SELECT no FROM recordings WHERE pending > 0)"

// foldLock is PostgreSQL's advisory lock of who folds.
const foldLock = 7_402

// Fold counts what is pending into the roll-ups. No figure changes by it.
func (db *DB) Fold(ctx context.Context) error {
	return db.Write(ctx, access.System("fold"), func(tx *Tx) error { return tx.fold() })
}

// Unfolded reports whether this program left anything pending since it folded last.
func (db *DB) Unfolded() bool { return db.unfolded.Load() > 0 }

func (tx *Tx) fold() error {
	tx.store.unfolded.Store(0)
	if tx.store.engine == Postgres { // one at a time; who comes second has nothing to do
		var mine bool
		if err := tx.db.Raw("SELECT pg_try_advisory_xact_lock(?)", foldLock).Scan(&mine).Error; err != nil || !mine {
			return err
		}
	}
	pending, err := pendingOf(tx.db)
	if err != nil {
		return err
	}
	nos := pending.whole()
	if len(nos) == 0 {
		return nil
	}
	if err := tx.putCells(pending.cells(nos)); err != nil {
		return err
	}
	for chunk := range slices.Chunk(nos, 500) {
		text := "UPDATE recordings SET pending = 0 WHERE " + anyOf("no", len(chunk))
		if tx.store.engine == Postgres {
			text = numbered(text)
		}
		if err := tx.exec(text, anys(chunk)...); err != nil {
			return fmt.Errorf("store: fold recordings: %w", err)
		}
	}
	return nil
}

// pending are recordings that are not in the roll-ups, with the standings that
// began or ended with them.
type pending struct {
	recordings map[int64]recording
	rows       []StandingRow
	marks      map[int64]int64 // that were found of each
}

func pendingRecordings(q *gorm.DB) ([]recording, error) {
	recordings, err := find[recording](q, "pending > 0")
	if err != nil {
		return nil, fmt.Errorf("store: read what is pending: %w", err)
	}
	return recordings, nil
}

// pendingOf reads what is pending. The standings are read by one statement: on
// PostgreSQL others may commit meanwhile, and what they change of an asset moves
// its standing from one table to the other.
func pendingOf(q *gorm.DB) (pending, error) {
	recordings, err := pendingRecordings(q)
	if err != nil || len(recordings) == 0 {
		return pending{}, err
	}
	p := pending{recordings: make(map[int64]recording, len(recordings)), marks: map[int64]int64{}}
	for _, r := range recordings {
		p.recordings[r.No] = r
	}
	return p, scanStandings(q.Session(&gorm.Session{NewDB: true}).Raw(
		"SELECT "+assetStanding+standingColumns+" FROM assets WHERE recorded_no IN "+pendingNos+
			" UNION ALL SELECT "+formerStandingColumns+standingColumns+" FROM standings WHERE from_no IN "+pendingNos+" OR to_no IN "+pendingNos),
		func(r StandingRow) {
			p.rows = append(p.rows, r)
			p.marks[r.FromNo]++
			p.marks[r.ToNo]++
		})
}

// whole returns the recordings of which every standing was found. One that lacks
// some stays pending: somebody took rows away behind the program's back, and the
// check says so for as long as it stays.
func (p pending) whole() (nos []int64) {
	for no, r := range p.recordings {
		if p.marks[no] == r.Pending {
			nos = append(nos, no)
		}
	}
	slices.Sort(nos)
	return nos
}

// doubt is the first recording of which not every standing was found.
func (p pending) doubt() error {
	for no, r := range p.recordings {
		if p.marks[no] != r.Pending {
			return fmt.Errorf("recording %d of %s changed %d standings, the rows show %d", no, r.Day, r.Pending, p.marks[no])
		}
	}
	return nil
}

// cells is what some of the pending recordings add to the roll-ups.
func (p pending) cells(nos []int64) *cells {
	sums := newCells()
	among := make(map[int64]bool, len(nos))
	for _, no := range nos {
		among[no] = true
	}
	for _, r := range p.rows {
		if among[r.FromNo] {
			sums.add(r.standing(), 1, p.recordings[r.FromNo].Day, r.Cause)
		}
		if among[r.ToNo] {
			sums.add(r.standing(), -1, p.recordings[r.ToNo].Day, r.EndCause)
		}
	}
	return sums
}

// minus takes other cells away.
func (c *cells) minus(other *cells) {
	subtract(c.area, other.area)
	subtract(c.fine, other.fine)
	subtract(c.due, other.due)
	subtract(c.log, other.log)
}

func subtract[C comparable](from, other map[C]int64) {
	for k, n := range other {
		from[k] -= n
	}
}
