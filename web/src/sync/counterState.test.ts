import { beforeEach, describe, expect, it } from 'vitest';
import { CounterState } from './counterState';

let save: CounterState;
const badge = () => save.snapshot().badge;
const unsaved = () => save.snapshot().unsaved;

/** Opens a connection as the provider does: its counter begins with 1, and both have what the other had. */
function connect(): void {
  save.connected();
  save.waiting(1);
  save.synced();
}

beforeEach(() => {
  save = new CounterState();
});

describe('on one connection', () => {
  it('starts offline with nothing to save', () => {
    expect(save.snapshot()).toEqual({ badge: 'offline', unsaved: false, refusal: null });
  });

  it('is saved only when connected, synced and the counter is at 0', () => {
    save.connected();
    expect(badge()).toBe('saving');
    save.waiting(1);
    save.synced();
    expect(badge()).toBe('saving');
    expect(unsaved()).toBe(false); // nothing was typed
    save.waiting(0);
    expect(badge()).toBe('saved');
  });

  it('is unsaved from an edit until the last status', () => {
    connect();
    save.waiting(0);
    save.edited();
    save.waiting(1);
    save.edited();
    save.waiting(2);
    save.waiting(1);
    expect(badge()).toBe('saving');
    expect(unsaved()).toBe(true);
    save.waiting(0);
    expect(badge()).toBe('saved');
    expect(unsaved()).toBe(false);
  });
});

describe('across connections', () => {
  it('keeps what was typed offline unsaved until the step 2 of the next connection is', () => {
    connect();
    save.waiting(0);
    save.disconnected();
    expect(badge()).toBe('offline');
    expect(unsaved()).toBe(false);
    save.edited();
    save.waiting(1);
    expect(badge()).toBe('offline');
    expect(unsaved()).toBe(true);
    connect();
    expect(badge()).toBe('saving');
    expect(unsaved()).toBe(true);
    save.waiting(0);
    expect(badge()).toBe('saved');
    expect(unsaved()).toBe(false);
  });
});

describe('a refusal', () => {
  beforeEach(() => {
    connect();
    save.waiting(0);
    save.edited();
    save.waiting(1);
    save.refused();
  });

  it('stays, whatever else is typed', () => {
    expect(badge()).toBe('refused');
    save.edited();
    save.waiting(2);
    save.waiting(1);
    expect(badge()).toBe('refused');
    expect(unsaved()).toBe(true);
    save.disconnected();
    expect(badge()).toBe('refused');
  });

  it('ends when a later step 2 was taken whole', () => {
    save.disconnected();
    connect();
    expect(badge()).toBe('refused');
    save.waiting(0);
    expect(badge()).toBe('saved');
  });
});
