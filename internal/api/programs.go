package api

import (
	"context"
	"net/http"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/subsidy"
)

// Program is a subsidy scheme in one version.
type Program struct {
	ID                      string           `json:"id"`
	Code                    string           `json:"code"`
	Revision                int64            `json:"revision"`
	Name                    Name             `json:"name"`
	CityCode                string           `json:"city_code" doc:"430000: for all cities."`
	Class                   registry.Class   `json:"class"`
	Classes                 []registry.Class `json:"classes"`
	Family                  string           `json:"family" doc:"One asset, one benefit in a family."`
	Document                string           `json:"document"`
	Note                    *Name            `json:"note,omitempty" doc:"What of it is not confirmed."`
	Sample                  bool             `json:"sample" doc:"Not an official scheme, or one whose amounts are not confirmed."`
	State                   string           `json:"state" enum:"draft,issued,replaced,ended,discarded"`
	ValidFrom               civil.Day        `json:"valid_from"`
	ValidTo                 civil.Day        `json:"valid_to"`
	InForceTo               civil.Day        `json:"in_force_to" doc:"Last day for its events: the next version or an early end may have cut it off."`
	Basis                   string           `json:"basis" enum:"deregistered_on,handed_in_on,dismantled_on,applied_on" doc:"The day that decides which version is in force."`
	EarlyBasis              string           `json:"early_basis" enum:"deregistered_on,handed_in_on,dismantled_on,applied_on" doc:"The day age and months early are counted at."`
	RequiresVerified        string           `json:"requires_verified" enum:"before_approval,before_payment"`
	NoticeDays              int              `json:"notice_days" doc:"Working days of public notice."`
	ApplicationDeadlineDays int              `json:"application_deadline_days" doc:"Days after the event within which to apply; 0: none."`
	ApplyFrom               civil.Day        `json:"apply_from,omitempty"`
	ApplyTo                 civil.Day        `json:"apply_to,omitempty"`
	Shares                  []subsidy.Share  `json:"shares"`
	BudgetFen               money.Fen        `json:"budget_fen"`
	CommittedFen            money.Fen        `json:"committed_fen"`
	PaidFen                 money.Fen        `json:"paid_fen"`
	Rules                   subsidy.Rules    `json:"rules"`
	CreatedBy               Person           `json:"created_by"`
	CreatedAt               time.Time        `json:"created_at"`
	IssuedBy                *Person          `json:"issued_by,omitempty"`
	IssuedAt                *time.Time       `json:"issued_at,omitempty"`
	EndReason               string           `json:"end_reason,omitempty"`
	Version                 int64            `json:"version"`
}

func programView(p subsidy.Program) Program {
	_, to := p.Term()
	v := Program{ID: p.ID, Code: p.Code, Revision: p.Revision, Name: nameOf(p.Name), CityCode: p.CityCode, Class: p.Class, Classes: p.AllClasses(), Family: p.BenefitFamily(),
		Document: p.Document, Sample: p.Sample, State: p.State, ValidFrom: p.ValidFrom, ValidTo: p.ValidTo, InForceTo: to, Basis: p.Basis, EarlyBasis: p.EarlyBasis,
		RequiresVerified: p.RequiresVerified, NoticeDays: p.NoticeDays, ApplicationDeadlineDays: p.ApplicationDeadlineDays, ApplyFrom: p.ApplyFrom, ApplyTo: p.ApplyTo,
		Shares: append([]subsidy.Share{}, p.Shares...), BudgetFen: p.BudgetFen, CommittedFen: p.CommittedFen, PaidFen: p.PaidFen, Rules: p.Rules,
		CreatedBy: Person{p.CreatedBy, p.CreatedByName}, CreatedAt: p.CreatedAt, IssuedAt: p.IssuedAt, EndReason: p.EndReason, Version: p.Version}
	if v.EarlyBasis == "" {
		v.EarlyBasis = p.Basis
	}
	if !p.Note.IsZero() {
		note := nameOf(p.Note)
		v.Note = &note
	}
	if p.IssuedBy != "" {
		v.IssuedBy = &Person{p.IssuedBy, p.IssuedByName}
	}
	return v
}

