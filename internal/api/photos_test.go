package api_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"golang.org/x/image/draw"

	"phaseout/internal/photo"
	"phaseout/internal/photo/scene"
	"phaseout/internal/store/storetest"
)

func init() {
	moreWorld = append(moreWorld, func(s *site, ids map[string]string) {
		shot := shotOf(s.t, scene.Draw(scene.Scene{Place: 9, Subject: 9}, 320, 240))
		s.upload("clerk.zhuzhou", "/assets/"+s.Truck("clerk.zhuzhou").ID+"/files", map[string]string{"kind": "photo"}, "a.jpg", shot).want(201)
		s.upload("clerk.zhuzhou", "/assets/"+s.Truck("clerk.zhuzhou").ID+"/files", map[string]string{"kind": "photo"}, "a.jpg", shot).want(201)
		ids["photo-matches"] = s.send("clerk.zhuzhou", "GET", "/photo-matches", nil).want(200).text("items.0.id")
		ids["photo-flags"] = "none"
	})
	moreBodies["decide-photo-match"] = `{"decision":"refused","reason":"X"}`
}

func shotOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 88}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mirroredCrop is a copy that somebody took pains with.
func mirroredCrop(img *image.RGBA) image.Image {
	b := img.Bounds()
	crop := image.Rect(b.Dx()/10, b.Dy()/8, b.Dx()*9/10, b.Dy()*19/20)
	small := image.NewRGBA(image.Rect(0, 0, crop.Dx()*3/5, crop.Dy()*3/5))
	draw.ApproxBiLinear.Scale(small, small.Rect, img, crop, draw.Src, nil)
	out := image.NewRGBA(small.Rect)
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			out.Set(small.Rect.Dx()-1-x, y, small.At(x, y))
		}
	}
	return out
}

