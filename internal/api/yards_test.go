package api_test

import (
	"strings"
	"testing"

	"phaseout/internal/store/storetest"
)

func init() {
	moreWorld = append(moreWorld, func(s *site, ids map[string]string) {
		// Registered last, so that the retirements of the world need no yard.
		ids["yards"] = s.yard("province", "430200", "株洲测试回收有限公司")
		s.yardAccount("yard.zhuzhou", "430200", ids["yards"])
		ids["intake"], ids["yard"] = ids["retirements"], "none"
	})
	moreBodies["update-yard"] = `{"name":"X","credit_code":"91430100MA00000003","classes":["truck"]}`
	moreBodies["renew-yard"] = `{"licence_no":"X","valid_from":"2025-01-01","valid_to":"2025-12-31"}`
	moreBodies["block-yard"] = `{"kind":"suspended","from":"2025-01-01","reason":"X"}`
	moreBodies["lift-yard-block"] = `{"block_id":"X","last_on":"2025-01-01","reason":"X"}`
}

// yard registers a yard of a city that takes every class and returns its id.
func (s *site) yard(user, city, name string) string {
	s.t.Helper()
	return s.send(user, "POST", "/yards", map[string]any{"city_code": city, "name": name, "credit_code": "91430100MA00000003", "classes": []string{"truck", "machinery", "farm_machinery", "vessel"},
		"latitude": 28.2, "longitude": 112.9, "capacity_per_month": 300, "licence_no": "资质-001", "valid_from": "2024-01-01", "valid_to": "2026-12-31"}).want(201).text("id")
}

// scrapping is a declaration with a recycler and a certificate.
func scrapping(handed, recycler, certificate string) map[string]string {
	return map[string]string{"way_out": "scrapped", "driver": "subsidy", "handed_in_on": handed, "recycler": recycler, "certificate_no": certificate}
}

