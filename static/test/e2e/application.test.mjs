// One application the whole way to where it may be paid, and what stands around
// it: notice, waiting list, signals, the finance desk.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, start } from './server.mjs'

const shots = process.env.SHOTS
let server, engine, page, context, troubles
async function shot(name) {
  if (!shots) return
  mkdirSync(shots, { recursive: true })
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
}
async function as(username, lang) {
  await context?.close()
  ;({ page, context, troubles } = await pageOf(engine, server.url, lang))
  if (username) await logIn(page, server.url, username)
}
const go = path => page.goto(`${server.url}/#${path}`)
const state = s => page.locator(`[data-testid="application-state"][data-state="${s}"]`).waitFor()
async function prompt(text) {
  await page.locator('.el-message-box__input input').fill(text)
  await page.locator('.el-message-box__btns .el-button--primary').click()
}
/** Looks for signals and waits for the end of the look. */
async function look() {
  await Promise.all([page.waitForResponse(r => r.url().endsWith('/signals/runs') && r.ok()), page.getByTestId('signal-run').click()])
  await page.locator('[data-testid="signal-look"][data-state="done"]').waitFor()
}
before(async () => {
  server = await start()
  engine = await browser()
})
after(async () => {
  await engine?.close()
  await server?.stop()
})

test('four people take an application from entry to payable, with a missing paper named, a return and a reading of the account (F47 F49 F53)', async () => {
  await as('finance.changsha')
  await go('/finance')
  await page.getByTestId('home-mine').waitFor()
  await shot('finance-home')
  await page.getByTestId('home-mine').click()
  await page.getByTestId('application-link').first().waitFor()
  await shot('application-list')
  await go('/applications?state=draft')
  await page.getByTestId('application-link').first().waitFor()
  await page.reload() // the rows of the queue before are gone
  await page.getByTestId('application-link').first().click()
  await state('draft')
  const label = (await page.locator('h1').textContent()).split(' ')[0]
  const path = page.url().split('#')[1]
  await page.getByTestId('entry-unit').click()
  await page.getByTestId('entry-phone').fill('0731-12345678')
  await page.getByTestId('entry-bank').fill('示例银行长沙支行')
  await page.getByTestId('entry-account').fill('4301 0000 0000 1234')
  await page.getByTestId('entry-bank-code').fill('313651027012')
  await page.getByTestId('entry-save').click()
  await page.getByTestId('account').getByText('1234').waitFor()
  const paper = join(tmpdir(), 'phaseout-e2e-paper.png')
  for (const [i, code] of ['owner_document', 'account_permit'].entries()) {
    if (await page.locator(`[data-testid="paper-${code}"].missing`).count()) {
      await page.getByTestId('submit').click()
      await page.getByText('材料不齐').first().waitFor()
    }
    writeFileSync(paper, await page.screenshot({ clip: { x: 0, y: 0, width: 300 + i, height: 200 } }))
    await page.getByTestId(`paper-file-${code}`).setInputFiles(paper)
    await page.locator(`[data-testid="paper-${code}"]:not(.missing)`).waitFor()
  }
  await shot('application-draft')
  await page.getByTestId('submit').click()
  await state('submitted')
  assert.match(await page.getByTestId('blocked').textContent(), /同一人/)
  assert.deepEqual(troubles, [])

  await as('finance2.changsha')
  await go(path)
  await page.getByTestId('send-back').click()
  await page.getByText('补贴账户错误').click()
  await page.getByTestId('ruling-reason').fill('许可证不清晰')
  await page.getByTestId('ruling-send').click()
  await state('draft')
  await as('finance.changsha')
  await go(path)
  await page.getByText('许可证不清晰').first().waitFor()
  await shot('application-returned')
  await page.getByTestId('submit').click()
  await state('submitted')

  await as('finance2.changsha')
  await go('/applications?state=mended')
  await page.getByTestId('application-link').getByText(label).click()
  await page.getByTestId('reveal').click()
  await prompt('核对开户许可证')
  await page.getByTestId('account').getByText('4301000000001234').waitFor()
  await page.getByTestId('pass').click()
  await state('checked')
  await shot('application-check')
  await as('finance3.changsha')
  await go(path)
  await page.getByTestId('approve').click()
  await state('payable')
  await shot('application-payable')
  await page.getByTestId('print').click()
  await page.getByTestId('form-paper').waitFor()
  await page.getByTestId('receipt-paper').waitFor()
  await shot('application-print')
  assert.deepEqual(troubles, [])
  assert.match(server.check(), /ledger +ok/)
})

