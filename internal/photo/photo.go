// Package photo is the pure domain of evidence photos: the print by which a
// picture is known again after it was cropped, re-saved, resized or mirrored,
// the keys under which an index finds such prints, the comparison of two
// prints, the facts that a camera writes into its files, and what is doubtful
// about them.
//
// A print is made of the whole picture and of its salient points. Points are
// extrema of the difference of Gaussians over position and scale (after Lowe,
// "Distinctive image features from scale-invariant keypoints", IJCV 60, 2004),
// so that a crop or another size finds the same ones; each is described by the
// signs of the low frequencies of its surroundings, which a mirror turns in a
// known way. Keys are parts of these descriptions: two pictures that share some
// are candidates, which Compare then lays over each other.
package photo

import (
	"bytes"
	"image"
	_ "image/jpeg" // the formats that are taken
	_ "image/png"
	"math"

	_ "golang.org/x/image/webp"

	"phaseout/internal/bilingual"
	"phaseout/internal/fault"
)

// MaxPixels is the size of the largest picture that is decoded. A file of a few
// kilobytes can claim more than any memory holds.
const MaxPixels = 40_000_000

// minSide is the shorter side below which a picture says too little to be compared.
const minSide = 40

// Decode reads a picture after a look at its size. A picture that is over
// MaxPixels or damaged fails with Invalid.
func Decode(data []byte) (image.Image, error) {
	cfg, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, damaged()
	}
	if cfg.Width <= 0 || cfg.Height <= 0 || int64(cfg.Width)*int64(cfg.Height) > MaxPixels {
		return nil, fault.Field("body.file", "too_many_pixels", bilingual.F("图片为 %d×%d 像素，超过 4000 万像素", "the picture has %d by %d pixels, over 40 million", cfg.Width, cfg.Height),
			bilingual.T("请用手机或相机的普通分辨率重新拍摄", "take it again with the usual resolution of a phone or camera"))
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, damaged()
	}
	return img, nil
}

func damaged() error {
	return fault.Field("body.file", "picture_damaged", bilingual.T("图片已损坏，无法读取", "the picture is damaged and cannot be read"),
		bilingual.T("请重新拍摄或重新导出后上传", "take or export it again"))
}

// gray is a picture of one channel, 0 to 1.
type gray struct {
	w, h int
	p    []float32
}

func newGray(w, h int) gray { return gray{w, h, make([]float32, w*h)} }

// at returns the value between pixels; outside, that of the border.
func (g gray) at(x, y float64) float32 {
	x, y = max(0, min(x, float64(g.w-1))), max(0, min(y, float64(g.h-1)))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, g.w-1), min(y0+1, g.h-1)
	fx, fy := float32(x-float64(x0)), float32(y-float64(y0))
	top := g.p[y0*g.w+x0]*(1-fx) + g.p[y0*g.w+x1]*fx
	bottom := g.p[y1*g.w+x0]*(1-fx) + g.p[y1*g.w+x1]*fx
	return top*(1-fy) + bottom*fy
}

// luma returns the brightness of img as w×h pixels, each the mean of what it covers.
func luma(img image.Image, w, h int) gray {
	b := img.Bounds()
	row := rowReader(img)
	// Sums over whole source pixels; a target larger than the source is interpolated after.
	sw, sh := b.Dx(), b.Dy()
	tw, th := min(w, sw), min(h, sh)
	sum, n := make([]float64, tw*th), make([]int32, tw*th)
	line := make([]float32, sw)
	column := make([]int, sw)
	for x := range sw {
		column[x] = x * tw / sw
	}
	for y := range sh {
		row(b.Min.Y+y, line)
		base := (y * th / sh) * tw
		for x, v := range line {
			sum[base+column[x]] += float64(v)
			n[base+column[x]]++
		}
	}
	small := newGray(tw, th)
	for i, s := range sum {
		small.p[i] = float32(s / float64(n[i]) / 255)
	}
	if tw == w && th == h {
		return small
	}
	return small.resized(w, h)
}

