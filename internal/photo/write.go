package photo

import (
	"encoding/binary"
	"math"
)

// WithFacts returns a JPEG with an instant ("2025:12:01 09:30:00") and a place
// written into it as a phone does, for the demonstration and for tests.
func WithFacts(jpeg []byte, taken string, lat, lon float64) []byte {
	o := binary.BigEndian
	tiff := []byte("MM\x00*\x00\x00\x00\x08")
	var heap []byte
	heapAt := 8 + (2 + 12*4 + 4) + (2 + 12 + 4) + (2 + 12*4 + 4)
	put := func(b []byte) uint32 {
		at := uint32(heapAt + len(heap)) //nolint:gosec // a few hundred bytes
		heap = append(heap, b...)
		return at
	}
	field := func(tag, kind uint16, count, value uint32) {
		tiff = o.AppendUint16(tiff, tag)
		tiff = o.AppendUint16(tiff, kind)
		tiff = o.AppendUint32(tiff, count)
		tiff = o.AppendUint32(tiff, value)
	}
	begin := func(n uint16) { tiff = o.AppendUint16(tiff, n) }
	end := func() { tiff = o.AppendUint32(tiff, 0) }
	text := func(tag uint16, s string) { field(tag, 2, uint32(len(s)+1), put([]byte(s+"\x00"))) } //nolint:gosec // short
	angle := func(tag uint16, v float64) {
		v = math.Abs(v)
		var b []byte
		b = o.AppendUint32(o.AppendUint32(b, uint32(v)), 1)
		minutes := (v - math.Floor(v)) * 60
		b = o.AppendUint32(o.AppendUint32(b, uint32(minutes)), 1)
		b = o.AppendUint32(o.AppendUint32(b, uint32(math.Round((minutes-math.Floor(minutes))*60*10000))), 10000)
		field(tag, 5, 3, put(b))
	}
	side := func(tag uint16, positive bool, yes, no byte) {
		c := no
		if positive {
			c = yes
		}
		field(tag, 2, 2, uint32(c)<<24)
	}
	begin(4)
	text(0x10f, "Example")
	text(0x110, "Phone")
	field(0x8769, 4, 1, 8+2+12*4+4)
	field(0x8825, 4, 1, 8+2+12*4+4+2+12+4)
	end()
	begin(1)
	text(0x9003, taken)
	end()
	begin(4)
	side(1, lat >= 0, 'N', 'S')
	angle(2, lat)
	side(3, lon >= 0, 'E', 'W')
	angle(4, lon)
	end()
	body := append([]byte("Exif\x00\x00"), append(tiff, heap...)...)
	out := append([]byte{}, jpeg[:2]...)
	out = append(out, 0xff, 0xe1)
	out = o.AppendUint16(out, uint16(len(body)+2)) //nolint:gosec // a few hundred bytes
	return append(append(out, body...), jpeg[2:]...)
}
