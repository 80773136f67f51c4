import { EventReader, type StreamEvent } from './sse';

/**
 * How a stream stands: not begun or ended by us, asking, open, waiting to ask again, at rest while nobody looks at the
 * page, or refused by the server for good.
 */
export type StreamState = 'closed' | 'connecting' | 'open' | 'waiting' | 'resting' | 'refused';

/** What is known at a change of state. */
export interface StreamNews {
  state: StreamState;
  /** The status of a refusal, otherwise 0. */
  status: number;
  /** The server's clock when it answered, in milliseconds, when the stream has just opened and the server told. */
  serverTime: number | null;
}

/** What the stream has to know of the page that it serves. */
export interface PageView {
  hidden: () => boolean;
  /** Calls `look` when the page is hidden or shown, `online` when the network is back; the result ends that. */
  watch: (look: () => void, online: () => void) => () => void;
}

export const browserPage: PageView = {
  hidden: () => document.visibilityState === 'hidden',
  watch: (look, online) => {
    document.addEventListener('visibilitychange', look);
    window.addEventListener('online', online);
    return () => {
      document.removeEventListener('visibilitychange', look);
      window.removeEventListener('online', online);
    };
  },
};

export interface StreamOptions {
  path: string;
  onEvent: (event: StreamEvent) => void;
  onState?: (news: StreamNews) => void;
  /** For tests; the browser's otherwise. */
  fetch?: typeof fetch;
  page?: PageView;
  random?: () => number;
}

const firstPause = 1_000;
const longestPause = 30_000;
/** A stream that was open this long has worked: the next pause is the first one again. */
const proven = 10_000;
/** The server sends something at least every 15 s; a connection that is silent for longer than this is dead. */
const silence = 40_000;
/** How long a hidden page keeps its stream. */
const patience = 2_000;

/**
 * A connection on which the server tells what happens, made again whenever it breaks: after a pause that doubles up to
 * half a minute and differs from page to page, so that a server that comes back isn't met by everybody at once. It
 * resumes after the last event that named an id. It rests while its page is hidden, since over HTTP/1.1 a browser
 * allows six connections for all its tabs together. A 401, 403, 404 or 410 ends it: what asked for it has to decide.
 */
export class EventStream {
  readonly #options: StreamOptions;
  readonly #page: PageView;
  readonly #reader = new EventReader();
  #state: StreamState = 'closed';
  #abort: AbortController | null = null;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #hiding: ReturnType<typeof setTimeout> | undefined;
  #unwatch: (() => void) | null = null;
  #failures = 0;
  #openedAt = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#page = options.page ?? browserPage;
  }

  get state(): StreamState {
    return this.#state;
  }

  /** Begins, or begins again after `close` or a refusal. */
  start(): void {
    if (this.#unwatch && this.#state !== 'refused') return;
    this.#unwatch ??= this.#page.watch(this.#look, this.#online);
    this.#failures = 0;
    if (this.#page.hidden()) this.#enter('resting');
    else this.#connect();
  }

  /** Ends the stream; nothing is called any more. */
  close(): void {
    this.#unwatch?.();
    this.#unwatch = null;
    clearTimeout(this.#hiding);
    this.#hiding = undefined;
    this.#drop();
    this.#state = 'closed';
  }

  #connect(): void {
    this.#drop();
    const abort = new AbortController();
    this.#abort = abort;
    this.#enter('connecting');
    void this.#read(abort).then(({ status, wait }) => {
      if (this.#abort !== abort) return;
      this.#drop();
      if (status === 401 || status === 403 || status === 404 || status === 410) this.#enter('refused', status);
      else this.#again(wait);
    });
  }

  /** Reads until the connection ends; answers the status of a refusal and the pause that it asked for. */
  async #read(abort: AbortController): Promise<{ status: number; wait: number }> {
    const ask = this.#options.fetch ?? fetch;
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (this.#reader.lastId) headers['Last-Event-ID'] = this.#reader.lastId;
    this.#reader.restart();
    this.#alive(abort);
    try {
      const response = await ask(this.#options.path, {
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: abort.signal,
      });
      if (this.#abort !== abort) return { status: 0, wait: 0 };
      const stream = response.headers.get('Content-Type')?.startsWith('text/event-stream') ?? false;
      if (!response.ok || !stream || !response.body) {
        abort.abort();
        const wait = Number(response.headers.get('Retry-After'));
        return { status: response.ok ? 0 : response.status, wait: Number.isFinite(wait) ? wait * 1000 : 0 };
      }
      const date = Date.parse(response.headers.get('Date') ?? '');
      this.#openedAt = Date.now();
      this.#enter('open', 0, Number.isNaN(date) ? null : date);
      const body = response.body.getReader();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await body.read();
        if (this.#abort !== abort) return { status: 0, wait: 0 };
        if (done) return { status: 0, wait: this.#reader.retry ?? 0 };
        this.#alive(abort);
        for (const event of this.#reader.push(decoder.decode(value, { stream: true }))) {
          this.#options.onEvent(event);
        }
      }
    } catch {
      // Whatever broke, the answer is to ask again.
      return { status: 0, wait: this.#reader.retry ?? 0 };
    }
  }

  #again(wait: number): void {
    if (this.#openedAt > 0 && Date.now() - this.#openedAt >= proven) this.#failures = 0;
    this.#openedAt = 0;
    const random = this.#options.random ?? Math.random;
    const most = Math.min(longestPause, firstPause * 2 ** this.#failures);
    this.#failures++;
    const pause = Math.max(Math.min(wait, longestPause), most / 2) + (random() * most) / 2;
    this.#pause = setTimeout(() => {
      this.#connect();
    }, pause);
    this.#enter('waiting');
  }

  /** Hears that the connection lives. */
  #alive(abort: AbortController): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      if (this.#abort !== abort) return;
      this.#drop();
      this.#again(0);
    }, silence);
  }

  #drop(): void {
    clearTimeout(this.#pause);
    clearTimeout(this.#watchdog);
    const abort = this.#abort;
    this.#abort = null;
    abort?.abort();
  }

  #enter(state: StreamState, status = 0, serverTime: number | null = null): void {
    this.#state = state;
    this.#options.onState?.({ state, status, serverTime });
  }

  readonly #look = (): void => {
    if (!this.#page.hidden()) {
      clearTimeout(this.#hiding);
      this.#hiding = undefined;
      if (this.#state === 'resting' || this.#state === 'waiting') {
        this.#failures = 0;
        this.#connect();
      }
      return;
    }
    this.#hiding ??= setTimeout(() => {
      this.#hiding = undefined;
      if (this.#state === 'refused' || this.#state === 'closed') return;
      this.#drop();
      this.#openedAt = 0;
      this.#enter('resting');
    }, patience);
  };

  readonly #online = (): void => {
    if (this.#state === 'waiting') this.#connect();
  };
}
