// Package apptest gives tests the whole program below HTTP on a real database:
// reference data, accounts, and builders for the records a test needs.
package apptest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/auth"
	"phaseout/internal/civil"
	"phaseout/internal/jobs"
	"phaseout/internal/money"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/seal"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
	"phaseout/internal/subsidy"
	"phaseout/seeds"
)

// Password is that of every account of a test.
const Password = "correct horse battery staple"

// Fixture is the program of one test.
type Fixture struct {
	*app.App
	T      testing.TB
	URL    string
	Clock  *storetest.Clock
	Users  map[string]access.Actor // by user name, as Accounts has them
	serial atomic.Int64

	FilesDir string // where the bytes of files lie
}

// Accounts are those of every fixture: two cities, so that each can be the
// other's foreign city, and a district.
var Accounts = []app.DemoAccount{
	{Username: "clerk.changsha", Name: "Clerk A", Role: access.Clerk, Scope: "430100"}, {Username: "clerk2.changsha", Name: "Clerk A2", Role: access.Clerk, Scope: "430100"},
	{Username: "reviewer.changsha", Name: "Reviewer A", Role: access.Reviewer, Scope: "430100"},
	{Username: "finance.changsha", Name: "Finance A", Role: access.Finance, Scope: "430100"}, {Username: "finance2.changsha", Name: "Finance A2", Role: access.Finance, Scope: "430100"},
	{Username: "clerk.yuelu", Name: "Clerk of a district", Role: access.Clerk, Scope: "430104"},
	{Username: "clerk.zhuzhou", Name: "Clerk B", Role: access.Clerk, Scope: "430200"}, {Username: "reviewer.zhuzhou", Name: "Reviewer B", Role: access.Reviewer, Scope: "430200"},
	{Username: "finance.zhuzhou", Name: "Finance B", Role: access.Finance, Scope: "430200"}, {Username: "finance2.zhuzhou", Name: "Finance B2", Role: access.Finance, Scope: "430200"},
	{Username: "province", Name: "Province", Role: access.Province, Scope: "430000"}, {Username: "auditor", Name: "Auditor", Role: access.Auditor, Scope: "430000"},
	{Username: "admin", Name: "Administrator", Role: access.Admin, Scope: "430000"},
	{Username: "finance3.changsha", Name: "Finance A3", Role: access.Finance, Scope: "430100"}, {Username: "finance4.changsha", Name: "Finance A4", Role: access.Finance, Scope: "430100"},
	{Username: "finance3.zhuzhou", Name: "Finance B3", Role: access.Finance, Scope: "430200"},
	{Username: "finance4.zhuzhou", Name: "Finance B4", Role: access.Finance, Scope: "430200"},
	{Username: "province2", Name: "Province 2", Role: access.Province, Scope: "430000"},
}

// New opens a fresh program on the database of the URL.
func New(t testing.TB, url string) *Fixture {
	t.Helper()
	f := &Fixture{T: t, URL: url, Clock: &storetest.Clock{}, Users: map[string]access.Actor{}}
	ctx := context.Background()
	db := storetest.Open(t, url, f.Clock.Now)
	f.must(jobs.Migrate(ctx, db))
	f.must(app.LoadReference(ctx, db, seeds.FS))
	f.FilesDir = t.TempDir()
	f.App = f.Reopen(db, f.FilesDir)
	hash, err := auth.Hash(Password)
	f.must(err)
	f.must(db.Write(ctx, access.System("test"), func(tx *store.Tx) error {
		for i, a := range Accounts {
			u := store.User{ID: fmt.Sprintf("user-%02d", i), Username: a.Username, DisplayName: a.Name, Role: a.Role, ScopeCode: a.Scope, PasswordHash: hash}
			if err := tx.CreateUser(&u); err != nil {
				return err
			}
			f.Users[a.Username] = u.Actor("", "test")
		}
		return nil
	}))
	return f
}

// Demo is a fixture with the stories of the demonstration instead of the
// accounts of tests, as it is at an instant.
func Demo(t testing.TB, url string, at time.Time) *Fixture { return WholeDemo(t, url, at, 0) }

