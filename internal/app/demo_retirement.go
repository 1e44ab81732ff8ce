package app

import (
	"bytes"
	"fmt"

	"phaseout/internal/registry"
	"phaseout/internal/retirement"
)

// retirements leaves one truck of each city at each step of the way out: declared
// only, handed in and overdue, waiting for a waiver before its dismantling, and,
// verified, waiting for a correction; one has an open pre-check.
func (d *demo) retirements() error {
	today := d.Today()
	for _, c := range d.Reference.Cities() {
		clerk := d.users["clerk."+demoCity(c.Code)]
		recycler := c.Name[:len(c.Name)-len("市")] + "示例再生资源有限公司"
		declare := func(declaration retirement.Declaration) (Case, error) {
			truck, err := d.RegisterAsset(d.ctx, clerk, NewAsset{registry.Truck, c.Code, d.truck(c)})
			if err != nil {
				return Case{}, err
			}
			declaration.WayOut = "scrapped"
			return d.DeclareRetirement(d.ctx, clerk, truck.ID, nil, declaration)
		}
		certificate := func() string { return fmt.Sprintf("HS-%s-%05d", c.Code, d.next()) }
		waiting, err := declare(retirement.Declaration{Driver: "natural"})
		if err != nil {
			return err
		}
		_, err = d.PutPreCheck(d.ctx, clerk, waiting.AssetID, retirement.PreCheck{Kind: "mortgage", State: retirement.CheckOpen, Source: "示例：车管所窗口查询", CheckedOn: today.AddDays(-2), Note: "抵押未解除"})
		if err != nil {
			return err
		}
		if _, err := declare(retirement.Declaration{Driver: "traffic_ban", HandedInOn: today.AddDays(-120), Recycler: recycler, CertificateNo: certificate()}); err != nil {
			return err
		}
		inYard, err := declare(retirement.Declaration{Driver: "subsidy", HandedInOn: today.AddDays(-20), Recycler: recycler, CertificateNo: certificate()})
		if err != nil {
			return err
		}
		if _, err := d.AskRetirement(d.ctx, clerk, inYard.ID, retirement.Request{Kind: retirement.Waiver, Item: "photo_engine", Reason: "示例：发动机在交车前已单独拆下，无法补拍"}); err != nil {
			return err
		}
		gone, err := declare(retirement.Declaration{Driver: "subsidy", HandedInOn: today.AddDays(-60), DismantledOn: today.AddDays(-50), DeregisteredOn: today.AddDays(-45), Recycler: recycler, CertificateNo: certificate()})
		if err != nil {
			return err
		}
		if _, err := d.AttachFile(d.ctx, clerk, gone.AssetID, Upload{Kind: "photo", Name: fmt.Sprintf("拆解照片%04d.png", d.serial), Data: bytes.NewReader(d.photo())}); err != nil {
			return err
		}
		r, err := d.DB.Retirement(d.ctx, clerk.Scope, gone.ID)
		if err != nil {
			return err
		}
		if _, err := d.DecideRetirement(d.ctx, d.users["reviewer."+demoCity(c.Code)], r.ID, r.Version, true, onPaper); err != nil {
			return err
		}
		corrected := r.Declaration
		corrected.DeregisteredOn = corrected.DeregisteredOn.AddDays(-3)
		if _, err := d.AskRetirement(d.ctx, clerk, r.ID, retirement.Request{Kind: retirement.Correction, After: corrected, Reason: "示例：注销日期按注销证明书更正"}); err != nil {
			return err
		}
	}
	return nil
}
