import { EditorView } from '@codemirror/view';
import { useEffect, useRef, useState } from 'react';
import { useText } from '../i18n';
import { colourOf } from '../ui/colour';
import { nameMovingCarets } from './carets';
import { placesIn } from './plainCarets';
import { PlainEditor, plainName } from './plainEditor';
import { languageOf } from './plainLanguage';
import type { BodyProps } from './richDocument';
import '../styles/plain.css';

/** Where the caret is, and how long the text is. */
interface Place {
  line: number;
  column: number;
  lines: number;
}

function placeIn({ state }: EditorView): Place {
  const { head } = state.selection.main;
  const line = state.doc.lineAt(head);
  return { line: line.number, column: head - line.from + 1, lines: state.doc.lines };
}

/** A document of plain text or code. */
export default function PlainDocument({ session, user, title, mayWrite, loaded, ended, follow, banner }: BodyProps) {
  const t = useText();
  const holder = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<PlainEditor | null>(null);
  const [place, setPlace] = useState<Place>({ line: 1, column: 1, lines: 1 });
  const editable = mayWrite && loaded && !ended;

  useEffect(() => {
    if (!holder.current) return;
    session.awareness.setLocalStateField('user', { id: user.id, name: user.name, color: colourOf(user.id) });
    const made = new PlainEditor(session, holder.current, () => {
      setPlace(placeIn(made.view));
    });
    setEditor(made);
    setPlace(placeIn(made.view)); // the text may have come before the editor
    const stopNaming = nameMovingCarets(session.awareness, made.view.dom);
    const stopFollowing = follow.attach((userId) => {
      const found = placesIn(made.text, session.awareness).findLast(({ user }) => user.id === userId);
      if (!found) return false;
      const at = Math.min(found.head, made.view.state.doc.length);
      made.view.dispatch({ effects: EditorView.scrollIntoView(at, { y: 'center' }) });
      return true;
    });
    return () => {
      stopFollowing();
      stopNaming();
      made.destroy();
      setEditor(null);
    };
  }, [session, user.id, user.name, follow]);

  useEffect(() => {
    editor?.setEditable(editable);
  }, [editor, editable]);

  useEffect(() => {
    void editor?.setTitle(title);
  }, [editor, title]);

  return (
    <>
      {banner(() => session.doc.getText(plainName).toJSON())}
      <main className="surface plain" data-loaded={loaded}>
        {loaded || ended ? null : <p className="quiet surface-wait">{t('editor.opening')}</p>}
        <div ref={holder} className="plain-text" hidden={!loaded} />
      </main>
      <footer className="plain-status">
        <span data-testid="language">{languageOf(title)?.name ?? t('editor.plain.text')}</span>
        <span>{t('editor.count.lines', { n: place.lines })}</span>
        <span>{t('editor.plain.place', { line: place.line, column: place.column })}</span>
      </footer>
    </>
  );
}
