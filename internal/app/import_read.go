package app

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/sheet"
)

// checkChunk is how many rows are checked between two signs of life.
const checkChunk = 1000

// checkedRow is one data row on its way through the check.
type checkedRow struct {
	row      int
	asset    registry.Asset
	outcome  registry.Outcome
	findings []registry.Finding
}

// sheetRead checks the rows of a sheet in themselves and against each other.
// It runs ahead of importCheck in a goroutine of its own, so it shares nothing
// with it that changes.
type sheetRead struct {
	reference *registry.Reference
	class     registry.Class
	city      string
	district  string
	today     civil.Day
	header    sheet.Header
	batch     *registry.Batch
	scale     map[string]float64 // by field, of columns in another unit
	province  int                // column of plates' province signs, which police exports keep apart; -1 for none
}

// newSheetRead prepares the reading of a sheet with a header.
func newSheetRead(r sheetRead) sheetRead {
	r.batch, r.scale, r.province = registry.NewBatch(), map[string]float64{}, -1
	for _, c := range r.header.Columns {
		if by := registry.Scale(r.class, c.Key, c.Heading); by != 1 {
			r.scale[c.Key] = by
		}
	}
	for _, c := range slices.Concat(r.header.LeftOut, r.header.Unmapped) {
		if r.class == registry.Truck && registry.IsProvince(c.Heading) {
			r.province = c.Index
		}
	}
	return r
}

// checkedChunk is checked rows, and how many others were passed over.
type checkedChunk struct {
	rows    []checkedRow
	ignored int
}

// chunks checks the rows of the sheet in themselves and against each other.
func (r sheetRead) chunks(book *sheet.Book) iter.Seq2[checkedChunk, error] {
	return func(yield func(checkedChunk, error) bool) {
		var chunk checkedChunk
		last := r.header.Row
		for row, err := range book.Rows() {
			if err != nil {
				yield(chunk, err)
				return
			}
			if row.Number <= r.header.Row {
				continue
			}
			chunk.ignored += row.Number - last - 1 // blank rows
			last = row.Number
			checked, ok := checkedRow{}, !sheet.IsTotals(row) && !r.header.NoData(row)
			if ok {
				checked, ok = r.check(row)
			}
			if ok {
				chunk.rows = append(chunk.rows, checked)
			} else {
				chunk.ignored++
			}
			if len(chunk.rows) == checkChunk {
				if !yield(chunk, nil) {
					return
				}
				chunk = checkedChunk{}
			}
		}
		yield(chunk, nil)
	}
}

// longestCell is more bytes than any field takes. What is longer is refused by
// its length all the same, and need not be kept and turned over whole for that.
const longestCell = 4096

// clip returns the beginning of a cell that no field could take.
func clip(cell string) string {
	if len(cell) <= longestCell {
		return cell
	}
	end := longestCell
	for !utf8.RuneStart(cell[end]) {
		end--
	}
	return strings.Clone(cell[:end])
}

// check reads one row of the sheet. It reports false for a row without data.
func (r sheetRead) check(row sheet.Row) (checkedRow, bool) {
	in := registry.Input{City: r.city, District: r.district, Fields: map[string]string{}, Rounded: map[string]bool{}, Scale: r.scale, Sheet: true, Today: r.today}
	blank := true
	for _, column := range r.header.Columns {
		if column.Index >= len(row.Cells) {
			continue
		}
		cell := clip(row.Cells[column.Index])
		blank = blank && strings.TrimSpace(cell) == ""
		in.Fields[column.Key] = cell
		in.Rounded[column.Key] = row.Numeric(column.Index)
	}
	if r.province >= 0 && r.province < len(row.Cells) {
		in.Province = row.Cells[r.province]
	}
	if blank {
		return checkedRow{}, false
	}
	asset, findings := r.reference.Check(r.class, in)
	if row.Hidden {
		findings = append(findings, registry.Finding{Code: "hidden_row", Severity: registry.Warning, Message: bilingual.T("该行在表格中被隐藏", "the row is hidden in the sheet"),
			Mend: bilingual.T("仍会导入；如不需要请删除该行后重新上传", "it is imported all the same; remove it and upload again if it should not be")})
	}
	outcome, findings := r.batch.Add(row.Number, asset, findings)
	return checkedRow{row.Number, asset, outcome, findings}, true
}
