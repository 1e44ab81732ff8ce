package app

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"phaseout/internal/civil"
	"phaseout/internal/demostock"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/yard"
)

// DemoAssets is how many assets the whole demonstration has; demoStories how
// many of them its stories register by themselves.
const (
	DemoAssets  = demostock.Most + 1_500
	demoStories = 1_888
)

// DemoBegan is when the whole demonstration begins. What is known from before,
// such as the reference data, has to be recorded before it.
func DemoBegan() time.Time { return demostock.From.Start().Add(9 * time.Hour) }

// background registers the stock in which the stories happen and lets a part of
// it leave, month by month since 2022: the clock is put back and walks up to
// today, so that everything is logged, reviewed and known when it would have been.
func (d *demo) background(size int) error {
	n := size - demoStories
	if n <= 0 {
		return nil
	}
	clock := d.DB.SetClock(DemoBegan)
	defer func() { d.DB.SetClock(clock) }()
	own := *d // the stories get the same numbers and pictures with a stock as without
	own.random, own.serial = rand.New(rand.NewPCG(2025, 50_000)), 0
	return own.stockOf(n, clock())
}

func (d *demo) stockOf(n int, now time.Time) error {
	d.tell("%d assets of six cities, as their lists were at the end of 2021", n)
	stock := demostock.Make(d.Reference, n, civil.On(now))
	if err := d.stockYards(stock.Yards); err != nil {
		return err
	}
	lists := make([]stockList, len(stock.Sheets))
	for i, sheet := range stock.Sheets {
		var err error
		if lists[i], err = listOf(sheet); err != nil {
			return err
		}
		stock.Sheets[i] = demostock.Sheet{} // a checked import runs with a lean heap: nothing large may lie in it
	}
	var leaving []demoLeaving
	for _, list := range lists {
		some, err := d.importList(list)
		if err != nil {
			return err
		}
		leaving = append(leaving, some...)
	}
	d.tell("%d of them leave service", len(leaving))
	if err := d.history(leaving, now); err != nil {
		return err
	}
	d.tell("the stories")
	return nil
}

func (d *demo) stockYards(yards []demostock.Yard) error {
	all := []registry.Class{registry.Truck, registry.Machinery, registry.FarmMachinery, registry.Vessel}
	for i, y := range yards {
		_, err := d.CreateYard(d.ctx, d.users["province"], yard.Yard{Name: y.Name, CreditCode: "91430100MA00000003", CityCode: y.City, Classes: all, CapacityPerMonth: y.Capacity,
			Licences: []yard.Licence{{Number: fmt.Sprintf("演示资质-%s-%d", y.City, 10+i), From: "2021-01-01", To: "2032-12-31"}}})
		if err != nil {
			return err
		}
	}
	return nil
}

// demoLeaving is an asset of the registry that leaves.
type demoLeaving struct {
	*demostock.Leaving
	assetID string
	city    registry.Region
	class   registry.Class
	made    *retirement.Retirement // once it is declared
}

// stockList is a sheet of the stock as a file, and how its rows leave.
type stockList struct {
	city    registry.Region
	class   registry.Class
	text    []byte
	leaving []*demostock.Leaving
}

func listOf(s demostock.Sheet) (stockList, error) {
	list := stockList{city: s.City, class: s.Class}
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	if err := w.Write(s.Heading); err != nil {
		return list, err
	}
	for _, a := range s.Assets {
		if err := w.Write(a.Cells); err != nil {
			return list, err
		}
		list.leaving = append(list.leaving, a.Leaving)
	}
	w.Flush()
	list.text = text.Bytes()
	return list, w.Error()
}

// importList imports a city's list of a class and returns those of it that leave.
func (d *demo) importList(s stockList) ([]demoLeaving, error) {
	n := len(s.leaving)
	if n == 0 {
		return nil, nil
	}
	if s.class == registry.Truck {
		d.trucks[s.city.Code] = n
	}
	spec, _ := registry.SpecOf(s.class)
	d.tell("%s, %s: %d", s.city.NameEN, strings.ToLower(spec.Name.EN), n)
	i, err := d.ImportSheet(d.ctx, d.users["clerk."+demoCity(s.city.Code)], s.class, s.city.Code, s.city.Name+spec.Name.ZH+"清单（2021年底，示例）.csv", bytes.NewReader(s.text), "all_or_nothing")
	if err != nil {
		return nil, err
	}
	if counts := CountsOf(i); i.State != "applied" || counts.AppliedCreate != n {
		return nil, fmt.Errorf("app: the import of %s is %s: %s %s", i.FileName, i.State, i.Counts, i.Problem)
	}
	var leaving []demoLeaving
	for last := 0; ; {
		rows, err := d.DB.ImportRows(d.ctx, i, store.ImportRowFilter{AfterRow: last, Limit: 1000})
		if err != nil || len(rows) == 0 {
			return leaving, err
		}
		for _, row := range rows {
			last = row.RowNo
			if l := s.leaving[row.RowNo-2]; l != nil { // below the heading
				leaving = append(leaving, demoLeaving{Leaving: l, assetID: row.AssetID, city: s.city, class: s.class})
			}
		}
	}
}

