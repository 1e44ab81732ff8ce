package photo

import (
	"encoding/binary"
	"image"
	"image/color"
	"math"
	"strings"
)

// Facts is what a camera wrote into a file (Exif 2.32, CIPA DC-008).
type Facts struct {
	TakenAt      string // "2025-12-01T09:30:00", the camera's own clock; "" if not told
	LatE6, LonE6 *int64 // WGS 84 in millionths of a degree
	Camera       string // maker and model
	Software     string
	Orientation  int // 1 to 8, 0 if not told
	Exif         bool
}

// FactsOf reads the facts of a JPEG, PNG or WebP file. What is not there or not
// in order is left out; no file makes it fail.
func FactsOf(data []byte) Facts {
	tiff := exifOf(data)
	if len(tiff) < 8 {
		return Facts{}
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(tiff[:2]) == "MM" {
		order = binary.BigEndian
	} else if string(tiff[:2]) != "II" {
		return Facts{}
	}
	t := reader{tiff, order}
	main := t.directory(int64(order.Uint32(tiff[4:])))
	if len(main) == 0 {
		return Facts{}
	}
	f := Facts{Exif: true, Software: t.text(main[0x131]), Orientation: int(t.number(main[0x112]))}
	f.Camera = strings.TrimSpace(t.text(main[0x10f]) + " " + t.text(main[0x110]))
	detail := t.directory(t.number(main[0x8769]))
	for _, tag := range []entry{detail[0x9003], detail[0x9004], main[0x132]} {
		if f.TakenAt = instant(t.text(tag)); f.TakenAt != "" {
			break
		}
	}
	gps := t.directory(t.number(main[0x8825]))
	lat, okLat := t.degrees(gps[2], t.text(gps[1]))
	lon, okLon := t.degrees(gps[4], t.text(gps[3]))
	if okLat && okLon && math.Abs(lat) <= 90 && math.Abs(lon) <= 180 && (lat != 0 || lon != 0) {
		a, o := int64(math.Round(lat*1e6)), int64(math.Round(lon*1e6))
		f.LatE6, f.LonE6 = &a, &o
	}
	return f
}

// exifOf returns the TIFF part of a file: of the APP1 segment of a JPEG, the
// eXIf chunk of a PNG, the EXIF chunk of a WebP.
func exifOf(data []byte) []byte {
	switch {
	case len(data) > 4 && data[0] == 0xff && data[1] == 0xd8:
		for i := 2; i+4 <= len(data) && data[i] == 0xff && data[i+1] != 0xda; {
			n := int(binary.BigEndian.Uint16(data[i+2:]))
			end := i + 2 + n
			if n < 2 || end > len(data) {
				return nil
			}
			if body := data[i+4 : end]; data[i+1] == 0xe1 && strings.HasPrefix(string(body[:min(6, len(body))]), "Exif\x00\x00") {
				return body[6:]
			}
			i = end
		}
	case len(data) > 8 && string(data[1:4]) == "PNG":
		for i := 8; i+12 <= len(data); {
			n := int64(binary.BigEndian.Uint32(data[i:]))
			end := int64(i) + 12 + n
			if end > int64(len(data)) {
				return nil
			}
			if string(data[i+4:i+8]) == "eXIf" {
				return data[i+8 : int64(i)+8+n]
			}
			i = int(end)
		}
	case len(data) > 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		for i := 12; i+8 <= len(data); {
			n := int64(binary.LittleEndian.Uint32(data[i+4:]))
			end := int64(i) + 8 + n
			if end > int64(len(data)) {
				return nil
			}
			if string(data[i:i+4]) == "EXIF" {
				return []byte(strings.TrimPrefix(string(data[i+8:end]), "Exif\x00\x00"))
			}
			i = int(end + n%2)
		}
	}
	return nil
}

type reader struct {
	b     []byte
	order binary.ByteOrder
}

// entry is one field of a directory: its type, how many values, and their bytes.
type entry struct {
	kind  uint16
	count uint32
	value []byte
}

var widths = map[uint16]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}

