package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// Comparison is an outside list laid against the registry.
type Comparison struct {
	ID        string               `json:"id"`
	Class     registry.Class       `json:"class"`
	CityCode  string               `json:"city_code"`
	Kind      string               `json:"kind" enum:"police_cancellations,yard_list,other"`
	FileName  string               `json:"file_name"`
	State     string               `json:"state" enum:"running,done,failed"`
	Counts    app.ComparisonCounts `json:"counts"`
	Error     *ImportError         `json:"error,omitempty"`
	CreatedBy string               `json:"created_by"`
	CreatedAt time.Time            `json:"created_at"`
	Version   int64                `json:"version"`
}

// ComparisonLine is one thing that the list and the registry say differently.
type ComparisonLine struct {
	ID          string          `json:"id"`
	Row         int             `json:"row,omitempty" doc:"Of the list."`
	AssetID     string          `json:"asset_id,omitempty"`
	Label       string          `json:"label"`
	Outcome     string          `json:"outcome" enum:"ours_only,theirs_only,differ"`
	Differences []DifferentWord `json:"differences"`
	State       string          `json:"state" enum:"open,done,dismissed"`
	Note        string          `json:"note,omitempty"`
	DecidedBy   string          `json:"decided_by,omitempty"`
	Version     int64           `json:"version"`
}

// DifferentWord is a field that the list and the registry fill differently.
type DifferentWord struct {
	Field  string `json:"field"`
	Name   string `json:"name"`
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
}

func (s *Server) comparisonRoutes() {
	up := operation("create-comparison", http.MethodPost, "/comparisons", "quality", "Lay an outside list against the registry")
	up.DefaultStatus, up.MaxBodyBytes = http.StatusAccepted, -1
	route(s, up, s.createComparison)
	route(s, operation("list-comparisons", http.MethodGet, "/comparisons", "quality", "Comparisons, newest first"), s.listComparisons)
	route(s, operation("get-comparison", http.MethodGet, "/comparisons/{id}", "quality", "One comparison with its counts"), s.getComparison)
	route(s, operation("list-comparison-lines", http.MethodGet, "/comparisons/{id}/lines", "quality", "What differs, as tasks"), s.listComparisonLines)
	route(s, changes(operation("decide-comparison-line", http.MethodPatch, "/comparison-lines/{id}", "quality", "Say what became of a line")), s.decideComparisonLine)
}

type comparisonForm struct {
	Class string        `form:"class" required:"true" enum:"truck,machinery,farm_machinery,vessel"`
	City  string        `form:"city" required:"true"`
	Kind  string        `form:"kind" required:"true" enum:"police_cancellations,yard_list,other"`
	File  huma.FormFile `form:"file" required:"true"`
}

func comparisonView(l bilingual.Lang, c store.Comparison) Comparison {
	v := Comparison{ID: c.ID, Class: c.Class, CityCode: c.CityCode, Kind: c.Kind, FileName: c.FileName, State: c.State, CreatedBy: c.CreatedByName, CreatedAt: c.CreatedAt, Version: c.Version}
	_ = json.Unmarshal([]byte(c.Counts), &v.Counts) // written by ourselves
	var problem app.ImportProblem
	if c.Problem != "" && json.Unmarshal([]byte(c.Problem), &problem) == nil {
		v.Error = &ImportError{problem.Code, problem.Message.In(l), problem.Mend.In(l)}
	}
	return v
}

func (s *Server) createComparison(ctx context.Context, in *struct {
	Keyed
	RawBody huma.MultipartFormFiles[comparisonForm]
}) (*created[Comparison], error) {
	form := in.RawBody.Data()
	defer func() { _ = form.File.Close() }()
	return create(ctx, in.Keyed, "create-comparison", []any{form.Class, form.City, form.Kind, form.File.Filename, form.File.Size},
		func(ctx context.Context, by access.Actor) (store.Comparison, error) {
			return s.app.UploadComparison(ctx, by, registry.Class(form.Class), form.City, form.Kind, form.File.Filename, form.File)
		},
		func(c store.Comparison) Comparison { return comparisonView(lang(ctx), c) },
		func(c Comparison) string { return "/comparisons/" + c.ID }, func(c Comparison) int64 { return c.Version })
}

func (s *Server) listComparisons(ctx context.Context, in *Paging) (*listOut[Comparison], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Comparisons(ctx, actor(ctx).Scope, page)
	return listOf(rows, in.Limit, func(c store.Comparison) string { return c.ID }, func(c store.Comparison) Comparison { return comparisonView(lang(ctx), c) }), err
}

func (s *Server) getComparison(ctx context.Context, in *ByID) (*one[Comparison], error) {
	c, err := s.db.Comparison(ctx, actor(ctx).Scope, in.ID)
	return oneOf(c.Version, comparisonView(lang(ctx), c)), err
}

func (s *Server) lineView(ctx context.Context, class registry.Class, line store.ComparisonLine) ComparisonLine {
	v := ComparisonLine{ID: line.ID, Row: line.RowNo, AssetID: line.AssetID, Label: line.Label, Outcome: line.Outcome, Differences: []DifferentWord{}, State: line.State,
		Note: line.Note, DecidedBy: line.DecidedBy, Version: line.Version}
	words := s.wording(ctx, class)
	var differences []app.Difference
	if json.Unmarshal([]byte(line.Differences), &differences) == nil {
		for _, d := range differences {
			v.Differences = append(v.Differences, DifferentWord{d.Field, words.name(d.Field), words.value(d.Field, d.Ours), words.value(d.Field, d.Theirs)})
		}
	}
	return v
}

func (s *Server) listComparisonLines(ctx context.Context, in *struct {
	ByID
	Paging
	Outcome string `query:"outcome" enum:"ours_only,theirs_only,differ"`
	State   string `query:"state" enum:"open,done,dismissed"`
}) (*listOut[ComparisonLine], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	c, err := s.db.Comparison(ctx, actor(ctx).Scope, in.ID)
	if err != nil {
		return nil, err
	}
	lines, err := s.db.ComparisonLines(ctx, c, in.Outcome, in.State, page)
	return listOf(lines, in.Limit, func(l store.ComparisonLine) string { return l.ID }, func(l store.ComparisonLine) ComparisonLine { return s.lineView(ctx, c.Class, l) }), err
}

func (s *Server) decideComparisonLine(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		State string `json:"state" enum:"open,done,dismissed"`
		Note  string `json:"note,omitempty" maxLength:"500"`
	}
}) (*one[ComparisonLine], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	view := func(line store.ComparisonLine) (ComparisonLine, error) {
		c, err := s.db.Comparison(ctx, actor(ctx).Scope, line.ComparisonID)
		return s.lineView(ctx, c.Class, line), err
	}
	line, err := s.app.DecideLine(ctx, actor(ctx), in.ID, version, in.Body.State, in.Body.Note)
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			now, err := s.db.ComparisonLine(ctx, actor(ctx).Scope, in.ID)
			if err != nil {
				return nil, 0, err
			}
			v, err := view(now)
			return v, now.Version, err
		})
	}
	v, err := view(line)
	return oneOf(line.Version, v), err
}
