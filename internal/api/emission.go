package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/emission"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// PollutantSum is what some retirements save of one pollutant, in whole grams.
type PollutantSum struct {
	Pollutant     emission.Pollutant `json:"pollutant" enum:"nox,hc,pm25,co"`
	YearlyG       int64              `json:"yearly_g" doc:"A year."`
	ThisYearG     int64              `json:"this_year_g" doc:"In the calendar year of the as-of day, from the day after deregistration."`
	LifetimeG     int64              `json:"lifetime_g" doc:"Until the mandatory scrapping dates; assets without one are not in it."`
	Estimated     int64              `json:"estimated" doc:"Assets with an amount."`
	FactorMissing int64              `json:"factor_missing" doc:"Assets for which the set has no factor."`
	NotEstimated  int64              `json:"not_estimated" doc:"Assets whose record lacks power or fuel."`
}

// EmissionRow is one line of the sheet. Its members are those of the grouping.
type EmissionRow struct {
	CityCode     string         `json:"city_code,omitempty"`
	CityName     *Name          `json:"city_name,omitempty"`
	DistrictCode string         `json:"district_code,omitempty"`
	DistrictName *Name          `json:"district_name,omitempty"`
	Class        registry.Class `json:"class,omitempty"`
	Category     string         `json:"category,omitempty"`
	CategoryName *Name          `json:"category_name,omitempty"`
	Month        string         `json:"month,omitempty" example:"2025-11"`
	Assets       int64          `json:"assets" doc:"Verified retirements since the baseline day."`
	Endless      int64          `json:"without_scrap_date" doc:"Estimated, but not in lifetime_g."`
	Unofficial   int64          `json:"unofficial" doc:"Estimated with at least one value that is no official figure."`
	Pollutants   []PollutantSum `json:"pollutants"`
}

// Table2Row holds a phase-out against table 2 of the plan, of which it is one
// contribution: the table covers all key projects, industry included.
type Table2Row struct {
	CityCode      string    `json:"city_code" doc:"430000: the table's own total."`
	CityName      *Name     `json:"city_name,omitempty"`
	Pollutant     string    `json:"pollutant" enum:"nox,voc" doc:"As the table calls it; voc is held against the exhaust hydrocarbons."`
	By            civil.Day `json:"by" doc:"The milestone."`
	PlannedT      int64     `json:"planned_t"`
	ContributionG int64     `json:"contribution_g" doc:"Yearly rate of all classes; never more than the table."`
	ShareBP       int64     `json:"share_bp"`
	Exceeds       bool      `json:"exceeds" doc:"Reckoned to be more than the table and cut off: check factors or table."`
}

// EmissionSheet is what the retirements of one's area save, as of a day.
type EmissionSheet struct {
	AsOf        civil.Day     `json:"as_of"`
	GeneratedAt time.Time     `json:"generated_at" doc:"Asked again with as_known set to it, the same bytes come out."`
	GroupBy     string        `json:"group_by"`
	Revisions   []int64       `json:"factor_revisions" doc:"Factor sets that were used."`
	Items       []EmissionRow `json:"items"`
	Total       EmissionRow   `json:"total"`
	Table2      []Table2Row   `json:"table2" doc:"Only with group_by=city and without other filters than city."`
}

// EmissionStep is one member of the product that an amount is.
type EmissionStep struct {
	Item   string         `json:"item" enum:"factor,sulphur,speed,temperature,humidity,load,km,hours,load_factor,power,fuel"`
	Band   string         `json:"band,omitempty"`
	Milli  int64          `json:"milli" doc:"Thousandths of the unit."`
	Unit   string         `json:"unit,omitempty"`
	Basis  emission.Basis `json:"basis" enum:"official,stand_in,assumption,province,record"`
	Source *Name          `json:"source,omitempty"`
}

