import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../api/client';
import type { Notice, NoticeKind, NoticePage } from '../api/types';
import { t } from '../i18n';
import { FakePage, FakeStreams } from '../live/fake';
import { NoticeCenter, type NoticeServer } from './noticeCenter';
import { linkOf, textOf } from './sentence';

function notice(id: string, more: Partial<Notice> = {}): Notice {
  return {
    id,
    kind: 'document.shared',
    document: { id: 'd1', title: 'Plans' },
    role: 'editor',
    actor: { id: 'ann', name: 'Ann' },
    createdAt: '2026-11-23T10:00:00Z',
    ...more,
  };
}

describe('sentences', () => {
  it.each<[NoticeKind, Notice['role'], string, string]>([
    ['document.shared', 'editor', 'Ann shared “Plans” with you as editor', '“Plans” was shared with you as editor'],
    ['document.shared', 'commenter', 'Ann shared “Plans” with you as viewer', '“Plans” was shared with you as viewer'],
    ['document.role', 'viewer', 'Ann changed your role in “Plans” to viewer', 'Your role in “Plans” is now viewer'],
    ['document.role', 'owner', 'Ann changed your role in “Plans” to owner', 'Your role in “Plans” is now owner'],
    ['document.removed', undefined, 'Ann removed you from “Plans”', 'You were removed from “Plans”'],
    ['document.deleted', undefined, 'Ann moved “Plans” to the trash', '“Plans” was moved to the trash'],
    ['document.restored', 'viewer', 'Ann brought “Plans” back from the trash', '“Plans” is back from the trash'],
  ])('%s as %s', (kind, role, byAnn, byNobody) => {
    const { id, document, createdAt } = notice('1');
    const told: Notice = { id, kind, document, createdAt, ...(role ? { role } : {}) };
    expect(textOf({ ...told, actor: { id: 'ann', name: 'Ann' } })).toBe(byAnn);
    expect(textOf(told)).toBe(byNobody);
  });

  it('says something of kinds that are yet to come, and of documents without a title', () => {
    const later = notice('1', { kind: 'document.praised' as NoticeKind, document: { id: 'd', title: '' } });
    expect(textOf(later)).toBe('Something changed in “Untitled”');
  });

  it('shortens long titles, by whole letters', () => {
    const of = (title: string) => textOf(notice('1', { kind: 'document.deleted', document: { id: 'd', title } }));
    expect(of('x'.repeat(60))).toBe(`Ann moved “${'x'.repeat(60)}” to the trash`);
    expect(of('😀'.repeat(61))).toBe(`Ann moved “${'😀'.repeat(59)}…” to the trash`);
  });

  it('links to what the person may still see', () => {
    expect(linkOf(notice('1'))).toBe('/d/d1');
    expect(linkOf(notice('1', { kind: 'document.removed' }))).toBeNull();
  });
});

class FakeServer implements NoticeServer {
  readonly pages: ((page: NoticePage | Error) => void)[] = [];
  readonly read: string[] = [];
  fails = false;

  readonly notices = (): Promise<NoticePage> =>
    new Promise((resolve, reject) => {
      this.pages.push((page) => {
        if (page instanceof Error) reject(page);
        else resolve(page);
      });
    });

  readonly readNotice = (id: string) => this.#mark(id);
  readonly readAllNotices = () => this.#mark('all');

  answer(data: Notice[], unread: number, nextCursor = ''): void {
    this.pages.shift()?.({ data, unread, nextCursor });
  }

  fail(): void {
    this.pages.shift()?.(new ApiError(0, 'unreachable', 'no answer'));
  }

  #mark(what: string): Promise<void> {
    this.read.push(what);
    return this.fails ? Promise.reject(new ApiError(500, 'internal', 'it broke')) : Promise.resolve();
  }
}

