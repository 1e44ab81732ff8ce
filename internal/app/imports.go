package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/sheet"
	"phaseout/internal/store"
)

// JobImport is the kind of job that does what is due on an import.
const JobImport = "import"

// ImportCounts says how many rows of a sheet came out how. Total counts data
// rows; Create leaves out those with a warning, which Warn counts.
type ImportCounts struct {
	Total         int `json:"total"`
	Create        int `json:"create"`
	Warn          int `json:"warn"`
	Update        int `json:"update"`
	Unchanged     int `json:"unchanged"`
	Duplicate     int `json:"duplicate"`
	Ambiguous     int `json:"ambiguous" doc:"Rows that meet two records. The two are asked about in the queue of duplicates; the row is never matched with the first of them."`
	Reject        int `json:"reject"`
	Ignored       int `json:"ignored"`
	AppliedCreate int `json:"applied_create"`
	AppliedUpdate int `json:"applied_update"`
}

// ImportSheet says how the columns of a sheet were understood.
type ImportSheet struct {
	Name        string           `json:"name"`
	Encoding    string           `json:"encoding,omitempty"`
	Further     []string         `json:"further,omitempty" doc:"Other sheets of the workbook that hold data too and are not read."`
	HeaderRow   int              `json:"header_row"`
	Source      string           `json:"source,omitempty" enum:"auto,saved,hand" doc:"Who said how the columns are read: the program, a saved mapping, or the clerk for this import."`
	MappingID   string           `json:"mapping_id,omitempty" doc:"The saved mapping that was used."`
	Fingerprint string           `json:"fingerprint,omitempty" doc:"Of the headings: the same sheet comes again with the same one."`
	Mapping     []ImportColumn   `json:"mapping"`
	Unmapped    []UnmappedColumn `json:"unmapped"`
	Columns     []SheetColumn    `json:"columns" doc:"Every column with a few of its values."`
	Preview     [][]string       `json:"preview" doc:"The first rows, each with its number, where no header was found."`
}

// SheetColumn is a column of a sheet as it stands there.
type SheetColumn struct {
	Column  string   `json:"column"`
	Heading string   `json:"heading"`
	Field   string   `json:"field,omitempty" doc:"Empty for a column that is left out."`
	Samples []string `json:"samples" doc:"The first values, numbers of people masked."`
}

// ImportColumn is one column of a sheet and the field it fills.
type ImportColumn struct {
	Column  string `json:"column"`
	Heading string `json:"heading"`
	Field   string `json:"field"`
}

// UnmappedColumn is a column that is left out, with the nearest known field.
type UnmappedColumn struct {
	Column  string `json:"column"`
	Heading string `json:"heading"`
	Nearest string `json:"nearest,omitempty"`
}

// ImportProblem is why an import as a whole failed.
type ImportProblem struct {
	Code    string         `json:"code"`
	Message bilingual.Text `json:"message"`
	Mend    bilingual.Text `json:"mend"`
}

// FieldChange is one field that a row would change.
type FieldChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// UploadImport takes a sheet in and puts its check into the queue. Nothing of
// it is read here but that it is not too large.
func (a *App) UploadImport(ctx context.Context, by access.Actor, class registry.Class, city, name string, data io.Reader) (store.Import, error) {
	return a.takeIn(ctx, by, store.Import{Class: class, CityCode: city}, name, data)
}