// EmissionAmount is what one retirement saves of one pollutant, and how.
type EmissionAmount struct {
	Pollutant emission.Pollutant `json:"pollutant" enum:"nox,hc,pm25,co"`
	State     emission.State     `json:"state" enum:"estimated,factor_missing,not_estimated"`
	Missing   string             `json:"missing,omitempty" doc:"The field that the record lacks."`
	YearlyG   int64              `json:"yearly_g"`
	ThisYearG int64              `json:"this_year_g"`
	LifetimeG int64              `json:"lifetime_g"`
	Steps     []EmissionStep     `json:"steps,omitempty"`
}

// EmissionLine is one retirement with its amounts.
type EmissionLine struct {
	AssetID       string           `json:"asset_id"`
	Label         string           `json:"label"`
	CityCode      string           `json:"city_code"`
	DistrictCode  string           `json:"district_code,omitempty"`
	Class         registry.Class   `json:"class"`
	CategoryName  Name             `json:"category_name"`
	Stage         string           `json:"stage"`
	CountsOn      civil.Day        `json:"counts_on" doc:"Deregistration day."`
	ScrapDueOn    civil.Day        `json:"scrap_due_on,omitempty"`
	Revision      int64            `json:"factor_revision"`
	ThisYearDays  int              `json:"this_year_days" doc:"Days of the calendar year that are counted, of 365."`
	LifetimeDays  int              `json:"lifetime_days" doc:"Early days that are counted."`
	LifetimeKnown bool             `json:"lifetime_known" doc:"It has a mandatory scrapping date."`
	Amounts       []EmissionAmount `json:"amounts"`
}

// EmissionQuery narrows the retirements that are meant.
type EmissionQuery struct {
	MomentQuery
	City     string `query:"city" pattern:"^\\d{6}$"`
	District string `query:"district" pattern:"^\\d{6}$"`
	Class    string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	Category string `query:"category" maxLength:"40"`
	Month    string `query:"month" pattern:"^\\d{4}-\\d{2}$" doc:"Month in which it counts."`
	After    string `query:"after" maxLength:"10" doc:"Only those that count after this day."`
	Factors  int64  `query:"factors" minimum:"0" doc:"The newest factor revision that is looked at: makes an older figure again. 0: all."`
}

func (s *Server) emissionFilter(ctx context.Context, q EmissionQuery) (app.EmissionFilter, error) {
	f := app.EmissionFilter{City: q.City, District: q.District, Class: registry.Class(q.Class), Category: q.Category, Month: q.Month, Factors: q.Factors}
	var err error
	if f.AsOf, f.Known, err = s.moment(ctx, q.AsOf, q.AsKnown); err != nil || q.After == "" {
		return f, err
	}
	if f.After, err = civil.Parse(q.After); err != nil {
		return f, badDay("after", q.After)
	}
	return f, nil
}

func (s *Server) emissionRoutes() {
	route(s, operation("get-emission", http.MethodGet, "/emission", "emission", "What verified retirements save of NOx, HC, PM2.5 and CO, beside table 2 of the plan"), s.getEmission)
	route(s, operation("list-emission-rows", http.MethodGet, "/emission/rows", "emission", "The retirements behind an amount, each with how it comes about"), s.listEmissionRows)
	route(s, operation("list-factor-sets", http.MethodGet, "/factor-sets", "emission", "Revisions of the emission factors, newest first"), s.listFactorSets)
	route(s, operation("get-factor-set", http.MethodGet, "/factor-sets/{id}", "emission", "One revision with all its values"), s.getFactorSet)
	create := operation("create-factor-set", http.MethodPost, "/factor-sets", "emission", "Start a draft from the factors in force")
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createFactorSet)
	route(s, changes(operation("update-factor-set", http.MethodPatch, "/factor-sets/{id}", "emission", "Change a draft: assumptions and stand-ins only")), s.updateFactorSet)
	decide := changes(operation("decide-factor-set", http.MethodPost, "/factor-sets/{id}/decision", "emission", "Put a draft in force or discard it"))
	decide.DefaultStatus = http.StatusOK
	route(s, decide, s.decideFactorSet)
}

