import type { Schemas } from '../api/client'

type Yard = Schemas['Yard']

/** The facts of a yard as a form holds them: numbers are what was typed. */
export interface YardForm {
  name: string
  credit_code: string
  classes: string[]
  address: string
  latitude: string
  longitude: string
  capacity_per_month: string
  certificate_pattern: string
  pattern_source: string
}

export function blankYard(): YardForm {
  return { name: '', credit_code: '', classes: ['truck'], address: '', latitude: '', longitude: '', capacity_per_month: '', certificate_pattern: '', pattern_source: '' }
}

export function yardForm(y: Yard): YardForm {
  return { name: y.name, credit_code: y.credit_code, classes: [...(y.classes ?? [])], address: y.address ?? '', latitude: y.latitude?.toString() ?? '', longitude: y.longitude?.toString() ?? '',
    capacity_per_month: y.capacity_per_month ? String(y.capacity_per_month) : '', certificate_pattern: y.certificate_pattern ?? '', pattern_source: y.pattern_source ?? '' }
}

/** What is sent of a form; empty fields are left out, what is no number is sent as 0 and refused by name. */
export function yardBody(f: YardForm): Schemas['YardFacts'] {
  const number = (text: string): number | undefined => text.trim() === '' ? undefined : Number(text) || 0
  return { name: f.name, credit_code: f.credit_code, classes: f.classes as Schemas['YardFacts']['classes'], address: f.address || undefined, latitude: number(f.latitude), longitude: number(f.longitude),
    capacity_per_month: number(f.capacity_per_month), certificate_pattern: f.certificate_pattern || undefined, pattern_source: f.pattern_source || undefined }
}

/** The colour of a yard's standing. */
export function yardStanding(status: string): 'success' | 'warning' | 'danger' | 'info' {
  return status === 'active' ? 'success' : status === 'suspended' ? 'warning' : status === 'blacklisted' ? 'danger' : 'info'
}
