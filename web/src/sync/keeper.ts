import * as Y from 'yjs';
import type { SaveSnapshot } from './saveState';
import type { Found, UnsavedStore } from './unsavedStore';

/** How long an edit may wait for its acknowledgement before it is kept, in milliseconds. Most are acknowledged sooner. */
const patience = 400;

/** The same without a connection: only as long as it takes to gather a few letters. */
const offlinePatience = 40;

export interface Keeping {
  /** All that is unsaved is kept in this browser, even when the page is closed. */
  kept: boolean;
  /** What was kept from before is on its way to the server. */
  restoring: boolean;
  /** What was kept from before has been saved, on this page. */
  restored: boolean;
}

type Store = Pick<UnsavedStore, 'keep' | 'forget' | 'close'>;

/**
 * Decides what of one open document is kept in the browser: every edit that isn't acknowledged soon, until all is saved
 * or refused. One Keeper belongs to one document session.
 */
export class Keeper {
  readonly #store: Store;
  readonly #listeners = new Set<() => void>();
  /** Edits since all was saved last that aren't kept yet. */
  #pending: Uint8Array[] = [];
  /** Keys of what is kept, of this page and of those before it. */
  #keys: IDBValidKey[];
  #restoring: boolean;
  #snapshot: Keeping;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Writes one after the other. */
  #writing: Promise<void> = Promise.resolve();
  /** How many writes are under way. */
  #writes = 0;
  #offline = true;
  #failed = false;

  constructor(store: Store, found: Pick<Found, 'keys'>) {
    this.#store = store;
    this.#keys = [...found.keys];
    this.#restoring = found.keys.length > 0;
    this.#snapshot = { kept: this.#restoring, restoring: this.#restoring, restored: false };
  }

  readonly snapshot = (): Keeping => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** The document changed here. */
  edited(update: Uint8Array): void {
    this.#pending.push(update);
    this.#schedule();
    this.#publish();
  }

  /** What is saved has changed. */
  saves({ badge, unsaved, refusal }: SaveSnapshot): void {
    this.#offline = badge === 'offline';
    // Offline with nothing unsaved may also mean that nobody has counted yet what was brought back.
    if ((!unsaved && badge === 'saved') || refusal !== null) {
      // What was refused is only in the page: kept, it would be offered and refused at each opening.
      const restored = this.#snapshot.restored || (this.#restoring && refusal === null);
      this.#restoring = false;
      this.#forget();
      this.#publish(restored);
      return;
    }
    if (this.#pending.length > 0) this.#schedule();
    this.#publish();
  }

  /** Keeps what is pending now: the page may be about to go. */
  readonly flush = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [first, ...others] = this.#pending;
    if (!first) return;
    this.#pending = [];
    const update = others.length > 0 ? Y.mergeUpdates([first, ...others]) : first;
    this.#write(async () => {
      this.#keys.push(await this.#store.keep(update));
    });
  };

  /** Ends the keeping; what is kept stays for the next opening. */
  close(): void {
    this.flush();
    void this.#writing.then(() => {
      this.#store.close();
    });
  }

  #schedule(): void {
    if (this.#offline && this.#timer !== undefined) clearTimeout(this.#timer);
    else if (this.#timer !== undefined) return;
    this.#timer = setTimeout(this.flush, this.#offline ? offlinePatience : patience);
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending = [];
    if (this.#keys.length === 0 && this.#writes === 0) return;
    this.#write(async () => {
      const keys = this.#keys;
      this.#keys = [];
      if (keys.length > 0) await this.#store.forget(keys);
    });
  }

  #write(work: () => Promise<void>): void {
    this.#writes++;
    this.#writing = this.#writing
      .then(work)
      .catch(() => {
        // The disk is full, or the browser has taken the storage away. The page says that it has to stay open.
        this.#failed = true;
      })
      .then(() => {
        this.#writes--;
        this.#publish();
      });
  }

  #publish(restored = this.#snapshot.restored): void {
    const settled = this.#pending.length === 0 && this.#writes === 0 && this.#keys.length > 0;
    const next = { kept: settled && !this.#failed, restoring: this.#restoring, restored };
    const now = this.#snapshot;
    if (next.kept === now.kept && next.restoring === now.restoring && next.restored === now.restored) return;
    this.#snapshot = next;
    for (const listener of this.#listeners) listener();
  }
}
