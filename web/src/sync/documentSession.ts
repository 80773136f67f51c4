import * as decoding from 'lib0/decoding';
import { WebsocketProvider, messageSync } from 'y-websocket';
import * as Y from 'yjs';
import { messageDecided, messageRefused, subprotocol, updateFrame, type UpdateFrame } from './frames';
import { SaveState } from './saveState';

/** The server ended the connection for good; `code` is one of the contract's, 4400 to 4499. */
export interface Ending {
  code: number;
  reason: string;
}

/** Makes a WebSocket class that reports each update frame that is sent through it. */
function countingSocket(onSent: (frame: UpdateFrame) => void): typeof WebSocket {
  return class extends WebSocket {
    override send(data: string | Blob | BufferSource): void {
      super.send(data);
      if (data instanceof Uint8Array) {
        const frame = updateFrame(data);
        if (frame) onSent(frame);
      }
    }
  };
}

function socketBase(location: Location): string {
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/collab`;
}

/**
 * One open document: the Yjs document, its connection to the server and the knowledge of what is saved. Lives from the
 * constructor to `release`, and while something is unsaved the browser asks before the tab is closed.
 */
export class DocumentSession {
  readonly doc = new Y.Doc();
  readonly save = new SaveState();
  readonly provider: WebsocketProvider;
  readonly #endings = new Set<() => void>();
  readonly #loadings = new Set<() => void>();
  readonly #remotes = new Set<() => void>();
  #ending: Ending | null = null;
  #loaded = false;

  constructor(documentId: string) {
    // This listener is added before the provider's own, so that SaveState hears of an edit before its frame is sent.
    this.doc.on('update', this.#onUpdate);

    this.provider = new WebsocketProvider(socketBase(window.location), documentId, this.doc, {
      connect: false,
      protocols: [subprotocol],
      WebSocketPolyfill: countingSocket((frame) => {
        this.save.sent(frame);
      }),
    });
    const readSync = this.provider.messageHandlers[messageSync];
    this.provider.messageHandlers[messageSync] = (...message) => {
      for (const listener of this.#remotes) listener();
      readSync?.(...message);
    };
    this.provider.messageHandlers[messageDecided] = (_reply, decoder) => {
      this.save.decided(decoding.readVarUint(decoder));
    };
    this.provider.messageHandlers[messageRefused] = (_reply, decoder) => {
      const frame = decoding.readVarUint(decoder);
      const code = decoding.readVarUint(decoder);
      this.save.refused(frame, { code, reason: decoding.readVarString(decoder) });
    };
    this.provider.on('status', ({ status }) => {
      if (status === 'connected') this.save.connected();
      if (status === 'disconnected') this.save.disconnected();
    });
    this.provider.on('sync', (synced) => {
      this.save.synced(synced);
      if (!synced || this.#loaded) return;
      this.#loaded = true;
      for (const listener of this.#loadings) listener();
    });
    this.provider.on('closed', ({ code, reason }) => {
      this.#ending = { code, reason };
      // Leave the other tabs' channel too: what is typed after the end reaches no server.
      this.provider.disconnect();
      for (const listener of this.#endings) listener();
    });
    window.addEventListener('beforeunload', this.#onUnload);
    window.addEventListener('offline', this.#onOffline);
    window.addEventListener('online', this.#onOnline);
    this.provider.connect();
  }

  /** How the server ended the connection for good, or null. For useSyncExternalStore. */
  readonly ending = (): Ending | null => this.#ending;

  readonly onEnding = (listener: () => void): (() => void) => {
    this.#endings.add(listener);
    return () => {
      this.#endings.delete(listener);
    };
  };

  /** Whether a connection has shown the server's document at least once, so that editing starts from its text. */
  readonly loaded = (): boolean => this.#loaded;

  readonly onLoaded = (listener: () => void): (() => void) => {
    this.#loadings.add(listener);
    return () => {
      this.#loadings.delete(listener);
    };
  };

  /** Calls `listener` before each message of another that may change the document; the returned function ends that. */
  readonly beforeRemote = (listener: () => void): (() => void) => {
    this.#remotes.add(listener);
    return () => {
      this.#remotes.delete(listener);
    };
  };

  /** Tries again after an ending whose cause may be mended, as by logging in. */
  resume(): void {
    this.#ending = null;
    this.provider.connect();
    for (const listener of this.#endings) listener();
  }

  /**
   * Closes the document once all that was typed is saved, which is normally now. Until then it stays open unseen: to
   * leave a page inside the application must lose no more than to stay on it.
   */
  release(): void {
    this.provider.awareness.setLocalState(null);
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

  #destroy(): void {
    window.removeEventListener('beforeunload', this.#onUnload);
    window.removeEventListener('offline', this.#onOffline);
    window.removeEventListener('online', this.#onOnline);
    this.provider.destroy();
    this.provider.awareness.destroy();
    this.doc.off('update', this.#onUpdate);
    this.doc.destroy();
  }

  readonly #onUnload = (event: BeforeUnloadEvent): void => {
    if (this.save.snapshot().unsaved) event.preventDefault();
  };

  readonly #onUpdate = (_update: Uint8Array, origin: unknown): void => {
    // What the provider applied came from the server, or over BroadcastChannel from another tab. A tab that is
    // connected sends its edits itself; without a connection of our own we may be the only one to bring them.
    if (origin !== this.provider || !this.provider.wsconnected) this.save.edited();
  };

  // A socket whose network went away stays silent for up to half a minute before anybody notices. So close it at once
  // and try a new one: with the server on this machine that succeeds, otherwise the badge tells the truth.
  readonly #onOffline = (): void => {
    if (!this.provider.shouldConnect) return;
    this.provider.disconnect();
    this.provider.connect();
  };

  readonly #onOnline = (): void => {
    if (this.provider.shouldConnect) this.provider.connect();
  };
}
