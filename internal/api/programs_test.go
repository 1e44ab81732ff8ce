package api_test

import (
	"bytes"
	"flag"
	"fmt"
	neturl "net/url"
	"os"
	"strings"
	"testing"
	"time"

	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
	"phaseout/internal/subsidy"
)

var rewrite = flag.Bool("update-sheets", false, "write the golden files of printed sheets anew")

func init() {
	moreBodies["update-program"] = `{"name":{"zh":"方案","en":"Program"},"class":"truck","document":"X","valid_from":"2025-01-01","valid_to":"2026-12-31","rules":{"table":[{"group":"","from_months":0,"amount_fen":100}]}}`
	moreBodies["decide-program"] = `{"decision":"discard"}`
	moreBodies["create-rule-run"] = `{"kind":"preview"}`
	moreBodies["set-application-replacement"] = `{}`
	moreBodies["try-program"] = `{"asset_id":"none"}`
	moreWorld = append(moreWorld, func(s *site, ids map[string]string) {
		ids["program-check"], ids["rule-vocabulary"] = "none-of-ours", "truck"
		ids["rule-runs"] = s.send("finance.zhuzhou", "POST", "/programs/"+ids["programs"]+"/runs", map[string]string{"kind": "preview"}).want(201).text("id")
	})
}

// draft is a program of Changsha's trucks in the whole form: heavy ones by the
// months early, light ones not at all.
func draft(code string, amounts ...int) map[string]any {
	rows := []any{}
	bounds := []int{12, 24, 48}
	for i, fen := range amounts {
		band := map[string]any{"from": bounds[i]}
		if i < len(amounts)-1 {
			band["to"] = bounds[i+1]
		}
		rows = append(rows, map[string]any{"cells": []any{map[string]any{"codes": []string{"heavy"}}, band}, "amount_fen": fen})
	}
	return map[string]any{"code": code, "city_code": "430100", "class": "truck", "name": map[string]string{"zh": "提前淘汰", "en": "Early"}, "document": "长财〔2026〕1号", "valid_from": "2025-01-01", "valid_to": "2026-12-31",
		"basis": "deregistered_on", "requires_verified": "before_approval", "notice_days": 5, "budget_fen": 100_000_000,
		"shares": []any{map[string]any{"source": "central", "bp": 9000}, map[string]any{"source": "city", "bp": 1000}},
		"rules": map[string]any{"conditions": []any{map[string]any{"kind": "stage", "codes": []string{"china2", "china3"}, "clause": "第三条"}, map[string]any{"kind": "group", "codes": []string{"heavy"}}, map[string]any{"kind": "early", "min": 12, "clause": "第四条"}},
			"parts": []any{map[string]any{"code": "scrap", "name": map[string]string{"zh": "报废补贴", "en": "scrapping"}, "kind": "table", "clause": "第五条", "axes": []any{map[string]any{"by": "group"}, map[string]any{"by": "early"}}, "rows": rows}}}}
}

// issue puts a draft in force by another person.
func (s *site) issue(user, id string, reason string) answer {
	etag := s.send(user, "GET", "/programs/"+id, nil).want(200).Header.Get("ETag")
	return s.send(user, "POST", "/programs/"+id+"/decision", map[string]string{"decision": "issue", "reason": reason}, "If-Match", etag)
}

