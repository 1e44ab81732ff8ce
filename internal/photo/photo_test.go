package photo_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/image/draw"

	"phaseout/internal/photo"
	"phaseout/internal/photo/scene"
)

// album finds prints by their keys, as the database does.
type album struct {
	prints []photo.Print
	byHash map[int64][]photo.Found[int]
}

func (a *album) add(p photo.Print) {
	for _, k := range p.Keys() {
		a.byHash[k.Hash] = append(a.byHash[k.Hash], photo.Found[int]{Photo: len(a.prints), Key: k})
	}
	a.prints = append(a.prints, p)
}

// find returns which prints are the same picture, and how many were compared.
func (a *album) find(p photo.Print) (same []int, compared int) {
	q := p.Question()
	var found []photo.Found[int]
	for _, h := range q.Hashes() {
		found = append(found, a.byHash[h]...)
	}
	for _, i := range photo.Candidates(q, found) {
		compared++
		if photo.Compare(p, a.prints[i]).Same {
			same = append(same, i)
		}
	}
	return same, compared
}

type alteration struct {
	quality                  int     // JPEG
	scale                    float64 // of the size
	left, top, right, bottom float64
	mirror                   bool
}

func alter(t *testing.T, img image.Image, a alteration) image.Image {
	b := img.Bounds()
	w, h := float64(b.Dx()), float64(b.Dy())
	crop := image.Rect(int(a.left*w), int(a.top*h), b.Dx()-int(a.right*w), b.Dy()-int(a.bottom*h))
	out := image.NewRGBA(image.Rect(0, 0, int(float64(crop.Dx())*a.scale), int(float64(crop.Dy())*a.scale)))
	draw.ApproxBiLinear.Scale(out, out.Bounds(), img, crop, draw.Src, nil)
	if a.mirror {
		for y := range out.Rect.Dy() {
			for x := range out.Rect.Dx() / 2 {
				o := out.Rect.Dx() - 1 - x
				l, r := out.RGBAAt(x, y), out.RGBAAt(o, y)
				out.SetRGBA(x, y, r)
				out.SetRGBA(o, y, l)
			}
		}
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, out, &jpeg.Options{Quality: a.quality}); err != nil {
		t.Fatal(err)
	}
	copied, err := photo.Decode(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

func someAlteration(r *rand.Rand, kind int) alteration {
	a := alteration{quality: 92, scale: 1}
	if kind == 0 || kind >= 4 {
		a.quality = 30 + r.IntN(61)
	}
	if kind == 1 || kind >= 4 {
		a.scale = 0.25 + 1.75*r.Float64()
	}
	if kind == 2 || kind >= 5 {
		a.left, a.top, a.right, a.bottom = 0.2*r.Float64(), 0.2*r.Float64(), 0.2*r.Float64(), 0.2*r.Float64()
	}
	a.mirror = kind == 3 || (kind >= 4 && r.IntN(2) == 0)
	return a
}

// parallel runs n pieces of work on all processors.
func parallel(n int, work func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// TestAlteredCopiesAreFoundAndDifferentPhotosAreNot proves F31 on pictures that
// it makes itself: 2,000 different photos, a quarter of them of one of 50 yards
// with another vehicle in it, and 1,000 copies that were re-saved with a quality
// of 30 to 90, resized to 25 to 200%, cropped by up to a fifth at each side,
// mirrored, or all of it.
func TestAlteredCopiesAreFoundAndDifferentPhotosAreNot(t *testing.T) {
	photos, copies := 2000, 1000
	if testing.Short() || underRace {
		photos, copies = 200, 100
	}
	scenes := make([]scene.Scene, photos)
	for i := range scenes {
		n := uint64(i)
		scenes[i] = scene.Scene{Place: 1000 + n, Subject: n, Noise: n}
		if i%4 == 0 {
			scenes[i].Place = n % 50
		}
	}
	draw := func(i int) image.Image { return scene.Draw(scenes[i], 400, 300) }
	prints := make([]photo.Print, photos)
	parallel(photos, func(i int) { prints[i] = photo.PrintOf(draw(i)) })
	a := album{byHash: map[int64][]photo.Found[int]{}}
	for _, p := range prints {
		a.add(p)
	}
	var mu sync.Mutex
	falsePairs, compared := 0, 0
	parallel(photos, func(i int) {
		same, n := a.find(prints[i])
		mu.Lock()
		defer mu.Unlock()
		compared += n
		for _, j := range same {
			if j != i {
				falsePairs++
			}
		}
	})
	found, wrong := 0, 0
	missed := map[int]int{}
	parallel(copies, func(n int) {
		r := rand.New(rand.NewPCG(7, uint64(n)))
		i := r.IntN(photos)
		kind := n % 8
		same, _ := a.find(photo.PrintOf(alter(t, draw(i), someAlteration(r, kind))))
		mu.Lock()
		defer mu.Unlock()
		hit := false
		for _, j := range same {
			if j == i {
				hit = true
			} else {
				wrong++
			}
		}
		if hit {
			found++
		} else {
			missed[kind]++
		}
	})
	t.Logf("%d of %d altered copies found (missed by kind %v), %d false pairs among %d photos, %d wrong finds, %.1f compared for each", found, copies, missed, falsePairs/2, photos, wrong, float64(compared)/float64(photos))
	if found*100 < copies*95 {
		t.Errorf("only %d of %d altered copies were found", found, copies)
	}
	if falsePairs/2*100 > photos || wrong*100 > copies {
		t.Errorf("%d false pairs among %d photos, %d wrong finds", falsePairs/2, photos, wrong)
	}
}

// TestPrintSurvivesStorage proves F31: what is stored compares as what was made.
func TestPrintSurvivesStorage(t *testing.T) {
	p := photo.PrintOf(scene.Draw(scene.Scene{Place: 1, Subject: 2, Noise: 3}, 400, 300))
	q, err := photo.Parse(p.Text())
	if err != nil || len(q.Points) != len(p.Points) || q.Whole != p.Whole || !photo.Compare(p, q).Same {
		t.Errorf("%v, %d points, %+v", err, len(q.Points), photo.Compare(p, q))
	}
	for _, bad := range []string{"", "AA", p.Text()[:40], p.Text() + "AAAA", "!"} {
		if _, err := photo.Parse(bad); err == nil {
			t.Errorf("%.10q is read", bad)
		}
	}
}

// TestPlainPicturesAreNotCompared proves F31: what shows nothing is no copy of
// anything.
func TestPlainPicturesAreNotCompared(t *testing.T) {
	flat := func(w, h int, c color.Color) image.Image {
		img := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
		return img
	}
	tiny := scene.Draw(scene.Scene{Place: 1}, 36, 200)
	for name, img := range map[string]image.Image{"white": flat(300, 200, color.White), "gray": flat(300, 200, color.Gray{90}), "tiny": tiny} {
		if p := photo.PrintOf(img); p.Comparable() || len(p.Keys()) > 0 || len(p.Question().Hashes()) > 0 {
			t.Errorf("%s is compared", name)
		}
	}
}

// TestBombsAreNamed proves F31: a small file that claims many pixels is refused
// before it is decoded, a damaged one as well.
func TestBombsAreNamed(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	bomb := b.Bytes()
	copy(bomb[16:24], []byte{0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50}) // 50,000 by 50,000; the checksum of the head is wrong then, too
	for name, data := range map[string][]byte{"bomb": bomb, "cut": b.Bytes()[:20], "text": []byte("no picture")} {
		if _, err := photo.Decode(data); err == nil {
			t.Errorf("%s is decoded", name)
		}
	}
}
