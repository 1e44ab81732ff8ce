package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/money"
	"phaseout/internal/store"
)

// Signal is one thing that is odd about applications taken together. It refuses
// nothing: a person decides.
type Signal struct {
	ID             string     `json:"id"`
	Kind           string     `json:"kind" enum:"account,phone,ring,photos,replacement,zero_months,cluster"`
	CityCode       string     `json:"city_code"`
	Score          int        `json:"score" doc:"0 to 100."`
	Reasons        []string   `json:"reasons"`
	ApplicationIDs []string   `json:"application_ids"`
	State          string     `json:"state" enum:"open,harmless,confirmed,gone"`
	FoundAt        time.Time  `json:"found_at"`
	DecidedBy      *Person    `json:"decided_by,omitempty"`
	DecidedAt      *time.Time `json:"decided_at,omitempty"`
	DecisionReason string     `json:"decision_reason,omitempty"`
	Version        int64      `json:"version"`
}

func (s *Server) signalView(ctx context.Context, g store.Signal) Signal {
	v := Signal{ID: g.ID, Kind: string(g.Kind), CityCode: g.CityCode, Score: g.Score, ApplicationIDs: g.Applications, State: g.State, FoundAt: g.FoundAt,
		DecidedAt: g.DecidedAt, DecisionReason: g.DecisionReason, Version: g.Version, Reasons: make([]string, len(g.Reasons))}
	for i, r := range g.Reasons {
		v.Reasons[i] = r.In(lang(ctx))
	}
	if g.DecidedBy != "" {
		v.DecidedBy = &Person{g.DecidedBy, g.DecidedByName}
	}
	return v
}

// FinanceHome is what a finance officer sees first.
type FinanceHome struct {
	Queue      map[string]int64 `json:"queue" doc:"Applications by state."`
	Mine       int64            `json:"mine" doc:"Whose next step the asker may take."`
	Mended     int64            `json:"mended"`
	Overdue    int64            `json:"overdue" doc:"Ten days or more at one post."`
	Objections int64            `json:"objections" doc:"Not settled."`
	Signals    int64            `json:"signals" doc:"Not decided."`
	Money      []SourceMoney    `json:"money" doc:"By year and source; lines of closed years are left out."`
}

// SourceMoney is the money of one source in a year.
type SourceMoney struct {
	Year         int       `json:"year"`
	Source       string    `json:"source"`
	AllocatedFen money.Fen `json:"allocated_fen"`
	BoundFen     money.Fen `json:"bound_fen" doc:"Reserved or promised."`
	PaidFen      money.Fen `json:"paid_fen"`
	FreeFen      money.Fen `json:"free_fen"`
}

func (s *Server) signalRoutes() {
	route(s, operation("list-signals", http.MethodGet, "/signals", "subsidies", "What is odd about applications taken together"), s.listSignals)
	route(s, operation("get-signal", http.MethodGet, "/signals/{id}", "subsidies", "One signal"), s.getSignal)
	decide := changes(operation("decide-signal", http.MethodPost, "/signals/{id}/decision", "subsidies", "Say what a signal is; remembered while its facts stay"))
	decide.DefaultStatus = http.StatusOK
	route(s, decide, s.decideSignal)
	scan := operation("create-signal-run", http.MethodPost, "/signals/runs", "subsidies", "Look for signals now; one under way serves whoever asks meanwhile")
	scan.DefaultStatus = http.StatusAccepted
	route(s, scan, s.findSignals)
	route(s, operation("list-signal-runs", http.MethodGet, "/signal-runs", "subsidies", "Looks for signals, newest first; one starts by itself every hour"), s.listSignalRuns)
	route(s, operation("get-signal-run", http.MethodGet, "/signal-runs/{id}", "subsidies", "How far a look for signals is"), s.getSignalRun)
	route(s, operation("get-finance-home", http.MethodGet, "/finance/home", "subsidies", "What waits in the area, and for the asker"), s.financeHome)
}

func (s *Server) listSignals(ctx context.Context, in *struct {
	Paging
	State       string `query:"state" enum:"open,harmless,confirmed,gone"`
	Kind        string `query:"kind" enum:"account,phone,ring,photos,replacement,zero_months,cluster"`
	Application string `query:"application_id" maxLength:"64"`
}) (*listOut[Signal], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Signals(ctx, actor(ctx).Scope, in.State, in.Kind, in.Application, page)
	return listOf(rows, in.Limit, func(g store.Signal) string { return g.ID }, func(g store.Signal) Signal { return s.signalView(ctx, g) }), err
}

