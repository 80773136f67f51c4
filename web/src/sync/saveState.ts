import type { UpdateFrame } from './frames';

/** Why the server didn't take a frame. `code` is one of the contract's close codes: 4403 no right, 4409, 4413. */
export interface Refusal {
  code: number;
  reason: string;
}

export type Badge = 'saved' | 'saving' | 'offline' | 'refused';

export interface SaveSnapshot {
  badge: Badge;
  /** This page holds edits that the server hasn't confirmed: closing it now may lose them. */
  unsaved: boolean;
  refusal: Refusal | null;
}

/** Tells what is saved: the same object until it changes, as useSyncExternalStore wants it. */
export interface Saves {
  readonly snapshot: () => SaveSnapshot;
  /** Calls `listener` after every change of the snapshot, until the returned function is called. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** The snapshot and who watches it. */
export abstract class Published implements Saves {
  readonly #listeners = new Set<() => void>();
  #snapshot: SaveSnapshot = { badge: 'offline', unsaved: false, refusal: null };

  readonly snapshot = (): SaveSnapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  protected publish(next: SaveSnapshot): void {
    const now = this.#snapshot;
    if (next.badge === now.badge && next.unsaved === now.unsaved && next.refusal === now.refusal) return;
    this.#snapshot = next;
    for (const listener of this.#listeners) listener();
  }
}

/**
 * Knows whether the server has everything that was typed here, from what went over the socket and nothing else.
 *
 * The server numbers the update frames (sync step 2 and update) of a connection from 1 and says how many of them it has
 * decided. Three things aren't covered by that count and are kept here:
 *
 * - An edit while there is no open socket is sent by nobody. The next sync step 2 carries it, since it answers the
 *   server's state vector with all that the server lacks.
 * - Frames without an answer when the connection ends may or may not have been committed. The same step 2 settles it.
 * - A refused edit stays in this page's document, and every later step 2 offers it again. Only a later step 2 that is
 *   decided without a refusal tells that the server has it after all.
 *
 * Not safe for use by several documents: one SaveState belongs to one provider.
 */
export class SaveState extends Published {
  // Of the current connection.
  #connected = false;
  #synced = false;
  #sent = 0;
  #decided = 0;
  /** Number of the step 2 that would lift the refusal when it is decided, 0 when none was sent since. */
  #retried = 0;

  // Across connections.
  /** An edit was made and no frame with it was sent yet. Normally that frame follows before anything else happens. */
  #unsent = false;
  /** There are edits that only a further step 2 brings to the server. */
  #stranded = false;
  #refusal: Refusal | null = null;

  /** A socket opened. Its frames are numbered anew. */
  connected(): void {
    this.#connected = true;
    this.#synced = false;
    this.#sent = 0;
    this.#decided = 0;
    this.#retried = 0;
    this.#publish();
  }

  /** The socket closed, or is given up. What it left undecided is stranded. */
  disconnected(): void {
    if (this.#unsent || this.#sent > this.#decided) this.#stranded = true;
    this.#unsent = false;
    this.#connected = false;
    this.#synced = false;
    this.#publish();
  }

  /** Whether the server's state has arrived on this connection. */
  synced(yes: boolean): void {
    this.#synced = yes;
    this.#publish();
  }

  /**
   * The document changed here and not by a frame of the server. To be called before the provider hears of the change:
   * if it then sends no frame (the socket is closing), the edit counts as stranded.
   */
  edited(): void {
    if (this.#unsent) this.#stranded = true;
    this.#unsent = true;
    this.#publish();
  }

  /** An update frame was handed to the socket. */
  sent(frame: UpdateFrame): void {
    this.#sent++;
    this.#unsent = false;
    if (frame === 'step2') {
      // It contains all that this page has and the server lacks, so from here on the count alone decides.
      this.#stranded = false;
      if (this.#refusal && this.#retried === 0) this.#retried = this.#sent;
    }
    this.#publish();
  }

  /** The server decided the first `frames` update frames of this connection. */
  decided(frames: number): void {
    this.#decided = Math.min(Math.max(this.#decided, frames), this.#sent);
    if (this.#retried > 0 && this.#decided >= this.#retried) {
      this.#refusal = null;
      this.#retried = 0;
    }
    this.#publish();
  }

  /** The server refused update frame number `frame` of this connection; it says so before it counts it as decided. */
  refused(frame: number, refusal: Refusal): void {
    this.#refusal = refusal;
    if (frame >= this.#retried) this.#retried = 0;
    this.#publish();
  }

  #publish(): void {
    const pending = this.#stranded || this.#unsent || this.#sent > this.#decided;
    this.publish({
      badge: this.#badge(pending),
      unsaved: pending || this.#refusal !== null,
      refusal: this.#refusal,
    });
  }

  #badge(pending: boolean): Badge {
    if (this.#refusal) return 'refused';
    if (!this.#connected) return 'offline';
    return pending || !this.#synced ? 'saving' : 'saved';
  }
}
