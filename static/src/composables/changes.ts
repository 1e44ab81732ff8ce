import { useI18n } from 'vue-i18n'
import type { Schemas } from '../api/client'
import { yuan } from '../lib/format'
import { useReference } from './reference'

/** One changed value as people read it. */
export interface Change { field: string, name: string, before: string, after: string }

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** Tells what an event changed without the codes and numbers of rows that only the program reads. */
export function useChanges() {
  const { t, te } = useI18n()
  /** The words that the code of a field may have; a group without it answers its key. */
  const words: Record<string, (v: string) => string[]> = {
    status: v => [t(`status.${v}`)],
    state: v => [t(`retirementState.${v}`), t(`applicationState.${v}`), t(`transfer.state.${v}`), t(`duplicate.state.${v}`), t(`process.requestState.${v}`), t(`programState.${v}`), t(`identityCase.state.${v}`)],
    kind: v => [t(`fileKind.${v}`), t(`ownerKind.${v}`), t(`identityCase.kind.${v}`), t(`process.ask.${v}`), t(`photoCheck.short.${v}`)],
    source: v => [t(`identityCase.by.${v}`), t(`fundSource.${v}`)],
    stage_source: v => [t(`stageSource.${v}`)],
    replacement: v => [t(`process.replacement.${v}`)],
    applicant_kind: v => [t(`ownerKind.${v}`)],
    role: v => [t(`role.${v}`)],
  }
  const { region, specOf, wayName, optionName, classes, className, named } = useReference()
  const items = () => classes.value.flatMap(c => c.ways_out ?? []).flatMap(w => w.evidence ?? [])
  function item(cls: string, code: string): string {
    const own = specOf(cls)?.ways_out?.flatMap(w => w.evidence ?? []) ?? []
    return named([...own, ...items()].find(i => i.code === code)?.name) || code
  }
  function value(cls: string, field: string, v: string | undefined): string {
    if (!v || uuid.test(v)) return ''
    if (v === 'true' || v === 'false') return t(v === 'true' ? 'yes' : 'no')
    if (field === 'driver') return optionName((specOf(cls) ?? classes.value[0])?.drivers, v)
    if (field === 'engine_stage') return optionName(specOf(cls)?.stages, v)
    if (field === 'way_out') return wayName(cls, v)
    if (field === 'waived' || field === 'item') return v.split(',').map(code => item(cls, code)).join(t('comma'))
    if (field === 'class') return className(v)
    if (field === 'city' || field === 'to_city') return region(v)
    if (field.endsWith('_fen')) return `${yuan(Number(v))} ${t('money.yuan')}`
    if (field.includes('sha256') || field.endsWith('hash')) return `${v.slice(0, 12)}…`
    if (/^[[{]/.test(v)) return t('audit.content')
    return words[field]?.(v).find(word => !word.endsWith(`.${v}`)) ?? v
  }
  /** The server names the fields of a class and the members of a value; every other field has its word here. */
  const label = (c: Schemas['ValueChange'], entity: string) => entity === 'asset' && c.name !== c.field ? c.name : te(`field.${c.field}`) ? t(`field.${c.field}`) : c.name
  return (e: Schemas['HistoryEvent'], cls = ''): Change[] => (e.changes ?? []).filter(c => !c.field.startsWith('counts.'))
    .map(c => c.field.includes('.') ? { before: '', after: '', ...c } : ({ field: c.field, name: label(c, e.entity), before: value(cls, c.field, c.before), after: value(cls, c.field, c.after) }))
    .filter(c => c.before || c.after)
}
