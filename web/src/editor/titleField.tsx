import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { api } from '../api/client';
import type { DocumentInfo } from '../api/types';
import { useText } from '../i18n';
import { useTask } from '../ui/useTask';

interface Props {
  info: DocumentInfo;
  readOnly: boolean;
  /** The document is new: its title is what one writes first. */
  first: boolean;
  /** Enter was pressed: what follows a title is the text. */
  onEnter: () => void;
  onRenamed: () => Promise<void>;
}

/** The title, changed in place: Enter or leaving the field saves it, Escape takes it back. */
export function TitleField({ info, readOnly, first, onEnter, onRenamed }: Props) {
  const field = useRef<HTMLInputElement>(null);
  // Null while nobody edits it, so that a rename by somebody else shows.
  const [draft, setDraft] = useState<string | null>(null);
  const t = useText();
  const { problem, run } = useTask({ stay: true });

  useEffect(() => {
    // Whoever has gone elsewhere meanwhile stays there.
    if (first && document.activeElement === document.body) field.current?.focus();
  }, [first]);

  const save = async () => {
    const title = draft?.trim() ?? '';
    if (draft === null || title === '' || title === info.title) {
      setDraft(null);
      return;
    }
    const done = await run(async () => {
      await api.renameDocument(info.id, title);
      await onRenamed();
    });
    if (done) setDraft(null);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter') {
      event.preventDefault(); // the text would begin with it
      event.currentTarget.blur();
      onEnter();
    }
    if (event.key === 'Escape') {
      setDraft(null);
    }
  };

  return (
    <div className="title">
      <label htmlFor="title" className="visually-hidden">
        {t('editor.title')}
      </label>
      <input
        ref={field}
        id="title"
        className="title-input"
        data-testid="title"
        value={draft ?? info.title}
        readOnly={readOnly}
        placeholder={t('common.untitled')}
        maxLength={200}
        autoComplete="off"
        aria-invalid={problem ? true : undefined}
        title={problem || undefined}
        onFocus={(event) => {
          if (!readOnly && info.title === t('common.untitled')) event.currentTarget.select();
        }}
        onChange={(event) => {
          setDraft(event.target.value);
        }}
        onBlur={save}
        onKeyDown={onKeyDown}
      />
      {problem ? (
        <p className="form-error title-problem" role="alert">
          {problem}
        </p>
      ) : null}
    </div>
  );
}