// TestCertificatesOnlyOfLicensedYards proves F33: once a city has a register,
// a recycler that is not in it is refused with the nearest names; a day outside
// the licence, a suspension and a black-listing are refused with the reason.
func TestCertificatesOnlyOfLicensedYards(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		retire := func(body map[string]string) answer {
			return s.send("clerk.changsha", "POST", "/assets/"+s.Truck("clerk.changsha").ID+"/retirement", body)
		}
		retire(scrapping("2025-11-20", "尚无名录的企业", "A-0001")).want(201) // no register yet
		id := s.yard("reviewer.changsha", "430100", "长沙示例再生资源有限公司")
		unknown := retire(scrapping("2025-11-20", "长沙市示例再生资源公司", "A-0002")).want(422)
		if unknown.text("errors.0.code") != "unknown_yard" || !strings.Contains(unknown.text("errors.0.mend"), "长沙示例再生资源有限公司") {
			t.Errorf("an unknown yard: %s", unknown.Body)
		}
		taken := retire(scrapping("2025-11-20", " 长沙示例再生资源 有限公司", "A-0003")).want(201)
		if taken.text("yard_id") != id || taken.text("recycler") != "长沙示例再生资源有限公司" {
			t.Errorf("by its name: %s", taken.Body)
		}
		byID := map[string]string{"way_out": "scrapped", "handed_in_on": "2025-11-20", "yard_id": id, "certificate_no": "A-0004"}
		retire(byID).want(201)
		byID["yard_id"] = "none"
		retire(byID).want(422)
		if a := retire(scrapping("2023-12-31", "长沙示例再生资源有限公司", "A-0005")).want(422); a.text("errors.0.code") != "yard_unlicensed" {
			t.Errorf("before the licence: %s", a.Body)
		}

		// Another city's yard can have taken it, the city's own cannot be changed from there.
		s.yard("reviewer.zhuzhou", "430200", "株洲示例回收有限公司")
		retire(scrapping("2025-11-20", "株洲示例回收有限公司", "A-0006")).want(201)
		s.send("reviewer.zhuzhou", "GET", "/yards/"+id, nil).want(404)

		y := s.send("reviewer.changsha", "GET", "/yards/"+id, nil).want(200)
		block := map[string]string{"kind": "suspended", "from": "2025-12-01", "reason": "长环罚〔2025〕1号"}
		s.send("reviewer.zhuzhou", "POST", "/yards/"+id+"/blocks", block, "If-Match", y.Header.Get("ETag")).want(404)
		blocked := s.send("reviewer.changsha", "POST", "/yards/"+id+"/blocks", block, "If-Match", y.Header.Get("ETag")).want(200)
		s.send("reviewer.changsha", "POST", "/yards/"+id+"/blocks", block, "If-Match", y.Header.Get("ETag")).want(412)
		if blocked.text("status") != "suspended" {
			t.Errorf("blocked: %s", blocked.Body)
		}
		if a := retire(scrapping("2025-12-05", "长沙示例再生资源有限公司", "A-0007")).want(422); a.text("errors.0.code") != "yard_suspended" || !strings.Contains(a.text("errors.0.message"), "长环罚〔2025〕1号") {
			t.Errorf("while suspended: %s", a.Body)
		}
		retire(scrapping("2025-11-30", "长沙示例再生资源有限公司", "A-0008")).want(201)
		lifted := s.send("province", "POST", "/yards/"+id+"/lift", map[string]string{"block_id": blocked.text("blocks.0.id"), "last_on": "2025-12-10", "reason": "整改验收合格"}, "If-Match", blocked.Header.Get("ETag")).want(200)
		retire(scrapping("2025-12-11", "长沙示例再生资源有限公司", "A-0009")).want(201)
		black := s.send("province", "POST", "/yards/"+id+"/blocks", map[string]string{"kind": "blacklisted", "from": "2025-12-15", "reason": "伪造证明"}, "If-Match", lifted.Header.Get("ETag")).want(200)
		if a := retire(scrapping("2026-01-10", "长沙示例再生资源有限公司", "A-0010")).want(422); a.text("errors.0.code") != "yard_blacklisted" {
			t.Errorf("black-listed: %s", a.Body)
		}
		renewed := s.send("province", "POST", "/yards/"+id+"/licences", map[string]string{"licence_no": "资质-002", "valid_from": "2027-01-01", "valid_to": "2029-12-31"}, "If-Match", black.Header.Get("ETag")).want(200)
		if renewed.text("valid_to") != "2029-12-31" || len(renewed.get("licences").([]any)) != 2 {
			t.Errorf("renewed: %s", renewed.Body)
		}
		s.send("province", "POST", "/yards/"+id+"/licences", map[string]string{"licence_no": "资质-003", "valid_from": "2029-12-31", "valid_to": "2030-12-31"}, "If-Match", renewed.Header.Get("ETag")).want(422)
		s.send("reviewer.changsha", "PATCH", "/yards/"+id, map[string]any{"name": "长沙示例再生资源有限公司", "credit_code": "91430100MA00000003", "classes": []string{"vessel"}}, "If-Match", renewed.Header.Get("ETag")).want(200)
		if a := retire(scrapping("2025-11-20", "长沙示例再生资源有限公司", "A-0011")).want(422); a.text("errors.0.code") != "yard_class" {
			t.Errorf("another class: %s", a.Body)
		}
		if n := len(s.pages("reviewer.changsha", "/yards/"+id+"/history")); n != 6 {
			t.Errorf("the history has %d events", n)
		}
		if n := len(s.pages("clerk.changsha", "/yards")); n != 1 {
			t.Errorf("the city sees %d yards", n)
		}
	})
}

