import createClient from 'openapi-fetch'
import type { components, paths } from './schema'
import { lang } from '../i18n'

export type Schemas = components['schemas']
export type Problem = Schemas['Problem']

/** An error answer of the server, or a server that cannot be reached (status 0). */
export class ApiError extends Error {
  constructor(public readonly status: number, public readonly problem: Partial<Problem>) {
    super(problem.detail ?? problem.title ?? '')
  }
}

/** What the session gives to requests. It is set once, by the session itself. */
export interface Credentials {
  token: () => string
  renew: () => Promise<boolean>
  lost: () => void
}

let credentials: Credentials = { token: () => '', renew: async () => false, lost: () => {} }

/** Tells the client whose requests these are. */
export function use(given: Credentials): void {
  credentials = given
}

/** Sends a request with the user's token and language; renews the token once on a 401. */
export async function send(request: Request): Promise<Response> {
  const attempt = () => {
    const copy = new Request(request.clone())
    copy.headers.set('Accept-Language', lang())
    const token = credentials.token()
    if (token) copy.headers.set('Authorization', `Bearer ${token}`)
    return fetch(copy)
  }
  let response: Response
  try {
    response = await attempt()
    if (response.status === 401 && credentials.token()) {
      if (await credentials.renew()) response = await attempt()
      if (response.status === 401) credentials.lost()
    }
  }
  catch {
    throw new ApiError(0, { code: 'offline' })
  }
  return response
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: send })

/** Returns the data of an answer or throws its problem. */
export async function unwrap<T>(answer: Promise<{ data?: T, error?: unknown, response: Response }>): Promise<T> {
  const { data, error, response } = await answer
  if (!response.ok) throw new ApiError(response.status, (error ?? {}) as Problem)
  return data as T
}

/** The If-Match header of a change to a record of this version. */
export function based(version: number): { 'If-Match': string } {
  return { 'If-Match': `"${version}"` }
}

/** A key under which a creating request can be repeated safely. */
export function newKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  return [...crypto.getRandomValues(new Uint8Array(16))].map(b => b.toString(16).padStart(2, '0')).join('')
}

/** Fetches a file with the user's token; progress tells the share from 0 to 1 as far as the server says the length. */
export async function fetchFile(path: string, progress?: (share: number) => void, signal?: AbortSignal): Promise<{ blob: Blob, name: string }> {
  const response = await send(new Request(`${location.origin}${path}`, { signal }))
  if (!response.ok) throw new ApiError(response.status, (await response.json().catch(() => ({}))) as Problem)
  const disposition = response.headers.get('Content-Disposition') ?? ''
  const encoded = /filename\*=utf-8''([^;]+)/i.exec(disposition)?.[1]
  const name = encoded ? decodeURIComponent(encoded) : /filename="?([^";]+)"?/.exec(disposition)?.[1]
  return { blob: await (progress ? watched(response, progress) : response.blob()).catch(() => { throw new ApiError(0, { code: 'offline' }) }), name: name ?? 'download' }
}

/** Reads a body part by part, to tell how far it has got. */
async function watched(response: Response, progress: (share: number) => void): Promise<Blob> {
  const length = Number(response.headers.get('Content-Length'))
  const reader = response.body?.getReader()
  if (!reader) return response.blob()
  const parts: BlobPart[] = []
  for (let got = 0; ;) {
    const { done, value } = await reader.read()
    if (done) return new Blob(parts, { type: response.headers.get('Content-Type') ?? '' })
    parts.push(value)
    got += value.length
    if (length) progress(got / length)
  }
}

/** Reads server-sent events until they end; false if they do not come through. */
export async function events<T>(path: string, each: (data: T) => void, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await send(new Request(`${location.origin}${path}`, { signal }))
    const reader = response.ok ? response.body?.getReader() : undefined
    if (!reader) return false
    const decoder = new TextDecoder()
    for (let rest = ''; ;) {
      const { done, value } = await reader.read()
      if (done) return true
      rest += decoder.decode(value, { stream: true })
      const parts = rest.split('\n\n')
      rest = parts.pop() ?? ''
      for (const part of parts) {
        const data = part.split('\n').filter(l => l.startsWith('data: ')).map(l => l.slice(6)).join('\n')
        if (data) each(JSON.parse(data) as T)
      }
    }
  }
  catch {
    return false
  }
}

/** Fetches a file and saves it as the browser saves downloads. */
export async function saveFile(path: string, progress?: (share: number) => void, signal?: AbortSignal): Promise<void> {
  const { blob, name } = await fetchFile(path, progress, signal)
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** Uploads a form with progress from 0 to 1; a repeated key gives the first answer again. */
export function upload<T>(path: string, form: FormData, key: string, progress: (share: number) => void): Promise<T> {
  const attempt = () => new Promise<{ status: number, body: unknown }>((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', path)
    request.setRequestHeader('Authorization', `Bearer ${credentials.token()}`)
    request.setRequestHeader('Accept-Language', lang())
    request.setRequestHeader('Idempotency-Key', key)
    request.responseType = 'json'
    request.upload.onprogress = e => progress(e.lengthComputable ? e.loaded / e.total : 0)
    request.onload = () => resolve({ status: request.status, body: request.response })
    request.onerror = () => reject(new ApiError(0, { code: 'offline' }))
    request.send(form)
  })
  return attempt()
    .then(async first => first.status === 401 && await credentials.renew() ? attempt() : first)
    .then(({ status, body }) => {
      if (status < 200 || status > 299) throw new ApiError(status, (body ?? {}) as Problem)
      return body as T
    })
}