// ran waits until a rule run is done.
func (s *site) ran(user, id string) answer {
	s.t.Helper()
	for range 400 {
		if a := s.send(user, "GET", "/rule-runs/"+id, nil).want(200); a.text("state") == "done" {
			return a
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.t.Fatalf("run %s is not done", id)
	return answer{}
}

// TestProgramFromDraftToReplaced proves F41: a draft is checked where it stands,
// issued by another person and never changed again; the next version takes over
// from its first day, for the events from then on; a case keeps its version.
func TestProgramFromDraftToReplaced(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		overlapping := draft("CITY", 100, 200)
		rows := overlapping["rules"].(map[string]any)["parts"].([]any)[0].(map[string]any)["rows"].([]any)
		rows[0].(map[string]any)["cells"].([]any)[1].(map[string]any)["to"] = 25
		if a := s.send("finance.changsha", "POST", "/programs", overlapping).want(422); a.text("errors.0.location") != "body.rules.parts[0].rows[1]" || a.text("errors.0.code") != "overlap" {
			t.Errorf("an overlap: %s", a.Body)
		}
		if a := s.send("finance.changsha", "POST", "/program-check", overlapping).want(200); a.text("wrong.0.code") != "overlap" || a.text("sentences.0.text") == "" {
			t.Errorf("the live check: %s", a.Body)
		}
		unknown := draft("CITY", 100)
		unknown["rules"].(map[string]any)["conditions"].([]any)[0].(map[string]any)["codes"] = []string{"euro9"}
		s.send("finance.changsha", "POST", "/programs", unknown).want(422)
		gap := draft("CITY", 100, 200)
		gap["rules"].(map[string]any)["parts"].([]any)[0].(map[string]any)["rows"].([]any)[1].(map[string]any)["cells"].([]any)[1] = map[string]any{"from": 30}
		id := s.send("finance.changsha", "POST", "/programs", gap).want(201).text("id")
		if a := s.send("finance.changsha", "GET", "/programs/"+id+"/text", nil).want(200); a.text("open.0.code") != "gap" || !strings.Contains(a.text("open.0.message"), "24") {
			t.Errorf("a gap: %s", a.Body)
		}
		if a := s.issue("finance.changsha", id, "").want(403); a.text("code") != "four_eyes" {
			t.Errorf("issued by its author: %s", a.Body)
		}
		if a := s.issue("finance2.changsha", id, "").want(409); a.text("code") != "open_points" || a.text("errors.0.location") != "body.rules.parts[0]" {
			t.Errorf("issued with a gap: %s", a.Body)
		}
		whole := draft("CITY", 1_000_000, 2_000_000)
		for _, key := range []string{"code", "city_code", "budget_fen"} {
			delete(whole, key)
		}
		s.send("finance.changsha", "PUT", "/programs/"+id, whole, "If-Match", `"9"`).want(412)
		s.send("finance.changsha", "PUT", "/programs/"+id, whole, "If-Match", `"1"`).want(200)
		if a := s.issue("finance2.changsha", id, "").want(200); a.text("state") != "issued" || a.text("issued_by.name") == "" {
			t.Errorf("issued: %s", a.Body)
		}
		etag := s.send("finance2.changsha", "GET", "/programs/"+id, nil).Header.Get("ETag")
		s.send("finance2.changsha", "PUT", "/programs/"+id, whole, "If-Match", etag).want(409)
		truck := s.Truck("clerk.changsha", "category", "heavy_plain", "scrap_due_on", "2028-12-31")
		c := s.Retire("changsha", truck.ID, "2025-06-30", true)
		if a := s.send("finance.changsha", "GET", "/applications/"+c.ApplicationID, nil).want(200); a.text("program_id") != id || a.text("amount_fen") != "2e+06" {
			t.Errorf("the case of June: %s", a.Body)
		}
		next := draft("CITY", 3_000_000, 4_000_000)
		next["valid_from"] = "2025-07-01"
		second := s.send("finance.changsha", "POST", "/programs", next).want(201)
		if second.text("revision") != "2" || second.text("state") != "draft" {
			t.Errorf("the next version: %s", second.Body)
		}
		s.issue("finance2.changsha", second.text("id"), "").want(200)
		if a := s.send("finance.changsha", "GET", "/programs/"+id, nil).want(200); a.text("state") != "replaced" || a.text("in_force_to") != "2025-06-30" {
			t.Errorf("the version before: %s", a.Body)
		}
		for day, want := range map[string]string{"2025-06-30": id, "2025-07-01": second.text("id")} {
			late := s.Truck("clerk.changsha", "category", "heavy_plain", "scrap_due_on", "2028-12-31")
			c := s.Retire("changsha", late.ID, day, true)
			if a := s.send("finance.changsha", "GET", "/applications/"+c.ApplicationID, nil).want(200); a.text("program_id") != want {
				t.Errorf("the case of %s is under %s", day, a.text("program_id"))
			}
		}
		early := draft("CITY", 1)
		early["valid_from"] = "2024-01-01"
		s.issue("finance2.changsha", s.send("finance.changsha", "POST", "/programs", early).want(201).text("id"), "x").want(422)
		etag = s.send("finance.changsha", "GET", "/programs/"+second.text("id"), nil).Header.Get("ETag")
		end := map[string]string{"decision": "end", "on": "2020-01-01", "reason": "资金用完"}
		s.send("finance.changsha", "POST", "/programs/"+second.text("id")+"/decision", end, "If-Match", etag).want(422)
		end["on"] = "2026-12-30"
		if a := s.send("finance.changsha", "POST", "/programs/"+second.text("id")+"/decision", end, "If-Match", etag).want(200); a.text("state") != "ended" || a.text("in_force_to") != "2026-12-30" {
			t.Errorf("ended: %s", a.Body)
		}
	})
}

