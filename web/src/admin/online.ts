import type { OnlineEditor } from '../api/types';

/** A document that somebody has open, with those who have. */
export interface OpenDocument {
  id: string;
  title: string;
  editors: OnlineEditor[];
}

/** Text for comparing: without case and accents. */
function plain(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Whether each word of the query is in the person's name, the document's title or the server's name. */
export function matches(editor: OnlineEditor, query: string): boolean {
  const text = plain(`${editor.user.name}\n${editor.document.title || 'Untitled'}\n${editor.node}`);
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
  return [...found.values()].sort((a, b) => a.title.localeCompare(b.title) || a.id.localeCompare(b.id));
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

/** "1 person", "2 people". */
export function counted(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** How long something has been up: "12 s", "5 min", "3 h 20 min", "4 d 2 h". */
export function lasting(since: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  if (Number.isNaN(seconds)) return '';
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}
