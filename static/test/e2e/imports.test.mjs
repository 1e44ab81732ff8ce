// Imports in a real browser: a police export as it comes, and its undoing.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { crc32 } from 'node:zlib'
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

/** Changes the model of a truck over the API, as somebody at another desk would. */
async function change(page, plate) {
  return page.evaluate(async ({ plate, password }) => {
    const json = { 'Content-Type': 'application/json' }
    const { access_token } = await (await fetch('/api/v1/auth/login', { method: 'POST', headers: json, body: JSON.stringify({ username: 'clerk.changsha', password }) })).json()
    const auth = { Authorization: `Bearer ${access_token}` }
    const { items } = await (await fetch(`/api/v1/assets?q=${encodeURIComponent(plate)}`, { headers: auth })).json()
    const done = await fetch(`/api/v1/assets/${items[0].id}`, { method: 'PATCH', headers: { ...auth, ...json, 'If-Match': `"${items[0].version}"` }, body: JSON.stringify({ fields: { model: '改后型号' } }) })
    return done.status
  }, { plate, password })
}

for (const [n, lang] of [['1', 'zh-CN'], ['2', 'en']]) {
  test(`an import is undone but for the row that somebody changed, which is named, in ${lang} (F15 F21)`, { timeout: 120_000 }, async () => {
    const { page, context, troubles } = await pageOf(engine, server.url, lang)
    const shot = name => shots && (mkdirSync(shots, { recursive: true }), page.screenshot({ path: join(shots, `${name}-${lang}.png`), fullPage: true }))
    await logIn(page, server.url, 'clerk.changsha')
    const file = join(tmpdir(), `${process.pid}-police-${n}.csv`)
    const vins = { 1: ['LZZTEST40DA000009', 'LZZTEST42DA000013'], 2: ['LZZTEST41DA000018', 'LZZTEST45DA000023'] }[n]
    writeFileSync(file, `HPHM,HPZL,HPYS,CLSBDH,FDJH,CLLX,CLPP1,CLXH,SYXZ,RLZL,CCDJRQ,QZBFQZ,ZT,SYR,SFZMHM,LXDH,PFBZ\nAY000${n},01,黄,${vins[0]},E9000${n},H17,东风,EQ1160,F,B,20100615,20250615,GQ,某某运输有限公司,91430100MA00000003,13900001234,3\nAZ000${n},01,黄,${vins[1]},E9100${n},H19,东风,EQ1160,F,B,20110615,20260615,A,另一运输有限公司,/,-,国Ⅲ\n`)
    await page.goto(`${server.url}/#/imports`)
    await page.getByTestId('import-file').setInputFiles(file)
    await page.getByTestId('import-upload').click()
    await page.locator('[data-testid=import-state][data-state=checked]').waitFor()
    await shot('import-police')
    await page.getByTestId('import-apply').click()
    await page.getByTestId('import-applied').waitFor()
    assert.equal(await change(page, `湘AZ000${n}`), 200)
    await page.getByTestId('import-undo').click()
    await page.locator('.el-message-box__btns .el-button--primary').click()
    const refused = page.getByTestId('changed-since')
    await refused.getByText(`湘AZ000${n}`).waitFor()
    assert.equal(await refused.getByRole('row').count(), 2, 'the heading and the one row')
    assert.match(await refused.innerText(), /3[\s\S]*湘AZ[\s\S]*20\d\d/)
    await shot('import-changed-since')
    await page.getByTestId('undo-rest').click()
    await page.locator('.el-message-box__btns .el-button--primary').click()
    await page.locator('[data-testid=import-state][data-state=undone]').waitFor()
    await shot('import-undone')
    for (const [plate, left] of [[`湘AY000${n}`, 0], [`湘AZ000${n}`, 1]]) {
      await page.goto(`${server.url}/#/assets?q=${encodeURIComponent(plate)}`)
      await (left ? page.getByTestId('asset-link').getByText(plate) : page.locator('.el-empty')).waitFor()
    }
    assert.deepEqual(troubles, [])
    await context.close()
  })
}

