import { languageNow, t } from '../i18n';
import type { Statistics } from '../api/types';

/** The figures of one moment that are worth a curve. */
export interface Sample {
  at: number;
  rooms: number;
  connections: number;
  /** 99th percentile of commits, in seconds; 0 when there were none lately. */
  commit: number;
  /** Bytes of the process. */
  memory: number;
}

export function sampleOf(statistics: Statistics, at: number): Sample {
  const { rooms, connections, commits, memory } = statistics;
  return { at, rooms, connections, commit: commits.p99, memory: memory.bytes };
}

/** Adds a sample to those of the last minutes. */
export function withSample(samples: readonly Sample[], next: Sample, most: number): Sample[] {
  return [...samples, next].slice(-most);
}

/** A size as people say it, to three digits: "68 MB". Units are powers of a thousand, as disks are sold. */
export function size(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return new Intl.NumberFormat(languageNow(), {
    style: 'unit',
    unit: units[unit] ?? 'byte',
    unitDisplay: 'short',
    maximumSignificantDigits: 3,
  }).format(value);
}

/** A short time as people say it: "1.3 ms", "2.1 s". */
export function duration(seconds: number): string {
  const short = seconds < 1;
  return new Intl.NumberFormat(languageNow(), {
    style: 'unit',
    unit: short ? 'millisecond' : 'second',
    unitDisplay: 'short',
    maximumSignificantDigits: 2,
  }).format(short ? seconds * 1000 : seconds);
}

/** How long something has been up: "12 s", "5 min", "3 h 20 min", "4 d 2 h". */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (Number.isNaN(whole)) return '';
  if (whole < 60) return t('when.seconds', { n: whole });
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return t('when.minutes', { n: minutes });
  const hours = Math.floor(minutes / 60);
  const rest = (first: string, n: number, second: string) => (n === 0 ? first : `${first} ${second}`);
  if (hours < 24) {
    return rest(t('when.hours', { n: hours }), minutes % 60, t('when.minutes', { n: minutes % 60 }));
  }
  const days = Math.floor(hours / 24);
  return rest(t('when.days', { n: days }), hours % 24, t('when.hours', { n: hours % 24 }));
}

/** The corners of a curve through `values` in a box, from the oldest at the left to the newest at the right. */
export function curve(values: readonly number[], width: number, height: number, most: number): [number, number][] {
  const top = Math.max(...values, Number.MIN_VALUE);
  const step = width / Math.max(1, most - 1);
  return values.map((value, at) => [
    width - (values.length - 1 - at) * step,
    height - (Math.max(0, value) / top) * height,
  ]);
}