func (s *Server) getEmission(ctx context.Context, in *struct {
	EmissionQuery
	GroupBy string `query:"group_by" default:"city,class" maxLength:"20" doc:"city,class (default), city, class, month, district or category."`
}) (*struct{ Body EmissionSheet }, error) {
	f, err := s.emissionFilter(ctx, in.EmissionQuery)
	if err != nil {
		return nil, err
	}
	switch in.GroupBy {
	case "city,class", "city", "class", "month", "district", "category":
		f.GroupBy = in.GroupBy
	default:
		return nil, fault.Field("query.group_by", "unknown_value", bilingual.F("不能按“%s”分组", "%q is not a grouping", in.GroupBy),
			bilingual.T("使用 city,class、city、class、month、district 或 category", "use city,class or city, class, month, district or category"))
	}
	sheet, err := s.app.Emission(ctx, actor(ctx).Scope, f)
	if err != nil {
		return nil, err
	}
	out := EmissionSheet{AsOf: sheet.AsOf, GeneratedAt: sheet.At, GroupBy: f.GroupBy, Revisions: sheet.Revisions, Items: make([]EmissionRow, len(sheet.Lines)),
		Total: s.emissionRow(app.EmissionLine{Sum: sheet.Total}), Table2: []Table2Row{}}
	if out.Revisions == nil {
		out.Revisions = []int64{}
	}
	for i, l := range sheet.Lines {
		out.Items[i] = s.emissionRow(l)
	}
	if f.GroupBy == "city" && f.Class == "" && f.District == "" && f.Month == "" && f.Category == "" && actor(ctx).Scope.District() == "" {
		out.Table2 = s.table2(sheet)
	}
	return &struct{ Body EmissionSheet }{out}, nil
}

// table2 holds each city's retirements of all classes against the plan's table,
// and their sum against its total if all six are there.
func (s *Server) table2(sheet app.EmissionSheet) []Table2Row {
	sums := map[string]emission.Sum{}
	for _, l := range sheet.Lines {
		sums[l.CityCode] = l.Sum
	}
	if len(sums) == len(s.app.Reference.Cities()) {
		sums[access.ProvinceCode] = sheet.Total
	}
	rows := []Table2Row{}
	for _, p := range sheet.Planned {
		sum, ok := sums[p.CityCode]
		if !ok {
			continue
		}
		pollutant := 0
		if p.Pollutant == "voc" {
			pollutant = 1
		}
		due, tonnes := p.By(sheet.AsOf)
		c := emission.Against(sum.Yearly[pollutant], tonnes)
		rows = append(rows, Table2Row{p.CityCode, s.regionName(p.CityCode), p.Pollutant, due, c.PlannedT, c.GramsG, c.ShareBP, c.Exceeds})
	}
	return rows
}

func (s *Server) emissionRow(l app.EmissionLine) EmissionRow {
	r := EmissionRow{CityCode: l.CityCode, CityName: s.regionName(l.CityCode), DistrictCode: l.DistrictCode, DistrictName: s.regionName(l.DistrictCode), Class: l.Class,
		Category: l.Category, Month: l.Month, Assets: l.Assets, Endless: l.Endless, Unofficial: l.Unofficial, Pollutants: make([]PollutantSum, len(emission.Pollutants))}
	if l.Category != "" {
		name := nameOf(s.app.Reference.Name(l.Class, "category", l.Category))
		r.CategoryName = &name
	}
	for i, p := range emission.Pollutants {
		r.Pollutants[i] = PollutantSum{p, l.Yearly[i], l.ThisYear[i], l.Lifetime[i], l.Estimated[i], l.FactorMissing[i], l.NotEstimated[i]}
	}
	return r
}