describe('NoticeCenter', () => {
  let streams: FakeStreams;
  let server: FakeServer;
  let center: NoticeCenter;

  beforeEach(() => {
    vi.useFakeTimers();
    streams = new FakeStreams();
    server = new FakeServer();
    center = new NoticeCenter(server, '/stream', { fetch: streams.fetch, page: new FakePage(), random: () => 0 });
    center.start();
  });

  afterEach(() => {
    center.stop();
    vi.useRealTimers();
  });

  const settle = () => vi.advanceTimersByTimeAsync(0);
  const ids = () => center.snapshot().notices.map(({ id }) => id);

  const opened = async (data: Notice[], unread: number, nextCursor = '') => {
    streams.last.open();
    await settle();
    server.answer(data, unread, nextCursor);
    await settle();
  };

  it('reads the list when the stream is open, then takes what comes', async () => {
    expect(center.snapshot().status).toBe('loading');
    await opened([notice('1', { readAt: '2026-11-23T11:00:00Z' })], 0);
    expect(center.snapshot()).toMatchObject({ status: 'ready', unread: 0, fresh: null });
    const arrived: string[] = [];
    center.onArrival(({ id }) => arrived.push(id));
    streams.last.event('notice', notice('2'), '2');
    await settle();
    expect(ids()).toEqual(['2', '1']);
    expect(center.snapshot()).toMatchObject({ unread: 1, fresh: { id: '2' } });
    expect(arrived).toEqual(['2']);
    center.dismiss();
    expect(center.snapshot().fresh).toBeNull();
  });

  it('counts each notice once, whether it comes by the list, by the stream or by both', async () => {
    streams.last.open();
    await settle();
    streams.last.event('notice', notice('2'), '2');
    streams.last.event('notice', notice('3'), '3');
    await settle();
    expect(center.snapshot().unread).toBe(2);
    server.answer([notice('2'), notice('1')], 2); // read before the third was there
    await settle();
    expect(ids()).toEqual(['3', '2', '1']);
    expect(center.snapshot().unread).toBe(3);
    streams.last.event('notice', notice('3'), '3');
    await settle();
    expect(center.snapshot().unread).toBe(3);
  });

  it('learns at a reconnect what another device has read', async () => {
    await opened([notice('1')], 1);
    streams.last.end();
    await vi.advanceTimersByTimeAsync(1_000);
    await opened([notice('1', { readAt: '2026-11-23T11:00:00Z' })], 0);
    expect(center.snapshot().unread).toBe(0);
  });

  it('marks one and all as read, at once', async () => {
    await opened([notice('3'), notice('2'), notice('1')], 5);
    void center.markRead('2');
    expect(center.snapshot().unread).toBe(4);
    expect(center.snapshot().notices[1]?.readAt).toBeTruthy();
    void center.markRead('2');
    void center.markRead('9');
    void center.markAllRead();
    expect(center.snapshot().unread).toBe(0);
    expect(center.snapshot().notices.every(({ readAt }) => readAt)).toBe(true);
    await settle();
    expect(server.read).toEqual(['2', 'all']);
  });

  it('shows the truth again when marking failed', async () => {
    await opened([notice('1')], 1);
    server.fails = true;
    void center.markRead('1');
    expect(center.snapshot().unread).toBe(0);
    await settle();
    server.answer([notice('1')], 1);
    await settle();
    expect(center.snapshot()).toMatchObject({ unread: 1, problem: t('problem.internal'), status: 'ready' });
  });

  it('adds older ones without repeating any', async () => {
    await opened([notice('3'), notice('2')], 0, 'c');
    void center.more();
    server.answer([notice('2'), notice('1')], 0);
    await settle();
    expect(ids()).toEqual(['3', '2', '1']);
    expect(center.snapshot().nextCursor).toBe('');
  });

  it('has the list even without the stream, and says when there is neither', async () => {
    streams.last.refuse(502);
    await settle();
    server.fail();
    await settle();
    expect(center.snapshot()).toMatchObject({ status: 'failed', problem: 'no answer' });
    void center.read();
    server.answer([notice('1')], 1);
    await settle();
    expect(center.snapshot()).toMatchObject({ status: 'ready', problem: '', unread: 1 });
  });

  it('says that nobody is logged in, and goes on after the next log-in', async () => {
    streams.last.refuse(401);
    await settle();
    expect(center.snapshot().loggedOut).toBe(true);
    center.start();
    expect(center.snapshot().loggedOut).toBe(false);
    expect(streams.asked).toHaveLength(2);
  });

  it('takes nothing from a server that it no longer listens to', async () => {
    streams.last.open();
    await settle();
    center.stop();
    server.answer([notice('1')], 1);
    await settle();
    expect(ids()).toEqual([]);
    expect(streams.last.signal.aborted).toBe(true);
  });
});
