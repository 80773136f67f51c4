// Days as "2026-11-23", which is what the server and the date fields speak of. All arithmetic is in UTC, where every
// day has 24 hours.

const length = 86_400_000;

const timeOf = (day: string) => Date.parse(`${day}T00:00:00Z`);
const dayAt = (time: number) => new Date(time).toISOString().slice(0, 10);

/** Today, here. */
export function today(now = new Date()): string {
  return dayAt(Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()));
}

export function addDays(day: string, n: number): string {
  return dayAt(timeOf(day) + n * length);
}

/** The same day of another month, or that month's last when it is shorter. */
export function addMonths(day: string, n: number): string {
  const from = new Date(timeOf(day));
  const month = from.getUTCMonth() + n;
  const last = new Date(Date.UTC(from.getUTCFullYear(), month + 1, 0)).getUTCDate();
  return dayAt(Date.UTC(from.getUTCFullYear(), month, Math.min(from.getUTCDate(), last)));
}

/** Which day of the week it is, 0 for Sunday. */
export function weekday(day: string): number {
  return new Date(timeOf(day)).getUTCDay();
}

/** The weeks of the month that a day is in, whole: `first` is the day that a week begins with, 0 for Sunday. */
export function weeksOf(day: string, first: number): string[][] {
  const month = day.slice(0, 7);
  let at = `${month}-01`;
  at = addDays(at, -((weekday(at) - first + 7) % 7));
  const weeks: string[][] = [];
  do {
    weeks.push(Array.from({ length: 7 }, (_, n) => addDays(at, n)));
    at = addDays(at, 7);
  } while (at.slice(0, 7) === month);
  return weeks;
}

/** The day that weeks begin with where a language is spoken as this browser does: 0 for Sunday. */
export function firstOfWeek(language: string): number {
  const locale: Intl.Locale & { getWeekInfo?: () => { firstDay: number } } = new Intl.Locale(language);
  return (locale.getWeekInfo?.().firstDay ?? 7) % 7;
}
