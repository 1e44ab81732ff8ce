import { createI18n } from 'vue-i18n'

export type Lang = 'zh-CN' | 'en'

const key = 'phaseout.lang'

function remembered(): Lang {
  return localStorage.getItem(key) === 'en' ? 'en' : 'zh-CN'
}

// A language is fetched when it is first shown: nobody waits for the one they do not read.
const texts = { 'zh-CN': () => import('./locales/zh-CN.json'), 'en': () => import('./locales/en.json') }

export const i18n = createI18n({ legacy: false, locale: remembered() as string, messages: {} as Record<string, Record<string, never>> })

/** Fetches the texts of a language, once. */
export async function loadTexts(which: Lang = lang()): Promise<void> {
  if (i18n.global.availableLocales.includes(which)) return
  i18n.global.setLocaleMessage(which, (await texts[which]()).default as unknown as Record<string, never>)
}

/** The language of the interface now. */
export function lang(): Lang {
  return i18n.global.locale.value as Lang
}

/** Switches the interface and remembers it. */
export async function setLang(next: Lang): Promise<void> {
  await loadTexts(next)
  i18n.global.locale.value = next
  localStorage.setItem(key, next)
  document.documentElement.lang = next
}

document.documentElement.lang = remembered()
