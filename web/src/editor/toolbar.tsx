import { useEditorState, type Editor } from '@tiptap/react';
import type { ReactNode } from 'react';
import { Icon, type IconName } from './icons';

interface Tool {
  label: string;
  face: IconName | { letters: string };
  active?: (editor: Editor) => boolean;
  can?: (editor: Editor) => boolean;
  run: (editor: Editor) => void;
}

const groups: Tool[][] = [
  [
    { label: 'Undo', face: 'undo', can: (e) => e.can().undo(), run: (e) => e.chain().focus().undo().run() },
    { label: 'Redo', face: 'redo', can: (e) => e.can().redo(), run: (e) => e.chain().focus().redo().run() },
  ],
  ([1, 2, 3] as const).map((level) => ({
    label: `Heading ${level}`,
    face: { letters: `H${level}` },
    active: (e: Editor) => e.isActive('heading', { level }),
    run: (e: Editor) => e.chain().focus().toggleHeading({ level }).run(),
  })),
  [
    {
      label: 'Bold',
      face: 'bold',
      active: (e) => e.isActive('bold'),
      run: (e) => e.chain().focus().toggleBold().run(),
    },
    {
      label: 'Italic',
      face: 'italic',
      active: (e) => e.isActive('italic'),
      run: (e) => e.chain().focus().toggleItalic().run(),
    },
    {
      label: 'Strikethrough',
      face: 'strike',
      active: (e) => e.isActive('strike'),
      run: (e) => e.chain().focus().toggleStrike().run(),
    },
    {
      label: 'Code',
      face: 'code',
      active: (e) => e.isActive('code'),
      run: (e) => e.chain().focus().toggleCode().run(),
    },
  ],
  [
    {
      label: 'Bulleted list',
      face: 'bullets',
      active: (e) => e.isActive('bulletList'),
      run: (e) => e.chain().focus().toggleBulletList().run(),
    },
    {
      label: 'Numbered list',
      face: 'numbers',
      active: (e) => e.isActive('orderedList'),
      run: (e) => e.chain().focus().toggleOrderedList().run(),
    },
    {
      label: 'Quote',
      face: 'quote',
      active: (e) => e.isActive('blockquote'),
      run: (e) => e.chain().focus().toggleBlockquote().run(),
    },
    {
      label: 'Code block',
      face: 'block',
      active: (e) => e.isActive('codeBlock'),
      run: (e) => e.chain().focus().toggleCodeBlock().run(),
    },
    {
      label: 'Divider',
      face: 'rule',
      run: (e) => e.chain().focus().setHorizontalRule().run(),
    },
  ],
];

function face(tool: Tool): ReactNode {
  return typeof tool.face === 'string' ? (
    <Icon name={tool.face} />
  ) : (
    <span className="tool-letters">{tool.face.letters}</span>
  );
}

/** The formatting buttons. They show what is on at the caret, and leave the caret where it is. */
export function Toolbar({ editor }: { editor: Editor }) {
  const states = useEditorState({
    editor,
    selector: ({ editor: current }) =>
      groups.flat().map((tool) => ({
        active: tool.active?.(current) ?? false,
        enabled: current.isEditable && (tool.can?.(current) ?? true),
      })),
  });

  let index = -1;
  return (
    <div className="toolbar" role="toolbar" aria-label="Formatting">
      {groups.map((group) => (
        <div className="toolbar-group" key={group[0]?.label}>
          {group.map((tool) => {
            index++;
            const state = states[index];
            return (
              <button
                key={tool.label}
                type="button"
                className="tool"
                aria-label={tool.label}
                title={tool.label}
                aria-pressed={tool.active ? state?.active : undefined}
                disabled={!state?.enabled}
                onMouseDown={(event) => {
                  // Keep the focus, and so the selection, in the text.
                  event.preventDefault();
                }}
                onClick={() => {
                  tool.run(editor);
                }}
              >
                {face(tool)}
              </button>
            );
          })}
        </div>
      ))}
    </div>
  );
}
