package registry

import (
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
type Batch struct {
	first   map[string]int // kind and norm of a unique identifier → row
	engines map[string]int
	rows    map[int]Asset
}

// NewBatch returns a batch without rows.
func NewBatch() *Batch {
	return &Batch{first: map[string]int{}, engines: map[string]int{}, rows: map[int]Asset{}}
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
	for _, i := range a.Identifiers {
		earlier, taken := b.first[i.Kind+"\n"+i.Norm]
		if !i.Unique || !taken {
			continue
		}
		f := Finding{Field: i.Kind, Value: i.Value, Code: "duplicate_in_file", Severity: Error,
			Message: bilingual.F("%s 与第 %d 行重复，内容不同", "%s stands in row %d already, with other content", i.Value, earlier),
			Mend:    bilingual.T("以先出现的一行为准；请核对后只保留正确的一行", "the first row stands; keep the right one of the two")}
		if same(a, b.rows[earlier]) {
			f.Severity = Warning
			f.Message = bilingual.F("%s 与第 %d 行完全相同，已跳过", "%s is the same record as row %d and is skipped", i.Value, earlier)
			f.Mend = bilingual.T("无需处理", "nothing to do")
			return OutcomeDuplicate, append(findings, f)
		}
		return OutcomeReject, append(findings, f)
	}
	b.rows[row] = a
	for _, i := range a.Identifiers {
		key := i.Kind + "\n" + i.Norm
		switch {
		case i.Unique:
			b.first[key] = row
		case i.Kind == "engine_no":
			if _, seen := b.engines[key]; seen {
				findings = append(findings, SharedEngine(i))
			} else {
				b.engines[key] = row
			}
		}
	}
	if len(findings) > 0 {
		return OutcomeWarn, findings
	}
	return OutcomeCreate, findings
}

func same(a, b Asset) bool {
	return maps.Equal(a.Fields, b.Fields) && slices.Equal(a.Identifiers, b.Identifiers) && a.OwnerID == b.OwnerID && a.OwnerPhone == b.OwnerPhone
}
