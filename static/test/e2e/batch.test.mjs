// A payment batch the whole way: frozen, exported, sent, answered line by line
// by the bank; what came back is mended and paid in the next batch; the day closed.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, logIn, pageOf, start } from './server.mjs'

const shots = process.env.SHOTS
let server, engine, page, context, troubles
async function shot(name) {
  if (!shots) return
  mkdirSync(shots, { recursive: true })
  await page.waitForTimeout(500)
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
}
async function as(username) {
  assert.deepEqual(troubles ?? [], [])
  await context?.close()
  ;({ page, context, troubles } = await pageOf(engine, server.url))
  await logIn(page, server.url, username)
}
const go = path => page.goto(`${server.url}/#${path}`)
const here = () => page.url().split('#')[1]
const batchState = s => page.locator(`[data-testid="batch-state"][data-state="${s}"]`).waitFor()
const applicationState = s => page.locator(`[data-testid="application-state"][data-state="${s}"]`).waitFor()
const text = id => page.getByTestId(id).textContent()

/** Freezes every payable application into a batch and returns its path. */
async function freeze() {
  await go('/applications?state=payable')
  await page.getByTestId('application-link').first().waitFor()
  await page.getByTestId('applications').locator('thead .el-checkbox').click()
  await page.getByTestId('make-batch').click()
  await batchState('sealed')
  return here()
}
async function send(batch) {
  await go(batch)
  await page.getByTestId('send-batch').click()
  await batchState('sent')
}
/** Books a file of the bank: the exported lines with what the bank says of each. */
async function answer(name, lines, results) {
  const file = join(tmpdir(), `phaseout-e2e-${name}.csv`)
  const rows = lines.map((line, i) => `${line},${results[i]}`)
  const text = ['序号,收款人名称,收款人账户,金额,支付状态,备注,支付单号', ...rows].join('\r\n')
  writeFileSync(file, text)
  await page.getByTestId('answer-file').setInputFiles(file)
  await page.getByTestId('answer-send').click()
  return text
}
/** The lines of the file for the bank: number, payee, account, yuan. */
async function exported() {
  const waiting = page.waitForEvent('download')
  await page.getByTestId('bank-csv').click()
  const rows = readFileSync(await (await waiting).path(), 'utf8').replace('\ufeff', '').trim().split(/\r?\n/).map(row => row.split(','))
  const heading = rows.findIndex(row => row.includes('收款人账户'))
  const at = ['序号', '收款人名称', '收款人账户', '金额'].map(h => rows[heading].indexOf(h))
  return rows.slice(heading + 1).map(row => at.map(i => row[i]))
}

before(async () => {
  server = await start({ PHASEOUT_CLOCK: '2025-12-31T09:00:00+08:00' })
  engine = await browser()
})
after(async () => {
  await engine?.close()
  await server?.stop()
})

let batch, lines, returned

test('a batch is given up before it is sent, frozen again with count, sum and digest, and exported (F51)', async () => {
  await as('finance.yueyang')
  await go('/batches')
  await page.getByRole('link', { name: /^430600-/ }).first().click()
  await batchState('sealed')
  await page.getByTestId('void-batch').click()
  await page.locator('.el-message-box__input input').fill('经办日期需改为下周')
  await page.locator('.el-message-box__btns .el-button--primary').click()
  await batchState('void')

  batch = await freeze()
  await shot('batch-frozen')
  lines = await exported()
  assert.equal(lines.length, 3)
  const sum = lines.reduce((all, line) => all + Number(line[3]), 0)
  assert.equal((await text('batch-total')).split(' ')[0].replaceAll(',', ''), sum.toFixed(2))
  assert.ok(lines.every(line => /^\d{16,19}$/.test(line[2])), 'the bank gets whole accounts')
  const digest = (await page.locator('dd').filter({ hasText: /^[0-9a-f]{64}$/ }).textContent()).trim()
  await page.getByTestId('approval-sheet').click()
  await page.getByTestId('sheet').getByText(digest).waitFor()
  await shot('approval-sheet')
  // Who made it does not send it.
  await go(batch)
  await page.getByTestId('send-batch').click()
  await page.getByTestId('problem').getByText('成批人不能发送').waitFor()
})

