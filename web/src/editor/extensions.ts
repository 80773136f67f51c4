import type { Extensions } from '@tiptap/core';
import { Image } from '@tiptap/extension-image';
import { TaskItem, TaskList } from '@tiptap/extension-list';
import { Selection } from '@tiptap/extensions';
import StarterKit from '@tiptap/starter-kit';
import { t } from '../i18n';
import { CodeBlockWithLanguage } from './codeBlock';
import { Highlight } from './highlight';
import { Hint } from './hint';
import { SlashTyped } from './slash';
import { tables } from './table';

/**
 * What a document may hold and how it is edited, without collaboration. None of these writes into the document by
 * itself: what one does on opening, or after an edit of others, it does on every screen, viewers' included.
 */
export const extensions: Extensions = [
  StarterKit.configure({
    // Yjs keeps the history: undo takes back one's own edits only.
    undoRedo: false,
    trailingNode: false,
    codeBlock: false,
    link: {
      autolink: false,
      openOnClick: false,
      linkOnPaste: true,
      HTMLAttributes: { target: '_blank', rel: 'noopener noreferrer nofollow' },
    },
    dropcursor: { color: 'var(--accent)', width: 2 },
  }),
  CodeBlockWithLanguage.configure({ enableTabIndentation: true, tabSize: 2 }),
  Highlight,
  TaskList,
  TaskItem.configure({
    nested: true,
    a11y: {
      checkboxLabel: (node, checked) => {
        const task = node.firstChild?.textContent.slice(0, 120) ?? '';
        return t(checked ? 'editor.task.done' : 'editor.task.open', { task: task || t('editor.task.empty') });
      },
    },
  }),
  ...tables,
  Image.configure({ allowBase64: false }),
  Selection,
  Hint,
  SlashTyped,
];
