// Identity in a real browser: look-alikes, retired numbers, transfers.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, password, start } from './server.mjs'

const shots = process.env.SHOTS
let server, engine, page, context, troubles

async function shot(name) {
  if (!shots) return
  mkdirSync(shots, { recursive: true })
  await page.waitForTimeout(400)
  await page.screenshot({ path: join(shots, `identity-${name}.png`), fullPage: true })
}
async function as(username, lang) {
  await context?.close()
  ;({ page, context, troubles } = await pageOf(engine, server.url, lang))
  await logIn(page, server.url, username)
}
const go = path => page.goto(`${server.url}/#${path}`)

/** Makes a request as a user, without the console. */
async function ask(username, method, path, body) {
  const headers = { 'Content-Type': 'application/json', 'Accept-Language': 'en' }
  const login = await fetch(`${server.url}/api/v1/auth/login`, { method: 'POST', headers, body: JSON.stringify({ username, password }) })
  headers.Authorization = `Bearer ${(await login.json()).access_token}`
  const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) })
  return { status: answer.status, body: await answer.json() }
}
const truck = (plate, vin) => ({ class: 'truck', city_code: '430100', fields: { plate, vin, owner_name: '长沙示例运输有限公司', owner_id: '91430100MA00000003',
  registered_on: '2012-05-06', category: 'heavy_dump', fuel: 'diesel', stage: 'china3', model: '东风牌EQ1160' } })
const good = 'LZZTEST4XDA000001'
const slip = 'LZZTEST4XDA000002'

before(async () => {
  server = await start({ PHASEOUT_CLOCK: '2025-12-31T09:00:00+08:00' })
  engine = await browser()
})
after(async () => {
  await engine?.close()
  await server?.stop()
})

let kept

test('a look-alike is shown while it is typed (F8)', async () => {
  const made = await ask('clerk.changsha', 'POST', '/assets', truck('湘A77001', good))
  assert.equal(made.status, 201, JSON.stringify(made.body))
  kept = made.body.id
  await as('clerk.changsha')
  await go('/assets/new')
  await page.getByTestId('field-vin').fill(slip)
  await page.getByTestId('field-vin').press('Tab')
  await page.getByTestId('entry-near').getByText('湘A77001').waitFor()
  await shot('entry-near')
  await page.getByTestId('field-vin').fill(good)
  await page.getByTestId('field-vin').press('Tab')
  await page.getByTestId('entry-exact').getByText('湘A77001').waitFor()
  assert.equal(await page.getByTestId('entry-exact').getByRole('link').getAttribute('href'), `#/assets/${kept}`)
  await shot('entry-exact')
  assert.deepEqual(troubles, [])
})

test('the pair is compared and decided by keyboard, the later record is closed (F8)', async () => {
  const twin = await ask('clerk.changsha', 'POST', '/assets', truck('湘A77002', slip))
  assert.equal(twin.status, 201, JSON.stringify(twin.body))
  await as('reviewer.changsha')
  await shot('home')
  await go('/duplicates')
  await page.getByTestId('duplicate-row').getByText('湘A77001').first().click()
  await page.getByTestId('duplicate-compare').getByText('≠').first().waitFor()
  await shot('duplicates')
  await page.getByTestId('duplicate-reason').fill('登记证书号码相同')
  await page.keyboard.press('Alt+1')
  await page.getByText('已判为同一').waitFor()
  await go(`/assets/${twin.body.id}`)
  await page.getByTestId('asset-duplicate').getByRole('link').first().click()
  await page.getByTestId('asset-label').getByText('湘A77001').waitFor()
  await go('/duplicates?state=same')
  await page.getByTestId('duplicate-compare').getByText('登记证书号码相同').waitFor()
  await shot('duplicates-same')
  await as('reviewer.changsha', 'en')
  await go('/duplicates?state=same')
  await page.getByTestId('duplicate-compare').getByText('differs').first().waitFor()
  await shot('duplicates-en')
  assert.deepEqual(troubles, [])
})

test('a retired number that is entered again opens a case, which the reviewer closes (F9)', async () => {
  const retired = (await ask('clerk.changsha', 'GET', '/assets?class=truck&status=deregistered&limit=1')).body.items[0]
  const vin = retired.identifiers.find(i => i.kind === 'vin').value
  await as('clerk.changsha')
  await go('/assets/new')
  for (const [key, value] of Object.entries({ plate: '湘A77003', vin, owner_name: '某某' })) await page.getByTestId(`field-${key}`).fill(value)
  await page.getByRole('textbox', { name: '初次登记日期' }).fill('2012-05-06')
  await page.getByTestId('asset-save').click()
  await page.getByTestId('problem').getByText('已淘汰').first().waitFor()
  await shot('entry-retired')
  await as('reviewer.changsha')
  await go('/cases?state=open')
  await shot('cases')
  await page.getByTestId('case-link').getByText(retired.label).click()
  await page.getByText(vin).first().waitFor()
  await shot('case')
  await page.getByTestId('case-outcome-input').fill('录入笔误，已更正')
  await page.getByTestId('case-close').click()
  await page.getByTestId('case-outcome').getByText('录入笔误').waitFor()
  await as('reviewer.changsha', 'en')
  await go('/cases')
  await page.getByTestId('case-link').first().click()
  await page.getByTestId('case-state').waitFor()
  await shot('case-en')
  assert.deepEqual(troubles, [])
})

test('a record is offered to another city, which accepts it (F10)', async () => {
  await as('clerk.changsha')
  await go(`/assets/${kept}`)
  await page.getByTestId('transfer-open').click()
  await page.getByTestId('transfer-to').click()
  await page.getByRole('option', { name: '株洲市' }).click()
  await page.getByTestId('transfer-offer-reason').fill('车辆过户至株洲企业')
  await shot('transfer-offer')
  await page.getByTestId('transfer-offer-send').click()
  await page.getByTestId('asset-transfer').getByText('株洲').waitFor()
  assert.equal(await page.getByTestId('retire').count(), 0)
  await shot('transfer-pending')
  await go('/transfers?direction=out')
  await page.getByTestId('transfer-withdraw').first().waitFor()
  await shot('transfers-out')
  await as('clerk.zhuzhou', 'en')
  await go('/transfers')
  await page.getByTestId('transfer-accept').first().click()
  await shot('transfer-accept-en')
  await page.getByTestId('transfer-send').click()
  await page.getByText('is in your city now').waitFor()
  await shot('transfers-en')
  await go(`/assets/${kept}`)
  await page.getByTestId('asset-label').getByText('湘A77001').waitFor()
  await page.getByText('moved in').first().waitFor()
  await shot('moved-en')
  await as('clerk.changsha')
  await go(`/assets/${kept}`)
  await page.getByTestId('problem').waitFor()
  assert.match(server.check(), /rollup/)
  assert.deepEqual(troubles, [])
})
