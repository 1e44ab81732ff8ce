package app

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math/rand/v2"

	"phaseout/internal/access"
	"phaseout/internal/auth"
	"phaseout/internal/bilingual"
	"phaseout/internal/civil"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
	"phaseout/internal/target"
)

// demo loads the demonstration through the use cases, so that it obeys the
// rules and leaves its trail in the audit. Nobody real is in it: numbers use
// the area code 439900, which GB/T 2260 does not assign.
type demo struct {
	*App
	ctx    context.Context
	random *rand.Rand
	users  map[string]access.Actor
	serial int
	told   func(line string) // what is being loaded; may be nil
	trucks map[string]int    // of the stock, by city; empty for the stories alone

	pictures pictureBuffer
}

// pictureBuffer is the one buffer with which pictures are encoded.
type pictureBuffer struct{ kept *png.EncoderBuffer }

// Get gives the buffer out.
func (p *pictureBuffer) Get() *png.EncoderBuffer { return p.kept }

// Put takes it back.
func (p *pictureBuffer) Put(b *png.EncoderBuffer) { p.kept = b }

// Demo says how a demonstration is loaded.
type Demo struct {
	Assets int               // in all; the stories alone if it is less than they have
	Told   func(line string) // is told what is being loaded, if it is not nil
}

// HasDemo reports whether the demonstration is loaded.
func (a *App) HasDemo(ctx context.Context) (bool, error) {
	events, err := a.DB.Events(ctx, access.Whole(), store.EventFilter{Entity: "demo", Limit: 1})
	return len(events) > 0, err
}

// LoadDemo loads the demonstration, once. It puts the clock of the database back
// while it does, so that nothing else may use it.
func (a *App) LoadDemo(ctx context.Context, files fs.FS, how Demo) error {
	if loaded, err := a.HasDemo(ctx); err != nil || loaded {
		return err
	}
	d := &demo{App: a, ctx: ctx, random: rand.New(rand.NewPCG(2025, 12)), users: map[string]access.Actor{}, told: how.Told, trucks: map[string]int{}}
	defer func(b *store.Blobs) { a.Blobs = b }(a.Blobs)
	a.Blobs = a.Blobs.Unsynced()
	for _, step := range []func() error{
		d.accounts, func() error { return d.background(how.Assets) }, d.targets, d.programs,
		func() error { return d.sheet(files, registry.Machinery, "430200", "machinery-zhuzhou.xlsx") },
		func() error { return d.sheet(files, registry.Vessel, "430600", "vessels-yueyang.csv") },
		d.yards, d.stock, d.baselines, d.payments, d.identities, d.retirements, d.weeks, d.guards, d.frauds, d.queue, d.void, d.plans, d.definitions, d.replaced,
	} {
		if err := step(); err != nil {
			return fmt.Errorf("app: load the demonstration: %w", err)
		}
	}
	return a.DB.Write(ctx, access.System("demo"), func(tx *store.Tx) error {
		return tx.Record(store.Event{Action: "load", Entity: "demo", EntityID: "demo"}, nil, nil)
	})
}

func (d *demo) accounts() error {
	hash, err := auth.Hash(DemoPassword)
	if err != nil {
		return err
	}
	return d.DB.Write(d.ctx, access.System("demo"), func(tx *store.Tx) error {
		for _, a := range DemoAccounts() {
			u := store.User{ID: newID(), Username: a.Username, DisplayName: a.Name, Role: a.Role, ScopeCode: a.Scope, PasswordHash: hash}
			if err := tx.CreateUser(&u); err != nil {
				return err
			}
			d.users[a.Username] = u.Actor("", "demo")
		}
		return nil
	})
}

