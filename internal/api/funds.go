package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/ledger"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// BudgetLine is the money of one city, year and source.
type BudgetLine struct {
	ID           string    `json:"id"`
	CityCode     string    `json:"city_code"`
	Year         int       `json:"year"`
	Source       string    `json:"source" enum:"central,provincial,city,county,other"`
	Class        string    `json:"class,omitempty" doc:"Absent: for all classes."`
	ProgramID    string    `json:"program_id,omitempty" doc:"Absent: for all programs."`
	Document     string    `json:"document"`
	AllocatedFen money.Fen `json:"allocated_fen" doc:"reserved + committed + paid + free, at every moment."`
	ReservedFen  money.Fen `json:"reserved_fen"`
	CommittedFen money.Fen `json:"committed_fen"`
	PaidFen      money.Fen `json:"paid_fen"`
	FreeFen      money.Fen `json:"free_fen"`
	Closed       bool      `json:"closed"`
	Version      int64     `json:"version"`
}

func budgetLineView(l ledger.BudgetLine) BudgetLine {
	return BudgetLine{l.ID, l.CityCode, l.Year, string(l.Source), string(l.Class), l.ProgramID, l.Document, l.AllocatedFen, l.ReservedFen, l.CommittedFen, l.PaidFen, l.FreeFen, l.Closed, l.Version}
}

// BudgetChange is a raise or cut of a budget line.
type BudgetChange struct {
	ID             string     `json:"id"`
	LineID         string     `json:"line_id"`
	CityCode       string     `json:"city_code"`
	Kind           string     `json:"kind" enum:"raise,cut"`
	AmountFen      money.Fen  `json:"amount_fen"`
	Document       string     `json:"document"`
	Reason         string     `json:"reason"`
	CorrectsYear   int        `json:"corrects_year,omitempty"`
	State          string     `json:"state" enum:"proposed,approved,rejected"`
	ProposedBy     Person     `json:"proposed_by"`
	ProposedAt     time.Time  `json:"proposed_at"`
	DecidedBy      *Person    `json:"decided_by,omitempty"`
	DecidedAt      *time.Time `json:"decided_at"`
	DecisionReason string     `json:"decision_reason,omitempty"`
	Version        int64      `json:"version"`
}

func changeView(c ledger.Change) BudgetChange {
	v := BudgetChange{ID: c.ID, LineID: c.LineID, CityCode: c.CityCode, Kind: string(c.Kind), AmountFen: c.AmountFen, Document: c.Document, Reason: c.Reason, CorrectsYear: c.CorrectsYear,
		State: c.State, ProposedBy: Person{c.ProposedBy, c.ProposedByName}, ProposedAt: c.ProposedAt, DecidedAt: c.DecidedAt, DecisionReason: c.DecisionReason, Version: c.Version}
	if c.DecidedBy != "" {
		v.DecidedBy = &Person{c.DecidedBy, c.DecidedByName}
	}
	return v
}

// LedgerPosting is one side of an entry.
type LedgerPosting struct {
	Account string    `json:"account" enum:"grant,free,reserved,committed,paid,receivable,claim,returnable,income"`
	LineID  string    `json:"line_id,omitempty"`
	CaseID  string    `json:"case_id,omitempty"`
	Source  string    `json:"source,omitempty"`
	Fen     money.Fen `json:"fen" doc:"The postings of an entry sum to zero."`
}

// LedgerEntry is one event of the ledger.
type LedgerEntry struct {
	ID            string          `json:"id"`
	CityCode      string          `json:"city_code"`
	Year          int             `json:"year"`
	BookedOn      civil.Day       `json:"booked_on"`
	Kind          string          `json:"kind" enum:"opening,raise,cut,reserve,commit,release,pay,refund,recovery_due,receipt,offset,return,carry_over"`
	ApplicationID string          `json:"application_id,omitempty"`
	BatchID       string          `json:"batch_id,omitempty"`
	CaseID        string          `json:"case_id,omitempty"`
	Document      string          `json:"document,omitempty"`
	Note          string          `json:"note,omitempty"`
	By            string          `json:"by"`
	At            time.Time       `json:"at"`
	Postings      []LedgerPosting `json:"postings"`
}

