package api_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/emission"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
	"phaseout/internal/yard"
)

// history drives random deeds, as people do them, on assets of every class.
type history struct {
	*site
	random *rand.Rand
	assets []string
	log    []string
}

func (h *history) pick(options ...string) string { return options[h.random.IntN(len(options))] }

func (h *history) day(from civil.Day, days int) civil.Day { return from.AddDays(h.random.IntN(days)) }

func (h *history) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%v after %s", err, strings.Join(h.log, "; "))
	}
}

// held returns a random asset and the pinyin of the city that has it now.
func (h *history) held(status ...registry.Status) (store.AssetRecord, string) {
	for range 20 {
		if len(h.assets) == 0 {
			break
		}
		a, err := h.DB.Asset(context.Background(), access.Whole(), h.assets[h.random.IntN(len(h.assets))])
		if err != nil {
			continue // removed
		}
		for _, s := range status {
			if a.Status == s {
				return a, map[string]string{"430100": "changsha", "430200": "zhuzhou"}[a.CityCode]
			}
		}
	}
	return store.AssetRecord{}, ""
}

// register adds an asset of any class, trucks more often; some are not covered,
// or not yet.
func (h *history) register() {
	city := h.pick("changsha", "zhuzhou")
	code, plate := "430100", "湘A"
	if city == "zhuzhou" {
		code, plate = "430200", "湘B"
	}
	class := registry.Class(h.pick("truck", "truck", "truck", "machinery", "farm_machinery", "vessel"))
	own := map[registry.Class][]string{
		registry.Truck: {"registered_on", string(h.day("2008-01-01", 4500)), "stage", h.pick("china2", "china3", "china3", "china5", "unknown"),
			"category", h.pick("heavy_dump", "heavy_plain", "medium_van"), "use", h.pick("freight", "non_operating"), "scrap_due_on", h.pick("2025-12-31", "2027-06-30")},
		registry.Machinery:     {"category", h.pick("excavator", "loader"), "stage", h.pick("china0", "china1", "china3"), "built_on", string(h.day("2000-01-01", 4000))},
		registry.FarmMachinery: {"category", h.pick("wheeled_large", "combine"), "stage", h.pick("china1", "china2", "china4"), "built_on", string(h.day("2000-01-01", 4000)), "registered_on", h.pick("", "2012-06-01")},
		registry.Vessel:        {"category", h.pick("bulk", "container"), "built_on", string(h.day("1990-01-01", 5000))},
	}[class]
	own = append(own, "district", map[string][]string{"430100": {"", "430104", "430102"}, "430200": {"", "430202", "430203"}}[code][h.random.IntN(3)])
	a, err := h.RegisterAsset(context.Background(), h.Users["clerk."+city], app.NewAsset{Class: class, CityCode: code, Fields: h.AssetFields(class, plate, own...)})
	h.must(err)
	h.assets = append(h.assets, a.ID)
}

func (h *history) declare() {
	a, city := h.held(registry.InUse)
	if city == "" {
		return
	}
	ways := h.ways(a.Class)
	way := ways[h.random.IntN(len(ways))]
	if h.random.IntN(2) == 0 {
		way = ways[0] // scrapped
	}
	d := h.DeclarationOf(way, string(h.day("2021-06-01", 1650)))
	d.Driver = h.pick("subsidy", "traffic_ban", "natural")
	if way.Has("dismantled") {
		first := d.DeregisteredOn.AddDays(-20)
		switch h.random.IntN(4) {
		case 0:
			d.DismantledOn, d.DeregisteredOn = "", ""
		case 1:
			d.DismantledOn, d.DeregisteredOn = first.AddDays(3), ""
		case 2:
			d.DismantledOn = first.AddDays(h.random.IntN(15))
		}
	}
	h.logged(a, city, d, h.random.IntN(3) > 0)
}

// ways are those on which a class leaves service, the scrapping first.
func (h *history) ways(class registry.Class) []registry.WayOut {
	spec, _ := registry.SpecOf(class)
	return spec.WaysOut
}