// Point is something about a program that has to be looked at.
type Point struct {
	At      string `json:"at" example:"rules.parts[0]"`
	Code    string `json:"code" example:"gap"`
	Message string `json:"message"`
	Mend    string `json:"mend,omitempty"`
}

// RuleText is one rule of a program as people read it.
type RuleText struct {
	At     string `json:"at" example:"conditions[0]"`
	Text   string `json:"text"`
	Source string `json:"source,omitempty"`
}

// RuleTable is a table of a program with its cells in words.
type RuleTable struct {
	At      string         `json:"at" example:"parts[0]"`
	Name    string         `json:"name"`
	Columns []string       `json:"columns"`
	Rows    []RuleTableRow `json:"rows"`
}

// RuleTableRow is one row of a table in words.
type RuleTableRow struct {
	Cells     []string  `json:"cells"`
	AmountFen money.Fen `json:"amount_fen,omitempty"`
	FactorBP  int64     `json:"factor_bp,omitempty"`
}

// ProgramText is a program as sentences and tables, with what is wrong or open.
type ProgramText struct {
	Sentences []RuleText  `json:"sentences"`
	Tables    []RuleTable `json:"tables"`
	Wrong     []Point     `json:"wrong" doc:"Has to be mended before it is saved."`
	Open      []Point     `json:"open" doc:"Has to be mended or explained before it is issued."`
}

// Reason is one line for or against a subsidy, or a step of its amount.
type Reason struct {
	Code        string           `json:"code"`
	Passed      bool             `json:"passed"`
	Optional    bool             `json:"optional,omitempty" doc:"Not met it only leaves out a part of the amount."`
	Text        string           `json:"text"`
	Fact        string           `json:"fact"`
	Requirement string           `json:"requirement"`
	Source      string           `json:"source,omitempty"`
	Values      map[string]int64 `json:"values,omitempty" doc:"What the step was computed from and came to."`
}

func reasonsOf(l bilingual.Lang, lines []subsidy.Line) []Reason {
	views := make([]Reason, len(lines))
	for i, line := range lines {
		views[i] = Reason{line.Code, line.Passed, line.Optional, line.Text.In(l), line.Fact.In(l), line.Requirement.In(l), line.Source, line.Values}
	}
	return views
}

// Eligibility is what one program owes for an asset, and why.
type Eligibility struct {
	ProgramID   string              `json:"program_id"`
	ProgramName Name                `json:"program_name"`
	Sample      bool                `json:"sample"`
	Eligible    bool                `json:"eligible"`
	AmountFen   money.Fen           `json:"amount_fen"`
	EarlyMonths *int                `json:"early_months,omitempty" doc:"Whole months left before the mandatory scrapping date."`
	Shares      []subsidy.SharePart `json:"shares,omitempty"`
	Lines       []Reason            `json:"lines"`
}

func eligibilityView(l bilingual.Lang, v app.Verdict) Eligibility {
	return Eligibility{v.Program.ID, nameOf(v.Program.Name), v.Program.Sample, v.Decision.Eligible, v.Decision.AmountFen, v.Decision.EarlyMonths, v.Decision.Shares, reasonsOf(l, v.Decision.Lines)}
}

