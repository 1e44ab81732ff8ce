/** Prints integer fen as yuan with two decimals and thousands separators. */
export function yuan(fen: number): string {
  const sign = fen < 0 ? '-' : ''
  const n = Math.abs(fen)
  const whole = Math.floor(n / 100).toString().replace(/\B(?=(\d{3})+$)/g, ',')
  return `${sign}${whole}.${(n % 100).toString().padStart(2, '0')}`
}

/** Reads yuan as people type them into integer fen; null if it is no amount. */
export function fenOf(text: string): number | null {
  const m = /^(\d{1,12})(?:\.(\d{1,2}))?$/.exec(text.replace(/[,，\s]/g, ''))
  if (!m) return null
  return Number(m[1]) * 100 + Number((m[2] ?? '').padEnd(2, '0'))
}

/** Prints a count with thousands separators. */
export function count(n: number): string {
  return n.toString().replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Prints basis points as a percentage with one decimal, rounded down; a dash for none. */
export function percent(bp: number | null | undefined): string {
  if (bp === null || bp === undefined) return '—'
  return `${(Math.floor(bp / 10) / 10).toFixed(1)}%`
}

/** Prints an instant in the time of Asia/Shanghai. */
export function moment(iso: string | null | undefined): string {
  if (!iso) return '—'
  return new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short', timeStyle: 'short' }).format(new Date(iso))
}

/** Prints bytes as KiB, MiB or GiB. */
export function bytes(n: number): string {
  if (n >= 1024 ** 3) return `${(n / 1024 ** 3).toFixed(1)} GiB`
  return n < 1024 * 1024 ? `${Math.ceil(n / 1024)} KiB` : `${(n / 1024 / 1024).toFixed(1)} MiB`
}

/** The last day of the month of an ISO day. */
export function monthEnd(day: string): string {
  const [year, month] = day.split('-').map(Number)
  return new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10)
}

const digits = '零壹贰叁肆伍陆柒捌玖'

/** Writes an amount in capital Chinese numerals, as payment papers want it. */
export function capital(fen: number): string {
  if (!Number.isSafeInteger(fen) || fen < 0) return ''
  const whole = Math.floor(fen / 100)
  const group = (n: number): string => {
    let out = ''
    let zero = false
    for (const [unit, name] of [[1000, '仟'], [100, '佰'], [10, '拾'], [1, '']] as const) {
      const d = Math.floor(n / unit) % 10
      if (d === 0) {
        zero = out !== ''
        continue
      }
      out += `${zero ? '零' : ''}${digits[d]}${name}`
      zero = false
    }
    return out
  }
  let text = ''
  let gap = false
  for (const [unit, name] of [[1e12, '万亿'], [1e8, '亿'], [1e4, '万'], [1, '']] as const) {
    const n = Math.floor(whole / unit) % 10000
    if (n === 0) {
      gap = text !== ''
      continue
    }
    text += `${text !== '' && (gap || n < 1000) ? '零' : ''}${group(n)}${name}`
    gap = false
  }
  const jiao = Math.floor(fen / 10) % 10
  const cent = fen % 10
  if (whole > 0) text += '元'
  if (jiao === 0 && cent === 0) return `${text || '零元'}整`
  if (jiao > 0) text += `${digits[jiao]}角`
  else if (whole > 0) text += '零'
  return cent > 0 ? `${text}${digits[cent]}分` : `${text}整`
}

/** The last day of the twelve months that begin after a day. */
export function inAYear(day: string): string {
  const d = new Date(`${day}T00:00:00Z`)
  d.setUTCFullYear(d.getUTCFullYear() + 1)
  return d.toISOString().slice(0, 10)
}

/** Prints grams as tonnes: two decimals, three where it is less than ten tonnes. */
export function tonnes(grams: number): string {
  const t = grams / 1e6
  const [whole, part] = t.toFixed(t >= 10 ? 2 : 3).split('.')
  return `${count(Number(whole))}.${part}`
}

/** Prints grams as kilograms with one decimal. */
export function kilograms(grams: number): string {
  const [whole, part] = (grams / 1000).toFixed(1).split('.')
  return `${count(Number(whole))}.${part}`
}

/** Prints thousandths with one decimal; a dash for none. */
export function perWeek(milli: number | null | undefined): string {
  return milli === null || milli === undefined ? '—' : (milli / 1000).toFixed(1)
}

/** Prints thousandths of a unit as they are, without zeros at the end. */
export function thousandths(milli: number): string {
  const [whole, part] = (milli / 1000).toString().split('.')
  return part ? `${count(Number(whole))}.${part}` : count(Number(whole))
}

/** The ISO day n days later. */
export function addDays(day: string, n: number): string {
  const [y, m, d] = day.split('-').map(Number)
  return new Date(Date.UTC(y, m - 1, d + n)).toISOString().slice(0, 10)
}