// takeIn is the upload of a sheet of either kind.
func (a *App) takeIn(ctx context.Context, by access.Actor, i store.Import, name string, data io.Reader) (store.Import, error) {
	class, city := i.Class, i.CityCode
	if !slices.ContainsFunc(registry.Classes(), func(s registry.Spec) bool { return s.Class == class }) {
		return store.Import{}, fault.Field("body.class", "unknown_value", bilingual.F("“%s”不是类别", "%q is not a class", class),
			bilingual.T("使用 truck、machinery、farm_machinery 或 vessel", "use truck, machinery, farm_machinery or vessel"))
	}
	if r, ok := a.Reference.Region(city); !ok || r.Level != "city" || (by.Scope.City() != "" && by.Scope.City() != city) {
		return store.Import{}, fault.Field("body.city", "wrong_city", bilingual.T("只能导入本市数据", "you can import for your own city only"),
			bilingual.T("请选择您所在的城市", "choose your own city"))
	}
	sum, size, err := a.Blobs.Put(data, a.MaxUpload)
	if err != nil {
		return store.Import{}, err
	}
	if size == 0 {
		return store.Import{}, fault.Field("body.file", "required", bilingual.T("文件是空的", "the file is empty"), bilingual.T("请重新选择文件", "choose the file again"))
	}
	return write(ctx, a, by, func(tx *store.Tx) (store.Import, error) {
		i.ID, i.DistrictCode, i.State, i.FileName, i.FileSHA256, i.Size = newID(), by.Scope.District(), "checking", cleanName(name), sum, size
		if err := tx.CreateImport(&i); err != nil {
			return i, err
		}
		return i, tx.Enqueue(JobImport, i.ID)
	})
}

// uploader returns the actor for whom a job works: the uploader with the
// rights of now, not of the upload.
func (a *App) uploader(ctx context.Context, i store.Import) (access.Actor, error) {
	if i.UploadedBy == "system" {
		return access.System(i.RequestID), nil
	}
	u, err := a.DB.User(ctx, i.UploadedBy)
	if err != nil {
		return access.Actor{}, err
	}
	if u.Disabled {
		return access.Actor{}, fault.Forbidden()
	}
	return u.Actor("", i.RequestID), nil
}

// changeImport moves an import from one of the states to another.
func (a *App) changeImport(ctx context.Context, by access.Actor, id string, from []string, change func(*store.Tx, *store.Import) error) (store.Import, error) {
	return write(ctx, a, by, func(tx *store.Tx) (store.Import, error) {
		before, err := tx.Import(id)
		if err != nil {
			return before, err
		}
		for _, state := range from {
			if before.State == state {
				after := before
				if err := change(tx, &after); err != nil {
					return before, err
				}
				return after, tx.UpdateImport(before, &after)
			}
		}
		return before, fault.New(fault.Conflict, "wrong_state", bilingual.F("导入当前状态为 %s，不能执行此操作", "the import is %s; this cannot be done now", before.State)).
			WithMend("请刷新后查看最新状态", "reload to see its present state").With("state", before.State)
	})
}

// ApplyImport puts a checked import's application into the queue. Mode is
// "valid_rows", or "all_or_nothing", which fails with Conflict if a row is wrong.
func (a *App) ApplyImport(ctx context.Context, by access.Actor, id, mode string) (store.Import, error) {
	if mode != "valid_rows" && mode != "all_or_nothing" {
		return store.Import{}, fault.Field("body.mode", "unknown_value", bilingual.F("“%s”不是导入方式", "%q is not a mode", mode),
			bilingual.T("使用 valid_rows 或 all_or_nothing", "use valid_rows or all_or_nothing"))
	}
	return a.changeImport(ctx, by, id, []string{"checked"}, func(tx *store.Tx, i *store.Import) error {
		counts := CountsOf(*i)
		if mode == "all_or_nothing" && counts.Reject+counts.Ambiguous > 0 {
			return fault.New(fault.Conflict, "has_errors", bilingual.F("有 %d 行错误，不能整体导入", "%d rows are wrong; they cannot all be imported", counts.Reject+counts.Ambiguous)).
				WithMend("修改后重新上传，或选择“只导入合格行”", "mend them and upload again, or import the good rows only")
		}
		i.State, i.Mode, i.Done, i.Total = "applying", mode, 0, int64(counts.Create+counts.Warn+counts.Update)
		return tx.Enqueue(JobImport, i.ID)
	})
}

