import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventStream, type StreamNews } from './eventStream';
import { FakePage, FakeStreams } from './fake';
import type { StreamEvent } from './sse';

let server: FakeStreams;
let page: FakePage;
let events: StreamEvent[];
let news: StreamNews[];
let stream: EventStream;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeStreams();
  page = new FakePage();
  events = [];
  news = [];
  stream = new EventStream({
    path: '/stream',
    onEvent: (event) => events.push(event),
    onState: (now) => news.push(now),
    fetch: server.fetch,
    page,
    random: () => 1,
  });
});

afterEach(() => {
  stream.close();
  vi.useRealTimers();
});

/** Lets all that needs no time happen. */
const settle = () => vi.advanceTimersByTimeAsync(0);

describe('EventStream', () => {
  it('tells of events, and of the clock of the server', async () => {
    stream.start();
    server.last.open({ Date: 'Mon, 23 Nov 2026 12:00:00 GMT' });
    await settle();
    server.last.event('join', { a: 1 }, '3');
    await settle();
    expect(events).toEqual([{ name: 'join', data: '{"a":1}', id: '3' }]);
    expect(news.map(({ state }) => state)).toEqual(['connecting', 'open']);
    expect(news.at(-1)?.serverTime).toBe(Date.UTC(2026, 10, 23, 12));
    expect(server.last.headers.has('Last-Event-ID')).toBe(false);
  });

  it('reads letters that are cut in two', async () => {
    stream.start();
    server.last.open();
    await settle();
    for (const byte of new TextEncoder().encode('data: Zoë\n\n')) server.last.sendBytes(Uint8Array.of(byte));
    await settle();
    expect(events.map(({ data }) => data)).toEqual(['Zoë']);
  });

  it('resumes after the last event, and pauses longer each time', async () => {
    stream.start();
    server.last.open();
    await settle();
    server.last.event('notice', {}, '41');
    await settle();
    server.last.end();
    await settle();
    expect(stream.state).toBe('waiting');

    for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const before = server.asked.length;
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect(server.asked).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(server.asked).toHaveLength(before + 1);
      expect(server.last.headers.get('Last-Event-ID')).toBe('41');
      server.last.breakOff();
      await settle();
    }
  });

  it('begins with short pauses again after a connection that lasted', async () => {
    stream.start();
    for (let i = 0; i < 4; i++) {
      server.last.refuse(500);
      await vi.advanceTimersByTimeAsync(30_000);
    }
    server.last.open();
    await vi.advanceTimersByTimeAsync(10_000);
    server.last.end();
    const before = server.asked.length;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.asked).toHaveLength(before + 1);
  });

  it.each([429, 503])('comes back after %d no sooner than it was asked to', async (status) => {
    stream.start();
    server.last.refuse(status, { 'Retry-After': '7' });
    await vi.advanceTimersByTimeAsync(7_000);
    expect(server.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(500); // the half of the first pause that is left to chance
    expect(server.asked).toHaveLength(2);
  });

  it.each([401, 403, 404, 410])('ends at %d, until it is started again', async (status) => {
    stream.start();
    server.last.refuse(status);
    await settle();
    expect(news.at(-1)).toEqual({ state: 'refused', status, serverTime: null });
    page.online();
    page.hide(true);
    page.hide(false);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(server.asked).toHaveLength(1);
    stream.start();
    expect(server.asked).toHaveLength(2);
  });

  it('tries again when a proxy answers with a page of its own', async () => {
    stream.start();
    server.last.open({ 'Content-Type': 'text/html' });
    await settle();
    expect(stream.state).toBe('waiting');
  });

  it('leaves a connection that has gone silent, and stays on one whose heartbeat it hears', async () => {
    stream.start();
    server.last.open();
    await settle();
    for (let i = 0; i < 8; i++) {
      await vi.advanceTimersByTimeAsync(15_000);
      server.last.send(':\n\n');
    }
    await settle();
    expect(server.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(server.asked[0]?.signal.aborted).toBe(true);
    expect(stream.state).toBe('waiting');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.asked).toHaveLength(2);
  });

  it('does not wait out its pause when the network is back', async () => {
    stream.start();
    server.last.breakOff();
    await settle();
    page.online();
    expect(server.asked).toHaveLength(2);
    page.online();
    expect(server.asked).toHaveLength(2);
  });

  it('rests while nobody looks at the page, but not for a glance elsewhere', async () => {
    stream.start();
    server.last.open();
    await settle();
    page.hide(true);
    await vi.advanceTimersByTimeAsync(1_000);
    page.hide(false);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(server.last.signal.aborted).toBe(false);
    page.hide(true);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(server.last.signal.aborted).toBe(true);
    expect(stream.state).toBe('resting');
    await vi.advanceTimersByTimeAsync(600_000);
    expect(server.asked).toHaveLength(1);
    page.hide(false);
    expect(server.asked).toHaveLength(2);
  });

  it('waits with its first connection until somebody looks', () => {
    page.hide(true);
    stream.start();
    expect(server.asked).toHaveLength(0);
    page.hide(false);
    expect(server.asked).toHaveLength(1);
  });

  it('says nothing any more once it is closed', async () => {
    stream.start();
    server.last.open();
    await settle();
    server.last.event('join', {});
    stream.close();
    const told = news.length;
    page.hide(true);
    page.hide(false);
    page.online();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(server.last.signal.aborted).toBe(true);
    expect(events).toEqual([]);
    expect(news).toHaveLength(told);
    expect(server.asked).toHaveLength(1);
  });
});
