import type { CommandProps } from '@tiptap/core';
import type { Editor } from '@tiptap/react';
import type { TextKey } from '../i18n';
import type { IconName } from './icons';

/** What an editor asks its page to show. */
export type Request = 'link' | 'image' | 'help';

/** The texts that name something to do; they have no places to fill. */
export type Label = Extract<
  TextKey,
  `editor.${'block' | 'mark' | 'history' | 'table' | 'help'}.${string}` | 'editor.outline.title'
>;

/** Something that can be done to the text, in whichever menu it is offered. */
export interface Command {
  id: string;
  label: Label;
  icon: IconName;
  /** The keys in TipTap's notation, where there are any. */
  keys?: string;
  /** Further words by which the slash menu finds it, in any language. */
  words?: string;
  active?: (editor: Editor) => boolean;
  can?: (editor: Editor) => boolean;
  run: (editor: Editor, request: (what: Request) => void) => void;
}

const heading = (level: 1 | 2 | 3): Command => ({
  id: `heading${level}`,
  label: `editor.block.heading${level}`,
  icon: `heading${level}`,
  keys: `Mod-Alt-${level}`,
  words: `h${level} title section 제목 머리글`,
  active: (e) => e.isActive('heading', { level }),
  run: (e) => e.chain().focus().setNode('heading', { level }).run(),
});

/** The kinds that a line of text can turn into. */
export const lines = {
  text: {
    id: 'text',
    label: 'editor.block.text',
    icon: 'text',
    keys: 'Mod-Alt-0',
    words: 'paragraph plain 본문 문단 글',
    active: (e) => e.isActive('paragraph') && !e.isActive('listItem') && !e.isActive('taskItem'),
    run: (e) => e.chain().focus().clearNodes().run(),
  },
  heading1: heading(1),
  heading2: heading(2),
  heading3: heading(3),
  bullets: {
    id: 'bullets',
    label: 'editor.block.bullets',
    icon: 'bullets',
    keys: 'Mod-Shift-8',
    words: 'list unordered ul point 목록 글머리 기호',
    active: (e) => e.isActive('bulletList'),
    run: (e) => e.chain().focus().toggleBulletList().run(),
  },
  numbers: {
    id: 'numbers',
    label: 'editor.block.numbers',
    icon: 'numbers',
    keys: 'Mod-Shift-7',
    words: 'list ordered ol 번호 목록',
    active: (e) => e.isActive('orderedList'),
    run: (e) => e.chain().focus().toggleOrderedList().run(),
  },
  tasks: {
    id: 'tasks',
    label: 'editor.block.tasks',
    icon: 'tasks',
    keys: 'Mod-Shift-9',
    words: 'todo check checklist box 할 일 체크',
    active: (e) => e.isActive('taskList'),
    run: (e) => e.chain().focus().toggleTaskList().run(),
  },
  quote: {
    id: 'quote',
    label: 'editor.block.quote',
    icon: 'quote',
    keys: 'Mod-Shift-b',
    words: 'blockquote citation 인용',
    active: (e) => e.isActive('blockquote'),
    run: (e) => e.chain().focus().toggleBlockquote().run(),
  },
  codeBlock: {
    id: 'codeBlock',
    label: 'editor.block.code',
    icon: 'block',
    keys: 'Mod-Alt-c',
    words: 'snippet program pre 코드 블록',
    active: (e) => e.isActive('codeBlock'),
    run: (e) => e.chain().focus().toggleCodeBlock().run(),
  },
} satisfies Record<string, Command>;

/** Leaves a line to go on below what was put in as the last of the document. */
export function lineBelow({ tr, state, dispatch }: CommandProps): boolean {
  const { paragraph } = state.schema.nodes;
  if (paragraph && tr.doc.lastChild?.type !== paragraph) dispatch?.(tr.insert(tr.doc.content.size, paragraph.create()));
  return true;
}

/** What is put into the text as a whole. */
export const inserts = {
  table: {
    id: 'table',
    label: 'editor.block.table',
    icon: 'table',
    words: 'grid rows columns 표 테이블',
    can: (e) => !e.isActive('table'),
    run: (e) => e.chain().focus().insertTable({ rows: 3, cols: 3, withHeaderRow: true }).command(lineBelow).run(),
  },
  image: {
    id: 'image',
    label: 'editor.block.image',
    icon: 'image',
    words: 'picture photo img 이미지 그림 사진',
    run: (_e, request) => {
      request('image');
    },
  },
  rule: {
    id: 'rule',
    label: 'editor.block.rule',
    icon: 'rule',
    words: 'hr line separator 구분선',
    run: (e) => e.chain().focus().setHorizontalRule().run(),
  },
} satisfies Record<string, Command>;

