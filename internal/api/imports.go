package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// Import is one uploaded sheet on its way into the registry.
type Import struct {
	ID         string           `json:"id"`
	State      string           `json:"state" enum:"checking,checked,applying,applied,failed,cancelled,undone"`
	Kind       string           `json:"kind" enum:"assets,retirements"`
	Class      registry.Class   `json:"class"`
	CityCode   string           `json:"city_code"`
	Fields     []ImportField    `json:"fields" doc:"What a column of the sheet can hold."`
	FileName   string           `json:"file_name"`
	FileSHA256 string           `json:"file_sha256"`
	Size       int64            `json:"size" doc:"Bytes."`
	UploadedBy Person           `json:"uploaded_by"`
	UploadedAt time.Time        `json:"uploaded_at"`
	Counts     app.ImportCounts `json:"counts"`
	Progress   Progress         `json:"progress"`
	Sheet      app.ImportSheet  `json:"sheet"`
	Error      *ImportError     `json:"error,omitempty" doc:"Why the import as a whole failed."`
	Mode       string           `json:"mode,omitempty" enum:"valid_rows,all_or_nothing"`
	AppliedAt  *time.Time       `json:"applied_at,omitempty"`
	Undoable   bool             `json:"undoable"`
	Version    int64            `json:"version"`
}

// ImportField is a field that a column of a sheet can fill.
type ImportField struct {
	Key      string `json:"key"`
	Name     Name   `json:"name"`
	Required bool   `json:"required"`
}

// Progress is how far the work under way has got.
type Progress struct {
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
}

// ImportError is why an import as a whole failed.
type ImportError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Mend    string `json:"mend,omitempty"`
}

// ImportRow is one data row and what becomes of it.
type ImportRow struct {
	Row     int               `json:"row" doc:"As the office counts it, from 1."`
	Outcome string            `json:"outcome" enum:"create,warn,update,unchanged,duplicate,ambiguous,reject"`
	AssetID string            `json:"asset_id,omitempty"`
	Label   string            `json:"label"`
	Values  map[string]string `json:"values" doc:"Normalised, secrets masked."`
	Changes []RowChange       `json:"changes"`
}

