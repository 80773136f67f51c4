import { describe, expect, it } from 'vitest';
import type { OnlineEditor } from '../api/types';
import { byDocument, countsOf, lasting, matches } from './online';

let made = 0;
function online(name: string, title: string, node = 'node-a'): OnlineEditor {
  const time = '2026-11-23T10:00:00Z';
  return {
    connectionId: `c${made++}`,
    document: { id: title.toLowerCase(), title },
    user: { id: name.toLowerCase(), name },
    role: 'editor',
    node,
    since: time,
    lastActive: time,
  };
}

describe('byDocument', () => {
  it('groups by document, documents by title, people as they came', () => {
    const groups = byDocument([online('Bo', 'Plans'), online('Ada', 'Budget'), online('Ada', 'Plans')]);
    expect(groups.map(({ title, editors }) => [title, editors.map(({ user }) => user.name)])).toEqual([
      ['Budget', ['Ada']],
      ['Plans', ['Bo', 'Ada']],
    ]);
  });

  it('counts people and documents once', () => {
    expect(countsOf([online('Ada', 'Plans'), online('Ada', 'Plans'), online('Bo', 'Budget')])).toEqual({
      people: 2,
      documents: 2,
      connections: 3,
    });
  });
});

describe('matches', () => {
  it.each([
    ['', true],
    ['  ', true],
    ['zoe', true],
    ['ZOË', true],
    ['harvest', true],
    ['eu-1', true],
    ['zoe harvest', true],
    ['zoe budget', false],
    ['adaharvest', false],
  ])('%j', (query, want) => {
    expect(matches(online('Zoë Adams', 'Harvest plan', 'eu-1'), query)).toBe(want);
  });
});

describe('lasting', () => {
  const now = Date.UTC(2026, 10, 23, 12, 0, 0);
  it.each([
    [0, '0 s'],
    [-3, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [3600, '1 h'],
    [3600 + 20 * 60, '1 h 20 min'],
    [86_400, '1 d'],
    [4 * 86_400 + 2 * 3600, '4 d 2 h'],
  ])('%d seconds', (seconds, want) => {
    expect(lasting(new Date(now - seconds * 1000).toISOString(), now)).toBe(want);
  });
});
