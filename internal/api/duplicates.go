package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/likeness"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// LikenessReason is one thing that speaks for or against two records being one.
type LikenessReason struct {
	Code   string `json:"code"`
	Field  string `json:"field,omitempty"`
	Points int    `json:"points" doc:"Negative: speaks against it."`
	Text   string `json:"text"`
}

func reasonViews(l bilingual.Lang, reasons []likeness.Reason) []LikenessReason {
	views := make([]LikenessReason, len(reasons))
	for i, r := range reasons {
		views[i] = LikenessReason{r.Code, r.Field, r.Points, r.Text.In(l)}
	}
	return views
}

// PairSide is one record of a pair. Of another city's record nothing is told
// but that it exists.
type PairSide struct {
	Elsewhere bool            `json:"elsewhere" doc:"Another city's record."`
	AssetID   string          `json:"asset_id,omitempty"`
	Label     string          `json:"label,omitempty"`
	CityCode  string          `json:"city_code,omitempty"`
	Status    registry.Status `json:"status,omitempty" enum:"in_use,handed_in,dismantled,deregistered,moved_out,converted,plate_void,duplicate"`
	OwnerName string          `json:"owner_name,omitempty"`
	CreatedAt *time.Time      `json:"created_at,omitempty"`
}

// Duplicate is a pair of records that may be one asset.
type Duplicate struct {
	ID        string           `json:"id"`
	Class     registry.Class   `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	Score     int              `json:"score" doc:"0 to 100."`
	Reasons   []LikenessReason `json:"reasons"`
	State     string           `json:"state" enum:"open,same,different"`
	Older     PairSide         `json:"older"`
	Newer     PairSide         `json:"newer" doc:"The one that is closed if the two are the same."`
	FoundAt   time.Time        `json:"found_at"`
	DecidedBy *Person          `json:"decided_by,omitempty"`
	DecidedAt *time.Time       `json:"decided_at,omitempty"`
	Reason    string           `json:"reason,omitempty"`
	Version   int64            `json:"version"`
}

func (s *Server) duplicateRoutes() {
	route(s, operation("check-asset", http.MethodPost, "/assets/check", "duplicates", "What is wrong with a record that is being entered, and what it looks like; writes nothing"), s.checkAsset)
	route(s, operation("list-duplicates", http.MethodGet, "/duplicates", "duplicates", "Pairs of records that may be one asset, newest first"), s.listDuplicates)
	route(s, operation("get-duplicate", http.MethodGet, "/duplicates/{id}", "duplicates", "One pair"), s.getDuplicate)
	decide := changes(operation("decide-duplicate", http.MethodPost, "/duplicates/{id}/decision", "duplicates", "Say whether the two are the same asset"))
	decide.DefaultStatus = http.StatusOK
	route(s, decide, s.decideDuplicate)
}

func sideOf(id string, mine map[string]store.AssetRecord) PairSide {
	a, ours := mine[id]
	if !ours {
		return PairSide{Elsewhere: true}
	}
	return PairSide{AssetID: a.ID, Label: a.Label, CityCode: a.CityCode, Status: a.Status, OwnerName: a.OwnerName, CreatedAt: &a.CreatedAt}
}

func (s *Server) pairViews(ctx context.Context, pairs []store.Pair) ([]Duplicate, error) {
	var ids []string
	for _, p := range pairs {
		ids = append(ids, p.AssetA, p.AssetB)
	}
	mine, err := s.db.AssetsByID(ctx, actor(ctx).Scope, ids)
	if err != nil {
		return nil, err
	}
	views := make([]Duplicate, len(pairs))
	for i, p := range pairs {
		views[i] = Duplicate{ID: p.ID, Class: p.Class, Score: p.Score, Reasons: reasonViews(lang(ctx), p.ReasonsOf()), State: p.State, Older: sideOf(p.AssetA, mine),
			Newer: sideOf(p.AssetB, mine), FoundAt: p.FoundAt, DecidedAt: p.DecidedAt, Reason: p.Reason, Version: p.Version}
		if p.DecidedBy != "" {
			views[i].DecidedBy = &Person{p.DecidedBy, p.DecidedByName}
		}
	}
	return views, nil
}

func (s *Server) listDuplicates(ctx context.Context, in *struct {
	Paging
	State string `query:"state" enum:"open,same,different"`
	Class string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City  string `query:"city" pattern:"^\\d{6}$" doc:"City of either record."`
}) (*listOut[Duplicate], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	pairs, err := s.db.Pairs(ctx, actor(ctx).Scope, store.PairFilter{State: in.State, Class: registry.Class(in.Class), City: in.City}, page)
	if err != nil {
		return nil, err
	}
	views, err := s.pairViews(ctx, pairs)
	return listOf(views, in.Limit, func(d Duplicate) string { return d.ID }, func(d Duplicate) Duplicate { return d }), err
}

func (s *Server) loadPair(ctx context.Context, id string) (Duplicate, error) {
	p, err := s.db.Pair(ctx, actor(ctx).Scope, id)
	if err != nil {
		return Duplicate{}, err
	}
	views, err := s.pairViews(ctx, []store.Pair{p})
	if err != nil {
		return Duplicate{}, err
	}
	return views[0], nil
}

func (s *Server) getDuplicate(ctx context.Context, in *ByID) (*one[Duplicate], error) {
	v, err := s.loadPair(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) decideDuplicate(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Same   bool   `json:"same"`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}) (*one[Duplicate], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	if _, err := s.app.DecideDuplicate(ctx, actor(ctx), in.ID, version, in.Body.Same, in.Body.Reason); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.loadPair(ctx, in.ID)
			return v, v.Version, err
		})
	}
	return s.getDuplicate(ctx, &in.ByID)
}

// withIdentity adds to a record of the scope what happens to its identity: an
// offer to another city, or the record for which it was closed.
func (s *Server) withIdentity(ctx context.Context, v Asset) (Asset, error) {
	if v.Status == registry.Duplicate {
		p, err := s.db.ClosedPair(ctx, actor(ctx).Scope, v.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return v, err
		}
		v.PairID = p.ID
		if _, err := s.db.Asset(ctx, actor(ctx).Scope, p.AssetA); err == nil {
			v.DuplicateOf = p.AssetA
		}
		return v, nil
	}
	open, err := s.db.Offered(ctx, v.ID)
	if err != nil {
		return v, err
	}
	if t, offered := open[v.ID]; offered {
		view := transferView(t)
		v.Transfer = &view
	}
	return v, nil
}

// EntryFinding is a doubt about a field of a record that is being entered.
type EntryFinding struct {
	Field    string            `json:"field"`
	Code     string            `json:"code"`
	Severity registry.Severity `json:"severity" enum:"error,warning"`
	Message  string            `json:"message"`
	Mend     string            `json:"mend,omitempty"`
}

// KnownRecord is a record that has the identity that is being entered, or one
// nearly like it.
type KnownRecord struct {
	PairSide
	Exact   bool             `json:"exact" doc:"It has the very identity; registering it again is refused."`
	Field   string           `json:"field,omitempty"`
	Score   int              `json:"score"`
	Reasons []LikenessReason `json:"reasons"`
}

// EntryCheck is what a record that is being entered looks like.
type EntryCheck struct {
	Findings []EntryFinding `json:"findings"`
	Known    []KnownRecord  `json:"known"`
}

func (s *Server) checkAsset(ctx context.Context, in *struct{ Body newAssetBody }) (*struct{ Body EntryCheck }, error) {
	entry, err := s.app.CheckEntry(ctx, actor(ctx), app.NewAsset{Class: in.Body.Class, CityCode: in.Body.CityCode, Fields: in.Body.Fields})
	if err != nil {
		return nil, err
	}
	out := &struct{ Body EntryCheck }{EntryCheck{[]EntryFinding{}, []KnownRecord{}}}
	l := lang(ctx)
	for _, f := range entry.Findings {
		out.Body.Findings = append(out.Body.Findings, EntryFinding{f.Field, f.Code, f.Severity, f.Message.In(l), f.Mend.In(l)})
	}
	for _, k := range entry.Known {
		view := KnownRecord{PairSide: PairSide{Elsewhere: true}, Exact: k.Exact, Field: k.Field, Score: k.Score, Reasons: reasonViews(l, k.Reasons)}
		if !k.Elsewhere {
			view.PairSide = sideOf(k.ID, map[string]store.AssetRecord{k.ID: k.AssetRecord})
		}
		out.Body.Known = append(out.Body.Known, view)
	}
	return out, nil
}
