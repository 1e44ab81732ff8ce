package api_test

import (
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"phaseout/internal/access"
	"phaseout/internal/app/apptest"
	"phaseout/internal/store"
	"phaseout/internal/store/storetest"
)

// The matrix of roles and operations asks as a yard, too; the world makes its account.
func init() {
	roleUsers[access.Yard] = "yard.zhuzhou"
}

// yardAccount adds the account of a yard.
func (s *site) yardAccount(username, city, yard string) {
	s.t.Helper()
	s.send("admin", "POST", "/users", map[string]string{"username": username, "role": "yard", "scope_code": city, "yard_id": yard, "password": apptest.Password}).want(201)
}

// TestYardSeesItsOwnIntakeAndNothingElse proves F34: a yard's account lists, reads
// and logs what was declared to have gone to it; another yard's line, and every
// record by every operation of the document, is not found or not permitted.
func TestYardSeesItsOwnIntakeAndNothingElse(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		mine, other := s.yard("province", "430100", "长沙示例再生资源有限公司"), s.yard("province", "430100", "长沙演示报废车回收有限公司")
		for _, bad := range []map[string]string{{"yard_id": ""}, {"yard_id": "none"}, {"yard_id": mine, "scope_code": "430200"}} {
			body := map[string]string{"username": "x", "role": "yard", "scope_code": "430100", "password": apptest.Password}
			for k, v := range bad {
				body[k] = v
			}
			s.send("admin", "POST", "/users", body).want(422)
		}
		s.yardAccount("yard.changsha", "430100", mine)
		declare := func(recycler, number string) (asset, id string) {
			asset = s.Truck("clerk.changsha").ID
			body := scrapping("", recycler, number)
			delete(body, "handed_in_on")
			return asset, s.send("clerk.changsha", "POST", "/assets/"+asset+"/retirement", body).want(201).text("id")
		}
		_, foreign := declare("长沙演示报废车回收有限公司", "B-1")
		asset, id := declare("长沙示例再生资源有限公司", "A-1")
		lines := s.pages("yard.changsha", "/intake")
		if len(lines) != 1 || lines[0]["id"] != id || lines[0]["next"] != "received" {
			t.Fatalf("intake: %v", lines)
		}
		if body := string(s.send("yard.changsha", "GET", "/intake/"+id, nil).want(200).Body); strings.Contains(body, "测试运输") || strings.Contains(body, "owner") || strings.Contains(body, asset) {
			t.Errorf("more than a certificate has: %s", body)
		}
		if got := s.send("yard.changsha", "GET", "/yard", nil).want(200).text("id"); got != mine {
			t.Errorf("its yard is %s", got)
		}
		etag := func() string { return s.send("yard.changsha", "GET", "/intake/"+id, nil).want(200).Header.Get("ETag") }
		step := func(id, step, on, etag string) answer {
			return s.send("yard.changsha", "POST", "/intake/"+id+"/steps", map[string]string{"step": step, "on": on}, "If-Match", etag)
		}
		step(foreign, "received", "2025-11-20", `"1"`).want(404)
		step(id, "deregistered", "2025-11-20", etag()).want(422)
		step(id, "received", "2023-11-20", etag()).want(422) // before its licence
		received := step(id, "received", "2025-11-20", etag()).want(200)
		if received.text("standing") != "received" || received.text("next") != "dismantled" {
			t.Errorf("received: %s", received.Body)
		}
		missing := step(id, "dismantled", "2025-11-28", etag())
		for _, item := range received.get("photos").([]any) {
			kind := item.(map[string]any)["code"].(string)
			s.upload("yard.changsha", "/intake/"+id+"/files", map[string]string{"kind": kind}, kind+".png", s.Photo()).want(201)
		}
		if missing.Status == 409 && missing.text("code") != "evidence_missing" {
			t.Errorf("without photos: %s", missing.Body)
		}
		if missing.Status == 409 {
			step(id, "dismantled", "2025-11-28", etag()).want(200)
		}
		s.upload("yard.changsha", "/intake/"+id+"/files", map[string]string{"kind": "deregistration"}, "x.png", s.Photo()).want(422)
		s.upload("yard.changsha", "/intake/"+foreign+"/files", map[string]string{"kind": "photo"}, "x.png", s.Photo()).want(404)
		history := s.send("auditor", "GET", "/assets/"+asset+"/history", nil).want(200)
		if !strings.Contains(string(history.Body), `"role":"yard"`) {
			t.Errorf("the audit does not say that it was the yard: %s", history.Body)
		}

		// Every operation with an id of the document: not permitted or not found.
		ids := map[string]string{"assets": asset, "retirements": id, "yards": mine, "intake": foreign}
		file := s.send("clerk.changsha", "GET", "/assets/"+asset+"/files", nil).want(200).text("items.0.id")
		ids["files"] = file
		asked := 0
		each(s.server.OpenAPI(), func(method, template string, op *huma.Operation) {
			operation := access.Operation(op.OperationID)
			if !strings.Contains(template, "{id}") || access.Public(operation) {
				return
			}
			asked++
			if resource := strings.Split(template, "/")[3]; ids[resource] == "" {
				ids[resource] = "none"
			}
			a := s.call("yard.changsha", method, fill(template, ids), op)
			if permitted := access.Permit(access.Yard, operation); (permitted && a.Status < 400) || (!permitted && a.Status != 403) {
				t.Errorf("%s %s as a yard: %d %s", method, template, a.Status, a.Body)
			}
		})
		if asked < 40 {
			t.Errorf("only %d operations", asked)
		}
		// The same below the handlers: a yard's scope opens no row but its intake.
		scope := access.ScopeOfYard("430100", mine)
		for name, err := range map[string]error{
			"asset": second(s.DB.Asset(t.Context(), scope, asset)), "retirement": second(s.DB.Retirement(t.Context(), scope, id)), "file": second(s.DB.File(t.Context(), scope, file)),
			"other yard": second(s.DB.Yard(t.Context(), scope, other)), "other line": second(s.DB.IntakeLine(t.Context(), scope, foreign)),
		} {
			if err == nil {
				t.Errorf("the store gives a yard's scope the %s", name)
			}
		}
		if list, err := s.DB.Intake(t.Context(), access.Whole(), "", storePage); err != nil || len(list) != 0 {
			t.Errorf("another scope has an intake: %v %v", list, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

var storePage = store.Page{Limit: 10}