func entryView(e ledger.Entry) LedgerEntry {
	v := LedgerEntry{ID: e.ID, CityCode: e.CityCode, Year: e.Year, BookedOn: e.On, Kind: string(e.Kind), ApplicationID: e.ApplicationID, BatchID: e.BatchID, CaseID: e.CaseID,
		Document: e.Document, Note: e.Note, By: e.ByName, At: e.At, Postings: []LedgerPosting{}}
	for _, p := range e.Postings {
		v.Postings = append(v.Postings, LedgerPosting{string(p.Account), p.LineID, p.CaseID, string(p.Source), p.Fen})
	}
	return v
}

// Funds is the money at a glance.
type Funds struct {
	Year         int           `json:"year"`
	Sources      []FundsSource `json:"sources"`
	Recovery     RecoveryRate  `json:"recovery"`
	RoundingRule string        `json:"rounding_rule" doc:"How an amount is split over the sources."`
}

// FundsSource is the money of one source.
type FundsSource struct {
	Source       string    `json:"source" enum:"central,provincial,city,county,other"`
	Name         string    `json:"name"`
	AllocatedFen money.Fen `json:"allocated_fen"`
	ReservedFen  money.Fen `json:"reserved_fen"`
	CommittedFen money.Fen `json:"committed_fen"`
	PaidFen      money.Fen `json:"paid_fen"`
	FreeFen      money.Fen `json:"free_fen"`
}

// RecoveryRate is what came back of what had to.
type RecoveryRate struct {
	Cases     int64     `json:"cases"`
	Open      int64     `json:"open"`
	Overdue   int64     `json:"overdue"`
	AmountFen money.Fen `json:"amount_fen"`
	BackFen   money.Fen `json:"back_fen"`
	RateBP    *int64    `json:"rate_bp" doc:"Basis points; null where nothing is due."`
}

// FundsMonth is one month of one source of one city.
type FundsMonth struct {
	CityCode     string    `json:"city_code"`
	Source       string    `json:"source"`
	Month        string    `json:"month"`
	GivenFen     money.Fen `json:"given_fen"`
	ReservedFen  money.Fen `json:"reserved_fen" doc:"Change in the month."`
	CommittedFen money.Fen `json:"committed_fen" doc:"Change in the month."`
	PaidFen      money.Fen `json:"paid_fen"`
	BackFen      money.Fen `json:"back_fen"`
	FreeFen      money.Fen `json:"free_fen" doc:"At the end of the month."`
}

// Recovery is money that must come back.
type Recovery struct {
	ID             string               `json:"id"`
	CityCode       string               `json:"city_code"`
	ApplicationID  string               `json:"application_id"`
	AssetLabel     string               `json:"asset_label"`
	PayeeName      string               `json:"payee_name"`
	ReasonCode     string               `json:"reason_code" enum:"false_material,not_eligible,double_benefit,overpaid,seen_again,other"`
	Reason         string               `json:"reason"`
	Document       string               `json:"document,omitempty"`
	AmountFen      money.Fen            `json:"amount_fen"`
	ReceivedFen    money.Fen            `json:"received_fen"`
	OffsetFen      money.Fen            `json:"offset_fen" doc:"Kept back from later payments."`
	PendingFen     money.Fen            `json:"pending_fen" doc:"To be kept back by batches under way."`
	OutstandingFen money.Fen            `json:"outstanding_fen"`
	MayOffset      bool                 `json:"may_offset"`
	DueOn          civil.Day            `json:"due_on"`
	Overdue        bool                 `json:"overdue"`
	State          string               `json:"state" enum:"open,settled,withdrawn"`
	OpenedBy       Person               `json:"opened_by"`
	OpenedAt       time.Time            `json:"opened_at"`
	ClosedBy       *Person              `json:"closed_by,omitempty"`
	ClosedAt       *time.Time           `json:"closed_at"`
	CloseReason    string               `json:"close_reason,omitempty"`
	Instalments    []RecoveryInstalment `json:"instalments,omitempty" doc:"Only for a single case."`
	Receipts       []RecoveryReceipt    `json:"receipts,omitempty" doc:"Only for a single case."`
	Version        int64                `json:"version"`
}

// RecoveryInstalment is a part with a day of its own.
type RecoveryInstalment struct {
	DueOn      civil.Day `json:"due_on"`
	AmountFen  money.Fen `json:"amount_fen"`
	CoveredFen money.Fen `json:"covered_fen"`
	Overdue    bool      `json:"overdue"`
}