// WholeDemo is Demo with so many assets in all.
func WholeDemo(t testing.TB, url string, at time.Time, assets int) *Fixture {
	t.Helper()
	f := &Fixture{T: t, URL: url, Clock: &storetest.Clock{}, Users: map[string]access.Actor{}}
	f.Clock.Advance(at.Sub(storetest.Start))
	ctx := context.Background()
	db := storetest.Open(t, url, f.Clock.Now)
	f.must(jobs.Migrate(ctx, db))
	if assets > 0 { // its history needs the reference data from the beginning
		db.SetClock(app.DemoBegan)
	}
	f.must(app.LoadReference(ctx, db, seeds.FS))
	db.SetClock(f.Clock.Now)
	f.FilesDir = t.TempDir()
	f.App = f.Reopen(db, f.FilesDir)
	f.must(f.LoadDemo(ctx, seeds.FS, app.Demo{Assets: assets}))
	return f
}

// Attach opens the database of a fixture that another process made.
func (f *Fixture) Attach(files string) {
	f.T.Helper()
	f.App, f.Users = f.Reopen(storetest.Open(f.T, f.URL, f.Clock.Now), files), map[string]access.Actor{}
	for i, a := range Accounts {
		f.Users[a.Username] = store.User{ID: fmt.Sprintf("user-%02d", i), Username: a.Username, DisplayName: a.Name, Role: a.Role, ScopeCode: a.Scope}.Actor("", "test")
	}
}

// Reopen builds the use cases on an open database, as a start of the program
// does; files lie below dir.
func (f *Fixture) Reopen(db *store.DB, dir string) *app.App {
	f.T.Helper()
	ref, err := db.Reference(context.Background())
	f.must(err)
	blobs, err := store.OpenBlobs(dir)
	f.must(err)
	f.T.Cleanup(func() { _ = blobs.Close() })
	ring, err := seal.NewRing(bytes.Repeat([]byte("s"), 32))
	f.must(err)
	db.SetRing(ring)
	tokens, err := auth.NewTokens(bytes.Repeat([]byte("k"), 32), db.Now)
	f.must(err)
	return &app.App{DB: db, Blobs: blobs, Reference: ref, Tokens: tokens, Policy: auth.NIST, MaxUpload: 8 << 20}
}

func (f *Fixture) must(err error) {
	f.T.Helper()
	if err != nil {
		f.T.Fatal(err)
	}
}

// next returns a number that nothing of the fixture has yet.
func (f *Fixture) next() int { return int(f.serial.Add(1)) }

// CountFrom makes the numbers begin after n, where another process has begun
// with the first ones on the same database.
func (f *Fixture) CountFrom(n int) { f.serial.Store(int64(n)) }

// TruckFields returns the fields of a truck of a city that no other has; set
// puts others in their place.
func (f *Fixture) TruckFields(plate string, set ...string) map[string]string {
	n := f.next()
	fields := map[string]string{
		"plate": fmt.Sprintf("%s%05d", plate, n), "plate_kind": "01", "vin": VIN(n), "engine_no": fmt.Sprintf("E%06d", n),
		"category": "heavy_dump", "use": "freight", "fuel": "diesel", "stage": "china3", "gross_mass_kg": "25000",
		"registered_on": "2013-03-05", "owner_name": "测试运输有限公司", "owner_id": "91430100MA00000003", "owner_phone": "13900001234",
	}
	for i := 0; i+1 < len(set); i += 2 {
		fields[set[i]] = set[i+1]
	}
	return fields
}

// AssetFields returns the fields of an asset of a class that no other has; set
// puts others in their place. plate begins the plate of a truck and the name of
// a vessel.
func (f *Fixture) AssetFields(class registry.Class, plate string, set ...string) map[string]string {
	if class == registry.Truck {
		return f.TruckFields(plate, set...)
	}
	n := f.next()
	serial, engine := fmt.Sprintf("S%07d", n), fmt.Sprintf("E%06d", n)
	fields := map[registry.Class]map[string]string{
		registry.Machinery:     {"category": "excavator", "serial": serial, "engine_no": engine, "power_kw": "90", "fuel": "diesel", "stage": "china1", "built_on": "2006-01-01"},
		registry.FarmMachinery: {"category": "wheeled_large", "serial": serial, "engine_no": engine, "power_kw": "70", "fuel": "diesel", "stage": "china1", "built_on": "2006-01-01"},
		registry.Vessel:        {"category": "bulk", "ship_name": fmt.Sprintf("%s货%d", plate, n), "ship_id": fmt.Sprintf("CN1995%07d", n), "gross_tonnage": "600", "fuel": "diesel", "built_on": "1995-01-01"},
	}[class]
	fields["owner_name"] = "测试工程有限公司"
	for i := 0; i+1 < len(set); i += 2 {
		fields[set[i]] = set[i+1]
	}
	return fields
}

