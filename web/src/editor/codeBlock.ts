import { CodeBlock } from '@tiptap/extension-code-block';
import type { Node } from '@tiptap/pm/model';
import type { EditorView, NodeView } from '@tiptap/pm/view';
import { t } from '../i18n';
import { codeLanguages } from './languages';

/** A code block with a choice of its language in the corner. */
class CodeView implements NodeView {
  readonly dom = document.createElement('div');
  readonly contentDOM = document.createElement('code');
  readonly #choice = document.createElement('select');
  readonly #view: EditorView;
  readonly #at: () => number | undefined;

  constructor(node: Node, view: EditorView, at: () => number | undefined) {
    this.#view = view;
    this.#at = at;
    this.dom.className = 'code-block';
    this.#choice.className = 'code-language';
    this.#choice.contentEditable = 'false';
    this.#choice.setAttribute('aria-label', t('editor.code.language'));
    this.#choice.add(new Option(t('editor.code.plain'), ''));
    for (const [stored, name] of codeLanguages) this.#choice.add(new Option(name, stored));
    this.#choice.addEventListener('change', this.#choose);
    const pre = document.createElement('pre');
    pre.spellcheck = false;
    pre.append(this.contentDOM);
    this.dom.append(this.#choice, pre);
    this.#show(node);
  }

  update(node: Node): boolean {
    if (node.type.name !== 'codeBlock') return false;
    this.#show(node);
    return true;
  }

  stopEvent(event: Event): boolean {
    return event.target === this.#choice;
  }

  ignoreMutation(mutation: { target: globalThis.Node; type: string }): boolean {
    return mutation.type !== 'selection' && !this.contentDOM.contains(mutation.target);
  }

  destroy(): void {
    this.#choice.removeEventListener('change', this.#choose);
  }

  #show(node: Node): void {
    const language: unknown = node.attrs.language;
    const stored = typeof language === 'string' ? language : '';
    // What another program has stored is shown as it is.
    if (![...this.#choice.options].some(({ value }) => value === stored)) this.#choice.add(new Option(stored, stored));
    this.#choice.value = stored;
  }

  readonly #choose = (): void => {
    const at = this.#at();
    if (at === undefined || !this.#view.editable) {
      this.#choice.value = '';
      return;
    }
    const { state } = this.#view;
    this.#view.dispatch(state.tr.setNodeAttribute(at, 'language', this.#choice.value || null));
    this.#view.focus();
  };
}

export const CodeBlockWithLanguage = CodeBlock.extend({
  addNodeView() {
    return ({ node, view, getPos }) => new CodeView(node, view, getPos);
  },
});
