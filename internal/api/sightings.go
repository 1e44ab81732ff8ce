package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/store"
)

// ServerKey is the key of another system that reports sightings.
type ServerKey struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Source     string         `json:"source" enum:"gate,inspection,obd,patrol"`
	CityCode   string         `json:"city_code,omitempty"`
	Hint       string         `json:"hint" doc:"Its last signs."`
	ExpiresOn  civil.Day      `json:"expires_on,omitempty"`
	CreatedAt  time.Time      `json:"created_at"`
	LastUsedAt *time.Time     `json:"last_used_at,omitempty" doc:"To the minute."`
	RevokedAt  *time.Time     `json:"revoked_at,omitempty"`
	State      store.KeyState `json:"state" enum:"active,ending,expired,revoked" doc:"ending: replaced, and taken up to expires_on beside the one that replaced it."`
	Replaces   string         `json:"replaces,omitempty" doc:"The key before it."`
	ReplacedBy string         `json:"replaced_by,omitempty" doc:"The key after it."`
	Version    int64          `json:"version"`
}

// NewServerKey is a key with its secret, which is shown this once.
type NewServerKey struct {
	ServerKey
	Secret string `json:"secret" doc:"Send it as Authorization: Bearer. It is not kept and cannot be shown again."`
}

func (s *Server) keyView(k store.ServerKey) ServerKey {
	return ServerKey{k.ID, k.Name, k.Source, k.CityCode, k.Hint, k.ExpiresOn, k.CreatedAt, k.LastUsedAt, k.RevokedAt, k.StateOn(s.app.Today()), k.Replaces, k.ReplacedBy, k.Version}
}

// Accepted is all that who reports sightings is told.
type Accepted struct {
	Accepted int `json:"accepted" doc:"How many were well-formed. Nothing is said about what they meant."`
}

// PasteAccepted is what who pastes a list is told.
type PasteAccepted struct {
	Accepted
	Ignored []int `json:"ignored" doc:"The first 20 lines, from 1, that hold no number and were left out."`
}

func (s *Server) sightingRoutes() {
	route(s, operation("list-server-keys", http.MethodGet, "/server-keys", "administration", "Keys of other systems, newest first"), s.listServerKeys)
	create := operation("create-server-key", http.MethodPost, "/server-keys", "administration", "Make a key; its secret is shown this once, so that the request takes no Idempotency-Key")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createServerKey)
	revoke := operation("revoke-server-key", http.MethodPost, "/server-keys/{id}/revocation", "administration", "End a key at once")
	revoke.DefaultStatus = http.StatusOK
	route(s, revoke, s.revokeServerKey)
	rotate := operation("rotate-server-key", http.MethodPost, "/server-keys/{id}/rotation", "administration", "Replace a key by a new one, which is shown this once; both are taken for the days of the overlap, then the old one ends by itself")
	rotate.DefaultStatus = http.StatusCreated
	route(s, rotate, s.rotateServerKey)
	report := operation("report-sightings", http.MethodPost, "/sightings", "sightings", "Report what was seen at a gate, an inspection, by OBD or on patrol; needs a server key")
	report.DefaultStatus = http.StatusAccepted
	route(s, report, s.reportSightings)
	paste := operation("paste-sightings", http.MethodPost, "/sightings/paste", "sightings", "Report a pasted list of numbers")
	paste.DefaultStatus = http.StatusAccepted
	route(s, paste, s.pasteSightings)
	assign := changes(operation("assign-case", http.MethodPost, "/cases/{id}/assignment", "cases", "Take a case, give it to somebody, or back"))
	assign.DefaultStatus = http.StatusOK
	route(s, assign, s.assignCase)
	release := changes(operation("release-case", http.MethodPost, "/cases/{id}/release", "cases", "Give free what a closed case holds; not by who closed it"))
	release.DefaultStatus = http.StatusOK
	route(s, release, s.releaseCase)
}

func (s *Server) listServerKeys(ctx context.Context, in *struct{ Paging }) (*listOut[ServerKey], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := s.db.ServerKeys(ctx, page)
	return listOf(list, in.Limit, func(k store.ServerKey) string { return k.ID }, s.keyView), err
}

func (s *Server) createServerKey(ctx context.Context, in *struct {
	Body struct {
		Name      string    `json:"name" minLength:"1" maxLength:"100"`
		Source    string    `json:"source" enum:"gate,inspection,obd,patrol"`
		CityCode  string    `json:"city_code,omitempty" pattern:"^(\\d{6})?$"`
		ExpiresOn civil.Day `json:"expires_on,omitempty" maxLength:"10"`
	}
}) (*struct{ Body NewServerKey }, error) {
	k, secret, err := s.app.CreateServerKey(ctx, actor(ctx), store.ServerKey{Name: in.Body.Name, Source: in.Body.Source, CityCode: in.Body.CityCode, ExpiresOn: in.Body.ExpiresOn})
	if err != nil {
		return nil, err
	}
	return &struct{ Body NewServerKey }{NewServerKey{s.keyView(k), secret}}, nil
}

