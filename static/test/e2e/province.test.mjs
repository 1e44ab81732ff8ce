// The province's page and a city's: what they say, what their numbers open, on
// another day, on paper, by keyboard; tonnes with their trace and factors set.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, password, start } from './server.mjs'

let server, engine, page, troubles, context

before(async () => {
  server = await start({ PHASEOUT_CLOCK: '2026-01-10T09:00:00+08:00' })
  engine = await browser()
  ;({ page, troubles, context } = await pageOf(engine, server.url))
  await logIn(page, server.url, 'province')
})
after(async () => {
  await context?.close()
  await engine?.close()
  await server?.stop()
})

// Loaded afresh, so that no number of the page before is read.
const go = async (path) => {
  await page.goto(`${server.url}/#${path}`)
  await page.reload()
  await page.waitForLoadState('networkidle')
}
const number = async (locator) => Number((await locator.innerText()).replaceAll(',', ''))

test('the province reads completion by its definition, what is overdue, and opens numbers to as many rows (F64 F66 F70)', async () => {
  await go('/progress?as_of=2026-01-10&class=truck')
  assert.match(await page.getByTestId('completion').innerText(), /^\d+\.\d%$/)
  assert.match(await page.getByTestId('definition').innerText(), /口径：已注销报废 v1\s+示例\s+基准日 2021-12-31，期限 2025-12-31/)
  assert.match(await page.getByTestId('overdue').innerText(), /逾期 \d+，自 2026-01-01 起/)
  const overdue = [], left = []
  for (const code of ['430100', '430200', '430300', '430600', '430700', '430900']) {
    const row = await page.getByTestId(`pace-${code}`).innerText()
    overdue.push(Number(/逾期 (\d+)/.exec(row)?.[1] ?? 0))
    left.push(row)
  }
  assert.equal(await page.getByTestId('overdue').innerText().then(x => Number(/逾期 (\d+)/.exec(x)[1])), overdue.reduce((a, b) => a + b, 0))
  for (const level of ['verified', 'evidenced', 'declared']) {
    await go('/progress?as_of=2026-01-10&class=truck')
    const n = await number(page.getByTestId(`level-${level}`))
    assert.ok(n > 0)
    await page.getByTestId(`level-${level}`).click()
    await page.getByTestId('total').getByText(`共 ${n} 条`, { exact: true }).waitFor()
  }
  await go('/progress?as_of=2026-01-10&class=truck')
  const remaining = await number(page.getByTestId('tile-remaining'))
  await page.getByTestId('tile-remaining').click()
  await page.getByTestId('total').getByText(`共 ${remaining} 条`, { exact: true }).waitFor()
  await go('/progress?as_of=2026-01-10&class=vessel')
  assert.equal(await page.getByTestId('overdue').count(), 0)
  assert.match(await page.getByTestId('headline').innerText(), /鼓励类/)
  assert.deepEqual(troubles, [])
})

test('a week of the pace opens the retirements of that week, and the weeks add up to the rate (F70)', async () => {
  await go('/progress?as_of=2025-12-31&class=truck')
  const weeks = []
  for (let i = 0; i < 12; i++) weeks.push(await number(page.getByTestId(`week-430100-${i}`)))
  const rate = weeks.reduce((a, b) => a + b, 0) / 12
  assert.ok((await page.getByTestId('pace-430100').innerText()).includes(rate.toFixed(1)), `${rate} is not in the line`)
  const i = weeks.findLastIndex(n => n > 0)
  await page.getByTestId(`week-430100-${i}`).click()
  await page.getByTestId('emission-assets').getByText(String(weeks[i]), { exact: true }).waitFor()
  assert.equal(await page.getByTestId('emission-asset').count(), weeks[i])
  assert.deepEqual(troubles, [])
})

test('as of another day the page says what was then (F65 F70)', async () => {
  await go('/progress?as_of=2025-12-31&class=truck')
  const now = await number(page.getByTestId('level-verified'))
  await page.getByTestId('as-of').fill('2025-06-30')
  await page.getByTestId('as-of').dispatchEvent('change')
  await page.getByRole('heading', { name: /截至 2025-06-30/ }).waitFor()
  await page.waitForLoadState('networkidle')
  const then = await number(page.getByTestId('level-verified'))
  assert.ok(then < now && then > 0, `${then} then, ${now} now`)
  assert.equal(await page.getByTestId('overdue').count(), 0)
  assert.deepEqual(troubles, [])
})

