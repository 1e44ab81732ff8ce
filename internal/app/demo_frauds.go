package app

import (
	"bytes"
	"fmt"
	"image"
	"strings"
	"time"

	"phaseout/internal/civil"
	"phaseout/internal/photo"
	"phaseout/internal/photo/scene"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
)

// frauds does what a scheme of this kind is cheated with. What it does is listed
// in seeds/demo/frauds.key.json; a test holds the product to finding exactly that.
// Its trucks have plates of their own, so that the key outlives changes elsewhere.
func (d *demo) frauds() error {
	for _, fraud := range []func() error{d.copiedPhoto, d.samePhotoTwice, d.impossiblePhoto, d.seenAtAGate, d.yardsList} {
		if err := fraud(); err != nil {
			return err
		}
	}
	return nil
}

// copiedPhoto is a photo of Zhuzhou, cropped and mirrored, on a truck of Changsha.
func (d *demo) copiedPhoto() error {
	img := scene.Draw(scene.Scene{Place: 71, Subject: 72, Noise: 73}, 640, 427)
	if err := d.photographed("430200", 9001, photo.WithFacts(jpegOf(img), "2025:11:21 09:30:00", 28.15, 112.52)); err != nil {
		return err
	}
	return d.photographed("430100", 9002, jpegOf(mirrorCrop(img)))
}

// samePhotoTwice is one file on two trucks of Yueyang.
func (d *demo) samePhotoTwice() error {
	shot := photo.WithFacts(jpegOf(scene.Draw(scene.Scene{Place: 74, Subject: 75, Noise: 76}, 640, 427)), "2025:11:22 10:00:00", 28.45, 112.76)
	if err := d.photographed("430600", 9003, shot); err != nil {
		return err
	}
	return d.photographed("430600", 9004, shot)
}

// impossiblePhoto shows the remains before the truck was handed in, far from the yard.
func (d *demo) impossiblePhoto() error {
	img := scene.Draw(scene.Scene{Place: 77, Subject: 78, Noise: 79}, 640, 427)
	return d.photographed("430300", 9005, photo.WithFacts(jpegOf(img), "2025:11:02 16:20:00", 29.37, 113.09))
}

// seenAtAGate is a truck that was handed in and drives all the same.
func (d *demo) seenAtAGate() error {
	gone, err := d.story("430200", 9006, d.handedIn("430200", 9006))
	if err != nil {
		return err
	}
	seen := Seen{Ref: "demo-1", Value: gone.AssetLabel, At: d.Today().Start().Add(-30 * time.Hour), Place: "演示门禁"}
	_, err = d.ReportSightings(d.ctx, d.users["clerk.zhuzhou"], "gate", "430200", []Seen{seen})
	return err
}

// yardsList is a list of a month: a certificate that another truck has, one that
// stands in it twice, a yard whose licence ran out and one that is black-listed.
func (d *demo) yardsList() error {
	on, city := d.handedIn("430100", 0).HandedInOn, "430100"
	const good = "长沙示例再生资源有限公司"
	text := "号牌号码,交售日期,回收证明编号,回收拆解企业\n"
	for _, row := range []struct {
		number, certificate int
		recycler            string
	}{{9011, 89011, good}, {9012, 9002 + 80000, good}, {9013, 89011, good}, {9014, 89014, "长沙过期样本回收有限公司"}, {9015, 89015, "长沙失信样本回收有限公司"}} {
		truck, err := d.marked(city, row.number)
		if err != nil {
			return err
		}
		text += fmt.Sprintf("%s,%s,HS-%s-%05d,%s\n", truck.Label, on, city, row.certificate, row.recycler)
	}
	list, err := d.UploadList(d.ctx, d.users["clerk.changsha"], registry.Truck, city, "演示：回收企业月报.csv", retirement.Declaration{WayOut: "scrapped"}, strings.NewReader(text))
	if err != nil {
		return err
	}
	return d.RunImport(d.ctx, list.ID)
}

// photographed is a truck that its city's yard took in, with a photo of what is left.
func (d *demo) photographed(city string, number int, shot []byte) error {
	c, err := d.story(city, number, d.handedIn(city, number))
	if err != nil {
		return err
	}
	_, err = d.AttachFile(d.ctx, d.users["clerk."+demoCity(city)], c.AssetID, Upload{Kind: "photo", Name: "解体残骸.jpg", Data: bytes.NewReader(shot)})
	return err
}

// handedIn declares that the city's own yard took a truck, under a certificate
// whose last digits are the truck's number.
func (d *demo) handedIn(city string, number int) retirement.Declaration {
	region, _ := d.Reference.Region(city)
	return retirement.Declaration{WayOut: "scrapped", Driver: "subsidy", HandedInOn: min(civil.Day("2025-11-20"), d.Today().AddDays(-10)),
		Recycler: strings.TrimSuffix(region.Name, "市") + "示例再生资源有限公司", CertificateNo: fmt.Sprintf("HS-%s-%05d", city, 80000+number)}
}

// marked registers a truck of a city whose plate ends in a number, such as 湘AF9001.
func (d *demo) marked(city string, number int) (Checked, error) {
	region, _ := d.Reference.Region(city)
	fields := d.truck(region)
	fields["plate"], fields["vin"] = fmt.Sprintf("%sF%04d", region.PlatePrefix, number), demoVIN(number)
	return d.RegisterAsset(d.ctx, d.users["clerk."+demoCity(city)], NewAsset{registry.Truck, city, fields})
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
