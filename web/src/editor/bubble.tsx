import { TextSelection } from '@tiptap/pm/state';
import { posToDOMRect } from '@tiptap/core';
import { useEditorState, type Editor } from '@tiptap/react';
import { useEffect, useState } from 'react';
import { useText } from '../i18n';
import { marks, type Command, type Request } from './commands';
import { Floating } from './floating';
import { LineMenu } from './lineMenu';
import { Tool, stateOf } from './tool';

const commands: readonly Command[] = Object.values(marks);

/** A finger's selection has the system's own menu in this place; the toolbar is there for it. */
const byFinger = '(pointer: coarse)';

/** The formatting that hangs over a selection made with the mouse or the keys. */
export function Bubble({ editor, request }: { editor: Editor; request: (what: Request) => void }) {
  const t = useText();
  const [dragging, setDragging] = useState(false);
  const selected = useEditorState({
    editor,
    selector: ({ editor: current }) => {
      const { selection, doc } = current.state;
      const shown =
        current.isEditable &&
        current.isFocused &&
        selection instanceof TextSelection &&
        !selection.empty &&
        !selection.$from.parent.type.spec.code &&
        doc.textBetween(selection.from, Math.min(selection.to, selection.from + 500), ' ').trim() !== '';
      return shown ? { from: selection.from, to: selection.to } : null;
    },
  });
  const states = useEditorState({
    editor,
    selector: ({ editor: current }) => commands.map((command) => stateOf(command, current)),
  });

  useEffect(() => {
    const text = editor.view.dom;
    const down = () => {
      setDragging(true);
    };
    const up = () => {
      setDragging(false);
    };
    text.addEventListener('pointerdown', down);
    window.addEventListener('pointerup', up);
    window.addEventListener('pointercancel', up);
    return () => {
      text.removeEventListener('pointerdown', down);
      window.removeEventListener('pointerup', up);
      window.removeEventListener('pointercancel', up);
    };
  }, [editor]);

  if (!selected || dragging || window.matchMedia(byFinger).matches) return null;
  return (
    <Floating
      className="bubble"
      role="toolbar"
      aria-label={t('editor.bubble.label')}
      data-testid="bubble"
      around={editor.view.dom}
      placement="top"
      place={() => {
        const last = editor.state.doc.content.size;
        return posToDOMRect(editor.view, Math.min(selected.from, last), Math.min(selected.to, last));
      }}
    >
      <LineMenu editor={editor} request={request} tabIndex={-1} />
      <span className="bubble-rule" />
      {commands.map((command, at) => (
        <Tool key={command.id} command={command} state={states[at]} editor={editor} request={request} tabIndex={-1} />
      ))}
    </Floating>
  );
}
