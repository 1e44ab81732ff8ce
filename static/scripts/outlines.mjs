// Makes src/lib/outlines.ts, the six cities of the map, of the province's
// outlines that the npm package echarts@4.9.0 ships (Apache-2.0):
//   npm pack echarts@4.9.0 && tar xzf echarts-4.9.0.tgz package/map/json/province/hunan.json
//   node scripts/outlines.mjs package/map/json/province/hunan.json > src/lib/outlines.ts
import { readFileSync } from 'node:fs'

const cities = ['430100', '430200', '430300', '430600', '430700', '430900']
const { features } = JSON.parse(readFileSync(process.argv[2], 'utf8'))

// The package keeps rings as zigzag differences in 1/1024 degree.
function ring(text, offset) {
  let [x, y] = offset
  const points = []
  for (let i = 0; i < text.length; i += 2) {
    const [dx, dy] = [text.charCodeAt(i) - 64, text.charCodeAt(i + 1) - 64].map(n => (n >> 1) ^ -(n & 1))
    x += dx
    y += dy
    points.push([x / 1024, y / 1024])
  }
  return points
}

const distance = ([px, py], [ax, ay], [bx, by]) => {
  const length = Math.hypot(bx - ax, by - ay)
  return length === 0 ? Math.hypot(px - ax, py - ay) : Math.abs((bx - ax) * (ay - py) - (ax - px) * (by - ay)) / length
}
// Douglas and Peucker.
function simple(points, tolerance) {
  let far = 0
  let at = 0
  for (let i = 1; i < points.length - 1; i++) {
    const d = distance(points[i], points[0], points.at(-1))
    if (d > far) [far, at] = [d, i]
  }
  if (far <= tolerance) return [points[0], points.at(-1)]
  return [...simple(points.slice(0, at + 1), tolerance).slice(0, -1), ...simple(points.slice(at), tolerance)]
}

const shapes = features.filter(f => cities.includes(f.id)).map((f) => {
  const many = f.geometry.type === 'MultiPolygon'
  const rings = many ? f.geometry.coordinates.flatMap((polygon, i) => polygon.map((text, k) => ring(text, f.geometry.encodeOffsets[i][k]))) : f.geometry.coordinates.map((text, i) => ring(text, f.geometry.encodeOffsets[i]))
  return { code: f.id, rings }
})
const squeeze = Math.cos(28.5 * Math.PI / 180)
const flat = ([lon, lat]) => [lon * squeeze, -lat]
const all = shapes.flatMap(s => s.rings.flat()).map(flat)
const [left, top] = [Math.min(...all.map(p => p[0])), Math.min(...all.map(p => p[1]))]
const scale = 560 / (Math.max(...all.map(p => p[0])) - left)
const place = p => flat(p).map((n, i) => Math.round((n - (i ? top : left)) * scale + 10))
const height = Math.round((Math.max(...all.map(p => p[1])) - top) * scale + 20)
// The centre of a ring's area, where its name stands best.
function centre(points) {
  let [area, x, y] = [0, 0, 0]
  points.forEach(([ax, ay], i) => {
    const [bx, by] = points[(i + 1) % points.length]
    const cross = ax * by - bx * ay
    area += cross
    x += (ax + bx) * cross
    y += (ay + by) * cross
  })
  return [Math.round(x / 3 / area), Math.round(y / 3 / area)]
}
const lines = shapes.map(({ code, rings }) => {
  const d = rings.map((r) => {
    const points = simple(r, 0.008).map(place)
    return `M${points.filter((p, i) => i === 0 || p.join() !== points[i - 1].join()).map(p => p.join(' ')).join('L')}Z`
  }).join('')
  const [x, y] = centre(rings.toSorted((a, b) => b.length - a.length)[0].map(place))
  return `  { code: '${code}', x: ${x}, y: ${y}, d: '${d}' },`
})
process.stdout.write(`// Outlines of the six cities for the map, simplified. Made by scripts/outlines.mjs of map/json/province/hunan.json
// in the npm package echarts@4.9.0, Apache License 2.0 (see NOTICE). For orientation only, no legal boundary.
export const size = { width: 580, height: ${height} }
export const outlines: { code: string, x: number, y: number, d: string }[] = [
${lines.join('\n')}
]
`)