// logged declares how an asset left service, with the files that are required if
// proved. It returns the retirement, "" if it was refused.
func (h *history) logged(a store.AssetRecord, city string, d retirement.Declaration, proved bool) string {
	c, err := h.DeclareRetirement(context.Background(), h.Users["clerk."+city], a.ID, nil, d)
	if err != nil { // such as handed over before it was registered, or offered to another city
		return ""
	}
	h.log = append(h.log, string(a.Class)+" "+d.WayOut)
	if !proved {
		return c.ID
	}
	for _, item := range retirement.Missing(c.Evidence) {
		if item.Kind == "file" {
			_, err = h.AttachFile(context.Background(), h.Users["clerk."+city], a.ID, app.Upload{Kind: item.Code, Name: "p.png", Data: bytes.NewReader(h.Photo())})
			h.must(err)
		}
	}
	return c.ID
}

// retire takes an asset out of service whole: declared, proved, verified.
func (h *history) retire() {
	a, city := h.held(registry.InUse)
	if city == "" {
		return
	}
	id := h.logged(a, city, h.DeclarationOf(h.ways(a.Class)[0], string(h.day("2021-06-01", 1650))), true)
	if id == "" {
		return
	}
	r, err := h.DB.Retirement(context.Background(), access.Whole(), id)
	h.must(err)
	_, err = h.DecideRetirement(context.Background(), h.Users["reviewer."+city], id, r.Version, true, "reason")
	h.must(err)
}

func (h *history) decide(verify bool) {
	a, city := h.held(registry.HandedIn, registry.Dismantled, registry.Deregistered, registry.MovedOut, registry.Converted, registry.PlateVoid)
	if city == "" {
		return
	}
	r, err := h.DB.RetirementOf(context.Background(), access.Whole(), a.ID)
	if err != nil || r.State != retirement.Declared {
		return
	}
	_, _ = h.DecideRetirement(context.Background(), h.Users["reviewer."+city], r.ID, r.Version, verify, "reason") // refused while evidence is missing
}

// ask has a retirement corrected or withdrawn on request.
func (h *history) ask(kind retirement.RequestKind) {
	a, city := h.held(registry.HandedIn, registry.Dismantled, registry.Deregistered, registry.MovedOut, registry.Converted, registry.PlateVoid)
	if city == "" {
		return
	}
	r, err := h.DB.RetirementOf(context.Background(), access.Whole(), a.ID)
	h.must(err)
	q := retirement.Request{Kind: kind, Reason: "wrong", After: r.Declaration}
	if q.After.DeregisteredOn != "" {
		q.After.DeregisteredOn = q.After.DeregisteredOn.AddDays(-h.random.IntN(15) - 1)
	}
	asked, err := h.AskRetirement(context.Background(), h.Users["clerk."+city], r.ID, q)
	if err != nil { // such as a retirement that can still be amended
		return
	}
	_, err = h.DecideRequest(context.Background(), h.Users["reviewer."+city], asked.ID, asked.Version, true, "right")
	h.must(err)
	h.log = append(h.log, "done")
}

func (h *history) amend() {
	a, city := h.held(registry.InUse)
	if city == "" {
		return
	}
	_, _ = h.AmendAsset(context.Background(), h.Users["clerk."+city], a.ID, a.Version, map[registry.Class]map[string]string{
		registry.Truck:         {"stage": h.pick("china3", "china4"), "registered_on": string(h.day("2008-01-01", 4500)), "scrap_due_on": h.pick("2025-12-31", "2026-03-31")},
		registry.Machinery:     {"stage": h.pick("china1", "china3"), "built_on": string(h.day("2000-01-01", 4000)), "power_kw": h.pick("60", "90", "140")},
		registry.FarmMachinery: {"stage": h.pick("china2", "china4"), "built_on": string(h.day("2000-01-01", 4000))},
		registry.Vessel:        {"built_on": string(h.day("1990-01-01", 5000))},
	}[a.Class], "wrong")
}