// TestNationalProgramIsTheProvinces proves F41: a program for all cities is seen
// by every city, changed by the province alone, and said to be a sample.
func TestNationalProgramIsTheProvinces(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		found := 0
		for _, p := range s.pages("clerk.zhuzhou", "/programs") {
			if p["city_code"] != "430000" {
				continue
			}
			found++
			if p["sample"] != true || p["note"] == nil || p["document"] == "" {
				t.Errorf("%s does not say what is confirmed", p["code"])
			}
			if p["state"] == "draft" {
				s.send("finance.zhuzhou", "PUT", "/programs/"+p["id"].(string), moreBodies["update-program"], "If-Match", `"1"`).want(403)
			}
		}
		if found < 6 {
			t.Errorf("%d programs are shipped", found)
		}
		national := draft("ALL", 100)
		national["city_code"] = "430000"
		s.send("finance.changsha", "POST", "/programs", national).want(422)
		s.send("province", "POST", "/programs", national).want(201)
		if kinds := s.pages("clerk.zhuzhou", "/rule-vocabulary/vessel"); len(kinds) < 30 {
			t.Errorf("%d words", len(kinds))
		}
	})
}

// TestPreviewAndReplayWriteNothing proves F43: a preview counts what the stock
// would cost, by city, with the tonnes of the factors in force; a replay of the
// unchanged rule differs nowhere, of a changed one names each case with what it
// gains or loses; the registry, the cases and the figures stay as they are.
func TestPreviewAndReplayWriteNothing(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		id := s.send("finance.changsha", "POST", "/programs", draft("CITY", 1_000_000, 2_000_000)).want(201).text("id")
		s.issue("finance2.changsha", id, "").want(200)
		for i, due := range []string{"2026-07-30", "2027-07-30", "2029-07-30"} {
			truck := s.Truck("clerk.changsha", "category", "heavy_plain", "scrap_due_on", due)
			if c := s.Retire("changsha", truck.ID, "2025-06-30", true); c.ApplicationID == "" {
				t.Fatalf("case %d is not opened", i)
			}
		}
		for range 3 {
			s.Truck("clerk.changsha", "category", "heavy_plain", "scrap_due_on", "2029-12-31")
		}
		s.Truck("clerk.changsha", "category", "light_plain", "scrap_due_on", "2029-12-31")
		s.Truck("clerk.zhuzhou", "category", "heavy_plain", "scrap_due_on", "2029-12-31")
		before := fmt.Sprint(s.pages("province", "/assets"), s.pages("finance.changsha", "/applications"))
		preview := s.send("finance.changsha", "POST", "/programs/"+id+"/runs", map[string]string{"kind": "preview", "day": "2026-01-15"}).want(201).text("id")
		shown := s.ran("finance.changsha", preview)
		if shown.text("result.cities.0.assets") != "4" || shown.text("result.cities.0.eligible") != "3" || shown.text("result.cities.0.amount_fen") != "6e+06" || shown.text("result.cities.0.reasons.group") != "1" {
			t.Errorf("the preview: %s", shown.Body)
		}
		if shown.text("result.cities.0.nox_g") == "0" || shown.text("result.factor_revision") == "0" || shown.text("result.cities.0.factor_missing") != "0" {
			t.Errorf("the tonnes: %s", shown.Body)
		}
		s.send("finance.zhuzhou", "GET", "/rule-runs/"+preview, nil).want(404)
		s.send("finance.zhuzhou", "POST", "/programs/"+id+"/runs", map[string]string{"kind": "preview"}).want(404)
		same := s.ran("finance.changsha", s.send("finance.changsha", "POST", "/programs/"+id+"/runs", map[string]string{"kind": "replay"}).want(201).text("id"))
		if same.text("result.cities.0.assets") != "3" || same.get("result.cities.0.gains") != nil || same.get("result.cities.0.loses") != nil || same.get("result.cities.0.differs") != nil || len(s.pages("finance.changsha", "/rule-runs/"+same.text("id")+"/lines")) != 0 {
			t.Errorf("the unchanged rule replays to %s", same.Body)
		}
		next := draft("CITY", 1_500_000, 1_800_000)
		next["valid_from"] = "2026-07-01"
		changed := s.send("finance.changsha", "POST", "/programs", next).want(201).text("id")
		run := s.ran("finance.changsha", s.send("finance.changsha", "POST", "/programs/"+changed+"/runs", map[string]string{"kind": "replay"}).want(201).text("id"))
		if run.text("result.cities.0.gains") != "1" || run.text("result.cities.0.loses") != "2" || run.text("result.cities.0.before_fen") != "5e+06" || run.text("result.cities.0.amount_fen") != "5.1e+06" {
			t.Errorf("the changed rule: %s", run.Body)
		}
		lines := s.pages("finance.changsha", "/rule-runs/"+run.text("id")+"/lines?direction=loses")
		if len(lines) != 2 || lines[0]["before_fen"] != 2e6 || lines[0]["after_fen"] != 1.8e6 || len(lines[0]["lines"].([]any)) < 5 {
			t.Errorf("who loses: %v", lines)
		}
		if after := fmt.Sprint(s.pages("province", "/assets"), s.pages("finance.changsha", "/applications")); after != before {
			t.Error("a trial changed the registry or a case")
		}
	})
}

