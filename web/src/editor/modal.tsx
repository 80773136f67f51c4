import { useId, useLayoutEffect, useRef, type ReactNode } from 'react';
import { useText } from '../i18n';
import { Icon } from './icons';

/** A dialog over the page. Escape and the cross close it; the focus then goes back to where it came from. */
export function Modal({
  title,
  children,
  onClose,
  testId,
  wide = false,
}: {
  title: string;
  children: ReactNode;
  onClose: () => void;
  testId?: string;
  wide?: boolean;
}) {
  const t = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    (shown?.querySelector<HTMLElement>('[data-autofocus]') ?? shown?.querySelector('h2'))?.focus();
    return () => {
      shown?.close();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={wide ? 'modal modal-wide' : 'modal'}
      aria-labelledby={id}
      data-testid={testId}
      onClose={() => {
        if (!dialog.current?.open) onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className="modal-head">
        <h2 id={id} tabIndex={-1}>
          {title}
        </h2>
        <button type="button" className="icon-button" aria-label={t('common.close')} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      {children}
    </dialog>
  );
}