func (s *Server) rotateServerKey(ctx context.Context, in *struct {
	ByID
	Body struct {
		OverlapDays int       `json:"overlap_days" minimum:"0" maximum:"90" doc:"How many days after today the old key goes on, never beyond its own last day. 0: to the end of today."`
		ExpiresOn   civil.Day `json:"expires_on,omitempty" maxLength:"10" doc:"Last day of the new key."`
	}
}) (*struct{ Body NewServerKey }, error) {
	k, secret, err := s.app.RotateServerKey(ctx, actor(ctx), in.ID, in.Body.OverlapDays, in.Body.ExpiresOn)
	if err != nil {
		return nil, err
	}
	return &struct{ Body NewServerKey }{NewServerKey{s.keyView(k), secret}}, nil
}

func (s *Server) revokeServerKey(ctx context.Context, in *ByID) (*one[ServerKey], error) {
	k, err := s.app.RevokeServerKey(ctx, actor(ctx), in.ID)
	return oneOf(k.Version, s.keyView(k)), err
}

func (s *Server) reportSightings(ctx context.Context, in *struct {
	Body struct {
		Items []SightingReport `json:"items" minItems:"1" maxItems:"500"`
	}
}) (*struct{ Body Accepted }, error) {
	by := actor(ctx)
	seen := make([]app.Seen, len(in.Body.Items))
	for i, item := range in.Body.Items {
		seen[i] = app.Seen{Ref: item.Ref, Value: item.Value, At: item.SeenAt, Place: item.Place}
	}
	n, err := s.app.ReportSightings(ctx, by, by.Source, by.City, seen)
	return &struct{ Body Accepted }{Accepted{n}}, err
}

func (s *Server) pasteSightings(ctx context.Context, in *struct {
	Body struct {
		Source string `json:"source" enum:"gate,inspection,obd,patrol"`
		Place  string `json:"place,omitempty" maxLength:"100"`
		Text   string `json:"text" minLength:"1" maxLength:"200000" doc:"A sighting a line: its number, with a day and a time behind it if it was not now. Columns of a sheet, running numbers and words do no harm."`
	}
}) (*struct{ Body PasteAccepted }, error) {
	done, err := s.app.PasteSightings(ctx, actor(ctx), in.Body.Source, in.Body.Place, in.Body.Text)
	return &struct{ Body PasteAccepted }{PasteAccepted{Accepted{done.Accepted}, append([]int{}, done.Ignored...)}}, err
}

// changedCase answers a change of a case: the case after it, or with a 412 as it is.
func (s *Server) changedCase(ctx context.Context, id ByID, based Based, deed func(version int64) (store.Case, error)) (*one[CaseDetail], error) {
	version, err := based.version()
	if err != nil {
		return nil, err
	}
	if _, err := deed(version); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.loadCase(ctx, id.ID)
			return v, v.Version, err
		})
	}
	return s.getCase(ctx, &id)
}

func (s *Server) assignCase(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Username string `json:"username,omitempty" maxLength:"64" doc:"A reviewer of the area; oneself if left out."`
		Back     bool   `json:"back,omitempty" doc:"Give it back to nobody."`
	}
}) (*one[CaseDetail], error) {
	return s.changedCase(ctx, in.ByID, in.Based, func(version int64) (store.Case, error) {
		return s.app.AssignCase(ctx, actor(ctx), in.ID, version, in.Body.Username, in.Body.Back)
	})
}

func (s *Server) releaseCase(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}) (*one[CaseDetail], error) {
	return s.changedCase(ctx, in.ByID, in.Based, func(version int64) (store.Case, error) {
		return s.app.ReleaseHold(ctx, actor(ctx), in.ID, version, in.Body.Reason)
	})
}

// SightingReport is one sighting as another system reports it.
type SightingReport struct {
	Ref    string    `json:"ref" minLength:"1" maxLength:"100" doc:"Your own number of it; the same one is taken once."`
	Value  string    `json:"value" minLength:"1" maxLength:"60" doc:"Plate, frame number, serial number, environmental code or ship id."`
	SeenAt time.Time `json:"seen_at"`
	Place  string    `json:"place,omitempty" maxLength:"100"`
}
