// Starts the built program on a fresh database with the demonstration in it.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

export const root = join(import.meta.dirname, '../../..')
export const password = 'Demo-phaseout-2025'

const freePort = () => new Promise((resolve) => {
  const probe = createServer()
  probe.listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => resolve(port))
  })
})

/** A running server with the stories of the demonstration alone, which makes no backups by the clock; settings are further PHASEOUT_* variables. */
export async function start(settings = {}) {
  const data = mkdtempSync(join(tmpdir(), 'phaseout-e2e-'))
  const env = { ...process.env, PHASEOUT_DATA: data, PHASEOUT_DATABASE: '', PHASEOUT_DEMO_ASSETS: '0', PHASEOUT_NO_BACKUP: 'true', ...settings }
  const program = join(root, 'bin/phaseout')
  execFileSync(program, ['migrate'], { env, cwd: data })
  execFileSync(program, ['seed', '--demo'], { env, cwd: data })
  const url = `http://127.0.0.1:${await freePort()}`
  const child = spawn(program, ['serve', '--addr', url.slice('http://'.length)], { env, cwd: data, stdio: 'ignore' })
  for (let i = 0; ; i++) {
    const ready = await fetch(`${url}/readyz`).then(r => r.ok).catch(() => false)
    if (ready) break
    if (i > 100) throw new Error('the server does not come up')
    await new Promise(r => setTimeout(r, 100))
  }
  return {
    url,
    check: () => execFileSync(program, ['check'], { env, cwd: data, encoding: 'utf8' }),
    stop: async () => {
      const ended = new Promise(r => child.once('exit', r))
      child.kill('SIGTERM')
      await ended
      rmSync(data, { recursive: true, force: true })
    },
  }
}

/** A headless browser; CHROMIUM names another than Debian's. */
export function browser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] })
}

/** A page that fails the test on a script error or a request to elsewhere. */
export async function pageOf(engine, url, lang = 'zh-CN') {
  const context = await engine.newContext({ viewport: { width: 1440, height: 900 }, locale: lang, acceptDownloads: true })
  await context.addInitScript(l => localStorage.setItem('phaseout.lang', l), lang)
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const troubles = []
  page.on('pageerror', e => troubles.push(`script: ${e.message}`))
  page.on('console', m => m.type() === 'error' && !/status of 4\d\d/.test(m.text()) && troubles.push(`console: ${m.text()}`))
  page.on('request', r => !r.url().startsWith(url) && !/^(data|blob):/.test(r.url()) && troubles.push(`elsewhere: ${r.url()}`))
  return { page, context, troubles }
}

export async function logIn(page, url, username) {
  await page.goto(`${url}/#/login`)
  await page.getByTestId('login-username').fill(username)
  await page.getByTestId('login-password').fill(password)
  await page.getByTestId('login-submit').click()
  await page.getByTestId('logout').waitFor()
}

/** Waits until nothing fades or moves any more: colours measured in between are of no screen. */
export async function settled(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
    for (let round = 0; round < 20; round++) {
      await frame()
      const moving = document.getAnimations().filter(a => a.playState === 'running' && a.effect?.getComputedTiming().iterations !== Infinity)
      if (!moving.length) return
      await Promise.race([Promise.allSettled(moving.map(a => a.finished)), new Promise(done => setTimeout(done, 1000))])
    }
  })
}

let pictures = 0

/** A PNG for a file input that looks like no other: two views of one page would be known for copies of each other, in the slots of one record as well. */
export async function painted(page) {
  const png = await page.evaluate((n) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 240 + n % 9, height: 160 + n % 7 })
    const brush = canvas.getContext('2d')
    let state = n * 2654435761 >>> 0
    const below = limit => (state = (state * 1664525 + 1013904223) >>> 0) / 2 ** 32 * limit | 0
    for (let i = 0; i < 160; i++) {
      brush.fillStyle = `rgb(${below(256)}, ${below(256)}, ${below(256)})`
      brush.fillRect(below(canvas.width), below(canvas.height), 8 + below(50), 8 + below(40))
    }
    return canvas.toDataURL('image/png').split(',')[1]
  }, ++pictures)
  return { name: `photo-${pictures}.png`, mimeType: 'image/png', buffer: Buffer.from(png, 'base64') }
}
