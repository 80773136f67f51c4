import { Published, type Refusal } from './saveState';

const refusal: Refusal = { code: 0, reason: 'the server refused it' };

/**
 * Knows whether the server has everything that was typed here, from a Hocuspocus provider's counter of unsynced
 * changes. That counter grows with each edit, connected or not, begins anew with 1 on each connection (for the step 2
 * that brings what was typed before), and falls when the server has saved something. A refused edit stays in it until a
 * later step 2 was taken whole.
 */
export class CounterState extends Published {
  #connected = false;
  #synced = false;
  #waiting = 0;
  /** Something was typed since the counter was last at 0. Without that it waits only for the document's first step 2. */
  #edited = false;
  #refusal: Refusal | null = null;

  /** A socket opened. */
  connected(): void {
    this.#connected = true;
    this.#publish();
  }

  /** The socket closed, or is given up. */
  disconnected(): void {
    this.#connected = false;
    this.#synced = false;
    this.#publish();
  }

  /** The server's state has arrived on this connection. */
  synced(): void {
    this.#synced = true;
    this.#publish();
  }

  /** The document changed here and not by a frame of the server. */
  edited(): void {
    this.#edited = true;
    this.#publish();
  }

  /** The provider's counter has a new value. */
  waiting(changes: number): void {
    this.#waiting = changes;
    if (changes <= 0) {
      this.#edited = false;
      this.#refusal = null;
    }
    this.#publish();
  }

  /** The server refused something. */
  refused(): void {
    this.#refusal = refusal;
    this.#publish();
  }

  #publish(): void {
    const pending = this.#waiting > 0;
    this.publish({
      badge: this.#refusal ? 'refused' : !this.#connected ? 'offline' : pending || !this.#synced ? 'saving' : 'saved',
      unsaved: (pending && this.#edited) || this.#refusal !== null,
      refusal: this.#refusal,
    });
  }
}