// RowChange is one field that a row changes.
type RowChange struct {
	Field  string `json:"field"`
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Finding is one thing that is wrong or doubtful about one cell.
type Finding struct {
	Row      int               `json:"row"`
	Column   string            `json:"column" doc:"Letter of the sheet's column; empty if the sheet has none for it."`
	Field    string            `json:"field,omitempty"`
	Value    string            `json:"value"`
	Code     string            `json:"code"`
	Severity registry.Severity `json:"severity" enum:"error,warning"`
	Message  string            `json:"message"`
	Mend     string            `json:"mend,omitempty"`
}

func importView(l bilingual.Lang, i store.Import) Import {
	v := Import{ID: i.ID, Kind: i.Kind, Fields: []ImportField{}, State: i.State, Class: i.Class, CityCode: i.CityCode, FileName: i.FileName, FileSHA256: i.FileSHA256, Size: i.Size,
		UploadedBy: Person{i.UploadedBy, i.UploadedByName}, UploadedAt: i.UploadedAt, Counts: app.CountsOf(i), Progress: Progress{i.Done, i.Total},
		Sheet: app.SheetOf(i), Mode: i.Mode, AppliedAt: i.AppliedAt, Undoable: app.Undoable(i), Version: i.Version}
	spec, _ := registry.SpecOf(i.Columns())
	for _, f := range spec.Fields {
		v.Fields = append(v.Fields, ImportField{f.Key, nameOf(f.Name), f.Required})
	}
	if p := app.ProblemOf(i); p != nil {
		v.Error = &ImportError{p.Code, p.Message.In(l), p.Mend.In(l)}
	}
	return v
}

func (s *Server) importRoutes() {
	up := operation("create-import", http.MethodPost, "/imports", "imports", "Upload a sheet; every row is checked, nothing is written")
	up.DefaultStatus, up.MaxBodyBytes = http.StatusAccepted, -1
	route(s, up, s.createImport)
	route(s, operation("list-imports", http.MethodGet, "/imports", "imports", "Imports, newest first"), s.listImports)
	route(s, operation("get-import", http.MethodGet, "/imports/{id}", "imports", "One import with its counts and progress"), s.getImport)
	route(s, operation("list-import-rows", http.MethodGet, "/imports/{id}/rows", "imports", "Rows and what becomes of them"), s.listImportRows)
	route(s, operation("list-import-findings", http.MethodGet, "/imports/{id}/findings", "imports", "What is wrong or doubtful, cell by cell"), s.listFindings)
	route(s, binary(operation("get-import-findings-workbook", http.MethodGet, "/imports/{id}/findings.xlsx", "imports", "The clerk's own sheet with a comment on each bad cell"), xlsxType), s.findingsWorkbook)
	apply := operation("apply-import", http.MethodPost, "/imports/{id}/apply", "imports", "Make the checked rows real")
	apply.DefaultStatus = http.StatusAccepted
	route(s, apply, s.applyImport)
	mapping := operation("map-import", http.MethodPost, "/imports/{id}/mapping", "imports", "Say how the columns are to be read, and check again")
	mapping.DefaultStatus = http.StatusAccepted
	route(s, mapping, s.mapImport)
	route(s, operation("list-import-mappings", http.MethodGet, "/import-mappings", "imports", "How the city reads sheets with certain headings"), s.listMappings)
	drop := operation("drop-import-mapping", http.MethodDelete, "/import-mappings/{id}", "imports", "Forget a saved mapping")
	drop.DefaultStatus = http.StatusNoContent
	route(s, drop, s.dropMapping)
	watch := operation("watch-import", http.MethodGet, "/imports/{id}/events", "imports", "Progress as server-sent events, until the work is done")
	watch.Responses = map[string]*huma.Response{"200": {Description: "An event \"import\" with the import as JSON at each change.",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	route(s, watch, s.watchImport)
	cancel := operation("cancel-import", http.MethodPost, "/imports/{id}/cancel", "imports", "Stop an import; what was applied can be undone")
	cancel.DefaultStatus = http.StatusOK
	route(s, cancel, s.cancelImport)
	undo := operation("undo-import", http.MethodPost, "/imports/{id}/undo", "imports", "Take back what an import did")
	undo.Description = "Rows that were changed since refuse it with 409 changed_since; extra.changed lists row, label, who changed it and when."
	undo.DefaultStatus = http.StatusOK
	route(s, undo, s.undoImport)
	route(s, binary(operation("get-import-template", http.MethodGet, "/import-templates/{class}", "imports", "Template workbook of a class, with drop-downs and an example row"), xlsxType), s.importTemplate)
}

type importForm struct {
	Class string        `form:"class" required:"true" enum:"truck,machinery,farm_machinery,vessel"`
	City  string        `form:"city" required:"true"`
	File  huma.FormFile `form:"file" required:"true"`
	Kind  string        `form:"kind" required:"false" enum:"assets,retirements" doc:"A list of retirements, such as a yard's of a month, brings declared retirements; else assets."`
	// What every row of a list of retirements says unless it says otherwise.
	WayOut   string `form:"way_out" required:"false" maxLength:"40"`
	Driver   string `form:"driver" required:"false" maxLength:"40"`
	Recycler string `form:"recycler" required:"false" maxLength:"200"`
}

func (s *Server) createImport(ctx context.Context, in *struct {
	Keyed
	RawBody huma.MultipartFormFiles[importForm]
}) (*created[Import], error) {
	form := in.RawBody.Data()
	defer func() { _ = form.File.Close() }()
	return create(ctx, in.Keyed, "create-import", []any{form.Class, form.City, form.File.Filename, form.File.Size, form.Kind, form.WayOut, form.Driver, form.Recycler},
		func(ctx context.Context, by access.Actor) (store.Import, error) {
			if form.Kind == store.ImportsRetirements {
				return s.app.UploadList(ctx, by, registry.Class(form.Class), form.City, form.File.Filename,
					retirement.Declaration{WayOut: form.WayOut, Driver: form.Driver, Recycler: form.Recycler}, form.File)
			}
			return s.app.UploadImport(ctx, by, registry.Class(form.Class), form.City, form.File.Filename, form.File)
		},
		func(i store.Import) Import { return importView(lang(ctx), i) },
		func(i Import) string { return "/imports/" + i.ID }, func(i Import) int64 { return i.Version })
}

func (s *Server) listImports(ctx context.Context, in *Paging) (*listOut[Import], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Imports(ctx, actor(ctx).Scope, page)
	return listOf(rows, in.Limit, func(i store.Import) string { return i.ID }, func(i store.Import) Import { return importView(lang(ctx), i) }), err
}

func (s *Server) getImport(ctx context.Context, in *ByID) (*one[Import], error) {
	i, err := s.db.Import(ctx, actor(ctx).Scope, in.ID)
	return oneOf(i.Version, importView(lang(ctx), i)), err
}

func (s *Server) listImportRows(ctx context.Context, in *struct {
	ByID
	Paging
	Outcome string `query:"outcome" enum:"create,warn,update,unchanged,duplicate,ambiguous,reject"`
}) (*listOut[ImportRow], error) {
	i, err := s.db.Import(ctx, actor(ctx).Scope, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := numbersIn(in.Cursor, 1)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.ImportRows(ctx, i, store.ImportRowFilter{Outcome: in.Outcome, AfterRow: after[0], Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	spec, _ := registry.SpecOf(i.Columns())
	for _, f := range spec.Fields {
		names[f.Key] = f.Name.In(lang(ctx))
	}
	return listOf(rows, in.Limit, func(r store.ImportRow) string { return strconv.Itoa(r.RowNo) }, func(r store.ImportRow) ImportRow {
		v := rowView(r, names)
		if i.Kind == store.ImportsRetirements {
			v.AssetID = r.AssetID // it is there already
		}
		return v
	}), nil
}

func rowView(r store.ImportRow, names map[string]string) ImportRow {
	v := ImportRow{Row: r.RowNo, Outcome: r.Outcome, AssetID: r.AssetID, Label: r.Label, Values: map[string]string{}, Changes: []RowChange{}}
	if r.Outcome == "create" && r.Applied != "created" {
		v.AssetID = "" // not there yet
	}
	if r.Outcome == "create" && r.Warned {
		v.Outcome = "warn"
	}
	if r.Data != "" && json.Unmarshal([]byte(r.Data), &v.Values) == nil {
		for key, masked := range map[string]func(string) string{"owner_id": store.MaskID, "owner_phone": store.MaskPhone} {
			if v.Values[key] != "" {
				v.Values[key] = masked(v.Values[key])
			}
		}
	}
	var changes []app.FieldChange
	if r.Changes != "" && json.Unmarshal([]byte(r.Changes), &changes) == nil {
		for _, c := range changes {
			v.Changes = append(v.Changes, RowChange{c.Field, names[c.Field], c.Before, c.After})
		}
	}
	return v
}

// numbersIn decodes a cursor of n numbers; without one they are all zero.
func numbersIn(cursor string, n int) ([]int, error) {
	key, err := decodeCursor(cursor)
	numbers := make([]int, n)
	if err != nil || key == "" {
		return numbers, err
	}
	parts := strings.Split(key, ",")
	for i := range numbers {
		if len(parts) != n {
			err = strconv.ErrSyntax
		} else {
			numbers[i], err = strconv.Atoi(parts[i])
		}
		if err != nil {
			return numbers, fault.Field("query.cursor", "format", bilingual.T("游标无效", "the cursor is not valid"), bilingual.Text{})
		}
	}
	return numbers, nil
}

func (s *Server) listFindings(ctx context.Context, in *struct {
	ByID
	Paging
	Severity string `query:"severity" enum:"error,warning"`
	Code     string `query:"code" maxLength:"40"`
}) (*listOut[Finding], error) {
	i, err := s.db.Import(ctx, actor(ctx).Scope, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := numbersIn(in.Cursor, 2)
	if err != nil {
		return nil, err
	}
	l := lang(ctx)
	findings, err := s.db.ImportFindings(ctx, i, store.FindingFilter{Severity: registry.Severity(in.Severity), Code: in.Code,
		AfterRow: after[0], AfterPosition: after[1], Limit: in.Limit + 1})
	return listOf(findings, in.Limit, func(f store.ImportFinding) string { return fmt.Sprintf("%d,%d", f.RowNo, f.Position) },
		func(f store.ImportFinding) Finding {
			return Finding{f.RowNo, f.Col, f.Field, f.Value, f.Code, f.Severity, bilingual.T(f.MessageZH, f.MessageEN).In(l), bilingual.T(f.MendZH, f.MendEN).In(l)}
		}), err
}

func (s *Server) findingsWorkbook(ctx context.Context, in *ByID) (*bytesOut, error) {
	l := lang(ctx)
	name, data, err := s.app.FindingsWorkbook(ctx, actor(ctx).Scope, in.ID, l)
	if err != nil {
		return nil, err
	}
	suffix := bilingual.T("_错误说明.xlsx", "_findings.xlsx").In(l)
	return download(strings.TrimSuffix(name, filepath.Ext(name))+suffix, xlsxType, data), nil
}

func (s *Server) applyImport(ctx context.Context, in *struct {
	ByID
	Body struct {
		Mode string `json:"mode" enum:"valid_rows,all_or_nothing"`
	}
}) (*one[Import], error) {
	i, err := s.app.ApplyImport(ctx, actor(ctx), in.ID, in.Body.Mode)
	return oneOf(i.Version, importView(lang(ctx), i)), err
}

func (s *Server) cancelImport(ctx context.Context, in *ByID) (*one[Import], error) {
	i, err := s.app.CancelImport(ctx, actor(ctx), in.ID)
	return oneOf(i.Version, importView(lang(ctx), i)), err
}

func (s *Server) undoImport(ctx context.Context, in *struct {
	ByID
	Body *struct {
		SkipChanged bool `json:"skip_changed,omitempty" doc:"Leave rows that were changed since, take back all others."`
	}
}) (*one[Import], error) {
	i, err := s.app.UndoImport(ctx, actor(ctx), in.ID, in.Body != nil && in.Body.SkipChanged)
	return oneOf(i.Version, importView(lang(ctx), i)), err
}

func (s *Server) importTemplate(ctx context.Context, in *struct {
	Class string `path:"class" maxLength:"40" doc:"Class code, with or without .xlsx."`
}) (*bytesOut, error) {
	class := registry.Class(strings.TrimSuffix(in.Class, ".xlsx"))
	data, err := s.app.ImportTemplate(class, lang(ctx))
	if err != nil {
		return nil, err
	}
	return download(string(class)+".xlsx", xlsxType, data), nil
}

// ColumnChoice says which field a column fills.
type ColumnChoice struct {
	Column string `json:"column" pattern:"^[A-Z]{1,3}$"`
	Field  string `json:"field" maxLength:"40" doc:"Field key; empty leaves the column out."`
}

func (s *Server) mapImport(ctx context.Context, in *struct {
	ByID
	Body struct {
		HeaderRow int            `json:"header_row,omitempty" minimum:"0" doc:"Row of the headings, from 1; left out with a sheet alone, whose headings are then found."`
		Columns   []ColumnChoice `json:"columns,omitempty" maxItems:"300"`
		Sheet     string         `json:"sheet,omitempty" maxLength:"100" doc:"Name of the workbook's sheet; left out for the one that was found."`
		Remember  bool           `json:"remember,omitempty" doc:"Use it by itself when the same headings come again."`
	}
}) (*one[Import], error) {
	m := app.GivenMapping{HeaderRow: in.Body.HeaderRow, Columns: map[string]string{}, Sheet: in.Body.Sheet}
	for _, c := range in.Body.Columns {
		if c.Field != "" {
			m.Columns[c.Column] = c.Field
		}
	}
	i, err := s.app.SetMapping(ctx, actor(ctx), in.ID, m, in.Body.Remember)
	return oneOf(i.Version, importView(lang(ctx), i)), err
}

// ImportMapping is how a city reads sheets with certain headings.
type ImportMapping struct {
	ID        string            `json:"id"`
	CityCode  string            `json:"city_code"`
	Class     registry.Class    `json:"class"`
	Name      string            `json:"name" doc:"File it was saved with."`
	HeaderRow int               `json:"header_row"`
	Columns   map[string]string `json:"columns" doc:"Column letter to field."`
	SavedBy   string            `json:"saved_by"`
	SavedAt   time.Time         `json:"saved_at"`
}

func (s *Server) listMappings(ctx context.Context, in *Paging) (*listOut[ImportMapping], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Mappings(ctx, actor(ctx).Scope, page)
	return listOf(rows, in.Limit, func(m store.Mapping) string { return m.ID }, func(m store.Mapping) ImportMapping {
		v := ImportMapping{ID: m.ID, CityCode: m.CityCode, Class: m.Class, Name: m.Name, Columns: map[string]string{}, SavedBy: m.SavedByName, SavedAt: m.SavedAt}
		var given app.GivenMapping
		if json.Unmarshal([]byte(m.Mapping), &given) == nil {
			v.HeaderRow, v.Columns = given.HeaderRow, given.Columns
		}
		return v
	}), err
}

func (s *Server) dropMapping(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, s.app.DropMapping(ctx, actor(ctx), in.ID)
}

// How often the progress of an import is looked at, and after how long a sign of
// life goes out where nothing changes.
const (
	watchEvery = 200 * time.Millisecond
	watchBeat  = 15 * time.Second
)

func (s *Server) watchImport(ctx context.Context, in *ByID) (*huma.StreamResponse, error) {
	scope, l := actor(ctx).Scope, lang(ctx)
	i, err := s.db.Import(ctx, scope, in.ID)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", "text/event-stream")
		out.SetHeader("Cache-Control", "no-store")
		out.SetHeader("X-Accel-Buffering", "no") // nginx would wait for more
		w := http.NewResponseController(out.BodyWriter().(http.ResponseWriter))
		send := func(text string) error {
			if _, err := io.WriteString(out.BodyWriter(), text); err != nil {
				return err
			}
			return w.Flush()
		}
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		sent, quiet := int64(-1), time.Duration(0)
		for {
			if i.Version != sent {
				data, err := json.Marshal(importView(l, i))
				if err != nil || send("event: import\nid: "+strconv.FormatInt(i.Version, 10)+"\ndata: "+string(data)+"\n\n") != nil {
					return
				}
				sent, quiet = i.Version, 0
			} else if quiet += watchEvery; quiet >= watchBeat {
				if send(": still there\n\n") != nil {
					return
				}
				quiet = 0
			}
			if i.State != "checking" && i.State != "applying" {
				return
			}
			select {
			case <-out.Context().Done():
				return
			case <-s.Stopping:
				return
			case <-tick.C:
			}
			var err error
			if i, err = s.db.Import(out.Context(), scope, in.ID); err != nil {
				return
			}
		}
	}}, nil
}
