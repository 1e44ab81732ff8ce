import { api, unwrap } from '../api/client'

/** Opens a printed sheet in a window of its own and asks for the printer. */
export async function printSheet(path: string): Promise<void> {
  const page = window.open('', '_blank')
  try {
    const html = await unwrap(api.GET(path as '/api/v1/applications/{id}/explanation', { params: { path: { id: '' } }, parseAs: 'text' })) as unknown as string
    const url = URL.createObjectURL(new Blob([html], { type: 'text/html' }))
    if (!page) return
    page.location.href = url
    page.addEventListener('load', () => page.print())
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  }
  catch (e) {
    page?.close()
    throw e
  }
}
