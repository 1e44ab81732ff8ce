package api_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"testing"

	"phaseout/internal/app"
	"phaseout/internal/retirement"
	"phaseout/internal/store/storetest"
)

func init() {
	// Factors are the province's: no city has one of its own.
	moreWorld = append(moreWorld, func(_ *site, ids map[string]string) { ids["factor-sets"] = "none-of-ours" })
}

type emissionSheet struct {
	Items []emissionItem `json:"items"`
	Total emissionItem   `json:"total"`
	Used  []int64        `json:"factor_revisions"`
	Table []struct {
		City         string `json:"city_code"`
		Pollutant    string `json:"pollutant"`
		PlannedT     int64  `json:"planned_t"`
		Contribution int64  `json:"contribution_g"`
		ShareBP      int64  `json:"share_bp"`
	} `json:"table2"`
}

type emissionItem struct {
	City       string           `json:"city_code"`
	District   string           `json:"district_code"`
	Class      string           `json:"class"`
	Category   string           `json:"category"`
	Month      string           `json:"month"`
	Assets     int64            `json:"assets"`
	Endless    int64            `json:"without_scrap_date"`
	Pollutants []map[string]any `json:"pollutants"`
}

// grams adds a member of the rows behind a line up, one sum a pollutant, and counts the rows.
func (s *site) grams(user, path, member string) (sums [4]float64, n int) {
	s.t.Helper()
	for _, row := range s.pages(user, path) {
		n++
		for i, a := range row["amounts"].([]any) {
			sums[i] += a.(map[string]any)[member].(float64)
		}
	}
	return sums, n
}

func (s *site) register(user, class, city string, fields map[string]string) string {
	s.t.Helper()
	return s.send(user, "POST", "/assets", map[string]any{"class": class, "city_code": city, "fields": fields}).want(201).text("id")
}

