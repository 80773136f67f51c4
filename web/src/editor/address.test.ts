import { describe, expect, it } from 'vitest';
import { addressOf, pictureAddressOf } from './address';

describe('addressOf', () => {
  it.each([
    ['https://example.org/a?b#c', 'https://example.org/a?b#c'],
    ['http://example.org', 'http://example.org'],
    [' example.org ', 'https://example.org'],
    ['example.org:8080/x', 'https://example.org:8080/x'],
    ['ada@example.org', 'mailto:ada@example.org'],
    ['mailto:ada@example.org', 'mailto:ada@example.org'],
    ['tel:+82-2-123', 'tel:+82-2-123'],
    ['/d/0190', '/d/0190'],
    ['한국.kr/길', 'https://한국.kr/길'],
    ['javascript:alert(1)', null],
    ['JavaScript:alert(1)', null],
    ['data:text/html,x', null],
    ['vbscript:x', null],
    ['two words', null],
    ['word', null],
    ['', null],
  ])('%s', (typed, want) => {
    expect(addressOf(typed)).toBe(want);
  });
});

describe('pictureAddressOf', () => {
  it.each([
    ['example.org/a.png', 'https://example.org/a.png'],
    ['https://example.org/a.png', 'https://example.org/a.png'],
    ['http://example.org/a.png', null],
    ['/a.png', null],
    ['mailto:ada@example.org', null],
  ])('%s', (typed, want) => {
    expect(pictureAddressOf(typed)).toBe(want);
  });
});
