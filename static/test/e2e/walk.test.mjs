// The main job in a real browser: import, retire, verify, pay, report.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, root, start } from './server.mjs'

const shots = process.env.SHOTS
let server, engine, page, context, troubles
const plate = '湘A16128' // row 160 of the sample sheet: good with a warning

async function shot(name) {
  if (!shots) return
  mkdirSync(shots, { recursive: true })
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
}
async function as(username) {
  await context?.close()
  ;({ page, context, troubles } = await pageOf(engine, server.url))
  await logIn(page, server.url, username)
}
const go = path => page.goto(`${server.url}/#${path}`)
before(async () => {
  server = await start()
  engine = await browser()
})
after(async () => {
  await engine?.close()
  await server?.stop()
})

test('a clerk imports the messy workbook: checked first, good rows only, a second time nothing (F15 F16 F19)', async () => {
  await as('clerk.changsha')
  await shot('home')
  for (const [round, expected] of [['first', { create: '1,705', warn: '83', unchanged: '0', duplicate: '15', reject: '197' }], ['second', { create: '0', warn: '0', unchanged: '1,788', duplicate: '15', reject: '197' }]]) {
    await go('/imports')
    await page.getByTestId('import-file').setInputFiles(join(root, 'seeds/demo/trucks-changsha.xlsx'))
    await page.getByTestId('import-upload').click()
    await page.locator('[data-testid="import-state"][data-state="checked"]').waitFor({ timeout: 60_000 })
    for (const [outcome, n] of Object.entries(expected)) assert.equal(await page.getByTestId(`count-${outcome}`).locator('b').textContent(), n, `${round}: ${outcome}`)
    await page.getByTestId('findings').getByText('46', { exact: true }).first().waitFor()
    await shot(`import-${round}`)
    if (round === 'second') {
      assert.equal(await page.getByTestId('import-apply').isDisabled(), true)
      break
    }
    await page.getByTestId('import-apply').click()
    await page.getByTestId('import-applied').waitFor({ timeout: 60_000 })
    assert.match(await page.getByTestId('import-applied').textContent(), /1,788/)
    await shot('import-applied')
  }
  assert.deepEqual(troubles, [])
})

test('the clerk finds a truck by a part of its plate, VIN or owner (F1)', async () => {
  for (const q of ['16128', 'SVG337BB', plate]) {
    await go(`/assets?q=${encodeURIComponent(q)}`)
    await page.getByTestId('asset-link').getByText(plate).waitFor()
  }
  await shot('assets')
  await page.getByTestId('asset-link').getByText(plate).click()
  await page.getByTestId('asset-label').getByText(plate).waitFor()
  await shot('asset')
})

// A truck that is early enough for the sample program: in scope, scrapping date far off.
let truck

