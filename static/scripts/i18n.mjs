// Fails when a text is missing in a language, used and not written, or written
// and not used. A key that is put together at run time starts with a literal
// prefix, t(`status.${s}`), and its whole group counts as used.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = new URL('..', import.meta.url).pathname
const flat = (o, prefix = '') => Object.entries(o).flatMap(([k, v]) => typeof v === 'object' ? flat(v, `${prefix}${k}.`) : [[prefix + k, v]])
const load = name => new Map(flat(JSON.parse(readFileSync(join(root, `src/locales/${name}.json`), 'utf8'))))
const zh = load('zh-CN')
const en = load('en')
const files = dir => readdirSync(dir).flatMap((f) => {
  const path = join(dir, f)
  return statSync(path).isDirectory() ? files(path) : /\.(vue|ts)$/.test(f) && !f.endsWith('.d.ts') ? [path] : []
})
const problems = []
for (const [key, text] of zh) {
  if (!en.get(key)) problems.push(`en lacks ${key}`)
  if (!text) problems.push(`zh-CN is empty: ${key}`)
}
for (const key of en.keys()) if (!zh.has(key)) problems.push(`zh-CN lacks ${key}`)
for (const [key, text] of en) if (/[\u4e00-\u9fff]/.test(text)) problems.push(`en has Chinese in ${key}`)
const used = new Set()
const groups = new Set()
for (const file of files(join(root, 'src'))) {
  const source = readFileSync(file, 'utf8')
  for (const m of source.matchAll(/\bt\(\s*'([^']+)'/g)) {
    used.add(m[1])
    if (!zh.has(m[1])) problems.push(`${file.slice(root.length)}: no text ${m[1]}`)
  }
  for (const m of source.matchAll(/\bt\(\s*`([a-z_.]+)\.\$\{/gi)) groups.add(`${m[1]}.`)
  for (const m of source.matchAll(/i18nKey: '([^']+)'/g)) used.add(m[1])
}
for (const key of zh.keys())
  if (!used.has(key) && ![...groups].some(g => key.startsWith(g))) problems.push(`never used: ${key}`)
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
console.log(`i18n: ${zh.size} texts complete in zh-CN and en`)
