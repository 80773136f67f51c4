import { getSchema } from '@tiptap/core';
import StarterKit from '@tiptap/starter-kit';
import { describe, expect, it } from 'vitest';
import { Counter, lengthOf, minutesToRead } from './length';

describe('lengthOf', () => {
  it.each([
    ['', 0, 0, 0],
    ['   ', 0, 3, 0],
    ['one two', 2, 7, 6],
    ["don't re-read v1.2", 3, 18, 16],
    ['문서를 함께 씁니다.', 3, 11, 9],
    ['日本語のword', 5, 8, 8],
    ['👩‍👩‍👧 🇰🇷', 0, 3, 2],
    ['e\u0301te\u0301', 1, 3, 3],
    ['— … !', 0, 5, 3],
  ])('%s', (text, words, characters, withoutSpaces) => {
    expect(lengthOf(text)).toMatchObject({ words, characters, withoutSpaces });
  });
});

describe('minutesToRead', () => {
  it.each([
    [0, 1],
    [329, 1],
    [331, 2],
    [22_000, 100],
  ])('%d words', (words, want) => {
    expect(minutesToRead(words)).toBe(want);
  });
});

describe('Counter', () => {
  const schema = getSchema([StarterKit]);
  const line = (type: string, text: string, attrs = {}) => schema.node(type, attrs, text ? [schema.text(text)] : []);

  it('sums the blocks, nested ones too, and lists the headings', () => {
    const doc = schema.node('doc', null, [
      line('heading', 'Harvest plan', { level: 1 }),
      line('paragraph', 'Apples and pears.'),
      schema.node('blockquote', null, [line('heading', '', { level: 2 }), line('paragraph', 'Said Ada.')]),
    ]);
    const counter = new Counter();
    const facts = counter.facts(doc);
    expect(facts.length).toEqual({ words: 7, characters: 38, withoutSpaces: 34, paragraphs: 3 });
    expect(facts.headings).toEqual([
      { level: 1, text: 'Harvest plan', at: 0 },
      { level: 2, text: '', at: 34 },
    ]);
    expect(counter.facts(doc)).toEqual(facts);
  });
});
