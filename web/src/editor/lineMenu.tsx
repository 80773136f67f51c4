import { useEditorState, type Editor } from '@tiptap/react';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { useText } from '../i18n';
import { lineCommands, lines, shownKeys, type Request } from './commands';
import { Floating } from './floating';
import { Icon } from './icons';

/** Says what kind of line the caret is in, and turns it into another. */
export function LineMenu({
  editor,
  request,
  tabIndex,
}: {
  editor: Editor;
  request: (what: Request) => void;
  tabIndex?: number;
}) {
  const t = useText();
  const [open, setOpen] = useState<'mouse' | 'keys' | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const kind = useEditorState({
    editor,
    selector: ({ editor: current }) =>
      // The innermost says most: a task's text, not "text".
      lineCommands.findIndex((command) => command.id !== 'text' && command.active?.(current)),
  });
  const now = lineCommands[kind] ?? lines.text;
  const editable = useEditorState({ editor, selector: ({ editor: current }) => current.isEditable });

  useEffect(() => {
    if (!open) return;
    // A click leaves the focus in the text, whose selection is what it is about.
    if (open === 'keys')
      list.current?.querySelector<HTMLElement>('[aria-checked=true]')?.focus({ preventScroll: true });
    const outside = (event: Event) => {
      const { target } = event;
      if (target instanceof Node && !list.current?.contains(target) && !button.current?.contains(target)) setOpen(null);
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
    };
  }, [open]);

  const onKeyDown = (event: KeyboardEvent) => {
    const items = [...(list.current?.querySelectorAll<HTMLElement>('[role=menuitemradio]') ?? [])];
    const at = items.findIndex((item) => item === document.activeElement);
    const to = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (at - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      items[to]?.focus();
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      event.stopPropagation();
      setOpen(null);
      button.current?.focus();
    }
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        className="tool tool-wide"
        aria-haspopup="menu"
        aria-expanded={open !== null}
        aria-label={t('editor.toolbar.turnInto', { kind: t(now.label) })}
        title={t('editor.toolbar.turnIntoTitle')}
        disabled={!editable}
        tabIndex={tabIndex}
        onMouseDown={(event) => {
          event.preventDefault();
        }}
        onClick={(event) => {
          setOpen(open ? null : event.detail === 0 ? 'keys' : 'mouse');
        }}
      >
        <span className="tool-kind">{t(now.label)}</span>
        <Icon name="chevron" />
      </button>
      {open ? (
        <Floating
          className="menu"
          around={editor.view.dom}
          gap={6}
          place={() => button.current?.getBoundingClientRect() ?? null}
          onKeyDown={onKeyDown}
        >
          <div ref={list} role="menu" aria-label={t('editor.toolbar.turnIntoTitle')}>
            {lineCommands.map((command) => (
              <button
                key={command.id}
                type="button"
                role="menuitemradio"
                aria-checked={command.id === now.id}
                className="menu-item"
                tabIndex={-1}
                onMouseDown={(event) => {
                  event.preventDefault();
                }}
                onClick={() => {
                  setOpen(null);
                  if (command.id === now.id) editor.commands.focus();
                  else command.run(editor, request);
                }}
              >
                <span className="menu-icon">
                  <Icon name={command.icon} />
                </span>
                <span className="menu-name">{t(command.label)}</span>
                {command.keys ? <kbd className="menu-keys">{shownKeys(command.keys)}</kbd> : null}
              </button>
            ))}
          </div>
        </Floating>
      ) : null}
    </>
  );
}