test('what was bought instead is entered on a draft, the reasons are printed for the applicant, and a taken benefit is found (F42 F48)', async () => {
  await as('finance.zhuzhou')
  await go('/applications?state=draft')
  await page.getByTestId('application-link').first().click()
  await state('draft')
  const label = (await page.locator('h1').textContent()).split(' ')[0]
  await page.getByTestId('replacement-open').click()
  await page.getByTestId('replacement-label').fill('湘BD00001')
  await page.getByTestId('replacement-power').click()
  await page.getByRole('option', { name: '新能源', exact: true }).click()
  await shot('replacement')
  await page.getByTestId('replacement-save').click()
  await page.getByTestId('bought').getByText('湘BD00001 · 新能源').waitFor()
  const [sheet] = await Promise.all([page.waitForEvent('popup'), page.getByTestId('print-why').click()])
  await sheet.getByText(label).first().waitFor()
  if (shots) await sheet.screenshot({ path: join(shots, 'explanation.png'), fullPage: true })
  await sheet.close()
  await page.reload()
  await page.getByTestId('replacement-clear').click()
  await page.getByTestId('bought').waitFor({ state: 'detached' })
  assert.deepEqual(troubles, [])

  await as('province')
  await go('/benefits')
  await page.getByTestId('benefit-application').first().waitFor()
  const all = await page.getByTestId('benefit-application').count()
  await page.getByTestId('benefit-identifier').fill(label)
  await page.getByTestId('benefit-search').click()
  await page.waitForFunction(n => document.querySelectorAll('[data-testid="benefit-application"]').length < n, all)
  await page.getByTestId('benefits').getByText(label).waitFor()
  await shot('benefits')
  await page.getByTestId('benefit-application').click()
  await state('draft')
  assert.deepEqual(troubles, [])
})

test('who comes late waits in line and sees the place (F47)', async () => {
  await as('finance.yiyang')
  await go('/applications?state=waiting')
  await page.getByTestId('application-link').nth(1).waitFor()
  await shot('waiting')
  await page.getByTestId('application-link').nth(1).click()
  await state('waiting')
  assert.match(await page.getByTestId('position').textContent(), /第 2 位/)
  await shot('application-waiting')
  assert.deepEqual(troubles, [])
})

test('a public notice masks persons for everybody, and an objection stops its line until another settles it (F50)', async () => {
  await as('')
  await go('/public/notices')
  await page.locator('a.item').first().click()
  await page.waitForURL(/notices\/.+/)
  await page.reload()
  await page.getByTestId('notice').waitFor()
  for (const owner of await page.getByTestId('notice-owner').allTextContents()) assert.ok(owner.includes('*') || owner.endsWith('公司'), owner)
  await shot('public-notice')
  assert.deepEqual(troubles, [])
  await as('finance.changde')
  await go('/notices')
  await page.getByTestId('notice-link').first().click()
  await page.getByTestId('objection').first().waitFor()
  assert.equal(await page.getByTestId('dismiss').count(), 0)
  await shot('notice')
  const path = page.url().split('#')[1]
  await as('finance2.changde')
  await go(path)
  await page.getByTestId('dismiss').first().click()
  await prompt('经查未重复享受')
  await page.getByText('不成立').first().waitFor()
  assert.deepEqual(troubles, [])
})

test('a signal is looked into by a person and remembered (F59)', async () => {
  await as('finance.changsha')
  await go('/signals')
  await look()
  await page.getByTestId('signal').first().waitFor()
  await shot('signals')
  const before = await page.getByTestId('signal').count()
  await page.getByTestId('signal-harmless').first().click()
  await prompt('同一企业名下，属实')
  await page.waitForFunction(n => document.querySelectorAll('[data-testid="signal"]').length < n, before)
  await look()
  assert.equal(await page.getByTestId('signal').count(), before - 1)
  assert.deepEqual(troubles, [])
})
