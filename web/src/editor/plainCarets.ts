import { RangeSetBuilder, type Extension } from '@codemirror/state';
import { Decoration, EditorView, ViewPlugin, WidgetType, type DecorationSet, type ViewUpdate } from '@codemirror/view';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { colourOf } from '../ui/colour';
import { caret, text } from './carets';

/** Where somebody's selection is, in characters from the beginning. */
interface Place {
  user: Record<string, unknown>;
  anchor: number;
  head: number;
}

class CaretWidget extends WidgetType {
  readonly #user: Record<string, unknown>;

  constructor(user: Record<string, unknown>) {
    super();
    this.#user = user;
  }

  override eq(other: CaretWidget): boolean {
    return other.#user.id === this.#user.id && other.#user.name === this.#user.name;
  }

  override toDOM(): HTMLElement {
    return caret(this.#user);
  }

  override ignoreEvent(): boolean {
    return true;
  }
}

/** The places of everybody else's selections in a text, as far as they are in it. */
export function placesIn(shared: Y.Text, awareness: Awareness): Place[] {
  const places: Place[] = [];
  for (const [client, state] of awareness.getStates()) {
    const cursor = state.cursor as { anchor?: unknown; head?: unknown } | null | undefined;
    if (client === awareness.clientID || !cursor || !shared.doc) continue;
    const at = [cursor.anchor, cursor.head].map((json) => {
      try {
        const relative = Y.createRelativePositionFromJSON(json);
        const found = shared.doc && Y.createAbsolutePositionFromRelativePosition(relative, shared.doc);
        return found?.type === shared ? found.index : null;
      } catch {
        // Whatever another program has put there isn't a place.
        return null;
      }
    });
    const [anchor, head] = at;
    if (typeof anchor !== 'number' || typeof head !== 'number') continue;
    const user = (typeof state.user === 'object' && state.user !== null ? state.user : {}) as Record<string, unknown>;
    places.push({ user, anchor, head });
  }
  return places;
}

function draw(places: readonly Place[], length: number): DecorationSet {
  const ranges = places.flatMap(({ user, anchor, head }) => {
    const from = Math.min(anchor, head, length);
    const to = Math.min(Math.max(anchor, head), length);
    const at = Math.min(head, length);
    const colour = colourOf(text(user.id, ''));
    const mark = { from: at, to: at, decoration: Decoration.widget({ widget: new CaretWidget(user), side: 1 }) };
    if (from === to) return [mark];
    const style = `background-color: ${colour}33`;
    return [{ from, to, decoration: Decoration.mark({ attributes: { style }, class: 'caret-selection' }) }, mark];
  });
  ranges.sort((a, b) => a.from - b.from || a.decoration.startSide - b.decoration.startSide);
  const builder = new RangeSetBuilder<Decoration>();
  for (const { from, to, decoration } of ranges) builder.add(from, to, decoration);
  return builder.finish();
}

/** Shows others' carets and selections in a plain text, and tells others of one's own. */
export function plainCarets(shared: Y.Text, awareness: Awareness): Extension {
  class Carets {
    decorations: DecorationSet;
    readonly #view: EditorView;
    #told = '';

    constructor(view: EditorView) {
      this.#view = view;
      this.decorations = Decoration.none;
      awareness.on('change', this.#changed);
    }

    update(update: ViewUpdate): void {
      this.decorations = draw(placesIn(shared, awareness), update.state.doc.length);
      if (update.docChanged || update.selectionSet || update.focusChanged) this.#tell();
    }

    destroy(): void {
      awareness.off('change', this.#changed);
      if (awareness.getLocalState()) awareness.setLocalStateField('cursor', null);
    }

    readonly #changed = ({ added, updated, removed }: Record<'added' | 'updated' | 'removed', number[]>): void => {
      if ([...added, ...updated, ...removed].every((client) => client === awareness.clientID)) return;
      this.#view.dispatch({});
    };

    #tell(): void {
      const { anchor, head } = this.#view.state.selection.main;
      const cursor = this.#view.hasFocus
        ? {
            anchor: Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(shared, anchor)) as unknown,
            head: Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(shared, head)) as unknown,
          }
        : null;
      const told = JSON.stringify(cursor);
      if (told === this.#told || !awareness.getLocalState()) return;
      this.#told = told;
      awareness.setLocalStateField('cursor', cursor);
    }
  }
  return ViewPlugin.fromClass(Carets, { decorations: (plugin) => plugin.decorations });
}