/** A workbook of sheets of texts, as a zip archive that is not compressed. */
function workbook(sheets) {
  const names = Object.keys(sheets)
  const relations = (kind, targets) => `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${targets.map((t, i) => `<Relationship Id="r${i + 1}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/${kind}" Target="${t}"/>`).join('')}</Relationships>`
  const parts = {
    '_rels/.rels': relations('officeDocument', ['xl/workbook.xml']),
    'xl/workbook.xml': `<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>${names.map((n, i) => `<sheet name="${n}" sheetId="${i + 1}" r:id="r${i + 1}"/>`).join('')}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relations('worksheet', names.map((_, i) => `worksheets/sheet${i + 1}.xml`)),
  }
  names.forEach((name, i) => {
    parts[`xl/worksheets/sheet${i + 1}.xml`] = `<worksheet><sheetData>${sheets[name].map((row, r) => `<row r="${r + 1}">${row.map(text => `<c t="inlineStr"><is><t>${text}</t></is></c>`).join('')}</row>`).join('')}</sheetData></worksheet>`
  })
  const local = []
  const central = []
  let offset = 0
  for (const [name, text] of Object.entries(parts)) {
    const data = Buffer.from(text)
    const head = Buffer.alloc(26)
    head.writeUInt16LE(20, 0)
    head.writeUInt32LE(crc32(data), 10)
    head.writeUInt32LE(data.length, 14)
    head.writeUInt32LE(data.length, 18)
    head.writeUInt16LE(name.length, 22)
    const at = Buffer.alloc(14)
    at.writeUInt32LE(offset, 10)
    local.push(Buffer.from('PK\x03\x04', 'latin1'), head, Buffer.from(name), data)
    central.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), head, at, Buffer.from(name))
    offset += 4 + head.length + name.length + data.length
  }
  const index = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(Object.keys(parts).length, 8)
  end.writeUInt16LE(Object.keys(parts).length, 10)
  end.writeUInt32LE(index.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...local, index, end])
}

for (const lang of ['zh-CN', 'en']) {
  test(`a workbook of several sheets says which one is read, and the clerk reads another, in ${lang} (F15 F16)`, { timeout: 120_000 }, async () => {
    const { page, context, troubles } = await pageOf(engine, server.url, lang)
    const shot = name => shots && (mkdirSync(shots, { recursive: true }), page.screenshot({ path: join(shots, `${name}-${lang}.png`), fullPage: true }))
    await logIn(page, server.url, 'clerk.changsha')
    const head = ['号牌号码', '车辆识别代号', '初次登记日期', '所有人']
    const file = join(tmpdir(), `${process.pid}-sheets.xlsx`)
    writeFileSync(file, workbook({ 汇总: [['所有人', '排放标准', '总质量'], ['某公司', '国三', '12']], 岳麓区: [head, ['湘AS0001', 'LZZTEST40DA000009', '2010-06-15', '某公司']], 天心区: [head, ['湘AS0002', 'LZZTEST42DA000013', '2010-06-15', '某公司']] }))
    await page.goto(`${server.url}/#/imports`)
    await page.getByTestId('import-file').setInputFiles(file)
    await page.getByTestId('import-upload').click()
    await page.locator('[data-testid=import-state][data-state=checked]').waitFor()
    const further = page.getByTestId('further-sheets')
    assert.match(await further.innerText(), /岳麓区[\s\S]*天心区/)
    await shot('import-sheets')
    await page.getByTestId('sheet-choice').click()
    await page.getByRole('option', { name: '天心区' }).click()
    await page.getByTestId('sheet-read').click()
    await further.getByText(/天心区[\s\S]*岳麓区/).first().waitFor()
    await page.getByTestId('count-warn').click()
    await page.getByText('湘AS0002').first().waitFor()
    assert.equal(await page.getByText('湘AS0001').count(), 0)
    await shot('import-other-sheet')
    assert.deepEqual(troubles, [])
    await context.close()
  })
}
