package app

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/emission"
	"phaseout/internal/ledger"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// LoadReference writes the reference data and the plan's targets. Running it
// again changes nothing but names and synonyms; a target that is there stays.
func LoadReference(ctx context.Context, db *store.DB, files fs.FS) error {
	read := func(name string) (*bytes.Reader, error) {
		data, err := fs.ReadFile(files, "reference/"+name)
		return bytes.NewReader(data), err
	}
	regionsFile, err := read("regions.csv")
	if err != nil {
		return err
	}
	regions, err := registry.ParseRegions(regionsFile)
	if err != nil {
		return err
	}
	optionsFile, err := read("dictionary.csv")
	if err != nil {
		return err
	}
	options, err := registry.ParseOptions(optionsFile)
	if err != nil {
		return err
	}
	definitions, err := readDefinitions(files)
	if err != nil {
		return err
	}
	targets, err := readTargets(files, definitions)
	if err != nil {
		return err
	}
	calendar, err := readCalendar(files)
	if err != nil {
		return err
	}
	reasons, err := readReturnReasons(files)
	if err != nil {
		return err
	}
	values, planned, err := readEmission(files)
	if err != nil {
		return err
	}
	programs, err := ReadPrograms(files)
	if err != nil {
		return err
	}
	by := access.System("seed")
	if err := db.Write(ctx, by, func(tx *store.Tx) error {
		if err := tx.PutReference(regions, options); err != nil {
			return err
		}
		if err := tx.PutReturnReasons(reasons); err != nil {
			return err
		}
		for _, d := range definitions {
			if _, err := tx.PutDefinition(d); err != nil {
				return err
			}
		}
		for _, year := range calendar {
			if err := tx.ShipCalendarYear(year); err != nil {
				return err
			}
		}
		if err := seedEmission(tx, values, planned); err != nil {
			return err
		}
		if err := seedPrograms(tx, programs); err != nil {
			return err
		}
		return seedRules(tx, registry.NewReference(regions, options))
	}); err != nil {
		return err
	}
	existing, err := db.Targets(ctx, by.Scope, store.TargetFilter{})
	if err != nil {
		return err
	}
	return db.Write(ctx, by, func(tx *store.Tx) error {
		for _, t := range targets {
			if hasTarget(existing, t) {
				continue
			}
			t.ID = newID()
			if err := tx.CreateTarget(&t); err != nil {
				return err
			}
		}
		return nil
	})
}

func readEmission(files fs.FS) ([]emission.Value, []emission.Planned, error) {
	factors, err := fs.ReadFile(files, "reference/factors.csv")
	if err != nil {
		return nil, nil, err
	}
	values, err := emission.ParseFactors(bytes.NewReader(factors))
	if err != nil {
		return nil, nil, err
	}
	table, err := fs.ReadFile(files, "reference/table2.csv")
	if err != nil {
		return nil, nil, err
	}
	planned, err := emission.ParseTable(bytes.NewReader(table))
	return values, planned, err
}

// seedEmission writes table 2 of the plan and, once, the first revision of the
// emission factors: a later one is the province's.
func seedEmission(tx *store.Tx, values []emission.Value, planned []emission.Planned) error {
	if err := tx.PutPlanned(planned); err != nil {
		return err
	}
	sets, err := tx.FactorSets()
	if err != nil || len(sets) > 0 {
		return err
	}
	first := store.FactorSet{FactorSet: emission.FactorSet{ID: newID(), Revision: 1, State: "in_force", ValidFrom: "1900-01-01", Values: values}, InForceAt: instant(tx.At)}
	return tx.CreateFactorSet(&first)
}

func hasTarget(existing []target.Target, t target.Target) bool {
	for _, e := range existing {
		if e.Code == t.Code && e.CityCode == t.CityCode && e.Class == t.Class {
			return true
		}
	}
	return false
}

func seedRows(files fs.FS, name string) ([]map[string]string, error) {
	data, err := fs.ReadFile(files, "reference/"+name)
	if err != nil {
		return nil, err
	}
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comment = '#'
	lines, err := reader.ReadAll()
	if err != nil || len(lines) == 0 {
		return nil, fmt.Errorf("app: seed %s: %w", name, err)
	}
	rows := make([]map[string]string, len(lines)-1)
	for i, line := range lines[1:] {
		rows[i] = map[string]string{}
		for j, column := range lines[0] {
			rows[i][column] = line[j]
		}
	}
	return rows, nil
}

func readReturnReasons(files fs.FS) ([]ledger.ReturnReason, error) {
	rows, err := seedRows(files, "return_reasons.csv")
	if err != nil {
		return nil, err
	}
	reasons := make([]ledger.ReturnReason, len(rows))
	for i, r := range rows {
		reasons[i] = ledger.ReturnReason{Code: r["code"], Kind: r["kind"], Name: bilingual.T(r["name_zh"], r["name_en"]), ToDo: bilingual.T(r["todo_zh"], r["todo_en"]),
			Words: strings.Split(r["words"], "|")}
	}
	return reasons, nil
}

func number(text string) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