// RecoveryReceipt is money that came back or was kept back.
type RecoveryReceipt struct {
	Kind       string    `json:"kind" enum:"receipt,offset,offset_undone"`
	AmountFen  money.Fen `json:"amount_fen"`
	ReceivedOn civil.Day `json:"received_on"`
	Reference  string    `json:"reference"`
	By         string    `json:"by"`
	At         time.Time `json:"at"`
}

func (s *Server) recoveryView(r ledger.Recovery) Recovery {
	v := Recovery{ID: r.ID, CityCode: r.CityCode, ApplicationID: r.ApplicationID, AssetLabel: r.AssetLabel, PayeeName: r.PayeeName, ReasonCode: r.ReasonCode, Reason: r.Reason,
		Document: r.Document, AmountFen: r.AmountFen, ReceivedFen: r.ReceivedFen, OffsetFen: r.OffsetFen, PendingFen: r.PendingFen, OutstandingFen: r.Outstanding(), MayOffset: r.MayOffset,
		DueOn: r.DueOn, Overdue: r.State == "open" && r.DueOn < s.app.Today(), State: r.State, OpenedBy: Person{r.OpenedBy, r.OpenedByName}, OpenedAt: r.OpenedAt, ClosedAt: r.ClosedAt, CloseReason: r.CloseReason, Version: r.Version}
	if r.ClosedBy != "" {
		v.ClosedBy = &Person{r.ClosedBy, r.ClosedByName}
	}
	return v
}

// FundingYear is a year of a city's money, with what closing it does.
type FundingYear struct {
	CityCode   string        `json:"city_code"`
	Year       int           `json:"year"`
	State      string        `json:"state" enum:"open,proposed,closed"`
	Document   string        `json:"document,omitempty"`
	ProposedBy *Person       `json:"proposed_by,omitempty"`
	ProposedAt *time.Time    `json:"proposed_at"`
	ClosedBy   *Person       `json:"closed_by,omitempty"`
	ClosedAt   *time.Time    `json:"closed_at"`
	Lines      []ClosingLine `json:"lines"`
}

// ClosingLine is what becomes of a budget line.
type ClosingLine struct {
	Line        BudgetLine `json:"line"`
	UnspentFen  money.Fen  `json:"unspent_fen"`
	ReturnedFen money.Fen  `json:"returned_fen"`
	CarriedFen  money.Fen  `json:"carried_fen"`
	HeldFen     money.Fen  `json:"held_fen" doc:"Reserved or committed: moves on with its applications."`
}

func closingView(c app.Closing) FundingYear {
	v := FundingYear{CityCode: c.CityCode, Year: c.Year.Year, State: c.State, Document: c.Document, ProposedAt: c.ProposedAt, ClosedAt: c.ClosedAt, Lines: []ClosingLine{}}
	if c.ProposedBy != "" {
		v.ProposedBy = &Person{c.ProposedBy, c.ProposedByName}
	}
	if c.ClosedBy != "" {
		v.ClosedBy = &Person{c.ClosedBy, c.ClosedByName}
	}
	for _, l := range c.Lines {
		v.Lines = append(v.Lines, ClosingLine{budgetLineView(l.Line), l.UnspentFen, l.ReturnedFen, l.CarriedFen, l.HeldFen})
	}
	return v
}

// InstalmentInput is a part of what is owed with a day of its own.
type InstalmentInput struct {
	DueOn     civil.Day `json:"due_on" maxLength:"10"`
	AmountFen money.Fen `json:"amount_fen" minimum:"1"`
}

// CarryInput is what of a line's unspent money goes over to the next year.
type CarryInput struct {
	LineID    string    `json:"line_id" maxLength:"64"`
	AmountFen money.Fen `json:"amount_fen" minimum:"0"`
}

