import jsqr from 'jsqr'
import { describe, expect, it } from 'vitest'
import { grouped, labelURL, qrPath } from './qr'

const read = jsqr as unknown as (data: Uint8ClampedArray, width: number, height: number) => { data: string } | null // its types are of another module system

/** Draws the path as pixels, four to a module. */
function drawn(text: string): { pixels: Uint8ClampedArray, side: number } {
  const { size, path } = qrPath(text)
  const side = size * 4
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255)
  for (const [, x, y, width] of Array.from(path.matchAll(/M(\d+) (\d+)h(\d+)v1H\d+z/g), m => m.map(Number)))
    for (let py = y * 4; py < y * 4 + 4; py++)
      for (let px = x * 4; px < (x + width) * 4; px++) pixels.set([0, 0, 0], (py * side + px) * 4)
  return { pixels, side }
}

describe('the QR code of a label', () => {
  it('is read back by another program as the address it stands for', () => {
    for (const text of ['https://phaseout.example.gov.cn/#/s/7K3MX90QVRTB', 'http://127.0.0.1:8080/#/s/000000000000', 'x'.repeat(150)]) {
      const { pixels, side } = drawn(text)
      expect(read(pixels, side, side)?.data).toBe(text)
    }
  })

  it('leads to the page that everyone may see', () => {
    expect(labelURL('7K3MX90QVRTB')).toMatch(/^https?:\/\/[^#]+\/#\/s\/7K3MX90QVRTB$/)
    expect(grouped('7K3MX90QVRTB')).toBe('7K3M-X90Q-VRTB')
  })
})
