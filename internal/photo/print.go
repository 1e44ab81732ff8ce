package photo

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"image"
	"math"
	"math/bits"
	"slices"
)

// The sizes of a print. Lengths are in pixels of the picture at working size,
// whose longer side is work; all figures were chosen on the pictures of the test.
const (
	work       = 256 // longer side at which points are looked for
	thumb      = 64  // longer side of the small picture that a print carries
	mostPoints = 48
	indexed    = 32 // of them, the strongest, are put into the index
	sigma0     = 1.6
	intervals  = 3 // scales an octave
	contrast   = 0.012
	edgeRatio  = 10.0
	reach      = 6.0 // half the side of a point's surroundings, in its scale
	grid       = 16  // samples across the surroundings
	bitCount   = 63
	keyBits    = 32
)

// Point is a salient point of a picture at working size.
type Point struct {
	X, Y, Scale float32
	Bits        uint64 // signs of the low frequencies around it, the lowest first
	doubt       []int  // the bits of its key that are least sure
}

// Print is what a picture is known by.
type Print struct {
	Width, Height int    // of the picture as it was
	W, H          int    // at working size
	Whole         uint64 // signs of the low frequencies of the whole picture
	Points        []Point
	Small         []uint8 // the picture, thumb pixels long
	SmallW        int
	SmallH        int
}

// Comparable reports whether the picture says enough to be compared: it is not
// tiny, and not nearly of one tone.
func (p Print) Comparable() bool {
	if Tiny(p.Width, p.Height) || len(p.Small) == 0 {
		return false
	}
	var sum, squares float64
	for _, v := range p.Small {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(p.Small))
	return squares/n-(sum/n)*(sum/n) > 36 && (len(p.Points) >= 4 || p.wholeIsRich())
}

// wholeIsRich reports whether a picture with hardly a salient point still has
// structure of its own, and is not one plain shape or a gradient.
func (p Print) wholeIsRich() bool {
	ones := bits.OnesCount64(p.Whole)
	return ones >= 20 && ones <= 44
}

// PrintOf makes the print of a picture that stands upright. Of a tiny one, which
// is not comparable, it notes the size alone.
func PrintOf(img image.Image) Print {
	b := img.Bounds()
	p := Print{Width: b.Dx(), Height: b.Dy()}
	if min(p.Width, p.Height) < minSide {
		return p
	}
	long := max(p.Width, p.Height)
	p.W, p.H = max(8, p.Width*work/long), max(8, p.Height*work/long)
	g := luma(img, p.W, p.H)
	p.SmallW, p.SmallH = max(4, p.Width*thumb/long), max(4, p.Height*thumb/long)
	small := g.shrunk(p.SmallW, p.SmallH)
	p.Small = make([]uint8, len(small.p))
	for i, v := range small.p {
		p.Small[i] = uint8(v*255 + 0.5)
	}
	whole := g.shrunk(min(32, p.W), min(32, p.H)).resized(32, 32)
	p.Whole, _ = signs(whole.p, 32)
	p.Points = points(g)
	return p
}

// zigzag is the order of frequencies, the lowest first, without the mean.
var zigzag = func() (order [bitCount][2]int) {
	n := 0
	for s := 1; n < bitCount; s++ {
		for v := 0; v <= s && n < bitCount; v++ {
			if u := s - v; u < 11 && v < 11 {
				order[n] = [2]int{u, v}
				n++
			}
		}
	}
	return order
}()

// mirrored turns the signs of a picture into those of its mirror image: a
// frequency that is odd across changes its sign.
func mirrored(signs uint64) uint64 { return signs ^ oddAcross }

var oddAcross = func() (mask uint64) {
	for i, f := range zigzag {
		if f[0]%2 == 1 {
			mask |= 1 << i
		}
	}
	return mask
}()

var cosines = func() map[int][]float32 {
	tables := map[int][]float32{}
	for _, n := range []int{grid, 32} {
		t := make([]float32, 11*n)
		for u := range 11 {
			for x := range n {
				t[u*n+x] = float32(math.Cos(float64(2*x+1) * float64(u) * math.Pi / float64(2*n)))
			}
		}
		tables[n] = t
	}
	return tables
}()

// signs returns the signs of the low frequencies of n×n values, and how large
// each is.
func signs(values []float32, n int) (uint64, [bitCount]float32) {
	table := cosines[n]
	var across [11 * 32]float32 // frequency u of line y
	for y := range n {
		line := values[y*n : (y+1)*n]
		for u := range 11 {
			var s float32
			for x, v := range line {
				s += v * table[u*n+x]
			}
			across[u*n+y] = s
		}
	}
	var sign uint64
	var size [bitCount]float32
	for i, f := range zigzag {
		var s float32
		for y := range n {
			s += across[f[0]*n+y] * table[f[1]*n+y]
		}
		if s > 0 {
			sign |= 1 << i
		}
		size[i] = float32(math.Abs(float64(s)))
	}
	return sign, size
}

