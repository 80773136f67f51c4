import { describe, expect, it } from 'vitest';
import { addDays, addMonths, today, weekday, weeksOf } from './day';

describe('days', () => {
  it.each([
    ['2026-02-28', 1, '2026-03-01'],
    ['2028-02-28', 1, '2028-02-29'],
    ['2026-01-01', -1, '2025-12-31'],
    ['2026-03-29', 1, '2026-03-30'], // an hour shorter in Europe
  ])('%s and %d days', (day, n, want) => {
    expect(addDays(day, n)).toBe(want);
  });

  it.each([
    ['2026-01-31', 1, '2026-02-28'],
    ['2026-12-15', 1, '2027-01-15'],
    ['2026-03-31', -1, '2026-02-28'],
    ['2024-02-29', 12, '2025-02-28'],
  ])('%s and %d months', (day, n, want) => {
    expect(addMonths(day, n)).toBe(want);
  });

  it('knows today and its day of the week', () => {
    expect(today(new Date(2026, 10, 23, 23, 59))).toBe('2026-11-23');
    expect(weekday('2026-11-23')).toBe(1);
  });

  it('shows a month in whole weeks', () => {
    const weeks = weeksOf('2026-11-23', 1);
    expect(weeks.map((week) => week[0])).toEqual([
      '2026-10-26',
      '2026-11-02',
      '2026-11-09',
      '2026-11-16',
      '2026-11-23',
      '2026-11-30',
    ]);
    expect(weeksOf('2026-02-10', 0)).toHaveLength(4);
  });
});
