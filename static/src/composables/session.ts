import { computed, ref } from 'vue'
import type { Schemas } from '../api/client'
import { api, unwrap, use } from '../api/client'

export type Me = Schemas['Me']

const storageKey = 'phaseout.refresh'
const me = ref<Me | null>(null)
let access = ''
let renewing: Promise<boolean> | null = null

function keep(tokens: Schemas['Tokens']): void {
  access = tokens.access_token
  sessionStorage.setItem(storageKey, tokens.refresh_token)
}

function forget(): void {
  access = ''
  me.value = null
  sessionStorage.removeItem(storageKey)
}

/** Turns the refresh token into new tokens; several callers share one request. */
function renew(): Promise<boolean> {
  renewing ??= (async () => {
    const token = sessionStorage.getItem(storageKey)
    if (!token) return false
    access = ''
    const { data } = await api.POST('/api/v1/auth/refresh', { body: { refresh_token: token } })
    if (!data) return false
    keep(data)
    return true
  })().catch(() => false).finally(() => { renewing = null })
  return renewing
}

use({ token: () => access, renew, lost: forget })

async function login(username: string, password: string): Promise<void> {
  keep(await unwrap(api.POST('/api/v1/auth/login', { body: { username, password } })))
  me.value = await unwrap(api.GET('/api/v1/me'))
}

/** Goes on with the session of a reloaded page, if there is one. */
async function restore(): Promise<void> {
  if (me.value || !sessionStorage.getItem(storageKey)) return
  if (await renew()) me.value = await unwrap(api.GET('/api/v1/me'))
  else forget()
}

async function logout(): Promise<void> {
  const token = sessionStorage.getItem(storageKey)
  if (token) await api.POST('/api/v1/auth/logout', { body: { refresh_token: token } }).catch(() => undefined)
  forget()
}

/** Who is logged in. */
export function useSession() {
  const may = (operation: string): boolean => me.value?.permissions?.includes(operation) ?? false
  return { me: computed(() => me.value), may, login, logout, restore }
}
