import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Editor } from '../api/types';
import { activityOf, isActive } from './activity';
import { FakePage, FakeStreams } from './fake';
import { Roster, rosterAfter, unknownRoster, type RosterState } from './roster';

function editor(connectionId: string, name: string, more: Partial<Editor> = {}): Editor {
  const time = '2026-11-23T10:00:00Z';
  return {
    connectionId,
    user: { id: name.toLowerCase(), name },
    role: 'editor',
    node: 'a',
    since: time,
    lastActive: time,
    ...more,
  };
}

function after(before: RosterState, name: string, data: unknown): RosterState {
  return rosterAfter(before, { name, data: JSON.stringify(data), id: '' });
}

const names = ({ editors }: RosterState) => editors.map(({ user }) => user.name);

describe('rosterAfter', () => {
  const ada = editor('1', 'Ada', { since: '2026-11-23T09:00:00Z' });
  const bo = editor('2', 'Bo');
  const both = after(unknownRoster, 'snapshot', { editors: [bo, ada], complete: true });

  it('starts from a snapshot, oldest connection first', () => {
    expect(both).toMatchObject({ known: true, complete: true });
    expect(names(both)).toEqual(['Ada', 'Bo']);
  });

  it('replaces everybody at the next snapshot', () => {
    const next = after(both, 'snapshot', { editors: [bo], complete: false });
    expect(names(next)).toEqual(['Bo']);
    expect(next.complete).toBe(false);
  });

  it('lets people come, once each, and go', () => {
    const three = after(both, 'join', editor('3', 'Cy', { since: '2026-11-23T09:30:00Z' }));
    expect(names(three)).toEqual(['Ada', 'Cy', 'Bo']);
    expect(names(after(three, 'join', editor('3', 'Cy')))).toHaveLength(3);
    expect(names(after(three, 'leave', ada))).toEqual(['Cy', 'Bo']);
    expect(after(both, 'leave', editor('9', 'Nobody'))).toBe(both);
  });

  it('takes changes of those who are here only', () => {
    const changed = after(both, 'change', { ...bo, role: 'viewer' });
    expect(changed.editors[1]?.role).toBe('viewer');
    expect(after(both, 'change', editor('9', 'Gone'))).toBe(both);
  });

  it('learns whether it hears of all servers', () => {
    const partial = after(both, 'scope', { complete: false });
    expect(partial.complete).toBe(false);
    expect(names(partial)).toEqual(['Ada', 'Bo']);
    expect(after(partial, 'scope', { complete: false })).toBe(partial);
    expect(after(partial, 'scope', { complete: true }).complete).toBe(true);
  });

  it.each([
    ['snapshot', { editors: 'all' }],
    ['snapshot', null],
    ['join', { name: 'nobody' }],
    ['join', [1]],
    ['leave', 7],
    ['scope', {}],
    ['rename', bo],
  ])('leaves the roster alone at %s of %j', (name, data) => {
    expect(after(both, name, data)).toBe(both);
  });

  it('leaves the roster alone at what is no JSON', () => {
    expect(rosterAfter(both, { name: 'join', data: '{', id: '' })).toBe(both);
  });
});

describe('Roster', () => {
  let server: FakeStreams;
  let roster: Roster;

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeStreams();
    roster = new Roster('/events', { fetch: server.fetch, page: new FakePage(), random: () => 0 });
    roster.start();
  });

  afterEach(() => {
    roster.stop();
    vi.useRealTimers();
  });

  /** Longer than the roster waits between two states that it shows. */
  const settle = () => vi.advanceTimersByTimeAsync(200);

  it('shows many changes together, and the last one always', async () => {
    server.last.open();
    await settle();
    server.last.event('snapshot', { editors: [], complete: true });
    await settle();
    let shown = 0;
    roster.subscribe(() => shown++);
    for (let i = 0; i < 50; i++) {
      server.last.event('join', editor(`${i}`, `Person ${i}`));
      await vi.advanceTimersByTimeAsync(4);
    }
    await settle();
    expect(shown).toBeLessThanOrEqual(3); // 200 ms of changes, 150 ms apart
    expect(roster.snapshot().editors).toHaveLength(50);
  });

  it('keeps people over a short break, and forgets them in a long one', async () => {
    server.last.open();
    await settle();
    server.last.event('snapshot', { editors: [editor('1', 'Ada')], complete: true });
    await settle();
    expect(roster.snapshot()).toMatchObject({ known: true, live: true });
    server.last.breakOff();
    await vi.advanceTimersByTimeAsync(9_700);
    expect(roster.snapshot().live).toBe(false);
    expect(names(roster.snapshot())).toEqual(['Ada']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(roster.snapshot()).toMatchObject({ known: false, editors: [] });
    server.last.open();
    await settle();
    server.last.event('snapshot', { editors: [editor('2', 'Bo')], complete: true });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(names(roster.snapshot())).toEqual(['Bo']);
  });

  it('tells how far the clocks are apart', async () => {
    vi.setSystemTime(Date.UTC(2026, 10, 23, 12, 0, 0));
    server.last.open({ Date: 'Mon, 23 Nov 2026 12:05:00 GMT' });
    await settle();
    expect(roster.snapshot().ahead).toBe(300_000);
  });

  it('tells of a refusal', async () => {
    server.last.refuse(403);
    await settle();
    expect(roster.snapshot()).toMatchObject({ refused: 403, live: false });
  });
});

describe('activity', () => {
  const now = Date.UTC(2026, 10, 23, 12, 0, 0);
  const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

  it.each([
    [0, true, 'active now'],
    [-30, true, 'active now'],
    [119, true, 'active now'],
    [120, false, 'active 2 minutes ago'],
    [3 * 3600, false, 'active 3 hours ago'],
    [90_000, false, 'active yesterday'],
    [30 * 86_400, false, 'active on Oct 24'],
  ])('%d seconds after the last one', (seconds, active, words) => {
    expect(isActive(ago(seconds), now)).toBe(active);
    expect(activityOf(ago(seconds), now)).toBe(words);
  });
});