// TestPhotoOfAnotherRecordIsNotTaken proves F31: a photo that was used before
// anywhere in the province, as it is or cropped, resized and mirrored, blocks
// the verification until a stranger decides; a refused one is no evidence and
// opens a case, a different one is not asked about again; another city is told
// nothing of the record that the photo is from.
func TestPhotoOfAnotherRecordIsNotTaken(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		img := scene.Draw(scene.Scene{Place: 1, Subject: 1, Noise: 1}, 640, 480)
		first := s.Truck("clerk.zhuzhou")
		s.upload("clerk.zhuzhou", "/assets/"+first.ID+"/files", map[string]string{"kind": "photo"}, "a.jpg", shotOf(t, img)).want(201)

		c, err := s.DeclareRetirement(t.Context(), s.Users["clerk.changsha"], s.Truck("clerk.changsha").ID, nil, s.Declaration("2025-12-01"))
		if err != nil {
			t.Fatal(err)
		}
		attach := func(user, name string, data []byte) answer {
			return s.upload(user, "/retirements/"+c.ID+"/files", map[string]string{"kind": "photo"}, name, data)
		}
		attach("clerk.changsha", "b.jpg", shotOf(t, mirroredCrop(img))).want(201)
		record := s.send("reviewer.changsha", "GET", "/retirements/"+c.ID, nil).want(200)
		verify := func(etag string) answer {
			return s.send("reviewer.changsha", "POST", "/retirements/"+c.ID+"/verification", map[string]string{"decision": "verify"}, "If-Match", etag)
		}
		if a := verify(record.Header.Get("ETag")).want(409); a.text("code") != "photo_match_open" {
			t.Errorf("verified with a photo of another record: %s", a.Body)
		}
		checks := s.send("reviewer.changsha", "GET", "/retirements/"+c.ID+"/photos", nil).want(200)
		match := "items.0.matches.0."
		if checks.text(match+"kind") != "altered" || checks.text(match+"mirrored") != "true" || checks.text(match+"elsewhere") != "true" || checks.text("items.0.doubts.0.code") != "no_metadata" {
			t.Errorf("checks: %s", checks.Body)
		}
		for _, user := range []string{"reviewer.changsha", "clerk.changsha"} {
			for _, path := range []string{"/retirements/" + c.ID + "/photos", "/photo-matches", "/assets/" + c.AssetID + "/history"} {
				if body := string(s.send(user, "GET", path, nil).want(200).Body); strings.Contains(body, first.ID) || strings.Contains(body, "430200") {
					t.Errorf("%s of %s tells of another city: %s", path, user, body)
				}
			}
		}
		flags := s.send("reviewer.changsha", "GET", "/photo-flags?retirements="+c.ID, nil).want(200)
		if flags.text("items.0.open_matches") != "1" || flags.text("items.0.slight") != "1" {
			t.Errorf("flags: %s", flags.Body)
		}
		if a := s.send("province", "GET", "/photo-matches?state=open", nil).want(200); a.text("items.0.other_asset_id") != first.ID {
			t.Errorf("the province: %s", a.Body)
		}
		if n := len(s.pages("clerk.zhuzhou", "/photo-matches")); n != 0 {
			t.Errorf("the other city is told of %d matches", n)
		}

		id := checks.text(match + "id")
		decide := func(user, decision, reason, etag string) answer {
			return s.send(user, "POST", "/photo-matches/"+id+"/decision", map[string]string{"decision": decision, "reason": reason}, "If-Match", etag)
		}
		decide("clerk.changsha", "different", "x", `"1"`).want(403)
		decide("reviewer.changsha", "refused", " ", `"1"`).want(422)
		decide("reviewer.changsha", "refused", "同一车辆的照片翻转裁剪", `"1"`).want(200)
		decide("reviewer.changsha", "different", "x", `"1"`).want(412)
		record = s.send("reviewer.changsha", "GET", "/retirements/"+c.ID, nil).want(200)
		if record.text("evidence_complete") != "false" {
			t.Error("a refused photo is evidence")
		}
		cases := s.pages("reviewer.changsha", "/cases?kind=photo_reused")
		if len(cases) != 1 || cases[0]["asset_id"] != c.AssetID {
			t.Errorf("cases: %v", cases)
		}
		verify(record.Header.Get("ETag")).want(409)

		// A photo of one's own, with another vehicle at the same place, is taken.
		attach("clerk.changsha", "c.jpg", shotOf(t, scene.Draw(scene.Scene{Place: 1, Subject: 2, Noise: 2}, 640, 480))).want(201)
		record = s.send("reviewer.changsha", "GET", "/retirements/"+c.ID, nil).want(200)
		verify(record.Header.Get("ETag")).want(200)

		// The same bytes are found as well; "different" is remembered for altered ones.
		again := s.Truck("clerk.changsha")
		s.upload("clerk.changsha", "/assets/"+again.ID+"/files", map[string]string{"kind": "photo"}, "d.jpg", shotOf(t, img)).want(201)
		open := s.pages("reviewer.changsha", "/photo-matches?state=open&asset="+again.ID)
		exact := 0
		for _, m := range open {
			if m["kind"] == "exact" {
				exact++
			}
			id = m["id"].(string)
			decide("reviewer.changsha", "different", "两车同场拍摄", `"1"`).want(200)
		}
		if exact != 1 || len(open) != 2 {
			t.Errorf("open matches: %v", open)
		}
		third := s.Truck("clerk.changsha")
		s.upload("clerk.changsha", "/assets/"+third.ID+"/files", map[string]string{"kind": "certificate"}, "d.jpg", shotOf(t, img)).want(201)
		if n := len(s.pages("reviewer.changsha", "/photo-matches?state=open&asset="+third.ID)); n != 2 {
			t.Errorf("a scan that is on two other records has %d matches", n)
		}
		for _, part := range s.Checks() {
			if _, err := part.Run(t.Context()); err != nil {
				t.Errorf("check %s: %v", part.Name, err)
			}
		}
	})
}

