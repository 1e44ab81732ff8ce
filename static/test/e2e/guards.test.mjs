// What keeps a retirement from being made up, as people see it: licensed yards, the yard's own page, photos, draws, sightings, keys, the public check.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, password, start } from './server.mjs'

const shots = process.env.SHOTS
const phone = { width: 390, height: 780 }
const picture = join(tmpdir(), `phaseout-e2e-guards-${process.pid}.png`)
let server, engine, page, context, troubles

async function shot(name) {
  if (!shots) return
  mkdirSync(shots, { recursive: true })
  await page.waitForTimeout(400)
  await page.screenshot({ path: join(shots, `guards-${name}.png`), fullPage: true })
}
async function as(username, { lang, onPhone } = {}) {
  await context?.close()
  ;({ page, context, troubles } = await pageOf(engine, server.url, lang))
  if (onPhone) await page.setViewportSize(phone)
  if (username) await logIn(page, server.url, username)
}
const go = path => page.goto(`${server.url}/#${path}`)
const shown = text => page.getByText(text).first().waitFor()
/** What a reader sees of the page. */
const reading = () => page.locator('main').innerText()
const tokens = {}
async function ask(username, method, path, body, more = {}) {
  const headers = { 'Content-Type': 'application/json', 'Accept-Language': 'en', ...more }
  tokens[username] ??= (await (await fetch(`${server.url}/api/v1/auth/login`, { method: 'POST', headers, body: JSON.stringify({ username, password }) })).json()).access_token
  const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers: { ...headers, Authorization: `Bearer ${tokens[username]}` }, body: body && JSON.stringify(body) })
  return { status: answer.status, body: await answer.json() }
}
async function made(username, path, body) {
  const answer = await ask(username, 'POST', path, body)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body
}
/** Trucks of Changsha that nothing has happened to yet. */
const trucks = []
const take = () => trucks.shift()
const declared = (truck, more) => made('clerk.changsha', `/assets/${truck.id}/retirement`, { way_out: 'scrapped', driver: 'natural', ...more })
/** A picture of the page as it is, each one another. */
let painted = 0
async function paint() {
  await page.evaluate((n) => { document.title = `${n}` }, ++painted)
  const clip = { x: (painted * 7) % 40, y: (painted * 11) % 60, width: 240 + painted % 9, height: 160 + painted % 7 }
  writeFileSync(picture, await page.screenshot({ clip }))
  return picture
}
async function narrow(what) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  assert.ok(over <= 1, `${what} runs off a narrow screen by ${over} px`)
}

before(async () => {
  server = await start({ PHASEOUT_CLOCK: '2025-12-31T09:00:00+08:00' })
  engine = await browser()
  const { body } = await ask('clerk.changsha', 'GET', '/assets?class=truck&status=in_use&limit=100')
  const retired = await ask('clerk.changsha', 'GET', '/retirements?class=truck&limit=200')
  const offered = await ask('clerk.changsha', 'GET', '/transfers?limit=100')
  const busy = new Set([...retired.body.items, ...offered.body.items].map(r => r.asset_id))
  trucks.push(...body.items.filter(a => !busy.has(a.id)))
  assert.ok(trucks.length > 10, `${trucks.length} trucks in use`)
})
after(async () => {
  await engine?.close()
  await server?.stop()
  rmSync(picture, { force: true })
})

