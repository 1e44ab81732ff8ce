package registry

import (
	"hash/maphash"
	"maps"
	"slices"

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
// A sheet may have a million rows, so it keeps no texts but their hashes, of 64
// bits: a chance hit among the identities of a million rows (one in ten million
// sheets) would only ask for a second look, and contents are compared only where
// an identity is the same already.
type Batch struct {
	seed     maphash.Seed
	first    hashTable // unique identifier → place of its row
	engines  hashTable
	contents pieces[uint64] // of the rows that claim their identities: the hash of all that each says
	numbers  pieces[int32]  // and where each stands
}

// pieces is a list that grows without copying what it has.
type pieces[T any] [][]T

const onePiece = 1 << 14

func (p *pieces[T]) add(v T) {
	if last := len(*p) - 1; last < 0 || len((*p)[last]) == onePiece {
		*p = append(*p, make([]T, 0, onePiece))
	}
	last := len(*p) - 1
	(*p)[last] = append((*p)[last], v)
}

func (p pieces[T]) at(place int32) T { return p[place/onePiece][place%onePiece] }

// hashTable maps hashes to places. It takes some 17 bytes for each, 11 in a part
// whose places are all 0, holds no pointer that the garbage collector would
// follow, and grows a 256th at a time.
type hashTable [256]struct {
	keys   []uint64 // 0 is a free place
	values []int32  // nil as long as all are 0
	used   int
}

// find returns where in its part a key is or would be.
func find(keys []uint64, key uint64) int {
	i := int(key % uint64(len(keys)))
	for keys[i] != 0 && keys[i] != key {
		if i++; i == len(keys) {
			i = 0
		}
	}
	return i
}

func (t *hashTable) get(key uint64) (int32, bool) {
	part := &t[key>>56]
	if part.used == 0 {
		return 0, false
	}
	i := find(part.keys, key)
	if part.values == nil {
		return 0, part.keys[i] == key
	}
	return part.values[i], part.keys[i] == key
}

func (t *hashTable) put(key uint64, value int32) {
	part := &t[key>>56]
	if part.used*10 >= len(part.keys)*8 {
		keys, values := part.keys, part.values
		part.keys = make([]uint64, max(16, len(keys)*5/4))
		if values != nil {
			part.values = make([]int32, len(part.keys))
		}
		for i, k := range keys {
			if k == 0 {
				continue
			}
			j := find(part.keys, k)
			part.keys[j] = k
			if values != nil {
				part.values[j] = values[i]
			}
		}
	}
	if value != 0 && part.values == nil {
		part.values = make([]int32, len(part.keys))
	}
	i := find(part.keys, key)
	if part.keys[i] == 0 {
		part.used++
	}
	part.keys[i] = key
	if part.values != nil {
		part.values[i] = value
	}
}

// NewBatch returns a batch without rows.
func NewBatch() *Batch { return &Batch{seed: maphash.MakeSeed()} }

// claim keeps a good row and returns its place.
func (b *Batch) claim(content uint64, number int32) int32 {
	b.contents.add(content)
	b.numbers.add(number)
	return int32((len(b.numbers)-1)*onePiece + len(b.numbers[len(b.numbers)-1]) - 1) // a sheet has far fewer rows
}

// identity hashes an identifier, never to 0.
func (b *Batch) identity(i Identifier) uint64 {
	return max(1, maphash.String(b.seed, i.Kind+"\n"+i.Norm))
}

// content hashes a row's fields.
func (b *Batch) content(a Asset) uint64 {
	var h maphash.Hash
	h.SetSeed(b.seed)
	write := func(texts ...string) {
		for _, text := range texts {
			_, _ = h.WriteString(text)
			_ = h.WriteByte(0)
		}
	}
	write(a.OwnerID, a.OwnerPhone)
	for _, key := range slices.Sorted(maps.Keys(a.Fields)) {
		write(key, a.Fields[key])
	}
	for _, i := range a.Identifiers {
		write(i.Kind, i.Norm)
	}
	return h.Sum64()
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
		place, taken := b.first.get(b.identity(i))
		if !i.Unique || !taken {
			continue
		}
		f := Finding{Field: i.Kind, Value: i.Value, Code: "duplicate_in_file", Severity: Error,
			Message: bilingual.F("%s 与第 %d 行重复，内容不同", "%s stands in row %d already, with other content", i.Value, b.numbers.at(place)),
			Mend:    bilingual.T("以先出现的一行为准；请核对后只保留正确的一行", "the first row stands; keep the right one of the two")}
		if own == b.contents.at(place) {
			f.Severity = Warning
			f.Message = bilingual.F("%s 与第 %d 行完全相同，已跳过", "%s is the same record as row %d and is skipped", i.Value, b.numbers.at(place))
			f.Mend = bilingual.T("无需处理", "nothing to do")
			return OutcomeDuplicate, append(findings, f)
		}
		return OutcomeReject, append(findings, f)
	}
	place := b.claim(own, int32(row))
	for _, i := range a.Identifiers {
		key := b.identity(i)
		switch {
		case i.Unique:
			b.first.put(key, place)
		case i.Kind == "engine_no":
			if _, seen := b.engines.get(key); seen {
				findings = append(findings, SharedEngine(i))
			} else {
				b.engines.put(key, 0)
			}
		}
	}
	if len(findings) > 0 {
		return OutcomeWarn, findings
	}
	return OutcomeCreate, findings
}