func (s *Server) programRoutes() {
	route(s, operation("list-programs", http.MethodGet, "/programs", "subsidies", "Subsidy programs, newest first"), s.listPrograms)
	route(s, operation("get-program", http.MethodGet, "/programs/{id}", "subsidies", "One version of a program"), s.getProgram)
	setUp := operation("create-program", http.MethodPost, "/programs", "subsidies", "Set up a program, or a new version of one")
	setUp.DefaultStatus = http.StatusCreated
	route(s, setUp, s.createProgram)
	route(s, changes(operation("update-program", http.MethodPut, "/programs/{id}", "subsidies", "Replace what a draft says")), s.updateProgram)
	decide := changes(operation("decide-program", http.MethodPost, "/programs/{id}/decision", "subsidies", "Issue a draft, discard it, or end an issued program"))
	decide.DefaultStatus = http.StatusOK
	route(s, decide, s.decideProgram)
	check := operation("check-program", http.MethodPost, "/program-check", "subsidies", "What is wrong with a program as entered, and how it reads; nothing is saved")
	check.DefaultStatus = http.StatusOK
	route(s, check, s.checkProgram)
	route(s, operation("get-program-text", http.MethodGet, "/programs/{id}/text", "subsidies", "A program as sentences and tables, with what is open"), s.programText)
	route(s, operation("get-rule-vocabulary", http.MethodGet, "/rule-vocabulary/{class}", "subsidies", "All that the rules of a class can ask"), s.vocabulary)
}

func (s *Server) listPrograms(ctx context.Context, in *struct {
	Paging
	Class string `query:"class" enum:"truck,machinery,farm_machinery,vessel"`
	City  string `query:"city" pattern:"^\\d{6}$"`
}) (*listOut[Program], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Programs(ctx, actor(ctx).Scope, in.City, registry.Class(in.Class), page)
	return listOf(rows, in.Limit, func(p subsidy.Program) string { return p.ID }, programView), err
}

func (s *Server) loadProgram(ctx context.Context, id string) (Program, error) {
	p, err := s.db.Program(ctx, actor(ctx).Scope, id)
	return programView(p), err
}

func (s *Server) getProgram(ctx context.Context, in *ByID) (*one[Program], error) {
	v, err := s.loadProgram(ctx, in.ID)
	return oneOf(v.Version, v), err
}

// ProgramTerms is what a program says.
type ProgramTerms struct {
	Name                    Name             `json:"name"`
	Class                   registry.Class   `json:"class" enum:"truck,machinery,farm_machinery,vessel"`
	Classes                 []registry.Class `json:"classes,omitempty" maxItems:"4" doc:"Further classes."`
	Family                  string           `json:"family,omitempty" maxLength:"60" pattern:"^[a-z0-9_]*$"`
	Document                string           `json:"document,omitempty" maxLength:"300"`
	Note                    *Name            `json:"note,omitempty"`
	Sample                  bool             `json:"sample,omitempty"`
	ValidFrom               civil.Day        `json:"valid_from" maxLength:"10"`
	ValidTo                 civil.Day        `json:"valid_to" maxLength:"10"`
	Basis                   string           `json:"basis,omitempty" enum:"deregistered_on,handed_in_on,dismantled_on,applied_on" default:"deregistered_on"`
	EarlyBasis              string           `json:"early_basis,omitempty" enum:",deregistered_on,handed_in_on,dismantled_on,applied_on" doc:"Absent: the basis."`
	RequiresVerified        string           `json:"requires_verified,omitempty" enum:"before_approval,before_payment" default:"before_approval"`
	NoticeDays              int              `json:"notice_days,omitempty" minimum:"0" maximum:"60"`
	ApplicationDeadlineDays int              `json:"application_deadline_days,omitempty" minimum:"0" maximum:"3660"`
	ApplyFrom               civil.Day        `json:"apply_from,omitempty" maxLength:"10"`
	ApplyTo                 civil.Day        `json:"apply_to,omitempty" maxLength:"10"`
	Shares                  []subsidy.Share  `json:"shares,omitempty" maxItems:"5"`
	Rules                   subsidy.Rules    `json:"rules"`
}

