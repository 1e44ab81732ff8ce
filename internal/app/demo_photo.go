package app

import (
	"bytes"
	"image"
	"image/jpeg"
)

// jpegOf returns a picture as a JPEG.
func jpegOf(img image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}); err != nil {
		return nil // never into a buffer
	}
	return b.Bytes()
}
