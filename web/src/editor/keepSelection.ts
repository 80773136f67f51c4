import { Extension } from '@tiptap/core';
import type { EditorView } from '@tiptap/pm/view';
import { yCursorPluginKey } from '@tiptap/y-tiptap';

/** The part of ProseMirror's view that reads what the browser did to text and selection; its types leave it out. */
interface Observed {
  domObserver?: { flush?: () => void };
}

/** Makes the editor take in, now, what the browser has done to text and selection and not reported yet. */
export function readBrowser(view: EditorView): void {
  // Until the editor is mounted, TipTap has a stand-in for its view that throws when asked for anything else.
  if ('domObserver' in view) (view as Observed).domObserver?.flush?.();
}

/**
 * Keeps a click from being lost. The browser moves the selection at once and reports it a moment later; if somebody
 * else's caret or letter is drawn in that moment, the view also restores the selection that ProseMirror knows, which is
 * the old one, and the next letters land in the wrong place. So the browser is asked first: here before carets are
 * drawn, and by the document session before a message of others changes the text.
 */
export const KeepSelection = Extension.create({
  name: 'keepSelection',

  dispatchTransaction({ transaction, next }) {
    const meta: unknown = transaction.getMeta(yCursorPluginKey);
    if (meta === undefined || transaction.docChanged) {
      next(transaction);
      return;
    }
    const { view } = this.editor;
    const before = view.state;
    readBrowser(view);
    // The transaction was made for the state before; a later one needs its own, or it would bring the old selection back.
    next(view.state === before ? transaction : view.state.tr.setMeta(yCursorPluginKey, meta));
  },
});
