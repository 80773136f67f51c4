import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import type { Keeper } from './keeper';
import type { Saves } from './saveState';

/** The server ended the connection for good; `code` is one of the contract's, 4400 to 4499, or 0 where only a reason is known. */
export interface Ending {
  code: number;
  reason: string;
}

/** Where the collaboration sockets of this page's server are. */
export function socketBase(): string {
  const { protocol, host } = window.location;
  return `${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}/collab`;
}

/** Listeners without arguments, for useSyncExternalStore and the like. */
class Listeners {
  readonly #all = new Set<() => void>();

  readonly add = (listener: () => void): (() => void) => {
    this.#all.add(listener);
    return () => {
      this.#all.delete(listener);
    };
  };

  call(): void {
    for (const listener of this.#all) listener();
  }
}

/** A message of the server that waits to be taken in. */
interface Received {
  edits: boolean;
  take: () => void;
}

/** Takes in messages one after the other; one that can't be read keeps none of the others from it. */
function take(messages: readonly Received[]): void {
  for (const message of messages) {
    try {
      message.take();
    } catch (error) {
      reportError(error);
    }
  }
}

/**
 * One open document: the Yjs document, its connection to the server and the knowledge of what is saved. Lives from the
 * constructor to `release`, and while something is unsaved the browser asks before the tab is closed. What the
 * connection speaks is up to the classes that extend this one.
 */
export abstract class DocumentSession {
  readonly doc = new Y.Doc();
  abstract readonly save: Saves;
  abstract readonly awareness: Awareness;
  readonly #endings = new Listeners();
  readonly #loadings = new Listeners();
  readonly #remotes = new Listeners();
  readonly #connections = new Listeners();
  #ending: Ending | null = null;
  #loaded = false;
  #held = false;
  #waiting: Received[] = [];
  #frame = 0;
  /** Keeps what is unsaved in the browser, where that is possible. */
  readonly keeper: Keeper | null;

  constructor(keeper: Keeper | null) {
    this.keeper = keeper;
    window.addEventListener('pagehide', this.#onHide);
    document.addEventListener('visibilitychange', this.#onHide);
    window.addEventListener('beforeunload', this.#onUnload);
    window.addEventListener('offline', this.#onOffline);
    window.addEventListener('online', this.#onOnline);
  }

  /** How the server ended the connection for good, or null. For useSyncExternalStore. */
  readonly ending = (): Ending | null => this.#ending;
  readonly onEnding = this.#endings.add;

  /** Whether a connection has shown the server's document at least once, so that editing starts from its text. */
  readonly loaded = (): boolean => this.#loaded;
  readonly onLoaded = this.#loadings.add;

  /** Calls `listener` before each message of another that may change the document; the returned function ends that. */
  readonly beforeRemote = this.#remotes.add;

  /** Calls `listener` when a connection begins, which is a moment to look whether the role has changed. */
  readonly onConnected = this.#connections.add;

  /**
   * Holds back what others do, until `letGo`: while an input method composes a syllable, the text around it must stay as
   * it is, or the browser begins the syllable anew beside the one that is there already.
   */
  readonly hold = (): void => {
    this.#held = true;
  };

  /** Takes in what was held back, in its order. */
  readonly letGo = (): void => {
    this.#held = false;
    this.#takeIn();
  };

  /** Tries again after an ending whose cause may be mended, as by logging in. */
  resume(): void {
    this.#ending = null;
    this.connect();
    this.#endings.call();
  }

  /**
   * Closes the document once all that was typed is saved, which is normally now. Until then it stays open unseen: to
   * leave a page inside the application must lose no more than to stay on it.
   */
  release(): void {
    this.awareness.setLocalState(null);
    const finished = () => {
      const { unsaved, refusal } = this.save.snapshot();
      return !unsaved || refusal !== null || this.#ending !== null;
    };
    if (finished()) {
      this.#destroy();
      return;
    }
    const look = () => {
      if (!finished()) return;
      stopSaves();
      stopEndings();
      this.#destroy();
    };
    const stopSaves = this.save.subscribe(look);
    const stopEndings = this.onEnding(look);
  }

  /** Whether the session wants a connection: always, but after an ending. */
  protected get wanted(): boolean {
    return this.#ending === null;
  }

  protected connected(): void {
    this.#connections.call();
  }

  /**
   * Takes in a message of another with all others that come before the next frame, or after the composition that holds
   * it back: however many write at once, a long document is drawn once a frame. Nothing is drawn before it is loaded or
   * while the tab is hidden, and nothing is waited for then. `edits` says whether it may change the text.
   */
  protected receive(edits: boolean, take: () => void): void {
    this.#waiting.push({ edits, take });
    if (this.#held) return;
    if (!this.#loaded || document.visibilityState === 'hidden') this.#takeIn();
    else this.#frame ||= requestAnimationFrame(this.#takeIn);
  }

  /** Makes one change of several messages' changes. */
  protected abstract together(work: () => void): void;

  readonly #takeIn = (): void => {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#held || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const edits = waiting.filter((message) => message.edits);
    if (edits.length > 0) {
      this.#remotes.call();
      if (edits.length === 1) take(edits);
      else
        this.together(() => {
          take(edits);
        });
    }
    // After the text, since carets stand in it.
    take(waiting.filter((message) => !message.edits));
  };

  /** The server's document has arrived. */
  protected arrived(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    this.#loadings.call();
  }

  protected end(ending: Ending): void {
    this.#ending = ending;
    this.disconnect();
    this.#endings.call();
  }

  /** Connects if there is no connection, now. */
  protected abstract connect(): void;

  /** Ends the connection, and has none until `connect`. */
  protected abstract disconnect(): void;

  /**
   * Brings back what was kept of an earlier page, before there is a connection: the first step 2 then carries it to the
   * server. To be called by the classes that extend this one, when they know what is saved.
   */
  protected restore(updates: readonly Uint8Array[], edited: () => void): void {
    const { keeper } = this;
    if (!keeper) return;
    this.save.subscribe(() => {
      keeper.saves(this.save.snapshot());
    });
    if (updates.length === 0) return;
    edited();
    for (const update of updates) Y.applyUpdate(this.doc, update, keeper);
  }

  /** Ends all that the provider does. */
  protected abstract close(): void;

  #destroy(): void {
    window.removeEventListener('beforeunload', this.#onUnload);
    window.removeEventListener('offline', this.#onOffline);
    window.removeEventListener('online', this.#onOnline);
    window.removeEventListener('pagehide', this.#onHide);
    document.removeEventListener('visibilitychange', this.#onHide);
    this.letGo();
    this.close();
    this.keeper?.close();
    this.awareness.destroy();
    this.doc.destroy();
  }

  readonly #onUnload = (event: BeforeUnloadEvent): void => {
    if (this.save.snapshot().unsaved) event.preventDefault();
  };

  readonly #onHide = (): void => {
    if (document.visibilityState !== 'hidden') return;
    this.keeper?.flush();
    this.#takeIn();
  };

  // A socket whose network went away stays silent for up to half a minute before anybody notices. So close it at once
  // and try a new one: with the server on this machine that succeeds, otherwise the badge tells the truth.
  readonly #onOffline = (): void => {
    if (!this.wanted) return;
    this.disconnect();
    this.connect();
  };

  readonly #onOnline = (): void => {
    if (this.wanted) this.connect();
  };
}
