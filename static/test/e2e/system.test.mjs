// How the system itself is, as its administrator sees it: backups, restore drills, checks, and the alarm when one fails.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, start } from './server.mjs'

const shots = process.env.SHOTS
const place = mkdtempSync(join(tmpdir(), 'phaseout-e2e-backups-'))
let server, engine, page, context, troubles

async function shot(name) {
  if (!shots) return
  mkdirSync(shots, { recursive: true })
  await page.waitForTimeout(500)
  await page.screenshot({ path: join(shots, `system-${name}.png`), fullPage: true })
}
async function as(username, lang, size = { width: 1280, height: 900 }) {
  await context?.close()
  ;({ page, context, troubles } = await pageOf(engine, server.url, lang))
  await page.setViewportSize(size)
  await logIn(page, server.url, username)
}
const go = path => page.goto(`${server.url}/#${path}`)
const upkeep = (kind, state) => page.locator(`[data-testid="upkeep-${kind}"][data-state="${state}"]`).waitFor()
const alarms = n => page.locator(`[data-testid="system-alarms"][data-alarms="${n}"]`).waitFor()
const backups = () => readdirSync(place).filter(name => name.startsWith('phaseout-')).sort()

before(async () => {
  server = await start({ PHASEOUT_CLOCK: '2025-12-31T09:00:00+08:00', PHASEOUT_NO_BACKUP: 'false', PHASEOUT_BACKUP_DIR: place })
  engine = await browser()
})
after(async () => {
  await engine?.close()
  await server?.stop()
  rmSync(place, { recursive: true, force: true })
})

test('the administrator sees the backup that was made by itself, makes one, tries it and checks everything (F88)', { timeout: 120_000 }, async () => {
  await as('admin')
  await go('/system')
  await upkeep('backup', 'good')
  await alarms(0)
  assert.equal(backups().length, 1)
  await page.getByText('每天一次，保留 14 份').waitFor()
  for (const [kind, words] of [['backup', '完好'], ['drill', '恢复成功'], ['check', '完整无改动']]) {
    await page.getByTestId(`upkeep-start-${kind}`).click()
    await page.getByTestId(`upkeep-start-${kind}`).waitFor({ state: 'detached' })
    await page.getByTestId(`upkeep-start-${kind}`).waitFor()
    await upkeep(kind, 'good')
    await page.getByTestId(`upkeep-${kind}`).getByText(words, { exact: true }).waitFor()
  }
  assert.equal(backups().length, 2)
  const card = await page.getByTestId('upkeep-backup').innerText()
  assert.ok(card.includes(join(place, backups()[1])), card)
  await page.getByTestId('system-runs').getByText('系统', { exact: true }).first().waitFor()
  await shot('zh-good')
  assert.deepEqual(troubles, [])
})

test('a backup that is damaged fails its drill: an alarm here and on the start page, in both languages; the province reads (F88)', { timeout: 120_000 }, async () => {
  const newest = join(place, backups().at(-1), 'phaseout.db')
  const bytes = readFileSync(newest)
  bytes[bytes.length >> 1] ^= 1
  writeFileSync(newest, bytes)
  await as('admin', 'en')
  await go('/system')
  await page.getByTestId('upkeep-start-drill').click()
  await upkeep('drill', 'failed')
  await alarms(1)
  await page.getByTestId('system-alarms').getByText(/the last restore drill failed: the backup is damaged: phaseout\.db was changed/).waitFor()
  await shot('en-alarm')
  await go('/')
  await page.getByTestId('home-alarm').getByText('1 alarms to see to').waitFor()
  await shot('en-home')
  await page.getByTestId('home-alarm').getByRole('link').click()
  await alarms(1)
  assert.deepEqual(troubles, [])
  await as('province', 'zh-CN', { width: 390, height: 780 })
  await go('/system')
  await upkeep('drill', 'failed')
  await page.getByTestId('system-alarms').getByText(/最近一次恢复演练失败：备份已损坏/).waitFor()
  assert.equal(await page.getByTestId('upkeep-start-drill').count(), 0)
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  assert.ok(over <= 1, `the page runs off a narrow screen by ${over} px`)
  await shot('zh-phone')
  assert.deepEqual(troubles, [])
})
