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
