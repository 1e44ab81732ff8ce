import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import vue from '@vitejs/plugin-vue'
import AutoImport from 'unplugin-auto-import/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import Components from 'unplugin-vue-components/vite'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const here = import.meta.dirname

/** What the build leaves beside the bundles: the API viewer, licences, and the file that keeps the folder in git. */
function besides(): Plugin {
  return {
    name: 'besides',
    apply: 'build',
    closeBundle() {
      const dist = resolve(here, 'dist')
      mkdirSync(resolve(dist, 'docs'), { recursive: true })
      for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js'])
        copyFileSync(resolve(here, 'node_modules/swagger-ui-dist', file), resolve(dist, 'docs', file))
      for (const file of ['index.html', 'init.js'])
        copyFileSync(resolve(here, 'docs-page', file), resolve(dist, 'docs', file))
      writeFileSync(resolve(dist, '.keep'), '')
      const { dependencies } = JSON.parse(readFileSync(resolve(here, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
      const licences = [...Object.keys(dependencies), 'swagger-ui-dist'].map((name) => {
        const meta = JSON.parse(readFileSync(resolve(here, 'node_modules', name, 'package.json'), 'utf8')) as { version: string, license: string }
        return `${name} ${meta.version}: ${meta.license}`
      })
      writeFileSync(resolve(dist, 'THIRD_PARTY_LICENSES.txt'), `${licences.join('\n')}\n`)
    },
  }
}

export default defineConfig({
  base: './',
  plugins: [
    vue(),
    AutoImport({ resolvers: [ElementPlusResolver()], dts: false }),
    Components({ resolvers: [ElementPlusResolver()], dts: false, dirs: [] }),
    besides(),
  ],
  build: { target: 'chrome87', cssTarget: 'chrome87', manifest: true, emptyOutDir: true, chunkSizeWarningLimit: 700, reportCompressedSize: false },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/openapi.json': 'http://127.0.0.1:8080' } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'], server: { deps: { inline: ['element-plus'] } } },
})
