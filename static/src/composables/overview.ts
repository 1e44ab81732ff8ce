import { computed, ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import type { Schemas } from '../api/client'
import { api, unwrap } from '../api/client'
import { momentQuery } from '../lib/known'
import { useSession } from './session'
import { useTask } from './task'

export type ClassCode = 'truck' | 'machinery' | 'farm_machinery' | 'vessel'

/** The day, the instant as of whose knowledge and the class of a report page, kept in its address, with what both pages read. */
export function useOverview(city: () => string) {
  const route = useRoute()
  const router = useRouter()
  const { me } = useSession()
  const { busy, error, run } = useTask()
  const text = (name: string) => typeof route.query[name] === 'string' ? route.query[name] as string : ''
  const today = computed(() => me.value?.clock.today ?? '')
  const day = computed(() => text('as_of') || (today.value < '2025-12-31' ? today.value : '2025-12-31'))
  const known = computed(() => text('as_known'))
  const cls = computed(() => (text('class') || 'truck') as ClassCode)
  const sheet = ref<Schemas['ProgressSheet']>()
  const pace = ref<Schemas['PaceSheet']>()
  const emission = ref<Schemas['EmissionSheet']>()
  const table2 = ref<Schemas['EmissionSheet']>()
  const base = computed(() => ({ ...momentQuery(day.value, known.value), ...(city() ? { city: city() } : {}) }))

  async function load(): Promise<void> {
    const query = { ...base.value, class: cls.value }
    await run(async () => {
      const [a, b, c, d] = await Promise.all([
        unwrap(api.GET('/api/v1/progress', { params: { query } })), unwrap(api.GET('/api/v1/progress/pace', { params: { query } })),
        unwrap(api.GET('/api/v1/emission', { params: { query: { ...query, group_by: 'city' } } })), unwrap(api.GET('/api/v1/emission', { params: { query: { ...base.value, group_by: 'city' } } })),
      ])
      sheet.value = a
      pace.value = b
      emission.value = c
      table2.value = d
    })
  }
  watch([day, known, cls, () => city()], load, { immediate: true })
  const go = (change: Record<string, string>) => router.push({ path: route.path, query: Object.fromEntries(Object.entries({ ...route.query, as_of: day.value, class: cls.value, ...change }).filter(([, v]) => v)) })
  return { day, known, cls, today, sheet, pace, emission, table2, busy, error, load, go }
}
