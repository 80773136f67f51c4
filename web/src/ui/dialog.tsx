import { useId, useLayoutEffect, useRef, type ReactNode } from 'react';
import { useText } from '../i18n';

/** A modal dialog with a form or the like in it. Escape closes it; the focus returns to where it came from. */
export function Dialog({
  title,
  testId,
  onClose,
  children,
}: {
  title: string;
  testId?: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => {
      shown?.close();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className="confirm"
      aria-labelledby={id}
      data-testid={testId}
      onClose={() => {
        if (!dialog.current?.open) onClose();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** Closes the dialog that it is in, and does nothing else. */
export function DialogCancel() {
  const t = useText();
  return (
    <button
      type="button"
      className="button"
      onClick={(event) => {
        event.currentTarget.closest('dialog')?.close();
      }}
    >
      {t('common.cancel')}
    </button>
  );
}