// TestBenefitIsTakenOnceInTheProvince proves F48: one asset, one benefit in a
// family, over programs, years and cities, and by what the asset is known by for
// ever; another city is told a reference and nothing else, the province finds it.
func TestBenefitIsTakenOnceInTheProvince(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		ctx := t.Context()
		truck := s.Truck("clerk.changsha")
		claim := func(user, asset, family, application string) error {
			return s.DB.Write(ctx, s.Users[user], func(tx *store.Tx) error { return tx.ClaimBenefit(asset, family, application) })
		}
		const first, second = "01a20d61-0000-7000-8000-0000000000aa", "01a20d61-0000-7000-8000-0000000000bb"
		if err := claim("finance.changsha", truck.ID, subsidy.DefaultFamily, first); err != nil {
			t.Fatal(err)
		}
		if err := claim("finance.changsha", truck.ID, subsidy.DefaultFamily, first); err != nil {
			t.Errorf("the same claim again: %v", err)
		}
		if err := claim("finance.changsha", truck.ID, "other_family", second); err != nil {
			t.Errorf("another family: %v", err)
		}
		if err := claim("finance.changsha", truck.ID, subsidy.DefaultFamily, second); err == nil || !strings.Contains(err.Error(), "double_benefit") || !strings.Contains(err.Error(), truck.Label) {
			t.Errorf("a second claim: %v", err)
		}
		// The record moves to another city with its benefit.
		transfer := s.send("clerk.changsha", "POST", "/assets/"+truck.ID+"/transfer", map[string]string{"to_city": "430200", "reason": "过户"}).want(201)
		s.send("clerk.zhuzhou", "POST", "/transfers/"+transfer.text("id")+"/answer", map[string]any{"accept": true}, "If-Match", transfer.Header.Get("ETag")).want(200)
		err := claim("finance.zhuzhou", truck.ID, subsidy.DefaultFamily, second)
		if err == nil || !strings.Contains(err.Error(), "reference B0000000000AA") || strings.Contains(err.Error(), first) || strings.Contains(err.Error(), "430100") || strings.Contains(err.Error(), "Changsha") {
			t.Errorf("the other city is told %v", err)
		}
		if found := s.pages("province", "/benefits?reference=b0000000000aa"); len(found) != 1 || found[0]["application_id"] != first || found[0]["city_code"] != "430100" {
			t.Errorf("the province finds %v", found)
		}
		if found := s.pages("finance.zhuzhou", "/benefits?reference=B0000000000AA"); len(found) != 0 {
			t.Errorf("another city finds %v", found)
		}
		if found := s.pages("province", "/benefits?identifier="+neturl.QueryEscape(strings.ToLower(truck.Fields["plate"]))); len(found) != 2 {
			t.Errorf("found by its plate: %v", found)
		}
		if found := s.pages("province", "/benefits?identifier="+truck.Fields["vin"]); len(found) != 2 {
			t.Errorf("by its VIN: %v", found)
		}
		if err := s.DB.Write(ctx, s.Users["finance.changsha"], func(tx *store.Tx) error { return tx.ReleaseBenefit(first) }); err != nil {
			t.Fatal(err)
		}
		if err := claim("finance.zhuzhou", truck.ID, subsidy.DefaultFamily, second+"c"); err != nil {
			t.Errorf("after it was released: %v", err)
		}
		// Many at once: one of them has it.
		other := s.Truck("clerk.changsha")
		results := make(chan error)
		for i := range 8 {
			go func() {
				results <- claim("finance.changsha", other.ID, subsidy.DefaultFamily, fmt.Sprintf("01a20d61-0000-7000-8000-%012d", i))
			}()
		}
		won := 0
		for range 8 {
			if err := <-results; err == nil {
				won++
			} else if !strings.Contains(err.Error(), "double_benefit") {
				t.Errorf("lost with %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d of 8 claims at once", won)
		}
	})
}

