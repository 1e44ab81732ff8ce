package api_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"phaseout/internal/access"
	"phaseout/internal/store/storetest"
)

// roleUsers is one account of each role, of Changsha where the role is a city's.
var roleUsers = map[access.Role]string{
	access.Clerk: "clerk.changsha", access.Reviewer: "reviewer.changsha", access.Finance: "finance.changsha",
	access.Province: "province", access.Auditor: "auditor", access.Admin: "admin",
}

// world is one record of each kind in Zhuzhou, which is foreign to Changsha.
func (s *site) world() map[string]string {
	asset := s.Truck("clerk.zhuzhou")
	c := s.Retire("zhuzhou", asset.ID, "2025-11-11", false)
	program := s.send("finance.zhuzhou", "POST", "/programs", map[string]any{"code": "P", "name": map[string]string{"zh": "方案", "en": "Program"}, "city_code": "430200", "class": "truck",
		"valid_from": "2025-01-01", "valid_to": "2026-12-31", "budget_fen": 100_000_00,
		"rules": map[string]any{"stages": []string{"china3"}, "min_early_months": 0, "operating_only": false, "table": []any{map[string]any{"group": "", "from_months": 0, "amount_fen": 100_00}}}}).want(201).text("id")
	etag := s.send("reviewer.zhuzhou", "GET", "/retirements/"+c.ID, nil).want(200).Header.Get("ETag")
	application := s.send("reviewer.zhuzhou", "POST", "/retirements/"+c.ID+"/verification", map[string]string{"decision": "verify"}, "If-Match", etag).want(200).text("application_id")
	other := s.Truck("clerk.zhuzhou")
	otherCase := s.Retire("zhuzhou", other.ID, "2025-11-12", true)
	s.Brief(program)
	s.Approve("zhuzhou", otherCase.ApplicationID)
	batch := s.send("finance.zhuzhou", "POST", "/batches", map[string]string{"program_id": program}).want(201).text("id")
	file := s.send("clerk.zhuzhou", "GET", "/assets/"+asset.ID+"/files", nil).want(200).text("items.0.id")
	sheet := s.upload("clerk.zhuzhou", "/imports", map[string]string{"class": "truck", "city": "430200"}, "a.csv", []byte("号牌号码,车辆识别代号,所有人,初次登记日期\n湘B99999,"+"LZZTEST40DA000009"+",某某,2010-01-01\n")).want(202).text("id")
	s.until("clerk.zhuzhou", sheet, "checked")
	view := s.send("clerk.zhuzhou", "POST", "/views", map[string]any{"name": "V", "page": "assets", "query": map[string]string{}, "columns": []string{}, "shared": true}).want(201).text("id")
	s.send("clerk.zhuzhou", "POST", "/assets", map[string]any{"class": "truck", "city_code": "430200", "fields": s.TruckFields("湘B", "vin", other.Fields["vin"])}).want(409)
	seen := s.send("clerk.zhuzhou", "GET", "/cases", nil).want(200).text("items.0.id")
	s.lookalikes("clerk.zhuzhou")
	pair := s.send("clerk.zhuzhou", "GET", "/duplicates", nil).want(200).text("items.0.id")
	transfer := s.send("clerk.zhuzhou", "POST", "/assets/"+s.Truck("clerk.zhuzhou").ID+"/transfer", map[string]string{"to_city": "430600", "reason": "sold"}).want(201).text("id")
	compared := s.upload("clerk.zhuzhou", "/comparisons", map[string]string{"class": "truck", "city": "430200", "kind": "other"}, "a.csv", []byte("号牌号码\n湘B99998\n")).want(202).text("id")
	s.compared("clerk.zhuzhou", compared)
	line := s.send("clerk.zhuzhou", "GET", "/comparisons/"+compared+"/lines", nil).want(200).text("items.0.id")
	users := s.pages("admin", "/users")
	target := s.send("province", "GET", "/targets", nil).want(200).text("items.0.id")
	ids := map[string]string{"assets": asset.ID, "retirements": c.ID, "programs": program, "applications": application, "batches": batch, "files": file, "imports": sheet,
		"users": users[0]["id"].(string), "targets": target, "owners": asset.OwnerRef, "cohort-rules": s.send("province", "GET", "/cohort-rules", nil).want(200).text("items.0.id"),
		"cases": seen, "duplicates": pair, "transfers": transfer, "import-mappings": "none-of-ours", "quality": "none-of-ours", "comparisons": compared, "comparison-lines": line, "views": view}
	for _, more := range moreWorld {
		more(s, ids)
	}
	return ids
}

// moreWorld adds the records of further resources to world, by the first part
// of their path; moreBodies are whole bodies for operations on one record. The
// tests of a resource add to both in an init function.
var (
	moreWorld  []func(s *site, ids map[string]string)
	moreBodies = map[string]string{}
)

