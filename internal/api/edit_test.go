package api_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"phaseout/internal/store/storetest"
)

// stored returns how many files lie in the folder of files.
func (s *site) stored() (n int) {
	s.t.Helper()
	err := fs.WalkDir(os.DirFS(filepath.Dir(s.FilesDir)), filepath.Base(s.FilesDir), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// TestLastEditIsTakenBack proves F78: an edit by hand that nothing came after is
// undone, numbers of people included, by an event of its own; what anything came
// after is not.
func TestLastEditIsTakenBack(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		clerk := "clerk.changsha"
		truck := s.Truck(clerk, "owner_id", "430102190001010007", "model", "甲")
		path := "/assets/" + truck.ID
		if a := s.send(clerk, "POST", path+"/undo", map[string]string{}, "If-Match", `"1"`).want(409); a.text("code") != "nothing_to_undo" {
			t.Errorf("an entry was undone: %s", a.Body)
		}
		s.send(clerk, "PATCH", path, map[string]any{"fields": map[string]string{"model": "乙", "owner_id": "430902190001010019", "gross_mass_kg": "30000"}}, "If-Match", `"1"`).want(200)
		s.send(clerk, "POST", path+"/undo", map[string]string{}).want(428)
		s.send(clerk, "POST", path+"/undo", map[string]string{}, "If-Match", `"1"`).want(412)
		s.send("clerk.zhuzhou", "POST", path+"/undo", map[string]string{}, "If-Match", `"2"`).want(404)
		s.send("reviewer.changsha", "POST", path+"/undo", map[string]string{}, "If-Match", `"2"`).want(403)
		undone := s.send(clerk, "POST", path+"/undo", map[string]string{"reason": "改错了车"}, "If-Match", `"2"`).want(200)
		if undone.text("version") != "3" || undone.Header.Get("ETag") != `"3"` {
			t.Errorf("undone as %s", undone.Body)
		}
		c, err := s.DB.Asset(t.Context(), s.Users[clerk].Scope, truck.ID)
		if err != nil || c.OwnerID != "430102190001010007" || c.Fields["model"] != "甲" || c.Fields["gross_mass_kg"] != truck.Fields["gross_mass_kg"] {
			t.Errorf("restored as %v %s, %v", c.Fields, c.OwnerID, err)
		}
		history := s.send(clerk, "GET", path+"/history", nil).want(200)
		if history.text("items.0.action") != "undo_edit" || history.text("items.0.reason") != "改错了车" || history.text("items.1.action") != "update" {
			t.Errorf("history: %.600s", history.Body)
		}
		s.send(clerk, "POST", path+"/undo", map[string]string{}, "If-Match", `"3"`).want(409)
		s.send(clerk, "PATCH", path, map[string]any{"fields": map[string]string{"model": "丙"}}, "If-Match", `"3"`).want(200)
		s.send(clerk, "POST", path+"/retirement", map[string]string{"way_out": "scrapped", "handed_in_on": "2025-11-01"}).want(201)
		version := s.send(clerk, "GET", path, nil).want(200).get("version").(float64)
		tag, err := json.Marshal(int(version))
		if err != nil {
			t.Fatal(err)
		}
		if a := s.send(clerk, "POST", path+"/undo", map[string]string{}, "If-Match", `"`+string(tag)+`"`).want(409); a.text("code") != "nothing_to_undo" {
			t.Errorf("an edit with a later change: %s", a.Body)
		}
	})
}
