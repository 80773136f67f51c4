import { Table, TableCell, TableHeader, TableRow, TableView } from '@tiptap/extension-table';
import { Plugin } from '@tiptap/pm/state';
import { columnResizing, tableEditing } from '@tiptap/pm/tables';
import { ySyncPluginKey } from '@tiptap/y-tiptap';

/** The least width of a column, in CSS pixels. */
const leastWidth = 64;

/**
 * The plugin that makes tables editable, except that it mends ragged tables only in what is edited here. As published it
 * also does so after the edits of others, and so on every screen at once: each adds the missing cells, and all of them
 * stay.
 */
function editing(): Plugin {
  const published = tableEditing();
  const { appendTransaction } = published.spec;
  return new Plugin({
    ...published.spec,
    appendTransaction(transactions, before, after) {
      const own = transactions.some((one) => one.docChanged && one.getMeta(ySyncPluginKey) === undefined);
      return appendTransaction?.call(published, transactions, own ? before : after, after);
    },
  });
}

const OwnTable = Table.extend({
  // As published, whether columns can be resized is decided when the editor is made, which is before it may be edited.
  addProseMirrorPlugins() {
    return [
      columnResizing({
        handleWidth: 6,
        cellMinWidth: leastWidth,
        defaultCellMinWidth: leastWidth,
        View: TableView,
        lastColumnResizable: true,
      }),
      editing(),
    ];
  },
  addNodeView() {
    return null;
  },
}).configure({ cellMinWidth: leastWidth });

/** Tables, with their rows and both kinds of cells. */
export const tables = [OwnTable, TableRow, TableHeader, TableCell];
