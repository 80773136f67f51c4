import { defaultKeymap, indentWithTab } from '@codemirror/commands';
import { HighlightStyle, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import {
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { yCollab } from 'y-codemirror.next';
import * as Y from 'yjs';
import { t } from '../i18n';
import type { DocumentSession } from '../sync/documentSession';
import { holdWhileComposing } from './composition';
import { plainCarets } from './plainCarets';
import { languageOf } from './plainLanguage';

/** The name of the Y.Text of a plain document; programs read the text under it. */
export const plainName = 'codemirror';

const colours = HighlightStyle.define([
  { tag: tags.comment, color: 'var(--code-comment)', fontStyle: 'italic' },
  { tag: [tags.keyword, tags.bool, tags.null, tags.tagName, tags.modifier], color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.regexp, tags.special(tags.string)], color: 'var(--code-string)' },
  { tag: [tags.number, tags.attributeName, tags.atom], color: 'var(--code-number)' },
  { tag: [tags.function(tags.variableName), tags.definition(tags.variableName)], color: 'var(--code-name)' },
  { tag: [tags.typeName, tags.className, tags.propertyName, tags.namespace], color: 'var(--code-type)' },
  { tag: tags.heading, color: 'var(--code-name)', fontWeight: '650' },
  { tag: tags.strong, fontWeight: '650' },
  { tag: tags.emphasis, fontStyle: 'italic' },
  { tag: [tags.link, tags.url], color: 'var(--accent)' },
]);

/** A plain text in CodeMirror, bound to the session's document from construction to `destroy`. */
export class PlainEditor {
  readonly view: EditorView;
  readonly text: Y.Text;
  readonly #undo: Y.UndoManager;
  readonly #access = new Compartment();
  readonly #language = new Compartment();
  readonly #stopHolding: () => void;
  #title: string | null = null;

  constructor(session: DocumentSession, parent: Element, onChange: () => void) {
    this.text = session.doc.getText(plainName);
    this.#undo = new Y.UndoManager(this.text);
    this.view = new EditorView({
      parent,
      state: EditorState.create({
        doc: this.text.toJSON(),
        extensions: [
          this.#access.of(this.#accessOf(false)),
          this.#language.of([]),
          lineNumbers(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          highlightSpecialChars(),
          drawSelection(),
          indentOnInput(),
          indentUnit.of('  '),
          bracketMatching(),
          highlightSelectionMatches(),
          search({ top: true }),
          syntaxHighlighting(colours),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': t('editor.text'), 'data-testid': 'editor' }),
          Prec.highest(EditorView.domEventHandlers({ keydown: this.#redoByShift })),
          Prec.high(
            keymap.of([
              { key: 'Mod-z', run: this.#takeBack, preventDefault: true },
              { key: 'Mod-y', run: this.#redo, preventDefault: true },
              indentWithTab,
            ]),
          ),
          keymap.of([...searchKeymap, ...defaultKeymap]),
          yCollab(this.text, null, { undoManager: this.#undo }),
          plainCarets(this.text, session.awareness),
          EditorView.updateListener.of((update) => {
            if (update.docChanged || update.selectionSet) onChange();
            // What is written after the caret was put elsewhere is undone by itself.
            if (update.transactions.some((one) => one.isUserEvent('select'))) this.#undo.stopCapturing();
          }),
        ],
      }),
    });
    // CodeMirror has read the syllable by then: it does so in a microtask of its own listener.
    this.#stopHolding = holdWhileComposing(session, this.view.contentDOM, () => undefined);
  }

  setEditable(editable: boolean): void {
    this.view.dispatch({ effects: this.#access.reconfigure(this.#accessOf(editable)) });
  }

  /** Colours the text by the end of its title. */
  async setTitle(title: string): Promise<void> {
    this.#title = title;
    const extension = (await languageOf(title)?.load()) ?? [];
    // Renamed again meanwhile, or closed.
    if (this.#title === title) this.view.dispatch({ effects: this.#language.reconfigure(extension) });
  }

  destroy(): void {
    this.#title = null;
    this.#stopHolding();
    this.view.destroy();
    this.#undo.destroy();
  }

  readonly #takeBack = ({ state }: EditorView): boolean => {
    if (!state.readOnly) this.#undo.undo();
    return true;
  };

  readonly #redo = ({ state }: EditorView): boolean => {
    if (!state.readOnly) this.#undo.redo();
    return true;
  };

  // With Caps Lock the key of Shift and Z is a small z, which a key map takes for the key without Shift: it would undo.
  readonly #redoByShift = (event: KeyboardEvent, view: EditorView): boolean => {
    const command = (event.ctrlKey || event.metaKey) && event.shiftKey && !event.altKey;
    return command && event.key.toLowerCase() === 'z' && this.#redo(view);
  };

  #accessOf(editable: boolean) {
    return [EditorState.readOnly.of(!editable), EditorView.editable.of(editable)];
  }
}