test('on a phone the page begins at its top and the menu unfolds by keyboard (F86)', async () => {
  for (const lang of ['zh-CN', 'en']) {
    await as('clerk.changsha', { lang, onPhone: true })
    await go('/assets')
    await page.locator('main h1').waitFor()
    const top = await page.locator('main h1').evaluate(e => e.getBoundingClientRect().top)
    assert.ok(top < 200, `${lang}: the page begins at ${top} px of ${phone.height}`)
    assert.equal(await page.locator('#menu').isVisible(), false)
    await narrow(`${lang} list of assets`)
    await shot(`phone-${lang}`)
    const opener = page.getByTestId('menu-open')
    await opener.focus()
    await page.keyboard.press('Enter')
    await page.locator('#menu a').first().waitFor()
    assert.equal(await opener.getAttribute('aria-expanded'), 'true')
    assert.equal(await page.evaluate(() => document.activeElement?.closest('#menu')?.id), 'menu')
    await shot(`phone-menu-${lang}`)
    await page.keyboard.press('Escape')
    await page.locator('#menu').waitFor({ state: 'hidden' })
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-testid')), 'menu-open')
    await page.keyboard.press('Enter')
    await page.locator('#menu a[href="#/yards"]').focus()
    await page.keyboard.press('Enter')
    await page.getByTestId('yard-link').first().waitFor()
    assert.equal(await page.locator('#menu').isVisible(), false, 'a chosen entry folds the menu')
    assert.deepEqual(troubles, [])
  }
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.locator('#menu a').first().waitFor()
  assert.equal(await page.getByTestId('menu-open').isVisible(), false, 'a wide screen shows the menu')
})

test('a yard is suspended with dates, and what falls outside is refused where the clerk enters it (F33)', async () => {
  await as('reviewer.changsha')
  await go('/yards?q=演示报废车')
  await page.getByTestId('yard-link').filter({ hasText: '长沙演示报废车回收有限公司' }).click()
  assert.equal(await page.getByTestId('yard-status').textContent(), '有效')
  await shown('演示资质-430100-2')
  await shot('yard')
  await page.getByTestId('yard-block').click()
  await page.getByTestId('block-from').fill('2025-12-20')
  await page.getByTestId('block-reason').fill('长环罚〔2025〕88号，限期整改')
  await page.getByTestId('yard-deed-save').click()
  await page.getByTestId('yard-status').filter({ hasText: '暂停' }).waitFor()
  assert.match(await reading(), /2025-12-20 – 未解除/)
  await shot('yard-suspended')
  await go('/yards?q=演示报废车')
  await page.locator('tr', { hasText: '长沙演示报废车回收有限公司' }).getByText('暂停').waitFor()
  assert.deepEqual(troubles, [])

  const truck = take()
  await as('clerk.changsha')
  await go(`/retire?asset=${truck.id}`)
  await page.getByTestId('retire-handed-in').fill('2025-12-22')
  await page.getByTestId('retire-recycler').fill('长沙演示报废车回收有限公司')
  await page.getByTestId('retire-certificate').fill('HS-430100-77001')
  await page.getByTestId('certificate-refused').getByText('2025-12-20 起被暂停（长环罚〔2025〕88号，限期整改）').waitFor()
  await page.getByTestId('retire-save').click()
  await page.getByTestId('problem').getByText('2025-12-22 的证明不能接收').waitFor()
  await shot('refused-suspended')
  await page.getByTestId('retire-recycler').fill('长沙过期样本回收有限公司')
  await page.getByTestId('certificate-refused').getByText('最近的许可 2021-01-01 至 2025-03-31').waitFor()
  await page.getByTestId('retire-save').click()
  await page.getByTestId('problem').getByText('长沙过期样本回收有限公司 在 2025-12-22 不在许可有效期内').waitFor()
  await page.getByTestId('retire-recycler').fill('长沙失信样本回收有限公司')
  await page.getByTestId('retire-save').click()
  await page.getByTestId('problem').getByText('被列入失信名单').waitFor()
  const none = await ask('clerk.changsha', 'GET', `/retirements?asset=${truck.id}`)
  assert.equal(none.body.items.length, 0, 'nothing was logged')

  // The day before the suspension is taken.
  await page.getByTestId('retire-recycler').fill('长沙演示报废车回收有限公司')
  await page.getByTestId('retire-handed-in').fill('2025-12-19')
  await page.getByTestId('certificate-refused').waitFor({ state: 'detached' })
  await page.getByTestId('retire-save').click()
  await page.getByTestId('retire-done').getByText(truck.label).waitFor()
  assert.deepEqual(troubles, [])
})