// fill puts an id for the variables of a path template.
func fill(template string, ids map[string]string) string {
	path := strings.TrimPrefix(template, "/api/v1")
	resource := strings.Split(path, "/")[1]
	path = strings.ReplaceAll(path, "{class}", "truck.xlsx")
	return strings.ReplaceAll(path, "{id}", ids[resource])
}

// each calls fn for every operation of the document.
func each(doc *huma.OpenAPI, fn func(method, template string, op *huma.Operation)) {
	for template, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPatch: item.Patch, http.MethodPut: item.Put, http.MethodDelete: item.Delete} {
			if op != nil {
				fn(method, template, op)
			}
		}
	}
}

// call makes the barest request of an operation. What its body lacks does not
// matter: who may not, is told so before anything is read.
func (s *site) call(user, method, path string, op *huma.Operation) answer {
	if op.RequestBody != nil && op.RequestBody.Content["multipart/form-data"] != nil {
		kind := "photo"
		if op.OperationID == "create-comparison" {
			kind = "other"
		}
		return s.upload(user, path, map[string]string{"kind": kind, "class": "truck", "city": "430100"}, "x.png", s.Photo())
	}
	if method == http.MethodGet {
		return s.send(user, method, path, nil)
	}
	return s.send(user, method, path, "{}", "If-Match", `"1"`)
}

// TestMatrixOfRolesAndOperations makes every request of the document with every
// role. Proves F75: an operation without a rule cannot be served, and each role
// may do what the table says and nothing else.
func TestMatrixOfRolesAndOperations(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		own := map[string]string{}
		for resource := range s.world() {
			own[resource] = "no-such-id"
		}
		cells := 0
		each(s.server.OpenAPI(), func(method, template string, op *huma.Operation) {
			id := access.Operation(op.OperationID)
			if !access.Known(id) {
				t.Errorf("%s has no rule", id)
			}
			if access.Public(id) {
				return
			}
			path := fill(template, own)
			if a := s.call("", method, path, op); a.Status != http.StatusUnauthorized {
				t.Errorf("%s %s without a token: got %d", method, path, a.Status)
			}
			for role, user := range roleUsers {
				cells++
				a := s.call(user, method, path, op)
				refused := a.Status == http.StatusForbidden && a.text("code") == "forbidden"
				if refused == access.Permit(role, id) {
					t.Errorf("%s %s as %s: got %d %s", method, path, role, a.Status, a.Body)
				}
				if a.Status >= 500 {
					t.Errorf("%s %s as %s: %d", method, path, role, a.Status)
				}
			}
		})
		if cells < 300 {
			t.Errorf("only %d cells", cells)
		}
	})
}

// strip takes out what differs between any two answers.
func strip(a answer) string {
	return fmt.Sprint(a.Status, a.Header.Get("Content-Type"), a.Header.Get("ETag"), string(bytes.ReplaceAll(a.Body, []byte(a.Header.Get("X-Request-Id")), nil)))
}

// TestForeignRowAnswersAsAMissingRow asks every operation with an id for
// another city's record and for none: the answers are the same. Proves F75.
func TestForeignRowAnswersAsAMissingRow(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		foreign := s.world()
		missing := map[string]string{}
		for resource := range foreign {
			missing[resource] = "01a20d61-0000-7000-8000-000000000000"
		}
		bodies := map[string]string{
			"update-asset": `{"fields":{"model":"X"}}`, "create-retirement": `{"way_out":"scrapped","handed_in_on":"2025-01-01"}`, "update-retirement": `{"way_out":"scrapped"}`,
			"verify-retirement": `{"decision":"verify"}`, "apply-import": `{"mode":"valid_rows"}`, "map-import": `{"header_row":1,"columns":[]}`, "update-application-payee": `{"payee_name":"X"}`,
			"update-view": `{"name":"X"}`, "decide-application": `{"decision":"approve"}`, "void-batch": `{"reason":"X"}`, "send-batch": "",
			"replace-engine": `{"number":"X","on":"2025-01-01"}`, "change-owner": `{"name":"X","on":"2025-01-01"}`, "update-owner": `{"name":"X"}`, "merge-owners": `{"into":"x","reason":"x"}`,
			"decide-quality-issue": `{"accept":true,"note":"X"}`, "decide-comparison-line": `{"state":"done"}`, "update-quality-rule": `{"enabled":true,"severity":"error"}`,
			"decide-duplicate": `{"same":true,"reason":"X"}`, "close-case": `{"outcome":"X"}`, "create-transfer": `{"to_city":"430600","reason":"X"}`,
			"answer-transfer": `{"accept":true}`, "withdraw-transfer": `{}`,
		}
		maps.Copy(bodies, moreBodies)
		asked := 0
		each(s.server.OpenAPI(), func(method, template string, op *huma.Operation) {
			if !strings.Contains(template, "{id}") || strings.HasPrefix(template, "/api/v1/users") || strings.HasPrefix(template, "/api/v1/targets") || strings.HasPrefix(template, "/api/v1/cohort-rules") {
				return // accounts, targets and cohort rules are the province's, not a city's
			}
			for _, role := range []access.Role{access.Clerk, access.Reviewer, access.Finance} {
				if !access.Permit(role, access.Operation(op.OperationID)) {
					continue
				}
				ask := func(ids map[string]string) answer {
					path := fill(template, ids)
					if body, ok := bodies[op.OperationID]; ok {
						return s.send(roleUsers[role], method, path, body, "If-Match", `"1"`)
					}
					return s.call(roleUsers[role], method, path, op)
				}
				asked++
				theirs, none := ask(foreign), ask(missing)
				if theirs.Status != http.StatusNotFound || strip(theirs) != strip(none) {
					t.Errorf("%s %s as %s: a foreign row answers %s, a missing one %s", method, template, role, strip(theirs), strip(none))
				}
			}
		})
		if asked < 25 {
			t.Errorf("only %d requests", asked)
		}
	})
}

