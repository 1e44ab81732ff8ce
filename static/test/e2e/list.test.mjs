// The registry list: read to any depth, exported, kept as views; labels printed
// and looked up.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import jsqr from 'jsqr'
import { browser, logIn, pageOf, root, settled, start } from './server.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const shots = process.env.SHOTS
let server, engine, page, context, troubles

before(async () => {
  server = await start({ PHASEOUT_CLOCK: '2025-12-31T09:00:00+08:00' })
  engine = await browser()
  await as('clerk.changsha')
  // The sample sheet of 2,000 rows, so that there is something to scroll.
  await go('/imports')
  await page.getByTestId('import-file').setInputFiles(join(root, 'seeds/demo/trucks-changsha.xlsx'))
  await page.getByTestId('import-upload').click()
  await page.getByTestId('import-apply').click({ timeout: 60_000 })
  await page.getByTestId('import-applied').waitFor({ timeout: 60_000 })
})
after(async () => {
  await context?.close()
  await engine?.close()
  await server?.stop()
})

async function as(username, lang) {
  await context?.close()
  ;({ page, context, troubles } = await pageOf(engine, server.url, lang))
  await logIn(page, server.url, username)
}
const go = path => page.goto(`${server.url}/#${path}`)
async function shot(name) {
  if (!shots) return
  mkdirSync(shots, { recursive: true })
  await page.waitForTimeout(300)
  await page.screenshot({ path: join(shots, `${name}.png`) })
}
async function barriers() {
  await settled(page)
  await page.evaluate(axe)
  const found = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa'] }))
  assert.deepEqual(found.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => `${v.id} ${v.nodes[0].html.slice(0, 160)}`), [])
}
async function saved(action) {
  const [download] = await Promise.all([page.waitForEvent('download'), action()])
  return { name: download.suggestedFilename(), text: readFileSync(await download.path()) }
}
const number = text => Number(text.replace(/\D/g, ''))

test('a long list is read by scrolling, with few rows in the document (F22)', async () => {
  await go('/assets')
  await page.getByTestId('asset-link').first().waitFor()
  const total = number(await page.getByTestId('total').textContent())
  assert.ok(total > 1200, `${total} rows`)
  await shot('list')
  await barriers()
  const box = page.getByTestId('assets')
  const seen = new Set()
  for (let i = 0; i < 200 && !await page.locator('tr[aria-rowindex="1001"]').count(); i++) {
    await box.evaluate(e => e.scrollBy(0, 900))
    await page.waitForTimeout(60)
    const rows = await page.getByTestId('row').count()
    assert.ok(rows < 200, `${rows} rows are in the document`)
    for (const text of await page.getByTestId('asset-link').allTextContents()) seen.add(text)
  }
  await page.locator('tr[aria-rowindex="1001"]').waitFor()
  assert.ok(seen.size >= 1000, `${seen.size} different records came by`)
  await shot('list-deep')
  // Another filter starts at the top of its list.
  await page.getByTestId('search-box').fill('湘A161')
  await page.getByTestId('search-submit').click()
  await page.waitForFunction(() => document.querySelector('[data-testid=assets]').scrollTop === 0)
  await page.locator('tr[aria-rowindex="2"]').waitFor()
  assert.deepEqual(troubles, [])
})

test('ten thousand loaded rows stay smooth (F22)', async () => {
  await page.route('**/api/v1/assets?**', async (route) => {
    const at = Number(new URL(route.request().url()).searchParams.get('cursor') ?? 0)
    const items = Array.from({ length: 100 }, (_, i) => ({ id: `a${at + i}`, class: 'truck', city_code: '430100', category: 'heavy_dump', stage: 'china3', status: 'in_use', label: `湘A${at + i}`, identifiers: [], owner_name: 'x', in_scope: true, version: 1 }))
    await route.fulfill({ json: { items, total: 10000, total_capped: true, ...at + 100 < 10000 ? { next_cursor: String(at + 100) } : {} } })
  })
  await go('/assets?q=many')
  const box = page.getByTestId('assets')
  for (let i = 0; i < 400 && !await page.locator('tr[aria-rowindex="10001"]').count(); i++) {
    await box.evaluate(e => e.scrollTo(0, e.scrollHeight))
    await page.waitForTimeout(25)
  }
  await page.locator('tr[aria-rowindex="10001"]').waitFor()
  const worst = await box.evaluate(async (e) => {
    let worst = 0
    let last = performance.now()
    for (let i = 0; i < 60; i++) {
      e.scrollTo(0, (i * 7919 % 100) / 100 * e.scrollHeight)
      await new Promise(requestAnimationFrame)
      const now = performance.now()
      worst = Math.max(worst, now - last)
      last = now
    }
    return worst
  })
  const rows = await page.getByTestId('row').count()
  await page.unroute('**/api/v1/assets?**')
  assert.ok(rows < 200, `${rows} rows are in the document`)
  assert.ok(worst < 400, `a frame took ${worst} ms`)
})

