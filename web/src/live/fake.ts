import type { PageView } from './eventStream';

/** One connection of a fake server, for tests: what was asked, and what is answered. */
export class FakeAnswer {
  readonly path: string;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly response: Promise<Response>;
  #respond!: (response: Response) => void;
  #fail!: (reason: unknown) => void;
  #body: ReadableStreamDefaultController<Uint8Array> | null = null;

  constructor(path: string, init: RequestInit) {
    this.path = path;
    this.headers = new Headers(init.headers);
    this.signal = init.signal ?? new AbortController().signal;
    this.response = new Promise((resolve, reject) => {
      this.#respond = resolve;
      this.#fail = reject;
    });
    this.signal.addEventListener('abort', () => {
      this.breakOff();
    });
  }

  open(headers: Record<string, string> = {}): void {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller;
      },
    });
    this.#respond(new Response(body, { headers: { 'Content-Type': 'text/event-stream', ...headers } }));
  }

  refuse(status: number, headers: Record<string, string> = {}): void {
    this.#respond(new Response('{}', { status, headers }));
  }

  send(text: string): void {
    this.sendBytes(new TextEncoder().encode(text));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#body?.enqueue(bytes);
  }

  event(name: string, data: unknown, id = ''): void {
    this.send(`event: ${name}\n${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(data)}\n\n`);
  }

  end(): void {
    this.#body?.close();
    this.#body = null;
  }

  breakOff(): void {
    const reason = new TypeError('network error');
    this.#body?.error(reason);
    this.#body = null;
    this.#fail(reason);
  }
}

/** A server that streams what a test tells it to, for tests. */
export class FakeStreams {
  readonly asked: FakeAnswer[] = [];

  readonly fetch: typeof fetch = (input, init) => {
    const answer = new FakeAnswer(input as string, init ?? {});
    this.asked.push(answer);
    return answer.response;
  };

  get last(): FakeAnswer {
    const answer = this.asked.at(-1);
    if (!answer) throw new Error('nothing was asked');
    return answer;
  }
}

/** A page that a test hides and shows. */
export class FakePage implements PageView {
  #hidden = false;
  #look: (() => void) | null = null;
  #online: (() => void) | null = null;

  readonly hidden = (): boolean => this.#hidden;

  readonly watch = (look: () => void, online: () => void): (() => void) => {
    this.#look = look;
    this.#online = online;
    return () => {
      this.#look = null;
      this.#online = null;
    };
  };

  hide(hidden: boolean): void {
    this.#hidden = hidden;
    this.#look?.();
  }

  online(): void {
    this.#online?.();
  }
}
