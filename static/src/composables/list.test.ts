import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { defineComponent, h } from 'vue'
import { i18n } from '../i18n'
import { useList } from './list'

describe('useList', () => {
  it('goes forwards and back with the cursors of the server', async () => {
    const asked: (string | undefined)[] = []
    let list!: ReturnType<typeof useList<string>>
    mount(defineComponent({
      setup() {
        list = useList(async (cursor) => {
          asked.push(cursor)
          return cursor === 'b' ? { items: ['2'] } : { items: ['1'], next_cursor: 'b', total: 2 }
        })
        return () => h('div')
      },
    }), { global: { plugins: [i18n] } })
    await list.first()
    expect([list.items.value, list.next.value, list.total.value]).toEqual([['1'], 'b', 2])
    await list.forward()
    expect([list.items.value, list.next.value, list.page.value]).toEqual([['2'], undefined, 1])
    await list.back()
    expect(list.items.value).toEqual(['1'])
    expect(asked).toEqual([undefined, 'b', undefined])
  })
})
