import type { DocumentSession } from './documentSession';
import { WebsocketSession } from './websocketSession';

/**
 * Opens a document with the provider that the page's address asks for: `?provider=hocuspocus` is the Hocuspocus
 * provider, which is loaded only then; everything else is y-websocket.
 */
export async function openSession(documentId: string, search: string): Promise<DocumentSession> {
  if (new URLSearchParams(search).get('provider') !== 'hocuspocus') return new WebsocketSession(documentId);
  const { HocuspocusSession } = await import('./hocuspocusSession');
  return new HocuspocusSession(documentId);
}
