import type { Ref } from 'vue'
import { ref } from 'vue'
import { useTask } from './task'

interface Page<T> { items?: T[] | null, next_cursor?: string, total?: number, total_capped?: boolean }

/** A list that is read page by page with cursors, forwards and back. */
export function useList<T>(fetch: (cursor: string | undefined) => Promise<Page<T>>) {
  const items = ref([]) as Ref<T[]>
  const next = ref<string>()
  const total = ref<number>()
  const capped = ref(false)
  const page = ref(0)
  const loaded = ref(false)
  const cursors: (string | undefined)[] = [undefined]
  const task = useTask()

  async function read(at: number): Promise<void> {
    const answer = await task.run(() => fetch(cursors[at]))
    if (!answer) return
    items.value = answer.items ?? []
    next.value = answer.next_cursor
    if (answer.total !== undefined) {
      total.value = answer.total
      capped.value = answer.total_capped ?? false
    }
    page.value = at
    loaded.value = true
    if (answer.next_cursor) cursors[at + 1] = answer.next_cursor
  }

  return {
    items, next, total, capped, page, loaded, busy: task.busy, error: task.error,
    first: () => { total.value = undefined; return read(0) },
    again: () => read(page.value),
    forward: () => read(page.value + 1),
    back: () => read(Math.max(0, page.value - 1)),
  }
}