// demoBatch is how many retirements are logged or decided in one transaction.
const demoBatch = 200

// history logs and decides retirements in the order of the days on which it was
// done, up to now.
func (d *demo) history(leaving []demoLeaving, now time.Time) error {
	type task struct {
		on     civil.Day
		decide bool
		city   string
		who    *demoLeaving
	}
	var tasks []task
	for i := range leaving {
		l := &leaving[i]
		tasks = append(tasks, task{l.DeclareOn, false, l.city.Code, l})
		if l.DecideOn != "" {
			tasks = append(tasks, task{l.DecideOn, true, l.city.Code, l})
		}
	}
	slices.SortStableFunc(tasks, func(a, b task) int {
		if a.decide != b.decide && a.on == b.on {
			if a.decide {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(a.on, b.on), cmp.Compare(a.city, b.city))
	})
	shown := ""
	for len(tasks) > 0 {
		first := tasks[0]
		n := 1
		for n < min(demoBatch, len(tasks)) && tasks[n].on == first.on && tasks[n].decide == first.decide && tasks[n].city == first.city {
			n++
		}
		at := min(first.on.Start().Add(10*time.Hour).UnixMicro(), now.UnixMicro())
		d.DB.SetClock(func() time.Time { return time.UnixMicro(at) })
		if year := first.on.Month()[:4]; year != shown {
			shown = year
			d.tell("in %s", year)
		}
		some := make([]*demoLeaving, n)
		for k, t := range tasks[:n] {
			some[k] = t.who
		}
		deed := d.logSome
		if first.decide {
			deed = d.decideSome
		}
		if err := deed(some); err != nil {
			return err
		}
		tasks = tasks[n:]
	}
	return nil
}

// logSome declares retirements of one city with the evidence that there is.
func (d *demo) logSome(some []*demoLeaving) error {
	type taken struct {
		file store.File
		seen look
	}
	files := make([][]taken, len(some))
	for i, l := range some {
		if l.Fate == demostock.Lacking {
			continue
		}
		spec, _ := registry.SpecOf(l.class)
		way, _ := retirement.WayOf(spec, l.WayOut)
		for _, e := range way.Evidence {
			if e.Kind != "file" || !e.Required {
				continue
			}
			file, seen, err := d.take(Upload{Kind: e.Code, Name: fmt.Sprintf("%s%06d.png", e.Name.ZH, d.next()), Data: bytes.NewReader(d.photo())})
			if err != nil {
				return err
			}
			files[i] = append(files[i], taken{file, seen})
		}
	}
	clerk := d.users["clerk."+demoCity(some[0].city.Code)]
	return d.DB.Write(d.ctx, clerk, func(tx *store.Tx) error {
		for i, l := range some {
			for _, f := range files[i] {
				if _, err := d.attach(tx, l.assetID, f.file, f.seen); err != nil {
					return err
				}
			}
			now, err := d.examine(tx, l.assetID, nil, l.Declaration)
			if err != nil {
				return fmt.Errorf("%s %+v: %w", l.city.Name, l.Declaration, err)
			}
			c, err := d.declare(tx, now)
			if err != nil {
				return err
			}
			l.made = &c.Retirement
		}
		return nil
	})
}

// decideSome verifies retirements of one city, or returns them to the clerk.
func (d *demo) decideSome(some []*demoLeaving) error {
	reviewer := d.users["reviewer."+demoCity(some[0].city.Code)]
	return d.DB.Write(d.ctx, reviewer, func(tx *store.Tx) error {
		for _, l := range some {
			verify, reason := l.Fate == demostock.Verified, onPaper
			if !verify {
				reason = "示例：回收证明编号与扫描件不一致，请核对后重新提交"
			}
			if _, err := d.decideRetirement(tx, l.made.ID, l.made.Version, verify, reason); err != nil {
				return err
			}
		}
		return nil
	})
}

// tell says what is being loaded.
func (d *demo) tell(format string, args ...any) {
	if d.told != nil {
		d.told("  " + strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}
