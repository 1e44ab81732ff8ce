package api_test

import (
	"strings"
	"testing"

	"phaseout/internal/store/storetest"
)

// TestHistoryTellsWhichRuleChanged proves F77: of rules, papers and shares an event
// tells which member changed from what to what, in the reader's words; what stayed
// is not told.
func TestHistoryTellsWhichRuleChanged(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		program := map[string]any{"name": map[string]string{"zh": "方案", "en": "Program"}, "class": "truck", "document": "X", "valid_from": "2025-01-01", "valid_to": "2026-12-31",
			"rules": map[string]any{"cap_fen": 50_000_00, "conditions": []any{
				map[string]any{"kind": "stage", "codes": []string{"china2", "china3"}}, map[string]any{"kind": "early", "min": 12}},
				"parts": []any{map[string]any{"code": "scrap", "name": map[string]string{"zh": "报废补贴", "en": "for scrapping"}, "kind": "table", "axes": []any{map[string]any{"by": "group"}},
					"rows": []any{map[string]any{"cells": []any{map[string]any{"codes": []string{"heavy"}}}, "amount_fen": 10_000_00}, map[string]any{"cells": []any{map[string]any{"codes": []string{"medium"}}}, "amount_fen": 6_000_00}}}}}}
		body := map[string]any{"city_code": "430100", "code": "cs-1", "budget_fen": 0}
		for k, v := range program {
			body[k] = v
		}
		made := s.send("finance.changsha", "POST", "/programs", body).want(201)
		id := made.text("id")
		rules := program["rules"].(map[string]any)
		rules["cap_fen"] = 40_000_00
		rules["conditions"] = []any{map[string]any{"kind": "early", "min": 6, "clause": "第四条"}, map[string]any{"kind": "stage", "codes": []string{"china3", "china1"}}, map[string]any{"kind": "group", "codes": []string{"heavy"}}}
		rules["parts"].([]any)[0].(map[string]any)["rows"].([]any)[1].(map[string]any)["amount_fen"] = 7_000_00
		s.send("finance.changsha", "PUT", "/programs/"+id, program, "If-Match", made.Header.Get("ETag")).want(200)
		flow := s.send("finance.changsha", "GET", "/programs/"+id+"/flow", nil).want(200)
		s.send("finance.changsha", "PATCH", "/programs/"+id+"/flow", map[string]any{"reserve_on": "submission", "mend_days": 15,
			"papers": []map[string]string{{"paper": "owner_document", "for": "person"}}}, "If-Match", flow.Header.Get("ETag")).want(200)
		for lang, want := range map[string][]string{
			"zh": {"规则 · 上限: 50,000.00 元 → 40,000.00 元", "规则 · 条件 · 提前报废时间 · 下限: 12 → 6", "规则 · 条件 · 排放阶段 · 取值: 国二 → 国一", "规则 · 条件 · 类型分组:  → 取值 重型",
				"规则 · 补贴构成 · 报废补贴 · 表的行 · 中型 · 金额: 6,000.00 元 → 7,000.00 元", "所需材料 · 所有人身份证明 · 适用于: 所有人 → 个人", "所需材料 · 银行卡复印件: 适用于 个人 → "},
			"en": {"rules · cap: 50,000.00 yuan → 40,000.00 yuan", "for scrapping · rows · medium · amount: 6,000.00 yuan → 7,000.00 yuan"},
		} {
			told := s.send("finance.changsha", "GET", "/history?entity=program&id="+id, nil, "Accept-Language", lang).want(200)
			var lines []string
			for _, event := range told.get("items").([]any) {
				if event.(map[string]any)["action"] == "create" {
					continue
				}
				for _, change := range event.(map[string]any)["changes"].([]any) {
					c := change.(map[string]any)
					before, _ := c["before"].(string)
					after, _ := c["after"].(string)
					if c["field"] == "document" || c["field"] == "shares" {
						t.Errorf("%s stayed, and is told", c["field"])
					}
					lines = append(lines, c["name"].(string)+": "+before+" → "+after)
				}
			}
			all := strings.Join(lines, "\n")
			for _, line := range want {
				if !strings.Contains(all, line) {
					t.Errorf("%s: %q is not told", lang, line)
				}
			}
			if strings.Contains(all, "china") || strings.Contains(all, "owner_document") || strings.Contains(all, "{") {
				t.Errorf("%s: codes are told:\n%s", lang, all)
			}
		}
	})
}
