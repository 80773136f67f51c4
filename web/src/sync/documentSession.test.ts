import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import { DocumentSession } from './documentSession';
import type { Saves } from './saveState';

/** A session without a connection: what the server would send is given to `hear`. */
class Hearing extends DocumentSession {
  readonly awareness = new Awareness(this.doc);
  readonly save: Saves = {
    snapshot: () => ({ unsaved: false, refusal: null }),
    subscribe: () => () => undefined,
  } as unknown as Saves;
  /** What was taken in, in its order; what came together is in brackets. */
  readonly taken: string[] = [];
  before = 0;

  constructor() {
    super(null);
    this.beforeRemote(() => {
      this.before += 1;
    });
  }

  hear(what: string, edits = true): void {
    this.receive(edits, () => {
      if (what === 'broken') throw new Error(what);
      this.taken.push(what);
    });
  }

  begin(): void {
    this.arrived();
  }

  protected together(work: () => void): void {
    this.taken.push('[');
    work();
    this.taken.push(']');
  }

  protected connect(): void {
    // There is none.
  }

  protected disconnect(): void {
    // There is none.
  }

  protected close(): void {
    // Nothing is open.
  }
}

/** What waits for the next frame, by its number. */
let frames: Map<number, () => void>;
let page: EventTarget & { visibilityState: string };

function drawFrame(): void {
  const due = [...frames.values()];
  frames.clear();
  for (const call of due) call();
}

function open(): Hearing {
  const session = new Hearing();
  session.begin();
  return session;
}

beforeEach(() => {
  frames = new Map();
  let last = 0;
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('document', page);
  vi.stubGlobal('reportError', vi.fn());
  vi.stubGlobal('requestAnimationFrame', (call: () => void) => {
    last += 1;
    frames.set(last, call);
    return last;
  });
  vi.stubGlobal('cancelAnimationFrame', (frame: number) => frames.delete(frame));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test('what comes within a frame is one change, and carets follow the text', () => {
  const session = open();
  session.hear('a');
  session.hear('caret', false);
  session.hear('b');
  expect(session.taken).toEqual([]);
  expect(frames.size).toBe(1);
  drawFrame();
  expect(session.taken).toEqual(['[', 'a', 'b', ']', 'caret']);
  expect(session.before).toBe(1);
});

test('one message is taken in as it is', () => {
  const session = open();
  session.hear('a');
  drawFrame();
  session.hear('b');
  drawFrame();
  expect(session.taken).toEqual(['a', 'b']);
  expect(session.before).toBe(2);
});

test('carets alone announce no edit', () => {
  const session = open();
  session.hear('caret', false);
  drawFrame();
  expect(session.taken).toEqual(['caret']);
  expect(session.before).toBe(0);
});

test('nothing waits before the document is there', () => {
  const session = new Hearing();
  session.hear('a');
  expect(session.taken).toEqual(['a']);
  expect(frames.size).toBe(0);
});

test('nothing waits for frames that a hidden tab does not draw', () => {
  const session = open();
  session.hear('a');
  page.visibilityState = 'hidden';
  page.dispatchEvent(new Event('visibilitychange'));
  expect(session.taken).toEqual(['a']);
  expect(frames.size).toBe(0);
  session.hear('b');
  expect(session.taken).toEqual(['a', 'b']);
});

test('a composition holds all of it back, a frame that was due and a hidden tab too', () => {
  const session = open();
  session.hear('a');
  session.hold();
  drawFrame();
  session.hear('b');
  page.visibilityState = 'hidden';
  page.dispatchEvent(new Event('visibilitychange'));
  expect(session.taken).toEqual([]);
  session.letGo();
  expect(session.taken).toEqual(['[', 'a', 'b', ']']);
});

test('a message that can not be read takes no other with it', () => {
  const session = open();
  session.hear('a');
  session.hear('broken');
  session.hear('b');
  session.hear('caret', false);
  drawFrame();
  expect(session.taken).toEqual(['[', 'a', 'b', ']', 'caret']);
  expect(reportError).toHaveBeenCalledOnce();
});

test('a document that is left takes in what had come', () => {
  const session = open();
  session.hear('a');
  session.release();
  expect(session.taken).toEqual(['a']);
  expect(frames.size).toBe(0);
  page.dispatchEvent(new Event('visibilitychange'));
  expect(session.taken).toEqual(['a']);
});