test('as known at an earlier instant forecast and tonnes are those of then, and so is what they open (F65)', async () => {
  const api = (path, init = {}) => fetch(`${server.url}/api/v1${path}`, { ...init, headers: { 'Content-Type': 'application/json', ...init.headers } })
  const login = await (await api('/auth/login', { method: 'POST', body: JSON.stringify({ username: 'province', password }) })).json()
  const as = { Authorization: `Bearer ${login.access_token}` }
  const at = (await (await api('/progress/pace?as_of=2025-12-31&class=truck', { headers: as })).json()).generated_at
  await go('/progress?as_of=2025-12-31&class=truck')
  const pace = await page.getByTestId('pace-430100').innerText()
  const tonnes = await page.getByTestId('tile-nox').innerText()
  const yard = (await (await api('/yards?city=430100', { headers: as })).json()).items.find(y => y.status === 'active' && y.classes.includes('truck'))
  const changed = await api(`/yards/${yard.id}`, { method: 'PATCH', headers: { ...as, 'If-Match': `"${yard.version}"` }, body: JSON.stringify({ name: yard.name, credit_code: yard.credit_code, classes: yard.classes, capacity_per_month: yard.capacity_per_month + 1000 }) })
  assert.equal(changed.status, 200)
  await go('/progress?as_of=2025-12-31&class=truck')
  assert.notEqual(await page.getByTestId('pace-430100').innerText(), pace)
  await go(`/progress?as_of=2025-12-31&class=truck&as_known=${encodeURIComponent(at)}`)
  assert.equal(await page.getByTestId('pace-430100').innerText(), pace)
  assert.equal(await page.getByTestId('tile-nox').innerText(), tonnes)
  // A number opens as many rows as known then, and a city's page is of the same instant.
  const verified = await number(page.getByTestId('level-verified'))
  await page.getByTestId('level-verified').click()
  await page.getByTestId('total').getByText(`共 ${verified} 条`, { exact: true }).waitFor()
  await page.goBack()
  await page.getByTestId('city-430100').click()
  await page.waitForURL(/430100\?.*as_known=/)
  await page.getByTestId('pace-430100').waitFor()
  assert.equal(await page.getByTestId('pace-430100').innerText(), pace)
  await page.getByTestId('known-now').click()
  await page.waitForURL(u => !u.href.includes('as_known'))
  await page.waitForFunction(was => document.querySelector('[data-testid="pace-430100"]')?.innerText !== was, pace)
  // Before anything was recorded there is nothing.
  await page.getByTestId('figure-as-known').fill('2026-01-10T08:00')
  await page.getByTestId('figure-as-known').dispatchEvent('change')
  await page.waitForURL(/as_known=/)
  await page.getByTestId('level-verified').getByText('0', { exact: true }).waitFor()
  assert.deepEqual(troubles, [])
})

test('the map is read and walked by keyboard, its values are those of the table beside it (F72)', async () => {
  await go('/progress?as_of=2025-12-31&class=truck')
  for (const code of ['430100', '430200', '430300', '430600', '430700', '430900']) {
    const shape = page.getByTestId(`map-${code}`)
    const value = /\d+\.\d%/.exec(await shape.getAttribute('aria-label'))[0]
    const row = await page.getByTestId('cities').locator('tr', { has: page.getByTestId(`city-${code}`) }).innerText()
    assert.ok(row.includes(value), `${code}: the map says ${value}, the table ${row}`)
    assert.ok((await shape.textContent()).includes(value), 'the value is in print, not only in colour')
  }
  await page.getByTestId('map-430600').focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: /岳阳市淘汰进度/ }).waitFor()
  assert.deepEqual(troubles, [])
})

test('a city: districts, months, categories and ways out open their rows, and back to the province (F66 F67)', async () => {
  await go('/progress/430100?as_of=2025-12-31&class=truck')
  const total = await number(page.getByTestId('progress-total-verified'))
  const districts = await page.locator('[data-testid^="progress-cell-4301"][data-testid$="-verified"]').allInnerTexts()
  assert.equal(districts.reduce((a, b) => a + Number(b), 0), total)
  const categories = await page.locator('[data-testid^="category-"]').allInnerTexts()
  assert.equal(categories.reduce((a, b) => a + Number(b), 0), total)
  const december = await number(page.getByTestId('month-2025-12'))
  await page.getByTestId('month-2025-12').click()
  await page.getByTestId('emission-assets').getByText(String(december), { exact: true }).waitFor()
  assert.equal(await page.getByTestId('emission-asset').count(), december)
  await go('/progress/430100?as_of=2025-12-31&class=truck')
  const scrapped = await number(page.getByTestId('split-scrapped-verified'))
  assert.equal(scrapped, total)
  await page.getByTestId('split-scrapped-verified').click()
  await page.getByTestId('total').getByText(`共 ${scrapped} 条`, { exact: true }).waitFor()
  await go('/progress/430100?as_of=2025-12-31&class=truck')
  const waiting = page.getByTestId('gap-430100-gap.in_use')
  const n = await number(waiting)
  await waiting.click()
  await page.getByTestId('total').getByText(`共 ${n} 条`, { exact: true }).waitFor()
  await page.goBack()
  await page.getByTestId('to-province').click()
  await page.getByTestId('cities').waitFor()
  assert.deepEqual(troubles, [])
})

