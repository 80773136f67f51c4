import { beforeEach, describe, expect, it } from 'vitest';
import { SaveState } from './saveState';

const noRight = { code: 4403, reason: 'you may only view this document' };

let save: SaveState;
const badge = () => save.snapshot().badge;
const unsaved = () => save.snapshot().unsaved;

/** Opens a connection as y-websocket does: the server's step 1 is answered, and its step 2 arrives. */
function connect(): void {
  save.connected();
  save.sent('step2');
  save.synced(true);
}

/** Makes an edit whose frame leaves at once. */
function type(): void {
  save.edited();
  save.sent('update');
}

beforeEach(() => {
  save = new SaveState();
});

describe('on one connection', () => {
  it('starts offline with nothing to save', () => {
    expect(save.snapshot()).toEqual({ badge: 'offline', unsaved: false, refusal: null });
  });

  it('is saved only when connected, synced and every frame is decided', () => {
    save.connected();
    expect(badge()).toBe('saving');
    save.sent('step2');
    expect(badge()).toBe('saving');
    save.decided(1);
    expect(badge()).toBe('saving');
    save.synced(true);
    expect(badge()).toBe('saved');
  });

  it('is not saved before the ack of an edit', () => {
    connect();
    save.decided(1);
    expect(badge()).toBe('saved');
    save.edited();
    expect(badge()).toBe('saving');
    save.sent('update');
    expect(badge()).toBe('saving');
    expect(unsaved()).toBe(true);
    save.decided(2);
    expect(badge()).toBe('saved');
    expect(unsaved()).toBe(false);
  });

  it('waits for the last of several frames', () => {
    connect();
    type();
    type();
    save.decided(2);
    expect(badge()).toBe('saving');
    save.decided(3);
    expect(badge()).toBe('saved');
  });

  it('ignores an ack that is older than the last one', () => {
    connect();
    type();
    save.decided(2);
    save.decided(1);
    expect(badge()).toBe('saved');
  });

  it('never takes an ack for more frames than were sent as credit for later ones', () => {
    connect();
    save.decided(100);
    type();
    expect(badge()).toBe('saving');
  });

  it('notices that the provider dropped an edit because its socket was closing', () => {
    connect();
    save.decided(1);
    save.edited(); // no frame follows
    type();
    save.decided(2);
    expect(badge()).toBe('saving');
    save.disconnected();
    expect(unsaved()).toBe(true);
  });
});

describe('across connections', () => {
  it('keeps edits made offline unsaved until the step 2 of the next connection is decided', () => {
    connect();
    save.decided(1);
    save.disconnected();
    expect(save.snapshot()).toEqual({ badge: 'offline', unsaved: false, refusal: null });

    save.edited();
    save.edited();
    expect(save.snapshot()).toEqual({ badge: 'offline', unsaved: true, refusal: null });

    save.connected();
    expect(badge()).toBe('saving');
    save.synced(true); // the server's state came first; ours isn't there yet
    expect(badge()).toBe('saving');
    save.sent('step2');
    expect(badge()).toBe('saving');
    save.decided(1);
    expect(badge()).toBe('saved');
  });

  it('does not take the ack of a live update for that of what was typed offline', () => {
    save.edited();
    save.connected();
    save.synced(true);
    type(); // overtakes the step 2
    save.decided(1);
    expect(badge()).toBe('saving');
    save.sent('step2');
    save.decided(2);
    expect(badge()).toBe('saved');
  });

  it('keeps frames without an answer unsaved when the connection ends', () => {
    connect();
    save.decided(1);
    type();
    save.disconnected();
    expect(save.snapshot()).toEqual({ badge: 'offline', unsaved: true, refusal: null });
    connect();
    expect(badge()).toBe('saving');
    save.decided(1);
    expect(badge()).toBe('saved');
  });

  it('counts anew on a new connection', () => {
    connect();
    type();
    type();
    save.decided(3);
    save.disconnected();
    connect();
    type();
    save.decided(1);
    expect(badge()).toBe('saving');
    save.decided(2);
    expect(badge()).toBe('saved');
  });

  it('keeps offline edits over several attempts that end before the step 2 is decided', () => {
    save.edited();
    for (let attempt = 0; attempt < 3; attempt++) {
      save.connected();
      save.sent('step2');
      save.disconnected();
      expect(unsaved()).toBe(true);
    }
    connect();
    save.decided(1);
    expect(save.snapshot()).toEqual({ badge: 'saved', unsaved: false, refusal: null });
  });
});

describe('refusals', () => {
  it('shows the reason, and stays after the frame counts as decided', () => {
    connect();
    save.decided(1);
    type();
    save.refused(2, noRight);
    save.decided(2);
    expect(save.snapshot()).toEqual({ badge: 'refused', unsaved: true, refusal: noRight });
  });

  it('outlives the connection and a refused step 2', () => {
    connect();
    type();
    save.refused(2, noRight);
    save.decided(2);
    save.disconnected();
    expect(badge()).toBe('refused');
    connect();
    save.refused(1, noRight);
    save.decided(1);
    expect(badge()).toBe('refused');
  });

  it('ends when a later step 2, which holds the refused edit, is taken', () => {
    connect();
    type();
    save.refused(2, noRight);
    save.decided(2);
    save.disconnected();
    connect();
    expect(badge()).toBe('refused');
    save.decided(1);
    expect(save.snapshot()).toEqual({ badge: 'saved', unsaved: false, refusal: null });
  });

  it('does not end with a later live update, which does not hold it', () => {
    connect();
    type();
    save.refused(2, noRight);
    type();
    save.decided(3);
    expect(badge()).toBe('refused');
  });

  it('does not end with a step 2 that was followed by another refusal', () => {
    connect();
    type();
    save.refused(2, noRight);
    save.sent('step2'); // frame 3
    type(); // frame 4
    save.refused(4, noRight);
    save.decided(4);
    expect(badge()).toBe('refused');
    save.sent('step2'); // frame 5
    save.decided(5);
    expect(badge()).toBe('saved');
  });
});

describe('listeners', () => {
  it('hear of changes only, and get the same object in between', () => {
    const seen: string[] = [];
    const stop = save.subscribe(() => seen.push(badge()));
    connect();
    const before = save.snapshot();
    save.synced(true);
    expect(save.snapshot()).toBe(before);
    save.decided(1);
    type();
    save.decided(2);
    stop();
    save.disconnected();
    expect(seen).toEqual(['saving', 'saving', 'saved', 'saving', 'saved']);
  });
});