// targets sets a sample target for the trucks of each city: the plan gives no
// number, so these say that they are examples.
func (d *demo) targets() error {
	value := int64(6000)
	for _, c := range d.Reference.Cities() {
		_, err := d.CreateTarget(d.ctx, access.System("demo"), target.Target{Code: "R1", Clause: "（十一）柴油货车清洁化行动", Class: registry.Truck, CityCode: c.Code,
			Kind: "hard", Measure: "share", Value: &value, DueOn: "2025-12-31", BaselineOn: "2021-12-31", Definition: target.Definition{Code: "deregistered", Revision: 1},
			ResponsibleUnit: c.Name + "生态环境局", Document: "演示：方案未给出数量，此处按基准存量的 60% 示例", State: "in_force", Sample: true})
		if err != nil {
			return err
		}
	}
	return nil
}

// programs sets up a sample program for the trucks of each city, with the
// bands of the national scheme of 2024 for early scrapping (amounts from
// memory, unverified; light trucks are our own example).
func (d *demo) programs() error {
	months := func(n int) *int { return &n }
	yuan := func(n int64) money.Fen { return money.Fen(n * 100) }
	for i, c := range d.Reference.Cities() {
		budget, notice := yuan(3_000_000), 0
		switch i {
		case 4:
			notice = 5
		case 5:
			budget = yuan(50_000) // so that somebody has to wait
		}
		_, err := d.CreateProgram(d.ctx, access.System("demo"), subsidy.Program{Code: "EARLY-TRUCK", Revision: 1, CityCode: c.Code, Class: registry.Truck, Sample: true,
			Name:     bilingual.T(c.Name+"老旧柴油货车提前淘汰补贴（示例）", c.NameEN+" early retirement of old diesel trucks (example)"),
			Document: "示例方案：分档参照交规划发〔2024〕90号，金额未经核实", ValidFrom: "2024-07-31", ValidTo: "2026-12-31", Basis: "deregistered_on", BudgetFen: budget, NoticeDays: notice,
			Rules: subsidy.Rules{Stages: []string{"china0", "china1", "china2", "china3"}, MinEarlyMonths: 12, Table: []subsidy.Rate{
				{Group: "heavy", FromMonths: 12, ToMonths: months(24), AmountFen: yuan(12_000)}, {Group: "heavy", FromMonths: 24, ToMonths: months(48), AmountFen: yuan(35_000)},
				{Group: "heavy", FromMonths: 48, AmountFen: yuan(45_000)},
				{Group: "medium", FromMonths: 12, ToMonths: months(24), AmountFen: yuan(10_000)}, {Group: "medium", FromMonths: 24, ToMonths: months(48), AmountFen: yuan(18_000)},
				{Group: "medium", FromMonths: 48, AmountFen: yuan(25_000)},
				{Group: "light", FromMonths: 12, AmountFen: yuan(6_000)},
			}}})
		if err != nil {
			return err
		}
	}
	return nil
}

// sheet imports one of the sample sheets as its city's clerk would.
func (d *demo) sheet(files fs.FS, class registry.Class, city, name string) error {
	data, err := fs.ReadFile(files, "demo/"+name)
	if err != nil {
		return err
	}
	clerk := d.users["clerk."+demoCity(city)]
	_, err = d.ImportSheet(d.ctx, clerk, class, city, name, bytes.NewReader(data), "valid_rows")
	return err
}

