import { describe, expect, it } from 'vitest'
import { ApiError } from '../api/client'
import { useEndless } from './endless'

describe('useEndless', () => {
  it('appends page after page and asks for none twice', async () => {
    const asked: (string | undefined)[] = []
    const list = useEndless<number>(async (cursor) => {
      asked.push(cursor)
      return cursor ? { items: [3] } : { items: [1, 2], next_cursor: 'b', total: 3 }
    })
    await list.first()
    await Promise.all([list.more(), list.more()])
    await list.more()
    expect([list.items.value, list.total.value, asked]).toEqual([[1, 2, 3], 3, [undefined, 'b']])
  })

  it('drops what was asked for before the filter changed', async () => {
    const answers: ((page: { items: string[] }) => void)[] = []
    const list = useEndless<string>(() => new Promise((resolve) => { answers.push(resolve) }))
    const old = list.first()
    const fresh = list.first()
    answers[1]({ items: ['new'] })
    await fresh
    answers[0]({ items: ['old'] })
    await old
    expect([list.items.value, list.busy.value]).toEqual([['new'], false])
  })

  it('keeps what it has when a page fails, and goes on from there', async () => {
    let fails = true
    const list = useEndless<number>(async (cursor) => {
      if (cursor && fails) throw new ApiError(500, {})
      return cursor ? { items: [2] } : { items: [1], next_cursor: 'b' }
    })
    await list.first()
    await list.more()
    expect([list.items.value, list.error.value?.status]).toEqual([[1], 500])
    fails = false
    await list.again()
    expect([list.items.value, list.error.value]).toEqual([[1, 2], null])
  })
})
