import { describe, expect, it } from 'vitest';
import { en } from './en';
import { formOf, particle, pieces, type Message } from './format';
import { ko } from './ko';

describe('particle', () => {
  it.each([
    ['민수', '이/가', '가'],
    ['지은', '이/가', '이'],
    ['회의록', '을/를', '을'],
    ['메모', '을/를', '를'],
    ['서울', '으로/로', '로'],
    ['부산', '으로/로', '으로'],
    ['Ada', '은/는', '는'],
    ['Ann', '은/는', '은'],
    ['Bill', '으로/로', '로'],
    ['2023', '을/를', '을'],
    ['2024', '을/를', '를'],
    ['계획(초안)', '을/를', '을'],
    ['', '을/를', '를'],
  ])('%s + %s', (word, pair, want) => {
    expect(particle(word, pair)).toBe(want);
  });
});

describe('pieces', () => {
  it('fills places and leaves other braces alone', () => {
    const fill = (name: string) => ({ a: '1', b: '두 글' })[name] ?? '?';
    expect(pieces('x {a}, “{b}”{b|을/를} {} {', { a: 1, b: '두 글' }, fill).join('')).toBe('x 1, “두 글”을 {} {');
  });
  it('chooses the form by number', () => {
    const message = { one: '{n} page', other: '{n} pages' };
    const rules = new Intl.PluralRules('en');
    expect([0, 1, 2].map((n) => formOf(message, { n }, rules))).toEqual(['{n} pages', '{n} page', '{n} pages']);
    expect(formOf({ other: '{n}쪽' }, { n: 1 }, new Intl.PluralRules('ko'))).toBe('{n}쪽');
  });
});

describe('the Korean catalogue', () => {
  const forms = (message: Message | { one?: string; other: string }) =>
    typeof message === 'string' ? [message] : [message.one, message.other].filter((form) => form !== undefined);
  const places = (message: Message | { one?: string; other: string }) =>
    [...new Set(forms(message).flatMap((form) => [...form.matchAll(/\{([^{}|]+)/g)].map((found) => found[1])))].sort();

  it.each(Object.keys(en) as (keyof typeof en)[])('%s has the places of the English text', (key) => {
    expect(places(ko[key])).toEqual(places(en[key]));
    for (const form of forms(ko[key])) expect(form.trim()).not.toBe('');
  });
});
