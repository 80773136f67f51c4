import { useEditorState, type Editor } from '@tiptap/react';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import { useText } from '../i18n';
import { findCommands, inserts, shownKeys, type Command, type Request } from './commands';
import { Floating } from './floating';
import { Icon } from './icons';
import { openSlash, type Slash } from './slash';

const insertIds = new Set<string>(Object.values(inserts).map(({ id }) => id));

/** What can be put in at a typed slash. The keys stay with the text; screen readers follow the marked entry. */
export function SlashMenu({ editor, request }: { editor: Editor; request: (what: Request) => void }) {
  const slash = useEditorState({
    editor,
    selector: ({ editor: current }) => (current.isEditable ? openSlash(current.state) : null),
  });
  return slash ? <OpenMenu key={slash.from} editor={editor} slash={slash} request={request} /> : null;
}

function OpenMenu({ editor, slash, request }: { editor: Editor; slash: Slash; request: (what: Request) => void }) {
  const t = useText();
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const commands = findCommands(slash.query, t).filter((command) => command.can?.(editor) ?? true);
  const [marked, setMarked] = useState({ query: slash.query, index: 0 });
  // Another query is another list: its first entry is the best.
  const index = marked.query === slash.query ? Math.min(marked.index, commands.length - 1) : 0;
  const chosen = commands[index];

  const choose = (command: Command) => {
    editor.chain().focus().deleteRange({ from: slash.from, to: slash.to }).run();
    command.run(editor, request);
  };

  useEffect(() =>
    editor.storage.slash.listen((event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step !== undefined && commands.length > 0) {
        setMarked({ query: slash.query, index: (index + step + commands.length) % commands.length });
        return true;
      }
      if (event.key === 'Escape') {
        editor.commands.closeSlash();
        return true;
      }
      if ((event.key === 'Enter' || event.key === 'Tab') && chosen) {
        choose(chosen);
        return true;
      }
      return false;
    }),
  );

  const entry = (command: Command) => `${id}-${command.id}`;
  const active = chosen ? entry(chosen) : null;
  useLayoutEffect(() => {
    const text = editor.view.dom;
    text.setAttribute('aria-controls', id);
    if (active) text.setAttribute('aria-activedescendant', active);
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
    return () => {
      text.removeAttribute('aria-controls');
      text.removeAttribute('aria-activedescendant');
    };
  }, [editor, id, active]);

  // A closed menu must not come back when the caret returns: losing the focus ends it.
  useEffect(() => {
    const close = () => {
      editor.commands.closeSlash();
    };
    editor.on('blur', close);
    return () => {
      editor.off('blur', close);
    };
  }, [editor]);

  return (
    <Floating
      className="menu slash-menu"
      data-testid="slash-menu"
      around={editor.view.dom}
      place={() => {
        const { left, top, bottom } = editor.view.coordsAtPos(Math.min(slash.from, editor.state.doc.content.size));
        return new DOMRect(left, top, 0, bottom - top);
      }}
      onMouseDown={(event) => {
        event.preventDefault();
      }}
    >
      <div ref={list} id={id} role="listbox" aria-label={t('editor.slash.label')}>
        {commands.map((command, at) => {
          const first = insertIds.has(command.id) && !insertIds.has(commands[at - 1]?.id ?? '');
          return (
            <div
              key={command.id}
              id={entry(command)}
              role="option"
              aria-selected={at === index}
              className="menu-item"
              data-first={first && at > 0 && slash.query === ''}
              onMouseMove={() => {
                if (at !== index) setMarked({ query: slash.query, index: at });
              }}
              onClick={() => {
                choose(command);
              }}
            >
              <span className="menu-icon">
                <Icon name={command.icon} />
              </span>
              <span className="menu-name">{t(command.label)}</span>
              {command.keys ? <kbd className="menu-keys">{shownKeys(command.keys)}</kbd> : null}
            </div>
          );
        })}
      </div>
      {commands.length === 0 ? (
        <p className="menu-none" role="status">
          {t('editor.slash.none')}
        </p>
      ) : null}
    </Floating>
  );
}