func (s *Server) fundsRoutes() {
	made := func(id, path, summary string) huma.Operation {
		op := operation(id, http.MethodPost, path, "funds", summary)
		op.DefaultStatus = http.StatusCreated
		return op
	}
	route(s, operation("get-funds", http.MethodGet, "/funds", "funds", "Free money by source, and the recovery rate"), s.getFunds)
	route(s, operation("list-funds-months", http.MethodGet, "/funds/months", "funds", "Funds report by city, source and month"), s.fundsMonths)
	route(s, binary(operation("get-funds-workbook", http.MethodGet, "/funds/report.xlsx", "funds", "Funds report as a workbook"), xlsxType), s.fundsWorkbook)
	route(s, operation("list-budget-lines", http.MethodGet, "/budget-lines", "funds", "Budget lines, newest first"), s.listBudgetLines)
	route(s, operation("get-budget-line", http.MethodGet, "/budget-lines/{id}", "funds", "One budget line"), s.getBudgetLine)
	route(s, made("create-budget-line", "/budget-lines", "Set up a line; its first amount waits for a second person"), s.createBudgetLine)
	route(s, made("propose-budget-change", "/budget-lines/{id}/changes", "Propose a raise or cut"), s.proposeChange)
	route(s, operation("list-budget-changes", http.MethodGet, "/budget-changes", "funds", "Raises and cuts, newest first"), s.listBudgetChanges)
	decide := changes(operation("decide-budget-change", http.MethodPost, "/budget-changes/{id}/decision", "funds", "Approve or reject a raise or cut"))
	decide.DefaultStatus = http.StatusOK
	route(s, decide, s.decideChange)
	route(s, operation("list-ledger", http.MethodGet, "/ledger", "funds", "Ledger entries with their postings, newest first"), s.listLedger)
	route(s, operation("get-ledger-entry", http.MethodGet, "/ledger/{id}", "funds", "One entry"), s.getEntry)

	route(s, operation("list-recoveries", http.MethodGet, "/recoveries", "funds", "Recovery cases, newest first"), s.listRecoveries)
	route(s, operation("get-recovery", http.MethodGet, "/recoveries/{id}", "funds", "One case with instalments and receipts"), s.getRecovery)
	route(s, made("open-recovery", "/recoveries", "Open a case"), s.openRecovery)
	for _, op := range []struct {
		id, path, summary string
	}{{"book-receipt", "/recoveries/{id}/receipts", "Book what a payee paid back"}, {"withdraw-recovery", "/recoveries/{id}/withdrawal", "End a case without its money"}} {
		change := changes(operation(op.id, http.MethodPost, op.path, "funds", op.summary))
		change.DefaultStatus = http.StatusOK
		if op.id == "book-receipt" {
			route(s, change, s.bookReceipt)
		} else {
			route(s, change, s.withdrawRecovery)
		}
	}

	route(s, operation("get-funding-year", http.MethodGet, "/funding-years", "funds", "A year of a city, with what closing it would do"), s.getYear)
	route(s, made("propose-closing", "/funding-years/proposals", "Propose to close a year"), s.proposeClosing)
	route(s, made("close-funding-year", "/funding-years", "Close a year for good, as another person proposed"), s.closeYear)
}

func (s *Server) getFunds(ctx context.Context, in *struct {
	City string `query:"city" pattern:"^\\d{6}$"`
	Year int    `query:"year" minimum:"2000" maximum:"2999" doc:"Absent: the present one."`
}) (*one[Funds], error) {
	if in.Year == 0 {
		in.Year = s.app.Today().Year()
	}
	l, scope := lang(ctx), actor(ctx).Scope
	v := Funds{Year: in.Year, Sources: []FundsSource{}, RoundingRule: ledger.RoundingRule().In(l)}
	sources, err := s.db.FreeFunds(ctx, scope, in.City, in.Year)
	if err != nil {
		return nil, err
	}
	for _, f := range sources {
		v.Sources = append(v.Sources, FundsSource{string(f.Source), f.Source.Name().In(l), f.AllocatedFen, f.ReservedFen, f.CommittedFen, f.PaidFen, f.FreeFen})
	}
	rate, err := s.db.RecoveryRate(ctx, scope, in.City)
	v.Recovery = RecoveryRate{rate.Cases, rate.Open, rate.Overdue, rate.AmountFen, rate.BackFen, rate.BP()}
	return oneOf(1, v), err
}

// FundsQuery says whose money, of which year.
type FundsQuery struct {
	City string `query:"city" pattern:"^\\d{6}$"`
	Year int    `query:"year" minimum:"2000" maximum:"2999" doc:"Absent: the present one."`
}

func (s *Server) fundsMonths(ctx context.Context, in *FundsQuery) (*listOut[FundsMonth], error) {
	if in.Year == 0 {
		in.Year = s.app.Today().Year()
	}
	lines, err := s.app.FundsReport(ctx, actor(ctx).Scope, in.City, in.Year)
	return listOf(lines, len(lines), func(l app.FundsLine) string { return l.Month }, func(l app.FundsLine) FundsMonth {
		return FundsMonth{l.CityCode, string(l.Source), l.Month, l.GivenFen, l.ReservedFen, l.CommittedFen, l.PaidFen, l.BackFen, l.FreeFen}
	}), err
}

