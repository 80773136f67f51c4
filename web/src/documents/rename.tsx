import { useState, type SubmitEvent } from 'react';
import { api } from '../api/client';
import type { DocumentInfo } from '../api/types';
import { useText } from '../i18n';
import { Dialog, DialogCancel } from '../ui/dialog';
import { Field, FormError } from '../ui/field';
import { useTask } from '../ui/useTask';

export function RenameDialog({
  doc,
  onRenamed,
  onClose,
}: {
  doc: DocumentInfo;
  onRenamed: () => void;
  onClose: () => void;
}) {
  const t = useText();
  const [title, setTitle] = useState(doc.title);
  const { busy, problem, run } = useTask();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void run(async () => {
      await api.renameDocument(doc.id, title.trim());
      onRenamed();
    });
  };
  return (
    <Dialog title={t('documents.renameTitle')} testId="rename" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <Field
          label={t('documents.renameLabel')}
          value={title}
          required
          maxLength={200}
          autoComplete="off"
          autoFocus
          onFocus={(event) => {
            event.currentTarget.select();
          }}
          onChange={(event) => {
            setTitle(event.target.value);
          }}
        />
        <FormError>{problem}</FormError>
        <div className="confirm-actions">
          <DialogCancel />
          <button type="submit" className="button button-main" disabled={busy || title.trim() === ''}>
            {t('common.save')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
