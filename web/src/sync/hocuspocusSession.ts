import { HocuspocusProvider, HocuspocusProviderWebsocket, MessageType, WebSocketStatus } from '@hocuspocus/provider';
import * as decoding from 'lib0/decoding';
import type { Awareness } from 'y-protocols/awareness';
import { ApiError, api } from '../api/client';
import { CounterState } from './counterState';
import { DocumentSession, socketBase } from './documentSession';
import type { Kept } from './openSession';

/** Made known for a socket that is given up here, as the provider itself does with one that is silent. */
const gone = 4408;

const messageSync: number = MessageType.Sync;
const messageAwareness: number = MessageType.Awareness;

/** What a message may change. It begins with the document's name and its kind. */
function changes(message: ArrayBuffer): 'text' | 'carets' | 'neither' {
  const decoder = decoding.createDecoder(new Uint8Array(message));
  decoding.readVarString(decoder);
  const kind = decoding.readVarUint(decoder);
  if (kind === messageSync) return 'text';
  return kind === messageAwareness ? 'carets' : 'neither';
}

/**
 * A document over the protocol of Hocuspocus, with the provider as it is published: what is saved is what its counter
 * of unsynced changes says. The protocol has less to say than `bizsync.v1`, no reason for a refusal and no code for a
 * denial; the latter is asked for.
 */
export class HocuspocusSession extends DocumentSession {
  override readonly save = new CounterState();
  override readonly awareness: Awareness;
  readonly #documentId: string;
  readonly #socket: HocuspocusProviderWebsocket;
  readonly #provider: HocuspocusProvider;

  constructor(documentId: string, { keeper, updates }: Kept) {
    super(keeper);
    this.restore(updates, () => {
      this.save.edited();
    });
    this.#documentId = documentId;
    this.doc.on('update', this.#onUpdate);
    this.#socket = new HocuspocusProviderWebsocket({ url: socketBase() });
    this.#provider = new HocuspocusProvider({
      websocketProvider: this.#socket,
      name: documentId,
      document: this.doc,
      // None: the session's cookie says who this is.
      token: null,
      onStatus: ({ status }) => {
        if (status === WebSocketStatus.Connected) this.save.connected();
        if (status === WebSocketStatus.Disconnected) this.save.disconnected();
      },
      onClose: ({ event: { code, reason } }) => {
        // These are definite; by itself the provider comes back after any.
        if (code >= 4400 && code < 4500 && code !== gone) this.end({ code, reason });
      },
      onAuthenticated: () => {
        this.connected();
      },
      onAuthenticationFailed: ({ reason }) => {
        void this.#denied(reason);
      },
      onMessage: ({ message }) => {
        message.readVarString(); // the document's name
        const refused = message.readVarUint() === MessageType.SyncStatus && decoding.readVarInt(message.decoder) !== 1;
        if (refused) this.save.refused();
      },
      onSynced: () => {
        this.save.synced();
        this.arrived();
      },
      onUnsyncedChanges: ({ number }) => {
        this.save.waiting(number);
      },
    });
    if (!this.#provider.awareness) throw new Error('the provider has no awareness');
    this.awareness = this.#provider.awareness;
    const read = this.#provider.onMessage.bind(this.#provider);
    this.#provider.onMessage = (event) => {
      const changed = changes(event.data as ArrayBuffer);
      const take = () => {
        read(event);
      };
      if (changed !== 'neither') this.receive(changed === 'text', take);
      else take();
    };
    this.#provider.attach();
  }

  protected override connect(): void {
    void this.#socket.connect();
  }

  protected override disconnect(): void {
    // The provider waits for the end of the closing handshake, which doesn't come from a network that is gone.
    this.#socket.webSocket?.dispatchEvent(new CloseEvent('close', { code: gone, reason: 'given up' }));
    this.#socket.disconnect();
  }

  protected override together(work: () => void): void {
    this.doc.transact(work, this.#provider);
  }

  protected override close(): void {
    this.#provider.destroy();
    this.#socket.destroy();
    this.doc.off('update', this.#onUpdate);
  }

  /** Finds out why the server said no: over REST it says so by a code. */
  async #denied(reason: string): Promise<void> {
    let code = 0;
    try {
      await api.document(this.#documentId);
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      code = ({ 401: 4401, 404: 4403, 410: 4404 } as Partial<Record<number, number>>)[status] ?? 0;
    }
    this.end({ code, reason });
  }

  readonly #onUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this.#provider) return;
    this.keeper?.edited(update);
    this.save.edited();
  };
}
