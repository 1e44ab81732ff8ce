package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// totalCap is where counting the whole of a list stops.
const totalCap = 10000

// AssetSummary is an asset as lists show it.
type AssetSummary struct {
	ID           string          `json:"id"`
	Class        registry.Class  `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	CityCode     string          `json:"city_code"`
	DistrictCode string          `json:"district_code,omitempty"`
	Category     string          `json:"category"`
	Stage        string          `json:"stage"`
	Status       registry.Status `json:"status" enum:"in_use,handed_in,dismantled,deregistered,moved_out,converted,plate_void,duplicate"`
	Label        string          `json:"label" doc:"Plate, serial number or ship name."`
	Identifiers  []Identifier    `json:"identifiers"`
	OwnerName    string          `json:"owner_name"`
	Model        string          `json:"model,omitempty"`
	InScope      bool            `json:"in_scope" doc:"Covered by a requirement of the plan today."`
	RegisteredOn civil.Day       `json:"registered_on,omitempty"`
	BuiltOn      civil.Day       `json:"built_on,omitempty"`
	ScrapDueOn   civil.Day       `json:"scrap_due_on,omitempty"`
	ImportID     string          `json:"import_id,omitempty"`
	Version      int64           `json:"version"`
}

// Identifier is one number by which an asset is known.
type Identifier struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// FieldValue is one field of an asset.
type FieldValue struct {
	Key     string `json:"key"`
	Name    Name   `json:"name"`
	Value   string `json:"value" doc:"Normalised; a secret is masked."`
	Display Name   `json:"display"`
}

// Owner is the owner of an asset, numbers masked.
type Owner struct {
	ID    string    `json:"id,omitempty"`
	Since civil.Day `json:"since,omitempty" doc:"First day as the owner, absent if nobody knows."`
	Name  string    `json:"name"`
	IDNo  string    `json:"id_no,omitempty"`
	Phone string    `json:"phone,omitempty"`
}

// Scope says whether and why an asset belongs to the cohort of a requirement.
type Scope struct {
	InScope  bool       `json:"in_scope"`
	Rule     string     `json:"rule" doc:"Rule and its version." example:"truck-china3-v1"`
	Reason   string     `json:"reason"`
	CohortOn civil.Day  `json:"cohort_on,omitempty" doc:"Day from which it counts."`
	Lines    []RuleLine `json:"lines" doc:"Each condition of the rule with what the asset has to it."`
}

// RuleLine is one condition of a rule.
type RuleLine struct {
	Text   string `json:"text"`
	Fact   string `json:"fact"`
	Passed bool   `json:"passed"`
}

// Scrap is the mandatory scrapping date.
type Scrap struct {
	DueOn       civil.Day `json:"due_on,omitempty"`
	Source      string    `json:"source,omitempty" doc:"record: as registered; computed: from the service years."`
	EarlyMonths *int      `json:"early_months,omitempty" doc:"Whole months from today until then."`
}

// Warning is a doubt about a field that did not keep the record out.
type Warning struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Mend    string `json:"mend,omitempty"`
}

// Asset is a record in full.
type Asset struct {
	AssetSummary
	Fields       []FieldValue `json:"fields"`
	Owner        Owner        `json:"owner"`
	PoliceStatus string       `json:"police_status,omitempty"`
	Scope        Scope        `json:"scope"`
	Scrap        Scrap        `json:"scrap"`
	Retirement   *Retirement  `json:"retirement,omitempty"`
	DuplicateOf  string       `json:"duplicate_of,omitempty" doc:"The record that was kept when this one was closed as its duplicate."`
	PairID       string       `json:"pair_id,omitempty" doc:"The decision by which it was closed."`
	Transfer     *Transfer    `json:"transfer,omitempty" doc:"While it is offered to another city: it cannot be changed."`
	Warnings     []Warning    `json:"warnings,omitempty" doc:"Only in the answer to a change."`
	CreatedAt    time.Time    `json:"created_at"`
	UpdatedAt    time.Time    `json:"updated_at"`
}

func (s *Server) assetRoutes() {
	route(s, operation("list-assets", http.MethodGet, "/assets", "assets", "Search and filter the registry"), s.listAssets)
	route(s, operation("get-asset", http.MethodGet, "/assets/{id}", "assets", "One record"), s.getAsset)
	create := operation("create-asset", http.MethodPost, "/assets", "assets", "Register one asset")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createAsset)
	route(s, changes(operation("update-asset", http.MethodPatch, "/assets/{id}", "assets", "Change fields of a record")), s.updateAsset)
	route(s, changes(operation("undo-asset-edit", http.MethodPost, "/assets/{id}/undo", "assets", "Take back the last edit of a record by hand")), s.undoEdit)
	route(s, operation("get-asset-history", http.MethodGet, "/assets/{id}/history", "assets", "Who changed what, when and why"), s.assetHistory)
	route(s, operation("get-eligibility", http.MethodGet, "/assets/{id}/eligibility", "subsidies", "What each program owes for an asset, and why"), s.eligibility)
}

func summaryOf(a store.AssetRecord) AssetSummary {
	v := AssetSummary{ID: a.ID, Class: a.Class, CityCode: a.CityCode, DistrictCode: a.DistrictCode, Category: a.Category, Stage: a.Stage,
		Status: a.Status, Label: a.Label, Identifiers: make([]Identifier, len(a.Identifiers)), OwnerName: a.OwnerName, Model: a.Model, InScope: a.InScope,
		RegisteredOn: a.RegisteredOn, BuiltOn: a.BuiltOn, ScrapDueOn: a.ScrapDueOn, ImportID: a.ImportID, Version: a.Version}
	for i, id := range a.Identifiers {
		v.Identifiers[i] = Identifier{id.Kind, id.Value}
	}
	return v
}

func (s *Server) assetView(ctx context.Context, a store.AssetRecord, warnings []registry.Finding, c *app.Case) Asset {
	l, today := lang(ctx), s.app.Today()
	inScope, rule, reason := s.app.Reference.ExplainScope(a.Asset, today)
	if a.Status == registry.Duplicate {
		inScope, reason = false, bilingual.T("已作为重复记录关闭，不计入任何指标", "closed as a duplicate; it counts in no figure")
	}
	v := Asset{AssetSummary: summaryOf(a), Fields: []FieldValue{}, Owner: Owner{a.OwnerRef, a.OwnedFrom, a.OwnerName, store.MaskID(a.OwnerID), store.MaskPhone(a.OwnerPhone)},
		PoliceStatus: a.PoliceStatus, Scope: Scope{inScope, rule, reason.In(l), a.Counting.CohortOn, []RuleLine{}}, Scrap: Scrap{DueOn: a.ScrapDueOn, Source: a.ScrapDueSource},
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
	_, lines := s.app.Reference.Apply(s.app.Reference.Rule(a.Class), a.Asset)
	for _, line := range lines {
		v.Scope.Lines = append(v.Scope.Lines, RuleLine{line.Text.In(l), line.Fact.In(l), line.Passed})
	}
	if months, ok := registry.EarlyMonths(a.Asset, today); ok {
		v.Scrap.EarlyMonths = &months
	}
	for _, f := range s.app.Reference.SpecWithOptions(a.Class).Fields {
		value := a.Fields[f.Key]
		switch f.Key {
		case "owner_id":
			value = store.MaskID(a.OwnerID)
		case "owner_phone":
			value = store.MaskPhone(a.OwnerPhone)
		case "owner_name":
			value = a.OwnerName
		}
		if value != "" {
			v.Fields = append(v.Fields, FieldValue{f.Key, nameOf(f.Name), value, s.display(f, value)})
		}
	}
	for _, w := range warnings {
		v.Warnings = append(v.Warnings, Warning{w.Field, w.Code, w.Message.In(l), w.Mend.In(l)})
	}
	if c != nil {
		r := retirementView(l, *c)
		v.Retirement = &r
	}
	return v
}

// display returns what people read for a field's value: the name of an option
// or district instead of its code.
func (s *Server) display(f registry.FieldSpec, value string) Name {
	if i := slices.IndexFunc(f.Options, func(o registry.Option) bool { return o.Code == value }); i >= 0 {
		return nameOf(f.Options[i].Name)
	}
	if f.Type == registry.DistrictField {
		if r, ok := s.app.Reference.Region(value); ok {
			return Name{r.Name, r.NameEN}
		}
	}
	if f.Unit != "" {
		value += " " + f.Unit
	}
	return Name{value, value}
}

// AssetNarrowing is what narrows a list of assets, its count and its export.
type AssetNarrowing struct {
	Class      string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City       string `query:"city" pattern:"^\\d{6}$" doc:"GB/T 2260 code of a city."`
	District   string `query:"district" pattern:"^\\d{6}$"`
	Category   string `query:"category" maxLength:"40"`
	Stage      string `query:"stage" maxLength:"40"`
	Status     string `query:"status" enum:"in_use,handed_in,dismantled,deregistered,moved_out,converted,plate_void,duplicate"`
	Q          string `query:"q" maxLength:"100" doc:"Any part of a plate, VIN, serial number, ship name or owner."`
	InScope    string `query:"in_scope" enum:"true,false"`
	Import     string `query:"import" maxLength:"40" doc:"Only what this import created."`
	CohortTo   string `query:"cohort_before" format:"date" doc:"Only what is or will be covered by the end of this day."`
	CohortFrom string `query:"cohort_after" format:"date" doc:"Only what will be covered after this day: with cohort_before, the vessels that turn 25 in a period."`
	Owner      string `query:"owner" maxLength:"40" doc:"Only the present fleet of this owner."`
	Metric     string `query:"metric" enum:"baseline,additions,cohort,handed_in,declared,evidenced,verified,converted,moved_out,remaining" doc:"The rows behind a figure of the progress sheet; needs as_of."`
	AsOf       string `query:"as_of" format:"date"`
}

type assetQuery struct {
	Paging
	AssetNarrowing
	Total bool `query:"total" doc:"Count the whole list, up to 10000."`
}

func (s *Server) listAssets(ctx context.Context, in *assetQuery) (*listOut[AssetSummary], error) {
	scope := actor(ctx).Scope
	f, err := s.assetFilter(ctx, in.AssetNarrowing)
	if err != nil {
		return nil, err
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.AssetList(ctx, scope, f, page)
	if err != nil {
		return nil, err
	}
	out := listOf(rows, in.Limit, func(a store.AssetRecord) string { return a.ID }, summaryOf)
	if in.Total {
		n, err := s.db.CountAssets(ctx, scope, f, totalCap+1)
		if err != nil {
			return nil, err
		}
		out.Body.TotalCapped = n > totalCap
		n = min(n, totalCap)
		out.Body.Total = &n
	}
	return out, nil
}

func (s *Server) assetFilter(ctx context.Context, in AssetNarrowing) (store.AssetFilter, error) {
	f := store.AssetFilter{Class: registry.Class(in.Class), City: in.City, District: in.District, Category: in.Category, Stage: in.Stage,
		Status: registry.Status(in.Status), Q: strings.TrimSpace(in.Q), ImportID: in.Import, Owner: in.Owner, CohortFrom: civil.Day(in.CohortFrom), CohortTo: civil.Day(in.CohortTo), Metric: target.Metric(in.Metric)}
	if in.InScope != "" {
		yes := in.InScope == "true"
		f.InScope = &yes
	}
	if f.Metric == "" {
		return f, nil
	}
	day, err := civil.Parse(in.AsOf)
	if err != nil {
		return f, fault.Field("query.as_of", "required", bilingual.T("按指标查询时必须给出截止日期", "a metric needs the as-of day"),
			bilingual.T("例如 as_of=2025-12-31", "for example as_of=2025-12-31"))
	}
	f.AsOf = day
	f.Bounds, err = s.app.Bounds(ctx, actor(ctx).Scope, app.ProgressFilter{AsOf: day})
	return f, err
}

// ByID is the part of an input that names one record.
type ByID struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *Server) getAsset(ctx context.Context, in *ByID) (*one[Asset], error) {
	v, err := s.loadAsset(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) loadAsset(ctx context.Context, id string) (Asset, error) {
	scope := actor(ctx).Scope
	a, err := s.db.Asset(ctx, scope, id)
	if err != nil {
		return Asset{}, err
	}
	r, err := s.db.RetirementOf(ctx, scope, id)
	if fault.Is(err, fault.NotFound) {
		return s.withIdentity(ctx, s.assetView(ctx, a, nil, nil))
	}
	if err != nil {
		return Asset{}, err
	}
	cases, err := s.app.Cases(ctx, scope, []retirement.Retirement{r})
	if err != nil {
		return Asset{}, err
	}
	return s.assetView(ctx, a, nil, &cases[0]), nil
}

type newAssetBody struct {
	Class        registry.Class    `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	CityCode     string            `json:"city_code" pattern:"^\\d{6}$"`
	DistrictCode string            `json:"district_code,omitempty" pattern:"^(\\d{6})?$"`
	Fields       map[string]string `json:"fields" doc:"By field key; see /classes."`
}

