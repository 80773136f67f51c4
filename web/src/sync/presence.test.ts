import { describe, expect, it } from 'vitest';
import type { Editor } from '../api/types';
import { unknownRoster } from '../live/roster';
import { participants, presentIn } from './presence';

const ada = { id: 'a', name: 'Ada' };

describe('presentIn', () => {
  it('lists oneself even when alone and unannounced', () => {
    expect(presentIn(new Map(), ada)).toEqual([{ ...ada, self: true }]);
  });

  it('lists a person with several tabs once, oneself first, others by name', () => {
    const states = new Map<number, Record<string, unknown>>([
      [3, { user: { id: 'z', name: 'Zoe' } }],
      [1, { user: { id: 'b', name: 'Bo' } }],
      [2, { user: { id: 'b', name: 'Bo' } }],
      [4, { user: { ...ada } }],
    ]);
    expect(presentIn(states, ada).map((person) => person.name)).toEqual(['Ada', 'Bo', 'Zoe']);
  });

  it('leaves out states that name nobody', () => {
    const states = new Map<number, Record<string, unknown>>([
      [1, {}],
      [2, { user: null }],
      [3, { user: { name: 'No id' } }],
      [4, { user: { id: 7, name: 'Numbered' } }],
    ]);
    expect(presentIn(states, ada)).toHaveLength(1);
  });
});

describe('participants', () => {
  const now = Date.UTC(2026, 10, 23, 12, 0, 0);
  const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
  const self = presentIn(new Map(), ada);
  const editor = (id: string, name: string, seconds: number, role: Editor['role'] = 'editor'): Editor => ({
    connectionId: `${id}${seconds}`,
    user: { id, name },
    role,
    node: 'n',
    since: ago(600),
    lastActive: ago(seconds),
  });
  const roster = (...editors: Editor[]) => ({ ...unknownRoster, known: true, editors });

  it('knows those with a caret before the server tells', () => {
    const present = presentIn(new Map([[1, { user: { id: 'b', name: 'Bo' } }]]), ada);
    expect(participants(present, unknownRoster, now)).toEqual([
      { ...ada, self: true, active: true, lastActive: null, role: null, places: 1 },
      { id: 'b', name: 'Bo', self: false, active: true, lastActive: null, role: null, places: 1 },
    ]);
  });

  it('adds those without a caret, oneself first and others by name', () => {
    const people = participants(self, roster(editor('z', 'Zoe', 5, 'viewer'), editor('b', 'Bo', 5)), now);
    expect(people.map(({ name }) => name)).toEqual(['Ada', 'Bo', 'Zoe']);
    expect(people[2]).toMatchObject({ role: 'viewer', active: true });
  });

  it('takes the latest activity and the strongest role of all places', () => {
    const [, bo] = participants(self, roster(editor('b', 'Bo', 900, 'viewer'), editor('b', 'Bo', 30, 'owner')), now);
    expect(bo).toMatchObject({ places: 2, lastActive: ago(30), role: 'owner', active: true });
  });

  it('calls idle whoever did nothing for two minutes, but never the reader', () => {
    const people = participants(self, roster(editor('a', 'Ada', 900), editor('b', 'Bo', 120)), now);
    expect(people.map(({ active }) => active)).toEqual([true, false]);
  });
});
