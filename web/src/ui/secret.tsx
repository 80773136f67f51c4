import { useId, useRef, useState, type ReactNode } from 'react';
import { useText } from '../i18n';
import { Icon } from './icon';

/** Something that is shown once, to be copied: a link or a key. */
export function Secret({
  value,
  label,
  copyLabel,
  testId,
  children,
}: {
  value: string;
  /** What the value is. */
  label: string;
  copyLabel: string;
  testId: string;
  children: ReactNode;
}) {
  const t = useText();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      // Without permission, or without TLS, it is selected for copying by hand.
      field.current?.select();
    }
  };
  return (
    <div className="callout" role="status" data-testid={testId}>
      {children}
      <div className="copy">
        <label htmlFor={id} className="visually-hidden">
          {label}
        </label>
        <input
          ref={field}
          id={id}
          readOnly
          value={value}
          onFocus={(event) => {
            event.currentTarget.select();
          }}
        />
        <button type="button" className="button" onClick={copy}>
          <Icon name={copied ? 'check' : 'copy'} />
          {copied ? t('common.copied') : copyLabel}
        </button>
      </div>
    </div>
  );
}
