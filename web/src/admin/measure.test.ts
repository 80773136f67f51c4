import { describe, expect, it, vi } from 'vitest';
import { curve, duration, size, span, storeSamples, storedSamples, widthOf, withSample, type Sample } from './measure';

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

const sample = (at: number, rooms = 0): Sample => ({ at, rooms, connections: 0, commit: 0, memory: 0, database: 0 });

describe('curve', () => {
  const box = { long: 30_000, width: 100, height: 20 };
  it('ends at the right, and its highest value touches the top', () => {
    expect(curve([sample(0, 1), sample(15_000, 2)], 'rooms', box)).toEqual([
      [50, 10],
      [100, 0],
    ]);
  });
  it('lies on the ground while nothing happens', () => {
    expect(curve([sample(0), sample(30_000)], 'rooms', box)).toEqual([
      [0, 20],
      [100, 20],
    ]);
  });
  it('grows until it is five minutes long', () => {
    expect([[0], [0, 10_000], [0, 90_000], [0, 900_000]].map((all) => widthOf(all.map((at) => sample(at))))).toEqual([
      10_000, 10_000, 90_000, 300_000,
    ]);
  });
});

describe('samples', () => {
  it('keeps those of the last five minutes', () => {
    const all = [sample(1), sample(200_000), sample(900_000)];
    expect(withSample(all, sample(300_002)).map(({ at }) => at)).toEqual([200_000, 300_002]);
  });

  it('goes on with those of the same server', () => {
    const kept = new Map<string, string>();
    vi.stubGlobal('window', {
      sessionStorage: {
        getItem: (name: string) => kept.get(name) ?? null,
        setItem: (name: string, text: string) => kept.set(name, text),
      },
    });
    try {
      expect(storedSamples('a', 10)).toEqual([]);
      storeSamples('a', [sample(1), sample(2), sample(500)]);
      expect(storedSamples('a', 300).map(({ at }) => at)).toEqual([1, 2]);
      expect(storedSamples('b', 300)).toEqual([]);
      kept.set('bizsync.samples', '{');
      expect(storedSamples('a', 300)).toEqual([]);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
