import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import { useLanguage, useText } from '../i18n';
import { addDays, addMonths, firstOfWeek, today, weekday, weeksOf } from './day';
import { Icon } from './icon';
import { Popover } from './popover';
import { fullDate } from './when';

/** The way to the day that a key leads to from another, or null. */
function stepOf(key: string, day: string, first: number): string | null {
  const inWeek = (weekday(day) - first + 7) % 7;
  switch (key) {
    case 'ArrowLeft':
      return addDays(day, -1);
    case 'ArrowRight':
      return addDays(day, 1);
    case 'ArrowUp':
      return addDays(day, -7);
    case 'ArrowDown':
      return addDays(day, 7);
    case 'Home':
      return addDays(day, -inWeek);
    case 'End':
      return addDays(day, 6 - inWeek);
    case 'PageUp':
      return addMonths(day, -1);
    case 'PageDown':
      return addMonths(day, 1);
    default:
      return null;
  }
}

function Calendar({
  value,
  min,
  max,
  onChoose,
}: {
  value: string;
  min: string;
  max: string;
  onChoose: (day: string) => void;
}) {
  const t = useText();
  const language = useLanguage();
  const id = useId();
  const [at, setAt] = useState(value || today());
  const grid = useRef<HTMLTableElement>(null);
  // Only keys move the focus: whoever turns the month with its buttons stays on them.
  const moved = useRef(true);
  const first = firstOfWeek(navigator.language || language);
  const weeks = weeksOf(at, first);
  const format = (day: string, options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(language, { ...options, timeZone: 'UTC' }).format(new Date(day));
  const allowed = (day: string) => (!min || day >= min) && (!max || day <= max);

  useEffect(() => {
    if (!moved.current) return;
    moved.current = false;
    grid.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
  }, [at]);

  const onKeyDown = (event: KeyboardEvent) => {
    const next = stepOf(event.key, at, first);
    if (!next) return;
    event.preventDefault();
    moved.current = true;
    setAt(next);
  };

  return (
    <div className="calendar">
      <div className="calendar-head">
        <button
          type="button"
          className="icon-button icon-button-small calendar-before"
          aria-label={t('date.monthBefore')}
          onClick={() => {
            setAt(addMonths(at, -1));
          }}
        >
          <Icon name="chevron" />
        </button>
        <span id={id} aria-live="polite">
          {format(at, { month: 'long', year: 'numeric' })}
        </span>
        <button
          type="button"
          className="icon-button icon-button-small calendar-after"
          aria-label={t('date.monthAfter')}
          onClick={() => {
            setAt(addMonths(at, 1));
          }}
        >
          <Icon name="chevron" />
        </button>
      </div>
      <table ref={grid} role="grid" aria-labelledby={id} onKeyDown={onKeyDown}>
        <thead>
          <tr>
            {weeks[0]?.map((day) => (
              <th key={day} scope="col" abbr={format(day, { weekday: 'long' })}>
                {format(day, { weekday: language === 'ko' ? 'narrow' : 'short' })}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={week[0]}>
              {week.map((day) => (
                <td key={day} role="gridcell" aria-selected={day === value}>
                  <button
                    type="button"
                    tabIndex={day === at ? 0 : -1}
                    aria-label={format(day, { dateStyle: 'full' })}
                    aria-current={day === today() ? 'date' : undefined}
                    data-out={day.slice(0, 7) !== at.slice(0, 7)}
                    disabled={!allowed(day)}
                    onClick={() => {
                      onChoose(day);
                    }}
                  >
                    {Number(day.slice(8))}
                  </button>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/**
 * A day to choose from a calendar, in the application's language: browsers' own date fields are in theirs. The value is
 * "2026-11-23", or '' for none. Days before `min` and after `max` can't be chosen.
 */
export function DateField({
  label,
  value,
  min = '',
  max = '',
  onChange,
}: {
  label: string;
  value: string;
  min?: string;
  max?: string;
  onChange: (day: string) => void;
}) {
  const t = useText();
  const shown = value ? fullDate(value) : t('date.any');
  return (
    <div className="date">
      <span className="date-label" aria-hidden="true">
        {label}
      </span>
      <Popover
        label={label}
        trigger={
          <>
            <span className={value ? '' : 'quiet'}>{shown}</span>
            <Icon name="calendar" size={16} />
          </>
        }
        triggerLabel={`${label}: ${shown}`}
        triggerClass="date-button"
      >
        {(close) => (
          <>
            <Calendar
              value={value}
              min={min}
              max={max}
              onChoose={(day) => {
                onChange(day);
                close();
              }}
            />
            {value ? (
              <button
                type="button"
                className="button button-quiet button-small date-none"
                onClick={() => {
                  onChange('');
                  close();
                }}
              >
                {t('date.none')}
              </button>
            ) : null}
          </>
        )}
      </Popover>
    </div>
  );
}
