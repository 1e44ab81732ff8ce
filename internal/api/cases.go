package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// CaseSummary is something about an asset that a person has to look into.
type CaseSummary struct {
	ID           string         `json:"id"`
	Kind         string         `json:"kind" example:"retired_identity_seen"`
	AssetID      string         `json:"asset_id"`
	AssetLabel   string         `json:"asset_label"`
	Class        registry.Class `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	CityCode     string         `json:"city_code"`
	DistrictCode string         `json:"district_code,omitempty"`
	State        string         `json:"state" enum:"open,closed"`
	Sightings    int64          `json:"sightings" doc:"How often it was seen."`
	OpenedBy     Person         `json:"opened_by"`
	OpenedAt     time.Time      `json:"opened_at"`
	LastSeenAt   time.Time      `json:"last_seen_at"`
	ClosedBy     *Person        `json:"closed_by,omitempty"`
	ClosedAt     *time.Time     `json:"closed_at,omitempty"`
	Outcome      string         `json:"outcome,omitempty"`
	AssignedTo   *Person        `json:"assigned_to,omitempty" doc:"Who looks into it."`
	Version      int64          `json:"version"`
}

// Sighting is one occasion on which the asset of a case was seen.
type Sighting struct {
	Source   string    `json:"source" example:"entry" doc:"entry, update or import."`
	CityCode string    `json:"city_code,omitempty" doc:"Where it was seen."`
	Field    string    `json:"field"`
	Value    string    `json:"value"`
	Note     string    `json:"note,omitempty"`
	SeenBy   Person    `json:"seen_by"`
	SeenAt   time.Time `json:"seen_at"`
}

// CaseDetail is a case with its latest sightings.
type CaseDetail struct {
	CaseSummary
	Seen []Sighting `json:"seen" doc:"The latest 200."`
	Hold *CaseHold  `json:"hold,omitempty" doc:"The payments that the case holds, or held."`
}

// CaseHold is what a case holds until a second person releases it.
type CaseHold struct {
	YardID       string     `json:"yard_id,omitempty" doc:"The open payments of this yard are held; without it those of the one retirement."`
	RetirementID string     `json:"retirement_id"`
	HeldAt       time.Time  `json:"held_at"`
	ReleasedAt   *time.Time `json:"released_at,omitempty"`
	ReleasedBy   *Person    `json:"released_by,omitempty"`
	Reason       string     `json:"reason,omitempty"`
}

func (s *Server) caseRoutes() {
	route(s, operation("list-cases", http.MethodGet, "/cases", "cases", "Cases to look into, newest first"), s.listCases)
	route(s, operation("get-case", http.MethodGet, "/cases/{id}", "cases", "One case with its sightings"), s.getCase)
	closing := changes(operation("close-case", http.MethodPost, "/cases/{id}/close", "cases", "Close a case with what came of it"))
	closing.DefaultStatus = http.StatusOK
	route(s, closing, s.closeCase)
}

func caseView(c store.Case) CaseSummary {
	v := CaseSummary{ID: c.ID, Kind: c.Kind, AssetID: c.AssetID, AssetLabel: c.AssetLabel, Class: c.Class, CityCode: c.CityCode, DistrictCode: c.DistrictCode,
		State: c.State, Sightings: c.Sightings, OpenedBy: Person{c.OpenedBy, c.OpenedByName}, OpenedAt: c.OpenedAt, LastSeenAt: c.LastSeenAt,
		ClosedAt: c.ClosedAt, Outcome: c.Outcome, Version: c.Version}
	if c.ClosedBy != "" {
		v.ClosedBy = &Person{c.ClosedBy, c.ClosedByName}
	}
	if c.AssignedTo != "" {
		v.AssignedTo = &Person{c.AssignedTo, c.AssignedToName}
	}
	return v
}

func (s *Server) listCases(ctx context.Context, in *struct {
	Paging
	State string `query:"state" enum:"open,closed"`
	Kind  string `query:"kind" maxLength:"40"`
	City  string `query:"city" pattern:"^\\d{6}$"`
	Asset string `query:"asset" maxLength:"64"`
	Mine  bool   `query:"mine" doc:"Only those that one looks into oneself."`
	Free  bool   `query:"unassigned" doc:"Only those that nobody looks into."`
}) (*listOut[CaseSummary], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	assigned := ""
	switch {
	case in.Mine:
		assigned = actor(ctx).ID
	case in.Free:
		assigned = "none"
	}
	cases, err := s.db.Cases(ctx, actor(ctx).Scope, store.CaseFilter{State: in.State, Kind: in.Kind, City: in.City, AssetID: in.Asset, AssignedTo: assigned}, page)
	return listOf(cases, in.Limit, func(c store.Case) string { return c.ID }, caseView), err
}

func (s *Server) loadCase(ctx context.Context, id string) (CaseDetail, error) {
	c, err := s.db.Case(ctx, actor(ctx).Scope, id)
	if err != nil {
		return CaseDetail{}, err
	}
	sightings, err := s.db.Sightings(ctx, c)
	if err != nil {
		return CaseDetail{}, err
	}
	v := CaseDetail{CaseSummary: caseView(c), Seen: make([]Sighting, len(sightings))}
	hold, held, err := s.db.HoldOf(ctx, c)
	if held {
		v.Hold = &CaseHold{YardID: hold.YardID, RetirementID: hold.RetirementID, HeldAt: hold.HeldAt, ReleasedAt: hold.ClearedAt, Reason: hold.ClearReason}
		if hold.ClearedBy != "" {
			v.Hold.ReleasedBy = &Person{hold.ClearedBy, hold.ClearedByName}
		}
	}
	for i, seen := range sightings {
		v.Seen[i] = Sighting{seen.Source, seen.CityCode, seen.Field, seen.Value, seen.Note, Person{seen.SeenBy, seen.SeenByName}, seen.SeenAt}
	}
	return v, err
}

func (s *Server) getCase(ctx context.Context, in *ByID) (*one[CaseDetail], error) {
	v, err := s.loadCase(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) closeCase(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Outcome string `json:"outcome" minLength:"1" maxLength:"1000" doc:"What came of it."`
	}
}) (*one[CaseDetail], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	if _, err := s.app.CloseCase(ctx, actor(ctx), in.ID, version, in.Body.Outcome); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.loadCase(ctx, in.ID)
			return v, v.Version, err
		})
	}
	return s.getCase(ctx, &in.ByID)
}
