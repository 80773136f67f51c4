import type { Editor } from '../api/types';
import { EventStream, type StreamNews, type StreamOptions } from './eventStream';
import type { StreamEvent } from './sse';

/** Who is connected, as far as the server has told. */
export interface RosterState<E extends Editor = Editor> {
  /** Oldest connection first; empty until the first snapshot. */
  editors: readonly E[];
  /** False while the people of other servers can't be known. */
  complete: boolean;
  /** Whether a snapshot has come and isn't outdated. */
  known: boolean;
  /** Whether changes arrive now. */
  live: boolean;
  /** The status with which the server refused to tell, otherwise 0. */
  refused: number;
  /** How far the server's clock is ahead of this one's, in milliseconds. */
  ahead: number;
}

export const unknownRoster: RosterState<never> = {
  editors: [],
  complete: true,
  known: false,
  live: false,
  refused: 0,
  ahead: 0,
};

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isEditor(value: unknown): value is Editor {
  return isObject(value) && typeof value.connectionId === 'string' && isObject(value.user);
}

function oldestFirst(a: Editor, b: Editor): number {
  return Date.parse(a.since) - Date.parse(b.since) || a.connectionId.localeCompare(b.connectionId);
}

/** What an event makes of a roster. Events that say nothing, and of kinds yet to come, leave it the same object. */
export function rosterAfter<E extends Editor>(before: RosterState<E>, event: StreamEvent): RosterState<E> {
  const data = parse(event.data);
  if (!isObject(data)) return before;
  switch (event.name) {
    case 'snapshot': {
      if (!Array.isArray(data.editors)) return before;
      const editors = data.editors.filter(isEditor) as E[];
      return { ...before, editors: editors.sort(oldestFirst), complete: data.complete !== false, known: true };
    }
    case 'join':
    case 'change': {
      if (!isEditor(data)) return before;
      const editor = data as E;
      const others = before.editors.filter((one) => one.connectionId !== editor.connectionId);
      // A change of somebody who isn't here was overtaken by the leaving.
      if (event.name === 'change' && others.length === before.editors.length) return before;
      return { ...before, editors: [...others, editor].sort(oldestFirst) };
    }
    case 'leave': {
      const left = before.editors.filter((one) => one.connectionId !== data.connectionId);
      return left.length === before.editors.length ? before : { ...before, editors: left };
    }
    case 'scope':
      return typeof data.complete === 'boolean' && data.complete !== before.complete
        ? { ...before, complete: data.complete }
        : before;
    default:
      return before;
  }
}

/** How long people stay listed after the stream broke, in milliseconds; a reconnect within that changes nothing. */
const grace = 10_000;

/** The least time between two states that are shown, in milliseconds: hundreds of people may type at once. */
const calm = 150;

/** A roster that is kept by a stream of events from `start` to `stop`. */
export class Roster<E extends Editor = Editor> {
  readonly #stream: EventStream;
  readonly #listeners = new Set<() => void>();
  #state: RosterState<E> = unknownRoster;
  /** The state that listeners have been told of. */
  #shown: RosterState<E> = unknownRoster;
  #calming: ReturnType<typeof setTimeout> | undefined;
  #forget: ReturnType<typeof setTimeout> | undefined;

  constructor(path: string, options: Pick<StreamOptions, 'fetch' | 'page' | 'random'> = {}) {
    this.#stream = new EventStream({
      ...options,
      path,
      onEvent: (event) => {
        this.#set(rosterAfter(this.#state, event));
      },
      onState: this.#onState,
    });
  }

  readonly snapshot = (): RosterState<E> => this.#shown;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  start(): void {
    this.#stream.start();
  }

  stop(): void {
    clearTimeout(this.#forget);
    this.#forget = undefined;
    this.#stream.close();
    this.#set(unknownRoster);
    this.#show();
  }

  /** Takes a connection away that is known to have ended, before the stream says so. */
  remove(connectionId: string): void {
    const editors = this.#state.editors.filter((one) => one.connectionId !== connectionId);
    this.#set({ ...this.#state, editors });
  }

  readonly #onState = ({ state, status, serverTime }: StreamNews): void => {
    const ahead = serverTime === null ? this.#state.ahead : serverTime - Date.now();
    const refused = state === 'refused' ? status : 0;
    const known = this.#state.known && state !== 'refused';
    this.#set({ ...this.#state, ahead, refused, known, live: state === 'open' });
    if (state === 'open' || state === 'resting') {
      clearTimeout(this.#forget);
      this.#forget = undefined;
    } else {
      this.#forget ??= setTimeout(() => {
        this.#forget = undefined;
        this.#set({ ...this.#state, known: false, editors: [] });
      }, grace);
    }
  };

  #set(next: RosterState<E>): void {
    this.#state = next;
    if (this.#calming === undefined) this.#show();
  }

  #show(): void {
    clearTimeout(this.#calming);
    this.#calming = undefined;
    if (this.#shown === this.#state) return;
    this.#shown = this.#state;
    this.#calming = setTimeout(() => {
      this.#calming = undefined;
      this.#show();
    }, calm);
    for (const listener of this.#listeners) listener();
  }
}
