import { findParentNodeClosestToPos } from '@tiptap/core';
import { useEditorState, type Editor } from '@tiptap/react';
import { useText } from '../i18n';
import type { Command } from './commands';
import { Floating } from './floating';
import { Tool, stateOf } from './tool';

const groups: readonly (readonly Command[])[] = [
  [
    {
      id: 'rowAbove',
      label: 'editor.table.rowAbove',
      icon: 'rowAbove',
      run: (e) => e.chain().focus().addRowBefore().run(),
    },
    {
      id: 'rowBelow',
      label: 'editor.table.rowBelow',
      icon: 'rowBelow',
      run: (e) => e.chain().focus().addRowAfter().run(),
    },
    {
      id: 'rowDelete',
      label: 'editor.table.rowDelete',
      icon: 'rowDelete',
      run: (e) => e.chain().focus().deleteRow().run(),
    },
  ],
  [
    {
      id: 'columnBefore',
      label: 'editor.table.columnBefore',
      icon: 'columnBefore',
      run: (e) => e.chain().focus().addColumnBefore().run(),
    },
    {
      id: 'columnAfter',
      label: 'editor.table.columnAfter',
      icon: 'columnAfter',
      run: (e) => e.chain().focus().addColumnAfter().run(),
    },
    {
      id: 'columnDelete',
      label: 'editor.table.columnDelete',
      icon: 'columnDelete',
      run: (e) => e.chain().focus().deleteColumn().run(),
    },
  ],
  [
    {
      id: 'headerRow',
      label: 'editor.table.headerRow',
      icon: 'headerRow',
      run: (e) => e.chain().focus().toggleHeaderRow().run(),
    },
    {
      id: 'merge',
      label: 'editor.table.merge',
      icon: 'merge',
      can: (e) => e.can().mergeCells(),
      run: (e) => e.chain().focus().mergeCells().run(),
    },
    {
      id: 'split',
      label: 'editor.table.split',
      icon: 'split',
      can: (e) => e.can().splitCell(),
      run: (e) => e.chain().focus().splitCell().run(),
    },
  ],
  [
    {
      id: 'tableDelete',
      label: 'editor.table.delete',
      icon: 'trash',
      run: (e) => e.chain().focus().deleteTable().run(),
    },
  ],
];

const none = () => undefined;

/** Rows, columns and cells of the table that the caret is in. */
export function TableBar({ editor }: { editor: Editor }) {
  const t = useText();
  const at = useEditorState({
    editor,
    selector: ({ editor: current }) => {
      if (!current.isEditable || !current.isFocused) return null;
      const table = findParentNodeClosestToPos(
        current.state.selection.$from,
        (node) => node.type.spec.tableRole === 'table',
      );
      return table ? table.pos : null;
    },
  });
  const states = useEditorState({
    editor,
    selector: ({ editor: current }) =>
      current.isActive('table') ? groups.map((group) => group.map((command) => stateOf(command, current))) : null,
  });
  if (at === null || !states) return null;
  return (
    <Floating
      className="bubble table-bar"
      role="toolbar"
      aria-label={t('editor.table.label')}
      data-testid="table-bar"
      around={editor.view.dom}
      placement="top-start"
      gap={6}
      place={() => {
        const shown = editor.view.nodeDOM(at);
        return shown instanceof HTMLElement ? shown.getBoundingClientRect() : null;
      }}
    >
      {groups.map((group, row) => (
        <div className="bubble-group" key={group[0]?.id}>
          {group.map((command, i) => (
            <Tool key={command.id} command={command} state={states[row]?.[i]} editor={editor} request={none} />
          ))}
        </div>
      ))}
    </Floating>
  );
}
