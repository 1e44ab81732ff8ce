package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"phaseout/internal/civil"
	"phaseout/internal/emission"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/target"
)

// standing is everything about an asset that a figure depends on: what it is
// grouped by, the days on which it counts and what its tonnes are reckoned from.
type standing struct {
	CityCode     string
	DistrictCode string
	Class        registry.Class
	Category     string
	Stage        string
	Status       registry.Status
	ScrapDueOn   civil.Day
	Activity     string // of emission.Activity, as JSON; "" for trucks, which need none
	retirement.Counting
}

func standingOf(a *AssetRecord) standing {
	return standing{a.CityCode, a.DistrictCode, a.Class, a.Category, a.Stage, a.Status, a.ScrapDueOn, activityOf(a.Class, a.Fields), a.Counting}
}

// activityOf returns what tonnes are reckoned from of an asset's fields.
func activityOf(class registry.Class, fields map[string]string) string {
	kept := map[string]string{}
	for _, field := range emission.Activity {
		if v := fields[field]; v != "" && class != registry.Truck {
			kept[field] = v
		}
	}
	if len(kept) == 0 {
		return ""
	}
	text, _ := json.Marshal(kept) // of texts: never fails
	return string(text)
}

// entries returns what the standing adds to the kept metrics.
func (s standing) entries() []target.Entry {
	return target.Standing{
		CohortOn: s.CohortOn, HandedInOn: s.HandedInOn, DeclaredOn: s.DeclaredOn, EvidencedOn: s.EvidencedOn, VerifiedOn: s.VerifiedOn,
		ConvertedOn: s.ConvertedOn, MovedOutOn: s.MovedOutOn, HandOverOn: s.HandOverOn, DismantledOn: s.DismantledOn, LeftOn: s.LeftOn,
		WayOut: s.WayOut, CountsAs: s.CountsAs, Review: string(s.Review), EvidenceComplete: s.EvidenceComplete,
		StageUnknown: s.Stage == "unknown" || s.Stage == "", Duplicate: s.Status == registry.Duplicate,
	}.Entries()
}

// StandingRow is how an asset stood from one recording to another.
type StandingRow struct {
	AssetID      string
	FromNo       int64
	ToNo         int64
	Cause        string
	EndCause     string
	Label        string
	CityCode     string
	DistrictCode string
	Class        registry.Class
	Category     string
	Stage        string
	Status       registry.Status
	ScrapDueOn   civil.Day
	Activity     string
	retirement.Counting
}

// TableName is the table of the log of standings.
func (StandingRow) TableName() string { return "standings" }

func (r StandingRow) standing() standing {
	return standing{r.CityCode, r.DistrictCode, r.Class, r.Category, r.Stage, r.Status, r.ScrapDueOn, r.Activity, r.Counting}
}

func formerStanding(a *AssetRecord, to int64, endCause string) StandingRow {
	return StandingRow{
		AssetID: a.ID, FromNo: a.recordedNo, ToNo: to, Cause: a.recordedCause, EndCause: endCause, Label: a.Label,
		CityCode: a.CityCode, DistrictCode: a.DistrictCode, Class: a.Class, Category: a.Category, Stage: a.Stage, Status: a.Status,
		ScrapDueOn: a.ScrapDueOn, Activity: activityOf(a.Class, a.Fields), Counting: a.Counting,
	}
}

// change is what one transaction did to the standing of one asset.
type change struct {
	before *AssetRecord // nil: new
	after  *AssetRecord // nil: removed
	cause  string
}

// mark is the one place where the standing of an asset changes: every method
// that adds, changes, moves or removes an asset calls it before it writes the
// row. before is nil for a new asset, after for a removed one.
func (tx *Tx) mark(before, after *AssetRecord, cause string) {
	if before != nil && after != nil {
		after.recordedNo, after.recordedCause = before.recordedNo, before.recordedCause
		if standingOf(before) == standingOf(after) {
			if c := tx.changed[after.ID]; c != nil {
				c.after = after
			}
			return
		}
	}
	tx.drawNo()
	cause = target.CauseOf(cause)
	id := ""
	if after != nil {
		id = after.ID
		after.recordedNo, after.recordedCause = tx.no, cause
	} else {
		id = before.ID
	}
	c := tx.changed[id]
	if c == nil {
		c = &change{}
		if before != nil {
			was := *before
			c.before = &was
		}
		tx.changed[id] = c
		tx.changes = append(tx.changes, c)
	}
	c.after, c.cause = after, cause
}

