package photo_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"slices"
	"testing"

	"phaseout/internal/photo"
	"phaseout/internal/photo/scene"
)

// withExif returns a JPEG with an instant and a place in it, as a phone writes them.
func withExif(t testing.TB, img image.Image, taken string, lat, lon float64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return photo.WithFacts(b.Bytes(), taken, lat, lon)
}

func codes(doubts []photo.Doubt) (all []string) {
	for _, d := range doubts {
		all = append(all, d.Code)
	}
	return all
}

// TestCameraFactsAreReadAndDoubted proves F31: time and place are read, missing
// ones said, impossible ones flagged.
func TestCameraFactsAreReadAndDoubted(t *testing.T) {
	img := scene.Draw(scene.Scene{Place: 1, Subject: 1}, 320, 240)
	data := withExif(t, img, "2025:12:01 09:30:00", 28.2, 112.9)
	f := photo.FactsOf(data)
	if !f.Exif || f.TakenAt != "2025-12-01T09:30:00" || f.LatE6 == nil || *f.LatE6 != 28_200_000 || *f.LonE6 != 112_900_000 || f.Camera != "Example Phone" {
		t.Errorf("facts: %+v", f)
	}
	lat, lon := int64(28_201_000), int64(112_901_000)
	far := int64(28_300_000)
	c := photo.Circumstances{Today: "2026-01-15", RegisteredOn: "2013-03-05", HandedInOn: "2025-11-20", DismantledOn: "2025-12-10", YardLatE6: &lat, YardLonE6: &lon}
	if d := f.Doubts(c); len(d) != 0 {
		t.Errorf("a good photo: %v", d)
	}
	for want, change := range map[string]func(*photo.Circumstances){
		"taken_future":              func(c *photo.Circumstances) { c.Today = "2025-11-30" },
		"taken_before_registration": func(c *photo.Circumstances) { c.RegisteredOn = "2025-12-02" },
		"far_from_yard":             func(c *photo.Circumstances) { c.YardLatE6 = &far },
		"taken_before_hand_in":      func(c *photo.Circumstances) { c.Stage, c.HandedInOn = "after", "2025-12-02" },
		"taken_after_dismantling":   func(c *photo.Circumstances) { c.Stage, c.DismantledOn = "before", "2025-11-25" },
		"taken_before_dismantling":  func(c *photo.Circumstances) { c.Stage = "after" },
		"order": func(c *photo.Circumstances) {
			c.Stage, c.Others = "before", map[string][]string{"after": {"2025-11-30T10:00:00"}}
		},
	} {
		changed := c
		change(&changed)
		if got := codes(f.Doubts(changed)); !slices.Equal(got, []string{want}) {
			t.Errorf("want %s: %v", want, got)
		}
	}
	c.Stage, c.DismantledOn = "during", "2025-11-30"
	if got := codes(f.Doubts(c)); !slices.Equal(got, []string{"taken_after_dismantling"}) {
		t.Errorf("under way after the end: %v", got)
	}
	for side, tiny := range map[int]bool{30: true, 400: false} {
		if got := codes(photo.DoubtsOf([]photo.Shot{{Tiny: photo.Tiny(640, side)}}, c)[0]); slices.Contains(got, "too_small") != tiny {
			t.Errorf("640 by %d: %v", side, got)
		}
	}
	var bare bytes.Buffer
	if err := jpeg.Encode(&bare, img, nil); err != nil {
		t.Fatal(err)
	}
	if got := codes(photo.FactsOf(bare.Bytes()).Doubts(c)); !slices.Equal(got, []string{"no_metadata"}) {
		t.Errorf("a stripped photo: %v", got)
	}
}

// TestTurnedPhotosAreTheSame proves F31: a phone that only notes how it was
// held makes the same print.
func TestTurnedPhotosAreTheSame(t *testing.T) {
	img := scene.Draw(scene.Scene{Place: 4, Subject: 5}, 320, 240)
	upright := photo.PrintOf(img)
	raw := image.NewRGBA(image.Rect(0, 0, 240, 320)) // turned a quarter to the left: orientation 6 turns it back
	for y := range 240 {
		for x := range 320 {
			raw.Set(y, 319-x, img.At(x, y))
		}
	}
	if l := photo.Compare(photo.PrintOf(photo.Facts{Orientation: 6}.Upright(raw)), upright); !l.Same {
		t.Errorf("turned back: %+v", l)
	}
}

// FuzzFacts proves F31: no bytes make the reader of camera facts fail.
func FuzzFacts(f *testing.F) {
	f.Add(withExif(f, image.NewGray(image.Rect(0, 0, 8, 8)), "2025:12:01 09:30:00", 28.2, 112.9))
	f.Add(binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), 0xffffffff))
	f.Add([]byte("RIFF\xff\xff\xff\xffWEBPEXIF\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if facts := photo.FactsOf(data); facts.TakenAt != "" && len(facts.TakenAt) != 19 {
			t.Errorf("%+v", facts)
		}
		_ = photo.FactsOf(append([]byte("\xff\xd8\xff\xe1\x7f\xffExif\x00\x00"), data...))
	})
}