// generatedAt is the instant of a figure, which is later in a later answer.
var generatedAt = regexp.MustCompile(`"generated_at":"[^"]*"`)

// TestListsOfACityDoNotChangeWithAnotherCitysData builds two worlds that differ
// only in Zhuzhou's data: every list, count, search, roll-up and export of
// Changsha is the same in both. Proves F75.
func TestListsOfACityDoNotChangeWithAnotherCitysData(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.Truck("clerk.changsha")
		paths := []string{"/assets?total=true", "/assets?q=" + "%E6%B9%98", "/assets?city=430200", "/assets?metric=verified&as_of=2026-01-01", "/assets?metric=cohort&as_of=2026-01-01&city=430200", "/retirements", "/imports",
			"/programs", "/programs?city=430200", "/progress?as_of=2026-01-01", "/progress?as_of=2026-01-01&city=430200", "/progress?as_of=2026-01-01&group_by=district", "/progress?group_by=class", "/targets",
			"/assets/count", "/assets/count?city=430200", "/assets/export?format=csv", "/assets/export?format=csv&city=430200", "/retirements/count", "/retirements/export?format=csv", "/views"}
		before := map[string]string{}
		ask := func(path string) string {
			return generatedAt.ReplaceAllString(string(s.send("clerk.changsha", "GET", path, nil).want(200).Body), "")
		}
		for _, path := range paths {
			before[path] = ask(path)
		}
		s.world()
		for _, path := range paths {
			if after := ask(path); after != before[path] {
				t.Errorf("%s changed with another city's data:\n%s\n%s", path, before[path], after)
			}
		}
		if n := len(s.pages("finance.changsha", "/applications")) + len(s.pages("finance.changsha", "/batches")); n != 0 {
			t.Errorf("finance of Changsha sees %d of Zhuzhou's", n)
		}
		if !slices.ContainsFunc(s.pages("province", "/assets"), func(a map[string]any) bool { return a["city_code"] == "430200" }) {
			t.Error("the province does not see Zhuzhou")
		}
	})
}

// TestDistrictUserSeesTheDistrict proves F75: scope is inherited downwards.
func TestDistrictUserSeesTheDistrict(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		mine := s.Truck("clerk.changsha", "district", "430104")
		s.Truck("clerk.changsha", "district", "430102")
		s.Truck("clerk.changsha")
		list := s.pages("clerk.yuelu", "/assets")
		if len(list) != 1 || list[0]["id"] != mine.ID {
			t.Errorf("the district's clerk sees %d assets", len(list))
		}
		created := s.send("clerk.yuelu", "POST", "/assets", map[string]any{"class": "truck", "city_code": "430100", "fields": s.TruckFields("湘A")}).want(201)
		if created.text("district_code") != "430104" {
			t.Errorf("registered in district %s", created.text("district_code"))
		}
		refused := s.send("clerk.yuelu", "POST", "/assets", map[string]any{"class": "truck", "city_code": "430100", "fields": s.TruckFields("湘A", "district", "芙蓉区")}).want(422)
		if refused.text("errors.0.code") != "wrong_city" {
			t.Errorf("another district: %s", refused.Body)
		}
		rows := s.send("clerk.yuelu", "GET", "/progress?class=truck&group_by=district", nil).want(200)
		for _, item := range rows.get("items").([]any) {
			if d := item.(map[string]any)["district_code"]; d != nil && d != "430104" {
				t.Errorf("the sheet has district %v", d)
			}
		}
	})
}
