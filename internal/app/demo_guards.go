package app

import (
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/yard"
)

// yards registers the recyclers of the demonstration: of each city the two that
// its retirements name; of Changsha one whose licence ran out and one that is
// black-listed; and the account of a yard.
func (d *demo) yards() error {
	all := []registry.Class{registry.Truck, registry.Machinery, registry.FarmMachinery, registry.Vessel}
	for n, c := range d.Reference.Cities() {
		short := c.Name[:len(c.Name)-len("市")]
		for i, name := range []string{"示例再生资源有限公司", "演示报废车回收有限公司"} {
			lat, lon := int64(28_000_000+n*150_000+i*20_000), int64(112_400_000+n*120_000)
			_, err := d.CreateYard(d.ctx, d.users["province"], yard.Yard{Name: short + name, CreditCode: "91430100MA00000003", CityCode: c.Code, Classes: all, Address: c.Name + "演示路 1 号",
				LatE6: &lat, LonE6: &lon, CapacityPerMonth: int64(120 + 40*i), Licences: []yard.Licence{{Number: fmt.Sprintf("演示资质-%s-%d", c.Code, i+1), From: "2021-01-01", To: "2027-12-31"}}})
			if err != nil {
				return err
			}
		}
	}
	_, err := d.CreateYard(d.ctx, d.users["province"], yard.Yard{Name: "长沙过期样本回收有限公司", CreditCode: "91430100MA00000003", CityCode: "430100", Classes: all,
		Licences: []yard.Licence{{Number: "演示资质-过期", From: "2021-01-01", To: "2025-03-31"}}})
	if err != nil {
		return err
	}
	black, err := d.CreateYard(d.ctx, d.users["province"], yard.Yard{Name: "长沙失信样本回收有限公司", CreditCode: "91430100MA00000003", CityCode: "430100", Classes: all,
		Licences: []yard.Licence{{Number: "演示资质-失信", From: "2021-01-01", To: "2027-12-31"}}})
	if err != nil {
		return err
	}
	if _, err := d.BlockYard(d.ctx, d.users["province"], black.ID, black.Version, yard.Block{Kind: yard.Blacklisted, From: "2025-06-01", Reason: "演示：伪造回收证明"}); err != nil {
		return err
	}
	var own store.Yard
	return d.DB.Write(d.ctx, access.System("demo"), func(tx *store.Tx) (err error) {
		if own, err = tx.YardNamed("长沙示例再生资源有限公司"); err != nil {
			return err
		}
		clerk, err := tx.UserNamed("clerk.changsha")
		if err != nil {
			return err
		}
		return tx.CreateUser(&store.User{ID: newID(), Username: "yard.changsha", DisplayName: "长沙示例企业经办人", Role: access.Yard, ScopeCode: "430100", YardID: own.ID, PasswordHash: clerk.PasswordHash})
	})
}

// guards leaves a line that waits for the yard and a draw that was carried out.
func (d *demo) guards() error {
	waiting := retirement.Declaration{WayOut: "scrapped", Driver: "subsidy", Recycler: "长沙示例再生资源有限公司", CertificateNo: fmt.Sprintf("HS-430100-%05d", d.next())}
	if _, err := d.story("430100", d.next(), waiting); err != nil {
		return err
	}
	draw, err := d.CreateDraw(d.ctx, d.users["province"], NewDraw{Name: "演示：交叉检查", From: "2020-01-01", To: d.Today(), PerCity: 2})
	if err != nil {
		return err
	}
	_, err = d.CarryOutDraw(d.ctx, d.users["province"], draw.ID, draw.Version, "")
	return err
}

// story registers a truck of a city under a number and declares what became of it.
func (d *demo) story(city string, number int, declaration retirement.Declaration) (Case, error) {
	asset, err := d.marked(city, number)
	if err != nil {
		return Case{}, err
	}
	return d.DeclareRetirement(d.ctx, d.users["clerk."+demoCity(city)], asset.ID, nil, declaration)
}