// CancelImport stops an import. What was applied already stays and can be
// undone. The work under way may have gone on by a chunk meanwhile, which is no
// reason to refuse.
func (a *App) CancelImport(ctx context.Context, by access.Actor, id string) (i store.Import, err error) {
	for range 5 {
		i, err = a.changeImport(ctx, by, id, []string{"checking", "checked", "applying"}, func(_ *store.Tx, i *store.Import) error {
			i.State = "cancelled"
			return nil
		})
		if !fault.Is(err, fault.Stale) {
			break
		}
	}
	return i, err
}

// RunImport does the work that is due on an import: the job of both kinds. It
// is safe to run again: what is done already is left alone. What it brought in
// is compared with the registry afterwards, by FindDuplicates.
func (a *App) RunImport(ctx context.Context, id string) error {
	i, err := a.DB.Import(ctx, access.Whole(), id)
	if err != nil {
		return err
	}
	by, err := a.uploader(ctx, i)
	if err == nil {
		switch i.State {
		case "checking":
			err = a.checkImport(ctx, by, i)
		case "applying":
			if i.Kind == store.ImportsRetirements {
				err = a.applyList(ctx, by, i)
			} else {
				err = a.applyImport(ctx, by, i)
			}
		default:
			return nil
		}
	}
	if f, ok := fault.As(err); ok {
		if f.Kind == fault.Stale { // cancelled, or another worker has taken it over
			return nil
		}
		return a.failImport(ctx, i, f)
	}
	return err
}

// manyRows is from how many rows on an import changes how the database should plan.
const manyRows = 2000

// SettleImport is what makes the program quick again after a part of a large
// import. It stands without it: the caller logs its error and goes on.
func (a *App) SettleImport(ctx context.Context, id string) error {
	i, err := a.DB.Import(ctx, access.Whole(), id)
	if err != nil || i.Total < manyRows {
		return err
	}
	return a.DB.FreshStatistics(ctx)
}

// failImport closes an import that cannot be read or applied, with the reason.
func (a *App) failImport(ctx context.Context, i store.Import, f *fault.Fault) error {
	problem, err := problemText(f)
	if err != nil {
		return err
	}
	_, err = a.changeImport(ctx, access.System(i.RequestID), i.ID, []string{"checking", "applying"}, func(_ *store.Tx, i *store.Import) error {
		i.State, i.Problem = "failed", problem
		return nil
	})
	return err
}

// maxAnnotated is the size of a file, in bytes, over which its findings come as
// a list: writing comments into a sheet takes many times its size in memory.
const maxAnnotated = 24 << 20

// FindingsWorkbook writes the clerk's own sheet with a comment on each cell
// that has a finding. Of a very large file it writes a list of the findings.
func (a *App) FindingsWorkbook(ctx context.Context, scope access.Scope, id string, lang bilingual.Lang) (name string, workbook []byte, err error) {
	i, err := a.DB.Import(ctx, scope, id)
	if err != nil {
		return "", nil, err
	}
	if i.Size > maxAnnotated {
		workbook, err = a.findingsList(ctx, i, lang)
		return i.FileName, workbook, err
	}
	original, err := a.Blobs.Open(i.FileSHA256)
	if err != nil {
		return "", nil, err
	}
	var notes []sheet.Note
	filter := store.FindingFilter{Limit: 1000}
	for {
		findings, err := a.DB.ImportFindings(ctx, i, filter)
		if err != nil {
			return "", nil, err
		}
		for _, f := range findings {
			text := bilingual.T(f.MessageZH, f.MessageEN).In(lang)
			if mend := bilingual.T(f.MendZH, f.MendEN).In(lang); mend != "" {
				text += "\n→ " + mend
			}
			notes = append(notes, sheet.Note{Row: f.RowNo, Column: sheet.ColumnIndex(f.Col), Text: text, Error: f.Severity == registry.Error})
			filter.AfterRow, filter.AfterPosition = f.RowNo, f.Position
		}
		if len(findings) < filter.Limit {
			break
		}
	}
	var b bytes.Buffer
	heading := bilingual.T("错误说明", "Findings").In(lang)
	if err := sheet.Annotate(&b, i.FileName, SheetOf(i).Name, original, notes, heading); err != nil {
		return "", nil, err
	}
	return i.FileName, b.Bytes(), nil
}