test('the clerk logs its scrapping with certificate and photo, the reviewer verifies it (F27 F28)', async () => {
  truck = await page.evaluate(async () => {
    const token = (await (await fetch('/api/v1/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username: 'clerk.changsha', password: 'Demo-phaseout-2025' }) })).json()).access_token
    for (let cursor = ''; ;) {
      const list = await (await fetch(`/api/v1/assets?class=truck&status=in_use&in_scope=true&limit=500${cursor && `&cursor=${cursor}`}`, { headers: { Authorization: `Bearer ${token}` } })).json()
      const found = list.items.find(a => a.import_id && a.scrap_due_on > '2027-06-01' && a.category.startsWith('heavy'))
      if (found || !list.next_cursor) return found
      cursor = list.next_cursor
    }
  })
  assert.ok(truck, 'the sample has a truck that is early enough')
  await go('/retire')
  await page.getByTestId('retire-search').fill(truck.label)
  await page.getByTestId('retire-search').press('Enter')
  await page.getByTestId('retire-handed-in').fill('2025-11-20')
  await page.getByTestId('retire-deregistered').fill('2025-12-10')
  await page.getByTestId('retire-recycler').fill('长沙示例再生资源有限公司')
  await page.getByTestId('retire-certificate').fill('HS-430100-2025-E2E')
  const photo = join(tmpdir(), 'phaseout-e2e-photo.png')
  writeFileSync(photo, await page.screenshot({ clip: { x: 0, y: 0, width: 320, height: 200 } }))
  await page.getByTestId('retire-file-photo').setInputFiles(photo)
  await page.getByTestId('retire-missing').waitFor({ state: 'detached' })
  await shot('retire')
  await page.getByTestId('retire-save').click()
  await page.getByText('证明材料齐全').waitFor()
  await shot('retire-done')
  assert.deepEqual(troubles, [])

  await as('reviewer.changsha')
  await go('/retirements?state=declared')
  await shot('reviews')
  await page.getByTestId('retirement-link').getByText(truck.label).click()
  await page.locator('figure img').first().waitFor()
  await shot('review')
  await page.getByTestId('review-verify').click()
  await page.getByTestId('retirement-state').getByText('已核实').waitFor()
  assert.deepEqual(troubles, [])
})

test('finance sees why and how much; four people enter, check, approve and book the payment (F41 F42)', async () => {
  const open = async (username) => {
    await as(username)
    await go('/applications?state=mine')
    await page.getByTestId('application-search').fill(truck.label)
    await page.getByTestId('application-search').press('Enter')
    await page.getByTestId('application-link').getByText(truck.label).click()
    await page.getByTestId('explanation').locator('tbody tr').first().waitFor()
  }
  const state = async (s) => page.locator(`[data-testid="application-state"][data-state="${s}"]`).waitFor()
  await open('finance.changsha')
  const lines = await page.getByTestId('explanation').locator('tbody tr').count()
  assert.ok(lines >= 7, `every rule is answered, ${lines} lines`)
  assert.match(await page.getByTestId('amount').textContent(), /\d+,000\.00 元/)
  await page.getByTestId('entry-unit').click()
  await page.getByTestId('entry-phone').fill('0731-12345678')
  await page.getByTestId('entry-bank').fill('示例银行长沙支行')
  await page.getByTestId('entry-account').fill('4301 0000 0000 1234')
  await page.getByTestId('entry-save').click()
  const paper = join(tmpdir(), 'phaseout-e2e-photo.png')
  for (const code of ['owner_document', 'account_permit']) {
    await page.getByTestId(`paper-file-${code}`).setInputFiles(paper)
    await page.locator(`[data-testid="paper-${code}"]:not(.missing)`).waitFor()
  }
  await shot('application')
  await page.getByTestId('submit').click()
  await state('submitted')
  assert.match(await page.getByTestId('blocked').textContent(), /同一人/)
  assert.deepEqual(troubles, [])
  await open('finance2.changsha')
  await page.getByTestId('pass').click()
  await state('checked')
  await open('finance3.changsha')
  await page.getByTestId('approve').click()
  await state('payable')
  await shot('application-payable')
  await as('finance.changsha')
  await go('/applications?state=payable')
  await page.getByRole('row').filter({ hasText: truck.label }).locator('.el-checkbox').first().click()
  await page.getByTestId('make-batch').click()
  await page.locator('[data-testid="batch-state"][data-state="sealed"]').waitFor()
  const batch = page.url().split('#')[1]
  const total = (await page.getByTestId('batch-total').textContent()).split(' ')[0]
  await shot('batch')
  assert.deepEqual(troubles, [])

  // Nobody marks it as paid: another person sends it, and the bank's answer does.
  await as('finance4.changsha')
  await go(batch)
  await page.getByTestId('send-batch').click()
  await page.locator('[data-testid="batch-state"][data-state="sent"]').waitFor()
  const answer = join(tmpdir(), 'phaseout-e2e-answer.csv')
  writeFileSync(answer, `序号,支付单号,收款人名称,支付金额,清算时间,支付状态,备注\n1,流水-E2E-1,收款人,"${total}",2025-12-20,支付成功,\n`)
  await page.getByTestId('answer-file').setInputFiles(answer)
  await page.getByTestId('answer-send').click()
  await page.locator('[data-testid="batch-state"][data-state="done"]').waitFor()
  await shot('batch-paid')
  assert.deepEqual(troubles, [])
})

test('the province reads completion as of a day, opens a number and gets exactly its rows (F61 F66 F67)', async () => {
  await as('province')
  await go('/progress?as_of=2025-12-31')
  await page.getByTestId('progress').waitFor()
  await page.locator('svg').first().waitFor()
  await shot('progress')
  for (const metric of ['verified', 'baseline', 'remaining', 'declared']) {
    await go('/progress?as_of=2025-12-31')
    const cell = page.getByTestId(`progress-cell-430100-truck-${metric}`)
    const n = await cell.textContent()
    await cell.click()
    await page.getByTestId('drill').waitFor()
    await page.getByTestId('total').getByText(`共 ${n} 条`).waitFor()
  }
  await page.goBack()
  await page.getByTestId('progress-cell-430100-truck-verified').click()
  await page.getByTestId('drill').waitFor()
  await shot('drill')
  // The list is longer than what is drawn of it: looked for by name among exactly those rows.
  await page.goto(`${page.url()}&q=${encodeURIComponent(truck.label)}`)
  await page.getByTestId('asset-link').getByText(truck.label).waitFor()
  await page.getByTestId('total').getByText('共 1 条').waitFor()
  await go('/progress?as_of=2025-12-31')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('progress-download').click()])
  assert.match(download.suggestedFilename(), /\.xlsx$/)
  assert.deepEqual(troubles, [])
  assert.match(server.check(), /rollup +ok/)
})
