import { NodeSelection } from '@tiptap/pm/state';
import type { Editor } from '@tiptap/react';
import { useState, type SubmitEvent } from 'react';
import { useText } from '../i18n';
import { Field } from '../ui/field';
import { pictureAddressOf } from './address';
import { lineBelow } from './commands';
import { Modal } from './modal';

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Asks for a picture's address and for what it shows; changes the selected picture, or puts in a new one. */
export function ImageDialog({ editor, onClose }: { editor: Editor; onClose: () => void }) {
  const t = useText();
  const [before] = useState(() => {
    const { selection } = editor.state;
    const chosen = selection instanceof NodeSelection && selection.node.type.name === 'image' ? selection.node : null;
    return chosen ? { src: text(chosen.attrs.src), alt: text(chosen.attrs.alt) } : null;
  });
  const [address, setAddress] = useState(before?.src ?? '');
  const [alt, setAlt] = useState(before?.alt ?? '');
  const [problem, setProblem] = useState('');
  const shown = pictureAddressOf(address);

  const save = (event: SubmitEvent) => {
    event.preventDefault();
    if (shown === null) {
      setProblem(t('editor.image.bad'));
      return;
    }
    const attributes = { src: shown, alt: alt.trim() };
    if (before) editor.chain().focus().updateAttributes('image', attributes).run();
    else editor.chain().focus().setImage(attributes).command(lineBelow).run();
    onClose();
  };

  return (
    <Modal title={t(before ? 'editor.image.edit' : 'editor.image.add')} onClose={onClose} testId="image-dialog">
      <form className="form" onSubmit={save} noValidate>
        <Field
          label={t('editor.image.address')}
          hint={t('editor.image.addressHint')}
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
        <Field
          label={t('editor.image.alt')}
          hint={t('editor.image.altHint')}
          autoComplete="off"
          maxLength={500}
          value={alt}
          onChange={(event) => {
            setAlt(event.target.value);
          }}
        />
        {problem ? (
          <p className="form-error" role="alert">
            {problem}
          </p>
        ) : null}
        <div className="modal-actions">
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
