import { Extension } from '@tiptap/core';
import type { Node } from '@tiptap/pm/model';
import { Plugin, PluginKey } from '@tiptap/pm/state';
import { ySyncPluginKey } from '@tiptap/y-tiptap';
import type * as Y from 'yjs';

type SharedType = Y.AbstractType<unknown>;
type Shown = Node | Node[];

/** The part of y-tiptap's binding that knows which node of the editor stands for which shared type. */
interface Binding {
  type: SharedType;
  mapping: Map<SharedType, Shown>;
}

/**
 * Which node stands for which shared type. At each change of others the binding takes out the types that changed, with
 * all that they are in, and then clears the whole, since an entry may have gone stale; so every node of a long document
 * is made, compared, counted and drawn anew for a single letter. Here clearing spares what can be seen not to be stale:
 * the node is in the document that is shown, and nothing that it is in was taken out.
 */
export class LastingNodes extends Map<SharedType, Shown> {
  readonly #root: SharedType;
  readonly #doc: () => Node;

  constructor(root: SharedType, doc: () => Node, entries: Iterable<[SharedType, Shown]> = []) {
    super();
    this.#root = root;
    this.#doc = doc;
    for (const [type, node] of entries) this.set(type, node);
  }

  override clear(): void {
    const shown = new Set<Shown>();
    this.#doc().descendants((node) => {
      shown.add(node);
    });
    for (const [type, node] of this) {
      if (!shown.has(node) || !this.#within(type)) this.delete(type);
    }
  }

  /** Whether all that a type is in, up to the root, has its entry. */
  #within(type: SharedType): boolean {
    for (let outer = type.parent; outer !== this.#root; outer = outer.parent) {
      if (outer === null || !this.has(outer)) return false;
    }
    return true;
  }
}

/** Keeps long documents quick: nodes of what others didn't change stay. It belongs behind the collaboration extension. */
export const LongDocuments = Extension.create({
  name: 'longDocuments',
  priority: 10,

  addProseMirrorPlugins() {
    return [
      new Plugin({
        key: new PluginKey('longDocuments'),
        view(view) {
          const { binding } = ySyncPluginKey.getState(view.state) as { binding: Binding };
          if (!(binding.mapping instanceof LastingNodes)) {
            binding.mapping = new LastingNodes(binding.type, () => view.state.doc, binding.mapping);
          }
          return {};
        },
      }),
    ];
  },
});
