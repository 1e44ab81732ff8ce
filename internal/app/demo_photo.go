package app

import (
	"bytes"
	"image"
	"image/jpeg"

	"phaseout/internal/photo/scene"
)

// shot returns a scene as a JPEG.
func shot(s scene.Scene, w, h int) []byte { return jpegOf(scene.Draw(s, w, h)) }

func jpegOf(img image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}); err != nil {
		return nil // never into a buffer
	}
	return b.Bytes()
}
