import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { ApiError } from '../api/client'

/** Runs requests one at a time with their state: busy, and the error in words. */
export function useTask() {
  const { t } = useI18n()
  const busy = ref(false)
  const error = ref<ApiError | null>(null)

  async function run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (busy.value) return undefined
    busy.value = true
    error.value = null
    try {
      return await work()
    }
    catch (e) {
      if (!(e instanceof ApiError)) throw e
      error.value = e
      return undefined
    }
    finally {
      busy.value = false
    }
  }

  /** What to tell the user about an error. */
  function words(e: ApiError): string {
    return e.status === 0 ? t('error.offline') : e.message || t('error.unknown')
  }

  return { busy, error, run, words }
}
