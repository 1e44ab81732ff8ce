package api_test

import (
	"os"
	"strings"
	"testing"

	"phaseout/internal/app"
)

// TestWholeDemonstration proves F90 on SQLite: the demonstration has 50,000
// assets over six cities, the same ones every time; in them the product finds the
// frauds of the answer key and nothing else, no queue is flooded, every check of
// the program is sound, and the database stays of a sane size.
func TestWholeDemonstration(t *testing.T) {
	size := app.DemoAssets
	if underRace || testing.Short() {
		size = 4_000
	}
	path := t.TempDir() + "/whole.db"
	d := demonstration{site: demoSite(t, "sqlite:"+path, size), key: readFraudKey(t)}
	d.counts(size)
	d.desks()
	d.certificates()
	d.answersTheKey()
	if info, err := os.Stat(path); err != nil || info.Size() > int64(size)*20<<10 {
		t.Errorf("the database has %d bytes for %d assets: %v", info.Size(), size, err)
	}
}

// wholeDemo is what the six cities have of trucks, machines, farm machines and
// vessels; demostock.TestStockIsTheSameEveryTime holds each row.
var wholeDemo = map[string][4]int{
	"430100": {9489, 3024, 518, 160}, "430200": {5079, 1867, 568, 80}, "430300": {3974, 1024, 468, 120},
	"430600": {6087, 1324, 968, 885}, "430700": {5780, 1224, 1418, 270}, "430900": {3769, 724, 918, 262},
}

// counts compares what is there with the figures above: the seed is fixed.
func (d demonstration) counts(size int) {
	classes := []string{"truck", "machinery", "farm_machinery", "vessel"}
	cities, all := map[string][4]int{}, 0
	for k, class := range classes {
		for _, a := range d.pages("province", "/assets?class="+class) {
			of := cities[a["city_code"].(string)]
			of[k]++
			cities[a["city_code"].(string)], all = of, all+1
		}
	}
	if all != size || len(cities) != 6 {
		d.t.Errorf("%d assets in %d cities, want %d in six", all, len(cities), size)
	}
	for city, of := range cities {
		if of[0] < of[1]+of[2]+of[3] && size == app.DemoAssets {
			d.t.Errorf("%s: trucks are not the most: %v", city, of)
		}
		if size == app.DemoAssets && of != wholeDemo[city] {
			d.t.Errorf("%s has %v, want %v", city, of, wholeDemo[city])
		}
	}
}

// desks looks at what waits for people: what the stories leave, and of the stock
// no more than some weeks of work.
func (d demonstration) desks() {
	if n := len(d.pages("province", "/duplicates?state=open")); n != 6 {
		d.t.Errorf("%d pairs are asked about, want those of the stories, 6", n)
	}
	retired := len(d.pages("province", "/retirements"))
	for _, state := range []string{"declared", "returned"} {
		if n := len(d.pages("province", "/retirements?state="+state)); n > 110+retired/25 {
			d.t.Errorf("%d of %d retirements are %s", n, retired, state)
		}
	}
	if late := len(d.pages("province", "/overdue-retirements")); late > retired/40+120 {
		d.t.Errorf("%d of %d retirements are overdue", late, retired)
	}
}

// certificates looks at the reports of the stock's yards, which have neither
// gaps nor bursts.
func (d demonstration) certificates() {
	n := 0
	for _, y := range d.pages("province", "/yards") {
		if !strings.Contains(y["name"].(string), "模拟") {
			continue
		}
		n++
		report := d.send("province", "GET", "/yards/"+y["id"].(string)+"/report", nil).want(200)
		if report.get("gaps.0") != nil || report.get("bursts.0") != nil {
			d.t.Errorf("%s: %s", y["name"], report.Body)
		}
	}
	if n != 22 {
		d.t.Errorf("%d yards of the stock", n)
	}
}