func (h *history) transfer() {
	a, city := h.held(registry.InUse)
	if city == "" {
		return
	}
	other := map[string]string{"changsha": "zhuzhou", "zhuzhou": "changsha"}[city]
	t, err := h.OfferTransfer(context.Background(), h.Users["clerk."+city], a.ID, nil, map[string]string{"changsha": "430100", "zhuzhou": "430200"}[other], "sold")
	if err != nil {
		return
	}
	_, err = h.AnswerTransfer(context.Background(), h.Users["clerk."+other], t.ID, t.Version, h.random.IntN(4) > 0, "", "no")
	h.must(err)
}

// importAndUndo brings some trucks in by a sheet and, later or never, takes
// them out again as one act.
func (h *history) importAndUndo() {
	var sheet strings.Builder
	sheet.WriteString("号牌号码,车辆识别代号,车辆类型,燃料种类,排放标准,初次登记日期,所有人\n")
	for range 3 {
		f := h.TruckFields("湘A")
		fmt.Fprintf(&sheet, "%s,%s,重型自卸货车,柴油,国三,%s,长沙测试运输有限公司\n", f["plate"], f["vin"], h.day("2008-01-01", 3000))
	}
	clerk := h.Users["clerk.changsha"]
	i, err := h.ImportSheet(context.Background(), clerk, registry.Truck, "430100", "h.csv", strings.NewReader(sheet.String()), "valid_rows")
	h.must(err)
	if h.random.IntN(2) == 0 {
		_, err = h.UndoImport(context.Background(), clerk, i.ID, true)
		h.must(err)
	}
}

// yard registers the yard that all declarations name, or changes what it takes
// or whether it may work.
func (h *history) yard() {
	ctx, by := context.Background(), h.Users["province"]
	list, err := h.DB.Yards(ctx, by.Scope, store.YardFilter{}, store.Page{Limit: 1})
	h.must(err)
	if len(list) == 0 {
		_, err := h.CreateYard(ctx, by, yard.Yard{Name: "测试回收有限公司", CreditCode: "91430100MA00000003", CityCode: "430100", Classes: []registry.Class{registry.Truck, registry.Machinery}, CapacityPerMonth: 5,
			Licences: []yard.Licence{{Number: "1", From: "2020-01-01", To: "2027-12-31"}}})
		h.must(err)
		return
	}
	y := list[0]
	open := slices.IndexFunc(y.Blocks, func(b yard.Block) bool { return b.LiftedBy == "" })
	switch {
	case h.random.IntN(2) == 0:
		y.CapacityPerMonth = int64(1 + h.random.IntN(9))
		_, err = h.AmendYard(ctx, by, y.ID, y.Version, y.Yard)
	case open >= 0:
		_, err = h.LiftYardBlock(ctx, by, y.ID, y.Version, y.Blocks[open].ID, "2026-01-02", "mended")
	default: // from a day on which nothing is handed in here
		_, err = h.BlockYard(ctx, by, y.ID, y.Version, yard.Block{Kind: yard.Suspended, From: "2026-01-01", Reason: "fined"})
	}
	h.must(err)
}

// factors puts another mileage in force from some day on.
func (h *history) factors() {
	ctx := context.Background()
	f, err := h.DraftFactors(ctx, h.Users["province"], h.day("2021-06-01", 1650), "X")
	h.must(err)
	f, err = h.ChangeFactors(ctx, h.Users["province"], f.ID, f.Version, app.FactorChange{Values: []emission.Edit{{Key: emission.Key{Item: "km", Method: "road", Group: "heavy"}, Milli: int64(1+h.random.IntN(90)) * 1_000_000}}})
	h.must(err)
	_, err = h.DecideFactors(ctx, h.Users["province2"], f.ID, f.Version, true, "X")
	h.must(err)
}

