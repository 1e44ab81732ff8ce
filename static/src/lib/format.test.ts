import { describe, expect, it } from 'vitest'
import { capital, count, fenOf, moment, monthEnd, percent, yuan } from './format'

describe('money', () => {
  it('prints fen as yuan', () => {
    expect([0, 5, 100, 3500000, 12345678901, -15000].map(yuan)).toEqual(['0.00', '0.05', '1.00', '35,000.00', '123,456,789.01', '-150.00'])
  })
  it('reads yuan as fen and refuses what is no amount', () => {
    expect(['35,000', '0.5', '12.34', '1e3', '12.345', '-1', ''].map(fenOf)).toEqual([3500000, 50, 1234, null, null, null, null])
  })
  it('gives back what it printed', () => {
    for (const fen of [0, 1, 99, 100, 12345, 99999999]) expect(fenOf(yuan(fen))).toBe(fen)
  })
  it('writes capital numerals', () => {
    expect([10005, 1800000, 12345678901, 0, 50, 100010000, 1000000].map(capital)).toEqual(
      ['壹佰元零伍分', '壹万捌仟元整', '壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元零壹分', '零元整', '伍角整', '壹佰万零壹佰元整', '壹万元整'])
  })
})

describe('numbers and days', () => {
  it('separates thousands', () => expect(count(1234567)).toBe('1,234,567'))
  it('rounds a completion down, never up to 100', () => expect([9999, 10000, null].map(percent)).toEqual(['99.9%', '100.0%', '—']))
  it('shows instants in Shanghai', () => expect(moment('2025-12-31T16:00:00Z')).toBe('2026-01-01 00:00'))
  it('finds the end of a month', () => expect(['2025-02-03', '2024-02-29', '2025-12-01'].map(monthEnd)).toEqual(['2025-02-28', '2024-02-29', '2025-12-31']))
})
