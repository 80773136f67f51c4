import { useEditorState, type Editor } from '@tiptap/react';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { useText } from '../i18n';
import { history, inserts, lines, marks, type Command, type Request } from './commands';
import { LineMenu } from './lineMenu';
import { Tool, stateOf } from './tool';

const groups: readonly (readonly Command[])[] = [
  Object.values(history),
  Object.values(marks),
  [lines.bullets, lines.numbers, lines.tasks, lines.quote, lines.codeBlock],
  Object.values(inserts),
];

/**
 * The formatting buttons: they show what is on at the caret. Alt+F10 leads here from the text, the arrow keys from
 * button to button, Escape back; for Tab the whole is one stop.
 */
export function Toolbar({ editor, request }: { editor: Editor; request: (what: Request) => void }) {
  const t = useText();
  const bar = useRef<HTMLDivElement>(null);
  const [stop, setStop] = useState(0);
  const states = useEditorState({
    editor,
    selector: ({ editor: current }) => groups.map((group) => group.map((command) => stateOf(command, current))),
  });

  const buttons = () => [...(bar.current?.querySelectorAll<HTMLButtonElement>('.tool') ?? [])];

  useEffect(() => {
    const text = editor.view.dom;
    const enter = (event: globalThis.KeyboardEvent) => {
      if (event.key !== 'F10' || !event.altKey) return;
      event.preventDefault();
      bar.current?.querySelector<HTMLElement>('.tool[tabindex="0"]:not(:disabled), .tool:not(:disabled)')?.focus();
    };
    text.addEventListener('keydown', enter);
    return () => {
      text.removeEventListener('keydown', enter);
    };
  }, [editor]);

  const onKeyDown = (event: KeyboardEvent) => {
    const usable = buttons().filter((button) => !button.disabled);
    const at = usable.findIndex((button) => button === document.activeElement);
    if (at < 0) return;
    const to = {
      ArrowRight: (at + 1) % usable.length,
      ArrowLeft: (at - 1 + usable.length) % usable.length,
      Home: 0,
      End: usable.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      usable[to]?.focus();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      editor.commands.focus();
    }
  };

  let index = 0;
  const tabIndex = () => (index++ === stop ? 0 : -1);
  return (
    <div
      ref={bar}
      className="toolbar"
      role="toolbar"
      aria-label={t('editor.toolbar.label')}
      onKeyDown={onKeyDown}
      onFocus={({ target }) => {
        const at = buttons().findIndex((button) => button.contains(target));
        if (at >= 0) setStop(at);
      }}
    >
      <div className="toolbar-group">
        <LineMenu editor={editor} request={request} tabIndex={tabIndex()} />
      </div>
      {groups.map((group, row) => (
        <div className="toolbar-group" key={group[0]?.id}>
          {group.map((command, at) => (
            <Tool
              key={command.id}
              command={command}
              state={states[row]?.[at]}
              editor={editor}
              request={request}
              tabIndex={tabIndex()}
            />
          ))}
        </div>
      ))}
    </div>
  );
}
