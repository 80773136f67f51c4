import { reasonOf } from '../api/client';
import type { Notice, NoticePage } from '../api/types';
import { EventStream, type StreamNews, type StreamOptions } from '../live/eventStream';
import type { StreamEvent } from '../live/sse';

export interface NoticeState {
  /** Newest first. */
  notices: readonly Notice[];
  unread: number;
  status: 'loading' | 'ready' | 'failed';
  /** Why the last thing that was asked of the server failed, or empty. */
  problem: string;
  /** Where older ones begin; empty when there are none. */
  nextCursor: string;
  /** The newest one that came while this page was open, until it is dismissed. */
  fresh: Notice | null;
  /** The server says that nobody is logged in here. */
  loggedOut: boolean;
}

/** What the centre asks of the server. */
export interface NoticeServer {
  notices: (cursor?: string) => Promise<NoticePage>;
  readNotice: (id: string) => Promise<unknown>;
  readAllNotices: () => Promise<unknown>;
}

const nothing: NoticeState = {
  notices: [],
  unread: 0,
  status: 'loading',
  problem: '',
  nextCursor: '',
  fresh: null,
  loggedOut: false,
};

function noticeIn(event: StreamEvent): Notice | null {
  if (event.name !== 'notice') return null;
  try {
    const value = JSON.parse(event.data) as Partial<Notice> | null;
    return value && typeof value.id === 'string' && value.document ? (value as Notice) : null;
  } catch {
    return null;
  }
}

/**
 * The notices of the person who is logged in, from `start` to `stop`. Each time the stream opens the list is read, so
 * that what another device read meanwhile counts as read here; what the stream brings while the list is on its way is
 * put before it.
 */
export class NoticeCenter {
  readonly #server: NoticeServer;
  readonly #stream: EventStream;
  readonly #listeners = new Set<() => void>();
  readonly #arrivals = new Set<(notice: Notice) => void>();
  #state: NoticeState = nothing;
  /** Counts the readings of the list: only the last one's answer is taken. */
  #reading = 0;
  /** What the stream brought while the list is being read. */
  #meanwhile: Notice[] = [];

  constructor(server: NoticeServer, path: string, options: Pick<StreamOptions, 'fetch' | 'page' | 'random'> = {}) {
    this.#server = server;
    this.#stream = new EventStream({ ...options, path, onEvent: this.#onEvent, onState: this.#onState });
  }

  readonly snapshot = (): NoticeState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Calls `listener` with each notice that arrives; the returned function ends that. */
  readonly onArrival = (listener: (notice: Notice) => void): (() => void) => {
    this.#arrivals.add(listener);
    return () => {
      this.#arrivals.delete(listener);
    };
  };

  /** Begins, or begins again after `stop` or after the person has logged in anew. */
  start(): void {
    this.#set({ loggedOut: false });
    this.#stream.start();
  }

  stop(): void {
    this.#stream.close();
    this.#reading++;
    this.#state = nothing;
  }

  /** Reads the newest notices. */
  async read(): Promise<void> {
    const reading = ++this.#reading;
    this.#meanwhile = [];
    try {
      const page = await this.#server.notices();
      if (reading !== this.#reading) return;
      const listed = new Set(page.data.map(({ id }) => id));
      const newer = this.#meanwhile.filter(({ id }) => !listed.has(id));
      this.#set({
        notices: [...newer.reverse(), ...page.data],
        unread: page.unread + newer.length,
        status: 'ready',
        problem: '',
        nextCursor: page.nextCursor,
      });
    } catch (error) {
      if (reading !== this.#reading) return;
      const status = this.#state.status === 'ready' ? 'ready' : 'failed';
      this.#set({ status, problem: status === 'failed' ? reasonOf(error) : '' });
    }
  }

  /** Reads older ones. */
  async more(): Promise<void> {
    const { nextCursor } = this.#state;
    if (!nextCursor) return;
    await this.#ask(async () => {
      const page = await this.#server.notices(nextCursor);
      const shown = new Set(this.#state.notices.map(({ id }) => id));
      const older = page.data.filter(({ id }) => !shown.has(id));
      this.#set({ notices: [...this.#state.notices, ...older], nextCursor: page.nextCursor });
    });
  }

  async markRead(id: string): Promise<void> {
    const notice = this.#state.notices.find((one) => one.id === id);
    if (!notice || notice.readAt) return;
    const readAt = new Date().toISOString();
    this.#set({
      notices: this.#state.notices.map((one) => (one.id === id ? { ...one, readAt } : one)),
      unread: Math.max(0, this.#state.unread - 1),
    });
    await this.#ask(() => this.#server.readNotice(id));
  }

  async markAllRead(): Promise<void> {
    const readAt = new Date().toISOString();
    this.#set({ notices: this.#state.notices.map((one) => (one.readAt ? one : { ...one, readAt })), unread: 0 });
    await this.#ask(() => this.#server.readAllNotices());
  }

  /** The person has seen the newest one, or doesn't care. */
  readonly dismiss = (): void => {
    if (this.#state.fresh) this.#set({ fresh: null });
  };

  /** Asks the server for something; when that fails, the list is read again, since it was changed in advance. */
  async #ask(work: () => Promise<unknown>): Promise<void> {
    this.#set({ problem: '' });
    try {
      await work();
    } catch (error) {
      await this.read();
      this.#set({ problem: reasonOf(error) });
    }
  }

  readonly #onEvent = (event: StreamEvent): void => {
    const notice = noticeIn(event);
    // After a reconnect the stream may repeat what the list has told.
    if (!notice || this.#state.notices.some(({ id }) => id === notice.id)) return;
    this.#meanwhile.push(notice);
    this.#set({ notices: [notice, ...this.#state.notices], unread: this.#state.unread + 1, fresh: notice });
    for (const listener of this.#arrivals) listener(notice);
  };

  readonly #onState = ({ state, status }: StreamNews): void => {
    if (state === 'open') void this.read();
    // Without the stream the list is still worth having.
    else if ((state === 'waiting' || state === 'refused') && this.#state.status === 'loading') void this.read();
    if (state === 'refused' && status === 401) this.#set({ loggedOut: true });
  };

  #set(change: Partial<NoticeState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