// TestReplacementRaisesADraft proves F44 on a real case: what was bought is added
// to a draft, the amount is worked out again from both tables and the facts are
// kept, so that a replay agrees.
func TestReplacementRaisesADraft(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := draft("CITY", 1_200_000, 3_500_000, 4_500_000)
		parts := program["rules"].(map[string]any)["parts"].([]any)
		program["rules"].(map[string]any)["parts"] = append(parts, map[string]any{"code": "renew", "name": map[string]string{"zh": "新购补贴", "en": "replacement"}, "kind": "table", "needs": "replacement", "conditions": []any{map[string]any{"kind": "new_owner"}},
			"axes": []any{map[string]any{"by": "new_axles"}}, "rows": []any{map[string]any{"cells": []any{map[string]any{"from": 4}}, "amount_fen": 9_500_000}, map[string]any{"cells": []any{map[string]any{"from": 0, "to": 4}}, "amount_fen": 7_000_000}}})
		id := s.send("finance.changsha", "POST", "/programs", program).want(201).text("id")
		s.issue("finance2.changsha", id, "").want(200)
		truck := s.Truck("clerk.changsha", "category", "heavy_plain", "scrap_due_on", "2029-12-31")
		c := s.Retire("changsha", truck.ID, "2025-06-30", true)
		path := "/applications/" + c.ApplicationID
		first := s.send("finance.changsha", "GET", path, nil).want(200)
		bought := map[string]any{"label": "湘AD00001", "power": "new_energy", "group": "heavy", "axles": 4, "same_owner": true, "bought_on": "2025-07-01"}
		raised := s.send("finance.changsha", "PUT", path+"/replacement", bought, "If-Match", first.Header.Get("ETag")).want(200)
		if first.text("amount_fen") != "4.5e+06" || raised.text("amount_fen") != "1.4e+07" || raised.text("replacement") != "湘AD00001" || raised.text("bought.power") != "new_energy" || first.get("bought") != nil {
			t.Errorf("from %s to %s", first.text("amount_fen"), raised.Body)
		}
		s.send("finance.changsha", "PUT", path+"/replacement", bought, "If-Match", first.Header.Get("ETag")).want(412)
		if run := s.ran("finance.changsha", s.send("finance.changsha", "POST", "/programs/"+id+"/runs", map[string]string{"kind": "replay"}).want(201).text("id")); run.text("result.cities.0.assets") != "1" || run.text("result.cities.0.before_fen") != "1.4e+07" || run.get("result.cities.0.loses") != nil {
			t.Errorf("the replay: %s", run.Body)
		}
		bought["same_owner"] = false
		other := s.send("finance.changsha", "PUT", path+"/replacement", bought, "If-Match", raised.Header.Get("ETag")).want(200)
		if other.text("amount_fen") != "4.5e+06" {
			t.Errorf("bought by another person: %s", other.Body)
		}
		if none := s.send("finance.changsha", "PUT", path+"/replacement", map[string]any{}, "If-Match", other.Header.Get("ETag")).want(200); none.get("bought") != nil {
			t.Errorf("taken back: %s", none.Body)
		}
	})
}