test('tonnes open into rows with their trace, and say where a factor is missing (F71)', async () => {
  await go('/progress?as_of=2025-12-31&class=machinery')
  const missing = await number(page.getByTestId('tonnes-hc-factor_missing'))
  assert.ok(missing > 0)
  await page.getByTestId('tonnes-hc-factor_missing').click()
  await page.getByTestId('total').getByText(`共 ${missing} 条`, { exact: true }).waitFor()
  await page.getByText('缺少系数').first().waitFor()
  await go('/progress?as_of=2025-12-31&class=truck')
  assert.match(await page.getByTestId('table2').innerText(), /21,622[\s\S]*15,232/)
  assert.match(await page.getByTestId('tonnes').innerText(), /其中一项贡献/)
  await page.getByTestId('tonnes-nox-yearly_g').click()
  await page.getByTestId('emission-asset').first().waitFor()
  await page.locator('.el-table__expand-icon').first().click()
  const trace = await page.getByTestId('trace').first().innerText()
  assert.match(trace, /g\/km[\s\S]*硫含量修正 le10 · 官方[\s\S]*km\/a[\s\S]*假设值/)
  assert.deepEqual(troubles, [])
})

test('the province sets an assumption in a new revision, which a second person puts in force; earlier results keep theirs (F71)', async () => {
  await go('/emission?as_of=2025-12-31&class=truck')
  const before = await page.getByTestId('emission-sum').innerText()
  await go('/factors')
  await page.getByTestId('factors-new').click()
  await page.getByTestId('factors-document').fill('演示函〔2026〕1号')
  await page.getByTestId('factors-start').click()
  await page.getByTestId('factor-km/road//heavy//').fill('60000')
  await page.getByTestId('factors-save').click()
  await page.getByText('省级设定').first().waitFor()
  await page.getByTestId('factors-accept').click()
  await page.locator('.el-message-box').getByRole('button', { name: '启用' }).click()
  await page.getByText('提出或修改的人不能自己批准').first().waitFor()
  const second = await pageOf(engine, server.url)
  await logIn(second.page, server.url, 'province2')
  await second.page.goto(`${server.url}/#/factors`)
  await second.page.getByTestId('factors-accept').click()
  await second.page.locator('.el-message-box').getByRole('button', { name: '启用' }).click()
  await second.page.getByTestId('factor-sets').getByText('已被替代').waitFor()
  await second.context.close()
  await go('/emission?as_of=2025-12-31&class=truck')
  assert.equal(await page.getByTestId('emission-sum').innerText(), before)
  assert.deepEqual(troubles, [])
})

test('the page prints on A4 without menus, and downloads as a workbook (F64 F70)', async () => {
  await go('/progress?as_of=2025-12-31&class=truck')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('progress-download').click()])
  assert.match(download.suggestedFilename(), /2025-12-31\.xlsx$/)
  await page.emulateMedia({ media: 'print' })
  assert.equal(await page.locator('nav.side').isVisible(), false)
  assert.equal(await page.getByTestId('as-of').isVisible(), false)
  assert.equal(await page.getByTestId('cities').isVisible(), true)
  const sheet = await page.pdf({ format: 'A4', landscape: true, preferCSSPageSize: true })
  assert.ok(sheet.length > 20_000)
  await page.emulateMedia({ media: 'screen' })
  for (const width of [1440, 1024, 390]) {
    await page.setViewportSize({ width, height: 900 })
    await page.waitForTimeout(200)
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    assert.ok(over <= 0, `at ${width} the page is ${over} px too wide`)
  }
  await page.setViewportSize({ width: 1440, height: 900 })
  assert.deepEqual(troubles, [])
})