// stock registers assets in each city and retires a part of them, at every
// stage of the way out.
func (d *demo) stock() error {
	for _, c := range d.Reference.Cities() {
		for _, lot := range []struct {
			class registry.Class
			n     int
			make  func(city registry.Region) map[string]string
		}{{registry.Truck, 60, d.truck}, {registry.Machinery, 24, d.machine}, {registry.FarmMachinery, 18, d.farmMachine}, {registry.Vessel, 10, d.vessel}} {
			for i := range lot.n {
				clerk := d.users["clerk."+demoCity(c.Code)]
				asset, err := d.RegisterAsset(d.ctx, clerk, NewAsset{lot.class, c.Code, lot.make(c)})
				if err != nil {
					return err
				}
				if i%5 < 2 {
					if err := d.retire(clerk, c, asset.AssetRecord, i); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func (d *demo) pick(options ...string) string { return options[d.random.IntN(len(options))] }

func (d *demo) next() int { d.serial++; return d.serial }

func (d *demo) district(city registry.Region) string {
	districts := d.Reference.Districts(city.Code)
	return districts[d.random.IntN(len(districts))].Code
}

func (d *demo) owner(city registry.Region, fields map[string]string) map[string]string {
	if d.random.IntN(2) == 0 {
		fields["owner_name"] = city.Name[:len(city.Name)-len("市")] + d.pick("示例", "样本", "演示") + d.pick("运输", "物流", "工程", "商贸") + "有限公司"
	} else {
		fields["owner_name"] = d.pick("张", "王", "李", "刘", "陈", "杨", "黄", "周") + d.pick("示", "样", "例") + d.pick("一", "二", "三", "四", "五")
	}
	fields["owner_phone"] = fmt.Sprintf("1990000%04d", d.random.IntN(10000))
	fields["district"] = d.district(city)
	return fields
}

func (d *demo) day(from civil.Day, days int) civil.Day { return from.AddDays(d.random.IntN(days)) }

func (d *demo) truck(city registry.Region) map[string]string {
	n := d.next()
	group := d.pick("heavy", "heavy", "medium", "light")
	mass := map[string]int{"heavy": 25000, "medium": 8000, "light": 3500}[group]
	registered := d.day("2009-01-01", 1700)
	return d.owner(city, map[string]string{"plate": fmt.Sprintf("%s%c%04d", city.PlatePrefix, 'E'+rune(n/10000), n%10000), "plate_kind": "01",
		"vin": demoVIN(n), "engine_no": fmt.Sprintf("YD%06d", n), "category": group + "_" + d.pick("plain", "van", "dump"), "model": d.pick("东风牌EQ1160", "解放牌CA4250", "福田牌BJ1043"),
		"use": d.pick("freight", "freight", "non_operating"), "fuel": "diesel", "stage": d.pick("china3", "china3", "china3", "china2"), "gross_mass_kg": fmt.Sprint(mass + d.random.IntN(900)),
		"registered_on": string(registered), "scrap_due_on": string(registered.AddYears(15)), "police_status": "正常"})
}

// demoVIN returns a valid VIN that no maker issued.
func demoVIN(n int) string {
	v := fmt.Sprintf("LZZDEMZ40%c%c%06d", 'A'+rune(n%5), 'A'+rune(n/5%5), n)
	for digit := range 11 {
		candidate := v[:8] + string("0123456789X"[digit]) + v[9:]
		if registry.GoodVIN(candidate) {
			return candidate
		}
	}
	return v
}

func (d *demo) machine(city registry.Region) map[string]string {
	n := d.next()
	return d.owner(city, map[string]string{"category": d.pick("excavator", "loader", "forklift", "roller", "bulldozer"), "serial": fmt.Sprintf("YS%07d", n),
		"engine_no": fmt.Sprintf("YE%06d", n), "model": d.pick("PC200-6", "ZL50G", "CPCD30"), "power_kw": fmt.Sprint(40 + d.random.IntN(160)), "fuel": "diesel",
		"stage": d.pick("china1", "china1", "china0"), "built_on": string(d.day("2000-01-01", 3200))})
}

func (d *demo) farmMachine(city registry.Region) map[string]string {
	n := d.next()
	return d.owner(city, map[string]string{"category": d.pick("wheeled_large", "wheeled_small", "combine", "walking"), "serial": fmt.Sprintf("YN%07d", n),
		"model": d.pick("东方红-LX954", "雷沃M904"), "power_kw": fmt.Sprint(15 + d.random.IntN(80)), "fuel": "diesel", "stage": d.pick("china1", "china2", "china0"), "built_on": string(d.day("2003-01-01", 3000))})
}

func (d *demo) vessel(city registry.Region) map[string]string {
	n := d.next()
	short := city.Name[:len(city.Name)-len("市")]
	built := d.day("1990-01-01", 5000)
	return d.owner(city, map[string]string{"ship_name": fmt.Sprintf("湘%s货演%04d", short, n), "ship_id": fmt.Sprintf("CN%d9%06d", built.Year(), n),
		"category": d.pick("bulk", "sand", "general", "tanker"), "gross_tonnage": fmt.Sprint(200 + d.random.IntN(1500)), "fuel": "diesel", "built_on": string(built), "home_port": short})
}

// onPaper is why a retirement that was logged from its papers is verified
// without the photos from before its dismantling.
const onPaper = "示例：凭纸质档案补录，拆解前照片存于原档"

// retire takes an asset one of several ways: most are verified, some wait for
// a review, some lack evidence or were returned, some moved out or were converted.
func (d *demo) retire(clerk access.Actor, city registry.Region, a store.AssetRecord, i int) error {
	today := d.Today()
	handed := min(d.day("2023-02-01", 1000), today.AddDays(-30))
	declaration := retirement.Declaration{WayOut: "scrapped", Driver: d.pick("subsidy", "traffic_ban", "natural"), HandedInOn: handed, DismantledOn: handed.AddDays(9),
		DeregisteredOn: handed.AddDays(15), Recycler: city.Name[:len(city.Name)-len("市")] + d.pick("示例再生资源有限公司", "演示报废车回收有限公司"),
		CertificateNo: fmt.Sprintf("HS-%s-%05d", city.Code, d.next())}
	fate := i / 5 % 8
	switch {
	case fate == 5 && a.Class == registry.Machinery:
		declaration.WayOut, declaration.EngineStage, declaration.EngineNo = "re_engined", "china4", fmt.Sprintf("YG4%06d", d.next())
	case fate == 6:
		declaration.WayOut = "moved_out"
	case fate == 7:
		declaration.DismantledOn, declaration.DeregisteredOn = "", ""
	}
	c, err := d.DeclareRetirement(d.ctx, clerk, a.ID, nil, declaration)
	if err != nil || fate == 4 || fate == 7 {
		return err
	}
	if fate == 3 { // some of the evidence only
		_, err := d.AttachFile(d.ctx, clerk, a.ID, Upload{Kind: "certificate", Name: fmt.Sprintf("回收证明%04d.png", d.serial), Data: bytes.NewReader(d.photo())})
		return err
	}
	for _, item := range retirement.Missing(c.Evidence) {
		if _, err := d.AttachFile(d.ctx, clerk, a.ID, Upload{Kind: item.Code, Name: fmt.Sprintf("%s%04d.png", item.Name.ZH, d.serial), Data: bytes.NewReader(d.photo())}); err != nil {
			return err
		}
	}
	r, err := d.DB.Retirement(d.ctx, clerk.Scope, c.ID)
	if err != nil {
		return err
	}
	_, err = d.DecideRetirement(d.ctx, d.users["reviewer."+demoCity(city.Code)], r.ID, r.Version, true, onPaper)
	return err
}

// photo draws a picture that no other has, and that does not look like another
// either: a grid of greys of its own. It is below the size at which photos are
// compared, so that hundreds of them load quickly; those of frauds are not.
func (d *demo) photo() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 48, 32))
	ground := [3]int{d.random.IntN(90), d.random.IntN(90), d.random.IntN(90)}
	greys := rand.New(rand.NewPCG(uint64(d.serial), uint64(ground[0]<<16+ground[1]<<8+ground[2])))
	var grid [12 * 8]uint8
	for i := range grid {
		grid[i] = uint8(greys.IntN(200))
	}
	for y := range 32 {
		for x := range 48 {
			g := grid[y/4*12+x/4]
			img.SetRGBA(x, y, color.RGBA{g + uint8(ground[0]/3), g + uint8(ground[1]/3), g + uint8(ground[2]/3), 255})
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &d.pictures}).Encode(&b, img); err != nil {
		return nil
	}
	return b.Bytes()
}
