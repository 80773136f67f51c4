import type { Editor } from '@tiptap/react';
import { useEffect, useState } from 'react';
import { Counter, type Facts } from './length';

/** The least time between two counts, in milliseconds. */
const calm = 300;

/** Length and headings of what is written, a moment after it changed. */
export function useFacts(editor: Editor): Facts {
  const [counter] = useState(() => new Counter());
  const [facts, setFacts] = useState<Facts>(() => counter.facts(editor.state.doc));

  useEffect(() => {
    let timer: number | undefined;
    const count = () => {
      timer = undefined;
      if (!editor.isDestroyed) setFacts(counter.facts(editor.state.doc));
    };
    const soon = () => {
      timer ??= window.setTimeout(count, calm);
    };
    soon();
    editor.on('update', soon);
    return () => {
      window.clearTimeout(timer);
      editor.off('update', soon);
    };
  }, [editor, counter]);

  return facts;
}