func (s *Server) fundsWorkbook(ctx context.Context, in *struct {
	FundsQuery
	Unit string `query:"unit" enum:"yuan,ten_thousand" default:"yuan"`
}) (*huma.StreamResponse, error) {
	if in.Year == 0 {
		in.Year = s.app.Today().Year()
	}
	return s.spool("xlsx", func(w io.Writer) (app.Exported, error) {
		return s.app.FundsWorkbook(ctx, actor(ctx), in.City, in.Year, in.Unit, lang(ctx), w)
	})
}

func (s *Server) listBudgetLines(ctx context.Context, in *struct {
	Paging
	City    string `query:"city" pattern:"^\\d{6}$"`
	Year    int    `query:"year" minimum:"2000" maximum:"2999"`
	Source  string `query:"source" enum:"central,provincial,city,county,other"`
	Program string `query:"program_id" maxLength:"64"`
}) (*listOut[BudgetLine], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.BudgetLines(ctx, actor(ctx).Scope, store.BudgetFilter{City: in.City, Year: in.Year, Source: ledger.Source(in.Source), Program: in.Program}, page)
	return listOf(rows, in.Limit, func(l ledger.BudgetLine) string { return l.ID }, budgetLineView), err
}

func (s *Server) getBudgetLine(ctx context.Context, in *ByID) (*one[BudgetLine], error) {
	l, err := s.db.BudgetLine(ctx, actor(ctx).Scope, in.ID)
	return oneOf(l.Version, budgetLineView(l)), err
}

func (s *Server) createBudgetLine(ctx context.Context, in *struct {
	Keyed
	Body struct {
		CityCode  string    `json:"city_code" pattern:"^\\d{6}$"`
		Year      int       `json:"year" minimum:"2000" maximum:"2999"`
		Source    string    `json:"source" enum:"central,provincial,city,county,other"`
		Class     string    `json:"class,omitempty" enum:"truck,machinery,farm_machinery,vessel"`
		ProgramID string    `json:"program_id,omitempty" maxLength:"64"`
		AmountFen money.Fen `json:"amount_fen" minimum:"1"`
		Document  string    `json:"document" minLength:"1" maxLength:"300"`
		Reason    string    `json:"reason" minLength:"1" maxLength:"300"`
	}
}) (*created[BudgetLine], error) {
	b := in.Body
	return create(ctx, in.Keyed, "create-budget-line", b,
		func(ctx context.Context, by access.Actor) (ledger.BudgetLine, error) {
			return s.app.CreateBudgetLine(ctx, by, ledger.BudgetLine{CityCode: b.CityCode, Year: b.Year, Source: ledger.Source(b.Source), Class: registry.Class(b.Class),
				ProgramID: b.ProgramID, Document: b.Document}, b.AmountFen, b.Reason)
		},
		budgetLineView, func(l BudgetLine) string { return "/budget-lines/" + l.ID }, func(l BudgetLine) int64 { return l.Version })
}

func (s *Server) proposeChange(ctx context.Context, in *struct {
	ByID
	Keyed
	Body struct {
		Kind         string    `json:"kind" enum:"raise,cut"`
		AmountFen    money.Fen `json:"amount_fen" minimum:"1"`
		Document     string    `json:"document" minLength:"1" maxLength:"300"`
		Reason       string    `json:"reason" minLength:"1" maxLength:"300"`
		CorrectsYear int       `json:"corrects_year,omitempty" minimum:"2000" maximum:"2999" doc:"Of a closed year that this corrects."`
	}
}) (*created[BudgetChange], error) {
	b := in.Body
	return create(ctx, in.Keyed, "propose-budget-change", []any{in.ID, b},
		func(ctx context.Context, by access.Actor) (ledger.Change, error) {
			return s.app.ProposeChange(ctx, by, in.ID, ledger.Change{Kind: ledger.Kind(b.Kind), AmountFen: b.AmountFen, Document: b.Document, Reason: b.Reason, CorrectsYear: b.CorrectsYear})
		},
		changeView, func(BudgetChange) string { return "/budget-changes?line_id=" + in.ID }, func(c BudgetChange) int64 { return c.Version })
}

