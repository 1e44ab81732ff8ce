package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
)

// samples is how many values of a column are shown beside it, and how many of
// the first rows where no header was found.
const samples = 3

// GivenMapping is how a clerk says that a sheet is to be read. HeaderRow counts
// from 1; a column that is not named is left out.
type GivenMapping struct {
	HeaderRow int               `json:"header_row"`
	Columns   map[string]string `json:"columns"` // letter → field
	Remember  bool              `json:"remember,omitempty"`
	Sheet     string            `json:"sheet,omitempty"` // name of the workbook's sheet, "" for the one that is found
}

// SetMapping says which sheet of an import is read and how its columns are to be
// read, and puts its check into the queue again. With a sheet alone its columns
// are found as ever. With remember the mapping is used by itself the
// next time the same headings come. A field that stands twice, an unknown one
// and a required one that is missing fail with Invalid.
func (a *App) SetMapping(ctx context.Context, by access.Actor, id string, m GivenMapping, remember bool) (store.Import, error) {
	return a.changeImport(ctx, by, id, []string{"checked", "failed"}, func(tx *store.Tx, i *store.Import) error {
		if m.HeaderRow > 0 || len(m.Columns) > 0 || m.Sheet == "" {
			if err := mappingFits(i.Columns(), m); err != nil {
				return err
			}
		}
		m.Remember = remember
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		i.State, i.Mapping, i.Problem, i.Done, i.Total, i.Counts = "checking", string(text), "", 0, 0, "{}"
		return tx.Enqueue(JobImport, i.ID)
	})
}

func mappingFits(class registry.Class, m GivenMapping) error {
	spec, _ := registry.SpecOf(class)
	var details []fault.Detail
	wrong := func(location, code string, message, mend bilingual.Text) {
		details = append(details, fault.Detail{Location: location, Code: code, Message: message, Mend: mend})
	}
	if m.HeaderRow < 1 || m.HeaderRow > sheet.MaxRows {
		wrong("body.header_row", "out_of_range", bilingual.T("表头行号不正确", "this is no row of headings"), bilingual.T("填写表头所在的行号，从 1 开始", "give its number, from 1"))
	}
	known, used := map[string]string{}, map[string]string{}
	for _, f := range spec.Fields {
		known[f.Key] = f.Name.ZH
	}
	for column, field := range m.Columns {
		switch at := "body.columns." + column; {
		case sheet.ColumnIndex(column) < 0:
			wrong(at, "unknown_value", bilingual.F("没有 %s 列", "there is no column %s", column), bilingual.T("使用列字母，如 A", "use a column's letter, such as A"))
		case known[field] == "":
			wrong(at, "unknown_value", bilingual.F("没有“%s”这个字段", "there is no field %q", field), bilingual.T("请从字段清单中选择", "choose one of the fields"))
		case used[field] != "":
			wrong(at, "repeated_column", bilingual.F("%s 列与 %s 列对应同一项", "columns %s and %s are the same field", column, used[field]), bilingual.T("请只保留其中一列", "keep one of the two"))
		default:
			used[field] = column
		}
	}
	for _, f := range spec.Fields {
		if f.Required && used[f.Key] == "" {
			wrong("body.columns", "missing_column", bilingual.T("缺少必需的列："+f.Name.ZH, "a column is missing: "+f.Name.EN), bilingual.T("请指定该项所在的列", "say which column it is"))
		}
	}
	if len(details) > 0 {
		return fault.Fields(details)
	}
	return nil
}

// DropMapping forgets how a city reads sheets with certain headings.
func (a *App) DropMapping(ctx context.Context, by access.Actor, id string) error {
	_, err := write(ctx, a, by, func(tx *store.Tx) (struct{}, error) { return struct{}{}, tx.DropMapping(id) })
	return err
}