// rowReader returns how a line of img is read as brightness 0 to 255.
func rowReader(img image.Image) func(y int, line []float32) {
	b := img.Bounds()
	switch m := img.(type) {
	case *image.YCbCr:
		return func(y int, line []float32) {
			start := m.YOffset(b.Min.X, y)
			for x := range line {
				line[x] = float32(m.Y[start+x])
			}
		}
	case *image.Gray:
		return func(y int, line []float32) {
			start := m.PixOffset(b.Min.X, y)
			for x := range line {
				line[x] = float32(m.Pix[start+x])
			}
		}
	case *image.RGBA:
		return func(y int, line []float32) { four(m.Pix[m.PixOffset(b.Min.X, y):], line) }
	case *image.NRGBA:
		return func(y int, line []float32) { four(m.Pix[m.PixOffset(b.Min.X, y):], line) }
	}
	return func(y int, line []float32) {
		for x := range line {
			r, g, bl, _ := img.At(b.Min.X+x, y).RGBA()
			line[x] = float32(0.299*float64(r)+0.587*float64(g)+0.114*float64(bl)) / 257
		}
	}
}

func four(pix []uint8, line []float32) {
	for x := range line {
		line[x] = 0.299*float32(pix[4*x]) + 0.587*float32(pix[4*x+1]) + 0.114*float32(pix[4*x+2])
	}
}

func (g gray) resized(w, h int) gray {
	out := newGray(w, h)
	fx, fy := float64(g.w)/float64(w), float64(g.h)/float64(h)
	for y := range h {
		for x := range w {
			out.p[y*w+x] = g.at((float64(x)+0.5)*fx-0.5, (float64(y)+0.5)*fy-0.5)
		}
	}
	return out
}

// shrunk returns g at w×h by means over areas, for w, h not larger than g's.
func (g gray) shrunk(w, h int) gray {
	out := newGray(w, h)
	n := make([]float32, w*h)
	for y := range g.h {
		for x := range g.w {
			i := (y*h/g.h)*w + x*w/g.w
			out.p[i] += g.p[y*g.w+x]
			n[i]++
		}
	}
	for i := range out.p {
		if n[i] > 0 {
			out.p[i] /= n[i]
		}
	}
	return out
}

// halved returns every other pixel of g.
func (g gray) halved() gray {
	out := newGray(g.w/2, g.h/2)
	for y := range out.h {
		for x := range out.w {
			out.p[y*out.w+x] = g.p[2*y*g.w+2*x]
		}
	}
	return out
}

// blurred returns g after a Gaussian.
func (g gray) blurred(sigma float64) gray {
	r := int(math.Ceil(2.5 * sigma))
	kernel := make([]float32, 2*r+1)
	var total float32
	for i := range kernel {
		kernel[i] = float32(math.Exp(-float64((i-r)*(i-r)) / (2 * sigma * sigma)))
		total += kernel[i]
	}
	for i := range kernel {
		kernel[i] /= total
	}
	across := newGray(g.w, g.h)
	padded := make([]float32, max(g.w, g.h)+2*r)
	for y := range g.h {
		line := g.p[y*g.w : (y+1)*g.w]
		for i := range r {
			padded[i], padded[r+g.w+i] = line[0], line[g.w-1]
		}
		copy(padded[r:], line)
		out := across.p[y*g.w : (y+1)*g.w]
		for x := range out {
			var s float32
			window := padded[x : x+2*r+1]
			for i, k := range kernel {
				s += k * window[i]
			}
			out[x] = s
		}
	}
	down := newGray(g.w, g.h)
	for y := range g.h {
		out := down.p[y*g.w : (y+1)*g.w]
		for i, k := range kernel {
			yy := max(0, min(g.h-1, y+i-r))
			line := across.p[yy*g.w : (yy+1)*g.w]
			for x := range out {
				out[x] += k * line[x]
			}
		}
	}
	return down
}