func (s *Server) listEmissionRows(ctx context.Context, in *struct {
	Paging
	EmissionQuery
	Pollutant string `query:"pollutant" enum:"nox,hc,pm25,co" default:"nox"`
	State     string `query:"state" enum:"estimated,factor_missing,not_estimated" doc:"Of the pollutant's amount."`
}) (*listOut[EmissionLine], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	f, err := s.emissionFilter(ctx, in.EmissionQuery)
	if err != nil {
		return nil, err
	}
	rows, err := s.app.EmissionRows(ctx, actor(ctx).Scope, f, emission.Pollutant(in.Pollutant), emission.State(in.State), page)
	return listOf(rows, in.Limit, func(r app.EmissionRow) string { return r.ID }, s.emissionLine), err
}

func (s *Server) emissionLine(r app.EmissionRow) EmissionLine {
	line := EmissionLine{AssetID: r.ID, Label: r.Label, CityCode: r.CityCode, DistrictCode: r.DistrictCode, Class: r.Class, CategoryName: nameOf(s.app.Reference.Name(r.Class, "category", r.Category)),
		Stage: r.Stage, CountsOn: r.On, ScrapDueOn: r.ScrapDueOn, Revision: r.Revision, Amounts: make([]EmissionAmount, len(emission.Pollutants))}
	for i, a := range r.Amounts {
		g := r.Saved[i]
		line.Amounts[i] = EmissionAmount{Pollutant: emission.Pollutants[i], State: a.State, Missing: a.Missing, YearlyG: g.Yearly, ThisYearG: g.ThisYear, LifetimeG: g.Lifetime}
		if a.State == emission.Estimated {
			line.ThisYearDays, line.LifetimeDays, line.LifetimeKnown = g.Days, g.Early, g.Ends
		}
		for _, step := range a.Steps {
			line.Amounts[i].Steps = append(line.Amounts[i].Steps, EmissionStep{step.Item, step.Band, step.Milli, step.Unit, step.Basis, sourceName(step.Source)})
		}
	}
	return line
}

func sourceName(code string) *Name {
	if code == "" {
		return nil
	}
	if text, ok := emission.Sources[code]; ok {
		return &Name{text.ZH, text.EN}
	}
	return &Name{code, code}
}

// FactorValue is one value of a set. An empty member holds for all.
type FactorValue struct {
	Item      string             `json:"item" enum:"factor,sulphur,speed,temperature,humidity,load,km,hours,load_factor"`
	Method    string             `json:"method" enum:"road,nonroad,vessel"`
	Band      string             `json:"band,omitempty" maxLength:"20"`
	Group     string             `json:"group,omitempty" maxLength:"80"`
	Stage     string             `json:"stage,omitempty" maxLength:"80"`
	Pollutant emission.Pollutant `json:"pollutant,omitempty" enum:"nox,hc,pm25,co"`
	Milli     int64              `json:"milli" minimum:"0" maximum:"1000000000000" doc:"Thousandths of the unit."`
	Unit      string             `json:"unit,omitempty" maxLength:"20"`
	Basis     emission.Basis     `json:"basis,omitempty" enum:"official,stand_in,assumption,province"`
	Source    *Name              `json:"source,omitempty"`
}

// FactorSet is a revision of the emission factors.
type FactorSet struct {
	ID         string            `json:"id"`
	Revision   int64             `json:"revision"`
	State      string            `json:"state" enum:"draft,in_force,replaced,discarded"`
	ValidFrom  civil.Day         `json:"valid_from" doc:"It holds for retirements that count from this day on; of several the last revision."`
	Document   string            `json:"document,omitempty"`
	Conditions map[string]string `json:"conditions" doc:"Corrections that are on: speed, temperature, humidity, load → band."`
	CreatedBy  string            `json:"created_by"`
	CreatedAt  time.Time         `json:"created_at"`
	InForceAt  *time.Time        `json:"in_force_at,omitempty"`
	Unofficial int               `json:"unofficial" doc:"Values that are no official figures."`
	Values     []FactorValue     `json:"values,omitempty" doc:"Only with one set."`
	Version    int64             `json:"version"`
}

