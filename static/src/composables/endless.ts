import { ref, shallowRef } from 'vue'
import { ApiError } from '../api/client'

interface Page<T> { items?: T[] | null, next_cursor?: string, total?: number, total_capped?: boolean }

/** A list that grows page by page as it is read downwards. An answer that comes after the filter changed is dropped. */
export function useEndless<T>(fetch: (cursor: string | undefined) => Promise<Page<T>>) {
  const items = shallowRef<T[]>([])
  const next = ref<string>()
  const total = ref<number>()
  const capped = ref(false)
  const loaded = ref(false)
  const busy = ref(false)
  const error = ref<ApiError | null>(null)
  let round = 0

  async function read(cursor: string | undefined): Promise<void> {
    const mine = round
    busy.value = true
    error.value = null
    try {
      const page = await fetch(cursor)
      if (mine !== round) return
      items.value = cursor ? [...items.value, ...page.items ?? []] : page.items ?? []
      next.value = page.next_cursor
      if (page.total !== undefined) {
        total.value = page.total
        capped.value = page.total_capped ?? false
      }
      loaded.value = true
    }
    catch (e) {
      if (!(e instanceof ApiError)) throw e
      if (mine === round) error.value = e
    }
    finally {
      if (mine === round) busy.value = false
    }
  }

  function first(): Promise<void> {
    round++
    next.value = total.value = undefined
    return read(undefined)
  }
  async function more(): Promise<void> {
    if (next.value && !busy.value && !error.value) await read(next.value)
  }
  return { items, next, total, capped, loaded, busy, error, first, more, again: () => next.value ? read(next.value) : first() }
}
