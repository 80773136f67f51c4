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
 * elsewhere close it; unless it is elsewhere then, the focus goes back to the button.
 */
export function Popover({ label, trigger, triggerLabel, triggerClass, className = '', testId, children }: Props) {
  const [open, setOpen] = useState(false);
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    // Unless something in it has taken the focus by itself.
    if (!panel.current?.contains(document.activeElement)) panel.current?.focus({ preventScroll: true });
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
    const trigger = button.current;
    return () => {
      // What had the focus is gone with the panel.
      if (document.activeElement === document.body) trigger?.focus();
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
