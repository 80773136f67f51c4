import * as decoding from 'lib0/decoding';
import { WebsocketProvider, messageAwareness, messageSync } from 'y-websocket';
import { DocumentSession, socketBase } from './documentSession';
import { isStep1, messageDecided, messageRefused, subprotocol, updateFrame, type UpdateFrame } from './frames';
import type { Kept } from './openSession';
import { SaveState } from './saveState';

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

/** A document over y-websocket, with the acknowledgements of `bizsync.v1`. */
export class WebsocketSession extends DocumentSession {
  override readonly save = new SaveState();
  readonly #provider: WebsocketProvider;

  constructor(documentId: string, { keeper, updates }: Kept) {
    super(keeper);
    this.restore(updates, () => {
      this.save.edited();
    });
    // This listener is added before the provider's own, so that SaveState hears of an edit before its frame is sent.
    this.doc.on('update', this.#onUpdate);

    this.#provider = new WebsocketProvider(socketBase(), documentId, this.doc, {
      connect: false,
      protocols: [subprotocol],
      WebSocketPolyfill: countingSocket((frame) => {
        this.save.sent(frame);
      }),
    });
    const readSync = this.#provider.messageHandlers[messageSync];
    this.#provider.messageHandlers[messageSync] = (...message) => {
      // The answer to a step 1 leaves with this call; it changes nothing here.
      if (isStep1(message[1])) readSync?.(...message);
      else this.receive(true, () => readSync?.(...message));
    };
    const readAwareness = this.#provider.messageHandlers[messageAwareness];
    this.#provider.messageHandlers[messageAwareness] = (...message) => {
      this.receive(false, () => readAwareness?.(...message));
    };
    this.#provider.messageHandlers[messageDecided] = (_reply, decoder) => {
      this.save.decided(decoding.readVarUint(decoder));
    };
    this.#provider.messageHandlers[messageRefused] = (_reply, decoder) => {
      const frame = decoding.readVarUint(decoder);
      const code = decoding.readVarUint(decoder);
      this.save.refused(frame, { code, reason: decoding.readVarString(decoder) });
    };
    this.#provider.on('status', ({ status }) => {
      if (status === 'disconnected') this.save.disconnected();
      if (status !== 'connected') return;
      this.save.connected();
      this.connected();
    });
    this.#provider.on('sync', (synced) => {
      this.save.synced(synced);
      if (synced) this.arrived();
    });
    // Leaves the other tabs' channel, too: what is typed after the end reaches no server.
    this.#provider.on('closed', ({ code, reason }) => {
      this.end({ code, reason });
    });
    this.connect();
  }

  override get awareness(): WebsocketProvider['awareness'] {
    return this.#provider.awareness;
  }

  protected override connect(): void {
    this.#provider.connect();
  }

  protected override disconnect(): void {
    this.#provider.disconnect();
  }

  protected override together(work: () => void): void {
    this.doc.transact(work, this.#provider);
  }

  protected override close(): void {
    this.#provider.destroy();
    this.doc.off('update', this.#onUpdate);
  }

  readonly #onUpdate = (update: Uint8Array, origin: unknown): void => {
    // What the provider applied came from the server, or over BroadcastChannel from another tab. A tab that is
    // connected sends its edits itself; without a connection of our own we may be the only one to bring them.
    if (origin === this.#provider && this.#provider.wsconnected) return;
    this.keeper?.edited(update);
    this.save.edited();
  };
}
