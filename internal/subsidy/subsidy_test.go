package subsidy

import (
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/internal/registry"
)

func months(n int) *int { return &n }

func program() Program {
	return Program{CityCode: "430100", Class: registry.Truck, ValidFrom: "2025-01-01", ValidTo: "2025-12-31", Basis: "deregistered_on",
		Rules: Rules{Stages: []string{"china3"}, MinEarlyMonths: 12, Table: []Rate{
			{Group: "heavy", FromMonths: 12, ToMonths: months(24), AmountFen: 12_000_00}, {Group: "heavy", FromMonths: 24, ToMonths: months(48), AmountFen: 35_000_00},
			{Group: "heavy", FromMonths: 48, AmountFen: 45_000_00}, {Group: "medium", FromMonths: 12, AmountFen: 10_000_00}}}}
}

func facts() Facts {
	return Facts{Class: registry.Truck, CityCode: "430100", Stage: "china3", StageSource: "record", Group: "heavy", CountsAs: "retired", Verified: true,
		HandedInOn: "2025-05-01", DeregisteredOn: "2025-06-15", ScrapDueOn: "2027-06-15", PoliceStatus: "正常",
		Name: func(_, code string) bilingual.Text { return bilingual.T(code, code) }}
}

// TestEvaluateSaysWhyLineByLine proves F41 and F42: each rule at both sides of
// its limit, every line answered whatever fails.
func TestEvaluateSaysWhyLineByLine(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Program, *Facts)
		amount money.Fen
		failed string
	}{
		{"24 months early", func(*Program, *Facts) {}, 35_000_00, ""},
		{"a day short of 24 months", func(_ *Program, f *Facts) { f.ScrapDueOn = "2027-06-14" }, 12_000_00, ""},
		{"12 months", func(_ *Program, f *Facts) { f.ScrapDueOn = "2026-06-15" }, 12_000_00, ""},
		{"a day short of 12 months", func(_ *Program, f *Facts) { f.ScrapDueOn = "2026-06-14" }, 0, "early"},
		{"48 months", func(_ *Program, f *Facts) { f.ScrapDueOn = "2029-06-15" }, 45_000_00, ""},
		{"past its date", func(_ *Program, f *Facts) { f.ScrapDueOn = "2024-06-15" }, 0, "early"},
		{"no date known", func(_ *Program, f *Facts) { f.ScrapDueOn = "" }, 0, "early"},
		{"the first day of the term", func(_ *Program, f *Facts) { f.DeregisteredOn = "2025-01-01" }, 35_000_00, ""},
		{"a day before the term", func(_ *Program, f *Facts) { f.DeregisteredOn = "2024-12-31" }, 0, "window"},
		{"the last day of the term", func(_ *Program, f *Facts) { f.DeregisteredOn = "2025-12-31" }, 12_000_00, ""},
		{"a day after the term", func(_ *Program, f *Facts) { f.DeregisteredOn = "2026-01-01" }, 0, "window"},
		{"by the hand-over", func(p *Program, f *Facts) { p.Basis = "handed_in_on"; f.DeregisteredOn = "2026-02-01" }, 35_000_00, ""},
		{"a cleaner stage", func(_ *Program, f *Facts) { f.Stage = "china4" }, 0, "stage"},
		{"a stage from a date", func(_ *Program, f *Facts) { f.StageSource = "date" }, 0, "stage_source"},
		{"seized", func(_ *Program, f *Facts) { f.PoliceStatus = "查封,逾期未检验" }, 0, "not_seized"},
		{"not verified", func(_ *Program, f *Facts) { f.Verified = false }, 0, "retired"},
		{"moved out", func(_ *Program, f *Facts) { f.CountsAs = "moved" }, 0, "retired"},
		{"another city", func(_ *Program, f *Facts) { f.CityCode = "430200" }, 0, "class"},
		{"not operating", func(p *Program, _ *Facts) { p.Rules.OperatingOnly = true }, 0, "operating"},
		{"no amount for the group", func(_ *Program, f *Facts) { f.Group = "light" }, 0, "amount"},
	} {
		p, f := program(), facts()
		c.change(&p, &f)
		d := p.Evaluate(f)
		if d.AmountFen != c.amount || d.Eligible != (c.failed == "") {
			t.Errorf("%s: got %d fen, eligible %v, want %d", c.name, d.AmountFen, d.Eligible, c.amount)
		}
		seen := c.failed == ""
		for _, l := range d.Lines {
			seen = seen || (l.Code == c.failed && !l.Passed)
			if l.Text.ZH == "" || l.Text.EN == "" || l.Fact.ZH == "" || l.Requirement.ZH == "" {
				t.Errorf("%s: line %s lacks words: %+v", c.name, l.Code, l)
			}
		}
		if !seen || len(d.Lines) < 7 {
			t.Errorf("%s: no failed line %s among %d", c.name, c.failed, len(d.Lines))
		}
	}
}

// TestAmountIsOneOfTheTableAndNeverLessForRetiringEarlier holds for any facts.
func TestAmountIsOneOfTheTableAndNeverLessForRetiringEarlier(t *testing.T) {
	p := program()
	rapid.Check(t, func(t *rapid.T) {
		f := facts()
		f.Group = rapid.SampledFrom([]string{"heavy", "medium", "light"}).Draw(t, "group")
		f.DeregisteredOn = civil.Day("2025-01-01").AddDays(rapid.IntRange(0, 364).Draw(t, "day"))
		f.ScrapDueOn = f.DeregisteredOn.AddDays(rapid.IntRange(-400, 4000).Draw(t, "due"))
		d := p.Evaluate(f)
		known := d.AmountFen == 0
		for _, r := range p.Rules.Table {
			known = known || d.AmountFen == r.AmountFen
		}
		later := f
		later.ScrapDueOn = f.ScrapDueOn.AddDays(rapid.IntRange(0, 2000).Draw(t, "later"))
		if !known || p.Evaluate(later).AmountFen < d.AmountFen || d.Eligible != (d.AmountFen > 0) {
			t.Fatalf("%d fen, and %d for retiring earlier", d.AmountFen, p.Evaluate(later).AmountFen)
		}
	})
}

// TestCheckSeesOverlapsAndEmptyBands proves F41's table check.
func TestCheckSeesOverlapsAndEmptyBands(t *testing.T) {
	for name, table := range map[string][]Rate{
		"overlap":   {{Group: "heavy", FromMonths: 12, ToMonths: months(25), AmountFen: 1}, {Group: "heavy", FromMonths: 24, AmountFen: 1}},
		"two open":  {{Group: "heavy", FromMonths: 12, AmountFen: 1}, {Group: "heavy", FromMonths: 99, AmountFen: 1}},
		"empty":     {{Group: "heavy", FromMonths: 12, ToMonths: months(12), AmountFen: 1}},
		"no amount": {{Group: "heavy", FromMonths: 12}},
		"no rows":   nil,
	} {
		p := program()
		p.Rules.Table = table
		if len(p.Check()) == 0 {
			t.Errorf("%s is taken", name)
		}
	}
	if wrong := program().Check(); len(wrong) != 0 {
		t.Errorf("a good program: %v", wrong)
	}
}
