// Who comes by a document's address waits for all of it: what its page will need is asked for before there is a page.
import { api } from './api/client';
import type { DocumentInfo } from './api/types';

let asked: { id: string; info: Promise<DocumentInfo> } | null = null;

/** Asks for a document that is about to be shown. */
export function askAhead(id: string): Promise<DocumentInfo> {
  const info = api.document(id);
  asked = { id, info };
  return info;
}

/** The answer that was asked for ahead, once; undefined when none was. */
export function takeAhead(id: string): Promise<DocumentInfo> | undefined {
  if (asked?.id !== id) return undefined;
  const { info } = asked;
  asked = null;
  return info;
}