// TestPhotosSayWhenAndWhere proves F31: time and place are kept and laid against
// the yard, the hand-over and the clock; a bomb is named and costs nothing.
func TestPhotosSayWhenAndWhere(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		s.yard("province", "430100", "长沙示例再生资源有限公司") // at 28.2, 112.9
		id := s.send("clerk.changsha", "POST", "/assets/"+s.Truck("clerk.changsha").ID+"/retirement", scrapping("2025-11-20", "长沙示例再生资源有限公司", "A-1")).want(201).text("id")
		n := uint64(50)
		for want, shot := range map[string]struct {
			taken    string
			lat, lon float64
		}{
			"":                          {"2025:11:21 08:00:00", 28.2001, 112.9001},
			"far_from_yard":             {"2025:11:21 08:00:00", 27.8, 113.1},
			"taken_future":              {"2026:11:21 08:00:00", 28.2001, 112.9001},
			"taken_before_registration": {"2010:11:21 08:00:00", 28.2001, 112.9001},
		} {
			n++
			file := s.upload("clerk.changsha", "/retirements/"+id+"/files", map[string]string{"kind": "photo"}, fmt.Sprintf("%s.jpg", want), photo.WithFacts(shotOf(t, scene.Draw(scene.Scene{Place: n, Subject: n}, 320, 240)), shot.taken, shot.lat, shot.lon)).want(201).text("id")
			for _, c := range s.pages("reviewer.changsha", "/retirements/"+id+"/photos") {
				if c["file"].(map[string]any)["id"] != file {
					continue
				}
				got := []string{}
				for _, d := range c["doubts"].([]any) {
					got = append(got, d.(map[string]any)["code"].(string))
				}
				if strings.Join(got, ",") != want || c["taken_at"] == nil || c["latitude"] == nil {
					t.Errorf("want %q: %v", want, c)
				}
			}
		}
		bomb := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), 0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50, 8, 0, 0, 0, 0)
		bomb = append(bomb, crcOf(bomb[12:])...)
		if a := s.upload("clerk.changsha", "/retirements/"+id+"/files", map[string]string{"kind": "photo"}, "bomb.png", bomb).want(422); a.text("errors.0.code") != "too_many_pixels" {
			t.Errorf("a bomb: %s", a.Body)
		}
		if a := s.upload("clerk.changsha", "/retirements/"+id+"/files", map[string]string{"kind": "photo"}, "cut.jpg", shotOf(t, scene.Draw(scene.Scene{}, 100, 100))[:900]).want(422); a.text("errors.0.code") != "picture_damaged" {
			t.Errorf("a damaged picture: %s", a.Body)
		}
	})
}

func crcOf(chunk []byte) []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(chunk))
}

// TestOnePhotoFillsOneSlot proves F30 and F31: the same picture shows one side of
// one moment. As it is it is not taken into a second slot of its record, altered
// it waits for a person.
func TestOnePhotoFillsOneSlot(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		c, err := s.DeclareRetirement(t.Context(), s.Users["clerk.changsha"], s.Truck("clerk.changsha").ID, nil, s.Declaration("2025-12-01"))
		if err != nil {
			t.Fatal(err)
		}
		path := "/retirements/" + c.ID
		attach := func(kind string, data []byte) answer {
			return s.upload("clerk.changsha", path+"/files", map[string]string{"kind": kind}, kind+".jpg", data)
		}
		img := scene.Draw(scene.Scene{Place: 7, Subject: 3, Noise: 1}, 640, 480)
		front := attach("photo_front", shotOf(t, img)).want(201).text("id")
		if a := attach("photo", shotOf(t, img)).want(409); a.text("code") != "photo_twice" || a.text("extra.file_id") != front || a.text("extra.kind") != "photo_front" {
			t.Errorf("one photo in two slots: %s", a.Body)
		}
		attach("certificate", shotOf(t, img)).want(201) // a scan shows no side

		remains := attach("photo", shotOf(t, mirroredCrop(img))).want(201).text("id")
		open := s.pages("reviewer.changsha", "/photo-matches?state=open&asset="+c.AssetID)
		if len(open) == 0 || open[0]["file_id"] != remains || open[0]["other_asset_id"] != c.AssetID || open[0]["kind"] != "altered" {
			t.Fatalf("an altered copy in another slot: %v", open)
		}
		if a := s.send("reviewer.changsha", "POST", path+"/verification", map[string]string{"decision": "verify", "reason": "补录"}, "If-Match", s.etag(path)).want(409); a.text("code") != "photo_match_open" {
			t.Errorf("verified on one photo in two slots: %s", a.Body)
		}
		for _, m := range open {
			s.send("reviewer.changsha", "POST", "/photo-matches/"+m["id"].(string)+"/decision", map[string]string{"decision": "refused", "reason": "同一张照片"}, "If-Match", `"1"`).want(200)
		}
		if s.send("reviewer.changsha", "GET", path, nil).want(200).text("evidence_complete") != "false" {
			t.Error("the altered copy is evidence")
		}
		s.checked()
	})
}