// Asset registers an asset of a class in Changsha.
func (f *Fixture) Asset(class registry.Class, set ...string) store.AssetRecord {
	f.T.Helper()
	c, err := f.RegisterAsset(context.Background(), f.Users["clerk.changsha"], app.NewAsset{Class: class, CityCode: "430100", Fields: f.AssetFields(class, "湘A", set...)})
	f.must(err)
	return c.AssetRecord
}

// VIN returns the n-th valid VIN of a maker that does not exist.
func VIN(n int) string {
	for digit := range 11 {
		v := fmt.Sprintf("LZZTEST4%cDA%06d", "0123456789X"[digit], n)
		if registry.GoodVIN(v) {
			return v
		}
	}
	panic("one of the check digits is right")
}

// Truck registers a truck in the clerk's city.
func (f *Fixture) Truck(clerk string, set ...string) store.AssetRecord {
	f.T.Helper()
	city, plate := "430100", "湘A"
	if by := f.Users[clerk]; by.Scope.City() == "430200" {
		city, plate = "430200", "湘B"
	}
	c, err := f.RegisterAsset(context.Background(), f.Users[clerk], app.NewAsset{Class: registry.Truck, CityCode: city, Fields: f.TruckFields(plate, set...)})
	f.must(err)
	return c.AssetRecord
}

// Photo returns a small picture that no other is.
func (f *Fixture) Photo() []byte {
	n := f.next()
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for i := range 256 {
		img.Set(i%16, i/16, color.RGBA{uint8(n), uint8(n >> 8), uint8(i), 255})
	}
	var b bytes.Buffer
	f.must(png.Encode(&b, img))
	return b.Bytes()
}

// Declaration returns a complete declaration of a scrapping on a day.
func (f *Fixture) Declaration(deregistered string) retirement.Declaration {
	d := retirement.Declaration{WayOut: "scrapped", Driver: "subsidy", Recycler: "测试回收有限公司", CertificateNo: fmt.Sprintf("HS-%06d", f.next())}
	d.DeregisteredOn = civil.Day(deregistered)
	d.HandedInOn = d.DeregisteredOn.AddDays(-20)
	return d
}

// DeclarationOf returns a declaration of a way out that lacks none of its fields:
// the days that its deregistration waits for, certificate and engine.
func (f *Fixture) DeclarationOf(way registry.WayOut, deregistered string) retirement.Declaration {
	d := retirement.Declaration{WayOut: way.Code, Driver: "subsidy", DeregisteredOn: civil.Day(deregistered)}
	for _, s := range way.Steps {
		if slices.Contains(s.After, "received") {
			d.HandedInOn = d.DeregisteredOn.AddDays(-20)
		}
		if slices.Contains(s.After, "dismantled") {
			d.DismantledOn = d.DeregisteredOn.AddDays(-10)
		}
	}
	for _, e := range way.Evidence {
		switch e.Code {
		case "certificate_no":
			d.CertificateNo = fmt.Sprintf("HS-%06d", f.next())
		case "recycler":
			d.Recycler = "测试回收有限公司"
		case "engine_no":
			d.EngineNo = fmt.Sprintf("N%06d", f.next())
		case "engine_stage":
			d.EngineStage = way.MinStage
		}
	}
	return d
}

