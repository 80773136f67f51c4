import { useEffect, useId, useRef, useState, type ReactNode } from 'react';

interface Props {
  /** The name of the panel. */
  label: string;
  /** What the button shows, and what it says to those who don't see that. */
  trigger: ReactNode;
  triggerLabel: string;
  triggerClass: string;
  /** On the whole, beside "popover". */
  className?: string;
  testId?: string;
  children: (close: () => void) => ReactNode;
}

/**
 * A button with a panel that hangs below it. The panel takes the focus; Escape, a click elsewhere and moving the focus
 * elsewhere close it, and Escape gives the focus back to the button.
 */
export function Popover({ label, trigger, triggerLabel, triggerClass, className = '', testId, children }: Props) {
  const [open, setOpen] = useState(false);
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    panel.current?.focus({ preventScroll: true });
    const outside = (event: Event) => {
      if (event.target instanceof Node && !whole.current?.contains(event.target)) setOpen(false);
    };
    const key = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    document.addEventListener('keydown', key);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
      document.removeEventListener('keydown', key);
    };
  }, [open]);

  return (
    <div ref={whole} className={`popover ${className}`} data-testid={testId}>
      <button
        ref={button}
        type="button"
        className={triggerClass}
        aria-label={triggerLabel}
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => {
          setOpen(!open);
        }}
      >
        {trigger}
      </button>
      {open ? (
        <div ref={panel} id={id} className="popover-panel" role="dialog" aria-label={label} tabIndex={-1}>
          {children(() => {
            setOpen(false);
          })}
        </div>
      ) : null}
    </div>
  );
}