func (b ProgramTerms) program() subsidy.Program {
	p := subsidy.Program{Name: bilingual.T(b.Name.ZH, b.Name.EN), Class: b.Class, Classes: b.Classes, Family: b.Family, Document: b.Document, Sample: b.Sample,
		ValidFrom: b.ValidFrom, ValidTo: b.ValidTo, Basis: b.Basis, EarlyBasis: b.EarlyBasis, RequiresVerified: b.RequiresVerified, NoticeDays: b.NoticeDays,
		ApplicationDeadlineDays: b.ApplicationDeadlineDays, ApplyFrom: b.ApplyFrom, ApplyTo: b.ApplyTo, Shares: b.Shares, Rules: b.Rules}
	if b.Note != nil {
		p.Note = bilingual.T(b.Note.ZH, b.Note.EN)
	}
	return p
}

// NewProgram is a program as it is set up.
type NewProgram struct {
	Code      string    `json:"code" minLength:"1" maxLength:"60"`
	Revision  int64     `json:"revision,omitempty" minimum:"1" doc:"Absent: the next for a draft, else 1."`
	CityCode  string    `json:"city_code" pattern:"^\\d{6}$"`
	State     string    `json:"state,omitempty" enum:"draft" doc:"draft: another person issues it. Absent: rules of the short form are in force at once, all others are a draft."`
	BudgetFen money.Fen `json:"budget_fen,omitempty" minimum:"0"`
	ProgramTerms
}

func (b NewProgram) program() subsidy.Program {
	p := b.ProgramTerms.program()
	p.Code, p.Revision, p.CityCode, p.State, p.BudgetFen = b.Code, b.Revision, b.CityCode, b.State, b.BudgetFen
	if p.Revision == 0 && p.State == "" && len(p.Rules.Parts) == 0 {
		p.Revision = 1
	}
	return p
}

func (s *Server) createProgram(ctx context.Context, in *struct {
	Keyed
	Body NewProgram
}) (*created[Program], error) {
	return create(ctx, in.Keyed, "create-program", in.Body,
		func(ctx context.Context, by access.Actor) (subsidy.Program, error) {
			return s.app.CreateProgram(ctx, by, in.Body.program())
		},
		programView, func(p Program) string { return "/programs/" + p.ID }, func(p Program) int64 { return p.Version })
}

func (s *Server) changedProgram(ctx context.Context, id string, err error) (*one[Program], error) {
	return changed(ctx, s, id, err, s.loadProgram, func(v Program) int64 { return v.Version })
}

func (s *Server) updateProgram(ctx context.Context, in *struct {
	ByID
	Based
	Body ProgramTerms
}) (*one[Program], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = s.app.UpdateProgram(ctx, actor(ctx), in.ID, version, in.Body.program())
	return s.changedProgram(ctx, in.ID, err)
}

func (s *Server) decideProgram(ctx context.Context, in *struct {
	ByID
	Based
	Body struct {
		Decision string    `json:"decision" enum:"issue,discard,end"`
		Reason   string    `json:"reason,omitempty" maxLength:"500" doc:"Why it is ended, or issued with open points."`
		On       civil.Day `json:"on,omitempty" maxLength:"10" doc:"Of an end: the last day for its events."`
	}
}) (*one[Program], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	by := actor(ctx)
	switch in.Body.Decision {
	case "issue":
		_, err = s.app.IssueProgram(ctx, by, in.ID, version, in.Body.Reason)
	case "discard":
		_, err = s.app.DiscardProgram(ctx, by, in.ID, version, in.Body.Reason)
	default:
		_, err = s.app.EndProgram(ctx, by, in.ID, version, in.Body.On, in.Body.Reason)
	}
	return s.changedProgram(ctx, in.ID, err)
}

type programTextOut struct{ Body ProgramText }

func (s *Server) checkProgram(ctx context.Context, in *struct{ Body NewProgram }) (*programTextOut, error) {
	l, p := lang(ctx), in.Body.program()
	wrong, gaps := s.app.CheckProgram(actor(ctx), p)
	text := s.textOf(l, p)
	for _, d := range wrong {
		text.Wrong = append(text.Wrong, Point{d.Location[len("body."):], d.Code, d.Message.In(l), d.Mend.In(l)})
	}
	text.Open = points(l, gaps)
	return &programTextOut{text}, nil
}

