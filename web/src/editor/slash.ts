import { Extension } from '@tiptap/core';
import { Plugin, PluginKey, TextSelection, type EditorState } from '@tiptap/pm/state';

/** A slash and the letters behind it, at the caret. */
export interface Slash {
  /** The position of the slash, and that of the caret. */
  from: number;
  to: number;
  query: string;
}

const key = new PluginKey<boolean>('slash');
const closing = 'close';

/** The longest query that can find anything, in characters. */
const longest = 24;

/** The slash that the caret is behind: at the beginning of a block or after a space, and not in code. */
function slashAt(state: EditorState): Slash | null {
  const { selection } = state;
  if (!(selection instanceof TextSelection) || !selection.empty) return null;
  const { $from } = selection;
  if (!$from.parent.isTextblock || $from.parent.type.spec.code || $from.marks().some(({ type }) => type.spec.code)) {
    return null;
  }
  const begin = Math.max(0, $from.parentOffset - longest - 2);
  const before = $from.parent.textBetween(begin, $from.parentOffset, undefined, '\ufffc');
  const found = /(?:^|[\s\ufffc])\/([^\s/][^/\ufffc]*)?$/u.exec(before);
  if (!found || (begin > 0 && found.index === 0 && before.startsWith('/'))) return null;
  const query = found[1] ?? '';
  if (query.length > longest) return null;
  return { from: selection.from - query.length - 1, to: selection.from, query };
}

/** The slash whose menu is open, or null. */
export function openSlash(state: EditorState): Slash | null {
  return key.getState(state) ? slashAt(state) : null;
}

/** What the menu does with keys while it is open: true when it has used one. */
export type SlashKeys = (event: KeyboardEvent) => boolean;

declare module '@tiptap/core' {
  interface Storage {
    slash: {
      /** Has `keys` decide about each key while the menu is open; the returned function ends that. */
      listen: (keys: SlashKeys) => () => void;
    };
  }
  interface Commands<ReturnType> {
    slash: {
      /** Closes the menu, until a new slash is typed. */
      closeSlash: () => ReturnType;
    };
  }
}

/** Notices that a slash is typed; the menu itself is SlashMenu. */
export const SlashTyped = Extension.create({
  name: 'slash',

  addStorage() {
    return { listen: () => () => undefined };
  },

  addCommands() {
    return {
      closeSlash:
        () =>
        ({ tr, dispatch }) => {
          dispatch?.(tr.setMeta(key, closing));
          return true;
        },
    };
  },

  addProseMirrorPlugins() {
    let listener: SlashKeys | null = null;
    this.editor.storage.slash.listen = (keys) => {
      listener = keys;
      return () => {
        if (listener === keys) listener = null;
      };
    };
    return [
      new Plugin<boolean>({
        key,
        state: {
          init: () => false,
          apply(transaction, open, before, after) {
            if (transaction.getMeta(key) === closing) return false;
            const slash = slashAt(after);
            if (!slash) return false;
            // Opened by typing the slash only: not by moving the caret behind one that is there, nor by others' edits.
            return (
              open ||
              (slash.query === '' &&
                transaction.docChanged &&
                slashAt(before) === null &&
                transaction.getMeta('typedSlash') === true)
            );
          },
        },
        props: {
          handleTextInput(view, _from, _to, text, insert) {
            if (text !== '/') return false;
            view.dispatch(insert().setMeta('typedSlash', true));
            return true;
          },
          handleKeyDown(view, event) {
            if (event.isComposing || !openSlash(view.state)) return false;
            return listener?.(event) ?? false;
          },
        },
      }),
    ];
  },
});
