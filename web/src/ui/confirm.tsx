import { useId, useLayoutEffect, useRef, type ReactNode } from 'react';
import { useText } from '../i18n';
import { FormError } from './field';

/** Asks before something is done that can't be taken back. Escape and "Cancel" close it without doing it. */
export function Confirm({
  title,
  children,
  more,
  action,
  busy = false,
  problem = '',
  onConfirm,
  onClose,
}: {
  title: string;
  children: ReactNode;
  /** What else has to be said or chosen. */
  more?: ReactNode;
  /** The word on the button that does it. */
  action: string;
  busy?: boolean;
  problem?: string;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const t = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Closed before it goes away, so that the focus returns to where it came from.
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
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={() => {
        if (!dialog.current?.open) onClose();
      }}
      data-testid="confirm"
    >
      <h2 id={`${id}-title`}>{title}</h2>
      <div id={`${id}-text`} className="confirm-text">
        {children}
      </div>
      {more}
      <FormError>{problem}</FormError>
      <div className="confirm-actions">
        <button type="button" className="button" onClick={() => dialog.current?.close()}>
          {t('common.cancel')}
        </button>
        <button type="button" className="button button-danger" disabled={busy} onClick={onConfirm}>
          {action}
        </button>
      </div>
    </dialog>
  );
}
