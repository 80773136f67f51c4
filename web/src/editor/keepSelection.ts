import { Extension } from '@tiptap/core';
import { DecorationSet, type EditorView } from '@tiptap/pm/view';
import { yCursorPluginKey } from '@tiptap/y-tiptap';
import type { Awareness } from 'y-protocols/awareness';

/** The part of ProseMirror's view that reads what the browser did to text and selection; its types leave it out. */
interface Observed {
  domObserver?: { flush?: () => void };
}

/** Makes the editor take in, now, what the browser has done to text and selection and not reported yet. */
export function readBrowser(view: EditorView): void {
  // Until the editor is mounted, TipTap has a stand-in for its view that throws when asked for anything else.
  if ('domObserver' in view) (view as Observed).domObserver?.flush?.();
}

interface Options {
  awareness: Awareness;
}

/**
 * Keeps a click from being lost. The browser moves the selection at once and reports it a moment later; if somebody
 * else's caret or letter is drawn in that moment, the view also restores the selection that ProseMirror knows, which is
 * the old one, and the next letters land in the wrong place. So the browser is asked first: here before carets are
 * drawn, and by the document session before a message of others changes the text.
 *
 * Carets are drawn when others' have moved; y-tiptap would draw them anew after each letter of one's own, too.
 */
export const KeepSelection = Extension.create<Options, { moved: boolean; stop: () => void }>({
  name: 'keepSelection',

  addStorage() {
    return { moved: true, stop: () => undefined };
  },

  onBeforeCreate() {
    const { awareness } = this.options;
    const look = ({ added, updated, removed }: Record<'added' | 'updated' | 'removed', number[]>) => {
      const own = (client: number) => client === awareness.clientID;
      if (![...added, ...updated, ...removed].every(own)) this.storage.moved = true;
    };
    awareness.on('change', look);
    this.storage.stop = () => {
      awareness.off('change', look);
    };
  },

  onDestroy() {
    this.storage.stop();
  },

  dispatchTransaction({ transaction, next }) {
    const meta: unknown = transaction.getMeta(yCursorPluginKey);
    if (meta === undefined || transaction.docChanged) {
      next(transaction);
      return;
    }
    const { view } = this.editor;
    // An edit that moves blocks takes the carets away until they are drawn next.
    const drawn = yCursorPluginKey.getState(view.state) !== DecorationSet.empty;
    if (drawn && !this.storage.moved) return;
    this.storage.moved = false;
    const before = view.state;
    readBrowser(view);
    // The transaction was made for the state before; a later one needs its own, or it would bring the old selection back.
    next(view.state === before ? transaction : view.state.tr.setMeta(yCursorPluginKey, meta));
  },
});
