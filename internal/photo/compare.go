package photo

import (
	"math"
	"math/bits"
	"slices"
)

// Likeness is what a comparison of two pictures found.
type Likeness struct {
	Same     bool
	Mirrored bool
	Percent  int // how well they lie on each other, 0 to 100
}

// placing maps a picture onto another: x' = scale·x + dx in pixels at working size.
type placing struct{ scale, dx, dy float64 }

const (
	maxDistance = 16   // bits of 63 in which the surroundings of one point may differ
	tolerance   = 5.0  // pixels at working size
	minOverlap  = 0.55 // of the smaller picture
	goodFit     = 0.90 // correlation of the overlap
	goodBlocks  = 0.93 // share of its parts that fit by themselves
)

// Found is an entry of the index that was looked up.
type Found[ID comparable] struct {
	Photo ID
	Key
}

// mostCandidates is how many pictures one is compared with at most, enough how
// many points must agree in where they lie before it is.
const (
	mostCandidates = 12
	enough         = 2
)

// Candidates returns which pictures are worth comparing: those of which points
// were found that lie as those of the picture in question do, most of them
// first, or that look like it as a whole.
func Candidates[ID comparable](q Question, found []Found[ID]) []ID {
	type hit struct {
		asked
		spot int64
	}
	byPhoto := map[ID][]hit{}
	order := []ID{}
	for _, f := range found {
		for _, a := range q.asks[f.Hash] {
			if (a.point < 0) == (f.Spot == 0) {
				if _, known := byPhoto[f.Photo]; !known {
					order = append(order, f.Photo)
				}
				byPhoto[f.Photo] = append(byPhoto[f.Photo], hit{a, f.Spot})
			}
		}
	}
	type ranked struct {
		id    ID
		votes int
	}
	var list []ranked
	for _, id := range order {
		hits, whole := byPhoto[id], 0
		most := 0
		for _, h := range hits[:min(len(hits), 60)] {
			if h.point < 0 {
				whole++
				continue
			}
			s, dx, dy := q.place(h.asked, h.spot)
			agree := map[int]bool{}
			for _, o := range hits {
				if o.point < 0 || o.mirror != h.mirror {
					continue
				}
				x, y, scale := q.at(o.asked)
				ox, oy, oscale := unspot(o.spot)
				if math.Abs(s*x+dx-ox) < 14 && math.Abs(s*y+dy-oy) < 14 && math.Abs(math.Log2(oscale/scale/s)) < 0.6 {
					agree[o.point] = true
				}
			}
			most = max(most, len(agree))
		}
		if most >= enough || whole > 0 {
			list = append(list, ranked{id, most*2 + whole})
		}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return b.votes - a.votes })
	ids := make([]ID, 0, mostCandidates)
	for _, c := range list[:min(mostCandidates, len(list))] {
		ids = append(ids, c.id)
	}
	return ids
}

// at returns where the point of a look-up lies in the picture in question.
func (q Question) at(a asked) (x, y, scale float64) {
	p := q.print.Points[a.point]
	x = float64(p.X)
	if a.mirror {
		x = float64(q.print.W-1) - x
	}
	return x, float64(p.Y), float64(p.Scale)
}

// place returns how the picture in question would have to lie for its point to
// be the one at the spot.
func (q Question) place(a asked, spot int64) (s, dx, dy float64) {
	x, y, scale := q.at(a)
	ox, oy, oscale := unspot(spot)
	s = oscale / scale
	return s, ox - s*x, oy - s*y
}

// Compare lays a onto b, as it is and mirrored, and reports whether one is a
// copy of the other: most of what they share must be the same, part by part. Two
// pictures of one place with another vehicle in it are not copies.
func Compare(a, b Print) Likeness {
	var best Likeness
	for _, mirror := range []bool{false, true} {
		for _, p := range placings(a, b, mirror) {
			if l := fit(a, b, mirror, p); l.Percent > best.Percent || (l.Same && !best.Same) {
				best = l
			}
			if best.Same {
				return best
			}
		}
	}
	return best
}

// placings returns the ways in which a may lie on b, the likeliest first.
func placings(a, b Print, mirror bool) []placing {
	type pair struct{ ax, ay, bx, by, ratio float64 }
	var pairs []pair
	for _, p := range a.Points {
		signs, x := p.Bits, float64(p.X)
		if mirror {
			signs, x = mirrored(signs), float64(a.W-1)-x
		}
		for _, q := range b.Points {
			if bits.OnesCount64(signs^q.Bits) <= maxDistance {
				pairs = append(pairs, pair{x, float64(p.Y), float64(q.X), float64(q.Y), float64(q.Scale) / float64(p.Scale)})
			}
		}
	}
	if len(pairs) > 120 {
		pairs = pairs[:120]
	}
	type voted struct {
		placing
		votes int
	}
	var list []voted
	vote := func(p placing) {
		if p.scale < 0.3 || p.scale > 3.3 {
			return
		}
		n := 0
		for _, o := range pairs {
			if math.Abs(p.scale*o.ax+p.dx-o.bx) < tolerance && math.Abs(p.scale*o.ay+p.dy-o.by) < tolerance {
				n++
			}
		}
		list = append(list, voted{p, n})
	}
	for i, p := range pairs {
		vote(placing{p.ratio, p.bx - p.ratio*p.ax, p.by - p.ratio*p.ay})
		for _, q := range pairs[:i] {
			dax, day, dbx, dby := p.ax-q.ax, p.ay-q.ay, p.bx-q.bx, p.by-q.by
			la, lb := math.Hypot(dax, day), math.Hypot(dbx, dby)
			if la < 25 || lb < 15 || dax*dbx+day*dby < 0.995*la*lb {
				continue
			}
			s := lb / la
			vote(placing{s, (p.bx + q.bx - s*(p.ax+q.ax)) / 2, (p.by + q.by - s*(p.ay+q.ay)) / 2})
		}
	}
	slices.SortStableFunc(list, func(x, y voted) int { return y.votes - x.votes })
	var best []placing
	for _, v := range list {
		if len(best) == 3 || v.votes < max(2, list[0].votes/2) {
			break
		}
		known := slices.ContainsFunc(best, func(o placing) bool {
			return math.Abs(o.scale-v.scale) < 0.04 && math.Abs(o.dx-v.dx) < 6 && math.Abs(o.dy-v.dy) < 6
		})
		if !known {
			best = append(best, v.placing)
		}
	}
	signs := a.Whole
	if mirror {
		signs = mirrored(signs)
	}
	if bits.OnesCount64(signs^b.Whole) <= 10 {
		best = append(best, placing{float64(b.W) / float64(a.W), 0, 0})
	}
	return best
}

