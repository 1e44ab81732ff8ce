package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"phaseout/internal/app"
	"phaseout/internal/app/apptest"
	"phaseout/internal/store/storetest"
	"phaseout/seeds"
)

// fraudKey is seeds/demo/frauds.key.json.
type fraudKey struct {
	PhotoMatches []struct {
		Label, City, Kind, Of string
		Mirrored              bool
	} `json:"photo_matches"`
	ImpossiblePhotos []struct {
		Label, City string
		Doubts      []string
	} `json:"impossible_photos"`
	Cases []struct {
		Label, City, Kind, Source string
		HoldsPayments             bool `json:"holds_payments"`
	}
	List struct {
		City, File string
		Findings   []struct {
			Row         int
			Label, Code string
		}
	}
	SilentDeletions []struct {
		City, Class string
		Count       int64
	} `json:"silent_deletions"`
}

// TestDemoFraudsAreFoundAndNothingElse proves F31, F32, F33, F40 and F63 on
// the demonstration: by what each screen asks for, the product finds the copied
// photos, the impossible one, the certificates used twice, the yards outside
// their licence, the truck that was seen after it was handed in and the records
// that were deleted behind its back, as the answer key has them, and no others.
func TestDemoFraudsAreFoundAndNothingElse(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		demonstration{site: demoSite(t, url, 0), key: readFraudKey(t)}.answersTheKey()
	})
}

func readFraudKey(t *testing.T) (key fraudKey) {
	t.Helper()
	text, err := seeds.FS.ReadFile("demo/frauds.key.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &key); err != nil {
		t.Fatal(err)
	}
	return key
}

// answersTheKey looks for everything that the key has.
func (d demonstration) answersTheKey() {
	d.t.Helper()
	d.photos()
	d.cases()
	d.list()
	d.yards()
	d.balance(false)
	d.checked()
	d.deleteSilently()
	d.balance(true)
}

// demoSite is a running server with the demonstration in it, on the day that
// its stories end with; with so many assets in all, 0 for the stories alone.
func demoSite(t *testing.T, url string, assets int) *site {
	t.Helper()
	s := &site{Fixture: apptest.WholeDemo(t, url, time.Date(2025, 12, 31, 1, 0, 0, 0, time.UTC), assets), t: t}
	s.serve()
	for _, user := range []string{"province", "admin", "clerk.changsha", "reviewer.changsha", "reviewer.zhuzhou", "reviewer.xiangtan", "reviewer.yueyang"} {
		s.tokens[user] = s.send("", "POST", "/auth/login", map[string]string{"username": user, "password": app.DemoPassword}).want(200).text("access_token")
	}
	return s
}

type demonstration struct {
	*site
	key fraudKey
}

// same compares what was found with the key, in any order.
func (d demonstration) same(what string, found, want []string) {
	d.t.Helper()
	slices.Sort(found)
	slices.Sort(want)
	if !slices.Equal(found, want) {
		d.t.Errorf("%s: found %q, the key has %q", what, found, want)
	}
}

func (d demonstration) label(assetID string) string {
	return d.send("province", "GET", "/assets/"+assetID, nil).want(200).text("label")
}

func (d demonstration) photos() {
	var found, want []string
	for _, m := range d.pages("province", "/photo-matches") {
		found = append(found, fmt.Sprint(m["city_code"], m["asset_label"], m["kind"], m["mirrored"], d.label(m["other_asset_id"].(string)), m["state"]))
	}
	for _, m := range d.key.PhotoMatches {
		want = append(want, fmt.Sprint(m.City, m.Label, m.Kind, m.Mirrored, m.Of, "open"))
	}
	d.same("photos of other records", found, want)

	grave := map[string]string{}
	var ids []string
	for _, r := range d.pages("province", "/retirements") {
		ids, grave[r["id"].(string)] = append(ids, r["id"].(string)), r["asset_label"].(string)
	}
	found, want = nil, nil
	for chunk := range slices.Chunk(ids, 100) {
		for _, f := range d.send("province", "GET", "/photo-flags?retirements="+strings.Join(chunk, ","), nil).want(200).get("items").([]any) {
			flags := f.(map[string]any)
			if flags["grave"].(float64) == 0 {
				continue
			}
			id := flags["retirement_id"].(string)
			for _, c := range d.send("province", "GET", "/retirements/"+id+"/photos", nil).want(200).get("items").([]any) {
				for _, doubt := range c.(map[string]any)["doubts"].([]any) {
					if doubt := doubt.(map[string]any); doubt["grave"] == true {
						found = append(found, fmt.Sprint(grave[id], " ", doubt["code"]))
					}
				}
			}
		}
	}
	for _, p := range d.key.ImpossiblePhotos {
		for _, code := range p.Doubts {
			want = append(want, p.Label+" "+code)
		}
	}
	d.same("impossible photos", found, want)
}

