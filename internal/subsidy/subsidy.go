// Package subsidy is the pure domain of public money for early retirement:
// programs with their rules, what a program owes and why, and the states of an
// application.
package subsidy

import (
	"slices"
	"time"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/internal/registry"
)

// The states of a program's version: a draft is issued by another person;
// issued, it is replaced by the next version or ended. A replaced or ended
// version stays in force for the events of its term.
const (
	ProgramDraft     = "draft"
	ProgramIssued    = "issued"
	ProgramReplaced  = "replaced"
	ProgramEnded     = "ended"
	ProgramDiscarded = "discarded"
)

// When a retirement has to be verified.
const (
	BeforeApproval = "before_approval"
	BeforePayment  = "before_payment"
)

// DefaultFamily is the family of a program that names none: whoever was paid
// for retiring an asset is not paid for it again, by whatever program.
const DefaultFamily = "early_retirement"

// Bases are the days that may decide which version is in force, and from which
// age and months early are counted.
var Bases = []string{"deregistered_on", "handed_in_on", "dismantled_on", "applied_on"}

// Program is a subsidy scheme of a city, or a national one, in one revision.
type Program struct {
	ID                      string
	CityCode                string // 430000: national or provincial, for all cities
	Code                    string
	Revision                int64
	Name                    bilingual.Text
	Class                   registry.Class
	Classes                 []registry.Class // further classes
	Family                  string           // one asset, one benefit in a family
	Document                string
	Note                    bilingual.Text // what of it is not confirmed, for a sample
	Sample                  bool
	State                   string
	ValidFrom               civil.Day
	ValidTo                 civil.Day
	SupersededOn            civil.Day // day from which the next version is in force
	EndedOn                 civil.Day // last day, if it was ended before ValidTo
	Basis                   string    // the day that decides the version: one of Bases
	EarlyBasis              string    // the day age and months early are counted at; "" is Basis
	RequiresVerified        string    // before_approval or before_payment
	NoticeDays              int       // working days of public notice
	ApplicationDeadlineDays int       // days after the event within which to apply; 0: none
	ApplyFrom               civil.Day
	ApplyTo                 civil.Day
	Shares                  []Share
	Rules                   Rules
	BudgetFen               money.Fen
	CommittedFen            money.Fen
	PaidFen                 money.Fen
	CreatedBy               string
	CreatedByName           string
	CreatedAt               time.Time
	Editors                 []string // ids of who wrote the draft, the creator included
	IssuedBy                string
	IssuedByName            string
	IssuedAt                *time.Time
	EndReason               string
	Version                 int64
}

// AllClasses returns the classes that the program covers.
func (p Program) AllClasses() []registry.Class {
	if slices.Contains(p.Classes, p.Class) {
		return p.Classes
	}
	return append([]registry.Class{p.Class}, p.Classes...)
}

// Everywhere reports whether the program holds in all cities.
func (p Program) Everywhere() bool { return p.CityCode == "430000" }

// Term returns the first and the last day on which the version is in force:
// what of its validity was not cut off by the next version or an early end.
func (p Program) Term() (from, to civil.Day) {
	from, to = p.ValidFrom, p.ValidTo
	if p.SupersededOn != "" {
		to = min(to, p.SupersededOn.AddDays(-1))
	}
	if p.EndedOn != "" {
		to = min(to, p.EndedOn)
	}
	return from, to
}

// Public reports whether the version was ever issued: only then it owes anything.
func (p Program) Public() bool {
	return p.State == ProgramIssued || p.State == ProgramReplaced || p.State == ProgramEnded
}

// EventDay returns the day of the facts that decides which version is in force.
func (p Program) EventDay(f Facts) civil.Day { return f.day(p.Basis) }

// InForce reports whether the version was issued and covers the facts' event.
func (p Program) InForce(f Facts) bool {
	from, to := p.Term()
	day := p.EventDay(f)
	return p.Public() && day != "" && day >= from && day <= to
}

// BenefitFamily returns the family in which an asset is paid once.
func (p Program) BenefitFamily() string {
	if p.Family == "" {
		return DefaultFamily
	}
	return p.Family
}

func (p Program) earlyBasis() string {
	if p.EarlyBasis == "" {
		return p.Basis
	}
	return p.EarlyBasis
}

// source names the document and, if there is one, the clause.
func (p *Program) source(clause string) string {
	switch {
	case clause == "":
		return p.Document
	case p.Document == "":
		return clause
	}
	return p.Document + " " + clause
}

// day returns the day of a basis.
func (f *Facts) day(basis string) civil.Day {
	switch basis {
	case "handed_in_on":
		return f.HandedInOn
	case "dismantled_on":
		return f.DismantledOn
	case "applied_on":
		return f.AppliedOn
	}
	return f.DeregisteredOn
}

func basisName(basis string) bilingual.Text {
	switch basis {
	case "handed_in_on":
		return bilingual.T("交售日期", "hand-over day")
	case "dismantled_on":
		return bilingual.T("拆解日期", "day of dismantling")
	case "applied_on":
		return bilingual.T("申请日期", "day of the application")
	}
	return bilingual.T("注销日期", "deregistration day")
}

func joined(zh, en string, parts ...bilingual.Text) bilingual.Text {
	var all bilingual.Text
	for i, part := range parts {
		if i > 0 {
			all.ZH, all.EN = all.ZH+zh, all.EN+en
		}
		all.ZH, all.EN = all.ZH+part.ZH, all.EN+part.EN
	}
	return all
}

func yes(b bool) bilingual.Text {
	if b {
		return bilingual.T("是", "yes")
	}
	return bilingual.T("否", "no")
}

func orNone(s string) bilingual.Text {
	if s == "" {
		return bilingual.T("无", "none")
	}
	return bilingual.T(s, s)
}