test('a doubt about a certificate number is told to who enters it and to the reviewer, and stops neither (F32)', async () => {
  const truck = take()
  await as('clerk.changsha')
  await go(`/retire?asset=${truck.id}`)
  await page.getByTestId('retire-handed-in').fill('2025-12-02')
  await page.getByTestId('retire-recycler').fill('长沙示例再生资源有限公司')
  await page.getByTestId('retire-certificate').fill('7?')
  await page.getByTestId('certificate-doubt').getByText('“7?”不像证明编号').waitFor()
  await shot('doubt')
  await page.getByTestId('retire-certificate').fill('HS-430100-66001')
  await page.getByTestId('certificate-doubt').waitFor({ state: 'detached' })
  await page.getByTestId('retire-certificate').fill('66#02')
  await page.getByTestId('certificate-doubt').waitFor()
  await page.getByTestId('retire-save').click()
  await page.getByTestId('retire-done').getByText(truck.label).waitFor()
  const logged = await ask('clerk.changsha', 'GET', `/retirements?asset=${truck.id}`)
  await as('reviewer.changsha')
  await go(`/retirements/${logged.body.items[0].id}`)
  await page.getByTestId('certificate-doubts').getByText('证明编号存疑：“66#02”不像证明编号').waitFor()
  await go('/review')
  await page.locator('.el-radio-button', { hasText: '已交售' }).click()
  await page.getByTestId('queue-row').filter({ hasText: truck.label }).click()
  await page.locator(`[data-testid="queue-record"][data-label="${truck.label}"]`).getByTestId('certificate-doubts').waitFor()
  await shot('doubt-reviewer')
  assert.deepEqual(troubles, [])
})

test('a list of retirements shows its columns by name, and each fraud in it where it stands (F27 F32 F33)', async () => {
  const { body } = await ask('clerk.changsha', 'GET', '/imports?limit=100')
  const list = body.items.find(i => i.file_name === '演示：回收企业月报.csv')
  for (const [lang, names, codes] of [['zh-CN', ['交售日期', '证明编号', '回收拆解企业'], ['证明编号重复', '资质有效期外', '企业失信']], ['en', ['Handed in on', 'Certificate number', 'Recycler'], ['outside the licence', 'yard black-listed']]]) {
    await as('clerk.changsha', { lang })
    await go(`/imports/${list.id}`)
    await page.getByTestId('mapping').waitFor()
    await page.getByTestId('findings').locator('tbody tr').nth(3).waitFor()
    const text = await reading()
    for (const word of [...names, ...codes]) assert.ok(text.includes(word), `${lang}: ${word} is not on the page`)
    assert.doesNotMatch(text, /handed_in_on|certificate_no|yard_|date_order/, `${lang}: a key instead of a name`)
    await page.getByTestId('count-create').click()
    await page.locator('td', { hasText: `${names[0]} 2025-11-20` }).waitFor()
    await shot(`list-${lang}`)
    assert.deepEqual(troubles, [])
  }
})