func (h *history) step() {
	deed := h.pick("yard", "factors", "amend", "register", "register", "declare", "declare", "declare", "verify", "verify", "verify", "return", "amend", "transfer", "import", "correct", "withdraw", "retire", "retire")
	if len(h.log) < 8 {
		deed = "register"
	}
	h.log = append(h.log, deed)
	switch deed {
	case "register":
		h.register()
	case "declare":
		h.declare()
	case "verify":
		h.decide(true)
	case "return":
		h.decide(false)
	case "amend":
		h.amend()
	case "transfer":
		h.transfer()
	case "yard":
		h.yard()
	case "factors":
		h.factors()
	case "import":
		h.importAndUndo()
	case "retire":
		h.retire()
	case "correct":
		h.ask(retirement.Correction)
	case "withdraw":
		h.ask(retirement.Withdrawal)
	}
	h.Clock.Advance(time.Duration(1+h.random.IntN(60*24*3)) * time.Minute)
	h.tokens = map[string]string{} // a log-in ends meanwhile
}

// published is an answer as it was given.
type published struct {
	path string
	body []byte
	at   string
}

func (h *history) publish(path string) published {
	a := h.send("province", "GET", path, nil).want(200)
	h.Clock.Advance(time.Millisecond)
	return published{path, a.Body, a.text("generated_at")}
}

// definitions proposes two further definitions, by which figures are asked for.
func (h *history) definitions() {
	names := map[string]string{"zh": "甲", "en": "A"}
	rule := func(on string, ways ...string) map[string]any { return map[string]any{"ways": ways, "on": on} }
	for code, counts := range map[string][]any{
		"at_hand_over": {rule("hand_over_on", "scrapped", "destroyed_on_site")},
		"with_others":  {rule("dismantled_on", "scrapped"), rule("left_on", "declared_void", "other")},
	} {
		h.send("province", "POST", "/definitions", map[string]any{"code": code, "name": names, "text": names, "counts": counts}).want(201)
	}
}

// definitionOf is the definition that a published figure was asked for by, as
// the parameter of further requests.
func definitionOf(p published) string {
	if _, d, ok := strings.Cut(p.path, "&definition="); ok {
		return "&definition=" + d
	}
	return ""
}

// TestFiguresOfARandomHistory proves F63, F64, F65, F66 and F67: random deeds
// change the registry; after each the roll-ups equal a recount, the balance has no
// rest, tiles equal their lists, reasons add up to the gap under each definition,
// cities add up to the province; then every figure that was ever given, pace and
// tonnes with their rows among them, comes out again, byte for byte, as known then; and records that are deleted behind the
// program's back are the balance's rest, whatever happens after.
func TestFiguresOfARandomHistory(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		h := &history{site: newSite(t, url), random: rand.New(rand.NewPCG(seed, 1))}
		h.definitions()
		var all, further []published
		// Twenty steps, and more if too little has happened in them to prove anything.
		for n := 0; n < 20 || n < 80 && len(h.causes()) < 3; n++ {
			h.step()
			if h.random.IntN(4) == 0 {
				h.fold()
			}
			if _, err := h.DB.VerifySummary(t.Context()); err != nil {
				t.Fatalf("%v after %s", err, strings.Join(h.log, "; "))
			}
			day := h.day("2021-06-01", 1690)
			if h.random.IntN(3) == 0 {
				day = h.Today()
			}
			by := h.pick("", "", "&definition=at_hand_over/1", "&definition=with_others/1")
			p := h.publish(fmt.Sprintf("/progress?as_of=%s&group_by=%s%s", day, h.pick("city,class", "province", "city", "class", "district", "district,class", "category", "stage,city", "way_out", "driver", "way_out,driver,class",
				"year", "month,city", "district,stage", "due_year,operating", "operating,class", "due_year,city", "category,due_year"), by))
			all = append(all, p, h.publish(fmt.Sprintf("/progress/gap?as_of=%s&group_by=%s%s", day, h.pick("city,class", "province", "district", "stage"), by)))
			further = append(further, h.publish(fmt.Sprintf("/progress/pace?as_of=%s%s", day, h.pick("", "&class=truck", "&city=430100"))))
			tonnes := h.publish(fmt.Sprintf("/emission?as_of=%s&group_by=%s", day, h.pick("city,class", "city", "class", "month", "district", "category")))
			further = append(further, tonnes, published{path: "/emission/rows?limit=200&as_of=" + string(day), at: tonnes.at})
			further[len(further)-1].body = h.send("province", "GET", further[len(further)-1].path, nil).want(200).Body
			h.balance(nil)
			h.tiles(p)
			h.tiles(all[h.random.IntN(len(all)/2)*2])
			h.reasons(all[h.random.IntN(len(all)/2)*2+1])
			h.shift(all[h.random.IntN(len(all)/2)*2], p)
		}
		h.happened()
		for _, p := range append(all, further...) {
			again := h.send("province", "GET", p.path+"&as_known="+escaped(p.at), nil).want(200)
			if !bytes.Equal(again.Body, p.body) {
				t.Errorf("%s as known at %s is not what was answered then:\n%s\n%s", p.path, p.at, p.body, again.Body)
			}
		}
		silent := map[string]int64{}
		for range 2 {
			h.fold() // a server does within seconds
			h.deleteSilently(2, silent)
			h.balance(silent)
			for range 3 {
				h.step()
				h.balance(silent)
			}
		}
	})
}