test('the bank answers line by line; a changed and a repeated file are refused with what is wrong (F51 F52)', async () => {
  await as('finance4.yueyang')
  await send(batch)
  const changed = lines.map((line, i) => i === 1 ? [...line.slice(0, 3), '1.00'] : line)
  const results = ['支付成功,,YS1', '退回,户名不符,', '支付成功,,YS3', '支付成功,,YS4']
  await answer('changed', changed, results)
  await page.getByTestId('problem').getByText('与冻结的批次不一致').waitFor()
  await page.getByTestId('problem').getByText(/第 2 笔.*1\.00 元/).waitFor()
  await shot('answer-changed')
  await batchState('sent')

  const whole = [...lines, ['99', '不在批次内', '6200000000000099999', '12.00']]
  const sent = await answer('whole', whole, results)
  await batchState('partly')
  const original = page.waitForEvent('download')
  await page.getByTestId('answer-original').click()
  assert.equal(readFileSync(await (await original).path(), 'utf8'), sent, 'the bank’s file comes back as it came')
  assert.match(await text('answer-booked'), /2.*1.*1/)
  assert.match(await text('batch-paid'), /^2 /)
  assert.match(await text('batch-returned'), /^1 /)
  const row = page.getByTestId('batch-lines').locator('tr[data-state="returned"]')
  assert.match(await row.textContent(), /户名.*请|核对|重新/)
  returned = (await row.getByRole('link').getAttribute('href')).slice(1)
  await shot('batch-answered')

  await answer('whole', whole, results)
  await page.getByTestId('problem').getByText('登记过').waitFor()
  await shot('answer-repeated')
})

test('the returned line is mended, approved anew and paid in the next batch (F52 F53)', async () => {
  await as('finance.yueyang')
  await go(returned)
  await applicationState('returned')
  await page.getByText('户名不符').first().waitFor()
  await shot('application-bank-returned')
  await page.getByTestId('entry-bank').fill('示例银行岳阳支行')
  await page.getByTestId('entry-account').fill('4306 0000 0000 1234')
  await page.getByTestId('entry-save').click()
  await applicationState('submitted')
  await as('finance2.yueyang')
  await go(returned)
  await page.getByTestId('pass').click()
  await applicationState('checked')
  await as('finance3.yueyang')
  await go(returned)
  await page.getByTestId('approve').click()
  await applicationState('payable')

  await as('finance.yueyang')
  const next = await freeze()
  const [line] = await exported()
  assert.equal(line[2], '4306000000001234')
  assert.equal(line[3], lines[1][3])
  await as('finance4.yueyang')
  await send(next)
  await answer('next', [line], ['支付成功,,YS5'])
  await batchState('done')
  await go(returned)
  await applicationState('paid')
})

test('the day is closed when every row of the bank is matched or explained (F54)', async () => {
  await as('finance4.yueyang')
  await go('/bank-desk')
  await page.getByTestId('bank-day').waitFor()
  await page.getByTestId('explain').waitFor()
  assert.ok(await page.getByTestId('close-day').isDisabled())
  await shot('bank-desk-open')
  await page.getByTestId('explain').click()
  await page.getByTestId('explanation-words').fill('银行误发：属其他单位的付款，已与银行核对')
  await page.getByTestId('explanation-save').click()
  await page.waitForFunction(() => !document.querySelector('[data-testid="close-day"]')?.disabled)
  await page.getByTestId('close-day').click()
  await page.getByTestId('close-day').waitFor({ state: 'detached' })
  await page.getByTestId('bank-day').getByText('岳阳财务丁').waitFor()
  await shot('bank-desk-closed')
  assert.deepEqual(troubles, [])
  assert.match(server.check(), /ledger +ok/)
})