test('a yard logs on a phone what it took in, with photos, and sees nothing else (F34)', async () => {
  const foreign = await declared(take(), { recycler: '长沙演示报废车回收有限公司', handed_in_on: '2025-12-18', certificate_no: 'HS-430100-55001' })
  const own = await declared(take(), { recycler: '长沙示例再生资源有限公司', certificate_no: 'HS-430100-55002' })
  await as('yard.changsha', { onPhone: true })
  await page.getByTestId('menu-open').click()
  const entries = await page.locator('#menu a').allTextContents()
  assert.deepEqual(entries, ['我的接收台账'])
  await page.locator('#menu a').click()
  const line = page.getByTestId('intake-line').filter({ hasText: own.asset_label })
  await line.waitFor()
  assert.doesNotMatch(await reading(), new RegExp(foreign.asset_label), 'another yard\'s')
  assert.doesNotMatch(await reading(), /有限公司.*运输|1990000/, 'no owner')
  await narrow('the intake')
  await shot('intake')
  await line.getByText('待接收').waitFor()
  await line.getByTestId('intake-open').click()
  await page.getByTestId('intake-on').fill('2025-12-29')
  await page.getByTestId('intake-save').click()
  await line.getByText('已接收').waitFor()
  await line.getByTestId('intake-open').click()
  await page.getByTestId('intake-on').fill('2025-12-30')
  await page.getByTestId('intake-save').click()
  await page.getByTestId('problem').getByText('证明材料不齐，不能登记“拆解”').waitFor()
  await page.getByTestId('problem').getByText('缺少：发动机及编号').waitFor()
  await shot('intake-lacking')
  for (const kind of ['photo_front', 'photo_rear', 'photo_nameplate', 'photo_engine']) {
    const input = page.getByTestId(`intake-${kind}`)
    assert.equal(await input.getAttribute('capture'), 'environment', 'the camera opens')
    await input.setInputFiles(await paint())
    await page.getByTestId(`intake-there-${kind}`).waitFor()
  }
  await shot('intake-photos')
  await page.getByTestId('intake-save').click()
  await line.getByText('已拆解').waitFor()
  for (const path of ['/assets', '/retirements', `/retirements/${own.id}`, '/yards']) {
    await go(path)
    await shown('没有此页面的权限')
  }
  const seen = await ask('clerk.changsha', 'GET', `/retirements/${own.id}/course`)
  assert.deepEqual(seen.body.steps.map(s => [s.step, s.on, s.logged_by.name]), [['received', '2025-12-29', '长沙示例企业经办人'], ['dismantled', '2025-12-30', '长沙示例企业经办人']])
  assert.deepEqual(troubles, [])
})

test('photos are taken on a phone into the slots of a retirement, and the step then goes on (F30)', async () => {
  const r = await declared(take(), { recycler: '长沙示例再生资源有限公司', handed_in_on: '2025-12-16', certificate_no: 'HS-430100-44001' })
  await as('clerk.changsha', { lang: 'en', onPhone: true })
  await go(`/retirements/${r.id}`)
  await page.getByTestId('evidence-photo_front').waitFor()
  await narrow('the retirement')
  for (const kind of ['photo_front', 'photo_rear', 'photo_nameplate', 'photo_engine']) {
    const input = page.getByTestId(`file-${kind}`)
    assert.equal(await input.getAttribute('capture'), 'environment')
    assert.equal(await input.getAttribute('accept'), 'image/*')
    await input.setInputFiles(await paint())
    await page.getByTestId(`evidence-${kind}`).getByText('✓').waitFor()
  }
  await page.getByTestId('step-on').fill('2025-12-28')
  await page.getByTestId('step-save').click()
  await page.locator('[data-testid="standing"][data-standing="dismantled"]').waitFor()
  await page.getByTestId('step-dismantled').getByText('2025-12-28').waitFor()
  await page.getByTestId('step-dismantled').locator('summary').getByText('4').click()
  await page.getByTestId('step-dismantled').locator('button.file').nth(3).waitFor()
  await narrow('the retirement with photos')
  await shot('phone-photos-en')
  assert.deepEqual(troubles, [])
})