// scrap takes an asset of Changsha the whole way out on a day, with whatever its
// class wants as evidence.
func (s *site) scrap(id, day string) {
	s.t.Helper()
	ctx, clerk := context.Background(), s.Users["clerk.changsha"]
	d := s.Declaration(day)
	d.DismantledOn = d.HandedInOn.AddDays(5)
	c, err := s.DeclareRetirement(ctx, clerk, id, nil, d)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, item := range retirement.Missing(c.Evidence) {
		if _, err := s.AttachFile(ctx, clerk, id, app.Upload{Kind: item.Code, Name: item.Code + ".png", Data: bytes.NewReader(s.Photo())}); err != nil {
			s.t.Fatal(err)
		}
	}
	r, err := s.DB.Retirement(ctx, clerk.Scope, c.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.DecideRetirement(ctx, s.Users["reviewer.changsha"], c.ID, r.Version, true, "logged from papers"); err != nil {
		s.t.Fatal(err)
	}
}

// emissionStock registers and retires one of each: two trucks of Changsha, one
// of Zhuzhou, machines with and without a factor, a vessel without its fuel.
func (s *site) emissionStock() {
	s.Retire("changsha", s.Truck("clerk.changsha", "district", "430104").ID, "2025-11-30", true)
	s.Retire("changsha", s.Truck("clerk.changsha", "category", "light_van", "gross_mass_kg", "3500").ID, "2025-12-05", true)
	s.Retire("zhuzhou", s.Truck("clerk.zhuzhou", "stage", "china2").ID, "2025-12-01", true)
	s.Retire("changsha", s.Truck("clerk.changsha").ID, "2025-12-06", false) // only declared
	machine := func(n, stage, power string) string {
		return s.register("clerk.changsha", "machinery", "430100", map[string]string{"category": "excavator", "serial": "SN-" + n, "stage": stage, "power_kw": power, "fuel": "diesel", "built_on": "2006-01-01"})
	}
	s.scrap(machine("1", "china1", "100"), "2025-10-10")
	s.scrap(machine("2", "china0", "100"), "2025-10-11")
	s.scrap(s.register("clerk.changsha", "vessel", "430100", map[string]string{"ship_name": "湘长沙货9001", "ship_id": "CN19951000146", "category": "bulk", "built_on": "1995-01-01"}), "2025-09-09")
	s.scrap(s.register("clerk.changsha", "vessel", "430100", map[string]string{"ship_name": "湘长沙货9002", "ship_id": "CN19951000147", "category": "bulk", "built_on": "1995-01-01", "annual_fuel_t": "80"}), "2025-09-10")
}

// TestEmissionOfEachRetirement proves F71: tonnes by the guide's factors in
// three ways of counting, what has no factor says so, every tile of every
// grouping is the sum of the rows that it opens, and the assets are those of
// the progress figure.
func TestEmissionOfEachRetirement(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn)
		s.emissionStock()
		var trucks emissionSheet
		s.send("province", "GET", "/emission?as_of=2025-12-31&class=truck&group_by=city", nil).want(200).into(&trucks)
		nox := trucks.Items[0].Pollutants[0]
		// A heavy truck of China III, 553.397 kg, and a light one, 105.043 kg; retired on 30 November and 5 December.
		if nox["yearly_g"] != 553_397.0+105_044.0 || nox["this_year_g"] != 47_001.0+7_483.0 {
			t.Errorf("NOx of Changsha's trucks: %v", nox)
		}
		if len(trucks.Items) != 6 || trucks.Items[1].Pollutants[0]["yearly_g"] != 559_347.0 || len(trucks.Used) != 1 || trucks.Used[0] != 1 {
			t.Errorf("got %+v", trucks)
		}
		for _, group := range []string{"city,class", "city", "class", "month", "district", "category"} {
			var sheet emissionSheet
			s.send("province", "GET", "/emission?as_of=2025-12-31&group_by="+group, nil).want(200).into(&sheet)
			for _, line := range append(sheet.Items, sheet.Total) {
				q := url.Values{"as_of": {"2025-12-31"}}
				for name, value := range map[string]string{"city": line.City, "class": line.Class, "district": line.District, "category": line.Category, "month": line.Month} {
					if value != "" {
						q.Set(name, value)
					}
				}
				if group == "district" && line.District == "" && line.City != "" {
					continue // no filter means "no district"
				}
				for _, member := range []string{"yearly_g", "this_year_g", "lifetime_g"} {
					sums, n := s.grams("province", "/emission/rows?"+q.Encode(), member)
					if int64(n) != line.Assets {
						t.Errorf("by %s, %v: %d assets, %d rows", group, q, line.Assets, n)
					}
					for i, p := range line.Pollutants {
						if p[member] != sums[i] {
							t.Errorf("by %s, %v: %s of %s is %v, the rows add up to %v", group, q, member, p["pollutant"], p[member], sums[i])
						}
					}
				}
			}
		}
		var classes emissionSheet
		s.send("province", "GET", "/emission?as_of=2025-12-31&group_by=class", nil).want(200).into(&classes)
		for _, line := range classes.Items {
			if got := s.send("province", "GET", "/progress?as_of=2025-12-31&group_by=class&class="+line.Class, nil).want(200).text("total.verified"); got != fmt.Sprint(line.Assets) {
				t.Errorf("%s: the progress sheet has %s retirements, the tonnes %d", line.Class, got, line.Assets)
			}
			pollutant := line.Pollutants[1]
			if line.Class == "machinery" && (pollutant["factor_missing"] != 1.0 || pollutant["estimated"] != 1.0 || line.Endless != 2) {
				t.Errorf("machines: %+v", line)
			}
			if line.Class == "vessel" && (pollutant["not_estimated"] != 1.0 || line.Pollutants[0]["yearly_g"] != 3_808_000.0) {
				t.Errorf("vessels: %+v", line)
			}
		}
		missing := s.pages("province", "/emission/rows?as_of=2025-12-31&pollutant=hc&state=factor_missing")
		if len(missing) != 1 || missing[0]["label"] != "SN-2" {
			t.Errorf("without a factor: %v", missing)
		}
		first := s.send("province", "GET", "/emission/rows?as_of=2025-12-31&class=truck&city=430100", nil).want(200)
		if first.text("items.0.amounts.0.steps.0.milli") != "7934" || first.text("items.0.amounts.0.steps.1.milli") != "930" || first.text("items.0.amounts.0.steps.2.basis") != "assumption" || first.text("items.0.this_year_days") != "31" {
			t.Errorf("the trace: %s", first.Body)
		}
		before := s.send("province", "GET", "/emission?as_of=2025-11-29&class=truck", nil).want(200)
		if before.text("total.assets") != "0" {
			t.Errorf("the day before: %s", before.Body)
		}
	})
}