func (s *Server) getSignal(ctx context.Context, in *ByID) (*one[Signal], error) {
	g, err := s.db.Signal(ctx, actor(ctx).Scope, in.ID)
	return oneOf(g.Version, s.signalView(ctx, g)), err
}

func (s *Server) decideSignal(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Harmless bool   `json:"harmless" doc:"false: confirmed; act on the application itself."`
		Reason   string `json:"reason" minLength:"1" maxLength:"500"`
	}
}) (*one[Signal], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	if _, err := s.app.DecideSignal(ctx, actor(ctx), in.ID, version, in.Body.Harmless, in.Body.Reason); err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) {
			g, err := s.db.Signal(ctx, actor(ctx).Scope, in.ID)
			return s.signalView(ctx, g), g.Version, err
		})
	}
	return s.getSignal(ctx, &in.ByID)
}

// SignalRun is one look for signals over the whole province.
type SignalRun struct {
	ID        string      `json:"id"`
	State     string      `json:"state" enum:"waiting,running,done,failed"`
	Percent   int64       `json:"percent" doc:"Of all applications, how many were looked at; how many there are elsewhere is not said."`
	Open      int64       `json:"open" doc:"Signals of the asker's area that wait for a person now."`
	Problem   *RunProblem `json:"problem,omitempty" doc:"Why it failed."`
	CreatedBy Person      `json:"created_by"`
	CreatedAt time.Time   `json:"created_at"`
	EndedAt   *time.Time  `json:"ended_at,omitempty"`
	Version   int64       `json:"version"`
}

// RunProblem is why something that ran in the background failed as a whole.
type RunProblem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Mend    string `json:"mend"`
}

func runProblem(ctx context.Context, text string) *RunProblem {
	p := app.ProblemOfRun(text)
	if p == nil {
		return nil
	}
	return &RunProblem{p.Code, p.Message.In(lang(ctx)), p.Mend.In(lang(ctx))}
}

func signalRunView(ctx context.Context, r store.SignalRun, open int64) SignalRun {
	return SignalRun{r.ID, r.State, r.Percent(), open, runProblem(ctx, r.Problem), Person{r.CreatedBy, r.CreatedByName}, r.CreatedAt, r.EndedAt, r.Version}
}

func (s *Server) findSignals(ctx context.Context, _ *struct{}) (*struct{ Body SignalRun }, error) {
	r, err := s.app.StartSignalRun(ctx, actor(ctx))
	if err != nil {
		return nil, err
	}
	one, err := s.signalRun(ctx, r)
	return &struct{ Body SignalRun }{one.Body}, err
}

func (s *Server) signalRun(ctx context.Context, r store.SignalRun) (*one[SignalRun], error) {
	open, err := s.db.CountSignals(ctx, actor(ctx).Scope)
	return oneOf(r.Version, signalRunView(ctx, r, open)), err
}

func (s *Server) getSignalRun(ctx context.Context, in *ByID) (*one[SignalRun], error) {
	r, err := s.db.SignalRun(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.signalRun(ctx, r)
}

func (s *Server) listSignalRuns(ctx context.Context, in *Paging) (*listOut[SignalRun], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	open, err := s.db.CountSignals(ctx, actor(ctx).Scope)
	if err != nil {
		return nil, err
	}
	runs, err := s.db.SignalRuns(ctx, page)
	return listOf(runs, in.Limit, func(r store.SignalRun) string { return r.ID }, func(r store.SignalRun) SignalRun { return signalRunView(ctx, r, open) }), err
}

func (s *Server) financeHome(ctx context.Context, _ *struct{}) (*struct{ Body FinanceHome }, error) {
	h, err := s.app.Home(ctx, actor(ctx))
	v := FinanceHome{Queue: map[string]int64{}, Mine: h.Mine, Mended: h.Mended, Overdue: h.Overdue, Objections: h.Objections, Signals: h.Signals, Money: []SourceMoney{}}
	for state, n := range h.Queue {
		v.Queue[string(state)] = n
	}
	for _, m := range h.Money {
		v.Money = append(v.Money, SourceMoney(m))
	}
	return &struct{ Body FinanceHome }{v}, err
}
