package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// PhotoDoubt is something doubtful about a photo.
type PhotoDoubt struct {
	Code  string `json:"code" example:"far_from_yard"`
	Grave bool   `json:"grave" doc:"It cannot be so if the photo is what it is said to be."`
	Text  Name   `json:"text"`
}

// PhotoMatch says that a file is on another record as well. What is known of
// the other is told only where that record may be seen.
type PhotoMatch struct {
	ID           string     `json:"id"`
	FileID       string     `json:"file_id"`
	AssetID      string     `json:"asset_id"`
	AssetLabel   string     `json:"asset_label"`
	CityCode     string     `json:"city_code"`
	Kind         string     `json:"kind" enum:"exact,altered"`
	Percent      int        `json:"percent" doc:"How well the two pictures lie on each other."`
	Mirrored     bool       `json:"mirrored"`
	Elsewhere    bool       `json:"elsewhere" doc:"The other record is not of one's own area; nothing more is told of it."`
	OtherAssetID string     `json:"other_asset_id,omitempty"`
	OtherFileID  string     `json:"other_file_id,omitempty"`
	State        string     `json:"state" enum:"open,refused,different"`
	FoundAt      time.Time  `json:"found_at"`
	DecidedBy    *Person    `json:"decided_by,omitempty"`
	DecidedAt    *time.Time `json:"decided_at,omitempty"`
	Reason       string     `json:"reason,omitempty"`
	Version      int64      `json:"version"`
}

// PhotoCheck is one picture of a retirement with what it says of itself and
// what is doubtful about it.
type PhotoCheck struct {
	File      File         `json:"file"`
	Refused   bool         `json:"refused" doc:"Found to be another record's: no evidence."`
	Width     int          `json:"width,omitempty"`
	Height    int          `json:"height,omitempty"`
	TakenAt   string       `json:"taken_at,omitempty" doc:"By the camera's own clock."`
	Latitude  *float64     `json:"latitude,omitempty"`
	Longitude *float64     `json:"longitude,omitempty"`
	Camera    string       `json:"camera,omitempty"`
	Software  string       `json:"software,omitempty"`
	Doubts    []PhotoDoubt `json:"doubts"`
	Matches   []PhotoMatch `json:"matches"`
}

// PhotoFlags is what the reviewer's queue shows of a retirement's photos.
type PhotoFlags struct {
	RetirementID string `json:"retirement_id"`
	Photos       int    `json:"photos"`
	OpenMatches  int    `json:"open_matches"`
	Refused      int    `json:"refused"`
	Grave        int    `json:"grave" doc:"Doubts that cannot be if the photo is what it is said to be."`
	Slight       int    `json:"slight" doc:"Photos that do not say when or where they were taken."`
}

func (s *Server) photoRoutes() {
	route(s, operation("list-retirement-photos", http.MethodGet, "/retirements/{id}/photos", "photos", "The pictures of a retirement with what is doubtful about them"), s.listRetirementPhotos)
	route(s, operation("list-photo-flags", http.MethodGet, "/photo-flags", "photos", "What is doubtful about the photos of up to 100 retirements"), s.listPhotoFlags)
	route(s, operation("list-photo-matches", http.MethodGet, "/photo-matches", "photos", "Photos that may be another record's, newest first"), s.listPhotoMatches)
	decide := changes(operation("decide-photo-match", http.MethodPost, "/photo-matches/{id}/decision", "photos", "Refuse a photo, or say that the two are different"))
	decide.DefaultStatus = http.StatusOK
	route(s, decide, s.decidePhotoMatch)
}

func matchView(ctx context.Context, m store.PhotoMatch) PhotoMatch {
	v := PhotoMatch{ID: m.ID, FileID: m.FileID, AssetID: m.AssetID, AssetLabel: m.AssetLabel, CityCode: m.CityCode, Kind: m.Kind, Percent: m.Percent, Mirrored: m.Mirrored,
		State: m.State, FoundAt: m.FoundAt, DecidedAt: m.DecidedAt, Reason: m.Reason, Version: m.Version}
	if scope := actor(ctx).Scope; scope.IsProvince() || (scope.District() == "" && scope.Covers(m.OtherCity, "")) {
		v.OtherAssetID, v.OtherFileID = m.OtherAssetID, m.OtherFileID
	} else {
		v.Elsewhere = true
	}
	if m.DecidedBy != "" {
		v.DecidedBy = &Person{m.DecidedBy, m.DecidedByName}
	}
	return v
}

