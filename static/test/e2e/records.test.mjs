// A record's files, the taking back of an edit, two people at one record, rows
// that meet two records, and quality rules of one's own, in a real browser.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, password, start } from './server.mjs'

const shots = process.env.SHOTS
let server, engine

before(async () => {
  server = await start()
  engine = await browser()
})
after(async () => {
  await engine?.close()
  await server?.stop()
})

const shooter = (page, lang) => name => shots && (mkdirSync(shots, { recursive: true }), page.screenshot({ path: join(shots, `${name}-${lang}.png`), fullPage: true }))

/** Calls the API as a user, as somebody at another desk would. */
async function call(username, method, path, body, headers = {}) {
  const json = { 'Content-Type': 'application/json' }
  const { access_token } = await (await fetch(`${server.url}/api/v1/auth/login`, { method: 'POST', headers: json, body: JSON.stringify({ username, password }) })).json()
  const response = await fetch(`${server.url}/api/v1${path}`, { method, headers: { ...json, ...headers, Authorization: `Bearer ${access_token}` }, body: body && JSON.stringify(body) })
  return response.json()
}
let serial = 0
const vins = ['LZZTEST40DA000009', 'LZZTEST42DA000013', 'LZZTEST41DA000018', 'LZZTEST45DA000023']
/** Registers a truck of Changsha. */
function truck(plate) {
  return call('clerk.changsha', 'POST', '/assets', { class: 'truck', city_code: '430100', fields: { plate, vin: vins[serial++], owner_name: '某某运输有限公司', registered_on: '2010-06-15', fuel: '柴油', stage: '国三', category: '重型自卸货车', gross_mass_kg: '25000', model: '东风EQ1' } })
}

const pdf = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n')

test('a file on a record shows its digest, who sent it from what, and is previewed (F14)', { timeout: 120_000 }, async () => {
  const { page, context, troubles } = await pageOf(engine, server.url, 'zh-CN')
  const shot = shooter(page, 'zh-CN')
  const asset = await truck('湘AX0001')
  await logIn(page, server.url, 'clerk.changsha')
  await page.goto(`${server.url}/#/assets/${asset.id}`)
  const input = page.locator('input[type=file]')
  await input.setInputFiles({ name: '登记证书.pdf', mimeType: 'application/pdf', buffer: pdf })
  await page.getByTestId('file-digest').waitFor()
  await page.getByText('Chrome').first().waitFor()
  assert.match(await page.getByTestId('file-digest').getAttribute('title') ?? '', /SHA-256 [0-9a-f]{64}/)
  const [opened] = await Promise.all([context.waitForEvent('page'), page.getByTestId('file-preview').click()])
  assert.ok(opened, 'the document opens in the browser')
  await opened.close()
  await shot('record-files')
  await input.setInputFiles({ name: 'page.pdf', mimeType: 'application/pdf', buffer: Buffer.from('<html><script>alert(1)</script></html>') })
  await page.locator('.el-alert--error').first().waitFor()
  assert.equal(await page.getByTestId('file-digest').count(), 1, 'what is no document is refused')
  assert.deepEqual(troubles, [])
  await context.close()
})

