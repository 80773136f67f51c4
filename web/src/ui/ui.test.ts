import { describe, expect, it } from 'vitest';
import { initialsOf } from './avatar';
import { colourOf } from './colour';
import { deviceName } from './device';
import { when } from './when';

describe('when', () => {
  const now = new Date(2026, 10, 23, 12, 0, 0).getTime();
  const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
  it.each([
    [0, 'just now'],
    [-5, 'just now'], // the server's clock is a little ahead
    [59, 'just now'],
    [60, '1 minute ago'],
    [3599, '59 minutes ago'],
    [3600, '1 hour ago'],
    [86399, '23 hours ago'],
    [86400, 'yesterday'],
    [6 * 86400, '6 days ago'],
    [8 * 86400, 'Nov 15'],
    [365 * 86400, 'Nov 23, 2025'],
  ])('%d seconds ago', (seconds, want) => {
    expect(when(ago(seconds), now)).toBe(want);
  });
});

describe('colourOf', () => {
  // Relative luminance and contrast as WCAG 2 defines them.
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5]
      .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };

  it('answers the same colour for the same person', () => {
    expect(colourOf('0190-a')).toBe(colourOf('0190-a'));
  });

  it('uses all twelve colours, each dark enough for white letters', () => {
    const colours = new Set(Array.from({ length: 500 }, (_, i) => colourOf(`person ${i}`)));
    expect(colours.size).toBe(12);
    for (const colour of colours) {
      expect(1.05 / (luminance(colour) + 0.05), colour).toBeGreaterThanOrEqual(4.5);
    }
  });
});

describe('initialsOf', () => {
  it.each([
    ['Ada Lovelace', 'AL'],
    ['ada', 'A'],
    ['  Jean  Luc  Picard ', 'JP'],
    ['', '?'],
    ['😀 smile', '😀S'],
  ])('%s', (name, want) => {
    expect(initialsOf(name)).toBe(want);
  });
});

describe('deviceName', () => {
  const mozilla = 'Mozilla/5.0 ';
  it.each([
    [
      `${mozilla}(X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36`,
      'Chrome on Linux',
    ],
    [
      `${mozilla}(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0`,
      'Edge on Windows',
    ],
    [
      `${mozilla}(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15`,
      'Safari on macOS',
    ],
    [
      `${mozilla}(iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/130.0 Mobile/15E148`,
      'Firefox on iPhone',
    ],
    [
      `${mozilla}(Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36`,
      'Chrome on Android',
    ],
    ['curl/8.5.0', 'curl'],
    ['', 'Unknown device'],
  ])('%s', (agent, want) => {
    expect(deviceName(agent)).toBe(want);
  });
});
