import { TextSelection } from '@tiptap/pm/state';
import type { Editor } from '@tiptap/react';
import { useEffect, useRef, useState } from 'react';
import { useText } from '../i18n';
import { Icon } from './icons';
import type { Heading } from './length';

/** How far below the window's upper edge a heading counts as reached, in CSS pixels: just under the bars. */
const reached = 180;

function topOf(editor: Editor, at: number): number {
  const shown = editor.view.nodeDOM(at);
  return shown instanceof HTMLElement ? shown.getBoundingClientRect().top : Infinity;
}

/** The index of the heading whose part of the text is at the window's upper edge, or -1. */
function headingInView(editor: Editor, headings: readonly Heading[]): number {
  let low = 0;
  let high = headings.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (topOf(editor, headings[middle]?.at ?? 0) < reached) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function useHeadingInView(editor: Editor, headings: readonly Heading[]): number {
  const [index, setIndex] = useState(-1);
  useEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      if (!editor.isDestroyed) setIndex(headingInView(editor, headings));
    };
    const soon = () => {
      frame ||= requestAnimationFrame(look);
    };
    soon();
    window.addEventListener('scroll', soon, { passive: true });
    window.addEventListener('resize', soon);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener('scroll', soon);
      window.removeEventListener('resize', soon);
    };
  }, [editor, headings]);
  return index;
}

/** The headings of the document, indented by their level; each leads to its place. */
export function Outline({
  editor,
  headings,
  onLeave,
  onClose,
}: {
  editor: Editor;
  headings: readonly Heading[];
  /** A heading was chosen. */
  onLeave: () => void;
  onClose: () => void;
}) {
  const t = useText();
  const current = useHeadingInView(editor, headings);
  const list = useRef<HTMLOListElement>(null);

  useEffect(() => {
    const shown = list.current;
    const item = shown?.children[current];
    if (!shown || !item) return;
    // By hand, since scrollIntoView would scroll the window with it.
    const frame = shown.getBoundingClientRect();
    const { top, bottom } = item.getBoundingClientRect();
    const margin = Math.min(48, frame.height / 4); // so that what comes next is seen, too
    if (top < frame.top + margin) shown.scrollTop -= frame.top + margin - top;
    else if (bottom > frame.bottom - margin) shown.scrollTop += bottom - frame.bottom + margin;
  }, [current]);
  const least = Math.min(...headings.map(({ level }) => level));

  const go = ({ at }: Heading) => {
    const { state, view } = editor;
    const inside = Math.min(at + 1, state.doc.content.size);
    view.dispatch(state.tr.setSelection(TextSelection.near(state.doc.resolve(inside))));
    const shown = view.nodeDOM(at);
    if (shown instanceof HTMLElement) shown.scrollIntoView({ block: 'start' });
    view.focus();
    onLeave();
  };

  return (
    <nav className="outline" aria-label={t('editor.outline.title')} data-testid="outline">
      <div className="outline-head">
        <h2>{t('editor.outline.title')}</h2>
        <button type="button" className="tool" aria-label={t('editor.outline.hide')} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      {headings.length === 0 ? <p className="outline-empty">{t('editor.outline.empty')}</p> : null}
      <ol ref={list}>
        {headings.map((heading, index) => (
          <li key={index}>
            <button
              type="button"
              className="outline-item"
              style={{ paddingInlineStart: 12 + (heading.level - least) * 14 }}
              data-level={heading.level - least}
              aria-current={index === current ? 'location' : undefined}
              onClick={() => {
                go(heading);
              }}
            >
              {heading.text || <span className="quiet">{t('editor.outline.untitled')}</span>}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
