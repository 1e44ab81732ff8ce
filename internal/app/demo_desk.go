package app

import (
	"phaseout/internal/access"
	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/target"
)

// baselines freezes the list of trucks and machines of each city as of the end
// of 2021: what is registered, moved and retired later stands beside it.
func (d *demo) baselines() error {
	for _, class := range []registry.Class{registry.Truck, registry.Machinery} {
		if _, err := d.Freeze(d.ctx, d.users["province"], "", class, "2021年底存量清单（示例）", "2021-12-31"); err != nil {
			return err
		}
	}
	return nil
}

// scaled is a number of the stories, which have seventy trucks a city, for a city
// that has a whole stock.
func (d *demo) scaled(city string, n int64) *int64 {
	if trucks := d.trucks[city]; trucks > 0 {
		n = n * int64(trucks) / 70
	}
	return &n
}

// plans files each city's own plan for its trucks. Changsha filed a second one,
// whose years add up to another count than its target; Changde's gives no number
// for the last year; Yiyang has filed nothing.
func (d *demo) plans() error {
	file := func(city string, p target.Plan) error {
		_, err := d.FilePlan(d.ctx, d.users["reviewer."+demoCity(city)], city, registry.Truck, p, "示例计划，数量非官方")
		return err
	}
	for i, c := range d.Reference.Cities() {
		if c.Code == "430900" {
			continue
		}
		n := func(v int64) *int64 { return d.scaled(c.Code, v) }
		years := []target.YearShare{{Year: 2023, Value: n(int64(10 + i))}, {Year: 2024, Value: n(int64(14 + i))}, {Year: 2025, Value: n(int64(16 + i))}}
		if c.Code == "430700" {
			years[2].Value = nil
		}
		p := target.Plan{Title: c.Name + "老旧柴油货车淘汰实施计划（示例）", Document: "演示文件〔2023〕1号", IssuedOn: "2023-03-15", Years: years}
		if err := file(c.Code, p); err != nil {
			return err
		}
		if c.Code == "430100" {
			p.Document, p.IssuedOn, p.Years = "演示文件〔2024〕7号", "2024-02-20", []target.YearShare{{Year: 2023, Value: n(10)}, {Year: 2024, Value: n(14)}, {Year: 2025, Value: n(18)}}
			if err := file(c.Code, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// definitions has a second meaning of 淘汰 in force, which counts a truck when
// it is handed over, and a third one waiting to be tried.
func (d *demo) definitions() error {
	handed, err := d.ProposeDefinition(d.ctx, d.users["province"], target.Definition{Code: "handed_over", Name: bilingual.T("交售即计（示例）", "Counted at hand-over (example)"),
		Text: bilingual.T("报废与就地销毁自交售之日起计为淘汰，不待注销；示例口径，用于与默认口径对照。",
			"Scrapped and destroyed assets count from their hand-over, before they are deregistered. An example, to be laid beside the default."),
		Counts: []target.CountRule{{Ways: []string{"scrapped", "destroyed_on_site"}, On: "hand_over_on"}}, Source: "示例：非官方口径"})
	if err != nil {
		return err
	}
	if handed, err = d.TryDefinition(d.ctx, d.users["province"], handed.Code, handed.Revision, handed.Version); err != nil {
		return err
	}
	if _, err := d.DecideDefinition(d.ctx, d.users["province2"], handed.Code, handed.Revision, handed.Version, true, "演示"); err != nil {
		return err
	}
	_, err = d.ProposeDefinition(d.ctx, d.users["province"], target.Definition{Code: "with_void_plates", Name: bilingual.T("含牌证作废（示例）", "Void plates count too (example)"),
		Text:   bilingual.T("除报废注销外，牌证作废的也计为淘汰；示例口径，待试算。", "Void plates count beside what was deregistered for scrapping. An example that waits to be tried."),
		Counts: []target.CountRule{{Ways: []string{"scrapped", "destroyed_on_site", "declared_void"}, On: "left_on"}}, Source: "示例：非官方口径"})
	return err
}

// void has the plates of some trucks declared void, verified: they left, but by
// the default definition they do not count as retired.
func (d *demo) void() error {
	for _, c := range d.Reference.Cities()[1:4] {
		for range 2 {
			clerk, reviewer := d.users["clerk."+demoCity(c.Code)], d.users["reviewer."+demoCity(c.Code)]
			truck, err := d.RegisterAsset(d.ctx, clerk, NewAsset{registry.Truck, c.Code, d.truck(c)})
			if err != nil {
				return err
			}
			declared := retirement.Declaration{WayOut: "declared_void", Driver: "enforcement", DeregisteredOn: d.Today().AddDays(-40 - d.random.IntN(300))}
			if _, err := d.verified(clerk, reviewer, truck.ID, declared); err != nil {
				return err
			}
		}
	}
	return nil
}

// replaced changes the target of Changsha in the middle of 2025: the revision
// before it goes on to answer for the days up to then.
func (d *demo) replaced() error {
	const city = "430100"
	in, err := d.DB.Targets(d.ctx, access.Whole(), store.TargetFilter{Class: registry.Truck, City: city, State: "in_force"})
	if err != nil {
		return err
	}
	for _, t := range in {
		if t.CityCode != city {
			continue
		}
		_, err := d.ChangeTarget(d.ctx, d.users["province"], t.ID, t.Version, "示例：年中调度后改按数量考核", func(t *target.Target) {
			t.Measure, t.Value, t.ValidFrom = "count", d.scaled(city, 45), "2025-07-01"
			t.Milestones = []target.Milestone{{On: "2023-12-31", Value: d.scaled(city, 10)}, {On: "2024-12-31", Value: d.scaled(city, 25)}}
			t.Document = "演示：年中调度会议纪要，数量为示例"
		})
		return err
	}
	return fault.Missing()
}
