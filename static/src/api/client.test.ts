import { afterEach, describe, expect, it, vi } from 'vitest'
import { ApiError, api, send, unwrap, use } from './client'

afterEach(() => vi.unstubAllGlobals())

function answers(...statuses: number[]) {
  const seen: string[] = []
  vi.stubGlobal('fetch', async (request: Request) => {
    seen.push(request.headers.get('Authorization') ?? '')
    const status = statuses.shift() ?? 500
    return new Response(JSON.stringify({ status, code: 'x', detail: 'y' }), { status, headers: { 'Content-Type': 'application/json' } })
  })
  return seen
}

describe('client', () => {
  it('renews the token once and sends the request again', async () => {
    const seen = answers(401, 200)
    let token = 'old'
    use({ token: () => token, renew: async () => { token = 'new'; return true }, lost: () => expect.unreachable() })
    expect((await send(new Request('http://localhost/api/v1/me'))).status).toBe(200)
    expect(seen).toEqual(['Bearer old', 'Bearer new'])
  })
  it('gives up when the renewed token is refused as well', async () => {
    const seen = answers(401, 401)
    const lost = vi.fn()
    use({ token: () => 'old', renew: async () => true, lost })
    await send(new Request('http://localhost/api/v1/me'))
    expect(seen).toHaveLength(2)
    expect(lost).toHaveBeenCalledOnce()
  })
  it('turns a problem into an error with its code', async () => {
    answers(409)
    use({ token: () => 't', renew: async () => false, lost: () => {} })
    await expect(unwrap(api.GET('/api/v1/me'))).rejects.toMatchObject({ status: 409, problem: { code: 'x' } })
  })
  it('tells a dead line from an answer', async () => {
    vi.stubGlobal('fetch', async () => { throw new TypeError('refused') })
    await expect(send(new Request('http://localhost/api/v1/me'))).rejects.toBeInstanceOf(ApiError)
  })
})
