import { Extension } from '@tiptap/core';
import { Plugin, TextSelection } from '@tiptap/pm/state';
import { Decoration, DecorationSet } from '@tiptap/pm/view';
import { t } from '../i18n';

/**
 * Says in an empty block what can be written there: in an empty document always, otherwise where the caret is. It looks
 * at no more than the block with the caret, however long the document is.
 */
export const Hint = Extension.create({
  name: 'hint',

  addProseMirrorPlugins() {
    const { editor } = this;
    return [
      new Plugin({
        props: {
          decorations({ doc, selection }) {
            const only = doc.childCount === 1 ? doc.firstChild : null;
            if (only?.type.name === 'paragraph' && only.childCount === 0) {
              const hint = editor.isEditable ? t('editor.hint.empty') : t('editor.hint.nothing');
              return DecorationSet.create(doc, [
                Decoration.node(0, only.nodeSize, { class: 'hint-here', 'data-hint': hint }),
              ]);
            }
            if (!editor.isEditable || !(selection instanceof TextSelection) || !selection.empty) return null;
            const { $from } = selection;
            const { parent } = $from;
            if (parent.childCount > 0 || parent.type.spec.code) return null;
            const level: unknown = parent.attrs.level;
            const hint =
              parent.type.name === 'heading' && (level === 1 || level === 2 || level === 3)
                ? t(`editor.block.heading${level}`)
                : $from.depth === 1
                  ? t('editor.hint.line')
                  : null;
            if (hint === null) return null;
            return DecorationSet.create(doc, [
              Decoration.node($from.before(), $from.after(), { class: 'hint-here', 'data-hint': hint }),
            ]);
          },
        },
      }),
    ];
  },
});