// cases leaves aside the attempts to register what is retired, of which each
// city has one that is no fraud but the registry's daily bread.
func (d demonstration) cases() {
	var found, want []string
	for _, c := range d.pages("province", "/cases") {
		if c["kind"] == "retired_identity_seen" {
			continue
		}
		detail := d.send("province", "GET", "/cases/"+c["id"].(string), nil).want(200)
		found = append(found, fmt.Sprint(c["city_code"], c["asset_label"], c["kind"], detail.text("seen.0.source"), detail.get("hold.released_at") == nil && detail.text("hold.held_at") != ""))
	}
	for _, c := range d.key.Cases {
		want = append(want, fmt.Sprint(c.City, c.Label, c.Kind, c.Source, c.HoldsPayments))
	}
	d.same("cases", found, want)
}

func (d demonstration) list() {
	var found, want []string
	for _, i := range d.pages("province", "/imports") {
		if i["kind"] != "retirements" {
			continue
		}
		labels := map[any]any{}
		for _, row := range d.pages("province", "/imports/"+i["id"].(string)+"/rows") {
			labels[row["row"]] = row["label"]
		}
		for _, f := range d.pages("province", "/imports/"+i["id"].(string)+"/findings") {
			found = append(found, fmt.Sprint(i["city_code"], i["file_name"], f["row"], labels[f["row"]], f["code"]))
		}
	}
	for _, f := range d.key.List.Findings {
		want = append(want, fmt.Sprint(d.key.List.City, d.key.List.File, f.Row, f.Label, f.Code))
	}
	d.same("findings of the yard's list", found, want)
}

// yards looks at every certificate that was taken: none is of a day on which
// its yard was not licensed, and none was taken twice.
// Of the stock's many, each hundredth is asked about.
func (d demonstration) yards() {
	seen := map[string]any{}
	for n, r := range d.pages("province", "/retirements") {
		number, _ := r["certificate_no"].(string)
		if number == "" {
			continue
		}
		issued := fmt.Sprint(r["yard_id"], number)
		if other, twice := seen[issued]; twice {
			d.t.Errorf("%v and %v have the same certificate", r["asset_label"], other)
		}
		seen[issued] = r["asset_label"]
		if strings.Contains(fmt.Sprint(r["recycler"]), "模拟") && n%100 > 0 {
			continue
		}
		query := strings.NewReplacer(" ", "%20").Replace(fmt.Sprintf("number=%s&recycler=%v&class=%v&on=%v", number, r["recycler"], r["class"], r["handed_in_on"]))
		if r["handed_in_on"] == nil {
			query = strings.ReplaceAll(query, "&on=<nil>", "")
		}
		if a := d.send("clerk.changsha", "GET", "/certificate-checks?"+query, nil).want(200); a.get("refused.0") != nil || a.get("doubts.0") != nil {
			d.t.Errorf("%v: %s", r["asset_label"], a.Body)
		}
	}
}

// balance says what is missing without a reason, city by city and class by class.
func (d demonstration) balance(deleted bool) {
	var sheet struct{ Items []balanceRow }
	d.send("province", "GET", "/progress/balance?from=2025-12&to=2025-12", nil).want(200).into(&sheet)
	var found, want []string
	for _, r := range sheet.Items {
		if r.Rest != 0 {
			found = append(found, fmt.Sprint(r.City, r.Class, -r.Rest))
		}
	}
	for _, s := range d.key.SilentDeletions {
		if deleted {
			want = append(want, fmt.Sprint(s.City, s.Class, s.Count))
		}
	}
	d.same("silent deletions", found, want)
}

// deleteSilently does what the key says behind the program's back, to records
// on which nothing hangs.
func (d demonstration) deleteSilently() {
	handle, err := d.DB.Handle()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, s := range d.key.SilentDeletions {
		gone := int64(0)
		for _, a := range d.pages("province", "/assets?metric=remaining&as_of=2025-12-31&class="+s.Class+"&city="+s.City) {
			if gone == s.Count {
				break
			}
			tx, err := handle.BeginTx(context.Background(), nil)
			if err != nil {
				d.t.Fatal(err)
			}
			for _, statement := range []string{"DELETE FROM asset_identifiers WHERE asset_id = $1", "DELETE FROM assets WHERE id = $1"} {
				if err == nil {
					_, err = tx.ExecContext(context.Background(), statement, a["id"])
				}
			}
			if err != nil { // something hangs on it
				_ = tx.Rollback()
				continue
			}
			if err := tx.Commit(); err != nil {
				d.t.Fatal(err)
			}
			gone++
		}
		if gone != s.Count {
			d.t.Fatalf("%d of %d %s of %s could be deleted", gone, s.Count, s.Class, s.City)
		}
	}
	if _, err := d.DB.VerifySummary(context.Background()); err == nil {
		d.t.Error("the check did not see the deletions")
	}
}
