package app

import (
	"bytes"
	"fmt"
	"image"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/civil"
	"phaseout/internal/photo"
	"phaseout/internal/photo/scene"
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

// guards tells the story of the guards: a photo that was used in another city
// before, cropped and mirrored; a truck that was handed in and is seen at a gate;
// a line that waits for the yard; a draw that was carried out.
func (d *demo) guards() error {
	img := scene.Draw(scene.Scene{Place: 71, Subject: 72, Noise: 73}, 640, 427)
	first, err := d.declared("430200", "株洲示例再生资源有限公司")
	if err != nil {
		return err
	}
	taken := photo.WithFacts(jpegOf(img), "2025:11:21 09:30:00", 28.15, 112.52)
	if _, err := d.AttachFile(d.ctx, d.users["clerk.zhuzhou"], first.AssetID, Upload{Kind: "photo", Name: "解体残骸.jpg", Data: bytes.NewReader(taken)}); err != nil {
		return err
	}
	second, err := d.declared("430100", "长沙示例再生资源有限公司")
	if err != nil {
		return err
	}
	copied := jpegOf(mirrorCrop(img))
	if _, err := d.AttachFile(d.ctx, d.users["clerk.changsha"], second.AssetID, Upload{Kind: "photo", Name: "拆解后.jpg", Data: bytes.NewReader(copied)}); err != nil {
		return err
	}
	if _, err := d.waiting("430100", "长沙示例再生资源有限公司"); err != nil {
		return err
	}
	seen := Seen{Ref: "demo-1", Value: first.AssetLabel, At: d.Today().Start().Add(-30 * time.Hour), Place: "演示门禁"}
	if _, err := d.ReportSightings(d.ctx, d.users["clerk.zhuzhou"], "gate", "430200", []Seen{seen}); err != nil {
		return err
	}
	draw, err := d.CreateDraw(d.ctx, d.users["province"], NewDraw{Name: "演示：交叉检查", From: "2020-01-01", To: d.Today(), PerCity: 2})
	if err != nil {
		return err
	}
	_, err = d.CarryOutDraw(d.ctx, d.users["province"], draw.ID, draw.Version, "")
	return err
}

// declared registers a truck of a city and declares that a yard took it.
func (d *demo) declared(city, recycler string) (Case, error) {
	return d.story(city, retirement.Declaration{WayOut: "scrapped", Driver: "subsidy", HandedInOn: min(civil.Day("2025-11-20"), d.Today().AddDays(-10)), Recycler: recycler, CertificateNo: fmt.Sprintf("HS-%s-%05d", city, d.next())})
}

// waiting is a truck that is declared and waits for its yard.
func (d *demo) waiting(city, recycler string) (Case, error) {
	return d.story(city, retirement.Declaration{WayOut: "scrapped", Driver: "subsidy", Recycler: recycler, CertificateNo: fmt.Sprintf("HS-%s-%05d", city, d.next())})
}

func (d *demo) story(city string, declaration retirement.Declaration) (Case, error) {
	region, _ := d.Reference.Region(city)
	clerk := d.users["clerk."+demoCity(city)]
	asset, err := d.RegisterAsset(d.ctx, clerk, NewAsset{registry.Truck, city, d.truck(region)})
	if err != nil {
		return Case{}, err
	}
	return d.DeclareRetirement(d.ctx, clerk, asset.ID, nil, declaration)
}

// mirrorCrop is what somebody makes of another record's photo.
func mirrorCrop(img *image.RGBA) image.Image {
	b := img.Bounds()
	left, top, w, h := b.Dx()/10, b.Dy()/12, b.Dx()*8/10, b.Dy()*17/20
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			out.Set(w-1-x, y, img.At(left+x, top+y))
		}
	}
	return out
}
