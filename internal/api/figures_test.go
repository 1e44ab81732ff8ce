package api_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"phaseout/internal/access"
	"phaseout/internal/app"
	"phaseout/internal/civil"
	"phaseout/internal/registry"
	"phaseout/internal/retirement"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// history drives random deeds, as people do them, against a site.
type history struct {
	*site
	random *rand.Rand
	assets []string
	serial int
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

func (h *history) register() {
	city := h.pick("changsha", "zhuzhou")
	code, plate := "430100", "湘A"
	if city == "zhuzhou" {
		code, plate = "430200", "湘B"
	}
	class, fields := registry.Truck, h.TruckFields(plate, "registered_on", string(h.day("2008-01-01", 4500)), "stage", h.pick("china2", "china3", "china3", "china5", "unknown"),
		"category", h.pick("heavy_dump", "heavy_plain", "medium_van"), "district", map[string][]string{"430100": {"", "430104", "430102"}, "430200": {"", "430202", "430203"}}[code][h.random.IntN(3)])
	if h.random.IntN(3) == 0 {
		h.serial++
		class, fields = registry.Machinery, map[string]string{"category": h.pick("excavator", "loader"), "serial": fmt.Sprintf("HS%07d", h.serial), "engine_no": fmt.Sprintf("HE%06d", h.serial),
			"power_kw": "90", "fuel": "diesel", "stage": h.pick("china0", "china1", "china3"), "built_on": string(h.day("2000-01-01", 4000)), "owner_name": "测试工程有限公司"}
	}
	a, err := h.RegisterAsset(context.Background(), h.Users["clerk."+city], app.NewAsset{Class: class, CityCode: code, Fields: fields})
	h.must(err)
	h.assets = append(h.assets, a.ID)
}

func (h *history) declare() {
	a, city := h.held(registry.InUse)
	if city == "" {
		return
	}
	d := h.Declaration(string(h.day("2021-06-01", 1650)))
	d.Driver = h.pick("subsidy", "traffic_ban", "natural")
	switch h.random.IntN(6) {
	case 0:
		d.WayOut = "moved_out"
	case 1:
		d.WayOut = map[registry.Class]string{registry.Truck: "declared_void", registry.Machinery: "re_engined"}[a.Class]
	case 2:
		d.DeregisteredOn = ""
	case 3:
		d.DismantledOn, d.DeregisteredOn = d.HandedInOn.AddDays(3), ""
	case 4:
		d.DismantledOn = d.HandedInOn.AddDays(h.random.IntN(40))
	}
	_, err := h.DeclareRetirement(context.Background(), h.Users["clerk."+city], a.ID, nil, d)
	if err != nil { // such as handed over before it was registered, or offered to another city
		return
	}
	if h.random.IntN(3) > 0 {
		_, err = h.AttachFile(context.Background(), h.Users["clerk."+city], a.ID, app.Upload{Kind: "photo", Name: "p.png", Data: bytes.NewReader(h.Photo())})
		h.must(err)
	}
}

func (h *history) decide(verify bool) {
	a, city := h.held(registry.HandedIn, registry.Dismantled, registry.Deregistered, registry.MovedOut, registry.Converted)
	if city == "" {
		return
	}
	r, err := h.DB.RetirementOf(context.Background(), access.Whole(), a.ID)
	if err != nil || r.State != retirement.Declared {
		return
	}
	_, _ = h.DecideRetirement(context.Background(), h.Users["reviewer."+city], r.ID, r.Version, verify, "reason") // refused while evidence is missing
}

func (h *history) amend() {
	a, city := h.held(registry.InUse)
	if city == "" || a.Class != registry.Truck {
		return
	}
	_, _ = h.AmendAsset(context.Background(), h.Users["clerk."+city], a.ID, a.Version, map[string]string{"stage": h.pick("china3", "china4"), "registered_on": string(h.day("2008-01-01", 4500))}, "wrong")
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

func (h *history) step() {
	deed := h.pick("register", "register", "declare", "declare", "declare", "verify", "verify", "verify", "return", "amend", "transfer", "import")
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
	case "import":
		h.importAndUndo()
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

// TestFiguresOfARandomHistory proves F64, F65, F66 and F67: random deeds change
// the registry; after each the roll-ups equal a recount, tiles equal their
// lists, reasons add up, cities add up to the province; and at the end every
// figure that was ever given comes out again, byte for byte, as known then.
func TestFiguresOfARandomHistory(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		h := &history{site: newSite(t, url), random: rand.New(rand.NewPCG(seed, 1))}
		var all []published
		for range 30 {
			h.step()
			if _, err := h.DB.VerifySummary(t.Context()); err != nil {
				t.Fatalf("%v after %s", err, strings.Join(h.log, "; "))
			}
			day := h.day("2021-06-01", 1690)
			if h.random.IntN(3) == 0 {
				day = h.Today()
			}
			p := h.publish(fmt.Sprintf("/progress?as_of=%s&group_by=%s", day, h.pick("city,class", "province", "city", "class", "district", "district,class", "category", "stage,city", "way_out", "driver", "way_out,driver,class",
				"year", "month,city", "district,stage")))
			all = append(all, p, h.publish(fmt.Sprintf("/progress/gap?as_of=%s&group_by=%s", day, h.pick("city,class", "province", "district", "stage"))))
			h.tiles(p)
			h.tiles(all[h.random.IntN(len(all)/2)*2])
			h.reasons(all[h.random.IntN(len(all)/2)*2+1])
		}
		for _, p := range all {
			again := h.send("province", "GET", p.path+"&as_known="+url_(p.at), nil).want(200)
			if !bytes.Equal(again.Body, p.body) {
				t.Errorf("%s as known at %s is not what was answered then:\n%s\n%s", p.path, p.at, p.body, again.Body)
			}
		}
	})
}

func url_(s string) string { return url.QueryEscape(s) }

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
	for _, metric := range tileMetrics {
		path := fmt.Sprintf("/progress/rows?%s&metric=%s&as_of=%v&as_known=%s&total=true&limit=500", query, metric, sheet.AsOf, url_(p.at))
		if line["period"] != nil {
			path = fmt.Sprintf("/progress/rows?%s&metric=%s&as_of=%v&since=%v&as_known=%s&total=true&limit=500", query, metric, line["until"], line["since"], url_(p.at))
		}
		a := h.send("province", "GET", path, nil).want(200)
		n := len(a.get("items").([]any))
		if float64(n) != line[metric].(float64) || a.get("total") != line[metric] {
			h.t.Errorf("%s: %s says %v in %v, its list has %d and says %v (%s) after %s", p.path, metric, line[metric], line, n, a.get("total"), path, strings.Join(h.log, "; "))
		}
	}
	if strings.Contains(sheet.GroupBy, "year") || strings.Contains(sheet.GroupBy, "month") {
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
	sum, inside := line["verified"].(float64), 0.0
	for _, r := range line["reasons"].([]any) {
		reason := r.(map[string]any)
		n := reason["count"].(float64)
		sum += n
		if reason["in_cohort"] == true {
			inside += n
		}
		path := fmt.Sprintf("/progress/rows?%s&metric=%v&as_of=%s&as_known=%s&total=true&limit=500", query, reason["reason"], sheet.AsOf, url_(p.at))
		a := h.send("province", "GET", path, nil).want(200)
		if a.get("total") != n || float64(len(a.get("items").([]any))) != n {
			h.t.Errorf("%s: %v says %v, its list has %v (%s) after %s", p.path, reason["reason"], n, a.get("total"), path, strings.Join(h.log, "; "))
		}
	}
	if sum != line["records"] || inside != line["gap"] {
		h.t.Errorf("%s: reasons and verified add up to %v of %v records, those in the cohort to %v of a gap of %v", p.path, sum, line["records"], inside, line["gap"])
	}
}