func (s *Server) listRetirementPhotos(ctx context.Context, in *ByID) (*listOut[PhotoCheck], error) {
	scope := actor(ctx).Scope
	r, err := s.db.Retirement(ctx, scope, in.ID)
	if err != nil {
		return nil, err
	}
	checks, err := s.app.PhotoChecks(ctx, scope, []retirement.Retirement{r})
	if err != nil {
		return nil, err
	}
	list := checks[r.ID]
	return listOf(list, len(list), func(c app.PhotoCheck) string { return c.ID }, func(c app.PhotoCheck) PhotoCheck {
		v := PhotoCheck{File: fileView(c.File), Refused: c.Refused, Doubts: []PhotoDoubt{}, Matches: []PhotoMatch{}}
		if f := c.Facts; f != nil {
			v.Width, v.Height, v.TakenAt, v.Latitude, v.Longitude, v.Camera, v.Software = f.Width, f.Height, f.TakenAt, degrees(f.LatE6), degrees(f.LonE6), f.Camera, f.Software
		}
		for _, d := range c.Doubts {
			v.Doubts = append(v.Doubts, PhotoDoubt{d.Code, d.Grave, nameOf(d.Text)})
		}
		for _, m := range c.Matches {
			v.Matches = append(v.Matches, matchView(ctx, m))
		}
		return v
	}), nil
}

func (s *Server) listPhotoFlags(ctx context.Context, in *struct {
	Retirements []string `query:"retirements" required:"true" minItems:"1" maxItems:"100" doc:"Ids, separated by commas. Those that are not found are left out."`
}) (*listOut[PhotoFlags], error) {
	scope := actor(ctx).Scope
	list, err := s.db.RetirementsByID(ctx, scope, in.Retirements)
	if err != nil {
		return nil, err
	}
	checks, err := s.app.PhotoChecks(ctx, scope, list)
	if err != nil {
		return nil, err
	}
	return listOf(list, len(list), func(r retirement.Retirement) string { return r.ID }, func(r retirement.Retirement) PhotoFlags {
		v := PhotoFlags{RetirementID: r.ID, Photos: len(checks[r.ID])}
		for _, c := range checks[r.ID] {
			if c.Refused {
				v.Refused++
				continue
			}
			slight := false
			for _, d := range c.Doubts {
				if d.Grave {
					v.Grave++
				} else {
					slight = true
				}
			}
			if slight {
				v.Slight++
			}
			for _, m := range c.Matches {
				if m.State == "open" {
					v.OpenMatches++
				}
			}
		}
		return v
	}), nil
}

func (s *Server) listPhotoMatches(ctx context.Context, in *struct {
	Paging
	State string `query:"state" enum:"open,refused,different"`
	Asset string `query:"asset" maxLength:"64"`
}) (*listOut[PhotoMatch], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := s.db.PhotoMatches(ctx, actor(ctx).Scope, store.MatchFilter{State: in.State, AssetID: in.Asset}, page)
	return listOf(list, in.Limit, func(m store.PhotoMatch) string { return m.ID }, func(m store.PhotoMatch) PhotoMatch { return matchView(ctx, m) }), err
}

func (s *Server) decidePhotoMatch(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Decision string `json:"decision" enum:"refused,different" doc:"refused: it is the other record's photo. different: it is not; this is remembered."`
		Reason   string `json:"reason" minLength:"1" maxLength:"500"`
	}
}) (*one[PhotoMatch], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	m, err := s.app.DecidePhotoMatch(ctx, actor(ctx), in.ID, version, in.Body.Decision == "refused", in.Body.Reason)
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			m, err := s.db.PhotoMatch(ctx, actor(ctx).Scope, in.ID)
			return matchView(ctx, m), m.Version, err
		})
	}
	return oneOf(m.Version, matchView(ctx, m)), nil
}
