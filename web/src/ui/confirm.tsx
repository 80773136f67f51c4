import { useEffect, useId, useRef, type ReactNode } from 'react';
import { FormError } from './field';

/** Asks before something is done that can't be taken back. Escape and "Cancel" close it without doing it. */
export function Confirm({
  title,
  children,
  action,
  busy = false,
  problem = '',
  onConfirm,
  onClose,
}: {
  title: string;
  children: ReactNode;
  /** The word on the button that does it. */
  action: string;
  busy?: boolean;
  problem?: string;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="confirm"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={onClose}
      data-testid="confirm"
    >
      <h2 id={`${id}-title`}>{title}</h2>
      <div id={`${id}-text`} className="confirm-text">
        {children}
      </div>
      <FormError>{problem}</FormError>
      <div className="confirm-actions">
        <button type="button" className="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button type="button" className="button button-danger" disabled={busy} onClick={onConfirm}>
          {action}
        </button>
      </div>
    </dialog>
  );
}
