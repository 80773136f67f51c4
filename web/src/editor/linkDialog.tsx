import { getMarkRange } from '@tiptap/core';
import type { Editor } from '@tiptap/react';
import { useState, type SubmitEvent } from 'react';
import { useText } from '../i18n';
import { Field } from '../ui/field';
import { addressOf } from './address';
import { Modal } from './modal';

/** What the dialog is about: the link at the caret, or else the selection. */
function target(editor: Editor): { from: number; to: number; href: string } {
  const { selection, schema } = editor.state;
  const type = schema.marks.link;
  const range = type ? getMarkRange(selection.$from, type) : undefined;
  const href: unknown = editor.getAttributes('link').href;
  if (range && editor.isActive('link')) {
    return { from: range.from, to: range.to, href: typeof href === 'string' ? href : '' };
  }
  return { from: selection.from, to: selection.to, href: '' };
}

/** Asks for the address of a link, and for its text where there is none yet. */
export function LinkDialog({ editor, onClose }: { editor: Editor; onClose: () => void }) {
  const t = useText();
  const [{ from, to, href }] = useState(() => target(editor));
  const [address, setAddress] = useState(href);
  const [words, setWords] = useState('');
  const [problem, setProblem] = useState('');
  const writesText = from === to;

  const save = (event: SubmitEvent) => {
    event.preventDefault();
    const meant = addressOf(address);
    if (meant === null) {
      setProblem(t('editor.link.bad'));
      return;
    }
    // Others may have written meanwhile: the selection moved with their edits, the positions of the beginning didn't.
    const chain = editor.chain().focus();
    if (href) chain.extendMarkRange('link').setLink({ href: meant }).run();
    else if (writesText) {
      chain
        .insertContent({
          type: 'text',
          text: words.trim() || address.trim(),
          marks: [{ type: 'link', attrs: { href: meant } }],
        })
        .unsetMark('link')
        .run();
    } else chain.setLink({ href: meant }).run();
    onClose();
  };

  return (
    <Modal title={t(href ? 'editor.link.edit' : 'editor.link.add')} onClose={onClose} testId="link-dialog">
      <form className="form" onSubmit={save} noValidate>
        <Field
          label={t('editor.link.address')}
          data-autofocus
          inputMode="url"
          autoComplete="off"
          spellCheck={false}
          placeholder="https://"
          value={address}
          aria-invalid={problem ? true : undefined}
          onChange={(event) => {
            setAddress(event.target.value);
            setProblem('');
          }}
        />
        {writesText ? (
          <Field
            label={t('editor.link.text')}
            autoComplete="off"
            placeholder={address}
            value={words}
            onChange={(event) => {
              setWords(event.target.value);
            }}
          />
        ) : null}
        {problem ? (
          <p className="form-error" role="alert">
            {problem}
          </p>
        ) : null}
        <div className="modal-actions">
          {href ? (
            <button
              type="button"
              className="button button-quiet modal-first"
              onClick={() => {
                editor.chain().focus().extendMarkRange('link').unsetLink().run();
                onClose();
              }}
            >
              {t('editor.link.remove')}
            </button>
          ) : null}
          <button type="button" className="button" onClick={onClose}>
            {t('common.cancel')}
          </button>
          <button type="submit" className="button button-main">
            {t('editor.dialog.done')}
          </button>
        </div>
      </form>
    </Modal>
  );
}