test('the filtered list is exported whole, as text and as a workbook, and says so in the audit (F22)', async () => {
  // The total of the list before stays until that of this one is there.
  const listed = page.waitForResponse(r => r.url().includes('/api/v1/assets?') && r.url().includes('stage=china3') && r.url().includes('total=true'))
  await go('/assets?class=truck&stage=china3')
  const { total } = await (await listed).json()
  await page.getByTestId('total').getByText(new RegExp(`(^|\\D)${String(total).replace(/\B(?=(\d{3})+$)/g, ',?')}(\\D|$)`)).waitFor()
  await page.getByTestId('export').click()
  await page.getByTestId('export-count').getByText(/将导出/).waitFor()
  assert.equal(number(await page.getByTestId('export-count').textContent()), total)
  await shot('export')
  await barriers()
  await page.getByTestId('format-csv').click()
  const masked = await saved(() => page.getByTestId('export-start').click())
  assert.equal(masked.text.subarray(0, 3).toString('hex'), 'efbbbf')
  const lines = masked.text.toString('utf8').trim().split('\r\n')
  assert.equal(lines.length, total + 1)
  assert.match(masked.name, new RegExp(`^登记清单_${total}条_20251231-\\d{6}\\.csv$`))
  assert.match(lines[0], /^城市,号牌号码/)
  const phone = lines[0].split(',').indexOf('联系电话')
  const owners = lines[0].split(',').indexOf('证件号码')
  assert.ok(lines.slice(1).every(l => !/^\d{11}$/.test(l.split(',')[phone] ?? '')))
  // Unmasked only with a reason.
  await page.getByTestId('export').click()
  await page.getByTestId('export-reveal').click()
  await page.getByTestId('format-csv').click()
  assert.equal(await page.getByTestId('export-start').isDisabled(), true)
  await page.getByTestId('export-reason').fill('核对补贴发放名单')
  await shot('export-reveal')
  const full = await saved(() => page.getByTestId('export-start').click())
  const clear = full.text.toString('utf8').trim().split('\r\n')
  assert.equal(clear.length, total + 1)
  assert.ok(clear.some(l => /\d{6}/.test(l.split(',')[owners]) && !l.split(',')[owners].includes('*')))
  await page.getByTestId('export').click()
  await page.getByTestId('format-xlsx').click()
  const book = await saved(() => page.getByTestId('export-start').click())
  assert.equal(book.text.subarray(0, 2).toString(), 'PK')
  // Nothing found, nothing to export.
  await go('/assets?q=nothing-matches')
  await page.getByText('没有').first().waitFor()
  assert.equal(await page.getByTestId('export').isDisabled(), true)
  await go('/retirements')
  await page.getByTestId('retirement-link').first().waitFor()
  await page.getByTestId('export').click()
  await page.getByTestId('format-csv').click()
  const retirements = await saved(() => page.getByTestId('export-start').click())
  assert.match(retirements.name, /^淘汰清单_\d+条_/)
  assert.deepEqual(troubles, [])
  await as('auditor', 'en')
  await go('/audit')
  await page.getByText('核对补贴发放名单').first().waitFor()
  await shot('audit')
  assert.deepEqual(troubles, [])
})

