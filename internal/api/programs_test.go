package api_test

func init() {
	terms := `{"name":{"zh":"方案","en":"Program"},"class":"truck","document":"X","valid_from":"2025-01-01","valid_to":"2026-12-31","rules":{"table":[{"group":"","from_months":0,"amount_fen":100}]}}`
	moreBodies["update-program"] = terms
	moreBodies["decide-program"] = `{"decision":"discard"}`
	moreWorld = append(moreWorld, func(_ *site, ids map[string]string) {
		ids["program-check"], ids["rule-vocabulary"] = "none-of-ours", "truck"
	})
}
