import { useText } from '../i18n';
import { history, lines, marks, shownKeys, type Label } from './commands';
import { Modal } from './modal';

interface Row {
  label: Label;
  keys?: string;
  typed?: string;
}

const withKeys = (commands: readonly { label: Label; keys?: string }[]): Row[] =>
  commands.filter(({ keys }) => keys).map(({ label, keys }) => ({ label, ...(keys ? { keys } : {}) }));

const groups: readonly { title: Label; rows: readonly Row[] }[] = [
  { title: 'editor.help.letters', rows: withKeys([...Object.values(marks), ...Object.values(history)]) },
  { title: 'editor.help.lines', rows: withKeys(Object.values(lines)) },
  {
    title: 'editor.help.typed',
    rows: [
      { label: 'editor.help.menu', typed: '/' },
      { label: 'editor.block.heading1', typed: '#' },
      { label: 'editor.block.heading2', typed: '##' },
      { label: 'editor.block.bullets', typed: '-' },
      { label: 'editor.block.numbers', typed: '1.' },
      { label: 'editor.block.tasks', typed: '[ ]' },
      { label: 'editor.block.quote', typed: '>' },
      { label: 'editor.block.code', typed: '```' },
      { label: 'editor.block.rule', typed: '---' },
      { label: 'editor.mark.bold', typed: '**…**' },
      { label: 'editor.mark.italic', typed: '*…*' },
      { label: 'editor.mark.code', typed: '`…`' },
    ],
  },
  {
    title: 'editor.help.page',
    rows: [
      { label: 'editor.help.toToolbar', keys: 'Alt-F10' },
      { label: 'editor.help.toText', keys: 'Escape' },
      { label: 'editor.help.nextCell', keys: 'Tab' },
      { label: 'editor.help.previousCell', keys: 'Shift-Tab' },
      { label: 'editor.help.indent', keys: 'Tab' },
      { label: 'editor.help.lineBreak', keys: 'Shift-Enter' },
      { label: 'editor.help.leaveBlock', keys: 'Mod-Enter' },
      { label: 'editor.outline.title', keys: 'Mod-Alt-o' },
      { label: 'editor.help.title', keys: 'Mod-/' },
    ],
  },
];

/** All that the keys can do. */
export function Help({ onClose }: { onClose: () => void }) {
  const t = useText();
  return (
    <Modal title={t('editor.help.title')} onClose={onClose} testId="help" wide>
      <div className="help">
        {groups.map(({ title, rows }) => (
          <section key={title}>
            <h3>{t(title)}</h3>
            <dl>
              {rows.map(({ label, keys, typed }) => (
                <div key={`${label} ${keys ?? ''}`}>
                  <dt>{t(label)}</dt>
                  <dd>
                    <kbd>{keys ? shownKeys(keys) : typed}</kbd>
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}
