package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// OwnerRecord is an owner with the fleet that lies in the reader's area.
type OwnerRecord struct {
	ID         string             `json:"id"`
	CityCode   string             `json:"city_code"`
	Kind       registry.OwnerKind `json:"kind" enum:"person,organisation"`
	Name       string             `json:"name"`
	Number     string             `json:"number,omitempty" doc:"Masked."`
	Phone      string             `json:"phone,omitempty" doc:"Masked."`
	MergedInto string             `json:"merged_into,omitempty" doc:"The owner that this one turned out to be."`
	Fleet      []FleetLine        `json:"fleet"`
	CreatedAt  time.Time          `json:"created_at"`
	Version    int64              `json:"version"`
}

// FleetLine is how many assets of a class and status an owner has.
type FleetLine struct {
	Class  registry.Class  `json:"class"`
	Status registry.Status `json:"status"`
	Count  int64           `json:"count"`
}

// OwnerPeriod is a time during which an owner had an asset.
type OwnerPeriod struct {
	OwnerID string    `json:"owner_id"`
	Name    string    `json:"name"`
	FromOn  civil.Day `json:"from_on,omitempty" doc:"Absent if nobody knows."`
	ToOn    civil.Day `json:"to_on,omitempty" doc:"The day on which the next owner began, absent for the present one."`
}