// TestTonnesAreAContributionBesideTable2 proves R20 and R21 over the API: the
// table as printed, each city's share of it, never more than it claims.
func TestTonnesAreAContributionBesideTable2(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn)
		s.emissionStock()
		var sheet emissionSheet
		s.send("province", "GET", "/emission?as_of=2025-12-31&group_by=city", nil).want(200).into(&sheet)
		if len(sheet.Table) != 14 {
			t.Fatalf("%d rows", len(sheet.Table))
		}
		sums, planned := map[string]int64{}, map[string]int64{}
		for _, r := range sheet.Table {
			if r.City == "430000" {
				if r.Contribution != sums[r.Pollutant]+0 && len(sums) > 1 {
					t.Errorf("%s: %d of the province, %d of its cities", r.Pollutant, r.Contribution, sums[r.Pollutant])
				}
				planned[r.Pollutant] += r.PlannedT
				continue
			}
			sums[r.Pollutant] += r.Contribution
			planned[r.Pollutant] -= r.PlannedT
			if r.Contribution > r.PlannedT*1_000_000 {
				t.Errorf("%s claims more than the table", r.City)
			}
		}
		if planned["nox"] != 0 || planned["voc"] != 0 {
			t.Errorf("the printed totals are off by %v", planned)
		}
		var early emissionSheet
		s.send("province", "GET", "/emission?as_of=2023-06-30&group_by=city", nil).want(200).into(&early)
		for _, r := range early.Table {
			if r.City == "430000" && r.Pollutant == "nox" && r.PlannedT != 14054 {
				t.Errorf("by 2023: %d", r.PlannedT)
			}
		}
		var own emissionSheet
		s.send("clerk.changsha", "GET", "/emission?as_of=2025-12-31&group_by=city", nil).want(200).into(&own)
		if len(own.Items) != 1 || len(own.Table) != 2 || own.Total.Assets != 6 {
			t.Errorf("a city sees %+v", own)
		}
		if rows := s.pages("clerk.changsha", "/emission/rows?as_of=2025-12-31&city=430200"); len(rows) != 0 {
			t.Errorf("Changsha reads %d of Zhuzhou's retirements", len(rows))
		}
		if rows := s.pages("clerk.yuelu", "/emission/rows?as_of=2025-12-31"); len(rows) != 1 {
			t.Errorf("the district reads %d", len(rows))
		}
		s.send("province", "GET", "/emission?as_of=2025-13-01", nil).want(422)
		s.send("province", "GET", "/emission?group_by=owner", nil).want(422)
		s.send("admin", "GET", "/emission/rows", nil).want(403)
	})
}

// TestFactorsInVersions proves F71's versions: the province sets what is no
// official figure, in a draft that a second person puts in force from a day on; retirements
// before it keep their revision, and an older figure can be made again.
func TestFactorsInVersions(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn)
		s.emissionStock()
		ask := func(q string) string {
			return s.send("province", "GET", "/emission?as_of=2025-12-31&class=truck&group_by=city"+q, nil).want(200).text("items.0.pollutants.0.yearly_g")
		}
		old := ask("")
		body := map[string]string{"valid_from": "2025-12-01", "document": "湘环函〔2025〕1号"}
		s.send("clerk.changsha", "POST", "/factor-sets", body).want(403)
		s.send("province", "POST", "/factor-sets", map[string]string{"valid_from": "2025-02-30", "document": "X"}).want(422)
		draft := s.send("province", "POST", "/factor-sets", body, "Idempotency-Key", "k").want(201)
		if again := s.send("province", "POST", "/factor-sets", body, "Idempotency-Key", "k").want(201); again.text("id") != draft.text("id") {
			t.Error("the same key starts another draft")
		}
		if draft.text("revision") != "2" || draft.text("state") != "draft" {
			t.Errorf("got %s", draft.Body)
		}
		if second := s.send("province", "POST", "/factor-sets", body).want(409); second.text("code") != "undecided" {
			t.Errorf("a second draft: %s", second.Body)
		}
		path := "/factor-sets/" + draft.text("id")
		km := map[string]any{"item": "km", "method": "road", "group": "light", "milli": 60_000_000}
		official := map[string]any{"item": "factor", "method": "road", "group": "heavy", "stage": "china3", "pollutant": "nox", "milli": 1}
		s.send("province", "PATCH", path, map[string]any{"values": []any{km}}).want(428)
		if refused := s.send("province", "PATCH", path, map[string]any{"values": []any{km, official}}, "If-Match", `"1"`).want(422); refused.text("errors.0.code") != "official" || refused.text("errors.0.location") != "body.values[1]" {
			t.Errorf("the guide's value: %s", refused.Body)
		}
		changed := s.send("province", "PATCH", path, map[string]any{"values": []any{km}, "conditions": map[string]string{"speed": "40-80"}}, "If-Match", `"1"`).want(200)
		if stale := s.send("province", "PATCH", path, map[string]any{"document": "Y"}, "If-Match", `"1"`).want(412); stale.text("current.version") != "2" {
			t.Errorf("the loser is not shown the present set: %s", stale.Body)
		}
		if ask("") != old {
			t.Error("a draft changes a figure")
		}
		if own := s.send("province", "POST", path+"/decision", map[string]string{"decision": "accept"}, "If-Match", changed.Header.Get("ETag")).want(403); own.text("code") != "four_eyes" {
			t.Errorf("who wrote it puts it in force: %s", own.Body)
		}
		s.send("province2", "POST", path+"/decision", map[string]string{"decision": "accept", "reason": "X"}, "If-Match", changed.Header.Get("ETag")).want(200)
		// The heavy truck left in November and keeps revision 1; the light one gets 60,000 km and the speed correction.
		if got := ask(""); got != fmt.Sprint(553_397.0+155_464.0) {
			t.Errorf("under revision 2: %s, was %s", got, old)
		}
		if got := ask("&factors=1"); got != old {
			t.Errorf("the old figure made again is %s, was %s", got, old)
		}
		rows := s.pages("province", "/emission/rows?as_of=2025-12-31&class=truck&city=430100")
		if rows[0]["factor_revision"] != 1.0 || rows[1]["factor_revision"] != 2.0 {
			t.Errorf("revisions of the rows: %v, %v", rows[0]["factor_revision"], rows[1]["factor_revision"])
		}
		list := s.send("clerk.changsha", "GET", "/factor-sets", nil).want(200)
		if list.text("items.0.state") != "in_force" || list.text("items.1.state") != "replaced" {
			t.Errorf("got %s", list.Body)
		}
		late := s.send("province", "PATCH", path, map[string]any{"document": "Z"}, "If-Match", `"3"`).want(409)
		if late.text("code") != "wrong_state" {
			t.Errorf("a set in force is changed: %s", late.Body)
		}
		other := s.send("province", "POST", "/factor-sets", body).want(201)
		s.send("province2", "PATCH", "/factor-sets/"+other.text("id"), map[string]any{"values": []any{km}}, "If-Match", `"1"`).want(200)
		for _, user := range []string{"province", "province2"} { // both wrote in it
			s.send(user, "POST", "/factor-sets/"+other.text("id")+"/decision", map[string]string{"decision": "accept"}, "If-Match", `"2"`).want(403)
		}
		gone := s.send("province", "POST", "/factor-sets/"+other.text("id")+"/decision", map[string]string{"decision": "discard"}, "If-Match", `"2"`).want(200)
		if gone.text("state") != "discarded" || ask("") == old {
			t.Errorf("a discarded draft: %s", gone.Body)
		}
	})
}