test('a view is saved, chosen, shared with the city, renamed and removed (F22)', async () => {
  await as('clerk.changsha')
  await go('/assets?class=truck&stage=china2')
  await page.getByTestId('asset-link').first().waitFor()
  await page.getByTestId('columns').click()
  await page.getByTestId('column-model').check()
  await page.getByTestId('column-owner_name').uncheck()
  await shot('columns')
  await page.keyboard.press('Escape')
  await page.getByTestId('view-actions').click()
  await page.getByTestId('view-save').click()
  await page.getByTestId('view-name').fill('国二货车')
  await page.getByTestId('view-shared').click()
  await shot('view-save')
  await page.getByTestId('view-keep').click()
  await page.getByTestId('views').getByText('国二货车').waitFor()
  const headings = () => page.locator('[data-testid=assets] th').allTextContents()
  const kept = await headings()
  assert.ok(kept.some(h => h.includes('型号')) && !kept.some(h => h.includes('所有人')), kept.join())
  // The columns are remembered without the view as well.
  await page.reload()
  await page.getByTestId('asset-link').first().waitFor()
  assert.deepEqual(await headings(), kept)
  // A colleague of the city finds it, with its filter and columns.
  await as('reviewer.changsha')
  await go('/assets')
  await page.getByTestId('asset-link').first().waitFor()
  await page.getByTestId('views').click()
  await page.getByRole('option', { name: /国二货车/ }).click()
  await page.waitForURL(/stage=china2/)
  await page.waitForFunction(() => [...document.querySelectorAll('[data-testid=assets] th')].some(h => h.textContent.includes('型号')))
  await page.getByTestId('view-actions').click()
  await page.getByTestId('view-rename').waitFor()
  await shot('view-shared')
  assert.match(await page.getByTestId('view-rename').getAttribute('class'), /is-disabled/)
  await as('clerk.changsha')
  await go('/assets')
  await page.getByTestId('asset-link').first().waitFor()
  await page.getByTestId('views').click()
  await page.getByRole('option', { name: /国二货车/ }).click()
  await page.getByTestId('view-actions').click()
  await page.getByTestId('view-rename').click()
  await page.getByTestId('view-name').fill('国二')
  await page.getByTestId('view-keep').click()
  await page.getByTestId('views').getByText('国二', { exact: true }).waitFor()
  await page.getByTestId('view-actions').click()
  await page.getByTestId('view-remove').click()
  await page.locator('.el-message-box').getByRole('button', { name: '移除' }).or(page.locator('.el-message-box .el-button--primary')).first().click()
  await page.getByTestId('views').getByText('选择视图').waitFor()
  assert.deepEqual(troubles, [])
})

test('labels are printed for chosen records and their code leads to class and status (F6)', async () => {
  await as('clerk.changsha')
  await go('/assets?class=truck')
  await page.getByTestId('asset-link').first().waitFor()
  const plates = (await page.getByTestId('asset-link').allTextContents()).slice(0, 26)
  for (let i = 0; i < 3; i++) await page.getByTestId('pick').nth(i).check()
  await page.getByTestId('labels').click()
  await page.getByTestId('label').nth(2).waitFor()
  assert.equal(await page.getByTestId('label').count(), 3)
  await shot('labels')
  await barriers()
  const pages = async () => (await page.pdf({ preferCSSPageSize: true })).toString('latin1')
  const sheet = await pages()
  assert.equal(sheet.match(/\/Type \/Page\b/g).length, 1)
  assert.match(sheet, /\/MediaBox \[0 0 59[45][\d.]* 84[12]/)
  await page.getByTestId('paper-single').click()
  const single = await pages()
  assert.equal(single.match(/\/Type \/Page\b/g).length, 3)
  assert.match(single, /\/MediaBox \[0 0 1(69|70)[\d.]* 11[34]/)
  await shot('labels-single')
  // The code as a camera sees it.
  const pixels = await page.getByTestId('qr').first().evaluate(async (svg) => {
    const image = new Image()
    image.src = `data:image/svg+xml;utf8,${encodeURIComponent(new XMLSerializer().serializeToString(svg).replace('<svg ', '<svg width="300" height="300" '))}`
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width: 300, height: 300 })
    const pen = canvas.getContext('2d')
    pen.drawImage(image, 0, 0, 300, 300)
    return [...pen.getImageData(0, 0, 300, 300).data]
  })
  const address = jsqr(Uint8ClampedArray.from(pixels), 300, 300)?.data
  assert.match(address, new RegExp(`^${server.url}/#/s/[0-9A-HJKMNP-TV-Z]{12}$`))
  // The clerk, who is logged in, may open the record from there.
  await page.goto(address)
  await page.getByTestId('open-record').click()
  await page.getByTestId('asset-label').getByText(plates[0]).waitFor()
  // Everyone else sees that it exists, what it is and how it stands.
  for (const lang of ['zh-CN', 'en']) {
    const guest = await pageOf(engine, server.url, lang)
    await guest.page.goto(address)
    await guest.page.getByTestId('public-status').waitFor()
    const text = await guest.page.locator('body').innerText()
    assert.ok(plates.every(p => !text.includes(p)), text)
    assert.match(text, lang === 'en' ? /Changsha/ : /长沙/)
    assert.equal(await guest.page.getByTestId('open-record').count(), 0)
    if (shots) await guest.page.screenshot({ path: join(shots, `public-${lang}.png`) })
    await guest.page.goto(`${server.url}/#/s/000000000001`)
    await guest.page.reload()
    await guest.page.getByTestId('unknown-label').waitFor()
    assert.deepEqual(guest.troubles, [])
    await guest.context.close()
  }
  assert.deepEqual(troubles, [])
})
