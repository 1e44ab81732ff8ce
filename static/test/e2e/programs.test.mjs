// Programs in a real browser: read as sentences, written, checked, tried, issued.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, start } from './server.mjs'

const shots = process.env.SHOTS
let server, engine, page, context, troubles

async function shot(name) {
  if (!shots) return
  mkdirSync(shots, { recursive: true })
  await page.waitForTimeout(600)
  await page.screenshot({ path: join(shots, `programs-${name}.png`), fullPage: true })
}
async function as(username, lang) {
  await context?.close()
  ;({ page, context, troubles } = await pageOf(engine, server.url, lang))
  await logIn(page, server.url, username)
}
const go = path => page.goto(`${server.url}/#${path}`)

before(async () => {
  server = await start({ PHASEOUT_CLOCK: '2025-12-31T09:00:00+08:00' })
  engine = await browser()
})
after(async () => {
  await engine?.close()
  await server?.stop()
})

test('a program is read as sentences and says what of it is confirmed (F41)', async () => {
  await as('finance.changsha')
  await go('/programs')
  await page.getByTestId('program').filter({ hasText: '国家老旧营运货车报废更新补贴（2024 年）' }).waitFor()
  await shot('list')
  await page.getByTestId('program').filter({ hasText: '国家老旧营运货车报废更新补贴（2024 年）' }).click()
  await page.getByTestId('program-note').getByText('已核实').waitFor()
  await page.getByTestId('program-rules').getByText('交规划发〔2024〕90号').first().waitFor()
  await page.getByText('140,000').or(page.getByText('95,000.00')).first().waitFor()
  await shot('national')
  assert.deepEqual(troubles, [])
})

let draft

test('a rule is written and checked in place before it is saved (F44)', async () => {
  await as('finance.changsha')
  await go('/programs')
  await page.getByTestId('program').filter({ hasText: '地市柴油货车提前淘汰补贴' }).click()
  await page.getByTestId('program-copy').click()
  await page.getByTestId('editor-code').locator('input').or(page.getByTestId('editor-code')).first().waitFor()
  await page.getByTestId('editor-part-0').getByText('移除').first().waitFor()
  await page.getByTestId('editor-fine').waitFor()
  await shot('editor')
  // The second band of the first group now starts before the first one ends.
  const from = page.getByTestId('editor-part-0').locator('tbody tr').nth(1).getByRole('spinbutton').first()
  await from.fill('20')
  await from.press('Tab')
  await page.getByTestId('row-wrong').getByText('重叠').first().waitFor()
  await shot('editor-overlap')
  await from.fill('30')
  await from.press('Tab')
  await page.getByTestId('gap').first().waitFor()
  await from.fill('24')
  await from.press('Tab')
  await page.getByTestId('editor-fine').waitFor()
  await page.getByTestId('program-save').click()
  await page.getByTestId('program-state').getByText('草稿').waitFor()
  draft = page.url().split('/').at(-1)
  assert.equal(await page.getByTestId('program-issue').isDisabled(), true, 'the author may not issue it')
  await shot('draft')
  assert.deepEqual(troubles, [])
})

test('a rule is previewed on the stock and tried on one asset before it is live (F43)', async () => {
  await page.getByTestId('run-preview').click()
  await page.getByTestId('run-done').first().waitFor({ timeout: 30_000 })
  await page.getByTestId('run-done').first().getByText('长沙市').first().waitFor()
  await page.getByTestId('trial-asset').click()
  await page.keyboard.type('湘A')
  await page.getByRole('option').first().click()
  await page.getByTestId('trial-run').click()
  await page.getByTestId('reason-class').waitFor()
  await shot('preview')
  assert.deepEqual(troubles, [])
})

test('a changed rule tells which member changed, from what to what (F77)', async () => {
  await page.getByTestId('program-edit').click()
  await page.getByTestId('editor-fine').waitFor()
  const amount = page.getByTestId('editor-part-0').locator('tbody tr').first().locator('input').last()
  const was = await amount.inputValue()
  await amount.fill('12345')
  await amount.press('Tab')
  await page.getByTestId('editor-fine').waitFor()
  await page.getByTestId('program-save').click()
  await page.getByTestId('program-state').getByText('草稿').waitFor()
  const history = page.getByTestId('record-history')
  await history.locator('summary').click()
  const told = history.locator('.value').filter({ hasText: '12,345.00 元' })
  await told.waitFor()
  await history.scrollIntoViewIfNeeded()
  await shot('history')
  const text = await told.innerText()
  assert.match(text, /^规则 · 补贴构成 · .+ · 表的行 · .+ · 金额/)
  assert.ok(text.includes(`：${was} 元`), `${text} says what it was: ${was}`)
  assert.doesNotMatch(text, /heavy|china|[{[]/)
  assert.equal(await history.locator('.el-timeline-item').first().locator('.value').count(), 1, 'what stayed is not told')
  assert.deepEqual(troubles, [])
})

test('another person issues it, and past cases are replayed (F43)', async () => {
  await as('finance2.changsha')
  await go(`/programs/${draft}`)
  await page.getByTestId('program-issue').click()
  await page.getByTestId('program-reason').locator('textarea').or(page.getByTestId('program-reason')).last().fill('按会议纪要发布')
  await page.getByTestId('program-decide').click()
  await page.getByTestId('program-state').getByText('已发布').waitFor()
  await go('/programs')
  await page.getByTestId('program').filter({ hasText: '（示例）' }).first().click()
  await page.getByTestId('run-replay').click()
  await page.getByTestId('run-done').first().waitFor({ timeout: 30_000 })
  await page.getByTestId('run-same').first().waitFor()
  await shot('replay')
  assert.deepEqual(troubles, [])
})

test('what a unit and a tonne cost is a table (F57)', async () => {
  await as('province')
  await go('/subsidy-costs')
  await page.getByTestId('costs').waitFor()
  await shot('costs')
  await as('province', 'en')
  await go('/programs')
  await page.getByTestId('program').filter({ hasText: '2024' }).first().waitFor()
  await shot('list-en')
  await page.getByTestId('program').filter({ hasText: 'trucks, 2024' }).first().click()
  await page.getByTestId('program-rules').waitFor()
  await shot('national-en')
  assert.deepEqual(troubles, [])
})
