import { languageNow, t, type Language } from '../i18n';

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['minute', 60],
  ['hour', 3600],
  ['day', 86400],
];

interface Formats {
  relative: Intl.RelativeTimeFormat;
  sameYear: Intl.DateTimeFormat;
  otherYear: Intl.DateTimeFormat;
  full: Intl.DateTimeFormat;
  date: Intl.DateTimeFormat;
  clock: Intl.DateTimeFormat;
}

const made = new Map<Language, Formats>();

function formats(): Formats {
  const language = languageNow();
  let found = made.get(language);
  if (!found) {
    found = {
      relative: new Intl.RelativeTimeFormat(language, { numeric: 'auto' }),
      sameYear: new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' }),
      otherYear: new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', year: 'numeric' }),
      full: new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }),
      clock: new Intl.DateTimeFormat(language, { timeStyle: 'medium' }),
      date: new Intl.DateTimeFormat(language, { dateStyle: 'medium' }),
    };
    made.set(language, found);
  }
  return found;
}

/** Whether a time is so long ago that `when` gives its date. `now` is in milliseconds. */
export function isDated(time: string, now: number): boolean {
  return now - Date.parse(time) >= 7 * 86_400_000;
}

/** Says a time as people do: "just now", "5 minutes ago", "yesterday", then the date. `now` is in milliseconds. */
export function when(time: string, now: number): string {
  const then = new Date(time);
  const seconds = (now - then.getTime()) / 1000;
  if (Number.isNaN(seconds)) return '';
  if (seconds < 60) return t('when.now');
  const { relative, sameYear, otherYear } = formats();
  for (let i = 0; i < steps.length; i++) {
    const [unit, size] = steps[i] ?? ['day', 86400];
    const next = steps[i + 1]?.[1] ?? 7 * 86400;
    if (seconds < next) return relative.format(-Math.floor(seconds / size), unit);
  }
  const thisYear = then.getFullYear() === new Date(now).getFullYear();
  return (thisYear ? sameYear : otherYear).format(then);
}

/** A time with its date, for who wants to know exactly. */
export function fullTime(time: string | number): string {
  return formats().full.format(new Date(time));
}

/** The date of a time, or of a day as "2027-01-02". */
export function fullDate(time: string): string {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(time);
  return formats().date.format(new Date(day ? `${time}T00:00:00` : time));
}

/** The time of day, to the second. */
export function fullClock(time: number): string {
  return formats().clock.format(time);
}
