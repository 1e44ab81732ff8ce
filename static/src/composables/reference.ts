import { computed, ref } from 'vue'
import { useI18n } from 'vue-i18n'
import type { Schemas } from '../api/client'
import { api, unwrap } from '../api/client'

export type ClassSpec = Schemas['Class']
export type Region = Schemas['Region']
export type Name = Schemas['Name']

const classes = ref<ClassSpec[]>([])
const regions = ref<Region[]>([])
let loading: Promise<void> | null = null

async function load(): Promise<void> {
  const [c, r] = await Promise.all([unwrap(api.GET('/api/v1/classes')), unwrap(api.GET('/api/v1/regions'))])
  classes.value = c.items ?? []
  regions.value = r.items ?? []
}

/** Classes, dictionaries and regions, loaded once. */
export function useReference() {
  loading ??= load().catch(() => { loading = null })
  const { locale } = useI18n()
  const named = (name: Name | undefined | null): string => name ? (locale.value === 'en' ? name.en || name.zh : name.zh) : ''
  const cities = computed(() => regions.value.filter(r => r.level === 'city'))
  const districtsOf = (city: string) => regions.value.filter(r => r.parent_code === city)
  const region = (code: string | undefined | null): string => named(regions.value.find(r => r.code === code)?.name) || code || ''
  const specOf = (code: string) => classes.value.find(c => c.code === code)
  /** The columns that an import of a class may have: of records, or of a list of retirements. */
  const columnsOf = (i: { class: string, kind: string }) => (i.kind === 'retirements' ? specOf(i.class)?.list_fields : specOf(i.class)?.fields) ?? []
  const className = (code: string): string => named(specOf(code)?.name) || code
  const optionName = (options: Schemas['Option'][] | null | undefined, code: string): string => named(options?.find(o => o.code === code)?.name) || code
  const wayName = (cls: string, code: string): string => named(specOf(cls)?.ways_out?.find(w => w.code === code)?.name) || code
  return { ready: () => loading, classes, regions, cities, districtsOf, region, specOf, columnsOf, className, optionName, wayName, named }
}
