const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['minute', 60],
  ['hour', 3600],
  ['day', 86400],
];

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const sameYear = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const otherYear = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });

/** Says a time as people do: "just now", "5 minutes ago", "yesterday", then the date. `now` is in milliseconds. */
export function when(time: string, now: number): string {
  const then = new Date(time);
  const seconds = (now - then.getTime()) / 1000;
  if (Number.isNaN(seconds)) return '';
  if (seconds < 60) return 'just now';
  for (let i = 0; i < steps.length; i++) {
    const [unit, size] = steps[i] ?? ['day', 86400];
    const next = steps[i + 1]?.[1] ?? 7 * 86400;
    if (seconds < next) return relative.format(-Math.floor(seconds / size), unit);
  }
  const thisYear = then.getFullYear() === new Date(now).getFullYear();
  return (thisYear ? sameYear : otherYear).format(then);
}
