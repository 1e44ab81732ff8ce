// Package scene draws pictures of yards that do not exist, for the demonstration
// and for tests: ground and sky with grain, buildings, a vehicle in one of many
// liveries, scrap, a plate, uneven light and the noise of a sensor.
package scene

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// Scene is what is drawn. The same numbers give the same picture.
type Scene struct {
	Place   uint64 // the yard: ground, sky, buildings
	Subject uint64 // the vehicle and what lies about
	Noise   uint64 // the sensor's
}

type canvas struct {
	w, h int
	p    [][3]float32
}

// Draw draws a scene of a size.
func Draw(s Scene, w, h int) *image.RGBA {
	c := &canvas{w, h, make([][3]float32, w*h)}
	place := rand.New(rand.NewPCG(s.Place, 11))
	horizon := (0.25 + 0.25*place.Float64()) * float64(h)
	c.ground(place, horizon)
	for range 2 + place.IntN(4) {
		c.building(place, horizon)
	}
	subject := rand.New(rand.NewPCG(s.Subject, 12))
	for range 4 + subject.IntN(8) {
		c.scrap(subject, horizon)
	}
	c.vehicle(subject, horizon)
	for range 3 + subject.IntN(5) {
		c.scrap(subject, horizon+0.3*float64(h))
	}
	return c.finish(rand.New(rand.NewPCG(s.Noise, 13)))
}

func tone(r *rand.Rand) [3]float32 {
	v := 40 + r.Float32()*180
	return [3]float32{v + (r.Float32()-0.5)*90, v + (r.Float32()-0.5)*90, v + (r.Float32()-0.5)*90}
}

// grain is value noise of several sizes at a point.
type grain struct {
	cells [4][17 * 17]float32
	size  float64
}

func newGrain(r *rand.Rand, size float64) *grain {
	g := &grain{size: size}
	for o := range g.cells {
		for i := range g.cells[o] {
			g.cells[o][i] = r.Float32() - 0.5
		}
	}
	return g
}

func (g *grain) at(x, y float64) float32 {
	var sum float32
	strength, size := float32(1), g.size
	for o := range g.cells {
		fx, fy := x/size, y/size
		x0, y0 := int(fx), int(fy)
		tx, ty := float32(fx-float64(x0)), float32(fy-float64(y0))
		x0, y0 = x0&15, y0&15
		c := &g.cells[o]
		top := c[y0*17+x0]*(1-tx) + c[y0*17+x0+1]*tx
		bottom := c[(y0+1)*17+x0]*(1-tx) + c[(y0+1)*17+x0+1]*tx
		sum += strength * (top*(1-ty) + bottom*ty)
		strength, size = strength*0.6, size/2.3
	}
	return sum
}

func (c *canvas) ground(r *rand.Rand, horizon float64) {
	sky, earth := tone(r), tone(r)
	clouds, soil := newGrain(r, float64(c.w)/3), newGrain(r, float64(c.w)/9)
	slope := (r.Float64() - 0.5) * 0.2
	for y := range c.h {
		for x := range c.w {
			edge := horizon + slope*float64(x-c.w/2)
			var v [3]float32
			if float64(y) < edge {
				k := clouds.at(float64(x), float64(y))*55 + float32(float64(y)/edge)*30
				v = [3]float32{sky[0] + 40 + k, sky[1] + 45 + k, sky[2] + 60 + k*0.7}
			} else {
				depth := float32((float64(y) - edge) / (float64(c.h) - edge))
				k := soil.at(float64(x), float64(y)*1.7)*(40+45*depth) - 20*depth
				v = [3]float32{earth[0]*0.7 + k, earth[1]*0.66 + k, earth[2]*0.6 + k}
			}
			c.p[y*c.w+x] = v
		}
	}
}

// quad fills a convex four-sided shape with a tone that changes across it.
func (c *canvas) quad(pts [4][2]float64, a, b [3]float32) {
	minY, maxY := math.Inf(1), math.Inf(-1)
	minX, maxX := math.Inf(1), math.Inf(-1)
	for _, p := range pts {
		minX, maxX, minY, maxY = math.Min(minX, p[0]), math.Max(maxX, p[0]), math.Min(minY, p[1]), math.Max(maxY, p[1])
	}
	for y := max(0, int(minY)); y <= min(c.h-1, int(maxY)); y++ {
		for x := max(0, int(minX)); x <= min(c.w-1, int(maxX)); x++ {
			inside := true
			for i, p := range pts {
				q := pts[(i+1)%4]
				if (q[0]-p[0])*(float64(y)-p[1])-(q[1]-p[1])*(float64(x)-p[0]) < 0 {
					inside = false
					break
				}
			}
			if inside {
				t := float32((float64(y) - minY) / (maxY - minY + 1))
				for k := range 3 {
					c.p[y*c.w+x][k] = a[k]*(1-t) + b[k]*t
				}
			}
		}
	}
}

func (c *canvas) box(x, y, w, h, lean float64, a, b [3]float32) {
	c.quad([4][2]float64{{x + lean, y}, {x + w + lean, y}, {x + w, y + h}, {x, y + h}}, a, b)
}

func (c *canvas) disc(cx, cy, radius float64, v [3]float32) {
	for y := max(0, int(cy-radius)); y <= min(c.h-1, int(cy+radius)); y++ {
		for x := max(0, int(cx-radius)); x <= min(c.w-1, int(cx+radius)); x++ {
			if math.Hypot(float64(x)-cx, float64(y)-cy) <= radius {
				c.p[y*c.w+x] = v
			}
		}
	}
}