test('a photo of another city\'s record is shown to the reviewer, who refuses it (F31)', async () => {
  const open = await ask('reviewer.changsha', 'GET', '/photo-matches?state=open')
  assert.equal(open.body.items.length, 1, 'the demonstration has one')
  const match = open.body.items[0]
  const { body } = await ask('reviewer.changsha', 'GET', `/retirements?asset=${match.asset_id}`)
  await as('reviewer.changsha')
  await go(`/retirements/${body.items[0].id}`)
  const card = page.getByTestId('photo-match')
  await card.getByText('且左右镜像').waitFor()
  await card.getByText('该记录不在您的辖区').waitFor()
  await page.getByTestId('photo-open').getByText('疑似重复，待判定').waitFor()
  await page.getByTestId('photo-doubt').getByText('照片不含拍摄信息').waitFor()
  await card.locator('.pair button').click()
  await card.locator('img').waitFor()
  await shot('photo-check')
  assert.equal(await page.getByTestId('match-refuse').isEnabled(), false, 'a reason first')
  await page.getByTestId('match-reason').fill('与株洲记录系同一残骸照片')
  await page.getByTestId('match-refuse').click()
  await card.getByText('判定为同一照片').waitFor()
  await shown('不予采信')
  await go('/cases?kind=photo_reused')
  await page.getByTestId('case-link').filter({ hasText: match.asset_label }).click()
  await shown('照片用于其他记录')
  await shown('与株洲记录系同一残骸照片')
  assert.deepEqual(troubles, [])
})

test('each step shows its day, who logged it and its files; all days at once pass by nothing (F27 F30)', async () => {
  const r = await declared(take(), { recycler: '长沙示例再生资源有限公司', certificate_no: 'HS-430100-11001' })
  await as('clerk.changsha')
  await go(`/retirements/${r.id}`)
  await page.getByTestId('step-on').fill('2025-12-27')
  await page.getByTestId('step-file').setInputFiles(await paint())
  await page.getByTestId('step-save').click()
  const step = page.getByTestId('step-received')
  await step.getByText('2025-12-27').waitFor()
  await step.getByText('长沙登记员').waitFor()
  await step.locator('summary').click()
  await step.locator('button.file').getByText('回收（拆解）证明').waitFor()
  await shot('step-file')

  const once = await declared(take(), { recycler: '长沙示例再生资源有限公司', certificate_no: 'HS-430100-11002', handed_in_on: '2025-12-01', dismantled_on: '2025-12-08', deregistered_on: '2025-12-15' })
  await go(`/retirements/${once.id}`)
  await page.getByTestId('file-photo').setInputFiles(await paint())
  await page.getByTestId('evidence-photo').getByText('✓').waitFor()
  await page.getByTestId('evidence-photo_front').getByText('登记拆解前应有，缺少').waitFor()
  await as('reviewer.changsha')
  await go('/review')
  await page.getByTestId('queue-row').filter({ hasText: once.asset_label }).click()
  const record = page.locator(`[data-testid="queue-record"][data-label="${once.asset_label}"]`)
  await record.getByTestId('skipped').getByText('左前方 45°（含号牌）、右后方 45°、车辆识别代号或铭牌、发动机及编号').waitFor()
  assert.equal(await page.getByTestId('queue-verify').isEnabled(), false, 'a reason first')
  await shot('skipped')
  await page.getByTestId('queue-reason').fill('凭纸质档案补录，原档已核')
  await page.getByTestId('queue-verify').click()
  await page.getByTestId('queue-row').filter({ hasText: once.asset_label }).waitFor({ state: 'detached' })
  await go(`/retirements/${once.id}`)
  await page.getByTestId('evidence-photo_front').getByText('≈').waitFor()
  assert.deepEqual(troubles, [])
})

const sha = text => createHash('sha256').update(text).digest('hex')
/** The draw as docs/inspection-draws.md has it, from what anyone can read. */
function again({ seed, beacon }, rows, perCity, cities) {
  const key = beacon ? `${seed}|${beacon}` : seed
  const score = r => Array.from({ length: Number(r.weight) }, (_, i) => sha(`${key}|${r.id}|${i + 1}`)).sort()[0]
  const teams = {}
  for (const city of [...new Set(rows.map(r => r.city))]) {
    const first = parseInt(sha(`${key}|${city}`).slice(0, 8), 16)
    const own = cities.indexOf(city)
    rows.filter(r => r.city === city).map(r => ({ ...r, score: score(r) })).sort((a, b) => a.score < b.score ? -1 : 1).slice(0, perCity)
      .forEach((r, j) => { teams[r.id] = cities[(own + 1 + (j + first) % (cities.length - 1)) % cities.length] })
  }
  return teams
}

