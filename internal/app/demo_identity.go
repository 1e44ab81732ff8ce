package app

import (
	"errors"

	"phaseout/internal/access"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

// identities leaves work in the queues of each city: a truck that was entered
// twice with a slip, an attempt to register a retired one again, and an offer
// to the next city.
func (d *demo) identities() error {
	cities := d.Reference.Cities()
	for n, c := range cities {
		clerk := d.users["clerk."+demoCity(c.Code)]
		live, err := d.oneTruck(clerk, registry.InUse)
		if err != nil {
			return err
		}
		twin := formOf(live.Asset)
		twin["plate"], twin["engine_no"] = d.truck(c)["plate"], ""
		vin := []rune(twin["vin"])
		vin[16] = '0' + (vin[16]-'0'+1)%10
		twin["vin"] = string(vin)
		if _, err := d.RegisterAsset(d.ctx, clerk, NewAsset{registry.Truck, c.Code, twin}); err != nil {
			return err
		}
		gone, err := d.oneTruck(clerk, registry.Deregistered)
		if err != nil {
			return err
		}
		again := formOf(gone.Asset)
		again["plate"] = d.truck(c)["plate"]
		var refused *retiredSeen
		if _, err := d.RegisterAsset(d.ctx, clerk, NewAsset{registry.Truck, c.Code, again}); !errors.As(err, &refused) {
			return errors.Join(errors.New("app: a retired identity was not refused"), err)
		}
		moving, err := d.RegisterAsset(d.ctx, clerk, NewAsset{registry.Truck, c.Code, d.truck(c)})
		if err != nil {
			return err
		}
		if _, err := d.OfferTransfer(d.ctx, clerk, moving.ID, nil, cities[(n+1)%len(cities)].Code, "示例：车辆过户至外市企业"); err != nil {
			return err
		}
	}
	return nil
}

// oneTruck returns the first truck of the stories that has a status in the clerk's city.
func (d *demo) oneTruck(clerk access.Actor, status registry.Status) (store.AssetRecord, error) {
	filter := store.AssetFilter{Class: registry.Truck, Status: status}
	if city, _ := d.Reference.Region(clerk.Scope.City()); len(d.trucks) > 0 {
		filter.Q = city.PlatePrefix + "E"
	}
	list, err := d.DB.Assets(d.ctx, clerk.Scope, filter, store.Page{Limit: 1})
	if err != nil {
		return store.AssetRecord{}, err
	}
	if len(list) == 0 {
		return store.AssetRecord{}, fault.Missing()
	}
	return list[0], nil
}
