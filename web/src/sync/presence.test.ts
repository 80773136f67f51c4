import { describe, expect, it } from 'vitest';
import { presentIn } from './presence';

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