// findingsList writes the findings of an import as a workbook of their own, the
// first million of them.
func (a *App) findingsList(ctx context.Context, i store.Import, lang bilingual.Lang) ([]byte, error) {
	word := func(zh, en string) sheet.Head { return sheet.Head{Title: bilingual.T(zh, en).In(lang)} }
	table := sheet.Table{Title: i.FileName, Head: []sheet.Head{word("行", "Row"), word("列", "Column"), word("填写内容", "Value"), word("程度", "Severity"), word("问题", "Problem"), word("修改办法", "Mend")}}
	filter := store.FindingFilter{Limit: 1000}
	var b bytes.Buffer
	err := sheet.StreamXLSX(&b, table, func(yield func([]string, error) bool) {
		for written := 0; written < 1_000_000; {
			findings, err := a.DB.ImportFindings(ctx, i, filter)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, f := range findings {
				row := []string{strconv.Itoa(f.RowNo), f.Col, f.Value, string(f.Severity), bilingual.T(f.MessageZH, f.MessageEN).In(lang), bilingual.T(f.MendZH, f.MendEN).In(lang)}
				if !yield(row, nil) {
					return
				}
				filter.AfterRow, filter.AfterPosition = f.RowNo, f.Position
			}
			if written += len(findings); len(findings) < filter.Limit {
				return
			}
		}
	})
	return b.Bytes(), err
}

// Undoable reports whether an import has done something that can be taken back.
func Undoable(i store.Import) bool {
	counts := CountsOf(i)
	return (i.State == "applied" || i.State == "cancelled") && counts.AppliedCreate+counts.AppliedUpdate > 0
}

// CountsOf returns the counts of an import.
func CountsOf(i store.Import) ImportCounts {
	var counts ImportCounts
	if err := json.Unmarshal([]byte(i.Counts), &counts); err != nil {
		return ImportCounts{} // written by ourselves; an unreadable text counts nothing
	}
	return counts
}

// SheetOf returns how an import's columns were understood.
func SheetOf(i store.Import) ImportSheet {
	blank := ImportSheet{Mapping: []ImportColumn{}, Unmapped: []UnmappedColumn{}, Columns: []SheetColumn{}, Preview: [][]string{}}
	described := blank
	if err := json.Unmarshal([]byte(i.Sheet), &described); err != nil {
		return blank
	}
	return described
}

// ProblemOf returns why an import failed as a whole, nil if it did not.
func ProblemOf(i store.Import) *ImportProblem {
	var problem ImportProblem
	if i.Problem == "" || json.Unmarshal([]byte(i.Problem), &problem) != nil {
		return nil
	}
	return &problem
}

// ImportSheet uploads, checks and, unless mode is empty, applies a sheet in one
// go, for the command line and the demonstration, which run without a queue
// (store.NoQueue). It returns the import as it ends.
func (a *App) ImportSheet(ctx context.Context, by access.Actor, class registry.Class, city, name string, data io.Reader, mode string) (store.Import, error) {
	i, err := a.UploadImport(ctx, by, class, city, name, data)
	if err != nil {
		return i, err
	}
	for {
		if err := a.RunImport(ctx, i.ID); err != nil {
			return i, err
		}
		if i, err = a.DB.Import(ctx, by.Scope, i.ID); err != nil || mode == "" || i.State != "checked" {
			return i, errors.Join(err, a.FindDuplicates(ctx))
		}
		if i, err = a.ApplyImport(ctx, by, i.ID, mode); err != nil {
			return i, err
		}
	}
}
