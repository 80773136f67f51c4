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
  /** Bytes of the database. */
  database: number;
}

export type Figure = Exclude<keyof Sample, 'at'>;

export function sampleOf(statistics: Statistics, at: number): Sample {
  const { rooms, connections, commits, memory, database } = statistics;
  return { at, rooms, connections, commit: commits.p99, memory: memory.bytes, database: database.bytes };
}

/** How far back curves reach at most, and how wide they are at least, in milliseconds. */
export const reach = { most: 300_000, least: 10_000 };

/** Adds a sample to those of the last minutes. What is as old as that, or of the future, is dropped. */
export function withSample(samples: readonly Sample[], next: Sample): Sample[] {
  return [...samples.filter(({ at }) => at < next.at && at >= next.at - reach.most), next];
}

/** How long the curves of some samples are, in milliseconds: they grow until they reach as far as they may. */
export function widthOf(samples: readonly Sample[]): number {
  const age = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0);
  return Math.min(reach.most, Math.max(reach.least, age));
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

/**
 * The corners of a figure's curve in a box whose width is `long` milliseconds and ends with the newest sample; its
 * highest value touches the top.
 */
export function curve(
  samples: readonly Sample[],
  figure: Figure,
  { long, width, height }: { long: number; width: number; height: number },
): [number, number][] {
  const top = Math.max(...samples.map((sample) => sample[figure]), Number.MIN_VALUE);
  const end = samples.at(-1)?.at ?? 0;
  return samples.map((sample) => [
    width - ((end - sample.at) / long) * width,
    height - (Math.max(0, sample[figure]) / top) * height,
  ]);
}

const storedAs = 'bizsync.samples';

/** The samples of this server that were taken in this tab before, so that a curve goes on where it was. */
export function storedSamples(server: string, now: number): Sample[] {
  try {
    const stored = JSON.parse(window.sessionStorage.getItem(storedAs) ?? 'null') as {
      server: string;
      samples: Sample[];
    } | null;
    if (stored?.server !== server) return [];
    return stored.samples.filter(({ at }) => at < now && at >= now - reach.most);
  } catch {
    return [];
  }
}

export function storeSamples(server: string, samples: readonly Sample[]): void {
  try {
    window.sessionStorage.setItem(storedAs, JSON.stringify({ server, samples }));
  } catch {
    // Then curves begin anew with each visit.
  }
}