test('a draw is announced, drawn, checked by another city on the phone, and done again by anyone (F37)', async () => {
  await as('province')
  await go('/draws')
  await page.getByTestId('draw-new').click()
  await page.getByTestId('draw-name').fill('四季度交叉检查')
  await page.getByTestId('draw-from').fill('2025-12-01')
  await page.getByTestId('draw-to').fill('2025-12-31')
  await page.getByTestId('draw-save').click()
  const card = page.getByTestId('draw').filter({ hasText: '四季度交叉检查' })
  await card.getByTestId('draw-state').getByText('待抽取').waitFor()
  const [seedHash, listHash] = await card.locator('code').allTextContents()
  assert.match(seedHash, /^[0-9a-f]{64}$/)
  assert.equal(await card.getByTestId('draw-seed').count(), 0, 'the seed is not told yet')
  await shot('draw-announced')
  await card.getByTestId('draw-carry').click()
  await page.getByTestId('draw-beacon').fill('3D 2025353 815')
  await page.getByTestId('draw-go').click()
  await card.getByTestId('draw-state').getByText('已抽取').waitFor()
  const seed = await card.getByTestId('draw-seed').textContent()
  await shot('draw-drawn')

  // Anyone, from the public list alone.
  const [download] = await Promise.all([page.waitForEvent('download'), card.getByTestId('draw-list').click()])
  const [head, ...lines] = readFileSync(await download.path(), 'utf8').replace(/^\uFEFF/, '').trim().split(/\r?\n/)
  assert.match(head, /,/)
  const rows = lines.map((l) => { const [id, city, weight, ...rest] = l.split(','); return { id, city, weight, drawn: rest.at(-2) === 'true', team: rest.at(-1) } })
  assert.equal(sha(seed), seedHash)
  assert.equal(sha([...rows].sort((a, b) => a.id < b.id ? -1 : 1).map(r => `${r.id},${r.city},${r.weight}\n`).join('')), listHash)
  const teams = again({ seed, beacon: '3D 2025353 815' }, rows, 5, ['430100', '430200', '430300', '430600', '430700', '430900'])
  assert.deepEqual(teams, Object.fromEntries(rows.filter(r => r.drawn).map(r => [r.id, r.team])))
  assert.ok(rows.every(r => !r.drawn || r.team !== r.city), 'no city checks itself')
  await card.getByTestId('draw-lines').click()
  await page.getByTestId('inspection-link').first().waitFor()
  await shot('draw-lines')

  // The team of another city, on the spot.
  const assigned = (await ask('province', 'GET', '/inspection-lines?result=open&limit=200')).body.items.find(l => l.team_city === '430200' && l.city_code === '430100')
  assert.ok(assigned, 'a record of Changsha is Zhuzhou\'s to check')
  await as('reviewer.zhuzhou', { onPhone: true })
  await go('/inspections?result=open')
  await narrow('the list of the team')
  await page.locator(`a[href="#/inspections/${assigned.id}"]`).click()
  await shown(/长沙市? → 株洲/)
  await page.getByTestId('inspection-file').setInputFiles(await paint())
  await page.getByTestId('inspection-photos').getByText('1').waitFor()
  await page.getByTestId('result-not_found').click()
  assert.equal(await page.getByTestId('inspection-save').isEnabled(), false, 'what was found has to be said')
  await page.getByTestId('inspection-note').fill('场内没有该车残骸')
  await narrow('the phone page')
  await shot('inspection-phone')
  await page.getByTestId('inspection-save').click()
  await page.getByTestId('inspection-state').getByText('未找到').waitFor()
  await shown('场内没有该车残骸')
  assert.deepEqual(troubles, [])
  await as('reviewer.changsha')
  await go('/cases?kind=inspection_finding')
  await page.getByTestId('case-link').filter({ hasText: assigned.asset_label }).click()
  await shown('场内没有该车残骸')
  assert.deepEqual(troubles, [])
})