// TestCostPerUnitAndTonne proves F57: paid cases alone, by city, class, program
// version and factor version; the price of a tonne rests on the cases that have
// a factor.
func TestCostPerUnitAndTonne(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := s.payables(2)
		if rows := s.pages("finance.changsha", "/subsidy-costs"); len(rows) != 0 {
			t.Errorf("before anything is paid: %v", rows)
		}
		sent := s.sentBatch(program)
		answer := "序号,支付单号,收款人名称,支付金额,清算时间,支付状态,备注\n1,A-1,测试,35000.00,2026-01-15,支付成功,\n2,A-2,测试,35000.00,2026-01-15,支付成功,\n"
		s.upload("finance4.changsha", "/batches/"+sent.text("id")+"/answers", nil, "回单.csv", []byte(answer)).want(201)
		rows := s.pages("finance.changsha", "/subsidy-costs")
		if len(rows) != 1 || rows[0]["units"] != 2.0 || rows[0]["amount_fen"] != 7e6 || rows[0]["fen_per_unit"] != 3.5e6 || rows[0]["factor_revision"] == 0.0 {
			t.Fatalf("after the payment: %v", rows)
		}
		grams, each := rows[0]["nox_g"].(float64), rows[0]["fen_per_tonne"].(float64)
		if want := 7e6 * 1e6 / grams; grams <= 0 || each < want-1 || each > want+1 {
			t.Errorf("%v fen a tonne of %v g", each, grams)
		}
		if rows := s.pages("finance.zhuzhou", "/subsidy-costs"); len(rows) != 0 {
			t.Errorf("another city sees %v", rows)
		}
	})
}

// TestExplanationIsPrinted proves F42: who is owed and who is not gets the same
// sheet of A4, with every line, its clause and the amount in Chinese capitals.
func TestExplanationIsPrinted(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		id := s.send("finance.changsha", "POST", "/programs", draft("CITY", 1_000_000, 2_000_000)).want(201).text("id")
		s.issue("finance2.changsha", id, "").want(200)
		truck := s.Truck("clerk.changsha", "category", "heavy_plain", "scrap_due_on", "2028-12-31")
		c := s.Retire("changsha", truck.ID, "2025-06-30", true)
		sheet := s.send("finance.changsha", "GET", "/applications/"+c.ApplicationID+"/explanation", nil, "Accept-Language", "zh-CN").want(200)
		if !strings.HasPrefix(sheet.Header.Get("Content-Type"), "text/html") || !strings.Contains(sheet.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("headers: %v", sheet.Header)
		}
		body := strings.NewReplacer(c.ApplicationID, "申请编号", truck.Label, "号牌", truck.OwnerName, "所有人").Replace(string(sheet.Body))
		golden(t, "explanation.zh.golden.html", body)
		refused := s.Truck("clerk.changsha", "category", "heavy_plain", "scrap_due_on", "2026-01-01", "stage", "china4")
		s.Retire("changsha", refused.ID, "2025-06-30", true)
		no := s.send("clerk.changsha", "GET", "/assets/"+refused.ID+"/explanation?program_id="+id, nil, "Accept-Language", "en").want(200)
		golden(t, "explanation-refused.en.golden.html", strings.NewReplacer(refused.Label, "PLATE", refused.OwnerName, "OWNER").Replace(string(no.Body)))
		trial := s.send("clerk.changsha", "POST", "/programs/"+id+"/trial", map[string]any{"asset_id": s.Truck("clerk.changsha", "category", "heavy_plain", "scrap_due_on", "2027-01-15").ID, "day": "2026-01-15"}).want(200)
		if trial.text("eligible") != "true" || trial.text("early_months") != "12" || trial.text("amount_fen") != "1e+06" || trial.text("shares.0.amount_fen") != "900000" {
			t.Errorf("what would be: %s", trial.Body)
		}
	})
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s differs (%v): got\n%s", name, err, got)
	}
}