func (s *Server) listBudgetChanges(ctx context.Context, in *struct {
	Paging
	Line  string `query:"line_id" maxLength:"64"`
	State string `query:"state" enum:"proposed,approved,rejected"`
}) (*listOut[BudgetChange], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Changes(ctx, actor(ctx).Scope, in.Line, in.State, page)
	return listOf(rows, in.Limit, func(c ledger.Change) string { return c.ID }, changeView), err
}

func (s *Server) decideChange(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Decision string `json:"decision" enum:"approve,reject"`
		Reason   string `json:"reason,omitempty" maxLength:"300"`
	}
}) (*one[BudgetChange], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	c, err := s.app.DecideChange(ctx, actor(ctx), in.ID, version, in.Body.Decision == "approve", in.Body.Reason)
	if err != nil {
		return nil, s.withCurrent(ctx, err, func() (any, int64, error) { return changeView(c), c.Version, nil })
	}
	return oneOf(c.Version, changeView(c)), nil
}

func (s *Server) listLedger(ctx context.Context, in *struct {
	Paging
	City        string `query:"city" pattern:"^\\d{6}$"`
	Year        int    `query:"year" minimum:"2000" maximum:"2999"`
	Month       string `query:"month" pattern:"^\\d{4}-\\d{2}$"`
	Line        string `query:"line_id" maxLength:"64"`
	Application string `query:"application_id" maxLength:"64"`
	Batch       string `query:"batch_id" maxLength:"64"`
	Case        string `query:"case_id" maxLength:"64"`
	Kind        string `query:"kind" enum:"opening,raise,cut,reserve,commit,release,pay,refund,recovery_due,receipt,offset,return,carry_over"`
}) (*listOut[LedgerEntry], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Entries(ctx, actor(ctx).Scope, store.EntryFilter{City: in.City, Year: in.Year, Month: in.Month, LineID: in.Line, ApplicationID: in.Application, BatchID: in.Batch,
		CaseID: in.Case, Kind: ledger.Kind(in.Kind)}, page)
	return listOf(rows, in.Limit, func(e ledger.Entry) string { return e.ID }, entryView), err
}

func (s *Server) getEntry(ctx context.Context, in *ByID) (*one[LedgerEntry], error) {
	e, err := s.db.LedgerEntry(ctx, actor(ctx).Scope, in.ID)
	return oneOf(1, entryView(e)), err
}

func (s *Server) listRecoveries(ctx context.Context, in *struct {
	Paging
	City  string `query:"city" pattern:"^\\d{6}$"`
	State string `query:"state" enum:"open,settled,withdrawn"`
}) (*listOut[Recovery], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Recoveries(ctx, actor(ctx).Scope, in.City, in.State, page)
	return listOf(rows, in.Limit, func(r ledger.Recovery) string { return r.ID }, s.recoveryView), err
}

func (s *Server) loadRecovery(ctx context.Context, id string) (Recovery, error) {
	r, err := s.db.Recovery(ctx, actor(ctx).Scope, id)
	if err != nil {
		return Recovery{}, err
	}
	v := s.recoveryView(r)
	instalments, receipts, err := s.db.RecoveryDetails(ctx, id)
	for _, part := range ledger.Schedule(instalments, r.ReceivedFen+r.OffsetFen, s.app.Today()) {
		v.Instalments = append(v.Instalments, RecoveryInstalment{part.DueOn, part.AmountFen, part.CoveredFen, part.Overdue})
		v.Overdue = v.Overdue || r.State == "open" && part.Overdue
	}
	for _, p := range receipts {
		v.Receipts = append(v.Receipts, RecoveryReceipt{p.Kind, p.AmountFen, p.ReceivedOn, p.Reference, p.ByName, p.At})
	}
	return v, err
}

func (s *Server) getRecovery(ctx context.Context, in *ByID) (*one[Recovery], error) {
	v, err := s.loadRecovery(ctx, in.ID)
	return oneOf(v.Version, v), err
}

