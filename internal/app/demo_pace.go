package app

import (
	"bytes"
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/pace"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
)

// demoPace is how many trucks a city retires in a usual week; one city stands still.
var demoPace = map[string]int{"430100": 2, "430200": 1, "430300": 1, "430600": 1, "430700": 1, "430900": 0}

// weeks lets each city retire trucks week by week until the end of 2025, so that
// its pace and its forecast rest on something. They leave in the year before
// their mandatory scrapping date, too late for the early subsidy.
func (d *demo) weeks() error {
	end := min(d.Today(), civil.Day("2025-12-31"))
	for _, c := range d.Reference.Cities() {
		for week := range pace.Weeks {
			for range d.random.IntN(2*demoPace[c.Code] + 1) {
				if err := d.scrapped(c, end.AddDays(-7*week-d.random.IntN(7))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// scrapped registers a truck and takes it the whole way out, deregistered on a day.
func (d *demo) scrapped(city registry.Region, on civil.Day) error {
	fields := d.truck(city)
	_, err := d.leave(city, fields, on.AddYears(-15).AddDays(d.random.IntN(300)), on)
	return err
}

// leave registers a truck of a first registration day and takes it the whole
// way out, verified.
func (d *demo) leave(city registry.Region, fields map[string]string, registered, on civil.Day) (Case, error) {
	var none Case
	clerk, reviewer := d.users["clerk."+demoCity(city.Code)], d.users["reviewer."+demoCity(city.Code)]
	fields["registered_on"], fields["scrap_due_on"] = string(registered), string(registered.AddYears(15))
	asset, err := d.RegisterAsset(d.ctx, clerk, NewAsset{registry.Truck, city.Code, fields})
	if err != nil {
		return none, err
	}
	recycler := city.Name[:len(city.Name)-len("市")] + "示例再生资源有限公司"
	if yards, err := d.DB.Yards(d.ctx, clerk.Scope, store.YardFilter{Class: registry.Truck, Q: "示例"}, store.Page{Limit: 1}); err != nil {
		return none, err
	} else if len(yards) > 0 {
		recycler = yards[0].Name
	}
	return d.verified(clerk, reviewer, asset.ID, retirement.Declaration{WayOut: "scrapped", Driver: d.pick("subsidy", "traffic_ban", "natural"), HandedInOn: on.AddDays(-15),
		DismantledOn: on.AddDays(-6), DeregisteredOn: on, Recycler: recycler, CertificateNo: fmt.Sprintf("HS-%s-%05d", city.Code, d.next())})
}

// verified takes an asset out of service with all that proves it, reviewed.
func (d *demo) verified(clerk, reviewer access.Actor, assetID string, declared retirement.Declaration) (Case, error) {
	c, err := d.DeclareRetirement(d.ctx, clerk, assetID, nil, declared)
	if err != nil {
		return Case{}, err
	}
	for _, item := range retirement.Missing(c.Evidence) {
		if _, err := d.AttachFile(d.ctx, clerk, assetID, Upload{Kind: item.Code, Name: fmt.Sprintf("%s%04d.png", item.Name.ZH, d.serial), Data: bytes.NewReader(d.photo())}); err != nil {
			return Case{}, err
		}
	}
	r, err := d.DB.Retirement(d.ctx, clerk.Scope, c.ID)
	if err != nil {
		return Case{}, err
	}
	return d.DecideRetirement(d.ctx, reviewer, r.ID, r.Version, true, onPaper)
}
