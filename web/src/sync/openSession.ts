import type { DocumentSession } from './documentSession';
import { Keeper } from './keeper';
import { UnsavedStore } from './unsavedStore';
import { WebsocketSession } from './websocketSession';

/** How long the browser's storage may take to open before the document opens without it, in milliseconds. */
const patience = 2000;

/** What this browser keeps of a person's unsaved edits of a document, and who goes on keeping them. */
export interface Kept {
  keeper: Keeper | null;
  updates: readonly Uint8Array[];
}

const nothing: Kept = { keeper: null, updates: [] };

async function kept(account: string, documentId: string): Promise<Kept> {
  const read = async (): Promise<Kept> => {
    const store = await UnsavedStore.open(account, documentId);
    const found = await store.read();
    return { keeper: new Keeper(store, found), updates: found.updates };
  };
  const late = new Promise<Kept>((resolve) => {
    setTimeout(resolve, patience, nothing);
  });
  // Without storage, as in some private windows, the document opens all the same; the badge says what isn't kept.
  return Promise.race([read().catch(() => nothing), late]);
}

/**
 * Opens a document with the provider that the page's address asks for: `?provider=hocuspocus` is the Hocuspocus
 * provider, which is loaded only then; everything else is y-websocket. What the person wrote here earlier and the
 * server never got is brought along.
 */
export async function openSession(account: string, documentId: string, search: string): Promise<DocumentSession> {
  const found = await kept(account, documentId);
  if (new URLSearchParams(search).get('provider') !== 'hocuspocus') return new WebsocketSession(documentId, found);
  const { HocuspocusSession } = await import('./hocuspocusSession');
  return new HocuspocusSession(documentId, found);
}
