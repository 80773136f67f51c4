import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { Keeper } from './keeper';
import type { SaveSnapshot } from './saveState';

/** A store in memory that counts what it is asked to do. */
class Memory {
  readonly kept = new Map<number, Uint8Array>();
  writes = 0;
  broken = false;
  closed = false;

  keep(update: Uint8Array): Promise<IDBValidKey> {
    if (this.broken) return Promise.reject(new Error('full'));
    this.kept.set(++this.writes, update);
    return Promise.resolve(this.writes);
  }

  forget(keys: readonly IDBValidKey[]): Promise<void> {
    for (const key of keys) this.kept.delete(Number(key));
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
  }

  /** The text that the kept updates make of the given document. */
  text(base = new Y.Doc()): string {
    for (const update of this.kept.values()) Y.applyUpdate(base, update);
    return base.getText('t').toJSON();
  }
}

const saved: SaveSnapshot = { badge: 'saved', unsaved: false, refusal: null };
const saving: SaveSnapshot = { badge: 'saving', unsaved: true, refusal: null };
const offline: SaveSnapshot = { badge: 'offline', unsaved: true, refusal: null };
const refused: SaveSnapshot = { badge: 'refused', unsaved: true, refusal: { code: 4403, reason: 'no right' } };

let memory: Memory;
let doc: Y.Doc;
let keeper: Keeper;

function begin(keys: IDBValidKey[] = []): void {
  keeper = new Keeper(memory, { keys });
  doc = new Y.Doc();
  doc.on('update', (update: Uint8Array) => {
    keeper.edited(update);
  });
}

function type(text: string): void {
  doc.getText('t').insert(doc.getText('t').length, text);
}

beforeEach(() => {
  vi.useFakeTimers();
  memory = new Memory();
  begin();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('Keeper', () => {
  it('keeps nothing of what is acknowledged soon', async () => {
    for (const letter of 'saved') {
      keeper.saves(saving);
      type(letter);
      await vi.advanceTimersByTimeAsync(100);
      keeper.saves(saved);
    }
    await vi.advanceTimersByTimeAsync(10_000);
    expect(memory.writes).toBe(0);
  });

  it('keeps what waits too long, and forgets it when it is saved', async () => {
    keeper.saves(saving);
    type('late');
    await vi.advanceTimersByTimeAsync(399);
    expect(memory.writes).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(memory.text()).toBe('late');
    expect(keeper.snapshot().kept).toBe(true);
    keeper.saves(saved);
    await vi.advanceTimersByTimeAsync(0);
    expect(memory.kept.size).toBe(0);
    expect(keeper.snapshot()).toEqual({ kept: false, restoring: false, restored: false });
  });

  it('keeps offline edits at once, and says so only when all of them are on the disk', async () => {
    keeper.saves(offline);
    type('one');
    await vi.advanceTimersByTimeAsync(40);
    expect(keeper.snapshot().kept).toBe(true);
    type(' two');
    expect(keeper.snapshot().kept).toBe(false);
    await vi.advanceTimersByTimeAsync(40);
    expect(keeper.snapshot().kept).toBe(true);
    expect(memory.text()).toBe('one two');
  });

  it('keeps an edit that waited online as soon as the connection is lost', async () => {
    keeper.saves(saving);
    type('x');
    keeper.saves(offline);
    await vi.advanceTimersByTimeAsync(40);
    expect(memory.text()).toBe('x');
  });

  it('keeps what is pending when the page is about to go', async () => {
    keeper.saves(saving);
    type('going');
    keeper.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(memory.text()).toBe('going');
    expect(memory.closed).toBe(true);
  });

  it('forgets what was being written while all became saved', async () => {
    keeper.saves(offline);
    type('x');
    keeper.flush();
    keeper.saves(saved);
    await vi.advanceTimersByTimeAsync(0);
    expect(memory.kept.size).toBe(0);
  });

  it('tells of what it found, until that is saved', async () => {
    memory.kept.set(7, new Uint8Array());
    begin([7]);
    expect(keeper.snapshot()).toEqual({ kept: true, restoring: true, restored: false });
    keeper.saves(offline);
    expect(memory.kept.size).toBe(1);
    keeper.saves(saved);
    await vi.advanceTimersByTimeAsync(0);
    expect(keeper.snapshot()).toEqual({ kept: false, restoring: false, restored: true });
    expect(memory.kept.size).toBe(0);
  });

  it('does not keep what the server refused', async () => {
    keeper.saves(offline);
    type('unwanted');
    await vi.advanceTimersByTimeAsync(40);
    keeper.saves(refused);
    await vi.advanceTimersByTimeAsync(0);
    expect(memory.kept.size).toBe(0);
    expect(keeper.snapshot().restored).toBe(false);
  });

  it('does not claim to keep what the browser would not take', async () => {
    memory.broken = true;
    keeper.saves(offline);
    type('x');
    await vi.advanceTimersByTimeAsync(40);
    expect(keeper.snapshot().kept).toBe(false);
  });
});