// TestCertificateNumberIsOneWithItsIssuer proves F32: a number is taken once of
// one yard over the whole province, however it is written, and of another yard
// again; only a form with a source is refused; the report shows gap and burst.
func TestCertificateNumberIsOneWithItsIssuer(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		id := s.yard("province", "430100", "长沙示例再生资源有限公司")
		s.yard("province", "430200", "株洲示例回收有限公司")
		retire := func(city, recycler, number, handed string) answer {
			return s.send("clerk."+city, "POST", "/assets/"+s.Truck("clerk."+city).ID+"/retirement", scrapping(handed, recycler, number))
		}
		retire("changsha", "长沙示例再生资源有限公司", "HS-0001", "2025-11-01").want(201)
		if a := retire("zhuzhou", "长沙示例再生资源有限公司", "ｈｓ 0001", "2025-11-01").want(422); a.text("errors.0.code") != "duplicate" {
			t.Errorf("the same certificate in another city: %s", a.Body)
		}
		retire("zhuzhou", "株洲示例回收有限公司", "HS-0001", "2025-11-01").want(201)
		if a := retire("changsha", "长沙示例再生资源有限公司", "---", "2025-11-01").want(422); a.text("errors.0.location") != "body.certificate_no" {
			t.Errorf("no number: %s", a.Body)
		}
		retire("changsha", "长沙示例再生资源有限公司", "HS-0004", "2025-11-02").want(201)
		for _, number := range []string{"HS-0005", "HS-0006", "HS-0007", "HS-0008", "HS-0009", "HS-0010"} {
			retire("changsha", "长沙示例再生资源有限公司", number, "2025-12-30").want(201)
		}
		report := s.send("clerk.changsha", "GET", "/yards/"+id+"/report", nil).want(200)
		if report.text("gaps.0.from") != "HS-0002" || report.text("gaps.0.to") != "HS-0003" || report.text("bursts.0.from") != "2025-12-30" {
			t.Errorf("report: %s", report.Body)
		}
		y := s.send("province", "GET", "/yards/"+id, nil).want(200)
		s.send("province", "PATCH", "/yards/"+id, map[string]any{"name": "长沙示例再生资源有限公司", "credit_code": "91430100MA00000003", "classes": []string{"truck"}, "certificate_pattern": `HS-\d{4}`, "pattern_source": "湘商建〔2024〕1号"}, "If-Match", y.Header.Get("ETag")).want(200)
		if a := retire("changsha", "长沙示例再生资源有限公司", "ZZ-1", "2025-11-01").want(422); a.text("errors.0.code") != "certificate_form" {
			t.Errorf("another form: %s", a.Body)
		}
	})
}