type ownerBody struct {
	Name   string `json:"name" minLength:"1" maxLength:"100"`
	Number string `json:"number,omitempty" maxLength:"40" doc:"Resident number or unified social credit code; a masked value leaves it as it is."`
	Phone  string `json:"phone,omitempty" maxLength:"40"`
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

func (b ownerBody) owner() app.NewOwner {
	return app.NewOwner{Name: b.Name, Number: b.Number, Phone: b.Phone, Reason: b.Reason}
}

func (s *Server) ownerRoutes() {
	route(s, operation("list-owners", http.MethodGet, "/owners", "owners", "Owners with their fleets"), s.listOwners)
	route(s, operation("get-owner", http.MethodGet, "/owners/{id}", "owners", "One owner"), s.getOwner)
	route(s, operation("get-owner-history", http.MethodGet, "/owners/{id}/history", "owners", "Who changed what of an owner"), s.ownerHistory)
	route(s, changes(operation("update-owner", http.MethodPatch, "/owners/{id}", "owners", "Correct an owner, on all records of the fleet")), s.updateOwner)
	merge := changes(operation("merge-owners", http.MethodPost, "/owners/{id}/merge", "owners", "Merge an owner into another one of the city"))
	merge.DefaultStatus = http.StatusOK
	route(s, merge, s.mergeOwners)
	route(s, operation("list-asset-owners", http.MethodGet, "/assets/{id}/owners", "owners", "Who owned an asset when"), s.assetOwners)
	change := changes(operation("change-owner", http.MethodPost, "/assets/{id}/owner", "owners", "Hand an asset to another owner"))
	change.DefaultStatus = http.StatusOK
	route(s, change, s.changeOwner)
}

func ownerViewOf(o store.Owner) OwnerRecord {
	return OwnerRecord{ID: o.ID, CityCode: o.CityCode, Kind: o.Kind, Name: o.Name, Number: store.MaskID(o.Number), Phone: store.MaskPhone(o.Phone),
		MergedInto: o.MergedInto, Fleet: []FleetLine{}, CreatedAt: o.CreatedAt, Version: o.Version}
}

// withFleets adds to owners what they have in the reader's area.
func (s *Server) withFleets(ctx context.Context, owners []OwnerRecord) error {
	ids, at := make([]string, len(owners)), map[string]int{}
	for i, o := range owners {
		ids[i], at[o.ID] = o.ID, i
	}
	counts, err := s.db.FleetCounts(ctx, actor(ctx).Scope, ids)
	for _, c := range counts {
		o := &owners[at[c.OwnerRef]]
		o.Fleet = append(o.Fleet, FleetLine{c.Class, c.Status, c.N})
	}
	return err
}

func (s *Server) listOwners(ctx context.Context, in *struct {
	Paging
	City string `query:"city" pattern:"^\\d{6}$"`
	Kind string `query:"kind" enum:"person,organisation"`
	Q    string `query:"q" maxLength:"100" doc:"Any part of the name, or a whole number."`
}) (*listOut[OwnerRecord], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	owners, err := s.db.Owners(ctx, actor(ctx).Scope, store.OwnerFilter{City: in.City, Kind: registry.OwnerKind(in.Kind), Q: strings.TrimSpace(in.Q)}, page)
	if err != nil {
		return nil, err
	}
	out := listOf(owners, in.Limit, func(o store.Owner) string { return o.ID }, ownerViewOf)
	return out, s.withFleets(ctx, out.Body.Items)
}

func (s *Server) loadOwner(ctx context.Context, id string) (OwnerRecord, error) {
	o, err := s.db.Owner(ctx, actor(ctx).Scope, id)
	if err != nil {
		return OwnerRecord{}, err
	}
	views := []OwnerRecord{ownerViewOf(o)}
	err = s.withFleets(ctx, views)
	return views[0], err
}

func (s *Server) getOwner(ctx context.Context, in *ByID) (*one[OwnerRecord], error) {
	v, err := s.loadOwner(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) ownerHistory(ctx context.Context, in *struct {
	ByID
	Paging
}) (*listOut[HistoryEvent], error) {
	if _, err := s.db.Owner(ctx, actor(ctx).Scope, in.ID); err != nil {
		return nil, err
	}
	return s.events(ctx, in.Paging, store.EventFilter{Entity: "owner", EntityID: in.ID}, "")
}

// changedOwner answers a change of an owner: the record after it, or with a
// 412 the record as it is.
func (s *Server) changedOwner(ctx context.Context, id string, err error) (*one[OwnerRecord], error) {
	return changed(ctx, s, id, err, s.loadOwner, func(v OwnerRecord) int64 { return v.Version })
}

func (s *Server) updateOwner(ctx context.Context, in *struct {
	ByID
	Based
	Body ownerBody
}) (*one[OwnerRecord], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.AmendOwner(ctx, actor(ctx), in.ID, version, in.Body.owner())
	return s.changedOwner(ctx, in.ID, err)
}

func (s *Server) mergeOwners(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Into   string `json:"into" minLength:"1" maxLength:"64" doc:"The owner that is kept."`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}) (*one[OwnerRecord], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.MergeOwners(ctx, actor(ctx), in.ID, version, in.Body.Into, in.Body.Reason)
	return s.changedOwner(ctx, in.ID, err)
}

func (s *Server) assetOwners(ctx context.Context, in *ByID) (*listOut[OwnerPeriod], error) {
	a, err := s.db.Asset(ctx, actor(ctx).Scope, in.ID)
	if err != nil {
		return nil, err
	}
	periods, err := s.db.OwnerPeriods(ctx, a)
	return listOf(periods, len(periods), func(p store.OwnerPeriod) string { return p.OwnerID }, func(p store.OwnerPeriod) OwnerPeriod {
		return OwnerPeriod{p.OwnerID, p.OwnerName, p.FromOn, p.ToOn}
	}), err
}

func (s *Server) changeOwner(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Name   string    `json:"name" minLength:"1" maxLength:"100"`
		Number string    `json:"number,omitempty" maxLength:"40" doc:"Resident number or unified social credit code."`
		Phone  string    `json:"phone,omitempty" maxLength:"40"`
		On     civil.Day `json:"on" format:"date" doc:"The new owner's first day."`
		Reason string    `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[Asset], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	to := app.NewOwner{Name: in.Body.Name, Number: in.Body.Number, Phone: in.Body.Phone, On: in.Body.On, Reason: in.Body.Reason}
	if _, err = s.app.ChangeOwner(ctx, actor(ctx), in.ID, version, to); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.loadAsset(ctx, in.ID)
			return v, v.Version, err
		})
	}
	v, err := s.loadAsset(ctx, in.ID)
	return oneOf(v.Version, v), err
}