// headerOf finds out how a sheet is to be read: as the clerk has said for this
// import, else as was saved for its headings, else by the wording of the
// headings. It describes the sheet even where that fails, so that the clerk can
// say it.
// It returns the sheet of the book that is read.
func (c *importCheck) headerOf(ctx context.Context, book *sheet.Book) (*sheet.Book, sheet.Header, error) {
	class := c.current.Columns()
	given := GivenMapping{}
	if c.current.Mapping != "" {
		if err := json.Unmarshal([]byte(c.current.Mapping), &given); err != nil {
			return book, sheet.Header{}, err
		}
	}
	picked, err := c.pick(book, given.Sheet)
	book, found := picked.Book, picked.Header
	c.described = ImportSheet{Name: book.SheetName, Encoding: book.Encoding, Further: picked.Further, HeaderRow: found.Row, Source: "auto", Mapping: []ImportColumn{}, Unmapped: []UnmappedColumn{}, Columns: []SheetColumn{}, Preview: [][]string{}}
	if given.HeaderRow > 0 {
		c.described.HeaderRow, c.described.Source = given.HeaderRow, "hand"
	} else if given, err = c.saved(ctx, book, found.Row, err); err != nil && found.Row == 0 {
		return book, found, preview(book, &c.described, err)
	}
	headings, shown, readErr := headingsOf(book, c.described.HeaderRow, found.Row)
	if readErr != nil {
		return book, found, readErr
	}
	c.described.Fingerprint = fingerprintOf(headings)
	if given.HeaderRow > 0 {
		found, err = given.over(c.described.HeaderRow, headings), nil
	}
	given.Sheet = "" // is of this workbook only
	if text, marshalErr := json.Marshal(given); given.Remember && marshalErr == nil {
		c.remember = &store.Mapping{ID: newID(), CityCode: c.current.CityCode, Class: class, Fingerprint: c.described.Fingerprint, Name: c.current.FileName, Mapping: string(text)}
	}
	for _, column := range slices.Concat(found.Columns, found.Unmapped) { // those that stand further up
		if more := column.Index + 1 - len(headings); more > 0 && column.Heading != "" {
			headings = append(headings, make([]string, more)...)
		}
		if column.Index < len(headings) && headings[column.Index] == "" {
			headings[column.Index] = column.Heading
		}
	}
	c.describe(headings, shown, found)
	if err == nil {
		err = requireColumns(class, found)
	}
	return book, found, err
}

// pick finds the sheet that is read, which the clerk may have chosen, and its
// header.
func (c *importCheck) pick(book *sheet.Book, chosen string) (sheet.Picked, error) {
	w := wordingOf(c.current.Columns())
	found, err := sheet.Pick(book, w)
	if chosen == "" || chosen == found.SheetName {
		return found, err
	}
	further := slices.DeleteFunc(append([]string{found.SheetName}, found.Further...), func(name string) bool { return name == chosen })
	found, err = sheet.Pick(book.Sheet(chosen), w)
	found.Further = further
	return found, err
}

// wordingOf is how offices call the fields of a class.
func wordingOf(class registry.Class) sheet.Wording {
	return sheet.Wording{Match: func(heading string) (string, bool) { return registry.FindField(class, heading) },
		Rank: func(heading string) int { return registry.Rank(class, heading) }, Expected: expectedHeadings(class), Least: leastHeadings(class), Required: requiredKeys(class)}
}

// leastHeadings is how many known headings make a row a header, 0 for the usual
// number: a list of retirements may have nothing but plates.
func leastHeadings(class registry.Class) int {
	if registry.IsList(class) {
		return 1
	}
	return 0
}

// saved returns the mapping that the city saved for the sheet's headings, if
// there is one, and else what the search for a header came to.
func (c *importCheck) saved(ctx context.Context, book *sheet.Book, found int, otherwise error) (given GivenMapping, err error) {
	all, err := c.app.DB.MappingsFor(ctx, c.by.Scope, c.current.CityCode, c.current.Columns())
	if err != nil {
		return given, err
	}
	for _, m := range all {
		if err := json.Unmarshal([]byte(m.Mapping), &given); err != nil {
			return GivenMapping{}, err
		}
		headings, _, err := headingsOf(book, given.HeaderRow, found)
		if err != nil {
			return GivenMapping{}, err
		}
		if fingerprintOf(headings) == m.Fingerprint {
			c.described.HeaderRow, c.described.Source, c.described.MappingID = given.HeaderRow, "saved", m.ID
			given.Remember = false
			return given, nil
		}
	}
	return GivenMapping{}, otherwise
}

