import { getMarkRange, posToDOMRect } from '@tiptap/core';
import { NodeSelection } from '@tiptap/pm/state';
import { useEditorState, type Editor } from '@tiptap/react';
import { useState } from 'react';
import { useText } from '../i18n';
import type { Request } from './commands';
import { Floating } from './floating';
import { Icon, type IconName } from './icons';

function Act({ label, icon, onClick }: { label: string; icon: IconName; onClick: () => void }) {
  return (
    <button
      type="button"
      className="tool"
      aria-label={label}
      title={label}
      onMouseDown={(event) => {
        event.preventDefault();
      }}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

/** Where the link at the caret leads, and what can be done with it. */
export function LinkCard({ editor, request }: { editor: Editor; request: (what: Request) => void }) {
  const t = useText();
  const [copied, setCopied] = useState('');
  const link = useEditorState({
    editor,
    selector: ({ editor: current }) => {
      const { selection, schema } = current.state;
      if (!current.isEditable || !current.isFocused || !selection.empty || !schema.marks.link) return null;
      const range = getMarkRange(selection.$from, schema.marks.link);
      const href: unknown = current.getAttributes('link').href;
      return range && typeof href === 'string' ? { from: range.from, to: range.to, href } : null;
    },
  });
  if (!link) return null;
  const { from, to, href } = link;
  return (
    <Floating
      className="bubble link-card"
      role="group"
      aria-label={t('editor.link.card')}
      data-testid="link-card"
      around={editor.view.dom}
      gap={6}
      place={() => {
        const last = editor.state.doc.content.size;
        return posToDOMRect(editor.view, Math.min(from, last), Math.min(to, last));
      }}
    >
      <a href={href} target="_blank" rel="noopener noreferrer" title={href}>
        <Icon name="open" />
        <span>{href.replace(/^https?:\/\/|^mailto:/, '')}</span>
      </a>
      <span className="bubble-rule" />
      <Act
        label={t(copied === href ? 'editor.link.copied' : 'editor.link.copy')}
        icon="copy"
        onClick={() => {
          navigator.clipboard.writeText(href).then(
            () => {
              setCopied(href);
            },
            () => {
              setCopied('');
            },
          );
        }}
      />
      <Act
        label={t('editor.link.edit')}
        icon="edit"
        onClick={() => {
          request('link');
        }}
      />
      <Act
        label={t('editor.link.remove')}
        icon="unlink"
        onClick={() => {
          editor.chain().focus().extendMarkRange('link').unsetLink().run();
        }}
      />
    </Floating>
  );
}

/** What can be done with the selected picture. */
export function ImageCard({ editor, request }: { editor: Editor; request: (what: Request) => void }) {
  const t = useText();
  const at = useEditorState({
    editor,
    selector: ({ editor: current }) => {
      const { selection } = current.state;
      const chosen = selection instanceof NodeSelection && selection.node.type.name === 'image';
      return chosen && current.isEditable && current.isFocused ? selection.from : null;
    },
  });
  if (at === null) return null;
  return (
    <Floating
      className="bubble"
      role="group"
      aria-label={t('editor.image.card')}
      data-testid="image-card"
      around={editor.view.dom}
      placement="top"
      place={() => {
        const shown = editor.view.nodeDOM(at);
        return shown instanceof HTMLElement ? shown.getBoundingClientRect() : null;
      }}
    >
      <Act
        label={t('editor.image.edit')}
        icon="edit"
        onClick={() => {
          request('image');
        }}
      />
      <Act
        label={t('editor.image.delete')}
        icon="trash"
        onClick={() => {
          editor.chain().focus().deleteSelection().run();
        }}
      />
    </Floating>
  );
}