// fold counts what is pending into the roll-ups: it changes no figure.
func (h *history) fold() {
	h.t.Helper()
	if err := h.DB.Fold(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func escaped(s string) string { return url.QueryEscape(s) }

var tileMetrics = []string{"baseline", "additions", "cohort", "handed_in", "declared", "evidenced", "verified", "converted", "moved_out", "remaining"}

// groupQuery is the filter that opens a line.
func groupQuery(line map[string]any) string {
	q := url.Values{}
	for _, key := range []string{"city_code", "district_code", "class", "category", "stage", "way_out", "driver"} {
		if v, ok := line[key].(string); ok {
			q.Set(strings.TrimSuffix(key, "_code"), v)
		}
	}
	return q.Encode()
}

// tiles compares one line of a published sheet, each of its figures, with the
// list that it opens as known then.
func (h *history) tiles(p published) {
	var sheet struct {
		AsOf    string           `json:"as_of"`
		GroupBy string           `json:"group_by"`
		Items   []map[string]any `json:"items"`
		Total   map[string]any   `json:"total"`
	}
	answer{t: h.t, Body: p.body}.into(&sheet)
	if len(sheet.Items) == 0 {
		return
	}
	line := sheet.Items[h.random.IntN(len(sheet.Items))]
	query := groupQuery(line)
	for _, dim := range []string{"district", "way_out", "driver"} { // an empty value is a group of its own
		if strings.Contains(sheet.GroupBy, dim) && !strings.Contains(query, dim+"=") {
			query += "&" + dim + "=none"
		}
	}
	if strings.Contains(sheet.GroupBy, "due_year") {
		query += "&due_year=none"
		if line["due_year"] != nil {
			query = strings.Replace(query, "due_year=none", fmt.Sprintf("due_year=%v", line["due_year"]), 1)
		}
	}
	if strings.Contains(sheet.GroupBy, "operating") {
		query += fmt.Sprintf("&operating=%v", line["operating"] == true)
	}
	query += definitionOf(p)
	for _, metric := range tileMetrics {
		path := fmt.Sprintf("/progress/rows?%s&metric=%s&as_of=%v&as_known=%s&total=true&limit=500", query, metric, sheet.AsOf, escaped(p.at))
		if line["period"] != nil {
			path = fmt.Sprintf("/progress/rows?%s&metric=%s&as_of=%v&since=%v&as_known=%s&total=true&limit=500", query, metric, line["until"], line["since"], escaped(p.at))
		}
		a := h.send("province", "GET", path, nil).want(200)
		n := len(a.get("items").([]any))
		ids := map[any]bool{}
		for _, item := range a.get("items").([]any) {
			row := item.(map[string]any)
			ids[row["asset_id"]] = true
			if row["label"] == "" || row["asset_id"] == "" || row["class"] == "" {
				h.t.Errorf("a row says nothing: %v", row)
			}
		}
		if len(ids) != n {
			h.t.Errorf("%s lists an asset twice: %s", path, a.Body)
		}
		if float64(n) != line[metric].(float64) || a.get("total") != line[metric] {
			h.t.Errorf("%s: %s says %v in %v, its list has %d and says %v (%s) after %s", p.path, metric, line[metric], line, n, a.get("total"), path, strings.Join(h.log, "; "))
		}
	}
	if line["period"] != nil {
		return
	}
	for _, metric := range tileMetrics {
		sum := 0.0
		for _, l := range sheet.Items {
			sum += l[metric].(float64)
		}
		if sum != sheet.Total[metric] {
			h.t.Errorf("%s: %s sums to %v, the total says %v", p.path, metric, sum, sheet.Total[metric])
		}
	}
}

// reasons checks that the reasons of a line add up to what is registered and to
// the gap of the sheet, and opens each.
func (h *history) reasons(p published) {
	var sheet struct {
		AsOf    string           `json:"as_of"`
		GroupBy string           `json:"group_by"`
		Items   []map[string]any `json:"items"`
		Total   map[string]any   `json:"total"`
	}
	answer{t: h.t, Body: p.body}.into(&sheet)
	if len(sheet.Items) == 0 {
		return
	}
	line := sheet.Items[h.random.IntN(len(sheet.Items))]
	query := groupQuery(line)
	if strings.Contains(sheet.GroupBy, "district") && line["district_code"] == nil {
		query += "&district=none"
	}
	query += definitionOf(p)
	sum, inside := line["verified"].(float64), 0.0
	for _, r := range line["reasons"].([]any) {
		reason := r.(map[string]any)
		n := reason["count"].(float64)
		sum += n
		if reason["in_cohort"] == true {
			inside += n
		}
		path := fmt.Sprintf("/progress/rows?%s&metric=%v&as_of=%s&as_known=%s&total=true&limit=500", query, reason["reason"], sheet.AsOf, escaped(p.at))
		a := h.send("province", "GET", path, nil).want(200)
		if a.get("total") != n || float64(len(a.get("items").([]any))) != n {
			h.t.Errorf("%s: %v says %v, its list has %v (%s) after %s", p.path, reason["reason"], n, a.get("total"), path, strings.Join(h.log, "; "))
		}
	}
	if sum != line["records"] || inside != line["gap"] {
		h.t.Errorf("%s: reasons and verified add up to %v of %v records, those in the cohort to %v of a gap of %v", p.path, sum, line["records"], inside, line["gap"])
	}
	total := h.send("province", "GET", fmt.Sprintf("/progress?group_by=province&as_of=%s&as_known=%s%s", sheet.AsOf, escaped(p.at), definitionOf(p)), nil).want(200).get("total").(map[string]any)
	if gap := total["cohort"].(float64) - total["verified"].(float64); gap != sheet.Total["gap"] || total["verified"] != sheet.Total["verified"] {
		h.t.Errorf("%s: the gap is %v and %v are verified, the sheet of progress says %v and %v after %s", p.path, sheet.Total["gap"], sheet.Total["verified"], gap, total["verified"], strings.Join(h.log, "; "))
	}
}

// shift asks what changed a figure between two published sheets: the causes add
// up to the difference and open as many changes as they say.
func (h *history) shift(from, to published) {
	var a, b struct {
		AsOf string `json:"as_of"`
	}
	answer{t: h.t, Body: from.body}.into(&a)
	answer{t: h.t, Body: to.body}.into(&b)
	metric := h.pick(tileMetrics...)
	query := fmt.Sprintf("metric=%s&from_as_of=%s&from_known=%s&to_as_of=%s&to_known=%s%s", metric, a.AsOf, escaped(from.at), b.AsOf, escaped(to.at), h.pick("", "&city=430100", "&class=truck", "&city=430200&class=truck", "&stage=china3", "&class=vessel", "&class=farm_machinery&city=430100"))
	var d struct {
		From, To, Difference, Unexplained int64
		Causes                            []struct {
			Cause                   string
			Late, Period, Net, Rows int64
		}
	}
	h.send("province", "GET", "/progress/changes?"+query, nil).want(200).into(&d)
	if d.Unexplained != 0 || d.To-d.From != d.Difference {
		h.t.Errorf("%s: %+v after %s", query, d, strings.Join(h.log, "; "))
	}
	for _, c := range d.Causes {
		late, period := 0.0, 0.0
		for _, row := range h.pages("province", "/progress/changes/rows?"+query+"&cause="+c.Cause) {
			late, period = late+row["late"].(float64), period+row["period"].(float64)
		}
		if int64(late) != c.Late || int64(period) != c.Period || c.Late+c.Period != c.Net {
			h.t.Errorf("%s: %s says %d late and %d in the period, its rows %v and %v", query, c.Cause, c.Late, c.Period, late, period)
		}
	}
}

type balanceRow struct {
	City        string `json:"city_code"`
	Class       string
	Month       string
	Opening     int64
	Registered  int64
	MovedIn     int64 `json:"moved_in"`
	Destroyed   int64
	MovedOut    int64 `json:"moved_out"`
	ToCities    int64 `json:"moved_to_cities"`
	LeftProv    int64 `json:"left_province"`
	ReEngined   int64 `json:"re_engined"`
	Corrections int64
	Closing     int64
	Counted     int64
	Rest        int64
	FromAsOf    string `json:"from_as_of"`
	FromKnown   string `json:"from_known"`
	ToAsOf      string `json:"to_as_of"`
	ToKnown     string `json:"to_known"`
}

// balance checks that every month of every city and class closes, goes on from
// the one before and has no rest but what silent has of its last month.
func (h *history) balance(silent map[string]int64) {
	var sheet struct{ Items, Totals []balanceRow }
	h.send("province", "GET", "/progress/balance?from=2026-01&to="+h.Today().Month(), nil).want(200).into(&sheet)
	last := map[string]balanceRow{}
	for _, r := range sheet.Items {
		key := r.City + r.Class
		if r.Opening+r.Registered+r.MovedIn-r.Destroyed-r.MovedOut-r.ReEngined+r.Corrections != r.Closing || r.Closing+r.Rest != r.Counted {
			h.t.Errorf("the balance does not close: %+v", r)
		}
		if before, ok := last[key]; ok && before.Closing != r.Opening {
			h.t.Errorf("%+v does not go on from %+v", r, before)
		}
		if silent == nil && r.Rest != 0 {
			h.t.Errorf("a rest without a silent change: %+v after %s", r, strings.Join(h.log, "; "))
		}
		last[key] = r
		if silent == nil && h.random.IntN(12) == 0 {
			h.flows(r)
		}
	}
	for key, n := range silent {
		if last[key].Rest != -n {
			h.t.Errorf("%d records of %s were deleted silently, the balance says %+v", n, key, last[key])
		}
	}
}

// flows opens every number of a line of the balance: the changes behind each flow
// and the rows behind the closing stock.
func (h *history) flows(r balanceRow) {
	place := fmt.Sprintf("since=0001-01-01&city=%s&class=%s", r.City, r.Class)
	between := fmt.Sprintf("%s&from_as_of=%s&from_known=%s&to_as_of=%s", place, r.FromAsOf, escaped(r.FromKnown), r.ToAsOf)
	closing := place + "&as_of=" + r.ToAsOf
	if r.ToKnown != "" {
		between, closing = between+"&to_known="+escaped(r.ToKnown), closing+"&as_known="+escaped(r.ToKnown)
	}
	const usual = "passage,registration,declaration,evidence,verification,return"
	for name, flow := range map[string]struct {
		metric, cause string
		sign, want    int64 // sign 0: rows of both signs
	}{
		"registered": {"cohort", usual, 0, r.Registered}, "destroyed": {"verified", usual, 0, r.Destroyed}, "left the province": {"moved_out", usual, 0, r.LeftProv},
		"re-engined": {"converted", usual, 0, r.ReEngined}, "moved in": {"remaining", "transfer", 1, r.MovedIn}, "moved to cities": {"remaining", "transfer", -1, -r.ToCities},
		"corrections": {"remaining", "correction,withdrawal,amendment,import,import_undo,rule_change,duplicate,other", 0, r.Corrections},
	} {
		n := int64(0)
		for _, row := range h.pages("province", "/progress/changes/rows?metric="+flow.metric+"&"+between+"&cause="+flow.cause) {
			if moved := int64(row["late"].(float64) + row["period"].(float64)); moved*flow.sign >= 0 {
				n += moved
			}
		}
		if n != flow.want {
			h.t.Errorf("%s %s %s: %s says %d, its rows %d after %s", r.City, r.Class, r.Month, name, flow.want, n, strings.Join(h.log, "; "))
		}
	}
	if n := h.send("province", "GET", "/progress/rows?metric=remaining&total=true&"+closing, nil).want(200).get("total"); n != float64(r.Counted) {
		h.t.Errorf("%s %s %s: counted %d, its list has %v", r.City, r.Class, r.Month, r.Counted, n)
	}
}

// deleteSilently takes n records out of the stock behind the program's back and
// adds them to gone, by city and class.
func (h *history) deleteSilently(n int, gone map[string]int64) {
	handle, err := h.DB.Handle()
	h.must(err)
	for range 60 {
		a, _ := h.held(registry.InUse)
		if n == 0 || a.ID == "" || a.Counting.CohortOn == "" || a.Counting.CohortOn > h.Today() {
			continue
		}
		tx, err := handle.BeginTx(context.Background(), nil)
		h.must(err)
		_, err = tx.ExecContext(context.Background(), "DELETE FROM asset_identifiers WHERE asset_id = $1", a.ID)
		h.must(err)
		if _, err = tx.ExecContext(context.Background(), "DELETE FROM assets WHERE id = $1", a.ID); err != nil { // something hangs on it
			h.must(tx.Rollback())
			continue
		}
		h.must(tx.Commit())
		gone[a.CityCode+string(a.Class)]++
		h.log = append(h.log, "deleted silently")
		n--
	}
	if _, err := h.DB.VerifySummary(context.Background()); err == nil && len(gone) > 0 {
		h.t.Error("the check did not see the silent deletion")
	}
}

// causes are those that have changed a figure so far.
func (h *history) causes() map[string]bool {
	var causes struct {
		Causes []struct{ Cause string }
	}
	seen := map[string]bool{}
	for _, metric := range tileMetrics {
		h.send("province", "GET", "/progress/changes?metric="+metric+"&since=2000-01-01&from_as_of=2020-01-01&from_known=2026-01-15T00:00:00Z", nil).want(200).into(&causes)
		for _, c := range causes.Causes {
			seen[c.Cause] = true
		}
	}
	return seen
}

// happened fails a history in which too little happened to prove anything.
func (h *history) happened() {
	seen := h.causes()
	h.t.Logf("causes %v, %d steps", seen, len(h.log))
	if len(seen) < 3 {
		h.t.Errorf("only %v changed a figure in %v", seen, h.log)
	}
}

func init() {
	moreWorld = append(moreWorld, func(s *site, ids map[string]string) {
		ids["baselines"] = s.send("province", "POST", "/baselines", map[string]string{"class": "truck", "city_code": "430200", "name": "B", "taken_on": "2021-12-31"}).want(201).text("items.0.id")
	})
}