test('a lost update shows both versions and keeps what was entered; the last edit is taken back (F78 F79)', { timeout: 120_000 }, async () => {
  const { page, context, troubles } = await pageOf(engine, server.url, 'zh-CN')
  const shot = shooter(page, 'zh-CN')
  const asset = await truck('湘AX0002')
  await logIn(page, server.url, 'clerk.changsha')
  await page.goto(`${server.url}/#/assets/${asset.id}`)
  await page.getByRole('button', { name: '编辑', exact: true }).click()
  const model = page.getByLabel('品牌型号', { exact: true })
  await model.fill('我的型号')
  await call('clerk.changsha', 'PATCH', `/assets/${asset.id}`, { fields: { model: '他的型号' } }, { 'If-Match': '"1"' })
  await page.getByRole('button', { name: '保存', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('我的型号').waitFor()
  await dialog.getByText('他的型号').waitFor()
  await dialog.getByText('品牌型号').waitFor()
  await shot('record-conflict')
  await page.getByTestId('conflict-keep').click()
  await page.getByRole('button', { name: '保存', exact: true }).click()
  await page.getByTestId('undo-edit').waitFor()
  await page.getByText('我的型号').first().waitFor()
  await page.getByTestId('undo-edit').click()
  await page.locator('.el-message-box__input input').fill('改错了')
  await page.locator('.el-message-box__btns .el-button--primary').click()
  await page.getByText('撤销修改').first().waitFor()
  await page.getByText('“改错了”').waitFor()
  await page.getByTestId('undo-edit').waitFor({ state: 'detached' })
  const now = await call('clerk.changsha', 'GET', `/assets/${asset.id}`)
  assert.equal(now.fields.find(f => f.key === 'model').value, '他的型号')
  await shot('record-undone')
  assert.deepEqual(troubles, [])
  await context.close()
})

test('a row that meets two records is named and leads to the queue (F18)', { timeout: 120_000 }, async () => {
  const { page, context, troubles } = await pageOf(engine, server.url, 'zh-CN')
  const shot = shooter(page, 'zh-CN')
  await truck('湘AX0003')
  await truck('湘AX0004')
  await logIn(page, server.url, 'clerk.changsha')
  const file = join(tmpdir(), `${process.pid}-two.csv`)
  writeFileSync(file, `号牌号码,号牌种类,车辆识别代号,所有人,初次登记日期\n湘AX0003,大型汽车,${vins[3]},某某运输有限公司,2010-06-15\n`)
  await page.goto(`${server.url}/#/imports`)
  await page.getByTestId('import-file').setInputFiles(file)
  await page.getByTestId('import-upload').click()
  await page.locator('[data-testid=import-state][data-state=checked]').waitFor()
  assert.match(await page.getByTestId('match-keys').innerText(), /号牌号码 \+ 号牌种类、车辆识别代号/)
  assert.match(await page.getByTestId('count-ambiguous').innerText(), /1/)
  await page.getByText(/湘AX0003 属于 湘AX0003；.* 属于 湘AX0004/).or(page.getByText(/属于 湘AX0004/)).first().waitFor()
  await shot('import-ambiguous')
  await page.getByTestId('ambiguous-queue').click()
  await page.getByText(/第 2 行同时含有两者的号码/).first().waitFor()
  await shot('import-ambiguous-queue')
  assert.deepEqual(troubles, [])
  await context.close()
})

for (const lang of ['zh-CN', 'en']) {
  test(`the province makes a quality rule of conditions, without code, in ${lang} (F23)`, { timeout: 120_000 }, async () => {
    const { page, context, troubles } = await pageOf(engine, server.url, lang)
    const shot = shooter(page, lang)
    await logIn(page, server.url, 'province')
    await page.goto(`${server.url}/#/quality`)
    await page.getByRole('tab').nth(2).click()
    await page.getByTestId('rule-new').click()
    await page.getByTestId('rule-name').fill(`总质量过大 ${lang}`)
    await page.getByTestId('rule-op-0').click()
    await page.locator('.el-select-dropdown:visible').getByRole('option').nth(6).click()
    await page.getByTestId('rule-value-0').fill('40000')
    await shot('rule-editor')
    await page.getByTestId('rule-save').click()
    await page.getByTestId('quality-rules').getByText(`总质量过大 ${lang}`).waitFor()
    await shot('rules')
    assert.deepEqual(troubles, [])
    await context.close()
  })
}

test('each record tells who changed what, by which request (F77)', { timeout: 120_000 }, async () => {
  for (const lang of ['zh-CN', 'en']) {
    const { page, context, troubles } = await pageOf(engine, server.url, lang)
    const shot = shooter(page, lang)
    await logIn(page, server.url, 'reviewer.changsha')
    const list = await call('reviewer.changsha', 'GET', '/retirements?limit=1')
    await page.goto(`${server.url}/#/retirements/${list.items[0].id}`)
    const history = page.getByTestId('record-history')
    await history.locator('summary').focus()
    await page.keyboard.press('Enter')
    await history.locator('.el-timeline-item').first().waitFor()
    const text = await history.innerText()
    assert.match(text, lang === 'zh-CN' ? /登记|申报|声明/ : /declared/, text)
    assert.match(await history.locator('code.request').first().innerText(), /^\S+$/)
    await shot('record-history')
    assert.deepEqual(troubles, [])
    await context.close()
  }
})
