// Fails when the first load of a page is over its budget, gzipped: the log-in
// page 150 KiB, any page 350 KiB. Reads the bundler's own manifest.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const dist = join(new URL('..', import.meta.url).pathname, 'dist')
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'))
const weight = file => gzipSync(readFileSync(join(dist, file))).length
const collect = (key, seen) => {
  const chunk = manifest[key]
  if (!chunk || seen.has(key)) return seen
  seen.add(key)
  for (const next of chunk.imports ?? []) collect(next, seen)
  return seen
}
const sizeOf = (keys) => {
  const files = new Set()
  for (const key of keys) {
    files.add(manifest[key].file)
    for (const css of manifest[key].css ?? []) files.add(css)
  }
  return [...files].reduce((sum, file) => sum + weight(file), 0) / 1024
}
const entry = collect('index.html', new Set())
// The texts of one language are part of every first load: the larger ones count.
const locales = Object.keys(manifest).filter(k => k.startsWith('src/locales/')).sort((a, b) => weight(manifest[b].file) - weight(manifest[a].file))
collect(locales[0], entry)
let failed = false
for (const key of Object.keys(manifest).filter(k => k.startsWith('src/pages/'))) {
  const chunks = collect(key, new Set(entry))
  // A part that is loaded by itself, such as the chart, is part of the page all the same.
  for (const part of manifest[key].dynamicImports ?? []) if (part.startsWith('src/components/')) collect(part, chunks)
  collect('src/components/AppFrame.vue', chunks)
  const login = key.endsWith('Login.vue')
  const size = sizeOf(login ? collect(key, new Set(entry)) : chunks)
  const limit = login ? 150 : 350
  const over = size > limit
  failed ||= over
  console.log(`${over ? 'OVER ' : '     '}${size.toFixed(0).padStart(4)} KiB of ${limit}  ${key.slice('src/pages/'.length)}`)
}
if (failed) process.exit(1)
