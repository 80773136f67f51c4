import { Extension } from '@tiptap/core';
import type { Node } from '@tiptap/pm/model';
import { Plugin, PluginKey, type EditorState } from '@tiptap/pm/state';
import { StepMap, Mapping } from '@tiptap/pm/transform';
import { Decoration, DecorationSet, type EditorView } from '@tiptap/pm/view';
import type { Grammars, Span } from './grammars';

/** Code longer than this is shown plain, in characters: colouring it would be felt at each letter. */
const longest = 30_000;

const key = new PluginKey<DecorationSet>('highlight');

/** Has code blocks coloured when the grammars have arrived; they are asked for when the first code block is shown. */
class Colours {
  #grammars: Grammars | null = null;
  #asked = false;
  /** By block; ProseMirror's nodes never change, a new text is a new node. */
  readonly #spans = new WeakMap<Node, readonly Span[]>();

  of(block: Node): readonly Span[] {
    const language: unknown = block.attrs.language;
    if (!this.#grammars || typeof language !== 'string' || block.content.size > longest) return [];
    let spans = this.#spans.get(block);
    if (!spans) {
      spans = this.#grammars.spansOf(block.textContent, language);
      this.#spans.set(block, spans);
    }
    return spans;
  }

  ask(view: EditorView): void {
    if (this.#asked) return;
    this.#asked = true;
    import('./grammars').then(
      ({ Grammars }) => {
        this.#grammars = new Grammars();
        if (!view.isDestroyed) view.dispatch(view.state.tr.setMeta(key, true));
      },
      () => {
        // Without its grammars code is legible, too; the next code block asks again.
        this.#asked = false;
      },
    );
  }
}

/** Calls `visit` for each code block between two positions. */
function eachBlock(doc: Node, from: number, to: number, visit: (block: Node, at: number) => void): void {
  doc.nodesBetween(from, to, (node, at) => {
    if (node.type.spec.code) visit(node, at);
    return !node.isTextblock;
  });
}

function decorate(colours: Colours, doc: Node, from: number, to: number): Decoration[] {
  const found: Decoration[] = [];
  eachBlock(doc, from, to, (block, at) => {
    for (const { from, to, kind } of colours.of(block)) {
      found.push(Decoration.inline(at + 1 + from, at + 1 + to, { class: kind }));
    }
  });
  return found;
}

/**
 * The colours of a changed document: those of what stayed are moved, those of blocks that changed are made anew. What
 * changed is found by comparing, since edits of others come as a replacement of the whole document.
 */
function changed(colours: Colours, set: DecorationSet, before: EditorState, after: EditorState): DecorationSet {
  const start = before.doc.content.findDiffStart(after.doc.content);
  const end = before.doc.content.findDiffEnd(after.doc.content);
  if (start === null || !end) return set;
  // Where the ends overlap the same letter was put in or taken out twice.
  const overlap = Math.max(0, start - Math.min(end.a, end.b));
  const endBefore = end.a + overlap;
  const endAfter = end.b + overlap;
  const moved = set.map(new Mapping([new StepMap([start, endBefore - start, endAfter - start])]), after.doc);
  let next = moved;
  eachBlock(after.doc, start, Math.min(endAfter, after.doc.content.size), (block, at) => {
    next = next.remove(next.find(at, at + block.nodeSize));
  });
  const fresh = decorate(colours, after.doc, start, Math.min(endAfter, after.doc.content.size));
  return fresh.length > 0 ? next.add(after.doc, fresh) : next;
}

/** Colours code blocks by their language. It decorates and leaves the document as it is. */
export const Highlight = Extension.create({
  name: 'highlight',

  addProseMirrorPlugins() {
    const colours = new Colours();
    return [
      new Plugin<DecorationSet>({
        key,
        state: {
          init: () => DecorationSet.empty,
          apply(transaction, set, before, after) {
            if (transaction.getMeta(key) === true) {
              return DecorationSet.create(after.doc, decorate(colours, after.doc, 0, after.doc.content.size));
            }
            return transaction.docChanged ? changed(colours, set, before, after) : set;
          },
        },
        props: {
          decorations: (state) => key.getState(state),
        },
        view() {
          return {
            update(view, before) {
              if (view.state.doc === before.doc) return;
              const start = before.doc.content.findDiffStart(view.state.doc.content);
              if (start === null) return;
              const end = before.doc.content.findDiffEnd(view.state.doc.content);
              eachBlock(view.state.doc, start, Math.max(start, end?.b ?? start), () => {
                colours.ask(view);
              });
            },
          };
        },
      }),
    ];
  },
});