func points(l bilingual.Lang, gaps []subsidy.Gap) []Point {
	all := []Point{}
	for _, g := range gaps {
		all = append(all, Point{g.At, g.Code, g.Message.In(l), g.Mend.In(l)})
	}
	return all
}

func (s *Server) programText(ctx context.Context, in *ByID) (*programTextOut, error) {
	p, err := s.db.Program(ctx, actor(ctx).Scope, in.ID)
	if err != nil {
		return nil, err
	}
	text := s.textOf(lang(ctx), p)
	text.Open = points(lang(ctx), s.app.GapsOf(p))
	return &programTextOut{text}, nil
}

func (s *Server) textOf(l bilingual.Lang, p subsidy.Program) ProgramText {
	text := ProgramText{Sentences: []RuleText{}, Tables: []RuleTable{}, Wrong: []Point{}, Open: []Point{}}
	for _, sentence := range s.app.SentencesOf(p) {
		text.Sentences = append(text.Sentences, RuleText{sentence.At, sentence.Text.In(l), sentence.Source})
	}
	for _, t := range s.app.TablesOf(p) {
		table := RuleTable{At: t.At, Name: t.Name.In(l), Columns: []string{}, Rows: []RuleTableRow{}}
		for _, c := range t.Columns {
			table.Columns = append(table.Columns, c.In(l))
		}
		for _, r := range t.Rows {
			row := RuleTableRow{Cells: []string{}, AmountFen: r.AmountFen, FactorBP: r.FactorBP}
			for _, c := range r.Cells {
				row.Cells = append(row.Cells, c.In(l))
			}
			table.Rows = append(table.Rows, row)
		}
		text.Tables = append(text.Tables, table)
	}
	return text
}

// RuleKind is one word of the vocabulary of rules.
type RuleKind struct {
	Code     string       `json:"code"`
	Name     Name         `json:"name"`
	Takes    string       `json:"takes" enum:"codes,range,days,none"`
	Options  []RuleOption `json:"options,omitempty" doc:"Of codes."`
	Free     bool         `json:"free,omitempty" doc:"Other words may be written in."`
	Unit     *Name        `json:"unit,omitempty" doc:"Of a range."`
	Axis     bool         `json:"axis" doc:"May be a column of a table."`
	Quantity bool         `json:"quantity" doc:"A formula may multiply by it."`
	Of       string       `json:"of,omitempty" doc:"replacement: a property of the new one."`
}

// RuleOption is a code with its name.
type RuleOption struct {
	Code string `json:"code"`
	Name Name   `json:"name"`
}

func (s *Server) vocabulary(ctx context.Context, in *struct {
	Class string `path:"class" enum:"truck,machinery,farm_machinery,vessel"`
}) (*listOut[RuleKind], error) {
	return listOf(subsidy.Vocabulary, len(subsidy.Vocabulary), func(k subsidy.Kind) string { return k.Code }, func(k subsidy.Kind) RuleKind {
		v := RuleKind{Code: k.Code, Name: nameOf(k.Name), Takes: k.Takes, Axis: k.Axis, Quantity: k.Quantity, Of: k.Of, Free: k.Options == "words"}
		if k.Takes == "codes" {
			for _, o := range s.app.OptionsOf(registry.Class(in.Class), k.Options) {
				v.Options = append(v.Options, RuleOption{o.Code, nameOf(o.Name)})
			}
		}
		if !k.Unit.IsZero() {
			unit := nameOf(k.Unit)
			v.Unit = &unit
		}
		return v
	}), nil
}

func (s *Server) eligibility(ctx context.Context, in *ByID) (*listOut[Eligibility], error) {
	verdicts, err := s.app.Eligibility(ctx, actor(ctx).Scope, in.ID)
	l := lang(ctx)
	return listOf(verdicts, len(verdicts), func(v app.Verdict) string { return v.Program.ID }, func(v app.Verdict) Eligibility { return eligibilityView(l, v) }), err
}
