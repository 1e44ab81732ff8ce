// Leaving service in a real browser: the desk by keyboard, pasted lists, guarded steps, waivers, corrections, the review queue, the overdue list.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, painted, password, start } from './server.mjs'

const shots = process.env.SHOTS
let server, engine, page, context, troubles

async function shot(name) {
  if (!shots) return
  mkdirSync(shots, { recursive: true })
  await page.waitForTimeout(400)
  await page.screenshot({ path: join(shots, `retirement-${name}.png`), fullPage: true })
}
async function as(username, lang) {
  await context?.close()
  ;({ page, context, troubles } = await pageOf(engine, server.url, lang))
  await logIn(page, server.url, username)
}
const go = path => page.goto(`${server.url}/#${path}`)
const tokens = {}
async function ask(username, method, path, body, more = {}) {
  const headers = { 'Content-Type': 'application/json', 'Accept-Language': 'en', ...more }
  tokens[username] ??= (await (await fetch(`${server.url}/api/v1/auth/login`, { method: 'POST', headers, body: JSON.stringify({ username, password }) })).json()).access_token
  headers.Authorization = `Bearer ${tokens[username]}`
  const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) })
  return { status: answer.status, body: await answer.json() }
}
/** Trucks in use of the city, fresh ones of the sample data. */
const trucks = []
const take = () => trucks.shift()

before(async () => {
  server = await start({ PHASEOUT_CLOCK: '2025-12-31T09:00:00+08:00' })
  engine = await browser()
  const { body } = await ask('clerk.changsha', 'GET', '/assets?class=truck&status=in_use&limit=100')
  const retired = await ask('clerk.changsha', 'GET', '/retirements?class=truck&limit=200')
  const busy = new Set(retired.body.items.map(r => r.asset_id))
  const offered = await ask('clerk.changsha', 'GET', '/transfers?limit=100')
  for (const t of offered.body.items) busy.add(t.asset_id)
  trucks.push(...body.items.filter(a => !busy.has(a.id)))
  assert.ok(trucks.length > 12, `${trucks.length} trucks in use`)
})
after(async () => {
  await engine?.close()
  await server?.stop()
})

test('the desk logs one after the other by keyboard alone and keeps yard and day (F27)', async () => {
  await as('clerk.changsha')
  await go('/retire')
  const [first, second] = [take(), take()]
  const type = async (text) => { await page.keyboard.type(text) }
  await page.getByTestId('retire-search').waitFor()
  await type(first.label.slice(1))
  await page.keyboard.press('Enter')
  await page.getByTestId('retire-handed-in').fill('2025-12-02')
  await page.getByTestId('retire-recycler').fill('长沙示例再生资源有限公司')
  await page.getByTestId('retire-certificate').fill(`HS-430100-${Date.now()}`)
  await shot('desk')
  await page.keyboard.press('Control+s')
  await page.getByTestId('retire-done').getByText(first.label).waitFor()
  const started = Date.now()
  await page.keyboard.press('Enter') // the next
  await page.getByTestId('retire-search').waitFor()
  await page.waitForFunction(() => document.activeElement?.tagName === 'INPUT')
  await type(second.label.slice(1))
  await page.keyboard.press('Enter')
  await page.getByTestId('retire-remembered').waitFor()
  assert.equal(await page.getByTestId('retire-handed-in').inputValue(), '2025-12-02')
  await page.waitForFunction(() => document.activeElement?.closest('[data-testid="retire-certificate"]') || document.activeElement?.getAttribute('data-testid') === 'retire-certificate')
  await type(`HS-430100-${Date.now()}`)
  await page.keyboard.press('Control+s')
  await page.getByTestId('retire-done').getByText(second.label).waitFor()
  assert.ok(Date.now() - started < 60_000, 'under a minute')
  assert.deepEqual(troubles, [])
})

test('a pasted list is checked row by row, logged in one act and taken back (F27 F30)', async () => {
  const [a, b] = [take(), take()]
  await go('/retire/list')
  await page.getByTestId('paste-text').fill(`${a.label}\n${b.label}\n湘A00QQQ\n`)
  await page.getByTestId('paste-handed_in_on').fill('2025-12-03')
  await page.getByTestId('paste-check').click()
  await page.locator('[data-testid="paste-state"][data-state="checked"]').waitFor()
  await page.getByTestId('paste-rows').locator('[data-outcome="create"]').nth(1).waitFor()
  await page.getByTestId('paste-rows').locator('[data-outcome="reject"]').waitFor()
  await shot('paste')
  await page.getByTestId('paste-apply').click()
  await page.locator('[data-testid="paste-state"][data-state="applied"]').waitFor()
  const logged = await ask('clerk.changsha', 'GET', `/retirements?asset=${a.id}`)
  assert.equal(logged.body.items[0].standing, 'received')
  await page.getByTestId('paste-undo').click()
  await page.locator('.el-message-box .el-button--primary').click()
  await page.locator('[data-testid="paste-state"][data-state="undone"]').waitFor()
  const gone = await ask('clerk.changsha', 'GET', `/retirements?asset=${a.id}`)
  assert.equal(gone.body.items[0].state, 'withdrawn')
  assert.deepEqual(troubles, [])
})

let retirement

