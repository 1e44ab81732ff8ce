package app

import (
	"bytes"
	"image"
	"image/jpeg"

	"phaseout/internal/photo/scene"
)

// photo draws a picture that no other has. To load the demonstration quickly most
// are so small that they are not compared with others; those of the story are
// made by shot.
func (d *demo) photo() []byte {
	n := d.random.Uint64()
	w, h := 57, 38
	if n%10 == 0 {
		w, h = 320, 213
	}
	return shot(scene.Scene{Place: n, Subject: n, Noise: n}, w, h)
}

// shot returns a scene as a JPEG.
func shot(s scene.Scene, w, h int) []byte { return jpegOf(scene.Draw(s, w, h)) }

func jpegOf(img image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}); err != nil {
		return nil // never into a buffer
	}
	return b.Bytes()
}