// over makes a header of what the clerk has said about the headings.
func (m GivenMapping) over(row int, headings []string) sheet.Header {
	h := sheet.Header{Row: row}
	for index := range sheet.MaxColumns {
		letter, heading := sheet.ColumnLetter(index), ""
		if index < len(headings) {
			heading = headings[index]
		}
		column := sheet.Column{Index: index, Letter: letter, Heading: heading, Key: m.Columns[letter]}
		switch {
		case column.Key != "":
			h.Columns = append(h.Columns, column)
		case heading != "":
			h.Unmapped = append(h.Unmapped, column)
		}
	}
	return h
}

// headingsOf reads the headings of a row and the first rows below it. Where the
// row is the one that was found, a merged row above fills what it leaves blank.
func headingsOf(book *sheet.Book, row, found int) (headings []string, below [][]string, err error) {
	var above []string
	for r, err := range book.Rows() {
		if err != nil {
			return headings, below, err
		}
		switch {
		case r.Number == row-1:
			above = r.Cells
		case r.Number == row:
			headings = make([]string, len(r.Cells))
			for i, text := range r.Cells {
				headings[i] = strings.Join(strings.Fields(text), " ")
				if headings[i] == "" && row == found && i < len(above) {
					headings[i] = strings.Join(strings.Fields(above[i]), " ")
				}
			}
		case r.Number > row:
			below = append(below, r.Cells)
		}
		if len(below) == samples {
			break
		}
	}
	return headings, below, nil
}

func fingerprintOf(headings []string) string {
	sum := sha256.Sum256([]byte(strings.TrimRight(strings.Join(headings, "\n"), "\n")))
	return hex.EncodeToString(sum[:])
}

// numbersOfPeople are what may be somebody's number or telephone.
var numbersOfPeople = regexp.MustCompile(`[0-9]{6,17}[0-9Xx]|[0-9A-HJ-NPQRTUWXY]{18}`)

// shownValue is a cell as the wizard shows it, with numbers of people masked.
func shownValue(field, value string) string {
	value = strings.Join(strings.Fields(value), " ")
	if runes := []rune(value); len(runes) > 40 {
		value = string(runes[:40]) + "…"
	}
	if field == "" || field == "owner_id" || field == "owner_phone" {
		return numbersOfPeople.ReplaceAllStringFunc(value, store.MaskPhone)
	}
	return value
}

// preview shows the first rows of a sheet in which no header was found.
func preview(book *sheet.Book, described *ImportSheet, because error) error {
	for r, err := range book.Rows() {
		if err != nil {
			return err
		}
		line := []string{fmt.Sprint(r.Number)}
		for _, cell := range r.Cells[:min(len(r.Cells), 30)] {
			line = append(line, shownValue("", cell))
		}
		if described.Preview = append(described.Preview, line); len(described.Preview) == 4*samples {
			break
		}
	}
	return because
}

// describe says how each column is read.
func (c *importCheck) describe(headings []string, below [][]string, header sheet.Header) {
	fields := map[int]string{}
	for _, column := range header.Columns {
		fields[column.Index] = column.Key
		c.columns[column.Key] = column.Letter
		c.described.Mapping = append(c.described.Mapping, ImportColumn{column.Letter, column.Heading, column.Key})
	}
	for _, column := range header.Unmapped {
		nearest, _ := registry.NearestField(c.current.Columns(), column.Heading)
		c.described.Unmapped = append(c.described.Unmapped, UnmappedColumn{column.Letter, column.Heading, nearest})
	}
	for i, heading := range headings {
		column := SheetColumn{Column: sheet.ColumnLetter(i), Heading: heading, Field: fields[i], Samples: []string{}}
		for _, row := range below {
			if i < len(row) && strings.TrimSpace(row[i]) != "" {
				column.Samples = append(column.Samples, shownValue(column.Field, row[i]))
			}
		}
		if heading != "" || len(column.Samples) > 0 {
			c.described.Columns = append(c.described.Columns, column)
		}
	}
}