test('a pasted sighting opens a case that holds payments until somebody else releases them (F40)', async () => {
  const gone = await declared(take(), { recycler: '长沙示例再生资源有限公司', handed_in_on: '2025-12-01', certificate_no: 'HS-430100-33001' })
  const active = take()
  await as('clerk.zhuzhou')
  await go('/cases')
  const box = page.getByTestId('sighting-paste')
  await page.getByTestId('sighting-text').fill(`${gone.asset_label} 2025-12-20\n${active.label} 2025-12-20\n湘Z99999`)
  await page.getByTestId('sighting-send').click()
  await page.getByTestId('sighting-accepted').getByText('已接收 3 条').waitFor()
  assert.equal(await box.getByText(gone.asset_label).count(), 0, 'who reports is told nothing')
  await shot('sighting')
  await page.reload()
  await page.getByTestId('sighting-paste').waitFor()
  assert.doesNotMatch(await reading(), new RegExp(gone.asset_label), 'the case is not the reporter\'s')

  await as('reviewer.changsha')
  await go('/cases?kind=sighting')
  assert.doesNotMatch(await reading(), new RegExp(active.label), 'what is in use is forgotten')
  await page.getByTestId('case-link').filter({ hasText: gone.asset_label }).click()
  await shown('路面巡查')
  await page.getByTestId('case-hold').getByText('该企业的未付款项已冻结').waitFor()
  await page.getByTestId('case-take').click()
  await page.getByTestId('case-assigned').getByText('长沙审核员').waitFor()
  await shot('case-hold')
  await page.getByTestId('case-outcome-input').fill('套牌车，已移交交警')
  await page.getByTestId('case-close').click()
  await page.getByTestId('case-state').getByText('已办结').waitFor()
  assert.equal(await page.getByTestId('case-release').count(), 0, 'who closed it does not release')
  const path = new URL(page.url()).hash.slice(1)
  await as('province')
  await go(path)
  await page.getByTestId('release-reason').fill('交警认定与企业无关')
  await page.getByTestId('case-release').click()
  await page.getByTestId('case-hold').getByText('已解除').waitFor()
  await page.getByTestId('case-hold').getByText('交警认定与企业无关').waitFor()
  await shot('case-released')
  assert.deepEqual(troubles, [])
})

