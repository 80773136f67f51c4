import type { Editor } from '@tiptap/react';
import type { ButtonHTMLAttributes } from 'react';
import { useText } from '../i18n';
import { shownKeys, type Command, type Request } from './commands';
import { Icon } from './icons';

/** What a button shows of a command at the caret. */
export interface ToolState {
  active: boolean;
  enabled: boolean;
}

export function stateOf(command: Command, editor: Editor): ToolState {
  return {
    active: command.active?.(editor) ?? false,
    enabled: editor.isEditable && (command.can?.(editor) ?? true),
  };
}

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  command: Command;
  state: ToolState | undefined;
  editor: Editor;
  request: (what: Request) => void;
}

/** The button of a command. It leaves the focus, and so the selection, in the text. */
export function Tool({ command, state, editor, request, ...rest }: Props) {
  const t = useText();
  const label = t(command.label);
  return (
    <button
      type="button"
      className="tool"
      aria-label={label}
      title={command.keys ? `${label} (${shownKeys(command.keys)})` : label}
      aria-pressed={command.active ? state?.active : undefined}
      disabled={!state?.enabled}
      onMouseDown={(event) => {
        event.preventDefault();
      }}
      onClick={() => {
        command.run(editor, request);
      }}
      {...rest}
    >
      <Icon name={command.icon} />
    </button>
  );
}
