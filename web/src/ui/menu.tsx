import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { Icon, type IconName } from './icon';

export interface MenuItem {
  label: string;
  icon?: IconName;
  /** Said below the label. */
  detail?: string;
  danger?: boolean;
  testId?: string;
  onChoose: () => void;
}

/**
 * A button with a list of things to do. Arrows, Home, End and first letters move in it; Escape and Tab close it, and the
 * focus goes back to the button.
 */
export function Menu({
  label,
  trigger,
  triggerClass = 'icon-button',
  items,
  testId,
}: {
  label: string;
  trigger: ReactNode;
  triggerClass?: string;
  /** A null draws a line. */
  items: (MenuItem | null)[];
  testId?: string | undefined;
}) {
  const [open, setOpen] = useState(false);
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    const shown = list.current;
    // Above the button when there is no room below it, and to its left in any case.
    if (shown) {
      const { bottom, top } = whole.current?.getBoundingClientRect() ?? { bottom: 0, top: 0 };
      const height = shown.offsetHeight + 12;
      shown.dataset.up = String(bottom + height > window.innerHeight && top > height);
      shown.querySelector<HTMLElement>('[role=menuitem]')?.focus({ preventScroll: true });
    }
    const outside = (event: Event) => {
      if (event.target instanceof Node && !whole.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
    };
  }, [open]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const all = [...(list.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const go = (to: number) => {
      event.preventDefault();
      all[(to + all.length) % all.length]?.focus();
    };
    if (event.key === 'ArrowDown') go(at + 1);
    else if (event.key === 'ArrowUp') go(at - 1);
    else if (event.key === 'Home') go(0);
    else if (event.key === 'End') go(-1);
    else if (event.key === 'Escape') {
      event.stopPropagation();
      close();
    } else if (event.key === 'Tab') setOpen(false);
    else if (event.key.length === 1 && event.key !== ' ' && !event.ctrlKey && !event.metaKey) {
      const typed = event.key.toLocaleLowerCase();
      const next = [...all.slice(at + 1), ...all].find((item) =>
        item.textContent.trim().toLocaleLowerCase().startsWith(typed),
      );
      next?.focus();
    }
  };

  return (
    <div ref={whole} className="menu" data-testid={testId}>
      <button
        ref={button}
        type="button"
        className={triggerClass}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => {
          setOpen(!open);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown' && !open) {
            event.preventDefault();
            event.stopPropagation();
            setOpen(true);
          }
        }}
      >
        {trigger}
      </button>
      {open ? (
        <div ref={list} id={id} className="menu-list" role="menu" aria-label={label} onKeyDown={onKeyDown}>
          {items.map((item, at) =>
            item ? (
              <button
                key={item.label}
                type="button"
                role="menuitem"
                tabIndex={-1}
                className={item.danger ? 'menu-item menu-danger' : 'menu-item'}
                data-testid={item.testId}
                onClick={() => {
                  close();
                  item.onChoose();
                }}
              >
                {item.icon ? <Icon name={item.icon} /> : null}
                <span>
                  {item.label}
                  {item.detail ? <span className="menu-detail">{item.detail}</span> : null}
                </span>
              </button>
            ) : (
              <div key={`line-${at}`} role="separator" className="menu-line" />
            ),
          )}
        </div>
      ) : null}
    </div>
  );
}