// fit moves a placing about until the small pictures lie best on each other
// and judges the result.
func fit(a, b Print, mirror bool, p placing) Likeness {
	score, _, ok := overlap(a, b, mirror, p, 16)
	if !ok || score < 0.45 {
		return Likeness{Percent: percent(score)}
	}
	for step := 4.0; step >= 0.5; step /= 2 {
		for moved := true; moved; {
			moved = false
			for _, o := range []placing{{step / work, -step / 2, -step / 2}, {-step / work, step / 2, step / 2}, {0, step, 0}, {0, -step, 0}, {0, 0, step}, {0, 0, -step}} {
				next := placing{p.scale + o.scale, p.dx + o.dx, p.dy + o.dy}
				if s, _, fits := overlap(a, b, mirror, next, 16); fits && s > score+1e-4 {
					p, score, moved = next, s, true
				}
			}
		}
	}
	score, blocks, ok := overlap(a, b, mirror, p, 40)
	return Likeness{Same: ok && score >= goodFit && blocks >= goodBlocks, Mirrored: mirror, Percent: percent(score)}
}

func percent(score float64) int { return int(math.Max(0, score)*100 + 0.5) }

// overlap samples n×n places of what the two pictures share. It returns their
// correlation, and the share of its 8×8 parts that are alike after the whole
// was brought to one brightness and contrast. It is not ok if they share too little.
func overlap(a, b Print, mirror bool, p placing, n int) (correlation, parts float64, ok bool) {
	left, top := math.Max(0, p.dx), math.Max(0, p.dy)
	right, bottom := math.Min(float64(b.W), p.scale*float64(a.W)+p.dx), math.Min(float64(b.H), p.scale*float64(a.H)+p.dy)
	if right-left < 16 || bottom-top < 16 {
		return 0, 0, false
	}
	smaller := math.Min(float64(b.W*b.H), p.scale*p.scale*float64(a.W*a.H))
	if (right-left)*(bottom-top) < minOverlap*smaller {
		return 0, 0, false
	}
	va, vb := make([]float64, n*n), make([]float64, n*n)
	var sa, sb, saa, sbb, sab float64
	for j := range n {
		for i := range n {
			x, y := left+(float64(i)+0.5)/float64(n)*(right-left), top+(float64(j)+0.5)/float64(n)*(bottom-top)
			ax, ay := (x-p.dx)/p.scale, (y-p.dy)/p.scale
			if mirror {
				ax = float64(a.W) - ax
			}
			u, v := a.sample(ax, ay), b.sample(x, y)
			va[j*n+i], vb[j*n+i] = u, v
			sa, sb, saa, sbb, sab = sa+u, sb+v, saa+u*u, sbb+v*v, sab+u*v
		}
	}
	count := float64(n * n)
	cov, varA, varB := sab/count-sa*sb/count/count, saa/count-sa*sa/count/count, sbb/count-sb*sb/count/count
	if varA < 4 || varB < 4 {
		return 0, 0, false
	}
	correlation = cov / math.Sqrt(varA*varB)
	gain := math.Sqrt(varB / varA)
	limit := 0.45 * math.Sqrt(varB)
	good := 0
	part := n / 8
	if part == 0 {
		return correlation, 0, true
	}
	for pj := range 8 {
		for pi := range 8 {
			var squares float64
			for j := pj * part; j < (pj+1)*part; j++ {
				for i := pi * part; i < (pi+1)*part; i++ {
					d := (va[j*n+i]-sa/count)*gain - (vb[j*n+i] - sb/count)
					squares += d * d
				}
			}
			if math.Sqrt(squares/float64(part*part)) < limit {
				good++
			}
		}
	}
	return correlation, float64(good) / 64, true
}

// sample returns the small picture at a place given at working size.
func (p Print) sample(x, y float64) float64 {
	x, y = x*float64(p.SmallW)/float64(p.W)-0.5, y*float64(p.SmallH)/float64(p.H)-0.5
	x, y = max(0, min(x, float64(p.SmallW-1))), max(0, min(y, float64(p.SmallH-1)))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, p.SmallW-1), min(y0+1, p.SmallH-1)
	fx, fy := x-float64(x0), y-float64(y0)
	upper, lower := p.Small[y0*p.SmallW:], p.Small[y1*p.SmallW:]
	return (float64(upper[x0])*(1-fx)+float64(upper[x1])*fx)*(1-fy) + (float64(lower[x0])*(1-fx)+float64(lower[x1])*fx)*fy
}