test('each step waits for its evidence, a second person waives an item (F27 F30)', async () => {
  const truck = take()
  const made = await ask('clerk.changsha', 'POST', `/assets/${truck.id}/retirement`, { way_out: 'scrapped', driver: 'natural' })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  retirement = made.body
  await go(`/retirements/${retirement.id}`)
  await page.locator('[data-testid="standing"][data-standing="declared"]').waitFor()
  await page.getByTestId('step-on').fill('2025-12-04')
  await page.getByTestId('step-recycler').fill('长沙示例再生资源有限公司')
  await page.getByTestId('step-certificate').fill(`HS-430100-${Date.now()}`)
  await page.getByTestId('step-save').click()
  await page.locator('[data-testid="standing"][data-standing="received"]').waitFor()
  await page.getByTestId('step-on').fill('2025-12-10')
  await page.getByTestId('step-save').click()
  await page.getByText('证明材料不齐，不能登记“拆解”').waitFor()
  await shot('blocked')
  for (const kind of ['photo_front', 'photo_rear', 'photo_nameplate']) {
    await page.getByTestId(`file-${kind}`).setInputFiles(await painted(page))
    await page.getByTestId(`evidence-${kind}`).getByText('✓').waitFor()
  }
  await page.getByTestId('waive-photo_engine').click()
  await page.getByTestId('ask-reason').fill('发动机已先行拆除')
  await page.getByTestId('ask-send').click()
  await page.getByTestId('request-waiver').waitFor()
  await as('reviewer.changsha')
  await go('/retirement-requests')
  const card = page.getByTestId('request-waiver').filter({ hasText: '发动机已先行拆除' })
  await card.getByTestId('request-answer').fill('同意')
  await shot('requests')
  await card.getByTestId('request-approve').click()
  await card.waitFor({ state: 'detached' })
  await as('clerk.changsha')
  await go(`/retirements/${retirement.id}`)
  for (const [day, standing] of [['2025-12-10', 'dismantled'], ['2025-12-12', 'deregistered']]) {
    await page.getByTestId('step-on').fill(day)
    await page.getByTestId('step-save').click()
    await page.locator(`[data-testid="standing"][data-standing="${standing}"]`).waitFor()
  }
  await page.getByTestId('file-photo').setInputFiles(await painted(page))
  await page.getByTestId('evidence-photo').getByText('✓').waitFor()
  await shot('detail')
  assert.deepEqual(troubles, [])
})

test('the reviewer works the queue by keyboard (F27)', async () => {
  await as('reviewer.changsha')
  await go('/review')
  await page.getByTestId('queue-row').filter({ hasText: retirement.asset_label }).click()
  await page.locator(`[data-testid="queue-record"][data-label="${retirement.asset_label}"]`).waitFor()
  await page.locator('figure img').first().waitFor()
  await shot('queue')
  await page.locator('h1').first().click()
  await page.keyboard.press('v')
  await page.getByTestId('queue-row').filter({ hasText: retirement.asset_label }).waitFor({ state: 'detached' })
  const now = await ask('reviewer.changsha', 'GET', `/retirements/${retirement.id}`)
  assert.equal(now.body.state, 'verified')
  assert.deepEqual(troubles, [])
})

test('a verified retirement is corrected by request and approval, the original stays (F39)', async () => {
  await as('clerk.changsha')
  await go(`/retirements/${retirement.id}`)
  await page.getByTestId('ask-correction').click()
  await page.getByTestId('correct-deregistered_on').fill('2025-12-20')
  await page.getByTestId('ask-reason').fill('注销日期录入有误')
  await page.getByTestId('ask-send').click()
  await page.getByTestId('request-correction').waitFor()
  await as('reviewer.changsha', 'en')
  await go(`/retirements/${retirement.id}`)
  await page.getByTestId('request-approve').click()
  await page.getByTestId('versions').getByText('2025-12-12').waitFor()
  await shot('corrected-en')
  assert.deepEqual(troubles, [])
  assert.match(server.check(), /rollup +ok/)
})

test('what stays too long is on the overdue list with its limit (F38)', async () => {
  const truck = take()
  await ask('clerk.changsha', 'POST', `/assets/${truck.id}/retirement`, { way_out: 'scrapped', handed_in_on: '2025-08-01' })
  await as('clerk.changsha')
  await go('/overdue?standing=received')
  await page.getByTestId('overdue-link').getByText(truck.label).waitFor()
  await shot('overdue')
  assert.deepEqual(troubles, [])
})

test('checks before intake hold back the subsidy (F36)', async () => {
  await go(`/retirements/${retirement.id}`)
  await page.getByTestId('check-edit-mortgage').click()
  await page.getByTestId('check-open').click()
  await page.getByTestId('check-source').fill('车管所窗口查询')
  await page.getByTestId('check-save').click()
  await page.getByTestId('check-mortgage').getByText('有未了事项').waitFor()
  await shot('pre-checks')
  assert.deepEqual(troubles, [])
})

test('photos are taken on a phone, slot by slot (F30)', async () => {
  const truck = take()
  await page.setViewportSize({ width: 390, height: 780 })
  await go(`/retire?asset=${truck.id}`)
  const slot = page.getByTestId('retire-file-photo_front')
  assert.equal(await slot.getAttribute('capture'), 'environment')
  await slot.setInputFiles(await painted(page))
  await page.getByText('✓').first().waitFor()
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1)
  assert.equal(wide, false, 'nothing runs off a narrow screen')
  await shot('phone')
  await page.setViewportSize({ width: 1440, height: 900 })
  assert.deepEqual(troubles, [])
})
