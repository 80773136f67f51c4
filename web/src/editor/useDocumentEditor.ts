import Collaboration from '@tiptap/extension-collaboration';
import CollaborationCaret from '@tiptap/extension-collaboration-caret';
import { TextSelection } from '@tiptap/pm/state';
import type { EditorView } from '@tiptap/pm/view';
import { useEditor, type Editor } from '@tiptap/react';
import { useEffect } from 'react';
import type { User } from '../api/types';
import { t } from '../i18n';
import type { DocumentSession } from '../sync/documentSession';
import { colourOf } from '../ui/colour';
import { caret, nameMovingCarets, text } from './carets';
import { holdWhileComposing } from './composition';
import { extensions } from './extensions';
import { KeepSelection, readBrowser } from './keepSelection';
import { LongDocuments } from './longDocuments';

/** The name of the document's Y.XmlFragment; programs read the text under it. */
export const fragmentName = 'default';

/** A click on a link puts the caret there; with Ctrl or ⌘ it opens the link, as in other editors. */
function openLink(view: EditorView, event: MouseEvent): boolean {
  if (!view.editable || !(event.ctrlKey || event.metaKey) || !(event.target instanceof Element)) return false;
  const link = event.target.closest<HTMLAnchorElement>('a[href]');
  if (!link) return false;
  window.open(link.href, '_blank', 'noopener,noreferrer');
  return true;
}

/** A click below the text goes on there, also where the last thing is a table or a picture, which has no line after it. */
function goOnBelow(view: EditorView, event: MouseEvent): boolean {
  const { doc, schema, tr } = view.state;
  const { paragraph } = schema.nodes;
  const { lastElementChild } = view.dom;
  if (!view.editable || !paragraph || doc.lastChild?.isTextblock !== false || !lastElementChild) return false;
  if (event.clientY <= lastElementChild.getBoundingClientRect().bottom) return false;
  tr.insert(doc.content.size, paragraph.create());
  view.dispatch(tr.setSelection(TextSelection.atEnd(tr.doc)).scrollIntoView());
  return true;
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
          'aria-label': t('editor.text'),
          'data-testid': 'editor',
        },
        // Keeps the caret clear of the bars above and below.
        scrollMargin: { top: 140, bottom: 80, left: 0, right: 0 },
        scrollThreshold: { top: 120, bottom: 60, left: 0, right: 0 },
        handleClick: (view, _at, event) => openLink(view, event) || goOnBelow(view, event),
      },
      extensions: [
        ...extensions,
        KeepSelection.configure({ awareness: session.awareness }),
        LongDocuments,
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

  useEffect(
    () =>
      holdWhileComposing(session, editor.view.dom, () => {
        if (!editor.isDestroyed) readBrowser(editor.view);
      }),
    [session, editor],
  );

  useEffect(() => nameMovingCarets(session.awareness, editor.view.dom), [session, editor]);

  useEffect(() => {
    // No update event: nothing in the document changed.
    editor.setEditable(editable, false);
    editor.view.dom.setAttribute('aria-readonly', String(!editable));
  }, [editor, editable]);

  return editor;
}