// Retire declares, proves and, if verify, verifies the scrapping of an asset.
func (f *Fixture) Retire(city, assetID, deregistered string, verify bool) app.Case {
	f.T.Helper()
	ctx := context.Background()
	clerk := f.Users["clerk."+city]
	c, err := f.DeclareRetirement(ctx, clerk, assetID, nil, f.Declaration(deregistered))
	f.must(err)
	_, err = f.AttachFile(ctx, clerk, assetID, app.Upload{Kind: "photo", Name: "photo.png", Data: bytes.NewReader(f.Photo())})
	f.must(err)
	if !verify {
		return c
	}
	r, err := f.DB.Retirement(ctx, clerk.Scope, c.ID)
	f.must(err)
	c, err = f.DecideRetirement(ctx, f.Users["reviewer."+city], c.ID, r.Version, true, "")
	f.must(err)
	return c
}

// Program sets up a program of Changsha's trucks with one amount for all.
func (f *Fixture) Program(budget, amount money.Fen, change ...func(*subsidy.Program)) subsidy.Program {
	f.T.Helper()
	program := subsidy.Program{Code: fmt.Sprintf("P%d", f.next()), Revision: 1, CityCode: "430100",
		Class: registry.Truck, ValidFrom: "2025-01-01", ValidTo: "2026-12-31", Basis: "deregistered_on", BudgetFen: budget,
		Rules: subsidy.Rules{Stages: []string{"china3"}, MinEarlyMonths: 12, Table: []subsidy.Rate{{FromMonths: 12, AmountFen: amount}}}}
	for _, c := range change {
		c(&program)
	}
	p, err := f.CreateProgram(context.Background(), f.Users["finance.changsha"], program)
	f.must(err)
	return p
}

// Brief makes the way of a program's applications short: no papers.
func (f *Fixture) Brief(programID string) {
	f.T.Helper()
	f.Flow(programID, func(*subsidy.Flow) {})
}

// Flow sets the way of a program's applications: that of Brief, as change
// leaves it.
func (f *Fixture) Flow(programID string, change func(*subsidy.Flow)) {
	f.T.Helper()
	ctx := context.Background()
	present, err := f.DB.Flow(ctx, programID)
	f.must(err)
	flow := subsidy.Flow{ReserveOn: subsidy.OnSubmission, MendDays: 15}
	change(&flow)
	_, err = f.SetFlow(ctx, f.Users["admin"], programID, present.Version, flow)
	f.must(err)
}

// Card returns a card number with a right check figure that no bank issues.
func Card(n int) string {
	for digit := range 10 {
		if card := fmt.Sprintf("6200000000%08d%d", n, digit); subsidy.Luhn(card) {
			return card
		}
	}
	panic("one of the check figures is right")
}

// Enter fills in an application as the first finance officer of a city does.
func (f *Fixture) Enter(city, id string) subsidy.Application {
	f.T.Helper()
	n := f.next()
	ctx := context.Background()
	by := f.Users["finance."+city]
	a, err := f.DB.Application(ctx, by.Scope, id)
	f.must(err)
	a, err = f.AmendApplication(ctx, by, id, a.Version, func(e *subsidy.Entry) {
		e.ApplicantKind, e.ApplicantPhone, e.BroughtBy = subsidy.Unit, "13900001234", subsidy.Self
		e.PayeeBank, e.PayeeAccount = "测试银行", fmt.Sprintf("43010000%08d", n)
	})
	f.must(err)
	return a
}

// Submit enters and submits an application.
func (f *Fixture) Submit(city, id string) subsidy.Application {
	f.T.Helper()
	a := f.Enter(city, id)
	a, err := f.SubmitApplication(context.Background(), f.Users["finance."+city], id, a.Version, "")
	f.must(err)
	return a
}

// Check submits an application and passes it on as the second officer does.
func (f *Fixture) Check(city, id string) subsidy.Application {
	f.T.Helper()
	a := f.Submit(city, id)
	a, err := f.CheckApplication(context.Background(), f.Users["finance2."+city], id, a.Version, app.Ruling{Decision: "pass"})
	f.must(err)
	return a
}

// Approve takes an application through entry, check and approval by the first
// three finance officers of a city. In a program with Brief it is payable then.
func (f *Fixture) Approve(city, id string) subsidy.Application {
	f.T.Helper()
	a := f.Check(city, id)
	a, err := f.DecideApplication(context.Background(), f.Users["finance3."+city], id, a.Version, app.Ruling{Decision: "pass"})
	f.must(err)
	return a
}
