import { createI18n } from 'vue-i18n'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

export type Lang = 'zh-CN' | 'en'

const key = 'phaseout.lang'

function remembered(): Lang {
  return localStorage.getItem(key) === 'en' ? 'en' : 'zh-CN'
}

export const i18n = createI18n({ legacy: false, locale: remembered(), fallbackLocale: 'zh-CN', messages: { 'zh-CN': zh, en } })

/** The language of the interface now. */
export function lang(): Lang {
  return i18n.global.locale.value as Lang
}

/** Switches the interface and remembers it. */
export function setLang(next: Lang): void {
  i18n.global.locale.value = next
  localStorage.setItem(key, next)
  document.documentElement.lang = next
}

document.documentElement.lang = remembered()