// points returns the salient points of a picture, the strongest first.
func points(g gray) []Point {
	type found struct {
		Point
		strength float32
	}
	var all []found
	base := g.blurred(math.Sqrt(sigma0*sigma0 - 0.25))
	unit := float32(1)
	for base.w >= 24 && base.h >= 24 {
		levels := make([]gray, intervals+3)
		levels[0] = base
		step := math.Pow(2, 1.0/intervals)
		sigma := sigma0
		for i := 1; i < len(levels); i++ {
			levels[i] = levels[i-1].blurred(sigma * math.Sqrt(step*step-1))
			sigma *= step
		}
		diff := make([]gray, len(levels)-1)
		for i := range diff {
			diff[i] = newGray(base.w, base.h)
			for j := range diff[i].p {
				diff[i].p[j] = levels[i+1].p[j] - levels[i].p[j]
			}
		}
		for i := 1; i+1 < len(diff); i++ {
			w := base.w
			scale := sigma0 * math.Pow(step, float64(i))
			border := 4
			for y := border; y < base.h-border; y++ {
				for x := border; x < w-border; x++ {
					v := diff[i].p[y*w+x]
					if abs(v) < contrast || !extremum(diff[i-1:i+2], w, x, y, v) || onEdge(diff[i], x, y) {
						continue
					}
					dx, dy, ds := refine(diff[i-1:i+2], x, y)
					s := scale * math.Pow(step, float64(ds))
					px, py := float64(x)+float64(dx), float64(y)+float64(dy)
					if px-reach*s*0.75 < 0 || py-reach*s*0.75 < 0 || px+reach*s*0.75 > float64(w-1) || py+reach*s*0.75 > float64(base.h-1) {
						continue
					}
					p := Point{X: float32(px) * unit, Y: float32(py) * unit, Scale: float32(s) * unit}
					describe(&p, levels[i], px, py, s)
					// A larger point survives more: smaller pictures, stronger compression.
					all = append(all, found{p, abs(v) * float32(math.Sqrt(float64(p.Scale)))})
				}
			}
		}
		base, unit = levels[intervals].halved(), unit*2
	}
	slices.SortFunc(all, func(a, b found) int {
		switch {
		case a.strength > b.strength:
			return -1
		case a.strength < b.strength:
			return 1
		}
		return 0
	})
	list := make([]Point, 0, mostPoints)
	for _, f := range all {
		if len(list) == mostPoints {
			break
		}
		list = append(list, f.Point)
	}
	return list
}

func abs(v float32) float32 {
	if v < 0 {
		return -v
	}
	return v
}

func extremum(d []gray, w, x, y int, v float32) bool {
	for _, level := range d {
		for dy := -1; dy <= 1; dy++ {
			line := level.p[(y+dy)*w+x-1 : (y+dy)*w+x+2]
			for _, o := range line {
				if (v > 0 && o > v) || (v < 0 && o < v) {
					return false
				}
			}
		}
	}
	return true
}

// onEdge reports whether a point is drawn along an edge, where it has no place.
func onEdge(d gray, x, y int) bool {
	at := func(dx, dy int) float32 { return d.p[(y+dy)*d.w+x+dx] }
	xx, yy := at(1, 0)+at(-1, 0)-2*at(0, 0), at(0, 1)+at(0, -1)-2*at(0, 0)
	xy := (at(1, 1) + at(-1, -1) - at(1, -1) - at(-1, 1)) / 4
	trace, det := xx+yy, xx*yy-xy*xy
	return det <= 0 || trace*trace*edgeRatio > (edgeRatio+1)*(edgeRatio+1)*det
}

// refine returns how far the extremum is from the pixel and the scale it was found on.
func refine(d []gray, x, y int) (dx, dy, ds float32) {
	at := func(l, ox, oy int) float32 { return d[l].p[(y+oy)*d[l].w+x+ox] }
	parabola := func(a, b, c float32) float32 {
		if curve := a + c - 2*b; curve != 0 {
			return max(-0.5, min(0.5, (a-c)/(2*curve)))
		}
		return 0
	}
	return parabola(at(1, -1, 0), at(1, 0, 0), at(1, 1, 0)), parabola(at(1, 0, -1), at(1, 0, 0), at(1, 0, 1)), parabola(at(0, 0, 0), at(1, 0, 0), at(2, 0, 0))
}

// describe takes the signs of the low frequencies around a point of a level
// and notes which of the bits of its key are least sure.
func describe(p *Point, level gray, x, y, s float64) {
	var patch [grid * grid]float32
	step := 2 * reach * s / grid
	for j := range grid {
		for i := range grid {
			patch[j*grid+i] = level.at(x+(float64(i)-grid/2+0.5)*step, y+(float64(j)-grid/2+0.5)*step)
		}
	}
	sign, size := signs(patch[:], grid)
	p.Bits = sign
	order := make([]int, keyBits)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case size[a] < size[b]:
			return -1
		case size[a] > size[b]:
			return 1
		}
		return 0
	})
	p.doubt = order[:probes]
}