test('a key is made for a gate, shown once, used and ended (F40)', async () => {
  await as('admin')
  await go('/server-keys')
  await page.getByTestId('key-new').click()
  await page.getByTestId('key-name').fill('长沙演示钢厂门禁')
  await page.getByTestId('key-save').click()
  const secret = await page.getByTestId('key-secret').inputValue()
  assert.match(secret, /^psk_/)
  await shot('server-key')
  await page.keyboard.press('Escape')
  const row = page.locator('tr', { hasText: '长沙演示钢厂门禁' })
  await row.getByText(`…${secret.slice(-4)}`).waitFor()
  assert.ok(!(await page.content()).includes(secret), 'the secret is shown once')
  const report = () => fetch(`${server.url}/api/v1/sightings`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${secret}` },
    body: JSON.stringify({ items: [{ ref: '1', value: '湘Z00001', seen_at: '2025-12-30T08:00:00+08:00' }] }) })
  assert.equal((await report()).status, 202)
  await page.getByTestId(`key-revoke-${secret.slice(-4)}`).click()
  await page.locator('.el-message-box .el-button--primary').click()
  await row.getByText('已停用').waitFor()
  assert.equal((await report()).status, 401)
  assert.deepEqual(troubles, [])
})

test('a key is rotated: both are taken, the screen says until when, the old one can be ended at once (F82)', async () => {
  await as('admin')
  const old = (await ask('admin', 'POST', '/server-keys', { name: '长沙演示检验站', source: 'inspection' })).body
  const status = async secret => (await fetch(`${server.url}/api/v1/sightings`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${secret}` },
    body: JSON.stringify({ items: [{ ref: '1', value: '湘Z00002', seen_at: '2025-12-30T08:00:00+08:00' }] }) })).status
  assert.equal(await status(old.secret), 202)
  await go('/server-keys')
  await page.getByTestId(`key-rotate-${old.hint}`).click()
  await page.getByTestId('key-last-day').getByText(/至 \d{4}-\d{2}-\d{2}/).waitFor()
  const last = /\d{4}-\d{2}-\d{2}/.exec(await page.getByTestId('key-last-day').innerText())[0]
  await shot('server-key-rotation')
  await page.getByTestId('key-rotate-save').click()
  const fresh = await page.getByTestId('key-rotated-secret').inputValue()
  await page.keyboard.press('Escape')
  await page.getByTestId(`key-state-${old.hint}`).getByText(`并用中，至 ${last}`).waitFor()
  await page.getByTestId(`key-state-${fresh.slice(-4)}`).getByText('有效').waitFor()
  assert.equal(await page.getByTestId(`key-rotate-${old.hint}`).count(), 0, 'a replaced key is not rotated')
  assert.deepEqual([await status(old.secret), await status(fresh)], [202, 202])
  await page.reload()
  await page.locator('tr', { hasText: /\d{4}-\d{2}-\d{2} \d{2}:\d{2}/ }).filter({ has: page.getByTestId(`key-state-${fresh.slice(-4)}`) }).waitFor()
  await shot('server-keys')
  await page.getByTestId(`key-revoke-${old.hint}`).click()
  await page.locator('.el-message-box .el-button--primary').click()
  await page.getByTestId(`key-state-${old.hint}`).getByText('已停用').waitFor()
  assert.deepEqual([await status(old.secret), await status(fresh)], [401, 202])
  assert.deepEqual(troubles, [])
})

test('anyone checks a certificate without an account and learns nothing else (F35)', async () => {
  const { body } = await ask('clerk.changsha', 'GET', '/retirements?state=verified&class=truck&limit=50')
  const valid = body.items.find(r => r.certificate_no)
  const taken = await declared(take(), { recycler: '长沙示例再生资源有限公司', handed_in_on: '2025-12-05', certificate_no: 'HS-430100-22001' })
  const back = await ask('clerk.changsha', 'POST', `/retirements/${taken.id}/withdrawal`, { reason: '开错' }, { 'If-Match': `"${taken.version}"` })
  assert.equal(back.status, 200, JSON.stringify(back.body))
  await as('', { onPhone: true })
  await go(`/c/${encodeURIComponent(valid.certificate_no)}`)
  await page.getByTestId('certificate-state').getByText('有效').waitFor()
  const told = await page.locator('body').innerText()
  assert.match(told, /核实日期 20\d\d-\d\d-\d\d/)
  for (const secret of [valid.asset_label, valid.recycler, valid.verified_by.name]) assert.ok(!told.includes(secret), `${secret} is told`)
  await narrow('the public check')
  await shot('certificate')
  const type = async (number) => { await page.getByTestId('certificate-number').fill(number); await page.getByTestId('certificate-check').click() }
  await type(valid.certificate_no.toLowerCase().replaceAll('-', ' '))
  await page.getByTestId('certificate-state').getByText('有效').waitFor()
  await type('HS-430100-22001')
  await page.getByTestId('certificate-state').getByText('已撤销').waitFor()
  await type('HS-000000-00000')
  await page.getByTestId('certificate-state').getByText('未查到').waitFor()
  assert.deepEqual(troubles, [])
})