// TestPaceOverTheAPI proves F70: what is left, the rates, the band, what is
// overdue since when, and that a city sees its own.
func TestPaceOverTheAPI(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn)
		s.send("province", "POST", "/targets", map[string]any{"code": "R1", "class": "truck", "city_code": "430100", "kind": "hard", "measure": "count", "value": 5,
			"due_on": "2025-12-31", "baseline_on": "2021-12-31", "state": "in_force"}).want(201)
		for _, day := range []string{"2025-10-09", "2025-10-15", "2025-12-31"} {
			s.Retire("changsha", s.Truck("clerk.changsha").ID, day, true)
		}
		s.Retire("zhuzhou", s.Truck("clerk.zhuzhou").ID, "2025-12-31", true)
		due := s.send("province", "GET", "/progress/pace?as_of=2025-12-31&class=truck&city=430100", nil).want(200)
		if due.text("items.0.left") != "2" || due.text("items.0.now_per_week_milli") != "250" || due.text("items.0.state") != "late" || due.text("items.0.overdue") != "<nil>" {
			t.Errorf("on the day: %s", due.Body)
		}
		if weeks := due.get("items.0.weeks").([]any); weeks[0] != 2.0 || weeks[11] != 1.0 {
			t.Errorf("weeks: %v", weeks)
		}
		after := s.send("province", "GET", "/progress/pace?as_of=2026-01-10&class=truck", nil).want(200)
		if after.text("items.0.overdue") != "2" || after.text("items.0.overdue_since") != "2026-01-01" || after.text("items.0.state") != "overdue" || after.text("items.0.forecast_median") <= "2026-01-10" {
			t.Errorf("after the day: %s", after.Body)
		}
		if after.text("items.1.state") != "not_set" || after.text("items.1.left") != "<nil>" || after.text("total.overdue") != "2" || after.text("total.left") != "<nil>" {
			t.Errorf("a city without a number, and the sum: %s", after.Body)
		}
		vessels := s.send("province", "GET", "/progress/pace?as_of=2026-01-10&class=vessel", nil).want(200)
		if vessels.text("items.0.state") != "encouraged" || vessels.text("total.overdue") != "<nil>" {
			t.Errorf("vessels: %s", vessels.Body)
		}
		own := s.send("clerk.zhuzhou", "GET", "/progress/pace?as_of=2026-01-10", nil).want(200)
		for _, item := range own.get("items").([]any) {
			if item.(map[string]any)["city_code"] != "430200" {
				t.Errorf("Zhuzhou reads %v", item)
			}
		}
		s.send("province", "GET", "/progress/pace?as_of=soon", nil).want(422)
	})
}
