import type { OnlineEditor } from '../api/types';
import { languageNow, t } from '../i18n';
import { span } from './measure';

/** A document that somebody has open, with those who have. */
export interface OpenDocument {
  id: string;
  title: string;
  editors: OnlineEditor[];
}

/** Text for comparing: without case and accents. */
export function plain(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Whether each word of the query is in the person's name, the document's title or the server's name. */
export function matches(editor: OnlineEditor, query: string): boolean {
  const text = plain(`${editor.user.name}\n${editor.document.title || t('common.untitled')}\n${editor.node}`);
  return plain(query)
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Groups connections by document, by title; within one, those who came first stay first. */
export function byDocument(editors: readonly OnlineEditor[]): OpenDocument[] {
  const found = new Map<string, OpenDocument>();
  for (const editor of editors) {
    const { id, title } = editor.document;
    const doc = found.get(id);
    if (doc) {
      doc.editors.push(editor);
      // A document may have been renamed since the first of them came.
      doc.title = title;
    } else {
      found.set(id, { id, title, editors: [editor] });
    }
  }
  return [...found.values()].sort((a, b) => a.title.localeCompare(b.title, languageNow()) || a.id.localeCompare(b.id));
}

export interface Counts {
  people: number;
  documents: number;
  connections: number;
}

export function countsOf(editors: readonly OnlineEditor[]): Counts {
  return {
    people: new Set(editors.map((one) => one.user.id)).size,
    documents: new Set(editors.map((one) => one.document.id)).size,
    connections: editors.length,
  };
}

/** How long something has been up: "12 s", "5 min", "3 h 20 min", "4 d 2 h". */
export function lasting(since: string, now: number): string {
  return span((now - Date.parse(since)) / 1000);
}
