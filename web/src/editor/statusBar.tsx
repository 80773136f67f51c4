import { TextSelection } from '@tiptap/pm/state';
import { useEditorState, type Editor } from '@tiptap/react';
import { useLanguage, useText } from '../i18n';
import { Popover } from '../ui/popover';
import type { Request } from './commands';
import { Icon } from './icons';
import { lengthOf, minutesToRead, type Length } from './length';

/** A selection longer than this isn't counted at each step of making it, in characters. */
const longest = 100_000;

/** How long the text is, and the way to the keyboard's help. */
export function StatusBar({
  editor,
  length,
  request,
}: {
  editor: Editor;
  length: Length;
  request: (what: Request) => void;
}) {
  const t = useText();
  const selected = useEditorState({
    editor,
    selector: ({ editor: current }) => {
      const { selection, doc } = current.state;
      const { from, to } = selection;
      if (!(selection instanceof TextSelection) || selection.empty || to - from > longest) return null;
      return lengthOf(doc.textBetween(from, to, ' ', ' ')).words;
    },
  });
  const words = t('editor.count.words', { n: length.words });
  return (
    <footer className="status">
      <Popover
        label={t('editor.count.label')}
        className="status-count"
        testId="count"
        triggerClass="status-button"
        triggerLabel={`${t('editor.count.label')}: ${words}`}
        trigger={selected === null ? words : t('editor.count.selected', { words: selected, all: words })}
      >
        {() => <Lengths length={length} />}
      </Popover>
      <button
        type="button"
        className="status-button"
        aria-label={t('editor.help.title')}
        title={t('editor.help.title')}
        onClick={() => {
          request('help');
        }}
      >
        <Icon name="keyboard" />
      </button>
    </footer>
  );
}

/** The length of a text in all the ways that people ask for. */
export function Lengths({ length }: { length: Length }) {
  const t = useText();
  const number = new Intl.NumberFormat(useLanguage());
  return (
    <dl className="lengths">
      {[
        [t('editor.count.wordsName'), number.format(length.words)],
        [t('editor.count.charactersName'), number.format(length.characters)],
        [t('editor.count.withoutSpaces'), number.format(length.withoutSpaces)],
        [t('editor.count.paragraphs'), number.format(length.paragraphs)],
        [t('editor.count.reading'), t('editor.count.minutes', { n: minutesToRead(length.words) })],
      ].map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