// probes is how many of the least sure bits of a key are tried both ways.
const probes = 5

// Key is one entry of the index: what a part of a picture looks like, and where
// in the picture it is.
type Key struct {
	Hash int64
	Spot int64 // x, y and scale of a point, packed; 0 for the whole picture
}

func spot(p Point) int64 {
	return 1<<32 | int64(p.X*4)<<20 | int64(p.Y*4)<<8 | int64(math.Log2(float64(p.Scale))*32)
}

func unspot(s int64) (x, y, scale float64) {
	return float64(s>>20&0xfff) / 4, float64(s>>8&0xfff) / 4, math.Exp2(float64(s&0xff) / 32)
}

// pointHash is the part of a point's signs under which it is looked up.
func pointHash(signs uint64) int64 { return 1<<40 | int64(signs&(1<<keyBits-1)) }

// wholeHashes returns the index entries of the whole picture: four bands of 16
// bits, of which one is the same in two pictures that differ in three bits.
func wholeHashes(signs uint64) [4]int64 {
	var hashes [4]int64
	for b := range hashes {
		hashes[b] = int64(b+10)<<40 | int64(signs>>(16*b)&0xffff)
	}
	return hashes
}

// Keys returns the entries under which the print is put into the index.
func (p Print) Keys() []Key {
	if !p.Comparable() {
		return nil
	}
	var keys []Key
	for _, h := range wholeHashes(p.Whole) {
		keys = append(keys, Key{Hash: h})
	}
	for _, point := range p.Points[:min(indexed, len(p.Points))] {
		keys = append(keys, Key{pointHash(point.Bits), spot(point)})
	}
	return keys
}

// asked says what an entry of the index that is found would mean.
type asked struct {
	point  int // -1 for the whole picture
	mirror bool
}

// Question is what is looked up to find pictures like one and like its mirror image.
type Question struct {
	print Print
	asks  map[int64][]asked
}

// Question returns what is to be looked up for the print. The bits that are
// least sure are tried both ways.
func (p Print) Question() Question {
	q := Question{p, map[int64][]asked{}}
	if !p.Comparable() {
		return q
	}
	for _, mirror := range []bool{false, true} {
		turn := func(signs uint64) uint64 {
			if mirror {
				return mirrored(signs)
			}
			return signs
		}
		for _, h := range wholeHashes(turn(p.Whole)) {
			q.asks[h] = append(q.asks[h], asked{-1, mirror})
		}
		for i, point := range p.Points {
			for try := range 1 << len(point.doubt) {
				signs := turn(point.Bits)
				for n, bit := range point.doubt {
					if try>>n&1 == 1 {
						signs ^= 1 << bit
					}
				}
				h := pointHash(signs)
				q.asks[h] = append(q.asks[h], asked{i, mirror})
			}
		}
	}
	return q
}

// Hashes returns the entries to look up, in order.
func (q Question) Hashes() []int64 {
	hashes := make([]int64, 0, len(q.asks))
	for h := range q.asks {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	return hashes
}

// Text returns the print as text for storage.
func (p Print) Text() string {
	b := []byte{1}
	for _, n := range []int{p.Width, p.Height, p.W, p.H, p.SmallW, p.SmallH, len(p.Points)} {
		b = binary.BigEndian.AppendUint32(b, uint32(n)) //nolint:gosec // bounded by MaxPixels
	}
	b = binary.BigEndian.AppendUint64(b, p.Whole)
	for _, q := range p.Points {
		for _, v := range []float32{q.X, q.Y, q.Scale} {
			b = binary.BigEndian.AppendUint16(b, uint16(v*64+0.5))
		}
		b = binary.BigEndian.AppendUint64(b, q.Bits)
	}
	return base64.RawStdEncoding.EncodeToString(append(b, p.Small...))
}

// Parse reads what Text wrote.
func Parse(text string) (Print, error) {
	b, err := base64.RawStdEncoding.DecodeString(text)
	bad := errors.New("photo: not a print")
	if err != nil || len(b) < 37 || b[0] != 1 {
		return Print{}, bad
	}
	n := func(i int) int { return int(binary.BigEndian.Uint32(b[1+4*i:])) }
	p := Print{Width: n(0), Height: n(1), W: n(2), H: n(3), SmallW: n(4), SmallH: n(5), Whole: binary.BigEndian.Uint64(b[29:])}
	count := n(6)
	b = b[37:]
	if count > mostPoints || len(b) != count*14+p.SmallW*p.SmallH {
		return Print{}, bad
	}
	for range count {
		v := func(i int) float32 { return float32(binary.BigEndian.Uint16(b[2*i:])) / 64 }
		p.Points = append(p.Points, Point{X: v(0), Y: v(1), Scale: v(2), Bits: binary.BigEndian.Uint64(b[6:])})
		b = b[14:]
	}
	p.Small = b
	return p, nil
}
