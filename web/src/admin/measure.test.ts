import { describe, expect, it } from 'vitest';
import { curve, duration, size, span, withSample } from './measure';

describe('size', () => {
  it.each([
    [0, '0 byte'],
    [999, '999 byte'],
    [1500, '1.5 kB'],
    [999_600, '1 MB'],
    [68_157_440, '68.2 MB'],
    [2e15, '2,000 TB'],
  ])('%d bytes', (bytes, want) => {
    expect(size(bytes)).toBe(want);
  });
});

describe('duration', () => {
  it.each([
    [0.00131, '1.3 ms'],
    [0.25, '250 ms'],
    [2.14, '2.1 sec'],
  ])('%d seconds', (seconds, want) => {
    expect(duration(seconds)).toBe(want);
  });
});

describe('span', () => {
  it.each([
    [0, '0 s'],
    [-3, '0 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [3600, '1 h'],
    [3600 + 20 * 60, '1 h 20 min'],
    [86_400, '1 d'],
    [4 * 86_400 + 2 * 3600, '4 d 2 h'],
  ])('%d seconds', (seconds, want) => {
    expect(span(seconds)).toBe(want);
  });
});

describe('curve', () => {
  it('ends at the right, and its highest value touches the top', () => {
    expect(curve([1, 2], 100, 20, 3)).toEqual([
      [50, 10],
      [100, 0],
    ]);
  });
  it('lies on the ground while nothing happens', () => {
    expect(curve([0, 0], 100, 20, 2)).toEqual([
      [0, 20],
      [100, 20],
    ]);
  });
});

it('keeps only the newest samples', () => {
  const sample = (at: number) => ({ at, rooms: 0, connections: 0, commit: 0, memory: 0 });
  expect(withSample([sample(1), sample(2)], sample(3), 2).map(({ at }) => at)).toEqual([2, 3]);
});
