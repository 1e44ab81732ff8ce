package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// RuleRun is a program tried on the stock or on past cases.
type RuleRun struct {
	ID             string        `json:"id"`
	Kind           string        `json:"kind" enum:"preview,replay"`
	ProgramID      string        `json:"program_id"`
	ProgramVersion int64         `json:"program_version" doc:"Of the program as it was tried."`
	Day            civil.Day     `json:"day,omitempty" doc:"Of a preview: the day on which everything would retire."`
	State          string        `json:"state" enum:"waiting,running,done,failed"`
	Done           int64         `json:"done"`
	Total          int64         `json:"total"`
	Result         app.RunResult `json:"result"`
	Problem        *RunProblem   `json:"problem,omitempty" doc:"Why it failed."`
	CreatedBy      Person        `json:"created_by"`
	CreatedAt      time.Time     `json:"created_at"`
	EndedAt        *time.Time    `json:"ended_at,omitempty"`
	Version        int64         `json:"version"`
}

// RuleRunLine is a past case that a replay decides otherwise.
type RuleRunLine struct {
	ApplicationID string    `json:"application_id"`
	CityCode      string    `json:"city_code"`
	DistrictCode  string    `json:"district_code,omitempty"`
	AssetLabel    string    `json:"asset_label"`
	Direction     string    `json:"direction" enum:"gains,loses,differs"`
	BeforeFen     money.Fen `json:"before_fen"`
	AfterFen      money.Fen `json:"after_fen"`
	Lines         []Reason  `json:"lines"`
}

// Cost is what one program version has paid for a class in a city, for a unit
// and for a tonne.
type Cost struct {
	CityCode            string         `json:"city_code"`
	Class               registry.Class `json:"class"`
	ProgramID           string         `json:"program_id"`
	ProgramCode         string         `json:"program_code" example:"EARLY-TRUCK/1"`
	ProgramName         Name           `json:"program_name"`
	FactorRevision      int64          `json:"factor_revision" doc:"Version of the emission factors; 0: none was in force."`
	Units               int64          `json:"units"`
	AmountFen           money.Fen      `json:"amount_fen"`
	FenPerUnit          money.Fen      `json:"fen_per_unit"`
	EstimatedFen        money.Fen      `json:"estimated_fen" doc:"Of the units whose tonnes are estimated; the tonnes' price rests on these alone."`
	NOxG                int64          `json:"nox_g" doc:"Grams of NOx a year."`
	NOxLifetimeG        int64          `json:"nox_lifetime_g" doc:"Grams of NOx until the mandatory scrapping dates."`
	FenPerTonne         money.Fen      `json:"fen_per_tonne,omitempty" doc:"For a tonne of NOx of a year; absent where none is estimated."`
	FenPerLifetimeTonne money.Fen      `json:"fen_per_lifetime_tonne,omitempty"`
	FactorMissing       int64          `json:"factor_missing" doc:"Units without an estimate."`
}

// Benefit says that an asset's benefit in a family of programs is taken.
type Benefit struct {
	Reference     string    `json:"reference"`
	AssetID       string    `json:"asset_id"`
	AssetLabel    string    `json:"asset_label"`
	Family        string    `json:"family"`
	ApplicationID string    `json:"application_id"`
	CityCode      string    `json:"city_code"`
	DistrictCode  string    `json:"district_code,omitempty"`
	ClaimedAt     time.Time `json:"claimed_at"`
}