/** How letters look. */
export const marks = {
  bold: {
    id: 'bold',
    label: 'editor.mark.bold',
    icon: 'bold',
    keys: 'Mod-b',
    active: (e) => e.isActive('bold'),
    run: (e) => e.chain().focus().toggleBold().run(),
  },
  italic: {
    id: 'italic',
    label: 'editor.mark.italic',
    icon: 'italic',
    keys: 'Mod-i',
    active: (e) => e.isActive('italic'),
    run: (e) => e.chain().focus().toggleItalic().run(),
  },
  underline: {
    id: 'underline',
    label: 'editor.mark.underline',
    icon: 'underline',
    keys: 'Mod-u',
    active: (e) => e.isActive('underline'),
    run: (e) => e.chain().focus().toggleUnderline().run(),
  },
  strike: {
    id: 'strike',
    label: 'editor.mark.strike',
    icon: 'strike',
    keys: 'Mod-Shift-s',
    active: (e) => e.isActive('strike'),
    run: (e) => e.chain().focus().toggleStrike().run(),
  },
  code: {
    id: 'code',
    label: 'editor.mark.code',
    icon: 'code',
    keys: 'Mod-e',
    active: (e) => e.isActive('code'),
    run: (e) => e.chain().focus().toggleCode().run(),
  },
  link: {
    id: 'link',
    label: 'editor.mark.link',
    icon: 'link',
    keys: 'Mod-k',
    active: (e) => e.isActive('link'),
    can: (e) => !e.isActive('codeBlock'),
    run: (_e, request) => {
      request('link');
    },
  },
} satisfies Record<string, Command>;

export const history = {
  undo: {
    id: 'undo',
    label: 'editor.history.undo',
    icon: 'undo',
    keys: 'Mod-z',
    can: (e) => e.can().undo(),
    run: (e) => e.chain().focus().undo().run(),
  },
  redo: {
    id: 'redo',
    label: 'editor.history.redo',
    icon: 'redo',
    keys: 'Mod-Shift-z',
    can: (e) => e.can().redo(),
    run: (e) => e.chain().focus().redo().run(),
  },
} satisfies Record<string, Command>;

/** The commands of the slash menu, in its order. */
export const slashCommands: readonly Command[] = [...Object.values(lines), ...Object.values(inserts)];

/** Those that turn a line into another kind, in the order of their menu. */
export const lineCommands: readonly Command[] = Object.values(lines);

/** The commands that a query finds: by the beginning of a word of their name first, then by any of their words. */
export function findCommands(query: string, nameOf: (label: Label) => string): Command[] {
  const wanted = query.normalize('NFC').trim().toLocaleLowerCase();
  if (wanted === '') return [...slashCommands];
  const rank = (command: Command): number => {
    const name = nameOf(command.label).toLocaleLowerCase();
    if (name.startsWith(wanted)) return 0;
    if (name.split(/\s+/).some((word) => word.startsWith(wanted))) return 1;
    if (`${name} ${command.words ?? ''}`.split(/\s+/).some((word) => word.startsWith(wanted))) return 2;
    return name.includes(wanted) ? 3 : 4;
  };
  return slashCommands
    .map((command) => ({ command, rank: rank(command) }))
    .filter((found) => found.rank < 4)
    .sort((a, b) => a.rank - b.rank)
    .map(({ command }) => command);
}

const mac = /Mac|iP(hone|ad|od)/.test(globalThis.navigator.userAgent);

/** Keys as this machine's people write them: ⌘⇧8 on a Mac, Ctrl+Shift+8 elsewhere. */
export function shownKeys(keys: string): string {
  const parts = keys.split('-').map((part) => (part.length === 1 ? part.toUpperCase() : part));
  if (!mac) return parts.map((part) => (part === 'Mod' ? 'Ctrl' : part)).join('+');
  const signs: Record<string, string> = { Mod: '⌘', Shift: '⇧', Alt: '⌥', Ctrl: '⌃', Enter: '↩' };
  return parts.map((part) => signs[part] ?? part).join('');
}