func factorSetView(s store.FactorSet, values bool) FactorSet {
	v := FactorSet{ID: s.ID, Revision: s.Revision, State: s.State, ValidFrom: s.ValidFrom, Document: s.Document, Conditions: s.Conditions, CreatedBy: s.CreatedByName,
		CreatedAt: s.CreatedAt, InForceAt: s.InForceAt, Version: s.Version}
	if v.Conditions == nil {
		v.Conditions = map[string]string{}
	}
	for _, x := range s.Values {
		if x.Basis != emission.Official {
			v.Unofficial++
		}
		if values {
			v.Values = append(v.Values, FactorValue{x.Item, x.Method, x.Band, x.Group, x.Stage, x.Pollutant, x.Milli, x.Unit, x.Basis, sourceName(x.Source)})
		}
	}
	return v
}

func wholeFactorSet(s store.FactorSet) FactorSet { return factorSetView(s, true) }

func (s *Server) listFactorSets(ctx context.Context, _ *struct{}) (*listOut[FactorSet], error) {
	sets, err := s.db.FactorSets(ctx)
	return listOf(sets, len(sets), func(f store.FactorSet) string { return f.ID }, func(f store.FactorSet) FactorSet { return factorSetView(f, false) }), err
}

func (s *Server) getFactorSet(ctx context.Context, in *ByID) (*one[FactorSet], error) {
	f, err := s.db.FactorSet(ctx, in.ID)
	return oneOf(f.Version, wholeFactorSet(f)), err
}

func (s *Server) createFactorSet(ctx context.Context, in *struct {
	Keyed
	Body struct {
		ValidFrom civil.Day `json:"valid_from" maxLength:"10"`
		Document  string    `json:"document" minLength:"1" maxLength:"300" doc:"What sets these factors: document and number."`
	}
}) (*created[FactorSet], error) {
	return create(ctx, in.Keyed, "create-factor-set", in.Body,
		func(ctx context.Context, by access.Actor) (store.FactorSet, error) {
			return s.app.DraftFactors(ctx, by, in.Body.ValidFrom, in.Body.Document)
		},
		wholeFactorSet, func(f FactorSet) string { return "/factor-sets/" + f.ID }, func(f FactorSet) int64 { return f.Version })
}

func (s *Server) updateFactorSet(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		ValidFrom  *civil.Day        `json:"valid_from,omitempty" maxLength:"10"`
		Document   *string           `json:"document,omitempty" maxLength:"300"`
		Conditions map[string]string `json:"conditions,omitempty" doc:"All corrections that are to be on."`
		Values     []FactorValue     `json:"values,omitempty" maxItems:"500" doc:"Those that change."`
	}
}) (*one[FactorSet], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	c := app.FactorChange{ValidFrom: in.Body.ValidFrom, Document: in.Body.Document, Conditions: in.Body.Conditions}
	for _, v := range in.Body.Values {
		c.Values = append(c.Values, emission.Edit{Key: emission.Key{Item: v.Item, Method: v.Method, Band: v.Band, Group: v.Group, Stage: v.Stage, Pollutant: v.Pollutant}, Milli: v.Milli})
	}
	f, err := s.app.ChangeFactors(ctx, actor(ctx), in.ID, version, c)
	return s.factorAnswer(ctx, in.ID, f, err)
}

func (s *Server) decideFactorSet(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Decision string `json:"decision" enum:"accept,discard"`
		Reason   string `json:"reason,omitempty" maxLength:"500"`
	}
}) (*one[FactorSet], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	f, err := s.app.DecideFactors(ctx, actor(ctx), in.ID, version, in.Body.Decision == "accept", in.Body.Reason)
	return s.factorAnswer(ctx, in.ID, f, err)
}

func (s *Server) factorAnswer(ctx context.Context, id string, f store.FactorSet, err error) (*one[FactorSet], error) {
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			now, err := s.db.FactorSet(ctx, id)
			if err != nil {
				return nil, 0, fmt.Errorf("api: factor set: %w", err)
			}
			return wholeFactorSet(now), now.Version, nil
		})
	}
	return oneOf(f.Version, wholeFactorSet(f)), nil
}