func (s *Server) ruleRunRoutes() {
	run := operation("create-rule-run", http.MethodPost, "/programs/{id}/runs", "subsidies", "Try a program on the stock or on past cases; nothing of the registry changes")
	run.DefaultStatus = http.StatusCreated
	route(s, run, s.createRuleRun)
	route(s, operation("list-rule-runs", http.MethodGet, "/programs/{id}/runs", "subsidies", "Trials of a program, newest first"), s.listRuleRuns)
	route(s, operation("get-rule-run", http.MethodGet, "/rule-runs/{id}", "subsidies", "One trial with what it found by city"), s.getRuleRun)
	route(s, operation("list-rule-run-lines", http.MethodGet, "/rule-runs/{id}/lines", "subsidies", "The past cases that a replay decides otherwise"), s.listRuleRunLines)
	trial := operation("try-program", http.MethodPost, "/programs/{id}/trial", "subsidies", "What a program would owe for one asset, and why; nothing is saved")
	trial.DefaultStatus = http.StatusOK
	route(s, trial, s.tryProgram)
	route(s, changes(operation("set-application-replacement", http.MethodPut, "/applications/{id}/replacement", "subsidies", "Say what was bought in place of a draft's asset; the amount is worked out again")), s.setReplacement)
	route(s, operation("list-subsidy-costs", http.MethodGet, "/subsidy-costs", "subsidies", "What was paid for a unit and for a tonne, by city, class, program version and factor version"), s.listCosts)
	route(s, operation("list-benefits", http.MethodGet, "/benefits", "subsidies", "Which assets' benefits are taken, and by which application"), s.listBenefits)
	route(s, binary(operation("get-application-explanation", http.MethodGet, "/applications/{id}/explanation", "subsidies", "The reasons of an application as a sheet of A4"), htmlType), s.applicationSheet)
	route(s, binary(operation("get-eligibility-explanation", http.MethodGet, "/assets/{id}/explanation", "subsidies", "What a program owes for an asset, and why or why not, as a sheet of A4"), htmlType), s.eligibilitySheet)
}

const htmlType = "text/html; charset=utf-8"

func ruleRunView(ctx context.Context, r store.RuleRun) RuleRun {
	v := RuleRun{ID: r.ID, Kind: r.Kind, ProgramID: r.ProgramID, ProgramVersion: r.ProgramVersion, Day: r.Day, State: r.State, Done: r.Done, Total: r.Total,
		Problem: runProblem(ctx, r.Problem), CreatedBy: Person{r.CreatedBy, r.CreatedByName}, CreatedAt: r.CreatedAt, EndedAt: r.EndedAt, Version: r.Version}
	if json.Unmarshal([]byte(r.Result), &v.Result) != nil || v.Result.Cities == nil {
		v.Result.Cities = []app.RunCity{}
	}
	return v
}

func (s *Server) createRuleRun(ctx context.Context, in *struct {
	ByID
	Keyed
	Body struct {
		Kind string    `json:"kind" enum:"preview,replay"`
		Day  civil.Day `json:"day,omitempty" maxLength:"10" doc:"Of a preview: the day on which everything would retire; absent: today, or the nearest day of the term."`
	}
}) (*created[RuleRun], error) {
	return create(ctx, in.Keyed, "create-rule-run", in,
		func(ctx context.Context, by access.Actor) (store.RuleRun, error) {
			return s.app.StartRuleRun(ctx, by, in.ID, in.Body.Kind, in.Body.Day)
		},
		func(r store.RuleRun) RuleRun { return ruleRunView(ctx, r) }, func(r RuleRun) string { return "/rule-runs/" + r.ID }, func(r RuleRun) int64 { return r.Version })
}

func (s *Server) listRuleRuns(ctx context.Context, in *struct {
	ByID
	Paging
}) (*listOut[RuleRun], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	scope := actor(ctx).Scope
	if _, err := s.db.Program(ctx, scope, in.ID); err != nil {
		return nil, err
	}
	runs, err := s.db.RuleRuns(ctx, scope, in.ID, page)
	return listOf(runs, in.Limit, func(r store.RuleRun) string { return r.ID }, func(r store.RuleRun) RuleRun { return ruleRunView(ctx, r) }), err
}

func (s *Server) getRuleRun(ctx context.Context, in *ByID) (*one[RuleRun], error) {
	r, err := s.db.RuleRun(ctx, actor(ctx).Scope, in.ID)
	return oneOf(r.Version, ruleRunView(ctx, r)), err
}

func (s *Server) listRuleRunLines(ctx context.Context, in *struct {
	ByID
	Paging
	Direction string `query:"direction" enum:"gains,loses,differs"`
}) (*listOut[RuleRunLine], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	scope, l := actor(ctx).Scope, lang(ctx)
	if _, err := s.db.RuleRun(ctx, scope, in.ID); err != nil {
		return nil, err
	}
	lines, err := s.db.RuleRunLines(ctx, scope, in.ID, in.Direction, page)
	return listOf(lines, in.Limit, func(r store.RuleRunLine) string { return r.ApplicationID }, func(r store.RuleRunLine) RuleRunLine {
		var reasons []subsidy.Line
		_ = json.Unmarshal([]byte(r.Lines), &reasons) // written by us; without them the amounts still stand
		return RuleRunLine{r.ApplicationID, r.CityCode, r.DistrictCode, r.AssetLabel, r.Direction, r.BeforeFen, r.AfterFen, reasonsOf(l, reasons)}
	}), err
}

