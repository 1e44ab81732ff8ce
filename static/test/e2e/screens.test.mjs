// Every screen in both languages: it loads, has no script error, fetches
// nothing from elsewhere, and has no serious barrier for people who use a
// keyboard or a screen reader.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, settled, start } from './server.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const shots = process.env.SHOTS
let server, engine

before(async () => {
  server = await start({ PHASEOUT_CLOCK: '2025-12-31T09:00:00+08:00' })
  engine = await browser()
})
after(async () => {
  await engine?.close()
  await server?.stop()
})

const screens = {
  'clerk.changsha': ['/', '/assets', '/assets/new', '/assets?q=nothing-matches', '/owners', '/quality', '/comparisons', '/retire', '/retire/list', '/overdue', '/retirement-requests', '/retirements', '/labels', '/s/000000000000', '/imports', '/duplicates', '/transfers', '/transfers?direction=out', '/cases', '/programs', '/cohort', '/yards', '/yards?q=nothing-matches', '/nowhere'],
  'reviewer.changsha': ['/', '/review', '/retirement-requests', '/overdue?level=2', '/retirements?state=declared', '/duplicates?state=same', '/cases?state=open', '/cases?kind=sighting', '/yards', '/inspections', '/inspections?result=ok'],
  'yard.changsha': ['/', '/intake', '/assets'],
  'finance.changsha': ['/', '/applications?state=open', '/applications?state=failed', '/batches', '/bank-desk', '/bank-layouts', '/funds', '/recoveries', '/year-closing', '/programs', '/programs/new', '/subsidy-costs', '/benefits', '/signals'],
  'province': ['/', '/progress', '/progress?class=machinery', '/progress?class=vessel', '/progress/430600?class=vessel', '/progress/430100', '/progress/rows?metric=remaining&as_of=2025-12-31&class=truck&city=430100', '/emission?as_of=2025-12-31&class=truck', '/factors', '/targets', '/quality', '/cohort', '/audit', '/system', '/duplicates', '/transfers', '/cases', '/benefits', '/yards', '/draws', '/inspections', '/assets?metric=verified&as_of=2025-12-31&class=truck', '/targets?tab=plans', '/targets?tab=definitions', '/targets?tab=baselines', '/gap?as_of=2025-12-31', '/gap?as_of=2025-12-31&city=430100&definition=handed_over/1', '/balance?from=2025-12&to=2025-12', '/changes?metric=verified&class=truck&from_as_of=2025-11-30&to_as_of=2025-12-31'],
  'admin': ['/', '/users', '/server-keys', '/system', '/assets'],
}
// The first row of a list leads to a detail.
const details = { 'clerk.changsha': [['/assets', 'asset-link'], ['/owners', 'owner-link']], 'reviewer.changsha': [['/retirements?state=declared', 'retirement-link'], ['/yards', 'yard-link'], ['/cases', 'case-link'], ['/inspections', 'inspection-link']], 'province': [['/cases?kind=sighting', 'case-link'], ['/draws', 'draw-lines']], 'finance.changsha': [['/applications?state=open', 'application-link']] }

for (const lang of ['zh-CN', 'en']) {
  test(`every screen in ${lang}`, { timeout: 560_000 }, async () => {
    const { page: login, context: first, troubles: early } = await pageOf(engine, server.url, lang)
    await login.goto(`${server.url}/#/login`)
    await login.getByTestId('login-submit').waitFor()
    await audit(login, 'login', lang, early)
    await login.goto(`${server.url}/#/c/HS-430100-00000`)
    await login.getByTestId('certificate-state').waitFor()
    await audit(login, 'certificate', lang, early)
    await login.goto(`${server.url}/#/login`)
    await login.getByTestId('login-username').fill('clerk.changsha')
    await login.getByTestId('login-password').fill('wrong')
    await login.getByTestId('login-submit').click()
    await login.getByTestId('problem').waitFor()
    await first.close()
    for (const [user, paths] of Object.entries(screens)) {
      const { page, context, troubles } = await pageOf(engine, server.url, lang)
      await logIn(page, server.url, user)
      assert.match(await page.getByTestId('clock').textContent(), /2025-12-31/)
      for (const path of paths) {
        await page.goto(`${server.url}/#${path}`)
        await settle(page)
        await audit(page, `${user}${path}`, lang, troubles)
      }
      for (const [path, link] of details[user] ?? []) {
        await page.goto(`${server.url}/#${path}`)
        await page.getByTestId(link).first().click()
        await settle(page)
        await audit(page, `${user}-${link}`, lang, troubles)
      }
      await context.close()
    }
  })
}

test('every screen in both languages, without serious barriers (F86)', () => {
  assert.deepEqual(barriers, [])
})

const barriers = []

async function settle(page) {
  await page.waitForLoadState('networkidle')
  await page.waitForFunction(() => !document.querySelector('.el-loading-mask:not([style*="display: none"])'))
  await page.waitForTimeout(350)
  await settled(page)
}

async function audit(page, name, lang, troubles) {
  const text = await page.locator('body').innerText()
  if (lang === 'en') assert.doesNotMatch(text, /\b(undefined|null|\[object)/)
  assert.doesNotMatch(text, /(^|\s)(menu|field|action|error|status)\.[a-z_]+/, `${name} shows a key instead of a text`)
  await page.evaluate(axe)
  const found = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa'] }))
  for (const v of found.violations.filter(x => ['serious', 'critical'].includes(x.impact)))
    barriers.push(`${lang} ${name}: ${v.id} ${v.nodes[0].html.slice(0, 160)}`)
  if (shots) {
    mkdirSync(shots, { recursive: true })
    await page.screenshot({ path: join(shots, `${lang}-${name.replaceAll(/[^a-z0-9]+/gi, '_')}.png`), fullPage: true })
  }
  assert.deepEqual(troubles, [], name)
}
