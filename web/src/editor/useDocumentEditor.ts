import Collaboration from '@tiptap/extension-collaboration';
import CollaborationCaret from '@tiptap/extension-collaboration-caret';
import { Placeholder } from '@tiptap/extensions';
import { useEditor, type Editor } from '@tiptap/react';
import StarterKit from '@tiptap/starter-kit';
import { useEffect } from 'react';
import type { User } from '../api/types';
import type { DocumentSession } from '../sync/documentSession';
import { colourOf } from '../ui/colour';
import { KeepSelection, readBrowser } from './keepSelection';

/** The name of the document's Y.XmlFragment; programs read the text under it. */
export const fragmentName = 'default';

function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value ? value : otherwise;
}

function caret(user: Record<string, unknown>): HTMLElement {
  // Colour by account, not by what the other side claims: a person has one colour on all screens.
  const colour = colourOf(text(user.id, ''));
  const mark = document.createElement('span');
  mark.className = 'caret';
  mark.style.borderColor = colour;
  mark.dataset.testid = 'caret';
  const label = document.createElement('span');
  label.className = 'caret-name';
  label.style.backgroundColor = colour;
  label.textContent = text(user.name, 'Somebody');
  mark.append(label);
  return mark;
}

/** The TipTap editor of an open document, writable or not. */
export function useDocumentEditor(session: DocumentSession, user: User, editable: boolean): Editor {
  const editor = useEditor(
    {
      editable: false,
      injectCSS: false,
      editorProps: {
        attributes: {
          class: 'prose',
          role: 'textbox',
          'aria-multiline': 'true',
          'aria-label': 'Document text',
          'data-testid': 'editor',
        },
      },
      extensions: [
        StarterKit.configure({
          // Yjs keeps the history: undo takes back one's own edits only.
          undoRedo: false,
          // Both would write into the document by themselves, on every screen that has it open, viewers' included.
          trailingNode: false,
          link: { autolink: false, openOnClick: true, linkOnPaste: true },
        }),
        Placeholder.configure({ placeholder: 'Write something…' }),
        KeepSelection,
        Collaboration.configure({ document: session.doc, field: fragmentName }),
        CollaborationCaret.configure({
          provider: { awareness: session.awareness },
          user: { id: user.id, name: user.name, color: colourOf(user.id) },
          render: caret,
          selectionRender: (other) => ({
            class: 'caret-selection',
            style: `background-color: ${colourOf(text(other.id, ''))}33`,
          }),
        }),
      ],
    },
    [session, user.id, user.name],
  );

  useEffect(
    () =>
      session.beforeRemote(() => {
        if (!editor.isDestroyed) readBrowser(editor.view);
      }),
    [session, editor],
  );

  useEffect(() => {
    // No update event: nothing in the document changed.
    editor.setEditable(editable, false);
    editor.view.dom.setAttribute('aria-readonly', String(!editable));
  }, [editor, editable]);

  return editor;
}