// TestDoubtAboutACertificateIsShown proves F32: a number that is not of the
// form which a yard is known for, and of which nobody has said where it is laid
// down, is taken; who enters it is told at once, and so is who reviews it, in a
// list too. What would be refused is told before it is sent.
func TestDoubtAboutACertificateIsShown(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		const name = "长沙示例再生资源有限公司"
		id := s.yard("province", "430100", name)
		known := func(source string) {
			y := s.send("province", "GET", "/yards/"+id, nil).want(200)
			s.send("province", "PATCH", "/yards/"+id, map[string]any{"name": name, "credit_code": "91430100MA00000003", "classes": []string{"truck"},
				"certificate_pattern": `HS-\d{4}`, "pattern_source": source}, "If-Match", y.Header.Get("ETag")).want(200)
		}
		known("")
		ask := func(user, number, more string) answer {
			return s.send(user, "GET", "/certificate-checks?recycler="+name+"&number="+number+more, nil)
		}
		if a := ask("clerk.changsha", "HS-0001", "").want(200); a.get("doubts.0") != nil || a.get("refused.0") != nil {
			t.Errorf("a number of the form: %s", a.Body)
		}
		if a := ask("clerk.changsha", "ZZ-1", "").want(200); a.text("doubts.0.code") != "certificate_form" || !strings.Contains(a.text("doubts.0.text.zh"), name) || a.get("refused.0") != nil {
			t.Errorf("another form: %s", a.Body)
		}
		if a := ask("clerk.changsha", "HS-0001", "&class=truck&on=2023-12-31").want(200); a.text("refused.0.code") != "yard_unlicensed" {
			t.Errorf("a day before the licence: %s", a.Body)
		}
		if a := ask("clerk.changsha", "HS-0001", "&class=vessel&on=2025-12-01").want(200); a.text("refused.0.code") != "yard_class" {
			t.Errorf("another class: %s", a.Body)
		}
		if a := s.send("reviewer.changsha", "GET", "/certificate-checks?number=A%3F&recycler=nobody", nil).want(200); a.text("doubts.0.code") != "certificate_form" {
			t.Errorf("no number that anybody issues: %s", a.Body)
		}
		ask("finance.changsha", "HS-0001", "").want(403)
		ask("clerk.changsha", "HS-0001", "&class=truck&on=2025-02-30").want(422)

		made := s.send("clerk.changsha", "POST", "/assets/"+s.Truck("clerk.changsha").ID+"/retirement", scrapping("2025-11-20", name, "ZZ-1")).want(201)
		if made.text("certificate_doubts.0.code") != "certificate_form" {
			t.Errorf("as logged: %s", made.Body)
		}
		for _, path := range []string{"/retirements/" + made.text("id"), "/retirements?state=declared"} {
			if a := s.send("reviewer.changsha", "GET", path, nil).want(200); !strings.Contains(string(a.Body), "certificate_doubts") {
				t.Errorf("the reviewer at %s: %s", path, a.Body)
			}
		}
		good := s.send("clerk.changsha", "POST", "/assets/"+s.Truck("clerk.changsha").ID+"/retirement", scrapping("2025-11-20", name, "HS-0002")).want(201)
		if good.get("certificate_doubts") != nil {
			t.Errorf("no doubt: %s", good.Body)
		}
		list := s.send("clerk.changsha", "POST", "/retirement-lists", map[string]any{"class": "truck", "city": "430100", "text": "号牌\t证明编号\n" + s.Truck("clerk.changsha").Label + "\tYY-7\n",
			"defaults": map[string]string{"way_out": "scrapped", "handed_in_on": "2025-11-20", "recycler": name}}).want(202)
		s.until("clerk.changsha", list.text("id"), "checked")
		found := s.pages("clerk.changsha", "/imports/"+list.text("id")+"/findings")
		if len(found) != 1 || found[0]["code"] != "certificate_form" || found[0]["severity"] != "warning" {
			t.Errorf("findings of the list: %v", found)
		}

		// Once somebody has said where the form is laid down, such a number is
		// refused, and the one that is there stays a doubt.
		known("湘商建〔2024〕1号")
		if a := ask("clerk.changsha", "ZZ-2", "").want(200); a.text("refused.0.code") != "certificate_form" {
			t.Errorf("with a source: %s", a.Body)
		}
		if a := s.send("reviewer.changsha", "GET", "/retirements/"+made.text("id"), nil).want(200); a.text("certificate_doubts.0.code") != "certificate_form" {
			t.Errorf("logged before the source: %s", a.Body)
		}
	})
}

// TestBlackListedUnderEveryName proves F33: an enterprise that is black-listed is
// not registered anew under another name, in whichever city; once the listing
// has ended it may be.
func TestBlackListedUnderEveryName(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		path := "/yards/" + s.yard("reviewer.changsha", "430100", "长沙示例再生资源有限公司")
		anew := func(user, city, name string) answer {
			return s.send(user, "POST", "/yards", map[string]any{"city_code": city, "name": name, "credit_code": "91430100MA00000003", "classes": []string{"truck"}, "licence_no": "资质-002", "valid_from": "2024-01-01", "valid_to": "2026-12-31"})
		}
		s.send("reviewer.changsha", "POST", path+"/blocks", map[string]string{"kind": "blacklisted", "from": "2025-12-01", "reason": "伪造回收证明"}, "If-Match", s.etag(path)).want(200)
		for user, city := range map[string]string{"reviewer.changsha": "430100", "reviewer.zhuzhou": "430200"} {
			if a := anew(user, city, "换名再生资源有限公司").want(422); a.text("errors.0.location") != "body.credit_code" || a.text("errors.0.code") != "yard_blacklisted" {
				t.Errorf("%s: %s", user, a.Body)
			}
		}
		block := s.send("reviewer.changsha", "GET", path, nil).want(200).text("blocks.0.id")
		s.send("reviewer.changsha", "POST", path+"/lift", map[string]string{"block_id": block, "last_on": "2025-12-31", "reason": "移出名单"}, "If-Match", s.etag(path)).want(200)
		anew("reviewer.zhuzhou", "430200", "换名再生资源有限公司").want(201)
	})
}
