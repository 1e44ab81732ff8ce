package registry

import (
	"hash/maphash"
	"maps"
	"slices"
	"strconv"

	"phaseout/internal/bilingual"
)

// Outcome is what becomes of a row of a sheet that is checked in itself.
type Outcome string

// The outcomes of a row.
const (
	OutcomeCreate    Outcome = "create"    // good
	OutcomeWarn      Outcome = "warn"      // good, with a warning
	OutcomeReject    Outcome = "reject"    // an error keeps it out
	OutcomeDuplicate Outcome = "duplicate" // the same record stands earlier in the sheet
)

// Batch checks the rows of one sheet against each other, in their order.
//
// A sheet may have a million rows, so it keeps no texts but their hashes: of
// 64 bits for identities, where a chance hit among a million rows (one in ten
// million sheets) would only ask for a second look, of 128 for contents.
type Batch struct {
	seed    maphash.Seed
	first   map[uint64]int32 // unique identifier → place of its row in rows
	engines map[uint64]struct{}
	rows    [][]goodRow // in pieces, so that growing copies nothing
}

// goodRow is a row that claims its identities.
type goodRow struct {
	content content
	number  int32
}

// content is the hash of all that a row says.
type content [2]uint64

const batchPiece = 1 << 14

// NewBatch returns a batch without rows.
func NewBatch() *Batch {
	return &Batch{seed: maphash.MakeSeed(), first: map[uint64]int32{}, engines: map[uint64]struct{}{}}
}

// claim keeps a good row and returns its place.
func (b *Batch) claim(row goodRow) int32 {
	if last := len(b.rows) - 1; last < 0 || len(b.rows[last]) == batchPiece {
		b.rows = append(b.rows, make([]goodRow, 0, batchPiece))
	}
	last := len(b.rows) - 1
	b.rows[last] = append(b.rows[last], row)
	return int32(last*batchPiece + len(b.rows[last]) - 1) // a sheet has far fewer rows
}

func (b *Batch) at(place int32) goodRow { return b.rows[place/batchPiece][place%batchPiece] }

func (b *Batch) identity(i Identifier) uint64 { return maphash.String(b.seed, i.Kind+"\n"+i.Norm) }

// content hashes a row's fields twice, each time with another beginning.
func (b *Batch) content(a Asset) (sum content) {
	for n := range sum {
		var h maphash.Hash
		h.SetSeed(b.seed)
		write := func(texts ...string) {
			for _, text := range texts {
				_, _ = h.WriteString(text)
				_ = h.WriteByte(0)
			}
		}
		write(strconv.Itoa(n), a.OwnerID, a.OwnerPhone)
		for _, key := range slices.Sorted(maps.Keys(a.Fields)) {
			write(key, a.Fields[key])
		}
		for _, i := range a.Identifiers {
			write(i.Kind, i.Norm)
		}
		sum[n] = h.Sum64()
	}
	return sum
}

// Add takes the next row with its findings and returns what becomes of it and
// all of its findings. A row that is the same record as an earlier good row is
// a duplicate and skipped; one that shares an identity with it but differs is
// rejected: the first row stands. A rejected row claims no identity.
func (b *Batch) Add(row int, a Asset, findings []Finding) (Outcome, []Finding) {
	for _, f := range findings {
		if f.Severity == Error {
			return OutcomeReject, findings
		}
	}
	own := b.content(a)
	for _, i := range a.Identifiers {
		place, taken := b.first[b.identity(i)]
		if !i.Unique || !taken {
			continue
		}
		earlier := b.at(place)
		f := Finding{Field: i.Kind, Value: i.Value, Code: "duplicate_in_file", Severity: Error,
			Message: bilingual.F("%s 与第 %d 行重复，内容不同", "%s stands in row %d already, with other content", i.Value, earlier.number),
			Mend:    bilingual.T("以先出现的一行为准；请核对后只保留正确的一行", "the first row stands; keep the right one of the two")}
		if own == earlier.content {
			f.Severity = Warning
			f.Message = bilingual.F("%s 与第 %d 行完全相同，已跳过", "%s is the same record as row %d and is skipped", i.Value, earlier.number)
			f.Mend = bilingual.T("无需处理", "nothing to do")
			return OutcomeDuplicate, append(findings, f)
		}
		return OutcomeReject, append(findings, f)
	}
	place := b.claim(goodRow{own, int32(row)})
	for _, i := range a.Identifiers {
		key := b.identity(i)
		switch {
		case i.Unique:
			b.first[key] = place
		case i.Kind == "engine_no":
			if _, seen := b.engines[key]; seen {
				findings = append(findings, SharedEngine(i))
			} else {
				b.engines[key] = struct{}{}
			}
		}
	}
	if len(findings) > 0 {
		return OutcomeWarn, findings
	}
	return OutcomeCreate, findings
}