func darker(v [3]float32, k float32) [3]float32 { return [3]float32{v[0] * k, v[1] * k, v[2] * k} }

func (c *canvas) building(r *rand.Rand, horizon float64) {
	W := float64(c.w)
	w, h := (0.1+0.3*r.Float64())*W, (0.08+0.22*r.Float64())*float64(c.h)
	x, v := r.Float64()*W-w/2, tone(r)
	c.box(x, horizon-h+5, w, h, (r.Float64()-0.5)*0.05*W, v, darker(v, 0.75))
	glass := darker(tone(r), 0.6)
	columns, rows := 2+r.IntN(5), 1+r.IntN(3)
	for i := range columns {
		for j := range rows {
			if r.IntN(5) > 0 {
				c.box(x+w*(float64(i)+0.25)/float64(columns), horizon-h+5+h*(float64(j)+0.25)/float64(rows), w*0.5/float64(columns), h*0.45/float64(rows), 0, glass, darker(glass, 0.7))
			}
		}
	}
}

func (c *canvas) vehicle(r *rand.Rand, horizon float64) {
	W, H := float64(c.w), float64(c.h)
	w, h := (0.4+0.4*r.Float64())*W, (0.2+0.22*r.Float64())*H
	x, y := (0.02+0.3*r.Float64())*W, math.Min(horizon+(0.05+0.2*r.Float64())*H, H*0.95-h*1.3)
	body, cab := tone(r), tone(r)
	flip := r.IntN(2) == 0
	cabW := w * (0.2 + 0.15*r.Float64())
	at := func(dx, dw float64) float64 {
		if flip {
			return x + w - dx - dw
		}
		return x + dx
	}
	lean := (r.Float64() - 0.5) * 0.05 * W
	c.box(at(cabW, w-cabW), y, w-cabW, h, lean, body, darker(body, 0.7))
	for i := range 3 + r.IntN(9) { // ribs, stripes, dents
		v := darker(tone(r), 0.5+0.6*r.Float32())
		c.box(at(cabW+(w-cabW)*r.Float64()*0.9, w*0.04), y+h*r.Float64()*0.6, w*(0.015+0.08*r.Float64()), h*(0.08+0.3*r.Float64()), lean*float64(i%2), v, darker(v, 0.8))
	}
	c.box(at(0, cabW), y+h*0.15*r.Float64(), cabW, h, 0, cab, darker(cab, 0.65))
	glass := [3]float32{40 + r.Float32()*60, 50 + r.Float32()*60, 60 + r.Float32()*60}
	c.box(at(cabW*0.15, cabW*0.6), y+h*0.2, cabW*(0.4+0.2*r.Float64()), h*0.3, 0, glass, darker(glass, 1.5))
	wheel := h * (0.16 + 0.06*r.Float64())
	for range 2 + r.IntN(3) {
		cx := at(w*(0.08+0.84*r.Float64()), 0)
		c.disc(cx, y+h*1.05, wheel, [3]float32{22, 22, 24})
		c.disc(cx, y+h*1.05, wheel*0.5, tone(r))
	}
	c.plate(r, at(cabW*0.2, W*0.1), y+h*0.85, W*0.1)
}

// plate draws a plate with signs that nobody can read.
func (c *canvas) plate(r *rand.Rand, x, y, w float64) {
	h := w * 0.32
	c.box(x, y, w, h, 0, [3]float32{225, 190, 40}, [3]float32{210, 170, 30})
	for i := range 7 {
		gx := x + w*(0.06+0.13*float64(i))
		for range 3 {
			if r.IntN(2) == 0 {
				c.box(gx, y+h*(0.2+0.25*float64(r.IntN(3))), w*0.09, h*0.1, 0, [3]float32{15, 15, 15}, [3]float32{15, 15, 15})
			} else {
				c.box(gx+w*0.06*float64(r.IntN(2)), y+h*0.2, w*0.025, h*0.6, 0, [3]float32{15, 15, 15}, [3]float32{15, 15, 15})
			}
		}
	}
}

func (c *canvas) scrap(r *rand.Rand, below float64) {
	W, H := float64(c.w), float64(c.h)
	x, y := r.Float64()*W, math.Min(H*0.97, below+r.Float64()*(H-below))
	size := (0.02 + 0.07*r.Float64()) * W
	v := tone(r)
	if r.IntN(3) == 0 {
		c.disc(x, y, size*0.6, darker(v, 0.6))
		c.disc(x, y, size*0.3, v)
		return
	}
	c.box(x, y, size, size*(0.3+0.7*r.Float64()), (r.Float64()-0.5)*size, v, darker(v, 0.6))
}

func (c *canvas) finish(r *rand.Rand) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, c.w, c.h))
	cx, cy := r.Float64()*float64(c.w), r.Float64()*float64(c.h)
	for y := range c.h {
		for x := range c.w {
			light := float32(1.08 - 0.3*math.Hypot(float64(x)-cx, float64(y)-cy)/float64(c.w))
			noise := float32(r.NormFloat64() * 4)
			v := c.p[y*c.w+x]
			img.SetRGBA(x, y, color.RGBA{clip(v[0]*light + noise), clip(v[1]*light + noise), clip(v[2]*light + noise), 255})
		}
	}
	return img
}

func clip(v float32) uint8 { return uint8(max(0, min(255, v))) }