func (s *Server) tryProgram(ctx context.Context, in *struct {
	ByID
	Body struct {
		AssetID     string               `json:"asset_id" minLength:"1" maxLength:"64"`
		Day         civil.Day            `json:"day,omitempty" maxLength:"10" doc:"As if it were scrapped, verified and applied for on this day; absent: as it is."`
		Replacement *subsidy.Replacement `json:"replacement,omitempty"`
	}
}) (*struct{ Body Eligibility }, error) {
	v, err := s.app.Trial(ctx, actor(ctx).Scope, in.ID, in.Body.AssetID, in.Body.Day, in.Body.Replacement)
	return &struct{ Body Eligibility }{eligibilityView(lang(ctx), v)}, err
}

func (s *Server) setReplacement(ctx context.Context, in *struct {
	ByID
	Based
	Body subsidy.Replacement
}) (*one[Application], error) {
	bought := &in.Body
	if *bought == (subsidy.Replacement{}) {
		bought = nil
	}
	return s.changedApplication(ctx, in.ID, in.Based, func(by access.Actor, version int64) error {
		_, err := s.app.SetReplacement(ctx, by, in.ID, version, bought)
		return err
	})
}

func (s *Server) listCosts(ctx context.Context, in *struct {
	Paging
	City    string `query:"city" pattern:"^\\d{6}$"`
	Class   string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	Factors int64  `query:"factors" minimum:"0" doc:"Only factor sets up to this revision; 0: all."`
}) (*listOut[Cost], error) {
	if _, err := in.page(); err != nil {
		return nil, err
	}
	lines, err := s.app.Costs(ctx, actor(ctx).Scope, app.EmissionFilter{City: in.City, Class: registry.Class(in.Class), Factors: in.Factors})
	return listOf(lines, len(lines), func(c app.CostLine) string { return c.ProgramID }, func(c app.CostLine) Cost {
		return Cost{c.CityCode, registry.Class(c.Class), c.ProgramID, c.ProgramCode, nameOf(c.ProgramName), c.FactorRevision, c.Units, c.AmountFen, c.FenPerUnit(), c.EstimatedFen,
			c.NOxG, c.NOxLifetimeG, c.FenPerTonne(), c.FenPerLifetimeTonne(), c.FactorMissing}
	}), err
}

func (s *Server) listBenefits(ctx context.Context, in *struct {
	Paging
	Reference  string `query:"reference" maxLength:"60" doc:"As a refused application names it."`
	Identifier string `query:"identifier" maxLength:"60" doc:"VIN, serial number, ship id or plate."`
	AssetID    string `query:"asset_id" maxLength:"64"`
}) (*listOut[Benefit], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	claims, err := s.db.Benefits(ctx, actor(ctx).Scope, store.BenefitFilter{Reference: in.Reference, Identifier: in.Identifier, AssetID: in.AssetID}, page)
	return listOf(claims, in.Limit, func(c store.BenefitClaim) string { return c.ApplicationID }, func(c store.BenefitClaim) Benefit {
		return Benefit{c.Reference, c.AssetID, c.AssetLabel, c.Family, c.ApplicationID, c.CityCode, c.DistrictCode, c.ClaimedAt}
	}), err
}

func (s *Server) applicationSheet(ctx context.Context, in *ByID) (*bytesOut, error) {
	return sheetOut(s.app.ExplainApplication(ctx, actor(ctx).Scope, in.ID, lang(ctx)))
}

func (s *Server) eligibilitySheet(ctx context.Context, in *struct {
	ByID
	ProgramID string `query:"program_id" maxLength:"64"`
}) (*bytesOut, error) {
	return sheetOut(s.app.ExplainEligibility(ctx, actor(ctx).Scope, in.ID, in.ProgramID, lang(ctx)))
}

// sheetOut answers with a sheet to be printed: it may style itself and nothing else.
func sheetOut(data []byte, err error) (*bytesOut, error) {
	if err != nil {
		return nil, err
	}
	return &bytesOut{ContentType: htmlType, Policy: "sandbox; default-src 'none'; style-src 'unsafe-inline'", Body: data}, nil
}