func (s *Server) createAsset(ctx context.Context, in *struct {
	Keyed
	Body newAssetBody
}) (*created[Asset], error) {
	fields := in.Body.Fields
	if in.Body.DistrictCode != "" {
		fields["district"] = in.Body.DistrictCode
	}
	return create(ctx, in.Keyed, "create-asset", in.Body,
		func(ctx context.Context, by access.Actor) (app.Checked, error) {
			return s.app.RegisterAsset(ctx, by, app.NewAsset{Class: in.Body.Class, CityCode: in.Body.CityCode, Fields: fields})
		},
		func(c app.Checked) Asset { return s.assetView(ctx, c.AssetRecord, c.Warnings, nil) },
		func(a Asset) string { return "/assets/" + a.ID }, func(a Asset) int64 { return a.Version })
}

func (s *Server) updateAsset(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Fields map[string]string `json:"fields" doc:"The fields to change; a field that is left out stays."`
		Reason string            `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[Asset], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	c, err := s.app.AmendAsset(ctx, actor(ctx), in.ID, version, in.Body.Fields, in.Body.Reason)
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.loadAsset(ctx, in.ID)
			return v, v.Version, err
		})
	}
	v, err := s.loadAsset(ctx, in.ID)
	v.Warnings = s.assetView(ctx, c.AssetRecord, c.Warnings, nil).Warnings
	return oneOf(v.Version, v), err
}

func (s *Server) undoEdit(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[Asset], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	if _, err := s.app.UndoEdit(ctx, actor(ctx), in.ID, version, in.Body.Reason); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			v, err := s.loadAsset(ctx, in.ID)
			return v, v.Version, err
		})
	}
	v, err := s.loadAsset(ctx, in.ID)
	return oneOf(v.Version, v), err
}

// HistoryEvent is one change in the life of a record.
type HistoryEvent struct {
	Seq       int64         `json:"seq"`
	At        string        `json:"at" format:"date-time"`
	ActorName string        `json:"actor_name"`
	Role      string        `json:"role"`
	Action    string        `json:"action"`
	Entity    string        `json:"entity"`
	EntityID  string        `json:"entity_id"`
	Reason    string        `json:"reason,omitempty"`
	RequestID string        `json:"request_id"`
	Changes   []ValueChange `json:"changes"`
}

// ValueChange is one value that an event changed.
type ValueChange struct {
	Field  string `json:"field" doc:"Of a value with members, the way to the member that differs, a dot between: rules.cap_fen."`
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

func (s *Server) assetHistory(ctx context.Context, in *struct {
	ByID
	Paging
}) (*listOut[HistoryEvent], error) {
	scope := actor(ctx).Scope
	a, err := s.db.Asset(ctx, scope, in.ID)
	if err != nil {
		return nil, err
	}
	return s.events(ctx, in.Paging, store.EventFilter{AssetID: a.ID}, a.Class)
}

func (s *Server) events(ctx context.Context, p Paging, f store.EventFilter, class registry.Class) (*listOut[HistoryEvent], error) {
	page, err := p.page()
	if err != nil {
		return nil, err
	}
	if page.After != "" {
		if err := json.Unmarshal([]byte(page.After), &f.Before); err != nil {
			return nil, fault.Field("query.cursor", "format", bilingual.T("游标无效", "the cursor is not valid"), bilingual.Text{})
		}
	}
	f.Limit = page.Limit
	events, err := s.db.Events(ctx, actor(ctx).Scope, f)
	if err != nil {
		return nil, err
	}
	words := s.wording(ctx, class)
	return listOf(events, p.Limit, func(e store.Event) string { return jsonNumber(e.Seq) }, func(e store.Event) HistoryEvent {
		return HistoryEvent{Seq: e.Seq, At: e.At, ActorName: e.ActorName, Role: e.Role, Action: e.Action, Entity: e.Entity, EntityID: e.EntityID,
			Reason: e.Reason, RequestID: e.RequestID, Changes: valueChanges(e, words)}
	}), nil
}

func jsonNumber(n int64) string {
	text, _ := json.Marshal(n)
	return string(text)
}

// wording turns the keys and codes of an event into what people read.
type wording struct {
	lang   bilingual.Lang
	fields map[string]registry.FieldSpec
	ref    *registry.Reference
	class  registry.Class
}

func (s *Server) wording(ctx context.Context, class registry.Class) wording {
	w := wording{lang(ctx), map[string]registry.FieldSpec{}, s.app.Reference, class}
	if spec, ok := registry.SpecOf(class); ok {
		for _, f := range spec.Fields {
			w.fields[f.Key] = f
		}
	}
	return w
}

func (w wording) name(key string) string {
	if f, ok := w.fields[key]; ok {
		return f.Name.In(w.lang)
	}
	return key
}

func (w wording) value(key, value string) string {
	if value == "" {
		return ""
	}
	f := w.fields[key]
	switch {
	case key == "district":
		return w.ref.Name(w.class, "district", value).In(w.lang)
	case key == "driver":
		return w.ref.Name(w.class, "driver", value).In(w.lang)
	case f.Dictionary != "":
		return w.ref.Name(w.class, f.Dictionary, value).In(w.lang)
	case f.Unit != "":
		return value + " " + f.Unit
	}
	return value
}

// valueChanges lays the before and after of an event side by side.
func valueChanges(e store.Event, words wording) []ValueChange {
	before, after := looseValues(e.Before), looseValues(e.After)
	var keys []string
	for k := range before {
		keys = append(keys, k)
	}
	for k := range after {
		if _, both := before[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	changes := make([]ValueChange, 0, len(keys))
	for _, k := range keys {
		if before[k] == after[k] { // some events keep the whole of a record
			continue
		}
		if inside, ok := words.memberChanges(k, before[k], after[k]); ok {
			changes = append(changes, inside...)
			continue
		}
		changes = append(changes, ValueChange{k, words.name(k), words.value(k, before[k]), words.value(k, after[k])})
	}
	return changes
}

// looseValues reads an event's values, whatever their types, as text.
func looseValues(text string) map[string]string {
	var raw map[string]json.RawMessage
	if text == "" || json.Unmarshal([]byte(text), &raw) != nil {
		return nil
	}
	values := make(map[string]string, len(raw))
	for k, v := range raw {
		var s string
		if json.Unmarshal(v, &s) != nil {
			s = string(v)
		}
		if s == "null" || s == "[]" || s == "{}" {
			s = ""
		}
		values[k] = s
	}
	return values
}