func (tx *Tx) drawNo() {
	if tx.no == 0 {
		tx.no = tx.store.drawNo()
	}
}

// drawNo draws the number of a recording, above what the migration gave. It
// follows the clock, so that what is recorded together lies together in the
// indexes; two programs that draw the same one find out when they record.
func (db *DB) drawNo() int64 {
	for {
		last := db.lastNo.Load()
		no := max(last+1, db.Now().UnixMicro()<<11|rand.Int64N(1<<11))
		if db.lastNo.CompareAndSwap(last, no) {
			return no
		}
	}
}

// NoteKnowledge makes the transaction one that figures as known at an instant
// tell apart, though no asset changes: a target, a definition, a yard or a set
// of factors does. It
// returns the number of its recording.
func (tx *Tx) NoteKnowledge() int64 {
	tx.drawNo()
	return tx.no
}

// recording is one transaction that changed what is counted.
type recording struct {
	No      int64
	AtUs    int64
	Day     civil.Day
	ByName  string
	Pending int64 // standings that began or ended with it and that no roll-up counts yet
}

// flushStandings keeps the former standings of changes and counts them, or leaves
// that to a later transaction. It is the last that a transaction does: whoever
// holds DB.knowledge waits for no row that another transaction may have locked.
// From here to the commit, after which release is to be called, no other
// transaction of this program records and no figure begins to be read
// (DB.knowledge), so that what a figure read is exactly what was recorded up to
// its instant.
func (tx *Tx) flushStandings(changes []*Tx) (release func(), err error) {
	recorded := slices.DeleteFunc(slices.Clone(changes), func(c *Tx) bool { return c.no == 0 })
	if len(recorded) == 0 {
		return func() {}, nil
	}
	tx.store.knowledge.Lock()
	release = tx.store.knowledge.Unlock
	latest, err := find[recording](tx.db, "at_us = (SELECT MAX(at_us) FROM recordings)")
	if err != nil {
		return release, fmt.Errorf("store: read the last recording: %w", err)
	}
	at := max(tx.store.Now().UnixMicro(), tx.store.lastRead.Load()+1)
	if len(latest) > 0 {
		at = max(at, latest[0].AtUs+1)
	}
	assets := 0
	for _, c := range recorded {
		assets += len(c.changes)
	}
	later := assets <= pendingAtMost
	var recordings []recording
	var former []StandingRow
	cells := newCells()
	for _, c := range recorded {
		r := recording{No: c.no, AtUs: at, Day: civil.On(time.UnixMicro(at)), ByName: c.By.Name}
		at++
		if later {
			r.Pending = c.marks()
		} else {
			c.count(r, cells)
		}
		recordings, former = append(recordings, r), append(former, c.formerStandings()...)
	}
	if err := insertAll(tx, recordings); err != nil {
		if duplicate(err) {
			return release, raced{fmt.Errorf("store: two recordings at one instant: %w", err)}
		}
		return release, fmt.Errorf("store: keep a recording: %w", err)
	}
	if err := insertAll(tx, former); err != nil {
		return release, fmt.Errorf("store: keep former standings: %w", err)
	}
	if !later {
		return release, tx.putCells(cells)
	}
	if tx.store.unfolded.Add(int64(assets)) < tx.store.foldAfter {
		return release, nil
	}
	return release, tx.fold()
}

// formerStandings returns the standings that ended with a transaction.
func (tx *Tx) formerStandings() (former []StandingRow) {
	for _, c := range tx.changes {
		if c.before != nil {
			former = append(former, formerStanding(c.before, tx.no, c.cause))
		}
	}
	return former
}

// marks is how many standings began or ended with a transaction.
func (tx *Tx) marks() (n int64) {
	for _, c := range tx.changes {
		if c.before != nil {
			n++
		}
		if c.after != nil {
			n++
		}
	}
	return n
}

// count counts what a transaction changed into the cells.
func (tx *Tx) count(r recording, cells *cells) {
	for _, c := range tx.changes {
		if c.before != nil {
			cells.add(standingOf(c.before), -1, r.Day, c.cause)
		}
		if c.after != nil {
			cells.add(standingOf(c.after), 1, r.Day, c.cause)
		}
	}
}