func (s *Server) openRecovery(ctx context.Context, in *struct {
	Keyed
	Body struct {
		ApplicationID string            `json:"application_id" minLength:"1" maxLength:"64"`
		ReasonCode    string            `json:"reason_code" enum:"false_material,not_eligible,double_benefit,overpaid,seen_again,other"`
		Reason        string            `json:"reason" minLength:"1" maxLength:"500"`
		Document      string            `json:"document,omitempty" maxLength:"300"`
		AmountFen     money.Fen         `json:"amount_fen" minimum:"1"`
		DueOn         civil.Day         `json:"due_on" maxLength:"10"`
		MayOffset     bool              `json:"may_offset,omitempty" default:"true" doc:"Keep back from later payments to the same payee or owner."`
		Instalments   []InstalmentInput `json:"instalments,omitempty" maxItems:"60"`
	}
}) (*created[Recovery], error) {
	b := in.Body
	return create(ctx, in.Keyed, "open-recovery", b,
		func(ctx context.Context, by access.Actor) (ledger.Recovery, error) {
			var parts []ledger.Instalment
			for _, p := range b.Instalments {
				parts = append(parts, ledger.Instalment{DueOn: p.DueOn, AmountFen: p.AmountFen})
			}
			return s.app.OpenRecovery(ctx, by, b.ApplicationID, ledger.Recovery{ReasonCode: b.ReasonCode, Reason: b.Reason, Document: b.Document, AmountFen: b.AmountFen, DueOn: b.DueOn, MayOffset: b.MayOffset}, parts)
		},
		s.recoveryView, func(r Recovery) string { return "/recoveries/" + r.ID }, func(r Recovery) int64 { return r.Version })
}

func (s *Server) changedRecovery(ctx context.Context, id string, err error) (*one[Recovery], error) {
	return changed(ctx, s, id, err, s.loadRecovery, func(v Recovery) int64 { return v.Version })
}

func (s *Server) bookReceipt(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		AmountFen  money.Fen `json:"amount_fen" minimum:"1"`
		ReceivedOn civil.Day `json:"received_on" maxLength:"10"`
		Reference  string    `json:"reference" minLength:"1" maxLength:"100" doc:"Of the bank's receipt; booked once."`
	}
}) (*one[Recovery], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.BookReceipt(ctx, actor(ctx), in.ID, version, ledger.Receipt{AmountFen: in.Body.AmountFen, ReceivedOn: in.Body.ReceivedOn, Reference: in.Body.Reference})
	return s.changedRecovery(ctx, in.ID, err)
}

func (s *Server) withdrawRecovery(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"300"`
	}
}) (*one[Recovery], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.WithdrawRecovery(ctx, actor(ctx), in.ID, version, in.Body.Reason)
	return s.changedRecovery(ctx, in.ID, err)
}

func (s *Server) getYear(ctx context.Context, in *struct {
	City string `query:"city" required:"true" pattern:"^\\d{6}$"`
	Year int    `query:"year" required:"true" minimum:"2000" maximum:"2999"`
}) (*one[FundingYear], error) {
	c, err := s.app.PreviewClosing(ctx, actor(ctx).Scope, in.City, in.Year)
	return oneOf(c.Version, closingView(c)), err
}

func (s *Server) proposeClosing(ctx context.Context, in *struct {
	Keyed
	Body struct {
		CityCode string       `json:"city_code" pattern:"^\\d{6}$"`
		Year     int          `json:"year" minimum:"2000" maximum:"2999"`
		Document string       `json:"document" minLength:"1" maxLength:"300"`
		Carry    []CarryInput `json:"carry,omitempty" maxItems:"1000" doc:"What is carried over of the unspent of a line; the rest is returned."`
	}
}) (*created[FundingYear], error) {
	b := in.Body
	return create(ctx, in.Keyed, "propose-closing", b,
		func(ctx context.Context, by access.Actor) (app.Closing, error) {
			carry := map[string]money.Fen{}
			for _, c := range b.Carry {
				carry[c.LineID] += c.AmountFen
			}
			if _, err := s.app.ProposeClosing(ctx, by, b.CityCode, b.Year, carry, b.Document); err != nil {
				return app.Closing{}, err
			}
			return s.app.PreviewClosing(ctx, by.Scope, b.CityCode, b.Year)
		},
		closingView, func(FundingYear) string { return "/funding-years" }, func(FundingYear) int64 { return 1 })
}

func (s *Server) closeYear(ctx context.Context, in *struct {
	Keyed
	Body struct {
		CityCode string `json:"city_code" pattern:"^\\d{6}$"`
		Year     int    `json:"year" minimum:"2000" maximum:"2999"`
	}
}) (*created[FundingYear], error) {
	return create(ctx, in.Keyed, "close-funding-year", in.Body,
		func(ctx context.Context, by access.Actor) (app.Closing, error) {
			return s.app.CloseYear(ctx, by, in.Body.CityCode, in.Body.Year)
		},
		closingView, func(FundingYear) string { return "/funding-years" }, func(FundingYear) int64 { return 1 })
}