func readDefinitions(files fs.FS) ([]target.Definition, error) {
	rows, err := seedRows(files, "definitions.csv")
	definitions := make([]target.Definition, len(rows))
	for i, r := range rows {
		definitions[i] = target.Definition{Code: r["code"], Revision: *number(r["revision"]), Name: bilingual.T(r["name_zh"], r["name_en"]),
			Text: bilingual.T(r["text_zh"], r["text_en"]), ShareBP: number(r["share_bp"]), Sample: r["sample"] == "true", Source: r["source"]}
	}
	return definitions, err
}

func readTargets(files fs.FS, definitions []target.Definition) ([]target.Target, error) {
	rows, err := seedRows(files, "targets.csv")
	if err != nil {
		return nil, err
	}
	find := func(name string) (target.Definition, bool) {
		for _, d := range definitions {
			if fmt.Sprintf("%s/%d", d.Code, d.Revision) == name {
				return d, true
			}
		}
		return target.Definition{}, false
	}
	targets := make([]target.Target, len(rows))
	for i, r := range rows {
		definition, ok := find(r["definition"])
		if !ok {
			return nil, fmt.Errorf("app: seed target %s: no definition %q", r["code"], r["definition"])
		}
		targets[i] = target.Target{Code: r["code"], Clause: r["clause"], Class: registry.Class(r["class"]), CityCode: r["city_code"], Kind: r["kind"],
			Measure: r["measure"], Value: number(r["value"]), DueOn: civil.Day(r["due_on"]), BaselineOn: civil.Day(r["baseline_on"]), Definition: definition,
			ResponsibleUnit: r["responsible_unit"], Document: r["document"], State: r["state"], Sample: r["sample"] == "true", Pollutant: r["pollutant"]}
		for _, step := range strings.Fields(r["milestones"]) {
			on, value, _ := strings.Cut(step, "=")
			targets[i].Milestones = append(targets[i].Milestones, target.Milestone{On: civil.Day(on), Value: number(value)})
		}
		if threshold, ok := find(r["threshold"]); ok {
			targets[i].Threshold = &threshold
		}
	}
	return targets, nil
}

// readCalendar reads the holidays as the State Council's documents arrange
// them, spans of days made into days.
func readCalendar(files fs.FS) ([]store.CalendarYear, error) {
	rows, err := seedRows(files, "calendar.csv")
	if err != nil {
		return nil, err
	}
	var years []store.CalendarYear
	for _, r := range rows {
		year := int(*number(r["year"]))
		if len(years) == 0 || years[len(years)-1].Year != year {
			years = append(years, store.CalendarYear{Year: year, Source: r["source"]})
		}
		y := &years[len(years)-1]
		for day := civil.Day(r["from"]); day <= civil.Day(r["to"]); day = day.AddDays(1) {
			y.Days = append(y.Days, store.CalendarDay{Day: day, Year: year, Kind: r["kind"], Name: r["name"]})
		}
	}
	return years, nil
}

// DemoPassword is that of every demonstration account.
const DemoPassword = "Demo-phaseout-2025"

// DemoAccount is one account of the demonstration.
type DemoAccount struct {
	Username string
	Name     string
	Role     access.Role
	Scope    string
}

// cityPinyin names the cities in user names.
var cityPinyin = []struct{ code, pinyin, name string }{
	{"430100", "changsha", "长沙"}, {"430200", "zhuzhou", "株洲"}, {"430300", "xiangtan", "湘潭"},
	{"430600", "yueyang", "岳阳"}, {"430700", "changde", "常德"}, {"430900", "yiyang", "益阳"},
}

// DemoAccounts returns the accounts of the demonstration.
func DemoAccounts() []DemoAccount {
	var all []DemoAccount
	for _, c := range cityPinyin {
		all = append(all,
			DemoAccount{"clerk." + c.pinyin, c.name + "登记员", access.Clerk, c.code},
			DemoAccount{"reviewer." + c.pinyin, c.name + "审核员", access.Reviewer, c.code},
			DemoAccount{"finance." + c.pinyin, c.name + "财务甲", access.Finance, c.code},
			DemoAccount{"finance2." + c.pinyin, c.name + "财务乙", access.Finance, c.code},
			DemoAccount{"finance3." + c.pinyin, c.name + "财务丙", access.Finance, c.code},
			DemoAccount{"finance4." + c.pinyin, c.name + "财务丁", access.Finance, c.code})
	}
	return append(all, DemoAccount{"clerk.yuelu", "岳麓区登记员", access.Clerk, "430104"},
		DemoAccount{"province", "省级汇总员", access.Province, access.ProvinceCode}, DemoAccount{"auditor", "审计员", access.Auditor, access.ProvinceCode},
		DemoAccount{"admin", "系统管理员", access.Admin, access.ProvinceCode},
		DemoAccount{"province2", "省级复核员", access.Province, access.ProvinceCode})
}

// demoCity returns the pinyin of a city's demonstration accounts.
func demoCity(code string) string {
	for _, c := range cityPinyin {
		if c.code == code {
			return c.pinyin
		}
	}
	return strings.ToLower(code)
}