// directory returns the fields of the directory at an offset, none if there is none.
func (t reader) directory(offset int64) map[uint16]entry {
	if offset < 8 || offset+2 > int64(len(t.b)) {
		return nil
	}
	fields := map[uint16]entry{}
	n := int64(t.order.Uint16(t.b[offset:]))
	for i := range min(n, 256) {
		at := offset + 2 + 12*i
		if at+12 > int64(len(t.b)) {
			break
		}
		e := entry{kind: t.order.Uint16(t.b[at+2:]), count: t.order.Uint32(t.b[at+4:])}
		size := widths[e.kind] * int64(e.count)
		start := at + 8
		if size > 4 {
			start = int64(t.order.Uint32(t.b[at+8:]))
		}
		if size == 0 || size > 4096 || start+size > int64(len(t.b)) {
			continue
		}
		e.value = t.b[start : start+size]
		fields[t.order.Uint16(t.b[at:])] = e
	}
	return fields
}

// text returns a field's text, at most 60 signs of it, none that cannot be shown.
func (t reader) text(e entry) string {
	if e.kind != 2 {
		return ""
	}
	s, _, _ := strings.Cut(string(e.value), "\x00")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(strings.TrimSpace(s)); len(r) > 60 {
		return string(r[:60])
	}
	return strings.TrimSpace(s)
}

func (t reader) number(e entry) int64 {
	switch {
	case e.kind == 3 && len(e.value) >= 2:
		return int64(t.order.Uint16(e.value))
	case e.kind == 4 && len(e.value) >= 4:
		return int64(t.order.Uint32(e.value))
	}
	return 0
}

// degrees reads degrees, minutes and seconds as three fractions.
func (t reader) degrees(e entry, side string) (float64, bool) {
	if e.kind != 5 || len(e.value) < 24 {
		return 0, false
	}
	total, unit := 0.0, 1.0
	for i := range 3 {
		over, under := t.order.Uint32(e.value[8*i:]), t.order.Uint32(e.value[8*i+4:])
		if under == 0 {
			return 0, false
		}
		total += float64(over) / float64(under) / unit
		unit *= 60
	}
	if side == "S" || side == "W" {
		total = -total
	}
	return total, true
}

// instant reads "2025:12:01 09:30:00".
func instant(s string) string {
	if len(s) < 19 || s[4] != ':' || s[7] != ':' || s[:4] == "0000" {
		return ""
	}
	for i, c := range s[:19] {
		if digit := c >= '0' && c <= '9'; digit == (i == 4 || i == 7 || i == 10 || i == 13 || i == 16) {
			return ""
		}
	}
	return s[:4] + "-" + s[5:7] + "-" + s[8:10] + "T" + s[11:19]
}

// Upright returns img as the camera meant it to be looked at.
func (f Facts) Upright(img image.Image) image.Image {
	if f.Orientation < 2 || f.Orientation > 8 {
		return img
	}
	// Turned pixel by pixel, a picture of a good camera would take a second.
	b := img.Bounds()
	long := max(b.Dx(), b.Dy(), 1)
	size := min(long, 4*work)
	w, h := max(1, b.Dx()*size/long), max(1, b.Dy()*size/long)
	g := luma(img, w, h)
	small := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range g.p {
		small.Pix[i] = uint8(v*255 + 0.5)
	}
	return turned{small, f.Orientation}
}

// turned is a picture seen in one of the orientations of Exif.
type turned struct {
	image.Image
	orientation int
}

// Bounds returns the bounds after the turn.
func (t turned) Bounds() image.Rectangle {
	b := t.Image.Bounds()
	if t.orientation >= 5 {
		return image.Rect(0, 0, b.Dy(), b.Dx())
	}
	return image.Rect(0, 0, b.Dx(), b.Dy())
}

// At returns the colour at a place after the turn.
func (t turned) At(x, y int) color.Color {
	b := t.Image.Bounds()
	w, h := b.Dx()-1, b.Dy()-1
	switch t.orientation {
	case 2:
		x = w - x
	case 3:
		x, y = w-x, h-y
	case 4:
		y = h - y
	case 5:
		x, y = y, x
	case 6:
		x, y = y, h-x
	case 7:
		x, y = w-y, h-x
	case 8:
		x, y = w-y, x
	}
	return t.Image.At(b.Min.X+x, b.Min.Y+y)
}
